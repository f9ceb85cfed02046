# SPDX-License-Identifier: Apache-2.0
"""Run by the system's Python, whose packages it needs: what others' programs say and make.

usage: peer.py cases FILE                       the validation suite (YAML) as JSON
       peer.py verify RECORDS FILE...           "FILE none|pass|fail" by dkimpy, a line each
       peer.py seal KEY SELECTOR DOMAIN ID IN OUT      sealed by dkimpy
       peer.py check                            exit status 0: everything needed is here
"""

import json
import sys

import dkim
import yaml


def cases(path):
    with open(path, encoding="utf-8") as f:
        print(json.dumps(list(yaml.safe_load_all(f))))


def verify(records, *paths):
    with open(records, "rb") as f:
        known = dict(line.rstrip(b"\n").split(b"\t", 1) for line in f)

    def look_up(name, timeout=5):
        return known.get(name.rstrip(b".").lower())

    for path in paths:
        with open(path, "rb") as f:
            octets = f.read()
        status, _, _ = dkim.arc_verify(octets, dnsfunc=look_up, minkey=1024)
        print(f"{path}\t{status.decode() if status else 'none'}")


def seal(key, selector, domain, srv_id, path, out):
    with open(path, "rb") as f:
        octets = f.read()
    with open(key, "rb") as f:
        pem = f.read()
    fields = dkim.arc_sign(octets, selector.encode(), domain.encode(), pem, srv_id.encode(),
        timestamp=1600000000)
    if not fields:
        sys.exit("dkimpy made no seal")
    with open(out, "wb") as f:
        f.write(b"".join(fields) + octets)


def check():
    pass


{"cases": cases, "verify": verify, "seal": seal, "check": check}[sys.argv[1]](*sys.argv[2:])
