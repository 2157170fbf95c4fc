#!/usr/bin/env python3
"""The simulated FastTrack behaves as the source contract says."""
import email.utils
import hashlib
import http.client
import json
import pathlib
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, Proc, ROOT, ndjson, wait_until  # noqa: E402

SOURCE = ROOT / "tests" / "data" / "source"
MIDNIGHT = "2031-01-01T00:00:00Z"  # where every window of a limit begins


class Simulator(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)

    def sim(self, *knobs, source=SOURCE, at=None):
        more = [x for k in knobs for x in ("--knob", k)]
        if at:
            more += ["--start-at", at]
        self.s = self.bench.fasttrack(source, *more)
        return self.s

    def call(self, method, path, body=None, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.s.api, timeout=10)
        try:
            c.request(method, "/v1" + path,
                      json.dumps(body) if body is not None else None,
                      dict({"Authorization": "Bearer " + self.s.key},
                           **headers))
            r = c.getresponse()
            self.headers = dict(r.getheaders())
            data = r.read()
            return r.status, json.loads(data) if data else None
        finally:
            c.close()

    def ok(self, path, body=None):
        status, answer = self.call("POST" if body else "GET", path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def pages(self, path):
        rows, after = [], ""
        while True:
            page = self.ok(path + after)
            rows += page["results"]
            if not page["paging"]:
                return rows
            after = "&after=" + page["paging"]["next"]["after"]

    def now(self):
        return self.s.get("/sim/clock")["now_ms"]

    def edit(self, kind, body, rid=None):
        self.s.post("/sim/admin/%s%s" % (kind, "/" + rid if rid else ""), body)

    def record(self, kind, rid):
        return self.ok("/objects/%s/batch/read" % kind,
                       {"ids": [rid]})["results"][0]

    # ---- what it serves ----

    def test_every_answer_has_a_clock_and_a_name(self):
        self.sim()
        for path in ("/account", "/owners", "/currencies", "/tags",
                     "/pipelines/deal", "/schema/objects",
                     "/schema/objects/contact/properties",
                     "/schema/associations", "/objects/contact?limit=1",
                     "/objects/contact/ct_001", "/objects/contact/index",
                     "/objects/contact/changes", "/associations/changes",
                     "/associations/contact/company"):
            self.assertIn("server_time", self.ok(path), path)
            self.assertIn("X-Request-Id", self.headers, path)
            self.assertIn("Date", self.headers, path)
        status, body = self.call("GET", "/objects/contact/nobody")
        self.assertEqual((status, body["error"]["code"]), (404, "not_found"))
        self.assertEqual(body["error"]["request_id"],
                         self.headers["X-Request-Id"])

    def test_a_wrong_token_is_refused(self):
        self.sim()
        status, body = self.call("GET", "/account", Authorization="Bearer x")
        self.assertEqual((status, body["error"]["code"]),
                         (401, "unauthorized"))

    def test_a_schema_that_did_not_change_says_so(self):
        self.sim()
        self.ok("/schema/objects")
        tag = self.headers["ETag"]
        status, body = self.call("GET", "/schema/objects",
                                 **{"If-None-Match": tag})
        self.assertEqual((status, body), (304, None))
        self.ok("/schema/objects/contact/properties")
        self.assertNotEqual(self.headers["ETag"], tag)

    def test_pages_hold_every_record_once(self):
        self.sim()
        for kind in ("product", "company", "deal", "task"):
            rows = self.pages("/objects/%s?archived=any&limit=7" % kind)
            self.assertEqual(rows, self.s.records(kind))
            index = self.pages("/objects/%s/index?limit=7" % kind)
            self.assertEqual([r[0] for r in index], [r["id"] for r in rows])
            changes = self.pages("/objects/%s/changes?limit=7" % kind)
            order = [(r["updated_at"], r["id"]) for r in changes]
            self.assertEqual(order, sorted(order))
            self.assertLessEqual({r["id"] for r in rows},
                                 {r["id"] for r in changes})

    def test_all_associations_are_listed(self):
        self.sim()
        rows = self.pages("/associations/contact/company?limit=7")
        file = (SOURCE / "associations/contact_company.csv").read_text()
        want = sorted(tuple(line.split(",")[:2])
                      for line in file.splitlines()[1:])
        self.assertEqual([(r["from"], r["to"]["id"]) for r in rows], want)
        lines = self.pages("/associations/deal/line_item?limit=7")
        self.assertEqual({(r["from"], r["to"]["id"]) for r in lines},
                         {(r["properties"]["deal_id"], r["id"])
                          for r in self.s.records("line_item")})

    def test_a_poison_record_breaks_each_page_that_holds_it(self):
        self.sim()
        status, body = self.call("GET", "/objects/contact?archived=any")
        self.assertEqual((status, body["error"]["code"], body["error"]["id"]),
                         (500, "record_unreadable", "ct_bad"))
        self.assertIn("ct_bad", [r[0] for r in self.pages(
            "/objects/contact/index?limit=10")])
        answer = self.ok("/objects/contact/batch/read",
                         {"ids": ["ct_001", "ct_bad"]})
        self.assertEqual(len(answer["results"]), 1)
        self.assertEqual([(m["id"], m["reason"]) for m in answer["missing"]],
                         [("ct_bad", "corrupt")])
        self.edit("contact", dict(self.record("contact", "ct_001"),
                                  id="ct_bad"))
        self.pages("/objects/contact?archived=any&limit=10")

    # ---- edits ----

    def changes(self, kind, since):
        return self.pages("/objects/%s/changes?updated_since=%s" % (
            kind, since))

    def test_an_edit_moves_version_and_stamp(self):
        self.sim()
        before = self.record("contact", "ct_001")
        since = self.ok("/account")["server_time"]
        self.edit("contact", dict(before, owner_id="o_9"))
        after = self.record("contact", "ct_001")
        self.assertEqual(after["version"], before["version"] + 1)
        self.assertGreaterEqual(after["updated_at"], since)
        self.assertEqual(after["created_at"], before["created_at"])
        self.assertEqual(after["owner_id"], "o_9")
        line = ndjson(self.s.admin, "/sim/journal")[-2]
        self.assertEqual((line["method"], line["path"], line["effect"]),
                         ("ADMIN", "/sim/admin/contact", True))
        self.assertEqual([(r["id"], r["op"]) for r in
                          self.changes("contact", since)],
                         [("ct_001", "upsert")])

    def test_archive_restore_delete_merge_purge(self):
        self.sim()
        since = self.ok("/account")["server_time"]
        self.edit("contact", {"op": "archive"}, "ct_001")
        self.assertTrue(self.record("contact", "ct_001")["archived_at"])
        self.assertEqual([r["id"] for r in self.s.records("contact")
                          if r["archived"]][0], "ct_001")
        self.edit("contact", {"op": "archive"}, "ct_002")
        self.edit("contact", {"op": "restore"}, "ct_002")
        self.assertIsNone(self.record("contact", "ct_002")["archived_at"])
        self.s.post("/sim/admin/contact/ct_003", None, "DELETE")
        self.edit("contact", {"op": "merge", "merged_into": "ct_001"},
                  "ct_004")
        self.edit("contact", {"op": "purge"}, "ct_005")
        self.assertEqual({r["id"]: r["op"] for r in
                          self.changes("contact", since)},
                         {"ct_001": "archive", "ct_002": "restore",
                          "ct_003": "delete", "ct_004": "merge"})
        for rid, status, code in (("ct_003", 410, "gone_deleted"),
                                  ("ct_004", 410, "gone_merged"),
                                  ("ct_005", 404, "not_found")):
            got, body = self.call("GET", "/objects/contact/" + rid)
            self.assertEqual((got, body["error"]["code"]), (status, code))
            if rid == "ct_004":
                self.assertEqual(body["error"]["merged_into"], "ct_001")
        gone = {r["id"]: r["op"] for r in ndjson(self.s.admin,
                                                 "/sim/deleted/contact")}
        self.assertEqual({k: gone[k] for k in ("ct_003", "ct_004", "ct_005")},
                         {"ct_003": "delete", "ct_004": "merge",
                          "ct_005": "purge"})

    def test_edits_of_associations_move_no_record(self):
        self.sim()
        before = self.record("contact", "ct_001")
        since = self.ok("/account")["server_time"]
        end = {"from_type": "contact", "to_type": "company", "from_id":
               "ct_001", "to_id": "co_020", "type_id": 3, "label": "x"}
        self.edit("associations", dict(end, op="assoc_add"))
        self.edit("associations", dict(end, op="assoc_add", label="y"))
        ends = self.ok("/associations/contact/company/batch/read",
                       {"ids": ["ct_001"]})["results"][0]["to"]
        self.assertEqual([e["label"] for e in ends if e["id"] == "co_020"],
                         ["y"])
        self.edit("associations", dict(end, op="assoc_remove"))
        self.assertEqual(self.record("contact", "ct_001"), before)
        rows = self.pages("/associations/changes?updated_since=" + since)
        self.assertEqual([r["op"] for r in rows], ["add", "add", "remove"])

    def test_a_line_changes_its_deals_set_when_it_comes_goes_or_moves(self):
        self.sim()
        since = self.ok("/account")["server_time"]
        line = self.s.records("line_item")[0]
        old = line["properties"]["deal_id"]
        self.edit("line_item", line)  # neither
        moved = dict(line, properties=dict(line["properties"],
                                           deal_id="de_009"))
        self.edit("line_item", moved)
        self.s.post("/sim/admin/line_item/" + line["id"], None, "DELETE")
        rows = self.pages("/associations/changes?updated_since=" + since)
        self.assertEqual([(r["op"], r["from_id"], r["to_id"]) for r in rows],
                         [("add", "de_009", line["id"]),
                          ("remove", old, line["id"]),
                          ("remove", "de_009", line["id"])])

    def test_an_edit_that_is_none_is_refused(self):
        self.sim()
        for kind, body in (("contact", {"op": "explode"}), ("nothing", {}),
                           ("contact", {"op": "merge"}),
                           ("contact", {"type": "contact", "id": "ct_002"}),
                           ("contact", {"type": "deal", "id": "ct_001"}),
                           ("associations", {"op": "assoc_add"})):
            with self.assertRaises(Exception, msg=body) as e:
                self.edit(kind, body, "ct_001")
            self.assertIn("400", str(e.exception))

    def test_a_pause_puts_nothing_into_the_past(self):
        self.sim()
        self.s.post("/sim/changes", {"action": "start"})
        self.s.post("/sim/changes", {"action": "pause"})
        self.s.post("/sim/clock", {"advance_ms": 86400000})
        state = self.s.get("/sim/changes")
        self.assertEqual((state["applied"], state["state"]), (0, "stopped"))
        since = self.ok("/account")["server_time"]
        self.s.post("/sim/changes", {"action": "start", "scale": 100000})
        wait_until("it is played", lambda: self.s.get("/sim/changes")[
            "state"] == "done", 10)
        self.assertGreaterEqual(self.record("contact", "ct_901")[
            "updated_at"], since)

    # ---- faults ----

    def test_what_is_not_visible_yet_shows_as_it_was(self):
        self.sim("visibility_lag_ms=60000")
        before = self.record("contact", "ct_001")
        since = self.ok("/account")["server_time"]
        new = dict(before, id="ct_0011")
        self.edit("contact", dict(before, owner_id="o_9"))
        self.edit("contact", new)

        def listed():
            rows = self.ok("/objects/contact?archived=any&limit=2")["results"]
            return {r["id"]: r for r in rows}

        self.assertEqual(listed()["ct_001"], before)
        self.assertNotIn("ct_0011", listed())
        self.assertEqual(self.changes("contact", since), [])
        self.assertEqual(self.record("contact", "ct_001")["owner_id"], "o_9")
        self.s.post("/sim/clock", {"advance_ms": 60000})
        self.assertEqual(listed()["ct_001"]["owner_id"], "o_9")
        self.assertIn("ct_0011", listed())
        self.assertEqual([r["id"] for r in self.changes("contact", since)],
                         ["ct_001", "ct_0011"])

    def refused(self, form, *more):
        """A caller that used its window up: (seconds to wait, header)."""
        self.sim("burst=3", "retry_after=" + form, *more, at=MIDNIGHT)
        for left in (2, 1, 0):
            self.ok("/account")
            self.assertEqual(self.headers["X-RateLimit-Remaining"], str(left))
        self.assertIn('"burst";q=3;w=10', self.headers["RateLimit-Policy"])
        self.assertIn('"burst";r=0;t=', self.headers["RateLimit"])
        self.assertEqual(self.headers["X-FT-Cost"], "1")
        status, body = self.call("GET", "/account")
        self.assertEqual((status, body["error"]["code"],
                          body["error"]["policy"]),
                         (429, "rate_limited", "burst"))
        return self.headers.get("Retry-After")

    def test_the_burst_refuses_in_four_forms(self):
        self.assertRegex(self.refused("seconds"), r"^\d+$")
        text = self.refused("date")
        until = email.utils.parsedate_to_datetime(text).timestamp()
        self.assertGreaterEqual(until * 1000, self.now())
        self.assertRegex(self.refused("fraction"), r"^\d+\.\d{3}$")
        self.assertIsNone(self.refused("none"))
        stats = self.s.get("/sim/stats")
        self.assertEqual((stats["refused_429"], stats["largest_429_burst"]),
                         (1, 1))
        self.assertEqual(stats["calls_by"], {"GET /v1/account": 4})
        self.s.post("/sim/clock", {"advance_ms": 10000})
        self.ok("/account")

    def test_a_days_quota_is_a_window_of_its_own(self):
        self.sim("daily=2", at=MIDNIGHT)
        self.ok("/account")
        self.ok("/account")
        status, body = self.call("GET", "/account")
        self.assertEqual((status, body["error"]["policy"]), (429, "daily"))
        self.assertGreater(int(self.headers["Retry-After"]), 3600)

    def test_a_faults_status_speaks_the_contract(self):
        self.sim()
        for status, code in ((401, "token_expired"), (403, "forbidden_scope"),
                             (410, "cursor_expired"), (429, "rate_limited"),
                             (503, "maintenance"), (500, "internal")):
            self.s.post("/sim/faults", [{
                "name": "f", "match": {}, "action": {"status": status}}])
            got, body = self.call("GET", "/account")
            self.assertEqual((got, body["error"]["code"]), (status, code))
        line = ndjson(self.s.admin, "/sim/journal")[-1]
        self.assertEqual((line["fault"], line["status"]), ("f", 500))

    # ---- folders that are not whole ----

    def folder(self, change):
        """A copy of the data set with its manifest changed."""
        folder = self.bench.folder / "folder"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SOURCE, folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        files = {f["path"]: f for f in manifest["files"]}
        change(folder, manifest, files)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    def refusal(self, change):
        p = self.bench.add(Proc("bad", [
            self.bench.bin("drover-sim-fasttrack"), "--source",
            self.folder(change)], self.bench.folder / "bad.log"))
        wait_until("it ends", lambda: not p.alive(), 10)
        self.assertEqual(p.code, 65)
        text = (self.bench.folder / "bad.log").read_text()
        (self.bench.folder / "bad.log").unlink()
        self.assertEqual(len(text.splitlines()), 1, text)
        return text

    def test_a_folder_that_is_not_whole_is_refused_by_name(self):
        task, pair = "objects/task-0001.ndjson", \
            "associations/contact_company.csv"

        def gone(folder, m, files):
            (folder / task).unlink()

        def other_bytes(folder, m, files):
            data = bytearray((folder / task).read_bytes())
            data[-3] ^= 1
            (folder / task).write_bytes(data)

        def longer(folder, m, files):
            with open(folder / task, "a") as f:
                f.write("\n")

        def line(text):
            def change(folder, m, files):
                data = (folder / task).read_bytes() + text
                (folder / task).write_bytes(data)
                files[task].update(
                    bytes=len(data), rows=files[task]["rows"] + 1,
                    sha256=hashlib.sha256(data).hexdigest())
            return change

        def script(folder, m, files):
            m["files"] = [f for f in m["files"]
                          if f["path"] != "changes.ndjson"]
            (folder / "changes.ndjson").write_text(
                '{"seq":1,"at_s":1,"op":"explode"}\n')

        def tombstone(folder, m, files):
            m["files"] = [f for f in m["files"]
                          if f["path"] != "tombstones.ndjson"]
            (folder / "tombstones.ndjson").write_text('{"type":"tusk"}\n')

        def put(name, **more):
            return lambda folder, m, files: files[name].update(more)

        def top(**more):
            return lambda folder, m, files: m.update(more)

        first = (SOURCE / task).read_bytes().splitlines()[0] + b"\n"
        for what, change, said in (
                ("file", gone, [task, "not there"]),
                ("hash", other_bytes, [task, "SHA-256"]),
                ("size", longer, [task, "size"]),
                ("rows", put(task, rows=1), [task, "rows"]),
                ("rows of a pair", put(pair, rows=1), [pair, "rows"]),
                ("no rows", put(task, rows=None), [task, "rows"]),
                ("no hash", put(task, sha256=None), [task, "SHA-256"]),
                ("format", put(task, format="xml"), [task, "ndjson"]),
                ("a pair's format", put(pair, format="json"), [pair, "csv"]),
                ("csv", put(task, format="csv"), [task, "ndjson"]),
                ("packing", put(task, compression="zip"), [task, "gzip"]),
                ("gzip", put(task, compression="gzip"), [task, "gzip"]),
                ("path", put(task, path="objects/../task"), ["manifest"]),
                ("object", put(task, object="tusk"), [task, "schema.json"]),
                ("contract", top(contract="2"), ["manifest.json", "format"]),
                ("files", top(files=None), ["manifest.json", "files"]),
                ("time", top(produced_at="soon"), ["produced_at"]),
                ("JSON", line(b"{\n"), [task + " line"]),
                ("twice", line(first), ["task", "twice"]),
                ("poison", top(poison=[{"type": "task", "id": "none"}]),
                 ["manifest.json", "poison"]),
                ("tombstone", tombstone, ["tombstones.ndjson"]),
                ("script", script, ["changes.ndjson line 1",
                                    "op"])):
            with self.subTest(what):
                text = self.refusal(change)
                for s in said:
                    self.assertIn(s, text)

    def test_no_folder_at_all_is_one_line_too(self):
        p = self.bench.add(Proc("none", [
            self.bench.bin("drover-sim-fasttrack"), "--source",
            self.bench.folder / "nothing"], self.bench.folder / "none.log"))
        wait_until("it ends", lambda: not p.alive(), 10)
        self.assertEqual(p.code, 65)
        self.assertIn("manifest.json", p.tail())
        self.assertEqual(len(p.tail().splitlines()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
