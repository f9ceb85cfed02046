# SPDX-License-Identifier: Apache-2.0
"""Run by root in a network of its own, where port 53 is ours: verify with opendkim and rspamd.

usage: alone.py FOLDER        reads records.tsv and out/, writes opendkim.tsv and rspamd.tsv there:
a line "NAME RESULT" each; RESULT is what the program says, "skip: ..." in a line "*" when it
cannot be asked.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import shutil
import socketserver
import struct
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import daemon  # noqa: E402
import rspamd  # noqa: E402

TXT, IN = 16, 1
CONF = """\
options { pidfile = "%(dir)s/rspamd.pid"; filters = "dkim";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  control_socket = "%(dir)s/ctl.sock mode=0600";
  cache_file = "%(dir)s/sym.cache"; rrd = "/dev/null";
  dns { timeout = 2s; retransmits = 2; nameserver = ["127.0.0.1:53"]; } }
logging { type = "file"; filename = "%(dir)s/rspamd.log"; level = "info"; }
metric { name = "default"; actions { reject = 1500; } }
worker "normal" { bind_socket = "127.0.0.1:11333"; count = 1; }
dkim { check_local = true; check_authed = true; }
lua = "/usr/share/rspamd/rules/rspamd.lua";
"""


def answer(question, records):
    """A DNS message: the TXT record that was asked for, or NXDOMAIN."""
    name, at = [], 12
    while question[at]:
        n = question[at]
        name.append(question[at + 1 : at + 1 + n].decode("ascii", "replace").lower())
        at += n + 1
    asked = question[12 : at + 5]
    kind = struct.unpack(">H", question[at + 1 : at + 3])[0]
    text = records.get(".".join(name))
    found = text is not None and kind == TXT
    code = 0 if text is not None else 3
    head = question[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, int(found), 0, 0)
    if not found:
        return head + asked
    data = b"".join(
        bytes([len(text[i : i + 255])]) + text[i : i + 255] for i in range(0, len(text), 255)
    )
    return head + asked + b"\xc0\x0c" + struct.pack(">HHIH", TXT, IN, 300, len(data)) + data


def serve_dns(records):
    class Udp(socketserver.BaseRequestHandler):
        def handle(self):
            octets, sock = self.request
            sock.sendto(answer(octets, records), self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self):
            n = struct.unpack(">H", self.rfile.read(2))[0]
            out = answer(self.rfile.read(n), records)
            self.wfile.write(struct.pack(">H", len(out)) + out)

    for server in (
        socketserver.ThreadingUDPServer(("127.0.0.1", 53), Udp),
        socketserver.ThreadingTCPServer(("127.0.0.1", 53), Tcp),
    ):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()


def opendkim(path):
    """opendkim-testmsg is silent and ends with 0 when all is well."""
    with open(path, "rb") as f:
        done = subprocess.run(["opendkim-testmsg"], stdin=f, capture_output=True, timeout=60)
    said = (done.stderr + done.stdout).decode("utf-8", "replace").strip().replace("\n", " ")
    return "pass" if done.returncode == 0 and not said else f"{done.returncode} {said}"


def all_opendkim(paths):
    if shutil.which("opendkim-testmsg") is None:
        return {"*": "skip: opendkim-testmsg is not installed"}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip((p.name for p in paths), pool.map(opendkim, paths)))


def ask_rspamd(path):
    c = http.client.HTTPConnection("127.0.0.1", 11333, timeout=60)
    c.request("POST", "/checkv2", path.read_bytes(), {"IP": "192.0.2.1"})
    symbols = json.loads(c.getresponse().read()).get("symbols", {})
    c.close()
    return " ".join(
        f"{name}={','.join(symbols[name].get('options', []))}"
        for name in sorted(symbols)
        if name.startswith("R_DKIM") and name != "R_DKIM_NA"
    )


def all_rspamd(folder, paths):
    why = rspamd.lacks()
    if why:
        return {"*": f"skip: {why}"}
    home = folder / "rspamd"
    home.mkdir()
    try:
        d = rspamd.start(home, CONF % {"dir": home}, lambda: daemon.listens(11333))
    except (RuntimeError, TimeoutError) as e:
        return {"*": f"skip: {e}"}
    try:
        return {path.name: ask_rspamd(path) for path in paths}
    finally:
        d.stop()


def write(path, results):
    path.write_text("".join(f"{k}\t{v}\n".replace("\0", "") for k, v in results.items()))


def main():
    folder = pathlib.Path(sys.argv[1])
    lines = (folder / "records.tsv").read_bytes().splitlines()
    records = {k.decode(): v for k, v in (line.split(b"\t", 1) for line in lines)}
    resolv = folder / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:2\n")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    mounted = os.path.realpath("/etc/resolv.conf")
    subprocess.run(["mount", "--bind", str(resolv), mounted], check=True)
    serve_dns(records)
    paths = sorted((folder / "out").iterdir())
    write(folder / "opendkim.tsv", all_opendkim(paths))
    write(folder / "rspamd.tsv", all_rspamd(folder, paths))


main()
