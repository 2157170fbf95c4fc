#!/usr/bin/env python3
"""Answers of the source that are broken or refused, met by the real extractor
beside a real broker: the topics hold in the end what FastTrack holds."""
import email.utils
import unittest

from extractor_world import Case

LANES = {"list": "^/v1/objects/[a-z_]+$", "index": "/index$",
         "bodies": "^/v1/objects/.*batch/read$",
         "ends": "^/v1/associations/.*batch/read$",
         "changes": "^/v1/objects/.*/changes$",
         "changes of ends": "^/v1/associations/changes$",
         "account": "^/v1/account$", "schema": "^/v1/schema/"}
BACKOFF_MS = 250  # after a 429 that says nothing


class Answers(Case):
    def broken(self, *actions, w=None, times=1):
        """Each action met in each lane, in snapshot and tail; one after the
        other where a lane has few calls."""
        faults = [{"name": "%s %d" % (lane, n), "match": {"path": path},
                   "after": 1 if lane in ("list", "index") else 1 + n,
                   "times": times, "action": action}
                  for lane, path in LANES.items()
                  for n, action in enumerate(actions)]
        w = w or self.world()
        w.sim.post("/sim/faults", faults)
        w.read_whole()
        w.play_changes()
        w.until("every fault is met", lambda: {
            r["fault"] for r in w.journal() if r["fault"]} ==
            {f["name"] for f in faults})
        w.drained()
        self.assert_all(w)
        self.assertEqual(set(self.rejected(w)), {("contact", "ct_bad")})

    def test_answers_of_5xx(self):
        self.broken({"status": 500}, {"status": 502, "body": "html"},
                    {"status": 503, "retry_after": "0.3"}, {"status": 504})

    def test_bodies_that_are_cut(self):
        self.broken({"close": "mid"}, {"truncate": 1}, {"close": "before"},
                    {"truncate": 40})

    def test_redirects_are_not_followed(self):
        """Not to another host, which is not to have the token, nor to another
        call: its answer is none of what was asked for."""
        w = self.world()
        self.broken({"redirect": "http://127.0.0.1:%d/files/at_001" %
                     w.sim.download},
                    {"redirect": "http://127.0.0.1:%d/v1/tags" % w.sim.api},
                    w=w, times=3)
        stats = w.sim.get("/sim/stats")
        self.assertEqual((stats["token_leaks"], stats["downloads"]), (0, 0))
        self.assertNotIn("/v1/tags", {r["path"] for r in w.journal()})

    # ---- 429 ----

    def waits(self, w):
        """(milliseconds from each refusal to the next call, its fault)."""
        lines = w.journal()
        return [(b["at_ms"] - a["at_ms"], b["at_ms"], a["fault"])
                for a, b in zip(lines, lines[1:]) if a["status"] == 429]

    def test_retry_after_is_obeyed_in_its_four_forms(self):
        w = self.world()
        until = w.sim.get("/sim/clock")["now_ms"] // 1000 * 1000 + 3000
        date = email.utils.formatdate(until / 1000, usegmt=True)
        w.sim.post("/sim/faults", [
            {"name": name, "match": {"path": path}, "after": after,
             "times": 1, "action": {"status": 429, "retry_after": value}}
            for name, path, after, value in (
                ("date", LANES["account"], 0, date),
                ("seconds", LANES["list"], 1, "1"),
                ("fraction", LANES["bodies"], 1, "0.75"),
                ("none", LANES["ends"], 1, None))])
        w.read_whole()
        waits = {name: (ms, at) for ms, at, name in self.waits(w)}
        self.assertEqual(set(waits), {"date", "seconds", "fraction", "none"})
        self.assertGreaterEqual(waits["date"][1], until)
        self.assertGreaterEqual(waits["seconds"][0], 1000)
        self.assertGreaterEqual(waits["fraction"][0], 750)
        self.assertGreaterEqual(waits["none"][0], BACKOFF_MS)
        self.assert_all(w)

    def test_a_quota_is_kept_to_in_each_form(self):
        """The source's own windows: no call before the next one begins."""
        for form in ("seconds", "date", "fraction", "none"):
            with self.subTest(form):
                w = self.world(knobs=[
                    "--knob", "burst=15", "--knob", "burst_window_ms=1000",
                    "--knob", "retry_after=" + form])
                w.read_whole()
                w.ex.stop()
                w.sim.post("/sim/knobs", {"burst": "0"})
                waits = self.waits(w)
                self.assertTrue(waits)
                for ms, at, _ in waits:
                    if form == "none":
                        self.assertGreaterEqual(ms, BACKOFF_MS)
                    else:  # at least to the end of the window it fell in
                        self.assertNotEqual((at - ms) // 1000, at // 1000)
                if form != "none":
                    self.assertEqual(w.sim.get("/sim/stats")
                                     ["largest_429_burst"], 1)
                self.assert_all(w)

    # ---- the lift ----

    QUOTA = 12  # calls in a second of the simulated clock

    def limited(self, *more):
        knobs = ("burst=%d" % self.QUOTA, "burst_window_ms=1000",
                 "retry_after=fraction") + more
        return self.world(knobs=[a for k in knobs for a in ("--knob", k)])

    def refused(self, w):
        return [r for r in w.journal() if r["status"] == 429]

    def instant(self, w):
        return w.sim.get("/sim/clock")["now_ms"]

    def assert_waits(self, waits, window_ms=1000):
        """None of these came back within the window that it was refused in."""
        self.assertTrue(waits)
        for ms, at, _ in waits:
            self.assertNotEqual((at - ms) // window_ms, at // window_ms)

    def test_a_lift_that_ends_in_mid_run_is_no_promise(self):
        """While it lasts, many times the quota goes out at one moment, at
        which the clock stands; from the call on at which it ends, without
        notice, the source's waits are kept to."""
        lifted = 4 * self.QUOTA
        w = self.limited("lift=0/3600000")
        w.sim.post("/sim/clock", {"scale": 0})
        w.sim.post("/sim/faults", [{
            "name": "over", "match": {"path": "^/v1/"}, "after": lifted - 1,
            "times": 1, "action": {"lift": {"from_ms": 1, "until_ms": 1}}}])
        moment = self.instant(w)
        w.start_only()
        w.until("the lift is over", lambda: self.refused(w))
        w.sim.post("/sim/clock", {"scale": 1})
        w.b.ready(w.ex)
        w.snapshot_done()
        w.ex.stop()
        w.sim.post("/sim/knobs", {"burst": "0"})
        calls = w.journal()
        free = [r["status"] for r in calls].index(429)
        self.assertIn(free, (lifted - 1, lifted))
        self.assertEqual({r["at_ms"] for r in calls[:free]}, {moment})
        rest = [r for r in calls[free:] if r["status"] != 429]
        self.assertGreater(len(rest), 2 * self.QUOTA)
        windows = rest[-1]["at_ms"] // 1000 - moment // 1000
        self.assertLessEqual(len(rest), windows * self.QUOTA)
        self.assert_waits([x for x in self.waits(w) if x[1] - x[0] > moment])
        self.assert_all(w)

    def test_a_lift_that_begins_in_mid_run_is_used(self):
        """No call is refused any more, and at one moment more go out than the
        quota had."""
        w = self.limited("page_rows=3")
        w.start_only()
        w.until("it waits", lambda: len(self.refused(w)) > 1)
        w.sim.post("/sim/clock", {"scale": 0})
        moment = self.instant(w)
        before = self.waits(w)
        w.sim.post("/sim/knobs", {"lift": "0/%d" % (60 * 86400000)})
        n = len(w.journal())
        w.b.ready(w.ex)
        w.snapshot_done()
        calls = w.journal()[n:]
        self.assertEqual({(r["at_ms"], r["status"] == 429) for r in calls},
                         {(moment, False)})
        self.assertGreater(len(calls), 5 * self.QUOTA)
        self.assert_waits([x for x in before if x[1] < moment])
        w.play_changes()
        w.drained()
        w.ex.stop()
        w.sim.post("/sim/knobs", {"burst": "0"})
        self.assert_all(w)


if __name__ == "__main__":
    unittest.main(verbosity=2)
