#!/usr/bin/env python3
"""A target account of another kind, derived from a tenant file:

    tenant_variants.py enterprise IN OUT   nothing but the plan is another
    tenant_variants.py classic IN OUT      the classic edition, with leads

Same input, same bytes. Nothing of the input is lost but what the other kind
does not have."""
import copy
import json
import sys

# The words of the classic edition for the plans of the Suite (limits alike).
CLASSIC_PLAN = {"free": "sprout", "growth": "garden", "pro": "estate",
                "enterprise": "forest"}
LEAD_STAGES = ["New", "Contacted", "Qualified", "Unqualified"]
LEAD_REASONS = ["No budget", "No response", "Chose another"]
# What only contacts of the Suite have.
SUITE_FIELDS = {"lifecycle_stage_id", "contact_status_id", "lost_reason_id",
                "subscription_status"}
# What leads do not share with contacts.
NOT_OF_LEADS = SUITE_FIELDS | {"sales_accounts", "external_id",
                               "phone_numbers"}
LEAD_VIEWS = ["All Leads", "My Leads", "New Leads", "Recycle Bin"]


class Ids:
    def __init__(self, tenant):
        self.next = tenant["next_id"]

    def take(self):
        self.next += 1
        return self.next - 1


def enterprise(tenant):
    tenant["plan"] = "enterprise"
    return tenant


def named(ids, names, **more):
    return [dict({"id": ids.take(), "name": name, "position": n + 1,
                  "partial": True}, **more) for n, name in enumerate(names)]


def lead_fields(ids, contacts):
    """The standard fields that leads share with contacts, and their own."""
    fields = []
    for f in contacts:
        if f["default"] and f["name"] not in NOT_OF_LEADS:
            fields.append(dict(copy.deepcopy(f), id=ids.take(),
                               base_model="Lead"))
    first = dict(fields[0], choices=[])
    for name, label, kind in [("lead_stage_id", "Lead stage", "dropdown"),
                              ("company", "Company", "group_field"),
                              ("cf_source_id", "Source id", "text")]:
        fields.append(dict(first, id=ids.take(), name=name, label=label,
                           type=kind, default=not name.startswith("cf_"),
                           position=len(fields) + 1))
    return fields


def one_lead(ids, stage, owner):
    """A record that was there before and must stay as it is."""
    email = "stay.lead@untouched.example"
    return {"id": ids.take(), "first_name": "Stay", "last_name": "Lead",
            "job_title": None, "email": email,
            "emails": [{"id": ids.take(), "value": email, "is_primary": True,
                        "label": None}],
            "work_number": None, "mobile_number": "+1 800 555 0199",
            "tags": ["must-stay-as-is"], "owner_id": owner,
            "lead_stage_id": stage, "custom_field": {"cf_source_id": None},
            "is_deleted": False, "created_at": "2024-05-06T07:08:09Z",
            "updated_at": "2024-05-06T07:08:09Z"}


def classic(tenant):
    ids = Ids(tenant)
    selectors, fields = tenant["selectors"], tenant["fields"]
    tenant["edition"] = "classic"
    tenant["plan"] = CLASSIC_PLAN.get(tenant["plan"], tenant["plan"])
    tenant["custom_modules"] = []
    for name in ("lifecycle_stages", "contact_statuses"):
        selectors.pop(name, None)
    selectors["lead_stages"] = named(ids, LEAD_STAGES)
    selectors["lead_reasons"] = named(ids, LEAD_REASONS)
    fields["leads"] = lead_fields(ids, fields["contacts"])
    fields["contacts"] = [f for f in fields["contacts"]
                          if f["name"] not in SUITE_FIELDS]
    tenant["views"]["leads"] = [
        {"id": ids.take(), "name": name, "model_class_name": "Lead",
         "user_id": 0, "is_default": True} for name in LEAD_VIEWS]
    for contact in tenant["records"].get("contacts", []):
        for name in SUITE_FIELDS:
            contact.pop(name, None)
    tenant["records"]["leads"] = [
        one_lead(ids, selectors["lead_stages"][0]["id"],
                 tenant["api_user_id"])]
    tenant["lacks_on_purpose"] = [
        t for t in tenant.get("lacks_on_purpose", []) if "module" not in t
    ] + ["lead stages: no 'Interested'", "leads: no custom field but the id"]
    tenant["next_id"] = ids.next
    return tenant


VARIANTS = {"classic": classic, "enterprise": enterprise}


def derive(kind, tenant):
    """The tenant as another kind of account; the argument stays as it is."""
    return VARIANTS[kind](copy.deepcopy(tenant))


def main(argv):
    if len(argv) != 4 or argv[1] not in VARIANTS:
        sys.stderr.write(__doc__ + "\n")
        return 2
    with open(argv[2], encoding="utf-8") as f:
        tenant = json.load(f)
    with open(argv[3], "w", encoding="utf-8") as f:
        json.dump(derive(argv[1], tenant), f, ensure_ascii=False, indent=1)
        f.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
