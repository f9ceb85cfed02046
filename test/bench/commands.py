#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IMAP commands over large mailboxes: Postern and Dovecot with Maildir and mdbox, in one run.

usage: commands.py [--messages 10000,100000] [--million] [--runs N] [--sides maildir,mdbox,postern]
                   [--out FILE] [--report FILE]

Each reading command is timed the first time it is ever asked, cold (page cache dropped, a new
session) and warm (median of --runs in one session); the writing commands are the median of --runs.
Every cell is milliseconds and, in parentheses, the server's CPU in milliseconds. Ratios are of the
milliseconds; above 1: Postern is faster. --million adds a mailbox of a million messages: half an
hour and 10 GB. --report prints the tables of an earlier report as Markdown and measures nothing.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
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

MILLION = 1000000
SOME = 1000  # messages that COPY, MOVE and EXPUNGE take, or all when there are fewer
APPENDS = 100
MAILDIR, MDBOX, OURS = "Dovecot maildir", "Dovecot mdbox", "Postern"


LINES = "".join(f"Line {i} of a letter that somebody kept.\n" for i in range(16))
LETTER = """From: Person {who} <person{who}@sender.test>
To: You <you@bench.test>
Subject: {re}topic {topic} of the day
Message-ID: <{i}.kept@sender.test>
{reply}Date: {date}

"""

# Why a row may be behind, by what it is called and when; said below the table where it is.
REASONS = {
    ("FETCH ENVELOPE", "first"): "computed and written together with what SEARCH, SORT and THREAD "
    "will ask for; Dovecot pays for those when they are first asked",
    ("SEARCH BODY", "first"): "the text of every message is folded and written for all later "
    "searches; Dovecot keeps nothing",
    ("SORT SUBJECT", "cold"): "the subjects are read and sorted; Dovecot has kept the order",
    ("SORT SUBJECT", "warm"): "the subjects are sorted; Dovecot has kept the order",
    (f"COPY {SOME}", "warm"): "synced to disk twice, packs and index, before OK",
    (f"APPEND, {APPENDS} one by one", "warm"): "synced to disk twice, packs and index, before OK",
}


def letters(count):
    """Seen messages of about 1 KB, from 500 people, a third of them replies; LF ends lines."""
    for i in range(count):
        reply = i % 3 == 2
        stamp = time.gmtime(1700000000 + i * 61 % 31536000)
        head = LETTER.format(
            i=i,
            who=i * 7919 % 500,
            topic=i * 104729 % (count // 4 + 1),
            re="Re: " if reply else "",
            reply=f"In-Reply-To: <{i - 1}.kept@sender.test>\n" if reply else "",
            date=time.strftime("%a, %d %b %Y %H:%M:%S +0000", stamp),
        )
        yield head + LINES


class Maildir(peers.Peers):
    name = MAILDIR

    def take(self, count):
        """The messages of `count` as files, as another program would have left them."""
        folder = self.dir / "mail/user0"
        for name in ("", "new", "cur", "tmp"):
            (folder / name).mkdir()
            os.chown(folder / name, peers.MAIL_ID, peers.MAIL_ID)
        for i, text in enumerate(letters(count)):
            name = folder / f"cur/{1783324800 + i}.M{i}P1.bench:2,S"
            name.write_bytes(text.replace("\n", "\r\n").encode())
            os.chown(name, peers.MAIL_ID, peers.MAIL_ID)


def write_mbox(file, count):
    with open(file, "w", encoding="ascii", newline="") as f:
        for text in letters(count):
            head, _, body = text.partition("\n\n")
            f.write("From somebody@sender.test Tue Nov 14 22:13:20 2023\n")
            f.write(f"{head}\nStatus: RO\n\n{body}\n")


class Mdbox(peers.Peers):
    name = MDBOX

    def _fill(self, text):
        text = text.replace("maildir:{dir}/mail/%n", "mdbox:{dir}/mail/%n/box")
        return super()._fill(text)

    def take(self, count):
        """The same by doveadm, from an mbox file; not synced message by message."""
        folder = self.dir / "import"
        folder.mkdir()
        write_mbox(folder / "inbox", count)
        for name in (folder, folder / "inbox"):
            os.chown(name, peers.MAIL_ID, peers.MAIL_ID)
        command = ["doveadm", "-c", str(self.dir / "dovecot/conf"), "-o", "mail_fsync=never"]
        command += ["import", "-u", f"user0@{peers.DOMAIN}"]
        source = f"mbox:{folder}:INBOX={folder}/inbox:INDEX=MEMORY"
        subprocess.run([*command, source, "", "ALL"], check=True, capture_output=True)
        shutil.rmtree(folder)


class Ours(postern_side.Postern):
    name = OURS

    def take(self, count):
        """The same as `postern import` takes them from an mbox file."""
        with tempfile.TemporaryDirectory(prefix="postern-mbox.") as folder:
            file = pathlib.Path(folder) / "inbox"
            write_mbox(file, count)
            self.server.ctl("import", f"user0@{peers.DOMAIN}", str(file), timeout=3600)


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


def timed(side, work):
    """Milliseconds that pass, and of the server's CPU."""
    cpu, began = side.meter.cpu_s(), time.monotonic()
    work()
    took = 1000 * (time.monotonic() - began)
    return took, 1000 * (side.meter.cpu_s() - cpu)


def select_and(side, client, text):
    if text is None:
        return timed(side, lambda: client.run("SELECT INBOX"))
    client.run("SELECT INBOX")
    return timed(side, lambda: client.run(text))


def middle(cells):
    return tuple(statistics.median(x) for x in zip(*cells))


def read_times(side, text, runs):
    """First, cold and warm times of one command."""
    port = side.ports["imaps"]
    with Client(port, 0) as c:
        first = select_and(side, c, text)
    measure.rest(side.meter)
    really_cold = meter.drop_caches()
    with Client(port, 0) as c:
        cold = select_and(side, c, text)
    with Client(port, 0) as c:
        warm = middle(select_and(side, c, text) for _ in range(runs))
    return {"first": first, "cold": cold if really_cold else None, "warm": warm}


def append_some(client):
    letter = b"Subject: appended\r\nFrom: a@b.test\r\n\r\n" + b"a line of text\r\n" * 60
    for _ in range(APPENDS):
        client.run(b"APPEND Copies {%d+}\r\n" % len(letter) + letter)


def writing(side, client, count):
    """One round of the commands that write, each undone by a later one."""
    some = min(SOME, count)
    times = {}

    def one(name, text):
        times[name] = timed(side, lambda: client.run(text))

    one("STORE 1:* +FLAGS", "STORE 1:* +FLAGS.SILENT (\\Flagged)")
    one("STORE 1:* -FLAGS", "STORE 1:* -FLAGS.SILENT (\\Flagged)")
    one(f"COPY {some}", f"COPY 1:{some} Copies")
    client.run("SELECT Copies")
    one(f"MOVE {some}", f"MOVE 1:{some} INBOX")
    client.run("SELECT INBOX")
    client.run(f"STORE {count + 1}:{count + some} +FLAGS.SILENT (\\Deleted)")
    one(f"EXPUNGE {some}", "EXPUNGE")
    times[f"APPEND, {APPENDS} one by one"] = timed(side, lambda: append_some(client))
    client.run("SELECT Copies")
    client.run("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    client.run("CLOSE")
    client.run("SELECT INBOX")
    return times


def write_times(side, count, runs):
    with Client(side.ports["imaps"], 0) as c:
        c.run("CREATE Copies")
        c.run("SELECT INBOX")
        rounds = [writing(side, c, count) for _ in range(runs)]
    return {k: {"warm": middle(r[k] for r in rounds)} for k in rounds[0]}


def measure_side(side, count, runs):
    rows = {}
    for name, text in reading(count):
        try:
            rows[name] = read_times(side, text, runs)
        except (RuntimeError, OSError) as e:
            rows[name] = {"failed": str(e)}
    try:
        rows.update(write_times(side, count, runs))
    except (RuntimeError, OSError) as e:
        rows["commands that write"] = {"failed": str(e)}
    return rows


def number(value):
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def shown(cell):
    return "-" if cell is None else f"{number(cell[0])} ({number(cell[1])})"


def ratio(theirs, ours):
    return "-" if not ours or not theirs else f"{theirs[0] / ours[0]:.1f}x"


def table(results):
    """Rows of text: what, when, a cell for each side, a ratio for each peer; and what is behind."""
    names = [n for n in (MAILDIR, MDBOX, OURS) if n in results]
    lines, behind = [["", "", *names, *(f"to {n}" for n in names if n != OURS)]], []
    for row in results[names[-1]]:
        for when in ("first", "cold", "warm"):
            cells = {n: results[n].get(row, {}).get(when) for n in names}
            if all(c is None for c in cells.values()):
                continue
            ours = cells.get(OURS)
            theirs = [cells[n] for n in names if n != OURS]
            ratios = [ratio(c, ours) for c in theirs]
            lines.append([row, when, *(shown(c) for c in cells.values()), *ratios])
            if any(c and (not ours or c[0] < ours[0]) for c in theirs):
                behind.append(f"{row}, {when}: {reason(row, when, ours, theirs)}")
    return lines, behind


def reason(row, when, ours, theirs):
    """By the clock alone we may be behind for what else the machine does: the CPU tells."""
    if ours and all(c is None or ours[1] <= c[1] for c in theirs):
        return "by the clock, with less CPU than theirs; other work, or waiting for the disk"
    return REASONS.get((row, when), "no reason known")


def failures(results):
    return [
        f"{side}, {row}: {r['failed']}"
        for side, rows in results.items()
        for row, r in rows.items()
        if "failed" in r
    ]


def show(count, results):
    lines, behind = table(results)
    print(f"\n{count:,} messages, milliseconds (CPU)")
    wide = [max(len(x) for x in column) for column in zip(*lines)]
    for line in lines:
        left = [x.ljust(w) for x, w in zip(line[:2], wide)]
        print("  ".join(left + [x.rjust(w) for x, w in zip(line[2:], wide[2:])]))
    for line in behind:
        print(f"  behind: {line}")
    for line in failures(results):
        print(f"  failed: {line}")


def paper(report):
    """The tables as Markdown."""
    for count, results in report["rows"].items():
        lines, behind = table(results)
        lines[0][0] = f"{int(count):,} messages"
        lines.insert(1, ["---", "---", *("---:" for _ in lines[0][2:])])
        for line in lines:
            print("| " + " | ".join(line) + " |")
        print()
        for line in behind:
            print(f"- behind: {line}")
        for line in failures(results):
            print(f"- failed: {line}")
        print()


KINDS = {"maildir": Maildir, "mdbox": Mdbox, "postern": Ours}


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--messages", default="10000,100000")
    p.add_argument("--million", action="store_true")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--sides", default=",".join(KINDS))
    p.add_argument("--out", default=str(postern.build_dir() / "bench-commands.json"))
    p.add_argument("--report")
    return p.parse_args()


def sides(wanted):
    """Kinds of server that can run here; all of them when Dovecot is there."""
    why = peers.missing()
    if why is not None:
        print(f"without Dovecot: {why}")
    return [KINDS[n] for n in wanted.split(",") if why is None or n == "postern"]


def measure_count(count, o, certificate):
    results = {}
    for kind in sides(o.sides):
        with kind(1, certificate) as side:  # one server at a time has the machine
            began = time.monotonic()
            side.take(count)
            print(f"{side.name} has {count:,} messages after {time.monotonic() - began:.0f} s")
            measure.rest(side.meter)
            results[side.name] = measure_side(side, count, o.runs)
    return results


def main():
    postern.end_cleanly()
    o = options()
    if o.report:
        paper(json.loads(pathlib.Path(o.report).read_text()))
        return
    counts = [int(x) for x in o.messages.split(",") if x] + [MILLION] * o.million
    report = {"load": os.getloadavg()[0], "cores": os.cpu_count(), "runs": o.runs, "rows": {}}
    with tempfile.TemporaryDirectory(prefix="postern-commands.") as certificate:
        postern.make_certificate(pathlib.Path(certificate))
        os.chmod(certificate, 0o755)
        for count in counts:
            report["rows"][count] = measure_count(count, o, certificate)
            show(count, report["rows"][count])
            pathlib.Path(o.out).write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nwritten to {o.out}")


if __name__ == "__main__":
    main()
