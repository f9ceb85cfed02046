# SPDX-License-Identifier: Apache-2.0
"""What a client may believe about its selected mailbox, built from untagged responses alone.

Every rule that a server can break here raises Wrong: numbers beyond the mailbox, EXISTS that
shrinks, uids out of order or changed, MODSEQ that goes back, flags that differ at one MODSEQ,
VANISHED of a message that was never announced, EXPUNGE while it is forbidden.
"""

import threading


class Wrong(Exception):
    """The server broke a rule."""


def numbers(text):
    """The numbers of a set as the server writes it: "1:3,7"."""
    out = []
    for piece in text.split(","):
        low, _, high = piece.partition(":")
        out.extend(range(int(low), int(high or low) + 1))
    return out


def as_set(values):
    """The other way round: sorted numbers as "1:3,7"."""
    out = []
    for v in sorted(values):
        if out and out[-1][1] == v - 1:
            out[-1][1] = v
        else:
            out.append([v, v])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in out)


class Ledger:
    """All flags ever seen with a MODSEQ, by any client: one state has one set of flags."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = {}
        self.entries = 0

    def note(self, box, uid, modseq, flags):
        with self.lock:
            before = self.seen.setdefault((box, uid, modseq), flags)
            self.entries += 1
        if before != flags:
            raise Wrong(f"uid {uid} at MODSEQ {modseq}: {set(flags)}, elsewhere {set(before)}")


class Message:
    __slots__ = ("uid", "flags", "modseq")

    def __init__(self):
        self.uid = None  # not told yet
        self.flags = None
        self.modseq = 0


class Box:
    """One selected mailbox as the client knows it. `name` with uidvalidity is the ledger's key."""

    def __init__(self, name, ledger):
        self.name = name
        self.ledger = ledger
        self.msgs = []
        self.uidvalidity = 0
        self.highest = 0  # HIGHESTMODSEQ that may be remembered
        self.seen_modseq = 0  # highest MODSEQ since the last tagged response
        self.told_highest = None
        self.uidonly = False
        self.touched = set()  # messages whose FLAGS came in the running command

    def exists(self, n):
        if n < len(self.msgs):
            raise Wrong(f"EXISTS {n} after {len(self.msgs)}")
        while len(self.msgs) < n:
            self.msgs.append(Message())

    def expunge(self, n):
        if not 1 <= n <= len(self.msgs):
            raise Wrong(f"EXPUNGE {n} of {len(self.msgs)}")
        del self.msgs[n - 1]

    def vanished(self, uids):
        gone = set(uids)
        known = {m.uid for m in self.msgs}
        for uid in sorted(gone - known):
            self._remove_unknown(uid)
        self.msgs = [m for m in self.msgs if m.uid not in gone]

    def _remove_unknown(self, uid):
        """A message whose uid was not told: any unknown one between its neighbours. Which one it
        was is not known, so what the others were told of flags and MODSEQ may not be theirs.
        Without numbers nothing is known of neighbours: the unknown ones are the last."""
        if self.uidonly:
            if not self.msgs or self.msgs[-1].uid is not None:
                raise Wrong(f"uid {uid} is told, but every message is known")
            del self.msgs[-1]
            return
        low = max((i for i, m in enumerate(self.msgs) if m.uid is not None and m.uid < uid),
            default=-1)
        at = low + 1
        if at >= len(self.msgs) or self.msgs[at].uid is not None:
            raise Wrong(f"VANISHED {uid}, which is not in the mailbox")
        end = at
        while end < len(self.msgs) and self.msgs[end].uid is None:
            end += 1
        self.msgs[at:end] = [Message() for _ in range(end - at - 1)]

    def vanished_earlier(self, uids):
        both = set(uids) & {m.uid for m in self.msgs if m.uid is not None}
        if both:
            raise Wrong(f"VANISHED (EARLIER) {as_set(both)}, which the mailbox still has")

    def fetch(self, n, items):
        if not 1 <= n <= len(self.msgs):
            raise Wrong(f"FETCH {n} of {len(self.msgs)}")
        m = self.msgs[n - 1]
        if "UID" in items:
            self._take_uid(n, m, int(items["UID"]))
        modseq = int(items["MODSEQ"][0]) if "MODSEQ" in items else None
        flags = None
        if "FLAGS" in items:
            flags = frozenset(f.lower() for f in items["FLAGS"]) - {"\\recent"}
        if modseq is not None:
            self._take_modseq(m, modseq)
            self.touched.discard(id(m))  # MODSEQ alone: our own change came last
        if flags is not None:
            m.flags = flags
            self.touched.add(id(m))
            if modseq is not None and m.uid is not None:
                self.ledger.note((self.name, self.uidvalidity), m.uid, modseq, flags)

    def uidfetch(self, uid, items):
        """UIDONLY (RFC 9586): no numbers. A uid that is new takes the place of an unknown one."""
        at = next((i for i, m in enumerate(self.msgs) if m.uid == uid), None)
        if at is None:
            self._remove_unknown(uid)
            at = sum(1 for m in self.msgs if m.uid is not None and m.uid < uid)
            self.msgs.insert(at, Message())
        self.fetch(at + 1, {**items, "UID": str(uid)})

    def _take_uid(self, n, m, uid):
        if m.uid is not None:
            if m.uid != uid:
                raise Wrong(f"message {n} has uid {uid}, had {m.uid}")
            return
        below = next((x.uid for x in reversed(self.msgs[: n - 1]) if x.uid is not None), 0)
        above = next((x.uid for x in self.msgs[n:] if x.uid is not None), 1 << 32)
        if not below < uid < above:
            raise Wrong(f"message {n} has uid {uid} between {below} and {above}")
        m.uid = uid

    def _take_modseq(self, m, modseq):
        if modseq < m.modseq:
            raise Wrong(f"uid {m.uid}: MODSEQ {modseq} after {m.modseq}")
        m.modseq = modseq
        self.seen_modseq = max(self.seen_modseq, modseq)

    def tagged(self):
        """The end of a command: which HIGHESTMODSEQ is to be remembered (RFC 7162 6)."""
        if self.told_highest is not None:
            self.highest = self.told_highest
        else:
            self.highest = max(self.highest, self.seen_modseq)
        self.told_highest = None
        self.seen_modseq = 0
        self.touched.clear()

    def silent(self, wanted, op, flags):
        """Our own STORE .SILENT was carried out on these messages (RFC 9051 6.4.6)."""
        for m in wanted:
            if m.flags is None or id(m) in self.touched:
                continue
            if op == "+":
                m.flags = m.flags | flags
            elif op == "-":
                m.flags = m.flags - flags
            else:
                m.flags = frozenset(flags)

    def unknown(self):
        """Numbers of messages of which something is not known."""
        return [i + 1 for i, m in enumerate(self.msgs) if m.uid is None or m.flags is None]
