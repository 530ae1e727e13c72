//! The manifests for Kubernetes fit each other and keep the server closed. Their form was checked against the API's own schemas when
//! they were written; this holds what a schema does not know.

use super::{file, text, yaml};
use serde_json::{Value as Json, json};

const BASE: &str = "deploy/kubernetes/base";

fn base(name: &str) -> Json {
    yaml(&format!("{BASE}/{name}.yaml"))
}

#[test]
fn every_file_is_listed_and_every_listed_file_is_there() {
    let kustomization = base("kustomization");
    let mut listed: Vec<String> = kustomization["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_string())
        .collect();
    let files = std::fs::read_dir(file(BASE)).unwrap().flatten();
    let mut found: Vec<String> = files
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yaml") && name != "kustomization.yaml")
        .collect();
    listed.sort();
    found.sort();
    assert_eq!(listed, found);
    for generated in kustomization["configMapGenerator"].as_array().unwrap() {
        for path in generated["files"].as_array().unwrap() {
            assert!(file(&format!("{BASE}/{}", path.as_str().unwrap())).exists(), "{path}");
        }
    }
    let example = yaml("deploy/kubernetes/example/kustomization.yaml");
    for resource in example["resources"].as_array().unwrap() {
        let path = format!("deploy/kubernetes/example/{}", resource.as_str().unwrap());
        assert!(file(&path).exists(), "{path}");
    }
}

/// Every document of a file of several.
fn documents(name: &str) -> Vec<Json> {
    let text = text(&format!("deploy/kubernetes/distributed/{name}.yaml"));
    let parts = text.split("\n---\n");
    parts.map(|part| serde_saphyr::from_str(part).expect("a document")).collect()
}

#[test]
fn executors_are_closed_and_reached_by_their_deployment_alone() {
    let overlay = yaml("deploy/kubernetes/distributed/kustomization.yaml");
    for resource in overlay["resources"].as_array().unwrap() {
        let path = format!("deploy/kubernetes/distributed/{}", resource.as_str().unwrap());
        assert!(file(&path).exists(), "{path}");
    }
    let policies = documents("networkpolicy");
    let reached = &policies[0]["spec"];
    for (name, config) in [("scheduler", "scheduler"), ("executors", "celosia")] {
        let documents = documents(name);
        let (set, service) = (&documents[0], &documents[1]);
        let template = &set["spec"]["template"];
        let labels = &template["metadata"]["labels"];
        for (label, value) in set["spec"]["selector"]["matchLabels"].as_object().unwrap() {
            assert_eq!(&labels[label], value, "{name}");
            assert_eq!(&service["spec"]["selector"][label], value, "{name}");
        }
        assert_eq!(labels["celosia.dev/engine"], "true");
        assert_eq!(reached["podSelector"]["matchLabels"], json!({"celosia.dev/engine": "true"}));
        // The service of the server does not find it.
        assert_eq!(labels.get("app.kubernetes.io/name"), None, "{name}");
        closed(&template["spec"]);
        let config = yaml(&format!("deploy/kubernetes/distributed/config/{config}.yaml"));
        let scheduler = config["engine"]["scheduler"].as_str().unwrap();
        assert_eq!(scheduler, "https://celosia-scheduler:50050");
        assert_eq!(config["engine"]["transport_key"], "file:/run/secrets/transport_key");
        for port in template["spec"]["containers"][0]["ports"].as_array().unwrap() {
            let open = reached["ingress"][0]["ports"].as_array().unwrap();
            let named = open.iter().any(|open| open["port"] == port["containerPort"]);
            assert!(named, "{name}: {port}");
        }
    }
    for rule in reached["ingress"].as_array().unwrap() {
        assert!(rule["from"].is_array(), "{rule}");
    }
    let executors = documents("executors");
    let config = yaml("deploy/kubernetes/distributed/config/celosia.yaml");
    let suffix = format!("{{hostname}}.{}", executors[1]["metadata"]["name"].as_str().unwrap());
    assert_eq!(config["engine"]["executor"]["name"], suffix);
    assert_eq!(executors[0]["spec"]["serviceName"], executors[1]["metadata"]["name"]);
    // The scheduler gets the one key that it needs, and no login.
    let scheduler = &documents("scheduler")[0]["spec"]["template"]["spec"];
    let volumes = scheduler["volumes"].as_array().unwrap();
    let secrets: Vec<&Json> = volumes.iter().filter_map(|volume| volume.get("secret")).collect();
    let items = json!([{"key": "transport_key", "path": "transport_key"}]);
    assert_eq!((secrets.len(), &secrets[0]["items"]), (1, &items));
    let of_scheduler = yaml("deploy/kubernetes/distributed/config/scheduler.yaml");
    assert_eq!((of_scheduler["engine"].get("key"), &of_scheduler["sources"]), (None, &json!({})));
    let own = yaml("deploy/kubernetes/base/config/celosia.yaml");
    assert_eq!((&config["roles"], &config["sources"]), (&own["roles"], &own["sources"]));
}

#[test]
fn the_pod_is_closed() {
    closed(&base("deployment")["spec"]["template"]["spec"]);
    let pod = &base("deployment")["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array().unwrap();
    assert!(volumes.iter().any(|volume| volume["secret"]["secretName"] == "celosia-secrets"));
    let user = pod["securityContext"]["runAsUser"].as_u64().unwrap();
    assert!(text("Dockerfile").contains(&format!("USER {user}:{user}")));
}

fn closed(pod: &Json) {
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(container["securityContext"]["capabilities"], json!({"drop": ["ALL"]}));
    assert!(container["resources"]["limits"]["memory"].is_string());
    // Nothing secret is in a manifest: files of a Secret that somebody else makes.
    assert!(
        container["env"]
            .as_array()
            .unwrap()
            .iter()
            .all(|variable| { !variable["name"].as_str().unwrap().contains("PASSWORD") })
    );
}

#[test]
fn selectors_ports_and_probes_fit() {
    let deployment = base("deployment");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&base("service")["spec"]["selector"], labels);
    assert_eq!(&base("pdb")["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&base("networkpolicy")["spec"]["podSelector"]["matchLabels"], labels);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let port = |name: &str| {
        let ports = container["ports"].as_array().unwrap();
        let found = ports.iter().find(|port| port["name"] == name).unwrap();
        found["containerPort"].as_u64().unwrap()
    };
    let config = yaml(&format!("{BASE}/config/celosia.yaml"));
    assert_eq!(config["server"]["listen"], format!("0.0.0.0:{}", port("mcp")));
    assert_eq!(config["server"]["metrics_listen"], format!("0.0.0.0:{}", port("metrics")));
    let scraped = &deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"];
    assert_eq!(scraped, &json!(port("metrics").to_string()));
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "mcp"}), "{probe}");
    }
    // The numbers are not offered by the service, and one namespace alone reaches them.
    assert_eq!(base("service")["spec"]["ports"].as_array().unwrap().len(), 1);
    let ingress = base("networkpolicy")["spec"]["ingress"].clone();
    for rule in ingress.as_array().unwrap() {
        assert!(rule["from"].is_array(), "{rule}");
    }
}

#[test]
fn a_pod_that_ends_has_the_time_to() {
    let pod = &base("deployment")["spec"]["template"]["spec"];
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    let pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    // The server drains for 30 s and waits 2 s for each of what it cancels and what the audit tells.
    assert!(grace > pause + 34, "{grace}");
    let scaler = base("hpa");
    assert_eq!(scaler["spec"]["scaleTargetRef"]["name"], "celosia");
    assert!(scaler["spec"]["minReplicas"].as_u64() >= Some(2));
}
