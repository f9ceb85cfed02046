# SPDX-License-Identifier: Apache-2.0
"""ClamAV's daemon with one signature of the test's own: it knows MARK, wherever it is packed.

    with Clamd(folder / "clamd.sock") as c:
        ... settings={"virus.clamd": str(c.path)} ...
        c.crash(); c.start()
"""

import pathlib
import shutil

import daemon
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
        self.path, self.in_child, self.daemon = pathlib.Path(path), in_child, None
        self.dir = postern.make_folder("clamd")
        for name in ("db", "tmp"):
            (self.dir / name).mkdir()
        (self.dir / "db/own.ndb").write_text(f"{NAME}:0:*:{MARK.hex()}\n")
        (self.dir / "conf").write_text(CONF.format(socket=self.path, dir=self.dir))

    def start(self):
        command = ["clamd", "-c", self.dir / "conf"]
        self.daemon = daemon.Daemon(command, self.dir / "out", self.in_child)
        self.daemon.wait(self.path.exists, READY_S)
        return self

    def crash(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon = None

    def stop(self):
        if self.daemon is not None:
            self.daemon.stop()
            self.daemon = None
        postern.remove_folder(self.dir)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
