//! Bits of a descriptor, the highest of a byte first.

/// Reads; `None` where nothing is left (S11).
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// How many bits were read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// A number of up to 32 bits: `f(n)`.
    pub fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    pub fn flag(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// One of `count` values, the first of which take a bit less: `ns(n)`.
    pub fn one_of(&mut self, count: u32) -> Option<u32> {
        let width = u32::BITS - count.leading_zeros();
        let short = (1 << width) - count;
        let value = self.take(width.checked_sub(1)?)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.take(1)?)
    }
}

/// Writes into bytes that are zero, as far as there are any.
#[derive(Debug)]
pub(super) struct BitsMut<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> BitsMut<'a> {
    pub fn new(bytes: &'a mut [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn put(&mut self, value: u32, count: u32) {
        for n in (0..count).rev() {
            if let Some(byte) = self.bytes.get_mut(self.at / 8) {
                *byte |= ((value >> n & 1) as u8) << (7 - self.at % 8);
            }
            self.at += 1;
        }
    }

    /// The bits of others from one place to another.
    pub fn copy(&mut self, from: &[u8], range: std::ops::Range<usize>) {
        let mut bits = Bits::new(from, range.start);
        for _ in range {
            let Some(bit) = bits.flag() else { return };
            self.put(u32::from(bit), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_values_take_two_or_three_bits() {
        // As in the specification's table: 00 01 10 110 111.
        let bytes = [0b0001_1011, 0b0111_0000];
        let mut bits = Bits::new(&bytes, 0);
        let read: Vec<_> = (0..5).map(|_| bits.one_of(5)).collect();
        assert_eq!(read, [0, 1, 2, 3, 4].map(Some));
        assert_eq!(bits.one_of(1), Some(0), "one value takes no bits");
        assert_eq!(bits.at(), 12);
        assert_eq!(bits.take(5), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut bytes = [0; 3];
        let mut out = BitsMut::new(&mut bytes, 3);
        out.put(0b101_1101, 7);
        out.copy(&[0b0011_0110], 2..7);
        assert_eq!(out.at(), 15);
        out.put(0xffff, 16);
        let mut bits = Bits::new(&bytes, 3);
        assert_eq!(bits.take(7), Some(0b101_1101));
        assert_eq!(bits.take(5), Some(0b1_1011));
        assert_eq!(
            bits.take(9),
            Some(0x1ff),
            "and no further than there is room"
        );
    }
}
