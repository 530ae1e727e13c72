"""Whether an error names the right name among its first three, for names that are wrong on purpose.

    python3 benches/nl2sql/suggestions.py [--binary target/release/celosia] [--data ../shared/nl2sql]

Six kinds: a slip in a column, a lost underscore, another table's alias, a shortened column, a table in the other
number, a table with a prefix. The data is no part of the project; nothing is measured where it is absent."""

import argparse
import collections
import glob
import os
import random
import re
import sqlite3
import tempfile

from client import Client
from sql import configure

KINDS = ("column slip", "underscore lost", "wrong alias", "column shortened", "table number", "table prefixed")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", default=os.path.join(root, "target", "release", "celosia"))
    options.add_argument("--data", default=os.path.join(root, "..", "shared", "nl2sql"))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--every", type=int, default=1, help="only every n-th database")
    options.add_argument("--failures", type=int, default=0, help="show so many of each kind")
    given = options.parse_args()
    paths = sorted(glob.glob(os.path.join(given.data, "db", "**", "*.sqlite"), recursive=True))[:: given.every]
    if not paths:
        print(f"nl2sql: no data in {given.data}; nothing is measured")
        return
    chance = random.Random(given.seed)
    outcomes = collections.defaultdict(list)
    for path in paths:
        name = os.path.splitext(os.path.basename(path))[0].lower()
        with tempfile.TemporaryDirectory(prefix="celosia-names-") as directory:
            client = Client(given.binary, configure({name: path}, directory))
            for kind, sql, right in errors(tables_of(path), name, chance):
                result = client.request("tools/call", {"name": "query", "arguments": {"sql": sql}})
                if result.get("isError"):
                    hint = ((result.get("structuredContent") or {}).get("error") or {}).get("hint", "")
                    outcomes[kind].append((right.lower() in named(hint), sql, right, hint))
            client.close()
    print("kind              errors  right among three")
    for kind in KINDS:
        found = outcomes[kind]
        share = 100 * sum(ok for ok, *_ in found) / max(len(found), 1)
        print(f"{kind:17} {len(found):6} {share:18.1f}")
        for _, sql, right, hint in [o for o in found if not o[0]][: given.failures]:
            print(f"      {sql} -> {right}: {hint[:160]}")


def tables_of(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = {}
    for name in names:
        if re.fullmatch(r"[A-Za-z]\w*", name) and not name.startswith("sqlite_"):
            rows = database.execute(f'PRAGMA table_info("{name}")').fetchall()
            tables[name] = [row[1] for row in rows if re.fullmatch(r"[A-Za-z]\w*", row[1])]
    database.close()
    return {name: columns for name, columns in tables.items() if columns}


def errors(tables, source, chance):
    for table, columns in tables.items():
        picked = chance.sample(columns, min(4, len(columns)))
        for column in picked:
            if len(column) >= 4:
                yield "column slip", f'SELECT "{slip(column.lower(), chance)}" FROM "{table}"', column
            if "_" in column.strip("_"):
                yield "underscore lost", f'SELECT {column.replace("_", "")} FROM "{table}"', column
            short = shortened(column)
            if short and short.lower() not in (c.lower() for c in columns):
                yield "column shortened", f'SELECT "{short.lower()}" FROM "{table}"', column
        other = "s" if not table.lower().endswith("s") else None
        wrong = table + other if other else table[:-1]
        yield "table number", f'SELECT * FROM "{wrong}"', table
        prefix = chance.choice(["tbl_", "dim_", "t_", f"{source}_"])
        yield "table prefixed", f'SELECT * FROM "{prefix}{table}"', table
    names = list(tables)
    for one in names:
        other = chance.choice(names)
        own = [c for c in tables[other] if c.lower() not in (x.lower() for x in tables[one])]
        if other != one and own:
            column = chance.choice(own)
            sql = f'SELECT a."{column.lower()}" FROM "{one}" AS a CROSS JOIN "{other}" AS b'
            yield "wrong alias", sql, f"b.{column}"


def slip(word, chance):
    place = chance.randrange(1, len(word) - 1)
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    kind = chance.randrange(4)
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2:]
    if kind == 1:
        return word[:place] + word[place + 1:]
    if kind == 2:
        return word[:place] + letter + word[place + 1:]
    return word[:place] + letter + word[place:]


def shortened(column):
    words = [word for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", column) if word]
    if len(words) > 1:
        return "_".join(word[:4] for word in words)
    return column[:4] if len(column) > 6 else None


def named(hint):
    """The names that a hint proposes, without quotes; a table also without its source."""
    found = re.search(r"did you mean ([^?]*)\?", hint)
    names = [name.strip().replace('"', "").lower() for name in found.group(1).split(",")] if found else []
    return set(names) | {name.rsplit(".", 1)[-1] for name in names if name.count(".") == 2}


if __name__ == "__main__":
    main()
