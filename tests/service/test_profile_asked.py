#!/usr/bin/env python3
"""The profile's check that is asked for while the extractor runs: whatever it
is doing, the calls are made, the finding has the number that was asked for,
and what is read stays what it was."""
import unittest

from other_crm_world import OtherCase, SOURCE
from oauth import Tokens
from source_folder import SourceFolder


class ProfileAsked(OtherCase):
    seq = 0

    def ask(self, w, number, **more):
        ProfileAsked.seq += 1
        w.feed(dict({"phase": "run", "seq": self.seq, "lanes": [],
                     "profile_check": number}, **more))

    @staticmethod
    def reports(w):
        return [r["json"] for r in w.dump("catalog", 1)
                if r["name"] == "profile_check"]

    def report(self, w, number):
        found = []

        def there():
            found[:] = [r for r in self.reports(w) if r["number"] == number]
            return found
        w.until("check %d is answered" % number, there)
        self.assertEqual(len(found), 1)
        return found[0]

    @staticmethod
    def edit_of(report, kind):
        return next(c for c in report["checks"] if (
            c["object"], c["assumption"]) == (kind, "edit"))

    @staticmethod
    def tried(w, starts=1):
        """Places in the journal of a call that each check makes once, and
        each start."""
        return [n for n, e in enumerate(w.journal())
                if e["path"] == "/v1/automation/workflows"][starts:]

    # ---- whatever it is doing ----

    def test_in_the_snapshot(self):
        w = self.world()
        self.ask(w, 1)          # before it is up: the first page answers
        w.read_whole()
        report = self.report(w, 1)
        self.assertEqual((report["profile"], report["fails"]),
                         ("fasttrack/1", 0))
        self.assertRegex(report["at"], r"^20\d\d-.*Z$")
        events = [n for n, e in enumerate(w.journal())
                  if e["path"] == "/v1/events"]
        tried = self.tried(w)
        self.assertEqual(len(tried), 1)
        self.assertLess(tried[0], events[0])    # what is read last
        self.assert_all(w)

    def test_in_the_tail_and_after_a_restart(self):
        w = self.world()
        w.read_whole()
        self.assertEqual((self.reports(w), self.tried(w)), ([], []))
        w.fast()
        w.play_changes()
        self.ask(w, 1)
        self.report(w, 1)
        self.assertEqual(len(self.tried(w)), 1)
        w.ex.stop()
        w.start()
        w.snapshot_done()
        w.drained()
        self.assertEqual(len(self.tried(w, 2)), 1)      # answered once
        self.ask(w, 2)
        self.report(w, 2)
        self.assertEqual(len(self.tried(w, 2)), 2)
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_all(w)

    def test_when_frozen(self):
        w = self.world()
        w.read_whole()
        w.fast()
        w.freeze()
        self.ask(w, 7, phase="freeze")
        self.report(w, 7)
        self.assertEqual(w.status()["phase"], "frozen")

    def test_while_it_asks(self):
        w = self.world()
        del w.conf["source.corrupt_budget_permille"]  # 0.1 %
        w.start()
        w.until("it asks", lambda: w.status().get("asks"))
        self.ask(w, 1)
        self.report(w, 1)
        self.assertTrue(w.status()["asks"])
        self.assertTrue(self.tried(w))

    def test_a_folder_tells_what_it_told(self):
        """There are no calls to try: what was found in its files stands."""
        w = self.world()
        w.conf["source.url"] = "folder:%s" % SourceFolder(
            SOURCE, w.b.folder / "drop").done()
        w.conf.pop("source.token_file")
        w.read_whole()
        self.ask(w, 1)
        self.assertEqual(self.report(w, 1)["profile"], "folder")
        self.assertEqual(w.journal(), [])

    # ---- what fails is told and ends nothing ----

    FOREVER = "^/v1/automation/workflows$"  # of the starts and the check alone

    def broken(self, w, **action):
        w.sim.post("/sim/faults", [{
            "name": "bad", "times": -1, "match": {"path": self.FOREVER},
            "action": action}] if action else [])

    def assert_goes_on(self, w):
        one = w.sim.records("contact")[0]
        w.edit("contact", dict(one, owner_id="o_2"), one["id"])
        w.fast()
        w.drained()
        self.assert_all(w)

    def assert_told(self, status, verdict="fails"):
        w = self.world()
        w.read_whole()
        self.broken(w, status=status)
        self.ask(w, 1)
        found = next(c for c in self.report(w, 1)["checks"]
                     if c["assumption"] == "workflows")
        self.assertEqual(found["verdict"], verdict)
        self.assertIn(str(status), found["found"])
        self.assertFalse(found["must"])
        self.assert_goes_on(w)

    def test_a_call_that_refuses_the_token(self):
        self.assert_told(401)

    def test_a_call_that_fails_for_good(self):
        self.assert_told(500)

    def test_a_source_that_answers_nothing(self):
        w = self.world()
        w.read_whole()
        self.broken(w, close="before")
        self.ask(w, 1)
        found = next(c for c in self.report(w, 1)["checks"]
                     if c["assumption"] == "workflows")
        self.assertEqual(found["verdict"], "unknown")
        self.assert_goes_on(w)

    def cut_over(self, w):
        """From then on the source is called by checks alone."""
        w.freeze()
        self.ask(w, 1, phase="cutover")
        self.report(w, 1)

    def cures(self, w, number):
        self.ask(w, number, phase="cutover")
        return {c["cure"] for c in self.report(w, number)["checks"]
                if c["found"].startswith("refused: ")}

    def test_what_to_do_about_a_client(self):
        """Of OAuth2: what is refused is not always a scope, and a scope is no
        matter of a token."""
        tokens = Tokens("refresh_token")
        w = self.other(tokens=tokens)
        w.read_whole()
        self.cut_over(w)
        for number, code, usual, want in (
                (2, "invalid_client", True, "client_secret in the file"),
                (3, "invalid_grant", True, "have the source give a new one"),
                (4, "", False, "check auth.scope and auth.audience"),
                (5, "", True, "name it in auth.scope")):
            tokens.take_back()
            tokens.usual = usual
            tokens.faults = [(400, {"error": code}, {})] if code else []
            if number == 5:
                w.crm.store.knobs.add("forbidden:owners")
            cures = self.cures(w, number)
            self.assertEqual(len(cures), 1, cures)
            self.assertIn(want, cures.pop())

    def test_a_key_that_is_refused(self):
        """It is to be written anew; of a scope nothing is known."""
        w = self.world()
        w.read_whole()
        w.fast()
        self.cut_over(w)
        w.sim.post("/sim/knobs", {"token": "taken-back"})
        cures = self.cures(w, 2)
        self.assertEqual(len(cures), 1, cures)
        self.assertIn("into the file of source.token_file", cures.pop())

    def test_stopped_in_a_check_the_next_start_makes_it(self):
        w = self.world()
        w.read_whole()
        self.broken(w, bytes_per_s=1)
        self.ask(w, 1)
        w.until("the check is at work", lambda: self.tried(w))
        w.ex.stop()
        self.broken(w)
        w.start()
        self.report(w, 1)

    def test_killed_in_a_check_the_next_start_makes_none(self):
        w = self.world()
        w.read_whole()
        self.broken(w, bytes_per_s=1)
        self.ask(w, 1)
        w.until("the check is at work", lambda: self.tried(w))
        w.ex.kill()
        self.broken(w)
        w.start()
        w.snapshot_done()
        self.assert_goes_on(w)
        self.assertEqual(len(self.tried(w, 2)), 1)  # that of the killed one
        self.ask(w, 2)
        self.report(w, 2)

    # ---- does updated_at move? ----

    def test_edits_between_two_checks(self):
        w = self.other()
        w.read_whole()
        first = self.reports(w)[-1]             # of the first start
        self.assertEqual(first["number"], 0)
        found = self.edit_of(first, "deal")
        self.assertEqual(found["verdict"], "holds")
        self.assertIn("no edit was watched", found["found"])
        store = w.crm.store
        with store.lock:
            now = store.now()
            moved = store.records["deal"]["de_001"]
            moved.update(stamp=now, seen_ms=now,
                         properties=dict(moved["properties"], name="Moved"))
            stuck = store.records["company"]["co_002"]
            stuck.update(properties=dict(stuck["properties"], name="Stuck"))
        w.ex.stop()
        w.start()                               # what was seen is not lost
        w.snapshot_done()
        self.ask(w, 1)
        report = self.report(w, 1)
        found = self.edit_of(report, "deal")
        self.assertEqual(found["verdict"], "holds")
        self.assertIn("1 of 10 records were edited", found["found"])
        found = self.edit_of(report, "company")
        self.assertEqual(found["verdict"], "fails")
        self.assertIn("co_002", found["found"])
        self.assertIn("sweep", found["cure"])
        self.assertEqual(report["fails"], 1)

    def test_versions_between_two_checks(self):
        w = self.world()
        w.conf["source.profile_check"] = "true"
        w.read_whole()
        one = next(r for r in w.sim.records("deal") if r["id"] == "de_002")
        w.edit("deal", dict(one, properties=dict(one["properties"],
                                                 name="Edited")))
        self.ask(w, 1)
        found = self.edit_of(self.report(w, 1), "deal")
        self.assertEqual(found["verdict"], "holds")
        self.assertIn("1 of 20 records were edited", found["found"])


if __name__ == "__main__":
    unittest.main()
