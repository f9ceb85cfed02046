# SPDX-License-Identifier: Apache-2.0
"""IMAP, POP3 and ManageSieve: endless literals, deep nesting, huge sets, odd octets."""

import time

import stage
import wire

RANGES = b",".join(b"%d" % i for i in range(1, 12001))
KEYWORDS = b" ".join(b"k%d" % i for i in range(150))
# name, line (None: see logged_in), statuses that are fine
LOGGED_IN = (
    ("NUL in a command", b"NOOP\0", ("BAD",)),
    ("NUL in a quoted string", b'SELECT "a\0b"', ("BAD", "NO")),
    ("bare CR", b"NOOP\rNOOP", ("BAD",)),
    ("bare LF", b"NOOP\nNOOP", ("BAD",)),
    ("name that is not UTF-8", b'SELECT "\xff\xfe\xfd"', ("BAD", "NO")),
    ("name in bad UTF-7", b'SELECT "&&&&"', ("BAD", "NO")),
    ("name of 5,000 octets", b"CREATE " + b"x" * 5000, ("BAD", "NO")),
    ("3,000 levels of mailboxes", b"CREATE " + b"/".join([b"a"] * 3000), ("BAD", "NO")),
    ("40,000 parentheses", b"SEARCH " + b"(" * 40000 + b"ALL" + b")" * 20000, ("BAD", "NO")),
    ("21 parentheses", b"SEARCH " + b"(" * 21 + b"ALL" + b")" * 21, ("BAD", "NO")),
    ("10,000 NOT", b"SEARCH " + b"NOT " * 10000 + b"ALL", ("BAD", "NO")),
    ("8,000 OR", b"SEARCH " + b"OR ALL " * 8000 + b"ALL", ("BAD", "NO")),
    ("SEARCH that is not UTF-8", b'SEARCH CHARSET UTF-8 SUBJECT "\xff\xff"', ("BAD", "NO")),
    ("unknown charset", b"SEARCH CHARSET X-NONE SUBJECT a", ("NO", "BAD")),
    ("set of 12,000 ranges", b"FETCH " + RANGES + b" UID", ("BAD", "NO")),
    ("set up to 2^32-1", b"UID FETCH 1:4294967295 (UID)", ("OK",)),
    ("number of 30 digits", b"FETCH " + b"9" * 30 + b" UID", ("BAD",)),
    ("0 in a set", b"FETCH 0:5 UID", ("BAD",)),
    ("60 numbers in a section", b"FETCH 1 BODY[" + b"1." * 59 + b"1]", ("BAD", "NO")),
    ("600 header names", b"FETCH 1 BODY[HEADER.FIELDS (" + b"X " * 600 + b"Y)]", ("BAD", "NO")),
    ("300 items", b"FETCH 1 (" + b"UID " * 299 + b"UID)", ("OK", "BAD", "NO")),
    ("partial beyond everything", b"FETCH 1 BODY.PEEK[]<4294967295.4294967295>", ("OK", "BAD")),
    ("partial of nothing", b"FETCH 1 BODY.PEEK[]<0.0>", ("BAD",)),
    ("150 flags", b"STORE 1 +FLAGS (" + KEYWORDS + b")", ("BAD", "NO")),
    ("keyword of 300 octets", b"STORE 1 +FLAGS (" + b"k" * 300 + b")", ("BAD", "NO")),
    ("LIST with 900 stars", b'LIST "" "' + b"*a" * 450 + b'"', ("OK", "BAD", "NO")),
    ("LIST with 60 patterns", b'LIST "" (' + b"x " * 59 + b"x)", ("BAD", "NO")),
    ("ID with 40 pairs", b"ID (" + b'"a" "b" ' * 39 + b'"a" "b")', ("BAD", "NO")),
    ("command of 70,000 octets", b"NOOP " + b"x" * 70000, ("BAD", "NO")),
    ("unknown command", b"XYZZY", ("BAD",)),
    ("date that is none", b'SEARCH SINCE "99-Xyz-99999"', ("BAD",)),
    ("section that is none", b"FETCH 1 BODY[HEADER.FIELDS ()]", ("BAD",)),
    ("literal beyond its limit", b"SELECT {100000}", ("BAD", "NO")),
    ("literal of 30 digits", b"SELECT {" + b"9" * 30 + b"}", ("BAD", "NO")),
    ("literal of negative length", b"SELECT {-1}", ("BAD",)),
    ("APPEND beyond the limit", b"APPEND INBOX {4294967295}", ("NO", "BAD")),
    ("APPEND with NUL", None, ("NO", "BAD")),
)


def tagged(c, tag):
    """The status of a tagged response, "BYE" at the end of the connection, whatever comes first."""
    seen = "closed"
    try:
        while True:
            line = c.line()
            if line.startswith(tag + b" "):
                return line.split(b" ")[1].decode()
            if line.startswith((b"* BAD", b"* BYE")):
                seen = line[2:5].decode()
                if seen == "BAD":
                    return "BAD"
    except wire.Closed:
        return seen


def logged_in(r, s):
    stage.deliver(s, b"Subject: one\r\n\r\nx\r\n")
    stage.wait_for(s, "one")
    for name, line, fine in LOGGED_IN:
        with stage.imap(s) as c:
            c.select()
            began = time.monotonic()
            if line is None:
                c.send(b"x APPEND INBOX {6+}\r\na\0\r\n\r\n\r\n")
            else:
                c.send(b"x " + line + b"\r\n")
            status = tagged(c, b"x")
            seconds = time.monotonic() - began
            r.check(f"imap: {name}", status in fine, f"{status}, want {fine}")
            r.check(f"imap: {name}: at once", seconds < 3, f"{seconds:.1f} s")
            if status in ("OK", "NO", "BAD"):
                c.send(b"y NOOP\r\n")
                r.check(f"imap: {name}: goes on", tagged(c, b"y") in ("OK", "BAD"))


def tags(r, s):
    with stage.imap(s) as c:
        c.send(b"t" * 5000 + b" NOOP\r\n")
        line = c.line()
        refused = line.startswith((b"* BAD", b"* BYE"))
        r.check("imap: tag of 5,000 octets", refused, f"{line[:60]!r}")
    with stage.imap(s) as c:
        refused = 0
        try:
            for i in range(200):
                refused += c.cmd("NONSENSE").status == "BAD"
        except wire.Closed:
            pass
        r.check("imap: nonsense ends in BYE", 5 < refused < 100, f"{refused}")


def endless(r, s):
    """A line and literals without end: bounded, answered or closed."""
    with stage.imap(s) as c:
        try:
            c.send(b"x ")
            for _ in range(400):
                c.send(b"x" * 65536)
            c.send(b"\r\n")
        except OSError:
            pass
        status = tagged(c, b"x")
        r.check("imap: a line of 25 MB", status in ("BAD", "NO", "BYE", "closed"), status)
    with stage.imap(s) as c:
        parts = [b"x SEARCH"] + [b" SUBJECT {60000+}\r\n" + b"y" * 60000] * 200
        try:
            for part in parts:
                c.send(part)
            c.send(b"\r\n")
        except OSError:
            pass
        status = tagged(c, b"x")
        r.check("imap: 12 MB in literals", status in ("BAD", "NO", "BYE", "closed"), status)
    with stage.imap(s) as c:
        try:
            c.send(b"x SEARCH" + b" SUBJECT {1+}\r\na" * 3000 + b"\r\n")
        except OSError:
            pass
        status = tagged(c, b"x")
        r.check("imap: 3,000 literals", status in ("BAD", "NO", "BYE", "closed"), status)


def before_login(r, s):
    for name, octets, want in (
        ("literal of 5,000 octets", b"a LOGIN {5000}\r\n", b"a BAD [TOOBIG]"),
        ("non-synchronizing literal of 5,000", b"a LOGIN {5000+}\r\n", b"* BYE"),
        ("line of 20,000 octets", b"a LOGIN " + b"x" * 20000 + b"\r\n", b"* B"),
        ("AUTHENTICATE of 20,000", b"a AUTHENTICATE PLAIN " + b"A" * 20000 + b"\r\n", b"* B"),
        ("NUL", b"a LOGIN a\0b c\r\n", b"* BAD"),
    ):
        with stage.imap(s, login=False) as c:
            c.send(octets)
            line = c.line()
            r.check(f"imap before log-in: {name}", line.startswith(want), f"{line[:80]!r}")


def injected(r, s):
    """Behind a bare LF nothing is a command, before and after log-in."""
    with stage.imap(s) as c:
        c.send(b"x NOOP\ny CREATE injected\r\nz LIST \"\" *\r\n")
        r.equal("imap: a command with LF", tagged(c, b"x"), "BAD")
        names = []
        while not names or not names[-1].startswith(b"z "):
            names.append(c.line())
        r.check("imap: carries no other", not [n for n in names if b"injected" in n], f"{names}")
    with stage.imap(s, login=False) as c:
        c.send(b"x NOOP\ny LOGIN a@postern.test password-of-a\r\nz SELECT INBOX\r\n")
        r.check("imap before log-in: a command with LF", c.line().startswith(b"* BAD"))
        r.check("imap before log-in: carries no LOGIN", c.line().startswith(b"z BAD"))


def other_protocols(r, s):
    for port, octets, want in (
        ("pop3", b"USER " + b"x" * 2000 + b"\r\n", b"-ERR"),
        ("pop3", b"QUIT\0\r\n", b"-ERR"),
        ("managesieve", b'AUTHENTICATE "' + b"x" * 6000 + b'"\r\n', (b"NO", b"BYE")),
        ("managesieve", b"PUTSCRIPT {99999999999}\r\n", (b"NO", b"BYE")),
    ):
        with wire.Wire(s.ports[port]) as w:
            line = w.line()
            while port == "managesieve" and not line.startswith(b"OK"):
                line = w.line()
            w.send(octets)
            line = w.line()
            r.check(f"{port}: {octets[:16]!r}", line.startswith(want), f"{line[:80]!r}")


def run(r, s):
    for part in (logged_in, tags, endless, injected, before_login, other_protocols):
        part(r, s)
    stage.works(r, s, "imap")
