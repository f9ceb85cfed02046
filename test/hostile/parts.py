# SPDX-License-Identifier: Apache-2.0
"""Messages built to hurt whoever takes them apart, in by SMTP and looked at by IMAP."""

import time

import stage

PARTS = 100_000
DEPTH = 10_000
SECONDS = 15


def many_parts():
    part = b"--b\r\n\r\nx\r\n"
    head = b"Subject: many\r\nMIME-Version: 1.0\r\n"
    head += b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + part * PARTS + b"--b--\r\n"


def deep_parts():
    head = b"Subject: deep\r\nMIME-Version: 1.0\r\n"
    open_all = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i)
        for i in range(DEPTH)
    )
    close_all = b"".join(b"--b%d--\r\n" % i for i in reversed(range(DEPTH)))
    return head + open_all + b"\r\nx\r\n" + close_all


def deep_messages():
    step = b"Content-Type: message/rfc822\r\n\r\n"
    return b"Subject: nested\r\nMIME-Version: 1.0\r\n" + step * DEPTH + b"Subject: end\r\n\r\nx\r\n"


def same_boundary():
    """Every level uses the same boundary."""
    step = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    return b"Subject: same\r\nMIME-Version: 1.0\r\n" + step * DEPTH + b"\r\nx\r\n--b--\r\n" * DEPTH


def addresses():
    to = b",\r\n ".join(b'"name %d" <a%d@x.test>' % (i, i) for i in range(15_000))
    return b"Subject: addresses\r\nTo: " + to + b"\r\n\r\nx\r\n"


def references():
    ids = b"\r\n ".join(b"<%d@x.test>" % i for i in range(30_000))
    return b"Subject: references\r\nMessage-ID: <m@x.test>\r\nReferences: " + ids + b"\r\n\r\nx\r\n"


def comments():
    return b"Subject: comments\r\nTo: a@x.test " + b"(" * 30_000 + b"\r\n\r\nx\r\n"


def encoded_words():
    words = b"\r\n ".join(b"=?utf-8?B?w6TDtsO8?=" for _ in range(30_000))
    return b"X-First: 1\r\nX-Words: " + words + b"\r\nSubject: words\r\n\r\nx\r\n"


def parameters():
    more = b";\r\n ".join(b"p%d*%d*=utf-8''%%41" % (i, i) for i in range(20_000))
    return b"Subject: parameters\r\nContent-Type: text/plain; " + more + b"\r\n\r\nx\r\n"


def long_boundary():
    b = b"b" * 60_000
    return (
        b'Subject: boundary\r\nContent-Type: multipart/mixed; boundary="' + b + b'"\r\n\r\n'
        b"--" + b + b"\r\n\r\nx\r\n--" + b + b"--\r\n"
    )


def odd_octets():
    head = b"Subject: odd\r\nContent-Type: text/\xff\xfe; charset=\xc0\x80\r\n\r\n"
    return head + b"\xed\xa0\x80\xff\r\n"


# subject, maker
LETTERS = (
    ("many", many_parts),
    ("deep", deep_parts),
    ("nested", deep_messages),
    ("same", same_boundary),
    ("addresses", addresses),
    ("references", references),
    ("comments", comments),
    ("words", encoded_words),
    ("parameters", parameters),
    ("boundary", long_boundary),
    ("odd", odd_octets),
)
LOOKS = (
    "BODYSTRUCTURE",
    "BODY",
    "ENVELOPE",
    "BODY.PEEK[1]",
    "BODY.PEEK[1.1.1.1.1.1.1.1.1.1.1.1]",
    "BODY.PEEK[99999]",
    "BODY.PEEK[1.MIME]",
    "BODY.PEEK[HEADER.FIELDS (TO)]",
    "RFC822.SIZE",
)
SEARCHES = ("BODY x", "TEXT zzz", "TO name", "HEADER References zzz", "SUBJECT zzz")


def look(r, c, name, number, octets):
    for item in LOOKS:
        began = time.monotonic()
        got = c.cmd(f"FETCH {number} {item}")
        seconds = time.monotonic() - began
        r.check(f"{name}: {item}", got.status in ("OK", "NO"), f"{got}")
        r.check(f"{name}: {item}: in time", seconds < SECONDS, f"{seconds:.1f} s")
    whole = c.fetch(str(number), "BODY.PEEK[]")[0][1]["BODY[]"]
    r.check(f"{name}: comes back whole", whole.endswith(octets))


def run(r, s):
    for name, make in LETTERS:
        octets = make()
        reply = stage.deliver(s, octets)
        r.check(f"{name}: taken ({len(octets)} octets)", reply.code == 250, f"{reply}")
        if reply.code != 250:
            continue
        came = stage.wait_for(s, name)
        r.check(f"{name}: delivered", came)
        if not came:
            continue
        with stage.imap(s) as c:
            look(r, c, name, c.select(), octets)
    with stage.imap(s, timeout=60) as c:
        c.select()
        for search in SEARCHES:
            began = time.monotonic()
            status = c.cmd(f"SEARCH {search}").status
            seconds = time.monotonic() - began
            fine = status == "OK" and seconds < SECONDS
            r.check(f"SEARCH {search} over all of them", fine, f"{status} {seconds:.1f} s")
    stage.works(r, s, "parts")
