# SPDX-License-Identifier: Apache-2.0
"""Made-up records: what we say next to what pyspf says.

A dozen domains that point at each other are made at random from a seed, most of them well-formed.
Where both differ, `excuse` must know why.
"""

import json
import pathlib
import random
import re
import subprocess

import zones

HERE = pathlib.Path(__file__).resolve().parent
SYSTEM_PYTHON = "/usr/bin/python3"
DOMAINS = 12
CASES = 10  # of a zone
EXCUSED_MAX = 0.05  # of all checks

IPS = ["192.0.2.1", "192.0.2.77", "198.51.100.9", "2001:db8::1", "2001:db8:1::77"]
LOCALS = ["joe", "a-b-c", "x+list", "Ann.Other", "long" * 16]
WORDS = ["all", "a", "mx", "ptr", "ip4", "ip6", "include", "exists"]
WEIGHTS = [3, 4, 3, 1, 4, 3, 5, 3]
BROKEN = ["a:", "ip4:1.2.3", "ip6:x::", "foo", "include", "a/33", "exists:%{z}.x", "redirect=", "-",
    "ip4:192.0.2.1/024", "a:%{l0}.x.test", "mx//129", "exists:%", "all:x.test", "a:x.123"]


def name(rng):
    return f"d{rng.randrange(DOMAINS + 2)}.test"  # two of them do not exist


def macro(rng):
    letter = rng.choice("slodivhSLOD")
    digits = rng.choice(["", "", "1", "2", "9"])
    return f"%{{{letter}{digits}{rng.choice(['', 'r'])}{rng.choice(['', '-', '.', '-+'])}}}"


def target(rng):
    kind = rng.random()
    if kind < 0.75:
        return name(rng)
    if kind < 0.9:
        return f"{macro(rng)}.{name(rng)}"
    return f"{macro(rng)}%%{macro(rng)}.{rng.choice(['%{d}', 'x.test.', '%{d2}'])}"


def network(rng, version):
    if version == 4:
        bits = rng.choice(["", "/24", "/32", "/0", "/25"])
        return rng.choice(["192.0.2.0", "192.0.2.1", "198.51.100.0", "10.0.0.1"]) + bits
    bits = rng.choice(["", "/64", "/128", "/32", "/0"])
    return rng.choice(["2001:db8::", "2001:db8::1", "2001:db8:1::77", "::1"]) + bits


def term(rng):
    word = rng.choices(WORDS, WEIGHTS)[0]
    sign = rng.choice(["", "", "+", "-", "~", "?"])
    if word in ("ip4", "ip6"):
        return f"{sign}{word}:{network(rng, int(word[-1]))}"
    if word in ("include", "exists"):
        return f"{sign}{word}:{target(rng)}"
    if word in ("a", "mx"):
        where = rng.choice(["", f":{target(rng)}"])
        return sign + word + where + rng.choice(["", "", "/24", "//64", "/24//64"])
    if word == "ptr":
        return sign + word + rng.choice(["", f":{target(rng)}"])
    return sign + word


def record(rng):
    terms = [term(rng) for _ in range(rng.randrange(1, 6))]
    if rng.random() < 0.2:
        terms.append(f"redirect={target(rng)}")
    if rng.random() < 0.05:
        terms.append(rng.choice(BROKEN))
    if rng.random() < 0.1:
        terms.insert(rng.randrange(len(terms) + 1), "more=%{d}:x/y")
    if rng.random() < 0.5:
        terms.append(rng.choice("-~?") + "all")
    return " ".join(["v=spf1", *terms])


def entry(rng):
    rows = []
    if rng.random() < 0.9:
        rows.append(("TXT", record(rng)))
    if rng.random() < 0.02:
        rows.append(("TXT", "v=spf1 -all"))
    rows += [("A", ip) for ip in rng.sample(IPS[:3], rng.randrange(3))]
    rows += [("AAAA", ip) for ip in rng.sample(IPS[3:], rng.randrange(3))]
    rows += [("MX", (10 * i, name(rng))) for i in range(rng.choice([0, 1, 2, 3, 11]))]
    if rng.random() < 0.03:
        rows = [("LOST", "")]
    return rows


def zone_of(rng):
    zone = {f"d{i}.test": entry(rng) for i in range(DOMAINS)}
    for reverse in ("1.2.0.192.in-addr.arpa", "77.2.0.192.in-addr.arpa"):
        zone[reverse] = [("PTR", name(rng)) for _ in range(rng.randrange(1, 4))]
    return zone


def case(rng):
    return rng.choice(IPS), name(rng), f"{rng.choice(LOCALS)}@{name(rng)}"


def ours_of(zone):
    made = {}
    for owner, rows in zone.items():
        made[owner] = {
            "records": [(kind, value) for kind, value in rows if kind != "LOST"],
            "lost": {"ANY"} if any(kind == "LOST" for kind, _ in rows) else set(),
        }
    return made


def reachable(zone, case):
    """{owner: record} of all that a check may come to: names that stand in records."""
    todo, found = [case[1], case[2].rpartition("@")[2]], {}
    while todo:
        owner = todo.pop()
        if owner in found or owner not in zone:
            continue
        found[owner] = " ".join(v for kind, v in zone[owner] if kind == "TXT")
        todo += re.findall(r"d[0-9]+\.test", found[owner])
    return found


def includes(owner, record):
    return re.search(rf"include:{re.escape(owner)}( |$)", record) is not None


def excuse(got, theirs, zone, case):
    """Why the two may differ, or None."""
    records = reachable(zone, case)
    text = " ".join(records.values())
    error = theirs in ("permerror", "temperror")
    if theirs.startswith("crash"):
        return "pyspf falls over"
    if got == "permerror" and "%{l0}" in text:
        return "pyspf does not see %{l0} before it is expanded (7208 4.6: syntax first)"
    if theirs == "permerror" and any(includes(o, t) for o, t in records.items()):
        return "pyspf refuses a record that includes itself before it comes to that (7208 5.2)"
    if error and "ptr" in text:
        return "pyspf counts and fails by the peer's names; we skip those (7208 5.5)"
    if error and "mx" in text:
        return "pyspf asks for all hosts of an MX; we stop at the first that matches (7208 4.6.2)"
    return None


def theirs_of(batch):
    done = subprocess.run(
        [SYSTEM_PYTHON, HERE / "pyspf_check.py"],
        input=json.dumps(batch).encode(),
        capture_output=True,
        timeout=900,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.decode().splitlines()


def run(r, program, n, seed):
    try:
        there = subprocess.run([SYSTEM_PYTHON, "-c", "import spf"], capture_output=True)
    except OSError:
        there = None
    if there is None or there.returncode != 0:
        r.skip("pyspf", "python3-spf is not installed")
        return
    rng = random.Random(seed)
    batch = []
    for _ in range(-(-n // CASES)):
        batch.append((zone_of(rng), [case(rng) for _ in range(CASES)]))
    theirs = iter(theirs_of(batch))
    excused = {}
    for zone, cases in batch:
        asked = [("mailfrom", *c) for c in cases]
        for c, got in zip(cases, zones.check(program, ours_of(zone), asked)):
            said = next(theirs)
            why = None if got[0] == said else excuse(got[0], said, zone, c)
            if why is not None:
                excused[why] = excused.get(why, 0) + 1
            records = reachable(zone, c)
            r.check(f"{c}", got[0] == said or why is not None, f"{got} pyspf {said} {records}")
    n = sum(excused.values())
    print(f"pyspf: {len(batch) * CASES} made-up checks (seed {seed}), {n} differ for a reason")
    for why, times in sorted(excused.items()):
        print(f"  {times}: {why}")
    r.check("few need a reason", n <= EXCUSED_MAX * len(batch) * CASES, f"{n}")
