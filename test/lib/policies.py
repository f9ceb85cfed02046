# SPDX-License-Identifier: Apache-2.0
"""MTA-STS policy hosts: one HTTPS server on loopback for all domains, told apart by Host.

    with Policies(certificates) as p:                 # fakemx.Certificates
        p.serve("a.test", "enforce", ["mx.a.test"])
        ... settings={"fetch.port": p.port} ...
        p.asked                                       # [host, ...]
"""

import http.server
import threading


def record(domain, number="1"):
    """The TXT record of that domain, as zone text below its parent."""
    return f'_mta-sts.{domain} TXT "v=STSv1; id={number};"'


def policy(mode, mx, max_age=86400):
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {m}" for m in mx), f"max_age: {max_age}"]
    return "".join(f"{x}\r\n" for x in lines).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.headers["Host"].partition(":")[0]
        self.server.asked.append(host)
        body = self.server.bodies.get(host)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


class Policies(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, certificates, kind="good"):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.context = certificates.context(kind)
        self.asked, self.bodies = [], {}
        self.port = self.server_port
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def serve(self, domain, mode, mx, **more):
        self.bodies[f"mta-sts.{domain}"] = policy(mode, mx, **more)

    def get_request(self):
        s, address = super().get_request()
        s.settimeout(10)
        return self.context.wrap_socket(s, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
