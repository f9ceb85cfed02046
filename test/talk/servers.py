# SPDX-License-Identifier: Apache-2.0
"""The servers that scripts talk to: Postern, and Dovecot as Debian packages it, both private."""

import os
import pathlib
import shutil

import daemon
import postern

MAIL_ID = 61000  # owns Dovecot's mailboxes; needs no passwd entry

DOVECOT_CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
listen = 127.0.0.1
protocols = imap {pop3} {sieve}
ssl = required
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
auth_mechanisms = plain
disable_plaintext_auth = yes
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%n/box:LAYOUT=fs
mailbox_list_index = yes
mail_attribute_dict = file:%h/attributes
mail_plugins = acl quota
imap_metadata = yes
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Drafts {{
    special_use = \\Drafts
  }}
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
  mailbox Junk {{
    special_use = \\Junk
  }}
}}
protocol imap {{
  mail_plugins = acl imap_acl quota imap_quota
  mail_max_userip_connections = 100
}}
plugin {{
  acl = vfile
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100M
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid={mail_id} gid={mail_id} home={dir}/mail/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
"""
DOVECOT_POP3 = """
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = {pop3s_port}
    ssl = yes
  }}
}}
"""
DOVECOT_SIEVE = """
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve_port}
  }}
}}
"""


class Postern(postern.Server):
    name = "postern"
    protocols = ("imap", "pop3", "managesieve")


class Dovecot:
    name = "dovecot"

    def __init__(self, accounts):
        self.dir = postern.make_folder("talk")
        self.dir.chmod(0o755)
        names = ("imap", "imaps", "pop3", "pop3s", "managesieve")
        self.ports = dict(zip(names, postern.free_ports(len(names))))
        postern.make_certificate(self.dir)
        self.ca = self.dir / "ca.pem"
        (self.dir / "mail").mkdir()
        os.chown(self.dir / "mail", MAIL_ID, MAIL_ID)
        users = "".join(f"{a}:{{PLAIN}}{p}::::::\n" for a, p in accounts.items())
        (self.dir / "users").write_text(users)
        self.protocols = ["imap"]
        have = pathlib.Path("/usr/lib/dovecot")
        pop3, sieve = (have / "pop3").exists(), (have / "managesieve").exists()
        self.protocols += ["pop3"] * pop3 + ["managesieve"] * sieve
        text = DOVECOT_CONF + DOVECOT_POP3 * pop3 + DOVECOT_SIEVE * sieve
        (self.dir / "conf").write_text(
            text.format(
                dir=self.dir,
                mail_id=MAIL_ID,
                imap=self.ports["imap"],
                imaps=self.ports["imaps"],
                pop3="pop3" * pop3,
                sieve="sieve" * sieve,
                pop3_port=self.ports["pop3"],
                pop3s_port=self.ports["pop3s"],
                sieve_port=self.ports["managesieve"],
            )
        )
        self.daemon = None

    @staticmethod
    def missing():
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        if shutil.which("dovecot", path=path) is None:
            return "dovecot-imapd is not installed"
        return None if os.geteuid() == 0 else "Dovecot needs root"

    def __enter__(self):
        command = ["/usr/sbin/dovecot", "-F", "-c", self.dir / "conf"]
        self.daemon = daemon.Daemon(command, self.dir / "out")
        try:
            self.daemon.wait(lambda: postern.greeting_comes(self.ports["imap"]), 20)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.daemon.stop()
        postern.remove_folder(self.dir)
