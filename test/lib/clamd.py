# SPDX-License-Identifier: Apache-2.0
"""ClamAV's daemon with one signature of the test's own: it knows MARK, wherever it is packed.

    with Clamd(folder / "clamd.sock") as c:
        ... settings={"virus.clamd": str(c.path)} ...
        c.crash(); c.start()
"""

import ctypes
import pathlib
import shutil
import signal
import subprocess
import tempfile

import postern

MARK = b"POSTERN-TEST-VIRUS-4f2a91c6-POSTERN"
NAME = "Postern.Test.Virus"
READY_S = 60
CONF = """\
Foreground yes
LocalSocket {socket}
LocalSocketMode 666
FixStaleSocket yes
DatabaseDirectory {dir}/db
TemporaryDirectory {dir}/tmp
OfficialDatabaseOnly no
LogFile {dir}/log
User root
MaxThreads 4
SelfCheck 86400
ScanMail yes
"""


def lacks(*programs):
    """Why this cannot run here, or None."""
    gone = [p for p in ("clamd", *programs) if shutil.which(p) is None]
    return f"not installed: {' '.join(gone)}" if gone else None


class Clamd:
    def __init__(self, path, in_child=None):
        """path: the socket; in_child: called in the new process."""
        self.path, self.in_child, self.proc = pathlib.Path(path), in_child, None
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-clamd."))
        for name in ("db", "tmp"):
            (self.dir / name).mkdir()
        (self.dir / "db/own.ndb").write_text(f"{NAME}:0:*:{MARK.hex()}\n")
        (self.dir / "conf").write_text(CONF.format(socket=self.path, dir=self.dir))

    def _become_child(self):
        ctypes.CDLL(None).prctl(postern.PR_SET_PDEATHSIG, signal.SIGTERM)
        if self.in_child is not None:
            self.in_child()

    def start(self):
        with open(self.dir / "out", "ab") as out:
            self.proc = subprocess.Popen(
                ["clamd", "-c", str(self.dir / "conf")],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=self._become_child,
                start_new_session=True,
            )
        postern.wait_until(self._listens, READY_S, "clamd")
        return self

    def _listens(self):
        if self.proc.poll() is not None:
            raise RuntimeError("clamd ended: " + (self.dir / "out").read_text()[-1000:])
        return self.path.exists()

    def crash(self):
        if self.proc is not None:
            self.proc.kill()
            self.proc.wait()
            self.proc = None

    def stop(self):
        if self.proc is not None:
            self.proc.terminate()
            try:
                self.proc.wait(20)
            except subprocess.TimeoutExpired:
                self.crash()
            self.proc = None
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
