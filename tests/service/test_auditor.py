#!/usr/bin/env python3
"""The auditor's door: who may call, what is refused, and how it says so."""
import http.client
import json
import pathlib
import sqlite3
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, call, wait_until  # noqa: E402

TOKEN = "a-token-of-more-than-16"


class AuditorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = Bench()
        cls.addClassCleanup(cls.bench.close)
        cls.kafka = cls.bench.broker()
        cls.count = 0

    def conf(self, **more):
        AuditorTest.count += 1
        name = "a%d" % self.count
        folder = self.bench.folder / name
        folder.mkdir()
        return dict({
            "migration": name, "kafka.brokers": self.kafka.brokers,
            "kafka.partitions": 2, "api.port": 0,
            "api.port_file": folder / "api.port",
            "api.token_file": self.bench.secret(name + ".token", TOKEN),
            "books.file": folder / "books.sqlite"}, **more)

    def start(self, conf, ready=True):
        p = self.bench.service("auditor", conf["migration"], conf)
        if ready:
            self.bench.ready(p)
            self.api = int(conf["api.port_file"].read_text())
        return p

    def ends(self, conf, code, *words):
        p = self.start(conf, ready=False)
        wait_until(lambda: "it ends: " + p.tail(), lambda: not p.alive(), 60)
        last = p.tail(1)
        self.assertEqual(p.code, code, last)
        for word in words:
            self.assertIn(word, last)

    def ask(self, method, path, body=None, token=TOKEN):
        return call(self.api, method, path, body, token)

    def refused(self, status, code, method, path, body=None, token=TOKEN):
        got, answer = self.ask(method, path, body, token)
        self.assertEqual((got, answer["error"]["code"]), (status, code))
        self.assertTrue(answer["error"]["message"])
        return answer["error"]["message"]

    def test_nobody_passes_without_the_token(self):
        p = self.start(self.conf())
        for token in (None, "", "a-token-of-more-than-1", TOKEN + "x"):
            self.refused(401, "unauthorized", "GET", "/v1/status", None, token)
            self.refused(401, "unauthorized", "POST", "/v1/run", {}, token)
        self.assertEqual(self.ask("GET", "/v1/status")[0], 200)
        self.assertEqual(p.stop(), 0)

    def test_every_step_is_refused_before_its_time(self):
        p = self.start(self.conf())
        for path, word in (("plan/propose", "extractor"),
                           ("sample/start", "approve"), ("run", "sign"),
                           ("freeze", "run"), ("cutover", "freeze"),
                           ("rejected/redrive", "full run")):
            said = self.refused(409, "gate", "POST", "/v1/" + path, {})
            self.assertIn(word, said)
        self.refused(409, "gate", "POST", "/v1/sample/sign", {"hash": "0"})
        self.refused(404, "not_found", "POST", "/v1/plan/approve",
                     {"hash": "0" * 64})
        status = self.ask("GET", "/v1/status")[1]
        self.assertEqual((status["phase"], status["pass"]), ("audit", 0))
        self.assertEqual(status["gate"]["next"], "plan.propose")
        self.assertEqual(p.stop(), 0)

    def test_bad_requests_change_nothing(self):
        p = self.start(self.conf())
        c = http.client.HTTPConnection("127.0.0.1", self.api, timeout=20)
        head = {"Authorization": "Bearer " + TOKEN}
        for body in (b"{", b"[]", b"\xff", b'{"by":"x","by":"y"}', b"nul"):
            c.request("POST", "/v1/run", body, head)
            answer = c.getresponse()
            self.assertEqual(answer.status, 400)
            self.assertEqual(json.loads(answer.read())["error"]["code"],
                             "bad_request")
        c.close()
        self.refused(400, "bad_request", "PUT", "/v1/plan", {"format": "x"})
        self.refused(400, "bad_request", "GET", "/v1/records?limit=0")
        self.refused(400, "bad_request", "GET", "/v1/find")
        self.refused(404, "not_found", "GET", "/v1/reports/../../etc/passwd")
        self.refused(404, "not_found", "GET", "/v1/reports/plan.json")
        self.refused(404, "not_found", "GET", "/v1/rejected/company/1")
        self.refused(404, "not_found", "GET", "/v2/status")
        said = self.refused(400, "no_such_class", "GET",
                            "/v1/rejected?class=nope")
        self.assertIn('no class "nope"; there are: address_taken bad_text ', said)
        self.assertIn(" unreadable", said)
        hostile = "'; DROP TABLE record; --"
        status, answer = self.ask("GET", "/v1/find?id=" + hostile.replace(
            " ", "%20").replace(";", "%3B").replace("'", "%27"))
        self.assertEqual((status, answer), (200, {"matches": []}))
        self.assertEqual(self.ask("GET", "/v1/records")[0], 200)
        self.assertEqual(p.stop(), 0)

    def test_a_plan_that_kafka_has_no_room_for(self):
        """It could be put and approved, and be lost, or end the auditor."""
        p = self.start(self.conf())
        plan = {"format": "drover-plan/1", "objects": [],
                "names": {"company": {"co_%d" % i: "x" * 1000
                                      for i in range(7400)}}}
        said = self.refused(400, "bad_request", "PUT", "/v1/plan", plan)
        self.assertIn("7 MiB", said)
        self.assertEqual(p.stop(), 0)

    def test_a_bad_start_is_one_line(self):
        self.ends(self.conf(**{"api.port_fiel": "x"}), 64, "api.port_fiel",
                  "api.port_file")
        self.ends(self.conf(**{"api.token_file": "/nowhere/token"}), 64,
                  "api.token_file", "/nowhere/token")
        short = self.bench.secret("short", "abc")
        self.ends(self.conf(**{"api.token_file": short}), 64, "token", "16")
        self.ends(self.conf(**{"books.file": "/nowhere/books"}), 64,
                  "books.file", "/nowhere/books")

    def test_books_have_one_owner(self):
        conf = self.conf()
        p = self.start(conf)
        other = dict(conf, **{"http.port": 0})
        other["api.port_file"] = self.bench.folder / "second.port"
        q = self.bench.service("auditor", conf["migration"] + "b", other)
        wait_until(lambda: "the second ends: " + q.tail(),
                   lambda: not q.alive(), 60)
        self.assertEqual(q.code, 1)
        self.assertIn("one auditor", q.tail(1))
        self.assertEqual(p.stop(), 0)
        # nor are they those of another migration
        self.ends(self.conf(**{"books.file": conf["books.file"]}), 65,
                  "another migration")

    def test_books_of_another_format_are_made_anew(self):
        conf = self.conf()
        old = sqlite3.connect(conf["books.file"])
        old.execute("CREATE TABLE record(surprise)")
        old.execute("PRAGMA user_version=9999")
        old.commit()
        old.close()
        p = self.start(conf)
        self.assertEqual(self.ask("GET", "/v1/records")[0], 200)
        p.logged("auditor.books_remade")
        self.assertEqual(p.stop(), 0)

    def test_another_partition_count_is_refused(self):
        conf = self.conf()
        p = self.start(conf)
        self.assertEqual(p.stop(), 0)
        self.ends(dict(conf, **{"kafka.partitions": 3}), 65, "partitions",
                  "drover." + conf["migration"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
