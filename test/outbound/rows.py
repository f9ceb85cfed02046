# SPDX-License-Identifier: Apache-2.0
"""A row: one domain, what its server plays, and what must come of a letter to it: the attempt in
the log, the next try, the report to the sender, the journal's record."""

import dataclasses

from reading import seconds_left

WITHIN_S = 60
DELIVERED, LATER, REFUSED = "delivered", "later", "refused"
SOON, WAIT = 300, 1800  # s to the next try: retry-first; for what time alone does not mend
SPREAD = 0.25


@dataclasses.dataclass
class Row:
    """A domain NAME.test and what must come of a letter to it.

    told: Action of the report in the sender's mailbox; says: in its Diagnostic-Code; next: seconds
    to the next try; tlsa, sts: what the domain promises; records: in place of MX and A.
    """

    scene: object
    verdict: str
    cls: str = ""
    phase: str = "eod"
    code: int = 0
    next: int = 0
    told: str = ""
    says: str = ""
    tls: bool = True
    tlsa: str = ""
    sts: str = ""
    sts_mx: str = ""
    records: tuple = ()
    tls_failure: str = ""  # result type of RFC 8460 in the attempt's record


def good(scene="good", **more):
    return Row(scene, DELIVERED, code=250, **more)


def later(scene, cls, phase, next_s, **more):
    return Row(scene, LATER, cls, phase, next=next_s, tls=phase in TLS_PHASES, **more)


def refused(scene, cls, phase, code, says, **more):
    return Row(scene, REFUSED, cls, phase, code, told="failed", says=says, **more)


TLS_PHASES = ("mail", "rcpt", "data", "eod")


def check_attempt(r, name, row, fields):
    got = (fields["verdict"], fields["class"], fields["phase"], int(fields["code"]))
    if name == "rst" and got[2] == "connect":
        got = (got[0], got[1], "banner", got[3])  # as fast as the connection is noticed
    r.equal(f"{name}: the attempt", got, (row.verdict, row.cls, row.phase, row.code))
    if row.phase != "tls":
        r.equal(f"{name}: over TLS", fields["tls"] != "", row.tls)


def check_queue(r, name, row, waiting):
    if row.verdict != LATER:
        r.check(f"{name}: nothing waits", name not in waiting, repr(waiting.get(name)))
        return
    if not r.check(f"{name}: the letter waits", name in waiting):
        return
    left = seconds_left(waiting[name])
    fits = row.next * (1 - SPREAD) - WITHIN_S <= left <= row.next * (1 + SPREAD) + 1
    r.check(f"{name}: tried again in about {row.next} s", fits, f"{left:.0f} s")


def check_report(r, name, row, reports):
    got = reports.get(name, [])
    r.equal(f"{name}: reports", [x["action"] for x in got], [row.told] if row.told else [])
    if not row.told or not got:
        return
    said = got[0]
    r.check(f"{name}: says why", row.says in said.get("diagnostic-code", ""), repr(said))
    r.check(f"{name}: a status", said["status"][0] == ("5" if row.told == "failed" else "4"))
    named = f"bob@{name}.test" in said["text"]
    r.check(f"{name}: names the recipient to a human", named, said["text"])


def check_record(r, name, row, records):
    """The journal of attempts says the same, in words, and names nobody."""
    words = {DELIVERED: "delivered", LATER: "deferred", REFUSED: "failed"}
    if not r.check(f"{name}: is in the journal", name in records):
        return
    got = records[name]
    said = (got["outcome"], got["class"].strip("-"), got["code"])
    r.equal(f"{name}: its record", said, (words[row.verdict], row.cls, row.code))
    r.check(f"{name}: a rule says so", row.verdict == DELIVERED or got["rule"] != "", repr(got))
    if row.tls_failure:
        r.equal(f"{name}: the failure of TLS", got["tls_failure"], row.tls_failure)
    r.check(f"{name}: no mailbox is kept", "bob" not in repr(got) and "alice" not in repr(got))
