#!/usr/bin/env python3
"""Custom modules of the simulated Freshsales and the quotas of fields (API
reference 13.4, 13.5, 19.3)."""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import call  # noqa: E402
from freshsales import FreshsalesCase  # noqa: E402

FIELDS = [
    {"name": "cf_source_id", "label": "Source id", "type": "text",
     "unique": True},
    {"label": "Carrier", "type": "dropdown", "choices": ["Air", "Sea"]},
    {"name": "deal", "label": "Deal", "type": "lookup", "relation": "deals"},
    {"name": "contacts", "label": "Contacts", "type": "lookup",
     "relation": "contact", "multiple": True}]
PATH = "/custom_module/cm_shipment"


class Modules(FreshsalesCase):
    def module(self):
        self.sim(tenant=self.changed_tenant(plan="enterprise"))
        self.s.post("/sim/admin/custom_modules", {
            "name": "Shipment", "entity": "cm_shipment", "fields": FIELDS})

    def shipment(self, name="S", **more):
        return self.ok("POST", PATH, {"cm_shipment": dict(
            {"name": name}, **more)})["cm_shipment"]

    def test_definitions_and_forms(self):
        self.module()
        got = self.ok("GET", "/settings/module_customizations")
        m = got["module_customizations"][0]
        self.assertEqual((m["entity_name"], m["singular_name"], m["custom"]),
                         ("cm_shipment", "Shipment", True))
        self.assertEqual(self.ok("GET", "/settings/module_customizations/%d"
                                 % m["id"]), {"module_customization": m})
        form = self.ok("GET", "/settings/cm_shipment/forms")["forms"][0]
        fields = {f["name"]: f for g in form["fields"] for f in g["fields"]}
        self.assertEqual(set(fields), {
            "name", "owner_id", "cf_source_id", "cf_carrier", "deal",
            "contacts"})
        self.assertIsInstance(fields["name"]["id"], str)
        self.assertTrue(fields["name"]["required"])
        self.assertTrue(fields["cf_source_id"]["field_options"]["unique"])
        self.assertEqual(fields["contacts"]["field_options"]["lookup_type"],
                         "contact")
        self.assertTrue(fields["contacts"]["field_options"]["multiple"])
        self.assertEqual([c["value"] for c in fields["cf_carrier"][
            "choices"]], ["Air", "Sea"])
        got = self.ok("POST", "/settings/cm_shipment/forms/%s/fields"
                      % form["id"], {"label": "Weight", "field_type": 3,
                                     "required": False})["field"]
        self.assertEqual((got["name"], got["type"]), ("cf_weight", "number"))
        self.refused("POST", "/settings/cm_shipment/forms/%s/fields"
                     % form["id"], {"label": "X", "field_type": 99})
        self.refused("POST", "/settings/contacts/forms/1/fields",
                     {"label": "X", "field_type": 1}, 404)
        kept = self.s.get("/sim/tenant")["custom_modules"][0]
        self.assertEqual(kept["fields"][-1]["name"], "cf_weight")

    def test_made_by_the_api(self):
        self.sim(tenant=self.changed_tenant(plan="enterprise"))
        path, root = "/settings/module_customizations", "module_customization"
        got = self.ok("POST", path, {root: {
            "entity_name": "cm_asset", "singular_name": "Asset",
            "plural_name": "Assets"}})[root]
        self.assertEqual(got["plural_name"], "Assets")
        for entity in ("cm_asset", "contacts", "note", "../x", "A", "x" * 65):
            self.refused("POST", path, {root: {"entity_name": entity,
                                               "singular_name": "X"}})
        self.assertEqual(self.ok("POST", "/custom_module/cm_asset",
                                 {"name": "A"})["cm_asset"]["name"], "A")
        views = self.ok("GET", "/custom_module/cm_asset/filters")["filters"]
        self.assertEqual([v["name"] for v in views],
                         ["All Assets", "Recycle Bin"])

    def test_records(self):
        self.module()
        deal, c = self.deal("D")["id"], self.contact("a@a.example")["id"]
        s = self.shipment(owner_id=self.user, deal_id=str(deal),
                          contact_ids=[1], contacts_ids=[c], custom_field={
                              "cf_source_id": "1", "cf_carrier": "Air"})
        self.assertEqual((s["deal_id"], s["contacts_ids"]), (deal, [c]))
        self.assertNotIn("contact_ids", s)
        self.assertEqual(s["custom_field"], {"cf_source_id": "1",
                                             "cf_carrier": "Air"})
        got = self.ok("PUT", PATH + "/%d" % s["id"], {
            "contacts_ids": [], "custom_field": {"cf_carrier": "Sea"}})
        held = self.held("cm_shipment", s["id"])
        self.assertEqual((held["contacts_ids"], held["deal_id"],
                          held["custom_field"]["cf_carrier"],
                          held["is_deleted"]), ([], deal, "Sea", False))
        self.assertEqual(self.ok("GET", PATH + "/%d" % s["id"]), got)
        for wrong in ({"name": ""}, {"name": "x" * 256}, {"deal_id": 1},
                      {"contacts_ids": [1]}, {"contacts_ids": 1},
                      {"owner_id": 1}, {"custom_field": {"cf_carrier": "X"}},
                      {"custom_field": {"cf_source_id": "1"}}):
            self.refused("POST", PATH, {"cm_shipment": dict(
                {"name": "T"}, **wrong)})
        self.assertEqual(self.s.get("/sim/stats")["created"]["cm_shipment"],
                         1)

    def test_finding_and_listing(self):
        self.module()
        rows = [self.shipment("S%d" % i, custom_field={
            "cf_source_id": str(i)}) for i in range(3)]
        view = self.ok("GET", PATH + "/filters")["filters"][0]["id"]
        got = self.ok("GET", PATH + "/view/%d?per_page=2" % view)
        self.assertEqual([r["id"] for r in got["cm_shipment"]],
                         [r["id"] for r in rows[:2]])
        self.assertEqual((got["meta"]["total"], got["meta"]["total_pages"]),
                         (3, 2))
        got = self.ok("POST", "/filtered_search/cm_shipment", {
            "filter_rule": [{"attribute": "cf_source_id", "operator": "is_in",
                             "value": "1"}]})
        self.assertEqual([r["id"] for r in got["cm_shipment"]],
                         [rows[1]["id"]])
        got = self.ok("GET", "/lookup?q=2&f=cf_source_id"
                      "&entities=cm_shipment")
        self.assertEqual([r["id"] for r in got["cm_shipment"][
            "cm_shipment"]], [rows[2]["id"]])
        self.assertEqual([r["name"] for r in self.ok(
            "GET", "/search?q=S1&include=cm_shipment")], ["S1"])
        self.refused("GET", PATH, status=404)
        for what in ("upsert", "bulk_upsert"):
            self.refused("POST", PATH + "/" + what, {}, 404)

    def test_deleting_and_copying(self):
        self.module()
        a, b = self.shipment("A"), self.shipment("B")
        c = self.ok("POST", PATH + "/%d/clone" % a["id"],
                    {"name": "C"})["cm_shipment"]
        self.assertEqual(c["name"], "C")
        self.assertEqual(set(self.ok("DELETE", PATH + "/%d" % a["id"])),
                         {"message"})
        self.assertEqual(self.deleted("cm_shipment"), [a["id"]])
        self.assertIs(self.ok("DELETE", PATH + "/%d/forget" % a["id"]), True)
        self.ok("POST", PATH + "/bulk_destroy", {"selected_ids": [b["id"]]})
        self.assertEqual(self.deleted("cm_shipment"), [b["id"]])
        self.refused("POST", "/notes", {
            "description": "N", "targetable_type": "cm_shipment",
            "targetable_id": c["id"]})
        self.refused("GET", PATH + "/%d/notes" % c["id"], status=404)

    def test_below_enterprise_there_are_none(self):
        self.module()
        self.shipment()
        self.knob(plan="pro")
        self.refused("GET", "/settings/module_customizations", status=403)
        self.refused("POST", PATH, {"name": "S"}, 403)
        self.refused("GET", "/settings/cm_shipment/forms", status=404)
        self.refused("POST", "/filtered_search/cm_shipment",
                     {"filter_rule": []}, 404)
        self.refused("GET", "/custom_module/cm_other/1", status=404)
        self.assertEqual(call(self.s.admin, "POST",
                              "/sim/admin/custom_modules",
                              {"name": "X"})[0], 403)
        self.knob(plan="enterprise")
        self.shipment()
        self.assertEqual(len(self.s.records("cm_shipment")), 2)

    def test_modules_of_the_tenant_file(self):
        self.module()
        deal = self.deal("D")["id"]
        tenant = dict(self.s.get("/sim/tenant"), records={"cm_shipment": [
            {"id": 77, "name": "Old", "deal_id": deal,
             "custom_field": {"cf_source_id": "7"}}]})
        path = self.bench.folder / "again.json"
        path.write_text(json.dumps(tenant))
        self.sim(tenant=path)
        held = self.held("cm_shipment", 77)
        self.assertEqual((held["name"], held["deal_id"],
                          held["custom_field"]["cf_source_id"]),
                         ("Old", deal, "7"))
        form = self.ok("GET", "/settings/cm_shipment/forms")["forms"][0]
        self.assertEqual(len(form["fields"][0]["fields"]), 6)
        self.assertEqual(len(self.ok("GET", PATH + "/filters")["filters"]), 2)
        again = self.s.get("/sim/tenant")
        self.assertEqual((again["custom_modules"], again["views"]),
                         (tenant["custom_modules"], tenant["views"]))


class Quotas(FreshsalesCase):
    def add(self, entity="contacts", kind="text", **more):
        self.n = getattr(self, "n", 0) + 1
        return call(self.s.admin, "POST", "/sim/admin/fields/" + entity, dict(
            {"label": "Field %d" % self.n, "type": kind}, **more))[0]

    def room(self, *args, **more):
        """How many more may be added."""
        for n in range(1000):
            if self.add(*args, **more) == 400:
                return n
        return None

    def own(self, entity, kinds=("text",)):
        return len([f for f in self.tenant["fields"][entity]
                    if not f["default"] and f["type"] in kinds])

    def test_fields_by_plan_and_type(self):
        self.sim()
        self.assertEqual(self.room(), 30 - self.own("contacts"))
        self.assertEqual(self.room(kind="textarea"), 10)
        self.assertEqual(self.room(kind="dropdown"), 40)
        self.assertEqual(self.room(kind="number"), 50)
        self.assertEqual(self.room(kind="checkbox"), 50)
        self.assertEqual(self.room(kind="date"), 50)
        self.assertEqual(self.room(kind="multi_select_dropdown"), 10)
        self.assertEqual(self.room(kind="lookup"), 10)
        self.assertEqual(self.room(kind="formula"), 0)  # 250 in all
        self.knob(plan="enterprise")
        self.assertEqual(self.room(), 40)
        self.knob(plan="free")
        self.assertEqual(self.add("deals"), 400)

    def test_unique_fields_and_choices(self):
        self.sim()
        self.assertEqual(self.room(unique=True), 4)
        self.assertEqual(self.room("sales_accounts", unique=True), 2)
        choices = [str(i) for i in range(301)]
        self.assertEqual(self.add("deals", "dropdown", choices=choices), 400)
        self.assertEqual(self.add("deals", "dropdown", choices=choices[1:]),
                         200)
        name = self.s.get("/sim/tenant")["fields"]["deals"][-1]["name"]
        self.assertEqual(call(self.s.admin, "PUT", "/sim/admin/fields/deals/"
                              + name, {"add_choices": ["x"]})[0], 400)
        self.assertEqual(self.add("deals", name=name), 400)  # is there

    def test_activities_modules_and_classic(self):
        self.sim(tenant=self.changed_tenant(plan="enterprise"))
        self.assertEqual(self.room("sales_activities"), 5)
        self.assertEqual(self.room("sales_activities", "date"), 5)
        self.s.post("/sim/admin/custom_modules", {"name": "Shipment"})
        self.assertEqual(self.room("cm_shipment", unique=True), 2)
        self.assertEqual(self.room("cm_shipment"), 308)
        self.sim(tenant=self.changed_tenant(edition="classic",
                                            plan="blossom"))
        self.assertEqual(self.room("deals", "date"),
                         10 - self.own("deals", ("text", "date")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
