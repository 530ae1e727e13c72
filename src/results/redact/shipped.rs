//! The kinds of secrets that are known by their looks.

use super::rule::SecretRule;
use regex::Regex;
use std::sync::LazyLock;

/// Name, beginnings of which a text with such a secret has at least one, and pattern. Where a pattern has a
/// group `secret`, only that is taken out.
type Kind = (&'static str, &'static [&'static str], &'static str);

const KINDS: &[Kind] = &[
    (
        "private_key",
        &["-----BEGIN ", "PuTTY-User-Key", "AGE-SECRET-KEY-1"],
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)|PuTTY-User-Key-File-[0-9]:(?s:.*)|AGE-SECRET-KEY-1[A-Z0-9]{50,70}",
    ),
    ("jwt", &["eyJ"], r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}"),
    (
        "aws_access_key",
        &["AKIA", "ASIA", "ABIA", "ACCA"],
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    ),
    (
        "aws_secret_key",
        &["ecret_access_key", "ECRET_ACCESS_KEY", "ecretAccessKey"],
        r#"(?i)secret_?access_?key["']?\s*[:=]\s*["']?(?<secret>[A-Za-z0-9/+]{40})"#,
    ),
    (
        "azure_storage_key",
        &["AccountKey=", "SharedAccessKey=", "sig="],
        r"(?:\b(?:AccountKey|SharedAccessKey)|[?&]sig)=(?<secret>[A-Za-z0-9%+/=]{20,})",
    ),
    (
        "google_key",
        &["AIza", "ya29.", "GOCSPX-"],
        r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}",
    ),
    (
        "github_token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\bgh[pousr]_[A-Za-z0-9]{30,255}|\bgithub_pat_[A-Za-z0-9_]{22,255}",
    ),
    (
        "gitlab_token",
        &["glpat-", "gldt-", "glrt-", "glptt-", "glsoat-", "glcbt-", "glagent-", "glft-"],
        r"\bgl(?:pat|dt|rt|ptt|soat|cbt|agent|ft)-[A-Za-z0-9_.-]{20,300}",
    ),
    (
        "slack_token",
        &[
            "xoxa-",
            "xoxb-",
            "xoxe-",
            "xoxe.",
            "xoxo-",
            "xoxp-",
            "xoxr-",
            "xoxs-",
            "xapp-",
            "hooks.slack.com",
        ],
        r"\bxox[abeoprs][.-][A-Za-z0-9.-]{10,250}|\bxapp-[A-Za-z0-9-]{20,250}|hooks\.slack\.com/services/(?<secret>[A-Za-z0-9/_]{20,})",
    ),
    ("api_key", &["sk-"], r"\bsk-[A-Za-z0-9_-]{20,250}"),
    (
        "stripe_key",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"],
        r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,250}|\bwhsec_[A-Za-z0-9+/=]{20,}",
    ),
    (
        "service_token",
        &[
            "npm_",
            "pypi-AgEI",
            "hf_",
            "SG.",
            "shpat_",
            "shpss_",
            "dop_v1_",
            "hvs.",
            "dckr_pat_",
            "ATATT3",
            "lin_api_",
            "glsa_",
            "sq0csp-",
            "cel_",
        ],
        r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgEI[A-Za-z0-9_-]{50,}|\bhf_[A-Za-z0-9]{30,}|\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,60}|\bshp(?:at|ss)_[a-fA-F0-9]{32}|\bdop_v1_[a-f0-9]{64}|\bhvs\.[A-Za-z0-9_-]{24,}|\bdckr_pat_[A-Za-z0-9_-]{20,}|\bATATT3[A-Za-z0-9_=-]{50,}|\blin_api_[A-Za-z0-9]{30,}|\bglsa_[A-Za-z0-9_]{32,}|\bsq0csp-[A-Za-z0-9_-]{30,}|\bcel_[0-9a-f]{64}",
    ),
    (
        "password_in_url",
        &["://"],
        r#"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/?#:@"'<>]{0,256}:(?<secret>[^\s/?#"'<>]{1,512})@"#,
    ),
    (
        "password",
        &["assword=", "ASSWORD=", "assword =", "wd=", "WD=", "asswd="],
        r#"(?i)\b(?:password|passwd|pwd)\s*=\s*(?<secret>[^\s;,&"'\[\]]{1,256})"#,
    ),
    (
        "authorization",
        &["uthorization", "UTHORIZATION"],
        r#"(?i)\bauthorization["']?\s*[:=]\s*["']?(?:basic|bearer|token|digest|negotiate)\s+(?<secret>[A-Za-z0-9+/=._~-]{6,})"#,
    ),
];

/// One expression for the beginnings of all, and the rules. Compiled once a process.
pub(super) fn all() -> (Regex, Vec<SecretRule>) {
    static ALL: LazyLock<(Regex, Vec<SecretRule>)> = LazyLock::new(compile);
    ALL.clone()
}

fn compile() -> (Regex, Vec<SecretRule>) {
    let beginnings = KINDS.iter().flat_map(|(_, beginnings, _)| beginnings.iter());
    let beginnings: Vec<String> = beginnings.map(|text| regex::escape(text)).collect();
    let anchors = Regex::new(&beginnings.join("|")).expect("a constant");
    let rule = |(name, _, pattern): &Kind| {
        SecretRule::shipped(name, Regex::new(pattern).expect("a constant"))
    };
    (anchors, KINDS.iter().map(rule).collect())
}
