# SPDX-License-Identifier: Apache-2.0
"""Sign letters for tests as a stranger's server would: RFC 6376, relaxed/relaxed, rsa-sha256.

    signer = Signer("a.test", "s1")
    net.zone("a.test", [signer.record(), ...])        # "s1._domainkey TXT ..."
    signed = signer.sign(b"From: x@a.test\\r\\n...\\r\\n\\r\\nhello\\r\\n")

Nothing here is ours but openssl's key: what verifies was not made by what verifies it.
"""

import base64
import copy
import hashlib
import re
import subprocess

SIGNED = (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type")
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 9.2, note 1
TXT_PIECE = 250


def relaxed_field(field):
    name, _, value = field.partition(b":")
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" \t")
    return name.strip(b" \t").lower() + b":" + value


def relaxed_body(body):
    lines = [re.sub(rb"[ \t]+", b" ", x).rstrip(b" ") for x in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(x + b"\r\n" for x in lines)


def fields_of(head):
    """Whole fields, without their last CRLF."""
    return re.split(rb"\r\n(?![ \t])", head)


class Signer:
    def __init__(self, domain, selector="s1", bits=2048):
        self.domain, self.selector = domain, selector
        key = subprocess.run(
            ["openssl", "genrsa", str(bits)], check=True, capture_output=True
        ).stdout
        self.public = self._openssl(key, "-pubout", "-outform", "DER")
        text = self._openssl(key, "-noout", "-text").decode()
        self.n, self.p, self.q, self.dp, self.dq, self.qinv = (
            self._number(text, word)
            for word in ("modulus", "prime1", "prime2", "exponent1", "exponent2", "coefficient")
        )

    def of(self, domain):
        """The same key for another domain: making one takes a while."""
        other = copy.copy(self)
        other.domain = domain
        return other

    @staticmethod
    def _openssl(key, *args):
        return subprocess.run(
            ["openssl", "rsa", *args], input=key, check=True, capture_output=True
        ).stdout

    @staticmethod
    def _number(text, word):
        digits = re.search(rf"^{word}:((?:\n +[0-9a-f:]+)+)", text, re.M).group(1)
        return int(re.sub(r"[\s:]", "", digits), 16)

    def record(self):
        """Zone text below the domain's name."""
        value = "v=DKIM1; k=rsa; p=" + base64.b64encode(self.public).decode()
        pieces = [value[i : i + TXT_PIECE] for i in range(0, len(value), TXT_PIECE)]
        return f"{self.selector}._domainkey TXT " + " ".join(f'"{x}"' for x in pieces)

    def _signature(self, digest):
        size = (self.n.bit_length() + 7) // 8
        info = SHA256_INFO + digest
        m = int.from_bytes(b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info, "big")
        a, b = pow(m % self.p, self.dp, self.p), pow(m % self.q, self.dq, self.q)
        return (b + self.q * (self.qinv * (a - b) % self.p)).to_bytes(size, "big")

    def sign(self, letter, domain=None):
        """The letter with its signature above; domain: another one to claim."""
        head, _, body = letter.partition(b"\r\n\r\n")
        fields = {f.partition(b":")[0].strip().lower(): f for f in fields_of(head)}
        names = [n for n in SIGNED if n in fields]
        body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
        field = (
            b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n\td="
            + f"{domain or self.domain}; s={self.selector};\r\n\th=".encode()
            + b":".join(names)
            + b";\r\n\tbh="
            + body_hash
            + b";\r\n\tb="
        )
        text = b"".join(relaxed_field(fields[n]) + b"\r\n" for n in names) + relaxed_field(field)
        value = base64.b64encode(self._signature(hashlib.sha256(text).digest()))
        lines = b"\r\n\t".join(value[i : i + 72] for i in range(0, len(value), 72))
        return field + lines + b"\r\n" + letter
