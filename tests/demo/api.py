"""The auditor from outside: its HTTP API (docs/api.md) and the `drover`
command, which is how a migration is driven."""
import http.client
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent /
                       "support"))
from bench import Failure  # noqa: E402

# Exit codes of the command that mean more than failure.
PROBLEMS, GATE, LATER = 4, 5, 6


class Refused(Failure):
    """A gate did not open, or the plan has problems."""


class Away(Exception):
    """The auditor is not there or still rebuilds its books: ask again."""


def refusal(status, text):
    """What an error of the API says, in one line."""
    try:
        body = json.loads(text)
        e = body["error"]
        more = "; ".join("%s %s.%s: %s" % (
            p.get("code"), p.get("object"), p.get("field"), p.get("detail"))
            for p in body.get("problems", [])[:8])
        return e["code"], "%s (%d %s). %s %s" % (
            e["message"], status, e["code"], e.get("cure") or "", more)
    except (ValueError, KeyError, TypeError):
        return "", "%d: %s" % (status, text[:500])


class Api:
    """One auditor. `port` and `token` are files: both are read at each call,
    so that a restarted auditor is found again."""

    def __init__(self, port_file, token_file):
        self.port_file = pathlib.Path(port_file)
        self.token_file = pathlib.Path(token_file)

    def port(self):
        try:
            return int(self.port_file.read_text())
        except (OSError, ValueError):
            raise Away("the auditor has no port yet") from None

    def raw(self, method, path, body=None, timeout=120):
        conn = http.client.HTTPConnection("127.0.0.1", self.port(),
                                          timeout=timeout)
        headers = {"Authorization": "Bearer " +
                   self.token_file.read_text().strip()}
        if body is not None:
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            conn.request(method, path, body=body, headers=headers)
            answer = conn.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as e:
            raise Away("%s %s: %s" % (method, path, e)) from None
        finally:
            conn.close()
        return answer.status, answer.headers, text

    def call(self, method, path, body=None):
        """The answer's JSON; None for 404."""
        status, _, text = self.raw(method, path, body)
        if status == 404:
            return None
        if status >= 400:
            code, why = refusal(status, text)
            if status == 503:
                raise Away(why)
            if status in (409, 422):
                raise Refused("%s %s: %s" % (method, path, why))
            raise Failure("%s %s: %s" % (method, path, why))
        return json.loads(text) if text else None


class Drover:
    """The command. Each verb gives the JSON that it prints."""

    def __init__(self, binary, api):
        self.binary, self.api = str(binary), api

    def text(self, *words, ok=(0,)):
        """What the verb prints with --json, as bytes."""
        p = subprocess.run(
            [self.binary, "--url", "http://127.0.0.1:%d" % self.api.port(),
             "--token-file", str(self.api.token_file), "--json",
             *map(str, words)], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=900)
        if p.returncode in ok:
            return p.stdout
        why = "drover %s: %s (exit %d)" % (
            " ".join(map(str, words)),
            p.stderr.decode("utf-8", "replace").strip(), p.returncode)
        if p.returncode == LATER:
            raise Away(why)
        raise (Refused if p.returncode in (PROBLEMS, GATE) else Failure)(why)

    def json(self, *words, ok=(0,)):
        return json.loads(self.text(*words, ok=ok))

    def status(self):
        return self.json("status")

    def report(self, name):
        """The bytes of a report; None where it cannot be filled."""
        try:
            return self.text("report", name)
        except Failure:
            if self.api.raw("GET", "/v1/reports/" + name)[0] == 404:
                return None
            raise
