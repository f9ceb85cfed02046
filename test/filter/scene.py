# SPDX-License-Identifier: Apache-2.0
"""A whole server whose owner sorts: what was in the inbox before is in Junk afterwards, and what is
moved back by hand is not junk again."""

import random
import re
import time

import imapc
import internet
import ordinary
import outside
import postern

RCPT, PASSWORD = "alice@postern.test", "a password long enough"
PEER = "198.18.7.1"
LESSONS, ROUND = 80, 10  # of each sort; so many in one command
WAIT_S = 20
SETTINGS = {"greylist.on": "no"}
SOLD = (
    "tonic watches ringtones carpets vitamins mattresses perfume cigars knives blankets"
).split()
PRAISED = ("wonderful famous secret royal ancient magic golden certified unique fabulous").split()


def sold(number):
    """An advertisement: new words each time, one voice."""
    rnd = random.Random(number)
    what = [f"{rnd.choice(PRAISED)} {rnd.choice(SOLD)}" for _ in range(6)]
    lines = [f"Our {w} are on sale this week, valued customer, order by telephone." for w in what]
    text = "\r\n".join(lines)
    return (
        f"From: Sales <sales{number}@shop{number}.example>\r\nTo: {RCPT}\r\n"
        f"Subject: Valued customer: {what[0]} number {number}\r\n"
        f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\r\n"
        f"Message-ID: <{number}.x@shop{number}.example>\r\n"
        f"X-Mailer: Broadcaster 3\r\n\r\n{text}\r\n"
    ).encode()


class Owner:
    def __init__(self, server):
        self.server = server
        self.friends = ordinary.letters(LESSONS + 1)

    def session(self):
        c = imapc.Imap(self.server.ports["imap"])
        c.starttls()
        c.login(RCPT, PASSWORD)
        return c

    def receive(self, octets):
        with outside.connect(self.server.ports["mx"], PEER) as c:
            c.secure()
            return c.deliver("someone@elsewhere.example", [RCPT], octets)

    def where(self, octets):
        """The mailbox the letter came into, and its uid there."""
        subject = re.search(rb"\r\nSubject: ([^\r]*)", octets).group(1)
        with self.session() as c:
            for box in ("INBOX", "Junk"):
                if c.cmd("SELECT {}", box.encode()).status != "OK" or c.select(box) == 0:
                    continue
                for _number, items in c.fetch("1:*", "(UID BODY.PEEK[HEADER])"):
                    header = items["BODY[HEADER]"]
                    if b"Subject: " + subject + b"\r\n" in header and b"Return-Path" in header:
                        return box, items["UID"]
        return None

    def arrives(self, octets):
        if self.receive(octets).code != 250:
            return "refused", 0
        postern.wait_until(lambda: self.where(octets), WAIT_S, "a letter", every=0.2)
        return self.where(octets)

    def sort(self):
        """Advertisements into Junk by MOVE; ordinary letters are answered. In turns."""
        with self.session() as c:
            for k in range(0, LESSONS, ROUND):
                c.ok(f"CREATE Ads{k}")
                c.ok(f"CREATE Friends{k}")
                for n in range(k, k + ROUND):
                    c.append(f"Ads{k}", sold(n))
                    c.append(f"Friends{k}", self.friends[n])
                c.select(f"Ads{k}")
                c.ok("UID MOVE 1:* Junk")
                c.select(f"Friends{k}")
                c.ok("STORE 1:* +FLAGS (\\Answered)")

    def move_back(self, uid):
        with self.session() as c:
            c.select("Junk")
            c.ok(f"UID MOVE {uid} INBOX")


def play(r, stack):
    if internet.missing():
        r.skip("a whole server", f"not installed: {internet.missing()}")
        return
    net = stack.enter_context(internet.Internet())  # one that answers: nobody has records
    settings = outside.known({**net.settings(), **outside.SETTINGS, **SETTINGS})
    server = stack.enter_context(postern.Server(accounts={RCPT: PASSWORD}, settings=settings))
    alice = Owner(server)
    r.equal("before: an advertisement", alice.arrives(sold(900))[0], "INBOX")
    with alice.session() as c:
        c.select("INBOX")
        c.ok("STORE 1:* +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
    alice.sort()
    box, uid = alice.arrives(sold(901))
    r.equal("taught: an advertisement", box, "Junk")
    r.equal("taught: an ordinary letter", alice.arrives(alice.friends[LESSONS])[0], "INBOX")
    if box != "Junk":
        return
    alice.move_back(uid)
    again = sold(901).replace(b"number 901", b"number 901 again")
    r.equal("moved back: the same again", alice.arrives(again)[0], "INBOX")
