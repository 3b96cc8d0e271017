//! Routes of many slices as one API.

use utoipa_axum::router::OpenApiRouter;

/// Merges what slices offer, and lets no process start in whose description two types have one
/// name: one of them would silently stand for both.
pub struct Slices<S>(OpenApiRouter<S>);

impl<S: Clone + Send + Sync + 'static> Slices<S> {
    #[expect(clippy::new_without_default, reason = "it is the beginning of a chain")]
    pub fn new() -> Self {
        Self(OpenApiRouter::new())
    }

    /// # Panics
    /// If a type of another slice has a name of this one's: `#[schema(as = X)]` gives it another.
    #[must_use]
    pub fn merge(self, slice: OpenApiRouter<S>) -> Self {
        let ours = self.0.get_openapi().components.as_ref();
        let theirs = slice.get_openapi().components.as_ref();
        for (name, schema) in theirs.into_iter().flat_map(|theirs| &theirs.schemas) {
            let known = ours.and_then(|ours| ours.schemas.get(name));
            assert!(
                known.is_none_or(|known| known == schema),
                "two types are called {name} in the description: name one of them otherwise"
            );
        }
        Self(self.0.merge(slice))
    }

    pub fn with_state<T>(self, state: S) -> OpenApiRouter<T> {
        self.0.with_state(state)
    }

    pub fn into_router(self) -> OpenApiRouter<S> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use utoipa::ToSchema;
    use utoipa_axum::routes;

    use super::*;

    mod books {
        use super::*;

        #[derive(ToSchema)]
        #[expect(dead_code, reason = "only described")]
        pub struct Entry {
            title: String,
        }

        #[utoipa::path(get, path = "/books", responses((status = 200, body = Entry)))]
        pub async fn get() {}
    }

    mod orders {
        use super::*;

        #[derive(ToSchema)]
        #[expect(dead_code, reason = "only described")]
        pub struct Entry {
            total: u64,
        }

        #[utoipa::path(get, path = "/orders", responses((status = 200, body = Entry)))]
        pub async fn get() {}
    }

    fn slices() -> Slices<()> {
        Slices::new().merge(OpenApiRouter::new().routes(routes!(books::get)))
    }

    #[test]
    fn slices_may_share_a_type() {
        #[utoipa::path(get, path = "/book", responses((status = 200, body = books::Entry)))]
        async fn one() {}
        let both = slices().merge(OpenApiRouter::new().routes(routes!(one)));
        assert_eq!(both.into_router().into_openapi().paths.paths.len(), 2);
    }

    #[test]
    fn no_process_starts_with_two_types_of_one_name() {
        let both = || slices().merge(OpenApiRouter::new().routes(routes!(orders::get)));
        let refused = std::panic::catch_unwind(both).err().expect("it is refused");
        let said = refused.downcast_ref::<String>().expect("it says why");
        assert!(said.contains("two types are called Entry"), "{said}");
    }
}
