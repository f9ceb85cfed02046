# SPDX-License-Identifier: Apache-2.0
"""rspamd with a configuration of the caller's, as its package's user where we are root."""

import os
import pathlib
import shutil
import subprocess

import daemon

READY_S = 300  # it compiles its rules first


def lacks():
    """Why it cannot run here, or None."""
    return None if shutil.which("rspamd") else "not installed: rspamd"


def start(folder, conf, ready):
    """A Daemon. folder: becomes its user's, who must reach it; ready: says when it serves."""
    folder = pathlib.Path(folder)
    (folder / "conf").write_text(conf)
    command = ["rspamd", "-f", "-c", folder / "conf"]
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "_rspamd:_rspamd", folder], check=True)
        folder.chmod(0o711)
        command += ["-u", "_rspamd", "-g", "_rspamd"]
    return daemon.Daemon(command, folder / "out").wait(ready, READY_S)
