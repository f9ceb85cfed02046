# SPDX-License-Identifier: Apache-2.0
"""The table of numbers in README.md, made from a report of run.py.

It goes between the two marks; what stands there before is replaced. A row that misses its aim says
so: 4 times the messages/s and a quarter of the CPU at 10 connections, SELECT of 100,000 messages
under 20 ms cold.
"""

import peers

BEGIN = "<!-- numbers: written by tool/bench --readme -->"
END = "<!-- end of numbers -->"
RATE_AIM, CPU_AIM, SELECT_AIM_MS = 4.0, 4.0, 20.0
THEIRS, OURS = peers.Peers.name, "Postern"


def number(value):
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cells(result, key):
    """The two numbers of a row, None where a side failed."""
    return [result.get(side, {}).get(key) for side in (THEIRS, OURS)]


def better(result, key, higher):
    """How many times better ours is, or None."""
    theirs, ours = cells(result, key)
    if not theirs or not ours:
        return None
    return ours / theirs if higher else theirs / ours


def row(name, result, key, higher, aim=None):
    theirs, ours = (number(v) for v in cells(result, key))
    by = better(result, key, higher)
    text = "-" if by is None else f"{by:.1f} x"
    if aim is not None and by is not None and by < aim:
        text += f" (aim {aim:.0f} x)"
    return f"| {name} | {theirs} | {ours} | {text} |"


def mail_lines(report, title):
    lines = []
    for entry in report["mail"]:
        what, result = entry["row"], entry["result"]
        ten = what["connections"] == 10
        name = title(what)
        lines.append(
            row(f"{name}: stored/s", result, "stored_per_s", True, RATE_AIM if ten else None)
        )
        lines.append(
            row(f"{name}: CPU ms each", result, "cpu_ms", False, CPU_AIM if ten else None)
        )
    return lines


def read_lines(report):
    lines = []
    for entry in report["read"]:
        name = f"{entry['messages']:,} messages"
        for key, what in (
            ("select_cold_ms", "SELECT cold"),
            ("select_warm_ms", "SELECT warm"),
            ("flags_cold_ms", "FETCH FLAGS cold"),
            ("flags_warm_ms", "FETCH FLAGS warm"),
        ):
            line = row(f"{name}: {what}, ms", entry["result"], key, False)
            ours = cells(entry["result"], key)[1]
            missed = ours is not None and ours >= SELECT_AIM_MS
            if key == "select_cold_ms" and entry["messages"] == 100000 and missed:
                line = line[:-2] + f" (aim: under {SELECT_AIM_MS:.0f} ms) |"
            lines.append(line)
    return lines


def out_lines(report):
    lines = []
    for entry in report.get("out", []):
        for key, what, higher, aim in (
            ("sent_per_s", "at the other servers/s", True, 2.0),
            ("cpu_ms", "CPU ms each", False, 2.0),
            ("memory_mb", "memory, MB", False, None),
        ):
            lines.append(row(f"{entry['title']}: {what}", entry["result"], key, higher, aim))
    return lines


def in_lines(report):
    lines = []
    for entry in report.get("in", []):
        aim = None if "clamd" in entry["title"] else 4.0
        for key, what, higher in (
            ("stored_per_s", "in mailboxes/s", True),
            ("cpu_ms", "CPU ms each", False),
        ):
            lines.append(row(f"{entry['title']}: {what}", entry["result"], key, higher, aim))
    return lines


def pop3_lines(report):
    lines = []
    for entry in report.get("pop3", []):
        name = f"POP3, {entry['messages']:,} messages"
        for key, what in (
            ("stat_cold_ms", "log-in and STAT cold"),
            ("stat_warm_ms", "log-in and STAT warm"),
            ("uidl_ms", "UIDL"),
            ("list_ms", "LIST"),
            ("retr_ms", "RETR of all"),
            ("retr_cpu_ms", "RETR of all, CPU"),
        ):
            lines.append(row(f"{name}: {what}, ms", entry["result"], key, False))
    return lines


def idle_lines(report):
    lines = []
    for entry in report["idle"]:
        tuned = ", peers with hibernation" if entry.get("tuned") else ""
        name = f"idle IMAP session{tuned}"
        lines.append(row(f"{name}: KB each", entry["result"], "per_session_kb", False))
        if not tuned:
            lines.append(row("server alone: KB", entry["result"], "empty_kb", False))
            lines.append(row("IMAP log-in: CPU ms", entry["result"], "login_cpu_ms", False))
    return lines


def resting_lines(report):
    entry = report.get("resting")
    if entry is None:
        return []
    name = f"{entry['sessions']:,} resting sessions"
    woken = f"{entry['wake']:,} of them woken in a second"
    result = entry["result"]
    return [
        row(f"{name}: KB each", result, "per_session_kb", False),
        row(f"{name}: whole server, KB each", result, "whole_kb", False),
        row(f"{woken}: median ms", result, "wake_p50_ms", False),
        row(f"{woken}: 99th percentile ms", result, "wake_p99_ms", False),
    ]


def text(report, title):
    """The block with its marks."""
    m = report["machine"]
    head = (
        f"{m['date']}, `{m['command']}`, {report['runs']} run(s) of each row: {m['cores']} cores "
        f"({m['cpu']}), {m['files']}, Linux {m['kernel']}, load average before {m['load']:.1f}; "
        f"Postfix {m['postfix']}, Dovecot {m['dovecot']}. The load generator shares the machine. "
        "Above 1 x Postern is better; an aim stands where it is missed."
    )
    table = ["| | Postfix + Dovecot | Postern | ratio |", "|---|---:|---:|---:|"]
    table += mail_lines(report, title) + in_lines(report) + out_lines(report)
    table += read_lines(report) + pop3_lines(report) + idle_lines(report)
    table += resting_lines(report)
    return "\n".join([BEGIN, "", head, "", *table, "", END])


def put(path, report, title):
    """Write the block into the file. ValueError when it has no marks."""
    old = path.read_text()
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for numbers: {BEGIN} ... {END}")
    path.write_text(before + text(report, title) + after)
