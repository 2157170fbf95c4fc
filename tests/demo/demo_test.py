#!/usr/bin/env python3
"""The demo's own judgement: a checker that cannot fail proves nothing."""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
from bench import Failure, ORPHAN  # noqa: E402
from check_expected import CARRIED, Check  # noqa: E402
from demo import FAILED, LARGE, OK, Given, given_by, memory  # noqa: E402
from flow import Say  # noqa: E402
from links import Links  # noqa: E402
from outdir import MARKER, OWN, SAYS, emptied, guarded  # noqa: E402
from stack import Options, longest_delay, parse_kills  # noqa: E402
from truth import Truth  # noqa: E402

MARK = "00112233445566778899aabbccddeeff"


def record(id_, source=None, by="api", owner=1, **more):
    return dict({"id": id_, "owner_id": owner, "_sim": {"created_by": by},
                 "custom_field": {"cf_source_id": source}}, **more)


def line(obj, id_, state="landed", type_=None, target=None, **more):
    return dict({"object": obj, "id": id_, "state": state, "type": type_,
                 "target_id": target, "also": [], "rule": None,
                 "reason": None}, **more)


class TruthTest(unittest.TestCase):
    def setUp(self):
        self.hashes, self.wanted = {}, {}
        self.source, self.told = {}, []
        self.records = {
            "sales_accounts": [record(10, "co_1"), record(11, by="seed"),
                               record(12, ORPHAN)],
            "contacts": [record(20, external_id="ct_1")],
            "deals": [record(30, "de_1")],
            "tasks": [record(40, description="x\nFastTrack task ta_1 [%s]"
                             % MARK)]}
        self.rejected = [{"object": "deal", "id": "de_8", "class": "bad"}]
        self.journal = [
            {"effect": True, "markers": ["de_1"],
             "record_ids": [{"type": "deals", "id": 30, "op": "create"}]},
            {"effect": False, "markers": ["de_1"],
             "record_ids": [{"type": "deals", "id": 31, "op": "create"}]},
            {"effect": True, "markers": ["de_1"],
             "record_ids": [{"type": "deals", "id": 30, "op": "update"}]}]
        self.lines = [
            line("company", "co_1", type_="sales_accounts", target="10"),
            line("company", "co_2", "merged", "sales_accounts", "11"),
            line("contact", "ct_1", type_="contacts", target="20"),
            line("deal", "de_1", type_="deals", target="30"),
            line("line_item", "li_1", type_="deals", target="30"),
            line("task", "ta_1", type_="tasks", target="40"),
            line("note", "no_1", "excluded"),
            line("owner", "o_1", "merged", "users", "1")]

    def problems(self):
        return Truth(self.records, self.journal, {"selectors": {"users": [
            {"id": 1, "is_active": True}, {"id": 2, "is_active": False}]}},
            self.lines, self.rejected, self.hashes, self.wanted, self.source,
            self.told).problems()

    def only(self, text):
        found = self.problems()
        self.assertEqual(len(found), 1, found)
        self.assertIn(text, found[0])

    def test_nothing_to_find(self):
        self.assertEqual(self.problems(), [])

    def test_a_record_that_stands_twice(self):
        self.records["contacts"].append(record(21, external_id="ct_1",
                                               by="seed"))
        self.only("contacts that stand twice: ct_1 (20 21)")

    def test_a_task_that_stands_twice(self):
        self.records["tasks"].append(dict(
            copy.deepcopy(self.records["tasks"][0]), id=41,
            _sim={"created_by": "seed"}))
        self.only("tasks that stand twice")

    def test_a_second_create_that_is_gone_again(self):
        self.journal.append(self.journal[0])
        self.only("created more than once: deals de_1 (2 times)")

    def test_owners(self):
        for owner in (2, 99, None):
            self.records["deals"][0]["owner_id"] = owner
            self.only("deals without a valid owner: 30")

    def test_landed_and_not_there(self):
        self.records["tasks"].clear()
        self.only("landed and not there: task ta_1 at tasks 40")

    def test_landed_at_another(self):
        self.records["deals"][0]["custom_field"]["cf_source_id"] = "de_2"
        self.only("another source record: deal de_1")

    def test_two_at_one(self):
        self.lines.append(line("company", "co_1b", type_="sales_accounts",
                               target="10"))
        self.assertTrue(any("two records landed at one" in x
                            for x in self.problems()))

    def test_created_and_not_named(self):
        self.records["deals"].append(record(31, "de_9"))
        self.only("named by no line: deals 31")

    def test_an_outcome_that_is_unknown(self):
        self.records["products"] = [record(50, product_code="pr_1")]
        self.lines.append(line("product", "pr_1", "rejected"))
        self.only("named by no line: products 50")
        self.rejected.append({"object": "product", "id": "pr_1",
                              "class": "outcome_unknown"})
        self.assertEqual(self.problems(), [])

    def with_lines(self):
        """A deal with a line of each kind of discount."""
        def at_source(rid, **more):
            return {"id": rid, "properties": dict({
                "deal_id": "de_1", "product_id": "pr_1", "quantity": "2",
                "unit_price": "9.50", "discount": None, "discount_type": None,
                "tax": "0.75", "currency": "EUR"}, **more)}
        self.records["products"] = [record(50, product_code="pr_1")]
        self.lines += [line("product", "pr_1", type_="products", target="50"),
                       line("line_item", "li_2", type_="deals", target="30")]
        self.source = {
            "deal": [{"id": "de_1", "properties": {"currency": "EUR"}}],
            "line_item": [
                at_source("li_1", discount="10", discount_type="percent"),
                at_source("li_2", currency=None, discount="0")]}
        held = {"product_id": 50, "quantity": 2, "unit_price": 9.5,
                "discount": 0, "discount_type": 1, "tax": 0.75,
                "currency_code": "EUR"}
        self.records["deals"][0]["products"] = [held, dict(held, discount=10)]
        return self.records["deals"][0]["products"]

    def test_lines_of_deals(self):
        held = self.with_lines()
        self.assertEqual(self.problems(), [])
        for field, other in (("product_id", 51), ("quantity", 3),
                             ("unit_price", 9.51), ("discount", 1),
                             ("tax", 0), ("currency_code", "USD")):
            was, held[0][field] = held[0][field], other
            found = self.problems()
            self.assertIn("as at the source: li_2 of deal de_1", found[0])
            self.assertIn("the source does not have", found[1])
            held[0][field] = was
        held[1]["discount_type"] = 2
        self.assertIn("li_1 of deal de_1", self.problems()[0])
        held[1]["discount_type"] = 1
        held.append(dict(held[0]))
        self.only("the source does not have: 2 pr_1 x 9.5 at EUR in deal de_1")

    def test_a_line_that_was_rejected_is_not_there(self):
        held = self.with_lines()
        self.lines[-1]["state"] = "rejected"
        self.only("the source does not have")
        held.pop(0)
        self.assertEqual(self.problems(), [])

    def test_a_line_of_another_currency(self):
        held = self.with_lines()
        self.source["line_item"][1]["properties"]["currency"] = "USD"
        self.assertIn("li_2 of deal de_1", self.problems()[0])
        told = {"object": "line_item", "id": "li_2", "field": "currency",
                "source": "USD", "actual": ""}
        self.told.append(told)  # that it is not carried is no word for EUR
        self.assertIn("li_2 of deal de_1", self.problems()[0])
        told["actual"] = "EUR"
        self.assertEqual(self.problems(), [])
        held[0]["currency_code"] = held[1]["currency_code"] = "JPY"
        self.assertIn("li_1 of deal de_1", self.problems()[0])

    def test_bytes_of_files(self):
        self.records["files"] = [
            {"id": 60, "parent_type": "deals", "parent_id": 30, "name": "a",
             "sha256": "ab", "_sim": {"created_by": "api"}}]
        self.lines.append(line("attachment", "f_1", type_="files", target=60))
        self.hashes, self.wanted = {60: "ab"}, {"f_1": "ab"}
        self.assertEqual(self.problems(), [])
        self.records["files"].append(dict(self.records["files"][0], id=61,
                                          _sim={"created_by": "seed"}))
        self.only("more files of one name and content")
        self.records["files"].pop()
        self.hashes = {60: "cd"}
        self.only("other bytes than at the source: f_1")

    def test_a_line_twice(self):
        self.lines.append(line("note", "no_1", "excluded"))
        self.only("several lines: note no_1")


class LinksTest(unittest.TestCase):
    """A deal names a contact that was merged, twice over."""

    def problems(self, contacts, gone):
        deal = {"id": 1, "sales_account_id": None, "contacts": [
            {"id": i} for i in contacts]}
        lines = [{"object": o, "id": i, "type": t, "target_id": n,
                  "state": "landed", "rule": None} for o, i, t, n in (
                      ("deal", "d", "deals", 1), ("contact", "y", "leads", 2),
                      ("contact", "z", "contacts", 3))]
        return Links(
            {"deals": [deal], "leads": [{"id": 2}],
             "contacts": [{"id": 3, "sales_accounts": []}]}, {},
            {"deal": [{"id": "d", "properties": {}}], "contact": [
                {"id": "z", "properties": {}}]}, {"contact": gone},
            {("deal", "contact"): [{"from_id": "d", "to_id": "x"}]},
            lines, [], []).problems({("contact", "z")})

    def test_a_link_to_what_was_merged(self):
        merges = [{"id": "x", "op": "merge", "merged_into": "y"},
                  {"id": "y", "op": "merge", "merged_into": "z"}]
        self.assertEqual(self.problems([3], merges), [])
        self.assertIn("contacts none, not", self.problems([], merges)[0])

    def test_what_is_left_is_gone(self):
        merges = [{"id": "x", "op": "merge", "merged_into": "y"},
                  {"id": "y", "op": "delete"}]
        self.assertEqual(self.problems([], merges), [])
        self.assertEqual(len(self.problems([3], merges)), 1)

    def test_a_circle(self):
        merges = [{"id": "x", "op": "merge", "merged_into": "y"},
                  {"id": "y", "op": "merge", "merged_into": "x"}]
        self.assertEqual(self.problems([], merges), [])


class StandsTest(unittest.TestCase):
    """A note on a contact that was merged, whose removal is open: 3 is the
    one of before, 4 the one that is left."""

    def problems(self, on, landed):
        lines = [{"object": o, "id": i, "type": t, "target_id": n,
                  "state": state, "rule": None} for o, i, t, n, state in (
                      ("note", "n", "notes", 1, "landed"),
                      ("contact", "x", "contacts", 3, "deleted"),
                      ("contact", "y", "contacts", 4, "landed"))
                 if landed or i != "y"]
        people = [{"id": i, "sales_accounts": []} for i in (3, 4)]
        return Links(
            {"notes": [{"id": 1, "targetables": [
                {"type": "Contact", "id": on}]}], "contacts": people}, {},
            {"note": [{"id": "n", "properties": {}}],
             "contact": [{"id": "y", "properties": {}}]},
            {"contact": [{"id": "x", "op": "merge", "merged_into": "y"}]},
            {("note", "contact"): [{"from_id": "n", "to_id": "x"}]},
            lines, [], []).problems({("contact", "y")})

    def test_on_what_is_left(self):
        self.assertEqual(self.problems(4, landed=True), [])

    def test_on_the_one_of_before(self):
        self.assertEqual(self.problems(3, landed=False), [])
        self.assertEqual(len(self.problems(3, landed=True)), 1)


class ExpectedTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.out = pathlib.Path(self.folder.name)
        self.lines = [line("deal", "de_1", type_="deals", target="30"),
                      line("deal", "de_2", "parked", reason="no owner")]
        self.rejected = [{"object": "deal", "id": "de_2"}]
        total = {"field": "amount", "currency": "USD", "source": "12.5",
                 "target": "10", "explained": "2.5", "difference": "0"}
        empty = {"extracted": 0, "states": {}, "totals": [], "by": []}
        self.books = {"balanced": True, "verified": {"mismatches": 0},
                      "objects": [dict(empty, object=k) for k in CARRIED]}
        self.books["objects"][CARRIED.index("deal")].update(
            extracted=2, states={"landed": 1, "parked": 1}, totals=[total],
            by=[{"key": "stage", "value": "won", "source_count": 2}])
        self.total = total
        none = {"readable": 0, "unreadable_ids": []}
        self.expected = {
            "objects": {k: dict(none) for k in CARRIED}, "tombstones": {},
            "changes": {"gone_records": {}}, "deal": {
                "amount_by_currency": {"USD": {"sum": "12.50"}},
                "by_pipeline_stage": {"p/won": 2}},
            "collisions": {"contact_by_email": {}, "company_by_name": {},
                           "deal_by_name": {}},
            "events": {"count": 0, "unreadable": 0, "contact_unknown": []},
            "attachment": {"hash_mismatch": [], "size_mismatch": []}}
        self.expected["objects"]["deal"]["readable"] = 2
        self.stored = {}

    def check(self):
        for name, rows in (("records", self.lines),
                           ("rejected", self.rejected)):
            (self.out / (name + ".ndjson")).write_text("".join(
                json.dumps(r) + "\n" for r in rows))
        (self.out / "reconciliation.json").write_text(json.dumps(self.books))
        for name, data in self.stored.items():
            path = self.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(data) + "\n")
        c = Check(self.out, self.expected, True)
        c.say = lambda text: None
        c.all()
        return c.seen, c.bad

    def landed(self, kind, id_, type_, target, props, have):
        """One more record of a kind, that landed."""
        self.lines.append(line(kind, id_, type_=type_, target=target))
        self.expected["objects"][kind]["readable"] = 1
        self.books["objects"][CARRIED.index(kind)].update(
            extracted=1, states={"landed": 1})
        self.stored["fasttrack/records/%s.ndjson" % kind] = {
            "id": id_, "properties": props}
        self.stored["freshsales/records/%s.ndjson" % type_] = dict(
            have, id=int(target))

    def test_explained(self):
        self.assertEqual(self.check(), (2, 0))

    def test_original_times(self):
        have = {"start_date": "2024-05-06T09:00:00+02:00",
                "end_date": "2024-05-06T07:10:00Z"}
        self.landed("call", "k_1", "sales_activities", "7",
                    {"started_at": "2024-05-06T07:00:00Z",
                     "ended_at": "2024-05-06T07:10:00Z"}, have)
        self.assertEqual(self.check(), (2, 0))
        name = "freshsales/records/sales_activities.ndjson"
        self.stored[name]["end_date"] = "2024-05-06T07:10:01Z"
        self.assertEqual(self.check(), (3, 1))
        self.books["differences"] = [{"object": "call", "id": "k_1",
                                      "field": "ended_at"}]
        self.assertEqual(self.check(), (2, 0))

    def test_bytes_of_files(self):
        self.landed("attachment", "f_1", "files", "8", {"sha256": "ab"}, {})
        self.stored["freshsales/file-hashes.json"] = {"8": "ab"}
        self.assertEqual(self.check(), (2, 0))
        self.stored["freshsales/file-hashes.json"] = {"8": "cd"}
        self.assertEqual(self.check(), (3, 1))
        self.stored["freshsales/file-hashes.json"] = {}
        self.assertEqual(self.check(), (3, 1))

    def test_events(self):
        self.expected["events"] = {"count": 1, "unreadable": 0,
                                   "contact_unknown": ["ev_1"]}
        self.assertEqual(self.check()[1], 1)
        self.lines.append(line("event", "ev_1", "excluded",
                               rule="event.report", reason="by plan"))
        self.assertEqual(self.check()[1], 0)
        self.lines[-1].update(state="landed", type="sales_activities",
                              target_id="9")
        self.assertEqual(self.check()[1], 1)

    def test_a_record_is_missing(self):
        self.expected["objects"]["deal"]["readable"] = 3
        self.assertGreater(self.check()[1], 0)

    def test_parked_without_a_reason(self):
        self.lines[1]["reason"] = None
        self.assertEqual(self.check()[1], 1)

    def test_parked_and_not_in_rejected(self):
        self.rejected.clear()
        self.assertEqual(self.check()[1], 1)

    def test_another_sum(self):
        self.expected["deal"]["amount_by_currency"]["USD"]["sum"] = "12.51"
        self.assertEqual(self.check()[1], 1)

    def test_a_total_that_does_not_add_up(self):
        self.total["target"] = "9"
        self.assertEqual(self.check()[1], 1)


class MemoryTest(unittest.TestCase):
    def test_the_limit(self):
        services = [{"name": "loader", "instance": "1",
                     "peak_rss_kib": 64 << 10},
                    {"name": "auditor", "instance": "0",
                     "peak_rss_kib": None}]
        self.assertEqual(memory(services, Say(None)), OK)
        services[0]["peak_rss_kib"] += 1
        self.assertEqual(memory(services, Say(None)), LARGE)


class GivenTest(unittest.TestCase):
    def test_defaults(self):
        g = Given({})
        self.assertEqual((g.options.rate, g.options.loaders, g.changes,
                          g.keep), ("pro", 1, True, False))
        self.assertEqual(g.out.name, "demo")

    def test_what_is_refused(self):
        for env in ({"LOADERS": "0"}, {"LOADERS": "x"}, {"RATE": "free"},
                    {"CHANGES": "yes"}, {"KILL": "loader@"},
                    {"KILL": "kafka@10%"}, {"SOURCE": "/nonexistent"},
                    {"FAULTS": "[{"}, {"ROLLBACK": "1"}):
            with self.subTest(env), self.assertRaises(Failure):
                Given(env)

    def test_objects_that_the_source_does_not_have(self):
        g = Given({"OBJECTS": "company, contact event"})
        self.assertEqual(g.options.objects, ["company", "contact", "event"])
        for text, name in (("foo", "foo"), ("company,Deal", "Deal")):
            with self.assertRaises(Failure) as e:
                Given({"OBJECTS": text})
            self.assertRegex(str(e.exception), r"^OBJECTS=%s: no such object "
                             r"in the source: %s; it has [^\n]*\bcompany "
                             r"[^\n]*\bco_parcel\b[^\n]*\bevent$"
                             % (text, name))

    def test_variables_behind_the_command(self):
        env = {"OUT": "a", "RATE": "pro"}
        self.assertEqual(given_by(["OUT=b", "KILL=", "build/x"], env), {
            "OUT": "b", "RATE": "pro", "KILL": "", "DR_BUILD": "build/x"})
        self.assertEqual(env, {"OUT": "a", "RATE": "pro"})
        self.assertEqual(given_by(["./a=b"], {}), {"DR_BUILD": "./a=b"})
        for words, says in ((["SAUCE=x"], "no variable SAUCE; there are SOURCE"),
                            (["a", "b"], "two folders of a build: a, b")):
            with self.assertRaises(Failure) as e:
                given_by(words, {})
            self.assertIn(says, str(e.exception))

    def test_kills(self):
        self.assertEqual(parse_kills("loader@60%, extractor@10%"),
                         [("extractor", .1), ("loader", .6)])

    def test_the_longest_delay_sets_the_quarantine(self):
        self.assertEqual(longest_delay([]), 0)
        self.assertEqual(longest_delay([
            {"action": {"delay_ms": 300, "then": "effect"}},
            {"action": {"late_effect_ms": 500}},
            {"action": {"status": 503}}]), 500)

    def test_an_unknown_option(self):
        with self.assertRaises(Failure):
            Options(lodaers=3)


class OutTest(unittest.TestCase):
    """Only a demo's own folder is emptied. All folders here are this test's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name).resolve()
        self.out = self.top / "out"

    def fill(self, folder, marker=None):
        (folder / "freshsales").mkdir(parents=True)
        (folder / "freshsales" / "x").write_text("x")
        if marker is not None:
            (folder / MARKER).write_text(marker)

    def refused(self, path, says, kept=()):
        with self.assertRaises(Failure) as e:
            emptied(path, kept)
        self.assertIn(says, str(e.exception))
        self.assertIn("give a new or an empty folder", str(e.exception))
        self.assertNotIn("\n", str(e.exception))

    def whole(self, folder):
        self.assertEqual((folder / "freshsales" / "x").read_text(), "x")

    def empty(self, folder):
        self.assertEqual({p.name for p in folder.iterdir()},
                         {"logs", MARKER})

    def test_a_new_folder_and_an_empty_one(self):
        for folder in (self.out, self.top / "deep" / "er"):
            self.assertEqual(emptied(folder), folder)
            self.empty(folder)
        (self.top / "bare").mkdir()
        emptied(self.top / "bare")
        self.empty(self.top / "bare")

    def test_what_a_demo_made_is_emptied(self):
        emptied(self.out)
        self.fill(self.out)
        (self.out / "y").write_text("y")
        beside = self.top / "beside"
        self.fill(beside)
        (self.out / "to").symlink_to(beside)
        emptied(self.out)
        self.empty(self.out)
        self.whole(beside)

    def test_what_others_made_is_left(self):
        self.fill(self.out)
        self.refused(self.out, "no demo wrote")
        self.whole(self.out)
        self.assertFalse((self.out / MARKER).exists())

    def test_a_marker_that_is_none(self):
        self.fill(self.out, marker="")
        self.refused(self.out, "no demo wrote")
        (self.out / MARKER).unlink()
        (self.top / "marker").write_text(SAYS)
        (self.out / MARKER).symlink_to(self.top / "marker")
        self.refused(self.out, "no demo wrote")
        self.whole(self.out)

    def test_a_link_is_not_followed(self):
        real = self.top / "real"
        self.fill(real, marker=SAYS)
        self.out.symlink_to(real)
        self.refused(self.out, "symbolic link")
        self.refused(str(self.out) + "/", "symbolic link")
        self.refused(str(self.out) + "/.", "symbolic link")
        self.whole(real)
        (self.top / "none").symlink_to(self.top / "nothing")
        self.refused(self.top / "none", "symbolic link")

    def test_a_file(self):
        self.out.write_text("x")
        self.refused(self.out, "no folder")

    def test_a_home_with_a_marker(self):
        home = self.out / "home"
        self.fill(home, marker=SAYS)
        self.fill(self.out, marker=SAYS)
        with mock.patch.dict(os.environ, HOME=str(home)):
            self.refused(home, "is somebody's home")
            self.refused(self.out, "holds somebody's home")
        self.whole(home)
        self.whole(self.out)

    def test_the_repository_with_a_marker(self):
        root = self.out / "repository"
        self.fill(root, marker=SAYS)
        self.fill(self.out, marker=SAYS)
        with mock.patch("outdir.ROOT", root):
            self.refused(root, "is this repository")
            self.refused(self.out, "holds this repository")
        (root / ".git").mkdir()
        self.refused(root, "is a repository")
        self.whole(root)
        self.whole(self.out)

    def test_the_repositorys_own_out(self):
        """It may hold what a demo wrote before there was a marker."""
        own, other = self.top / OWN, self.top / "out" / "other"
        self.fill(own)
        self.fill(other)
        with mock.patch("outdir.ROOT", self.top):
            emptied(own)
            self.refused(other, "no demo wrote")
        self.empty(own)
        self.whole(other)

    def test_what_is_read_is_not_emptied(self):
        self.fill(self.out, marker=SAYS)
        self.refused(self.out, "what this demo reads",
                     [self.out / "freshsales"])
        self.whole(self.out)

    def test_the_root_is_guarded(self):
        self.assertEqual(guarded(pathlib.Path("/")), "is the root folder")
        self.assertIsNone(guarded(self.out))


class ReadsTest(unittest.TestCase):
    def test_what_it_reads_is_known(self):
        """Nothing of it is to lie in a folder that is emptied."""
        with tempfile.TemporaryDirectory() as d:
            path = pathlib.Path(d).resolve() / "faults"
            path.write_text("[]")
            g = Given({"FAULTS": str(path), "SOURCE_FAULTS": "[]",
                       "DR_BUILD": d})
        self.assertEqual(set(g.reads), {
            g.options.source, g.options.tenant, path, path.parent})


class CommandTest(unittest.TestCase):
    """What is wrong with a variable is said in a line, before anything runs."""

    def refused(self, says, **variables):
        env = dict(os.environ, DR_BUILD=self.empty,
                   OUT=str(pathlib.Path(self.empty) / "out"))
        env.update(variables)
        p = subprocess.run([sys.executable, str(HERE / "demo.py")], env=env,
                           capture_output=True, text=True, timeout=60)
        self.assertEqual((p.returncode, p.stdout), (FAILED, ""), p.stderr)
        self.assertRegex(p.stderr, r"^demo: [^\n]*%s[^\n]*\n$" % says)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.empty = folder.name
        self.file = pathlib.Path(folder.name) / "file"
        self.file.write_text("[\xe9")

    def test_an_out_that_cannot_be_made(self):
        loop = pathlib.Path(self.empty) / "loop"
        loop.symlink_to(loop)
        for out in (self.file, self.file / "x", self.file / "x" / "y", loop,
                    loop / "x", "~nobody-of-this-name/x"):
            self.refused("OUT=", OUT=str(out))

    def test_an_input_that_cannot_be_read(self):
        folder = pathlib.Path(self.empty) / "source"
        (folder / "manifest.json").mkdir(parents=True)
        whole = pathlib.Path(self.empty) / "whole"
        whole.mkdir()
        loop = pathlib.Path(self.empty) / "loop"
        loop.symlink_to(loop)
        for source in (folder, self.empty, self.file, loop, "/nowhere",
                       "~nobody-of-this-name/x"):
            self.refused("SOURCE=", SOURCE=str(source))
        for text in ("[]", "{}", '{"files":7}', '{"files":[7]}',
                     '{"files":[{"object":"deal","rows":"many"}]}'):
            (whole / "manifest.json").write_text(text)
            self.refused("SOURCE=", SOURCE=str(whole))
        for tenant in (self.empty, self.file, loop, "/nowhere"):
            self.refused("TENANT=", TENANT=str(tenant))
        for name in ("FAULTS", "SOURCE_FAULTS"):
            self.refused(name, **{name: self.empty})


if __name__ == "__main__":
    unittest.main(verbosity=2)
