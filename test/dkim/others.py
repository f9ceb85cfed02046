# SPDX-License-Identifier: Apache-2.0
"""The other way round: dkimpy signs, we verify. (opendkim-testmsg knows SHA-1 only.)"""

import base64
import pathlib
import subprocess
import tempfile

import letters

TIMEOUT_S = 600
SYSTEM_PYTHON = "/usr/bin/python3"
HERE = pathlib.Path(__file__).resolve().parent
MESSAGES_MAX = 120
UNREAD_MAX = 0.1
SIGNATURES = 2  # of each letter; more stood there before, below them


def call(command, **kw):
    done = subprocess.run([str(x) for x in command], capture_output=True, timeout=TIMEOUT_S, **kw)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr[-500:]!r}")
    return done.stdout


class Keys:
    def __init__(self, folder, domain):
        self.rsa, self.seed = folder / "rsa.pem", folder / "seed"
        self.records = folder / "records"
        call(["openssl", "genrsa", "-traditional", "-out", self.rsa, "2048"])
        der = call(["openssl", "rsa", "-in", self.rsa, "-pubout", "-outform", "DER"])
        pem = folder / "ed.pem"
        call(["openssl", "genpkey", "-algorithm", "ed25519", "-out", pem])
        private = call(["openssl", "pkey", "-in", pem, "-outform", "DER"])[-32:]
        public = call(["openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER"])[-32:]
        self.seed.write_bytes(base64.b64encode(private))
        rows = {"rsa": f"k=rsa; p={base64.b64encode(der).decode()}",
            "ed": f"k=ed25519; p={base64.b64encode(public).decode()}"}
        self.records.write_text("".join(
            f"{s}._domainkey.{domain}\tv=DKIM1; {v}\n" for s, v in rows.items()))


def verified(verify_mail, keys, paths):
    """{name: [result]}"""
    found = {p.name: [] for p in paths}
    for i in range(0, len(paths), MESSAGES_MAX):
        out = call([verify_mail, keys.records, *paths[i : i + MESSAGES_MAX]])
        for line in out.decode().splitlines():
            path, result, _ = line.split("\t")
            found[pathlib.Path(path).name].append(result)
    return found


def judge(r, who, verify_mail, keys, folder):
    """All signatures are good; after a change to the letter none is."""
    paths = sorted(folder.iterdir())
    for name, got in verified(verify_mail, keys, paths).items():
        r.check(f"by {who}: {name}", got[:SIGNATURES] == ["pass"] * SIGNATURES, got)
    changed = folder.with_name(folder.name + "-changed")
    changed.mkdir()
    for path in paths[::7]:
        (changed / path.name).write_bytes(letters.damaged(path.read_bytes()))
    for name, got in verified(verify_mail, keys, sorted(changed.iterdir())).items():
        r.check(f"by {who}, changed: {name}", got and "pass" not in got, got)


def by_dkimpy(r, verify_mail, keys, domain, sources, temp):
    out = temp / "dkimpy"
    out.mkdir()
    try:
        done = call([SYSTEM_PYTHON, HERE / "dkimpy_sign.py", keys.rsa, keys.seed, domain, out,
            *sources])
    except (OSError, RuntimeError) as e:
        r.skip("signed by dkimpy", str(e)[-200:])
        return
    unread = [x for x in done.decode().splitlines() if x.endswith("\tunread")]
    r.check("dkimpy signs nearly all", len(unread) <= UNREAD_MAX * len(sources), unread[:20])
    judge(r, "dkimpy", verify_mail, keys, out)


def check(r, verify_mail, domain, folder):
    """folder: unsigned letters."""
    every = sorted(folder.iterdir())
    sources = every[:: max(1, len(every) // MESSAGES_MAX)]
    with tempfile.TemporaryDirectory(prefix="postern-others.") as name:
        temp = pathlib.Path(name)
        keys = Keys(temp, domain)
        by_dkimpy(r, verify_mail, keys, domain, sources, temp)
