# SPDX-License-Identifier: Apache-2.0
"""Slow and silent clients: a good one is served promptly meanwhile, and they are sent away."""

import threading
import time

import smtpc
import stage
import wire

SLOW = 150  # of each kind
PROMPT_S = 2.0
PATIENCE_S = 12


class Drip:
    """A client that sends a few octets now and then until it is sent away."""

    def __init__(self, make, octets):
        self.w = make()
        self.octets = octets
        self.at = 0
        self.last = b""

    def step(self):
        """False when the server has ended the connection."""
        try:
            self.w.send(self.octets[self.at : self.at + 1])
            self.at = (self.at + 1) % len(self.octets)
            self.w.timeout(0.001)
            more = self.w.sock.recv(4096)
            self.last += more
            return bool(more)
        except TimeoutError:
            return True
        except OSError:
            return False


def drip_all(drips, ended):
    alive = list(drips)
    while alive and not ended.is_set():
        alive = [d for d in alive if d.step()]
        ended.wait(0.3)


def good_client(r, s, what):
    """Three letters, each promptly."""
    slowest = 0
    for i in range(3):
        began = time.monotonic()
        reply = stage.deliver(s, f"Subject: good {what} {i}\r\n\r\nx\r\n".encode())
        slowest = max(slowest, time.monotonic() - began)
        r.equal(f"{what}: a good client is served", reply.code, 250)
    r.check(f"{what}: promptly", slowest < PROMPT_S, f"{slowest:.2f} s")


def attack(r, s, what, make, octets, count=SLOW):
    drips = [Drip(make, octets) for _ in range(count)]
    ended = threading.Event()
    t = threading.Thread(target=drip_all, args=(drips, ended), daemon=True)
    began = time.monotonic()
    t.start()
    good_client(r, s, what)
    t.join(PATIENCE_S)
    gone = not t.is_alive()
    r.check(f"{what}: {count} slow ones are sent away", gone)
    print(f"slow: {what}: all gone after {time.monotonic() - began:.1f} s")
    ended.set()
    t.join()
    last = drips[0].last
    for d in drips:
        d.w.close()
    return last


def inside_data(s):
    c = stage.mx(s)
    c.cmd("MAIL FROM:<slow@x.test>")
    c.cmd(f"RCPT TO:<{stage.A}>")
    c.cmd("DATA")
    return c


def silent_reader(r, s):
    """Asks for a great deal and never reads: bounded memory, others are served."""
    big = b"Subject: big\r\n\r\n" + (b"z" * 70 + b"\r\n") * 40000
    for _ in range(3):
        stage.deliver(s, big)
    stage.wait_for(s, "big")
    held = []
    for _ in range(20):
        c = stage.imap(s)
        c.select()
        c.send(b"".join(b"x%d FETCH 1:* BODY.PEEK[]\r\n" % i for i in range(50)))
        held.append(c)
    good_client(r, s, "readers that do not read")
    for c in held:
        c.close()


def run(r, s):
    mx = s.ports["mx"]
    last = attack(r, s, "commands before TLS", lambda: wire.Wire(mx), b"NOOPNOOPNOOP")
    r.check("commands before TLS: 421", b"421" in last, f"{last[-80:]!r}")
    hello = b"\x16\x03\x01\x02\x00\x01"
    attack(r, s, "TLS handshakes", lambda: wire.Wire(s.ports["imaps"]), hello)
    last = attack(r, s, "commands in TLS", lambda: stage.mx(s), b"NOOPNOOPNOOP", 60)
    r.check("commands in TLS: 421", b"421" in last, f"{last[-80:]!r}")
    last = attack(r, s, "data", lambda: inside_data(s), b"xxxxxxxxxxxx", 60)
    r.check("data: 421", b"421" in last, f"{last[-80:]!r}")
    silent_reader(r, s)
    held = [smtpc.Smtp(mx) for _ in range(SLOW)]
    good_client(r, s, "silent connections")
    for c in held:
        c.close()
    stage.works(r, s, "slow")


SETTINGS = {
    "gate__connections_per_address": 2000,
    "gate__connections_per_prefix": 4000,
    "gate__plaintext_timeout": "2s",
    "gate__handshake_timeout": "2s",
    "smtp__command_timeout": "3s",
    "smtp__data_timeout": "2s",
}
