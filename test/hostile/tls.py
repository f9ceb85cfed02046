# SPDX-License-Identifier: Apache-2.0
"""TLS garbage, old versions, renegotiation; PROXY headers from those who may not send them."""

import os
import shutil
import socket
import ssl
import struct
import subprocess

import smtpc
import stage
import wire

GARBAGE = (
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("zeros", b"\0" * 4096),
    ("random octets", os.urandom(4096)),
    ("a record of 65,535 octets", b"\x16\x03\x01\xff\xff" + b"\x01" * 20000),
    ("an empty record", b"\x16\x03\x01\x00\x00" * 100),
    ("a ClientHello that lies about its length", b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x03"),
    ("SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80" * 13),
    ("a heartbeat", b"\x18\x03\x02\x00\x03\x01\x40\x00"),
    ("an alert", b"\x15\x03\x01\x00\x02\x02\x28"),
)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def send_and_shut(w, octets):
    """The server may have closed before we are through."""
    try:
        w.send(octets)
        w.shut_write()
    except OSError:
        pass


def garbage(r, s):
    for name, octets in GARBAGE:
        with wire.Wire(s.ports["imaps"]) as w:
            send_and_shut(w, octets)
            rest = w.until_closed()
            r.check(f"imaps: {name}", b"OK" not in rest and len(rest) < 100, f"{rest[:60]!r}")


def half_handshakes(r, s):
    """A real ClientHello, cut anywhere."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = stage.CTX.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    for n in range(0, len(hello), 7):
        with wire.Wire(s.ports["imaps"]) as w:
            w.send(hello[:n])
    with wire.Wire(s.ports["imaps"]) as w:
        for i in range(len(hello)):
            w.send(hello[i : i + 1])
        r.equal("ClientHello octet by octet is answered", w.octets(1), b"\x16")


def old_versions(r, s):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
        ctx.set_ciphers("ALL:@SECLEVEL=0")
        ctx.minimum_version = version
        ctx.maximum_version = version
        try:
            wire.Wire(s.ports["imaps"], tls=ctx).close()
            r.check(f"{version.name} is refused", False)
        except (OSError, ssl.SSLError):
            r.check(f"{version.name} is refused", True)


def renegotiation(r, s):
    """The command sends R, which begins one; the server must not go along."""
    if shutil.which("openssl") is None:
        r.skip("renegotiation", "no openssl")
        return
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{s.ports['imaps']}", "-tls1_2"]
    done = subprocess.run(command, input=b"R\na NOOP\n", capture_output=True, timeout=30)
    said = (done.stdout + done.stderr).lower()
    r.check("TLS 1.2 works", b"protocol  : tlsv1.2" in said, said[-300:])
    refused = b"renegotiating" in said and b"error" in said and b"a ok" not in said
    r.check("renegotiation is refused", refused, said[-300:])


def proxy_v2(source, destination=("127.0.0.1", 25)):
    block = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    block += struct.pack(">HH", source[1], destination[1])
    return SIGNATURE + b"\x21\x11" + struct.pack(">H", len(block)) + block


def proxy_untrusted(r, s):
    fake = "203.0.113.77"
    with wire.Wire(s.ports["mx"]) as w:
        w.send(proxy_v2((fake, 4321)))
        w.send(b"EHLO x.test\r\n")
        w.timeout(2)
        said = b""
        try:
            while True:
                said += w.line() + b"\n"
        except (OSError, wire.Closed):
            pass
        refused = b"\n500" in said or said.startswith(b"500")
        r.check("PROXY v2 from a stranger is no command", refused, said)
    with smtpc.Smtp(s.ports["mx"]) as c:
        c.reply()
        reply = c.cmd(f"PROXY TCP4 {fake} 127.0.0.1 4321 25")
        r.equal("PROXY v1 is no command", reply.code, 530)
    r.check("the address of the header is nowhere", fake not in s.log.read_text())


def proxy_trusted(r):
    fake = "203.0.113.78"
    with stage.server(listen__proxy_from="127.0.0.2/32") as s:
        with smtpc.Smtp(s.ports["mx"], source="127.0.0.2") as c:
            c.send(proxy_v2((fake, 4321)))
            r.equal("PROXY v2 from the balancer", c.reply().code, 220)
        r.check("its client is in the log", f"peer={fake}:4321" in s.log.read_text())
        for name, octets in (
            ("none", b"EHLO x.test\r\n"),
            ("cut", proxy_v2((fake, 4321))[:20]),
            ("of 65,535 octets", SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 65535),
            ("of version 1", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
        ):
            with wire.Wire(s.ports["mx"], source="127.0.0.2") as w:
                send_and_shut(w, octets)
                said = w.until_closed()
                r.check(f"header {name} from the balancer: closed", said == b"", f"{said[:60]!r}")


def run(r, s):
    for part in (garbage, half_handshakes, old_versions, renegotiation, proxy_untrusted):
        part(r, s)
    stage.works(r, s, "tls")
    proxy_trusted(r)
