/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process around the letters: channels, settings, status, end. Letters come over smtp_scan
 * (letter.c), go through the stages (stage.c) and leave as verdicts (verdict.c).
 */
#include "base/mem.h"
#include "conf/conf.h"
#include "ipc/ipc.h"
#include "svc/scan/letter.h"
#include "sys/random.h"
#include "sys/sys.h"

/* --- life ---------------------------------------------------------------------------------- */

enum err
svc_scan_init(struct svc_common *sc, const struct svc_scan_stage *const *stages)
{
	struct svc_scan *s = ARENA_NEW(sc->arena, struct svc_scan);
	uint8_t key[16];
	if (s == NULL) {
		return ERR_NOMEM;
	}
	mem_keep(SVC_SCAN_KEPT);
	sys_random(key, sizeof key);
	s->sc = sc;
	s->stages = stages;
	sc->ctx = s;
	list_init(&s->letters);
	buf_init(&s->out, SYS_CHAN_MESSAGE_MAX);
	s->policy = (struct svc_scan_link){ .scan = s, .edge = "scan_policy" };
	s->resolve = (struct svc_scan_link){ .scan = s, .edge = "scan_resolve" };
	s->watch = (struct svc_scan_link){ .scan = s, .edge = "scan_watch" };
	for (size_t i = 0; i < LEN(s->smtps); i++) {
		s->smtps[i] = (struct svc_scan_link){ .scan = s, .edge = "smtp_scan" };
	}
	s->scratch = arena_new(sc->arena, "message", IPC_LIST_OCTETS, 0);
	s->open = map_new(key, SVC_SCAN_LETTERS_MAX + 1);
	s->questions = map_new(key, SIZE_MAX);
	if (s->scratch == NULL || s->open == NULL || s->questions == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (stages[i] != NULL && stages[i]->init != NULL) {
			TRY(stages[i]->init(s));
		}
	}
	return ERR_OK;
}

enum err
svc_scan_start(struct svc_common *sc)
{
	struct svc_scan *s = sc->ctx;
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (s->stages[i] != NULL && s->stages[i]->start != NULL) {
			TRY(s->stages[i]->start(s));
		}
	}
	return ERR_OK;
}

void
svc_scan_done(struct svc_common *sc)
{
	struct svc_scan *s = sc->ctx;
	if (s == NULL) {
		return;
	}
	LIST_EACH(it, &s->letters) {
		svc_scan_letter_free(LIST_ENTRY(it, struct svc_scan_letter, node));
	}
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (s->stages[i] != NULL && s->stages[i]->done != NULL) {
			s->stages[i]->done(s);
		}
	}
	for (size_t i = 0; i < LEN(s->smtps); i++) {
		sys_chan_free(&s->smtps[i].chan);
	}
	sys_chan_free(&s->policy.chan);
	sys_chan_free(&s->resolve.chan);
	sys_chan_free(&s->watch.chan);
	while (s->spare_n > 0) {
		arena_free(&s->spare[--s->spare_n]);
	}
	map_free(&s->open);
	map_free(&s->questions);
	buf_done(&s->out);
}

/* --- channels ------------------------------------------------------------------------------ */

static void
lost(struct svc_scan_link *link)
{
	struct svc_scan *s = link->scan;
	if (link == &s->resolve) {
		svc_scan_questions_fail(s);
	} else if (link == &s->policy) {
		svc_scan_policy_gone(s);
	} else if (link != &s->watch) {
		svc_scan_smtp_gone(link);
	}
}

/* watch only listens. */
static enum err
on_watch(void *ctx, str datagram, int *fd)
{
	static const struct ipc_scan_watch_at_scan handlers;
	struct svc_scan *s = ((struct svc_scan_link *)ctx)->scan;
	return ipc_scan_watch_scan_dispatch(&handlers, s, datagram, fd, s->scratch);
}

static void
on_closed(void *ctx, enum err why)
{
	struct svc_scan_link *link = ctx;
	sys_chan_free(&link->chan);
	if (why != ERR_EOF) { /* else its process has ended, and the parent knows */
		LOG(CHANNEL_CLOSED, F_CSTR("edge", link->edge), F_U64("peer", link->peer),
		    F_ERR(why));
		svc_common_rewire(link->scan->sc, str_from(link->edge), link->peer);
	}
	lost(link);
}

static struct svc_scan_link *
find_link(struct svc_scan *s, str edge, uint32_t peer)
{
	if (str_eq(edge, S("scan_policy"))) {
		return &s->policy;
	}
	if (str_eq(edge, S("scan_resolve"))) {
		return &s->resolve;
	}
	if (str_eq(edge, S("scan_watch"))) {
		return &s->watch;
	}
	return peer < LEN(s->smtps) && str_eq(edge, S("smtp_scan")) ? &s->smtps[peer] : NULL;
}

enum err
svc_scan_on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	struct svc_scan *s = sc->ctx;
	struct svc_scan_link *link = find_link(s, edge, peer);
	if (link == NULL) {
		sys_close(&fd);
		return ERR_PROTOCOL;
	}
	struct sys_chan_handler h = { .on_closed = on_closed, .ctx = link };
	bool smtp = link >= s->smtps && link < s->smtps + LEN(s->smtps);
	h.on_message = smtp       ? svc_scan_on_smtp
	    : link == &s->policy  ? svc_scan_on_policy
	    : link == &s->resolve ? svc_scan_on_resolve
				  : on_watch;
	bool had = link->chan != NULL;
	sys_chan_free(&link->chan);
	if (had) {
		lost(link);
	}
	link->peer = peer;
	TRY(sys_chan_new(sc->loop, fd, &h, &link->chan));
	if (smtp && s->paused) {
		sys_chan_pause(link->chan, true);
	}
	return ERR_OK;
}

/* --- settings, health, end ----------------------------------------------------------------- */

void
svc_scan_on_reload(struct svc_common *sc)
{
	struct svc_scan *s = sc->ctx;
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (s->stages[i] != NULL && s->stages[i]->reload != NULL) {
			s->stages[i]->reload(s);
		}
	}
}

void
svc_scan_on_status(struct svc_common *sc, struct buf *facts)
{
	struct svc_scan *s = sc->ctx;
	const struct svc_scan_counters *c = &s->count;
	const struct svc_common_fact rows[] = { { "letters_now", s->letters_n },
		{ "octets_now", s->octets }, { "letters", c->letters },
		{ "submissions", c->submissions }, { "octets", c->octets }, { "passed", c->passed },
		{ "junk", c->junk }, { "refused", c->refused }, { "put_off", c->later },
		{ "viruses", c->viruses }, { "not_looked_at", c->failed },
		{ "nobody_waited", c->lost }, { "fields_cut", c->cuts }, { "stages_late", c->late },
		{ "waited", c->waited }, { "questions", c->questions },
		{ "unanswered", c->unanswered } };
	svc_common_facts(facts, rows, LEN(rows));
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (s->stages[i] == NULL) {
			continue;
		}
		buf_printf(facts, "%s_absent=%llu\n", s->stages[i]->name,
		    (unsigned long long)c->absent[i]);
		if (s->stages[i]->status != NULL) {
			s->stages[i]->status(s, facts);
		}
	}
}

/* Letters in hand get their verdict: their smtp waits for it. */
void
svc_scan_on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_scan *s = sc->ctx;
	s->quitting = true;
	svc_scan_relax(s);
}
