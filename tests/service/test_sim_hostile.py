#!/usr/bin/env python3
"""Whatever is sent to the simulated Freshsales, it goes on and answers in
JSON: thousands of calls of random verbs, paths and bodies, from a fixed seed
(DR_SEED: another; DR_CALLS: how many)."""
import http.client
import json
import os
import pathlib
import random
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import ndjson  # noqa: E402
from freshsales import BOUNDARY, FreshsalesCase, form  # noqa: E402

SEED = int(os.environ.get("DR_SEED", "1"))
CALLS = int(os.environ.get("DR_CALLS", "3000"))
ROOTS = ["contact", "deal", "sales_account", "task", "note", "product",
         "appointment", "sales_activity", "phone_call", "cm_thing", "list"]
KINDS = ["contacts", "deals", "sales_accounts", "tasks", "notes",
         "cpq/products", "appointments", "sales_activities", "phone_calls",
         "document_links", "custom_module/cm_thing", "lists", "documents"]
PLAIN = ["search", "lookup", "filtered_search/contact",
         "filtered_search/deal", "selector/owners", "settings/deals/fields",
         "job_statuses/1", "filtered_search/cm_thing",
         "settings/module_customizations", "settings/cm_thing/forms"]
WHOLE = ["upsert", "bulk_upsert", "bulk_destroy", "bulk_assign_owner",
         "filters", "products_bulk_update", "products_bulk_restore"]
BELOW = ["forget", "clone", "restore", "tasks", "notes", "contacts", "deals",
         "appointments", "sales_activities", "phone_calls", "activities",
         "document_associations", "manage_team_members", "add_contacts",
         "move_contacts", "remove_contacts"]
ARGS = ["page", "per_page", "sort", "sort_type", "include", "q", "f",
        "entities", "filter"]
ARG_VALUES = ["1", "0", "-1", "999999999999999999999", "desc", "updated_at",
              "owner,contacts,deals,products,sales_accounts,tasks,notes", "*",
              "email", "contact,deal,sales_account", "open", "%00", "%zz"]
KEYS = ROOTS + KINDS[:3] + """name first_name emails email phone_numbers
    sales_account_id contacts_added_list contacts_removed_list amount
    deal_stage_id deal_pipeline_id expected_close tags custom_field
    cf_source_id products product_pricings title due_date targetable_id
    targetable_type status owner_id parent_sales_account_id description
    probability selected_ids ids filter_rule unique_identifier data id
    external_id currency_code unit_price attribute operator value is_primary
    _destroy currency_id contact_status_id lifecycle_stage_id annual_revenue
    created_at start_date end_date from_date notes note targetable is_allday
    sales_activity_type_id sales_activity_outcome_id call_direction
    call_duration appointment_attendees_attributes thing_id deals_ids
    team_users user_id designation_id all from_list_id url is_shared label
    field_type module_customization entity_name latitude""".split()
TEXTS = ["", "x", "a@b.example", '"q"\\', "\0z", "é" * 300, "007", "-0",
         "1e5", "2026-01-01", "2026-01-01T10:00:00Z", "A;B", "Contact",
         "deal", "is", "is_in", "contains", "is_after", "name", "deleted",
         "Mon Jun 20 2016 10:30:00 GMT+0530 (IST)"]
NUMBERS = [0, -1, 1, 1.5, 1e30, 123456789012345678901234567890]


class Hostile(FreshsalesCase):
    def value(self, depth=0):
        r = self.random
        kind = r.randrange(9 if depth < 3 else 6)
        if kind == 0:
            return r.choice([None, True, False])
        if kind in (1, 2):
            return r.choice([r.choice(self.ids), str(r.choice(self.ids))])
        if kind == 3:
            return r.choice(NUMBERS)
        if kind in (4, 5):
            return r.choice(TEXTS)
        if kind == 6:
            return [self.value(depth + 1) for _ in range(r.randrange(4))]
        return self.object(depth + 1)

    def object(self, depth=0):
        r = self.random
        return {r.choice(KEYS): self.value(depth)
                for _ in range(r.randrange(7))}

    def path(self):
        r = self.random
        path = "/" + r.choice(KINDS * 3 + PLAIN)
        if path[1:] in KINDS and r.random() < 0.7:
            path += "/" + r.choice(WHOLE + [str(r.choice(self.ids))
                                            for _ in WHOLE])
            if r.random() < 0.3:
                path += "/" + r.choice(BELOW)
        if r.random() < 0.2:
            path = "/%s/view/%d" % r.choice(self.views)
        return path + "?" + "&".join(
            "%s=%s" % (r.choice(ARGS), r.choice(ARG_VALUES))
            for _ in range(r.randrange(5)))

    def body(self):
        r = self.random
        body = self.object()
        if r.random() < 0.7:
            body.setdefault("name", "n%d" % r.randrange(9999))
            body.setdefault("amount", 1)
        if r.random() < 0.7:
            body = {r.choice(ROOTS): body}
        if r.random() < 0.2:
            body = {r.choice(KINDS): [
                {r.choice(["id", "name", "emails", "cf_source_id"]):
                 self.value(2), "data": body} for _ in range(3)]}
        text = json.dumps(body)
        return text[:len(text) // 2] if r.random() < 0.05 else text

    def nearly_right(self):
        """A create that lacks nothing, one time in two with one key more."""
        r = self.random
        body = {"title": "t", "name": "n%d" % r.randrange(9999), "amount": 1,
                "last_name": "l", "description": "d", "due_date": "2020-01-01",
                "start_date": "2020-01-01T00:00:00Z", "from_date":
                "2020-01-01", "end_date": "2020-01-01T00:00:00Z", "url": "u",
                "sales_activity_type_id": self.type,
                "targetable_id": r.choice(self.hosts),
                "targetable_type": "Contact"}
        if r.random() < 0.5:
            body[r.choice(KEYS)] = self.value()
        return "POST", "/" + r.choice(KINDS[:12]), json.dumps(
            body)

    def form(self):
        """A form with what must be in it, one time in two spoilt."""
        r = self.random
        text = form([(r.choice(KEYS), json.dumps(self.value()))
                     for _ in range(r.randrange(3))] + [
            ("targetable_id", r.choice(self.hosts)),
            ("targetable_type", "Contact"), ("is_shared", "true"),
            ("file", r.choice(TEXTS), r.choice(["a.csv", 'a\\"b', "%22"]))])
        if r.random() < 0.5:
            at = r.randrange(len(text))
            text = text[:at] + r.randbytes(r.randrange(3)) + text[
                at + r.randrange(9):]
        return text

    def upload(self, c):
        c.request("POST", self.base + "/documents", self.form(), {
            "Authorization": "Token token=" + self.s.key,
            "Content-Type": "multipart/form-data; boundary=" + BOUNDARY})
        r = c.getresponse()
        json.loads(r.read())
        self.assertIn(r.status, (200, 400))

    def one(self, c):
        if self.random.random() < 0.1:
            self.upload(c)
            return
        method = self.random.choice(["GET", "POST", "POST", "PUT", "PUT",
                                     "DELETE"])
        path, body = self.path(), self.body()
        if self.random.random() < 0.2:
            method, path, body = self.nearly_right()
        c.request(method, self.base + path, body,
                  {"Authorization": "Token token=" + self.s.key})
        r = c.getresponse()
        data = r.read()
        self.assertIn(r.status, (200, 400, 404), (method, path, body))
        try:
            answer = json.loads(data)
        except ValueError:
            self.fail("%s %s %s: %r" % (method, path, body, data[:500]))
        if method == "POST" and r.status == 200 and isinstance(answer, dict):
            self.ids += [v["id"] for v in answer.values()
                         if isinstance(v, dict) and isinstance(
                             v.get("id"), int)]

    def test_it_goes_on(self):
        self.random = random.Random(SEED)
        self.sim("rate_plan=lifted", "job_delay_ms=0",
                 tenant=self.changed_tenant(plan="enterprise"))
        self.s.post("/sim/admin/custom_modules", {
            "name": "Thing", "fields": [
                {"name": "thing", "type": "lookup", "label": "Thing"},
                {"name": "deals", "type": "lookup", "label": "Deals",
                 "multiple": True}]})
        self.s.post("/sim/admin/sales_activity_types", {"name": "Own"})
        self.tenant = self.s.get("/sim/tenant")
        self.ids = [0, 1, 99, self.user] + [
            r["id"] for k in KINDS[:3] for r in self.s.records(k)] + [
            x["id"] for x in self.stages + self.statuses + self.tenant[
                "selectors"]["sales_activity_types"]]
        self.type = self.tenant["selectors"]["sales_activity_types"][-1]["id"]
        # Hosts that nothing deletes: their ids are in no path.
        self.hosts = [self.contact("h%d@h.example" % i)["id"]
                      for i in range(3)]
        self.views = [(k, v["id"]) for k, l in self.tenant["views"].items()
                      for v in l]
        c = http.client.HTTPConnection("127.0.0.1", self.s.api, timeout=20)
        self.addCleanup(c.close)
        for _ in range(CALLS):
            self.one(c)
        for kind in ("contacts", "deals", "sales_accounts", "products",
                     "appointments", "sales_activities", "call_logs", "files",
                     "notes", "cm_thing"):
            held = self.s.records(kind)
            held += ndjson(self.s.admin, "/sim/deleted/" + kind)
            self.assertGreater(len(held), 0, kind)
        self.assertGreaterEqual(len(self.journal()), CALLS)
        self.assertEqual(self.s.get("/sim/stats")["calls"], CALLS + 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
