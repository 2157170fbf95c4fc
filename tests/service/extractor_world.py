"""The extractor between a simulated FastTrack and a real broker, and what its
topics hold held against what the CRM holds."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT, call, ndjson, wait_until  # noqa: E402

SOURCE = ROOT / "tests" / "data" / "source"
CARRIED = ["product", "company", "contact", "deal", "task", "note"]
CORE = ("deal", "contact", "company")  # what an attachment is shown at
SCALE = 100000  # of the simulated clock: a day of changes in a second
# Making partitions is most of what a broker does for these tests. Some have as
# many as a migration has by default (`parts` of their class).
PARTS, DEFAULT_PARTS = 2, 6
LIMIT_S = 180  # of a wait: several times what the real data sets take
UPSERT, DELETE, MERGE, HIDDEN = 1, 2, 3, 4
GONE = {DELETE: "delete", MERGE: "merge"}


def shared():
    """The folder of the real data sets, or None."""
    folder = os.environ.get("DR_SHARED")
    folder = pathlib.Path(folder) if folder else ROOT.parent / "shared"
    return folder / "data" if (folder / "data").is_dir() else None


class House:
    """One broker for all tests of a class: each test has a migration, and so
    topics, of its own."""

    def __init__(self, bench=None, parts=PARTS):
        self.bench, self.parts = bench or Bench(), parts
        self.kafka = self.bench.broker()
        self.worlds = 0

    def close(self):
        self.bench.close()


class World:
    """Simulator, extractor, and what the topics hold."""
    told = 0  # statuses of extractors that are gone

    def __init__(self, house, bench, source=SOURCE, knobs=()):
        house.worlds += 1
        self.migration = "t%d" % house.worlds
        self.b, self.kafka, self.parts = bench, house.kafka, house.parts
        self.sim = bench.fasttrack(source, *knobs)
        self.conf = {
            "migration": self.migration, "kafka.brokers": self.kafka.brokers,
            "kafka.partitions": self.parts,
            "source.url": "http://127.0.0.1:%d" % self.sim.api,
            "source.token_file": bench.secret("token", self.sim.key),
            "tail.poll_ms": 50,
            # Faults are told by how many calls came before them.
            "source.profile_check": "false",
            "source.corrupt_budget_permille": 1000}
        self.ex = None
        self.source = pathlib.Path(source)
        schema = json.loads((self.source / "schema.json").read_text())
        self.kinds = [o["type"] for o in schema["objects"]["results"]
                      if o["type"] != "line_item"]
        self.pairs = {}
        for a in schema["associations"]["results"]:
            ends = self.pairs.setdefault(a["from"], [])
            if a["to"] not in ends + ["line_item"]:
                ends.append(a["to"])

    def start_only(self):
        if self.ex:
            self.told = len(self.statuses())
        self.ex = self.b.service("extractor", "0", self.conf)
        return self.ex

    def start(self):
        return self.b.ready(self.start_only())

    def read_whole(self):
        self.start()
        self.snapshot_done()

    def dump(self, topic, parts=None):
        out = subprocess.run(
            [str(self.b.bin("dr-dump")), self.kafka.brokers,
             "drover.%s.%s" % (self.migration, topic),
             str(parts or self.parts)],
            check=True, capture_output=True, timeout=60).stdout
        return [json.loads(line) for line in out.splitlines()]

    def records(self, kind):
        return [r for r in self.dump("source." + kind)
                if r["kind"] == "source"]

    def newest(self, kind):
        out = {}
        for r in self.records(kind):
            if r["id"] not in out or r["rev"] > out[r["id"]]["rev"]:
                out[r["id"]] = r
        return out

    def statuses(self):
        return [r["json"] for r in self.dump("catalog", 1)
                if r["side"] == "status"]

    def status(self):
        """The newest of the extractor that runs: it may be ready before it
        has said anything."""
        status = self.statuses()[self.told:]
        return status[-1] if status else {"phase": None}

    def feed(self, control):
        subprocess.run(
            [str(self.b.bin("dr-feed")), self.kafka.brokers, self.migration,
             str(self.parts), "feed"], check=True, timeout=60,
            input=json.dumps({"control": control}).encode() + b"\n")

    def until(self, what, predicate, timeout=LIMIT_S):
        def there():
            assert self.ex.alive(), self.ex.tail()
            return predicate()
        return wait_until(what, there, timeout, 0.1)

    def snapshot_done(self, timeout=LIMIT_S):
        self.until("the snapshot is done",
                   lambda: self.status()["phase"] == "tail", timeout)

    def peak_kib(self):
        """The most memory the extractor has had."""
        text = pathlib.Path("/proc/%d/status" % self.ex.pid).read_text()
        return int(text.split("VmHWM:")[1].split()[0])

    def journal(self):
        return ndjson(self.sim.admin, "/sim/journal")

    # ---- what the auditor says ----

    def freeze(self):
        """The freeze, and what the extractor says when it is through."""
        self.feed({"phase": "freeze", "seq": 1, "lanes": []})
        self.until("the sweep is done", lambda: self.status()["phase"] in (
            "frozen", "halted"))
        return self.status()

    # ---- what happens in the CRM ----

    def fast(self):
        self.sim.post("/sim/clock", {"scale": SCALE})

    def edit(self, kind, body, rid=None):
        self.sim.post("/sim/admin/%s%s" % (kind, "/" + rid if rid else ""),
                      body)

    def delete(self, kind, rid):
        self.sim.post("/sim/admin/%s/%s" % (kind, rid), None, "DELETE")

    def play_changes(self, scale=SCALE):
        self.sim.post("/sim/clock", {"scale": scale})
        self.sim.post("/sim/changes", {"action": "start", "scale": scale})
        wait_until("the script is played", lambda: self.sim.get(
            "/sim/changes")["state"] == "done", LIMIT_S)

    def drained(self, timeout=LIMIT_S):
        """Every watermark is past what has happened by now: what the tail has
        not sent then, it never will."""
        now = self.sim.get("/sim/clock")["now_ms"]

        def passed():
            cursors = {r["name"]: r["json"] for r in self.dump("cursor", 1)
                       if r["name"][0] != "#"}
            return all(c["watermark_ms"] > now for c in cursors.values()) and \
                cursors["product"]["assoc_watermark_ms"] > now
        self.until("the tail has all that happened", passed, timeout)


class Case(unittest.TestCase):
    """What lies in Kafka at the end is what the CRM holds."""
    parts = PARTS

    @classmethod
    def setUpClass(cls):
        cls.house = House(parts=cls.parts)
        cls.addClassCleanup(cls.house.close)

    def world(self, source=SOURCE, knobs=(), bench=None):
        if not bench:
            bench = Bench()
            self.addCleanup(bench.close)
        return World(self.house, bench, source, knobs)

    def assert_is_truth(self, w, kinds=None, but=()):
        """Every living record of the CRM lies in its topic, byte for byte, in
        its newest version, with its associations; what is gone there is gone
        here. `but`: ids that are not to be there."""
        for kind in kinds or w.kinds:
            newest = w.newest(kind)
            truth = {r["id"]: r for r in w.sim.records(kind)}
            for rid, record in truth.items():
                if rid in but:
                    self.assertNotIn(rid, newest, kind)
                    continue
                self.assertIn(rid, newest, kind)
                self.assertEqual(json.loads(newest[rid]["body"]), record)
                self.assertEqual(newest[rid]["version"], record["version"])
                self.assertEqual(newest[rid]["op"], UPSERT)
            gone = {r["id"]: r for r in ndjson(w.sim.admin,
                                               "/sim/deleted/" + kind)}
            for rid, r in newest.items():
                if rid not in truth:
                    self.assertIn(r["op"], GONE, (kind, rid))
                    self.assert_is_gone(r, gone[rid])
            self.assert_ends(w, kind, newest, truth, but)

    def assert_is_gone(self, got, gone):
        if gone["op"] == "merge":
            self.assertEqual((got["op"], got["merged_into"]),
                             (MERGE, gone["merged_into"]), got["id"])
        else:
            self.assertEqual(got["op"], DELETE, got["id"])

    def answer_to(self, w, path):
        """The test's own call. Its token may be renewed meanwhile."""
        token = w.sim.key
        status, page = call(w.sim.api, "GET", path, token=token)
        if status == 401:
            wait_until("the token is another", lambda: w.sim.key != token, 30)
            return self.answer_to(w, path)
        return status, page

    def all_ends(self, w, kind, to):
        """By the full listing, which the extractor does not use."""
        rows, after = [], ""
        while True:
            status, page = self.answer_to(w, "/v1/associations/%s/%s?x=%s" % (
                kind, to, after))
            if status == 404:
                return []
            self.assertEqual(status, 200, page)
            rows += page["results"]
            if not page["paging"]:
                return rows
            after = "&after=" + page["paging"]["next"]["after"]

    def ends_of(self, w, kind):
        """{id: [(pair, end, type, label, primary)]} by the full listing."""
        out = {}
        for to in w.pairs.get(kind, []):
            for row in self.all_ends(w, kind, to):
                end = row["to"]
                out.setdefault(row["from"], []).append((
                    to, end["id"], str(end["type_id"]), end["label"],
                    end["primary"]))
        return out

    def parents_ends(self, w, truth):
        """What an attachment hangs on, and what that hangs on."""
        ends = {k: self.ends_of(w, k) for k in w.pairs if k not in CORE}
        out = {}
        for rid, record in truth.items():
            got = out.setdefault(rid, [])
            for parent in record["properties"]["parents"]:
                kind, pid = parent["type"], parent["id"]
                got.append((kind, pid, "", "", False))
                got += [e for e in ends.get(kind, {}).get(pid, [])
                        if e[0] in CORE]
        return out

    def assert_ends(self, w, kind, newest, truth, but):
        ends = self.parents_ends(w, truth) if kind == "attachment" \
            else self.ends_of(w, kind)
        for rid in truth:
            if rid in but:
                continue
            want = [(kind + "_" + e[0],) + e[1:] for e in ends.get(rid, [])]
            got = [(a["pair"], a["to"], a["type_id"], a["label"],
                    a["primary"]) for a in newest[rid]["associations"]]
            self.assertEqual(sorted(got), sorted(want), (kind, rid))

    def assert_events(self, w):
        """Each readable event of the folder, byte for byte, once."""
        truth = {}
        for f in sorted((w.source / "events").glob("events-0*.ndjson")):
            truth.update((e["id"], e) for e in map(
                json.loads, f.read_bytes().splitlines()))
        got = w.records("event")
        self.assertEqual(len(got), len(truth))
        self.assertEqual({r["id"]: json.loads(r["body"]) for r in got}, truth)
        self.assertEqual({r["op"] for r in got} | {UPSERT}, {UPSERT})

    def assert_lines(self, w):
        """Every living line in the set of its deal, and in no other."""
        want = {}
        for r in w.sim.records("line_item"):
            want.setdefault(r["properties"]["deal_id"], []).append(r["id"])
        got = {}
        for rid, r in w.newest("line_item").items():
            deal = rid
            if r["parts"] == [rid]:  # alone: its deal is gone
                deal = next((d for d, ids in want.items() if rid in ids), rid)
            got.setdefault(deal, []).extend(r["parts"])
        self.assertEqual({d: sorted(v) for d, v in got.items() if v},
                         {d: sorted(v) for d, v in want.items()})

    def assert_nothing_twice(self, w, kinds=None):
        for kind in kinds or w.kinds + ["line_item"]:
            last = {}
            for r in sorted(w.records(kind), key=lambda r: r["rev"]):
                before = last.get(r["id"])
                if before:
                    self.assertGreater(r["rev"], before["rev"])
                    self.assertNotEqual(
                        (r["content"], r.get("blob")),
                        (before["content"], before.get("blob")),
                        (kind, r["id"]))
                last[r["id"]] = r

    def assert_markers_count(self, w, kinds):
        for kind in kinds:
            seen, marked = {}, set()
            for r in w.dump("source." + kind):
                p = r["partition"]
                if r["kind"] == "marker":
                    self.assertEqual(r["of"], p)
                    self.assertEqual(r["count"], seen.get(p, 0))
                    marked.add(p)
                else:
                    seen[p] = seen.get(p, 0) + 1
            self.assertEqual(marked, set(range(w.parts)), kind)

    def rejected(self, w):
        return {(r["object"], r["id"]): r for r in w.dump("rejected")}

    def assert_all(self, w, kinds=None, but=()):
        self.assert_is_truth(w, kinds, but)
        self.assert_lines(w)
        self.assert_nothing_twice(w)
