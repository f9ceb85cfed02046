# SPDX-License-Identifier: Apache-2.0
"""Run by the system's Python, whose packages it needs: verify files with dkimpy.

usage: dkimpy_verify.py RECORDS FILE...        a line "FILE NUMBER-OF-GOOD-SIGNATURES" for each;
"FILE unread" for a header that dkimpy does not read at all: a space before a colon, a line without
one.
"""

import sys

import dkim


def main():
    with open(sys.argv[1], "rb") as f:
        records = dict(line.rstrip(b"\n").split(b"\t", 1) for line in f)

    def look_up(name, timeout=5):
        return records.get(name.rstrip(b".").lower())

    for path in sys.argv[2:]:
        with open(path, "rb") as f:
            octets = f.read()
        try:
            d = dkim.DKIM(octets, minkey=1024)
        except dkim.MessageFormatError:
            print(f"{path}\tunread")
            continue
        good = 0
        for index in range(2):
            try:
                good += bool(d.verify(index, look_up))
            except dkim.DKIMException as e:
                print(f"{path}: {index}: {e}", file=sys.stderr)
        print(f"{path}\t{good}")


main()
