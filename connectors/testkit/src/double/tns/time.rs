//! Dates, timestamps and intervals: between text and the protocol's bytes.

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike};

/// Hours and minutes of a zone have these added.
const ZONE: (i32, i32) = (20, 60);
/// Whole days, years and nanoseconds of an interval have this added.
const MIDDLE: i64 = 0x8000_0000;
/// Months, hours, minutes and seconds of an interval have this added.
const OFFSET: i64 = 60;

/// A point in time as text spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    /// Minutes east of UTC, where a zone is spelled.
    zone: Option<i32>,
}

impl Moment {
    /// Reads `2024-01-02`, `2024-01-02 03:04:05.678` and either with a zone or ` BC` behind.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, era) = match text.strip_suffix(" BC") {
            Some(text) => (text, -1),
            None => (text, 1),
        };
        let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
        let mut parts = date.split('-');
        let year: i32 = parts.next()?.parse().ok()?;
        let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        if parts.next().is_some() || !(1..=9999).contains(&year) {
            return None;
        }
        // The calendar of a year before the first is that of the same year after it, leap days aside.
        NaiveDate::from_ymd_opt(if era < 0 { 4 } else { year }, u32::from(month), u32::from(day))?;
        let mut moment = Self {
            year: year * era,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
            nanos: 0,
            zone: None,
        };
        if !time.is_empty() {
            moment.clock(time)?;
        }
        Some(moment)
    }

    fn clock(&mut self, time: &str) -> Option<()> {
        let zone = time.find(['+', '-', 'Z']);
        let (time, zone) = time.split_at(zone.unwrap_or(time.len()));
        let mut parts = time.trim_end().split(':');
        self.hour = parts.next()?.parse().ok().filter(|hour| *hour < 24)?;
        self.minute = parts.next()?.parse().ok().filter(|minute| *minute < 60)?;
        let seconds = parts.next().unwrap_or("0");
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        self.second = whole.parse().ok().filter(|second| *second < 60)?;
        self.nanos = nanos(fraction)?;
        if !zone.is_empty() {
            self.zone = Some(minutes_east(zone)?);
        }
        parts.next().is_none().then_some(())
    }

    /// The same moment on the clock of UTC, and the zone it was spelled in.
    fn utc(self) -> Option<(Self, i32)> {
        let zone = self.zone.unwrap_or(0);
        if zone == 0 {
            return Some((self, 0));
        }
        let local = NaiveDate::from_ymd_opt(self.year, u32::from(self.month), u32::from(self.day))?
            .and_hms_opt(u32::from(self.hour), u32::from(self.minute), u32::from(self.second))?
            .checked_sub_signed(TimeDelta::minutes(i64::from(zone)))?;
        let small = |number: u32| u8::try_from(number).ok();
        let moved = Self {
            year: local.year(),
            month: small(local.month())?,
            day: small(local.day())?,
            hour: small(local.hour())?,
            minute: small(local.minute())?,
            second: small(local.second())?,
            ..self
        };
        Some((moved, zone))
    }

    /// DATE's seven bytes.
    pub(super) fn date(self) -> Option<[u8; 7]> {
        let byte = |number: i32| u8::try_from(number + 100).ok();
        let (century, year) = (byte(self.year / 100)?, byte(self.year % 100)?);
        let clock = [self.hour + 1, self.minute + 1, self.second + 1];
        Some([century, year, self.month, self.day, clock[0], clock[1], clock[2]])
    }

    /// TIMESTAMP's bytes: eleven, or seven where the second is whole.
    pub(super) fn timestamp(self, out: &mut Vec<u8>) -> Option<()> {
        out.extend(self.date()?);
        if self.nanos > 0 {
            out.extend(self.nanos.to_be_bytes());
        }
        Some(())
    }

    /// TIMESTAMP WITH LOCAL TIME ZONE's bytes: those of TIMESTAMP in the database's zone, UTC.
    pub(super) fn local(self, out: &mut Vec<u8>) -> Option<()> {
        self.utc()?.0.timestamp(out)
    }

    /// TIMESTAMP WITH TIME ZONE's thirteen bytes.
    pub(super) fn zoned(self, out: &mut Vec<u8>) -> Option<()> {
        let (utc, zone) = self.utc()?;
        out.extend(utc.date()?);
        out.extend(utc.nanos.to_be_bytes());
        out.push(u8::try_from(zone / 60 + ZONE.0).ok()?);
        out.push(u8::try_from(zone % 60 + ZONE.1).ok()?);
        Some(())
    }
}

/// The bytes of DATE or a TIMESTAMP of any kind as text.
pub(super) fn moment_text(bytes: &[u8]) -> Option<String> {
    let [century, year, month, day, hour, minute, second] = *bytes.first_chunk::<7>()?;
    let year = (i32::from(century) - 100) * 100 + i32::from(year) - 100;
    let (year, era) = if year < 0 { (-year, " BC") } else { (year, "") };
    let one = |number: u8| number.checked_sub(1);
    let (hour, minute, second) = (one(hour)?, one(minute)?, one(second)?);
    let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    if let Some(nanos) = bytes.get(7..11) {
        let nanos = u32::from_be_bytes([nanos[0], nanos[1], nanos[2], nanos[3]]);
        push_fraction(&mut text, nanos);
    }
    if bytes.len() >= 13 {
        // The digits are UTC's, whatever zone stands behind.
        text.push_str("+00");
    }
    text.push_str(era);
    Moment::parse(&text).is_some().then_some(text)
}

/// An interval of years and months as its five bytes.
pub(super) fn months_bytes(text: &str) -> Option<Vec<u8>> {
    let total = match text.split_whitespace().next().and_then(literal_months) {
        Some(total) if text.split_whitespace().count() == 1 => total,
        _ => {
            let span = Span::parse(text)?;
            (span.nanos == 0 && span.days == 0).then_some(span.months)?
        }
    };
    let mut out = u32::try_from(total / 12 + MIDDLE).ok()?.to_be_bytes().to_vec();
    out.push(u8::try_from(total % 12 + OFFSET).ok()?);
    Some(out)
}

/// An interval of days and time as its eleven bytes.
pub(super) fn days_bytes(text: &str) -> Option<Vec<u8>> {
    let nanos = match literal_nanos(text) {
        Some(nanos) => nanos,
        None => {
            let span = Span::parse(text)?;
            if span.months != 0 {
                return None;
            }
            i128::from(span.days) * 86_400_000_000_000 + span.nanos
        }
    };
    let unit = |nanos: i128, each: i128, of: i128| i64::try_from(nanos / each % of).ok();
    let days = i64::try_from(nanos / 86_400_000_000_000).ok()?;
    let mut out = u32::try_from(days + MIDDLE).ok()?.to_be_bytes().to_vec();
    for (each, of) in [(3_600_000_000_000, 24), (60_000_000_000, 60), (1_000_000_000, 60)] {
        out.push(u8::try_from(unit(nanos, each, of)? + OFFSET).ok()?);
    }
    out.extend(u32::try_from(unit(nanos, 1, 1_000_000_000)? + MIDDLE).ok()?.to_be_bytes());
    Some(out)
}

/// The bytes of an interval of years and months as text.
pub(super) fn months_text(bytes: &[u8]) -> Option<String> {
    let [a, b, c, d, months] = *bytes.first_chunk::<5>()?;
    let years = i64::from(u32::from_be_bytes([a, b, c, d])) - MIDDLE;
    Some(format!("{years} years {} mons", i64::from(months) - OFFSET))
}

/// The bytes of an interval of days and time as text.
pub(super) fn days_text(bytes: &[u8]) -> Option<String> {
    let [a, b, c, d, hours, minutes, seconds, n1, n2, n3, n4] = *bytes.first_chunk::<11>()?;
    let days = i64::from(u32::from_be_bytes([a, b, c, d])) - MIDDLE;
    let nanos = i64::from(u32::from_be_bytes([n1, n2, n3, n4])) - MIDDLE;
    let clock = [hours, minutes, seconds].map(|part| i64::from(part) - OFFSET);
    let whole = (clock[0] * 60 + clock[1]) * 60 + clock[2];
    let total = i128::from(whole) * 1_000_000_000 + i128::from(nanos);
    let (sign, total) = (if total < 0 { "-" } else { "" }, total.unsigned_abs());
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    let (hours, rest) = (seconds / 3600, seconds % 3600);
    let mut text = format!("{days} days {sign}{hours:02}:{:02}:{:02}", rest / 60, rest % 60);
    push_fraction(&mut text, u32::try_from(total % 1_000_000_000).ok()?);
    Some(text)
}

fn push_fraction(text: &mut String, nanos: u32) {
    if nanos > 0 {
        let digits = format!("{nanos:09}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

/// An interval as PostgreSQL prints it.
#[derive(Debug, Default)]
struct Span {
    months: i64,
    days: i64,
    nanos: i128,
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let mut span = Self::default();
        let mut words = text.split_whitespace();
        let mut any = false;
        while let Some(word) = words.next() {
            any = true;
            if word.contains(':') {
                span.nanos += clock_nanos(word)?;
                continue;
            }
            let number: i64 = word.parse().ok()?;
            match words.next()?.trim_end_matches('s') {
                "year" => span.months += number.checked_mul(12)?,
                "mon" | "month" => span.months += number,
                "day" => span.days += number,
                _ => return None,
            }
        }
        any.then_some(span)
    }
}

/// `+01-02`, as an INTERVAL literal spells years and months.
fn literal_months(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let (years, months) = text.strip_prefix(['-', '+']).unwrap_or(text).split_once('-')?;
    let total = years.parse::<u32>().ok()?.checked_mul(12)?.checked_add(months.parse().ok()?)?;
    Some(if negative { -i64::from(total) } else { i64::from(total) })
}

/// `+01 02:03:04.5`, as an INTERVAL literal spells days and time.
fn literal_nanos(text: &str) -> Option<i128> {
    let negative = text.starts_with('-');
    let (days, clock) = text.strip_prefix(['-', '+']).unwrap_or(text).split_once(' ')?;
    let days: u32 = days.parse().ok()?;
    let nanos = i128::from(days) * 86_400_000_000_000 + clock_nanos(clock)?;
    Some(if negative { -nanos } else { nanos })
}

/// `-02:03:04.5` in nanoseconds.
fn clock_nanos(text: &str) -> Option<i128> {
    let negative = text.starts_with('-');
    let mut parts = text.strip_prefix(['-', '+']).unwrap_or(text).split(':');
    let hours: u64 = parts.next()?.parse().ok()?;
    let minutes: u64 = parts.next()?.parse().ok()?;
    let seconds = parts.next().unwrap_or("0");
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole = (i128::from(hours) * 60 + i128::from(minutes)) * 60 + whole.parse::<i128>().ok()?;
    let total = whole * 1_000_000_000 + i128::from(nanos(fraction)?);
    Some(if negative { -total } else { total })
}

/// Digits behind a point as nanoseconds.
fn nanos(fraction: &str) -> Option<u32> {
    if fraction.is_empty() {
        return Some(0);
    }
    let digits: u32 = fraction.get(..fraction.len().min(9))?.parse().ok()?;
    Some(digits * 10_u32.pow(u32::try_from(9 - fraction.len().min(9)).ok()?))
}

/// `+02`, `-03:30`, `Z` in minutes.
fn minutes_east(zone: &str) -> Option<i32> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let mut parts = zone.get(1..)?.split(':');
    let hours: i32 = parts.next()?.parse().ok()?;
    let minutes: i32 = parts.next().map_or(Some(0), |part| part.parse().ok())?;
    (hours < 15 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Moment::parse(text).unwrap().timestamp(&mut out).unwrap();
        out
    }

    #[test]
    fn dates_have_the_manuals_bytes() {
        let date = |text: &str| Moment::parse(text).unwrap().date().unwrap();
        assert_eq!(date("1992-11-30 15:17:00"), [119, 192, 11, 30, 16, 18, 1]);
        assert_eq!(date("0001-01-01"), [100, 101, 1, 1, 1, 1, 1]);
        assert_eq!(date("9999-12-31 23:59:59"), [199, 199, 12, 31, 24, 60, 60]);
        assert_eq!(date("4712-01-01 BC"), [53, 88, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn timestamps_come_back() {
        for text in
            ["2024-01-02 03:04:05.000000001", "1988-12-31 23:59:59", "0044-02-29 00:00:00.5 BC"]
        {
            assert_eq!(moment_text(&stamp(text)).as_deref(), Some(text));
        }
        let mut out = Vec::new();
        Moment::parse("2024-01-01 01:30:00.25+05:30").unwrap().zoned(&mut out).unwrap();
        assert_eq!(out[11..], [25, 90]);
        assert_eq!(moment_text(&out).as_deref(), Some("2023-12-31 20:00:00.25+00"));
    }

    #[test]
    fn intervals_come_back() {
        for (text, told) in [
            ("1 day 02:03:04.5", "1 days 02:03:04.5"),
            ("-1 days -02:03:00", "-1 days -02:03:00"),
            ("-1 days +02:00:00", "0 days -22:00:00"),
            ("00:00:00.000000001", "0 days 00:00:00.000000001"),
            ("+999999999 23:59:59.999999999", "999999999 days 23:59:59.999999999"),
            ("-05 04:03:02", "-5 days -04:03:02"),
        ] {
            assert_eq!(days_text(&days_bytes(text).unwrap()).as_deref(), Some(told), "{text}");
        }
        for (text, told) in [
            ("1 year 2 mons", "1 years 2 mons"),
            ("-1 years -2 mons", "-1 years -2 mons"),
            ("+99-11", "99 years 11 mons"),
            ("-00-01", "0 years -1 mons"),
            ("999999999 years", "999999999 years 0 mons"),
        ] {
            assert_eq!(months_text(&months_bytes(text).unwrap()).as_deref(), Some(told), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "infinity", "2024-13-01", "2024-02-30", "2024-01-01 25:00:00", "10000-01-01"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        for text in ["", "1", "1 week", "1 mon", "a:b"] {
            assert_eq!(days_bytes(text), None, "{text}");
        }
        assert_eq!(months_bytes("1 day"), None);
        assert_eq!(moment_text(&[0; 7]), None);
        assert_eq!(moment_text(&[255; 13]), None);
    }
}
