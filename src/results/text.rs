//! One cell of the text table: quoted where it could be taken for something else.

/// Between two cells.
pub(super) const SEPARATOR: char = '|';
/// The cell of an SQL NULL. The text `NULL` is quoted.
pub(super) const NULL: &str = "NULL";
/// Begins the line that says that rows are missing.
pub(super) const CUT: &str = "CUT:";

/// Writes a text so that nothing in it can be taken for the table's frame: in quotes, doubled inside,
/// where it is empty, looks like NULL or a cut line, or holds a separator, a quote or a backslash; and what a
/// reader cannot see (control, direction and zero-width characters) as `\u{..}`.
pub(super) fn push_cell(out: &mut String, value: &str) {
    if is_plain(value) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for (at, c) in value.char_indices() {
        match c {
            '"' => out.push_str("\"\""),
            // An escape that was already in the value must not read as one of ours.
            '\\' if value[at..].starts_with("\\u{") => push_escape(out, c),
            _ if is_unseen(c) => push_escape(out, c),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Whether a value stands for itself.
fn is_plain(value: &str) -> bool {
    let (Some(&first), Some(&last)) = (value.as_bytes().first(), value.as_bytes().last()) else {
        return false;
    };
    if first == b' ' || last == b' ' || value == NULL || value.starts_with(CUT) {
        return false;
    }
    let mut ascii = true;
    for &byte in value.as_bytes() {
        if SPECIAL[usize::from(byte)] {
            return false;
        }
        ascii &= byte.is_ascii();
    }
    ascii || !value.chars().any(is_unseen)
}

/// Bytes that end the fast path.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 32 {
        special[byte] = true;
        byte += 1;
    }
    special[127] = true;
    special[b'|' as usize] = true;
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

/// Characters that a reader does not see, or that move what is seen.
fn is_unseen(c: char) -> bool {
    match c {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        _ if c < '\u{ad}' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => {
            true
        }
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => true,
        '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

fn push_escape(out: &mut String, c: char) {
    out.push_str("\\u{");
    let code = u32::from(c);
    let digits = (32 - code.leading_zeros()).div_ceil(4).max(1);
    for at in (0..digits).rev() {
        out.push(char::from_digit(code >> (4 * at) & 15, 16).unwrap_or('0'));
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: &str) -> String {
        let mut out = String::new();
        push_cell(&mut out, value);
        out
    }

    #[test]
    fn what_stands_for_itself_is_not_quoted() {
        for value in ["ana", "12", "a b", "año", "日本", "null", "😀", "it's"] {
            assert_eq!(cell(value), value);
        }
    }

    #[test]
    fn nothing_looks_like_null_or_nothing() {
        assert_eq!(cell(""), "\"\"");
        assert_eq!(cell("NULL"), "\"NULL\"");
        assert_eq!(cell(" x"), "\" x\"");
        assert_eq!(cell("CUT: none"), "\"CUT: none\"");
    }

    #[test]
    fn a_value_cannot_leave_its_cell() {
        assert_eq!(cell("a|b"), "\"a|b\"");
        assert_eq!(cell("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(cell("a\nCUT: none"), "\"a\\u{a}CUT: none\"");
        assert_eq!(cell("\u{202e}evil"), "\"\\u{202e}evil\"");
        assert_eq!(cell("a\u{200b}b"), "\"a\\u{200b}b\"");
        assert_eq!(cell("\u{e0041}"), "\"\\u{e0041}\"");
        assert_eq!(cell("\0"), "\"\\u{0}\"");
    }

    #[test]
    fn an_escape_of_the_value_is_not_one_of_ours() {
        assert_eq!(cell("\\u{a}"), "\"\\u{5c}u{a}\"");
        assert_eq!(cell("C:\\users"), "\"C:\\users\"");
        assert_ne!(cell("\\u{a}"), cell("\n"));
    }
}
