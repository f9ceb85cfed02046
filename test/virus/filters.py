# SPDX-License-Identifier: Apache-2.0
"""A mail filter that does what the Subject of a letter says; rspamd and OpenDKIM as others."""

import base64
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import threading

import daemon
import postern
import rspamd

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


def free_port():
    return postern.free_ports(1)[0]


class Filter:
    """Serves connections one by one in a thread of its own."""

    def __init__(self, path):
        """path: of a UNIX socket, or the number of a TCP port."""
        self.path = str(path)
        self.heard = []  # of the last letter: (command, data)
        if isinstance(path, int):
            self.socket = socket.create_server(("127.0.0.1", path), backlog=64)
        else:
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
worker "rspamd_proxy" {{ bind_socket = "{bind}"; milter = yes; count = 1; timeout = 20s;
  upstream "local" {{ default = yes; self_scan = yes; }} }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
"""


class Rspamd:
    lacks = staticmethod(rspamd.lacks)

    def __init__(self, tcp=False):
        self.dir = postern.make_folder("rspamd")
        self.path = self.dir / "milter.sock"
        self.port = free_port() if tcp else None
        self.bind = f"127.0.0.1:{self.port}" if tcp else f"{self.path} mode=0666"
        self.where = f"inet:{self.port}@127.0.0.1" if tcp else f"unix:{self.path}"
        self.daemon = None

    def start(self):
        conf = RSPAMD.format(dir=self.dir, bind=self.bind)
        self.daemon = rspamd.start(self.dir, conf, self._listens)
        return self

    def _listens(self):
        if self.port:
            return daemon.listens(self.port)
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(str(self.path)) == 0

    def stop(self):
        if self.daemon is not None:
            self.daemon.stop()
        postern.remove_folder(self.dir)


OPENDKIM = """\
Socket inet:{port}@127.0.0.1
Mode s
Domain {domain}
Selector {selector}
KeyFile {dir}/key.pem
InternalHosts 127.0.0.1
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
RequireSafeKeys no
Syslog no
PidFile {dir}/pid
"""


class Opendkim:
    """Signs what is submitted, over TCP; dns() answers for its key, so that others can verify."""

    PROGRAMS = ("/usr/sbin/opendkim", "openssl")
    SELECTOR = "by-opendkim"
    VERIFY = """
import sys, dkim
letter, name, record = sys.stdin.buffer.read(), sys.argv[1].encode(), sys.argv[2].encode()
d = dkim.DKIM(letter)
found = [i for i, (k, v) in enumerate(h for h in d.headers if h[0].lower() == b"dkim-signature")
    if b"s=by-opendkim" in v.replace(b" ", b"")]
ok = [d.verify(i, dnsfunc=lambda n, timeout=5: record if n.rstrip(b".") == name else b"")
    for i in found]
print(len(found), all(ok))
"""

    def __init__(self, domain):
        self.dir = postern.make_folder("opendkim")
        self.port, self.domain, self.daemon = free_port(), domain, None
        self.where = f"inet:{self.port}@127.0.0.1"
        (self.dir / "conf").write_text(OPENDKIM.format(dir=self.dir, port=self.port, domain=domain,
            selector=self.SELECTOR))
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", self.dir / "key.pem", "2048"],
            check=True, capture_output=True)
        self.public = subprocess.run(["openssl", "rsa", "-in", self.dir / "key.pem", "-pubout",
            "-outform", "DER"], check=True, capture_output=True).stdout

    @classmethod
    def lacks(cls):
        missing = [p for p in cls.PROGRAMS if shutil.which(p) is None]
        return "not installed: " + " ".join(missing) if missing else None

    def start(self):
        command = [self.PROGRAMS[0], "-f", "-x", self.dir / "conf"]
        self.daemon = daemon.Daemon(command, self.dir / "out")
        self.daemon.wait(lambda: daemon.listens(self.port), 30)

    def verified(self, letter):
        """"1 True": one signature of it, and it is right."""
        record = "v=DKIM1; k=rsa; p=" + base64.b64encode(self.public).decode()
        name = f"{self.SELECTOR}._domainkey.{self.domain}"
        done = subprocess.run(["/usr/bin/python3", "-c", self.VERIFY, name, record], input=letter,
            capture_output=True, check=False, timeout=60)
        return (done.stdout or done.stderr).decode().strip()

    def stop(self):
        if self.daemon is not None:
            self.daemon.stop()
        postern.remove_folder(self.dir)
