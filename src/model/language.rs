//! The languages that people are spoken to in, and which one of them they want.

/// A language that prompts and pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Every language, in the order in which the texts are kept.
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// The language's code.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Spanish => "es",
        }
    }

    /// The language of a tag such as `es`, `es-MX` or `es_ES.UTF-8`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_', '.', '@']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The language that an `Accept-Language` header asks for most, of those that are there.
    pub fn of_header(header: &str) -> Option<Self> {
        const MOST: usize = 16;
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',').take(MOST) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
            let weight: f32 = weight.unwrap_or(1.0);
            if let Some(language) = Self::of_tag(tag)
                && weight > best.map_or(0.0, |(weight, _)| weight)
            {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// The language of a process's environment: the first of the usual variables that is set.
    pub fn of_environment(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
        locale.and_then(|locale| Self::of_tag(&locale)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_a_language() {
        for (tag, language) in [
            ("es", Some(Language::Spanish)),
            (" ES-mx", Some(Language::Spanish)),
            ("es_ES.UTF-8", Some(Language::Spanish)),
            ("en-GB", Some(Language::English)),
            ("est", None),
            ("fr", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(Language::of_tag(tag), language, "{tag}");
        }
    }

    #[test]
    fn a_header_is_weighed() {
        for (header, language) in [
            ("es", Some(Language::Spanish)),
            ("fr, es;q=0.8, en;q=0.7", Some(Language::Spanish)),
            ("es-MX,es;q=0.9,en;q=0.8", Some(Language::Spanish)),
            ("fr, en;q=0.2, ES;q=0.3", Some(Language::Spanish)),
            ("en;q=0.2,es;q=0.3", Some(Language::Spanish)),
            ("en,es", Some(Language::English)),
            ("es;q=0", None),
            ("*", None),
            ("de", None),
            (";;,,q=", None),
        ] {
            assert_eq!(Language::of_header(header), language, "{header}");
        }
    }

    #[test]
    fn the_environment_names_one() {
        let of = |variables: &'static [(&'static str, &'static str)]| {
            let find = move |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_string())
            };
            Language::of_environment(&find)
        };
        assert_eq!(of(&[("LANG", "es_AR.UTF-8")]), Language::Spanish);
        assert_eq!(of(&[("LANG", "es_ES"), ("LC_ALL", "C.UTF-8")]), Language::English);
        assert_eq!(of(&[("LC_ALL", ""), ("LC_MESSAGES", "es")]), Language::Spanish);
        assert_eq!(of(&[]), Language::English);
    }
}
