#!/usr/bin/env python3
"""The judge of activities and notes can fail: at each thing that it holds."""
import copy
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
from activities import Activities  # noqa: E402
from links import Links  # noqa: E402
from sides import Sides  # noqa: E402

OWNERS = [{"id": "o_1", "user_id": "u_1", "kind": "person",
           "email": "Ann@north.example", "first_name": "Ann",
           "last_name": "North"},
          {"id": "o_2", "user_id": "u_2", "kind": "person", "email": None,
           "first_name": "Ben", "last_name": "South"}]
SCHEMA = {"call": [("direction", [("inbound", "Incoming")]),
                   ("duration_s", []), ("outcome", [("busy", "Busy")]),
                   ("from_number", [])],
          "task": [("status", [("deferred", "Deferred")]),
                   ("task_type", [("call", "Call")])],
          "note": [("pinned", [])]}
END = "\nFastTrack %s %s [00112233445566778899aabbccddeeff]"
BELOW = ("Created: 2024-01-01T00:00:00Z\nLast changed: 2024-02-01T00:00:00Z\n"
         "Author: Ben South\nOwner in FastTrack: Ann North Ann@north.example")


def record(kind, rid, **properties):
    return {"id": rid, "type": kind, "owner_id": "o_1", "created_by": "u_2",
            "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-02-01T00:00:00Z", "archived": False,
            "archived_at": None, "redacted": [], "properties": properties}


def told(kind, rid, field, cause):
    return {"object": kind, "id": rid, "field": field, "cause": cause}


class Scene(unittest.TestCase):
    """One record on the deal de_1, and what became of it."""
    kind = type = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        out = pathlib.Path(self.folder.name)
        (out / "owners.json").write_text(json.dumps({"results": OWNERS}))
        (out / "schema.json").write_text(json.dumps({"properties": {
            kind: {"results": [
                {"name": name, "label": name.capitalize(), "options": [
                    {"value": v, "label": label} for v, label in options]}
                for name, options in rows]}
            for kind, rows in SCHEMA.items()}}))
        self.told, self.conflicts = [], []
        self.ends = {(self.kind, "deal"): [
            {"from_id": "x_1", "to_id": "de_1"}]}
        self.lines = [self.line("deal", "de_1", "deals", 30),
                      self.line("contact", "ct_1", "contacts", 40),
                      self.line(self.kind, "x_1", self.type, 7)]
        self.tenant = {"selectors": {
            "users": [{"id": 1, "email": "ann@north.example",
                       "is_active": True},
                      {"id": 2, "email": "ben@north.example",
                       "is_active": True}],
            "sales_activity_types": [{"id": 5, "name": "Imported call"},
                                     {"id": 6, "name": "Phone"}],
            "sales_activity_outcomes": [
                {"id": 8, "name": "busy", "sales_activity_type_id": 6},
                {"id": 9, "name": "Busy", "sales_activity_type_id": 5}],
            "sales_activity_entity_types": [{"id": 11, "name": "Call"}]}}
        self.source, self.have = self.records()

    @staticmethod
    def line(kind, rid, type_, target):
        return {"object": kind, "id": rid, "state": "landed", "type": type_,
                "target_id": target, "rule": None, "reason": None}

    def problems(self):
        source = {self.kind: [self.source], "deal": [record("deal", "de_1")],
                  "contact": [record("contact", "ct_1")]}
        have = {self.type: [self.have], "deals": [{"id": 30}],
                "contacts": [{"id": 40}]}
        links = Links(have, {}, source, {}, self.ends, self.lines, [], [])
        sides = Sides(self.tenant, {"objects": []}, pathlib.Path(
            self.folder.name), self.told, self.conflicts)
        return Activities(have, source, self.lines, sides, links).problems()

    def right(self):
        self.assertEqual(self.problems(), [])

    def wrong(self, text):
        found = self.problems()
        self.assertIn(text, found[0] if found else "nothing is wrong")

    def each(self, *cases):
        """Each other value in the target is found."""
        for field, value, text in cases:
            was, self.have[field] = self.have[field], value
            with self.subTest(field=field, value=value):
                self.wrong(text)
            self.have[field] = was

    def without(self, *words):
        """So is each word that its text lacks."""
        field = "notes" if self.type == "sales_activities" else "description"
        for word, text in words:
            self.each((field, self.have[field].replace(word, "", 1), text))


class Call(Scene):
    kind, type = "call", "sales_activities"

    def records(self):
        return record(
            "call", "x_1", subject="Offer", body="<p>One &amp; <b>two</b></p>",
            direction="inbound", started_at="2024-05-06T09:00:00+02:00",
            ended_at="2024-05-06T07:10:00Z", duration_s="600",
            outcome="busy", from_number="+1 555 0100"), {
                "id": 7, "title": "Offer", "owner_id": 1,
                "start_date": "2024-05-06T07:00:00Z",
                "end_date": "2024-05-06T07:10:00Z", "status": False,
                "sales_activity_type_id": 5, "sales_activity_outcome_id": 9,
                "targetables": [{"type": "Deal", "id": 30}],
                "notes": "One & two\n\nDirection: Incoming\nDuration_s: "
                "10 min\nOutcome: Busy\nFrom_number: +1 555 0100\n" + BELOW +
                END % ("call", "x_1")}

    def setUp(self):
        super().setUp()
        self.have["notes"] = self.have["notes"].replace("Duration_s",
                                                        "Duration")

    def test_fields(self):
        self.right()
        self.each(("title", "Other", "title is 'Other', not 'Offer'"),
                  ("owner_id", 2, "owner_id is 2, not 1"),
                  ("start_date", "2024-05-06T09:00:00Z", "started_at is"),
                  ("end_date", "2024-05-06T07:10:01Z", "ended_at is"),
                  ("sales_activity_outcome_id", 8, "outcome is 8, not 9"),
                  ("sales_activity_outcome_id", None, "outcome is None"),
                  ("sales_activity_type_id", 6, "sales_activity_type_id is"))

    def test_text(self):
        self.without(("two", "body is 'not in the text'"),
                     ("Incoming", "direction is"), ("10 min", "duration_s is"),
                     ("Busy", "outcome is"), ("555", "from_number is"),
                     ("Ben South", "Author is"), ("Ann North", "Owner in"),
                     ("Created: 2024", "created_at is"),
                     ("Last changed", "updated_at is"))

    def test_what_is_excused(self):
        self.have["sales_activity_outcome_id"] = None
        self.tenant["selectors"]["sales_activity_outcomes"] = []
        self.wrong("outcome is 'no value', not 'told'")
        self.told.append(told("call", "x_1", "outcome", "no such name"))
        self.right()
        self.source["owner_id"] = "o_9"
        self.have["notes"] = self.have["notes"].replace(
            "Ann North Ann@north.example", "o_9")
        self.wrong("owner_id is 1, not None")
        self.told.append(told("call", "x_1", "owner_id",
                              "the fallback owner was named"))
        self.right()
        self.have["title"] = "Mine"
        self.wrong("title is")
        self.conflicts = [{"object": "call", "id": "x_1", "field": "title"}]
        self.right()

    def test_no_end(self):
        self.source["properties"]["ended_at"] = None
        self.wrong("not told")
        self.told = [told("call", "x_1", "ended_at", "no end")]
        self.right()
        self.have["end_date"] = self.have["start_date"]
        self.wrong("ended_at is")

    def test_a_time_that_is_none(self):
        self.source["properties"]["started_at"] = "yesterday"
        self.source["properties"]["ended_at"] = "2023-01-01T00:00:00Z"
        self.have.update(start_date="2024-01-01T00:00:00Z",
                         end_date="2024-01-01T00:00:00Z")
        self.told = [told("call", "x_1", f, "no time")
                     for f in ("started_at", "ended_at")]
        self.wrong("started_at is 'not in the text', not 'yesterday'")

    def test_a_year_that_is_none(self):
        self.source["properties"]["started_at"] = "0102-08-25T03:37:45Z"
        self.wrong("started_at is 'another, and not told'")

    def test_other_links(self):
        self.ends["call", "contact"] = [{"from_id": "x_1", "to_id": "ct_1"}]
        self.wrong("call_contact is 'neither linked nor told'")
        self.conflicts = [{"object": "call", "id": "x_1",
                           "field": "targetables"}]  # people moved it
        self.right()
        self.conflicts = []
        self.told = [told("call", "x_1", "call_contact", "on one")]
        self.wrong("call_contact is 'not in the text', not 'ct_1'")
        self.have["notes"] = self.have["notes"].replace(
            "Created", "Also linked with (FastTrack ids): contact ct_1\n"
            "Created")
        self.right()

    def test_an_older_version(self):
        self.have["title"] = "Before"
        self.wrong("title is")
        self.told = [told("call", "x_1", "*", "the newest was refused")]
        self.right()

    def test_states(self):
        self.lines[-1]["state"] = "parked"
        self.wrong("call x_1: parked, and nobody says why")
        self.lines[-1]["reason"] = "no owner"
        self.right()
        self.lines.pop()
        self.wrong("call x_1: None, and nobody says why")


class Log(Scene):
    kind, type = "call", "call_logs"

    def records(self):
        source, _ = Call.records(self)
        return source, {
            "id": 7, "call_direction": True, "call_duration": 600,
            "outcome_id": 8, "targetables": [{"type": "Deal", "id": 30}],
            "description": "One & two\n\nDirection: Incoming\nDuration: 10 min"
            "\nOutcome: Busy\nFrom_number: +1 555 0100\nStarted: "
            "2024-05-06T07:00:00Z\nEnded: 2024-05-06T07:10:00Z\nSubject: Offer"
            "\n" + BELOW + END % ("call", "x_1")}

    def setUp(self):
        super().setUp()
        self.told = [told("call", "x_1", f, "stands in the text")
                     for f in ("started_at", "owner_id")]

    def test_fields(self):
        self.right()
        self.each(("call_direction", False, "direction is False"),
                  ("call_duration", 60, "duration_s is 60, not 600"),
                  ("outcome_id", 9, "outcome is 9, not 8"))
        self.without(("Started: 2024", "started_at is"), ("Offer", "subject"),
                     ("Ended: 2024", "ended_at is"))

    def test_what_must_be_told(self):
        self.told.pop()
        self.wrong("owner_id is 'no owner', not 'told'")
        self.told = [told("call", "x_1", "owner_id", "")]
        self.wrong("started_at is 'the time of writing', not 'told'")


class Task(Scene):
    kind, type = "task", "tasks"

    def records(self):
        return record(
            "task", "x_1", subject="Call back", body=None, status="deferred",
            task_type="call", due_at="2024-05-06T09:00:00Z"), {
                "id": 7, "title": "Call back", "owner_id": 1, "status": 0,
                "due_date": "2024-05-06T11:00:00+02:00", "task_type_id": 11,
                "targetables": [{"type": "Deal", "id": 30}],
                "description": "Status: Deferred\nTask_type: Call\n" + BELOW +
                END % ("task", "x_1")}

    def test_fields(self):
        self.wrong("status is 'deferred', not 'told'")
        self.told = [told("task", "x_1", "status", "open there")]
        self.right()
        self.each(("status", 1, "status is 1, not 0"),
                  ("due_date", "2024-05-07T09:00:00Z", "due_at is"),
                  ("task_type_id", None, "task_type is None"),
                  ("description", self.have["description"].replace(
                      "Deferred", "Open"), "status is"))
        self.source["properties"]["status"] = "completed"
        self.wrong("status is 0, not 1")


class Note(Scene):
    kind, type = "note", "notes"

    def records(self):
        return record("note", "x_1", body="Hello\nthere", pinned=False), {
            "id": 7, "targetables": [{"type": "Deal", "id": 30}],
            "description": "Note by Ben South, 2024-01-01T00:00:00Z "
            "(FastTrack)\n\nHello\nthere\n\nPinned: false\nLast changed: "
            "2024-02-01T00:00:00Z\nOwner in FastTrack: Ann North "
            "Ann@north.example" + END % ("note", "x_1")}

    def test_author_and_time(self):
        self.right()
        self.without(("Ben", "first line is"), ("2024-01-01", "first line is"),
                     ("there", "body is"), ("false", "pinned is"))

    def test_an_address_is_no_html(self):
        self.source["properties"]["body"] = "a.example?a=1&notFound=1 R&amp;D"
        was = self.have["description"]
        self.have["description"] = was.replace(
            "Hello\nthere", "a.example?a=1&notFound=1 R&D")
        self.right()
        self.have["description"] = was.replace(
            "Hello\nthere", "a.example?a=1\u00acFound=1 R&D")
        self.wrong("body is")

    def test_what_is_not_shown(self):
        self.source["redacted"] = ["body"]
        self.wrong("body is 'left out', not 'told'")
        self.told = [told("note", "x_1", "body", "not shown")]
        self.wrong("body is 'Hello\\nthere', not 'left out'")
        self.have["description"] = self.have["description"].replace(
            "Hello\nthere\n\n", "")
        self.right()

    def test_html_that_was_kept(self):
        self.source["properties"]["body"] = "<p>Hello</p>"
        self.have["description"] = self.have["description"].replace(
            "Hello\nthere", "<p>Hello</p>").replace("\n", "<br>")
        self.right()
        kept = copy.deepcopy(self.have)
        self.have["description"] = kept["description"].replace("Hello", "")
        self.wrong("body is")


if __name__ == "__main__":
    unittest.main(verbosity=2)
