//! The engine behind the double of Oracle's protocol, asked by Oracle's own driver.

use super::engine;
use celosia_connector_testkit::double::plsql::Release;
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use celosia_connector_testkit::script::{Spelling, script};
use oracledb::{Config, Connection};

fn connect(port: u16, user: &str, password: &str) -> Connection {
    let config = Config::default().set_credentials(user, password);
    let config =
        config.set_connect_string(&format!("127.0.0.1:{port}/celosia")).expect("a connect string");
    oracledb::connect(config).expect("a connection")
}

/// Sends the suite's script as its own user would, and reads it as another.
fn load_and_read(port: u16, booleans: bool) {
    let loader = connect(port, "loader", "Loader-1-secret");
    for statement in script(Spelling::Oracle { booleans }).split("\n/\n") {
        let statement = statement.trim();
        if !statement.is_empty() {
            loader.execute(statement, &[]).unwrap_or_else(|error| panic!("{error} in {statement}"));
        }
    }
    let reader = connect(port, "reader", "Reader-1-secret");
    let row = reader
        .query_row(
            "SELECT \"name\", \"age\", \"phone\" FROM LOADER.\"people\" WHERE \"id\" = :1",
            &[&8],
        )
        .expect("a row");
    assert_eq!(row.get::<String>(0).expect("a cell"), "Hal");
    assert_eq!(row.get::<i64>(1).expect("a cell"), 0);
    assert_eq!(row.get::<Option<String>>(2).expect("a cell"), None);
    let sql = "SELECT \"i\", \"d\", \"f\" FROM LOADER.\"numbers\" WHERE \"id\" = 1";
    let row = reader.query_row(sql, &[]).expect("a row");
    assert_eq!(row.get::<i64>(0).expect("a cell"), i64::MIN);
    assert_eq!(row.get::<f64>(2).expect("a cell"), f64::MIN);
    let rows = reader.query("SELECT \"id\", \"filler\" FROM LOADER.\"big\"", &[]).expect("rows");
    assert_eq!(rows.filter(Result::is_ok).count(), 20_000);
    let refused = reader.execute("DELETE FROM LOADER.\"people\"", &[]).err().expect("refused");
    assert!(refused.to_string().contains("ORA-01031"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_goes_over_the_wire() {
    for (release, version) in
        [(Release::V19, ServerVersion::V19), (Release::V23, ServerVersion::V23)]
    {
        let Some(engine) = engine(release).await else { return };
        let options = TnsOptions { version, ..TnsOptions::default() };
        let double = TnsDouble::start(engine, options).await.unwrap();
        let port = double.port();
        let work = move || load_and_read(port, release == Release::V23);
        tokio::task::spawn_blocking(work).await.unwrap();
        double.stop().await;
    }
}
