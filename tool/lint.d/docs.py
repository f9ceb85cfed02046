# SPDX-License-Identifier: Apache-2.0
"""
Public headers explain every function; tables explain every column and every row.
"""
import re

import ctok


def check_docs(out, path, text, tokens, partner, comments):
    """Every prototype of a public header has a comment: above it, above its group, or trailing."""
    lines = text.split("\n")
    spans = [(c.line, c.line + c.text.count("\n"), c.text) for c in comments]
    for first, last, name, is_err in prototypes(tokens, partner):
        doc = doc_for(lines, spans, first, last)
        if doc is None:
            out.add(first, "docs", f"say above {name} what it does, who frees, what limits it")
        elif is_err and path.startswith(("src/proto/", "src/mail/")) \
                and not re.search(r"\bErrors\b|\bERR_[A-Z]", doc):
            out.add(first, "docs", f"{name} returns enum err: add an Errors line to its comment")


def prototypes(tokens, partner):
    """(first line, last line, name, returns enum err) of each function declared at file level."""
    start, i = 0, 0
    while i < len(tokens):
        t = tokens[i]
        if t.text == "{":
            statement = (start, i)
            i = partner[i]
            if i + 1 < len(tokens) and tokens[i + 1].text == ";":
                i += 1
            found = describe(tokens, partner, *statement)
            start = i + 1
            if found:
                yield found
        elif t.text == ";":
            found = describe(tokens, partner, start, i)
            start = i + 1
            if found:
                yield found
        elif t.text in ("(", "["):
            i = partner[i]
        i += 1


def describe(tokens, partner, start, end):
    if start >= end or tokens[start].text in ("typedef", "_Static_assert", "static_assert"):
        return None
    for i in range(start + 1, end):
        if tokens[i].text == "=":
            return None
        before = tokens[i - 1]
        if tokens[i].text == "(" and before.kind == "word" and not before.text.isupper() \
                and not before.text.startswith("__"):
            is_err = [t.text for t in tokens[start:i - 1]][-2:] == ["enum", "err"]
            return tokens[start].line, tokens[end].line, before.text, is_err
    return None


def doc_for(lines, spans, first, last):
    """Text of the comment that covers a declaration on lines first..last."""
    for a, b, body in spans:
        if first <= a <= last:
            return body
    top = first
    while top > 1 and lines[top - 2].strip() and not ends_comment(lines, top - 1, spans):
        top -= 1
    for a, b, body in spans:
        if b == top - 1 and not before_code(lines, a):
            return body
        if top <= a < first and not before_code(lines, a):
            return body
    return None


def ends_comment(lines, line, spans):
    return any(b == line and not before_code(lines, a) for a, b, _ in spans)


def before_code(lines, n):
    """Does code stand before the comment on its line (it trails another declaration)?"""
    return not lines[n - 1].lstrip().startswith(("/*", "//", "*"))


ROW = re.compile(r"^([A-Z][A-Z0-9_]*)\(")


def check_def(out, text, path, words):
    lines = text.split("\n")
    hash_style = path.startswith("src/ipc/")
    want = "# SPDX-License-Identifier: Apache-2.0" if hash_style \
        else "/* SPDX-License-Identifier: Apache-2.0 */"
    if lines[0] != want:
        out.add(1, "spdx", f"line 1 must be: {want}")
    if len(lines) < 2 or not lines[1].startswith("#" if hash_style else "/*"):
        out.add(2, "head", "say in a comment what the table is and what its columns mean")
    if hash_style:
        return
    comments = ctok.scan(text)[1]
    explained = " ".join(c.text for c in comments)
    words(out, comments)
    for n, line in enumerate(lines, 1):
        m = ROW.match(line)
        if not m:
            continue
        if not re.search(rf"\b{m.group(1)}\b", explained):
            out.add(n, "docs", f"explain the columns of {m.group(1)}(...) in the head comment")
        if not documented(lines, n):
            out.add(n, "docs", "give the row a text, or a comment above or behind it")


def documented(lines, n):
    """By a text of its own, or by a comment on it or directly above its group."""
    row = lines[n - 1]
    for more in lines[n:n + 8]:
        if ROW.match(more) or not more.strip():
            break
        row += " " + more
    if "/*" in row or "//" in row or any(len(s) > 3 for s in re.findall(r'"([^"]*)"', row)):
        return True
    k = n - 2
    while k >= 0 and ROW.match(lines[k]):
        k -= 1
    return k > 0 and lines[k].rstrip().endswith("*/")
