//! The two ways in, each with a principal behind every request.

use super::Failure;
use crate::config::Config;
use crate::identity::{
    ApiKeys, AuthError, Authenticator, Certificates, Peer, Proxies, RoleMap, Sent, Tokens,
    establish_local,
};
use crate::mcp::http::{
    self, Authenticate, Beside, Challenge, ChallengeReason, ClientCertificates, Credentials,
    HttpConfig, ProtectedResource, Tls,
};
use crate::mcp::{Backend, stdio};
use crate::model::Principal;
use crate::policy::Rules;
use crate::query::Engine;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves HTTP until the process is told to stop.
pub(super) async fn serve_http(
    config: &Config,
    engine: Arc<Engine>,
    callers: Arc<Callers>,
    listener: TcpListener,
    tls: Option<Tls>,
    reload_refused: Arc<AtomicBool>,
    beside: Beside,
) -> Result<(), Failure> {
    let listen = listener.local_addr()?;
    let usual = HttpConfig::new(listen);
    let settings = HttpConfig {
        allowed_hosts: hosts(config),
        allowed_origins: config.server.allowed_origins.clone(),
        resource: resource(config),
        tls,
        request_timeout: config.limits.time + Duration::from_secs(10),
        max_requests: config.server.max_requests.unwrap_or(config.limits.concurrency * 3),
        max_connections: config.server.max_connections.unwrap_or(usual.max_connections),
        reload_refused,
        beside,
        leaving: until_signal(),
        ..usual
    };
    let shutdown = after(settings.leaving.clone(), config.server.shutdown_notice);
    let backend: Arc<dyn Backend> = engine.clone();
    let answering = engine.clone();
    let ready = Arc::new(move || answering.is_ready());
    // Keys are there before the first token is, where the provider answers.
    let early = callers.known();
    tokio::spawn(async move {
        if let Some(tokens) = early.tokens() {
            tokens.fetch_keys().await;
        }
    });
    let served = http::serve(listener, settings, backend, callers, ready, shutdown).await;
    engine.flush().await;
    Ok(served?)
}

/// Serves stdin and stdout for one local user.
pub(super) async fn serve_stdio(engine: Arc<Engine>, principal: Principal) -> Result<(), Failure> {
    let served = stdio::serve(engine.clone(), principal, until_signal()).await;
    engine.flush().await;
    Ok(served?)
}

/// Opens the address that HTTP is served on.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; choose another address with --listen").into()
    })
}

/// Who may call over HTTP.
pub(super) fn authenticator(config: &Config, rules: &Rules) -> Result<Authenticator, Failure> {
    let identity = config.require_http_identity()?;
    let is_role = |role: &str| rules.roles().any(|known| known.name() == role);
    let keys = match &identity.api_keys {
        Some(file) => ApiKeys::load(file, is_role, |plan| config.plans.contains_key(plan))?,
        None => ApiKeys::default(),
    };
    complete(rules, "an API key's user", keys.principals())?;
    let tokens = match &*identity.oidc {
        [] => None,
        providers => Some(Tokens::new(providers.to_vec(), role_map(rules))?),
    };
    let certificates = Certificates::new(identity.certificates.clone(), &role_map(rules))?;
    complete(rules, "a certificate's holder", &certificates.principals())?;
    let proxies = Proxies::new(identity.proxies.clone(), role_map(rules));
    Ok(Authenticator::new(keys, tokens).trusting(certificates, proxies))
}

/// What TLS is served with, if it is.
pub(super) fn tls(config: &Config) -> Result<Option<Tls>, Failure> {
    let Some(tls) = &config.server.tls else { return Ok(None) };
    let required = tls.client_required;
    let clients =
        tls.client_ca.as_deref().map(|authority| ClientCertificates { authority, required });
    Ok(Some(Tls::new(&tls.certificate, tls.key.expose(), clients)?))
}

fn role_map(rules: &Rules) -> RoleMap {
    RoleMap::new(rules.roles().map(|role| (role.name(), role.groups())))
}

/// What clients are told about tokens, if any are taken.
fn resource(config: &Config) -> Option<ProtectedResource> {
    let providers = &config.identity.oidc;
    let public_url = config.server.public_url.clone().filter(|_| !providers.is_empty())?;
    let scopes: BTreeSet<&String> =
        providers.iter().flat_map(|provider| &provider.required_scopes).collect();
    Some(ProtectedResource {
        public_url,
        issuers: providers.iter().map(|provider| provider.issuer.clone()).collect(),
        scopes: scopes.into_iter().cloned().collect(),
    })
}

/// Refuses callers that a row filter of theirs asks for an attribute they do not have.
fn complete<'a>(
    rules: &Rules,
    caller: &str,
    principals: impl IntoIterator<Item = &'a Principal>,
) -> Result<(), Failure> {
    let missing: Vec<String> = principals
        .into_iter()
        .flat_map(|principal| {
            rules.check_caller(&format!("{caller} {}", principal.user()), principal)
        })
        .map(|error| error.to_string())
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n").into()) }
}

/// The user of the machine; `user` overrides the configured name, never the roles.
pub(super) fn local(
    config: &Config,
    rules: &Rules,
    user: Option<&str>,
) -> Result<Principal, Failure> {
    let local = config.require_local_identity()?;
    let map = role_map(rules);
    if let Some(unknown) = local.roles.iter().find(|role| !map.contains(role)) {
        let line = config.text().lines().position(|line| line.contains(unknown.as_str()));
        return Err(format!(
            "{}:{}: identity.local.roles: there is no role named \"{unknown}\"",
            config.path().display(),
            line.map_or(0, |line| line + 1),
        )
        .into());
    }
    let name = user.unwrap_or(&local.user);
    let principal = establish_local(name, local.roles.iter().cloned(), local.attributes.clone());
    complete(rules, "the local user", [&principal])?;
    Ok(principal)
}

fn hosts(config: &Config) -> Vec<String> {
    let public = config.server.public_url.as_deref().and_then(|url| {
        let rest = url.split_once("://")?.1;
        Some(rest.split('/').next().unwrap_or(rest).to_string())
    });
    config.server.allowed_hosts.iter().cloned().chain(public).collect()
}

/// Fires some time after `leaving` does.
fn after(leaving: CancellationToken, notice: Duration) -> CancellationToken {
    if notice.is_zero() {
        return leaving;
    }
    let token = CancellationToken::new();
    let fired = token.clone();
    tokio::spawn(async move {
        leaving.cancelled().await;
        tracing::info!(?notice, "told to stop; requests are still taken for a while");
        tokio::time::sleep(notice).await;
        fired.cancel();
    });
    token
}

fn until_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let fired = token.clone();
    tokio::spawn(async move {
        let mut terminate =
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(terminate) => terminate,
                Err(error) => {
                    tracing::warn!(%error, "SIGTERM cannot be watched");
                    return;
                }
            };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        fired.cancel();
    });
    token
}

/// Callers as the HTTP surface asks for them; who they are can change while it serves.
#[derive(Debug)]
pub(super) struct Callers(ArcSwap<Authenticator>);

impl Callers {
    pub(super) fn new(authenticator: Authenticator) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(authenticator)))
    }

    /// From now on, these are the callers.
    pub(super) fn replace(&self, authenticator: Authenticator) {
        self.0.store(Arc::new(authenticator.with_keys_of(&self.known())));
    }

    fn known(&self) -> Arc<Authenticator> {
        self.0.load_full()
    }
}

#[async_trait]
impl Authenticate for Callers {
    async fn authenticate(&self, authorization: Option<&str>) -> Result<Principal, Challenge> {
        let known = self.known();
        known.authenticate_bearer(authorization).await.map_err(|error| challenge(&known, error))
    }

    async fn identify(&self, sent: Credentials<'_>) -> Result<Principal, Challenge> {
        let known = self.known();
        let Credentials { authorization, headers, address, certificate } = sent;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let sent = Sent { authorization, peer: Peer { address, certificate } };
        known.identify(sent, headers).await.map_err(|error| challenge(&known, error))
    }
}

fn challenge(known: &Authenticator, error: AuthError) -> Challenge {
    let common = || known.tokens().map(Tokens::common_scopes).unwrap_or_default();
    let (reason, scopes) = match error {
        AuthError::Missing => (ChallengeReason::Missing, common()),
        AuthError::Malformed | AuthError::Rejected => (ChallengeReason::Invalid, common()),
        AuthError::InsufficientScope(scopes) => (ChallengeReason::InsufficientScope, scopes),
        AuthError::UnknownCertificate => (ChallengeReason::UnknownCertificate, Vec::new()),
        AuthError::Headers(why) => (ChallengeReason::Headers(why), Vec::new()),
        AuthError::Unavailable => (ChallengeReason::Unavailable, Vec::new()),
    };
    Challenge { realm: "celosia".to_string(), reason, scopes }
}
