"""Where a person came from, what became of them so far and what they score, of
every contact and lead that landed, held against the source's own. Drover is
asked for nothing but where each record is and what it says is not there."""
import decimal

# What says how far a person is: in leads and in contacts.
STATUS = {"leads": ("lead_stage_id", "lead_stages"),
          "contacts": ("contact_status_id", "contact_statuses")}


def norm(value):
    return " ".join(str(value or "").lower().split())


def number(value):
    try:
        return decimal.Decimal(str(value))
    except decimal.InvalidOperation:
        return value


class People:
    """records: {type: [record of the target]}; source: {object: [record]};
    lines: of records.ndjson; sides: what the sides call things, and what is
    told."""

    def __init__(self, records, source, lines, sides):
        self.records = {(kind, r["id"]): r for kind, v in records.items()
                        for r in v}
        self.source = {r["id"]: r for r in source.get("contact") or []}
        self.lines, self.sides = lines, sides
        self.compared, self.found = 0, []

    def is_so(self, rid, field, wanted, have, *shown):
        what = "contact", rid
        if wanted != have and not self.sides.told.people_changed(
                what, (field, *shown)):
            self.found.append("contact %s %s: %r, not %r" % (
                rid, field, have, wanted))

    def told(self, rid, field):
        return self.sides.told.because(("contact", rid), field)

    def chosen(self, rid, name, key, list_, p, have, **of):
        """A value of a list of the target; its own word where that has none
        is kept beside it."""
        words = self.sides.words("contact", name, p[name]) if p.get(name) \
            else []
        wanted = self.sides.entry(list_, words, **of)
        self.is_so(rid, name, wanted, have.get(key), key)
        return not words or wanted is not None

    def kept(self, rid, name, p, have):
        """The word in a field of its own."""
        fields = have.get("custom_field") or {}
        wanted = {norm(w) for w in self.sides.words("contact", name, p[name])}
        if not any(k.startswith("cf_") and norm(v) in wanted
                   for k, v in fields.items()) and not self.told(rid, name):
            self.is_so(rid, name, p[name], None, "cf_" + name)

    def status(self, rid, type_, p, have):
        key, list_ = STATUS[type_]
        of = {}
        if type_ == "contacts":
            lead = self.sides.entry("lifecycle_stages", ["Lead"])
            of = {"lifecycle_stage_id": lead}
            if lead is None or have.get("lifecycle_stage_id") != lead:
                self.is_so(rid, "lead_status", None, have.get(key), key)
                return
        if not self.chosen(rid, "lead_status", key, list_, p, have, **of):
            self.found.append("contact %s lead_status: no %r among the %s" % (
                rid, p["lead_status"], list_))

    def person(self, rid, type_, record, have):
        p = {k: None if k in record["redacted"] else v
             for k, v in record["properties"].items()}
        if not self.chosen(rid, "lead_source", "lead_source_id",
                           "lead_sources", p, have):
            self.kept(rid, "lead_source", p, have)
        self.status(rid, type_, p, have)
        if p.get("lead_status"):
            self.kept(rid, "lead_status", p, have)
        score = (have.get("custom_field") or {}).get("cf_lead_score")
        self.is_so(rid, "lead_score", number(p["lead_score"])
                   if p.get("lead_score") else None,
                   None if score is None else number(score), "cf_lead_score")

    def problems(self):
        self.found = []
        for x in self.lines:
            at = x["type"], int(x["target_id"] or 0)
            if x["object"] == "contact" and x["state"] == "landed" and \
                    x["id"] in self.source and at in self.records and \
                    not self.told(x["id"], "*"):  # else an older version
                self.compared += 1
                self.person(x["id"], x["type"], self.source[x["id"]],
                            self.records[at])
        return self.found and ["people: %d wrong of %d: %s" % (
            len(self.found), self.compared, "; ".join(self.found[:20]))]
