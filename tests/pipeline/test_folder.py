#!/usr/bin/env python3
"""A whole migration from an export folder (docs/folder.md), which no server
stands behind: the snapshot is a first drop, the delta a second one in its
place. What counts is what the simulated Freshsales holds at the end."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import Case  # noqa: E402
from bench import ROOT, ndjson  # noqa: E402
from collect import Result  # noqa: E402
from source_folder import SourceFolder  # noqa: E402
from truth import pattern, source_id  # noqa: E402

LARGE = 1300000  # of fi_09, whose bytes the simulator makes


class Folder(Case):
    def first_drop(self):
        f = SourceFolder(ROOT / "tests" / "data" / "source",
                         self.bench.folder / "drop")
        (f.path / "files" / "fi_09").write_bytes(b"".join(pattern(LARGE)))
        f.done()
        return f

    @staticmethod
    def relink(f, name, change):
        """An edit of associations alone: no record's stamp moves by it."""
        head, *rows = f.read("associations/%s.csv" % name).decode().split(
            "\n")[:-1]
        f.write("associations/%s.csv" % name, "".join(
            row + "\n" for row in [head] + change(rows)).encode())

    @staticmethod
    def changed(record, **properties):
        return dict(record, version=record["version"] + 1,
                    updated_at="2026-03-03T10:00:00Z",
                    properties=dict(record["properties"], **properties))

    def change_deals(self, f):
        """One is created, one renamed, one gone without a word, and one gets
        another company."""
        deals = {d["id"]: d for d in f.records("deal")}
        new = dict(self.changed(deals["de_016"], name="Of the second drop"),
                   id="de_new", version=1)
        del deals["de_018"]
        deals["de_003"] = self.changed(deals["de_003"], name="Renamed")
        f.put("deal", [*deals.values(), new])
        self.relink(f, "deal_contact", lambda rows: [
            r for r in rows if not r.startswith("de_018,")] + [
            "de_new,ct_016,7,Contact,true,system,2026-03-03T10:00:00Z"])
        self.relink(f, "deal_company", lambda rows: [
            r.replace("de_015,co_015,", "de_015,co_016,") for r in rows
            if not r.startswith("de_018,")])

    def change_people(self, f):
        """One is new, one was merged, as the tombstones say, one gets a second
        company; a task goes from one deal to another."""
        people = {c["id"]: c for c in f.records("contact")}
        new = dict(self.changed(people["ct_016"], email="new@mail.example"),
                   id="ct_new", version=1)
        del people["ct_013"]
        f.put("contact", [*people.values(), new])
        f.file("tombstones.ndjson", "tombstone", json.dumps({
            "type": "contact", "id": "ct_013", "op": "merge", "version": 99,
            "merged_into": "ct_011"}).encode() + b"\n")
        self.relink(f, "contact_company", lambda rows: rows + [
            "ct_015,co_016,1,Works at,false,system,2026-03-03T10:00:00Z"])
        self.relink(f, "task_deal", lambda rows: [
            r.replace("ta_001,de_001,", "ta_001,de_005,") for r in rows])

    def second_drop(self, f):
        self.change_deals(f)
        self.change_people(f)
        f.manifest["produced_at"] = "2026-03-03T12:00:00Z"
        f.done()

    @staticmethod
    def target(s, kind):
        return {source_id(kind, r): r for r in ndjson(
            s.target.admin, "/sim/records/" + kind)}

    def accounts(self, s):
        return {r["id"]: rid for rid, r in
                self.target(s, "sales_accounts").items()}

    def test_a_second_drop_is_the_delta(self):
        f = self.first_drop()
        s, flow = self.loaded(source=f.path, folder=True)
        calls = s.source.get("/sim/stats")["calls"]
        before = self.target(s, "deals")
        contacts = self.target(s, "contacts")
        self.assertIn("de_018", before)
        self.assertNotIn("de_new", before)
        self.second_drop(f)

        def there(status):
            deals, of = self.target(s, "deals"), self.accounts(s)
            return "de_new" in deals and \
                deals["de_003"]["name"] == "Renamed" and \
                of.get(deals["de_015"]["sales_account_id"]) == "co_016" and \
                status["removals"]["proposed"] == 2 and \
                flow.lanes_done(status)
        flow.wait("the second drop is loaded and judged", there)
        # Nothing goes without a person's word.
        self.assertEqual(self.target(s, "deals")["de_018"]["id"],
                         before["de_018"]["id"])
        flow.removals()
        flow.freeze()
        flow.cutover()
        self.assertEqual(s.source.get("/sim/stats")["calls"], calls)
        s.source.kill()
        s.source = self.bench.fasttrack(f.path)  # of what the folder says now
        result = Result(flow).all()
        self.assert_right(result)
        self.assert_delta(s, before, contacts, result)

    def assert_delta(self, s, before, contacts, result):
        deals, of = self.target(s, "deals"), self.accounts(s)
        self.assertEqual(set(deals) - set(before), {"de_new"})
        self.assertEqual(set(before) - set(deals), {"de_018"})
        self.assertEqual(deals["de_new"]["name"], "Of the second drop")
        self.assertEqual(deals["de_003"]["id"], before["de_003"]["id"])
        people = self.target(s, "contacts")
        self.assertEqual(set(people) - set(contacts), {"ct_new"})
        self.assertEqual(set(contacts) - set(people), {"ct_013"})
        self.assertEqual({of[a["id"]] for a in people["ct_015"][
            "sales_accounts"]}, {"co_015", "co_016"})
        task = self.target(s, "tasks")["ta_001"]
        self.assertEqual([(t["type"], t["id"]) for t in task["targetables"]],
                         [("Deal", deals["de_005"]["id"])])
        lines = {x["id"]: x["state"] for x in result.lines("records.ndjson")}
        gone = {"de_018": "deleted", "ct_013": "deleted"}
        self.assertEqual({i: lines[i] for i in gone}, gone)
        self.assertEqual({r["id"]: r["state"] for r in result.lines(
            "removals.ndjson")}, gone)


if __name__ == "__main__":
    unittest.main(verbosity=2)
