#!/usr/bin/env python3
"""A CRM of another shape through a profile of its own, on the same binary:
what lies in Kafka at the end is what that CRM holds."""
import json
import unittest

from other_crm_world import (DELETE, KINDS, OtherCase, RECORDS, UPSERT,
                             wait_until)


class OtherCrmTest(OtherCase):
    def test_snapshot_tail_and_sweep(self):
        w = self.other(knobs=["limited"])
        w.read_whole()
        self.assert_is_other(w)
        self.assert_line_sets(w)
        self.assert_markers_count(w, list(KINDS))
        self.assertEqual(w.dump("rejected"), [])

        w.crm.play()
        w.drained()
        edited = {c["id"] for c in w.crm.store.changes
                  if c["op"] in ("upsert", "archive")}
        for kind in RECORDS:
            newest = w.newest(kind)
            for rid in edited & set(w.crm.store.records[kind]):
                self.assert_record(kind, newest[rid],
                                   w.crm.store.records[kind][rid])
        # Neither a deletion nor an end of an association moves a stamp.
        self.assertEqual(w.newest("task")["ta_020"]["op"], UPSERT)

        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_is_other(w)
        self.assert_line_sets(w)
        self.assert_nothing_twice(w, RECORDS + ["line_item"])
        self.assertEqual(w.newest("task")["ta_020"]["op"], DELETE)
        self.assertEqual(w.dump("rejected"), [])
        self.assertEqual(w.ex.stop(), 0)

    def test_archived_and_back(self):
        """Archiving moves no stamp; what comes back is not held for gone."""
        w = self.other()
        w.read_whole()
        change = {"type": "company", "id": "co_003"}
        w.crm.store.apply(dict(change, op="archive"))
        w.drained()
        body = json.loads(w.newest("company")["co_003"]["body"])
        self.assertTrue(body["archived"])
        w.crm.store.apply(dict(change, op="restore"))
        w.drained()
        self.assert_is_other(w, ["company"])
        body = json.loads(w.newest("company")["co_003"]["body"])
        self.assertFalse(body["archived"])

    def test_an_edit_that_moves_no_stamp_is_swept(self):
        w = self.other()
        w.read_whole()
        r = w.crm.store.records["deal"]["de_005"]
        r["properties"] = dict(r["properties"], name="Renamed in silence")
        w.drained()
        self.assertNotIn("silence", w.newest("deal")["de_005"]["body"])
        w.freeze()
        self.assertIn("silence", w.newest("deal")["de_005"]["body"])
        self.assert_is_other(w)

    def test_kill_9(self):
        w = self.other()
        for at in (20, 60, 100):
            w.start_only()
            before = w.crm.store.calls
            wait_until("it is at work", lambda: not w.ex.alive() or
                       w.crm.store.calls >= before + at, 60, 0.002)
            w.ex.kill()
        w.read_whole()
        w.crm.play(["upsert"])
        w.drained()
        w.ex.kill()
        w.start()
        w.drained()
        self.assert_is_other(w, ends=False)
        self.assert_nothing_twice(w, RECORDS)


if __name__ == "__main__":
    unittest.main()
