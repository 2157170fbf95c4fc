#!/usr/bin/env python3
"""What the loader does while the target says nothing of use: how often it asks,
when it sets a record aside, and what the simulated Freshsales holds then."""
import itertools
import re
import unittest

import test_loader_edits
from test_loader import (World, classic_tenant, company, contact, deal, lead,
                         lines, product, task)
from test_loader_kinds import thing
from test_loader_removals import removal
from test_loader_circles import PARENT, edge
from bench import ndjson, wait_until

def reads(path, **action):
    return {"name": "read", "times": -1,
            "match": {"method": "GET", "path": path}, "action": action}


class Waits(test_loader_edits.Case):
    def asked(self, w, path):
        return sum(j["method"] == "GET" and bool(re.search(path, j["path"]))
                   for j in ndjson(w.sim.admin, "/sim/journal"))

    def set_aside(self, w, r):
        """Its refusal. Meanwhile others are written, one after the other."""
        key = (r["load"]["lane"], "%s:%s" % (r["load"]["object"],
                                             r["load"]["id"]))
        others = itertools.count(100)

        def look():
            w.feed([task(next(others), pas=2)])
            f = w.final(2).get(key)
            return f if f and f["rev"] == r["load"]["rev"] else None
        return wait_until(lambda: "set aside; %s" % w.loaders[0].tail(3), look, 90,
                          1)

    def begun(self):
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(0)],
                     "activity": [task(0), task(1)]})
        return w

    def read_before_a_write(self, r, path, **action):
        w = self.begun()
        before, n = w.records("sales_accounts"), self.asked(w, path)
        w.faults(reads(path, **action))
        w.feed([r])
        w.control(["account", "activity"], pas=2)
        final = self.set_aside(w, r)
        self.assertEqual((final["state"], final["class"]),
                         ("refused", "server_error"))
        self.assertEqual(w.records("sales_accounts"), before)
        self.assertIn("Task 0", [t["title"] for t in w.records("tasks")])
        self.assertLessEqual(self.asked(w, path) - n, 12)
        self.assertEqual(w.loaders[0].tail(1000).count(
            "loader.strange_answer"), 1)
        w.stop()

    def test_a_read_that_is_answered_strangely(self):
        """Ever more seldom, and in the end it is set aside."""
        for action in ({"status": 410}, {"status": 302},
                       {"drop_fields": ["sales_account"]}):
            with self.subTest(action):
                self.read_before_a_write(
                    company(0, rev=2, pas=2, city="Rome"),
                    "/sales_accounts/[0-9]+", **action)

    def test_a_read_before_a_removal_that_is_answered_strangely(self):
        self.read_before_a_write(removal("activity", "task", 0, 9, 2),
                                 "/tasks/[0-9]+", status=410)

    def looked_up(self, records, faults, path):
        """The write is lost, and what became of it is not to be had."""
        w = self.begun()
        w.faults(*faults)
        before = self.asked(w, path)
        w.feed(records)
        w.control(["account", "activity"], pas=2)
        final = self.set_aside(w, records[0])
        self.assertEqual((final["state"], final["class"]),
                         ("refused", "outcome_unknown"))
        said = [r for r in self.rejected(w) if r["class"] ==
                "outcome_unknown"]
        self.assertIn("HTTP 400", said[0]["reason"])
        self.assertIn("by hand", said[0]["cure"])
        self.assertLessEqual(self.asked(w, path) - before, 12)
        self.assertEqual(w.loaders[0].tail(1000).count(
            "loader.strange_answer"), 1)
        return w

    def test_a_removal_whose_look_up_is_refused(self):
        path = "/tasks/[0-9]+"
        w = self.looked_up(
            [removal("activity", "task", 0, 9, 2)],
            [{"name": "lost", "times": 1,
              "match": {"method": "DELETE", "path": path},
              "action": {"close": "before"}},
             dict(reads(path, status=400), after=1)], path)
        self.assertIn("Task 0", [t["title"] for t in w.records("tasks")])
        w.stop()

    def test_a_removal_of_which_no_list_tells(self):
        """The request is lost, and what the note hangs on is deleted."""
        w = World(self, knobs=("get_soft_deleted=404",))
        w.loader()
        n = thing("notes", 1, on=0)
        w.run_lanes({"account": [company(0)], "contact": [contact(0, [0])]})
        w.feed([n])
        w.control(["account", "contact", "note"])
        w.until_final([n])
        there = self.of_source(w, "contacts")["0"]
        path = "/contacts/[0-9]+/notes"
        w.faults({"name": "lost", "times": 1,
                  "match": {"method": "DELETE", "path": "/notes/"},
                  "action": {"close": "before"}})
        gone = removal("note", "note", 1, 9, 2)
        w.feed([gone])
        w.control(["account", "contact", "note"], pas=2)
        wait_until("it was asked for", lambda: any(
            j["method"] == "DELETE" for j in ndjson(
                w.sim.admin, "/sim/journal")), 30)
        w.sim.post("/sim/admin/contacts/%d" % there["id"], {}, "DELETE")
        before = self.asked(w, path)
        final = w.until_final([gone], 30, pas=2)["note", "note:1"]
        self.assertEqual((final["state"], final["class"]),
                         ("refused", "outcome_unknown"))
        told, = [r for r in self.rejected(w) if r["object"] == "note"]
        self.assertIn("delete it by hand", told["cure"])
        self.assertLessEqual(self.asked(w, path) - before, 2)
        self.assertEqual(len(w.records("notes")), 1)
        w.stop()

    def never_done(self, w, r, lanes, method, path):
        """The target says so at once each time, and can be read."""
        w.faults({"name": "never", "times": -1,
                  "match": {"method": method, "path": path},
                  "action": {"status": 503, "body": "html"}})
        w.feed([r])
        w.control(lanes, pas=2)
        final = w.until_final([r], 60, pas=2)
        told = final[r["load"]["lane"], "%s:%s" % (
            r["load"]["object"], r["load"]["id"])]
        self.assertEqual((told["state"], told["class"]),
                         ("refused", "server_error"))
        sent = [j["at_ms"] for j in ndjson(w.sim.admin, "/sim/journal")
                if j["method"] == method and re.search(path, j["path"])]
        self.assertLessEqual(len(sent), 8)
        waits = [b - a for a, b in zip(sent, sent[1:])]
        self.assertGreater(waits[-1], 4 * waits[0], "ever more seldom")

    def test_a_removal_that_is_never_done(self):
        w = self.begun()
        self.never_done(w, removal("activity", "task", 0, 9, 2),
                        ["account", "activity"], "DELETE", "/tasks/")
        self.assertIn("Task 0", [t["title"] for t in w.records("tasks")])
        w.stop()

    def test_a_conversion_that_is_never_done(self):
        w = World(self, tenant=classic_tenant())
        w.conf["target.url"] = "http://127.0.0.1:%d/api" % w.sim.api
        w.loader()
        w.run_lanes({"account": [company(0)], "contact": [lead(0)]})
        self.never_done(w, contact(0, [0], rev=2, pas=2),
                        ["account", "contact"], "POST", "/convert$")
        self.assertEqual(len(w.records("leads")), 1)
        w.stop()

    def test_an_update_whose_look_up_is_refused(self):
        path = "/sales_accounts/[0-9]+"
        w = self.looked_up(
            [company(0, rev=2, pas=2, city="Rome")],
            [{"name": "lost", "times": 1,
              "match": {"method": "PUT", "path": path},
              "action": {"close": "before"}},
             dict(reads(path, status=400), after=1)], path)
        self.assertEqual(self.of_source(w, "sales_accounts", "cf_source_id")[
            "0"]["city"], "Bonn")
        # It stands there and can be read: the next version is written.
        w.faults()
        v = company(0, rev=3, pas=3, city="Paris")
        w.feed([v])
        w.control(["account", "activity"], pas=3)
        self.assertEqual(w.until_final([v], pas=3)[("account", "company:0")][
            "state"], "done")
        self.assertEqual(self.of_source(w, "sales_accounts", "cf_source_id")[
            "0"]["city"], "Paris")
        w.stop()

    @staticmethod
    def still(w):
        """The lanes of which the loader last said that they stand still."""
        said = [r["json"] for r in w.dump("catalog", 1)
                if r["side"] == "status" and r["name"].startswith("loader:")]
        return {k for k, v in said[-1]["lanes"].items() if v.get("halted")}

    def test_a_look_up_that_is_forbidden(self):
        """It waits for a person, and so the lane says; it goes on by itself
        once that is granted."""
        path = "/sales_accounts/[0-9]+"
        w = self.begun()
        w.faults({"name": "lost", "times": 1,
                  "match": {"method": "PUT", "path": path},
                  "action": {"close": "after"}},
                 dict(reads(path, status=403), after=1))
        v = company(0, rev=2, pas=2, city="Rome")
        w.feed([v])
        w.control(["account", "activity"], pas=2)
        wait_until("it is said", lambda: self.still(w) == {"account"}, 60)
        w.faults()
        w.until_final([v], pas=2)
        self.assertEqual(self.of_source(w, "sales_accounts", "cf_source_id")[
            "0"]["city"], "Rome")
        wait_until("it is said no more", lambda: not self.still(w), 30)
        w.stop()

    def test_lines_of_a_deal_whose_update_has_no_known_outcome(self):
        lanes = ["product", "deal", "deal_product", "activity"]
        path = "/deals/[0-9]+"
        w = World(self)
        w.loader()
        w.run_lanes({"product": [product(0), product(1)],
                     "deal": [deal(0, amount="99.00")],
                     "deal_product": [lines(0, [0])], "activity": [task(0)]})
        w.faults({"name": "lost", "times": 1,
                  "match": {"method": "PUT", "path": path},
                  "action": {"close": "before"}},
                 dict(reads(path, status=400), after=1))
        v = deal(0, amount="99.00", rev=2, pas=2, how="single")
        v["load"]["fields"]["name"] = "Other"
        w.feed([v])
        w.control(lanes, pas=2)
        self.assertEqual(self.set_aside(w, v)["class"], "outcome_unknown")
        w.faults()
        s = lines(0, [0, 1], rev=3, pas=2)
        s["load"]["tail"] = True
        w.feed([s])
        w.until_final([s], pas=2)
        there, = w.records("deals")
        self.assertEqual((float(there["amount"]), len(there["products"])),
                         (99.0, 2))
        w.stop()

    def climbs(self, status):
        """Whether the parent that is refused closes a circle is not to be
        had. Returns the world and the paths of the parent and the account."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(1), company(2)],
                     "link": [edge(2, 1)], "activity": [task(0)]})
        at = self.of_source(w, "sales_accounts", "cf_source_id")
        own, parent = ("/sales_accounts/%s" % at[i]["id"] for i in "12")
        w.faults(reads(parent, status=status))
        w.feed([edge(1, 2, 2, 2)])
        w.control(["account", "link", "activity"], pas=2)
        return w, own, parent

    def test_a_parent_that_may_not_be_read_for_a_while(self):
        w, own, parent = self.climbs(403)
        before = self.asked(w, own)
        wait_until("it is asked for several times",
                   lambda: self.asked(w, parent) >= 5, 60)
        self.assertLessEqual(self.asked(w, own) - before, 3)
        self.assertLessEqual(self.asked(w, parent), 6)
        w.faults()
        w.until_final([edge(1, 2, 2, 2)], pas=2)
        self.assertEqual({r["class"] for r in self.rejected(w)}, {"circle"})
        self.assertIsNone(self.of_source(w, "sales_accounts", "cf_source_id")[
            "1"][PARENT])
        w.stop()

    def test_a_parent_whose_answers_stay_strange(self):
        w, own, parent = self.climbs(302)
        self.assertEqual(self.set_aside(w, edge(1, 2, 2, 2))["class"],
                         "refused")
        self.assertLessEqual(self.asked(w, parent), 12)
        self.assertLessEqual(self.asked(w, own), 6)
        w.stop()

    def test_a_view_that_may_not_be_read(self):
        """Singly each of them is found."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(0)]})
        path = "/contacts/view/"
        w.faults(reads(path, status=404))
        before = self.asked(w, path)
        data = [contact(i, [0]) for i in range(20)]
        w.feed(data)
        w.control(["account", "contact"])
        final = w.until_final(data, 90)
        self.assertEqual({f["state"] for f in final.values()}, {"done"})
        w.each_once("contacts", range(20))
        self.assertLessEqual(self.asked(w, path) - before, 12)
        w.stop()

    def test_a_job_that_does_not_end(self):
        """What it may still do is not done a second time."""
        w = World(self, knobs=("job_delay_ms=86400000",))
        w.loader()
        data = [contact(i, []) for i in range(20)]
        w.feed(data)
        w.control(["account", "contact"])
        final = w.until_final(data, 120)
        self.assertEqual({(f["state"], f["class"]) for f in final.values()},
                         {("refused", "outcome_unknown")})
        self.assertEqual(w.calls("bulk_upsert"), 1)
        self.assertEqual({r["cure"] for r in self.rejected(w)}, {
            "look in the target whether it is there; if not, create it by "
            "hand"})
        w.stop()

    def test_a_list_that_is_never_answered(self):
        """What hangs on one contact is not told, while others are answered."""
        w = self.begun()
        w.run_lanes({"contact": [contact(0, [0])]})
        path = "/contacts/[0-9]+/notes"
        w.faults({"name": "lost", "times": 1,
                  "match": {"method": "POST", "path": "/notes$"},
                  "action": {"close": "after"}}, reads(path, close="before"))
        n = thing("notes", 1, on=0, pas=2)
        w.feed([n])
        w.control(["account", "contact", "activity", "note"], pas=2)
        self.assertEqual(self.set_aside(w, n)["class"], "outcome_unknown")
        # Two each: a GET is sent again when its connection was used before.
        self.assertLessEqual(self.asked(w, path), 24)
        self.assertEqual(len(w.records("notes")), 1)
        w.stop()

    def test_a_parent_is_waited_for_once(self):
        """Not once more before each time that it is sent."""
        w = World(self, **{"loader.parent_wait_ms": 2000})
        w.loader()
        w.faults({"name": "full", "times": 1,
                  "match": {"method": "POST", "path": "/tasks$"},
                  "action": {"status": 429}})
        one = task(0, ("Deal", "deal", "deal:77"))
        one["load"]["tail"] = True
        w.feed([one])
        w.control(["activity"])
        w.until_final([one])
        first, second = [j["at_ms"] for j in ndjson(
            w.sim.admin, "/sim/journal") if j["method"] == "POST" and
            j["path"].endswith("/tasks")]
        self.assertLess(second - first, 3000)
        w.stop()

    def test_a_part_of_the_catalogue_that_is_answered_strangely(self):
        """It is left out, as one that is refused."""
        w = World(self)
        path = "/settings/deals/fields"
        w.faults(reads(path, status=302))
        w.loader()
        self.assertLessEqual(self.asked(w, path), 10)
        data = [company(0)]
        w.feed(data)
        w.control(["account"])
        w.until_final(data)
        w.stop()

    def refused_batches(self, n, status):
        """The first four are refused whole, for what is no fault of theirs:
        that tells nothing of what the target takes in bulk."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(0)]})
        w.faults({"name": "bulk", "times": 4,
                  "match": {"method": "POST", "path": "/contacts/bulk_upsert"},
                  "action": {"status": status}})
        data = [contact(i, [0]) for i in range(n)]
        before = w.calls()
        w.feed(data)
        w.control(["account", "contact"])
        w.until_final(data, 120)
        w.each_once("contacts", range(n))
        self.assertNotIn("loader.single_creates", w.loaders[0].tail(1000))
        self.assertLessEqual(w.calls() - before, n // 10)
        w.stop()

    def test_batches_that_are_too_large(self):
        self.refused_batches(600, 413)

    def test_batches_that_are_refused_at_once(self):
        self.refused_batches(1200, 400)

    def test_a_search_whose_answer_has_another_shape(self):
        """It does not say that the deal is not there: its POST was lost on
        the way back, and it is made once."""
        for path, method in (("/lookup", "GET"), ("/filtered_search", "POST")):
            with self.subTest(path):
                w = World(self)
                w.loader()
                w.faults({"name": "made", "times": 1,
                          "match": {"method": "POST", "path": "/deals$"},
                          "action": {"close": "after"}},
                         {"name": "no lookup",
                          "times": 3 if method == "POST" else 0,
                          "match": {"path": "/lookup"},
                          "action": {"status": 404}},
                         {"name": "shape", "times": 2,
                          "match": {"method": method, "path": path},
                          "action": {"drop_fields": ["deals"]}})
                data = [deal(0, how="single")]
                w.feed(data)
                w.control(["deal"])
                final = w.until_final(data)
                self.assertEqual(final["deal", "deal:0"]["state"], "done")
                w.each_once("deals", [0])
                w.stop()


if __name__ == "__main__":
    unittest.main()
