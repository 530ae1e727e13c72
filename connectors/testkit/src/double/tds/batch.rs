//! A batch's text as pieces: what is about the session the wire server does itself, and the engine gets
//! the rest.

/// One statement of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A SET option, which changes nothing here.
    Set,
    /// `SET CONTEXT_INFO` with what stands behind it.
    ContextInfo(String),
    /// `SET LOCK_TIMEOUT` with its number.
    LockTimeout(String),
    /// `USE` with the database's name.
    Use(String),
    /// `BEGIN TRANSACTION`.
    Begin,
    /// `COMMIT`; `true` where it is only done in a transaction.
    Commit(bool),
    /// `ROLLBACK`; `true` where it is only done in a transaction.
    Rollback(bool),
    /// A query, for the engine.
    Query(String),
    /// Another statement, for the engine, which may be part of a construct that must not be taken apart.
    Other(String),
}

impl Piece {
    /// The wire server may run this piece by itself.
    fn simple(&self) -> bool {
        !matches!(self, Piece::Other(_))
    }
}

/// What a batch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Batch {
    /// Statements that stand for themselves, one after the other.
    Pieces(Vec<Piece>),
    /// A text for the engine as it is, and what in it is about the session.
    Whole(Vec<Piece>),
}

/// Takes a batch apart.
pub(super) fn read(sql: &str) -> Batch {
    let pieces: Vec<Piece> = split(sql).into_iter().map(classify).collect();
    match pieces.as_slice() {
        [Piece::Query(_)] => Batch::Whole(Vec::new()),
        pieces if pieces.iter().all(Piece::simple) => Batch::Pieces(pieces.to_vec()),
        _ => Batch::Whole(pieces),
    }
}

/// Cuts at semicolons, and at the ends of lines between a session statement and the next statement.
fn split(sql: &str) -> Vec<&str> {
    let bytes = sql.as_bytes();
    let (mut pieces, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'\'' | b'"' | b'[' => at = quoted(bytes, at),
            b'-' if bytes[at..].starts_with(b"--") => at = line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => at = comment_end(bytes, at),
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => {
                pieces.push(&sql[start..at]);
                start = at + 1;
            }
            b'\n' if depth == 0 && breaks(&sql[start..at], &sql[at + 1..]) => {
                pieces.push(&sql[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(sql.get(start..).unwrap_or_default());
    pieces.retain(|piece| !words(piece, 1).is_empty());
    pieces
}

/// The place of the last byte of what begins with a quote here.
fn quoted(bytes: &[u8], at: usize) -> usize {
    let end = if bytes[at] == b'[' { b']' } else { bytes[at] };
    // A quote that is doubled ends one text and begins the next: the same to us.
    let length = bytes[at + 1..].iter().position(|byte| *byte == end);
    length.map_or(bytes.len(), |length| at + 1 + length)
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let length = bytes[at..].iter().position(|byte| *byte == b'\n');
    length.map_or(bytes.len(), |length| at + length - 1)
}

fn comment_end(bytes: &[u8], at: usize) -> usize {
    let length = bytes[at + 2..].windows(2).position(|pair| pair == b"*/");
    length.map_or(bytes.len(), |length| at + 2 + length + 1)
}

/// A session statement ends where the next line begins another statement.
fn breaks(before: &str, after: &str) -> bool {
    const SESSION: [&str; 5] = ["SET", "USE", "BEGIN", "COMMIT", "ROLLBACK"];
    const STATEMENT: [&str; 10] =
        ["SET", "USE", "BEGIN", "COMMIT", "ROLLBACK", "SELECT", "WITH", "IF", "DECLARE", "EXEC"];
    let is = |text: &str, list: &[&str]| {
        words(text, 1).first().is_some_and(|word| list.contains(&word.as_str()))
    };
    is(before, &SESSION) && is(after, &STATEMENT) && classify(before).simple()
}

fn classify(text: &str) -> Piece {
    const BEHIND: [&str; 10] = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "EXEC", "EXECUTE", "DECLARE", "CREATE", "SET",
        "PRINT",
    ];
    let words = words(text, 12);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let other = || Piece::Other(text.trim().to_string());
    let query = matches!(words.as_slice(), ["SELECT" | "WITH" | "WAITFOR", ..]);
    // Another statement stands behind without a sign between them.
    if !query && words.iter().skip(1).any(|word| BEHIND.contains(word)) {
        return other();
    }
    let transaction = |rest: &[&str]| matches!(rest, [] | ["TRAN" | "TRANSACTION" | "WORK", ..]);
    match words.as_slice() {
        ["SET", option, ..] if option.starts_with('@') => other(),
        ["SET", "IDENTITY_INSERT", ..] => other(),
        ["SET", "CONTEXT_INFO", ..] => Piece::ContextInfo(behind(text, "CONTEXT_INFO")),
        ["SET", "LOCK_TIMEOUT", ..] => Piece::LockTimeout(behind(text, "LOCK_TIMEOUT")),
        ["SET", ..] => Piece::Set,
        ["USE", ..] => Piece::Use(behind(text, "USE").trim_matches(['[', ']', '"']).to_string()),
        ["BEGIN", "TRAN" | "TRANSACTION", ..] => Piece::Begin,
        ["COMMIT", rest @ ..] if transaction(rest) => Piece::Commit(false),
        ["ROLLBACK", rest @ ..] if transaction(rest) => Piece::Rollback(false),
        ["IF", "@@TRANCOUNT", ">", "0", "ROLLBACK", rest @ ..] if transaction(rest) => {
            Piece::Rollback(true)
        }
        ["IF", "@@TRANCOUNT", ">", "0", "COMMIT", rest @ ..] if transaction(rest) => {
            Piece::Commit(true)
        }
        _ if query => Piece::Query(text.trim().to_string()),
        _ => other(),
    }
}

/// The first words in upper case, without comments; a sign such as `>` is a word too.
fn words(text: &str, most: usize) -> Vec<String> {
    let bytes = text.as_bytes();
    let (mut words, mut at) = (Vec::new(), 0);
    while at < bytes.len() && words.len() < most {
        let rest = &bytes[at..];
        if rest.starts_with(b"--") {
            at = line_end(bytes, at) + 1;
        } else if rest.starts_with(b"/*") {
            at = comment_end(bytes, at) + 1;
        } else if rest[0].is_ascii_whitespace() {
            at += 1;
        } else {
            let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@#$".contains(byte);
            let length = rest.iter().take_while(|byte| word(byte)).count().max(1);
            words.push(String::from_utf8_lossy(&rest[..length]).to_ascii_uppercase());
            at += length;
        }
    }
    words
}

/// What stands behind a word.
fn behind(text: &str, word: &str) -> String {
    let at = text.to_ascii_uppercase().find(word).map_or(0, |at| at + word.len());
    text.get(at..).unwrap_or_default().trim().to_string()
}

/// The text of the bytes that CONTEXT_INFO was set to, spelled `0x…`.
pub(super) fn context_text(literal: &str) -> Option<String> {
    let digits = literal.strip_prefix("0x").or_else(|| literal.strip_prefix("\\x"))?;
    let digits: Vec<u8> = digits.bytes().take_while(u8::is_ascii_hexdigit).collect();
    let mut bytes = Vec::new();
    for pair in digits.chunks_exact(2) {
        let pair = std::str::from_utf8(pair).ok()?;
        bytes.push(u8::from_str_radix(pair, 16).ok()?);
    }
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if bytes[..end].iter().skip(1).step_by(2).any(|byte| *byte == 0) {
        return super::cursor::utf16(&bytes[..end.next_multiple_of(2).min(bytes.len())]).ok();
    }
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_statements_stand_for_themselves() {
        let sql = "SET NOCOUNT ON\nSET XACT_ABORT ON;SET LOCK_TIMEOUT 5000;\nUSE [sales]";
        let pieces =
            [Piece::Set, Piece::Set, Piece::LockTimeout("5000".into()), Piece::Use("sales".into())];
        assert_eq!(read(sql), Batch::Pieces(pieces.into()));
        assert_eq!(
            read("IF @@TRANCOUNT > 0 ROLLBACK TRAN"),
            Batch::Pieces([Piece::Rollback(true)].into())
        );
        assert_eq!(read("if @@trancount>0 commit"), Batch::Pieces([Piece::Commit(true)].into()));
        assert_eq!(read(" -- nothing\n ; /* ; */"), Batch::Pieces([].into()));
    }

    #[test]
    fn one_query_is_left_whole() {
        for sql in ["SELECT 1", "SELECT ';', [a;b] FROM t;", "WITH x AS (SELECT 1;) SELECT 2 -- ;"]
        {
            assert_eq!(read(sql), Batch::Whole(Vec::new()), "{sql}");
        }
    }

    #[test]
    fn queries_between_session_statements_come_one_by_one() {
        let sql = "BEGIN TRAN; SELECT 1 AS a;\nSELECT 2; ROLLBACK";
        let query = |text: &str| Piece::Query(text.into());
        let pieces =
            [Piece::Begin, query("SELECT 1 AS a"), query("SELECT 2"), Piece::Rollback(false)];
        assert_eq!(read(sql), Batch::Pieces(pieces.into()));
    }

    #[test]
    fn what_may_be_a_construct_stays_whole() {
        for sql in [
            "DECLARE @a int = 1; SELECT @a",
            "SET NOCOUNT ON SELECT 1",
            "SET IDENTITY_INSERT t ON; INSERT INTO t VALUES (1)",
            "BEGIN TRY SELECT 1; END TRY BEGIN CATCH END CATCH",
            "CREATE TABLE t (a int); INSERT INTO t VALUES (';')",
        ] {
            assert!(matches!(read(sql), Batch::Whole(_)), "{sql}");
        }
    }

    #[test]
    fn text_that_does_not_end_is_no_trouble() {
        for sql in ["'", "[", "/*", "--", "SET", "SELECT 'a", "(", ")", "é'ü;", "SET CONTEXT_INFO"]
        {
            let _ = read(sql);
        }
    }

    #[test]
    fn context_info_is_read_as_text() {
        assert_eq!(context_text("0x616263").as_deref(), Some("abc"));
        assert_eq!(context_text("0x6100620000").as_deref(), Some("ab"));
        assert_eq!(context_text("0xc3a90000").as_deref(), Some("é"));
        assert_eq!(context_text("@p"), None);
    }
}
