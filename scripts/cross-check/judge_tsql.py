"""Judges the SQL Server statements of a test run by a T-SQL grammar.

    judge_tsql.py FILE      one JSON string a line

Statements of one shape (names, operators and repetitions aside) are judged once. Ends with the number
of shapes, and with status 1 where one was refused.
"""

import json
import re
import sys
import types

# The package's own __init__ asks for more packages than its grammar needs.
for folder in sys.path:
    package = types.ModuleType("antlr_tsql")
    package.__path__ = [folder + "/antlr_tsql"]
    sys.modules["antlr_tsql"] = package
    try:
        from antlr_tsql.antlr_py.tsqlLexer import tsqlLexer
        from antlr_tsql.antlr_py.tsqlParser import tsqlParser

        break
    except ImportError:
        continue
else:
    sys.exit("antlr-tsql is not installed")

from antlr4 import CommonTokenStream, InputStream
from antlr4.error.ErrorListener import ErrorListener

NAME = re.compile(r"\[(?:[^\]]|\]\])*\]")
PARAMETER = re.compile(r"@P\d+")
OPERATOR = re.compile(r" (?:<>|<=|>=|<|>) ")
# What stands beside itself, or in parentheses of its own, is judged as one.
FOLDS = [
    (re.compile(r"(\[x\])(?:, \[x\])+"), r"\1"),
    (re.compile(r"(@P1)(?:, @P1)+"), r"\1"),
    (re.compile(r"(\[x\] = @P1)(?: (?:AND|OR) \[x\] = @P1)+"), r"\1"),
    (re.compile(r"(?:NOT )?\((\[x\] = @P1)\)"), r"\1"),
]
# The longest statements are judged whole, too.
WHOLE = 20


def shape(sql):
    sql = OPERATOR.sub(" = ", PARAMETER.sub("@P1", NAME.sub("[x]", sql)))
    while True:
        folded = sql
        for pattern, one in FOLDS:
            folded = pattern.sub(one, folded)
        if folded == sql:
            return sql
        sql = folded


class Complaints(ErrorListener):
    def __init__(self):
        self.found = []

    def syntaxError(self, recognizer, symbol, line, column, message, error):
        self.found.append(f"{line}:{column} {message[:120]}")


def judge(sql):
    complaints = Complaints()
    lexer = tsqlLexer(InputStream(sql))
    parser = tsqlParser(CommonTokenStream(lexer))
    for part in (lexer, parser):
        part.removeErrorListeners()
        part.addErrorListener(complaints)
    parser.tsql_file()
    return complaints.found


def main():
    # A judge that accepts everything judges nothing.
    if not judge("SELECT a FROM t LIMIT 3") or judge("SELECT TOP (3) [a] FROM [dbo].[t]"):
        sys.exit("the judge does not know T-SQL")
    with open(sys.argv[1], encoding="utf-8") as lines:
        statements = sorted({json.loads(line) for line in lines}, key=len)
    # The grammar knows no ] in a name.
    whole = {NAME.sub("[x]", sql) for sql in statements[-WHOLE:] if len(sql) < 10_000}
    shapes = sorted({shape(sql) for sql in statements} | whole)
    refused = 0
    for sql in shapes:
        for complaint in judge(sql):
            refused += 1
            print(f"refused: {complaint}\n  {sql}")
            break
    print(f"T-SQL: {len(shapes)} shapes judged, {refused} refused")
    return 1 if refused or not shapes else 0


if __name__ == "__main__":
    sys.exit(main())
