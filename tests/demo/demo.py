#!/usr/bin/env python3
"""A whole migration between the two simulated CRMs, on a real Kafka and a
real Redis, without questions. Variables come from the environment: README.md.

Exit: 0 balanced and verified, 3 the books do not balance, 4 differences,
5 a gate refused, 6 a service took too much memory, 1 anything else."""
import json
import os
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
from bench import Bench, Failure, ROOT  # noqa: E402
from api import Refused  # noqa: E402
from collect import Result  # noqa: E402
from figures import over  # noqa: E402
from flow import Flow, Say  # noqa: E402
from outdir import emptied  # noqa: E402
from stack import LIMITS, Options, Stack, parse_kills  # noqa: E402

OK, FAILED, UNBALANCED, DIFFERENT, REFUSED, LARGE = 0, 1, 3, 4, 5, 6
VARIABLES = ["SOURCE", "TENANT", "OUT", "RATE", "LOADERS", "TRANSFORMERS",
             "CHANGES", "OBJECTS", "FAULTS", "SOURCE_FAULTS", "KILL", "SEED",
             "KEEP", "ROLLBACK"]
# Calls that a record of the object needs, for the length of the scaled hour.
CALLS = {"company": .03, "contact": .04, "deal": .05, "product": 1,
         "line_item": 1.5, "task": 1, "call": 1, "email": 1, "meeting": 1,
         "note": 1, "attachment": 1, "event": 1}
RUN_S = 60  # how long the load is to take, about


def given_by(words, env):
    """The environment with what the command line says: VARIABLE=VALUE, and the
    folder of the build."""
    env, build = dict(env), None
    for word in words:
        name, assigns, value = word.partition("=")
        if assigns and re.fullmatch("[A-Z_]+", name):
            if name not in VARIABLES:
                raise Failure("no variable %s; there are %s" % (
                    name, " ".join(VARIABLES)))
            env[name] = value
        elif build is not None:
            raise Failure("two folders of a build: %s, %s" % (build, word))
        else:
            env["DR_BUILD"] = build = word
    return env


class Given:
    """The variables, checked before anything starts."""

    def __init__(self, env):
        text = {k: env.get(k, "").strip() for k in VARIABLES}
        self.reads = []  # what lies there is not to be emptied
        if env.get("DR_BUILD"):
            self.reads.append(pathlib.Path(env["DR_BUILD"]).resolve())
        self.out = self.expanded("OUT", text["OUT"] or ROOT / "out" / "demo")
        self.changes = self.flag("CHANGES", text["CHANGES"] or "1")
        self.keep = self.flag("KEEP", text["KEEP"] or "0")
        if self.flag("ROLLBACK", text["ROLLBACK"] or "0"):
            raise Failure("ROLLBACK=1: rolling back is not built yet")
        data = ROOT / "tests" / "data"
        source = self.path("SOURCE", text["SOURCE"] or data / "source")
        rate = text["RATE"] or "pro"
        self.options = Options(
            source=source, rate=rate,
            tenant=self.tenant(text["TENANT"] or data / "tenant.json"),
            loaders=self.number("LOADERS", text["LOADERS"] or "1"),
            transformers=self.number("TRANSFORMERS",
                                     text["TRANSFORMERS"] or "1"),
            objects=self.objects(source, text["OBJECTS"]),
            faults=self.script("FAULTS", text["FAULTS"]),
            source_faults=self.script("SOURCE_FAULTS", text["SOURCE_FAULTS"]),
            kills=parse_kills(text["KILL"]),
            seed=self.number("SEED", text["SEED"] or "1"),
            scale=self.scale(source, rate))

    @staticmethod
    def number(name, text):
        if not text.isdigit() or int(text) < 1:
            raise Failure("%s=%s: a number from 1 up" % (name, text))
        return int(text)

    @staticmethod
    def flag(name, text):
        if text not in ("0", "1"):
            raise Failure("%s=%s: 0 or 1" % (name, text))
        return text == "1"

    @staticmethod
    def expanded(name, text):
        try:
            return pathlib.Path(text).expanduser()
        except RuntimeError as e:  # nobody's home
            raise Failure("%s=%s: %s" % (name, text, e)) from None

    def path(self, name, text):
        path = self.expanded(name, text)
        try:
            path = path.resolve()
            path.stat()
        except RuntimeError as e:  # a loop
            raise Failure("%s=%s: %s" % (name, text, e)) from None
        except OSError as e:
            raise Failure("%s=%s: %s" % (name, path, e.strerror)) from None
        self.reads.append(path)
        return path

    def tenant(self, text):
        """The simulator says more of what stands in it."""
        path = self.path("TENANT", text)
        try:
            whole = isinstance(json.loads(path.read_bytes()), dict)
        except OSError as e:
            raise Failure("TENANT=%s: %s" % (path, e.strerror)) from None
        except ValueError:
            whole = False
        if not whole:
            raise Failure("TENANT=%s: no JSON object: is this a tenant file?"
                          % path)
        return path

    def script(self, name, text):
        """A file with a fault script, or the script itself."""
        if not text:
            return []
        try:
            return json.loads(text if text.startswith("[") else
                              self.path(name, text).read_text())
        except OSError as e:
            raise Failure("%s=%s: %s" % (name, text, e.strerror)) from None
        except ValueError as e:
            raise Failure("%s: not a fault script: %s" % (name, e)) from None

    @staticmethod
    def objects(source, text):
        """The scope of the plan, by names that the source has."""
        names = text.replace(",", " ").split()
        if not names:
            return None
        try:
            known = list(json.loads(
                (source / "schema.json").read_text())["properties"]) + ["event"]
        except OSError as e:
            raise Failure("SOURCE=%s: schema.json: %s: is this an export "
                          "folder?" % (source, e.strerror)) from None
        except (ValueError, KeyError, TypeError):
            raise Failure("SOURCE=%s: schema.json is none of an export folder"
                          % source) from None
        wrong = [x for x in names if x not in known]
        if wrong:
            raise Failure("OBJECTS=%s: no such object in the source: %s; it "
                          "has %s" % (text, " ".join(wrong), " ".join(known)))
        return names

    @staticmethod
    def scale(source, rate):
        """So many times faster runs the target's clock that the calls of
        this source pass its hours in about a minute."""
        limit = LIMITS.get(rate)
        try:
            manifest = json.loads((source / "manifest.json").read_text())
            calls = sum(CALLS.get(f.get("object"), 0) * (f.get("rows") or 0)
                        for f in manifest["files"])
        except OSError as e:
            raise Failure("SOURCE=%s: manifest.json: %s: is this an export "
                          "folder?" % (source, e.strerror)) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Failure("SOURCE=%s: manifest.json is none of an export "
                          "folder" % source) from None
        return max(60, min(600, int(3600 * calls / limit / RUN_S))) \
            if limit else 1


def timing(say, stack, b):
    by = {p.name: p for p in b.procs}
    figures = {n: by[n].figures() for n in ("kafka", "redis")}
    return {"phases": say.phases, "services": stack.figures(),
            **{n: {"peak_rss_kib": f["peak_rss_kib"], "cpu_s": f["cpu_s"]}
               for n, f in figures.items()}}


def show_addresses(stack, say):
    s = stack
    url = "http://127.0.0.1:%d" % s.api.port()
    say.line("everything goes on running. Ctrl-C ends it.")
    print("""
  auditor     %s   token in %s
  FastTrack   http://127.0.0.1:%d   admin port %d
  Freshsales  http://127.0.0.1:%d/crm/sales/api   admin port %d
  Kafka       %s   topics drover.%s.*
  Redis       %s

  %s --url %s --token-file %s status
""" % (url, s.api.token_file, s.source.api, s.source.admin, s.target.api,
       s.target.admin, s.kafka.brokers, s.name, s.redis.address,
       s.b.build / "bin" / "drover", url, s.api.token_file), flush=True)


def stay(stack):
    """Until Ctrl-C; a process that ends by itself is told."""
    try:
        while True:
            stack.check_alive()
            time.sleep(1)  # Ctrl-C ends it
    except (KeyboardInterrupt, SystemExit):
        pass


def judge(result, say):
    """The exit code, and why."""
    for code, what, found in (
            (UNBALANCED, "THE BOOKS DO NOT BALANCE",
             result.books() + result.standing()),
            (DIFFERENT, "VERIFIED DIFFERENCES", result.verified()),
            (DIFFERENT, "FRESHSALES HOLDS WHAT IT MUST NOT",
             result.truth().problems() + result.links().problems() +
             result.activities().problems() + result.people().problems())):
        if found:
            say.line(what)
            for text in found[:20]:
                print("    " + text)
            return code
    say.line("balanced and verified: %(records)d records, %(fields)d fields "
             "compared" % result.json("reconciliation.json")["verified"])
    return OK


def run(given, b, say):
    say.phase("start", "Kafka, Redis, two simulated CRMs, four services")
    stack = Stack(b, b.broker(), b.redis(), "demo", given.options)
    stack.start()
    flow = Flow(stack, say, limit=3600)
    try:
        flow.whole(given.changes)
    except Failure:
        Result(flow).rescue().write(given.out)
        raise
    say.phase("reconcile", "collecting reports")
    result = Result(flow).all()
    result.write(given.out)
    say.done()
    code = judge(result, say)
    print("\n%s\n\n%s\n" % (result.table(), result.totals()), flush=True)
    say.line(result.calls())
    if result.absent:
        say.line("not filled: " + " ".join(result.absent))
    if given.keep:
        show_addresses(stack, say)
        stay(stack)
    say.phase("stop")
    stack.stop()
    for p in b.procs:
        if p.name in ("redis", "kafka"):
            p.stop()
    say.done()
    figures = timing(say, stack, b)
    (given.out / "timing.json").write_text(json.dumps(figures, indent=1) +
                                           "\n")
    say.line("reports are in %s" % given.out)
    return code or memory(figures["services"], say)


def memory(services, say):
    """The exit code of a run in which all else was right."""
    large = over({"%(name)s-%(instance)s" % s: s["peak_rss_kib"]
                  for s in services})
    for text in large:
        say.line(text)
    return LARGE if large else OK


def main():
    say = Say()
    try:
        env = given_by(sys.argv[1:], os.environ)
        given = Given(env)
        given.out = emptied(given.out, given.reads)
        with Bench(build=env.get("DR_BUILD")) as b:
            b.logs = given.out / "logs"
            return run(given, b, say)
    except Refused as e:
        print("a gate refused: %s" % e, file=sys.stderr)
        return REFUSED
    except Failure as e:
        print("demo: %s" % e, file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
