#!/usr/bin/env python3
"""What is looked up below the record that it hangs on, while that becomes
another one: the answer to a request is lost, and it is looked for where it was
put. Everything is asserted on what the simulated Freshsales holds."""
import unittest

from test_loader import (  # first: it finds the support folder
    World, classic_tenant, company, contact, deal, lead, record, ref)
from test_loader_edits import Case
from test_loader_files import attachment
from test_loader_kinds import KINDS, fields_of
from bench import ndjson, wait_until

LISTED = ("call_logs", "notes", "tasks")
PATHS = {"call_logs": "phone_calls", "files": "documents"}
ON_BOTH = (("Deal", "deal", "deal:9"), ("Contact", "contact", "contact:0"))


def on(kind, i, to, rev=1, pas=1, tail=False):
    """It hangs on the first of these that is there."""
    refs = [ref("targetable:" + what, lane, key, "reject")
            for what, lane, key in to]
    if kind == "files":
        r = attachment(i, "file %d" % i, rev=rev, pas=pas)
        r["load"].update(refs=refs, tail=tail)
        return r
    lane, obj, _ = KINDS[kind]
    return record(lane, obj, i, kind, "single", fields_of(
        kind, i, "hello %d\nMARKER" % i), refs, rev, pas, tail=tail,
        same="%s %d" % (kind, i))


class Places(Case):
    def begun(self, kind, knobs=(), **conf):
        """Two contacts, and a deal that is not there yet."""
        w = World(self, knobs, **conf)
        w.loader()
        w.run_lanes({"account": [company(0)],
                     "contact": [contact(i, [0]) for i in range(2)]})
        self.lane = KINDS[kind][0] if kind in KINDS else "file"
        self.lanes = ["account", "contact", "deal", self.lane]
        return w

    def feed(self, w, *records):
        """Files with their bytes, in the same run."""
        path = self.bench.folder / "content.bin"
        path.write_bytes(b"content")
        w.feed([{"file": {"id": r["load"]["id"], "path": str(path)}}
                for r in records if "blob" in r["load"]] + list(records))

    def killed(self, w, r):
        """It was followed, and nobody heard that."""
        w.stop()
        w.loaders.clear()
        self.feed(w, r)
        w.control(self.lanes, pas=r["load"]["pass"])
        p = w.loader(1, ready=False, DROVER_CRASH="after_answer:1")
        wait_until("it crashes", lambda: not p.alive(), 40)
        w.loaders.clear()
        self.assertTrue(w.unsettled())

    def places(self, w, kind):
        """Of each one that is held: (type, id) of what it hangs on."""
        if kind == "files":
            return [(f["parent_type"], f["parent_id"])
                    for f in ndjson(w.sim.admin, "/sim/files")]
        return [(t["type"], t["id"]) for r in w.records(kind)
                for t in r["targetables"]]

    def ids(self, w):
        """{key: (type, id)}"""
        out = {"deal:" + i: ("Deal", r["id"]) for i, r in self.of_source(
            w, "deals", "cf_source_id").items()}
        out.update(("contact:" + i, ("Contact", r["id"]))
                   for i, r in self.of_source(w, "contacts").items())
        return out

    def until_at(self, w, kind, key):
        """What is there is there once, below that record and no other."""
        wait_until(lambda: "%s hangs on %s, not %s; %s; %s" % (
            kind, self.ids(w)[key], self.places(w, kind), w.unsettled(),
            [p.tail(3) for p in w.loaders.values()]),
            lambda: not w.unsettled() and
            self.places(w, kind) == [self.ids(w)[key]], 30)

    def each(self, case, *kinds):
        for kind in kinds:
            with self.subTest(kind):
                case(kind)

    def a_parent_that_came_with_the_next_pass(self, kind):
        w = self.begun(kind)
        self.killed(w, on(kind, 1, ON_BOTH))
        again = on(kind, 1, ON_BOTH, pas=2)
        self.feed(w, deal(9, 0, how="single", pas=2), again)
        w.control(self.lanes, pas=2)
        w.loader(2)
        w.until_final([again], 30, pas=2)
        # No call moves a file: it stays where it was put.
        self.until_at(w, kind, "contact:0" if kind == "files" else
                      "deal:9")
        w.stop()

    def test_a_parent_that_came_with_the_next_pass(self):
        """It was put on the contact, for its deal was not there."""
        self.each(self.a_parent_that_came_with_the_next_pass, "files", *LISTED)

    def a_parent_that_came_meanwhile(self, kind):
        w = self.begun(kind, **{"loader.parent_wait_ms": 200,
                                "loader.quarantine_ms": 6000})
        w.faults({"name": "lost", "times": 1,
                  "match": {"method": "POST", "path": "/%s$" % PATHS.get(
                      kind, kind)}, "action": {"close": "after"}})
        one = on(kind, 1, ON_BOTH, tail=True)
        self.feed(w, one)
        w.control(self.lanes)
        wait_until("it was made", lambda: self.places(w, kind), 30)
        self.assertEqual(self.places(w, kind), [self.ids(w)["contact:0"]])
        nine = deal(9, 0, how="single", tail=True)
        w.feed([nine])
        w.until_final([nine])
        self.assertTrue(w.unsettled(), "it was looked up too early")
        w.until_final([one])
        self.until_at(w, kind, "contact:0" if kind == "files" else
                      "deal:9")
        w.stop()

    def test_a_parent_that_came_meanwhile(self):
        """The same of one version, in one life of the loader."""
        self.each(self.a_parent_that_came_meanwhile, "files", *LISTED)

    def one_that_moved_at_the_source(self, kind):
        w = self.begun(kind)
        self.killed(w, on(kind, 1, ON_BOTH[1:]))
        moved = on(kind, 1, [("Contact", "contact", "contact:1")], 2, 2)
        moved["load"]["same"] = "other"
        self.feed(w, moved)
        w.control(self.lanes, pas=2)
        w.loader(2)
        w.until_final([moved], 30, pas=2)
        self.until_at(w, kind, "contact:0" if kind == "files" else
                      "contact:1")
        w.stop()

    def test_one_that_moved_at_the_source(self):
        self.each(self.one_that_moved_at_the_source, "files", *LISTED)

    def a_place_that_is_gone(self, kind):
        w = self.begun(kind, ("get_soft_deleted=404",))
        self.killed(w, on(kind, 1, ON_BOTH))
        there = self.places(w, kind)
        w.sim.post("/sim/admin/contacts/%d" % there[0][1], {}, "DELETE")
        again = on(kind, 1, ON_BOTH, pas=2)
        self.feed(w, deal(9, 0, how="single", pas=2), again)
        w.control(self.lanes, pas=2)
        w.loader(2)
        final = w.until_final([again], 30, pas=2)
        told = final[self.lane, "%s:1" % again["load"]["object"]]
        self.assertEqual((told["state"], told["class"]),
                         ("refused", "outcome_unknown"))
        self.assertEqual(w.unsettled(), [])
        self.assertEqual(self.places(w, kind), there)
        w.stop()

    def test_a_place_that_is_gone(self):
        """Whether it was made nobody can tell: it is not made again."""
        self.each(self.a_place_that_is_gone, "files", "call_logs", "notes")

    def a_lead_that_became_a_contact(self, kind):
        """And the deal came as well: it went on with the contact."""
        w = World(self, tenant=classic_tenant())
        w.conf["target.url"] = "http://127.0.0.1:%d/api" % w.sim.api
        w.loader()
        w.run_lanes({"account": [company(0)], "contact": [lead(0)]})
        self.lane = KINDS[kind][0]
        self.lanes = ["account", "contact", "deal", self.lane]
        self.killed(w, on(kind, 1, ON_BOTH))
        self.assertEqual([t for t, _ in self.places(w, kind)], ["Lead"])
        w.loader(2)
        first = [contact(0, [0], rev=2, pas=2), deal(9, 0, how="single",
                                                     pas=2)]
        w.feed(first)
        w.control(self.lanes[:3], pas=2)
        w.until_final(first, 30, pas=2)
        again = on(kind, 1, ON_BOTH, pas=2)
        w.feed([again])
        w.control(self.lanes, pas=2)
        w.until_final([again], 30, pas=2)
        self.until_at(w, kind, "deal:9")
        w.stop()

    def test_a_lead_that_became_a_contact(self):
        self.each(self.a_lead_that_became_a_contact, "call_logs", "notes")

    def a_move_without_an_answer(self, kind):
        w = self.begun(kind)
        first = on(kind, 1, [("Contact", "contact", "contact:1")])
        w.feed([first])
        w.control(self.lanes)
        w.until_final([first])
        second = on(kind, 1, ON_BOTH, 2, 2)
        second["load"]["same"] = "other"
        self.killed(w, second)
        self.assertEqual(self.places(w, kind), [self.ids(w)["contact:0"]])
        again = on(kind, 1, ON_BOTH, 2, 3)
        again["load"]["same"] = "other"
        self.feed(w, deal(9, 0, how="single", pas=3), again)
        w.control(self.lanes, pas=3)
        w.loader(2)
        final = w.until_final([again], 30, pas=3)
        self.assertEqual(final[self.lane, "%s:1" % again["load"][
            "object"]]["state"], "done")
        self.until_at(w, kind, "deal:9")
        w.stop()

    def test_a_move_without_an_answer(self):
        """It was moved to the contact, and its deal comes meanwhile."""
        self.each(self.a_move_without_an_answer, *LISTED)


if __name__ == "__main__":
    unittest.main()
