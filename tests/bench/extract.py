#!/usr/bin/env python3
"""What one snapshot costs: the extractor reads a source folder through the
simulator into a real broker. One JSON object on standard output.

    tests/bench/extract.py [SOURCE] [--build DIR]
"""
import argparse
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "service"))
from extractor_world import (  # noqa: E402
    Bench, DEFAULT_PARTS, House, SOURCE, World)


def by_call(stats):
    """Calls by what they read, the type of object left out."""
    out = {}
    for key, n in stats["calls_by"].items():
        method, path = key.split(" ")
        part = path.split("/")[2:]
        if part[0] in ("objects", "associations", "schema"):
            part = [part[0]] + [p for p in part[1:] if p in (
                "index", "batch", "changes", "properties")]
        name = "%s %s" % (method, "/".join(part))
        out[name] = out.get(name, 0) + n
    return dict(sorted(out.items()))


def measure(source, build):
    house = House(Bench(build), DEFAULT_PARTS)
    with Bench(build) as b:
        w = World(house, b, source)
        begun = time.monotonic()
        w.start_only()
        w.snapshot_done(600)
        wall = time.monotonic() - begun
        status, stats = w.status(), w.sim.get("/sim/stats")
        w.ex.stop()
        figures = w.ex.figures()
        w.sim.stop()
    house.close()
    read = sum(o["read"] for o in status["objects"].values())
    return {"source": str(source), "records": read,
            "wall_s": round(wall, 2), "cpu_s": figures["cpu_s"],
            "cpu_us_per_record": round(figures["cpu_s"] * 1e6 / read, 1),
            "peak_rss_mib": round(figures["peak_rss_kib"] / 1024, 1),
            "calls": stats["calls"], "calls_by": by_call(stats),
            "simulator_cpu_s": w.sim.figures()["cpu_s"]}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("source", nargs="?", default=SOURCE, type=pathlib.Path)
    p.add_argument("--build")
    a = p.parse_args()
    print(json.dumps(measure(a.source, a.build), indent=1))


if __name__ == "__main__":
    main()
