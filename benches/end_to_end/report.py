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


def table(results):
    names = list(dict.fromkeys(name for one in results["rounds"] for name in one["servers"]))
    others = [name for name in names if not name.startswith(("Celosia", "direct (prepared)"))]
    head = ["", *names, "aim", *(f"{OURS} : {other}" for other in others)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for title, phase, kind, aim in ROWS:
        found = {name: best(results, name, phase, kind) for name in names}
        ours = plain(found.get(OURS), kind)
        ratios = []
        for other in others:
            theirs = plain(found[other], kind)
            ratios.append(f"{ours / theirs:.2f}x" if ours and theirs else "-")
        aimed = "-" if aim is None else number(aim)
        cells = [title, *(cell(found[name], kind) for name in names), aimed, *ratios]
        lines.append("| " + " | ".join(cells) + " |")
    compilers = max(one["compilers"] for one in results["rounds"])
    load = [p["foreign_percent"] for one in results["rounds"] for s in one["servers"].values() for p in s["phases"].values()]
    lines.append("")
    lines.append(
        f"Times in ms, p50 / p95; {len(results['rounds'])} round(s), the best of each; {results['machine']['cores']} cores; "
        f"others used {sum(load) // max(1, len(load))} % of the machine on average ({max(load, default=0)} % at most) before "
        f"the phases; compilers running at the start of a server's turn: {compilers} at most."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "../results.json")
    print(table(json.load(open(path))))
