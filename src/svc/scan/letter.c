/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a letter: taken from smtp with its octets in our own memory (what a descriptor holds
 * may change under us, a copy does not), taken apart, given to the stages, and forgotten. While
 * there are too many octets in memory no smtp process is read from.
 */
#include "svc/scan/letter.h"

#include "base/mem.h"
#include "mail/address.h"
#include "mail/header.h"
#include "sys/file.h"
#include "sys/sys.h"

/* --- copying what smtp says ---------------------------------------------------------------- */

static bool
keep(struct arena *a, str *s)
{
	*s = arena_dup(a, *s);
	return s->p != NULL;
}

static bool
keep_listed(struct arena *a, struct ipc_smtp_scan_letter *m)
{
	struct ipc_common_listed *to = arena_array(a, m->listed_n, sizeof *to);
	bool ok = to != NULL;
	for (size_t i = 0; i < m->listed_n && ok; i++) {
		to[i] = m->listed[i];
		ok = keep(a, &to[i].zone) && keep(a, &to[i].what) && keep(a, &to[i].answer);
	}
	m->listed = to;
	return ok;
}

static bool
keep_targets(struct arena *a, struct ipc_smtp_scan_letter *m)
{
	struct ipc_smtp_scan_target *to = arena_array(a, m->targets_n, sizeof *to);
	bool ok = to != NULL;
	for (size_t i = 0; i < m->targets_n && ok; i++) {
		to[i] = m->targets[i];
		ok = keep(a, &to[i].address) && keep(a, &to[i].domain_policy);
	}
	m->targets = to;
	return ok;
}

static bool
keep_message(struct svc_scan_letter *l)
{
	struct ipc_smtp_scan_letter *m = &l->m;
	str *texts[] = { &m->ip, &m->helo, &m->reverse_path, &m->tls_version, &m->trust.name,
		&m->trust.spf_domain, &m->trust.spf_why };
	for (size_t i = 0; i < LEN(texts); i++) {
		if (!keep(l->arena, texts[i])) {
			return false;
		}
	}
	m->body = STR_NONE;
	return keep_listed(l->arena, m) && keep_targets(l->arena, m);
}

/* --- its octets ---------------------------------------------------------------------------- */

/* So much more is in memory because of it. */
static void
hold(struct svc_scan_letter *l, size_t n)
{
	l->held += n;
	l->scan->octets += n;
}

/* As many as smtp says there are; what it wrote behind them meanwhile is not ours. */
static enum err
take_octets(struct svc_scan_letter *l, str body)
{
	uint64_t n = l->fd < 0 ? body.n : l->m.size;
	if (n > SVC_SCAN_LETTER_MAX) {
		return ERR_TOOBIG;
	}
	char *p = mem_resize(NULL, n + 1);
	if (p == NULL) {
		return ERR_NOMEM;
	}
	p[n] = '\0'; /* libraries of stages may look one further */
	l->octets = str_make(p, n);
	hold(l, n);
	l->scan->count.octets += n;
	if (l->fd >= 0) {
		return sys_file_read_exact(l->fd, 0, p, n);
	}
	if (n > 0) {
		memcpy(p, body.p, n);
	}
	return ERR_OK;
}

/* --- whose it is --------------------------------------------------------------------------- */

static bool
is_author(const struct mail_address *m)
{
	return m->kind == MAIL_ADDRESS_MAILBOX && m->domain.n > 0;
}

/* An address that cannot be read is none. */
static bool
take_address(struct svc_scan_letter *l, const struct mail_address *m)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf b;
	str local, domain;
	buf_init_fixed(&b, room, sizeof room);
	if (m->local.n == 0 || mail_address_put(&b, m->local, m->domain) != ERR_OK) {
		return true;
	}
	l->auth.from = arena_dup(l->arena, buf_view(&b));
	mail_address_split(l->auth.from, &local, &domain);
	l->auth.from_domain = domain;
	return l->auth.from.p != NULL;
}

/*
 * Several addresses in one field: RFC 9989 5.3.1 judges them when their domain is one. Otherwise
 * nobody can say who wrote it.
 */
static bool
take_common(struct svc_scan_letter *l, const struct mail_address *all, size_t n)
{
	char room[MAIL_DOMAIN_MAX];
	struct buf b;
	str domain = STR_NONE;
	for (size_t i = 0; i < n; i++) {
		if (!is_author(&all[i])) {
			continue;
		}
		if (domain.p != NULL && !str_ieq(domain, all[i].domain)) {
			return true;
		}
		domain = all[i].domain;
	}
	buf_init_fixed(&b, room, sizeof room);
	if (mail_domain_put(&b, domain) != ERR_OK) {
		return true;
	}
	l->auth.from_common = arena_dup(l->arena, buf_view(&b));
	return l->auth.from_common.p != NULL;
}

static bool
read_authors(struct svc_scan_letter *l, str value, struct arena *a)
{
	struct mail_address *all = NULL, *one = NULL;
	size_t n = 0;
	if (mail_addresses_parse(a, value, 0, &all, &n) != ERR_OK) {
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_author(&all[i])) {
			one = &all[i];
			l->auth.from_n++;
		}
	}
	if (l->auth.from_fields > 1 || l->auth.from_n == 0) {
		return true;
	}
	return l->auth.from_n == 1 ? take_address(l, one) : take_common(l, all, n);
}

/*
 * What is beyond any reader's patience is not read, and what reading takes is given back: it must
 * not use up what the letter may hold.
 */
static bool
read_from(struct svc_scan_letter *l)
{
	struct mail_header h = mail_header_make(l->header);
	struct mail_field f, first = { 0 };
	while (mail_header_next(&h, &f)) {
		if (str_ieq(f.name, S("From"))) {
			first = l->auth.from_fields++ == 0 ? f : first;
		}
	}
	if (l->auth.from_fields == 0) {
		return true;
	}
	struct arena *a = arena_new(l->arena, "authors", SVC_SCAN_LETTER_BUDGET, 0);
	bool ok = a != NULL && read_authors(l, str_sub(first.value, 0, SVC_SCAN_FROM_MAX), a);
	arena_free(&a);
	return ok;
}

/* --- coming and going ---------------------------------------------------------------------- */

static bool
full(const struct svc_scan *s)
{
	return s->octets >= SVC_SCAN_OCTETS_MAX || s->letters_n >= SVC_SCAN_LETTERS_MAX;
}

void
svc_scan_relax(struct svc_scan *s)
{
	bool pause = s->quitting || full(s);
	if (s->quitting && s->letters_n == 0) {
		svc_common_exit(s->sc);
	}
	if (pause == s->paused) {
		return;
	}
	s->paused = pause;
	s->count.waited += pause && !s->quitting;
	for (size_t i = 0; i < LEN(s->smtps); i++) {
		if (s->smtps[i].chan != NULL) {
			sys_chan_pause(s->smtps[i].chan, pause);
		}
	}
}

/* Arenas of letters that are over, with a chunk each: memory need not be asked for again. */
static struct arena *
take_arena(struct svc_scan *s)
{
	return s->spare_n > 0 ? s->spare[--s->spare_n]
			      : arena_new(NULL, "letter", SVC_SCAN_LETTER_BUDGET, 0);
}

static void
give_arena(struct svc_scan *s, struct arena *a)
{
	if (s->spare_n == LEN(s->spare)) {
		arena_free(&a);
		return;
	}
	arena_reset(a);
	s->spare[s->spare_n++] = a;
}

void
svc_scan_letter_free(struct svc_scan_letter *l)
{
	struct svc_scan *s = l->scan;
	struct arena *a = l->arena; /* the letter lies in it */
	ASSERT(l->magic == SVC_SCAN_MAGIC);
	svc_scan_stages_cancel(l);
	svc_scan_questions_drop(l);
	sys_task_stop(&l->step);
	sys_timer_stop(&l->deadline);
	(void)map_del(s->open, l->id);
	list_remove(&l->node);
	s->octets -= l->held;
	s->letters_n--;
	mem_drop((void *)(uintptr_t)l->octets.p);
	sys_close(&l->fd);
	l->magic = 0;
	give_arena(s, a);
	svc_scan_relax(s);
}

struct svc_scan_letter *
svc_scan_letter_find(struct svc_scan *s, uint64_t id)
{
	return map_get(s->open, id);
}

void
svc_scan_smtp_gone(struct svc_common_link *gone)
{
	struct svc_scan *s = svc_scan_of(gone);
	LIST_EACH(it, &s->letters) {
		struct svc_scan_letter *l = LIST_ENTRY(it, struct svc_scan_letter, node);
		if (l->smtp == gone) {
			s->count.lost++;
			svc_scan_letter_free(l);
		}
	}
}

static struct svc_scan_letter *
new_letter(const struct svc_common_link *from, const struct ipc_smtp_scan_letter *m, int fd)
{
	struct svc_scan *s = svc_scan_of(from);
	struct arena *a = take_arena(s);
	struct svc_scan_letter *l = a == NULL ? NULL : ARENA_NEW(a, struct svc_scan_letter);
	if (l == NULL) {
		arena_free(&a);
		sys_close(&fd);
		return NULL;
	}
	l->magic = SVC_SCAN_MAGIC;
	l->scan = s;
	l->arena = a;
	l->fd = fd;
	l->id = ++s->next_id;
	l->smtp = from;
	l->m = *m;
	l->began_ms = sys_loop_now_ms(s->sc->loop);
	list_init(&l->questions);
	list_push(&s->letters, &l->node);
	s->letters_n++;
	return l;
}

static enum err
open_letter(struct svc_scan_letter *l, str body)
{
	TRY(take_octets(l, body));
	if (!keep_message(l)) {
		return ERR_BUDGET;
	}
	l->header = str_sub(l->octets, 0, mail_header_length(l->octets));
	TRY(mail_mime_parse(l->octets, l->arena, &l->mime));
	if (!read_from(l)) {
		return ERR_BUDGET;
	}
	hold(l, arena_used(l->arena)); /* a few octets can have very many parts */
	return map_set(l->scan->open, l->id, l);
}

/* It cannot be looked at: smtp has a rule for that. */
static void
give_up(const struct svc_common_link *from, const struct ipc_smtp_scan_letter *m, enum err why)
{
	struct svc_scan *s = svc_scan_of(from);
	const struct ipc_smtp_scan_verdict v = { .request = m->request, .result = why };
	s->count.failed++;
	LOG(SCAN_FAILED, F_ID("session", m->session), F_U64("octets", m->size), F_ERR(why));
	buf_reset(&s->out);
	ipc_smtp_scan_verdict_put(&s->out, &v);
	enum err e = svc_common_link_send(from, &s->out, -1);
	s->count.lost += e == ERR_OK ? 0 : 1;
}

static enum err
on_letter(void *ctx, const struct ipc_smtp_scan_letter *m, int *fd)
{
	const struct svc_common_link *from = ctx;
	struct svc_scan *s = svc_scan_of(from);
	struct svc_scan_letter *l = new_letter(from, m, *fd);
	*fd = -1;
	s->count.letters++;
	s->count.submissions += m->submission;
	enum err e = l == NULL ? ERR_NOMEM : open_letter(l, m->body);
	if (e == ERR_OK) {
		svc_scan_stages_begin(l);
	} else {
		give_up(from, m, e);
	}
	if (e != ERR_OK && l != NULL) {
		svc_scan_letter_free(l);
	}
	svc_scan_relax(s);
	return ERR_OK;
}

enum err
svc_scan_from_smtp(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_smtp_scan_at_scan handlers = { .letter = on_letter };
	struct svc_scan *s = svc_scan_of(from);
	enum err e = ipc_smtp_scan_scan_dispatch(&handlers, from, datagram, fd, s->scratch);
	arena_reset(s->scratch);
	return e;
}
