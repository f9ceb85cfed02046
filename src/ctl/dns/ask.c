/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking resolve by edge adm_resolve, all questions at once; asking one server through a libunbound
 * of our own, one after the other.
 */
#include "ctl/dns/ask.h"

#include "ctl/client.h"
#include "ipc/adm_resolve.h"
#include "sys/clock.h"
#include "sys/sock.h"

#include <unbound.h>

enum { DNS_PORT = 53, CLASS_IN = 1 };

struct asking {
	struct ctl *c;
	struct ctl_dns_question *q;
	size_t n, left;
};

const char *
ctl_dns_trust_text(uint8_t trust)
{
	static const char *const texts[] = {
		[DNS_SECURE] = "secure", [DNS_INSECURE] = "insecure", [DNS_BOGUS] = "bogus"
	};
	return trust < LEN(texts) && texts[trust] != NULL ? texts[trust] : "unknown";
}

const char *
ctl_dns_result_text(const struct ctl_dns_answer *a)
{
	switch (a->result) {
	case ERR_OK: return a->n > 0 ? "found" : "no such record";
	case ERR_NOTFOUND: return "no such name";
	case ERR_CORRUPT: return "bogus";
	case ERR_AGAIN: return a->rcode == DNS_SERVFAIL ? "server failure" : "no answer";
	case ERR_SYNTAX: return "not a name";
	case ERR_UNSUPPORTED: return "no second path";
	default: return err_text(a->result);
	}
}

/* Room for the records of an answer; NULL: none are needed, or no memory (said by n == 0). */
static str *
records_new(struct ctl *c, size_t n)
{
	return n == 0 ? NULL : arena_array(c->arena, n, sizeof(str));
}

static enum err
on_answer(void *ctx, const struct ipc_adm_resolve_answer *m, int *fd)
{
	struct asking *a = ctx;
	if (m->request >= a->n) {
		return ERR_PROTOCOL;
	}
	struct ctl_dns_answer *to = &a->q[m->request].answer;
	str *rdata = records_new(a->c, m->records_n);
	*to = (struct ctl_dns_answer){ .result = m->answer.result,
		.trust = m->answer.trust,
		.rcode = m->answer.rcode,
		.ttl_s = m->answer.ttl_s,
		.took_ms = m->took_ms,
		.canonical = arena_dup(a->c->arena, m->answer.canonical),
		.why = arena_dup(a->c->arena, m->answer.why),
		.rdata = rdata,
		.n = rdata == NULL ? 0 : m->records_n };
	for (size_t i = 0; i < to->n; i++) {
		rdata[i] = arena_dup(a->c->arena, m->records[i].rdata);
	}
	a->left--;
	return ERR_OK;
}

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_resolve_at_admin handlers = { .answer = on_answer };
	return ipc_adm_resolve_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

static enum ctl_exit
ask_resolve(struct ctl *c, bool second, struct ctl_dns_question *q, size_t n)
{
	struct asking a = { .c = c, .q = q, .n = n, .left = n };
	enum ctl_exit x = CTL_OK;
	for (size_t i = 0; i < n && x == CTL_OK; i++) {
		struct ipc_adm_resolve_query m = {
			.request = i, .name = q[i].name, .type = q[i].type, .second = second
		};
		buf_reset(&c->msg);
		ipc_adm_resolve_query_put(&c->msg, &m);
		x = ctl_client_send(c);
	}
	while (x == CTL_OK && a.left > 0) {
		x = ctl_client_next(c, take, &a, CTL_WAIT_LONG_MS);
	}
	return x;
}

/* --- straight to one server ---------------------------------------------------------------- */

static enum ctl_exit
open_server(struct ctl *c, struct ub_ctx **ret)
{
	char room[SYS_ADDR_TEXT_MAX + 1];
	str given = c->args.value[CTL_OPT_SERVER];
	struct sys_addr a = { .port = DNS_PORT };
	struct buf text;
	if (sys_addr_parse(given, DNS_PORT, &a) != ERR_OK &&
	    sys_addr_ip_parse(given, a.ip) != ERR_OK) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
		    "--server is an address such as 192.0.2.1 or [2001:db8::1]:53, not '%.*s'",
		    STR_ARG(given));
	}
	buf_init_fixed(&text, room, sizeof room);
	sys_addr_ip_text(&text, a.ip);
	buf_printf(&text, "@%u", a.port);
	buf_ch(&text, '\0');
	struct ub_ctx *ub = ub_ctx_create();
	if (ub == NULL || ub_ctx_set_option(ub, "do-not-query-localhost:", "no") != 0 ||
	    ub_ctx_set_option(ub, "unblock-lan-zones:", "yes") != 0 ||
	    ub_ctx_debugout(ub, NULL) != 0 || ub_ctx_set_fwd(ub, text.p) != 0 ||
	    ub_ctx_zone_remove(ub, "test.") != 0) {
		ub_ctx_delete(ub);
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "libunbound cannot be set up");
	}
	*ret = ub;
	return CTL_OK;
}

static void
copy_result(struct ctl *c, const struct ub_result *res, struct ctl_dns_answer *to)
{
	size_t n = 0;
	while (res->havedata && res->data[n] != NULL) {
		n++;
	}
	str *rdata = records_new(c, n);
	to->rdata = rdata;
	to->n = rdata == NULL ? 0 : n;
	for (size_t i = 0; i < to->n; i++) {
		rdata[i] = arena_dup(c->arena, str_make(res->data[i], (size_t)res->len[i]));
	}
	to->rcode = (uint16_t)res->rcode;
	to->ttl_s = res->ttl > 0 ? (uint32_t)res->ttl : 0;
	if (res->canonname != NULL) {
		to->canonical = arena_dup(c->arena, str_from(res->canonname));
	}
	to->result = res->nxdomain ? ERR_NOTFOUND : res->rcode == DNS_NOERROR ? ERR_OK : ERR_AGAIN;
}

static void
ask_one(struct ctl *c, struct ub_ctx *ub, struct ctl_dns_question *q)
{
	struct ub_result *res = NULL;
	int64_t began = sys_clock_ms();
	str name = arena_dup(c->arena, q->name); /* with the NUL behind it */
	q->answer = (struct ctl_dns_answer){ .result = ERR_AGAIN, .trust = DNS_TRUST_UNKNOWN };
	int failed = name.p == NULL ? UB_NOMEM : ub_resolve(ub, name.p, q->type, CLASS_IN, &res);
	if (failed != 0) {
		q->answer.result = failed == UB_SYNTAX ? ERR_SYNTAX : ERR_AGAIN;
		q->answer.why = str_from(ub_strerror(failed));
		return;
	}
	copy_result(c, res, &q->answer);
	q->answer.took_ms = (uint32_t)(sys_clock_ms() - began);
	ub_resolve_free(res);
}

static enum ctl_exit
ask_server(struct ctl *c, struct ctl_dns_question *q, size_t n)
{
	struct ub_ctx *ub = NULL;
	enum ctl_exit x = open_server(c, &ub);
	for (size_t i = 0; i < n && x == CTL_OK; i++) {
		ask_one(c, ub, &q[i]);
	}
	ub_ctx_delete(ub);
	return x;
}

enum ctl_exit
ctl_dns_ask(struct ctl *c, enum ctl_dns_path path, struct ctl_dns_question *q, size_t n)
{
	ASSERT(n <= CTL_DNS_QUESTIONS_MAX);
	return path == CTL_DNS_SERVER ? ask_server(c, q, n)
				      : ask_resolve(c, path == CTL_DNS_SECOND, q, n);
}
