//! Clients of other people against the Oracle double: what they take for an Oracle Database is not only
//! what our own driver expects. `./test --cross-check` installs them and names them in the environment; one
//! that is not named is skipped.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test panics where it fails")]

#[path = "../examples/double/oracle.rs"]
mod oracle;

use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn python_oracledb_takes_the_double_for_a_server() {
    let Some(python) = named("CELOSIA_TEST_PYTHON_CROSS_CHECK") else { return };
    accepted(|| {
        let mut command = Command::new(&python);
        command.arg(script("tns.py"));
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_oracledb_takes_the_double_for_a_server() {
    let node = named("CELOSIA_TEST_NODE");
    let Some((node, modules)) = node.zip(named("CELOSIA_TEST_CROSS_CHECK_NODE_DIRECTORY")) else {
        return;
    };
    accepted(|| {
        let mut command = Command::new(&node);
        command.arg(script("tns.mjs")).current_dir(&modules);
        command
    })
    .await;
}

/// Runs a client against both releases.
async fn accepted(client: impl Fn() -> Command) {
    for version in [ServerVersion::V19, ServerVersion::V23] {
        let options = TnsOptions { version, ..TnsOptions::default() };
        let double = TnsDouble::start(Arc::new(oracle::oracle()), options).await.unwrap();
        let port = double.port().to_string();
        let arguments = ["127.0.0.1", &port, "celosia", "reader", "Reader-1-secret"];
        let mut command = client();
        command.args(arguments).kill_on_drop(true).stdin(Stdio::null());
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{version:?}: {output:?}");
        assert_eq!(double.record().sessions(), []);
        double.stop().await;
    }
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
