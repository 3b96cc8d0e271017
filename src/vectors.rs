//! Where the nearest texts are looked for, as the settings say.

use anyhow::{Context, ensure};
use processes::Address;
use processes::vectors::Vectors;
use sqlx::PgPool;

use crate::providers::address;
use crate::settings::{Secret, Settings, VectorIndex};

const NAME_MAX: usize = 60;

/// An error says which setting to change.
pub async fn open(settings: &Settings, pool: &PgPool) -> anyhow::Result<Vectors> {
    match settings.vector_index {
        VectorIndex::Memory => Ok(Vectors::Memory),
        VectorIndex::Postgres => {
            let vectors = Vectors::postgres(pool).await;
            vectors.context("the setting vector_index is `postgres`, but")
        }
        VectorIndex::Qdrant => {
            let address = qdrant_address(settings)?
                .context("the setting vector_index is `qdrant`, but qdrant_url is not set")?;
            let name = &settings.qdrant_collection;
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            ensure!(
                (1..=NAME_MAX).contains(&name.len()) && name.chars().all(is_name),
                "the setting qdrant_collection: 1 to {NAME_MAX} letters, digits, `-` and `_`"
            );
            let key = settings.qdrant_api_key.as_ref().map(Secret::expose);
            Vectors::qdrant(address, key, name).context("Qdrant cannot be asked")
        }
    }
}

/// None unless Qdrant is what is used.
pub fn qdrant_address(settings: &Settings) -> anyhow::Result<Option<Address>> {
    match settings.vector_index {
        VectorIndex::Qdrant => address("qdrant_url", settings.qdrant_url.as_deref()),
        VectorIndex::Memory | VectorIndex::Postgres => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn qdrant_needs_an_address_and_a_name_that_a_path_can_have() {
        let pool = PgPool::connect_lazy("postgresql://nobody@localhost/nothing").expect("a test");
        let error = async |settings: &Settings| {
            open(settings, &pool).await.err().map(|error| format!("{error:#}")).unwrap_or_default()
        };
        let vector_index = VectorIndex::Qdrant;
        let mut settings = Settings { vector_index, ..Settings::default() };
        assert!(error(&settings).await.contains("qdrant_url is not set"));
        settings.qdrant_url = Some("localhost:6333".to_owned());
        assert!(error(&settings).await.contains("the setting qdrant_url"));
        settings.qdrant_url = Some("http://localhost:6333".to_owned());
        assert_eq!(error(&settings).await, "");
        settings.qdrant_collection = "a/b".to_owned();
        assert!(error(&settings).await.contains("qdrant_collection"));
        settings.qdrant_collection = "a_b".to_owned();
        settings.qdrant_api_key = Some(Secret::new("two\nlines"));
        let said = error(&settings).await;
        assert!(said.contains("the token has characters") && !said.contains("two"), "{said}");
    }
}
