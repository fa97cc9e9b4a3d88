//! Random numbers, weighted to the places where instructions break.

/// A small generator (xorshift64*), the same on every host.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator for this seed.
    pub fn new(seed: u64) -> Self {
        // One round of splitmix64: neighbouring seeds give unrelated sequences.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ z >> 31) | 1)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
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
        let bits = self.pick(&[8, 16, 32, 64]);
        match self.below(8) {
            0 => self.below(4),
            1 => self.below(4).wrapping_neg(),
            // 0, 1, -1 of each width, and the edges of its sign and carry.
            2 => (1u64 << (bits - 1)).wrapping_add(self.below(3)).wrapping_sub(1),
            3 => (u64::MAX >> (64 - bits)).wrapping_sub(self.below(3)),
            4 => 1 << self.below(64),
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
            0 => 0,
            1 => top,
            2 => 1 + self.below(3),
            3 => top - 1 - self.below(3),
            4 => bias + self.below(68),
            // Near the limits of single and double.
            5 => bias.saturating_add(self.below(300)).saturating_sub(150) & top,
            6 | 7 => bias - 3 + self.below(8),
            _ => self.below(top + 1),
        };
        (sign, exponent, fraction)
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

    /// Bits of a half-precision number.
    pub fn half(&mut self) -> u16 {
        let (sign, exponent, fraction) = self.float(5, 10);
        (sign << 15 | exponent << 10 | fraction) as u16
    }

    /// 16 bytes: eight halves, four singles, two doubles or integers.
    pub fn vector(&mut self) -> u128 {
        let kind = self.below(7);
        let mut half = || match kind {
            0 | 1 => self.double(),
            2 => (0..4).map(|n| u64::from(self.half()) << (16 * n)).sum(),
            3 | 4 => u64::from(self.single()) | u64::from(self.single()) << 32,
            _ => self.integer(),
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
