# SPDX-License-Identifier: Apache-2.0
"""How much memory each process of a server takes, while something happens to it.

    with memory.Watch(server) as w:
        ...
    w.peak          # {kind: octets of the largest process of that kind}

PSS where the kernel lets us look (root), else the resident set, which counts shared pages whole.
"""

import pathlib
import threading

import postern

MB = 1 << 20
EVERY_S = 0.03

# The most that any process of a kind may take in any test here, in octets.
CEILINGS = {
    "postern": 16 * MB,
    "gate": 32 * MB,
    "login": 16 * MB,
    "auth": 24 * MB,
    "hash": 16 * MB,
    "smtp-mx": 24 * MB,
    "smtp-submission": 24 * MB,
    "queue": 32 * MB,
    "accounts": 16 * MB,
    "account": 64 * MB,
    "keys": 16 * MB,
    "resolve": 32 * MB,
    "send": 32 * MB,
    "fetch": 24 * MB,
    "watch": 24 * MB,
    "policy": 24 * MB,
    "scan": 64 * MB,
}


def octets_of(pid):
    """PSS, or the resident set, or 0 when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return 1024 * int(text.partition("\nPss:")[2].split()[0])
    except (PermissionError, IndexError):
        pass
    except OSError:
        return 0
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return 1024 * int(text.partition("\nVmRSS:")[2].split()[0])
    except (OSError, IndexError):
        return 0


def kinds(server):
    """{pid: kind}; what accounts forked is "account"."""
    running = server.proc
    if running is None:
        return {}
    names = server.pids()
    zygotes = {p for p, n in names.items() if n.startswith("accounts")}
    parents = postern.process_tree(running.pid)
    # between exec and its first words a process bears the name of its program
    return {
        p: "account"
        if parents.get(p) in zygotes
        else n.partition("[")[0].removeprefix("postern-")
        for p, n in names.items()
    }


class Watch:
    def __init__(self, server):
        self.server = server
        self.before = {}
        self.peak = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)

    def look(self, into):
        for pid, kind in kinds(self.server).items():
            into[kind] = max(into.get(kind, 0), octets_of(pid))

    def _sample(self):
        while not self.ended.wait(EVERY_S):
            self.look(self.peak)

    def __enter__(self):
        self.look(self.before)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.look(self.peak)


class Table:
    """Peaks of all parts; each is checked against its ceiling."""

    def __init__(self, report):
        self.report = report
        self.rows = {}

    def add(self, part, watch):
        for kind, octets in sorted(watch.peak.items()):
            ceiling = CEILINGS.get(kind)
            self.report.check(
                f"{part}: memory of {kind}",
                ceiling is not None and octets <= ceiling,
                f"{octets / MB:.1f} MB, ceiling {(ceiling or 0) / MB:.0f} MB",
            )
            if octets > self.rows.get(kind, (0,))[0]:
                self.rows[kind] = (octets, part, watch.before.get(kind, 0))

    def show(self):
        print(f"{'process':<18}{'before':>10}{'peak':>10}{'ceiling':>10}  in part")
        for kind, (octets, part, before) in sorted(self.rows.items()):
            ceiling = CEILINGS.get(kind, 0)
            print(
                f"{kind:<18}{before / MB:>7.1f} MB{octets / MB:>7.1f} MB{ceiling / MB:>7.0f} MB"
                f"  {part}"
            )
