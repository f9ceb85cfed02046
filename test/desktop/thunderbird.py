# SPDX-License-Identifier: Apache-2.0
"""Thunderbird, headless, with a profile made for it, driven through Marionette."""

import os
import pathlib
import subprocess

import daemon
import marionette
import postern
import readers

HERE = pathlib.Path(__file__).resolve().parent
START_S = 60
NOTICE_MS = 3000  # Thunderbird's own work included
QUIET_S = 1  # it answers what it hears at once, and is in IDLE again two seconds later

PREFS = {
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.identities": "id1",
    "mail.account.account1.server": "server1",
    "mail.account.account2.server": "server2",
    "mail.identity.id1.fullName": "Alice",
    "mail.identity.id1.valid": True,
    "mail.server.server1.type": "imap",
    "mail.server.server1.hostname": "localhost",
    "mail.server.server1.socketType": 3,  # TLS from the start
    "mail.server.server1.authMethod": 3,  # a password
    "mail.server.server1.login_at_startup": False,
    "mail.server.server1.use_idle": True,
    "mail.server.server2.type": "none",
    "mail.server.server2.hostname": "Local Folders",
    "mail.server.server2.userName": "nobody",
    "mail.server.server2.name": "Local Folders",
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.mark_message_read.delay": False,
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
MISSING = ("thunderbird", "certutil")


class Thunderbird:
    def __init__(self, w, user, folder, log):
        self.profile = folder / "profile"
        self.profile.mkdir()
        self.log = log
        self.port = postern.free_ports(1)[0]
        prefs = {
            **PREFS,
            "mail.identity.id1.useremail": user,
            "mail.server.server1.userName": user,
            "mail.server.server1.name": user,
            "mail.server.server1.port": w.ports["imaps"],
            "marionette.port": self.port,
        }
        lines = (f'user_pref("{k}", {literal(v)});\n' for k, v in prefs.items())
        (self.profile / "user.js").write_text("".join(lines))
        base = ["certutil", "-d", f"sql:{self.profile}"]
        subprocess.run([*base, "-N", "--empty-password"], check=True)
        subprocess.run([*base, "-A", "-n", "Test CA", "-t", "C,,", "-i", str(w.ca)], check=True)
        self.env = {
            **os.environ,
            "HOME": str(folder),
            "MOZ_LOG": "IMAP:4,timestamp,sync",
            "MOZ_LOG_FILE": str(folder / "imap"),
            "MOZ_HEADLESS_WIDTH": "1280",
            "MOZ_HEADLESS_HEIGHT": "800",
        }
        self.said = folder / "imap.moz_log"
        self.sent = []
        self.js = (HERE / "thunderbird.js").read_text()
        self.daemon = self.m = None

    def start(self):
        command = ["thunderbird", "--headless", "--no-remote", "--profile", str(self.profile)]
        command += ["--marionette", "--remote-allow-system-access"]
        self.daemon = daemon.Daemon(command, self.log, env=self.env)
        self.daemon.wait(lambda: daemon.listens(self.port), START_S)
        self.m = marionette.Marionette(self.port)

    def do(self, step, *args):
        return self.m.script(f"{self.js}\nreturn steps.{step}(...args);", *args)

    def await_idle(self):
        """Until the last it said of the inbox is IDLE, and it says no more: what it hears of in
        other commands, as an expunge while it fetches a message, it does not always show."""
        postern.wait_until(self._idles, START_S, "Thunderbird in IDLE", every=QUIET_S)

    def _idles(self):
        text = self.said.read_text(encoding="utf-8", errors="replace")
        before, self.sent = self.sent, [x for x in text.splitlines() if "S-INBOX:SendData: " in x]
        same = len(before) == len(self.sent) > 0
        return same and self.sent[-1].rstrip().endswith(" IDLE")

    def end(self, polite=True):
        if self.m is not None:
            if polite:
                self.do("quit")
            self.m.close()
            self.m = None
        if self.daemon is None:
            return None
        try:
            return self.daemon.proc.wait(30)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.daemon.kill()


def literal(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else '"' + value + '"'


def journey(r, w, user, folder, shots):
    readers.fill(w, user)
    t = Thunderbird(w, user, folder, shots / "thunderbird.log")
    try:
        t.start()
        first(r, w, user, t, folder, shots)
        notices(r, w, user, t)
        r.check("thunderbird ends well", t.end() == 0)
        again(r, w, user, t, shots)
    finally:
        if t.daemon is not None and t.daemon.proc.poll() is None:
            t.end(polite=False)


def first(r, w, user, t, folder, shots):
    """Set up, list, read, flag, move, search, append."""
    special = t.do("set_up", user, readers.PASSWORD)
    r.equal("thunderbird knows special folders", sorted(special), SPECIAL)
    subjects = t.do("list", len(readers.MESSAGES))
    r.equal("thunderbird lists", sorted(subjects), sorted(readers.MESSAGES))
    for subject, body in readers.MESSAGES.items():
        text = body.strip().splitlines()[-1] if body.strip() else ""
        if text:
            r.check(f"thunderbird reads {subject}", text in t.do("read", subject, text))
    t.m.screenshot(shots / "thunderbird-read.png")
    wait(r, "thunderbird marks as read", lambda: readers.found(w, user, "INBOX", "SEEN") == 3)
    t.do("mark", "plans for spring")
    key = "FLAGGED KEYWORD $label1 SUBJECT spring"
    wait(r, "thunderbird flags and tags", lambda: readers.found(w, user, "INBOX", key) == 1)
    for where, text, want in SEARCHES:
        r.equal(f"thunderbird searches {where} {text}", t.do("search", where, text), want)
    t.do("make_folder", "Gärten & Äcker")
    t.do("move", "plans for spring", "Gärten & Äcker")
    there = "G&AOQ-rten &- &AMQ-cker"
    r.equal("thunderbird moves", readers.found(w, user, there, key), 1)
    file = folder / "append.eml"
    file.write_bytes(readers.message("written in thunderbird", "Draft text.\n"))
    t.do("append", str(file), "Drafts")
    r.equal("thunderbird appends", readers.found(w, user, "Drafts", "SEEN BODY Draft"), 1)
    t.do("remove", "last words")
    wait(r, "thunderbird removes", lambda: readers.found(w, user, "INBOX", "ALL") == 2)
    wait(r, "thunderbird empties the trash", lambda: readers.found(w, user, "Trash", "ALL") == 0)


SPECIAL = ["Archive", "Drafts", "Junk", "Sent", "Trash"]
SEARCHES = (
    ("Subject", "SPRING", ["plans for spring"]),
    ("Subject", "köln", ["Grüße aus Köln"]),
    ("Body", "gipfeln", ["Grüße aus Köln"]),
    ("Sender", "nobody-at-all", []),
)


def wait(r, what, test):
    try:
        postern.wait_until(test, 15, what, every=0.1)
        r.check(what, True)
    except TimeoutError as e:
        r.check(what, False, str(e))


def notices(r, w, user, t):
    """Another client changes the mailbox; Thunderbird hears of it in IDLE."""
    with readers.session(w, user) as c:
        c.select()
        for step, change in (
            ("arrives", lambda: c.append("INBOX", readers.message("brand new", "x\n"))),
            ("changes", lambda: c.ok("UID STORE * +FLAGS (\\Flagged)")),
            ("goes", lambda: c.ok("UID STORE * +FLAGS (\\Deleted)") and c.ok("EXPUNGE")),
        ):
            t.await_idle()
            change()
            began = t.m.script("return Date.now();")
            took = t.do(step, "brand new") - began
            r.check(f"thunderbird in IDLE: {step}", took < NOTICE_MS, f"{took} ms")


def again(r, w, user, t, shots):
    """A second start finds what changed meanwhile."""
    with readers.session(w, user) as c:
        c.append("INBOX", readers.message("while you were away", "x\n"))
        c.select()
        c.ok("STORE 1 +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
    t.start()
    t.do("set_up", user, readers.PASSWORD)
    t.do("arrives", "while you were away")
    t.do("goes", "Grüße aus Köln")
    got = t.do("list", 2)
    r.equal("thunderbird finds changes", sorted(got), ["an empty one", "while you were away"])
    t.m.screenshot(shots / "thunderbird-again.png")
    t.end()
