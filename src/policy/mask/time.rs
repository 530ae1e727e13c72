//! Masks of dates and time stamps, in the proleptic Gregorian calendar, before 1970 as after it.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, StringArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;

/// The oldest age with a band of its own; from here on it is `120+`.
const OLDEST: i64 = 120;

/// What a date is truncated to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Year,
    Month,
}

/// The first instant of the year or month; instants with a zone are taken in UTC.
pub(super) fn truncate(column: &ArrayRef, part: Part) -> Option<ArrayRef> {
    match column.data_type() {
        DataType::Date32 => {
            let dates = column.as_primitive_opt::<Date32Type>()?;
            let masked: PrimitiveArray<Date32Type> = dates.unary(|days| {
                let start = start_of(i64::from(days), part);
                i32::try_from(start).unwrap_or(i32::MIN)
            });
            Some(Arc::new(masked))
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            instants::<TimestampSecondType>(column, part, 1)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            instants::<TimestampMillisecondType>(column, part, 1_000)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            instants::<TimestampMicrosecondType>(column, part, 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            instants::<TimestampNanosecondType>(column, part, 1_000_000_000)
        }
        _ => None,
    }
}

/// The band of the age in full years on `today`: `0-9`, `10-19`, ... for a width of 10, and `120+`.
/// Who is not born yet is of age 0; the last band before 120 ends at 119.
pub(super) fn age_band(column: &ArrayRef, width: i64, today: i32) -> Option<ArrayRef> {
    const MICROS: i64 = 86_400_000_000;
    let (year, month, day) = civil(i64::from(today));
    let band = |born: i64| {
        let (born_year, born_month, born_day) = civil(born);
        let had_birthday = (month, day) >= (born_month, born_day);
        let age = (year - born_year - i64::from(!had_birthday)).max(0);
        if age >= OLDEST {
            return format!("{OLDEST}+");
        }
        let from = age - age % width;
        format!("{from}-{}", (from + width - 1).min(OLDEST - 1))
    };
    let bands: StringArray = if let Some(dates) = column.as_primitive_opt::<Date32Type>() {
        dates.iter().map(|born| born.map(|days| band(i64::from(days)))).collect()
    } else {
        let instants = column.as_primitive_opt::<TimestampMicrosecondType>()?;
        instants.iter().map(|born| born.map(|micros| band(micros.div_euclid(MICROS)))).collect()
    };
    Some(Arc::new(bands))
}

/// `YYYY-MM-DD`, with more digits or a sign for years outside 0 to 9999.
pub(super) fn date_text(days: i32) -> String {
    let (year, month, day) = civil(i64::from(days));
    format!("{year:04}-{month:02}-{day:02}")
}

pub(super) fn date_constant(column: &ArrayRef, days: i32) -> Option<ArrayRef> {
    filled::<Date32Type>(column, days)
}

pub(super) fn timestamp_constant(column: &ArrayRef, micros: i64) -> Option<ArrayRef> {
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            filled::<TimestampMicrosecondType>(column, micros)
        }
        _ => None,
    }
}

fn filled<T: ArrowPrimitiveType>(column: &ArrayRef, value: T::Native) -> Option<ArrayRef> {
    column.as_primitive_opt::<T>()?;
    let values = ScalarBuffer::from(vec![value; column.len()]);
    let filled = PrimitiveArray::<T>::new(values, column.logical_nulls());
    Some(Arc::new(filled.with_data_type(column.data_type().clone())))
}

fn instants<T>(column: &ArrayRef, part: Part, per_second: i64) -> Option<ArrayRef>
where
    T: ArrowPrimitiveType<Native = i64>,
{
    let per_day = 86_400 * per_second;
    let masked: PrimitiveArray<T> = column
        .as_primitive_opt::<T>()?
        .unary(|instant: i64| start_of(instant.div_euclid(per_day), part).saturating_mul(per_day));
    Some(Arc::new(masked.with_data_type(column.data_type().clone())))
}

/// The first day of the day's year or month.
fn start_of(days: i64, part: Part) -> i64 {
    let (year, month, _) = civil(days);
    match part {
        Part::Year => days_from_civil(year, 1, 1),
        Part::Month => days_from_civil(year, month, 1),
    }
}

/// Year, month and day; H. Hinnant's algorithm over 400-year eras that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Datelike;

    #[test]
    fn the_calendar_is_chrono_s() {
        for days in (-1_000_000..1_000_000).step_by(97).chain(-800..800) {
            let expected = chrono::NaiveDate::from_num_days_from_ce_opt(days + 719_163).unwrap();
            let found = civil(i64::from(days));
            let expected = (
                i64::from(expected.year()),
                i64::from(expected.month()),
                i64::from(expected.day()),
            );
            assert_eq!(found, expected, "{days}");
            assert_eq!(days_from_civil(found.0, found.1, found.2), i64::from(days));
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_panic() {
        for days in [i64::from(i32::MIN), i64::from(i32::MAX), i64::MIN / 86_400, i64::MAX / 86_400]
        {
            let (year, month, day) = civil(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
