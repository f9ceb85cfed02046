# SPDX-License-Identifier: Apache-2.0
"""
SIGKILL under load that leaves for other servers: nothing accepted is lost, and a letter arrives
twice only where the answer to its end of data can not have been seen: a process was killed at that
moment, or the other server hung up. Such letters are counted.
"""

import collections
import random
import time

import fakemx
import internet
import kill
import ledger as ledgers
import load as loads
import postern

DOMAINS = 8
ACCOUNTS = 6
ROUNDS = 50
ROUND_S = 0.6
EMPTY_S = 120
SEEN_S = 1.5  # an answer that came is in the journal by then, also on a busy machine
AFTER_S = 0.5
ENDS = {"all", "parent", "queue", "send"}  # whose end can cost an answer
SETTINGS = {
    "queue.sync-interval": "100ms",
    "queue.reserve": 0,
    "queue.retry-first": "1s",
    "queue.retry-max": "2s",
    "smtp.processes": 1,
    "gate.processes": 1,
    "send.private-addresses": "yes",
    "send.processes": 2,
}
# most take everything; one says later, and one hangs up, now and then
SOMETIMES = ["250 2.0.0 queued"] * 6
SCENES = {
    1: fakemx.Scene(rcpt=["250 ok", "250 ok", "451 4.7.1 Greylisted"] * 4000),
    2: fakemx.Scene(eod=(SOMETIMES + [fakemx.CLOSE]) * 2000),
    3: fakemx.Scene(mail=(["250 ok"] * 9 + ["451 4.3.0 not now"]) * 1000),
}


class Load(loads.Load):
    """Submissions to other domains."""

    def recipients(self, rng):
        domains = rng.sample(range(DOMAINS), rng.choice((1, 1, 2, 3)))
        return [f"u{rng.randrange(100)}@far{d}.test" for d in domains]


class Killer(kill.Killer):
    """Remembers when it struck."""

    def __init__(self, server, rng):
        super().__init__(server, rng)
        self.strikes = []

    def strike(self):
        began, before = time.monotonic(), self.killed.copy()
        super().strike()
        if ENDS & set(self.killed - before):
            self.strikes.append((began, time.monotonic()))

    def near(self, at):
        """Was something killed so that an answer given at that time may not have been noted?"""
        return any(a - SEEN_S <= at <= b + AFTER_S for a, b in self.strikes)


def receipts(hosts):
    """{(letter's name, recipient): [what a server got, in order of time]}"""
    found = collections.defaultdict(list)
    for host in hosts:
        for x in host.letters:
            name, own = ledgers.own_part(x.data)
            for rcpt in x.rcpts:
                address = rcpt.partition("<")[2].partition(">")[0]
                found[name, address].append((x.at, x.reply[:1] == b"2", ledgers.digest(own)))
    return {k: sorted(v) for k, v in found.items()}


def disagreements(ledger, got, killer):
    """(sentences about what is wrong, how often letters came twice by whose fault)"""
    wrong, twice = [], collections.Counter()
    for name, letter in ledger.letters.items():
        for address, _ in letter.boxes:
            there = got.pop((name, address), [])
            taken = [x for x in there if x[1]]
            if letter.state == "accepted" and not taken:
                wrong.append(f"{name} to {address} was accepted and is lost")
            if letter.state == "refused" and there:
                wrong.append(f"{name} to {address} was refused and arrived")
            if any(x[2] != letter.digest for x in there):
                wrong.append(f"{name} to {address}: the octets are not those sent")
            for at, answered, _ in there[:-1]:
                twice["after a kill" if answered else "after a hang-up"] += 1
                if answered and not killer.near(at):
                    wrong.append(f"{name} to {address} arrived twice without a reason")
    return wrong + [f"{k} was never sent" for k in got], twice


def serve(net, mx):
    hosts = []
    for d in range(DOMAINS):
        address = f"127.0.4.{d + 1}"
        net.zone(f"far{d}.test", ["@ MX 10 mx", f"mx A {address}"], signed=False)
        hosts.append(mx.host(address, SCENES.get(d, "good")))
    return hosts


def empty(server):
    def now():
        return server.ctl_json("queue", "count")["remote"] == 0

    try:
        postern.wait_until(now, EMPTY_S, "an empty queue", every=0.2)
    except TimeoutError:
        return False
    return True


def strike_under_load(server, accounts, ledger, killer, rounds, seed):
    load = Load(server, ledger, accounts, seed=seed, big=(0.02, 100_000))
    load.start(mx=0, submission=3, readers=0)
    for _ in range(rounds):
        load.ended.wait(ROUND_S * (0.5 + killer.rng.random()))
        killer.strike()
    load.stop()
    return load


def run(report, rounds=ROUNDS, seed=None):
    if internet.missing():
        report.skip("letters for other servers", "knotd is not installed")
        return
    seed = seed or random.randrange(1 << 30)
    accounts = kill.accounts_for(ACCOUNTS)
    ledger = ledgers.Ledger()
    began = time.monotonic()
    with internet.Internet() as net, fakemx.FakeMX() as mx:
        hosts = serve(net, mx)
        settings = {**SETTINGS, "send.port": mx.port, **net.settings()}
        with postern.Server(accounts=accounts, settings=settings) as server:
            killer = Killer(server, random.Random(seed))
            load = strike_under_load(server, accounts, ledger, killer, rounds, seed)
            server.ctl("queue", "retry")
            report.check(f"seed {seed}: the queue runs empty", empty(server))
            for failure in load.failures:
                report.check("a client", False, failure)
        wrong, twice = disagreements(ledger, receipts(hosts), killer)
    for sentence in wrong:
        report.check("other servers", False, sentence)
    report.check("letters left", ledger.accepted > rounds, kill.states(ledger))
    report.check(f"{rounds} strikes", sum(killer.killed.values()) == rounds)
    print(f"remote: {rounds} rounds in {time.monotonic() - began:.0f} s, seed {seed}")
    print("killed:", ", ".join(f"{n} {k}" for k, n in killer.killed.most_common()))
    again = ", ".join(f"{n} {why}" for why, n in sorted(twice.items())) or "none"
    print(f"letters: {kill.states(ledger)}; again, as the answer was not seen: {again}")
