#!/usr/bin/env python3
"""Values that would end a start: --check-config names each with its key, what
it is, what is wrong and what is allowed, and the start says the very same."""
import json
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, ROOT  # noqa: E402

GOOD, CONFIG = 0, 64
SERVICES = ("extractor", "transformer", "loader", "auditor")
COMMON = [
    ("migration", "Big One", "a to z"),
    ("log.level", "loud", "debug, info, warn or error is wanted"),
    ("kafka.brokers", "http://kafka:9092", "host or host:port is wanted"),
    ("kafka.brokers", "kafka:99999", "host or host:port is wanted"),
    ("kafka.partitions", "many", "a whole number from 1 to 512 is wanted"),
    ("http.bind", "localhost", "is not an IPv4 address"),
    ("kafka.brokers", "ssl:///kafka:9093", "host or host:port is wanted"),
    ("kafka.brokers", "SSL://SSL://kafka:9093", "host or host:port is wanted"),
    ("http.port_file", "/nowhere/port", "No such file or directory"),
    ("http.port_file", "/tmp", "a file is wanted"),
]
OWN = {
    "extractor": [
        ("source.until", "yesterday", "a date as 2026-03-02 is wanted"),
        ("source.until", "2026-02-30", "a date as 2026-03-02 is wanted"),
        ("source.url", "ftp://x", "is not an http(s) address"),
        ("source.url", "http://crm.example", "use https"),
        ("source.url", "https://", "is not an http(s) address"),
        ("source.url", "folder:/nowhere", "No such file or directory"),
        ("source.profile", "/nowhere.json", "No such file or directory"),
        ("source.profile", "/", "cannot be read"),
        ("source.profile", str(ROOT / "README.md"), ""),
        ("source.bulk_export", "always", "auto or never is wanted"),
        ("source.download_hosts", "https://cdn.example",
         "host or host:port is wanted"),
        ("source.download_hosts", "a.example, b.example:0",
         "host or host:port is wanted"),
        ("source.download_hosts", "a.example b.example",
         "host or host:port is wanted"),
        ("source.token_file", "", "needed unless source.url is folder:DIR"),
        ("source.refresh_file", "/nowhere/kept", "No such file or directory"),
        ("source.refresh_file", "/tmp", "a file is wanted"),
        ("source.refresh_file", "/tmp/kept", "leave it empty"),
        ("tail.poll_ms", "soon", "a whole number from 10 to 3600000"),
        ("source.allow_plain", "perhaps", "true or false is wanted"),
    ],
    "transformer": [],
    "loader": [
        ("target.url", "crm.example", "is not an http(s) address"),
        ("target.url", "http://crm.example/crm/sales", "use https"),
        ("redis.address", "redis:six", "host:port is wanted"),
        ("redis.address", "redis://x:6379", "host:port is wanted"),
    ],
    "auditor": [
        ("api.bind", "everywhere", "is not an IPv4 address"),
        ("api.port", "8421", "http.port is the same"),
        ("api.port_file", "/nowhere/port", "No such file or directory"),
        ("books.file", "/nowhere/books.db", "No such file or directory"),
        ("books.file", "/tmp/", "a file is wanted"),
        ("books.file", "/tmp", "a file is wanted"),
        ("api.port_file", "/tmp", "a file is wanted"),
    ],
}


class Config(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)
        token = self.bench.secret("token", "a-token-that-is-long-enough")
        self.good = {
            "extractor": {"source.url": "https://crm.example",
                          "source.token_file": token},
            "transformer": {},
            "loader": {"target.url": "https://x.example/crm/sales",
                       "target.key_file": token,
                       "redis.address": "127.0.0.1:6379"},
            "auditor": {"books.file": self.bench.folder / "books.db",
                        "api.token_file": token}}

    def run_it(self, service, *flags, **more):
        b = self.bench
        conf = dict({"migration": "acme", "kafka.brokers": "127.0.0.1:1"},
                    **self.good[service])
        conf.update({k: v for k, v in more.items()})
        path = b.folder / "service.conf"
        path.write_text("".join("%s = %s\n" % kv for kv in conf.items()))
        p = subprocess.run([str(b.bin("drover-" + service)), "--config",
                            str(path), *flags], capture_output=True,
                           timeout=60)
        return p.returncode, p.stderr.decode()

    def refused(self, service, key, value, says, **more):
        more = dict(more, **{key: value})
        code, told = self.run_it(service, "--check-config", **more)
        self.assertEqual(code, CONFIG, (service, key, value, told))
        self.assertIn(key + (" = %s" % value[:40] if value else ""), told)
        self.assertIn(says, told)
        self.assertEqual(told.count("\n"), 1)
        self.assertEqual(self.run_it(service, **more), (code, told))

    def test_what_is_good_passes(self):
        folder = str(ROOT / "tests" / "data" / "source")
        for service in SERVICES:
            self.assertEqual(self.run_it(service, "--check-config"),
                             (GOOD, ""))
            self.assertEqual(self.run_it(service, "--check-config", **{
                "kafka.brokers": "PLAINTEXT://kafka:9092, SSL://[::1]:9093, "
                "SASL_PLAINTEXT://b:9094,sasl_ssl://c"}), (GOOD, ""))
        for more in ({"source.until": "2026-03-02"},
                     {"source.until": "2026-03-02T08:00:00Z"},
                     {"source.download_hosts": "cdn.example, [::1]:8443, "
                                               "files.example:443"},
                     {"source.url": "folder:" + folder,
                      "source.token_file": ""},
                     {"source.profile": ROOT / "deploy" / "conf" /
                      "profiles" / "other-crm-1.json"}):
            self.assertEqual(self.run_it("extractor", "--check-config",
                                         **more), (GOOD, ""))

    def test_the_examples_pass(self):
        """But for where their secrets and the books lie."""
        b = self.bench
        for service in SERVICES:
            path = b.folder / (service + ".conf")
            path.write_text(re.sub(
                "/(etc|var/lib)/drover/", "%s/" % b.folder,
                (ROOT / "deploy" / "conf" / "examples" /
                 (service + ".conf")).read_text()))
            for name in re.findall("%s/(.*)" % b.folder, path.read_text()):
                if not name.endswith(".db"):
                    secret = b.folder / name
                    secret.unlink(missing_ok=True)
                    secret.write_text("a-token-that-is-long-enough")
                    secret.chmod(0o400)
            p = subprocess.run([str(b.bin("drover-" + service)), "--config",
                                str(path), "--check-config"], timeout=60,
                               capture_output=True)
            self.assertEqual((p.returncode, p.stderr), (GOOD, b""))

    def test_what_is_not_is_named(self):
        for service in SERVICES:
            for key, value, says in COMMON + OWN[service]:
                with self.subTest(service, key=key, value=value):
                    more = {"http.port": "8421"} if key == "api.port" else {}
                    self.refused(service, key, value, says, **more)

    def test_all_of_it_is_told_at_once(self):
        """One line a fault, of the table's keys and of what it cannot say;
        what follows from a fault of the same key is none."""
        wrong = {"migration": "Big One", "log.level": "loud",
                 "kafka.brokers": "", "kafka.partitions": "many",
                 "http.bind": "localhost"}
        own = {"extractor": {"source.url": "ftp://x", "tail.poll_ms": "soon",
                             "source.until": "yesterday",
                             "source.bulk_export": "always"},
               "loader": {"target.url": "", "redis.address": "redis:six",
                          "target.key_file": "/nowhere/key"},
               "auditor": {"api.bind": "everywhere", "books.file": "/tmp",
                           "api.token_file": ""},
               "transformer": {}}
        for service in SERVICES:
            with self.subTest(service):
                more = dict(wrong, **own[service])
                code, told = self.run_it(service, "--check-config", **more)
                self.assertEqual(code, CONFIG)
                lines = told.splitlines()
                self.assertEqual(len(lines), len(more), told)
                for key in more:
                    self.assertEqual(sum(key in x for x in lines), 1, told)
                self.assertEqual(self.run_it(service, **more), (code, told))

    def test_parts_that_contradict_each_other(self):
        folder = "folder:" + str(ROOT / "tests" / "data" / "source")
        self.refused("extractor", "source.profile", "x.json",
                     "leave it empty", **{"source.url": folder})
        for reserve, hour in ((1000, 1000), (1001, 1000), (1, 1)):
            self.refused("loader", "rate.reserve", str(reserve),
                         "rate.hour_limit (%d)" % hour,
                         **{"rate.hour_limit": hour})
        for plan in ("Pro", "gold", "0"):
            self.refused("loader", "target.plan", plan,
                         "growth, pro or enterprise")
        for more in ({"rate.reserve": 999, "rate.hour_limit": 1000},
                     {"target.plan": "pro"}, {"target.plan": "blossom"},
                     {"rate.reserve": 1000, "rate.hour_limit": 0},
                     {"rate.reserve": 999, "rate.minute_limit": 1}):
            self.assertEqual(self.run_it("loader", "--check-config", **more),
                             (GOOD, ""))
        profile = self.bench.folder / "profile.json"
        profile.write_text((
            ROOT / "deploy" / "conf" / "profiles" / "fasttrack-1.json"
            ).read_text().replace('"hosts": []', '"hosts": ["crm.other"]'))
        self.refused("extractor", "source.url", "https://crm.example",
                     "does not allow this host",
                     **{"source.profile": profile})

    def test_oauth2(self):
        """The profile, the secrets and the file that is kept must agree."""
        b = self.bench
        profile = json.loads((ROOT / "deploy" / "conf" / "profiles" /
                              "fasttrack-1.json").read_text())
        profile["auth"] = {"type": "oauth2", "grant": "refresh_token",
                           "token_url": "https://crm.example/token"}
        path = b.folder / "profile.json"
        path.write_text(json.dumps(profile))
        kept = b.folder / "kept"
        good = {"source.profile": path, "source.refresh_file": kept,
                "source.token_file": b.secret(
                    "oauth", "client_id=a\nrefresh_token=hush")}
        self.assertEqual(self.run_it("extractor", "--check-config", **good),
                         (GOOD, ""))
        self.refused("extractor", "source.token_file",
                     str(b.secret("plain", "hush-hush")),
                     "lines client_id=", **{"source.profile": path})
        self.refused("extractor", "source.token_file",
                     str(b.secret("half", "client_id=a")),
                     "lacks the line refresh_token=",
                     **{"source.profile": path})
        kept.write_text("hush-hush\n")
        kept.chmod(0o600)
        self.refused("extractor", "source.refresh_file", str(kept),
                     "no name=value", **{k: v for k, v in good.items()
                                         if k != "source.refresh_file"})
        profile["auth"]["token_url"] = "https://id.example/token"
        path.write_text(json.dumps(profile))
        self.refused("extractor", "source.profile", str(path),
                     "/auth/token_url: its host is not allowed",
                     **{"source.token_file": good["source.token_file"]})

    def test_all_of_oauth2_is_told_at_once(self):
        b = self.bench
        profile = json.loads((ROOT / "deploy" / "conf" / "profiles" /
                              "fasttrack-1.json").read_text())
        profile["auth"] = {"type": "oauth2", "grant": "refresh_token",
                           "client_auth": "basic",
                           "token_url": "https://id.example/token"}
        path = b.folder / "profile.json"
        path.write_text(json.dumps(profile))
        kept = b.folder / "kept"
        kept.write_text("hush-hush\n")
        kept.chmod(0o600)
        conf = {"source.profile": path, "source.refresh_file": kept,
                "source.token_file": b.secret("half", "client_id=a")}
        code, told = self.run_it("extractor", "--check-config", **conf)
        lines = told.splitlines()
        self.assertEqual((code, len(lines)), (CONFIG, 3), told)
        for text in ("lacks the line client_secret=, the line refresh_token=,",
                     "no name=value", "/auth/token_url: its host"):
            self.assertEqual(sum(text in x for x in lines), 1, told)
        self.assertEqual(self.run_it("extractor", **conf), (code, told))

    def test_a_secret_that_no_header_holds(self):
        """Each character becomes more than one on its way into it."""
        b = self.bench
        profile = json.loads((ROOT / "deploy" / "conf" / "profiles" /
                              "fasttrack-1.json").read_text())
        path = b.folder / "profile.json"
        oauth2 = {"type": "oauth2", "grant": "client_credentials",
                  "client_auth": "basic",
                  "token_url": "https://crm.example/token"}
        for name, auth, secret in (
                ("plain", {"type": "basic"}, "a:" + 3500 * "s"),
                ("client", oauth2, "client_id=a\nclient_secret=" +
                 1200 * "/")):
            with self.subTest(name):
                path.write_text(json.dumps(dict(profile, auth=auth)))
                self.refused("extractor", "source.token_file",
                             str(b.secret(name, secret)), "is too long",
                             **{"source.profile": path})

    def test_a_secret_that_all_may_read(self):
        for service, key in (("auditor", "api.token_file"),
                             ("extractor", "source.token_file"),
                             ("loader", "target.key_file")):
            path = self.bench.secret("open-" + service, "0123456789abcdef")
            path.chmod(0o666)
            for flags in (["--check-config"], []):
                code, told = self.run_it(service, *flags, **{key: path})
                self.assertEqual(code, CONFIG, told)
                for text in (key, str(path), "(mode 0666)", "chmod 0400"):
                    self.assertIn(text, told)
            path.chmod(0o440)
            self.assertEqual(self.run_it(service, "--check-config",
                                         **{key: path}), (GOOD, ""))

    def test_a_mounted_secret(self):
        """As Kubernetes mounts one: all in the container may read it, and
        nobody may write it."""
        b = self.bench
        mount = b.folder / "mount"
        mount.mkdir()
        token = mount / "token"
        token.write_text("0123456789abcdef")
        token.chmod(0o644)
        conf = b.folder / "mounted.conf"
        conf.write_text("migration = acme\nkafka.brokers = 127.0.0.1:1\n"
                        "books.file = %s\napi.token_file = %s\n"
                        % (b.folder / "books", token))
        argv = [str(b.bin("drover-auditor")), "--config", str(conf),
                "--check-config"]
        at = shlex.quote(str(mount))
        script = "mount --bind %s %s && mount -o remount,bind,ro %s" % (
            at, at, at)
        space = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
        try:
            subprocess.run(space + [script], check=True, capture_output=True,
                           timeout=60)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("no mounts can be made here")
        self.assertEqual(subprocess.run(argv, capture_output=True,
                                        timeout=60).returncode, CONFIG)
        p = subprocess.run(space + [script + " && " + shlex.join(argv)],
                           capture_output=True, timeout=60)
        self.assertEqual((p.returncode, p.stderr), (GOOD, b""))

    def test_secrets(self):
        short = str(self.bench.secret("short", "short"))
        self.refused("auditor", "api.token_file", short,
                     "shorter than 16 characters")
        code, told = self.run_it(
            "extractor", "--check-config",
            **{"source.url": "https://ann:secret@crm.example"})
        self.assertEqual(code, CONFIG)
        self.assertIn("source.url: ", told)
        self.assertNotIn("secret@", told)


if __name__ == "__main__":
    unittest.main()
