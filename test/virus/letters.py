# SPDX-License-Identifier: Apache-2.0
"""Letters with the EICAR test string, wrapped in what mail wraps things in.

The string is no virus; every scanner is to treat it as one. It stands here in two pieces, so that
no scanner takes this file for it. https://www.eicar.org tells what it is.
"""

import base64
import io
import quopri
import zipfile

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
NAME = "Local.Eicar"
B = b"b0undary"
NOTE = b"X-Note: =?utf-8?Q?gr=C3=BC=C3=9Fe?=\n"


def signature():
    """A line for a .ndb file: the string at any place of any file."""
    return f"{NAME}:0:*:{EICAR.hex()}\n"


def crlf(text):
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def base64_lines(octets):
    return base64.encodebytes(octets)


def head(subject, sender="ann@elsewhere.test", more=b""):
    return (
        f"From: <{sender}>\nTo: user@postern.test\nSubject: {subject}\n".encode()
        + more
        + b"Date: Sat, 21 Nov 2026 10:00:00 +0000\n"
        + f"Message-ID: <{subject.replace(' ', '.')}@elsewhere.test>\nMIME-Version: 1.0\n".encode()
    )


def multipart(*parts):
    body = b"".join(b"--" + B + b"\n" + p + b"\n" for p in parts)
    return b'Content-Type: multipart/mixed; boundary="' + B + b'"\n\n' + body + b"--" + B + b"--\n"


def attachment(octets, name=b'"file.bin"'):
    return (
        b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        b"Content-Disposition: attachment; filename=" + name + b"\n\n" + base64_lines(octets)
    )


TEXT = b"Content-Type: text/plain\n\nhello\n"


def zipped(octets, times=1):
    for depth in range(times):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("inner.zip" if depth else "eicar.com", octets)
        octets = out.getvalue()
    return octets


def forwarded(inner):
    return b"Content-Type: message/rfc822\n\n" + inner


def wrap(payload, sender="ann@elsewhere.test"):
    """{what it is: the letter}, each with `payload` (EICAR, or as many harmless octets)."""
    h = lambda name, more=b"": head(name, sender, more)  # noqa: E731
    nested = head("inner", sender) + multipart(TEXT, attachment(payload))
    twice = head("middle", sender) + multipart(TEXT, forwarded(nested))
    encoded = b'"=?utf-8?B?' + base64.b64encode("größer.com".encode()) + b'?="'
    quoted = quopri.encodestring(payload).replace(b"E", b"=45")
    filler = bytes(range(256)) * 1200
    rows = {
        "plain": h("plain") + b"\n" + payload + b"\n",
        "base64 body": h("base64 body")
        + b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"
        + base64_lines(payload),
        "quoted-printable": h("quoted-printable")
        + b"Content-Transfer-Encoding: quoted-printable\n\n"
        + quoted
        + b"\n",
        "attachment": h("attachment") + multipart(TEXT, attachment(payload)),
        "name in encoded words": h("name in encoded words", NOTE)
        + multipart(TEXT, attachment(payload, encoded)),
        "nested letter": h("nested letter") + multipart(TEXT, forwarded(nested)),
        "nested twice": h("nested twice") + multipart(TEXT, forwarded(twice)),
        "zip": h("zip") + multipart(TEXT, attachment(zipped(payload))),
        "zip in zip": h("zip in zip") + multipart(TEXT, attachment(zipped(payload, 2))),
        "large, in a file": h("large, in a file")
        + multipart(TEXT, attachment(filler), attachment(payload)),
        "begins with an unusual field": b"Organization: nobody knows\n"
        + h("begins with an unusual field")
        + multipart(TEXT, attachment(payload)),
    }
    return {name: crlf(text) for name, text in rows.items()}
