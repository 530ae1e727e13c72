//! Configurations that hold, and defects with their line and key.

use super::*;
use crate::config::{AuditStore, Durability};
use std::time::Duration;

const MINIMAL: &str = "version: 1\nsources: {}\n";

fn environment(name: &str) -> Option<String> {
    match name {
        "SALES_URL" => Some("postgres://ana:hunter2@db/sales".into()),
        "KEY" => Some("0123456789abcdef".into()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(Path::new("/etc/celosia/celosia.yaml"), text.into(), &environment)
}

fn errors(text: &str) -> Vec<String> {
    let text = format!("{MINIMAL}{text}");
    let errors = parse(&text).err().map_or_else(Vec::new, |errors| errors.0);
    errors.iter().map(|e| e.to_string().replace("/etc/celosia/celosia.yaml:", "")).collect()
}

fn source_error(source: &str) -> String {
    let text = format!("version: 1\nsources:\n  db: {source}\n");
    let errors = parse(&text).err().map_or_else(Vec::new, |errors| errors.0);
    errors.iter().map(|e| format!("{} {}: {}\n", e.line(), e.key(), e.message())).collect()
}

#[test]
fn a_small_file_has_safe_defaults() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8017");
    assert_eq!(config.limits, Limits::default());
    assert_eq!(stored(&config), Path::new("/etc/celosia/audit.db"));
    assert_eq!(config.audit.durability, Durability::Process);
    assert!(config.pushdown && config.masking_rules.is_none() && config.pseudonym_key.is_none());
    let error = config.require_http_identity().unwrap_err();
    assert_eq!(error.key(), "identity.api_keys");
    assert!(config.require_local_identity().is_err());
    assert_eq!(config.text(), MINIMAL);
}

#[test]
fn every_documented_key_is_read() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["masking-rules", "schemas"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    let text = r#"
version: 1
server: { listen: "0.0.0.0:9000", public_url: "https://data.example.org/", allowed_hosts: ["data.example.org:443"], allowed_origins: ["https://app.example.org"] }
identity:
  local: { user: ana, roles: [analyst], attributes: { region: EU, level: 3, admin: false, teams: [a, 7] } }
  api_keys: { file: keys.yaml }
sources:
  sales: { kind: postgres, url: "env:SALES_URL", schemas: [public], concurrency: 4, readers: 3, queue: 0, timeout: 5s, bytes: 64MiB }
  support: { kind: sqlite, url: "sqlite:support.db" }
roles: { analyst: { anything: [1, { a: b }] } }
masking_rules: masking-rules/
semantics: schemas/
keys: { pseudonym: "env:KEY" }
audit: { store: "sqlite:log/audit.db", durability: disk }
limits: { rows: 50, bytes: 2MiB, time: 10s, memory: 1GiB, concurrency: 3 }
results: { ttl: 1m, memory: 1MiB }
catalog: { refresh: 30s }
pushdown: false
"#;
    let path = directory.path().join("celosia.yaml");
    let config = Config::parse(&path, text.into(), &environment).unwrap();
    let local = config.require_local_identity().unwrap();
    let teams = Attribute::List(vec![Attribute::Text("a".into()), Attribute::Integer(7)]);
    assert_eq!(local.attributes["teams"], teams);
    assert_eq!(local.attributes["level"], Attribute::Integer(3));
    assert_eq!(local.attributes["admin"], Attribute::Boolean(false));
    let keys = &config.require_http_identity().unwrap().api_keys;
    assert_eq!(*keys, Some(directory.path().join("keys.yaml")));
    let [sales, support] = config.sources.as_slice() else { panic!("two sources") };
    assert_eq!(sales.url.expose(), "postgres://ana:hunter2@db/sales");
    assert_eq!((sales.budget.concurrency, sales.budget.queue), (4, 0));
    assert_eq!((sales.budget.readers, support.budget.readers), (3, 1));
    assert_eq!(sales.budget.statement_timeout, Duration::from_secs(5));
    assert_eq!(sales.budget.bytes, 64 << 20);
    assert_eq!(support.url.expose(), "sqlite:support.db");
    assert_eq!(config.directory(), directory.path());
    assert_eq!(config.server.public_url.as_deref(), Some("https://data.example.org"));
    assert_eq!(config.masking_rules, Some(directory.path().join("masking-rules/")));
    assert_eq!(stored(&config), directory.path().join("log/audit.db"));
    assert_eq!(config.audit.durability, Durability::Disk);
    assert_eq!((config.limits.rows, config.limits.memory), (50, 1 << 30));
    assert_eq!(config.results.ttl, Duration::from_secs(60));
    assert_eq!(config.catalog.refresh, Duration::from_secs(30));
    assert!(!config.pushdown);
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn secrets_are_references_and_never_repeated() {
    let literal = source_error("{ kind: postgres, url: \"postgres://ana:hunter2@db/x\" }");
    assert!(literal.starts_with("3 sources.db.url: a password does not belong here"), "{literal}");
    assert!(literal.contains("env:NAME") && !literal.contains("hunter2"));
    let unset = source_error("{ kind: postgres, url: \"env:NOWHERE\" }");
    assert_eq!(unset, "3 sources.db.url: the environment variable \"NOWHERE\" is not set\n");
    let scheme = source_error("{ kind: sqlite, url: \"env:SALES_URL\" }");
    assert_eq!(scheme, "3 sources.db.url: the URL of a sqlite source begins with sqlite:\n");
    assert_eq!(source_error("{ kind: postgres, url: \"postgres://ana@db/x\" }"), "");
    assert_eq!(source_error("{ kind: sqlite, url: \"sqlite:a:b@c.db\" }"), "");
    let wrong = errors("keys: { pseudonym: plainly-written }");
    assert_eq!(
        wrong,
        [
            "3: keys.pseudonym: refer to the key by `env:NAME`, `file:path` or `vault:mount/path#field`"
        ]
    );
    let wrong = source_error("{ kind: postgres, url: [\"postgres://ana:hunter2@db/x\"] }");
    assert!(wrong.starts_with("3 url: ") && !wrong.contains("hunter2"), "{wrong}");
}

#[test]
fn kinds_have_their_urls_and_drivers() {
    for (url, driver) in [("oracle://ana@db/ERP", "thin"), ("oracles://ana@db/ERP", "thick")] {
        let source =
            format!("{{ kind: oracle, url: \"{url}\", driver: {driver}, schemas: [ERP] }}");
        assert_eq!(source_error(&source), "");
    }
    assert_eq!(source_error("{ kind: sqlserver, url: \"sqlserver://ana@db/x\" }"), "");
    let wrong = source_error("{ kind: sqlserver, url: \"mysql://ana@db/x\" }");
    assert_eq!(wrong, "3 sources.db.url: the URL of a sqlserver source begins with sqlserver://\n");
    let wrong = source_error("{ kind: postgres, url: \"postgres://ana@db/x\", driver: thin }");
    assert_eq!(wrong, "3 sources.db.driver: postgres has one driver; leave the key out\n");
    let wrong = source_error("{ kind: oracle, url: \"oracle://ana@db/x\", driver: fat }");
    assert!(wrong.contains("thin") && wrong.contains("thick"), "{wrong}");
    assert!(source_error("{ kind: mysql, url: x }").contains("unknown variant `mysql`"));
    for (kind, url) in [("oracle", "oracle://ana@db/ERP"), ("sqlserver", "sqlserver://ana@db/x")] {
        let readers = |most: usize| {
            source_error(&format!("{{ kind: {kind}, url: \"{url}\", readers: {most} }}"))
        };
        assert_eq!(readers(4), "");
        assert!(readers(9).starts_with("3 sources.db.readers: at most 8 statements"));
    }
    let readers = source_error("{ kind: sqlite, url: \"sqlite:x.db\", readers: 2 }");
    assert!(readers.contains("a sqlite source is read by one"), "{readers}");
    let driver = source_error("{ kind: sqlite, url: \"sqlite:x.db\", driver: thin }");
    assert!(driver.contains("sources.db.driver: sqlite has one driver"));
}

#[test]
fn unknown_and_blank_keys_are_errors_with_their_line() {
    for (text, start) in [
        ("sorces: {}", "3: sorces: unknown field `sorces`"),
        ("limits:\n  rows: 0", "4: rows: "),
        ("limits:\n  time: 30", "4: time: \"30\" is not a time"),
        ("limits: { bytes: big }", "3: bytes: \"big\" is not a size"),
        ("masking_rules:", "3: masking_rules: a value is missing"),
        ("masking_rules: nowhere/", "3: masking_rules: /etc/celosia/nowhere/ does not exist"),
        ("semantics: nowhere/", "3: semantics: "),
        ("keys: { pseudonym: }", "3: pseudonym: a value is missing"),
        ("audit: { store: \"mysql://x\" }", "3: audit.store: "),
        ("audit: { store: \"postgres://ana:pw@x/audit\" }", "3: audit.store: "),
        ("audit: { key: \"hunter2hunter2hunter2\" }", "3: audit.key: "),
        ("audit: { checkpoints: { records: 5 } }", "3: audit.checkpoints: "),
        ("audit: { checkpoints: { anchor: {} } }", "3: audit.checkpoints.anchor: "),
        (
            "audit: { sinks: { a: { kind: syslog, file: x, address: \"udp://h:1\" } } }",
            "3: audit.sinks.a.file: ",
        ),
        (
            "audit: { sinks: { a: { kind: otlp, url: \"http://collector.example.org\" } } }",
            "3: audit.sinks.a: ",
        ),
        ("audit: { store: \"sqlite::memory:\" }", "3: audit.store: "),
        ("server: { listen: localhost }", "3: server.listen: "),
        ("server: { public_url: data.example.org }", "3: server.public_url: "),
        ("server: { allowed_hosts: [\"*\"] }", "3: server.allowed_hosts: "),
        ("server: { allowed_origins: [\"https://a/b\"] }", "3: server.allowed_origins: "),
        ("server: { allowed_origins: [\"*\"] }", "3: server.allowed_origins: "),
        ("identity: { local: { user: ' ' } }", "3: identity.local.user: "),
        ("identity: { local: { user: a, attributes: { x: 1.5 } } }", "3: "),
        ("version: 1", "3: version: duplicate mapping key: version"),
    ] {
        let found = errors(text);
        assert!(found.len() == 1 && found[0].starts_with(start), "{text}: {found:?}");
    }
    assert!(parse("sources: {}").unwrap_err().to_string().contains("missing field `version`"));
    assert!(parse("version: 2\nsources: {}").unwrap_err().to_string().contains(":1: version: "));
}

#[test]
fn names_of_sources_are_plain_and_differ() {
    let text = "version: 1\nsources:\n  a.b: {kind: sqlite, url: 'sqlite:x'}\n  c: {kind: sqlite, url: 'sqlite:x'}\n  C: {kind: sqlite, url: 'sqlite:y'}\n";
    let errors = parse(text).unwrap_err();
    let keys: Vec<_> = errors.0.iter().map(|e| (e.line(), e.key())).collect();
    assert_eq!(keys, [(3, "sources.a.b"), (4, "sources.c")]);
}

#[test]
fn the_schema_takes_the_policys_roles() {
    let roles = serde_json::json!({
        "$schema": "x", "title": "Roles", "type": "object", "$defs": { "RawRole": { "type": "object" } }
    });
    let schema = super::super::schema(roles);
    assert_eq!(schema["properties"]["roles"]["type"], "object");
    assert!(schema["$defs"]["RawRole"].is_object() && schema["$defs"]["RawSource"].is_object());
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["properties"]["pushdown"].is_null());
}

#[test]
fn an_identity_provider_has_safe_defaults() {
    let text = format!(
        "{MINIMAL}server: {{ public_url: \"https://data.example.org/\" }}\n\
         identity: {{ oidc: [{{ issuer: \"https://id.example.org\" }}] }}\n"
    );
    let config = parse(&text).unwrap();
    let [provider] = &*config.identity.oidc else { panic!("one provider") };
    assert_eq!(provider.audiences, ["https://data.example.org/mcp"]);
    assert_eq!(provider.algorithms, crate::model::Algorithm::ALL);
    assert_eq!((&*provider.user_claim, &*provider.groups_claim), ("sub", "groups"));
    assert_eq!(provider.clock_skew, Duration::from_secs(60));
    assert!(provider.refresh < provider.max_age && !provider.access_tokens_only);
    assert!(config.require_http_identity().is_ok(), "tokens are enough to serve HTTP");
}

#[test]
fn a_provider_that_cannot_be_trusted_is_named() {
    let told = |provider: &str| {
        let server = "server: { public_url: \"https://data.example.org\" }";
        let errors = errors(&format!("{server}\nidentity:\n  oidc:\n    - {{ {provider} }}\n"));
        assert_eq!(errors.len(), 1, "{provider}: {errors:?}");
        errors[0].clone()
    };
    let issuer = "issuer: \"https://id.example.org\"";
    for (provider, start) in [
        ("issuer: \"http://id.example.org\"", "6: identity.oidc[0].issuer: write the issuer's URL"),
        ("issuer: \"https://id.example.org?x\"", "6: identity.oidc[0].issuer: "),
        (&format!("{issuer}, algorithms: [HS256]"), "6: algorithms: "),
        (&format!("{issuer}, algorithms: [none]"), "6: algorithms: "),
        (&format!("{issuer}, algorithms: []"), "6: identity.oidc[0].algorithms: name one"),
        (
            &format!("{issuer}, jwks_url: \"http://id.example.org/keys\""),
            "6: identity.oidc[0].jwks_url: ",
        ),
        (&format!("{issuer}, audience: \"\""), "6: identity.oidc[0].audience: "),
        (&format!("{issuer}, audience: []"), "6: identity.oidc[0].audience: "),
        (&format!("{issuer}, audience: "), "6: audience: "),
        (&format!("{issuer}, required_scopes: [\"a b\"]"), "6: identity.oidc[0].required_scopes: "),
        (&format!("{issuer}, user_claim: \"\""), "6: identity.oidc[0].user_claim: "),
        (
            &format!("{issuer}, attributes: {{ region: \"\" }}"),
            "6: identity.oidc[0].attributes.region: ",
        ),
        (&format!("{issuer}, clock_skew: 1h"), "6: identity.oidc[0].clock_skew: 300 seconds"),
        (&format!("{issuer}, max_age: 5m"), "6: identity.oidc[0].max_age: longer than refresh"),
        (&format!("{issuer}, refresh: 1s, max_age: 2s"), "6: identity.oidc[0].max_age: longer"),
        (&format!("{issuer}, max_age: 30d"), "6: identity.oidc[0].max_age: "),
        (&format!("{issuer}, ca: \"no-such.pem\""), "6: identity.oidc[0].ca: "),
        (&format!("{issuer}, audiences: x"), "6: "),
    ] {
        let error = told(provider);
        assert!(error.starts_with(start), "{error}\n{start}");
    }
    let entry = "{ issuer: \"https://id.example.org\" }";
    let twice = format!(
        "server: {{ public_url: \"https://d.org\" }}\nidentity: {{ oidc: [{entry}, {entry}] }}\n"
    );
    assert!(errors(&twice)[0].contains("another provider has this issuer"));
    let hidden = format!("identity: {{ oidc: [{entry}] }}\n");
    assert!(errors(&hidden)[0].contains("set server.public_url"));
}

#[test]
fn who_may_be_told_to_a_source_is_said_where_it_can_be() {
    let postgres = |identity: &str| {
        source_error(&format!("{{ kind: postgres, url: 'env:SALES_URL', identity: {identity} }}"))
    };
    assert_eq!(postgres("{}"), "");
    assert_eq!(postgres("{ roles: { analyst: reader }, users: { ana: ana } }"), "");
    for odd in ["{ roles: { analyst: none } }", "{ users: { ana: '' } }"] {
        assert!(postgres(odd).contains("sources.db.identity: a database role has a name"), "{odd}");
    }
    assert!(postgres("{ role: x }").contains("unknown field"));
    let sqlite = source_error("{ kind: sqlite, url: 'sqlite:x.db', identity: {} }");
    assert!(sqlite.contains("SQLite has no users"), "{sqlite}");
    let oracle = source_error(
        "{ kind: oracle, url: 'oracle://db/x', identity: { roles: { analyst: reader } } }",
    );
    assert!(oracle.contains("take on no other user"), "{oracle}");
}

#[test]
fn what_certificates_and_proxies_need_is_asked_for() {
    let cases = [
        ("certificates: [{ subject: 'CN=ana', user: ana }]", "set server.tls.client_ca"),
        ("certificates: [{ issuer: 'CN=acme', user: ana }]", "name the holder"),
        ("certificates: [{ uri: 'spiffe://a', user: ' ' }]", "the user needs a name"),
        ("proxies: [{ networks: [], user_header: x-user }]", "name a network"),
        ("proxies: [{ networks: [10.0.0.1/8], user_header: x-user }]", "write a network"),
        ("proxies: [{ networks: [0.0.0.0/0], user_header: x-user }]", "write a network"),
        ("proxies: [{ networks: [10.0.0.1], user_header: X-User }]", "a header of its own"),
        ("proxies: [{ networks: [10.0.0.1], user_header: x_user }]", "a header of its own"),
        ("proxies: [{ networks: [10.0.0.1], user_header: authorization }]", "a header of its own"),
        (
            "proxies: [{ networks: [10.0.0.1], user_header: x-user, groups_header: x-user }]",
            "named twice",
        ),
        (
            "proxies: [{ networks: [10.0.0.1], certificate: { dns: a }, user_header: x-user }]",
            "set server.tls.client_ca",
        ),
    ];
    for (text, wanted) in cases {
        let found = errors(&format!("identity: {{ {text} }}\n"));
        assert!(found.iter().any(|error| error.contains(wanted)), "{text}: {found:?}");
    }
    let found = errors("server: { tls: { certificate: none.pem, key: secret } }\n");
    assert!(found.iter().any(|error| error.contains("refer to the key")), "{found:?}");
    assert!(found.iter().any(|error| error.contains("does not exist")), "{found:?}");
    let known = errors("identity: { proxies: [{ networks: [10.0.0.1], user_header: x-user }] }\n");
    assert_eq!(known, [""; 0]);
}

/// Where the audit is kept.
fn stored(config: &Config) -> &Path {
    match &config.audit.store {
        AuditStore::Sqlite(path) => path,
        AuditStore::Postgres(_) => Path::new(""),
    }
}
