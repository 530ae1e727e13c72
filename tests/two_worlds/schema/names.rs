//! Names that are hard to quote, to fold, or to tell from those that a renderer makes up.

use crate::support::load::Store;
use crate::support::rng::Rng;

const COLUMNS: &[&str] = &[
    "select",
    "order",
    "group",
    "from",
    "where",
    "user",
    "table",
    "null",
    "count",
    "value",
    "date",
    "timestamp",
    "c0",
    "c1",
    "c2",
    "c3",
    "c10",
    "s",
    "w",
    "t0",
    "t1",
    "governed",
    "rows",
    "key",
    "Mixed Case",
    "CamelCase",
    "UPPER",
    "two words",
    " lead",
    "trail ",
    "ñandú",
    "日本",
    "😀",
    "ÑANDÚ2",
    "straße",
    "it's",
    "a-b",
    "1st",
    "_",
    "%",
    "$1",
    "?1",
    "@p1",
    ":1",
    "--",
    ";",
    "a`b",
    "left",
    "right",
    "limit",
    "offset",
    "desc",
    "rank",
    "name",
    "id",
    "x",
    "y",
    "case",
    "end",
    "default",
    "interval",
    "year",
    "month",
    "true",
    "is",
    "in",
    "İstanbul",
    "e\u{301}t\u{e9}",
    "a,b",
    "(x)",
    "n",
    "__celosia",
    "celosia",
    "mask",
    "l",
    "r",
    "b",
    "v",
    "k",
    "q",
];
const TABLES: &[&str] = &[
    "order",
    "select",
    "t0",
    "t1",
    "c1",
    "Mixed Table",
    "täble",
    "governed",
    "people",
    "s",
    "w",
    "日本",
    "1st",
    "it's",
    "a-b",
    "values",
    "UPPER",
    "x",
    "group",
    "user",
];

/// A few names that differ in more than case.
#[derive(Debug, Default)]
pub struct Names {
    taken: Vec<String>,
}

impl Names {
    /// A name of a column.
    pub fn column(&mut self, store: Store, rng: &mut Rng) -> String {
        self.one(COLUMNS, "c", store, rng)
    }

    /// A name of a table.
    pub fn table(&mut self, store: Store, rng: &mut Rng) -> String {
        self.one(TABLES, "t", store, rng)
    }

    fn one(&mut self, from: &[&str], plain: &str, store: Store, rng: &mut Rng) -> String {
        loop {
            let name = match rng.below(10) {
                0..=6 => rng.pick(from).to_string(),
                _ => format!("{plain}{}", rng.below(30)),
            };
            let folded = name.to_lowercase();
            // SQL Server takes trailing blanks off names.
            // In its double, a name that begins like a variable is one.
            let kept =
                store != Store::SqlServer || (name.trim_end() == name && !name.starts_with('@'));
            if kept && !self.taken.contains(&folded) {
                self.taken.push(folded);
                return name;
            }
        }
    }
}

/// A name as a statement spells it.
pub fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
