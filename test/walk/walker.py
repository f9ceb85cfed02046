# SPDX-License-Identifier: Apache-2.0
"""Clients that do what comes to their mind, each with its model; at check points all must agree."""

import random
import threading
import time

import imapc
import postern
import smtpc
import wire
from client import Client, Gone
from model import Ledger, Wrong, as_set, numbers

MODES = ("", "IMAP4rev2", "CONDSTORE", "QRESYNC", "QRESYNC", "QRESYNC IMAP4rev2",
    "notify QRESYNC", "notify", "UIDONLY", "QRESYNC UIDONLY")
BOXES = ("INBOX", "A", "B", "INBOX", "A", "A", "X1")
SCRATCH = ("X1", "X2", "X3", "X1/Y", "X2/Y")
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$One", "Two", "three")
MESSAGE = (b"From: a@walk.test\r\nTo: b@walk.test\r\nSubject: %s\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nbody of %s\r\n")
PER_CONNECTION = 200  # deliveries; the server ends a connection some time
KEEP = 150  # messages in a mailbox; beyond, clients rather delete


class Walk:
    """One client's random walk. Every do_* is one step; names with _ need a selected mailbox."""

    def __init__(self, client, rng, boxes=BOXES, weighted=None):
        self.c = client
        self.rng = rng
        self.boxes = boxes
        self.weighted = weighted or WEIGHTED
        self.findings = []
        self.steps = {}

    def run(self, until):
        while time.monotonic() < until and len(self.findings) < 5:
            self.step()

    def step(self):
        c, rng = self.c, self.rng
        if c.box is None or rng.random() < 0.04:
            name = "do_select"
        else:
            name = rng.choices(*self.weighted)[0]
        self.steps[name] = self.steps.get(name, 0) + 1
        try:
            getattr(self, name)()
        except Gone:
            c.box = None
            c.caches.clear()
            self.reconnect()
        except (Wrong, ValueError, OSError) as e:
            self.findings.append((c.user, name, f"{type(e).__name__}: {e}", list(c.log)))
            c.box = None
            c.caches.clear()
            c.imap.close()
            self.reconnect()

    def reconnect(self):
        try:
            self.c.connect()
        except (OSError, ValueError, wire.Closed) as e:
            self.findings.append((self.c.user, "connect", repr(e), []))

    # ---- choices

    def some(self, most=6):
        """A few messages of the mailbox: (numbers, their models)."""
        msgs = self.c.box.msgs
        n = self.rng.randint(1, min(most, len(msgs)))
        at = sorted(self.rng.sample(range(len(msgs)), n))
        if self.rng.random() < 0.1:
            at = list(range(len(msgs)))
        return at, [msgs[i] for i in at]

    def target(self):
        """("", set, models) by number or ("UID ", set, models) by uid; None in an empty mailbox."""
        if not self.c.box.msgs:
            return None
        at, msgs = self.some()
        if self.c.by_uid or self.rng.random() < 0.6:
            msgs = [m for m in msgs if m.uid is not None]
            if not msgs:
                return None
            return "UID ", as_set(m.uid for m in msgs), msgs
        return "", as_set(i + 1 for i in at), msgs

    def flags(self):
        return self.rng.sample(FLAGS, self.rng.randint(1, 3))

    def message(self):
        name = b"%d" % self.rng.getrandbits(40)
        return MESSAGE % (name, name)

    # ---- steps

    def do_select(self):
        c, rng = self.c, self.rng
        if c.box is not None and rng.random() < 0.2 and c.qresync:
            c.drop()
            c.connect()
        verb = "EXAMINE" if rng.random() < 0.1 else "SELECT"
        params = " (CONDSTORE)" if c.condstore and rng.random() < 0.3 else ""
        c.select(rng.choice(self.boxes), verb, params, rng)

    def do_noop(self):
        self.c.ok(self.rng.choice(("NOOP", "CHECK")))

    def do_fill(self):
        self.c.fill()

    def do_idle(self):
        pause = self.rng.random() * 0.05
        self.c.idle(lambda: time.sleep(pause))

    def do_fetch(self):
        t = self.target()
        if t is None:
            return
        uid, where, _ = t
        items = self.rng.choice(("FLAGS", "(UID FLAGS)", "(UID FLAGS RFC822.SIZE ENVELOPE)", "UID",
            "BODY[TEXT]", "(UID BODY[])", "BODY.PEEK[HEADER.FIELDS (Subject)]"))
        if self.c.condstore and self.rng.random() < 0.5:
            items = "(UID FLAGS MODSEQ)"
        if self.c.condstore and self.rng.random() < 0.2:
            since = max(1, self.c.box.highest - self.rng.randint(0, 30))
            vanished = " VANISHED" if self.c.qresync and uid else ""
            items += f" (CHANGEDSINCE {since}{vanished})"
        self.c.cmd(f"{uid}FETCH {where} {items}", expunge=bool(uid))

    def do_store(self):
        t = self.target()
        if t is None or self.c.read_only:
            return
        uid, where, msgs = t
        op, flags = self.rng.choice("++-- "), self.flags()
        silent = ".SILENT" if self.rng.random() < 0.5 else ""
        if self.c.notify and not self.c.condstore:
            silent = ""  # who is told between commands cannot know which was last
        unchanged = ""
        if self.c.condstore and self.rng.random() < 0.25:
            since = max(1, self.c.box.highest - self.rng.randint(0, 3))
            unchanged = f"(UNCHANGEDSINCE {since}) "
        text = f"{uid}STORE {where} {unchanged}{op.strip()}FLAGS{silent} ({' '.join(flags)})"
        self.store(text, uid, (msgs, op, flags) if silent else None, conditional=bool(unchanged))

    def store(self, text, uid, change, conditional):
        """As Client.cmd, but a .SILENT change is applied before the result ends the command."""
        c = self.c
        c.commands += 1
        c.log.append("C: " + text)
        try:
            r = c.imap.end(c.imap.begin(text))
        except wire.Closed as e:
            raise Gone(text) from e
        for raw, u in zip(r.raw, r.untagged):
            c.log.append("S: " + raw[:300].decode("utf-8", "replace"))
            c.apply(u, bool(uid) or c.notify)
        c.log.append(f"S: {r}")
        if change is not None and r.status == "OK" and not conditional:
            msgs, op, flags = change
            here = {id(m) for m in c.box.msgs}
            c.box.silent([m for m in msgs if id(m) in here], op,
                frozenset(f.lower() for f in flags))
        elif conditional and change is not None:
            self.conditional(r, uid, change)
        c.code(r.text)
        c.box.tagged()

    def conditional(self, r, uid, change):
        msgs, op, flags = change
        kept = set()
        if r.text.startswith(b"[MODIFIED "):
            kept = set(numbers(r.text[10 : r.text.index(b"]")].decode()))
        box = self.c.box
        place = {id(m): i + 1 for i, m in enumerate(box.msgs)}
        done = [m for m in msgs if id(m) in place and
            (m.uid if uid else place[id(m)]) not in kept]
        if r.status == "OK":
            box.silent(done, op, frozenset(f.lower() for f in flags))

    def do_copy(self):
        t = self.target()
        if t is None:
            return
        verb = "COPY" if self.rng.random() < 0.6 or self.c.read_only else "MOVE"
        if verb == "COPY" and len(self.c.box.msgs) > KEEP:
            return
        uid, where, _ = t
        self.c.cmd(f"{uid}{verb} {where} {self.rng.choice(self.boxes)}")

    def do_append(self):
        if len(self.c.box.msgs) > KEEP:
            return
        texts = [self.message() for _ in range(self.rng.randint(1, 2))]
        flags = f"({' '.join(self.flags())})"
        self.c.cmd(f"APPEND {self.rng.choice(self.boxes)}" + f" {flags} {{}}" * len(texts), *texts)

    def do_expunge(self):
        if self.c.read_only:
            return
        msgs = [m.uid for m in self.c.box.msgs if m.uid is not None]
        if msgs and self.rng.random() < 0.5:
            self.c.ok(f"UID EXPUNGE {as_set(self.rng.sample(msgs, min(20, len(msgs))))}")
        else:
            self.c.ok("EXPUNGE")

    def do_thin(self):
        """A mailbox that grew too large loses its first half."""
        msgs = [m.uid for m in self.c.box.msgs if m.uid is not None]
        if len(msgs) < KEEP // 2 or self.c.read_only:
            return
        half = as_set(msgs[: len(msgs) // 2])
        self.store(f"UID STORE {half} +FLAGS (\\Deleted)", "UID ", None, False)
        self.c.ok("EXPUNGE")

    def do_search(self):
        keys = ["SEEN", "UNFLAGGED", "KEYWORD $One", "NOT DELETED", "OR SEEN DRAFT", "SUBJECT 1"]
        uid = "UID " if self.c.by_uid or self.rng.random() < 0.5 else ""
        if self.c.condstore:
            keys.append(f"MODSEQ {max(1, self.c.box.highest - 5)}")
        seqs = not self.c.by_uid and self.rng.random() < 0.3 and self.c.box.msgs
        key = self.rng.choice(keys) + (" 1:*" if seqs else "")
        ret = self.rng.choice(("", "", "RETURN (ALL COUNT) ", "RETURN (MIN MAX) ",
            "RETURN (SAVE) "))
        self.c.ok(f"{uid}SEARCH {ret}{key}", expunge=bool(uid) and not seqs)

    def do_batches(self):
        self.c.ok("UIDBATCHES 500")

    def do_status(self):
        self.c.cmd(f"STATUS {self.rng.choice(self.boxes)} (MESSAGES UIDNEXT UNSEEN)")

    def do_list(self):
        self.c.ok(self.rng.choice(('LIST "" *', 'LIST (SUBSCRIBED) "" *', 'LSUB "" *',
            'LIST "" % RETURN (STATUS (MESSAGES UIDNEXT))')))

    def do_boxes(self):
        a, b = self.rng.sample(SCRATCH, 2)
        self.c.cmd(self.rng.choice((f"CREATE {a}", f"CREATE {a}", f"DELETE {a}",
            f"RENAME {a} {b}", f"SUBSCRIBE {a}", f"UNSUBSCRIBE {a}")))

    def do_close(self):
        """Leave the mailbox; CLOSE expunges without a word, so its cache stays as it was."""
        self.c.cmd(self.rng.choice(("CLOSE", "UNSELECT")))
        self.c.keep()


STEPS = {
    "do_noop": 6, "do_fill": 10, "do_idle": 5, "do_fetch": 18, "do_store": 25, "do_copy": 6,
    "do_append": 8, "do_expunge": 4, "do_thin": 2, "do_search": 6, "do_status": 3, "do_list": 1,
    "do_boxes": 2, "do_close": 2, "do_batches": 2,
}
WEIGHTED = (list(STEPS), list(STEPS.values()))


def arriving(server, until):
    """Mail comes in by SMTP meanwhile: a connection, once for each letter."""
    while time.monotonic() < until:
        with smtpc.Smtp(server.ports["mx"]) as s:
            s.ehlo()
            s.secure()
            for _ in range(PER_CONNECTION):
                if time.monotonic() < until:
                    yield s


def deliver(server, users, until, rng, count):
    for s in arriving(server, until):
        s.deliver("x@elsewhere.test", [rng.choice(users)], MESSAGE % (b"m", b"m"))
        count[0] += 1
        time.sleep(0.05)


def truth(server, user, password, name):
    """{uid: (flags, modseq)} and the numbers of STATUS, by a connection of its own."""
    with imapc.logged_in(server, user, password) as c:
        r = c.cmd(f"EXAMINE {name} (CONDSTORE)")
        if r.status != "OK":
            return None
        have = {}
        if not any(u[:2] == ["0", "EXISTS"] for u in r.untagged):
            for _, i in c.fetch("1:*", "(UID FLAGS MODSEQ)", uid=True):
                flags = frozenset(f.lower() for f in i["FLAGS"])
                have[int(i["UID"])] = (flags, int(i["MODSEQ"][0]))
        return have


def is_called(c, name):
    """Is the selected mailbox still the one of this name? Others rename the scratch mailboxes."""
    for u in c.cmd(f"STATUS {name} (UIDVALIDITY)").untagged:
        if u[0] == "STATUS":
            return int(u[2][1]) == c.box.uidvalidity
    return False


def agree(r, server, walk, truths, password):
    """The model of one client against the server's state."""
    c = walk.c
    if c.box is None:
        return
    try:
        c.ok("NOOP")
        if c.box is None:
            return
        c.fill()
        if c.box is None:
            return
    except Gone:
        c.box = None
        walk.reconnect()
        return
    except (Wrong, ValueError, OSError) as e:
        r.check(f"{c.user}: check point", False, f"{e}\n" + "\n".join(c.log))
        return
    user, _, name = c.box.name.partition("/")
    if not is_called(c, name):
        return
    if c.box.name not in truths:
        truths[c.box.name] = truth(server, user, password, name)
    want = truths[c.box.name]
    if want is None:
        return
    got = {m.uid: m.flags for m in c.box.msgs}
    flags = {u: f for u, (f, _) in want.items()}
    differ = [u for u in set(got) | set(flags) if got.get(u) != flags.get(u)]
    r.check(f"{c.box.name}: the model of a client ({c.enable or 'plain'}) is the mailbox",
        not differ, f"uids {differ[:10]}\n" + "\n".join(c.log))
    if c.condstore:
        old = [m.uid for m in c.box.msgs if m.modseq > want.get(m.uid, (0, 0))[1]]
        r.check(f"{c.box.name}: no MODSEQ above the server's", not old, f"uids {old[:10]}")
    search_agrees(r, c)


def search_agrees(r, c):
    """At rest, searching gives what the model says."""
    res = c.ok("UID SEARCH RETURN (ALL) FLAGGED")
    found = set()
    for u in res.untagged:
        if u[0] == "ESEARCH" and "ALL" in u:
            found = set(numbers(u[u.index("ALL") + 1]))
    want = {m.uid for m in c.box.msgs if "\\flagged" in m.flags}
    r.check(f"{c.box.name}: SEARCH FLAGGED is the model", found == want, f"{found ^ want}")


def walk(r, server, users, password, seconds, seed, clients=20, rounds=None):
    """The whole test: clients walk in rounds, with a check point after each."""
    rng = random.Random(seed)
    ledger = Ledger()
    walks = []
    for i in range(clients):
        c = Client(server.ports["imaps"], users[i % len(users)], password, ledger,
            MODES[i % len(MODES)])
        walks.append(Walk(c, random.Random(rng.getrandbits(64))))
    for w in walks[: len(users)]:
        for name in ("A", "B"):
            w.c.ok(f"CREATE {name}")
    delivered = [0]
    rounds = rounds or max(2, int(seconds // 10))
    for _ in range(rounds):
        until = time.monotonic() + seconds / rounds
        threads = [threading.Thread(target=w.run, args=(until,)) for w in walks]
        threads.append(threading.Thread(target=deliver,
            args=(server, users, until, random.Random(rng.getrandbits(64)), delivered)))
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        postern.wait_until(
            lambda: not server.ctl_json("queue", "list")["letters"], 60, "what was accepted"
        )
        truths = {}
        for w in walks:
            agree(r, server, w, truths, password)
    commands = sum(w.c.commands for w in walks)
    for w in walks:
        for user, step, what, log in w.findings:
            r.check(f"{user} ({w.c.enable or 'plain'}{' notify' if w.c.notify else ''}) {step}",
                False, what + "\n" + "\n".join(log))
        r.check(f"{w.c.user}: a walk of {w.c.commands} commands without a broken rule",
            not w.findings)
        w.c.imap.close()
    print(f"walk: seed {seed}, {clients} clients, {commands} commands, {delivered[0]} deliveries, "
        f"{rounds} check points, {ledger.entries} states compared in {seconds:.0f} s", flush=True)
