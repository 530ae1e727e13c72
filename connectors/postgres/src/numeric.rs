//! The binary form of NUMERIC, digit for digit.
//!
//! A value is groups of four decimal digits: `sum(group[i] * 10000^(weight - i))`. It is read into
//! an integer that counts units of `10^-scale`; what has more fractional digits than that, or too many
//! digits in all, has no exact form and is refused.

use arrow_buffer::i256;
use std::sync::LazyLock;

static POWERS: LazyLock<Vec<i256>> = LazyLock::new(|| {
    std::iter::successors(Some(i256::ONE), |power| power.checked_mul(i256::from_i128(10)))
        .take(77)
        .collect()
});

/// The bound that units of so many digits (up to 38) stay below.
pub(crate) fn limit_128(precision: u8) -> u128 {
    10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX)
}

/// A value as units of `10^-scale`, fewer than `limit` of them.
pub(crate) fn decode_128(bytes: &[u8], limit: u128, scale: u8) -> Result<i128, &'static str> {
    let number = Number::read(bytes)?;
    let units = match number.short(scale) {
        Some(units) => units,
        None => number.narrow(scale).ok_or(OUT_OF_RANGE)?,
    };
    if units.unsigned_abs() >= limit {
        return Err(OUT_OF_RANGE);
    }
    Ok(units)
}

/// A value as units of `10^-scale` with at most `precision` (up to 76) digits.
pub(crate) fn decode_256(bytes: &[u8], precision: u8, scale: u8) -> Result<i256, &'static str> {
    let number = Number::read(bytes)?;
    let units = match number.narrow(scale) {
        Some(units) => i256::from_i128(units),
        None => number.wide(scale).ok_or(OUT_OF_RANGE)?,
    };
    let limit = POWERS.get(usize::from(precision)).copied().ok_or(OUT_OF_RANGE)?;
    if units >= limit || units <= -limit {
        return Err(OUT_OF_RANGE);
    }
    Ok(units)
}

const OUT_OF_RANGE: &str = "more digits than the column's type holds";
const MALFORMED: &str = "a malformed number";

struct Number<'a> {
    groups: &'a [u8],
    weight: i32,
    negative: bool,
}

impl<'a> Number<'a> {
    #[inline]
    fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let (header, groups) = bytes.split_first_chunk::<8>().ok_or(MALFORMED)?;
        let count = usize::from(u16::from_be_bytes([header[0], header[1]]));
        let weight = i32::from(i16::from_be_bytes([header[2], header[3]]));
        let negative = match u16::from_be_bytes([header[4], header[5]]) {
            0x0000 => false,
            0x4000 => true,
            0xC000 => return Err("not a number"),
            0xD000 | 0xF000 => return Err("infinity"),
            _ => return Err(MALFORMED),
        };
        if groups.len() != count * 2 {
            return Err(MALFORMED);
        }
        Ok(Self { groups, weight, negative })
    }

    /// Each group with the power of ten of its last digit, counted in units of `10^-scale`.
    fn parts(&self, scale: u8) -> impl Iterator<Item = (i16, i32)> + '_ {
        let first = self.weight * 4 + i32::from(scale);
        let groups = self.groups.chunks_exact(2);
        groups
            .zip(0_i32..)
            .map(move |(group, i)| (i16::from_be_bytes([group[0], group[1]]), first - 4 * i))
    }

    /// What has no more digits than 64 bits hold, as most numbers do; `None` says nothing.
    #[inline]
    fn short(&self, scale: u8) -> Option<i128> {
        const FACTORS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
        if self.groups.len() > 8 {
            return None;
        }
        let (groups, _) = self.groups.as_chunks::<2>();
        let mut digits = 0_u64;
        for group in groups {
            let group = u16::from_be_bytes(*group);
            if group > 9_999 {
                return None;
            }
            digits = digits * 10_000 + u64::from(group);
        }
        // Units of the last group, in powers of ten.
        let power =
            (self.weight + 1) * 4 - i32::try_from(groups.len()).ok()? * 4 + i32::from(scale);
        let units = match power {
            _ if digits == 0 => 0,
            0..8 => i128::from(digits) * i128::from(FACTORS[usize::try_from(power).ok()?]),
            -1 if digits.is_multiple_of(10) => i128::from(digits / 10),
            -2 if digits.is_multiple_of(100) => i128::from(digits / 100),
            -3 if digits.is_multiple_of(1_000) => i128::from(digits / 1_000),
            _ => return None,
        };
        Some(if self.negative { -units } else { units })
    }

    #[cold]
    fn narrow(&self, scale: u8) -> Option<i128> {
        let mut units = 0_i128;
        let mut last = 0;
        for (group, power) in self.parts(scale) {
            let (factor, digits) = step(group, power)?;
            units = units.checked_mul(i128::from(factor))?.checked_add(i128::from(digits))?;
            last = power;
        }
        if last > 0 && units != 0 {
            units = units.checked_mul(10_i128.checked_pow(u32::try_from(last).ok()?)?)?;
        }
        Some(if self.negative { -units } else { units })
    }

    fn wide(&self, scale: u8) -> Option<i256> {
        let mut units = i256::ZERO;
        let mut last = 0;
        for (group, power) in self.parts(scale) {
            let (factor, digits) = step(group, power)?;
            units = units.checked_mul(i256::from_i128(i128::from(factor)))?;
            units = units.checked_add(i256::from_i128(i128::from(digits)))?;
            last = power;
        }
        if last > 0 {
            units = units.checked_mul(*POWERS.get(usize::try_from(last).ok()?)?)?;
        }
        Some(if self.negative { -units } else { units })
    }
}

/// What one group does to the number read so far: multiply by the factor, add the digits. `None`
/// where digits would be lost, or are none.
fn step(group: i16, power: i32) -> Option<(i16, i16)> {
    if !(0..10_000).contains(&group) {
        return None;
    }
    let cut = match power {
        0.. => return Some((10_000, group)),
        -1 => 10,
        -2 => 100,
        -3 => 1_000,
        _ => return (group == 0).then_some((1, 0)),
    };
    (group % cut == 0).then_some((10_000 / cut, group / cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number of 38 digits.
    const ALL: u128 = 10_u128.pow(38);

    fn number(weight: i16, sign: u16, groups: &[i16]) -> Vec<u8> {
        let mut bytes = (groups.len() as u16).to_be_bytes().to_vec();
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(0_u16.to_be_bytes());
        groups.iter().for_each(|group| bytes.extend(group.to_be_bytes()));
        bytes
    }

    #[test]
    fn every_digit_is_kept() {
        let cases: [(i16, u16, &[i16], u8, i128); 8] = [
            (0, 0, &[], 2, 0),
            (0, 0, &[1], 0, 1),
            (0, 0x4000, &[123, 4500], 2, -12_345),
            (-1, 0, &[5000], 2, 50),
            (-1, 0, &[100], 2, 1),
            (2, 0, &[1], 0, 100_000_000),
            (2, 0, &[1], 3, 100_000_000_000),
            (-2, 0, &[1], 8, 1),
        ];
        for (weight, sign, groups, scale, units) in cases {
            let bytes = number(weight, sign, groups);
            assert_eq!(decode_128(&bytes, ALL, scale), Ok(units), "{groups:?}");
            assert_eq!(decode_256(&bytes, 76, scale), Ok(i256::from_i128(units)), "{groups:?}");
        }
    }

    #[test]
    fn the_short_way_is_the_long_way() {
        let groups: [&[i16]; 9] = [
            &[],
            &[0],
            &[1],
            &[9999],
            &[1230],
            &[1, 9000],
            &[9999, 9999, 9999, 9999],
            &[1, 0, 0, 1000],
            &[10, 0, 100],
        ];
        for groups in groups {
            for (weight, scale) in (-6..6).flat_map(|weight| (0..12).map(move |s| (weight, s))) {
                for sign in [0, 0x4000] {
                    let bytes = number(weight, sign, groups);
                    let number = Number::read(&bytes).expect("a number");
                    if let Some(units) = number.short(scale) {
                        assert_eq!(
                            number.narrow(scale),
                            Some(units),
                            "{groups:?} {weight} {scale}"
                        );
                    }
                }
            }
        }
        assert!(decode_128(&number(0, 0, &[10_000]), ALL, 0).is_err());
        assert!(decode_128(&number(0, 0, &[-1]), ALL, 0).is_err());
    }

    #[test]
    fn thirty_eight_nines_fit_with_any_scale() {
        for scale in 0..=38_u8 {
            // 38 nines shifted by `scale`, laid out in groups of four around the point.
            let whole = 38 - i32::from(scale);
            let lead = whole.rem_euclid(4);
            let text =
                format!("{:0>width$}", "9".repeat(38), width = 38 + ((4 - lead) % 4) as usize);
            let text = format!("{text:0<width$}", width = text.len().div_ceil(4) * 4);
            let groups: Vec<i16> = text
                .as_bytes()
                .chunks(4)
                .map(|c| String::from_utf8_lossy(c).parse().unwrap())
                .collect();
            let weight = (whole + (4 - lead) % 4) / 4 - 1;
            let bytes = number(weight as i16, 0, &groups);
            assert_eq!(decode_128(&bytes, ALL, scale), Ok(10_i128.pow(38) - 1), "scale {scale}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(decode_128(&number(0, 0, &[100]), limit_128(2), 0).is_err());
        assert!(decode_128(&number(-1, 0, &[1]), ALL, 3).is_err());
        assert!(decode_128(&number(-2, 0, &[1]), ALL, 2).is_err());
        assert!(decode_128(&number(0, 0xC000, &[]), ALL, 2).is_err());
        assert!(decode_256(&number(0, 0xD000, &[]), 76, 30).is_err());
        assert!(decode_256(&number(0, 0xF000, &[]), 76, 30).is_err());
        assert!(decode_256(&number(32_767, 0, &[9999]), 76, 30).is_err());
        assert!(decode_256(&number(18, 0, &[9999, 9999]), 76, 30).is_err());
        assert!(decode_128(&[0, 1], ALL, 2).is_err());
        assert!(decode_128(&[0, 1, 0, 0, 0, 0, 0, 0], ALL, 2).is_err());
    }

    #[test]
    fn wide_numbers_are_exact() {
        let bytes = number(11, 0x4000, &[12]);
        let units = decode_256(&bytes, 76, 30).expect("fits");
        assert_eq!(units.to_string(), format!("-12{}", "0".repeat(44 + 30)));
    }
}
