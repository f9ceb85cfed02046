/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which letters are lessons, and telling them. A program that marks a letter and then moves it
 * teaches once: by the mark. Start at svc_account_imap_teach_moved.
 */
#include "svc/account/imap/teach/teach.h"

#include "conf/conf.h"
#include "filter/filter.h"
#include "ipc/accounts_account.h"
#include "mail/mime.h"
#include "sys/chan.h"

enum { SCAN = 64, LESSON_BUDGET = 64 << 20 };

struct lessons {
	struct svc_account_imap *s;
	uint64_t mailbox;
	bool junk;        /* what they are */
	uint32_t only;    /* not 0: letters with one of these flags alone */
	uint32_t except;  /* letters with one of these flags are left out */
	uint32_t changed; /* those with one of these had been the other thing */
	bool all_changed;
	size_t left; /* of SVC_ACCOUNT_IMAP_TEACH_COMMAND */
};

/* ---- marks -------------------------------------------------------------------------------- */

/* RFC 5788 registers $Junk and $NotJunk; some programs write them without "$". */
static bool
is_mark(str keyword, bool junk)
{
	static const str names[2][3] = {
		{ S_INIT("$NotJunk"), S_INIT("NotJunk"), S_INIT("NonJunk") },
		{ S_INIT("$Junk"), S_INIT("Junk"), S_INIT("$IsJunk") },
	};
	for (size_t i = 0; i < LEN(names[junk]); i++) {
		if (str_ieq(keyword, names[junk][i])) {
			return true;
		}
	}
	return false;
}

/* The flag bits of a mailbox that mean junk, or not junk. */
static enum err
find_marks(struct svc_account_imap *s, uint64_t mailbox, uint32_t *ret_junk, uint32_t *ret_fine)
{
	struct store_keywords k;
	uint32_t junk = 0, fine = 0;
	arena_reset(s->scratch);
	TRY(store_keywords(s->store, mailbox, s->scratch, &k));
	for (size_t i = 0; i < k.n; i++) {
		uint32_t bit = (uint32_t)1 << (STORE_KEYWORD_BIT + i);
		junk |= is_mark(k.name[i], true) ? bit : 0;
		fine |= is_mark(k.name[i], false) ? bit : 0;
	}
	*ret_junk = junk;
	*ret_fine = fine;
	return ERR_OK;
}

/* ---- one lesson --------------------------------------------------------------------------- */

/* A full channel loses nothing but the lesson. */
static void
tell(struct svc_account_imap *s, bool junk, bool undo, str features)
{
	struct ipc_accounts_account_learn m = { .junk = junk, .undo = undo, .features = features };
	struct buf b;
	buf_init(&b, FILTER_FEATURES_OCTETS + 64);
	ipc_accounts_account_learn_put(&b, &m);
	(void)(sys_chan_send_wait(s->account->control, &b, -1, 0) == ERR_OK);
	buf_done(&b);
}

static enum err
teach_letter(struct lessons *l, const struct store_msg *m)
{
	struct svc_account_imap *s = l->s;
	struct mail_mime mime;
	struct filter_seen seen;
	str text;
	arena_reset(s->scratch);
	TRY(store_text(s->store, m->id, &text));
	TRY(mail_mime_parse(text, s->scratch, &mime));
	TRY(filter_features(&mime, s->account->conf->hostname, 0, s->scratch, &seen));
	tell(s, l->junk, l->all_changed || (m->flags & l->changed) != 0, seen.octets);
	s->taught++;
	l->left--;
	return ERR_OK;
}

static bool
is_lesson(const struct lessons *l, const struct store_msg *m)
{
	return m->size <= SVC_ACCOUNT_IMAP_TEACH_OCTETS && (m->flags & l->except) == 0 &&
	    (l->only == 0 || (m->flags & l->only) != 0);
}

/* Letters of one range, until enough were taught. */
static enum err
teach_range(struct lessons *l, struct store_range range)
{
	struct store_scan scan = { .mailbox = l->mailbox, .lo = range.lo, .hi = range.hi };
	while (true) {
		struct store_msg msgs[SCAN];
		size_t n = 0;
		TRY(store_msgs(l->s->store, &scan, msgs, LEN(msgs), &n));
		for (size_t i = 0; i < n; i++) {
			if (l->left == 0 || l->s->taught >= SVC_ACCOUNT_IMAP_TEACH_SESSION) {
				return ERR_OK;
			}
			if (is_lesson(l, &msgs[i])) {
				TRY(teach_letter(l, &msgs[i]));
			}
		}
		if (n < LEN(msgs) || msgs[n - 1].uid >= scan.hi) {
			return ERR_OK;
		}
		scan.lo = msgs[n - 1].uid + 1;
	}
}

/* What cannot be read, or not told, is no lesson: the command goes on. */
static void
teach(struct lessons *l, const struct store_set *uids)
{
	l->left = SVC_ACCOUNT_IMAP_TEACH_COMMAND;
	for (size_t i = 0; i < uids->n && l->left > 0; i++) {
		if (teach_range(l, uids->v[i]) != ERR_OK) {
			return;
		}
	}
}

/* ---- what the commands call --------------------------------------------------------------- */

/* A guest sorts somebody else's letters: that is no lesson for either. */
static bool
may_teach(const struct svc_account_imap *s)
{
	return s->account->control >= 0 && s->account->guest == 0;
}

static unsigned
special_of(struct svc_account_imap *s, uint64_t mailbox)
{
	struct store_mailbox m;
	arena_reset(s->scratch);
	return mailbox != 0 && store_mailbox_get(s->store, mailbox, s->scratch, &m) == ERR_OK
	    ? m.special
	    : 0;
}

void
svc_account_imap_teach_moved(struct svc_account_imap *s, uint64_t from, uint64_t to,
    const struct store_set *uids)
{
	struct lessons l = { .s = s, .mailbox = to };
	uint32_t junk = 0, fine = 0;
	if (!may_teach(s) || from == to || uids->n == 0) {
		return;
	}
	bool was = (special_of(s, from) & STORE_JUNK) != 0;
	unsigned special = special_of(s, to);
	l.junk = (special & STORE_JUNK) != 0;
	/* Junk thrown away is junk still. */
	bool lesson = l.junk != was && (l.junk || (special & STORE_TRASH) == 0);
	if (!lesson || find_marks(s, to, &junk, &fine) != ERR_OK) {
		return;
	}
	l.except = l.junk ? junk : fine;
	l.changed = fine;
	l.all_changed = was;
	teach(&l, uids);
}

void
svc_account_imap_teach_marked(struct svc_account_imap *s, const struct imap_flags *flags,
    const struct store_set *uids)
{
	struct lessons l = { .s = s, .mailbox = s->box.id };
	uint32_t junk = 0, fine = 0;
	bool is_junk = false, is_not = (flags->bits & STORE_ANSWERED) != 0;
	for (size_t i = 0; i < flags->n; i++) {
		is_junk |= is_mark(flags->keywords[i], true);
		is_not |= is_mark(flags->keywords[i], false);
	}
	if (!may_teach(s) || is_junk == is_not ||
	    find_marks(s, s->box.id, &junk, &fine) != ERR_OK) {
		return;
	}
	l.junk = is_junk;
	l.only = is_junk ? junk : fine | STORE_ANSWERED;
	l.except = is_junk ? 0 : junk;
	l.all_changed = is_not && (special_of(s, s->box.id) & STORE_JUNK) != 0;
	teach(&l, uids);
}
