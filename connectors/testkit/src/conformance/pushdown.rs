//! The truth of pushdown: what a dialect turns on is sent and gives the rows of local evaluation,
//! what it leaves off is never pushed.

use super::{Outcome, ensure};
use crate::data::Row;
use crate::evaluate::evaluate;
use crate::fixture::Fixture;
use crate::subject::{Subject, by_id, classes, same_rows, select_all};
use celosia_connector_api::render::{MAX_IN_LIST, is_pushable};
use celosia_connector_api::{
    Comparison, Feature, OperandClass, Predicate, TableDescription, Value,
};
use std::sync::Arc;

const CLASSES: [OperandClass; 13] = OperandClass::ALL;
const OPERATORS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// A table of the suite, described and read whole.
struct Known {
    table: Arc<TableDescription>,
    classes: Vec<OperandClass>,
    rows: Vec<Row>,
}

impl Known {
    async fn all(subject: &Subject, fixture: &dyn Fixture) -> Result<Vec<Known>, String> {
        let mut known = Vec::new();
        for table in fixture.tables() {
            let described = subject.table(table.name)?;
            let rows = by_id(subject.run(&select_all(&described)).await?.rows);
            known.push(Known { classes: classes(&described), table: described, rows });
        }
        Ok(known)
    }

    /// Columns of a class, by index, with the values to compare them with.
    fn columns(&self, class: OperandClass) -> impl Iterator<Item = (usize, Vec<Value>)> {
        let of_class = (0..self.classes.len()).filter(move |at| self.classes[*at] == class);
        of_class.map(move |at| (at, self.values(at, class)))
    }

    fn values(&self, column: usize, class: OperandClass) -> Vec<Value> {
        let mut values = extremes(class);
        for value in self.rows.iter().filter_map(|row| row[column].clone()) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// Sends the predicate and holds the rows against local evaluation.
    async fn holds(&self, subject: &Subject, predicate: &Predicate, spelled: &str) -> Outcome {
        let mut query = select_all(&self.table);
        query.predicate = Some(predicate.clone());
        let rendered = subject.render(&query)?;
        ensure(rendered.sql.contains(" WHERE ") && rendered.sql.contains(spelled), || {
            format!("{predicate:?} is not in {}", rendered.sql)
        })?;
        let found = by_id(subject.run(&query).await?.rows);
        let open = |row: &&Row| evaluate(predicate, row) == Some(true);
        let expected: Vec<Row> = self.rows.iter().filter(open).cloned().collect();
        same_rows(&format!("{}: {predicate:?}", self.table.name), &found, &expected)
    }
}

pub(super) async fn comparisons(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let dialect = subject.connector.dialect();
    let tables = Known::all(&subject, fixture).await?;
    for class in CLASSES {
        for operator in
            OPERATORS.into_iter().filter(|o| dialect.capabilities().has(feature(class, *o)))
        {
            let mut sent = 0;
            for known in &tables {
                for (column, values) in known.columns(class) {
                    for value in values {
                        let compare = Predicate::Compare { column, operator, value };
                        if is_pushable(dialect, &compare, &known.classes) {
                            // What is finer at the source than it is read is compared with a range.
                            let fine = matches!(
                                class,
                                OperandClass::TimestampFine | OperandClass::TimestampUtcFine
                            );
                            let spelled = if fine { "" } else { operator.symbol() };
                            known.holds(&subject, &compare, spelled).await?;
                            let not = Predicate::Not(Box::new(compare));
                            known.holds(&subject, &not, "NOT (").await?;
                            sent += 1;
                        }
                    }
                }
            }
            ensure(sent > 0, || format!("{class:?} {operator:?} is on, and nothing shows it"))?;
        }
        if dialect.capabilities().has(Feature::Equality(OperandClass::Boolean))
            && class == OperandClass::Boolean
        {
            for known in &tables {
                for (column, _) in known.columns(class) {
                    known.holds(&subject, &Predicate::IsTrue { column }, "").await?;
                }
            }
        }
    }
    Ok(())
}

pub(super) async fn lists(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let dialect = subject.connector.dialect();
    for known in Known::all(&subject, fixture).await? {
        for class in CLASSES.into_iter().filter(|c| dialect.capabilities().equality.contains(*c)) {
            for (column, mut values) in known.columns(class) {
                let alone = |value: &Value| {
                    let values = vec![value.clone()];
                    is_pushable(
                        dialect,
                        &Predicate::InList { column, values, negated: false },
                        &known.classes,
                    )
                };
                values.retain(alone);
                let mut longest = many(class);
                longest.truncate(dialect.most_values());
                let lists =
                    [vec![], values[..1.min(values.len())].to_vec(), values.clone(), longest];
                for values in lists {
                    for negated in [false, true] {
                        let list = Predicate::InList { column, values: values.clone(), negated };
                        ensure(is_pushable(dialect, &list, &known.classes), || {
                            format!("{list:?}")
                        })?;
                        known.holds(&subject, &list, "").await?;
                        known.holds(&subject, &Predicate::Not(Box::new(list)), "NOT (").await?;
                    }
                }
            }
        }
    }
    Ok(())
}

pub(super) async fn null_tests(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    if !subject.connector.dialect().capabilities().has(Feature::NullTest) {
        return Ok(());
    }
    for known in Known::all(&subject, fixture).await? {
        for column in 0..known.classes.len() {
            known.holds(&subject, &Predicate::IsNull { column, negated: false }, "IS NULL").await?;
            known
                .holds(&subject, &Predicate::IsNull { column, negated: true }, "IS NOT NULL")
                .await?;
        }
    }
    Ok(())
}

pub(super) async fn patterns(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    if !subject.connector.dialect().capabilities().has(Feature::Like) {
        return Ok(());
    }
    let patterns = [
        "", "%", "_", "%%", "a", "A", "a%", "%b", "a_b", "a\\_b", "a\\%b", "%\\\\%", "__", "%ä%",
        "ß", "%\n%", "\\a", "' OR%", "x%", "_\u{308}", "日_",
    ];
    // SQLite's own LIKE ignores case: it is asked where the text is found.
    let word = match subject.connector.dialect().name() {
        "sqlite" => "instr(",
        _ => "LIKE",
    };
    let mut sent = 0;
    for known in Known::all(&subject, fixture).await? {
        for (column, _) in known.columns(OperandClass::Text) {
            for pattern in patterns {
                // Without wildcards it may be sent as an equality.
                let plain = pattern.replace("\\%", "").replace("\\_", "");
                let spelled = if plain.contains(['%', '_']) { word } else { "" };
                for negated in [false, true] {
                    let like = Predicate::Like { column, pattern: pattern.to_string(), negated };
                    if is_pushable(subject.connector.dialect(), &like, &known.classes) {
                        known.holds(&subject, &like, spelled).await?;
                        sent += usize::from(!spelled.is_empty());
                    }
                }
            }
        }
    }
    ensure(sent > 0, || "LIKE is on, and nothing shows it".to_string())
}

pub(super) async fn columns(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let dialect = subject.connector.dialect();
    let mut sent = 0;
    for known in Known::all(&subject, fixture).await? {
        for (left, right) in pairs(known.classes.len()) {
            for operator in OPERATORS {
                let compare = Predicate::CompareColumns { left, operator, right };
                if is_pushable(dialect, &compare, &known.classes) {
                    known.holds(&subject, &compare, operator.symbol()).await?;
                    sent += 1;
                }
            }
        }
    }
    let on = dialect.capabilities().has(Feature::ColumnComparison);
    ensure(on == (sent > 0), || format!("column comparison: {sent} sent"))
}

/// Conditions of random shape over whatever may be pushed, NULLs included.
pub(super) async fn connectives(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let dialect = subject.connector.dialect();
    let mut random = Random(0x5DEE_CE66);
    for known in Known::all(&subject, fixture).await? {
        let mut atoms = vec![Predicate::Constant(true), Predicate::Constant(false)];
        for column in 0..known.classes.len() {
            atoms.push(Predicate::IsNull { column, negated: false });
            for value in known.values(column, known.classes[column]) {
                let operator = OPERATORS[random.below(OPERATORS.len())];
                atoms.push(Predicate::Compare { column, operator, value });
            }
        }
        atoms.retain(|atom| is_pushable(dialect, atom, &known.classes));
        for _ in 0..60 {
            let predicate = random.predicate(&atoms, 3);
            known.holds(&subject, &predicate, "").await?;
        }
        for empty in [Predicate::And(vec![]), Predicate::Or(vec![])] {
            known.holds(&subject, &empty, "").await?;
        }
    }
    Ok(())
}

pub(super) async fn off(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let dialect = subject.connector.dialect();
    let can = dialect.capabilities();
    let refused = |predicate: Predicate, classes: &[OperandClass]| {
        let pushed = is_pushable(dialect, &predicate, classes);
        ensure(!pushed, || format!("{predicate:?} is off and yet pushed"))
    };
    for known in Known::all(&subject, fixture).await? {
        for class in CLASSES {
            for (column, values) in known.columns(class) {
                for operator in OPERATORS.into_iter().filter(|o| !can.has(feature(class, *o))) {
                    for value in values.clone() {
                        refused(Predicate::Compare { column, operator, value }, &known.classes)?;
                    }
                }
                if !can.equality.contains(class) {
                    refused(Predicate::InList { column, values, negated: false }, &known.classes)?;
                }
                if !can.like || class != OperandClass::Text {
                    let pattern = "a%".to_string();
                    refused(Predicate::Like { column, pattern, negated: false }, &known.classes)?;
                }
                if !can.null_test {
                    refused(Predicate::IsNull { column, negated: true }, &known.classes)?;
                }
            }
        }
    }
    Ok(())
}

fn feature(class: OperandClass, operator: Comparison) -> Feature {
    if operator.is_ordering() { Feature::Ordering(class) } else { Feature::Equality(class) }
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |left| (0..count).map(move |right| (left, right)))
}

/// Values beyond the ones that are stored.
fn extremes(class: OperandClass) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_string());
    match class {
        OperandClass::Boolean => vec![Value::Boolean(true), Value::Boolean(false)],
        OperandClass::Integer => vec![Value::Integer(i64::MIN), Value::Integer(i64::MAX)],
        OperandClass::Decimal => vec![
            Value::Integer(1),
            Value::Decimal { unscaled: 15, scale: 5 },
            Value::Decimal { unscaled: i128::pow(10, 38) - 1, scale: 0 },
            Value::Decimal { unscaled: 1, scale: 38 },
        ],
        OperandClass::Float => vec![
            Value::Float(f64::MAX),
            Value::Float(f64::MIN_POSITIVE),
            Value::Float(5e-324),
            Value::Float(0.3),
            Value::Float(-0.0),
        ],
        OperandClass::Text => vec![text("\u{d7ff}"), text("a  "), text("ZZ"), text("\u{10ffff}x")],
        OperandClass::Uuid => vec![text("123e4567-e89b-12d3-a456-426614174002")],
        OperandClass::Bytes => vec![Value::Bytes(vec![0, 1]), Value::Bytes(vec![255; 300])],
        OperandClass::Date => vec![Value::Date(1), Value::Date(i32::MAX)],
        OperandClass::Timestamp | OperandClass::TimestampFine => {
            vec![Value::Timestamp(-1), Value::Timestamp(i64::MIN)]
        }
        OperandClass::TimestampUtc | OperandClass::TimestampUtcFine => {
            vec![Value::TimestampUtc(-1), Value::TimestampUtc(i64::MAX)]
        }
        OperandClass::Opaque => vec![text("a"), Value::Integer(1)],
    }
}

/// The longest list that may be sent, for the classes where that is easily made.
fn many(class: OperandClass) -> Vec<Value> {
    let numbers = 0..i64::try_from(MAX_IN_LIST).unwrap_or(i64::MAX);
    match class {
        OperandClass::Integer => numbers.map(Value::Integer).collect(),
        OperandClass::Text => numbers.map(|number| Value::Text(number.to_string())).collect(),
        _ => vec![],
    }
}

/// A small generator that gives the same conditions on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn predicate(&mut self, atoms: &[Predicate], depth: usize) -> Predicate {
        let shape = if depth == 0 { 0 } else { self.below(4) };
        match shape {
            0 => atoms[self.below(atoms.len())].clone(),
            1 => Predicate::Not(Box::new(self.predicate(atoms, depth - 1))),
            shape => {
                let count = 1 + self.below(3);
                let parts = (0..count).map(|_| self.predicate(atoms, depth - 1)).collect();
                if shape == 2 { Predicate::And(parts) } else { Predicate::Or(parts) }
            }
        }
    }
}
