# SPDX-License-Identifier: Apache-2.0
"""Mail servers that do what a test says: one per loopback address, all on one port, each playing a
scene, each keeping what it heard.

    with FakeMX() as mx:
        good = mx.host("127.0.2.1")                       # takes everything
        grey = mx.host("127.0.2.2", "greylist")           # a scene of SCENES by name
        odd = mx.host("127.0.2.3", Scene(rcpt=["450 no", "250 yes"], eod="550 5.7.1 no"))
        ... settings={"send.port": mx.port} ...
        good.wait(1); good.letters[0].data

A scene says what answers each step. An answer is text (CRLF is added, "\\n" between lines), octets
(sent as they are), an action, or a list of these for one time after the other, the last for good.
Turns are counted over all connections of a host. Actions: CLOSE, RESET, HANG, SERVER_HELLO,
ENDLESS, wait(s), drip(text, s) and all_of(a, b, ...).
"""

import asyncio
import contextlib
import dataclasses
import pathlib
import random
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import postern

EHLO = ["PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8"]
LINE_MAX = 1 << 16
DATA_MAX = 64 << 20
SECONDS_MAX = 600


@dataclasses.dataclass(frozen=True)
class Do:
    """Something other than saying a text."""

    what: str
    seconds: float = 0.0
    text: bytes = b""
    parts: tuple = ()


CLOSE, RESET, HANG = Do("close"), Do("reset"), Do("hang")
SERVER_HELLO = Do("server_hello")  # in place of the handshake: its first record, then nothing
ENDLESS = Do("endless", text=b"250-and one more line\r\n")


def wait(seconds):
    return Do("wait", seconds)


def drip(text, seconds):
    """One octet each `seconds`."""
    return Do("drip", seconds, octets(text))


def all_of(*parts):
    return Do("all", parts=parts)


def octets(text):
    if isinstance(text, bytes):
        return text
    return text.replace("\r\n", "\n").rstrip("\n").replace("\n", "\r\n").encode() + b"\r\n"


@dataclasses.dataclass
class Scene:
    connect: str = "accept"  # or "refuse" (nobody listens), "silence" (SYN is never answered)
    banner: object = None  # None: "220 NAME ESMTP"
    ehlo: object = None  # None: EHLO, and STARTTLS before TLS
    helo: object = "250 hello"
    starttls: object = "220 go ahead"
    tls: object = "good"  # a certificate's name, or an action in place of the handshake
    mail: object = "250 2.1.0 sender ok"
    rcpt: object = "250 2.1.5 recipient ok"
    data: object = "354 go ahead"
    eod: object = "250 2.0.0 queued"
    rset: object = "250 2.0.0 reset"
    quit: object = all_of("221 2.0.0 bye", CLOSE)
    other: object = "502 5.5.1 command not recognised"
    extensions: tuple = tuple(EHLO)
    offer_tls: bool = True
    read: float = 0.0  # seconds to wait before each chunk of a body is read


GMX = (
    "554-gmx.net (mxgmx016) Nemesis ESMTP Service not available\n554-No SMTP service\n"
    "554-IP address is block listed.\n554 For explanation visit "
    "https://postmaster.gmx.net/de/case?c=r0201&i=ip&v=127.0.0.1&r=1MDhhZ"
)
TONLINE = (
    "554 IP=127.0.0.1 - A problem occurred. "
    "(Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.)"
)
OUTLOOK = (
    "550 5.7.1 Unfortunately, messages from [127.0.0.1] weren't sent. Please contact your Internet "
    "service provider since part of their network is on our block list (S3150). You can also refer "
    "your provider to http://mail.live.com/mail/troubleshooting.aspx#errors."
)
YAHOO = (
    "421 4.7.0 [TSS04] Messages from 127.0.0.1 temporarily deferred due to unexpected volume or "
    "user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes"
)
SCENES = {
    "good": Scene(),
    "silence": Scene(connect="silence"),
    "refuse": Scene(connect="refuse"),
    "rst": Scene(banner=RESET),
    "eof": Scene(banner=CLOSE),
    "no-banner": Scene(banner=HANG),
    "slow-banner": Scene(banner=all_of(wait(2), "220 slow ESMTP")),
    "tonline": Scene(banner=TONLINE),
    "gmx": Scene(banner=all_of(GMX, CLOSE)),
    "busy": Scene(banner=all_of("421 4.3.2 too busy, come back later", CLOSE)),
    "outlook": Scene(mail=OUTLOOK),
    "blocked": Scene(eod="550 tutanota is blocked"),
    "yahoo": Scene(mail=all_of(YAHOO, CLOSE)),
    "greylist": Scene(rcpt=["451 4.7.1 Greylisted, please try again in 5 minutes", "250 ok"]),
    "unknown-user": Scene(rcpt="550 5.1.1 <nobody@nowhere.test>: user unknown"),
    "no-starttls": Scene(offer_tls=False),
    "mangled": Scene(ehlo="250-mx\n250-XXXXXXXA\n250 8BITMIME"),
    "mangled-banner": Scene(banner="220 " + "*" * 40, ehlo="500 5.5.1 unrecognised"),
    "starttls-refused": Scene(starttls="454 4.7.0 TLS not available due to local problem"),
    "starttls-injected": Scene(starttls=b"220 go ahead\r\n250 injected\r\n"),
    "tls-eof": Scene(tls=CLOSE),
    "tls-rst": Scene(tls=RESET),
    "tls-hang": Scene(tls=HANG),
    "hello-hang": Scene(tls=SERVER_HELLO),
    "tls-garbage": Scene(tls=all_of(b"this is not TLS at all, not at all\r\n", CLOSE)),
    "bad-name": Scene(tls="bad-name"),
    "expired": Scene(tls="expired"),
    "self-signed": Scene(tls="self-signed"),
    "accept-and-drop": Scene(eod=CLOSE),
    "data-refused": Scene(data="451 4.3.0 not now"),
    "data-void": Scene(rcpt="550 5.7.1 no", data="354 go on all the same", eod="554 no recipients"),
    "endless": Scene(ehlo=ENDLESS),
    "endless-eod": Scene(eod=ENDLESS),
    "drip": Scene(banner=drip("220 one octet a second", 1)),
    "bare-lf": Scene(banner=b"220 mx ESMTP\n"),
    "two-codes": Scene(mail=b"250-fine\r\n550 not fine\r\n"),
    "no-code": Scene(banner=b"hello there\r\n"),
    "nul": Scene(mail=b"250 o\0k\r\n"),
    "helo-only": Scene(ehlo="502 5.5.1 no EHLO here"),
    "no-extensions": Scene(extensions=()),
    "one-rcpt": Scene(extensions=(*EHLO, "LIMITS RCPTMAX=1 MAILMAX=2")),
    "requiretls": Scene(extensions=(*EHLO, "REQUIRETLS")),
    "small": Scene(extensions=("PIPELINING", "SIZE 1000")),
    "early-refusal": Scene(data=all_of("354 go ahead", "552 5.3.4 too much", CLOSE)),
}


@dataclasses.dataclass
class Letter:
    mail: str  # behind "MAIL ": "FROM:<a@b> SIZE=1"
    rcpts: list  # those that were taken
    data: bytes  # without stuffed dots
    tls: str  # "TLSv1.3", or "" for none
    ehlo: str
    connection: int
    reply: bytes
    at: float  # time.monotonic() at the end of its data


class Certificates:
    """good, bad-name, expired and self-signed, for the names given; ca is the PEM file to trust."""

    def __init__(self, folder, names):
        self.folder = pathlib.Path(folder)
        self.ca = self.folder / "ca.pem"
        self.openssl("ecparam -name prime256v1 -genkey -noout -out ca-key.pem")
        self.openssl("req -x509 -key ca-key.pem -days 30 -out ca.pem", "/CN=Test CA")
        (self.folder / "index.txt").touch()
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\n"
            "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
        )
        self.make("good", names, "20240101000000Z", "20991231235959Z")
        self.make("bad-name", ["elsewhere.test"], "20240101000000Z", "20991231235959Z")
        self.make("expired", names, "20200101000000Z", "20210101000000Z")
        self.openssl("ecparam -name prime256v1 -genkey -noout -out self-signed-key.pem")
        args = "req -x509 -key self-signed-key.pem -days 30 -out self-signed.pem"
        self.openssl(args, f"/CN={names[0]}", "-addext", self.alt(names))

    def openssl(self, words, subject=None, *more):
        args = ["openssl", *words.split(), *(["-subj", subject] if subject else []), *more]
        subprocess.run(args, cwd=self.folder, check=True, capture_output=True)

    @staticmethod
    def alt(names):
        return "subjectAltName=" + ",".join(f"DNS:{n}" for n in names)

    def make(self, kind, names, start, end):
        self.openssl(f"ecparam -name prime256v1 -genkey -noout -out {kind}-key.pem")
        self.openssl(f"req -new -key {kind}-key.pem -out {kind}.csr", "/CN=" + names[0])
        (self.folder / "ext").write_text(self.alt(names) + "\nbasicConstraints=CA:FALSE\n")
        self.openssl(
            f"ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca-key.pem -in {kind}.csr "
            f"-startdate {start} -enddate {end} -extfile ext -out {kind}.pem"
        )
        with open(self.folder / f"{kind}.pem", "a", encoding="ascii") as f:
            f.write(self.ca.read_text(encoding="ascii"))

    def context(self, kind):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(self.folder / f"{kind}.pem", self.folder / f"{kind}-key.pem")
        return ctx


class Host:
    """One address: its scene, and what it heard."""

    def __init__(self, mx, address, scene, name):
        self.mx, self.address, self.scene, self.name = mx, address, scene, name
        self.letters = []  # those answered 2xx, refused or dropped after the end of data
        self.connections = 0
        self.heard = []  # (connection, line) of everything that was a command
        self.turns = {}
        self.held = []  # sockets of a host that is silent
        self.server = None

    def play(self, scene):
        """Another scene from now on; turns begin anew. Not for one that never listened."""
        self.scene = SCENES[scene] if isinstance(scene, str) else scene
        self.turns = {}

    def turn(self, verb):
        answers = getattr(self.scene, verb)
        if not isinstance(answers, list):
            return answers
        n = self.turns.get(verb, 0)
        self.turns[verb] = n + 1
        return answers[min(n, len(answers) - 1)]

    def commands(self):
        return [line for _, line in self.heard]

    def taken(self):
        return [x for x in self.letters if x.reply.startswith(b"2")]

    def wait(self, letters, seconds=20):
        """Until so many letters were taken; returns them."""
        what = f"{letters} letters at {self.address}"
        postern.wait_until(lambda: len(self.taken()) >= letters, seconds, what)
        return self.taken()

    def wait_connections(self, n, seconds=20):
        postern.wait_until(lambda: self.connections >= n, seconds, f"{n} at {self.address}")


class Ended(Exception):
    """The connection is over."""


class Connection:
    def __init__(self, host, reader, writer):
        self.host, self.reader, self.writer = host, reader, writer
        self.number = host.connections
        self.tls, self.ehlo, self.mail, self.rcpts = "", "", None, []

    async def say(self, answer):
        if isinstance(answer, (str, bytes)):
            self.writer.write(octets(answer))
            await self.writer.drain()
            return
        await getattr(self, "do_" + answer.what)(answer)

    async def do_all(self, do):
        for part in do.parts:
            await self.say(part)

    async def do_wait(self, do):
        await asyncio.sleep(do.seconds)

    async def do_drip(self, do):
        for i in range(len(do.text)):
            self.writer.write(do.text[i : i + 1])
            await self.writer.drain()
            await asyncio.sleep(do.seconds)

    async def do_endless(self, do):
        for _ in range(1 << 20):
            if self.writer.is_closing():
                raise Ended
            self.writer.write(do.text)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def do_hang(self, _):
        await asyncio.sleep(SECONDS_MAX)
        raise Ended

    async def do_server_hello(self, do):
        theirs, ours = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.host.mx.context("good").wrap_bio(theirs, ours, server_side=True)
        while ours.pending == 0:
            more = await self.reader.read(LINE_MAX)
            if not more:
                raise Ended
            theirs.write(more)
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
        flight = ours.read()
        self.writer.write(flight[: 5 + int.from_bytes(flight[3:5], "big")])
        await self.do_hang(do)

    async def do_close(self, _):
        raise Ended

    async def do_reset(self, _):
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise Ended

    async def line(self):
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise Ended
        return line

    def capabilities(self):
        words = [self.host.name, *self.host.scene.extensions]
        if self.host.scene.offer_tls and not self.tls:
            words.append("STARTTLS")
        return "\n".join([f"250-{w}" for w in words[:-1]] + [f"250 {words[-1]}"])

    async def run(self):
        banner = self.host.turn("banner")
        await self.say(f"220 {self.host.name} ESMTP" if banner is None else banner)
        while True:
            line = (await self.line()).decode("utf-8", "surrogateescape").rstrip("\r\n")
            self.host.heard.append((self.number, line))
            verb, _, rest = line.partition(" ")
            handler = getattr(self, "on_" + verb.lower(), self.on_other)
            await handler(rest)

    async def on_other(self, _):
        await self.say(self.host.turn("other"))

    async def on_ehlo(self, rest):
        self.ehlo = rest
        answer = self.host.turn("ehlo")
        await self.say(self.capabilities() if answer is None else answer)

    async def on_helo(self, rest):
        self.ehlo = rest
        await self.say(self.host.turn("helo"))

    async def on_starttls(self, _):
        answer = self.host.turn("starttls")
        await self.say(answer)
        if not good(answer):
            return
        kind = self.host.scene.tls
        if isinstance(kind, Do):
            await self.say(kind)
            return
        await self.writer.start_tls(self.host.mx.context(kind))
        self.tls = self.writer.get_extra_info("ssl_object").version()
        self.mail, self.rcpts = None, []

    async def on_mail(self, rest):
        answer = self.host.turn("mail")
        if good(answer):
            self.mail, self.rcpts = rest, []
        await self.say(answer)

    async def on_rcpt(self, rest):
        answer = self.host.turn("rcpt") if self.mail is not None else "503 5.5.1 MAIL first"
        if good(answer):
            self.rcpts.append(rest)
        await self.say(answer)

    async def on_data(self, _):
        default = self.host.scene.data == Scene.data
        if default and not self.rcpts:
            await self.say("554 5.5.1 no valid recipients")
            return
        answer = self.host.turn("data")
        await self.say(answer)
        if not (isinstance(answer, str) and answer.startswith("354")):
            return
        data = await self.body()
        answer, now = self.host.turn("eod"), time.monotonic()
        reply = octets(answer) if isinstance(answer, (str, bytes)) else b""
        self.host.letters.append(
            Letter(self.mail, self.rcpts, data, self.tls, self.ehlo, self.number, reply, now)
        )
        self.mail, self.rcpts = None, []
        await self.say(answer)

    async def body(self):
        data = bytearray()
        while len(data) < DATA_MAX:
            if self.host.scene.read:
                await asyncio.sleep(self.host.scene.read)
            line = await self.line()
            if line == b".\r\n":
                return bytes(data)
            data += line[1:] if line.startswith(b".") else line
        raise Ended

    async def on_rset(self, _):
        self.mail, self.rcpts = None, []
        await self.say(self.host.turn("rset"))

    async def on_quit(self, _):
        await self.say(self.host.turn("quit"))


def good(answer):
    return isinstance(answer, (str, bytes)) and octets(answer).startswith(b"2")


class FakeMX:
    def __init__(self, port=None, names=("mx.test", "*.test", "*.signed.test", "*.plain.test")):
        """names: what the good certificates are for; port: None for any that is free."""
        self.folder = tempfile.TemporaryDirectory(prefix="fakemx-")
        pathlib.Path(self.folder.name).chmod(0o711)  # services read ca.pem as users of their own
        self.certificates = Certificates(self.folder.name, list(names))
        self.contexts, self.hosts, self.tasks = {}, {}, set()
        self.port = port or random.choice(postern.free_ports(4))
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def ca(self):
        """The PEM file with the CA of good, bad-name and expired."""
        return self.certificates.ca

    def pem(self, kind="good"):
        return self.certificates.folder / f"{kind}.pem"

    def context(self, kind):
        if kind not in self.contexts:
            self.contexts[kind] = self.certificates.context(kind)
        return self.contexts[kind]

    def host(self, address, scene="good", name=None):
        """Listen on that address. name: what the server calls itself."""
        scene = SCENES[scene] if isinstance(scene, str) else scene
        host = Host(self, address, scene, name or f"mx-{address.replace('.', '-')}.test")
        self.hosts[address] = host
        if scene.connect == "silence":
            self.silent(host)
        elif scene.connect == "accept":
            asyncio.run_coroutine_threadsafe(self.listen(host), self.loop).result(10)
        return host

    def silent(self, host):
        """A full backlog: further SYNs get no answer."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.address, self.port))
        listener.listen(0)
        host.held.append(listener)
        for _ in range(3):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex((host.address, self.port))
            host.held.append(s)
        time.sleep(0.05)

    async def listen(self, host):
        async def serve(reader, writer):
            host.connections += 1
            await self.serve(Connection(host, reader, writer))

        host.server = await asyncio.start_server(
            serve, host.address, self.port, limit=LINE_MAX, reuse_address=True, backlog=1000
        )

    async def serve(self, connection):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await connection.run()
        except (Ended, OSError, ssl.SSLError, ValueError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self.tasks.discard(task)
            connection.writer.close()

    def close(self):
        async def stop():
            for host in self.hosts.values():
                if host.server:
                    host.server.close()
            for task in list(self.tasks):
                task.cancel()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        for host in self.hosts.values():
            for s in host.held:
                s.close()
        self.folder.cleanup()
