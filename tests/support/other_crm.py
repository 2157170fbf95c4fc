#!/usr/bin/env python3
"""A CRM of another shape, out of an export folder: what
deploy/conf/profiles/other-crm-1.json describes. Words for booleans, "" for
null, boxed values, a search that lags, archived records in a listing of their
own, no versions, no index, no tombstones; its clock runs as fast as is wanted.
It lets in by a key, or by OAuth2 at /oauth/token (oauth.Tokens).

    with OtherCrm(FOLDER) as crm:
        crm.port, crm.key
        crm.play()
"""
import base64
import csv
import email.utils
import http.server
import json
import pathlib
import re
import sys
import threading
import time
import urllib.parse
from datetime import datetime, timezone

KINDS = {"product": "products", "company": "companies", "contact": "contacts",
         "deal": "deals", "line_item": "line_items", "task": "tasks",
         "note": "notes"}
BOXED = {"company", "deal"}     # {"name":{"value":…}}
YES_NO = {"contact"}            # Yes and No, not true and false
RENAMED = {"contact": {"first_name": "firstname", "last_name": "lastname",
                       "job_title": "jobtitle", "phone": "mobile",
                       "phones": "mobiles"}}
TYPES = {"enum": "enumeration", "multi_enum": "enumeration", "bool": "bool",
         "datetime": "datetime", "date": "date", "json": "json",
         "int": "number", "decimal": "number", "money": "number",
         "percent": "number", "duration": "number"}
LAG_MS = 30000                  # of the search, by the CRM's own clock
CAP = 10000                     # rows that a search gives in all
BODY_MAX = 1 << 20
AT_ONCE = 16                    # connections
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def millis(text):
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=timezone.utc).timestamp() * 1000)


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (ms % 1000)


class Refusal(Exception):
    def __init__(self, status, category, message):
        super().__init__(message)
        self.status, self.category = status, category


class Store:
    """The records, and what the API says of them."""

    def __init__(self, folder, scale, knobs):
        self.folder, self.scale = pathlib.Path(folder), scale
        self.knobs = set(knobs)
        self.cap = next((int(k[4:]) for k in knobs if k.startswith("cap:")),
                        CAP)
        self.lock = threading.RLock()
        self.manifest = json.loads((self.folder / "manifest.json").read_text())
        self.schema = json.loads((self.folder / "schema.json").read_text())
        self.t0 = millis(self.manifest["produced_at"])
        self.started = time.monotonic()
        self.calls = 0
        self.records = {k: {} for k in KINDS}
        self.ends = {}          # (from, to) -> {id: [end]}
        self.changes = []
        self.types = {k: {p["name"]: (p["data_type"], p["multi"]) for p in
                          self.schema["properties"][k]["results"]}
                      for k in KINDS}
        for kind in KINDS:
            self._load(kind)
        for path in sorted((self.folder / "associations").glob("*.csv")):
            self._load_ends(path)
        path = self.folder / "changes.ndjson"
        if path.exists():
            self.changes = [json.loads(line) for line in
                            path.read_text().splitlines()]

    def _load(self, kind):
        for path in sorted((self.folder / "objects").glob(kind + "-0*")):
            for line in path.read_text().splitlines():
                r = json.loads(line)
                r["stamp"] = millis(r["created_at" if "never_edited" in
                                      self.knobs else "updated_at"])
                r["archived_ms"] = millis(r["archived_at"]) \
                    if r["archived_at"] else None
                r["seen_ms"] = 0
                self.records[kind][r["id"]] = r

    def _load_ends(self, path):
        pair = next(((f, t) for f in KINDS for t in KINDS
                     if path.stem == f + "_" + t), None)
        if not pair:
            return
        with open(path, newline="") as f:
            for row in csv.DictReader(f):
                self.add_end(pair, row["from_id"], {
                    "to_id": row["to_id"], "type_id": row["type_id"],
                    "label": row["label"], "category": row["category"],
                    "primary": row["primary"] == "true"})

    def add_end(self, pair, rid, end):
        self.ends.setdefault(pair, {}).setdefault(rid, []).append(end)

    def now(self):
        return self.t0 + int((time.monotonic() - self.started) * 1000
                             * self.scale)

    # ---- what happens in the CRM ----

    def apply(self, c):
        with self.lock:
            getattr(self, "op_" + c["op"])(c, self.now())

    def op_upsert(self, c, now):
        if c["type"] in KINDS:
            r = dict(c["record"], stamp=now, seen_ms=now)
            r["archived_ms"] = now if r["archived"] else None
            self.records[c["type"]][c["id"]] = r

    def op_delete(self, c, now):
        if c["type"] in KINDS:
            self.records[c["type"]].pop(c["id"], None)

    op_merge = op_purge = op_delete

    def op_archive(self, c, now):
        r = self.records.get(c["type"], {}).get(c["id"])
        if r:  # moves no stamp
            r.update(archived=True, archived_ms=now)

    def op_restore(self, c, now):
        r = self.records.get(c["type"], {}).get(c["id"])
        if r:
            r.update(archived=False, archived_ms=None, stamp=now, seen_ms=now)

    def op_assoc_add(self, c, now):
        self.add_end((c["from_type"], c["to_type"]), c["from_id"], {
            k: c[k] for k in ("to_id", "type_id", "label", "category",
                              "primary")})

    def op_assoc_remove(self, c, now):
        ends = self.ends.get((c["from_type"], c["to_type"]), {})
        ends[c["from_id"]] = [e for e in ends.get(c["from_id"], [])
                              if e["to_id"] != c["to_id"]]

    def op_schema(self, c, now):
        pass

    # ---- the shape ----

    def value(self, kind, name, v):
        data_type, multi = self.types[kind].get(name, ("string", False))
        if v is None:
            return ""
        if isinstance(v, bool):
            return ("Yes" if v else "No") if kind in YES_NO else \
                ("true" if v else "false")
        if isinstance(v, list) and (multi or data_type == "multi_enum"):
            return v if any(";" in one for one in v) else ";".join(v)
        if data_type == "json" and not isinstance(v, str):
            return json.dumps(v)
        if data_type == "datetime" and isinstance(v, str) and \
                UTC.fullmatch(v):
            return str(millis(v))
        return v

    def row(self, kind, r):
        props = {}
        for name, v in r["properties"].items():
            if name == "record_kind" and kind == "contact":
                name, v = "kind", "lead" if v == "person" else "customer"
            shown = self.value(kind, name, v)
            name = RENAMED.get(kind, {}).get(name, name)
            props[name] = {"value": shown} if kind in BOXED else shown
        return {"id": r["id"], "createdAt": iso(millis(r["created_at"])),
                "lastmodifieddate": str(r["stamp"]),
                "archived": r["archived"],
                "archivedAt": iso(r["archived_ms"]) if r["archived_ms"]
                else "",
                "ownerRef": r["owner_id"] or "", "createdBy": r["created_by"],
                "properties": props}

    def alive(self, kind, archived=False):
        out = [r for r in self.records[kind].values()
               if bool(r["archived"]) == archived]
        out.sort(key=lambda r: r["id"], reverse="list_unordered" in self.knobs)
        return out

    def cut(self, rows, at, limit):
        """A page of them, and where the next begins."""
        if "cursor_ignored" in self.knobs:
            at = 0
        if "page_size_ignored" in self.knobs:
            limit = 5
        page = rows[at:at + limit]
        return page, at + limit if at + limit < len(rows) else None


def paging(after):
    return {"next": {"after": str(after)}} if after is not None else None


class Api:
    """One method a path."""

    def __init__(self, store):
        self.s = store

    def answer(self, method, path, query, body):
        for verb, pattern, fn in self.ROUTES:
            m = re.fullmatch(pattern, path)
            if m and verb == method:
                args = [urllib.parse.unquote(g) for g in m.groups()]
                with self.s.lock:
                    self.s.calls += 1
                    return fn(self, query, body, *args)
        raise Refusal(404, "NOT_FOUND", "no such path")

    @staticmethod
    def kind(remote):
        for kind, name in KINDS.items():
            if name == remote:
                return kind
        raise Refusal(404, "NOT_FOUND", "no such object")

    @staticmethod
    def whole(text, most):
        if not re.fullmatch(r"\d{1,9}", text) or int(text) > most:
            raise Refusal(400, "VALIDATION_ERROR", "no number, or too large")
        return int(text)

    def account(self, query, body):
        return {"portalId": 4711, "companyName": "Arboretum Supplies",
                "accountType": "STANDARD", "timeZone": "Europe/Malta",
                "companyCurrency": "USD"}

    def listed(self, query, body, remote):
        kind = self.kind(remote)
        archived = query.get("archived") == "true"
        rows = self.s.alive(kind, archived)
        page, after = self.s.cut(rows, self.whole(query.get("after", "0"),
                                                  10 ** 9),
                                 self.whole(query.get("limit", "10"), 100))
        if "broken:" + kind in self.s.knobs and rows[0] in page:
            raise Refusal(500, "RECORD_UNREADABLE", "the first one is broken")
        shown = [self.s.row(kind, r) for r in page]
        if "nameless:" + kind in self.s.knobs and rows[0] in page:
            shown[page.index(rows[0])]["id"] = ""
        return {"results": shown,
                "paging": paging(after), "total": len(rows)}

    def index(self, query, body, remote):
        kind = self.kind(remote)
        rows = sorted(self.s.records[kind].values(), key=lambda r: r["id"])
        page, after = self.s.cut(rows, self.whole(query.get("after", "0"),
                                                  10 ** 9),
                                 self.whole(query.get("limit", "10"), 100))
        return {"paging": paging(after), "ids": [
            {"id": r["id"], "lastmodifieddate": str(r["stamp"]),
             "archived": r["archived"]} for r in page]}

    def offset_list(self, query, body):
        rows = self.s.alive("contact")
        page, _ = self.s.cut(rows, self.whole(query.get("offset", "0"),
                                              10 ** 9),
                             self.whole(query.get("count", "10"), 100))
        return {"contacts": [self.s.row("contact", r) for r in page],
                "total": len(rows)}

    def page_list(self, query, body):
        n = self.whole(query.get("count", "10"), 100)
        at = self.whole(query.get("page", "1"), 10 ** 6)
        page, _ = self.s.cut(self.s.alive("task"), (at - 1) * n, n)
        return {"tasks": [self.s.row("task", r) for r in page]}

    def search(self, query, body, remote):
        kind = self.kind(remote)
        since, before = 0, 10 ** 15
        for f in body.get("filters", []):
            if f["operator"] in ("GTE", "GT"):
                since = int(f["value"]) + (f["operator"] == "GT")
            elif f["operator"] == "LT":
                before = int(f["value"])
        if "filter_ignored" in self.s.knobs:
            since, before = 0, 10 ** 15
        seen = self.s.now() - LAG_MS
        rows = [r for r in self.s.alive(kind) if since <= r["stamp"] < before
                and r["seen_ms"] <= seen]
        rows.sort(key=lambda r: (r["stamp"], r["id"]),
                  reverse="order_descending" in self.s.knobs)
        at = self.whole(body.get("after", "0"), 10 ** 9)
        limit = self.whole(str(body.get("limit", 10)), 100)
        if at + limit > self.s.cap:
            raise Refusal(400, "RESULT_WINDOW", "beyond the result window")
        page, after = self.s.cut(rows, at, limit)
        return {"total": len(rows), "paging": paging(after), "results": [
            {"id": r["id"], "lastmodifieddate": str(r["stamp"])}
            for r in page]}

    def batch(self, query, body, remote):
        kind = self.kind(remote)
        ids = [i["id"] for i in body["inputs"]]
        if len(ids) > 50:
            raise Refusal(400, "VALIDATION_ERROR", "at most 50")
        rows = [self.s.records[kind].get(i) for i in ids]
        stale = "stamp_differs" in self.s.knobs
        out = [self.s.row(kind, r) for r in rows
               if r and bool(r["archived"]) == bool(body.get("archived"))]
        for r in out if stale else []:
            r["lastmodifieddate"] = str(int(r["lastmodifieddate"]) + 5000)
        return {"status": "COMPLETE", "results": out}

    def one(self, query, body, remote, rid):
        kind = self.kind(remote)
        r = self.s.records[kind].get(rid)
        if not r or r["archived"]:
            raise Refusal(404, "OBJECT_NOT_FOUND", "resource not found")
        return self.s.row(kind, r)

    def associations(self, query, body, remote, remote_to):
        kind, to = self.kind(remote), self.kind(remote_to)
        out = []
        for i in body["inputs"]:
            at = int(i.get("after", "0"))
            ends = self.line_ends(i["id"]) if (kind, to) == \
                ("deal", "line_item") else \
                self.s.ends.get((kind, to), {}).get(i["id"], [])
            page = ends[at:at + 2]
            if not page:
                continue
            row = {"from": {"id": i["id"]}, "to": [self.end(e) for e in page]}
            if at + 2 < len(ends):
                row["paging"] = paging(at + 2)
            out.append(row)
        return {"status": "COMPLETE", "results": out}

    def line_ends(self, deal):
        return [{"to_id": r["id"], "type_id": "19", "label": "Line",
                 "category": "system", "primary": False}
                for r in sorted(self.s.records["line_item"].values(),
                                key=lambda r: r["id"])
                if r["properties"]["deal_id"] == deal]

    @staticmethod
    def end(e):
        return {"toObjectId": e["to_id"], "associationTypes": [{
            "category": "DEFINED" if e["category"] == "system"
            else "USER_DEFINED", "typeId": int(e["type_id"]),
            "label": e["label"], "isPrimary": "Yes" if e["primary"]
            else "No"}]}

    def properties(self, query, body, remote):
        kind = self.kind(remote)
        rename = RENAMED.get(kind, {})
        return {"results": [{
            "name": rename.get(p["name"], p["name"]), "label": p["label"],
            "type": TYPES.get(p["data_type"], "string"),
            "fieldType": "checkbox" if p["multi"] else "text",
            "calculated": p["calculated"], "readOnlyValue": p["read_only"],
            "archived": p["archived"],
            "options": [{"value": o["value"], "label": o["label"],
                         "displayOrder": o["order"], "hidden": o["hidden"]}
                        for o in p["options"] or []]}
            for p in self.s.schema["properties"][kind]["results"]]}

    def owners(self, query, body):
        rows = json.loads((self.s.folder / "owners.json").read_text())[
            "results"]
        page, after = self.s.cut(rows, self.whole(query.get("after", "0"),
                                                  10 ** 6),
                                 self.whole(query.get("limit", "100"), 100))
        return {"paging": paging(after), "results": [
            {"ownerId": o["id"], "userRef": o["user_id"],
             "type": o["kind"].upper(), "mail": o["email"] or "",
             "firstName": o["first_name"], "lastName": o["last_name"],
             "active": "true" if o["active"] else "false"} for o in page]}

    def pipelines(self, query, body, remote):
        self.kind(remote)
        rows = json.loads((self.s.folder / "pipelines.json").read_text())
        return {"results": [{
            "id": p["id"], "label": p["label"], "displayOrder": p["order"],
            "archived": p["archived"], "stages": [{
                "id": s["id"], "label": s["label"],
                "displayOrder": s["order"], "archived": s["archived"],
                "metadata": {"probability": s["probability"],
                             "isClosed": "true" if s["is_closed"]
                             else "false",
                             "isWon": "true" if s["is_won"] else "false",
                             "forecast": s["forecast_category"]}}
                for s in p["stages"]]}
            for p in rows["deal"]["results"]]}

    ROUTES = [
        ("GET", "/account-info", account),
        ("GET", "/crm/objects/([^/]+)", listed),
        ("GET", "/crm/v1/contacts", offset_list),
        ("GET", "/crm/v1/tasks", page_list),
        ("POST", "/crm/objects/([^/]+)/search", search),
        ("POST", "/crm/objects/([^/]+)/batch/read", batch),
        ("GET", "/crm/index/([^/]+)", index),
        ("GET", "/crm/objects/([^/]+)/([^/]+)", one),
        ("POST", "/crm/associations/([^/]+)/([^/]+)/batch/read",
         associations),
        ("GET", "/crm/properties/([^/]+)", properties),
        ("GET", "/crm/owners", owners),
        ("GET", "/crm/pipelines/([^/]+)", pipelines),
    ]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(self.server.store.now() / 1000,
                                      usegmt=True)

    def reply(self, status, body, retry=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if "no_limit_headers" not in self.server.store.knobs:
            self.send_header("X-RateLimit-Limit", "100")
            self.send_header("X-RateLimit-Remaining", "99")
        if retry:
            self.send_header("Retry-After", retry)
        self.end_headers()
        self.wfile.write(data)

    def send_header(self, keyword, value):
        if keyword == "Date" and "no_date" in self.server.store.knobs:
            return
        super().send_header(keyword, value)

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            self.close_connection = True
            return self.reply(413, {"category": "TOO_LARGE"})
        data = self.rfile.read(length)
        with self.server.slots:
            return self.work(data)

    def is_known(self, query):
        """By the header, or in the one way that a knob asks for."""
        knobs, key = self.server.store.knobs, self.server.key
        if self.server.tokens:
            return self.server.tokens.lets_in(
                self.headers.get("Authorization"))
        if "auth_query" in knobs:
            return query.get("api_key") == key
        if "auth_basic" in knobs:
            return self.headers.get("Authorization") == "Basic " + \
                base64.b64encode(key.encode()).decode()
        return self.headers.get("X-Crm-Key") == key

    def work(self, data):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if self.server.tokens and url.path == "/oauth/token":
            status, body, headers = self.server.tokens.answer(self.headers,
                                                              data)
            return self.reply(status, body, headers.get("Retry-After"))
        if not self.is_known(query):
            return self.reply(401, {"category": "INVALID_AUTHENTICATION"})
        store = self.server.store
        store_calls = store.calls
        if "limited" in store.knobs and store_calls % 97 == 3:
            store.calls += 1
            return self.reply(429, {"category": "RATE_LIMITS"}, "1")
        hidden = [k for k in store.knobs if k.startswith("forbidden:")]
        if any("/" + k.split(":")[1] in url.path for k in hidden):
            return self.reply(403, {"category": "MISSING_SCOPES"})
        try:
            body = json.loads(data) if data else None
            return self.reply(200, self.server.api.answer(
                self.command, url.path, query, body))
        except Refusal as e:
            return self.reply(e.status, {"status": "error",
                                         "category": e.category,
                                         "message": str(e)})

    do_GET = do_POST = serve


class Server(http.server.ThreadingHTTPServer):
    """A client that goes away is no error; any other is kept and told."""
    daemon_threads = True

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            self.errors.append(repr(error))


class OtherCrm:
    """The server, on a free port, until it is closed."""

    def __init__(self, folder, scale=1, knobs=(), port=0, key="k-other",
                 tokens=None):
        self.store = Store(folder, scale, knobs)
        self.key = key
        self.http = Server(("127.0.0.1", port), Handler)
        self.http.errors = []
        self.http.store, self.http.key = self.store, key
        self.http.tokens = tokens  # OAuth2 instead of the key
        self.http.api = Api(self.store)
        self.http.slots = threading.BoundedSemaphore(AT_ONCE)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.http.shutdown()
        self.thread.join(10)
        self.http.server_close()
        if self.http.errors:
            raise AssertionError(self.http.errors)

    def play(self, only=None):
        """All changes of the folder, now."""
        for c in self.store.changes:
            if only is None or c["op"] in only:
                self.store.apply(c)
