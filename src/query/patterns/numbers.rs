//! Patterns of numbers: `FM999,990.00`.
//!
//! A pattern is a row of places for digits and the point. A number's digits stand at its right end, and
//! what is left over in front are blanks or zeros; the sign stands before the first digit that is written,
//! unless the pattern says where. A number with more digits than places comes out as `#`.

use super::figures::Figures;
use super::{Letters, Unsupported, quoted};

/// A pattern that has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NumberPattern {
    pub(super) parts: Vec<Part>,
    /// Places in front of the point.
    pub(super) whole: usize,
    /// Places behind the point.
    pub(super) fraction: usize,
    /// The first place with a zero in front of the point.
    pub(super) first_zero: Option<usize>,
    /// The places up to the last one with a zero.
    pub(super) last_zero: usize,
    /// No blanks, and no zeros behind the point that nobody asked for.
    pub(super) fill: bool,
    pub(super) point: bool,
    pub(super) sign: Sign,
}

/// One part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Nine,
    Zero,
    Point,
    Comma,
    /// `-`, or a blank.
    Minus,
    /// `+`, or a blank.
    Plus,
    /// `-` or `+`.
    Either,
    Ordinal(Letters),
    Character(char),
}

/// Who writes the sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sign {
    /// `-` before the first digit.
    #[default]
    Plain,
    /// `-` or `+` before the first digit.
    Front(usize),
    /// `-` or `+` behind the last place.
    End,
    /// `<` and `>` around a negative number.
    Brackets,
    /// A part of the pattern writes a plus; a minus is plain.
    PlusPart,
    /// A part of the pattern writes it.
    Part,
}

/// Words of number patterns, each in upper and in lower case, the longer ones first.
const WORDS: [&str; 20] = [
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", "0", "9", ".", ",", "B", "C", "D", "G",
    "L", "S", "V",
];

impl NumberPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What of it is not supported or makes no sense.
    pub(super) fn new(pattern: &str) -> Result<Self, Unsupported> {
        let mut read = Self::default();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            let word = WORDS.iter().find(|word| {
                rest.starts_with(**word) || rest.starts_with(&word.to_ascii_lowercase())
            });
            if let Some(word) = word {
                let lower = first.is_ascii_lowercase();
                read.word(word, if lower { Letters::Lower } else { Letters::Upper })?;
                rest = &rest[word.len()..];
            } else if let Some(text) = rest.strip_prefix('"') {
                rest = quoted(text, &mut |character| read.parts.push(Part::Character(character)));
            } else {
                rest = rest.strip_prefix('\\').filter(|rest| rest.starts_with('"')).unwrap_or(rest);
                let Some(character) = rest.chars().next() else { break };
                read.parts.push(Part::Character(character));
                rest = &rest[character.len_utf8()..];
            }
        }
        // Behind all of its digits, it is the sign at the end.
        if read.sign == Sign::Front(read.whole) {
            read.sign = Sign::End;
        }
        Ok(read)
    }

    /// Writes a number of this pattern.
    pub(super) fn show(&self, number: &Figures, out: &mut String) {
        super::figures::Writer::new(self, number).write(out);
    }

    fn word(&mut self, word: &str, letters: Letters) -> Result<(), Unsupported> {
        let part = match word {
            "9" | "0" if self.sign == Sign::Brackets => {
                return Err(invalid("9 and 0 stand in front of PR"));
            }
            "9" => {
                self.place();
                Part::Nine
            }
            "0" => {
                if self.first_zero.is_none() && !self.point {
                    self.first_zero = Some(self.whole);
                }
                self.place();
                self.last_zero = self.whole + self.fraction;
                Part::Zero
            }
            "." | "D" if self.point => return Err(invalid("there is one point")),
            "." | "D" => {
                self.point = true;
                Part::Point
            }
            "," | "G" => Part::Comma,
            "TH" => Part::Ordinal(letters),
            "FM" => {
                self.fill = true;
                return Ok(());
            }
            "S" | "PR" => return self.own_sign(word),
            "MI" => self.part_sign(Sign::Part, Part::Minus)?,
            "SG" => self.part_sign(Sign::Part, Part::Either)?,
            "PL" => self.part_sign(Sign::PlusPart, Part::Plus)?,
            _ => return Err(unknown(word)),
        };
        self.parts.push(part);
        Ok(())
    }

    fn place(&mut self) {
        if self.point {
            self.fraction += 1;
        } else {
            self.whole += 1;
        }
    }

    /// A sign that stands where the digits are.
    fn own_sign(&mut self, word: &str) -> Result<(), Unsupported> {
        self.sign = match (self.sign, word) {
            (Sign::Plain, "S") if self.point => Sign::End,
            (Sign::Plain, "S") => Sign::Front(self.whole),
            (Sign::Plain | Sign::Brackets, "PR") => Sign::Brackets,
            _ => return Err(invalid("S and PR stand alone and once")),
        };
        Ok(())
    }

    /// A sign that stands where its word is.
    fn part_sign(&mut self, sign: Sign, part: Part) -> Result<Part, Unsupported> {
        self.sign = match (self.sign, sign) {
            (Sign::Plain | Sign::PlusPart, sign) => sign,
            (Sign::Part, _) => Sign::Part,
            _ => return Err(invalid("MI, PL and SG do not go with S and PR")),
        };
        Ok(part)
    }
}

fn invalid(text: &str) -> Unsupported {
    let hint = "such as '999,990.00', 'FM990.0', '9999MI' or 'S9999'; quote letters that are text";
    Unsupported::new(format!("the number pattern makes no sense: {text}"), hint)
}

fn unknown(word: &str) -> Unsupported {
    let hint = match word {
        "L" | "C" => "write the currency as quoted text, such as '\"EUR\" 999,990.00'",
        "EEEE" => "CAST(x AS text) shows a double precision number with its exponent",
        "V" => "multiply by a power of ten first, such as to_char(x * 100, '9999')",
        "B" => "write CASE WHEN x <> 0 THEN to_char(x, '999') END",
        _ => "patterns of numbers are made of 9 0 . , D G S MI PL SG PR FM TH and \"quoted text\"",
    };
    Unsupported::new(format!("the number pattern {word}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_refused_with_an_alternative() {
        for (pattern, alternative) in [
            ("L999", "EUR"),
            ("9.99EEEE", "CAST"),
            ("99V9", "multiply"),
            ("B99", "CASE"),
            ("RN", "FM"),
            ("9.9.9", "FM990"),
            ("S99S", "S9999"),
            ("99PR9", "quote"),
            ("MI99S", "9999MI"),
        ] {
            let refused = NumberPattern::new(pattern).expect_err(pattern);
            assert!(refused.hint.contains(alternative), "{pattern}: {refused} {}", refused.hint);
        }
    }

    #[test]
    fn a_sign_behind_the_digits_is_at_the_end() {
        let sign = |pattern| NumberPattern::new(pattern).expect("a pattern").sign;
        assert_eq!(
            (sign("S99"), sign("99S"), sign("9S9")),
            (Sign::Front(0), Sign::End, Sign::Front(1))
        );
        assert_eq!((sign("9.9S"), sign("S9.9")), (Sign::End, Sign::Front(0)));
    }
}
