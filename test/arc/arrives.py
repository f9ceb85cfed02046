# SPDX-License-Identifier: Apache-2.0
"""A whole server: letters from outside that are signed, sealed, changed; what it says of them in
Authentication-Results, and in which mailbox they arrive."""

import contextlib
import email.utils
import re
import time

import dkimsign
import imapc
import internet
import outside
import postern

HOST = "mail.postern.test"
RCPT, PASSWORD = "alice@postern.test", "a password long enough"
PEER = "198.18.7.1"
ENOUGH_S = 8  # for a letter that waits for a DNS which says nothing
WAIT_S = 10
DEADLINE = "3s"
OURS = "Authentication-Results"


def letter(sender, text="hello", above=b""):
    head = (f"From: {sender}\r\nTo: {RCPT}\r\nSubject: {text}\r\n"
        f"Date: {email.utils.formatdate()}\r\nMessage-ID: <{time.time_ns()}@{PEER}>\r\n\r\n")
    return above + head.encode() + text.encode() + b"\r\n"


class World:
    """strict.test and lax.test publish p=reject and p=none; list.test seals."""

    def __init__(self, stack, seal):
        self.net = stack.enter_context(internet.Internet())
        self.signer = dkimsign.Signer("strict.test")
        self.seal = seal
        policies = {"strict": "reject", "lax": "none"}
        for name, policy in policies.items():
            self.net.zone(f"{name}.test", [self.signer.record(),
                f'_dmarc TXT "v=DMARC1; p={policy}"', f'@ TXT "v=spf1 ip4:{PEER} -all"'],
                signed=False)
        pieces = re.findall(".{1,200}", seal.record)
        self.net.zone("list.test", ["first._domainkey TXT " + " ".join(f'"{x}"' for x in pieces)],
            signed=False)
        self.net.zone("silent.test", signed=False)
        settings = {**self.net.settings(), **outside.SETTINGS, "arc.trusted": "list.test",
            "greylist.on": "no", "scan.deadline": DEADLINE}
        self.server = postern.Server(accounts={RCPT: PASSWORD}, settings=outside.known(settings))
        stack.enter_context(self.server)

    def deliver(self, octets, sender="a@elsewhere.test"):
        """The reply; how long it took."""
        began = time.monotonic()
        with outside.connect(self.server.ports["mx"], PEER) as c:
            c.secure()
            reply = c.deliver(sender, [RCPT], octets)
        return reply, time.monotonic() - began

    def found(self, subject):
        """(mailbox, header) of the letter with that subject, or None."""
        with imapc.Imap(self.server.ports["imap"]) as c:
            c.starttls()
            c.login(RCPT, PASSWORD)
            for box in ("INBOX", "Junk"):
                if c.cmd("SELECT {}", box.encode()).status != "OK" or c.select(box) == 0:
                    continue
                for _, items in c.fetch("1:*", "BODY.PEEK[HEADER]"):
                    if f"Subject: {subject}\r\n".encode() in items["BODY[HEADER]"]:
                        return box, items["BODY[HEADER]"]
        return None

    def arrived(self, subject):
        try:
            postern.wait_until(lambda: self.found(subject), WAIT_S, "a letter", every=0.2)
        except TimeoutError:
            return None, b""
        return self.found(subject)


def check(r, world, name, octets, want, sender="a@elsewhere.test"):
    """want: (mailbox, words our field has)."""
    reply, took = world.deliver(octets, sender)
    if not r.equal(f"{name}: taken", reply.code, 250):
        return
    box, header = world.arrived(name)
    r.equal(f"{name}: mailbox", box, want[0])
    text = re.sub(rb"\r\n[ \t]+", b" ", header).decode(errors="replace")
    found = [x for x in text.split("\r\n") if x.startswith(f"{OURS}: {HOST}")]
    r.equal(f"{name}: one field of ours", len(found), 1)
    for word in want[1]:
        r.check(f"{name}: {word}", found and word in found[0], found)
    r.check(f"{name}: in time", took < ENOUGH_S, took)


def letters(r, world):
    sign = world.signer.sign
    lax = world.signer.of("lax.test").sign
    good = sign(letter("x@strict.test", "good"))
    check(r, world, "good", good,
        ("INBOX", ["dkim=pass", "header.d=strict.test", "dmarc=pass"]))
    check(r, world, "changed", sign(letter("x@strict.test", "chanced")).replace(b"chanced",
        b"changed"), ("Junk", ["dkim=fail", "dmarc=fail (p=reject)"]))
    check(r, world, "unsigned", letter("x@lax.test", "unsigned"),
        ("INBOX", ["dkim=none", "dmarc=fail (p=none)"]))
    check(r, world, "spf alone", letter("x@strict.test", "spf alone"),
        ("INBOX", ["dkim=none", "spf=pass", "dmarc=pass"]), "b@strict.test")
    check(r, world, "another's", lax(letter("x@strict.test", "another's")),
        ("Junk", ["dkim=pass", "header.d=lax.test", "dmarc=fail"]))
    forged = f"{OURS}: {HOST}; dmarc=pass header.from=strict.test\r\n".encode()
    check(r, world, "forged", letter("x@strict.test", "forged", forged),
        ("Junk", ["dmarc=fail"]))
    twice = letter("x@strict.test", "two authors", b"From: y@lax.test\r\n")
    check(r, world, "two authors", twice, ("Junk", ["dmarc=fail"]))


def sealed(r, world):
    """A list changes a letter and says what it had found."""
    octets = world.signer.sign(letter("x@strict.test", "to list"))
    changed = octets.replace(b"to list", b"by list")
    for name, found, want in (
        ("by list", "dmarc=pass", ("INBOX", ["arc=pass (i=1 d=list.test)", "dmarc=fail"])),
        ("by lisp", "dmarc=fail", ("Junk", ["arc=pass", "dmarc=fail"])),
    ):
        text = world.seal(changed.replace(b"by list", name.encode()), f"list.test; {found}")
        check(r, world, name, text, want)
    text = world.seal(changed.replace(b"by list", b"was list"), "list.test; dmarc=pass")
    check(r, world, "way list", text.replace(b"was list", b"way list"),
        ("Junk", ["arc=fail", "dmarc=fail"]))


def silent(r, world):
    """A DNS that says nothing makes nobody guilty, and holds nothing up for long."""
    world.net.silence("silent.test")
    octets = world.signer.of("silent.test").sign(letter("x@silent.test", "silent"))
    check(r, world, "silent", octets, ("INBOX", ["dkim=temperror", "dmarc=temperror"]))


def run(r, seal):
    gone = internet.missing()
    if gone:
        r.skip("a whole server", f"not installed: {' '.join(gone)}")
        return
    with contextlib.ExitStack() as stack:
        world = World(stack, seal)
        for part in (letters, sealed, silent):
            part(r, world)
