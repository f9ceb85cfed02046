# SPDX-License-Identifier: Apache-2.0
"""Other people's verifiers, each with the DNS of the test: what they say of a letter.

A verifier takes [(octets, address, sender)] and gives [{method: [results]}], or raises
signers.Missing. Only methods that it judges are keys.
"""

import http.client
import json
import re
import shutil
import subprocess

import signers

HELO = "mx.there.test"
RSPAMD_CONF = """\
options {{ pidfile = "{dir}/rspamd.pid"; filters = "dkim,spf"; local_addrs = "127.0.0.0/8";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; task_timeout = 60s;
  control_socket = "{dir}/ctl.sock mode=0600"; cache_file = "{dir}/sym.cache"; rrd = "/dev/null";
  dns {{ timeout = 4s; retransmits = 2; nameserver = ["{dns}"]; }} }}
logging {{ type = "file"; filename = "{dir}/rspamd.log"; level = "info"; }}
metric {{ name = "default"; actions {{ reject = 1500; }} }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
modules {{ path = "/usr/share/rspamd/plugins/spf.lua"; path = "/usr/share/rspamd/plugins/dmarc.lua";
  path = "/usr/share/rspamd/plugins/arc.lua";
  path = "/usr/share/rspamd/plugins/milter_headers.lua"; }}
spf {{ }}
dkim {{ time_jitter = 0; }}
dmarc {{ }}
arc {{ }}
milter_headers {{ use = ["authentication-results"]; skip_local = false; skip_authenticated = false;
  authenticated_headers = ["authentication-results"]; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
"""
OPENDKIM_CONF = """\
Mode v
AuthservID verifier.test
AlwaysAddARHeader yes
NoHeaderB yes
Syslog no
SyslogSuccess no
ResolverConfiguration {dir}/resolver.conf
On-Default accept
On-BadSignature accept
On-DNSError accept
On-KeyNotFound accept
On-NoSignature accept
On-InternalError accept
On-Security accept
On-SignatureError accept
"""
RESOLVER_CONF = """\
server:
    do-not-query-localhost: no
    module-config: "iterator"
    local-zone: "test." nodefault
    use-syslog: no
    logfile: "{dir}/resolver.log"
forward-zone:
    name: "."
    forward-addr: {address}
"""


def results(field):
    """{method: [results]} of the value of an Authentication-Results field."""
    text = re.sub(r"\s+", " ", field)
    text = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    found = {}
    for part in text.split(";")[1:]:
        method, _, rest = part.strip().partition("=")
        if rest.split():
            found.setdefault(method.strip(), []).append(rest.split()[0].strip("()"))
    return found


# --- rspamd ---------------------------------------------------------------------------------------


def ask_rspamd(port, octets, address, sender):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    head = {"IP": address, "From": f"<{sender}>", "Helo": HELO, "Rcpt": "bob@postern.test"}
    c.request("POST", "/checkv2", octets, head)
    said = json.loads(c.getresponse().read())
    c.close()
    added = said.get("milter", {}).get("add_headers", {}).get("Authentication-Results")
    if added is None:
        raise signers.Missing(f"rspamd says nothing: {said}")
    added = added[0] if isinstance(added, list) else added
    return results(added["value"] if isinstance(added, dict) else added)


def rspamd(folder, dns, letters):
    """SPF, DKIM, DMARC and ARC by its modules, as its milter would say them."""
    with signers.running_rspamd(folder, dns, RSPAMD_CONF) as port:
        return [ask_rspamd(port, *one) for one in letters]


# --- OpenDKIM -------------------------------------------------------------------------------------


def opendkim(folder, dns, letters):
    """DKIM by the filter itself, given files instead of a milter connection."""
    if shutil.which("opendkim") is None:
        raise signers.Missing("opendkim is not installed")
    folder.mkdir()
    (folder / "conf").write_text(OPENDKIM_CONF.format(dir=folder))
    address = dns.replace(":", "@")
    (folder / "resolver.conf").write_text(RESOLVER_CONF.format(dir=folder, address=address))
    said = []
    for number, (octets, _address, _sender) in enumerate(letters):
        path = folder / f"{number}"
        path.write_bytes(octets)
        command = ["opendkim", "-x", str(folder / "conf"), "-v", "-v", "-v", "-t", str(path)]
        done = subprocess.run(command, capture_output=True, timeout=120)
        said.append(from_test_mode(done.stdout.decode("utf-8", "replace")))
    return said


def from_test_mode(text):
    """### INSHEADER: idx=0 hname='Authentication-Results' hvalue='...'"""
    found = re.search(r"hname='Authentication-Results' hvalue='(.*?)'\n", text, re.S)
    if found is None:
        raise signers.Missing(f"opendkim says nothing: {text[-300:]!r}")
    return {"dkim": results(found.group(1)).get("dkim", ["none"])}
