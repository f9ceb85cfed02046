# SPDX-License-Identifier: Apache-2.0
"""SIGKILL under load: random processes, the parent alone, or everything at once."""

import collections
import os
import random
import signal
import time

import imapc
import ledger as ledgers
import load as loads
import postern
import wire

ACCOUNTS = 20
SETTINGS = {
    "queue.sync-interval": "100ms",
    "queue.linger": "20ms",  # letters are left beside the index, and taken to a process, by turns
    "queue.reserve": 0,
    "gate.processes": 2,
    "smtp.processes": 2,
    "auth.hash-workers": 1,
}
UNREAD = 6  # accounts whose letters are left until the end
ROUNDS = 200
ROUND_ANSWERS = 3  # letters accepted between two kills, if the server gets to it
ROUND_S = 1.0
ALL_SHARE, PARENT_SHARE, CHILD_SHARE = 0.12, 0.04, 0.3
EMPTY_S = 60


def accounts_for(n=ACCOUNTS):
    return {f"user{i:02}@postern.test": f"password-{i:02}" for i in range(n)}


def queue_is_empty(server):
    listed = server.ctl_json("queue", "list")
    return not any(v for v in listed.values() if isinstance(v, list))


def wait_for_queue(server, seconds=EMPTY_S):
    """True when the queue ran empty in time."""
    try:
        postern.wait_until(lambda: queue_is_empty(server), seconds, "an empty queue", every=0.05)
    except TimeoutError:
        return False
    return True


class Killer:
    def __init__(self, server, rng):
        self.server = server
        self.rng = rng
        self.killed = collections.Counter()

    def strike(self):
        """Kill something. Whatever it was, the server runs again or will by itself."""
        lot = self.rng.random()
        if lot < ALL_SHARE:
            self.killed["all"] += 1
            self.server.crash()
            self.server.start()
        elif lot < ALL_SHARE + PARENT_SHARE:
            self.killed["parent"] += 1
            self._parent()
        else:
            forked = lot < ALL_SHARE + PARENT_SHARE + CHILD_SHARE
            postern.wait_until(lambda: self._one(forked), 20, "a process to kill")

    def _parent(self):
        """Without it the others must end by themselves, so that a new one finds the ports free."""
        left = self.server.pids()
        self.server.proc.kill()
        self.server.proc.wait()
        left.pop(self.server.proc.pid, None)
        postern.wait_until(
            lambda: not any(postern.alive(p, n) for p, n in left.items()),
            20,
            "processes to end without their parent",
        )
        self.server.proc = None
        self.server.start()

    def _one(self, forked):
        """
        A service, or (forked) a process of one account if there is one now. False: what was chosen
        had just ended by itself, or the services are being started.
        """
        tree = postern.process_tree(self.server.proc.pid)
        names = self.server.pids()
        depth_two = [p for p, parent in tree.items() if parent not in (0, self.server.proc.pid)]
        services = [p for p, parent in tree.items() if parent == self.server.proc.pid]
        pid = self.rng.choice(depth_two if forked and depth_two else services or [None])
        if pid is None:
            return False
        name = "account" if pid in depth_two else names.get(pid, "?").partition("[")[0]
        try:
            os.kill(pid, signal.SIGKILL)
            self.killed[name] += 1
            return True
        except ProcessLookupError:
            return False


def read_mailboxes(server, ledger):
    """{(address, mailbox): contents} of every account, by IMAP; the numbers go to the ledger."""
    boxes, ctx = {}, wire.client_context()
    for who, password in server.accounts.items():
        with imapc.Imap(server.ports["imaps"], tls=ctx) as c:
            c.login(who, password)
            for mailbox in ("INBOX", loads.WORK):
                there = c.cmd("STATUS {} (MESSAGES)", mailbox.encode()).status == "OK"
                if there or mailbox == "INBOX":
                    boxes[who, mailbox] = ledgers.contents(c, mailbox)
                    ledger.looked((who, mailbox), ledgers.look(c, mailbox))
    return boxes


def check_mailboxes(report, server, ledger):
    boxes = read_mailboxes(server, ledger)
    for sentence in ledgers.disagreements(ledger, boxes) + ledger.conflicts:
        report.check("mailboxes", False, sentence)
    report.check("mailboxes hold mail", any(boxes.values()))


def states(ledger):
    counts = collections.Counter(x.state for x in ledger.letters.values())
    return ", ".join(f"{n} {s}" for s, n in sorted(counts.items()))


def popped(ledger):
    """How many were deleted by POP3 for certain."""
    return sum("expunged" in x.removed.values() for x in ledger.letters.values())


def verify(report, server):
    try:
        server.ctl("verify")
        report.check("postern verify", True)
    except RuntimeError as e:
        report.check("postern verify", False, str(e)[:2000])


def untaken(server):
    """Does an account hold letters that nobody has taken in?"""
    return any(f.stat().st_size > 0 for f in server.dir.glob("state/accounts/*/arrivals"))


def run(report, rounds=ROUNDS, seed=None):
    seed = seed or random.randrange(1 << 30)
    rng = random.Random(seed)
    accounts = accounts_for()
    ledger = ledgers.Ledger()
    began, met = time.monotonic(), 0
    with postern.Server(accounts=accounts, settings=SETTINGS) as server:
        killer = Killer(server, rng)
        load = loads.Load(server, ledger, accounts, seed=seed, unread=UNREAD)
        load.start(mx=4, submission=2, readers=2, appenders=1, fetchers=2)
        for _ in range(rounds):
            wanted = ledger.accepted + ROUND_ANSWERS
            deadline = time.monotonic() + ROUND_S
            while ledger.accepted < wanted and time.monotonic() < deadline:
                load.ended.wait(0.01)
            load.ended.wait(rng.random() * 0.1)
            met += untaken(server)
            killer.strike()
        load.stop()
        server.crash()
        server.start()
        report.check("letters were left in accounts nobody read", met > 0, f"{met} of {rounds}")
        report.check(f"seed {seed}: the queue runs empty", wait_for_queue(server))
        check_mailboxes(report, server, ledger)
        verify(report, server)
        for failure in load.failures:
            report.check("a client", False, failure)
        report.check("letters were accepted", ledger.accepted > rounds, states(ledger))
        report.check("letters went by POP3", popped(ledger) > 0)
    report.check(f"{rounds} rounds", sum(killer.killed.values()) == rounds)
    print(f"kill: {rounds} rounds in {time.monotonic() - began:.0f} s, seed {seed}")
    print("killed:", ", ".join(f"{n} {k}" for k, n in killer.killed.most_common()))
    print(f"letters: {states(ledger)}; {popped(ledger)} removed by POP3")
