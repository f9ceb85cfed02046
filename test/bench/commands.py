#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IMAP commands over large mailboxes: Postern and Dovecot with Maildir and mdbox, in one run.

usage: commands.py [--messages 10000,100000] [--runs N] [--side NAME] [--out FILE]

Each reading command is timed the first time it is ever asked, cold (page cache dropped, a new
session) and warm (median of --runs in one session); the writing commands are the median of --runs.
Ratios above 1: Postern is faster. A million messages by argument: that takes hours and 10 GB.
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import measure  # noqa: E402
import meter  # noqa: E402
import peers  # noqa: E402
import postern  # noqa: E402
import postern_side  # noqa: E402
import wire  # noqa: E402

SOME = 1000  # messages that COPY, MOVE and EXPUNGE take, or all when there are fewer
APPENDS = 100
MAILDIR, MDBOX, OURS = "Dovecot maildir", "Dovecot mdbox", "Postern"


class Maildir(peers.Peers):
    name = MAILDIR


class Mdbox(peers.Peers):
    name = MDBOX

    def _fill(self, text):
        text = text.replace("maildir:{dir}/mail/%n", "mdbox:{dir}/mail/%n/box")
        return super()._fill(text)

    def fill(self, user, maildir):
        """Take the messages of a Maildir folder by doveadm."""
        source = self.dir / "import"
        subprocess.run(["cp", "-r", str(maildir), str(source)], check=True)
        subprocess.run(["chown", "-R", f"{peers.MAIL_ID}:{peers.MAIL_ID}", str(source)], check=True)
        name = f"user{user}@{peers.DOMAIN}"
        command = ["doveadm", "-c", str(self.dir / "dovecot/conf"), "import", "-u", name]
        subprocess.run([*command, f"maildir:{source}", "", "ALL"], check=True, capture_output=True)
        subprocess.run(["rm", "-rf", str(source)], check=True)


def make_maildir(folder, count):
    """Seen messages of about 1 KB, from 500 people, a third of them replies."""
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    text = "".join(f"Line {i} of a letter that somebody kept.\r\n" for i in range(16))
    for i in range(count):
        who = i * 7919 % 500
        topic = i * 104729 % (count // 4 + 1)
        head = f"From: Person {who} <person{who}@sender.test>\r\nTo: You <you@bench.test>\r\n"
        reply = i % 3 == 2
        head += f"Subject: {'Re: ' if reply else ''}topic {topic} of the day\r\n"
        head += f"Message-ID: <{i}.kept@sender.test>\r\n"
        head += f"In-Reply-To: <{i - 1}.kept@sender.test>\r\n" if reply else ""
        stamp = time.gmtime(1700000000 + i * 61 % 31536000)
        date = time.strftime("Date: %a, %d %b %Y %H:%M:%S +0000\r\n\r\n", stamp)
        name = f"cur/{1783324800 + i}.M{i}P1.bench:2,S"
        (folder / name).write_bytes((head + date + text).encode())


class Client:
    """One session that throws away what it reads: the answer's end is all it looks for."""

    def __init__(self, port, user):
        raw = socket.create_connection(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = wire.client_context().wrap_socket(raw, server_hostname="localhost")
        self.room = bytearray(1 << 20)
        self.sock.recv(4096)
        self.run(f"LOGIN user{user}@{peers.DOMAIN} {peers.PASSWORD}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, RuntimeError):
            self.run("LOGOUT")
        self.sock.close()

    def run(self, text):
        """Milliseconds from sending to the tagged OK."""
        began = time.monotonic()
        self.sock.sendall(b"zq9 " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        self.read_end()
        return 1000 * (time.monotonic() - began)

    def read_end(self):
        """Read until the last line is the tagged one."""
        tail = b"\n"
        while True:
            n = self.sock.recv_into(self.room)
            if n == 0:
                raise RuntimeError("the server closed the connection")
            tail = (tail + self.room[max(0, n - 600) : n])[-600:]
            at = tail.rfind(b"\nzq9 ")
            if at >= 0 and tail.endswith(b"\n"):
                break
        if not tail[at + 5 :].startswith(b"OK"):
            raise RuntimeError(tail[at + 5 :].decode(errors="replace")[:200].strip())


def reading(count):
    """Name and command of what only reads; None: SELECT itself."""
    body = f"1:{min(count, 10000)}"
    return [
        ("SELECT", None),
        ("FETCH FLAGS", "FETCH 1:* (FLAGS)"),
        ("FETCH ENVELOPE", "FETCH 1:* (ENVELOPE)"),
        (f"FETCH {body} BODY[]", f"FETCH {body} (BODY.PEEK[])"),
        ("SEARCH SUBJECT", 'SEARCH SUBJECT "topic 77 of"'),
        ("SEARCH FROM", 'SEARCH FROM "person77@"'),
        ("SORT SUBJECT", "SORT (SUBJECT) UTF-8 ALL"),
        ("SORT REVERSE DATE", "SORT (REVERSE DATE) UTF-8 ALL"),
        ("THREAD REFERENCES", "THREAD REFERENCES UTF-8 ALL"),
        ("SEARCH BODY", 'SEARCH BODY "nobody wrote this"'),
        ("SEARCH TEXT", 'SEARCH TEXT "nobody wrote this"'),
    ]


def select_and(client, text):
    took = client.run("SELECT INBOX")
    return took if text is None else client.run(text)


def read_times(side, user, text, runs):
    """First, cold and warm times of one command."""
    port = side.ports["imaps"]
    with Client(port, user) as c:
        first = select_and(c, text)
    measure.rest(side.meter)
    really_cold = meter.drop_caches()
    with Client(port, user) as c:
        cold = select_and(c, text)
    with Client(port, user) as c:
        warm = statistics.median(select_and(c, text) for _ in range(runs))
    return {"first": first, "cold": cold if really_cold else None, "warm": warm}


def writing(client, count):
    """One round of the commands that write, each undone by a later one."""
    some = min(SOME, count)
    times = {}
    times["STORE 1:* +FLAGS"] = client.run("STORE 1:* +FLAGS.SILENT (\\Flagged)")
    times["STORE 1:* -FLAGS"] = client.run("STORE 1:* -FLAGS.SILENT (\\Flagged)")
    times[f"COPY {some}"] = client.run(f"COPY 1:{some} Copies")
    client.run("SELECT Copies")
    times[f"MOVE {some}"] = client.run(f"MOVE 1:{some} INBOX")
    client.run("SELECT INBOX")
    client.run(f"STORE {count + 1}:{count + some} +FLAGS.SILENT (\\Deleted)")
    times[f"EXPUNGE {some}"] = client.run("EXPUNGE")
    letter = b"Subject: appended\r\nFrom: a@b.test\r\n\r\n" + b"a line of text\r\n" * 60
    began = time.monotonic()
    for _ in range(APPENDS):
        client.run(b"APPEND Copies {%d+}\r\n" % len(letter) + letter)
    times[f"APPEND, {APPENDS} one by one"] = 1000 * (time.monotonic() - began)
    client.run("SELECT Copies")
    client.run("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    client.run("CLOSE")
    client.run("SELECT INBOX")
    return times


def write_times(side, user, count, runs):
    with Client(side.ports["imaps"], user) as c:
        c.run("CREATE Copies")
        c.run("SELECT INBOX")
        rounds = [writing(c, count) for _ in range(runs)]
    return {k: {"warm": statistics.median(r[k] for r in rounds)} for k in rounds[0]}


def measure_side(side, user, count, runs):
    rows = {}
    for name, text in reading(count):
        try:
            rows[name] = read_times(side, user, text, runs)
        except RuntimeError as e:
            rows[name] = {"failed": str(e)}
    try:
        rows.update(write_times(side, user, count, runs))
    except RuntimeError as e:
        rows["commands that write"] = {"failed": str(e)}
    return rows


def number(value):
    return "-" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def show(count, results):
    names = [n for n in (MAILDIR, MDBOX, OURS) if n in results]
    print(f"\n{count:,} messages, milliseconds")
    print(f"{'':<28}{'':<7}" + "".join(f"{n:>17}" for n in names) + "    ratios")
    for row in results[names[-1]]:
        for when in ("first", "cold", "warm"):
            cells = [results[n].get(row, {}).get(when) for n in names]
            if all(c is None for c in cells):
                continue
            ours = results.get(OURS, {}).get(row, {}).get(when)
            ratios = [
                f"{c / ours:.1f}x" if ours and c and n != OURS else "-"
                for n, c in zip(names, cells)
                if n != OURS
            ]
            line = "".join(f"{number(c):>17}" for c in cells)
            print(f"{row:<28}{when:<7}{line}    {' '.join(ratios)}")
    for n in names:
        for row, r in results[n].items():
            if "failed" in r:
                print(f"    {n}, {row}: {r['failed']}")


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--messages", default="10000,100000")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--side", choices=("maildir", "mdbox", "postern"))
    p.add_argument("--out", default=str(postern.build_dir() / "bench-commands.json"))
    return p.parse_args()


def sides(only):
    kinds = {"maildir": Maildir, "mdbox": Mdbox, "postern": postern_side.Postern}
    if only is not None:
        return [kinds[only]]
    why = peers.missing()
    if why is not None:
        print(f"without Dovecot: {why}")
    return [kinds["postern"]] if why else list(kinds.values())


def main():
    postern.end_cleanly()
    o = options()
    counts = [int(x) for x in o.messages.split(",")]
    report = {"load": os.getloadavg()[0], "cores": os.cpu_count(), "runs": o.runs, "rows": {}}
    with tempfile.TemporaryDirectory(prefix="postern-commands.") as folder:
        certificate = pathlib.Path(folder) / "cert"
        certificate.mkdir()
        postern.make_certificate(certificate)
        os.chmod(folder, 0o755)
        for i, count in enumerate(counts):
            maildir = pathlib.Path(folder) / f"mail{i}"
            make_maildir(maildir, count)
            results = {}
            for kind in sides(o.side):
                with kind(1, certificate) as side:  # one server at a time has the machine
                    side.fill(0, maildir)
                    measure.rest(side.meter)
                    results[side.name] = measure_side(side, 0, count, o.runs)
            show(count, results)
            report["rows"][count] = results
            pathlib.Path(o.out).write_text(json.dumps(report, indent=1) + "\n")
            subprocess.run(["rm", "-rf", str(maildir)], check=True)
    print(f"\nwritten to {o.out}")


if __name__ == "__main__":
    main()
