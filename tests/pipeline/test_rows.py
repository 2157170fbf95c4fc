#!/usr/bin/env python3
"""Every row of the mission on the small tenant: what the target holds of
activities, notes, files, custom objects, events and leads, in a Suite account
on Pro, in one on Enterprise, and in the classic edition."""
import datetime
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import Case  # noqa: E402
from bench import ROOT  # noqa: E402
from source_folder import SourceFolder  # noqa: E402

# Of what applies the plan to a note of five megabytes, beside a small account.
# Measured: 60 to 69 when each step made a copy of its own.
PEAK_KIB = 48 << 10

# FastTrack puts it where the token may not read, and need not say so.
SENTENCE = "This content has been redacted: the token lacks a scope."

TARGET_OF = {"Deal": "deals", "Contact": "contacts",
             "SalesAccount": "sales_accounts", "Lead": "leads"}


def instant(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


class RowsCase(Case):
    """One migration for a class; each test looks at a part of its end."""
    kind = None
    once = None
    words = []

    def setUp(self):
        cls = type(self)
        if cls.once is None:
            case = cls(self._testMethodName)
            try:
                cls.once = case.migrate(tenant=cls.variant(cls.kind),
                                        words=cls.words,
                                        source=cls.folder())
                cls.peak = case.peaks(cls.once.s)
            finally:
                case.doCleanups()
        self.result = cls.once
        self.lines = {(x["object"], x["id"]): x
                      for x in self.result.lines("records.ndjson")}
        self.told = {(d["object"], d["id"], d["field"]) for d in
                     self.result.json("reconciliation.json")["differences"]}

    @classmethod
    def folder(cls):
        return ROOT / "tests" / "data" / "source"

    @classmethod
    def with_odd_texts(cls):
        folder = SourceFolder(RowsCase.folder(),
                              cls.bench.folder / ("large%d" % Case.count))
        notes = folder.records("note")
        line = '<p class="x">1 &lt; 2 &amp; so on, "quoted".</p>\n'
        notes[3]["properties"]["body"] = line * ((5 << 20) // len(line))
        folder.put("note", notes)
        emails = folder.records("email")
        emails[1]["properties"]["body"] = SENTENCE
        folder.put("email", emails)
        return folder.done()

    def peaks_are_low(self):
        """Of megabytes in one record there are few copies at a time."""
        self.assertEqual(self.lines["note", "no_04"]["state"], "landed")
        for kind in ("auditor", "transformer"):
            self.assertLess(self.peak[kind, 0], PEAK_KIB, kind)

    def source(self, kind):
        return {r["id"]: r for r in self.result.lines(
            "fasttrack/records/%s.ndjson" % kind)}

    def target(self, kind):
        return {r["id"]: r for r in self.result.lines(
            "freshsales/records/%s.ndjson" % kind)}

    def landed(self, kind):
        """(source record, line, target record) of all that landed."""
        source, out = self.source(kind), []
        for (obj, rid), x in self.lines.items():
            if obj == kind and x["state"] == "landed":
                out.append((source[rid], x,
                            self.target(x["type"])[int(x["target_id"])]))
        self.assertGreater(len(out), 0, kind)
        return out

    def selector(self, name):
        tenant = self.result.json("freshsales/tenant.json")
        return {e["id"]: e for e in tenant["selectors"][name]}

    def all_told(self, kind):
        """What did not land says why."""
        for (obj, rid), x in self.lines.items():
            if obj == kind and x["state"] not in ("landed", "deleted"):
                self.assertTrue(x["reason"], (kind, rid))

    def target_is(self, record, kind, rid):
        """What it hangs on is what the source record is linked to, or what
        became of that."""
        ends = {("deal", "Deal"), ("contact", "Contact"), ("contact", "Lead"),
                ("company", "SalesAccount")}
        at = {(int(x["target_id"]), x["type"]): (o, i) for (o, i), x in
              self.lines.items() if x["target_id"] and x["state"] in (
                  "landed", "merged") and o in ("deal", "contact", "company")}
        for t in record["targetables"]:
            obj, _ = at[int(t["id"]), TARGET_OF[t["type"]]]
            self.assertIn((obj, t["type"]), ends, (kind, rid))
        self.assertEqual(len(record["targetables"]), 1, (kind, rid))


class Rows(RowsCase):
    @classmethod
    def folder(cls):
        return cls.with_odd_texts()

    def test_a_large_note_takes_little_memory(self):
        self.peaks_are_low()

    def times(self, kind, type_, pairs):
        for source, line, have in self.landed(kind):
            self.assertEqual(line["type"], type_)
            for field, prop in pairs:
                value = source["properties"].get(prop)
                if (kind, source["id"], prop) in self.told or not value:
                    continue
                self.assertEqual(instant(have[field]), instant(value),
                                 (kind, source["id"], field))

    def test_calls_become_sales_activities_at_their_time(self):
        self.times("call", "sales_activities",
                   [("start_date", "started_at"), ("end_date", "ended_at")])
        types = self.selector("sales_activity_types")
        for source, _, have in self.landed("call"):
            self.assertEqual(types[have["sales_activity_type_id"]]["name"],
                             "Imported call")
            self.assertIn(source["properties"]["from_number"], have["notes"])
            self.assertNotIn("<b>", have["notes"])
            self.target_is(have, "call", source["id"])
        self.all_told("call")

    def test_emails_become_sales_activities(self):
        self.times("email", "sales_activities", [("start_date", "sent_at")])
        for source, _, have in self.landed("email"):
            self.assertNotIn("x()", have["notes"])
            self.assertIn(source["properties"]["to_emails"][0], have["notes"])
        self.assertIn(("email", "em_04", "body"), self.told)

    def test_a_sentence_that_stands_for_a_body_is_none(self):
        source, _, have = next(
            x for x in self.landed("email")
            if x[0]["properties"]["body"] == SENTENCE)
        self.assertNotIn("redacted", have["notes"])
        self.assertIn(("email", source["id"], "body"), self.told)

    def test_meetings_become_appointments(self):
        self.times("meeting", "appointments",
                   [("from_date", "started_at"), ("end_date", "ended_at")])
        for source, _, have in self.landed("meeting"):
            self.assertEqual(have["title"], source["properties"]["subject"])
            self.assertEqual(have["location"],
                             source["properties"]["location"])

    def test_an_unknown_kind_becomes_a_generic_activity(self):
        types = self.selector("sales_activity_types")
        for _, line, have in self.landed("letter"):
            self.assertEqual(line["type"], "sales_activities")
            self.assertEqual(types[have["sales_activity_type_id"]]["name"],
                             "Imported activity")

    def test_notes_keep_author_time_and_images(self):
        people = {o["user_id"]: "%(first_name)s %(last_name)s" % o
                  for o in json.loads((
                      RowsCase.folder() / "owners.json").read_text())[
                          "results"]}
        for source, _, have in self.landed("note"):
            first = have["description"].splitlines()[0]
            self.assertIn(source["created_at"], first)
            self.assertIn(people[source["created_by"]], first)
            self.target_is(have, "note", source["id"])
        image = self.lines["note", "no_03"]
        have = self.target("notes")[int(image["target_id"])]
        self.assertIn("logo.gif", have["description"])
        self.assertNotIn("cid:", have["description"])
        self.all_told("note")

    def test_nobody_edited_anything(self):
        self.assertEqual(self.result.lines("conflicts.ndjson"), [])

    def test_files_are_equal_byte_for_byte(self):
        hashes = self.result.json("freshsales/file-hashes.json")
        landed = [(s, x) for s, x, _ in self.landed("attachment")
                  if x["type"] == "files"]
        self.assertGreater(len(landed), 4)
        for source, line in landed:
            self.assertEqual(hashes[str(line["target_id"])],
                             source["properties"]["sha256"], source["id"])
        for fid in ("fi_06", "fi_10"):  # other bytes; too large
            self.assertNotEqual(self.lines["attachment", fid]["type"],
                                "files")
        self.assertEqual(self.lines["attachment", "fi_08"]["state"],
                         "rejected")
        self.assertEqual(self.result.json("fasttrack/stats.json").get(
            "token_leaks", 0), 0)
        files = self.result.json("files.json")
        self.assertEqual(
            files["broken"]["count"],
            sum(x["class"] == "broken" for x in files["items"]))
        large = next(x for x in files["items"]
                     if x["id"] == "fi_10")
        self.assertIsNone(self.source("attachment")["fi_10"]["owner_id"])
        self.assertEqual((large["owner"], large["owner_of"]), (
            self.source("deal")["de_010"]["owner_id"], "deal"))

    def test_custom_objects_keep_their_values(self):
        for (obj, rid), x in self.lines.items():
            if obj != "co_parcel":
                continue
            if rid == "pa_2":  # hangs on a deal whose amount is no number
                self.assertEqual((x["state"], x["rule"]),
                                 ("rejected", "parent_missing"))
                continue
            self.assertIn(x["state"], ("landed", "merged"), (rid, x))
            have = self.target(x["type"])[int(x["target_id"])]
            text = json.dumps(have, ensure_ascii=False)
            props = self.source("co_parcel")[rid]["properties"]
            self.assertIn(props["parcel_no"], text)

    def test_events_of_every_shape(self):
        events = [json.loads(x) for x in (
            ROOT / "tests/data/source/events/events-0001.ndjson"
        ).read_text().splitlines()]
        for e in events:
            line = self.lines["event", e["id"]]
            if line["state"] != "landed":
                self.assertTrue(line["reason"], line)
                continue
            have = self.target("sales_activities")[int(line["target_id"])]
            self.assertEqual(instant(have["start_date"]),
                             instant(e["occurred_at"]))
            if e["schema_version"] == 3:
                self.assertIn("Osaka", have["notes"])
        self.assertEqual(self.lines["event", "ev_008"]["state"], "rejected")
        told = {x["id"]: x for x in self.result.lines("events.ndjson")}
        self.assertEqual({i: x["event"] for i, x in told.items()},
                         {e["id"]: e for e in events})
        self.assertEqual({x["fate"] for x in told.values()}, {"activities"})
        self.assertEqual({i: x["state"] for i, x in told.items()},
                         {i: x["state"] for (o, i), x in self.lines.items()
                          if o == "event"})

    def test_deletions_are_carried_out_as_approved(self):
        for key in (("note", "no_05"), ("contact", "ct_044"),
                    ("task", "ta_020")):
            self.assertEqual(self.lines[key]["state"], "deleted", key)
        self.assertIsNone(self.lines["note", "no_05"]["target_id"])
        removals = {(r["object"], r["id"]): r["state"]
                    for r in self.result.lines("removals.ndjson")}
        self.assertEqual(removals["contact", "ct_044"], "deleted")
        gone = int(self.lines["contact", "ct_044"]["target_id"])
        self.assertNotIn(gone, self.target("contacts"))

    def test_what_is_to_be_rebuilt_is_listed(self):
        inventory = self.result.json("inventory.json")
        self.assertEqual([w["id"] for w in inventory["workflows"]], ["wf_1"])
        self.assertEqual(len(inventory["sequences"][0]["steps"]), 2)
        self.assertEqual(inventory["events"], {
            "fate": "activities",
            "count": sum(o == "event" for o, _ in self.lines)})


class Enterprise(RowsCase):
    kind = "enterprise"

    def test_custom_objects_become_a_module(self):
        for source, line, have in self.landed("co_parcel"):
            self.assertTrue(line["type"].startswith("cm_"), line)
            self.assertEqual(line["lane"], "custom")
            text = json.dumps(have, ensure_ascii=False)
            self.assertIn(source["properties"]["parcel_no"], text)
        deals = {str(x["target_id"]) for (o, _), x in self.lines.items()
                 if o == "deal" and x["state"] == "landed"}
        linked = [h for _, _, h in self.landed("co_parcel")
                  if any(str(v) in deals for v in h.get("deal_ids") or [])]
        self.assertEqual(len(linked), 5)  # the deal of pa_2 is not there


class Choices(RowsCase):
    """What the plan may say otherwise, all of it at once."""
    words = ["--calls", "call_log", "--html", "keep", "--custom-objects",
             "co_parcel=notes", "--long-texts", "note", "--too-large", "skip",
             "--events", "report"]

    @classmethod
    def folder(cls):
        return cls.with_odd_texts()

    def test_a_large_note_takes_little_memory(self):
        self.peaks_are_low()

    def test_calls_become_call_logs(self):
        for source, line, have in self.landed("call"):
            self.assertEqual(line["type"], "call_logs")
            ends = [p for p in ("deal", "contact", "company") if any(
                r["from_id"] == source["id"] for r in self.result.lines(
                    "fasttrack/associations/call/%s.ndjson" % p))]
            self.assertTrue(ends and have["targetable"]["id"], source["id"])

    def test_custom_objects_become_notes(self):
        for source, line, have in self.landed("co_parcel"):
            self.assertEqual(line["type"], "notes")
            self.assertIn(source["properties"]["parcel_no"],
                          have["description"])

    def test_events_are_counted_only(self):
        self.assertEqual({x["rule"] for (o, _), x in self.lines.items()
                          if o == "event" and x["state"] == "excluded"},
                         {"event.report"})

    def test_html_is_kept(self):
        kept = [h["notes"] for _, _, h in self.landed("email")
                if "</p>" in (h.get("notes") or "")]
        self.assertTrue(kept)
        for text in kept:
            self.assertNotIn("x()", text)
            self.assertIn("<br>FastTrack email ", text)


class Classic(RowsCase):
    kind = "classic"

    def test_persons_become_leads(self):
        seen = 0
        for source, line, have in self.landed("contact"):
            if source["properties"]["record_kind"] == "person" and \
                    line["type"] == "leads":
                seen += 1
                self.assertEqual(have["last_name"],
                                 source["properties"]["last_name"])
        self.assertGreater(seen, 0)
        stages = self.selector("lead_stages")
        self.assertTrue(all(h["lead_stage_id"] in stages
                            for h in self.target("leads").values()
                            if h["_sim"]["created_by"] == "api"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
