# SPDX-License-Identifier: Apache-2.0
"""Postfix + Dovecot as Debian packages them, in a private folder on loopback ports.

What differs from the packages' defaults, and why it is fair:
- paths, ports, users and certificate are ours: nothing system-wide is started or read
- mail goes from Postfix to Dovecot's LMTP over a UNIX socket into Maildir, as Dovecot's manual
  sets it up
- ceilings that would refuse the load are raised (Dovecot: processes and clients); below them they
  change nothing
- accounts are in a password file and a hash map, cheaper than the databases of real sites
- Postfix logs to a file through its own postlogd, Dovecot to a file by itself; Postern logs too
By hand: python3 peers.py  starts them, prints the ports, and stops when standard input ends.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import meter  # noqa: E402
import postern  # noqa: E402

DOMAIN = "bench.test"
PASSWORD = "a-bench-secret"
MAIL_ID = 61000  # owns the mailboxes; needs no passwd entry

DOVECOT_CONF = """
base_dir = {dir}/dovecot/run
state_dir = {dir}/dovecot/state
log_path = {dir}/dovecot/log
listen = 127.0.0.1
protocols = imap lmtp pop3
ssl = required
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
auth_mechanisms = plain
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%n
default_client_limit = 4096
default_vsz_limit = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/dovecot/users
}}
userdb {{
  driver = static
  args = uid={mail_id} gid={mail_id} home={dir}/mail/%n
}}
service imap-login {{
  process_limit = 2048
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 2048
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener {dir}/postfix/queue/private/dovecot-lmtp {{
    user = postfix
    group = postfix
    mode = 0600
  }}
}}
namespace inbox {{
  inbox = yes
}}
"""

# What Dovecot's manual offers to a site with many idle sessions: shared login processes, and IDLE
# handed to one hibernation process. Not the packaged default; the bench shows it beside that.
DOVECOT_TUNED = """
imap_hibernate_timeout = 2s
service imap-login {
  service_count = 0
  process_min_avail = 2
}
service imap {
  unix_listener imap-master {
    user = dovecot
  }
}
service imap-hibernate {
  unix_listener imap-hibernate {
    mode = 0666
  }
}
"""

POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/postfix/queue
data_directory = {dir}/postfix/data
maillog_file = {dir}/postfix/log
maillog_file_prefixes = {dir}
myhostname = mail.{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = hash:{dir}/postfix/users
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_tls_security_level = may
smtpd_tls_cert_file = {dir}/cert.pem
smtpd_tls_key_file = {dir}/key.pem
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
"""


def missing():
    """Why the peers cannot run here, or None."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if not pathlib.Path("/usr/lib/dovecot/pop3").exists():
        return "dovecot-pop3d is not installed"
    for program in ("postfix", "dovecot"):
        if shutil.which(program, path=path) is None:
            return f"{program} is not installed"
    return None if os.geteuid() == 0 else "Postfix and Dovecot need root"


class Peers:
    name = "Postfix + Dovecot"

    def __init__(self, users=1000, certificate=None, postfix="", tuned=False):
        """Make folders and configuration. certificate: a folder with cert.pem, key.pem;
        postfix: lines added to main.cf; tuned: see DOVECOT_TUNED."""
        self.dir = postern.make_folder("peers")
        self.dir.chmod(0o755)
        self.users = users
        self.postfix = postfix
        self.dovecot_more = DOVECOT_TUNED if tuned else ""
        self.ports = dict(zip(("mx", "imap", "imaps", "pop3s"), postern.free_ports(4)))
        if certificate is None:
            postern.make_certificate(self.dir)
        else:
            for name in ("cert.pem", "key.pem"):
                shutil.copy(pathlib.Path(certificate) / name, self.dir / name)
        self.meter = None
        self._write_dovecot()
        self._write_postfix()

    def _fill(self, text):
        return text.format(dir=self.dir, domain=DOMAIN, mail_id=MAIL_ID, **self.ports)

    def _write_dovecot(self):
        for name in ("dovecot", "mail"):
            (self.dir / name).mkdir()
        os.chown(self.dir / "mail", MAIL_ID, MAIL_ID)
        (self.dir / "dovecot/conf").write_text(self._fill(DOVECOT_CONF) + self.dovecot_more)
        users = "".join(f"user{i}@{DOMAIN}:{{PLAIN}}{PASSWORD}::::::\n" for i in range(self.users))
        (self.dir / "dovecot/users").write_text(users)

    def _write_postfix(self):
        conf = self.dir / "postfix"
        for name in ("", "queue", "data"):
            (conf / name).mkdir()
        shutil.chown(conf / "data", "postfix")
        (conf / "main.cf").write_text(self._fill(POSTFIX_MAIN) + self.postfix)
        packaged = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        kept = [x for x in packaged if x.split()[:2] not in (["smtp", "inet"], ["pickup", "unix"])]
        listener = f"127.0.0.1:{self.ports['mx']} inet n - y - - smtpd"
        # The packaged services run in a chroot; ours has no copies of /etc there, so none does.
        rows = [self._no_chroot(x) for x in [listener, *kept]]
        (conf / "master.cf").write_text("\n".join(rows) + "\n")
        (conf / "users").write_text(
            "".join(f"user{i}@{DOMAIN} user{i}\n" for i in range(self.users))
        )
        subprocess.run(["postmap", "-c", conf, f"hash:{conf}/users"], check=True)

    @staticmethod
    def _no_chroot(row):
        words = row.split()
        if (
            len(words) < 8
            or row[0] in "# \t"
            or words[1] not in ("inet", "unix", "unix-dgram", "pass")
        ):
            return row
        words[4] = "n"
        return " ".join(words)

    def start(self):
        self.meter = meter.meter("peers")
        postfix = ["postfix", "-c", str(self.dir / "postfix")]
        subprocess.run([*postfix, "check"], check=True, capture_output=True)
        with open(self.dir / "dovecot/out", "ab") as out:
            self.dovecot = subprocess.Popen(
                ["dovecot", "-F", "-c", str(self.dir / "dovecot/conf")],
                stdout=out,
                stderr=out,
                preexec_fn=self.meter.enter,
                start_new_session=True,
            )
            socket = self.dir / "postfix/queue/private/dovecot-lmtp"
            postern.wait_until(socket.exists, 20, "Dovecot's LMTP socket")
            subprocess.run(
                [*postfix, "start"], check=True, preexec_fn=self.meter.enter, stdout=out, stderr=out
            )
        for name in ("mx", "imap"):
            postern.wait_until(
                lambda n=name: postern.greeting_comes(self.ports[n]), 20, f"{name} of the peers"
            )
        return self

    def _postfix_pid(self):
        try:
            return int((self.dir / "postfix/queue/pid/master.pid").read_text())
        except (OSError, ValueError):
            return None

    def stop(self):
        if self.meter is None:
            return
        master = self._postfix_pid()
        if master is not None and postern.alive(master, "master"):
            os.kill(master, signal.SIGTERM)
        self.dovecot.terminate()
        self.dovecot.wait(20)
        if master is not None:
            postern.wait_until(lambda: not postern.alive(master, "master"), 20, "Postfix to stop")
        self.meter.close()
        self.meter = None

    def waiting(self):
        """Messages that Postfix still holds."""
        queue = self.dir / "postfix/queue"
        return sum(
            len(files)
            for name in ("maildrop", "incoming", "active", "deferred")
            for _, _, files in os.walk(queue / name)
        )

    @staticmethod
    def unsynced():
        """Dovecot syncs each mail before it answers Postfix."""
        return 0

    def stored(self, first, mailboxes):
        """How many messages are in each of the mailboxes user<first>...: their files."""
        return [
            sum(len(list(self.dir.glob(f"mail/user{i}/{sub}/*"))) for sub in ("new", "cur"))
            for i in range(first, first + mailboxes)
        ]

    def fill(self, user, maildir):
        """Give user<user> the messages of a Maildir folder, as a restored backup would."""
        target = self.dir / f"mail/user{user}"
        shutil.copytree(maildir, target)
        for folder, names, files in os.walk(target):
            for name in [".", *names, *files]:
                os.chown(os.path.join(folder, name), MAIL_ID, MAIL_ID)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            postern.remove_folder(self.dir)


def main():
    postern.end_cleanly()
    why = missing()
    if why is not None:
        sys.exit(why)
    with Peers() as p:
        print(p.dir, p.ports, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
