#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What pyspf says of cases, over zones as data; for differ.py.

Standard input: JSON [[zone, [[ip, helo, path]]]], zone {name: [[type, value]]}, a type "LOST" for
questions nobody answers. Standard output: a line "result" per case.
"""

import json
import sys

import spf


def lookup_in(zone):
    def lookup(name, qtype, strict=True, timeout=None):
        del strict, timeout
        name = name.lower().rstrip(".")
        rows = zone.get(name, ())
        if any(kind == "LOST" for kind, _ in rows):
            raise spf.TempError("DNS: nobody answers")
        return [((name, kind), data(kind, value)) for kind, value in rows if kind == qtype]

    return lookup


def data(kind, value):
    if kind == "TXT":
        return [value.encode("latin-1")]
    return tuple(value) if kind == "MX" else value


def main():
    for zone, cases in json.load(sys.stdin):
        spf.DNSLookup = lookup_in(zone)
        for ip, helo, path in cases:
            try:
                result = spf.check2(i=ip, s=path, h=helo, querytime=0)[0]
            except Exception as e:  # pyspf fell over: nothing to compare with
                result = "crash " + repr(e)[:200]
            print(result.replace("\n", " "))


if __name__ == "__main__":
    main()
