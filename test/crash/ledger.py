# SPDX-License-Identifier: Apache-2.0
"""What was sent, what the server said, what a reader saw; and whether the mailboxes agree.

A letter is one attempt to have one message taken: its id is in its first header field and in its
last line. Attempts are never repeated under the same id, so each may be found

    accepted   (the server said 250 or OK)            exactly once in every mailbox it was for
    unknown    (no answer, or 4xx after the data)     at most once in each
    refused    (5xx, or refused before the data)      nowhere
    expunged   (accepted, then OK to EXPUNGE)         nowhere

What a POP3 client deleted is gone from that one mailbox: for certain after +OK to QUIT, perhaps
without an answer to it, and not at all when it never said QUIT.

and always with the octets that were sent.
"""

import hashlib
import re
import threading

LOOKS = 10
MARK = re.compile(rb"X-Letter: (\S+)")


class Letter:
    def __init__(self, name, boxes, octets):
        self.name = name
        self.boxes = list(boxes)  # (address, mailbox)
        self.digest = digest(octets)
        self.state = "unknown"
        self.removed = {}  # box -> "unknown" or "expunged", by POP3

    def state_in(self, box):
        return self.removed.get(tuple(box), self.state)


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


def compose(name, sender, rcpts, size):
    """A message of about `size` octets whose first field and last line carry the name."""
    head = (
        f"X-Letter: {name}\r\nFrom: <{sender}>\r\nTo: {', '.join(f'<{r}>' for r in rcpts)}\r\n"
        f"Subject: letter\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
        f"Message-ID: <{name}@client.test>\r\n\r\n"
    )
    line = (name + " ") * (72 // (len(name) + 1)) + "\r\n"
    text = head + line * max(1, (size - len(head)) // len(line)) + f"end {name}\r\n"
    return text.encode()


def own_part(octets):
    """(name, octets from our first field on) of a stored message; what the server put before it
    is its own."""
    found = MARK.search(octets)
    return (found.group(1).decode(), octets[found.start() :]) if found else (None, b"")


class Ledger:
    def __init__(self, note=lambda **what: None):
        self.lock = threading.Lock()
        self.letters = {}
        self.seen = {}  # (address, mailbox, uidvalidity, uid) -> name
        self.next_uid = {}  # (address, mailbox, uidvalidity) -> largest UIDNEXT told
        self.modseq = {}  # the same -> largest HIGHESTMODSEQ told
        self.validity = {}  # (address, mailbox) -> UIDVALIDITY: these mailboxes are never deleted
        self.conflicts = []
        self.accepted = 0
        self.note = note

    def sent(self, name, boxes, octets):
        letter = Letter(name, boxes, octets)
        self.note(what="sent", name=name, boxes=letter.boxes, digest=letter.digest)
        with self.lock:
            self.letters[name] = letter

    def answered(self, name, state, text=""):
        """`text`: the server's reply, which names the queue entry."""
        self.note(what="answered", name=name, state=state, text=text)
        with self.lock:
            self.letters[name].state = state
            self.accepted += state == "accepted"

    def removed(self, name, box, state):
        """One mailbox has lost it: "unknown" before QUIT, then "expunged" or "kept"."""
        self.note(what="removed", name=name, box=list(box), state=state)
        with self.lock:
            self._remove(name, box, state)

    def _remove(self, name, box, state):
        where = self.letters[name].removed
        if state == "kept":
            where.pop(tuple(box), None)
        else:
            where[tuple(box)] = state

    def fetched(self, box, uid, octets):
        """A message by POP3, with its unique identifier; the letter's name."""
        name, own = own_part(octets)
        validity, number = (int(x) for x in uid.split("."))
        with self.lock:
            if name not in self.letters or self.letters[name].digest != digest(own):
                self.conflicts.append(f"{box} {uid}: octets of {name} are not those sent")
            known = self.seen.setdefault((*box, validity, number), name)
            if known != name:
                self.conflicts.append(f"{box} UID {number} was {known}, is {name} by POP3")
        return name

    def looked(self, box, view):
        """A reader's whole view of a mailbox. Compares with what was seen there before."""
        address, mailbox = box
        self.note(what="looked", box=[address, mailbox], **view)
        with self.lock:
            self._compare((address, mailbox, view["validity"]), view)

    def _compare(self, key, view):
        before_uid = self.next_uid.get(key, 0)
        before_modseq = self.modseq.get(key, 0)
        told = self.validity.setdefault(key[:2], key[2])
        if told != key[2]:
            self.conflicts.append(f"{key[:2]}: UIDVALIDITY {key[2]}, told {told}")
        for uid, (name, modseq) in view["messages"].items():
            known = self.seen.get((*key, uid))
            if known is not None and known != name:
                self.conflicts.append(f"{key} UID {uid} was {known}, is {name}")
            if known is None and uid < before_uid:
                self.conflicts.append(f"{key} UID {uid} came below UIDNEXT {before_uid}: {name}")
            if known is None and modseq <= before_modseq:
                self.conflicts.append(f"{key} UID {uid}: MODSEQ {modseq}, told {before_modseq}")
            self.seen[(*key, uid)] = name
        self.next_uid[key] = max(before_uid, view["next"])
        self.modseq[key] = max(before_modseq, view["modseq"])

    @classmethod
    def from_notes(cls, notes):
        """The ledger as it was after these notes."""
        ledger = cls()
        for n in notes:
            if n["what"] == "sent":
                letter = ledger.letters[n["name"]] = Letter(n["name"], [], b"")
                letter.boxes = [tuple(b) for b in n["boxes"]]
                letter.digest = n["digest"]
            elif n["what"] == "answered":
                ledger.letters[n["name"]].state = n["state"]
            elif n["what"] == "removed":
                ledger._remove(n["name"], n["box"], n["state"])
            elif n["what"] == "looked":
                n["messages"] = {int(k): tuple(v) for k, v in n["messages"].items()}
                ledger._compare((*n["box"], n["validity"]), n)
        return ledger


def look(client, mailbox):
    """The view of a mailbox: UIDs with letter names and MODSEQ, in one read-only session. What
    another client removes meanwhile makes the FETCH fail (RFC 5530 3): then once more."""
    for _ in range(LOOKS):
        try:
            return look_once(client, mailbox)
        except ValueError as e:
            if "[EXPUNGEISSUED]" not in str(e):
                raise
    raise ValueError(f"{mailbox}: EXPUNGEISSUED again and again")


def look_once(client, mailbox):
    r = client.ok("EXAMINE {} (CONDSTORE)", mailbox.encode())
    facts = dict(re.findall(rb"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]", codes(r)))
    messages = {}
    fetched = client.fetch("1:*", "(UID MODSEQ BODY.PEEK[HEADER.FIELDS (X-LETTER)])", uid=True)
    for _, items in fetched:
        field = [v for k, v in items.items() if k.startswith("BODY[")]
        if not field:
            continue  # unasked: flags that another session changed meanwhile
        found = MARK.search(field[0] or b"")
        name = found.group(1).decode() if found else None
        messages[int(items["UID"])] = (name, int(items["MODSEQ"][0]))
    return {
        "validity": int(facts[b"UIDVALIDITY"]),
        "next": int(facts[b"UIDNEXT"]),
        "modseq": int(facts.get(b"HIGHESTMODSEQ", b"0")),
        "messages": messages,
    }


def codes(result):
    return b" ".join(u[1] for u in result.untagged if u[0] == "OK") + b" " + result.text


def contents(client, mailbox):
    """[(uid, name, digest of our part)] of every message."""
    client.ok("EXAMINE {}", mailbox.encode())
    out = []
    for _, items in client.fetch("1:*", "(UID BODY.PEEK[])", uid=True):
        if "BODY[]" not in items:
            continue  # unasked, as in look()
        name, octets = own_part(items["BODY[]"])
        out.append((int(items["UID"]), name, digest(octets)))
    return out


def disagreements(ledger, boxes):
    """Compare with {(address, mailbox): contents}; sentences about what is wrong."""
    wrong, count = [], {}
    for box, messages in boxes.items():
        for uid, name, found in messages:
            letter = ledger.letters.get(name)
            if letter is None:
                wrong.append(f"{box} UID {uid}: nobody sent {name}")
            elif found != letter.digest:
                wrong.append(f"{box} UID {uid}: octets of {name} are not those sent")
            count[name, box] = count.get((name, box), 0) + 1
    for letter in ledger.letters.values():
        for box in letter.boxes:
            n = count.pop((letter.name, tuple(box)), 0)
            state = letter.state_in(box)
            least, most = {"accepted": (1, 1), "unknown": (0, 1)}.get(state, (0, 0))
            if not least <= n <= most:
                wrong.append(f"{letter.name} ({state}) is {n} times in {box}")
    wrong += [f"{name} is in {box}, which it was not for" for name, box in count if name]
    return wrong
