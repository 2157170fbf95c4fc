#!/usr/bin/env python3
"""Requests of which nobody heard the end, while the plan goes on: they are
settled before anything else of their record, and by a record that is outdated,
too. Everything is asserted on what the simulated Freshsales holds."""
import unittest

from test_loader import (  # first: it finds the support folder
    World, company, contact, deal, ref, task)
from test_loader_edits import Case
from bench import wait_until


def of(i, city, rev=1, pas=1, **more):
    """The same content whatever the pass."""
    r = company(i, rev, pas, **more)
    r["load"]["fields"]["city"] = city
    r["load"]["same"] = "%s in %s" % (i, city)
    return r


class Attempts(Case):
    def killed(self, w, point, records, pas=1, lanes=("account",)):
        """A loader that dies with them on the way."""
        w.stop()
        w.loaders.clear()
        w.feed(records)
        w.control(list(lanes), pas=pas)
        p = w.loader(1, ready=False, DROVER_CRASH=point + ":1")
        wait_until("it crashes", lambda: not p.alive(), 40)
        w.loaders.clear()
        self.assertTrue(w.unsettled())

    def landed_before(self, *records):
        w = World(self)
        w.loader()
        w.run_lanes({"account": list(records)})
        return w

    def go_on(self, w, pas, *records, covered=()):
        """The next pass, in which nothing is to be done for what is covered:
        it stands before the others in the topic."""
        w.feed(list(covered) + list(records))
        w.control(["account"], pas=pas)
        w.loader(2)
        w.until_final(records, 30, pas=pas)

    def until_settled(self, w):
        wait_until(lambda: "all are settled; %s; %s" % (
            w.unsettled(), w.loaders[2].tail(3)),
            lambda: not w.unsettled(), 30)

    def cities(self, w):
        return {i: a["city"] for i, a in self.of_source(
            w, "sales_accounts", "cf_source_id").items() if i.isdigit()}

    def changed_and_killed(self, point="after_answer"):
        w = self.landed_before(of(1, "Bonn"))
        self.killed(w, point, [of(1, "Rome", 1, 2)], 2)
        self.assertEqual(self.cities(w)["1"], "Rome" if point ==
                         "after_answer" else "Bonn")
        return w

    def test_a_plan_that_is_corrected_back(self):
        """What is wanted is what the last fact says, and not what stands."""
        w = self.changed_and_killed()
        self.go_on(w, 3, of(1, "Bonn", 1, 3))
        self.assertEqual(self.cities(w), {"1": "Bonn"})
        self.assertEqual(w.unsettled(), [])
        self.assert_conflicts(w, set())
        w.stop()

    def test_a_plan_that_is_corrected_further(self):
        """What the attempt wrote is ours, and no edit of a person's."""
        w = self.changed_and_killed()
        self.go_on(w, 3, of(1, "Oslo", 1, 3))
        self.assertEqual(self.cities(w), {"1": "Oslo"})
        self.assert_conflicts(w, set())
        w.stop()

    def test_one_that_was_never_sent(self):
        w = self.changed_and_killed("after_intent")
        self.go_on(w, 3, of(2, "Ulm", 1, 3), covered=[of(1, "Bonn", 1, 3)])
        self.until_settled(w)
        self.assertEqual(self.cities(w), {"1": "Bonn", "2": "Ulm"})
        self.assert_conflicts(w, set())
        w.stop()

    def test_an_edit_after_it(self):
        """It is neither as the attempt left it nor as before: what the
        attempt wrote is taken back, what the person wrote stays."""
        w = self.changed_and_killed()
        rid = self.of_source(w, "sales_accounts", "cf_source_id")["1"]["id"]
        self.person(w, "sales_accounts", rid, name="Theirs")
        self.go_on(w, 3, of(1, "Bonn", 1, 3))
        one = self.of_source(w, "sales_accounts", "cf_source_id")["1"]
        self.assertEqual((one["city"], one["name"]), ("Bonn", "Theirs"))
        self.assert_conflicts(w, {("1", "conflict", "name", True)})
        w.stop()

    def test_one_whose_content_stood_there_before(self):
        """What was read back then is no word about now."""
        w = self.landed_before(of(1, "Bonn"))
        self.again(w, ["account"], [of(1, "Rome", 1, 2)], 2)
        self.again(w, ["account"], [of(1, "Bonn", 1, 3)], 3)
        self.killed(w, "after_intent", [of(1, "Rome", 1, 4)], 4)
        self.go_on(w, 4, of(2, "Ulm", 1, 4))
        self.until_settled(w)
        wait_until("it is written", lambda: self.cities(w) == {
            "1": "Rome", "2": "Ulm"}, 30)
        w.stop()

    def same_again(self, w, r):
        """It had a link fewer when it was sent: in the next pass what was
        missing comes first, and it again."""
        lanes = ["account", "contact", "deal", "activity"]
        r["load"]["same"] = "it"
        self.killed(w, "after_answer", [r], lanes=lanes)
        again = dict(r, load=dict(r["load"], **{"pass": 2}))
        return again, lanes

    def test_a_link_that_it_could_not_have_yet(self):
        w = self.landed_before(of(0, "Bonn"))
        again, lanes = self.same_again(w, deal(1, 0, [5], how="single"))
        there = [contact(5, [0], 1, 2), again]
        w.feed(there)
        w.control(lanes, pas=2)
        w.loader(2)
        w.until_final(there, 30, pas=2)
        made, = w.records("deals")
        self.assertEqual([c["id"] for c in made["contacts"]],
                         [self.of_source(w, "contacts")["5"]["id"]])
        w.stop()

    def test_a_parent_that_it_could_not_have_yet(self):
        """It is found where it was made, and not made again."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [of(0, "Bonn")], "contact": [contact(5, [0])]})
        r = task(1)
        r["load"]["refs"] = [
            ref("targetable:Deal", "deal", "deal:9"),
            ref("targetable:Contact", "contact", "contact:5")]
        again, lanes = self.same_again(w, r)
        there = [deal(9, 0, how="single", pas=2), again]
        w.feed(there)
        w.control(lanes, pas=2)
        w.loader(2)
        w.until_final(there, 30, pas=2)
        self.assertEqual(len(w.records("tasks")), 1)
        w.stop()

    def test_what_waits_for_a_call_is_not_sent_in_another_pass(self):
        """Of what the limit held back the corrected plan has but one."""
        w = World(self, knobs=("rate_plan=60", "rate_minute=off"),
                  rate=(60, 0), **{"rate.hour_ms": 4000})
        w.sim.post("/sim/clock", {"scale": 900})
        w.loader()
        w.feed([task(i) for i in range(150)])
        w.control(["activity"])
        wait_until("some are there", lambda: w.records("tasks"), 30)
        last = task(200, pas=2)
        w.feed([last])
        w.control(["activity"], pas=2)
        w.until_final([last], 60, pas=2)
        self.assertLess(len(w.records("tasks")), 120)
        w.stop()

    def left_out(self, point, n):
        """The corrected plan has no record of them; of the first it has."""
        w = self.landed_before(of(0, "Bonn"))
        self.killed(w, point, [of(i, "Bonn") for i in range(1, n + 1)])
        self.go_on(w, 2, of(0, "Rome", 1, 2))
        self.until_settled(w)
        return w

    def test_what_was_made_and_is_left_out(self):
        for n in (1, 20):  # singly, and in bulk
            with self.subTest(n):
                w = self.left_out("after_answer", n)
                stand = self.of_source(w, "sales_accounts", "cf_source_id")
                made = {i for i in range(n + 1) if str(i) in stand}
                self.assertGreater(len(made), 1)  # the first batch's
                w.each_once("sales_accounts", made)
                named = {f["key"]: f["dst"] for f in w.facts() if f.get("dst")}
                self.assertEqual(
                    {k: v for k, v in named.items()
                     if k.startswith("company:")},
                    {"company:%d" % i: stand[str(i)]["id"] for i in made})
                w.stop()

    def test_what_was_not_made_and_is_left_out(self):
        """It is looked for, and not made any more."""
        w = self.left_out("after_intent", 1)
        self.assertEqual(self.cities(w), {"0": "Rome"})
        w.stop()

    def test_what_comes_again_after_that(self):
        w = self.left_out("after_answer", 1)
        self.go_on(w, 3, of(1, "Oslo", 1, 3))
        self.assertEqual(self.cities(w), {"0": "Rome", "1": "Oslo"})
        w.each_once("sales_accounts", range(2))
        w.stop()


if __name__ == "__main__":
    unittest.main()
