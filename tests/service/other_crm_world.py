"""The extractor before a CRM of another shape, and what its topics hold held
against what that CRM holds."""
import copy
import json

from extractor_world import (Bench, Case, DELETE, LIMIT_S, ROOT, SOURCE,
                             UPSERT, World, wait_until)
from other_crm import KINDS, OtherCrm, iso

PROFILE = ROOT / "deploy" / "conf" / "profiles" / "other-crm-1.json"
SCALE = 60                      # a minute of the CRM's clock in a second
RECORDS = [k for k in KINDS if k != "line_item"]


class OtherWorld(World):
    """The extractor before the other CRM."""

    def __init__(self, house, bench, knobs=(), profile=None, scale=SCALE,
                 tokens=None):
        house.worlds += 1
        self.migration = "t%d" % house.worlds
        self.b, self.kafka, self.parts = bench, house.kafka, house.parts
        self.crm = OtherCrm(SOURCE, scale, knobs, tokens=tokens)
        self.kinds = RECORDS
        self.source = SOURCE
        path = bench.folder / "profile.json"
        if tokens:
            profile = profile or json.loads(PROFILE.read_text())
            profile["auth"] = tokens.auth(
                "http://127.0.0.1:%d/oauth/token" % self.crm.port)
        path.write_text(json.dumps(profile) if profile
                        else PROFILE.read_text())
        self.conf = {
            "migration": self.migration, "kafka.brokers": self.kafka.brokers,
            "kafka.partitions": self.parts,
            "source.url": "http://127.0.0.1:%d" % self.crm.port,
            "source.token_file": bench.secret(
                "token", tokens.file() if tokens else self.crm.key),
            "source.profile": path, "tail.poll_ms": 50}
        self.ex = None

    def drained(self, timeout=LIMIT_S):
        now = self.crm.store.now()

        def passed():
            cursors = {r["name"]: r["json"] for r in self.dump("cursor", 1)}
            return all(cursors[k]["watermark_ms"] > now for k in KINDS)
        self.until("the tail has all that happened", passed, timeout)


def seconds(ms):
    return iso(ms).replace(".000Z", "Z")


def property_of(v):
    """What is left of a value on the way through the other shape: nothing
    tells an empty one from none there."""
    return None if v in ("", []) else v


class OtherCase(Case):
    maxDiff = None

    def other(self, **more):
        bench = Bench()
        self.addCleanup(bench.close)
        w = OtherWorld(self.house, bench, **more)
        self.addCleanup(w.crm.close)
        return w

    def assert_record(self, kind, got, r):
        body = json.loads(got["body"])
        want = {k: property_of(v) for k, v in r["properties"].items()}
        props = {k: v for k, v in body["properties"].items() if k != "kind"}
        self.assertEqual(props, want, r["id"])
        self.assertEqual(
            {k: body[k] for k in ("type", "id", "version", "created_at",
                                  "updated_at", "archived", "archived_at",
                                  "owner_id", "created_by", "corrupt")},
            {"type": kind, "id": r["id"], "version": r["stamp"],
             "created_at": r["created_at"], "updated_at": seconds(r["stamp"]),
             "archived": r["archived"], "archived_at":
             seconds(r["archived_ms"]) if r["archived_ms"] else None,
             "owner_id": r["owner_id"], "created_by": r["created_by"],
             "corrupt": None})
        self.assertEqual((got["op"], got["version"]), (UPSERT, r["stamp"]))

    def assert_is_other(self, w, kinds=RECORDS, ends=True):
        """Every record of the CRM, with the ends of each; what is gone there
        is gone here."""
        store = w.crm.store
        for kind in kinds:
            newest = w.newest(kind)
            truth = copy.deepcopy(store.records[kind])
            self.assertEqual(
                {rid for rid, r in newest.items() if r["op"] == UPSERT},
                set(truth), kind)
            for rid, r in truth.items():
                self.assert_record(kind, newest[rid], r)
                raw = json.loads(newest[rid]["body"])["raw"]
                self.assertEqual(raw, store.row(kind, r))
                want = sorted((k + "_" + to, e["to_id"], e["label"],
                               e["primary"])
                              for (k, to), by in store.ends.items()
                              if k == kind for e in by.get(rid, []))
                got = sorted((a["pair"], a["to"], a["label"], a["primary"])
                             for a in newest[rid]["associations"])
                if ends:
                    self.assertEqual(got, want, rid)
            for rid, r in newest.items():
                if rid not in truth:
                    self.assertEqual(r["op"], DELETE, rid)

    def assert_line_sets(self, w):
        want = {}
        for r in w.crm.store.records["line_item"].values():
            want.setdefault(r["properties"]["deal_id"], []).append(r["id"])
        got = {}
        for rid, r in w.newest("line_item").items():
            deal = next((d for d, ids in want.items() if rid in ids), rid) \
                if r["parts"] == [rid] else rid
            got.setdefault(deal, []).extend(r["parts"])
        self.assertEqual({d: sorted(v) for d, v in got.items() if v},
                         {d: sorted(v) for d, v in want.items()})

    def catalog(self, w, name):
        return [r["json"] for r in w.dump("catalog", 1)
                if r["side"] == "source" and r["name"] == name][-1]
