#!/usr/bin/env python3
"""The table of a run: python3 report.py [benches/results.json]"""

import json
import os
import platform
import sys

# row: (phase or value, kind, aim)
ROWS = [
    ("select 1", "select 1", "ms", None),
    ("key look-up", "key look-up", "ms", 0.35),
    ("look-up with row filter and masks", "governed look-up", "ms", None),
    ("1,000 rows x 9", "1,000 rows", "ms", 7),
    ("10,000 rows x 9", "10,000 rows", "ms", 66),
    ("look-ups/s, 1 client", "key look-up at 1", "/s", None),
    ("look-ups/s, 8 clients", "key look-up at 8", "/s", 5000),
    ("look-ups/s, 32 clients", "key look-up at 32", "/s", None),
    ("start to tools/list, ms", "start_ms", "value", 150),
    ("resident idle, MiB", "idle_mib", "value", 60),
    ("resident after load, MiB", "loaded_mib", "value", None),
    ("tools/list, bytes (chars/4)", "tools_bytes", "size", None),
]
OURS, DIRECT = "Celosia HTTP", "direct (simple)"


def machine():
    models = {line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")}
    return {"cores": os.cpu_count(), "processor": ", ".join(sorted(models)), "system": platform.platform()}


def best(results, server, phase, kind):
    """The best round: what others do on the machine only ever adds."""
    rounds = [one["servers"][server] for one in results["rounds"] if server in one["servers"]]
    if kind in ("value", "size"):
        values = [one[phase] for one in rounds if phase in one]
        return min(values) if values else None
    answers = [one["phases"][phase] for one in rounds if phase in one["phases"]]
    if not answers:
        return None
    return max(answers, key=lambda a: a["per_second"]) if kind == "/s" else min(answers, key=lambda a: a["p50_ms"])


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def cell(found, kind):
    if found is None:
        return "-"
    if kind == "ms":
        return f"{number(found['p50_ms'])} / {number(found['p95_ms'])}"
    if kind == "/s":
        return number(found["per_second"])
    return f"{found:,} ({found // 4:,})" if kind == "size" else number(found)


def plain(found, kind):
    if found is None:
        return None
    return found["p50_ms"] if kind == "ms" else found["per_second"] if kind == "/s" else found


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def table(results):
    """What was measured, then Celosia over HTTP against each of the others."""
    names = list(dict.fromkeys(name for one in results["rounds"] for name in one["servers"]))
    others = [name for name in names if not name.startswith(("Celosia", "direct (prepared)"))]
    measured, ratios = [], []
    for title, phase, kind, aim in ROWS:
        found = {name: best(results, name, phase, kind) for name in names}
        aimed = "-" if aim is None else f"{aim:,}"
        measured.append([title, *(cell(found[name], kind) for name in names), aimed])
        ours = plain(found.get(OURS), kind)
        against = [plain(found[other], kind) for other in others]
        ratios.append([title, *(f"{ours / theirs:.2f}" if ours and theirs else "-" for theirs in against)])
    servers = [server for one in results["rounds"] for server in one["servers"].values()]
    load = [phase["foreign_percent"] for server in servers for phase in server["phases"].values()]
    machine = results["machine"]
    note = (
        f"Times in ms, p50 / p95. {len(results['rounds'])} round(s), the best of each. {machine['cores']} cores "
        f"({machine['processor']}). Others used {sum(load) // max(1, len(load))} % of the machine on average before the "
        f"phases ({max(load, default=0)} % at most); database, servers and clients ran at niceness {results['niceness']}."
    )
    head = ["", *(f"{OURS} / {other}" for other in others)]
    return "\n\n".join([markdown(["", *names, "aim"], measured), markdown(head, ratios), note])


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../results.json")
    print(table(json.load(open(path))))
