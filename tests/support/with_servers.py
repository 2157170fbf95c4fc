#!/usr/bin/env python3
"""Runs one program beside real servers on free ports.

    with_servers.py [--kafka] [--redis] -- PROGRAM [ARGUMENT...]

The program finds them in DR_BROKERS and DR_REDIS (host:port). SIGUSR1 to this
process kills Kafka with -9 and starts it again on the same port and data;
SIGUSR2 does so with Redis, which keeps nothing. The exit code is the program's.
"""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench import Bench  # noqa: E402


def main():
    split = sys.argv.index("--")
    wanted, program = sys.argv[1:split], sys.argv[split + 1:]
    crashed = []
    env = dict(os.environ)
    with Bench(build=".") as b:
        kafka = b.broker() if "--kafka" in wanted else None
        redis = b.redis() if "--redis" in wanted else None
        signal.signal(signal.SIGUSR1, lambda *_: crashed.append("kafka"))
        signal.signal(signal.SIGUSR2, lambda *_: crashed.append("redis"))
        if kafka:
            env["DR_BROKERS"] = kafka.brokers
        if redis:
            env["DR_REDIS"] = redis.address
        p = b.run("program", program, env)
        try:
            while p.alive():
                if crashed:
                    server = {"kafka": kafka, "redis": redis}[crashed.pop(0)]
                    server.kill()
                    b.again(server)
                time.sleep(0.02)
        finally:
            with open(p.log, "rb") as f:
                sys.stdout.write(f.read().decode("utf-8", "replace"))
        if p.code != 0:
            for server in filter(None, (kafka, redis)):
                sys.stdout.write("%s: %s\n" % (server.name, server.tail()))
        sys.exit(p.code if p.code >= 0 else 128 - p.code)


if __name__ == "__main__":
    main()
