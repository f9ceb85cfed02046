# SPDX-License-Identifier: Apache-2.0
"""What all parts share: a server with two accounts, ways to reach it, and looks at a mailbox."""

import imapc
import postern
import smtpc
import wire

A, B = "a@postern.test", "b@postern.test"
ACCOUNTS = {A: "password-of-a", B: "password-of-b"}
SETTINGS = {
    "gate.processes": 1,
    "smtp.processes": 1,
    "auth.hash-workers": 1,
    "queue.sync-interval": "50ms",
    "queue.reserve": 0,
    "filter.junk-at": 100,  # what is sent here is odd, and looked for in the inbox
}
DELIVERED_S = 20
CTX = wire.client_context()


def server(**settings):
    own = {k.replace("__", ".").replace("_", "-"): v for k, v in settings.items()}
    return postern.Server(accounts=ACCOUNTS, settings={**SETTINGS, **own})


def mx(s, **kw):
    """An SMTP client behind STARTTLS and EHLO."""
    c = smtpc.Smtp(s.ports["mx"], **kw)
    try:
        c.secure(CTX)
    except BaseException:
        c.close()
        raise
    return c


def submission(s, who=A):
    c = smtpc.Smtp(s.ports["submission"])
    c.secure(CTX)
    c.auth_plain(who, ACCOUNTS[who])
    return c


def imap(s, who=A, login=True, **kw):
    c = imapc.Imap(s.ports["imaps"], tls=CTX, **kw)
    if login:
        c.login(who, ACCOUNTS[who])
    return c


def subjects(s, who=A):
    """The Subject of every message in INBOX."""
    with imap(s, who) as c:
        out = []
        if c.select() == 0:
            return out  # 1:* names no message there (RFC 9051 9, seq-number)
        for _, items in c.fetch("1:*", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"):
            text = next(v for k, v in items.items() if k.startswith("BODY["))
            out.append(text.strip().partition(b": ")[2].decode("utf-8", "replace"))
        return out


def deliver(s, octets, rcpts=(A,)):
    """Through the MX; the reply."""
    with mx(s) as c:
        return c.deliver("s@elsewhere.test", list(rcpts), octets)


def wait_for(s, subject, who=A):
    """True when a message of that subject has come."""
    try:
        postern.wait_until(lambda: subject in subjects(s, who), DELIVERED_S, subject, every=0.05)
    except TimeoutError:
        return False
    return True


def works(r, s, what):
    """The server still takes a letter and shows it."""
    subject = f"works {what}"
    reply = deliver(s, f"Subject: {subject}\r\n\r\nx\r\n".encode())
    r.check(f"{what}: the server works on", reply.code == 250 and wait_for(s, subject), f"{reply}")
