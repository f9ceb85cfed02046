# SPDX-License-Identifier: Apache-2.0
"""Postern as the bench sees it: the same accounts, certificate and questions as peers.Peers.

What differs from the shipped settings: ports, paths, certificate, the ceilings of connections from
one address and of messages in one connection (all load comes from one address, over few
connections), and the number of hash iterations, which the peers do not have at all (their passwords
are in plain text).
"""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import imapc  # noqa: E402
import meter  # noqa: E402
import peers  # noqa: E402
import postern  # noqa: E402
import wire  # noqa: E402


CEILINGS = {
    "gate.connections-per-address": 100000,
    "gate.connections-per-prefix": 100000,
    "smtp.max-transactions": 1000000,
}


def missing():
    return None if postern.binary() else "postern is not built"


class Postern:
    name = "Postern"

    def __init__(self, users=1000, certificate=None):
        accounts = {f"user{i}@{peers.DOMAIN}": peers.PASSWORD for i in range(users)}
        self.meter = meter.meter("postern")
        self.server = postern.Server(
            accounts, peers.DOMAIN, settings=CEILINGS, in_child=self.meter.enter
        )
        if certificate is not None:
            for name in ("cert.pem", "key.pem"):
                shutil.copy(pathlib.Path(certificate) / name, self.server.dir / name)
        self.ports = self.server.ports

    def processes(self, name):
        return [p for p, n in self.server.pids().items() if n == name]

    def _queue(self, key):
        return self.server.ctl_json("queue", "count")[key]

    def waiting(self):
        """Messages that are not in their mailbox yet."""
        return self._queue("waiting")

    def unsynced(self):
        """Messages in their mailbox that the queue still keeps until that is synced."""
        return self._queue("unsynced")

    def stored(self, first, mailboxes):
        """How many messages are in each of the mailboxes user<first>..., as IMAP tells."""
        tls = wire.client_context()
        counts = []
        for i in range(first, first + mailboxes):
            with imapc.Imap(self.ports["imaps"], tls=tls) as c:
                c.login(f"user{i}@{peers.DOMAIN}", peers.PASSWORD)
                counts.append(c.status("INBOX", "MESSAGES")["MESSAGES"])
        return counts

    def fill(self, user, maildir):
        """Give user<user> the messages of a Maildir folder, as a restored backup would."""
        self.server.ctl("import", f"user{user}@{peers.DOMAIN}", str(maildir), timeout=1800)

    def __enter__(self):
        self.server.__enter__()
        if self.meter.kind == "/proc":
            self.meter.root = self.server.proc.pid
        return self

    def __exit__(self, *args):
        self.server.__exit__(*args)
        self.meter.close()
