# SPDX-License-Identifier: Apache-2.0
"""A mail filter that does what the Subject of a letter says, and rspamd as another."""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading

import postern

ACTIONS, STEPS = 0x31, 0x0  # add and change fields, quarantine; no step is left out


def packet(letter, data=b""):
    return struct.pack(">I", 1 + len(data)) + letter + data


def field(name, value):
    return name + b"\0" + value + b"\0"


GO = packet(b"c")
AT_END = {
    "milter add": packet(b"h", field(b"X-Filter", b"looked\n\tand folded")) + GO,
    "milter insert": packet(b"i", struct.pack(">I", 0) + field(b"X-Filter", b"first")) + GO,
    "milter change": packet(b"m", struct.pack(">I", 1) + field(b"Subject", b"changed")) + GO,
    "milter remove": packet(b"m", struct.pack(">I", 1) + field(b"X-Remove", b"")) + GO,
    "milter quarantine": packet(b"q", b"odd\0") + GO,
    "milter reject": packet(b"r"),
    "milter later": packet(b"t"),
    "milter words": packet(b"y", b"554 5.6.0 In a filter's words\0"),
    "milter discard": packet(b"d"),
    "milter body": packet(b"b", b"another body\r\n") + GO,
    "milter busy": packet(b"p") * 3 + GO,
    "milter nonsense": packet(b"?"),
    "milter injection": packet(b"h", field(b"X-Filter", b"a\nSubject: forged")) + GO,
}
AT_SUBJECT = {"milter early reject": packet(b"r"), "milter early accept": packet(b"a")}


class Filter:
    """Serves connections one by one in a thread of its own."""

    def __init__(self, path):
        self.path = str(path)
        self.heard = []  # of the last letter: (command, data)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.listen(64)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(20)
                try:
                    self._talk(conn)
                except (OSError, EOFError):
                    continue

    @staticmethod
    def _read(conn, n):
        out = b""
        while len(out) < n:
            more = conn.recv(n - len(out))
            if not more:
                raise EOFError
            out += more
        return out

    def _talk(self, conn):
        self.heard, subject = [], ""
        while True:
            (n,) = struct.unpack(">I", self._read(conn, 4))
            data = self._read(conn, n)
            command, data = data[:1], data[1:]
            self.heard.append((command, data))
            if command == b"Q":
                return
            if command == b"O":
                conn.sendall(packet(b"O", struct.pack(">III", 6, ACTIONS, STEPS)))
            elif command == b"L" and data.startswith(b"Subject\0"):
                subject = data.split(b"\0")[1].decode()
                conn.sendall(AT_SUBJECT.get(subject, GO))
            elif command == b"E":
                conn.sendall(AT_END.get(subject, GO))
            elif command != b"D":
                conn.sendall(GO)

    def told(self, command):
        return [d for c, d in list(self.heard) if c == command]

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)
        pathlib.Path(self.path).unlink(missing_ok=True)


RSPAMD = """\
options {{ pidfile = "{dir}/pid"; filters = "regexp"; control_socket = "{dir}/control mode=0600";
  cache_file = "{dir}/cache"; rrd = "/dev/null";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  dns {{ timeout = 0.1s; retransmits = 1; nameserver = ["127.0.0.1:9"]; }} }}
logging {{ type = "file"; filename = "{dir}/log"; level = "info"; }}
metric {{ name = "default"; actions {{ reject = 15; add_header = 6; }} }}
worker "rspamd_proxy" {{ bind_socket = "{path} mode=0666"; milter = yes; count = 1; timeout = 20s;
  upstream "local" {{ default = yes; self_scan = yes; }} }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
"""


class Rspamd:
    READY_S = 90

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postern-rspamd."))
        self.path = self.dir / "milter.sock"
        (self.dir / "conf").write_text(RSPAMD.format(dir=self.dir, path=self.path))
        self.proc = None

    @staticmethod
    def lacks():
        return None if shutil.which("rspamd") else "not installed: rspamd"

    @staticmethod
    def _die_with_parent():
        ctypes.CDLL(None).prctl(postern.PR_SET_PDEATHSIG, signal.SIGTERM)

    def start(self):
        command = ["rspamd", "-f", "-c", str(self.dir / "conf")]
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "_rspamd:_rspamd", self.dir], check=True)
            self.dir.chmod(0o711)
            command += ["-u", "_rspamd", "-g", "_rspamd"]
        with open(self.dir / "out", "ab") as out:
            self.proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=self._die_with_parent, start_new_session=True)
        postern.wait_until(self._listens, self.READY_S, "rspamd")
        return self

    def _listens(self):
        if self.proc.poll() is not None:
            log = self.dir / "log"
            raise RuntimeError("rspamd ended: " + (log.read_text()[-1500:] if log.exists() else ""))
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(str(self.path)) == 0

    def stop(self):
        if self.proc is not None:
            self.proc.terminate()
            try:
                self.proc.wait(20)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
