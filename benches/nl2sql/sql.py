"""Whether SQL that models write gets the answer of the engine it was written for.

    python3 benches/nl2sql/sql.py [--binary target/release/celosia] [--data ../shared/nl2sql] [--failures FILE]

Runs the gold SQL of the question sets over the databases that have rows: as it is written (SQLite), and put into
PostgreSQL, T-SQL, Oracle and MySQL by sqlglot. The answer is compared with that of SQLite to the written text; a
statement that SQLite itself refuses, or that has no certain answer (a LIMIT among ties, a column that is not
grouped by), is left out. Rows that the order of a statement does not tell apart may come in any order.

With --postgres the PostgreSQL texts (put by sqlglot, and those that BIRD itself gives for PostgreSQL) are compared with
the answers of a PostgreSQL that holds the same rows, started for it. What PostgreSQL refuses is counted apart: to refuse
it as well is the same, to answer it is not.

The data is no part of the project; nothing is measured where it, or sqlglot, is absent."""

import argparse
import collections
import glob
import json
import os
import re
import sqlite3
import tempfile

import postgres
from client import Client

DIALECTS = {"sqlite": "sqlite", "postgres": "postgres", "tsql": "tsql", "oracle": "oracle", "mysql": "mysql"}
MOST_ROWS = 900


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", default=os.path.join(root, "target", "release", "celosia"))
    options.add_argument("--data", default=os.path.join(root, "..", "shared", "nl2sql"))
    options.add_argument("--dialects", default=",".join(DIALECTS))
    options.add_argument("--postgres", action="store_true", help="compare PostgreSQL texts with a real PostgreSQL")
    options.add_argument("--failures", help="write what is not answered, or not alike, to this file")
    given = options.parse_args()
    try:
        import sqlglot
    except ImportError:
        print("nl2sql: no sqlglot; nothing is measured")
        return
    if not os.path.exists(os.path.join(given.data, "questions.jsonl")):
        print(f"nl2sql: no data in {given.data}; nothing is measured")
        return
    databases = {os.path.splitext(os.path.basename(path))[0].lower(): path for path in
                 glob.glob(os.path.join(given.data, "db", "**", "*.sqlite"), recursive=True)}
    with open(os.path.join(given.data, "questions.jsonl")) as file:
        questions = [json.loads(line) for line in file]
    if given.postgres:
        with postgres.Cluster() as cluster:
            outcomes = beside_postgres(cluster, given, sqlglot, databases, questions)
        report(outcomes)
        save(given.failures, outcomes)
        return
    outcomes = []
    for name, path in databases.items():
        own = {q["gold_sql"]: q for q in questions if q["db"].lower() == name and q["dialect"] == "sqlite"}
        if not own:
            continue
        # A server for each database: many have a table of one name, and a question means its own.
        with tempfile.TemporaryDirectory(prefix="celosia-sql-") as directory:
            client = Client(given.binary, configure({name: path}, directory))
            for question in own.values():
                outcomes.extend(ask(client, sqlglot, question, path, given.dialects.split(",")))
            client.close()
    report(outcomes)
    save(given.failures, outcomes)


def save(path, outcomes):
    if not path:
        return
    with open(path, "w") as file:
        for outcome in outcomes:
            if outcome["outcome"] not in ("same", "both refuse"):
                file.write(json.dumps(outcome) + "\n")


def beside_postgres(cluster, given, sqlglot, databases, questions):
    outcomes = []
    for name, path in databases.items():
        own = [q for q in questions if q["db"].lower() == name]
        texts = {}
        for question in own:
            gold = question["gold_sql"].strip().rstrip(";")
            if question["dialect"] == "postgres":
                texts[gold] = (question, "bird's own")
            elif question["dialect"] == "sqlite":
                try:
                    tree = with_texts(sqlglot, sqlglot.parse_one(gold, read="sqlite"), path)
                    texts[tree.sql(dialect="postgres")] = (question, "by sqlglot")
                except Exception:  # as below
                    continue
        if not texts:
            continue
        cluster.load(name, path)
        with tempfile.TemporaryDirectory(prefix="celosia-sql-") as directory:
            client = Client(given.binary, configure({name: path}, directory))
            for (sql, (question, kind)), expected in zip(texts.items(), cluster.answers(name, list(texts)), strict=True):
                result = client.request("tools/call", {"name": "query", "arguments": {"sql": sql, "limit": 1000}})
                outcomes.append(of_postgres(sqlglot, cluster, question, kind, sql, expected, result))
            client.close()
    return [outcome for outcome in outcomes if outcome]


def of_postgres(sqlglot, cluster, question, kind, sql, expected, result):
    rows, error = expected
    name = question["db"].lower()
    if rows is not None and len(rows) > MOST_ROWS:
        return None
    if rows is None:
        outcome, detail = ("both refuse", "") if result.get("isError") else ("answered, PostgreSQL refuses", error)
    else:
        outcome, detail = judge(result, rows, [1] * len(rows))
    if outcome not in ("same", "error") and rows is not None:
        if cluster.has_ties(sqlglot, name, sql):
            return None
        outcome, detail = judge(result, rows, cluster.runs(sqlglot, name, sql))
    return {
        "set": question["set"], "db": question["db"], "dialect": kind, "outcome": outcome, "detail": detail,
        "sql": sql, "gold": question["gold_sql"], "hint": hint(result) if outcome == "error" else "",
    }


def configure(databases, directory):
    config = {
        "version": 1,
        "identity": {"local": {"user": "bench", "roles": ["reader"]}},
        "sources": {name: {"kind": "sqlite", "url": f"sqlite:{path}"} for name, path in databases.items()},
        "roles": {"reader": {"open": [{"tables": "*.*.*"}]}},
        "audit": {"store": "sqlite:audit.db", "durability": "process"},
    }
    path = os.path.join(directory, "celosia.yaml")
    with open(path, "w") as file:
        json.dump(config, file)
    return path


def ask(client, sqlglot, question, path, dialects):
    gold = question["gold_sql"].strip().rstrip(";")
    expected = source_answer(path, gold)
    if expected is None or has_ties(sqlglot, path, gold):
        return
    runs = runs_of(sqlglot, gold, "sqlite", lambda sql: rows_of(path, sql, 0))
    for dialect in dialects:
        try:
            tree = with_texts(sqlglot, sqlglot.parse_one(gold, read="sqlite"), path)
            written = gold if dialect == "sqlite" else tree.sql(dialect=DIALECTS[dialect])
        except Exception:  # sqlglot has errors of many kinds; what it cannot put is no measure
            continue
        result = client.request("tools/call", {"name": "query", "arguments": {"sql": written, "limit": 1000}})
        outcome, detail = judge(result, expected, runs)
        yield {
            "set": question["set"], "db": question["db"], "dialect": dialect, "outcome": outcome, "detail": detail,
            "sql": written, "gold": gold, "hint": hint(result) if outcome == "error" else "",
        }


def with_texts(sqlglot, tree, path):
    """Words in double quotes that are no column are texts to SQLite; elsewhere they are written as such."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {row[1].lower() for table in tables for row in database.execute(f'PRAGMA table_info("{table}")')}
    database.close()
    for column in list(tree.find_all(sqlglot.exp.Column)):
        if column.this.args.get("quoted") and not column.table and column.name.lower() not in columns:
            column.replace(sqlglot.exp.Literal.string(column.name))
    return tree


def source_answer(path, gold):
    """SQLite's answer, where it is the same when rows that nobody ordered come the other way round."""
    forth, back = (rows_of(path, gold, backwards) for backwards in (0, 1))
    if forth is None or back is None or len(forth) > MOST_ROWS:
        return None
    return forth if sorted(forth, key=repr) == sorted(back, key=repr) else None


def has_ties(sqlglot, path, gold):
    """Whether a limit cuts through rows that its order does not tell apart: other rows are as right."""
    try:
        answers = [rows_of(path, broken(sqlglot, gold, down), 0) for down in (False, True)]
    except Exception:  # what sqlglot cannot read is measured as it is
        return False
    forth, back = answers
    return forth is not None and back is not None and sorted(forth, key=repr) != sorted(back, key=repr)


def broken(sqlglot, gold, down, dialect="sqlite"):
    """The statement with ties broken by what is selected, one way or the other."""
    tree = sqlglot.parse_one(gold, read=dialect)
    for query in tree.find_all(sqlglot.exp.Select):
        order = query.args.get("order")
        if order is None or query.args.get("limit") is None:
            continue
        for item in query.expressions:
            grouped = query.args.get("group") is not None
            if (grouped or not item.find(sqlglot.exp.AggFunc)) and not is_star(sqlglot, item):
                order.append("expressions", sqlglot.exp.Ordered(this=item.unalias().copy(), desc=down))
    return tree.sql(dialect=dialect)


def is_star(sqlglot, item):
    return isinstance(item, sqlglot.exp.Star) or (isinstance(item, sqlglot.exp.Column) and isinstance(item.this, sqlglot.exp.Star))


def runs_of(sqlglot, gold, dialect, answer):
    """How many rows of the answer each follow another that its order tells apart; None where nothing is ordered. Found
    by selecting the keys of the order as well."""
    try:
        tree = sqlglot.parse_one(gold, read=dialect)
        order = tree.args.get("order")
        if order is None:
            return None
        if not isinstance(tree, sqlglot.exp.Select) or tree.args.get("distinct"):
            return []
        keys = [aliased(sqlglot, tree, item.this) for item in order.expressions]
        tree.set("expressions", [*tree.expressions, *keys])
        rows = answer(tree.sql(dialect=dialect))
    except Exception:  # what sqlglot cannot read is compared row by row
        return []
    runs = []
    for before, row in zip([None, *(rows or [])], rows or []):
        if before is not None and before[-len(keys):] == row[-len(keys):]:
            runs[-1] += 1
        else:
            runs.append(1)
    return runs


def aliased(sqlglot, tree, key):
    """What a key of the order stands for: a selected expression by its number or its alias."""
    if isinstance(key, sqlglot.exp.Literal) and key.is_int:
        return tree.expressions[int(key.name) - 1].unalias().copy()
    if isinstance(key, sqlglot.exp.Column) and not key.table:
        for item in tree.expressions:
            if item.alias and item.alias.lower() == key.name.lower():
                return item.unalias().copy()
    return key.copy()


def rows_of(path, gold, backwards):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        database.execute(f"PRAGMA reverse_unordered_selects = {backwards}")
        return database.execute(gold).fetchmany(MOST_ROWS + 1)
    except sqlite3.Error:
        return None
    finally:
        database.close()


def hint(result):
    return ((result.get("structuredContent") or {}).get("error") or {}).get("hint", "")


def judge(result, expected, runs):
    content = result.get("structuredContent") or {}
    if result.get("isError"):
        text = result["content"][0]["text"]
        return "error", text.splitlines()[0][:300]
    rows = [tuple(value(cell) for cell in row) for row in content["rows"]]
    wanted = [tuple(value(cell) for cell in row) for row in expected]
    if same(rows, wanted):
        return "same", ""
    if same(sorted(rows, key=repr), sorted(wanted, key=repr)):
        return ("same", "") if runs is None or same_runs(rows, wanted, runs) else ("other order", "")
    said = "; ".join(content.get("warnings") or [])
    return "warned" if said else "different", f"{rows[:2]} is {wanted[:2]} ({len(rows)}/{len(wanted)}) {said}"


def value(cell):
    """Numbers as numbers, whatever they travel as."""
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, (int, float)):
        return float(cell)
    if isinstance(cell, str):
        if re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", cell):
            return float(cell)
        # A time stamp at midnight is a date.
        return re.sub(r"^(\d{4}-\d\d-\d\d)[T ]00:00:00(\.0+)?Z?$", r"\1", cell).replace("T", " ") if re.match(r"\d{4}-\d\d-\d\d", cell) else cell
    return cell


def same(rows, wanted):
    return len(rows) == len(wanted) and all(len(a) == len(b) and all(map(alike, a, b)) for a, b in zip(rows, wanted))


def same_runs(rows, wanted, runs):
    """Whether rows differ only in the place of those that the order does not tell apart."""
    start = 0
    for length in runs:
        end = start + length
        if not same(sorted(rows[start:end], key=repr), sorted(wanted[start:end], key=repr)):
            return False
        start = end
    return start == len(wanted)


def alike(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b))
    return a == b


def report(outcomes):
    refused = ("both refuse", "answered, PostgreSQL refuses")
    print("dialect   statements  answered  same  other order  warned  different  error")
    for dialect in dict.fromkeys(outcome["dialect"] for outcome in outcomes):
        all_of_it = [outcome["outcome"] for outcome in outcomes if outcome["dialect"] == dialect]
        own = [outcome for outcome in all_of_it if outcome not in refused]
        for name in refused:
            if name in all_of_it:
                print(f"{dialect:9} {name}: {all_of_it.count(name)}")
        count = collections.Counter(own)
        percent = lambda number: f"{100 * number / len(own):.1f}"
        print(f"{dialect:9} {len(own):10} {percent(len(own) - count['error']):>9} {percent(count['same']):>5}"
              f" {count['other order']:12} {count['warned']:7} {count['different']:10} {count['error']:6}")
    print()
    causes = collections.Counter()
    for outcome in outcomes:
        if outcome["outcome"] not in ("same", "both refuse"):
            detail = re.sub(r'"[^"]*"|\d+', "_", outcome["detail"]) if outcome["outcome"] == "error" else ""
            causes[outcome["dialect"], outcome["outcome"], detail[:110]] += 1
    for (dialect, outcome, detail), number in causes.most_common(45):
        print(f"{number:5} {dialect:9} {outcome:12} {detail}")


if __name__ == "__main__":
    main()
