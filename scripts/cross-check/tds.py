"""python-tds against a TDS server: a login over TLS, types, parameters, an error, many packets.

    tds.py HOST PORT USER PASSWORD DATABASE [CA_FILE]

The double is the one of `cargo run -p celosia-connector-testkit --example double tds`; the statements are
plain T-SQL that any SQL Server answers. Needs `pip install python-tds pyOpenSSL`. Prints one line and exits 0, or fails with what
was different.
"""

import datetime
import decimal
import sys
import uuid

import pytds

HOST, PORT, USER, PASSWORD, DATABASE, *CA = sys.argv[1:]

TYPES = [
    ("CAST(1 AS bit)", True),
    ("CAST(255 AS tinyint)", 255),
    ("CAST(-32768 AS smallint)", -32768),
    ("CAST(-2147483648 AS int)", -(2**31)),
    ("CAST(9223372036854775807 AS bigint)", 2**63 - 1),
    ("CAST(-1234567890.0123456789 AS decimal(38,10))", decimal.Decimal("-1234567890.0123456789")),
    ("CAST(-12.3456 AS money)", decimal.Decimal("-12.3456")),
    ("CAST(1.5 AS real)", 1.5),
    ("CAST(-2.25 AS float)", -2.25),
    ("CAST('2024-02-29' AS date)", datetime.date(2024, 2, 29)),
    ("CAST('23:59:59.123456' AS time(6))", datetime.time(23, 59, 59, 123456)),
    ("CAST('2024-01-02 03:04:05.123456' AS datetime2(6))", datetime.datetime(2024, 1, 2, 3, 4, 5, 123456)),
    ("CAST('2024-01-02 03:04:00' AS smalldatetime)", datetime.datetime(2024, 1, 2, 3, 4)),
    ("CAST('2024-01-02 03:04:05.500' AS datetime)", datetime.datetime(2024, 1, 2, 3, 4, 5, 500000)),
    ("CAST('ab' AS char(5))", "ab   "),
    ("CAST('ab' AS varchar(20))", "ab"),
    ("CAST(N'\u017b\u00f3\u0142\u0107' AS nvarchar(50))", "Żółć"),
    ("CAST(N'\u017b' AS nvarchar(max))", "Ż"),
    ("CAST(0x0102ff AS varbinary(10))", b"\x01\x02\xff"),
    ("CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)", uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")),
    ("CAST(NULL AS int)", None),
    ("CAST(NULL AS nvarchar(max))", None),
    ("CAST(NULL AS datetime2(7))", None),
]


def same(what, got, wanted):
    if got != wanted or type(got) is not type(wanted):
        raise SystemExit(f"{what}: got {got!r}, wanted {wanted!r}")


def one(cursor, sql, parameters=()):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def connect(password=PASSWORD):
    tls = {"cafile": CA[0], "validate_host": False} if CA else {}
    return pytds.connect(
        dsn=HOST, port=int(PORT), user=USER, password=password, database=DATABASE, timeout=20, login_timeout=20, **tls
    )


def main():
    with connect() as connection, connection.cursor() as cursor:
        same("one row", one(cursor, "SELECT 1 AS n"), [(1,)])
        columns = ", ".join(f"{sql} AS c{at}" for at, (sql, _) in enumerate(TYPES))
        (row,) = one(cursor, f"SELECT {columns}")
        for (sql, wanted), got in zip(TYPES, row, strict=True):
            same(sql, got, wanted)
        given = (7, "Żółć", None, decimal.Decimal("12.345"), datetime.date(2024, 2, 29), pytds.Binary(b"\x01\x02"))
        marks = ", ".join(f"%s AS c{at}" for at in range(len(given)))
        wanted = tuple(bytes(value) if isinstance(value, bytes) else value for value in given)
        same("parameters", one(cursor, f"SELECT {marks}", given), [wanted])
        try:
            one(cursor, "SELECT * FROM no_such_table")
            raise SystemExit("a table that is not there gave rows")
        except pytds.Error as error:
            same("number of the error", error.number, 208)
        wide = one(cursor, "SELECT REPLICATE(CAST(N'ab' AS nvarchar(max)), 50000) AS wide")
        same("a long text", wide, [("ab" * 50000,)])
        connection.rollback()
    try:
        connect("not the password").close()
        raise SystemExit("a wrong password was taken")
    except pytds.Error as error:
        same("number of the error", error.number, 18456)
    print("python-tds ok")


main()
