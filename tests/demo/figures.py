#!/usr/bin/env python3
"""Prints the figures of a run from what it left in OUT: calls a landed record
by kind, batch fill, refusals by the rate limit, memory.

    figures.py OUT

Calls of a kind are all that its records cost: bulk calls, pages of its views,
single reads and writes, looks at jobs. A deal's lines are counted apart. For
the figures of the snapshot alone run the demo with CHANGES=0: what changes in
the tail goes singly.
"""
import collections
import json
import pathlib
import re
import sys

# One call a record; what the path calls them, where that is not the type.
SINGLE = ["products", "tasks", "sales_activities", "appointments",
          "call_logs", "notes", "files"]
NAMES = {"cpq/products": "products", "phone_calls": "call_logs",
         "documents": "files", "document_links": "files"}


# Of a service, however many records there are.
PEAK_MIB = 64


def over(peaks):
    """Those of {service: KiB} that took more memory than they may."""
    return ["%s took %.1f MiB of memory, more than the %d MiB of a service" % (
        name, kib / 1024, PEAK_MIB) for name, kib in sorted(peaks.items())
            if (kib or 0) > PEAK_MIB << 10]


def lines(path):
    with open(path) as f:
        return [json.loads(x) for x in f if x.strip()]


def kind_of(call):
    """The kind a call is for, or None: set-up, survey, other."""
    path = re.sub(r"^.*/api", "", call["path"])
    m = re.match(r"/(sales_accounts|contacts|deals|tasks|cpq/products|"
                 r"sales_activities|appointments|phone_calls|notes|documents|"
                 r"document_links|custom_module/\w+)\b", path)
    if not m or "/filters" in path:
        return None
    below = re.match(r"/(?:sales_accounts|contacts|deals|leads)/\d+/(\w+)",
                     path)
    if below and below.group(1) in SINGLE:
        return below.group(1)
    if m.group(1) == "deals" and call["method"] == "PUT" and \
            "products" in (call.get("query") or ""):
        return "lines"
    return NAMES.get(m.group(1), m.group(1).rsplit("/", 1)[-1])


def main(out):
    out = pathlib.Path(out)
    journal = [x for x in lines(out / "freshsales" / "journal.ndjson")
               if x["method"] not in ("JOB", "ADMIN", "LATE")]
    jobs = lines(out / "freshsales" / "jobs.ndjson")
    books = [x for x in lines(out / "records.ndjson")
             if x["state"] == "landed"]
    landed = collections.Counter(
        x["type"] if x["object"] != "line_item" else "lines" for x in books)
    # The whole of a text that was too long is a note besides.
    landed.update(also["type"] for x in books for also in x.get("also") or [])
    calls = collections.Counter(kind_of(x) for x in journal)
    polls = sum("/job_statuses/" in x["path"] for x in journal)
    print("kind            landed   calls   calls a record")
    single = SINGLE + sorted(k for k in landed if (k or "").startswith("cm_"))
    for kind in ["sales_accounts", "contacts", "deals", "lines"] + single:
        if landed[kind]:
            print("%-14s %7d %7d   %.4f" % (
                kind, landed[kind], calls[kind], calls[kind] / landed[kind]))
    there = sum(landed[k] for k in single)
    # What landed and was removed again by approval took its calls, too.
    gone = sum(x["method"] == "DELETE" and 200 <= x["status"] < 300 and
               kind_of(x) in single for x in journal)
    asked = sum(calls[k] for k in single)
    # What the tail changes or removes is written to once more, and read first.
    wrote = sum(x["method"] != "GET" and 200 <= x["status"] < 300 and
                kind_of(x) in single for x in journal)
    print("single lanes: %d landed, %d of them removed since; %d calls, %.4f a "
          "record; %d writes, %.4f calls a write" % (
              there + gone, gone, asked, asked / max(1, there + gone), wrote,
              asked / max(1, wrote)))
    size = sum(j["size"] for j in jobs)
    print("bulk: %d calls, %d records, fill %.3f; looks at jobs %d" % (
        len(jobs), size, size / (100 * len(jobs)) if jobs else 0, polls))
    stats = json.loads((out / "freshsales" / "stats.json").read_text())
    print("refused with 429: %d of %d (%.4f)" % (
        stats["refused_429"], stats["calls"],
        stats["refused_429"] / stats["calls"]))
    timing = json.loads((out / "timing.json").read_text())
    for s in timing["services"]:
        print("%-11s %s  wall %7.1f s  cpu %6.2f s  peak %5.1f MiB" % (
            s["name"], s["instance"], s["wall_s"], s["cpu_s"],
            s["peak_rss_kib"] / 1024))
    print("phases: " + ", ".join("%s %.1f s" % (p["name"], p["wall_s"])
                                 for p in timing["phases"]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
