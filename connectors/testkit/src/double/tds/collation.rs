//! Collations as five bytes, and text in the code page they stand for.

/// What the protocol tells of a collation: locale, comparison flags, version and sort order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Collation {
    info: u32,
    sort: u8,
}

const IGNORE_CASE: u32 = 1 << 20;
const IGNORE_ACCENT: u32 = 1 << 21;
const IGNORE_KANA: u32 = 1 << 22;
const IGNORE_WIDTH: u32 = 1 << 23;
const BINARY: u32 = 1 << 24;
const BINARY_BY_CODE_POINT: u32 = 1 << 25;
const UTF8: u32 = 1 << 26;

/// Locales whose code page is 1252, by the beginning of a collation's name.
const LOCALES: [(&str, u32); 8] = [
    ("latin1_general", 0x409),
    ("sql_latin1_general", 0x409),
    ("modern_spanish", 0xc0a),
    ("traditional_spanish", 0x40a),
    ("german_phonebook", 0x1_0407),
    ("french", 0x40c),
    ("finnish_swedish", 0x40b),
    ("danish_norwegian", 0x406),
];

impl Default for Collation {
    /// `SQL_Latin1_General_CP1_CI_AS`.
    fn default() -> Self {
        Self { info: 0x409 | IGNORE_CASE | IGNORE_KANA | IGNORE_WIDTH, sort: 52 }
    }
}

impl Collation {
    /// The collation of a name; one that is not known gets the locale of `Latin1_General`.
    pub(super) fn named(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let locale = LOCALES.iter().find(|(start, _)| name.starts_with(start));
        let locale = locale.map_or(0x409, |(_, locale)| *locale);
        let parts: Vec<&str> = name.split('_').collect();
        let has = |part: &str| parts.contains(&part);
        let mut info = locale;
        if has("bin2") {
            info |= BINARY_BY_CODE_POINT;
        } else if has("bin") {
            info |= BINARY;
        } else {
            let ignored = [
                (has("ci"), IGNORE_CASE),
                (has("ai"), IGNORE_ACCENT),
                (!has("ks"), IGNORE_KANA),
                (!has("ws"), IGNORE_WIDTH),
            ];
            info |= ignored.iter().filter(|(is, _)| *is).fold(0, |all, (_, flag)| all | flag);
        }
        if has("utf8") {
            info |= UTF8;
        }
        let version = [("90", 1), ("100", 2), ("140", 3), ("160", 4)];
        info |= version.iter().find(|(part, _)| has(part)).map_or(0, |(_, number)| number << 28);
        let sort = match () {
            () if !name.starts_with("sql_") => 0,
            () if has("cs") => 51,
            () if has("ai") => 54,
            () => 52,
        };
        Self { info, sort }
    }

    /// The collation of the five bytes that stand in TYPE_INFO.
    pub(super) fn from_bytes(bytes: [u8; 5]) -> Self {
        let [a, b, c, d, sort] = bytes;
        Self { info: u32::from_le_bytes([a, b, c, d]), sort }
    }

    /// The five bytes.
    pub(super) fn bytes(self) -> [u8; 5] {
        let [a, b, c, d] = self.info.to_le_bytes();
        [a, b, c, d, self.sort]
    }

    /// Text of one byte per character is UTF-8 instead.
    pub(super) fn is_utf8(self) -> bool {
        self.info & UTF8 != 0
    }

    /// Upper and lower case differ.
    pub(super) fn is_case_sensitive(self) -> bool {
        self.info & IGNORE_CASE == 0
    }

    /// Appends text in the collation's encoding; what the code page has not is a question mark.
    pub(super) fn encode(self, text: &str, out: &mut Vec<u8>) {
        if self.is_utf8() || text.is_ascii() {
            out.extend_from_slice(text.as_bytes());
        } else {
            out.extend(text.chars().map(to_1252));
        }
    }

    /// Text from the collation's encoding.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        if self.is_utf8() {
            String::from_utf8_lossy(bytes).into_owned()
        } else {
            bytes.iter().copied().map(from_1252).collect()
        }
    }
}

/// Code page 1252 from 0x80 to 0x9f; the five bytes that stand for nothing are control characters.
const HIGH: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

fn to_1252(character: char) -> u8 {
    match u32::from(character) {
        code @ (0..=0x7f | 0xa0..=0xff) => u8::try_from(code).unwrap_or(b'?'),
        _ => (0x80..).zip(HIGH).find(|(_, high)| *high == character).map_or(b'?', |(byte, _)| byte),
    }
}

fn from_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_the_bytes_that_servers_send() {
        let bytes = |name| Collation::named(name).bytes();
        assert_eq!(bytes("SQL_Latin1_General_CP1_CI_AS"), [0x09, 0x04, 0xd0, 0x00, 0x34]);
        assert_eq!(bytes("Latin1_General_CI_AS"), [0x09, 0x04, 0xd0, 0x00, 0x00]);
        assert_eq!(bytes("Latin1_General_CS_AS"), [0x09, 0x04, 0xc0, 0x00, 0x00]);
        assert_eq!(bytes("Latin1_General_BIN2"), [0x09, 0x04, 0x00, 0x02, 0x00]);
        assert_eq!(bytes("Latin1_General_100_CI_AS_SC_UTF8"), [0x09, 0x04, 0xd0, 0x24, 0x00]);
        assert_eq!(Collation::named("SQL_Latin1_General_CP1_CI_AS"), Collation::default());
        let utf8 = Collation::named("Latin1_General_100_BIN2_UTF8");
        assert!(utf8.is_utf8() && utf8.is_case_sensitive());
        assert_eq!(Collation::from_bytes(utf8.bytes()), utf8);
    }

    #[test]
    fn text_that_the_code_page_has_not_becomes_a_question_mark() {
        let mut out = Vec::new();
        Collation::default().encode("é€Ź😀", &mut out);
        assert_eq!(out, [0xe9, 0x80, b'?', b'?']);
        assert_eq!(Collation::default().decode(&out), "é€??");
        for byte in 0..=255 {
            assert_eq!(to_1252(from_1252(byte)), byte);
        }
    }
}
