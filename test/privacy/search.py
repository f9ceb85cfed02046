# SPDX-License-Identifier: Apache-2.0
"""Marks, the shapes they may take, and the search for them in files.

A mark is 24 random letters. It counts as found when its first or its last 12 are there: as they
are, in either case, as UTF-16, in base64 at any of the three offsets, of the octets or of UTF-16,
in hexadecimal, or reversed. What was compressed or hashed is out of reach, on purpose.
"""

import base64
import pathlib
import random
import string

LENGTH, PIECE = 24, 12


class Marks:
    def __init__(self):
        self.rng = random.SystemRandom()
        self.of = {}

    def __call__(self, kind):
        """A new mark; the same for a kind that has one."""
        if kind not in self.of:
            letters = (self.rng.choice(string.ascii_lowercase) for _ in range(LENGTH))
            self.of[kind] = "".join(letters)
        return self.of[kind]


def in_base64(octets):
    """What must stand in any base64 of something that contains the octets."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + octets)
        first = -(-before * 8 // 6) if before else 0
        last = (before + len(octets)) * 8 // 6
        yield text[first:last]


def shapes(piece):
    """[(name, octets, whether case matters)]"""
    found = [("raw", piece.encode(), False), ("reversed", piece[::-1].encode(), False)]
    found += [(name, piece.encode(name), False) for name in ("utf-16-le", "utf-16-be")]
    found.append(("hex", piece.encode().hex().encode(), False))
    for name in ("utf-8", "utf-16-le", "utf-16-be"):
        encoded = in_base64(piece.encode(name))
        found += [(f"base64 {i} of {name}", x, True) for i, x in enumerate(encoded)]
    return found


def pieces(mark):
    return mark[:PIECE], mark[-PIECE:]


class Finder:
    def __init__(self, marks):
        self.wanted = [
            (kind, name, octets, exact)
            for kind, mark in marks.of.items()
            for piece in pieces(mark)
            for name, octets, exact in shapes(piece)
        ]

    def in_octets(self, octets):
        """{(kind, shape)}"""
        lower = octets.lower()
        return {
            (kind, name)
            for kind, name, wanted, exact in self.wanted
            if wanted in (octets if exact else lower)
        }

    def in_files(self, paths):
        """[(path, kind, shape)]"""
        found = []
        for path in paths:
            hits = sorted(self.in_octets(pathlib.Path(path).read_bytes()))
            found += [(str(path), kind, name) for kind, name in hits]
        return found


def files_below(folder, without=()):
    """Every file, but for folders of these paths below it."""
    folder = pathlib.Path(folder)
    skipped = [folder / x for x in without]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(s == path or s in path.parents for s in skipped):
            yield path
