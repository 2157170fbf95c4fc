#!/usr/bin/env python3
"""Formats one storage folder for a single-node KRaft broker and makes the
class archive, once; tests copy the small files instead of starting a JVM.

    kafka_template.py build/kafka
"""
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LOG4J = HERE.parent.parent / "scripts" / "kafka" / "log4j2.properties"
START_S = 60
# What the formatting writes into the folder `template`.
WRITTEN = ["bootstrap.checkpoint", "bootstrap.checkpoint.tmp",
           "meta.properties", "meta.properties.tmp"]

PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
num.partitions=1
num.network.threads=2
num.io.threads=2
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.segment.bytes=33554432
log.index.size.max.bytes=1048576
message.max.bytes=9000000
replica.fetch.max.bytes=9000000
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
"""


held = []


def free_port():
    """A port that stays ours until this process ends. It is bound, so that
    neither a connection nor another test is given it before its server is up
    or while that is started again, and open to one that sets SO_REUSEADDR, as
    Kafka and Redis do. Nobody listens there meanwhile."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.append(s)
    return s.getsockname()[1]


def java(kafka, *more):
    """The command line of a JVM over the jars in folder `kafka`. The class
    archive is ignored by the JVM, in silence, when it does not fit."""
    archive = ["-XX:SharedArchiveFile=%s" % (kafka / "classes.jsa")] \
        if (kafka / "classes.jsa").exists() else []
    return ["java", "-Xms256m", "-Xmx512m", "-XX:ActiveProcessorCount=2",
            "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *archive,
            "-Dlog4j2.configurationFile=%s" % LOG4J, *more,
            "-cp", "%s/*" % (kafka / "jars")]


def has_controller(port):
    """Whether the broker on `port` answers a metadata request and names a
    controller: its port opens some time before."""
    request = struct.pack(">hhihi", 3, 1, 1, -1, 0)  # metadata v1, no topics
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.settimeout(5)
            s.sendall(struct.pack(">i", len(request)) + request)
            f = s.makefile("rb")
            size, = struct.unpack(">i", f.read(4))
            body = f.read(size)
        at, count = 8, struct.unpack_from(">i", body, 4)[0]
        for _ in range(count):
            host, = struct.unpack_from(">h", body, at + 4)
            rack, = struct.unpack_from(">h", body, at + 6 + host + 4)
            at += 4 + 2 + host + 4 + 2 + max(rack, 0)
        return count > 0 and struct.unpack_from(">i", body, at)[0] >= 0
    except (OSError, struct.error):
        return False


def make_archive(root):
    """One start and stop of the broker with the archive switch."""
    port, controller = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="drover-") as folder:
        folder = pathlib.Path(folder)
        shutil.copytree(root / "template", folder / "data")
        conf = folder / "kafka.properties"
        conf.write_text(PROPERTIES.format(port=port, controller=controller,
                                          logs=folder / "data"))
        argv = java(root, "-XX:ArchiveClassesAtExit=%s"
                    % (root / "classes.jsa")) + ["kafka.Kafka", str(conf)]
        with open(root / "archive.log", "wb") as log:
            p = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            until = time.monotonic() + START_S
            while not has_controller(port):
                if p.poll() is not None or time.monotonic() > until:
                    raise SystemExit("Kafka does not start: see %s"
                                     % (root / "archive.log"))
                time.sleep(0.1)
            p.send_signal(signal.SIGTERM)
            p.wait(START_S)
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
    if not (root / "classes.jsa").exists():
        raise SystemExit("no class archive: see %s" % (root / "archive.log"))


def clear(root):
    """What an earlier call left in the folder; nothing that it did not write
    is deleted, whatever folder it was given."""
    template = root / "template"
    if not (root / "jars").is_dir() or template.is_symlink():
        raise SystemExit("%s is not what `make setup` made: give build/kafka"
                         % root)
    try:
        for name in WRITTEN:
            (template / name).unlink(missing_ok=True)
        if template.exists():
            template.rmdir()
        (root / "classes.jsa").unlink(missing_ok=True)
    except OSError as e:
        raise SystemExit("%s: %s: move away what is not Kafka's" % (
            e.filename, e.strerror)) from None


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    clear(root)
    properties = root / "format.properties"
    properties.write_text(PROPERTIES.format(port=1, controller=2,
                                            logs=root / "template"))
    cluster = subprocess.run(
        java(root) + ["kafka.tools.StorageTool", "random-uuid"], check=True,
        capture_output=True, text=True).stdout.split()[-1]
    subprocess.run(java(root) + ["kafka.tools.StorageTool", "format", "-t",
                                 cluster, "-c", str(properties)],
                   check=True, capture_output=True)
    make_archive(root)


if __name__ == "__main__":
    main()
