#!/usr/bin/env python3
"""The extractor against the simulated FastTrack and a real broker: what lies
in Kafka at the end is what the CRM holds, whatever happened on the way."""
import hashlib
import json
import os
import pathlib
import shutil
import unittest

from extractor_world import (
    Bench, CARRIED, Case, DEFAULT_PARTS, SOURCE, wait_until)


def altered(bench, path, change):
    """The data set with one file changed, its manifest made to fit."""
    folder = bench.folder / "altered"
    shutil.copytree(SOURCE, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    data = change((folder / path).read_bytes())
    (folder / path).write_bytes(data)
    for f in manifest["files"]:
        if f["path"] == path:
            f.update(bytes=len(data), rows=data.count(b"\n"),
                     sha256=hashlib.sha256(data).hexdigest())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def hostile_ids(data):
    """Two more companies whose ids are no ids: NUL inside, and too long."""
    record = json.loads(data.splitlines()[0])
    for bad in ("co_9\0x", "co_9" * 40):
        data += json.dumps(dict(record, id=bad)).encode() + b"\n"
    return data


class Extractor(Case):
    parts = DEFAULT_PARTS

    def test_snapshot_and_tail(self):
        with Bench() as b:
            w = self.world(bench=b)
            w.start()
            w.snapshot_done()
            self.assert_is_truth(w)
            self.assert_markers_count(w, w.kinds + ["line_item", "event"])
            rejected = [r for r in w.dump("rejected")]
            self.assertEqual([r["id"] for r in rejected], ["ct_bad"])
            w.play_changes()
            w.drained()
            self.assert_is_truth(w)
            self.assert_nothing_twice(w)
            lines = w.newest("line_item")
            self.assertEqual(lines["de_901"]["parts"], ["li_901"])
            self.assertEqual(
                [a["to"] for a in w.newest("contact")["ct_901"]
                 ["associations"]], ["co_001"])
            self.assertEqual(w.ex.stop(), 0)

    def test_line_items_of_a_missing_deal_come_alone(self):
        with Bench() as b:
            w = self.world(bench=b)
            w.start()
            w.snapshot_done()
            truth = {r["id"]: r["properties"]["deal_id"]
                     for r in w.sim.records("line_item")}
            got = {}
            for r in w.newest("line_item").values():
                for part in r["parts"]:
                    self.assertNotIn(part, got)
                    got[part] = r["id"]
            self.assertEqual(set(got), set(truth))
            alone = [p for p, d in got.items() if p == d]
            self.assertEqual([truth[p] for p in alone], ["de_999"])

    def test_kill_9_again_and_again(self):
        with Bench() as b:
            w = self.world(bench=b)
            for at in (1, 3, 6, 10, 20):
                before = w.sim.get("/sim/stats")["calls"]
                p = w.b.service("extractor", "0", w.conf)
                wait_until("it is at work", lambda: not p.alive() or w.sim.get(
                    "/sim/stats")["calls"] >= before + 20 + at, 60, 0.001)
                p.kill()
            w.start()
            w.snapshot_done()
            w.play_changes()
            w.drained()
            w.ex.kill()
            w.start()
            w.drained()
            self.assert_is_truth(w)
            self.assert_lines(w)
            self.assert_nothing_twice(w)

    def test_ends_are_paged_inside_a_row(self):
        """Every association and every line, however few an answer holds."""
        kinds = ("contact", "deal", "task", "line_item")
        seen = []
        for knobs in ((), ("--knob", "ends_per_answer=1")):
            with Bench() as b:
                w = self.world(bench=b, knobs=knobs)
                w.start()
                w.snapshot_done()
                seen.append({kind: w.newest(kind) for kind in kinds})
        whole, paged = seen
        for kind in kinds:
            self.assertEqual(set(paged[kind]), set(whole[kind]))
            for rid, r in whole[kind].items():
                for what in ("associations", "parts"):
                    self.assertEqual(paged[kind][rid][what], r[what],
                                     (kind, rid))
        self.assertTrue(any(len(r["parts"]) > 1
                            for r in whole["line_item"].values()))

    def alone_in_rejected(self, poison, kind, lost):
        """One id breaks every batch that names it: that one is rejected with
        a reason, all others are there as they are."""
        with Bench() as b:
            w = self.world(bench=b, knobs=["--knob", "batch_poison=" + poison])
            w.start()
            w.snapshot_done()
            rejected = {(r["object"], r["id"]): r for r in w.dump("rejected")}
            self.assertEqual(set(rejected), {("contact", "ct_bad"),
                                             (kind, poison)} | lost)
            for r in rejected.values():
                self.assertTrue(r["reason"])
            for kind in CARRIED:
                got = set(w.newest(kind))
                want = {r["id"] for r in w.sim.records(kind)}
                self.assertEqual(got, want - {poison}, kind)
            self.assert_is_truth_but(w, poison)

    def assert_is_truth_but(self, w, poison):
        for kind in CARRIED:
            newest = w.newest(kind)
            for record in w.sim.records(kind):
                if record["id"] != poison:
                    self.assertEqual(
                        json.loads(newest[record["id"]]["body"]), record)

    def test_a_contact_that_breaks_batches_stays_alone(self):
        self.alone_in_rejected("ct_007", "contact", set())

    def test_a_deal_whose_ends_break_stays_alone(self):
        self.alone_in_rejected("de_003", "deal", {("line_item", "de_003")})

    def test_a_refusal_in_mid_run_is_no_success(self):
        """A scope taken away must not look like records that are not there."""
        for path in ("^/v1/objects/company", "batch/read$", "/index$",
                     "^/v1/associations/"):
            with self.subTest(path), Bench() as b:
                w = self.world(bench=b)
                w.sim.post("/sim/faults", [
                    {"name": "403", "match": {"path": path}, "after": 1,
                     "times": -1, "action": {"status": 403}}])
                p = w.start_only()
                wait_until("it ends", lambda: not p.alive(), 60)
                self.assertEqual(p.code, 1)
                self.assertIn("403", p.tail(1))
                self.assertIn("scopes", p.tail(1))
                w.sim.post("/sim/faults", [])
                w.start()
                w.snapshot_done()
                self.assert_is_truth(w)
                self.assert_nothing_twice(w)

    def test_a_cursor_that_expires(self):
        """A list goes on by the index, another one begins anew; nothing comes
        twice and nothing is lost."""
        w = self.world(knobs=["--knob", "page_rows=10"])
        w.sim.post("/sim/faults", [
            {"name": "list", "match": {"path": "^/v1/objects/company$"},
             "after": 1, "times": 1, "action": {"status": 410}},
            {"name": "index", "match": {"path": "/contact/index$"},
             "after": 1, "times": 1, "action": {"status": 410}},
            {"name": "changes", "match": {"path": "/contact/changes$"},
             "after": 1, "times": 1, "action": {"status": 410}}])
        w.read_whole()
        w.sim.post("/sim/changes", {"action": "all"})
        people = w.sim.records("contact")[:25]
        for r in people:
            w.edit("contact", dict(r, owner_id="o_2"))
        w.fast()
        w.drained()
        self.assertLessEqual({"list", "index"}, {
            r["fault"] for r in w.journal() if r["fault"]})
        self.assert_is_truth(w)
        self.assert_nothing_twice(w)

    def test_hostile_ids_are_rejected_one_by_one(self):
        with Bench() as b:
            source = altered(b, "objects/company-0001.ndjson", hostile_ids)
            w = self.world(source, bench=b)
            w.start()
            w.snapshot_done()
            got = [r for r in w.dump("rejected") if r["object"] == "company"]
            self.assertEqual(len(got), 2, got)
            for r in got:
                self.assertIn("id", r["reason"])
            self.assertEqual(len(w.newest("company")), 24)

    def test_a_wrong_token_is_one_clear_line(self):
        with Bench() as b:
            w = self.world(bench=b)
            w.conf["source.token_file"] = b.secret("wrong", "no-such-token")
            p = b.service("extractor", "0", w.conf)
            wait_until("it ends", lambda: not p.alive(), 30)
            self.assertEqual(p.code, 1)
            self.assertIn("source.token_file", p.tail(1))

    def test_another_partition_count_is_refused(self):
        with Bench() as b:
            w = self.world(bench=b)
            w.start()
            w.ex.stop()
            w.conf["kafka.partitions"] = 4
            p = b.service("extractor", "0", w.conf)
            wait_until("it ends", lambda: not p.alive(), 60)
            self.assertEqual(p.code, 65)
            self.assertIn("kafka.partitions", p.tail(1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
