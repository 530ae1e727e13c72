//! What each command does.

use super::doors::Callers;
use super::reload::Reload;
use super::{Assembly, Failure, audit, console, doors, endpoints, operations, policy};
use crate::catalog::{SourceState, SourceStatus, lock_schema};
use crate::config::{self, Config};
use crate::console::Administrators;
use crate::demo::{self, Role, WORKED_QUESTION};
use crate::identity::{generate_key, keys_schema};
use crate::policy::{masking_rules_schema, policy_tests_schema, roles_schema};
use crate::query::QueryRequest;
use crate::results::render;
use crate::semantics::{import_osi, semantics_schema};
use celosia_connector_api::ConnectorError;
use serde_json::Value as Json;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// `celosia demo`.
pub(super) async fn demo(
    stdio: bool,
    address: SocketAddr,
    role: &str,
    data: Option<PathBuf>,
) -> Result<(), Failure> {
    let role: Role = role.parse()?;
    let directory = data.unwrap_or_else(demo::default_directory);
    let files = demo::prepare(&directory).await?;
    let config =
        Config::parse(&files.config, files.config_text(role), &|name| std::env::var(name).ok())?;
    let assembly = Assembly::of(&config).await?;
    let rules = assembly.rules.clone();
    let principal = doors::local(&config, &rules, None)?;
    let administrators = Administrators::new(console::administrators(&config, &rules)?);
    let catalog = assembly.catalog.clone();
    let engine = assembly.engine(&config).await?;
    if stdio {
        return doors::serve_stdio(engine, principal).await;
    }
    let authenticator = doors::authenticator(&config, &rules)?;
    let listener = doors::listen(address).await?;
    let (question, sql) = WORKED_QUESTION;
    let request = QueryRequest {
        sql: sql.to_string(),
        limit: Some(5),
        client: "demo".into(),
        ..Default::default()
    };
    let answer = engine.query(&principal, request, CancellationToken::new()).await?;
    let shown = render(&answer.page)?;
    let binary = std::env::current_exe()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "Celosia demo, as {role}. Its files are in {}.\n", files.directory.display())?;
    writeln!(out, "A question over both databases: {question}\n\n{sql}\n\n{}\n", shown.text)?;
    let arguments: Vec<String> = ["demo", "--stdio", "--role", role.name(), "--data"]
        .into_iter()
        .map(str::to_string)
        .chain([files.directory.display().to_string()])
        .collect();
    let bound = listener.local_addr()?;
    writeln!(out, "{}", demo::client_configs(&binary, &arguments, bound, files.key(role)))?;
    if config.serves_console(bound) {
        writeln!(out, "A page for people: http://{bound}/console, with the key above.")?;
    }
    writeln!(out, "Serving MCP on http://{bound}/mcp. Stop with Ctrl-C.")?;
    drop(out);
    let beside = console::routes(&config, &engine, &catalog, administrators, bound).await?;
    let callers = Callers::new(authenticator);
    doors::serve_http(&config, engine, callers, listener, None, Arc::default(), beside).await
}

/// `celosia serve`.
pub(super) async fn serve(config: &Path, address: Option<SocketAddr>) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let assembly = Assembly::of(&config).await?;
    let authenticator = doors::authenticator(&config, &assembly.rules)?;
    let tls = doors::tls(&config)?;
    let administrators = console::administrators(&config, &assembly.rules)?;
    let mut reload = Reload::of(&config, &assembly)?;
    let catalog = assembly.catalog.clone();
    let engine = assembly.engine(&config).await?;
    operations::spawn(&config, &engine, &catalog, reload.refused()).await?;
    let listener = doors::listen(address.unwrap_or(config.server.listen)).await?;
    let bound = listener.local_addr()?;
    reload.administrators.replace(administrators);
    let admins = reload.administrators.clone();
    let beside = console::routes(&config, &engine, &catalog, admins, bound).await?;
    tracing::info!(address = %bound, "serving MCP at /mcp");
    let refused = reload.refused();
    let answering = engine.clone();
    let callers = Callers::new(authenticator);
    reload.callers = Some(callers.clone());
    reload.tls.clone_from(&tls);
    tokio::spawn(reload.watch(answering));
    doors::serve_http(&config, engine, callers, listener, tls, refused, beside).await
}

/// `celosia stdio`.
pub(super) async fn stdio(config: &Path, user: Option<&str>) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let assembly = Assembly::of(&config).await?;
    let principal = doors::local(&config, &assembly.rules, user)?;
    let reload = Reload::of(&config, &assembly)?;
    let engine = assembly.engine(&config).await?;
    tokio::spawn(reload.watch(engine.clone()));
    doors::serve_stdio(engine, principal).await
}

/// `celosia check`.
pub(super) async fn check(config: &Path) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let assembly = Assembly::of(&config).await?;
    let mut keys = Vec::new();
    if config.require_http_identity().is_ok() {
        let authenticator = doors::authenticator(&config, &assembly.rules)?;
        if let Some(tokens) = authenticator.tokens() {
            keys = tokens.fetch_keys().await;
        }
    }
    if config.identity.local.is_some() {
        let _ = doors::local(&config, &assembly.rules, None)?;
    }
    audit::check(&config)?;
    console::administrators(&config, &assembly.rules)?;
    endpoints::check(&config)?;
    let snapshot = assembly.catalog.snapshot();
    let mut out = std::io::stdout().lock();
    for source in snapshot.sources() {
        writeln!(out, "source {}: {}", source.name, state(source))?;
    }
    for role in assembly.rules.roles() {
        writeln!(out, "role {}", role.name())?;
    }
    let mut silent = Vec::new();
    for (issuer, found) in keys {
        match found {
            Ok(count) => writeln!(out, "identity provider {issuer}: {count} keys")?,
            Err(error) => silent.push(format!("identity provider {issuer}: {error}")),
        }
    }
    if !assembly.problems.is_empty() {
        return Err(assembly.problems.join("\n").into());
    }
    if !silent.is_empty() {
        return Err(silent.join("\n").into());
    }
    let absent = snapshot.absent_sources();
    if !absent.is_empty() {
        let names: Vec<&str> = absent.iter().map(|name| &**name).collect();
        return Err(format!(
            "these sources cannot be reached, so their rules were not checked: {}",
            names.join(", ")
        )
        .into());
    }
    writeln!(
        out,
        "policy {} holds for {} tables",
        assembly.rules.version(),
        snapshot.tables().len()
    )?;
    if !assembly.semantics.version().is_empty() {
        writeln!(out, "definitions {} hold", assembly.semantics.version())?;
    }
    let held: usize = snapshot.quarantined().iter().map(|held| held.columns.len()).sum();
    if held > 0 {
        writeln!(out, "{held} columns are quarantined: celosia catalog diff lists them")?;
    }
    let tests = policy::load_tests(&config, &[])?;
    drop(out);
    if tests.is_empty() { Ok(()) } else { policy::test(&config, assembly, tests, false).await }
}

/// `celosia keys new`.
pub(super) fn new_key() -> Result<(), Failure> {
    let key = generate_key();
    let mut out = std::io::stdout().lock();
    writeln!(out, "key for the client (shown once): {}", key.plaintext)?;
    writeln!(out, "hash for keys.yaml:              {}", key.hash)?;
    writeln!(out, "prefix for keys.yaml:            {}", key.prefix)?;
    Ok(())
}

/// The JSON Schemas of every configuration file, by file name.
pub(super) fn schemas() -> Vec<(&'static str, Json)> {
    vec![
        ("celosia.schema.json", config::schema(roles_schema())),
        ("masking-rules.schema.json", masking_rules_schema()),
        ("policy-tests.schema.json", policy_tests_schema()),
        ("catalog-lock.schema.json", lock_schema()),
        ("keys.schema.json", keys_schema()),
        ("semantics.schema.json", semantics_schema()),
    ]
}

/// `celosia schema`.
pub(super) fn schema(name: Option<&str>, out: Option<&Path>) -> Result<(), Failure> {
    for (file, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        if let Some(directory) = out {
            std::fs::write(directory.join(file), &text)?;
        } else if name.is_none_or(|name| file.strip_suffix(".schema.json") == Some(name)) {
            std::io::stdout().write_all(text.as_bytes())?;
        }
    }
    Ok(())
}

/// `celosia semantics import`.
pub(super) fn import_semantics(file: &Path, source: Option<&str>) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let imported =
        import_osi(&text, source).map_err(|error| format!("{}: {error}", file.display()))?;
    for left_out in &imported.left_out {
        writeln!(std::io::stderr(), "left out: {left_out}")?;
    }
    std::io::stdout().write_all(imported.yaml.as_bytes())?;
    Ok(())
}

/// `celosia health`.
pub(super) async fn health(address: SocketAddr, connect: bool) -> Result<(), Failure> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    if connect {
        return Ok(());
    }
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    stream.take(4_096).read_to_end(&mut reply).await?;
    if reply.starts_with(b"HTTP/1.1 200") {
        Ok(())
    } else {
        Err("the server is not healthy".into())
    }
}

pub(super) fn state(source: &SourceStatus) -> String {
    match source.state {
        SourceState::Up => format!("{} tables, {}", source.tables, source.server),
        SourceState::Waiting => "not asked yet".to_string(),
        SourceState::Down { code, .. } => {
            let told = ConnectorError::new(code, "");
            format!("down: {} ({})", told.public_text(), source.complaint)
        }
    }
}
