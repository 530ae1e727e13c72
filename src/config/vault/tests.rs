use super::super::Config;
use super::parse;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

#[test]
fn a_place_is_a_mount_a_path_and_a_field() {
    for (place, path) in [
        ("secret/sales#url", "secret/data/sales"),
        ("secret/team/sales-2#url", "secret/data/team/sales-2"),
        ("team/kv/data/sales#url", "team/kv/data/sales"),
    ] {
        assert_eq!(parse(place), Some((path.to_string(), "url")), "{place}");
    }
    for place in [
        "",
        "#",
        "secret#url",
        "secret/sales",
        "secret/sales#",
        "secret//sales#url",
        "secret/../sys#url",
        "secret/a b#url",
        "secret/a?version=1#url",
        "secret/%2e%2e/sys#url",
        "/secret/sales#url",
    ] {
        assert_eq!(parse(place), None, "{place}");
    }
}

/// A server that answers as Vault's documentation says, and writes down what it was asked.
struct Scripted {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let written = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    head.push_str(&line);
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let (status, reply) = reply(&head, &String::from_utf8(body).unwrap());
                written.lock().unwrap().push(head);
                let reply = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}",
                    reply.len()
                );
                reader.into_inner().write_all(reply.as_bytes()).unwrap();
            }
        });
        Self { address, asked }
    }

    fn config(&self, login: &str, reference: &str) -> Result<Config, String> {
        let text = format!(
            "version: 1\nvault: {{ url: 'http://{}', {login} }}\nsources:\n  \
             sales: {{ kind: postgres, url: '{reference}' }}\nkeys: {{ pseudonym: 'vault:secret/celosia#pseudonym' }}\n",
            self.address
        );
        let environment = |name: &str| match name {
            "TOKEN" => Some("s.right".to_string()),
            "WRONG" => Some("s.wrong".to_string()),
            "ACCOUNT" => Some("account-token".to_string()),
            _ => None,
        };
        let config = Config::parse(Path::new("celosia.yaml"), text, &environment);
        config.map_err(|errors| errors.to_string())
    }
}

fn reply(head: &str, body: &str) -> (&'static str, String) {
    let line = head.lines().next().unwrap();
    let has = |token: &str| head.to_lowercase().contains(&format!("x-vault-token: {token}"));
    if line.starts_with("POST /v1/auth/kubernetes/login ") {
        let right = body.contains("\"role\":\"celosia\"") && body.contains("account-token");
        return match right {
            true => ("200 OK", r#"{"auth":{"client_token":"s.right"}}"#.into()),
            false => ("400 Bad Request", r#"{"errors":["SECRET words of Vault"]}"#.into()),
        };
    }
    if !has("s.right") {
        return ("403 Forbidden", r#"{"errors":["SECRET words of Vault"]}"#.into());
    }
    match line.split(' ').nth(1).unwrap() {
        "/v1/secret/data/celosia" => (
            "200 OK",
            r#"{"data":{"data":{"url":"postgres://ana:hunter2@db/sales","pseudonym":"0123456789abcdef0123456789abcdef","number":7},"metadata":{"version":3}}}"#.into(),
        ),
        "/v1/secret/data/gone" => ("200 OK", r#"{"data":{"data":null}}"#.into()),
        "/v1/secret/data/odd" => ("200 OK", "<html>".into()),
        _ => ("404 Not Found", r#"{"errors":[]}"#.into()),
    }
}

#[test]
fn secrets_come_from_vault_and_a_path_is_read_once() {
    let vault = Scripted::start();
    let config = vault.config("token: 'env:TOKEN'", "vault:secret/celosia#url").unwrap();
    assert_eq!(config.sources[0].url.expose(), "postgres://ana:hunter2@db/sales");
    assert!(config.pseudonym_key.unwrap().expose().starts_with("0123456789abcdef"));
    assert_eq!(vault.asked.lock().unwrap().len(), 1);
}

#[test]
fn a_service_account_logs_in_once() {
    let vault = Scripted::start();
    let login = "namespace: team, kubernetes: { role: celosia, token: 'env:ACCOUNT' }";
    vault.config(login, "vault:secret/celosia#url").unwrap();
    let asked = vault.asked.lock().unwrap();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.iter().all(|head| head.to_lowercase().contains("x-vault-namespace: team")));
}

#[test]
fn what_vault_does_not_give_is_said_without_its_words() {
    let vault = Scripted::start();
    for (login, reference, words) in [
        ("token: 'env:WRONG'", "vault:secret/celosia#url", "does not let this token read it"),
        ("token: 'env:TOKEN'", "vault:secret/nothing#url", "has nothing there"),
        ("token: 'env:TOKEN'", "vault:secret/gone#url", "is deleted"),
        ("token: 'env:TOKEN'", "vault:secret/odd#url", "no JSON"),
        ("token: 'env:TOKEN'", "vault:secret/celosia#nothing", "no text in a field"),
        ("token: 'env:TOKEN'", "vault:secret/celosia#number", "no text in a field"),
        ("token: 'env:TOKEN'", "vault:secret/../sys#url", "write vault:MOUNT/PATH#FIELD"),
        ("token: 'env:UNSET'", "vault:secret/celosia#url", "is not set"),
        ("token: 'vault:a/b#c'", "vault:secret/celosia#url", "does not keep the key to itself"),
        ("namespace: team", "vault:secret/celosia#url", "give either"),
        ("kubernetes: { role: x, token: 'env:ACCOUNT' }", "vault:secret/celosia#url", "wrong one"),
    ] {
        let told = vault.config(login, reference).unwrap_err();
        assert!(told.contains(words), "{login} {reference}: {told}");
        assert!(!told.contains("SECRET words") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn vault_is_asked_over_tls_and_only_where_it_is_named() {
    let parse = |text: &str| {
        let config = Config::parse(Path::new("celosia.yaml"), text.into(), &|_| None);
        config.map(|_| ()).map_err(|errors| errors.to_string())
    };
    for url in ["http://vault:8200", "http://127.0.0.1:80@vault:8200", "https://a:b@vault:8200"] {
        let vault = format!("vault: {{ url: '{url}', token: 'env:T' }}");
        let told = parse(&format!("version: 1\n{vault}\nsources: {{}}\n")).unwrap_err();
        assert!(told.contains("write a URL of https"), "{url}: {told}");
    }
    let told = parse("version: 1\nsources: {}\nkeys: { pseudonym: 'vault:secret/a#b' }\n");
    assert!(told.unwrap_err().contains("say where Vault is"));
    let away = "version: 1\nvault: { url: 'http://127.0.0.1:1', token: 'env:T' }\nsources: {}\nkeys: { pseudonym: 'vault:secret/a#b' }\n";
    let config = Config::parse(Path::new("celosia.yaml"), away.into(), &|_| Some("t".into()));
    assert!(config.unwrap_err().to_string().contains("no connection"));
}
