#!/usr/bin/env python3
"""The simulated Freshsales behaves as the API reference says."""
import http.client
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Proc, wait_until  # noqa: E402
from freshsales import FreshsalesCase  # noqa: E402


class Freshsales(FreshsalesCase):
    def test_a_wrong_key_gets_the_flat_401(self):
        self.sim()
        status, body = self.call("GET", "/selector/owners", key="x")
        self.assertEqual((status, body["login"]), (401, "failed"))

    def test_wrapped_and_bare_bodies_are_one(self):
        self.sim()
        wrapped = self.account("Wrapped")
        status, bare = self.call("POST", "/sales_accounts", {"name": "Bare"})
        self.assertEqual(status, 200)
        self.assertEqual(set(wrapped), set(bare["sales_account"]))

    def test_account_names_are_unique_whatever_their_case(self):
        self.sim()
        self.account("Acorn")
        status, body = self.call("POST", "/sales_accounts", {"name": "ACORN "})
        self.assertEqual(status, 400)
        self.assertEqual(body["errors"]["message"],
                         ["Name has already been taken"])

    def test_hidden_ids_show_by_include_only(self):
        self.sim()
        _, made = self.call("POST", "/contacts", {
            "last_name": "X", "emails": "x@x.example", "owner_id": self.user})
        rid = made["contact"]["id"]
        self.assertNotIn("owner_id", made["contact"])
        _, got = self.call("GET", "/contacts/%d?include=owner" % rid)
        self.assertEqual(got["contact"]["owner_id"], self.user)

    def test_amounts_are_strings_and_exact(self):
        self.sim()
        amount = "123456789012345678.0001"
        _, d = self.call("POST", "/deals", {"name": "D", "amount": amount})
        self.assertEqual(d["deal"]["amount"], amount)
        _, d = self.call("POST", "/deals", {"name": "E", "amount": 5600})
        self.assertEqual(d["deal"]["amount"], "5600.0")

    def test_one_bad_field_refuses_the_whole(self):
        self.sim()
        status, _ = self.call("POST", "/sales_accounts", {
            "name": "Long", "city": "x" * 256})
        self.assertEqual(status, 400)
        self.assertNotIn("Long", [r["name"] for r in
                                  self.s.records("sales_accounts")])

    def test_line_items_overwrite_the_amount(self):
        self.sim()
        _, p = self.call("POST", "/cpq/products", {"name": "P"})
        _, d = self.call("POST", "/deals", {"name": "D", "amount": "1"})
        _, d = self.call(
            "PUT", "/deals/%d?include=products" % d["deal"]["id"],
            {"deal": {"amount": "99", "products": [
                {"id": p["product"]["id"], "quantity": 3,
                 "unit_price": "2.5", "discount": 10, "discount_type": 1}]}})
        self.assertEqual(d["deal"]["amount"], "6.75")
        self.assertEqual(len(d["deal"]["products"]), 1)

    def test_bulk_is_asynchronous_and_reports_each_failure(self):
        self.sim()
        status, body = self.call("POST", "/sales_accounts/bulk_upsert", {
            "sales_accounts": [
                {"name": "One", "data": {"city": "A"}},
                {"name": "Two", "data": {"city": "x" * 300}},
                {"name": "One", "data": {"city": "B"}}]})
        self.assertEqual(status, 200)
        self.assertEqual(set(body), {"message", "job_status_url"})
        job = "/job_statuses/" + body["job_status_url"].rsplit("/", 1)[1]
        wait_until("the job is done", lambda: self.call("GET", job)[1][
            "progress"] == 100, 10)
        data = json.loads(self.call("GET", job)[1]["data"])
        self.assertEqual(data["success"], 2)
        self.assertEqual([f["index"] for f in data["failed"]], [1])
        ones = [r for r in self.s.records("sales_accounts")
                if r["name"] == "One"]
        self.assertEqual([r["city"] for r in ones], ["B"])

    def test_bulk_of_101_is_refused(self):
        self.sim()
        status, _ = self.call("POST", "/deals/bulk_upsert", {"deals": [
            {"name": str(i), "data": {}} for i in range(101)]})
        self.assertEqual(status, 400)

    def test_the_minute_limit_refuses_and_says_when(self):
        # So that no new minute begins before the limit is met.
        self.sim("rate_plan=1000",
                 more=("--start-at", "2026-03-02T08:00:00Z"))
        for _ in range(400):
            self.call("GET", "/selector/owners")
        status, body = self.call("GET", "/selector/owners")
        self.assertEqual(status, 429)
        self.assertNotIn("Retry-After", self.headers)
        self.assertEqual(len(self.headers["X-RateLimit-Reset"]), 12)
        self.assertEqual(self.s.get("/sim/stats")["refused_429"], 1)

    def test_lifted_refuses_nothing(self):
        self.sim("rate_plan=lifted")
        for _ in range(450):
            self.assertEqual(self.call("GET", "/selector/owners")[0], 200)

    def test_parents_form_no_cycle(self):
        self.sim()
        a, b = self.account("A"), self.account("B")
        path = "/sales_accounts/%d"
        status, _ = self.call("PUT", path % a["id"], {
            "parent_sales_account_id": b["id"]})
        self.assertEqual(status, 200)
        status, _ = self.call("PUT", path % b["id"], {
            "parent_sales_account_id": a["id"]})
        self.assertEqual(status, 400)

    def test_an_effect_whose_answer_is_lost_is_in_the_journal(self):
        self.sim()
        self.s.post("/sim/faults", [{
            "name": "lost", "match": {"method": "POST"}, "times": 1,
            "action": {"close": "after"}}])
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.call("POST", "/sales_accounts", {"name": "Ghost"})
        self.assertIn("Ghost", [r["name"] for r in
                                self.s.records("sales_accounts")])

    def test_custom_fields_are_replaced_where_the_knob_says_so(self):
        self.sim("custom_field_put=replace")
        self.s.post("/sim/admin/fields/sales_accounts", {
            "label": "Tier", "type": "text"})
        a = self.account("A", custom_field={"cf_source_id": "1",
                                            "cf_tier": "x"})
        _, got = self.call("PUT", "/sales_accounts/%d" % a["id"], {
            "custom_field": {"cf_tier": "y"}})
        self.assertIsNone(got["sales_account"]["custom_field"]
                          ["cf_source_id"])

    def test_a_broken_tenant_file_is_refused(self):
        bad = self.bench.folder / "bad.json"
        bad.write_text('{"format":"freshsales-tenant/1","surprise":1}')
        p = self.bench.add(Proc("bad", [self.bench.bin(
            "drover-sim-freshsales"), "--tenant", bad],
            self.bench.logs / "bad.log"))
        wait_until("it ends", lambda: not p.alive(), 10)
        self.assertEqual(p.code, 65)
        self.assertIn("surprise", p.tail(1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
