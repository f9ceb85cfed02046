# SPDX-License-Identifier: Apache-2.0
"""One server for all invariants, and short words for what its people do."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib")]

import imapc  # noqa: E402
import postern  # noqa: E402
import smtpc  # noqa: E402

A, B = "anna@postern.test", "bert@postern.test"
ACCOUNTS = {A: "mark-password-of-anna", B: "mark-password-of-bert"}
HELLO = b"From: x@elsewhere.test\r\nSubject: x\r\n\r\nhello\r\n"
ARRIVES_S = 20


def new_server(**kw):
    return postern.Server(accounts=ACCOUNTS, **kw)


def mx(server):
    s = smtpc.Smtp(server.ports["mx"])
    s.secure()
    return s


def submission(server, user=None):
    """Logged in as `user`, if one is given."""
    s = smtpc.Smtp(server.ports["submission"])
    s.secure()
    if user is not None and s.auth_plain(user, ACCOUNTS[user]).code != 235:
        raise ValueError("not logged in")
    return s


def reader(server, user):
    c = imapc.logged_in(server, user, ACCOUNTS[user])
    return c


def messages(server, user):
    """Every message of INBOX, as octets."""
    with reader(server, user) as c:
        n = c.select("INBOX")
        if n == 0:
            return []
        return [items["BODY[]"] for _, items in c.fetch("1:*", "BODY.PEEK[]")]


def count(server, user, text):
    return sum(text in m for m in messages(server, user))


def arrives(server, user, text, times=1):
    """True when exactly `times` messages hold the text once mail has come to rest."""
    try:
        postern.wait_until(lambda: count(server, user, text) >= times, ARRIVES_S, "mail")
    except TimeoutError:
        return False
    return count(server, user, text) == times


def settled(server):
    """Every message that was accepted so far is in its mailbox."""

    def empty():
        return server.ctl_json("queue", "count")["waiting"] == 0

    postern.wait_until(empty, ARRIVES_S, "an empty queue")
