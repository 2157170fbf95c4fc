#!/usr/bin/env python3
"""A deal's lines, which take two calls where they overwrite its amount: what
the simulated Freshsales holds of them, whatever ends between the two."""
import json
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

    def test_killed_before_the_answer_was_told(self):
        """Nobody says that the lines stand but the open attempt; the next set
        has none, or others."""
        for amount in (SUM, "99.00"):
            for then in ([], [1]):
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
