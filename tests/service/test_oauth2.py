#!/usr/bin/env python3
"""A source that is read by OAuth2: the records are those that a key gives, and
no secret is in a log, whatever the token endpoint does."""
import json
import pathlib
import re
import sys
import threading
import unittest

from extractor_world import ROOT, wait_until
from other_crm_world import KINDS, OtherCase

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent /
                       "support"))
from oauth import Tokens, TokenServer  # noqa: E402

FASTTRACK = ROOT / "deploy" / "conf" / "profiles" / "fasttrack-1.json"
LIVE_S = 60  # of a wait for a few calls


class Raced(Tokens):
    """Another process with the same refresh token is a moment ahead: what was
    sent is used up, and what it was given lies in the file soon after."""

    def __init__(self, times, after_s):
        super().__init__("refresh_token", rotates=True)
        self.path, self.races, self.after_s = None, times, after_s

    def answer(self, headers, data):
        if self.path and self.races > 0:
            self.races -= 1
            was, now = self.refresh, self.new_refresh()
            threading.Timer(self.after_s, self.keep, (was, now)).start()
        return super().answer(headers, data)

    def keep(self, was, now):
        told = self.path.read_text()
        self.path.write_text(re.sub("refresh_token=.*", "refresh_token=" + now,
                                    told))


class OAuth(OtherCase):
    def oauth(self, tokens, **more):
        w = self.other(tokens=tokens, **more)
        self.addCleanup(self.assert_silent, w.b, tokens)
        return w

    def assert_silent(self, bench, tokens):
        """Neither a secret nor its encoded form is in any log."""
        told = "".join(p.read_text() for p in bench.logs.glob("*.log"))
        self.assertNotEqual(told, "")
        for secret in tokens.secrets | {"cl1ent%2Bs3cret"}:
            self.assertNotIn(secret, told)

    def ended(self, w, code, *says):
        wait_until("it ends: " + w.ex.tail(), lambda: not w.ex.alive(),
                   LIVE_S)
        self.assertEqual(w.ex.code, code)
        for text in says:
            self.assertIn(text, w.ex.tail())

    @staticmethod
    def carried(w):
        """All records that lie in Kafka, but for when they were read."""
        return {(kind, r["id"], r["version"]): (
            r["op"], r["body"], sorted(map(str, r["associations"])),
            sorted(r["parts"] or []))
            for kind in KINDS for r in w.records(kind)}

    def test_the_records_are_those_that_a_key_gives(self):
        key = self.other()
        key.read_whole()
        want = self.carried(key)
        for tokens in (Tokens("client_credentials", scope="crm.read more",
                              audience="https://crm.example/"),
                       Tokens("refresh_token", basic=True)):
            with self.subTest(tokens.grant):
                w = self.oauth(tokens)
                w.read_whole()
                self.assert_is_other(w)
                self.assert_line_sets(w)
                self.assert_markers_count(w, list(KINDS))
                self.assertEqual(w.dump("rejected"), [])
                self.assertEqual(self.carried(w), want)
                self.assertEqual(len(tokens.asked), 1)
                self.assertEqual(w.ex.stop(), 0)

    def test_a_token_is_renewed_before_its_end(self):
        """So that no call is refused, in the snapshot and in the tail."""
        tokens = Tokens("client_credentials", lasts_s=24)
        w = self.oauth(tokens)
        w.read_whole()
        w.crm.play()
        wait_until("three tokens were asked for",
                   lambda: len(tokens.asked) >= 3, LIVE_S)
        w.drained()
        self.assertEqual(tokens.strangers, 0)
        times = [at for at, _ in tokens.asked]
        for a, b in zip(times, times[1:]):
            self.assertGreaterEqual(b - a, 12)  # of eighteen: not each call
        self.assertEqual(w.freeze()["phase"], "frozen")
        self.assert_is_other(w)
        self.assert_line_sets(w)

    def test_a_token_that_is_taken_back(self):
        tokens = Tokens("client_credentials")
        w = self.oauth(tokens)
        for at in (60, 120, 180):
            if at == 60:
                w.start_only()
            wait_until("it is at work", lambda: w.crm.store.calls >= at or
                       not w.ex.alive(), LIVE_S, 0.002)
            tokens.take_back()
        w.snapshot_done()
        self.assert_is_other(w)
        self.assert_line_sets(w)
        self.assert_nothing_twice(w, list(KINDS))
        self.assertEqual(w.dump("rejected"), [])
        # As many as were taken back; two may have been in one call.
        self.assertIn(len(tokens.asked), (2, 3, 4))
        self.assertEqual(tokens.strangers, len(tokens.asked) - 1)

    def test_a_refusal_of_a_new_token_is_final(self):
        tokens = Tokens("client_credentials")
        w = self.oauth(tokens)
        w.read_whole()
        before = len(tokens.asked)
        tokens.usual = False
        self.ended(w, 1, "the source refuses the token, also a new one (401 "
                   "INVALID_AUTHENTICATION)", "auth.scope")
        self.assertEqual(len(tokens.asked), before + 1)
        self.assertEqual(tokens.strangers, 2)

    def test_refusals_say_what_to_do(self):
        for status, code, says in (
                (401, "invalid_client", "correct client_id and client_secret"),
                (400, "invalid_scope", "correct auth.scope"),
                (400, Tokens.SECRET, "check auth.token_url")):
            with self.subTest(code):
                tokens = Tokens("client_credentials")
                tokens.faults = 9 * [(status, {"error": code}, {})]
                w = self.oauth(tokens)
                w.start_only()
                self.ended(w, 1, "the source gives no token (%d" % status,
                           says)
                self.assertEqual(len(tokens.asked), 1)
                self.assertEqual(tokens.strangers, 0)
                self.assertEqual(w.crm.store.calls, 0)

    def memory(self, w):
        """All that the process may write, its stack aside."""
        out = []
        with open("/proc/%d/maps" % w.ex.pid) as maps, \
                open("/proc/%d/mem" % w.ex.pid, "rb", 0) as mem:
            for line in maps:
                where, mode = line.split()[:2]
                if not mode.startswith("rw") or "[stack]" in line:
                    continue
                start, end = (int(x, 16) for x in where.split("-"))
                mem.seek(start)
                out.append(mem.read(end - start))
        return b"\0".join(out)

    def test_what_a_call_for_a_token_carries_is_wiped(self):
        """The form as soon as it is answered, which here is to come again in
        half a minute; nothing but the encoded secret shows that it was one."""
        tokens = Tokens("refresh_token", rotates=True)
        tokens.faults = [(503, {}, {"Retry-After": "30"})]
        w = self.kept(tokens)
        w.start_only()
        wait_until("it is asked", lambda: tokens.asked, LIVE_S)
        w.ex.logged("extractor.waiting")
        try:
            self.assertEqual(self.memory(w).count(b"cl1ent%2Bs3cret"), 0)
        except PermissionError:
            self.skipTest("SKIP: its memory is not for this user")

    def test_an_endpoint_that_asks_to_wait_is_not_called_before(self):
        tokens = Tokens("client_credentials")
        tokens.faults = [(503, {}, {"Retry-After": "2"}),
                         (429, {"error": "slow_down"}, {"Retry-After": "2"}),
                         (502, "<html>", {}), (200, {}, {})]
        w = self.oauth(tokens)
        w.read_whole()
        self.assert_is_other(w)
        self.assertEqual([s for _, s in tokens.asked],
                         [503, 429, 502, 200, 200])
        times = [at for at, _ in tokens.asked]
        self.assertGreaterEqual(times[1] - times[0], 2)
        self.assertGreaterEqual(times[2] - times[1], 2)

    # ---- a refresh token that rotates ----

    def kept(self, tokens):
        w = self.oauth(tokens)
        w.conf["source.refresh_file"] = w.b.folder / "refresh"
        return w

    def test_a_refresh_token_that_rotates_outlives_the_process(self):
        tokens = Tokens("refresh_token", lasts_s=6, rotates=True)
        w = self.kept(tokens)
        w.read_whole()
        wait_until("it was renewed", lambda: len(tokens.asked) >= 2, LIVE_S)
        w.ex.kill()
        path = w.b.folder / "refresh"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        w.start()
        w.crm.play(["upsert"])
        w.drained()
        self.assert_is_other(w, ends=False)
        self.assertEqual({s for _, s in tokens.asked}, {200})
        self.assertEqual(w.ex.stop(), 0)
        self.assertNotIn("in memory alone", w.ex.tail(1000))

        # What a person writes into the token's file counts more.
        (w.b.folder / "token").unlink()
        tokens.new_refresh()
        w.b.secret("token", tokens.file())
        w.start()
        w.drained()
        self.assertEqual({s for _, s in tokens.asked}, {200})

    def test_another_process_may_have_renewed_it(self):
        """A check of the profile, say: what it kept is sent."""
        tokens = Tokens("refresh_token", rotates=True)
        w = self.kept(tokens)
        w.read_whole()
        path = w.b.folder / "refresh"
        was, told = tokens.refresh, path.read_text()
        path.chmod(0o600)
        path.write_text(told.replace(was, tokens.new_refresh()))
        tokens.take_back()
        w.drained()
        self.assertEqual({s for _, s in tokens.asked}, {200})

    def raced(self, times, after_s=0.0):
        tokens = Raced(times, after_s)
        w = self.kept(tokens)
        w.read_whole()
        tokens.path = w.b.folder / "refresh"
        tokens.path.chmod(0o600)
        tokens.take_back()
        return w, tokens

    def test_another_process_renews_it_at_the_same_time(self):
        for after_s in (0.0, 0.5):  # it is kept before the refusal, or after
            with self.subTest(after_s):
                w, tokens = self.raced(1, after_s)
                w.drained()
                self.assertEqual([s for _, s in tokens.asked],
                                 [200, 400, 200])
                self.assertIn(tokens.refresh, tokens.path.read_text())
                self.assertEqual(w.ex.stop(), 0)

    def test_a_race_is_not_run_twice(self):
        w, tokens = self.raced(9)
        self.ended(w, 1, "invalid_grant")
        self.assertEqual([s for _, s in tokens.asked], [200, 400, 400])

    def test_a_refresh_token_that_nobody_keeps(self):
        tokens = Tokens("refresh_token", rotates=True)
        w = self.oauth(tokens)
        w.read_whole()
        self.assert_is_other(w)
        w.ex.logged("name a source.refresh_file to keep it")
        self.assertEqual(w.ex.stop(), 0)
        w.start_only()
        self.ended(w, 1, "invalid_grant", "have the source give a new one")

    def test_a_file_that_cannot_be_written_ends_nothing(self):
        tokens = Tokens("refresh_token", rotates=True)
        w = self.oauth(tokens)
        there, away = w.b.folder / "kept", w.b.folder / "away"
        w.conf["source.refresh_file"] = there / "refresh"
        there.mkdir()
        tokens.given = lambda _: there.rename(away)  # before it is answered
        w.read_whole()
        tokens.given = None
        w.ex.logged("make source.refresh_file writable")
        self.assert_is_other(w)
        away.rename(there)
        tokens.take_back()
        w.drained()
        self.assertIn(tokens.refresh, (there / "refresh").read_text())
        self.assertEqual([p.name for p in there.iterdir()], ["refresh"])

    # ---- the contract ----

    def contract(self, tokens):
        """FastTrack, whose tokens another host gives."""
        w = self.world()

        def given(token):
            w.sim.post("/sim/knobs", {"token": token})
            w.sim.key = token  # for the calls that the test makes itself
        tokens.given = given
        server = TokenServer(tokens)
        self.addCleanup(server.close)
        self.addCleanup(self.assert_silent, w.b, tokens)
        profile = json.loads(FASTTRACK.read_text())
        profile["auth"] = tokens.auth(
            "http://127.0.0.1:%d/id/token?tenant=1" % server.port,
            hosts=["127.0.0.1:%d" % p for p in (w.sim.api, server.port)])
        path = w.b.folder / "profile.json"
        path.write_text(json.dumps(profile))
        (w.b.folder / "token").unlink()
        w.conf["source.token_file"] = w.b.secret("token", tokens.file())
        w.conf["source.profile"] = path
        return w

    def test_the_contract_by_oauth2(self):
        key = self.world()
        key.read_whole()
        tokens = Tokens("refresh_token", rotates=True)
        w = self.contract(tokens)
        w.conf["source.refresh_file"] = w.b.folder / "refresh"
        w.start_only()
        for at in (30, 80):
            wait_until("it is at work", lambda: not w.ex.alive() or sum(
                w.sim.get("/sim/stats")["calls_by"].values()) >= at,
                LIVE_S, 0.01)
            w.sim.post("/sim/knobs", {"token": "taken-back"})
        w.snapshot_done()
        self.assert_all(w)
        for kind in w.kinds:
            self.assertEqual(
                {i: r["body"] for i, r in w.newest(kind).items()},
                {i: r["body"] for i, r in key.newest(kind).items()})
        w.play_changes()
        w.sim.post("/sim/knobs", {"token": "taken-back"})
        w.drained()
        self.assert_is_truth(w)
        self.assertEqual({s for _, s in tokens.asked}, {200})
        self.assertIn(len(tokens.asked), (3, 4))

    def test_a_token_that_is_taken_back_twice_in_one_call(self):
        """The call goes out again with a new one and has to wait; what is
        taken back meanwhile is renewed as well."""
        tokens = Tokens("client_credentials")
        w = self.contract(tokens)
        w.read_whole()
        w.fast()
        usual = tokens.given

        def take_back():
            w.sim.post("/sim/knobs", {"token": "taken-back"})

        def given(token):
            usual(token)
            tokens.given = usual
            w.sim.post("/sim/faults", [{
                "name": "wait", "match": {"path": "^/v1/"}, "times": 1,
                "action": {"status": 503, "retry_after": "12"}}])
            threading.Timer(2, take_back).start()
        tokens.given = given
        take_back()
        wait_until("it is renewed twice: " + w.ex.tail(), lambda: len(
            tokens.asked) >= 3 or not w.ex.alive(), LIVE_S)
        w.drained()
        self.assertEqual({s for _, s in tokens.asked}, {200})

    def test_a_host_that_is_not_allowed_gets_no_secret(self):
        tokens = Tokens("client_credentials")
        w = self.contract(tokens)
        path = w.b.folder / "profile.json"
        path.write_text(re.sub(r'"hosts": \[[^]]*\]', '"hosts": []',
                               path.read_text()))
        w.start_only()
        self.ended(w, 64, "/auth/token_url: its host is not allowed")
        self.assertEqual(tokens.asked, [])


if __name__ == "__main__":
    unittest.main()
