# SPDX-License-Identifier: Apache-2.0
"""Letters from outside with every check on, next to Postfix + rspamd (milter) + Dovecot.

usage: inbound.py [--messages N] [--mailboxes N] [--clamd] [--connections N] [--runs N]
                  [--side postern|peers] [--out FILE]

Each letter comes from one of 100 domains with SPF, DKIM and DMARC records, is signed with RSA-2048,
has two parts of text and links, and comes from an address of 198.18.0.0/15 with a name that holds,
told by the PROXY protocol. A knotd of our own answers everybody; what is not in its zones does not
exist, the blocklists of either side among that. --clamd: clamd looks for viruses, a process of each
side's own, with one signature.

What differs: rspamd runs as packaged, without Redis, so it neither greylists nor learns; of the
packages' settings only paths, ports, the name server and clamd are changed. Postfix does not look
the client's name up, rspamd does. No side lets strangers wait for its greeting (gate.first-wait).
Postern does all other checks, greylisting too: its senders have been seen before the clock runs, as
most senders of a day have. It asks six lists.
"""

import argparse
import contextlib
import email.utils
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import clamd  # noqa: E402
import daemon  # noqa: E402
import dkimsign  # noqa: E402
import internet  # noqa: E402
import measure  # noqa: E402
import outside  # noqa: E402
import peers  # noqa: E402
import postern  # noqa: E402
import postern_side  # noqa: E402
import table  # noqa: E402

DOMAINS, CLIENTS, USERS = 100, 1000, 1000
DATE = email.utils.formatdate(localtime=True)
# Postern's; rspamd asks those it is packaged with.
ADDRESS_LISTS, DOMAIN_LISTS = ("bl1", "bl2", "bl3", "wl1"), ("dom1", "dom2")
LISTED = [f"2.0.0.127.{x} A 127.0.0.2" for x in ADDRESS_LISTS]
LISTED += [f"test.{x} A 127.0.0.2" for x in DOMAIN_LISTS]
WORDS = """about after again answer arrive before between board bring church city copy country day
doctor early evening every family field figure friday garden glass hand house january keep kitchen
late letter light market meeting minute monday morning mountain music night number offer office
order paper people photo plan please price question quiet reach report river room school second
send small spring station street summer table thank ticket train tuesday under until visit water
week window winter work world write year""".split()
POSTFIX_MORE = """
smtpd_milters = inet:127.0.0.1:{milter}
milter_default_action = tempfail
smtpd_peername_lookup = no
"""
RSPAMD = {
    "override.d/options.inc": 'dns {{ nameserver = ["127.0.0.1:{dns}"]; }}\npidfile = "{dir}/pid";',
    "override.d/logging.inc": 'type = "file";\nfilename = "{dir}/log";\n',
    "override.d/worker-normal.inc": 'bind_socket = "127.0.0.1:{normal}";\n',
    "override.d/worker-controller.inc": 'bind_socket = "127.0.0.1:{controller}";\n',
    "override.d/worker-proxy.inc": 'bind_socket = "127.0.0.1:{milter}";\n'
    'upstream "local" {{ default = yes; hosts = "127.0.0.1:{normal}"; }}\n',
}
RSPAMD_CLAMD = 'clamav {{ type = "clamav"; symbol = "CLAM_VIRUS"; servers = "{clamd}"; }}\n'


# --- letters ----------------------------------------------------------------------------------


def prose(rng, sentences):
    out = []
    for _ in range(sentences):
        words = [rng.choice(WORDS) for _ in range(rng.randint(6, 16))]
        out.append(" ".join(words).capitalize() + ".")
    return out


def letter(rng, number, domain, run):
    """About 6 KB: plain text and the same as HTML, with links of the sender's own domain."""
    lines = prose(rng, 28)
    link = f"https://www.{domain}/{rng.randrange(1 << 40):x}"
    subject = " ".join(rng.choice(WORDS) for _ in range(5)).capitalize()
    text = "\r\n".join([*lines, "", link, ""])
    html = "".join(f'<p style=3D"margin:0">{x}</p>\r\n' for x in lines)
    head = (
        f"From: {rng.choice(WORDS).capitalize()} <news@{domain}>\r\n"
        f"To: Reader <reader@{peers.DOMAIN}>\r\n"
        f"Subject: {subject}\r\n"
        f"Date: {DATE}\r\n"
        f"Message-ID: <{run:x}.{number}@{domain}>\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative; boundary="b{number:x}"\r\n\r\n'
    )
    body = (
        f"--b{number:x}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 7bit\r\n\r\n{text}\r\n"
        f"--b{number:x}\r\nContent-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        f'<html><body>\r\n{html}<a href=3D"{link}">{rng.choice(WORDS)}</a>\r\n</body></html>\r\n'
        f"--b{number:x}--\r\n"
    )
    return (head + body).encode()


def name_of(number):
    return f"s{number}.senders.test"


class Letters:
    """A file for `load --corpus`, and the zones that make its letters good."""

    def __init__(self, count, seed):
        rng = random.Random(seed)
        signer = dkimsign.Signer("senders.test")
        self.signers = [signer.of(name_of(i)) for i in range(DOMAINS)]
        self.file = tempfile.NamedTemporaryFile(prefix="postern-letters.")
        for i in range(count):
            signer = self.signers[i % DOMAINS]
            text = signer.sign(letter(rng, i, signer.domain, seed))
            text = text.replace(b"\r\n.", b"\r\n..")
            self.file.write(f"news@{signer.domain} {len(text)}\n".encode() + text)
        self.file.flush()
        self.path = self.file.name

    def zones(self, net):
        for signer in self.signers:
            net.zone(signer.domain, [*sender_records(signer)], signed=False)
        clients = range(1, CLIENTS + 1)
        net.zone("lists.test", LISTED, signed=False)
        net.zone("out.test", [f"h{i} A {client(i)}" for i in clients], signed=False)
        reverse = [f"{i & 255}.{i >> 8} PTR h{i}.out.test." for i in clients]
        net.zone("18.198.in-addr.arpa", reverse, signed=False)


def client(number):
    """As bench_conn_open_as counts."""
    return f"198.18.{number >> 8}.{number & 255}"


def sender_records(signer):
    yield "@ MX 10 mx"
    yield "mx A 198.18.0.1"
    yield "www A 198.18.0.1"
    yield '@ TXT "v=spf1 ip4:198.18.0.0/15 -all"'
    yield '_dmarc TXT "v=DMARC1; p=reject"'
    yield signer.record()


# --- sides ------------------------------------------------------------------------------------


def missing():
    return peers.missing() or clamd.lacks("rspamd")


class Filtered(peers.Peers):
    """Postfix with rspamd as its milter, and Dovecot."""

    def __init__(self, certificate, net, with_clamd):
        names = ("proxied", "normal", "controller", "milter")
        self.extra = dict(zip(names, postern.free_ports(len(names))))
        super().__init__(USERS, certificate, POSTFIX_MORE.format(**self.extra))
        self.rspamd = self.clamd = None
        self.with_clamd = with_clamd
        with open(self.dir / "postfix/master.cf", "a") as f:
            f.write(f"127.0.0.1:{self.extra['proxied']} inet n - n - - smtpd\n")
            f.write("  -o smtpd_upstream_proxy_protocol=haproxy\n")
        self.folder = self.dir / "rspamd"
        values = {**self.extra, "dir": self.folder, "dns": net.port}
        values["clamd"] = self.folder / "clamd.sock"
        for name, text in RSPAMD.items():
            self._put(name, text.format(**values))
        if with_clamd:
            self._put("local.d/antivirus.conf", RSPAMD_CLAMD.format(**values))
        subprocess.run(["chown", "-R", "_rspamd:_rspamd", self.folder], check=True)
        self.ports["mx"], self.plain = self.extra["proxied"], self.ports["mx"]

    def _put(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self):
        self.ports["mx"] = self.plain  # where a greeting comes without a PROXY header
        super().start()
        self.ports["mx"] = self.extra["proxied"]
        if self.with_clamd:
            self.clamd = clamd.Clamd(self.folder / "clamd.sock", self.meter.enter).start()
        paths = {"LOCAL_CONFDIR": "", "DBDIR": "/db", "RUNDIR": "/run", "LOGDIR": "/logs"}
        command = ["rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd"]
        command += ["-c", "/etc/rspamd/rspamd.conf"]
        for name, below in paths.items():
            where = f"{self.folder}{below}"
            os.makedirs(where, exist_ok=True)
            subprocess.run(["chown", "_rspamd:_rspamd", where], check=True)
            command += ["--var", f"{name}={where}"]
        self.rspamd = daemon.Daemon(command, self.dir / "rspamd.out", self.meter.enter)
        for name in ("milter", "normal"):
            self.rspamd.wait(lambda at=self.extra[name]: daemon.listens(at), 180)
        return self

    def stop(self):
        if self.rspamd is not None:
            self.rspamd.stop()
            self.rspamd = None
        if self.clamd is not None:
            self.clamd.stop()
        super().stop()


def rules(lists):
    return " ".join(f'"{x}.lists.test: 127.0.0.2=4"' for x in lists)


class Postern(postern_side.Postern):
    def __init__(self, certificate, net, with_clamd):
        super().__init__(USERS, certificate)
        self.clamd = None
        self.settings = {
            **net.settings(),
            "resolve.forward": f"127.0.0.1:{net.port}",
            **outside.SETTINGS,
            "lists.address": rules(ADDRESS_LISTS),
            "lists.domain": rules(DOMAIN_LISTS),
            "greylist.delay": "1s",
            "gate.first-wait": "0s",
            **{f"limits.{x}": 1000000 for x in ("connections", "messages", "recipients")},
        }
        if with_clamd:
            path = self.server.dir / "clamd.sock"
            self.settings["virus.clamd"] = str(path)
            self.clamd = clamd.Clamd(path, self.meter.enter)
        self.server.settings |= outside.known(self.settings)
        self.server.write_conf()

    def __enter__(self):
        if self.clamd is not None:
            self.clamd.start()
        return super().__enter__()

    def __exit__(self, *args):
        try:
            if self.clamd is not None:
                self.clamd.stop()
        finally:
            super().__exit__(*args)


# --- measuring --------------------------------------------------------------------------------


def row_of(o):
    return {"mailboxes": o.mailboxes, "connections": o.connections, "messages": o.messages}


def warm(side, letters, o):
    """Every domain has been seen, let in at the second try where the first is put off, and the
    mailboxes are there: as many as domains, at most."""
    for _ in range(2):
        measure.load(
            "smtp",
            side.ports["mx"],
            corpus=letters.path,
            clients=CLIENTS,
            messages=DOMAINS,
            connections=1,
            per_connection=1,
            mailboxes=o.mailboxes,
        )
        time.sleep(1.2)  # greylist.delay
        measure.rest(side.meter)


def question(side, o, letters):
    ledger = measure.Ledger(USERS)
    row = {**row_of(o), "corpus": letters.path, "clients": CLIENTS, "per_connection": 20}
    return measure.mail(side, row, ledger)


def options(*given):
    p = argparse.ArgumentParser()
    p.add_argument("--messages", type=int, default=2000)
    p.add_argument("--mailboxes", type=int, default=DOMAINS)
    p.add_argument("--connections", type=int, default=10)
    p.add_argument("--clamd", action="store_true")
    p.add_argument("--runs", type=int, default=1)
    p.add_argument("--side", choices=("postern", "peers"))
    p.add_argument("--out")
    return p.parse_args(given or None)


def rows(quick, runs, side):
    few = ["--messages", "500" if quick else "2000", "--runs", str(runs)]
    more = ["--side", side] if side else []
    return [options(*few, *more), options(*few, *more, "--clamd")]


def title(o):
    return "letters in, all checks" + (", clamd" if o.clamd else "")


def measure_all(o, certificate):
    """{side name: median result}"""
    letters = Letters(o.messages, 20481)
    with contextlib.ExitStack() as stack:
        net = internet.Internet()
        letters.zones(net)
        stack.enter_context(net)
        sides = []
        if o.side != "postern" and missing() is None:
            sides.append(stack.enter_context(Filtered(certificate, net, o.clamd)))
        if o.side != "peers":
            sides.append(stack.enter_context(Postern(certificate, net, o.clamd)))
        for side in sides:
            warm(side, letters, o)
        result = table.take_turns(sides, o.runs, lambda side: question(side, o, letters))
    table.show(title(o), result, table.MAIL_COLUMNS)
    return result


if __name__ == "__main__":
    table.main(sys.modules[__name__])
