#!/usr/bin/env python3
"""Whole migrations between the two simulated CRMs, beside a real broker and a
real Redis. What counts is what the target holds at the end."""
import collections
import decimal
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import Case  # noqa: E402
from bench import ORPHAN, ndjson, wait_until  # noqa: E402
from api import Refused  # noqa: E402
from check_expected import CARRIED, Check  # noqa: E402
from collect import Result  # noqa: E402
from flow import Flow  # noqa: E402
from stack import DEFAULT_PARTITIONS, parse_kills  # noqa: E402

# The snapshot is read slowly enough to be caught in the middle.
SLOW = [{"name": "slow", "match": {"path": "^/v1/objects/"}, "times": 60,
         "action": {"delay_ms": 60, "then": "effect"}}]
WRITES = ("POST", "PUT", "DELETE", "JOB")


def writes(stack):
    """What was written, or tried to be: searches are POSTs that read."""
    return [j for j in ndjson(stack.target.admin, "/sim/journal")
            if j["method"] in WRITES and not (
                j["method"] == "POST" and ("/search" in j["path"] or
                                           "/lookup" in j["path"] or
                                           "/filtered" in j["path"]))]


class Pipeline(Case):
    partitions = DEFAULT_PARTITIONS
    once = None

    @classmethod
    def undisturbed(cls):
        """(states, sums) of a migration with one loader that nothing
        disturbed: what every other must come to."""
        if cls.once is None:
            case = cls("test_one_loader")
            try:
                result = case.migrate()
            finally:
                case.doCleanups()
            cls.once = result, cls.states(result), cls.sums(result)
        return cls.once

    def assert_same(self, result):
        _, states, sums = self.undisturbed()
        self.maxDiff = 4000
        self.assertEqual(self.states(result), states)
        self.assertEqual(self.sums(result), sums)

    def test_one_loader(self):
        result, states, _ = self.undisturbed()
        by = collections.Counter((o, s) for (o, _), (s, _, _) in
                                 states.items())
        for kind in {k for k in CARRIED if not k.startswith("co_")} | {
                "event", "letter"}:
            self.assertGreater(by[kind, "landed"], 0, kind)
        self.assertGreater(by["co_parcel", "merged"], 0)
        self.amounts(result)

    def amounts(self, result):
        """Each landed deal has FastTrack's amount, to the last decimal."""
        source = {r["id"]: r["properties"] for r in
                  result.lines("fasttrack/records/deal.ndjson")}
        target = {r["id"]: r for r in
                  result.lines("freshsales/records/deals.ndjson")}
        told = {(d["object"], d["id"], d["field"]) for d in
                result.json("reconciliation.json")["differences"]}
        seen = 0
        for x in result.lines("records.ndjson"):
            if x["object"] != "deal" or x["state"] != "landed":
                continue
            want = source[x["id"]].get("amount")
            have = target[int(x["target_id"])]["amount"]
            if ("deal", x["id"], "amount") not in told and want is not None:
                seen += 1
                self.assertEqual(decimal.Decimal(have),
                                 decimal.Decimal(want), x["id"])
        self.assertGreater(seen, 10)

    def test_three_loaders(self):
        self.assert_same(self.migrate(loaders=3, transformers=2))

    def test_each_service_is_killed(self):
        """kill -9 in the middle, of every service, of the loader twice."""
        result = self.migrate(loaders=2, source_faults=SLOW, kills=parse_kills(
            "extractor@30%,transformer@10%,loader@20%,auditor@40%,"
            "loader@60%"))
        s = result.s
        self.assertEqual(collections.Counter(k for k, _ in s.killed),
                         {"extractor": 1, "transformer": 1, "loader": 2,
                          "auditor": 1})
        self.assert_same(result)

    def test_the_books_are_rebuilt(self):
        """Kafka is the truth: the auditor's file may go in mid-run and at the
        end."""
        s = self.stack(loaders=1)
        s.start()
        flow = Flow(s, limit=240)
        flow.audit()
        flow.plan()
        flow.approve()
        flow.sample()
        flow.sign()
        flow.run(wait=False)
        self.lose_books(s)
        flow.run_wait()
        flow.tail()
        flow.freeze()
        flow.cutover()
        before = Result(flow).all()
        self.assert_right(before)
        self.assert_same(before)
        self.lose_books(s)
        flow.wait("the books are rebuilt", flow.judged)
        after = Result(flow).all()
        a, b = (json.loads(r.files["reconciliation.json"])
                for r in (after, before))
        for r in (a, b):
            del r["tail"]  # the extractor goes on
        self.assertEqual(a, b)
        for name in ("records.ndjson", "rejected.ndjson", "plan.json",
                     "owners.json", "audit.json", "duplicates.json",
                     "checklist.json", "sample-diff.json"):
            self.assertEqual(after.files[name], before.files[name], name)

    @staticmethod
    def lose_books(s):
        s.kill("auditor")
        for path in s.folder.glob("books.sqlite*"):
            path.unlink()
        s.again("auditor")
        s.until_answers()


class Gates(Case):
    def refused(self, call, *args):
        with self.assertRaises(Refused):
            call(*args)

    def test_nothing_passes_round_a_gate(self):
        s = self.stack()
        s.start()
        flow, api = Flow(s, limit=240), s.api
        steps = ["/v1/sample/start", "/v1/sample/sign", "/v1/run",
                 "/v1/freeze", "/v1/cutover"]

        def not_yet(paths):
            for path in paths:
                with self.subTest(path), self.assertRaises(Refused):
                    api.call("POST", path, {"by": "x", "hash": flow.hash or
                                            "0" * 64})
        flow.audit()
        not_yet(steps)
        first = flow.propose()
        self.assertGreater(first["checklist"]["missing"], 0)
        # Nobody has created what a smaller proposal does not ask for.
        self.assertEqual(flow.verb(
            "plan", "propose", "--scope", "company", "--house-owner",
            flow.admin.administrator())["checklist"]["present"], 0)
        self.refused(api.call, "POST", "/v1/plan/approve",
                     {"hash": first["hash"], "by": "x"})
        self.assertGreaterEqual(flow.plan()["checklist"]["present"],
                                first["checklist"]["missing"])
        not_yet(steps)
        self.assertEqual(writes(s), [])
        flow.approve()
        not_yet(steps[1:])
        flow.wait("files are fetched once a plan says how large", lambda st:
                  st["files"]["fetched"] > 0, timeout=60)
        self.assertEqual(writes(s), [])
        flow.sample(20)
        sent = len(writes(s))
        self.assertGreater(sent, 0)
        not_yet(steps[2:])
        self.refused(api.call, "POST", "/v1/sample/sign",
                     {"by": "x", "hash": "0" * 64})
        # Two rounds of every loop later nothing more was sent.
        flow.ready()
        flow.ready()
        self.assertEqual(len(writes(s)), sent)
        landed = sum(o["landed"] for o in flow.status()["objects"])
        self.assertGreater(landed, 0)
        self.assertLess(landed, 100)
        flow.sign()
        not_yet(steps[4:])

    def test_events_by_plan_in_a_report(self):
        s = self.stack()
        s.start()
        flow = Flow(s, limit=240)

        def events(query=""):
            return [json.loads(x) for x in s.api.raw(
                "GET", "/v1/events" + query)[2].splitlines()]

        def inventory():
            return s.drover.json("inventory")["events"]
        flow.audit()
        n = len(events())
        self.assertGreater(n, 5)
        self.assertEqual({e["fate"] for e in events()}, {None})
        self.assertEqual(inventory(), {"fate": None, "count": n})
        flow.plan()
        flow.hash = flow.verb("plan", "propose", "--house-owner",
                              flow.admin.administrator(), "--events",
                              "report")["hash"]
        flow.approve()
        self.assertEqual({(e["fate"], e["event"]["id"] == e["id"])
                          for e in events()}, {("report", True)})
        self.assertEqual(len(events("?fate=report")), n)
        self.assertEqual(events("?fate=activities"), [])
        self.assertEqual(inventory(), {"fate": "report", "count": n})
        status, _, text = s.api.raw("GET", "/v1/events?fate=lost")
        self.assertEqual(status, 400)
        self.assertIn(b"activities, report or none", text)

    def test_an_object_that_there_is_not(self):
        """It is no empty list: nobody is to believe that there is nothing."""
        s = self.stack()
        s.start(["auditor", "extractor"])
        s.wait("the objects are known", lambda st: st["source"]["asks"], 120)
        for path, body in (("conflicts?object=nope", None),
                           ("removals?object=nope", None),
                           ("rejected?object=nope", None),
                           ("find?id=1&object=nope", None),
                           ("rejected/nope/1", None)):
            status, _, text = s.api.raw("GET", "/v1/" + path, body)
            error = json.loads(text)["error"]
            self.assertEqual((status, error["code"]),
                             (400, "no_such_object"), path)
            self.assertIn("company", error["message"])
            self.assertIn("co_parcel", error["message"])
            self.assertIn("line_item", error["message"])
        for obj in ("company", "line_item", "event"):
            self.assertEqual(s.drover.text("conflicts", "--object", obj), b"")
        # The Unassigned Account is of no schema, and may be rejected.
        for path in ("rejected?object=_drover",
                     "find?id=%s&object=_drover" % ORPHAN):
            self.assertEqual(s.api.raw("GET", "/v1/" + path, None)[0], 200)
        status, _, text = s.api.raw("GET", "/v1/reports/nope")
        self.assertEqual(status, 404)
        self.assertIn(b"profile-check.json", text)

    def test_the_profile_is_checked_when_asked(self):
        """From the command to the source and back, with an auditor that is
        started again between two of them."""
        s = self.stack()
        s.start(["auditor", "extractor"])
        s.wait("it asks, and goes no further", lambda st:
               st["source"]["asks"], 120)

        def calls():
            return sum(e["path"] == "/v1/automation/workflows"
                       for e in ndjson(s.source.admin, "/sim/journal"))
        before = calls()
        last = s.drover.json("profile", "check", "--last")
        self.assertEqual((last["number"], calls()), (0, before))
        for number in (1, 2):
            report = s.drover.json("profile", "check", "--timeout", 120)
            self.assertEqual((report["number"], report["fails"]), (number, 0))
            self.assertEqual(calls(), before + number)
            self.assertEqual(s.drover.json("profile", "check", "--last"),
                             report)
            s.kill("auditor")
            s.again("auditor")
            s.until_answers()
            s.wait("the books are there", lambda st:
                   st["books"]["lag"] == 0, 120)


SHARED = os.environ.get("DR_SHARED")
WHY = "SKIP: no real data set here (DR_SHARED names no folder)"


@unittest.skipUnless(SHARED, WHY)
class RealData(Case):
    partitions = DEFAULT_PARTITIONS

    def test_small_with_three_loaders_and_two_kills(self):
        data = pathlib.Path(SHARED) / "data"
        result = self.migrate(
            source=data / "small",
            tenant=data / "freshsales-tenant-small.json", loaders=3,
            kills=parse_kills("loader@30%,loader@60%"))
        self.assertEqual(result.s.killed, [("loader", 0), ("loader", 1)])
        expected = json.loads((data / "expected-small.json").read_text())
        self.counts(result, expected)
        with tempfile.TemporaryDirectory() as out:
            result.write(pathlib.Path(out))
            check = Check(pathlib.Path(out), expected, False)
            self.assertEqual(check.all(), 0)

    def counts(self, result, expected):
        books = {o["object"]: o for o in
                 result.json("reconciliation.json")["objects"]}
        for kind in CARRIED:
            o = expected["objects"][kind]
            after = expected["after_changes"]["objects"][kind]
            live = books[kind]["extracted"] - books[kind]["states"].get(
                "deleted", 0)
            self.assertEqual(live, after["readable"] + o["unreadable"], kind)


if __name__ == "__main__":
    if not SHARED:
        print(WHY, file=sys.stderr)
    unittest.main(verbosity=2)
