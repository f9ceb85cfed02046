# SPDX-License-Identifier: Apache-2.0
"""What the scenes have in common: a sender's letters, and what the server then says of them in its
log, its queue, its journal of attempts and the sender's mailbox. Names are those below .test."""

import datetime
import email
import email.policy
import shlex

import imapc
import postern
import smtpc

SENDER, PASSWORD = "alice@postern.test", "a password long enough"
STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")


def submit(server, names):
    """A letter to each."""
    with smtpc.logged_in(server, SENDER, PASSWORD) as c:
        for name in names:
            data = f"From: {SENDER}\r\nTo: bob@{name}.test\r\nSubject: to {name}\r\n\r\n.Hello.\r\n"
            reply = c.deliver(SENDER, [f"bob@{name}.test"], data.encode())
            if reply.code != 250:
                raise RuntimeError(f"submission to {name}: {reply}")


def attempts(server):
    """{name: [fields of an attempt]} of the log, in their order."""
    found = {}
    for line in server.log.read_text(errors="replace").splitlines():
        if " info attempt " in line:
            words = shlex.split(line.split(" info attempt ", 1)[1])
            fields = dict(w.partition("=")[::2] for w in words)
            name = fields["to"].partition("@")[2].removesuffix(".test")
            found.setdefault(name, []).append(fields)
    return found


def status_lines(part):
    """The fields of a delivery status, unfolded."""
    payload = part.get_payload()
    text = "".join(str(x) for x in payload) if isinstance(payload, list) else part.get_content()
    text = text.decode() if isinstance(text, bytes) else text
    return text.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ").split("\n")


def mailbox(server):
    """{name: fields of the report and its text} of the sender's mailbox."""
    found = {}
    with imapc.Imap(server.ports["imap"]) as c:
        c.starttls()
        c.login(SENDER, PASSWORD)
        if c.select() == 0:
            return found
        for _, items in c.fetch("1:*", "(BODY[])"):
            m = email.message_from_bytes(items["BODY[]"], policy=email.policy.default)
            status = next(p for p in m.walk() if p.get_content_type() in STATUS_TYPES)
            fields = {}
            for line in status_lines(status):
                key, _, value = line.partition(": ")
                fields[key.lower()] = value
            fields["type"] = m.get_content_type()
            fields["text"] = m.get_body(("plain",)).get_content()
            name = fields["final-recipient"].partition("@")[2].removesuffix(".test")
            found.setdefault(name, []).append(fields)
    return found


def journal(server):
    """{name: the last attempt} as the observatory has it."""
    rows = server.ctl_json("attempts")["attempts"]
    return {row["domain"].removesuffix(".test"): row for row in reversed(rows)}


def in_queue(server):
    """{name: row} of what waits."""
    rows = server.ctl_json("queue", "list")["letters"]
    return {row["recipient"].partition("@")[2].removesuffix(".test"): row for row in rows}


def seconds_left(row):
    then = datetime.datetime.fromisoformat(row["next"].replace("Z", "+00:00"))
    return (then - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def letter(server, rcpts, text=b"Hello.\r\n", mail="", rcpt=""):
    """Submit one letter; the reply to its end."""
    with smtpc.logged_in(server, SENDER, PASSWORD) as c:
        c.cmd(f"MAIL FROM:<{SENDER}>{mail}")
        for x in rcpts:
            c.cmd(f"RCPT TO:<{x}>{rcpt}")
        c.cmd("DATA")
        head = f"From: {SENDER}\r\nSubject: x\r\n\r\n".encode()
        c.send(smtpc.stuff(head + text))
        return c.reply()


def told(server, name, action, seconds=20):
    """The report about that domain, when it comes."""

    def find():
        return [x for x in mailbox(server).get(name, []) if x["action"] == action]

    postern.wait_until(find, seconds, f"{action} about {name}", every=0.3)
    return find()[0]
