#!/usr/bin/env python3
"""Links that move alone, and the answer to it is lost. Everything is asserted
on what the simulated Freshsales holds."""
import unittest

from test_loader import (  # first: it finds the support folder
    World, company, contact, deal, link, ref, task)
from test_loader_edits import Case
from test_loader_removals import removal

LANES = ["account", "contact", "deal", "link", "activity"]
NOTHING_HAPPENED = {
    "lost before": {"close": "before"},
    "503": {"status": 503, "body": "html"},
    "slow for nothing": {"delay_ms": 300, "then": "none"},
}


class Links(Case):
    def version(self, n, ids, at):
        """Every record the same but for where its links go."""
        out = []
        for i in ids:
            out += [contact(i, [at], rev=n, pas=n),
                    deal(i, at, [ids[0] + (i + at) % len(ids)], rev=n, pas=n),
                    link(i + 1000, at, rev=n, pas=n),
                    task(i, ("SalesAccount", "account", "company:%s" % at),
                         rev=n, pas=n)]
        return out

    def assert_links(self, w, ids, at):
        accounts = self.of_source(w, "sales_accounts", "cf_source_id")
        people = self.of_source(w, "contacts")
        deals = self.of_source(w, "deals", "cf_source_id")
        want = accounts[str(at)]["id"]
        for i in ids:
            self.assertEqual([a["id"] for a in people[str(i)]
                              ["sales_accounts"]], [want], i)
            self.assertEqual(deals[str(i)]["sales_account_id"], want, i)
            self.assertEqual(
                [c["id"] for c in deals[str(i)]["contacts"]],
                [people[str(ids[0] + (i + at) % len(ids))]["id"]], i)
            self.assertEqual(accounts[str(i + 1000)][
                "parent_sales_account_id"], want, i)
        tasks = [r for r in w.records("tasks")
                 if int(r["title"].split()[1]) in ids]
        self.assertEqual([[t["id"] for t in r["targetables"]] for r in tasks],
                         [[want]] * len(ids))

    def moved(self, n):
        """n of each: few go singly, many in bulk."""
        w = World(self)
        w.loader()
        ids = range(100, 100 + n)
        first = self.version(1, ids, 1)
        w.run_lanes({"account": [company(i) for i in (1, 2)] + [
            company(i + 1000) for i in ids]} | {
                lane: [r for r in first if r["load"]["lane"] == lane]
                for lane in LANES[1:]})
        self.assert_links(w, ids, 1)
        at = 1
        for pas, (name, action) in enumerate(NOTHING_HAPPENED.items(), 2):
            with self.subTest(name):
                at = 3 - at
                w.faults(*({"name": "lost", "match": m, "after": 0,
                            "times": 2, "action": action} for m in (
                                {"method": "PUT", "path": "/contacts/"},
                                {"method": "PUT", "path": "/deals/"},
                                {"method": "PUT", "path": "/tasks/"},
                                {"method": "PUT", "path": "/sales_accounts/"},
                                {"method": "POST", "path": "bulk_upsert$"})))
                self.again(w, LANES, self.version(pas, ids, at), pas)
                self.assert_links(w, ids, at)
        w.stop()

    def test_moved_one_by_one(self):
        self.moved(3)

    def test_moved_in_bulk(self):
        self.moved(30)

    def test_a_merge_into_what_is_not_there(self):
        """It is the plan's mistake, and nobody's deletion."""
        w = World(self)
        w.loader()
        r = contact(5, [])
        r["load"].update(how="merge", dst=99)
        final = w.run_lanes({"contact": [r]})
        self.assertEqual(final["contact", "contact:5"]["class"], "refused")
        told, = self.rejected(w)
        self.assertIn("the record 99, into which the plan merges", told[
            "reason"])
        self.assertIn("correct the merge in the plan", told["cure"])
        self.assertNotIn("5", [c["external_id"] for c in
                               w.records("contacts")])
        w.stop()

    def test_accounts_of_a_contact_that_was_there(self):
        """It keeps its own; ours come, move and end beside it."""
        w = World(self)
        w.sim.post("/sim/admin/sales_accounts", {"name": "Theirs"})
        theirs = [a["id"] for a in w.records("sales_accounts")
                  if a["name"] == "Theirs"][0]
        w.sim.post("/sim/admin/contacts", {
            "last_name": "Old", "emails": "old@example.test",
            "sales_accounts": [{"id": theirs, "is_primary": True}]})
        rid = [c["id"] for c in w.records("contacts")
               if c["last_name"] == "Old"][0]
        w.loader()
        w.run_lanes({"account": [company(1), company(2)]})
        accounts = self.of_source(w, "sales_accounts", "cf_source_id")

        def version(n, companies):
            r = contact(5, companies, rev=n, pas=n)
            r["load"].update(how="merge", dst=rid)
            return r

        def linked():
            c = [c for c in w.records("contacts") if c["id"] == rid][0]
            return sorted((a["id"], a["is_primary"])
                          for a in c["sales_accounts"])
        ours = [accounts[str(i)]["id"] for i in (1, 2)]
        for n, companies, want in (
                (2, [1], [(theirs, False), (ours[0], True)]),
                (3, [2], [(theirs, False), (ours[1], True)]),
                (4, [1, 2], [(theirs, False), (ours[0], True),
                             (ours[1], False)]),
                (5, [77, 78], [(theirs, True)]),
                (6, [2], [(theirs, False), (ours[1], True)])):
            with self.subTest(companies):
                self.again(w, ["account", "contact"],
                           [version(n, companies)], n)
                self.assertEqual(linked(), sorted(want))
        w.stop()

    def test_of_what_was_removed(self):
        """A task on a contact whose deal never came: the contact is removed by
        approval, and a later pass looks at the task again."""
        def on_both(pas):
            r = task(7, pas=pas)
            r["load"].update(same="seven", refs=[
                ref("targetable:Deal", "deal", "deal:77", "reject"),
                ref("targetable:Contact", "contact", "contact:1", "reject")])
            return r
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(1)], "contact": [contact(1, [1])],
                     "activity": [on_both(1)]})
        before = w.records("tasks")
        gone = removal("contact", "contact", 1, 9, 2)
        w.feed([gone])
        w.control(LANES, pas=2)
        w.until_final([gone], pas=2)
        again = [on_both(3), task(8, pas=3)]
        w.feed(again)
        w.control(LANES, pas=3)
        w.until_final(again[1:], pas=3)
        self.assertEqual([r for r in w.dump("rejected")
                          if r["kind"] == "rejected"], [])
        self.assertEqual([dict(r, targetables=[]) for r in w.records("tasks")
                          if "Task 7" in r["title"]],
                         [dict(r, targetables=[]) for r in before])
        w.stop()

    def test_ended(self):
        """The account and the contacts of a deal, a parent: the request that
        takes them away is lost, twice."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(1), company(2)],
                     "contact": [contact(5, [1])],
                     "deal": [deal(7, 1, [5])], "link": [link(2, 1)]})
        w.faults({"name": "lost", "match": {"method": "PUT", "path": "/"},
                  "after": 0, "times": 4, "action": {"close": "before"}})
        self.again(w, LANES, [deal(7, rev=2, pas=2),
                              link(2, None, rev=2, pas=2)], 2)
        d = w.records("deals")[0]
        self.assertEqual((d["sales_account_id"], d["contacts"]), (None, []))
        self.assertEqual({r["parent_sales_account_id"]
                          for r in w.records("sales_accounts")}, {None})
        w.stop()

    def test_of_what_people_deleted(self):
        """In bulk, too, where the job says that there is no such record."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(i) for i in range(6)]})
        gone = self.of_source(w, "sales_accounts", "cf_source_id")["3"]["id"]
        w.sim.post("/sim/admin/sales_accounts/%d" % gone, {}, "DELETE")
        links = [link(i, 0) for i in range(1, 6)]
        w.feed(links)
        w.control(["account", "link"])
        final = w.until_final(links)
        self.assertEqual(
            {k[1]: f["class"] for k, f in final.items() if k[0] == "link"},
            {"company:%d" % i: "gone" if i == 3 else ""
             for i in range(1, 6)})
        self.assertIn("restore it from the recycle bin",
                      self.rejected(w)[0]["cure"])
        w.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
