# SPDX-License-Identifier: Apache-2.0
"""
What concerns the tree and not one C file: READMEs, full folders, licence lines, words that name a
machine, and the width of scripts.
"""
import os
import re

import rules

LICENSED = (".py", ".sh", ".js", ".mjs", ".ts", ".css")


def check(files):
    out = []
    out += check_folders(files)
    for path in files:
        if os.path.getsize(path) > rules.FILE_OCTETS:
            out.append((path, 1, "size", f"{os.path.getsize(path)} octets; what is larger than "
                f"{rules.FILE_OCTETS} is made by a tool or left by a test: do not keep it"))
            continue
        if "/corpus/" in path:
            continue
        with open(path, "rb") as f:
            data = f.read()
        if b"\0" in data:
            continue
        text = data.decode("utf-8", "replace")
        check_machine(out, path, text)
        check_licence(out, path, text)
        if is_script(path, text):
            check_width(out, path, text)
    return out


def is_script(path, text):
    return path.endswith((".py", ".sh")) or text.startswith("#!")


def check_folders(files):
    sources, out = {}, []
    for path in files:
        if path.startswith("src/") and path.endswith((".c", ".def")):
            sources.setdefault(path.rsplit("/", 1)[0], []).append(path)
    for folder, paths in sorted(sources.items()):
        if f"{folder}/README.md" not in files:
            out.append((f"{folder}/README.md", 1, "readme", "write the folder's page: what it is, "
                "may use / may not use, files in reading order, limits, known sins"))
        counted = [p for p in paths if p.endswith(".c") and not p.endswith(("_test.c", "_fuzz.c"))]
        if len(counted) > rules.FOLDER_SOURCES:
            out.append((folder, 1, "size", f"{len(counted)} sources; at most "
                f"{rules.FOLDER_SOURCES}: name the missing concept and give it a folder"))
    return out


def check_machine(out, path, text):
    for word in rules.MACHINE_WORDS:
        at = text.find(word)
        if at >= 0:
            out.append((path, text.count("\n", 0, at) + 1, "machine",
                f"'{word}' names one machine; use a relative path, a setting, or mktemp"))


def check_licence(out, path, text):
    head = text.split("\n", 3)[:2]
    if (path.endswith(LICENSED) or is_script(path, text)) \
            and not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
        out.append((path, 1, "spdx",
            "put SPDX-License-Identifier: Apache-2.0 into line 1 (2 after #!)"))


def check_width(out, path, text):
    for n, line in enumerate(text.split("\n"), 1):
        wide = len(line.expandtabs(8))
        if wide > rules.COLUMNS:
            out.append((path, n, "columns", f"{wide} columns; break the line at {rules.COLUMNS}"))
        if re.search(r"[ \t]+$", line):
            out.append((path, n, "space", "remove the white space at the end of the line"))
