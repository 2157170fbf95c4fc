#!/usr/bin/env python3
"""What a profile may say otherwise, and what it makes of the catalogue."""
import json
import unittest

from other_crm_world import KINDS, OtherCase, PROFILE, SOURCE, wait_until


class OtherProfile(OtherCase):
    def profile(self, **default):
        p = json.loads(PROFILE.read_text())
        p["default"].update(default)
        return p

    def test_more_changes_than_a_search_gives(self):
        """The cap is passed by going on at the last stamp, and where one
        instant holds more than the cap, by the whole list."""
        p = self.profile()
        p["default"]["changes"]["cap"] = 20
        w = self.other(profile=p, knobs=["cap:20"])
        w.read_whole()
        store = w.crm.store
        with store.lock:
            now = store.now()
            for n, r in enumerate(store.records["deal"].values()):
                r.update(stamp=now + n, seen_ms=now)
            for r in store.records["line_item"].values():
                r.update(stamp=now, seen_ms=now)
            for r in store.records["contact"].values():
                r.update(stamp=now, seen_ms=now)
        w.drained()
        for kind in ("deal", "contact"):
            self.assert_is_other(w, [kind])

    def test_without_a_search(self):
        """The delta is a second full read."""
        p = self.profile()
        del p["default"]["changes"]
        w = self.other(profile=p)
        w.read_whole()
        w.crm.play(["upsert"])
        w.drained()
        self.assert_is_other(w, ends=False)

    def test_with_an_index(self):
        """The sweep reads ids and stamps, and only what differs."""
        p = self.profile()
        p["default"]["index"] = {
            "path": "/crm/index/{remote}",
            "query": {"limit": "{limit}", "after": "{after}"},
            "rows": "/ids", "limit": 20,
            "cursor": {"style": "body", "next": "/paging/next/after"}}
        w = self.other(profile=p)
        w.read_whole()
        check = self.catalog(w, "profile_check")
        self.assertLessEqual({("deal", "holds"), ("task", "holds")},
                             {(c["object"], c["verdict"])
                              for c in check["checks"]
                              if c["assumption"] == "index"})
        store = w.crm.store
        with store.lock:
            store.apply({"op": "delete", "type": "task", "id": "ta_003"})
            r = store.records["company"]["co_004"]  # dated back: unseen
            r.update(stamp=r["stamp"] + 1000, properties=dict(
                r["properties"], name="Dated back"))
        w.drained()
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 1))
        self.assert_is_other(w)

    def test_a_deep_value_stays_whole(self):
        """As deep as an answer may be; deeper, it would be no answer."""
        w = self.other()
        deep = 1
        for _ in range(59):
            deep = [deep]
        r = w.crm.store.records["company"]["co_002"]
        r["properties"] = dict(r["properties"], description=deep)
        w.read_whole()
        self.assert_is_other(w, ["company"])
        self.assertEqual(w.dump("rejected"), [])

    def test_catalogue(self):
        w = self.other()
        w.read_whole()
        owners = {o["id"]: o for o in self.catalog(w, "owners")}
        for o in json.loads((SOURCE / "owners.json").read_text())["results"]:
            got = owners.pop(o["id"])
            self.assertEqual(
                [got[k] for k in ("user_id", "kind", "first_name",
                                  "last_name", "active")],
                [o[k] for k in ("user_id", "kind", "first_name", "last_name",
                                "active")])
            self.assertEqual(got["email"], o["email"])
        self.assertEqual(owners, {})
        stages = json.loads((SOURCE / "pipelines.json").read_text())
        want = [(s["id"], s["label"], s["probability"], s["is_won"])
                for p in stages["deal"]["results"] for s in p["stages"]]
        got = [(s["id"], s["label"], s["probability"], s["is_won"])
               for p in self.catalog(w, "pipelines")["deal"]
               for s in p["stages"]]
        self.assertEqual(got, want)
        schema = self.catalog(w, "schema")
        names = {p["name"]: p["data_type"]
                 for p in schema["properties"]["contact"]}
        self.assertEqual(names["first_name"], "string")
        self.assertEqual(names["consent_email"], "bool")
        account = self.catalog(w, "account")
        self.assertEqual((account["tenant_id"], account["plan"]),
                         ("4711", "growth"))
        self.assertEqual(account["capabilities"]["max_visibility_lag_s"], 60)
        check = self.catalog(w, "profile_check")
        self.assertEqual((check["profile"], check["fails"],
                          check["must_fail"]), ("other-crm/1", 0, 0))
        self.assertGreater(check["holds"], 10 * len(KINDS))

    def test_a_wrong_profile_is_refused(self):
        p = self.profile()
        p["default"]["lisst"] = p["default"].pop("list")
        w = self.other(profile=p)
        ex = w.start_only()
        wait_until("it ends", lambda: not ex.alive(), 20)
        self.assertEqual(ex.code, 64)
        self.assertIn("/default/lisst: no such key", ex.tail())


    def test_fasttrack_is_tried_out_too(self):
        w = self.world()
        w.conf["source.profile_check"] = "true"
        w.read_whole()
        check = self.catalog(w, "profile_check")
        self.assertEqual((check["profile"], check["fails"]),
                         ("fasttrack/1", 0))
        self.assertLessEqual({"company", "co_parcel", "attachment"},
                             {c["object"] for c in check["checks"]})

    def test_what_nothing_goes_without_ends_the_start(self):
        w = self.other(knobs=["no_date"])
        ex = w.start_only()
        wait_until("it ends", lambda: not ex.alive(), 30)
        self.assertEqual(ex.code, 65)
        self.assertIn("A6", ex.tail())
        check = self.catalog(w, "profile_check")
        self.assertGreater(check["must_fail"], 0)
        self.assertEqual(w.dump("cursor", 1), [])


if __name__ == "__main__":
    unittest.main()
