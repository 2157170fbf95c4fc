"""What the simulated Freshsales holds at the end, judged without asking
Drover for anything but the list of what it says it did."""
import collections
import csv
import hashlib
import re

from bench import ORPHAN
from deal_lines import DealLines

TYPES = ["contacts", "leads", "sales_accounts", "deals", "products", "notes",
         "tasks", "appointments", "sales_activities", "call_logs", "files"]
ORIGIN = re.compile(r"FastTrack \w+ (\S+) \[([0-9a-f]{32})\]")
SHOWN = 5


def origin(record):
    """The last line of the text of what has no field for it."""
    found = None
    for key in ("description", "notes"):
        if isinstance(record.get(key), str):
            for found in ORIGIN.finditer(record[key]):
                pass
    return found


def identity(kind, record):
    """The source's id that a record of the target carries; None: none."""
    if kind == "contacts":
        return record.get("external_id")
    if kind == "products":
        return record.get("product_code")
    custom = record.get("custom_field") or {}
    for fields in (custom, record):
        if fields.get("cf_source_id"):
            return fields["cf_source_id"]
    found = origin(record)
    return found.group(2) if found else None


def source_id(kind, record):
    """The same, but always the source's id."""
    found = origin(record)
    if found and kind not in ("contacts", "products", "deals",
                              "sales_accounts", "leads"):
        return found.group(1)
    return identity(kind, record)


def ours(record):
    """Created through the API. A file's line does not say by whom: the
    account holds none at the start."""
    return record.get("_sim", {"created_by": "api"})["created_by"] == "api"


def some(found):
    found = sorted(map(str, found))
    more = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (" and %d more" % more
                                       if more > 0 else "")


class Truth:
    """records: {type: [line of /sim/records]}; lines: of records.ndjson;
    rejected: of rejected.ndjson. A create whose answer was lost and that
    cannot be looked up is rejected as `outcome_unknown`: its record may
    stand there, once. source: {object: [record]} of the simulated FastTrack;
    told: the differences of reconciliation.json."""

    def __init__(self, records, journal, tenant, lines, rejected,
                 hashes=None, wanted=None, source=None, told=()):
        self.records, self.journal, self.lines = records, journal, lines
        self.hashes, self.wanted = hashes or {}, wanted or {}
        self.unknown = {r["id"] for r in rejected
                        if r["class"] == "outcome_unknown"}
        self.users = {u["id"] for u in tenant["selectors"]["users"]
                      if u.get("is_active")}
        self.deal_lines = DealLines(records, source or {}, lines, told)
        self.found = []

    def problem(self, what, which):
        if which:
            self.found.append("%s: %s" % (what, some(which)))

    def doubled(self):
        for kind, records in self.records.items():
            by = collections.defaultdict(list)
            for r in records:
                if identity(kind, r):
                    by[identity(kind, r)].append(r)
            self.problem("%s that stand twice" % kind, [
                "%s (%s)" % (i, " ".join(str(r["id"]) for r in v))
                for i, v in by.items() if len(v) > 1])

    def created_twice(self):
        """One marker, two creates: whatever became of them later."""
        seen = collections.Counter()
        for j in self.journal:
            if not j.get("effect"):
                continue
            for r in j.get("record_ids") or []:
                if r["op"] == "create":
                    seen.update((r["type"], m) for m in
                                set(j.get("markers") or []))
        self.problem("created more than once", [
            "%s %s (%d times)" % (*k, n) for k, n in seen.items() if n > 1])

    def owners(self):
        for kind, records in self.records.items():
            self.problem("%s without a valid owner" % kind, [
                "%s (%s)" % (r["id"], r["owner_id"]) for r in records
                if ours(r) and kind != "files" and "owner_id" in r
                and r["owner_id"] not in self.users])

    def landed(self):
        """Every line says where its record is: it is there, is the right one,
        and nothing else was created."""
        live = {(kind, r["id"]): r for kind, v in self.records.items()
                for r in v}
        named, taken, gone, wrong, twice = set(), set(), [], [], []
        for x in self.lines:
            named.update(self.named(x))
            if x["state"] == "landed" and x["object"] != "line_item":
                if self.target(x) in taken:
                    twice.append("%s %s" % (x["object"], x["id"]))
                taken.add(self.target(x))
            if x["state"] not in ("landed", "merged"):
                continue
            at = self.target(x)
            if at not in live:
                if at[0] in self.records:
                    gone.append("%s %s at %s %s" % (x["object"], x["id"],
                                                    *at))
            elif x["state"] == "landed" and x["type"] != "files" and \
                    x["object"] != "line_item" and \
                    source_id(at[0], live[at]) != x["id"]:
                wrong.append("%s %s at %s %s" % (x["object"], x["id"], *at))
        self.problem("said to be landed and not there", gone)
        self.problem("landed at a record of another source record", wrong)
        self.problem("two records landed at one", twice)
        self.problem("created and named by no line", [
            "%s %s" % at for at, r in live.items()
            if ours(r) and at not in named
            and source_id(at[0], r) != ORPHAN
            and source_id(at[0], r) not in self.unknown
            and not self.on_what_is_gone(at[0], r, live)])

    @staticmethod
    def on_what_is_gone(kind, record, live):
        """A file that went with the record it was on, in the recycle bin."""
        lists = {"Contact": "contacts", "Deal": "deals",
                 "SalesAccount": "sales_accounts"}
        return kind == "files" and (lists.get(
            record["parent_type"]), record["parent_id"]) not in live

    @staticmethod
    def target(line):
        return line["type"], int(line["target_id"] or 0)

    def named(self, line):
        if line["target_id"]:
            yield self.target(line)
        for also in line.get("also") or []:
            yield also["type"], int(also["target_id"])

    def lines_once(self):
        seen = collections.Counter((x["object"], x["id"])
                                   for x in self.lines)
        self.problem("source records with several lines", [
            "%s %s" % k for k, n in seen.items() if n > 1])

    def file_bytes(self):
        """What was downloaded from the target against the source's own."""
        wrong, twice = [], collections.Counter()
        for x in self.lines:
            if x["state"] == "landed" and x["type"] == "files":
                if self.hashes.get(x["target_id"]) != \
                        self.wanted.get(x["id"]):
                    wrong.append("%s at %s" % (x["id"], x["target_id"]))
        for r in self.records.get("files") or []:
            twice.update([(r["parent_type"], r["parent_id"], r["name"],
                           r["sha256"])])
        landed = collections.Counter(
            x["target_id"] for x in self.lines if x["type"] == "files")
        self.problem("files with other bytes than at the source", wrong)
        self.problem("more files of one name and content than were sent", [
            k for k, n in twice.items() if n > 1 and n > sum(
                landed[r["id"]] for r in self.records["files"]
                if (r["parent_type"], r["parent_id"], r["name"],
                    r["sha256"]) == k)])

    def lines_of_deals(self):
        missing, more = self.deal_lines.problems()
        self.problem("lines that are not on their deal as at the source",
                     missing)
        self.problem("lines on a deal that the source does not have", more)

    def problems(self):
        self.found = []
        self.file_bytes()
        self.lines_of_deals()
        self.doubled()
        self.created_twice()
        self.owners()
        self.lines_once()
        self.landed()
        return self.found


def hash_of(chunks):
    h = hashlib.sha256()
    for chunk in chunks:
        h.update(chunk)
    return h.hexdigest()


def pattern(size):
    """What the source generates: byte i is i mod 251."""
    block = bytes(range(251)) * 4096
    while size > 0:
        yield block[:size]
        size -= min(size, len(block))


def source_hashes(folder):
    """{attachment: SHA-256 of its bytes in the export folder}."""
    out, index = {}, folder / "files" / "index.csv"
    if not index.exists():
        return out
    with open(index, newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            path = folder / "files" / row["id"]
            if row["content"] == "pattern251":
                out[row["id"]] = hash_of(pattern(int(row["size"])))
            elif row["content"] == "file" and path.exists():
                out[row["id"]] = hash_of([path.read_bytes()])
    return out
