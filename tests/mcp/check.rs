//! `celosia check`: what is wrong is named by file, line and key.

use super::server::{Demo, celosia};
use serde::Deserialize;

/// A change that makes a configuration wrong.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "celosia_yaml")]
    file: String,
    from: String,
    to: String,
    key: String,
    says: String,
}

fn celosia_yaml() -> String {
    "celosia.yaml".to_string()
}

/// Exit code and what was said on stderr.
fn check(demo: &Demo) -> (Option<i32>, String, String) {
    let config = demo.path().join("celosia.yaml");
    let done = celosia(&["check", "--config", config.to_str().unwrap()]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

#[test]
fn the_demo_is_in_order() {
    let (code, said, errors) = check(&Demo::new());
    assert_eq!((code, &*errors), (Some(0), ""));
    for line in
        ["source shop: 4 tables", "source support: 2 tables", "role analyst", "holds for 6 tables"]
    {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn a_wrong_configuration_is_named_by_file_line_and_key() {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("configs.yaml")).unwrap();
    let demo = Demo::new();
    let mut defects = Vec::new();
    for case in cases {
        let path = demo.path().join(&case.file);
        let whole = std::fs::read_to_string(&path).unwrap();
        let Some(at) = whole.find(&case.from) else { panic!("{}: nothing to change", case.name) };
        let line = whole[..at].matches('\n').count() + 1;
        std::fs::write(&path, whole.replacen(&case.from, &case.to, 1)).unwrap();
        let (code, _, errors) = check(&demo);
        std::fs::write(&path, whole).unwrap();
        let wanted = format!("{}:{line}: {}: ", path.display(), case.key);
        let told =
            errors.lines().any(|error| error.contains(&wanted) && error.contains(&case.says));
        if code != Some(1) || !told {
            let Case { name, says, .. } = &case;
            defects.push(format!("{name}: not {wanted}...{says}...; exit {code:?}: {errors}"));
        }
        assert!(!errors.contains("hunter2"), "{}: a secret is told: {errors}", case.name);
    }
    assert!(defects.is_empty(), "{}", defects.join("\n"));
    assert_eq!(check(&demo).0, Some(0), "every change was taken back");
}

/// What `check` refuses is not served either.
#[test]
fn a_wrong_configuration_is_not_served() {
    let demo = Demo::new();
    let config =
        demo.write("wrong.yaml", &demo.config(&[("shop.main.products", "shop.main.produce")]));
    for command in ["serve", "stdio"] {
        let done = celosia(&[command, "--config", config.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(1), "{command}");
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(
            said.contains("wrong.yaml:") && said.contains("matches no table"),
            "{command}: {said}"
        );
        assert!(done.stdout.is_empty(), "{command}: stdout belongs to the protocol");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let done = celosia(&["check", "--config", "/no/such/celosia.yaml"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8(done.stderr).unwrap().contains("/no/such/celosia.yaml"));
}
