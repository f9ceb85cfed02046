# SPDX-License-Identifier: Apache-2.0
"""Roundcube on PHP's own web server, used by a headless Chromium."""

import os
import pathlib
import shutil
import socket
import sqlite3

import chromium
import daemon
import postern
import readers

PROGRAM = pathlib.Path("/usr/share/roundcube")
PAGES = pathlib.Path("/var/lib/roundcube/public_html")
DEFAULTS = pathlib.Path("/etc/roundcube")
MISSING = ("php", "chromium", str(PAGES / "index.php"), str(PROGRAM / "SQL/sqlite.initial.sql"))

CONFIG = """<?php
$tls = ['ssl' => ['cafile' => '{ca}', 'verify_peer' => true, 'verify_peer_name' => true]];
$config = [
  'db_dsnw' => 'sqlite:///{dir}/roundcube.db?mode=0640',
  'imap_host' => 'ssl://localhost:{imaps}',
  'imap_conn_options' => $tls,
  'smtp_host' => 'tls://localhost:{submission}',
  'smtp_conn_options' => $tls,
  'smtp_user' => '%u',
  'smtp_pass' => '%p',
  'des_key' => 'twenty-four-octets-long!',
  'log_dir' => '{dir}/logs/',
  'temp_dir' => '{dir}/temp/',
  'imap_debug' => true,
  'plugins' => [],
  'skin' => 'elastic',
  'language' => 'en_US',
  'enable_installer' => false,
  'use_https' => false,
  'draft_autosave' => 0,
  'mime_param_folding' => 0,
  'drafts_mbox' => 'Drafts',
  'sent_mbox' => 'Sent',
  'junk_mbox' => 'Junk',
  'trash_mbox' => 'Trash',
];
"""


class Site:
    """PHP's web server with a database and a configuration of its own."""

    def __init__(self, w, folder, log):
        for name in ("conf", "logs", "temp"):
            (folder / name).mkdir()
        self.logs = folder / "logs"
        for path in DEFAULTS.glob("*.php"):
            if path.name.startswith(("defaults", "mimetypes")):
                shutil.copy(path, folder / "conf" / path.name)
        text = CONFIG
        for key, value in {"dir": folder, "ca": w.ca, **w.ports}.items():
            text = text.replace("{" + key + "}", str(value))
        (folder / "conf" / "config.inc.php").write_text(text)
        with sqlite3.connect(folder / "roundcube.db") as db:
            db.executescript((PROGRAM / "SQL/sqlite.initial.sql").read_text())
        self.port = postern.free_ports(1)[0]
        env = {**os.environ, "ROUNDCUBE_CONFIG_DIR": str(folder / "conf")}
        env["PHP_CLI_SERVER_WORKERS"] = "4"
        command = ["php", "-S", f"127.0.0.1:{self.port}", "-t", PAGES]
        self.daemon = daemon.Daemon(command, log, env=env)
        self.url = f"http://127.0.0.1:{self.port}/"

    def end(self):
        self.daemon.kill()


ROWS = (
    "Object.keys(rcmail.message_list.rows).map(u => "
    "rcmail.message_list.rows[u].obj.querySelector('td.subject span.subject a').textContent.trim())"
)
IDLE_NOW = "typeof rcmail == 'object' && !rcmail.busy && jQuery.active == 0"


class Page(chromium.Chromium):
    def log_in(self, url, user):
        self.go(url)
        self.until("!!document.querySelector('#rcmloginuser')")
        self.js(
            f"document.querySelector('#rcmloginuser').value = '{user}';"
            f"document.querySelector('#rcmloginpwd').value = '{readers.PASSWORD}';"
            "document.querySelector('#rcmloginsubmit').click(); true"
        )
        self.until("typeof rcmail == 'object' && !!rcmail.message_list")

    def rows(self, count):
        self.until(f"{IDLE_NOW} && Object.keys(rcmail.message_list.rows).length == {count}")
        return self.js(ROWS)

    def uid(self, subject):
        return self.js(
            "Object.keys(rcmail.message_list.rows).find(u => rcmail.message_list.rows[u].obj"
            f".querySelector('td.subject').textContent.includes('{subject}')).replace(/\\D/g, '')"
        )

    def run(self, expression):
        """Let the page do something and wait until it is done with the server."""
        self.js(f"{expression}; true")
        self.until(IDLE_NOW)


def journey(r, w, user, folder, shots):
    readers.fill(w, user)
    site = page = None
    try:
        site = Site(w, folder, shots / "roundcube.log")
        postern.wait_until(lambda: answers(site.port), 20, "PHP's web server")
        page = Page(folder, shots / "chromium.log")
        read(r, w, user, page, site, shots)
        sort(r, w, user, page)
        write(r, w, user, page, site, shots)
        errors = site.logs / "errors.log"
        text = errors.read_text() if errors.exists() else ""
        r.check("roundcube logs no errors", not text, text[-600:])
    finally:
        if page is not None:
            page.end()
        if site is not None:
            site.end()
            for path in site.logs.glob("*"):
                shutil.copy(path, shots / f"roundcube-{path.name}")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def read(r, w, user, page, site, shots):
    """Set up, list, read."""
    page.log_in(site.url, user)
    subjects = page.rows(len(readers.MESSAGES))
    r.equal("roundcube lists", sorted(subjects), sorted(readers.MESSAGES))
    folders = page.js("Object.keys(rcmail.env.mailboxes)")
    wanted = {"INBOX", "Drafts", "Sent", "Junk", "Trash"}
    r.check("roundcube knows the folders", wanted <= set(folders), repr(folders))
    for subject, body in readers.MESSAGES.items():
        text = body.strip().splitlines()[-1] if body.strip() else ""
        page.run(f"rcmail.message_list.select('{page.uid(subject)}')")
        shown = "(window.frames['messagecontframe']?.document?.body?.textContent || '')"
        page.until(f"{shown}.includes('{subject}') && {shown}.includes('{text}')")
        r.check(f"roundcube reads {subject}", True)
    page.screenshot(shots / "roundcube-read.png")
    seen = readers.found(w, user, "INBOX", "SEEN")
    r.equal("roundcube marks as read", seen, len(readers.MESSAGES))


def sort(r, w, user, page):
    """Flag, search, sort, move, remove."""
    page.run(f"rcmail.mark_message('flagged', '{page.uid('plans for spring')}')")
    r.equal("roundcube flags", readers.found(w, user, "INBOX", "FLAGGED SUBJECT spring"), 1)
    for mods, text, want in (
        ("{subject: 1}", "SPRING", ["plans for spring"]),
        ("{subject: 1}", "köln", ["Grüße aus Köln"]),
        ("{body: 1}", "gipfeln", ["Grüße aus Köln"]),
        ("{text: 1}", "plant", ["plans for spring"]),
    ):
        page.run(
            f"rcmail.env.search_mods = {{'*': {mods}, INBOX: {mods}}};"
            "jQuery('#search-filter input[name=\"s_mods[]\"], [name=\"s_mods[]\"]')"
            f".each((i, e) => {{ e.checked = e.value in {mods}; }});"
            f"jQuery('#mailsearchform').val('{text}'); rcmail.command('search')"
        )
        r.equal(f"roundcube searches {mods} {text}", page.rows(len(want)), want)
        page.run("rcmail.command('reset-search')")
        page.rows(len(readers.MESSAGES))
    for column in ("subject", "size", "arrival"):
        page.run(f"rcmail.command('sort', '{column}')")
        got = page.rows(len(readers.MESSAGES))
        r.equal(f"roundcube sorts by {column}", sorted(got), sorted(readers.MESSAGES))
    page.run(f"rcmail.message_list.select('{page.uid('plans for spring')}')")
    page.run("rcmail.move_messages('Archive')")
    page.rows(3)
    r.equal("roundcube moves", readers.found(w, user, "Archive", "FLAGGED SUBJECT spring"), 1)
    page.run(f"rcmail.message_list.select('{page.uid('last words')}')")
    page.run("rcmail.command('delete')")
    page.rows(2)
    r.equal("roundcube removes", readers.found(w, user, "Trash", "SUBJECT last"), 1)


def write(r, w, user, page, site, shots):
    """Append a draft, hear of new mail, send."""
    with readers.session(w, user) as c:
        c.append("INBOX", readers.message("brand new", "x\n"))
        page.run("rcmail.command('checkmail')")
        r.check("roundcube sees new mail", "brand new" in page.rows(3))
        c.select()
        c.ok("STORE 1 +FLAGS (\\Flagged)")
        c.ok("STORE 2 +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
        page.run("rcmail.refresh()")
        page.rows(2)
        page.until("!!document.querySelector('#messagelist tr.flagged')")
        r.check("roundcube sees changes", True)
    page.screenshot(shots / "roundcube-list.png")
    compose(page, site, user, "a draft of roundcube")
    page.run("rcmail.command('savedraft')")
    page.until(f"{IDLE_NOW} && !!rcmail.env.draft_id")
    r.equal("roundcube appends", readers.found(w, user, "Drafts", 'SUBJECT "a draft of"'), 1)
    page.screenshot(shots / "roundcube-compose.png")
    compose(page, site, user, "sent by roundcube")
    page.run("rcmail.command('send', {})")
    page.until("location.search.includes('_task=mail') && !location.search.includes('compose')")
    page.until("!!rcmail.message_list")
    r.equal("roundcube keeps a copy", readers.found(w, user, "Sent", 'SUBJECT "sent by"'), 1)
    key = 'SUBJECT "sent by"'
    postern.wait_until(
        lambda: readers.found(w, user, "INBOX", key) == 1, 20, "the sent mail", every=0.1
    )
    r.check("roundcube sends", True)


def compose(page, site, user, subject):
    page.go(f"{site.url}?_task=mail&_action=compose")
    page.until("typeof rcmail == 'object' && !!rcmail.editor && !!document.querySelector('#_to')")
    page.js(
        f"jQuery('#_to').val('{user}').change(); jQuery('#compose-subject').val('{subject}');"
        "jQuery('#composebody').val('Written in a browser: grüße'); true"
    )
