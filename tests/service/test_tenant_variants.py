#!/usr/bin/env python3
"""Accounts of another kind than Pro in the Suite, as the demo derives them: the
simulated Freshsales takes them and behaves as that kind."""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from freshsales import FreshsalesCase, TENANT  # noqa: E402
import tenant_variants  # noqa: E402


class Variants(FreshsalesCase):
    def variant(self, kind):
        with open(TENANT, encoding="utf-8") as f:
            self.given = json.load(f)
        path = pathlib.Path(self.bench.folder) / (kind + ".json")
        self.assertEqual(tenant_variants.main(
            ["", kind, str(TENANT), str(path)]), 0)
        again = tenant_variants.derive(kind, self.given)
        self.made = json.loads(path.read_text())
        self.assertEqual(self.made, again)
        self.s = self.bench.freshsales(path)

    def test_classic_has_leads_with_stages_and_no_lifecycle(self):
        self.base = "/api"
        self.variant("classic")
        stages = self.ok("GET", "/selector/lead_stages")["lead_stages"]
        self.assertIn("New", [s["name"] for s in stages])
        self.assertEqual(
            self.ok("GET", "/selector/lifecycle_stages")["lifecycle_stages"],
            [])
        fields = {f["name"]: f for f in
                  self.ok("GET", "/settings/leads/fields")["fields"]}
        self.assertIn("lead_stage_id", fields)
        self.assertFalse(fields["cf_source_id"]["default"])
        self.assertNotIn("lifecycle_stage_id", fields)
        lead = self.ok("POST", "/leads", {"lead": {
            "last_name": "Berg", "email": "mia@berg.example",
            "lead_stage_id": stages[0]["id"],
            "custom_field": {"cf_source_id": "c_5"}}})["lead"]
        held = self.held("leads", lead["id"])
        self.assertEqual(held["lead_stage_id"], stages[0]["id"])
        self.assertEqual(held["custom_field"]["cf_source_id"], "c_5")
        view = self.view("leads", "All Leads")
        rows = self.ok("GET", "/leads/view/%d?per_page=100" % view)["leads"]
        self.assertEqual(len(rows), 2)

    def test_classic_keeps_what_was_there(self):
        self.base = "/api"
        self.variant("classic")
        for kind, rows in self.given["records"].items():
            held = {r["id"]: r for r in self.s.records(kind)}
            self.assertEqual(set(held), {r["id"] for r in rows}, kind)
        for r in self.given["records"]["contacts"]:
            held = self.held("contacts", r["id"])
            self.assertEqual(held["email"], r["email"])
            self.assertEqual(held["tags"], r["tags"])
        ids = [r["id"] for rows in self.made["records"].values()
               for r in rows]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertLess(max(ids), self.made["next_id"])

    def test_enterprise_is_another_plan_and_nothing_else(self):
        self.variant("enterprise")
        self.made["plan"] = self.given["plan"]
        self.assertEqual(self.made, self.given)
        self.assertEqual(self.s.get("/sim/tenant")["plan"], "enterprise")


if __name__ == "__main__":
    unittest.main()
