"""What a run leaves in its folder (bench reference, section 3)."""
import decimal
import http.client
import json

from activities import Activities
from api import Away
from bench import Failure, call
from links import Links
from people import People
from sides import Sides
from truth import TYPES, Truth, hash_of, source_hashes

REPORTS = ["audit.json", "plan.json", "checklist.json", "checklist.md",
           "owners.json", "duplicates.json", "sample-diff.json",
           "reconciliation.json", "forecast.json", "inventory.json",
           "records.ndjson", "rejected.ndjson", "removals.ndjson",
           "conflicts.ndjson", "files.json", "events.ndjson"]
REQUIRED = {"records.ndjson", "reconciliation.json", "rejected.ndjson",
            "plan.json", "owners.json"}
STATES = ["landed", "merged", "excluded", "parked", "rejected", "deleted"]


def fetch(sim, path):
    status, data = call(sim.admin, "GET", path, raw=True)
    if status != 200:
        raise Failure("%s GET %s: %d" % (sim.name, path, status))
    return data


def download(port, path):
    """The bytes of an answer, a piece at a time."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        c.request("GET", path)
        answer = c.getresponse()
        if answer.status != 200:
            raise Failure("GET %s: %d" % (path, answer.status))
        while True:
            piece = answer.read(1 << 20)
            if not piece:
                return
            yield piece
    finally:
        c.close()


def parse(data):
    return [json.loads(line) for line in data.splitlines() if line]


class Result:
    """The reports and the two CRMs at the end."""

    def __init__(self, flow):
        self.flow, self.s, self.drover = flow, flow.s, flow.s.drover
        self.files, self.absent = {}, []

    def put(self, name, data):
        self.files[name] = data

    def reports(self):
        for name in REPORTS:
            data = self.flow.act(name, lambda n=name: self.drover.report(n))
            if data is None and name in REQUIRED:
                raise Failure("the auditor has no " + name)
            if data is None:
                self.absent.append(name)
            else:
                self.put(name, data)

    def target_types(self):
        modules = json.loads(self.files["freshsales/tenant.json"]).get(
            "custom_modules") or []
        return TYPES + [m["entity_name"] for m in modules
                        if m.get("entity_name")]

    def target(self):
        sim = self.s.target
        for name in ("tenant", "stats"):
            self.put("freshsales/%s.json" % name, fetch(sim, "/sim/" + name))
        for name in ("journal", "jobs", "files"):
            self.put("freshsales/%s.ndjson" % name,
                     fetch(sim, "/sim/" + name))
        for kind in self.target_types():
            for what in ("records", "deleted"):
                self.put("freshsales/%s/%s.ndjson" % (what, kind), fetch(
                    sim, "/sim/%s/%s" % (what, kind)))

    def file_hashes(self):
        """Every stored file is downloaded and hashed."""
        sim, out = self.s.target, {}
        for f in self.lines("freshsales/files.ndjson"):
            out[str(f["id"])] = hash_of(download(sim.admin, "/sim/files/%s"
                                                 % f["id"]))
        self.put("freshsales/file-hashes.json",
                 json.dumps(out, indent=1).encode())

    def source(self):
        sim = self.s.source

        def keep(path):
            status, data = call(sim.admin, "GET", "/sim/" + path, raw=True)
            if status == 200:
                self.put("fasttrack/%s.ndjson" % path, data)
        objects = [o["object"] for o in self.flow.status()["source"]["objects"]]
        for o in objects:
            keep("records/" + o)
            keep("deleted/" + o)
        for o in objects:
            for end in objects:
                keep("associations/%s/%s" % (o, end))
        self.put("fasttrack/stats.json", fetch(sim, "/sim/stats"))

    def all(self):
        self.reports()
        self.target()
        self.file_hashes()
        self.source()
        return self

    def rescue(self):
        """What can be had of a run that ended badly, for whoever looks."""
        for name in REPORTS:
            try:
                data = self.drover.report(name)
            except (Failure, Away, OSError):
                continue
            if data is not None:
                self.put(name, data)
        try:
            self.target()
            self.source()
        except (Failure, Away, OSError):
            pass
        return self

    def json(self, name):
        return json.loads(self.files[name])

    def lines(self, name):
        return parse(self.files[name])

    def write(self, out):
        for name, data in self.files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    # ---- judging ----

    def truth(self):
        return Truth(self.group("freshsales/records/"),
                     self.lines("freshsales/journal.ndjson"),
                     self.json("freshsales/tenant.json"),
                     self.lines("records.ndjson"),
                     self.lines("rejected.ndjson"),
                     {int(k): v for k, v in self.json(
                         "freshsales/file-hashes.json").items()},
                     source_hashes(self.s.o.source),
                     self.group("fasttrack/records/"),
                     self.json("reconciliation.json")["differences"])

    def group(self, prefix):
        return {n[len(prefix):-7]: self.lines(n) for n in self.files
                if n.startswith(prefix)}

    def links(self):
        return Links(self.group("freshsales/records/"),
                     self.group("freshsales/deleted/"),
                     self.group("fasttrack/records/"),
                     self.group("fasttrack/deleted/"),
                     {tuple(k.split("/")): v for k, v in self.group(
                         "fasttrack/associations/").items()},
                     self.lines("records.ndjson"),
                     self.conflicts(),
                     self.json("reconciliation.json")["differences"])

    def sides(self):
        return Sides(self.json("freshsales/tenant.json"),
                     self.json("plan.json"), self.s.o.source,
                     self.json("reconciliation.json")["differences"],
                     self.conflicts())

    def activities(self):
        return Activities(self.group("freshsales/records/"),
                          self.group("fasttrack/records/"),
                          self.lines("records.ndjson"), self.sides(),
                          self.links())

    def people(self):
        return People(self.group("freshsales/records/"),
                      self.group("fasttrack/records/"),
                      self.lines("records.ndjson"), self.sides())

    def conflicts(self):
        return self.lines("conflicts.ndjson") \
            if "conflicts.ndjson" in self.files else []

    def books(self):
        """Why the books do not balance, in words; empty: they do."""
        r, out = self.json("reconciliation.json"), []
        if not r["balanced"]:
            out.append("reconciliation.json says: not balanced")
        for s in r.get("shared", ()):
            out.append("%s %s holds more than one record: %s" % (
                s["type"], s["target_id"], ", ".join(
                    "%(object)s %(id)s" % x for x in s["records"])))
        counted = {}
        for line in self.lines("records.ndjson"):
            by = counted.setdefault(line["object"], {})
            by[line["state"]] = by.get(line["state"], 0) + 1
        for o in r["objects"]:
            have = counted.pop(o["object"], {})
            states = {k: n for k, n in o["states"].items() if n}
            if states != have or sum(have.values()) != o["extracted"]:
                out.append("%s: %d extracted, states %s, lines %s" % (
                    o["object"], o["extracted"], states, have))
            for t in o["totals"]:
                if decimal.Decimal(t["difference"]) != 0:
                    out.append("%s.%s %s: difference %s" % (
                        o["object"], t["field"], t.get("currency") or "",
                        t["difference"]))
        out += ["%s: lines and no book" % o for o in counted]
        return out

    def standing(self):
        """What the books say stands in the target against what does. A
        create that cannot be looked up may stand there."""
        out, spare = [], sum(r["class"] == "outcome_unknown" for r in
                             self.lines("rejected.ndjson"))
        for o in self.json("reconciliation.json")["objects"]:
            name = "freshsales/records/%s.ndjson" % o["target_type"]
            if o["target_after"] is None or name not in self.files:
                continue
            have = len(self.lines(name))
            if not 0 <= have - o["target_after"] <= spare:
                out.append("%s: %d %s there at the end by the books, %d are" %
                           (o["object"], o["target_after"], o["target_type"],
                            have))
        return out

    def verified(self):
        v = self.json("reconciliation.json")["verified"]
        return ["%d of %d verified fields differ" % (
            v["mismatches"], v["fields"])] if v["mismatches"] else []

    def calls(self):
        s = self.json("freshsales/stats.json")
        return ("Freshsales: %d calls, %d refused by its limit, %d records "
                "created, %d updates" % (
                    s["calls"], s["refused_429"], sum(s["created"].values()),
                    sum(s["updated"].values())))

    def table(self):
        rows = [["object", "extracted", *STATES]]
        r = self.json("reconciliation.json")
        for o in r["objects"]:
            rows.append([o["object"], o["extracted"]] +
                        [o["states"].get(s) or "" for s in STATES])
        rows.append(["all", sum(o["extracted"] for o in r["objects"])] +
                    [sum(o["states"].get(s, 0) for o in r["objects"]) or ""
                     for s in STATES])
        return columns(rows)

    def totals(self):
        rows = [["total", "currency", "source", "explained", "target",
                 "difference"]]
        for o in self.json("reconciliation.json")["objects"]:
            for t in o["totals"]:
                rows.append(["%s.%s" % (o["object"], t["field"]),
                             t.get("currency") or t.get("unit", ""),
                             t["source"],
                             t["explained"], t["target"], t["difference"]])
        return columns(rows) if len(rows) > 1 else ""


def columns(rows):
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(
        str(v).ljust(w) if i == 0 or (str(rows[0][i]) == "currency")
        else str(v).rjust(w)
        for i, (v, w) in enumerate(zip(r, widths))).rstrip() for r in rows)
