#!/usr/bin/env python3
"""Compares what a run left in its folder with a truth that was counted from
the source folder by another program.

    check_expected.py OUT EXPECTED.json [--snapshot]

--snapshot: the change script was not played (CHANGES=0). Prints every
difference and whether the reports explain it; exit 0 only if all are."""
import datetime
import decimal
import json
import pathlib
import sys

CARRIED = ["company", "contact", "deal", "product", "line_item", "task",
           "call", "email", "meeting", "note", "attachment", "co_shipment"]
# Where the original times of an activity stand, by the target's type.
TIMES = {"sales_activities": ("start_date", "end_date"),
         "appointments": ("from_date", "end_date"),
         "tasks": ("due_date",)}
ORIGINAL = {"call": ("started_at", "ended_at"),
            "email": ("sent_at", "sent_at"),
            "meeting": ("started_at", "ended_at"), "task": ("due_at",)}
STATES = ["landed", "merged", "excluded", "parked", "rejected", "deleted"]
decimal.getcontext().prec = 60
SHOWN = 6


def instant(text):
    """Seconds, or None for what is no plain instant."""
    try:
        at = datetime.datetime.fromisoformat((text or "").replace("Z",
                                                                  "+00:00"))
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo else None


def dec(text):
    return decimal.Decimal(text or "0")


class Check:
    def __init__(self, out, expected, snapshot):
        self.out, self.x, self.snapshot = out, expected, snapshot
        self.lines = self.ndjson("records.ndjson")
        self.rejected = {(r["object"], r["id"]): r
                         for r in self.ndjson("rejected.ndjson")}
        self.books = json.loads((out / "reconciliation.json").read_text())
        self.totals = {(o["object"], t["field"], t.get("currency")): t
                       for o in self.books["objects"] for t in o["totals"]}
        self.bad = self.seen = 0

    def ndjson(self, name):
        return [json.loads(x) for x in
                (self.out / name).read_text().split("\n") if x]

    def tell(self, text, explained, why):
        self.seen += 1
        self.bad += not explained
        self.say("%-11s %s: %s" % (
            "explained" if explained else "UNEXPLAINED", text, why))

    @staticmethod
    def say(text):
        print(text)

    # ---- counts ----

    def wanted(self, kind):
        """Records that can be read at the end; those that came later and
        those that went."""
        o, c = self.x["objects"][kind], self.x["changes"]
        if self.snapshot:
            return o["readable"], 0
        return (self.x["after_changes"]["objects"][kind]["readable"],
                c["gone_records"].get(kind, 0))

    def unexplained(self, line):
        """Why a line that did not land does not say why."""
        if line["state"] in ("parked", "rejected"):
            if not line["reason"]:
                return "no reason"
            if (line["object"], line["id"]) not in self.rejected:
                return "not in rejected.ndjson"
        if line["state"] == "excluded" and not (line["rule"] and
                                                line["reason"]):
            return "no rule or no reason"
        if line["state"] == "merged" and not (line["reason"] and
                                              line["target_id"]):
            return "no reason or no target"
        return None

    def counts(self, kind):
        mine = [x for x in self.lines if x["object"] == kind]
        by = {s: [x for x in mine if x["state"] == s] for s in STATES}
        readable, gone = self.wanted(kind)
        lost = set(self.x["objects"][kind]["unreadable_ids"])
        book = next((o for o in self.books["objects"]
                     if o["object"] == kind), None)
        if len({x["id"] for x in mine}) != len(mine):
            self.tell(kind, False, "an id stands in several lines")
        if not book or book["extracted"] != len(mine) or any(
                book["states"].get(s, 0) != len(by[s]) for s in STATES):
            self.tell(kind, False, "the book and records.ndjson differ")
        if len(mine) - len(by["deleted"]) != readable + len(lost):
            self.tell(kind, False, "%d records are expected, %d lines live" % (
                readable + len(lost), len(mine) - len(by["deleted"])))
        self.gone(kind, by["deleted"], gone)
        for x in mine:
            if x["id"] in lost and x["state"] != "rejected":
                self.tell("%s %s" % (kind, x["id"]), False,
                          "cannot be read, and is %s" % x["state"])
        less = readable + len(lost) - len(by["landed"])
        if less:
            others = [x for s in ("merged", "excluded", "parked", "rejected")
                      for x in by[s]]
            bad = ["%s %s" % (x["id"], self.unexplained(x)) for x in others
                   if self.unexplained(x)]
            self.tell("%s: %d expected, %d landed" % (
                kind, readable + len(lost), len(by["landed"])),
                less == len(others) and not bad,
                ", ".join("%d %s" % (len(by[s]), s) for s in STATES
                          if by[s] and s not in ("landed", "deleted")) +
                (", without a word: %s" % bad[:SHOWN] if bad else
                 ", each with its reason"))

    def gone(self, kind, lines, gone):
        """What was gone before the snapshot may be named, or not."""
        before = sum(n for k, n in self.x["tombstones"].items()
                     if k.startswith(kind + "/"))
        if not gone <= len(lines) <= gone + before:
            self.tell("%s: %d gone" % (kind, gone), False,
                      "%d lines are deleted" % len(lines))

    # ---- sums ----

    def sums(self):
        deals = self.x["deal"]["amount_by_currency"] if self.snapshot else \
            self.x["after_changes"]["deal_amount_by_currency"]
        for currency, want in deals.items():
            key = None if currency in ("None", "null", "") else currency
            t = self.totals.get(("deal", "amount", key))
            if t is None and dec(want["sum"]) == 0:
                continue
            if t is None or dec(t["source"]) != dec(want["sum"]):
                self.tell("deal.amount %s" % currency, False,
                          "%s expected, the books have %s" % (
                              want["sum"], t and t["source"]))
        for (o, field, currency), t in self.totals.items():
            if o not in CARRIED:
                continue
            what = "%s.%s %s" % (o, field, currency or "")
            left = dec(t["source"]) - dec(t["explained"]) - dec(t["target"])
            if left != 0 or dec(t["difference"]) != 0:
                self.tell(what, False, "%s of %s is missing" % (
                    left, t["source"]))
            elif dec(t["explained"]) != 0:
                self.tell(what, True, "source %s, target %s, explained %s" % (
                    t["source"], t["target"], t["explained"]))

    # ---- what the truth says of single records ----

    def merges(self):
        """Records that were there before are found again."""
        at = {(x["object"], x["id"]): x for x in self.lines}
        for what, kind in (("contact_by_email", "contact"),
                           ("company_by_name", "company")):
            for rid, target in self.x["collisions"][what].items():
                x = at.get((kind, rid))
                if x and x["state"] == "merged" and \
                        str(x["target_id"]) == str(target):
                    continue
                self.tell("%s %s is in the target already (%s)" % (
                    kind, rid, target),
                    bool(x and (x["reason"] or x["state"] == "deleted")),
                    x and "%s, %s" % (x["state"], x["reason"]) or "no line")
        for rid, target in self.x["collisions"]["deal_by_name"].items():
            x = at.get(("deal", rid))
            if x and str(x["target_id"]) == str(target) and \
                    x["state"] == "landed":
                self.tell("deal %s" % rid, False,
                          "landed at a deal that was there before")

    def stages(self):
        """By the stage's id: two pipelines may have one of the same id."""
        want = {}
        if self.snapshot:
            rows = self.x["deal"]["by_pipeline_stage"].items()
        else:
            rows = [(k.rsplit("/", 1)[0], v["deals"]) for k, v in
                    self.x["after_changes"][
                        "deal_amount_by_pipeline_stage_currency"].items()]
        for key, n in rows:
            stage = key.split("/", 1)[1]
            want[stage] = want.get(stage, 0) + n
        book = next((o for o in self.books["objects"]
                     if o["object"] == "deal"), {"by": []})
        have = {b["value"]: b["source_count"] for b in book["by"]
                if b["key"] == "stage"}
        for stage in sorted(set(want) | set(have)):
            if want.get(stage, 0) != have.get(stage, 0):
                self.tell("deals in stage %s" % stage, False,
                          "%d expected, the books have %d" % (
                              want.get(stage, 0), have.get(stage, 0)))

    # ---- times, events, files ----

    def records(self, side, kind):
        path = self.out / side / "records" / (kind + ".ndjson")
        text = path.read_text() if path.exists() else ""
        return {str(r["id"]): r for r in (
            json.loads(x) for x in text.split("\n") if x)}

    def told(self):
        return {(d["object"], d["id"], d["field"])
                for d in self.books.get("differences", [])}

    def times(self):
        told, bad, n = self.told(), [], 0
        target = {t: self.records("freshsales", t) for t in TIMES}
        source = {o: self.records("fasttrack", o) for o in ORIGINAL}
        for x in self.lines:
            if x["state"] != "landed" or x["object"] not in ORIGINAL or \
                    x["type"] not in TIMES:
                continue
            have = target[x["type"]].get(str(x["target_id"]), {})
            props = source[x["object"]][x["id"]]["properties"]
            for key, prop in zip(TIMES[x["type"]], ORIGINAL[x["object"]]):
                n += 1
                if instant(have.get(key)) != instant(props.get(prop)) and \
                        (x["object"], x["id"], prop) not in told:
                    bad.append("%s %s: %s is %s, at the source %s" % (
                        x["object"], x["id"], key, have.get(key),
                        props.get(prop)))
        self.say("%d original times compared" % n)
        for text in bad[:SHOWN]:
            self.tell(text, False, "another time, and not told")
        if n == 0 and any(self.x["objects"][o]["readable"] for o in
                          ORIGINAL if o in self.x["objects"]):
            self.tell("times", False, "no activity landed")

    def events(self):
        want = self.x["events"]["count"] + self.x["events"]["unreadable"]
        mine = [x for x in self.lines if x["object"] == "event"]
        bad = [x["id"] for x in mine
               if x["state"] != "landed" and self.unexplained(x)]
        if len(mine) != want:
            self.tell("event", False, "%d expected, %d lines" % (
                want, len(mine)))
        for rid in self.x["events"]["contact_unknown"]:
            if any(x["id"] == rid and x["state"] == "landed" for x in mine):
                self.tell("event %s" % rid, False, "landed without a contact")
        landed = sum(x["state"] == "landed" for x in mine)
        if landed != want:
            self.tell("event: %d expected, %d landed" % (
                want, landed), not bad, "without a word: %s" % bad[:SHOWN] if bad
                else "each with its reason")

    def files(self):
        source = self.records("fasttrack", "attachment")
        path = self.out / "freshsales" / "file-hashes.json"
        hashes = json.loads(path.read_text()) if path.exists() else {}
        n = 0
        for x in self.lines:
            if x["object"] != "attachment" or x["type"] != "files" or \
                    x["state"] != "landed":
                continue
            n += 1
            want = source[x["id"]]["properties"]["sha256"]
            if hashes.get(str(x["target_id"])) != want:
                self.tell("attachment %s" % x["id"], False,
                          "SHA-256 %s at the target, %s at the source" % (
                              hashes.get(str(x["target_id"])), want))
        self.say("%d files downloaded from the target and hashed" % n)
        for rid in self.x["attachment"]["hash_mismatch"] + \
                self.x["attachment"]["size_mismatch"]:
            if any(x["id"] == rid and x["type"] == "files"
                   for x in self.lines):
                self.tell("attachment %s" % rid, False,
                          "its bytes are not what the source says of them")

    def all(self):
        for kind in CARRIED:
            self.counts(kind)
        self.times()
        self.events()
        self.files()
        self.sums()
        self.merges()
        self.stages()
        if not self.books["balanced"]:
            self.tell("reconciliation.json", False, "it does not balance")
        if self.books["verified"]["mismatches"]:
            self.tell("verified", False, "%d fields differ" %
                      self.books["verified"]["mismatches"])
        self.say("%d differences, %d of them unexplained" % (self.seen,
                                                             self.bad))
        return 1 if self.bad else 0


def main(argv):
    words = [a for a in argv if not a.startswith("--")]
    if len(words) != 2 or set(argv) - set(words) - {"--snapshot"}:
        print(__doc__, file=sys.stderr)
        return 2
    expected = json.loads(pathlib.Path(words[1]).read_text())
    return Check(pathlib.Path(words[0]), expected,
                 "--snapshot" in argv).all()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
