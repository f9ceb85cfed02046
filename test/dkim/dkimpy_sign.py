# SPDX-License-Identifier: Apache-2.0
"""Run by the system's Python, whose packages it needs: sign files with dkimpy.

usage: dkimpy_sign.py RSA-KEY ED25519-SEED DOMAIN OUT FILE...

Each file is signed twice, with RSA and Ed25519 (selectors "rsa", "ed"), in one of the four pairs of
canonicalizations. A line "NAME CANON" for each comes out; "NAME unread" where dkimpy cannot.
"""

import pathlib
import sys

import dkim

PAIRS = [(h, b) for h in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")]


def main():
    rsa, seed, domain, out, *paths = sys.argv[1:]
    keys = [(b"rsa", pathlib.Path(rsa).read_bytes(), b"rsa-sha256"),
        (b"ed", pathlib.Path(seed).read_bytes().strip(), b"ed25519-sha256")]
    for i, path in enumerate(map(pathlib.Path, paths)):
        octets, pair = path.read_bytes(), PAIRS[i % len(PAIRS)]
        try:
            fields = [dkim.sign(octets, selector, domain.encode(), key, canonicalize=pair,
                signature_algorithm=algorithm) for selector, key, algorithm in keys]
        except dkim.DKIMException:
            print(f"{path.name}\tunread")
            continue
        (pathlib.Path(out) / path.name).write_bytes(b"".join(fields) + octets)
        print(f"{path.name}\t{b'/'.join(pair).decode()}")


main()
