//! `llm` and `embeddings`: endpoints that speak OpenAI's protocol. Both are optional.

use super::raw::given;
use super::secret::Secret;
use super::units::Span;
use super::validate::Checker;
use crate::model::is_provider_url;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Where an endpoint is, and what it may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL that the methods' names are put behind.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// What it is shown as a bearer token.
    pub key: Option<Secret>,
    /// The file of the only certificates that it may be known by.
    pub ca: Option<PathBuf>,
    /// How long one question may take there.
    pub timeout: Duration,
    /// Requests at a time.
    pub concurrency: usize,
}

/// A language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Llm {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Tokens of one question, sent and received.
    pub max_tokens: usize,
    /// Whether it may be shown governed values.
    pub rows: bool,
}

/// The keys of one kind of endpoint: those of both and its own. A macro, since a structure that denies unknown keys can have
/// no other flattened into it.
macro_rules! raw_endpoint {
    (
        $(#[$about:meta])*
        $name:ident { $(#[$url:meta])* url, $(#[$timeout:meta])* timeout, $($own:tt)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $(#[$url])*
            #[schemars(with = "String")]
            url: Spanned<String>,
            /// The model's name there.
            #[schemars(with = "String")]
            model: Spanned<String>,
            /// What the endpoint is shown as a bearer token: `env:NAME` or `file:path`.
            #[serde(default, deserialize_with = "given")]
            #[schemars(with = "Option<String>")]
            key: Option<Spanned<String>>,
            $(#[$timeout])*
            #[serde(default, deserialize_with = "given")]
            #[schemars(with = "Option<String>")]
            timeout: Option<Spanned<Span>>,
            $($own)*
            /// Requests at a time (4).
            concurrency: Option<NonZeroUsize>,
            /// `refused` (the default), or `accepted`: the endpoint is asked without TLS although it is not on this machine.
            plain_http: Option<RawPlainHttp>,
            /// A file of the only certificates (PEM) that the endpoint may be known by; the system's unless given.
            ca: Option<String>,
        }

        impl From<$name> for Common {
            fn from(raw: $name) -> Self {
                let $name { url, model, key, timeout, concurrency, plain_http, ca, .. } = raw;
                Self { url, model, key, timeout, concurrency, plain_http, ca }
            }
        }
    };
}

raw_endpoint! {
    /// A language model that writes statements for the tool `ask`; absent: there is no such tool.
    RawLlm {
        /// The URL that `/chat/completions` is put behind, such as `https://llm.example.org/v1`.
        url,
        /// How long one question may take at the endpoint, its repairs with it (`60s`).
        timeout,
        /// Tokens that one question may cost, sent and received (16000). Half of them at most describe tables.
        #[serde(default, deserialize_with = "given")]
        #[schemars(with = "Option<usize>")]
        max_tokens: Option<Spanned<usize>>,
        /// Shows the endpoint values too, as the caller sees them (`false`): samples of columns, and stored values that the question names.
        #[serde(default)]
        rows: bool,
    }
}

raw_endpoint! {
    /// A model of embeddings that ranks the first hits of `search` anew; absent: words alone rank.
    RawEmbeddings {
        /// The URL that `/embeddings` is put behind, such as `https://llm.example.org/v1`.
        url,
        /// How long a search waits for it (`1s`); then words alone rank.
        timeout,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawPlainHttp {
    /// Such an endpoint is not asked.
    Refused,
    /// It is.
    Accepted,
}

/// What both kinds of endpoints have.
struct Common {
    url: Spanned<String>,
    model: Spanned<String>,
    key: Option<Spanned<String>>,
    timeout: Option<Spanned<Span>>,
    concurrency: Option<NonZeroUsize>,
    plain_http: Option<RawPlainHttp>,
    ca: Option<String>,
}

impl Checker<'_> {
    pub(super) fn llm(&mut self, raw: RawLlm) -> Option<Llm> {
        const LEAST: usize = 1_000;
        const MOST: usize = 1_000_000;
        let (max_tokens, rows) = (&raw.max_tokens, raw.rows);
        if let Some(tokens) = max_tokens.as_ref().filter(|t| !(LEAST..=MOST).contains(&t.value)) {
            self.error(tokens, "llm.max_tokens", format!("write a number from {LEAST} to {MOST}"));
        }
        let max_tokens = max_tokens.as_ref().map_or(16_000, |tokens| tokens.value);
        let endpoint = self.endpoint(raw.into(), "llm", Duration::from_secs(60))?;
        Some(Llm { endpoint, max_tokens, rows })
    }

    pub(super) fn embeddings(&mut self, raw: RawEmbeddings) -> Option<Endpoint> {
        self.endpoint(raw.into(), "embeddings", Duration::from_secs(1))
    }

    fn endpoint(&mut self, raw: Common, name: &str, usual: Duration) -> Option<Endpoint> {
        const LONGEST: Duration = Duration::from_secs(600);
        const CONCURRENCY: usize = 4;
        let url = raw.url.value.trim_end_matches('/').to_string();
        // With TLS the same URL would be fine.
        let by_tls = url.strip_prefix("http://").map(|rest| format!("https://{rest}"));
        let accepted = raw.plain_http == Some(RawPlainHttp::Accepted)
            && by_tls.as_deref().is_some_and(is_provider_url);
        if !is_provider_url(&url) && !accepted {
            let message = "write a URL of https, such as https://llm.example.org/v1, without a login or a query; http is for this \
                machine, or where `plain_http: accepted` says so";
            self.error(&raw.url, &format!("{name}.url"), message);
        }
        if raw.model.value.trim().is_empty() {
            self.error(&raw.model, &format!("{name}.model"), "name the model");
        }
        let timeout = raw.timeout.map_or(usual, |timeout| {
            if timeout.value.0 > LONGEST {
                let message = format!("{} seconds at most", LONGEST.as_secs());
                self.error(&timeout, &format!("{name}.timeout"), message);
            }
            timeout.value.0
        });
        let key = match &raw.key {
            Some(key) => Some(self.secret(key, &format!("{name}.key"))?),
            None => None,
        };
        Some(Endpoint {
            url,
            model: raw.model.value,
            key,
            ca: raw.ca.map(|ca| self.directory().join(ca)),
            timeout,
            concurrency: raw.concurrency.map_or(CONCURRENCY, Into::into),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;
    use std::time::Duration;

    fn parse(text: &str) -> Result<Config, String> {
        let text = format!("version: 1\nsources: {{}}\n{text}\n");
        let environment = |name: &str| (name == "KEY").then(|| "k3y".to_string());
        Config::parse(Path::new("celosia.yaml"), text, &environment).map_err(|e| e.to_string())
    }

    #[test]
    fn endpoints_have_safe_defaults() {
        let none = parse("").unwrap();
        assert!(none.llm.is_none() && none.embeddings.is_none());
        let config =
            parse("llm: { url: 'https://llm.example.org/v1/', model: m, key: 'env:KEY' }").unwrap();
        let llm = config.llm.unwrap();
        assert_eq!((llm.max_tokens, llm.rows), (16_000, false));
        assert_eq!(llm.endpoint.url, "https://llm.example.org/v1");
        assert_eq!(llm.endpoint.timeout, Duration::from_secs(60));
        assert_eq!(llm.endpoint.key.unwrap().expose(), "k3y");
        let config = parse("embeddings: { url: 'http://127.0.0.1:11434/v1', model: m }").unwrap();
        assert_eq!(config.embeddings.unwrap().timeout, Duration::from_secs(1));
    }

    #[test]
    fn an_endpoint_elsewhere_needs_tls_or_a_word() {
        let at = |url: &str, more: &str| parse(&format!("llm: {{ url: '{url}', model: m{more} }}"));
        let accepted = ", plain_http: accepted";
        assert!(at("http://llm.example.org/v1", accepted).is_ok());
        for (url, more) in [
            ("http://llm.example.org/v1", ""),
            ("http://llm.example.org/v1", ", plain_http: refused"),
            ("http://ana:pw@llm.example.org/v1", accepted),
            ("https://llm.example.org/v1?key=x", ""),
            ("file:///etc/passwd", accepted),
            ("ftp://llm.example.org", accepted),
        ] {
            let told = at(url, more).expect_err(url);
            assert!(told.contains("celosia.yaml:3: llm.url: "), "{url}: {told}");
        }
    }

    #[test]
    fn mistakes_name_their_key() {
        for (text, told) in [
            ("llm: { url: 'https://x.org', model: ' ' }", "llm.model: "),
            ("llm: { url: 'https://x.org', model: m, key: hunter2 }", "llm.key: "),
            ("llm: { url: 'https://x.org', model: m, key: 'env:NONE' }", "llm.key: "),
            ("llm: { url: 'https://x.org', model: m, timeout: 2h }", "llm.timeout: "),
            ("llm: { url: 'https://x.org', model: m, max_tokens: 12 }", "llm.max_tokens: "),
            ("llm:", "missing field `url`"),
            ("embeddings: { url: 'https://x.org', model: m, rows: true }", "unknown field"),
        ] {
            let said = parse(text).expect_err(text);
            assert!(said.contains(told) && !said.contains("hunter2"), "{text}: {said}");
        }
    }
}
