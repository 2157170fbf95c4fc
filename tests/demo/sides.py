"""What the judges of a migration ask both sides: who owns, what a property and
its options are called, what the target's lists hold; and what the reports say
is not there as it was."""
import collections
import json


class Told:
    """What the reports say of differences and of what people changed."""

    def __init__(self, differences, conflicts):
        self.by = collections.defaultdict(list)
        for d in differences:
            self.by[d["object"], d["id"]].append(
                (d["field"], d.get("cause") or ""))
        self.kept = {(c["object"], c["id"], c["field"]) for c in conflicts}

    def because(self, what, field, *causes):
        return any(f == field and any(c in cause for c in causes or ("",))
                   for f, cause in self.by[what])

    def people_changed(self, what, fields):
        return any((*what, f) in self.kept for f in fields)


class Sides:
    """tenant, plan: as they are at the end; folder: of the source; told: the
    differences of reconciliation.json; conflicts: of conflicts.ndjson."""

    def __init__(self, tenant, plan, folder, told, conflicts):
        self.selectors = tenant["selectors"]
        self.told = Told(told, conflicts)
        self.ignored = {(o["object"], r["source"]) for o in plan["objects"]
                        for r in o["fields"]
                        if r["transform"] == "ignore" and r.get("reason")}
        owners = json.loads((folder / "owners.json").read_text())["results"]
        self.mails = {o["id"]: o for o in owners}
        self.owners = {o["id"]: self.person(o) for o in owners}
        self.authors = {}
        for o in owners:
            if o.get("user_id"):
                self.authors.setdefault(o["user_id"], self.person(o))
        self.schema = json.loads((folder / "schema.json").read_text())[
            "properties"]

    @staticmethod
    def person(owner):
        return {k: str(owner.get(k) or "").strip()
                for k in ("first_name", "last_name", "email")}

    # ---- the target's lists ----

    def user(self, rid):
        """The one active user with the owner's address."""
        owner = self.mails.get(rid) or {}
        mail = str(owner.get("email") or "").strip().lower()
        found = [u["id"] for u in self.selectors["users"]
                 if u.get("is_active") and mail and
                 u["email"].strip().lower() == mail]
        return found[0] if len(found) == 1 and \
            owner.get("kind") != "queue" else None

    def named(self, list_, rid):
        return next((e["name"] for e in self.selectors.get(list_) or []
                     if e["id"] == rid), None)

    def entry(self, list_, words, **of):
        """The id of the first that has one of the names; `of`: members that it
        must have."""
        for word in words:
            for e in self.selectors.get(list_) or []:
                if " ".join(e["name"].lower().split()) == \
                        " ".join(word.lower().split()) and \
                        of.items() <= e.items():
                    return e["id"]
        return None

    # ---- the source's schema ----

    def property(self, kind, name):
        return next((p for p in self.schema.get(kind, {}).get("results", [])
                     if p["name"] == name), {})

    def label(self, kind, name):
        return self.property(kind, name).get("label") or name

    def words(self, kind, name, value):
        """As people call it, and as it is."""
        return [self.word(kind, name, value), str(value)]

    def word(self, kind, name, value):
        if isinstance(value, bool):
            return "true" if value else "false"
        for o in self.property(kind, name).get("options") or []:
            if o["value"] == value and (o.get("label") or "").strip():
                return o["label"]
        return value if isinstance(value, str) else json.dumps(value)

    def left_out(self, kind, name):
        """By the plan, with its reason."""
        return (kind, name) in self.ignored
