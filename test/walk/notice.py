# SPDX-License-Identifier: Apache-2.0
"""How long a change takes to reach a client that waits: in IDLE, and by NOTIFY between commands."""

import statistics
import time

import imapc
from walker import MESSAGE

TIMES = 40
WANTED_S = 0.1  # the promise; the median must keep it on a busy machine, too


def connect(server, user, password):
    c = imapc.logged_in(server, user, password)
    return c


def wait_for(c, word):
    """Read untagged responses until one has the word."""
    while True:
        line = c.response()[0]
        if word in line:
            return time.monotonic()


def measure(server, user, password, prepare, word, change):
    took = []
    with connect(server, user, password) as waiter, connect(server, user, password) as other:
        other.select()
        prepare(waiter)
        for n in range(TIMES):
            began = time.monotonic()
            change(other, n)
            took.append(wait_for(waiter, word) - began)
    return took


def idle(c):
    c.select()
    c.begin("IDLE")
    wait_for(c, b"+")


def notify(c):
    c.ok("NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge FlagChange)) "
        "(MAILBOXES Trash (MessageNew MessageExpunge))")
    c.select()


def append(mailbox):
    return lambda c, n: c.append(mailbox, MESSAGE % (b"%d" % n, b"%d" % n))


def notice(r, server, user, password):
    kinds = {
        "IDLE, new message": (idle, b"EXISTS", append("INBOX")),
        "IDLE, flags": (idle, b"FETCH",
            lambda c, n: c.ok(f"STORE 1 {'+-'[n % 2]}FLAGS.SILENT (again)")),
        "NOTIFY, new message": (notify, b"FETCH", append("INBOX")),
        "NOTIFY, another mailbox": (notify, b"STATUS", append("Trash")),
    }
    for what, (prepare, word, change) in kinds.items():
        took = measure(server, user, password, prepare, word, change)
        middle = statistics.median(took)
        r.check(f"notice: {what} within {WANTED_S * 1000:.0f} ms", middle <= WANTED_S,
            f"median {middle * 1000:.0f} ms")
        print(f"notice: {what}: median {middle * 1000:.1f} ms, longest {max(took) * 1000:.0f} ms",
            flush=True)
