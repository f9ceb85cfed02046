/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages side by side: begun together, ended by themselves or by the letter's deadline, and what
 * they may say about a letter. judge alone waits for another one: it needs to know whom to judge.
 */
#include "conf/conf.h"
#include "svc/scan/letter.h"

static void
begin(struct svc_scan_letter *l, enum svc_scan_stage_id id)
{
	const struct svc_scan_stage *stage = l->scan->stages[id];
	if (stage == NULL || (stage->wanted != NULL && !stage->wanted(l))) {
		l->ended[id] = SVC_SCAN_SKIP;
		return;
	}
	l->began[id] = true;
	stage->begin(l);
}

static bool
all_ended(const struct svc_scan_letter *l)
{
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (l->ended[i] == SVC_SCAN_OPEN) {
			return false;
		}
	}
	return true;
}

/* A stage has ended: what it held up begins; the last one brings the verdict. */
static void
step(void *ctx)
{
	struct svc_scan_letter *l = ctx;
	if (l->ended[SVC_SCAN_AUTH] != SVC_SCAN_OPEN && !l->began[SVC_SCAN_JUDGE] &&
	    l->ended[SVC_SCAN_JUDGE] == SVC_SCAN_OPEN) {
		begin(l, SVC_SCAN_JUDGE);
	}
	if (all_ended(l)) {
		svc_scan_verdict(l);
		svc_scan_letter_free(l);
	}
}

static void
on_deadline(void *ctx)
{
	struct svc_scan_letter *l = ctx;
	struct svc_scan *s = l->scan;
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (l->ended[i] != SVC_SCAN_OPEN) {
			continue;
		}
		l->ended[i] = SVC_SCAN_LATE;
		s->count.late++;
		if (!l->began[i]) {
			continue;
		}
		LOG(SCAN_LATE, F_ID("session", l->m.session), F_CSTR("stage", s->stages[i]->name),
		    F_U64("took_ms", (uint64_t)(sys_loop_now_ms(s->sc->loop) - l->began_ms)));
		if (s->stages[i]->cancel != NULL) {
			s->stages[i]->cancel(l);
		}
	}
	svc_scan_questions_drop(l);
	sys_task_schedule(s->sc->loop, &l->step);
}

void
svc_scan_stages_begin(struct svc_scan_letter *l)
{
	struct sys_loop *loop = l->scan->sc->loop;
	sys_task_init(&l->step, step, l);
	sys_timer_init(&l->deadline, on_deadline, l);
	sys_timer_set(loop, &l->deadline, (int64_t)l->scan->sc->conf->scan_deadline);
	begin(l, SVC_SCAN_AUTH);
	begin(l, SVC_SCAN_VIRUS);
	begin(l, SVC_SCAN_MILTER);
	sys_task_schedule(loop, &l->step);
}

void
svc_scan_stages_cancel(struct svc_scan_letter *l)
{
	const struct svc_scan_stage *const *stages = l->scan->stages;
	l->gone = true;
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (l->began[i] && l->ended[i] == SVC_SCAN_OPEN && stages[i]->cancel != NULL) {
			stages[i]->cancel(l);
		}
		l->ended[i] = SVC_SCAN_LATE;
	}
}

void
svc_scan_stage_done(struct svc_scan_letter *l, enum svc_scan_stage_id id, enum svc_scan_end how)
{
	struct svc_scan *s = l->scan;
	ASSERT(l->magic == SVC_SCAN_MAGIC && how != SVC_SCAN_OPEN);
	ASSERT(l->began[id] && l->ended[id] == SVC_SCAN_OPEN);
	l->ended[id] = how;
	s->count.absent[id] += how == SVC_SCAN_ABSENT;
	sys_task_schedule(s->sc->loop, &l->step);
}

/* --- what they say ------------------------------------------------------------------------- */

void
svc_scan_say(struct svc_scan_letter *l, str word, str detail, int64_t points)
{
	if (l->parts_n == LEN(l->parts)) {
		l->parts[l->parts_n - 1].points += points;
		return;
	}
	l->parts[l->parts_n++] = (struct filter_part){
		.kind = FILTER_OTHER, .word = word, .detail = detail, .points = points
	};
}

void
svc_scan_junk(struct svc_scan_letter *l)
{
	l->wish = MAX(l->wish, SVC_SCAN_JUNK);
}

void
svc_scan_refuse(struct svc_scan_letter *l, uint16_t code, str enhanced, str text)
{
	bool later = code < 500;
	enum svc_scan_wish wish = later ? SVC_SCAN_LATER : SVC_SCAN_REFUSE;
	ASSERT(code >= 400 && code < 600);
	if (l->wish >= wish) {
		return; /* the first of a kind is what the peer hears */
	}
	l->wish = wish;
	l->reply = (struct ipc_common_reply){ .verdict = later ? SVC_SCAN_REPLY_LATER
							       : SVC_SCAN_REPLY_REFUSE,
		.code = code,
		.enhanced = str_sub(enhanced, 0, SVC_SCAN_ENHANCED_MAX),
		.text = str_sub(text, 0, SVC_SCAN_TEXT_MAX) };
}

bool
svc_scan_add_field(struct svc_scan_letter *l, str name, str value)
{
	if (l->added_n == LEN(l->added)) {
		return false;
	}
	l->added[l->added_n++] = (struct svc_scan_added){ .name = name, .value = value };
	return true;
}

bool
svc_scan_cut_field(struct svc_scan_letter *l, size_t at)
{
	if (l->cut_at_n == LEN(l->cut_at)) {
		return false;
	}
	l->cut_at[l->cut_at_n++] = at;
	return true;
}

bool
svc_scan_junk_one(struct svc_scan_letter *l, size_t target)
{
	ASSERT(target < l->m.targets_n);
	if (l->junk_one == NULL) {
		l->junk_one = arena_array(l->arena, l->m.targets_n, sizeof *l->junk_one);
	}
	if (l->junk_one != NULL) {
		l->junk_one[target] = true;
	}
	return l->junk_one != NULL;
}
