#!/usr/bin/env python3
"""Links that end, move and come while the source is tailed: each kind there
is. What is asserted is what the simulated Freshsales holds at the end, all of
its links against all of the source's (demo/links.py), and by name what each
edit was to do."""
import json
import unittest

from case import Case, ROOT  # first: it finds the support folder
from bench import ORPHAN, ndjson  # noqa: E402
from flow import ADMIN  # noqa: E402
from stack import TAIL_SCALE  # noqa: E402
from source_folder import SourceFolder  # noqa: E402


class Links(Case):
    @staticmethod
    def edit(s, kind, rid, **properties):
        record = next(r for r in ndjson(s.source.admin, "/sim/records/" + kind)
                      if r["id"] == rid)
        record["properties"].update(properties)
        s.source.post("/sim/admin/%s/%s" % (kind, rid), record, method="PUT")

    @staticmethod
    def ends(s, kind, rid, end):
        return [r for r in ndjson(s.source.admin, "/sim/associations/%s/%s" %
                                  (kind, end)) if r["from_id"] == rid]

    def remove(self, s, kind, rid, end, to=None):
        """One link, or all of this kind."""
        gone = [r for r in self.ends(s, kind, rid, end)
                if to in (None, r["to_id"])]
        self.assertTrue(gone, (kind, rid, end, to))
        for r in gone:
            s.source.post("/sim/admin/associations", dict(
                r, op="assoc_remove", from_type=kind, to_type=end))

    def add(self, s, kind, rid, end, to, primary=False):
        like = next(iter(ndjson(s.source.admin, "/sim/associations/%s/%s" %
                                (kind, end))))
        s.source.post("/sim/admin/associations", dict(
            like, op="assoc_add", from_type=kind, from_id=rid, to_type=end,
            to_id=to, primary=primary))

    def change(self, s):
        """Removed, moved, a second one added, moved to what is not there."""
        # an account's parent
        self.edit(s, "company", "co_002", parent_company_id=None)
        self.edit(s, "company", "co_003", parent_company_id="co_011")
        self.edit(s, "company", "co_008", parent_company_id="co_009")
        # a contact's accounts: ct_017 has two, ct_010 one
        self.remove(s, "contact", "ct_017", "company", "co_022")
        self.remove(s, "contact", "ct_010", "company")
        self.add(s, "contact", "ct_015", "company", "co_016")
        self.remove(s, "contact", "ct_016", "company")
        self.add(s, "contact", "ct_016", "company", "co_020", True)
        # a deal's account
        self.remove(s, "deal", "de_015", "company")
        self.remove(s, "deal", "de_017", "company")
        self.add(s, "deal", "de_017", "company", "co_019", True)
        self.remove(s, "deal", "de_018", "company")
        self.add(s, "deal", "de_018", "company", "co_999", True)
        self.add(s, "deal", "de_001", "company", "co_001", True)
        # a deal's contacts: de_013 has two, de_014 one
        self.remove(s, "deal", "de_013", "contact", "ct_022")
        self.remove(s, "deal", "de_014", "contact")
        self.add(s, "deal", "de_019", "contact", "ct_020")
        self.remove(s, "deal", "de_020", "contact")
        self.add(s, "deal", "de_020", "contact", "ct_023", True)
        # what an activity stands on
        self.remove(s, "task", "ta_013", "deal")
        self.remove(s, "task", "ta_005", "contact")
        self.add(s, "task", "ta_005", "contact", "ct_023", True)
        self.add(s, "task", "ta_008", "deal", "de_023", True)
        self.remove(s, "call", "ca_02", "deal")
        self.add(s, "note", "no_07", "deal", "de_022", True)

    @staticmethod
    def source_ids(s, kind, field):
        return {r[field] if field in r else r["custom_field"][field]: r
                for r in ndjson(s.target.admin, "/sim/records/" + kind)}

    def test_links_end_move_and_come(self):
        s, flow = self.loaded()
        self.change(s)
        flow.tail(changes=False)
        # Freshsales takes nothing off what it stands on: that is told.
        result = self.ended(flow, people={("task", "ta_013")})
        self.assertIn(("ta_013", "targetables"), {
            (d["id"], d["field"])
            for d in result.json("reconciliation.json")["differences"]})
        accounts = self.source_ids(s, "sales_accounts", "cf_source_id")
        people = self.source_ids(s, "contacts", "external_id")
        deals = self.source_ids(s, "deals", "cf_source_id")
        names = {r["id"]: k for k, r in accounts.items()}
        named = {r["id"]: k for k, r in people.items()}
        self.assertEqual(
            [names.get(accounts[c]["parent_sales_account_id"])
             for c in ("co_002", "co_003", "co_008")],
            [None, "co_011", "co_009"])
        self.assertEqual(
            {c: sorted(names[a["id"]] for a in people[c]["sales_accounts"])
             for c in ("ct_017", "ct_010", "ct_015", "ct_016")},
            {"ct_017": ["co_017"], "ct_010": [ORPHAN],
             "ct_015": ["co_015", "co_016"], "ct_016": ["co_020"]})
        self.assertEqual(
            [names.get(deals[d]["sales_account_id"])
             for d in ("de_015", "de_017", "de_018", "de_001")],
            [None, "co_019", None, "co_001"])
        self.assertEqual(
            {d: sorted(named[c["id"]] for c in deals[d]["contacts"])
             for d in ("de_013", "de_014", "de_019", "de_020")},
            {"de_013": ["ct_013"], "de_014": [],
             "de_019": ["ct_019", "ct_020"], "de_020": ["ct_023"]})

    def test_what_is_deleted_makes_room(self):
        """A deal's contact is deleted by decision; the deal gets another. The
        contacts of a company that is deleted stand on the Unassigned Account,
        unless somebody put them to another one."""
        s, flow = self.loaded()
        accounts = self.source_ids(s, "sales_accounts", "cf_source_id")
        moved = self.source_ids(s, "contacts", "external_id")["ct_039"]
        s.target.post("/sim/admin/contacts/%d" % moved["id"], {
            "sales_accounts": [{"id": accounts["co_024"]["id"],
                                "is_primary": True}]}, method="PUT")
        s.source.post("/sim/admin/contact/ct_019", {}, method="DELETE")
        s.source.post("/sim/admin/company/co_015", {}, method="DELETE")
        flow.tail(changes=False)
        self.assertNotIn("co_015", self.source_ids(
            s, "sales_accounts", "cf_source_id"))
        self.add(s, "deal", "de_019", "contact", "ct_021", True)
        flow.tail(changes=False)
        result = self.ended(flow)
        people = self.source_ids(s, "contacts", "external_id")
        self.assertNotIn("ct_019", people)
        deal = self.source_ids(s, "deals", "cf_source_id")["de_019"]
        self.assertEqual([c["id"] for c in deal["contacts"]
                          if c["id"] in {p["id"] for p in people.values()}],
                         [people["ct_021"]["id"]])
        told = {(c["object"], c["id"])
                for c in result.lines("conflicts.ndjson")}
        self.assertNotIn(("deal", "de_019"), told)
        self.assertIn(("contact", "ct_039"), told)
        self.assertEqual(
            {c: [(a["id"], a["is_primary"])
                 for a in people[c]["sales_accounts"]]
             for c in ("ct_015", "ct_039")},
            {"ct_015": [(accounts[ORPHAN]["id"], True)],
             "ct_039": [(accounts["co_024"]["id"], True)]})
        # A deal may be without an account: it is left as the removal left it.
        self.assertIn(self.source_ids(s, "deals", "cf_source_id")["de_015"][
            "sales_account_id"], (None, accounts["co_015"]["id"]))

    def test_what_is_deleted_in_the_freeze_makes_room(self):
        """So it is when a deletion is let through last, after the records that
        could have more links were looked for."""
        s, flow = self.loaded()
        s.source.post("/sim/admin/company/co_015", {}, method="DELETE")
        s.source.post("/sim/clock", {"scale": TAIL_SCALE})
        flow.verb("freeze", "--by", ADMIN)
        seen = []

        def only_the_deletion(status):
            seen.append("1 record is gone" in status["gate"]["why"])
            return len(seen) > 10 and all(seen[-10:])
        flow.wait("nothing else is left to do", only_the_deletion)
        self.ended(flow, freeze=False)
        people = self.source_ids(s, "contacts", "external_id")
        accounts = self.source_ids(s, "sales_accounts", "cf_source_id")
        self.assertNotIn("co_015", accounts)
        self.assertEqual([a["id"] for a in people["ct_015"]["sales_accounts"]],
                         [accounts[ORPHAN]["id"]])

    def test_relations_of_a_module(self):
        s, flow = self.loaded(tenant=self.variant("enterprise"))
        self.remove(s, "co_parcel", "pa_1", "deal")
        self.remove(s, "co_parcel", "pa_3", "deal")
        self.add(s, "co_parcel", "pa_3", "deal", "de_009")
        self.remove(s, "co_parcel", "pa_5", "deal")
        self.add(s, "co_parcel", "pa_5", "deal", "de_999")
        self.remove(s, "co_parcel", "pa_6", "contact")
        self.add(s, "co_parcel", "pa_6", "deal", "de_010")
        flow.tail(changes=False)
        result = self.ended(flow)
        lines = {(x["object"], x["id"]): x
                 for x in result.lines("records.ndjson")}
        module = lines["co_parcel", "pa_1"]["type"]
        at = {str(lines["co_parcel", "pa_%d" % i]["target_id"]): "pa_%d" % i
              for i in (1, 3, 5, 6)}
        self.assertEqual(
            {at[str(r["id"])]: (sorted(r.get("deal_ids") or []),
                                sorted(r.get("contact_ids") or []))
             for r in ndjson(s.target.admin, "/sim/records/" + module)
             if str(r["id"]) in at},
            {"pa_1": ([], []),
             "pa_3": ([lines["deal", "de_009"]["target_id"]], []),
             "pa_5": ([], []),
             "pa_6": (sorted(lines["deal", d]["target_id"]
                             for d in ("de_008", "de_010")), [])})

    # ---- what was merged at the source, which moves no link by itself ----

    def merged_source(self):
        """Merged before the start: a chain of contacts, two companies, one
        contact into what was deleted."""
        f = SourceFolder(ROOT / "tests" / "data" / "source",
                         self.bench.folder / "merged")

        def change(kind, rid, **properties):
            records = f.records(kind)
            next(r for r in records if r["id"] == rid)["properties"].update(
                properties)
            f.put(kind, records)

        def link(kind, end, *rows):
            name = "associations/%s_%s.csv" % (kind, end)
            lines = f.read(name).decode().splitlines()
            like = lines[1].split(",", 2)[2]
            f.write(name, "".join(line + "\n" for line in lines + [
                "%s,%s,%s" % (a, b, like) for a, b in rows]).encode())
        link("deal", "contact", ("de_011", "old_a"), ("de_012", "old_x"))
        link("task", "contact", ("ta_006", "old_b"))
        link("contact", "company", ("ct_011", "co_old"))
        change("company", "co_011", parent_company_id="co_older")
        change("attachment", "fi_08", parents=[
            {"type": "contact", "id": "old_c"}])
        f.file("tombstones.ndjson", "tombstone", b"".join(json.dumps({
            "type": kind, "id": rid, "op": "merge" if into else "delete",
            "version": 9, "updated_at": "2026-01-10T10:00:00Z",
            "merged_into": into}).encode() + b"\n" for kind, rid, into in (
                ("contact", "old_a", "old_b"), ("contact", "old_b", "old_c"),
                ("contact", "old_c", "ct_030"), ("contact", "old_x", "old_y"),
                ("contact", "old_y", None), ("company", "co_older", "co_old"),
                ("company", "co_old", "co_012"))))
        return f.done()

    def stands_on(self, s, kind, about):
        record = next(r for r in ndjson(s.target.admin, "/sim/records/" + kind)
                      if about in r["description"])
        return [(t["type"], t["id"]) for t in record["targetables"]]

    def test_what_names_a_merged_record(self):
        s, flow = self.loaded(source=self.merged_source())
        people = self.source_ids(s, "contacts", "external_id")
        accounts = self.source_ids(s, "sales_accounts", "cf_source_id")
        deals = self.source_ids(s, "deals", "cf_source_id")
        named = {r["id"]: k for k, r in people.items()}
        names = {r["id"]: k for k, r in accounts.items()}
        self.assertEqual(sorted(named[c["id"]] for c in deals["de_011"][
            "contacts"]), ["ct_011", "ct_030"])
        self.assertEqual([named[c["id"]] for c in deals["de_012"]["contacts"]],
                         ["ct_012"])
        self.assertEqual([names[a["id"]] for a in people["ct_011"][
            "sales_accounts"]], ["co_012"])
        self.assertEqual(names.get(accounts["co_011"][
            "parent_sales_account_id"]), "co_012")
        self.assertEqual(self.stands_on(s, "tasks", "task ta_006 "),
                         [("Contact", people["ct_030"]["id"])])
        self.assertEqual([(r["parent_type"], r["parent_id"]) for r in ndjson(
            s.target.admin, "/sim/files") if r["name"] == "nobody.txt"],
            [("Contact", people["ct_030"]["id"])])
        # And in the tail, when all of it stands.
        for kind, rid, into in (("contact", "ct_019", "ct_021"),
                                ("contact", "ct_005", "ct_009"),
                                ("contact", "ct_009", "ct_010"),
                                ("company", "co_016", "co_020")):
            s.source.post("/sim/admin/%s/%s" % (kind, rid),
                          {"op": "merge", "merged_into": into})
        flow.tail(changes=False)
        self.ended(flow)
        people = self.source_ids(s, "contacts", "external_id")
        deals = self.source_ids(s, "deals", "cf_source_id")
        self.assertEqual(
            {d: sorted(named[c["id"]] for c in deals[d]["contacts"])
             for d in ("de_019", "de_005")},
            {"de_019": ["ct_021"], "de_005": ["ct_010", "ct_014"]})
        self.assertEqual(names[deals["de_040"]["sales_account_id"]], "co_020")
        self.assertEqual([names[a["id"]] for a in people["ct_016"][
            "sales_accounts"]], ["co_020"])
        self.assertEqual(self.stands_on(s, "tasks", "task ta_005 "),
                         [("Contact", people["ct_010"]["id"])])

    def test_links_that_people_made_stay(self):
        """In Freshsales somebody gives a deal a contact and an account, an
        account a parent, a contact a further account; the source changes
        other fields of them."""
        s, flow = self.loaded()
        accounts = self.source_ids(s, "sales_accounts", "cf_source_id")
        people = self.source_ids(s, "contacts", "external_id")
        deals = self.source_ids(s, "deals", "cf_source_id")

        def person(kind, record, **fields):
            s.target.post("/sim/admin/%s/%d" % (kind, record["id"]), fields,
                          method="PUT")
        mine = accounts["co_024"]["id"]
        person("deals", deals["de_001"], sales_account_id=mine)
        person("deals", deals["de_030"],
               contacts_added_list=[people["ct_023"]["id"]],
               contacts_removed_list=[people["ct_030"]["id"]])
        person("sales_accounts", accounts["co_008"],
               parent_sales_account_id=mine)
        person("contacts", people["ct_013"], sales_accounts=people["ct_013"][
            "sales_accounts"] + [{"id": mine, "is_primary": False}])
        task = next(r for r in ndjson(s.target.admin, "/sim/records/tasks")
                    if "task ta_010 " in r["description"])
        person("tasks", task, targetable_type="Deal",
               targetable_id=deals["de_022"]["id"])
        self.edit(s, "task", "ta_010", subject="Another subject")
        self.edit(s, "deal", "de_001", name="Another name")
        self.edit(s, "deal", "de_030", name="One more name")
        self.edit(s, "company", "co_008", city="Elsewhere")
        self.edit(s, "contact", "ct_013", city="Elsewhere")
        flow.tail(changes=False)
        result = self.ended(flow, people={("company", "co_008")})
        deals = self.source_ids(s, "deals", "cf_source_id")
        self.assertEqual(deals["de_001"]["name"], "Another name")
        self.assertEqual(deals["de_001"]["sales_account_id"], mine)
        self.assertEqual([c["id"] for c in deals["de_030"]["contacts"]],
                         [people["ct_023"]["id"]])
        self.assertEqual(self.source_ids(
            s, "sales_accounts", "cf_source_id")["co_008"][
                "parent_sales_account_id"], mine)
        task = next(r for r in ndjson(s.target.admin, "/sim/records/tasks")
                    if r["id"] == task["id"])
        self.assertEqual((task["title"], task["targetables"]), (
            "Another subject", [{"id": deals["de_022"]["id"],
                                 "type": "Deal"}]))
        self.assertIn(mine, [a["id"] for a in self.source_ids(
            s, "contacts", "external_id")["ct_013"]["sales_accounts"]])
        told = {(c["object"], c["id"], c["field"])
                for c in result.lines("conflicts.ndjson")}
        self.assertLessEqual(
            {("deal", "de_001", "sales_account_id"),
             ("deal", "de_030", "contacts"),
             ("task", "ta_010", "targetables"),
             ("contact", "ct_013", "sales_accounts")}, told)


if __name__ == "__main__":
    unittest.main(verbosity=2)
