//! Secrets in HashiCorp Vault, or what speaks like it: `vault:MOUNT/PATH#FIELD` of a KV store of version 2
//! (<https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>). They are read when the configuration is.

use super::secret::Secret;
use super::validate::Checker;
use crate::model::is_provider_url;
use crate::post::Poster;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use serde_saphyr::Spanned;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `vault`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVault {
    /// Where Vault is, such as `https://vault.example.org:8200`. Plain HTTP is for this machine only.
    #[schemars(with = "String")]
    url: Spanned<String>,
    /// The token: `env:NAME`, or `file:path` as Vault's agent keeps it.
    #[schemars(with = "Option<String>")]
    token: Option<Spanned<String>>,
    /// Instead of a token: a role of Vault's Kubernetes login.
    kubernetes: Option<RawKubernetes>,
    /// The namespace, where Vault has several.
    namespace: Option<String>,
    /// The file of the authorities that are trusted; those of the system unless given.
    #[schemars(with = "Option<String>")]
    ca: Option<Spanned<String>>,
}

/// Vault's Kubernetes login.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawKubernetes {
    /// The role.
    role: String,
    /// Where the login is mounted (`kubernetes`).
    mount: Option<String>,
    /// The service account's token (`file:/var/run/secrets/kubernetes.io/serviceaccount/token`).
    #[schemars(with = "Option<String>")]
    token: Option<Spanned<String>>,
}

/// Where secrets are read.
#[derive(Debug)]
pub(super) struct Vault {
    url: String,
    login: Login,
    namespace: Option<String>,
    ca: Option<PathBuf>,
    token: OnceCell<Result<Secret, String>>,
    /// What each path held; a path is read once for all of its fields.
    read: RefCell<BTreeMap<String, Result<Fields, String>>>,
}

#[derive(Debug)]
enum Login {
    Token(Secret),
    Kubernetes { role: String, mount: String, token: Secret },
}

type Fields = BTreeMap<String, Secret>;

const SERVICE_ACCOUNT: &str = "file:/var/run/secrets/kubernetes.io/serviceaccount/token";

impl Checker<'_> {
    pub(super) fn vault(&mut self, raw: RawVault) -> Option<Vault> {
        let url = raw.url.value.trim_end_matches('/').to_string();
        if !is_provider_url(&url) {
            let message =
                "write a URL of https, without a login or a query; http is for this machine";
            self.error(&raw.url, "vault.url", message);
            return None;
        }
        let login = match (raw.token, raw.kubernetes) {
            (Some(token), None) => Login::Token(self.vault_token(&token, "vault.token")?),
            (None, Some(login)) => {
                let usual = || {
                    Spanned::new(SERVICE_ACCOUNT.to_string(), raw.url.referenced, raw.url.defined)
                };
                let token = login.token.unwrap_or_else(usual);
                let token = self.vault_token(&token, "vault.kubernetes.token")?;
                let mount = login.mount.unwrap_or_else(|| "kubernetes".to_string());
                Login::Kubernetes { role: login.role, mount, token }
            }
            _ => {
                let message = "give either `token: file:...` or `kubernetes: { role: ... }`";
                self.error(&raw.url, "vault", message);
                return None;
            }
        };
        let ca = self.existing(raw.ca, "vault.ca");
        let (token, read) = (OnceCell::new(), RefCell::default());
        Some(Vault { url, login, namespace: raw.namespace, ca, token, read })
    }

    fn vault_token(&mut self, raw: &Spanned<String>, key: &str) -> Option<Secret> {
        if raw.value.starts_with("vault:") {
            self.error(raw, key, "Vault does not keep the key to itself");
            return None;
        }
        self.secret(raw, key)
    }
}

impl Vault {
    /// The secret at `MOUNT/PATH#FIELD`. Errors name the place, never what Vault says.
    pub(super) fn secret(&self, place: &str) -> Result<Secret, String> {
        let (path, field) = parse(place)
            .ok_or("write vault:MOUNT/PATH#FIELD, such as vault:secret/celosia/sales#url")?;
        let mut read = self.read.borrow_mut();
        let fields = read.entry(path.clone()).or_insert_with(|| self.fields(&path));
        let fields = fields.as_ref().map_err(String::clone)?;
        let found = fields.get(field).cloned();
        found.ok_or_else(|| format!("Vault's {path} has no text in a field \"{field}\""))
    }

    fn fields(&self, path: &str) -> Result<Fields, String> {
        let token = self.token.get_or_init(|| self.log_in()).as_ref().map_err(String::clone)?;
        let answer = self.exchange(path, Some(token), None)?;
        let Some(Json::Object(data)) = answer.pointer("/data/data") else {
            return Err(format!("Vault's {path} is deleted, or not of a KV store of version 2"));
        };
        let texts = data.iter().filter_map(|(name, value)| Some((name, value.as_str()?.trim())));
        let full = texts.filter(|(_, text)| !text.is_empty());
        Ok(full.map(|(name, text)| (name.clone(), Secret::new(text))).collect())
    }

    fn log_in(&self) -> Result<Secret, String> {
        match &self.login {
            Login::Token(token) => Ok(token.clone()),
            Login::Kubernetes { role, mount, token } => {
                let body = json!({"role": role, "jwt": token.expose()}).to_string();
                let answer = self.exchange(&format!("auth/{mount}/login"), None, Some(body))?;
                let token = answer.pointer("/auth/client_token").and_then(Json::as_str);
                Ok(Secret::new(token.ok_or("Vault's login gave no token")?))
            }
        }
    }

    /// One request. The configuration is read where nothing may be awaited, so it has a thread of its own.
    fn exchange(
        &self,
        path: &str,
        token: Option<&Secret>,
        body: Option<String>,
    ) -> Result<Json, String> {
        let mut headers = vec![("X-Vault-Request".to_string(), "true".to_string())];
        headers.extend(token.map(|token| ("X-Vault-Token".into(), token.expose().to_string())));
        headers.extend(self.namespace.clone().map(|name| ("X-Vault-Namespace".into(), name)));
        let url = format!("{}/v1/{path}", self.url);
        let mut poster = Poster::new(&url, headers, self.ca.as_deref())
            .map_err(|error| format!("vault: {error}"))?;
        let asked = async move {
            match body {
                Some(body) => poster.post(body).await,
                None => poster.get().await,
            }
        };
        let done = std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = runtime.enable_all().build().map_err(|error| error.to_string())?;
                runtime.block_on(asked)
            });
            asking.join().unwrap_or_else(|_| Err("the request failed".to_string()))
        });
        let (status, bytes) = done.map_err(|error| format!("Vault at {}: {error}", self.url))?;
        let wrong = match status.as_u16() {
            200 => None,
            400 => Some("Vault takes the request for a wrong one"),
            403 => Some("Vault's policy does not let this token read it, or the token has ended"),
            404 => Some("Vault has nothing there"),
            503 => Some("Vault is sealed"),
            _ => Some("Vault answered with an error"),
        };
        match wrong {
            Some(wrong) => Err(format!("{path}: {wrong} ({status})")),
            None => serde_json::from_slice(&bytes)
                .map_err(|_| format!("{path}: Vault's answer is no JSON")),
        }
    }
}

/// The API's path, and the field.
fn parse(place: &str) -> Option<(String, &str)> {
    let (path, field) = place.rsplit_once('#')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let segments: Vec<&str> = path.split('/').collect();
    let sound = |segment: &&str| {
        !segment.is_empty() && !segment.starts_with('.') && segment.chars().all(fits)
    };
    if segments.len() < 2 || !segments.iter().all(sound) || field.trim().is_empty() {
        return None;
    }
    // A mount of several parts says itself where it ends.
    let whole = segments[1..].contains(&"data");
    let path = match whole {
        true => path.to_string(),
        false => format!("{}/data/{}", segments[0], segments[1..].join("/")),
    };
    Some((path, field))
}

#[cfg(test)]
mod tests;
