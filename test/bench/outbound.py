#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Letters that leave: from submission to other servers over TLS, as Postfix into the same sink.

usage: outbound.py [--messages N] [--domains N] [--dead N] [--connections N] [--runs N]
                   [--side postern|peers] [--out FILE]

The sink is `load sink`: it listens on many addresses of 127.1.0.0/16 with one port and takes all.
With --dead 10 every tenth address has no server; what is for the others must not wait for it. The
clock runs from the first connect until the last living letter is in the sink; CPU is read then.

What differs: Postern finds the servers through its resolver in a local zone, Postfix is told them
by a transport map, which costs it less. Postern's sender logs in, Postfix's comes from mynetworks.
Neither verifies the sink's certificate, and neither goes without TLS.
"""

import argparse
import contextlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import daemon  # noqa: E402
import internet  # noqa: E402
import measure  # noqa: E402
import meter  # noqa: E402
import peers  # noqa: E402
import postern  # noqa: E402
import postern_side  # noqa: E402
import table  # noqa: E402

ZONE = "out.test"
SENDER = f"load@{peers.DOMAIN}"
DONE_S = 1800

POSTFIX_MORE = """
transport_maps = hash:{conf}/transport
smtp_tls_security_level = encrypt
smtp_tls_session_cache_database = btree:{conf}/data/smtp_scache
"""


def address(number):
    """As sink.c counts."""
    return f"127.1.{number >> 8}.{number & 255}"


class Sink:
    """The other servers."""

    def __init__(self, certificate, addresses, dead):
        self.port = postern.free_ports(1)[0]
        self.folder = tempfile.TemporaryDirectory(prefix="postern-sink.")
        self.counter = pathlib.Path(self.folder.name) / "count"
        command = [postern.build_dir() / "test/bench/load", "sink"]
        command += ["--port", self.port, "--addresses", addresses, "--dead", dead]
        command += ["--certificate", certificate, "--counter", self.counter]
        self.daemon = daemon.Daemon(command, pathlib.Path(self.folder.name) / "out")
        self.daemon.wait(lambda: postern.greeting_comes_at(address(1), self.port), 20)
        self.taken()

    def counts(self):
        return struct.unpack("=QQ", self.counter.read_bytes()[:16])

    def taken(self):
        """Messages so far."""
        return self.counts()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        left = list(postern.process_tree(self.daemon.proc.pid))
        self.daemon.stop()
        postern.Server._kill({p: "load" for p in left if postern.alive(p, "load")})
        self.folder.cleanup()


class Postfix(peers.Peers):
    name = "Postfix"

    def __init__(self, certificate, o, sink):
        super().__init__(1, certificate)
        conf = self.dir / "postfix"
        with open(conf / "main.cf", "a") as f:
            f.write(POSTFIX_MORE.format(conf=conf))
        rows = [f"d{i}.{ZONE} smtp:[{address(i)}]:{sink.port}\n" for i in range(1, o.domains + 1)]
        (conf / "transport").write_text("".join(rows))
        subprocess.run(["postmap", "-c", conf, f"hash:{conf}/transport"], check=True)
        self.port, self.more = self.ports["mx"], {}


class Postern(postern_side.Postern):
    def __init__(self, certificate, o, sink, net):
        super().__init__(0, certificate)
        self.server.accounts = {SENDER: peers.PASSWORD}
        self.server.settings |= {
            **net.settings(),
            "send.port": sink.port,
            "send.private-addresses": "yes",
        }
        self.server.write_conf()
        self.port = self.ports["submission"]
        self.more = {"sender_password": peers.PASSWORD}


def submit(side, o, messages, connections):
    sent = measure.load(
        "smtp",
        side.port,
        messages=messages,
        connections=connections,
        domains=o.domains,
        domain=ZONE,
        sender=SENDER,
        **side.more,
    )
    if sent["accepted"] != messages:
        raise RuntimeError(f"{side.name} accepted {sent['accepted']}: {sent['reason']}")
    return sent


def question(side, o, sink):
    # Ten log-ins at once from an address nobody has seen is what a guesser does.
    submit(side, o, 1, 1)
    measure.rest(side.meter)
    before, cpu = sink.taken(), side.meter.cpu_s()
    living = sum(1 for m in range(o.messages) if not o.dead or (m % o.domains + 1) % o.dead)
    began = time.monotonic()
    sent = submit(side, o, o.messages, o.connections)
    postern.wait_until(
        lambda: sink.taken() - before >= living, DONE_S, f"the letters of {side.name}", every=0.05
    )
    seconds = time.monotonic() - began
    cpu = side.meter.cpu_s() - cpu
    memory = meter.pss_kb(side.meter.pids())
    time.sleep(2)
    return {
        "sent_per_s": living / seconds,
        "accepted_per_s": sent["per_second"],
        "cpu_ms": 1000 * cpu / living,
        "memory_mb": memory / 1024,
        "twice": float(sink.taken() - before - living),
    }


COLUMNS = [
    ("sent_per_s", "sent", "msg/s", True),
    ("accepted_per_s", "accepted", "msg/s", True),
    ("cpu_ms", "CPU", "ms/msg", False),
    ("memory_mb", "memory", "MB", False),
    ("twice", "twice", "", False),
]


def options(*given):
    p = argparse.ArgumentParser()
    p.add_argument("--messages", type=int, default=5000)
    p.add_argument("--domains", type=int, default=10)
    p.add_argument("--dead", type=int, default=0)
    p.add_argument("--connections", type=int, default=10)
    p.add_argument("--runs", type=int, default=1)
    p.add_argument("--side", choices=("postern", "peers"))
    p.add_argument("--out")
    return p.parse_args(given or None)


def rows(quick, runs, side):
    """Options of the rows of `make bench`: few destinations, and many with dead ones."""
    few = ["--messages", "2000" if quick else "5000", "--domains", "10", "--runs", str(runs)]
    many = ["--messages", "5000" if quick else "100000", "--domains", "1000", "--dead", "10"]
    more = ["--side", side] if side else []
    return [options(*few, *more), options(*many, *more)]


def title(o):
    dead = f", every {o.dead}th dead" if o.dead else ""
    return f"{o.messages} letters out to {o.domains}{dead}"


def zone_of(domains):
    rows = [f"d{i} MX 10 m{i}" for i in range(1, domains + 1)]
    return rows + [f"m{i} A {address(i)}" for i in range(1, domains + 1)]


def measure_all(o, certificate):
    """{side name: median result}"""
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink(certificate, o.domains, o.dead))
        sides = []
        if o.side != "postern" and peers.missing() is None:
            sides.append(stack.enter_context(Postfix(certificate, o, sink)))
        if o.side != "peers":
            net = stack.enter_context(internet.Internet().zone(ZONE, zone_of(o.domains), False))
            sides.append(stack.enter_context(Postern(certificate, o, sink, net)))
        result = table.take_turns(sides, o.runs, lambda side: question(side, o, sink))
    if Postfix.name in result:  # the table's first column
        result[peers.Peers.name] = result.pop(Postfix.name)
    table.show(title(o), result, COLUMNS)
    return result


if __name__ == "__main__":
    table.main(sys.modules[__name__])
