# SPDX-License-Identifier: Apache-2.0
"""One letter, signed and damaged in every way that a verifier must tell apart.

    made = Variants(folder)
    net.zone(DOMAIN, made.zone_lines())     # its keys, of every kind
    for case in made.cases(): case.name, case.octets, case.sender, case.address

Signing is by this file alone and openssl, so that tags can be written that no signer writes.
"""

import base64
import hashlib
import re
import subprocess
import time

import signers

DOMAIN, OTHER, FRIEND = "agree.test", "agree-other.test", "198.18.0.7"
STRANGER = "198.18.9.9"
POLICY = "reject"
FIELDS = ("From", "To", "Subject", "Date", "Message-ID")
BODY = b"Dear Bob,\r\n\r\nthe  minutes are ready. \r\n\r\n\r\n"
DAY_S = 86400


class Case:
    def __init__(self, name, octets, sender=f"ann@{DOMAIN}", address=STRANGER):
        self.name, self.octets, self.sender, self.address = name, octets, sender, address


# --- canonical forms (RFC 6376 3.4) ---------------------------------------------------------------


def field_octets(field, how):
    if how == "simple":
        return field
    name, _, value = field.partition(b":")
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" \t")
    return name.strip().lower() + b":" + value


def body_octets(body, how):
    lines = body.split(b"\r\n")
    if how == "relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", x).rstrip(b" ") for x in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return b"\r\n" if how == "simple" else b""
    return b"\r\n".join(lines) + b"\r\n"


def fields_of(letter):
    return re.split(rb"\r\n(?![ \t])", letter.partition(b"\r\n\r\n")[0])


def chosen(letter, names):
    """From the bottom up, RFC 6376 5.4.2."""
    left = list(reversed(fields_of(letter)))
    for name in names:
        start = name.lower().encode() + b":"
        found = next((f for f in left if f.lower().startswith(start)), None)
        if found is not None:
            left.remove(found)
            yield found


class Variants:
    def __init__(self, folder):
        self.folder = folder / "variants"
        self.folder.mkdir()
        self.keys = {
            "good": signers.Keys(self.folder, "good"),
            "weak": signers.Keys(self.folder, "weak", bits=768),
        }
        self.ed_private = self.folder / "ed.pem"
        command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(self.ed_private)]
        subprocess.run(command, check=True, capture_output=True)
        command = ["openssl", "pkey", "-in", str(self.ed_private), "-pubout", "-outform", "DER"]
        der = subprocess.run(command, check=True, capture_output=True).stdout
        self.ed_public = base64.b64encode(der[-32:]).decode()
        self.number = 0

    # --- DNS --------------------------------------------------------------------------------------

    def zone_lines(self):
        good = base64.b64encode(self.keys["good"].public).decode()
        yield from ("@ MX 10 mx", f"mx A {FRIEND}", f'@ TXT "v=spf1 ip4:{FRIEND} -all"')
        yield f'_dmarc TXT "v=DMARC1; p={POLICY}"'
        records = {
            "good": f"v=DKIM1; k=rsa; p={good}",
            "weak": self.keys["weak"].record(),
            "revoked": "v=DKIM1; k=rsa; p=",
            "testing": f"v=DKIM1; t=y; k=rsa; p={good}",
            "sha1": f"v=DKIM1; h=sha1; k=rsa; p={good}",
            "exact": f"v=DKIM1; t=s; k=rsa; p={good}",
            "service": f"v=DKIM1; s=tlsrpt; k=rsa; p={good}",
            "version": f"v=DKIM2; k=rsa; p={good}",
            "rubbish": "v=DKIM1; k=rsa; p=AAAA",
            "ed": f"v=DKIM1; k=ed25519; p={self.ed_public}",
        }
        for selector, record in records.items():
            yield signers.txt(f"{selector}._domainkey", record)
        for name, record in SPF.items():
            yield f'{name} TXT "{record}"'

    # --- signing ----------------------------------------------------------------------------------

    def letter(self, domain=DOMAIN):
        self.number += 1
        return (
            f"From: Ann <ann@{domain}>\r\nTo: Bob <bob@postern.test>\r\nSubject: the  minutes\r\n"
            "Date: Thu, 05 Nov 2026 10:00:00 +0100\r\n"
            f"Message-ID: <agree{self.number}@{domain}>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        ).encode() + BODY

    def _sign(self, octets, algorithm, key):
        if algorithm.startswith("ed25519"):
            digest = self.folder / "digest"
            digest.write_bytes(hashlib.sha256(octets).digest())
            private = str(self.ed_private)
            command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", private]
            return signers.call([*command, "-in", str(digest)])
        how = "-sha1" if algorithm.endswith("sha1") else "-sha256"
        command = ["openssl", "dgst", how, "-sign", str(self.keys[key].private)]
        return signers.call(command, octets)

    def sign(self, letter, canon="relaxed/simple", selector="good", domain=DOMAIN, **more):
        """more: algorithm, key, fields, length, tags {"x": ...}."""
        algorithm = more.get("algorithm", "rsa-sha256")
        head, body = canon.split("/")
        text = body_octets(letter.partition(b"\r\n\r\n")[2], body)
        text = text[: more.get("length")]
        digest = hashlib.new(algorithm.rpartition("-")[2], text).digest()
        names = more.get("fields", FIELDS)
        tags = {"v": "1", "a": algorithm, "c": canon, "d": domain, "s": selector}
        tags |= {"h": ":".join(names), "bh": base64.b64encode(digest).decode()}
        if "length" in more:
            tags["l"] = str(len(text))
        tags |= more.get("tags", {})
        field = "DKIM-Signature: " + ";\r\n\t".join(f"{k}={v}" for k, v in tags.items())
        field = (field + ";\r\n\tb=").encode()
        signed = b"".join(field_octets(f, head) + b"\r\n" for f in chosen(letter, names))
        made = self._sign(signed + field_octets(field, head), algorithm, more.get("key", "good"))
        lines = re.findall(".{1,70}", base64.b64encode(made).decode())
        return field + "\r\n\t ".join(lines).encode() + b"\r\n" + letter

    # --- the cases --------------------------------------------------------------------------------

    def cases(self):
        yield from self.whole()
        yield from self.damaged()
        yield from self.keys_wrong()
        yield from self.tags_wrong()
        yield from self.several()
        yield from self.paths()

    def whole(self):
        for canon in ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"):
            yield Case(f"whole {canon}", self.sign(self.letter(), canon))
        ed = {"selector": "ed", "algorithm": "ed25519-sha256"}
        yield Case("ed25519", self.sign(self.letter(), **ed))
        yield Case("no signature", self.letter())
        yield Case("key in testing", self.sign(self.letter(), selector="testing"))

    def damaged(self):
        changes = {
            "body": (b"ready", b"lost!"),
            "header": (b"Subject: the", b"Subject: thy"),
            "white space": (b"the  minutes", b"the minutes"),
            "tail added": (BODY, BODY + b"Buy this.\r\n"),
        }
        for canon in ("relaxed/relaxed", "simple/simple"):
            for name, (old, new) in changes.items():
                made = self.sign(self.letter(), canon)
                yield Case(f"{canon}, {name}", made.replace(old, new))
        for name, wrong in (("signature", None), ("no base64 in b=", b"#")):
            made = self.sign(self.letter())
            at = made.index(b"\tb=") + 20
            other = wrong or (b"A" if made[at : at + 1] != b"A" else b"B")
            yield Case(name, made[:at] + other + made[at + 1 :])
        testing = self.sign(self.letter(), selector="testing")
        yield Case("key in testing, body", testing.replace(b"ready", b"lost!"))

    def keys_wrong(self):
        for selector in ("revoked", "missing", "sha1", "service", "version", "rubbish"):
            yield Case(f"key: {selector}", self.sign(self.letter(), selector=selector))
        yield Case("key: weak", self.sign(self.letter(), selector="weak", key="weak"))
        yield Case("key: of another kind", self.sign(self.letter(), selector="ed"))
        below = {"tags": {"i": f"@mail.{DOMAIN}"}}
        yield Case("i= below d=", self.sign(self.letter(), **below))
        yield Case("i= below d=, t=s", self.sign(self.letter(), selector="exact", **below))

    def tags_wrong(self):
        now = int(time.time())
        for name, tags in (
            ("expired", {"t": now - 9 * DAY_S, "x": now - 2 * DAY_S}),
            ("expires later", {"t": now - 9 * DAY_S, "x": now + 2 * DAY_S}),
            ("x= before t=", {"t": now - 2 * DAY_S, "x": now - 9 * DAY_S}),
            ("signed in the future", {"t": now + 9 * DAY_S}),
            ("version 2", {"v": "2"}),
            ("i= of another domain", {"i": f"@{OTHER}"}),
        ):
            yield Case(name, self.sign(self.letter(), tags=tags))
        yield Case("From is not signed", self.sign(self.letter(), fields=FIELDS[1:]))
        yield Case("SHA-1", self.sign(self.letter(), algorithm="rsa-sha1"))
        unknown = self.sign(self.letter()).replace(b"a=rsa-sha256", b"a=rsa-sha999")
        yield Case("unknown algorithm", unknown)
        yield Case("l=, nothing added", self.sign(self.letter(), length=20))
        long = self.sign(self.letter(), length=len(body_octets(BODY, "simple")))
        yield Case("l=, tail added", long + b"Buy this.\r\n")

    def several(self):
        twice = self.sign(self.sign(self.letter()), "simple/simple")
        yield Case("two good signatures", twice)
        broken = self.sign(self.letter()).replace(b"ready", b"lost!")
        yield Case("a broken one below a good one", self.sign(broken))
        good = self.sign(self.letter())
        bad = self.sign(good, selector="missing")
        yield Case("a good one below one without key", bad)
        yield Case("signed by another domain", self.sign(self.letter(), domain=OTHER))

    def paths(self):
        for name in SPF:
            yield Case(f"SPF {name}", self.letter(), f"x@{name}.{DOMAIN}", STRANGER)
        yield Case("SPF passes, aligned", self.letter(), address=FRIEND)
        yield Case("SPF passes, another domain", self.letter(), f"x@{OTHER}", FRIEND)


SPF = {
    "softfail": "v=spf1 ~all",
    "neutral": "v=spf1 ?all",
    "fail": "v=spf1 -all",
    "permerror": "v=spf1 nonsense",
    "twelve": "v=spf1 " + " ".join(f"a:a{i}.{DOMAIN}" for i in range(12)) + " -all",
    "none": "nothing of this kind",
}
