# SPDX-License-Identifier: Apache-2.0
"""A whole server: what leaves it is signed, or waits."""

import contextlib
import os
import signal
import subprocess

import fakemx
import internet
import postern
import smtpc

DOMAIN = "postern.test"
SENDER, PASSWORD = f"alice@{DOMAIN}", "a password long enough"
WAIT_S = 30
QUIET_S = 2  # for what must not happen; signing takes milliseconds


class World:
    """A server, a DNS, and a mail server for there.test."""

    def __init__(self, stack):
        self.net = stack.enter_context(internet.Internet())
        self.mx = stack.enter_context(fakemx.FakeMX(names=("mx.there.test",)))
        self.host = self.mx.host("127.0.5.1", "good", "mx.there.test")
        self.net.zone("test", ["there MX 10 mx.there", "mx.there A 127.0.5.1"])
        settings = {
            **self.net.settings(),
            "send.port": self.mx.port,
            "send.private-addresses": "yes",
            "send.ca-file": self.mx.ca,
            "dkim.second-signature": "yes",
        }
        self.server = postern.Server(accounts={SENDER: PASSWORD}, settings=settings)
        stack.enter_context(self.server)
        self.sent = 0

    def log_in(self):
        c = smtpc.logged_in(self.server, SENDER, PASSWORD)
        return c

    def send(self, c, text):
        data = f"From: {SENDER}\r\nTo: b@there.test\r\nSubject: x\r\n\r\n{text}\r\n"
        reply = c.deliver(SENDER, ["b@there.test"], data.encode())
        if reply.code != 250:
            raise RuntimeError(f"submission: {reply}")
        self.sent += 1

    def submit(self, text):
        with self.log_in() as c:
            self.send(c, text)

    def arrives(self, seconds=WAIT_S):
        """The last letter as it came, or None."""
        try:
            postern.wait_until(lambda: len(self.host.taken()) >= self.sent, seconds, "a letter")
        except TimeoutError:
            return None
        return self.host.taken()[-1].data

    def pid(self, program):
        return next(p for p, n in self.server.pids().items() if n.startswith(f"{program}["))

    def facts(self, program):
        rows = self.server.ctl_json("status")["processes"]
        return next(p["facts"] for p in rows if p["name"] == program)


def good_signatures(world, verify_mail, folder, octets):
    """How many are good by the records the server shows now."""
    rows = world.server.ctl_json("dkim", "records", DOMAIN)["records"]
    (folder / "published").write_text("".join(f"{x['name']}\t{x['value']}\n" for x in rows))
    (folder / "letter").write_bytes(octets)
    command = [str(verify_mail), str(folder / "published"), str(folder / "letter")]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(line.split("\t")[1] == "pass" for line in out.splitlines())


def letters_of_a_domain(r, world, check):
    world.submit("before there is a key")
    octets = world.arrives()
    r.check("without a key it leaves unsigned", octets and b"DKIM-Signature" not in octets)
    r.equal("which is counted", world.facts("send")["unsigned"], 1)
    world.server.ctl("dkim", "create", DOMAIN)
    world.submit("before the key is active")
    octets = world.arrives()
    r.check("a next key signs nothing", octets and b"DKIM-Signature" not in octets)
    world.server.ctl("dkim", "activate", DOMAIN)
    world.submit("signed")
    octets = world.arrives()
    r.equal("two signatures are good", check(octets), 2)
    r.check("they stand on top", octets.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;"))
    r.equal("not after a change", check(octets.replace(b"signed\r\n", b"Signed\r\n")), 0)


def rotation(r, world, check):
    old = world.arrives()
    world.server.ctl("dkim", "rotate", DOMAIN)
    world.server.ctl("dkim", "activate", DOMAIN)
    world.submit("with the new keys")
    new = world.arrives()
    r.equal("the new keys sign", check(new), 2)
    r.equal("letters under way stay good", check(old), 2)
    selectors = {line for line in new.splitlines() if b"; s=" in line}
    r.check("by other selectors", not selectors & set(old.splitlines()), selectors)


def keys_away(r, world, check):
    """Handshakes need keys as well, so the sender has logged in before."""
    pid = world.pid("keys")
    with world.log_in() as c:
        os.kill(pid, signal.SIGSTOP)
        try:
            world.send(c, "while keys is away")
            r.check("nothing leaves without keys", world.arrives(QUIET_S) is None)
        finally:
            os.kill(pid, signal.SIGCONT)
        r.equal("it leaves signed when keys is back", check(world.arrives() or b""), 2)
        os.kill(pid, signal.SIGKILL)
        world.send(c, "after keys was killed")
        r.equal("signed by its successor", check(world.arrives() or b""), 2)


def check(r, verify_mail, folder):
    gone = internet.missing()
    if gone or postern.binary() is None:
        r.skip("a whole server", f"not there: {' '.join(gone) or 'postern'}")
        return
    with contextlib.ExitStack() as stack:
        world = World(stack)

        def good(octets):
            return good_signatures(world, verify_mail, folder, octets)

        for part in (letters_of_a_domain, rotation, keys_away):
            part(r, world, good)
