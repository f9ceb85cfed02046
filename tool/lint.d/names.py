# SPDX-License-Identifier: Apache-2.0
"""
Folder = prefix: every symbol that other files can see starts with the name of its folder. Functions
are checked in the source; everything else in the archives of build/, when there is one.
"""
import glob
import os
import shutil
import subprocess

import cfile
import rules


def check(facts, notes):
    out, told = [], set()
    for fact in facts:
        path = fact["path"]
        folder = cfile.folder_of(path)
        if not path.endswith(".c") or folder is None or cfile.is_test(path):
            continue
        for f in fact["functions"]:
            if f["static"] or fits(folder, f["name"]):
                continue
            told.add((path, f["name"]))
            out.append((path, f["line"], "names", advice(folder, f["name"])))
    for path, symbol in built_symbols(notes):
        folder = cfile.folder_of(path)
        if (path, symbol) not in told and not cfile.is_test(path) and not fits(folder, symbol):
            out.append((path, 1, "names", advice(folder, symbol)))
    return out


def prefixes(folder):
    """The allowed beginnings, or None when the folder's names are free."""
    given = rules.PREFIXES.get(folder, {folder.replace("/", "_")} if folder.startswith("svc/")
        else {folder.rsplit("/", 1)[-1]})
    if given is None:
        return None
    out = set()
    for name in given:
        if name == rules.FILES:
            stems = (os.path.basename(f)[:-2] for f in glob.glob(f"src/{folder}/*.[ch]"))
            for stem in stems:
                out |= {stem[:n].rstrip("_") for n in range(3, len(stem) + 1)}
        else:
            out.add(name)
    return out


CACHE = {}


def fits(folder, symbol):
    if symbol == "main" or symbol.startswith("LLVMFuzzer"):
        return True
    if folder not in CACHE:
        CACHE[folder] = prefixes(folder)
    allowed = CACHE[folder]
    return allowed is None or any(symbol == p or symbol.startswith(p + "_") for p in allowed)


def advice(folder, symbol):
    names = rules.PREFIXES.get(folder)
    if names and rules.FILES in names:
        how = "after its file or folder"
    else:
        how = " or ".join(sorted(p + "_" for p in CACHE[folder]))
    return f"{symbol} is seen outside its file: make it static, or name it {how}"


def built_symbols(notes):
    archives = glob.glob("build/src/**/*.a", recursive=True)
    if not archives or shutil.which("nm") is None:
        notes.append("no build/ (tool/build build): symbols of archives were not checked")
        return
    r = subprocess.run(["nm", "-A", "-g", "--defined-only", *sorted(archives)], capture_output=True,
        text=True)
    for line in r.stdout.splitlines():
        where, _, rest = line.rpartition(": ") if ": " in line else line.rpartition(":")
        archive, _, member = where.partition(":")
        parts = line.split()
        folder = os.path.dirname(archive)[len("build/"):]
        member = member.split(":")[0].rsplit("/", 1)[-1]
        path = f"{folder}/{member[:-2]}" if member.endswith(".o") else ""
        if len(parts) >= 3 and os.path.isfile(path):
            yield path, parts[-1]
