# SPDX-License-Identifier: Apache-2.0
"""Zones as data: {name: {"records": [(type, value)], "lost": {type}}} for check_spf.

TXT values are str, bytes or lists of them; an MX value is (preference, host).
"""

import ipaddress
import subprocess

TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SPF": 99}
ANY = 0


def wire_name(name):
    out = b""
    for label in [x for x in name.rstrip(".").split(".") if x]:
        octets = label.encode("utf-8", "surrogateescape")
        out += bytes([min(len(octets), 63)]) + octets[:63]
    return out + b"\0"


def texts(value):
    strings = value if isinstance(value, list) else [value]
    out = b""
    for s in strings:
        octets = s if isinstance(s, bytes) else s.encode("latin-1", "replace")
        pieces = [octets[i : i + 255] for i in range(0, len(octets), 255)] or [b""]
        out += b"".join(bytes([len(p)]) + p for p in pieces)
    return out


def rdata(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(str(value)).packed
    if kind == "MX":
        return int(value[0]).to_bytes(2, "big") + wire_name(str(value[1]))
    if kind in ("PTR", "CNAME"):
        return wire_name(str(value))
    return texts(value)


def presentable(name):
    """A name as RFC 1035 5.1 writes it; dots part labels."""
    octets = name.rstrip(".").encode("utf-8", "surrogateescape")
    return "".join(
        chr(o) if chr(o).isalnum() and o < 128 or o in b"-_." else f"\\{o:03d}" for o in octets
    )


def lines_of(zone):
    yield "zone"
    for name, entry in zone.items():
        yield f"name\t{presentable(name)}"
        for kind in entry["lost"]:
            yield f"lost\t{presentable(name)}\t{TYPES.get(kind, ANY)}"
        for kind, value in entry["records"]:
            yield f"rr\t{presentable(name)}\t{TYPES[kind]}\t{rdata(kind, value).hex()}"


def packed(ip):
    a = ipaddress.ip_address(ip)
    return (b"\0" * 10 + b"\xff\xff" + a.packed if a.version == 4 else a.packed).hex()


def check(program, zone, cases):
    """What check_spf prints of [(identity, ip, helo, path)], a list of fields each."""
    lines = list(lines_of(zone))
    lines += ["\t".join(["check", i, packed(ip), helo, path]) for i, ip, helo, path in cases]
    text = "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")
    done = subprocess.run([program], input=text, capture_output=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{program}: {done.returncode} {done.stderr[-2000:]!r}")
    return [line.split("\t") for line in done.stdout.decode("latin-1").splitlines()]
