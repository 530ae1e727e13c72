"""Whether `search` finds the tables that a question needs, over the merged catalog of public data sets.

    python3 benches/nl2sql/run.py [--binary target/release/celosia] [--data ../shared/nl2sql]

The data (catalog.json, questions.jsonl) is no part of the project. Nothing is measured where it is absent."""

import argparse
import json
import os
import statistics
import tempfile

import catalog
from client import Client

BUDGET = 4000
# Tables that are described, to see what a column costs.
CARDS = 300


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", default=os.path.join(root, "target", "release", "celosia"))
    options.add_argument("--data", default=os.path.join(root, "..", "shared", "nl2sql"))
    options.add_argument("--no-evidence", action="store_true", help="leave BIRD's hints out")
    options.add_argument("--no-generated", action="store_true", help="leave descriptions that a model wrote out")
    options.add_argument("--failures", help="write the questions whose tables are not all found to this file")
    given = options.parse_args()
    if not os.path.exists(os.path.join(given.data, "catalog.json")):
        print(f"nl2sql: no data in {given.data}; nothing is measured")
        return
    with open(os.path.join(given.data, "catalog.json")) as file:
        tables = json.load(file)
    with open(os.path.join(given.data, "questions.jsonl")) as file:
        questions = [json.loads(line) for line in file]
    with tempfile.TemporaryDirectory(prefix="celosia-nl2sql-") as directory:
        client = Client(given.binary, catalog.write(tables, directory, not given.no_generated))
        names = catalog.source_names(tables)
        outcomes = [ask(client, question, names, not given.no_evidence) for question in questions]
        cards = [card(client, table, names) for table in tables[:: max(1, len(tables) // CARDS)]]
        client.close()
    report(outcomes)
    report_cards(cards)
    if given.failures:
        with open(given.failures, "w") as file:
            for outcome in outcomes:
                if outcome["found"] < 1:
                    file.write(json.dumps(outcome) + "\n")


def ask(client, question, names, with_evidence):
    text = question["question"]
    if with_evidence and question.get("evidence"):
        text += " " + question["evidence"]
    gold = {f"{names[question['set'], question['db']]}.main.{table}".lower() for table in question["gold_tables"]}
    reply, data, took = client.search(question=text, limit=10)
    found = [table["table"].lower() for table in data["tables"]]
    long_reply, long_data, _ = client.search(question=text, max_tokens=BUDGET)
    shown = {table["table"].lower() for table in long_data["tables"]}
    return {
        "set": question["set"], "db": question["db"], "question": text, "gold": sorted(gold), "tables": found,
        "found": len(gold & set(found[:10])) / len(gold), "in_budget": gold <= shown,
        "characters": len(reply), "budget_characters": len(long_reply), "ms": took,
    }


def card(client, table, names):
    name = ".".join(f'"{part}"' for part in (names[table["src"], table["db"]], "main", table["table"].replace(".", "_")))
    text, data, took = client.describe(name=name)
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    with_samples = sum("samples" in column for column in data["columns"])
    return {"columns": len(lines), "characters": sum(map(len, lines)), "samples": with_samples, "ms": took}


def report_cards(cards):
    columns = sum(card["columns"] for card in cards)
    print(
        f"describe: {len(cards)} tables, {columns} columns, {sum(c['characters'] for c in cards) / columns / 4:.1f} tokens a column"
        f" (chars/4), {100 * sum(c['samples'] for c in cards) / columns:.0f} % with values,"
        f" {statistics.median(c['ms'] for c in cards):.1f} ms"
    )


def report(outcomes):
    print("set       questions  R@10  all@10  all in 4K  tokens@10 (chars/4)  chars in 4K  p50 ms  p95 ms")
    for name in dict.fromkeys(outcome["set"] for outcome in outcomes):
        of_set = [outcome for outcome in outcomes if outcome["set"] == name]
        times = sorted(outcome["ms"] for outcome in of_set)
        percent = lambda values: 100 * statistics.mean(values)
        print(
            f"{name:9} {len(of_set):9} {percent([o['found'] for o in of_set]):5.1f}"
            f" {percent([o['found'] == 1 for o in of_set]):7.1f} {percent([o['in_budget'] for o in of_set]):10.1f}"
            f" {statistics.mean(o['characters'] for o in of_set) / 4:20.0f}"
            f" {statistics.mean(o['budget_characters'] for o in of_set):12.0f}"
            f" {statistics.median(times):7.1f} {times[int(len(times) * 0.95)]:7.1f}"
        )


if __name__ == "__main__":
    main()
