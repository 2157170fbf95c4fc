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
from collect import Result  # noqa: E402
from flow import ADMIN, Flow  # noqa: E402
from stack import TAIL_SCALE  # noqa: E402
from truth import source_id  # noqa: E402

def unheard(method, path):
    """It is followed, and nobody hears of it."""
    return {"name": "unheard", "match": {"method": method, "path": path},
            "times": -1, "action": {"close": "after"}}


# Notes and files are left out: with them the lanes of both.
REST = ["company", "contact", "deal", "product", "line_item", "task", "call",
        "meeting", "email", "letter", "co_parcel"]


class Plans(Case):
    @staticmethod
    def notes(s):
        """{id of the source: id}"""
        found = [(source_id("notes", r), r["id"]) for r in ndjson(
            s.target.admin, "/sim/records/notes")]
        assert len(found) == len(dict(found)), found
        return dict(found)

    @staticmethod
    def begin(s, flow):
        """With a loader that ends before its quarantines do."""
        conf = dict(s.conf("loader"), **{"loader.quarantine_ms": 300000})
        s.start(["auditor", "extractor", "transformer"])
        s.now["loader", 0] = s.b.service("loader", s.name + "-0", conf)
        flow.audit()

    def killed_over_notes(self, s, flow):
        """In the sample of all there is: notes stand in the target, and no
        ledger says so."""
        self.begin(s, flow)
        s.target.post("/sim/faults", [unheard("POST", "/notes$")])
        flow.plan()
        flow.approve()
        flow.verb("sample", "start", "--size", 500, "--by", ADMIN)
        flow.wait("notes are made", lambda st: self.notes(s))
        s.now.pop(("loader", 0)).kill()
        s.target.post("/sim/faults", [])

    def test_a_lane_that_no_plan_feeds_any_more(self):
        """What the loader had of it by the plan before goes in its turn, else
        nobody could ever cut over. What stands of it is told; the rest of a
        text that is made no more goes."""
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
        stay = {k: v for k, v in made.items() if not k.startswith("em_")}
        self.assertEqual(self.notes(s), stay)
        result = Result(flow).all()
        for judge in (result.books, result.standing, result.verified,
                      result.truth().problems):
            self.assertEqual(judge(), [])
        lines = {x["id"]: x for x in result.lines("records.ndjson")}
        self.assertEqual(
            {i: (lines[i]["state"], lines[i]["rule"], lines[i]["target_id"])
             for i in stay},
            {i: ("excluded", "scope", v) for i, v in stay.items()})
        told = {d["id"]: d["cause"] for d in result.json(
            "reconciliation.json")["differences"] if d["field"] == "*"}
        self.assertLessEqual(set(stay), set(told))
        self.assertIn("stays in Freshsales", told[min(stay)])

    def test_a_request_that_keeps_the_cutover_shut(self):
        """The gate names it and says what to do, also when the auditor was
        started again."""
        s = self.stack(objects=["company"])
        flow = Flow(s, limit=120)
        self.begin(s, flow)
        self.load(flow)
        s.target.post("/sim/faults", [
            unheard("PUT", "/sales_accounts/[0-9]+")])
        one = next(r for r in ndjson(s.source.admin, "/sim/records/company")
                   if r["id"] == "co_001")
        one["properties"]["city"] = "Elsewhere"
        s.source.post("/sim/admin/company/co_001", one, method="PUT")
        s.source.post("/sim/clock", {"scale": TAIL_SCALE})
        flow.verb("freeze", "--by", ADMIN)

        def says(word):
            flow.wait("the gate says " + word, lambda st: st["gate"][
                "why"] == "the outcome of 1 request to Freshsales is not "
                "known yet: company co_001 (account). " + word)
        says("The loaders look it up: wait")
        s.kill("auditor")
        s.again("auditor")
        s.until_answers()
        says("The loaders look it up: wait")
        flow.verb("pause")
        says("Everything is paused: `drover resume`")
        flow.verb("resume")
        s.kill("loader")
        says("No loader runs: start one")
        s.target.post("/sim/faults", [])
        s.again("loader")
        flow.gate("cutover", "it is looked up")
        flow.cutover()
        self.assertEqual([r["city"] for r in ndjson(
            s.target.admin, "/sim/records/sales_accounts")
            if r["custom_field"]["cf_source_id"] == "co_001"], ["Elsewhere"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
