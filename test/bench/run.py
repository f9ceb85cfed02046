#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Postern against Postfix + Dovecot, row by row, in one run.

usage: run.py [--quick] [--runs N] [--only mail|in|out|read|search|pop3|idle] [--out FILE]
              [--side postern|peers] [--readme] [--report FILE]

Prints a table with the ratio per row (above 1: Postern is better) and writes build/bench.json. Rows
are the median of three runs, the sides taking turns; --quick runs each row once and leaves reading
out. --readme also writes the table into README.md; with --report that of an earlier report, without
measuring anything.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import inbound  # noqa: E402
import measure  # noqa: E402
import meter  # noqa: E402
import outbound  # noqa: E402
import paper  # noqa: E402
import peers  # noqa: E402
import postern  # noqa: E402
import postern_side  # noqa: E402
import search  # noqa: E402
import table  # noqa: E402

USERS = 1000
SMALL, LARGE = 4096, 102400
SUSTAINED = 10000  # messages into 1,000 mailboxes: ten each, as under lasting load
READERS = 3  # the users after those hold the large mailboxes
SEARCHED = (10000, 100000)  # and those after them the mailboxes that are searched
POP3_MESSAGES = 10000
RUNS_FULL, RUNS_QUICK = 3, 1
SESSIONS_FULL, SESSIONS_QUICK = 500, 100
RESTING_FULL, RESTING_QUICK = 10000, 1000  # of different accounts; ours alone
SESSIONS_TUNED = 100  # more would meet the kernel's inotify limit of one user, and not hibernate


def mail_row(mailboxes, connections, size, per_connection=0, quick=False):
    """How many messages: a few seconds of work for the slower side."""
    messages = {1: 400, 10: 2000, 50: 3000}[connections]
    if size == LARGE or per_connection == 1:
        messages //= 2
    if quick:
        messages //= 2
    return {
        "mailboxes": mailboxes,
        "connections": connections,
        "size": size,
        "per_connection": per_connection,
        "messages": messages,
    }


def lasting_row():
    """Enough messages for a queue to have several for each mailbox at a time."""
    return {**mail_row(1000, 10, SMALL), "messages": SUSTAINED}


def mail_rows(quick):
    if quick:
        return [
            lasting_row(),
            mail_row(1000, 10, SMALL, quick=True),
            mail_row(1000, 10, SMALL, per_connection=1, quick=True),
            mail_row(1, 10, SMALL, quick=True),
            mail_row(1000, 10, LARGE, quick=True),
        ]
    one_each = mail_row(1000, 10, SMALL, per_connection=1)
    rows = [mail_row(m, c, s) for s in (SMALL, LARGE) for m in (1, 100, 1000) for c in (1, 10, 50)]
    return rows + [lasting_row(), mail_row(1000, 1, SMALL, per_connection=1), one_each]


def title(row):
    each = ", one each" if row["per_connection"] == 1 else ""
    boxes = f"{row['mailboxes']} mailbox{'es' if row['mailboxes'] > 1 else ''}"
    many = ", lasting" if row["messages"] == SUSTAINED else ""
    return f"{row['size'] // 1024} KB, {boxes}, {row['connections']} conn{each}{many}"


READ_COLUMNS = [
    ("select_cold_ms", "SELECT cold", "ms", False),
    ("select_warm_ms", "SELECT warm", "ms", False),
    ("flags_cold_ms", "FLAGS cold", "ms", False),
    ("flags_warm_ms", "FLAGS warm", "ms", False),
]
POP3_COLUMNS = [
    ("stat_cold_ms", "STAT cold", "ms", False),
    ("stat_warm_ms", "STAT warm", "ms", False),
    ("uidl_ms", "UIDL", "ms", False),
    ("list_ms", "LIST", "ms", False),
    ("retr_ms", "RETR all", "ms", False),
    ("retr_cpu_ms", "RETR CPU", "ms", False),
]
IDLE_COLUMNS = [
    ("per_session_kb", "memory", "KB", False),
    ("empty_kb", "server alone", "KB", False),
    ("login_cpu_ms", "login CPU", "ms", False),
]
RESTING_COLUMNS = [
    ("per_session_kb", "memory", "KB", False),
    ("whole_kb", "whole server", "KB", False),
    ("wake_p50_ms", "wake, median", "ms", False),
    ("wake_p99_ms", "wake, p99", "ms", False),
    ("wake_cpu_ms", "wake CPU", "ms", False),
]


def run_mail(sides, quick, runs, report):
    ledgers = {side.name: measure.Ledger(USERS) for side in sides}

    def deliver(side, row):
        return measure.mail(side, row, ledgers[side.name])

    for side in sides:  # every mailbox exists before the first row
        deliver(side, {**mail_row(USERS, 10, SMALL), "messages": USERS})
    for row in mail_rows(quick):
        result = table.take_turns(sides, runs, lambda side, row=row: deliver(side, row))
        table.show(title(row), result, table.MAIL_COLUMNS)
        report["mail"].append({"row": row, "result": result})
    report["kept"] = {side.name: kept(side, ledgers[side.name]) for side in sides}


def kept(side, ledger):
    """Whether the mailboxes hold what was accepted; the rates mean nothing otherwise."""
    fault = ledger.compare(side.stored(0, USERS))
    if fault is None:
        print(f"{side.name}: all {ledger.accepted} accepted messages are in their mailboxes, once")
    else:
        print(f"{side.name}: {fault}")
    return {"accepted": ledger.accepted, "fault": fault}


def fill(side, user, maildir):
    """True when the side has taken the mailbox; a failure is told and costs that row only."""
    try:
        side.fill(user, maildir)
        return True
    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
        print(f"{side.name} could not take {maildir}: {str(e)[:300]}")
        return False


def run_read(sides, runs, report):
    for i, count in enumerate((10000, 100000)):
        user = USERS + i
        who = filled(sides, user, count)
        result = table.take_turns(who, runs, lambda side, u=user: measure.reading(side, u, 5))
        table.show(f"mailbox of {count} messages", result, READ_COLUMNS)
        report["read"].append({"messages": count, "result": result})


def run_search(sides, counts, report):
    for i, count in enumerate(counts):
        user = USERS + READERS + i
        who = filled(sides, user, count, search.make_maildir)
        result = table.take_turns(who, 1, lambda s, u=user, n=count: search.searching(s, u, n))
        table.show(f"search of {count} messages", result, search.COLUMNS)
        report["search"].append({"messages": count, "result": result})


def filled(sides, user, count, make=measure.make_maildir):
    """The sides that hold a mailbox of so many messages now."""
    with tempfile.TemporaryDirectory(prefix="postern-maildir.") as folder:
        maildir = pathlib.Path(folder) / "mail"
        make(maildir, count)
        os.chmod(folder, 0o755)
        return [side for side in sides if fill(side, user, maildir)]


def run_pop3(sides, runs, report):
    """From connect to the answer of STAT, TLS and log-in included; then the rest."""
    user = USERS + READERS - 1
    who = filled(sides, user, POP3_MESSAGES)
    result = table.take_turns(who, runs, lambda side: measure.popping(side, user))
    table.show(f"maildrop of {POP3_MESSAGES} messages, POP3", result, POP3_COLUMNS)
    report["pop3"].append({"messages": POP3_MESSAGES, "result": result})


def run_idle(sides, sessions, report):
    result = table.take_turns(sides, 1, lambda side: measure.idle(side, sessions))
    table.show(f"idle IMAP session over TLS ({sessions} held)", result, IDLE_COLUMNS)
    report["idle"].append({"sessions": sessions, "result": result})
    return result.get("Postern")


def run_idle_tuned(certificate, postern_result, report):
    """The same against Dovecot set up for idle sessions, which is not how it is packaged."""
    with peers.Peers(USERS, certificate, tuned=True) as tuned:
        result = table.take_turns([tuned], 1, lambda side: measure.idle(side, SESSIONS_TUNED))
    if postern_result is not None:
        result["Postern"] = postern_result
    table.show(f"idle, peers with hibernation ({SESSIONS_TUNED})", result, IDLE_COLUMNS)
    report["idle"].append({"sessions": SESSIONS_TUNED, "tuned": True, "result": result})


def run_resting(certificate, quick, report):
    """Ours alone: as many sessions as the aim names, and a tenth of them woken within a second."""
    sessions = RESTING_QUICK if quick else RESTING_FULL
    wake = sessions // 10
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with postern_side.Postern(sessions, certificate) as side:
        result = table.take_turns([side], 1, lambda side: measure.resting(side, sessions, wake))
    table.show(f"{sessions} resting sessions, {wake} woken", result, RESTING_COLUMNS)
    report["resting"] = {"sessions": sessions, "wake": wake, "result": result}


def run_outbound(certificate, o, runs, report):
    """Servers of their own: they need a resolver, and other servers to send to."""
    for row in outbound.rows(o.quick, runs, o.side):
        result = outbound.measure_all(row, certificate)
        report["out"].append({"title": outbound.title(row), "result": result})


def run_inbound(certificate, o, runs, report):
    """Servers of their own again: every check is on, and a resolver answers both."""
    if o.side != "postern" and inbound.missing() is not None:
        print(f"without rspamd: {inbound.missing()}")
    for row in inbound.rows(o.quick, runs, o.side):
        if row.clamd and inbound.clamd.lacks() is not None:
            print(f"without clamd: {inbound.clamd.lacks()}")
            continue
        result = inbound.measure_all(row, certificate)
        report["in"].append({"title": inbound.title(row), "result": result})


def cpu_model():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "?")


def machine():
    def version(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True).stdout.strip()
        except OSError:
            return None

    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "command": "tool/bench " + " ".join(x for x in sys.argv[1:] if x != "--readme"),
        "load": os.getloadavg()[0],
        "cpu": cpu_model(),
        "files": version("df", "--output=fstype", tempfile.gettempdir()).split()[-1],
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "postfix": version("postconf", "-d", "-h", "mail_version"),
        "dovecot": version("dovecot", "--version"),
        "meter": "cgroup" if meter.cgroup_root() else "/proc",
    }


def chosen_sides(only):
    """The sides that can run here; says why another cannot."""
    kinds = []
    for name, module, kind in (
        ("peers", peers, peers.Peers),
        ("postern", postern_side, postern_side.Postern),
    ):
        why = module.missing() if only in (None, name) else "not asked for"
        if why is None:
            kinds.append(kind)
        else:
            print(f"without {kind.name}: {why}")
    return kinds


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--quick", action="store_true")
    p.add_argument("--only", choices=("mail", "in", "out", "read", "search", "pop3", "idle"))
    p.add_argument("--readme", action="store_true")
    p.add_argument("--report", help="do not measure, take this report")
    p.add_argument("--side", choices=("postern", "peers"))
    p.add_argument("--runs", type=int, help="runs of each row, for a machine with little time")
    p.add_argument("--out", default=str(postern.build_dir() / "bench.json"))
    return p.parse_args()


def measure_all(o, kinds, certificate, report):
    sessions = SESSIONS_QUICK if o.quick else SESSIONS_FULL
    runs = o.runs or (RUNS_QUICK if o.quick else RUNS_FULL)
    report["runs"] = runs
    print(f"{'':<40} {'':<12} {'peers':>10} {'Postern':>10}")
    with contextlib.ExitStack() as stack:
        users = USERS + READERS + len(SEARCHED)
        sides = [stack.enter_context(kind(users, certificate)) for kind in kinds]
        if o.only in (None, "mail"):
            run_mail(sides, o.quick, runs, report)
        if o.only in (None, "idle"):
            ours = run_idle(sides, sessions, report)
        if o.only == "read" or (o.only is None and not o.quick):
            run_read(sides, runs, report)
        if o.only == "search" or (o.only is None and not o.quick):
            run_search(sides, SEARCHED[: 1 if o.quick else None], report)
        if o.only == "pop3" or (o.only is None and not o.quick):
            run_pop3(sides, runs, report)
    if o.only in (None, "in"):
        run_inbound(certificate, o, runs, report)
    if o.only in (None, "out"):
        run_outbound(certificate, o, runs, report)
    if o.only in (None, "idle") and peers.Peers in kinds:
        run_idle_tuned(certificate, ours, report)
    if o.only in (None, "idle") and postern_side.Postern in kinds:
        run_resting(certificate, o.quick, report)


def write_readme(report):
    paper.put(postern.ROOT / "README.md", report, title)
    print("README.md has the new numbers")


def main():
    postern.end_cleanly()
    o = options()
    if o.report:
        write_readme(json.loads(pathlib.Path(o.report).read_text()))
        return
    kinds = chosen_sides(o.side)
    if not kinds:
        sys.exit("bench: nothing to measure")
    report = {"machine": machine(), "quick": o.quick, "mail": [], "read": [], "pop3": [],
        "idle": []}
    report["search"], report["out"], report["in"] = [], [], []
    with tempfile.TemporaryDirectory(prefix="postern-cert.") as certificate:
        postern.make_certificate(certificate)
        try:
            measure_all(o, kinds, certificate, report)
        finally:  # what was measured before a failure is worth keeping
            pathlib.Path(o.out).write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {o.out}; ratio above 1: Postern is better")
    if o.readme:
        write_readme(report)
    if any(k["fault"] for k in report.get("kept", {}).values()):
        sys.exit("bench: messages are missing or too many")


if __name__ == "__main__":
    main()
