#!/usr/bin/env python3
"""Parents that form a circle: it is cut at the edge that came last, told, and
tried again. Everything is asserted on what the simulated Freshsales holds."""
import unittest

from test_loader import (  # first: it finds the support folder
    World, company, link)
from test_loader_edits import Case
from bench import wait_until

LANES = ["account", "link"]
PARENT = "parent_sales_account_id"


def edge(i, parent, rev=1, pas=1, **more):
    """The same content whatever the pass."""
    r = link(i, parent, rev, pas)
    r["load"].update({"same": "%s under %s" % (i, parent)}, **more)
    return r


class Circles(Case):
    def begun(self, n, *edges, **conf):
        """Companies 1 to n, with edges (company, parent)."""
        w = World(self, **conf)
        w.loader()
        w.run_lanes({"account": [company(i) for i in range(1, n + 1)],
                     "link": [edge(*e) for e in edges]})
        return w

    def parents(self, w):
        all_ = self.of_source(w, "sales_accounts", "cf_source_id")
        at = {a["id"]: i for i, a in all_.items()}
        return {int(i): int(at[a[PARENT]]) for i, a in all_.items()
                if a[PARENT]}

    def freeze(self, w, pas, *records):
        w.feed(records)
        w.control(LANES, pas=pas, phase="freeze")
        w.until_final(records, pas=pas)

    def told(self, *ids):
        return {(str(i), "circle", PARENT, True) for i in ids}

    def test_one_that_arises_in_the_tail(self):
        """Of three; the edge that came last is left out, and the parent that
        the company had before is gone. Before the cut-over it is tried."""
        w = self.begun(4, (2, 1), (3, 2), (1, 4))
        self.again(w, LANES, [edge(1, 3, 2, 2)])
        self.assertEqual(self.parents(w), {2: 1, 3: 2})
        self.assert_conflicts(w, self.told(1))
        self.again(w, LANES, [edge(3, 4, 3, 3)], 3)
        # Another pass leaves it; that of the freeze does not.
        w.feed([edge(1, 3, 2, 4)])
        self.again(w, LANES, [company(4, 4, 4, True, city="Ulm")], 4)
        self.assertEqual(self.parents(w), {2: 1, 3: 4})
        self.freeze(w, 5, edge(1, 3, 2, 5))
        self.assertEqual(self.parents(w), {1: 3, 2: 1, 3: 4})
        self.assert_conflicts(w, self.told(1))
        w.stop()

    def test_one_that_stands_is_told_again(self):
        w = self.begun(2, (2, 1))
        self.again(w, LANES, [edge(1, 2, 2, 2)])
        self.freeze(w, 3, edge(1, 2, 2, 3))
        self.assertEqual(self.parents(w), {2: 1})
        wait_until("it is told in both passes",
                   lambda: len(self.rejected(w)) == 2, 30)
        # Another parent is tried at once.
        self.again(w, LANES, [edge(2, None, 3, 4)], 4)
        self.again(w, LANES, [edge(1, 2, 4, 5, same="1 anew")], 5)
        self.assertEqual(self.parents(w), {1: 2})
        w.stop()

    def test_among_many(self):
        """Above half of a chain, and on its own last one; the others move."""
        n = 40
        w = self.begun(n, *[(i, i - 1) for i in range(2, n + 1)])
        w.sim.post("/sim/clock", {"advance_ms": 5000})
        wanted = {i: 2 if i % 2 else 1 for i in range(4, n + 1)}
        wanted[1] = n
        self.again(w, LANES, [edge(i, p, 2, 2) for i, p in wanted.items()])
        have = self.parents(w)
        self.assertNotIn(1, have)
        del wanted[1]
        self.assertEqual(have, {2: 1, 3: 2, **wanted})
        self.assert_conflicts(w, self.told(1))
        w.stop()

    def test_one_that_the_plan_cut(self):
        """Written without the parent, and told by the plan; tried again before
        the cut-over, when the circle is none any more."""
        w = self.begun(3)
        self.again(w, LANES, [edge(1, 3, 1, 2, other_first=True),
                              edge(2, 1, 1, 2), edge(3, 2, 1, 2)])
        self.assertEqual(self.parents(w), {2: 1, 3: 2})
        self.freeze(w, 3, edge(1, 3, 1, 3, other_first=True))
        self.assertEqual(self.parents(w), {2: 1, 3: 2})
        self.assert_conflicts(w, set())
        self.again(w, LANES, [edge(3, None, 2, 4)], 4)
        self.freeze(w, 5, edge(1, 3, 1, 5, other_first=True))
        self.assertEqual(self.parents(w), {2: 1, 1: 3})
        w.stop()

    def test_another_reason_cuts_nothing(self):
        w = self.begun(3, (3, 2))
        w.faults({"name": "no", "times": -1, "match": {
            "method": "POST", "path": "/sales_accounts/bulk_upsert"},
            "action": {"status": 400}},
            {"name": "neither", "times": -1, "match": {
                "method": "PUT", "path": "/sales_accounts"},
                "action": {"status": 400}})
        final = self.again(w, LANES, [edge(2, 1, 2, 2), edge(3, 1, 2, 2)],
                           states=("refused",))
        self.assertEqual({f["class"] for f in final.values()
                          if f["state"] == "refused"}, {"refused"})
        self.assertEqual(self.parents(w), {3: 2})
        w.stop()

    def test_killed_before_it_is_cut(self):
        few, more = ((2, 1),), ((2, 1), (1, 3))
        for point, before in (("after_send:1", few), ("after_intent:2", more),
                              ("after_send:2", few), ("after_done:1", more)):
            with self.subTest(point=point, before=before):
                w = self.begun(3, *before)
                w.stop()
                w.loaders.clear()
                version = edge(1, 2, 2, 2)
                w.feed([version])
                w.control(LANES, pas=2)
                p = w.loader(1, ready=False, DROVER_CRASH=point)
                wait_until("it crashes: " + p.tail(),
                           lambda p=p: not p.alive(), 40)
                w.loader(1)
                w.until_final([version], pas=2)
                self.assertEqual(self.parents(w), {2: 1})
                self.assertEqual(w.unsettled(), [])
                w.stop()


if __name__ == "__main__":
    unittest.main()
