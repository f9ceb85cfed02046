# SPDX-License-Identifier: Apache-2.0
"""Scenes that need other settings: servers that say nothing (time-outs of seconds), destinations
with IPv6, zones that do not validate or do not answer, REQUIRETLS, and two send processes."""

import socket

import fakemx
import internet
import postern
import reading
import rows

DOMAINS, LETTERS = 24, 2  # for two processes to share
REPLY_S = 4
SILENT = {
    "no-banner": rows.later("no-banner", "C7", "banner", rows.SOON),
    "hung": rows.later("tls-hang", "T5", "tls", rows.SOON),
    "hello": rows.later("hello-hang", "T5", "tls", rows.SOON),
}
ZONES = {
    "bad.bogus": rows.later(None, "N5", "dns", rows.WAIT),
    "bad.servfail": rows.later(None, "N4", "dns", rows.SOON),
}
DEMANDS = ("with", "without")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", 0))
            return True
    except OSError:
        return False


class World:
    def __init__(self):
        self.net = internet.Internet()
        self.v6 = has_ipv6()
        names = [f"mx.{n}.test" for n in (*SILENT, *DEMANDS, "six", "both", "spread")]
        self.mx = fakemx.FakeMX(names=names)
        self.hosts = {}

    def __enter__(self):
        self.net.__enter__()
        for i, (name, row) in enumerate(SILENT.items()):
            self.host(name, f"127.0.5.{i + 1}", row.scene)
        self.host("with", "127.0.5.20", "requiretls")
        self.host("without", "127.0.5.21", "good")
        self.host("both", "127.0.5.22", "good")
        records = [x for n, h in self.hosts.items() for x in mx_of(n, h.address)]
        if self.v6:
            self.six = self.mx.host("::1", "good", "mx.six.test")
            records += ["six MX 10 mx.six", "mx.six AAAA ::1", "mx.both AAAA ::1"]
        spread = [self.mx.host(f"127.0.5.{100 + i}", "good") for i in range(DOMAINS)]
        for i, host in enumerate(spread):
            records += mx_of(f"d{i}", host.address)
        self.spread = spread
        self.net.zone("test", records)
        self.net.zone("bogus", mx_of("bad", "127.0.5.20"), bogus=True)
        self.net.zone("servfail", broken=True)
        return self

    def __exit__(self, *args):
        self.mx.close()
        self.net.__exit__(*args)

    def host(self, name, address, scene):
        self.hosts[name] = self.mx.host(address, scene, f"mx.{name}.test")

    def settings(self):
        return {
            **self.net.settings(),
            "send.port": self.mx.port,
            "send.private-addresses": "yes",
            "send.ca-file": self.mx.ca,
            "send.connect-timeout": "1s",
            "send.reply-timeout": f"{REPLY_S}s",
            "send.processes": "2",
        }


def mx_of(name, address):
    return [f"{name} MX 10 mx.{name}", f"mx.{name} A {address}"]


def tried(server, names):
    def all_tried():
        found = reading.attempts(server)
        return all(n in found for n in names)

    postern.wait_until(all_tried, rows.WITHIN_S, f"attempts at {' '.join(names)}")
    return reading.attempts(server)


def scenes(r, server, chosen):
    """Class, next try and record of each."""
    reading.submit(server, [n for n in chosen if "." not in n])
    for name in (n for n in chosen if "." in n):
        reading.letter(server, [f"bob@{name}"])
    found = tried(server, chosen)
    waiting, reports = reading.in_queue(server), reading.mailbox(server)
    records = reading.journal(server)
    for name, row in chosen.items():
        rows.check_attempt(r, name, row, found[name][0])
        rows.check_queue(r, name, row, waiting)
        rows.check_report(r, name, row, reports)
        rows.check_record(r, name, row, records)


def silent(r, world, server):
    scenes(r, server, SILENT)
    for name in SILENT:
        host = world.hosts[name]
        r.equal(f"{name}: no letter", host.letters, [])
        said = [x for x in host.commands() if not x.startswith(("EHLO", "STARTTLS"))]
        r.equal(f"{name}: nothing of it was said", said, [])


def zones(r, _, server):
    scenes(r, server, ZONES)


def attempt_at(server, name, n):
    """The n-th attempt at a domain, as the log has it."""

    def come():
        return len(reading.attempts(server).get(name, [])) >= n

    postern.wait_until(come, rows.WITHIN_S, f"attempt {n} at {name}")
    return reading.attempts(server)[name][n - 1]


def ipv6(r, world, server):
    """IPv6 is used, comes first, and gives way where it does not answer."""
    if not world.v6:
        r.skip("IPv6", "no ::1 here")
        return
    six, four = world.six, world.hosts["both"]
    reading.submit(server, ["six"])
    r.equal("six: by IPv6", attempt_at(server, "six", 1)["verdict"], rows.DELIVERED)
    six.wait(1)
    six.play(fakemx.Scene(banner=fakemx.CLOSE))
    reading.submit(server, ["both"])
    four.wait(1)
    r.equal("both: IPv6 came first", six.connections, 2)
    done = server.ctl_json("attempts", "both.test")["attempts"]
    outcomes = {x["outcome"] for x in done}
    r.equal("both: each try has a record", outcomes, {"deferred", rows.DELIVERED})
    r.equal("both: and its address", {x["peer"] for x in done}, {"::1", four.address})
    failed = next(x for x in done if x["peer"] == "::1")
    r.equal("both: what IPv6 did", failed["class"], "C6")
    r.check("both: nothing waits", "both" not in reading.in_queue(server))


def requiretls(r, world, server):
    """RFC 8689 4.2.1: only to a server that says it, and which is known for certain."""
    offers, lacks = (world.hosts[n] for n in DEMANDS)
    reading.letter(server, ["bob@with.test"], mail=" REQUIRETLS")
    taken = offers.wait(1)
    r.check("REQUIRETLS goes on", "REQUIRETLS" in taken[0].mail, taken[0].mail)
    reading.letter(server, ["bob@without.test"], mail=" REQUIRETLS")
    said = reading.told(server, "without", "failed")
    r.equal("not offered: final", said["status"], "5.7.30")
    r.equal("not offered: nothing came there", lacks.letters, [])
    reading.letter(server, ["bob@without.test"])
    r.check("the same server takes others", lacks.wait(1))


def processes(r, world, server):
    """Each destination belongs to one of two processes; every letter arrives, once."""
    names = [f"d{i}" for i in range(DOMAINS)]
    for _ in range(LETTERS):
        reading.submit(server, names)
    for host in world.spread:
        host.wait(LETTERS)
    r.equal("each letter once", [len(h.letters) for h in world.spread], [LETTERS] * DOMAINS)
    facts = [p for p in server.ctl_json("status")["processes"] if p["name"].startswith("send")]
    if r.equal("two send processes", len(facts), 2):
        done = [p["facts"] for p in facts]
        r.check("both have work", all(int(f["delivered"]) > 0 for f in done), repr(done))


def run(r):
    with World() as world:
        accounts = {reading.SENDER: reading.PASSWORD}
        with postern.Server(accounts=accounts, settings=world.settings()) as server:
            for part in (silent, zones, ipv6, requiretls, processes):
                try:
                    part(r, world, server)
                except TimeoutError as e:
                    r.check(part.__name__, False, str(e))
            if r.failed:
                print(server.log_tail(20000))
