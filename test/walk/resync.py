# SPDX-License-Identifier: Apache-2.0
"""Clients that were away while three others changed their mailbox come back by QRESYNC."""

import random
import threading
import time

from client import Client
from model import Ledger
from walker import MESSAGE, Walk, agree, truth

BOX = "R"
STEPS = {"do_store": 30, "do_append": 12, "do_expunge": 8, "do_copy": 5, "do_thin": 2,
    "do_fetch": 4, "do_fill": 8}
WEIGHTED = (list(STEPS), list(STEPS.values()))
CHANGES = {"do_store", "do_append", "do_expunge", "do_copy", "do_thin"}
FILLED = 400
ABSENCES = 5


def change(walk, wanted):
    """Steps until so many of them were changes."""
    done = 0
    end = time.monotonic() + 240
    while done < wanted and not walk.findings and time.monotonic() < end:
        before = sum(walk.steps.get(s, 0) for s in CHANGES)
        if walk.c.box is None:
            walk.c.select(BOX, rng=walk.rng)
        walk.step()
        done += sum(walk.steps.get(s, 0) for s in CHANGES) - before


def returns(r, server, who, sleeper, rng, user, password):
    """The sleeper selects with what it knows; then it knows what is so."""
    sleeper.connect()
    r.check(f"resync: {who} selects", sleeper.select(BOX, rng=rng))
    want = truth(server, user, password, BOX)
    got = {m.uid: (m.flags, m.modseq) for m in sleeper.box.msgs}
    differ = {u for u in set(got) | set(want) if got.get(u) != want.get(u)}
    r.check(f"resync: {who} knows all {len(want)} messages as they are", not differ,
        f"uids {sorted(differ)[:20]}\n" + "\n".join(sleeper.log))
    sleeper.drop()


def resync(r, server, user, password, seed, changes):
    rng = random.Random(seed)
    ledger = Ledger()

    def client(mode):
        return Client(server.ports["imaps"], user, password, ledger, mode)

    sleeper, oldest = client("QRESYNC"), client("QRESYNC")
    sleeper.ok(f"CREATE {BOX}")
    for i in range(0, FILLED, 40):
        texts = [MESSAGE % (b"%d" % n, b"%d" % n) for n in range(i, i + 40)]
        sleeper.ok(f"APPEND {BOX}" + " {}" * len(texts), *texts)
    for c in (sleeper, oldest):
        c.select(BOX, rng=rng)
        c.drop()
    walks = []
    for mode in ("", "CONDSTORE", "QRESYNC"):
        walks.append(Walk(client(mode), random.Random(rng.getrandbits(64)), (BOX, BOX, "Trash"),
            WEIGHTED))
    began = time.monotonic()
    for absence in range(ABSENCES):
        threads = [threading.Thread(target=change, args=(w, changes // ABSENCES // len(walks) + 1))
            for w in walks]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        returns(r, server, f"after absence {absence + 1}, a client", sleeper, rng, user, password)
    returns(r, server, "a client that was away all the time", oldest, rng, user, password)
    truths = {}
    for w in walks:
        agree(r, server, w, truths, password)
        for _, step, what, log in w.findings:
            r.check(f"resync: {w.c.enable or 'plain'} {step}", False, what + "\n" + "\n".join(log))
        w.c.imap.close()
    made = sum(w.steps.get(s, 0) for w in walks for s in CHANGES)
    r.check("resync: as many changes as wanted", made >= changes, f"{made}")
    print(f"resync: seed {seed}, {made} changes by {len(walks)} clients in "
        f"{time.monotonic() - began:.0f} s, {ABSENCES + 1} returns", flush=True)
