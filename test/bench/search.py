# SPDX-License-Identifier: Apache-2.0
"""SEARCH BODY and TEXT of large mailboxes: the first time, again, and after the server had a rest.

The letters have about 3 KB of words; every thousandth holds two words that no other has. A side is
peers.Peers or postern_side.Postern. Both must find the same messages.
"""

import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import imapc  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import wire  # noqa: E402

RARE = "quokka wombat"
TEXT_OCTETS = 3000
AGAIN = 3
BEGIN_S = 3  # until a session that nobody uses has begun with that, at the latest
REST_S = 240  # a trigram index takes a few seconds for 20,000 messages
SYLLABLES = "ba con de er for gen hi in ka lo men no pro re si ta un ver wi zu".split()


def vocabulary(chance):
    return ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 3))) for _ in range(20000)]


def letter(number, words, chance):
    lines, octets = [], 0
    while octets < TEXT_OCTETS:
        picked = (words[int(len(words) * chance.random() ** 3)] for _ in range(11))
        lines.append(" ".join(picked))
        octets += len(lines[-1]) + 2
    if number % 1000 == 7:
        lines.append(f"a {RARE} in the grass")
    subject = words[int(len(words) * chance.random() ** 3)]
    head = [
        "From: a@sender.test",
        f"Subject: {subject} {number}",
        f"Message-ID: <{number}.search@sender.test>",
        "Date: Mon, 06 Jul 2026 10:00:00 +0200",
    ]
    return "\r\n".join([*head, "", *lines, ""]).encode()


def make_maildir(folder, count):
    """A Maildir of `count` seen letters; the same ones each time."""
    chance = random.Random(count)
    words = vocabulary(chance)
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    for i in range(count):
        name = f"cur/{1783324800 + i}.M{i}P1.bench:2,S"
        (folder / name).write_bytes(letter(i, words, chance))


def ask(side, c, question, times=1):
    """Median wall time and CPU of the server in ms, and how many were found."""
    took, cpu, found = [], [], set()
    for _ in range(times):
        before, start = side.meter.cpu_s(), time.monotonic()
        answer = c.ok(f"SEARCH {question}")
        took.append(1000 * (time.monotonic() - start))
        cpu.append(1000 * (side.meter.cpu_s() - before))
        found |= {len(u) - 1 for u in answer.untagged if u[0] == "SEARCH"}
    if len(found) != 1:
        raise RuntimeError(f"{side.name}: {question} found {found}")
    return measure.median(took), measure.median(cpu), found.pop()


QUESTIONS = [
    ("body", f'BODY "{RARE}"'),
    ("text", f'TEXT "{RARE}"'),
    ("none", 'BODY "no such words"'),
]


def searching(side, user, count):
    """All questions twice: at once, and after the server had the time to prepare."""
    out = {"messages": count}
    with imapc.Imap(side.ports["imaps"], tls=wire.client_context(), timeout=900) as c:
        c.login(f"user{user}@{peers.DOMAIN}", peers.PASSWORD)
        c.select()
        out["first_ms"], out["first_cpu_ms"], found = ask(side, c, QUESTIONS[0][1])
        for when in ("", "_rested"):
            for name, question in QUESTIONS:
                ms, cpu, n = ask(side, c, question, AGAIN)
                out[f"{name}{when}_ms"], out[f"{name}{when}_cpu_ms"] = ms, cpu
                if n != (0 if name == "none" else count // 1000):
                    raise RuntimeError(f"{side.name}: {question} found {n} of {count}")
            if when == "":
                time.sleep(BEGIN_S)
                measure.rest(side.meter, REST_S)
    out["found"] = float(found)
    return out


COLUMNS = [
    ("first_ms", "BODY first", "ms", False),
    ("first_cpu_ms", "  its CPU", "ms", False),
    ("body_ms", "BODY again", "ms", False),
    ("body_cpu_ms", "  its CPU", "ms", False),
    ("text_ms", "TEXT again", "ms", False),
    ("text_cpu_ms", "  its CPU", "ms", False),
    ("none_ms", "BODY, none", "ms", False),
    ("body_rested_ms", "BODY rested", "ms", False),
    ("body_rested_cpu_ms", "  its CPU", "ms", False),
    ("text_rested_ms", "TEXT rested", "ms", False),
]
