//! Models of the Open Semantic Interchange as a file of ours. What it cannot say is named, not guessed.
//!
//! Read are the forms 0.1 (`semantic_model:`, a list) and 0.2 (one model a file): datasets that are tables, fields that are
//! columns, relationships, and metrics over one dataset, in ANSI SQL.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A file of ours, and what of the model is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of the file.
    pub yaml: String,
    /// What was left out, and why.
    pub left_out: Vec<String>,
}

// Unknown keys are those of later versions and of vendors, so they are no errors here.

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    semantic_model: Vec<Model>,
    #[serde(flatten)]
    single: Model,
}

#[derive(Debug, Default, Deserialize)]
struct Model {
    #[serde(default)]
    datasets: Vec<Dataset>,
    #[serde(default)]
    relationships: Vec<Relationship>,
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
struct Dataset {
    name: String,
    source: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    ai_context: Option<Context>,
    #[serde(default)]
    fields: Vec<Field>,
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    expression: Expression,
    #[serde(default)]
    dimension: Option<Dimension>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    ai_context: Option<Context>,
}

#[derive(Debug, Deserialize)]
struct Dimension {
    #[serde(default)]
    is_time: bool,
}

#[derive(Debug, Deserialize)]
struct Relationship {
    name: String,
    from: String,
    to: String,
    from_columns: Vec<String>,
    to_columns: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Metric {
    name: String,
    expression: Expression,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    ai_context: Option<Context>,
}

#[derive(Debug, Deserialize)]
struct Expression {
    #[serde(default)]
    dialects: Vec<Dialect>,
}

#[derive(Debug, Deserialize)]
struct Dialect {
    dialect: String,
    expression: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Context {
    Parts {
        #[serde(default)]
        synonyms: Vec<String>,
    },
    /// Instructions to some tool.
    Text(serde::de::IgnoredAny),
}

impl Context {
    fn synonyms(&self) -> &[String] {
        match self {
            Context::Parts { synonyms } => synonyms,
            Context::Text(_) => &[],
        }
    }
}

impl Expression {
    fn ansi(&self) -> Option<&str> {
        self.dialects.iter().find(|d| d.dialect == "ANSI_SQL").map(|d| d.expression.trim())
    }
}

/// Reads a model. `source` is the name here of the database that it calls by another.
///
/// # Errors
/// The text is no such model, in words.
pub fn import_osi(text: &str, source: Option<&str>) -> Result<Imported, String> {
    let document: Document = serde_saphyr::from_str(text).map_err(|error| {
        let error = error.to_string();
        format!(
            "not a model of the Open Semantic Interchange: {}",
            error.lines().next().unwrap_or_default()
        )
    })?;
    let mut models = document.semantic_model;
    models.push(document.single);
    let mut import = Import { source, ..Import::default() };
    for model in &models {
        import.add(model);
    }
    if import.tables.is_empty() {
        return Err("the model has no dataset that is a table".into());
    }
    Ok(import.finish())
}

#[derive(Default)]
struct Import<'a> {
    source: Option<&'a str>,
    tables: Map<String, Json>,
    metrics: Map<String, Json>,
    left_out: Vec<String>,
}

/// A dataset's table, and its fields that are columns.
struct Known<'a> {
    table: String,
    columns: BTreeMap<&'a str, &'a str>,
}

impl Import<'_> {
    fn add(&mut self, model: &Model) {
        let mut known: BTreeMap<&str, Known<'_>> = BTreeMap::new();
        for dataset in &model.datasets {
            if let Some(table) = self.table_name(dataset) {
                let columns = self.add_dataset(&table, dataset);
                known.insert(&dataset.name, Known { table, columns });
            }
        }
        for relationship in &model.relationships {
            self.add_relationship(relationship, &known);
        }
        for dataset in &model.datasets {
            for metric in &dataset.metrics {
                self.add_metric(metric, Some(&dataset.name), &known);
            }
        }
        for metric in &model.metrics {
            self.add_metric(metric, None, &known);
        }
    }

    /// `source.schema.table` of a dataset.
    fn table_name(&mut self, dataset: &Dataset) -> Option<String> {
        let parts: Vec<&str> =
            dataset.source.split('.').map(|part| part.trim_matches('"')).collect();
        let is_name = |part: &&str| !part.is_empty() && !part.contains(char::is_whitespace);
        let named = parts.iter().all(is_name);
        match (&parts[..], self.source) {
            ([_, schema, table], Some(source)) if named => {
                Some(format!("{source}.{schema}.{table}"))
            }
            ([database, schema, table], None) if named => {
                Some(format!("{database}.{schema}.{table}"))
            }
            ([schema, table], Some(source)) if named => Some(format!("{source}.{schema}.{table}")),
            _ => {
                let hint = if named { "; name its source with --source" } else { "" };
                self.left_out.push(format!(
                    "dataset {}: {:?} is not database.schema.table{hint}",
                    dataset.name, dataset.source
                ));
                None
            }
        }
    }

    fn add_dataset<'d>(&mut self, table: &str, dataset: &'d Dataset) -> BTreeMap<&'d str, &'d str> {
        let (mut columns, mut known) = (Map::new(), BTreeMap::new());
        let mut times = Vec::new();
        for field in &dataset.fields {
            let place = format!("{}.{}", dataset.name, field.name);
            match field.expression.ansi() {
                Some(column) if is_column(column) => {
                    let column = column.trim_matches('"');
                    known.insert(field.name.as_str(), column);
                    columns.insert(column.into(), meaning(field, column));
                    times.extend(field.dimension.iter().filter(|of| of.is_time).map(|_| column));
                }
                Some(_) => {
                    self.left_out.push(format!("field {place}: it is computed; write a view"))
                }
                None => self.left_out.push(format!("field {place}: it has no ANSI_SQL expression")),
            }
        }
        let synonyms = synonyms(dataset.ai_context.as_ref(), &dataset.name, last(table));
        let mut meaning = described(dataset.description.as_ref(), &synonyms);
        match times[..] {
            [] => {}
            [time] => meaning["time"] = time.into(),
            _ => self.left_out.push(format!(
                "dataset {}: several fields say when; name one as its time",
                dataset.name
            )),
        }
        meaning["columns"] = columns.into();
        self.tables.insert(table.to_string(), meaning);
        known
    }

    fn add_relationship(&mut self, of: &Relationship, known: &BTreeMap<&str, Known<'_>>) {
        let (Some(from), Some(to)) = (known.get(of.from.as_str()), known.get(of.to.as_str()))
        else {
            self.left_out
                .push(format!("relationship {}: one of its datasets is left out", of.name));
            return;
        };
        let column = |known: &Known<'_>, name: &String| {
            known.columns.get(name.as_str()).map_or(name.clone(), ToString::to_string)
        };
        let on = of.from_columns.iter().zip(&of.to_columns);
        let on: Map<String, Json> =
            on.map(|(a, b)| (column(from, a), column(to, b).into())).collect();
        let join = json!({ "to": to.table, "on": on, "cardinality": "many_to_one" });
        if let Some(table) = self.tables.get_mut(&from.table) {
            match table.get_mut("joins").and_then(Json::as_array_mut) {
                Some(joins) => joins.push(join),
                None => table["joins"] = json!([join]),
            }
        }
    }

    fn add_metric(
        &mut self,
        metric: &Metric,
        own: Option<&String>,
        known: &BTreeMap<&str, Known<'_>>,
    ) {
        let name = identifier(&metric.name);
        let Some(written) = metric.expression.ansi() else {
            self.left_out.push(format!("metric {}: it has no ANSI_SQL expression", metric.name));
            return;
        };
        let mut names: Vec<&str> =
            known.keys().copied().filter(|name| names_dataset(written, name)).collect();
        names.extend(own.map(String::as_str).filter(|own| known.contains_key(own)));
        names.sort_unstable();
        names.dedup();
        let [dataset] = names[..] else {
            let why = if names.is_empty() { "no dataset" } else { "several datasets" };
            self.left_out.push(format!(
                "metric {}: it is over {why}; write a verified question",
                metric.name
            ));
            return;
        };
        let mut of = described(
            metric.description.as_ref(),
            &synonyms(metric.ai_context.as_ref(), &metric.name, &name),
        );
        of["table"] = known[dataset].table.clone().into();
        of["expression"] = own_columns(written, dataset, &known[dataset].columns).into();
        if self.metrics.insert(name.clone(), of).is_some() {
            self.left_out.push(format!("metric {name}: it is there twice; the last one is kept"));
        }
    }

    fn finish(self) -> Imported {
        let mut yaml = String::from("version: 1\n");
        for (key, entries) in [("tables", self.tables), ("metrics", self.metrics)] {
            if !entries.is_empty() {
                let _ = writeln!(yaml, "{key}:");
                write_map(&mut yaml, &entries, 1);
            }
        }
        Imported { yaml, left_out: self.left_out }
    }
}

fn meaning(field: &Field, column: &str) -> Json {
    let mut synonyms = synonyms(field.ai_context.as_ref(), &field.name, column);
    synonyms.extend(field.label.clone().filter(|label| label != column));
    described(field.description.as_ref(), &synonyms)
}

fn described(description: Option<&String>, synonyms: &[String]) -> Json {
    let mut meaning = json!({});
    if let Some(description) = description {
        meaning["description"] = description.trim().into();
    }
    if !synonyms.is_empty() {
        meaning["synonyms"] = synonyms.into();
    }
    meaning
}

/// Other names, among them the model's own where the catalog has another.
fn synonyms(context: Option<&Context>, name: &str, stored: &str) -> Vec<String> {
    let mut synonyms = context.map(|context| context.synonyms().to_vec()).unwrap_or_default();
    if !name.eq_ignore_ascii_case(stored) && !synonyms.iter().any(|known| known == name) {
        synonyms.push(name.to_string());
    }
    synonyms
}

fn last(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

fn is_column(expression: &str) -> bool {
    let name = expression.trim_matches('"');
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn identifier(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = name.chars().map(fits).collect();
    let name = name.trim_matches('_');
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("m_{name}")
    } else {
        name.to_string()
    }
}

/// Whether an expression names a field of a dataset, outside its texts.
fn names_dataset(expression: &str, dataset: &str) -> bool {
    !replaced(expression, dataset, |_| String::new()).1.is_empty()
}

/// An expression over the columns of its dataset's table.
fn own_columns(expression: &str, dataset: &str, columns: &BTreeMap<&str, &str>) -> String {
    replaced(expression, dataset, |field| (*columns.get(field).unwrap_or(&field)).to_string()).0
}

/// Puts something in the place of each `dataset.field` outside texts; the fields are told too.
fn replaced(expression: &str, dataset: &str, to: impl Fn(&str) -> String) -> (String, Vec<String>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut out, mut found) = (String::new(), Vec::new());
    for (at, part) in expression.split('\'').enumerate() {
        if at > 0 {
            out.push('\'');
        }
        if at % 2 == 1 {
            out.push_str(part);
            continue;
        }
        let mut rest = part;
        while let Some(start) = rest.find(dataset) {
            let (before, tail) = (&rest[..start], &rest[start + dataset.len()..]);
            let begins = !before.ends_with(|c| is_word(c) || c == '.');
            let field: String = tail
                .strip_prefix('.')
                .map_or(String::new(), |tail| tail.chars().take_while(|c| is_word(*c)).collect());
            out.push_str(before);
            if begins && !field.is_empty() {
                out.push_str(&to(&field));
                rest = &tail[1 + field.len()..];
                found.push(field);
            } else {
                out.push_str(dataset);
                rest = tail;
            }
        }
        out.push_str(rest);
    }
    (out, found)
}

/// Writes a mapping, one key a line; a text is written as JSON writes it, which YAML reads.
fn write_map(out: &mut String, entries: &Map<String, Json>, depth: usize) {
    for (key, value) in entries {
        let _ = write!(out, "{}{}:", "  ".repeat(depth), Json::from(key.as_str()));
        match value {
            Json::Object(inner) if depth < 3 && !inner.is_empty() => {
                out.push('\n');
                write_map(out, inner, depth + 1);
            }
            value => {
                let _ = writeln!(out, " {value}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::Semantics;

    const MODEL: &str = "
version: 0.1.1
semantic_model:
  - name: shop
    datasets:
      - name: purchases
        source: warehouse.main.orders
        primary_key: [id]
        description: One row per order.
        ai_context: { synonyms: [sales] }
        fields:
          - name: customer
            expression: { dialects: [{ dialect: ANSI_SQL, expression: customer_id }] }
          - name: placed
            expression: { dialects: [{ dialect: ANSI_SQL, expression: ordered_at }] }
            dimension: { is_time: true }
          - name: gross
            expression: { dialects: [{ dialect: ANSI_SQL, expression: total * 1.21 }] }
          - name: amount
            expression: { dialects: [{ dialect: ANSI_SQL, expression: total }] }
            description: Value of the order.
      - name: customers
        source: warehouse.main.customers
        ai_context: Who buys.
      - name: odd
        source: SELECT 1
    relationships:
      - { name: who, from: purchases, to: customers, from_columns: [customer], to_columns: [id] }
    metrics:
      - name: Total Sales
        expression: { dialects: [{ dialect: ANSI_SQL, expression: \"SUM(purchases.amount) FILTER (WHERE purchases.note <> 'purchases.amount')\" }] }
        ai_context: { synonyms: [turnover] }
      - name: per customer
        expression: { dialects: [{ dialect: ANSI_SQL, expression: SUM(purchases.amount) / COUNT(customers.id) }] }
      - name: mdx only
        expression: { dialects: [{ dialect: MDX, expression: x }] }
";

    #[test]
    fn a_model_becomes_a_file_that_is_read() {
        let imported = import_osi(MODEL, Some("shop")).expect("imported");
        let semantics = Semantics::parse("osi.yaml", &imported.yaml).expect("of our form");
        let orders = semantics.table(&crate::model::TableRef::new("shop", "main", "orders"));
        let orders = orders.expect("a table");
        assert_eq!(orders.synonyms, ["sales", "purchases"]);
        assert_eq!(orders.time.as_deref(), Some("ordered_at"));
        assert_eq!(orders.columns["total"].description.as_deref(), Some("Value of the order."));
        assert_eq!(orders.joins[0].on, [("customer_id".to_string(), "id".to_string())]);
        let [metric] = semantics.metrics() else { panic!("{:?}", semantics.metrics()) };
        assert_eq!(metric.defined.name, "total_sales");
        assert_eq!(metric.expression, "SUM(total) FILTER (WHERE note <> 'purchases.amount')");
        assert_eq!(metric.synonyms, ["turnover", "Total Sales"]);
        let told = imported.left_out.join("\n");
        for word in
            ["field purchases.gross", "dataset odd", "per customer: it is over several", "mdx only"]
        {
            assert!(told.contains(word), "{word}: {told}");
        }
    }

    #[test]
    fn one_model_a_file_is_read_too() {
        let text =
            "version: 0.2.0\nname: x\ndatasets:\n  - { name: orders, source: main.orders }\n";
        let imported = import_osi(text, Some("shop")).expect("imported");
        assert!(imported.yaml.contains("\"shop.main.orders\":"), "{}", imported.yaml);
        assert!(import_osi(text, None).expect_err("no source").contains("no dataset"));
        assert!(import_osi("x: [", None).is_err() && import_osi("a: 1", None).is_err());
    }
}
