# SPDX-License-Identifier: Apache-2.0
"""Invariant 9: marked contents go in at every door; then the log and every file are searched."""

import pathlib
import subprocess

from world import A, ACCOUNTS, B, arrives, mx, reader, settled, submission

import smtpc
import wire

# What must never be written outside of mailboxes and the journal of mail that is under way.
CONTENTS = (b"mark-subject", b"mark-body", b"mark-name", b"mark-header", b"mark-search",
    b"mark-flag", b"mark-file", b"mark-folded", b"mark-late")
# What must not be written anywhere at all.
SECRETS = (b"mark-password", b"mark-guess", b"mark-login")
LETTER = (
    b"From: =?utf-8?q?mark-name?= <%s>\r\nTo: \"mark-name\" <%s>\r\nSubject: mark-subject\r\n"
    b"X-Note: mark-header\r\n\tmark-folded\r\nContent-Type: text/plain; name=mark-file\r\n\r\n"
    b"mark-body\r\n"
)
# Each is refused, and may not be quoted in the log: a body without its empty line, and so on.
BROKEN = (
    b"From: %s\r\nSubject: mark-subject\r\nmark-body without a colon\r\n",
    b"From: %s\r\nmark-header : mark-name: x\r\n y\r\nmark-folded\r\n\r\nmark-body\r\n",
    b"From: \"mark-name <%s>\r\n\r\nmark-body\r\n",
    b"From: mark-name@\r\nX: %s\r\n\r\nmark-body\r\n",
    b"Subject: mark-subject %s\r\n\r\nmark-body\r\n",
    b"From: %s\r\nSubject: mark-subject\r\n\r\nmark-body\nmark-late\r\n",
    b"From: %s\r\nSubject: mark-subject\r\n\r\nmark-body\0mark-late\r\n",
)


def send_letters(r, server):
    with mx(server) as s:
        reply = s.deliver("x@y.test", [A], LETTER % (b"x@y.test", A.encode()))
        r.check("9: marked mail is taken", reply.code == 250, str(reply))
        for broken in BROKEN:
            s.deliver("x@y.test", [A], broken % A.encode())
    for broken in BROKEN:
        with submission(server, A) as s:
            reply = s.deliver(A, [B], broken % A.encode())
            r.check("9: broken mail is refused", reply.code // 100 == 5, str(reply))
    with submission(server, A) as s:
        reply = s.deliver(A, [B], LETTER % (A.encode(), B.encode()))
        r.check("9: marked submission is taken", reply.code == 250, str(reply))
    r.check("9: it arrives", arrives(server, B, b"mark-body"))


def guess(server):
    """Log-ins that fail: neither the password nor the name that was typed may be kept."""
    names = (A, "mark-login@postern.test", "mark-login")
    for name in names:
        s = smtpc.Smtp(server.ports["submission"])
        s.secure()
        s.auth_plain(name, "mark-guess")
        s.close()
        try:
            with wire.Wire(server.ports["imaps"], tls=wire.client_context()) as w:
                w.line()
                w.send(b"a LOGIN " + name.encode() + b" mark-guess\r\n")
                w.line()
        except (OSError, wire.Closed):
            continue
    with wire.Wire(server.ports["imaps"], tls=wire.client_context()) as w:
        w.line()
        w.send(b"mark-password LOGIN\r\nmark-guess mark-login\r\n\x1b[2Jmark-guess\r\n")
        w.line()


def read_and_search(server):
    with reader(server, A) as c:
        c.select("INBOX")
        c.cmd('SEARCH TEXT "mark-search" SUBJECT "mark-subject"')
        c.cmd("STORE 1 +FLAGS (mark-flag)")
        c.cmd("FETCH 1 (ENVELOPE BODYSTRUCTURE BODY[])")
        c.append("INBOX", LETTER % (A.encode(), A.encode()))
        c.cmd("mark-search mark-body")
        c.logout()


def administer(server):
    server.ctl("account", "passwd", B, stdin="mark-password-of-another\n")
    ACCOUNTS[B] = "mark-password-of-another"
    server.ctl("account", "passwd", B, stdin="mark-password\x07-that-is-refused\n", check=False)
    server.ctl("account", "add", "x@elsewhere.test", stdin="mark-password-nowhere\n", check=False)


def is_mailbox(path, state):
    """Where mail lies because that is its place: the account's folder, and the journal."""
    parts = path.relative_to(state).parts
    return parts[0] == "accounts" or parts[:2] == ("spool", "journal")


def found_in(path, marks):
    try:
        text = path.read_bytes()
    except OSError:
        return []
    return [m for m in marks if m in text]


def search(r, server):
    state = pathlib.Path(server.dir, "state")
    log = found_in(server.log, CONTENTS + SECRETS)
    r.check("9: the log holds none of it", not log, str(log))
    files = [p for p in state.rglob("*") if p.is_file()]
    r.check("9: there is a directory and a mailbox to look at",
        any(p.name == "directory.db" for p in files) and any(is_mailbox(p, state) for p in files))
    held = [p for p in files if found_in(p, (b"mark-body",))]
    r.check("9: the search finds what is there", held, "no file holds the mail itself")
    for p in files:
        marks = SECRETS if is_mailbox(p, state) else CONTENTS + SECRETS
        bad = found_in(p, marks)
        r.check(f"9: {p.relative_to(state)} holds none of it", not bad, str(bad))
    for line in server.log.read_bytes().split(b"\n"):
        r.check("9: a line of the log is one line of text",
            not any(c < 0x20 or c == 0x7F for c in line), repr(line[:200]))


def modes(r, server):
    """Nobody else on the machine may read any of it."""
    state = pathlib.Path(server.dir, "state")
    for p in [state, *state.rglob("*")]:
        mode = p.lstat().st_mode
        open_to_others = mode & (0o066 if p.is_dir() else 0o077)
        r.check(f"9: {p.relative_to(state)} is shut to others", not open_to_others, oct(mode))


def key_is_private(r, server):
    """A key that everybody may read is told of before it is used."""
    command = [server.program, "-c", str(server.conf), "check-config"]
    key = pathlib.Path(server.dir, "key.pem")
    for mode, told in ((0o600, False), (0o644, True)):
        key.chmod(mode)
        said = subprocess.run(command, capture_output=True, text=True, timeout=30).stderr
        r.equal(f"9: check-config warns of a key of mode {mode:o}", "may read it" in said, told)
    key.chmod(0o600)


def traces(r, server):
    send_letters(r, server)
    guess(server)
    read_and_search(server)
    administer(server)
    settled(server)
    search(r, server)
    modes(r, server)
    key_is_private(r, server)
