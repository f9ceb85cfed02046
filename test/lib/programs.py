# SPDX-License-Identifier: Apache-2.0
"""An installation of one's own: the built programs copied to where every user can run them, some
replaced.

    program = programs.lay_out(folder, {"postern-accounts": "/elsewhere/intruder"})
    postern.Server(program=program, ...)
"""

import os
import pathlib
import shutil

import postern


def services():
    """{name: path} of the service programs that belong to postern.binary()."""
    installed = postern.binary().parents[1] / "libexec" / "postern"
    found = [*postern.build_dir().glob("src/svc/*/postern-*"), *installed.glob("postern-*")]
    return {p.name: p for p in found if p.is_file() and os.access(p, os.X_OK) and not p.suffix}


def lay_out(folder, replaced=None):
    """bin/postern and libexec/postern/* below folder; the path of the former."""
    folder = pathlib.Path(folder)
    for name in ("bin", "libexec/postern"):
        (folder / name).mkdir(parents=True)
        (folder / name).chmod(0o755)
    for name, path in {**services(), **(replaced or {})}.items():
        put(path, folder / "libexec" / "postern" / name)
    put(postern.binary(), folder / "bin" / "postern")
    return folder / "bin" / "postern"


ORDINARY_USER = 65534  # nobody


def become_ordinary():
    os.setgroups([])
    os.setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER)
    os.setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER)


def ordinary_server(folder, replaced=None, **kw):
    """As postern.Server, with programs and a home below `folder`; root starts it as nobody."""
    folder = pathlib.Path(folder)
    folder.chmod(0o711)
    program = lay_out(folder, replaced)
    if os.geteuid() != 0:
        return postern.Server(folder=folder / "home", program=program, **kw)
    home = folder / "home"
    server = postern.Server(folder=home, program=program, in_child=become_ordinary, **kw)
    for path in [home, *home.iterdir()]:
        os.chown(path, ORDINARY_USER, ORDINARY_USER)
    return server


def put(source, target):
    shutil.copyfile(source, target)
    target.chmod(0o755)
