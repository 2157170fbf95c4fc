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
    def broken(self, *actions):
        """Each action met in each lane, in snapshot and tail; one after the
        other where a lane has few calls."""
        faults = [{"name": "%s %d" % (lane, n), "match": {"path": path},
                   "after": 1 if lane in ("list", "index") else 1 + n,
                   "times": 1, "action": action}
                  for lane, path in LANES.items()
                  for n, action in enumerate(actions)]
        w = self.world()
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
