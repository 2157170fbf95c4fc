#!/usr/bin/env python3
"""What an export folder is read from and cannot be: told as what it is, and
never taken as if it were not there."""
import os
import subprocess
import unittest

from extractor_world import Bench, Case, SOURCE
from source_folder import SourceFolder

OK, REFUSED = 0, 65


class Parts(unittest.TestCase):
    """By --profile-check, which needs no broker."""

    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        self.folder = SourceFolder(SOURCE, self.bench.folder / "source")

    def check(self):
        conf = self.bench.folder / "check.conf"
        conf.write_text("migration = check\nkafka.brokers = 127.0.0.1:1\n"
                        "source.url = folder:%s\n" % self.folder.done())
        p = subprocess.run(
            [str(self.bench.bin("drover-extractor")), "--config", str(conf),
             "--profile-check"], capture_output=True, timeout=60, text=True)
        return p.returncode, p.stderr

    def test_a_damaged_part_is_refused_by_name(self):
        self.assertEqual(self.check()[0], OK)
        for name, bad, said in (
                ("currencies.json", "{", "byte 1"),
                ("automation.json", '{"workflows":', "byte 13"),
                ("owners.json", "{}", "results"),
                ("pipelines.json", "[]", "is no object")):
            with self.subTest(name):
                path = self.folder.path / name
                good = path.read_text()
                path.write_text(bad)
                code, text = self.check()
                self.assertEqual(code, REFUSED, text)
                self.assertIn(name + ": ", text)
                self.assertIn(said, text)
                self.assertIn("export the folder again", text)
                path.write_text(good)
        for name in ("currencies.json", "automation.json"):
            (self.folder.path / name).unlink()
        self.assertEqual(self.check()[0], OK)

    def test_a_pipe_does_not_hold_the_start_up(self):
        path = self.folder.path / "objects" / "task-0001.ndjson"
        path.unlink()
        os.mkfifo(path)
        code, text = self.check()
        self.assertEqual(code, REFUSED, text)
        self.assertIn("objects/task-0001.ndjson: it is a folder, a pipe", text)

    def test_a_word_that_nobody_knows_is_refused_with_those_that_are(self):
        self.folder.files["objects/task-0001.ndjson"]["compression"] = "zip"
        code, text = self.check()
        self.assertEqual(code, REFUSED, text)
        self.assertIn("objects/task-0001.ndjson: its compression is", text)
        self.assertIn("none, gzip", text)


class Bytes(Case):
    def test_bytes_that_cannot_be_read_are_tried_again(self):
        """Neither missing nor of another size: once the disk gives them, they
        are stored."""
        bench = Bench()
        self.addCleanup(bench.close)
        folder = SourceFolder(SOURCE, bench.folder / "source")
        folder.attachments([("f_1", {}, b"twelve bytes"),
                            ("f_bad", {}, b"bytes of a bad disk"),
                            ("f_pipe", {}, b"no file at all")])
        files = folder.path / "files"
        (files / "f_bad").unlink()
        (files / "f_bad").symlink_to("/proc/self/mem")  # reads give EIO
        (files / "f_pipe").unlink()
        os.mkfifo(files / "f_pipe")
        w = self.world(folder.done(), bench=bench)
        w.conf["source.url"] = "folder:%s" % folder.path
        w.read_whole()
        w.feed({"phase": "run", "seq": 1, "lanes": [], "file_limit": 1 << 20})

        def files_of():
            return w.status()["files"]
        w.until("one is stored, two are tried again", lambda: files_of()[
            "stored"] == 1 and files_of()["failing"] == 2)
        self.assertEqual(files_of()["broken"], 0)
        for name, why in (("f_bad", "it cannot be read (Input/output error)"),
                          ("f_pipe", "it is a folder, a pipe")):
            w.ex.logged("files/%s: %s" % (name, why))
        for name, data in (("f_bad", b"bytes of a bad disk"),
                           ("f_pipe", b"no file at all")):
            (files / (name + ".new")).write_bytes(data)
            (files / (name + ".new")).replace(files / name)
        w.until("all are stored", lambda: files_of()["stored"] == 3)
        self.assertEqual(files_of()["broken"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
