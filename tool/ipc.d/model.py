# SPDX-License-Identifier: Apache-2.0
"""
Read a .def file into plain objects, and refuse everything that is not the language.
"""
import os
import re

MESSAGE_MAX = 131072
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
FIXED = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i64": 8, "bool": 1, "err": 1}
RESERVED = {"bool", "int", "char", "for", "if", "else", "return", "static", "const", "struct",
    "enum", "union", "void", "switch", "case", "default", "break", "continue", "register", "auto",
    "long", "short", "signed", "unsigned", "float", "double", "do", "while", "goto", "extern"}


class Mistake(Exception):
    """A sentence with file and line for whoever wrote the .def."""


class Field:
    """kind: a key of FIXED, "str", "rec" or "list"; maximum: octets of a str, items of a list."""

    def __init__(self, kind, name, comment, maximum=None, record=None):
        self.kind, self.name, self.comment = kind, name, comment
        self.maximum, self.record = maximum, record

    def least(self):
        """Octets on the wire when everything is empty."""
        if self.kind in FIXED:
            return FIXED[self.kind]
        return self.record.least() if self.kind == "rec" else 4

    def most(self):
        """Octets on the wire at all limits."""
        if self.kind == "str":
            return 4 + self.maximum
        if self.kind == "rec":
            return self.record.most()
        return 4 + self.maximum * self.record.most() if self.kind == "list" else FIXED[self.kind]


class Struct:
    """A record or a message."""

    def __init__(self, edge, name, comment):
        self.edge, self.name, self.comment, self.fields = edge, name, comment, []
        self.type = f"struct ipc_{edge}_{name}"
        self.prefix = f"ipc_{edge}_{name}"

    def least(self):
        return sum(f.least() for f in self.fields)

    def most(self):
        return sum(f.most() for f in self.fields)

    def has_lists(self):
        return any(f.kind == "list" or f.kind == "rec" and f.record.has_lists()
            for f in self.fields)


class Message(Struct):
    def __init__(self, edge, name, comment, sender, receiver, number, fd):
        super().__init__(edge, name, comment)
        self.sender, self.receiver, self.number, self.fd = sender, receiver, number, fd


class File:
    """One .def: an edge with two roles, or (common.def) records alone."""

    def __init__(self, name, path):
        self.name, self.path, self.comment = name, path, []
        self.roles, self.uses, self.records, self.messages = [], [], [], []

    def record(self, name):
        for f in [self] + self.uses:
            for r in f.records:
                if r.name == name:
                    return r
        return None

    def to(self, role):
        return [m for m in self.messages if m.receiver == role]


class Reader:
    def __init__(self, path):
        self.path, self.line = path, 0
        self.file = File(os.path.basename(path)[:-len(".def")], path)
        self.open = None        # the struct whose fields follow
        self.pending = []       # comment lines above a record or message

    def fail(self, why):
        raise Mistake(f"{self.path}:{self.line}: {why}")

    def name(self, word, what):
        if not NAME.match(word) or word in RESERVED:
            self.fail(f"'{word}' is no name for a {what}")
        return word

    def number(self, word, most):
        if not re.match(r"^[1-9][0-9]{0,8}$", word) or int(word) > most:
            self.fail(f"'{word}' is no number from 1 to {most}")
        return int(word)

    def read(self):
        with open(self.path, encoding="ascii") as f:
            for text in f.read().split("\n"):
                self.line += 1
                self.one(text)
        self.close()
        return self.file

    def one(self, text):
        code, _, comment = text.partition("#")
        words = code.split()
        if not words:
            if comment and "SPDX" not in comment:
                self.pending.append(comment.strip())
            elif not comment:
                self.blank()
            return
        if text[0] in " \t":
            self.field(words, comment.strip())
            return
        self.close()
        handler = getattr(self, "on_" + words[0], None)
        if handler is None:
            self.fail(f"unknown word '{words[0]}'")
        handler(words[1:], " ".join(self.pending + [comment.strip()]).strip())
        self.pending = []

    def blank(self):
        if not self.file.roles and not self.file.records and not self.file.comment:
            self.file.comment = self.pending
        self.pending = []

    def close(self):
        s = self.open
        if s is not None:
            if not s.fields:
                self.fail(f"'{s.name}' has no fields")
            if s.least() + 2 > MESSAGE_MAX:
                self.fail(f"'{s.name}' cannot fit into a message")
        self.open = None

    def on_edge(self, words, comment):
        if len(words) != 3 or words[0] != self.file.name or words[1] == words[2]:
            self.fail(f"write: edge {self.file.name} ROLE ROLE")
        self.file.comment = self.file.comment or ([comment] if comment else [])
        self.file.roles = [self.name(w, "role") for w in words[1:]]

    def on_use(self, words, comment):
        if len(words) != 1:
            self.fail("write: use NAME")
        path = os.path.join(os.path.dirname(self.path), words[0] + ".def")
        if not os.path.isfile(path):
            self.fail(f"there is no {path}")
        self.file.uses.append(read(path))

    def on_record(self, words, comment):
        if len(words) != 1 or self.file.record(words[0]) is not None:
            self.fail("write: record NAME, with a new name")
        self.open = Struct(self.file.name, self.name(words[0], "record"), comment)
        self.file.records.append(self.open)

    def on_message(self, words, comment):
        f = self.file
        if len(words) not in (3, 4) or words[3:] not in ([], ["fd"], ["fd?"]):
            self.fail("write: message NAME FROM>TO NUMBER [fd|fd?]")
        ends = words[1].split(">")
        if sorted(ends) != sorted(f.roles):
            self.fail(f"'{words[1]}' does not join the roles of this edge")
        m = Message(f.name, self.name(words[0], "message"), comment, ends[0], ends[1],
            self.number(words[2], 65535), words[3] if words[3:] else "")
        if any(o.number == m.number or o.name == m.name for o in f.messages) \
                or f.record(m.name) in f.records:
            self.fail(f"'{m.name}' {m.number} is there already")
        self.open = m
        f.messages.append(m)

    def field(self, words, comment):
        if self.open is None:
            self.fail("a field outside of a record or message")
        kind, rest = words[0], words[1:]
        if kind in FIXED and len(rest) == 1:
            field = Field(kind, rest[0], comment)
        elif kind == "str" and len(rest) == 2:
            field = Field(kind, rest[0], comment, self.number(rest[1], MESSAGE_MAX))
        elif kind == "rec" and len(rest) == 2:
            field = Field(kind, rest[0], comment, record=self.known(rest[1]))
        elif kind == "list" and len(rest) == 3:
            field = Field(kind, rest[0], comment, self.number(rest[2], 65536),
                self.known(rest[1]))
        else:
            self.fail("write: u8|u16|u32|u64|i64|bool|err NAME, str NAME MAX, rec NAME RECORD "
                "or list NAME RECORD MAX")
        self.name(field.name, "field")
        if any(o.name == field.name for o in self.open.fields):
            self.fail(f"'{field.name}' is there already")
        self.open.fields.append(field)

    def known(self, name):
        record = self.file.record(name)
        if record is None or record is self.open:
            self.fail(f"there is no record '{name}' above")
        return record


def read(path):
    return Reader(path).read()
