# SPDX-License-Identifier: Apache-2.0
"""Other filters on the same folds: each is taught one list of letters and asked about another.

A function gives [(letter, score)] where score reaches `junk_at` for what the filter calls spam by
its own default; Missing is raised where it is not installed.
"""

import json
import pathlib
import shutil
import subprocess
import tempfile

import daemon
import postern

START_S = 300
LEARNED_LEAST = 0.95
RSPAMD = """
options {{ pidfile = "{dir}/rspamd.pid"; filters = "";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  dns {{ timeout = 1s; retransmits = 1; nameserver = ["127.0.0.1:{dns}"]; }}
  control_socket = "{dir}/ctl.sock mode=0600"; rrd = "/dev/null"; cache_file = "{dir}/sym.cache"; }}
logging {{ type = "file"; filename = "{dir}/log"; level = "warning"; }}
metric {{ name = "default"; actions {{ reject = 15; add_header = 6; }} }}
classifier "bayes" {{ tokenizer {{ name = "osb"; }} backend = "sqlite3";
  min_tokens = 11; min_learns = 1;
  statfile {{ symbol = "BAYES_HAM"; path = "{dir}/ham.db"; spam = false; }}
  statfile {{ symbol = "BAYES_SPAM"; path = "{dir}/spam.db"; spam = true; }}
  cache {{ type = "sqlite3"; path = "{dir}/cache.db"; }} }}
worker "controller" {{ bind_socket = "127.0.0.1:{port}"; count = 1; secure_ip = "127.0.0.1";
  stats_path = "{dir}/stats"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{normal}"; count = 1; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
"""


class Missing(Exception):
    pass


def write(folder, letters):
    """Each letter as a file with bare LF, as a mailbox of the time would hold it."""
    names = []
    for x in letters:
        path = pathlib.Path(folder) / str(x.number)
        path.write_bytes(x.octets.replace(b"\r\n", b"\n"))
        names.append(str(path))
    return names


def bogofilter(folder, train, test, junk_at):
    """Its default: spam from 0.99 on; what it is unsure of is not found."""
    if shutil.which("bogofilter") is None:
        raise Missing("bogofilter is not installed")
    with tempfile.TemporaryDirectory(dir=folder) as home:
        base = ["bogofilter", "-C", "-d", home]
        for junk, flag in ((True, "-s"), (False, "-n")):
            names = write(home, [x for x in train if x.junk == junk])
            subprocess.run(
                [*base, flag, "-b"],
                input="\n".join(names) + "\n",
                text=True,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        names = write(home, test)
        done = subprocess.run(
            [*base, "-T", "-b"], input="\n".join(names) + "\n", text=True, capture_output=True
        )
    said = {}
    for line in done.stdout.splitlines():
        name, _kind, value = line.split()
        said[int(pathlib.Path(name).name)] = float(value)
    return [(x, junk_at / 0.99 * said[x.number]) for x in test]


def client(port, order, names):
    return subprocess.run(
        ["rspamc", "-h", f"127.0.0.1:{port}", "-t", "120", "-n", "2", *order, *names],
        capture_output=True,
        text=True,
    )


def learn(port, order, names):
    """All of them, or the figures would be of something else."""
    done = 0
    for at in range(0, len(names), 200):
        done += client(port, [order], names[at : at + 200]).stdout.count("success = true")
    if done < LEARNED_LEAST * len(names):
        raise Missing(f"rspamd learned {done} of {len(names)} only")


def bayes(home, names, port):
    """File -> what its statistics say, -1 to 1."""
    said = {}
    for at in range(0, len(names), 200):
        text = client(port, ["--json", "symbols"], names[at : at + 200]).stdout
        decoder, i = json.JSONDecoder(), 0
        while (i := text.find("{", i)) >= 0:
            one, i = decoder.raw_decode(text, i)
            symbols = one.get("symbols", {})
            value = sum(
                sign * float((symbols[s].get("options") or ["0"])[0].rstrip("%")) / 100
                for s, sign in (("BAYES_SPAM", 1), ("BAYES_HAM", -1))
                if s in symbols
            )
            said[pathlib.Path(one["filename"]).name] = value
    return said


def rspamd(folder, train, test, junk_at):
    """Statistics alone, without rules and without DNS; spam from 99 % on."""
    if shutil.which("rspamd") is None:
        raise Missing("rspamd is not installed")
    with tempfile.TemporaryDirectory(dir=folder) as home:
        ports = dict(zip(("port", "normal", "dns"), postern.free_ports(3)))
        conf = pathlib.Path(home) / "conf"
        conf.write_text(RSPAMD.format(dir=home, **ports))
        d = daemon.Daemon(["rspamd", "-f", "-i", "-c", conf], pathlib.Path(home) / "out")
        try:
            for name in ("port", "normal"):
                d.wait(lambda at=ports[name]: daemon.listens(at), START_S)
            for junk, order in ((True, "learn_spam"), (False, "learn_ham")):
                names = write(home, [x for x in train if x.junk == junk])
                learn(ports["port"], order, names)
            said = bayes(home, write(home, test), ports["normal"])
        except (RuntimeError, TimeoutError) as e:
            raise Missing(f"rspamd: {e}") from e
        finally:
            d.stop()
    return [(x, junk_at / 0.99 * said.get(str(x.number), 0)) for x in test]


def tell_best(results):
    """The most spam any threshold finds with at most 0.1 % of the ham above it."""
    ham = sorted((s for x, s in results if not x.junk), reverse=True)
    limit = ham[int(len(ham) * 0.001)]
    spam = [s for x, s in results if x.junk]
    found = sum(s > limit for s in spam)
    share = f"{found} of {len(spam)} ({100 * found / len(spam):.2f} %)"
    print(f"  at the threshold that fits it best: {share}", flush=True)
