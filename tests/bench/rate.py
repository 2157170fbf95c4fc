#!/usr/bin/env python3
"""How much of the target's budget the loaders use: real Redis and Kafka, the
simulated Freshsales with its limits on and its clock scaled, tasks of one call
each for more than three windows. A table on standard output.

    tests/bench/rate.py [--windows fixed,rolling] [--loaders 1,4] [--scale 60]
        [--plan 1000] [--budget-windows 3.3] [--neighbour 100] [--build DIR]
    tests/bench/rate.py --lift    the limits go and come back in mid-run

E is T*/T: T* is what a client would need that knows the policy, sends in no
time and takes each call at the first moment that both windows allow
(performance reference 1.2), counted from the simulator's journal and from the
phase of the window that the run began in. With a neighbour, T* leaves it its
reserve.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT, Failure, call, ndjson, wait_until  # noqa: E402

HOUR, MINUTE, MINUTE_LIMIT = 3600000, 60000, 400
PARTS = 6
USER, TASK_TYPE = 31000000001, 31000000033
START = "2026-03-02T09:20:36Z"  # 20.6 minutes into an hour
NEIGHBOUR = "neighbour=1"


class Window:
    """One window of the server, as a perfect client knows it."""

    def __init__(self, kind, length, limit):
        self.kind, self.length, self.limit = kind, length, limit
        self.calls = collections.deque()
        self.first, self.tat = None, 0.0

    def free_at(self, t):
        """The first moment from t on that has room."""
        if self.kind == "leaky":
            step = self.length / self.limit
            return max(t, self.tat - (self.limit - 1) * step)
        if self.kind == "rolling":
            if len(self.calls) < self.limit:
                return t
            return max(t, self.calls[-self.limit] + self.length)
        end = self.end(t)
        if end is None or len(self.calls) < self.limit:
            return t
        return end

    def end(self, t):
        """Fixed kinds: where the window of t ends; None: it holds nothing."""
        if self.kind == "first_call":
            over = self.first is None or t >= self.first + self.length
            if over:
                self.calls.clear()
            return None if over else self.first + self.length
        slot = t // self.length
        if self.first != slot:
            self.calls.clear()
            self.first = slot
        return (slot + 1) * self.length

    def take(self, t):
        if self.kind == "leaky":
            self.tat = max(self.tat, t) + self.length / self.limit
            return
        if self.kind != "rolling" and self.end(t) is None:
            self.first = t
        self.calls.append(t)
        while len(self.calls) > self.limit and self.kind == "rolling":
            self.calls.popleft()


def perfect(kind, hour_limit, minute_limit, before, start, count):
    """When the last of `count` calls is out, the first one at `start`."""
    windows = [Window(kind, HOUR, hour_limit),
               Window(kind, MINUTE, minute_limit)]
    for t in before:
        for w in windows:
            w.take(t)
    t = start
    for _ in range(count):
        while True:
            at = max(w.free_at(t) for w in windows)
            if at <= t:
                break
            t = at
        for w in windows:
            w.take(t)
    return t


def task(i):
    return {"load": {
        "lane": "activity", "object": "task", "id": str(i), "rev": 1,
        "pass": 1, "type": "tasks", "how": "single", "refs": [], "fields": {
            "title": "Task %d" % i, "description": "call back\nMARKER",
            "due_date": "2026-01-01T09:00:00Z", "status": i % 2,
            "owner_id": USER, "task_type_id": TASK_TYPE}}}


class Neighbour(threading.Thread):
    """Somebody else with the account: its reserve, evenly or in one go."""

    def __init__(self, sim, an_hour, hour_s, burst):
        super().__init__(daemon=True)
        self.sim, self.burst = sim, burst
        self.pause = hour_s / an_hour * burst
        self.calls = self.refused = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(self.pause):
            for _ in range(self.burst):
                self.calls += 1
                self.refused += self.ask() == 429

    def ask(self):
        import http.client
        conn = http.client.HTTPConnection("127.0.0.1", self.sim.api,
                                          timeout=30)
        try:
            conn.request("GET", "/crm/sales/api/selector/owners?" + NEIGHBOUR,
                         headers={"Authorization": "Token token=" +
                                  self.sim.key})
            answer = conn.getresponse()
            answer.read()
            return answer.status
        finally:
            conn.close()


class Run:
    def __init__(self, house, options, kind, loaders, reserve):
        self.house, self.o, self.kind = house, options, kind
        self.loaders, self.reserve = loaders, reserve
        Run.count = getattr(Run, "count", 0) + 1
        self.name = "rate%d" % Run.count
        self.limit, self.third, self.turns = options.plan, 0, []
        self.tasks = int((options.plan - reserve) * options.budget_windows)

    def tool(self, verb, data=None):
        return subprocess.run(
            [str(self.house.b.bin("dr-feed")), self.house.kafka.brokers,
             self.name, str(PARTS), verb], input=data, check=True,
            timeout=300, stdout=subprocess.PIPE).stdout

    def start(self):
        b, o = self.house.b, self.o
        tenant = b.folder / "tenant.json"
        tenant.write_text(json.dumps(json.loads(
            (ROOT / "tests" / "data" / "tenant.json").read_text())))
        self.tool("feed", "".join(
            json.dumps(task(i)) + "\n" for i in range(self.tasks)).encode())
        self.tool("feed", json.dumps({"control": {
            "phase": "run", "pass": 1, "lanes": ["activity"],
            "seq": 1}}).encode())
        self.sim = b.freshsales(
            tenant, "--clock-scale", str(o.scale), "--start-at", START,
            "--knob", "rate_plan=%d" % self.limit,
            "--knob", "rate_window=%s" % self.kind)
        conf = {
            "migration": self.name, "kafka.brokers": self.house.kafka.brokers,
            "kafka.partitions": PARTS,
            "target.url": "http://127.0.0.1:%d/crm/sales/api" % self.sim.api,
            "target.key_file": b.secret(self.name + ".key", self.sim.key),
            "redis.address": self.house.redis.address,
            "rate.hour_limit": self.limit, "rate.minute_limit": MINUTE_LIMIT,
            "rate.hour_ms": HOUR // o.scale,
            "rate.minute_ms": MINUTE // o.scale,
            "rate.reserve": self.reserve, "loader.quarantine_ms": 5000}
        self.services = [b.service("loader", "%s-%d" % (self.name, i), conf)
                         for i in range(self.loaders)]

    def alive(self):
        for p in self.services:
            if not p.alive():
                raise Failure("%s died: %s" % (p.name, p.tail()))

    def go(self):
        self.start()
        other = None
        if self.reserve:
            other = Neighbour(self.sim, self.reserve,
                              HOUR / 1000 / self.o.scale, 10)
            other.start()

        def landed():
            self.alive()
            n = self.sim.get("/sim/stats")["created"].get("tasks", 0)
            self.lift(n)
            return n >= self.tasks
        hours = self.o.budget_windows + 2
        wait_until(lambda: "%s: %s" % (self.name, self.sim.get("/sim/stats")),
                   landed, hours * HOUR / 1000 / self.o.scale + 120, 0.2)
        if other:
            other.over.set()
            other.join(30)
        row = self.judge(other)
        for p in self.services:
            p.stop()
        self.sim.stop()
        return row

    def lift(self, n):
        """The limits are lifted after a third, back after two thirds."""
        if not self.o.lift:
            return
        third = min(3 * n // self.tasks, 2)
        if third != self.third:
            self.third = third
            self.sim.post("/sim/knobs", {
                "rate_plan": "lifted" if third == 1 else str(self.limit)})
            self.turns.append(len(ndjson(self.sim.admin, "/sim/journal")))

    def lifted(self):
        """Calls a minute of each third, and 429s after it began."""
        journal = ndjson(self.sim.admin, "/sim/journal")
        at = [0] + self.turns + [len(journal)]
        row = {"window": self.kind, "loaders": self.loaders}
        for i, name in enumerate(("before", "lifted", "after")):
            part = journal[at[i]:at[i + 1]]
            took = (part[-1]["at_ms"] - part[0]["at_ms"]) / MINUTE
            row[name] = "%d in %.0f min" % (len(part), took)
            row["429 " + name] = sum(j["status"] == 429 for j in part)
        return row

    def judge(self, other):
        if self.o.lift:
            return self.lifted()
        journal = ndjson(self.sim.admin, "/sim/journal")
        if self.o.journal:
            pathlib.Path(self.o.journal).write_text("".join(
                json.dumps(j) + "\n" for j in journal))
        ours = [j for j in journal if NEIGHBOUR not in j["query"]]
        posts = [j for j in ours if j["method"] == "POST" and
                 j["path"].endswith("/tasks")]
        first, last = posts[0], posts[-1]
        spent = [j for j in ours if j["status"] != 429]
        before = [j["at_ms"] for j in spent if j["seq"] < first["seq"]]
        job = [j for j in spent if first["seq"] <= j["seq"] <= last["seq"]]
        refused = sum(j["status"] == 429 for j in ours)
        best = perfect(self.kind, self.limit - self.reserve,
                       MINUTE_LIMIT, before, first["at_ms"], len(job))
        need, took = best - first["at_ms"], last["at_ms"] - first["at_ms"]
        return {"window": self.kind, "loaders": self.loaders,
                "calls": len(job), "windows": round(
                    len(job) / (self.limit - self.reserve), 2),
                "T*_min": round(need / MINUTE, 1),
                "T_min": round(took / MINUTE, 1),
                "E": round(need / took, 4), "429": refused,
                "429_share": round(refused / len(ours), 5),
                "burst": self.sim.get("/sim/stats")["largest_429_burst"],
                "neighbour": "%d/%d" % (other.refused, other.calls)
                if other else "-"}


class House:
    def __init__(self, bench):
        self.b, self.kafka = bench, bench.broker()
        self.redis = bench.redis()


def show(rows):
    heads = list(rows[0])
    table = [heads] + [[str(r[h]) for h in heads] for r in rows]
    wide = [max(len(r[i]) for r in table) for i in range(len(heads))]
    for r in table:
        print("  ".join(c.rjust(n) for c, n in zip(r, wide)), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--windows", default="fixed,rolling")
    p.add_argument("--loaders", default="1,4")
    p.add_argument("--scale", type=int, default=60)
    p.add_argument("--plan", type=int, default=1000)
    p.add_argument("--budget-windows", type=float, default=3.3)
    p.add_argument("--neighbour", type=int, default=0,
                   help="calls an hour that are left to somebody else")
    p.add_argument("--lift", action="store_true")
    p.add_argument("--journal", help="file for the simulator's journal")
    p.add_argument("--build")
    p.add_argument("--keep")
    o = p.parse_args()
    rows = []
    for kind in o.windows.split(","):
        for n in o.loaders.split(","):
            with Bench(o.build, folder=pathlib.Path(o.keep)
                       if o.keep else None) as b:
                rows.append(Run(House(b), o, kind, int(n),
                                o.neighbour).go())
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    show(rows)


if __name__ == "__main__":
    main()
