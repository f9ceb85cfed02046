# SPDX-License-Identifier: Apache-2.0
"""Plays the conversation of one script against one server and says where it fails."""

import re
import socket
import ssl

import imapc
import match
import wire

ANSWER_S = 10
NEVER_UNEXPECTED = ("EXPUNGE", "VANISHED")
LITERAL = re.compile(r"(~?)\{@(\w+)(\+?)\}")
TAG = re.compile(r"^\w+( |$)")
FREE = re.compile(r"\{(#?\w+(?:[+-]\d+)?)\}")


class Wrong(Exception):
    """The server did not answer as the script wants."""


def fill(text, values, texts):
    """Put the captures into what is sent; {#name} is the size of a text."""

    def put(found):
        hole = found.group(1)
        if hole.startswith("#") and hole[1:] in texts:
            return str(len(texts[hole[1:]]))
        known = match.value(hole, values)
        return found.group(0) if known is None else known

    return FREE.sub(put, text)


class ImapTalk:
    """One connection. Tags are ours; responses wait in a pool until a line of the script asks."""

    def __init__(self, server, user, world):
        self.world = world
        self.c = imapc.Imap(server.ports["imaps"], tls=wire.client_context(server.ca))
        self.c.timeout(ANSWER_S)
        self.tags = []
        self.zip_tag = None
        self.raw = False
        self.pool = []
        self.count = 0
        if user is not None:
            self.c.login(user, world.password)

    def close(self):
        self.c.close()

    def send(self, text, command):
        text = fill(text, self.world.values, self.world.texts)
        pending = b""
        if command and not self.raw:
            self.count += 1
            self.tags.append(b"x%d" % self.count)
            pending = self.tags[-1] + b" "
            self.world.values["tag"] = self.tags[-1].decode()
            if text.upper() == "COMPRESS DEFLATE" and not self.c.deflate:
                self.zip_tag = self.tags[-1]
            if len(self.tags) == 1:
                self.pool = []
        if not command and TAG.match(text):
            self.tags.append(text.split(" ")[0].encode())
        self.raw = False
        at = 0
        for found in LITERAL.finditer(text):
            octets = self.world.texts[found.group(2)]
            pending += text[at : found.start()].encode("utf-8", "surrogateescape")
            head = f"{found.group(1)}{{{len(octets)}{found.group(3)}}}\r\n".encode()
            at = found.end()
            if found.group(3):
                pending += head + octets
                continue
            self.c.send(pending + head)
            if not self._go_ahead():
                return
            pending = octets
        self.c.send(pending + text[at:].encode("utf-8", "surrogateescape") + b"\r\n")
        if text.upper() == "UNAUTHENTICATE":
            self.c.plain()

    def _go_ahead(self):
        """Wait for the continuation; False when the command ended instead."""
        while True:
            r = self._read()
            if r.mark == "+":
                self.pool.remove(r)
                return True
            if r.mark == "tagged":
                return False

    def _read(self):
        pieces = self.c.response()
        first = pieces[0]
        if first.startswith(b"+"):
            r = match.Response([b"+", *pieces[1:]][:1], 0)
            r.shown, r.mark = first.decode("utf-8", "replace"), "+"
        elif first.startswith(b"* "):
            r = match.Response(pieces, 2)
            r.mark = "*"
        else:
            tag, _, _ = first.partition(b" ")
            if tag not in self.tags:
                raise Wrong(f"a response with a foreign tag: {first!r}")
            r = match.Response(pieces, len(tag) + 1)
            r.mark = "tagged"
            r.tag = tag
            if tag == self.zip_tag and first[len(tag):].startswith(b" OK"):
                self.c.compress()
        self.pool.append(r)
        return r

    def expect(self, lines):
        """Lines of one group: read as far as they need, then compare."""
        wants = [Want(line) for line in lines]
        needed = [w for w in wants if w.kind != "!S"]
        ends = [w for w in needed if w.mark != "*"]
        if ends:
            self._until(ends[-1].mark)
        while True:
            missing = self._match(needed)
            if missing is None:
                break
            if ends:
                raise Wrong(f"line {missing.line.number}: nothing fits {missing.line.text!r}"
                    + self._heard())
            try:
                self._read()
            except socket.timeout:
                raise Wrong(f"line {missing.line.number}: {missing.line.text!r} did not come"
                    + self._heard()) from None
        self._refused([w for w in wants if w.kind == "!S"])
        self._unexpected(needed, bool(ends))
        self._finish(needed)

    def _until(self, mark):
        try:
            while not any(r.mark == mark for r in self.pool):
                self._read()
        except socket.timeout:
            raise Wrong(f"no {mark} response" + self._heard()) from None

    def _match(self, wants):
        """The first want that nothing fits, or None; fills want.hit."""
        saved = dict(self.world.values)
        used, last = [], -1
        for w in wants:
            w.hit = None
            if w.any:
                continue
            for i, r in enumerate(self.pool):
                if r in used or r.mark != w.mark or (w.kind == "S+" and i < last):
                    continue
                m = match.Match(self.world.values, self.world.texts, self.world.terse)
                if w.mark == "+" or m.response(w.pattern, r):
                    w.hit = r
                    last = i
                    break
            if w.hit is None:
                self.world.values.clear()
                self.world.values.update(saved)
                return w
            used.append(w.hit)
        return None

    def _refused(self, wants):
        for w in wants:
            for r in self.pool:
                m = match.Match(dict(self.world.values), self.world.texts)
                if r.mark == w.mark and m.response(w.pattern, r):
                    raise Wrong(f"line {w.line.number}: {r.shown!r} must not come")

    def _unexpected(self, wants, ended):
        """What nobody expected, of a kind that the group speaks of, is wrong."""
        if any(w.any for w in wants) or not ended:
            return
        kinds = {w.pattern.kind for w in wants if w.mark == "*" and not w.any} - set(match.TEXT)
        for r in self.pool:
            wrong = r.kind in kinds or r.kind in NEVER_UNEXPECTED
            if r.mark == "*" and wrong and not any(w.hit is r for w in wants):
                raise Wrong(f"line {wants[-1].line.number}: nobody expected {r.shown!r}")

    def _finish(self, wants):
        for w in wants:
            if w.any:
                continue
            if w.hit in self.pool:
                self.pool.remove(w.hit)
            if w.mark == "+":
                self.raw = True
            if w.mark == "tagged":
                self.tags.remove(w.hit.tag)
                if not self.tags:
                    self.pool = []

    def _heard(self):
        return "; heard:" + "".join(f"\n      {r.mark} {r.shown[:300]}" for r in self.pool)


class Want:
    """One line of expectation."""

    def __init__(self, line):
        self.line = line
        self.kind = line.kind
        self.hit = None
        text = line.text
        self.any = text == "*"
        if text.startswith("+"):
            self.mark, text = "+", "+"
        elif text.startswith("*"):
            self.mark, text = "*", text[2:] or "x"
        else:
            self.mark = "tagged"
        self.pattern = match.pattern(text)


class LineTalk:
    """POP3 and ManageSieve: lines in order; "..." in a pattern is any text, also none."""

    def __init__(self, server, user, world, protocol):
        self.world = world
        self.raw = False
        if protocol == "pop3":
            self.c = wire.Wire(server.ports["pop3s"], tls=wire.client_context(server.ca))
            self.greeting = self.c.line()
            if user is not None:
                self._quiet(f"USER {user}", "+OK")
                self._quiet(f"PASS {world.password}", "+OK")
        else:
            self.c = wire.Wire(server.ports["managesieve"])
            self._until_ok()
            self.c.send(b"STARTTLS\r\n")
            self._until_ok()
            self.c.start_tls(wire.client_context(server.ca))
            self._until_ok()
            if user is not None:
                self._login_sieve(user)
        self.c.timeout(ANSWER_S)

    def _quiet(self, text, want):
        self.c.send(text.encode() + b"\r\n")
        line = self.c.line().decode()
        if not line.startswith(want):
            raise Wrong(f"{text.split()[0]}: {line!r}")

    def _until_ok(self):
        while True:
            line = self.c.line()
            if line.startswith(b"OK"):
                return
            if line.startswith((b"NO", b"BYE")):
                raise Wrong(f"greeting or log-in: {line!r}")

    def _login_sieve(self, user):
        import base64

        text = base64.b64encode(f"\0{user}\0{self.world.password}".encode()).decode()
        self.c.send(f'AUTHENTICATE "PLAIN" "{text}"\r\n'.encode())
        self._until_ok()

    def close(self):
        self.c.close()

    def send(self, text, command):
        text = fill(text, self.world.values, self.world.texts)
        out, at = b"", 0
        for found in LITERAL.finditer(text):
            octets = self.world.texts[found.group(2)]
            out += text[at : found.start()].encode() + b"{%d+}\r\n" % len(octets) + octets
            at = found.end()
        self.c.send(out + text[at:].encode("utf-8", "surrogateescape") + b"\r\n")

    def expect(self, lines):
        for line in lines:
            if line.kind == "!S":
                raise Wrong(f"line {line.number}: !S is for imap")
            if line.text == "...":
                continue
            self._one(line, skip=self._follows_rest(lines, line))

    @staticmethod
    def _follows_rest(lines, line):
        i = lines.index(line)
        return i > 0 and lines[i - 1].text == "..."

    def _one(self, line, skip):
        heard = []
        while True:
            try:
                got = self.c.line().decode("utf-8", "surrogateescape")
            except socket.timeout:
                raise Wrong(f"line {line.number}: {line.text!r} did not come; {heard}") from None
            heard.append(got)
            if self._fits(line.text, got):
                return
            if not skip:
                raise Wrong(f"line {line.number}: {got!r} does not fit {line.text!r}")

    def _fits(self, want, got):
        whole = re.fullmatch(r"\{@(\w+)\}", want)
        if whole:
            octets = self.world.texts[whole.group(1)].decode()
            want_lines = octets.removesuffix("\r\n").split("\r\n")
            lines = [got] + [self.c.line().decode() for _ in want_lines[1:]]
            stuffed = ["." + x if x.startswith(".") else x for x in want_lines]
            return lines == stuffed
        m = match.Match(self.world.values, self.world.texts)
        shape = re.escape(want).replace(r"\.\.\.", ".*").replace(r"\{", "{").replace(r"\}", "}")
        good = m._fits(shape, got, r"[^ ]+", 0)
        if good:
            self.world.values.update(m.new)
        return good


class Talk:
    """The connections of a script, opened when they first speak."""

    def __init__(self, script, server, alice, bob, password):
        self.script = script
        self.server = server
        self.password = password
        self.users = {"alice": alice, "bob": bob, "none": None}
        self.texts = script.texts
        self.terse = server.name == "dovecot"
        self.values = {"alice": alice, "bob": bob, "password": password}
        self.open = {}

    def connection(self, who):
        if who not in self.open:
            user = self.users[self.script.logins.get(who, "alice")]
            if self.script.protocol == "imap":
                self.open[who] = ImapTalk(self.server, user, self)
            else:
                self.open[who] = LineTalk(self.server, user, self, self.script.protocol)
        return self.open[who]

    def fixtures(self):
        with imapc.Imap(self.server.ports["imaps"], tls=wire.client_context(self.server.ca)) as c:
            c.login(self.users["alice"], self.password)
            r = c.ok("CAPABILITY")
            known = {str(x).upper() for u in r.untagged if u[:1] == ["CAPABILITY"] for x in u[1:]}
            lacking = [n for n in self.script.needs if n.upper() not in known]
            lacking += ["not " + n for n in self.script.absent if n.upper() in known]
            if lacking and self.script.protocol == "imap":
                return lacking
            for name in self.script.mailboxes:
                c.ok("CREATE {}", name.encode())
            for m in self.script.messages:
                words = f" ({m.flags})" if m.flags else ""
                words += f" {m.date}" if m.date else ""
                c.ok(f"APPEND {{}}{words} {{}}", m.mailbox.encode(), m.octets)
            c.logout()
        return []

    def play(self):
        lines = self.script.lines(self.server.name)
        i = 0
        try:
            while i < len(lines):
                line = lines[i]
                c = self.connection(line.who)
                if line.kind in "CR":
                    c.send(line.text, line.kind == "C")
                    i += 1
                    continue
                group = [line]
                while i + len(group) < len(lines):
                    after = lines[i + len(group)]
                    if after.who != line.who or after.kind in "CR":
                        break
                    group.append(after)
                for part in split(group) if self.script.protocol == "imap" else [group]:
                    self._expect(c, part)
                i += len(group)
        finally:
            for c in self.open.values():
                c.close()

    @staticmethod
    def _expect(c, group):
        number = group[0].number
        try:
            c.expect(group)
        except wire.Closed as e:
            raise Wrong(f"line {number}: connection closed; heard {e.rest[-200:]!r}") from e
        except (ValueError, KeyError, ssl.SSLError) as e:
            raise Wrong(f"line {number}: {e!r}") from e


def split(group):
    """After a tagged pattern a new group begins; !S lines belong to the group before them."""
    parts = [[]]
    closed = False
    for line in group:
        if closed and line.kind != "!S":
            parts.append([])
            closed = False
        parts[-1].append(line)
        closed = closed or (line.kind != "!S" and not line.text.startswith(("*", "+")))
    return parts

