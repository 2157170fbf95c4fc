#!/usr/bin/env python3
"""Plans that are corrected on the way: what the one before has begun, and the
next one leaves out. What counts is what the target holds, and that the
migration comes to its end."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import Case  # noqa: E402
from bench import ndjson  # noqa: E402
from flow import ADMIN, Flow  # noqa: E402
from truth import source_id  # noqa: E402

# Each note is made, and nobody hears of it.
UNHEARD = [{"name": "unheard", "match": {"method": "POST", "path": "/notes$"},
            "times": -1, "action": {"close": "after"}}]
# Notes and files are left out: with them the lanes of both.
REST = ["company", "contact", "deal", "product", "line_item", "task", "call",
        "meeting", "email", "letter", "co_parcel"]


class Plans(Case):
    @staticmethod
    def notes(s):
        """Those of notes, not the rest of long texts."""
        return sorted(r["id"] for r in ndjson(
            s.target.admin, "/sim/records/notes")
            if source_id("notes", r).startswith("no_"))

    def killed_over_notes(self, s, flow):
        """In the sample of all there is: notes stand in the target, and no
        ledger says so. No quarantine ends before the loader does."""
        conf = dict(s.conf("loader"), **{"loader.quarantine_ms": 100000})
        s.start(["auditor", "extractor", "transformer"])
        s.now["loader", 0] = s.b.service("loader", s.name + "-0", conf)
        flow.audit()
        s.target.post("/sim/faults", UNHEARD)
        flow.plan()
        flow.approve()
        flow.verb("sample", "start", "--size", 500, "--by", ADMIN)
        flow.wait("notes are made", lambda st: self.notes(s))
        s.now.pop(("loader", 0)).kill()
        s.target.post("/sim/faults", [])

    def test_a_lane_that_no_plan_feeds_any_more(self):
        """What the loader had of it by the plan before goes in its turn, else
        nobody could ever cut over."""
        s = self.stack()
        flow = Flow(s, limit=120)
        self.killed_over_notes(s, flow)
        made = self.notes(s)
        s.o.objects, s.o.words = REST, ["--long-texts", "cut"]
        flow.hash = flow.propose()["hash"]
        flow.verb("plan", "approve", flow.hash, "--by", ADMIN)
        s.again("loader")
        flow.sample()
        flow.sign()
        flow.run()
        flow.tail(changes=False)
        flow.freeze()
        flow.cutover()
        self.assertEqual(self.notes(s), made)


if __name__ == "__main__":
    unittest.main(verbosity=2)
