# SPDX-License-Identifier: Apache-2.0
"""DMARC reports (RFC 7489 7.2) on a whole server: letters in a domain's name come from outside,
some forged; the domain gets one report, others that it names only if they say that they want it."""

import email
import email.policy
import gzip
import xml.etree.ElementTree

import fakemx
import internet
import outside
import postern

DAY_S = 3
USER = "hiddenuser@postern.test"
GOOD, BAD = "198.18.30.1", "198.18.30.2"
RUA = "mailto:agg@sender.test!10m,mailto:agg@other.test,mailto:agg@unwilling.test"
RECORD = f"v=DMARC1; p=reject; sp=quarantine; adkim=s; rua={RUA}"
LETTER = (
    b"From: Somebody <hiddenauthor@sender.test>\r\nTo: %s\r\nSubject: hiddensubject\r\n"
    b"Message-ID: <hiddenid.%d@sender.test>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\n"
    b"hello\r\n"
)
# The schema of RFC 7489 appendix C: child elements in order, "?" optional, "*" any number.
SCHEMA = {
    "feedback": "version report_metadata policy_published record*",
    "report_metadata": "org_name email report_id date_range",
    "date_range": "begin end",
    "policy_published": "domain adkim aspf p sp pct fo",
    "record": "row identifiers auth_results",
    "row": "source_ip count policy_evaluated",
    "policy_evaluated": "disposition dkim spf reason*",
    "reason": "type",
    "identifiers": "envelope_from header_from",
    "auth_results": "dkim* spf",
    "dkim": "domain selector result",
    "spf": "domain scope result",
}


class World:
    def __enter__(self):
        self.net = internet.Internet().__enter__()
        self.mx = fakemx.FakeMX()
        self.hosts = 0
        settings = {
            **self.net.settings(),
            **outside.SETTINGS,
            "send.port": self.mx.port,
            "send.private-addresses": "yes",
            "greylist.on": "no",
            "watch.report-day": f"{DAY_S}s",
            "watch.tls-reports": "no",
            "dmarc.reports": "yes",
        }
        settings = outside.known(settings)
        self.server = postern.Server(accounts={USER: "secret word"}, settings=settings).__enter__()
        for word in ("create", "activate"):
            self.server.ctl("dkim", word, "postern.test")
        return self

    def __exit__(self, *_):
        self.server.__exit__()
        self.mx.__exit__()
        self.net.__exit__()

    def host(self, name, *extra):
        self.hosts += 1
        address = f"127.0.4.{self.hosts}"
        self.net.zone(name, ["@ MX 10 mx", f"mx A {address}", *extra], signed=False)
        return self.mx.host(address, "good")

    def arrive(self, source, number):
        with outside.connect(self.server.ports["mx"], source) as c:
            c.secure(name="mx.sender.test")
            return c.deliver("hiddenauthor@sender.test", [USER], LETTER % (USER.encode(), number))


def fits(element):
    """Does an element have just the children that it may have, in order?"""
    if len(element) == 0:  # dkim and spf are also words of policy_evaluated
        return element.tag in ("dkim", "spf") or element.tag not in SCHEMA
    names = [x.tag for x in element]
    for word in SCHEMA.get(element.tag, "").split():
        tag = word.rstrip("*?")
        if word[-1] == "*":
            while names[:1] == [tag]:
                names.pop(0)
        elif names[:1] == [tag]:
            names.pop(0)
        elif word[-1] != "?":
            return False
    return not names and all(fits(x) for x in element)


def letters(host):
    return [email.message_from_bytes(x.data, policy=email.policy.SMTP) for x in list(host.letters)]


def report_of(r, m):
    """The XML of a letter that has the right shape."""
    parts = list(m.iter_parts())
    r.equal("types", [p.get_content_type() for p in parts], ["text/plain", "application/gzip"])
    r.equal("defects", [d for p in m.walk() for d in p.defects], [])
    r.equal("from", m["From"], "postmaster@postern.test")
    r.check("subject", m["Subject"].startswith("Report Domain: sender.test Submitter: "
        "postern.test Report-ID: <"), m["Subject"])
    signed = m["DKIM-Signature"] or ""
    r.check("signed by who is From", "d=postern.test" in signed.replace(" ", ""), signed)
    name = parts[1].get_filename().split("!")
    r.equal("file", name[:2], ["postern.test", "sender.test"])
    r.check("its type", name[3].endswith(".xml.gz"), name)
    octets = gzip.decompress(parts[1].get_content())
    r.check("no names in it", b"hidden" not in octets and b"hidden" not in m.as_bytes(), octets)
    return xml.etree.ElementTree.fromstring(octets)


def rows_of(tree):
    rows = {}
    for record in tree.iter("record"):
        evaluated = record.find("row/policy_evaluated")
        key = (record.findtext("row/source_ip"), evaluated.findtext("disposition"),
            evaluated.findtext("dkim"), evaluated.findtext("spf"),
            record.findtext("auth_results/spf/result"))
        rows[key] = rows.get(key, 0) + int(record.findtext("row/count"))
    return rows


def check(r, trees):
    r.check("elements as the schema has them", all(fits(x) for x in trees))
    rows = {}
    for tree in trees:
        for key, n in rows_of(tree).items():
            rows[key] = rows.get(key, 0) + n
    r.equal("what came", rows, {(GOOD, "none", "fail", "pass", "pass"): 3,
        (BAD, "quarantine", "fail", "fail", "fail"): 2})
    tree = trees[0]
    policy = {x.tag: x.text for x in tree.find("policy_published")}
    r.equal("policy", policy, {"domain": "sender.test", "adkim": "s", "aspf": "r", "p": "reject",
        "sp": "quarantine", "pct": "100", "fo": "0"})
    r.equal("identifiers", {x.tag: x.text for x in tree.find("record/identifiers")},
        {"envelope_from": "sender.test", "header_from": "sender.test"})
    begin, end = (int(tree.findtext(f"report_metadata/date_range/{x}")) for x in ("begin", "end"))
    r.equal("a day", end - begin + 1, DAY_S)
    r.equal("who says it", tree.findtext("report_metadata/org_name"), "mail.postern.test")


def no_names(r, server):
    """What they are made from has domains and addresses of servers, no local parts."""
    found = [p.name for p in (server.dir / "state/watch").iterdir()
        if not p.name.startswith("inbound") and b"hidden" in p.read_bytes()]
    r.equal("names in watch.db", found, [])


def counted(trees):
    return sum(n for t in trees for n in rows_of(t).values())


def run(r):
    with World() as w:
        sender = w.host("sender.test", f'@ TXT "v=spf1 ip4:{GOOD} -all"', f'_dmarc TXT "{RECORD}"')
        other = w.host("other.test", 'sender.test._report._dmarc TXT "v=DMARC1"')
        unwilling = w.host("unwilling.test")
        for i in range(5):
            source = GOOD if i < 3 else BAD
            r.equal(f"letter {i} from {source}", w.arrive(source, i).code, 250)

        def come():
            w.server.ctl("tls-report")
            trees = [report_of(QUIET, m) for m in letters(sender)]
            return counted(trees) >= 5 and len(letters(other)) >= len(trees)

        postern.wait_until(come, 40, "the reports", 0.5)
        check(r, [report_of(r, m) for m in letters(sender)])
        r.equal("the one that wants it got the same", counted(
            [report_of(QUIET, m) for m in letters(other)]), 5)
        r.equal("the one that never said so got none", len(letters(unwilling)), 0)
        once = [m["Message-ID"] for m in letters(sender)]
        r.equal("each came once", len(once), len(set(once)))
        no_names(r, w.server)


class Quiet:
    """A report that says nothing."""

    def check(self, *_):
        return True

    equal = check


QUIET = Quiet()
