# SPDX-License-Identifier: Apache-2.0
"""A DNS of one's own on loopback: a signed root with signed, unsigned, bogus and broken zones below
it, served by knotd; in front of it a relay that counts questions and can be told not to answer.

    with Internet() as net:
        net.zone("signed.test", ["@ MX 10 mx", "mx A 127.0.0.2"])
        net.zone("plain.test", ["@ MX 10 mx", "mx A 127.0.0.3"], signed=False)
        net.zone("bogus.test", ["@ TXT hello"], bogus=True)    # its DS does not fit
        net.zone("broken.test", broken=True)                   # SERVFAIL for all of it
        postern.Server(settings=net.settings()) ...
        net.zone("signed.test", [...])                         # again: replaces it
        net.silence("signed.test")                             # no answers below that name
        net.asked("mx.signed.test", "A")                       # how many such questions came

Records are zone text below the zone's name: "NAME TYPE DATA". SOA and NS are added. Everything
listens on 127.0.0.1; nothing else is asked. Zones are served when zone() returns.
"""

import hashlib
import shutil
import signal
import socket
import struct
import subprocess
import threading

import daemon
import postern

TTL = 60
SERIAL_STEP = 1000  # signing raises serials in between
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
TYPES |= {"SRV": 33, "DS": 43, "DNSKEY": 48, "TLSA": 52, "CAA": 257}
PROGRAMS = ("knotd", "keymgr")

CONF = """\
server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}/run"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-io-timeout: 5000
log:
  - target: stderr
    any: warning
database:
    storage: "{folder}/kasp"
policy:
  - id: p
    algorithm: ecdsap256sha256
    single-type-signing: on
    manual: on
    nsec3: on
    cds-cdnskey-publish: none
template:
  - id: default
    storage: "{folder}/zones"
    zonefile-sync: -1
    journal-content: none
zone:
"""


def missing():
    """Programs this needs that are not installed."""
    return [p for p in PROGRAMS if shutil.which(p) is None]


def tlsa(pem, usage=3):
    """The data of a TLSA record "3 1 1 ..." for the first certificate of a PEM file."""
    key = subprocess.run(
        ["openssl", "x509", "-in", str(pem), "-noout", "-pubkey"], check=True, capture_output=True
    ).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, check=True, capture_output=True
    ).stdout
    return f"{usage} 1 1 {hashlib.sha256(der).hexdigest()}"


def question(name, kind, number=1):
    """A query packet."""
    labels = [x for x in name.split(".") if x]
    wire = b"".join(bytes([len(x)]) + x.encode() for x in labels) + b"\0"
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + wire + struct.pack(">2H", kind, 1)


def asked_for(packet):
    """(name in lower case without the dot at the end, type number) of a query packet."""
    labels, at = [], 12
    while at < len(packet) and 0 < packet[at] < 64:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    if at + 3 > len(packet):
        return ".".join(labels), 0
    return ".".join(labels), struct.unpack_from(">H", packet, at + 1)[0]


def below(name, zone):
    return name == zone or name.endswith("." + zone)


class Zone:
    def __init__(self, name, records, signed, bogus, broken):
        self.name, self.records = name, list(records)
        self.signed, self.bogus, self.broken = signed or bogus, bogus, broken
        self.ds = None


class Internet:
    def __init__(self):
        gone = missing()
        if gone:
            raise RuntimeError(f"not installed: {' '.join(gone)}")
        self.dir = postern.make_folder("internet")
        for name in ("run", "kasp", "zones"):
            (self.dir / name).mkdir()
        self.serial = 0
        self.zones = {"": Zone("", [], True, False, False)}
        self.daemon = None
        self.port = None
        self.relay = None

    # --- what tests use -------------------------------------------------------------------------

    def zone(self, name, records=(), signed=True, bogus=False, broken=False):
        """Serve a zone, or another version of it."""
        old = self.zones.get(name)
        new = Zone(name, records, signed, bogus, broken)
        new.ds = old.ds if old is not None else None
        self.zones[name] = new
        if self.daemon is not None:
            self._publish()
        return self

    def settings(self, second=False):
        """For postern.Server: resolve asks us and trusts our root. second: the second path too."""
        own = {
            "resolve.forward": f"127.0.0.1:{self.relay.port}",
            "resolve.ds": f'".: {self.zones[""].ds}"',
        }
        if second:
            own["resolve.second-forward"] = f"127.0.0.1:{self.relay.port}"
        return own

    def address(self):
        """Where resolvers ask: "127.0.0.1:PORT"."""
        return f"127.0.0.1:{self.relay.port}"

    def silence(self, name):
        """No answers for that name and what is below it."""
        self.relay.silent.add(name)

    def hear(self, name):
        self.relay.silent.discard(name)

    def asked(self, name, kind=None, transport=None):
        """How many questions for exactly that name came."""
        number = TYPES[kind] if kind else None
        return sum(
            n == name and number in (None, k) and transport in (None, t)
            for n, k, t in list(self.relay.questions)
        )

    # --- running --------------------------------------------------------------------------------

    def start(self):
        self.relay = Relay()
        self.port = self._free_port()
        self.relay.target = ("127.0.0.1", self.port)
        self._write()
        self.daemon = daemon.Daemon(["knotd", "-c", self._conf()], self.dir / "knotd.log")
        self._wait_served()
        self.relay.start()
        return self

    @staticmethod
    def _free_port():
        while True:
            port = postern.free_ports(1)[0]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                try:
                    s.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue

    def stop(self):
        if self.relay is not None:
            self.relay.stop()
        if self.daemon is not None:
            self.daemon.stop()
            self.daemon = None
        postern.remove_folder(self.dir)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    # --- zone files -----------------------------------------------------------------------------

    def _conf(self):
        return self.dir / "knot.conf"

    def _file(self, zone):
        return self.dir / "zones" / f"{zone.name or 'root'}.zone"

    def _write_conf(self):
        text = CONF.format(port=self.port, folder=self.dir)
        for zone in self.zones.values():
            text += f'  - domain: "{zone.name}."\n    file: "{self._file(zone).name}"\n'
            if zone.signed and not zone.broken:
                text += "    dnssec-signing: on\n    dnssec-policy: p\n"
        self._conf().write_text(text)

    def _keymgr(self, zone, *args):
        done = subprocess.run(
            ["keymgr", "-c", str(self._conf()), f"{zone.name}.", *args],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def _make_key(self, zone):
        """A key for the zone; zone.ds is "TAG ALGORITHM DIGEST-TYPE DIGEST"."""
        self._keymgr(zone, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
        lines = [x.split() for x in self._keymgr(zone, "ds").splitlines()]
        zone.ds = next(" ".join(x[2:]) for x in lines if x[1] == "DS" and x[4] == "2")

    def _head(self, zone):
        host = f"ns.{zone.name}." if zone.name else "ns."
        return [
            f"$ORIGIN {zone.name}.",
            f"$TTL {TTL}",
            f"@ SOA {host} host.{host} {self.serial} 3600 600 86400 {TTL}",
            f"@ NS {host}",
            "ns A 127.0.0.1",
        ]

    def _write(self):
        self.serial += SERIAL_STEP
        self._write_conf()
        root = self.zones[""]
        delegated = []
        for zone in self.zones.values():
            if zone.signed and zone.ds is None:
                self._make_key(zone)
            if zone is root:
                continue
            delegated.append(f"{zone.name}. NS ns.{zone.name}.")
            if zone.signed:
                digest = zone.ds if not zone.bogus else zone.ds[:-4] + "0000"
                delegated.append(f"{zone.name}. DS {digest}")
        for zone in self.zones.values():
            records = delegated if zone is root else zone.records
            if zone.broken:
                self._file(zone).unlink(missing_ok=True)
            else:
                self._file(zone).write_text("\n".join([*self._head(zone), *records, ""]))

    def _publish(self):
        self._write()
        self.daemon.proc.send_signal(signal.SIGHUP)  # SIGHUP: configuration and zones anew
        self._wait_served()

    def _ask(self, name, kind):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            try:
                s.sendto(question(name, kind), ("127.0.0.1", self.port))
                return s.recv(4096)
            except OSError:
                return None

    def _wait_served(self):
        self.daemon.wait(
            lambda: all(z.broken or self._is_current(z) for z in self.zones.values()), 30
        )

    def _is_current(self, zone):
        """Signing raises the serial: it is this version's or a later one's."""
        answer = self._ask(zone.name, TYPES["SOA"])
        if answer is None or answer[3] & 15 or struct.unpack_from(">H", answer, 6)[0] == 0:
            return False
        # Nothing stands behind the five numbers of the only record.
        return struct.unpack_from(">I", answer, len(answer) - 20)[0] >= self.serial


class Relay:
    """Between resolvers and knotd: keeps what was asked, drops what is to stay unanswered."""

    def __init__(self):
        self.target = None
        self.questions = []
        self.silent = set()
        self.ends = threading.Event()
        self.udp, self.tcp = self._pair()
        self.port = self.udp.getsockname()[1]
        self.threads = [
            threading.Thread(target=self._serve_udp, daemon=True),
            threading.Thread(target=self._serve_tcp, daemon=True),
        ]

    @staticmethod
    def _pair():
        while True:
            port = postern.free_ports(1)[0]
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
                tcp.listen(64)
                return udp, tcp
            except OSError:
                udp.close()
                tcp.close()

    def start(self):
        for t in self.threads:
            t.start()

    def stop(self):
        self.ends.set()
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def _passes(self, packet, transport):
        name, kind = asked_for(packet)
        self.questions.append((name, kind, transport))
        return not any(below(name, z) for z in list(self.silent))

    def _serve_udp(self):
        while not self.ends.is_set():
            try:
                packet, peer = self.udp.recvfrom(65535)
            except OSError:
                return
            if self._passes(packet, "udp"):
                threading.Thread(target=self._relay_udp, args=(packet, peer), daemon=True).start()

    def _relay_udp(self, packet, peer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            try:
                s.sendto(packet, self.target)
                self.udp.sendto(s.recv(65535), peer)
            except OSError:
                return

    def _serve_tcp(self):
        while not self.ends.is_set():
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._relay_tcp, args=(client,), daemon=True).start()

    def _relay_tcp(self, client):
        try:
            with client, socket.create_connection(self.target, 5) as server:
                client.settimeout(30)
                while True:
                    packet = read_framed(client)
                    if packet is None:
                        return
                    if self._passes(packet, "tcp"):
                        server.sendall(struct.pack(">H", len(packet)) + packet)
                        answer = read_framed(server)
                        if answer is None:
                            return
                        client.sendall(struct.pack(">H", len(answer)) + answer)
        except OSError:
            return


def read_framed(s):
    """One message behind its two octets of length; None at the end."""
    head = read_all(s, 2)
    return None if head is None else read_all(s, struct.unpack(">H", head)[0])


def read_all(s, n):
    octets = b""
    while len(octets) < n:
        more = s.recv(n - len(octets))
        if not more:
            return None
        octets += more
    return octets
