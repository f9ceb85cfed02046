# SPDX-License-Identifier: Apache-2.0
"""
What a taken-over process gets of an account that shares one mailbox with it: that mailbox, as it is
shared, and nothing else, whatever it sends to the guest process. And what ends when it is revoked.
"""

import re

import imapc
import postern
import wire

TEAM, SECRET = b"marker-of-the-team", b"marker-of-the-secret"
NAMES = (b"secret", b"INBOX", b"Drafts", b"marker-private")

OWNER = "b@postern.test"
SHARED = f'"Other Users/{OWNER}/team"'

# Nothing of these may show more than the mailbox that is shared.
COMMANDS = [
    "x SELECT secret",
    f'x SELECT "Other Users/{OWNER}/secret"',
    f'x EXAMINE "Other Users/{OWNER}/INBOX"',
    f'x SELECT "Other Users/{OWNER}/team/../secret"',
    'x SELECT ""',
    "x STATUS secret (MESSAGES)",
    f'x STATUS "Other Users/{OWNER}/secret" (MESSAGES)',
    'x LIST "" *',
    'x LIST "" (* %) RETURN (STATUS (MESSAGES) SUBSCRIBED MYRIGHTS METADATA (/private/comment))',
    'x LIST (SUBSCRIBED RECURSIVEMATCH) "" *',
    'x LSUB "" *',
    f'x MYRIGHTS "Other Users/{OWNER}/secret"',
    f'x GETACL "Other Users/{OWNER}/secret"',
    "x GETACL secret",
    'x GETMETADATA (DEPTH infinity) "" (/private /shared)',
    "x GETMETADATA (DEPTH infinity) secret (/private /shared)",
    f"x GETMETADATA (DEPTH infinity) {SHARED} (/private /shared)",
    f"x SELECT {SHARED}",
    'x ESEARCH IN (personal) ALL',
    'x ESEARCH IN (mailboxes secret) RETURN (ALL) ALL',
    "x FETCH 1:* (BODY[])",
    "x UID FETCH 1:4294967295 (BODY[] ENVELOPE)",
    f'x SEARCH TEXT "{SECRET.decode()}"',
    "x COPY 1 secret",
    f'x MOVE 1 "Other Users/{OWNER}/secret"',
    "x NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange))",
    "x NOOP",
    "x CREATE mine",
    "x DELETE secret",
    "x RENAME secret public",
    f'x SETACL "Other Users/{OWNER}/secret" a@postern.test lrswited',
    f"x SETACL {SHARED} a@postern.test lrswipkxtea",
    "x SETACL secret a@postern.test lr",
    'x SETMETADATA secret (/shared/comment "x")',
    "x GETQUOTAROOT secret",
    "x STORE 1 +FLAGS (\\Deleted)",
    "x EXPUNGE",
    "x APPEND secret {3+}\r\nabc",
    "x REPLACE 1 secret {3+}\r\nabc",
    "x ENABLE QRESYNC CONDSTORE METADATA",
    "x COMPRESS DEFLATE",
    "x LOGOUT",
    "garbage",
    "x",
    "copy 1:*",
    "move 1:*",
    "remove all",
    "insert secret",
    f"insert Other Users/{OWNER}/secret",
    f"insert Other Users/{OWNER}/team",
    f"insert Other Users/{OWNER}/nowhere",
    f"append x APPEND {SHARED} {{3}}",
    f'append x APPEND "Other Users/{OWNER}/secret" {{3}}',
    "append x APPEND secret {3}",
    "append x DELETE secret",
    f"append x REPLACE 1 {SHARED} {{3}}",
    f'x APPEND {SHARED} CATENATE (URL "/secret/;UID=1")',
    f'x COPY 1 "Other Users/{OWNER}/secret"',
    f"x COPY 1 {SHARED}",
    f"x MOVE 1 {SHARED}",
]

# With the right to add to the mailbox that is shared, and still to nothing else.
ADDING = [
    f'x APPEND {SHARED} CATENATE (URL "/secret/;UID=1")',
    f'x APPEND {SHARED} CATENATE (URL "/Other%20Users/{OWNER}/secret/;UID=1")',
    f'x APPEND "Other Users/{OWNER}/secret" CATENATE (URL ";UID=1")',
    f"insert Other Users/{OWNER}/secret",
    "insert secret",
    f"append x APPEND Other Users/{OWNER}/secret {{3}}",
    f'x COPY 1 "Other Users/{OWNER}/secret"',
    f'x MOVE 1 "Other Users/{OWNER}/secret"',
    f"x MOVE 1 {SHARED}",
    "x COPY 1 secret",
    "move 1:*",
    "remove all",
    "x EXPUNGE",
]


# With the rights to make, rename and delete what is shared, and still nothing else.
NAMING = [
    "x CREATE mine",
    f'x CREATE "Other Users/{OWNER}/mine"',
    f'x CREATE "Other Users/{OWNER}/secret/mine"',
    f'x CREATE "Other Users/{OWNER}/teams"',
    f'x CREATE "Other Users/{OWNER}/INBOX/mine"',
    f'x CREATE "Other Users/{OWNER}/team//mine"',
    f'x CREATE "Other Users/{OWNER}/team/mine" (USE (\\Flagged))',
    'x CREATE "Other Users/a@postern.test/mine"',
    "x DELETE secret",
    f'x DELETE "Other Users/{OWNER}/secret"',
    f'x DELETE "Other Users/{OWNER}/INBOX"',
    f'x DELETE "Other Users/{OWNER}/Drafts"',
    f'x DELETE "Other Users/{OWNER}/team/kept"',
    f'x RENAME {SHARED} "Other Users/{OWNER}/mine"',
    f'x RENAME {SHARED} "Other Users/{OWNER}/secret/mine"',
    f'x RENAME {SHARED} "Other Users/{OWNER}/team/mine"',
    f"x RENAME {SHARED} mine",
    f'x RENAME "Other Users/{OWNER}/secret" "Other Users/{OWNER}/team/mine"',
    f'x RENAME "Other Users/{OWNER}/INBOX" "Other Users/{OWNER}/team/mine"',
    f'x RENAME "Other Users/{OWNER}/team/kept" "Other Users/{OWNER}/team/mine"',
    f'x RENAME secret "Other Users/{OWNER}/team/mine"',
    f'append x CREATE "Other Users/{OWNER}/team/mine"',
]


# With the right to administer what is shared, which is l r a itself, and still nothing else.
ADMINISTERING = [
    "x SETACL secret a@postern.test lr",
    f'x SETACL "Other Users/{OWNER}/secret" a@postern.test lr',
    f'x SETACL "Other Users/{OWNER}/INBOX" a@postern.test lr',
    f"x SETACL {SHARED} a@postern.test +k",
    f"x SETACL {SHARED} a@postern.test lrswipkxtea",
    f"x SETACL {SHARED} c@postern.test lri",
    f"x SETACL {SHARED} -c@postern.test w",
    f"x SETACL {SHARED} {OWNER} l",
    f"x SETACL {SHARED} -{OWNER} lra",
    f"x SETACL {SHARED} anyone l",
    f"x SETACL {SHARED} nobody@postern.test l",
    f"x DELETEACL {SHARED} {OWNER}",
    f"x DELETEACL {SHARED} -{OWNER}",
    "x DELETEACL secret c@postern.test",
    f'x DELETEACL "Other Users/{OWNER}/secret" c@postern.test',
    f"x DELETEACL {SHARED} c@postern.test",
    f"x SETACL {SHARED} c@postern.test l",
    f'x GETACL "Other Users/{OWNER}/secret"',
    "x GETACL secret",
    f'x LISTRIGHTS "Other Users/{OWNER}/secret" c@postern.test',
    f'x SETMETADATA {SHARED} (/shared/comment "x")',
    f'x SETMETADATA {SHARED} ("acl:a@postern.test" "1 lrk")',
    'x SETMETADATA secret (/shared/comment "x")',
    f'x GETMETADATA {SHARED} ("acl:a@postern.test")',
    f'x CREATE "Other Users/{OWNER}/team/mine"',
    f"x DELETE {SHARED}",
]


def real(server, password):
    """The owner, served by the true session."""
    c = imapc.Imap(server.ports["imaps"], tls=wire.client_context())
    c.send(b"real LOGIN %s %s\r\n" % (OWNER.encode(), password.encode()))
    if not c.line().startswith(b"real OK"):
        raise RuntimeError("the owner did not get in")
    return c


def prepare(c):
    for name, marker in (("team", TEAM), ("secret", SECRET)):
        c.ok(f"CREATE {name}")
        c.append(name, b"Subject: %s\r\n\r\n%s\r\n" % (marker, marker))
    c.ok('SETMETADATA team (/private/comment "marker-private")')
    c.ok('SETMETADATA "" (/private/vendor/x/y "marker-private")')
    c.ok("SETACL team a@postern.test lr")


def leaks(heard, command):
    """What of the owner's came that was not our own word: commands and bad URLs are said back."""
    heard = re.sub(rb"BADURL [^\]]*", b"", heard.replace(command.encode(), b""))
    return [n for n in (SECRET, *NAMES) if n in heard]


class Intruder:
    def __init__(self, server, user, password):
        self.c = imapc.Imap(server.ports["imaps"], tls=wire.client_context())
        self.c.send(b"t LOGIN %s %s\r\n" % (user.encode(), password.encode()))
        if self.c.line() != b"t OK locked in":
            raise RuntimeError("the intruder did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.c.close()

    def try_it(self, name, argument):
        """All that came, and how it ended: done, refused, or killed."""
        self.c.send(f"{name} {argument}".replace("\n", "").encode() + b"\n")
        heard = b""
        while True:
            try:
                line = self.c.line()
            except wire.Closed:
                return heard, "killed"
            if line == b"done" or line.startswith(b"refused "):
                return heard, line.decode().split()[0]
            heard += line + b"\n"


def names(owner):
    rows = [u for u in owner.ok('LIST "" *').untagged if u[0] == "LIST"]
    return sorted(u[3].decode() if isinstance(u[3], bytes) else u[3] for u in rows)


def check_names(r, server, owner, who):
    """With k and x in the team, but not in team/kept: none of these changes the owner's names."""
    owner.ok("CREATE team/kept")
    owner.ok("SETACL team/kept a@postern.test lr")
    owner.ok("SETACL team a@postern.test lrikx")
    before = names(owner)
    for command in NAMING:
        with Intruder(server, *who) as i:
            i.try_it("visit", 2)
            i.try_it("guest", f"2 x SELECT {SHARED}")
            heard, how = i.try_it("guest", f"2 {command}")
            leak = leaks(heard, command)
            print(f"  guest with k, x: {command[:60]!r:<54} {how}, {len(heard)} octets")
            r.check(f"guest with k, x: {command}", not leak, f"{leak} in {heard!r}")
            r.equal(f"guest with k, x: {command}: names stay", names(owner), before)
    with Intruder(server, *who) as i:
        i.try_it("visit", 2)
        heard, _ = i.try_it("guest", f'2 x CREATE "Other Users/{OWNER}/team/mine"')
        r.check("what it may make is made", b"x OK" in heard, repr(heard))
        heard, _ = i.try_it("guest", f'2 x DELETE "Other Users/{OWNER}/team/mine"')
        r.check("and deleted", b"x OK" in heard, repr(heard))
    owner.ok("DELETE team/kept")
    r.equal("the rest is as it was", names(owner), [n for n in before if n != "team/kept"])
    owner.ok("SETACL team a@postern.test lri")


def check_lists(r, server, owner, who):
    """With a in the team, where c has a right that it has not: none of these changes a list."""
    owner.ok("SETACL team a@postern.test lra")
    owner.ok("SETACL team c@postern.test lw")
    owner.ok("SETACL secret c@postern.test l")

    def lists():
        return [owner.ok(f"GETACL {m}").raw for m in ("team", "secret", "INBOX")]

    before = lists()
    for command in ADMINISTERING:
        with Intruder(server, *who) as i:
            i.try_it("visit", 2)
            i.try_it("guest", f"2 x SELECT {SHARED}")
            heard, how = i.try_it("guest", f"2 {command}")
            leak = leaks(heard, command)
            print(f"  guest with a: {command[:60]!r:<57} {how}, {len(heard)} octets")
            r.check(f"guest with a: {command}", not leak, f"{leak} in {heard!r}")
            r.equal(f"guest with a: {command}: lists stay", lists(), before)
    with Intruder(server, *who) as i:
        i.try_it("visit", 2)
        heard, _ = i.try_it("guest", f"2 x SETACL {SHARED} c@postern.test +r")
        r.check("what it has it may give", b"x OK" in heard, repr(heard))
    for mailbox in ("team", "secret"):
        owner.ok(f"DELETEACL {mailbox} c@postern.test")
    owner.ok("SETACL team a@postern.test lri")


def check_guests(r, server, accounts):
    """Accounts: a (the intruder), b (the owner), c (shares nothing), by number 1, 2, 3."""
    a = next(iter(accounts))
    with real(server, accounts[OWNER]) as owner:
        prepare(owner)
        with Intruder(server, a, accounts[a]) as i:
            r.equal("no guest where nothing is shared", i.try_it("visit", 3)[1], "refused")
            r.equal("no guest in an account that is not", i.try_it("visit", 99)[1], "refused")
            r.equal("no guest in its own folder", i.try_it("visit", 1)[1], "refused")
            r.equal("a guest where something is", i.try_it("visit", 2)[1], "done")
            heard, _ = i.try_it("guest", f"2 x EXAMINE {SHARED}")
            r.check("what is shared opens", b"* 1 EXISTS" in heard, repr(heard))
            heard, _ = i.try_it("guest", "2 x FETCH 1 BODY[]")
            r.check("and can be read", TEAM in heard, repr(heard))
        for command in COMMANDS:
            with Intruder(server, a, accounts[a]) as i:
                i.try_it("visit", 2)
                i.try_it("guest", f"2 x EXAMINE {SHARED}")
                heard, how = i.try_it("guest", f"2 {command}")
                leak = leaks(heard, command)
                print(f"  guest: {command[:60]!r:<64} {how}, {len(heard)} octets")
                r.check(f"guest: {command}", not leak, f"{leak} in {heard!r}")
        messages = [owner.status(m, "MESSAGES UNSEEN DELETED") for m in ("team", "secret")]
        r.check("nothing was changed", all(m["MESSAGES"] == 1 and m["UNSEEN"] == 1 and
            m["DELETED"] == 0 for m in messages), repr(messages))
        owner.ok("SETACL team a@postern.test lri")
        for command in ADDING:
            with Intruder(server, a, accounts[a]) as i:
                i.try_it("visit", 2)
                i.try_it("guest", f"2 x SELECT {SHARED}")
                heard, how = i.try_it("guest", f"2 {command}")
                leak = leaks(heard, command)
                print(f"  guest with i: {command[:60]!r:<57} {how}, {len(heard)} octets")
                r.check(f"guest with i: {command}", not leak, f"{leak} in {heard!r}")
        messages = [owner.status(m, "MESSAGES UNSEEN DELETED") for m in ("team", "secret")]
        r.check("nothing was added or removed", all(m["MESSAGES"] == 1 and m["UNSEEN"] == 1 and
            m["DELETED"] == 0 for m in messages), repr(messages))
        check_names(r, server, owner, (a, accounts[a]))
        check_lists(r, server, owner, (a, accounts[a]))
        with Intruder(server, a, accounts[a]) as i:
            i.try_it("visit", 2)
            heard, _ = i.try_it("guest", f"2 insert Other Users/{OWNER}/team")
            r.check("a letter with the right to add it is kept", b"kept" in heard, repr(heard))
        messages = owner.status("team", "MESSAGES UNSEEN DELETED")
        r.check("and is there", messages["MESSAGES"] == 2, repr(messages))
        with Intruder(server, a, accounts[a]) as i:
            i.try_it("visit", 2)
            i.try_it("guest", f"2 x EXAMINE {SHARED}")
            owner.ok("SETACL team a@postern.test \"\"")
            heard, _ = i.try_it("guest", "2 x FETCH 1 BODY[]")
            r.check("what is withdrawn ends at once", TEAM not in heard, repr(heard))
            heard, _ = i.try_it("guest", f"2 x SELECT {SHARED}")
            r.check("and does not open again", b"EXISTS" not in heard, repr(heard))
