# SPDX-License-Identifier: Apache-2.0
"""
Does a reload reach every setting that is not marked AT_START in settings.def?

A setting that only functions of the start read is in force after a start only, and so are the
numbers of processes; both must be marked. Functions of the start are those of a service's table
that are named like one (init, start, profile, new, open) and what only they call. Not found: what
is read later too, and not used then.
"""
import re
import sys
from pathlib import Path

ROW = re.compile(r"^(SETTING|AT_START)\((\w+), ", re.M)
FUNCTION = re.compile(r"^(\w+)\([^;{]*\)\n\{\n(.*?)^\}", re.M | re.S)
OF_START = re.compile(r"^(?:\w+_)?(init|start|profile|new|open)$")
READ = re.compile(r"\b(?:conf|c|settings)->(\w+)\b")


def functions(src):
    """Name -> text, of one program after the other: their names are not alone."""
    for folder in sorted(p for p in (src / "svc").iterdir() if p.is_dir() and p.name != "parent"):
        found = {}
        for path in sorted(folder.rglob("*.c")):
            if not re.search(r"(_test|_fuzz|testkit\w*|trial)\.c$", path.name):
                for name, text in FUNCTION.findall(path.read_text()):
                    found[name] = found.get(name, "") + text
        yield found


def read_later(found):
    """The settings that functions read which run after the start, called by an event or by such."""
    calls = {name: set(re.findall(r"\b(\w+)\(", text)) & found.keys()
        for name, text in found.items()}
    called = {callee for name in found for callee in calls[name] - {name}}
    passed = {word for text in found.values() for word in re.findall(r"\b(\w+)\b(?!\()", text)}
    todo = [name for name in found
        if not OF_START.match(name) and (name not in called or name in passed)]
    later = set()
    while todo:
        name = todo.pop()
        if name not in later:
            later.add(name)
            todo += calls[name]
    return {field for name in later for field in READ.findall(found[name])}


def main():
    src = Path(__file__).resolve().parents[2]
    rows = {field: kind for kind, field in ROW.findall((src / "conf/settings.def").read_text())}
    counts = set(re.findall(r"COUNT_OF\((\w+)\)", (src / "svc/parent/processes.def").read_text()))
    later = set()
    for found in functions(src):
        later |= read_later(found)
    bad = [f"{f}: a number of processes, mark it AT_START" for f in sorted(counts)
        if rows[f] != "AT_START"]
    # tls.* is the parent's, who reads the files again on every reload
    bad += [f"{f}: read at the start only, mark it AT_START" for f in sorted(rows)
        if rows[f] != "AT_START" and f not in later and not f.startswith("tls_")]
    print("\n".join(bad) or f"{len(rows)} settings, {sum(k == 'AT_START' for k in rows.values())} "
        "of them at the start only")
    return 1 if bad or len(rows) < 100 else 0


sys.exit(main())
