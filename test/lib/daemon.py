# SPDX-License-Identifier: Apache-2.0
"""A program of others in the foreground, in a process group of its own. It hears SIGTERM when the
test ends, however that happens; what it forked is its to end.

    d = Daemon(["rspamd", "-f", "-c", conf], folder / "out")
    d.wait(lambda: listens(port), 90)
    d.stop()
"""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess

import postern

STOP_S = 30


class Daemon:
    def __init__(self, command, out, in_child=None, **more):
        """out: what it says is added to this file; in_child: called in the new process."""
        self.name, self.out, self.in_child = str(command[0]), pathlib.Path(out), in_child
        with open(self.out, "ab") as f:
            self.proc = subprocess.Popen(
                [str(x) for x in command],
                stdin=subprocess.DEVNULL,
                stdout=f,
                stderr=f,
                preexec_fn=self._become_child,
                start_new_session=True,
                **more,
            )

    def _become_child(self):
        ctypes.CDLL(None).prctl(postern.PR_SET_PDEATHSIG, signal.SIGTERM)
        if self.in_child is not None:
            self.in_child()

    def wait(self, condition, seconds):
        """Until it holds. RuntimeError: the program has ended; TimeoutError. It is stopped then."""

        def holds():
            if self.proc.poll() is not None:
                said = self.out.read_text(errors="replace")[-1000:]
                raise RuntimeError(f"{self.name} ended: {said}")
            return condition()

        try:
            postern.wait_until(holds, seconds, self.name, every=0.1)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, seconds=STOP_S):
        self.proc.terminate()
        try:
            self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """It and all that it forked."""
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.proc.wait()


def listens(port):
    """Does somebody take connections to this port of ours?"""
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0
