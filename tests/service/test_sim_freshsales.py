#!/usr/bin/env python3
"""The calls of the simulated Freshsales, one by one, and the shapes of its
answers (API reference 3 to 15, 20, 25)."""
import json
import pathlib
import sys
import unittest
from urllib.parse import quote

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import call, ndjson  # noqa: E402
from freshsales import TENANT, FreshsalesCase  # noqa: E402


class Records(FreshsalesCase):
    def test_clone(self):
        self.sim()
        a = self.account("A", city="Oslo", tags=["x"],
                         custom_field={"cf_source_id": "1"})
        self.refused("POST", "/sales_accounts/%d/clone" % a["id"], {})
        b = self.ok("POST", "/sales_accounts/%d/clone" % a["id"], {
            "sales_account": {"name": "B"}})["sales_account"]
        held = self.held("sales_accounts", b["id"])
        self.assertEqual(
            (held["name"], held["city"], held["tags"],
             held["custom_field"]["cf_source_id"]), ("B", "Oslo", ["x"], "1"))

    def test_deletes_answer_each_in_their_way(self):
        self.sim()
        t, p = self.task("T"), self.product("P")
        n = self.ok("POST", "/notes", {"description": "N"})["note"]
        a = self.account("A")
        for path, want in (
                ("/tasks/%d" % t["id"], {"success": "200"}),
                ("/notes/%d" % n["id"], {"success": "200"}),
                ("/cpq/products/%d" % p["id"],
                 {"msg": {"id": p["id"], "code": "success"}}),
                ("/sales_accounts/%d" % a["id"], True)):
            self.assertEqual(self.ok("DELETE", path), want)
            self.refused("DELETE", path, status=404)
        self.assertEqual(self.s.records("tasks") + self.s.records("notes"), [])
        self.assertIn(a["id"], self.deleted("sales_accounts"))
        self.assertEqual(self.deleted("products"), [p["id"]])

    def test_restore_is_for_products_only(self):
        self.sim()
        p, a = self.product("P"), self.account("A")
        self.ok("DELETE", "/cpq/products/%d" % p["id"])
        self.ok("DELETE", "/sales_accounts/%d" % a["id"])
        got = self.ok("PUT", "/cpq/products/%d/restore" % p["id"])
        self.assertFalse(got["product"]["is_deleted"])
        self.refused("PUT", "/sales_accounts/%d/restore" % a["id"],
                     status=404)
        # A person can, in the screens.
        self.s.post("/sim/admin/sales_accounts/%d" % a["id"],
                    {"is_deleted": False}, "PUT")
        self.assertEqual(self.names()[-1], "A")

    def test_forget_takes_along_what_hangs_on_it(self):
        self.sim()
        c = self.contact("a@a.example")
        self.task("T", targetable_id=c["id"], targetable_type="Contact")
        self.ok("POST", "/notes", {"description": "N", "targetable_id":
                                   c["id"], "targetable_type": "contact"})
        self.assertIs(self.ok("DELETE", "/contacts/%d/forget" % c["id"]),
                      True)
        self.refused("GET", "/contacts/%d" % c["id"], status=404)
        self.assertEqual(self.s.records("tasks") + self.s.records("notes"), [])
        self.assertNotIn(c["id"], self.deleted("contacts"))
        self.contact("a@a.example")  # the address is free

    def test_an_account_takes_its_own_along_when_told(self):
        self.sim()
        a = self.account("A")
        c = self.contact("a@a.example", sales_account_id=a["id"])
        d = self.deal("D", sales_account_id=a["id"])
        self.ok("DELETE", "/sales_accounts/%d?"
                "delete_associated_contacts_deals=true" % a["id"])
        self.assertIn(c["id"], self.deleted("contacts"))
        self.assertEqual(self.deleted("deals"), [d["id"]])

    def test_bulk_destroy_and_owners(self):
        self.sim()
        ids = [self.contact("c%d@a.example" % i)["id"] for i in range(3)]
        body = {"selected_ids": ids[:2], "owner_id": self.users[1]}
        self.assertEqual(set(self.ok("POST", "/contacts/bulk_assign_owner",
                                     body)), {"message"})
        owners = [self.held("contacts", i)["owner_id"] for i in ids]
        self.assertEqual(owners[:2], [self.users[1]] * 2)
        self.assertNotEqual(owners[2], self.users[1])
        self.refused("POST", "/deals/bulk_assign_owner", body, 404)
        self.ok("POST", "/contacts/bulk_destroy", {
            "selected_ids": ids[1:] + [999]})
        self.assertEqual(self.deleted("contacts"), ids[1:])
        line = self.journal()[-1]
        self.assertEqual([(t["type"], t["id"], t["op"])
                          for t in line["record_ids"]],
                         [("contacts", i, "delete") for i in ids[1:]])
        self.refused("POST", "/contacts/bulk_destroy", {
            "selected_ids": list(range(101))})

    def test_bulk_calls_of_products(self):
        self.sim()
        ids = [self.product("P%d" % i)["id"] for i in range(3)]
        bulk = "/cpq/products/products_bulk_"
        self.ok("PUT", bulk + "update", {"ids": ids[:2], "product": {
            "category": "Tools"}})
        self.ok("POST", bulk + "assign", {"selected_ids": ids[:1],
                                          "owner_id": self.user})
        rows = {r["id"]: r for r in self.s.records("products")}
        self.assertEqual([rows[i]["category"] for i in ids],
                         ["Tools", "Tools", None])
        self.assertEqual([rows[i]["owner_id"] for i in ids],
                         [self.user, None, None])
        self.ok("POST", bulk + "delete", {"selected_ids": ids})
        self.assertEqual(self.s.records("products"), [])
        self.ok("POST", bulk + "restore", {"selected_ids": ids[1:]})
        self.assertEqual([r["id"] for r in self.s.records("products")],
                         ids[1:])

    def test_prices_are_edited_by_id(self):
        self.sim()
        p = self.product("P", pricing_type=1, product_pricings=[
            {"currency_code": "USD", "unit_price": "10.50"},
            {"currency_code": "EUR", "unit_price": 9}])
        path = "/cpq/products/%d?include=product_pricings" % p["id"]
        self.assertNotIn("product_pricings", p)
        usd, eur = self.ok("GET", path)["product"]["product_pricings"]
        self.assertEqual((usd["unit_price"], eur["unit_price"]), (10.5, 9))
        self.ok("PUT", path, {"product": {"product_pricings": [
            {"id": usd["id"], "unit_price": 11},
            {"id": eur["id"], "_destroy": True},
            {"currency_code": "GBP", "unit_price": 8}]}})
        held = self.held("products", p["id"])
        self.assertEqual([(x["currency_code"], x["unit_price"])
                          for x in held["product_pricings"]],
                         [("USD", 11), ("GBP", 8)])
        self.assertEqual(held["product_pricings"][0]["id"], usd["id"])
        self.assertEqual(held["base_currency_amount"], 11)

    def test_every_form_of_addresses(self):
        self.sim()
        for n, (form, want) in enumerate((
                ("a{0}@x.example", ["a{0}@x.example"]),
                (["a{0}@x.example", "b{0}@x.example"],
                 ["a{0}@x.example", "b{0}@x.example"]),
                ([{"value": "a{0}@x.example"},
                  {"value": "b{0}@x.example", "is_primary": True}],
                 ["a{0}@x.example", "b{0}@x.example"]))):
            emails = json.loads(json.dumps(form).replace("{0}", str(n)))
            rid = self.ok("POST", "/contacts", {"emails": emails})[
                "contact"]["id"]
            held = self.held("contacts", rid)
            self.assertEqual([e["value"] for e in held["emails"]],
                             [w.format(n) for w in want])
        self.assertEqual(held["email"], "b2@x.example")
        drop = held["emails"][0]["id"]
        self.ok("PUT", "/contacts/%d" % rid, {"emails": [
            {"id": drop, "_destroy": True}, {"value": "c@x.example"}]})
        held = self.held("contacts", rid)
        self.assertEqual([e["value"] for e in held["emails"]],
                         ["b2@x.example", "c@x.example"])
        self.ok("PUT", "/contacts/%d" % rid, {"emails": "d@x.example"})
        held = self.held("contacts", rid)
        self.assertEqual([(e["value"], e["is_primary"])
                          for e in held["emails"]],
                         [("d@x.example", True), ("c@x.example", False)])
        # A second address finds its contact, too.
        got = self.ok("GET", "/lookup?f=emails&entities=contact&"
                      "q=C@x.example")["contacts"]["contacts"]
        self.assertEqual([c["id"] for c in got], [rid])

    def test_clients_send_zeros_and_empty_strings(self):
        self.sim()
        rid = self.ok("POST", "/deals", {
            "id": 0, "name": "D", "amount": "5", "owner_id": 0,
            "sales_account_id": "", "deal_stage_id": "", "currency_id": 0,
            "expected_close": "0001-01-01T00:00:00Z", "links": {},
            "closed_date": "", "age": 3, "surprise": True})["deal"]["id"]
        held = self.held("deals", rid)
        self.assertEqual(
            [held[k] for k in ("owner_id", "sales_account_id", "currency_id",
                               "expected_close", "closed_date")], [None] * 5)
        self.assertEqual(held["deal_stage_id"], self.stages[0]["id"])

    def test_numbers_are_numbers_and_texts_texts(self):
        self.sim()
        a = self.account("A", annual_revenue="007.50", zipcode=1234,
                         owner_id="0%d" % self.user)
        self.assertEqual(
            (a["annual_revenue"], a["zipcode"], a["owner_id"]),
            (7.5, "1234", self.user))
        self.refused("POST", "/sales_accounts", {"name": "B", "tags": "x"})
        self.refused("POST", "/sales_accounts", {"name": "B", "city": {}})
        self.refused("POST", "/contacts/bulk_assign_owner", {
            "selected_ids": [], "owner_id": '"x'})

    def test_times_are_read_as_javascript_writes_them(self):
        self.sim()
        t = self.task("T", due_date="Mon Jun 20 2016 10:30:00 GMT+0530 (IST)")
        self.assertEqual(t["due_date"], "2016-06-20T05:00:00Z")
        d = self.deal("D", expected_close="2026-03-31T22:00:00Z")
        self.assertEqual(d["expected_close"], "2026-03-31")
        self.refused("POST", "/tasks", {"title": "T", "due_date": "soon"})

    def test_lines_take_the_price_of_the_product(self):
        self.sim()
        p = self.product("P", category="Tools", product_pricings=[
            {"currency_code": "USD", "unit_price": 4}])
        d = self.deal("D", amount=99, probability=50)
        path = "/deals/%d?include=products" % d["id"]
        got = self.ok("PUT", path, {"deal": {"products": [
            {"id": p["id"], "quantity": 3}]}})["deal"]
        self.assertEqual(
            (got["amount"], got["base_currency_amount"],
             got["expected_deal_value"], got["has_products"]),
            ("12.0", "12.0", "6.0", False))
        self.assertEqual(
            {k: got["products"][0][k] for k in (
                "name", "unit_price", "category", "currency_code", "tax")},
            {"name": "P", "unit_price": 4, "category": "Tools",
             "currency_code": "USD", "tax": 0})
        # A product that is not there refuses the whole.
        self.refused("PUT", path, {"deal": {"name": "E", "products": [
            {"id": 999}]}})
        self.assertEqual(self.held("deals", d["id"])["name"], "D")
        got = self.ok("PUT", path, {"deal": {"products": []}})["deal"]
        self.assertEqual((got["amount"], got["products"]), ("0.0", []))
        got = self.ok("PUT", path, {"deal": {"amount": "7"}})["deal"]
        self.assertEqual(got["amount"], "7.0")

    def test_upsert_by_identifier_alone_is_get_or_create(self):
        self.sim()
        body = {"unique_identifier": {"emails": "u@u.example"},
                "contact": {"last_name": "U"}}
        made = self.ok("POST", "/contacts/upsert", body)["contact"]
        a = self.account("A")
        self.ok("PUT", "/contacts/%d" % made["id"], {
            "sales_accounts": [{"id": a["id"]}]})
        got = self.ok("POST", "/contacts/upsert?include=sales_accounts", {
            "unique_identifier": {"emails": "U@u.example"}})["contact"]
        self.assertEqual(got["id"], made["id"])
        self.assertEqual(
            [(x["id"], x["is_primary"], x["partial"], x["name"])
             for x in got["sales_accounts"]], [(a["id"], True, True, "A")])
        self.refused("POST", "/contacts/upsert", {"contact": {}})
        self.refused("POST", "/contacts/upsert", {
            "unique_identifier": {"city": "X"}, "contact": {}})

    def test_wrong_shapes_are_refused(self):
        self.sim()
        self.assertEqual(self.refused("POST", "/contacts", {
            "emails": "a@a.example", "sales_accounts": "Acme"}),
            ["The type for sales_accounts is invalid."])
        self.assertEqual(self.refused("POST", "/sales_accounts", {}),
                         ["Need to fill this name to submit the form."])
        self.refused("POST", "/contacts", {"emails": "a@a.example",
                                           "owner_id": 4711})
        self.refused("POST", "/tasks", {
            "title": "T", "due_date": "2026-01-01", "targetable_id": 4711,
            "targetable_type": "Contact"})
        status, _ = self.raw("POST", "/contacts")
        self.assertEqual(status, 400)


class Lists(FreshsalesCase):
    def test_sub_lists(self):
        self.sim()
        a = self.account("A")
        c = self.contact("a@a.example", sales_account_id=a["id"])
        d = self.deal("D", sales_account_id=a["id"],
                      contacts_added_list=[c["id"]])
        t = self.task("T", targetable_id=d["id"], targetable_type="Deal")
        n = self.ok("POST", "/notes", {"description": "N", "targetable_id":
                                       d["id"], "targetable_type": "Deal"})[
                                           "note"]
        for path, kind, want in (
                ("/sales_accounts/%d/contacts" % a["id"], "contacts", c),
                ("/sales_accounts/%d/deals" % a["id"], "deals", d),
                ("/contacts/%d/deals" % c["id"], "deals", d),
                ("/deals/%d/tasks" % d["id"], "tasks", t),
                ("/deals/%d/notes" % d["id"], "notes", n)):
            got = self.ok("GET", path)
            self.assertEqual([r["id"] for r in got[kind]], [want["id"]], path)
            self.assertEqual(got["meta"], {"total_pages": 1, "total": 1})
        self.assertEqual(self.ok("GET", "/contacts/%d/tasks" % c["id"])[
            "tasks"], [])
        self.refused("GET", "/notes/%d" % n["id"], status=404)
        self.ok("PUT", "/notes/%d" % n["id"], {"description": "M"})
        self.assertEqual(self.held("notes", n["id"])["description"], "M")
        self.assertEqual(self.ok("GET", "/deals/%d" % d["id"])["deal"][
            "recent_note"], "M")

    def test_side_loads(self):
        self.sim()
        a = self.account("A", owner_id=self.user)
        c = self.contact("a@a.example", sales_account_id=a["id"],
                         owner_id=self.user,
                         contact_status_id=self.statuses[0]["id"])
        d = self.deal("D", sales_account_id=a["id"], owner_id=self.user,
                      contacts_added_list=[c["id"]])
        got = self.ok("GET", "/contacts/%d?include=owner,contact_status,deals"
                      % c["id"])
        self.assertEqual([u["id"] for u in got["users"]], [self.user])
        self.assertEqual([s["id"] for s in got["contact_status"]],
                         [self.statuses[0]["id"]])
        self.assertEqual([(x["id"], x["partial"]) for x in got["deals"]],
                         [(d["id"], True)])
        got = self.ok("GET", "/deals/%d?include=sales_account,deal_stage,"
                      "creater,contacts" % d["id"])
        self.assertEqual([x["name"] for x in got["sales_accounts"]], ["A"])
        self.assertEqual([x["id"] for x in got["deal_stages"]],
                         [d["deal_stage_id"]])
        self.assertEqual([x["id"] for x in got["contacts"]], [c["id"]])
        self.assertEqual([u["id"] for u in got["users"]],
                         [self.tenant["api_user_id"]])
        self.assertEqual(set(self.ok("GET", "/deals/%d" % d["id"])),
                         {"deal", "meta"})
        rows = self.ok("GET", "/deals/view/%d?include=owner" % self.view(
            "deals", "All Deals"))
        self.assertEqual([u["id"] for u in rows["users"]], [self.user])
        self.assertEqual(rows["meta"]["avatar_data"],
                         {"Deal": {str(d["id"]): None}})

    def test_tasks_that_are_read_come_with_their_target(self):
        self.sim()
        c = self.contact("a@a.example")
        made = self.ok("POST", "/tasks", {"task": {
            "title": "T", "due_date": "2026-01-01T00:00:00Z",
            "targetable_id": str(c["id"]), "targetable_type": "contact"}})
        self.assertEqual(set(made), {"task"})
        self.assertEqual(made["task"]["targetables"],
                         [{"id": c["id"], "type": "Contact"}])
        got = self.ok("GET", "/tasks/%d" % made["task"]["id"])
        self.assertEqual(got["task"]["targetable"],
                         {"type": "contact", "id": c["id"]})
        self.assertEqual([x["id"] for x in got["contacts"]], [c["id"]])

    def test_task_filters(self):
        self.sim(more=("--start-at", "2026-03-02T10:00:00Z"))
        ids = {name: self.task(name, due_date=due, **more)["id"]
               for name, due, more in (
                   ("past", "2026-02-01T00:00:00Z", {}),
                   ("today", "2026-03-02T18:00:00Z", {}),
                   ("tomorrow", "2026-03-03T01:00:00Z", {}),
                   ("done", "2026-03-02T18:00:00Z", {"status": 1}))}
        for word, names in (("open", ["past", "today", "tomorrow"]),
                            ("due_today", ["today"]),
                            ("due_tomorrow", ["tomorrow"]),
                            ("overdue", ["past"]),
                            ("completed", ["done"])):
            got = self.ok("GET", "/tasks?filter=" + word)
            self.assertEqual([t["id"] for t in got["tasks"]],
                             [ids[n] for n in names], word)
            self.assertEqual(got["meta"], {"total": len(names)})
        self.refused("GET", "/tasks")
        self.refused("GET", "/tasks?filter=soon")

    def test_views_in_every_order(self):
        self.sim()
        ids = [self.account("S%d" % i)["id"] for i in range(5)]
        self.ok("PUT", "/sales_accounts/%d" % ids[1], {"city": "X"})
        view = "/sales_accounts/view/%d?per_page=3" % self.view(
            "sales_accounts", "All Accounts")

        def shown(order, page=1):
            got = self.ok("GET", view + "&page=%d&%s" % (page, order))
            return [r["id"] for r in got["sales_accounts"]]
        newest = "sort=updated_at&sort_type=desc"
        self.assertEqual(shown(newest), [ids[1], ids[4], ids[3]])
        self.assertEqual(shown(newest, 2)[:2], [ids[2], ids[0]])
        self.assertEqual(shown("sort=id&sort_type=desc"), ids[:1:-1])
        self.assertEqual(shown("sort=created_at&sort_type=desc"), ids[:1:-1])
        # A write between pages is seen at once.
        self.ok("PUT", "/sales_accounts/%d" % ids[0], {"city": "X"})
        self.assertEqual(shown(newest), [ids[0], ids[1], ids[4]])
        self.ok("DELETE", "/sales_accounts/%d" % ids[0])
        self.assertEqual(shown(newest), [ids[1], ids[4], ids[3]])
        bin_ = self.view("sales_accounts", "Recycle Bin")
        self.assertEqual([r["id"] for r in self.ok(
            "GET", "/sales_accounts/view/%d" % bin_)["sales_accounts"]],
            ids[:1])
        self.assertEqual(shown("sort=id", 99), [])
        self.refused("GET", "/sales_accounts/view/1", status=404)
        self.refused("GET", "/sales_accounts", status=404)

    def test_deal_views_go_by_stage(self):
        self.sim()
        for s in self.stages:
            self.deal(s["name"], deal_stage_id=s["id"])
        for name, forecast in (("Open Deals", "Open"),
                               ("Won Deals", "Closed Won"),
                               ("Lost Deals", "Closed Lost")):
            got = self.ok("GET", "/deals/view/%d" % self.view("deals", name))
            self.assertEqual(
                [d["name"] for d in got["deals"]],
                [s["name"] for s in self.stages
                 if s["forecast_type"] == forecast])

    def test_links_lead_somewhere(self):
        self.sim()
        c = self.contact("a@a.example")
        t = self.task("T", targetable_id=c["id"], targetable_type="Contact")
        self.base = ""
        got = self.ok("GET", c["links"]["tasks"])
        self.assertEqual([x["id"] for x in got["tasks"]], [t["id"]])

    def test_configuration(self):
        self.sim()
        pipe = self.ok("GET", "/selector/deal_pipelines")["deal_pipelines"][0]
        got = self.ok("GET", "/selector/deal_pipelines/%d/deal_stages"
                      % pipe["id"])
        self.assertEqual([s["id"] for s in got["deal_stages"]],
                         [s["id"] for s in self.stages])
        self.assertEqual(self.ok("GET", "/selector/territories"),
                         {"territories": []})
        self.assertIn("users", self.ok("GET", "/selector/owners"))
        self.refused("GET", "/selector/wishes", status=404)
        self.refused("GET", "/settings/lead_fields", status=404)
        self.refused("GET", "/settings/leads/fields", status=404)
        got = self.ok("GET", "/settings/contacts/fields.json?include="
                      "field_group")
        self.assertIn("cf_source_id", [f["name"] for f in got["fields"]])


class Finding(FreshsalesCase):
    def test_search(self):
        self.sim()
        a = self.account("Hazel Grove", country="NO")
        c = self.contact("ana@ito.example", first_name="Ana", last_name="Ito",
                         owner_id=self.user, sales_account_id=a["id"])
        got = self.ok("GET", "/search?q=ITO%20ana&include=contact,user")
        self.assertEqual(len(got), 1)
        self.assertEqual(
            {k: got[0][k] for k in (
                "id", "type", "name", "email", "primary_sales_account_name")},
            {"id": str(c["id"]), "type": "contact", "name": "Ana Ito",
             "email": "ana@ito.example",
             "primary_sales_account_name": "Hazel Grove"})
        self.assertEqual(got[0]["owner"]["id"], self.user)
        got = self.ok("GET", "/search?q=haz&include=contact,sales_account")
        self.assertEqual({r["name"] for r in got}, {"Hazel Grove",
                                                    "Hazel & Sons"})
        self.assertEqual(len(self.ok(
            "GET", "/search?q=haz&include=sales_account&per_page=1")), 1)
        self.assertEqual(self.ok("GET", "/search?q=&include=contact"), [])

    def test_lookup_is_exact_and_finds_all(self):
        self.sim()
        ids = [self.deal("Same")["id"] for _ in range(3)]
        self.ok("DELETE", "/deals/%d" % ids[1])
        got = self.ok("GET", "/lookup?q=same&f=name&entities=deal,contact")
        self.assertEqual([d["id"] for d in got["deals"]["deals"]],
                         [ids[0], ids[2]])
        self.assertEqual(got["contacts"]["contacts"], [])
        self.assertEqual(self.ok("GET", "/lookup?q=sam&f=name&entities=deal")[
            "deals"]["deals"], [])
        self.ok("PUT", "/deals/%d" % ids[0], {"name": "Other"})
        self.assertEqual([d["id"] for d in self.ok(
            "GET", "/lookup?q=Same&f=name&entities=deal")["deals"]["deals"]],
            ids[2:])
        odd = 'Q "&" \\ Ünïcode'
        rid = self.account(odd)["id"]
        got = self.ok("GET", "/lookup?f=name&entities=sales_account&q="
                      + quote(odd))
        self.assertEqual([a["id"] for a in got["sales_accounts"][
            "sales_accounts"]], [rid])

    def filtered(self, entity, *rules, query=""):
        got = self.ok("POST", "/filtered_search/%s%s" % (entity, query), {
            "filter_rule": [dict(zip(("attribute", "operator", "value"), r))
                            for r in rules]})
        return [r["id"] for r in got[entity + "s"]]

    def test_filtered_search(self):
        self.sim()
        ids = [self.contact("c%d@x.example" % i, city=city,
                            owner_id=self.user)["id"]
               for i, city in enumerate(["Oslo", "Oslo", "Bergen"])]
        f = self.filtered
        self.assertEqual(f("contact", ("city", "is", "oslo")), ids[:2])
        self.assertEqual(f("contact", ("city", "is_in", ["Oslo", "Bergen"])),
                         ids)
        self.assertEqual(f("contact", ("city", "is_in", "Oslo,Bergen")), ids)
        self.assertEqual(f("contact", ("city", "contains", "erg")), ids[2:])
        self.assertEqual(f("contact", ("city", "starts_with", "Os"),
                           ("contact_email.email", "is_in",
                            "c1@x.example")), [ids[1]])
        self.assertNotIn(ids[0], f("contact", ("city", "is_not", "Oslo")))
        self.assertEqual(f("contact", ("created_at", "is_before",
                                       "2001-01-01T00:00:00Z")), [])
        self.assertEqual(f("contact", ("created_at", "is_after",
                                       "2024-05-07T00:00:00Z")), ids)
        self.assertEqual(f("contact", ("owner_id", "is", str(self.user)),
                           query="?per_page=2&page=2&sort=id")[-1:], ids[1:2])
        self.ok("DELETE", "/contacts/%d" % ids[0])
        self.assertEqual(f("contact", ("city", "is", "Oslo")), [ids[1]])
        self.assertEqual(f("contact", ("deleted", "is", 1)), [ids[0]])
        row = self.ok("POST", "/filtered_search/contact", {
            "filter_rule": [], "per_page": 1})["contacts"]
        self.assertEqual(len(row), 1)
        self.assertTrue(row[0]["partial"])
        self.assertNotIn("owner_id", row[0])
        self.refused("POST", "/filtered_search/contact", {})
        self.refused("POST", "/contacts/search", {}, 404)


class Classic(FreshsalesCase):
    base = "/api"

    def classic(self):
        tenant = json.loads(TENANT.read_text())
        tenant["edition"] = "classic"
        tenant["selectors"]["lead_stages"] = [
            {"id": 9001, "name": "New", "position": 1},
            {"id": 9002, "name": "Contacted", "position": 2}]
        tenant["fields"]["leads"] = [
            f for f in tenant["fields"]["contacts"]
            if f["name"] in ("last_name", "emails", "cf_source_id")]
        tenant["views"]["leads"] = [{
            "id": 9100, "name": "All Leads", "model_class_name": "Lead",
            "user_id": 0, "is_default": True}]
        path = self.bench.folder / "classic.json"
        path.write_text(json.dumps(tenant))
        self.sim("job_delay_ms=0", tenant=path)

    def test_leads(self):
        self.classic()
        self.refused("POST", "/leads", {"last_name": "No address"})
        lead = self.ok("POST", "/leads?include=lead_stage", {"lead": {
            "last_name": "Ito", "email": "ito@x.example",
            "lead_stage_id": 9001, "company": {"name": "Ito Ltd"},
            "custom_field": {"cf_source_id": "1"}}})
        self.assertEqual(lead["lead_stages"][0]["name"], "New")
        rid = lead["lead"]["id"]
        self.assertEqual(self.bulk("leads", [
            {"emails": "ito@x.example", "data": {"lead_stage_id": 9002}},
            {"emails": "b@x.example", "data": {"last_name": "B"}}])[
                "success"], 2)
        self.assertEqual(self.held("leads", rid)["lead_stage_id"], 9002)
        got = self.ok("GET", "/leads/view/9100")
        self.assertEqual([r["last_name"] for r in got["leads"]], ["Ito", "B"])
        self.assertEqual(self.ok("GET", "/lookup?f=cf_source_id&q=1&"
                                 "entities=lead")["leads"]["leads"][0]["id"],
                         rid)
        self.assertIn("lead_stages", self.ok("GET", "/selector/lead_stages"))
        self.ok("GET", "/settings/leads/fields")

    def test_conversion(self):
        self.classic()
        rid = self.ok("POST", "/leads", {
            "last_name": "Ito", "email": "ito@x.example", "city": "Oslo",
            "company": {"name": "Ito Ltd"}})["lead"]["id"]
        got = self.ok("POST", "/leads/%d/convert" % rid, {"lead": {
            "sales_account": {"name": "Ito Group"},
            "deal": {"name": "First", "amount": 5}}})
        contact = self.held("contacts", got["contact"]["id"])
        self.assertEqual((contact["email"], contact["city"]),
                         ("ito@x.example", "Oslo"))
        self.assertEqual([a["id"] for a in contact["sales_accounts"]],
                         [got["sales_account"]["id"]])
        deal = self.held("deals", got["deal"]["id"])
        self.assertEqual(
            (deal["sales_account_id"], [c["id"] for c in deal["contacts"]]),
            (got["sales_account"]["id"], [contact["id"]]))
        self.assertEqual(self.deleted("leads"), [rid])
        self.assertEqual(got["sales_account"]["name"], "Ito Group")

    def test_extras_of_the_classic_edition(self):
        self.classic()
        c = self.contact("a@a.example", department="Sales")
        self.assertEqual((c["department"], c["has_duplicates"]),
                         ("Sales", False))
        self.assertTrue(c["links"]["notes"].startswith("/contacts/"))
        body = self.call("POST", "/contacts/bulk_upsert", {"contacts": [
            {"emails": "b@a.example", "data": {}}]})[1]
        self.assertIn(".freshsales.io/api/", body["job_status_url"])


class Suite(FreshsalesCase):
    def test_there_are_no_leads(self):
        self.sim()
        self.refused("POST", "/leads", {"email": "a@a.example"}, 404)
        self.refused("POST", "/filtered_search/lead", {"filter_rule": []},
                     404)
        self.refused("GET", "/selector/lead_stages", status=404)


class AdminPort(FreshsalesCase):
    def test_types(self):
        self.sim()
        self.assertEqual([u["id"] for u in self.s.records("users")],
                         self.users)
        for empty in ("appointments", "files", "call_logs"):
            self.assertEqual(self.s.records(empty), [])
        self.assertEqual(call(self.s.admin, "GET", "/sim/records/wishes")[0],
                         404)

    def test_records_made_and_changed_by_people(self):
        self.sim()
        self.s.post("/sim/admin/sales_accounts", {"name": "Hand"})
        row = self.s.records("sales_accounts")[-1]
        self.assertEqual((row["name"], row["_sim"]["created_by"]),
                         ("Hand", "admin"))
        path = "/sim/admin/sales_accounts/%d" % row["id"]
        self.s.post(path, {"city": "X"}, "PUT")
        self.assertEqual(self.held("sales_accounts", row["id"])["city"], "X")
        self.s.post(path, None, "DELETE")
        gone = ndjson(self.s.admin, "/sim/deleted/sales_accounts")[-1]
        self.assertEqual(gone["_sim"]["deleted_seq"],
                         self.journal()[-1]["seq"])
        lines = self.journal()[-3:]
        self.assertEqual([(x["method"], x["record_ids"][0]["op"])
                          for x in lines],
                         [("ADMIN", w) for w in ("create", "update",
                                                 "delete")])
        self.assertEqual(call(self.s.admin, "PUT", "/sim/admin/deals/7",
                              {"name": "x"})[0], 404)
        self.assertEqual(call(self.s.admin, "POST", "/sim/admin/wishes",
                              {"name": "x"})[0], 404)

    def test_set_up(self):
        self.sim()
        stage = self.tenant["selectors"]["lifecycle_stages"][0]["id"]
        self.s.post("/sim/admin/contact_statuses", {
            "name": "Warm", "lifecycle_stage_id": stage})
        self.s.post("/sim/admin/pipelines", {"name": "P", "stages": [
            {"name": "S1", "position": 1, "forecast_type": "Open"}]})
        self.s.post("/sim/admin/fields/deals", {"label": "My (odd) Field-1",
                                                "type": "text"})
        t = self.s.get("/sim/tenant")
        status = t["selectors"]["contact_statuses"][-1]
        self.assertIn(status["id"], [
            s for s in t["selectors"]["lifecycle_stages"]
            if s["id"] == stage][0]["contact_status_ids"])
        pipe = t["selectors"]["deal_pipelines"][-1]
        d = self.deal("D", deal_pipeline_id=pipe["id"],
                      custom_field={"cf_my_odd_field-1": "v"})
        self.assertEqual(d["deal_stage_id"], pipe["deal_stages"][0]["id"])
        self.assertEqual(d["custom_field"]["cf_my_odd_field-1"], "v")
        self.s.post("/sim/admin/fields/deals/cf_my_odd_field-1", None,
                    "DELETE")
        got = self.ok("GET", "/deals/%d" % d["id"])["deal"]
        self.assertNotIn("cf_my_odd_field-1", got["custom_field"])

    def test_jobs_and_their_lines(self):
        self.sim("job_delay_ms=0")
        self.bulk("sales_accounts", [{"name": "A", "data": {}},
                                     {"name": "B", "data": {"owner_id": 1}}])
        job = self.s.get("/sim/jobs")
        self.assertEqual((job["type"], job["size"], job["success"],
                          [f["index"] for f in job["failed"]]),
                         ("sales_accounts", 2, 1, [1]))
        self.assertGreater(job["done_at_ms"], 0)
        lines = self.journal()
        self.assertEqual([x["effect"] for x in lines if x["method"] == "JOB"],
                         [True, False])
        received = [x for x in lines if x["seq"] == job["received_seq"]][0]
        self.assertTrue(received["path"].endswith("bulk_upsert"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
