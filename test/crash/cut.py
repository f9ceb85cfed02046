# SPDX-License-Identifier: Apache-2.0
"""Power cuts: recordings of a server under load, each replayed to many moments.

A recording holds what the server did to its files, what it was about to answer, and what clients
were told, in one order. For each cut the folder is built as a disk may have kept it, a server with
another boot id starts on it, and the mailboxes are compared with the ledger of that moment.

The same recordings prove the order behind each 250: at the moment the reply is about to be sent,
the message, its envelope and the name of the journal file are on disk for certain.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import queue
import random
import shutil
import tempfile
import threading
import time

import kill
import ledger as ledgers
import load as loads
import postern
import record
import replay
import smtpc
import wire

RECORDINGS = 10
CUTS = 200
WORKERS = 3
LETTERS = 60  # accepted per recording, at least
RECORD_S = 20
ACCOUNTS = 6
SYNC_INTERVALS = ("10ms", "60ms", "400ms", "5s")
LINGERS = ("0ms", "0ms", "5ms", "2s")  # a process that is kept takes letters, else they wait beside
UNREAD = 2  # accounts whose letters wait until the cut
TAIL = 8 << 20  # of a journal, searched for a letter
HEAVY = 5  # this recording in ten has large letters, so that journal files fill and go
HEAVY_SHARE, HEAVY_OCTETS = 0.5, 2_500_000
EMPTY_S = 20
EVIDENCE_MAX = 5
ENVELOPE = 65536  # octets before a message that hold its envelope
SETTINGS = {
    "queue.reserve": 0,
    "gate.processes": 1,
    "smtp.processes": 1,
    "auth.hash-workers": 1,
    "queue.sync-interval": "50ms",
}


# --- recording -----------------------------------------------------------------------------------


def make_recording(folder, seed, heavy):
    """Serve from an empty state folder under load, then stop in the midst of it."""
    rng = random.Random(seed)
    rec = record.Recording(folder)
    accounts = kill.accounts_for(ACCOUNTS)
    interval = SYNC_INTERVALS[0] if heavy else rng.choice(SYNC_INTERVALS)
    settings = {**SETTINGS, "queue.sync-interval": interval, "test.boot-id": f"boot-{seed}"}
    settings["queue.linger"] = LINGERS[seed % len(LINGERS)]
    ledger = ledgers.Ledger(rec.note)
    server = rec.server(accounts=accounts, settings=settings)
    try:
        server.start()
        rec.note(what="accounts")
        big = (HEAVY_SHARE, HEAVY_OCTETS) if heavy else loads.BIG
        load = loads.Load(server, ledger, accounts, seed=seed, big=big, unread=UNREAD)
        load.start(mx=2, submission=1, readers=1, appenders=1, fetchers=1)
        deadline = time.monotonic() + RECORD_S
        while ledger.accepted < LETTERS * 2 and time.monotonic() < deadline:
            load.ended.wait(0.02)
        load.stop()
    finally:
        server.crash()
        rec.close()
    return accounts, ledger, load.failures


class Recorded:
    """A finished recording: its operations, and what the notes among them say."""

    def __init__(self, folder, seed, heavy=False):
        self.folder = folder
        self.seed = seed
        self.accounts, self.ledger, self.failures = make_recording(folder, seed, heavy)
        self.ops = record.read(pathlib.Path(folder) / "record")
        self.notes = [
            (i, json.loads(op.data)) for i, op in enumerate(self.ops) if op.op == record.NOTE
        ]
        ready = [i for i, n in self.notes if n["what"] == "accounts"]
        self.ready = ready[0] if ready else len(self.ops)

    def moments(self, rng, n):
        """Where to cut: anywhere, and just before and behind what matters."""
        near = [
            i + d
            for i, op in enumerate(self.ops)
            if op.op in (record.SYNC, record.SYNCED, record.REPLY, record.RENAME, record.REMOVE)
            for d in (0, 1)
        ]
        near = [i for i in near if i > self.ready]
        out = []
        for _ in range(n):
            lot = rng.random()
            if lot < 0.05:
                out.append(rng.randrange(self.ready))  # before the first letter
            elif lot < 0.5 and near:
                out.append(rng.choice(near))
            else:
                out.append(rng.randrange(self.ready, len(self.ops)))
        return sorted(out)

    def ledger_at(self, moment):
        return ledgers.Ledger.from_notes([n for i, n in self.notes if i < moment])

    def counts(self):
        c = collections.Counter(op.op for op in self.ops)
        return {k: c[getattr(record, k)] for k in ("WRITE", "SYNCED", "RENAME", "REMOVE", "REPLY")}


# --- the order behind 250 ------------------------------------------------------------------------


def letters_by_entry(rec):
    """{queue entry as the reply names it: letter name}."""
    found = {}
    for _, n in rec.notes:
        if n["what"] == "answered" and n["state"] == "accepted" and n["text"]:
            found[n["text"].split()[-1]] = n["name"]
    return found


def is_safe(disk, letter):
    """Message, envelope and the name of the file are certain to be found."""
    first = f"X-Letter: {letter.name}\r\n".encode()
    last = f"end {letter.name}\r\n".encode()
    for f in disk.safe_files("state/spool/journal"):
        for _, octets in f.content(TAIL):
            start = octets.rfind(first)
            if start < 0:
                continue
            end = octets.find(last, start)
            envelope = octets[max(0, start - ENVELOPE) : start]
            message = octets[start : end + len(last)]
            return (
                end >= 0
                and ledgers.digest(message) == letter.digest
                and all(who.encode() in envelope for who, _ in letter.boxes)
            )
    return False


def check_order(report, rec):
    """Every reply that took responsibility, in the order of the recording."""
    by_entry = letters_by_entry(rec)
    disk, checked, unsafe = replay.Disk(rec.folder), 0, []
    for op in rec.ops:
        disk.apply(op)
        if op.op != record.REPLY:
            continue
        entry = op.data.split(b"Queued as ")[1].split()[0].decode()
        name = by_entry.get(entry)
        if name is not None:  # else nobody read the reply
            checked += 1
            if not is_safe(disk, rec.ledger.letters[name]):
                unsafe.append(name)
    report.check(f"recording {rec.seed}: 250 comes after the sync", not unsafe, f"{unsafe[:5]}")
    report.equal(f"recording {rec.seed}: every 250 was looked at", checked, len(by_entry))
    return checked


# --- cutting -------------------------------------------------------------------------------------


class Checker:
    """A server of its own whose state folder is replaced for each cut."""

    def __init__(self, accounts):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-test."))
        self.server = postern.Server(folder=self.dir, accounts=accounts, settings=SETTINGS)
        self.server.added.update(accounts)

    def prepare(self, disk, seed):
        """Lay out what the disk kept; how many accounts have letters nobody took in."""
        shutil.rmtree(self.dir / "state", ignore_errors=True)
        self.server.log.unlink(missing_ok=True)
        disk.leave(random.Random(seed), self.dir)
        self.server.settings["test.boot-id"] = f"boot-{seed}"
        self.server.write_conf()
        return sum(f.stat().st_size > 0 for f in self.dir.glob("state/accounts/*/arrivals"))

    def check(self, ledger, seed):
        """Start on it; sentences about what is wrong. Without a ledger starting is enough."""
        try:
            self.server.start()
            return [] if ledger is None else self._look(ledger, seed)
        except (RuntimeError, TimeoutError, ValueError, OSError, wire.Closed) as e:
            return [repr(e), self.server.log_tail()]
        finally:
            self.server.crash()

    def _look(self, ledger, seed):
        wrong = []
        self._send_one_more(ledger, seed)
        if not kill.wait_for_queue(self.server, EMPTY_S):
            wrong.append("the queue did not run empty")
        boxes = kill.read_mailboxes(self.server, ledger)
        try:
            self.server.ctl("verify")
        except RuntimeError as e:
            wrong.append(str(e))
        return wrong + ledgers.disagreements(ledger, boxes) + ledger.conflicts

    def _send_one_more(self, ledger, seed):
        """New mail must get numbers nobody has seen."""
        everyone = sorted(self.server.accounts)
        octets = ledgers.compose(f"N{seed}", "after@elsewhere.test", everyone, 400)
        ledger.sent(f"N{seed}", [(who, "INBOX") for who in everyone], octets)
        with smtpc.Smtp(self.server.ports["mx"]) as s:
            s.secure()
            r = s.deliver("after@elsewhere.test", everyone, octets)
        if r.code == 250:
            ledger.answered(f"N{seed}", "accepted")
        else:
            ledger.conflicts.append(f"new mail after the cut: {r}")

    def keep_evidence(self, what):
        """With CRASH_KEEP in the environment the folders of the first failures go there."""
        where = os.environ.get("CRASH_KEEP")
        if where and len(os.listdir(where)) < EVIDENCE_MAX:
            target = pathlib.Path(where) / what.replace(" ", "-")
            shutil.copytree(self.dir, target, ignore=shutil.ignore_patterns("*.sock"))

    def close(self):
        self.server.crash()
        shutil.rmtree(self.dir, ignore_errors=True)


class Cutter:
    """Checkers that work at the same time."""

    def __init__(self, report, accounts):
        self.report = report
        self.lock = threading.Lock()
        self.idle = queue.Queue()
        self.waiting = 0  # cuts with letters that had arrived and were not taken in
        self.checkers = [Checker(accounts) for _ in range(WORKERS)]
        for c in self.checkers:
            self.idle.put(c)
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS)

    def cut(self, rec, moments, rng):
        """One pass through the recording with a cut at each moment."""
        disk, done = replay.Disk(rec.folder), 0
        for moment in moments:
            for op in rec.ops[done:moment]:
                disk.apply(op)
            done = moment
            seed = rng.randrange(1 << 30)
            checker = self.idle.get()
            self.waiting += checker.prepare(disk, seed) > 0
            ledger = rec.ledger_at(moment) if moment > rec.ready else None
            self.pool.submit(self._check, checker, ledger, seed, f"{rec.seed} cut {moment}")

    def _check(self, checker, ledger, seed, what):
        try:
            wrong = checker.check(ledger, seed)
            with self.lock:
                self.report.check(f"recording {what}", not wrong, "\n  ".join(wrong[:12]))
            if wrong:
                checker.keep_evidence(what)
        except BaseException as e:
            with self.lock:
                self.report.check(f"recording {what}", False, repr(e))
        finally:
            self.idle.put(checker)

    def close(self):
        self.pool.shutdown()
        for c in self.checkers:
            c.close()


def run(report, recordings=RECORDINGS, cuts=CUTS, seed=None):
    if not record.available():
        report.skip("power cut", "test/crash/powercut.so is not built (sanitizer build?)")
        return
    seed = seed or random.randrange(1 << 30)
    rng = random.Random(seed)
    began, replies = time.monotonic(), 0
    cutter = Cutter(report, kill.accounts_for(ACCOUNTS))
    try:
        for number in range(recordings):
            with tempfile.TemporaryDirectory(prefix="postern-test.") as folder:
                rec = Recorded(folder, seed * 100 + number, number % 10 == HEAVY)
                for failure in rec.failures:
                    report.check("a client of the recording", False, failure)
                print(f"recording {rec.seed}: {len(rec.ops)} operations {rec.counts()},"
                    f" {kill.states(rec.ledger)},"
                    f" {kill.popped(rec.ledger)} removed by POP3", flush=True)
                replies += check_order(report, rec)
                cutter.cut(rec, rec.moments(rng, cuts // recordings), rng)
    finally:
        cutter.close()
    report.check("cuts met letters nobody had taken in", cutter.waiting >= cuts // 8,
        f"{cutter.waiting}")
    report.check("replies were looked at", replies >= recordings * LETTERS // 2, f"{replies}")
    print(f"cut: {cuts} cuts of {recordings} recordings, {replies} replies looked at,"
        f" {cutter.waiting} with letters not taken in,"
        f" in {time.monotonic() - began:.0f} s, seed {seed}")
