"""One migration's processes: both simulators and Drover's services, on a
broker and a Redis that may serve several migrations."""
import json
import os
import pathlib
import re
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Failure, ROOT, call, wait_until  # noqa: E402
from api import Api, Away, Drover  # noqa: E402

LIMITS = {"growth": 1000, "pro": 2000, "enterprise": 5000, "lifted": 0}
# FastTrack's clock in the tail: 46 hours of changes pass in 8 seconds.
TAIL_SCALE = 20000
DEFAULT_PARTITIONS = 6
VISIBILITY_MS = 60000  # below the bound that the source states
KINDS = ["extractor", "transformer", "loader", "auditor"]


def parse_kills(text):
    """"loader@30%,extractor@10%" as [(kind, 0.3), …], lowest share first."""
    out = []
    for part in filter(None, (text or "").replace(" ", "").split(",")):
        m = re.fullmatch(r"(\w+)@(\d+(?:\.\d+)?)%", part)
        if not m or m.group(1) not in KINDS:
            raise Failure("KILL: %r is not like loader@30%% (of %s)" % (
                part, " ".join(KINDS)))
        out.append((m.group(1), float(m.group(2)) / 100))
    return sorted(out, key=lambda k: k[1])


def longest_delay(faults):
    """How long after a request its effect may come, by the fault script."""
    return max([max(int(f["action"].get("late_effect_ms", 0)),
                    int(f["action"].get("delay_ms", 0)))
                for f in faults or []] or [0])


class Options:
    def __init__(self, **kw):
        data = ROOT / "tests" / "data"
        self.source, self.tenant = data / "source", data / "tenant.json"
        self.rate, self.scale = "lifted", 60
        self.loaders, self.transformers = 1, 1
        self.faults, self.source_faults = [], []
        self.kills, self.seed, self.objects = [], 1, None
        self.partitions, self.fallback = DEFAULT_PARTITIONS, False
        self.words = []  # further ones of `drover plan propose`
        # The extractor reads the folder of `source` itself; the simulator that
        # serves it is there for who judges.
        self.folder = False
        for name, value in kw.items():
            if not hasattr(self, name):
                raise Failure("no option " + name)
            setattr(self, name, value)
        if self.rate not in LIMITS:
            raise Failure("RATE is one of %s" % " ".join(LIMITS))


def base_path(tenant):
    """Where the API of the tenant's edition lies (bench 1)."""
    with open(tenant, encoding="utf-8") as f:
        classic = json.load(f).get("edition") == "classic"
    return "/api" if classic else "/crm/sales/api"


class Stack:
    def __init__(self, bench, kafka, redis, name, options):
        self.b, self.kafka, self.redis = bench, kafka, redis
        self.name, self.o = name, options
        self.folder = bench.folder / name
        self.folder.mkdir(exist_ok=True)
        self.now, self.all = {}, []   # running; every one there ever was
        self.counted = {}             # (kind, n): records, over restarts
        self.kills = list(options.kills)
        self.killed = []
        self._targets()
        self.api = Api(self.folder / "api.port", self.folder / "api.token")
        self.drover = Drover(bench.bin("drover"), self.api)
        self.token()

    # ---- the two CRMs ----

    def _targets(self):
        o, limit = self.o, LIMITS[self.o.rate]
        self.scale = o.scale if limit else 1
        self.source = self.b.fasttrack(
            o.source, "--seed", str(o.seed), "--knob", "visibility_lag=random",
            "--knob", "visibility_lag_ms=%d" % VISIBILITY_MS)
        self.target = self.b.freshsales(
            o.tenant, "--seed", str(o.seed), "--clock-scale",
            str(self.scale), "--knob", "rate_plan=%s" % (limit or "lifted"))
        if o.faults:
            self.target.post("/sim/faults", o.faults)
        if o.source_faults:
            self.source.post("/sim/faults", o.source_faults)

    # ---- configuration ----

    def token(self):
        path = self.api.token_file
        path.write_text(os.urandom(24).hex() + "\n")
        path.chmod(0o400)

    def secret(self, name, text):
        path = self.folder / name
        if not path.exists():
            path.write_text(text + "\n")
            path.chmod(0o400)
        return path

    def conf(self, kind):
        common = {"migration": self.name, "kafka.brokers": self.kafka.brokers,
                  "kafka.partitions": self.o.partitions}
        return dict(common, **getattr(self, "_conf_" + kind)())

    def _conf_extractor(self):
        if self.o.folder:
            return {"source.url": "folder:%s" % self.o.source,
                    "tail.poll_ms": 100}
        return {"source.url": "http://127.0.0.1:%d" % self.source.api,
                "source.token_file": self.secret("source.token",
                                                 self.source.key),
                "tail.poll_ms": 100}

    def _conf_transformer(self):
        return {}

    def _conf_loader(self):
        """A rehearsal: what was sent shows its effect at once or after the
        delay of the fault script, and the target's windows are short."""
        limit = LIMITS[self.o.rate]
        conf = {"target.url": "http://127.0.0.1:%d%s"
                % (self.target.api, base_path(self.o.tenant)),
                "target.key_file": self.secret("target.key", self.target.key),
                "redis.address": self.redis.address,
                "rate.hour_limit": limit,
                "rate.minute_limit": 400 if limit else 0,
                "loader.quarantine_ms":
                    2000 + 2 * longest_delay(self.o.faults),
                "loader.parent_wait_ms": 4000}
        if limit:
            conf.update({"rate.hour_ms": 3600000 // self.scale,
                         "rate.minute_ms": 60000 // self.scale,
                         "loader.job_ms": max(1, 300 // self.scale)})
        return conf

    def _conf_auditor(self):
        return {"api.port": 0, "api.port_file": self.api.port_file,
                "api.token_file": self.api.token_file,
                "books.file": self.folder / "books.sqlite"}

    # ---- processes ----

    def begin(self, kind, n=0):
        if kind == "auditor" and self.api.port_file.exists():
            self.api.port_file.unlink()
        p = self.b.service(kind, "%s-%d" % (self.name, n), self.conf(kind))
        self.now[kind, n] = p
        self.all.append((kind, n, p))
        return p

    def start(self, kinds=None):
        """The auditor first: it is to see the snapshot grow."""
        many = {"loader": self.o.loaders, "transformer": self.o.transformers}
        for kind in kinds or ["auditor", "extractor", "transformer",
                              "loader"]:
            for n in range(many.get(kind, 1)):
                p = self.begin(kind, n)
                if kind == "auditor":
                    self.until_answers()
        for kind, n in list(self.now):
            if kind != "extractor" and (not kinds or kind in kinds):
                self.b.ready(self.now[kind, n])

    def until_answers(self, timeout=60):
        """The auditor's API answers; its books may still be rebuilt."""
        def there():
            self.check_alive()
            try:
                self.api.call("GET", "/v1/status")
                return True
            except Away:
                return self.api.port_file.exists()
        auditor = self.now["auditor", 0]
        wait_until(lambda: "the auditor answers: " + auditor.tail(), there,
                   timeout)

    def kill(self, kind, n=0):
        """kill -9."""
        p = self.now.pop((kind, n))
        self.count(kind, n, p)
        p.kill()
        self.killed.append((kind, n))

    def again(self, kind, n=0):
        return self.begin(kind, n)

    def check_alive(self):
        for p in [self.kafka, self.redis, self.source, self.target,
                  *self.now.values()]:
            if not p.alive():
                raise Failure("%s ended by itself with %s. Its log's end:\n%s"
                              % (p.name, p.code, p.tail(20)))

    def kill_due(self, shares):
        """Kills what is due by {kind: share done}; the names of the killed."""
        out = []
        for kind, share in list(self.kills):
            done = shares.get(kind, shares.get("*", 0))
            if done < share:
                continue
            self.kills.remove((kind, share))
            n = sum(k == kind for k, _ in self.killed) % max(1, sum(
                k == kind for k, _ in self.now))
            self.kill(kind, n)
            self.again(kind, n)
            out.append("%s %d killed at %.0f %%" % (kind, n, done * 100))
        return out

    def wait(self, what, look, timeout, tick=None, step=0.2):
        """The first true value of look(status), where the auditor answers.
        Kills that are due happen, and every process must live."""
        until, last = time.monotonic() + timeout, None
        while True:
            self.check_alive()
            try:
                last = self.drover.status()
                value = last and look(last)
                if tick and last:
                    tick(last)
            except Away as e:
                value, last = None, last or str(e)
            if value:
                return value
            if time.monotonic() >= until:
                raise Failure("not within %g s: %s\nstatus: %s\n%s" % (
                    timeout, what, last, self.tails()))
            time.sleep(step)

    def tails(self, lines=3):
        return "\n".join("%s: %s" % (p.name, p.tail(lines))
                         for p in self.now.values())

    def stop(self):
        """SIGTERM to all; the services must end with 0."""
        bad = []
        for (kind, n), p in list(self.now.items()):
            self.count(kind, n, p)
        for p in self.now.values():
            p.signal(signal.SIGTERM)  # once: a second one means at once
        for key, p in list(self.now.items()):
            wait_until(lambda: "%s stops: %s" % (p.name, p.tail()), p.reap,
                       60)
            if p.code != 0:
                bad.append("%s ended with %s: %s" % (p.name, p.code,
                                                     p.tail()))
            del self.now[key]
        for p in (self.source, self.target):
            p.stop()
        if bad:
            raise Failure("\n".join(bad))

    # ---- figures ----

    def count(self, kind, n, p):
        """The records that a process says it has dealt with."""
        try:
            status, text = call(self.b.port_of(p, 5), "GET", "/metrics",
                                timeout=5, raw=True)
        except (OSError, Failure):
            return
        total = 0
        for line in text.decode("utf-8", "replace").splitlines():
            if re.match(r"drover_\w*records_total\{.*outcome=\""
                        r"(emitted|read|done|refused)\"", line):
                total += int(float(line.split()[-1]))
        key = (kind, n)
        self.counted[key] = self.counted.get(key, 0) + total

    def figures(self):
        """The lines of timing.json: the restarts of one instance summed."""
        out = []
        for kind, n in sorted({(k, n) for k, n, _ in self.all}):
            f = [p.figures() for k, m, p in self.all if (k, m) == (kind, n)]
            out.append({
                "name": kind, "instance": str(n),
                "wall_s": round(sum(x["wall_s"] for x in f), 3),
                "cpu_s": round(sum(x["cpu_s"] or 0 for x in f), 3),
                "peak_rss_kib": max(x["peak_rss_kib"] or 0 for x in f),
                "records": self.counted.get((kind, n), 0),
                "starts": len(f)})
        return out
