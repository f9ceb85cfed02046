# SPDX-License-Identifier: Apache-2.0
"""A receiver that nobody has scripted: Debian's Postfix, with Dovecot behind it. It takes what an
alias sends on, and what it cannot deliver after all it bounces, through us, to the author."""

import subprocess

import peers
import postern
from world import ANN, DOMAIN, WAIT_S, fields, sender_of

FAR, LOST = f"far@{DOMAIN}", f"lost@{DOMAIN}"
HERE, GONE = f"user0@{peers.DOMAIN}", f"gone@{peers.DOMAIN}"
ADDRESS = "127.0.8.9"
# Its bounces find us without its own DNS, and over TLS as we demand.
POSTFIX = """
relayhost = [127.0.0.1]:{port}
smtp_tls_security_level = encrypt
"""


def prepare(w):
    """The receiver, not started: it listens where our send connects to."""
    there = peers.Peers(users=1, postfix=POSTFIX.format(port=w.server.ports["mx"]))
    conf = there.dir / "postfix"
    with open(conf / "master.cf", "a") as f:
        f.write(f"{ADDRESS}:{w.mx.port} inet n - n - - smtpd\n")
    with open(conf / "users", "a") as f:  # Postfix knows the name, Dovecot does not
        f.write(f"{GONE} gone\n")
    subprocess.run(["postmap", "-c", conf, f"hash:{conf}/users"], check=True)
    w.net.zone(peers.DOMAIN, ["@ MX 10 mail", f"mail A {ADDRESS}"])
    w.server.ctl("alias", "add", FAR, HERE)
    w.server.ctl("alias", "add", LOST, GONE)
    return there


def arrives(r, w, there):
    message_id, octets = w.letter()
    r.equal("to Postfix: taken", w.send(octets, FAR).code, 250)
    postern.wait_until(lambda: there.stored(0, 1) == [1], WAIT_S, f"{message_id} at Postfix")
    got = next((there.dir / "mail/user0/new").iterdir()).read_bytes()
    got = got.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    path = fields(got, b"Return-Path")
    good = len(path) == 1 and path[0].startswith(b"Return-Path: <SRS0=")
    r.check("to Postfix: the reverse-path is ours", good and b"=Ann@" + DOMAIN.encode() in path[0],
        path)
    r.check("to Postfix: it came over TLS", b"with ESMTPS" in got, got[:600])
    r.check("to Postfix: a trace of the alias", b"Delivered-To: " + FAR.encode() in
        fields(got, b"Delivered-To"), fields(got, b"Delivered-To"))
    said = w.dkimpy(got)
    r.equal("behind Postfix and Dovecot: author's signature and chain", said[:2], [True, "pass"])


def comes_back(r, w):
    """Taken, and then not delivered: the bounce is Postfix's."""
    for signed in (True, False):
        message_id, octets = w.letter(signed=signed)
        r.equal("to nobody at Postfix: taken", w.send(octets, LOST).code, 250)
        got = w.arrives(w.author, message_id)[0]
        r.equal("its bounce goes to the author", got.rcpts[0].partition(">")[0], f"TO:<{ANN}")
        r.equal("with a null reverse-path", sender_of(got), "")
        for word in (GONE.encode(), b"5.1.1", b"MAILER-DAEMON"):
            r.check(f"it is Postfix's own: {word.decode()}", word in got.data, got.data[:2000])
        w.idle()
        r.equal("and comes once", len(w.arrives(w.author, message_id)), 1)


def real(r, w):
    if peers.missing() is not None:
        r.skip("a real receiver", peers.missing())
        return
    with prepare(w) as there:
        arrives(r, w, there)
        comes_back(r, w)
        postern.wait_until(lambda: there.waiting() == 0, WAIT_S, "an empty queue at Postfix")
