//! A scorer as bytes, for keeping. Weights are kept in single precision, which is what was fitted.

use crate::histories::Item;
use crate::model::{Model, Sparse};
use crate::scorer::Scorer;

const MAGIC: &[u8; 8] = b"daybook1";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("these bytes are no model")]
    NoModel,
    #[error("only models with few weights are kept")]
    NotSparse,
}

impl Scorer {
    /// # Errors
    /// If a part is not sparse: [`Model::strongest`] makes it so.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Unreadable> {
        let mut bytes = MAGIC.to_vec();
        put(&mut bytes, self.parts().len());
        put(&mut bytes, self.items());
        for (weight, model) in self.parts() {
            let Model::Sparse(sparse) = model else { return Err(Unreadable::NotSparse) };
            bytes.extend((*weight as f32).to_le_bytes());
            for row in 0..sparse.rows() {
                put(&mut bytes, sparse.row(row).count());
                for (item, weight) in sparse.row(row) {
                    bytes.extend(item.to_le_bytes());
                    bytes.extend((weight as f32).to_le_bytes());
                }
            }
        }
        Ok(bytes)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut rest = Rest(bytes.strip_prefix(MAGIC).ok_or(Unreadable::NoModel)?);
        let (parts, items) = (rest.number()?, rest.number()?);
        let parts: Vec<(f64, Model)> = (0..parts)
            .map(|_| {
                let weight = rest.float()?;
                let rows = (0..items).map(|_| rest.row(items)).collect::<Result<Vec<_>, _>>()?;
                Ok((weight, Model::Sparse(Sparse::of(rows))))
            })
            .collect::<Result<_, Unreadable>>()?;
        match rest.0.is_empty() && !parts.is_empty() {
            true => Ok(Self::blend(parts)),
            false => Err(Unreadable::NoModel),
        }
    }
}

fn put(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend((number as u32).to_le_bytes());
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn four(&mut self) -> Result<[u8; 4], Unreadable> {
        let (four, rest) = self.0.split_first_chunk().ok_or(Unreadable::NoModel)?;
        self.0 = rest;
        Ok(*four)
    }

    fn number(&mut self) -> Result<usize, Unreadable> {
        Ok(u32::from_le_bytes(self.four()?) as usize)
    }

    fn float(&mut self) -> Result<f64, Unreadable> {
        let float = f32::from_le_bytes(self.four()?);
        if float.is_finite() { Ok(float.into()) } else { Err(Unreadable::NoModel) }
    }

    /// Items ascend and are among all items, or a look-up would miss or go astray.
    fn row(&mut self, items: usize) -> Result<Vec<(Item, f64)>, Unreadable> {
        let count = self.number()?;
        let mut row: Vec<(Item, f64)> = Vec::new();
        for _ in 0..count {
            let (item, weight) = (self.number()? as Item, self.float()?);
            let ascends = row.last().is_none_or(|(last, _)| *last < item);
            if !ascends || item as usize >= items {
                return Err(Unreadable::NoModel);
            }
            row.push((item, weight));
        }
        Ok(row)
    }
}
