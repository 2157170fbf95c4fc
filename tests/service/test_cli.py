#!/usr/bin/env python3
"""The drover command against an auditor that this test plays: what it asks
for, what it makes of the answers, and how it ends."""
import http.server
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, Failure, wait_until  # noqa: E402
from kafka_template import free_port  # noqa: E402

TOKEN = "a-token-for-tests"
HASH = "ab" * 32
DEADLINE = 20

STATUS = {
    "migration": "acme", "phase": "run", "pass": 2, "scope": "all",
    "paused": False, "plan_hash": HASH, "plan_latest": HASH,
    "source": {"phase": "tail", "snapshot_complete": True, "tail_misses": 0,
               "lag_s": 3, "halted": "",
               "objects": [{"object": "deal", "expected": 9, "read": 9}]},
    "target": {"catalog_seq": 1, "catalog_wanted": 1, "catalog_read": True,
               "survey_complete": True},
    "lanes": [{"lane": "deal", "open": True, "complete": False, "planned": 9,
               "done": 4, "refused": 1, "idle": 0, "lag": 4,
               "load_records": 11}],
    "objects": [{"object": "deal", "extracted": 9, "landed": 4, "merged": 0,
                 "excluded": 0, "parked": 0, "rejected": 1, "deleted": 0,
                 "pending": 4}],
    "verified": {"records": 4, "fields": 40, "mismatches": 0},
    "loaders": [{"id": "l-1", "calls": 12, "refused_429": 0,
                 "waiting": "none"}],
    "progress": {"done": 4, "planned": 9, "rate": "1.5", "eta_s": 4,
                 "finish_at": "2026-03-02T08:00:00Z"},
    "books": {"lag": 0, "pending": 4},
    "gate": {"next": "freeze", "ready": False, "why": "lane deal is open"}}


def status(**more):
    """The status with members replaced; those of objects one by one."""
    out = json.loads(json.dumps(STATUS))
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key].update(value)
        else:
            out[key] = value
    return out


class Auditor:
    """Answers by a table; everything else is 404. An answer is (status, body,
    headers), a function of the request that gives one, or a list of answers
    of which the last stays."""

    def __init__(self):
        self.table, self.asked = {}, []
        auditor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except OSError:  # the command has gone
                    self.close_connection = True

            def serve(self):
                n = int(self.headers.get("Content-Length") or 0)
                url = urllib.parse.urlsplit(self.path)
                request = {
                    "method": self.command, "path": url.path,
                    "raw": self.path,
                    "query": dict(urllib.parse.parse_qsl(
                        url.query, keep_blank_values=True)),
                    "body": self.rfile.read(n),
                    "auth": self.headers.get("Authorization"),
                    "handler": self}
                auditor.asked.append(request)
                answer = auditor.answer(request)
                if answer is not None:
                    auditor.send(self, *answer)

            do_GET = do_POST = do_PUT = serve

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    def answer(self, request):
        if request["auth"] != "Bearer " + TOKEN:
            return 401, error("unauthorized", "the token is not the right one",
                              "use the one of api.token_file")
        found = self.table.get("%s %s" % (request["method"], request["path"]))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            return found(request)
        if found is None:
            return 404, error("not_found", "no such path", "look at the API")
        return found

    @staticmethod
    def send(handler, code, body=b"", headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        handler.send_response(code)
        for name, value in dict(headers).items():
            handler.send_header(name, value)
        if "Content-Length" not in dict(headers):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def error(code, message, cure="do something"):
    return {"error": {"code": code, "message": message, "cure": cure}}


class Cli(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        self.auditor = Auditor()
        self.addCleanup(self.auditor.close)
        self.token = self.bench.secret("token", TOKEN)
        self.home = self.bench.folder / "home"
        self.home.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home),
                    "USER": "ann", "DROVER_URL": self.auditor.url,
                    "DROVER_TOKEN_FILE": str(self.token)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def on(self, call, *answers):
        self.auditor.table[call] = (list(answers) if len(answers) > 1
                                    else answers[0])

    def start(self, *args, **env):
        full = dict(self.env, **env)
        p = subprocess.Popen(
            [str(self.bench.bin("drover")), *map(str, args)],
            env={k: v for k, v in full.items() if v is not None},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=self.bench.folder)
        self.addCleanup(self.end, p)
        return p

    @staticmethod
    def end(p):
        if p.poll() is None:
            p.kill()
        p.wait()
        for f in (p.stdout, p.stderr):
            if f:
                f.close()

    def drover(self, *args, code=0, **env):
        """Runs it to its end; returns (stdout, stderr)."""
        p = self.start(*args, **env)
        out, err = p.communicate(timeout=DEADLINE)
        out, err = out.decode(), err.decode()
        self.assertEqual(p.returncode, code, (args, out, err))
        return out, err

    def last(self):
        return self.auditor.asked[-1]

    def calls(self):
        return ["%s %s" % (r["method"], r["path"]) for r in self.auditor.asked]


class Requests(Cli):
    """Each verb asks for what docs/api.md says."""

    def test_steps(self):
        step = (200, {"phase": "run", "pass": 2})
        cases = [
            (["sample", "start"], "/v1/sample/start", {"by": "ann"}),
            (["sample", "start", "--size", "50", "--by", "eve"],
             "/v1/sample/start", {"by": "eve", "size": 50}),
            (["sample", "sign", HASH, "--by", "eve"], "/v1/sample/sign",
             {"by": "eve", "hash": HASH}),
            (["sample", "sign", "sha256:" + HASH], "/v1/sample/sign",
             {"by": "ann", "hash": HASH}),
            (["run", "--by", "eve"], "/v1/run", {"by": "eve"}),
            (["run"], "/v1/run", {"by": "ann"}),
            (["pause"], "/v1/pause", None),
            (["resume"], "/v1/resume", None),
            (["freeze", "--by=eve"], "/v1/freeze", {"by": "eve"}),
            (["cutover"], "/v1/cutover", {"by": "ann"}),
            (["cutover", "--keep-removals"], "/v1/cutover",
             {"by": "ann", "keep_removals": True}),
            (["rejected", "redrive"], "/v1/rejected/redrive", {"by": "ann"}),
        ]
        for args, path, body in cases:
            self.on("POST " + path, step)
            out, err = self.drover(*args)
            did = {"pause": "paused, ", "resume": "resumed, "}.get(args[0], "")
            self.assertEqual((out, err), (did + "phase run, pass 2\n", ""))
            asked = self.last()
            self.assertEqual((asked["method"], asked["path"]), ("POST", path))
            self.assertEqual(json.loads(asked["body"]) if asked["body"]
                             else None, body)
            self.assertEqual(asked["auth"], "Bearer " + TOKEN)
            out, _ = self.drover(*args, "--json")
            self.assertEqual(json.loads(out), step[1])
        self.assertEqual(len(self.auditor.asked), 2 * len(cases))

    def test_by_must_be_somebody(self):
        _, err = self.drover("run", code=2, USER=None)
        self.assertIn("--by", err)
        self.assertEqual(self.auditor.asked, [])

    def test_propose(self):
        answer = {"hash": HASH, "problems": 2,
                  "checklist": {"missing": 3, "present": 4},
                  "owners_unmatched": 1, "duplicates": 0,
                  "too_large": ["audit.json"]}
        self.on("POST /v1/plan/propose", (200, answer))
        out, _ = self.drover("plan", "propose")
        self.assertEqual(self.last()["body"], b"{}")
        self.assertIn(HASH, out)
        self.assertIn("2 problems", out)
        self.assertIn("3 things to create", out)
        self.assertIn("audit.json has more than 7 MiB: save it now", out)
        out, _ = self.drover("plan", "propose", "--house-owner", "16",
                             "--fallback-owner", "17",
                             "--scope", "company, deal", "--orphan-account",
                             'Öl & "Gas"', "--json")
        self.assertEqual(json.loads(self.last()["body"]), {
            "house_owner": "16", "fallback_owner": "17", "scope": ["company", "deal"],
            "orphan_account": 'Öl & "Gas"'})
        self.assertEqual(json.loads(out), answer)
        self.drover("plan", "propose", "--scope", "a,,b", code=2)
        self.drover("plan", "propose", "--custom-objects", "co_x=notes",
                    "--events", "report", "--calls", "call_log", "--html",
                    "keep", "--long-texts", "note", "--max-file", "1000",
                    "--too-large", "skip", "--beyond-storage", "link")
        self.assertEqual(json.loads(self.last()["body"]), {
            "custom_objects": ["co_x=notes"], "events": "report",
            "calls": "call_log", "html": "keep", "long_texts": "note",
            "files": {"max_bytes": "1000", "too_large": "skip",
                      "beyond": "link"}})

    def test_plan_show_keeps_the_bytes(self):
        plan = b'{"format": "drover-plan/1",\n "hash":"x", "n": 1.50}'
        self.on("GET /v1/plan", (200, plan))
        out, _ = self.drover("plan", "show", "--json", "--hash", "a b&c")
        self.assertEqual(out.encode(), plan + b"\n")
        self.assertEqual(self.last()["query"], {"hash": "a b&c"})
        out, _ = self.drover("plan", "show")
        self.assertIn("drover-plan/1", out)
        self.assertEqual(self.last()["query"], {})

    def test_no_plan_is_3(self):
        self.drover("plan", "show", code=3)
        self.drover("plan", "check", code=3)
        self.drover("plan", "show", "--hash", HASH, code=1)

    def test_plan_put(self):
        plan = self.bench.folder / "plan.json"
        plan.write_bytes(b'{"format":"drover-plan/1", "x": 1.0}\n')
        self.on("PUT /v1/plan", (200, {"hash": HASH, "problems": 0}))
        out, _ = self.drover("plan", "put", plan)
        self.assertEqual(self.last()["body"], plan.read_bytes())
        self.assertIn(HASH, out)
        asked = len(self.auditor.asked)
        plan.write_text("{not json")
        _, err = self.drover("plan", "put", plan, code=4)
        self.assertIn("is no plan", err)
        plan.write_text("[1]")
        self.drover("plan", "put", plan, code=4)
        self.drover("plan", "put", self.bench.folder / "none", code=1)
        self.assertEqual(len(self.auditor.asked), asked)

    def test_check_and_approve(self):
        problem = {"code": "missing_field", "object": "deal", "field": "cf_x",
                   "detail": "is not there", "cure": "create it"}
        self.on("POST /v1/plan/check",
                (200, {"hash": HASH, "problems": [problem]}))
        out, _ = self.drover("plan", "check", "--hash", HASH, code=4)
        self.assertEqual(json.loads(self.last()["body"]), {"hash": HASH})
        self.assertIn("create it", out)
        self.on("POST /v1/plan/check", (200, {"hash": HASH, "problems": []}))
        out, _ = self.drover("plan", "check")
        self.assertEqual(self.last()["body"], b"{}")
        self.assertIn("no problems", out)
        self.on("GET /v1/status", (200, status(plan_hash="")))
        self.drover("plan", "check", "--approved", code=3)
        self.on("GET /v1/status", (200, status()))
        self.drover("plan", "check", "--approved")
        self.on("POST /v1/plan/approve", (200, {"hash": HASH}))
        out, _ = self.drover("plan", "approve", "sha256:" + HASH, "--by",
                             "eve")
        self.assertEqual(out, "approved %s\n" % HASH)
        self.assertEqual(json.loads(self.last()["body"]),
                         {"hash": HASH, "by": "eve"})
        refusal = dict(error("plan_problems", "the plan has problems"),
                       problems=[problem])
        self.on("POST /v1/plan/approve", (422, refusal))
        out, err = self.drover("plan", "approve", HASH, code=4)
        self.assertIn("create it", out)
        self.assertIn("the plan has problems; do something", err)
        out, _ = self.drover("plan", "approve", HASH, "--json", code=4)
        self.assertEqual(json.loads(out), refusal)

    def test_reports_about_people(self):
        self.on("GET /v1/reports/owners.json", (200, {
            "matched": [{"source_id": "o_1"}], "unmatched": [
                {"source_id": "o_3", "email": "gone@x.example",
                 "reason": "no user with this address", "records": 1200}],
            "ambiguous": [], "house": None, "fallback": None}))
        out, _ = self.drover("owners")
        self.assertIn("1 owner without a user", out)
        self.assertRegex(out, r"o_3 +gone@x.example +1,200 +no user")
        self.on("GET /v1/reports/duplicates.json", (200, {"clusters": [
            {"object": "contact", "key": "a@x.example", "ids": ["1", "2"],
             "target_ids": [], "survivor": "1", "decision": "kept apart"}]}))
        out, _ = self.drover("duplicates")
        self.assertRegex(out, r"contact +a@x.example +2 +0 +1 +kept apart")

    def test_find_and_rejected_show(self):
        match = {"object": "deal", "id": "d 1", "state": "landed",
                 "body": {"name": "Big"}, "loads": [
                     {"lane": "deal", "type": "deals", "target_id": "7"}],
                 "target": {"id": 7}, "differences": []}
        self.on("GET /v1/find", (200, {"matches": [match]}))
        out, _ = self.drover("find", "d 1", "--object", "deal")
        self.assertEqual(self.last()["query"], {"id": "d 1", "object": "deal"})
        self.assertIn("landed", out)
        self.assertIn("Big", out)
        self.on("GET /v1/find", (200, {"matches": []}))
        _, err = self.drover("find", "d 2", code=1)
        self.assertIn("no source record", err)
        self.on("GET /v1/rejected/a%2Fb/x%3Fy", (200, {
            "lines": [{"object": "a/b", "class": "too_long"}],
            "original": "{}"}))
        out, _ = self.drover("rejected", "show", "a/b", "x?y")
        self.assertIn("too_long", out)


class Verdicts(Cli):
    """Exit codes that say what was found."""

    def test_ready(self):
        items = [{"kind": "field", "entity": "deals", "name": "cf_a",
                  "detail": "text", "status": "missing"},
                 {"kind": "field", "entity": "deals", "name": "cf_b",
                  "detail": "text", "status": "present"}]
        self.on("GET /v1/ready", (200, {"ready": False, "items": items}))
        out, _ = self.drover("ready", code=5)
        self.assertIn("cf_a", out)
        self.assertNotIn("cf_b", out)
        self.on("GET /v1/ready", (200, {"ready": True, "items": []}))
        self.drover("ready")
        self.on("GET /v1/ready", (200, {}))
        self.drover("ready", code=1)

    def test_refresh_waits_for_the_catalogue(self):
        self.on("POST /v1/target/refresh", (200, {"catalog_wanted": 7}))
        self.on("GET /v1/status",
                (200, status(target={"catalog_seq": 6, "catalog_wanted": 7})),
                (503, error("rebuilding", "not yet")),
                (200, status(target={"catalog_seq": 7, "catalog_wanted": 7})))
        self.on("GET /v1/ready", (200, {"ready": True, "items": []}))
        self.drover("ready", "--refresh")
        self.assertEqual(self.calls(), [
            "POST /v1/target/refresh", "GET /v1/status", "GET /v1/status",
            "GET /v1/status", "GET /v1/ready"])
        self.on("GET /v1/status", (200, status(target={"catalog_seq": 6})))
        _, err = self.drover("ready", "--refresh", "--timeout", "1", code=6)
        self.assertIn("is a loader running", err)

    def test_reconcile(self):
        def books(balanced, mismatches):
            return {"balanced": balanced, "objects": [
                {"object": "deal", "extracted": 1, "states": {"landed": 1},
                 "totals": [{"field": "amount", "currency": "EUR",
                             "source": "10.50", "target": "10.50",
                             "explained": "0", "difference": "0"}]}],
                "differences": [], "verified": {
                    "records": 1, "fields": 2, "mismatches": mismatches}}
        path = "GET /v1/reports/reconciliation.json"
        for balanced, mismatches, code in ((True, 0, 0), (False, 0, 3),
                                           (False, 4, 3), (True, 4, 4)):
            self.on(path, (200, books(balanced, mismatches)))
            out, _ = self.drover("reconcile", code=code)
            self.assertIn("10.50", out)
            self.assertIn("The books balance." if balanced
                          else "The books do not balance.", out)
            out, _ = self.drover("reconcile", "--json", code=code)
            self.assertEqual(json.loads(out), books(balanced, mismatches))
        for broken in ({}, {"balanced": True}, {"balanced": "true"}, []):
            self.on(path, (200, broken))
            self.drover("reconcile", code=1)

    def test_sample_diff(self):
        def diff(verdict):
            return {"size": 1, "coverage": {"rules": [3, 4], "values": [5, 6]},
                    "records": [{"object": "deal", "id": "1", "fields": [
                        {"field": "name", "source": "A", "expected": "A",
                         "actual": "B", "verdict": verdict}]}],
                    "signed": None}
        path = "GET /v1/reports/sample-diff.json"
        for verdict, code in (("same", 0), ("intended", 0), ("loss", 4),
                              ("unheard of", 4)):
            self.on(path, (200, diff(verdict)))
            out, _ = self.drover("sample", "diff", code=code)
            self.assertIn("rules covered 3 of 4", out)
        self.on(path, (200, {}))
        self.drover("sample", "diff", code=1)

    def test_refusals(self):
        cases = [(400, "bad_request", 1), (404, "not_found", 1),
                 (409, "gate", 5), (422, "plan_problems", 4),
                 (429, "rate", 6), (500, "oops", 1), (503, "rebuilding", 6)]
        for answer, code, exit_code in cases:
            self.on("POST /v1/run", (answer, error(
                code, "what is wrong", "what to do")))
            out, err = self.drover("run", code=exit_code)
            self.assertEqual(out, "")
            self.assertEqual(err, "drover: what is wrong; what to do\n")

    def test_a_wrong_token(self):
        other = self.bench.secret("other", "wrong")
        _, err = self.drover("status", "--token-file", other, code=1)
        self.assertIn("use the one of api.token_file", err)
        _, err = self.drover("status", "--token-file", "/none/x", code=1)
        self.assertIn("--token-file", err)
        self.assertNotIn(TOKEN, err)


class Settings(Cli):
    def test_flag_over_environment_over_file(self):
        self.on("GET /v1/status", (200, STATUS))
        wrong = "http://127.0.0.1:%d" % free_port()
        conf = self.home / ".config" / "drover.conf"
        conf.parent.mkdir()
        conf.write_text("# mine\nurl = %s/\ntoken_file = ~/t\n"
                        % self.auditor.url)
        (self.home / "t").write_text(TOKEN + "\n")
        (self.home / "t").chmod(0o600)
        bare = {"DROVER_URL": None, "DROVER_TOKEN_FILE": None}
        self.drover("status", **bare)
        self.assertEqual(self.last()["raw"], "/v1/status")
        self.drover("status", code=1, **dict(bare, DROVER_URL=wrong))
        self.drover("status", "--url", self.auditor.url,
                    **dict(bare, DROVER_URL=wrong))
        conf.write_text("url = %s\n" % wrong)
        self.drover("status")

    def test_bad_files(self):
        conf = self.bench.folder / "c.conf"
        for text, says in (("ulr = x", 'no such key: "ulr"'),
                           ("url", "line 1"),
                           ("\nurl = a\nurl = b", "line 3: url is given twice"),
                           ("url =", "no value"),
                           ("allow_plain = maybe", "true or false")):
            conf.write_text(text)
            _, err = self.drover("status", "--config", conf, code=2)
            self.assertIn(says, err)
        self.drover("status", "--config", self.home / "none", code=2)

    def test_what_is_missing_is_said(self):
        _, err = self.drover("status", code=2, DROVER_URL=None)
        self.assertIn("--url", err)
        _, err = self.drover("status", code=2, DROVER_TOKEN_FILE=None)
        self.assertIn("--token-file", err)
        _, err = self.drover("status", "--url", "http://crm.example", code=2)
        self.assertIn("--allow-plain", err)

    def test_usage(self):
        for args in (["stats"], [], ["plan"], ["plan", "aprove"], ["report"],
                     ["status", "more"], ["run", "--size", "3"],
                     ["status", "--timeout", "0"], ["find", ""],
                     ["status", "--url"], ["status", "-x"],
                     ["sample", "start", "--size", "0"],
                     ["report", "../secret"], ["wait", "rain"],
                     ["wait", "gate:rain"], ["completion", "tcsh"]):
            out, err = self.drover(*args, code=2)
            self.assertEqual(out, "")
            self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual(self.auditor.asked, [])

    def test_a_report_that_there_is_not(self):
        for name in ("nope", "audit", "../secret", "x" * 300, "\x1b[2J"):
            out, err = self.drover("report", name, code=2)
            self.assertEqual((out, err.count("\n")), ("", 1))
            self.assertIn("there are: audit.json plan.json ", err)
            self.assertIn(" conflicts.ndjson", err)
            self.assertNotIn("\x1b", err)
        self.assertEqual(self.auditor.asked, [])

    def test_an_object_that_there_is_not(self):
        said = (400, error("no_such_object", 'there is no object "nope"; '
                           "there are: company contact", ""))
        for call, args in (
                ("GET /v1/conflicts", ["conflicts"]),
                ("GET /v1/removals", ["removals", "list"]),
                ("GET /v1/rejected", ["rejected", "list"]),
                ("GET /v1/find", ["find", "1"]),
                ("POST /v1/removals/approve", ["removals", "approve"])):
            self.on(call, said)
            out, err = self.drover(*args, "--object", "nope", code=2)
            self.assertEqual((out, err), (
                "", 'drover: there is no object "nope"; there are: company '
                "contact\n"))
        self.on("GET /v1/rejected/nope/1", said)
        self.drover("rejected", "show", "nope", "1", code=2)

    def test_a_class_that_there_is_not(self):
        self.on("GET /v1/rejected", (400, error(
            "no_such_class", 'there is no class "nope"; there are: gone', "")))
        out, err = self.drover("rejected", "list", "--class", "nope", code=2)
        self.assertEqual((out, err), (
            "", 'drover: there is no class "nope"; there are: gone\n'))

    def test_help_and_version(self):
        out, _ = self.drover("--version", HOME=None)
        self.assertRegex(out, r"^drover \d+\.\d+\.\d+\n$")
        out, _ = self.drover("--help", HOME=None)
        verbs = [line.split()[0] for line in
                 out.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
        self.assertIn("reconcile", verbs)
        out, _ = self.drover("plan", "--help")
        self.assertIn("plan approve", out)
        out, _ = self.drover("wait", "--help")
        self.assertIn("drained", out)
        self.assertIn("Exit codes", out)


class Reports(Cli):
    def pages(self, call, pages):
        """pages: {cursor or None: (lines, next cursor or None)}"""
        def answer(request):
            lines, following = pages[request["query"].get("after")]
            return 200, b"".join(lines), (
                {"X-Next": urllib.parse.quote(following, safe="")}
                if following else {})
        self.on(call, answer)

    def test_pages_to_the_end(self):
        lines = [b'{"object":"deal","id":"%d"}\n' % i for i in range(6)]
        self.pages("GET /v1/records", {
            None: (lines[:3], "deal\x1f2 &%41é"),
            "deal\x1f2 &%41é": (lines[3:5], "e"),
            "e": (lines[5:], None)})
        out, err = self.drover("report", "records.ndjson")
        self.assertEqual((out.encode(), err), (b"".join(lines), ""))
        self.assertEqual([r["query"]["limit"] for r in self.auditor.asked],
                         ["1000"] * 3)
        to = self.bench.folder / "r.ndjson"
        to.write_text("old")
        out, _ = self.drover("report", "records.ndjson", "--out", to)
        self.assertEqual((out, to.read_bytes()), ("", b"".join(lines)))
        self.assertEqual(to.stat().st_mode & 0o777, 0o600)

    def test_no_lines_are_a_report_too(self):
        self.on("GET /v1/rejected", (200, b""))
        self.assertEqual(self.drover("report", "rejected.ndjson")[0], "")
        self.assertEqual(self.drover("rejected", "list")[0],
                         "0 records were set aside\n")

    def test_conflicts_are_counted_by_what_they_are(self):
        """Only what people changed was changed; an auditor of before says no
        class."""
        def lines(*classes):
            return b"".join(b'{"object":"deal","id":"%d"%s}\n' % (
                i, b',"class":"%s"' % c if c else b"")
                for i, c in enumerate(classes))

        def counted(*pages):
            self.pages("GET /v1/conflicts", {
                (str(i) if i else None): (
                    [p], str(i + 1) if i + 1 < len(pages) else None)
                for i, p in enumerate(pages)})
            return self.drover("conflicts")[0].split("\n\n")[-1]
        people = "%s changed in Freshsales and kept\n"
        self.assertEqual(counted(b""), people % "0 fields were")
        self.assertEqual(counted(lines(None, b"conflict")),
                         people % "2 fields were")
        self.assertEqual(
            counted(lines(b"conflict", b"name_taken"), lines(b"circle"),
                    lines(b"address_taken", b"left_behind")),
            people % "1 field was" +
            "3 fields are not the source's: another record is in their way\n"
            "1 field or record was left in Freshsales as it stood\n")
        self.assertEqual(
            counted(lines(b"address_taken")),
            "1 field is not the source's: another record is in its way\n")

    def test_a_broken_page_leaves_the_old_file(self):
        to = self.bench.folder / "r.ndjson"
        line = b'{"object":"deal","id":"1"}\n'
        for second in ((200, line[:-5]), (200, line, {"Content-Length": "99"}),
                       (503, error("rebuilding", "not yet")),
                       (200, line, {"X-Next": "a"}),
                       (200, line, {"X-Next": "n" * 2000})):
            to.write_text("old")
            self.on("GET /v1/records", (200, line, {"X-Next": "a"}), second)
            p = self.start("report", "records.ndjson", "--out", to)
            if "Content-Length" in dict((second + ({},))[2]):
                wait_until("both pages asked for",
                           lambda: len(self.auditor.asked) >= 2, DEADLINE)
                self.last()["handler"].connection.shutdown(socket.SHUT_RDWR)
            _, err = p.communicate(timeout=DEADLINE)
            self.assertIn(p.returncode, (1, 6), err)
            self.assertTrue(err)
            self.assertEqual(to.read_text(), "old")
            self.assertEqual(list(self.bench.folder.glob("r.ndjson.*")), [])
            self.auditor.asked.clear()

    def test_other_reports(self):
        body = b'{"items": [ {"a":"}"} ]}'
        self.on("GET /v1/reports/checklist.json", (200, body))
        self.on("GET /v1/reports/checklist.md", (200, b"# Checklist\n{"))
        out, _ = self.drover("report", "checklist.json")
        self.assertEqual(out.encode(), body + b"\n")
        out, _ = self.drover("report", "checklist.md")
        self.assertEqual(out, "# Checklist\n{\n")
        self.on("GET /v1/reports/checklist.json", (200, body[:-1]))
        _, err = self.drover("report", "checklist.json", code=1)
        self.assertIn("ends in the middle", err)
        self.drover("report", "audit.json", code=1)
        _, err = self.drover("report", "checklist.md", "--out",
                             "/none/x", code=1)
        self.assertIn("/none/x", err)

    def test_large_reports_are_not_held(self):
        """64 MiB through a process that does not grow by them."""
        piece = b'"' + b"x" * ((1 << 20) - 4) + b'",\n'

        def answer(request):
            h = request["handler"]
            h.send_response(200)
            h.send_header("Content-Length", str(2 + 64 * len(piece) + 4))
            h.end_headers()
            h.wfile.write(b"[\n")
            for _ in range(64):
                h.wfile.write(piece)
            h.wfile.write(b'0]\n\n')
        self.on("GET /v1/reports/inventory.json", answer)
        to = self.bench.folder / "large.json"
        p = self.start("report", "inventory.json", "--out", to)
        _, status_, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status_)
        _, err = p.communicate()
        self.assertEqual(p.returncode, 0, err)
        self.assertEqual(to.stat().st_size, 2 + 64 * len(piece) + 4)
        if not self.env.get("ASAN_OPTIONS"):
            self.assertLess(usage.ru_maxrss, 48 << 10)

    def test_rejected_list(self):
        row = {"object": "deal", "id": "d1", "stage": "load", "class": "limit",
               "reason": "too \x1b[31mlong\n", "cure": "cut it"}
        other = dict(row, id="d2")
        self.pages("GET /v1/rejected", {
            None: ([json.dumps(row).encode() + b"\n"], "c"),
            "c": ([json.dumps(other).encode() + b"\n"], None)})
        out, _ = self.drover("rejected", "list", "--object", "deal",
                             "--class", "limit")
        self.assertEqual(self.last()["query"], {
            "object": "deal", "class": "limit", "limit": "1000",
            "after": "c"})
        self.assertEqual(out, (
            "object  id  stage  class  reason              what to do\n"
            "deal    d1  load   limit  too \\x1b[31mlong\\n  cut it\n"
            "deal    d2  load   limit  too \\x1b[31mlong\\n  cut it\n"
            "\n2 records were set aside\n"))
        out, _ = self.drover("rejected", "list", "--json")
        self.assertEqual([json.loads(x) for x in out.splitlines()],
                         [row, other])
        self.on("GET /v1/rejected", (200, b"no json\n"))
        self.drover("rejected", "list", code=1)


class ProfileCheck(Cli):
    REPORT = "GET /v1/reports/profile-check.json"

    @staticmethod
    def found(number, verdict="holds"):
        return 200, {
            "profile": "fasttrack/1", "number": number,
            "at": "2026-03-02T08:00:00Z", "checks": [
                {"object": "deal", "assumption": "filter", "verdict": verdict,
                 "must": False, "found": "found %d" % number, "cure": ""}]}

    def test_the_answer_to_this_question_is_waited_for(self):
        self.on("POST /v1/profile/check", (200, {"check_wanted": 4}))
        self.on(self.REPORT, (404, error("not_found", "none yet")),
                self.found(3, "fails"), self.found(4))
        out, err = self.drover("profile", "check")
        self.assertEqual(err, "")
        self.assertIn("found 4", out)
        self.assertIn("2026-03-02T08:00:00Z", out)
        self.assertNotIn("found 3", out)
        self.assertEqual(self.calls(), ["POST /v1/profile/check"]
                         + [self.REPORT] * 3)
        self.on(self.REPORT, self.found(5, "fails"))
        out, _ = self.drover("profile", "check", "--json", code=4)
        self.assertEqual(json.loads(out), self.found(5, "fails")[1])

    def test_the_last_one_costs_no_call(self):
        self.drover("profile", "check", "--last", code=1)
        self.on(self.REPORT, self.found(3, "fails"))
        out, _ = self.drover("profile", "check", "--last", code=4)
        self.assertIn("found 3", out)
        self.assertEqual(self.calls(), [self.REPORT] * 2)

    def test_an_extractor_that_does_not_answer(self):
        self.on("POST /v1/profile/check", (200, {"check_wanted": 4}))
        self.on(self.REPORT, self.found(3))
        out, err = self.drover("profile", "check", "--timeout", "1", code=6)
        self.assertEqual(out, "")
        self.assertIn("not within 1 s: the extractor has not answered", err)
        self.assertIn("--last", err)
        self.on("POST /v1/profile/check", (200, {}))
        self.drover("profile", "check", code=1)


class Waits(Cli):
    def test_conditions(self):
        done = status(lanes=[dict(STATUS["lanes"][0], complete=True, lag=0)],
                      objects=[dict(STATUS["objects"][0], pending=0)],
                      books={"pending": 0})
        cases = [
            ("snapshot", status(source={"snapshot_complete": False}),
             status()),
            ("catalog", status(target={"catalog_wanted": 2}), status()),
            ("survey", status(target={"survey_complete": False}), status()),
            ("lanes", status(), done),
            ("drained", status(books={"pending": 0}), done),
            ("drained", dict(done, objects=STATUS["objects"]), done),
            ("drained", status(), dict(done, scope="sample",
                                       objects=STATUS["objects"])),
            ("gate:freeze", status(), status(gate={"ready": True})),
            ("gate:none", status(gate={"ready": True}),
             status(gate={"next": "none", "ready": False})),
            ("phase:run", status(phase="signed"), status(phase="freeze")),
        ]
        for name, before, after in cases:
            self.on("GET /v1/status", (200, before), (200, after))
            self.auditor.asked.clear()
            self.drover("wait", name)
            self.assertEqual(len(self.auditor.asked), 2, name)
        for nothing in ({}, [], None, {"lanes": []}, {"phase": "unheard"}):
            for name, _, _ in cases:
                self.on("GET /v1/status", (200, nothing), (200, done), (
                    409, error("gate", "enough")))
                if name in ("gate:freeze", "gate:none"):
                    self.drover("wait", name, code=5)
                else:
                    self.auditor.asked.clear()
                    self.drover("wait", name)
                    self.assertEqual(len(self.auditor.asked), 2, name)

    def test_out_of_time(self):
        self.on("GET /v1/status", (200, STATUS))
        started = time.monotonic()
        _, err = self.drover("wait", "drained", "--timeout", "1", code=6)
        self.assertIn("not within 1 s: drained", err)
        _, err = self.drover("wait", "gate:cutover", "--timeout", "1", code=6)
        self.assertIn("gate cutover (freeze is next: lane deal is open)", err)
        self.assertLess(time.monotonic() - started, 10)
        self.assertGreater(len(self.auditor.asked), 2)

    def test_a_halted_source_ends_it(self):
        self.on("GET /v1/status", (200, status(source={
            "halted": "the key was\nrefused"})))
        _, err = self.drover("wait", "drained", code=1)
        self.assertIn("halted: the key was\\nrefused", err)

    def test_it_outlives_a_restart_of_the_auditor(self):
        self.on("GET /v1/status", (503, error("rebuilding", "still reading")),
                (200, status(phase="audit")), (200, status()))
        out, err = self.drover("wait", "phase:run", "--json")
        self.assertEqual(json.loads(out), STATUS)
        self.assertEqual(err.count("still trying"), 1)

    def test_an_auditor_that_never_comes(self):
        url = "http://127.0.0.1:%d" % free_port()
        _, err = self.drover("wait", "snapshot", "--timeout", "1", "--url",
                             url, code=6)
        self.assertIn("no connection to " + url, err)

    def test_a_refusal_ends_it(self):
        self.on("GET /v1/status", (404, error("not_found", "no migration")))
        _, err = self.drover("wait", "snapshot", code=1)
        self.assertIn("no migration", err)


class Broken(Cli):
    def test_connection_refused(self):
        url = "http://127.0.0.1:%d" % free_port()
        _, err = self.drover("status", "--url", url, code=1)
        self.assertIn("no connection to " + url, err)
        self.assertIn("Is the auditor running", err)

    def test_no_answer_in_time(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.on("GET /v1/status", lambda r: hold.wait(DEADLINE) and None)
        self.on("POST /v1/run", lambda r: hold.wait(DEADLINE) and None)
        self.on("GET /v1/reports/audit.json",
                lambda r: hold.wait(DEADLINE) and None)
        _, err = self.drover("status", "--timeout", "1", code=6)
        self.assertIn("no answer in time", err)
        _, err = self.drover("run", "--timeout", "1", code=6)
        self.assertIn("may have been carried out", err)
        self.drover("report", "audit.json", "--timeout", "1", code=6)
        self.assertEqual(self.calls().count("POST /v1/run"), 1)

    def test_answers_that_are_none(self):
        def hang_up(request):
            request["handler"].connection.shutdown(socket.SHUT_RDWR)
        for answer in ((200, b"<html>"), (200, b""), (200, b'{"phase":'),
                       (200, b'{"a":1,"a":2}'), (200, b"\xff\xfe"),
                       (302, b"", {"Location": "/login"}), (500, b"\x1b[2J"),
                       (418, b"[]"), hang_up):
            self.on("GET /v1/status", answer)
            out, err = self.drover("status", code=1)
            self.assertEqual(out, "")
            self.assertEqual(err.count("\n"), 1)
            self.assertNotIn("\x1b", err)
        self.on("GET /v1/status", (502, b"<html>"))
        self.drover("status", code=6)
        self.on("POST /v1/run", hang_up)
        self.auditor.asked.clear()
        _, err = self.drover("run", code=1)
        self.assertIn("may have been done", err)
        self.assertEqual(len(self.auditor.asked), 1)  # never sent again

    def test_hostile_errors(self):
        self.on("POST /v1/run", (409, error(
            "gate", "a\x1b]0;x\x07\n\u202eb" + "é" * 5000, "c")))
        _, err = self.drover("run", code=5)
        self.assertIn("a\\x1b]0;x\\x07\\n\\u{202e}b", err)
        self.assertEqual(err.count("\n"), 1)
        self.assertLess(len(err), 1000)

    def test_answers_of_the_wrong_shape(self):
        wrong = [{}, [], "x", 1, None, {"objects": 5, "lanes": "x",
                                        "source": [], "gate": None},
                 {"matches": {}, "clusters": 1, "unmatched": [1, []],
                  "problems": {}, "records": [[1]], "items": [None]}]
        for body in wrong:
            for call in ("status", "plan", "ready", "find", "rejected/a/b",
                         "reports/owners.json", "reports/duplicates.json",
                         "reports/sample-diff.json",
                         "reports/reconciliation.json"):
                self.on("GET /v1/" + call, (200, body))
            self.on("POST /v1/plan/propose", (200, body))
            self.on("POST /v1/plan/check", (200, body))
            self.on("POST /v1/target/refresh", (200, body))
            for args in (["status"], ["plan", "show"], ["owners"],
                         ["duplicates"], ["plan", "propose"],
                         ["rejected", "show", "a", "b"]):
                self.drover(*args)
            for args in (["find", "x"], ["plan", "check"], ["ready"],
                         ["ready", "--refresh"], ["reconcile"]):
                self.drover(*args, code=1)


class Terminal(Cli):
    def on_terminal(self, *args, until, **env):
        """Runs it on a terminal until `until` is there or it ends; returns
        (process, what it wrote)."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        full = dict(self.env, TERM="xterm", **env)
        p = subprocess.Popen([str(self.bench.bin("drover")), *args],
                             env=full, stdin=slave, stdout=slave,
                             stderr=slave)
        os.close(slave)
        self.addCleanup(self.end, p)
        got, end = b"", time.monotonic() + DEADLINE
        while until.encode() not in got:
            if time.monotonic() > end:
                raise Failure("no %r on the terminal: %r" % (until, got))
            if select.select([master], [], [], 0.05)[0]:
                try:
                    got += os.read(master, 65536)
                except OSError:  # it has ended
                    break
        return p, got.decode()

    def test_watch_draws_anew(self):
        self.on("GET /v1/status", (200, status(pass_=1)),
                (200, status(gate={"next": "none"}, books={"pending": 0})))
        p, out = self.on_terminal("status", "--watch", until="next step   none")
        p.wait(DEADLINE)
        self.assertEqual(p.returncode, 0)
        self.assertIn("\x1b[H", out)
        self.assertIn("\x1b[33m", out)

    def test_no_colour(self):
        self.on("GET /v1/status", (200, STATUS))
        for args, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
            p, out = self.on_terminal("status", *args, until="l-1", **env)
            self.assertNotIn("\x1b[", out)
            p.wait(DEADLINE)
        p, out = self.on_terminal("status", until="l-1")
        self.assertIn("\x1b[33mnot ready\x1b[0m", out)
        p.wait(DEADLINE)

    def test_raw_data_is_harmless_on_a_terminal(self):
        body = '{"a":"\u009b2J \u202e ö","phase":"run"}'.encode()
        self.on("GET /v1/status", (200, body))
        self.on("GET /v1/reports/checklist.md", (200, b"# \x1b[2J" + body))
        for args in (["status", "--json"], ["report", "checklist.md"]):
            p, out = self.on_terminal(*args, until="never")
            p.wait(DEADLINE)
            for bad in "\x1b\u009b\u202e":
                self.assertNotIn(bad, out)
            self.assertIn("\\u{9b}2J \\u{202e} ö", out)
        self.assertEqual(self.drover("status", "--json")[0].encode(),
                         body + b"\n")

    def test_progress_of_a_wait(self):
        self.on("GET /v1/status", (200, STATUS))
        p, out = self.on_terminal("wait", "drained", until="4 of 9 keys")
        self.on("GET /v1/status", (200, status(
            lanes=[dict(STATUS["lanes"][0], complete=True, lag=0)],
            objects=[], books={"pending": 0})))
        p.wait(DEADLINE)
        self.assertEqual(p.returncode, 0)
        self.assertIn("\r\x1b[Kwaiting for", out)

    def test_watch_elsewhere_prints_changes(self):
        self.on("GET /v1/status", (200, status()), (200, status()),
                (200, status(progress={"rate": "9.9"})),
                (200, status(progress={"done": 5})),
                (200, status(gate={"next": "none", "ready": True},
                             books={"pending": 0})))
        out, err = self.drover("status", "--watch")
        lines = out.splitlines()
        self.assertEqual(len(lines), 3, out)
        self.assertIn("4 of 9 done", lines[0])
        self.assertIn("5 of 9 done", lines[1])
        self.assertEqual(err, "")

    def test_watch_as_json(self):
        text = json.dumps(STATUS, indent=1).encode()
        self.on("GET /v1/status", (200, text), (503, error("rebuilding", "x")),
                (200, text), (200, status(gate={"next": "none"},
                                          books={"pending": 0})))
        out, err = self.drover("status", "--watch", "--json")
        lines = out.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertEqual(json.loads(lines[0]), STATUS)
        self.assertEqual(err, "drover: x; do something (still trying)\n")

    def test_interrupted(self):
        self.on("GET /v1/status", (200, STATUS))
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.on("POST /v1/run", lambda r: hold.wait(DEADLINE) and None)
        for args in (["wait", "drained"], ["status", "--watch"], ["run"]):
            self.auditor.asked.clear()
            p = self.start(*args)
            wait_until("it has asked", lambda: self.auditor.asked, DEADLINE)
            p.send_signal(signal.SIGINT)
            _, err = p.communicate(timeout=DEADLINE)
            self.assertEqual(p.returncode, 130, args)
            self.assertEqual(b"may have been carried out" in err,
                             args == ["run"])

    def test_a_reader_that_is_gone(self):
        self.on("GET /v1/records", lambda r: (
            200, b'{"id":"1"}\n' * 50000, {"X-Next": str(time.monotonic())}))
        p = self.start("report", "records.ndjson")
        p.stdout.read(10)
        p.stdout.close()
        self.assertEqual(p.wait(DEADLINE), 1)
        self.assertEqual(p.stderr.read(), b"")


class Completion(Cli):
    def complete(self, line):
        script = self.drover("completion", "bash")[0]
        out = subprocess.run(
            ["bash", "--norc", "-c", script + (
                "\nCOMP_LINE=$1 COMP_POINT=${#1}; _drover; "
                'printf "%s\\n" "${COMPREPLY[@]}"'), "-", line],
            capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual((out.returncode, out.stderr), (0, ""))
        return out.stdout.split()

    def test_bash(self):
        cases = [
            ("drover st", ["status"]),
            ("drover plan ", ["propose", "show", "put", "check", "approve"]),
            ("drover plan a", ["approve"]),
            ("drover --url http://x plan sh", ["show"]),
            ("drover plan approve --b", ["--by"]),
            ("drover status --w", ["--watch"]),
            ("drover report rec", ["reconciliation.json", "records.ndjson"]),
            ("drover wait gate:f", ["freeze"]),
            ("drover report audit.json --out ", []),
            ("drover ru", ["run"]),
        ]
        for line, words in cases:
            self.assertEqual(self.complete(line), words, line)

    def test_every_verb_is_in_every_shell(self):
        help_ = self.drover("--help")[0]
        lines = help_.split("Commands:\n")[1].split("\n\n")[0].splitlines()
        words = {w for line in lines for w in line[2:28].split()
                 if w.islower()}
        self.assertGreater(len(words), 20)
        for shell in ("bash", "zsh", "fish"):
            script = self.drover("completion", shell)[0]
            for word in words:
                self.assertRegex(script, r"\b%s\b" % word)
            if not shutil.which(shell):
                print("left out: %s reads its script (no %s here)"
                      % (shell, shell))
                continue
            path = self.bench.folder / ("completion." + shell)
            path.write_text(script)
            out = subprocess.run([shell, "-n", path], capture_output=True,
                                 text=True, timeout=DEADLINE)
            self.assertEqual((out.returncode, out.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
