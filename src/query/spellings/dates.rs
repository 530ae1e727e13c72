//! Dates: units are words, and each dialect has its own way of adding and counting them.

use super::calls::{Call, refused, text_of, whole, word};
use super::functions::{ADD_MONTHS, ADDED};
use super::notes::Notes;
use super::template::{Budget, fill};
use crate::error::Result;
use sqlparser::ast::{DateTimeField, Expr, Interval};

/// What translations of one statement share.
pub(super) struct Work<'a> {
    pub(super) notes: &'a mut Notes,
    pub(super) budget: &'a mut Budget,
}

impl Work<'_> {
    fn fill(&mut self, template: &str, arguments: &[Expr]) -> Result<Expr> {
        fill(template, arguments, self.budget)
    }
}

/// PostgreSQL's name of a unit.
fn unit(written: &str) -> Option<&'static str> {
    Some(match written.trim_start_matches("sql_tsi_") {
        "year" | "years" | "yy" | "yyyy" => "year",
        "quarter" | "quarters" | "qq" | "q" => "quarter",
        "month" | "months" | "mm" | "m" => "month",
        "week" | "weeks" | "wk" | "ww" => "week",
        "day" | "days" | "dd" | "d" => "day",
        "hour" | "hours" | "hh" => "hour",
        "minute" | "minutes" | "mi" | "n" => "minute",
        "second" | "seconds" | "ss" | "s" => "second",
        "dayofyear" | "dy" | "y" => "doy",
        "weekday" | "dw" => "dow",
        "iso_week" | "isowk" | "isoww" => "isoweek",
        _ => return None,
    })
}

fn needed(expr: &Expr) -> Result<&'static str> {
    word(expr).as_deref().and_then(unit).ok_or_else(|| {
        refused(
            "a unit of time is not known",
            "use year, quarter, month, week, day, hour, minute or second",
        )
    })
}

/// A text that stands for a moment, and SQL Server's day 0.
fn moment(expr: &Expr, work: &mut Work<'_>) -> Result<Expr> {
    match (text_of(expr), whole(expr)) {
        (Some(_), _) => work.fill("CAST($1 AS timestamp)", std::slice::from_ref(expr)),
        (_, Some(0)) => work.fill("CAST('1900-01-01' AS timestamp)", &[]),
        _ => Ok(expr.clone()),
    }
}

/// The translation of a call about dates; `None` for every other.
pub(super) fn translate(call: &Call, work: &mut Work<'_>) -> Result<Option<Expr>> {
    let Call { name, arguments } = call;
    Ok(Some(match (name.as_str(), arguments.as_slice()) {
        ("dateadd" | "timestampadd", [unit, count, from]) => {
            work.notes.add(format!("{}(unit, n, d) as d + interval", name.to_uppercase()));
            let from = moment(from, work)?;
            added(needed(unit)?, count, &from, work)?
        }
        ("date_add" | "adddate" | "date_sub" | "subdate", [from, by]) => {
            let sign = if name.ends_with("sub") || name.starts_with("sub") { '-' } else { '+' };
            let Expr::Interval(_) = by else {
                return Err(refused(
                    format!("{} without INTERVAL is not accepted", name.to_uppercase()),
                    format!("write d {sign} INTERVAL '1 day'"),
                ));
            };
            work.notes.add(format!("{}(d, i) as d {sign} i", name.to_uppercase()));
            let from = moment(from, work)?;
            work.fill(&format!("$1 {sign} $2"), &[from, by.clone()])?
        }
        ("add_months", [from, count]) => {
            work.notes.add("ADD_MONTHS(d, n) as d + n months, the last day staying the last");
            let by = interval("month", count, work)?;
            work.fill(ADD_MONTHS, &[from.clone(), by])?
        }
        ("eomonth", [from, count]) => {
            work.notes.add("EOMONTH(d, n) as the last day of the month n later");
            let later = added("month", count, from, work)?;
            work.fill(
                "CAST(date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day' AS date)",
                &[later],
            )?
        }
        ("datediff" | "datediff_big", [unit, from, to]) => {
            work.notes.add("DATEDIFF(unit, a, b) as the borders of units between a and b");
            let (from, to) = (moment(from, work)?, moment(to, work)?);
            let template = borders(needed(unit)?)?;
            work.fill(&template, &[from, to])?
        }
        ("timestampdiff", [unit, from, to]) => {
            work.notes.add("TIMESTAMPDIFF(unit, a, b) as the whole units from a to b");
            let (from, to) = (moment(from, work)?, moment(to, work)?);
            let template = elapsed(needed(unit)?)?;
            work.fill(&template, &[from, to])?
        }
        ("datepart", [unit, from]) => {
            work.notes.add("DATEPART(unit, d) as extract(unit FROM d)");
            let from = moment(from, work)?;
            work.fill(&part(needed(unit)?)?, &[from])?
        }
        ("datename", [unit, from]) => {
            work.notes.add("DATENAME(unit, d) as the name of that part");
            let from = moment(from, work)?;
            let template = match needed(unit)? {
                "month" => "to_char($1, 'FMMonth')".to_string(),
                "dow" => "to_char($1, 'FMDay')".to_string(),
                unit => format!("CAST({} AS text)", part(unit)?),
            };
            work.fill(&template, &[from])?
        }
        ("datetrunc", [unit, from]) if text_of(unit).is_none() => {
            work.notes.add("DATETRUNC(unit, d) as date_trunc('unit', d)");
            let unit = needed(unit)?;
            work.fill(&format!("date_trunc('{unit}', $1)"), std::slice::from_ref(from))?
        }
        ("trunc", [from, format]) if text_of(format).is_some() => {
            work.notes.add("TRUNC(d, unit) as date_trunc('unit', d)");
            let unit = oracle_unit(text_of(format).unwrap_or_default())?;
            work.fill(&format!("date_trunc('{unit}', $1)"), std::slice::from_ref(from))?
        }
        _ => return Ok(None),
    }))
}

/// `from` and so many units.
fn added(unit: &str, count: &Expr, from: &Expr, work: &mut Work<'_>) -> Result<Expr> {
    let by = interval(unit, count, work)?;
    work.fill("$1 + $2", &[from.clone(), by])
}

/// So many units, as an interval.
pub(super) fn interval(unit: &str, count: &Expr, work: &mut Work<'_>) -> Result<Expr> {
    let (unit, times) = match unit {
        "quarter" => ("month", 3),
        "doy" | "dow" => ("day", 1),
        "isoweek" => ("week", 1),
        other => (other, 1),
    };
    if let Some(count) = whole(count).and_then(|count| count.checked_mul(times)) {
        return work.fill(&format!("INTERVAL '{count} {unit}'"), &[]);
    }
    let words = ADDED.replace("UNIT", unit).replace("$2 + ", "");
    let words =
        if times == 1 { words } else { words.replace("CAST($1 AS text)", "CAST($1 * 3 AS text)") };
    work.fill(&words, std::slice::from_ref(count))
}

/// `INTERVAL n DAY` of MySQL, whose number may be an expression.
pub(super) fn counted_interval(written: &Interval, work: &mut Work<'_>) -> Result<Option<Expr>> {
    let Some(field) = &written.leading_field else { return Ok(None) };
    if whole(&written.value).is_some() && !matches!(field, DateTimeField::Quarter) {
        return Ok(None);
    }
    if text_of(&written.value).is_some() || written.last_field.is_some() {
        return Ok(None);
    }
    match unit(&field.to_string().to_lowercase()) {
        Some(unit) => {
            work.notes.add("INTERVAL n UNIT as n units");
            Ok(Some(interval(unit, &written.value, work)?))
        }
        None => Ok(None),
    }
}

/// Seconds since 1970 of the beginning of a unit.
fn begin(unit: &str, place: u8) -> String {
    format!("CAST(date_part('epoch', date_trunc('{unit}', ${place})) AS bigint)")
}

fn of_date(field: &str, place: u8) -> String {
    format!("CAST(date_part('{field}', ${place}) AS bigint)")
}

/// How often a unit begins after `$1` and until `$2`.
fn borders(unit: &str) -> Result<String> {
    let years = || format!("({} - {})", of_date("year", 2), of_date("year", 1));
    let within = |field, count| {
        format!("({} * {count} + {} - {})", years(), of_date(field, 2), of_date(field, 1))
    };
    let seconds = |unit, count| format!("(({} - {}) / {count})", begin(unit, 2), begin(unit, 1));
    Ok(match unit {
        "year" => years(),
        "quarter" => within("quarter", 4),
        "month" => within("month", 12),
        "day" | "doy" | "dow" => seconds("day", 86_400),
        "hour" => seconds("hour", 3_600),
        "minute" => seconds("minute", 60),
        "second" => seconds("second", 1),
        // Weeks begin on a Sunday; 1970 began on a Thursday.
        "week" => {
            let week = |place| {
                format!(
                    "CAST(floor(CAST({} / 86400 + 4 AS double precision) / 7) AS bigint)",
                    begin("day", place)
                )
            };
            format!("({} - {})", week(2), week(1))
        }
        _ => {
            return Err(refused(
                "this unit is not counted",
                "use year, quarter, month, week, day or hour",
            ));
        }
    })
}

/// How many whole units are between `$1` and `$2`.
fn elapsed(unit: &str) -> Result<String> {
    let months = |count| {
        format!(
            "CAST(trunc((date_part('year', age($2, $1)) * 12 + date_part('month', age($2, $1))) / {count}) AS bigint)"
        )
    };
    let seconds = |count| {
        format!(
            "CAST(trunc((date_part('epoch', $2) - date_part('epoch', $1)) / {count}) AS bigint)"
        )
    };
    Ok(match unit {
        "year" => months(12),
        "quarter" => months(3),
        "month" => months(1),
        "week" => seconds(604_800),
        "day" => seconds(86_400),
        "hour" => seconds(3_600),
        "minute" => seconds(60),
        "second" => seconds(1),
        _ => {
            return Err(refused(
                "this unit is not counted",
                "use year, quarter, month, week, day or hour",
            ));
        }
    })
}

/// A part of a date as SQL Server counts it.
fn part(unit: &str) -> Result<String> {
    Ok(match unit {
        "week" => {
            return Err(refused(
                "the number of a week depends on a setting",
                "use extract(week FROM d) for the ISO week",
            ));
        }
        "isoweek" => of_date("week", 1),
        // Sunday is the first.
        "dow" => format!("({} + 1)", of_date("dow", 1)),
        "second" => "CAST(floor(date_part('second', $1)) AS bigint)".to_string(),
        unit => of_date(unit, 1),
    })
}

fn oracle_unit(format: &str) -> Result<&'static str> {
    Ok(match format.to_lowercase().as_str() {
        "year" | "yyyy" | "yyy" | "yy" | "y" | "syyyy" | "syear" => "year",
        "q" => "quarter",
        "month" | "mon" | "mm" | "rm" => "month",
        "iw" => "week",
        "dd" | "ddd" | "j" => "day",
        "hh" | "hh12" | "hh24" => "hour",
        "mi" => "minute",
        _ => {
            return Err(refused(
                "TRUNC with this format is not accepted",
                "write date_trunc('month', d), with year, quarter, month, week, day, hour or minute",
            ));
        }
    })
}
