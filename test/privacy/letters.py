# SPDX-License-Identifier: Apache-2.0
"""Letters whose every part that is nobody's business carries a mark."""

import base64
import email.utils

DATE = email.utils.formatdate(localtime=True)


def word(text):
    """RFC 2047, so that the mark is not there as it is."""
    return "=?utf-8?b?" + base64.b64encode(text.encode()).decode() + "?="


def letter(marks, kind, sender, to, more=b"", encoded=False):
    """Subject, names, body, an attachment and its name; more: octets for a part of their own."""

    def mark(part):
        return marks(f"{kind}: {part}")

    subject = word(f"about {mark('subject')}") if encoded else f"about {mark('subject')}"
    attachment = base64.encodebytes(b"not text, " + mark("attachment").encode() + more)
    lines = [
        f'From: "{mark("name of From")}" <{sender}>',
        f'To: "{mark("name of To")}" <{to}>',
        f"Subject: {subject}",
        f"Date: {DATE}",
        f"Message-ID: <{kind.replace(' ', '-')}.{abs(hash(mark('subject'))):x}@letters.test>",
        f"X-Own: {mark('header field')}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="part"',
        "",
        "--part",
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"Dear {mark('body')}, read https://www.letters.test/{mark('link')} please.",
        "--part",
        "Content-Type: text/html; charset=utf-8",
        "",
        f"<html><body><p>Dear {mark('html')},</p></body></html>",
        "--part",
        f'Content-Type: application/octet-stream; name="{mark("attachment name")}.bin"',
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{mark("attachment name")}.bin"',
        "",
    ]
    text = "\n".join(lines) + "\n" + attachment.decode() + "--part--\n"
    return text.replace("\n", "\r\n").encode()
