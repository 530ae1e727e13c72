//! The nearest right names for a wrong one.

use super::words::{stem, words as split};

/// The names most like `name`, best first, at most `max`. The caller hands in names that may be seen.
pub fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
    max: usize,
) -> Vec<String> {
    let wanted = Shape::of(name);
    let mut found: Vec<(u32, &str)> = candidates
        .filter_map(|candidate| Some((cost(&wanted, &Shape::of(candidate))?, candidate)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(max).map(|(_, candidate)| candidate.to_string()).collect()
}

/// How far `candidate` is from `name`: 0 for the same name, more for less alike, nothing for no suggestion at all.
pub fn closeness(name: &str, candidate: &str) -> Option<u32> {
    cost(&Shape::of(name), &Shape::of(candidate))
}

/// A name as it is compared.
struct Shape {
    /// Lower case, without separators.
    flat: Vec<char>,
    /// The same without a plural's ending.
    singular: Vec<char>,
    /// Its words, in lower case.
    words: Vec<String>,
    /// Their stems.
    stems: Vec<String>,
}

impl Shape {
    fn of(name: &str) -> Self {
        // No identifier worth a suggestion is longer, and the comparison is quadratic.
        let name: String = name.chars().take(64).collect();
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        let flat: Vec<char> = letters.flat_map(char::to_lowercase).take(64).collect();
        let mut singular = flat.clone();
        if singular.ends_with(&['i', 'e', 's']) && singular.len() > 4 {
            singular.truncate(singular.len() - 3);
            singular.push('y');
        } else if singular.ends_with(&['s']) && singular.len() > 3 {
            singular.pop();
        }
        let mut words = Vec::new();
        split(&name, |word| words.push(word.to_string()));
        let stems = words.iter().map(|word| stem(word)).collect();
        Self { flat, singular, words, stems }
    }
}

/// How far `candidate` is from `wanted`, or nothing where it is no suggestion at all.
fn cost(wanted: &Shape, candidate: &Shape) -> Option<u32> {
    if wanted.flat.is_empty() || candidate.flat.is_empty() {
        return None;
    }
    if wanted.flat == candidate.flat {
        return Some(0);
    }
    if wanted.singular == candidate.singular {
        return Some(1);
    }
    let ways = [
        by_letters(&wanted.flat, &candidate.flat),
        by_words(&wanted.stems, &candidate.stems),
        shortened(wanted, candidate),
    ];
    ways.into_iter().flatten().min()
}

/// Slips of the pen, and one name that begins or ends with the other.
fn by_letters(wanted: &[char], candidate: &[char]) -> Option<u32> {
    let longer = wanted.len().max(candidate.len());
    if let Some(edits) = distance(wanted, candidate, (longer / 3).clamp(1, 4)) {
        return Some(2 + 2 * edits as u32);
    }
    let contained =
        |inner: &[char], outer: &[char]| outer.starts_with(inner) || outer.ends_with(inner);
    let is_part = wanted.len().min(candidate.len()) >= 3
        && (contained(wanted, candidate) || contained(candidate, wanted));
    is_part.then(|| 10 + wanted.len().abs_diff(candidate.len()) as u32)
}

/// Words in another order, words too many (`tbl_orders`) or too few, and names that share most of them.
fn by_words(wanted: &[String], candidate: &[String]) -> Option<u32> {
    let shared = wanted.iter().filter(|word| candidate.contains(word)).count();
    let (more, fewer) = (wanted.len() - shared, candidate.len().saturating_sub(shared));
    match (shared, more, fewer) {
        (0, ..) => None,
        (_, 0, 0) => Some(3),
        (_, more, 0) => Some(4 + 2 * more as u32),
        (_, 0, fewer) => Some(6 + fewer as u32),
        (shared, more, fewer) if 2 * shared >= wanted.len().max(candidate.len()) => {
            Some(8 + 2 * (more + fewer) as u32)
        }
        _ => None,
    }
}

/// `cust_nm` and `cn` for `customer_name`: each word is begun, or is short for one, in order.
fn shortened(wanted: &Shape, candidate: &Shape) -> Option<u32> {
    if wanted.flat.len() < 2 {
        return None;
    }
    let initials = candidate.words.iter().filter_map(|word| word.chars().next());
    if candidate.words.len() > 1 && initials.eq(wanted.flat.iter().copied()) {
        return Some(7);
    }
    let mut left = candidate.words.iter();
    let in_order =
        wanted.words.iter().all(|short| left.by_ref().any(|long| abbreviates(short, long)));
    if in_order {
        return Some(7 + 2 * (candidate.words.len() - wanted.words.len()) as u32);
    }
    let (short, long): (String, String) =
        (wanted.flat.iter().collect(), candidate.flat.iter().collect());
    (wanted.flat.len() >= 3 && abbreviates(&short, &long))
        .then(|| 12 + (long.len() - short.len()) as u32)
}

/// Whether the letters of `short` are in `long` in their order, the first in front.
fn abbreviates(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.chars().next() == long.chars().next()
        && short.len() <= long.len()
        && short.chars().all(|letter| letters.any(|other| other == letter))
}

/// The Damerau-Levenshtein distance (neighbours may swap), where it is at most `most`.
pub(super) fn distance(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        if row.iter().min().is_none_or(|&least| least > most) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|&edits| edits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] =
        ["customers", "orders", "order_items", "products", "tickets", "agents", "categories"];

    fn suggest(name: &str) -> Vec<String> {
        nearest(name, NAMES.into_iter(), 2)
    }

    #[test]
    fn the_name_that_was_meant_comes_first() {
        for (wrong, right) in [
            ("customer", "customers"),
            ("cusotmers", "customers"),
            ("OrderItems", "order_items"),
            ("orderitem", "order_items"),
            ("Tickest", "tickets"),
            ("category", "categories"),
            ("agent", "agents"),
            ("order", "orders"),
        ] {
            assert_eq!(suggest(wrong)[0], right, "{wrong}");
        }
    }

    #[test]
    fn shortened_prefixed_and_turned_names_are_found() {
        let columns = ["customer_name", "customer_id", "order_date", "unit_price", "quantity"];
        for (wrong, right) in [
            ("cust_nm", "customer_name"),
            ("custname", "customer_name"),
            ("date_of_order", "order_date"),
            ("qty", "quantity"),
            ("up", "unit_price"),
            ("tbl_quantity", "quantity"),
            ("price", "unit_price"),
        ] {
            let found = nearest(wrong, columns.into_iter(), 3);
            assert_eq!(found.first().map(String::as_str), Some(right), "{wrong}: {found:?}");
        }
    }

    #[test]
    fn what_is_like_nothing_gets_no_suggestion() {
        assert!(suggest("payroll").is_empty());
        assert!(suggest("x").is_empty());
        assert!(suggest("").is_empty());
        assert!(nearest("orders", NAMES.into_iter(), 0).is_empty());
    }

    #[test]
    fn swapped_neighbours_are_one_edit() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("ab"), &chars("ba"), 2), Some(1));
        assert_eq!(distance(&chars("kitten"), &chars("sitting"), 3), Some(3));
        assert_eq!(distance(&chars("kitten"), &chars("sitting"), 2), None);
    }
}
