# SPDX-License-Identifier: Apache-2.0
"""
The reader of .def files against small texts: what it accepts, and the line it complains about. And:
every .def file of the project is in the build.
"""
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import model  # noqa: E402

EDGE = "edge t a b\n"
# text, and the line of the complaint (0: none)
CASES = [
    (EDGE + "message m a>b 1\n\tu8 x\n", 0),
    (EDGE + "message m a>b 1 fd?\n\tstr x 10  # why\n", 0),
    (EDGE + "record r\n\tu8 x\nmessage m b>a 65535\n\tlist l r 3\n\trec q r\n", 0),
    ("edge other a b\n", 1),
    ("edge t a a\n", 1),
    (EDGE + "nonsense\n", 2),
    (EDGE + "\tu8 x\n", 2),
    (EDGE + "message m a>c 1\n", 2),
    (EDGE + "message m a>b 0\n", 2),
    (EDGE + "message m a>b 65536\n", 2),
    (EDGE + "message m a>b 1 fds\n", 2),
    (EDGE + "message m a>b 1\n\tu9 x\n", 3),
    (EDGE + "message m a>b 1\n\tstr x\n", 3),
    (EDGE + "message m a>b 1\n\tu8 if\n", 3),
    (EDGE + "message m a>b 1\n\tu8 x\n\tu8 x\n", 4),
    (EDGE + "message m a>b 1\n\trec x nowhere\n", 3),
    (EDGE + "record r\n\trec x r\n", 3),
    (EDGE + "message m a>b 1\nmessage n a>b 2\n", 3),
    (EDGE + "message m a>b 1\n\tu8 x\nmessage n a>b 1\n", 4),
    (EDGE + "message m a>b 1\n\tu8 x\nmessage m b>a 2\n", 4),
    (EDGE + "record m\n\tu8 x\nmessage m b>a 2\n", 4),
    (EDGE + "use nowhere\n", 2),
]


def complaint(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.def")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        try:
            model.read(path)
        except model.Mistake as mistake:
            return int(str(mistake).split(":")[1])
    return 0


def main():
    failed = 0
    for text, want in CASES:
        got = complaint(text)
        if got != want:
            failed += 1
            print(f"want a complaint about line {want}, got {got}:\n{text}")
    ipc = os.path.join(HERE, "..", "..", "src", "ipc")
    with open(os.path.join(ipc, "meson.build"), encoding="ascii") as f:
        listed = set(re.findall(r"^  '([a-z0-9_]+)',$", f.read(), re.M)) | {"common"}
    there = {name[:-len(".def")] for name in os.listdir(ipc) if name.endswith(".def")}
    if listed != there:
        failed += 1
        print(f"src/ipc/meson.build and the folder differ: {sorted(listed ^ there)}")
    print(f"{len(CASES) + 1 - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
