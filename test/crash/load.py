# SPDX-License-Identifier: Apache-2.0
"""Clients that work against a server that may die at any moment: senders, an appender, readers.

    load = Load(server, ledger, accounts)       # {address: password}
    load.start(mx=4, submission=2, readers=1, appenders=1, fetchers=1)
    ... load.stop()

Each is a thread that connects again when its connection breaks. Everything that is sent, answered
or seen goes into the ledger, the answer after it came.
"""

import itertools
import random
import socket
import ssl
import threading

import imapc
import ledger as ledgers
import pop3c
import smtpc
import wire

GONE = (OSError, wire.Closed, ssl.SSLError, socket.timeout)
WORK = "Work"  # the appenders' mailbox
BIG = (0.04, 200_000)  # this share of the letters has that many octets
REST_S = 0.05
TIMEOUT_S = 20
FETCH = 4  # messages a POP3 client takes at a time
DELE_SHARE, QUIT_SHARE = 0.5, 0.7


class Load:
    def __init__(self, server, ledger, accounts, seed=1, big=BIG, unread=0):
        self.server = server
        self.ledger = ledger
        self.accounts = accounts
        self.addresses = sorted(accounts)
        self.read = self.addresses[unread:]  # nobody reads the others
        self.big = big
        self.seed = seed
        self.ctx = wire.client_context()
        self.numbers = itertools.count(1)
        self.ended = threading.Event()
        self.threads = []
        self.failures = []

    def start(self, mx=2, submission=1, readers=1, appenders=0, fetchers=0):
        jobs = [self.mx] * mx + [self.submission] * submission
        jobs += [self.reader] * readers + [self.appender] * appenders
        jobs += [self.fetcher] * fetchers
        for i, job in enumerate(jobs):
            rng = random.Random(f"{self.seed}/{i}")
            t = threading.Thread(target=self._again_and_again, args=(job, rng), daemon=True)
            t.start()
            self.threads.append(t)
        return self

    def stop(self):
        self.ended.set()
        for t in self.threads:
            t.join(3 * TIMEOUT_S)
        if any(t.is_alive() for t in self.threads):
            self.failures.append("a client did not end")

    def _again_and_again(self, job, rng):
        while not self.ended.is_set():
            try:
                job(rng)
            except GONE:
                self.ended.wait(REST_S)
            except Exception as e:  # a fault of the test or a broken protocol: must be seen
                self.failures.append(f"{job.__name__}: {e!r}")
                self.ended.wait(REST_S)

    # --- sending ---------------------------------------------------------------------------

    def secure(self, s):
        """A refusal before TLS is what a dying server may say; anything later is looked at."""
        try:
            s.secure(self.ctx)
        except ValueError as e:
            raise wire.Closed() from e

    def mx(self, rng):
        with smtpc.Smtp(self.server.ports["mx"], timeout=TIMEOUT_S) as s:
            self.secure(s)
            while not self.ended.is_set():
                self._send(s, rng, "sender@elsewhere.test")

    def submission(self, rng):
        who = rng.choice(self.addresses)
        with smtpc.Smtp(self.server.ports["submission"], timeout=TIMEOUT_S) as s:
            self.secure(s)
            if s.auth_plain(who, self.accounts[who]).code != 235:
                raise wire.Closed()
            while not self.ended.is_set():
                self._send(s, rng, who)

    def recipients(self, rng):
        return rng.sample(self.addresses, rng.choice((1, 1, 1, 2, 3)))

    def _send(self, s, rng, sender):
        name = f"L{self.seed}.{next(self.numbers)}"
        rcpts = self.recipients(rng)
        size = self.big[1] if rng.random() < self.big[0] else rng.randint(300, 6000)
        octets = ledgers.compose(name, sender, rcpts, size)
        r = s.cmd(f"MAIL FROM:<{sender}>")
        taken = [x for x in rcpts if r.code == 250 and s.cmd(f"RCPT TO:<{x}>").code == 250]
        if not taken or s.cmd("DATA").code != 354:
            s.cmd("RSET")
            self.ended.wait(REST_S)
            return
        self.ledger.sent(name, [(x, "INBOX") for x in taken], octets)
        s.send(smtpc.stuff(octets))
        r = s.reply()
        if r.code // 100 == 4:
            self.ended.wait(REST_S)
        elif r.code // 100 in (2, 5):
            state = "accepted" if r.code == 250 else "refused"
            self.ledger.answered(name, state, r.text.decode())

    # --- reading ---------------------------------------------------------------------------

    def client(self, who):
        c = imapc.Imap(self.server.ports["imaps"], tls=self.ctx, timeout=TIMEOUT_S)
        try:
            if c.cmd("LOGIN {} {}", who.encode(), self.accounts[who].encode()).status != "OK":
                raise wire.Closed()
        except BaseException:
            c.close()
            raise
        return c

    def reader(self, rng):
        who = rng.choice(self.read)
        with self.client(who) as c:
            for _ in range(3):
                self.ledger.looked((who, "INBOX"), ledgers.look(c, "INBOX"))
                if self.ended.wait(REST_S):
                    return

    def appender(self, rng):
        """APPEND, FETCH what UID it got, now and then EXPUNGE the oldest."""
        who = rng.choice(self.read)
        with self.client(who) as c:
            if c.cmd("CREATE {}", WORK.encode()).status not in ("OK", "NO"):
                raise wire.Closed()
            for _ in range(5):
                name = f"A{self.seed}.{next(self.numbers)}"
                octets = ledgers.compose(name, who, [who], rng.randint(300, 3000))
                self.ledger.sent(name, [(who, WORK)], octets)
                if c.cmd("APPEND {} (\\Seen) {}", WORK.encode(), octets).status == "OK":
                    self.ledger.answered(name, "accepted")
            self.ledger.looked((who, WORK), ledgers.look(c, WORK))
            self._expunge_one(c, who, rng)

    def _expunge_one(self, c, who, rng):
        messages = ledgers.look(c, WORK)["messages"]
        letters = self.ledger.letters
        ours = [u for u, (name, _) in messages.items() if letters[name].state == "accepted"]
        if not ours:
            return
        uid = rng.choice(ours)
        name = messages[uid][0]
        c.select(WORK)
        self.ledger.answered(name, "unknown")
        c.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
        if c.cmd(f"UID EXPUNGE {uid}").status == "OK":
            self.ledger.answered(name, "expunged")

    # --- POP3 ------------------------------------------------------------------------------

    def fetcher(self, rng):
        """RETR some, DELE some of them, and QUIT or go without."""
        who = rng.choice(self.read)
        box = (who, "INBOX")
        with pop3c.Pop3(self.server.ports["pop3s"], tls=self.ctx, timeout=TIMEOUT_S) as c:
            if not c.login(who, self.accounts[who]).startswith("+OK"):
                raise wire.Closed()
            uids = c.uidl()
            marked = []
            for number in rng.sample(sorted(uids), min(FETCH, len(uids))):
                name = self.ledger.fetched(box, uids[number], c.retr(number))
                if rng.random() < DELE_SHARE and c.cmd(f"DELE {number}").startswith("+OK"):
                    marked.append(name)
            if rng.random() < QUIT_SHARE:
                self._quit(c, box, marked)
        self.ended.wait(REST_S)

    def _quit(self, c, box, marked):
        for name in marked:
            self.ledger.removed(name, box, "unknown")
        answer = c.quit()
        for name in marked:
            self.ledger.removed(name, box, "expunged" if answer.startswith("+OK") else "kept")
