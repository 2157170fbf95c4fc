#!/usr/bin/env python3
"""Custom modules, and custom objects that are folded into their parent."""
import collections
import http.client
import json
import unittest

from test_loader import (  # first: it finds the support folder
    TENANT, World, company, contact, deal, record, ref)
from bench import Bench, wait_until

FIELDS = [
    {"name": "cf_source_id", "label": "Source id", "type": "text",
     "unique": True},
    {"label": "Carrier", "type": "dropdown", "choices": ["Air", "Sea"]},
    {"name": "deal", "label": "Deal", "type": "lookup", "relation": "deals"},
    {"name": "contact", "label": "Contacts", "type": "lookup",
     "relation": "contact", "multiple": True}]


ENTERPRISE = dict(json.loads(TENANT.read_text()), plan="enterprise")


def shipment(i, rev=1, pas=1, carrier="Air", on=None):
    return record("custom", "co_shipment", i, "cm_shipment", "single",
                  {"name": "Shipment %d" % i, "cf_source_id": str(i),
                   "cf_carrier": carrier},
                  [ref("deal_id", "deal", "deal:%d" % (i if on is None
                                                       else on)),
                   ref("contact_ids", "contact", "contact:0"),
                   ref("contact_ids", "contact", "contact:1")], rev, pas)


def fold(i, on, rev=1, pas=1, kind="deals", lane="deal", obj="deal",
         tail=False, **fields):
    return record("link", "co_shipment", i, kind, "single", fields,
                  [ref("@record", lane, "%s:%d" % (obj, on), "reject")],
                  rev, pas, patch=True, tail=tail)


class ModulesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = Bench()
        cls.kafka, cls.redis = cls.bench.broker(), cls.bench.redis()

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def world(self, *args, before=(), **conf):
        w = World(self, *args, tenant=ENTERPRISE, **conf)
        w.sim.post("/sim/admin/custom_modules", {
            "name": "Shipment", "entity": "cm_shipment", "fields": FIELDS})
        for f in ("A", "B", "C", "D"):
            w.sim.post("/sim/admin/fields/deals",
                       {"label": "Ship %s" % f, "type": "text"})
        w.loader()
        self.lanes = []
        return w

    def settle(self, w, by_lane, pas=1, refused=()):
        for lane, data in by_lane.items():
            w.feed(data)
            if lane not in self.lanes:
                self.lanes.append(lane)
            w.control(self.lanes, pas)
            want = {(lane, "%s:%s" % (r["load"]["object"], r["load"]["id"])):
                    r["load"]["rev"] for r in data}

            def look():
                final = w.final(pas)
                return all(final.get(k, {"rev": 0})["rev"] >= v
                           for k, v in want.items()) and final
            final = wait_until(lambda: "%s is final; %s" % (lane, [
                p.tail(3) for p in w.loaders.values()]), look, 60, 0.2)
            self.assertEqual({k: f["class"] for k, f in final.items()
                              if f["state"] == "refused"}, {})
        self.assertEqual(w.unsettled(), [])

    def shipments(self, w):
        have = collections.Counter(r["custom_field"]["cf_source_id"]
                                   for r in w.records("cm_shipment"))
        self.assertEqual({k: n for k, n in have.items() if n > 1}, {})
        return {r["custom_field"]["cf_source_id"]: r
                for r in w.records("cm_shipment")}

    def base(self, n):
        return collections.OrderedDict([
            ("contact", [contact(i, []) for i in range(2)]),
            ("deal", [deal(i) for i in range(n)])])

    def test_records_of_a_module(self):
        w = self.world()
        self.settle(w, self.base(6))
        before = w.calls()
        self.settle(w, {"custom": [shipment(i) for i in range(6)]})
        self.assertEqual(w.calls() - before, 6)
        deals = {d["custom_field"]["cf_source_id"]: d["id"]
                 for d in w.records("deals")}
        people = {c["id"] for c in w.records("contacts")
                  if c["external_id"] in ("0", "1")}
        have = self.shipments(w)
        self.assertEqual(set(have), {str(i) for i in range(6)})
        for i, r in have.items():
            self.assertEqual(r["deal_id"], deals[i])
            self.assertEqual(set(r["contact_ids"]), people)
            self.assertEqual(r["custom_field"]["cf_carrier"], "Air")
        before = w.calls()
        self.settle(w, {"custom": [shipment(i, rev=2, carrier="Sea")
                                   for i in range(6)]})
        self.assertEqual(w.calls() - before, 12)
        self.assertEqual({r["custom_field"]["cf_carrier"]
                          for r in self.shipments(w).values()}, {"Sea"})
        w.stop()

    def test_answers_that_are_lost(self):
        w = self.world()
        self.settle(w, self.base(6))
        w.faults(*[{"name": n, "after": 1, "times": 1, "action": a, "match": {
            "method": "POST", "path": "/custom_module/cm_shipment$"}}
            for n, a in (("after", {"close": "after"}),
                         ("before", {"close": "before"}),
                         ("other", {"wrong_body": "previous"}))])
        self.settle(w, {"custom": [shipment(i) for i in range(6)]})
        self.assertEqual(len(self.shipments(w)), 6)
        w.stop()

    def test_a_plan_without_modules_in_mid_run(self):
        """The account is downgraded while its modules are filled, and has
        its plan again later: what was to be written waits, and is told."""
        w = self.world()
        self.settle(w, self.base(6))
        self.settle(w, {"custom": [shipment(i) for i in range(3)]})
        w.faults({"name": "less", "after": 2, "times": 1,
                  "action": {"plan": "pro"}, "match": {
                      "method": "POST", "path": "/custom_module/"}})
        data = [shipment(i) for i in range(3, 6)]
        w.feed(data)
        w.control(self.lanes)
        halted = wait_until("the lane is halted", lambda: [
            line for p in w.loaders.values() for line in p.tail(
                200).splitlines() if "loader.lane_halted" in line], 30)
        self.assertIn("plan", halted[0])
        have = len(self.shipments(w))
        self.assertIn(have, (3, 4, 5))
        self.assertEqual([r for r in w.dump("rejected")
                          if r["kind"] == "rejected"], [])
        w.sim.post("/sim/knobs", {"plan": "tenant", "rate_plan": "lifted"})
        w.control(self.lanes)
        w.until_final(data)
        self.assertEqual(len(self.shipments(w)), 6)
        w.stop()

    def test_a_relation_that_moves_alone_while_the_answer_is_lost(self):
        w = self.world()
        self.settle(w, self.base(4))
        self.settle(w, {"custom": [shipment(i, on=0) for i in range(3)]})
        w.faults({"name": "lost", "after": 0, "times": 2, "action": {
            "close": "before"}, "match": {
                "method": "PUT", "path": "/custom_module/cm_shipment/"}})
        self.settle(w, {"custom": [shipment(i, rev=2, on=i + 1)
                                   for i in range(3)]})
        deals = {d["custom_field"]["cf_source_id"]: d["id"]
                 for d in w.records("deals")}
        self.assertEqual({i: r["deal_id"]
                          for i, r in self.shipments(w).items()},
                         {str(i): deals[str(i + 1)] for i in range(3)})
        w.stop()

    def test_a_relation_that_somebody_set_stays(self):
        """Shipment 0 was moved by hand, shipment 1 has a deal by hand where
        the source's is not there; shipment 2 is nobody's but ours."""
        w = self.world()
        self.settle(w, self.base(4))
        self.settle(w, {"custom": [shipment(0), shipment(1, on=77),
                                   shipment(2)]})
        deals = {d["custom_field"]["cf_source_id"]: d["id"]
                 for d in w.records("deals")}
        have = self.shipments(w)
        self.assertIsNone(have["1"]["deal_id"])
        for i in ("0", "1"):
            w.sim.post("/sim/admin/cm_shipment/%d" % have[i]["id"],
                       {"deal_id": deals["3"]}, "PUT")
        w.sim.post("/sim/admin/cm_shipment/%d" % have["2"]["id"],
                   {"name": "Renamed by hand"}, "PUT")
        self.settle(w, {"custom": [
            shipment(0, rev=2, carrier="Sea"),
            shipment(1, rev=2, carrier="Sea", on=77),
            shipment(2, rev=2, carrier="Sea", on=77)]})
        have = self.shipments(w)
        self.assertEqual([have[i]["deal_id"] for i in "012"],
                         [deals["3"], deals["3"], None])
        self.assertEqual(have["2"]["name"], "Renamed by hand")
        self.assertEqual({r["custom_field"]["cf_carrier"]
                          for r in have.values()}, {"Sea"})
        told = {(r["id"], r["field"]) for r in w.dump("rejected")
                if r["kind"] == "rejected" and r["class"] == "conflict"}
        self.assertEqual(told, {("0", "deal_id"), ("1", "deal_id"),
                                ("2", "name")})
        w.stop()

    def test_killed_at_every_point(self):
        w = self.world()
        self.settle(w, self.base(2))
        w.stop()
        w.loaders.clear()
        at = 0
        for point in ("after_intent", "after_send", "after_answer",
                      "after_done"):
            with self.subTest(point):
                data = [shipment(at + i, on=i % 2) for i in range(6)]
                at += 6
                w.feed(data)
                w.control(self.lanes + ["custom"])
                p = w.loader(ready=False, DROVER_CRASH=point + ":2")
                wait_until("it ends", lambda p=p: not p.alive(), 40)
                w.loader()
                w.until_final(data)
                self.assertEqual(len(self.shipments(w)), at)
                w.stop()
                w.loaders.clear()

    def test_what_was_there_before_is_told(self):
        w = World(self, tenant=ENTERPRISE)
        w.sim.post("/sim/admin/custom_modules", {
            "name": "Shipment", "entity": "cm_shipment", "fields": FIELDS})
        c = http.client.HTTPConnection("127.0.0.1", w.sim.api, timeout=10)
        c.request("POST", "/crm/sales/api/custom_module/cm_shipment",
                  json.dumps({"cm_shipment": {"name": "Theirs"}}),
                  {"Authorization": "Token token=" + w.sim.key})
        self.assertEqual(c.getresponse().status, 200)
        c.close()
        w.loader()

        def told():
            catalog = {r["name"]: r["json"] for r in w.dump("catalog", 1)
                       if r["kind"] == "catalog" and r["side"] == "target"}
            return "existing" in catalog and catalog
        catalog = wait_until("the catalogue tells what was there", told, 30)
        module = catalog["custom_modules"][0]
        self.assertEqual(module["entity_name"], "cm_shipment")
        self.assertLessEqual({"cf_source_id", "cf_carrier", "deal"},
                             {f["name"] for f in module["fields"]})
        self.assertEqual(catalog["existing"]["cm_shipment"], 1)
        landed = w.dump("landed.custom")
        self.assertEqual([json.loads(r["body"])["name"] for r in landed],
                         ["Theirs"])
        w.stop()

    def test_the_plan_is_what_the_settings_name(self):
        """The limit names another one, or none where it was lifted."""
        for limit, plan in (("lifted", "pro"), ("5000", "growth")):
            with self.subTest(limit):
                w = World(self, knobs=("rate_plan=" + limit,),
                          **{"target.plan": plan})
                w.loader()

                def account(w=w):
                    told = [r["json"] for r in w.dump("catalog", 1)
                            if r["kind"] == "catalog" and
                            r["side"] == "target" and r["name"] == "account"]
                    return told and told[-1]
                self.assertEqual(wait_until("the account is told", account,
                                            30)["plan"], plan)
                w.stop()

    def test_folds_of_one_parent_keep_each_other(self):
        """The target takes the hash of custom fields for the whole of it."""
        w = self.world(knobs=("custom_field_put=replace",))
        w.loader(1)
        self.settle(w, self.base(2))
        folds = [fold(0, 0, cf_ship_a="a"), fold(1, 0, cf_ship_b="b"),
                 fold(2, 0, cf_ship_c="c"), fold(3, 0, cf_ship_d="d"),
                 fold(4, 1, cf_ship_a="z")]
        before = w.calls()
        self.settle(w, {"link": folds})
        self.assertEqual(w.calls() - before, 10)

        def held(i):
            return [{k: v for k, v in d["custom_field"].items() if v}
                    for d in w.records("deals")
                    if d["custom_field"]["cf_source_id"] == str(i)][0]
        self.assertEqual(held(0), {
            "cf_source_id": "0", "cf_ship_a": "a", "cf_ship_b": "b",
            "cf_ship_c": "c", "cf_ship_d": "d"})
        self.assertEqual(held(1), {"cf_source_id": "1", "cf_ship_a": "z"})
        # A later version of the deal leaves them alone.
        self.settle(w, {"deal": [deal(0, rev=2, amount="77.00")]})
        self.assertEqual(len(held(0)), 5)
        self.settle(w, {"link": [fold(1, 0, rev=2, cf_ship_b="B")]})
        self.assertEqual(held(0)["cf_ship_b"], "B")
        self.assertEqual(len(held(0)), 5)
        w.stop()

    def left_behind(self, w):
        return {(r["id"], r["rev"]) for r in w.dump("rejected")
                if r["class"] == "left_behind"}

    def test_what_a_moved_fold_leaves_is_told_whenever_it_is_killed(self):
        w = self.world()
        n = 6
        points = ("after_intent:3", "after_send:%d" % n, "after_answer:3",
                  "after_done:1")
        self.settle(w, self.base(n * (len(points) + 1)))
        self.settle(w, {"link": [fold(i, i, cf_ship_a="a%d" % i)
                                 for i in range(n)]})
        self.assertEqual(self.left_behind(w), set())
        told = set()
        for step, point in enumerate(points, 1):
            with self.subTest(point):
                rev = step + 1
                w.stop()
                w.loaders.clear()
                w.feed([fold(i, n * step + i, rev=rev, cf_ship_a="a%d" % i)
                        for i in range(n)])
                p = w.loader(ready=False, DROVER_CRASH=point)
                wait_until("it ends", lambda p=p: not p.alive(), 40)
                w.loader()
                told |= {(str(i), rev) for i in range(n)}
                wait_until("all are done", lambda: {
                    f["rev"] for (lane, _), f in w.final().items()
                    if lane == "link"} == {rev} and not w.unsettled(), 60)
                self.assertEqual(self.left_behind(w), told)
        w.stop()

    def test_folds_beside_changes_in_bulk(self):
        """The pages of what the deals are come before the folds, the job
        that changes them after: the folds wait for it."""
        w = self.world(knobs=("custom_field_put=replace",))
        n = 30
        self.settle(w, self.base(n))
        w.sim.post("/sim/knobs", {"job_delay_ms": 3000})
        w.feed([deal(i, rev=2, amount="77.00") for i in range(n)])
        wait_until("the deals are on their way",
                   lambda: len(w.unsettled()) == n, 60)
        folds = [fold(i, i, cf_ship_a="a") for i in range(n)]
        w.feed(folds)
        w.control(self.lanes + ["link"])
        w.until_final(folds)
        wait_until("all deals are changed", lambda: {
            float(d["amount"]) for d in w.records("deals")
            if d["custom_field"]["cf_source_id"]} == {77.0}, 60)
        wait_until("nothing is open", lambda: not w.unsettled(), 60)
        self.assertEqual({d["custom_field"]["cf_ship_a"]
                          for d in w.records("deals")
                          if d["custom_field"]["cf_source_id"]}, {"a"})
        w.stop()

    def test_folds_that_are_lost(self):
        w = self.world(knobs=("custom_field_put=replace",))
        self.settle(w, self.base(1))
        w.faults(*[{"name": n, "after": 0, "times": 1, "action": a, "match": {
            "method": "PUT", "path": "/deals/"}} for n, a in (
            ("after", {"close": "after"}), ("before", {"close": "before"}),
            ("late", {"late_effect_ms": 600}))])
        self.settle(w, {"link": [fold(0, 0, cf_ship_a="a"),
                                 fold(1, 0, cf_ship_b="b"),
                                 fold(2, 0, cf_ship_c="c"),
                                 fold(3, 0, cf_ship_d="d")]})
        d = [d for d in w.records("deals")
             if d["custom_field"]["cf_source_id"] == "0"][0]["custom_field"]
        self.assertEqual([d["cf_ship_%s" % x] for x in "abcd"],
                         ["a", "b", "c", "d"])
        w.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
