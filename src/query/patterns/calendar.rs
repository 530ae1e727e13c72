//! The Gregorian calendar, also before it was made, over every day that a time stamp can name. Years
//! are counted with a year 0, which is 1 BC.

const DAYS_OF_400_YEARS: i64 = 146_097;
/// From 1 March of the year 0 to 1 January 1970.
const EPOCH: i64 = 719_468;
/// The Julian day of 1 January 1970.
pub(in super::super) const JULIAN_EPOCH: i64 = 2_440_588;

/// A day's year, month and day of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Date {
    pub(in super::super) year: i64,
    pub(in super::super) month: i64,
    pub(in super::super) day: i64,
}

/// The days from 1 January 1970 to the day; a day beyond its month is one of the next.
pub(in super::super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March end with the day that some of them have more.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let before = 365 * year + year / 4 - year / 100;
    cycle * DAYS_OF_400_YEARS + before + (153 * month + 2) / 5 + day - 1 - EPOCH
}

/// The day so many days after 1 January 1970.
pub(in super::super) fn date_of(days: i64) -> Date {
    let days = days + EPOCH;
    let (cycle, rest) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    let year = (rest - rest / 1_460 + rest / 36_524 - rest / 146_096) / 365;
    let of_year = rest - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year;
    if month < 10 {
        Date { year, month: month + 3, day }
    } else {
        Date { year: year + 1, month: month - 9, day }
    }
}

/// The day of the week; Sunday is 0.
pub(in super::super) fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// The Monday of the first week of an ISO year: the week with 4 January.
pub(in super::super) fn iso_year_begins(year: i64) -> i64 {
    let fourth = days_of(year, 1, 4);
    fourth - (weekday(fourth) + 6) % 7
}

/// The year that a day's ISO week belongs to.
pub(in super::super) fn iso_year(days: i64) -> i64 {
    let thursday = days - (weekday(days) + 6) % 7 + 3;
    date_of(thursday).year
}

/// The days of a month.
pub(in super::super) fn length_of_month(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_of(next_year, next, 1) - days_of(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    #[test]
    fn days_are_those_of_the_calendar() {
        let start = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a day");
        for days in (-3_000_000..3_000_000).step_by(97) {
            let expected = start + chrono::TimeDelta::days(days);
            let date = date_of(days);
            assert_eq!(i64::from(expected.year()), date.year, "{days}");
            assert_eq!(i64::from(expected.month()), date.month, "{days}");
            assert_eq!(i64::from(expected.day()), date.day, "{days}");
            assert_eq!(days_of(date.year, date.month, date.day), days);
            assert_eq!(i64::from(expected.weekday().num_days_from_sunday()), weekday(days));
            assert_eq!(i64::from(expected.iso_week().year()), iso_year(days), "{days}");
            let week = (days - iso_year_begins(iso_year(days))) / 7 + 1;
            assert_eq!(i64::from(expected.iso_week().week()), week, "{days}");
        }
        assert_eq!((length_of_month(2024, 2), length_of_month(1900, 2)), (29, 28));
    }
}
