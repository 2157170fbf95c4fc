#!/usr/bin/env python3
"""Records that the source merged while others go on naming them: the record
that is left is known to whoever reads what was sent (contract 2.2 and 7.2, R2
and R5). FastTrack moves no link by itself here."""
import json
import sys
import unittest

from extractor_world import (Bench, Case, DELETE, MERGE, ROOT, SOURCE,
                             UPSERT)

sys.path.insert(0, str(ROOT / "tests" / "support"))
from source_folder import SourceFolder  # noqa: E402

# In the tail merges are told a minute apart, or longer where that takes long.
SETTLE_S = 600


def tombstones(*rows):
    """(type, id, what it was merged into or None)"""
    return b"".join(json.dumps({
        "type": kind, "id": rid, "op": "merge" if into else "delete",
        "version": 9, "updated_at": "2026-01-10T10:00:00Z",
        "merged_into": into}).encode() + b"\n" for kind, rid, into in rows)


class Merges(Case):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        self.folder = SourceFolder(SOURCE, self.bench.folder / "source")

    def link(self, kind, end, *rows):
        """(from, to)"""
        name = "associations/%s_%s.csv" % (kind, end)
        text = self.folder.read(name).decode().rstrip("\n")
        like = text.splitlines()[1].split(",", 2)[2]
        self.folder.write(name, "\n".join(
            [text] + ["%s,%s,%s" % (a, b, like) for a, b in rows]).encode() +
            b"\n")

    def name(self, kind, rid, **properties):
        records = self.folder.records(kind)
        next(r for r in records if r["id"] == rid)["properties"].update(
            properties)
        self.folder.put(kind, records)

    def merged_before(self):
        """A chain, one into what was deleted, a circle; a product, and a
        company whose children come before it."""
        self.link("deal", "contact", ("de_001", "old_a"), ("de_002", "old_x"),
                  ("de_003", "ring_1"), ("de_004", "ct_none"))
        self.link("call", "contact", ("ca_02", "old_b"))
        self.name("company", "co_001", parent_company_id="co_old")
        self.name("line_item", "li_003_1", product_id="pr_old")
        self.folder.file("tombstones.ndjson", "tombstone", tombstones(
            ("contact", "old_a", "old_b"), ("contact", "old_b", "old_c"),
            ("contact", "old_c", "ct_002"), ("contact", "old_x", "old_y"),
            ("contact", "old_y", None), ("contact", "ring_1", "ring_2"),
            ("contact", "ring_2", "ring_1"), ("company", "co_old", "co_020"),
            ("product", "pr_old", "pr_03")))

    def simulated(self):
        return self.world(self.folder.done(), bench=self.bench)

    def aliases(self, w, kind, rid):
        r = w.newest(kind)[rid]
        self.assertEqual(r["op"], UPSERT)
        return {(a["type"], a["id"]): a["into"] for a in r["aliases"]}

    def assert_before(self, w):
        for kind, rid, want in (
                ("deal", "de_001", {("contact", "old_a"): "ct_002"}),
                ("deal", "de_002", {}), ("deal", "de_003", {}),
                ("deal", "de_004", {}), ("deal", "de_005", {}),
                ("call", "ca_02", {("contact", "old_b"): "ct_002"}),
                ("company", "co_001", {("company", "co_old"): "co_020"}),
                ("line_item", "de_003", {("product", "pr_old"): "pr_03"})):
            self.assertEqual(self.aliases(w, kind, rid), want, (kind, rid))
        # What a record says stays what it said.
        self.assertIn("old_a", {
            a["to"] for a in w.newest("deal")["de_001"]["associations"]})
        self.assert_is_truth(w)
        self.assert_lines(w)
        self.assert_nothing_twice(w)

    def asked(self, w):
        """Calls that read bodies by id; lines and, for their currencies,
        deals are read so without any merge."""
        return sum(r["path"].endswith("/batch/read") and
                   "/objects/" in r["path"] and
                   not any("/objects/%s/" % o in r["path"]
                           for o in ("line_item", "deal"))
                   for r in w.journal())

    def test_merged_before_the_start(self):
        self.merged_before()
        w = self.simulated()
        w.read_whole()
        self.assert_before(w)
        # contacts twice, for what a chain leads to; companies and products
        self.assertLessEqual(self.asked(w), 5)
        before = len(w.records("deal"))
        w.ex.stop()
        w.start()
        w.fast()
        w.drained()
        self.assert_before(w)
        self.assertEqual(len(w.records("deal")), before)
        self.assertEqual(w.freeze()["tail_misses"], 0)
        self.assert_before(w)

    def test_a_folder_is_no_other_source(self):
        self.merged_before()
        w = self.simulated()
        w.conf["source.url"] = "folder:%s" % self.folder.path
        del w.conf["source.token_file"]
        w.read_whole()
        self.assert_before(w)
        self.assertEqual(w.freeze()["tail_misses"], 0)
        self.assert_before(w)

    def merge(self, w, kind, rid, into):
        w.edit(kind, {"op": "merge", "merged_into": into}, rid)

    def tail(self):
        self.link("deal", "contact", ("de_005", "ct_003"), ("de_005", "ct_030"))
        self.link("call", "contact", ("ca_02", "ct_003"))
        w = self.simulated()
        w.read_whole()
        w.fast()
        self.assertEqual(self.aliases(w, "deal", "de_005"), {})
        return w

    def assert_led(self, w, into):
        want = {("contact", "ct_003"): into} if into else {}
        self.assertEqual(self.aliases(w, "deal", "de_005"), want)
        self.assertEqual(self.aliases(w, "call", "ca_02"), want)
        self.assert_is_truth(w)
        self.assert_nothing_twice(w)

    def test_a_merge_in_the_tail(self):
        """A chain that grows, with a restart between; the last survivor is
        deleted, and nobody is left."""
        w = self.tail()
        self.merge(w, "contact", "ct_003", "ct_030")
        w.until("deals know", lambda: self.aliases(w, "deal", "de_005"),
                SETTLE_S)
        w.drained()
        self.assert_led(w, "ct_030")
        w.ex.kill()
        self.merge(w, "contact", "ct_030", "ct_031")
        w.start()
        w.until("the restarted one knows", lambda: self.aliases(
            w, "deal", "de_005").get(("contact", "ct_003")) == "ct_031",
            SETTLE_S)
        w.drained()
        w.delete("contact", "ct_031")
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_led(w, None)

    def test_what_lived_again_is_merged_no_more(self):
        """It was taken out of the one it had become, and deleted since."""
        w = self.tail()
        one = next(r for r in w.sim.records("contact") if r["id"] == "ct_003")
        self.merge(w, "contact", "ct_003", "ct_030")
        w.until("the merge is read", lambda: w.newest("contact")[
            "ct_003"]["op"] == MERGE)
        w.edit("contact", one, "ct_003")
        w.until("it is back", lambda: w.newest("contact")[
            "ct_003"]["op"] == UPSERT)
        w.delete("contact", "ct_003")
        w.drained()
        self.assertEqual(w.newest("contact")["ct_003"]["op"], DELETE)
        for restart in (False, True):
            if restart:
                w.ex.stop()
                w.start()
            self.assertEqual(w.freeze()["phase"], "frozen")
            self.assert_led(w, None)

    def test_what_cannot_be_read_stays_rejected(self):
        """What was sent of a record before it broke is not sent again for a
        merge, which would take its reject away."""
        w = self.tail()
        w.edit("deal", {"op": "poison", "form": "with_id"}, "de_005")
        w.until("it is rejected", lambda: w.status()["objects"]["deal"][
            "quarantined"] == 1)
        self.merge(w, "contact", "ct_003", "ct_030")
        w.until("the call knows", lambda: self.aliases(w, "call", "ca_02"),
                SETTLE_S)
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assertEqual(status["objects"]["deal"]["quarantined"], 1)

    def test_killed_between_the_merge_and_what_names_it(self):
        w = self.tail()
        self.merge(w, "contact", "ct_003", "ct_030")
        w.until("the merge is read", lambda: w.newest("contact")[
            "ct_003"]["op"] == MERGE)
        w.ex.kill()
        w.start()
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_led(w, "ct_030")


if __name__ == "__main__":
    unittest.main(verbosity=2)
