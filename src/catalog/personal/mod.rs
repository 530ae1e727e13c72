//! Columns that look like personal data: names, comments, types and samples scored together.
//!
//! It proposes. Nothing here opens, masks or unmasks, and no sample leaves: of the values only kinds and
//! counts are told. A direct identifier that is overlooked costs more than a proposal that is crossed
//! out, so what is in doubt is proposed.

mod checks;
mod names;
mod propose;
mod sample;

pub use propose::masking_rules;
pub use sample::{Samples, read_samples};

use crate::model::{ColumnDescription, TableEntry};
use arrow_schema::DataType;
use names::{Said, holds_people, said};

/// From here on a column is proposed.
const ENOUGH: f64 = 0.5;

/// What kind of personal data a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// E-mail addresses.
    Email,
    /// Telephone numbers.
    Phone,
    /// Names of people.
    PersonName,
    /// Numbers by which a state or its health service knows people.
    NationalId,
    /// Passports, driving licences, number plates.
    IdDocument,
    /// Bank accounts.
    BankAccount,
    /// Payment cards.
    Card,
    /// Dates of birth and ages.
    BirthDate,
    /// Postal addresses and their parts.
    Address,
    /// Where somebody is.
    Position,
    /// Internet addresses, devices, user names.
    OnlineId,
    /// Passwords, keys, codes.
    Credential,
    /// Health, belief, origin, sex life and the like.
    Special,
    /// What somebody earns.
    Income,
    /// What people write, which may hold anything.
    FreeText,
}

impl Kind {
    /// The kind's tag.
    pub fn tag(self) -> &'static str {
        match self {
            Kind::Email => "pii.email",
            Kind::Phone => "pii.phone",
            Kind::PersonName => "pii.name",
            Kind::NationalId => "pii.national_id",
            Kind::IdDocument => "pii.document",
            Kind::BankAccount => "pii.bank_account",
            Kind::Card => "pii.card",
            Kind::BirthDate => "pii.birth_date",
            Kind::Address => "pii.address",
            Kind::Position => "pii.position",
            Kind::OnlineId => "pii.online_id",
            Kind::Credential => "pii.credential",
            Kind::Special => "pii.special",
            Kind::Income => "pii.income",
            Kind::FreeText => "pii.free_text",
        }
    }

    /// The kind of this tag.
    pub fn of_tag(tag: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.tag() == tag)
    }

    /// Whether one value is enough to know who somebody is.
    pub fn is_direct(self) -> bool {
        matches!(
            self,
            Kind::Email
                | Kind::Phone
                | Kind::PersonName
                | Kind::NationalId
                | Kind::IdDocument
                | Kind::BankAccount
                | Kind::Card
        )
    }
}

const ALL: [Kind; 15] = [
    Kind::Email,
    Kind::Phone,
    Kind::PersonName,
    Kind::NationalId,
    Kind::IdDocument,
    Kind::BankAccount,
    Kind::Card,
    Kind::BirthDate,
    Kind::Address,
    Kind::Position,
    Kind::OnlineId,
    Kind::Credential,
    Kind::Special,
    Kind::Income,
    Kind::FreeText,
];

/// A column that looks like personal data, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The kind.
    pub kind: Kind,
    /// How sure it is, up to 1.
    pub score: f64,
    /// Words that say so, with counts of samples and never a sample.
    pub evidence: Vec<String>,
}

/// What the column at `index` of a table looks like, as far as its name, its comment, its type and some
/// of its values tell; nothing where that is not enough.
pub fn find_personal(table: &TableEntry, index: usize, samples: &[String]) -> Option<Finding> {
    let column = table.description.columns.get(index)?;
    let of_people = holds_people(&table.reference.table);
    let named = said(&column.name, of_people);
    let commented = said(column.comment.as_deref().unwrap_or_default(), of_people);
    ALL.into_iter()
        .filter(|kind| fits(*kind, column))
        .filter_map(|kind| {
            let named = named.iter().find(|said| said.kind == kind);
            let commented = commented.iter().find(|said| said.kind == kind);
            score(kind, named, commented, samples, of_people)
        })
        .filter(|finding| finding.score >= ENOUGH)
        .max_by(|a, b| a.score.total_cmp(&b.score).then(b.kind.cmp(&a.kind)))
}

/// Whether a column's name or comment alone says that it holds personal data.
pub fn is_personal_name(table: &TableEntry, index: usize) -> bool {
    find_personal(table, index, &[]).is_some()
}

fn score(
    kind: Kind,
    named: Option<&Said>,
    commented: Option<&Said>,
    samples: &[String],
    of_people: bool,
) -> Option<Finding> {
    let mut evidence = Vec::new();
    let mut doubt = 1.0;
    let mut take = |weight: f64, words: String| {
        doubt *= 1.0 - weight;
        evidence.push(words);
    };
    let plain = named.is_some_and(|said| !said.about);
    for (said, part, worth) in [(named, "name", 1.0), (commented, "comment", 0.75)] {
        let Some(said) = said else { continue };
        let about = if said.about { 0.35 } else { 1.0 };
        let hint = if said.about { ", beside words about such data" } else { "" };
        take(said.weight * worth * about, format!("{part} says \"{}\"{hint}", said.phrase));
    }
    let mut contradicted = false;
    if let Some(test) = values(kind, plain || commented.is_some(), of_people)
        && !samples.is_empty()
    {
        let passed = samples.iter().filter(|value| (test.holds)(value)).count();
        let count = |n: usize| u32::try_from(n).map_or(f64::INFINITY, f64::from);
        let share = count(passed) / count(samples.len());
        if share >= test.share {
            // A few values may pass by chance.
            let sure = if samples.len() >= 5 { test.weight } else { test.weight * 0.7 };
            take(sure, format!("{passed} of {} samples {}", samples.len(), test.words));
        }
        contradicted = test.needed && passed == 0 && samples.len() >= 5;
    }
    if evidence.is_empty() {
        return None;
    }
    let mut score = 1.0 - doubt;
    if contradicted {
        score *= 0.4;
        evidence.push(format!("none of {} samples looks like one", samples.len()));
    }
    Some(Finding { kind, score, evidence })
}

/// How values show a kind.
struct Test {
    holds: fn(&str) -> bool,
    /// The share of samples that must pass.
    share: f64,
    weight: f64,
    /// Values of the kind all pass, so that a column of which none does is of another kind.
    needed: bool,
    words: &'static str,
}

/// The test of a kind's values; `named`: words say the kind as well, so weaker shapes count too.
fn values(kind: Kind, named: bool, of_people: bool) -> Option<Test> {
    let test = |holds: fn(&str) -> bool, share, weight, needed, words| {
        Some(Test { holds, share, weight, needed, words })
    };
    match (kind, named) {
        (Kind::Email, _) => test(checks::is_email, 0.3, 0.95, true, "are e-mail addresses"),
        (Kind::Phone, true) => {
            test(checks::may_be_phone, 0.3, 0.6, true, "may be telephone numbers")
        }
        (Kind::Phone, false) => {
            test(checks::is_phone, 0.6, 0.7, false, "are written like telephone numbers")
        }
        (Kind::PersonName, _) => test(
            checks::is_person_name,
            if of_people { 0.2 } else { 0.3 },
            0.6,
            false,
            "hold common first names",
        ),
        (Kind::NationalId, true) => {
            test(checks::may_be_national_id, 0.3, 0.6, false, "may be national identifiers")
        }
        (Kind::NationalId, false) => test(
            checks::is_national_id,
            0.7,
            0.8,
            false,
            "have a national identifier's check digits",
        ),
        (Kind::BankAccount, _) => test(checks::is_iban, 0.5, 0.95, false, "are IBANs (modulo 97)"),
        (Kind::Card, _) => test(
            checks::is_card,
            0.7,
            0.85,
            false,
            "have a payment card's beginning and check digit",
        ),
        (Kind::BirthDate, true) => {
            test(checks::is_birth_date, 0.7, 0.4, false, "are dates within a lifetime")
        }
        (Kind::Address, _) => {
            test(checks::is_address, 0.4, 0.75, false, "hold a street and a number")
        }
        (Kind::OnlineId, _) => test(checks::is_ip, 0.7, 0.85, false, "are internet addresses"),
        (Kind::FreeText, _) => test(
            |text| text.split(char::is_whitespace).any(checks::is_email) && text.contains(' '),
            0.05,
            0.6,
            false,
            "are texts with e-mail addresses in them",
        ),
        _ => None,
    }
}

/// Whether values of a kind can be of the column's type.
fn fits(kind: Kind, column: &ColumnDescription) -> bool {
    use DataType as T;
    let text = matches!(column.data_type, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let whole = match column.data_type {
        T::Int32 | T::Int64 => true,
        T::Decimal128(_, scale) => scale == 0,
        T::Decimal256(_, _) => true,
        _ => false,
    };
    let number = whole
        || matches!(column.data_type, T::Int16 | T::Float32 | T::Float64 | T::Decimal128(_, _));
    let time = matches!(column.data_type, T::Date32 | T::Timestamp(_, _));
    match kind {
        Kind::Email | Kind::PersonName | Kind::Address | Kind::FreeText => text,
        Kind::Phone | Kind::NationalId | Kind::IdDocument | Kind::BankAccount | Kind::Card => {
            text || whole
        }
        Kind::BirthDate => text || time || whole || matches!(column.data_type, T::Int16),
        Kind::Position => text || number,
        Kind::OnlineId => text,
        Kind::Credential => text || number || matches!(column.data_type, T::Binary),
        Kind::Special => text || whole || matches!(column.data_type, T::Int16 | T::Boolean),
        Kind::Income => number,
    }
}
