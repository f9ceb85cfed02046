# SPDX-License-Identifier: Apache-2.0
"""Reads NAME.talk: head (fixtures, needs) and conversation. The format is in README.md."""

import dataclasses
import re

SERVERS = ("postern", "dovecot")
PROTOCOLS = ("imap", "pop3", "managesieve")
LINE = re.compile(r"^([A-Z]?)(C|R|S|!S|S\+)(?:\[(\w+)\])?: ?(.*)$")
MESSAGE = re.compile(r'^(\S+|"[^"]*")(?: \(([^)]*)\))?(?: ("[^"]+"))?(?: @(\w+))?$')
FIELD = re.compile(r"^([a-z]+): ?(.*)$")


class Bad(Exception):
    """The script itself is wrong."""


@dataclasses.dataclass
class Line:
    number: int
    who: str  # connection
    kind: str  # C send a command, R send a raw line, S expect, S+ expect in order, !S refuse
    text: str


@dataclasses.dataclass
class Message:
    mailbox: str
    flags: str
    date: str
    octets: bytes


class Script:
    def __init__(self, name, text):
        self.name = name
        self.protocol = "imap"
        self.servers = SERVERS
        self.needs = []
        self.absent = []
        self.mailboxes = []
        self.messages = []
        self.texts = {}
        self.logins = {}
        self.settings = {}
        self.differences = []
        self._lines = []  # (server or None, Line)
        self._block = None
        self._read(text.splitlines())

    def _read(self, lines):
        for number, line in enumerate(lines, 1):
            try:
                self._line(number, line)
            except Bad as e:
                raise Bad(f"{self.name}:{number}: {e}") from e
        self._end_block()
        if any(server for server, _ in self._lines) and not self.differences:
            raise Bad(f"{self.name}: lines for one server, but no difference: named")
        if not self._lines:
            raise Bad(f"{self.name}: no conversation")

    def _line(self, number, line):
        if line.startswith("|"):
            if self._block is None:
                raise Bad("a | line belongs behind message: or text:")
            self._block[1].append(line[2:] if line.startswith("| ") else line[1:])
            return
        self._end_block()
        if not line.strip() or line.startswith("#"):
            return
        spoken = LINE.match(line)
        if spoken:
            who, kind, server, text = spoken.groups()
            if server and server not in SERVERS:
                raise Bad(f"{server} is none of {SERVERS}")
            self._lines.append((server, Line(number, who or "A", kind, text)))
            return
        field = FIELD.match(line)
        take = getattr(self, "_take_" + field.group(1), None) if field else None
        if take is None:
            raise Bad(f"not understood: {line!r}")
        take(field.group(2).strip())

    def _end_block(self):
        if self._block is not None:
            done, lines = self._block
            self._block = None
            done("".join(x + "\r\n" for x in lines).encode())

    def _take_protocol(self, rest):
        if rest not in PROTOCOLS:
            raise Bad(f"{rest} is none of {PROTOCOLS}")
        self.protocol = rest

    def _take_servers(self, rest):
        self.servers = tuple(rest.split())
        if not set(self.servers) <= set(SERVERS):
            raise Bad(f"servers are {SERVERS}")

    def _take_needs(self, rest):
        self.needs += rest.split()

    def _take_absent(self, rest):
        self.absent += rest.split()

    def _take_mailbox(self, rest):
        self.mailboxes.append(rest)

    def _take_login(self, rest):
        who, _, user = rest.partition(" ")
        if user not in ("alice", "bob", "none"):
            raise Bad("login: LETTER alice|bob|none")
        self.logins[who] = user

    def _take_set(self, rest):
        key, _, value = rest.partition(" ")
        self.settings[key] = value

    def _take_difference(self, rest):
        self.differences.append(rest)

    def _take_message(self, rest):
        found = MESSAGE.match(rest)
        if not found:
            raise Bad('message: MAILBOX [(FLAGS)] ["DATE"] [@NAME]')
        mailbox, flags, date, name = found.groups()

        def done(octets):
            self.messages.append(Message(mailbox.strip('"'), flags or "", date or "", octets))
            if name:
                self.texts[name] = octets

        self._block = (done, [])

    def _take_text(self, rest):
        """text: NAME; the last line has no line end when the name ends in -"""
        name = rest.removeprefix("@").rstrip("-")

        def done(octets):
            self.texts[name] = octets[:-2] if rest.endswith("-") else octets

        self._block = (done, [])

    def lines(self, server):
        """The conversation as it is spoken with that server."""
        return [line for only, line in self._lines if only in (None, server)]
