# SPDX-License-Identifier: Apache-2.0
"""Invariants 2 to 7: what is said to the server, and what comes of it."""

import base64
import pathlib
import re
import ssl

from world import A, B, HELLO, arrives, count, messages, mx, reader, settled, submission

import wire

# What is not the end of data, however often some server took it for that.
NO_ENDS = (
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n\n.\r\n",
    b"\r\n.\r\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n",
)
STOLEN = b"MAIL FROM:<x@y.test>\r\nRCPT TO:<" + B.encode() + b">\r\nDATA\r\n"
RSS_MAX_KB = 60 * 1024
FLOOD = 40
OCTETS = 1 << 20


# --- 2: the end of data ---------------------------------------------------------------------------


def smuggle(server, i, no_end):
    """Two letters in one; the replies to it, and whether the second one was taken."""
    mark = b"outer-%d" % i
    with mx(server) as s:
        for command in ("MAIL FROM:<x@y.test>", f"RCPT TO:<{A}>", "DATA"):
            s.cmd(command)
        inner = b"Subject: inner-%d\r\n\r\nsmuggled\r\n.\r\n" % i
        s.send(b"Subject: " + mark + b"\r\n\r\nbody" + no_end + STOLEN + inner)
        first = s.reply()
        return first, s.cmd("NOOP")


def end_of_data(r, server):
    for i, no_end in enumerate(NO_ENDS):
        first, after = smuggle(server, i, no_end)
        r.check(f"2: {no_end!r} is not the end of data", first.code == 550, str(first))
        r.check(f"2: {no_end!r} leaves the dialogue in step", after.code == 250, str(after))
    with mx(server) as s:
        good = s.deliver("x@y.test", [A], b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nends-here\r\n")
    r.check("2: the true end is", good.code == 250, str(good))
    r.check("2: and the letter arrives", arrives(server, A, b"\r\n.\r\n..\r\n.x\r\nends-here"))
    settled(server)
    r.equal("2: nothing was smuggled to B", count(server, B, b"smuggled"), 0)
    r.equal("2: nor to A", count(server, A, b"outer-"), 0)
    raw = b"".join(messages(server, A) + messages(server, B))
    bare = re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    r.check("2: no bare CR or LF comes out", bare is None, str(bare))


# --- 3: TLS ---------------------------------------------------------------------------------------

# protocol: (what asks for TLS, what is said with it in the same breath, what must be refused)
BEFORE_TLS = {
    "mx": (b"EHLO x\r\nSTARTTLS\r\n", b"EHLO y\r\nMAIL FROM:<>\r\n",
        (b"MAIL FROM:<>\r\n", b"RCPT TO:<a@b>\r\n", b"DATA\r\n", b"VRFY x\r\n")),
    "submission": (b"EHLO x\r\nSTARTTLS\r\n", b"EHLO y\r\nAUTH PLAIN AGEAYg==\r\n",
        (b"AUTH PLAIN AGEAYg==\r\n", b"MAIL FROM:<>\r\n")),
    "imap": (b"a STARTTLS\r\n", b"b CAPABILITY\r\n",
        (b"a LOGIN x y\r\n", b"a AUTHENTICATE PLAIN\r\n", b"a SELECT INBOX\r\n")),
    "pop3": (b"STLS\r\n", b"CAPA\r\n", (b"USER x\r\n", b"APOP x y\r\n", b"LIST\r\n")),
    "managesieve": (b"STARTTLS\r\n", b"CAPABILITY\r\n", (b'AUTHENTICATE "PLAIN" "AGEAYg=="\r\n',)),
}
GO_AHEAD = re.compile(rb"220 |a OK|\+OK|OK")
REFUSED = re.compile(rb"^(5\d\d|a (NO|BAD)|-ERR|NO)\b")


def greeting(w, protocol):
    """ManageSieve greets with several lines, the last one OK."""
    line = w.line()
    while protocol == "managesieve" and not line.startswith(b"OK"):
        line = w.line()


def injected(server, protocol, ask, inject):
    """How far it goes after plaintext that came with the wish for TLS; None: it hung up."""
    with wire.Wire(server.ports[protocol]) as w:
        greeting(w, protocol)
        w.send(ask + inject)
        try:
            while not GO_AHEAD.match(w.line()):
                continue
            w.start_tls(wire.client_context())
            return "it shakes hands"
        except (ssl.SSLError, OSError, wire.Closed):
            return None


def tls_rules(r, server):
    for protocol, (ask, inject, refused) in BEFORE_TLS.items():
        plain = injected(server, protocol, ask, b"")
        r.check(f"3: {protocol}: it shakes hands", plain is not None)
        said = injected(server, protocol, ask, inject)
        r.check(f"3: {protocol}: plaintext behind STARTTLS ends it", said is None, said)
        for command in refused:
            with wire.Wire(server.ports[protocol]) as w:
                greeting(w, protocol)
                w.send(command)
                line = w.line()
                r.check(f"3: {protocol}: {command!r} in plaintext", REFUSED.match(line), repr(line))
    for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        r.check(f"3: {old.name} is refused", not shakes_hands(server, old))
    for good in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        r.check(f"3: {good.name} works", shakes_hands(server, good))
    close_is_close(r, server)


def shakes_hands(server, version):
    ctx = wire.client_context()
    try:
        ctx.minimum_version = ctx.maximum_version = version
        ctx.set_ciphers("ALL:@SECLEVEL=0")
        with wire.Wire(server.ports["imaps"], tls=ctx):
            return True
    except (OSError, ValueError, wire.Closed):
        return False


def close_is_close(r, server):
    """After our close_notify plaintext commands are answered by the end of the connection."""
    s = mx(server)
    try:
        plain = s.sock.unwrap()
    except (ssl.SSLError, OSError):
        plain = None
    said = b""
    if plain is not None:
        plain.settimeout(5)
        try:
            plain.sendall(b"NOOP\r\n")
            said = plain.recv(100)
        except OSError:
            said = b""
    r.check("3: TLS close is connection close", said == b"", repr(said))
    s.close()


# --- 4: nothing leaks -----------------------------------------------------------------------------


def no_leaks(r, server):
    with mx(server) as s:
        for forget in ("RSET", "EHLO again.test", "HELO x.test"):
            s.cmd("MAIL FROM:<first@y.test>")
            s.cmd(f"RCPT TO:<{A}>")
            s.cmd(forget)
            late = s.cmd("DATA")
            r.check(f"4: {forget} forgets the transaction", late.code in (503, 554), str(late))
        s.ehlo()
        s.deliver("x@y.test", [A], b"no-colon\0\r\n\r\nleak-one\r\n")  # refused
        s.cmd("MAIL FROM:<second@y.test>")
        none = s.cmd("DATA")
        r.check("4: a refused message leaves no recipient", none.code in (503, 554), str(none))
        s.cmd("RSET")
        s.deliver("one@y.test", [A], b"Subject: x\r\n\r\nfor-anna-only\r\n")
        s.deliver("two@y.test", [B], b"Subject: x\r\n\r\nfor-bert-only\r\n")
    r.check("4: B gets his letter", arrives(server, B, b"for-bert-only"))
    settled(server)
    r.equal("4: and not A's", count(server, B, b"for-anna-only"), 0)
    r.equal("4: the sender is that of the message", count(server, B, b"<one@y.test>"), 0)
    with submission(server, A):
        pass
    with submission(server) as s:
        fresh = s.cmd(f"MAIL FROM:<{A}>")
        r.check("4: a log-in does not outlive its connection", fresh.code == 530, str(fresh))
        failed = s.auth_plain(B, "wrong")
        still = s.cmd(f"MAIL FROM:<{B}>")
        both = (failed.code, still.code)
        r.check("4: nor does a failed one count", both == (535, 530), str(still))
    with reader(server, A) as c:
        c.select("INBOX")
        c.cmd("SELECT nowhere")
        r.check("4: a failed SELECT selects nothing", c.cmd("FETCH 1 UID").status in ("BAD", "NO"))


# --- 5 and 6: who may send what -------------------------------------------------------------------


def no_relay(r, server):
    with mx(server) as s:
        for rcpt in ("x@elsewhere.test", "@postern.test:x@elsewhere.test",
            '"x@elsewhere.test"@elsewhere.test', "x@[127.0.0.1]", "x%elsewhere.test@other.test"):
            s.cmd("MAIL FROM:<x@y.test>")
            reply = s.cmd(f"RCPT TO:<{rcpt}>")
            r.check(f"5: {rcpt} is not relayed", reply.code // 100 == 5, str(reply))
            s.cmd("RSET")
        own = s.cmd("AUTH PLAIN AGEAYg==")
        r.check("5: nobody logs in on the MX port", own.code in (502, 503), str(own))
    with submission(server) as s:
        reply = s.cmd("MAIL FROM:<x@y.test>")
        r.check("5: submission wants a log-in", reply.code == 530, str(reply))
    with mx(server) as s:
        reply = s.deliver("x@y.test", [A], HELLO)
        r.check("5: mail for us is taken", reply.code == 250, str(reply))


LENT = "postmaster@postern.test"
FOREIGN = (
    (B, A, "", "the envelope"),
    (A, B, "", "From"),
    (A, A, f"Sender: {B}\r\n", "Sender"),
    (A, A, f"Resent-From: {B}\r\n", "Resent-From"),
    (A, A, f"From: {B}\r\n", "a second From"),
    (A, A, f"fRoM\t: {B}\r\n", "a second From in disguise"),
    (A, f"{A}, {B}", "", "one of two in From"),
    (A, f"x: {B};", "", "a group in From"),
    (A, f'"{A}" <{B}>', "", "the address behind a name that lies"),
    (A, f"({A}) {B}", "", "the address behind a comment that lies"),
    (A, f"<@{B.split('@')[1]}:{B}>", "", "a route in From"),
    (A, '"bert"@POSTERN.test', "", "another spelling of From"),
    (A, "bert+x@postern.test", "", "a sub-address in From"),
    (LENT, LENT, "", "postmaster, whose mail A is only lent"),
)


def owners(r, server):
    for sender, author, more, what in FOREIGN:
        with submission(server, A) as s:
            body = f"From: {author}\r\n{more}\r\nforeign-sender\r\n".encode()
            reply = s.deliver(sender, [B], body)
            r.check(f"6: {what} of another is refused", reply.code == 550, str(reply))
    with submission(server, A) as s:
        for author in (A, f"Anna <{A}>", "anna+list@postern.test", '"anna"@Postern.TEST'):
            reply = s.deliver(A, [B], f"From: {author}\r\n\r\nown-sender\r\n".encode())
            r.check(f"6: {author} is her own", reply.code == 250, str(reply))
    r.check("6: her letters arrive", arrives(server, B, b"own-sender", 4))
    settled(server)
    r.equal("6: the others do not", count(server, B, b"foreign-sender"), 0)


# --- 7: limits ------------------------------------------------------------------------------------


def rss_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))


def endless(server, protocol, tls, octets):
    """A line without an end, on a connection that stays open."""
    ctx = wire.client_context() if tls else None
    w = wire.Wire(server.ports[protocol], tls=ctx)
    w.timeout(3)
    try:
        for _ in range(octets // 65536):
            w.send(b"A" * 65536)
    except (OSError, wire.Closed):
        pass
    return w


def limits(r, server):
    kept = []
    for _ in range(FLOOD):
        for protocol in ("mx", "imap", "imaps", "submissions"):
            kept.append(endless(server, protocol, protocol.endswith("s"), OCTETS))
    for pid, name in server.pids().items():
        if name.split("[")[0] in ("gate", "login", "smtp-mx", "smtp-submission"):
            kb = rss_kb(pid)
            r.check(f"7: {name} is small beside {FLOOD} MB per port", kb < RSS_MAX_KB, f"{kb} KB")
    for w in kept:
        w.close()
    counted(r, server)


def counted(r, server):
    """Each of these ends in a refusal that names a limit; (what, command, how often, codes)."""
    rows = (
        ("recipients", f"RCPT TO:<{A}>", 101, (452,)),
        ("unknown recipients", "RCPT TO:<nobody{}@postern.test>", 6, (550,)),
        ("wrong commands", "FROB", 10, (421,)),
        ("commands that do nothing", "NOOP", 101, (421,)),
        ("greetings", "EHLO a.test", 101, (421,)),
    )
    for what, command, times, codes in rows:
        with mx(server) as s:
            s.timeout(30)
            if "RCPT" in command:
                s.cmd("MAIL FROM:<x@y.test>")
            last = None
            for i in range(times):
                last = s.cmd(command.format(i))
                if last.code == 421:
                    break
            r.check(f"7: {what} are counted", last.code in codes, str(last))
    with mx(server) as s:
        big = s.cmd("MAIL FROM:<x@y.test> SIZE=999999999999")
        r.check("7: a message that is too large is refused", big.code == 552, str(big))
    with submission(server) as s:
        long = s.cmd(b"AUTH PLAIN " + base64.b64encode(b"\0" * 30000))
        r.check("7: a long log-in is refused", long.code // 100 == 5, str(long))
    with reader(server, A) as c:
        deep = c.cmd("SEARCH " + "(" * 30 + "ALL" + ")" * 30)
        r.check("7: SEARCH is only so deep", deep.status in ("BAD", "NO"), str(deep))
        flat = c.cmd("SEARCH " + "(" * 10 + "ALL" + ")" * 10)
        r.check("7: but deep enough", flat.status in ("OK", "BAD"), str(flat))


def all_of_them(r, server, wanted):
    for number, check in ((2, end_of_data), (3, tls_rules), (4, no_leaks), (5, no_relay),
        (6, owners), (7, limits)):
        if number in wanted:
            check(r, server)


