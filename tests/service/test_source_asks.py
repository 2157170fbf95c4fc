#!/usr/bin/env python3
"""What the extractor asks people, met beside a real broker: it halts until the
answer is there, loses nothing meanwhile, and goes on by itself."""
import hashlib
import json
import unittest

from extractor_world import Bench, Case, SOURCE, wait_until
from source_folder import SourceFolder

RUN = {"phase": "run", "seq": 1, "lanes": []}


class Asks(Case):
    def folder(self):
        bench = Bench()
        self.addCleanup(bench.close)
        return bench, SourceFolder(SOURCE, bench.folder / "source")

    def asks(self, w):
        return {a["id"]: a for a in w.status().get("asks", [])}

    def asked(self, w, kind):
        """The one open question of that kind, once it is there."""
        found = []

        def there():
            found[:] = [a for a in self.asks(w).values() if a["kind"] == kind]
            return found
        w.until("it asks about " + kind, there)
        return found[0]

    def approve(self, w, *ids, **more):
        w.feed(dict(RUN, approvals=list(ids), **more))

    # ---- corrupt items ----

    def test_unreadable_records_beyond_the_budget_are_asked_about(self):
        w = self.world()
        del w.conf["source.corrupt_budget_permille"]  # 0.1 %
        w.start()
        a = self.asked(w, "corrupt")
        names = hashlib.sha256(b"contact:ct_bad\n").hexdigest()[:8]
        self.assertEqual((a["id"], a["count"]), ("corrupt:1:" + names, 1))
        status = w.status()
        self.assertEqual(status["phase"], "snapshot")
        self.assertIn("approve", status["halted"])
        self.assert_is_truth(w)  # all the rest is read
        self.assertFalse([r for r in w.dump("source.event")
                          if r["kind"] == "marker"])
        self.approve(w, "corrupt:1:00000000")  # of another list
        w.ex.stop()
        w.start()
        self.assertEqual(self.asked(w, "corrupt")["id"], a["id"])
        self.approve(w, a["id"])
        w.snapshot_done()
        self.assertEqual((self.asks(w), w.status()["halted"]), ({}, ""))
        contact = w.status()["objects"]["contact"]
        self.assertEqual(contact["consistency"], "0.9795")  # 48 of 49
        self.assertEqual(contact["quarantined"], 1)

    def test_a_record_that_is_mended_counts_no_more(self):
        w = self.world()
        w.read_whole()
        w.fast()
        one = w.sim.records("contact")[0]
        w.edit("contact", dict(one, id="ct_bad"))
        w.drained()
        w.until("it is good again", lambda: w.status()["objects"]["contact"]
                ["consistency"] == "1.0000")
        w.ex.stop()
        w.start()
        w.snapshot_done()
        self.assertEqual(w.status()["objects"]["contact"]["quarantined"], 0)

    def test_flagged_and_redacted_fields_are_told(self):
        b, f = self.folder()
        people = f.records("contact")
        people[0]["corrupt"] = {"code": "encoding",
                                "fields": ["city", "job_title"]}
        people[1]["corrupt"] = {"code": "encoding", "fields": []}
        people[2]["redacted"] = ["email"]
        f.put("contact", people)
        w = self.world(f.done(), bench=b)
        w.read_whole()
        self.assert_all(w)  # the records go on
        told = {(r["id"], r["class"], r["field"]) for r in w.dump("rejected")
                if r["class"] in ("corrupt", "redacted")}
        self.assertEqual(told, {
            (people[0]["id"], "corrupt", "city"),
            (people[0]["id"], "corrupt", "job_title"),
            (people[1]["id"], "corrupt", "(record)"),
            (people[2]["id"], "redacted", "email")})
        self.assertEqual(w.status()["objects"]["contact"]["quarantined"], 1)
        n = len(w.dump("rejected"))
        w.ex.stop()
        w.start()
        w.fast()
        w.drained()
        self.assertEqual(len(w.dump("rejected")), n)  # told once

    # ---- the catalogue ----

    def named(self, *items):
        """The question about these, whatever the budget is."""
        return "catalogue:%d:%s" % (len(items), hashlib.sha256("".join(
            i + "\n" for i in sorted(items)).encode()).hexdigest()[:8])

    def test_damaged_owners_pipelines_and_properties_are_asked_about(self):
        b, f = self.folder()
        damage = {"code": "encoding", "fields": ["email"]}
        owners = json.loads(f.read("owners.json"))
        owners["results"][1]["corrupt"] = damage
        owners["results"].append({"email": "nobody@example.com"})  # no id
        (f.path / "owners.json").write_text(json.dumps(owners))
        lines = json.loads(f.read("pipelines.json"))
        lines["deal"]["results"][0]["stages"][0]["corrupt"] = damage
        (f.path / "pipelines.json").write_text(json.dumps(lines))
        f.schema(lambda s: s["properties"]["deal"]["results"][0].update(
            corrupt=damage))
        w = self.world(f.done(), bench=b)
        w.start()
        a = self.asked(w, "corrupt")
        stage = lines["deal"]["results"][0]["stages"][0]["id"]
        name = json.loads(f.read("schema.json"))["properties"]["deal"][
            "results"][0]["name"]
        self.assertEqual(a["id"], self.named(
            "owner:" + owners["results"][1]["id"],
            "owner:#%d" % len(owners["results"]), "stage:" + stage,
            "property deal:" + name))
        self.assertEqual([r for k in w.kinds for r in w.records(k)], [])
        self.approve(w, a["id"])
        w.snapshot_done()
        self.assertEqual(self.asks(w), {})
        self.assert_is_truth(w)

    def test_an_item_that_says_it_is_whole_is_no_question(self):
        b, f = self.folder()
        owners = json.loads(f.read("owners.json"))
        owners["results"][0]["corrupt"] = False
        owners["results"][1]["corrupt"] = None
        (f.path / "owners.json").write_text(json.dumps(owners))
        f.schema(lambda s: s["properties"]["deal"]["results"][0].update(
            corrupt=False))
        w = self.world(f.done(), bench=b)
        w.start()
        w.until("it asks or goes on", lambda: self.asks(w) or
                w.status()["phase"] == "tail")
        self.assertEqual(self.asks(w), {})

    def test_properties_that_cannot_be_read_are_none_that_are_missing(self):
        w = self.world()
        w.sim.post("/sim/faults", [{
            "name": "bad", "times": -1,
            "match": {"path": "^/v1/schema/objects/deal/properties$"},
            "action": {"status": 422}}])
        w.start()
        self.assertEqual(self.asked(w, "corrupt")["id"],
                         self.named(
                             "list:/v1/schema/objects/deal/properties"
                             "?archived=any"))
        w.ex.stop()
        w.sim.post("/sim/faults", [])
        w.read_whole()
        self.assertEqual(self.asks(w), {})

    def add_damaged_stage(self, w):
        w.sim.post("/sim/admin/schema", {
            "op": "schema", "change": "stage_add", "type": "deal",
            "pipeline": "pl_sales", "stage": {
                "id": "st_bad", "label": "?", "order": 9,
                "corrupt": {"code": "encoding", "fields": ["label"]}}})

    def test_a_stage_that_is_damaged_in_mid_run_stops_the_freeze(self):
        w = self.world()
        w.read_whole()
        self.add_damaged_stage(w)
        w.fast()
        w.feed({"phase": "freeze", "seq": 1, "lanes": []})
        a = self.asked(w, "corrupt")
        self.assertEqual(a["id"], self.named("stage:st_bad"))
        w.drained()
        self.assertEqual(w.status()["phase"], "freezing")
        w.feed({"phase": "freeze", "seq": 2, "lanes": [],
                "approvals": [a["id"]]})
        w.until("it is frozen", lambda: w.status()["phase"] == "frozen")

    def test_a_damaged_stage_holds_no_tail_up_after_a_restart(self):
        w = self.world()
        w.read_whole()
        w.ex.stop()
        self.add_damaged_stage(w)
        w.start()
        a = self.asked(w, "corrupt")
        self.assertEqual(a["id"], self.named("stage:st_bad"))
        w.until("it halts or goes on", lambda: w.status()["halted"] or
                w.status()["phase"] == "tail")
        self.assertEqual(w.status()["halted"], "")
        one = w.sim.records("contact")[0]
        w.edit("contact", dict(one, owner_id="o_2"), one["id"])
        w.fast()
        w.drained()
        self.assert_all(w)
        self.assertEqual(set(self.asks(w)), {a["id"]})

    def test_what_is_mended_in_mid_run_closes_its_question(self):
        def properties():
            return [r["json"] for r in w.dump("catalog", 1)
                    if r["name"] == "schema"][-1]["properties"]["deal"]

        w = self.world()
        w.read_whole()
        before = properties()
        w.sim.post("/sim/faults", [{
            "name": "bad", "times": -1,
            "match": {"path": "^/v1/schema/objects/deal/properties$"},
            "action": {"status": 422}}])
        w.fast()
        w.feed({"phase": "freeze", "seq": 1, "lanes": []})
        self.asked(w, "corrupt")
        self.assertEqual(properties(), [])
        w.sim.post("/sim/faults", [])
        w.until("it is frozen", lambda: w.status()["phase"] == "frozen", 100)
        self.assertEqual(self.asks(w), {})
        self.assertEqual(properties(), before)

    # ---- absence ----

    def test_a_mass_absence_that_is_approved_goes_on(self):
        w = self.world()
        w.read_whole()
        w.fast()
        ids = [r["id"] for r in w.sim.records("contact")]
        for rid in ids:
            w.edit("contact", {"op": "purge"}, rid)
        status = w.freeze()
        self.assertEqual(status["phase"], "halted")
        # An approval is of these records: another list has another name.
        want = "absence:contact:%d:%s" % (len(ids), hashlib.sha256("".join(
            i + "\n" for i in sorted(ids)).encode()).hexdigest()[:8])
        self.assertIn(want, self.asks(w))
        w.feed({"phase": "freeze", "seq": 2, "lanes": [],
                "approvals": [want]})
        w.until("it goes on", lambda: w.status()["phase"] == "frozen")
        self.assertEqual(self.asks(w), {})
        self.assert_is_truth(w)

    # ---- the schema ----

    def test_drift_of_the_schema_is_told_by_name(self):
        w = self.world(knobs=["--knob", "script=hostile"])
        w.read_whole()
        w.sim.post("/sim/admin/schema", {
            "op": "schema", "change": "option_add", "type": "contact",
            "property": "lead_source",
            "option": {"value": "fair", "label": "Fair"}})
        w.sim.post("/sim/admin/schema", {
            "op": "schema", "change": "property_add", "type": "deal",
            "property": {"name": "region", "label": "Region",
                         "data_type": "string", "options": []}})
        w.fast()
        status = w.freeze()
        self.assertTrue(status["schema_drift"])
        self.assertLessEqual({"new option fair of contact.lead_source",
                              "new property deal.region"},
                             set(status["drift"]))
        self.assertEqual(status["phase"], "frozen")

    def test_all_that_may_not_be_read_is_named_at_once(self):
        b, f = self.folder()

        def change(schema):
            for o in schema["objects"]["results"]:
                o["readable"] = o["type"] not in ("contact", "deal", "note")
        f.schema(change)
        w = self.world(f.done(), bench=b)
        w.start_only()
        wait_until("it ends", lambda: not w.ex.alive(), 60)
        self.assertEqual(w.ex.code, 65)
        self.assertIn("may not read contact, deal:", w.ex.tail())

    def rename(self, w):
        w.sim.post("/sim/admin/schema", {
            "op": "schema", "change": "property_rename", "type": "contact",
            "property": "job_title", "new_name": "position"})

    def test_a_property_that_is_renamed_is_read_by_its_new_name(self):
        """The values move with the name and no version does; at the freeze,
        and where it happened while the extractor was away."""
        w = self.world()
        w.read_whole()
        w.fast()
        self.rename(w)
        status = w.freeze()
        self.assertIn("gone property contact.job_title", status["drift"])
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_all(w)

    def test_what_was_hidden_when_a_property_was_renamed(self):
        """It was not read again, and shows itself with its version of before;
        the extractor that sweeps is another one."""
        w = self.world()
        w.read_whole()
        w.fast()
        w.drained()
        hidden, other = [r["id"] for r in w.sim.records("contact")
                         if r["properties"].get("job_title")][:2]
        w.ex.stop()
        self.rename(w)
        w.edit("contact", {"op": "hide"}, hidden)
        w.start()
        w.until("the others are read again", lambda: "position" in json.loads(
            w.newest("contact")[other]["body"])["properties"])
        w.drained()
        w.ex.stop()
        w.edit("contact", {"op": "unhide"}, hidden)
        w.start()
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_all(w)

    def test_a_property_that_was_renamed_meanwhile_is_read_again(self):
        w = self.world()
        w.read_whole()
        w.ex.stop()
        self.rename(w)
        w.start()
        w.snapshot_done()
        w.fast()
        w.drained()
        self.assert_all(w)
        n = len(w.journal())
        w.ex.stop()
        w.start()  # once is enough
        w.snapshot_done()
        w.drained()
        self.assertFalse([r for r in w.journal()[n:]
                          if r["path"] == "/v1/objects/contact/index"])

    # ---- the account ----

    def test_a_plan_that_changes_in_mid_run_halts(self):
        w = self.world()
        w.read_whole()
        w.sim.post("/sim/faults", [{
            "name": "plan", "match": {"path": "^/v1/account$"}, "times": 1,
            "action": {"plan": "growth"}}])
        a = self.asked(w, "scope")
        self.assertIn("growth", a["text"])
        self.assertIn("enterprise", a["text"])
        before = len(w.journal())
        people = w.sim.records("contact")
        w.edit("contact", dict(people[0], owner_id="o_2"))
        w.fast()
        wait_until("it looks again", lambda: len(w.journal()) > before + 3, 20)
        self.assertEqual({r["path"] for r in w.journal()[before:]
                          if r["path"].startswith("/v1/")},
                         {"/v1/account"})  # nothing is believed
        w.ex.stop()
        w.start()  # a restart does not forget what it was
        self.assertEqual(self.asked(w, "scope")["id"], a["id"])
        self.approve(w, a["id"])
        w.drained()
        self.assertEqual(self.asks(w), {})
        self.assert_all(w)

    def test_a_scope_that_is_put_back_closes_the_question(self):
        w = self.world(knobs=["--knob", "scopes=objects.read,files.read,"
                              "automation.read,email_body.read"])
        w.read_whole()
        w.sim.post("/sim/knobs", {"scopes": "objects.read,automation.read"})
        a = self.asked(w, "scope")
        self.assertIn("files.read", a["text"])
        w.sim.post("/sim/knobs", {"scopes": "objects.read,files.read,"
                                  "automation.read,email_body.read"})
        w.until("the question is closed", lambda: not self.asks(w))
        w.fast()
        w.drained()
        self.assertEqual(w.status()["halted"], "")

    def test_bodies_of_mail_that_would_be_redacted_are_asked_about(self):
        b, f = self.folder()
        one = f.records("task")[0]
        f.add_object("email", [
            dict(one, type="email", id="e_%d" % n, properties={
                "subject": "s", "body": "the text %d" % n}) for n in range(3)])
        w = self.world(f.done(), ["--knob", "scopes=objects.read"], bench=b)
        w.start()
        self.asked(w, "scope")
        self.assertIn("scope:email_body.read", self.asks(w))
        self.assertEqual(w.records("email"), [])
        self.approve(w, "scope:email_body.read")
        w.snapshot_done()
        self.assertEqual(len(w.newest("email")), 3)
        told = [r for r in w.dump("rejected") if r["class"] == "redacted"]
        self.assertEqual({(r["id"], r["field"]) for r in told},
                         {("e_%d" % n, "body") for n in range(3)})
        cures = {r["cure"] for r in told}
        self.assertEqual(len(cures), 1)
        self.assertIn("an e-mail is read again by itself", cures.pop())
        w.sim.post("/sim/knobs", {"scopes": "objects.read,email_body.read"})
        self.approve(w, "scope:email_body.read", self.asked(w, "scope")["id"])
        w.until("their bodies have come", lambda: {
            json.loads(r["body"])["properties"]["body"]
            for r in w.newest("email").values()} ==
            {"the text %d" % n for n in range(3)})

    def test_an_object_beyond_the_plan_is_left_out_when_approved(self):
        b, f = self.folder()
        one = f.records("task")[0]
        f.add_object("co_shipment", [
            dict(one, type="co_shipment", id="s_%d" % n, properties={
                "carrier": "c"}) for n in range(3)], custom=True)
        w = self.world(f.done(), bench=b)
        w.sim.post("/sim/faults", [{
            "name": "plan", "match": {"path": "^/v1/objects/co_shipment"},
            "times": -1, "action": {"status": 403}}])
        w.start()
        a = self.asked(w, "scope")
        self.assertEqual(a["id"], "scope:co_shipment")
        self.approve(w, a["id"])
        w.snapshot_done()
        self.assertFalse(w.status()["objects"]["co_shipment"]["readable"])
        self.assertEqual(w.records("co_shipment"), [])
        w.ex.stop()
        w.start()  # the schema does not say that it may not be read
        w.snapshot_done()
        w.fast()
        self.passed(w)
        w.until("it is left out as before", lambda: not w.status()["objects"]
                ["co_shipment"]["readable"])
        self.assertEqual(w.records("co_shipment"), [])
        w.freeze()
        self.assertEqual((w.status()["phase"], self.asks(w)), ("frozen", {}))
        w.ex.stop()
        w.sim.post("/sim/faults", [])
        w.start()
        w.until("they come after all",
                lambda: len(w.newest("co_shipment")) == 3)

    # ---- what was left behind and may be read again ----

    def passed(self, w):
        """The lanes of what is read are past what has happened by now."""
        now = w.sim.get("/sim/clock")["now_ms"]

        def there():
            cursors = {r["name"]: r["json"] for r in w.dump("cursor", 1)}
            return cursors["contact"]["watermark_ms"] > now and \
                cursors["product"]["assoc_watermark_ms"] > now
        w.until("the tail goes on", there)

    def plan(self, w, plan):
        w.sim.post("/sim/admin/schema", {"op": "schema", "change": "plan",
                                         "plan": plan})
        return self.asked(w, "scope")["id"]

    def left_behind(self):
        """co_parcel is left behind; meanwhile its links change, which moves no
        stamp, and the changes of links go on for all others."""
        w = self.world()
        w.read_whole()
        small = self.plan(w, "starter")
        self.approve(w, small)
        w.until("it asks", lambda: "scope:co_parcel" in self.asks(w))
        self.approve(w, small, "scope:co_parcel")
        w.until("it is left behind", lambda: not w.status()["objects"]
                ["co_parcel"]["readable"])
        one, other = [r["id"] for r in w.sim.records("co_parcel")
                      if self.contacts_of(w, r["id"])][:2]
        gone = self.contacts_of(w, other)[0]
        for op, rid, to, kind in (
                ("assoc_add", one, "ct_001", 77),
                ("assoc_remove", other, gone["to"], int(gone["type_id"]))):
            w.sim.post("/sim/admin/associations", {
                "op": op, "from_type": "co_parcel", "to_type": "contact",
                "from_id": rid, "to_id": to, "type_id": kind,
                "label": "Receiver", "category": "user", "primary": False})
        w.fast()
        self.passed(w)
        return w, [small, "scope:co_parcel"]

    def contacts_of(self, w, rid):
        return [a for a in w.newest("co_parcel")[rid]["associations"]
                if a["pair"] == "co_parcel_contact"]

    def test_what_comes_back_has_the_links_of_now(self):
        w, said = self.left_behind()
        self.approve(w, self.plan(w, "folder"), *said)
        w.until("it is read again", lambda: w.status()["objects"]["co_parcel"]
                ["readable"])
        w.drained()
        self.assert_all(w)
        self.assertEqual(w.freeze()["tail_misses"], 0)

    def test_what_comes_back_at_a_restart_has_the_links_of_now(self):
        w, said = self.left_behind()
        w.ex.stop()
        w.sim.post("/sim/admin/schema", {"op": "schema", "change": "plan",
                                         "plan": "folder"})
        w.start()
        self.approve(w, self.asked(w, "scope")["id"], *said)
        w.drained()
        self.assert_all(w)


if __name__ == "__main__":
    unittest.main(verbosity=2)
