#!/usr/bin/env python3
"""Files: from the topic into the target, each once and byte for byte, or
refused; what is damaged never arrives."""
import collections
import hashlib
import os
import pathlib
import random
import re
import unittest

from test_loader import (  # first: it finds the support folder
    World, company, contact, deal, record, ref)
from bench import Bench, ndjson, wait_until

LIMIT = 157286400  # 150 MB


def attachment(i, name, on=("Contact", "contact", "contact:0"), rev=1, pas=1,
               miss="reject", **blob):
    return record("file", "attachment", i, "files", "single",
                  {"file_name": name, "is_shared": False},
                  [ref("targetable:" + on[0], on[1], on[2], miss)], rev, pas,
                  blob=dict({"of": str(i)}, **blob))


def document_link(i, name, on=("Contact", "contact", "contact:0")):
    return record("file", "attachment", i, "document_links", "single",
                  {"url": "https://files.example/%d" % i, "name": name,
                   "is_shared": False},
                  [ref("targetable:" + on[0], on[1], on[2], "reject")])


class FilesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = Bench()
        cls.kafka, cls.redis = cls.bench.broker(), cls.bench.redis()

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def world(self, *args, **conf):
        w = World(self, *args, **conf)
        self.random = random.Random(7)
        w.loader()
        w.run_lanes({"account": [company(0)], "contact": [contact(0, [0])],
                     "deal": [deal(0, 0)]})
        self.lanes = ["account", "contact", "deal", "file"]
        return w

    def path(self, data):
        path = self.bench.folder / ("file-%d" % self.random.getrandbits(60))
        path.write_bytes(data)
        return str(path)

    def feed(self, w, files, records):
        """files: {id: bytes}, in the same run as their records."""
        w.feed([{"file": {"id": str(i), "path": self.path(data)}}
                for i, data in files.items()] + records)

    def classes(self, w, records, timeout=60):
        final = w.until_final(records, timeout)
        self.assertEqual(w.unsettled(), [])
        return {k[1].split(":")[1]: f["class"] if f["state"] == "refused"
                else "" for k, f in final.items() if k[0] == "file"}

    @staticmethod
    def held(w):
        """[(name, SHA-256)] of what the target holds."""
        return sorted((r["name"], r["sha256"])
                      for r in ndjson(w.sim.admin, "/sim/files"))

    @staticmethod
    def as_held(pairs):
        return sorted((n, hashlib.sha256(d).hexdigest()) for n, d in pairs)

    def test_bytes_arrive_as_they_were(self):
        w = self.world()
        sizes = [0, 1, 524287, 524288, 524289, 1700000]
        files = {i: self.random.randbytes(n) for i, n in enumerate(sizes)}
        names = ["empty.txt", "Überblick \"2\".pdf", "a;b=c.doc",
                 "x\r\nContent-Type: text/html\r\n\r\n.txt", "../../x", "日本.png"]
        landed = ["empty.txt", "Überblick \"2\".pdf", "a;b=c.doc",
                  "xContent-Type: text/html.txt", "../../x", "日本.png"]
        data = [attachment(i, n, [
            ("Deal", "deal", "deal:0"), ("Contact", "contact", "contact:0"),
            ("SalesAccount", "account", "company:0")][i % 3])
            for i, n in enumerate(names)]
        before = w.calls()
        self.feed(w, files, data)
        w.control(self.lanes)
        self.assertEqual(set(self.classes(w, data).values()), {""})
        self.assertEqual(w.calls() - before, len(data))
        self.assertEqual(self.held(w), self.as_held(
            zip(landed, files.values())))
        parents = collections.Counter(
            r["parent_type"] for r in ndjson(w.sim.admin, "/sim/files"))
        self.assertEqual(set(parents.values()), {2})
        w.stop()

    def test_damaged_ones_never_arrive(self):
        w = self.world()
        files = {i: self.random.randbytes(700000) for i in range(6)}
        data = [attachment(0, "whole"), attachment(1, "hash", other_hash=True),
                attachment(2, "short", more_bytes=10),
                attachment(3, "long", more_bytes=-10),
                attachment(4, "none", state=4),
                attachment(5, "gone", more_chunks=1000, more_bytes=7)]
        self.feed(w, files, data)
        w.control(self.lanes)
        classes = self.classes(w, data, 90)
        self.assertEqual(classes, dict(
            {str(i): "file_damaged" for i in range(1, 6)}, **{"0": ""}))
        self.assertEqual(self.held(w), self.as_held([("whole", files[0])]))
        w.stop()

    def test_lost_answers_are_looked_for(self):
        """Among them two of one name and size; each lands once."""
        w = self.world()
        files = {i: self.random.randbytes(5000) for i in range(8)}
        data = [attachment(i, "image001.png" if i < 4 else "%d.png" % i)
                for i in range(8)]
        self.feed(w, {0: files[0]}, data[:1])
        w.control(self.lanes)
        self.classes(w, data[:1])
        w.faults(*[{"name": n, "after": 1, "times": 1, "action": a, "match": {
            "method": "POST", "path": "/documents$"}} for n, a in (
            ("after", {"close": "after"}), ("before", {"close": "before"}),
            ("mid", {"close": "mid"}), ("503", {"status": 503}))])
        rest = {i: d for i, d in files.items() if i > 0}
        self.feed(w, rest, data[1:])
        self.assertEqual(set(self.classes(w, data).values()), {""})
        self.assertEqual(self.held(w), self.as_held(
            ("image001.png" if i < 4 else "%d.png" % i, d)
            for i, d in files.items()))
        dsts = [f["dst"] for f in w.facts() if f["lane"] == "file" and
                f["state"] == "done"]
        self.assertEqual(len(set(dsts)), 8)
        w.stop()

    def test_alike_ones_are_not_taken_for_each_other(self):
        """One name, one size, one parent, other bytes. Half of the answers
        are lost, before or after the effect."""
        w = self.world()
        files = {i: self.random.randbytes(5000) for i in range(8)}
        data = [attachment(i, "logo.png") for i in range(8)]
        w.faults(*[{"name": "%s %d" % (n, k), "after": 2 * k + m, "times": 1,
                    "action": {"close": n}, "match": {
                        "method": "POST", "path": "/documents$"}}
                   for m, n in enumerate(("after", "before"))
                   for k in range(2)])
        self.feed(w, files, data)
        w.control(self.lanes)
        self.assertEqual(set(self.classes(w, data, 90).values()), {""})
        self.assertEqual(self.held(w), self.as_held(
            ("logo.png", d) for d in files.values()))
        w.stop()

    def test_killed_at_every_point(self):
        w = self.world()
        w.stop()
        w.loaders.clear()
        at, want = 0, []
        for point in ("after_intent", "after_send", "after_answer",
                      "after_done", "after_apply"):
            with self.subTest(point):
                files = {at + i: self.random.randbytes(600000 + i)
                         for i in range(5)}
                data = [attachment(i, "f%d" % i) for i in files]
                want += [("f%d" % i, d) for i, d in files.items()]
                at += 5
                self.feed(w, files, data)
                w.control(self.lanes)
                for turn in (1, 3):
                    p = w.loader(ready=False, DROVER_CRASH="%s:%d" % (
                        point, turn))
                    wait_until("%s ends" % p.name, lambda p=p:
                               not p.alive() or set(
                                   ("file", "attachment:%s" %
                                    r["load"]["id"]) for r in data) <=
                               set(w.final()), 40)
                w.loader()
                self.assertEqual(set(self.classes(w, data).values()), {""})
                self.assertEqual(self.held(w), self.as_held(want))
                w.stop()
                w.loaders.clear()

    def test_refused_ones_are_not_repeated(self):
        w = self.world(knobs=("file_limit=100000", "storage_bytes=100000"))
        files = {0: b"x" * 100001, 1: b"x" * 60000}
        files.update({i: b"y" * 60000 for i in range(2, 9)})
        data = [attachment(i, "f%d" % i) for i in files]
        self.feed(w, {i: files[i] for i in (0, 1)}, data[:2])
        w.control(self.lanes)
        first = self.classes(w, data[:2])
        self.assertEqual(first, {"0": "too_large", "1": ""})
        before = w.calls()
        self.feed(w, {i: files[i] for i in range(2, 9)}, data[2:])
        wait_until("the lane is halted", lambda: any(
            "loader.lane_halted" in p.tail(200)
            for p in w.loaders.values()), 30)
        # Its log comes before the broker has the fact.
        wait_until("the fact that halted it", lambda: [
            f["class"] for f in w.final().values()].count("storage_full") == 1,
            30)
        # Three in a row say it; a second one was under way.
        self.assertIn(w.calls() - before, (3, 4))
        self.assertEqual(len(self.held(w)), 1)
        # Room again: the rest goes on, what was refused waits for a person.
        w.sim.post("/sim/knobs", {"storage_bytes": 10000000})
        w.control(self.lanes)
        classes = self.classes(w, data)
        self.assertEqual(sum(1 for c in classes.values() if c == ""),
                         len(self.held(w)))
        self.assertIn(len(self.held(w)), (4, 5))
        w.stop()

    def test_a_parent_that_was_set_aside_is_not_waited_for(self):
        """In the tail: what the plan rejected, and what the target refused.
        One of which nothing is known is waited for, and what was told of
        another pass, or of a part only, tells nothing."""
        w = self.world(**{"loader.parent_wait_ms": 30000})  # files: 120 s
        bad = contact(80, [0])
        bad["load"]["fields"]["lifecycle_stage_id"] = 1
        w.feed([bad])
        self.assertEqual(w.until_final([bad])["contact", "contact:80"][
            "state"], "refused")

        def aside(i, **more):
            return {"rejected": dict({"object": "contact", "id": str(i),
                                      "stage": "transform", "pass": 1},
                                     **more)}
        w.feed([aside(70), aside(71, **{"pass": 7}), aside(72, part="x"),
                aside(73, partial=True), aside(74, stage="load")])
        on = [70, 71, 72, 73, 74, 75, 80]
        files = [attachment(i, "f%d" % i, ("Contact", "contact",
                                           "contact:%d" % i)) for i in on]
        for f in files:
            f["load"]["tail"] = True
        self.feed(w, {i: b"x%d" % i for i in on}, files)
        w.control(self.lanes)
        self.assertEqual(self.classes(w, [files[0], files[-1]], 40), {
            "70": "parent_missing", "80": "parent_missing"})
        self.assertEqual(self.held(w), [])
        w.feed([contact(i, [0]) for i in range(71, 76)])
        self.assertEqual(set(self.classes(w, files[1:-1], 40).values()),
                         {"", "parent_missing"})
        self.assertEqual(self.held(w), self.as_held(
            ("f%d" % i, b"x%d" % i) for i in range(71, 76)))
        w.stop()

    def test_larger_than_any(self):
        """It is refused without a call."""
        w = self.world()
        before = w.calls()
        data = [attachment(0, "big", more_bytes=LIMIT)]
        self.feed(w, {0: b"x"}, data)
        w.control(self.lanes)
        self.assertEqual(self.classes(w, data), {"0": "too_large"})
        self.assertEqual(w.calls(), before)
        w.stop()

    def test_links_instead(self):
        w = self.world()
        data = [document_link(i, "big %d" % i) for i in range(6)]
        w.faults(*[{"name": n, "after": 1, "times": 1, "action": a, "match": {
            "method": "POST", "path": "/document_links$"}} for n, a in (
            ("after", {"close": "after"}), ("before", {"close": "before"}))])
        w.feed(data)
        w.control(self.lanes)
        self.assertEqual(set(self.classes(w, data).values()), {""})
        have = collections.Counter(
            (r["name"], r["url"]) for r in w.records("document_links"))
        self.assertEqual(have, {("big %d" % i, "https://files.example/%d" % i):
                                1 for i in range(6)})
        w.stop()

    def test_the_largest_in_little_memory(self):
        w = self.world()
        data = self.random.randbytes(1 << 20) * 150
        self.assertEqual(len(data), LIMIT)
        one = [attachment(0, "largest.bin")]
        self.feed(w, {0: data}, one)
        w.control(self.lanes)
        self.assertEqual(self.classes(w, one, 120), {"0": ""})
        self.assertEqual(self.held(w), self.as_held([("largest.bin", data)]))
        pid = w.loaders[0].pid
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(
            "/proc/%d/status" % pid).read_text())[1])
        self.assertLessEqual(peak, 64 * 1024)
        w.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
