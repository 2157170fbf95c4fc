#!/usr/bin/env python3
"""The judge of people can fail: at each thing that it holds."""
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from people import People  # noqa: E402
from sides import Sides  # noqa: E402

OPTIONS = {"lead_source": [{"value": "fair", "label": "Trade fair"}],
           "lead_status": [{"value": "new", "label": "New"}]}
LISTS = {"users": [], "lead_sources": [{"id": 1, "name": "Trade  Fair"}],
         "lead_stages": [{"id": 2, "name": "New"}, {"id": 3, "name": "Old"}],
         "lifecycle_stages": [{"id": 4, "name": "Lead"}],
         "contact_statuses": [
             {"id": 5, "name": "New", "lifecycle_stage_id": 9},
             {"id": 6, "name": "new", "lifecycle_stage_id": 4}]}


class PeopleTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        out = pathlib.Path(self.folder.name)
        (out / "owners.json").write_text('{"results": []}')
        (out / "schema.json").write_text(json.dumps({"properties": {
            "contact": {"results": [{"name": k, "label": k, "options": v}
                                    for k, v in OPTIONS.items()]}}}))
        self.type, self.conflicts = "leads", []
        self.source = {"id": "p_1", "redacted": [], "properties": {
            "lead_source": "fair", "lead_status": "new", "lead_score": "12"}}
        self.have = {"id": 7, "lead_source_id": 1, "lead_stage_id": 2,
                     "custom_field": {"cf_lead_score": 12,
                                      "cf_lead_status": "New"}}

    def problems(self):
        sides = Sides({"selectors": LISTS}, {"objects": []},
                      pathlib.Path(self.folder.name), [], self.conflicts)
        line = {"object": "contact", "id": "p_1", "state": "landed",
                "type": self.type, "target_id": 7}
        people = People({self.type: [self.have]}, {"contact": [self.source]},
                        [line], sides)
        found = people.problems()
        self.assertEqual(people.compared, 1)
        return found[0] if found else ""

    def test_a_lead(self):
        self.assertEqual(self.problems(), "")
        for field, other, text in (
                ("lead_source_id", None, "lead_source: None, not 1"),
                ("lead_stage_id", 3, "lead_status: 3, not 2"),
                ("custom_field", {"cf_lead_status": "New"},
                 "lead_score: None, not Decimal('12')"),
                ("custom_field", {"cf_lead_score": 12}, "lead_status: None")):
            was, self.have[field] = self.have[field], other
            self.assertIn(text, self.problems())
            self.have[field] = was

    def test_what_people_changed(self):
        self.have["lead_source_id"] = None
        self.conflicts = [{"object": "contact", "id": "p_1",
                           "field": "lead_source_id"}]
        self.assertEqual(self.problems(), "")

    def test_what_the_list_lacks(self):
        self.source["properties"].update(lead_source="web", lead_status="hot")
        self.have.update(lead_source_id=None, lead_stage_id=None)
        self.assertIn("no 'hot' among the lead_stages", self.problems())
        self.assertIn("lead_source: None, not 'web'", self.problems())

    def test_a_contact_in_the_stage_of_leads(self):
        self.type = "contacts"
        self.have.update(lifecycle_stage_id=4, contact_status_id=6)
        self.assertEqual(self.problems(), "")
        self.have["contact_status_id"] = 5
        self.assertIn("lead_status: 5, not 6", self.problems())
        self.have["lifecycle_stage_id"] = 9
        self.assertIn("lead_status: 5, not None", self.problems())

    def test_what_is_not_shown(self):
        self.source["redacted"] = ["lead_score"]
        self.assertIn("lead_score: Decimal('12'), not None", self.problems())


if __name__ == "__main__":
    unittest.main(verbosity=2)
