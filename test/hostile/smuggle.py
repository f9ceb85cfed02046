# SPDX-License-Identifier: Apache-2.0
"""End of data is CRLF.CRLF and nothing else (RFC 5321 4.1.1.4; "SMTP smuggling", 2023)."""

import stage

# name, octets that some servers take for the end, expected reply to the whole message
ENDS = (
    ("LF . LF", b"\n.\n", "550 5.6.11"),
    ("LF . CRLF", b"\n.\r\n", "550 5.6.11"),
    ("CRLF . LF", b"\r\n.\n", "550 5.6.11"),
    ("CR . CR", b"\r.\r", "550 5.6.11"),
    ("CR . CRLF", b"\r.\r\n", "550 5.6.11"),
    ("CRLF . CR", b"\r\n.\r", "550 5.6.11"),
    ("LF . CR", b"\n.\r", "550 5.6.11"),
    ("CR CRLF . CRLF", b"\r\r\n.\r\r\n", "550 5.6.11"),
    ("CRLF . CR CRLF", b"\r\n.\r\r\n", "550 5.6.11"),
    ("LF LF . LF LF", b"\n\n.\n\n", "550 5.6.11"),
    ("CRLF NUL . CRLF", b"\r\n\0.\r\n", "550 5.6.0"),
    ("CRLF . NUL CRLF", b"\r\n.\0\r\n", "550 5.6.0"),
    ("CRLF . . CRLF", b"\r\n..\r\n", "250 2.0.0"),
    ("CRLF . SP CRLF", b"\r\n. \r\n", "250 2.0.0"),
    ("CRLF SP . CRLF", b"\r\n .\r\n", "250 2.0.0"),
    ("CRLF U+2024 CRLF", b"\r\n\xe2\x80\xa4\r\n", "250 2.0.0"),
    ("NEL . NEL", b"\xc2\x85.\xc2\x85", "250 2.0.0"),
    ("FF . FF", b"\x0c.\x0c", "250 2.0.0"),
    ("VT . VT", b"\x0b.\x0b", "250 2.0.0"),
)
SMUGGLED = (
    b"MAIL FROM:<admin@postern.test>\r\nRCPT TO:<a@postern.test>\r\nDATA\r\n"
    b"Subject: smuggled\r\n\r\nsmuggled\r\n"
)


def send(c, octets, pieces):
    """All at once, or octet by octet."""
    if pieces == "whole":
        c.send(octets)
        return
    for i in range(len(octets)):
        c.send(octets[i : i + 1])


def one(r, c, name, end, want, pieces):
    what = f"{name}, {pieces}"
    c.cmd("MAIL FROM:<s@elsewhere.test>")
    c.cmd("RCPT TO:<a@postern.test>")
    c.cmd("DATA")
    subject = f"Subject: {name} {pieces}\r\n\r\ntext".encode()
    send(c, subject + end + SMUGGLED + b".\r\n", pieces)
    reply = c.reply()
    r.check(what, f"{reply.code} {reply.enhanced}" == want, f"{reply}")
    r.equal(f"{what}: one reply, then commands again", c.cmd("NOOP").code, 250)


def in_commands(r, s):
    """Bare CR and LF in command lines: not carried out."""
    for name, line in (
        ("bare LF", b"NOOP\nMAIL FROM:<x@x.test>"),
        ("bare CR", b"NOOP\rMAIL FROM:<x@x.test>"),
        ("NUL", b"MAIL FROM:<x\0@x.test>"),
        ("LF in a path", b"MAIL FROM:<x\n@x.test>"),
    ):
        with stage.mx(s) as c:
            r.equal(f"command with {name}", c.cmd(line).code, 500)
            reply = c.cmd("RCPT TO:<a@postern.test>")
            r.equal(f"command with {name}: no transaction", reply.code, 503)


def run(r, s):
    for pieces in ("whole", "octet by octet"):
        with stage.mx(s) as c:
            for name, end, want in ENDS:
                if pieces == "whole" or want.startswith("550 5.6.11"):
                    one(r, c, name, end, want, pieces)
                if want.startswith("550"):
                    c.close()
                    c = stage.mx(s)  # errors are counted
    in_commands(r, s)
    stage.works(r, s, "smuggling")
    came = stage.subjects(s)
    r.check("nothing was smuggled in", "smuggled" not in came, f"{came}")
    wanted = {n + " whole" for n, _, want in ENDS if want.startswith("250")}
    r.check("what is no end is text", wanted <= set(came), f"{wanted - set(came)}")
    r.check("what was refused is not there", not [x for x in came if "LF . LF" in x], f"{came}")
