//! Clients of other people against the TDS double: what they take for a SQL Server is not only what our
//! own driver expects. `./test --cross-check` installs them and names them in the environment; one that is
//! not named is skipped.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test panics where it fails")]

use async_trait::async_trait;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn, Row,
};
use celosia_connector_testkit::double::tds::{Encryption, TdsDouble, TdsOptions};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use tokio::process::Command;

#[tokio::test]
async fn python_tds_takes_the_double_for_a_server() {
    let Some(python) = named("CELOSIA_TEST_PYTHON_CROSS_CHECK") else { return };
    for encryption in [Encryption::Required, Encryption::NotSupported] {
        let double = start(encryption).await;
        let output =
            run(Command::new(&python).arg(script("tds.py")).args(arguments(&double))).await;
        assert!(output.status.success(), "{encryption:?}: {output:?}");
        double.stop().await;
    }
}

#[tokio::test]
async fn tedious_takes_the_double_for_a_server() {
    let node = named("CELOSIA_TEST_NODE");
    let Some((node, modules)) = node.zip(named("CELOSIA_TEST_CROSS_CHECK_NODE_DIRECTORY")) else {
        return;
    };
    // A script finds its packages from where it lies.
    let placed = modules.join("tds.mjs");
    std::fs::copy(script("tds.mjs"), &placed).unwrap();
    for encryption in [Encryption::Required, Encryption::Strict, Encryption::NotSupported] {
        let double = start(encryption).await;
        let mut command = Command::new(&node);
        command.arg(&placed).args(arguments(&double));
        if encryption == Encryption::Strict {
            command.arg("strict");
        }
        let output = run(&mut command).await;
        assert!(output.status.success(), "{encryption:?}: {output:?}");
        double.stop().await;
    }
}

#[tokio::test]
async fn freetds_takes_the_double_for_a_server() {
    let Some(tsql) = named("CELOSIA_TEST_FREETDS_TSQL") else { return };
    let double = start(Encryption::Off).await;
    let port = double.port().to_string();
    let mut command = Command::new(tsql);
    command.args([
        "-H",
        "127.0.0.1",
        "-p",
        &port,
        "-U",
        "reader",
        "-P",
        "Reader-1-secret",
        "-D",
        "celosia",
    ]);
    command.args(["-J", "UTF-8", "-o", "q"]).env("TDSVER", "7.4");
    let text = "SELECT CAST(N'Żółć' AS nvarchar(50)) AS c0, CAST(-12.25 AS decimal(18,2)) AS c1\nGO\n\
                SELECT * FROM no_such_table\nGO\nSELECT 1 AS n\nGO\nexit\n";
    let output = fed(&mut command, text).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Żółć\t-12.25"), "{output:?}");
    let told = said + &String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("208"), "{told}");
    double.stop().await;
}

fn named(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        println!("skipped: {variable} is not set (./test --cross-check sets it)");
    }
    path
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/cross-check").join(name)
}

async fn start(encryption: Encryption) -> TdsDouble {
    let options = TdsOptions { encryption, ..TdsOptions::default() };
    TdsDouble::start(Arc::new(Reciter), options).await.unwrap()
}

fn arguments(double: &TdsDouble) -> Vec<String> {
    let port = double.port().to_string();
    let mut arguments: Vec<String> =
        ["127.0.0.1", &port, "reader", "Reader-1-secret", "celosia"].map(String::from).into();
    arguments.extend(double.authority_file().map(|file| file.display().to_string()));
    arguments
}

async fn run(command: &mut Command) -> Output {
    command.kill_on_drop(true).stdin(Stdio::null()).output().await.unwrap()
}

async fn fed(command: &mut Command, text: &str) -> Output {
    use tokio::io::AsyncWriteExt;
    command.kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap()
}

/// Answers a SELECT of constants and parameters by what stands in it.
#[derive(Debug)]
struct Reciter;

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
