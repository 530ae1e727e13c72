//! The two forms an address is written in, as one list of options.

use crate::config::invalid;
use celosia_connector_api::ConnectorError;

/// The options of an address by their own names, in the order they were written.
pub(crate) type Options = Vec<(&'static str, String)>;

/// The keys a URL may carry behind its `?`.
const URL_KEYS: [&str; 9] = [
    "encrypt",
    "trust_certificate",
    "trust_server_certificate",
    "host_in_certificate",
    "instance",
    "packet_size",
    "isolation",
    "multi_subnet_failover",
    "connect_timeout",
];

/// Keys of an ADO string, without blanks and in lower case, and what they are here.
const ADO_KEYS: [(&str, &str); 27] = [
    ("server", "server"),
    ("datasource", "server"),
    ("address", "server"),
    ("addr", "server"),
    ("networkaddress", "server"),
    ("database", "database"),
    ("initialcatalog", "database"),
    ("userid", "user"),
    ("user", "user"),
    ("uid", "user"),
    ("username", "user"),
    ("password", "password"),
    ("pwd", "password"),
    ("encrypt", "ado_encrypt"),
    ("trustservercertificate", "trust_server_certificate"),
    ("servercertificate", "trust_certificate"),
    ("hostnameincertificate", "host_in_certificate"),
    ("packetsize", "packet_size"),
    ("multisubnetfailover", "multi_subnet_failover"),
    ("connecttimeout", "connect_timeout"),
    ("connectiontimeout", "connect_timeout"),
    // Ours, whatever the string says.
    ("applicationintent", "ignored"),
    ("applicationname", "ignored"),
    ("app", "ignored"),
    ("pooling", "ignored"),
    ("persistsecurityinfo", "ignored"),
    ("multipleactiveresultsets", "ignored"),
];

/// Reads `sqlserver://user:password@host\instance:port/database?key=value`.
pub(crate) fn from_url(url: &str) -> Result<Options, ConnectorError> {
    let rest = url.strip_prefix("sqlserver://").or_else(|| url.strip_prefix("mssql://"));
    let rest = rest.ok_or_else(|| invalid("the URL must start with sqlserver://"))?;
    if rest.contains('#') {
        return Err(invalid("a # in the URL must be written as %23"));
    }
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = address.split_once('/').unwrap_or((address, ""));
    let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let mut options = Options::new();
    for (key, text) in [("user", user), ("password", password), ("database", path)] {
        if !text.is_empty() {
            options.push((key, decoded(key, text)?));
        }
    }
    place_of(&decoded("host", place)?, ':', &mut options)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, text) = pair.split_once('=').unwrap_or((pair, ""));
        let known = URL_KEYS.iter().find(|known| **known == key);
        let known = known.ok_or_else(|| unknown(key, &URL_KEYS))?;
        options.push((*known, decoded(known, text)?));
    }
    Ok(options)
}

/// Reads `Server=host\instance,port;Database=...;User Id=...;Password=...`.
pub(crate) fn from_ado(text: &str) -> Result<Options, ConnectorError> {
    let mut options = Options::new();
    for (key, value) in pairs(text)? {
        let plain: String = key.chars().filter(|c| !c.is_whitespace()).collect();
        let plain = plain.to_ascii_lowercase();
        let known = ADO_KEYS.iter().find(|(name, _)| *name == plain).map(|(_, ours)| *ours);
        match known {
            Some("ignored") => {}
            Some("server") => {
                let place = value.trim_start_matches("tcp:");
                place_of(place, ',', &mut options)?;
            }
            Some("ado_encrypt") => options.push(("encrypt", ado_encryption(&value)?.to_string())),
            Some(key) => options.push((key, value)),
            None if matches!(&*plain, "integratedsecurity" | "trusted_connection") => {
                let context = "only SQL logins are supported: give User Id and Password instead of \
                               integrated security";
                return Err(invalid(context));
            }
            None => return Err(unknown(&plain, &ADO_KEYS.map(|(name, _)| name))),
        }
    }
    Ok(options)
}

/// `host\instance`, and a port behind the separator; an IPv6 address is in brackets.
fn place_of(text: &str, separator: char, options: &mut Options) -> Result<(), ConnectorError> {
    let (host, rest) = match text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, rest)) => (address, rest),
        None => {
            let end = text.find(['\\', separator]).unwrap_or(text.len());
            text.split_at(end)
        }
    };
    if !host.is_empty() {
        options.push(("host", if host == "." { "localhost" } else { host }.to_string()));
    }
    let (instance, port) = rest.split_once(separator).unwrap_or((rest, ""));
    if let Some(instance) = instance.strip_prefix('\\').filter(|name| !name.is_empty()) {
        options.push(("instance", instance.to_string()));
    }
    if !port.is_empty() {
        options.push(("port", port.trim().to_string()));
    }
    Ok(())
}

/// The pairs of an ADO string; a value may be quoted so that it can hold a semicolon.
fn pairs(text: &str) -> Result<Vec<(String, String)>, ConnectorError> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, behind) = rest
            .split_once('=')
            .ok_or_else(|| invalid("the ADO string must be a list of key=value;"))?;
        let behind = behind.trim_start();
        let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => quoted(behind, quote)?,
            None => {
                let (value, after) = behind.split_once(';').unwrap_or((behind, ""));
                (value.trim().to_string(), after)
            }
        };
        found.push((key.trim().to_string(), value));
        rest = after.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
    }
    Ok(found)
}

/// A quoted value, in which the quote is doubled, and what comes behind it.
fn quoted(text: &str, quote: char) -> Result<(String, &str), ConnectorError> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c != quote {
            value.push(c);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            value.push(quote);
        } else {
            return Ok((value, &text[at + quote.len_utf8()..]));
        }
    }
    Err(invalid("a quoted value in the ADO string has no end"))
}

fn ado_encryption(value: &str) -> Result<&'static str, ConnectorError> {
    match value.to_ascii_lowercase().as_str() {
        "strict" => Ok("strict"),
        "true" | "yes" | "mandatory" => Ok("required"),
        "false" | "no" | "optional" => Ok("login"),
        _ => Err(invalid("Encrypt is one of strict, mandatory, optional")),
    }
}

/// Percent-decoding; the error names the part and never holds it.
fn decoded(key: &str, text: &str) -> Result<String, ConnectorError> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let digits = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
            let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
            plain.push(byte.ok_or_else(|| malformed(key))?);
            at += 3;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(plain).map_err(|_| malformed(key))
}

fn malformed(key: &str) -> ConnectorError {
    invalid(format!("the {key} in the URL is not percent-encoded: write a % as %25"))
}

fn unknown(key: &str, allowed: &[&str]) -> ConnectorError {
    invalid(format!("unknown option {key:?}; allowed are {}", allowed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(options: &'a Options, key: &str) -> Option<&'a str> {
        options.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_url_is_taken_apart() {
        let url =
            "sqlserver://ana:p%40ss%2F%25@db.example:1444/sales%20eu?encrypt=strict&instance=X";
        let options = from_url(url).unwrap();
        assert_eq!(get(&options, "password"), Some("p@ss/%"));
        assert_eq!(get(&options, "host"), Some("db.example"));
        assert_eq!(get(&options, "port"), Some("1444"));
        assert_eq!(get(&options, "database"), Some("sales eu"));
        assert_eq!(get(&options, "instance"), Some("X"));
        let options = from_url("sqlserver://a@[::1]:1/x").unwrap();
        assert_eq!((get(&options, "host"), get(&options, "port")), (Some("::1"), Some("1")));
        let options = from_url("sqlserver://a@db\\SALES/x").unwrap();
        assert_eq!((get(&options, "host"), get(&options, "instance")), (Some("db"), Some("SALES")));
        for bad in ["postgres://a@db/x", "sqlserver://a:%zz@db/x", "sqlserver://a@db/x?encrpyt=off"]
        {
            assert!(from_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ado_string_is_taken_apart() {
        let text = "Server=tcp:db\\SALES,1444;Initial Catalog=x; User ID = ana ;\
                    Password=\"a;b\"\"c'\";Encrypt=True;TrustServerCertificate=yes;Application Name=z";
        let options = from_ado(text).unwrap();
        assert_eq!(get(&options, "host"), Some("db"));
        assert_eq!(get(&options, "instance"), Some("SALES"));
        assert_eq!(get(&options, "port"), Some("1444"));
        assert_eq!(get(&options, "user"), Some("ana"));
        assert_eq!(get(&options, "password"), Some("a;b\"c'"));
        assert_eq!(get(&options, "encrypt"), Some("required"));
        let local = from_ado("Data Source=.;Database=x;uid=a;pwd=b;Encrypt=optional").unwrap();
        assert_eq!(
            (get(&local, "host"), get(&local, "encrypt")),
            (Some("localhost"), Some("login"))
        );
        for bad in ["Server", "Server=a;Password=\"x", "Server=a;Integrated Security=true", "a=b"] {
            assert!(from_ado(bad).is_err(), "{bad}");
        }
    }
}
