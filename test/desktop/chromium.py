# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium with one page, driven through its debugging pipe (descriptors 3 and 4)."""

import base64
import json
import os
import select
import time

import daemon
from marionette import Refused

ANSWER_S = 40


class Chromium:
    def __init__(self, folder, log):
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()
        command = ["chromium", "--headless=new", "--no-sandbox", "--remote-debugging-pipe"]
        command += [f"--user-data-dir={folder}/chromium", "--window-size=1280,800"]
        command += ["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--disable-background-networking", "--disable-component-update"]
        command += ["--no-proxy-server", "about:blank"]

        def pipes():
            """3 and 4 may be either pipe's own numbers: move both out of the way first."""
            a, b = os.dup2(to_browser, 20), os.dup2(from_browser, 21)
            os.dup2(a, 3)
            os.dup2(b, 4)

        env = {**os.environ, "HOME": str(folder)}
        self.daemon = daemon.Daemon(command, log, pipes, env=env, pass_fds=(3, 4))
        os.close(to_browser)
        os.close(from_browser)
        self.buf = b""
        self.count = 0
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        r = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = r["sessionId"]
        self.ask("Page.enable")

    def ask(self, method, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        while True:
            got = self._read(deadline)
            if got.get("id") != self.count:
                self._event(got)
                continue
            if "error" in got:
                raise Refused(f"{method}: {got['error'].get('message')}")
            return got["result"]

    def _event(self, got):
        """A question to the user is answered with yes."""
        if got.get("method") == "Page.javascriptDialogOpening":
            self.count += 1
            message = {"id": self.count, "method": "Page.handleJavaScriptDialog"}
            message |= {"params": {"accept": True}, "sessionId": self.session}
            os.write(self.out, json.dumps(message).encode() + b"\0")
            self.count -= 1

    def _read(self, deadline):
        while b"\0" not in self.buf:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.inp], [], [], left)[0]:
                raise Refused("chromium is silent")
            more = os.read(self.inp, 1 << 20)
            if not more:
                raise Refused("chromium has ended")
            self.buf += more
        text, _, self.buf = self.buf.partition(b"\0")
        return json.loads(text)

    def go(self, url):
        self.ask("Page.navigate", url=url)
        self.until("document.readyState == 'complete'")

    def js(self, expression):
        r = self.ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in r:
            detail = r["exceptionDetails"]
            raise Refused(detail.get("exception", {}).get("description") or detail.get("text"))
        return r["result"].get("value")

    def until(self, expression, seconds=20):
        """Wait until the expression is true in the page; its value."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                value = self.js(expression)
            except Refused as e:  # the page is being replaced
                value, why = None, str(e)
            else:
                why = ""
            if value:
                return value
            if time.monotonic() > deadline:
                raise Refused(f"not in time: {expression} {why}")
            time.sleep(0.05)

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def end(self):
        self.daemon.kill()
        os.close(self.inp)
        os.close(self.out)
