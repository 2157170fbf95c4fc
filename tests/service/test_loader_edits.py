#!/usr/bin/env python3
"""What people changed in the target stays. Everything is asserted on what the
simulated Freshsales holds."""
import json
import subprocess
import unittest

from test_loader import (  # first: it finds the support folder
    TENANT, World, company, contact, deal, record, task)
from bench import Bench, wait_until


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = Bench()
        cls.kafka, cls.redis = cls.bench.broker(), cls.bench.redis()

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def person(self, w, kind, rid, **fields):
        w.sim.post("/sim/admin/%s/%d" % (kind, rid), fields, "PUT")

    def of_source(self, w, kind, field="external_id"):
        out = {}
        for r in w.records(kind):
            key = r.get(field) or r.get("custom_field", {}).get(field)
            if key:
                out[key] = r
        return out

    def rejected(self, w):
        lines = subprocess.run(
            [str(self.bench.bin("dr-dump")), self.kafka.brokers,
             "drover.%s.rejected" % w.name, str(w.parts)], check=True,
            timeout=60, stdout=subprocess.PIPE).stdout.splitlines()
        return [json.loads(x) for x in lines]

    def conflicts(self, w):
        return {(r["id"], r["class"], r["field"], r["partial"])
                for r in self.rejected(w)}

    def assert_conflicts(self, w, wanted):
        """Each is told, and no other. It may be told after the record that it
        is about is done: two topics are two ways."""
        wait_until(lambda: "%s are told, not %s" % (
            wanted, self.conflicts(w)),
            lambda: wanted <= self.conflicts(w), 30)
        self.assertEqual(self.conflicts(w), wanted)

    def again(self, w, lanes, records, pas=2, states=("done",), **control):
        w.feed(records)
        w.control(lanes, pas=pas, **control)
        final = w.until_final(records, pas=pas)
        for r in records:
            key = (r["load"]["lane"], "%s:%s" % (r["load"]["object"],
                                                 r["load"]["id"]))
            self.assertIn(final[key]["state"], states, final[key])
        return final


class Edits(Case):
    def edited(self, n):
        """n contacts: some are edited by people, then all change."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(0)], "contact": [
            contact(i, [0], job_title="Clerk", city="Bonn",
                    mobile_number="1%d" % i) for i in range(n)]})
        people = self.of_source(w, "contacts")
        self.person(w, "contacts", people["0"]["id"], city="Oslo")
        self.person(w, "contacts", people["1"]["id"], city="Rome",
                    job_title="Boss")
        self.person(w, "contacts", people["2"]["id"], city="Rome",
                    medium="Sales")
        w.sim.post("/sim/clock", {"advance_ms": 5000})
        self.again(w, ["account", "contact"], [
            contact(i, [0], rev=2, pas=2, job_title="Chief", city="Rome",
                    mobile_number="1%d" % i) for i in range(n)])
        people = self.of_source(w, "contacts")
        # The same field: the person's value. Another field: the source's.
        self.assertEqual((people["0"]["city"], people["0"]["job_title"]),
                         ("Oslo", "Chief"))
        self.assertEqual((people["1"]["city"], people["1"]["job_title"]),
                         ("Rome", "Boss"))
        self.assertEqual((people["2"]["city"], people["2"]["job_title"],
                          people["2"]["medium"]),
                         ("Rome", "Chief", "Sales"))
        self.assertEqual({(people[str(i)]["city"], people[str(i)]["job_title"])
                          for i in range(3, n)}, {("Rome", "Chief")})
        wanted = {("0", "conflict", "city", True),
                  ("1", "conflict", "job_title", True)}
        self.assert_conflicts(w, wanted)
        # Not once, but as long as it stands: a third version.
        self.again(w, ["account", "contact"], [
            contact(i, [0], rev=3, pas=3, job_title="Chief", city="Paris",
                    mobile_number="2%d" % i) for i in range(n)], 3)
        people = self.of_source(w, "contacts")
        self.assertEqual([people[str(i)]["city"] for i in range(3)],
                         ["Oslo", "Paris", "Paris"])
        self.assertEqual(people["1"]["job_title"], "Boss")
        self.assertEqual([people[str(i)]["mobile_number"] for i in range(3)],
                         ["20", "21", "22"])
        w.each_once("contacts", range(n))
        w.stop()

    def test_edits_survive_one_by_one(self):
        self.edited(5)

    def test_edits_survive_in_bulk(self):
        self.edited(60)

    def test_what_the_source_hides_is_not_taken_out(self):
        """An update that hides a value is refused where the record may hold it,
        and goes on where it was hidden before; a new record goes without."""
        w = World(self)
        w.loader()
        w.run_lanes({"contact": [contact(0, [], job_title="Clerk", city="Bonn"),
                                 contact(1, [], job_title="Clerk", city=None)]})
        loads = [contact(i, [], rev=2, pas=2, job_title="Chief", city=None)
                 for i in range(3)]
        for r in loads:
            r["load"]["hides"] = "city"
        self.again(w, ["contact"], loads, states=("done", "refused"))
        people = self.of_source(w, "contacts")
        self.assertEqual([(people[str(i)]["job_title"], people[str(i)]["city"])
                          for i in range(3)],
                         [("Clerk", "Bonn"), ("Chief", None), ("Chief", None)])
        self.assert_conflicts(w, {("0", "redacted", "", False)})
        w.stop()

    def test_custom_fields_in_both_manners(self):
        """Also where a PUT replaces the whole hash (custom_field_put)."""
        tenant = json.loads(TENANT.read_text())
        fields = tenant["fields"]["contacts"]
        mark = [f for f in fields if f["name"] == "cf_source_id"][0]
        fields += [dict(mark, id=mark["id"] + 9000 + i, name=name,
                        label=name) for i, name in enumerate(
                            ("cf_size", "cf_mood"))]
        for manner in ("merge", "replace"):
            with self.subTest(manner):
                w = World(self, knobs=("custom_field_put=" + manner,),
                          tenant=tenant)
                w.loader()
                w.run_lanes({"contact": [contact(i, [], cf_size="S")
                                         for i in range(3)]})
                people = self.of_source(w, "contacts")
                self.person(w, "contacts", people["0"]["id"], custom_field={
                    "cf_size": "mine", "cf_mood": "good"})
                self.again(w, ["contact"], [
                    contact(i, [], rev=2, pas=2, cf_size="L")
                    for i in range(3)])
                people = self.of_source(w, "contacts")
                self.assertEqual(
                    [(people[str(i)]["custom_field"]["cf_size"],
                      people[str(i)]["custom_field"]["cf_mood"])
                     for i in range(3)],
                    [("mine", "good"), ("L", None), ("L", None)])
                self.assert_conflicts(w, {
                    ("0", "conflict", "cf_size", True)})
                w.stop()

    def test_edits_of_a_task(self):
        w = World(self)
        w.loader()
        w.run_lanes({"activity": [task(i) for i in range(3)]})
        ids = {t["title"].split()[1]: t["id"] for t in w.records("tasks")}
        self.person(w, "tasks", ids["0"], title="Task 0, done by me")
        self.again(w, ["activity"], [
            task(i, rev=2, pas=2, title="Task %d again" % i,
                 due_date="2027-02-02T09:00:00Z") for i in range(3)])
        tasks = {t["id"]: t for t in w.records("tasks")}
        self.assertEqual(tasks[ids["0"]]["title"], "Task 0, done by me")
        self.assertEqual(tasks[ids["1"]]["title"], "Task 1 again")
        for rid in ids.values():
            self.assertTrue(tasks[rid]["due_date"].startswith("2027-02-02"))
        self.assert_conflicts(w, {("0", "conflict", "title", True)})
        w.stop()

    def test_links_that_people_made_stay(self):
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(i) for i in range(3)],
                     "contact": [contact(i, [0]) for i in range(3)],
                     "deal": [deal(1, 0, [0]), deal(2, 0, [0])]})
        accounts = self.of_source(w, "sales_accounts", "cf_source_id")
        people = self.of_source(w, "contacts")
        deals = self.of_source(w, "deals", "cf_source_id")
        self.person(w, "deals", deals["1"]["id"],
                    sales_account_id=accounts["2"]["id"],
                    contacts_added_list=[people["2"]["id"]])
        self.again(w, ["account", "contact", "deal"], [
            deal(i, 1, [1], rev=2, pas=2, amount="77.00") for i in (1, 2)])
        deals = self.of_source(w, "deals", "cf_source_id")
        self.assertEqual([float(d["amount"]) for d in deals.values()],
                         [77, 77])
        self.assertEqual(deals["1"]["sales_account_id"], accounts["2"]["id"])
        self.assertEqual({c["id"] for c in deals["1"]["contacts"]},
                         {people["0"]["id"], people["2"]["id"]})
        self.assertEqual(deals["2"]["sales_account_id"], accounts["1"]["id"])
        self.assertEqual({c["id"] for c in deals["2"]["contacts"]},
                         {people["1"]["id"]})
        self.assert_conflicts(w, {
            ("1", "conflict", "sales_account_id", True),
            ("1", "conflict", "contacts", True)})
        w.stop()

    def test_a_merged_record(self):
        """There before: only what the plan writes changes, and later edits of
        people stay."""
        w = World(self)
        mine = w.sim.post("/sim/admin/sales_accounts", {
            "name": "Old Ltd", "city": "Kiel", "phone": "123"}, "POST")
        rid = [a["id"] for a in w.records("sales_accounts")
               if a["name"] == "Old Ltd"][0]
        self.assertTrue(mine)
        w.loader()

        def version(n, **fields):
            r = record("account", "company", "m", "sales_accounts", "merge",
                       dict({"name": "Old Ltd", "cf_source_id": "m"},
                            **fields), rev=n, pas=n)
            r["load"]["dst"] = rid
            return r

        def now():
            return [a for a in w.records("sales_accounts")
                    if a["id"] == rid][0]
        w.run_lanes({"account": [version(1, city="Bonn")]})
        self.assertEqual((now()["city"], now()["phone"]), ("Bonn", "123"))
        self.person(w, "sales_accounts", rid, city="Oslo")
        self.again(w, ["account"], [version(2, city="Rome", zipcode="1")])
        self.assertEqual((now()["city"], now()["zipcode"], now()["phone"]),
                         ("Oslo", "1", "123"))
        # The plan begins to write what a person filled in long ago.
        self.again(w, ["account"], [version(3, city="Rome", phone="9")], 3)
        self.assertEqual(now()["phone"], "123")
        self.assert_conflicts(w, {
            ("m", "conflict", "city", True), ("m", "conflict", "phone", True)})
        w.stop()

if __name__ == "__main__":
    unittest.main(verbosity=2)
