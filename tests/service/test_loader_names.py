#!/usr/bin/env python3
"""A name or an address that another record of the target has: an account takes
the name that the rule gives it, nobody's record is written over, and people are
never made one. Everything is asserted on what the simulated Freshsales holds."""
import re
import unittest

from test_loader import (  # first: it finds the support folder
    QUARANTINE_MS, World, company, contact, record)
from test_loader_edits import Case
from test_loader_removals import removal
from bench import call, ndjson, wait_until

TAKEN = "name_taken"


class Names(Case):
    def begun(self, *companies, **conf):
        w = World(self, **conf)
        w.loader()
        w.run_lanes({"account": list(companies)})
        return w

    def names(self, w):
        return {k: a["name"] for k, a in self.of_source(
            w, "sales_accounts", "cf_source_id").items()}

    def assert_names(self, w, **wanted):
        """Of companies c<id>; each stands once."""
        self.assertEqual(self.names(w), {k[1:]: v for k, v in wanted.items()})
        w.each_once("sales_accounts", [])

    def test_taken_in_the_tail(self):
        """Created and renamed into a name that stands; each keeps it, and takes
        its own with the first version that finds it free."""
        w = self.begun(company(1, name="Acme"), company(3))
        self.again(w, ["account"], [
            company(2, 2, 2, True, name="Acme"),
            company(3, 2, 2, True, name="Acme", city="Kiel")])
        self.assert_names(w, c1="Acme", c2="Acme (2)", c3="Acme (3)")
        told = {(i, TAKEN, "name", True) for i in "23"}
        self.assert_conflicts(w, told)
        self.assertEqual(self.of_source(
            w, "sales_accounts", "cf_source_id")["3"]["city"], "Kiel")
        # Another field changes, the name is still taken.
        self.again(w, ["account"], [
            company(2, 3, 3, True, name="Acme", city="Ulm")], 3)
        self.assert_names(w, c1="Acme", c2="Acme (2)", c3="Acme (3)")
        self.assertEqual(self.of_source(
            w, "sales_accounts", "cf_source_id")["2"]["city"], "Ulm")
        # The one gives the name up, the other has a new one.
        self.again(w, ["account"], [company(1, 4, 4, True, name="Old")], 4)
        self.again(w, ["account"], [
            company(2, 5, 5, True, name="Acme", city="Bonn"),
            company(3, 5, 5, True, name="Third")], 5)
        self.assert_names(w, c1="Old", c2="Acme", c3="Third")
        self.assertEqual({x[1] for x in self.conflicts(w)}, {TAKEN})
        w.stop()

    def test_what_a_person_made_is_not_written_over(self):
        """An account that somebody made when the plan was approved already,
        and one that the tail named first: bulk finds neither by its name."""
        w = self.begun(company(900, 1, 1, True, name="Company 4"))
        w.sim.post("/sim/admin/sales_accounts",
                   {"name": "Company 5", "city": "Oslo"}, "POST")
        many = [company(i) for i in range(30)]
        w.feed(many)
        w.until_final(many)
        self.assertEqual(
            {k: v for k, v in self.names(w).items()
             if v != "Company " + k},
            {"900": "Company 4", "4": "Company 4 (4)", "5": "Company 5 (5)"})
        theirs = [a for a in w.records("sales_accounts")
                  if not a["custom_field"]["cf_source_id"]]
        self.assertEqual([(a["city"], a["name"]) for a in theirs
                          if a["name"] == "Company 5"],
                         [("Oslo", "Company 5")])
        w.each_once("sales_accounts", range(30))
        self.assert_conflicts(w, {(i, TAKEN, "name", True) for i in "45"})
        w.stop()

    def test_many_are_renamed_and_some_in_vain(self):
        n = 60
        w = self.begun(*[company(i) for i in range(n)], company(100))
        w.sim.post("/sim/clock", {"advance_ms": 5000})
        self.again(w, ["account"], [
            company(i, 2, 2, name="Company 100" if i % 20 == 0
                    else "New %d" % i) for i in range(n)])
        self.assertEqual(
            {k: v for k, v in self.names(w).items() if v != "New " + k},
            {"0": "Company 100 (0)", "20": "Company 100 (20)",
             "40": "Company 100 (40)", "100": "Company 100"})
        w.each_once("sales_accounts", range(n))
        w.stop()

    def test_what_lies_in_the_recycle_bin_has_its_name_still(self):
        w = self.begun(company(0), company(1))
        self.again(w, ["account"], [
            removal("account", "company", i, 9, 2) for i in range(2)],
            states=("deleted",))
        self.again(w, ["account"], [
            company(7, 1, 3, True, name="Company 0"),
            company(1, 10, 3, True)], 3)
        self.assert_names(w, c7="Company 0 (7)", c1="Company 1 (1)")
        w.stop()

    def test_another_reason_renames_nothing(self):
        w = self.begun(company(1), company(2))
        final = self.again(w, ["account"], [
            company(1, 2, 2, True, city="x" * 300),
            company(2, 2, 2, True, name="Free", city="x" * 300),
            company(3, 1, 2, True, city="x" * 300)], states=("refused",))
        self.assertEqual({f["class"] for f in final.values()
                          if f["state"] == "refused"}, {"refused"})
        self.assert_names(w, c1="Company 1", c2="Company 2")
        w.stop()

    def refused_for_now(self, w, status, **more):
        w.faults(dict({"name": "refused", "times": 1, "match": {
            "method": "PUT", "path": "/sales_accounts"},
            "action": {"status": status}}, **more))

    def test_a_refusal_without_a_word_of_the_name_renames_nothing(self):
        """Nobody is seen to have the name, and nothing says so."""
        for status in (409, 422):
            with self.subTest(status):
                w = self.begun(company(1))
                self.refused_for_now(w, status)
                final = self.again(w, ["account"], [
                    company(1, 2, 2, True, name="New", city="Ulm")],
                    states=("refused",))
                self.assertEqual(final["account", "company:1"]["class"],
                                 "refused")
                self.assert_names(w, c1="Company 1")
                self.refusal(w, 1)
                self.assertEqual({x[1] for x in self.conflicts(w)},
                                 {"refused"})
                w.stop()

    def test_renamed_into_what_lies_in_the_recycle_bin(self):
        """In words that are not ours to read it is refused, with a cure."""
        for language, wanted, states in (
                ("en", "Company 0 (1)", ("done",)),
                ("de", "Company 1", ("refused",))):
            with self.subTest(language):
                w = self.begun(company(0), company(1))
                w.sim.post("/sim/knobs", {"error_language": language})
                self.again(w, ["account"], [
                    removal("account", "company", 0, 9, 2)],
                    states=("deleted",))
                self.again(w, ["account"], [
                    company(1, 3, 3, True, name="Company 0")], 3, states)
                self.assert_names(w, c1=wanted)
                if language == "de":
                    self.assertIn("recycle bin", self.refusal(w, 1)["cure"])
                else:
                    self.assert_conflicts(w, {("1", TAKEN, "name", True)})
                w.stop()

    def test_an_account_of_before_is_never_renamed(self):
        """What the plan merges into: a third one has the name, one in the
        recycle bin has it, or it is refused in passing."""
        for what in ("held", "bin", "passing"):
            with self.subTest(what):
                w = self.begun(company(1, name="Free" if what == "passing"
                                       else "Acme"))
                if what == "bin":
                    self.again(w, ["account"], [
                        removal("account", "company", 1, 9, 2)],
                        states=("deleted",))
                w.sim.post("/sim/admin/sales_accounts",
                           {"name": "Old Ltd", "city": "Kiel"}, "POST")
                rid = [a["id"] for a in w.records("sales_accounts")
                       if a["name"] == "Old Ltd"][0]
                if what == "passing":
                    self.refused_for_now(w, 409)
                r = record("account", "company", "m", "sales_accounts",
                           "merge", {"name": "Acme", "cf_source_id": "m"},
                           rev=3, pas=3, ident="Acme", dst=rid,
                           other_name="Acme (m)")
                final = self.again(w, ["account"], [r], 3,
                                   states=("refused",))
                self.assertEqual(
                    final["account", "company:m"]["class"],
                    "duplicate" if what == "held" else "refused")
                self.assertEqual(
                    [a["name"] for a in w.records("sales_accounts")
                     if a["id"] == rid], ["Old Ltd"])
                self.assertIn("merge" if what == "held" else "recycle bin",
                              self.refusal(w, "m")["cure"])
                self.assertNotIn(TAKEN, {x[1] for x in self.conflicts(w)})
                w.stop()

    def test_a_name_that_a_person_gave_is_not_told_as_taken(self):
        """The name is left alone; that the source's is taken changes none."""
        w = self.begun(company(1, name="Acme"), company(3))
        self.person(w, "sales_accounts", self.of_source(
            w, "sales_accounts", "cf_source_id")["3"]["id"], name="Mine")
        self.refused_for_now(w, 409)
        self.again(w, ["account"], [
            company(3, 2, 2, True, name="Acme", city="Kiel")])
        self.assert_names(w, c1="Acme", c3="Mine")
        self.assertEqual(self.of_source(
            w, "sales_accounts", "cf_source_id")["3"]["city"], "Kiel")
        self.assert_conflicts(w, {("3", "conflict", "name", True)})
        w.stop()

    def test_a_bulk_call_for_one_that_is_refused(self):
        """A job of a hundred is under way, so that the one that is left over
        goes in bulk, too. It is refused, goes alone, and the reason is told."""
        w = self.begun(company(900), knobs=("job_delay_ms=60000",))
        w.feed([company(i) for i in range(100)])
        wait_until("a job is under way", lambda: w.calls("bulk_upsert"), 60)
        w.faults({"name": "whole", "times": -1, "match": {
            "method": "POST", "path": "/sales_accounts/bulk_upsert"},
            "action": {"status": 400}})
        w.feed([company(200, city="x" * 300)])
        final = wait_until("it is final", lambda: w.final().get(
            ("account", "company:200")), 60)
        self.assertEqual((final["state"], final["class"]),
                         ("refused", "refused"))
        self.assertIn("too long", self.refusal(w, 200)["reason"])
        w.stop()

    def test_killed_between_the_two_writes(self):
        """Created, and renamed: at each moment of the write under the other
        name. It is found by its marker, whichever name it has."""
        for point, i in (("after_answer:1", 2), ("after_intent:2", 3),
                         ("after_send:2", 2), ("after_send:2", 3),
                         ("after_done:1", 3)):
            with self.subTest(point=point, company=i):
                w = self.begun(company(1, name="Acme"), company(3))
                w.stop()
                w.loaders.clear()
                version = company(i, 2, 2, True, name="Acme")
                w.feed([version])
                w.control(["account"], pas=2)
                p = w.loader(1, ready=False, DROVER_CRASH=point)
                wait_until("it crashes: " + p.tail(),
                           lambda p=p: not p.alive(), 40)
                w.loader(1)
                w.until_final([version], pas=2)
                wanted = {"1": "Acme", "3": "Company 3"}
                wanted[str(i)] = "Acme (%d)" % i
                self.assertEqual(self.names(w), wanted)
                w.each_once("sales_accounts", wanted)
                self.assertEqual(w.unsettled(), [])
                self.assert_conflicts(w, {(str(i), TAKEN, "name", True)})
                w.stop()

    def test_no_answer_to_the_second_write(self):
        for what, action, i, method in (
                ("lost", {"close": "after"}, 2, "POST"),
                ("nothing came of it", {"close": "before"}, 3, "PUT"),
                ("late", {"status": 503, "body": "html"}, 2, "POST")):
            with self.subTest(what, company=i):
                w = self.begun(company(1, name="Acme"), company(3))
                w.faults({"name": what, "after": 1, "times": 1,
                          "match": {"method": method,
                                    "path": "/sales_accounts"},
                          "action": action})
                self.again(w, ["account"], [
                    company(i, 2, 2, True, name="Acme")])
                self.assertEqual(self.names(w)[str(i)], "Acme (%d)" % i)
                w.each_once("sales_accounts", [1, 3, i])
                w.stop()

    def test_our_own_is_not_made_twice(self):
        """The answer to a create is lost, and the index shows it late: the name
        is taken, by ourselves."""
        w = self.begun(company(1), knobs=(
            "search_lag_ms=%d" % (QUARANTINE_MS // 3),), **{
                "loader.unique_now": "true"})
        w.faults({"name": "lost", "times": 1, "match": {
            "method": "POST", "path": "/sales_accounts"},
            "action": {"close": "after"}})
        self.again(w, ["account"], [company(2, 2, 2, True)])
        self.assert_names(w, c1="Company 1", c2="Company 2")
        w.stop()

    def refusal(self, w, i):
        wait_until("%s is told as rejected" % i, lambda: [
            r for r in self.rejected(w)
            if r["id"] == str(i) and not r["partial"]], 30)
        return [r for r in self.rejected(w) if r["id"] == str(i)][-1]

    @staticmethod
    def at(i, address, pas, tail=True, **fields):
        r = contact(i, [1], pas, pas, emails=address, **fields)
        r["load"].update(tail=tail, **({"how": "single"} if tail else {}))
        return r

    def addresses(self, w):
        return {k: (c["email"], c["work_email"]) for k, c in self.of_source(
            w, "contacts").items()}

    def a_persons_contact(self, w, i):
        w.sim.post("/sim/admin/contacts", {
            "last_name": "Theirs", "city": "Oslo",
            "emails": "p%d@example.test" % i}, "POST")
        return self.persons_contact(w)

    def persons_contact(self, w):
        return [c for c in w.records("contacts")
                if c["last_name"] == "Theirs"][0]

    def held_by_a_person(self, w, taken, n, calls):
        """Of n contacts one has the address of a contact that somebody made
        meanwhile: theirs stays as it is, and ours has none."""
        mine = self.a_persons_contact(w, taken)
        data = [contact(i, [1], email=i % 7 != 0) for i in range(n)]
        w.feed(data)
        before = w.calls()
        w.control(["account", "contact"])
        w.until_final(data)
        taking = w.calls() - before
        self.assertEqual(self.persons_contact(w), mine)
        w.each_once("contacts", range(n))
        self.assertEqual(self.addresses(w)[str(taken)], (None, self.p(taken)))
        self.assert_conflicts(w, {(str(taken), "address_taken", "emails",
                                   True)})
        self.assertLessEqual(taking, calls)

    def test_a_contact_that_a_person_made_is_not_written_over(self):
        """Two calls for a hundred; the one that the job refuses is looked up.
        Those without an address go with the others."""
        w = self.begun(company(1))
        self.held_by_a_person(w, 3, 200, 24)
        self.assertEqual(w.calls("contacts/bulk_upsert"), 2)
        w.stop()

    def test_a_target_that_finds_no_contact_by_our_id_in_bulk(self):
        """Then each goes alone, and none is found by its address: what it costs
        is a call each, after those that were refused until one of them held
        a contact alone, and those under way."""
        w = self.begun(company(1), knobs=("bulk_identifier_ext=400",))
        self.held_by_a_person(w, 3, 150, 150 + 20 + 20)
        self.assertLessEqual(w.calls("contacts/bulk_upsert"), 20)
        log = w.loaders[0].tail(1000)
        self.assertEqual(log.count("loader.single_creates"), 1, log)
        wait_until("the status says it", lambda: any(
            c["name"].startswith("loader:") and
            c["json"]["lanes"]["contact"].get("single_creates")
            for c in w.dump("catalog", 1) if c["side"] == "status"), 30)
        self.assertEqual(self.status_of_loaders(w), [["contact"]])
        w.stop()

    def test_a_bulk_call_for_one_that_is_refused_says_nothing_of_it(self):
        """It goes in bulk since others are on their way, and is refused for
        what the identifier is."""
        w = World(self, knobs=("bulk_identifier_ext=400",))
        w.faults({"name": "slow", "times": 1, "action": {"delay_ms": 6000},
                  "match": {"method": "POST", "path": "contacts/bulk_upsert"}})
        data = [contact(i, []) for i in range(21)]
        w.feed(data[:20])
        w.control(["contact"])
        w.loader()
        wait_until("a call is on its way", w.unsettled, 30)
        w.feed(data[20:])
        w.until_final(data)
        self.assertEqual(self.rejected(w), [])
        w.each_once("contacts", range(21))
        w.stop()

    def status_of_loaders(self, w):
        """As the auditor tells it."""
        folder = self.bench.folder / (w.name + "-books")
        folder.mkdir()
        token = "a-token-of-more-than-16"
        conf = {"migration": w.name, "kafka.brokers": self.kafka.brokers,
                "kafka.partitions": w.parts, "api.port": 0,
                "api.port_file": folder / "api.port",
                "api.token_file": self.bench.secret(w.name + ".token", token),
                "books.file": folder / "books.sqlite"}
        p = self.bench.service("auditor", w.name, conf)
        self.bench.ready(p)
        port = int(conf["api.port_file"].read_text())
        status = wait_until("it knows of the loader", lambda: (
            lambda s: s.get("loaders") and s)(
                call(port, "GET", "/v1/status", None, token)[1]), 30)
        self.assertEqual(p.stop(), 0)
        return [x["single_creates"] for x in status["loaders"]]

    def test_killed_while_each_contact_goes_alone(self):
        for point in ("after_send:9", "after_answer:9"):
            with self.subTest(point):
                w = World(self, knobs=("bulk_identifier_ext=400",))
                data = [contact(i, []) for i in range(60)]
                for r in data:
                    r["load"]["tail"] = True
                w.feed(data)
                w.control(["contact"])
                p = w.loader(ready=False, DROVER_CRASH=point)
                wait_until("it ends", lambda p=p: not p.alive(), 40)
                self.assertEqual(p.code, 137, p.tail())
                w.loaders.clear()
                w.loader(1)
                w.until_final(data)
                w.each_once("contacts", range(60))
                w.stop()

    def people(self, n):
        w = self.begun(company(1))
        first = [contact(i, [1]) for i in range(n)]
        w.feed(first)
        w.control(["account", "contact"])
        w.until_final(first)
        return w

    @staticmethod
    def p(i):
        return "p%d@example.test" % i

    def test_an_address_that_another_contact_has(self):
        """Created with it and changed to it: the address stands in work_email.
        The next version has its own again where that is free."""
        w = self.people(2)
        lanes = ["account", "contact"]
        self.again(w, lanes, [self.at(i, self.p(0), 2) for i in (7, 1)])
        kept = (None, self.p(0))
        self.assertEqual(self.addresses(w), {
            "0": (self.p(0), None), "1": kept, "7": kept})
        told = {(i, "address_taken", "emails", True) for i in "17"}
        self.assert_conflicts(w, told)
        # Another field changes, the address is still taken.
        self.again(w, lanes, [self.at(1, self.p(0), 3, city="Ulm")], 3)
        self.assertEqual(self.addresses(w)["1"], kept)
        self.assertEqual(self.of_source(w, "contacts")["1"]["city"], "Ulm")
        # One gives it up, the other has its own.
        self.again(w, lanes, [self.at(0, self.p(9), 4)], 4)
        self.again(w, lanes, [self.at(1, self.p(1), 5),
                              self.at(7, self.p(0), 5, city="Bonn")], 5)
        self.assertEqual(self.addresses(w), {
            "0": (self.p(9), None), "1": (self.p(1), None),
            "7": (self.p(0), None)})
        w.each_once("contacts", [0, 1, 7])
        w.stop()

    def test_addresses_of_many_that_are_taken(self):
        n = 60
        w = self.people(n)
        w.sim.post("/sim/clock", {"advance_ms": 5000})
        self.again(w, ["account", "contact"], [
            self.at(i, self.p(0 if i % 20 == 19 else i), 2, tail=False,
                    city="Ulm") for i in range(n)])
        self.assertEqual(self.addresses(w), {
            str(i): (None, self.p(0)) if i % 20 == 19 else (self.p(i), None)
            for i in range(n)})
        self.assertEqual({c["city"] for c in self.of_source(
            w, "contacts").values()}, {"Ulm"})
        self.assert_conflicts(w, {(str(i), "address_taken", "emails", True)
                                  for i in (19, 39, 59)})
        w.stop()

    def test_an_address_is_asked_for_again_before_the_cut_over(self):
        """A later pass leaves it; one in the freeze asks once more, and tells
        what is still taken."""
        w = self.people(2)
        lanes = ["account", "contact"]

        def version(i, pas):
            r = self.at(i, self.p(i - 2), pas)
            r["load"].update(rev=2, same="v%d" % i)
            return r

        self.again(w, lanes, [version(2, 2), version(3, 2)])
        self.again(w, lanes, [self.at(0, self.p(9), 3)], 3)
        w.feed([version(2, 4), version(3, 4)])
        w.control(lanes, pas=4)
        self.again(w, lanes, [self.at(5, self.p(5), 4)], 4)
        self.assertEqual(self.addresses(w)["2"], (None, self.p(0)))
        final = [version(2, 5), version(3, 5)]
        w.feed(final)
        w.control(lanes, pas=5, phase="freeze")
        w.until_final(final, pas=5)
        self.assertEqual(self.addresses(w)["2"], (self.p(0), None))
        self.assertEqual(self.addresses(w)["3"], (None, self.p(1)))
        w.stop()

    def shared(self, i, address, rev, pas):
        """As the plan makes one whose address it saw on another contact."""
        r = self.at(i, address, pas, tail=False)
        r["load"].update(rev=rev, other_first=True,
                         same="%d %s" % (i, address))
        return r

    def sent(self, w, method, path):
        return [j for j in ndjson(w.sim.admin, "/sim/journal")
                if j["method"] == method and re.search(path, j["path"])]

    def test_addresses_that_the_plan_saw_on_two_go_in_bulk(self):
        """One of them fails there: alone it is told more of why."""
        w = self.begun(company(1))
        lanes = ["account", "contact"]
        many = [self.shared(i, self.p(i - 20), 1, 1) for i in range(20, 26)]
        many[3]["load"]["fields"]["owner_id"] = "7"
        w.feed(many)
        w.control(lanes)
        final = w.until_final(many)
        self.assertEqual([f["state"] for f in final.values()].count("refused"),
                         1)
        self.assertEqual(w.calls("contacts/bulk_upsert"), 1)
        self.assertEqual(len(self.sent(w, "POST", "/contacts$")), 1)
        self.assertEqual(self.addresses(w), {
            str(i): (None, self.p(i - 20)) for i in range(20, 26) if i != 23})
        w.stop()

    def test_killed_while_they_go_in_bulk(self):
        """What stands there is known for the other form: nothing is written
        once more."""
        w = self.begun(company(1))
        w.stop()
        w.loaders.clear()
        many = [self.shared(i, self.p(i - 20), 1, 1) for i in range(20, 26)]
        w.feed(many)
        w.control(["account", "contact"])
        p = w.loader(1, ready=False, DROVER_CRASH="after_answer:1")
        wait_until("it crashes: " + p.tail(), lambda: not p.alive(), 40)
        w.loaders.clear()
        w.loader(2)
        w.until_final(many)
        self.assertEqual(self.addresses(w), {
            str(i): (None, self.p(i - 20)) for i in range(20, 26)})
        self.assertEqual(self.sent(w, "PUT", "/contacts/"), [])
        w.stop()

    def test_an_address_that_the_plan_saw_on_two(self):
        """It comes before the other, which bulk finds by the address: they are
        not made one. It is nobody's news; before the cut-over it is asked for
        again, and a version of other content asks at once."""
        w = self.begun(company(1))
        lanes = ["account", "contact"]
        two = [self.shared(i, self.p(i - 90), 1, 1) for i in (90, 91)]
        w.feed(two)
        w.control(lanes)
        w.until_final(two)
        many = [contact(i, [1]) for i in range(30)]
        w.feed(many)
        w.until_final(many)
        self.assertEqual(self.addresses(w), dict(
            {str(i): (self.p(i), None) for i in range(30)},
            **{str(i): (None, self.p(i - 90)) for i in (90, 91)}))
        self.assert_conflicts(w, set())
        self.again(w, lanes, [self.at(0, self.p(50), 2)])
        # A pass like any other, then one of the freeze.
        for pas, phase, wanted in ((3, "run", (None, self.p(0))),
                                   (4, "freeze", (self.p(0), None))):
            w.feed([self.shared(i, self.p(i - 90), 1, pas) for i in (90, 91)])
            w.control(lanes, pas=pas, phase=phase)
            self.again(w, lanes, [self.at(60 + pas, self.p(60 + pas), pas)],
                       pas, phase=phase)
            wait_until("%s: %s" % (phase, wanted), lambda wanted=wanted:
                       self.addresses(w)["90"] == wanted, 30)
        self.assertEqual(self.addresses(w)["91"], (None, self.p(1)))
        self.assert_conflicts(w, set())
        self.again(w, lanes, [self.shared(91, self.p(2), 2, 5),
                              self.shared(90, self.p(70), 2, 5)], 5)
        self.assertEqual(self.addresses(w)["91"], (None, self.p(2)))
        self.assertEqual(self.addresses(w)["90"], (self.p(70), None))
        w.each_once("contacts", list(range(30)) + [63, 64, 90, 91])
        w.stop()

    def test_killed_before_the_address_is_kept(self):
        for point in ("after_intent:2", "after_send:2", "after_done:1"):
            for i in (2, 1):
                with self.subTest(point=point, contact=i):
                    w = self.people(2)
                    w.stop()
                    w.loaders.clear()
                    version = self.at(i, self.p(0), 2)
                    w.feed([version])
                    w.control(["account", "contact"], pas=2)
                    p = w.loader(1, ready=False, DROVER_CRASH=point)
                    wait_until("it crashes: " + p.tail(),
                               lambda p=p: not p.alive(), 40)
                    w.loader(1)
                    w.until_final([version], pas=2)
                    self.assertEqual(self.addresses(w)[str(i)],
                                     (None, self.p(0)))
                    w.each_once("contacts", {0, 1, i})
                    self.assertEqual(w.unsettled(), [])
                    w.stop()

    def test_another_reason_takes_no_address(self):
        w = self.people(1)
        final = self.again(w, ["account", "contact"], [
            self.at(0, self.p(4), 2, city="x" * 300),
            self.at(1, self.p(1), 2, city="x" * 300)], states=("refused",))
        self.assertEqual({f["class"] for f in final.values()
                          if f["state"] == "refused"}, {"refused"})
        self.assertEqual(self.addresses(w), {"0": (self.p(0), None)})
        w.stop()

    def in_the_bin(self):
        w = self.people(1)
        self.again(w, ["account", "contact"], [
            removal("contact", "contact", 0, 9, 2)], states=("deleted",))
        return w

    def test_an_address_in_the_recycle_bin(self):
        """It stays without, whatever is asked once more before the cut-over,
        and in whatever language that is refused."""
        lanes = ["account", "contact"]

        def version(pas):
            r = self.at(7, self.p(0), pas)
            r["load"].update(rev=3, same="seven")
            return r

        w = self.in_the_bin()
        self.again(w, lanes, [version(3)], 3)
        kept = {"7": (None, self.p(0))}
        self.assertEqual(self.addresses(w), kept)
        told = {("7", "address_taken", "emails", True)}
        self.assert_conflicts(w, told)
        for said in ("reason", "cure"):
            self.assertIn("recycle bin", self.rejected(w)[0][said])
        for pas, language in ((4, "en"), (5, "de")):
            w.sim.post("/sim/knobs", {"error_language": language})
            r = version(pas)
            w.feed([r])
            w.control(lanes, pas=pas, phase="freeze")
            w.until_final([r], pas=pas)
            self.assertEqual(self.addresses(w), kept)
            self.assert_conflicts(w, told)
        w.stop()

    def test_an_address_that_is_refused_in_other_words(self):
        w = self.in_the_bin()
        w.sim.post("/sim/knobs", {"error_language": "de"})
        self.again(w, ["account", "contact"],
                   [self.at(7, self.p(0), 3)], 3, states=("refused",))
        self.assertIn("recycle bin", self.refusal(w, 7)["cure"])
        self.assertEqual(self.of_source(w, "contacts"), {})
        w.stop()


if __name__ == "__main__":
    unittest.main()
