# SPDX-License-Identifier: Apache-2.0
"""
The size and shape of functions and files.
"""
import re

import ctok
import rules


def initialiser_lines(tokens, partner, first, last):
    """Lines taken by `= { ... }` between two token indexes: tables do not count as code."""
    lines, i = 0, first
    while i < last:
        t = tokens[i]
        if t.text == "{" and i > 0 and tokens[i - 1].text == "=":
            lines += tokens[partner[i]].line - t.line
            i = partner[i]
        i += 1
    return lines


def check_file_size(out, path, text, tokens, partner, funcs):
    total = text.count("\n")
    limit = rules.HEADER_LINES if path.endswith(".h") else rules.FILE_LINES
    if total <= limit:
        return
    inside = [(f.first, f.close) for f in funcs]
    edges = [0] + [e for pair in inside for e in pair] + [len(tokens)]
    for a, b in zip(edges[::2], edges[1::2]):
        total -= initialiser_lines(tokens, partner, a, b)
    if total > limit:
        out.add(limit, "size", f"{total} lines; at most {limit}: split the file at a concept")


def check_function(out, text, tokens, partner, f):
    body_lines = tokens[f.close].line - f.line + 1
    body_lines -= static_tables(tokens, partner, f)
    if body_lines > rules.FUNCTION_LINES:
        out.add(f.line, "size", f"{f.name} has {body_lines} lines; at most {rules.FUNCTION_LINES}: "
            "give its parts names")
    if f.params > rules.FUNCTION_PARAMETERS:
        out.add(f.line, "size", f"{f.name} takes {f.params} parameters; at most "
            f"{rules.FUNCTION_PARAMETERS}: pass a struct")
    start = text.rfind("\n", 0, f.at) + 1
    if start != f.at:
        out.add(f.line, "layout", f"put the name {f.name} at column 0, its type on the line before "
            "(PRINTF goes on a declaration above)")
    walk_body(out, tokens, partner, f)
    check_gotos(out, tokens, partner, f)


def static_tables(tokens, partner, f):
    """Lines of the tables that `static ... = { ... };` declares inside the function."""
    lines, i = 0, f.open + 1
    while i < f.close:
        if tokens[i].text == "static":
            end = i
            while tokens[end].text != ";" and end < f.close:
                end = partner[end] + 1 if tokens[end].text in "([{" else end + 1
            lines += initialiser_lines(tokens, partner, i, end)
            i = end
        i += 1
    return lines


def walk_body(out, tokens, partner, f):
    """Braces after every control word, and how deep control goes."""
    stack, does, told = [], set(), False
    for i in range(f.open, f.close + 1):
        t = tokens[i]
        if t.kind == "mark" and t.text == "{":
            stack.append(is_control_block(tokens, partner, i))
            depth = sum(stack)
            if depth > rules.FUNCTION_NESTING and not told:
                told = True
                out.add(t.line, "nesting", f"{f.name} nests {depth} deep; at most "
                    f"{rules.FUNCTION_NESTING}: return early or name the inner part")
        elif t.kind == "mark" and t.text == "}":
            stack.pop()
        elif t.kind == "word":
            check_braces(out, tokens, partner, i, does)


def is_control_block(tokens, partner, i):
    before = tokens[i - 1].text
    if before in ("else", "do"):
        return 1
    if before == ")":
        word = tokens[partner[i - 1] - 1]
        if word.text in ctok.CONTROL or (word.kind == "word" and word.text.isupper()):
            return 1
    return 0


def check_braces(out, tokens, partner, i, does):
    """`does` collects the indexes of `while` words that end a do loop."""
    word, nxt = tokens[i].text, tokens[i + 1].text
    if word == "do":
        if nxt == "{":
            does.add(partner[i + 1] + 1)
        else:
            out.add(tokens[i].line, "braces", "put braces after do")
    elif word == "else":
        if nxt not in ("{", "if"):
            out.add(tokens[i].line, "braces", "put braces after else")
    elif (word in ctok.CONTROL or re.fullmatch(r"[A-Z0-9_]*EACH[A-Z0-9_]*", word)) and nxt == "(":
        after = tokens[partner[i + 1] + 1].text
        if after != "{" and not (word == "while" and i in does):
            out.add(tokens[i].line, "braces", f"put braces after {word} (...)")


def check_gotos(out, tokens, partner, f):
    labels, gotos = {}, []
    for i in range(f.open + 1, f.close):
        t = tokens[i]
        if t.text == "goto":
            gotos.append((tokens[i + 1].text, i))
        elif t.kind == "word" and t.text != "default" and tokens[i + 1].text == ":" \
                and tokens[i - 1].text in ("{", "}", ";", ":"):
            labels.setdefault(t.text, i)
    for name, i in gotos:
        if labels.get(name, i) < i:
            out.add(tokens[i].line, "goto", f"goto {name} goes backward; write a loop")
