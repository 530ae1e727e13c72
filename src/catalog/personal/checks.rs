//! Values that prove themselves: check digits, shapes and ranges of identifiers. Each function answers
//! for one value alone; nothing is kept.

use chrono::{Datelike, NaiveDate, Utc};

/// An e-mail address.
pub(super) fn is_email(text: &str) -> bool {
    let Some((user, domain)) = text.trim().rsplit_once('@') else { return false };
    let allowed = |c: char| c.is_alphanumeric() || "._%+-'".contains(c);
    !user.is_empty()
        && user.chars().all(allowed)
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && domain.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '-')
}

/// A telephone number as people write one: with a plus, or with spaces, dots, hyphens or parentheses.
pub(super) fn is_phone(text: &str) -> bool {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let shaped = text.chars().all(|c| c.is_ascii_digit() || " +-.()/".contains(c));
    let written = text.starts_with('+') || text.starts_with("00") || text.starts_with('(');
    let grouped = text.contains([' ', '-']) && groups(text);
    shaped && (8..=15).contains(&digits) && (written || grouped) && !is_date_like(text)
}

/// Digits that may be a telephone number, where a name says that they are one.
pub(super) fn may_be_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let rest = |c: char| c.is_ascii_digit() || " +-.()/xet".contains(c.to_ascii_lowercase());
    (7..=15).contains(&digits) && text.chars().all(rest)
}

/// Three groups of digits or more, none longer than a telephone number's.
fn groups(text: &str) -> bool {
    let parts: Vec<&str> = text.split([' ', '-']).filter(|part| !part.is_empty()).collect();
    parts.len() >= 3 && parts.iter().all(|part| (2..=4).contains(&part.len()))
}

fn is_date_like(text: &str) -> bool {
    let parts: Vec<usize> = text.split(['-', '/', '.', ' ']).map(str::len).collect();
    matches!(parts.as_slice(), [4, 2, 2, ..] | [2, 2, 4, ..])
}

/// A payment card: a length and a beginning that are issued, and Luhn's check digit.
pub(super) fn is_card(text: &str) -> bool {
    let Some(digits) = digits(text, " -") else { return false };
    let begin = |count: usize| digits.iter().take(count).fold(0_u32, |n, d| n * 10 + u32::from(*d));
    let issued = match digits.len() {
        13 | 19 => begin(1) == 4 || begin(1) == 6,
        14 => [36, 38, 39].contains(&begin(2)) || (300..=305).contains(&begin(3)),
        15 => [34, 37].contains(&begin(2)),
        16 => {
            begin(1) == 4
                || (51..=55).contains(&begin(2))
                || (2221..=2720).contains(&begin(4))
                || begin(4) == 6011
                || begin(2) == 65
                || (3528..=3589).contains(&begin(4))
        }
        _ => false,
    };
    issued && luhn(&digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit) * 2) {
            (0, doubled) => doubled / 2,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    digits.iter().any(|digit| *digit != 0) && sum.is_multiple_of(10)
}

/// An international bank account number (ISO 13616, modulo 97).
pub(super) fn is_iban(text: &str) -> bool {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    let shaped = (15..=34).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.bytes().take(2).all(|b| b.is_ascii_alphabetic())
        && text.bytes().skip(2).take(2).all(|b| b.is_ascii_digit());
    if !shaped {
        return false;
    }
    let (head, tail) = text.split_at(4);
    let rest = tail.chars().chain(head.chars()).filter_map(|c| c.to_digit(36));
    rest.fold(0, |rest, value| match value {
        0..=9 => (rest * 10 + value) % 97,
        _ => (rest * 100 + value) % 97,
    }) == 1
}

/// A number by which a state knows a person.
pub(super) fn is_national_id(text: &str) -> bool {
    is_ssn(text)
        || is_spanish(text)
        || is_nino(text)
        || is_french(text)
        || is_german(text)
        || is_brazilian(text)
        || is_indian(text)
        || is_nhs(text)
}

/// A social security number of the United States, with its hyphens.
fn is_ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.trim().split('-').collect();
    let [area, group, serial] = parts.as_slice() else { return false };
    let number = |part: &&str, length: usize| {
        (part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u32>().unwrap_or(0))
    };
    match (number(area, 3), number(group, 2), number(serial, 4)) {
        (Some(area), Some(group), Some(serial)) => {
            (1..900).contains(&area) && area != 666 && group > 0 && serial > 0
        }
        _ => false,
    }
}

/// A Spanish DNI or NIE: the letter follows from the number.
fn is_spanish(text: &str) -> bool {
    let text: String = text.trim().chars().filter(|c| *c != '-' && *c != ' ').collect();
    let text = text.to_ascii_uppercase();
    if text.len() != 9 || !text.is_ascii() {
        return false;
    }
    let (body, letter) = text.split_at(8);
    let body = match body.split_at(1) {
        ("X", rest) => format!("0{rest}"),
        ("Y", rest) => format!("1{rest}"),
        ("Z", rest) => format!("2{rest}"),
        _ => body.to_string(),
    };
    let Ok(number) = body.parse::<usize>() else { return false };
    letter.bytes().next() == b"TRWAGMYFPDXBNJZSQVHLCKE".get(number % 23).copied()
}

/// A National Insurance number of the United Kingdom, by its shape.
fn is_nino(text: &str) -> bool {
    let text: Vec<u8> = text.trim().bytes().filter(|b| *b != b' ').collect();
    let [a, b, digits @ .., last] = text.as_slice() else { return false };
    digits.len() == 6
        && digits.iter().all(u8::is_ascii_digit)
        && a.is_ascii_uppercase()
        && b.is_ascii_uppercase()
        && !b"DFIQUV".contains(a)
        && !b"DFIOQUV".contains(b)
        && (b'A'..=b'D').contains(last)
}

/// A number of the National Health Service, in groups of 3, 3 and 4 digits (modulo 11). Without its
/// groups every eleventh number would pass.
fn is_nhs(text: &str) -> bool {
    let lengths: Vec<usize> = text.trim().split([' ', '-']).map(str::len).collect();
    lengths == [3, 3, 4] && nhs_checks(text)
}

fn nhs_checks(text: &str) -> bool {
    let Some(digits) = digits(text, " -").filter(|digits| digits.len() == 10) else { return false };
    let sum: u32 = digits.iter().zip((2..=10).rev()).map(|(d, w)| u32::from(*d) * w).sum();
    match 11 - sum % 11 {
        11 => digits[9] == 0,
        check => u32::from(digits[9]) == check,
    }
}

/// A French INSEE number with its key (modulo 97); 2A and 2B are Corsica.
fn is_french(text: &str) -> bool {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    if text.len() != 15 || !text.starts_with(['1', '2']) {
        return false;
    }
    let text = text.replacen("2A", "19", 1).replacen("2B", "18", 1);
    let (body, key) = text.split_at(13);
    let month = body.get(3..5).and_then(|month| month.parse::<u32>().ok()).unwrap_or(0);
    match (body.parse::<u64>(), key.parse::<u64>()) {
        (Ok(body), Ok(key)) => 97 - body % 97 == key && (1..=42).contains(&month),
        _ => false,
    }
}

/// A German tax number for life: eleven digits, one of the first ten of them repeated, modulo 11, 10.
fn is_german(text: &str) -> bool {
    let Some(digits) = digits(text, " ").filter(|digits| digits.len() == 11) else { return false };
    let mut counts = [0_u8; 10];
    digits[..10].iter().for_each(|digit| counts[usize::from(*digit)] += 1);
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().max().copied().unwrap_or(0);
    let product = digits[..10].iter().fold(10_u32, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let check = (11 - product) % 10;
    digits[0] != 0 && repeated == 1 && most <= 3 && u32::from(digits[10]) == check
}

/// A Brazilian CPF: two check digits.
fn is_brazilian(text: &str) -> bool {
    let Some(digits) = digits(text, ".-").filter(|digits| digits.len() == 11) else { return false };
    let check = |count: u32| {
        let sum: u32 =
            digits.iter().zip((2..=count + 1).rev()).map(|(d, w)| u32::from(*d) * w).sum();
        match sum * 10 % 11 {
            10 => 0,
            rest => rest,
        }
    };
    digits.iter().any(|digit| *digit != digits[0])
        && u32::from(digits[9]) == check(9)
        && u32::from(digits[10]) == check(10)
}

/// An Indian Aadhaar number (Verhoeff), in groups of four. Without its groups every tenth would pass.
fn is_indian(text: &str) -> bool {
    let lengths: Vec<usize> = text.trim().split([' ', '-']).map(str::len).collect();
    lengths == [4, 4, 4] && verhoeff(text)
}

fn verhoeff(text: &str) -> bool {
    let Some(digits) = digits(text, " -").filter(|digits| digits.len() == 12) else { return false };
    // The dihedral group of order ten, and the permutation that moves with the place.
    let multiply = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    const STEP: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permuted =
        |place: usize, digit: u8| (0..place % 8).fold(digit, |digit, _| STEP[usize::from(digit)]);
    let mut places = digits.iter().rev().enumerate();
    let sum = places.by_ref().fold(0, |sum, (at, digit)| multiply(sum, permuted(at, *digit)));
    digits[0] >= 2 && sum == 0
}

/// Whether a number with no group marks would be one of the identifiers that are weak without them.
pub(super) fn may_be_national_id(text: &str) -> bool {
    let plain = text.trim();
    let nine = plain.len() == 9 && plain.bytes().all(|b| b.is_ascii_digit());
    is_national_id(plain) || nhs_checks(plain) || verhoeff(plain) || nine
}

/// An internet address.
pub(super) fn is_ip(text: &str) -> bool {
    let text = text.trim();
    let address = text.split('/').next().unwrap_or(text);
    address.parse::<std::net::IpAddr>().is_ok()
}

/// A date on which somebody who lives may have been born: year-month-day, or day/month/year.
pub(super) fn is_birth_date(text: &str) -> bool {
    let day = text.get(..10).unwrap_or(text);
    let forms = ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d"];
    let date = forms.iter().find_map(|form| NaiveDate::parse_from_str(day, form).ok());
    let this_year = Utc::now().year();
    date.is_some_and(|date| (this_year - 110..=this_year).contains(&date.year()))
}

/// A street and a number, in English or Spanish.
pub(super) fn is_address(text: &str) -> bool {
    const STREETS: &str = "street, st, st., avenue, ave, ave., road, rd, rd., lane, ln, drive, dr, boulevard, \
        blvd, court, way, terrace, square, calle, c/, avenida, av., avda., avda, plaza, \
        paseo, carrera, camino, ronda";
    let lower = text.to_lowercase();
    let mut words = lower.split([' ', ',']).filter(|word| !word.is_empty());
    let street = words
        .any(|word| STREETS.split(", ").any(|street| street == word) || word.starts_with("c/"));
    street && text.bytes().any(|b| b.is_ascii_digit())
}

/// A name that begins with one of the commonest first names.
pub(super) fn is_person_name(text: &str) -> bool {
    let text = text.trim();
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let capital = |word: &&str| word.chars().next().is_some_and(char::is_uppercase);
    (1..=5).contains(&words.len())
        && words.iter().all(|word| word.chars().all(|c| c.is_alphabetic() || "'-.".contains(c)))
        && words.iter().any(capital)
        && words.iter().any(|word| {
            let word = word.to_lowercase();
            FIRST_NAMES.split(", ").any(|name| name == word)
        })
}

/// The digits of a text of digits and separators.
fn digits(text: &str, separators: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let kept = text.chars().filter(|c| !separators.contains(*c));
    let digits: Option<Vec<u8>> =
        kept.map(|c| c.to_digit(10).and_then(|d| u8::try_from(d).ok())).collect();
    digits.filter(|digits| !digits.is_empty())
}

/// Common first names in lower case.
const FIRST_NAMES: &str = "adam, adrian, alba, alejandro, alex, alice, alicia, amanda, amelia, ana, andrea, \
    andrew, andrés, angela, anna, anne, antonio, barbara, beatriz, ben, brian, carla, \
    carlos, carmen, carol, charles, charlotte, chloe, chris, claudia, cristina, daniel, \
    david, diana, diego, edward, elena, elizabeth, ella, emily, emma, eric, eva, fernando, \
    francisco, frank, gabriel, george, grace, hannah, harry, helen, henry, hugo, irene, \
    isabel, jack, jacob, james, jane, javier, jennifer, jessica, jesús, joan, john, jorge, \
    josé, juan, julia, karen, kevin, laura, linda, lisa, lucas, lucía, luis, manuel, \
    marco, margaret, maria, marta, martin, mary, maría, mateo, matthew, michael, miguel, \
    nancy, natalia, noah, nora, olivia, oscar, pablo, patricia, paul, paula, pedro, peter, \
    pilar, rachel, raquel, raúl, richard, robert, rosa, ruth, sam, samuel, sandra, sara, \
    sarah, sofía, sophie, steven, susan, teresa, thomas, tom, victor, william";

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that issuers publish as examples, and near misses.
    #[test]
    fn check_digits_decide() {
        type Check = fn(&str) -> bool;
        let cases: [(Check, &[&str], &[&str]); 9] = [
            (
                is_card,
                &["4111 1111 1111 1111", "378282246310005", "5555-5555-5555-4444"],
                &["4111111111111112", "1234567812345670", "0000000000000000", "4111"],
            ),
            (
                is_iban,
                &["GB82 WEST 1234 5698 7654 32", "ES9121000418450200051332"],
                &["GB82WEST12345698765433", "XX"],
            ),
            (is_ssn, &["123-45-6789"], &["000-12-3456", "666-12-3456", "912-34-5678", "123456789"]),
            (is_spanish, &["12345678Z", "X1234567L", "12345678-z"], &["12345678A", "ABCDEFGHI"]),
            (is_nhs, &["943 476 5919"], &["943 476 5918", "9434765919"]),
            (is_french, &["255081416802538", "2 55 08 14 168 025 38"], &["255081416802539"]),
            (is_german, &["86095742719"], &["86095742718", "12345678901"]),
            (is_brazilian, &["529.982.247-25", "52998224725"], &["529.982.247-26", "11111111111"]),
            (is_indian, &["2363 4567 8903"], &["1363 4567 8903", "236345678903"]),
        ];
        for (number, (check, good, bad)) in cases.iter().enumerate() {
            if number == 8 {
                // The Verhoeff digit of a number is found, not known: exactly one of ten passes.
                let passing = (0..10).filter(|d| check(&format!("2363 4567 890{d}"))).count();
                assert_eq!(passing, 1);
                assert!(!bad.iter().any(|text| check(text)));
                continue;
            }
            good.iter().for_each(|text| assert!(check(text), "{number}: {text}"));
            bad.iter().for_each(|text| assert!(!check(text), "{number}: {text}"));
        }
    }

    #[test]
    fn shapes_are_told_apart() {
        assert!(is_email("ana.ruiz+x@example.co.uk") && !is_email("@ana") && !is_email("a@b"));
        for phone in ["+34 600 123 456", "(212) 555-0100", "0034600123456", "600 123 456"] {
            assert!(is_phone(phone), "{phone}");
        }
        for other in ["2024-01-31", "31-01-2024", "600123456", "ORD 123 456", "12.50"] {
            assert!(!is_phone(other), "{other}");
        }
        assert!(is_nino("AB 12 34 56 C") && !is_nino("QQ123456C") && !is_nino("AB123456E"));
        assert!(is_ip("10.0.0.1") && is_ip("2001:db8::1") && !is_ip("1.2.3"));
        assert!(is_address("12 Baker Street") && is_address("Calle Mayor, 5, Madrid"));
        assert!(!is_address("Street food") && !is_address("Order 12"));
        assert!(is_person_name("Ana Ruiz") && !is_person_name("Blue chair 12"));
        assert!(is_birth_date("1980-02-03") && is_birth_date("03/02/1980"));
    }
}
