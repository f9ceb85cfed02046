/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path: one libunbound context with its cache, set up before the sandbox closes. Its thread
 * begins inside; from then on results come over a pipe that the loop watches.
 */
#include "conf/conf.h"
#include "svc/resolve/resolve.h"
#include "sys/file.h"
#include "sys/sock.h"

#include <unbound.h>

enum { TEXT_MAX = 1200, CLASS_IN = 1 };

static const struct {
	const char *option, *value;
} fixed[] = {
	/* One thread each: nothing to lock in parts. */
	{ "msg-cache-slabs:", "1" },
	{ "rrset-cache-slabs:", "1" },
	{ "infra-cache-slabs:", "1" },
	{ "key-cache-slabs:", "1" },
	{ "edns-buffer-size:", "1232" }, /* larger answers come over TCP instead of in fragments */
	{ "harden-below-nxdomain:", "yes" },
	{ "harden-referral-path:", "no" },
	{ "qname-minimisation:", "yes" },
	{ "infra-keep-probing:", "yes" }, /* a server that is back is found within its back-off */
	{ "infra-cache-numhosts:", "10000" },
};

/* libunbound's answers to setting things up. */
static enum err
from_ub(int result, const char *what)
{
	if (result == 0) {
		return ERR_OK;
	}
	enum err e = result == UB_NOMEM ? ERR_NOMEM : ERR_CONFIG;
	LOG(RESOLVE_SETUP, F_CSTR("what", what), F_CSTR("detail", ub_strerror(result)));
	return e;
}

static enum err
set(struct ub_ctx *ub, const char *option, const char *value)
{
	return from_ub(ub_ctx_set_option(ub, option, value), option);
}

static enum err
set_number(struct ub_ctx *ub, const char *option, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	return set(ub, option, text);
}

/* The cache in its parts; about what each needs beside the others. */
static enum err
set_cache(struct ub_ctx *ub, uint64_t octets)
{
	TRY(set_number(ub, "rrset-cache-size:", octets / 2));
	TRY(set_number(ub, "msg-cache-size:", octets / 4));
	TRY(set_number(ub, "key-cache-size:", octets / 8));
	TRY(set_number(ub, "neg-cache-size:", octets / 8));
	TRY(set_number(ub, "outgoing-range:", SVC_RESOLVE_SOCKETS));
	return set_number(ub, "num-queries-per-thread:", SVC_RESOLVE_SOCKETS * 2);
}

/* "192.0.2.1:53" as libunbound wants it: "192.0.2.1@53". */
static enum err
add_forward(struct ub_ctx *ub, str address)
{
	char room[SYS_ADDR_TEXT_MAX + 1];
	struct buf text;
	struct sys_addr a;
	TRY(sys_addr_parse(address, 0, &a));
	buf_init_fixed(&text, room, sizeof room);
	sys_addr_ip_text(&text, a.ip);
	buf_printf(&text, "@%u", a.port);
	buf_ch(&text, '\0');
	if (sys_addr_is_loopback(a.ip)) {
		TRY(set(ub, "do-not-query-localhost:", "no"));
	}
	return from_ub(ub_ctx_set_fwd(ub, text.p), "forward");
}

/*
 * Names that libunbound answers by itself are the forwarders' business when there are some: they
 * may serve a network of their own.
 */
static enum err
add_forwards(struct ub_ctx *ub, struct conf_list forward)
{
	for (size_t i = 0; i < forward.n; i++) {
		TRY(add_forward(ub, forward.v[i]));
	}
	if (forward.n > 0) {
		TRY(set(ub, "unblock-lan-zones:", "yes"));
		TRY(set(ub, "insecure-lan-zones:", "yes"));
	}
	return ERR_OK;
}

/* Paths of the configuration have no NUL behind them. */
static void
c_string(char out[TEXT_MAX], str s)
{
	size_t n = MIN(s.n, (size_t)TEXT_MAX - 1);
	memcpy(out, s.p, n);
	out[n] = '\0';
}

/* What to trust: the DS records of the setting, else the file; says whether there is anything. */
static enum err
add_anchors(struct ub_ctx *ub, const struct conf *c, bool *ret_any)
{
	char text[TEXT_MAX];
	for (size_t i = 0; i < c->resolve_ds.n; i++) {
		str rule = c->resolve_ds.v[i];
		ptrdiff_t colon = str_rchr(rule, ':');
		ASSERT(colon > 0);
		snprintf(text, sizeof text, "%.*s DS%.*s", (int)colon, rule.p,
		    STR_ARG(str_from_off(rule, (size_t)colon + 1)));
		TRY(from_ub(ub_ctx_add_ta(ub, text), "ds"));
	}
	*ret_any = c->resolve_ds.n > 0;
	if (*ret_any) {
		return ERR_OK;
	}
	c_string(text, c->resolve_trust_anchor);
	struct sys_stat ignored;
	if (sys_file_stat(SYS_CWD, c->resolve_trust_anchor, &ignored) != ERR_OK) {
		return ERR_OK;
	}
	*ret_any = true;
	return from_ub(ub_ctx_add_ta_file(ub, text), "trust-anchor");
}

bool
svc_resolve_needs_hints(const struct conf *c)
{
	struct sys_stat ignored;
	return c->resolve_forward.n == 0 &&
	    sys_file_stat(SYS_CWD, c->resolve_root_hints, &ignored) == ERR_OK;
}

/*
 * Without the file libunbound begins with addresses of its own, as old as it is. It is read when
 * the thread begins, inside the sandbox.
 */
static enum err
add_hints(struct ub_ctx *ub, const struct conf *c)
{
	char text[TEXT_MAX];
	c_string(text, c->resolve_root_hints);
	return svc_resolve_needs_hints(c) ? set(ub, "root-hints:", text) : ERR_OK;
}

/* Reads the files; after this nothing can be set. Forwarders know better what is below these. */
static enum err
finish(struct ub_ctx *ub, bool forwarding)
{
	static const char *const local[] = { "test.", "127.in-addr.arpa." };
	for (size_t i = 0; i < LEN(local) && forwarding; i++) {
		TRY(from_ub(ub_ctx_zone_remove(ub, local[i]), "files"));
	}
	return from_ub(ub_ctx_zone_remove(ub, "postern.invalid."), "files"); /* there is none */
}

static enum err
set_all(struct svc_resolve *r, struct ub_ctx *ub, struct conf_list forward, uint64_t cache)
{
	for (size_t i = 0; i < LEN(fixed); i++) {
		TRY(set(ub, fixed[i].option, fixed[i].value));
	}
	TRY(from_ub(ub_ctx_debugout(ub, NULL), "log"));
	TRY(from_ub(ub_ctx_async(ub, 1), "thread"));
	TRY(set_cache(ub, cache));
	TRY(add_forwards(ub, forward));
	TRY(add_anchors(ub, r->sc->conf, &r->validating));
	TRY(add_hints(ub, r->sc->conf));
	return finish(ub, forward.n > 0);
}

static enum err
path_init(struct svc_resolve *r, struct svc_resolve_path *p, struct conf_list forward,
    uint64_t cache)
{
	struct ub_ctx *ub = ub_ctx_create();
	if (ub == NULL) {
		return ERR_NOMEM;
	}
	enum err e = set_all(r, ub, forward, cache);
	if (e != ERR_OK) {
		ub_ctx_delete(ub);
		return e;
	}
	p->all = r;
	p->ub = ub;
	return ERR_OK;
}

enum err
svc_resolve_paths_init(struct svc_resolve *r)
{
	const struct conf *c = r->sc->conf;
	TRY(path_init(r, &r->first, c->resolve_forward, c->resolve_cache_size));
	if (c->resolve_second.n > 0) {
		TRY(path_init(r, &r->second, c->resolve_second, SVC_RESOLVE_SECOND_CACHE));
	}
	if (!r->validating) {
		LOG(RESOLVE_NO_ANCHOR, F_STR("file", c->resolve_trust_anchor));
	}
	return ERR_OK;
}

/* Results wait: libunbound calls back for each, in ask.c. */
static void
on_results(void *ctx, unsigned events)
{
	struct svc_resolve_path *p = ctx;
	int result = ub_process(p->ub);
	if (result != 0) { /* its thread is gone; the parent starts us again */
		LOG(RESOLVE_SETUP, F_CSTR("what", "results"),
		    F_CSTR("detail", ub_strerror(result)));
		svc_common_exit(p->all->sc);
	}
}

static void
on_first(void *ctx, int err, struct ub_result *res)
{
	ub_resolve_free(res);
}

static enum err
path_start(struct svc_resolve_path *p)
{
	if (p->ub == NULL) {
		return ERR_OK;
	}
	p->watch = (struct sys_watch){ .fn = on_results, .ctx = p, .fd = ub_fd(p->ub) };
	TRY(sys_watch_start(p->all->sc->loop, &p->watch, SYS_IN));
	/* A question that needs nobody: the thread begins now, and what it lacks is seen now. */
	return from_ub(ub_resolve_async(p->ub, "localhost", DNS_A, CLASS_IN, NULL, on_first, NULL),
	    "thread");
}

enum err
svc_resolve_paths_start(struct svc_resolve *r)
{
	TRY(path_start(&r->first));
	return path_start(&r->second);
}

static void
path_done(struct svc_resolve_path *p)
{
	if (p->ub == NULL) {
		return;
	}
	if (p->watch.on) {
		sys_watch_stop(p->all->sc->loop, &p->watch);
	}
	ub_ctx_delete(p->ub);
	p->ub = NULL;
}

void
svc_resolve_paths_done(struct svc_resolve *r)
{
	path_done(&r->first);
	path_done(&r->second);
}
