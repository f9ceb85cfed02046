# SPDX-License-Identifier: Apache-2.0
"""The same letters, whole and damaged, for us, rspamd and OpenDKIM: method by method the same word,
or a difference that DEVIATIONS.md gives a reason for.
"""

import re

import signers
import variants
import verifiers

LIST = "198.18.0.44"
METHODS = {"opendkim": ("dkim",), "rspamd": ("dkim", "spf", "dmarc", "arc")}

PERMERROR = ("key: revoked", "key: missing", "key: sha1", "key: service", "key: version")
NONE = ("key: revoked", "key: missing", "key: rubbish", "expired", "x= before t=", "version 2")
NONE += ("signed in the future", "From is not signed", "unknown algorithm")
LENGTH = ("l=, nothing added", "l=, tail added")
MIXED = ("a good one below one without key",)
EXACT = "i= below d=, t=s"

# Key of DEVIATIONS.md, verifier, method, what it says, what we say, cases. Every row must still be
# true. Where a signature passes for it alone, DMARC passes for it alone, too.
DIFFERENT = (
    ("agree-permerror", "opendkim", "dkim", "fail", "permerror", (*PERMERROR, EXACT)),
    ("agree-permerror", "opendkim", "dkim", "fail pass", "pass permerror", MIXED),
    ("agree-none", "rspamd", "dkim", "none", "permerror", NONE),
    ("agree-none", "rspamd", "dkim", "none pass", "pass permerror", MIXED),
    ("agree-fail", "rspamd", "dkim", "fail", "permerror", ("no base64 in b=",)),
    ("agree-fail", "rspamd", "dkim", "fail", "permerror", ("key: of another kind",)),
    ("agree-key", "rspamd", "dkim", "pass", "permerror", (*PERMERROR[2:], EXACT)),
    ("agree-identity", "rspamd", "dkim", "pass", "permerror", ("i= of another domain",)),
    ("agree-weak", "rspamd", "dkim", "pass", "policy", ("key: weak",)),
    ("agree-sha1", "rspamd", "dkim", "pass", "permerror", ("SHA-1",)),
    ("agree-sha1", "opendkim", "dkim", "pass", "permerror", ("SHA-1",)),
    ("agree-length", "rspamd", "dkim", "pass", "policy", LENGTH),
    ("agree-length", "opendkim", "dkim", "pass", "policy", LENGTH),
    ("agree-limit", "rspamd", "spf", "fail", "permerror", ("SPF twelve",)),
    ("agree-reject", "rspamd", "arc", "reject", "fail", ("sealed, body", "sealed, no key")),
)


def known():
    """{(verifier, case, method): (theirs, ours)}"""
    rows = {}
    for _key, verifier, method, theirs, own, cases in DIFFERENT:
        for case in cases:
            rows[verifier, case, method] = (theirs, own)
            if "dmarc" in METHODS[verifier] and method == "dkim" and theirs == "pass":
                rows[verifier, case, "dmarc"] = ("pass", "fail")
    return rows


def ours(w, field_of, cases):
    """What the server wrote above each stored letter."""
    said = []
    for case in cases:
        reply = w.send(case.octets, case.sender, case.address)
        if reply.code != 250:
            raise AssertionError(f"{case.name}: {reply}")
    for case in cases:
        message_id = re.search(rb"^Message-ID: (\S+)", case.octets, re.M | re.I).group(1)
        said.append(verifiers.results(field_of(w.arrives(message_id)[1]).decode()))
    return said


def words(said, method):
    """Of SPF the one of the reverse-path, which stands first; of several signatures all."""
    found = said.get(method, ["none"])
    return found[0] if method == "spf" else " ".join(sorted(found))


def compare(r, verifier, case, said, we):
    rows = known()
    for method in METHODS[verifier]:
        theirs, own = words(said, method), words(we, method)
        what = f"{case.name}: {method} of {verifier}"
        key = (verifier, case.name, method)
        if key in rows:
            r.equal(f"{what}, known to differ", (theirs, own), rows[key])
        else:
            r.check(what, theirs == own, f"{verifier} says {theirs}, we say {own}")


def play(r, w, sealed, field_of):
    made = variants.Variants(w.folder)
    w.net.zone(variants.DOMAIN, made.zone_lines())
    other = [f'@ TXT "v=spf1 ip4:{variants.FRIEND} -all"']
    good = (x for x in made.zone_lines() if x.startswith("good."))
    w.net.zone(variants.OTHER, [*other, *good])
    cases = [*made.cases(), *chains(made, sealed)]
    named = {case for *_, some in DIFFERENT for case in some}
    r.check("all that is known to differ is asked", named <= {c.name for c in cases}, named)
    we = ours(w, field_of, cases)
    letters = [(c.octets, c.address, c.sender) for c in cases]
    for name in METHODS:
        try:
            said = getattr(verifiers, name)(w.folder / f"by-{name}", w.net.address(), letters)
        except (signers.Missing, OSError) as e:
            r.skip(name, str(e))
            continue
        for case, theirs, own in zip(cases, said, we):
            compare(r, name, case, theirs, own)


def chains(made, sealed):
    """Through a list: sealed by a list whose key is there, damaged behind it, and without key."""
    sender = "l@list.test"
    for name, domain in (("sealed", "list.test"), ("sealed, no key", "quiet-list.test")):
        letter = sealed(made.sign(made.letter()), domain)
        yield variants.Case(name, letter, sender, LIST)
        if domain == "list.test":
            damaged = letter.replace(b"a list", b"a loss").replace(b"<agree", b"<damaged")
            yield variants.Case("sealed, body", damaged, sender, LIST)


