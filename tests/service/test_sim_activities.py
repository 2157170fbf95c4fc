#!/usr/bin/env python3
"""Appointments, sales activities, phone calls and notes of the simulated
Freshsales (API reference 7, 9, 10, 16, 19.3)."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from freshsales import FreshsalesCase  # noqa: E402

MARK = "0123456789abcdef" * 2


class Activities(FreshsalesCase):
    def setUp(self):
        super().setUp()
        self.sim()
        self.c = self.contact("a@a.example")
        self.on = {"targetable_id": self.c["id"], "targetable_type": "Contact"}
        self.type = self.activity_type("Imported call")

    def activity_type(self, name):
        self.s.post("/sim/admin/sales_activity_types", {"name": name})
        types = self.ok("GET", "/selector/sales_activity_types")[
            "sales_activity_types"]
        return [t["id"] for t in types if t["name"] == name][0]

    def whole(self, **more):
        return dict({"title": "T", "start_date": "2017-12-04T17:00:00+05:30",
                     "end_date": "2017-12-04T17:30:00+05:30",
                     "sales_activity_type_id": self.type, **self.on}, **more)

    def activity(self, **more):
        return self.ok("POST", "/sales_activities", {
            "sales_activity": self.whole(**more)})["sales_activity"]

    def appointment(self, **more):
        return self.ok("POST", "/appointments", {"appointment": dict({
            "title": "Demo", "from_date": "2019-06-20T05:00:00Z",
            "end_date": "2019-06-20T06:00:00Z", **self.on}, **more)})

    def test_an_activity_keeps_its_dates(self):
        self.knob(account_utc_offset="+02:00")
        a = self.activity(notes="N", status=True, owner_id=self.user,
                          created_at="2017-12-04T00:00:00Z")
        self.assertEqual(
            (a["start_date"], a["end_date"], a["conversation_time"]),
            ("2017-12-04T12:30:00+01:00", "2017-12-04T13:00:00+01:00",
             "2017-12-04T13:00:00+01:00"))
        self.assertIs(a["status"], True)
        self.assertFalse(a["created_at"].startswith("2017"))
        self.assertEqual(a["targetables"], [{"id": self.c["id"],
                                             "type": "Contact"}])
        got = self.ok("PUT", "/sales_activities/%d" % a["id"],
                      {"end_date": "2018-01-01T00:00:00Z", "status": 0})
        self.assertEqual(got["sales_activity"]["conversation_time"],
                         "2018-01-01T01:00:00+01:00")
        held = self.held("sales_activities", a["id"])
        self.assertEqual(held["end_date"], "2018-01-01T01:00:00+01:00")
        self.assertEqual((held["notes"], held["status"], held["owner_id"],
                          held["is_deleted"]), ("N", False, self.user, False))
        self.assertEqual(self.ok("GET", "/sales_activities/%d" % a["id"])[
            "sales_activity"]["notes"], "N")

    def test_what_an_activity_must_have(self):
        for name in ("title", "start_date", "end_date",
                     "sales_activity_type_id"):
            body = self.whole()
            del body[name]
            self.assertIn(name, self.refused("POST", "/sales_activities",
                                             body)[0])
        body = self.whole()
        del body["targetable_id"]
        self.assertIn("targetable", self.refused("POST", "/sales_activities",
                                                 body)[0])
        for more in ({"targetable_id": 1}, {"targetable_id": "x"},
                     {"targetable_type": "Product"}, {"status": "maybe"},
                     {"sales_activity_type_id": 1}, {"owner_id": 1},
                     {"start_date": "soon"}, {"title": "x" * 256}):
            self.refused("POST", "/sales_activities", self.whole(**more))
        self.assertEqual(self.s.records("sales_activities"), [])

    def test_types_of_the_product_are_a_knob(self):
        own = [t["id"] for t in self.tenant["selectors"][
            "sales_activity_types"] if t["is_default"]][0]
        self.refused("POST", "/sales_activities",
                     self.whole(sales_activity_type_id=own))
        self.knob(default_activity_types="accepted")
        self.assertEqual(self.activity(sales_activity_type_id=own)[
            "sales_activity_type_id"], own)

    def test_outcomes_belong_to_their_type(self):
        other = self.activity_type("Imported email")
        path = "/selector/sales_activity_types/%d/sales_activity_outcomes"
        mine, its = ([o["id"] for o in self.ok("GET", path % t)[
            "sales_activity_outcomes"]] for t in (self.type, other))
        self.assertEqual(len(mine), 5)
        self.refused("POST", "/sales_activities",
                     self.whole(sales_activity_outcome_id=its[0]))
        a = self.activity(sales_activity_outcome_id=mine[0])
        self.assertEqual(a["sales_activity_outcome_id"], mine[0])

    def test_fields_of_the_definitions(self):
        self.s.post("/sim/admin/fields/sales_activities", {
            "label": "Source id", "name": "cf_source_id", "type": "text"})
        fields = self.ok("GET", "/settings/sales_activities/fields")["fields"]
        self.assertIn("cf_source_id", [f["name"] for f in fields])
        a = self.activity(custom_field={"cf_source_id": "1"})
        self.assertEqual(a["custom_field"], {"cf_source_id": "1"})
        self.s.post("/sim/admin/fields/sales_activities", {
            "label": "Must", "type": "text", "required": True})
        self.refused("POST", "/sales_activities", self.whole())
        self.activity(custom_field={"cf_must": "x"})

    def test_the_walk_over_activities(self):
        ids = [self.activity(title="T%d" % i)["id"] for i in range(12)]
        got = self.ok("GET", "/sales_activities")
        self.assertEqual(got["meta"], {"total_pages": 2, "total": 12})
        self.assertEqual([a["id"] for a in got["sales_activities"]], ids[:10])
        got = self.ok("GET", "/sales_activities?page=3&per_page=5")
        self.assertEqual([a["id"] for a in got["sales_activities"]], ids[10:])
        self.assertEqual(self.ok("GET", "/sales_activities?page=9")[
            "sales_activities"], [])

    def test_appointments(self):
        got = self.appointment(
            description="D", is_allday=False, location="HQ",
            time_zone="Chennai", appointment_attendees_attributes=[
                {"attendee_type": "FdMultitenant::User",
                 "attendee_id": self.user}])
        self.assertEqual(set(got), {"appointment", "appointment_attendees",
                                    "conferences", "notes"})
        a = got["appointment"]
        self.assertEqual(a["appointment_attendee_ids"],
                         [got["appointment_attendees"][0]["id"]])
        self.assertEqual((a["provider"], a["time_zone"]),
                         ("freshsales", "Chennai"))
        got = self.ok("PUT", "/appointments/%d" % a["id"], {"title": "New"})
        self.assertEqual(got["appointment"]["targetable"],
                         {"type": "contact", "id": self.c["id"]})
        self.assertEqual([c["id"] for c in got["contacts"]], [self.c["id"]])
        held = self.held("appointments", a["id"])
        self.assertEqual((held["title"], held["description"]), ("New", "D"))
        self.assertEqual(held["appointment_attendees"][0]["attendee_id"],
                         self.user)
        for name in ("title", "from_date", "end_date"):
            self.refused("PUT", "/appointments/%d" % a["id"], {name: None})
        self.assertEqual(self.ok("DELETE", "/appointments/%d" % a["id"]),
                         {"success": "200"})
        self.refused("GET", "/appointments/%d" % a["id"], status=404)
        self.assertEqual(self.s.records("appointments"), [])

    def test_appointments_past_and_upcoming(self):
        old = self.appointment()["appointment"]["id"]
        new = self.appointment(end_date="2199-01-01T00:00:00Z")[
            "appointment"]["id"]
        for name, want in (("past", [old]), ("upcoming", [new])):
            got = self.ok("GET", "/appointments?filter=" + name)
            self.assertEqual([a["id"] for a in got["appointments"]], want)
            self.assertEqual(got["meta"], {"total": 1})
        self.refused("GET", "/appointments")

    def test_phone_calls(self):
        body = {"call_direction": True, "targetable_type": "contact",
                "targetable": {"id": str(self.c["id"])},
                "note": {"description": "Said yes [%s]" % MARK}}
        got = self.ok("POST", "/phone_calls", {"phone_call": body})
        self.assertLessEqual({"phone_calls", "notes", "contacts", "users"},
                             set(got))
        one, note = got["phone_calls"][0], got["notes"][0]
        self.assertEqual(note["description"], body["note"]["description"])
        self.assertEqual((one["note_id"], one["call_direction"],
                          one["is_manual"]), (note["id"], True, True))
        self.assertEqual(one["targetable"], {"type": "contact",
                                             "id": self.c["id"]})
        self.assertNotIn("description", one)
        held = self.held("call_logs", one["id"])
        self.assertEqual(held["description"], body["note"]["description"])
        self.assertEqual(held["targetables"], [{"id": self.c["id"],
                                                "type": "Contact"}])
        got = self.ok("GET", "/contacts/%d/phone_calls" % self.c["id"])
        self.assertEqual([c["id"] for c in got["phone_calls"]], [one["id"]])
        self.assertEqual(got["notes"], [note])
        self.assertEqual(self.s.records("notes"), [])  # it is the call's
        self.ok("PUT", "/phone_calls/%d" % one["id"],
                {"note": {"description": "No"}, "call_duration": 60})
        held = self.held("call_logs", one["id"])
        self.assertEqual((held["description"], held["note_id"],
                          held["call_duration"]), ("No", note["id"], 60))
        self.refused("POST", "/phone_calls", {"call_direction": True})
        self.refused("POST", "/phone_calls", dict(body, note="x"))
        self.assertEqual(self.ok("DELETE", "/phone_calls/%d" % one["id"]),
                         {"success": "200"})

    def test_sub_lists_of_every_parent(self):
        parents = [("Contact", "contacts", self.c["id"]),
                   ("SalesAccount", "sales_accounts", self.account("A")["id"]),
                   ("Deal", "deals", self.deal("D")["id"])]
        for model, path, rid in parents:
            self.on = {"targetable_id": rid, "targetable_type": model}
            want = {"sales_activities": self.activity()["id"],
                    "appointments": self.appointment()["appointment"]["id"],
                    "tasks": self.task("T", **self.on)["id"],
                    "notes": self.ok("POST", "/notes", dict(
                        description="N", **self.on))["note"]["id"],
                    "phone_calls": self.ok("POST", "/phone_calls", self.on)[
                        "phone_calls"][0]["id"]}
            for kind, one in want.items():
                got = self.ok("GET", "/%s/%d/%s" % (path, rid, kind))
                self.assertEqual([x["id"] for x in got[kind]], [one])
                self.assertEqual(got["meta"], {"total_pages": 1, "total": 1})
        self.refused("GET", "/tasks/%d/notes" % want["tasks"], status=404)
        got = self.ok("GET", "/contacts/%d/notes?include=creater"
                      % self.c["id"])
        self.assertEqual([u["id"] for u in got["users"]],
                         [self.tenant["api_user_id"]])
        got = self.ok("GET", "/contacts/%d?include=appointments"
                      % self.c["id"])
        self.assertEqual(got["contact"]["appointment_ids"],
                         [x["id"] for x in got["appointments"]])
        self.assertEqual(len(got["appointments"]), 1)

    def test_forget_takes_all_of_them(self):
        self.activity()
        self.appointment()
        self.ok("POST", "/phone_calls", self.on)
        self.ok("DELETE", "/contacts/%d/forget" % self.c["id"])
        for kind in ("sales_activities", "appointments", "call_logs"):
            self.assertEqual(self.s.records(kind), [])

    def test_text_areas_have_a_limit_and_notes_have_none(self):
        long = "x" * 10000
        self.assertEqual(self.activity(notes=long)["notes"], long)
        self.refused("POST", "/sales_activities",
                     self.whole(notes=long + "x"))
        self.refused("POST", "/appointments", {
            "title": "T", "from_date": "2020-01-01T00:00:00Z",
            "end_date": "2020-01-01T00:00:00Z", "description": long + "x"})
        self.refused("POST", "/tasks", {
            "title": "T", "due_date": "2020-01-01T00:00:00Z",
            "description": long + "x"})
        self.knob(area_limit="20000")
        self.activity(notes=long * 2)
        note = dict(description=long * 60, **self.on)
        n = self.ok("POST", "/notes", note)["note"]
        self.assertEqual(self.held("notes", n["id"])["description"], long * 60)
        note["description"] = long * 110
        self.refused("POST", "/notes", note, status=413)

    def test_the_marker_in_the_text_is_counted(self):
        text = "Hello\n--\nFastTrack call 1 [%s]" % MARK
        self.activity(notes=text)
        self.assertEqual(self.journal()[-1]["markers"], [MARK])
        stats = self.s.get("/sim/stats")
        self.assertEqual(stats["duplicates"]["by_marker"], 0)
        self.assertEqual(stats["created"]["sales_activities"], 1)
        self.activity(notes=text)
        self.ok("POST", "/notes", dict(description=text, **self.on))
        self.assertEqual(self.journal()[-1]["markers"], [MARK])
        self.assertEqual(self.s.get("/sim/stats")["duplicates"]["by_marker"],
                         1)
        self.ok("POST", "/notes", dict(description=text, **self.on))
        self.assertEqual(self.s.get("/sim/stats")["duplicates"]["by_marker"],
                         2)


class OfLeads(FreshsalesCase):
    base = "/api"

    def test_sub_lists_of_leads(self):
        self.sim(tenant=self.changed_tenant(edition="classic"))
        lead = self.ok("POST", "/leads", {"last_name": "L",
                                          "email": "l@l.example"})["lead"]
        on = {"targetable_id": lead["id"], "targetable_type": "Lead"}
        n = self.ok("POST", "/notes", dict(description="N", **on))["note"]
        self.assertEqual(n["targetables"], [{"id": lead["id"],
                                             "type": "Lead"}])
        got = self.ok("GET", "/leads/%d/notes" % lead["id"])
        self.assertEqual([x["id"] for x in got["notes"]], [n["id"]])
        a = self.ok("POST", "/appointments", dict(
            title="A", from_date="2020-01-01T00:00:00Z",
            end_date="2020-01-01T01:00:00Z", **on))["appointment"]
        got = self.ok("GET", "/leads/%d/appointments" % lead["id"])
        self.assertEqual([x["id"] for x in got["appointments"]], [a["id"]])

    def test_conversion_moves_them_where_the_knob_says_so(self):
        self.sim(tenant=self.changed_tenant(edition="classic"))
        for moves, want in (("no", "Lead"), ("yes", "Contact")):
            self.knob(convert_moves=moves)
            lead = self.ok("POST", "/leads", {
                "last_name": "L", "email": moves + "@l.example"})["lead"]
            self.ok("POST", "/notes", {
                "description": "N", "targetable_type": "Lead",
                "targetable_id": lead["id"]})
            c = self.ok("POST", "/leads/%d/convert" % lead["id"], {})[
                "contact"]
            got = self.ok("GET", "/contacts/%d/notes" % c["id"])
            self.assertEqual(len(got["notes"]), want == "Contact")
            held = self.s.records("notes")[-1]["targetables"]
            self.assertEqual(held, [{
                "type": want, "id": c["id"] if moves == "yes"
                else lead["id"]}])


if __name__ == "__main__":
    unittest.main(verbosity=2)
