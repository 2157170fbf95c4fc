#!/usr/bin/env python3
"""The bench itself: servers are ours, two benches do not meet, nothing is left
behind, and a test that is killed takes its servers along."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka_template  # noqa: E402
from bench import Bench, Failure, wait_until  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def running(pid):
    """Alive: neither gone nor waiting to be reaped."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class TemplateTest(unittest.TestCase):
    """Made anew, it deletes only what it wrote. The folders are this test's.
    """

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "kafka"
        self.template = self.root / "template"
        self.template.mkdir(parents=True)
        for name in ("bootstrap.checkpoint", "meta.properties"):
            (self.template / name).write_text("x")
        (self.root / "jars").mkdir()
        (self.root / "classes.jsa").write_text("x")

    def test_what_it_wrote(self):
        kafka_template.clear(self.root)
        self.assertEqual([p.name for p in self.root.iterdir()], ["jars"])
        kafka_template.clear(self.root)

    def test_what_others_wrote(self):
        mine = self.template / "mine"
        mine.write_text("mine")
        with self.assertRaises(SystemExit) as e:
            kafka_template.clear(self.root)
        self.assertIn("move away what is not Kafka's", str(e.exception))
        self.assertTrue(mine.exists())

    def test_another_folder(self):
        (self.root / "jars").rmdir()
        with self.assertRaises(SystemExit):
            kafka_template.clear(self.root)
        self.assertTrue((self.template / "meta.properties").exists())

    def test_a_link(self):
        real = self.template.rename(self.root / "real")
        self.template.symlink_to(real)
        with self.assertRaises(SystemExit):
            kafka_template.clear(self.root)
        self.assertTrue((real / "meta.properties").exists())


class ProcTest(unittest.TestCase):
    def test_a_program_that_is_not_there(self):
        with Bench(build=".") as b, self.assertRaises(Failure) as e:
            b.run("none", ["no-such-program-as-this", "-x"])
        self.assertRegex(str(e.exception), "^none cannot be started: no-such-"
                         "program-as-this: No such file or directory: .*make "
                         "setup`$")


class BenchTest(unittest.TestCase):
    def test_two_benches_side_by_side(self):
        with Bench(build=".") as a, Bench(build=".") as b:
            began = time.monotonic()
            servers = [a.broker(), b.broker(), a.redis(), b.redis()]
            print("two brokers up in %.1f s" % (time.monotonic() - began))
            self.assertEqual(4, len({s.port for s in servers}))
            self.assertTrue(kafka_template.has_controller(servers[0].port))
            self.assertTrue(kafka_template.has_controller(servers[1].port))
            again = a.again(self.killed(servers[0]))
            self.assertEqual(servers[0].port, again.port)
            folders = [a.folder, b.folder]
        self.assertFalse(any(running(s.pid) for s in servers + [again]))
        self.assertFalse(any(f.exists() for f in folders))

    @staticmethod
    def killed(server):
        server.kill()
        return server

    def test_port_of_somebody_else_is_not_ours(self):
        with Bench(build=".") as a:
            redis = a.redis()
            other = a.run("other", ["sleep", "30"])
            self.assertTrue(a._owns(redis, redis.port))
            self.assertFalse(a._owns(other, redis.port))

    def test_a_port_is_kept_while_its_server_is_away(self):
        with Bench(build=".") as a:
            redis = a.redis()
            redis.kill()
            with socket.socket() as s, self.assertRaises(OSError):
                s.bind(("127.0.0.1", redis.port))
            with socket.socket() as s, self.assertRaises(OSError):
                s.connect(("127.0.0.1", redis.port))
            self.assertEqual(a.again(redis).port, redis.port)

    def test_failures_say_what_happened(self):
        with Bench(build=".") as a:
            p = a.run("odd", ["sh", "-c", "echo so it goes; exit 3"])
            with self.assertRaisesRegex(Failure, "so it goes"):
                p.logged("never", 5)
            self.assertEqual(3, p.code)
            with self.assertRaisesRegex(Failure, "not within 0.1 s: rain"):
                wait_until("rain", lambda: False, 0.1)

    def test_a_killed_test_takes_its_servers_along(self):
        code = ("import sys, time\nsys.path.insert(0, %r)\n"
                "from bench import Bench\nwith Bench(build='.') as b:\n"
                "    print(b.redis().pid, b.folder, flush=True)\n"
                "    time.sleep(60)\n" % str(HERE))
        for sig in (signal.SIGTERM, signal.SIGKILL):
            p = subprocess.Popen([sys.executable, "-c", code],
                                 stdout=subprocess.PIPE, text=True)
            pid, folder = p.stdout.readline().split()
            os.kill(p.pid, sig)
            p.wait()
            p.stdout.close()
            wait_until("redis-server ends",
                       lambda: not running(int(pid)), 10)
            if sig == signal.SIGTERM:
                self.assertFalse(os.path.exists(folder))
            else:
                subprocess.run(["rm", "-r", folder], check=True)


if __name__ == "__main__":
    unittest.main()
