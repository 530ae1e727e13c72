//! The nearest right names for a wrong one.

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

/// A name as it is compared.
struct Shape {
    /// Lower case, without separators.
    flat: Vec<char>,
    /// The same without a plural's ending.
    singular: Vec<char>,
}

impl Shape {
    fn of(name: &str) -> Self {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        // No identifier worth a suggestion is longer, and the comparison is quadratic.
        let flat: Vec<char> = letters.flat_map(char::to_lowercase).take(64).collect();
        let mut singular = flat.clone();
        if singular.ends_with(&['i', 'e', 's']) && singular.len() > 4 {
            singular.truncate(singular.len() - 3);
            singular.push('y');
        } else if singular.ends_with(&['s']) && singular.len() > 3 {
            singular.pop();
        }
        Self { flat, singular }
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
    let (a, b) = (&wanted.flat, &candidate.flat);
    let shorter = a.len().min(b.len());
    let most = (a.len().max(b.len()) / 3).clamp(1, 4);
    let edits = distance(a, b, most);
    if let Some(edits) = edits {
        return Some(2 * edits as u32);
    }
    let contained =
        |inner: &[char], outer: &[char]| outer.starts_with(inner) || outer.ends_with(inner);
    let is_part = shorter >= 3 && (contained(a, b) || contained(b, a));
    is_part.then(|| 10 + a.len().abs_diff(b.len()) as u32)
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
