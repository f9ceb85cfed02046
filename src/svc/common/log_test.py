# SPDX-License-Identifier: Apache-2.0
"""
Every LOG() of every service carries only fields that its row in src/svc/log.def names, and no event
or row is there twice.
"""
import os
import re
import sys

SVC = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROW = re.compile(r'LOGROW\(\s*(\w+)\s*,\s*(\w+)\s*,\s*"([^"]*)"\s*,\s*"([^"]*)"\s*\)', re.S)
CALL = re.compile(r"\bLOG\(\s*(\w+)\s*([,)])")
KEY = re.compile(r'\bF_[A-Z0-9]+\(\s*"(\w+)"')


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def without_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)


def call_end(text, at):
    """The index behind the closing parenthesis; strings may hold any."""
    depth, quoted = 0, False
    while at < len(text):
        c = text[at]
        if quoted:
            at += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "()":
            depth += 1 if c == "(" else -1
            if depth == 0:
                return at + 1
        at += 1
    return at


def calls(text):
    """(line, id, keys) of each LOG()."""
    for m in CALL.finditer(text):
        body = text[m.start():call_end(text, m.start() + len("LOG"))]
        keys = KEY.findall(body) + (["error"] if "F_ERR(" in body else [])
        yield text.count("\n", 0, m.start()) + 1, m.group(1), keys


def check(rows, path, text):
    wrong = []
    for line, name, keys in calls(text):
        if name not in rows:
            wrong.append(f"{path}:{line}: {name} is no row of log.def")
            continue
        for key in keys:
            if key not in rows[name]:
                wrong.append(f"{path}:{line}: {name} has no field '{key}' in log.def")
    return wrong


def self_test():
    rows = {"A": ["x", "error"]}
    cases = [('LOG(A, F_STR("x", s), F_ERR(e));', 0), ("LOG(A);", 0), ("LOG(B);", 1),
        ('LOG(A, F_STR("y", f(S(")"))));', 1), ('LOG(A, F_U64("x", g("y")), F_I64("z", 1));', 1),
        ('/* LOG(B) */ LOG(A);', 0)]
    return [f"self-test: {text}" for text, want in cases
        if len(check(rows, "", without_comments(text))) != want]


def main():
    table = without_comments(read(os.path.join(SVC, "log.def")))
    found = ROW.findall(table)
    wrong = self_test()
    if table.count("LOGROW(") != len(found):
        wrong.append("log.def: a row that is not LOGROW(ID, LEVEL, \"event\", \"fields\")")
    rows = {row[0]: row[3].split() for row in found}
    if len(rows) != len(found):
        wrong.append("log.def: an id is there twice")
    for folder, _, files in os.walk(SVC):
        for name in files:
            if name.endswith(".c"):
                path = os.path.join(folder, name)
                wrong += check(rows, os.path.relpath(path, SVC), without_comments(read(path)))
    print("\n".join(wrong))
    print(f"{len(found)} rows, {len(wrong)} failed")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
