//! What other dialects spell differently is answered as they answer it, and says so; what is not is refused with
//! what to write; PostgreSQL's own text is not called a translation.

use crate::support::ask::{Said, ask};
use crate::support::lab::benches;
use crate::support::world::World;
use crate::support::{block_on, policy};
use serde_json::Value as Json;

/// `expression = value`: what the dialect gives for it.
const VALUES: &str = include_str!("values.txt");
/// `statement == the same in PostgreSQL`.
const STATEMENTS: &str = include_str!("statements.txt");
/// `statement | part of the hint`.
const REFUSED: &str = include_str!("refused.txt");
/// `statement == the same with every column in its GROUP BY`.
const GROUPED: &str = include_str!("grouped.txt");
/// Statements that are PostgreSQL already.
const POSTGRES: &str = include_str!("postgres.txt");

/// `statement | type in the message | fragment in the hint`.
const TYPES: &str = include_str!("types.txt");

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn asked(sql: &str) -> Said {
    block_on(ask(benches()[0].engine(World::A, true), &policy::analyst(), sql))
}

fn is_translated(said: &Said) -> bool {
    said.receipt.to_string().contains("read_as")
}

fn shown(cell: &Json) -> String {
    match cell {
        Json::Null => "NULL".into(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn expressions_have_the_value_that_their_dialect_gives() {
    let mut failures = Vec::new();
    for line in lines(VALUES) {
        let (written, expected) = line.rsplit_once(" = ").expect("expression = value");
        let said = asked(&format!("SELECT {written} AS v"));
        let found = said.rows.first().map_or(said.text.clone(), |row| shown(&row[0]));
        if found != expected {
            failures.push(format!("{written}: {found} is {expected}"));
        } else if !is_translated(&said) {
            failures.push(format!("{written} does not say how it was read"));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn statements_give_the_rows_of_their_translation() {
    let mut failures = Vec::new();
    for line in lines(STATEMENTS) {
        let (written, postgres) = line.split_once(" == ").expect("statement == statement");
        let (one, other) = (asked(written), asked(postgres));
        if one.error().is_some() || one.rows != other.rows || one.rows.is_empty() {
            failures
                .push(format!("{written}\n  {:?}\n  {}\n  {:?}", one.rows, one.text, other.rows));
        } else if !is_translated(&one) || is_translated(&other) {
            failures.push(format!("{written} does not say how it was read"));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_has_no_translation_says_what_to_write() {
    let mut failures = Vec::new();
    for line in lines(REFUSED) {
        let (sql, hint) = line.split_once(" | ").expect("statement | hint");
        let said = asked(sql);
        let found = said.head["hint"].as_str().unwrap_or_default();
        if said.error().is_none() || !found.contains(hint) {
            failures.push(format!("{sql}: {found:?} does not name {hint:?}; {}", said.text));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn types_that_do_not_fit_are_named_with_their_place_and_what_to_write() {
    let mut failures = Vec::new();
    for line in lines(TYPES) {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [sql, named, fragment] = parts.as_slice() else { panic!("three parts: {line}") };
        let said = asked(sql);
        let hint = said.head["hint"].as_str().unwrap_or_default();
        let message = said.text.lines().next().unwrap_or_default();
        let is_placed = message.contains("(line 1, column ") && message.contains(named);
        if said.error().is_none() || !is_placed || !hint.contains(fragment) {
            failures.push(format!("{sql}: {message}; {hint}"));
            continue;
        }
        // What is proposed fits: a value may still be none of its type.
        let wrong = message.split(" (line").next().and_then(|m| m.rsplit(": ").next());
        let instead = hint.trim_start_matches("write ").split([';']).next().unwrap_or_default();
        let instead = instead.split(", which").next().unwrap_or_default();
        let mended =
            sql.replace(wrong.unwrap_or_default(), &instead.replace("YYYY-MM-DD", "2024-01-31"));
        let again = asked(&mended);
        if again.error().is_some_and(|code| code != "evaluation") {
            failures.push(format!("{sql} becomes {mended}: {}", again.text));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_statement_of_postgresql_is_no_translation() {
    for line in lines(POSTGRES) {
        let said = asked(line);
        assert_eq!(said.error(), None, "{line}: {}", said.text);
        assert!(!is_translated(&said), "{line}: {}", said.text);
    }
}

#[test]
fn columns_that_follow_from_a_grouped_key_need_no_grouping() {
    for line in lines(GROUPED) {
        let (short, long) = line.split_once(" == ").expect("statement == statement");
        let (one, other) = (asked(short), asked(long));
        assert_eq!(one.error(), None, "{short}: {}", one.text);
        assert!(!one.rows.is_empty() && one.rows == other.rows, "{short}: {}", one.text);
    }
    // Neither a column that is no key nor the optional side of a join determines a table.
    for sql in [
        "SELECT name FROM people GROUP BY region",
        "SELECT o.id FROM people p JOIN orders o ON o.person_id = p.id GROUP BY p.id",
        "SELECT o.region FROM orders o LEFT JOIN people p ON o.person_id = p.id GROUP BY p.id",
    ] {
        let said = asked(sql);
        assert_eq!(said.error(), Some("invalid_statement"), "{sql}: {}", said.text);
        let hint = said.head["hint"].as_str().unwrap_or_default();
        assert!(hint.contains("GROUP BY") && hint.contains("MIN("), "{sql}: {hint}");
    }
}

#[test]
fn a_subquery_that_stands_for_a_value_has_one_row() {
    for sql in [
        "SELECT (SELECT id FROM people) AS v",
        "SELECT id FROM orders WHERE person_id = (SELECT id FROM people WHERE region = 'EU')",
        "SELECT (SELECT id FROM people WHERE id < 6) + 1 AS v FROM orders",
    ] {
        let said = asked(sql);
        assert_eq!(said.error(), Some("evaluation"), "{sql}: {}", said.text);
        assert!(said.text.contains("more than one row"), "{sql}: {}", said.text);
    }
    let one = asked(
        "SELECT (SELECT id FROM people WHERE id = 1) AS v, (SELECT id FROM people WHERE id < 0) AS n",
    );
    assert_eq!(one.rows, [serde_json::json!([1, null])], "{}", one.everything());
}

#[test]
fn quotients_have_the_digits_of_postgresql() {
    let said = asked(
        "SELECT sum(id) / count(*) AS a, sum(id) * 100 / sum(level + 1000000) AS b, 1.0 / 3 AS c, 7 / 2 AS d FROM people",
    );
    let row = &said.rows[0];
    let number = |index: usize| shown(&row[index]).parse::<f64>().expect("a number");
    assert!(number(0).fract() != 0.0, "{}", said.text);
    assert!(number(1) > 0.0 && number(1) < 1.0, "{}", said.text);
    assert!((number(2) - 1.0 / 3.0).abs() < 1e-15, "{}", said.text);
    assert_eq!(row[3], 3, "{}", said.text);
}

#[test]
fn a_hidden_column_in_double_quotes_is_a_text_as_one_that_does_not_exist() {
    for name in ["nickname", "notes", "nosuch"] {
        let sql = format!("SELECT count(*) AS n FROM people WHERE name = \"{name}\"");
        let said = asked(&sql);
        assert_eq!(
            said.rows.first().map(|row| row[0].clone()),
            Some(0.into()),
            "{}",
            said.everything()
        );
        assert!(is_translated(&said), "{}", said.text);
    }
}
