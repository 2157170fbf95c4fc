#!/usr/bin/env python3
"""What happens to the records of the source while they are read, met by the
real extractor beside a real broker: late visibility, equal stamps, poison, every
kind of edit. The topics hold in the end what FastTrack holds."""
import json
import sys
import unittest

from extractor_world import Bench, Case, MERGE, ROOT, SOURCE, UPSERT

sys.path.insert(0, str(ROOT / "tests" / "support"))
from source_folder import SourceFolder  # noqa: E402


class Records(Case):
    def folder(self, bench=None):
        if not bench:
            bench = Bench()
            self.addCleanup(bench.close)
        return bench, SourceFolder(SOURCE, bench.folder / "source")

    # ---- time ----

    def test_late_visibility_in_snapshot_and_tail(self):
        """Each change is seen up to L later, out of order; edits go on while
        the snapshot reads."""
        b, f = self.folder()
        f.changes(self.much_happens(f, 150))
        w = self.world(f.done(), ["--knob", "visibility_lag_ms=120000",
                                  "--knob", "visibility_lag=random"], b)
        # Slow enough for many windows within the lag: 2 s of ours in the
        # snapshot, 0.2 s in the tail.
        w.sim.post("/sim/changes", {"action": "start", "scale": 60})
        w.read_whole()
        w.play_changes(600)
        w.fast()
        w.drained()
        self.assert_all(w)

    def much_happens(self, f, seconds):
        """Changes of every kind, close together."""
        contacts, deals = f.records("contact"), f.records("deal")
        lines, out = f.records("line_item"), []
        end = {"from_type": "contact", "to_type": "company", "type_id": 3,
               "label": "Also", "category": "user", "primary": False}
        for s in range(seconds):
            at = {"at_s": s * 10}
            c = contacts[s % len(contacts)]
            c["version"] += 1
            c["properties"]["city"] = "City %d" % s
            out.append(dict(at, op="upsert", type="contact", id=c["id"],
                            record=json.loads(json.dumps(c))))
            out.append(dict(at, op="assoc_add", **dict(
                end, from_id=c["id"], to_id="co_%03d" % (s % 20 + 1))))
            if s % 3 == 0:
                out.append(dict(at, op="assoc_remove", **dict(
                    end, from_id=c["id"], to_id="co_%03d" % (s % 20 + 1))))
            if s % 7 == 0:
                d = deals.pop()
                out.append(dict(at, op="delete", type="deal", id=d["id"]))
            if s % 5 == 0:
                line = lines[s % len(lines)]
                line["version"] += 1
                line["properties"]["deal_id"] = "de_00%d" % (s % 4 + 1)
                out.append(dict(at, op="upsert", type="line_item",
                                id=line["id"],
                                record=json.loads(json.dumps(line))))
        return out

    def test_bodies_of_megabytes(self):
        """A page that is too large to be taken whole."""
        b, f = self.folder()
        people = f.records("contact")
        for r in people[:4]:
            r["properties"]["job_title"] = "x" * (4 << 20)
        f.put("contact", people)
        notes = f.records("note")
        for r in notes:  # pages of 200 would hold 60 MB
            r["properties"]["body"] = "\u20ac" * 100000
        f.put("note", [dict(r, id="%s_%d" % (r["id"], n)) for r in notes
                       for n in range(30)])
        tasks = f.records("task")
        tasks[3]["properties"]["body"] = "x" * 5400000
        f.put("task", tasks)
        w = self.world(f.done(), bench=b)
        w.read_whole()
        self.assert_all(w)
        self.assertEqual(set(self.rejected(w)), {("contact", "ct_bad")})
        self.assertLessEqual(w.peak_kib(), 64 << 10)

    def test_a_record_beyond_a_message_is_rejected(self):
        """Nothing that a message cannot hold ends the run."""
        b, f = self.folder()
        tasks = f.records("task")
        tasks[3]["properties"]["body"] = "x" * (9 << 20)
        f.put("task", tasks)
        people = f.records("contact")
        people[7]["properties"]["job_title"] = "x" * (8 << 20)
        f.put("contact", people)
        lines = f.records("line_item")  # each fits, the set of its deal not
        for r in lines:
            if r["properties"]["deal_id"] == "de_003":
                r["properties"]["name"] = "x" * (5 << 20)
        f.put("line_item", lines)
        w = self.world(f.done(), bench=b)
        w.read_whole()
        large = {(r["object"], r["id"]) for r in w.dump("rejected")
                 if r["class"] == "too_large"}
        self.assertEqual(large, {("task", tasks[3]["id"]),
                                 ("contact", people[7]["id"]),
                                 ("line_item", "de_003")})
        self.assertNotIn(tasks[3]["id"], w.newest("task"))
        self.assertEqual(len(w.newest("task")), len(tasks) - 1)

    def test_more_equal_stamps_than_a_page_holds(self):
        """15,000 rows of one second, pages of 200: all there, read once."""
        b, f = self.folder()
        one = f.records("contact")[0]
        people = [dict(one, id="x_%05d" % n) for n in range(15000)]
        f.put("contact", f.records("contact") + people)
        f.changes([{"at_s": 300, "op": "upsert", "type": "contact",
                    "id": r["id"], "record": dict(r, version=99)}
                   for r in people])
        w = self.world(f.done(), bench=b)
        w.read_whole()
        before = len(w.journal())
        w.sim.post("/sim/changes", {"action": "all"})
        w.fast()
        w.drained()
        calls = [r for r in w.journal()[before:]
                 if r["path"] == "/v1/objects/contact/changes" and
                 r["bytes_out"] > 200]
        self.assertEqual(len(calls), 75)
        self.assert_all(w, ["company", "contact"])

    # ---- poison ----

    def poisoned(self, form):
        b, f = self.folder()
        one = f.records("contact")[0]
        people = f.records("contact") + [
            dict(one, id="x_%03d" % n) for n in range(450)]
        people += [dict(one, id="!first"), dict(one, id="~last")]
        order = sorted((r["id"] for r in people), key=str.encode)
        bad = {order[0], order[199], order[200], order[225], order[-1]}
        self.assertLessEqual({"!first", "~last"}, bad)
        f.put("contact", people)
        f.poison("contact", bad, form)
        f.put("task", f.records("task")[:1])  # alone
        f.poison("task", ["ta_001"], form)
        f.poison("deal", ["de_001"], form)
        f.poison("line_item", ["li_003_1"], form)
        w = self.world(f.done(), bench=b)
        w.read_whole()
        w.play_changes()
        w.drained()
        self.assert_all(w)
        bad |= {"ct_bad"}
        self.assertEqual(
            {(r["object"], r["part"] or r["id"]) for r in w.dump("rejected")},
            {("contact", rid) for rid in bad} |
            {("task", "ta_001"), ("deal", "de_001"),
             ("line_item", "li_003_1")})
        self.assertEqual(w.newest("task").get("ta_001"), None)
        return w

    def test_poison_that_is_named(self):
        w = self.poisoned("with_id")
        # Mended in FastTrack, it comes by itself.
        one = w.sim.records("contact")[0]
        w.edit("contact", dict(one, id="~last"))
        w.drained()
        self.assertEqual(w.newest("contact")["~last"]["op"], UPSERT)
        self.assert_all(w)

    def test_poison_that_is_not_named(self):
        self.poisoned("without_id")

    # ---- what people do ----

    def test_a_set_tells_the_currency_of_its_deal(self):
        w = self.world()
        w.read_whole()
        w.fast()

        def told(deal):
            return json.loads(w.newest("line_item")[deal]["body"])
        self.assertEqual(told("de_007"), {"deal": {"currency": "EUR"}})
        self.assertEqual(told("de_021"), {"deal": {"currency": "USD"}})
        deal = next(r for r in w.sim.records("deal") if r["id"] == "de_021")
        deal["properties"]["currency"] = "EUR"
        w.edit("deal", deal)  # none of its lines is changed
        w.drained()
        self.assertEqual(told("de_021"), {"deal": {"currency": "EUR"}})
        self.assert_all(w)

    def test_a_currency_that_is_hidden_is_not_known(self):
        """The set of a deal says nothing then, or what it said before: null
        would be that the deal has none, and its lines would leave it."""
        b, f = self.folder()
        deals = {r["id"]: r for r in f.records("deal")}

        def hide(deal):
            deal["properties"]["currency"] = None
            deal["redacted"] = ["currency"]
        hide(deals["de_007"])
        f.put("deal", deals.values())
        w = self.world(f.done(), bench=b)
        w.read_whole()
        w.fast()
        sets = w.newest("line_item")
        self.assertFalse(sets["de_007"]["body"])
        self.assertEqual(json.loads(sets["de_021"]["body"]),
                         {"deal": {"currency": "USD"}})
        hide(deals["de_021"])
        w.edit("deal", dict(deals["de_021"], version=99))
        line = next(r for r in w.sim.records("line_item")
                    if r["properties"]["deal_id"] == "de_021")
        line["properties"]["name"] = "Another name"
        w.edit("line_item", line)  # so that the set is sent again
        w.drained()
        newest = w.newest("line_item")["de_021"]
        self.assertGreater(newest["rev"], sets["de_021"]["rev"])
        self.assertEqual(json.loads(newest["body"]),
                         {"deal": {"currency": "USD"}})
        self.assert_all(w)

    def test_every_kind_of_edit_in_the_tail(self):
        w = self.world()
        w.read_whole()
        w.fast()
        one = w.sim.records("contact")[0]
        line = w.sim.records("line_item")[0]
        w.edit("contact", {"op": "merge", "merged_into": "ct_002"}, "ct_003")
        w.edit("note", {"op": "merge", "merged_into":
                        w.sim.records("note")[1]["id"]},
               w.sim.records("note")[0]["id"])
        for kind, rid in (("contact", "ct_004"), ("company", "co_004"),
                          ("deal", "de_004"), ("product", "pr_04"),
                          ("task", "ta_004"), ("line_item", line["id"])):
            w.delete(kind, rid)
        w.edit("deal", {"op": "archive"}, "de_005")
        w.edit("company", {"op": "archive"}, "co_005")
        w.edit("company", {"op": "restore"}, "co_005")
        w.edit("contact", dict(one, id="ct_again"))
        w.delete("contact", "ct_again")  # before anybody saw it
        w.edit("contact", dict(one, id="ct_twin"))
        w.edit("contact", dict(one, id="ct_twin", owner_id="o_2"))
        w.drained()
        self.assert_all(w)
        contacts = w.newest("contact")
        self.assertEqual(contacts["ct_003"]["op"], MERGE)
        self.assertEqual(json.loads(contacts["ct_twin"]["body"])["owner_id"],
                         "o_2")
        archived = json.loads(w.newest("deal")["de_005"]["body"])
        self.assertTrue(archived["archived"] and archived["archived_at"])
        w.edit("deal", {"op": "restore"}, "de_005")
        w.edit("line_item", line)  # comes back
        w.drained()
        self.assert_all(w)
        self.assertFalse(json.loads(w.newest("deal")["de_005"]["body"])
                         ["archived"])

    def test_a_line_without_a_deal_is_held_once(self):
        """It comes alone; edited, moved, deleted, or its deal named again by
        a change that the tail reads once more, it never counts twice."""
        b, f = self.folder()
        lines = f.records("line_item")
        alone = [dict(lines[0], id="x_%d" % n, properties=dict(
            lines[0]["properties"], deal_id="de_none")) for n in range(4)]
        f.put("line_item", lines + alone)
        w = self.world(f.done(), bench=b)
        w.read_whole()
        self.assertEqual(w.newest("line_item")["x_0"]["parts"], ["x_0"])
        w.fast()
        w.delete("line_item", "x_0")
        w.drained()
        self.assertNotEqual(w.newest("line_item")["x_0"]["op"], UPSERT)
        self.assert_all(w)
        w.edit("line_item", dict(alone[1], properties=dict(
            alone[1]["properties"], deal_id="de_001")))
        w.drained()
        self.assert_all(w)
        w.ex.stop()
        w.start()
        w.edit("line_item", alone[2])
        w.drained()
        self.assert_all(w)

    def test_edits_of_every_object_of_the_schema(self):
        """Created, changed, archived, deleted, and their ends alone: no object
        is left out, activities and custom ones neither."""
        w = self.world()
        w.read_whole()
        w.fast()
        others = [k for k in w.kinds if k not in ("contact", "company")]
        for kind in others:
            rows = w.sim.records(kind)
            w.edit(kind, dict(rows[0], id="new_" + kind))
            w.edit(kind, dict(rows[0], owner_id="o_2"))
            w.edit(kind, {"op": "archive"}, rows[1]["id"])
            w.delete(kind, rows[2]["id"])
        w.drained()
        self.assert_all(w)
        before = {k: w.newest(k) for k in others}
        edited = []
        for kind in others:
            rid = w.sim.records(kind)[0]["id"]
            for to in w.pairs.get(kind, []):
                w.edit("associations", {
                    "op": "assoc_add", "from_type": kind, "to_type": to,
                    "from_id": rid, "to_id": w.sim.records(to)[-1]["id"],
                    "type_id": 77, "label": "Also", "category": "user",
                    "primary": False})
                edited.append((kind, rid))
        w.drained()
        self.assert_all(w)
        self.assertTrue(edited)
        for kind, rid in edited:
            was, now = before[kind][rid], w.newest(kind)[rid]
            self.assertEqual(now["version"], was["version"])
            self.assertGreater(now["rev"], was["rev"])

    def test_an_attachment_follows_what_its_note_hangs_on(self):
        w = self.world()
        w.read_whole()
        w.fast()
        on = next(r for r in w.sim.records("attachment")
                  if any(p["type"] == "note"
                         for p in r["properties"]["parents"]))
        note = next(p["id"] for p in on["properties"]["parents"]
                    if p["type"] == "note")
        w.edit("associations", {
            "op": "assoc_add", "from_type": "note", "to_type": "deal",
            "from_id": note, "to_id": "de_020", "type_id": 77,
            "label": "Also", "category": "user", "primary": False})
        w.drained()
        ends = w.newest("attachment")[on["id"]]["associations"]
        self.assertIn(("attachment_deal", "de_020", "via:note:" + note),
                      [(e["pair"], e["to"], e["category"]) for e in ends])
        self.assertIn(("attachment_note", note, "parent"),
                      [(e["pair"], e["to"], e["category"]) for e in ends])
        self.assert_all(w)

    def test_events_that_arrive_in_the_tail(self):
        w = self.world(knobs=["--knob", "page_rows=4"])
        w.read_whole()
        w.fast()
        had = {r["id"] for r in w.records("event")}
        for n in range(10):
            w.edit("event", {
                "id": "ev_new_%d" % n, "notification_type": "CUSTOM",
                "type": "order_placed", "contact_id": "ct_001",
                "origin": "store", "occurred_at": "2031-01-01T00:00:00Z",
                "schema_version": 1, "data": {"n": str(n)}})
        w.drained()
        got = w.records("event")
        self.assertEqual({r["id"] for r in got},
                         had | {"ev_new_%d" % n for n in range(10)})
        self.assertEqual(len(got), len(had) + 10)  # none twice
        w.ex.stop()
        w.start()
        w.drained()
        self.assertEqual(len(w.records("event")), len(had) + 10)

    def test_a_clock_that_steps_back(self):
        """No stamp is trusted: what is dated back by it the sweep finds."""
        w = self.world()
        w.read_whole()
        w.fast()
        w.drained()
        w.sim.post("/sim/clock", {"advance_ms": -600000, "scale": 1})
        people = w.sim.records("contact")
        w.edit("contact", dict(people[0], owner_id="o_2"))
        w.fast()
        self.assertEqual(w.freeze()["phase"], "frozen")
        self.assert_all(w)

    def test_lag_of_each_object_is_told(self):
        w = self.world()
        w.read_whole()
        w.fast()
        w.drained()
        w.sim.post("/sim/clock", {"scale": 1})
        w.until("it is near", lambda: max(
            o["lag_s"] for o in w.status()["objects"].values()) <= 130)
        for o in w.status()["objects"].values():
            self.assertEqual(o["lag_records"], 0)

    def test_edits_of_associations_alone(self):
        w = self.world()
        w.read_whole()
        w.fast()
        before = {k: w.newest(k) for k in ("contact", "deal", "task")}
        end = {"op": "assoc_add", "label": "Also", "category": "user",
               "primary": False}
        for a, b, x, y, t in (("contact", "company", "ct_010", "co_009", 3),
                              ("deal", "contact", "de_010", "ct_011", 7),
                              ("task", "deal", "ta_010", "de_011", 9)):
            w.edit("associations", dict(
                end, from_type=a, to_type=b, from_id=x, to_id=y, type_id=t))
        gone = w.newest("deal")["de_012"]["associations"][0]
        w.edit("associations", {
            "op": "assoc_remove", "from_type": "deal",
            "to_type": gone["pair"][5:], "from_id": "de_012",
            "to_id": gone["to"], "type_id": int(gone["type_id"])})
        w.drained()
        self.assert_all(w)
        for kind, rid in (("contact", "ct_010"), ("deal", "de_010"),
                          ("task", "ta_010"), ("deal", "de_012")):
            was, now = before[kind][rid], w.newest(kind)[rid]
            self.assertEqual(now["version"], was["version"])
            self.assertGreater(now["rev"], was["rev"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
