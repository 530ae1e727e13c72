//! Starts a double by hand, for clients of other makers: `double tns [--19] [--tls]`, or
//! `double tds [--off | --none | --strict]` for its encryption. Prints its port, and behind it the file of
//! the authority to trust if there is one, and runs until its standard input ends.
#![allow(clippy::print_stdout, reason = "whoever starts it must learn the port")]

mod oracle;
mod sqlserver;

use celosia_connector_testkit::double::tds::{Encryption, TdsDouble, TdsOptions};
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
        Some("tds") => {
            let kinds = [
                ("--off", Encryption::Off),
                ("--none", Encryption::NotSupported),
                ("--strict", Encryption::Strict),
            ];
            let kind = kinds.into_iter().find(|(name, _)| has(name));
            let encryption = kind.map_or(Encryption::Required, |(_, encryption)| encryption);
            let options = TdsOptions { encryption, ..TdsOptions::default() };
            let double = TdsDouble::start(Arc::new(sqlserver::Reciter), options).await?;
            let authority = double.authority_file().unwrap_or_default();
            println!("{} {}", double.port(), authority.display());
            until_end().await?;
            double.stop().await;
        }
        _ => {
            return Err("usage: double tns [--19] [--tls] | tds [--off | --none | --strict]".into());
        }
    }
    Ok(())
}

async fn until_end() -> std::io::Result<()> {
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.map(|_| ())
}
