# SPDX-License-Identifier: Apache-2.0
"""One measurement each: mail into mailboxes, reading a large mailbox, memory of idle sessions.

A side is peers.Peers or postern_side.Postern. Every function returns a dictionary of plain numbers.
"""

import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import meter  # noqa: E402
import peers  # noqa: E402
import pop3c  # noqa: E402
import postern  # noqa: E402
import wire  # noqa: E402

DRAIN_S = 300
QUIET_S = 0.5
POP3_S = 120
PIPELINE = 100  # RETR commands under way
QUIET_CPU_S = 0.005  # less than this much CPU in QUIET_S: the server rests


def load(mode, port, **options):
    """Run the load generator; its JSON."""
    command = [str(postern.build_dir() / "test/bench/load"), mode, "--port", str(port)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"load {mode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def rest(m, most_s=30):
    """Wait until the server has stopped working behind the scenes."""
    deadline = time.monotonic() + most_s
    before = m.cpu_s()
    while time.monotonic() < deadline:
        time.sleep(QUIET_S)
        now = m.cpu_s()
        if now - before < QUIET_CPU_S:
            return
        before = now


class Ledger:
    """What one side has accepted, to be compared with what its mailboxes hold."""

    def __init__(self, users):
        self.sent = [0] * users
        self.accepted = self.errors = 0

    def add(self, row, sent):
        """The load generator deals messages out in turn, see load.c."""
        each, more = divmod(row["messages"], row["mailboxes"])
        for i in range(row["mailboxes"]):
            self.sent[i] += each + (i < more)
        self.accepted += sent["accepted"]
        self.errors += sent["errors"]

    def compare(self, counts):
        """A sentence when the mailboxes do not hold what was accepted, else None. After errors
        only the sum can be told: a message whose reply got lost may have arrived."""
        if not self.accepted <= sum(counts) <= self.accepted + self.errors:
            return f"{self.accepted} messages accepted, {sum(counts)} in the mailboxes"
        wrong = [i for i, n in enumerate(counts) if n != self.sent[i]]
        if wrong and not self.errors:
            i = wrong[0]
            return f"{len(wrong)} mailboxes differ; user{i} has {counts[i]}, not {self.sent[i]}"
        return None


def mail(side, row, ledger):
    """Deliver row["messages"]; rates by acceptance and by arrival, CPU until all is at rest."""
    rest(side.meter)
    cpu = side.meter.cpu_s()
    began = time.monotonic()
    sent = load("smtp", side.ports["mx"], **row)
    postern.wait_until(lambda: side.waiting() == 0, DRAIN_S, f"queue of {side.name}", every=0.05)
    seconds = time.monotonic() - began
    postern.wait_until(lambda: side.unsynced() == 0, DRAIN_S, f"sync of {side.name}", every=0.2)
    rest(side.meter)
    cpu = side.meter.cpu_s() - cpu
    ledger.add(row, sent)
    if sent["accepted"] == 0:
        raise RuntimeError(f"{side.name} accepted nothing: {sent['reason']}")
    return {
        "accepted": sent["accepted"],
        "errors": sent["errors"],
        "reason": sent["reason"],
        "accepted_per_s": sent["per_second"],
        "stored_per_s": sent["accepted"] / seconds,
        "cpu_ms": 1000 * cpu / sent["accepted"],
        "p50_ms": sent["whole_p50_ms"],
        "p99_ms": sent["whole_p99_ms"],
    }


def make_maildir(folder, count):
    """A Maildir of `count` seen messages of about 1 KB."""
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    text = "".join(f"Line {i} of a letter that somebody kept.\r\n" for i in range(18))
    for i in range(count):
        head = f"From: a@sender.test\r\nSubject: kept {i}\r\nMessage-ID: <{i}.kept@sender.test>\r\n"
        date = "Date: Mon, 06 Jul 2026 10:00:00 +0200\r\n\r\n"
        (folder / f"cur/{1783324800 + i}.M{i}P1.bench:2,S").write_bytes(
            (head + date + text).encode()
        )


def reading(side, user, warm_sessions):
    """SELECT and FETCH FLAGS: cold (page cache dropped, new session) and warm (median)."""
    options = {"user": f"user{user}@{peers.DOMAIN}"}
    load("imap", side.ports["imaps"], **options)  # a server may build its index once
    rest(side.meter)
    really_cold = meter.drop_caches()
    cold = load("imap", side.ports["imaps"], **options)
    warm = load("imap", side.ports["imaps"], repeat=warm_sessions, **options)
    if cold["fetched"] != cold["exists"] or warm["fetched"] != cold["exists"]:
        raise RuntimeError(f"{side.name}: {cold['fetched']} of {cold['exists']} flags came")
    return {
        "messages": cold["exists"],
        "cold": really_cold,
        "select_cold_ms": cold["select_ms"][0],
        "flags_cold_ms": cold["flags_ms"][0],
        "select_warm_ms": median(warm["select_ms"]),
        "flags_warm_ms": median(warm["flags_ms"]),
    }


class Popped:
    """One POP3 session over TLS, timed from connect on."""

    def __init__(self, side, user):
        self.began = time.monotonic()
        self.c = pop3c.Pop3(side.ports["pop3s"], tls=wire.client_context(), timeout=POP3_S)
        if not self.c.login(f"user{user}@{peers.DOMAIN}", peers.PASSWORD).startswith("+OK"):
            raise RuntimeError(f"{side.name}: no POP3 log-in")
        self.count = int(self.c.ok("STAT").split()[1])

    def ms(self):
        """Since the last call, or the beginning."""
        before, self.began = self.began, time.monotonic()
        return 1000 * (self.began - before)

    def retr_all(self):
        """As a program that pipelines: RFC 2449 6.6. The octets of all bodies."""
        total = 0
        for first in range(1, self.count + 1, PIPELINE):
            numbers = range(first, min(first + PIPELINE, self.count + 1))
            self.c.wire.send(b"".join(b"RETR %d\r\n" % n for n in numbers))
            for answer in self.answers(len(numbers)):
                first_line, _, body = answer.partition(b"\r\n")
                if not first_line.startswith(b"+OK"):
                    raise RuntimeError("RETR was refused")
                total += len(body) + 2  # its last line end went with the end of the answer
        return total

    def answers(self, n):
        """n answers of several lines, read in large pieces; these letters have no dots to undo."""
        wire, end = self.c.wire, b"\r\n.\r\n"
        while wire.buf.count(end) < n:
            wire.more()
        *answers, wire.buf = wire.buf.split(end, n)
        return answers


def popping(side, user):
    """Log-in and STAT cold and warm, then UIDL, LIST and RETR of everything."""
    Popped(side, user).c.quit()  # a server may build its index once
    rest(side.meter)
    really_cold = meter.drop_caches()
    session = Popped(side, user)
    found = {"messages": session.count, "cold": really_cold, "stat_cold_ms": session.ms()}
    session.c.quit()
    warm = []
    for _ in range(5):
        session = Popped(side, user)
        warm.append(session.ms())
        session.c.quit()
    session = Popped(side, user)
    session.ms()
    uids = session.c.uidl()
    found["uidl_ms"] = session.ms()
    sizes = session.c.sizes()
    found["list_ms"] = session.ms()
    cpu = side.meter.cpu_s()
    octets = session.retr_all()
    found["retr_ms"] = session.ms()
    found["retr_cpu_ms"] = 1000 * (side.meter.cpu_s() - cpu)
    session.c.quit()
    if not len(uids) == len(sizes) == session.count or octets != sum(sizes.values()):
        raise RuntimeError(f"{side.name}: {octets} octets came, LIST says {sum(sizes.values())}")
    return {**found, "stat_warm_ms": median(warm)}


def idle(side, sessions):
    """Memory of `sessions` logged-in users in IDLE: the growth of the server's PSS, per session."""
    rest(side.meter)
    before = meter.settled_pss_kb(side.meter)
    command = [str(postern.build_dir() / "test/bench/load"), "idle"]
    command += ["--port", str(side.ports["imaps"]), "--sessions", str(sessions)]
    cpu = side.meter.cpu_s()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as held:
        line = held.stdout.readline()
        if not line:
            raise RuntimeError(f"{side.name}: idle sessions could not be opened")
        cpu = side.meter.cpu_s() - cpu
        after = meter.settled_pss_kb(side.meter, quiet_s=8)
        held.stdin.close()
    return {
        "sessions": sessions,
        "empty_kb": before,
        "full_kb": after,
        "per_session_kb": (after - before) / sessions,
        "login_cpu_ms": 1000 * cpu / sessions,
    }


def resting(side, sessions, wake):
    """As idle(), until no session has a process any more; then `wake` are woken in a second."""
    rest(side.meter)
    before = meter.settled_pss_kb(side.meter)
    command = [str(postern.build_dir() / "test/bench/load"), "idle"]
    command += ["--port", str(side.ports["imaps"]), "--sessions", str(sessions)]
    command += ["--wake", str(wake)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as held:
        if not held.stdout.readline():
            raise RuntimeError(f"{side.name}: idle sessions could not be opened")
        postern.wait_until(lambda: not side.processes("account"), 120, "sessions to rest")
        after = meter.settled_pss_kb(side.meter)
        cpu = side.meter.cpu_s()
        held.stdin.write("w")
        held.stdin.flush()
        line = held.stdout.readline()
        if not line:
            raise RuntimeError(f"{side.name}: resting sessions did not wake")
        cpu = side.meter.cpu_s() - cpu
        held.stdin.close()
    return {
        "sessions": sessions,
        "per_session_kb": (after - before) / sessions,
        "whole_kb": after / sessions,
        "wake_cpu_ms": 1000 * cpu / wake,
        **json.loads(line),
    }


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
