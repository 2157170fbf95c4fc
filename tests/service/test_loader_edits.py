#!/usr/bin/env python3
"""What people changed in the target stays; removals; a lead that becomes a
contact. Everything is asserted on what the simulated Freshsales holds."""
import json
import subprocess
import unittest

from test_loader import (  # first: it finds the support folder
    PARTS, TENANT, USER, World, company, contact, deal, record, ref, task)
from bench import Bench, ndjson, wait_until


def removal(lane, obj, id_, rev, pas):
    r = record(lane, obj, id_, "", "single", {}, rev=rev, pas=pas)
    r["load"]["delete"] = True
    return r


class Edits(unittest.TestCase):
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

    def conflicts(self, w):
        lines = subprocess.run(
            [str(self.bench.bin("dr-dump")), self.kafka.brokers,
             "drover.%s.rejected" % w.name, str(PARTS)], check=True,
            timeout=60, stdout=subprocess.PIPE).stdout.splitlines()
        rows = [json.loads(x) for x in lines]
        return {(r["id"], r["class"], r["field"], r["partial"])
                for r in rows}

    def again(self, w, lanes, records, pas=2, states=("done",)):
        w.feed(records)
        w.control(lanes, pas=pas)
        final = w.until_final(records, pas=pas)
        for r in records:
            key = (r["load"]["lane"], "%s:%s" % (r["load"]["object"],
                                                 r["load"]["id"]))
            self.assertIn(final[key]["state"], states, final[key])
        return final

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
        self.assertEqual(self.conflicts(w), wanted)
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
                self.assertEqual(self.conflicts(w), {
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
        self.assertEqual(self.conflicts(w), {("0", "conflict", "title", True)})
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
        self.assertEqual(self.conflicts(w), {
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
        self.assertEqual(self.conflicts(w), {
            ("m", "conflict", "city", True), ("m", "conflict", "phone", True)})
        w.stop()

    def test_removals(self):
        w = World(self)
        w.loader()
        w.run_lanes({
            "account": [company(i) for i in range(3)],
            "contact": [contact(i, [i % 3]) for i in range(4)],
            "deal": [deal(i, 0, [0]) for i in range(2)],
            "activity": [task(i) for i in range(2)]})
        people = self.of_source(w, "contacts")
        self.person(w, "contacts", people["1"]["id"], city="Oslo")
        gone = self.of_source(w, "deals", "cf_source_id")["1"]["id"]
        w.sim.post("/sim/admin/deals/%d" % gone, {}, "DELETE")
        removals = ([removal("contact", "contact", i, 9, 2) for i in (0, 1)] +
                    [removal("contact", "contact", 2, 9, 2),
                     removal("deal", "deal", 0, 9, 2),
                     removal("deal", "deal", 1, 9, 2),
                     removal("activity", "task", 0, 9, 2)])
        never = removal("contact", "contact", 99, 9, 2)
        final = self.again(
            w, ["account", "contact", "deal", "activity"], removals,
            states=("deleted", "refused"))
        w.feed([never])
        # The city was not ours: nothing that we wrote was changed.
        states = {k[1]: f["state"] for k, f in final.items()
                  if f["rev"] == 9}
        self.assertEqual(states, {
            "contact:0": "deleted", "contact:1": "deleted",
            "contact:2": "deleted", "deal:0": "deleted", "deal:1": "deleted",
            "task:0": "deleted"})
        self.assertEqual(set(self.of_source(w, "contacts")), {"3"})
        self.assertEqual(self.of_source(w, "deals", "cf_source_id"), {})
        self.assertEqual([t["title"] for t in w.records("tasks")], ["Task 1"])
        w.each_once("sales_accounts", range(3))
        # Late older versions change nothing.
        late = [contact(0, [0], rev=8, pas=2)]
        w.feed(late + [contact(50, [0], pas=2)])
        w.until_final([contact(50, [0], pas=2)], pas=2)
        self.assertEqual(set(self.of_source(w, "contacts")), {"3", "50"})
        w.stop()

    def test_a_removal_spares_what_people_changed(self):
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(i) for i in range(2)],
                     "activity": [task(0), task(1)]})
        accounts = self.of_source(w, "sales_accounts", "cf_source_id")
        self.person(w, "sales_accounts", accounts["0"]["id"], city="Oslo")
        ids = {t["title"]: t["id"] for t in w.records("tasks")}
        self.person(w, "tasks", ids["Task 0"], title="Mine")
        final = self.again(w, ["account", "activity"], [
            removal("account", "company", 0, 9, 2),
            removal("account", "company", 1, 9, 2),
            removal("activity", "task", 0, 9, 2)],
            states=("deleted", "refused"))
        self.assertEqual(
            {k[1]: f["class"] for k, f in final.items() if f["rev"] == 9},
            {"company:0": "changed_in_target", "company:1": "",
             "task:0": "changed_in_target"})
        self.assertEqual(set(self.of_source(w, "sales_accounts",
                                            "cf_source_id")), {"0"})
        self.assertEqual({t["title"] for t in w.records("tasks")},
                         {"Mine", "Task 1"})
        w.stop()

    def test_a_removal_without_an_answer(self):
        """Lost before, lost after, 503: gone at the end, asked for once."""
        for name, action in (("lost after", {"close": "after"}),
                             ("lost before", {"close": "before"}),
                             ("503", {"status": 503, "body": "html"})):
            with self.subTest(name):
                w = World(self)
                w.loader()
                w.run_lanes({"activity": [task(0), task(1)]})
                w.faults({"name": "d", "times": 1, "match": {
                    "method": "DELETE", "path": "/tasks/"},
                    "action": action})
                self.again(w, ["activity"],
                           [removal("activity", "task", 0, 9, 2)],
                           states=("deleted",))
                self.assertEqual([t["title"] for t in w.records("tasks")],
                                 ["Task 1"])
                self.assertEqual(w.unsettled(), [])
                w.stop()

    def test_killed_while_it_removes(self):
        for point in ("after_intent", "after_send", "after_answer"):
            with self.subTest(point):
                w = World(self)
                w.loader()
                w.run_lanes({"activity": [task(i) for i in range(4)]})
                w.stop()
                w.loaders.clear()
                removals = [removal("activity", "task", i, 9, 2)
                            for i in range(4)]
                w.feed(removals)
                w.control(["activity"], pas=2)
                p = w.loader(1, ready=False, DROVER_CRASH=point + ":2")
                wait_until("it crashes: " + p.tail(),
                           lambda p=p: not p.alive(), 40)
                w.loader(1)
                w.until_final(removals, pas=2)
                self.assertEqual(w.records("tasks"), [])
                self.assertEqual(w.unsettled(), [])
                w.stop()

    def test_restored_at_the_source(self):
        """A new record with a new id, once."""
        w = World(self, knobs=("soft_deleted_holds_unique=no",))
        w.loader()
        w.run_lanes({"account": [company(0)]})
        first = self.of_source(w, "sales_accounts", "cf_source_id")["0"]["id"]
        self.again(w, ["account"], [removal("account", "company", 0, 9, 2)],
                   states=("deleted",))
        self.again(w, ["account"], [company(0, rev=10, pas=3)], 3)
        second = self.of_source(w, "sales_accounts", "cf_source_id")["0"]["id"]
        self.assertNotEqual(first, second)
        w.each_once("sales_accounts", [0])
        # And it is one's own again: a change goes to the new one.
        self.again(w, ["account"], [company(0, rev=11, pas=4, city="Ulm")], 4)
        self.assertEqual([(a["id"], a["city"]) for a in
                          w.records("sales_accounts")
                          if a["custom_field"]["cf_source_id"] == "0"],
                         [(second, "Ulm")])
        w.stop()

    # ---- a lead becomes a contact ----

    def classic(self, **conf):
        tenant = json.loads(TENANT.read_text())
        tenant["edition"] = "classic"
        tenant["selectors"]["lead_stages"] = [
            {"id": 9001, "name": "New", "position": 1}]
        tenant["fields"]["leads"] = [
            f for f in tenant["fields"]["contacts"]
            if f["name"] in ("last_name", "emails", "cf_source_id")]
        tenant["views"]["leads"] = [{
            "id": 9100, "name": "All Leads", "model_class_name": "Lead",
            "user_id": 0, "is_default": True}]
        w = World(self, tenant=tenant, **conf)
        w.conf["target.url"] = "http://127.0.0.1:%d/api" % w.sim.api
        return w

    def lead(self, i, rev=1, pas=1, **fields):
        return record("contact", "contact", i, "leads", "single", dict({
            "first_name": "Ana", "last_name": "L%d" % i,
            "email": "p%d@example.test" % i, "owner_id": USER,
            "lead_stage_id": 9001, "cf_source_id": str(i)}, **fields),
            rev=rev, pas=pas)

    def person_becomes_contact(self, w, n, pas=2):
        people = [contact(i, [0], rev=2, pas=pas, job_title="Chief")
                  for i in range(n)]
        w.feed(people)
        w.control(["account", "contact"], pas=pas)
        w.until_final(people, pas=pas)
        return people

    def only_contacts(self, w, n):
        # The first DONE of the new class names no content: wait for the last.
        wait_until("the contacts are as wanted", lambda: {
            k: c["job_title"] for k, c in self.of_source(
                w, "contacts").items()} == {str(i): "Chief"
                                            for i in range(n)}, 60)
        wait_until("nothing is open", lambda: not w.unsettled(), 30)
        self.assertEqual(w.records("leads"), [])
        mails = [c["email"] for c in w.records("contacts")
                 if c["email"] and c["email"].startswith("p")]
        self.assertEqual(sorted(mails), sorted(
            "p%d@example.test" % i for i in range(n)))
        account = self.of_source(w, "sales_accounts", "cf_source_id")["0"]
        for c in self.of_source(w, "contacts").values():
            self.assertEqual([a["id"] for a in c["sales_accounts"]],
                             [account["id"]])
        ids = {c["id"] for c in self.of_source(w, "contacts").values()}
        self.assertEqual({f["dst"] for k, f in w.final().items()
                          if k[0] == "contact"}, ids)

    def test_a_lead_becomes_a_contact(self):
        w = self.classic()
        w.loader()
        w.run_lanes({"account": [company(0)],
                     "contact": [self.lead(i) for i in range(3)]})
        self.assertEqual(len(w.records("leads")), 3)
        self.person_becomes_contact(w, 3)
        self.only_contacts(w, 3)
        # From now on a contact as any other.
        self.again(w, ["account", "contact"], [
            contact(0, [0], rev=3, pas=3, job_title="Boss")], 3)
        self.assertEqual(self.of_source(w, "contacts")["0"]["job_title"],
                         "Boss")
        # And never back.
        back = self.lead(1, rev=4, pas=4)
        final = self.again(w, ["account", "contact"], [back], 4, ("refused",))
        self.assertEqual(final[("contact", "contact:1")]["class"],
                         "class_change")
        self.assertEqual(w.records("leads"), [])
        w.stop()

    def test_a_conversion_without_an_answer(self):
        for name, action in (("lost after", {"close": "after"}),
                             ("lost before", {"close": "before"}),
                             ("503", {"status": 503, "body": "html"}),
                             ("late", {"late_effect_ms": 500})):
            with self.subTest(name):
                w = self.classic()
                w.loader()
                w.run_lanes({"account": [company(0)],
                             "contact": [self.lead(i) for i in range(2)]})
                w.faults({"name": "c", "times": 1, "match": {
                    "method": "POST", "path": "/convert$"}, "action": action})
                self.person_becomes_contact(w, 2)
                self.only_contacts(w, 2)
                w.stop()

    def test_killed_while_it_converts(self):
        for point in ("after_intent", "after_send", "after_answer",
                      "after_done"):
            with self.subTest(point):
                w = self.classic()
                w.loader()
                w.run_lanes({"account": [company(0)],
                             "contact": [self.lead(i) for i in range(3)]})
                w.stop()
                w.loaders.clear()
                w.feed([contact(i, [0], rev=2, pas=2, job_title="Chief")
                        for i in range(3)])
                w.control(["account", "contact"], pas=2)
                p = w.loader(1, ready=False, DROVER_CRASH=point + ":2")
                wait_until("it crashes: " + p.tail(),
                           lambda p=p: not p.alive(), 40)
                w.loader(1)
                self.only_contacts(w, 3)
                w.stop()

    def test_suite_has_one_kind_of_person(self):
        """The lifecycle stage of the same record changes: nothing doubles."""
        w = World(self)
        stages = [(s["id"], s["contact_status_ids"][0]) for s in
                  json.loads(TENANT.read_text())["selectors"][
                      "lifecycle_stages"]][:2]
        w.loader()

        def person(i, n):
            return contact(i, [], rev=n, pas=n, lifecycle_stage_id=stages[
                n - 1][0], contact_status_id=stages[n - 1][1])
        w.run_lanes({"contact": [person(i, 1) for i in range(4)]})
        ids = {k: c["id"] for k, c in self.of_source(w, "contacts").items()}
        self.again(w, ["contact"], [person(i, 2) for i in range(4)])
        self.assertEqual({k: c["id"] for k, c in self.of_source(
            w, "contacts").items()}, ids)
        self.assertEqual({c["lifecycle_stage_id"] for c in self.of_source(
            w, "contacts").values()}, {stages[1][0]})
        w.each_once("contacts", range(4))
        w.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
