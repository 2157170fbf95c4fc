#!/usr/bin/env python3
"""Bulk export of the simulated FastTrack (source contract 4.10)."""
import csv
import gzip
import hashlib
import io
import json
import pathlib
import sys
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT, call, ndjson  # noqa: E402
from source_folder import SourceFolder  # noqa: E402

SOURCE = ROOT / "tests" / "data" / "source"


class Exports(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        folder = SourceFolder(SOURCE, self.bench.folder / "source")
        folder.manifest["account"]["capabilities"]["bulk_export"] = True
        self.source = folder.done()

    def sim(self, *knobs, at=None):
        more = [x for k in knobs for x in ("--knob", k)]
        if at:
            more += ["--start-at", at]
        self.s = self.bench.fasttrack(self.source, *more)

    def call(self, method, path, body=None):
        return call(self.s.api, method, "/v1" + path, body, self.s.key)

    def request(self, kind, status=202, **more):
        got, body = self.call("POST", "/exports", dict(
            {"object": kind, "format": "ndjson", "compression": "none",
             "include": ["archived"], "properties": ["*"]}, **more))
        self.assertEqual(got, status, body)
        return body

    def job(self, jid):
        status, body = self.call("GET", "/exports/" + jid)
        self.assertEqual(status, 200)
        return body

    def later(self, ms=60000):
        self.s.post("/sim/clock", {"advance_ms": ms})

    def done(self, kind, **more):
        jid = self.request(kind, **more)["id"]
        self.later()
        job = self.job(jid)
        self.assertEqual(job["status"], "complete", job)
        return job

    @staticmethod
    def get(url):
        try:
            with urllib.request.urlopen(url, timeout=20) as r:
                return r.status, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    def parts(self, job):
        out = []
        for p in job["parts"]:
            status, data = self.get(p["url"])
            self.assertEqual((status, len(data)), (200, p["bytes"]))
            self.assertEqual(hashlib.sha256(data).hexdigest(), p["sha256"])
            out.append(data)
        return out

    def test_a_job_is_queued_runs_and_completes_in_parts(self):
        self.sim("export_part_rows=15", "export_queue_ms=60000",
                 "export_part_ms=60000")
        at = self.s.get("/sim/clock")["now_ms"]
        jid = self.request("deal")["id"]
        self.assertEqual(self.job(jid)["status"], "queued")
        self.later()
        self.assertEqual(self.job(jid)["status"], "running")
        self.assertNotIn("parts", self.job(jid))
        self.later(180000)
        job = self.job(jid)
        self.assertEqual((job["status"], job["rows_total"],
                          [p["rows"] for p in job["parts"]]),
                         ("complete", 40, [15, 15, 10]))
        self.assertLess(job["requested_at"], job["started_at"])
        self.assertGreater(self.s.get("/sim/clock")["now_ms"], at)
        rows = [json.loads(line) for data in self.parts(job)
                for line in data.splitlines()]
        self.assertEqual(rows, self.s.records("deal"))
        for p, first in zip(job["parts"], (0, 15, 30)):
            self.assertEqual((p["first_id"], p["last_id"]), (
                rows[first]["id"], rows[first + p["rows"] - 1]["id"]))

    def test_gzip_properties_associations_and_a_lower_bound(self):
        self.sim()
        job = self.done("deal", compression="gzip", properties=["name"],
                        include=["archived", "associations"])
        rows = [json.loads(line) for line in gzip.decompress(
            self.parts(job)[0]).splitlines()]
        self.assertEqual(len(rows), 40)
        for r in rows:
            self.assertEqual(set(r["properties"]), {"name"})
        _, ends = self.call("POST", "/associations/deal/contact/batch/read",
                            {"ids": [r["id"] for r in rows]})
        self.assertEqual([r["associations"]["contact"] for r in rows],
                         [r["to"] for r in ends["results"]])
        self.assertTrue(any(r["associations"]["contact"] for r in rows))
        job = self.done("deal", include=[])
        self.assertEqual(job["rows_total"], sum(
            not r["archived"] for r in self.s.records("deal")))
        since = sorted(r["updated_at"] for r in rows)[20]
        job = self.done("deal", updated_from=since)
        self.assertEqual((job["from"], job["rows_total"]), (since, sum(
            r["updated_at"] >= since for r in rows)))

    def test_csv_tells_nothing_from_empty(self):
        self.sim()
        deal = self.s.records("deal")[0]
        deal["properties"].update(name='a "b", c\nd', amount=None, currency="")
        self.s.post("/sim/admin/deal/" + deal["id"], deal)
        data = self.parts(self.done("deal", format="csv"))[0].decode()
        rows = list(csv.DictReader(io.StringIO(data, newline="")))
        self.assertEqual(len(rows), 40)
        self.assertEqual(rows[0]["name"], 'a "b", c\nd')
        self.assertEqual(rows[0]["id"], deal["id"])
        head = data.split("\n")[0].split(",")
        self.assertEqual(head[:3], ["id", "version", "created_at"])
        self.assertEqual((rows[0]["amount"], rows[0]["currency"]), ("", ""))
        self.assertIn('""', data)  # the empty string; null has no quotes

    def test_what_cannot_be_read_stands_as_it_is_and_is_listed(self):
        self.sim()
        job = self.done("contact")
        lines = b"".join(self.parts(job)).splitlines()
        bad = [x for x in lines if b'"ct_bad"' in x]
        raw = (SOURCE / "objects/contact-raw-0001.ndjson").read_bytes()
        self.assertIn(bad[0], raw.splitlines())
        self.assertEqual(job["corrupt"]["count"], 1)
        self.assertEqual(json.loads(self.get(job["corrupt"]["url"])[1]),
                         {"id": "ct_bad", "reason": "record_unreadable"})

    def test_an_end_date_is_refused(self):
        self.sim()
        for name in ("updated_to", "end_date"):
            body = self.request("deal", 400, **{name: "2020-01-01T00:00:00Z"})
            self.assertEqual(body["error"]["code"], "unsupported_parameter")
        self.request("tusk", 400)
        self.request("deal", 400, format="xml")
        self.assertEqual(ndjson(self.s.admin, "/sim/exports"), [])

    def test_the_plan_limits_the_jobs(self):
        self.sim(at="2031-01-01T00:00:00Z")  # a day begins
        for _ in range(5):
            self.request("deal")
        body = self.request("deal", 429)
        self.assertEqual(body["error"]["policy"], "export_jobs")
        self.later()
        self.request("deal")
        self.s.post("/sim/admin/schema", {"change": "plan", "plan": "growth"})
        self.later()
        for _ in range(7):
            self.done("deal")
            self.done("deal")
        self.request("deal", 429)  # 20 a day
        self.s.post("/sim/admin/schema", {"change": "plan",
                                          "plan": "starter"})
        self.assertEqual(self.request("deal", 403)["error"]["code"],
                         "plan_feature_unavailable")

    def test_addresses_run_out_before_the_job_does(self):
        self.sim("download_ttl_ms=5000", "export_ttl_ms=100000")
        job = self.done("deal")
        self.later(5000)
        self.assertEqual(self.get(job["parts"][0]["url"])[0], 403)
        fresh = self.job(job["id"])
        self.assertEqual(len(self.parts(fresh)), 1)
        self.later(100000)
        self.assertEqual(self.job(job["id"])["status"], "expired")
        self.assertEqual(self.get(fresh["parts"][0]["url"])[0], 403)
        job = self.done("deal")
        self.s.post("/sim/faults", [{
            "name": "f", "match": {"path": "^/v1/exports/"},
            "action": {"expire": "job"}}])
        self.assertEqual(self.job(job["id"])["status"], "expired")
        self.assertEqual(self.get(job["parts"][0]["url"])[0], 403)

    def test_the_first_job_is_spoilt_and_the_next_is_not(self):
        for how in ("hash", "truncated", "rows", "crc"):
            with self.subTest(how):
                self.sim("export_break=" + how)
                job = self.done("deal", compression="gzip")
                part = job["parts"][0]
                data = self.get(part["url"])[1]
                hash_fits = hashlib.sha256(
                    data).hexdigest() == part["sha256"]
                self.assertEqual(hash_fits, how in ("rows", "crc"))
                self.assertEqual(len(data) == part["bytes"],
                                 how != "truncated")
                if how == "crc":
                    with self.assertRaises(gzip.BadGzipFile):
                        gzip.decompress(data)
                if how == "rows":
                    self.assertEqual((part["rows"], job["rows_total"]),
                                     (41, 40))
                job = self.done("deal", compression="gzip")
                self.assertEqual(len(gzip.decompress(
                    self.parts(job)[0]).splitlines()), 40)
                self.s.stop()

    def test_a_job_may_fail(self):
        self.sim("export_break=failed")
        jid = self.request("deal")["id"]
        self.later()
        self.assertEqual(self.job(jid)["status"], "failed")
        self.done("deal")

    def test_a_row_stands_in_two_parts_with_two_versions(self):
        self.sim("export_part_rows=15", "export_part_ms=60000",
                 "export_repeat_rows=1")
        jid = self.request("deal")["id"]
        self.later(1000)
        self.assertEqual(self.job(jid)["status"], "running")  # has a part
        deal = self.s.records("deal")[14]
        self.s.post("/sim/admin/deal/" + deal["id"], deal)
        self.later(600000)
        job = self.job(jid)
        rows = [json.loads(line) for data in self.parts(job)
                for line in data.splitlines()]
        self.assertEqual(len(rows), 40 + len(job["parts"]) - 1)
        self.assertEqual([r["version"] for r in rows if r["id"] ==
                          deal["id"]], [deal["version"],
                                        deal["version"] + 1])
        self.assertLess(job["parts"][0]["as_of"], job["parts"][1]["as_of"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
