# SPDX-License-Identifier: Apache-2.0
"""A raw IMAP client for tests, and a strict reader of server responses (RFC 3501 9).

    with Imap(port, tls=wire.client_context()) as c:
        c.login("a@x.test", "secret")
        r = c.cmd("SELECT INBOX")         # r.status, r.text, r.untagged (parsed lists)
        for n, items in c.fetch("1:*", "(UID FLAGS)"): ...

Parsed values: atoms and numbers are str, strings and literals are bytes, NIL is None, lists are
lists.
"""

import re

import wire

LITERAL = re.compile(rb"(~?)\{(\d+)\}$")
ATOM_END = b' ()"'
NONSYNC_MAX = 4096


class Result:
    """A tagged result: .status ("OK" "NO" "BAD"), .text, .untagged (one parsed list each)."""

    def __init__(self, status, text, untagged, raw):
        self.status = status
        self.text = text
        self.untagged = untagged
        self.raw = raw  # the untagged responses as octets, literals in place

    def __repr__(self):
        return f"{self.status} {self.text.decode('utf-8', 'replace')}"


def _quoted(data, at):
    out = bytearray()
    at += 1
    while data[at : at + 1] != b'"':
        if at >= len(data):
            raise ValueError(f"quoted string without end: {data[:100]!r}")
        if data[at : at + 1] == b"\\":
            at += 1
            if data[at : at + 1] not in (b'"', b"\\"):
                raise ValueError(f"bad escape in quoted string: {data[:100]!r}")
        out += data[at : at + 1]
        at += 1
    return bytes(out), at + 1


def _atom(data, at):
    """An atom; a section like BODY[HEADER.FIELDS (A B)]<0> counts as one."""
    start = at
    depth = 0
    while at < len(data) and (depth or data[at] not in ATOM_END):
        depth += (data[at : at + 1] == b"[") - (data[at : at + 1] == b"]")
        at += 1
    if at == start:
        raise ValueError(f"atom expected at {data[at:at + 40]!r}")
    word = data[start:at].decode("utf-8", "surrogateescape")
    return (None if word.upper() == "NIL" else word), at


def parse(pieces):
    """Parse a response given as [octets, literal, octets, literal, ..., octets]."""
    stack = [[]]
    for i, piece in enumerate(pieces):
        if i % 2:
            stack[-1].append(piece)
            continue
        at = 0
        while at < len(piece):
            c = piece[at : at + 1]
            if c == b" ":
                at += 1
            elif c == b"(":
                stack.append([])
                at += 1
            elif c == b")":
                if len(stack) < 2:
                    raise ValueError(f"closing parenthesis too many: {piece[:100]!r}")
                done = stack.pop()
                stack[-1].append(done)
                at += 1
            elif c == b'"':
                value, at = _quoted(piece, at)
                stack[-1].append(value)
            else:
                value, at = _atom(piece, at)
                stack[-1].append(value)
    if len(stack) != 1:
        raise ValueError(f"parenthesis not closed: {pieces[0][:100]!r}")
    return stack[0]


class Imap(wire.Wire):
    def __init__(self, port, greeting=True, **kw):
        super().__init__(port, **kw)
        self.tag = 0
        self.greeting = self.line() if greeting else b""

    def response(self):
        """One response line with its literals: [octets, literal, ..., octets]."""
        pieces = []
        while True:
            line = self.line()
            found = LITERAL.search(line)
            if not found:
                pieces.append(line)
                return pieces
            pieces.append(line[: found.start()])
            pieces.append(self.octets(int(found.group(2))))

    def begin(self, text, *literals):
        """Send a tagged command; each {} becomes one of the literals. Returns the tag."""
        self.tag += 1
        tag = b"t%d" % self.tag
        parts = (text.encode() if isinstance(text, str) else text).split(b"{}")
        if len(parts) != len(literals) + 1:
            raise ValueError(f"{len(literals)} literals for {text!r}")
        pending = tag + b" " + parts[0]
        for literal, part in zip(literals, parts[1:]):
            pending = self._announce(pending, literal) + literal + part
        self.send(pending + b"\r\n")
        return tag

    def _announce(self, pending, literal):
        """Short literals go at once (LITERAL-, RFC 7888); long ones wait for the continuation."""
        if len(literal) <= NONSYNC_MAX:
            return pending + b"{%d+}\r\n" % len(literal)
        self.send(pending + b"{%d}\r\n" % len(literal))
        line = self.line()
        if not line.startswith(b"+"):
            raise ValueError(f"literal refused: {line!r}")
        return b""

    def end(self, tag):
        """Read to the tagged result."""
        untagged, raw = [], []
        while True:
            pieces = self.response()
            if pieces[0].startswith(tag + b" "):
                _, status, text = (pieces[0] + b" ").split(b" ", 2)
                return Result(status.decode().upper(), text.rstrip(b" "), untagged, raw)
            if pieces[0].startswith(b"+"):
                raise ValueError(f"continuation not expected: {pieces[0]!r}")
            raw.append(b"".join(pieces))
            untagged.append(self._untagged(pieces))

    @staticmethod
    def _untagged(pieces):
        """Text after OK, NO, BAD, BYE and PREAUTH is free: it stays octets."""
        words = pieces[0].split(b" ", 2)
        if len(words) > 1 and words[1].upper() in (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"):
            return [words[1].decode().upper(), words[2] if len(words) > 2 else b""]
        return parse([pieces[0][2:]] + pieces[1:])

    def cmd(self, text, *literals):
        return self.end(self.begin(text, *literals))

    def ok(self, text, *literals):
        """As cmd; raises unless the result is OK."""
        r = self.cmd(text, *literals)
        if r.status != "OK":
            raise ValueError(f"{text!r}: {r}")
        return r

    def starttls(self, ctx=None):
        self.ok("STARTTLS")
        self.start_tls(ctx or wire.client_context())

    def login(self, user, password):
        return self.ok("LOGIN {} {}", user.encode(), password.encode())

    def select(self, mailbox="INBOX", verb="SELECT"):
        """The number of messages."""
        r = self.ok(f"{verb} {{}}", mailbox.encode())
        return next(int(u[0]) for u in r.untagged if len(u) == 2 and u[1] == "EXISTS")

    def status(self, mailbox, items="MESSAGES UIDNEXT UIDVALIDITY"):
        r = self.ok(f"STATUS {{}} ({items})", mailbox.encode())
        pairs = next(u for u in r.untagged if u[0] == "STATUS")[2]
        return {pairs[i]: int(pairs[i + 1]) for i in range(0, len(pairs), 2)}

    def fetch(self, numbers, items, uid=False):
        """[(sequence number, {item: value})]; item names as the server wrote them, upper-cased."""
        r = self.ok(f"{'UID ' if uid else ''}FETCH {numbers} {items}")
        out = []
        for u in r.untagged:
            if len(u) == 3 and u[1] == "FETCH":
                out.append(
                    (int(u[0]), {u[2][i].upper(): u[2][i + 1] for i in range(0, len(u[2]), 2)})
                )
        return out

    def append(self, mailbox, message, flags=""):
        return self.ok(
            f"APPEND {{}}{' (' + flags + ')' if flags else ''} {{}}", mailbox.encode(), message
        )

    def logout(self):
        r = self.cmd("LOGOUT")
        self.close()
        return r


def logged_in(server, user, password):
    """A session over TLS."""
    c = Imap(server.ports["imaps"], tls=wire.client_context())
    try:
        c.login(user, password)
    except BaseException:
        c.close()
        raise
    return c
