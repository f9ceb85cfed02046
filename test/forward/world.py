# SPDX-License-Identifier: Apache-2.0
"""The Internet of these scenes: an author whose domain asks for refusal, a server that forwards,
a receiver that says what it is told, and another Postern as receiver."""

import json
import re
import subprocess

import dkimsign
import fakemx
import imapc
import internet
import outside
import postern

DOMAIN, OTHER = "postern.test", "other.example"
BOB, EVE, PASSWORD = f"bob@{DOMAIN}", f"eve@{OTHER}", "a password long enough"
FRIEND = "Friend.X@friend.test"
TEAM, LIST = f"team@{DOMAIN}", f"list@{DOMAIN}"  # with an account, and without
GOOD, BAD, OURS = "198.18.0.7", "198.18.9.9", "198.18.0.1"
ANN = "Ann@author.test"
SYSTEM_PYTHON = "/usr/bin/python3"
WAIT_S = 30

VERIFY = """
import json, sys, dkim
records = {k.encode(): v.encode() for k, v in json.loads(sys.argv[1]).items()}
look = lambda name, timeout=5: records.get(name.rstrip(b".").lower())
letter = sys.stdin.buffer.read()
try:
    good = dkim.DKIM(letter, minkey=1024).verify(dnsfunc=look)
except dkim.DKIMException:
    good = False
status, _, why = dkim.arc_verify(letter, dnsfunc=look, minkey=1024)
print(json.dumps([bool(good), status.decode() if status else "none", str(why)]))
"""


class World:
    def __init__(self, stack):
        self.net = stack.enter_context(internet.Internet())
        names = ("mx.author.test", "mx.friend.test", "mx.plain.test")
        self.mx = stack.enter_context(fakemx.FakeMX(names=names))
        self.author = self.mx.host("127.0.8.1", "good", "mx.author.test")
        self.friend = self.mx.host("127.0.8.2", "good", "mx.friend.test")
        self.plain = self.mx.host("127.0.8.3", "good", "mx.plain.test")
        self.signer = dkimsign.Signer("author.test")
        self.number = 0
        self.zones()
        accounts = {BOB: PASSWORD}
        self.server = stack.enter_context(postern.Server(accounts=accounts, settings=self.ours()))
        self.other = postern.Server(accounts={EVE: PASSWORD}, domain=OTHER, settings=self.theirs())
        ports = f"127.0.0.1:{self.other.ports['mx']} 127.0.6.1:{self.mx.port}"
        self.other.settings["listen.mx"] = ports
        self.other.write_conf()
        stack.enter_context(self.other)
        self.key()
        self.server.ctl("alias", "add", TEAM, BOB, FRIEND, EVE)
        self.server.ctl("alias", "add", LIST, FRIEND)

    def zones(self):
        spf = f'@ TXT "v=spf1 ip4:{GOOD} -all"'
        policy = '_dmarc TXT "v=DMARC1; p=reject"'
        record = self.signer.record()
        author = ["@ MX 10 mx", "mx A 127.0.8.1", spf, policy, record]
        self.net.zone("author.test", author)
        self.net.zone("friend.test", ["@ MX 10 mx", "mx A 127.0.8.2"])
        self.net.zone("plain.test", ["@ MX 10 mx", "mx A 127.0.8.3"])
        self.net.zone(OTHER, ["@ MX 10 mail", "mail A 127.0.6.1"])

    def ours(self):
        wanted = {
            **self.net.settings(),
            **outside.SETTINGS,
            "greylist.on": "no",
            "send.port": self.mx.port,
            "send.private-addresses": "yes",
            "send.ca-file": self.mx.ca,
            "send.connect-timeout": "2s",
        }
        return outside.known(wanted)

    def theirs(self):
        trusted = {"greylist.on": "no", "arc.trusted": DOMAIN}
        return outside.known({**self.net.settings(), **outside.SETTINGS, **trusted})

    def key(self):
        """The key that seals, and all that a domain which sends should publish."""
        self.server.ctl("dkim", "create", DOMAIN)
        self.records = {
            row["name"].rstrip("."): row["value"]
            for row in self.server.ctl_json("dkim", "records", DOMAIN)["records"]
        }
        lines = ["@ MX 10 mail", "mail A 127.0.0.1", f'@ TXT "v=spf1 ip4:{OURS} -all"']
        for name, value in self.records.items():
            pieces = " ".join(f'"{x}"' for x in re.findall(".{1,200}", value))
            lines.append(f"{name}. TXT {pieces}")
        self.net.zone(DOMAIN, lines)
        self.server.ctl("dkim", "activate", DOMAIN)
        value = "".join(re.findall('"([^"]*)"', self.signer.record()))
        self.records["s1._domainkey.author.test"] = value

    # --- letters --------------------------------------------------------------------------------

    def letter(self, author=ANN, signed=True, above=b""):
        """(Message-ID, octets)"""
        self.number += 1
        message_id = f"<{self.number}@author.test>"
        octets = (
            f"From: Ann <{author}>\r\nTo: <{TEAM}>\r\nSubject: minutes {self.number}\r\n"
            "Date: Thu, 05 Nov 2026 10:00:00 +0100\r\n"
            f"Message-ID: {message_id}\r\n\r\nthe minutes are ready\r\n"
        ).encode()
        octets = self.signer.sign(octets) if signed else octets
        return message_id, above + octets

    def send(self, octets, to, sender=ANN, address=GOOD, server=None):
        port = (server or self.server).ports["mx"]
        with outside.connect(port, address) as c:
            c.secure(name="mx.author.test")
            return c.deliver(sender, [to] if isinstance(to, str) else to, octets)

    def arrives(self, host, message_id, n=1):
        """The n letters with that Message-ID that a scripted host has taken."""
        word = message_id.encode()

        def there():
            return [x for x in host.taken() if word in x.data]

        postern.wait_until(lambda: len(there()) >= n, WAIT_S, f"{message_id} at {host.name}")
        return there()

    def find(self, server, account, word):
        """(mailbox, octets) of the newest letter that holds the word, or None."""
        with imapc.logged_in(server, account, PASSWORD) as c:
            for mailbox in ("INBOX", "Junk"):
                if c.select(mailbox) == 0:
                    continue
                for _, items in reversed(c.fetch("1:*", "(BODY.PEEK[])")):
                    if word.encode() in items["BODY[]"]:
                        return mailbox, items["BODY[]"]
        return None

    def stored(self, server, account, word):
        found = []
        postern.wait_until(
            lambda: found.append(self.find(server, account, word)) or found[-1],
            WAIT_S,
            f"{word} in the mailbox of {account}",
            every=0.3,
        )
        return found[-1]

    def dkimpy(self, octets):
        """[signature of the author is good, state of the chain, why]"""
        command = [SYSTEM_PYTHON, "-c", VERIFY, json.dumps(self.records)]
        done = subprocess.run(command, input=octets, capture_output=True, check=True, timeout=60)
        return json.loads(done.stdout)

    def idle(self):
        """Nothing waits in our queue."""
        postern.wait_until(
            lambda: not self.server.ctl_json("queue", "list")["letters"], WAIT_S, "an empty queue"
        )

    def pids(self, program):
        return [p for p, n in self.server.pids().items() if n.startswith(f"{program}[")]


def sender_of(letter):
    """The reverse-path a scripted host was told."""
    return re.match(r"FROM:<([^>]*)>", letter.mail).group(1)


def fields(octets, name):
    head = re.split(rb"\r\n(?![ \t])", octets.partition(b"\r\n\r\n")[0])
    return [f for f in head if f.lower().startswith(name.lower() + b":")]


def results(octets, host):
    """The text of the field of that host, in one line."""
    ours = [f for f in fields(octets, b"Authentication-Results") if host.encode() in f]
    return re.sub(rb"\s+", b" ", ours[0]).decode() if ours else ""

