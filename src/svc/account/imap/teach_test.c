/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told to accounts when letters are sorted: which are junk, which are not, which had been
 * the other thing; how many at most; and that features are those of the letter, whatever its way.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"
#include "filter/filter.h"
#include "ipc/accounts_account.h"
#include "svc/account/imap/teach/teach.h"
#include "sys/chan.h"
#include "sys/sys.h"

static const char letter[] = "From: Ann <ann@example.org>\nTo: user@example.org\nSubject: cheap\n"
			     "Message-ID: <1@example.org>\n\nBuy now, it is cheap.\n";

/* Lessons heard since the last look: "+" junk, "-" good, "u" when it had been the other thing. */
struct heard {
	char text[256];
	size_t n;
	char features[FILTER_FEATURES_OCTETS]; /* of the last */
	size_t features_n;
};

static enum err
on_learn(void *ctx, const struct ipc_accounts_account_learn *m, int *fd)
{
	struct heard *h = ctx;
	CHECK(m->features.n > 40 && m->features.n <= sizeof(h->features));
	memcpy(h->features, m->features.p, m->features.n);
	h->features_n = m->features.n;
	if (CHECK(h->n + 2 < sizeof(h->text))) {
		h->text[h->n++] = m->junk ? '+' : '-';
		if (m->undo) {
			h->text[h->n++] = 'u';
		}
	}
	return ERR_OK;
}

static enum err
on_changed(void *ctx, const struct ipc_accounts_account_changed *m, int *fd)
{
	return ERR_OK;
}

static void
listen(struct svc_account_imap_trial *t, struct heard *h)
{
	static const struct ipc_accounts_account_at_accounts handlers = { .changed = on_changed,
		.learn = on_learn };
	struct arena *a = arena_new(NULL, "heard", 1 << 20, 0);
	struct buf in;
	int fd = -1;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	h->n = 0;
	while (sys_chan_recv(t->accounts, &in, &fd) == ERR_OK) {
		CHECK_ERR(ipc_accounts_account_accounts_dispatch(&handlers, h, buf_view(&in), &fd,
			      a),
		    ERR_OK);
	}
	buf_done(&in);
	arena_free(&a);
}

struct scene {
	struct store_conf conf;
	struct svc_account_imap_trial t;
	struct heard heard;
};

static void
begin(struct scene *w, const char *name)
{
	*w = (struct scene){ 0 };
	w->conf = svc_account_imap_trial_account(name);
	svc_account_imap_trial_begin(&w->t, &w->conf);
	svc_account_imap_trial_turn(&w->t, "a CREATE Box", NULL);
	svc_account_imap_trial_append(&w->t, "INBOX", "()", letter);
	svc_account_imap_trial_turn(&w->t, "a SELECT INBOX", NULL);
	listen(&w->t, &w->heard);
	CHECK_U64(w->heard.n, 0);
}

static void
end(struct scene *w)
{
	svc_account_imap_trial_end(&w->t);
	svc_account_imap_trial_remove(&w->conf);
}

struct step {
	const char *send, *lessons;
};

static void
play(struct scene *w, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		svc_account_imap_trial_turn(&w->t, steps[i].send, NULL);
		listen(&w->t, &w->heard);
		CHECK_STR(str_make(w->heard.text, w->heard.n), str_from(steps[i].lessons));
		if (str_find(buf_view(&w->t.got), S("a OK")) < 0) {
			CHECK_STR(buf_view(&w->t.got), S("a OK"));
		}
	}
}

static void
moves(void)
{
	static const struct step steps[] = {
		{ "a UID MOVE 1 Box", "" },
		{ "a SELECT Box", "" },
		{ "a UID MOVE 1 Junk", "+" },
		{ "a SELECT Junk", "" },
		{ "a UID COPY 1 Junk", "" },
		{ "a UID COPY 1 Trash", "" },
		{ "a UID COPY 1:* INBOX", "-u-u" },
		{ "a UID MOVE 1 INBOX", "-u" },
		{ "a UID MOVE 9 INBOX", "" },
	};
	struct scene w;
	begin(&w, "teach-moves");
	play(&w, steps, LEN(steps));
	end(&w);
}

/* A mark teaches; what is marked already is not taught again by being moved. */
static void
marks(void)
{
	static const struct step steps[] = {
		{ "a STORE 1 +FLAGS (\\Seen $Forwarded)", "" },
		{ "a STORE 1 +FLAGS.SILENT ($Junk)", "+" },
		{ "a UID MOVE 1 Junk", "" },
		{ "a SELECT Junk", "" },
		{ "a STORE 1 -FLAGS ($Junk)", "" },
		{ "a STORE 1 +FLAGS (NonJunk)", "-u" },
		{ "a UID MOVE 1 INBOX", "" },
		{ "a SELECT INBOX", "" },
		{ "a UID MOVE 2 Junk", "+u" },
		{ "a SELECT Junk", "" },
		{ "a UID STORE 7:* +FLAGS ($Junk $NotJunk)", "" },
		{ "a STORE 1 FLAGS ($NotJunk)", "-u" },
	};
	struct scene w;
	begin(&w, "teach-marks");
	play(&w, steps, LEN(steps));
	end(&w);
}

/* Who answers a letter does not think it junk. */
static void
answers(void)
{
	static const struct step steps[] = {
		{ "a STORE 1 +FLAGS (\\Answered)", "-" },
		{ "a STORE 1 -FLAGS (\\Answered)", "" },
		{ "a STORE 1 +FLAGS ($Junk)", "+" },
		{ "a STORE 1 +FLAGS (\\Answered)", "" },
	};
	struct scene w;
	begin(&w, "teach-answers");
	play(&w, steps, LEN(steps));
	end(&w);
}

static void
appends(void)
{
	struct scene w;
	begin(&w, "teach-appends");
	svc_account_imap_trial_append(&w.t, "Junk", "()", letter);
	listen(&w.t, &w.heard);
	CHECK_STR(str_make(w.heard.text, w.heard.n), S("+"));
	svc_account_imap_trial_append(&w.t, "Junk", "($Junk)", letter);
	listen(&w.t, &w.heard);
	CHECK_U64(w.heard.n, 0);
	svc_account_imap_trial_append(&w.t, "Sent", "()", letter);
	listen(&w.t, &w.heard);
	CHECK_U64(w.heard.n, 0);
	end(&w);
}

/* Thousands moved at once: the first fifty teach, all are moved. */
static void
bounded(void)
{
	struct scene w;
	begin(&w, "teach-bounded");
	for (int i = 0; i < SVC_ACCOUNT_IMAP_TEACH_COMMAND + 30; i++) {
		svc_account_imap_trial_append(&w.t, "INBOX", "()", letter);
	}
	listen(&w.t, &w.heard);
	svc_account_imap_trial_turn(&w.t, "a MOVE 1:* Junk", NULL);
	listen(&w.t, &w.heard);
	CHECK_U64(w.heard.n, SVC_ACCOUNT_IMAP_TEACH_COMMAND);
	svc_account_imap_trial_turn(&w.t, "a STATUS Junk (MESSAGES)",
	    "* STATUS Junk (MESSAGES 81)\na OK STATUS done\n");
	w.t.session.taught = SVC_ACCOUNT_IMAP_TEACH_SESSION - 1;
	svc_account_imap_trial_turn(&w.t, "a SELECT Junk", NULL);
	svc_account_imap_trial_turn(&w.t, "a MOVE 1:5 INBOX", NULL);
	listen(&w.t, &w.heard);
	CHECK_STR(str_make(w.heard.text, w.heard.n), S("-u"));
	end(&w);
}

/* A guest sorts somebody else's letters; a session without accounts has nobody to tell. */
static void
silent(void)
{
	static const struct step steps[] = { { "a UID COPY 1 Junk", "" } };
	static const struct step visit[] = { { "a UID COPY 1 \"Other Users/u/Junk\"", "" } };
	struct store_annotation all = { .entry = S("acl:v"), .value = S("9 lri") };
	struct store_mailbox junk = { 0 };
	struct scene w;
	begin(&w, "teach-silent");
	int control = w.t.account.control;
	w.t.account.control = -1;
	play(&w, steps, LEN(steps));
	w.t.account.control = control;
	CHECK_ERR(store_mailbox_find(w.t.store, S("Junk"), w.t.session.work, &junk), ERR_OK);
	all.mailbox = junk.id;
	CHECK_ERR(store_annotate(w.t.store, &all, 1, NULL), ERR_OK);
	w.t.account.guest = 9;
	w.t.session.shared.prefix = S("Other Users/u/");
	w.t.session.shared.open = w.t.session.box.id;
	play(&w, visit, LEN(visit));
	end(&w);
}

/* What is taught is what the scanner saw: the same numbers, but for what delivery put above. */
static void
features(void)
{
	static const char octets[] = "From: Ann <ann@example.org>\r\nTo: user@example.org\r\n"
				     "Subject: cheap\r\nMessage-ID: <1@example.org>\r\n\r\n"
				     "Buy now, it is cheap.\r\n";
	struct arena *a = arena_new(NULL, "test", 32 << 20, 0);
	struct mail_mime m;
	struct filter_seen seen;
	struct scene w;
	begin(&w, "teach-features");
	svc_account_imap_trial_turn(&w.t, "a UID MOVE 1 Junk", NULL);
	listen(&w.t, &w.heard);
	CHECK_ERR(mail_mime_parse(str_from(octets), a, &m), ERR_OK);
	CHECK_ERR(filter_features(&m, S("mx.example.org"), 0, a, &seen), ERR_OK);
	CHECK_STR(str_make(w.heard.features, w.heard.features_n), seen.octets);
	arena_free(&a);
	end(&w);
}

TEST_MAIN(moves, marks, answers, appends, bounded, silent, features)
