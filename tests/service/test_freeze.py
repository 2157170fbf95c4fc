#!/usr/bin/env python3
"""The freeze: the extractor drains, sweeps the source's index, and finds what
the tail cannot see because the source breaks its word (contract 3.2, 3.5)."""
import sys
import unittest

from extractor_world import (Bench, Case, DELETE, HIDDEN, ROOT, SOURCE,
                             UPSERT, wait_until)

sys.path.insert(0, str(ROOT / "tests" / "support"))
from source_folder import SourceFolder  # noqa: E402

AGES_S = 10 ** 9  # later than any test lasts


class Freeze(Case):
    def tail(self, source=SOURCE, bench=None):
        w = self.world(source, bench=bench)
        w.read_whole()
        w.fast()
        return w

    def assert_frozen(self, w, misses):
        status = w.freeze()
        self.assertEqual((status["phase"], status["halted"]), ("frozen", ""))
        self.assertEqual(status["tail_misses"], misses)
        self.assert_is_truth(w)
        self.assert_lines(w)
        self.assert_nothing_twice(w)

    def record(self, w, kind, rid):
        return next(r for r in w.sim.records(kind) if r["id"] == rid)

    def test_a_source_that_keeps_its_word_has_no_misses(self):
        w = self.tail()
        w.edit("contact", dict(self.record(w, "contact", "ct_001"),
                               owner_id="o_2"))
        w.delete("deal", "de_002")
        w.edit("line_item", w.sim.records("line_item")[0])
        self.assert_frozen(w, 0)

    def test_nothing_is_behind_a_freeze(self):
        """However long ago it was: what the source does later is of no
        concern. Nor after the cut-over, to an extractor that begins anew."""
        def lags(status):
            return {k: (o["lag_s"], o["lag_records"])
                    for k, o in status["objects"].items()}

        w = self.tail()
        w.drained()
        w.until("it is behind by the settled horizon", lambda: all(
            lag >= 300 for lag, _ in lags(w.status()).values()))
        for restart in (False, True):
            if restart:
                w.ex.stop()
                w.feed({"phase": "cutover", "seq": 2, "lanes": []})
                w.start()
                w.until("it is frozen again", lambda: w.status()[
                    "phase"] == "frozen")
            else:
                self.assertEqual(w.freeze()["phase"], "frozen")
            seen = len(w.statuses())
            w.until("it told more", lambda: len(w.statuses()) > seen + 1)
            status = w.status()
            self.assertEqual(status["lag_s"], 0)
            self.assertEqual(set(lags(status).values()), {(0, 0)})

    def test_a_change_that_never_becomes_visible(self):
        w = self.tail()
        for rid in ("ct_001", "ct_new"):
            w.edit("contact", {"op": "upsert", "visible_after_s": AGES_S,
                               "record": dict(self.record(
                                   w, "contact", "ct_001"), id=rid,
                                   owner_id="o_2")}, rid)
        w.edit("contact", {"op": "delete", "visible_after_s": AGES_S},
               "ct_005")
        self.assert_frozen(w, 2)
        self.assertEqual(w.newest("contact")["ct_005"]["op"], DELETE)

    def test_a_stamp_that_is_dated_back(self):
        w = self.tail()
        w.drained()
        w.edit("company", {"op": "upsert", "updated_at_offset_s": -9000000,
                           "record": dict(self.record(w, "company", "co_003"),
                                          owner_id="o_2")}, "co_003")
        self.assert_frozen(w, 1)

    def test_a_record_that_vanishes_without_a_tombstone(self):
        w = self.tail()
        for kind, rid in (("contact", "ct_006"), ("deal", "de_006"),
                          ("task", "ta_006")):
            w.edit(kind, {"op": "purge"}, rid)
        self.assert_frozen(w, 0)

    def test_lines_are_swept_too(self):
        w = self.tail()
        w.drained()
        lines = w.sim.records("line_item")
        alone = next(r for r in lines
                     if r["properties"]["deal_id"] == "de_999")
        w.edit("line_item", {
            "op": "upsert", "updated_at_offset_s": -9000000,
            "record": dict(lines[0], owner_id="o_9")}, lines[0]["id"])
        w.edit("line_item", {"op": "upsert", "visible_after_s": AGES_S,
                             "record": dict(lines[5], id="li_new")}, "li_new")
        w.edit("line_item", {"op": "delete", "visible_after_s": AGES_S},
               lines[9]["id"])
        w.edit("line_item", {"op": "delete", "visible_after_s": AGES_S},
               alone["id"])
        status = w.freeze()
        self.assertEqual(status["phase"], "frozen")
        self.assert_lines(w)
        self.assert_nothing_twice(w, ["line_item"])
        bodies = {p["id"]: p["version"] for r in
                  w.newest("line_item").values() for p in r["part_versions"]}
        self.assertEqual(bodies, {r["id"]: r["version"] for r in
                                  w.sim.records("line_item")})
        self.assertGreaterEqual(status["tail_misses"], 2)

    # ---- what may be read again, or no more ----

    def turn(self, w, op, *deals):
        for deal in deals:
            w.edit("deal", {"op": op}, deal)

    def sets(self, w, *deals):
        return [(r["id"], r["rev"], r["body"], r["parts"])
                for r in w.records("line_item") if r["id"] in deals]

    def test_deals_that_show_themselves_again(self):
        """No stamp moves: neither they nor their lines are the tail's. One set
        is read while its deal is hidden, one deal itself, one is never."""
        w = self.tail()
        w.drained()
        deals = ("de_007", "de_021", "de_033")
        said = {d: w.newest("line_item")[d]["body"] for d in deals}
        self.turn(w, "hide", *deals)
        line = next(r for r in w.sim.records("line_item")
                    if r["properties"]["deal_id"] == "de_007")
        w.edit("line_item", dict(line, owner_id="o_9"))
        w.edit("associations", {
            "op": "assoc_add", "type_id": 77, "from_type": "deal",
            "to_type": "contact", "from_id": "de_021", "to_id": "ct_010",
            "label": "Also", "primary": False, "category": "user"})
        w.drained()
        self.assertEqual(w.newest("deal")["de_021"]["op"], HIDDEN)
        self.assertEqual({d: w.newest("line_item")[d]["body"] for d in deals},
                         said)
        self.turn(w, "unhide", *deals)
        self.assert_frozen(w, 0)

    def test_a_deal_that_nobody_saw_before(self):
        """It is a miss, for what else could it be; its lines, which were
        records of their own until then, are no other."""
        w = self.world()
        self.turn(w, "hide", "de_007", "de_021")
        w.read_whole()
        w.fast()
        self.assertEqual(w.newest("line_item")["li_021_1"]["parts"],
                         ["li_021_1"])
        self.turn(w, "unhide", "de_007")
        w.drained()
        self.turn(w, "unhide", "de_021")
        self.assert_frozen(w, 2)

    def test_sets_of_deals_that_are_gone_stay_as_they_are(self):
        w = self.tail()
        w.drained()
        deals = ("de_007", "de_021", "de_033")
        before = self.sets(w, *deals)
        w.delete("deal", "de_007")
        self.turn(w, "purge", "de_021")
        self.turn(w, "hide", "de_033")
        w.drained()
        w.ex.stop()
        w.start()
        w.until("it is at the tail", lambda: w.status()["phase"] == "tail")
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assertEqual(w.newest("deal")["de_033"]["op"], HIDDEN)
        self.assertEqual(self.sets(w, *deals), before)

    def breaks(self, w, rid):
        """Whatever asks for this contact; no version moves."""
        w.sim.post("/sim/knobs", {"batch_poison": rid})

    def link(self, w, op):
        w.edit("associations", {
            "op": op, "type_id": 77, "from_type": "contact",
            "to_type": "company", "from_id": "ct_010", "to_id": "co_009",
            "label": "Also", "primary": False, "category": "user"})

    def bad_ones(self, w):
        return w.status()["objects"]["contact"]["quarantined"]

    def test_a_record_that_can_be_read_again(self):
        """Though it is what it was before: who counts what cannot be read has
        to hear of it, this process and those that read its topics."""
        w = self.tail()
        w.drained()
        before = w.newest("contact")["ct_010"]
        self.breaks(w, "ct_010")
        self.link(w, "assoc_add")
        w.until("it is told", lambda: self.bad_ones(w) == 2)
        self.breaks(w, "")
        self.link(w, "assoc_remove")
        w.until("it is not counted any more", lambda: self.bad_ones(w) == 1)
        now = w.newest("contact")["ct_010"]
        self.assertEqual(now["content"], before["content"])
        self.assertGreater(now["rev"], before["rev"])
        w.ex.stop()
        w.start()
        w.until("nor after a restart", lambda: w.status()["phase"] == "tail" and
                self.bad_ones(w) == 1)

    def test_the_sweep_reads_again_what_could_not_be_read(self):
        """Its version is the one that was sent, and not all that it is."""
        w = self.tail()
        w.drained()
        self.breaks(w, "ct_010")
        self.link(w, "assoc_add")
        w.until("it is told", lambda: self.bad_ones(w) == 2)
        self.breaks(w, "")
        self.assert_frozen(w, 0)
        self.assertEqual(self.bad_ones(w), 1)

    # ---- the freeze itself ----

    def test_the_last_change_before_the_freeze_is_read(self):
        """A link made after the tail's last round and before the freeze: it
        moves no version, so that the sweep cannot find it."""
        w = self.world()
        w.conf["tail.poll_ms"] = 3000  # 300 s of FastTrack's clock
        w.read_whole()
        w.sim.post("/sim/clock", {"scale": 100})
        at = self.after_a_round(w)
        wait_until("most of the pause is over", lambda: w.sim.get(
            "/sim/clock")["now_ms"] > at + 200000, 20)
        w.edit("associations", {
            "op": "assoc_add", "type_id": 4, "from_type": "contact",
            "to_type": "company", "from_id": "ct_002", "to_id": "co_024",
            "label": "Works with", "primary": False, "category": "user"})
        w.freeze()
        self.assert_is_truth(w)
        self.assertIn("co_024", [
            a["to"] for a in w.newest("contact")["ct_002"]["associations"]])

    def after_a_round(self, w):
        """FastTrack's time when a round of the tail has just ended."""
        before = len(w.journal())
        wait_until("a round ends", lambda: [
            r for r in w.journal()[before:]
            if "associations/changes" in r["path"]], 20)
        return w.sim.get("/sim/clock")["now_ms"]

    # ---- what comes after it ----

    def test_a_restart_in_the_freeze_keeps_its_instant(self):
        w = self.tail()
        at = w.freeze()["frozen_at_ms"]
        w.ex.stop()
        w.start()
        w.until("it is frozen again", lambda: w.status()["phase"] == "frozen")
        self.assertEqual(w.status()["frozen_at_ms"], at)

    def sent(self, w):
        return {k: len(w.records(k)) for k in w.kinds + ["line_item"]}

    def later(self, w, owner):
        """What people change in FastTrack after the cut-over, and hours."""
        w.edit("contact", dict(self.record(w, "contact", "ct_001"),
                               owner_id=owner))
        w.delete("deal", "de_002" if owner == "o_2" else "de_003")
        now = w.sim.get("/sim/clock")["now_ms"]
        wait_until("hours are over", lambda: w.sim.get("/sim/clock")[
            "now_ms"] > now + 10000000, 20)

    def told_more(self, w):
        seen = len(w.statuses())
        w.until("it told more", lambda: len(w.statuses()) > seen + 1)

    def test_nothing_is_sent_after_the_cut_over(self):
        w = self.tail()
        at = w.freeze()["frozen_at_ms"]
        sent = self.sent(w)
        w.feed({"phase": "cutover", "seq": 2, "lanes": [], "profile_check": 1})
        w.until("it has heard of it", lambda: any(
            r["name"] == "profile_check" for r in w.dump("catalog", 1)))
        self.later(w, "o_2")
        self.told_more(w)
        self.assertEqual(self.sent(w), sent)
        w.ex.stop()
        self.later(w, "o_3")
        w.start()
        w.until("it is frozen again", lambda: w.status()["phase"] == "frozen")
        self.told_more(w)
        self.assertEqual(self.sent(w), sent)
        self.assertEqual(w.status()["frozen_at_ms"], at)

    def absent(self, w, ids):
        """Gone at once without a word: not believed."""
        for rid in ids:
            w.edit("contact", {"op": "purge"}, rid)
        status = w.freeze()
        self.assertEqual(status["phase"], "halted")
        self.assertIn("%d records of contact" % len(ids), status["halted"])
        self.assertIn("scope", status["halted"])
        self.assertEqual({r["op"] for r in w.newest("contact").values()},
                         {UPSERT})

    def test_a_whole_object_that_vanishes_is_not_believed(self):
        w = self.tail()
        ids = [r["id"] for r in w.sim.records("contact")]
        self.assertLess(len(ids), 50)
        self.absent(w, ids)

    def test_mass_absence_is_not_believed(self):
        bench = Bench()
        self.addCleanup(bench.close)
        f = SourceFolder(SOURCE, bench.folder / "source")
        people = f.records("contact")
        more = [dict(people[0], id="x_%03d" % n) for n in range(60)]
        f.put("contact", people + more)
        self.absent(self.tail(f.done(), bench), [r["id"] for r in more])


if __name__ == "__main__":
    unittest.main(verbosity=2)
