/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State items to octets and back, and the place they have in the journal: a record of their own,
 * later ones replace earlier ones. In memory they are only kept while the journal is read.
 */
#include "spool/state.h"
#include "base/codec.h"
#include "base/mem.h"
#include "spool/spool_priv.h"

enum { HELD = 1, WARNED = 2 };

static void
put_outcome(struct buf *out, const struct spool_outcome *o)
{
	wr_i64(out, o->at_s);
	if (o->at_s == 0) {
		return;
	}
	wr_u16(out, o->code);
	wr_str(out, str_sub(o->class, 0, SPOOL_CLASS_MAX));
	wr_str(out, str_sub(o->enhanced, 0, SPOOL_ENHANCED_MAX));
	wr_str(out, str_sub(o->reply, 0, SPOOL_REPLY_MAX));
	wr_str(out, str_sub(o->host, 0, SPOOL_HOST_MAX));
}

static void
get_outcome(struct rd *r, struct spool_outcome *ret)
{
	*ret = (struct spool_outcome){ .at_s = rd_i64(r) };
	if (ret->at_s == 0) {
		return;
	}
	ret->code = rd_u16(r);
	ret->class = rd_str(r, SPOOL_CLASS_MAX);
	ret->enhanced = rd_str(r, SPOOL_ENHANCED_MAX);
	ret->reply = rd_str(r, SPOOL_REPLY_MAX);
	ret->host = rd_str(r, SPOOL_HOST_MAX);
}

void
spool_state_put(struct buf *out, uint64_t entry, uint16_t rcpt, const struct spool_state *s)
{
	wr_u64(out, entry);
	wr_u16(out, rcpt);
	wr_u32(out, s->tries);
	wr_i64(out, s->next_s);
	wr_u8(out, (uint8_t)((s->held ? HELD : 0) | (s->warned ? WARNED : 0)));
	put_outcome(out, &s->first);
	put_outcome(out, &s->best);
}

enum err
spool_state_get(struct rd *r, uint64_t *ret_entry, uint16_t *ret_rcpt, struct spool_state *ret)
{
	struct spool_state s = { 0 };
	if (r->n == 0) {
		return r->bad ? ERR_SYNTAX : ERR_EOF;
	}
	uint64_t entry = rd_u64(r);
	uint16_t rcpt = rd_u16(r);
	s.tries = rd_u32(r);
	s.next_s = rd_i64(r);
	uint8_t flags = rd_u8(r);
	s.held = (flags & HELD) != 0;
	s.warned = (flags & WARNED) != 0;
	get_outcome(r, &s.first);
	get_outcome(r, &s.best);
	if (r->bad) {
		return ERR_SYNTAX;
	}
	*ret_entry = entry;
	*ret_rcpt = rcpt;
	*ret = s;
	return ERR_OK;
}

/* ---- writing ---- */

enum err
spool_stage_states(struct spool *s)
{
	if (s->states.n == 0) {
		return ERR_OK;
	}
	TRY(spool_stage_notes(s, SPOOL_RECORD_STATE, &s->states));
	s->active->notes_from = MIN(s->active->notes_from, s->states_from);
	s->states_from = UINT32_MAX;
	return ERR_OK;
}

void
spool_state(struct spool *s, uint64_t entry, uint16_t rcpt, const struct spool_state *state)
{
	const struct entry *e = map_get(s->entries, entry);
	if (e == NULL || rcpt >= e->rcpts_n || e->segment == NULL) {
		return;
	}
	if (s->states.n + SPOOL_STATE_MAX > SPOOL_STATES_MAX &&
	    (s->failed != ERR_OK || spool_stage_states(s) != ERR_OK)) {
		return; /* lost: see state.h */
	}
	spool_state_put(&s->states, entry, rcpt, state);
	s->states_from = MIN(s->states_from, e->segment->number);
}

void
spool_states_from(struct spool *s, void (*tell)(void *ctx, uint64_t entry), void *ctx)
{
	s->tell_states = tell;
	s->tell_states_ctx = ctx;
}

/* ---- reading ---- */

/* The latest state of a recipient, as octets, while the journal is read. */
struct spool_kept {
	struct spool_kept *next;
	uint16_t rcpt;
	size_t n;
	char octets[];
};

void
spool_kept_drop(struct entry *e)
{
	while (e->kept != NULL) {
		struct spool_kept *k = e->kept;
		e->kept = k->next;
		mem_drop(k);
	}
}

static void
keep(struct entry *e, uint16_t rcpt, str octets)
{
	struct spool_kept **at = &e->kept;
	while (*at != NULL && (*at)->rcpt != rcpt) {
		at = &(*at)->next;
	}
	struct spool_kept *old = *at;
	struct spool_kept *k = mem_zalloc(1, sizeof *k + octets.n);
	if (k == NULL) {
		return; /* the older one will do */
	}
	k->rcpt = rcpt;
	k->n = octets.n;
	memcpy(k->octets, octets.p, octets.n);
	k->next = old == NULL ? NULL : old->next;
	*at = k;
	mem_drop(old);
}

void
spool_take_states(struct spool *s, struct segment *seg, str payload)
{
	struct rd r = rd_make(payload);
	struct spool_state state;
	uint64_t id = 0;
	uint16_t rcpt = 0;
	str before = payload;
	while (spool_state_get(&r, &id, &rcpt, &state) == ERR_OK) {
		struct entry *e = map_get(s->entries, id);
		if (e != NULL && rcpt < e->rcpts_n) {
			seg->notes_from = MIN(seg->notes_from, e->segment->number);
			keep(e, rcpt, str_sub(before, 0, before.n - r.n));
		}
		before = str_from_off(before, before.n - r.n);
	}
}

enum err
spool_kept_tell(const struct entry *e, struct arena *a, const struct spool_state **ret)
{
	*ret = NULL;
	if (e->kept == NULL) {
		return ERR_OK;
	}
	struct spool_state *states = arena_array(a, e->rcpts_n, sizeof *states);
	if (states == NULL) {
		return ERR_BUDGET;
	}
	for (const struct spool_kept *k = e->kept; k != NULL; k = k->next) {
		struct rd r = rd_make(str_make(k->octets, k->n));
		uint64_t id;
		uint16_t rcpt;
		TRY(spool_state_get(&r, &id, &rcpt, &states[k->rcpt]));
	}
	*ret = states;
	return ERR_OK;
}
