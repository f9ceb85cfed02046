# SPDX-License-Identifier: Apache-2.0
"""interimap keeps the mailboxes of two accounts equal by QRESYNC, one of them over COMPRESS."""

import random

import readers

CHANGES = 300
SEED = 5162
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Work", "$Forwarded")
BOXES = ("INBOX", "deep/er", "Grün &c")
SHOWN = "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
SIDE = """[{name}]
type = imaps
host = localhost
port = {port}
username = {user}
password = {password}
SSL_CAfile = {ca}
compress = {compress}
"""


def state(w, user):
    """{mailbox: sorted [(subject, flags)]} of everything."""
    all_of_it = {}
    with readers.session(w, user) as c:
        c.ok("ENABLE UTF8=ACCEPT")
        for name in BOXES:
            c.select(name)
            rows = c.fetch("1:*", SHOWN, uid=True)
            all_of_it[name] = sorted(
                (r["BODY[HEADER.FIELDS (SUBJECT)]"], sorted(r["FLAGS"])) for _, r in rows
            )
    return all_of_it


class Changes:
    """Three clients that append, flag, copy, move and expunge at random."""

    def __init__(self, w, user, seed):
        self.dice = random.Random(seed)
        self.count = seed * 100000
        with (
            readers.session(w, user) as a,
            readers.session(w, user) as b,
            readers.session(w, user) as c,
        ):
            clients = (a, b, c)
            for client in clients:
                client.ok("ENABLE UTF8=ACCEPT")
            self.selected = {}
            for i in range(CHANGES):
                if i % 20 == 0:
                    self._choose(clients)
                client = self.dice.choice(clients)
                self._one(client)

    def _choose(self, clients):
        for client in clients:
            self.selected[client] = self.dice.choice(BOXES)
            client.select(self.selected[client])

    def _one(self, c):
        kind = self.dice.choice(("append", "append", "flag", "flag", "flag", "copy", "move", "go"))
        if kind == "append":
            self.count += 1
            text = readers.message(f"number {self.count}", "x\n")
            c.append(self.dice.choice(BOXES), text, self.dice.choice(("", *FLAGS)))
            return
        c.ok("NOOP")
        uids = [u[1:] for u in c.ok("UID SEARCH ALL").untagged if u and u[0] == "SEARCH"]
        if not uids or not uids[0]:
            return
        uid = self.dice.choice(uids[0])
        if kind == "flag":
            sign = self.dice.choice(("+", "+", "-", ""))
            c.ok(f"UID STORE {uid} {sign}FLAGS.SILENT ({self.dice.choice(FLAGS)})")
        elif kind == "go":
            c.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
            c.ok(f"UID EXPUNGE {uid}")
        else:
            to = self.dice.choice([name for name in BOXES if name != self.selected[c]])
            c.ok(f"UID {kind.upper()} {uid} {{}}", to.encode())


def interimap(r, w, user, other):
    """Mirror, change one side at random, mirror again, and the other way round."""
    folder = w.folder / "interimap"
    folder.mkdir()
    with readers.session(w, user) as c:
        c.ok("ENABLE UTF8=ACCEPT")
        for name in BOXES[1:]:
            c.ok("CREATE {}", name.encode())
    text = f'database = {folder}/db\nlist-mailbox = "*"\n'
    common = {"port": w.ports["imaps"], "password": readers.PASSWORD, "ca": w.ca}
    text += SIDE.format(name="local", user=user, compress="YES", **common)
    text += SIDE.format(name="remote", user=other, compress="NO", **common)
    (folder / "conf").write_text(text)
    for number, changed in enumerate((user, other, user), 1):
        if number > 1:
            Changes(w, changed, SEED + number)
        status, out = w.run("interimap", "--config", folder / "conf", env=readers.home(folder))
        r.check(f"interimap, run {number}", status == 0, f"{status} {out[-600:]}")
        one, two = state(w, user), state(w, other)
        same = [name for name in BOXES if one[name] == two[name]]
        r.equal(f"interimap, run {number}: equal mailboxes", same, list(BOXES))
    r.check("interimap: there was something to do", sum(map(len, one.values())) > CHANGES // 8)
