"""What tests of the simulated Freshsales share: one simulator a test, calls to
its public API, what its admin port holds."""
import http.client
import json
import unittest

from bench import Bench, ROOT, ndjson, wait_until

TENANT = ROOT / "tests" / "data" / "tenant.json"


BOUNDARY = "----drover-test"


def form(parts, boundary=BOUNDARY):
    """parts: (name, value) or (name, value, file name as it is quoted)."""
    out = []
    for name, value, *filename in parts:
        head = 'Content-Disposition: form-data; name="%s"' % name
        if filename:
            head += '; filename="%s"\r\nContent-Type: text/csv' % filename[0]
        value = value if isinstance(value, bytes) else str(value).encode()
        out.append(b"--%s\r\n%s\r\n\r\n%s\r\n" % (
            boundary.encode(), head.encode(), value))
    return b"".join(out) + b"--" + boundary.encode() + b"--\r\n"


class FreshsalesCase(unittest.TestCase):
    base = "/crm/sales/api"

    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)

    def sim(self, *knobs, tenant=TENANT, more=()):
        args = [x for k in knobs for x in ("--knob", k)]
        self.s = self.bench.freshsales(tenant, *args, *more)
        self.tenant = self.s.get("/sim/tenant")
        self.users = [u["id"] for u in self.tenant["selectors"]["users"]]
        self.user = self.users[0]
        self.stages = self.tenant["selectors"]["deal_stages"]
        self.statuses = self.tenant["selectors"]["contact_statuses"]
        return self.s

    def changed_tenant(self, **members):
        """A tenant file with these members instead of its own."""
        path = self.bench.folder / "changed.json"
        path.write_text(json.dumps(dict(json.loads(TENANT.read_text()),
                                        **members)))
        return path

    def knob(self, **values):
        self.s.post("/sim/knobs", values)

    def fault(self, **entry):
        self.s.post("/sim/faults", [dict({"name": "f", "match": {}}, **entry)])

    def raw(self, method, path, body=None, key=None):
        c = http.client.HTTPConnection("127.0.0.1", self.s.api, timeout=10)
        try:
            c.request(method, self.base + path,
                      json.dumps(body) if body is not None else None,
                      {"Authorization": "Token token=" + (key or self.s.key)})
            r = c.getresponse()
            self.headers = dict(r.getheaders())
            return r.status, r.read()
        finally:
            c.close()

    def send(self, body, content_type=None, path="/documents"):
        """An upload: status and answer."""
        c = http.client.HTTPConnection("127.0.0.1", self.s.api, timeout=60)
        try:
            c.request("POST", self.base + path, body, {
                "Authorization": "Token token=" + self.s.key, "Content-Type":
                content_type or "multipart/form-data; boundary=" + BOUNDARY})
            r = c.getresponse()
            return r.status, json.loads(r.read())
        finally:
            c.close()

    def call(self, method, path, body=None, key=None):
        status, data = self.raw(method, path, body, key)
        return status, json.loads(data)

    def ok(self, method, path, body=None):
        status, answer = self.call(method, path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, method, path, body=None, status=400):
        got, answer = self.call(method, path, body)
        self.assertEqual(got, status, answer)
        self.assertEqual(answer["errors"]["code"], status)
        return answer["errors"]["message"]

    def account(self, name, **more):
        return self.ok("POST", "/sales_accounts", {
            "sales_account": dict({"name": name}, **more)})["sales_account"]

    def contact(self, email, **more):
        return self.ok("POST", "/contacts", {
            "contact": dict({"emails": email, "last_name": "L"},
                            **more)})["contact"]

    def deal(self, name, **more):
        return self.ok("POST", "/deals", {
            "deal": dict({"name": name, "amount": 1}, **more)})["deal"]

    def product(self, name, **more):
        return self.ok("POST", "/cpq/products", {
            "product": dict({"name": name}, **more)})["product"]

    def task(self, title, **more):
        return self.ok("POST", "/tasks", {
            "task": dict({"title": title, "due_date":
                          "2026-02-01T09:00:00Z"}, **more)})["task"]

    def held(self, kind, rid):
        rows = [r for r in self.s.records(kind) if r["id"] == rid]
        self.assertEqual(len(rows), 1)
        return rows[0]

    def names(self, kind="sales_accounts"):
        return [r["name"] for r in self.s.records(kind)]

    def deleted(self, kind):
        return [r["id"] for r in ndjson(self.s.admin, "/sim/deleted/" + kind)]

    def journal(self):
        return ndjson(self.s.admin, "/sim/journal")

    def view(self, kind, name):
        views = self.ok("GET", "/%s/filters" % kind)["filters"]
        return [v["id"] for v in views if v["name"] == name][0]

    def bulk(self, kind, items, wait=True):
        """The finished job's data."""
        status, body = self.call("POST", "/%s/bulk_upsert" % kind,
                                 {kind: items})
        self.assertIn(status, (200, 202), body)
        job = "/job_statuses/" + body["job_status_url"].rsplit("/", 1)[1]
        if not wait:
            return job
        wait_until("the job is done", lambda: self.call("GET", job)[1][
            "progress"] == 100, 10, step=0.02)
        return json.loads(self.call("GET", job)[1]["data"])
