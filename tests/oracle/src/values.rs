//! Random numbers, weighted to the places where instructions break.

/// What the numbers of a case have in common, so that two operands meet at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Nothing.
    #[default]
    Any,
    /// They are the last and first ones of their classes.
    Edges,
    /// Most exponents are the highest, the others are about that of 1.
    Overflow,
    /// Most exponents are the lowest, the others are about that of 1.
    Underflow,
}

/// What most lanes of vector registers hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lanes {
    /// Whatever comes.
    #[default]
    Any,
    /// Doubles.
    Doubles,
    /// Singles.
    Singles,
    /// Half-precision numbers.
    Halves,
    /// Integers.
    Integers,
}

/// A small generator (xorshift64*), the same on every host.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    theme: Theme,
    lanes: Lanes,
}

impl Random {
    /// A generator for this seed.
    pub fn new(seed: u64) -> Self {
        // One round of splitmix64: neighbouring seeds give unrelated sequences.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self { state: (z ^ z >> 31) | 1, theme: Theme::Any, lanes: Lanes::Any }
    }

    /// Begins a case whose instruction works on such lanes.
    pub fn begin(&mut self, lanes: Lanes) {
        self.theme = match self.below(12) {
            0 => Theme::Edges,
            1 => Theme::Overflow,
            2 => Theme::Underflow,
            _ => Theme::Any,
        };
        self.lanes = lanes;
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.bits() >> 33) % limit
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// An integer of any width: small, at a sign or carry edge, a power of two, a pattern of
    /// extreme bytes, or anything.
    pub fn integer(&mut self) -> u64 {
        // 25 and 54: where singles and doubles begin to leave integers out.
        let bits = self.pick(&[8, 16, 32, 64, 25, 54]);
        match self.below(8) {
            0 => self.below(4),
            1 => self.below(4).wrapping_neg(),
            // 0, 1, -1 of each width, and the edges of its sign and carry.
            2 => (1u64 << (bits - 1)).wrapping_add(self.below(3)).wrapping_sub(1),
            3 => (u64::MAX >> (64 - bits)).wrapping_sub(self.below(3)),
            // Powers of two and their neighbours, and sums of two: where a conversion begins to round.
            4 => match self.below(3) {
                0 => 1 << self.below(64),
                1 => (1u64 << self.below(64)).wrapping_add(self.below(3)).wrapping_sub(1),
                _ => (1u64 << self.below(64)) + (1 << self.below(63)) / 2,
            },
            5 => (0..8).map(|n| self.pick(&[0, 1, 0x7f, 0x80, 0xff]) << (8 * n)).sum(),
            6 => self.below(72),
            _ => self.bits(),
        }
    }

    /// Bits of a floating-point number with these many bits of exponent and fraction: zeros,
    /// denormals, ones at the limits of the format and of integer conversions, infinities, both
    /// kinds of NaN, ordinary ones.
    fn float(&mut self, exponent_bits: u32, fraction_bits: u32) -> (u64, u64, u64) {
        let sign = self.below(2);
        let ones = (1u64 << fraction_bits) - 1;
        if self.theme == Theme::Edges {
            let (exponent, fraction) = self.edge(exponent_bits, fraction_bits);
            return (sign, exponent, fraction);
        }
        let fraction = match self.below(7) {
            0 | 1 => 0,
            2 => self.below(4),
            3 => ones - self.below(4),
            4 => 1 << self.below(u64::from(fraction_bits)),
            5 => 1 << (fraction_bits - 1) | self.below(2),
            _ => self.bits() & ones,
        };
        let top = (1u64 << exponent_bits) - 1;
        let bias = top >> 1;
        let exponent = match self.below(9) {
            0..=5 if self.theme == Theme::Overflow => top - 1 - self.below(2),
            0..=5 if self.theme == Theme::Underflow => self.below(3),
            _ if matches!(self.theme, Theme::Overflow | Theme::Underflow) => bias - 2 + self.below(4),
            0 => 0,
            1 => top,
            2 => 1 + self.below(3),
            3 => top - 1 - self.below(3),
            4 if self.one_in(2) => bias + self.pick(&[14, 15, 16, 30, 31, 32, 51, 52, 53, 62, 63, 64]),
            4 => bias + self.below(68),
            // Near the limits of single and double.
            5 => bias.saturating_add(self.below(300)).saturating_sub(150) & top,
            6 | 7 => bias - 3 + self.below(8),
            _ => self.below(top + 1),
        };
        (sign, exponent, fraction)
    }

    /// Exponent and fraction of the first or last number of a class, of one beside 1, of what makes a sum
    /// with it a tie, or of one at the edge of an integer format.
    fn edge(&mut self, exponent_bits: u32, fraction_bits: u32) -> (u64, u64) {
        let ones = (1u64 << fraction_bits) - 1;
        let top = (1u64 << exponent_bits) - 1;
        let bias = top >> 1;
        let integer = bias + self.pick(&[15, 16, 31, 32, 63, 64]);
        // Half of the last place of 1: sums with it lie in the middle.
        let half = bias - u64::from(fraction_bits) - 1;
        self.pick(&[
            (half, 0),
            (half, 1),
            (0, 0),
            (0, 1),
            (0, ones),
            (1, 0),
            (1, 1),
            (bias - 1, 0),
            (bias - 1, ones),
            (bias, 0),
            (bias, 1),
            (integer.min(top), 0),
            ((integer - 1).min(top), ones),
            (top - 1, ones),
            (top, 0),
            (top, 1),
            (top, ones / 2 + 1),
        ])
    }

    /// Bits of a single.
    pub fn single(&mut self) -> u32 {
        let (sign, exponent, fraction) = self.float(8, 23);
        (sign << 31 | exponent << 23 | fraction) as u32
    }

    /// Bits of a double.
    pub fn double(&mut self) -> u64 {
        let (sign, exponent, fraction) = self.float(11, 52);
        sign << 63 | exponent << 52 | fraction
    }

    /// An 80-bit extended number: significand, sign and exponent. Now and then one whose integer
    /// bit does not fit its exponent.
    pub fn extended(&mut self) -> (u64, u16) {
        if self.one_in(8) {
            return self.whole();
        }
        let (sign, exponent, mut fraction) = self.float(15, 63);
        if self.one_in(3) {
            // A number that is exact in double or single, or just is not.
            fraction &= u64::MAX << self.pick(&[9u32, 10, 11, 12, 38, 39, 40, 41]);
        }
        let exponent = match self.below(8) {
            // The limits of double and of single.
            0 => {
                self.pick(&[0x3fffu64 - 1023, 0x3fff + 1023, 0x3fff - 127, 0x3fff + 127]) - 2 + self.below(5)
            }
            _ => exponent,
        };
        let regular = u64::from(exponent != 0);
        let integer = if self.one_in(12) { self.below(2) } else { regular };
        (integer << 63 | fraction, (sign << 15 | exponent) as u16)
    }

    /// An extended number that is an integer, or some quarters more: around the limits of integer
    /// formats and of eighteen decimal digits.
    fn whole(&mut self) -> (u64, u16) {
        const DIGITS: u64 = 1_000_000_000_000_000_000;
        let magnitude = match self.below(4) {
            0 => DIGITS - 1 + self.below(3),
            1 => self.below(1 << 18),
            _ => (self.integer() as i64).unsigned_abs(),
        };
        let quarters = if self.one_in(2) { self.below(4) } else { 0 };
        let value = u128::from(magnitude) << 2 | u128::from(quarters);
        let sign = (self.below(2) as u16) << 15;
        if value == 0 {
            return (0, sign);
        }
        let zeros = value.leading_zeros();
        ((value << zeros >> 64) as u64, sign | (0x3fff + 127 - 2 - zeros as u16))
    }

    /// Bits of a half-precision number.
    pub fn half(&mut self) -> u16 {
        let (sign, exponent, fraction) = self.float(5, 10);
        (sign << 15 | exponent << 10 | fraction) as u16
    }

    /// 16 bytes: eight halves, four singles, two doubles or integers.
    pub fn vector(&mut self) -> u128 {
        const ALL: [Lanes; 7] = {
            use Lanes::{Doubles, Halves, Integers, Singles};
            [Doubles, Doubles, Halves, Singles, Singles, Integers, Integers]
        };
        let lanes = if self.lanes == Lanes::Any || self.one_in(4) { self.pick(&ALL) } else { self.lanes };
        let width = self.pick(&[8u32, 16, 32, 64]);
        let mut half = || match lanes {
            Lanes::Doubles => self.double(),
            Lanes::Halves => (0..4).map(|n| u64::from(self.half()) << (16 * n)).sum(),
            Lanes::Singles => u64::from(self.single()) | u64::from(self.single()) << 32,
            Lanes::Integers | Lanes::Any => {
                let lane = u64::MAX >> (64 - width);
                (0..64 / width).map(|n| (self.integer() & lane) << (width * n)).sum()
            }
        };
        u128::from(half()) | u128::from(half()) << 64
    }

    /// Ten packed decimal digits pairs; the sign byte last.
    pub fn decimal(&mut self) -> [u8; 10] {
        let mut bytes = [0; 10];
        let kind = self.below(3);
        for byte in &mut bytes[..9] {
            let mut digit = || match kind {
                0 => 9,
                1 => 0,
                _ => self.below(10) as u8,
            };
            *byte = digit() << 4 | digit();
        }
        bytes[9] = self.pick(&[0, 0x80]);
        bytes
    }
}
