# SPDX-License-Identifier: Apache-2.0
"""A blocking connection for tests: octets out, lines or octets in, always with a deadline.

Raises Closed when the other side ends the connection and socket.timeout when it is silent.
"""

import socket
import ssl
import zlib

TIMEOUT_S = 20
LINE_MAX = 1 << 20


class Closed(Exception):
    """The peer ended the connection; .rest holds the octets that came before."""

    def __init__(self, rest=b""):
        super().__init__(f"connection closed after {rest[-80:]!r}")
        self.rest = rest


def client_context(ca=None, minimum=None, maximum=None):
    """TLS as a client; with `ca` (a file) the server's certificate is checked."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
    else:
        ctx.load_verify_locations(ca)
    if minimum is not None:
        ctx.minimum_version = minimum
    if maximum is not None:
        ctx.maximum_version = maximum
    return ctx


class Wire:
    def __init__(self, port, host="127.0.0.1", timeout=TIMEOUT_S, tls=None, source=None):
        """Connect; with `tls` (a context) the handshake comes first. `source`: address to bind."""
        bind = (source, 0) if source else None
        self.sock = socket.create_connection((host, port), timeout, source_address=bind)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.deflate = self.inflate = None
        if tls is not None:
            self.start_tls(tls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start_tls(self, ctx, name="localhost"):
        self.sock = ctx.wrap_socket(self.sock, server_hostname=name)

    def compress(self):
        """From here on both ways are raw DEFLATE (RFC 4978)."""
        self.deflate, self.inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        rest, self.buf = self.buf, b""
        self._inflate(rest)

    def plain(self):
        """What we send from here on is not compressed any more; the peer ends its own stream."""
        self.deflate = None

    def _inflate(self, octets):
        self.buf += self.inflate.decompress(octets)
        if self.inflate.eof:
            self.buf += self.inflate.unused_data
            self.inflate = None

    def timeout(self, seconds):
        self.sock.settimeout(seconds)

    def send(self, octets):
        if self.deflate:
            octets = self.deflate.compress(octets) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(octets)

    def _fill(self):
        try:
            more = self.sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError) as e:
            raise Closed(self.buf) from e
        if not more:
            raise Closed(self.buf)
        if self.inflate:
            self._inflate(more)
        else:
            self.buf += more

    def more(self):
        """Whatever comes next, added to .buf."""
        self._fill()

    def line(self):
        """The next line without CRLF; a bare LF does not end one."""
        while b"\r\n" not in self.buf:
            if len(self.buf) > LINE_MAX:
                raise ValueError("line without end")
            self._fill()
        line, self.buf = self.buf.split(b"\r\n", 1)
        return line

    def octets(self, n):
        """Exactly n octets."""
        while len(self.buf) < n:
            self._fill()
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def until_closed(self, most=1 << 24):
        """Everything up to the end of the connection."""
        try:
            while len(self.buf) < most:
                self._fill()
        except Closed:
            pass
        got, self.buf = self.buf, b""
        return got

    def closed(self):
        """True when the peer ends the connection within the time limit without sending more."""
        return self.until_closed() == b""

    def shut_write(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()
