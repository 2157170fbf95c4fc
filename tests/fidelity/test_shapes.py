#!/usr/bin/env python3
"""Golden shapes: the keys and JSON types of each object, without and with each
include, are those of the API reference, sections 3 to 12; and what public
clients are known to depend on (section 25)."""
import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from freshsales import FreshsalesCase, form  # noqa: E402

# s string, n number, b bool, a array, o object, 0 null; "s0": either.
CONTACT = {
    "id": "n", "first_name": "s", "last_name": "s", "display_name": "s",
    "avatar": "0", "job_title": "0", "email": "s", "emails": "a",
    "work_email": "0", "work_number": "0", "mobile_number": "0",
    "phone_numbers": "a", "address": "0", "city": "0", "state": "0",
    "zipcode": "0", "country": "0", "time_zone": "0", "facebook": "0",
    "twitter": "0", "linkedin": "0", "external_id": "s", "keyword": "0",
    "medium": "0", "subscription_status": "0", "subscription_types": "0",
    "unsubscription_reason": "0", "other_unsubscription_reason": "0",
    "whatsapp_subscription_status": "0", "sms_subscription_status": "0",
    "customer_fit": "n", "lead_score": "n", "last_seen": "0",
    "last_seen_chat": "0", "first_seen_chat": "0", "locale": "0",
    "total_sessions": "0", "last_contacted": "0", "last_contacted_mode": "0",
    "last_contacted_sales_activity_mode": "0",
    "last_contacted_via_sales_activity": "0", "open_deals_amount": "s",
    "won_deals_amount": "s", "open_deals_count": "n", "won_deals_count": "n",
    "recent_note": "0", "completed_sales_sequences": "0",
    "active_sales_sequences": "0", "web_form_ids": "0",
    "last_assigned_at": "s", "is_deleted": "b", "team_user_ids": "0",
    "tags": "a", "system_tags": "a", "custom_field": "o", "mcr_id": "n",
    "record_type_id": "s", "links": "o", "created_at": "s", "updated_at": "s"}
CONTACT.update({"%s_%s" % (a, b): "0" for a in ("first", "last", "latest")
                for b in ("campaign", "medium", "source")})
ACCOUNT = {
    "id": "n", "name": "s", "address": "0", "city": "0", "state": "0",
    "zipcode": "0", "country": "0", "phone": "0", "website": "0",
    "number_of_employees": "n", "annual_revenue": "n", "owner_id": "n",
    "parent_sales_account_id": "0", "child_sales_accounts_count": "n",
    "facebook": "0", "twitter": "0", "linkedin": "0",
    "open_deals_amount": "s", "won_deals_amount": "s",
    "open_deals_count": "n", "won_deals_count": "n", "last_contacted": "0",
    "last_contacted_mode": "0", "last_contacted_sales_activity_mode": "0",
    "last_contacted_via_sales_activity": "0", "recent_note": "0",
    "last_assigned_at": "s", "completed_sales_sequences": "0",
    "active_sales_sequences": "0", "web_form_ids": "0", "team_user_ids": "0",
    "is_deleted": "b", "has_connections": "b", "record_type_id": "s",
    "avatar": "0", "domains": "a", "tags": "a", "custom_field": "o",
    "links": "o", "created_at": "s", "updated_at": "s"}
DEAL = {
    "id": "n", "name": "s", "amount": "s", "base_currency_amount": "s",
    "deal_pipeline_id": "n", "deal_stage_id": "n", "stage_updated_time": "s",
    "expected_close": "s", "closed_date": "0", "probability": "n",
    "expected_deal_value": "s", "forecast_category": "0", "age": "n",
    "rotten_days": "n", "has_products": "b", "deal_prediction": "0",
    "deal_prediction_last_updated_at": "0", "last_deal_prediction": "0",
    "freddy_forecast_metrics": "0", "fc_widget_collaboration": "o",
    "collaboration": "o", "upcoming_activities_time": "0", "web_form_id": "0",
    "recent_note": "0", "avatar": "0", "team_user_ids": "0",
    "last_assigned_at": "s", "is_deleted": "b",
    "completed_sales_sequences": "0", "active_sales_sequences": "0",
    "last_contacted_sales_activity_mode": "0",
    "last_contacted_via_sales_activity": "0", "tags": "a",
    "custom_field": "o", "links": "o", "created_at": "s", "updated_at": "s",
    "record_type_id": "s"}
PRODUCT = {
    "id": "n", "name": "s", "category": "0", "description": "0",
    "product_code": "0", "sku_number": "0", "parent_product": "0",
    "territory_id": "0", "valid_till": "0", "is_active": "b", "owner_id": "0",
    "is_deleted": "b", "pricing_type": "n", "avatar": "0",
    "base_currency_amount": "n", "creater_id": "n", "updater_id": "n",
    "custom_field": "o", "created_at": "s", "updated_at": "s"}
PRICE = {"id": "n", "currency_code": "s", "unit_price": "n", "setup_fee": "0",
         "billing_cycle": "0", "billing_type": "0", "is_locked": "b",
         "_destroy": "b"}
LINE = {"product_id": "n", "id": "n", "name": "s", "unit_price": "n",
        "setup_fee": "0", "billing_type": "0", "billing_cycle": "0",
        "currency_code": "s", "quantity": "n", "discount": "n",
        "discount_type": "n", "tax": "n", "deal_id": "n",
        "association_id": "n", "_id": "s", "pricing_type": "n",
        "avatar": "0", "owner_id": "0", "category": "0"}
TASK = {"id": "n", "status": "n", "title": "s", "description": "0",
        "created_at": "s", "updated_at": "s", "owner_id": "n",
        "due_date": "s", "completed_date": "0", "creater_id": "n",
        "updater_id": "n", "outcome_id": "0", "task_type_id": "0",
        "targetables": "a"}
NOTE = {"id": "n", "description": "s", "created_at": "s", "updated_at": "s",
        "url": "0", "duration": "0", "creater_id": "n", "has_access": "b",
        "collab_context": "o", "targetables": "a"}
APPOINTMENT = {
    "id": "n", "time_zone": "s", "title": "s", "description": "s",
    "location": "s", "is_allday": "b", "outcome_id": "0", "from_date": "s",
    "end_date": "s", "created_at": "s", "updated_at": "s", "provider": "s",
    "creater_id": "n", "latitude": "0", "longitude": "0", "checkedin_at": "0",
    "can_checkin_checkout": "b", "checkedout_latitude": "0",
    "checkedout_longitude": "0", "checkedout_location": "0",
    "checkedout_at": "0", "checkedin_duration": "0", "can_checkin": "b",
    "conference_id": "0", "targetables": "a",
    "appointment_attendee_ids": "a", "note_id": "0"}
ACTIVITY = {
    "id": "n", "title": "s", "start_date": "s", "end_date": "s",
    "sales_activity_type_id": "n", "created_at": "s", "updated_at": "s",
    "notes": "s", "owner_id": "n", "sales_activity_outcome_id": "0",
    "remote_id": "0", "import_id": "0", "creater_id": "n", "updater_id": "n",
    "conversation_time": "s", "targetable_id": "n", "targetable_type": "s",
    "latitude": "0", "longitude": "0", "location": "0", "checkedin_at": "0",
    "conversation_id": "0", "checkedout_latitude": "0",
    "checkedout_longitude": "0", "checkedout_location": "0",
    "checkedout_at": "0", "checkedin_duration": "0", "custom_field": "o",
    "completed_date": "0", "status": "b", "targetables": "a"}
CALL = {"id": "n", "call_direction": "b", "call_duration": "0",
        "conversation_time": "s", "status": "0", "is_manual": "b",
        "cost": "0", "outcome_id": "0", "note_id": "n", "user_id": "n",
        "targetable": "o", "created_at": "s", "updated_at": "s"}
DOCUMENT = {
    "id": "n", "url": "s", "msg": "s", "content_file_name": "s",
    "content_file_size": "n", "content_content_type": "s",
    "content_file_size_readable": "s", "is_shared": "b", "is_attached": "b",
    "creater_id": "n", "created_at": "s", "updated_at": "s"}
EMAIL = {"id": "n", "value": "s", "is_primary": "b", "label": "0",
         "_destroy": "b"}
LINK = {"partial": "b", "id": "n", "name": "s", "avatar": "0",
        "website": "0", "last_contacted": "0", "record_type_id": "s",
        "is_primary": "b"}
# include -> (keys it adds to the record, arrays it adds beside it)
INCLUDES = {
    "contacts": {
        "owner": ({"owner_id": "n"}, ["users"]),
        "creater": ({"creater_id": "n"}, ["users"]),
        "updater": ({"updater_id": "n"}, ["users"]),
        "source": ({"lead_source_id": "0"}, ["lead_source"]),
        "campaign": ({"campaign_id": "0"}, ["campaigns"]),
        "territory": ({"territory_id": "0"}, ["territories"]),
        "contact_status": ({"contact_status_id": "0",
                            "lifecycle_stage_id": "0"},
                           ["contact_status", "lifecycle_stages"]),
        "sales_accounts": ({"sales_accounts": "a"}, []),
        "tasks": ({"task_ids": "a"}, ["tasks"]),
        "notes": ({"note_ids": "a"}, ["notes"]),
        "appointments": ({"appointment_ids": "a"}, ["appointments"]),
        "deals": ({"deal_ids": "a"}, ["deals"])},
    "sales_accounts": {
        "owner": ({}, ["users"]),
        "creater": ({"creater_id": "n"}, ["users"]),
        "territory": ({"territory_id": "0"}, ["territories"]),
        "business_type": ({"business_type_id": "0"}, ["business_types"]),
        "industry_type": ({"industry_type_id": "0"}, ["industry_types"]),
        "tasks": ({"task_ids": "a"}, ["tasks"]),
        "contacts": ({"contact_ids": "a"}, ["contacts"]),
        "deals": ({"deal_ids": "a"}, ["deals"]),
        "child_sales_accounts": ({}, ["child_sales_accounts"])},
    "deals": {
        "owner": ({"owner_id": "n"}, ["users"]),
        "creater": ({"creater_id": "n"}, ["users"]),
        "sales_account": ({"sales_account_id": "n"}, ["sales_accounts"]),
        "contacts": ({"contacts": "a", "contact_ids": "a"}, ["contacts"]),
        "source": ({"lead_source_id": "0"}, ["lead_sources"]),
        "campaign": ({"campaign_id": "0"}, ["campaigns"]),
        "deal_stage": ({}, ["deal_stages"]),
        "deal_type": ({"deal_type_id": "0"}, ["deal_types"]),
        "deal_reason": ({"deal_reason_id": "0"}, ["deal_reasons"]),
        "deal_payment_status": ({"deal_payment_status_id": "0"},
                                ["deal_payment_statuses"]),
        "deal_product": ({"deal_product_id": "0"}, ["deal_products"]),
        "currency": ({"currency_id": "n"}, ["currencies"]),
        "territory": ({"territory_id": "0"}, ["territories"]),
        "products": ({"products": "a"}, [])},
    "cpq/products": {
        "product_pricings": ({"product_pricings": "a"}, [])},
}
WORDS = {bool: "b", int: "n", float: "n", str: "s", list: "a", dict: "o",
         type(None): "0"}


def shape(row):
    return {k: WORDS[type(v)] for k, v in row.items()}


class Shapes(FreshsalesCase):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.sim()
        self.a = self.account("A", owner_id=self.user, annual_revenue=5,
                              number_of_employees=11)
        self.c = self.contact("a@a.example", first_name="F", external_id="1",
                              owner_id=self.user, sales_account_id=self.a[
                                  "id"])
        currency = self.tenant["selectors"]["currencies"][0]["id"]
        self.d = self.deal("D", owner_id=self.user, currency_id=currency,
                           expected_close="2026-01-02", sales_account_id=self
                           .a["id"], contacts_added_list=[self.c["id"]])
        self.p = self.product("P", product_pricings=[
            {"currency_code": "USD", "unit_price": 5}])
        self.ok("PUT", "/deals/%d" % self.d["id"], {"products": [
            {"id": self.p["id"]}]})

    def test_records(self):
        for path, root, row, want in (
                ("contacts", "contact", self.c, CONTACT),
                ("sales_accounts", "sales_account", self.a, ACCOUNT),
                ("deals", "deal", self.d, DEAL),
                ("cpq/products", "product", self.p, PRODUCT)):
            with self.subTest(path):
                got = self.ok("GET", "/%s/%d" % (path, row["id"]))
                self.assertEqual(set(got), {root, "meta"})
                self.assertEqual(shape(got[root]), want)
                self.assertEqual(shape(row), want)
                if path != "cpq/products":
                    name = {"contacts": "All Contacts",
                            "deals": "All Deals"}.get(path, "All Accounts")
                    rows = self.ok("GET", "/%s/view/%d" % (
                        path, self.view(path, name)))
                    self.assertEqual(
                        [shape(r) for r in rows[path]
                         if r["id"] == row["id"]], [want])
                    self.assertEqual(
                        shape(rows["meta"]), {
                            "total_pages": "n", "total": "n",
                            "avatar_data": "o"})

    def test_each_include(self):
        of = {"contacts": ("contact", self.c, CONTACT),
              "sales_accounts": ("sales_account", self.a, ACCOUNT),
              "deals": ("deal", self.d, DEAL),
              "cpq/products": ("product", self.p, PRODUCT)}
        for path, includes in INCLUDES.items():
            root, row, want = of[path]
            for name, (inside, beside) in includes.items():
                with self.subTest("%s?include=%s" % (path, name)):
                    got = self.ok("GET", "/%s/%d?include=%s" % (
                        path, row["id"], name))
                    self.assertEqual(set(got), {root, "meta", *beside})
                    self.assertTrue(all(isinstance(got[b], list)
                                        for b in beside))
                    self.assertEqual(shape(got[root]), dict(want, **inside))

    def test_what_is_inside(self):
        got = self.ok("GET", "/contacts/%d?include=sales_accounts"
                      % self.c["id"])["contact"]
        self.assertEqual(shape(got["emails"][0]), EMAIL)
        link = shape(got["sales_accounts"][0])
        self.assertEqual({k: link[k] for k in LINK}, LINK)
        got = self.ok("GET", "/deals/%d?include=products" % self.d["id"])
        self.assertEqual(shape(got["deal"]["products"][0]), LINE)
        got = self.ok("GET", "/cpq/products/%d?include=product_pricings"
                      % self.p["id"])
        self.assertEqual(shape(got["product"]["product_pricings"][0]), PRICE)

    def test_tasks_and_notes(self):
        target = {"targetable_id": self.c["id"], "targetable_type": "Contact"}
        made = self.task("T", owner_id=self.user, **target)
        self.assertEqual(shape(made), TASK)
        got = self.ok("GET", "/tasks/%d" % made["id"])
        self.assertEqual(shape(got["task"]), dict(
            TASK, targetable="o", user_ids="a"))
        self.assertEqual(set(got), {"task", "users", "contacts", "deals",
                                    "sales_accounts"})
        got = self.ok("POST", "/notes", dict(description="N", **target))
        self.assertEqual(set(got), {"note"})
        self.assertEqual(shape(got["note"]), NOTE)

    def test_appointments_activities_and_calls(self):
        target = {"targetable_id": self.c["id"], "targetable_type": "Contact"}
        got = self.ok("POST", "/appointments", dict(
            title="A", description="D", time_zone="Chennai", location="HQ",
            from_date="2016-06-20T05:00:00Z", end_date="2016-06-20T06:00:00Z",
            **target))
        made = got.pop("appointment")
        self.assertEqual(got, {"appointment_attendees": [], "conferences": [],
                               "notes": []})
        self.assertEqual(shape(made), APPOINTMENT)
        got = self.ok("PUT", "/appointments/%d" % made["id"], {"title": "B"})
        self.assertEqual(set(got), {"appointment", "appointment_attendees",
                                    "conferences", "notes", "contacts"})
        self.assertEqual(shape(got["appointment"]),
                         dict(APPOINTMENT, targetable="o"))
        self.s.post("/sim/admin/sales_activity_types", {"name": "Imported"})
        kind = self.ok("GET", "/selector/sales_activity_types")[
            "sales_activity_types"][-1]["id"]
        got = self.ok("POST", "/sales_activities", dict(
            title="A", notes="N", sales_activity_type_id=kind,
            owner_id=self.user, start_date="2017-12-04T17:00:00+05:30",
            end_date="2017-12-04T17:30:00+05:30", **target))
        self.assertEqual(set(got), {"sales_activity"})
        self.assertEqual(shape(got["sales_activity"]), ACTIVITY)
        got = self.ok("POST", "/phone_calls", dict(
            call_direction=True, note={"description": "N"}, **target))
        self.assertEqual(set(got), {"phone_calls", "notes", "contacts",
                                    "users"})
        self.assertEqual(shape(got["phone_calls"][0]), CALL)

    def test_documents(self):
        status, got = self.send(form([
            ("file_name", "a.txt"), ("targetable_id", self.c["id"]),
            ("targetable_type", "Contact"), ("file", b"abc", "a.txt")]))
        self.assertEqual((status, set(got)), (200, {"document"}))
        self.assertEqual(shape(got["document"]), DOCUMENT)
        got = self.ok("GET", "/contacts/%d/document_associations"
                      % self.c["id"])
        self.assertEqual(shape(got), {
            "documents": "a", "document_links": "a",
            "document_associations": "a", "meta": "o"})
        self.assertEqual(shape(got["documents"][0]), DOCUMENT)

    def test_custom_modules(self):
        self.sim(tenant=self.changed_tenant(plan="enterprise"))
        got = self.ok("POST", "/settings/module_customizations", {
            "module_customization": {"entity_name": "cm_asset",
                                     "singular_name": "Asset"}})
        self.assertEqual(shape(got["module_customization"]), {
            "id": "n", "entity_name": "s", "singular_name": "s",
            "plural_name": "s", "icon": "s", "description": "s",
            "show_in_navigation_menu": "b", "coll_id": "n",
            "table_name": "s", "custom": "b", "status": "n", "position": "n",
            "configs": "o", "layout_customizations": "o",
            "renaming_customizations": "o",
            "resource_path_for_navigation": "s"})
        form = self.ok("GET", "/settings/cm_asset/forms")["forms"][0]
        self.assertEqual(shape(form["fields"][0]["fields"][0]), {
            "id": "s", "name": "s", "label": "s", "type": "s",
            "field_class": "s", "required": "b", "visible": "b",
            "editable": "b", "custom": "b", "choices": "a", "form_id": "s",
            "parent_id": "s", "position": "n", "field_options": "o"})
        got = self.ok("POST", "/custom_module/cm_asset", {"name": "A"})
        self.assertEqual(set(got), {"cm_asset", "meta"})
        self.assertEqual(shape(got["cm_asset"]), {
            "id": "n", "name": "s", "owner_id": "0", "creater_id": "n",
            "updater_id": "n", "custom_field": "o", "is_deleted": "b",
            "created_at": "s", "updated_at": "s"})

    def test_lists_and_feeds(self):
        got = self.ok("POST", "/lists", {"name": "A"})
        self.assertEqual(shape(got["list"]), {"id": "n", "name": "s"})
        got = self.ok("GET", "/contacts/%d/activities?include=user"
                      % self.c["id"])
        self.assertEqual(set(got), {"activities", "users", "meta"})
        self.assertEqual(shape(got["activities"][0]), {
            "composite_id": "s", "id": "n", "action_type": "s",
            "action_data": "o", "actionable_type": "s", "actionable_id": "n",
            "targetable_type": "s", "targetable_id": "n",
            "user_activity": "b", "user_id": "n", "created_at": "s"})

    def test_what_clients_depend_on(self):
        view = "/contacts/view/%d" % self.view("contacts", "All Contacts")
        self.assertEqual(self.ok("GET", view + "?per_page=100&page=2")[
            "contacts"], [])
        got = self.ok("PUT", "/contacts/%d" % self.c["id"],
                      {"emails": "new@a.example"})["contact"]
        self.assertEqual(got["email"], "new@a.example")
        self.assertGreater(got["mcr_id"], 2 ** 53)
        deal = self.ok("GET", "/deals/%d" % self.d["id"])["deal"]
        self.assertRegex(deal["expected_close"], r"^\d{4}-\d\d-\d\d$")
        self.assertRegex(deal["amount"], r"^\d+\.\d+$")
        stamp = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$")
        self.assertRegex(deal["created_at"], stamp)
        self.refused("GET", "/tasks")
        got = self.ok("GET", "/search?q=new&include=contact")
        self.assertIsInstance(got, list)
        # A name of an account in a deal links it, or makes it.
        for name, count in (("A", 1), ("Fresh", 1)):
            d = self.deal("With " + name, sales_account={"name": name})
            held = self.held("deals", d["id"])
            self.assertEqual(
                [a["id"] for a in self.s.records("sales_accounts")
                 if a["name"] == name], [held["sales_account_id"]] * count)


if __name__ == "__main__":
    unittest.main(verbosity=2)
