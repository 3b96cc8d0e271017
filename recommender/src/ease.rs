//! EASE^R (Steck, 2019): the linear model that reconstructs every history best without using an
//! item for itself, in closed form.
//!
//! With counts `G` and `P = (G + λI)⁻¹`, an item `i` gains `-P[j][i] / P[i][i]` from a liked `j`.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltParams, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::{Accum, Mat, Par, Spec};

use crate::counts::Counts;
use crate::histories::{Histories, Item};
use crate::model::Model;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFitted {
    #[error("lambda must be above 0")]
    Lambda,
    #[error("these counts have no inverse")]
    Singular,
}

/// `lambda` pulls weights towards zero: about 500 for a thousand people. The same counts, lambda
/// and number of threads make the same model, bit for bit.
pub fn fit(counts: &Counts, lambda: f64, threads: usize) -> Result<Model, NotFitted> {
    if !(lambda.is_finite() && lambda > 0.0) {
        return Err(NotFitted::Lambda);
    }
    let inverse = inverse(counts, lambda, threads)?;
    let items = counts.items();
    // Only the lower half of the inverse is there.
    let at = |i: usize, j: usize| if i >= j { inverse[(i, j)] } else { inverse[(j, i)] };
    let mut weights = Vec::with_capacity(items * items);
    let diagonal: Vec<f64> = (0..items).map(|item| inverse[(item, item)]).collect();
    for liked in 0..items {
        weights.extend((0..items).map(|item| match liked == item {
            true => 0.0,
            false => (-at(liked, item) / diagonal[item]) as f32,
        }));
    }
    Ok(Model::Dense { items, weights })
}

/// The `strongest` weights towards each item, for the `most` items that most people like: what a
/// fit costs grows with the cube of them. The others gain nothing.
pub fn fit_best_known(
    histories: &Histories,
    most: usize,
    lambda: f64,
    strongest: usize,
    threads: usize,
) -> Result<Model, NotFitted> {
    let best = best_known(histories, most);
    let counts = Counts::of(&histories.only(&best), threads);
    let fitted = fit(&counts, lambda, threads)?.strongest(strongest);
    Ok(fitted.renamed(&best, histories.items()))
}

/// The items that most people like, at most so many, ascending.
pub fn best_known(histories: &Histories, most: usize) -> Vec<Item> {
    let mut people = vec![0; histories.items()];
    histories.iter().flatten().for_each(|item| people[*item as usize] += 1);
    let mut best: Vec<Item> = (0..histories.items() as Item).collect();
    best.sort_by_key(|item| std::cmp::Reverse(people[*item as usize]));
    best.truncate(most);
    best.sort_unstable();
    best
}

/// The lower half of `(G + λI)⁻¹`, with two matrices in memory instead of the library's three.
fn inverse(counts: &Counts, lambda: f64, threads: usize) -> Result<Mat<f64>, NotFitted> {
    let items = counts.items();
    let par = Par::rayon(threads);
    let mut matrix = Mat::from_fn(items, items, |i, j| {
        let count = f64::from(counts.together(i, j));
        if i == j { count + lambda } else { count }
    });
    let params: Spec<LltParams, f64> = Spec::default();
    let scratch = cholesky_in_place_scratch::<f64>(items, par, params);
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(matrix.as_mut(), LltRegularization::default(), par, stack, params)
        .map_err(|_| NotFitted::Singular)?;
    let mut lower = Mat::zeros(items, items);
    invert_lower_triangular(lower.as_mut(), matrix.as_ref(), par);
    triangular::matmul(
        matrix.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        lower.transpose(),
        BlockStructure::TriangularUpper,
        lower.as_ref(),
        BlockStructure::TriangularLower,
        1.0,
        par,
    );
    Ok(matrix)
}
