/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From fork to exit. The order matters: the sandbox comes before the index is opened, and the index
 * before the first octet from outside.
 */
#include "svc/account/child.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "ipc/accounts_account.h"
#include "store/care.h"
#include "svc/account/account.h"
#include "svc/common/log.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include "sys/sys.h"

static enum err
lock_in(const struct svc_account_start *s)
{
	struct sys_sandbox_path own = { .path = s->folder, .rights = SYS_MAY_ALL };
	struct sys_sandbox_state state;
	return sys_sandbox_enter(s->sandbox, &own, 1, &state);
}

static enum err
open_store(const struct svc_account_start *s, struct store **ret)
{
	struct store_conf conf = { .path = s->folder,
		.boot_id = s->boot_id,
		.create = s->guest == 0,
		.quota_octets = s->quota_octets,
		.quota_messages = s->quota_messages,
		.trigram_from = s->conf->store_trigram_from };
	return store_open(&conf, ret);
}

static enum err
open_later(struct svc_account *a)
{
	return open_store(a->start, &a->store);
}

/* ManageSieve logs in, but nobody serves it yet: say so and end. */
static enum err
refuse_session(const struct svc_account_start *s)
{
	return sys_file_append(s->stream,
	    S("BYE (TRYLATER) \"Sieve scripts are not available here yet\"\r\n"));
}

static bool
is_pop3(const struct svc_account_start *s)
{
	return s->protocol == SYS_POP3 || s->protocol == SYS_POP3S;
}

void
svc_account_tell_usage(struct svc_account *a)
{
	struct store_quota q;
	struct buf out;
	if (a->store == NULL || store_quota(a->store, &q) != ERR_OK ||
	    (q.octets_max == 0 && q.messages_max == 0)) {
		return;
	}
	struct ipc_accounts_account_usage m = { .octets = q.octets, .messages = q.messages };
	buf_init(&out, 64);
	ipc_accounts_account_usage_put(&out, &m);
	(void)(sys_chan_send_wait(a->control, &out, -1, 0) == ERR_OK);
	buf_done(&out);
}

static enum err
run(struct svc_account *a, const struct svc_account_start *s)
{
	struct svc_account_login login = {
		.tag = s->tag, .unread = s->unread, .octets = s->octets, .parked = s->parked
	};
	if (s->guest != 0) {
		return svc_account_imap_shared_serve(a, s->visit);
	}
	if (s->queue >= 0) {
		return svc_account_deliver_run(a, s->queue);
	}
	if (s->protocol == SYS_IMAP || s->protocol == SYS_IMAPS) {
		return svc_account_imap_run(a, &login);
	}
	if (is_pop3(s)) {
		return svc_account_pop3_run(a, &login);
	}
	return refuse_session(s);
}

/* In and out: the store, which a session that was calm may have opened, or not. */
static enum err
serve(const struct svc_account_start *s, struct store **store)
{
	struct svc_account a = { .stream = s->stream,
		.control = s->control,
		.store = *store,
		.open = open_later,
		.start = s,
		.conf = s->conf,
		.folder = s->folder,
		.name = s->name,
		.account = s->account,
		.session = s->session,
		.guest = s->guest };
	enum err e = run(&a, s);
	svc_account_tell_usage(&a);
	*store = a.store;
	return e;
}

static enum err
say_unavailable(const struct svc_account_start *s)
{
	bool imap = s->protocol == SYS_IMAP || s->protocol == SYS_IMAPS;
	if (s->queue >= 0 || s->guest != 0 || (!imap && !is_pop3(s))) {
		return ERR_OK;
	}
	return sys_file_append(s->stream,
	    imap ? S("* BYE [UNAVAILABLE] the mailbox cannot be opened now; try again later\r\n")
		 : S("-ERR [SYS/TEMP] the maildrop cannot be opened now; try again later\r\n"));
}

/* The client is gone, or rests at gate: time to give back the room of what it removed. */
static void
tidy(const struct svc_account_start *s, struct store *store)
{
	int stream = s->stream;
	if (s->queue >= 0 || store == NULL) {
		return;
	}
	sys_close(&stream);
	enum err e = store_tidy(store);
	if (e != ERR_OK) {
		LOG(ACCOUNT_TIDY_FAILED, F_U64("account", s->account), F_ERR(e));
	}
}

void
svc_account_child(const struct svc_account_start *s)
{
	struct store *store = NULL;
	enum err e = lock_in(s);
	e = e != ERR_OK || s->calm ? e : open_store(s, &store);
	if (e != ERR_OK) {
		LOG(ACCOUNT_OPEN_FAILED, F_U64("account", s->account), F_ERR(e));
		(void)(say_unavailable(s) == ERR_OK);
		sys_exit(SVC_ACCOUNT_UNAVAILABLE);
	}
	e = serve(s, &store);
	tidy(s, store);
	if (store != NULL) {
		store_leave(store);
	}
	if (e != ERR_OK && e != ERR_EOF && e != ERR_TIMEOUT) {
		LOG(ACCOUNT_ENDED, F_U64("account", s->account), F_ID("session", s->session),
		    F_ERR(e));
		sys_exit(SVC_ACCOUNT_FAILED);
	}
	sys_exit(SVC_ACCOUNT_DONE);
}
