/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What resolve may do: sockets of the Internet families, TCP connections to port 53 or to the
 * forwarders' ports, libunbound's thread, and reading the root hints, which that thread does as it
 * begins. The trust anchor is read before.
 */
#include "conf/conf.h"
#include "svc/resolve/resolve.h"

enum { DNS_PORT = 53 };

/* libevent, inside libunbound, wakes itself over a pipe. */
static const char *const always[] = { "pipe2", NULL };
static const char *const to_read[] = { "pipe2", "openat", NULL };

static void
allow_port(struct sys_sandbox_profile *p, uint16_t port)
{
	for (size_t i = 0; i < p->connect_ports_n; i++) {
		if (p->connect_ports[i] == port) {
			return;
		}
	}
	ASSERT(p->connect_ports_n < SYS_SANDBOX_PORTS_MAX);
	p->connect_ports[p->connect_ports_n++] = port;
}

static enum err
allow_all(struct sys_sandbox_profile *p, struct conf_list addresses)
{
	for (size_t i = 0; i < addresses.n; i++) {
		struct sys_addr a;
		TRY(sys_addr_parse(addresses.v[i], DNS_PORT, &a));
		allow_port(p, a.port);
	}
	return ERR_OK;
}

enum err
svc_resolve_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	p->sets = SYS_SET_NET | SYS_SET_THREADS;
	p->syscalls = always;
	if (sc->conf->resolve_forward.n == 0) {
		allow_port(p, DNS_PORT);
	}
	if (svc_resolve_needs_hints(sc->conf)) {
		p->syscalls = to_read;
		sys_sandbox_add(p, sc->conf->resolve_root_hints, SYS_MAY_READ);
	}
	TRY(allow_all(p, sc->conf->resolve_forward));
	return allow_all(p, sc->conf->resolve_second);
}
