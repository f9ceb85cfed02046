# SPDX-License-Identifier: Apache-2.0
"""
Cut C source into tokens, and find the functions in it. No preprocessor: directives are kept apart,
and what a macro expands to is not seen. That is enough for house rules, and fast.
"""
import bisect
import re

SPLIT = re.compile(r"""
  (?P<comment>/\*.*?(?:\*/|\Z)|//[^\n]*)
 |(?P<directive>^[ \t]*\#(?:\\\r?\n|/\*.*?\*/|[^\\\n]|\\.)*)
 |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
 |(?P<word>[A-Za-z_]\w*)
 |(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
 |(?P<mark>->|\.\.\.|[^\s\w])
""", re.X | re.S | re.M)

CONTROL = {"if", "for", "while", "switch"}


class Token:
    __slots__ = ("kind", "text", "at", "line")

    def __init__(self, kind, text, at, line):
        self.kind, self.text, self.at, self.line = kind, text, at, line


class Function:
    """A definition: tokens[open] is its `{`, tokens[close] its `}`."""
    __slots__ = ("name", "line", "at", "static", "first", "params", "open", "close")


def scan(text):
    """Return (tokens, comments, directives); each a list of Token in order."""
    starts = [m.end() for m in re.finditer(r"\n", text)]
    tokens, comments, directives = [], [], []
    into = {"comment": comments, "directive": directives}
    for m in SPLIT.finditer(text):
        kind = m.lastgroup
        t = Token(kind, m.group(), m.start(), bisect.bisect_right(starts, m.start()) + 1)
        into.get(kind, tokens).append(t)
    return tokens, comments, directives


def words(text):
    """The tokens of a piece of text without comments, for macro bodies."""
    skip = ("comment", "directive")
    return [Token(m.lastgroup, m.group(), m.start(), text.count("\n", 0, m.start()))
        for m in SPLIT.finditer(text) if m.lastgroup not in skip and m.group() != "\\"]


def match_table(tokens):
    """index of each bracket -> index of its partner (None when unbalanced)."""
    partner, stack = {}, []
    pairs = {")": "(", "]": "[", "}": "{"}
    for i, t in enumerate(tokens):
        if t.kind != "mark":
            continue
        if t.text in "([{":
            stack.append(i)
        elif t.text in pairs:
            if not stack or tokens[stack[-1]].text != pairs[t.text]:
                return None
            j = stack.pop()
            partner[i], partner[j] = j, i
    return None if stack else partner


def functions(tokens, partner):
    """Every function definition at file level."""
    found, i, start = [], 0, 0
    while i < len(tokens):
        t = tokens[i]
        if t.text == "{" and t.kind == "mark":
            if i > start and tokens[i - 1].text == ")":
                f = one_function(tokens, partner, start, i)
                if f is not None:
                    found.append(f)
            i = partner[i]
            if i + 1 < len(tokens) and tokens[i + 1].text not in (";", ",", "="):
                start = i + 1
        elif t.text == ";" and t.kind == "mark":
            start = i + 1
        elif t.text in ("(", "[") and t.kind == "mark":
            i = partner[i]
        i += 1
    return found


def one_function(tokens, partner, start, brace):
    """The function whose body opens at `brace`; its declaration began at `start`."""
    at = start
    name = None
    while at < brace:
        if tokens[at].text == "(" and at > start and tokens[at - 1].kind == "word":
            word = tokens[at - 1].text
            if not (word.startswith("__") or word.isupper()):
                name = at - 1
                break
            at = partner[at]
        elif tokens[at].text == "=":
            return None
        at += 1
    if name is None:
        return None
    f = Function()
    f.name, f.line, f.at = tokens[name].text, tokens[name].line, tokens[name].at
    f.static = any(t.text == "static" for t in tokens[start:name])
    f.first, f.open, f.close = start, brace, partner[brace]
    f.params = count_params(tokens, partner, name + 1)
    return f


def count_params(tokens, partner, paren):
    """Parameters between the parentheses; `void` and `...` count for nothing."""
    end = partner[paren]
    if end == paren + 1 or (end == paren + 2 and tokens[paren + 1].text == "void"):
        return 0
    n, i = 1, paren + 1
    while i < end:
        if tokens[i].text in ("(", "["):
            i = partner[i]
        elif tokens[i].text == ",":
            n += 1
        elif tokens[i].text == "...":
            n -= 1
        i += 1
    return n
