# SPDX-License-Identifier: Apache-2.0
"""Other people's signatures: each function takes letters and gives them signed, or raises Missing.

    keys = Keys(folder)                       # one RSA key for all strangers
    signed = dkimpy(keys, "a.test", [letter])
"""

import base64
import contextlib
import http.client
import json
import pathlib
import shutil
import subprocess

import daemon
import postern
import rspamd as rspamd_lib

SYSTEM_PYTHON = "/usr/bin/python3"
TXT_PIECE = 250
TIMEOUT_S = 120
RSPAMD_CONF = """\
options {{ pidfile = "{dir}/rspamd.pid"; filters = "dkim"; local_addrs = "127.0.0.0/8";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  control_socket = "{dir}/ctl.sock mode=0600"; cache_file = "{dir}/sym.cache"; rrd = "/dev/null";
  dns {{ timeout = 1s; retransmits = 1; nameserver = ["{dns}"]; }} }}
logging {{ type = "file"; filename = "{dir}/rspamd.log"; level = "info"; }}
metric {{ name = "default"; actions {{ reject = 1500; }} }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
modules {{ path = "/usr/share/rspamd/plugins/dkim_signing.lua"; }}
dkim {{ }}
dkim_signing {{ enabled = true; sign_local = true; sign_authenticated = true; use_domain = "header";
  allow_username_mismatch = true; allow_hdrfrom_mismatch = true; check_pubkey = false;
  use_esld = false; path = "{key}"; selector = "{selector}"; try_fallback = true; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
"""


class Missing(Exception):
    """A program that is not here, or does not start."""


class Keys:
    def __init__(self, folder, selector="s1", bits=2048):
        self.folder, self.selector = pathlib.Path(folder), selector
        self.private = self.folder / f"{selector}.pem"
        command = ["openssl", "genrsa", "-traditional", "-out", str(self.private), str(bits)]
        subprocess.run(command, check=True, capture_output=True)
        self.private.chmod(0o644)
        self.public = subprocess.run(
            ["openssl", "rsa", "-in", str(self.private), "-pubout", "-outform", "DER"],
            check=True,
            capture_output=True,
        ).stdout

    def record(self):
        return "v=DKIM1; k=rsa; p=" + base64.b64encode(self.public).decode()

    def zone_line(self):
        return txt(f"{self.selector}._domainkey", self.record())


def txt(owner, value):
    """A TXT record as zone text, in strings that fit."""
    pieces = [value[i : i + TXT_PIECE] for i in range(0, len(value), TXT_PIECE)]
    return f"{owner} TXT " + " ".join('"' + x.replace('"', '\\"') + '"' for x in pieces)


def call(command, octets=None):
    done = subprocess.run(command, input=octets, capture_output=True, timeout=TIMEOUT_S)
    if done.returncode != 0:
        raise Missing(f"{command[0]}: {done.stderr[-300:]!r}")
    return done.stdout


DKIMPY = """
import sys, dkim
key, selector, domain = open(sys.argv[1], "rb").read(), sys.argv[2].encode(), sys.argv[3].encode()
letter = sys.stdin.buffer.read()
field = dkim.sign(letter, selector, domain, key, canonicalize=(b"relaxed", b"simple"))
sys.stdout.buffer.write(field + letter)
"""


def dkimpy(keys, domain, letters):
    command = [SYSTEM_PYTHON, "-c", DKIMPY, str(keys.private), keys.selector, domain]
    return [call(command, x) for x in letters]


def opendkim_sha1(keys, domain, letters):
    """Its test program signs with SHA-1, which nobody is to believe (RFC 8301 3.1)."""
    if shutil.which("opendkim-testmsg") is None:
        raise Missing("opendkim-testmsg is not installed")
    command = ["opendkim-testmsg", "-C", "-d", domain, "-k", str(keys.private), "-s", keys.selector]
    return [call(command, x) for x in letters]


OPENDKIM = """
import ctypes, sys
lib = ctypes.CDLL("libopendkim.so.11")
key, selector, domain = open(sys.argv[1], "rb").read(), sys.argv[2].encode(), sys.argv[3].encode()
letter = sys.stdin.buffer.read()
lib.dkim_init.restype = lib.dkim_sign.restype = ctypes.c_void_p
status, field, n = ctypes.c_int(), ctypes.c_char_p(), ctypes.c_size_t()
RELAXED, SIMPLE, RSASHA256 = 1, 0, 1
made = ctypes.c_void_p(lib.dkim_init(None, None))
d = lib.dkim_sign(made, b"x", None, key, selector, domain, RELAXED, SIMPLE, RSASHA256,
    ctypes.c_ssize_t(-1), ctypes.byref(status))
d = ctypes.c_void_p(d)
for step in (lambda: lib.dkim_chunk(d, letter, ctypes.c_size_t(len(letter))),
        lambda: lib.dkim_chunk(d, None, ctypes.c_size_t(0)),
        lambda: lib.dkim_eom(d, None),
        lambda: lib.dkim_getsighdr_d(d, ctypes.c_size_t(16), ctypes.byref(field), ctypes.byref(n))):
    if step() != 0:
        sys.exit("libopendkim failed")
value = field.value.replace(b"\\r\\n", b"\\n").replace(b"\\n", b"\\r\\n")
sys.stdout.buffer.write(b"DKIM-Signature: " + value + b"\\r\\n" + letter)
"""


def opendkim(keys, domain, letters):
    """By its library, as its milter does."""
    command = [SYSTEM_PYTHON, "-c", OPENDKIM, str(keys.private), keys.selector, domain]
    return [call(command, x) for x in letters]


def ours(folder, domain, letters):
    """(signed letters, zone lines): by the server's own code, with keys of its own."""
    program = postern.build_dir() / "test" / "dkim" / "sign_mail"
    if not program.exists():
        raise Missing("test/dkim/sign_mail is not built")
    for name in ("state", "in", "out"):
        (folder / name).mkdir()
    for i, letter in enumerate(letters):
        (folder / "in" / f"{i}").write_bytes(letter)
    command = [str(program), *map(str, (folder / "state", domain, folder / "in", folder / "out"))]
    records = [line.split("\t", 1) for line in call(command).decode().splitlines()]
    lines = [txt(f"{name}.", value) for name, value in records]
    return [(folder / "out" / f"{i}").read_bytes() for i in range(len(letters))], lines


def rspamd(keys, folder, dns, letters):
    """By the module dkim_signing; the domain is that of From."""
    conf = RSPAMD_CONF.replace("{key}", str(keys.private)).replace("{selector}", keys.selector)
    with running_rspamd(folder, dns, conf) as port:
        return [by_rspamd(port, x) for x in letters]


@contextlib.contextmanager
def running_rspamd(folder, dns, conf):
    """Its port. conf: with places for dir, dns and port."""
    why = rspamd_lib.lacks()
    if why:
        raise Missing(why)
    folder.mkdir()
    port = postern.free_ports(1)[0]
    text = conf.format(dir=folder, dns=dns, port=port)
    try:
        d = rspamd_lib.start(folder, text, lambda: daemon.listens(port))
    except (RuntimeError, TimeoutError) as e:
        raise Missing(f"rspamd: {e}") from e
    try:
        yield port
    except OSError as e:
        raise Missing(f"rspamd: {e}") from e
    finally:
        d.stop()


def by_rspamd(port, letter):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    c.request("POST", "/checkv2", letter, {"IP": "127.0.0.1"})
    field = json.loads(c.getresponse().read()).get("dkim-signature")
    c.close()
    if not field:
        raise Missing("rspamd did not sign")
    field = field if isinstance(field, str) else field[0]
    folded = field.replace("\r\n", "\n").replace("\n", "\r\n").strip("\r\n")
    return b"DKIM-Signature: " + folded.encode() + b"\r\n" + letter


VERIFY = """
import json, sys, dkim
records = {k.encode(): v.encode() for k, v in json.loads(sys.argv[1]).items()}
letter = sys.stdin.buffer.read()
d = dkim.DKIM(letter, minkey=1024)
n = sum(x.lower().startswith(b"dkim-signature") for x, _ in d.headers)
for i in range(n):
    try:
        ok = d.verify(idx=i, dnsfunc=lambda name, timeout=5: records.get(name.rstrip(b".")))
    except dkim.DKIMException:
        ok = False
    print("pass" if ok else "fail")
"""


def dkimpy_says(records, letter):
    """["pass" | "fail"] of each signature, from the top."""
    out = call([SYSTEM_PYTHON, "-c", VERIFY, json.dumps(records)], letter)
    return out.decode().split()
