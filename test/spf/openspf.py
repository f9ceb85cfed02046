# SPDX-License-Identifier: Apache-2.0
"""The suite of openspf.org for RFC 7208, as data: scenarios, their zones, their cases.

It is not part of the project: $POSTERN_SUITES names its folder, or it is shared/suites beside the
project's. `zone_of` does what the suite asks of its drivers: a record SPF stands for TXT where the
name has no TXT, `TXT: NONE` forbids that, and TIMEOUT is a question that nobody answers.
"""

import zones

# Case -> (what we say, why). The suite gives several results where the RFC leaves a choice.
DIFFERS = {}

# Explanations that differ in case alone.
CASELESS = {"v-macro-ip6": "we write the digits of %{i} in lower case; DNS takes either"}

EXPLANATION_NONE = "DEFAULT"  # the suite's word for "none was published"


def entry_of(rows):
    entry = {"records": [], "lost": set()}
    text = any(isinstance(r, dict) and "TXT" in r for r in rows)
    for row in rows:
        if row == "TIMEOUT":
            entry["lost"].add("ANY")
            continue
        for kind, value in row.items():
            if value == "TIMEOUT":
                entry["lost"].add(kind)
            elif kind == "SPF" and not text:
                entry["records"].append(("TXT", value))
            elif kind != "SPF" and value != "NONE":
                entry["records"].append((kind, value))
    return entry


def zone_of(data):
    return {str(name): entry_of(rows) for name, rows in (data or {}).items()}


def scenarios(path, yaml):
    with open(path, encoding="utf-8") as f:
        for document in yaml.safe_load_all(f):
            if document and "tests" in document:
                yield document


def want(case):
    results = case["result"]
    return results if isinstance(results, list) else [results]


def run(r, program, path, yaml):
    """The number of cases."""
    n = 0
    for scenario in scenarios(path, yaml):
        zone = zone_of(scenario.get("zonedata"))
        names = list(scenario["tests"])
        cases = [scenario["tests"][n] for n in names]
        asked = [("mailfrom", c["host"], c["helo"] or "", c["mailfrom"] or "") for c in cases]
        n += len(names)
        for name, case, got in zip(names, cases, zones.check(program, zone, asked)):
            judge(r, f"{scenario['description']}: {name}", name, case, got)
    return n


def judge(r, what, name, case, got):
    result, explanation = got[0], got[5]
    if name in DIFFERS:
        r.equal(f"{what} (differs: {DIFFERS[name][1]})", result, DIFFERS[name][0])
        return
    r.check(what, result in want(case), f"{case.get('spec')}: got {got}, want {want(case)}")
    wanted = case.get("explanation")
    if wanted is not None and result == "fail":
        wanted = "" if wanted == EXPLANATION_NONE else wanted
        if name in CASELESS:
            explanation, wanted = explanation.lower(), wanted.lower()
        r.equal(f"{what}: explanation", explanation, wanted)
