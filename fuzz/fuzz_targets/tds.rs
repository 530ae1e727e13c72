//! What SQL Server says, with bytes changed on the way.
#![no_main]

use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::engine::ResultColumn;
use celosia_connector_testkit::double::tds::{Encryption, TdsDouble, TdsOptions};

mod spoiled;

static DIALOGUE: std::sync::LazyLock<spoiled::Dialogue> = std::sync::LazyLock::new(|| {
    let column = |name: &str, native: &str| ResultColumn {
        name: name.into(),
        native: native.into(),
        nullable: true,
        collation: native.contains("char").then(|| "Latin1_General_CI_AS".into()),
    };
    let cells = ["42", "some text", "1.5"].map(|cell| Some(cell.to_string()));
    let columns =
        vec![column("c0", "bigint"), column("c1", "nvarchar(50)"), column("c2", "decimal(18,4)")];
    let canned = Canned::default();
    canned.answer(spoiled::SQL, Answer::rows(columns, vec![cells.into(); 20]));
    let options = TdsOptions { encryption: Encryption::NotSupported, ..TdsOptions::default() };
    let runtime = spoiled::runtime();
    let double =
        runtime.block_on(TdsDouble::start(std::sync::Arc::new(canned), options)).expect("a server");
    let port = double.port();
    spoiled::Dialogue::new(runtime, port, Box::new(double), |port| {
        let url =
            format!("sqlserver://reader:Reader-1-secret@127.0.0.1:{port}/celosia?encrypt=off");
        Box::new(
            SqlServerConnector::new(SqlServerConfig::parse(&url).expect("a URL"))
                .expect("a connector"),
        )
    })
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| DIALOGUE.hold(data));
