#!/usr/bin/env python3
"""Formats one storage folder for a single-node KRaft broker and makes the
class archive, once; tests copy the two small files instead of starting a JVM.

    kafka_template.py build/kafka
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LOG4J = HERE.parent.parent / "scripts" / "kafka" / "log4j2.properties"

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


def java(jars, *more):
    return ["java", "-Xms256m", "-Xmx512m", "-XX:ActiveProcessorCount=2",
            "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Dlog4j2.configurationFile=%s" % LOG4J, *more,
            "-cp", "%s/*" % jars]


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    jars, template = root / "jars", root / "template"
    properties = root / "format.properties"
    properties.write_text(PROPERTIES.format(port=1, controller=2,
                                            logs=template))
    cluster = subprocess.run(
        java(jars) + ["kafka.tools.StorageTool", "random-uuid"], check=True,
        capture_output=True, text=True).stdout.split()[-1]
    subprocess.run(java(jars) + ["kafka.tools.StorageTool", "format", "-t",
                                 cluster, "-c", str(properties)],
                   check=True, capture_output=True)


if __name__ == "__main__":
    main()
