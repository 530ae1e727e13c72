//! Patterns of dates and time stamps: `YYYY-MM-DD HH24:MI`.

use super::{Letters, Unsupported, quoted};

/// One part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A value that is written or read.
    Field {
        field: Field,
        letters: Letters,
        /// Written without padding, read to its end.
        fill: bool,
        /// An ordinal number's ending follows.
        ordinal: Option<Letters>,
    },
    /// A character of quoted text, or a letter or digit that is no field.
    Character(char),
    /// Punctuation.
    Separator(char),
    /// A blank.
    Space(char),
}

/// What a field stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Century,
    DayOfMonth,
    DayOfYear,
    /// Sunday is 1.
    DayOfWeek,
    /// The name of the day of the week, in full or in three letters.
    DayName(Length),
    /// AD or BC, with points or without.
    Era(Points),
    /// What is read must have the length of its field.
    Exact,
    /// So many digits of the second's fraction.
    Fraction(u8),
    Hour24,
    Hour12,
    IsoDayOfYear,
    /// Monday is 1.
    IsoDayOfWeek,
    IsoWeek,
    /// The last so many digits of the year of the ISO week.
    IsoYear(u8),
    JulianDay,
    Meridiem(Points),
    Millisecond,
    Minute,
    Month,
    MonthName(Length),
    Offset,
    Quarter,
    RomanMonth,
    Second,
    SecondOfDay,
    WeekOfMonth,
    /// Of seven days each, from 1 January.
    WeekOfYear,
    /// The last so many digits.
    Year(u8),
    /// `2,024`.
    YearWithComma,
    Zone,
    ZoneHour,
    ZoneMinute,
}

/// How much of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Full,
    Three,
}

/// Whether letters are followed by points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    With,
    Without,
}

/// The words of patterns; each is known in upper and in lower case.
const WORDS: &[(&str, Field)] = &[
    ("A.D.", Field::Era(Points::With)),
    ("B.C.", Field::Era(Points::With)),
    ("AD", Field::Era(Points::Without)),
    ("BC", Field::Era(Points::Without)),
    ("A.M.", Field::Meridiem(Points::With)),
    ("P.M.", Field::Meridiem(Points::With)),
    ("AM", Field::Meridiem(Points::Without)),
    ("PM", Field::Meridiem(Points::Without)),
    ("CC", Field::Century),
    ("DAY", Field::DayName(Length::Full)),
    ("DY", Field::DayName(Length::Three)),
    ("DDD", Field::DayOfYear),
    ("DD", Field::DayOfMonth),
    ("D", Field::DayOfWeek),
    ("FF1", Field::Fraction(1)),
    ("FF2", Field::Fraction(2)),
    ("FF3", Field::Fraction(3)),
    ("FF4", Field::Fraction(4)),
    ("FF5", Field::Fraction(5)),
    ("FF6", Field::Fraction(6)),
    ("FX", Field::Exact),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("IDDD", Field::IsoDayOfYear),
    ("ID", Field::IsoDayOfWeek),
    ("IW", Field::IsoWeek),
    ("IYYY", Field::IsoYear(4)),
    ("IYY", Field::IsoYear(3)),
    ("IY", Field::IsoYear(2)),
    ("I", Field::IsoYear(1)),
    ("J", Field::JulianDay),
    ("MI", Field::Minute),
    ("MM", Field::Month),
    ("MONTH", Field::MonthName(Length::Full)),
    ("MON", Field::MonthName(Length::Three)),
    ("MS", Field::Millisecond),
    ("OF", Field::Offset),
    ("Q", Field::Quarter),
    ("RM", Field::RomanMonth),
    ("SSSSS", Field::SecondOfDay),
    ("SSSS", Field::SecondOfDay),
    ("SS", Field::Second),
    ("TZH", Field::ZoneHour),
    ("TZM", Field::ZoneMinute),
    ("TZ", Field::Zone),
    ("US", Field::Fraction(6)),
    ("WW", Field::WeekOfYear),
    ("W", Field::WeekOfMonth),
    ("Y,YYY", Field::YearWithComma),
    ("YYYY", Field::Year(4)),
    ("YYY", Field::Year(3)),
    ("YY", Field::Year(2)),
    ("Y", Field::Year(1)),
];

/// Names that are also known with a capital first.
const TITLES: &[(&str, Field)] = &[
    ("Day", Field::DayName(Length::Full)),
    ("Dy", Field::DayName(Length::Three)),
    ("Month", Field::MonthName(Length::Full)),
    ("Mon", Field::MonthName(Length::Three)),
];

/// The parts of a pattern.
///
/// # Errors
/// What of it is not supported, and what to write instead.
pub(super) fn parts(pattern: &str) -> Result<Vec<Part>, Unsupported> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let mut fill = false;
        if let Some(behind) = strip(rest, "FM") {
            (fill, rest) = (true, behind);
        } else if strip(rest, "TM").is_some() {
            let hint = "month and day names are English here: leave out TM, or quote the letters";
            return Err(Unsupported::new("the pattern TM (names in the server's language)", hint));
        }
        if let Some((length, field, letters)) = word(rest) {
            rest = &rest[length..];
            let ordinal = [("TH", Letters::Upper), ("th", Letters::Lower)];
            let ordinal = ordinal.iter().find(|(ending, _)| rest.starts_with(ending));
            if ordinal.is_some() {
                rest = &rest[2..];
            } else if rest.starts_with("SP") {
                let hint = "write numbers in figures, and quote letters that are text";
                return Err(Unsupported::new("the pattern SP (numbers in words)", hint));
            }
            parts.push(Part::Field {
                field,
                letters,
                fill,
                ordinal: ordinal.map(|(_, letters)| *letters),
            });
        } else if let Some(text) = rest.strip_prefix('"') {
            rest = quoted(text, &mut |character| parts.push(Part::Character(character)));
        } else {
            rest = rest.strip_prefix('\\').filter(|rest| rest.starts_with('"')).unwrap_or(rest);
            let Some(character) = rest.chars().next() else { break };
            parts.push(plain(character));
            rest = &rest[character.len_utf8()..];
        }
    }
    Ok(parts)
}

fn strip<'t>(text: &'t str, upper: &str) -> Option<&'t str> {
    text.strip_prefix(upper).or_else(|| text.strip_prefix(upper.to_ascii_lowercase().as_str()))
}

/// The longest word at the beginning: its length, its field and how it is written.
fn word(text: &str) -> Option<(usize, Field, Letters)> {
    let upper = WORDS.iter().filter_map(|(word, field)| {
        let written = text.get(..word.len())?;
        if written == *word {
            Some((word.len(), *field, Letters::Upper))
        } else if written == word.to_ascii_lowercase() {
            Some((word.len(), *field, Letters::Lower))
        } else {
            None
        }
    });
    let title = TITLES.iter().filter(|(word, _)| text.starts_with(word));
    let title = title.map(|(word, field)| (word.len(), *field, Letters::Title));
    title.chain(upper).max_by_key(|(length, _, _)| *length)
}

fn plain(character: char) -> Part {
    match character {
        ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => Part::Space(character),
        _ if character.is_ascii_punctuation() => Part::Separator(character),
        _ => Part::Character(character),
    }
}
