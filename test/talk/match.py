# SPDX-License-Identifier: Apache-2.0
"""Compares what an IMAP server said with a pattern of a script. The words are in README.md.

Both sides are parsed into lists; a pattern atom may hold {captures}. Values of a mapping are what
a script may use later; a match that fails leaves it as it was.
"""

import datetime
import re

import imapc

TEXT = ("OK", "NO", "BAD", "BYE", "PREAUTH")
SETS = ("FLAGS", "PERMANENTFLAGS", "LIST", "LSUB", "CAPABILITY", "ENABLED", "SEARCH", "CHILDINFO")
PAIRS = ("FETCH", "STATUS", "ESEARCH")
HOLE = re.compile(r"\{([^{}]*)\}")
CODE = re.compile(rb"^\[((?:[^\]\"]|\"[^\"]*\")*)\] ?(.*)$", re.S)
NO_KIND = re.compile(r"\d+|\{[^{}]*\}")  # a number, or a pattern for one
NUMBER = re.compile(r"^\d+$")
REST = "..."


class Response:
    """One response: .kind its first word that is no number, .tree what it holds."""

    def __init__(self, pieces, start):
        text = pieces[0][start:]
        self.shown = text.decode("utf-8", "replace")
        for i, piece in enumerate(pieces[1:]):
            shown = piece.decode("utf-8", "replace")
            self.shown += f"<{len(piece)}>{shown!r}" if i % 2 == 0 else shown
        words = text.split(b" ", 1)
        self.kind = words[0].decode("utf-8", "replace").upper()
        self.code = None
        self.tree = None
        if self.kind.split("|")[0] in TEXT:
            self._code(words[1] if len(words) > 1 else b"", pieces[1:])
            return
        self.tree = imapc.parse([text, *pieces[1:]])
        names = [t for t in self.tree if isinstance(t, str) and not NO_KIND.fullmatch(t)]
        self.kind = names[0].upper() if names else ""

    def _code(self, text, more):
        found = CODE.match(text)
        if found:
            self.code = imapc.parse([found.group(1)])
        elif text.startswith(b"[") and more:
            self.code = imapc.parse([text[1:], *more[:-1], more[-1].partition(b"]")[0]])


def pattern(text):
    """A pattern without its leading "* "; text behind a response code is for the reader only."""
    return Response([text.encode()], 0)


class Match:
    def __init__(self, values, texts, terse=False):
        self.terse = terse  # NO and BAD may come without the response code
        self.values = values
        self.texts = texts  # name -> octets
        self.new = {}
        self.fold = False

    def response(self, want, got):
        """True when it fits; then the captures are in values."""
        self.new = {}
        if got.kind not in want.kind.split("|"):
            return False
        if got.kind in TEXT:
            without = self.terse and got.code is None and got.kind in ("NO", "BAD")
            good = want.code is None or without or self._code(want.code, got.code)
        else:
            good = self._top(want.tree, got.tree, want.kind)
        if good:
            self.values.update(self.new)
        return good

    def _code(self, want, got):
        if not want:
            return got is None
        return got is not None and self._top(want, got, "")

    def _top(self, want, got, kind):
        if kind in ("CAPABILITY", "ENABLED", "SEARCH"):
            return self._set(want, got)
        if kind == "FLAGS" and len(got) == 2 and len(want) == 2 and isinstance(want[1], list):
            return isinstance(got[1], list) and self._set(want[1], got[1])
        if kind == "ESEARCH":
            return self._esearch(want, got)
        if kind in ("LIST", "LSUB") and len(want) > 1 and isinstance(want[1], list):
            if len(got) < 2 or not isinstance(got[1], list):
                return False
            return self._set(want[1], got[1]) and self._list(want[2:], got[2:])
        return self._list(want, got, kind)

    def _esearch(self, want, got):
        def split(tree):
            at = 2 if len(tree) > 1 and isinstance(tree[1], list) else 1
            uid = len(tree) > at and isinstance(tree[at], str) and tree[at].upper() == "UID"
            return tree[1:at], uid, tree[at + uid :]

        (tag, uid, rest), (got_tag, got_uid, got_rest) = split(want), split(got)
        if uid != got_uid or (tag and not self._list(tag, got_tag)):
            return False
        return self._pairs(rest, got_rest)

    def _list(self, want, got, kind=""):
        """Elements in order; ... stands for any number of them."""
        if not want:
            return not got
        if want[0] == REST:
            kept = dict(self.new)
            for skip in range(len(got) + 1):
                if self._list(want[1:], got[skip:], kind):
                    return True
                self.new = dict(kept)
            return False
        if not got or not self._value(want[0], got[0], kind):
            return False
        after = want[0].upper() if isinstance(want[0], str) else kind
        return self._list(want[1:], got[1:], after if after in SETS + PAIRS else kind)

    def _value(self, want, got, kind=""):
        if isinstance(want, list):
            if not isinstance(got, list):
                return False
            if kind in ("FETCH", "STATUS"):
                return self._pairs(want, got)
            if kind in SETS:
                return self._set(want, got)
            return self._list(want, got)
        if isinstance(want, bytes):
            return isinstance(got, bytes) and self._string(want, got)
        if want is None or got is None or isinstance(got, list):
            return want is None and got is None or want == "{*}"
        return self._atom(want, got)

    def _set(self, want, got):
        """Every element once, in any order; with ... there may be more."""
        left = list(got)
        for one in want:
            if one == REST:
                continue
            hit = next((x for x in left if self._value(one, x)), self)
            if hit is self:
                return False
            left.remove(hit)
        return not left or REST in want

    def _pairs(self, want, got):
        """Names with values, in any order; with ... there may be more."""
        more = REST in want
        want = [x for x in want if x != REST]
        if len(want) % 2 or len(got) % 2:
            return False
        left = [(got[i], got[i + 1]) for i in range(0, len(got), 2)]
        for i in range(0, len(want), 2):
            kind = want[i].upper() if isinstance(want[i], str) else ""
            hit = next((x for x in left if self._pair(want, i, x, kind)), None)
            if hit is None:
                return False
            left.remove(hit)
        return more or not left

    def _pair(self, want, i, got, kind):
        kept = dict(self.new)
        if kind == "INTERNALDATE" and got[0].upper() == kind:
            same = instant(want[i + 1]), instant(got[1])
            if same[0] is not None and same[0] == same[1]:
                return True
        self.fold = kind in ("BODY", "BODYSTRUCTURE")
        good = self._value(want[i], got[0]) and self._value(want[i + 1], got[1], kind)
        self.fold = False
        if good:
            return True
        self.new = kept
        return False

    def _string(self, want, got):
        text = want.decode("utf-8", "surrogateescape")
        shape = re.escape(text).replace(r"\.\.\.", ".*").replace(r"\{", "{").replace(r"\}", "}")
        flags = re.S | re.I if self.fold else re.S
        return self._fits(shape, got.decode("utf-8", "surrogateescape"), ".*", flags)

    def _atom(self, want, got):
        whole = HOLE.fullmatch(want)
        if whole and whole.group(1).startswith("@"):
            octets = got if isinstance(got, bytes) else got.encode()
            return self.texts[whole.group(1)[1:]] == octets
        if isinstance(got, bytes):
            if want == REST or want == "{*}":
                return True
            got = got.decode("utf-8", "surrogateescape")
        parts = HOLE.split(want)
        shape = "".join(f"{{{p}}}" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        inner = ".+" if len(parts) == 3 and not parts[0] and not parts[2] else r"[^ :,()\[\]]+"
        return self._fits(shape, got, inner, re.I | re.S)

    def _fits(self, shape, got, inner, flags):
        """shape: a regular expression with {holes}."""
        names, conditions = [], []

        def fill(found):
            return self._hole(found.group(1).replace("\\", ""), inner, (names, conditions))

        found = re.fullmatch(HOLE.sub(fill, shape), got, flags)
        if not found:
            return False
        fresh = dict(zip(names, found.groups()))
        for name, test in conditions:
            if not NUMBER.match(fresh[name]) or not test(int(fresh[name])):
                return False
        self.new.update({n: v for n, v in fresh.items() if not n.startswith(" ")})
        return True

    def _hole(self, hole, inner, found):
        names, conditions = found
        if hole == "*":
            return inner
        if hole.startswith("#"):
            return str(len(self.texts[hole[1:]]))
        span = re.fullmatch(r"(\d+)\.\.(\d+)", hole)
        more = re.fullmatch(r"(\w+)>(\w+)", hole)
        if span or more:
            name = more.group(1) if more else f" {len(names)}"
            names.append(name)
            if span:
                conditions.append((name, lambda n: int(span[1]) <= n <= int(span[2])))
            else:
                least = int(self._known(more.group(2)))
                conditions.append((name, lambda n: n > least))
            return r"(\d+)"
        known = value(hole, self.values | self.new)
        if known is not None:
            return re.escape(known)
        if hole in names:
            return f"(?:\\{names.index(hole) + 1})"
        names.append(hole)
        return f"({inner})"

    def _known(self, name):
        known = value(name, self.values | self.new)
        if known is None:
            raise KeyError(name)
        return known


def instant(octets):
    """The instant that a date-time names, or None."""
    try:
        text = octets.decode().strip()
        return datetime.datetime.strptime(text, "%d-%b-%Y %H:%M:%S %z")
    except (ValueError, AttributeError):
        return None


def value(hole, values):
    """{name} or {name+1}, {name-1}; None when nobody knows it."""
    found = re.fullmatch(r"(\w+)([+-]\d+)?", hole)
    if not found or found.group(1) not in values:
        return None
    known = values[found.group(1)]
    return str(int(known) + int(found.group(2))) if found.group(2) else known
