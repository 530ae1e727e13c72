//! Clients of other people against the TDS double: what they take for a SQL Server is not only what our
//! own driver expects. `./test --cross-check` installs them and names them in the environment; one that is
//! not named is skipped.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test panics where it fails")]

#[path = "../examples/double/sqlserver.rs"]
mod sqlserver;

use celosia_connector_testkit::double::tds::{Encryption, TdsDouble, TdsOptions};
use sqlserver::Reciter;
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
