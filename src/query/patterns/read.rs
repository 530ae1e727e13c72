//! A date or time stamp out of a text: what `to_date` and `to_timestamp` take, and what they take it for.
//!
//! PostgreSQL is generous here, and so is this: blanks before fields are skipped, any punctuation
//! stands for any other, a field in front of something that is no digit is read to its end, and what
//! follows the last field is nobody's concern.

use super::Unsupported;
use super::calendar::{Date, JULIAN_EPOCH, date_of, days_of, iso_year_begins, length_of_month};
use super::dates::{Field, Length, Part, Points};
use super::show::{DAYS, MONTHS};

const SECOND: i64 = 1_000_000;

/// A pattern that can be read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reader {
    parts: Vec<Part>,
    iso: bool,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Days since 1970 began.
    pub(super) days: i64,
    /// Microseconds since midnight.
    pub(super) time: i64,
    /// Digits of the fraction that the pattern asked for.
    pub(super) precision: Option<u8>,
}

impl Reader {
    /// A reader of this pattern.
    ///
    /// # Errors
    /// Which of its fields cannot be read.
    pub(super) fn new(parts: Vec<Part>) -> Result<Self, Unsupported> {
        let (mut iso, mut common) = (false, false);
        for part in &parts {
            let Part::Field { field, .. } = part else { continue };
            match field {
                Field::IsoYear(_) | Field::IsoWeek | Field::IsoDayOfWeek | Field::IsoDayOfYear => {
                    iso = true;
                }
                Field::Year(_)
                | Field::YearWithComma
                | Field::Month
                | Field::MonthName(_)
                | Field::DayOfMonth
                | Field::DayOfWeek
                | Field::DayOfYear => common = true,
                _ => check(*field)?,
            }
        }
        if iso && common {
            let hint = "use IYYY, IW and ID, or YYYY, MM and DD, not both";
            return Err(Unsupported::new("a pattern of ISO weeks and of months", hint));
        }
        Ok(Self { parts, iso })
    }

    /// The moment that a text names; `None` where it names none.
    pub(super) fn read(&self, text: &str) -> Option<Read> {
        let mut cursor = Cursor { rest: text.as_bytes(), skipped: 0, exact: false };
        let mut found = Found::default();
        for (index, part) in self.parts.iter().enumerate() {
            if cursor.rest.is_empty() {
                break;
            }
            cursor.step(part, index == 0);
            let Part::Field { field, fill, ordinal, .. } = *part else { continue };
            let open = fill || ordinal.is_some() || ends_here(self.parts.get(index + 1));
            cursor.field(field, open, &mut found)?;
            if ordinal.is_some() && !is_name(field) {
                cursor.character();
                cursor.character();
            }
            if !cursor.exact {
                cursor.skipped = cursor.blanks();
            }
        }
        found.moment(self.iso)
    }
}

/// Whether a field can be read.
fn check(field: Field) -> Result<(), Unsupported> {
    let (name, hint) = match field {
        Field::Century => ("CC (century)", "read the year with YYYY"),
        Field::RomanMonth => ("RM (month in Roman figures)", "read the month with MM or MON"),
        Field::WeekOfYear => ("WW", "read ISO weeks with IYYY-IW, or days of the year with DDD"),
        Field::WeekOfMonth => ("W", "read the day with DD"),
        Field::Zone | Field::ZoneHour | Field::ZoneMinute | Field::Offset => (
            "TZ, TZH, TZM or OF (time zone)",
            "write CAST('2024-12-31 10:00:00+02' AS timestamp with time zone)",
        ),
        _ => return Ok(()),
    };
    Err(Unsupported::new(format!("reading {name}"), hint))
}

fn is_name(field: Field) -> bool {
    matches!(
        field,
        Field::MonthName(_) | Field::DayName(_) | Field::Meridiem(_) | Field::Era(_) | Field::Exact
    )
}

/// Whether what follows a number is no digit, so that the number is read to its end.
fn ends_here(next: Option<&Part>) -> bool {
    match next {
        None => true,
        Some(Part::Character(character)) => !character.is_ascii_digit(),
        Some(Part::Separator(_) | Part::Space(_)) => true,
        Some(Part::Field { field, .. }) => is_name(*field),
    }
}

/// The place in a text.
struct Cursor<'t> {
    rest: &'t [u8],
    /// Blanks and punctuation that were passed and that the pattern has not asked for yet.
    skipped: i64,
    exact: bool,
}

impl Cursor<'_> {
    /// Passes what is before a part, and the part where it is no field.
    fn step(&mut self, part: &Part, first: bool) {
        let is_field = matches!(part, Part::Field { .. });
        let switches = matches!(part, Part::Field { field: Field::Exact, .. });
        if !self.exact && !switches && (is_field || first) {
            self.skipped += self.blanks();
        }
        match part {
            Part::Field { .. } => {}
            _ if self.exact => self.character(),
            Part::Separator(_) | Part::Space(_) => {
                self.skipped -= 1;
                let passes = |byte: &u8| is_blank(*byte) || byte.is_ascii_punctuation();
                if self.rest.first().is_some_and(passes) {
                    self.character();
                    self.skipped += 1;
                }
            }
            // Something was passed already that may stand for it.
            Part::Character(_) if self.skipped > 0 => self.skipped -= 1,
            Part::Character(_) => self.character(),
        }
    }

    /// Passes blanks; how many.
    fn blanks(&mut self) -> i64 {
        let count = self.rest.iter().take_while(|byte| is_blank(**byte)).count();
        self.rest = &self.rest[count..];
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn character(&mut self) {
        let following = self.rest.iter().skip(1).take_while(|byte| **byte & 0xc0 == 0x80).count();
        self.rest = &self.rest[(1 + following).min(self.rest.len())..];
    }

    /// Reads one field.
    fn field(&mut self, field: Field, open: bool, found: &mut Found) -> Option<()> {
        let mut number = |width: usize| self.number(width, open);
        match field {
            Field::Exact => self.exact = true,
            Field::Year(4) | Field::IsoYear(4) => found.set_year(number(4)?.0)?,
            Field::Year(width) | Field::IsoYear(width) => {
                let (year, length) = number(usize::from(width))?;
                found.set_year(if length < 4 { whole_year(year) } else { year })?;
            }
            Field::YearWithComma => found.set_year(self.year_with_comma()?)?,
            Field::Month => set(&mut found.month, number(2)?.0)?,
            Field::MonthName(length) => {
                set(&mut found.month, self.name(&MONTHS, length)? + 1)?;
            }
            Field::DayOfMonth => set(&mut found.day, number(2)?.0)?,
            Field::DayOfYear | Field::IsoDayOfYear => set(&mut found.of_year, number(3)?.0)?,
            Field::IsoWeek => set(&mut found.week, number(2)?.0)?,
            Field::DayOfWeek => set(&mut found.of_week, number(1)?.0)?,
            Field::IsoDayOfWeek => {
                set(&mut found.of_week, number(1)?.0)?;
                found.of_week = if found.of_week >= 7 { 1 } else { found.of_week + 1 };
            }
            Field::DayName(length) => {
                set(&mut found.of_week, self.name(&DAYS, length)?)?;
                found.of_week += 1;
            }
            Field::Quarter => {
                number(1)?;
            }
            Field::JulianDay => set(&mut found.julian, number(1)?.0)?,
            Field::Hour24 => set(&mut found.hour, number(2)?.0)?,
            Field::Hour12 => {
                set(&mut found.hour, number(2)?.0)?;
                found.twelve = true;
            }
            Field::Minute => set(&mut found.minute, number(2)?.0)?,
            Field::Second => set(&mut found.second, number(2)?.0)?,
            Field::SecondOfDay => set(&mut found.of_day, number(4)?.0)?,
            Field::Millisecond => {
                let (value, length) = number(3)?;
                set(&mut found.milli, value)?;
                found.milli *= missing(length, 3);
            }
            Field::Fraction(digits) => {
                let (value, length) = number(usize::from(digits))?;
                set(&mut found.micro, value)?;
                found.micro *= missing(length, 6);
                found.precision = Some(digits).filter(|digits| *digits < 6);
            }
            Field::Meridiem(points) => {
                set(&mut found.afternoon, self.one_of(["am", "pm"], points)?)?;
                found.twelve = true;
            }
            Field::Era(points) => {
                set(&mut found.before, self.one_of(["ad", "bc"], points)?)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// A whole number and how many characters it took: as many as `width`, or all that belong to it.
    fn number(&mut self, width: usize, open: bool) -> Option<(i64, usize)> {
        let before = self.rest.len();
        let mut blanks = 0;
        if !open {
            blanks = self.rest.iter().take_while(|byte| is_blank(**byte)).count();
            if self.rest.len() < blanks + width {
                return None;
            }
        }
        let text = if open { self.rest } else { &self.rest[blanks..blanks + width] };
        let (value, length) = leading_number(text)?;
        if !open && length < width {
            return None;
        }
        self.rest = &self.rest[blanks + length..];
        Some((value, before - self.rest.len()))
    }

    fn year_with_comma(&mut self) -> Option<i64> {
        let (thousands, length) = leading_number(self.rest)?;
        let rest = self.rest[length..].strip_prefix(b",")?;
        let (years, digits) = leading_number(&rest[..rest.len().min(3)])?;
        self.rest = &rest[digits..];
        thousands.checked_mul(1_000)?.checked_add(years).filter(|year| i32::try_from(*year).is_ok())
    }

    /// The place in a list of the name that comes next.
    fn name(&mut self, names: &[&str], length: Length) -> Option<i64> {
        let names = names.iter().map(|name| match length {
            Length::Full => *name,
            Length::Three => &name[..3],
        });
        for (index, name) in (0..).zip(names) {
            let next = self.rest.get(..name.len());
            if next.is_some_and(|next| next.eq_ignore_ascii_case(name.as_bytes())) {
                self.rest = &self.rest[name.len()..];
                return Some(index);
            }
        }
        None
    }

    fn one_of(&mut self, words: [&str; 2], points: Points) -> Option<i64> {
        for (index, word) in (0..).zip(words) {
            let word = match points {
                Points::Without => word.to_string(),
                Points::With => word.chars().flat_map(|letter| [letter, '.']).collect(),
            };
            let next = self.rest.get(..word.len());
            if next.is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes())) {
                self.rest = &self.rest[word.len()..];
                return Some(index);
            }
        }
        None
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The number at the beginning, with blanks and a sign before it; how many characters it took.
fn leading_number(text: &[u8]) -> Option<(i64, usize)> {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    let sign = usize::from(matches!(text.get(blanks), Some(b'-' | b'+')));
    let from = blanks + sign;
    let digits = text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let value = text[from..from + digits].iter().try_fold(0_i64, |value, digit| {
        let value = value * 10 + i64::from(digit - b'0');
        (value <= i64::from(i32::MAX)).then_some(value)
    })?;
    let negative = sign == 1 && text[blanks] == b'-';
    Some((if negative { -value } else { value }, from + digits))
}

/// What a fraction is multiplied by that was written with fewer digits.
fn missing(length: usize, digits: usize) -> i64 {
    let missing = digits.saturating_sub(length);
    10_i64.pow(u32::try_from(missing).unwrap_or(0))
}

/// The year nearest to 2020 that ends so.
fn whole_year(year: i64) -> i64 {
    match year {
        year if year < 70 => year + 2_000,
        year if year < 100 => year + 1_900,
        year if year < 520 => year + 2_000,
        year if year < 1_000 => year + 1_000,
        year => year,
    }
}

/// A value that is named twice is the same both times. What is 0 was not named.
fn set(place: &mut i64, value: i64) -> Option<()> {
    if *place != 0 && *place != value {
        return None;
    }
    *place = value;
    Some(())
}

/// The values that a text named; 0 where it did not.
#[derive(Debug, Default)]
struct Found {
    year: i64,
    before: i64,
    month: i64,
    day: i64,
    of_year: i64,
    week: i64,
    of_week: i64,
    julian: i64,
    hour: i64,
    minute: i64,
    second: i64,
    of_day: i64,
    milli: i64,
    micro: i64,
    twelve: bool,
    afternoon: i64,
    precision: Option<u8>,
}

impl Found {
    fn set_year(&mut self, year: i64) -> Option<()> {
        set(&mut self.year, year)
    }

    fn moment(&self, iso: bool) -> Option<Read> {
        let days = self.days(iso)?;
        Some(Read { days, time: self.time()?, precision: self.precision })
    }

    fn time(&self) -> Option<i64> {
        let (mut hour, mut minute, mut second) =
            (self.of_day / 3_600, self.of_day % 3_600 / 60, self.of_day % 60);
        for (place, value) in
            [(&mut hour, self.hour), (&mut minute, self.minute), (&mut second, self.second)]
        {
            if value != 0 {
                *place = value;
            }
        }
        if self.twelve {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + 12 * self.afternoon;
        }
        let fraction = self.milli * 1_000 + self.micro;
        let fits = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..SECOND).contains(&fraction);
        fits.then_some(((hour * 60 + minute) * 60 + second) * SECOND + fraction)
    }

    /// Without a year it is the year before the year 1; without a month or a day, the first.
    fn days(&self, iso: bool) -> Option<i64> {
        let signed = if self.before == 1 { -self.year } else { self.year };
        let mut date = Date { year: signed, month: 1, day: 1 };
        if signed < 0 {
            date.year += 1;
        }
        let (mut has_year, mut has_month, mut has_day) = (self.year != 0, false, false);
        if self.julian != 0 {
            date = date_of(self.julian - JULIAN_EPOCH);
            (has_year, has_month, has_day) = (true, true, true);
        }
        if self.week != 0 && iso {
            // Counted from Sunday as 1.
            let of_week = if self.of_week == 0 { 0 } else { (self.of_week + 5) % 7 };
            date = date_of(iso_year_begins(date.year) + (self.week - 1) * 7 + of_week);
            (has_year, has_month, has_day) = (true, true, true);
        }
        if self.day != 0 {
            (date.day, has_day) = (self.day, true);
        }
        if self.month != 0 {
            (date.month, has_month) = (self.month, true);
        }
        if self.of_year != 0 && (date.month <= 1 || date.day <= 1) {
            if date.year == 0 && self.before == 0 {
                return None;
            }
            return self.day_of_year(iso, date);
        }
        valid(date, has_year, has_month, has_day)
    }
    /// The day of a year, where month or day are open.
    fn day_of_year(&self, iso: bool, date: Date) -> Option<i64> {
        if iso {
            return Some(iso_year_begins(date.year) + self.of_year - 1);
        }
        let first = days_of(date.year, 1, 1);
        let of_year = first + self.of_year - 1;
        if !(first..days_of(date.year + 1, 1, 1)).contains(&of_year) {
            return None;
        }
        let named = date_of(of_year);
        let month = if date.month <= 1 { named.month } else { date.month };
        let day = if date.day <= 1 { named.day } else { date.day };
        valid(Date { month, day, ..date }, self.year != 0, true, true)
    }
}

/// The day, where it is one as far as it was named.
fn valid(date: Date, has_year: bool, has_month: bool, has_day: bool) -> Option<i64> {
    let fits = (!has_month || (1..=12).contains(&date.month))
        && (!has_day || (1..=31).contains(&date.day))
        && (!(has_year && has_month && has_day)
            || date.day <= length_of_month(date.year, date.month));
    fits.then(|| days_of(date.year, date.month, date.day))
}
