# SPDX-License-Identifier: Apache-2.0
"""Where the server's answer and Python's differ, and which differences have a reason.

Each row of REASONS names a property of the *input* for which the standards leave a choice or the message
breaks them, and says what the choice is. A difference that no row explains is a failure. The counts are
printed at the end of the run, so that a row that starts to explain more than it should is seen.
"""

import re

import answer
import expect


class Difference:
    """One value that is not the same. .path like "1.2 params", .part the message or MIME part."""

    def __init__(self, path, field, want, got, part):
        self.whole = b""  # the message as octets, set by of_message
        self.path = path
        self.field = field
        self.want = want
        self.got = got
        self.part = part

    def __repr__(self):
        return (
            f"{self.path} {self.field}: server {str(self.got)[:200]}, python {str(self.want)[:200]}"
        )


def of_message(octets, envelope, structure):
    """All differences for one message, given the server's two parsed answers."""
    message = expect.parse(octets)
    found = envelopes(expect.envelope(message), answer.envelope(envelope), message)
    found += structures(expect.structure(message), answer.structure(structure), message)
    for d in found:
        d.whole = octets
    return found


def envelopes(want, got, part, path=""):
    if want is None or got is None:
        return [Difference(path, "envelope", want, got, part)]
    return [
        Difference(path, field, want[field], got[field], part)
        for field in want
        if not same(want[field], got[field])
    ]


def same(want, got):
    """Texts by their words: unfolding may keep or merge white space at the fold."""
    if isinstance(want, list) and isinstance(got, list):
        return [plain_address(a) for a in want] == [plain_address(a) for a in got]
    if isinstance(want, list) or isinstance(got, list):
        return False
    return words(want) == words(got)


def words(value):
    return None if value is None else b" ".join(value.split())


def plain_address(address):
    """Display name by its words; quotes around a local part are not part of it (RFC 5322 3.2.4)."""
    name, mailbox, host = address
    if len(mailbox) > 1 and mailbox[:1] == mailbox[-1:] == b'"':
        mailbox = re.sub(rb"\\(.)", rb"\1", mailbox[1:-1])
    return words(name), mailbox, host


def structures(want, got, part, path="1"):
    """Depth first; where the types differ nothing below is compared."""
    if (want["type"], want["subtype"]) != (got["type"], got["subtype"]):
        return [Difference(path, "type", want, got, part)]
    found = []
    for field in sorted((set(want) | set(got)) - {"type", "subtype"}):
        found += field_differences(field, want, got, part, path)
    return found


def field_differences(field, want, got, part, path):
    a, b = want.get(field), got.get(field)
    if field == "children" and a is not None and b is not None and len(a) == len(b):
        parts = part.get_payload()
        steps = zip(a, b, parts, range(1, len(a) + 1))
        return [d for x, y, p, i in steps for d in structures(x, y, p, f"{path}.{i}")]
    if field == "inner" and a is not None and b is not None:
        return structures(a, b, part.get_payload(0), path + ".1")
    if field == "envelope":
        return envelopes(a, b, part.get_payload(0) if part.is_multipart() else part, path)
    if field == "lines" and want["type"] != "text" and "inner" not in want:
        return []
    if field in ("id", "description"):
        return [] if words(a) == words(b) else [Difference(path, field, a, b, part)]
    return [] if a == b else [Difference(path, field, a, b, part)]


# --- reasons ------------------------------------------------------------------------------------

ADDRESS_FIELDS = {"from", "sender", "reply-to", "to", "cc", "bcc"}
CONTENT_TYPE = re.compile(
    rb"""\s*[\w!#$%&'*+.^`{|}~-]+/[\w!#$%&'*+.^`{|}~-]+
    (\s*;\s*[\w!#$%&'*+.^`{|}~-]+=("(\\.|[^"\\])*"|[^\s()<>@,;:\\"/\[\]?=]+))*\s*;?\s*$""",
    re.VERBOSE | re.DOTALL,
)
ADDRESS_LIST = re.compile(
    rb"""\s*(ADDRESS)(\s*,\s*(ADDRESS))*\s*$""".replace(
        b"ADDRESS",
        rb"""((ATOM|"(\\.|[^"\\])*")([.]?\s*(ATOM|"(\\.|[^"\\])*"))*\s*)?<SPEC>|SPEC(\s*\(TEXT\))?""",
    )
    .replace(b"SPEC", rb"""(ATOM(\.ATOM)*|"(\\.|[^"\\])*")@ATOM(\.ATOM)*""")
    .replace(b"ATOM", rb"[\w!#$%&'*+/=?^`{|}~-]+")
    .replace(b"TEXT", rb"[^()\\]*")
)


def raw(part, name):
    """All values of a field, as octets."""
    values = [v for k, v in part.raw_items() if k.lower() == name]
    return [str(v).encode("utf-8", "surrogateescape") for v in values]


def defects(part):
    return {type(d).__name__ for d in part.defects}


def source_field(d):
    """The header field a difference comes from: sender and reply-to fall back to from."""
    return d.field if raw(d.part, d.field) else "from"


def default_charset(d):
    return (
        d.field == "params"
        and "charset" not in d.want
        and d.got == {**d.want, "charset": b"us-ascii"}
    )


def repeated(d):
    return d.field in ADDRESS_FIELDS | {"date", "subject", "message-id", "in-reply-to"} and (
        len(raw(d.part, source_field(d))) > 1
    )


def bad_address(d):
    if d.field not in ADDRESS_FIELDS:
        return False
    return any(not ADDRESS_LIST.match(v) for v in raw(d.part, source_field(d)))


def last_line(d):
    return d.field == "lines" and d.want - d.got in (0, 1)


def unclosed(d):
    """The part, or one around it, misses its closing boundary: is the last CRLF the boundary's?"""
    if d.field not in ("octets", "lines") or abs(d.want - d.got) > 2:
        return False
    parts = expect.parse(d.whole).walk()
    return any("CloseBoundaryNotFoundDefect" in defects(p) for p in parts)


def glued_boundary(d):
    return d.field in ("octets", "lines") and any(
        re.search(b"^--" + re.escape(mark) + b"(--)?[^\\s-]", d.whole, re.MULTILINE)
        for mark in boundaries(d.whole)
    )


def boundaries(octets):
    found = (p.get_boundary() for p in expect.parse(octets).walk())
    return [expect.octets_of(b) for b in found if b]


def written_again(d):
    return (
        d.field == "octets"
        and d.part.get_content_maintype() == "message"
        and d.part.is_multipart()
        and abs(d.want - d.got) <= 4
    )


def quoted_pair(d):
    if d.field not in ("params", "disposition") or d.want is None or d.got is None:
        return False
    return b"\\" in repr(d.want).encode() and bare(d.want) == bare(d.got)


def bare(value):
    return repr(value).replace("\\", "")


def bad_structured(d):
    names = {"params": "content-type", "type": "content-type", "disposition": "content-disposition"}
    name = names.get(d.field)
    if name == "content-type":
        return any(not CONTENT_TYPE.match(v) for v in raw(d.part, name))
    return name is not None and any(
        not CONTENT_TYPE.match(b"x/" + v.lstrip()) for v in raw(d.part, name)
    )


def no_parts(d):
    return d.part.get_content_maintype() == "multipart" and (
        not d.part.is_multipart() or bool(defects(d.part))
    )


REASONS = [
    (
        "default charset",
        default_charset,
        "text without a charset is us-ascii (RFC 2045 5.2): the server says so, Python does not",
    ),
    (
        "repeated field",
        repeated,
        "RFC 5322 3.6 allows the field once, here it comes again: Python takes the first",
    ),
    (
        "malformed address",
        bad_address,
        "the field is no RFC 5322 address list: each parser saves what it can",
    ),
    (
        "malformed MIME field",
        bad_structured,
        "the field does not follow RFC 2045 5.1 or RFC 2183 2",
    ),
    (
        "multipart without parts",
        no_parts,
        "no boundary parameter, or the body never shows it (RFC 2046 5.1.1)",
    ),
    (
        "unclosed multipart",
        unclosed,
        "the closing boundary is missing: Python gives the last line end to the boundary",
    ),
    (
        "text after a boundary",
        glued_boundary,
        "a boundary line goes on with other text: boundary or not (RFC 2046 5.1.1)",
    ),
    (
        "last line",
        last_line,
        "RFC 3501 does not say whether a last line counts whose end belongs to the boundary",
    ),
    (
        "message taken apart",
        written_again,
        "Python keeps message/* in pieces and counts what it would write again; the size is"
        " checked against BODY[n] instead",
    ),
    (
        "quoted pair",
        quoted_pair,
        "a backslash in a quoted string quotes any octet (RFC 5322 3.2.1); Python keeps it",
    ),
]

PEER_REASONS = [
    (
        "without MIME-Version",
        lambda d: d.field == "encoding" and not raw(d.part, "mime-version"),
        "Dovecot ignores the encoding of messages without MIME-Version",
    ),
]


def explain(difference, reasons):
    """The name of the row that explains it, or None."""
    return next((name for name, predicate, _ in reasons if predicate(difference)), None)
