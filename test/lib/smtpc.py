# SPDX-License-Identifier: Apache-2.0
"""A raw SMTP client for tests. It sends what it is told and never corrects it.

    with Smtp(port) as s:
        s.secure()                                  # greeting, EHLO, STARTTLS, EHLO
        code = s.deliver("a@x.test", ["b@y.test"], b"Subject: x\\r\\n\\r\\nhello\\r\\n")
"""

import base64
import re

import wire


class Reply:
    """One reply: .code (int), .lines (bytes without the code), .text (bytes, joined)."""

    def __init__(self, code, lines):
        self.code = code
        self.lines = lines
        self.text = b" ".join(lines)

    def __repr__(self):
        return f"{self.code} {self.text.decode('utf-8', 'replace')}"

    @property
    def enhanced(self):
        """The enhanced status code (RFC 3463) as text, or empty."""
        found = re.match(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)", self.lines[0])
        return found.group().decode() if found else ""


def stuff(data):
    """Dot-stuffing (RFC 5321 4.5.2) and the end of data. `data` must be CRLF lines."""
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    if data.startswith(b"."):
        data = b"." + data
    return data.replace(b"\r\n.", b"\r\n..") + b".\r\n"


class Smtp(wire.Wire):
    def __init__(self, port, tls=None, **kw):
        super().__init__(port, tls=tls, **kw)
        self.extensions = {}

    def reply(self):
        lines = []
        while True:
            line = self.line()
            if not re.match(rb"\d\d\d([ -]|$)", line):
                raise ValueError(f"not a reply line: {line[:100]!r}")
            lines.append(line[4:])
            if line[3:4] != b"-":
                return Reply(int(line[:3]), lines)

    def cmd(self, text):
        """Send one command (str or bytes, CRLF is added) and read its reply."""
        octets = text.encode() if isinstance(text, str) else text
        self.send(octets + b"\r\n")
        return self.reply()

    def ehlo(self, name="client.test"):
        r = self.cmd(f"EHLO {name}")
        words = [line.decode("utf-8", "replace").split(" ", 1) for line in r.lines[1:]]
        self.extensions = {w[0].upper(): (w[1] if len(w) > 1 else "") for w in words}
        return r

    def secure(self, ctx=None, name="client.test"):
        """From the greeting to the EHLO after STARTTLS; raises on any refusal."""
        for step in (self.reply, lambda: self.ehlo(name), lambda: self.cmd("STARTTLS")):
            r = step()
            if r.code not in (220, 250):
                raise ValueError(f"refused: {r}")
        self.start_tls(ctx or wire.client_context())
        return self.ehlo(name)

    def auth_plain(self, user, password):
        raw = b"\0" + user.encode() + b"\0" + password.encode()
        return self.cmd(b"AUTH PLAIN " + base64.b64encode(raw))

    def deliver(self, sender, rcpts, data, params=""):
        """One transaction; the final Reply, or the first refusal. Leaves the session ready."""
        r = self.cmd(f"MAIL FROM:<{sender}>{params}")
        for rcpt in rcpts:
            if r.code == 250:
                r = self.cmd(f"RCPT TO:<{rcpt}>")
        if r.code == 250:
            r = self.cmd("DATA")
        if r.code != 354:
            self.cmd("RSET")
            return r
        self.send(stuff(data))
        return self.reply()

    def quit(self):
        r = self.cmd("QUIT")
        self.close()
        return r


def logged_in(server, user, password):
    """A submission session over TLS."""
    c = Smtp(server.ports["submission"])
    try:
        c.secure()
        r = c.auth_plain(user, password)
        if r.code != 235:
            raise ValueError(f"no log-in: {r}")
    except BaseException:
        c.close()
        raise
    return c
