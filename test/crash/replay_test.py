# SPDX-License-Identifier: Apache-2.0
"""The model of a disk is tested too: what must be found, what may be, what may not."""

import os
import pathlib
import random
import tempfile

import record
import replay

TRIES = 200


def op(kind, inode=0, path="", data=b"", made=0, value=0):
    head = (record.MAGIC, kind, 1, len(path), len(data), os.getuid(), os.getgid(), 0)
    head += (inode, made, value)
    return record.Op(head, path, data, 0)


def synced(inode):
    return [op(record.SYNC, inode), op(record.SYNCED, inode)]


def found_states(ops):
    """Every state of the folder `d` that was found in many tries: {name: octets} as sorted text."""
    with tempfile.TemporaryDirectory() as root:
        disk = replay.Disk(root)
        inode = os.stat(root).st_ino
        folder = [op(record.MAKE_DIR, 0, f"{root}/d", made=7, value=0o700), *synced(inode)]
        for o in folder + ops:
            disk.apply(o)
        states = set()
        for seed in range(TRIES):
            with tempfile.TemporaryDirectory() as where:
                disk.leave(random.Random(seed), where)
                states.add(tree(pathlib.Path(where) / "d"))
        return states


def tree(folder):
    return tuple(sorted((p.name, p.read_bytes()) for p in folder.iterdir()))


MADE = [op(record.MAKE, 7, "a", made=9, value=0o600)]
WRITTEN = [op(record.WRITE, 9, data=b"one", value=0)]
A_ONE = (("a", b"one"),)
EMPTY = (("a", b""),)
GAP = (("a", b"\0\0\0"),)  # the size came through, the octets did not

# name, operations in folder d (inode 7), states that must be found, states that must be all
CASES = [
    ("nothing synced", MADE + WRITTEN, [(), EMPTY, GAP, A_ONE], [(), EMPTY, GAP, A_ONE]),
    ("only the file synced", MADE + WRITTEN + synced(9), [(), A_ONE], [(), A_ONE]),
    ("file and folder synced", MADE + WRITTEN + synced(9) + synced(7), [A_ONE], [A_ONE]),
    (
        "written after the sync began",
        MADE + synced(7) + [op(record.SYNC, 9), *WRITTEN, op(record.SYNCED, 9)],
        [EMPTY, GAP, A_ONE],
        [EMPTY, GAP, A_ONE],
    ),
    (
        "a sync that failed",
        MADE + synced(7) + WRITTEN + [op(record.SYNC, 9)],
        [EMPTY, GAP, A_ONE],
        [EMPTY, GAP, A_ONE],
    ),
    (
        "an overwritten page is old or new",
        MADE + WRITTEN + synced(9) + synced(7) + [op(record.WRITE, 9, data=b"two")],
        [A_ONE, (("a", b"two"),)],
        [A_ONE, (("a", b"two"),)],
    ),
    (
        "a replaced name is old or new, never gone",
        MADE
        + WRITTEN
        + synced(9)
        + synced(7)
        + [op(record.MAKE, 7, "b", made=10, value=0o600), op(record.WRITE, 10, data=b"new")]
        + synced(10)
        + [op(record.RENAME, 7, "b", b"a", made=7)],
        [A_ONE, (("a", b"new"),)],
        [A_ONE, (("a", b"new"),), (("a", b"one"), ("b", b"new"))],
    ),
    (
        "a removed file comes back",
        MADE + WRITTEN + synced(9) + synced(7) + [op(record.REMOVE, 7, "a")],
        [(), A_ONE],
        [(), A_ONE],
    ),
    (
        "removed for certain",
        MADE + WRITTEN + synced(9) + synced(7) + [op(record.REMOVE, 7, "a"), *synced(7)],
        [()],
        [()],
    ),
    (
        "room that was reserved reads as zeros",
        MADE + synced(7) + [op(record.GROW, 9, value=5), *synced(9)],
        [(("a", b"\0\0\0\0\0"),)],
        [(("a", b"\0\0\0\0\0"),)],
    ),
    (
        "cut short and written again",
        MADE
        + WRITTEN
        + synced(9)
        + synced(7)
        + [op(record.SIZE, 9, value=1), op(record.WRITE, 9, data=b"x", value=1), *synced(9)],
        [(("a", b"ox"),)],
        [(("a", b"ox"),)],
    ),
    (
        "a number that is used again",
        MADE
        + WRITTEN
        + synced(9)
        + [op(record.REMOVE, 7, "a"), op(record.MAKE, 7, "c", made=9, value=0o600)]
        + synced(7),
        [(("c", b""),)],
        [(("c", b""),)],
    ),
]


def pages_come_alone(r):
    """Two pages written at once, unsynced: each may be there without the other."""
    two = b"x" * 4096 + b"y" * 4096
    zeros = b"\0" * 4096
    grown = MADE + [op(record.GROW, 9, value=8192), *synced(9), *synced(7)]
    states = {s[0][1] for s in found_states(grown + [op(record.WRITE, 9, data=two)])}
    want = {two, zeros + zeros, b"x" * 4096 + zeros, zeros + b"y" * 4096}
    r.check("pages come alone", states == want, f"{len(states)} states")


def run(r):
    for name, ops, must, all_of in CASES:
        states = found_states(ops)
        r.check(f"replay: {name}: found", set(must) <= states, f"{states}")
        r.check(f"replay: {name}: nothing else", states <= set(all_of), f"{states - set(all_of)}")
    pages_come_alone(r)
