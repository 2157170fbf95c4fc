#!/usr/bin/env python3
"""An export folder as the source, without any server (source contract 6). The
simulator serves the same folder and is the truth that Kafka is held against;
the extractor never calls it."""
import gzip
import json
import unittest

from extractor_world import Bench, Case, SOURCE, wait_until
from source_folder import SourceFolder

ENVELOPE = ["id", "version", "created_at", "updated_at", "archived",
            "archived_at", "owner_id", "created_by"]


def cell(value, delimiter=","):
    if value is None:
        return ""
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, list):
        value = ";".join(v.replace("\\", "\\\\").replace(";", "\\;")
                         for v in value)
    value = str(value)
    if value and not any(c in value for c in delimiter + '"\r\n\0'):
        return value
    return '"%s"' % value.replace('"', '""')


def as_csv(records, delimiter=",", end="\n", heads=None):
    names = list(records[0]["properties"])
    rows = [[(heads or {}).get(n, n) for n in ENVELOPE + names]]
    rows[0] = [cell(c, delimiter) for c in rows[0]]
    for r in records:
        rows.append([cell(r[n], delimiter) for n in ENVELOPE] +
                    [cell(r["properties"][n], delimiter) for n in names])
    return "".join(delimiter.join(r) + end for r in rows)


class Folder(Case):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        self.folder = SourceFolder(SOURCE, self.bench.folder / "source")

    def reading(self, folder=None):
        path = (folder or self.folder).done()
        w = self.world(path, bench=self.bench)
        w.conf["source.url"] = "folder:%s" % path
        del w.conf["source.token_file"]
        return w

    def alone(self):
        """A folder that no simulator would serve."""
        w = self.world(SOURCE, bench=self.bench)
        w.conf["source.url"] = "folder:%s" % self.folder.done()
        return w

    def calls(self, w):
        return w.sim.get("/sim/stats")["calls"]

    def assert_read(self, w):
        calls = self.calls(w)
        self.assertEqual(calls, 0)
        self.assert_all(w)
        self.assert_events(w)
        self.assert_markers_count(w, w.kinds + ["line_item", "event"])

    def test_a_folder_is_read_whole_without_a_server(self):
        w = self.reading()
        w.read_whole()
        self.assert_read(w)
        raw = (SOURCE / "objects/contact-raw-0001.ndjson").read_bytes()
        self.assertRegex(
            self.rejected(w)["contact", "ct_bad"]["reason"],
            r"^objects/contact-raw-0001.ndjson, offset 0, length %d: " %
            len(raw))
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))

    def test_packed_files_are_unpacked(self):
        name = "objects/deal-0001.ndjson"
        data = self.folder.read(name)
        entry = self.folder.files.pop(name)
        self.folder.files[name + ".gz"] = dict(
            entry, path=name + ".gz", compression="gzip")
        self.folder.write(name + ".gz", gzip.compress(data))
        self.folder.files[name + ".gz"]["rows"] = entry["rows"]
        w = self.reading()
        w.read_whole()
        self.assert_read(w)

    def as_csv_file(self, kind, data, rows, **more):
        name = "objects/%s-0001.ndjson" % kind
        del self.folder.files[name]
        (self.folder.path / name).unlink()
        name = "objects/%s-0001.csv" % kind
        self.folder.file(name, kind, data, format="csv", **more)
        self.folder.files[name]["rows"] = rows

    def properties(self, w, kind):
        return {i: json.loads(r["body"])["properties"]
                for i, r in w.newest(kind).items()}

    def test_csv_of_every_dialect_is_the_same_records(self):
        """The server of the truth has NDJSON; the folder that is read, CSV."""
        truth = self.world(self.folder.done(), bench=self.bench)
        for encoding, delimiter, end in (("utf-8", ",", "\n"),
                                         ("utf-16", ";", "\r\n"),
                                         ("utf-16-be", "\t", "\r\n"),
                                         ("cp1252", ";", "\n")):
            with self.subTest(encoding):
                bench = Bench()
                self.addCleanup(bench.close)
                self.folder = SourceFolder(SOURCE, bench.folder / "source")
                records = self.folder.records("company")
                if encoding == "cp1252":
                    for r in records:
                        r["properties"]["name"] = "Caf\u00e9 \u20ac; \"x\"\nY"
                records[0]["properties"]["industry"] = ""
                self.folder.put("company", records)
                label = {p["name"]: p["label"] for p in json.loads(
                    self.folder.read("schema.json"))["properties"]["company"][
                        "results"]}
                text = as_csv(records, delimiter, end, {
                    "name": label["name"].upper()})
                if encoding == "utf-16-be":
                    text = "\ufeff" + text
                if encoding == "cp1252":
                    text = text.encode("cp1252", "replace").decode("cp1252")
                data = text.encode(encoding)
                self.as_csv_file("company", data, len(records), encoding={
                    "utf-16-be": "utf-16"}.get(encoding, encoding))
                w = self.world(truth.source, bench=bench)
                w.conf["source.url"] = "folder:%s" % self.folder.done()
                w.read_whole()
                got = self.properties(w, "company")
                want = {r["id"]: r["properties"] for r in records}
                if encoding == "cp1252":
                    got, want = ({i: p["name"] for i, p in x.items()}
                                 for x in (got, want))
                self.assertEqual(got, want)
                self.assertEqual({r["version"] for r in w.newest(
                    "company").values()}, {r["version"] for r in records})

    def test_rows_that_are_no_records_are_kept_with_their_place(self):
        records = self.folder.records("company")
        text = as_csv(records).encode()
        bad = [b"short,row\n", b'co_x,"open\n']
        offsets = [len(text), len(text) + len(bad[0])]
        self.as_csv_file("company", text + b"".join(bad), len(records) + 2)
        truth = self.world(SOURCE, bench=self.bench)
        truth.conf["source.url"] = "folder:%s" % self.folder.done()
        truth.read_whole()
        rejected = {r["reason"].split(":")[0]
                    for (kind, _), r in self.rejected(truth).items()
                    if kind == "company"}
        self.assertEqual(rejected, {
            "objects/company-0001.csv, offset %d, length %d" % (o, len(b))
            for o, b in zip(offsets, bad)})
        self.assertEqual(len(truth.newest("company")), len(records))

    def test_the_bytes_of_attachments_are_read_from_it(self):
        self.folder.attachments([
            ("f_1", {}, b"twelve bytes"), ("f_big", {}, b"0123456789" * 99999),
            ("f_short", {"size": "99"}, b"not 99 bytes"),
            ("f_wrong", {"sha256": "0" * 64}, b"another hash"),
            ("f_ghost", {"size": "7"}, None)])
        w = self.reading()
        w.read_whole()
        w.feed({"phase": "run", "seq": 1, "lanes": [], "file_limit": 1 << 20})
        w.until("all bytes are here", lambda: w.status()["files"]["limit"] and
                w.status()["files"]["pending"] == 0)
        files = w.status()["files"]
        self.assertEqual((files["stored"], files["broken"], files["bytes"]),
                         (2, 3, 12 + 999990))
        self.assertEqual(self.calls(w), 0)

    # ---- a second drop ----

    def test_a_second_drop_is_the_delta(self):
        for kind in ("deal", "line_item"):  # as it will be written again
            self.folder.put(kind, self.folder.records(kind))
        w = self.reading()
        w.read_whole()
        before = {k: len(w.records(k)) for k in w.kinds}
        deals = self.folder.records("deal")
        changed = dict(deals[3], version=deals[3]["version"] + 1, properties=
                       dict(deals[3]["properties"], name="Renamed"))
        new = dict(deals[5], id="de_new", version=1)
        deals = deals[:3] + [changed] + deals[4:7] + deals[8:] + [new]
        gone = self.folder.records("deal")[7]["id"]
        self.folder.put("deal", deals)
        lines = self.folder.records("line_item")
        self.folder.put("line_item", lines[1:])
        self.folder.done()
        w.until("the delta is there", lambda: w.newest("deal").get(
            gone, {}).get("op") == 2 and "de_new" in w.newest("deal"))
        newest = w.newest("deal")
        self.assertEqual(json.loads(newest[changed["id"]]["body"]), changed)
        w.until("the line has left its set", lambda: all(
            lines[0]["id"] not in r["parts"]
            for r in w.newest("line_item").values()))
        self.assertEqual(len(w.records("deal")), before["deal"] + 3)
        for kind in w.kinds:
            if kind != "deal":
                self.assertEqual(len(w.records(kind)), before[kind], kind)
        self.assertEqual(w.freeze()["tail_misses"], 0)

    def test_a_drop_that_came_while_nobody_looked_is_read_too(self):
        w = self.reading()
        w.read_whole()
        self.assertEqual(w.ex.stop(), 0)
        deals = self.folder.records("deal")
        self.folder.put("deal", deals[1:])
        self.folder.done()
        w.start()
        w.until("the delta is there",
                lambda: w.newest("deal")[deals[0]["id"]]["op"] == 2)
        self.assert_nothing_twice(w)

    def test_a_drop_that_lacks_a_whole_object_deletes_nothing(self):
        w = self.reading()
        w.read_whole()
        self.folder.put("task", [])
        self.folder.done()
        w.until("it says so", lambda: "new drop" in w.status()["halted"])
        self.assertEqual({r["op"] for r in w.newest("task").values()}, {1})
        asked = [q["id"] for q in w.status()["asks"]]
        self.assertEqual(len(asked), 1)
        self.assertTrue(asked[0].startswith("absence:task:"), asked)
        w.feed({"phase": "run", "seq": 1, "lanes": [], "approvals": asked})
        w.until("it goes on", lambda: {
            r["op"] for r in w.newest("task").values()} == {2})
        w.until("it says so", lambda: w.status()["halted"] == "")

    def test_a_drop_that_is_damaged_is_told(self):
        w = self.reading()
        w.read_whole()
        self.folder.put("task", [])
        self.folder.done()
        manifest = self.folder.path / "manifest.json"
        good = manifest.read_text()
        manifest.write_text(good.replace('"sha256": "', '"sha256": "0'))
        # It may be looked at before the damage is done, or in the middle.
        w.until("it says so", lambda: "sha" in w.status()["halted"].lower())

    def test_what_was_written_over_is_not_believed(self):
        """The manifest was held against other bytes; the freeze reads all
        lines once more."""
        w = self.reading()
        w.read_whole()
        before = {i: r["rev"] for i, r in w.newest("line_item").items()}
        path = self.folder.path / "objects/line_item-0001.ndjson"
        good = path.read_bytes()
        with open(path, "r+b") as f:  # the same file, of the same length
            f.write(good.replace(b'"quantity":"1', b'"quantity":"7'))
        w.feed({"phase": "freeze", "seq": 1, "lanes": []})
        wait_until("it ends", lambda: not w.ex.alive(), 60)
        self.assertEqual(w.ex.code, 1)
        self.assertIn("a file changed or went away", w.ex.tail())
        self.assertEqual({i: r["rev"] for i, r in
                          w.newest("line_item").items()}, before)
        w.start_only()
        wait_until("it ends", lambda: not w.ex.alive(), 60)
        self.assertEqual(w.ex.code, 65)
        self.assertIn("objects/line_item-0001.ndjson", w.ex.tail())
        path.write_bytes(good)
        w.start()
        w.until("it freezes", lambda: w.status()["phase"] == "frozen")
        self.assertEqual(w.status()["tail_misses"], 0)

    def test_a_restart_goes_on_where_it_stopped(self):
        w = self.reading()
        for n in range(1, 5):
            w.start_only()
            wait_until("it is at work", lambda: not w.ex.alive() or
                       sum(len(w.records(k)) for k in ("product", "company"))
                       >= n * 5, 60)
            w.ex.kill()
        w.read_whole()
        self.assert_read(w)

    def test_a_second_drop_says_what_was_merged(self):
        """As tombstones.ndjson has it; what nobody speaks of is deleted."""
        w = self.reading()
        w.read_whole()
        contacts = self.folder.records("contact")
        a, b, c, keeper = [r["id"] for r in contacts[:4]]
        self.folder.put("contact", contacts[3:])
        self.folder.file("tombstones.ndjson", "tombstone", b"".join(
            json.dumps(dict({"type": "contact", "version": 99, "updated_at":
                             "2026-03-03T00:00:00Z"}, **t)).encode() + b"\n"
            for t in ({"id": a, "op": "merge", "merged_into": keeper},
                      {"id": b, "op": "delete"})))
        self.folder.done()
        w.until("all three are gone", lambda: all(
            w.newest("contact")[i]["op"] != 1 for i in (a, b, c)))
        newest = w.newest("contact")
        self.assertEqual({i: (newest[i]["op"], newest[i]["version"])
                          for i in (a, b)}, {a: (3, 99), b: (2, 99)})
        self.assertEqual(newest[a]["merged_into"], keeper)
        self.assertEqual((newest[c]["op"], newest[c]["version"]),
                         (2, contacts[2]["version"] + 1))
        self.assertEqual(w.freeze()["tail_misses"], 0)

    def test_what_comes_back_with_a_later_drop_is_back(self):
        w = self.reading()
        w.read_whole()
        contacts = self.folder.records("contact")
        rid = contacts[0]["id"]
        for present, op in ((contacts[1:], 2), (contacts, 1)):
            self.folder.put("contact", present)
            self.folder.done()
            w.until("it is read",
                    lambda: w.newest("contact")[rid]["op"] == op)
        self.assertEqual(json.loads(w.newest("contact")[rid]["body"]),
                         contacts[0])
        self.assertEqual(w.freeze()["tail_misses"], 0)

    def stampless(self, records):
        return [{k: v for k, v in r.items() if k != "updated_at"}
                for r in records]

    def bodies(self, w, kind):
        return {i: json.loads(r["body"]) for i, r in w.newest(kind).items()
                if r["op"] == 1}

    def test_without_a_stamp_a_record_is_as_old_as_its_first_drop(self):
        deals = self.stampless(self.folder.records("deal"))
        self.folder.put("deal", deals)
        w = self.reading()
        w.conf["source.until"] = "2026-03-03T00:00:00Z"  # the drop is older
        w.read_whole()
        first = w.records("deal")
        self.assertEqual(set(self.bodies(w, "deal")), {d["id"] for d in deals})
        # Of a later drop: one is new, one is another, the others are not.
        changed = dict(deals[3], version=deals[3]["version"] + 1, properties=
                       dict(deals[3]["properties"], name="Renamed"))
        new = dict(deals[5], id="de_new", version=1)
        later = deals[:3] + [changed] + deals[4:] + [new]
        self.folder.put("deal", later)
        self.folder.manifest["produced_at"] = "2026-03-04T00:00:00Z"
        self.folder.done()
        for again in (False, True):
            if again:
                w.ex.kill()
                w.start()
                w.snapshot_done()
            w.until("two are beyond the end date", lambda: w.status()[
                "objects"]["deal"]["clamped"] == 2)
            w.drained()
            self.assertEqual(len(w.records("deal")), len(first) + 1)
            self.assertEqual(w.newest("deal")["de_new"]["op"], 5)
            self.assertEqual(self.bodies(w, "deal"),
                             {d["id"]: d for d in deals})
        self.assertEqual(w.freeze()["tail_misses"], 0)
        self.assertEqual(w.status()["objects"]["deal"]["clamped"], 2)
        self.assertEqual(len(w.records("deal")), len(first) + 1)

    def test_a_whole_drop_beyond_the_end_date_is_cut_off(self):
        deals = self.stampless(self.folder.records("deal"))
        self.folder.put("deal", deals)
        w = self.reading()
        w.conf["source.until"] = self.folder.manifest["produced_at"]
        w.read_whole()
        self.assertEqual(self.bodies(w, "deal"), {})
        self.assertEqual(w.status()["objects"]["deal"]["clamped"], len(deals))

    def test_events_without_a_stamp_come_with_their_drop(self):
        def event(n):
            return {"id": "ev_%03d" % n, "type": "click", "occurred_at":
                    "2026-01-01T00:00:00Z", "subject": {}, "data": {}}

        def put(events):
            self.folder.write("events/events-0001.ndjson", b"".join(
                json.dumps(e).encode() + b"\n" for e in events))

        put([event(n) for n in range(5, 500)])  # three pages
        w = self.reading()
        w.read_whole()
        put([event(n) for n in range(500)])
        self.folder.manifest["produced_at"] = "2026-03-04T00:00:00Z"
        self.folder.done()
        w.until("the new ones are there", lambda: len(
            w.records("event")) == 500)
        self.assertEqual(w.freeze()["tail_misses"], 0)
        self.assertEqual(len(w.records("event")), 500)

    def test_what_a_restart_finds_merged_is_merged(self):
        w = self.reading()
        w.read_whole()
        self.assertEqual(w.ex.stop(), 0)
        contacts = self.folder.records("contact")
        gone, keeper = contacts[0]["id"], contacts[1]["id"]
        self.folder.put("contact", contacts[1:])
        self.folder.file("tombstones.ndjson", "tombstone", json.dumps({
            "type": "contact", "id": gone, "op": "merge", "version": 99,
            "merged_into": keeper}).encode() + b"\n")
        self.folder.done()
        w.start()
        w.until("it is merged", lambda: w.newest("contact")[gone]["op"] == 3)
        self.assertEqual(w.newest("contact")[gone]["merged_into"], keeper)

    def test_more_may_be_gone_than_a_page_holds(self):
        """A person said so: then all of them are, page by page."""
        notes = self.folder.records("note")
        many = [dict(notes[0], id="n_%04d" % i) for i in range(650)]
        self.folder.put("note", notes + many)
        w = self.reading()
        w.read_whole()
        self.folder.put("note", notes)
        self.folder.done()
        w.until("it asks", lambda: w.status()["asks"])
        w.feed({"phase": "run", "seq": 1, "lanes": [], "approvals": [
            q["id"] for q in w.status()["asks"]]})
        w.until("all are gone", lambda: len([
            r for r in w.newest("note").values() if r["op"] == 2]) == 650)
        self.assertEqual(w.status()["halted"], "")
        self.assertEqual(w.status()["asks"], [])
        self.assertEqual(w.status()["phase"], "tail")

    def test_a_drop_that_is_put_right_ends_the_halt(self):
        w = self.reading()
        w.read_whole()
        tasks = self.folder.records("task")
        self.folder.put("task", tasks)
        self.folder.put("task", [])
        self.folder.done()
        w.until("it says so", lambda: w.status()["halted"])
        self.folder.put("task", tasks)
        self.folder.done()
        w.until("it goes on", lambda: not w.status()["halted"])
        self.assertEqual(w.status()["asks"], [])

    # ---- what cannot be read is not gone ----

    BROKEN = b'{"type":"note","id":"n_broken","version":2,"properties":{"a\n'

    def unreadable_folder(self):
        """Raw lines with an id and without, and poison that has no line."""
        self.folder.file("objects/note-raw-0001.ndjson", "note",
                         self.BROKEN + b"nobody knows which\n", raw=True)
        self.folder.poison("contact", ["ct_ghost"])
        return {("contact", "ct_bad"), ("contact", "ct_ghost"),
                ("note", "n_broken")}

    def assert_rejected_only(self, w, ids):
        """Each stands in `rejected`, once, and nowhere is it told as gone."""
        for kind in w.kinds:
            self.assertEqual([r["id"] for r in w.records(kind)
                              if r["op"] != 1], [], kind)
        told = [(r["object"], r["id"]) for r in w.dump("rejected")]
        self.assertEqual(len(told), len(set(told)), told)
        named = {t for t in told if not t[1].startswith("(no id)")}
        self.assertEqual(named, ids | {t for t in named if t[0] == "event"})
        self.assertEqual(len([t for t in told if t[0] == "note"]), 2)

    def test_what_cannot_be_read_is_not_taken_for_gone(self):
        ids = self.unreadable_folder()
        w = self.alone()
        w.read_whole()
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_rejected_only(w, ids)

    def test_what_a_second_drop_cannot_read_is_not_gone(self):
        """Lines that are broken still, and one that was none before."""
        ids = self.unreadable_folder()
        w = self.alone()
        w.read_whole()
        contacts = self.folder.records("contact")
        broken, changed = contacts[0], contacts[1]
        changed["version"] += 1
        self.folder.put("contact", contacts[1:])
        name = "objects/contact-0001.ndjson"
        self.folder.write(name, self.folder.read(name) +
                          json.dumps(broken).encode()[:-9] + b"\n")
        self.folder.done()
        w.until("the delta is there", lambda: w.newest("contact")[
            changed["id"]]["version"] == changed["version"])
        w.drained()
        ids.add(("contact", broken["id"]))
        self.assert_rejected_only(w, ids)
        self.assertEqual(w.freeze()["tail_misses"], 0)
        self.assert_rejected_only(w, ids)

    def test_a_broken_line_that_a_later_drop_has_not_is_gone(self):
        self.unreadable_folder()
        w = self.alone()
        w.read_whole()
        del self.folder.files["objects/note-raw-0001.ndjson"]
        notes = self.folder.records("note")
        notes[0]["version"] += 1
        self.folder.put("note", notes)
        self.folder.done()
        w.until("the delta is there", lambda: w.newest("note")[
            notes[0]["id"]]["version"] == notes[0]["version"])
        w.freeze()
        self.assertEqual({r["id"] for k in w.kinds for r in w.records(k)
                          if r["op"] == 2}, {"n_broken"})

    # ---- links ----

    def unlink(self, keep=()):
        for name in [n for n in self.folder.files
                     if n.startswith("associations/") and n not in keep]:
            del self.folder.files[name]

    def test_a_folder_without_links_asks(self):
        self.unlink()
        w = self.alone()
        w.start_only()
        w.until("it asks", lambda: w.status().get("asks"))
        status = w.status()
        self.assertIn("no file of associations", status["halted"])
        self.assertTrue(any(f.startswith("contact/company: there is no file")
                            for f in status["findings"]), status["findings"])
        self.assertEqual(w.records("contact"), [])
        check = [r["json"] for r in w.dump("catalog", 1)
                 if r["name"] == "profile_check"][-1]
        self.assertIn("contact/company", [c["object"]
                                          for c in check["checks"]])
        self.assertIn("extractor.folder", w.ex.tail(80))
        w.feed({"phase": "run", "seq": 1, "lanes": [], "approvals": [
            q["id"] for q in status["asks"]]})
        w.snapshot_done()
        self.assertEqual(w.status()["halted"], "")
        self.assertEqual({len(r["associations"])
                          for r in w.newest("contact").values()}, {0})

    def test_a_pair_that_lacks_is_told(self):
        self.unlink(keep=["associations/contact_company.csv"])
        w = self.alone()
        w.read_whole()
        told = w.status()["findings"]
        self.assertFalse(any(f.startswith("contact/") for f in told), told)
        self.assertTrue(any(f.startswith("deal/company: ") for f in told),
                        told)

    def test_a_drop_that_lost_its_links_unlinks_nothing(self):
        w = self.reading()
        w.read_whole()
        before = len(w.records("contact"))
        self.unlink(keep=["associations/deal_company.csv"])
        self.folder.done()
        w.until("it asks", lambda: w.status()["asks"])
        self.assertEqual(len(w.records("contact")), before)
        w.feed({"phase": "run", "seq": 1, "lanes": [], "approvals": [
            q["id"] for q in w.status()["asks"]]})
        w.until("it goes on", lambda: len(w.records("contact")) > before)

    # ---- what is refused ----

    def bomb(self, line=b"\n", name="objects/task-0001.ndjson.gz", **more):
        """A text of 66 MiB that was 70 KiB."""
        data = gzip.compress(line * ((66 << 20) // len(line)))
        self.folder.files.pop("objects/task-0001.ndjson", None)
        self.folder.file(name, "task", b"", compression="gzip", **more)
        self.folder.write(name, data)
        self.folder.files[name]["rows"] = 10 ** 9

    def test_a_bomb_is_refused(self):
        self.bomb()
        text = self.refusal(self.folder.done())
        self.assertIn("objects/task-0001.ndjson.gz: it unpacks to more", text)
        self.assertIn("source.unpack_ratio", text)
        del self.folder.files["objects/task-0001.ndjson.gz"]
        self.bomb(b"id,name\n", "objects/task-0001.csv.gz", format="csv")
        self.assertIn("source.unpack_ratio",
                      self.refusal(self.folder.done()))

    def test_a_bomb_may_be_let_in(self):
        self.bomb()
        self.folder.files["objects/task-0001.ndjson.gz"]["rows"] = 0
        w = self.alone()
        w.conf["source.unpack_ratio"] = 2000
        w.read_whole()
        self.assertEqual(w.newest("task"), {})

    def test_a_bomb_in_a_second_drop_changes_nothing(self):
        w = self.reading()
        w.read_whole()
        before = w.peak_kib()
        self.bomb()
        self.folder.done()
        w.until("it says so",
                lambda: "unpack_ratio" in w.status()["halted"])
        self.assertLess(w.peak_kib(), before + 60000)
        self.assertEqual({r["op"] for r in w.newest("task").values()}, {1})

    def test_fields_that_a_spreadsheet_changed_are_told(self):
        records = self.folder.records("company")
        records[0]["properties"]["phone"] = "3.56213E+11"
        self.as_csv_file("company", as_csv(records).encode(), len(records))
        w = self.alone()
        w.read_whole()
        told = [r for (kind, _), r in self.rejected(w).items()
                if kind == "company"]
        self.assertEqual([(r["id"], r["field"], r["partial"]) for r in told],
                         [(records[0]["id"], "phone", True)])
        self.assertIn("spreadsheet", told[0]["reason"])
        self.assertEqual(len(w.newest("company")), len(records))

    def refusal(self, path):
        w = self.world(SOURCE, bench=self.bench)
        w.conf["source.url"] = "folder:%s" % path
        w.start_only()
        wait_until("it ends", lambda: not w.ex.alive(), 30)
        self.assertEqual(w.ex.code, 65, w.ex.tail())
        return w.ex.tail()

    def test_a_folder_that_does_not_fit_its_manifest_is_refused_by_name(self):
        name = "objects/task-0001.ndjson"
        entry = dict(self.folder.files[name])
        for change, said in (({"sha256": "0" * 64}, "SHA-256"),
                             ({"bytes": 1}, "size"), ({"rows": 1}, "rows")):
            with self.subTest(said):
                self.folder.files[name] = dict(entry, **change)
                text = self.refusal(self.folder.done())
                self.assertIn(name, text)
                self.assertIn(said, text)
        self.folder.files[name] = entry
        (self.folder.path / name).unlink()
        self.assertIn(name, self.refusal(self.folder.done()))

    def limited(self, soft, hard):
        """The extractor may have so many files open."""
        run = self.bench.run

        def limited(name, argv, env=None):
            if name.startswith("extractor"):
                argv = ["prlimit", "--nofile=%d:%d" % (soft, hard)] + argv
            return run(name, argv, env)
        self.bench.run = limited

    def many_files(self, n):
        records = self.folder.records("contact")
        for i in range(n):
            r = dict(records[i % len(records)], id="x%05d" % i)
            self.folder.file("objects/contact-%04d.ndjson" % (i + 1),
                             "contact", json.dumps(r).encode() + b"\n")

    def test_more_files_than_the_usual_limit_are_read(self):
        self.many_files(1100)
        self.limited(1024, 8192)
        w = self.alone()
        w.read_whole()
        self.assertEqual(len(w.newest("contact")), 1100)

    def test_more_files_than_may_be_open_are_told_with_the_cure(self):
        self.many_files(300)
        self.limited(200, 200)
        text = self.refusal(self.folder.done())
        self.assertIn("LimitNOFILE", text)
        self.assertNotIn("export the folder again", text)

    def test_a_column_that_nobody_knows_is_not_guessed(self):
        records = self.folder.records("company")
        self.as_csv_file("company", as_csv(records, heads={
            "name": "Firmenname"}).encode(), len(records))
        text = self.refusal(self.folder.done())
        self.assertIn("company-0001.csv", text)
        self.assertIn("Firmenname", text)

    def test_without_a_manifest_one_is_proposed(self):
        path = self.folder.done()
        (path / "manifest.json").unlink()
        text = self.refusal(path)
        self.assertIn("manifest.proposed.json", text)
        proposed = json.loads((path / "manifest.proposed.json").read_text())
        of = {f["path"]: f for f in proposed["files"]}
        name = "objects/task-0001.ndjson"
        self.assertEqual({k: of[name][k] for k in
                          ("object", "format", "rows", "bytes", "sha256")},
                         {k: self.folder.files[name][k] for k in
                          ("object", "format", "rows", "bytes", "sha256")})
        name = "associations/co_parcel_contact.csv"
        self.assertEqual({k: of[name][k] for k in ("object", "from", "to")},
                         {"object": "association", "from": "co_parcel",
                          "to": "contact"})
        self.assertEqual(of["events/events-0001.ndjson"]["object"], "event")
        proposed["produced_at"] = "2026-03-02T08:00:00Z"
        proposed["account"] = self.folder.manifest["account"]
        for f in proposed["files"]:
            f["raw"] = "-raw-" in f["path"]
        (path / "manifest.json").write_text(json.dumps(proposed))
        w = self.world(SOURCE, bench=self.bench)
        w.conf["source.url"] = "folder:%s" % path
        w.read_whole()
        self.assert_is_truth(w)


if __name__ == "__main__":
    unittest.main(verbosity=2)
