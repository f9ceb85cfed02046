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
	svc_common_links_close(sc);
	while (s->spare_n > 0) {
		arena_free(&s->spare[--s->spare_n]);
	}
	map_free(&s->open);
	map_free(&s->questions);
	buf_done(&s->out);
}

/* --- channels ------------------------------------------------------------------------------ */

/* A new smtp process waits with the others while there is no room. */
static void
smtp_up(struct svc_common_link *l)
{
	sys_chan_pause(l->chan, svc_scan_of(l)->paused);
}

/* watch only listens. */
static enum err
from_watch(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_scan_watch_at_scan handlers;
	struct svc_scan *s = svc_scan_of(from);
	return ipc_scan_watch_scan_dispatch(&handlers, s, datagram, fd, s->scratch);
}

const struct svc_common_edge svc_scan_edges[] = {
	{ S_INIT("smtp_scan"), SVC_COMMON_LINKS(struct svc_scan, smtps),
	    .on_message = svc_scan_from_smtp, .on_up = smtp_up, .on_down = svc_scan_smtp_gone },
	{ S_INIT("scan_policy"), SVC_COMMON_LINKS(struct svc_scan, policy),
	    .on_message = svc_scan_from_policy, .on_down = svc_scan_policy_gone },
	{ S_INIT("scan_resolve"), SVC_COMMON_LINKS(struct svc_scan, resolve),
	    .on_message = svc_scan_from_resolve, .on_down = svc_scan_resolve_gone },
	{ S_INIT("scan_watch"), SVC_COMMON_LINKS(struct svc_scan, watch),
	    .on_message = from_watch },
	{ .n = 0 },
};

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
