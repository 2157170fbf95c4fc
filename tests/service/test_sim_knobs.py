#!/usr/bin/env python3
"""Every knob of the simulated Freshsales at each of its values, and every
fault of its script (API reference 23.2, bench reference 1.3)."""
import datetime
import http.client
import json
import pathlib
import re
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import ROOT, call, wait_until  # noqa: E402
from freshsales import FreshsalesCase  # noqa: E402

OTHER = 1  # of the users: not the one whose key is used


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Knobs(FreshsalesCase):
    def test_defaults_and_refusals(self):
        self.sim()
        knobs = self.s.get("/sim/knobs")
        self.assertEqual({k for k, v in knobs.items()
                          if v["default"] != v["value"]}, set())
        self.assertEqual(knobs["rate_window"]["default"], "fixed")
        for bad in ({"rate_window": "rollling"}, {"wish": 1},
                    {"create_status": 202}):
            self.assertEqual(call(self.s.admin, "POST", "/sim/knobs",
                                  bad)[0], 400)
        self.assertEqual(self.s.get("/sim/knobs"), knobs)

    def test_the_readme_lists_them_all(self):
        self.sim()
        text = (ROOT / "tests/sim/freshsales/README.md").read_text()
        rows = re.findall(r"^\| `(\w+)` \| ([^,|]+)", text, re.M)
        self.assertEqual(
            {name: first.strip() for name, first in rows},
            {k: v["default"] for k, v in self.s.get("/sim/knobs").items()})


class Writes(FreshsalesCase):
    def test_create_status(self):
        self.sim()
        self.assertEqual(self.call("POST", "/sales_accounts",
                                   {"name": "A"})[0], 200)
        self.knob(create_status=201)
        self.assertEqual(self.call("POST", "/sales_accounts",
                                   {"name": "B"})[0], 201)

    def test_created_at_in_body(self):
        self.sim()
        then = "2019-04-02T09:00:00Z"
        a = self.account("A", created_at=then, updated_at=then)
        self.assertNotEqual(instant(a["created_at"]), instant(then))
        self.knob(created_at_in_body="stored")
        b = self.account("B", created_at=then, updated_at=then)
        self.assertEqual(instant(b["created_at"]), instant(then))
        self.assertNotEqual(instant(b["updated_at"]), instant(then))

    def test_creater_id_in_body(self):
        self.sim()
        own = self.tenant["api_user_id"]
        a = self.account("A", creater_id=self.user)
        self.assertEqual(self.held("sales_accounts", a["id"])["creater_id"],
                         own)
        self.knob(creater_id_in_body="stored")
        b = self.account("B", creater_id=self.user)
        self.assertEqual(self.held("sales_accounts", b["id"])["creater_id"],
                         self.user)

    def test_custom_field_put(self):
        self.sim()
        self.s.post("/sim/admin/fields/sales_accounts", {
            "label": "Tier", "type": "text"})
        for value, left in (("merge", "1"), ("replace", None)):
            self.knob(custom_field_put=value)
            a = self.account(value, custom_field={"cf_source_id": "1"})
            self.ok("PUT", "/sales_accounts/%d" % a["id"], {
                "custom_field": {"cf_tier": "y"}})
            held = self.held("sales_accounts", a["id"])["custom_field"]
            self.assertEqual(held, {"cf_source_id": left, "cf_tier": "y"})

    def test_soft_deleted_holds_unique(self):
        self.sim()
        a = self.account("A")
        c = self.contact("a@a.example", external_id="1")
        self.ok("DELETE", "/sales_accounts/%d" % a["id"])
        self.ok("DELETE", "/contacts/%d" % c["id"])
        self.refused("POST", "/sales_accounts", {"name": "a"})
        self.refused("POST", "/contacts", {"emails": "A@a.example"})
        self.refused("POST", "/contacts", {"emails": "b@a.example",
                                           "external_id": "1"})
        self.knob(soft_deleted_holds_unique="no")
        self.account("A")
        self.contact("a@a.example", external_id="1")

    def test_get_soft_deleted(self):
        self.sim()
        a = self.account("A")
        path = "/sales_accounts/%d" % a["id"]
        self.ok("DELETE", path)
        self.assertTrue(self.ok("GET", path)["sales_account"]["is_deleted"])
        self.refused("PUT", path, {"city": "X"}, 404)
        self.knob(get_soft_deleted="404")
        self.refused("GET", path, status=404)

    def test_unknown_choice_value(self):
        self.sim()
        for label, kind in (("Tier", "dropdown"),
                            ("Cargo", "multi_select_dropdown")):
            self.s.post("/sim/admin/fields/sales_accounts", {
                "label": label, "type": kind, "choices": ["A", "B"]})
        body = {"cf_tier": "Z", "cf_cargo": "A;Z"}
        self.refused("POST", "/sales_accounts", {
            "name": "One", "custom_field": body})
        for value, tier, cargo in (("null", None, "A"), ("text", "Z", "A;Z")):
            self.knob(unknown_choice_value=value)
            a = self.account(value, custom_field=body)
            held = self.held("sales_accounts", a["id"])["custom_field"]
            self.assertEqual((held["cf_tier"], held["cf_cargo"]),
                             (tier, cargo))

    def test_unknown_cf_key(self):
        self.sim()
        a = self.account("A", custom_field={"cf_nowhere": "x"})
        self.assertNotIn("cf_nowhere", a["custom_field"])
        self.knob(unknown_cf_key="400")
        self.refused("POST", "/sales_accounts", {
            "name": "B", "custom_field": {"cf_nowhere": "x"}})

    def test_status_lifecycle_mismatch(self):
        self.sim()
        status = self.statuses[0]
        stage = [s["id"] for s in self.tenant["selectors"]["lifecycle_stages"]
                 if s["id"] != status["lifecycle_stage_id"]][0]
        body = {"emails": "a@a.example", "contact_status_id": status["id"],
                "lifecycle_stage_id": stage}
        self.refused("POST", "/contacts", body)
        self.knob(status_lifecycle_mismatch="coerce")
        rid = self.ok("POST", "/contacts", body)["contact"]["id"]
        held = self.held("contacts", rid)
        self.assertEqual(held["lifecycle_stage_id"],
                         status["lifecycle_stage_id"])

    def test_text_limit(self):
        self.sim()
        self.account("A", city="x" * 255)
        self.refused("POST", "/sales_accounts", {"name": "B",
                                                 "city": "x" * 256})
        self.knob(text_limit=256)
        self.account("B", city="x" * 256)
        self.refused("POST", "/sales_accounts", {"name": "C",
                                                 "city": "x" * 257})

    def test_rollups_on_new(self):
        self.sim()
        a = self.account("A")
        self.assertEqual((a["open_deals_amount"], a["open_deals_count"]),
                         ("0.0", 0))
        self.knob(rollups_on_new="null")
        path = "/sales_accounts/%d" % a["id"]
        got = self.ok("GET", path)["sales_account"]
        self.assertIsNone(got["open_deals_amount"])
        open_stage = [s["id"] for s in self.stages
                      if s["forecast_type"] == "Open"][0]
        won = [s["id"] for s in self.stages
               if s["forecast_type"] == "Closed Won"][0]
        for i, stage in enumerate((open_stage, open_stage, won)):
            self.deal("D%d" % i, amount="2.50", sales_account_id=a["id"],
                      deal_stage_id=stage)
        got = self.ok("GET", path)["sales_account"]
        self.assertEqual(
            [got[k] for k in ("open_deals_amount", "open_deals_count",
                              "won_deals_amount", "won_deals_count")],
            ["5.0", 2, "2.5", 1])

    def test_account_utc_offset(self):
        self.sim(more=("--start-at", "2026-07-01T10:00:00Z"))
        self.s.post("/sim/admin/fields/deals", {"label": "Day",
                                                "type": "date"})
        self.s.post("/sim/admin/fields/deals", {"label": "At",
                                                "type": "date_time"})
        d = self.deal("D", custom_field={
            "cf_day": "2026-01-15", "cf_at": "2026-01-15T10:00:00Z"})
        path = "/deals/%d" % d["id"]
        for value, now, day, at in (
                ("tenant", "2026-07-01T10:00:0", "2026-01-15T00:00:00Z",
                 "2026-01-15T10:00:00Z"),
                ("+02:00", "2026-07-01T12:00:0",
                 "2026-01-15T00:00:00+01:00", "2026-01-15T11:00:00+01:00"),
                ("+05:30", "2026-07-01T15:30:0",
                 "2026-01-15T00:00:00+05:30", "2026-01-15T15:30:00+05:30"),
                ("Z", "2026-07-01T10:00:0", "2026-01-15T00:00:00Z",
                 "2026-01-15T10:00:00Z")):
            self.knob(account_utc_offset=value)
            got = self.ok("GET", path)["deal"]
            self.assertTrue(got["created_at"].startswith(now), got)
            self.assertEqual(
                (got["custom_field"]["cf_day"], got["custom_field"]["cf_at"]),
                (day, at))


class Finding(FreshsalesCase):
    def test_per_page_over_100(self):
        self.sim()
        path = "/contacts/view/%d?per_page=500" % self.view("contacts",
                                                            "All Contacts")
        self.ok("GET", path)
        self.knob(per_page_over_100="400")
        self.refused("GET", path)

    def test_search_lag(self):
        self.sim("search_lag_ms=30000")
        old = self.s.records("contacts")[0]
        c = self.contact("new@lag.example", first_name="Newcomer")
        look = "/lookup?f=email&entities=contact&q="
        rules = {"filter_rule": [{"attribute": "contact_email.email",
                                  "operator": "is_in",
                                  "value": "new@lag.example"}]}
        self.assertEqual(self.ok("GET", look + "new@lag.example")[
            "contacts"]["contacts"], [])
        self.assertEqual(self.ok("GET", "/search?q=newcomer&include=contact"),
                         [])
        self.assertEqual(self.ok("POST", "/filtered_search/contact", rules)[
            "contacts"], [])
        self.assertEqual(self.ok("GET", look + old["email"])["contacts"][
            "contacts"][0]["id"], old["id"])
        self.ok("GET", "/contacts/%d" % c["id"])  # by id at once
        self.knob(search_lag_ms=0)
        self.assertEqual(self.ok("GET", look + "new@lag.example")[
            "contacts"]["contacts"][0]["id"], c["id"])
        self.assertEqual(self.ok("POST", "/filtered_search/contact", rules)[
            "contacts"][0]["id"], c["id"])

    def pages(self, path):
        rows, sizes = [], []
        for n in range(1, 30):
            got = self.ok("GET", "%s&page=%d" % (path, n))
            ids = [r["id"] for r in got["sales_accounts"]]
            if not ids:
                self.assertEqual(n - 1, got["meta"]["total_pages"])
                return rows, sizes
            rows += ids
            sizes.append(len(ids))
        self.fail("no last page")

    def test_view_short_pages_and_duplicate_rows(self):
        self.sim("job_delay_ms=0")
        self.bulk("sales_accounts", [{"name": "A%d" % i, "data": {}}
                                     for i in range(60)])
        ids = [r["id"] for r in self.s.records("sales_accounts")]
        path = "/sales_accounts/view/%d?per_page=20" % self.view(
            "sales_accounts", "All Accounts")
        rows, sizes = self.pages(path)
        self.assertEqual((rows, sizes), (ids, [20, 20, 20, len(ids) - 60]))
        self.knob(view_short_pages="on")
        rows, sizes = self.pages(path)
        self.assertEqual((rows, sizes[0]), (ids, 18))
        self.knob(view_short_pages="off", view_duplicate_rows="on")
        rows, sizes = self.pages(path)
        self.assertGreater(len(rows), len(ids))
        self.assertEqual(sorted(set(rows)), ids)

    def test_all_deals_view(self):
        self.sim()
        rid = self.view("deals", "All Deals")
        self.knob(all_deals_view="absent")
        names = [v["name"] for v in self.ok("GET", "/deals/filters")[
            "filters"]]
        self.assertNotIn("All Deals", names)
        self.assertIn("Open Deals", names)
        self.refused("GET", "/deals/view/%d" % rid, status=404)

    def test_empty_total_pages(self):
        self.sim()
        path = "/deals/view/%d" % self.view("deals", "Won Deals")
        self.assertEqual(self.ok("GET", path)["meta"]["total_pages"], 1)
        self.knob(empty_total_pages=0)
        self.assertEqual(self.ok("GET", path)["meta"]["total_pages"], 0)

    def test_product_search(self):
        self.sim()
        p = self.product("Seat", product_code="S-1")
        rules = {"filter_rule": [{"attribute": "product_code",
                                  "operator": "is", "value": "S-1"}]}
        self.assertEqual(self.ok("GET", "/search?q=S-1&include=product"), [])
        self.assertEqual(self.ok(
            "GET", "/lookup?q=S-1&f=product_code&entities=product"), {})
        self.refused("POST", "/filtered_search/product", rules, 404)
        self.knob(product_search="yes")
        self.assertEqual(self.ok("GET", "/search?q=S-1&include=product")[0][
            "id"], str(p["id"]))
        self.assertEqual(self.ok(
            "GET", "/lookup?q=S-1&f=product_code&entities=product")[
                "products"]["products"][0]["id"], p["id"])
        self.assertEqual(self.ok("POST", "/filtered_search/product", rules)[
            "products"][0]["id"], p["id"])


class Identity(FreshsalesCase):
    def upsert(self, kind, root, ident, **data):
        return self.call("POST", "/%s/upsert" % kind, {
            "unique_identifier": ident, root: data})

    def test_cf_identifier(self):
        self.sim("job_delay_ms=0")
        one = self.upsert("deals", "deal", {"cf_source_id": "7"}, name="A",
                          amount=1)[1]["deal"]["id"]
        again = self.upsert("deals", "deal", {"cf_source_id": "7"},
                            amount=2)[1]["deal"]["id"]
        self.assertEqual(one, again)
        self.assertEqual(self.held("deals", one)["custom_field"][
            "cf_source_id"], "7")
        self.knob(cf_identifier="unique")
        self.assertEqual(self.upsert("deals", "deal", {"cf_source_id": "7"},
                                     amount=3)[0], 400)
        self.refused("POST", "/deals/bulk_upsert", {"deals": [
            {"cf_source_id": "7", "data": {}}]})
        self.s.post("/sim/admin/fields/deals", {
            "label": "Key", "type": "text", "unique": True})
        self.assertEqual(self.upsert("deals", "deal", {"cf_key": "k"},
                                     name="B", amount=1)[0], 200)
        self.refused("POST", "/deals", {
            "name": "C", "amount": 1, "custom_field": {"cf_key": "k"}})

    def test_bulk_identifier_ext(self):
        self.sim("job_delay_ms=0")
        item = {"external_id": "E-1", "data": {"last_name": "X"}}
        self.assertEqual(self.bulk("contacts", [item])["success"], 1)
        self.assertEqual([c["last_name"] for c in self.s.records("contacts")
                          if c["external_id"] == "E-1"], ["X"])
        self.knob(bulk_identifier_ext="400")
        self.refused("POST", "/contacts/bulk_upsert", {"contacts": [item]})
        # A single upsert may still go by it.
        self.assertEqual(self.upsert("contacts", "contact",
                                     {"external_id": "E-1"},
                                     last_name="Y")[0], 200)

    def test_upsert_ambiguous_key(self):
        self.sim()
        first, second = self.deal("Same"), self.deal("Same")
        self.assertEqual(self.upsert("deals", "deal", {"name": "Same"},
                                     amount=5)[1]["deal"]["id"], first["id"])
        self.knob(upsert_ambiguous_key="400")
        self.assertEqual(self.upsert("deals", "deal", {"name": "Same"},
                                     amount=6)[0], 400)
        self.knob(upsert_ambiguous_key="new")
        rid = self.upsert("deals", "deal", {"name": "Same"},
                          amount=7)[1]["deal"]["id"]
        self.assertNotIn(rid, (first["id"], second["id"]))
        self.assertEqual([d["amount"] for d in self.s.records("deals")],
                         ["5.0", "1.0", "7.0"])


class Jobs(FreshsalesCase):
    def test_bulk_over_100_and_status(self):
        self.sim("job_delay_ms=0")
        items = [{"name": "A%d" % i, "data": {}} for i in range(101)]
        body = {"sales_accounts": items}
        self.refused("POST", "/sales_accounts/bulk_upsert", body)
        self.knob(bulk_over_100="truncate", bulk_status=202)
        self.assertEqual(self.call("POST", "/sales_accounts/bulk_upsert",
                                   body)[0], 202)
        wait_until("100 are there", lambda: len(
            [n for n in self.names() if n.startswith("A")]) == 100, 10)
        self.assertNotIn("A100", self.names())

    def test_job_delay(self):
        self.sim("job_delay_ms=60000")
        job = self.bulk("sales_accounts", [{"name": "A", "data": {}}], False)
        got = self.ok("GET", job)
        self.assertEqual((got["status"], got["progress"]), ("queued", 0))
        self.assertNotIn("A", self.names())
        self.assertIsNone(self.s.get("/sim/jobs")["done_at_ms"])
        self.knob(job_delay_ms=0)
        self.assertEqual(self.bulk("sales_accounts", [
            {"name": "B", "data": {}}])["success"], 1)
        # The clock's scale divides the delay.
        self.s.post("/sim/clock", {"scale": 60000})
        self.knob(job_delay_ms=60000)
        self.assertEqual(self.bulk("sales_accounts", [
            {"name": "C", "data": {}}])["success"], 1)

    def test_job_partial_failure_rate(self):
        self.sim("job_delay_ms=0")
        items = [{"name": "A%d" % i, "data": {}} for i in range(100)]
        self.knob(job_partial_failure_rate=1)
        data = self.bulk("sales_accounts", items[:10])
        self.assertEqual((data["success"], len(data["failed"])), (0, 10))
        self.assertEqual(data["failed"][3]["identifier"], {"name": "A3"})
        self.knob(job_partial_failure_rate="0.3")
        data = self.bulk("sales_accounts", items)
        failed = {f["index"] for f in data["failed"]}
        self.assertTrue(10 < len(failed) < 60, failed)
        self.assertEqual({"A%d" % i for i in range(100) if i not in failed},
                         {n for n in self.names() if n.startswith("A")})

    def test_jobs_are_forgotten_after_a_day(self):
        self.sim("job_delay_ms=0")
        job = self.bulk("sales_accounts", [{"name": "A", "data": {}}], False)
        wait_until("it is done", lambda: "A" in self.names(), 10)
        self.ok("GET", job)
        self.s.post("/sim/clock", {"advance_ms": 86400000})
        self.refused("GET", job, status=404)


class Limits(FreshsalesCase):
    def calls(self, n):
        """How many of n calls are served."""
        return sum(self.raw("GET", "/selector/owners")[0] == 200
                   for _ in range(n))

    def ahead(self, ms):
        self.s.post("/sim/clock", {"advance_ms": ms})

    def start(self, *knobs):
        return self.sim("rate_minute=off", "rate_plan=10", *knobs,
                        more=("--start-at", "2026-03-02T08:40:00Z"))

    def test_rate_plan(self):
        self.sim()
        for plan, limit in (("tenant", "2000"), ("growth", "1000"),
                            ("pro", "2000"), ("enterprise", "5000"),
                            ("77", "77")):
            self.knob(rate_plan=plan)
            self.calls(1)
            self.assertEqual(self.headers["X-RateLimit-Limit"], limit)

    def test_limits_are_lifted_for_a_while(self):
        self.start()
        self.assertEqual(self.calls(12), 10)
        self.knob(rate_plan="lifted")
        self.assertEqual(self.calls(12), 12)
        self.knob(rate_plan="10")
        self.assertEqual(self.calls(12), 0)
        self.ahead(20 * 60000)
        self.fault(times=1, action={"lift": {"until_ms": 60 * 60000}})
        self.assertEqual(self.calls(30), 30)
        self.ahead(61 * 60000)
        self.assertEqual(self.calls(12), 10)

    def test_the_plan_changes_in_mid_run(self):
        self.sim()
        for plan, limit in (("growth", "1000"), ("enterprise", "5000"),
                            ("tenant", "2000")):
            self.knob(plan=plan)
            self.calls(1)
            self.assertEqual(self.headers["X-RateLimit-Limit"], limit)

    def test_fixed_window(self):
        self.start()
        self.assertEqual(self.calls(12), 10)
        self.assertEqual(self.headers["X-RateLimit-Remaining"], "0")
        self.ahead(19 * 60000)
        self.assertEqual(self.calls(1), 0)
        self.ahead(60000)  # nine o'clock
        self.assertEqual(self.calls(12), 10)
        windows = [w for w in self.s.get("/sim/stats")["windows"]
                   if w["kind"] == "hour"]
        self.assertEqual([(w["used"], w["limit"]) for w in windows],
                         [(10, 10), (10, 10)])
        self.assertEqual(windows[1]["start_ms"] - windows[0]["start_ms"],
                         3600000)

    def test_rolling_window(self):
        self.start("rate_window=rolling")
        self.assertEqual(self.calls(4), 4)
        self.ahead(30 * 60000)  # past the full hour: nothing is free
        self.assertEqual(self.calls(10), 6)
        self.ahead(30 * 60000)
        self.assertEqual(self.calls(10), 4)

    def test_window_from_the_first_call(self):
        self.start("rate_window=first_call")
        self.assertEqual(self.calls(4), 4)
        self.ahead(30 * 60000)
        self.assertEqual(self.calls(10), 6)
        self.ahead(30 * 60000)
        self.assertEqual(self.calls(12), 10)

    def test_leaky_bucket(self):
        self.start("rate_window=leaky")
        self.assertEqual(self.calls(12), 10)
        self.ahead(6 * 60000)  # a tenth of the hour: one call
        self.assertEqual(self.calls(3), 1)
        self.ahead(60 * 60000)
        self.assertEqual(self.calls(12), 10)

    def test_rate_minute(self):
        self.sim("rate_plan=5000",
                 more=("--start-at", "2026-03-02T08:00:00Z"))
        self.assertEqual(self.calls(401), 400)
        self.ahead(60000)
        self.assertEqual(self.calls(1), 1)
        self.knob(rate_minute="off")
        self.assertEqual(self.calls(405), 405)

    def test_rate_429_charged(self):
        self.start("rate_window=rolling")
        self.calls(15)
        self.ahead(3600000)
        self.assertEqual(self.calls(10), 10)
        self.knob(rate_429_charged="yes")
        self.ahead(3600000)
        self.assertEqual(self.calls(10), 10)
        self.ahead(1800000)
        self.calls(8)  # refused, and still charged
        self.ahead(1800000)
        self.assertEqual(self.calls(10), 2)

    def test_rate_reset_format(self):
        self.start()
        self.calls(1)
        self.assertEqual(self.headers["X-RateLimit-Reset"], "020326090000")
        self.knob(rate_reset_format="epoch")
        self.calls(1)
        self.assertEqual(self.headers["X-RateLimit-Reset"], "1772442000")
        self.knob(rate_reset_format="absent")
        self.calls(1)
        self.assertNotIn("X-RateLimit-Reset", self.headers)

    def test_retry_after(self):
        self.start()
        self.calls(11)
        self.assertNotIn("Retry-After", self.headers)
        self.assertEqual(self.refused("GET", "/selector/owners", status=429),
                         ["Too many requests."])
        self.knob(retry_after="seconds")
        self.calls(1)
        self.assertTrue(1190 < int(self.headers["Retry-After"]) <= 1200)
        self.knob(retry_after="date")
        self.calls(1)
        self.assertEqual(self.headers["Retry-After"],
                         "Mon, 02 Mar 2026 09:00:00 GMT")
        self.knob(retry_after="0")
        self.calls(1)
        self.assertEqual(self.headers["Retry-After"], "0")


class Trouble(FreshsalesCase):
    LOST = (http.client.HTTPException, OSError)

    def test_error_language(self):
        self.sim()
        self.account("A")
        for language, text in (
                ("en", "Name has already been taken"),
                ("nl", "Naam is al in gebruik"),
                ("de", "Name ist bereits vergeben")):
            self.knob(error_language=language)
            self.assertEqual(self.refused("POST", "/sales_accounts",
                                          {"name": "A"}), [text])

    def test_error_body_html_5xx(self):
        self.sim()
        self.fault(times=-1, action={"status": 503})
        self.assertEqual(self.refused("GET", "/selector/owners", status=503),
                         ["fault"])
        self.knob(error_body_html_5xx="on")
        status, body = self.raw("GET", "/selector/owners")
        self.assertEqual((status, body[:6]), (503, b"<html>"))

    def test_post_timeout_after_commit_rate(self):
        self.sim("post_timeout_after_commit_rate=1")
        with self.assertRaises(self.LOST):
            self.call("POST", "/sales_accounts", {"name": "Ghost"})
        self.assertIn("Ghost", self.names())
        self.ok("GET", "/selector/owners")
        self.knob(post_timeout_after_commit_rate=0)
        self.account("Seen")

    def test_write_late_s(self):
        self.sim()
        cut = {"match": {"method": "POST"}, "times": 1,
               "action": {"close": "after"}}
        self.fault(**cut)
        with self.assertRaises(self.LOST):
            self.call("POST", "/sales_accounts", {"name": "At once"})
        self.assertIn("At once", self.names())
        self.knob(write_late_s=3)
        self.fault(**cut)
        with self.assertRaises(self.LOST):
            self.call("POST", "/sales_accounts", {"name": "Late"})
        self.assertNotIn("Late", self.names())
        wait_until("it comes", lambda: "Late" in self.names(), 10)
        line = self.journal()[-1]
        self.assertEqual((line["method"], line["effect"]), ("LATE", True))

    def test_late_effect(self):
        self.sim()
        self.fault(times=1, action={"late_effect_ms": 3000})
        self.refused("POST", "/sales_accounts", {"name": "A"}, 408)
        self.assertNotIn("A", self.names())
        wait_until("it comes", lambda: "A" in self.names(), 10)

    def test_delay(self):
        self.sim()
        for then, there in (("effect", True), ("none", False)):
            self.fault(times=1, action={"delay_ms": 300, "then": then})
            began = time.monotonic()
            status, _ = self.call("POST", "/sales_accounts", {"name": then})
            self.assertGreater(time.monotonic() - began, 0.28)
            self.assertEqual(status, 200 if there else 503)
            self.assertEqual(then in self.names(), there)

    def test_broken_answers(self):
        self.sim()
        self.account("Before")
        for action in ({"close": "mid"}, {"truncate": 10},
                       {"garble": "content_length"},
                       {"garble": "chunked_no_end"}):
            self.fault(times=1, action=action)
            with self.assertRaises(self.LOST):
                self.call("POST", "/sales_accounts", {"name": str(action)})
            self.assertIn(str(action), self.names())
        self.fault(times=1, action={"close": "before"})
        with self.assertRaises(self.LOST):
            self.call("POST", "/sales_accounts", {"name": "Never"})
        self.assertNotIn("Never", self.names())

    def test_wrong_answers(self):
        self.sim()
        before = self.account("Before")
        self.fault(times=1, action={"wrong_body": "previous"})
        got = self.ok("POST", "/sales_accounts", {"name": "Mine"})
        self.assertEqual(got["sales_account"]["id"], before["id"])
        self.assertIn("Mine", self.names())
        self.fault(times=1, action={"drop_fields": ["id", "name"]})
        got = self.ok("POST", "/sales_accounts", {"name": "Bare"})
        self.assertNotIn("id", got["sales_account"])
        self.assertIn("city", got["sales_account"])
        self.fault(times=1, action={"redirect": "http://127.0.0.1:1/"})
        status, _ = self.call("POST", "/sales_accounts", {"name": "Away"})
        self.assertEqual((status, self.headers["Location"]),
                         (307, "http://127.0.0.1:1/"))
        self.assertNotIn("Away", self.names())
        self.fault(times=1, action={"garble": "gzip_bomb"})
        status, data = self.raw("GET", "/selector/owners")
        self.assertEqual((status, self.headers["Content-Encoding"]),
                         (200, "gzip"))
        self.assertLess(len(data), 100000)

    def test_expiry_plan_and_refusals(self):
        self.sim("job_delay_ms=0")
        job = self.bulk("sales_accounts", [{"name": "A", "data": {}}], False)
        self.ok("GET", job)
        self.fault(times=1, action={"expire": "job"})
        self.refused("GET", job, status=404)
        self.fault(times=1, action={"expire": "token"})
        self.assertEqual(self.call("GET", "/selector/owners")[0], 401)
        self.fault(times=1, action={"plan": "growth"})
        self.ok("GET", "/selector/owners")
        self.assertEqual(self.headers["X-RateLimit-Limit"], "1000")
        self.fault(times=1, action={"status": 429, "retry_after": "7"})
        self.assertEqual(self.call("GET", "/selector/owners")[0], 429)
        self.assertEqual(self.headers["Retry-After"], "7")
        self.assertEqual(self.s.get("/sim/knobs")["plan"],
                         {"default": "tenant", "value": "growth"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
