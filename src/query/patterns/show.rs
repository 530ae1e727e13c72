//! A date or time stamp as text.

use super::calendar::{Date, JULIAN_EPOCH, date_of, days_of, iso_year, iso_year_begins, weekday};
use super::dates::{Field, Length, Part, Points};
use super::{Letters, ordinal};
use std::fmt::Write;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Names of the months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Names of the days of the week.
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];
/// What names are padded to.
const NAME_WIDTH: usize = 9;
const ROMAN_WIDTH: usize = 4;

/// A moment, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    days: i64,
    date: Date,
    /// Microseconds since midnight.
    time: i64,
    /// Whether it has a time zone, which is UTC.
    zoned: bool,
}

impl Moment {
    /// The moment so many microseconds after 1970 began.
    pub(super) fn new(micros: i64, zoned: bool) -> Self {
        let days = micros.div_euclid(DAY);
        Self { days, date: date_of(days), time: micros.rem_euclid(DAY), zoned }
    }

    /// The beginning of the day so many days after 1970 began, in UTC as PostgreSQL has it.
    pub(super) fn of_day(days: i64) -> Self {
        Self { days, date: date_of(days), time: 0, zoned: true }
    }

    /// Writes the moment.
    pub(super) fn show(&self, parts: &[Part], out: &mut String) {
        for part in parts {
            match *part {
                Part::Character(c) | Part::Separator(c) | Part::Space(c) => out.push(c),
                Part::Field { field, letters, fill, ordinal: ending } => {
                    let from = out.len();
                    let numeric = self.field(field, letters, fill, out);
                    if let (Some(letters), true) = (ending, numeric) {
                        let ending = ordinal(&out[from..], letters);
                        out.push_str(ending);
                    }
                }
            }
        }
    }

    /// Writes one field; whether it is a number.
    fn field(&self, field: Field, letters: Letters, fill: bool, out: &mut String) -> bool {
        if let Some((value, digits)) = self.number(field) {
            let digits = if fill && !is_fixed(field) { 0 } else { digits };
            let _ = write!(out, "{value:0digits$}");
            return true;
        }
        let hour = self.time / (3_600 * SECOND);
        match field {
            Field::YearWithComma => {
                let year = counted(self.date.year);
                let _ = write!(out, "{},{:03}", year / 1_000, year % 1_000);
                return true;
            }
            Field::Century => {
                let century = self.century();
                let digits = if fill {
                    0
                } else if century < 0 {
                    3
                } else {
                    2
                };
                let _ = write!(out, "{century:0digits$}");
                return true;
            }
            Field::MonthName(length) => {
                self.name(MONTHS[index(self.date.month - 1)], length, letters, fill, out);
            }
            Field::DayName(length) => {
                self.name(DAYS[index(weekday(self.days))], length, letters, fill, out);
            }
            Field::RomanMonth => {
                let roman = letters.apply(ROMAN[index(self.date.month - 1)]);
                let width = if fill { 0 } else { ROMAN_WIDTH };
                let _ = write!(out, "{roman:<width$}");
            }
            Field::Meridiem(points) => {
                pointed(if hour < 12 { "AM" } else { "PM" }, points, letters, out)
            }
            Field::Era(points) => {
                pointed(if self.date.year > 0 { "AD" } else { "BC" }, points, letters, out);
            }
            Field::Zone if self.zoned => out.push_str(&letters.apply("UTC")),
            Field::ZoneHour => out.push_str("+00"),
            Field::ZoneMinute => out.push_str("00"),
            Field::Offset => out.push_str(if fill { "+0" } else { "+00" }),
            _ => {}
        }
        false
    }

    /// The value of a field that is a number, and to how many digits it is filled up with zeros.
    fn number(&self, field: Field) -> Option<(i64, usize)> {
        let Date { year, month, day } = self.date;
        let seconds = self.time / SECOND;
        let fraction = self.time % SECOND;
        let hour = seconds / 3_600;
        let last = |year: i64, digits: u8| match digits {
            4 => (counted(year), 4),
            digits => (counted(year) % 10_i64.pow(u32::from(digits)), usize::from(digits)),
        };
        let of_year = self.days - days_of(year, 1, 1);
        let iso = || self.days - iso_year_begins(iso_year(self.days));
        Some(match field {
            Field::Year(digits) => last(year, digits),
            Field::IsoYear(digits) => last(iso_year(self.days), digits),
            Field::Quarter => ((month - 1) / 3 + 1, 1),
            Field::Month => (month, 2),
            Field::DayOfMonth => (day, 2),
            Field::DayOfYear => (of_year + 1, 3),
            Field::IsoDayOfYear => (iso() + 1, 3),
            Field::DayOfWeek => (weekday(self.days) + 1, 1),
            Field::IsoDayOfWeek => ((weekday(self.days) + 6) % 7 + 1, 1),
            Field::WeekOfMonth => ((day - 1) / 7 + 1, 1),
            Field::WeekOfYear => (of_year / 7 + 1, 2),
            Field::IsoWeek => (iso() / 7 + 1, 2),
            Field::JulianDay => (self.days + JULIAN_EPOCH, 1),
            Field::Hour24 => (hour, 2),
            Field::Hour12 => ((hour + 11) % 12 + 1, 2),
            Field::Minute => (seconds / 60 % 60, 2),
            Field::Second => (seconds % 60, 2),
            Field::SecondOfDay => (seconds, 1),
            Field::Millisecond => (fraction / 1_000, 3),
            Field::Fraction(digits) => {
                (fraction / 10_i64.pow(6 - u32::from(digits)), usize::from(digits))
            }
            _ => return None,
        })
    }

    fn century(&self) -> i64 {
        match self.date.year {
            year if year > 0 => (year - 1) / 100 + 1,
            year => year / 100 - 1,
        }
    }

    fn name(&self, name: &str, length: Length, letters: Letters, fill: bool, out: &mut String) {
        match length {
            Length::Three => out.push_str(&letters.apply(&name[..3])),
            Length::Full => {
                let width = if fill { 0 } else { NAME_WIDTH };
                let _ = write!(out, "{:<width$}", letters.apply(name));
            }
        }
    }
}

/// A year as people count it: before the year 1 there was the year 1 BC.
fn counted(year: i64) -> i64 {
    if year > 0 { year } else { 1 - year }
}

/// Whether a number keeps its zeros whatever is asked.
fn is_fixed(field: Field) -> bool {
    matches!(field, Field::Millisecond | Field::Fraction(_))
}

fn pointed(word: &str, points: Points, letters: Letters, out: &mut String) {
    for letter in letters.apply(word).chars() {
        out.push(letter);
        if points == Points::With {
            out.push('.');
        }
    }
}

fn index(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}
