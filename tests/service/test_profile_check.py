#!/usr/bin/env python3
"""What a profile says is tried out: a source that breaks an assumption is
found by it, each by name, and nothing else is."""
import json
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT  # noqa: E402
from other_crm import KINDS, OtherCrm  # noqa: E402
from source_folder import SourceFolder  # noqa: E402

SOURCE = ROOT / "tests" / "data" / "source"
PROFILE = ROOT / "deploy" / "conf" / "profiles" / "other-crm-1.json"
OK, REFUSED, CONFIG = 0, 65, 64


class ProfileCheck(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)

    def run_check(self, port, key, profile):
        b = self.bench
        conf = b.folder / "check.conf"
        conf.write_text(
            "migration = check\nkafka.brokers = 127.0.0.1:1\n"
            "source.url = http://127.0.0.1:%d\nsource.token_file = %s\n"
            "source.profile = %s\n" % (port, b.secret("token", key), profile))
        p = subprocess.run(
            [str(b.bin("drover-extractor")), "--config", str(conf),
             "--profile-check"], capture_output=True, timeout=120)
        return p.returncode, json.loads(p.stdout) if p.stdout else None, \
            p.stderr.decode()

    def check(self, *knobs, change=None):
        """(exit code, what fails as {(object, assumption)}, all findings)"""
        profile = json.loads(PROFILE.read_text())
        if change:
            change(profile)
        path = self.bench.folder / "profile.json"
        path.write_text(json.dumps(profile))
        with OtherCrm(SOURCE, 60, knobs) as crm:
            code, found, _ = self.run_check(crm.port, crm.key, path)
            self.calls = crm.store.calls
        self.assertEqual(found["profile"], "other-crm/1")
        for c in found["checks"]:
            self.assertEqual(set(c), {"object", "assumption", "verdict",
                                      "must", "found", "cure"})
            self.assertEqual(bool(c["cure"]), c["verdict"] != "holds", c)
        return code, {(c["object"], c["assumption"])
                      for c in found["checks"] if c["verdict"] == "fails"}, \
            {(c["object"], c["assumption"]): c for c in found["checks"]}

    def of_all(self, *assumptions, but=()):
        return {(k, a) for k in KINDS for a in assumptions
                if (k, a) not in but}

    # ---- a source that keeps its word ----

    def test_all_holds(self):
        code, fails, found = self.check()
        self.assertEqual((code, fails), (OK, set()))
        for kind in KINDS:
            for what in ("list", "page_size", "A2", "A3", "A5", "cursor",
                         "edit", "filter", "order", "since", "absence"):
                self.assertEqual(found[kind, what]["verdict"], "holds",
                                 (kind, what))
        self.assertEqual(found["", "A6"]["verdict"], "holds")
        self.assertEqual(found["", "retry_after"]["verdict"], "unknown")
        self.assertLess(self.calls, 16 * len(KINDS))

    def test_fasttrack_holds(self):
        sim = self.bench.fasttrack(SOURCE)
        code, found, _ = self.run_check(sim.api, sim.key, "")
        self.assertEqual(code, OK)
        self.assertEqual(found["profile"], "fasttrack/1")
        self.assertEqual([c for c in found["checks"]
                          if c["verdict"] == "fails"], [])
        schema = json.loads((SOURCE / "schema.json").read_text())
        holds = {c["object"] for c in found["checks"]
                 if c["assumption"] == "index" and c["verdict"] == "holds"}
        self.assertEqual(holds, {o["type"]
                                 for o in schema["objects"]["results"]})

    def test_each_way_to_show_a_key(self):
        for knob, auth in (("auth_query", {"type": "query",
                                           "name": "api_key"}),
                           ("auth_basic", {"type": "basic"})):
            for wrong in (False, True):
                with self.subTest(knob, wrong=wrong):
                    path = self.bench.folder / "auth.json"
                    profile = json.loads(PROFILE.read_text())
                    profile["auth"] = auth
                    path.write_text(json.dumps(profile))
                    key = "some&one:s%c=et"
                    with OtherCrm(SOURCE, 60, [knob], key=key) as crm:
                        code, found, log = self.run_check(
                            crm.port, "other" if wrong else key, path)
                    self.assertEqual(code, 1 if wrong else OK)
                    if wrong:
                        self.assertIn("refuses the token", log)
                    else:
                        self.assertEqual(found["fails"], 0)

    def test_a_host_that_is_not_allowed(self):
        def change(p):
            p["auth"]["hosts"] = ["crm.example"]
        profile = json.loads(PROFILE.read_text())
        change(profile)
        path = self.bench.folder / "profile.json"
        path.write_text(json.dumps(profile))
        with OtherCrm(SOURCE) as crm:
            code, found, log = self.run_check(crm.port, crm.key, path)
            self.assertEqual(crm.store.calls, 0)
        self.assertEqual((code, found), (CONFIG, None))
        self.assertIn("auth.hosts", log)

    # ---- one that does not ----

    def test_filter_ignored(self):
        code, fails, _ = self.check("filter_ignored")
        self.assertEqual((code, fails), (OK, self.of_all("filter")))

    def test_order_descending(self):
        code, fails, found = self.check("order_descending")
        self.assertEqual(code, OK)
        self.assertEqual(fails, self.of_all("order"))
        self.assertIn("do not ascend", found["deal", "order"]["found"])

    def test_page_size_ignored(self):
        code, fails, found = self.check("page_size_ignored")
        self.assertEqual(code, OK)
        self.assertLessEqual(self.of_all("page_size"), fails)
        self.assertIn("got 5", found["company", "page_size"]["found"])

    def test_list_unordered(self):
        code, fails, _ = self.check("list_unordered")
        self.assertEqual((code, fails), (OK, self.of_all("A5")))

    def test_stamp_differs_between_list_and_read(self):
        code, fails, _ = self.check("stamp_differs")
        self.assertEqual((code, fails), (OK, self.of_all("A2")))

    # ---- a first record that cannot be read ----

    def assert_unreadable(self, found, kind, *says):
        """Told, with what it is; the rest of the object is looked at."""
        first = found[kind, "list"]
        self.assertEqual(first["verdict"], "unknown")
        for text in says:
            self.assertIn(text, first["found"])
        for what in ("filter", "order", "since", "absence"):
            self.assertEqual(found[kind, what]["verdict"], "holds",
                             (kind, what))

    def test_a_first_record_that_is_broken(self):
        folder = SourceFolder(SOURCE, self.bench.folder / "source")
        one = {k: folder.records(k) for k in ("contact", "deal", "task")}
        folder.put("contact", one["contact"] + [dict(one["contact"][0],
                                                     id="!first")])
        folder.poison("contact", ["!first"], "with_id")
        folder.poison("deal", ["de_001"], "without_id")
        folder.put("task", one["task"][:1])  # alone
        folder.poison("task", ["ta_001"], "with_id")
        sim = self.bench.fasttrack(folder.done())
        code, found, _ = self.run_check(sim.api, sim.key, "")
        self.assertEqual(code, OK)
        self.assertEqual([c for c in found["checks"]
                          if c["verdict"] == "fails"], [])
        found = {(c["object"], c["assumption"]): c for c in found["checks"]}
        self.assert_unreadable(found, "contact", "the first record cannot be "
                               "read", "500 record_unreadable", "id !first")
        self.assert_unreadable(found, "deal", "500 record_unreadable")
        for kind in ("contact", "deal"):
            for what in ("A3", "index", "edit"):
                self.assertEqual(found[kind, what]["verdict"], "holds",
                                 (kind, what))
        self.assertEqual(found["task", "list"]["verdict"], "unknown")
        self.assertIn("none of the first 1 records",
                      found["task", "read"]["found"])
        self.assertEqual(found["task", "filter"]["verdict"], "holds")

    def test_a_first_record_that_is_broken_where_there_is_no_index(self):
        code, fails, found = self.check("broken:company", change=lambda p: p[
            "errors"]["rules"].append({"status": 500, "do": "isolate",
                                       "code": "RECORD_UNREADABLE"}))
        self.assertEqual((code, fails), (OK, set()))
        self.assert_unreadable(found, "company", "500 RECORD_UNREADABLE")
        self.assertIn("without an index", found["company", "list"]["cure"])
        self.assertEqual(found["company", "edit"]["verdict"], "unknown")
        self.assertEqual(found["deal", "list"]["verdict"], "holds")

    def test_a_first_record_without_an_id(self):
        code, fails, found = self.check("nameless:company")
        self.assertEqual((code, fails), (OK, set()))
        self.assertIn("the first record has no id",
                      found["company", "A1"]["found"])
        for what in ("A2", "A3", "cursor", "edit", "filter", "order", "since",
                     "absence"):
            self.assertEqual(found["company", what]["verdict"], "holds", what)

    # ---- edits ----

    def test_no_record_was_ever_edited(self):
        """Nothing shows that updated_at moves: that is no success."""
        code, fails, found = self.check("never_edited")
        self.assertEqual((code, fails), (OK, set()))
        self.assertEqual(found["deal", "edit"]["verdict"], "unknown")
        self.assertIn("not seen", found["deal", "edit"]["found"])

    def test_updated_before_it_was_created(self):
        def change(p):
            keys = p["default"]["keys"]
            keys["updated_at"], keys["created_at"] = (
                keys["created_at"], keys["updated_at"])
        _, fails, _ = self.check(change=change)
        self.assertLessEqual(self.of_all("edit"), fails)

    def test_owners_forbidden(self):
        code, fails, found = self.check("forbidden:owners")
        self.assertEqual((code, fails), (OK, {("", "owners")}))
        self.assertIn("403 MISSING_SCOPES", found["", "owners"]["found"])
        self.assertIn("scope", found["", "owners"]["cure"])

    def test_exclusive_since(self):
        def change(p):
            p["default"]["changes"]["overlap_s"] = 0
            p["default"]["changes"]["body"]["filters"][0]["operator"] = "GT"
        code, fails, _ = self.check(change=change)
        self.assertEqual((code, fails), (OK, self.of_all("since")))

    def test_redacted(self):
        def change(p):
            p["redaction"][0]["contains"] = "A note"
        code, fails, _ = self.check(change=change)
        self.assertEqual((code, fails), (OK, {("note", "redaction")}))

    def test_limits_are_told_or_not(self):
        _, fails, found = self.check("limited", "no_limit_headers")
        self.assertEqual(fails, set())
        self.assertEqual(found["", "retry_after"]["verdict"], "holds")
        self.assertEqual(found["", "limit_headers"]["verdict"], "unknown")

    # ---- what nothing goes without ----

    def must(self, code, fails, found, *which):
        self.assertEqual(code, REFUSED)
        self.assertEqual({k for k, c in found.items() if c["must"]},
                         set(which))
        self.assertLessEqual(set(which), fails)

    def test_cursor_ignored(self):
        self.must(*self.check("cursor_ignored"), *self.of_all("cursor"))

    def test_no_time(self):
        self.must(*self.check("no_date"), ("", "A6"), *self.of_all("A6"))

    def test_no_id(self):
        def change(p):
            p["objects"]["deal"]["keys"] = dict(p["default"]["keys"],
                                                id="/dealId")
        self.must(*self.check(change=change), ("deal", "A1"))

    def test_no_rows(self):
        def change(p):
            p["objects"]["deal"]["list"] = dict(p["default"]["list"],
                                                rows="/total")
        self.must(*self.check(change=change), ("deal", "list"))

    def test_no_such_list(self):
        def change(p):
            p["objects"]["deal"]["remote"] = "dealz"
        code, fails, found = self.check(change=change)
        self.must(code, fails, found, ("deal", "list"))
        self.assertIn("404 NOT_FOUND", found["deal", "list"]["found"])

    def test_list_forbidden(self):
        """A matter of the token, not of the profile: the snapshot says so."""
        code, fails, found = self.check("forbidden:objects/notes")
        self.assertEqual((code, fails), (OK, {("note", "list")}))
        self.assertIn("403", found["note", "list"]["found"])
        self.assertIn("scope", found["note", "list"]["cure"])

    def test_no_profile(self):
        code, found, log = self.run_check(1, "k", "/nowhere.json")
        self.assertEqual((code, found), (CONFIG, None))
        self.assertIn("source.profile", log)


if __name__ == "__main__":
    unittest.main()
