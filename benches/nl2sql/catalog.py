"""A merged catalog as SQLite files, one for each database, with a configuration that opens all of it."""

import json
import os
import re
import sqlite3


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def source_names(tables):
    """A source's name by set and database. Where two sets have one of a name, the second is named with its set."""
    names = {}
    for key in dict.fromkeys((table["src"], table["db"]) for table in tables):
        names[key] = key[1] if key[1] not in names.values() else "_".join(key)
    return names


def by_database(tables):
    databases, names = {}, source_names(tables)
    for table in tables:
        name = names[table["src"], table["db"]]
        # Names with a dot cannot be named in the meanings; no question asks for one.
        table = table | {"table": table["table"].replace(".", "_")}
        databases.setdefault(name, {}).setdefault(table["table"].lower(), table)
    return {name: list(own.values()) for name, own in databases.items()}


def write(tables, directory, generated_comments=True):
    """Writes databases, meanings and configuration; gives the configuration's path."""
    os.makedirs(os.path.join(directory, "meanings"))
    databases = by_database(tables)
    for name, own in databases.items():
        write_database(os.path.join(directory, f"{name}.db"), own)
        with open(os.path.join(directory, "meanings", f"{name}.yaml"), "w") as file:
            # JSON is YAML.
            json.dump(meanings(name, own, generated_comments), file)
    sources = {name: {"kind": "sqlite", "url": f"sqlite:{name}.db"} for name in databases}
    config = {
        "version": 1,
        "identity": {"local": {"user": "bench", "roles": ["reader"]}},
        "sources": sources,
        "roles": {"reader": {"open": [{"tables": "*.*.*"}]}},
        "semantics": "meanings",
        "audit": {"store": "sqlite:audit.db", "durability": "process"},
    }
    path = os.path.join(directory, "celosia.yaml")
    with open(path, "w") as file:
        json.dump(config, file)
    return path


def write_database(path, tables):
    database = sqlite3.connect(path, isolation_level="DEFERRED")
    database.execute("PRAGMA synchronous = OFF")
    by_name = {table["table"].lower(): table for table in tables}
    for table in tables:
        database.execute(create(table, by_name))
        rows = max((len(column["samples"]) for column in table["columns"]), default=0)
        places = ", ".join("?" for _ in table["columns"])
        for row in range(rows):
            cells = [cell(column, row) for column in table["columns"]]
            # A key that is there twice, or not at all, is not worth a row.
            database.execute(f"INSERT OR IGNORE INTO {quoted(table['table'])} VALUES ({places})", cells)
    database.commit()
    database.close()


def create(table, by_name):
    names = {column["name"].lower(): column["name"] for column in table["columns"]}
    parts = [f"{quoted(column['name'])} {declared(column)}" for column in table["columns"]]
    # Beside the rows: a key of the catalog may hold the same sample twice.
    key = [names[name.lower()] for name in table["pk"] if name.lower() in names]
    if key:
        parts.append("PRIMARY KEY (" + ", ".join(map(quoted, key)) + ")")
    for own, target, theirs in {tuple(key) for key in map(tuple, table["fks"])}:
        referenced = by_name.get((target or "").lower())
        there = {c["name"].lower(): c["name"] for c in referenced["columns"]} if referenced else {}
        if own.lower() in names and (theirs or "").lower() in there:
            parts.append(
                f"FOREIGN KEY ({quoted(names[own.lower()])}) REFERENCES "
                f"{quoted(referenced['table'])} ({quoted(there[theirs.lower()])})"
            )
    return f"CREATE TABLE {quoted(table['table'])} ({', '.join(parts)})"


def declared(column):
    if column["samples"] and all(re.fullmatch(r"-?\d{1,18}", value) for value in column["samples"]):
        return "INTEGER"
    return "TEXT"


def cell(column, row):
    samples = column["samples"]
    # Short lists of samples go round: where each has its own row, keys stay different.
    value = samples[row % len(samples)] if samples else None
    return int(value) if value is not None and declared(column) == "INTEGER" else value


def meanings(database, tables, generated):
    described = {}
    for table in tables:
        columns = {}
        for column in table["columns"]:
            meaning = meaning_of(column, column["name"], generated)
            if meaning:
                columns[column["name"]] = meaning
        meaning = meaning_of(table, table["table"], generated)
        if columns:
            meaning["columns"] = columns
        if meaning:
            described[f"{database}.main.{table['table']}"] = meaning
    return {"version": 1, "tables": described}


def meaning_of(thing, name, generated):
    texts = [thing["desc"], thing.get("ai", "") if generated else ""]
    meaning = {}
    text = " ".join(dict.fromkeys(text for text in texts if text))
    if text:
        meaning["description"] = text
    if thing["nl"] and thing["nl"].lower() != name.lower():
        meaning["synonyms"] = [thing["nl"]]
    return meaning
