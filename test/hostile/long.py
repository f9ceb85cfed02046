# SPDX-License-Identifier: Apache-2.0
"""SMTP: everything that can be too long or too many, with the reply it gets."""

import base64
import time

import smtpc
import stage
import wire

TEXT = b"Subject: long\r\n\r\nx\r\n"
MAX_SIZE = 1 << 20

# name, command lines in front, line, code and enhanced code expected
COMMANDS = (
    ("command of 513 octets", [], b"NOOP " + b"x" * 506, "500 5.5.6"),
    ("command of 1 MB", [], b"NOOP " + b"x" * (1 << 20), "500 5.5.6"),
    ("EHLO of 600 octets", [], b"EHLO " + b"x" * 600, "500 5.5.6"),
    ("EHLO of 300 octets", [], b"EHLO " + b"x" * 300, "501 5.5.4"),
    ("MAIL of 3000 octets", [], b"MAIL FROM:<" + b"x" * 3000 + b"@x.test>", "500 5.5.6"),
    ("local part of 300 octets", [], b"MAIL FROM:<" + b"x" * 300 + b"@x.test>", "501 5.1.7"),
    ("domain of 300 octets", [], b"MAIL FROM:<a@" + b"x." * 150 + b"test>", "501 5.1.7"),
    ("label of 64 octets", [], b"MAIL FROM:<a@" + b"x" * 64 + b".test>", "501 5.1.7"),
    ("200 source routes", [], b"MAIL FROM:<" + b"@a.test," * 200 + b"@b:c@d.test>", "501 5.1.7"),
    ("SIZE of 21 digits", [], b"MAIL FROM:<a@x.test> SIZE=" + b"9" * 21, "501 5.5.4"),
    ("SIZE beyond the limit", [], b"MAIL FROM:<a@x.test> SIZE=%d" % (MAX_SIZE + 1), "552 5.3.4"),
    ("a parameter twice", [], b"MAIL FROM:<a@x.test> BODY=7BIT BODY=7BIT", "501 5.5.4"),
    ("an unknown parameter", [], b"MAIL FROM:<a@x.test> X=" + b"y" * 900, "555 5.5.4"),
    (
        "recipient of 300 octets",
        [b"MAIL FROM:<a@x.test>"],
        b"RCPT TO:<" + b"x" * 300 + b"@postern.test>",
        "501 5.1.3",
    ),
    ("ENVID of 200 octets", [], b"MAIL FROM:<a@x.test> ENVID=" + b"x" * 200, "501 5.5.4"),
    ("address that is not UTF-8", [], b"MAIL FROM:<\xff\xfe@x.test> SMTPUTF8", "553 5.6.7"),
    ("address beyond ASCII without SMTPUTF8", [], "MAIL FROM:<ä@x.test>".encode(), "553 5.6.7"),
)

# name, message, expected
MESSAGES = (
    ("text line of 65,536 octets", b"Subject: l1\r\n\r\n" + b"x" * 65534 + b"\r\n", "250 2.0.0"),
    ("text line of 65,600 octets", b"Subject: l2\r\n\r\n" + b"x" * 65600 + b"\r\n", "550 5.6.0"),
    ("text line of 900 KB", b"Subject: l3\r\n\r\n" + b"x" * 900_000 + b"\r\n", "550 5.6.0"),
    ("over the size limit", TEXT + (b"y" * 70 + b"\r\n") * 16000, "552 5.3.4"),
    ("NUL in the text", TEXT + b"a\0b\r\n", "550 5.6.0"),
    ("NUL in the header", b"Subject: a\0b\r\n\r\nx\r\n", "550 5.6.0"),
    ("nothing at all", b"", "250 2.0.0"),
    ("a header field without end", b"X: " + b"y" * 60000 + b"\r\n", "250 2.0.0"),
    ("20,000 header fields", b"X: y\r\n" * 20000 + b"\r\nx\r\n", "250 2.0.0"),
)


def commands(r, s):
    for name, before, line, want in COMMANDS:
        with stage.mx(s) as c:
            for x in before:
                c.cmd(x)
            reply = c.cmd(line)
            r.check(name, f"{reply.code} {reply.enhanced}" == want, f"{reply}, want {want}")
            r.equal(f"{name}: goes on", c.cmd("NOOP").code, 250)


def messages(r, s):
    for name, octets, want in MESSAGES:
        with stage.mx(s) as c:
            reply = c.deliver("s@elsewhere.test", [stage.A], octets)
            r.check(name, f"{reply.code} {reply.enhanced}" == want, f"{reply}, want {want}")
            r.equal(f"{name}: goes on", c.cmd("NOOP").code, 250)


def header_of_two_megabytes(r):
    with stage.server(smtp__max_size="4M") as s:
        octets = b"X-Long: y" * 10 + b"\r\n"
        reply = stage.deliver(s, octets * 25000 + b"\r\nx\r\n")
        r.check("header of 2 MB", f"{reply.code} {reply.enhanced}" == "552 5.3.4", f"{reply}")


def recipients(r, s):
    with stage.mx(s) as c:
        c.cmd("MAIL FROM:<a@x.test>")
        codes = [c.cmd(f"RCPT TO:<{stage.A}>").code for _ in range(100)]
        r.check("100 recipients", codes == [250] * 100, f"{codes}")
        reply = c.cmd(f"RCPT TO:<{stage.A}>")
        r.check("101 recipients", f"{reply.code} {reply.enhanced}" == "452 4.5.3", f"{reply}")
        c.cmd("DATA")
        c.send(smtpc.stuff(b"Subject: hundredfold\r\n\r\nx\r\n"))
        r.equal("the hundred get it", c.reply().code, 250)


def guessing(r, s):
    """Unknown recipients: four at once, then each waits longer."""
    with stage.mx(s) as c:
        c.cmd("MAIL FROM:<a@x.test>")
        began = time.monotonic()
        replies = [c.cmd(f"RCPT TO:<nobody{i}@postern.test>") for i in range(4)]
        r.check("four unknown at once", time.monotonic() - began < 1)
        r.check("unknown", all(f"{x.code} {x.enhanced}" == "550 5.1.1" for x in replies))
        began = time.monotonic()
        c.cmd("RCPT TO:<nobody5@postern.test>")
        r.check("the fifth waits", time.monotonic() - began > 0.9)


def refuse_and_close(r, name, c, line, first, limit=200):
    """The same line again and again: `first` comes, and in the end 421 and the end."""
    reply, n = None, 0
    try:
        while n < limit and (reply is None or reply.code != 421):
            reply = c.cmd(line)
            if n == 0:
                r.equal(f"{name}: at first", reply.code, first)
            n += 1
        r.check(f"{name}: 421", reply.code == 421, f"{reply}")
        r.check(f"{name}: closed", c.closed())
    except wire.Closed:
        r.check(f"{name}: closed without 421", False)


def too_many(r, s):
    with stage.mx(s) as c:
        refuse_and_close(r, "unknown commands", c, b"NONSENSE", 500)
    with stage.mx(s) as c:
        refuse_and_close(r, "NOOP without end", c, b"NOOP", 250)
    with stage.mx(s) as c:
        refuse_and_close(r, "HTTP", c, b"GET / HTTP/1.1", 421)
    with stage.mx(s) as c:
        refuse_and_close(r, "BDAT", c, b"BDAT 100 LAST", 421)
    with stage.mx(s) as c:
        refuse_and_close(r, "relaying", c, b"RSET\r\nMAIL FROM:<a@x.test>\r\nNONSENSE", 250, 60)
    with smtpc.Smtp(s.ports["mx"]) as c:
        c.reply()
        refuse_and_close(r, "plaintext", c, b"MAIL FROM:<a@x.test>", 530)


def pipelined(r, s):
    """2,000 commands in one piece: in bounds, answered in order, then 421."""
    with stage.mx(s) as c:
        c.send(b"NOOP\r\n" * 2000)
        answers = c.until_closed().split(b"\r\n")
        r.check("2,000 pipelined", answers[-2].startswith(b"421"), f"{answers[-3:]}")


def authentication(r, s):
    with smtpc.Smtp(s.ports["submission"]) as c:
        c.secure(stage.CTX)
        reply = c.cmd(b"AUTH PLAIN " + b"A" * 20000)
        r.check("AUTH line of 20,000 octets", reply.code == 500, f"{reply}")
        r.equal("AUTH with nonsense", c.cmd(b"AUTH PLAIN ====").code, 501)
        raw = b"\0" + b"u" * 5000 + b"\0" + b"p" * 4000
        reply = c.cmd(b"AUTH PLAIN " + base64.b64encode(raw))
        r.check("a name of 5,000 octets", reply.code in (501, 535), f"{reply}")
        r.equal("AUTH PLAIN in steps", c.cmd(b"AUTH PLAIN").code, 334)
        reply = c.cmd(b"A" * 13000)
        r.check("a response of 13,000 octets", reply.code == 500, f"{reply}")


def run(r, s):
    s.settings["smtp.max-size"] = "1M"
    s.write_conf()
    s.stop()
    s.start()
    for part in (commands, messages, recipients, guessing, too_many, pipelined, authentication):
        part(r, s)
    stage.works(r, s, "over-long")
    header_of_two_megabytes(r)
