#!/usr/bin/env python3
"""The snapshot by bulk export (source contract 4.10): what lies in Kafka at
the end is what the CRM holds, whatever happens to jobs and parts."""
import json
import unittest

from extractor_world import Bench, Case, SOURCE, ndjson, wait_until
from source_folder import SourceFolder


class Export(Case):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)

    def exporting(self, *knobs, prepare=None):
        folder = SourceFolder(SOURCE, self.bench.folder / "source")
        folder.manifest["account"]["capabilities"]["bulk_export"] = True
        if prepare:
            prepare(folder)
        more = [x for k in knobs for x in ("--knob", k)]
        w = self.world(folder.done(), ["--clock-scale", "100"] + more,
                       self.bench)
        w.conf["tail.poll_ms"] = 20
        return w

    def jobs(self, w):
        return ndjson(w.sim.admin, "/sim/exports")

    def lists(self, w):
        return [r["path"] for r in w.journal()
                if r["path"].startswith("/v1/objects/") and
                r["path"].count("/") == 3 and
                not r["query"].endswith("limit=1")]  # may it be read?

    def assert_exported(self, w, jobs=1):
        """All by export, each object by so many jobs, and all of it."""
        self.assert_all(w)
        self.assert_events(w)
        self.assert_markers_count(w, w.kinds + ["line_item", "event"])
        by = {}
        for j in self.jobs(w):
            by.setdefault(j["object"], []).append(j["id"])
        self.assertEqual({k: len(v) for k, v in by.items()},
                         {k: jobs for k in w.kinds})
        self.assertEqual(self.lists(w), [])
        self.assertEqual(w.sim.get("/sim/stats")["token_leaks"], 0)

    def test_the_snapshot_is_exported_and_the_tail_goes_on(self):
        w = self.exporting("export_part_rows=7")
        w.read_whole()
        self.assert_exported(w)
        rejected = self.rejected(w)
        self.assertEqual(list(rejected), [("contact", "ct_bad")])
        bad = rejected["contact", "ct_bad"]
        raw = (SOURCE / "objects/contact-raw-0001.ndjson").read_bytes()
        self.assertRegex(bad["reason"],
                         r"^part \d+, offset \d+, length %d: " % len(raw))
        w.play_changes()
        w.drained()
        status = w.freeze()
        self.assertEqual((status["phase"], status["tail_misses"]),
                         ("frozen", 0))
        self.assert_all(w)

    def test_never_means_never(self):
        w = self.exporting()
        w.conf["source.bulk_export"] = "never"
        w.read_whole()
        self.assertEqual(self.jobs(w), [])
        self.assert_is_truth(w)

    def test_a_part_that_is_not_as_announced_is_exported_again(self):
        for how in ("hash", "truncated", "rows", "crc"):
            with self.subTest(how):
                self.setUp()
                w = self.exporting("export_break=" + how,
                                   "export_break_jobs=1")
                w.read_whole()
                jobs = self.jobs(w)
                self.assertEqual([j["object"] for j in jobs[:2]],
                                 ["product", "product"])
                self.assertEqual(len(jobs), len(w.kinds) + 1)
                self.assertEqual(self.lists(w), [])
                self.assert_all(w)

    def test_a_job_that_fails_is_asked_for_again(self):
        w = self.exporting("export_break=failed", "export_break_jobs=2")
        w.read_whole()
        self.assertEqual([j["status"] for j in self.jobs(w)[:3]],
                         ["failed", "failed", "complete"])
        self.assert_all(w)

    def test_when_every_job_is_bad_the_lists_are_read(self):
        w = self.exporting("export_break=hash", "export_break_jobs=999")
        w.read_whole()
        self.assertEqual({k: sum(j["object"] == k for j in self.jobs(w))
                          for k in w.kinds}, {k: 3 for k in w.kinds})
        self.assertTrue(self.lists(w))
        self.assert_all(w)

    def test_a_job_that_expires_is_asked_for_again(self):
        w = self.exporting()
        w.sim.post("/sim/faults", [{
            "name": "f", "match": {"path": "^/v1/exports/"}, "after": 2,
            "action": {"expire": "job"}}])
        w.read_whole()
        self.assertIn("expired", [j["status"] for j in self.jobs(w)])
        self.assertEqual(self.lists(w), [])
        self.assert_all(w)

    def test_addresses_run_out_and_downloads_break(self):
        w = self.exporting("export_part_rows=7")
        w.sim.post("/sim/faults", [
            {"name": n, "match": {"path": "^/exports/"}, "after": 2 * i,
             "action": a} for i, (n, a) in enumerate((
                 ("expired", {"expire": "download"}),
                 ("cut", {"close": "mid"}), ("reset", {"close": "before"}),
                 ("busy", {"status": 503}),
                 ("lie", {"garble": "content_length"})))])
        w.read_whole()
        self.assertEqual({r["fault"] for r in w.journal() if r["fault"]},
                         {"expired", "cut", "reset", "busy", "lie"})
        self.assert_exported(w)

    def test_a_body_without_end_is_cut_at_what_was_announced(self):
        w = self.exporting()
        w.sim.post("/sim/faults", [{
            "name": "endless", "match": {"path": "^/exports/"},
            "action": {"garble": "endless"}}])
        w.read_whole()
        self.assert_exported(w)
        self.assertLess(w.peak_kib(), 200 << 10)

    def test_a_redirect_is_not_followed(self):
        w = self.exporting()
        w.sim.post("/sim/faults", [{
            "name": "elsewhere", "match": {"path": "^/exports/"}, "times": 2,
            "action": {"redirect": "http://127.0.0.1:%d/v1/elsewhere" %
                       w.sim.api}}])
        w.read_whole()
        paths = [r["path"] for r in w.journal() if r["fault"]]
        self.assertEqual(len(paths), 2)
        self.assertNotIn("/v1/elsewhere", [r["path"] for r in w.journal()])
        self.assert_exported(w)

    def test_a_row_of_two_parts_is_there_once_in_its_newest_version(self):
        w = self.exporting("export_part_rows=5", "export_repeat_rows=2")
        w.read_whole()
        self.assert_exported(w)

    def test_a_restart_starts_no_second_job(self):
        w = self.exporting("export_part_rows=5", "export_queue_ms=20000",
                           "export_part_ms=2000")
        seen = set()

        def work():
            stats = w.sim.get("/sim/stats")
            return stats["downloads"] + sum(
                n for call, n in stats["calls_by"].items() if "exports" in call)

        for n in range(1, 8):
            before = work()
            w.start_only()
            wait_until("it is at work", lambda: not w.ex.alive() or
                       work() >= before + n, 30)
            w.ex.kill()
            seen |= {j["object"] for j in self.jobs(w)}
        w.start()
        w.snapshot_done()
        self.assertGreater(len(seen), 1)
        self.assert_all(w)
        jobs = [(j["object"], j["id"]) for j in self.jobs(w)]
        cursors = {r["name"]: r["json"]["export"]["job"]
                   for r in w.dump("cursor", 1) if "export" in r["json"]}
        # A kill between a request and its answer leaves the lists.
        lists = {path.rsplit("/", 1)[1] for path in self.lists(w)}
        self.assertEqual(len(jobs), len(dict(jobs)))
        self.assertEqual({k: v for k, v in jobs if k not in lists},
                         {k: v for k, v in cursors.items() if v})
        self.assertEqual(set(w.kinds) - lists, {k for k in cursors
                                                if cursors[k]})

    def asked(self, w):
        """How often a job was asked for, each way it ended."""
        return sum(r["method"] == "POST" and r["path"] == "/v1/exports"
                   for r in w.journal())

    def assert_no_second_job(self, w):
        """The job whose id nobody knows stays alone; its object came by
        lists."""
        by = [j["object"] for j in self.jobs(w)]
        self.assertEqual(sorted(by), sorted(w.kinds))
        self.assertEqual(self.asked(w), len(w.kinds))
        self.assertEqual({path.rsplit("/", 1)[1] for path in self.lists(w)},
                         {by[0]})
        self.assert_all(w)

    def test_killed_before_the_answer_with_the_id(self):
        w = self.exporting("export_part_rows=7")
        w.sim.post("/sim/faults", [{
            "name": "slow", "match": {"path": "^/v1/exports$"},
            "action": {"bytes_per_s": 1}}])
        w.start_only()
        wait_until("a job is asked for", lambda: self.jobs(w), 30)
        w.ex.kill()
        w.start()
        w.snapshot_done()
        self.assert_no_second_job(w)

    def test_an_answer_that_is_lost_is_not_asked_for_again(self):
        for how in ({"close": "after"}, {"close": "mid"}, {"truncate": 9}):
            with self.subTest(how):
                self.setUp()
                w = self.exporting("export_part_rows=7")
                w.sim.post("/sim/faults", [{
                    "name": "lost", "match": {"path": "^/v1/exports$"},
                    "action": how}])
                w.read_whole()
                self.assert_no_second_job(w)

    def test_a_redirect_may_be_a_job_and_is_not_asked_for_again(self):
        w = self.exporting("export_part_rows=7")
        w.sim.post("/sim/faults", [{
            "name": "see", "match": {"path": "^/v1/exports$"}, "times": 2,
            "action": {"redirect": "http://127.0.0.1:%d/v1/exports/x_1" %
                       w.sim.api}}])
        w.read_whole()
        self.assertEqual(self.asked(w), len(w.kinds))
        self.assertEqual(sorted(j["object"] for j in self.jobs(w)),
                         sorted(w.kinds))
        self.assertEqual(len({p.rsplit("/", 1)[1] for p in self.lists(w)}), 2)
        self.assert_all(w)

    def test_a_refusal_is_no_job_and_is_asked_for_again(self):
        w = self.exporting("export_part_rows=7")
        w.sim.post("/sim/faults", [{
            "name": "busy", "match": {"path": "^/v1/exports$"}, "times": 2,
            "action": {"status": 429, "retry_after": "1"}}])
        w.read_whole()
        self.assertEqual(self.asked(w), len(w.kinds) + 2)
        self.assert_exported(w)

    def test_an_end_date_is_a_clamp_whose_rows_are_counted(self):
        for mode in ("auto", "never"):
            with self.subTest(mode):
                self.setUp()
                w = self.exporting()
                stamps = sorted(r["updated_at"] for k in ("deal", "contact")
                                for r in w.sim.records(k))
                until = stamps[len(stamps) // 2]
                w.conf.update({"source.until": until,
                               "source.bulk_export": mode})
                w.read_whole()
                self.assert_clamped(w, until)
                w.ex.kill()
                w.start()
                w.snapshot_done()
                self.assert_clamped(w, until)
                self.assertEqual(w.freeze()["tail_misses"], 0)
                self.assert_clamped(w, until)

    def test_what_was_sent_before_the_end_date_stays_as_it_was(self):
        w = self.exporting()
        w.conf["source.until"] = "2026-03-04T00:00:00Z"
        w.read_whole()
        deal = w.sim.records("deal")[0]
        rid = deal["id"]
        sent = w.newest("deal")[rid]
        w.fast()
        wait_until("the end date is past", lambda: w.sim.get("/sim/clock")[
            "now_ms"] > 1772582400000, 30)
        for name in ("Renamed", "Renamed again"):
            w.edit("deal", dict(deal, properties=dict(deal["properties"],
                                                      name=name)))
            w.drained()
            self.assertEqual(w.newest("deal")[rid], sent)
        w.until("it is counted once", lambda: w.status()["objects"]["deal"][
            "clamped"] == 1)

    def assert_clamped(self, w, until):
        objects = w.status()["objects"]
        for kind in ("deal", "contact"):
            truth = {r["id"]: r for r in w.sim.records(kind)}
            beyond = {i for i, r in truth.items() if r["updated_at"] >= until}
            self.assertTrue(0 < len(beyond) < len(truth))
            newest = w.newest(kind)
            self.assertEqual(set(newest), set(truth))
            self.assertEqual({i for i, r in newest.items() if r["op"] != 1},
                             beyond)
            self.assertEqual({r["body"] for i, r in newest.items()
                              if i in beyond}, {""})
            self.assertEqual(objects[kind]["clamped"], len(beyond))

    def test_lines_that_are_no_records_are_kept_with_their_place(self):
        raw = [b'{"type":"task","id":"ta_cut","version":1,"upda',
               b'{"type":"task","id":"ta_nul","version":1,"x":"\0"}',
               b'{"type":"task","id":"ta_two","version":1}{"a":1}',
               b'{"type":"task","id":"ta_byte","version":1,"x":"\xff"}']

        def prepare(folder):
            folder.file("objects/task-raw-0001.ndjson", "task",
                        b"\n".join(raw) + b"\n", raw=True)

        w = self.exporting(prepare=prepare)
        w.read_whole()
        rejected = self.rejected(w)
        for line in raw:
            rid = json.loads(line.split(b",")[1].split(b":")[1])
            r = rejected["task", rid]
            self.assertRegex(r["reason"], r"part 1, offset \d+, length %d: "
                             % (len(line) + 1))
        self.assert_is_truth(w)


if __name__ == "__main__":
    unittest.main(verbosity=2)
