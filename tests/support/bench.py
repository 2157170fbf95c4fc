"""The bench: a real broker, a real Redis, the two simulators and Drover's own
processes, on free ports in a private folder, all gone at the end, also when
this process is killed.

    with Bench(build="build/dev") as b:
        broker, redis = b.broker(), b.redis()
        ...
"""
import atexit
import ctypes
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
import kafka_template  # noqa: E402
from kafka_template import free_port  # noqa: E402

# Of the Unassigned Account: no record of the source has so long an id.
ORPHAN = "drover-unassigned-account-longer-than-any-id-of-the-source-may-be"
START_S = 120  # of a server: a JVM among others takes its time


class Failure(Exception):
    """Something did not happen in time, or not as it must."""


_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    """In the child: nothing outlives the test, however that ends. Linux ties
    this to the thread that started the child, so that is to be the main one.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(what, predicate, timeout, step=0.05):
    """The predicate's first true value; Failure after timeout seconds. `what`
    may be a function: then it is called when the time is over."""
    until = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= until:
            raise Failure("not within %g s: %s" % (
                timeout, what() if callable(what) else what))
        time.sleep(step)


def call(port, method, path, body=None, token=None, timeout=60, raw=False):
    """One HTTP call to 127.0.0.1. Returns (status, parsed body or bytes)."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {}
    if token:
        headers["Authorization"] = "Bearer " + token
    if body is not None:
        body = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    try:
        conn.request(method, path, body=body, headers=headers)
        answer = conn.getresponse()
        data = answer.read()
    finally:
        conn.close()
    if raw:
        return answer.status, data
    try:
        return answer.status, json.loads(data) if data else None
    except ValueError:
        return answer.status, data.decode("utf-8", "replace")


def ndjson(port, path):
    status, data = call(port, "GET", path, raw=True)
    if status != 200:
        raise Failure("GET %s: %d" % (path, status))
    return [json.loads(line) for line in data.splitlines() if line]


class Proc:
    """One process with its log file, and what it used when it is gone."""

    def __init__(self, name, argv, log, env=None, stdout=None):
        self.name, self.argv, self.log = name, [str(a) for a in argv], log
        self.env, self.started = env, time.monotonic()
        self.usage, self.code, self.stopped = None, None, None
        self.peak_kib = 0
        with open(log, "ab") as out:
            try:
                self.popen = subprocess.Popen(
                    self.argv, stdout=stdout or out, stderr=out, env=env,
                    stdin=subprocess.DEVNULL, start_new_session=True,
                    preexec_fn=_die_with_parent)
            except OSError as e:
                raise Failure("%s cannot be started: %s: %s: is it installed? "
                              "Run `make setup`" % (name, self.argv[0],
                                                    e.strerror)) from None
        self.pid = self.popen.pid

    def reap(self, block=False):
        if self.code is not None:
            return True
        pid, status, usage = os.wait4(self.pid, 0 if block else os.WNOHANG)
        if pid == 0:
            return False
        self.usage, self.stopped = usage, time.monotonic()
        self.code = os.waitstatus_to_exitcode(status)
        self.popen.returncode = self.code
        return True

    def alive(self):
        return not self.reap()

    def signal(self, sig):
        if self.alive():
            self.peak()
            os.kill(self.pid, sig)

    def peak(self):
        """What it has taken of memory at most, in KiB, while it lives. Not of
        getrusage, which counts what its parent had before exec."""
        try:
            status = pathlib.Path("/proc/%d/status" % self.pid).read_text()
        except OSError:
            return self.peak_kib
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        self.peak_kib = int(found.group(1)) if found else self.peak_kib
        return self.peak_kib

    def kill(self):
        self.signal(signal.SIGKILL)
        wait_until("%s is gone" % self.name, self.reap, 10)

    def stop(self, timeout=30):
        self.signal(signal.SIGTERM)
        try:
            wait_until("%s stops" % self.name, self.reap, timeout)
        except Failure:
            self.kill()
            raise
        return self.code

    def tail(self, lines=12):
        try:
            with open(self.log, "rb") as f:
                data = f.read()[-20000:].decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(data.splitlines()[-lines:])

    def logged(self, text, timeout=30):
        """Waits until the log holds `text`."""
        def there():
            with open(self.log, "rb") as f:
                if text.encode() in f.read():
                    return True
            if not self.alive():
                raise Failure("%s ended (%s) without %r:\n%s" % (
                    self.name, self.code, text, self.tail()))
            return False
        wait_until(lambda: "%s logs %r:\n%s" % (self.name, text,
                                                self.tail()),
                   there, timeout)

    def figures(self):
        u = self.usage
        return {"wall_s": round((self.stopped or time.monotonic())
                                - self.started, 3),
                "cpu_s": round(u.ru_utime + u.ru_stime, 3) if u else None,
                "peak_rss_kib": self.peak_kib or (u.ru_maxrss if u
                                                  else None)}


class Sim(Proc):
    """A simulator: its ports are in the line it prints first."""

    def __init__(self, name, argv, log):
        read, write = os.pipe()
        super().__init__(name, argv, log, stdout=write)
        os.close(write)
        line = self._ready_line(read)
        fields = dict(f.split("=", 1) for f in line.split()[1:])
        self.api, self.download = int(fields["api"]), int(fields["download"])
        self.admin, self.key = int(fields["admin"]), fields["key"]

    def _ready_line(self, fd):
        box = []

        def read():
            with os.fdopen(fd, "r") as f:
                box.append(f.readline())
                f.read()  # keeps the pipe open and empty

        threading.Thread(target=read, daemon=True).start()
        wait_until(lambda: "%s is ready: %s" % (self.name, self.tail()),
                   lambda: box or not self.alive(), 30)
        if not box or not box[0].startswith("ready "):
            raise Failure("%s did not start: %s" % (self.name, self.tail()))
        return box[0]

    def get(self, path):
        status, body = call(self.admin, "GET", path)
        if status != 200:
            raise Failure("%s GET %s: %s %s" % (self.name, path, status, body))
        return body

    def post(self, path, body, method="POST"):
        status, answer = call(self.admin, method, path, body)
        if status not in (200, 201):
            raise Failure("%s %s %s: %s %s" % (self.name, method, path, status,
                                               answer))
        return answer

    def records(self, kind):
        return ndjson(self.admin, "/sim/records/" + kind)


class Bench:
    def __init__(self, build=None, folder=None, keep=False):
        self.build = pathlib.Path(build or os.environ.get(
            "DR_BUILD", ROOT / "build" / "dev")).resolve()
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(
            prefix="drover-"))
        self.own_folder = folder is None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs = self.folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.procs, self.keep = [], keep
        atexit.register(self.close)

    def __enter__(self):
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, lambda *_: sys.exit(130))
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        atexit.unregister(self.close)
        for p in reversed(self.procs):
            if p.code is None:
                p.signal(signal.SIGKILL)
                p.reap(block=True)
        if self.own_folder and not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def bin(self, name):
        path = self.build / "bin" / name
        if not path.exists():
            raise Failure("%s is not built" % path)
        return path

    def add(self, proc):
        self.procs.append(proc)
        return proc

    def run(self, name, argv, env=None):
        return self.add(Proc(name, argv, self.logs / (name + ".log"), env))

    def dead(self):
        return [p for p in self.procs if not p.alive()]

    # ---- the two servers ----

    def broker(self):
        kafka = ROOT / "build" / "kafka"
        if not (kafka / "ready").exists():
            raise Failure("Kafka is not there: run `make setup`")
        port, controller = free_port(), free_port()
        data = self.folder / "kafka"
        shutil.copytree(kafka / "template", data)
        conf = self.folder / "kafka.properties"
        conf.write_text(kafka_template.PROPERTIES.format(
            port=port, controller=controller, logs=data))
        p = self.run("kafka", kafka_template.java(kafka) +
                     ["kafka.Kafka", str(conf)])
        p.port, p.brokers = port, "127.0.0.1:%d" % port
        return self._up(p)

    def redis(self):
        port = free_port()
        p = self.run("redis", ["redis-server", "--port", port, "--bind",
                               "127.0.0.1", "--save", "", "--appendonly",
                               "no", "--maxmemory-policy", "noeviction",
                               "--dir", self.folder])
        p.port, p.address = port, "127.0.0.1:%d" % port
        return self._up(p)

    def again(self, p):
        """A server that is gone, started anew: same port, same data."""
        new = self.run(p.name, p.argv)
        for name in ("port", "brokers", "address"):
            if hasattr(p, name):
                setattr(new, name, getattr(p, name))
        return self._up(new)

    def _up(self, p):
        wait_until(lambda: "%s listens: %s" % (p.name, p.tail()),
                   lambda: self._owns(p, p.port), START_S)
        if p.name == "kafka":
            wait_until(lambda: "Kafka has a controller: " + p.tail(), lambda: (
                self._owns(p, p.port) and
                kafka_template.has_controller(p.port)), START_S)
        return p

    @staticmethod
    def _owns(proc, port):
        """The port is held by this very process: an open port may be
        somebody else's server."""
        if not proc.alive():
            raise Failure("%s died: %s" % (proc.name, proc.tail()))
        inodes = set()
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table) as f:
                next(f)
                for row in f:
                    w = row.split()
                    if w[3] == "0A" and int(w[1].split(":")[1], 16) == port:
                        inodes.add(w[9])
        folder = "/proc/%d/fd" % proc.pid
        try:
            fds = os.listdir(folder)
        except OSError:  # died just now: told by the next look
            return False
        for fd in fds:
            try:
                link = os.readlink(os.path.join(folder, fd))
            except OSError:
                continue
            if link[:8] == "socket:[" and link[8:-1] in inodes:
                return True
        return False

    # ---- simulators and services ----

    def fasttrack(self, source, *more):
        name = "sim-fasttrack"
        return self.add(Sim(name, [self.bin("drover-sim-fasttrack"),
                                   "--source", source, "--port", "0", *more],
                            self.logs / (name + ".log")))

    def freshsales(self, tenant, *more):
        name = "sim-freshsales"
        return self.add(Sim(name, [self.bin("drover-sim-freshsales"),
                                   "--tenant", tenant, "--port", "0", *more],
                            self.logs / (name + ".log")))

    def secret(self, name, text):
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o400)
        return path

    def service(self, kind, instance, conf, env=None):
        """Starts drover-<kind> with a configuration file made of a dict and
        waits until it says it is ready."""
        name = "%s-%s" % (kind, instance)
        port_file = self.folder / (name + ".port")
        conf = dict(conf, instance=instance, **{
            "http.port_file": port_file})
        path = self.folder / (name + ".conf")
        path.write_text("".join("%s = %s\n" % kv for kv in conf.items()))
        if port_file.exists():
            port_file.unlink()
        full = dict(os.environ, **(env or {}))
        p = self.run(name, [self.bin("drover-" + kind), "--config", path],
                     full)
        p.port_file, p.instance, p.kind = port_file, instance, kind
        return p

    def port_of(self, p, timeout=60):
        def there():
            if not p.alive():
                raise Failure("%s died (%s): %s" % (p.name, p.code, p.tail()))
            return p.port_file.exists() and p.port_file.read_text().strip()
        p.port = int(wait_until("%s has a port" % p.name, there, timeout))
        return p.port

    def ready(self, p, timeout=120):
        port = self.port_of(p, timeout)

        def is_ready():
            if not p.alive():
                raise Failure("%s died (%s): %s" % (p.name, p.code, p.tail()))
            try:
                return call(port, "GET", "/readyz", timeout=5)[0] == 200
            except OSError:
                return False
        wait_until(lambda: "%s is ready: %s" % (p.name, p.tail()), is_ready,
                   timeout)
        return p
