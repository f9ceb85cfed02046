#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every extension that IMAP here shall have is announced, or DEVIATIONS.md names it with a reason.

usage: names_test.py caps.def preauth.c... DEVIATIONS.md
"""

import pathlib
import re
import sys

WANTED = """
    IMAP4rev2 IMAP4rev1 CONDSTORE QRESYNC UIDPLUS MOVE IDLE NAMESPACE SPECIAL-USE
    CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS STATUS=SIZE ENABLE ID SASL-IR
    LITERAL+ LITERAL- ESEARCH SEARCHRES WITHIN MULTISEARCH PARTIAL BINARY UNSELECT CHILDREN
    MULTIAPPEND CATENATE APPENDLIMIT QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE UTF8=ACCEPT
    COMPRESS=DEFLATE SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES PREVIEW
    SAVEDATE OBJECTID UIDONLY REPLACE INPROGRESS MESSAGELIMIT SAVELIMIT UNAUTHENTICATE METADATA
    LIST-METADATA NOTIFY ACL RIGHTS= SEARCH=FUZZY UIDBATCHES JMAPACCESS
""".split()


def main():
    *sources, deviations = [pathlib.Path(a).read_text(encoding="utf-8") for a in sys.argv[1:]]
    announced = set(re.findall(r'^CAP\("([^"]+)"', sources[0], re.M))
    texts = " ".join(re.findall(r'"([^"\n]*)"', "".join(sources[1:])))
    before = set(re.findall(r"[A-Z0-9=+-]+", texts))
    rows = [r.split("|") for r in deviations.splitlines() if r[:1] == "|" and r.count("|") >= 4]
    reasons = " ".join(r[1] for r in rows if r[3].strip())
    if not announced or not before or not rows:
        sys.exit("a table was not found")
    missing = [
        w
        for w in WANTED
        if w not in announced
        and w not in before
        and not (w.endswith("=") and any(a.startswith(w) for a in announced))
        and not re.search(rf"(?<![\w=+-]){re.escape(w)}(?![\w=+-])", reasons)
    ]
    if missing:
        sys.exit(f"neither announced nor in DEVIATIONS.md: {' '.join(missing)}")
    # What depends on a setting, or stands for something else, has its row as well.
    for name in ("MESSAGELIMIT", "SAVELIMIT", "LITERAL-"):
        if name not in reasons:
            sys.exit(f"{name} is announced only sometimes: DEVIATIONS.md must say when")
    print(f"{len(WANTED)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
