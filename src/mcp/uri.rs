//! Resource URIs: `celosia://source` and `celosia://source/schema/table`, each part percent-encoded.

use std::fmt::Write as _;

const SCHEME: &str = "celosia://";

/// What a resource URI names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A source.
    Source(String),
    /// A table of a source's schema.
    Table { source: String, schema: String, table: String },
}

/// The URI of a source.
pub(super) fn source_uri(source: &str) -> String {
    let mut uri = String::from(SCHEME);
    encode(&mut uri, source);
    uri
}

/// The URI of a table.
pub(super) fn table_uri(source: &str, schema: &str, table: &str) -> String {
    let mut uri = source_uri(source);
    for part in [schema, table] {
        uri.push('/');
        encode(&mut uri, part);
    }
    uri
}

/// What `uri` names, if it has the form of a resource of ours.
pub(super) fn parse(uri: &str) -> Option<Target> {
    let mut parts = uri.strip_prefix(SCHEME)?.split('/').map(decode);
    let source = parts.next()??;
    let Some(schema) = parts.next() else { return Some(Target::Source(source)) };
    let (schema, table) = (schema?, parts.next()??);
    parts.next().is_none().then_some(Target::Table { source, schema, table })
}

/// Writes one part.
pub(super) fn encode(out: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// One part, which must be neither empty nor badly encoded nor end the path early.
pub(super) fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => bytes.push(hex(rest.next()?)? << 4 | hex(rest.next()?)?),
            b'?' | b'#' => return None,
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|part| !part.is_empty())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_round_trip() {
        for (source, schema, table) in [
            ("shop", "main", "customers"),
            ("erp", "ERP", "Größe/Maß 100%"),
            ("a.b", "x?y#z", "日本 語"),
            ("s", "..", "%2F"),
        ] {
            let uri = table_uri(source, schema, table);
            assert!(uri.is_ascii() && uri.matches('/').count() == 4, "{uri}");
            let expected =
                Target::Table { source: source.into(), schema: schema.into(), table: table.into() };
            assert_eq!(parse(&uri), Some(expected), "{uri}");
            assert_eq!(parse(&source_uri(source)), Some(Target::Source(source.into())));
        }
        assert_eq!(table_uri("a b", "c/d", "e"), "celosia://a%20b/c%2Fd/e");
    }

    #[test]
    fn other_forms_name_nothing() {
        for uri in [
            "",
            "celosia://",
            "celosia:///main/t",
            "celosia://s/",
            "celosia://s/main",
            "celosia://s/main/",
            "celosia://s/main/t/",
            "celosia://s/main/t/x",
            "celosia://s/main/t?x=1",
            "celosia://s/main/t#f",
            "celosia://s/main/%",
            "celosia://s/main/%4",
            "celosia://s/main/%zz",
            "celosia://s/main/%+1",
            "celosia://s/main/%ff",
            "CELOSIA://s",
            "file:///etc/passwd",
        ] {
            assert_eq!(parse(uri), None, "{uri}");
        }
    }
}
