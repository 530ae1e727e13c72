//! What stands behind the double of SQL Server here: constants and parameters, recited.

use async_trait::async_trait;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn, Row,
};

/// Answers a SELECT of constants and parameters by what stands in it.
#[derive(Debug)]
pub(crate) struct Reciter;

struct Recited {
    rows: Vec<Row>,
}

#[async_trait]
impl Engine for Reciter {
    async fn session(&self, _: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        Ok(Box::new(Recited { rows: Vec::new() }))
    }
}

#[async_trait]
impl EngineSession for Recited {
    async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError> {
        if sql.starts_with("WAITFOR") {
            std::future::pending::<()>().await;
        }
        if sql.contains("no_such_table") {
            return Err(EngineError::new(208, "Invalid object name 'no_such_table'."));
        }
        let Some(list) = sql.trim().strip_prefix("SELECT ") else {
            return Ok(Outcome::Done { affected: 0 });
        };
        let items: Vec<(&str, &str)> = match list.strip_suffix(" AS wide") {
            Some(expression) => vec![(expression, "wide")],
            None => list.split(", ").filter_map(|item| item.rsplit_once(" AS ")).collect(),
        };
        let (mut columns, mut row) = (Vec::new(), Vec::new());
        for (expression, name) in items {
            let (native, value) = recite(expression, binds);
            let nullable = native != "bit" || value.is_none();
            columns.push(ResultColumn { name: name.into(), native, nullable, collation: None });
            row.push(value);
        }
        self.rows = vec![row];
        Ok(Outcome::Rows(columns))
    }

    async fn rows(&mut self, _: usize) -> Result<Vec<Row>, EngineError> {
        Ok(std::mem::take(&mut self.rows))
    }

    async fn cancel(&mut self) {
        self.rows.clear();
    }
}

/// The native type and the value of a constant or a parameter.
fn recite(expression: &str, binds: &[Bind]) -> (String, Option<String>) {
    if let Some(bind) = binds.iter().find(|bind| bind.name.as_deref() == Some(expression)) {
        return (bind.native.clone(), bind.value.clone());
    }
    if expression.starts_with("REPLICATE(") {
        return ("nvarchar(max)".into(), Some("ab".repeat(50_000)));
    }
    if expression == "NULL" {
        return ("int".into(), None);
    }
    let Some((constant, native)) = expression
        .strip_prefix("CAST(")
        .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(" AS "))
    else {
        return ("int".into(), Some(expression.into()));
    };
    let quoted = constant
        .trim_start_matches('N')
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''));
    let value = match (constant, quoted, constant.strip_prefix("0x")) {
        ("NULL", ..) => None,
        (_, Some(text), _) => Some(text.to_string()),
        (_, _, Some(digits)) => Some(format!("\\x{digits}")),
        ("1", ..) if native == "bit" => Some("t".into()),
        _ => Some(constant.to_string()),
    };
    (native.to_string(), value)
}
