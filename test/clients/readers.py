# SPDX-License-Identifier: Apache-2.0
"""Mail programs that only read and sort: offlineimap3, getmail6, fetchmail, s-nail, imapfilter.

Each gets an account with the same few messages and does with it what people do with that program.
"""

import contextlib
import pathlib
import zlib

import imapc
import wire

PASSWORD = None  # set by the runner
MESSAGES = {
    "plans for spring": "Let us plant beans.",
    "Grüße aus Köln": "Über allen Gipfeln.",
    "an empty one": "",
    "last words": ".\n..\nFrom the end.\n",
}

OFFLINEIMAPRC = """[general]
accounts = a
metadatadir = {dir}/meta
ui = basic
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {dir}/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {imaps}
remoteuser = {user}
remotepass = {password}
ssl = yes
sslcacertfile = {ca}
"""

GETMAILRC = """[retriever]
type = Simple{protocol}SSLRetriever
server = localhost
port = {port}
username = {user}
password = {password}
ca_certs = {ca}
{more}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat >{dir}/mail/new/$$; sleep 0.2")
allow_root_commands = true
[options]
delete = {delete}
read_all = false
delivered_to = false
received = false
"""

FETCHMAILRC = """poll localhost protocol {protocol} service {port}
  user "{user}" password "{password}" is root here
  ssl sslcertck sslcertfile "{ca}" {more}
  mda "cat >>{dir}/mbox"
"""

MPOPRC = """account default
host localhost
port {pop3s}
user {user}
password {password}
tls on
tls_starttls off
tls_trust_file {ca}
delivery maildir {dir}/mail
uidls_file {dir}/uidls
"""

IMAPFILTER = """options.timeout = 20
options.subscribe = true
options.create = true
account = IMAP {{ server = 'localhost', port = {imaps}, ssl = 'auto',
  username = '{user}', password = '{password}' }}
boxes, folders = account:list_all()
print('boxes ' .. #boxes)
account:create_mailbox('sorted/by-filter')
all = account.INBOX:select_all()
print('all ' .. #all)
spring = account.INBOX:contain_subject('SPRING')
print('spring ' .. #spring)
beans = account.INBOX:contain_body('beans') * account.INBOX:is_unseen()
print('beans ' .. #beans)
spring:mark_flagged()
spring:add_flags({{ 'garden' }})
account.INBOX:contain_from('nobody'):delete_messages()
spring:move_messages(account['sorted/by-filter'])
for _, m in ipairs(account['sorted/by-filter']:select_all()) do
  box, uid = table.unpack(m)
  print('subject ' .. box[uid]:fetch_field('subject'))
  print('body ' .. box[uid]:fetch_body())
end
account['sorted/by-filter']:append_message('Subject: made by filter\\r\\n\\r\\nx\\r\\n')
flagged = account['sorted/by-filter']:is_flagged() +
  account['sorted/by-filter']:has_keyword('garden')
print('flagged ' .. #flagged)
exist, unread, unseen, uidnext = account['sorted/by-filter']:check_status()
print('exist ' .. exist)
account.INBOX:match_header('last words'):copy_messages(account['sorted/by-filter'])
account.INBOX:contain_subject('an empty one'):delete_messages()
print('left ' .. #account.INBOX:select_all())
"""


def message(subject, body):
    number = zlib.crc32(subject.encode())
    head = f"From: Sender <sender@else.test>\nTo: you@bench.test\nSubject: {subject}\n"
    head += f"Message-ID: <{number}@else.test>\nMIME-Version: 1.0\n"
    head += "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    head += "Date: Sat, 21 Nov 2026 10:00:00 +0000\n\n"
    return (head + body).replace("\n", "\r\n").encode()


@contextlib.contextmanager
def session(w, user):
    with imapc.Imap(w.ports["imaps"], tls=wire.client_context(w.ca)) as c:
        c.login(user, PASSWORD)
        yield c


def fill(w, user):
    with session(w, user) as c:
        c.cmd("CREATE Drafts")  # another server may not have it
        for subject, body in MESSAGES.items():
            c.append("INBOX", message(subject, body))


def found(w, user, mailbox, key):
    """How many messages of the mailbox the key finds."""
    with session(w, user) as c:
        c.select(mailbox)
        rows = [u for u in c.ok(f"SEARCH {key}").untagged if u and u[0] == "SEARCH"]
        return len(rows[0]) - 1 if rows else 0


def place(w, name, template, user, **more):
    """A folder with the program's configuration in it."""
    folder = pathlib.Path(w.folder) / name
    folder.mkdir()
    values = {"dir": folder, "user": user, "password": PASSWORD, "ca": w.ca, **w.ports, **more}
    (folder / "rc").write_text(template.format(**values))
    (folder / "rc").chmod(0o600)
    return folder


def texts(folder):
    """{path: octets} of the messages of a Maildir."""
    return {p: p.read_bytes() for sub in ("new", "cur") for p in folder.glob(f"{sub}/*")}


def tail(text):
    return text[-600:]


def offlineimap(r, w, user):
    """Pull; flag, move and write in the Maildir; push; see what another client did."""
    folder = place(w, "offlineimap", OFFLINEIMAPRC, user)
    env = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def sync(what):
        status, text = w.run("offlineimap", "-c", folder / "rc", "-o", env=env)
        good = status == 0 and "ERROR" not in text
        return r.check(f"offlineimap {what}", good, f"{status} {tail(text)}")

    if not sync("pulls"):
        return
    inbox = folder / "mail/INBOX"
    r.equal("offlineimap: messages", len(texts(inbox)), len(MESSAGES))
    for path, octets in texts(inbox).items():
        if b"plans for spring" in octets:
            path.rename(inbox / "cur" / (path.name.split(":")[0] + ":2,FS"))
        if b"an empty one" in octets:
            path.unlink()
    draft = "Subject: written offline\nMessage-ID: <o@client.test>\n\nLater.\n"
    (folder / "mail/Drafts/cur/1700000000.1_1.client:2,D").write_text(draft)
    sync("pushes")
    sync("expunges")
    r.equal("offlineimap: flags arrive", found(w, user, "INBOX", "FLAGGED SEEN SUBJECT spring"), 1)
    r.equal("offlineimap: the draft arrives", found(w, user, "Drafts", "DRAFT BODY Later"), 1)
    r.equal("offlineimap: a removed one is gone", found(w, user, "INBOX", "UNDELETED"), 3)
    with session(w, user) as c:
        c.select()
        c.ok("STORE 1 -FLAGS (\\Flagged)")
        c.append("INBOX", message("from elsewhere", "x"))
    sync("pulls again")
    flagged = [p for p in texts(inbox) if "F" in p.name.rpartition(":2,")[2]]
    r.equal("offlineimap: flag taken away", len(flagged), 0)
    r.check("offlineimap: new one", any(b"from elsewhere" in t for t in texts(inbox).values()))


def getmail(r, w, user):
    getmail_by(r, w, user, "IMAP", w.ports["imaps"], 'mailboxes = ("INBOX",)')
    if "pop3s" in w.ports:
        fill(w, user)
        getmail_by(r, w, user, "POP3", w.ports["pop3s"], "")


def getmail_by(r, w, user, protocol, port, more):
    """Fetch all; fetch nothing twice; delete on the server."""
    name = f"getmail-{protocol}"
    for delete in ("false", "true"):
        options = {"protocol": protocol, "port": port, "more": more, "delete": delete}
        folder = pathlib.Path(w.folder) / name
        if folder.exists():
            values = {"dir": folder, "user": user, "password": PASSWORD, "ca": w.ca}
            (folder / "rc").write_text(GETMAILRC.format(**values, **options))
        else:
            folder = place(w, name, GETMAILRC, user, **options)
            for sub in ("cur", "new", "tmp"):
                (folder / "mail" / sub).mkdir(parents=True)
        status, text = w.run("getmail", "-g", folder, "-r", "rc", env=home(folder))
        r.check(f"{name}, delete {delete}", status == 0, tail(text))
        r.equal(f"{name}: each once", len(texts(folder / "mail")), len(MESSAGES))
    r.equal(f"{name}: removed from the server", found(w, user, "INBOX", "ALL"), 0)
    wanted = {b.rstrip().encode() for b in MESSAGES.values()}
    got = {t.partition(b"\n\n")[2].rstrip() for t in texts(folder / "mail").values()}
    r.equal(f"{name}: bodies as they were", got, wanted)


def home(folder):
    return {"HOME": str(folder), "PATH": "/usr/bin:/bin:/usr/sbin", "LANG": "C.UTF-8"}


def fetchmail(r, w, user):
    fetchmail_by(r, w, user, "IMAP", w.ports["imaps"])
    if "pop3s" in w.ports:
        fill(w, user)
        fetchmail_by(r, w, user, "POP3", w.ports["pop3s"])


def fetchmail_by(r, w, user, protocol, port):
    """Fetch and keep, nothing twice, then fetch and remove."""
    name = f"fetchmail-{protocol}"
    folder = place(w, name, FETCHMAILRC, user, protocol=protocol, port=port, more="keep")
    base = ["fetchmail", "-f", folder / "rc", "-i", folder / "ids", "--pidfile", folder / "pid"]
    base += ["--nosyslog", "--nobounce", "-v"]

    def count():
        text = (folder / "mbox").read_bytes() if (folder / "mbox").exists() else b""
        return sum(x.lower().startswith(b"subject: ") for x in text.splitlines())

    more = ["--uidl"] if protocol == "POP3" else []
    status, text = w.run(*base, *more, env=home(folder))
    r.check(f"{name} fetches", status == 0, f"{status} {tail(text)}")
    r.equal(f"{name}: messages", count(), len(MESSAGES))
    status, text = w.run(*base, *more, env=home(folder))
    r.check(f"{name} finds nothing new", status == 1, f"{status} {tail(text)}")
    status, text = w.run(*base, "-a", "--nokeep", env=home(folder))
    r.check(f"{name} removes", status == 0, f"{status} {tail(text)}")
    r.equal(f"{name}: removed from the server", found(w, user, "INBOX", "ALL"), 0)


def s_nail(r, w, user):
    """Headers, read, search, flag, copy, move and save, by its commands."""
    folder = place(w, "s-nail", "", user)
    url = f"imaps://{user.replace('@', '%40')}:{PASSWORD}@localhost:{w.ports['imaps']}"
    commands = [
        f"folder {url}/INBOX",
        "headers",
        'from (subject "SPRING")',
        "type 1",
        "flag 1",
        f"copy 2 {url}/kept",
        f"move 4 {url}/kept",
        f"folder {url}/kept",
        "headers",
        f"save 1 {folder}/saved",
        f"folder {url}/INBOX",
        "delete 3",
        "quit",
    ]
    options = ["-:/", "-Sv15-compat=yes", f"-Stls-ca-file={w.ca}", "-Stls-verify=strict"]
    options += ["-Simap-auth=login", "-Sinteractive=no", "-Sposix", "-Ssendwait", "-Semptystart"]
    options += [x for c in commands for x in ("-Y", c)]
    with session(w, user) as c:
        c.ok("CREATE kept")
    status, text = w.run("s-nail", "-#", *options, env=home(folder))
    if "pop3s" in w.ports:
        s_nail_pop3(r, w, user, folder)
    r.check("s-nail ends well", status == 0, f"{status} {tail(text)}")
    r.check("s-nail lists", text.count("plans for spring") >= 2, text)
    r.check("s-nail reads", "plant beans" in text, text)
    r.equal("s-nail flags", found(w, user, "INBOX", "FLAGGED SUBJECT spring"), 1)
    r.equal("s-nail copies and moves", found(w, user, "kept", "ALL"), 2)
    r.equal("s-nail deletes", found(w, user, "INBOX", "ALL"), 2)
    saved = folder / "saved"
    r.check("s-nail saves", saved.exists() and "Gipfeln" in saved.read_text("utf-8"))


def s_nail_pop3(r, w, user, folder):
    """List and read by POP3; nothing is removed."""
    url = f"pop3s://{user.replace('@', '%40')}:{PASSWORD}@localhost:{w.ports['pop3s']}"
    options = ["-:/", "-Sv15-compat=yes", f"-Stls-ca-file={w.ca}", "-Stls-verify=strict"]
    options += ["-Sinteractive=no", "-Sposix", "-Semptystart", "-Y", f"folder {url}"]
    options += ["-Y", "headers", "-Y", "type 1", "-Y", "exit"]
    count = found(w, user, "INBOX", "ALL")
    status, text = w.run("s-nail", "-#", *options, env=home(folder))
    r.check("s-nail ends well with POP3", status == 0, f"{status} {tail(text)}")
    r.check("s-nail reads by POP3", "plant beans" in text, text)
    r.equal("s-nail removes nothing by POP3", found(w, user, "INBOX", "ALL"), count)


def imapfilter(r, w, user):
    """List, search, flag with a keyword, move, fetch, append, status, copy, delete."""
    folder = place(w, "imapfilter", IMAPFILTER, user)
    status, text = w.run("imapfilter", "-c", folder / "rc", "-t", w.ca, env=home(folder))
    r.check("imapfilter ends well", status == 0, f"{status} {tail(text)}")
    for line in ("all 4", "spring 1", "beans 1", "flagged 1", "exist 2", "left 2"):
        r.check(f"imapfilter: {line}", line in text.splitlines(), tail(text))
    r.check("imapfilter reads", "Subject: plans for spring" in text and "plant beans" in text)
    r.equal("imapfilter sorts", found(w, user, "sorted/by-filter", "ALL"), 3)


def mpop(r, w, user):
    """Fetch and keep, nothing twice, fetch and remove."""
    folder = place(w, "mpop", MPOPRC, user)
    for sub in ("cur", "new", "tmp"):
        (folder / "mail" / sub).mkdir(parents=True)
    for more, left in (("on", len(MESSAGES)), ("on", len(MESSAGES)), ("off", 0)):
        base = ["mpop", "-C", folder / "rc", f"--keep={more}", "--only-new=on"]
        status, text = w.run(*base, env=home(folder))
        r.check(f"mpop, keep {more}", status == 0, tail(text))
        r.equal("mpop: each once", len(texts(folder / "mail")), len(MESSAGES))
        r.equal(f"mpop, keep {more}: on the server", found(w, user, "INBOX", "ALL"), left)


PROGRAMS = {
    "mpop": mpop,
    "offlineimap": offlineimap,
    "getmail": getmail,
    "fetchmail": fetchmail,
    "s-nail": s_nail,
    "imapfilter": imapfilter,
}
