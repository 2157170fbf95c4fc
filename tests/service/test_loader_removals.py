#!/usr/bin/env python3
"""Removals, and a lead that becomes a contact: what the simulated Freshsales
holds in the end, whatever happened on the way."""
import json
import unittest

import test_loader_edits
from test_loader import (
    TENANT, World, classic_tenant, company, contact, deal, lead, record, task)
from bench import wait_until


def removal(lane, obj, id_, rev, pas):
    r = record(lane, obj, id_, "", "single", {}, rev=rev, pas=pas)
    r["load"]["delete"] = True
    return r


class Removals(test_loader_edits.Case):
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

    def test_what_people_deleted_is_refused_with_a_cure(self):
        """What lies in a recycle bin can be restored there; a task is gone
        for good."""
        w = World(self)
        w.loader()
        w.run_lanes({"contact": [contact(0, [])], "activity": [task(0)]})
        for kind in ("contacts", "tasks"):
            for r in w.records(kind):
                w.sim.post("/sim/admin/%s/%d" % (kind, r["id"]), {}, "DELETE")
        self.again(w, ["contact", "activity"], [
            contact(0, [], rev=9, pas=2, city="Oslo"),
            task(0, rev=9, pas=2, title="Changed")], states=("refused",))
        wait_until(lambda: "both are told, not %s" % self.rejected(w),
                   lambda: len(self.rejected(w)) == 2, 30)
        told = {r["object"]: r for r in self.rejected(w)}
        self.assertEqual({r["class"] for r in told.values()}, {"gone"})
        self.assertIn("restore it from the recycle bin",
                      told["contact"]["cure"])
        self.assertNotIn("restore", told["task"]["cure"])
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

    def test_only_a_404_says_that_it_is_not_there(self):
        """A look-up that is refused tells nothing: what stands is removed, and
        what was made is not made again."""
        for status in (400, 403, 409, 500):
            with self.subTest(status):
                w = World(self)
                w.loader()
                w.run_lanes({"activity": [task(0), task(1)]})
                w.faults(
                    {"name": "lost", "times": 1,
                     "match": {"method": "DELETE", "path": "/tasks/"},
                     "action": {"close": "before"}},
                    {"name": "read", "after": 1, "times": 2,
                     "match": {"method": "GET", "path": "/tasks/[0-9]+"},
                     "action": {"status": status}},
                    {"name": "made", "times": 1,
                     "match": {"method": "POST", "path": "/deals$"},
                     "action": {"close": "after"}},
                    {"name": "looked", "times": 2,
                     "match": {"method": "GET", "path": "/deals/[0-9]+"},
                     "action": {"status": status}})
                self.again(w, ["deal", "activity"], [
                    deal(0, how="single", pas=2),
                    removal("activity", "task", 0, 9, 2)],
                    states=("done", "deleted"))
                self.assertEqual([t["title"] for t in w.records("tasks")],
                                 ["Task 1"])
                w.each_once("deals", [0])
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
        w = World(self, tenant=classic_tenant(), **conf)
        w.conf["target.url"] = "http://127.0.0.1:%d/api" % w.sim.api
        return w

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
                     "contact": [lead(i) for i in range(3)]})
        self.assertEqual(len(w.records("leads")), 3)
        self.person_becomes_contact(w, 3)
        self.only_contacts(w, 3)
        # From now on a contact as any other.
        self.again(w, ["account", "contact"], [
            contact(0, [0], rev=3, pas=3, job_title="Boss")], 3)
        self.assertEqual(self.of_source(w, "contacts")["0"]["job_title"],
                         "Boss")
        # And never back.
        back = lead(1, rev=4, pas=4)
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
                             "contact": [lead(i) for i in range(2)]})
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
                             "contact": [lead(i) for i in range(3)]})
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
