//! A moment as SQLite counts it: milliseconds since the Julian calendar's first noon.

const DAY: i64 = 86_400_000;
/// 1970-01-01.
const EPOCH: i64 = 210_866_760_000_000;
/// The last millisecond of 9999.
const LAST: i64 = 464_269_060_799_999;
/// The longest format and modifier.
const MOST_BYTES: usize = 256;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(i64);

/// A moment taken apart.
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    /// Milliseconds of the day.
    time: i64,
}

impl Moment {
    /// Reads a date, a time, both, or a number: of days, or of seconds since 1970.
    pub(super) fn read(text: &str, seconds: bool) -> Option<Self> {
        let text = text.trim_end();
        if let Ok(number) = text.trim_start().parse::<f64>()
            && number.is_finite()
        {
            let milliseconds =
                if seconds { number * 1000.0 + EPOCH as f64 } else { number * DAY as f64 };
            return Self::checked((milliseconds + 0.5).floor() as i64);
        }
        if seconds {
            return None;
        }
        let (date, rest) = match text.split_at_checked(10) {
            Some((date, rest)) if !date.contains(':') => {
                let rest = rest.strip_prefix(['T', ' ']).map_or(rest, str::trim_start);
                (days_of(date)?, rest)
            }
            _ => (days(2000, 1, 1), text),
        };
        let time = if rest.is_empty() && text.len() >= 10 { 0 } else { time_of(rest)? };
        Self::checked(EPOCH + date * DAY + time)
    }

    fn checked(milliseconds: i64) -> Option<Self> {
        (0..=LAST).contains(&milliseconds).then_some(Self(milliseconds))
    }

    /// The moment that a modifier makes of it.
    pub(super) fn modified(self, modifier: &str) -> Option<Self> {
        let modifier = modifier.trim().to_lowercase();
        let parts = self.parts();
        match modifier.as_str() {
            "localtime" | "utc" | "auto" | "subsec" | "subsecond" => return Some(self),
            "start of day" => return Self::of(parts.year, parts.month, parts.day, 0),
            "start of month" => return Self::of(parts.year, parts.month, 1, 0),
            "start of year" => return Self::of(parts.year, 1, 1, 0),
            _ => {}
        }
        if let Some(wanted) = modifier.strip_prefix("weekday ") {
            let wanted = wanted.trim().parse::<i64>().ok().filter(|day| (0..=6).contains(day))?;
            let today = self.weekday();
            return Self::checked(self.0 + (wanted - today).rem_euclid(7) * DAY);
        }
        let (number, unit) = count_of(&modifier)?;
        let add = |milliseconds: f64| {
            let sum = self.0 as f64 + (number * milliseconds).round();
            if sum.abs() < LAST as f64 * 2.0 { Self::checked(sum as i64) } else { None }
        };
        match unit {
            "second" => add(1000.0),
            "minute" => add(60_000.0),
            "hour" => add(3_600_000.0),
            "day" => add(DAY as f64),
            "month" | "year" => {
                let each = if unit == "year" { 12 } else { 1 };
                let rest = number.fract() * if unit == "year" { 365.0 } else { 30.0 };
                let months = parts.year * 12 + parts.month - 1 + number.trunc() as i64 * each;
                let moved = Self::of(
                    months.div_euclid(12),
                    months.rem_euclid(12) + 1,
                    parts.day,
                    parts.time,
                )?;
                Self::checked(moved.0 + (rest * DAY as f64).round() as i64)
            }
            _ => None,
        }
    }

    fn of(year: i64, month: i64, day: i64, time: i64) -> Option<Self> {
        if !(-4713..=9999).contains(&year) {
            return None;
        }
        Self::checked(EPOCH + days(year, month, day) * DAY + time)
    }

    /// Days since the first noon.
    pub(super) fn julian_day(self) -> f64 {
        self.0 as f64 / DAY as f64
    }

    /// Seconds since 1970.
    pub(super) fn seconds(self) -> i64 {
        (self.0 - EPOCH).div_euclid(1000)
    }

    fn day_number(self) -> i64 {
        (self.0 - EPOCH).div_euclid(DAY)
    }

    /// Sunday is 0.
    fn weekday(self) -> i64 {
        (self.day_number() + 4).rem_euclid(7)
    }

    fn parts(self) -> Parts {
        let (year, month, day) = civil(self.day_number());
        Parts { year, month, day, time: (self.0 - EPOCH).rem_euclid(DAY) }
    }

    /// The moment by a format; `None` where the format is not known.
    pub(super) fn show(self, format: &str) -> Option<String> {
        let Parts { year, month, day, time } = self.parts();
        let (hour, minute, second) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60);
        let of_year = self.day_number() - days(year, 1, 1);
        let half = if hour % 12 == 0 { 12 } else { hour % 12 };
        let mut shown = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                shown.push(letter);
                continue;
            }
            let part = match letters.next()? {
                'd' => format!("{day:02}"),
                'e' => format!("{day:2}"),
                'f' => format!("{second:02}.{:03}", time % 1000),
                'F' => format!("{year:04}-{month:02}-{day:02}"),
                'H' => format!("{hour:02}"),
                'I' => format!("{half:02}"),
                'j' => format!("{:03}", of_year + 1),
                'k' => format!("{hour:2}"),
                'l' => format!("{half:2}"),
                'm' => format!("{month:02}"),
                'M' => format!("{minute:02}"),
                'p' => if hour < 12 { "AM" } else { "PM" }.to_string(),
                'P' => if hour < 12 { "am" } else { "pm" }.to_string(),
                'R' => format!("{hour:02}:{minute:02}"),
                's' => self.seconds().to_string(),
                'S' => format!("{second:02}"),
                'T' => format!("{hour:02}:{minute:02}:{second:02}"),
                'u' => if self.weekday() == 0 { 7 } else { self.weekday() }.to_string(),
                'w' => self.weekday().to_string(),
                // Weeks begin on a Monday.
                'W' => format!("{:02}", (of_year + 7 - (self.weekday() + 6).rem_euclid(7)) / 7),
                'Y' => format!("{year:04}"),
                '%' => "%".to_string(),
                _ => return None,
            };
            shown.push_str(&part);
        }
        Some(shown)
    }
}

/// Whether a format is one that [`Moment::show`] knows.
pub(super) fn is_format(format: &str) -> bool {
    format.len() <= MOST_BYTES && Moment(EPOCH).show(format).is_some()
}

/// Whether a constant is a modifier.
pub(super) fn is_modifier(text: &str) -> bool {
    let seconds = text.trim().eq_ignore_ascii_case("unixepoch");
    text.len() <= MOST_BYTES
        && (seconds || text.eq_ignore_ascii_case("now") || Moment(EPOCH).modified(text).is_some())
}

/// `+7 days` as a number and a unit.
fn count_of(modifier: &str) -> Option<(f64, &'static str)> {
    let end = modifier.find(|c: char| c.is_alphabetic())?;
    let number = modifier[..end].trim();
    let number = number.strip_prefix('+').unwrap_or(number).parse::<f64>().ok()?;
    let written = modifier[end..].trim_end_matches('s');
    let units = ["second", "minute", "hour", "day", "month", "year"];
    let unit = units.into_iter().find(|unit| *unit == written)?;
    (number.is_finite() && number.abs() < 1e10).then_some((number, unit))
}

fn number(digits: &str, length: usize) -> Option<i64> {
    let fits = digits.len() == length && digits.bytes().all(|digit| digit.is_ascii_digit());
    if fits { digits.parse().ok() } else { None }
}

/// Days since 1970 of `YYYY-MM-DD`.
fn days_of(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let fits = parts.next().is_none() && (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then(|| days(year, month, day))
}

/// Milliseconds of `HH:MM[:SS[.SSS]]` with a zone behind it.
fn time_of(text: &str) -> Option<i64> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(text.len());
    let (clock, zone) = text.split_at(end);
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = match parts.next() {
        None => 0.0,
        Some(second) if second.len() >= 2 && second.split('.').next()?.len() == 2 => {
            second.parse::<f64>().ok()?
        }
        Some(_) => return None,
    };
    if hour > 23 || minute > 59 || second >= 60.0 {
        return None;
    }
    let shift = match zone.trim() {
        "" | "Z" | "z" => 0,
        offset => {
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = offset.strip_prefix(['+', '-'])?.split_once(':')?;
            sign * (number(hours, 2)? * 60 + number(minutes, 2)?)
        }
    };
    Some((hour * 60 + minute - shift) * 60_000 + (second * 1000.0 + 0.5).floor() as i64)
}

/// Days since 1970 of a date; a day beyond its month runs on into the next.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, modifiers: &[&str], format: &str) -> Option<String> {
        let seconds = modifiers.first() == Some(&"unixepoch");
        let first = Moment::read(text, seconds)?;
        let rest = modifiers.iter().skip(usize::from(seconds));
        rest.copied().try_fold(first, Moment::modified)?.show(format)
    }

    #[test]
    fn moments_are_read_moved_and_shown_as_sqlite_does() {
        for (text, modifiers, format, expected) in [
            ("2024-01-31", &["+1 month"][..], "%Y-%m-%d", "2024-03-02"),
            ("2024-02-29", &["-1 year"], "%F", "2023-03-01"),
            ("2024-05-17 13:45:10.5", &[], "%H:%M:%f %j %w %W", "13:45:10.500 138 5 20"),
            ("2024-05-17T00:30:00+02:00", &[], "%F %T", "2024-05-16 22:30:00"),
            ("2451545", &[], "%F %R", "2000-01-01 12:00"),
            ("1700000000", &["unixepoch"], "%F %T", "2023-11-14 22:13:20"),
            ("2024-05-17", &["start of month", "-1 days"], "%F", "2024-04-30"),
            ("2024-05-17", &["weekday 0"], "%F", "2024-05-19"),
            ("1850-01-01", &[], "%s", "-3786825600"),
            ("11:30", &[], "%F %T", "2000-01-01 11:30:00"),
        ] {
            let found = shown(text, modifiers, format);
            assert_eq!(found.as_deref(), Some(expected), "{text} {modifiers:?}");
        }
        for text in ["", "2024", "17.05.2024", "2024-13-01", "2024-01-01 25:00", "soon", "99999999"]
        {
            let found = shown(text, &[], "%F");
            // A bare number is a count of days.
            assert_eq!(found.is_some(), text == "2024", "{text}: {found:?}");
        }
        assert_eq!(Moment::read("2000-01-01", false).map(Moment::julian_day), Some(2_451_544.5));
        assert!(is_modifier("+1.5 hours") && !is_modifier("tomorrow") && !is_format("%Q"));
    }
}
