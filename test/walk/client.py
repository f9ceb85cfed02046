# SPDX-License-Identifier: Apache-2.0
"""A client with a model: every untagged response goes through it, in order, before the result."""

import collections

import imapc
import wire
from model import Box, Wrong, as_set, numbers

SHOWN = 60  # lines of a conversation in a finding


class Gone(Exception):
    """The server ended the session (BYE), as it may when the mailbox is deleted."""


class Cache:
    """What an offline client keeps of a mailbox (RFC 7162 6)."""

    def __init__(self, box):
        self.uidvalidity = box.uidvalidity
        self.highest = box.highest
        self.known = {m.uid: (m.flags, m.modseq) for m in box.msgs if m.uid and m.flags is not None}
        whole = [m.uid if m.uid and m.flags is not None else None for m in box.msgs]
        self.whole = None not in whole
        upto = whole[: whole.index(None)] if None in whole else whole
        if box.uidonly and not self.whole:
            upto = []  # where the unknown ones stand is not known either
        self.complete_to = upto[-1] if upto else 0


class Client:
    def __init__(self, port, user, password, ledger, mode):
        """mode: what is ENABLEd: "" "IMAP4rev2" "CONDSTORE" "QRESYNC"; + "notify" pushes events."""
        self.port, self.user, self.password = port, user, password
        self.ledger = ledger
        self.qresync = "QRESYNC" in mode
        self.condstore = self.qresync or "CONDSTORE" in mode
        self.notify = "notify" in mode
        self.uidonly = "UIDONLY" in mode
        self.by_uid = self.notify or self.uidonly  # numbers may not be used
        self.enable = " ".join(w for w in mode.split() if w != "notify")
        self.caches = {}
        self.earlier, self.removed = set(), set()  # uids VANISHED told of since SELECT
        self.box = None
        self.read_only = False
        self.pending = None  # the mailbox being selected
        self.log = collections.deque(maxlen=SHOWN)
        self.commands = 0
        self.imap = None
        self.connect()

    def connect(self):
        self.box = None
        self.imap = imapc.Imap(self.port, tls=wire.client_context(), timeout=60)
        self.imap.login(self.user, self.password)
        self.log.clear()
        if self.enable:
            self.imap.ok("ENABLE " + self.enable)
        if self.notify:
            self.imap.ok("NOTIFY SET (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange))")

    def drop(self):
        """The connection breaks; what was known at the last tagged response stays in the cache."""
        self.keep()
        self.imap.close()

    def keep(self):
        if self.box is not None and self.qresync:
            self.caches[self.box.name] = Cache(self.box)
        self.box = None
        self.removed = set()

    # ---- one command

    def cmd(self, text, *literals, expunge=True):
        """Send it, apply everything, return the result. `expunge`: may EXPUNGE come?"""
        self.commands += 1
        shown = text
        for literal in literals:
            shown = shown.replace("{}", f"<{len(literal)}>", 1)
        self.log.append("C: " + shown)
        try:
            r = self.imap.end(self.imap.begin(text, *literals))
        except wire.Closed as e:
            raise Gone(text) from e
        return self.take(r, expunge)

    def take(self, r, expunge):
        for raw, u in zip(r.raw, r.untagged):
            self.log.append("S: " + raw[:300].decode("utf-8", "replace"))
            self.apply(u, expunge or self.notify)
        self.log.append(f"S: {r}")
        self.code(r.text)
        if self.box is not None:
            self.box.tagged()
        return r

    def ok(self, text, *literals, expunge=True):
        r = self.cmd(text, *literals, expunge=expunge)
        if r.status == "NO" and r.text.startswith(b"[NONEXISTENT]"):
            raise Gone(text)  # others may delete a mailbox while it is selected
        if r.status != "OK":
            raise Wrong(f"{text}: {r}")
        return r

    def code(self, text):
        if text.startswith(b"[HIGHESTMODSEQ ") and self.current() is not None:
            self.current().told_highest = int(text[15 : text.index(b"]")])
        elif text.startswith(b"[UIDVALIDITY ") and self.current() is not None:
            self.current().uidvalidity = int(text[13 : text.index(b"]")])
        elif text.startswith(b"[CLOSED]"):
            self.keep()

    def current(self):
        """Until [CLOSED] everything is about the mailbox that was selected before."""
        return self.box if self.box is not None else self.pending

    def apply(self, u, expunge):
        box = self.current()
        if u[0] == "OK":
            self.code(u[1])
        elif u[0] == "BYE":
            raise Gone(u[1].decode("utf-8", "replace"))
        elif u[0] == "UIDBATCHES":
            self.check_batches(box, u[2:])
        elif u[0] == "VANISHED":
            if not self.qresync and not self.uidonly:
                raise Wrong("VANISHED without ENABLE QRESYNC")
            self.apply_vanished(box, u, expunge)
        elif len(u) > 1 and u[1] in ("EXISTS", "EXPUNGE", "FETCH"):
            if box is None:
                raise Wrong(f"{u[1]} without a selected mailbox")
            if u[1] == "EXPUNGE" and (self.qresync or not expunge):
                raise Wrong("EXPUNGE " + ("with QRESYNC" if self.qresync else "is forbidden now"))
            if u[1] != "EXISTS" and self.uidonly:
                raise Wrong(f"{u[1]} with UIDONLY")
            self.apply_message(box, u)
        elif len(u) > 1 and u[1] == "UIDFETCH":
            if not self.uidonly or box is None:
                raise Wrong("UIDFETCH without UIDONLY or mailbox")
            items = {u[2][i].upper(): u[2][i + 1] for i in range(0, len(u[2]), 2)}
            box.uidfetch(int(u[0]), items)

    def check_batches(self, box, ranges):
        """A mailbox of this test is one batch, from the last message down to 1 (RFC 10022)."""
        last = box.msgs[-1].uid if box.msgs else 0
        if last is not None and ranges != ([f"{last}:1"] if last else []):
            raise Wrong(f"UIDBATCHES {ranges}, the last message is {last}")

    def apply_vanished(self, box, u, expunge):
        if u[1] == ["EARLIER"]:
            if self.pending is not None:
                self.earlier.update(numbers(u[2]))
            box.vanished_earlier(numbers(u[2]))
            return
        if not expunge:
            raise Wrong("VANISHED is forbidden now")
        self.removed.update(numbers(u[1]))
        box.vanished(numbers(u[1]))

    def apply_message(self, box, u):
        n = int(u[0])
        if u[1] == "EXISTS":
            box.exists(n)
        elif u[1] == "EXPUNGE":
            box.expunge(n)
        else:
            items = {u[2][i].upper(): u[2][i + 1] for i in range(0, len(u[2]), 2)}
            if self.condstore and self.pending is not None and "UID" not in items:
                raise Wrong("FETCH of SELECT without UID")
            box.fetch(n, items)

    # ---- selecting

    def select(self, name, verb="SELECT", params="", rng=None):
        """Select and learn everything; False when there is no such mailbox."""
        key = self.user + "/" + name
        if self.box is not None and self.box.name == key and self.qresync:
            self.caches[key] = Cache(self.box)
        cache = self.caches.get(key) if self.qresync else None
        self.pending = Box(key, self.ledger)
        self.pending.uidonly = self.uidonly
        self.earlier, self.removed = set(), set()
        if cache is not None:
            params = f" (QRESYNC ({self.resync(cache, rng)}))"
        try:
            r = self.cmd(f"{verb} {name}{params}")
            if r.status != "OK":
                return False
            self.box, self.pending = self.pending, None
            self.box.tagged()
            self.read_only = verb == "EXAMINE"
            if cache is not None and cache.uidvalidity == self.box.uidvalidity:
                self.merge(cache)
            else:
                self.learn()
            return True
        finally:
            self.pending = None

    def resync(self, cache, rng):
        text = f"{cache.uidvalidity} {max(cache.highest, 1)}"
        way = rng.randrange(4) if rng is not None else 0
        if way > 0 and cache.known:
            text += " " + as_set(cache.known)
        if way > 1 and not self.uidonly and cache.whole and cache.known:
            order = sorted(cache.known)
            picked = sorted(rng.sample(range(len(order)), min(len(order), 5)))
            seqs = ",".join(str(i + 1) for i in picked)
            uids = ",".join(str(order[i]) for i in picked)
            text += f" ({seqs} {uids})"
        return text

    def merge(self, cache):
        """The cache and what SELECT told make the mailbox; the rest is fetched as new."""
        box = self.box
        known = {uid: v for uid, v in cache.known.items() if uid not in self.earlier}
        told = {m.uid: (m.flags, m.modseq) for m in box.msgs if m.uid is not None}
        self.ok(f"UID FETCH {cache.complete_to + 1}:* (UID FLAGS MODSEQ)")
        fresh = {m.uid: (m.flags, m.modseq) for m in box.msgs if m.uid is not None}
        have = {u: v for u, v in {**known, **told, **fresh}.items() if u not in self.removed}
        order = sorted(have)
        if len(order) != len(box.msgs):
            self.settle(order)
            return
        for m, uid in zip(box.msgs, order):
            if not self.uidonly and m.uid is not None and m.uid != uid:
                raise Wrong(f"after QRESYNC uid {uid} stands where {m.uid} was told")
            m.uid = uid
            m.flags, m.modseq = have[uid]

    def settle(self, order):
        """Counts differ: only what others removed or added just now may explain that."""
        wanted = set(order)
        self.learn()
        now = {m.uid for m in self.box.msgs if m.uid is not None}  # others came just now
        missed = sorted(u for u in wanted - now if u not in self.removed)
        added = sorted(u for u in now - wanted if u <= max(order, default=0))
        if added:
            raise Wrong(f"QRESYNC did not tell of uids {as_set(added)}")
        if missed:
            raise Wrong(f"QRESYNC did not tell that uids {as_set(missed)} vanished")

    def learn(self):
        if self.box.msgs:
            items = "(UID FLAGS MODSEQ)" if self.condstore else "(UID FLAGS)"
            self.ok(f"UID FETCH 1:* {items}")

    def fill(self):
        """Ask for what is not known of new messages."""
        unknown = self.box.unknown()
        if not unknown:
            return
        items = "(UID FLAGS MODSEQ)" if self.condstore else "(UID FLAGS)"
        if self.by_uid:
            self.learn()
        else:
            self.ok(f"FETCH {as_set(unknown)} {items}", expunge=False)

    def idle(self, wait):
        """IDLE until `wait` seconds were silent; what comes is applied."""
        self.log.append("C: IDLE")
        self.commands += 1
        tag = self.imap.begin("IDLE")
        untagged, raw = [], []
        try:
            while True:
                pieces = self.imap.response()
                if pieces[0].startswith(b"+"):
                    break
                raw.append(b"".join(pieces))
                untagged.append(self.imap._untagged(pieces))
            wait()
            self.imap.send(b"DONE\r\n")
            r = self.imap.end(tag)
        except wire.Closed as e:
            raise Gone("IDLE") from e
        r.raw, r.untagged = raw + r.raw, untagged + r.untagged
        return self.take(r, True)
