"""Every link of what landed, held against the source's own: which accounts a
contact has, which account and contacts a deal, which parent an account, on
what an activity stands. What names a record that the source merged belongs to
the one that is left. Drover is asked for nothing but where each record is."""
import collections

from bench import ORPHAN
from truth import some

HANG = ("task", "call", "email", "meeting", "note", "attachment")
TYPE = {"deal": "Deal", "contact": "Contact", "company": "SalesAccount"}


def numbers(values):
    return {int(v["id"] if isinstance(v, dict) else v) for v in values or []}


class Links:
    """records, deleted: {type: [line of /sim/records or deleted]}; source:
    {object: [record]}; gone: {object: [line of the source's /sim/deleted]};
    ends: {(from, to): [line of the source's /sim/associations]}; lines: of
    records.ndjson; conflicts: of conflicts.ndjson; told: the differences of
    reconciliation.json, for the target moves no file."""

    def __init__(self, records, deleted, source, gone, ends, lines, conflicts,
                 told):
        # What is gone at the source may stand, or lie in the recycle bin
        # and be shown: a link to it is no news of the source.
        self.gone = {r["id"] for v in deleted.values() for r in v} | {
            int(x["target_id"]) for x in lines
            if x["target_id"] and x["state"] == "deleted"}
        self.live = {(kind, r["id"]): r for kind, v in records.items()
                     for r in v}
        self.source = {(kind, r["id"]): r for kind, v in source.items()
                       for r in v}
        self.merged = {(kind, r["id"]): r["merged_into"]
                       for kind, v in gone.items() for r in v
                       if r["op"] == "merge"}
        self.lines = lines
        self.at = {(x["object"], x["id"]): (x["type"], int(x["target_id"]))
                   for x in lines if x["target_id"] and
                   x["state"] in ("landed", "merged")}
        self.ends = collections.defaultdict(list)
        self.named = collections.defaultdict(list)  # as the source has it
        for (kind, end), rows in ends.items():
            for r in rows:
                self.end(kind, end, r["from_id"], r["to_id"])
        self.customs = sorted({kind for kind, _ in ends
                               if kind.startswith("co_")})
        for (kind, rid), r in self.source.items():
            if kind == "attachment":
                self.attached(rid, r["properties"].get("parents") or [])
        self.told = {(d["object"], d["id"], d["field"]) for d in told}
        self.kept = {(c["object"], c["id"], c["field"]) for c in conflicts}
        self.orphans = {r["id"] for (kind, _), r in self.live.items()
                        if kind == "sales_accounts" and
                        r["custom_field"].get("cf_source_id") == ORPHAN}
        self.deleted = {(x["object"], x["id"]) for x in lines
                        if x["state"] == "deleted" or
                        x["rule"] == "gone"}  # deleted there by somebody
        self.found = []

    def left(self, kind, rid):
        """What a record became that was merged; the id itself where nothing
        is left of it."""
        at, seen = rid, set()
        while (kind, at) in self.merged and at not in seen:
            seen.add(at)
            at = self.merged[kind, at]
        return at if (kind, at) in self.source else rid

    def end(self, kind, end, rid, to):
        self.ends[kind, end, rid].append(self.left(end, to))
        self.named[kind, end, rid].append(to)

    def attached(self, rid, parents):
        """To a record, or to what hangs on one."""
        for p in parents:
            if p["type"] in TYPE or p["type"] in self.customs:
                self.end("attachment", p["type"], rid, p["id"])
            for end in TYPE:
                for to in self.named.get((p["type"], end, p["id"]), []):
                    self.end("attachment", end, rid, to)

    def targets(self, kind, end, rid, types=None, ends=None):
        """The target's ids of the ends that are there."""
        ends = self.ends if ends is None else ends
        return {self.at[end, i][1] for i in ends[kind, end, rid]
                if self.at.get((end, i)) in self.live and
                (types is None or self.at[end, i][0] in types)}

    def is_so(self, what, field, have, wanted, also=frozenset()):
        have = have - self.gone
        if have != wanted and not (have - wanted <= also and
                                   wanted <= have) and \
                (*what, field) not in self.kept:
            self.found.append("%s %s: %s %s, not %s" % (
                *what, field, some(have) or "none", some(wanted) or "none"))

    def contact(self, rid, record):
        wanted = self.targets("contact", "company", rid)
        have = numbers(record["sales_accounts"])
        person = self.source["contact", rid]["properties"].get("record_kind")
        # Only who is no contact yet and never had a company has none.
        alone = person != "contact" and \
            not self.ends["contact", "company", rid]
        self.is_so(("contact", rid), "sales_accounts", have,
                   wanted or (have & self.orphans if alone else self.orphans))
        first = [a["id"] for a in record["sales_accounts"] if a["is_primary"]]
        if record["sales_accounts"] and len(first) != 1:
            self.found.append("contact %s: %d primary accounts" % (
                rid, len(first)))

    def deal(self, rid, record):
        wanted = self.targets("deal", "company", rid)
        have = numbers([record["sales_account_id"]]
                       if record["sales_account_id"] else [])
        one = have & wanted or set(sorted(wanted)[:1])
        self.is_so(("deal", rid), "sales_account_id", have, one)
        self.is_so(("deal", rid), "contacts",
                   numbers(record.get("contacts") or
                           record.get("contact_ids")),
                   self.targets("deal", "contact", rid, {"contacts"}))

    def in_circle(self, rid):
        seen = set()
        while rid and rid not in seen:
            seen.add(rid)
            rid = self.parent(rid)
        return rid is not None

    def parent(self, rid):
        record = self.source.get(("company", rid))
        parent = record and record["properties"].get("parent_company_id")
        return parent and self.left("company", parent)

    def company(self, rid, record):
        at = self.at.get(("company", self.parent(rid)))
        wanted = {at[1]} if at in self.live else set()
        have = numbers([record["parent_sales_account_id"]]
                       if record["parent_sales_account_id"] else [])
        if have or not self.in_circle(rid):
            self.is_so(("company", rid), "parent_sales_account_id", have,
                       wanted)

    def stands(self, kind, rid):
        """On the first of deal, contact, company that is there; where there
        is none, on what a custom object stands on that it belongs to."""
        for end in ("deal", "contact", "company"):
            ids = self.targets(kind, end, rid)
            if ids:
                return {(TYPE[end], i) for i in ids} | {
                    ("Lead", i) for i in ids if end == "contact"}
        return {on for custom in self.customs if custom != kind
                for i in self.ends[kind, custom, rid]
                for on in self.stands(custom, i)}

    @staticmethod
    def on(record):
        """What a record of the target stands on, as {(type, id)}."""
        on = record["targetables"] if "targetables" in record else [
            {"type": record["parent_type"], "id": record["parent_id"]}]
        return {(t["type"], int(t["id"])) for t in on}

    def ends_of(self, kind, rid):
        """(object, id) of all that a record is linked with at the source."""
        return [(end, i) for end in TYPE for i in self.ends[kind, end, rid]]

    def hangs(self, kind, rid, record):
        """What stood on a record that was deleted since stands on nothing."""
        have = {(t, i) for t, i in self.on(record) if i not in self.gone}
        wanted = self.stands(kind, rid)
        if not have & wanted and any(
                (kind, rid, "%s_%s" % (kind, end)) in self.told
                for end in TYPE) and kind == "attachment":
            wanted |= {(TYPE[end], i) for end in TYPE
                       for ends in (self.ends, self.named)
                       for i in self.targets(kind, end, rid, ends=ends)}
        alone = not wanted or any(
            (end, i) in self.deleted for end in TYPE
            for i in self.ends[kind, end, rid])
        if len(have) > 1 or not have <= wanted or not (have or alone):
            self.is_so((kind, rid), "targetables", have, wanted)

    @staticmethod
    def unknown(line):
        """A kind of activity that the contract does not name."""
        return line["type"] == "sales_activities" and \
            line["object"] != "event"

    def problems(self, people=()):
        """people: (object, id) of what somebody linked in Freshsales, where
        the source says nothing and Drover wrote nothing."""
        self.found = []
        for x in self.lines:
            what = x["object"], x["id"]
            record = self.live.get(self.at.get(what))
            if not record or x["state"] != "landed" or \
                    what not in self.source or what in people:
                continue
            if x["type"] == "contacts":
                self.contact(x["id"], record)
            elif x["object"] == "deal":
                self.deal(x["id"], record)
            elif x["object"] == "company":
                self.company(x["id"], record)
            elif (x["object"] in HANG or self.unknown(x)) and \
                    ("targetables" in record or "parent_id" in record):
                self.hangs(*what, record)
        return self.found and ["links: %d wrong, of them %s" % (
            len(self.found), "; ".join(self.found[:20]))]
