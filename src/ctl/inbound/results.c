/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern results: what the server said of an account's letters when they came, from its index. The
 * other process sends a line per letter; no address, subject or name is read.
 */
#include "ctl/ctl.h"
#include "ctl/mailbox.h"

enum {
	SHOWN = 50,  /* the newest letters of the mailbox */
	PIECE = 512, /* states read at a time */
	FIELDS = 9,  /* of a line */
	SCRATCH = 1 << 16,
};

struct results {
	struct store_conf conf;
	str mailbox;
};

/* --- in the other process ------------------------------------------------------------------ */

/* The newest of a mailbox, oldest first. */
static enum err
newest(struct store *s, uint64_t mailbox, struct store_msg *out, size_t *ret_n)
{
	static struct store_msg piece[PIECE];
	struct store_scan scan = { .mailbox = mailbox, .lo = 1, .hi = UINT32_MAX };
	size_t n = 0, got;
	do {
		TRY(store_msgs(s, &scan, piece, PIECE, &got));
		for (size_t i = 0; i < got; i++) {
			if (n == SHOWN) {
				memmove(out, out + 1, (SHOWN - 1) * sizeof *out);
				n--;
			}
			out[n++] = piece[i];
		}
		scan.lo = got > 0 ? piece[got - 1].uid + 1 : 0;
	} while (got > 0 && scan.lo != 0);
	*ret_n = n;
	return ERR_OK;
}

static void
put_word(struct buf *b, uint8_t result)
{
	str word = mail_authres_word((enum mail_authres)result);
	buf_ch(b, '\t');
	buf_str(b, word.n > 0 ? word : S("-"));
}

static enum err
tell(struct store *s, const struct store_msg *m, struct arena *a, struct ctl_worker *w)
{
	struct mail_results r = { 0 };
	char room[CTL_WORKER_LINE_MAX];
	struct buf b;
	enum err e = store_results(s, m->id, a, &r);
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	buf_init_fixed(&b, room, sizeof room);
	buf_printf(&b, "%u\t%lld", m->uid, (long long)m->saved_s);
	put_word(&b, r.spf);
	put_word(&b, r.dkim);
	put_word(&b, r.dmarc);
	put_word(&b, r.arc);
	buf_printf(&b, r.scored ? "\t%s%lld.%03u" : "\t-", r.score < 0 ? "-" : "",
	    (long long)(r.score < 0 ? -r.score : r.score) / 1000,
	    (unsigned)((r.score < 0 ? -r.score : r.score) % 1000));
	buf_cstr(&b, r.junk ? "\tyes\t" : "\tno\t");
	buf_str(&b, r.reason);
	ctl_worker_line(w, buf_view(&b));
	return ERR_OK;
}

static enum err
tell_all(struct store *s, const struct results *q, struct arena *a, struct ctl_worker *w)
{
	struct store_msg list[SHOWN];
	struct store_mailbox box;
	size_t n;
	TRY(store_mailbox_find(s, q->mailbox, a, &box));
	TRY(newest(s, box.id, list, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(tell(s, &list[i], a, w));
	}
	return ERR_OK;
}

static enum err
work(struct ctl_worker *w, struct ctl_worker_shared *sh)
{
	struct results *q = w->ctx;
	struct store *s = NULL;
	struct arena *a = arena_new(NULL, "results", SCRATCH, 0);
	enum err e = a == NULL ? ERR_NOMEM : store_open(&q->conf, &s);
	if (e == ERR_OK) {
		e = tell_all(s, q, a, w);
	}
	store_close(&s);
	arena_free(&a);
	return e;
}

/* --- in the command ------------------------------------------------------------------------ */

static const struct ctl_column columns[] = {
	{ "uid", "UID", 6, true },
	{ "came", "CAME", 20, false },
	{ "spf", "SPF", 9, false },
	{ "dkim", "DKIM", 9, false },
	{ "dmarc", "DMARC", 9, false },
	{ "arc", "ARC", 5, false },
	{ "score", "SCORE", 7, true },
	{ "junk", "JUNK", 5, false },
	{ "reason", "REASON", 0, false },
};
static_assert(LEN(columns) == FIELDS, "a column for each");

static void
put_text(struct ctl_out *o, const char *key, str v)
{
	if (v.n == 0 || str_eq(v, S("-"))) {
		ctl_out_none(o, key);
	} else {
		ctl_out_str(o, key, v);
	}
}

static void
line(struct ctl_worker *w, str text)
{
	struct ctl_out *o = &w->c->out;
	str field[FIELDS] = { { NULL, 0 } };
	uint64_t uid = 0, came = 0;
	for (size_t i = 0; i < FIELDS && str_next(&text, '\t', &field[i]);) {
		i++;
	}
	(void)str_u64(field[0], &uid);
	(void)str_u64(field[1], &came);
	ctl_out_item(o);
	ctl_out_u64(o, columns[0].key, uid);
	ctl_out_time(o, columns[1].key, (int64_t)came);
	for (size_t i = 2; i < FIELDS; i++) {
		if (i == 7) {
			ctl_out_bool(o, columns[i].key, str_eq(field[i], S("yes")));
		} else {
			put_text(o, columns[i].key, field[i]);
		}
	}
	ctl_out_item_end(o);
}

enum ctl_exit
ctl_cmd_results(struct ctl *c)
{
	struct results q = { .mailbox = c->args.pos_n > 1 ? ctl_arg(c, 1) : S("INBOX") };
	struct ctl_found found;
	enum ctl_exit x = ctl_mailbox_find(c, &found, &q.conf);
	if (x != CTL_OK) {
		return x;
	}
	struct ctl_worker w = { .c = c,
		.owner_of = found.owner_of,
		.paths = { { .path = found.owner_of, .rights = SYS_MAY_ALL } },
		.paths_n = 1,
		.work = work,
		.line = line,
		.ctx = &q };
	ctl_out_list(&c->out, "letters", columns, LEN(columns));
	enum err e = ctl_worker_run(&w);
	ctl_out_list_end(&c->out);
	ctl_worker_done(&w);
	if (e == ERR_NOTFOUND) {
		return ctl_fail(c, CTL_FAILED, e, "account %llu has no mailbox %.*s",
		    (unsigned long long)found.account, STR_ARG(q.mailbox));
	}
	return e == ERR_OK ? CTL_OK : ctl_mailbox_failed(c, &found, e);
}
