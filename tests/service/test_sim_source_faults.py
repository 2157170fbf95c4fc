#!/usr/bin/env python3
"""What a source does to those who read it: the knobs of the simulated
FastTrack (source contract 4.12 to 4.14)."""
import http.client
import json
import pathlib
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT, call, wait_until  # noqa: E402
from source_folder import SourceFolder  # noqa: E402

SOURCE = ROOT / "tests" / "data" / "source"
HOSTILE = [
    {"op": "schema", "change": "option_add", "type": "contact",
     "property": "lead_source", "option": {"value": "tiktok"}},
    {"op": "schema", "change": "property_rename", "type": "deal",
     "property": "name", "new_name": "title"},
    {"op": "schema", "change": "property_type", "type": "contact",
     "property": "job_title", "new_type": "enum"},
    {"op": "schema", "change": "stage_add", "type": "deal",
     "pipeline": "PIPELINE", "stage": {"id": "st_verbal", "label": "Yes"}},
    {"op": "schema", "change": "property_add", "type": "contact",
     "property": {"name": "shoe_size", "data_type": "int"}},
    {"op": "schema", "change": "plan", "plan": "growth"},
    {"op": "purge", "type": "deal", "id": "de_001"},
]


class Source(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        folder = SourceFolder(SOURCE, self.bench.folder / "source")
        pipeline = json.loads(folder.read("pipelines.json"))[
            "deal"]["results"][0]["id"]
        (folder.path / "changes-hostile.ndjson").write_text("".join(
            json.dumps(dict(c, seq=n + 1, at_s=100 * (n + 1))).replace(
                "PIPELINE", pipeline) + "\n"
            for n, c in enumerate(HOSTILE)))
        parcel = dict(folder.records("task")[0], type="co_parcel",
                      properties={"weight_kg": "2.50"})
        folder.add_object("co_parcel", [dict(parcel, id="p_1")], custom=True)
        mail = dict(parcel, type="email", id="m_1", properties={
            "subject": "s", "body": "<p>private</p>"})
        folder.add_object("email", [mail])
        folder.manifest["account"]["scopes"].append("email_body.read")
        self.source = folder.done()

    def sim(self, *knobs, at=None):
        more = [x for k in knobs for x in ("--knob", k)]
        if at:
            more += ["--start-at", at]
        self.s = self.bench.fasttrack(self.source, *more)

    def call(self, path, body=None, token=None):
        status, answer = call(self.s.api, "GET" if body is None else "POST",
                              "/v1" + path, body, token or self.s.key)
        return status, answer

    def ok(self, path, body=None):
        status, answer = self.call(path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, path, body=None, token=None):
        status, answer = self.call(path, body, token)
        return status, answer["error"]["code"]

    def pages(self, path):
        """(rows, sizes of the pages)"""
        rows, sizes, after = [], [], ""
        while True:
            page = self.ok(path + after)
            rows += page["results"]
            sizes.append(len(page["results"]))
            if not page["paging"]:
                return rows, sizes
            after = "&after=" + page["paging"]["next"]["after"]

    def knob(self, **knobs):
        self.s.post("/sim/knobs", knobs)

    def fault(self, **action):
        self.s.post("/sim/faults", [{"name": "f", "match": {
            "path": "^/v1/objects"}, "action": action}])

    def properties(self, kind):
        return {p["name"]: p for p in self.ok(
            "/schema/objects/%s/properties" % kind)["results"]}

    # ---- the hostile script ----

    def test_the_hostile_script_changes_schema_and_plan(self):
        self.sim("script=hostile")
        name = {r["id"]: r["properties"]["name"]
                for r in self.s.records("deal")}
        version = self.ok("/objects/deal/de_002")["version"]
        self.assertNotIn("tiktok", json.dumps(self.properties("contact")))
        self.s.post("/sim/changes", {"action": "all"})
        p = self.properties("contact")
        self.assertEqual(p["lead_source"]["options"][-1],
                         {"value": "tiktok"})
        self.assertEqual(p["job_title"]["data_type"], "enum")
        self.assertEqual(p["shoe_size"]["data_type"], "int")
        p = self.properties("deal")
        self.assertIn("title", p)
        self.assertNotIn("name", p)
        for r in self.s.records("deal"):
            self.assertEqual(r["properties"]["title"], name[r["id"]])
            self.assertNotIn("name", r["properties"])
        self.assertEqual(self.ok("/objects/deal/de_002")["version"], version)
        self.assertEqual(self.ok("/pipelines/deal")["results"][0]["stages"][
            -1]["id"], "st_verbal")
        self.assertEqual(self.ok("/account")["plan"], "growth")
        self.assertEqual(self.refused("/objects/deal/de_001"),
                         (404, "not_found"))

    def test_both_scripts_are_one_by_time(self):
        self.sim("script=both")
        total = self.s.get("/sim/changes")["total"]
        lines = (SOURCE / "changes.ndjson").read_text().splitlines()
        self.assertEqual(total, len(lines) + len(HOSTILE))
        last = 0
        while True:
            at = self.s.get("/sim/changes")["next_at_s"]
            if at is None:
                break
            self.assertGreaterEqual(at, last)
            last = at
            self.s.post("/sim/changes", {"action": "step"})

    # ---- the account ----

    def test_a_smaller_plan_refuses_what_it_has_not(self):
        self.sim()
        self.assertEqual(len(self.ok("/objects/co_parcel")["results"]), 1)
        self.s.post("/sim/admin/schema", {"change": "plan",
                                          "plan": "starter"})
        self.assertEqual(self.refused("/objects/co_parcel"),
                         (403, "plan_feature_unavailable"))
        self.assertEqual(self.refused("/objects/co_parcel/index"),
                         (403, "plan_feature_unavailable"))
        caps = self.ok("/account")["capabilities"]
        self.assertEqual((caps["custom_objects"], caps["bulk_export"],
                          caps["tombstone_retention_days"]),
                         (False, False, 7))
        readable = {o["type"]: o["readable"] for o in
                    self.ok("/schema/objects")["results"]}
        self.assertEqual((readable["co_parcel"], readable["contact"]),
                         (False, True))

    def test_tombstones_are_kept_for_as_long_as_the_plan_says(self):
        self.sim()
        self.s.post("/sim/admin/contact/ct_001", None, "DELETE")

        def told():
            return "ct_001" in [r["id"] for r in self.pages(
                "/objects/contact/changes?limit=100")[0]]
        self.assertTrue(told())
        self.assertEqual(self.refused("/objects/contact/ct_001"),
                         (410, "gone_deleted"))
        self.s.post("/sim/clock", {"advance_ms": 91 * 86400000})
        self.assertFalse(told())
        self.assertEqual(self.refused("/objects/contact/ct_001"),
                         (404, "not_found"))

    def test_a_scope_that_is_gone_redacts_or_refuses(self):
        self.sim()
        self.assertEqual(self.ok("/objects/email")["results"][0][
            "properties"]["body"], "<p>private</p>")
        self.knob(scopes="objects.read")
        for mail in (self.ok("/objects/email")["results"][0],
                     self.ok("/objects/email/m_1"),
                     self.ok("/objects/email/batch/read",
                             {"ids": ["m_1"]})["results"][0]):
            self.assertIn("has been redacted", mail["properties"]["body"])
            self.assertEqual(mail["properties"]["subject"], "s")
            self.assertEqual(mail["redacted"], ["body"])
        self.assertEqual(self.refused("/attachments/x/download-url", {}),
                         (403, "forbidden_scope"))
        self.assertEqual(self.refused("/automation/workflows"),
                         (403, "forbidden_scope"))
        self.knob(scopes="files.read")
        for path in ("/objects/contact", "/schema/objects", "/owners",
                     "/associations/changes", "/events"):
            self.assertEqual(self.refused(path), (403, "forbidden_scope"))
        self.assertEqual(self.ok("/account")["scopes"], ["files.read"])
        self.knob(scopes="folder")
        self.ok("/objects/contact?limit=1")

    def test_a_token_runs_out_in_mid_run(self):
        self.sim()
        self.fault(expire="token")
        self.assertEqual(self.refused("/objects/deal"),
                         (401, "token_expired"))
        self.ok("/objects/deal?limit=1")
        self.knob(token="the-next-one")
        self.assertEqual(self.refused("/account"), (401, "token_expired"))
        self.assertEqual(self.call("/account", token="the-next-one")[0], 200)

    def test_a_lift_begins_and_ends_in_mid_run(self):
        self.sim("burst=2", at="2031-01-01T00:00:00Z")  # a window begins

        def lifted(n=5):
            self.s.post("/sim/clock", {"advance_ms": 10000})
            return [self.call("/owners")[0] for _ in range(n)]
        self.assertEqual(lifted(3), [200, 200, 429])
        now = self.s.get("/sim/clock")["now_ms"]
        self.knob(lift="600000/1200000")
        self.assertEqual(lifted(3), [200, 200, 429])  # not active yet
        self.s.post("/sim/clock", {"advance_ms": 600000})
        self.assertEqual(lifted(), [200] * 5)
        throttle = self.ok("/account")["throttle"]
        self.assertEqual(throttle["policy"], "lifted")
        self.assertTrue(throttle["lifted_until"])
        self.s.post("/sim/clock", {"advance_ms": 600000})
        self.assertEqual(lifted(3), [200, 200, 429])
        self.s.post("/sim/clock", {"advance_ms": 10000})
        self.assertEqual(self.ok("/account")["throttle"]["policy"],
                         "standard")
        now = self.s.get("/sim/clock")["now_ms"]
        self.fault(lift={"until_ms": now + 60000})
        self.s.post("/sim/clock", {"advance_ms": 10000})
        self.ok("/objects/deal?limit=1")
        self.assertEqual(lifted(), [200] * 5)
        self.s.post("/sim/admin/schema", {"change": "plan",
                                          "plan": "growth"})
        self.assertEqual(lifted(3), [200, 200, 429])  # enterprise alone

    def test_calls_of_others_count_too(self):
        self.sim("concurrency=2", "others=3")
        got = [self.call("/owners") for _ in range(6)]
        self.assertEqual([s for s, _ in got], [200, 200, 429] * 2)
        self.assertEqual(got[2][1]["error"]["policy"], "concurrency")
        self.assertEqual(self.s.get("/sim/stats")["bites"]["concurrency"], 2)

    def test_more_at_once_than_allowed_are_refused(self):
        self.sim("concurrency=1", "answer_ms=5000")
        box = []
        t = threading.Thread(target=lambda: box.append(self.call("/owners")))
        t.start()
        wait_until("the first is under way", lambda: self.s.get(
            "/sim/stats")["calls"] == 1, 10)
        status, body = self.call("/owners")
        self.assertEqual((status, body["error"]["policy"]),
                         (429, "concurrency"))
        t.join(20)
        self.assertEqual(box[0][0], 200)
        self.s.post("/sim/knobs", {"answer_ms": "0"})
        self.assertEqual(self.call("/owners")[0], 200)

    # ---- time ----

    def test_the_clock_steps_back(self):
        self.sim()
        before = self.ok("/account")["server_time"]
        self.s.post("/sim/clock", {"advance_ms": -3600000})
        self.assertLess(self.ok("/account")["server_time"], before)

    def test_the_clock_of_one_node_is_behind(self):
        self.sim("node_skew_ms=60000")
        times = [self.ok("/account")["server_time"] for _ in range(4)]
        self.assertGreater(times[0], times[1])
        self.assertGreater(times[2], times[3])

    def test_a_flood_is_one_second(self):
        self.sim()
        since = self.ok("/account")["server_time"]
        self.s.post("/sim/admin/contact/ct_001", {"op": "flood", "n": 15000})
        rows, _ = self.pages("/objects/contact/changes?updated_since=" + since)
        self.assertEqual(len({r["id"] for r in rows}), 15000)
        self.assertEqual(len({r["updated_at"] for r in rows}), 1)
        like = self.ok("/objects/contact/ct_001")["properties"]
        some = self.ok("/objects/contact/" + rows[7777]["id"])
        self.assertEqual(some["properties"], like)
        self.s.post("/sim/clock", {"advance_ms": 5000})
        since = self.ok("/account")["server_time"]
        self.s.post("/sim/admin/deal", {"op": "flood", "n": 7, "id": "none"})
        rows, _ = self.pages("/objects/deal/changes?updated_since=" + since)
        self.assertEqual(len(rows), 7)
        for r in rows:
            self.assertEqual(self.ok("/objects/deal/" + r["id"])["version"],
                             r["version"])

    # ---- pages ----

    def test_pages_without_rows_have_more_behind_them(self):
        self.sim("empty_pages=1")
        for path in ("/objects/deal?limit=15&archived=any",
                     "/objects/deal/index?limit=15",
                     "/objects/deal/changes?limit=15"):
            rows, sizes = self.pages(path)
            self.assertEqual(sizes[0::2], [0] * len(sizes[0::2]), path)
            self.assertTrue(all(sizes[1::2]))
        self.assertEqual(len(self.pages("/objects/deal/index?limit=15")[0]),
                         40)

    def test_rows_come_again_on_the_next_page(self):
        self.sim("repeat_rows=2")
        rows, sizes = self.pages("/objects/deal?limit=15&archived=any")
        self.assertEqual(len({r["id"] for r in rows}), 40)
        self.assertEqual(len(rows), 40 + 2 * (len(sizes) - 1))

    def test_a_cursor_runs_out(self):
        self.sim()
        after = self.ok("/objects/deal?limit=5")["paging"]["next"]["after"]
        self.fault(expire="cursor")
        self.assertEqual(self.refused("/objects/deal?after=" + after),
                         (410, "cursor_expired"))

    # ---- records ----

    def test_only_the_properties_that_were_asked_for(self):
        self.sim()
        for r in (self.ok("/objects/deal?limit=1&properties=name,amount")[
                "results"][0],
                self.ok("/objects/deal/de_001?properties=name,amount"),
                self.ok("/objects/deal/batch/read", {
                    "ids": ["de_001"], "properties": ["name", "amount"]})[
                        "results"][0]):
            self.assertEqual(set(r["properties"]), {"name", "amount"})
            self.assertIn("version", r)

    def test_numbers_are_bare_when_asked(self):
        self.sim("number_encoding=json")
        self.assertEqual(self.ok("/account")["capabilities"][
            "number_encoding"], "json")
        c = http.client.HTTPConnection("127.0.0.1", self.s.api, timeout=10)
        c.request("GET", "/v1/objects/deal?archived=any", headers={
            "Authorization": "Bearer " + self.s.key})
        deals = {d["id"]: d for d in json.loads(
            c.getresponse().read(), parse_float=lambda n: ("bare", n),
            parse_int=lambda n: ("bare", n))["results"]}
        c.close()
        bare = 0
        for r in self.s.records("deal"):
            now = deals[r["id"]]["properties"]["amount"]
            was = r["properties"]["amount"]
            self.assertIn(now, (was, ("bare", was)))
            bare += now != was
        self.assertGreater(bare, 5)

    def test_a_search_lags_and_ends_at_a_cap(self):
        self.sim("search_lag_ms=60000", "search_cap=20")
        answer = self.ok("/objects/deal/search", {"limit": 10})
        self.assertEqual(answer["total"], 40 - sum(
            r["archived"] for r in self.s.records("deal")))
        self.assertEqual(len(answer["results"]), 10)
        after = answer["paging"]["next"]["after"]
        self.ok("/objects/deal/search", {"limit": 10, "after": after})
        self.assertEqual(self.refused(
            "/objects/deal/search", {"limit": 10, "after": "20"}),
            (400, "result_cap"))
        before = self.ok("/objects/deal/de_001")
        self.s.post("/sim/admin/deal/de_001", dict(
            before, properties=dict(before["properties"], name="Renamed")))
        ask = {"filters": [{"property": "name", "op": "eq",
                            "value": "Renamed"}], "limit": 10}
        self.assertEqual(self.ok("/objects/deal/search", ask)["total"], 0)
        self.s.post("/sim/clock", {"advance_ms": 60000})
        self.assertEqual([r["id"] for r in self.ok(
            "/objects/deal/search", ask)["results"]], ["de_001"])

    # ---- answers ----

    def test_answers_of_the_api_are_broken_as_the_script_says(self):
        self.sim()
        for action in ({"garble": "content_length"}, {"close": "mid"},
                       {"garble": "chunked_no_end"}):
            self.fault(**action)
            with self.assertRaises(http.client.IncompleteRead, msg=action):
                self.call("/objects/deal")
        self.fault(garble="gzip_bomb")
        _, body = self.call("/objects/deal")
        self.assertNotIsInstance(body, dict)
        self.fault(redirect="http://10.0.0.1/")
        self.assertEqual(self.call("/objects/deal")[0], 302)
        self.fault(delay_ms=300)
        self.assertEqual(self.call("/objects/deal")[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
