# SPDX-License-Identifier: Apache-2.0
"""Octets before TLS must never count after it, in any protocol; and before it nothing is said."""

import imapc
import smtpc
import stage
import wire

# port, lines to get ready, the command, what is injected behind it
INJECTIONS = (
    ("mx", [b"EHLO c.test"], b"STARTTLS", b"NOOP"),
    ("mx", [b"EHLO c.test"], b"STARTTLS", b"EHLO c.test\r\nMAIL FROM:<evil@x.test>"),
    ("submission", [b"EHLO c.test"], b"STARTTLS", b"AUTH PLAIN AGEAYg=="),
    ("imap", [], b"a STARTTLS", b"b NOOP"),
    ("imap", [], b"a STARTTLS", b"b LOGIN a@postern.test password-of-a"),
    ("pop3", [], b"STLS", b"USER a@postern.test"),
    ("managesieve", [], b"STARTTLS", b"CAPABILITY"),
)
READY = {"mx": b"220", "submission": b"220", "imap": b"a OK", "pop3": b"+OK", "managesieve": b"OK"}


def greeting(w, port):
    line = w.line()
    while port == "managesieve" and not line.startswith((b"OK", b"NO", b"BYE")):
        line = w.line()
    return line


def answer(w, port):
    line = w.line()
    while port in ("mx", "submission") and line[3:4] == b"-":
        line = w.line()
    return line


def get_ready(w, port, before):
    greeting(w, port)
    for line in before:
        w.send(line + b"\r\n")
        answer(w, port)


def together(r, s):
    """Command and injection in one piece: the connection ends, the injection is never answered."""
    for port, before, command, injected in INJECTIONS:
        with wire.Wire(s.ports[port]) as w:
            get_ready(w, port, before)
            w.send(command + b"\r\n" + injected + b"\r\n")
            rest = w.until_closed()
            lines = rest.split(b"\r\n")
            what = f"{port}: {injected[:20]!r} behind {command!r} in one piece"
            fine = len([x for x in lines if x]) <= 1
            r.check(what, fine and rest in (b"", lines[0] + b"\r\n"), f"{rest[:200]!r}")


def apart(r, s):
    """The injection as a piece of its own, in front of the handshake: no TLS, no answer."""
    for port, before, command, injected in INJECTIONS:
        with wire.Wire(s.ports[port]) as w:
            get_ready(w, port, before)
            w.send(command + b"\r\n")
            ready = answer(w, port)
            what = f"{port}: {injected[:20]!r} instead of a handshake"
            r.check(f"{what}: invited", ready.startswith(READY[port]), f"{ready!r}")
            w.send(injected + b"\r\n")
            rest = w.until_closed()
            text = rest.replace(b"\0", b"")
            answered = text.startswith((b"2", b"5", b"b ", b"+", b"-", b"O", b"N"))
            r.check(what, not answered, f"{rest[:80]!r}")


def nothing_remains(r, s):
    """What was said before TLS is forgotten behind it."""
    with smtpc.Smtp(s.ports["mx"]) as c:
        c.reply()
        c.ehlo("before.test")
        c.cmd("STARTTLS")
        c.start_tls(stage.CTX)
        r.equal("mx: EHLO is needed again", c.cmd("MAIL FROM:<a@x.test>").code, 503)
    with imapc.Imap(s.ports["imap"]) as c:
        status = c.cmd("LOGIN a@postern.test password-of-a").status
        r.equal("imap: no LOGIN before TLS", status, "NO")
        c.starttls(stage.CTX)
        r.equal("imap: no SELECT before LOGIN", c.cmd("SELECT INBOX").status, "BAD")


def run(r, s):
    together(r, s)
    apart(r, s)
    nothing_remains(r, s)
    stage.works(r, s, "plaintext")
