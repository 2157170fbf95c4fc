#!/usr/bin/env python3
"""A deal's lines, which take two calls where they overwrite its amount: what
the simulated Freshsales holds of them, whatever ends between the two."""
import json
import re
import unittest

import test_loader_edits
from test_loader import World, deal, lines, product
from bench import ndjson, wait_until

LANES = ["product", "deal", "deal_product"]
SUM = "6.50"  # of a line as lines() makes it
PUT = {"method": "PUT", "path": "/deals/"}


def fault(action, **more):
    return dict({"name": "put", "match": PUT, "action": action}, **more)


class Lines(test_loader_edits.Case):
    def world(self, amount="99.00"):
        w = World(self)
        w.loader()
        w.run_lanes({"product": [product(i) for i in range(2)],
                     "deal": [deal(0, amount=amount)]})
        return w

    def fed(self, w, products, rev=1, pas=1):
        data = [lines(0, products, rev=rev, pas=pas)]
        w.feed(data)
        w.control(LANES, pas)
        return data

    def restarted(self, w, crash):
        """A loader that ends there has the work; nobody else has."""
        w.stop()
        w.loaders.clear()
        return w.loader(1, ready=False, DROVER_CRASH=crash)

    def puts(self, w):
        return sum(j["method"] == "PUT" and "/deals/" in j["path"]
                   for j in ndjson(w.sim.admin, "/sim/journal"))

    def holds(self, w, products, amount):
        """The deal, once nothing is open; products by their source's ids."""
        wait_until(lambda: "nothing is open: %s" % w.unsettled(),
                   lambda: not w.unsettled(), 30)
        names = {p["id"]: p["product_code"] for p in w.records("products")}
        d = self.of_source(w, "deals", "cf_source_id")["0"]
        self.assertEqual(
            (sorted(names[x["product_id"]] for x in d["products"]),
             float(d["amount"])),
            (sorted(str(p) for p in products), float(amount)))

    def final(self, w, rev):
        return wait_until(
            lambda: "the set is final: %s" % w.facts(), lambda: [
                f for f in [w.final().get(("deal_product", "line_item:0"))]
                if f and f["rev"] >= rev], 60)[0]

    def test_an_amount_that_is_refused(self):
        """Its lines stand, the ledger knows where, and they go when the
        source drops them."""
        w = self.world()
        w.faults(fault({"status": 400}, nth=2, times=-1))
        self.fed(w, [0])
        refused = self.final(w, 1)
        self.assertEqual((refused["state"], refused["class"]),
                         ("refused", "refused"))
        self.holds(w, [0], SUM)
        self.assertEqual([float(json.loads(x["body"])["amount"])
                          for x in w.dump("landed.deal_product")],
                         [float(SUM)])
        w.faults()
        self.fed(w, [], 2)
        self.assertEqual(self.final(w, 2)["state"], "done")
        self.holds(w, [], "99.00")
        w.stop()

    def test_a_pass_that_ends_between_the_calls(self):
        """The second had no effect, its set is not sent again, and the next
        pass has none."""
        w = self.world()
        w.faults(fault({"status": 403}, nth=2))
        self.fed(w, [0])
        wait_until("both calls were made", lambda: self.puts(w) == 2, 30)
        self.fed(w, [], 2, 2)
        self.assertEqual(self.final(w, 2)["state"], "done")
        self.holds(w, [], "99.00")
        w.stop()

    def test_a_deal_that_waits_for_a_set_of_the_pass_before(self):
        """The set's lane is closed, and nobody settles it: its turn ends."""
        w = self.world()
        w.faults(fault({"status": 403}, nth=2))
        self.fed(w, [0])
        wait_until("both calls were made", lambda: self.puts(w) == 2, 30)
        self.again(w, ["product", "deal"], [
            deal(0, amount="99.00", pas=2, name="Other plan")])
        self.assertEqual(self.of_source(w, "deals", "cf_source_id")["0"][
            "name"], "Other plan")
        w.stop()

    def test_a_deal_that_waits_for_a_set_of_a_dead_loader(self):
        """Its set is found done by another one, which never had the turn."""
        w = self.world()
        p = self.restarted(w, "after_answer:2")
        self.fed(w, [0])
        wait_until("it ends", lambda: not p.alive(), 40)
        w.loaders.clear()
        w.loader(2)
        self.final(w, 1)
        self.again(w, LANES, [deal(0, amount="99.00", rev=2, pas=1,
                                   name="Renamed", how="single", tail=True)],
                   pas=1)
        wait_until("it is renamed", lambda: self.of_source(
            w, "deals", "cf_source_id")["0"]["name"] == "Renamed", 30)
        self.holds(w, [0], "99.00")
        w.stop()

    def test_killed_before_the_answer_was_told(self):
        """Nobody says that the lines stand but the open attempt; the next set
        has none, or others."""
        for amount, then in ((SUM, [1]), ("99.00", [])):
            with self.subTest("%s %s" % (amount, then)):
                w = self.world(amount)
                p = self.restarted(w, "after_answer:1")
                self.fed(w, [0])
                wait_until("it ends", lambda p=p: not p.alive(), 40)
                self.holds_open(w, [0])
                self.fed(w, then, 2, 2)
                w.loaders.clear()
                w.loader(2)
                self.assertEqual(self.final(w, 2)["state"], "done")
                self.holds(w, then, amount)
                w.stop()

    def holds_open(self, w, products):
        d = self.of_source(w, "deals", "cf_source_id")["0"]
        self.assertEqual(len(d["products"]), len(products))
        self.assertTrue(w.unsettled())

    def test_killed_at_every_point(self):
        for point in ("after_send:1", "after_done:1", "after_intent:2",
                      "after_answer:2", "after_done:2"):
            with self.subTest(point):
                w = self.world()
                p = self.restarted(w, point)
                self.fed(w, [0, 1])
                wait_until("it ends", lambda p=p: not p.alive(), 40)
                w.loaders.clear()
                w.loader(2)
                self.assertEqual(self.final(w, 1)["state"], "done")
                self.holds(w, [0, 1], "99.00")
                w.stop()

    def edited(self, w, amount):
        d = self.of_source(w, "deals", "cf_source_id")["0"]
        self.person(w, "deals", d["id"], amount=amount)

    def told(self, w):
        return {(r["object"], r["id"], r["class"], r["field"], r["partial"])
                for r in self.rejected(w)}

    def conflicts_of(self, w):
        return [r for r in self.rejected(w) if r["class"] == "conflict"]

    def assert_told(self, w, passes):
        """In those passes, and nothing but that."""
        wanted = {("deal", "0", "conflict", "amount", True)}
        wait_until(lambda: "it is told: %s" % self.rejected(w), lambda: (
            self.told(w) == wanted and
            {r["pass"] for r in self.rejected(w)} == set(passes)), 30)

    def test_an_amount_that_somebody_changed(self):
        """The lines overwrite it at the server, so it is written again: theirs,
        as long as it is theirs."""
        w = self.world()
        self.fed(w, [0])
        self.final(w, 1)
        self.holds(w, [0], "99.00")
        self.edited(w, "500.0")
        self.fed(w, [1], 2, 2)
        self.assertEqual(self.final(w, 2)["state"], "done")
        self.holds(w, [1], "500.0")
        self.assert_told(w, [2])
        self.fed(w, [], 3, 3)
        self.assertEqual(self.final(w, 3)["state"], "done")
        self.holds(w, [], "500.0")
        self.edited(w, "600.0")
        self.fed(w, [0], 4, 4)
        self.final(w, 4)
        self.holds(w, [0], "600.0")
        self.edited(w, "99.0")  # as it was: the source's again
        self.fed(w, [0, 1], 5, 5)
        self.final(w, 5)
        self.holds(w, [0, 1], "99.00")
        data = [deal(0, amount="120.00", rev=6, pas=6)]
        self.again(w, ["product", "deal"], data, 6)
        self.fed(w, [1], 7, 7)
        self.final(w, 7)
        self.holds(w, [1], "120.00")
        self.assert_told(w, [2, 3, 4])
        w.stop()

    def test_an_amount_that_somebody_changed_before_any_line(self):
        w = self.world()
        self.edited(w, "500.0")
        self.fed(w, [0], 2, 2)
        self.final(w, 2)
        self.holds(w, [0], "500.0")
        self.assert_told(w, [2])
        w.stop()

    def test_an_amount_that_somebody_changed_between_two_passes(self):
        """The second pass writes the deal anew, and then its first set."""
        w = self.world()
        self.edited(w, "500.0")
        data = [deal(0, amount="99.00", pas=2, name="Renamed")]
        self.again(w, ["product", "deal"], data, 2)
        self.assert_told(w, [2])
        self.fed(w, [0], 1, 2)
        self.final(w, 1)
        self.holds(w, [0], "500.0")
        w.stop()

    def test_a_deal_that_this_pass_has_made_is_not_read(self):
        """The full run comes behind the sample's pass: one call for a set of
        lines there, as in the first pass."""
        w = World(self)
        w.loader()
        w.run_lanes({"product": [product(0)], "deal": [deal(0)]})
        more = [deal(i, amount="99.00", pas=2) for i in range(1, 9)]
        sets = [lines(i, [0], pas=2) for i in range(9)]
        self.again(w, ["product", "deal"], more, 2)
        self.again(w, LANES, sets, 2)
        self.assertEqual({d["custom_field"]["cf_source_id"]:
                          (float(d["amount"]), len(d["products"]))
                          for d in w.records("deals")},
                         {"0": (10.5, 1)} | {
                             str(i): (99.0, 1) for i in range(1, 9)})
        own = "/deals/%d" % self.of_source(w, "deals", "cf_source_id")[
            "0"]["id"]
        self.assertEqual({j["path"].split("?")[0].rsplit("/api", 1)[-1]
                          for j in ndjson(w.sim.admin, "/sim/journal")
                          if j["method"] == "GET" and
                          re.search("/deals/[0-9]+$", j["path"])}, {own})
        w.stop()

    def test_an_amount_that_the_lines_made_is_no_edit(self):
        """What was to be written again was refused; so the deal's own lane
        finds what the lines made."""
        w = self.world()
        w.faults(fault({"status": 400}, nth=2, times=-1))
        self.fed(w, [0])
        self.assertEqual(self.final(w, 1)["state"], "refused")
        self.holds(w, [0], SUM)
        w.faults()
        for rev, amount in ((2, "99.00"), (3, "120.00")):
            data = [deal(0, amount=amount, rev=rev, pas=rev, name="Renamed",
                         tail=True, how="single")]
            self.again(w, ["product", "deal"], data, rev)
            self.holds(w, [0], amount)
        self.assertEqual(self.conflicts_of(w), [])
        w.stop()

    def test_killed_over_an_amount_that_somebody_changed(self):
        """Whatever of it is sent again: theirs is known, though the lines have
        overwritten it; and what the lines make is nobody's."""
        for point, amount, then in (
                ("after_send:1", "500.0", [1]),
                ("after_answer:1", "500.0", []),
                ("after_answer:1", None, []),
                ("after_done:1", "500.0", []),
                ("after_done:2", "500.0", [1]),
                ("after_answer:2", "500.0", [1])):
            with self.subTest("%s %s %s" % (point, amount, then)):
                self.killed_over(point, amount, then)

    def killed_over(self, point, amount, then):
        w = self.world()
        self.fed(w, [0])
        self.final(w, 1)
        if amount:
            self.edited(w, amount)
        p = self.restarted(w, point)
        self.fed(w, [1], 2, 2)
        wait_until("it ends", lambda: not p.alive(), 40)
        if then != [1]:
            self.fed(w, then, 3, 3)
        w.loaders.clear()
        w.loader(2)
        self.assertEqual(self.final(w, 2 if then else 3)["state"], "done")
        self.holds(w, then, amount or "99.00")
        if amount:
            self.assert_told(w, [2 if then else 3])
        else:
            self.assertEqual(self.told(w), set())
        w.stop()

    def test_an_amount_that_somebody_changed_and_is_refused(self):
        """It is tried again with the next set, not the source's."""
        w = self.world()
        self.fed(w, [0])
        self.final(w, 1)
        self.edited(w, "500.0")
        w.faults(fault({"status": 400}, nth=2, times=-1))
        self.fed(w, [1], 2, 2)
        self.assertEqual(self.final(w, 2)["state"], "refused")
        self.holds(w, [1], SUM)
        lost = self.conflicts_of(w)
        self.assertEqual([(r["object"], r["id"], r["field"], r["partial"])
                          for r in lost], [("deal", "0", "amount", True)])
        self.assertIn("500.0", lost[0]["reason"])
        w.faults()
        self.fed(w, [0, 1], 3, 3)
        self.assertEqual(self.final(w, 3)["state"], "done")
        self.holds(w, [0, 1], "500.0")
        w.stop()

    def test_an_amount_and_a_line_in_the_same_second(self):
        """Two loaders, and slow answers: while one is between the two calls of
        a set, no other writes the deal, or takes for a person's what its lines
        make of the amount; and what is written again is the newest."""
        ids = range(6)
        w = World(self)
        w.loader()
        w.run_lanes({"product": [product(i) for i in range(2)],
                     "deal": [deal(i, amount="99.00") for i in ids],
                     "deal_product": [lines(i, [0]) for i in ids]})
        w.loader(1)
        w.faults(fault({"delay_ms": 150, "then": "effect"}, times=-1))
        for rev in (2, 3, 4):
            amount = "%d.00" % (100 * rev)
            data = [r for i in ids for r in (
                lines(i, [rev % 2], rev=rev),
                deal(i, rev=rev, tail=True, how="single", amount=amount))]
            for r in data:
                r["load"]["tail"] = True
            w.feed(data)
            wait_until(lambda: "all are final: %s" % w.final(), lambda: all(
                w.final()[r["load"]["lane"], "%s:%s" % (
                    r["load"]["object"], r["load"]["id"])]["rev"] == rev
                for r in data), 60)
            names = {p["id"]: p["product_code"] for p in w.records("products")}
            self.assertEqual(
                {k: (names[d["products"][0]["product_id"]], d["amount"])
                 for k, d in self.of_source(
                     w, "deals", "cf_source_id").items()},
                {str(i): (str(rev % 2), "%d.0" % (100 * rev)) for i in ids})
        self.assertEqual(self.told(w), set())
        w.stop()

    def test_a_set_whose_products_are_all_missing(self):
        """Lines that the source has no more do not stay for it; a deal that
        never had any is not called."""
        w = self.world()
        self.fed(w, [0, 1])
        self.assertEqual(self.final(w, 1)["state"], "done")
        self.fed(w, ["none", "never"], 2)
        self.assertEqual(self.final(w, 2)["state"], "done")
        self.holds(w, [], "99.00")
        self.assertEqual(
            {(r["part"], r["class"]) for r in self.rejected(w)},
            {("l0-none", "parent_missing"), ("l0-never", "parent_missing")})
        self.fed(w, [1, "none"], 3)
        self.assertEqual(self.final(w, 3)["state"], "done")
        self.holds(w, [1], "99.00")
        w.stop()
        w = self.world()
        self.fed(w, ["none"])
        f = self.final(w, 1)
        self.assertEqual((f["state"], f["class"]),
                         ("refused", "parent_missing"))
        self.assertEqual(self.puts(w), 0)
        w.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
