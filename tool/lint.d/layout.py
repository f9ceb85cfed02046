# SPDX-License-Identifier: Apache-2.0
"""
What other programs know better: clang-format for the layout, the compiler for headers that must
stand alone. Both run beside the other checks.
"""
import os
import re
import shutil
import subprocess

FORMAT_VERSION = 14  # layouts differ between versions; .clang-format is written for this one


def start(pool, c_files, notes):
    jobs = []
    code = [f for f in c_files if f.endswith((".c", ".h"))]
    if formatter_fits(notes):
        jobs += [pool.submit(check_format, part) for part in parts(code, 24)]
    headers = [f for f in code if f.endswith(".h") and f.startswith("src/")]
    jobs += [pool.submit(check_headers, part) for part in parts(headers, 12)]
    return jobs


def parts(items, n):
    return [items[i:i + n] for i in range(0, len(items), n)]


def formatter_fits(notes):
    if shutil.which("clang-format") is None:
        notes.append("clang-format is missing (tool/deps test): the layout was not checked")
        return False
    text = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    m = re.search(r"version (\d+)", text)
    if not m or int(m.group(1)) != FORMAT_VERSION:
        notes.append(f"clang-format is not version {FORMAT_VERSION}: the layout was not checked")
        return False
    return True


def check_format(files):
    r = subprocess.run(["clang-format", "--dry-run", "--ferror-limit=1", *files],
        capture_output=True, text=True)
    out = []
    for m in re.finditer(r"^(\S+?):(\d+):\d+: \w+: code should be clang-formatted", r.stderr, re.M):
        out.append((m.group(1), int(m.group(2)), "layout", f"run: tool/format {m.group(1)}"))
    return out


def generated_folders():
    return ["-Ibuild/src"] if os.path.isdir("build/src") else []


def check_headers(files):
    """Compile each header by itself, with only the force-included base.h before it."""
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-w", "-Isrc",
        "-include", "base/base.h", "-x", "c", *generated_folders()]
    cc = shutil.which("gcc") or shutil.which("cc")
    out = []
    if cc is None or not files:
        return out
    r = subprocess.run([cc, *flags, *files], capture_output=True, text=True)
    if r.returncode == 0:
        return out
    for path in files:
        r = subprocess.run([cc, *flags, path], capture_output=True, text=True)
        m = re.search(r"error: (.*)", r.stderr)
        if r.returncode == 0 or (m and missing_generated(m.group(1))):
            continue
        why = m.group(1) if m else "see the compiler"
        out.append((path, 1, "headers", f"does not compile alone: {why}"))
    return out


def missing_generated(message):
    """A header made during the build, and nothing is built yet: nothing can be said."""
    m = re.match(r"(ipc/\S+): No such file", message)
    return m is not None and not generated_folders()
