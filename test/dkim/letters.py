# SPDX-License-Identifier: Apache-2.0
"""The messages that are signed: the corpus with senders of ours, and some made here."""

import re

ADDRESS = re.compile(rb"@[A-Za-z0-9][A-Za-z0-9.-]*")
FROM = re.compile(rb"^From[ \t]*:[^\r]*\r\n([ \t][^\r]*\r\n)*", re.I | re.M)
ONCE = b"from sender reply-to to cc bcc message-id in-reply-to references subject date".split()
FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:", re.M)


def repeated(octets):
    """Does a field stand twice that RFC 5322 3.6 allows once?"""
    names = [m.group(1).lower() for m in FIELD.finditer(octets.partition(b"\r\n\r\n")[0])]
    return any(names.count(name) > 1 for name in ONCE)


def excuse(who, octets):
    """Why this verifier need not agree about this message; None: it must."""
    if who in ("opendkim", "rspamd") and repeated(octets):
        return "refuses messages in which such a field is repeated"
    if who == "rspamd" and b"\x0c" in octets:
        return "takes a form feed for white space, which RFC 6376 2.8 does not"
    if who == "rspamd" and re.search(rb"^(From|Subject)[ \t]+:", octets, re.M):
        return "keeps a space before the colon in the name"
    return None


def with_sender(octets, domain):
    """The message with its first From field at our domain; one is added when there is none."""
    end = octets.find(b"\r\n\r\n")
    head, body = (octets, b"") if end < 0 else (octets[: end + 2], octets[end + 2 :])
    old = FROM.search(head)
    if old is None:
        return b"From: nobody@" + domain + b"\r\n" + octets
    new, n = ADDRESS.subn(b"@" + domain, old.group(0))
    if n == 0:
        new = b"From: nobody@" + domain + b"\r\n"
    return head[: old.start()] + new + head[old.end() :] + body


def made(domain):
    """{name: octets}: what the corpus lacks."""
    date = "Date: Sun, 22 Nov 2026 02:00:00 +0000\r\n"
    a = f"{date}From: Jörg <jörg@bücher.{domain}>\r\nTo: δοκιμή@παράδειγμα.test\r\n"
    plain = f"{date}From: a@{domain}\r\nTo: b@example.net\r\n"
    texts = {
        "utf8-headers": a + "Subject: Grüße aus 東京 📬\r\n\r\nHällo\r\n",
        "utf8-folded": a + "Subject: " + "\r\n ".join(["ünï"] * 40) + "\r\n\r\nx\r\n",
        "utf8-display": date
        + f'From: "Ж\\"х" <a@{domain}>\r\nSubject: \t ü \t\r\n\r\nü ü\t\r\n\r\n\r\n',
        "no-body": plain + "Subject: nothing\r\n\r\n",
        "no-blank-line": plain + "Subject: no end\r\n",
        "only-empty-lines": plain + "\r\n\r\n\r\n\r\n",
        "no-last-line-end": plain + "\r\nends in the middle",
        "spaces": plain + "Subject:   a  \t b   \r\n\r\na  b \t \r\n \r\n\t\r\nc\r\n \r\n",
        "dots": plain + "\r\n.\r\n..\r\n.x\r\n",
        "long-line": plain + "\r\n" + "ü" * 20000 + "\r\n",
        "many-recipients": plain
        + "Cc: "
        + ",\r\n ".join(f"r{i}@x.test" for i in range(2000))
        + "\r\n\r\nx\r\n",
        "fields-twice": plain + "To: c@example.net\r\nSubject: 1\r\nSubject: 2\r\n\r\nx\r\n",
        "list": plain + "List-Id: <l.test>\r\nList-Unsubscribe: <https://x.test/u>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nx\r\n",
        "signed-before": "DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=x; h=from;\r\n"
        " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n" + plain + "\r\nx\r\n",
        "odd-names": date + f"fRoM:a@{domain}\r\nSUBJECT:x\r\nX-Y:z\r\n\r\nx\r\n",
        "space-before-colon": date + f"From : a@{domain}\r\nSubject : x\r\n\r\nx\r\n",
        "mime": plain + "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed;\r\n boundary=\"b\"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    }
    return {name: text.encode() for name, text in texts.items()}


def damaged(octets):
    """The same with one letter of the body changed, which a signature must notice."""
    return octets.rstrip(b"\r\n") + b"!\r\n"
