//! Formats of dates and numbers, as patterns of PostgreSQL's `to_char` and `to_date`.

use super::calls::{Call, refused, text, text_of, whole};
use super::dates::Work;
use super::template::fill;
use crate::error::{Error, Result};
use sqlparser::ast::Expr;

/// MySQL's `%` letters.
const PERCENT: &[(char, &str)] = &[
    ('Y', "YYYY"),
    ('y', "YY"),
    ('m', "MM"),
    ('c', "FMMM"),
    ('M', "FMMonth"),
    ('b', "Mon"),
    ('d', "DD"),
    ('e', "FMDD"),
    ('j', "DDD"),
    ('W', "FMDay"),
    ('a', "Dy"),
    ('H', "HH24"),
    ('k', "FMHH24"),
    ('h', "HH12"),
    ('I', "HH12"),
    ('i', "MI"),
    ('s', "SS"),
    ('S', "SS"),
    ('f', "US"),
    ('p', "AM"),
    ('T', "HH24:MI:SS"),
    ('v', "IW"),
    ('x', "IYYY"),
];

/// .NET's letters, longest first.
const LETTERS: &[(&str, &str)] = &[
    ("yyyy", "YYYY"),
    ("yy", "YY"),
    ("MMMM", "FMMonth"),
    ("MMM", "Mon"),
    ("MM", "MM"),
    ("M", "FMMM"),
    ("dddd", "FMDay"),
    ("ddd", "Dy"),
    ("dd", "DD"),
    ("d", "FMDD"),
    ("HH", "HH24"),
    ("H", "FMHH24"),
    ("hh", "HH12"),
    ("h", "FMHH12"),
    ("mm", "MI"),
    ("ss", "SS"),
    ("tt", "AM"),
    ("fff", "MS"),
];

/// SQL Server's numbered styles.
const STYLES: &[(i64, &str)] = &[
    (1, "MM/DD/YY"),
    (3, "DD/MM/YY"),
    (4, "DD.MM.YY"),
    (5, "DD-MM-YY"),
    (10, "MM-DD-YY"),
    (11, "YY/MM/DD"),
    (12, "YYMMDD"),
    (8, "HH24:MI:SS"),
    (108, "HH24:MI:SS"),
    (20, "YYYY-MM-DD HH24:MI:SS"),
    (120, "YYYY-MM-DD HH24:MI:SS"),
    (21, "YYYY-MM-DD HH24:MI:SS.MS"),
    (121, "YYYY-MM-DD HH24:MI:SS.MS"),
    (23, "YYYY-MM-DD"),
    (101, "MM/DD/YYYY"),
    (102, "YYYY.MM.DD"),
    (103, "DD/MM/YYYY"),
    (104, "DD.MM.YYYY"),
    (105, "DD-MM-YYYY"),
    (106, "DD Mon YYYY"),
    (107, "Mon DD, YYYY"),
    (110, "MM-DD-YYYY"),
    (111, "YYYY/MM/DD"),
    (112, "YYYYMMDD"),
    (126, "YYYY-MM-DD\"T\"HH24:MI:SS"),
];

/// The translation of a call with a format; `None` for every other.
pub(super) fn translate(call: &Call, work: &mut Work<'_>) -> Result<Option<Expr>> {
    let Call { name, arguments } = call;
    let (template, pattern) = match (name.as_str(), arguments.as_slice()) {
        ("date_format", [_, format]) => ("to_char($1, $2)", percent(constant(name, format)?)?),
        ("str_to_date", [_, format]) => {
            let pattern = percent(constant(name, format)?)?;
            let has_time =
                pattern.contains("HH") || pattern.contains("MI") || pattern.contains("SS");
            let template = if has_time {
                "CAST(to_timestamp($1, $2) AS timestamp)"
            } else {
                "to_date($1, $2)"
            };
            (template, pattern)
        }
        ("format", [_, digits]) if whole(digits).is_some() => {
            let places = whole(digits).unwrap_or_default();
            ("to_char($1, $2)", grouped(places)?)
        }
        ("format", [_, format]) if text_of(format).is_some() => {
            ("to_char($1, $2)", dotnet(constant(name, format)?)?)
        }
        ("printf" | "format", [format, value]) => return printf(format, value, work),
        _ => return Ok(None),
    };
    work.notes.add(format!(
        "{}(x, format) as {}",
        name.to_uppercase(),
        template.replace("$1", "x").replace("$2", "pattern")
    ));
    fill(template, &[arguments[0].clone(), text(pattern)], work.budget).map(Some)
}

/// The pattern of one of SQL Server's styles.
pub(super) fn style(number: &Expr) -> Result<&'static str> {
    let known = whole(number).and_then(|number| STYLES.iter().find(|(known, _)| *known == number));
    known.map(|(_, pattern)| *pattern).ok_or_else(|| {
        refused("this style of CONVERT is not known", "use to_char(d, 'YYYY-MM-DD HH24:MI:SS')")
    })
}

fn constant<'a>(name: &str, format: &'a Expr) -> Result<&'a str> {
    text_of(format).ok_or_else(|| {
        refused(
            format!("the format of {} must be a constant text", name.to_uppercase()),
            "write it in place, or use to_char(x, 'YYYY-MM-DD')",
        )
    })
}

fn unknown(format: impl std::fmt::Display) -> Error {
    refused(
        format!("the format {format} is not known"),
        "use to_char(x, 'YYYY-MM-DD HH24:MI:SS') with the patterns of PostgreSQL",
    )
}

fn percent(format: &str) -> Result<String> {
    if !format.contains('%') {
        return Err(unknown("without %"));
    }
    let mut pattern = Pattern::default();
    let mut characters = format.chars();
    while let Some(next) = characters.next() {
        match (next, characters.clone().next()) {
            ('%', Some('%')) => {
                pattern.plain('%');
                characters.next();
            }
            ('%', Some(letter)) => {
                characters.next();
                let known = PERCENT.iter().find(|(known, _)| *known == letter);
                pattern.part(known.ok_or_else(|| unknown(format!("%{letter}")))?.1);
            }
            ('%', None) => return Err(unknown("%")),
            (other, _) => pattern.plain(other),
        }
    }
    Ok(pattern.done())
}

fn dotnet(format: &str) -> Result<String> {
    if let Some(places) = format.strip_prefix(['N', 'n']) {
        let places = if places.is_empty() { Ok(2) } else { places.parse() };
        return grouped(places.map_err(|_| unknown("of this number"))?);
    }
    let mut pattern = Pattern::default();
    let mut rest = format;
    while let Some(next) = rest.chars().next() {
        if let Some((letters, part)) = LETTERS.iter().find(|(letters, _)| rest.starts_with(letters))
        {
            pattern.part(part);
            rest = &rest[letters.len()..];
        } else if next.is_alphanumeric() || "#%\\'\"".contains(next) {
            return Err(unknown("of this form"));
        } else {
            pattern.plain(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    Ok(pattern.done())
}

/// A number with commas between thousands.
fn grouped(places: i64) -> Result<String> {
    match usize::try_from(places) {
        Ok(0) => Ok("FM999,999,999,999,999,990".into()),
        Ok(places @ 1..=10) => Ok(format!("FM999,999,999,999,999,990.{}", "0".repeat(places))),
        _ => Err(unknown("of this number")),
    }
}

/// `printf('%.2f', x)`: a number with so many places.
fn printf(format: &Expr, value: &Expr, work: &mut Work<'_>) -> Result<Option<Expr>> {
    let places = text_of(format)
        .and_then(|format| format.strip_prefix("%.")?.strip_suffix('f')?.parse::<u8>().ok())
        .filter(|places| *places <= 10)
        .ok_or_else(|| {
            refused("this format is not accepted", "use round(x, 2), or to_char(x, 'FM999990.00')")
        })?;
    work.notes.add("PRINTF('%.nf', x) as round(x, n)");
    let template = format!("CAST(round(CAST($1 AS numeric), {places}) AS text)");
    fill(&template, std::slice::from_ref(value), work.budget).map(Some)
}

/// A pattern of `to_char`; what is no part of it is in quotes where it has letters.
#[derive(Default)]
struct Pattern {
    written: String,
    quoted: String,
}

impl Pattern {
    fn plain(&mut self, character: char) {
        if character.is_alphanumeric() || matches!(character, '"' | '\\') {
            if matches!(character, '"' | '\\') {
                self.quoted.push('\\');
            }
            self.quoted.push(character);
        } else {
            self.close();
            self.written.push(character);
        }
    }

    fn part(&mut self, part: &str) {
        self.close();
        self.written.push_str(part);
    }

    fn close(&mut self) {
        if !self.quoted.is_empty() {
            self.written.push_str(&format!("\"{}\"", self.quoted));
            self.quoted.clear();
        }
    }

    fn done(mut self) -> String {
        self.close();
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_become_patterns() {
        for (format, pattern) in [
            ("%Y-%m-%d", "YYYY-MM-DD"),
            ("%d %M %Y, %H:%i", "DD FMMonth YYYY, HH24:MI"),
            ("week %v of %x", "\"week\" IW \"of\" IYYY"),
            ("100%%", "\"100\"%"),
        ] {
            assert_eq!(percent(format).expect(format), pattern);
        }
        for (format, pattern) in [
            ("yyyy-MM-dd", "YYYY-MM-DD"),
            ("dd MMM yyyy HH:mm:ss", "DD Mon YYYY HH24:MI:SS"),
            ("N1", "FM999,999,999,999,999,990.0"),
            ("n0", "FM999,999,999,999,999,990"),
        ] {
            assert_eq!(dotnet(format).expect(format), pattern);
        }
        assert!(percent("%U").is_err() && dotnet("yyyy g").is_err() && dotnet("Nx").is_err());
    }
}
