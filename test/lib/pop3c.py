# SPDX-License-Identifier: Apache-2.0
"""A POP3 client for tests: one command, its whole answer, octets as they were in the message.

    with Pop3(port, tls=wire.client_context()) as c:
        c.login(user, password)
        for number, uid in c.uidl().items(): c.retr(number)
        c.quit()
"""

import wire


class Refused(Exception):
    """An answer of -ERR where +OK was needed."""


class Pop3:
    def __init__(self, port, tls=None, **kw):
        self.wire = wire.Wire(port, tls=tls, **kw)
        self.greeting = self.wire.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.wire.close()

    def cmd(self, text):
        """The first line of the answer, as text."""
        self.wire.send(text.encode() + b"\r\n")
        return self.wire.line().decode()

    def ok(self, text):
        answer = self.cmd(text)
        if not answer.startswith("+OK"):
            raise Refused(f"{text.split()[0]}: {answer}")
        return answer

    def body(self):
        """The octets behind a first line, without its end and with doubled dots undone."""
        out = []
        while (line := self.wire.line()) != b".":
            out.append(line[1:] if line.startswith(b".") else line)
        return b"".join(line + b"\r\n" for line in out)

    def multi(self, text):
        self.ok(text)
        return self.body()

    def login(self, user, password):
        """The answer to PASS."""
        self.ok(f"USER {user}")
        return self.cmd(f"PASS {password}")

    def numbers(self, text):
        """{number: value} of LIST and UIDL."""
        rows = (line.split(b" ", 1) for line in self.multi(text).split(b"\r\n") if line)
        return {int(n): value.decode() for n, value in rows}

    def uidl(self):
        return self.numbers("UIDL")

    def sizes(self):
        return {n: int(size) for n, size in self.numbers("LIST").items()}

    def retr(self, number):
        return self.multi(f"RETR {number}")

    def top(self, number, lines=0):
        return self.multi(f"TOP {number} {lines}")

    def quit(self):
        return self.cmd("QUIT")
