# SPDX-License-Identifier: Apache-2.0
"""Messages of other people's test suites through proto/dkim.

The suites are not part of the project: $POSTERN_SUITES names their folder, or it is shared/suites
beside the project's. What is not there is skipped. Where a suite says pass, we may say why not:
"""

import json
import os
import pathlib
import subprocess
import tempfile

import postern

# RFC 8301 3.1 and 3.2, README of proto/dkim.
STRICTER = {
    "unsupported algorithm": "SHA-1 is not believed any more",
    "the key is too short": "RSA keys below 1,024 bits are not believed",
    "a length is not trusted": "l= leaves a tail that anybody can write",
    "no signature": "DomainKeys (RFC 4870) are history",
    "unknown version": "v=0.5 was a draft",
    "a required tag is missing": "drafts before RFC 4871 had no v=",
}

# RFC 8463 A.2 and A.3: a message with two signatures, and their records.
RSA = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy"
    "VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
VECTOR_RECORDS = (
    "brisbane._domainkey.football.example.com\tv=DKIM1; k=ed25519; "
    "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    f"test._domainkey.football.example.com\tv=DKIM1; k=rsa; p={RSA}\n"
)
VECTOR = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""


def folder():
    given = os.environ.get("POSTERN_SUITES")
    return pathlib.Path(given) if given else postern.ROOT.parent / "shared" / "suites"


def records(path):
    """FAKE_DNS.dat as "NAME TAB RECORD" lines; names without a record are left out."""
    out = []
    for line in path.read_text().splitlines():
        name, _, data = line.strip().partition(" ")
        data = data.strip()
        if name and not name.startswith("#") and data and data[:2] != "~~" and data != "NXDOMAIN":
            out.append(f"{name}\t{'' if data == chr(34) * 2 else data}\n")
    return "".join(out)


def verdicts(program, folder, texts, dns):
    """{name: [(result, why)]} for {name: octets}."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="suite.", dir=folder))
    (home / "records").write_text(dns)
    paths = []
    for name, octets in texts.items():
        path = home / name.replace("/", "_")
        path.write_bytes(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        paths.append((name, str(path)))
    command = [str(program), str(home / "records"), *(p for _, p in paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found = {}
    for line in done.stdout.splitlines():
        path, result, why = line.split("\t")
        found.setdefault(path, []).append((result, why))
    return {name: found.get(path, []) for name, path in paths}


def agrees(want, got):
    """Ours is theirs, or stricter for a reason; never milder."""
    if want != "pass":
        return all(result != "pass" for result, _ in got)
    return any(result == "pass" or why in STRICTER for result, why in got)


def vectors(r, program, temp):
    """RFC 8463's message passes twice, and not at all after any change to what is signed."""
    two = [("pass", ""), ("pass", "")]
    changed = [(b"hungry", b"angry"), (b"Joe SixPack", b"Joe Sixpack"), (b"dinner", b"Dinner")]
    texts = {"as printed": VECTOR}
    texts |= {f"with {new.decode()}": VECTOR.replace(old, new) for old, new in changed}
    got = verdicts(program, temp, texts, VECTOR_RECORDS)
    r.equal("RFC 8463 A.3", got.pop("as printed"), two)
    for name, said in got.items():
        r.equal(f"RFC 8463 A.3 {name}", [result for result, _ in said], ["fail", "fail"])


def dkimpy_files(r, program, temp):
    suite = folder() / "dkim" / "dkimpy" / "data"
    want = {"rfc6376.signed.msg": 2, "rfc6376.signed.rsa.msg": 1}
    if not (suite / "rfc6376.signed.msg").exists():
        r.skip("dkimpy's messages", "the suite is not here")
        return
    texts = {name: (suite / name).read_bytes() for name in want}
    for name, said in verdicts(program, temp, texts, VECTOR_RECORDS).items():
        r.equal(f"dkimpy {name}", [result for result, _ in said], ["pass"] * want[name])


def mail_dkim(r, program, temp):
    suite = folder() / "dkim" / "mail-dkim"
    if not (suite / "expected.json").exists():
        r.skip("mail-dkim", "the suite is not here")
        return
    cases = json.loads((suite / "expected.json").read_text())
    cases = {c["file"]: c["expect"] for c in cases if c["test"] == "verifier.t"}
    texts = {name: (suite / name).read_bytes() for name in cases}
    got = verdicts(program, temp, texts, records(suite / "FAKE_DNS.dat"))
    for name, want in cases.items():
        r.check(f"mail-dkim {name}: {want}", agrees(want, got[name]), got[name])
    passed = sum(any(result == "pass" for result, _ in v) for v in got.values())
    r.check("mail-dkim: some pass here as well", passed >= 1, passed)
    r.check("mail-dkim: all are there", len(cases) >= 75, len(cases))


def check(r, program, temp):
    for part in (vectors, dkimpy_files, mail_dkim):
        part(r, program, temp)
