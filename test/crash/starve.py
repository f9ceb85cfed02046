# SPDX-License-Identifier: Apache-2.0
"""Shortages: every write fails, the disk is full, syncs fail, descriptors run out.

New mail is then refused for now (4xx), nothing accepted is lost, reading goes on where it can, and
when the shortage ends everything works again by itself.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import tempfile
import time

import imapc
import kill
import ledger as ledgers

import postern
import programs
import record
import smtpc
import wire

ACCOUNTS = 3
RECOVER_S = 45  # a restarted process waits up to 30 s
NOTICE_S = 5  # free space is looked at every second
DISK_OCTETS = 200 << 20
CLONE_NEWNS = 0x00020000  # linux/sched.h
DESCRIPTORS = 1024  # restored
SETTINGS = {
    "queue.sync-interval": "50ms",
    "queue.reserve": "1M",
    "gate.processes": 1,
    "smtp.processes": 1,
    "auth.hash-workers": 1,
}

class Scene:
    """A server, a ledger, and single letters through it."""

    def __init__(self, report, name, server, ledger):
        self.report = report
        self.name = name
        self.server = server
        self.ledger = ledger
        self.addresses = sorted(server.accounts)
        self.count = 0

    def check(self, what, ok, detail=""):
        return self.report.check(f"{self.name}: {what}", ok, detail)

    def send(self, size=500):
        """One letter to everyone; the reply's code, or 0 when the connection ended without one."""
        self.count += 1
        name = f"{self.name.replace(' ', '-')}.{self.count}"
        octets = ledgers.compose(name, "s@elsewhere.test", self.addresses, size)
        self.ledger.sent(name, [(who, "INBOX") for who in self.addresses], octets)
        try:
            with smtpc.Smtp(self.server.ports["mx"]) as s:
                s.secure()
                r = s.deliver("s@elsewhere.test", self.addresses, octets)
        except (OSError, ValueError, wire.Closed):
            return 0
        if r.code // 100 in (2, 5):
            self.ledger.answered(name, "accepted" if r.code == 250 else "refused")
        return r.code

    def send_until_taken(self):
        """True when the server takes mail again by itself."""
        try:
            postern.wait_until(lambda: self.send() == 250, RECOVER_S, "mail taken again", every=0.2)
        except TimeoutError:
            return False
        return True

    def send_until_refused(self):
        """What the journal has room for is taken until the lack of space is noticed."""
        try:
            postern.wait_until(lambda: self.send() // 100 == 4, NOTICE_S, "refusal", every=0.2)
        except TimeoutError:
            return False
        return True

    def append(self):
        """The status of an APPEND, or a word about why there is none."""
        self.count += 1
        who = self.addresses[0]
        name = f"{self.name.replace(' ', '-')}.{self.count}"
        octets = ledgers.compose(name, who, [who], 400)
        self.ledger.sent(name, [(who, "INBOX")], octets)
        try:
            with self.client(who) as c:
                status = c.cmd("APPEND INBOX {}", octets).status
        except (OSError, ValueError, wire.Closed) as e:
            return type(e).__name__
        if status == "OK":
            self.ledger.answered(name, "accepted")
        return status

    def client(self, who):
        c = imapc.Imap(self.server.ports["imaps"], tls=wire.client_context())
        try:
            c.login(who, self.server.accounts[who])
        except BaseException:
            c.close()
            raise
        return c

    def reads(self):
        """True when a mailbox can be read."""
        try:
            with self.client(self.addresses[0]) as c:
                return bool(ledgers.contents(c, "INBOX"))
        except (OSError, ValueError, wire.Closed):
            return False

    def begin(self):
        for size in (400, 100_000, 400):
            self.check("mail is taken before", self.send(size) == 250)
        self.check("it is delivered", kill.wait_for_queue(self.server))

    def end(self, appends=True):
        """The shortage is over."""
        began = time.monotonic()
        self.check("mail is taken again", self.send_until_taken(), self.server.log_tail(1500))
        self.check("large mail is taken again", self.send(200_000) == 250)
        if appends:
            self.check("APPEND works again", self.append() == "OK")
        self.check("the queue runs empty", kill.wait_for_queue(self.server))
        boxes = kill.read_mailboxes(self.server, self.ledger)
        for sentence in ledgers.disagreements(self.ledger, boxes) + self.ledger.conflicts:
            self.check("mailboxes", False, sentence)
        kill.verify(self.report, self.server)
        print(f"starve: {self.name}: recovered and checked in {time.monotonic() - began:.1f} s")

# --- failing calls -------------------------------------------------------------------------------

# name, errno of writes, errno of syncs
FAULTS = (
    ("no space", errno.ENOSPC, 0),
    ("read-only", errno.EROFS, 0),
    ("broken disk", errno.EIO, 0),
    ("failing sync", 0, errno.EIO),
)

def with_faults(report):
    """One server; for each fault: refused, then recovered."""
    if not record.available():
        report.skip("failing writes", "test/crash/powercut.so is not built (sanitizer build?)")
        return
    with tempfile.TemporaryDirectory(prefix="postern-test.") as folder:
        rec = record.Recording(folder)
        with rec.server(accounts=kill.accounts_for(ACCOUNTS), settings=SETTINGS) as server:
            ledger = ledgers.Ledger()
            for name, write, sync in FAULTS:
                scene = Scene(report, name, server, ledger)
                scene.begin()
                rec.fault(write, sync)
                for size in (400, 100_000):
                    code = scene.send(size)
                    scene.check("refused for now", code // 100 == 4, f"{size}: {code}")
                scene.check("APPEND is refused", scene.append() != "OK")
                scene.check("reading goes on", write != 0 or scene.reads())
                rec.fault()
                scene.end()
        rec.close()

def restart_meanwhile(report):
    """The queue and the accounts process die while every write fails, and come back later."""
    if not record.available():
        return
    with tempfile.TemporaryDirectory(prefix="postern-test.") as folder:
        rec = record.Recording(folder)
        with rec.server(accounts=kill.accounts_for(ACCOUNTS), settings=SETTINGS) as server:
            scene = Scene(report, "died without space", server, ledgers.Ledger())
            scene.begin()
            rec.fault(errno.ENOSPC)
            for pid, name in server.pids().items():
                if name.partition("[")[0] in ("queue", "accounts", "auth"):
                    os.kill(pid, 9)
            code = scene.send()
            scene.check("refused for now", code // 100 == 4, f"{code}")
            rec.fault()
            scene.end()
        rec.close()

# --- a full disk ---------------------------------------------------------------------------------

def own_mounts():
    """From now on what this process mounts is seen by it and its children only."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        return False
    return subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True).returncode == 0

def fill(path):
    """Take all the room that is left."""
    with open(path, "wb", buffering=0) as f:
        chunk = 1 << 20
        while chunk >= 1:
            try:
                f.write(b"x" * chunk)
            except OSError:
                chunk //= 2

def full_disk(report):
    if os.geteuid() != 0 or not own_mounts():
        report.skip("full disk", "not root: only failing writes are tried")
        return
    with tempfile.TemporaryDirectory(prefix="postern-test.") as folder:
        server = postern.Server(
            folder=folder, accounts=kill.accounts_for(ACCOUNTS), settings=SETTINGS
        )
        state = server.dir / "state"
        state.mkdir()
        size = f"size={DISK_OCTETS}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", state], check=True)
        try:
            with server:
                scene = Scene(report, "full disk", server, ledgers.Ledger())
                scene.begin()
                fill(state / "ballast")
                scene.check("mail is refused soon", scene.send_until_refused())
                for letter in (400, 100_000):
                    code = scene.send(letter)
                    scene.check("refused for now", code // 100 == 4, f"{letter}: {code}")
                scene.check("APPEND is refused", scene.append() != "OK")
                scene.check("reading goes on", scene.reads())
                server.crash()
                server.start()
                code = scene.send()
                scene.check("refused after a restart, too", code // 100 == 4, f"{code}")
                scene.check("reading goes on after a restart", scene.reads())
                (state / "ballast").unlink()
                scene.end()
        finally:
            subprocess.run(["umount", "-l", state], check=True)

# --- descriptors ---------------------------------------------------------------------------------

def limit(pid, soft):
    """Let a process have `soft` descriptors, asked by its own user: root may lack the right to."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                programs.become_ordinary()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, DESCRIPTORS))
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def crowd(server, n=60):
    """Connections that take descriptors and say nothing."""
    held = []
    for i in range(n):
        try:
            port = server.ports["mx" if i % 2 else "imap"]
            held.append(socket.create_connection(("127.0.0.1", port), 2))
        except OSError:
            break
    return held


def few_descriptors(scene, kind):
    """Processes of a kind may open (almost) nothing more."""
    server = scene.server
    scene.begin()
    rows = [p for p in server.ctl_json("status")["processes"] if p["name"] == kind]
    for p in rows:
        scene.check(f"{kind} can be limited", limit(p["pid"], p["fds"] + 1))
    held = crowd(server)
    codes = [scene.send(size) for size in (400, 100_000, 400)]
    fine = all(c // 100 in (0, 2, 4) for c in codes)
    scene.check("taken or refused for now", fine, codes)
    print(f"starve: {scene.name}: answers {codes}, APPEND {scene.append()}")
    for s in held:
        s.close()
    for p in rows:
        lives = os.path.exists(f"/proc/{p['pid']}")
        scene.check(f"{kind} lives", lives, server.log_tail(1500))
        if lives:
            limit(p["pid"], DESCRIPTORS)
    scene.end()


def no_descriptors(report):
    """Each kind of process in turn."""
    with postern.scratch() as folder:
        accounts = kill.accounts_for(ACCOUNTS)
        server = programs.ordinary_server(folder, accounts=accounts, settings=SETTINGS)
        with server:
            ledger = ledgers.Ledger()
            for kind in sorted({p["name"] for p in server.ctl_json("status")["processes"]}):
                scene = Scene(report, f"no descriptors in {kind}", server, ledger)
                few_descriptors(scene, kind)


def run(report):
    with_faults(report)
    restart_meanwhile(report)
    full_disk(report)
    no_descriptors(report)
