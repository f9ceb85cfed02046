# SPDX-License-Identifier: Apache-2.0
"""
Who calls whom inside a folder, to find recursion.
"""


def call_facts(tokens, f):
    calls = {}
    for i in range(f.open + 1, f.close):
        t = tokens[i]
        if t.kind == "word" and tokens[i + 1].text == "(" \
                and tokens[i - 1].text not in (".", "->", "*"):
            calls.setdefault(t.text, t.line)
    return {"name": f.name, "line": f.line, "static": f.static, "calls": calls}


def check_calls(facts):
    """No function may reach itself inside its folder: recursion has no named limit."""
    folders = {}
    for fact in facts:
        folders.setdefault(fact["path"].rsplit("/", 1)[0], []).append(fact)
    out = []
    for group in folders.values():
        out += recursion_in(group)
    return out


def recursion_in(group):
    shared = {}
    for fact in group:
        for f in fact["functions"]:
            if not f["static"]:
                shared[f["name"]] = (fact["path"], f["name"])
    edges, where = {}, {}
    for fact in group:
        own = {f["name"]: (fact["path"], f["name"]) for f in fact["functions"]}
        for f in fact["functions"]:
            node = (fact["path"], f["name"])
            where[node] = f["line"]
            targets = (own.get(c) or shared.get(c) for c in f["calls"])
            edges[node] = {t for t in targets if t}
    out = []
    for node in sorted(edges):
        ring = way_back(node, edges)
        if ring and node == min(ring):
            names = " -> ".join(n for _, n in ring + [node])
            out.append((node[0], where[node], "recursion", f"{names}: use a loop and an explicit, "
                "bounded stack"))
    return out


def way_back(start, edges):
    """The shortest path from start to itself, or None."""
    came, todo = {}, [start]
    while todo:
        node = todo.pop(0)
        for nxt in edges.get(node, ()):
            if nxt == start:
                path = [node]
                while path[0] != start:
                    path.insert(0, came[path[0]])
                return path
            if nxt not in came:
                came[nxt] = node
                todo.append(nxt)
    return None
