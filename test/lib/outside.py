# SPDX-License-Identifier: Apache-2.0
"""Peers with addresses that are not ours, all on one machine: each connection tells its address by
a PROXY header (version 2), which the server believes from PROXY_FROM alone.

    settings={**outside.SETTINGS, ...}
    with outside.connect(server.ports["mx"], "198.18.3.7") as c:     # smtpc.Smtp
        c.secure()
"""

import ipaddress
import struct
import subprocess

import postern
import smtpc

PROXY_FROM = "127.9.9.9"
SETTINGS = {"listen.proxy-from": PROXY_FROM}
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TCP4, TCP6 = 0x11, 0x21


def header(address, port, to="127.0.0.1"):
    """Version 2, PROXY: from that address, port 40000."""
    ip = ipaddress.ip_address(address)
    here = ipaddress.ip_address(to if ip.version == 4 else "::1")
    body = ip.packed + here.packed + struct.pack(">2H", 40000, port)
    kind = TCP4 if ip.version == 4 else TCP6
    return SIGNATURE + struct.pack(">BBH", 0x21, kind, len(body)) + body


def connect(port, address, **kw):
    """An SMTP client that has said who it is and nothing else."""
    c = smtpc.Smtp(port, source=PROXY_FROM, **kw)
    c.send(header(address, port))
    return c


def known(settings):
    """Those that this build has, so that one program serves several."""
    shown = subprocess.run(
        [str(postern.binary()), "help", "settings"], check=True, capture_output=True, text=True
    ).stdout
    names = {".".join(x.split()[:2]) for x in shown.splitlines() if len(x.split()) > 1}
    return {k: v for k, v in settings.items() if k in names}
