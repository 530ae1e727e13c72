//! `search` with a model of embeddings: another order where it answers, the words' order where it does not.

use super::{lab, who};
use crate::support::block_on;
use crate::support::endpoint::{Does, Endpoint};
use celosia::query::{Engine, Reply, SearchRequest};
use serde_json::json;
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(60);

async fn search(engine: &Engine, role: &str, question: &str) -> Reply {
    let question = question.to_string();
    let request = SearchRequest { question, limit: Some(10), ..Default::default() };
    engine.search(&who(role), request).await.expect("recorded")
}

fn tables(reply: &Reply) -> Vec<String> {
    let tables = reply.structured["tables"].as_array().unwrap().iter();
    tables.map(|table| table["table"].as_str().unwrap().to_string()).collect()
}

/// Close to the question are tables that know towns, whatever the words say.
fn towns(text: &str) -> Vec<f64> {
    if text.contains("town") || text.starts_with("sales") { vec![1.0, 0.1] } else { vec![0.1, 1.0] }
}

#[test]
fn the_meaning_moves_hits_and_vectors_are_kept() {
    block_on(async {
        let endpoint = Endpoint::new([Does::Embeds(towns)]);
        let with = lab(None, Some((&endpoint, PATIENT))).await;
        let without = lab(None, None).await;
        let question = "sales amount by people";
        let plain = search(&without.engine, "all", question).await;
        assert_eq!(tables(&plain)[0], "shop.main.sales");
        let ranked = search(&with.engine, "all", question).await;
        assert_eq!(tables(&ranked)[0], "shop.main.people", "{}", ranked.text);
        assert!(ranked.structured.get("warnings").is_none());
        let heard = endpoint.heard();
        assert_eq!((heard.len(), heard[0].path.as_str()), (1, "/v1/embeddings"));
        let sent = heard[0].body["input"].as_array().unwrap();
        assert_eq!(sent[0], question);
        assert!(sent.contains(&json!(
            "shop.main.sales: One row per sale.; columns: id, region, person_id, amount, kickback"
        )), "{sent:?}");
        // Everything but the question is known by now.
        search(&with.engine, "all", question).await;
        assert_eq!(endpoint.heard()[0].body["input"], json!([question]));
    });
}

#[test]
fn the_endpoint_is_sent_what_the_caller_may_know_and_no_value() {
    block_on(async {
        let endpoint = Endpoint::new([Does::Embeds(towns)]);
        let lab = lab(None, Some((&endpoint, PATIENT))).await;
        // One caller's vectors are of no use to another who sees less of the table.
        for role in ["all", "few"] {
            search(&lab.engine, role, "sales of Quebrix in the vault, by people and town").await;
            let heard = endpoint.heard();
            let mut items = heard[0].body["input"].as_array().unwrap().clone();
            items.remove(0);
            let sent = serde_json::to_string(&items).unwrap();
            assert!(sent.contains("shop.main.sales"), "{sent}");
            assert_eq!(
                sent.contains("kickback") && sent.contains("vault"),
                role == "all",
                "{sent}"
            );
            for value in ["Quebrix", "Zanthe", "Turin", "Ferrandiz", "Xylograph"] {
                assert!(!sent.contains(value), "{value}: {sent}");
            }
        }
    });
}

#[test]
fn where_it_fails_the_words_rank_and_the_reply_says_so() {
    block_on(async {
        let endpoint = Endpoint::new([Does::Stalls]);
        let with = lab(None, Some((&endpoint, Duration::from_millis(100)))).await;
        let without = lab(None, None).await;
        let plain = search(&without.engine, "all", "sales amount by people").await;
        let vector =
            |numbers: &str| format!(r#"{{"data": [{{"index": 0, "embedding": {numbers}}}]}}"#);
        for (does, told) in [
            (Does::Stalls, "did not answer in time"),
            (Does::Answers(500, "", "POISON".into()), "status 500"),
            (Does::Answers(200, "", "POISON".into()), "does not have the form"),
            (Does::Answers(200, "", vector("[1, 2]")), "does not have the form"),
            (Does::Answers(200, "", vector("[null]")), "does not have the form"),
            (
                Does::Answers(200, "", r#"{"data": [{"index": 99, "embedding": [1]}]}"#.into()),
                "does not have the form",
            ),
        ] {
            endpoint.does([does]);
            let fallen = search(&with.engine, "all", "sales amount by people").await;
            // The endpoint has a tenth of a second, and the machine may be busy.
            let warning = fallen.structured["warnings"][0].as_str().unwrap();
            assert!(warning.contains(told) || warning.contains("in time"), "{warning}");
            assert!(!warning.contains("POISON"));
            let line = format!("Warning: {warning}\n");
            assert_eq!(fallen.text, line + &plain.text);
            assert_eq!(fallen.structured["tables"], plain.structured["tables"]);
        }
    });
}
