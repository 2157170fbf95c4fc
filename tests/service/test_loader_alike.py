#!/usr/bin/env python3
"""Source ids that differ in case only are different records. Freshsales may
take two such identifiers for one: a bulk call that finds its contact by our id
would write over the other one. Everything is asserted on what the simulated
Freshsales holds."""
import signal
import subprocess
import unittest

from test_loader import (  # first: it finds the support folder
    World, contact, record)
from test_loader_edits import Case
from test_loader_removals import removal
from bench import wait_until

FOLDED, BYTES = (), ("ident_case=bytes",)


def person(id_, name, rev=1, pas=1, **fields):
    """Each with an address of its own, so that only the ids are alike."""
    address = "%s@example.test" % name.lower()
    return record("contact", "contact", id_, "contacts", "bulk", dict({
        "first_name": name, "last_name": "L", "external_id": id_,
        "emails": address, "work_email": None}, **fields), (), rev, pas,
        ident=address, other_name=address)


def others(n, first=0):
    return [contact(first + i, []) for i in range(n)]


UPPER, LOWER = person("CASE-1", "Upper"), person("case-1", "Lower")


class Alike(Case):
    parts = 6  # the two are in different ones

    def begun(self, knobs=FOLDED, loaders=1, **more):
        w = World(self, knobs, **more)
        for i in range(loaders):
            w.loader(i)
        return w

    def state(self, w, id_):
        f = w.final().get(("contact", "contact:" + id_), {})
        return f.get("state"), f.get("class")

    def assert_people(self, w, knobs, landed="CASE-1", second="case-1"):
        """The one stands as it was sent; the other one, too, or it is told
        that it does not: never one over the other."""
        names = {"CASE-1": "Upper", "case-1": "Lower"}
        want = {landed: names[landed]}
        if knobs == BYTES:
            want[second] = names[second]
            self.assertEqual(self.state(w, second)[0], "done")
        else:
            self.assertEqual(self.state(w, second), ("refused", "duplicate"))
            told = [r for r in self.rejected(w) if r["id"] == second][-1]
            self.assertIn("case", told["cure"])
            self.assertIn(landed, told["cure"])
        self.assertEqual(self.state(w, landed)[0], "done")
        have = {k: (r["first_name"], r["email"]) for k, r in
                self.of_source(w, "contacts").items() if k in names}
        self.assertEqual(have, {k: (v, v.lower() + "@example.test")
                                for k, v in want.items()})
        self.assertEqual(w.unsettled(), [])

    def first_of(self, w):
        """Whoever came first keeps the id, and that is its own affair."""
        return ("CASE-1", "case-1") if self.state(w, "CASE-1")[0] == "done" \
            else ("case-1", "CASE-1")

    def flushed(self):
        subprocess.run(["redis-cli", "-p", str(self.redis.port), "flushall"],
                       check=True, stdout=subprocess.DEVNULL)

    def test_in_one_batch(self):
        for knobs in (FOLDED, BYTES):
            with self.subTest(knobs=knobs):
                w = self.begun(knobs)
                data = others(20) + [UPPER, LOWER]
                w.feed(data)
                w.control(["contact"])
                w.until_final(data)
                self.assert_people(w, knobs, *self.first_of(w))
                w.each_once("contacts", range(20))
                w.stop()

    def test_one_after_the_other(self):
        for knobs in (FOLDED, BYTES):
            with self.subTest(knobs=knobs):
                w = self.begun(knobs)
                first, then = others(20) + [UPPER], others(20, 20) + [LOWER]
                w.feed(first)
                w.control(["contact"])
                w.until_final(first)
                w.feed(then)
                w.until_final(then)
                self.assert_people(w, knobs)
                w.each_once("contacts", range(40))
                self.assertGreaterEqual(w.calls("bulk_upsert"), 2)
                w.stop()

    def test_the_one_before_went_alone(self):
        """Two go singly; the bulk call that comes then finds one of them."""
        w = self.begun()
        w.feed([UPPER])
        w.control(["contact"])
        w.until_final([UPPER])
        self.assertEqual(w.calls("bulk_upsert"), 0)
        then = others(20) + [LOWER]
        w.feed(then)
        w.until_final(then)
        self.assert_people(w, FOLDED)
        w.stop()

    def test_while_a_job_is_under_way(self):
        """The second waits until what became of the first is known."""
        w = self.begun(("job_delay_ms=3000",), loaders=2)
        first, then = others(20) + [UPPER], others(20, 20) + [LOWER]
        w.feed(first)
        w.control(["contact"])
        wait_until("a job is under way", lambda: w.calls("bulk_upsert"), 30)
        w.feed(then)
        w.until_final(first + then)
        self.assert_people(w, FOLDED, *self.first_of(w))
        w.stop()

    def test_redis_forgets(self):
        w = self.begun()
        first, then = others(20) + [UPPER], others(20, 20) + [LOWER]
        w.feed(first)
        w.control(["contact"])
        w.until_final(first)
        self.flushed()
        w.feed(then)
        w.until_final(then)
        self.assert_people(w, FOLDED)
        w.stop()

    def test_redis_forgets_what_is_under_way(self):
        """A request has left, and nothing but the ledger knows of it."""
        w = self.begun(("job_delay_ms=3000",), loaders=2)
        first, then = others(20) + [UPPER], others(20, 20) + [LOWER]
        w.feed(first)
        w.control(["contact"])
        wait_until("a job is under way", lambda: w.calls("bulk_upsert"), 30)
        self.flushed()
        w.feed(then)
        w.until_final(first + then, again=lambda: None)
        self.assert_people(w, FOLDED, *self.first_of(w))
        w.stop()

    def test_redis_forgets_what_a_frozen_loader_has(self):
        """Nobody says its contacts again: the other one waits until it has
        their partitions."""
        w = self.begun(loaders=2, **{"kafka.session_ms": 6000})
        wait_until("each has its partitions", lambda: all(
            any("loader.assigned" in x and "partitions=3" in x
                for x in p.tail(50).splitlines())
            for p in w.loaders.values()), 60)
        n = 24
        first = [person("Twin-%d" % i, "Upper%d" % i) for i in range(n)]
        then = [person("tWIN-%d" % i, "Lower%d" % i) for i in range(n)]
        w.feed(first)
        w.control(["contact"])
        w.until_final(first)
        w.loaders[0].signal(signal.SIGSTOP)
        self.flushed()
        w.feed(then)
        final = w.until_final(then, 90, again=lambda: None)
        w.loaders[0].signal(signal.SIGCONT)
        self.assertEqual({final["contact", "contact:tWIN-%d" % i]["class"]
                          for i in range(n)}, {"duplicate"})
        self.assertEqual(
            {k: r["first_name"]
             for k, r in self.of_source(w, "contacts").items()},
            {"Twin-%d" % i: "Upper%d" % i for i in range(n)})
        for p in w.loaders.values():
            if p.alive():
                p.stop()

    def test_killed_at_every_point(self):
        for point in ("after_intent:1", "after_send:1", "after_answer:1",
                      "after_done:1", "after_apply:1"):
            with self.subTest(point):
                w = World(self)
                first, then = others(20) + [UPPER], others(20, 20) + [LOWER]
                w.feed(first)
                w.control(["contact"])
                p = w.loader(ready=False, DROVER_CRASH=point)
                wait_until("it crashes: " + p.tail(),
                           lambda p=p: not p.alive(), 40)
                w.feed(then)
                w.loader(1)
                w.loaders.pop(0)
                w.until_final(first + then)
                self.assert_people(w, FOLDED, *self.first_of(w))
                w.each_once("contacts", range(40))
                w.stop()

    def test_a_first_one_that_was_refused_holds_nobody_up(self):
        w = self.begun()
        first = others(20) + [person("CASE-1", "Upper", city="x" * 300)]
        w.feed(first)
        w.control(["contact"])
        w.until_final(first)
        self.assertEqual(self.state(w, "CASE-1"), ("refused", "refused"))
        then = others(20, 20) + [LOWER]
        w.feed(then)
        w.until_final(then)
        # Mended: it goes alone now, for the other one stands.
        again = [person("CASE-1", "Upper", 2, 2)]
        w.feed(again)
        w.control(["contact"], pas=2)
        w.until_final(again, pas=2)
        self.assert_people(w, FOLDED, "case-1", "CASE-1")
        w.stop()

    def test_the_other_one_is_removed(self):
        w = self.begun()
        first = others(20) + [UPPER, LOWER]
        w.feed(first)
        w.control(["contact"])
        w.until_final(first)
        landed, second = self.first_of(w)
        self.again(w, ["contact"], [
            removal("contact", "contact", landed, 9, 2)], states=("deleted",))
        w.sim.post("/sim/knobs", {"soft_deleted_holds_unique": "no"})
        third = [person(second, "Third", 3, 3)]
        self.again(w, ["contact"], third, 3)
        self.assertEqual([r["first_name"] for k, r in self.of_source(
            w, "contacts").items() if k == second], ["Third"])
        w.stop()


if __name__ == "__main__":
    unittest.main()
