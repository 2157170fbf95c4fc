#!/usr/bin/env python3
"""The demo as people run it: its exit codes, and what it leaves behind (bench
reference, section 3)."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "tests" / "demo"))
from outdir import emptied  # noqa: E402

STATES = {"landed", "merged", "excluded", "parked", "rejected", "deleted"}
KEYS = {
    "records.ndjson": "object id version state lane type target_id also rule "
                      "reason",
    "rejected.ndjson": "object id stage class field rule reason cure topic "
                       "partition offset redrivable",
    "reconciliation.json": "balanced shared objects differences tail verified",
    "plan.json": "format hash source_schema_hash target_schema_hash scope "
                 "objects pipelines owners orphans leads files merge",
    "owners.json": "matched unmatched ambiguous fallback",
    "checklist.json": "items", "duplicates.json": "clusters",
    "sample-diff.json": "size coverage records signed",
    "timing.json": "phases services kafka redis",
    "freshsales/tenant.json": "selectors fields",
    "freshsales/stats.json": "calls calls_by accepted refused_429 created "
                             "updated deleted duplicates",
    "freshsales/journal.ndjson": "seq at_ms method path status record_ids "
                                 "body_sha256 window_used fault",
    "freshsales/records/contacts.ndjson": "id owner_id sales_accounts "
                                          "custom_field _sim",
    "freshsales/records/deals.ndjson": "id amount contacts products _sim",
    "fasttrack/records/deal.ndjson": "id version properties",
    "fasttrack/stats.json": "calls"}
# No record of the target's has a due date when it is asked for one.
FORGETFUL = [{"name": "drop", "match": {"method": "POST", "path": "/tasks$"},
              "after": 0, "times": -1, "action": {"drop_fields": ["due_date"]}}]
# Nothing that stands there can be changed.
STUBBORN = [{"name": "refuse", "match": {
    "method": "PUT", "path": "/(contacts|sales_accounts|deals)/[0-9]+$"},
    "after": 0, "times": -1, "action": {"status": 422}}]


def documents(path):
    text = path.read_text()
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in text.splitlines()]
    return [json.loads(text)]


class Demo(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name) / "out"

    def demo(self, **variables):
        env = dict(os.environ, OUT=str(self.out), **variables)
        return subprocess.run([str(ROOT / "scripts" / "demo")], env=env,
                              capture_output=True, text=True, timeout=500)

    def keys(self, name):
        docs = documents(self.out / name)
        self.assertTrue(docs, name)
        for d in docs:
            self.assertLessEqual(set(KEYS[name].split()), set(d), name)
        return docs

    def promises(self, x):
        """Section 3.1 rule 3, for one line of records.ndjson."""
        if x["state"] in ("landed", "merged"):
            self.assertTrue(x["type"] and x["target_id"], x)
        elif x["state"] != "deleted":
            self.assertIsNone(x["target_id"], x)
            self.assertIsNone(x["type"], x)
        if x["state"] == "excluded":
            self.assertTrue(x["rule"], x)
        if x["state"] not in ("landed", "deleted"):
            self.assertTrue(x["reason"], x)
        if x["state"] == "landed":
            self.assertTrue(x["lane"], x)

    def test_what_it_leaves_behind(self):
        stale = emptied(self.out) / "freshsales" / "stale"
        stale.parent.mkdir()
        stale.write_text("of another run")
        p = self.demo()
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        self.assertFalse(stale.exists())
        docs = {name: self.keys(name) for name in KEYS}
        lines = docs["records.ndjson"]
        self.assertEqual(len({(x["object"], x["id"]) for x in lines}),
                         len(lines))
        self.assertLessEqual({x["state"] for x in lines}, STATES)
        for x in lines:
            self.promises(x)
        stopped = {(x["object"], x["id"]) for x in lines
                   if x["state"] in ("parked", "rejected")}
        self.assertLessEqual(stopped, {
            (r["object"], r["id"]) for r in docs["rejected.ndjson"]})
        timing = docs["timing.json"][0]
        self.assertEqual([s["name"] for s in timing["services"]],
                         ["auditor", "extractor", "loader", "transformer"])
        for s in timing["services"]:
            self.assertGreater(s["peak_rss_kib"], 1000)
        self.assertIn("balanced and verified", p.stdout)
        for name in ("kafka", "redis", "loader-demo-0", "auditor-demo-0"):
            self.assertTrue((self.out / "logs" / (name + ".log")).exists())

    def test_a_gate_that_stays_shut(self):
        """The sample shows a loss: nobody can sign it, and the reports say
        why."""
        p = self.demo(FAULTS=json.dumps(FORGETFUL), RATE="lifted")
        self.assertEqual(p.returncode, 5, p.stdout + p.stderr)
        self.assertIn("a gate refused: sample.sign", p.stderr)
        losses = {(f["field"], f["verdict"])
                  for r in documents(self.out / "sample-diff.json")[0][
                      "records"] for f in r["fields"]}
        self.assertIn(("due_at", "loss"), losses)

    def test_a_change_that_the_target_refuses(self):
        """The older version stands there: that is a difference, and the
        refusal is listed."""
        p = self.demo(FAULTS=json.dumps(STUBBORN), RATE="lifted")
        self.assertEqual(p.returncode, 4, p.stdout + p.stderr)
        report = documents(self.out / "reconciliation.json")[0]
        older = {(d["object"], d["id"]) for d in report["differences"]
                 if d["field"] == "*"}
        self.assertTrue(older)
        self.assertLessEqual(older, {
            (r["object"], r["id"])
            for r in documents(self.out / "rejected.ndjson")})

    def test_what_cannot_be(self):
        p = self.demo(SOURCE=str(self.out))
        self.assertEqual(p.returncode, 1)
        self.assertIn("SOURCE=", p.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
