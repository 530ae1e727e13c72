//! Words of identifiers, comments and questions: split, folded and stemmed the same way.

/// Calls `each` with every word of `text` in its folded form, before stemming: identifiers are split
/// at case changes, digits and punctuation, letters lose their case and accents.
pub(super) fn words(text: &str, mut each: impl FnMut(&str)) {
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    let mut last = Shape::None;
    while let Some(c) = characters.next() {
        let shape = Shape::of(c);
        let next = characters.peek().map_or(Shape::None, |&c| Shape::of(c));
        let begins = match (last, shape) {
            (Shape::Lower, Shape::Upper) => true,
            (Shape::Upper, Shape::Upper) => next == Shape::Lower,
            (Shape::Digit, Shape::Lower | Shape::Upper) => true,
            (Shape::Lower | Shape::Upper, Shape::Digit) => true,
            _ => false,
        };
        if (begins || shape == Shape::None) && !word.is_empty() {
            each(&word);
            word.clear();
        }
        if shape != Shape::None {
            fold(c, &mut word);
        }
        last = shape;
    }
    if !word.is_empty() {
        each(&word);
    }
}

/// A word without its endings: light, for English and Spanish, and the same for both.
pub(super) fn stem(word: &str) -> String {
    let mut stem = singular(word);
    for ending in ["ing", "ed"] {
        let Some(rest) = stem.strip_suffix(ending) else { continue };
        if rest.len() >= 3 && rest.contains(['a', 'e', 'i', 'o', 'u', 'y']) {
            let doubled = rest.len() > 3
                && rest.as_bytes()[rest.len() - 1] == rest.as_bytes()[rest.len() - 2];
            let keep =
                if doubled && !rest.ends_with(['s', 'l']) { rest.len() - 1 } else { rest.len() };
            stem.truncate(keep);
            break;
        }
    }
    if stem.len() > 4 && stem.ends_with(['a', 'e', 'o']) {
        stem.pop();
    }
    if stem.len() > 3 && stem.ends_with('i') {
        stem.pop();
        stem.push('y');
    }
    stem
}

/// A question without its long identifiers (UUIDs, addresses of networks, hashes): what is between
/// their digits is no word of anybody's.
pub(super) fn without_identifiers(question: &str) -> String {
    let mut kept = String::with_capacity(question.len());
    for part in question.split_whitespace() {
        let digits = part.chars().filter(char::is_ascii_digit).count();
        if digits == 0 || part.len() < 12 || runs(part) < 5 {
            kept.push_str(part);
            kept.push(' ');
        }
    }
    kept
}

/// How often letters and digits take turns.
fn runs(part: &str) -> usize {
    let mut runs = 0;
    let mut last = Shape::None;
    for c in part.chars() {
        let shape = match Shape::of(c) {
            Shape::Upper => Shape::Lower,
            shape => shape,
        };
        runs += usize::from(shape != Shape::None && shape != last);
        last = shape;
    }
    runs
}

/// Whether a question's word says nothing about a table.
pub(super) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

fn singular(word: &str) -> String {
    let plain = |end: usize| word[..word.len() - end].to_string();
    if !word.is_ascii() || word.len() < 4 || !word.ends_with('s') {
        return word.to_string();
    }
    if word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return word.to_string();
    }
    if word.len() > 4 && word.ends_with("ies") {
        return plain(3) + "y";
    }
    let sibilant = ["sses", "xes", "ches", "shes", "zzes"];
    if sibilant.iter().any(|ending| word.ends_with(ending)) {
        return plain(2);
    }
    // Spanish plurals of consonants: ciudades, valores, meses.
    let spanish = ["dades", "ciones", "siones", "ores", "eses", "iles", "ales"];
    if word.len() > 5 && spanish.iter().any(|ending| word.ends_with(ending)) {
        return plain(2);
    }
    plain(1)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Lower,
    Upper,
    Digit,
    None,
}

impl Shape {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' => Shape::Lower,
            'A'..='Z' => Shape::Upper,
            '0'..='9' => Shape::Digit,
            _ if c.is_ascii() => Shape::None,
            _ if c.is_uppercase() => Shape::Upper,
            _ if c.is_numeric() => Shape::Digit,
            _ if c.is_alphabetic() => Shape::Lower,
            _ => Shape::None,
        }
    }
}

fn fold(c: char, into: &mut String) {
    if c.is_ascii() {
        into.push(c.to_ascii_lowercase());
        return;
    }
    for c in c.to_lowercase() {
        match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => into.push('a'),
            'é' | 'è' | 'ê' | 'ë' => into.push('e'),
            'í' | 'ì' | 'î' | 'ï' => into.push('i'),
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' => into.push('o'),
            'ú' | 'ù' | 'û' | 'ü' => into.push('u'),
            'ñ' => into.push('n'),
            'ç' => into.push('c'),
            'ß' => into.push_str("ss"),
            '\u{300}'..='\u{36f}' => {}
            _ => into.push(c),
        }
    }
}

/// English and Spanish, folded, sorted.
const STOP_WORDS: [&str; 166] = [
    "a", "about", "al", "all", "also", "an", "and", "any", "aquellos", "are", "as", "at", "be",
    "been", "being", "but", "by", "cada", "can", "como", "con", "could", "cual", "cuales",
    "cuando", "cuanta", "cuantas", "cuanto", "cuantos", "cuya", "cuyo", "dame", "de", "del",
    "desde", "did", "dime", "display", "do", "does", "donde", "each", "either", "el", "en",
    "entre", "es", "esta", "este", "every", "find", "for", "from", "fue", "fueron", "get", "give",
    "ha", "had", "han", "has", "hasta", "have", "having", "hay", "he", "her", "his", "how", "i",
    "if", "in", "into", "is", "it", "its", "la", "las", "le", "les", "list", "lista", "lo", "los",
    "many", "mas", "me", "more", "most", "mostrar", "much", "muestra", "must", "muy", "my", "ni",
    "no", "nos", "not", "o", "of", "on", "or", "our", "para", "per", "pero", "please", "por",
    "que", "quien", "se", "ser", "she", "should", "show", "si", "sin", "so", "sobre", "son", "su",
    "such", "sus", "tell", "tener", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "those", "tiene", "tienen", "to", "todas", "todos", "un", "una",
    "unas", "unos", "us", "want", "was", "we", "were", "what", "when", "where", "which", "while",
    "who", "whom", "whose", "will", "with", "would", "y", "ya", "you", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        words(text, |word| found.push(word.to_string()));
        found
    }

    #[test]
    fn identifiers_are_split_where_people_see_words() {
        assert_eq!(split("customerID"), ["customer", "id"]);
        assert_eq!(split("HTTPServerLog2024"), ["http", "server", "log", "2024"]);
        assert_eq!(split("ORDER_ITEMS"), ["order", "items"]);
        assert_eq!(split("año_de_facturación"), ["ano", "de", "facturacion"]);
        assert_eq!(split("  --  "), [""; 0]);
    }

    #[test]
    fn forms_of_a_word_meet() {
        for (a, b) in [
            ("orders", "order"),
            ("categories", "category"),
            ("addresses", "address"),
            ("shipping", "shipped"),
            ("clientes", "cliente"),
            ("clients", "clientes"),
            ("ciudades", "ciudad"),
            ("facturas", "factura"),
            ("prices", "pricing"),
            ("opened", "opening"),
        ] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_ne!(stem("status"), stem("state"));
    }

    #[test]
    fn stop_words_can_be_searched_by_halves() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("the") && is_stop_word("cuantos") && !is_stop_word("order"));
    }
}
