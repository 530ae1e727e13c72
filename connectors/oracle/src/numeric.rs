//! NUMBER, digit for digit: from the text a driver prints to the integer that counts units of
//! `10^-scale`. What has more digits than the column's type has no exact form and is refused.

use arrow_buffer::i256;
use std::fmt;
use std::sync::LazyLock;

/// The most significant digits of a NUMBER; the server keeps 40.
const MOST_DIGITS: usize = 44;
/// The widest number whose integer fits 128 bits.
const NARROW: u8 = 38;

static POWERS: LazyLock<Vec<i256>> = LazyLock::new(|| {
    std::iter::successors(Some(i256::ONE), |power| power.checked_mul(i256::from_i128(10)))
        .take(77)
        .collect()
});

pub(crate) const OUT_OF_RANGE: &str = "more digits than the column's type holds";
pub(crate) const MALFORMED: &str = "a malformed number";

/// A number as its digits: `0.d1 d2 d3 ... * 10^point`, without zeros at either end. It is written to
/// as text, so that a driver prints into it without an allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digits {
    negative: bool,
    digits: [u8; MOST_DIGITS],
    count: usize,
    /// Zeros seen since the last other digit.
    zeros: i32,
    point: i32,
    fraction: bool,
    any: bool,
    malformed: bool,
}

impl Digits {
    pub(crate) const fn new() -> Self {
        Self {
            negative: false,
            digits: [0; MOST_DIGITS],
            count: 0,
            zeros: 0,
            point: 0,
            fraction: false,
            any: false,
            malformed: false,
        }
    }

    fn digit(&mut self, digit: u8) {
        self.any = true;
        if !self.fraction && (self.count > 0 || digit != 0) {
            self.point = self.point.saturating_add(1);
        } else if self.fraction && self.count == 0 && digit == 0 {
            self.point = self.point.saturating_sub(1);
        }
        if digit == 0 {
            self.zeros = self.zeros.saturating_add(i32::from(self.count > 0));
            return;
        }
        let zeros = usize::try_from(std::mem::take(&mut self.zeros)).unwrap_or(MOST_DIGITS);
        let at = self.count.saturating_add(zeros);
        match self.digits.get_mut(at) {
            Some(place) => *place = digit,
            None => self.malformed = true,
        }
        self.count = at + 1;
    }

    /// Units of `10^-scale`, with at most `precision` (up to 38) digits.
    pub(crate) fn narrow(&self, precision: u8, scale: u8) -> Result<i128, &'static str> {
        let zeros = self.padding(precision.min(NARROW), scale)?;
        let digits = self.significant().iter();
        // At most 38 digits with the zeros behind: checked by `padding`.
        let units = digits.fold(0_i128, |units, digit| units * 10 + i128::from(*digit));
        let units = units * 10_i128.pow(zeros);
        Ok(if self.negative { -units } else { units })
    }

    /// Units of `10^-scale`, with at most `precision` (up to 76) digits.
    pub(crate) fn wide(&self, precision: u8, scale: u8) -> Result<i256, &'static str> {
        if let Ok(units) = self.narrow(precision, scale) {
            return Ok(i256::from_i128(units));
        }
        let zeros = self.padding(precision.min(76), scale)?;
        let ten = i256::from_i128(10);
        let mut units = i256::ZERO;
        for digit in self.significant() {
            units = units.wrapping_mul(ten).wrapping_add(i256::from_i128(i128::from(*digit)));
        }
        let power = POWERS.get(zeros as usize).ok_or(OUT_OF_RANGE)?;
        let units = units.checked_mul(*power).ok_or(OUT_OF_RANGE)?;
        Ok(if self.negative { -units } else { units })
    }

    /// A whole number of 64 bits.
    pub(crate) fn integer(&self) -> Result<i64, &'static str> {
        i64::try_from(self.narrow(NARROW, 0)?).map_err(|_| OUT_OF_RANGE)
    }

    fn significant(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// Zeros that follow the digits in units of `10^-scale`; an error where the number does not fit.
    fn padding(&self, precision: u8, scale: u8) -> Result<u32, &'static str> {
        if self.malformed || !self.any {
            return Err(MALFORMED);
        }
        if self.count == 0 {
            return Ok(0);
        }
        let count = i32::try_from(self.count).map_err(|_| MALFORMED)?;
        let length = self.point.saturating_add(i32::from(scale));
        let zeros = length.saturating_sub(count);
        if length > i32::from(precision) {
            return Err(OUT_OF_RANGE);
        }
        u32::try_from(zeros).map_err(|_| OUT_OF_RANGE)
    }
}

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'0'..=b'9' => self.digit(byte - b'0'),
                b'.' if !self.fraction => self.fraction = true,
                b'-' if !self.any && !self.fraction && !self.negative => self.negative = true,
                b'+' if !self.any => {}
                _ => self.malformed = true,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn digits(text: &str) -> Digits {
        let mut digits = Digits::new();
        digits.write_str(text).expect("infallible");
        digits
    }

    #[test]
    fn numbers_keep_every_digit() {
        for (text, precision, scale, units) in [
            ("0", 1, 0, 0),
            ("-0.05", 5, 2, -5),
            ("1200", 6, 2, 120_000),
            ("0.00012", 10, 5, 12),
            ("100.01", 5, 2, 10_001),
            ("-9223372036854775808", 19, 0, i128::from(i64::MIN)),
            (".5", 2, 1, 5),
            ("10.50", 4, 1, 105),
        ] {
            assert_eq!(digits(text).narrow(precision, scale), Ok(units), "{text}");
        }
        let most = "9".repeat(38);
        assert_eq!(digits(&most).narrow(38, 0), Ok(10_i128.pow(38) - 1));
        assert_eq!(digits("-9223372036854775808").integer(), Ok(i64::MIN));
    }

    #[test]
    fn wide_numbers_fill_what_the_server_keeps() {
        let forty = "1234567890123456789012345678901234567890";
        let units = digits(forty).wide(76, 30).expect("fits");
        assert_eq!(units.to_string(), format!("{forty}{}", "0".repeat(30)));
        let third = format!("0.{}", "3".repeat(30));
        assert_eq!(digits(&third).wide(76, 30).expect("fits").to_string(), "3".repeat(30));
        assert_eq!(
            digits("-0.5").wide(76, 30).map(|u| u.to_string()),
            Ok(format!("-5{}", "0".repeat(29)))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(digits("0.001").narrow(5, 2), Err(OUT_OF_RANGE));
        assert_eq!(digits("1000").narrow(5, 2), Err(OUT_OF_RANGE));
        assert_eq!(digits("9223372036854775808").integer(), Err(OUT_OF_RANGE));
        assert_eq!(digits("1.5").integer(), Err(OUT_OF_RANGE));
        assert_eq!(digits(&format!("1{}", "0".repeat(125))).wide(76, 30), Err(OUT_OF_RANGE));
        assert_eq!(digits(&format!("0.{}1", "0".repeat(129))).wide(76, 30), Err(OUT_OF_RANGE));
        assert_eq!(digits(&"1".repeat(90)).wide(76, 0), Err(MALFORMED));
        for text in ["", "-", "1e5", "1.2.3", "~", "--1", "1-"] {
            assert_eq!(digits(text).narrow(38, 0), Err(MALFORMED), "{text}");
        }
    }
}
