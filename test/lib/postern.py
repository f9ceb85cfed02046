# SPDX-License-Identifier: Apache-2.0
"""Start a private Postern for a test: own folder, own ports on loopback, own certificate.

    with Server(accounts={"a@postern.test": "secret"}) as s:
        smtpc.Smtp(s.ports["mx"]) ...
        s.crash()        # SIGKILL to every process at once
        s.start()        # again on the same folder

The programs come from $POSTERN_BUILD (a meson build folder; default: build/ beside test/) or, with
$POSTERN_BIN, from an installed postern.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOCOLS = ("mx", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "managesieve")
FIRST_PORT, LAST_PORT = 20000, 32000  # below the range the kernel hands to clients
PR_SET_PDEATHSIG = 1  # linux/prctl.h
READY_S = 30
STOP_S = 15
HELD = ".held"  # ends the name of a folder that its maker has locked
NEW_S = 60  # a folder this young may be about to be locked
_locks = {}


def build_dir():
    return pathlib.Path(os.environ.get("POSTERN_BUILD", ROOT / "build")).resolve()


def binary():
    """The postern program, or None when it is not built."""
    given = os.environ.get("POSTERN_BIN")
    path = pathlib.Path(given) if given else build_dir() / "src" / "ctl" / "postern"
    return path if path.is_file() and os.access(path, os.X_OK) else None


def free_ports(n):
    """n ports that nobody listens on now, all different."""
    held, ports = [], []
    while len(ports) < n:
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", random.randint(FIRST_PORT, LAST_PORT)))
            held.append(s)
            ports.append(s.getsockname()[1])
        except OSError:
            s.close()
    for s in held:
        s.close()
    return ports


def make_certificate(folder, names=("localhost",)):
    """An ECDSA P-256 CA and a certificate signed by it: ca.pem, cert.pem (chain), key.pem."""
    folder = pathlib.Path(folder)

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    def key(name):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name)

    key("ca-key.pem")
    openssl(
        "req",
        "-x509",
        "-key",
        "ca-key.pem",
        "-subj",
        "/CN=Test CA",
        "-days",
        "30",
        "-out",
        "ca.pem",
    )
    key("key.pem")
    openssl("req", "-new", "-key", "key.pem", "-subj", f"/CN={names[0]}", "-out", "leaf.csr")
    alt = ",".join([f"DNS:{n}" for n in names] + ["IP:127.0.0.1"])
    (folder / "leaf.ext").write_text(f"subjectAltName={alt}\nbasicConstraints=CA:FALSE\n")
    openssl(
        "x509",
        "-req",
        "-in",
        "leaf.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca-key.pem",
        "-CAcreateserial",
        "-days",
        "30",
        "-extfile",
        "leaf.ext",
        "-out",
        "leaf.pem",
    )
    chain = (folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text()
    (folder / "cert.pem").write_text(chain)


def make_folder(kind):
    """A new folder, for remove_folder. Those that killed tests left are removed first."""
    for path in pathlib.Path(tempfile.gettempdir()).glob(f"postern-*{HELD}"):
        _remove_left(path)
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"postern-{kind}.", suffix=HELD))
    _locks[path] = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(_locks[path], fcntl.LOCK_EX)
    return path


def remove_folder(path):
    shutil.rmtree(path, ignore_errors=True)
    if path in _locks:
        os.close(_locks.pop(path))


def _remove_left(path):
    """A lock ends with its process, however that ends."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.time() - os.fstat(fd).st_mtime > NEW_S:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        pass
    finally:
        os.close(fd)


def wait_until(condition, seconds, what, every=0.02):
    """Poll until condition() is true; raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every)


def greeting_comes(port):
    return greeting_comes_at("127.0.0.1", port)


def greeting_comes_at(address, port):
    try:
        with socket.create_connection((address, port), 2) as s:
            s.settimeout(2)
            return bool(s.recv(16))
    except OSError:
        return False


def process_tree(root):
    """{pid: parent pid} of root and everything below it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    tree = {root: 0} if root in parents else {}
    grew = True
    while grew:
        grew = False
        for pid, parent in parents.items():
            if parent in tree and pid not in tree:
                tree[pid] = parent
                grew = True
    return tree


class Server:
    def __init__(
        self,
        accounts=None,
        domain="postern.test",
        settings=None,
        folder=None,
        env=None,
        wrap=(),
        in_child=None,
        program=None,
    ):
        """Make folder, certificate and configuration; nothing runs yet.

        accounts: {address: password}; settings: {"section.key": value} over own_settings();
        folder: use this one and keep it; env: added to the environment; wrap: a command to put
        before postern (a tracer, a shim); in_child: called in the new process before it becomes
        postern; program: a postern other than the built one (with services of its own beside it).
        """
        self.keep = folder is not None
        self.dir = pathlib.Path(folder) if folder else make_folder("test")
        self.dir.mkdir(exist_ok=True)
        self.dir.chmod(0o711)
        self.domain = domain
        self.accounts = dict(accounts or {})
        self.added = set()
        self.settings = dict(settings or {})
        self.env = {**os.environ, **(env or {})}
        self.wrap = list(wrap)
        self.in_child = in_child
        self.program = str(program or binary())
        self.proc = None
        self.ports = dict(zip(PROTOCOLS, free_ports(len(PROTOCOLS))))
        self.conf = self.dir / "postern.conf"
        self.log = self.dir / "postern.log"
        make_certificate(self.dir, ("localhost", f"mail.{domain}"))
        self.ca = self.dir / "ca.pem"
        self.write_conf()

    def write_conf(self):
        """Write self.settings; after a change: write_conf() and reload() or a new start."""
        sections = {}
        for name, value in {**self.own_settings(), **self.settings}.items():
            section, _, key = name.rpartition(".")
            sections.setdefault(section, []).append(f"{key} {value}\n")
        text = "".join(sections.pop("", []))
        for section, lines in sections.items():
            text += f"{section} {{\n" + "".join("\t" + x for x in lines) + "}\n"
        self.conf.write_text(text)

    def own_settings(self):
        """What every test server has; self.settings goes over it."""
        listen = {f"listen.{p}": f"127.0.0.1:{self.ports[p]}" for p in PROTOCOLS}
        # A test that brings no DNS has none: every letter from outside would wait for it.
        has_dns = any(name.startswith("resolve.") for name in self.settings)
        dns = {} if has_dns else {"resolve.timeout": "300ms"}
        return {
            **dns,
            "hostname": f"mail.{self.domain}",
            "domain": self.domain,
            "state": f"{self.dir}/state",
            **listen,
            "tls.certificate": f"{self.dir}/cert.pem",
            "tls.key": f"{self.dir}/key.pem",
            "auth.hash-iterations": 4096,
            # One account of a test sends more in a minute than a human in a day.
            "outgoing.on": "no",
        }

    def start(self, ready=READY_S):
        """Serve, wait until every port greets, and add the accounts the first time."""
        command = [*self.wrap, self.program, "-c", str(self.conf), "serve"]
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                preexec_fn=self._become_child,
                start_new_session=True,
            )
        wait_until(lambda: self._answers_or_died(), ready, "postern serve")
        self.add_accounts({a: p for a, p in self.accounts.items() if a not in self.added})
        return self

    def _become_child(self):
        """In the new process: end when the test ends, however that happens."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if self.in_child is not None:
            self.in_child()

    def _answers_or_died(self):
        if self.proc.poll() is not None:
            raise RuntimeError(
                f"postern serve ended with {self.proc.returncode}:\n{self.log_tail()}"
            )
        return greeting_comes(self.ports["mx"]) and greeting_comes(self.ports["imap"])

    def reload(self):
        self.proc.send_signal(signal.SIGHUP)

    def log_tail(self, octets=4000):
        return (
            self.log.read_bytes()[-octets:].decode("utf-8", "replace") if self.log.exists() else ""
        )

    def ctl(self, *args, stdin="", check=True, timeout=120):
        """Run an administrator's command; its standard output."""
        done = subprocess.run(
            [self.program, "-c", str(self.conf), *args],
            input=stdin,
            text=True,
            env=self.env,
            capture_output=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise RuntimeError(
                f"postern {' '.join(args)}: {done.returncode}: {done.stderr or done.stdout}"
            )
        return done.stdout

    def ctl_json(self, *args, **kw):
        return json.loads(self.ctl(*args, "--json", **kw))

    def add_accounts(self, accounts):
        """{address: password}, all at once."""
        if not accounts:
            return
        path = self.dir / "accounts.tsv"
        path.write_text("".join(f"{a}\t{p}\n" for a, p in accounts.items()))
        self.ctl("account", "import", str(path), timeout=600)
        self.added.update(accounts)

    def pids(self):
        """{pid: process name} of the running server, the parent included."""
        found = {}
        for pid in process_tree(self.proc.pid) if self.proc else ():
            try:
                found[pid] = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
        return found

    def stop(self, seconds=STOP_S):
        """Ask it to stop; the exit status. TimeoutError (after killing it) when it does not."""
        if self.proc is None:
            return None
        left = self.pids()
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        try:
            status = self.proc.wait(seconds)
        except subprocess.TimeoutExpired as e:
            self.crash()
            raise TimeoutError("postern did not stop") from e
        self._kill(left)
        self.proc = None
        return status

    def crash(self):
        """SIGKILL to every process, the parent first so that it restarts nobody."""
        if self.proc is None:
            return
        left = self.pids()
        self.proc.kill()
        self.proc.wait()
        self._kill(left)
        self.proc = None

    @staticmethod
    def _kill(pids):
        """End what is left of our own processes and wait until they are gone."""
        for pid, name in pids.items():
            try:
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name:
                    os.kill(pid, signal.SIGKILL)
            except (OSError, ProcessLookupError):
                continue
        wait_until(
            lambda: not any(alive(p, n) for p, n in pids.items()), 10, "processes of postern to end"
        )

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self._stop_quietly()
        if not self.keep:
            remove_folder(self.dir)

    def _stop_quietly(self):
        try:
            self.stop()
        except TimeoutError as e:
            print(f"warning: {e}")


def alive(pid, name):
    """True while pid runs under that name (a zombie is gone)."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return (
        stat.partition("(")[2].rpartition(")")[0] == name
        and stat.rpartition(")")[2].split()[0] != "Z"
    )


def end_cleanly():
    """Let SIGTERM end this program through its contexts, so that servers stop and folders go."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@contextlib.contextmanager
def scratch():
    """A folder that goes away with its context; its name."""
    path = make_folder("test")
    try:
        yield str(path)
    finally:
        remove_folder(path)
