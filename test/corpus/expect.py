# SPDX-License-Identifier: Apache-2.0
"""What ENVELOPE and BODYSTRUCTURE should say, from Python's email parser.

Works on the octets of a message and on Python's own idea of its parts; it shares no code with the
server. Everything is brought to one comparable form: octets for texts, lists for lists, lower case for
what is case-insensitive (types, parameter names, encodings).
"""

import email
import email.policy
import email.utils

POLICY = email.policy.compat32


def parse(octets):
    return email.message_from_bytes(octets, policy=POLICY)


def octets_of(text):
    return text.encode("utf-8", "surrogateescape")


def field(message, name):
    """The first field of that name: unfolded, trimmed octets; None when absent."""
    for key, value in message.raw_items():
        if key.lower() == name:
            return octets_of(str(value)).replace(b"\r\n", b"").strip(b" \t\r\n")
    return None


def addresses(message, name):
    """[(display name, mailbox, host)], None when the field is absent or empty."""
    value = field(message, name)
    if not value:
        return None
    found = email.utils.getaddresses([value.decode("ascii", "surrogateescape")])
    out = []
    for display, address in found:
        mailbox, _, host = address.rpartition("@") if "@" in address else (address, "", "")
        if display or address:
            out.append((octets_of(display), octets_of(mailbox), octets_of(host)))
    return out or None


def envelope(message):
    """The ten parts in the order of RFC 3501 7.4.2."""
    sender = addresses(message, "from")
    return {
        "date": field(message, "date"),
        "subject": field(message, "subject"),
        "from": sender,
        "sender": addresses(message, "sender") or sender,
        "reply-to": addresses(message, "reply-to") or sender,
        "to": addresses(message, "to"),
        "cc": addresses(message, "cc"),
        "bcc": addresses(message, "bcc"),
        "in-reply-to": field(message, "in-reply-to"),
        "message-id": field(message, "message-id"),
    }


def parameters(message, name):
    """The parameters of a structured field, names in lower case, without the value itself."""
    found = message.get_params(failobj=[], header=name, unquote=True)
    out = {}
    for key, value in found[1:]:
        text = octets_of(value[2] if isinstance(value, tuple) else value)
        if key != "":  # two semicolons in a row, or one at the end
            out.setdefault(key.lower(), text.lower() if key.lower() == "charset" else text)
    return out


def body_octets(message):
    """The octets of a leaf's body, as they stand in the message."""
    payload = message._payload  # get_payload() would decode 8-bit text
    return payload.encode("ascii", "surrogateescape") if isinstance(payload, str) else b""


def whole_octets(message):
    """A nested message, written out again as it came."""
    return message.as_bytes(policy=POLICY.clone(linesep="\r\n", max_line_length=0))


def structure(message):
    """A nested dictionary; .children for multipart, .envelope and .inner for message/rfc822."""
    kind, sub = message.get_content_type().split("/", 1)
    out = {"type": kind, "subtype": sub, "params": parameters(message, "content-type")}
    out["disposition"] = disposition(message)
    if kind == "multipart" and message.is_multipart():
        out["children"] = [structure(part) for part in message.get_payload()]
        return out
    out["id"] = field(message, "content-id")
    out["description"] = field(message, "content-description")
    out["encoding"] = (field(message, "content-transfer-encoding") or b"7bit").lower()
    if (kind, sub) == ("message", "rfc822") and message.is_multipart():
        inner = message.get_payload(0)
        out["inner"] = structure(inner)
        out["envelope"] = envelope(inner)
        body = whole_octets(inner)
    elif message.is_multipart():  # message/delivery-status and the like: Python takes it apart
        body = b"".join(whole_octets(block) for block in message.get_payload())
    else:
        body = body_octets(message)
    out["octets"] = len(body)
    out["lines"] = body.count(b"\n") + (not body.endswith(b"\n") and body != b"")
    return out


def disposition(message):
    value = message.get_content_disposition()
    if value is None:
        return None
    return {"type": octets_of(value), "params": parameters(message, "content-disposition")}
