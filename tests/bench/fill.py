#!/usr/bin/env python3
"""How full the bulk calls are: accounts, contacts and deals in the simulated
Freshsales with several loaders. One JSON object on standard output.

    tests/bench/fill.py [--records 9000] [--loaders 3] [--build DIR]
"""
import argparse
import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "service"))
from test_loader import (  # noqa: E402
    DEFAULT_PARTS, World, company, contact, deal)
from bench import Bench, Failure, wait_until  # noqa: E402


class House:
    """What a World expects of a test case."""
    parts = DEFAULT_PARTS

    def __init__(self, bench):
        self.bench, self.kafka, self.redis = (bench, bench.broker(),
                                              bench.redis())

    def assertEqual(self, a, b, why):
        if a != b:
            raise Failure("%r, not %r: %s" % (a, b, why))


def measure(records, loaders):
    with Bench() as b:
        w = World(House(b))
        for i in range(loaders):
            w.loader(i)
        w.surveyed()
        n = {"account": records // 6, "contact": records * 4 // 6,
             "deal": records // 6}
        w.feed([company(i) for i in range(n["account"])] +
               [contact(i, [i % n["account"]])
                for i in range(n["contact"])] +
               [deal(i, i % n["account"], [i]) for i in range(n["deal"])])
        opened, kinds = [], {"account": "sales_accounts",
                             "contact": "contacts", "deal": "deals"}
        before = w.calls()
        for lane, count in n.items():
            opened.append(lane)
            w.control(opened)
            wait_until(lambda: "%s: %s" % (lane, w.sim.get("/sim/stats")),
                       lambda: w.sim.get("/sim/stats")["created"].get(
                           kinds[lane], 0) >= count, 300, 0.2)
        wait_until("all is settled", lambda: len(w.final()) >= sum(
            n.values()), 120, 1)
        stats, calls = w.sim.get("/sim/stats"), w.calls() - before
        w.stop()
        peak = max(p.figures()["peak_rss_kib"] for p in w.loaders.values())
    return {"records": sum(n.values()), "loaders": loaders,
            "bulk": stats["bulk"], "calls": calls,
            "calls_per_record": round(calls / sum(n.values()), 4),
            "peak_rss_mib": round(peak / 1024, 1),
            "calls_by": stats["calls_by"]}




def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--records", type=int, default=9000)
    p.add_argument("--loaders", type=int, default=3)
    p.add_argument("--build")
    a = p.parse_args()
    if a.build:
        os.environ["DR_BUILD"] = a.build
    print(json.dumps(measure(a.records, a.loaders), indent=1))


if __name__ == "__main__":
    main()
