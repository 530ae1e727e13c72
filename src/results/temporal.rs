//! Dates, times and intervals in ISO 8601, written without a calendar library: this runs once per
//! cell.

use std::ops::{Div, Rem};

const DAY_SECONDS: i64 = 86_400;

/// `YYYY-MM-DD`; years beyond four digits carry a sign.
pub(super) fn push_date(out: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    if (0..=9999).contains(&year) {
        push_padded(out, year.unsigned_abs(), 4);
    } else {
        out.push(if year < 0 { '-' } else { '+' });
        push_padded(out, year.unsigned_abs(), 4);
    }
    out.push('-');
    push_padded(out, month, 2);
    out.push('-');
    push_padded(out, day, 2);
}

/// A date, `T` and a time of day. `units` of a second since 1970, `per_second` of them.
pub(super) fn push_timestamp(out: &mut String, units: i64, per_second: i64) {
    let seconds = units.div_euclid(per_second);
    push_date(out, seconds.div_euclid(DAY_SECONDS));
    out.push('T');
    let of_day = seconds.rem_euclid(DAY_SECONDS).unsigned_abs();
    push_clock(out, of_day, units.rem_euclid(per_second).unsigned_abs(), per_second.unsigned_abs());
}

/// `HH:MM:SS` and a fraction, where there is one.
pub(super) fn push_time(out: &mut String, units: i64, per_second: i64) {
    let seconds = units.div_euclid(per_second).unsigned_abs();
    push_clock(
        out,
        seconds,
        units.rem_euclid(per_second).unsigned_abs(),
        per_second.unsigned_abs(),
    );
}

/// `P1Y2M3DT4H5M6.7S`; each part has its own sign, as PostgreSQL writes it.
pub(super) fn push_interval(out: &mut String, months: i64, days: i64, units: i64, per_second: i64) {
    let start = out.len();
    out.push('P');
    push_part(out, months / 12, 'Y');
    push_part(out, months % 12, 'M');
    push_part(out, days, 'D');
    if units != 0 {
        out.push('T');
        let seconds = units.div(per_second);
        push_part(out, seconds / 3600, 'H');
        push_part(out, seconds / 60 % 60, 'M');
        let (whole, fraction) = (seconds % 60, units.rem(per_second));
        if whole != 0 || fraction != 0 {
            if units < 0 {
                out.push('-');
            }
            push_padded(out, whole.unsigned_abs(), 1);
            push_fraction(out, fraction.unsigned_abs(), per_second.unsigned_abs());
            out.push('S');
        }
    }
    if out.len() == start + 1 {
        out.push_str("T0S");
    }
}

/// The number with leading zeros up to `width` digits.
pub(super) fn push_padded(out: &mut String, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        // The remainder of a division by ten is one digit.
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let from = at.min(digits.len() - width);
    digits[from..].iter().for_each(|&digit| out.push(char::from(digit)));
}

fn push_part(out: &mut String, number: i64, unit: char) {
    if number != 0 {
        if number < 0 {
            out.push('-');
        }
        push_padded(out, number.unsigned_abs(), 1);
        out.push(unit);
    }
}

fn push_clock(out: &mut String, seconds: u64, fraction: u64, per_second: u64) {
    push_padded(out, seconds / 3600, 2);
    out.push(':');
    push_padded(out, seconds / 60 % 60, 2);
    out.push(':');
    push_padded(out, seconds % 60, 2);
    push_fraction(out, fraction, per_second);
}

fn push_fraction(out: &mut String, fraction: u64, per_second: u64) {
    if fraction == 0 {
        return;
    }
    out.push('.');
    let width = per_second.ilog10() as usize;
    push_padded(out, fraction, width);
    let kept = out.trim_end_matches('0').len();
    out.truncate(kept);
}

/// Year, month and day of a day number, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn dates_agree_with_a_calendar() {
        for days in (-800_000..2_900_000).step_by(97) {
            let date =
                chrono::NaiveDate::from_num_days_from_ce_opt(days + 719_163).expect("in range");
            let expected = date.format("%Y-%m-%d").to_string();
            assert_eq!(written(|out| push_date(out, days.into())), expected);
        }
        assert_eq!(written(|out| push_date(out, i64::from(i32::MAX))), "+5881580-07-11");
    }

    #[test]
    fn fractions_lose_their_zeros_only() {
        let stamp = |micros| written(|out| push_timestamp(out, micros, 1_000_000));
        assert_eq!(stamp(1_704_164_645_123_456), "2024-01-02T03:04:05.123456");
        assert_eq!(stamp(1_704_164_645_100_000), "2024-01-02T03:04:05.1");
        assert_eq!(stamp(1_704_164_640_000_000), "2024-01-02T03:04:00");
        assert_eq!(stamp(-1), "1969-12-31T23:59:59.999999");
        assert_eq!(
            written(|out| push_time(out, 3_600_000_000_050, 1_000_000_000)),
            "01:00:00.00000005"
        );
        assert_eq!(written(|out| push_time(out, 86_399, 1)), "23:59:59");
        push_timestamp(&mut String::new(), i64::MIN, 1);
    }

    #[test]
    fn intervals_keep_every_part() {
        let interval =
            |months, days, millis| written(|out| push_interval(out, months, days, millis, 1000));
        assert_eq!(interval(14, 3, 14_706_700), "P1Y2M3DT4H5M6.7S");
        assert_eq!(interval(0, 0, 0), "PT0S");
        assert_eq!(interval(-14, 3, -500), "P-1Y-2M3DT-0.5S");
        assert_eq!(interval(0, 0, 360_000_000), "PT100H");
        assert_eq!(interval(0, -1, 60_000), "P-1DT1M");
    }
}
