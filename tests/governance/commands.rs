//! `celosia policy` and `celosia suggest-masks` as an administrator runs them.

use super::run;
use crate::mcp::server::{Demo, celosia};
use serde_json::Value as Json;

#[test]
fn an_explanation_names_the_rule_that_won_and_what_is_hidden() {
    let demo = Demo::new();
    let (code, said, errors) = run(
        &demo,
        &["policy", "explain", "--config", "CONFIG", "--as", "demo", "shop.main.customers"],
    );
    assert_eq!((code, &*errors), (Some(0), ""), "{said}");
    for line in [
        "shop.main.customers: rows where region = 'EU'",
        "role analyst: region = user.region",
        "it is stronger than rule \"birth years\" (year)",
    ] {
        assert!(said.contains(line), "no {line:?} in\n{said}");
    }
    let masked = said.lines().find(|line| line.trim_start().starts_with("email ")).unwrap();
    assert!(
        masked.contains("masked email") && masked.contains("rule \"email addresses\""),
        "{said}"
    );
    let (_, said, _) =
        run(&demo, &["policy", "explain", "--config", "CONFIG", "--roles", "analyst", "tickets"]);
    let hidden = said.lines().find(|line| line.trim_start().starts_with("body ")).unwrap();
    assert!(
        hidden.contains("hidden") && hidden.contains("opened by: compliance, support"),
        "{said}"
    );
}

#[test]
fn a_source_is_explained_table_by_table_as_json_too() {
    let demo = Demo::new();
    let explain = |roles: &str| {
        let (code, said, errors) = run(
            &demo,
            &[
                "policy",
                "explain",
                "--config",
                "CONFIG",
                "--roles",
                roles,
                "--attributes",
                "region=US",
                "--json",
                "shop",
            ],
        );
        assert_eq!(code, Some(0), "{errors}");
        serde_json::from_str::<Json>(&said).unwrap()
    };
    let analyst = explain("analyst");
    assert_eq!(analyst.as_array().unwrap().len(), 4);
    assert_eq!(analyst[0]["table"], "shop.main.customers");
    assert_eq!(analyst[0]["rows"], "region = 'US'");
    // Two roles: the desk opens every row, so some cells are NULL on some of them.
    let both = explain("analyst,support");
    let columns = both[0]["columns"].as_array().unwrap();
    let email = columns.iter().find(|column| column["column"] == "email").unwrap();
    assert_eq!(email["open_where"], "region = 'US'", "{email}");
    assert_eq!(both[0]["rows"], "TRUE");
}

#[test]
fn who_or_what_is_not_known_is_an_error_with_a_way_on() {
    let demo = Demo::new();
    for (arguments, says) in [
        (&["--as", "nobody", "shop"][..], "neither the local user nor the user of an API key"),
        (&["--roles", "analist", "shop"], "there is no role \"analist\"; the roles are: analyst"),
        (&["--roles", "analyst", "custommers"], "did you mean"),
        (&["shop"], "name a caller: --as USER"),
        (&["--roles", "analyst", "--attributes", "region", "shop"], "write name=value"),
    ] {
        let arguments = [&["policy", "explain", "--config", "CONFIG"], arguments].concat();
        let (code, _, errors) = run(&demo, &arguments);
        assert!(code == Some(1) && errors.contains(says), "{arguments:?}: {errors}");
    }
}

#[test]
fn policy_tests_say_what_is_not_as_expected() {
    let demo = Demo::new();
    let (code, said, errors) = run(&demo, &["policy", "test", "--config", "CONFIG"]);
    assert_eq!((code, &*errors), (Some(0), ""), "{said}");
    assert!(said.contains("6 policy tests, 0 failed"), "{said}");
    let wrong = demo.write(
        "wrong.yaml",
        "version: 1\ntests:\n- name: nobody sees mail\n  as: { user: demo }\n  table: shop.main.customers\n  \
         rows: all\n  columns: { email: hidden }\n  statements:\n  - { sql: SELECT 1/0 AS x }\n",
    );
    let (code, said, errors) =
        run(&demo, &["policy", "test", "--config", "CONFIG", wrong.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    for line in [
        "FAIL  nobody sees mail (",
        "rows: expected all, found region = 'EU'",
        "column email: expected hidden, found masked by \"email addresses\" (email)",
        "statement SELECT 1/0 AS x: expected an answer, found error evaluation",
        "1 policy tests, 1 failed",
    ] {
        assert!(said.contains(line), "no {line:?} in\n{said}");
    }
    assert!(errors.contains("1 of 1 policy tests failed"), "{errors}");
}

/// What the tests forbid is not in order for `check` either.
#[test]
fn check_runs_the_configured_policy_tests() {
    let demo = Demo::new();
    let (code, said, _) = run(&demo, &["check", "--config", "CONFIG"]);
    assert!(code == Some(0) && said.contains("6 policy tests, 0 failed"), "{said}");
    let wide = demo.config(&[(", rows: \"region = user.region\"", "")]);
    let wide = demo.write("wide.yaml", &wide);
    let done = celosia(&["check", "--config", wide.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("rows: expected region = 'EU', found all"), "{said}");
}

#[test]
fn a_difference_tells_what_opens_and_which_personal_data() {
    let demo = Demo::new();
    let config = demo.path().join("celosia.yaml");
    let old = config.to_str().unwrap();
    let diff = |new: &str, more: &[&str]| {
        let new = demo.write("new.yaml", new);
        let new = new.to_str().unwrap();
        let done = celosia(&[&["policy", "diff", "--config", old, new], more].concat());
        let said = String::from_utf8(done.stdout).unwrap();
        (done.status.code(), said, String::from_utf8(done.stderr).unwrap())
    };
    let (code, said, errors) = diff(&demo.config(&[]), &["--fail-on-open"]);
    assert!(
        code == Some(0) && said.ends_with("0 changes, 0 may open something\n"),
        "{said}{errors}"
    );
    let wider = demo.config(&[
        (
            "columns: [id, name, phone, city, region]",
            "columns: [id, name, phone, city, region, birth_date]",
        ),
        (", opened_at, closed_at", ", opened_at"),
    ]);
    let (code, said, _) = diff(&wider, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(
            "opens    role support  shop.main.customers.birth_date: hidden -> masked year"
        ),
        "{said}"
    );
    assert!(
        said.contains("closes   role analyst  support.main.tickets.closed_at: open -> hidden"),
        "{said}"
    );
    let bare = demo.config(&[
        ("  support:\n    open:", "  support:\n    open:\n      - { tables: shop.main.products }"),
        (
            "columns: [id, customer_id, agent_id, opened_at",
            "columns: [id, body, customer_id, agent_id, opened_at",
        ),
    ]);
    let (code, said, errors) = diff(&bare, &["--fail-on-open"]);
    assert!(code == Some(1) && errors.contains("2 changes open something"), "{said}{errors}");
    assert!(
        said.contains("opens    role support  shop.main.products: hidden -> 4 columns"),
        "{said}"
    );
    let (_, said, _) = diff(&bare, &["--json"]);
    let changes: Json = serde_json::from_str(&said).unwrap();
    assert_eq!(changes[0]["direction"], "opens");
}

/// The proposals for the demo name every column that its own rules mask, and open nothing.
#[test]
fn proposed_masks_are_rules_that_can_be_loaded() {
    let demo = Demo::new();
    let rules = demo.path().join("masking-rules/people.yaml");
    let (code, said, errors) = run(&demo, &["suggest-masks", "--config", "CONFIG"]);
    assert_eq!((code, &*errors), (Some(0), ""), "{said}");
    for column in ["customers.email", "customers.phone", "customers.name", "tickets.body"] {
        assert!(said.contains(&format!("main.{column} by ")), "{column} is not in\n{said}");
    }
    // Without its rules, everything is proposed; what is printed is what masks.
    std::fs::write(&rules, "version: 1\n").unwrap();
    let (_, proposed, _) = run(&demo, &["suggest-masks", "--config", "CONFIG"]);
    assert!(!proposed.contains('@'), "no sample is printed: {proposed}");
    std::fs::write(&rules, &proposed).unwrap();
    let (code, said, errors) = run(
        &demo,
        &[
            "policy",
            "explain",
            "--config",
            "CONFIG",
            "--roles",
            "compliance",
            "--json",
            "shop.main.customers",
        ],
    );
    assert_eq!((code, &*errors), (Some(0), ""), "{proposed}");
    let explained: Json = serde_json::from_str(&said).unwrap();
    for name in ["name", "email", "phone", "tax_id", "birth_date"] {
        let columns = explained[0]["columns"].as_array().unwrap();
        let column = columns.iter().find(|column| column["column"] == name).unwrap();
        assert_eq!(column["effect"], "masked", "{column}\n{proposed}");
    }
    let (_, again, _) = run(&demo, &["suggest-masks", "--config", "CONFIG"]);
    assert!(!again.contains("masks:"), "what is masked is not proposed again: {again}");
}
