#!/usr/bin/env python3
"""Attachments of the simulated FastTrack (source contract 4.8)."""
import hashlib
import http.client
import json
import pathlib
import socket
import sys
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT, call, ndjson  # noqa: E402
from source_folder import SourceFolder  # noqa: E402

SOURCE = ROOT / "tests" / "data" / "source"
PATTERN = bytes(i % 251 for i in range(251)) * 5000
LARGE = 1000003


class Downloads(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        folder = SourceFolder(SOURCE, self.bench.folder / "source")
        folder.attachments([
            ("f_1", {}, b"twelve bytes"),
            ("f_empty", {}, b""),
            ("f_short", {"size": "99"}, b"not 99 bytes"),
            ("f_wrong", {"sha256": "0" * 64}, b"another hash"),
            ("f_ghost", {"size": "7"}, None),
            ("f_large", {"size": str(LARGE)}, "pattern251"),
        ])
        self.source = folder.done()

    def sim(self, *knobs):
        more = [x for k in knobs for x in ("--knob", k)]
        self.s = self.bench.fasttrack(self.source, *more)
        return self.s

    def address(self, rid, status=200):
        got, body = call(self.s.api, "POST",
                         "/v1/attachments/%s/download-url" % rid, {},
                         self.s.key)
        self.assertEqual(got, status, body)
        return body

    def get(self, url, **headers):
        """(status, headers, bytes until the end or the cut, whole?)"""
        u = urllib.parse.urlsplit(url)
        c = http.client.HTTPConnection(u.hostname, u.port, timeout=20)
        try:
            c.request("GET", u.path + "?" + u.query, headers=headers)
            r = c.getresponse()
            try:
                return r.status, dict(r.getheaders()), r.read(), True
            except http.client.IncompleteRead as e:
                return r.status, dict(r.getheaders()), e.partial, False
        finally:
            c.close()

    def fetch(self, rid, **headers):
        return self.get(self.address(rid)["url"], **headers)

    def fault(self, **action):
        self.s.post("/sim/faults", [{
            "name": "f", "match": {"path": "^/files/"}, "action": action}])

    def test_bytes_come_from_another_port_and_as_the_folder_has_them(self):
        self.sim()
        at = self.address("f_1")
        self.assertEqual(urllib.parse.urlsplit(at["url"]).port,
                         self.s.download)
        self.assertGreater(at["expires_at"], at["server_time"])
        self.assertEqual(self.get(at["url"])[2], b"twelve bytes")
        for rid, data in (("f_empty", b""), ("f_short", b"not 99 bytes"),
                          ("f_wrong", b"another hash")):
            status, _, body, whole = self.fetch(rid)
            self.assertEqual((status, body, whole), (200, data, True))
        self.assertEqual(self.fetch("f_ghost")[0], 404)
        self.address("nothing", 404)
        self.s.post("/sim/admin/attachment/f_1", None, "DELETE")
        self.address("f_1", 410)

    def test_a_generated_file_is_right_in_every_range(self):
        self.sim()
        whole = PATTERN[:LARGE]
        status, head, body, _ = self.fetch("f_large")
        self.assertEqual((status, head["Content-Length"]), (200, str(LARGE)))
        self.assertEqual(hashlib.sha256(body).digest(),
                         hashlib.sha256(whole).digest())
        for text, want in (("bytes=5-9", whole[5:10]),
                           ("bytes=999990-", whole[999990:]),
                           ("bytes=-7", whole[-7:]),
                           ("bytes=300-9999999", whole[300:])):
            status, head, body, _ = self.fetch("f_large", Range=text)
            self.assertEqual((status, body == want), (206, True), text)
            self.assertTrue(head["Content-Range"].endswith("/%d" % LARGE))
        status, head, _, _ = self.fetch("f_large", Range="bytes=1000003-")
        self.assertEqual((status, head["Content-Range"]),
                         (416, "bytes */%d" % LARGE))
        self.assertEqual(self.fetch("f_large", Range="lines=1-2")[0], 200)

    def test_an_attachment_that_came_later_has_bytes_too(self):
        self.sim()
        record = self.s.records("attachment")[0]
        self.s.post("/sim/admin/attachment", dict(
            record, id="f_new", properties=dict(record["properties"],
                                                size="600")))
        self.assertEqual(self.fetch("f_new")[2], PATTERN[:600])

    def test_addresses_expire_and_cannot_be_made_up(self):
        self.sim("download_ttl_ms=5000")
        url = self.address("f_1")["url"]
        other = url.replace("f_1", "f_wrong")
        self.assertEqual(self.get(other)[0], 403)
        self.assertEqual(self.get(url)[0], 200)
        self.s.post("/sim/clock", {"advance_ms": 5000})
        self.assertEqual(self.get(url)[0], 403)
        self.assertEqual(self.fetch("f_1", Range="bytes=7-")[2], b"bytes")

    def test_an_address_expires_by_the_walls_clock_when_asked(self):
        self.sim("download_ttl_ms=60000", "download_clock=real")
        url = self.address("f_1")["url"]
        self.s.post("/sim/clock", {"advance_ms": 86400000})
        self.assertEqual(self.get(url)[0], 200)

    def test_the_expiry_fault_voids_what_was_given(self):
        self.sim()
        url, second = (self.address("f_1")["url"] for _ in range(2))
        self.fault(expire="download")
        self.assertEqual(self.get(url)[0], 403)
        self.assertEqual(self.get(second)[0], 403)
        self.assertEqual(self.fetch("f_1")[0], 200)

    def test_a_token_that_comes_here_is_counted_and_refused(self):
        self.sim()
        self.assertEqual(self.s.get("/sim/stats")["token_leaks"], 0)
        status, _, body, _ = self.fetch(
            "f_1", Authorization="Bearer " + self.s.key)
        self.assertEqual(status, 400)
        self.assertNotIn(b"twelve", body)
        stats = self.s.get("/sim/stats")
        self.assertEqual((stats["token_leaks"], stats["downloads"]), (1, 1))

    def test_a_redirect_leads_where_the_script_says(self):
        self.sim()
        self.fault(redirect="http://169.254.169.254/latest")
        status, head, _, _ = self.fetch("f_1")
        self.assertEqual((status, head["Location"]),
                         (302, "http://169.254.169.254/latest"))

    def test_bodies_are_cut_and_lie_about_their_length(self):
        self.sim()
        for action, n in (({"close": "mid"}, LARGE // 2),
                          ({"truncate": 1000}, 1000),
                          ({"garble": "content_length"}, LARGE),
                          ({"garble": "chunked_no_end"}, LARGE)):
            self.fault(**action)
            status, _, body, whole = self.fetch("f_large")
            self.assertEqual((status, len(body), whole), (200, n, False),
                             action)
        for action in ({"close": "before"}, {"close": "after"}):
            self.fault(**action)
            with self.assertRaises((http.client.HTTPException, OSError)):
                self.fetch("f_1")
        self.fault(status=503, retry_after="2")
        status, head, _, _ = self.fetch("f_1")
        self.assertEqual((status, head["Retry-After"]), (503, "2"))

    def test_a_bomb_is_small_on_the_wire(self):
        self.sim()
        self.fault(garble="gzip_bomb")
        status, head, body, _ = self.fetch("f_1")
        self.assertEqual((status, head["Content-Encoding"]), (200, "gzip"))
        self.assertLess(len(body), 1 << 20)

    def test_an_endless_body_has_no_end_and_stops_nobody_else(self):
        self.sim()
        self.fault(garble="endless")
        u = urllib.parse.urlsplit(self.address("f_1")["url"])
        with socket.create_connection((u.hostname, u.port), 20) as s:
            s.sendall(("GET %s?%s HTTP/1.1\r\nHost: t\r\n\r\n" % (
                u.path, u.query)).encode())
            got = 0
            while got < 3000000:
                got += len(s.recv(65536))
            self.assertEqual(self.fetch("f_1")[2], b"twelve bytes")

    def test_a_slow_body_takes_its_time_and_no_elses(self):
        self.sim()
        self.fault(bytes_per_s=20)
        u = urllib.parse.urlsplit(self.address("f_1")["url"])
        with socket.create_connection((u.hostname, u.port), 20) as s:
            s.sendall(("GET %s?%s HTTP/1.1\r\nHost: t\r\n"
                       "Connection: close\r\n\r\n" % (
                           u.path, u.query)).encode())
            self.assertEqual(self.fetch("f_1")[2], b"twelve bytes")
            text, pieces = b"", 0
            while not text.endswith(b"twelve bytes"):
                piece = s.recv(65536)
                self.assertTrue(piece)
                text, pieces = text + piece, pieces + 1
            self.assertGreater(pieces, 3)

    def test_the_journal_tells_each_download(self):
        self.sim()
        self.fetch("f_1", Range="bytes=0-3")
        line = ndjson(self.s.admin, "/sim/journal")[-1]
        self.assertEqual((line["path"], line["range"], line["status"],
                          line["bytes_out"]), ("/files/f_1", "bytes=0-3",
                                               206, 4))
        self.assertNotIn(self.s.key, json.dumps(line))


if __name__ == "__main__":
    unittest.main(verbosity=2)
