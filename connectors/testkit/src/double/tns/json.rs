//! JSON in its binary form, OSON: field names once and sorted, then a tree of nodes that point to each
//! other by offsets.

use super::number;
use super::wire::Put;
use std::collections::BTreeMap;

/// Values in values, at most.
const DEPTH: usize = 200;

/// Leaves stand in the tree.
const INLINE_LEAVES: u16 = 0x0002;
/// Field names are counted with four bytes.
const MANY_NAMES: u16 = 0x0008;
/// There is one leaf and nothing else.
const SCALAR: u16 = 0x0010;
/// Hashes of names have one byte.
const SHORT_HASHES: u16 = 0x0100;
/// Offsets of names have four bytes.
const LONG_NAMES: u16 = 0x0800;
/// The tree's length has four bytes.
const LONG_TREE: u16 = 0x1000;
/// A count of tiny nodes follows.
const TINY_NODES: u16 = 0x2000;

/// Puts a JSON text as a client expects JSON in a row: the binary form and a locator.
pub(super) fn put(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    let oson = encode(text).ok_or("the double cannot read a value as JSON")?;
    put_large(out, &oson);
    Ok(())
}

/// Puts the bytes of a value that comes with a locator nobody needs.
pub(super) fn put_large(out: &mut Vec<u8>, bytes: &[u8]) {
    out.ub(40).ub(bytes.len() as u64).ub(8132).bytes(bytes).bytes(&[0; 40]);
}

#[derive(Debug, Clone, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn encode(text: &str) -> Option<Vec<u8>> {
    let mut parser = Parser { text: text.as_bytes(), at: 0 };
    let value = parser.value(0)?;
    parser.blank();
    if parser.at < text.len() {
        return None;
    }
    let mut names = BTreeMap::new();
    gather(&value, &mut names);
    let mut tree = Tree { bytes: Vec::new(), fields: BTreeMap::new(), wide: names.len() > 255 };
    let mut out = vec![0xff, 0x4a, 0x5a, 1];
    if !matches!(value, Json::Array(_) | Json::Object(_)) {
        tree.node(&value)?;
        let long = tree.bytes.len() > 0xffff;
        out.extend((INLINE_LEAVES | SCALAR | if long { LONG_TREE } else { 0 }).to_be_bytes());
        tree.length(&mut out, long)?;
        out.extend(tree.bytes);
        return Some(out);
    }
    let segment = Names::new(names, &mut tree.fields)?;
    tree.node(&value)?;
    let (long, wide) = (tree.bytes.len() > 0xffff, segment.texts.len() > 0xffff);
    let mut flags = INLINE_LEAVES | SHORT_HASHES | TINY_NODES;
    flags |= if tree.wide { MANY_NAMES } else { 0 };
    flags |= if long { LONG_TREE } else { 0 } | if wide { LONG_NAMES } else { 0 };
    out.extend(flags.to_be_bytes());
    integer(&mut out, segment.hashes.len(), if tree.wide { 4 } else { 1 })?;
    integer(&mut out, segment.texts.len(), if wide { 4 } else { 2 })?;
    tree.length(&mut out, long)?;
    out.extend([0, 0]);
    out.extend(&segment.hashes);
    for offset in segment.offsets {
        integer(&mut out, offset, if wide { 4 } else { 2 })?;
    }
    out.extend(segment.texts);
    out.extend(tree.bytes);
    Some(out)
}

/// The names of all fields, by hash, length and text, as they must stand.
fn gather<'a>(value: &'a Json, names: &mut BTreeMap<(u8, usize, &'a str), ()>) {
    match value {
        Json::Array(values) => values.iter().for_each(|value| gather(value, names)),
        Json::Object(fields) => fields.iter().for_each(|(name, value)| {
            names.insert((hash(name), name.len(), name), ());
            gather(value, names);
        }),
        _ => {}
    }
}

fn hash(name: &str) -> u8 {
    let hash = name
        .bytes()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    hash.to_be_bytes()[3]
}

/// The segment of names.
struct Names {
    hashes: Vec<u8>,
    offsets: Vec<usize>,
    texts: Vec<u8>,
}

impl Names {
    fn new(
        names: BTreeMap<(u8, usize, &str), ()>,
        fields: &mut BTreeMap<String, usize>,
    ) -> Option<Self> {
        let mut segment = Self { hashes: Vec::new(), offsets: Vec::new(), texts: Vec::new() };
        for (number, ((hash, length, name), ())) in names.into_iter().enumerate() {
            segment.hashes.push(hash);
            segment.offsets.push(segment.texts.len());
            // Longer names would need a segment of their own.
            segment.texts.push(u8::try_from(length).ok()?);
            segment.texts.extend(name.as_bytes());
            fields.insert(name.to_string(), number + 1);
        }
        Some(segment)
    }
}

/// The segment of nodes.
struct Tree {
    bytes: Vec<u8>,
    fields: BTreeMap<String, usize>,
    wide: bool,
}

impl Tree {
    fn length(&self, out: &mut Vec<u8>, long: bool) -> Option<()> {
        integer(out, self.bytes.len(), if long { 4 } else { 2 })
    }

    fn node(&mut self, value: &Json) -> Option<()> {
        match value {
            Json::Null => self.bytes.push(0x30),
            Json::Bool(true) => self.bytes.push(0x31),
            Json::Bool(false) => self.bytes.push(0x32),
            Json::Number(text) => {
                let number = number::encode(text).ok()?;
                self.bytes.extend([0x34, u8::try_from(number.len()).ok()?]);
                self.bytes.extend(number);
            }
            Json::Text(text) => {
                let (kind, width) = match text.len() {
                    0..=0xff => (0x33, 1),
                    0x100..=0xffff => (0x37, 2),
                    _ => (0x38, 4),
                };
                self.bytes.push(kind);
                integer(&mut self.bytes, text.len(), width)?;
                self.bytes.extend(text.as_bytes());
            }
            Json::Array(values) => {
                self.container(0xc0, values.len())?;
                self.children(values.iter())?;
            }
            Json::Object(fields) => {
                self.container(0x84, fields.len())?;
                for (name, _) in fields {
                    let field = *self.fields.get(name)?;
                    integer(&mut self.bytes, field, if self.wide { 4 } else { 1 })?;
                }
                self.children(fields.iter().map(|(_, value)| value))?;
            }
        }
        Some(())
    }

    fn container(&mut self, kind: u8, count: usize) -> Option<()> {
        let (flag, width) = match count {
            0..=0xff => (0, 1),
            0x100..=0xffff => (0x08, 2),
            _ => (0x10, 4),
        };
        self.bytes.push(kind | 0x20 | flag); // offsets have four bytes
        integer(&mut self.bytes, count, width)
    }

    fn children<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a Json>) -> Option<()> {
        let mut place = self.bytes.len();
        self.bytes.resize(place + values.len() * 4, 0);
        for value in values {
            let offset = u32::try_from(self.bytes.len()).ok()?;
            self.bytes[place..place + 4].copy_from_slice(&offset.to_be_bytes());
            place += 4;
            self.node(value)?;
        }
        Some(())
    }
}

fn integer(out: &mut Vec<u8>, value: usize, width: usize) -> Option<()> {
    let bytes = u32::try_from(value).ok()?.to_be_bytes();
    out.extend(&bytes[4 - width..]);
    Some(())
}

/// Reads JSON; numbers stay as they are spelled.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Whether the next thing is this, and past it then.
    fn take(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        let end = self.at + word.len();
        let found = self.text.get(self.at..end)? == word.as_bytes();
        self.at = end;
        found.then_some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.blank();
        match self.peek()? {
            _ if depth > DEPTH => None,
            b'n' => self.word("null", Json::Null),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'"' => self.string().map(Json::Text),
            b'[' => {
                self.at += 1;
                let mut values = Vec::new();
                if self.take(b']') {
                    return Some(Json::Array(values));
                }
                loop {
                    values.push(self.value(depth + 1)?);
                    if !self.take(b',') {
                        return self.take(b']').then_some(Json::Array(values));
                    }
                }
            }
            b'{' => {
                self.at += 1;
                let mut fields = Vec::new();
                if self.take(b'}') {
                    return Some(Json::Object(fields));
                }
                loop {
                    self.blank();
                    let name = self.string()?;
                    if !self.take(b':') {
                        return None;
                    }
                    fields.push((name, self.value(depth + 1)?));
                    if !self.take(b',') {
                        return self.take(b'}').then_some(Json::Object(fields));
                    }
                }
            }
            _ => {
                let from = self.at;
                let part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
                while self.peek().is_some_and(part) {
                    self.at += 1;
                }
                let text = std::str::from_utf8(&self.text[from..self.at]).ok()?;
                number::encode(text).ok().map(|_| Json::Number(text.to_string()))
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(bytes).ok(),
                b'\\' => {
                    let escaped = self.escape()?;
                    bytes.extend(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => char::from(byte),
            b'u' => {
                let first = self.unit()?;
                let units = if (0xd800..0xdc00).contains(&first) {
                    (self.peek() == Some(b'\\')).then_some(())?;
                    self.at += 2;
                    vec![first, self.unit()?]
                } else {
                    vec![first]
                };
                char::decode_utf16(units).next()?.ok()?
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = std::str::from_utf8(self.text.get(self.at..self.at + 4)?).ok()?;
        self.at += 4;
        u16::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Json> {
        Parser { text: text.as_bytes(), at: 0 }.value(0)
    }

    #[test]
    fn texts_are_read() {
        let text = r#" {"a": [1, -2.50e3, true, null], "żółć": "x\n\u20ac\ud83d\ude00", "": {}} "#;
        let Some(Json::Object(fields)) = parsed(text) else { panic!() };
        let numbers = ["1", "-2.50e3"].map(|text| Json::Number(text.into()));
        let array = [&numbers[..], &[Json::Bool(true), Json::Null]].concat();
        assert_eq!(fields[0], ("a".into(), Json::Array(array)));
        assert_eq!(fields[1], ("żółć".into(), Json::Text("x\n€😀".into())));
        assert_eq!(fields[2], (String::new(), Json::Object(Vec::new())));
    }

    #[test]
    fn what_is_no_json_is_none() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "[1,]", "{\"a\"}", "\"\\x\"", "nul", "1 2", "\"\\ud83d\"", &deep] {
            assert_eq!(encode(text), None, "{}", &text[..text.len().min(20)]);
        }
    }

    #[test]
    fn scalars_have_the_short_form() {
        assert_eq!(encode("true").unwrap(), [0xff, 0x4a, 0x5a, 1, 0, 0x12, 0, 1, 0x31]);
        assert_eq!(encode("\"a\"").unwrap()[8..], [0x33, 1, b'a']);
    }
}
