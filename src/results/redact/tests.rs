use super::*;
use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray, StringViewArray, builder};
use arrow_schema::{Field, Schema};
use std::sync::Arc;

/// Made up, put together so that no scanner takes this file for a leak.
fn secrets() -> Vec<(&'static str, String)> {
    let letters = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hJ3lM6";
    let hex = "0123456789abcdef".repeat(4);
    let key = ["-----BEGIN RSA PRIV", "ATE KEY-----\nMIIEow\n-----END RSA PRIV", "ATE KEY-----"];
    vec![
        ("private_key", key.concat()),
        ("private_key", key.concat()[..40].to_string()),
        ("jwt", format!("eyJ{letters}.eyJ{letters}.{letters}")),
        ("aws_access_key", ["AKI", "AIOSFODNN7EXAMPLE"].concat()),
        ("aws_secret_key", format!("aws_secret_access_key = {letters}abcd")),
        ("azure_storage_key", format!("AccountName=x;AccountKey={letters}==")),
        ("google_key", format!("AIza{}", &letters[..35])),
        ("github_token", format!("ghp_{letters}")),
        ("github_token", format!("github_pat_{letters}")),
        ("gitlab_token", format!("glpat-{}", &letters[..20])),
        ("slack_token", format!("xoxb-{letters}")),
        ("api_key", format!("sk-proj-{letters}")),
        ("stripe_key", format!("sk_live_{letters}")),
        ("service_token", format!("npm_{letters}")),
        ("service_token", format!("cel_{hex}")),
        ("password_in_url", "postgres://ana:hunter2@db/x".into()),
        ("password", "Server=x;Password=hunter2;Database=y".into()),
        ("authorization", "Authorization: Basic YW5hOmh1bnRlcjI=".into()),
        ("authorization", "authorization: bearer abc.def".into()),
    ]
}

fn column(array: ArrayRef) -> (Vec<RecordBatch>, Vec<RedactedValues>) {
    let schema = Schema::new(vec![Field::new("c", array.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap();
    let info = ColumnInfo { name: "c".into(), type_name: "text".into(), masked: None };
    Redactor::default().batches(&[info], vec![batch]).unwrap()
}

#[test]
fn each_kind_of_secret_is_taken_out_and_named() {
    let redactor = Redactor::default();
    for (rule, secret) in secrets() {
        let text = format!("before {secret} after");
        let shown = redactor.text(&text);
        assert!(shown.contains(&format!("[redacted: {rule}]")), "{secret}: {shown}");
        assert!(shown.starts_with("before "), "{shown}");
        for part in ["hunter2", "YW5h", "MIIE", "aB3dE6", "IOSFODNN", "abc.def"] {
            assert!(!shown.contains(part), "{rule}: {shown}");
        }
        // What was done once is done.
        assert_eq!(redactor.text(&shown), shown);
    }
}

#[test]
fn what_is_no_secret_stays() {
    let redactor = Redactor::default();
    for text in [
        "ana@example.org",
        "https://example.org/a:b@c",
        "https://example.org/path?q=1",
        "task-force-of-the-whole-department-2024",
        "a risk-averse-and-very-long-hyphenated-description",
        "basic instructions",
        "Authorization was given",
        "the password is in the safe",
        "AKIA",
        "eyJ",
        "ghp_short",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "npm_config",
        "12345678901234567890123456789012",
        "日本://",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn every_kind_of_array_is_looked_into() {
    let secret = ["AKI", "AIOSFODNN7EXAMPLE"].concat();
    let texts = vec![Some("plain"), None, Some(&*secret)];
    let mut list = builder::ListBuilder::new(builder::StringBuilder::new());
    list.append_value([Some("plain"), Some(&*secret)]);
    let words: arrow_array::DictionaryArray<arrow_array::types::Int32Type> =
        texts.clone().into_iter().collect();
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(texts.clone())),
        Arc::new(StringViewArray::from(texts.clone())),
        Arc::new(StringArray::from(texts.clone()).slice(1, 2)),
        Arc::new(BinaryArray::from(vec![Some(&b"\xff"[..]), Some(secret.as_bytes()), None])),
        Arc::new(list.finish()),
        Arc::new(words),
    ];
    for array in arrays {
        let kind = array.data_type().clone();
        let (batches, found) = column(array.clone());
        let expected =
            RedactedValues { column: "c".into(), rule: "aws_access_key".into(), values: 1 };
        assert_eq!(found, [expected], "{kind}");
        assert_eq!(batches[0].column(0).len(), array.len(), "{kind}");
        assert_eq!(batches[0].column(0).logical_null_count(), array.logical_null_count(), "{kind}");
    }
}

#[test]
fn what_holds_none_is_the_same_buffer() {
    let array: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let (batches, found) = column(array.clone());
    assert!(found.is_empty() && Arc::ptr_eq(batches[0].column(0), &array));
    assert!(column(Arc::new(Int64Array::from(vec![1]))).1.is_empty());
}

#[test]
fn rules_of_a_configuration_are_bounded() {
    for (name, pattern, wanted) in [
        ("", "x", RuleDefect::Name),
        ("a]b", "x", RuleDefect::Name),
        ("a", "x*", RuleDefect::Empty),
        ("a", &*"x".repeat(1_001), RuleDefect::Long),
    ] {
        assert_eq!(SecretRule::new(name, pattern).unwrap_err(), wanted, "{pattern}");
    }
    for pattern in ["(", "(a)\\1", "(?=x)", "(?:a{1000}){1000}", "\\p{Nothing}"] {
        let defect = SecretRule::new("a", pattern).unwrap_err();
        assert!(matches!(defect, RuleDefect::Pattern(_)), "{pattern}: {defect}");
    }
    let badge = SecretRule::new("badge", "BDG-(?<secret>[0-9]{4})").unwrap();
    let redactor = Redactor::new(vec![badge], BTreeSet::new());
    assert_eq!(redactor.text("x BDG-1234 y"), "x BDG-[redacted: badge] y");
    assert_eq!(redactor.text("x BDG-12 y"), "x BDG-12 y");
    assert_eq!(Redactor::off().text("x BDG-1234 y"), "x BDG-1234 y");
}

/// A pattern that takes a backtracking engine ages.
#[test]
fn a_hostile_text_costs_time_in_proportion_to_its_length() {
    let rule = SecretRule::new("slow", "(?:a+)+b").unwrap();
    let redactor = Redactor::new(vec![rule], BTreeSet::new());
    let text = format!("{} eyJ://{}", "a".repeat(200_000), "ghp_ password= ".repeat(2_000));
    let started = std::time::Instant::now();
    let _ = redactor.text(&text);
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}
