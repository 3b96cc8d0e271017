//! A text's meaning as a direction.

/// How many numbers a vector has.
pub const DIMENSIONS: usize = 384;

/// A direction: of length 1, so that the product of two is the cosine of their angle.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector(Box<[f32]>);

impl Vector {
    /// Any numbers that have a direction; None for others, or if there are too many or too few.
    pub fn new(numbers: impl Into<Box<[f32]>>) -> Option<Self> {
        let mut numbers = numbers.into();
        let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
        if numbers.len() != DIMENSIONS || !length.is_normal() {
            return None;
        }
        for number in &mut numbers {
            *number /= length;
        }
        Some(Self(numbers))
    }

    /// What lies between them all; None of nothing, or where they cancel each other out.
    pub fn mean(vectors: &[Self]) -> Option<Self> {
        let mut sums = vec![0.0; DIMENSIONS];
        for vector in vectors {
            for (sum, number) in sums.iter_mut().zip(vector.numbers()) {
                *sum += number;
            }
        }
        Self::new(sums)
    }

    /// 1 for the same meaning, 0 for none in common.
    pub fn cosine(&self, other: &Self) -> f32 {
        dot(&self.0, &other.0)
    }

    /// Little-endian, 4 bytes a number.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        if rest.is_empty() { Self::new(numbers) } else { None }
    }

    pub fn numbers(&self) -> &[f32] {
        &self.0
    }
}

/// In eight sums at a time, which the compiler turns into vector instructions.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toward(dimension: usize) -> Vec<f32> {
        let mut numbers = vec![0.0; DIMENSIONS];
        numbers[dimension] = 3.0;
        numbers
    }

    #[test]
    fn length_does_not_matter_and_direction_does() {
        let [east, north] = [0, 1].map(|dimension| Vector::new(toward(dimension)).expect("a test"));
        assert_eq!(east.cosine(&east), 1.0);
        assert_eq!(east.cosine(&north), 0.0);
    }

    #[test]
    fn the_mean_is_as_near_to_each() {
        let both = [0, 1].map(|dimension| Vector::new(toward(dimension)).expect("a test"));
        let mean = Vector::mean(&both).expect("a test");
        for vector in &both {
            assert!((mean.cosine(vector) - 0.5_f32.sqrt()).abs() < 1e-6);
        }
        assert_eq!(Vector::mean(&[]), None);
    }

    #[test]
    fn bytes_bring_it_back() {
        let vector = Vector::new((0..384).map(|n| n as f32).collect::<Vec<_>>()).expect("a test");
        let again = Vector::from_bytes(&vector.to_bytes()).expect("a test");
        assert!((vector.cosine(&again) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        assert_eq!(Vector::new(vec![0.0; DIMENSIONS]), None);
        assert_eq!(Vector::new(vec![f32::NAN; DIMENSIONS]), None);
        assert_eq!(Vector::new(vec![1.0; 3]), None);
        assert_eq!(Vector::from_bytes(&[1, 2, 3]), None);
    }
}
