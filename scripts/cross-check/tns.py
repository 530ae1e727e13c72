"""Drives the Oracle double with python-oracledb (thin): tns.py HOST PORT SERVICE USER PASSWORD.

The double is the one of `cargo run -p celosia-connector-testkit --example double tns`. Exits 1 where a
check differs. Needs `pip install oracledb`.
"""

import datetime
import decimal
import sys
import time

import oracledb

host, port, service, user, password = sys.argv[1:6]
DSN = f"{host}:{port}/{service}"
failed = []


def check(name, found, expected):
    if found != expected:
        failed.append(name)
        print(f"{name}: {found!r} instead of {expected!r}")
    else:
        print(f"{name}: ok")


def error(name, work, number):
    try:
        work()
        check(name, "no error", number)
    except oracledb.Error as caught:
        check(name, number if number in str(caught) else str(caught), number)


def numbers_as_decimals(cursor, metadata):
    if metadata.type_code is oracledb.DB_TYPE_NUMBER:
        return cursor.var(decimal.Decimal, arraysize=cursor.arraysize)


connection = oracledb.connect(user=user, password=password, dsn=DSN)
connection.outputtypehandler = numbers_as_decimals
modern = int(connection.version.split(".")[0]) >= 23
connection.module, connection.action = "cross-check", "python"
connection.client_identifier = "nobody"
connection.ping()
cursor = connection.cursor()
check("select 1", cursor.execute("select 1 from dual").fetchall()[0], (1,))

cursor.execute("select * from types")
row, nulls = cursor.fetchall()
D = decimal.Decimal
dt = datetime.datetime
check(
    "types",
    row,
    (
        D("12345678901234567890.5"),
        D("-99999999999999999999999999999999999999"),
        D("-1234.5"),
        "zażółć 東京 😀",
        "zażółć 東京 😀",
        "ab   ",
        dt(2024, 1, 2, 3, 4, 5),
        dt(2024, 1, 2, 3, 4, 5, 678901),
        dt(2024, 1, 2, 3, 4, 5, 500000),
        dt(2024, 1, 2, 3, 4, 5, 500000),
        -datetime.timedelta(days=1, hours=2, minutes=3, seconds=4.5),
        oracledb.IntervalYM(-1, -2),
        -2.5,
        1.5e300,
        b"\0\xff\x10",
        "AAAR3sAAEAAAACXAAA",
        "AAAR3sAAEAAAACXAAA",
        "a long text",
    ),
)
check("nulls", set(nulls), {None})
kinds = [column.type_code.name for column in cursor.description]
check("described", kinds[:5], ["DB_TYPE_NUMBER"] * 3 + ["DB_TYPE_VARCHAR", "DB_TYPE_NVARCHAR"])
check("sizes", [c.display_size for c in cursor.description[3:6]], [50, 50, 5])

long = ("ż😀" * 30000, "small", b"\0\xff" * 30000)
cursor.execute("select * from lobs")
row, nulls = cursor.fetchall()
check("locators", tuple(lob.read() for lob in row), long)
check("pieces", row[0].read(2, 5), long[0].encode("utf-16-be")[2:12].decode("utf-16-be", "replace"))
check("null locators", nulls, (None, None, None))
oracledb.defaults.fetch_lobs = False
check("values of LOBs", connection.cursor().execute("select * from lobs").fetchone(), long)
oracledb.defaults.fetch_lobs = True

if modern:
    row, nulls = connection.cursor().execute("select * from modern").fetchall()
    check("boolean", (row[0], nulls[0]), (True, None))
    check("json", (row[1], nulls[1]), ({"a": [1, 2.5, None, True], "b": "ż"}, None))
    check("vector", (list(row[2]), nulls[2]), ([1.5, -2.0], None))

values = [
    D("-0.00000000000000000000000000000000000001"),
    2**126,
    "zażółć 東京 😀",
    "x" * 20000,
    dt(1, 1, 1),
    b"\0\xff",
    -1.5,
    datetime.timedelta(days=-3, microseconds=7),
    None,
]
names = ", ".join(f":{n + 1}" for n in range(len(values)))
for _ in range(3):
    row = connection.cursor().execute(f"select {names} from dual", values).fetchone()
    check("binds", list(row), values)
lob = connection.createlob(oracledb.DB_TYPE_CLOB, "a text ż")
bound = connection.cursor().execute("select :1 from dual", [lob]).fetchone()[0].read()
check("a bound LOB", bound, "a text ż")
wide = "w" * 100000
bound = connection.cursor().execute("select :1 from dual", [wide]).fetchone()[0]
check("a long bind", bound if isinstance(bound, str) else bound.read(), wide)

for array, prefetch in [(50, 0), (100, 2), (1000, 1000), (20000, 20000)]:
    cursor = connection.cursor()
    cursor.arraysize, cursor.prefetchrows = array, prefetch
    found = [int(n) for n, _ in cursor.execute("select * from many")]
    check(f"many rows, {array} at a time", found == list(range(20000)), True)

error("an error", lambda: connection.cursor().execute("select 1/0 from dual"), "ORA-01476")
error("a missing table", lambda: connection.cursor().execute("select * from none"), "ORA-00942")
error("an error among rows", lambda: connection.cursor().execute("select * from broken").fetchall(), "ORA-01476")
check("usable after it", connection.cursor().execute("select 1 from dual").fetchone(), (1,))

done = connection.cursor()
done.executemany("insert into t values (:1, :2)", [(n, str(n)) for n in range(1000)])
check("a batch", done.rowcount, 1000)
connection.commit()
connection.rollback()
done.execute("begin p(:1, :2); end;", [1, "two"])
done.execute("begin p(:1, :2); end;", [3, "four"])

connection.call_timeout = 300
begun = time.time()
error("a timeout", lambda: connection.cursor().execute("select sleep(:1) from dual", [30]), "DPY-4024")
check("it was soon", time.time() - begun < 5, True)
connection.call_timeout = 0
check("usable after it", connection.cursor().execute("select 1 from dual").fetchone(), (1,))

error("a wrong password", lambda: oracledb.connect(user=user, password="no", dsn=DSN), "ORA-01017")
error(
    "an unknown service",
    lambda: oracledb.connect(user=user, password=password, dsn=f"{host}:{port}/nowhere"),
    "DPY-6001",
)
pool = oracledb.create_pool(user=user, password=password, dsn=DSN, min=2, max=4, increment=1)
for _ in range(10):
    with pool.acquire() as pooled:
        pooled.cursor().execute("select 1 from dual").fetchall()
pool.close()
connection.close()
sys.exit(1 if failed else 0)
