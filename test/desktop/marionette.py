# SPDX-License-Identifier: Apache-2.0
"""The few words of the Marionette protocol (a length, a colon, JSON) that drive Thunderbird."""

import base64
import json
import socket


class Refused(Exception):
    """The program answered with an error."""


class Marionette:
    def __init__(self, port, timeout=90):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.buf = b""
        self.count = 0
        self.hello = self._read()
        self.ask("WebDriver:NewSession", {"capabilities": {}})
        self.ask("Marionette:SetContext", {"value": "chrome"})
        self.ask("WebDriver:SetTimeouts", {"script": 30000})

    def _read(self):
        while b":" not in self.buf:
            self._more()
        head, self.buf = self.buf.split(b":", 1)
        size = int(head)
        while len(self.buf) < size:
            self._more()
        body, self.buf = self.buf[:size], self.buf[size:]
        return json.loads(body)

    def _more(self):
        more = self.sock.recv(1 << 16)
        if not more:
            raise Refused("the program has ended")
        self.buf += more

    def ask(self, name, values=None):
        self.count += 1
        text = json.dumps([0, self.count, name, values or {}]).encode()
        self.sock.sendall(b"%d:" % len(text) + text)
        _, _, error, result = self._read()
        if error is not None:
            raise Refused(f"{name}: {error.get('error')}: {error.get('message')}")
        return result

    def script(self, body, *args):
        """Run the body of an async function with `args`; what it returns."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            "const args = Array.from(arguments).slice(0, -1);"
            f"(async () => {{ {body} }})().then(v => done({{ value: v ?? null }}),"
            " e => done({ error: String(e) + ' ' + (e && e.stack || '') }));"
        )
        r = self.ask(
            "WebDriver:ExecuteAsyncScript",
            {"script": wrapped, "args": list(args), "sandbox": "system", "newSandbox": False},
        )["value"]
        if "error" in r:
            raise Refused(r["error"])
        return r["value"]

    def screenshot(self, path):
        r = self.ask("WebDriver:TakeScreenshot", {"full": False, "hash": False})
        path.write_bytes(base64.b64decode(r["value"]))

    def close(self):
        self.sock.close()
