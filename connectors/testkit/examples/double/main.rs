//! Starts a double by hand, for clients of other makers: `double tns [--19] [--tls]`. Prints its port
//! and runs until its standard input ends.
#![allow(clippy::print_stdout, reason = "whoever starts it must learn the port")]

mod oracle;

use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use std::error::Error;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    match arguments.first().map(String::as_str) {
        Some("tns") => {
            let version = if has("--19") { ServerVersion::V19 } else { ServerVersion::V23 };
            let options = TnsOptions { version, tls: has("--tls"), ..TnsOptions::default() };
            let double = TnsDouble::start(Arc::new(oracle::oracle()), options).await?;
            println!("{}", double.port());
            until_end().await?;
            double.stop().await;
        }
        _ => return Err("usage: double tns [--19] [--tls]".into()),
    }
    Ok(())
}

async fn until_end() -> std::io::Result<()> {
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.map(|_| ())
}
