#!/usr/bin/env python3
"""Marketing lists, teams, the activity feed, and what a role forbids in the
simulated Freshsales (API reference 3.5, 10.4, 11.2, 18.1)."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from freshsales import FreshsalesCase  # noqa: E402


class Lists(FreshsalesCase):
    def setUp(self):
        super().setUp()
        self.sim()
        self.ids = [self.contact("c%d@a.example" % i)["id"] for i in range(4)]

    def made(self, name):
        return self.ok("POST", "/lists", {"name": name})["list"]["id"]

    def on(self, rid):
        return [c["id"] for c in self.ok("GET", "/contacts/lists/%d" % rid)[
            "contacts"]]

    def test_names(self):
        a = self.made("A")
        got = self.ok("PUT", "/lists/%d" % a, {"name": "B"})
        self.assertEqual(got, {"list": {"id": a, "name": "B"}})
        self.refused("POST", "/lists", {"name": ""})
        self.refused("PUT", "/lists/1", {"name": "X"}, 404)
        self.assertEqual(self.ok("GET", "/lists"), {
            "lists": [{"id": a, "name": "B"}],
            "meta": {"total_pages": 1, "total": 1}})

    def test_contacts_come_and_go(self):
        a, b = self.made("A"), self.made("B")
        got = self.ok("PUT", "/lists/%d/add_contacts" % a,
                      {"ids": self.ids[:3] + [1]})
        self.assertEqual(got, {"message": "3 contacts updated."})
        self.assertEqual(self.on(a), self.ids[:3])
        self.ok("PUT", "/lists/%d/move_contacts" % b,
                {"ids": self.ids[:1], "from_list_id": a})
        self.ok("PUT", "/lists/%d/remove_contacts" % a,
                {"ids": self.ids[1:2]})
        self.assertEqual((self.on(a), self.on(b)),
                         (self.ids[2:3], self.ids[:1]))
        got = self.ok("PUT", "/lists/%d/move_contacts" % b,
                      {"all": True, "from_list_id": a})
        self.assertIn("now", got["message"])
        self.assertEqual((self.on(a), self.on(b)),
                         ([], [self.ids[0], self.ids[2]]))
        self.assertEqual(self.held("lists", b)["contact_ids"],
                         [self.ids[0], self.ids[2]])
        self.ok("DELETE", "/contacts/%d" % self.ids[0])
        self.assertEqual(self.on(b), [self.ids[2]])
        self.ok("PUT", "/lists/%d/remove_contacts" % b, {"all": True})
        self.assertEqual(self.on(b), [])
        for what, body in (("add_contacts", {}), ("add_contacts",
                                                  {"all": True}),
                           ("move_contacts", {"ids": self.ids}),
                           ("remove_contacts", {"ids": "x"})):
            self.refused("PUT", "/lists/%d/%s" % (a, what), body)


class Teams(FreshsalesCase):
    def test_team_users(self):
        self.sim()
        path = "/contacts/%d/manage_team_members" % self.contact(
            "a@a.example")["id"]
        one, two = self.users[:2]
        got = self.ok("POST", path, {"team_users": [
            {"user_id": one}, {"user_id": two}]})["team_users"]
        self.assertEqual(set(got[0]), {"user_id", "designation_id",
                                       "entity_id", "created_at",
                                       "updated_at"})
        got = self.ok("POST", path, {"team_users": [
            {"user_id": one, "_destroy": True}]})["team_users"]
        self.assertEqual([t["user_id"] for t in got], [two])
        self.assertEqual(self.s.records("contacts")[-1]["team_user_ids"],
                         [two])
        self.refused("POST", path, {"team_users": [{"user_id": 1}]})
        self.refused("POST", path, {"team_users": "x"})

    def test_feed(self):
        self.sim()
        c = self.contact("a@a.example")["id"]
        on = {"targetable_id": c, "targetable_type": "Contact"}
        n = self.ok("POST", "/notes", dict(description="N", **on))["note"]
        t = self.task("T", **on)
        path = "/contacts/%d/activities" % c
        got = self.ok("GET", path)
        self.assertEqual(
            {(a["actionable_type"], a["actionable_id"])
             for a in got["activities"]},
            {("Note", n["id"]), ("Task", t["id"]), ("Contact", c)})
        self.assertEqual(len({a["composite_id"]
                              for a in got["activities"]}), 3)
        self.assertEqual(got["meta"], {"has_next": False,
                                       "has_previous": False})
        got = self.ok("GET", path + ".json?include=user&limit=2")
        self.assertEqual((len(got["activities"]), got["meta"]["has_next"]),
                         (2, True))
        self.assertEqual([u["id"] for u in got["users"]],
                         [self.tenant["api_user_id"]])
        got = self.ok("GET", path + "?limit=2&page=2")
        self.assertEqual((len(got["activities"]), got["meta"]), (
            1, {"has_next": False, "has_previous": True}))
        self.refused("GET", "/deals/%d/activities" % self.deal("D")["id"],
                     status=404)


class Roles(FreshsalesCase):
    def test_forbidden(self):
        self.sim("forbidden=POST notes, DELETE contacts, WRITE products, "
                 "* call_logs, POST files")
        c = self.contact("a@a.example")["id"]
        path = "/contacts/%d" % c
        for method, what, body in (
                ("POST", "/notes", {"description": "N"}),
                ("DELETE", path, None), ("DELETE", path + "/forget", None),
                ("POST", "/cpq/products", {"name": "P"}),
                ("GET", "/phone_calls/1", None),
                ("GET", "/phone_calls/1?include=x", None)):
            self.refused(method, what, body, 403)
        self.assertEqual(self.send(b"")[0], 403)
        self.ok("PUT", path, {"last_name": "New"})
        self.ok("GET", path + "/notes")
        self.refused("GET", "/cpq/products/1", status=404)
        line = [j for j in self.journal() if j["status"] == 403][0]
        self.assertFalse(line["effect"])
        self.knob(forbidden="none", error_language="nl")
        self.ok("POST", "/notes", {"description": "N"})
        self.knob(forbidden="POST contacts")
        self.assertEqual(
            self.refused("POST", "/contacts/bulk_upsert", {}, 403),
            ["U bent niet bevoegd om deze bewerking uit te voeren."])


if __name__ == "__main__":
    unittest.main(verbosity=2)
