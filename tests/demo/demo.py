#!/usr/bin/env python3
"""make demo: a whole migration on this machine, without questions.

Starts Kafka, Redis, both simulated CRMs and Drover's services, plays the
admin (creates what the checklist asks for, names a fallback owner, approves),
runs sample, full run and tail, freezes, cuts over, reconciles, and leaves the
reports of the bench reference, section 2 and 3, in OUT.

Exit: 0 balanced and verified; 3 the books do not balance; 4 verified
differences; 5 a gate refused; 1 anything else.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from bench import Bench, Failure, ROOT, call, wait_until  # noqa: E402

EXIT_UNBALANCED, EXIT_DIFFERENT, EXIT_GATE = 3, 4, 5
# The hour of the target's rate window lasts this many times less.
SCALE = 60
TAIL_SCALE = 20000  # 46 hours of changes in some eight seconds
LIMITS = {"growth": 1000, "pro": 2000, "enterprise": 5000}
REPORTS = ["audit.json", "plan.json", "checklist.md", "checklist.json",
           "owners.json", "duplicates.json", "sample-diff.json",
           "reconciliation.json", "rejected.ndjson", "records.ndjson"]
TARGET_TYPES = ["contacts", "sales_accounts", "deals", "products", "tasks",
                "notes", "leads"]


class Refused(Exception):
    """A gate of the auditor said no."""


def arguments():
    p = argparse.ArgumentParser()
    for name, default in (("build", "build/dev"), ("source", ""),
                          ("tenant", ""), ("out", ""), ("rate", ""),
                          ("loaders", ""), ("transformers", ""),
                          ("changes", ""), ("objects", ""), ("faults", ""),
                          ("source-faults", ""), ("kill", ""), ("seed", ""),
                          ("keep", "")):
        p.add_argument("--" + name, default=default)
    a = p.parse_args()
    data = ROOT / "tests" / "data"
    a.source = pathlib.Path(a.source or data / "source").resolve()
    a.tenant = pathlib.Path(a.tenant or data / "tenant.json").resolve()
    a.out = pathlib.Path(a.out or "out/demo").resolve()
    a.rate = a.rate or "pro"
    a.loaders, a.transformers = int(a.loaders or 1), int(a.transformers or 1)
    a.changes, a.keep = a.changes != "0", a.keep == "1"
    a.seed = a.seed or "1"
    a.kill = parse_kill(a.kill)
    if a.rate not in LIMITS and a.rate != "lifted":
        p.error("RATE is growth, pro, enterprise or lifted")
    return a


def parse_kill(text):
    """loader@30%,extractor@10% as [(0.1, "extractor"), …] in order."""
    out = []
    for part in filter(None, text.split(",")):
        who, _, at = part.partition("@")
        out.append((float(at.rstrip("%")) / 100, who))
    return sorted(out)


class Demo:
    def __init__(self, a, bench):
        self.a, self.b = a, bench
        self.phases, self.services, self.figures = [], {}, []
        self.conf = {}
        self.kills = list(a.kill)
        self.started = time.monotonic()

    # ---- starting ----

    def start_servers(self):
        a, b = self.a, self.b
        self.kafka, self.redis = b.broker(), b.redis()
        more = ["--clock-scale", str(SCALE), "--seed", a.seed]
        if a.rate == "lifted":
            more += ["--knob", "rate_plan=lifted"]
        else:
            more += ["--knob", "rate_plan=%d" % LIMITS[a.rate]]
        self.target = b.freshsales(a.tenant, *more)
        self.source = b.fasttrack(a.source, "--seed", a.seed, "--knob",
                                  "throttle=off")
        for sim, faults in ((self.target, a.faults),
                            (self.source, a.source_faults)):
            if faults:
                sim.post("/sim/faults", json.loads(pathlib.Path(
                    faults).read_text()))

    def start_services(self):
        a, b = self.a, self.b
        tenant = json.loads(a.tenant.read_text())
        base = "/api" if tenant.get("edition") == "classic" \
            else "/crm/sales/api"
        self.token = "demo-token-%s" % os.urandom(8).hex()
        common = {"migration": "demo", "kafka.brokers": self.kafka.brokers,
                  "kafka.partitions": 6}
        limit = LIMITS.get(a.rate, 0)
        self.conf = {
            "extractor": dict(common, **{
                "source.url": "http://127.0.0.1:%d" % self.source.api,
                "source.token_file": b.secret("source.key", self.source.key),
                "tail.poll_ms": 200}),
            "transformer": common,
            "loader": dict(common, **{
                "target.url": "http://127.0.0.1:%d%s" % (self.target.api,
                                                         base),
                "target.key_file": b.secret("target.key", self.target.key),
                "redis.address": self.redis.address,
                "rate.hour_limit": limit,
                "rate.minute_limit": 400 if limit else 0,
                "rate.hour_ms": 3600000 // SCALE,
                "rate.minute_ms": 60000 // SCALE,
                "loader.quarantine_ms": 2000}),
            "auditor": dict(common, **{
                "auditor.token_file": b.secret("api.key", self.token),
                "data.dir": self.b.folder / "auditor"}),
        }
        self.start("auditor", 0)
        self.start("extractor", 0)
        for i in range(a.transformers):
            self.start("transformer", i)
        for i in range(a.loaders):
            self.start("loader", i)
        self.api_port = self.b.port_of(self.services["auditor-0"])
        for p in list(self.services.values()):
            self.b.ready(p)

    def start(self, kind, instance):
        p = self.b.service(kind, instance, self.conf[kind])
        self.services["%s-%s" % (kind, instance)] = p
        return p

    # ---- the auditor ----

    def api(self, method, path, body=None):
        status, answer = call(self.api_port, method, path, body, self.token,
                              timeout=300)
        if status == 409:
            raise Refused(json.dumps(answer))
        if status >= 300:
            raise Failure("%s %s: %s %s" % (method, path, status, answer))
        return answer

    def status(self):
        for name, p in list(self.services.items()):
            if not p.alive():
                raise Failure("%s ended (%s):\n%s" % (name, p.code, p.tail()))
        return self.api("GET", "/v1/status")

    def until(self, what, predicate, timeout):
        last = [0.0]

        def look():
            s = self.status()
            self.maybe_kill(s)
            if sys.stdout.isatty() and time.monotonic() - last[0] > 1:
                last[0] = time.monotonic()
                print("\r  %-70s" % progress(s), end="", flush=True)
            return predicate(s)
        value = wait_until(what, look, timeout, 0.1)
        if sys.stdout.isatty():
            print("\r" + " " * 74 + "\r", end="")
        return value

    def maybe_kill(self, s):
        """KILL=loader@30%: kill -9 when that share of the run is done."""
        if not self.kills or s.get("phase") != "run":
            return
        if s.get("progress", 0) < self.kills[0][0]:
            return
        _, kind = self.kills.pop(0)
        name = next(n for n in self.services if n.startswith(kind))
        old = self.services[name]
        old.kill()
        self.note(name, old)
        print("  killed %s (pid %d), starting it again" % (name, old.pid))
        new = self.start(kind, name.rsplit("-", 1)[1])
        if kind == "auditor":
            self.api_port = self.b.port_of(new)
            self.b.ready(new)

    # ---- phases ----

    def phase(self, name, step):
        began = time.monotonic()
        print("%-12s" % name, end="", flush=True)
        text = step() or ""
        wall = time.monotonic() - began
        self.phases.append({"name": name, "wall_s": round(wall, 3)})
        print("%6.1f s  %s" % (wall, text), flush=True)

    def audit(self):
        s = self.until("the source is read and the target's catalogue known",
                       lambda s: s["source"]["snapshot_done"] and
                       s["target"]["catalog_ready"] and s, 600)
        return "%d records read" % sum(
            o.get("extracted", 0) for o in s["objects"])

    def propose(self):
        body = {}
        if self.a.objects:
            body["scope"] = self.a.objects.split(",")
        tenant = self.target.get("/sim/tenant")
        body["fallback_owner"] = tenant["api_user_id"]
        self.api("POST", "/v1/plan/propose", body)

    def plan(self):
        self.propose()
        made = 0
        for _ in range(3):  # stages wait for their pipeline, and so on
            items = [i for i in self.api("GET", "/v1/checklist")["items"]
                     if i["status"] == "missing"]
            if not items:
                break
            made += sum(self.create(i) for i in items)
            seq = self.api("POST", "/v1/catalog/refresh")["catalog_seq"]
            self.until("the target's catalogue is read again",
                       lambda s: s["target"]["catalog_seq"] >= seq, 120)
            self.propose()
        problems = self.api("GET", "/v1/plan/check")["problems"]
        if problems:
            raise Refused("the plan has problems: %s" % problems[:5])
        plan = self.api("GET", "/v1/plan")
        self.api("POST", "/v1/plan/approve", {"hash": plan["hash"],
                                              "by": "demo admin"})
        return "%d things created by the admin, plan %s approved" % (
            made, plan["hash"][7:19])

    def create(self, i):
        """What the admin would do in Freshsales' own screens."""
        kind, post = i["kind"], self.target.post
        admin = "/sim/admin/"
        if kind == "field":
            post(admin + "fields/" + i["entity"], {
                "label": i["label"], "name": i["name"], "type": i["type"],
                "choices": i.get("choices") or []})
        elif kind == "choice":
            post(admin + "fields/%s/%s" % (i["entity"], i["name"]),
                 {"add_choices": i["choices"]}, "PUT")
        elif kind == "pipeline":
            post(admin + "pipelines", {"name": i["name"],
                                       "stages": i.get("stages") or []})
        elif kind == "stage":
            pipeline = next(p for p in self.target.get("/sim/tenant")[
                "selectors"]["deal_pipelines"] if p["name"] == i["pipeline"])
            post(admin + "stages", {
                "deal_pipeline_id": pipeline["id"], "name": i["name"],
                "position": i.get("position"),
                "probability": i.get("probability"),
                "forecast_type": i.get("forecast_type")})
        elif kind == "currency":
            self.create_currency(i["name"])
        elif kind in ("lead_source", "deal_type", "lifecycle_stage"):
            post(admin + kind + "s", {"name": i["name"]})
        elif kind == "contact_status":
            stage = next(
                s for s in self.target.get("/sim/tenant")["selectors"][
                    "lifecycle_stages"] if s["name"] == i["entity"])
            post(admin + "contact_statuses", {
                "name": i["name"], "lifecycle_stage_id": stage["id"]})
        else:
            raise Failure("the checklist asks for %r" % kind)
        return 1

    def create_currency(self, code):
        for c in self.target.get("/sim/tenant")["selectors"]["currencies"]:
            if c["currency_code"] == code:
                self.target.post("/sim/admin/currencies/%d" % c["id"],
                                 {"is_active": True}, "PUT")
                return
        self.target.post("/sim/admin/currencies", {
            "currency_code": code, "exchange_rate": "1.0"})

    def sample(self):
        self.api("POST", "/v1/sample/start", {})
        s = self.until("the sample is in the target",
                       lambda s: s["pass"]["complete"] and s, 300)
        self.api("POST", "/v1/sample/sign", {"by": "demo admin"})
        return "%s records, signed" % s["pass"].get("expected", "?")

    def run(self):
        self.api("POST", "/v1/run", {})
        s = self.until("the full run is complete",
                       lambda s: s["phase"] == "run" and
                       s["pass"]["complete"] and s, 900)
        return "%s load records" % s["pass"].get("expected", "?")

    def tail(self):
        if not self.a.changes:
            return "no changes played"
        self.source.post("/sim/changes", {"action": "start",
                                          "scale": TAIL_SCALE})
        done = wait_until("the change script is played", lambda: (
            lambda c: c["state"] == "done" and c)(
                self.source.get("/sim/changes")), 120, 0.2)
        return "%d changes" % done["applied"]

    def freeze(self):
        # The horizon passes the freeze by the source's own clock.
        self.source.post("/sim/clock", {"scale": TAIL_SCALE})
        self.api("POST", "/v1/freeze", {})
        self.until("the tail is drained and swept",
                   lambda s: s["source"]["swept"] and
                   s["pass"]["complete"], 600)

    def cutover(self):
        self.api("POST", "/v1/cutover", {})

    def reconcile(self):
        self.result = self.api("POST", "/v1/reconcile", {})
        return "balanced" if self.result.get("balanced") else "NOT balanced"

    # ---- what is left behind ----

    def note(self, name, p):
        kind, instance = name.rsplit("-", 1)
        self.figures.append(dict({"name": kind, "instance": instance},
                                 **p.figures()))

    def reports(self):
        out = self.a.out
        for name in REPORTS:
            status, data = call(self.api_port, "GET", "/v1/reports/" + name,
                                token=self.token, raw=True, timeout=120)
            if status == 200:
                (out / name).write_bytes(data)
        self.dump(self.target, out / "freshsales", TARGET_TYPES, [
            "journal", "stats", "jobs", "tenant"])
        kinds = [o["type"] for o in json.loads(
            (self.a.source / "schema.json").read_text())["objects"]["results"]]
        self.dump(self.source, out / "fasttrack", kinds, ["stats"])

    @staticmethod
    def dump(sim, folder, kinds, more):
        for part in ("records", "deleted"):
            (folder / part).mkdir(parents=True, exist_ok=True)
            for kind in kinds:
                status, data = call(sim.admin, "GET", "/sim/%s/%s" % (
                    part, kind), raw=True)
                if status == 200:
                    (folder / part / (kind + ".ndjson")).write_bytes(data)
        for name in more:
            status, data = call(sim.admin, "GET", "/sim/" + name, raw=True)
            if status == 200:
                ending = "ndjson" if name in ("journal", "jobs") else "json"
                (folder / (name + "." + ending)).write_bytes(data)

    def stop(self):
        counts = self.api("GET", "/v1/status").get("counts", {})
        for name, p in self.services.items():
            p.stop()
            self.note(name, p)
        for f in self.figures:
            f["records"] = counts.get(f["name"], 0)
        servers = {}
        for name, p in (("kafka", self.kafka), ("redis", self.redis)):
            p.signal(signal.SIGTERM)
            wait_until(name + " stops", p.reap, 30)
            f = p.figures()
            servers[name] = {"peak_rss_kib": f["peak_rss_kib"],
                             "cpu_s": f["cpu_s"]}
        timing = dict({"phases": self.phases, "services": self.figures},
                      **servers)
        (self.a.out / "timing.json").write_text(json.dumps(timing, indent=1)
                                                + "\n")

    def table(self):
        book = json.loads((self.a.out / "reconciliation.json").read_text())
        states = ["landed", "merged", "excluded", "parked", "rejected",
                  "deleted"]
        print("\n%-12s %9s" % ("object", "extracted")
              + "".join("%10s" % s for s in states))
        for o in book["objects"]:
            print("%-12s %9s" % (o["object"], o["extracted"]) + "".join(
                "%10s" % (o["states"].get(s, 0) or "·") for s in states))
        v = book["verified"]
        print("\nbalanced: %s   verified: %s records, %s fields, %s "
              "mismatches   differences explained: %d" % (
                  "yes" if book["balanced"] else "NO", v["records"],
                  v["fields"], v["mismatches"], len(book["differences"])))
        print("reports: %s" % self.a.out)
        if not book["balanced"]:
            return EXIT_UNBALANCED
        return EXIT_DIFFERENT if v["mismatches"] else 0

    def go(self):
        self.phase("start", lambda: (self.start_servers(),
                                     self.start_services()) and None)
        for name in ("audit", "plan", "sample", "run", "tail", "freeze",
                     "cutover", "reconcile"):
            self.phase(name, getattr(self, name))
        self.phase("reports", self.reports)
        if self.a.keep:
            print("auditor: http://127.0.0.1:%d  token: %s" % (
                self.api_port, self.token))
            print("target admin: %d  source admin: %d  Ctrl-C ends it" % (
                self.target.admin, self.source.admin))
            signal.pause()
        self.stop()
        return self.table()


def progress(s):
    p = s.get("pass", {})
    eta = s.get("finish_s")
    return "%s: %s of %s%s" % (
        s.get("phase"), p.get("settled", 0), p.get("expected", "?"),
        ", about %d s left" % eta if eta else "")


def main():
    a = arguments()
    if a.out.exists():
        shutil.rmtree(a.out)
    a.out.mkdir(parents=True)
    with Bench(build=a.build, folder=a.out / "run") as bench:
        demo = Demo(a, bench)
        try:
            code = demo.go()
        except Refused as e:
            print("\na gate refused: %s" % e)
            code = EXIT_GATE
        except Failure as e:
            print("\n%s" % e)
            code = 1
        finally:
            bench.close()
            logs = a.out / "logs"
            if not logs.exists() and bench.logs.exists():
                shutil.copytree(bench.logs, logs)
    shutil.rmtree(a.out / "run", ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
