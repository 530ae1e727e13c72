"""A PostgreSQL of its own that holds the rows of SQLite files, for comparing answers. Listens on a socket in a directory
of its own and ends with its block."""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time

MOST_ROWS = 901


class Cluster:
    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="celosia-pg-")
        self.data = os.path.join(self.home, "data")
        # PostgreSQL does not run as root.
        self.as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        if self.as_user:
            shutil.chown(self.home, "nobody", "nogroup")
        self.run([tool("initdb"), "-D", self.data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
        self.server = subprocess.Popen(
            [*self.as_user, tool("postgres"), "-D", self.data, "-k", self.home, "-h", "", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.home,
        )
        waited_until = time.monotonic() + 60
        while (answer := self.psql("postgres", "SELECT 1"))[0] is None:
            if self.server.poll() is not None or time.monotonic() > waited_until:
                self.__exit__()
                raise SystemExit(f"nl2sql: PostgreSQL does not start: {answer[1]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(timeout=60)
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, command):
        subprocess.run([*self.as_user, *command], check=True, stdout=subprocess.DEVNULL, cwd=self.home)

    def psql(self, database, sql):
        """Rows of texts and NULLs, or None with the error."""
        command = [tool("psql"), "-X", "-q", "-h", self.home, "-U", "bench", "-d", database, "-v", "ON_ERROR_STOP=1",
                   "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1d", "-f", "-"]
        done = subprocess.run(command, input=sql, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            return None, done.stderr.strip().splitlines()[0] if done.stderr.strip() else "an error"
        text = done.stdout[:-1] if done.stdout.endswith("\n") else done.stdout
        rows = [row.split("\x1f") for row in text.split("\x1e")] if text else []
        return [tuple(None if cell == "\x1d" else cell for cell in row) for row in rows], None

    def load(self, name, path):
        """A database with the tables of a SQLite file, of the types and keys that it declares."""
        self.psql("postgres", f'CREATE DATABASE "{name}"')
        source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        source.text_factory = lambda raw: raw.decode("utf-8", "replace")
        tables = source.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        script = []
        for (table,) in tables.fetchall():
            columns = source.execute(f'PRAGMA table_info("{table}")').fetchall()
            kinds = [kind(column[2]) for column in columns]
            rows = source.execute(f'SELECT * FROM "{table}"').fetchall()
            for index in range(len(columns)):
                if not all(fits(kinds[index], row[index]) for row in rows):
                    kinds[index] = "text"
            key = [column for column in sorted(columns, key=lambda c: c[5]) if column[5]]
            unique = len({tuple(row[c[0]] for c in key) for row in rows}) == len(rows)
            has_null = any(row[c[0]] is None for row in rows for c in key)
            parts = [f'"{column[1].lower()}" {kinds[column[0]]}' for column in columns]
            if key and unique and not has_null:
                parts.append("PRIMARY KEY (" + ", ".join(f'"{c[1].lower()}"' for c in key) + ")")
            script.append(f'CREATE TABLE "{table.lower()}" ({", ".join(parts)});')
            script.append(f'COPY "{table.lower()}" FROM STDIN;')
            script.extend("\t".join(map(copied, row)) for row in rows)
            script.append("\\.")
        loaded, error = self.psql(name, "\n".join(script) + "\n")
        if loaded is None:
            print(f"nl2sql: {name} is not loaded: {error}")

    def answer(self, name, sql):
        """The rows, or None with the error. Names in quotes are those of the tables in lower case."""
        return self.answers(name, [sql])[0]

    def answers(self, name, statements):
        """The same of several statements, in one session."""
        script = []
        for sql in statements:
            sql = re.sub(r'"(\w[^"]*)"', lambda m: '"' + m[1].lower() + '"', sql)
            script.append(f"{sql}\n;\n\\echo '\x1c':SQLSTATE '\x1f':LAST_ERROR_MESSAGE'\x1b'")
        command = [tool("psql"), "-X", "-q", "-h", self.home, "-U", "bench", "-d", name,
                   "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1d", "-f", "-"]
        done = subprocess.run(command, input="\n".join(script), capture_output=True, text=True, errors="replace")
        answers = []
        for part in done.stdout.split("\x1b\n")[:-1]:
            text, _, end = part.rpartition("\x1c")
            state, _, error = end.partition(" \x1f")
            if state != "00000":
                answers.append((None, error))
                continue
            text = text[:-1] if text.endswith("\n") else text
            rows = [row.split("\x1f") for row in text.split("\x1e")] if text else []
            answers.append(([tuple(None if cell == "\x1d" else cell for cell in row) for row in rows], None))
        return answers

    def runs(self, sqlglot, name, sql):
        from sql import runs_of
        return runs_of(sqlglot, sql, "postgres", lambda text: self.answer(name, text)[0])

    def has_ties(self, sqlglot, name, sql):
        """Whether a limit cuts through rows that its order does not tell apart."""
        from sql import broken
        try:
            forth, back = (self.answer(name, broken(sqlglot, sql, down, "postgres"))[0] for down in (False, True))
        except Exception:  # what sqlglot cannot read is measured as it is
            return False
        return forth is not None and back is not None and sorted(forth, key=repr) != sorted(back, key=repr)


def tool(name):
    for version in range(20, 11, -1):
        path = f"/usr/lib/postgresql/{version}/bin/{name}"
        if os.path.exists(path):
            return path
    if found := shutil.which(name):
        return found
    raise SystemExit(f"nl2sql: no {name}")


def kind(declared):
    """The type of a column, as the SQLite connector has it."""
    upper = declared.upper()
    if upper.startswith("BOOL"):
        return "boolean"
    if upper == "DATE":
        return "date"
    if upper.startswith(("DATETIME", "TIMESTAMP")):
        return "timestamp"
    if re.fullmatch(r"(DECIMAL|NUMERIC)\(\d+(,\s*\d+)?\)", upper):
        return upper.lower()
    if "INT" in upper:
        return "bigint"
    if any(word in upper for word in ("REAL", "FLOA", "DOUB")):
        return "double precision"
    return "text"


def fits(kind_of_it, value):
    if value is None or kind_of_it == "text":
        return True
    if kind_of_it == "boolean":
        return value in (0, 1)
    if kind_of_it == "bigint":
        return isinstance(value, int)
    if kind_of_it in ("date", "timestamp"):
        return isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value) is not None
    return isinstance(value, (int, float))


def copied(value):
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = str(value).replace("\x00", "")
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
