#!/usr/bin/env python3
"""The bytes of attachments, met by the real extractor beside a real broker:
what lies in `files` is what FastTrack holds, and each record says where."""
import hashlib
import json
import unittest

from extractor_world import Bench, Case, SOURCE, UPSERT, wait_until
from source_folder import SourceFolder

LIMIT = 4 << 20
BIG = 3000017
STORED, HASH, SIZE, MISSING, QUARANTINED, REFUSED = range(1, 7)
FILES = "^/files/"


def pattern(n):
    return (bytes(i % 251 for i in range(251)) * (n // 251 + 1))[:n]


class Files(Case):
    def folder(self, more=()):
        bench = Bench()
        self.addCleanup(bench.close)
        f = SourceFolder(SOURCE, bench.folder / "source")
        f.attachments([
            ("f_1", {}, b"twelve bytes"),
            ("f_empty", {}, b""),
            ("f_short", {"size": "99"}, b"not 99 bytes"),
            ("f_long", {"size": "5"}, b"more than five bytes"),
            ("f_wrong", {"sha256": "0" * 64}, b"another hash"),
            ("f_nohash", {"sha256": None}, b"no hash is said"),
            ("f_ghost", {"size": "7"}, None),
            ("f_held", {"status": "quarantined"}, b"a virus"),
            ("f_lost", {"status": "missing"}, b"x"),
            ("f_big", {"size": str(BIG), "sha256": hashlib.sha256(
                pattern(BIG)).hexdigest()}, "pattern251"),
            ("f_over", {"size": str(LIMIT + 1)}, "pattern251"),
        ] + list(more))
        return f.done(), bench

    def world_of_files(self, more=()):
        source, bench = self.folder(more)
        w = self.world(source, bench=bench)
        w.read_whole()
        return w

    def approve(self, w, limit=LIMIT):
        w.feed({"phase": "run", "seq": 1, "lanes": [], "file_limit": limit})

    def fetched(self, w):
        """It is said, and sent: the last records come after it is said. What
        is larger than the limit is not fetched."""
        def sent():
            return all(
                "blob" in r for r in w.newest("attachment").values()
                if r["op"] == UPSERT and int(json.loads(r["body"])[
                    "properties"]["size"]) <= LIMIT)

        def there():
            files = w.status().get("files")  # none yet after a restart
            return files and files["limit"] and files["pending"] == 0 \
                and sent()
        w.until("all bytes are here", there)

    def fault(self, w, times=1, after=0, path=FILES, **action):
        w.sim.post("/sim/faults", [{
            "name": "f", "match": {"path": path}, "times": times,
            "after": after, "action": action}])

    def states(self, w):
        return {rid: r.get("blob", {}).get("state", 0)
                for rid, r in w.newest("attachment").items()}

    def bytes_of(self, w, rid):
        blob = w.newest("attachment")[rid]["blob"]
        got = b"".join(
            bytes.fromhex(m["hex"]) for m in w.dump("files")
            if m["key"] == rid and m["partition"] == blob["partition"] and
            blob["first"] <= m["offset"] <= blob["last"])
        self.assertEqual(blob["sha256"], hashlib.sha256(got).hexdigest())
        self.assertEqual(blob["size"], len(got))
        return got

    def downloads(self, w, rid):
        return [r for r in w.journal() if r["path"] == "/files/" + rid]

    def assert_no_leak(self, w):
        self.assertEqual(w.sim.get("/sim/stats")["token_leaks"], 0)

    # ---- what is fetched ----

    def test_nothing_is_fetched_before_a_plan_says_so(self):
        w = self.world_of_files()
        self.assertEqual(set(self.states(w).values()), {0})
        self.assertEqual(w.dump("files"), [])
        self.assertFalse([r for r in w.journal()
                          if "download-url" in r["path"]])

    def test_each_attachment_lands_or_says_why_not(self):
        w = self.world_of_files()
        self.approve(w)
        self.fetched(w)
        self.assertEqual(self.states(w), {
            "f_1": STORED, "f_empty": STORED, "f_short": SIZE, "f_long": SIZE,
            "f_wrong": HASH, "f_nohash": STORED, "f_ghost": MISSING,
            "f_held": QUARANTINED, "f_lost": MISSING, "f_big": STORED,
            "f_over": 0})
        self.assertEqual(self.bytes_of(w, "f_1"), b"twelve bytes")
        self.assertEqual(self.bytes_of(w, "f_nohash"), b"no hash is said")
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))
        self.assertEqual(self.downloads(w, "f_over"), [])
        self.assertEqual(self.downloads(w, "f_empty"), [])
        self.assert_no_leak(w)
        chunks = [len(m["hex"]) // 2 for m in w.dump("files")]
        self.assertLessEqual(max(chunks), 512 << 10)
        for r in w.records("attachment"):  # the record once more, no more
            self.assertEqual(r["version"], 1)
        self.assertEqual(len(w.records("attachment")), 2 * 11 - 1)
        read = w.status()["objects"]["attachment"]
        self.assertEqual((read["read"], read["expected"]), (11, 11))
        self.assertLessEqual(w.peak_kib(), 64 << 10)

    def test_nothing_is_fetched_twice(self):
        w = self.world_of_files()
        self.approve(w)
        self.fetched(w)
        self.assertEqual(w.ex.stop(), 0)
        before = len(w.journal())
        w.start()
        w.fast()
        w.drained()
        self.assertFalse([r for r in w.journal()[before:]
                          if "/files/" in r["path"]])
        self.assertEqual(len(w.records("attachment")), 2 * 11 - 1)

    def test_a_kill_in_mid_fetch_loses_and_doubles_nothing(self):
        w = self.world_of_files()
        self.fault(w, times=-1, bytes_per_s=1 << 20)
        self.approve(w)
        for n in (1, 2):
            wait_until("a fetch is under way", lambda: len(
                self.downloads(w, "f_big")) >= n, 30, 0.01)
            w.ex.kill()
            w.start()
        w.sim.post("/sim/faults", [])
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))
        self.assertEqual(self.bytes_of(w, "f_1"), b"twelve bytes")
        stored = [r for r in w.records("attachment")
                  if r.get("blob") and r["id"] == "f_big"]
        self.assertEqual(len(stored), 1)

    def test_what_was_given_up_moves_no_other_file(self):
        """Its last chunks are acknowledged when the next one is under way."""
        w = self.world_of_files(
            [("g_big", {"size": str(BIG), "sha256": "0" * 64}, "pattern251")] +
            [("h_%02d" % i, {}, b"a small file: %d" % i) for i in range(24)])
        self.approve(w)
        self.fetched(w)
        for i in range(24):
            self.assertEqual(self.bytes_of(w, "h_%02d" % i),
                             b"a small file: %d" % i)
            blob = w.newest("attachment")["h_%02d" % i]["blob"]
            self.assertEqual(blob["first"], blob["last"])
        self.assertEqual(self.states(w)["g_big"], HASH)

    # ---- the tail ----

    def test_new_and_changed_ones_come_in_the_tail(self):
        w = self.world_of_files()
        self.approve(w)
        self.fetched(w)
        w.fast()
        record = next(r for r in w.sim.records("attachment")
                      if r["id"] == "f_nohash")
        w.edit("attachment", dict(record, id="f_new", properties=dict(
            record["properties"], size="600")))
        named = next(r for r in w.sim.records("attachment")
                     if r["id"] == "f_1")
        w.edit("attachment", dict(named, properties=dict(
            named["properties"], file_name="renamed.txt")))
        w.drained()
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_new"), pattern(600))
        self.assertEqual(self.bytes_of(w, "f_1"), b"twelve bytes")
        self.assertEqual(len(self.downloads(w, "f_1")), 1)
        self.assertEqual(w.newest("attachment")["f_1"]["version"], 2)
        self.assert_all(w)

    def test_the_tail_goes_on_while_a_file_is_slow(self):
        w = self.world_of_files()
        w.fast()
        self.fault(w, times=-1, bytes_per_s=100000)
        self.approve(w)
        wait_until("a fetch is under way", lambda: self.downloads(w, "f_big"),
                   30, 0.01)
        people = w.sim.records("contact")
        w.edit("contact", dict(people[0], owner_id="o_2"))
        w.drained()
        self.assertNotIn("blob", w.newest("attachment")["f_big"])
        self.assert_is_truth(w, ["contact"])
        w.sim.post("/sim/faults", [])
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))

    def test_the_freeze_waits_for_the_bytes(self):
        w = self.world_of_files()
        w.fast()
        self.fault(w, times=-1, bytes_per_s=1 << 20)
        w.feed({"phase": "freeze", "seq": 1, "lanes": [],
                "file_limit": LIMIT})
        w.until("it is frozen", lambda: w.status()["phase"] == "frozen")
        self.assertEqual(self.states(w)["f_big"], STORED)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))

    # ---- what goes wrong on the way ----

    def test_an_expired_address_is_asked_for_again(self):
        w = self.world_of_files()
        self.fault(w, times=2, path=FILES + "f_big", expire="download")
        self.approve(w)
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))
        asked = [r for r in w.journal()
                 if r["path"] == "/v1/attachments/f_big/download-url"]
        self.assertEqual(len(asked), 3)

    def test_a_cut_download_goes_on_where_it_was(self):
        w = self.world_of_files()
        self.fault(w, times=3, path=FILES + "f_big", truncate=700001)
        self.approve(w)
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))
        ranges = [r["range"] for r in self.downloads(w, "f_big")]
        self.assertIn("bytes=700001-", ranges)
        self.assertLessEqual(sum(r["bytes_out"] for r in
                                 self.downloads(w, "f_big")[3:]), BIG)

    def test_errors_of_the_download_host_are_waited_out(self):
        w = self.world_of_files()
        self.fault(w, times=3, path=FILES + "f_big", status=503)
        self.approve(w)
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))

    def test_an_outage_of_the_download_host_ends_no_file(self):
        w = self.world_of_files()
        self.fault(w, times=-1, status=503)
        self.approve(w)
        w.until("those that have bytes fail", lambda: w.status().get(
            "files", {}).get("failing") == 6)
        self.assertEqual(w.status()["files"]["stored"], 1)  # the empty one
        self.assertEqual(w.status()["files"]["failing_hosts"],
                         [{"host": "127.0.0.1", "files": 6}])
        w.sim.post("/sim/faults", [])
        self.fetched(w)
        files = w.status()["files"]
        self.assertEqual((files["failing"], files["failing_hosts"]), (0, []))
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))
        self.assertEqual(self.bytes_of(w, "f_1"), b"twelve bytes")

    def test_one_that_fails_holds_no_other_up(self):
        w = self.world_of_files()
        self.fault(w, times=-1, path=FILES + "f_1$", status=503)
        self.approve(w)
        w.until("all others are here", lambda: w.status().get(
            "files", {}).get("pending") == 1, 20)
        self.assertEqual(self.states(w)["f_1"], 0)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))
        w.sim.post("/sim/faults", [])
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_1"), b"twelve bytes")

    def test_what_waits_in_the_middle_goes_on_there(self):
        w = self.world_of_files()
        w.sim.post("/sim/faults", [
            {"name": "cut", "match": {"path": FILES + "f_big"}, "times": 1,
             "action": {"truncate": 700001}},
            {"name": "busy", "match": {"path": FILES + "f_big"}, "times": 4,
             "action": {"status": 503}}])
        self.approve(w)
        self.fetched(w)
        self.assertEqual(self.bytes_of(w, "f_big"), pattern(BIG))
        ranges = [r["range"] for r in self.downloads(w, "f_big")]
        self.assertEqual(ranges.count("bytes=700001-"), 5)

    def test_an_address_that_was_waited_for_is_used_at_once(self):
        """The round has no time left when it comes, and the next is far."""
        source, bench = self.folder()
        w = self.world(source, ["--knob", "download_ttl_ms=1500"], bench=bench)
        w.read_whole()
        w.sim.post("/sim/faults", [
            {"name": "later", "match": {"path": "/download-url$"}, "times": 2,
             "action": {"status": 429, "retry_after": "3"}},
            {"name": "slow", "match": {"path": "^/v1/account$"}, "times": -1,
             "action": {"delay_ms": 2500}}])
        self.approve(w)
        self.fetched(w)
        self.assertEqual(self.states(w)["f_big"], STORED)
        self.assertNotIn("download_expired", w.sim.get("/sim/stats")["bites"])

    def test_a_redirect_is_not_followed(self):
        w = self.world_of_files()
        self.fault(w, times=-1, path=FILES + "f_1$",
                   redirect="http://169.254.169.254/latest/meta-data")
        self.approve(w)
        self.fetched(w)
        self.assertEqual(self.states(w)["f_1"], REFUSED)
        self.assert_no_leak(w)

    def test_what_was_refused_is_asked_for_again_after_a_restart(self):
        w = self.world_of_files()
        self.fault(w, times=-1, path=FILES + "f_1$",
                   redirect="http://169.254.169.254/latest/meta-data")
        self.approve(w)
        self.fetched(w)
        sent = len(w.records("attachment"))
        self.assertEqual(w.ex.stop(), 0)
        w.start()
        self.fetched(w)
        self.assertEqual(self.states(w)["f_1"], REFUSED)
        self.assertEqual(len(self.downloads(w, "f_1")), 2)
        self.assertEqual(len(w.records("attachment")), sent)
        self.assertEqual(w.ex.stop(), 0)
        w.sim.post("/sim/faults", [])
        w.start()
        self.fetched(w)
        self.assertEqual(self.states(w)["f_1"], STORED)
        self.assertEqual(self.bytes_of(w, "f_1"), b"twelve bytes")

    def test_compressed_content_is_not_unpacked(self):
        """A bomb stays as small as it is sent: it is too long, or no match."""
        w = self.world_of_files()
        self.fault(w, times=-1, path=FILES + "f_big", garble="gzip_bomb")
        self.approve(w)
        self.fetched(w)
        self.assertIn(self.states(w)["f_big"], (SIZE, HASH))
        self.assertLessEqual(w.peak_kib(), 64 << 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
