#!/usr/bin/env python3
"""The loader against the simulated Freshsales, a real broker and a real Redis.
What counts is what the target holds, read at its admin port: every record
once, whatever happened on the way."""
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import (Bench, ORPHAN, ROOT, Failure, ndjson,  # noqa: E402
                   wait_until)

TENANT = ROOT / "tests" / "data" / "tenant.json"
USER, USD = 31000000001, 31000000019
PIPELINE, STAGE, TASK_TYPE = 31000000006, 31000000007, 31000000033
LANES = ["product", "account", "contact", "deal", "deal_product", "link",
         "activity"]
PARTS, DEFAULT_PARTS = 2, 6
QUARANTINE_MS = 1200


# ---- load records, as dr-feed reads them ----

def record(lane, obj, id_, kind, how, fields, refs=(), rev=1, pas=1, **more):
    return {"load": dict({
        "lane": lane, "object": obj, "id": str(id_), "rev": rev, "pass": pas,
        "type": kind, "how": how, "fields": fields, "refs": list(refs)},
        **more)}


def ref(field, lane, key, on_miss="drop", **more):
    return dict({"field": field, "lane": lane, "key": key,
                 "on_miss": on_miss}, **more)


def orphan():
    return account("_drover", ORPHAN, {"name": "Unassigned Account"})


def account(obj, i, fields, rev=1, pas=1, tail=False):
    """As the plan makes them: in the snapshot in two steps, in the tail
    singly, each with the name that it has where its own is taken."""
    name = fields["name"]
    return record("account", obj, i, "sales_accounts",
                  "single" if tail else "two_step",
                  dict(fields, cf_source_id=str(i)), rev=rev, pas=pas,
                  ident=name, tail=tail, other_name="%s (%s)" % (name, i))


def company(i, rev=1, pas=1, tail=False, **fields):
    return account("company", i, dict({
        "name": "Company %s" % i, "city": "Bonn", "owner_id": USER},
        **fields), rev, pas, tail)


def contact(i, companies, rev=1, pas=1, email=True, **fields):
    f = dict({"first_name": "Ana", "last_name": "N%d" % i,
              "external_id": str(i), "owner_id": USER, "tags": ["x"]},
             **fields)
    more = {}
    if email:
        f.setdefault("emails", "p%d@example.test" % i)
        more["ident"] = more["other_name"] = f["emails"]
        f["work_email"] = None
    refs = [ref("sales_accounts", "account", "company:%s" % c,
                "orphan" if len(companies) == 1 else "drop", primary=n == 0)
            for n, c in enumerate(companies)]
    return record("contact", "contact", i, "contacts",
                  "bulk", f, refs, rev, pas, **more)


def deal(i, account=None, contacts=(), name=None, how="two_step", rev=1, pas=1,
         tail=False, **fields):
    f = dict({"name": name or "Deal %d" % i, "amount": "10.50",
              "currency_id": USD, "deal_pipeline_id": PIPELINE,
              "deal_stage_id": STAGE, "owner_id": USER,
              "cf_source_id": str(i)}, **fields)
    refs = [ref("contacts_added_list", "contact", "contact:%s" % c)
            for c in contacts]
    if account is not None:
        refs.append(ref("sales_account_id", "account",
                        "company:%s" % account))
    return record("deal", "deal", i, "deals", how, f, refs, rev, pas,
                  tail=tail, ident=f["name"])


def product(i, rev=1, pas=1, **fields):
    return record("product", "product", i, "products", "single", dict({
        "name": "Product %d" % i, "product_code": str(i), "is_active": True,
        "owner_id": USER, "pricing_type": 1, "product_pricings": [
            {"currency_code": "USD", "unit_price": 5}]}, **fields),
        rev=rev, pas=pas)


def lines(i, products, rev=1, pas=1, quantity=2):
    return record(
        "deal_product", "line_item", i, "deals", "single", {},
        [ref("deal", "deal", "deal:%s" % i, "reject")], rev, pas,
        lines=[{"id": "l%s-%s" % (i, p),
                "fields": {"quantity": quantity, "unit_price": 3.25},
                "product": ref("product", "product", "product:%s" % p,
                               "reject")} for p in products])


def link(i, parent, rev=1, pas=1):
    """parent None: the company has none."""
    refs = [ref("self", "account", "company:%s" % i, "reject")]
    if parent is not None:
        refs.append(ref("parent_sales_account_id", "account",
                        "company:%s" % parent))
    return record("link", "company", i, "sales_accounts", "single", {}, refs,
                  rev, pas, patch=True)


def task(i, to=None, rev=1, pas=1, **fields):
    refs = [ref("targetable:" + to[0], to[1], to[2])] if to else []
    return record("activity", "task", i, "tasks", "single", dict({
        "title": "Task %d" % i, "description": "call back\nMARKER",
        "due_date": "2026-01-01T09:00:00Z", "status": i % 2,
        "owner_id": USER, "task_type_id": TASK_TYPE}, **fields), refs, rev,
        pas)


def classic_tenant():
    """The small tenant in the classic edition, which has leads."""
    tenant = json.loads(TENANT.read_text())
    tenant["edition"] = "classic"
    tenant["selectors"]["lead_stages"] = [
        {"id": 9001, "name": "New", "position": 1}]
    tenant["fields"]["leads"] = [
        f for f in tenant["fields"]["contacts"]
        if f["name"] in ("last_name", "emails", "cf_source_id")]
    tenant["views"]["leads"] = [{
        "id": 9100, "name": "All Leads", "model_class_name": "Lead",
        "user_id": 0, "is_default": True}]
    return tenant


def lead(i, rev=1, pas=1, **fields):
    return record("contact", "contact", i, "leads", "single", dict({
        "first_name": "Ana", "last_name": "L%d" % i,
        "email": "p%d@example.test" % i, "owner_id": USER,
        "lead_stage_id": 9001, "cf_source_id": str(i)}, **fields),
        rev=rev, pas=pas)


# ---- the world ----

class World:
    """A simulator and a migration of its own on the shared servers. Making
    partitions is most of what a broker does for these tests: there are few,
    but where the case has `parts` of its own."""

    count = 0

    def __init__(self, case, knobs=(), rate=(0, 0), tenant=None, **conf):
        World.count += 1
        self.case, self.b, self.name = case, case.bench, "t%d" % World.count
        self.parts = getattr(case, "parts", PARTS)
        if not any(k.startswith("rate_plan") for k in knobs):
            knobs = tuple(knobs) + ("rate_plan=lifted",)
        args = [a for k in knobs for a in ("--knob", k)]
        path = self.b.folder / "tenant.json"  # one line a record
        path.write_text(json.dumps(tenant or json.loads(TENANT.read_text())))
        self.sim = self.b.freshsales(path, *args)
        self.conf = dict({
            "migration": self.name, "kafka.brokers": case.kafka.brokers,
            "kafka.partitions": self.parts,
            "target.url": "http://127.0.0.1:%d/crm/sales/api" % self.sim.api,
            "target.key_file": self.b.secret(self.name + ".key",
                                             self.sim.key),
            "redis.address": case.redis.address,
            "rate.hour_limit": rate[0], "rate.minute_limit": rate[1],
            "loader.quarantine_ms": QUARANTINE_MS}, **conf)
        self.loaders, self.seq = {}, 0
        self.tool("feed", b"")

    def tool(self, verb, data=None):
        return subprocess.run(
            [str(self.b.bin("dr-feed")), self.case.kafka.brokers, self.name,
             str(self.parts), verb], input=data, check=True, timeout=120,
            stdout=subprocess.PIPE).stdout

    def loader(self, instance=0, ready=True, **env):
        """Before the first pass it reads what was there before: the calls for
        that are over then, and not counted among those of a test."""
        p = self.b.service("loader", "%s-%d" % (self.name, instance),
                           self.conf, env)
        self.loaders[instance] = p
        if ready:
            self.b.ready(p)
            if self.seq == 0:
                self.surveyed()
        return p

    def surveyed(self):
        wait_until("the target is surveyed", lambda: any(
            "loader.survey" in p.tail(200) for p in self.loaders.values()),
            60)

    def feed(self, records):
        self.tool("feed", "".join(
            json.dumps(r) + "\n" for r in records).encode())

    def control(self, lanes, pas=1, phase="run", **more):
        self.seq += 1
        self.feed([{"control": dict({"phase": phase, "pass": pas,
                                     "lanes": lanes, "seq": self.seq},
                                    **more)}])

    def dump(self, topic, parts=None):
        """What a topic of the migration holds."""
        out = subprocess.run(
            [str(self.b.bin("dr-dump")), self.case.kafka.brokers,
             "drover.%s.%s" % (self.name, topic),
             str(parts or self.parts)],
            check=True, stdout=subprocess.PIPE, timeout=60).stdout
        return [json.loads(line) for line in out.splitlines()]

    def facts(self):
        return [json.loads(x) for x in self.tool("facts").splitlines()]

    def final(self, pas=None):
        """{(lane, key): newest DONE or final REFUSED}"""
        return {(f["lane"], f["key"]): f for f in self.facts()
                if f["state"] in ("done", "refused", "deleted") and
                (pas is None or f["pass"] >= pas)}

    def unsettled(self):
        return [f for f in self.facts() if f["state"] == "unsettled"]

    def until_final(self, records, timeout=60, pas=None, again=None):
        wanted = {(r["load"]["lane"],
                   "%s:%s" % (r["load"]["object"], r["load"]["id"]))
                  for r in records}

        def look():
            if again:
                again()
            for p in self.loaders.values():
                if not p.alive() and not again:
                    raise Failure("%s died (%s): %s" % (p.name, p.code,
                                                        p.tail()))
            final = self.final(pas)
            return wanted <= set(final) and final
        return wait_until(lambda: "%d records are final; missing %s; %s" % (
            len(wanted), sorted(wanted - set(self.final(pas)))[:5],
            [p.tail(3) for p in self.loaders.values()]), look, timeout, 0.2)

    def run_lanes(self, by_lane, timeout=60, pas=1):
        """Opens the lanes one after the other, as the auditor does."""
        self.feed([r for v in by_lane.values() for r in v])
        opened, final = [], {}
        for lane in LANES:
            if lane in by_lane:
                opened.append(lane)
                self.control(opened, pas)
                final = self.until_final(by_lane[lane], timeout)
        return final

    def stop(self):
        for p in self.loaders.values():
            if p.alive():
                self.case.assertEqual(p.stop(), 0, p.tail())

    def calls(self, what=None):
        by = self.sim.get("/sim/stats")["calls_by"]
        return sum(n for k, n in by.items() if what is None or what in k)

    def faults(self, *script):
        self.sim.post("/sim/faults", list(script))

    def records(self, kind):
        return self.sim.records(kind)

    def each_once(self, kind, wanted, of=None):
        """Every wanted source id stands exactly once in the target."""
        def identity(r):
            if kind == "contacts":
                return r["external_id"]
            if kind == "products":
                return r["product_code"]
            if kind == "tasks":
                return r["title"].split()[1]
            return r["custom_field"]["cf_source_id"]
        have = collections.Counter(
            identity(r) for r in self.records(kind) if identity(r))
        self.case.assertEqual({k: n for k, n in have.items() if n > 1}, {},
                              "records of %s that stand twice" % kind)
        missing = {str(w) for w in wanted} - set(have)
        self.case.assertEqual(missing, set(), "missing " + kind)


def whole(n):
    """A bit of everything."""
    return collections.OrderedDict([
        ("product", [product(i) for i in range(6)]),
        ("account", [orphan(), company("unassigned")] +
         [company(i) for i in range(n)]),
        ("contact", [contact(i, [i % n]) for i in range(n)] +
         [contact(1000, ["nowhere"]), contact(1001, [1, 2], email=False),
          contact(1002, ["unassigned"])]),
        ("deal", [deal(i, i % n, [i, (i + 1) % n]) for i in range(n)] +
         [deal(2000 + i, i, name="Shared", how="two_step")
          for i in range(n // 2)]),
        ("deal_product", [lines(i, [i % 6, (i + 1) % 6])
                          for i in range(8)] + [lines(8, ["none", 1])]),
        ("link", [link(i, (i - 1) // 2) for i in range(1, n // 2)]),
        ("activity", [task(i, [("Deal", "deal", "deal:%d" % i),
                               ("Contact", "contact", "contact:%d" % i),
                               ("SalesAccount", "account", "company:%d" % i),
                               None][i % 4]) for i in range(12)]),
    ])


class LoaderTest(unittest.TestCase):
    parts = DEFAULT_PARTS  # several for each of two loaders

    @classmethod
    def setUpClass(cls):
        cls.bench = Bench()
        cls.kafka, cls.redis = cls.bench.broker(), cls.bench.redis()

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def done_all(self, w, final, refused=()):
        bad = {k: f["class"] for k, f in final.items()
               if f["state"] == "refused" and k not in refused}
        self.assertEqual(bad, {})
        self.assertEqual(w.unsettled(), [])

    def test_everything_lands_once(self):
        w = World(self)
        w.loader()
        n = 150
        final = w.run_lanes(whole(n))
        self.done_all(w, final)
        w.each_once("sales_accounts", range(n))
        w.each_once("contacts", range(n))
        w.each_once("deals", list(range(n)) + [2000 + i
                                               for i in range(n // 2)])
        w.each_once("products", range(6))
        w.each_once("tasks", range(12))
        deals = {r["custom_field"]["cf_source_id"]: r
                 for r in w.records("deals")}
        self.assertEqual({d["name"] for k, d in deals.items()
                          if int(k) >= 2000}, {"Shared"})
        self.assertEqual({float(d["amount"]) for d in deals.values()},
                         {10.5})
        self.assertEqual(len(deals["3"]["products"]), 2)
        self.assertEqual(len(deals["8"]["products"]), 1)
        self.assertEqual(len(deals["5"]["contacts"]), 2)
        accounts = w.records("sales_accounts")
        source = {a["id"]: a["custom_field"]["cf_source_id"]
                  for a in accounts}
        for a in accounts:
            i = a["custom_field"]["cf_source_id"]
            if i and i.isdigit() and 0 < int(i) < n // 2:
                self.assertEqual(source[a["parent_sales_account_id"]],
                                 str((int(i) - 1) // 2))
        people = {c["external_id"]: c for c in w.records("contacts")}
        self.assertEqual(
            [source[s["id"]] for s in people["1000"]["sales_accounts"]],
            [ORPHAN])
        self.assertEqual(
            [source[s["id"]] for s in people["1002"]["sales_accounts"]],
            ["unassigned"])
        self.assertEqual(
            [(source[s["id"]], s["is_primary"])
             for s in people["1001"]["sales_accounts"]],
            [("1", True), ("2", False)])
        w.stop()

    def test_few_calls_in_bulk(self):
        w = World(self)
        w.loader()
        n = 2000
        before = w.calls()
        w.run_lanes({"account": [company(i) for i in range(n)]})
        self.assertLessEqual(w.calls() - before, 84)  # 4 for 100 and 5 %
        before = w.calls()
        w.run_lanes({"deal": [deal(i) for i in range(n)]})
        self.assertLessEqual(w.calls() - before, 84)  # as many
        before = w.calls()
        w.run_lanes({"contact": [contact(i, [], email=i % 2 == 0)
                                 for i in range(n)]})
        self.assertLessEqual(w.calls() - before, 42)  # 2 for 100 and 5 %
        w.stop()

    def test_killed_at_every_point(self):
        """kill -9 at each named point, again and again, all lanes open."""
        lanes = ["product", "account", "contact", "deal", "activity"]
        data = ([product(i) for i in range(8)] +
                [company(i) for i in range(130)] +
                [contact(i, [i], email=i % 10 != 0) for i in range(60)] +
                [deal(i, how="two_step", name="Same") for i in range(110)] +
                [task(i) for i in range(10)])
        for r in data:
            r["load"]["tail"] = True
        for point in ("after_intent", "after_send", "after_answer",
                      "after_done", "after_apply"):
            with self.subTest(point):
                w = World(self)
                w.feed(data)
                w.control(lanes)
                for turn in (1, 6):
                    p = w.loader(ready=False, DROVER_CRASH="%s:%d" % (
                        point, turn))
                    wait_until("%s crashes at %s:%d: %s" % (
                        p.name, point, turn, p.tail()),
                        lambda p=p: not p.alive() or
                        len(w.final()) >= len(data), 40)
                    if p.alive():
                        break
                    self.assertEqual(p.code, 137, p.tail())
                if not p.alive():
                    w.loader()
                final = w.until_final(data)
                products = {k for k, f in final.items()
                            if f["class"] == "outcome_unknown"}
                self.assertLessEqual({lane for lane, _ in products},
                                     {"product"})
                self.done_all(w, final, products)
                w.each_once("sales_accounts", range(130))
                w.each_once("contacts", range(60))
                w.each_once("deals", range(110))
                w.each_once("tasks", range(10))
                w.each_once("products", [])
                w.stop()

    def test_faults_of_the_target(self):
        """Each fault of a write, in bulk and single: nothing twice."""
        actions = {
            "503": {"status": 503, "body": "html"},
            "lost before": {"close": "before"},
            "lost in the middle": {"close": "mid"},
            "lost after": {"close": "after"},
            "cut": {"truncate": 20},
            "another's answer": {"wrong_body": "previous"},
            "redirect": {"redirect": "http://127.0.0.1:1/"},
            "429": {"status": 429, "retry_after": "0.2"},
            "late": {"late_effect_ms": 500},
            "slow": {"delay_ms": 300, "then": "effect"},
            "slow for nothing": {"delay_ms": 300, "then": "none"},
        }
        w = World(self)
        w.loader()
        w.run_lanes({"product": [product(1)]})
        w.control(LANES)
        for n, (name, action) in enumerate(actions.items()):
            with self.subTest(name):
                at = n * 1000
                w.faults(
                    {"name": "bulk", "match": {
                        "method": "POST", "path": "bulk_upsert$"},
                     "after": 0, "times": 2, "action": action},
                    {"name": "single", "match": {
                        "method": "POST", "path": "/tasks$"},
                     "after": 1, "times": 3, "action": action},
                    {"name": "update", "match": {
                        "method": "PUT", "path": "/deals/"},
                     "after": 1, "times": 2, "action": action})
                data = ([company(at + i) for i in range(150)] +
                        [contact(at + i, [at + i]) for i in range(60)] +
                        [deal(at + i) for i in range(20)] +
                        [lines(at + i, [1]) for i in range(5)] +
                        [task(at + i) for i in range(8)])
                for r in data:
                    r["load"]["tail"] = True
                w.feed(data)
                self.done_all(w, w.until_final(data))
                w.each_once("sales_accounts", range(at, at + 150))
                w.each_once("contacts", range(at, at + 60))
                w.each_once("deals", range(at, at + 20))
                w.each_once("tasks", range(at, at + 8))
        acted = collections.Counter(
            j["fault"] for j in ndjson(w.sim.admin, "/sim/journal")
            if j.get("fault"))
        # Each acts as often as it is told to, in each of the runs.
        self.assertEqual(acted["single"], 3 * len(actions))
        self.assertGreater(acted["bulk"], len(actions))
        w.stop()

    def test_a_corrected_plan_sends_only_what_changed(self):
        w = World(self)
        w.loader()
        first = collections.OrderedDict([
            ("account", [company(i) for i in range(30)]),
            ("contact", [contact(i, [i]) for i in range(30)])])
        w.run_lanes(first)
        before = w.calls()
        second = [company(i, pas=2, rev=1, **(
            {"city": "Rome"} if i < 4 else {})) for i in range(30)]
        # The feeder's content hash covers the pass: the unchanged ones are
        # the same records, so they are fed under the first pass's number.
        changed = [r for r in second if r["load"]["fields"]["city"] == "Rome"]
        w.feed(changed)
        w.control(["account", "contact"], pas=2)
        w.until_final(changed, pas=2)
        self.assertEqual(w.calls() - before, 2 * 4)
        cities = collections.Counter(a["city"] for a in
                                     w.records("sales_accounts"))
        self.assertEqual(cities["Rome"], 4)
        w.each_once("sales_accounts", range(30))
        w.stop()

    def test_many_changes_go_in_bulk(self):
        w = World(self)
        w.loader()
        n = 250
        people = [contact(i, [i]) for i in range(n)]
        deals = [deal(i, contacts=[0, 1]) for i in range(n)]
        w.run_lanes({"account": [company(0)], "contact": people,
                     "deal": deals})
        before = w.calls()
        changed = [contact(i, [0], pas=2, rev=2, job_title="Chief")
                   for i in range(n)]
        moved = [deal(i, contacts=[1, 2], pas=2, rev=2, amount="99.95")
                 for i in range(n)]
        w.feed(changed + moved)
        w.control(["account", "contact"], pas=2)
        w.until_final(changed, pas=2)
        w.control(["account", "contact", "deal"], pas=2)
        self.done_all(w, w.until_final(moved, pas=2))
        # Pages before, bulk, pages after: three for 100, and the edges.
        self.assertLessEqual(w.calls() - before, 2 * (3 * 3 + 3))
        w.each_once("contacts", range(n))
        w.each_once("deals", range(n))
        self.assertEqual({c["job_title"] for c in w.records("contacts")
                          if c["external_id"]}, {"Chief"})
        ids = {c["id"]: c["external_id"] for c in w.records("contacts")}
        for d in w.records("deals"):
            self.assertEqual(d["amount"], "99.95")
            self.assertEqual({ids[c["id"]] for c in d["contacts"]},
                             {"1", "2"})
        w.stop()

    def test_who_waits_for_one_that_waits_waits_longer(self):
        """In the tail a deal waits for a contact that never comes, and its
        lines for the deal."""
        w = World(self, **{"loader.parent_wait_ms": 2500})
        w.loader()
        w.run_lanes({"product": [product(0)]})
        news = [deal(1, contacts=[99], how="single"), lines(1, [0])]
        for r in news:
            r["load"]["tail"] = True
        w.control(["product", "deal", "deal_product"])
        w.feed(news)
        self.done_all(w, w.until_final(news))
        self.assertEqual([len(d["products"]) for d in w.records("deals")
                          if d["custom_field"]["cf_source_id"] == "1"], [1])
        w.stop()

    def test_a_link_that_was_left_out_comes_with_the_next_pass(self):
        """A deal lands without a contact that is parked; the corrected plan
        lands the contact, and the link is made."""
        w = World(self)
        w.loader()
        deals, again = ([deal(i, contacts=[i], pas=p) for i in range(3)]
                        for p in (1, 2))
        for r in deals + again:
            r["load"]["same"] = r["load"]["id"]
        w.run_lanes({"contact": [contact(0, [])], "deal": deals})

        def linked():
            return {d["custom_field"]["cf_source_id"]: len(d["contacts"])
                    for d in w.records("deals")
                    if d["custom_field"]["cf_source_id"]}
        self.assertEqual(linked(), {"0": 1, "1": 0, "2": 0})
        people = [contact(i, [], pas=2) for i in range(2)]
        w.feed(people + again)
        w.control(["contact"], pas=2)
        w.until_final(people[1:], pas=2)
        w.control(["contact", "deal"], pas=2)
        w.until_final(again[1:2], pas=2)
        self.assertEqual(linked(), {"0": 1, "1": 1, "2": 0})
        w.each_once("deals", range(3))
        w.stop()

    def test_an_outage_ends_no_record(self):
        """The read before an update fails again and again, then not."""
        w = World(self)
        w.loader()
        w.run_lanes({"account": [company(1)]})
        w.faults({"name": "down", "times": 8,
                  "match": {"method": "GET", "path": "/sales_accounts/[0-9]+"},
                  "action": {"status": 503, "body": "html"}})
        changed = [company(1, rev=2, pas=2, city="Rome")]
        w.feed(changed)
        w.control(["account"], pas=2)
        self.done_all(w, w.until_final(changed, 90, pas=2))
        self.assertEqual([a["city"] for a in w.records("sales_accounts")
                          if a["custom_field"]["cf_source_id"] == "1"],
                         ["Rome"])
        w.stop()

    def test_refusals_name_their_record(self):
        w = World(self)
        w.loader()
        bad = company(7, name="x" * 300)
        bad["load"]["ident"] = "x" * 300
        data = [company(i) for i in range(60) if i != 7] + [bad]
        final = w.run_lanes({"account": data})
        self.assertEqual([k for k, f in final.items()
                          if f["state"] == "refused"],
                         [("account", "company:7")])
        w.each_once("sales_accounts", [i for i in range(60) if i != 7])
        w.stop()

    def test_two_loaders_and_a_kill(self):
        w = World(self)
        w.loader(0)
        w.loader(1)
        data = [company(i) for i in range(900)]
        w.feed(data)
        w.control(["account"])
        wait_until("some are done", lambda: len(w.final()) > 50, 30)
        w.loaders[0].kill()
        del w.loaders[0]
        w.loader(0)
        self.done_all(w, w.until_final(data, 90))
        w.each_once("sales_accounts", range(900))
        w.stop()

    def test_redis_forgets(self):
        w = World(self)
        w.loader()
        by_lane = {"account": [company(i) for i in range(120)]}
        w.run_lanes(by_lane)
        subprocess.run(["redis-cli", "-p", str(self.redis.port), "flushall"],
                       check=True, stdout=subprocess.DEVNULL)
        people = [contact(i, [i]) for i in range(120)]
        w.feed(people)
        w.control(["account", "contact"])
        self.done_all(w, w.until_final(people))
        linked = [c for c in w.records("contacts")
                  if c["external_id"] and not c["sales_accounts"]]
        self.assertEqual(linked, [])
        w.each_once("contacts", range(120))
        w.stop()

    def test_a_frozen_loader_steps_down(self):
        """SIGSTOP beyond the membership time-out, then SIGCONT."""
        w = World(self, **{"kafka.session_ms": 6000})
        w.loader(0)
        data = [task(i) for i in range(300)]
        w.sim.post("/sim/faults", [{
            "name": "slow", "match": {"method": "POST", "path": "/tasks$"},
            "after": 0, "times": -1,
            "action": {"delay_ms": 200, "then": "effect"}}])
        w.feed(data)
        w.control(["activity"])
        wait_until("some are done", lambda: len(w.final()) > 20, 30)
        w.loaders[0].signal(signal.SIGSTOP)
        done = len(w.final())
        w.loader(1)
        wait_until("the other goes on", lambda: len(w.final()) > done + 50, 60)
        w.loaders[0].signal(signal.SIGCONT)
        final = w.until_final(data, 90, again=lambda: None)
        self.done_all(w, final)
        w.each_once("tasks", range(300))
        for p in w.loaders.values():
            if p.alive():
                p.stop()

    def test_never_above_the_limit(self):
        w = World(self, knobs=("rate_plan=60", "rate_minute=off"),
                  rate=(60, 0), **{"rate.hour_ms": 4000})
        w.sim.post("/sim/clock", {"scale": 900})
        w.loader()
        data = [task(i) for i in range(150)]
        self.done_all(w, w.run_lanes({"activity": data}, 90))
        stats = w.sim.get("/sim/stats")
        self.assertLessEqual(stats["refused_429"], 3)
        w.each_once("tasks", range(150))
        w.stop()

    def test_a_limit_that_changes_in_mid_run(self):
        """As the account changes its plan: fewer calls an hour."""
        w = World(self, knobs=("rate_plan=120", "rate_minute=off"),
                  rate=(120, 0), **{"rate.hour_ms": 4000})
        w.sim.post("/sim/clock", {"scale": 900})
        w.faults({"name": "less", "after": 100, "times": 1,
                  "action": {"plan": "30"}, "match": {
                      "method": "POST", "path": "/tasks"}})
        w.loader()
        data = [task(i) for i in range(200)]
        self.done_all(w, w.run_lanes({"activity": data}, 90))
        stats = w.sim.get("/sim/stats")
        less = [x for x in stats["windows"]
                if x["kind"] == "hour" and x["limit"] == 30][1:]
        self.assertGreater(len(less), 1)  # the first had more before
        self.assertLessEqual(max(x["used"] for x in less), 30)
        self.assertLessEqual(len([r for r in ndjson(
            w.sim.admin, "/sim/journal") if r["status"] == 429 and
            r["at_ms"] >= less[0]["start_ms"]]), 3)
        w.each_once("tasks", range(200))
        w.stop()

    def test_a_wrong_key_is_said_once(self):
        w = World(self)
        w.conf["target.key_file"] = self.bench.secret(w.name + ".bad", "no")
        p = w.loader(ready=False)
        wait_until("it ends", lambda: not p.alive(), 30)
        self.assertEqual(p.code, 1)
        self.assertEqual(p.tail(50).count("loader.token_refused"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
