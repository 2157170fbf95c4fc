#!/usr/bin/env python3
"""What happens while the source is tailed: edits in Freshsales, records that
vanish, an account that changes. What counts is what the target holds."""
import decimal
import hashlib
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import Case  # noqa: E402
import cleared  # noqa: E402
from bench import Failure, ROOT, ndjson, wait_until  # noqa: E402
from collect import Result  # noqa: E402
from flow import ADMIN, ENGINEER, Flow  # noqa: E402
from truth import source_id  # noqa: E402


class Delta(Case):
    @staticmethod
    def link(s, op, from_, to, type_id):
        s.source.post("/sim/admin/associations", dict(zip(
            ("op", "from_type", "from_id", "to_type", "to_id", "type_id",
             "label", "category", "primary"),
            (op, *from_, *to, type_id, "About", "system", True))))

    def change_relations(self, s):
        """One of each: an end that is deleted, a child that is, a second
        child of one parent, a child that moves, a link that ends."""
        def post(kind, rid, body, method="POST"):
            s.source.post("/sim/admin/%s/%s" % (kind, rid), body,
                          method=method)

        def record(kind, rid):
            return next(r for r in ndjson(
                s.source.admin, "/sim/records/" + kind) if r["id"] == rid)
        post("contact", "ct_010", {"op": "delete"})
        post("co_parcel", "pa_6", {"op": "delete"})
        second = record("co_parcel", "pa_1")
        second["properties"].update(parcel_no="SECOND", weight_kg="99")
        s.source.post("/sim/admin/co_parcel", dict(second, id="pa_9"))
        self.link(s, "assoc_add", ("co_parcel", "pa_9"), ("deal", "de_003"),
                  201)
        self.link(s, "assoc_remove", ("co_parcel", "pa_5"),
                  ("deal", "de_007"), 201)
        self.link(s, "assoc_add", ("co_parcel", "pa_5"), ("deal", "de_017"),
                  201)
        company = next(r.split(",") for r in (
            ROOT / "tests/data/source/associations/deal_company.csv"
            ).read_text().splitlines() if r.startswith("de_015,"))
        self.link(s, "assoc_remove", ("deal", "de_015"),
                  ("company", company[1]), int(company[2]))

    def test_relations_that_change_and_values_that_end(self):
        s, flow = self.loaded()
        self.change_relations(s)
        cleared.begin(s)
        flow.tail(changes=False)
        cleared.go_on(self, s)
        deal = next(r for r in ndjson(s.source.admin, "/sim/records/deal")
                    if r["id"] == "de_001")  # of ct_010: read once more
        deal["properties"]["name"] = "Renamed"
        s.source.post("/sim/admin/deal/de_001", deal, method="PUT")
        flow.tail(changes=False)
        result = self.ended(flow)
        cleared.check(self, s, result)
        deals = {d["custom_field"]["cf_source_id"]: d for d in ndjson(
            s.target.admin, "/sim/records/deals")}
        self.assertEqual(deals["de_001"]["name"], "Renamed")
        parcel = {k: d["custom_field"].get("cf_parcel_source_id")
                  for k, d in deals.items()}
        self.assertEqual((parcel["de_003"], parcel["de_017"]),
                         ("pa_1", "pa_5"))
        self.assertIsNone(deals["de_015"]["sales_account_id"])
        lines = {r["id"]: r for r in result.lines("records.ndjson")
                 if r["object"] == "co_parcel"}
        self.assertEqual(
            {i: lines[i]["state"] for i in ("pa_1", "pa_5", "pa_6", "pa_9")},
            {"pa_1": "merged", "pa_5": "merged", "pa_6": "deleted",
             "pa_9": "rejected"})
        self.assertEqual({r["id"] for r in result.lines("removals.ndjson")},
                         {"ct_010"})
        self.assertEqual([(c["id"], c["field"]) for c in result.lines(
            "conflicts.ndjson") if c["object"] == "co_parcel"],
            [("pa_5", "@record")])

    @staticmethod
    def beside(s, *ids):
        """The notes that Drover made of other records, by these."""
        return {i: [r["description"] for r in ndjson(
            s.target.admin, "/sim/records/notes")
            if source_id("notes", r) == i] for i in ids}

    def test_what_a_record_makes_no_more(self):
        """A file that is mended needs no note about it, a text that became
        short none of the whole: they go, and nobody is asked."""
        s, flow = self.loaded(words=["--long-texts", "note"])
        self.assertEqual({k: len(v) for k, v in self.beside(
            s, "fi_06", "em_04").items()}, {"fi_06": 1, "em_04": 1})
        data = (ROOT / "tests/data/source/files/fi_06").read_bytes()
        for kind, rid, properties in (
                ("email", "em_04", {"body": "A short story."}),
                ("attachment", "fi_06", {
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": str(len(data))})):
            record = next(r for r in ndjson(
                s.source.admin, "/sim/records/" + kind) if r["id"] == rid)
            record["properties"].update(properties)
            s.source.post("/sim/admin/%s/%s" % (kind, rid), record,
                          method="PUT")
        flow.tail(changes=False)
        result = self.ended(flow)
        self.assertEqual(self.beside(s, "fi_06", "em_04"),
                         {"fi_06": [], "em_04": []})
        lines = {x["id"]: x for x in result.lines("records.ndjson")}
        self.assertEqual(
            {i: (lines[i]["state"], lines[i]["type"], lines[i]["also"])
             for i in ("fi_06", "em_04")},
            {"fi_06": ("landed", "files", []),
             "em_04": ("landed", "sales_activities", [])})
        self.assertEqual(result.lines("removals.ndjson"), [])
        self.assertEqual(result.lines("conflicts.ndjson"), [])

    def test_what_another_plan_made(self):
        """A sample was sent under a plan that makes notes: those that the next
        one does not make go, and nobody is asked. What is made again by a
        third one stands there again."""
        s = self.stack(words=["--long-texts", "note", "--custom-objects",
                              "co_parcel=notes"])
        s.start()
        flow = Flow(s, limit=240)
        flow.audit()
        self.sampled(flow)
        some = ("em_04", "pa_1", "pa_5")
        first = {i: len(v) for i, v in self.beside(s, *some).items()}
        self.assertEqual(first, {i: 1 for i in some})
        s.o.words = ["--long-texts", "cut"]
        self.sampled(flow)
        wait_until(lambda: "they go: %s" % self.beside(s, *some),
                   lambda: not any(self.beside(s, *some).values()), 60)
        s.o.words = ["--long-texts", "note"]
        self.sampled(flow)
        flow.sign()
        flow.run()
        flow.tail(changes=False)
        flow.freeze()
        flow.cutover()
        result = Result(flow).all()
        twice = result.truth().problems()  # the first was taken back between
        self.assertEqual(len(twice), 1, twice)
        self.assertIn("created more than once: notes", twice[0])
        for judge in (result.books, result.standing, result.verified,
                      result.activities().problems):
            self.assertEqual(judge(), [])
        self.assertEqual(
            {i: len(v) for i, v in self.beside(s, *some).items()},
            {"em_04": 1, "pa_1": 0, "pa_5": 0})
        lines = {x["id"]: x for x in result.lines("records.ndjson")}
        self.assertEqual([a["type"] for a in lines["em_04"]["also"]],
                         ["notes"])
        self.assertEqual(lines["pa_1"]["also"], [])

    @staticmethod
    def sampled(flow):
        """All there is, under the plan of the words."""
        flow.plan()
        flow.approve()
        flow.sample(size=500)

    @staticmethod
    def hanging(s, on):
        """{kind: ids of what hangs on a record of this type}"""
        return {kind: [r["id"] for r in ndjson(
            s.target.admin, "/sim/records/" + kind)
            if any(t["type"] == on for t in r["targetables"])]
            for kind in ("tasks", "appointments", "sales_activities",
                         "notes", "document_links")}

    @staticmethod
    def hang_on_a_lead(s):
        """A note and a file more."""
        with_company = {line.split(",")[0] for line in (
            ROOT / "tests/data/source/associations/contact_company.csv"
            ).read_text().splitlines()}
        lead = next(r["id"] for r in ndjson(
            s.source.admin, "/sim/records/contact")
            if r["properties"]["record_kind"] == "person" and
            r["id"] not in with_company and r["properties"]["email"] and
            not r["properties"]["converted_at"])
        note = ndjson(s.source.admin, "/sim/records/note")[0]
        s.source.post("/sim/admin/note", dict(note, id="no_lead"))
        s.source.post("/sim/admin/associations", {
            "op": "assoc_add", "from_type": "note", "from_id": "no_lead",
            "to_type": "contact", "to_id": lead, "type_id": 51,
            "label": "About", "category": "system", "primary": True})
        file = next(r for r in ndjson(  # which belonged to nobody
            s.source.admin, "/sim/records/attachment") if r["id"] == "fi_08")
        file["properties"]["parents"] = [{"type": "contact", "id": lead}]
        s.source.post("/sim/admin/attachment/fi_08", file, method="PUT")

    @staticmethod
    def without_target(rejected):
        return [r["id"] for r in rejected if r["stage"] == "load" and
                r["class"] in ("no_target", "gone")]

    def test_what_hangs_on_leads_becomes_the_contacts(self):
        """Every lead of the classic edition is converted at the source, and
        nothing else changes there, but for one that lost its values before."""
        s, flow = self.loaded(tenant=self.variant("classic"))
        self.hang_on_a_lead(s)
        cleared.edit(s, "contact", "ct_048", email=None, lead_status=None,
                     lead_source=None)
        flow.tail(changes=False)
        hung = self.hanging(s, "Lead")
        self.assertTrue(hung["notes"] and hung["sales_activities"], hung)
        self.assertEqual(self.without_target(map(json.loads, flow.drover.text(
            "rejected", "list").splitlines())), ["fi_08"])
        held = {r["custom_field"]["cf_source_id"]: r for r in ndjson(
            s.target.admin, "/sim/records/leads")}
        leads = set(held) - {None}
        self.assertEqual([held["ct_048"][k] for k in (
            "email", "emails", "lead_stage_id", "lead_source_id")],
            [None, [], None, None])
        self.assertEqual(held["ct_048"]["mobile_number"],
                         held["ct_048"]["work_number"])
        for r in ndjson(s.source.admin, "/sim/records/contact"):
            if r["id"] in leads:
                r["properties"]["converted_at"] = "2024-06-01T09:00:00Z"
                s.source.post("/sim/admin/contact/" + r["id"], r,
                              method="PUT")
        flow.tail(changes=False)
        result = self.ended(flow)
        self.assertEqual([k for k, v in self.hanging(s, "Lead").items()
                          if v], [])
        on = self.hanging(s, "Contact")
        for kind, ids in hung.items():
            self.assertLessEqual(set(ids), set(on[kind]), kind)
        self.assertEqual(self.without_target(
            result.lines("rejected.ndjson")), [])
        state = {r["id"]: r["state"] for r in result.lines("records.ndjson")
                 if r["object"] in ("note", "attachment")}
        self.assertEqual((state["no_lead"], state["fi_08"]),
                         ("landed", "landed"))
        self.assertEqual(flow.status()["pass"], 3)  # sample, full, links

    def assert_file_followed(self, s, result, was, into):
        self.assertEqual(self.holders(s, "empty.txt"), {
            ("Contact", was), ("Contact", into)})
        new = next(f["id"] for f in result.lines(
            "freshsales/records/files.ndjson") if f["parent_id"] == into)
        self.assertNotIn(was, {r["id"] for r in ndjson(
            s.target.admin, "/sim/records/contacts")})
        self.assertEqual([(c["target_id"], c["field"]) for c in
                          result.conflicts() if c["id"] == "fi_03"],
                         [(new, "targetables")])

    @staticmethod
    def holders(s, name):
        """What files of this name stand on."""
        return {(f["parent_type"], f["parent_id"]) for f in ndjson(
            s.target.admin, "/sim/records/files") if f["name"] == name}

    @staticmethod
    def target_of(s, kind, key, value):
        return next(r for r in ndjson(s.target.admin, "/sim/records/" + kind)
                    if r.get(key) == value)

    def test_an_edit_in_freshsales_is_kept(self):
        """The title of ct_020 changes at the source, too; of ct_021 only
        another field does, and nothing of ct_022: but the walk that follows
        a change in bulk shows it, and it is no loss."""
        s, flow = self.loaded()
        for rid in ("ct_020", "ct_021", "ct_022"):
            mine = self.target_of(s, "contacts", "external_id", rid)
            s.target.post("/sim/admin/contacts/%d" % mine["id"],
                          {"job_title": "Chosen here"}, method="PUT")
        for other in ndjson(s.source.admin, "/sim/records/contact"):
            if other["properties"].get("record_kind") == "contact" and \
                    other["id"] not in ("ct_020", "ct_022"):
                other["properties"]["city"] = "Elsewhere"
                s.source.post("/sim/admin/contact/" + other["id"], other,
                              method="PUT")
        flow.tail()
        result = self.ended(flow)
        for rid in ("ct_020", "ct_021", "ct_022"):
            mine = self.target_of(s, "contacts", "external_id", rid)
            self.assertEqual(mine["job_title"], "Chosen here", rid)
            self.assertEqual(mine["city"] == "Elsewhere", rid == "ct_021")
        conflicts = [(c["object"], c["id"], c["field"]) for c in
                     result.lines("conflicts.ndjson")]
        self.assertIn(("contact", "ct_020", "job_title"), conflicts)
        told = next(c for c in result.lines("conflicts.ndjson")
                    if c["id"] == "ct_020")
        mine = self.target_of(s, "contacts", "external_id", "ct_020")
        of_source = next(r["properties"]["job_title"] for r in ndjson(
            s.source.admin, "/sim/records/contact") if r["id"] == "ct_020")
        self.assertEqual(
            [told[k] for k in ("name", "type", "target_id", "property",
                               "source", "wanted", "target")],
            [mine["display_name"], "contacts", mine["id"], "job_title",
             of_source, of_source, "Chosen here"])
        self.assertTrue(any(
            (d["object"], d["id"], d["field"]) == ("contact", "ct_020",
                                                   "job_title")
            for d in result.json("reconciliation.json")["differences"]))

    def test_a_deletion_of_what_was_changed_here_is_not_carried_out(self):
        s, flow = self.loaded()
        mine = self.target_of(s, "contacts", "external_id", "ct_044")
        s.target.post("/sim/admin/contacts/%d" % mine["id"],
                      {"job_title": "Needed here"}, method="PUT")
        flow.tail()  # deletes ct_044 at the source
        result = self.ended(flow)
        self.assertEqual(self.target_of(
            s, "contacts", "external_id", "ct_044")["job_title"],
            "Needed here")
        state = {(r["object"], r["id"]): r["state"]
                 for r in result.lines("removals.ndjson")}
        self.assertEqual(state["contact", "ct_044"], "kept")
        self.assertEqual(state["note", "no_05"], "deleted")
        told = next(r for r in result.lines("removals.ndjson")
                    if r["id"] == "ct_044")
        mine = self.target_of(s, "contacts", "external_id", "ct_044")
        users = {u["id"]: u["display_name"] for u in json.loads(
            result.files["freshsales/tenant.json"])["selectors"]["users"]}
        self.assertEqual(
            [told[k] for k in ("name", "target_id", "owner")],
            [mine["display_name"], mine["id"], users[mine["owner_id"]]])

    def change(self, s, kind, rid, **properties):
        r = next(r for r in ndjson(s.source.admin, "/sim/records/" + kind)
                 if r["id"] == rid)
        r["properties"].update(properties)
        s.source.post("/sim/admin/%s/%s" % (kind, rid), r, method="PUT")

    @staticmethod
    def never_written_into(s, at):
        """A deal without lines and an account without a parent: the first of
        either will be what finds that they are gone."""
        deals = [d["custom_field"]["cf_source_id"] for d in ndjson(
            s.target.admin, "/sim/records/deals") if not d["products"]]
        accounts = {a["id"]: a for a in ndjson(
            s.target.admin, "/sim/records/sales_accounts")}
        parents = {a["parent_sales_account_id"] for a in accounts.values()}
        accounts = [a["custom_field"]["cf_source_id"]
                    for a in accounts.values() if a["id"] not in parents and
                    a["parent_sales_account_id"] is None]
        return (next(i for i in sorted(filter(None, deals))
                     if at.get(("deal", i), (0, 0))[1]),
                next(i for i in sorted(filter(None, accounts), reverse=True)
                     if at.get(("company", i), (0, 0))[1]))

    @staticmethod
    def called(s, *ids):
        """What the accounts of these companies are called."""
        have = {r["custom_field"]["cf_source_id"]: r["name"] for r in ndjson(
            s.target.admin, "/sim/records/sales_accounts")}
        return [have[i] for i in ids]

    @staticmethod
    def own_name(s):
        """A deal of the source whose name no other one has: (id, name)."""
        deals = {r["id"]: r["properties"]["name"] for r in ndjson(
            s.source.admin, "/sim/records/deal")}
        names = list(deals.values())
        return next((i, n) for i, n in deals.items() if names.count(n) == 1)

    def test_names_that_collide(self):
        """With an account and a deal that somebody made after the plan was
        approved, with a company of the tail, with one that is renamed. One that
        was renamed by the plan gets another name at the source."""
        s = self.stack()
        s.start()
        flow = Flow(s, limit=240)
        flow.audit()
        flow.plan()
        flow.approve()
        s.target.post("/sim/admin/sales_accounts",
                      {"name": "Yew Labs", "city": "Of a person"})
        deal, name = self.own_name(s)
        s.target.post("/sim/admin/deals", {"name": name, "amount": "1.0"})
        theirs = self.target_of(s, "deals", "name", name)
        flow.sample()
        flow.sign()
        flow.run()
        self.assertEqual(self.called(s, "co_008", "co_024"),
                         ["Hazel Works (co_008)", "Yew Labs (co_024)"])
        have = {d["id"]: d for d in ndjson(s.target.admin,
                                           "/sim/records/deals")}
        self.assertEqual(have[theirs["id"]], theirs)
        self.assertEqual([d["name"] for d in have.values()
                          if d["custom_field"].get("cf_source_id") == deal],
                         [name])
        s.target.post("/sim/admin/deals/%d" % theirs["id"], None,
                      method="DELETE")  # the books do not count it
        new = next(r for r in ndjson(s.source.admin, "/sim/records/company")
                   if r["id"] == "co_001")
        s.source.post("/sim/admin/company", dict(new, id="co_new"))
        self.change(s, "company", "co_002", name="Cedar Labs")
        self.change(s, "company", "co_008", name="Ivy Works")
        flow.tail(changes=False)
        self.assertEqual(
            self.called(s, "co_001", "co_002", "co_003", "co_008", "co_new"),
            ["Alder Works", "Cedar Labs (co_002)", "Cedar Labs", "Ivy Works",
             "Alder Works (co_new)"])
        self.change(s, "company", "co_003", name="Cedar House")
        flow.tail(changes=False)
        self.change(s, "company", "co_002", city="Elsewhere")
        flow.tail(changes=False)
        theirs = self.target_of(s, "sales_accounts", "name", "Yew Labs")
        self.assertEqual((theirs["city"], theirs["custom_field"].get(
            "cf_source_id")), ("Of a person", None))
        s.target.post("/sim/admin/sales_accounts/%d" % theirs["id"], None,
                      method="DELETE")  # the books do not count it
        result = self.ended(flow)
        self.assertEqual(self.called(s, "co_002", "co_003"),
                         ["Cedar Labs", "Cedar House"])
        told = [[c[k] for k in ("object", "id", "field", "source", "wanted",
                                "target")]
                for c in result.lines("conflicts.ndjson")]
        self.assertEqual(told, [
            ["company", i, "name", name, name, "%s (%s)" % (name, i)]
            for i, name in (("co_024", "Yew Labs"),
                            ("co_new", "Alder Works"))])
        self.assertEqual(flow.status()["conflicts"], 2)
        self.assertLessEqual(
            {("co_024", "Yew Labs (co_024)"),
             ("co_new", "Alder Works (co_new)")},
            {(d["id"], d["actual"]) for d in result.json(
                "reconciliation.json")["differences"]
             if d["field"] == "name"})

    def parents(self, s, *ids):
        have = {r["custom_field"]["cf_source_id"]: r for r in ndjson(
            s.target.admin, "/sim/records/sales_accounts")}
        at = {r["id"]: i for i, r in have.items()}
        return [at.get(have[i]["parent_sales_account_id"]) for i in ids]

    def addresses(self, s, *ids):
        have = {r["external_id"]: r for r in ndjson(
            s.target.admin, "/sim/records/contacts")}
        return [tuple(v and v.lower() for v in (
            have[i]["email"], have[i]["work_email"])) for i in ids]

    def test_circles_and_addresses_that_change(self):
        """A circle that the plan cut is none any more, one arises, and a third
        comes and goes. The first of two with one address gets another, a
        contact takes that of a third, and one gives way once more."""
        s, flow = self.loaded()
        shared = "ada.contact.0@mail.example"
        of = {i: "%s.contact.%d@mail.example" % n for i, n in (
            ("ct_007", ("ada", 6)), ("ct_008", ("chen", 7)))}
        self.assertEqual(self.parents(s, "co_004", "co_005"), ["co_005", None])
        self.assertEqual(self.addresses(s, "ct_002", "ct_001"),
                         [(shared, None), (None, shared)])
        self.assertEqual(flow.status()["conflicts"], 0)
        self.change(s, "company", "co_004", parent_company_id="co_008")
        self.change(s, "company", "co_001", parent_company_id="co_003")
        self.change(s, "contact", "ct_002", email="new@mail.example")
        self.change(s, "contact", "ct_008", email=of["ct_007"])
        flow.tail(changes=False)
        self.assertEqual(
            self.parents(s, "co_001", "co_002", "co_003", "co_004"),
            [None, "co_001", "co_002", "co_008"])
        self.assertEqual(self.addresses(s, "ct_007", "ct_008"),
                         [(of["ct_007"], None), (None, of["ct_007"])])
        self.change(s, "company", "co_013", parent_company_id="co_014")
        flow.tail(changes=False)
        self.change(s, "company", "co_014", parent_company_id="co_013")
        flow.tail(changes=False)
        self.change(s, "company", "co_013", parent_company_id="co_016")
        flow.tail(changes=False)
        self.assertEqual(self.parents(s, "co_013", "co_014"),
                         ["co_016", None])
        result = self.ended(flow)
        self.assertEqual(
            self.parents(s, "co_001", "co_002", "co_003", "co_004", "co_005",
                         "co_013", "co_014"),
            [None, "co_001", "co_002", "co_008", "co_004", "co_016",
             "co_013"])
        self.assertEqual(
            self.addresses(s, "ct_002", "ct_001", "ct_007", "ct_008"),
            [("new@mail.example", None), (shared, None),
             (of["ct_007"], None), (None, of["ct_007"])])
        self.assertEqual(
            [[c[k] for k in ("object", "id", "field", "source")]
             for c in result.lines("conflicts.ndjson")],
            [["company", "co_001", "parent_sales_account_id", "co_003"],
             ["contact", "ct_008", "emails", of["ct_007"]]])
        differences = {(d["id"], d["field"]): d["cause"] for d in result.json(
            "reconciliation.json")["differences"]}
        self.assertIn("circle", differences["co_001", "parent_company_id"])
        self.assertIn("another contact has this address",
                      differences["ct_008", "email"])
        self.assertFalse({("co_005", "parent_company_id"),
                          ("ct_001", "email")} & set(differences))

    def test_what_people_deleted_is_told_as_that(self):
        """A contact, a deal with lines and a task are deleted by hand in
        Freshsales, then they change at the source; so do a deal and an account
        into which nothing was written before. Another contact is only
        deleted: nobody looked, so its line says what was read when it was
        written."""
        s, flow = self.loaded()
        at = {(r["object"], r["id"]): (r["type"], r["target_id"])
              for r in map(json.loads, flow.drover.text(
                  "report", "records.ndjson").splitlines())}
        deal = next(d["custom_field"]["cf_source_id"] for d in ndjson(
            s.target.admin, "/sim/records/deals") if d["products"]
            and at["deal", d["custom_field"]["cf_source_id"]])
        bare, alone = self.never_written_into(s, at)
        lost = [("contact", "ct_026"), ("deal", deal), ("task", "ta_009"),
                ("deal", bare), ("company", alone)]
        for key in lost:
            self.assertTrue(at[key][1], key)
            s.target.post("/sim/admin/%s/%d" % at[key], None,
                          method="DELETE")
        self.change(s, "contact", "ct_026", job_title="Changed")
        self.change(s, "deal", deal, amount="1.23")
        self.change(s, "task", "ta_009", subject="Changed")
        line = ndjson(s.source.admin, "/sim/records/line_item")[0]
        line["id"] = "li_new"
        line["properties"].update(deal_id=bare)
        s.source.post("/sim/admin/line_item", line)
        self.change(s, "company", alone, parent_company_id="co_001")
        flow.tail(changes=False)
        result = self.ended(flow)
        lines = {(r["object"], r["id"]): r
                 for r in result.lines("records.ndjson")}
        told = {(r["object"], r["id"]): r
                for r in result.lines("rejected.ndjson")}
        diffs = {(d["object"], d["id"]): d for d in result.json(
            "reconciliation.json")["differences"] if d["field"] == "*"}
        of_deal = [k for k, r in lines.items() if k[0] == "line_item" and
                   at.get(k) == at["deal", deal]]
        self.assertTrue(of_deal)
        of_deal.append(("line_item", "li_new"))
        for key in lost + of_deal:
            self.assertEqual((lines[key]["state"], lines[key]["target_id"]),
                             ("rejected", None), lines[key])
            self.assertEqual(told[key]["class"], "gone", told[key])
            self.assertIn("somebody deleted it", diffs[key]["cause"].replace(
                "its deal", "it"))
            self.assertEqual("recycle bin of" in told[key]["cure"],
                             key[0] != "task", told[key])
        sums = self.sums(result)
        have = sum(decimal.Decimal(d["amount"] or "0") for d in ndjson(
            s.target.admin, "/sim/records/deals"))
        self.assertEqual(sum(decimal.Decimal(t[1]) for k, t in sums.items()
                             if k[:2] == ("deal", "amount")), have)

    def test_an_amount_that_somebody_changed_is_kept(self):
        """Only a line changes at the source; it overwrites the amount, which
        is written again: theirs. That is no loss, and where nobody changed it,
        it is the source's."""
        s, flow = self.loaded()
        edited, other = sorted(
            (d for d in ndjson(s.target.admin, "/sim/records/deals")
             if d["products"]),
            key=lambda d: d["custom_field"]["cf_source_id"])[:2]
        ids = [d["custom_field"]["cf_source_id"] for d in (edited, other)]
        s.target.post("/sim/admin/deals/%d" % edited["id"],
                      {"amount": "4321.0"}, method="PUT")
        for rid in ids:
            line = next(r["id"] for r in ndjson(
                s.source.admin, "/sim/records/line_item")
                if r["properties"]["deal_id"] == rid)
            self.change(s, "line_item", line, quantity="77")
        flow.tail(changes=False)
        result = self.ended(flow)
        have = {d["id"]: d for d in ndjson(s.target.admin,
                                           "/sim/records/deals")}
        for d in (edited, other):
            self.assertIn(77, [p["quantity"]
                               for p in have[d["id"]]["products"]])
        self.assertEqual([have[d["id"]]["amount"] for d in (edited, other)],
                         ["4321.0", other["amount"]])
        told = [c for c in result.lines("conflicts.ndjson")
                if c["field"] == "amount"]
        self.assertEqual([(c["object"], c["id"], c["target"], c["target_id"])
                          for c in told],
                         [("deal", ids[0], "4321.0", edited["id"])])

    def test_an_amount_that_is_refused_is_told(self):
        """A line changes, and with it the amount that it leaves in the deal:
        Freshsales takes the line, and not the amount that is the deal's."""
        s, flow = self.loaded()
        deal = min((d for d in ndjson(s.target.admin, "/sim/records/deals")
                    if d["products"]),
                   key=lambda d: d["custom_field"]["cf_source_id"])
        rid = deal["custom_field"]["cf_source_id"]
        line = next(r["id"] for r in ndjson(
            s.source.admin, "/sim/records/line_item")
            if r["properties"]["deal_id"] == rid)
        s.target.post("/sim/faults", [{
            "name": "no", "nth": 2, "times": -1, "action": {"status": 400},
            "match": {"method": "PUT", "path": "/deals/%d" % deal["id"]}}])
        self.change(s, "line_item", line, quantity="77")
        flow.tail(changes=False)
        flow.freeze()
        flow.cutover()
        result = Result(flow).all()
        have = next(d for d in ndjson(s.target.admin, "/sim/records/deals")
                    if d["id"] == deal["id"])
        self.assertEqual([p["quantity"] for p in have["products"]], [77])
        self.assertNotEqual(have["amount"], deal["amount"])
        diffs = {(d["object"], d["field"]): d["actual"] for d in result.json(
            "reconciliation.json")["differences"] if d["id"] == rid}
        self.assertEqual(diffs["deal", "amount"], have["amount"])
        self.assertEqual(diffs["line_item", "amount"], "what its lines make")
        self.assertNotIn(("line_item", "*"), diffs)
        of_line = next(r for r in result.lines("records.ndjson")
                       if (r["object"], r["id"]) == ("line_item", line))
        self.assertEqual((of_line["state"], of_line["target_id"]),
                         ("landed", deal["id"]))

    def test_what_was_restored_there_is_proposed_for_deletion(self):
        """Two contacts are deleted in Freshsales, which a change at the source
        meets; one is restored there. Then both are deleted at the source:
        only a look tells the two apart. A third is merged, and removed with
        them: its file, which no call moves, is uploaded once more."""
        s, flow = self.loaded()
        ids = {i: self.target_of(s, "contacts", "external_id", i)["id"]
               for i in ("ct_026", "ct_030")}
        for rid, mine in ids.items():
            s.target.post("/sim/admin/contacts/%d" % mine, None,
                          method="DELETE")
            self.change(s, "contact", rid, job_title="Changed")
        flow.tail(changes=False)
        s.target.post("/sim/admin/contacts/%d" % ids["ct_026"],
                      {"is_deleted": False}, method="PUT")
        for rid in ids:
            s.source.post("/sim/admin/contact/" + rid, None, method="DELETE")
        was, into = (self.target_of(s, "contacts", "external_id", i)["id"]
                     for i in ("ct_003", "ct_004"))
        self.assertIn(("Contact", was), self.holders(s, "empty.txt"))
        s.source.post("/sim/admin/contact/ct_003",
                      {"op": "merge", "merged_into": "ct_004"})
        flow.tail(changes=False)
        result = self.ended(flow)
        self.assert_file_followed(s, result, was, into)
        self.assertEqual({r["external_id"] for r in ndjson(
            s.target.admin, "/sim/records/contacts")} & set(ids), set())
        state = {r["id"]: r["state"] for r in result.lines("removals.ndjson")}
        self.assertEqual({i: state[i] for i in ids},
                         {"ct_026": "deleted", "ct_030": "gone"})

    def test_nothing_is_deleted_without_a_word(self):
        s, flow = self.loaded()
        before = len(ndjson(s.target.admin, "/sim/records/tasks"))
        flow.removals = lambda: None
        flow.tail()
        flow.wait("deletions are proposed and the rest is loaded", lambda st:
                  st["removals"]["proposed"] > 0 and flow.lanes_done(st))
        self.assertEqual(len(ndjson(s.target.admin, "/sim/records/tasks")),
                         before)
        flow.verb("freeze", "--by", ADMIN)
        why = flow.wait("the gate tells them", lambda st:
                        "drover removals list" in st["gate"]["why"] and
                        st["gate"]["why"])
        open_ = flow.status()["removals"]["proposed"]
        self.assertIn("%d records are gone at the source" % open_, why)
        self.assertIn("`drover removals approve --all`", why)
        with self.assertRaisesRegex(Failure, "--keep-removals"):
            flow.verb("cutover", "--by", ENGINEER)
        self.assertEqual(flow.status()["phase"], "freeze")
        self.kept_by_decision(s, flow, open_)

    def kept_by_decision(self, s, flow, n):
        """Whoever cuts over may say that they stay, and is named."""
        def listed():
            return [json.loads(x) for x in s.drover.text(
                "removals", "list").splitlines()]
        open_ = [r for r in listed() if r["state"] == "proposed"]
        self.assertEqual(len(open_), n)
        self.assertEqual({(r["decided_by"], r["decided_at"]) for r in open_},
                         {(None, None)})
        def cut_over():
            try:
                flow.verb("cutover", "--keep-removals", "--by", ENGINEER)
            except Failure as e:  # the last links are looked for behind it
                self.assertIn("whose links", str(e))
                return False
            return True
        wait_until("it is cut over", cut_over, 60)
        stay = [r for r in listed() if r["state"] == "stays"]
        self.assertEqual([dict(r, state="proposed", decided_by=None,
                               decided_at=None) for r in stay], open_)
        self.assertEqual({r["decided_by"] for r in stay}, {ENGINEER})
        self.assertRegex(stay[0]["decided_at"], r"^20\d\d-")
        status = flow.status()
        self.assertEqual([status["phase"]] + [status["removals"][k] for k in (
            "proposed", "stays")], ["cutover", 0, n])
        for r in stay:
            self.assertIn(r["target_id"], {x["id"] for x in ndjson(
                s.target.admin, "/sim/records/" + r["type"])})

    def test_the_status_adds_up_and_tells_drift(self):
        s = self.stack()
        s.start()
        flow = Flow(s, limit=120)
        flow.audit()
        status = flow.status()
        files = status["files"]
        self.assertEqual(status["source"]["drift"], [])
        self.assertGreater(files["pending_bytes"], 0)
        self.assertEqual((files["pending"], files["pending_bytes"]),
                         (files["known"], files["known_bytes"]))
        self.assertEqual((files["failing"], files["failing_hosts"]), (0, []))
        flow.plan()
        s.source.post("/sim/faults", [{
            "name": "f", "match": {"path": "^/files/"}, "times": -1,
            "action": {"status": 503}}])
        flow.approve()
        files = flow.wait("files fail", lambda st: st["files"]["failing"] > 1
                          and st["files"])
        self.assertEqual(files["failing_hosts"], [
            {"host": "127.0.0.1", "files": files["failing"]}])
        s.source.post("/sim/faults", [])
        flow.sample()
        flow.sign()
        flow.run()
        s.source.post("/sim/admin/schema", {
            "op": "schema", "change": "property_add", "type": "deal",
            "property": {"name": "region", "label": "Region",
                         "data_type": "string", "options": []}})
        flow.tail()
        flow.freeze()
        status = flow.status()
        self.assertTrue(status["source"]["schema_drift"])
        self.assertIn("new property deal.region", status["source"]["drift"])
        source = status["source"]  # nothing is behind the freeze
        self.assertEqual({source["lag_s"]} | {
            o[k] for o in source["objects"] for k in ("lag_s", "lag_records")},
            {0})
        lanes = {lane["lane"]: lane for lane in status["lanes"]}
        for lane in lanes.values():
            self.assertEqual(lane["planned"], sum(
                lane[k] for k in ("done", "refused", "idle", "lag")), lane)
            self.assertGreaterEqual(lane["load_records"], lane["planned"])
            self.assertEqual(lane["lag"], 0, lane)
        # What changed in the tail is the same key once more.
        self.assertGreater(lanes["contact"]["load_records"],
                           lanes["contact"]["planned"])
        self.assertEqual(status["progress"]["planned"], sum(
            lane["planned"] for lane in lanes.values()))
        files = status["files"]
        self.assertEqual((files["failing"], files["failing_hosts"]), (0, []))
        sizes = {r["id"]: int(r["properties"]["size"]) for r in ndjson(
            s.source.admin, "/sim/records/attachment")}
        landed = {r["id"] for r in Result(flow).all().lines("records.ndjson")
                  if r["object"] == "attachment" and
                  r["state"] == "landed" and r["type"] == "files"}
        self.assertEqual((files["known"], files["known_bytes"]),
                         (len(sizes), sum(sizes.values())))
        self.assertEqual((files["landed"], files["landed_bytes"]),
                         (len(landed), sum(sizes[i] for i in landed)))
        self.assertGreater(files["landed_bytes"], 0)
        self.assertEqual((files["pending"], files["pending_bytes"],
                          files["to_fetch"]), (0, 0, 0))
        self.found_and_listed(s)

    def found_and_listed(self, s):
        """What the books say of one record, and of a class of them."""
        line = ndjson(s.source.admin, "/sim/records/line_item")[0]["id"]
        found = s.drover.json("find", line, "--object", "line_item")
        self.assertEqual([m["updated_at"] for m in found["matches"]], [None])
        found = s.drover.json("find", "co_001", "--object", "company")
        self.assertRegex(found["matches"][0]["updated_at"], "^20")

        def listed(*words):
            return [json.loads(x) for x in s.drover.text(
                "rejected", "list", *words).splitlines()]
        rejected = listed()
        classes = {r["class"] for r in rejected}
        self.assertGreater(len(classes), 2)
        for name in classes | {"storage_full"}:
            self.assertEqual(listed("--class", name), [
                r for r in rejected if r["class"] == name], name)

    def test_mass_absence_stops_and_asks(self):
        s, flow = self.loaded()
        for r in ndjson(s.source.admin, "/sim/records/meeting"):
            s.source.post("/sim/admin/meeting", {
                "op": "purge", "type": "meeting", "id": r["id"]})
        flow.let_pass = lambda status: None
        flow.tail()
        flow.verb("freeze", "--by", ADMIN)
        asks = flow.wait("the extractor asks", lambda st: [
            q for q in st["source"]["asks"] if q["kind"] == "absence"])
        self.assertIn("meeting", asks[0]["id"])
        self.assertGreater(len(ndjson(s.target.admin,
                                      "/sim/records/appointments")), 0)
        del flow.let_pass
        result = self.ended(flow, freeze=False)
        self.assertEqual(ndjson(s.target.admin, "/sim/records/appointments"),
                         [])
        self.assertEqual({x["state"] for x in result.lines("records.ndjson")
                          if x["object"] == "meeting"}, {"deleted"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
