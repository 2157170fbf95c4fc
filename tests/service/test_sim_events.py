#!/usr/bin/env python3
"""Events, their schema by plan, and unknown activities of the simulated
FastTrack (source contract 4.7, 4.13, 4.14)."""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT, call  # noqa: E402
from source_folder import SourceFolder  # noqa: E402

SOURCE = ROOT / "tests" / "data" / "source"
RAW = ('{"id":"ev_bad","notification_type":"CUSTOM","type":"order_placed",'
       '"contact_id":"ct_001","origin":"shop","occurred_at":'
       '"2020-01-03T00:00:00Z","ingested_at":"2020-01-03T00:00:00Z",'
       '"schema_version":2,"data":{"total":"1","total":"2"}}\n')
SCHEMA = {"type": "order_placed", "name": "Order placed", "versions": [
    {"schema_version": 1, "shape": "flat", "fields": None},
    {"schema_version": 3, "shape": "nested", "fields": [
        {"name": "order", "type": "object"}]}]}


def event(n, day, kind="order_placed", **more):
    return dict({"id": "ev_%d" % n, "notification_type": "CUSTOM", "type":
                 kind, "contact_id": "ct_001", "origin": "shop",
                 "occurred_at": "2020-01-%02dT00:00:00Z" % day,
                 "ingested_at": "2020-01-%02dT00:00:00Z" % day,
                 "user_agent": None, "ip_address": None, "schema_version": 1,
                 "data": {"n": str(n)}}, **more)


class Case(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        folder = SourceFolder(SOURCE, self.bench.folder / "source")
        self.prepare(folder)
        self.source = folder.done()

    def sim(self, *knobs):
        more = [x for k in knobs for x in ("--knob", k)]
        self.s = self.bench.fasttrack(self.source, *more)

    def call(self, path, body=None, token=None):
        return call(self.s.api, "POST" if body else "GET", "/v1" + path, body,
                    token or self.s.key)

    def ok(self, path, body=None):
        status, answer = self.call(path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def pages(self, path):
        rows, after = [], ""
        while True:
            page = self.ok(path + after)
            rows += page["results"]
            if not page["paging"]:
                return rows
            after = "&after=" + page["paging"]["next"]["after"]

    def code(self, path, body=None):
        status, answer = self.call(path, body)
        return status, (answer.get("error") or {}).get("code")


class Events(Case):
    def prepare(self, folder):
        rows = [event(1, 9), event(2, 1), event(3, 2, "surprise"),
                event(4, 5, data={"order": {"lines": [1, 2]}},
                      schema_version=3)]
        folder.file("events/events-0001.ndjson", "event", "".join(
            json.dumps(r) + "\n" for r in rows).encode())
        folder.file("events/events-raw-0001.ndjson", "event", RAW.encode(),
                    raw=True)
        folder.schema(lambda s: s.update(events={"results": [SCHEMA]}))

    def test_events_come_in_the_order_of_their_arrival(self):
        self.sim()
        self.assertEqual([e["id"] for e in self.ok("/events?limit=2")[
            "results"]], ["ev_2", "ev_3"])
        self.assertEqual([e["id"] for e in self.pages(
            "/events?type=surprise&limit=1")], ["ev_3"])

    def test_one_that_cannot_be_read_hides_its_page_alone(self):
        self.sim()
        status, body = self.call("/events")
        self.assertEqual((status, body["error"]["code"], body["error"]["id"]),
                         (500, "record_unreadable", "ev_bad"))
        behind = self.ok("/events?after=" + body["error"]["after"])
        self.assertEqual([e["id"] for e in behind["results"]],
                         ["ev_4", "ev_1"])
        self.assertEqual(behind["results"][0]["data"],
                         {"order": {"lines": [1, 2]}})

    def test_filters(self):
        self.sim()
        rows = self.ok("/events?occurred_since=2020-01-05T00:00:00Z&after=" +
                       self.call("/events")[1]["error"]["after"])
        self.assertEqual([e["id"] for e in rows["results"]], ["ev_4", "ev_1"])

    def test_a_new_one_comes_last_when_it_is_visible(self):
        self.sim("visibility_lag_ms=60000")
        self.s.post("/sim/admin/event", event(9, 1))
        at = "/events?type=order_placed&after=" + self.call("/events")[1][
            "error"]["after"]
        self.assertEqual([e["id"] for e in self.ok(at)["results"]],
                         ["ev_4", "ev_1"])
        self.s.post("/sim/clock", {"advance_ms": 60000})
        last = self.ok(at)["results"][-1]
        self.assertEqual(last["id"], "ev_9")
        self.assertGreater(last["ingested_at"], "2020-02-01")

    def test_the_plan_says_how_much_of_the_schema_is_told(self):
        self.sim()
        self.assertEqual(self.ok("/schema/events")["results"], [SCHEMA])
        self.s.post("/sim/admin/schema", {"change": "plan", "plan": "growth"})
        self.assertEqual(self.ok("/schema/events")["results"],
                         [{"type": "order_placed", "name": "Order placed"}])
        self.assertEqual(self.ok("/account")["capabilities"]["event_schema"],
                         "typed")
        self.s.post("/sim/faults", [{"name": "f", "match": {},
                                     "action": {"plan": "starter"}}])
        self.assertEqual(self.ok("/account")["plan"], "starter")
        self.assertEqual(self.code("/schema/events"),
                         (403, "plan_feature_unavailable"))
        self.assertEqual(len(self.ok("/events?limit=2")["results"]), 2)


class UnknownActivity(Case):
    def prepare(self, folder):
        calls = [dict(r, type="call", id="k_" + r["id"],
                      properties=dict(r["properties"], body="<p>x</p>",
                                      started_at="2020-01-01T00:00:00Z"))
                 for r in folder.records("task")]
        folder.add_object("call", calls)
        for to in ("contact", "deal"):
            text = folder.read("associations/task_%s.csv" % to).decode()
            head, *rows = text.splitlines()
            folder.file("associations/call_%s.csv" % to, "association",
                        "\n".join([head] + ["k_" + r for r in rows])
                        .encode() + b"\n", format="csv",
                        **{"from": "call", "to": to})

    def test_an_unknown_kind_is_an_object_like_any_other(self):
        self.sim("unknown_activity=postcard:5")
        objects = {o["type"]: o for o in self.ok("/schema/objects")["results"]}
        self.assertEqual((objects["postcard"]["custom"],
                          objects["postcard"]["record_count"]), (False, 5))
        self.assertEqual([p["name"] for p in self.ok(
            "/schema/objects/postcard/properties")["results"]],
            ["subject", "body", "started_at"])
        rows = self.pages("/objects/postcard?archived=any&limit=2")
        self.assertEqual(rows, self.s.records("postcard"))
        calls = {r["id"]: r for r in self.s.records("call")}
        self.assertEqual(len(rows), 5)
        for r in rows:
            of = calls[r["id"][len("postcard_"):]]
            self.assertEqual(r["owner_id"], of["owner_id"])
            self.assertEqual(r["properties"]["subject"],
                             of["properties"]["subject"])
        ids = [r["id"] for r in rows]
        for to in ("contact", "deal"):
            def ends(kind, prefix):
                return [[e["id"] for e in r["to"]] for r in self.ok(
                    "/associations/%s/%s/batch/read" % (kind, to),
                    {"ids": [prefix + i for i in ids]})["results"]]
            ids = [r["id"][len("postcard_"):] for r in rows]
            self.assertEqual(ends("postcard", "postcard_"), ends("call", ""))
            self.assertTrue(any(ends("call", "")))
        self.assertIn(("postcard", "deal"), [
            (a["from"], a["to"]) for a in self.ok(
                "/schema/associations")["results"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
