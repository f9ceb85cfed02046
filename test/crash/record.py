# SPDX-License-Identifier: Apache-2.0
"""A server whose operations on files are recorded by powercut.c, and the record read back.

    rec = Recording(folder)                  # an empty folder; makes programs, record, fault file
    s = rec.server(accounts={...})           # a postern.Server that runs the recorded programs
    rec.note(what="accepted", id="...")      # the test's own remarks, in order with the operations
    for op in read(rec.path): ...
"""

import json
import mmap
import os
import pathlib
import struct

import postern
import programs

MAGIC = 0x31524350
HEAD = struct.Struct("<IIIIIIIIQQQ")  # struct powercut_record
FAULT = struct.Struct("<II")  # struct powercut_fault
(
    MAKE,
    MAKE_DIR,
    MAKE_ANON,
    WRITE,
    SIZE,
    GROW,
    SYNC,
    SYNCED,
    RENAME,
    LINK,
    REMOVE,
    OWNER,
    MODE,
    REPLY,
    NOTE,
) = range(1, 16)


class Op:
    """One record; `data` is what was written, said or noted."""

    __slots__ = ("op", "pid", "owner", "group", "inode", "made", "value", "path", "data", "at")

    def __init__(self, head, path, data, at):
        _, self.op, self.pid, _, _, self.owner, self.group, _ = head[:8]
        self.inode, self.made, self.value = head[8:]
        self.path = path
        self.data = data
        self.at = at  # octets of the record before this one


def read(path):
    """All operations in order. A record that was torn by a kill ends the list."""
    raw = pathlib.Path(path).read_bytes()
    ops, at = [], 0
    while at + HEAD.size <= len(raw):
        head = HEAD.unpack_from(raw, at)
        end = at + HEAD.size + head[3] + head[4]
        if head[0] != MAGIC:
            raise ValueError(f"no record at octet {at} of {path}")
        if end > len(raw):
            break
        middle = at + HEAD.size + head[3]
        name = raw[at + HEAD.size : middle].decode("utf-8", "surrogateescape")
        ops.append(Op(head, name, raw[middle:end], at))
        at = end
    return ops


def built(name):
    return postern.build_dir() / "test" / "crash" / name


def available():
    return built("powercut.so").is_file() and built("powercut_start").is_file()


class Recording:
    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.dir.chmod(0o711)
        self.path = self.dir / "record"
        self.fault_path = self.dir / "fault"
        self.path.touch()
        self.path.chmod(0o666)  # services have users of their own
        self.fault_path.write_bytes(FAULT.pack(0, 0))
        self.fault_path.chmod(0o644)
        self.variables = {
            "LD_PRELOAD": str(self.dir / "powercut.so"),
            "POWERCUT_RECORD": str(self.path),
            "POWERCUT_FAULT": str(self.fault_path),
        }
        self._make_programs()
        self.notes = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        with open(self.fault_path, "r+b") as f:
            self.faults = mmap.mmap(f.fileno(), FAULT.size)

    def _make_programs(self):
        """An installation whose services are stand-ins; what they become lies in its real/."""
        real = self.dir / "libexec" / "postern" / "real"
        names = programs.services()
        self.program = programs.lay_out(self.dir, dict.fromkeys(names, built("powercut_start")))
        real.mkdir()
        for name, path in names.items():
            programs.put(path, real / name)
        programs.put(built("powercut.so"), self.dir / "powercut.so")
        text = "".join(f"{k}={v}\n" for k, v in self.variables.items())
        (real / "environment").write_text(text)

    def server(self, **kw):
        """As postern.Server, in this folder, with the recorded programs."""
        return postern.Server(folder=self.dir, program=self.program, env=self.variables, **kw)

    def note(self, **what):
        data = json.dumps(what).encode()
        head = HEAD.pack(MAGIC, NOTE, os.getpid(), 0, len(data), 0, 0, 0, 0, 0, 0)
        os.write(self.notes, head + data)

    def fault(self, write=0, sync=0):
        """From now on writes and syncs fail with these errno values; 0: they work."""
        self.faults[:] = FAULT.pack(write, sync)

    def close(self):
        os.close(self.notes)
        self.faults.close()
