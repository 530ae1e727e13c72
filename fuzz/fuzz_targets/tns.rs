//! What Oracle says, with bytes changed on the way.
#![no_main]

use celosia_connector_oracle::{OracleConfig, OracleConnector};
use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::engine::ResultColumn;
use celosia_connector_testkit::double::tns::{TnsDouble, TnsOptions};

mod spoiled;

static DIALOGUE: std::sync::LazyLock<spoiled::Dialogue> = std::sync::LazyLock::new(|| {
    let column = |name: &str, native: &str| ResultColumn {
        name: name.into(),
        native: native.into(),
        nullable: true,
        collation: None,
    };
    let cells = ["42", "some text", "1.5"].map(|cell| Some(cell.to_string()));
    let columns = vec![
        column("c0", "NUMBER(18)"),
        column("c1", "VARCHAR2(50)"),
        column("c2", "NUMBER(18,4)"),
    ];
    let canned = Canned::default();
    canned.answer(spoiled::SQL, Answer::rows(columns, vec![cells.into(); 20]));
    let runtime = spoiled::runtime();
    let double = runtime
        .block_on(TnsDouble::start(std::sync::Arc::new(canned), TnsOptions::default()))
        .expect("a server");
    let port = double.port();
    spoiled::Dialogue::new(runtime, port, Box::new(double), |port| {
        let url = format!("oracle://reader:Reader-1-secret@127.0.0.1:{port}/CELOSIA");
        Box::new(
            OracleConnector::new(OracleConfig::parse(&url).expect("a URL")).expect("a connector"),
        )
    })
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| DIALOGUE.hold(data));
