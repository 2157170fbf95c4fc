#!/usr/bin/env python3
"""The kinds that the loader writes one a call: activities, call logs, notes.
Each stands once in the target, told by the marker in its text, whatever
happened on the way."""
import collections
import re
import unittest

from test_loader import (  # first: it finds the support folder
    TASK_TYPE, USER, World, classic_tenant, company, contact, deal, lead,
    lines, product, record, ref)
from bench import Bench, ndjson, wait_until

ACTIVITY_TYPE = 0  # made for each target
MARK = re.compile(r"\[([0-9a-f]{32})\]")
# type -> (lane, object, the field with the marker, list of the admin port)
KINDS = {
    "sales_activities": ("activity", "email", "notes"),
    "appointments": ("activity", "meeting", "description"),
    "call_logs": ("activity", "call", "description"),
    "notes": ("note", "note", "description"),
    "tasks": ("activity", "task", "description"),
}
PARENTS = [("Deal", "deal", "deal"), ("Contact", "contact", "contact"),
           ("SalesAccount", "account", "company")]


def fields_of(kind, i, text):
    if kind == "sales_activities":
        return {"title": "Mail %d" % i, "notes": text,
                "start_date": "2019-12-04T10:00:00Z",
                "end_date": "2019-12-04T10:30:00Z", "owner_id": USER,
                "sales_activity_type_id": ACTIVITY_TYPE}
    if kind == "appointments":
        return {"title": "Meeting %d" % i, "description": text,
                "from_date": "2016-06-20T05:00:00Z" if i % 2 else
                "2036-06-20T05:00:00Z",
                "end_date": "2016-06-20T06:00:00Z" if i % 2 else
                "2036-06-20T06:00:00Z"}
    if kind == "call_logs":
        return {"call_direction": i % 2 == 0, "description": text}
    if kind == "notes":
        return {"description": text}
    return {"title": "Task %d" % i, "description": text,
            "due_date": "2026-01-01T09:00:00Z", "status": i % 2,
            "owner_id": USER, "task_type_id": TASK_TYPE}


def thing(kind, i, on=None, rev=1, pas=1, text="hello", miss="reject"):
    """One record of the kind, on the i-th of three parents."""
    lane, obj, _ = KINDS[kind]
    what, plane, pobj = PARENTS[i % 3]
    refs = [ref("targetable:" + what, plane, "%s:%s" % (pobj, on if
                on is not None else i), miss)]
    return record(lane, obj, i, kind, "single", fields_of(
        kind, i, "%s\nMARKER" % text), refs, rev, pas)


def parents(n):
    return collections.OrderedDict([
        ("account", [company(i) for i in range(n)]),
        ("contact", [contact(i, [i]) for i in range(n)]),
        ("deal", [deal(i, i) for i in range(n)])])


class KindsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = Bench()
        cls.kafka, cls.redis = cls.bench.broker(), cls.bench.redis()

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def world(self, *args, **conf):
        global ACTIVITY_TYPE
        w = World(self, *args, **conf)
        self.lanes = []
        w.sim.post("/sim/admin/sales_activity_types",
                   {"name": "Imported email"})
        ACTIVITY_TYPE = [t["id"] for t in w.sim.get("/sim/tenant")[
            "selectors"]["sales_activity_types"]
            if t["name"] == "Imported email"][0]
        return w

    def settle(self, w, by_lane, pas=1, timeout=60):
        """Feeds and opens lane after lane; what was opened stays open."""
        for lane, data in by_lane.items():
            w.feed(data)
            if lane not in self.lanes:
                self.lanes.append(lane)
            w.control(self.lanes, pas)
            final = self.until(w, data, pas, timeout)
            bad = {k: f["class"] for k, f in final.items()
                   if f["state"] == "refused"}
            self.assertEqual(bad, {})
        self.assertEqual(w.unsettled(), [])

    @staticmethod
    def until(w, data, pas=1, timeout=60):
        """Each record is final in the version that was fed."""
        want = {(r["load"]["lane"], "%s:%s" % (
            r["load"]["object"], r["load"]["id"])): r["load"]["rev"]
            for r in data}

        def look():
            final = w.final(pas)
            return all(final.get(k, {"rev": 0})["rev"] >= v
                       for k, v in want.items()) and final
        return wait_until("%d records are final" % len(want), look, timeout,
                          0.2)

    def by_marker(self, w, kind):
        """{marker: [record, …]} as the target holds them."""
        out = collections.defaultdict(list)
        for r in w.records(kind):
            for m in MARK.findall(r.get(KINDS[kind][2]) or ""):
                out[m].append(r)
        return out

    def once(self, w, kind, n):
        have = self.by_marker(w, kind)
        self.assertEqual({m: len(v) for m, v in have.items() if len(v) > 1},
                         {}, "%s that stand twice" % kind)
        self.assertEqual(len(have), n, kind)
        return [v[0] for v in have.values()]

    def test_each_kind_lands_once_and_on_its_parent(self):
        w = self.world()
        w.loader()
        n = 12
        self.settle(w, parents(n))
        ids = {}
        for kind, key in (("sales_accounts", "cf_source_id"),
                          ("deals", "cf_source_id")):
            for r in w.records(kind):
                ids[kind, r["custom_field"][key]] = r["id"]
        for r in w.records("contacts"):
            ids["contacts", r["external_id"]] = r["id"]
        before = w.calls()
        for kind, (lane, _, _) in KINDS.items():
            self.settle(w, {lane: [thing(kind, i) for i in range(n)]})
        self.assertEqual(w.calls() - before, n * len(KINDS))  # 1 a record
        for kind in KINDS:
            for r in self.once(w, kind, n):
                t = r["targetables"][0]
                i = self.source_of(kind, r)
                plural = {"Deal": "deals", "Contact": "contacts",
                          "SalesAccount": "sales_accounts"}[t["type"]]
                if i is not None:
                    self.assertEqual(t["id"], ids[plural, i], (kind, r))
        activity = w.records("sales_activities")[0]
        self.assertTrue(activity["start_date"].startswith("2019-12-04T"))
        calls = collections.Counter(c["call_direction"]
                                    for c in w.records("call_logs"))
        self.assertEqual(calls, {True: n // 2, False: n // 2})
        w.stop()

    @staticmethod
    def source_of(kind, r):
        title = (r.get("title") or "").split()
        return title[1] if len(title) > 1 else None

    def test_changes_are_written_by_id(self):
        w = self.world()
        w.loader()
        self.settle(w, parents(3))
        for kind, (lane, _, _) in KINDS.items():
            self.settle(w, {lane: [thing(kind, i) for i in range(3)]})
        for kind, (lane, _, field) in KINDS.items():
            before = w.calls()
            changed = [thing(kind, i, rev=2, text="changed")
                       for i in range(3)]
            self.settle(w, {lane: changed})
            self.assertTrue(all(r[field].startswith("changed")
                                for r in self.once(w, kind, 3)), kind)
            self.assertEqual(w.calls() - before, 6, kind)  # read, write
        w.stop()

    def test_answers_that_are_lost(self):
        """Before the effect, after it, in the middle; another's answer; a
        server's error with the effect and without."""
        actions = {"before": {"close": "before"}, "after": {"close": "after"},
                   "other": {"wrong_body": "previous"},
                   "cut": {"truncate": 20}, "503": {"status": 503},
                   "late": {"late_effect_ms": 400}}
        w = self.world()
        w.loader()
        self.settle(w, parents(9))
        paths = {"call_logs": "phone_calls"}
        for kind, (lane, _, _) in KINDS.items():
            w.faults(*[{"name": kind + " " + name, "after": 1, "times": 1,
                        "match": {"method": "POST", "path": "/%s$" %
                                  paths.get(kind, kind)},
                        "action": action}
                       for name, action in actions.items()])
            self.settle(w, {lane: [thing(kind, i) for i in range(9)]})
            self.once(w, kind, 9)
        acted = collections.Counter(
            j["fault"] for j in ndjson(w.sim.admin, "/sim/journal")
            if j.get("fault"))
        self.assertEqual(len(acted), len(actions) * len(KINDS), acted)
        w.stop()

    def test_killed_at_every_point(self):
        w = self.world()
        w.loader()
        self.settle(w, parents(6))
        w.stop()
        w.loaders.clear()
        at = 0
        for point in ("after_intent", "after_send", "after_answer",
                      "after_done", "after_apply"):
            with self.subTest(point):
                data = [thing(kind, at + i, on=i % 6)
                        for kind in KINDS for i in range(6)]
                lanes = self.lanes + ["activity", "note"]
                w.feed(data)
                w.control(lanes)
                for turn in (1, 4):
                    p = w.loader(ready=False, DROVER_CRASH="%s:%d" % (
                        point, turn))
                    wait_until("%s ends" % p.name,
                               lambda p=p: not p.alive(), 120)
                    self.assertEqual(p.code, 137, p.tail())
                w.loader()
                final = w.until_final(data)
                self.assertEqual({k: f["class"] for k, f in final.items()
                                  if f["state"] == "refused"}, {})
                at += 6
                for kind in KINDS:
                    self.once(w, kind, at)
                w.stop()
                w.loaders.clear()

    def test_what_a_record_makes_no_more(self):
        """A second record that Drover made goes, unless a person changed it:
        that is told of the record, which stands. One that was never made costs
        no call."""
        w = self.world()
        w.loader()
        self.settle(w, parents(3))
        self.settle(w, {"note": [thing("notes", i) for i in range(3)]})
        mine = [r for r in w.records("notes")
                if r["targetables"][0]["type"] == "Contact"][0]
        w.sim.post("/sim/admin/notes/%d" % mine["id"],
                   {"description": "by hand " + mine["description"]}, "PUT")
        gone = [record("note", "note", i, "notes", "single", {}, rev=9)
                for i in range(3)]
        never = record("note", "note", 77, "notes", "single", {}, rev=9)
        for r in [*gone, never]:
            r["load"]["delete"] = True
        before = w.calls()
        w.feed([never])
        w.feed(gone)
        final = self.until(w, gone)
        self.assertEqual(
            [final["note", "note:%d" % i]["state"] for i in range(3)],
            ["deleted", "refused", "deleted"])
        self.assertEqual([r["id"] for r in w.records("notes")], [mine["id"]])
        self.assertEqual(
            [(r["id"], r["class"], r["field"], r["partial"])
             for r in w.dump("rejected")],
            [("1", "changed_in_target", "also", True)])
        # three lists are read, two notes deleted
        self.assertEqual(w.calls() - before, 5)
        back = thing("notes", 0, rev=10)  # a newer version makes it again
        w.feed([back])
        self.until(w, [back])
        self.assertEqual(len(w.records("notes")), 2)
        self.assertNotIn(("note", "note:77"), w.final())
        self.assertEqual(w.unsettled(), [])
        w.stop()

    def test_one_that_was_made_unheard_and_is_made_no_more(self):
        """The next plan makes no such note: that of the plan before is found
        below its parent, and goes."""
        w = self.world()
        w.loader()
        self.settle(w, parents(1))
        w.stop()
        w.loaders.clear()
        made = thing("notes", 0)
        w.feed([made])
        w.control([*self.lanes, "note"])
        p = w.loader(1, ready=False, DROVER_CRASH="after_answer:1")
        wait_until("it crashes", lambda: not p.alive(), 40)
        w.loaders.clear()
        self.once(w, "notes", 1)
        gone = record("note", "note", 0, "notes", "single", {}, pas=2)
        gone["load"]["delete"] = True
        w.feed([gone])
        w.control([*self.lanes, "note"], pas=2)
        w.loader(2)
        final = self.until(w, [gone], pas=2)
        self.assertEqual(final["note", "note:0"]["state"], "deleted")
        self.assertEqual(w.records("notes"), [])
        w.stop()

    def test_what_was_let_through_is_removed(self):
        """Unless a person changed it; a note is looked for below its deal."""
        w = self.world()
        w.loader()
        self.settle(w, parents(3))
        for kind, (lane, _, _) in KINDS.items():
            self.settle(w, {lane: [thing(kind, i) for i in range(3)]})
        changed = {}
        for kind, (_, _, field) in KINDS.items():
            r = [r for r in self.once(w, kind, 3)
                 if r["targetables"][0]["type"] == "Contact"][0]
            changed[kind] = r["id"]
            hand = {field: "by hand " + r[field]}
            if kind == "call_logs":  # its text is of a note beside it
                hand = {"call_direction": not r["call_direction"]}
            w.sim.post("/sim/admin/%s/%d" % (kind, r["id"]), hand, "PUT")
        for kind, (lane, obj, _) in KINDS.items():
            gone = [record(lane, obj, i, "", "single", {}, rev=9)
                    for i in range(3)]
            for r in gone:
                r["load"]["delete"] = True
            w.feed(gone)
            final = self.until(w, gone)
            self.assertEqual(
                [final[lane, "%s:%d" % (obj, i)]["state"] for i in range(3)],
                ["deleted", "refused", "deleted"], kind)
            self.assertEqual([r["id"] for r in w.records(kind)],
                             [changed[kind]], kind)
        w.stop()

    def test_lists_that_are_read_while_another_joins(self):
        """Nothing is under way any more of what a rebalance took away: where
        one call at a time may be, the next one begins."""
        w = self.world(**{"loader.window": 1})
        w.loader()
        self.settle(w, parents(3))
        notes = [thing("notes", i, on=i % 3) for i in range(6)]
        self.settle(w, {"note": notes})
        w.faults({"name": "slow", "times": -1, "action": {
            "delay_ms": 8000, "then": "effect"},
            "match": {"method": "GET", "path": "/notes"}})
        again = [thing("notes", i, on=i % 3, rev=2, text="again")
                 for i in range(6)]
        before = w.calls()
        w.feed(again)
        wait_until("a list is being read", lambda: w.calls() > before, 30)
        w.loader(1)
        w.loaders[1].kill()
        del w.loaders[1]
        w.faults()
        self.until(w, again)
        self.assertEqual({n["description"].split("\n")[0]
                          for n in w.records("notes")}, {"again"})
        w.stop()

    def test_leads_whose_ids_differ_in_case_alone(self):
        """A search that folds case shows the other one first. The answer to
        the POST was lost: it is made once all the same."""
        w = self.world(tenant=classic_tenant())
        w.conf["target.url"] = "http://127.0.0.1:%d/api" % w.sim.api
        w.loader()

        def called(rid, n):
            r = lead(n, cf_source_id=rid)
            r["load"]["id"] = rid
            return r
        self.settle(w, {"contact": [called("Le-1", 1)]})
        w.faults({"name": "lost", "times": 1, "action": {"close": "after"},
                  "match": {"method": "POST", "path": "/leads$"}})
        self.settle(w, {"contact": [called("LE-1", 2)]})
        self.assertEqual(sorted(r["custom_field"]["cf_source_id"]
                                for r in w.records("leads")),
                         ["LE-1", "Le-1"])
        w.stop()

    def on_a_lead(self):
        w = self.world(tenant=classic_tenant())
        w.conf["target.url"] = "http://127.0.0.1:%d/api" % w.sim.api
        w.loader()
        self.settle(w, {"contact": [lead(1)]})
        return w

    @staticmethod
    def links_to(key, n, pas=1, first=0):
        return [record("file", "attachment", i, "document_links", "single",
                       {"url": "https://files.example/%d" % i, "name": "l",
                        "is_shared": False},
                       [ref("targetable:Contact", "contact", key, "reject")],
                       pas=pas) for i in range(first, first + n)]

    def test_what_hangs_on_a_lead(self):
        """In the classic edition a contact of ours may be a lead."""
        w = self.on_a_lead()
        w.faults({"name": "lost", "times": 1, "after": 0,
                  "match": {"method": "POST", "path": "/notes$"},
                  "action": {"close": "after"}})
        for kind, (lane, _, _) in KINDS.items():
            self.settle(w, {lane: [thing(kind, 1)]})
            self.settle(w, {lane: [thing(kind, 1, rev=2, text="again")]})
        rid = [r["id"] for r in w.records("leads")][0]
        for kind in KINDS:
            self.assertEqual(
                [r["targetables"] for r in self.once(w, kind, 1)],
                [[{"id": rid, "type": "Lead"}]], kind)
        # A lead takes no file: told without asking, however many there are.
        links = self.links_to("contact:1", 5)
        before = w.calls()
        w.feed(links)
        w.control(["file"])
        final = w.until_final(links)
        self.assertEqual({f["class"] for f in final.values()
                          if f["lane"] == "file"}, {"no_target"})
        self.assertEqual(w.calls(), before)
        w.stop()

    def test_what_hung_on_a_lead_follows_it(self):
        """The lead becomes a contact. In a later pass all goes over to it,
        whether the target had moved it or not, what had changed meanwhile
        and what a lead does not take; a person's words stay."""
        for moves, lists in (("no", 200), ("yes", 200), ("no", 404)):
            with self.subTest(moves=moves, lists=lists):
                w = self.on_a_lead()
                w.sim.post("/sim/knobs", {"convert_moves": moves})
                for kind, (lane, _, _) in KINDS.items():
                    self.settle(w, {lane: [
                        self.unchanged(kind),
                        thing(kind, 4, on=1, text="four")]})
                links = self.links_to("contact:1", 2)
                w.feed(links)
                w.control(self.lanes + ["file"])
                w.until_final(links)
                note = [n for n in w.records("notes")
                        if n["description"].startswith("one")][0]
                w.sim.post("/sim/admin/notes/%d" % note["id"], {
                    "description": "by hand " + note["description"]}, "PUT")
                self.settle(w, {"contact": [contact(1, [], pas=2, rev=2)]}, 2)
                if lists == 404:  # what hung on the lead is in no list
                    w.faults({"name": "gone", "times": 1000, "match": {
                        "method": "GET", "path": "/leads/"},
                        "action": {"status": 404}})
                self.all_follows(w)
                w.stop()

    @staticmethod
    def unchanged(kind, pas=1):
        r = thing(kind, 1, pas=pas, text="one")
        r["load"]["same"] = "one"
        return r

    def all_follows(self, w):
        person = [c["id"] for c in w.records("contacts")
                  if c["external_id"] == "1"][0]
        for kind, (lane, _, field) in KINDS.items():
            self.settle(w, {lane: [
                self.unchanged(kind, 2),
                thing(kind, 4, on=1, pas=2, rev=2, text="again")]}, 2)
            have = self.once(w, kind, 2)
            self.assertEqual([r["targetables"] for r in have], [
                [{"id": person, "type": "Contact"}]] * 2, kind)
            self.assertEqual(sorted(r[field].split("\n")[0] for r in have), [
                "again", "by hand one" if kind == "notes" else "one"], kind)
        self.settle(w, {"file": self.links_to("contact:1", 2, pas=2)}, 2)
        self.assertEqual(len(w.records("document_links")), 2)

    def passed_by(self, w, records, pas):
        """They are skipped: 40 others of each of their lanes, which come
        behind them in every partition, are all that is called for."""
        w.feed(records)
        others = {
            "activity": [thing("tasks", i, on=1, pas=pas)
                         for i in range(pas * 100, pas * 100 + 120, 3)],
            "note": [thing("notes", i, on=1, pas=pas)
                     for i in range(pas * 100, pas * 100 + 120, 3)],
            "file": self.links_to("contact:1", 40, pas, pas * 100)}
        before = w.calls()
        self.settle(w, others, pas)
        self.assertEqual(w.calls() - before, 120)

    def test_it_stands_on_the_next_one(self):
        """An activity whose deal was refused lands on its contact, and moves
        when the deal is there; a file stays, for none can be moved."""
        w = self.world()
        w.loader()
        self.settle(w, {"account": [company(1)],
                        "contact": [contact(1, [1])]})
        refs = [ref("targetable:Deal", "deal", "deal:1", "reject"),
                ref("targetable:Contact", "contact", "contact:1", "reject")]

        def hanging(pas):
            out = [thing(k, 1, pas=pas) for k in KINDS]
            out += self.links_to("contact:1", 1, pas)
            for r in out:
                r["load"].update(refs=refs, same="1")
            return out

        def stand_on(kind):
            for k in KINDS:
                self.assertEqual([r["targetables"][0]["type"]
                                  for r in self.once(w, k, 1)], [kind], k)
        for r in hanging(1):
            self.settle(w, {r["load"]["lane"]: [r]})
        stand_on("Contact")
        self.settle(w, {"deal": [deal(1, 1, pas=2)]}, 2)
        for r in hanging(2)[:len(KINDS)]:
            self.settle(w, {r["load"]["lane"]: [r]}, 2)
        stand_on("Deal")
        self.passed_by(w, hanging(3), 3)
        w.stop()

    def test_lines_cost_a_second_call_only_for_the_amount(self):
        w = self.world()
        w.loader()
        deals = [deal(i, amount="6.50" if i % 2 else "99.00")
                 for i in range(6)]
        self.settle(w, {"product": [product(i) for i in range(2)],
                        "deal": deals})
        before = w.calls()
        # Two of 3.25: 6.50. Where the deal says otherwise, the deal is right.
        self.settle(w, {"deal_product": [lines(i, [i % 2])
                                         for i in range(6)]})
        self.assertEqual(w.calls() - before, 6 + 3)
        for d in w.records("deals"):
            i = d["custom_field"]["cf_source_id"]
            if i:
                self.assertEqual(float(d["amount"]),
                                 6.5 if int(i) % 2 else 99.0)
        w.stop()

    def test_a_parent_that_does_not_tell(self):
        """The answer is lost, and the parent's list cannot be had: nobody
        knows, and nothing is sent again."""
        w = self.world()
        w.loader()
        self.settle(w, parents(3))
        for then in ("after", "before"):
            w.faults({"name": "lost", "times": 1, "match": {
                "method": "POST", "path": "/notes$"},
                "action": {"close": then}},
                {"name": "gone", "times": -1, "match": {
                    "method": "GET", "path": "/[0-9]+/notes$"},
                 "action": {"status": 404}})
            note = thing("notes", 0 if then == "after" else 1)
            w.feed([note])
            w.control(self.lanes + ["note"])
            final = self.until(w, [note])
            f = final["note", "note:%s" % note["load"]["id"]]
            self.assertEqual((f["state"], f["class"]),
                             ("refused", "outcome_unknown"))
        self.once(w, "notes", 1)
        posts = [j for j in ndjson(w.sim.admin, "/sim/journal")
                 if j["method"] == "POST" and j["path"].endswith("/notes")]
        self.assertEqual(len(posts), 2)
        w.stop()

    def test_nobody_knows_behind_another_refusal_either(self):
        """Refused for its parent in the next pass, the note is not sent again
        in the one after that: it may stand there."""
        w = self.world()
        w.loader()
        self.settle(w, parents(1))
        w.faults({"name": "lost", "times": 1, "match": {
            "method": "POST", "path": "/notes$"},
            "action": {"close": "after"}},
            {"name": "gone", "times": -1, "match": {
                "method": "GET", "path": "/[0-9]+/notes$"},
             "action": {"status": 404}})
        for pas, on, said in ((1, 0, "outcome_unknown"),
                              (2, 99, "parent_missing"),
                              (3, 0, "outcome_unknown")):
            note = thing("notes", 0, on, rev=pas, pas=pas)
            w.feed([note])
            w.control(self.lanes + ["note"], pas=pas)
            self.assertEqual(w.until_final([note], pas=pas)[
                "note", "note:0"]["class"], said)
        self.once(w, "notes", 1)
        w.stop()

    def test_without_its_only_parent_it_is_refused(self):
        w = self.world()
        w.loader()
        data = [thing(kind, 0, on=99) for kind in KINDS]
        w.feed(data)
        w.control(["account", "contact", "deal", "activity", "note"])
        final = w.until_final(data)
        self.assertEqual({f["class"] for f in final.values()},
                         {"parent_missing"})
        for kind in KINDS:
            self.assertEqual(self.by_marker(w, kind), {})
        w.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
