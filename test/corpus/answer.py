# SPDX-License-Identifier: Apache-2.0
"""The server's ENVELOPE and BODYSTRUCTURE, checked for form and brought to the shape of expect.py.

Raises ValueError where the response breaks the grammar of RFC 3501 9.
"""

NAMES = "date subject from sender reply-to to cc bcc in-reply-to message-id".split()


def text(value):
    """nstring: octets or None."""
    if value is None or isinstance(value, bytes):
        return value
    raise ValueError(f"string or NIL expected, not {value!r}")


def number(value):
    if isinstance(value, str) and value.isdigit():
        return int(value)
    raise ValueError(f"number expected, not {value!r}")


def addresses(value):
    """[(name, mailbox, host)] without group markers; None for NIL."""
    if value is None:
        return None
    if not value:
        raise ValueError("address list is empty instead of NIL")
    out = []
    for one in value:
        if not isinstance(one, list) or len(one) != 4:
            raise ValueError(f"address of four parts expected, not {one!r}")
        name, _route, mailbox, host = (text(part) for part in one)
        if host is not None:  # else the start or end of a group
            out.append((name or b"", mailbox or b"", host))
    return out or None


def envelope(value):
    if not isinstance(value, list) or len(value) != 10:
        raise ValueError(f"envelope of ten parts expected, not {value!r}")
    out = {}
    for name, part in zip(NAMES, value):
        listed = name in ("from", "sender", "reply-to", "to", "cc", "bcc")
        out[name] = addresses(part) if listed else text(part)
    return out


def parameters(value):
    if value is None:
        return {}
    if not isinstance(value, list) or len(value) % 2 or not value:
        raise ValueError(f"pairs expected, not {value!r}")
    out = {}
    for i in range(0, len(value), 2):
        key, word = text(value[i]).decode("ascii").lower(), text(value[i + 1])
        out.setdefault(key, word.lower() if key == "charset" else word)
    return out


def disposition(value):
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"disposition expected, not {value!r}")
    return {"type": text(value[0]).lower(), "params": parameters(value[1])}


def structure(value):
    if not isinstance(value, list) or not value:
        raise ValueError(f"body expected, not {value!r}")
    return multipart(value) if isinstance(value[0], list) else leaf(value)


def multipart(value):
    count = next((i for i, v in enumerate(value) if not isinstance(v, list)), len(value))
    tail = value[count:]
    if not tail:
        raise ValueError("multipart without subtype")
    out = {"type": "multipart", "subtype": text(tail[0]).decode().lower()}
    out["params"] = parameters(tail[1]) if len(tail) > 1 else {}
    out["disposition"] = disposition(tail[2]) if len(tail) > 2 else None
    out["children"] = [structure(v) for v in value[:count]]
    return out


def leaf(value):
    if len(value) < 7:
        raise ValueError(f"body fields missing in {value!r}")
    kind, sub = text(value[0]).decode().lower(), text(value[1]).decode().lower()
    out = {"type": kind, "subtype": sub, "params": parameters(value[2])}
    out["id"], out["description"] = text(value[3]), text(value[4])
    out["encoding"] = text(value[5]).lower()
    out["octets"] = number(value[6])
    rest = value[7:]
    if (kind, sub) in (("message", "rfc822"), ("message", "global")):
        out["envelope"], out["inner"] = envelope(rest[0]), structure(rest[1])
        out["lines"] = number(rest[2])
        rest = rest[3:]
    elif kind == "text":
        out["lines"] = number(rest[0])
        rest = rest[1:]
    if rest:
        text(rest[0])  # MD5
    out["disposition"] = disposition(rest[1]) if len(rest) > 1 else None
    return out
