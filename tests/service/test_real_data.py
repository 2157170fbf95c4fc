#!/usr/bin/env python3
"""The extractor reads the real data sets whole and follows their changes. They
are not part of the product: without them every test here is skipped."""
import json
import unittest

from extractor_world import Case, DEFAULT_PARTS, UPSERT, shared


@unittest.skipUnless(shared(), "SKIP: ../shared with the real data sets is "
                     "not here (DR_SHARED names another place)")
class RealData(Case):
    parts = DEFAULT_PARTS

    def read(self, name):
        w = self.world(shared() / name)
        w.read_whole()
        expected = json.loads(
            (shared() / ("expected-%s.json" % name)).read_text())["objects"]
        rejected = self.rejected(w)
        for kind in w.kinds:
            self.assertEqual(len(w.newest(kind)), expected[kind]["readable"],
                             kind)
            for rid in expected[kind]["unreadable_ids"]:
                self.assertIn((kind, rid), rejected)
        self.assert_events(w)
        self.assertLessEqual(w.peak_kib(), 64 << 10)
        lines = sum(len(r["parts"]) for r in w.newest("line_item").values())
        self.assertEqual(lines, expected["line_item"]["readable"])
        return w

    @staticmethod
    def read_of(w, kind):
        """What was read of the source: that another record was merged may be
        told a minute later. A set of lines whose deal is gone cannot say its
        deal's currency any more, and is sent once without it."""
        own = ("rev", "content", "aliases", "offset", "wall_ms")
        gone = {rid for rid, r in w.newest("deal").items()
                if r["op"] != UPSERT} if kind == "line_item" else ()
        return {rid: {k: v for k, v in r.items() if k not in own and not (
            rid in gone and k in ("body", "origin"))}
            for rid, r in w.newest(kind).items()}

    def replayed(self, name):
        """The change script played in the tail, then the freeze: the sweep
        finds nothing that the tail did not have."""
        w = self.read(name)
        w.play_changes()
        w.drained()
        before = {kind: self.read_of(w, kind)
                  for kind in w.kinds + ["line_item"]}
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        for kind, records in before.items():
            self.assertEqual(self.read_of(w, kind), records, kind)
        self.assert_is_truth(w)
        self.assert_lines(w)
        self.assert_nothing_twice(w)

    def test_small(self):
        self.replayed("small")

    def test_realworld(self):
        self.replayed("realworld")


if __name__ == "__main__":
    unittest.main(verbosity=2)
