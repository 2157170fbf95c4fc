"""The auditor's HTTP API (docs/api.md), seen from outside."""
import http.client
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent /
                       "support"))
from bench import Failure  # noqa: E402

PAGE = 10000


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

    def status(self):
        return self.call("GET", "/v1/status")

    def report(self, name):
        """The bytes of a report; None where it cannot be filled."""
        status, _, text = self.raw("GET", "/v1/reports/" + name)
        if status == 404:
            return None
        if status == 503:
            raise Away("rebuilding")
        if status != 200:
            raise Failure("report %s: %s" % (name, refusal(status, text)[1]))
        return text

    def lines(self, what):
        """All lines of records.ndjson or rejected.ndjson, as bytes."""
        out, after = [], None
        while True:
            path = "/v1/%s?limit=%d" % (what, PAGE)
            if after:
                path += "&after=" + after
            status, headers, text = self.raw("GET", path)
            if status == 503:
                raise Away("rebuilding")
            if status != 200:
                raise Failure("%s: %s" % (path, refusal(status, text)[1]))
            out.append(text)
            after = headers.get("X-Next")
            if not after:
                return b"".join(out)
