#!/usr/bin/env python3
"""Files and links of the simulated Freshsales (API reference 11.1, 19.4)."""
import collections
import hashlib
import http.client
import pathlib
import sys
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import call, ndjson, wait_until  # noqa: E402
from freshsales import BOUNDARY, FreshsalesCase, form  # noqa: E402

class Files(FreshsalesCase):
    def setUp(self):
        super().setUp()
        self.sim()
        self.c = self.contact("a@a.example")

    def upload(self, data, name="a.csv", target=None, **more):
        return self.send(form(
            [("file_name", name), ("is_shared", "false"),
             ("targetable_id", target or self.c["id"]),
             ("targetable_type", "Contact"), *more.items(),
             ("file", data, name)]))

    def sent(self, *args, **more):
        status, answer = self.upload(*args, **more)
        self.assertEqual(status, 200, answer)
        return answer["document"]

    def fetch(self, url):
        u = urllib.parse.urlsplit(url)
        self.assertEqual(u.port, self.s.download)
        return call(u.port, "GET", u.path + "?" + u.query, raw=True)

    def lines(self):
        return ndjson(self.s.admin, "/sim/files")

    def test_bytes_come_back(self):
        data = bytes(range(256)) * 20 + b"\r\n--" + BOUNDARY.encode()[:-1]
        d = self.sent(data, "Überblick.csv")
        self.assertEqual(
            (d["content_file_name"], d["content_file_size"],
             d["content_content_type"], d["is_shared"]),
            ("Überblick.csv", len(data), "text/csv", False))
        want = {"id": d["id"], "name": "Überblick.csv", "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "content_type": "text/csv", "parent_type": "Contact",
                "parent_id": self.c["id"]}
        line = self.lines()[0]
        self.assertEqual({k: line[k] for k in want}, want)
        self.assertEqual(self.s.records("files"), [line])
        self.assertEqual(self.fetch(d["url"]), (200, data))
        self.assertEqual(call(self.s.admin, "GET", "/sim/files/%d" % d["id"],
                              raw=True), (200, data))
        j = self.journal()[-1]
        self.assertEqual(j["record_ids"], [{"type": "files", "id": d["id"],
                                            "op": "create"}])
        self.assertEqual(self.s.get("/sim/stats")["created"]["files"], 1)

    def test_an_empty_and_a_large_file(self):
        small = self.sent(b"")
        data = b"0123456789abcdef" * (1 << 20)  # in a file, not in memory
        large = self.sent(data)
        self.assertEqual(self.fetch(small["url"]), (200, b""))
        self.assertEqual(self.fetch(large["url"]), (200, data))
        self.assertEqual(large["content_file_size_readable"], "16 MB")

    def test_names_as_clients_quote_them(self):
        for quoted, want in (('a\\"b\\\\c.csv', 'a"b\\c.csv'),
                             ("a%22b%0D%0Ac.csv", 'a"b\r\nc.csv'),
                             ("50%.csv", "50%.csv"),
                             ("a;b=c.csv", "a;b=c.csv")):
            status, answer = self.send(form([
                ("targetable_id", self.c["id"]),
                ("targetable_type", "Contact"), ("file", b"x", quoted)]))
            self.assertEqual(status, 200, answer)
            self.assertEqual(answer["document"]["content_file_name"], want)

    def test_where_files_hang(self):
        deal = self.deal("D")["id"]
        for model, rid in (("Deal", deal), ("SalesAccount", self.account(
                "A")["id"]), ("Product", self.product("P")["id"])):
            status, answer = self.upload(b"x", target=rid,
                                         targetable_type=model)
            self.assertEqual(status, 200, answer)
            self.assertEqual(self.lines()[-1]["parent_type"], model)
        self.assertEqual(self.upload(b"x", target=1)[0], 400)
        self.assertEqual(self.upload(b"x", targetable_type="Task")[0], 400)
        self.assertEqual(self.upload(b"x", name="n" * 256)[0], 400)
        self.assertEqual(self.send(form([("file", b"x", "a.csv")]))[0], 400)
        self.ok("POST", "/document_links", {
            "url": "https://files.example/1", "name": "One", "is_shared":
            False, "targetable_id": deal, "targetable_type": "Deal"})
        self.refused("POST", "/document_links", {
            "url": "https://files.example/1", "targetable_id":
            self.product("Q")["id"], "targetable_type": "Product"})
        self.refused("POST", "/document_links", {
            "name": "x", "targetable_id": deal, "targetable_type": "Deal"})
        got = self.ok("GET", "/deals/%d/document_associations" % deal)
        self.assertEqual([d["content_file_name"] for d in got["documents"]],
                         ["a.csv"])
        self.assertEqual([x["url"] for x in got["document_links"]],
                         ["https://files.example/1"])
        self.assertEqual(
            [(x["document_type"], x["targetable_id"])
             for x in got["document_associations"]],
            [("Document", deal), ("DocumentLink", deal)])
        self.assertEqual(got["meta"], {"total_pages": 1, "total": 2})
        got = self.ok("GET", "/deals/%d/document_associations?page=2"
                      "&per_page=1" % deal)
        self.assertEqual((len(got["documents"]), len(got["document_links"])),
                         (0, 1))
        self.assertEqual(len(self.s.records("document_links")), 1)

    def test_no_delete_and_no_list(self):
        d = self.sent(b"x")
        for method, path in (("DELETE", "/documents/%d" % d["id"]),
                             ("GET", "/documents/%d" % d["id"]),
                             ("GET", "/documents"),
                             ("GET", "/contacts/%d/documents" % self.c["id"])):
            self.refused(method, path, status=404)
        self.ok("DELETE", "/contacts/%d/forget" % self.c["id"])
        self.assertEqual(self.lines(), [])  # it was not shared

    def test_shared_files_outlive_their_record(self):
        self.sent(b"x", is_shared="true")
        self.ok("DELETE", "/contacts/%d/forget" % self.c["id"])
        self.assertEqual(len(self.lines()), 1)

    def test_limits_of_size_and_storage(self):
        self.knob(file_limit="10")
        self.sent(b"x" * 10)
        status, answer = self.upload(b"x" * 11)
        self.assertEqual((status, answer["errors"]["code"]), (413, 413))
        self.knob(file_too_large="400")
        self.assertEqual(self.upload(b"x" * 11)[0], 400)
        self.knob(storage_bytes="15")
        self.sent(b"x" * 5)
        status, answer = self.upload(b"x")
        self.assertEqual((status, answer["errors"]["code"]), (400, 400))
        self.ok("DELETE", "/contacts/%d/forget" % self.c["id"])
        self.c = self.contact("b@a.example")
        self.sent(b"x" * 10)  # there is room again
        self.knob(storage_bytes="plan", plan="free")
        self.assertEqual(self.upload(b"x")[0], 400)
        self.knob(plan="growth")
        self.sent(b"x")
        self.assertEqual(self.s.get("/sim/tenant")["plan"], "growth")

    def test_beyond_any_limit(self):
        body = form([("file", b"x" * (161 << 20), "a.csv")])
        status, answer = self.send(body)
        self.assertEqual((status, answer["errors"]["code"]), (413, 413))
        # Room for a form is none for other calls.
        status, answer = self.send(b"[" + b" " * (65 << 20) + b"]")
        self.assertEqual(status, 400)
        self.refused("POST", "/contacts", "x" * (65 << 20), 413)
        self.assertEqual(self.lines(), [])

    def test_addresses_expire(self):
        self.knob(document_url_s="0")
        url = self.sent(b"x")["url"]
        wait_until("the address expires",
                   lambda: self.fetch(url)[0] == 403, 10)
        self.knob(document_url_s="300")
        got = self.ok("GET", "/contacts/%d/document_associations"
                      % self.c["id"])
        url = got["documents"][0]["url"]
        self.assertEqual(self.fetch(url), (200, b"x"))
        self.assertEqual(self.fetch(url.replace("expires=", "expires=9"))[0],
                         403)
        self.assertEqual(self.fetch(url[:-1])[0], 403)
        self.fault(action={"expire": "download"}, times=1)
        self.ok("GET", "/tasks?filter=open")
        self.assertEqual(self.fetch(url)[0], 403)
        self.assertEqual(call(self.s.download, "GET", "/files/1?expires=1",
                              raw=True)[0], 404)

    def test_lost_answers_and_late_effects(self):
        self.fault(match={"method": "POST", "path": "/documents$"}, times=1,
                   action={"close": "after"})
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            self.upload(b"once")
        self.fault(match={"method": "POST", "path": "/documents$"}, times=1,
                   action={"late_effect_ms": 100})
        self.assertEqual(self.upload(b"once")[0], 408)
        lines = wait_until("both are there", lambda: len(self.lines()) == 2
                           and self.lines(), 10)
        # Sent twice, they are twice there: what tells a second sending.
        same = collections.Counter((x["parent_id"], x["name"], x["sha256"])
                                   for x in lines)
        self.assertEqual(list(same.values()), [2])

    def test_an_upload_that_is_broken_off_leaves_nothing(self):
        body = form([("targetable_id", self.c["id"]),
                     ("targetable_type", "Contact"),
                     ("file", b"x" * (6 << 20), "a.csv")])
        conn = http.client.HTTPConnection("127.0.0.1", self.s.api, timeout=60)
        conn.putrequest("POST", self.base + "/documents")
        for name, value in (
                ("Authorization", "Token token=" + self.s.key),
                ("Content-Type", "multipart/form-data; boundary=" + BOUNDARY),
                ("Content-Length", str(len(body)))):
            conn.putheader(name, value)
        conn.endheaders(body[:-1])
        conn.close()
        self.sent(b"whole")
        self.assertEqual([x["size"] for x in self.lines()], [5])

    def test_a_person_removes_one_and_adds_none(self):
        d = self.sent(b"x" * 10)
        self.assertEqual(call(self.s.admin, "POST", "/sim/admin/files", {
            "content_file_name": "a"})[0], 400)
        self.knob(storage_bytes="10")
        self.assertEqual(self.upload(b"x")[0], 400)
        self.s.post("/sim/admin/files/%d" % d["id"], {}, "DELETE")
        self.assertEqual(self.lines(), [])
        self.sent(b"x")  # its room is free

    def test_forms_that_are_none(self):
        good = form([("targetable_id", self.c["id"]),
                     ("targetable_type", "Contact"), ("file", b"x", "a.csv")])
        kind = "multipart/form-data; boundary="
        for body, content_type in (
                (good, None), (good[:-8], kind + BOUNDARY),
                (good, kind), (good, kind + "x" * 71),
                (good, kind + "other"), (good, "application/json"),
                (b"", kind + BOUNDARY), (good[2:], kind + BOUNDARY),
                (form([("a", "b")] * 33), kind + BOUNDARY),
                (form([("a" * 9000, "b")]), kind + BOUNDARY),
                (form([("file_name", "x" * 5000), ("file", b"x", "a")]),
                 kind + BOUNDARY),
                (good.replace(b"a.csv", b"\xff.csv"), kind + BOUNDARY),
                (b"--%s\r\n\r\nx\r\n--%s--" % ((BOUNDARY.encode(),) * 2),
                 kind + BOUNDARY)):
            status, answer = self.send(body, content_type)
            if content_type is None:
                self.assertEqual(status, 200, answer)
            else:
                self.assertEqual((status, answer["errors"]["code"]),
                                 (400, 400), (body[:100], content_type))
        self.assertEqual(len(self.lines()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
