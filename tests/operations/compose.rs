//! docker-compose.yml and the stack for Swarm hold what they promise: closed containers, pinned images, health checks, and files
//! that are there and that Celosia takes.

use super::{file, text, yaml};
use celosia::config::Config;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;

/// A service that ends by itself when its work is done.
fn ends(service: &Json) -> bool {
    service["restart"] == "no"
}

fn list<'a>(service: &'a Json, key: &str) -> Vec<&'a str> {
    service[key].as_array().into_iter().flatten().filter_map(Json::as_str).collect()
}

/// What is wrong with a service.
fn defects(name: &str, service: &Json) -> Vec<String> {
    let mut defects = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            defects.push(format!("{name}: {what}"));
        }
    };
    let test = service["healthcheck"]["test"].as_array().map_or(0, Vec::len);
    expect(ends(service) || test >= 2, "no health check");
    expect(list(service, "security_opt").contains(&"no-new-privileges:true"), "new privileges");
    expect(list(service, "cap_drop") == ["ALL"], "capabilities are not dropped");
    expect(service["pids_limit"].is_u64(), "no limit of processes");
    expect(service["logging"]["options"]["max-size"].is_string(), "logs grow without end");
    expect(!list(service, "profiles").is_empty(), "no profile");
    expect(service.get("privileged").is_none(), "privileged");
    let image = service["image"].as_str().unwrap_or_default();
    if !["celosia:local", "celosia:ballista"].contains(&image) {
        let (image, digest) = image.split_once("${").unwrap_or((image, ""));
        let tag = image.rsplit_once(':').map(|(_, tag)| tag).unwrap_or_default();
        let pinned = tag.contains('.') || tag.contains("-CU");
        expect(pinned && tag != "latest", "the image has no version");
        expect(digest.ends_with("_DIGEST:-}"), "the image has no place for its digest");
        let variable = digest.trim_end_matches(":-}");
        expect(text(".env").contains(&format!("{variable}=")), ".env has no such digest");
    }
    for port in list(service, "ports") {
        expect(port.starts_with("127.0.0.1:"), "a port is open to everybody");
    }
    for volume in list(service, "volumes").iter().filter(|volume| volume.starts_with('.')) {
        let path = volume.split(':').next().unwrap_or_default();
        expect(file(path).exists(), &format!("{path} is not there"));
        expect(volume.ends_with(":ro"), &format!("{path} can be written"));
    }
    let engine = list(service, "volumes").iter().any(|volume| volume.contains("docker.sock"));
    expect(!engine, "the container engine is in reach");
    for (variable, value) in service["environment"].as_object().into_iter().flatten() {
        let secret = ["PASSWORD", "SECRET", "TOKEN"].iter().any(|word| variable.contains(word));
        let by_file = value.as_str().is_some_and(|value| value.starts_with("/run/secrets/"));
        expect(!secret || by_file, &format!("{variable} is a secret in the file"));
    }
    defects
}

fn services() -> Vec<(String, Json)> {
    let compose = yaml("docker-compose.yml");
    let services = compose["services"].as_object().unwrap();
    services.iter().map(|(name, service)| (name.clone(), service.clone())).collect()
}

#[test]
fn every_service_is_closed_pinned_and_checked() {
    let services = services();
    assert!(services.len() >= 10, "{}", services.len());
    let found: Vec<String> =
        services.iter().flat_map(|(name, service)| defects(name, service)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_service_that_is_not_is_found() {
    let loose = serde_json::json!({
        "image": "postgres:latest", "ports": ["5432:5432"], "privileged": true,
        "volumes": ["/var/run/docker.sock:/var/run/docker.sock", "./no/such/file:/x"],
        "environment": {"POSTGRES_PASSWORD": "hunter2"},
    });
    let found = defects("loose", &loose);
    assert!(found.len() >= 12, "{found:?}");
}

#[test]
fn profiles_hold_what_they_need() {
    for (profile, wanted) in [
        ("core", vec!["celosia", "postgres"]),
        (
            "full",
            vec![
                "celosia-full",
                "keycloak",
                "oracle",
                "oracle-init",
                "postgres",
                "sqlserver",
                "sqlserver-init",
            ],
        ),
        ("distributed", vec!["celosia-distributed", "executor", "postgres", "scheduler"]),
        ("observability", vec!["alertmanager", "alloy", "grafana", "loki", "prometheus"]),
    ] {
        let named: BTreeSet<String> = services()
            .into_iter()
            .filter(|(_, service)| list(service, "profiles").contains(&profile))
            .map(|(name, _)| name)
            .collect();
        let wanted: BTreeSet<String> = wanted.into_iter().map(String::from).collect();
        assert_eq!(named, wanted, "{profile}");
        for (name, service) in services() {
            let needs = service["depends_on"].as_object().cloned().unwrap_or_default();
            let started = list(&service, "profiles").contains(&profile);
            for (needed, how) in needs.iter().filter(|_| started) {
                assert!(
                    named.contains(needed),
                    "{name} waits for {needed}, which {profile} does not start"
                );
                let found = services().into_iter().find(|(name, _)| name == needed).unwrap().1;
                let condition =
                    if ends(&found) { "service_completed_successfully" } else { "service_healthy" };
                assert_eq!(how["condition"], condition, "{name} and {needed}");
            }
        }
    }
}

/// No database is on a network with a way out, and the numbers are on one without a database.
#[test]
fn networks_keep_apart_what_need_not_meet() {
    let compose = yaml("docker-compose.yml");
    for network in ["sources", "operations", "engine"] {
        assert_eq!(compose["networks"][network]["internal"], true, "{network}");
    }
    for (name, service) in services() {
        let networks: Vec<String> = match &service["networks"] {
            Json::Object(networks) => networks.keys().cloned().collect(),
            _ => list(&service, "networks").into_iter().map(String::from).collect(),
        };
        let database =
            ["postgres", "oracle", "sqlserver"].iter().any(|kind| name.starts_with(kind));
        assert!(!database || networks == ["sources"], "{name}: {networks:?}");
        let watches = list(&service, "profiles") == ["observability"];
        assert!(!watches || !networks.contains(&"sources".to_string()), "{name}: {networks:?}");
    }
}

/// Every secret that a service takes is declared, made by the script, and kept out of the repository.
#[test]
fn every_secret_is_made_by_the_script() {
    let compose = yaml("docker-compose.yml");
    let script = text("docker/make-secrets.sh");
    let ignored = text("docker/secrets/.gitignore");
    assert!(ignored.lines().any(|line| line == "*"), "{ignored}");
    for (name, service) in services() {
        for secret in list(&service, "secrets") {
            let file = compose["secrets"][secret]["file"].as_str();
            let file = file.unwrap_or_else(|| panic!("{name}: {secret} is not declared"));
            let file = Path::new(file).file_name().unwrap().to_str().unwrap();
            assert!(script.contains(file), "nobody makes {file}");
        }
    }
}

/// The scheduler gets the key by which it is known, and no login and no key of what executors are asked.
#[test]
fn the_scheduler_gets_one_key() {
    let compose = yaml("docker-compose.yml");
    assert_eq!(list(&compose["services"]["scheduler"], "secrets"), ["transport_key"]);
    let config = yaml("docker/distributed/scheduler.yaml");
    assert_eq!(config["engine"].get("key"), None);
    let server = yaml("docker/distributed/celosia.yaml");
    assert_eq!(config["engine"]["transport_key"], server["engine"]["transport_key"]);
    assert_ne!(server["engine"]["key"], server["engine"]["transport_key"]);
}

/// The configurations of the containers, as the server reads them there.
#[test]
fn configurations_are_taken() {
    for (path, rules) in [
        ("docker/celosia.yaml", "masking-rules"),
        ("docker/full/celosia.yaml", "masking-rules"),
        #[cfg(feature = "ballista")]
        ("docker/distributed/celosia.yaml", "../masking-rules"),
        ("deploy/kubernetes/base/config/celosia.yaml", "masking-rules"),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let secrets = scratch.path().display().to_string();
        for (name, secret) in [
            ("shop_url", "postgres://reader:x@postgres:5432/shop"),
            ("sales_url", "postgres://reader:x@postgres:5432/sales"),
            ("audit_url", "postgres://writer:x@postgres:5432/audit"),
            ("crm_url", "oracle://READER:x@oracle:1521/FREEPDB1"),
            ("orders_url", "sqlserver://reader:x@sqlserver:1433/orders"),
            ("pseudonym_key", "6f1c5d9a0b7e48d2a3c4f5061728394a"),
            ("engine_key", "6f1c5d9a0b7e48d2a3c4f5061728394a"),
            ("transport_key", "a493827160f5c4a32d84e7b0a9d5c1f6"),
            ("api_keys", "version: 1\nkeys: []\n"),
            ("authority", ""),
        ] {
            std::fs::write(scratch.path().join(name), secret).unwrap();
        }
        let directory = file(path).parent().unwrap().to_path_buf();
        let text = text(path)
            .replace("/run/secrets", &secrets)
            .replace("/etc/celosia-rules", &directory.join(rules).display().to_string());
        let config = Config::parse(&file(path), text.clone(), &|_| None);
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        assert!(config.require_http_identity().is_ok(), "{path}: nobody may call");
        assert_ne!(config.server.metrics_listen.unwrap().port(), config.server.listen.port());
        let rules =
            celosia::policy::Rules::load(&file(path), &text, config.masking_rules.as_deref(), true);
        rules.unwrap_or_else(|errors| panic!("{path}: {errors}"));
    }
}

#[test]
fn the_realm_knows_the_groups_of_the_roles() {
    let realm: Json = serde_json::from_str(&text("docker/keycloak/celosia-realm.json")).unwrap();
    let config = yaml("docker/full/celosia.yaml");
    let groups: Vec<&Json> =
        realm["groups"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    for (role, opened) in config["roles"].as_object().unwrap() {
        for group in opened["groups"].as_array().unwrap() {
            assert!(groups.contains(&group), "{role}: {group}");
        }
    }
    let provider = &config["identity"]["oidc"][0];
    let issuer = provider["issuer"].as_str().unwrap();
    assert_eq!(issuer.rsplit('/').next().unwrap(), realm["realm"]);
    assert!(text("docker-compose.yml").contains("KC_HOSTNAME: https://keycloak:8443"));
    assert!(issuer.starts_with("https://keycloak:8443/"));
    let mappers = realm["clientScopes"][0]["protocolMappers"].as_array().unwrap();
    let audience = mappers.iter().find(|mapper| mapper["name"] == "audience").unwrap();
    assert_eq!(audience["config"]["included.custom.audience"], provider["audience"]);
    for user in realm["users"].as_array().unwrap() {
        assert_eq!(user["credentials"][0]["value"], "${DEMO_PASSWORD}", "a password in the file");
        assert!(text("try").contains(user["username"].as_str().unwrap()));
    }
}

#[test]
fn the_stack_is_closed_and_pinned() {
    let stack = yaml("deploy/swarm/stack.yml");
    let service = &stack["services"]["celosia"];
    assert_eq!(service["read_only"], true);
    assert_eq!(list(service, "cap_drop"), ["ALL"]);
    assert!(service["healthcheck"]["test"].as_array().is_some_and(|test| test.len() > 2));
    assert_eq!(service["deploy"]["update_config"]["order"], "start-first");
    assert!(service["deploy"]["replicas"].as_u64() >= Some(2));
    assert!(!service["image"].as_str().unwrap().ends_with(":latest"));
    for (name, secret) in stack["secrets"].as_object().unwrap() {
        assert_eq!(secret["external"], true, "{name}");
    }
    for (name, config) in stack["configs"].as_object().unwrap() {
        let path = Path::new("deploy/swarm").join(config["file"].as_str().unwrap());
        assert!(file(path.to_str().unwrap()).exists(), "{name}");
    }
}
