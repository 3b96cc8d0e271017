//! The Mersenne Twister of Matsumoto and Nishimura (1998), for draws that others can repeat.

const STATE: usize = 624;
const MIDDLE: usize = 397;

#[derive(Debug, Clone)]
pub struct Mt19937 {
    state: [u32; STATE],
    next: usize,
}

impl Mt19937 {
    /// `init_genrand` of the reference implementation.
    pub fn seeded(seed: u32) -> Self {
        let mut state = [0; STATE];
        state[0] = seed;
        for i in 1..STATE {
            let before = state[i - 1];
            let mixed = (before ^ (before >> 30)).wrapping_mul(1_812_433_253);
            state[i] = mixed.wrapping_add(i as u32);
        }
        Self { state, next: STATE }
    }

    pub fn next_u32(&mut self) -> u32 {
        if self.next == STATE {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Uniform in [0, 1), with 53 bits.
    pub fn next_f64(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    fn twist(&mut self) {
        for i in 0..STATE {
            let (here, there) = (self.state[i], self.state[(i + 1) % STATE]);
            let y = (here & 0x8000_0000) | (there & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + MIDDLE) % STATE] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_first_numbers_are_those_of_everybody_else() {
        let mut draws = Mt19937::seeded(42);
        for expected in [0.374_540_118_847_36, 0.950_714_306_409_92, 0.731_993_941_811_41] {
            let drawn = draws.next_f64();
            assert!((drawn - expected).abs() < 1e-13, "{drawn}");
        }
    }
}
