/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What filters are told of a letter. The macros are those that filters in use ask for; a submitter
 * is told as the number of the account, since nothing else of it is known here.
 */
#include "svc/scan/milter_letter.h"

#include "conf/conf.h"
#include "mail/header.h"
#include "svc/scan/sum.h"
#include "sys/sock.h"

enum { MACROS = 16, ARGS = 2 };

struct maker {
	struct svc_scan_letter *l;
	struct milter_letter *to;
	struct milter_macro *macros;
	bool failed;
};

/* A text in the letter's arena; remembers when there was no room. */
static str
kept(struct maker *k, str s)
{
	str copy = arena_dup(k->l->arena, s);
	k->failed |= copy.p == NULL;
	return copy;
}

static void
macro(struct maker *k, enum milter_stage stage, str name, str value)
{
	ASSERT(k->to->macros_n < MACROS);
	k->macros[k->to->macros_n++] = (struct milter_macro){ stage, name, kept(k, value) };
}

static void
macro_number(struct maker *k, enum milter_stage stage, str name, uint64_t v, bool hex)
{
	char room[24];
	int n = snprintf(room, sizeof room, hex ? "%016llX" : "%llu", (unsigned long long)v);
	macro(k, stage, name, str_make(room, (size_t)n));
}

/* Who it comes from: the verified name, or the address in brackets. */
static void
put_peer(struct maker *k)
{
	const struct ipc_smtp_scan_letter *m = &k->l->m;
	char room[SYS_ADDR_TEXT_MAX], literal_room[SYS_ADDR_TEXT_MAX + 2];
	struct buf text, literal;
	buf_init_fixed(&text, room, sizeof room);
	buf_init_fixed(&literal, literal_room, sizeof literal_room);
	if (m->ip.n == 16) {
		const uint8_t *ip = (const uint8_t *)m->ip.p;
		sys_addr_ip_text(&text, ip);
		buf_printf(&literal, "[%.*s]", STR_ARG(buf_view(&text)));
		k->to->ipv6 = !sys_addr_is_v4(ip);
	}
	k->to->address = kept(k, buf_view(&text));
	k->to->hostname = m->trust.name.n > 0 ? m->trust.name : kept(k, buf_view(&literal));
	if (k->to->hostname.n == 0) {
		k->to->hostname = S("localhost");
	}
}

static void
put_macros(struct maker *k)
{
	const struct ipc_smtp_scan_letter *m = &k->l->m;
	const struct milter_letter *t = k->to;
	macro(k, MILTER_CONNECT, S("j"), k->l->scan->sc->conf->hostname);
	macro(k, MILTER_CONNECT, S("{daemon_name}"), m->submission ? S("submission") : S("mx"));
	macro(k, MILTER_CONNECT, S("v"), S("Postern " POSTERN_VERSION));
	macro(k, MILTER_CONNECT, S("{client_addr}"), t->address);
	macro(k, MILTER_CONNECT, S("{client_name}"), t->hostname);
	macro(k, MILTER_HELO, S("{tls_version}"), m->tls_version);
	macro_number(k, MILTER_MAIL, S("i"), m->session, true);
	macro_number(k, MILTER_EOM, S("i"), m->session, true);
	if (m->submission) {
		macro_number(k, MILTER_MAIL, S("{auth_authen}"), m->account, false);
	}
}

static void
put_envelope(struct maker *k, str *args, str *rcpts)
{
	const struct ipc_smtp_scan_letter *m = &k->l->m;
	struct milter_letter *t = k->to;
	char room[32];
	int n = snprintf(room, sizeof room, "SIZE=%zu", k->l->octets.n);
	args[t->mail_args_n++] = kept(k, str_make(room, (size_t)n));
	if (m->smtputf8) {
		args[t->mail_args_n++] = S("SMTPUTF8");
	}
	for (size_t i = 0; i < m->targets_n; i++) {
		rcpts[i] = m->targets[i].address;
	}
	t->helo = m->helo;
	t->mail = m->reverse_path;
	t->mail_args = args;
	t->rcpts = rcpts;
	t->rcpts_n = m->targets_n;
}

/*
 * What is cut out of the letter because a stranger wrote it in our name is not told: filters
 * believe such fields (RFC 8601 5).
 */
static bool
is_told(const struct svc_scan_letter *l, const struct mail_field *f)
{
	return f->name.n > 0 && !svc_scan_looks_like_ours(f, l->scan->sc->conf->hostname);
}

static size_t
count_fields(const struct svc_scan_letter *l)
{
	struct mail_header h = mail_header_make(l->header);
	struct mail_field f;
	size_t n = 0;
	while (n < SVC_SCAN_FIELDS_MAX && mail_header_next(&h, &f)) {
		n += is_told(l, &f);
	}
	return n;
}

static enum err
put_fields(struct maker *k)
{
	size_t n = count_fields(k->l);
	struct milter_field *fields = arena_array(k->l->arena, n + 1, sizeof *fields);
	struct mail_header h = mail_header_make(k->l->header);
	struct mail_field f;
	if (fields == NULL) {
		return ERR_BUDGET;
	}
	while (k->to->fields_n < n && mail_header_next(&h, &f)) {
		if (is_told(k->l, &f)) {
			fields[k->to->fields_n++] = (struct milter_field){ f.name, f.value };
		}
	}
	k->to->fields = fields;
	return ERR_OK;
}

enum err
svc_scan_milter_letter(struct svc_scan_letter *l, struct milter_letter *ret)
{
	struct maker k = { .l = l, .to = ret };
	str *args = arena_array(l->arena, ARGS, sizeof *args);
	str *rcpts = arena_array(l->arena, l->m.targets_n + 1, sizeof *rcpts);
	*ret = (struct milter_letter){ .body = str_from_off(l->octets, l->header.n) };
	k.macros = arena_array(l->arena, MACROS, sizeof *k.macros);
	if (args == NULL || rcpts == NULL || k.macros == NULL) {
		return ERR_BUDGET;
	}
	put_peer(&k);
	put_macros(&k);
	put_envelope(&k, args, rcpts);
	TRY(put_fields(&k));
	ret->macros = k.macros;
	return k.failed ? ERR_BUDGET : ERR_OK;
}
