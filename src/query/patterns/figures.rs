//! A number in figures, and its digits in the places of a pattern.

use super::numbers::{NumberPattern, Part, Sign};
use super::ordinal;

/// A number in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figures {
    negative: bool,
    /// Digits, and behind a point as many as there are places.
    digits: String,
    /// The places behind the point; fewer than the pattern has where a double has no more digits.
    fraction: usize,
}

impl Figures {
    /// The decimal number `unscaled / 10^scale`, rounded half away from zero to so many places.
    pub(super) fn decimal(unscaled: &str, scale: i8, places: usize) -> Self {
        let (negative, digits) = match unscaled.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, unscaled),
        };
        let scale = isize::from(scale);
        let zeros = "0".repeat(usize::try_from(-scale).unwrap_or(0));
        let scale = usize::try_from(scale).unwrap_or(0);
        let digits = format!("{digits:0>width$}{zeros}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let kept = format!("{whole}{fraction:0<places$.places$}");
        let up = fraction.as_bytes().get(places).is_some_and(|digit| *digit >= b'5');
        let rounded = if up { next(&kept) } else { kept };
        let (whole, fraction) = rounded.split_at(rounded.len() - places);
        let point = if places > 0 { "." } else { "" };
        let nothing = rounded.bytes().all(|digit| digit == b'0');
        Self {
            negative: negative && !nothing,
            digits: format!("{whole}{point}{fraction}"),
            fraction: places,
        }
    }

    /// A floating-point number, of whose digits only so many mean something.
    pub(super) fn float(value: f64, digits: usize, places: usize) -> Self {
        let text = |places: usize| match value {
            value if value.is_nan() => "NaN".to_string(),
            value if value.is_infinite() => "Infinity".to_string(),
            value => format!("{:.places$}", value.abs()),
        };
        let whole = text(0).len();
        let fraction = places.min(digits.saturating_sub(whole));
        let negative = value.is_sign_negative() && !value.is_nan();
        Self { negative, digits: text(fraction), fraction }
    }

    fn whole(&self) -> usize {
        self.digits.find('.').unwrap_or(self.digits.len())
    }
}

/// The next number of as many digits, or of one more.
fn next(digits: &str) -> String {
    let nines = digits.bytes().rev().take_while(|digit| *digit == b'9').count();
    let (front, end) = digits.split_at(digits.len() - nines);
    let zeros = "0".repeat(end.len());
    match front.as_bytes().split_last() {
        Some((last, front)) => {
            let front = String::from_utf8_lossy(front);
            format!("{front}{}{zeros}", char::from(last + 1))
        }
        None => format!("1{zeros}"),
    }
}

/// Writes one number.
pub(super) struct Writer<'a> {
    pattern: &'a NumberPattern,
    negative: bool,
    digits: Vec<u8>,
    fraction: usize,
    /// Places in front of the first digit.
    lead: usize,
    /// The last digit that is written where no zeros at the end are.
    last: Option<usize>,
    /// The place behind which a number ends.
    end: usize,
    brackets: bool,
    place: usize,
    digit: usize,
    signed: bool,
    /// The part before was a digit.
    within: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(pattern: &'a NumberPattern, number: &Figures) -> Self {
        let (whole, fraction) = (pattern.whole, number.fraction);
        let digits = match number.whole() > whole {
            true => format!("{}.{}", "#".repeat(whole), "#".repeat(fraction)).into_bytes(),
            false => number.digits.clone().into_bytes(),
        };
        let lead = whole.saturating_sub(number.whole());
        let (negative, positive) = (number.negative, !number.negative);
        let signed = match pattern.sign {
            Sign::Part => true,
            Sign::Plain | Sign::Brackets => positive && pattern.fill,
            Sign::PlusPart | Sign::Front(_) | Sign::End => false,
        };
        let last = last_digit(pattern, &digits, lead);
        let places = whole + fraction + usize::from(pattern.point);
        let end = if lead == 0 && signed { places.saturating_sub(1) } else { places };
        let brackets = pattern.sign == Sign::Brackets && !(positive && pattern.fill);
        Self {
            pattern,
            negative,
            digits,
            fraction,
            lead,
            last,
            end,
            brackets,
            place: 0,
            digit: 0,
            signed,
            within: false,
        }
    }

    /// Writes the number; what follows a place for which a double has no digit any more is left out.
    pub(super) fn write(mut self, out: &mut String) {
        let blank = |fill: bool| if fill { "" } else { " " };
        let fill = self.pattern.fill;
        for part in &self.pattern.parts {
            match part {
                Part::Nine | Part::Zero | Part::Point => {
                    if !self.next_place(*part == Part::Zero, out) {
                        return;
                    }
                }
                Part::Comma => out.push_str(if self.within { "," } else { blank(fill) }),
                Part::Minus => out.push_str(if self.negative { "-" } else { blank(fill) }),
                Part::Plus => out.push_str(if self.negative { blank(fill) } else { "+" }),
                Part::Either => out.push(self.sign()),
                Part::Ordinal(letters) => {
                    if !self.negative && !self.pattern.point {
                        out.push_str(ordinal(&String::from_utf8_lossy(&self.digits), *letters));
                    }
                }
                Part::Character(character) => out.push(*character),
            }
        }
    }

    fn sign(&self) -> char {
        if self.negative { '-' } else { '+' }
    }

    /// Writes what is in the next place; `false` where there is no digit for it.
    fn next_place(&mut self, zero: bool, out: &mut String) -> bool {
        self.within = false;
        if !self.signed && self.is_first() {
            self.write_sign(out);
        }
        let blank = if self.pattern.fill { "" } else { " " };
        let leading = self.place < self.lead;
        if leading && self.pattern.first_zero.is_none_or(|first| first > self.place) {
            out.push_str(blank);
        } else if leading {
            out.push('0');
            self.within = true;
        } else if !self.write_digit(zero, blank, out) {
            return false;
        }
        if self.place + 1 == self.end && self.last != Some(self.digit) {
            if self.signed && self.brackets {
                out.push(if self.negative { '>' } else { ' ' });
            } else if self.pattern.sign == Sign::End {
                out.push(self.sign());
            }
        }
        self.place += 1;
        true
    }

    /// Whether a number begins in this place.
    fn is_first(&self) -> bool {
        let begins = self.place >= self.lead || self.pattern.first_zero == Some(self.place);
        begins && (!self.is_lone_zero() || self.ends_with_point())
    }

    /// Whether the next digit is the zero of 0.5, which is not written where no zero was asked for.
    fn is_lone_zero(&self) -> bool {
        let asked = self.pattern.first_zero.is_some();
        !asked && self.digit == 0 && self.digits.first() == Some(&b'0') && self.fraction > 0
    }

    /// Whether nothing is written behind the point.
    fn ends_with_point(&self) -> bool {
        self.last.is_some_and(|last| self.digits[last] == b'.')
    }

    fn write_sign(&mut self, out: &mut String) {
        match (self.pattern.sign, self.negative) {
            (Sign::End, _) => return,
            (Sign::Front(_), _) => out.push(self.sign()),
            (Sign::Brackets, true) => out.push('<'),
            (_, true) => out.push('-'),
            (Sign::Brackets, false) => out.push(' '),
            (_, false) if self.pattern.fill => {}
            (_, false) => out.push(' '),
        }
        self.signed = true;
    }

    fn write_digit(&mut self, zero: bool, blank: &str, out: &mut String) -> bool {
        let is_left_out = self.last.is_some_and(|last| self.digit > last) && !zero;
        match self.digits.get(self.digit) {
            Some(b'.') => out.push('.'),
            _ if is_left_out => {}
            None => return false,
            Some(_) if self.is_lone_zero() => {
                out.push_str(if self.pattern.fill && self.ends_with_point() { "0" } else { blank });
            }
            Some(digit) => {
                out.push(char::from(*digit));
                self.within = true;
            }
        }
        if self.digit < self.digits.len() {
            self.digit += 1;
        }
        true
    }
}

/// Where a number without padding ends: at its last digit that is not 0, or at the last 0 of the pattern.
fn last_digit(pattern: &NumberPattern, digits: &[u8], lead: usize) -> Option<usize> {
    if !pattern.fill || !pattern.point {
        return None;
    }
    let point = digits.iter().position(|digit| *digit == b'.')?;
    let behind = digits[point..].iter().rposition(|digit| !matches!(digit, b'0'))?;
    let relevant = point + behind;
    if pattern.last_zero <= lead {
        return Some(relevant);
    }
    Some(relevant.max((digits.len() - 1).min(pattern.last_zero - lead)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str, unscaled: &str, scale: i8) -> String {
        let pattern = NumberPattern::new(pattern).expect("a pattern");
        let mut out = String::new();
        pattern.show(&Figures::decimal(unscaled, scale, pattern.fraction), &mut out);
        out
    }

    #[test]
    fn numbers_stand_in_their_places() {
        for (pattern, unscaled, scale, expected) in [
            ("999,999.99", "1234567", 2, "  12,345.67"),
            ("FM999,990.00", "-5", 1, "-0.50"),
            ("9.9", "-1", 1, " -.1"),
            ("99", "-123", 0, "-##"),
            ("FM990.9", "100", 0, "100."),
            ("S99", "5", 0, " +5"),
            ("99PR", "-7", 0, " <7>"),
            ("FM99th", "22", 0, "22nd"),
            ("99", "995", 1, " ##"),
        ] {
            assert_eq!(shown(pattern, unscaled, scale), expected, "{pattern} of {unscaled}");
        }
    }

    #[test]
    fn decimals_are_rounded_half_away_from_zero() {
        let digits = |unscaled, scale, places| Figures::decimal(unscaled, scale, places).digits;
        assert_eq!(digits("995", 2, 1), "10.0");
        assert_eq!(digits("994", 2, 1), "9.9");
        assert_eq!(digits("5", 3, 2), "0.01");
        assert_eq!(digits("12", -2, 0), "1200");
        assert!(!Figures::decimal("-4", 3, 2).negative);
    }
}
