"""The token endpoint of a CRM (OAuth2, RFC 6749): tokens that end, refresh
tokens that rotate, refusals on demand. By itself or inside a simulated CRM.

    tokens = Tokens("refresh_token", lasts_s=5, rotates=True)
    server = TokenServer(tokens)
    server.port
"""
import base64
import http.server
import json
import threading
import time
import urllib.parse

from other_crm import Server


class Tokens:
    """What has been given, and what is valid now."""
    ID, SECRET = "app-17", "cl1ent+s3cret/=&x"

    def __init__(self, grant, lasts_s=3600, rotates=False, basic=False,
                 scope=None, audience=None, given=None):
        self.grant, self.lasts_s, self.rotates = grant, lasts_s, rotates
        self.basic, self.scope, self.audience = basic, scope, audience
        self.given = given      # is told of each new access token
        self.lock = threading.Lock()
        self.refresh = "r3fresh-0" if grant == "refresh_token" else None
        self.ends = {}          # access token -> monotonic time
        self.secrets = {self.SECRET} | ({self.refresh} - {None})
        self.asked = []         # (monotonic time, status) of each call
        self.faults = []        # (status, body, headers): instead of a token
        self.strangers = 0      # calls for records that were not let in
        self.usual = True       # False: no token lets anybody in

    def file(self):
        """What stands in the file of source.token_file."""
        out = "# the app of this test\nclient_id=%s\nclient_secret = %s\n" % (
            self.ID, self.SECRET)
        return out + ("refresh_token=%s\n" % self.refresh
                      if self.refresh else "")

    def auth(self, url, **more):
        """What stands in the profile."""
        out = {"type": "oauth2", "grant": self.grant, "token_url": url}
        if self.basic:
            out["client_auth"] = "basic"
        out.update({k: v for k, v in (("scope", self.scope),
                                      ("audience", self.audience)) if v})
        return dict(out, **more)

    # ---- what the CRM does ----

    def lets_in(self, authorization):
        kind, _, token = (authorization or "").partition(" ")
        with self.lock:
            end = self.ends.get(token, 0) if kind == "Bearer" else 0
            there = self.usual and time.monotonic() < end
            self.strangers += not there
            return there

    def take_back(self):
        """All access tokens, before their end."""
        with self.lock:
            self.ends.clear()

    def new_refresh(self):
        with self.lock:
            return self._new_refresh()

    def _new_refresh(self):
        self.refresh = "r3fresh-%d" % len(self.secrets)
        self.secrets.add(self.refresh)
        return self.refresh

    # ---- the endpoint ----

    def answer(self, headers, data):
        """(status, body, headers)"""
        with self.lock:
            out = self.faults.pop(0) if self.faults else \
                self._token(headers, data)
            self.asked.append((time.monotonic(), out[0]))
        if out[0] == 200 and self.given:
            self.given(out[1]["access_token"])
        return out

    def _token(self, headers, data):
        form = dict(urllib.parse.parse_qsl(data.decode(),
                                           strict_parsing=True))
        if headers.get("Content-Type") != "application/x-www-form-urlencoded" \
                or form.pop("grant_type", None) != self.grant:
            return 400, {"error": "unsupported_grant_type"}, {}
        if not self._knows(headers, form):
            return 401, {"error": "invalid_client"}, {}
        if form.pop("refresh_token", None) != self.refresh:
            return 400, {"error": "invalid_grant"}, {}
        if (form.pop("scope", None), form.pop("audience", None), form) != \
                (self.scope, self.audience, {}):
            return 400, {"error": "invalid_request"}, {}
        token = "acc3ss-%d" % len(self.secrets)
        self.secrets.add(token)
        self.ends[token] = time.monotonic() + self.lasts_s
        out = {"access_token": token, "token_type": "Bearer",
               "expires_in": self.lasts_s}
        if self.rotates:
            out["refresh_token"] = self._new_refresh()
        return 200, out, {"Cache-Control": "no-store"}

    def _knows(self, headers, form):
        if not self.basic:
            return (form.pop("client_id", None),
                    form.pop("client_secret", None)) == (self.ID, self.SECRET)
        pair = ":".join(urllib.parse.quote(s, safe="")
                        for s in (self.ID, self.SECRET))
        return headers.get("Authorization") == "Basic " + \
            base64.b64encode(pair.encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *args):
        pass

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, body, headers = self.server.tokens.answer(self.headers, data)
        data = json.dumps(body).encode()
        self.send_response(status)
        for kv in dict(headers, **{"Content-Length": str(len(data))}).items():
            self.send_header(*kv)
        self.end_headers()
        self.wfile.write(data)


class TokenServer:
    """An endpoint on a host of its own."""

    def __init__(self, tokens):
        self.http = Server(("127.0.0.1", 0), Handler)
        self.http.errors, self.http.tokens = [], tokens
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join(10)
        self.http.server_close()
        if self.http.errors:
            raise AssertionError(self.http.errors)
