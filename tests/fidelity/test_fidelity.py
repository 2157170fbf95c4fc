#!/usr/bin/env python3
"""Public clients, unmodified, against the simulated Freshsales.

What they cannot parse is a defect of the simulator. What they did is asserted
on what the simulator's admin port holds. Without the packages (build/fidelity,
installed by scripts/setup) the test says SKIP and ends with 77.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT  # noqa: E402

MODULES = ROOT / "build" / "fidelity"
TENANT = ROOT / "tests" / "data" / "tenant.json"
PACKAGES = {"freshworks-api": "1.4.1", "@pipedream/freshsales": "0.2.0"}
SKIP = 77


def missing():
    """Why the clients cannot run; None: they can."""
    if not shutil.which("node"):
        return "no node here"
    for name, version in PACKAGES.items():
        path = MODULES / "node_modules" / name / "package.json"
        if not path.exists():
            return "%s is not installed: run `make setup` where npm can " \
                "fetch it" % name
        have = json.loads(path.read_text())["version"]
        if have != version:
            return "%s is %s, not %s: run `make setup`" % (name, have, version)
    return None


class Clients(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        self.sim = self.bench.freshsales(TENANT)
        self.node = subprocess.Popen(
            ["node", str(HERE / "clients.mjs"), str(MODULES),
             "http://127.0.0.1:%d/crm/sales/api" % self.sim.api, self.sim.key],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        tenant = self.sim.get("/sim/tenant")
        self.user = tenant["selectors"]["users"][0]["id"]
        self.stages = tenant["selectors"]["deal_stages"]
        self.statuses = tenant["selectors"]["contact_statuses"]

    def end(self):
        self.node.stdin.close()
        self.node.stdout.close()
        self.node.kill()
        self.node.wait()

    def ask(self, client, name, args=None):
        self.node.stdin.write(json.dumps(
            {"client": client, "name": name, "args": args}) + "\n")
        self.node.stdin.flush()
        return json.loads(self.node.stdout.readline())

    def done(self, client, name, args=None):
        out = self.ask(client, name, args)
        self.assertNotIn("error", out)
        self.assertEqual(out["printed"], [])
        return out["value"]

    def held(self, kind, rid):
        rows = [r for r in self.sim.records(kind) if r["id"] == rid]
        self.assertEqual(len(rows), 1)
        return rows[0]

    # ---- freshworks-api ----

    def crm(self, name, args=None):
        return self.done("freshworks-api", name, args)

    def account(self, name):
        return self.crm("createAccount", {
            "name": name, "customFields": {"cf_source_id": name}})[
                "sales_account"]["id"]

    def test_accounts_of_freshworks_api(self):
        rid = self.account("Acorn Ltd")
        self.crm("updateAccount", {"id": rid, "name": "Acorn plc"})
        held = self.held("sales_accounts", rid)
        self.assertEqual((held["name"], held["custom_field"]["cf_source_id"]),
                         ("Acorn plc", "Acorn Ltd"))
        found = self.crm("searchForAccounts", "acorn")
        self.assertEqual([(r["id"], r["type"], r["name"]) for r in found],
                         [(str(rid), "sales_account", "Acorn plc")])

    def test_contacts_of_freshworks_api(self):
        first, second = self.account("One"), self.account("Two")
        made = self.crm("createContact", {
            "firstName": "Ana", "lastName": "Ito", "jobTitle": "Buyer",
            "email": "ana@ito.example", "mobileNumber": "+1 555 01",
            "salesAccountId": str(first),
            "customFields": {"cf_source_id": "7"}})["contact"]
        self.crm("updateContact", {"id": made["id"], "lastName": "Ono",
                                   "salesAccountId": second})
        held = self.held("contacts", made["id"])
        self.assertEqual(
            [held[k] for k in ("first_name", "last_name", "email",
                               "job_title", "mobile_number")],
            ["Ana", "Ono", "ana@ito.example", "Buyer", "+1 555 01"])
        self.assertEqual([(a["id"], a["is_primary"])
                          for a in held["sales_accounts"]], [(second, True)])
        got = self.crm("getContact", made["id"])
        # A repeated include: the last one counts.
        self.assertEqual(got["contact"]["display_name"], "Ana Ono")
        self.assertEqual(got["notes"], [])
        self.assertNotIn("sales_accounts", got["contact"])
        found = self.crm("searchForContacts", "ono")
        self.assertEqual([(r["name"], r["email"]) for r in found],
                         [("Ana Ono", "ana@ito.example")])

    def test_deals_and_notes_of_freshworks_api(self):
        account = self.account("Buyer")
        stage = self.stages[1]
        made = self.crm("createDeal", {
            "name": "Order 1", "amount": 1200.5,
            "sales_account_id": str(account),
            "deal_stage_id": str(stage["id"]),
            "deal_pipeline_id": str(stage["deal_pipeline_id"]),
            "owner_id": str(self.user)})["deal"]
        self.assertEqual(made["amount"], "1200.5")
        self.crm("updateDeal", {"id": made["id"], "amount": 900})
        held = self.held("deals", made["id"])
        self.assertEqual(
            [held[k] for k in ("amount", "sales_account_id", "owner_id",
                               "deal_stage_id")],
            ["900.0", account, self.user, stage["id"]])
        got = self.crm("getDeal", made["id"])
        self.assertEqual((got["deal"]["id"], got["contacts"]),
                         (made["id"], []))
        self.assertEqual([r["id"] for r in
                          self.crm("searchForDeals", "Order")],
                         [str(made["id"])])
        note = self.crm("createNote", {
            "description": "Called", "targetableId": str(made["id"]),
            "targetableType": "Deal"})["note"]
        held = self.held("notes", note["id"])
        self.assertEqual((held["description"], held["targetables"]),
                         ("Called", [{"id": made["id"], "type": "Deal"}]))

    def test_empty_ids_of_freshworks_api_are_none(self):
        made = self.crm("createDeal", {"name": "Bare", "amount": 1})["deal"]
        held = self.held("deals", made["id"])
        self.assertIsNone(held["sales_account_id"])
        self.assertIsNone(held["owner_id"])
        made = self.crm("createContact", {"email": "b@bare.example"})[
            "contact"]
        self.assertEqual(self.held("contacts", made["id"])["sales_accounts"],
                         [])

    def test_a_refusal_reaches_freshworks_api(self):
        self.account("Taken")
        out = self.ask("freshworks-api", "createAccount", {"name": "Taken"})
        self.assertEqual(out["printed"], [["Name has already been taken"]])
        self.assertEqual(len([r for r in self.sim.records("sales_accounts")
                              if r["name"] == "Taken"]), 1)

    # ---- @pipedream/freshsales ----

    def act(self, name, props=None):
        return self.done("pipedream-action", name, props or {})

    def test_contacts_of_pipedream(self):
        account = self.account("Pipe")
        status = self.statuses[0]
        out = self.act("create-contact", {
            "email": "new@pipe.example", "first_name": "New",
            "owner_id": self.user, "contact_status_id": status["id"],
            "primaryAccount": str(account)})
        rid = out["value"]["contact"]["id"]
        self.assertIn(str(rid), out["summary"])
        # The form it builds from the definitions.
        self.assertIn("contact_status_id", out["props"])
        self.assertIn({"label": "Pipe", "value": str(account)},
                      out["props"]["primaryAccount"]["options"])
        held = self.held("contacts", rid)
        self.assertEqual(
            [held[k] for k in ("email", "first_name", "owner_id",
                               "contact_status_id", "lifecycle_stage_id")],
            ["new@pipe.example", "New", self.user, status["id"],
             status["lifecycle_stage_id"]])
        self.assertEqual([a["id"] for a in held["sales_accounts"]], [account])
        listed = self.act("list-all-contacts")["value"]
        self.assertEqual(sorted(c["id"] for c in listed), sorted(
            c["id"] for c in self.sim.records("contacts")))

    def test_deals_of_pipedream(self):
        account = self.account("Pipe")
        ids = []
        for i in range(30):  # more than a page
            out = self.act("create-deal", {
                "name": "Deal %d" % i, "amount": "%d.25" % i,
                "sales_account_id": account,
                "deal_stage_id": self.stages[0]["id"]})
            ids.append(out["value"]["deal"]["id"])
        self.assertIn({"label": "Pipe", "value": account},
                      out["props"]["sales_account_id"]["options"])
        held = self.held("deals", ids[7])
        self.assertEqual((held["amount"], held["sales_account_id"]),
                         ("7.25", account))
        listed = self.act("list-all-deals")["value"]
        self.assertEqual([d["id"] for d in listed], ids)

    def test_lists_and_fields_of_pipedream(self):
        def ask(name, args=None):
            return self.done("pipedream", name, args or {})
        for kind, name in (("contacts", "All Contacts"),
                           ("deals", "All Deals"),
                           ("sales_accounts", "All Accounts")):
            views = self.sim.get("/sim/tenant")["views"][kind]
            self.assertEqual(
                ask("getFilterId", {"model": kind, "name": name}),
                [v["id"] for v in views if v["name"] == name][0])
        self.assertEqual(
            [a["id"] for a in ask("getSalesAccounts")["sales_accounts"]],
            [a["id"] for a in self.sim.records("sales_accounts")])
        self.assertEqual(
            [c["id"] for c in ask("getContacts")["contacts"]],
            [c["id"] for c in self.sim.records("contacts")])
        for name in ("getContactFields", "getDealFields"):
            self.assertTrue(all(f["label"] for f in ask(name)["fields"]))

    def test_a_refusal_reaches_pipedream(self):
        out = self.ask("pipedream", "createContact", {"data": {
            "email": "known.person@existing.example"}})
        self.assertIn("error", out)
        self.assertIn("Email is not unique", json.dumps(out))


if __name__ == "__main__":
    WHY = missing()
    if WHY:
        print("SKIP: %s" % WHY)
        sys.exit(SKIP)
    unittest.main(verbosity=2)
