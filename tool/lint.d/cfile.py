# SPDX-License-Identifier: Apache-2.0
"""
What can be said of one .c, .h or .def file by itself. check(path) returns (findings, facts); facts
are the functions of the file and whom they call, for the checks that need a whole folder.
"""
import re

import body
import calls
import ctok
import docs
import rules


def folder_of(path):
    """src/proto/smtp/mail.c -> proto/smtp; None outside src."""
    parts = path.split("/")
    return "/".join(parts[1:-1]) if parts[0] == "src" else None


def is_test(path):
    return path.endswith(("_test.c", "_fuzz.c")) or path.startswith("test/") \
        or path in ("src/base/test.c", "src/base/test.h")


def check(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        text = f.read()
    out = Findings(path)
    check_lines(out, text, path)
    tokens, comments, directives = ctok.scan(text)
    if path.endswith(".def"):
        docs.check_def(out, text, path, check_words)
        return out.list, {"path": path, "functions": []}
    check_head(out, text, comments)
    check_words(out, comments)
    check_includes(out, path, directives)
    check_macros(out, path, directives)
    check_banned(out, path, tokens, directives)
    partner = ctok.match_table(tokens)
    if partner is None:
        out.add(1, "braces", "brackets do not balance; none may open inside #if and close outside")
        return out.list, {"path": path, "functions": []}
    funcs = ctok.functions(tokens, partner)
    body.check_file_size(out, path, text, tokens, partner, funcs)
    for f in funcs:
        body.check_function(out, text, tokens, partner, f)
    if path.endswith(".h"):
        check_guard(out, text, directives)
        if not path.endswith("_priv.h") and path.startswith("src/"):
            docs.check_docs(out, path, text, tokens, partner, comments)
    facts = {"path": path, "functions": [calls.call_facts(tokens, f) for f in funcs]}
    return out.list, facts


class Findings:
    def __init__(self, path):
        self.path, self.list = path, []

    def add(self, line, rule, text):
        self.list.append((self.path, line, rule, text))


# --- lines -------------------------------------------------------------------------------------

def width(line):
    return len(line.expandtabs(8))


def check_lines(out, text, path):
    if text and not text.endswith("\n"):
        out.add(text.count("\n") + 1, "newline", "end the file with a newline")
    for n, line in enumerate(text.split("\n"), 1):
        is_row = path.endswith(".def") and (docs.ROW.match(line) or line.startswith("\t"))
        limit = rules.ROW_COLUMNS if is_row else rules.COLUMNS
        if width(line) > limit:
            out.add(n, "columns", f"{width(line)} columns; break the line at {limit}")
        if line[-1:] in (" ", "\t", "\r"):
            out.add(n, "space", "remove the white space at the end of the line")
        indent = line[:len(line) - len(line.lstrip(" \t"))]
        if (" " * 8 in indent or " \t" in indent) and not path.endswith(".def"):
            out.add(n, "tabs", "indent with tabs")


def check_head(out, text, comments):
    want = "/* SPDX-License-Identifier: Apache-2.0 */"
    if text.split("\n", 1)[0] != want:
        out.add(1, "spdx", f"line 1 must be: {want}")
        return
    low, high = rules.HEAD_COMMENT
    head = comments[1] if len(comments) > 1 and comments[1].line == 2 else None
    lines = head.text.count("\n") + 1 if head else 0
    if not low <= lines <= high:
        out.add(2, "head", f"follow the SPDX line with a comment of {low}-{high} lines: what "
            f"this is, what it is not, where to start reading (found {lines})")


def check_words(out, comments):
    for c in comments:
        for m in re.finditer(rules.UNFINISHED, c.text):
            line = c.line + c.text.count("\n", 0, m.start())
            out.add(line, "unfinished", f"'{m.group()}': finish it, or name the gap in README")


def check_guard(out, text, directives):
    guard = out.path[4:].upper().replace("/", "_").replace(".", "_").replace("-", "_")
    if out.path.startswith("src/") and (len(directives) < 2
            or directives[0].text.split()[:2] != ["#ifndef", guard]):
        out.add(1, "guard", f"guard the header with {guard}")


# --- includes ----------------------------------------------------------------------------------

INCLUDE = re.compile(r'#\s*include\s+([<"])([^>"]+)[>"]')


def layer_key(folder):
    if folder in rules.LAYERS:
        return folder
    top = folder.split("/", 1)[0]
    return top + "/*" if top + "/*" in rules.LAYERS else folder


def check_includes(out, path, directives):
    folder = folder_of(path)
    first = None
    for d in directives:
        m = INCLUDE.match(d.text.strip())
        if not m:
            continue
        kind, name = m.groups()
        if kind == '"' and first is None and name.endswith(".h"):
            first = name
        if kind == "<":
            check_door(out, folder, d.line, name)
        elif folder is not None:
            check_arrow(out, folder, d.line, name)
    own = path[4:-2] + ".h"
    if path.endswith(".c") and first not in (None, own):
        names = [INCLUDE.match(d.text.strip()) for d in directives]
        if any(m and m.group(2) == own for m in names):
            out.add(1, "includes", f'include "{own}" first: it proves that the header stands alone')


def check_door(out, folder, line, name):
    pure = folder is not None and any(folder == p or (p.endswith("/") and folder.startswith(p))
        for p in rules.PURE)
    if pure and (name in rules.DOORS or name.startswith(rules.DOOR_FOLDERS)):
        out.add(line, "layers", f"{folder} is pure: <{name}> belongs to sys; take it as data")


def check_arrow(out, folder, line, name):
    if name.endswith(".c"):
        out.add(line, "includes", "never include a .c file; test through its header")
    if "/" not in name:
        out.add(line, "includes", f'write the path from src/: "{folder}/{name}"')
        return
    target = name.rsplit("/", 1)[0]
    if target == folder:
        return
    if name.endswith("_priv.h") and not folder.startswith(target + "/"):
        out.add(line, "layers", f"{name} is private to {target}; use its public header")
        return
    mine = rules.LAYERS.get(layer_key(folder))
    if mine is None:
        out.add(line, "layers", f"folder {folder} has no row in LAYERS of tool/lint.d/rules.py")
    elif target not in mine and layer_key(target) not in mine:
        if folder.startswith(target + "/") or target.startswith(folder + "/"):
            return
        allowed = ", ".join(sorted(mine)) or "nothing"
        out.add(line, "layers", f"{folder} may not include {target} (allowed: {allowed})")


# --- macros and calls --------------------------------------------------------------------------

def check_macros(out, path, directives):
    for d in directives:
        m = re.match(r"#\s*define\s+(\w+)(?:\([^)]*\))?", d.text.strip())
        if not m or (path == "src/base/err.h" and m.group(1) == "TRY"):
            continue
        code = ctok.words(d.text.strip()[m.end():])
        for t in code:
            if t.text in ("return", "goto") and not defines_function(code):
                out.add(d.line, "macros", f"no {t.text} in a macro; only TRY of base/err.h may")
                break


def defines_function(body):
    """`int main(void) {` and the like: a whole function, as TEST_MAIN expands to."""
    depth = 0
    for i, t in enumerate(body):
        if t.text == "{" and depth == 0:
            return i > 1 and body[i - 1].text == ")" and body[0].kind == "word" \
                and body[0].text not in ("do", "if", "for", "while", "switch") \
                and body[1].kind == "word"
        depth += {"(": 1, ")": -1}.get(t.text, 0)
    return False


BANNED = {}
for _words, _where, _instead in rules.CALLS:
    for _w in _words.split():
        BANNED[_w] = (_where, _instead)


def may_call(path, where):
    return any(is_test(path) if w == "tests" else path == w or (w[-1] == "/" and path.startswith(w))
        for w in where)


def check_banned(out, path, tokens, directives):
    scan_banned(out, path, tokens, 0)
    for d in directives:
        if re.match(r"\s*#\s*define", d.text):
            scan_banned(out, path, ctok.words(d.text.strip()[1:]), d.line)


def scan_banned(out, path, tokens, base):
    for i, t in enumerate(tokens):
        if t.kind != "word" or t.text not in BANNED:
            continue
        where, instead = BANNED[t.text]
        if may_call(path, where) or not is_use(tokens, i):
            continue
        out.add(t.line + base, "banned", f"{t.text}: {instead}")


def is_use(tokens, i):
    """Is tokens[i] the library's thing, and not a member, parameter or label of that name?"""
    before = tokens[i - 1] if i > 0 else None
    after = tokens[i + 1].text if i + 1 < len(tokens) else ""
    if before is not None and before.text in (".", "->"):
        return False
    if tokens[i].text in ("errno", "stdout"):
        return True
    if after == "(":
        return before is None or before.kind != "word" or before.text in ("return", "else", "do")
    return before is not None and before.text == "=" and after in (";", ",", "}")
