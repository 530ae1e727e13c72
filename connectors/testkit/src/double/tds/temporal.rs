//! Dates and times between text and the numbers that the protocol sends.

use chrono::{Datelike, NaiveDate};

/// 100 nanoseconds in a day.
const DAY: u64 = 864_000_000_000;
/// 100 nanoseconds in a second.
const SECOND: u64 = 10_000_000;
/// Days from 0001-01-01 to 1900-01-01.
const EPOCH_1900: i64 = 693_595;
/// The last day, 9999-12-31.
const LAST_DAY: i64 = 3_652_058;

/// A day, counted from 0001-01-01, and the time in it in units of 100 ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) day: i64,
    pub(super) time: u64,
}

/// A date such as `2024-01-02`.
pub(super) fn date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date = NaiveDate::from_ymd_opt(digits(year)?, unsigned(month)?, unsigned(day)?)?;
    (1..=9999).contains(&date.year()).then(|| i64::from(date.num_days_from_ce()) - 1)
}

/// A time such as `12:34:56.1234567`, in units of 100 ns; more digits are rounded.
pub(super) fn time(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute) = (unsigned(parts.next()?)?, unsigned(parts.next()?)?);
    let rest = parts.next().unwrap_or("0");
    let (second, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let second = unsigned(second)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let whole = u64::from(hour * 3600 + minute * 60 + second) * SECOND;
    Some(whole + fraction_of_second(fraction)?)
}

/// A date and time, with a space or a `T` between; a date alone is midnight.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let Some((day, time_of_day)) = text.split_once([' ', 'T']) else {
        return Some(Moment { day: date(text)?, time: 0 });
    };
    carried(date(day)?, time(time_of_day)?)
}

/// A date and time with an offset behind, as the moment in UTC and the offset in minutes.
pub(super) fn zoned(text: &str) -> Option<(Moment, i16)> {
    let behind = text.rfind(['+', '-']).filter(|at| *at > 10);
    let (local, offset) = match (behind, text.strip_suffix('Z')) {
        (_, Some(local)) => (local, 0),
        (Some(at), None) => (&text[..at], offset(&text[at..])?),
        (None, None) => (text, 0),
    };
    let local = moment(local.trim_end())?;
    let ticks = local.day * i64::try_from(DAY).ok()? + i64::try_from(local.time).ok()?
        - i64::from(offset) * 60 * i64::try_from(SECOND).ok()?;
    let day = i64::try_from(DAY).ok()?;
    let time = u64::try_from(ticks.rem_euclid(day)).ok()?;
    Some((carried(ticks.div_euclid(day), time)?, offset))
}

impl Moment {
    /// The moment with so many digits behind the second; rounded into the next day where it must be.
    pub(super) fn rounded(self, scale: u8) -> Option<Moment> {
        let unit = unit(scale);
        carried(self.day, (self.time + unit / 2) / unit * unit)
    }

    /// Days since 1900 and 1/300 seconds: `datetime`.
    pub(super) fn as_datetime(self) -> Option<(i32, u32)> {
        // From 1753 on.
        let first = 639_905;
        let three_hundredths = (self.time * 300 + SECOND / 2) / SECOND;
        let of_day = 300 * 86_400;
        let day = self.day + i64::try_from(three_hundredths / of_day).ok()?;
        let valid = (first..=LAST_DAY).contains(&day);
        let days = i32::try_from(day - EPOCH_1900).ok().filter(|_| valid)?;
        Some((days, u32::try_from(three_hundredths % of_day).ok()?))
    }

    /// Days since 1900 and minutes: `smalldatetime`.
    pub(super) fn as_smalldatetime(self) -> Option<(u16, u16)> {
        let minutes = (self.time + 30 * SECOND) / (60 * SECOND);
        let day = self.day + i64::try_from(minutes / 1440).ok()?;
        Some((u16::try_from(day - EPOCH_1900).ok()?, u16::try_from(minutes % 1440).ok()?))
    }

    /// From `datetime`.
    pub(super) fn from_datetime(days: i32, three_hundredths: u32) -> Option<Moment> {
        let milliseconds = (u64::from(three_hundredths) * 10 + 1) / 3;
        carried(i64::from(days) + EPOCH_1900, milliseconds * 10_000)
    }

    /// From `smalldatetime`.
    pub(super) fn from_smalldatetime(days: u16, minutes: u16) -> Option<Moment> {
        carried(i64::from(days) + EPOCH_1900, u64::from(minutes) * 60 * SECOND)
    }

    /// As text, such as `2024-01-02 03:04:05.5`.
    pub(super) fn text(self) -> Option<String> {
        Some(format!("{} {}", date_text(self.day)?, time_text(self.time)))
    }
}

/// Units of 100 ns in the last digit of a scale.
pub(super) fn unit(scale: u8) -> u64 {
    10_u64.pow(u32::from(7_u8.saturating_sub(scale)))
}

/// Bytes of a time of a scale.
pub(super) fn time_size(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3 | 4 => 4,
        _ => 5,
    }
}

/// A date as text.
pub(super) fn date_text(day: i64) -> Option<String> {
    let day = i32::try_from(day).ok().filter(|day| (0..=LAST_DAY).contains(&i64::from(*day)))?;
    Some(NaiveDate::from_num_days_from_ce_opt(day + 1)?.to_string())
}

/// A time as text, without zeros at the end.
pub(super) fn time_text(time: u64) -> String {
    let second = time / SECOND;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let text = format!("{hour:02}:{minute:02}:{second:02}");
    match time % SECOND {
        0 => text,
        fraction => format!("{text}.{fraction:07}").trim_end_matches('0').to_string(),
    }
}

/// A day and a time that may be that of the next day's beginning.
fn carried(day: i64, time: u64) -> Option<Moment> {
    let day = day + i64::try_from(time / DAY).ok()?;
    (0..=LAST_DAY).contains(&day).then_some(Moment { day, time: time % DAY })
}

fn fraction_of_second(digits: &str) -> Option<u64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut ticks = 0;
    for at in 0..7 {
        ticks = ticks * 10 + u64::from(digits.as_bytes().get(at).map_or(0, |byte| byte - b'0'));
    }
    let up = digits.as_bytes().get(7).is_some_and(|byte| *byte >= b'5');
    Some(ticks + u64::from(up))
}

/// `+02`, `-03:30` or `+0530`, in minutes.
fn offset(text: &str) -> Option<i16> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let minutes = unsigned(hours)?.checked_mul(60)?.checked_add(unsigned(minutes)?)?;
    (minutes <= 14 * 60).then_some(sign * i16::try_from(minutes).ok()?)
}

fn unsigned(text: &str) -> Option<u32> {
    (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    text.parse().ok()
}

fn digits(text: &str) -> Option<i32> {
    i32::try_from(unsigned(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_the_year_one() {
        assert_eq!(date("0001-01-01"), Some(0));
        assert_eq!(date("1900-01-01"), Some(EPOCH_1900));
        assert_eq!(date("9999-12-31"), Some(LAST_DAY));
        for wrong in ["0000-01-01", "10000-01-01", "2023-02-29", "2024-01-02 BC", "x", "2024-1", ""]
        {
            assert_eq!(date(wrong), None, "{wrong}");
        }
        assert_eq!(date_text(LAST_DAY).as_deref(), Some("9999-12-31"));
        assert_eq!(date_text(LAST_DAY + 1), None);
    }

    #[test]
    fn times_keep_seven_digits_and_round_the_rest() {
        assert_eq!(time("23:59:59.9999999"), Some(DAY - 1));
        assert_eq!(time("00:00:00.00000005"), Some(1));
        assert_eq!(time("00:00:00.00000004"), Some(0));
        assert_eq!(time("01:02"), Some(3720 * SECOND));
        for wrong in ["24:00:00", "1:60:00", "1:2:3.x", "", "-1:00:00"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
        assert_eq!(time_text(DAY - 1), "23:59:59.9999999");
        assert_eq!(time_text(3720 * SECOND + 5_000_000), "01:02:00.5");
    }

    #[test]
    fn rounding_carries_into_the_next_day() {
        let last = moment("2024-12-31 23:59:59.9999999").unwrap();
        assert_eq!(last.rounded(7), Some(last));
        assert_eq!(last.rounded(3).and_then(Moment::text).as_deref(), Some("2025-01-01 00:00:00"));
        assert_eq!(last.as_datetime(), moment("2025-01-01").and_then(Moment::as_datetime));
        assert_eq!(moment("9999-12-31 23:59:59.9999999").and_then(|at| at.rounded(0)), None);
    }

    #[test]
    fn datetimes_have_steps_of_a_three_hundredth() {
        for text in ["1753-01-01 00:00:00", "2024-01-02 03:04:05.003", "9999-12-31 23:59:59.997"] {
            let (days, ticks) = moment(text).and_then(Moment::as_datetime).unwrap();
            let back = Moment::from_datetime(days, ticks).and_then(Moment::text);
            assert_eq!(back.as_deref(), Some(text));
        }
        assert_eq!(moment("1752-12-31").and_then(Moment::as_datetime), None);
        assert_eq!(
            moment("2079-06-06 23:59:29").and_then(Moment::as_smalldatetime),
            Some((65_535, 1439))
        );
        assert_eq!(moment("2079-06-06 23:59:30").and_then(Moment::as_smalldatetime), None);
        assert_eq!(moment("1899-12-31").and_then(Moment::as_smalldatetime), None);
    }

    #[test]
    fn offsets_are_taken_off_and_kept() {
        let utc = moment("2024-01-02 01:04:05").unwrap();
        for text in
            ["2024-01-02 03:04:05+02:00", "2024-01-02 03:04:05+02", "2024-01-02T03:04:05+0200"]
        {
            assert_eq!(zoned(text), Some((utc, 120)), "{text}");
        }
        assert_eq!(zoned("2024-01-02 01:04:05+00"), Some((utc, 0)));
        assert_eq!(zoned("2024-01-01 21:34:05-03:30"), Some((utc, -210)));
        assert_eq!(zoned("0001-01-01 00:00:00+01:00"), None);
        assert_eq!(zoned("2024-01-02 03:04:05+15:00"), None);
    }
}
