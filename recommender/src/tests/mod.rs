//! Worlds whose truth we know.

mod counting;
mod evaluating;
mod keeping;
mod recommending;

use crate::Planted;

const WORLD: Planted =
    Planted { seed: 7, people: 400, items: 120, tastes: 6, liked: 14, faithful: 0.8 };
