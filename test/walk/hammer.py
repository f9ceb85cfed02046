# SPDX-License-Identifier: Apache-2.0
"""Two sessions and deliveries on one mailbox, and a checker that replays their logs.

Each session owns keywords that nobody else touches, and every second message is its to remove.
So its log alone says what these must be at any MODSEQ, and what must be gone at the end.
"""

import collections
import random
import threading
import time

from client import Client
from model import Ledger, as_set
from walker import MESSAGE, arriving, truth

KEYWORDS = ("a", "b", "c", "d")
KEEP = 120  # messages; beyond, sessions remove theirs
FEW = 30


class Op(collections.namedtuple("Op", "low high on")):
    """A keyword was set (or not) by a change whose MODSEQ lies in [low, high]."""


class Session:
    def __init__(self, number, client, rng):
        self.number, self.c, self.rng = number, client, rng
        self.words = [f"s{number}{k}" for k in KEYWORDS]
        self.ops = collections.defaultdict(list)  # (uid, keyword) -> [Op], oldest first
        self.removed = set()
        self.subjects = {}
        self.stores = 0
        self.error = None

    def run(self, until):
        try:
            while time.monotonic() < until:
                self.step()
        except Exception as e:  # a finding, whatever it is
            self.error = f"{type(e).__name__}: {e}\n" + "\n".join(self.c.log)

    def step(self):
        c = self.c
        new = [m for m in c.box.msgs if m.uid is None or m.flags is None or
            m.uid not in self.subjects]
        if new or not c.box.msgs:
            self.learn()
        elif len(c.box.msgs) > KEEP and self.rng.random() < 0.2:
            self.remove()
        else:
            self.store()

    def learn(self):
        after = max((m.uid for m in self.c.box.msgs if m.uid in self.subjects), default=0)
        r = self.c.ok(f"UID FETCH {after + 1}:* (UID FLAGS MODSEQ ENVELOPE)")
        for u in r.untagged:
            if len(u) == 3 and u[1] == "FETCH" and "ENVELOPE" in u[2]:
                i = {u[2][k]: u[2][k + 1] for k in range(0, len(u[2]), 2)}
                self.subjects[int(i["UID"])] = i["ENVELOPE"][1]

    def store(self):
        """Turn a keyword of ours around on a few messages, in one of the ways there are."""
        c, rng = self.c, self.rng
        word = rng.choice(self.words)
        on = rng.random() < 0.5
        msgs = [m for m in c.box.msgs if m.uid is not None and m.flags is not None]
        msgs = [m for m in rng.sample(msgs, min(len(msgs), rng.randint(1, 5)))
            if (word in m.flags) != on]
        if not msgs:
            return
        before = {m.uid: m.modseq for m in msgs}
        silent = ".SILENT" if rng.random() < 0.6 else ""
        unless = ""
        if rng.random() < 0.3:
            unless = f"(UNCHANGEDSINCE {max(before.values())}) "
        r = c.cmd(f"UID STORE {as_set(before)} {unless}{'+' if on else '-'}FLAGS{silent} ({word})")
        self.stores += 1
        if r.status != "OK":
            raise ValueError(f"STORE: {r}")
        kept = set()
        if r.text.startswith(b"[MODIFIED "):
            text = r.text[10 : r.text.index(b"]")].decode()
            kept = {u for u in before if any(self.within(u, p) for p in text.split(","))}
        for m in msgs:
            if m.uid not in kept:
                self.done(m, word, on, before[m.uid], alive=any(x is m for x in c.box.msgs))

    @staticmethod
    def within(uid, piece):
        low, _, high = piece.partition(":")
        return int(low) <= uid <= int(high or low)

    def done(self, m, word, on, before, alive):
        if alive and m.modseq <= before:
            raise ValueError(f"uid {m.uid}: MODSEQ {m.modseq} after a change, {before} before")
        high = m.modseq if alive else 1 << 62
        self.ops[m.uid, word].append(Op(before + 1, high, on))
        if alive and m.flags is not None:
            m.flags = m.flags | {word} if on else m.flags - {word}

    def remove(self):
        mine = [m.uid for m in self.c.box.msgs if m.uid is not None and m.uid % 2 == self.number]
        if len(mine) < FEW:
            return
        some = self.rng.sample(mine, len(mine) // 2)
        self.c.ok(f"UID STORE {as_set(some)} +FLAGS.SILENT (\\Deleted)")
        r = self.c.ok(f"UID EXPUNGE {as_set(some)}")
        self.removed.update(some)
        left = {m.uid for m in self.c.box.msgs} & set(some)
        if left or b"HIGHESTMODSEQ" not in r.text:
            raise ValueError(f"UID EXPUNGE left {sorted(left)}: {r}")


def deliver(server, user, until, sent, rng):
    for s in arriving(server, until):
        name = b"mail %d" % len(sent)
        s.deliver("x@elsewhere.test", [user], MESSAGE % (name, name))
        sent.append(name)
        time.sleep(rng.random() * 0.02)


def expected(ops, modseq):
    """What the log says of a keyword at that MODSEQ; None: between the bounds of a change."""
    state = False
    for op in ops:
        if op.high <= modseq:
            state = op.on
        elif op.low <= modseq:
            return None
        else:
            break
    return state


def replay(r, sessions, ledger):
    """Every state that anybody was told against what the owners of its keywords did."""
    wrong, compared = [], 0
    for (_, uid, modseq), flags in ledger.seen.items():
        for s in sessions:
            for word in s.words:
                want = expected(s.ops.get((uid, word), ()), modseq)
                if want is None:
                    continue
                compared += 1
                if (word in flags) != want:
                    wrong.append((uid, modseq, word, want))
    r.check("hammer: every state told is what the logs say of its MODSEQ", not wrong,
        f"{len(wrong)} of {compared}: {sorted(wrong)[:10]}")
    return compared


def settle(r, server, sessions, sent, user, password):
    """The mailbox at rest against the logs and both models."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        sessions[0].c.ok("NOOP")
        sessions[0].learn()
        if len(sessions[0].subjects) >= len(sent):
            break
        time.sleep(0.05)
    want = truth(server, user, password, "INBOX")
    removed = sessions[0].removed | sessions[1].removed
    seen = set(sessions[0].subjects) | set(sessions[1].subjects)
    r.check("hammer: what was removed is gone", not removed & set(want))
    r.check("hammer: nothing else is gone", not seen - removed - set(want),
        f"{sorted(seen - removed - set(want))[:10]}")
    subjects = collections.Counter({**sessions[0].subjects, **sessions[1].subjects}.values())
    r.check("hammer: every delivery came once", subjects == collections.Counter(sent),
        f"{len(subjects)} of {len(sent)}, {[s for s, n in subjects.items() if n > 1][:5]}")
    lost = [(u, w) for s in sessions for (u, w), ops in s.ops.items()
        if u in want and (w in want[u][0]) != ops[-1].on]
    r.check("hammer: no update was lost", not lost, f"{lost[:10]}")
    for s in sessions:
        s.c.ok("NOOP")
        s.learn()
        got = {m.uid: (m.flags, m.modseq) for m in s.c.box.msgs}
        differ = [u for u in set(got) | set(want) if got.get(u) != want.get(u)]
        r.check(f"hammer: the model of session {s.number} is the mailbox", not differ,
            f"{sorted(differ)[:10]}\n" + "\n".join(s.c.log))


def hammer(r, server, user, password, seconds, seed):
    rng = random.Random(seed)
    ledger = Ledger()
    sessions = []
    for number, mode in enumerate(("CONDSTORE", "QRESYNC")):
        c = Client(server.ports["imaps"], user, password, ledger, mode)
        c.select("INBOX")
        sessions.append(Session(number, c, random.Random(rng.getrandbits(64))))
    sent = []
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=s.run, args=(until,)) for s in sessions]
    threads.append(threading.Thread(target=deliver, args=(server, user, until, sent,
        random.Random(rng.getrandbits(64)))))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for s in sessions:
        r.check(f"hammer: session {s.number} saw no broken rule", s.error is None, s.error or "")
    if all(s.error is None for s in sessions):
        settle(r, server, sessions, sent, user, password)
    compared = replay(r, sessions, ledger)
    stores = sum(s.stores for s in sessions)
    removed = sum(len(s.removed) for s in sessions)
    print(f"hammer: seed {seed}, {stores} STOREs, {len(sent)} deliveries, {removed} removed, "
        f"{compared} states replayed in {seconds:.0f} s", flush=True)
    for s in sessions:
        s.c.imap.close()
