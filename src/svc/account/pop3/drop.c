/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maildrop (RFC 1939 5): the messages INBOX held at log-in, read from the index in one go;
 * nothing is opened per message. One POP3 session at a time has it, by a lock on a file in the
 * account's folder that the kernel takes back when this process ends, however it ends. IMAP and
 * deliveries do not care for that lock; what they add or remove this session does not number.
 */
#include "svc/account/pop3/session.h"

#include "base/mem.h"
#include "store/limits.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

static_assert(STORE_MESSAGE_MAX < 1 << 30, "struct svc_account_pop3_msg keeps 30 bits of size");

/* ---- the lock ----------------------------------------------------------------------------- */

/* The session before us may be about to end: its client has closed and comes back at once. */
static enum err
wait_for_lock(struct svc_account_pop3 *s, int fd)
{
	int64_t end = sys_clock_ms() + SVC_ACCOUNT_POP3_LOCK_MS;
	enum err e;
	while ((e = sys_file_lock(fd, true, false)) == ERR_BUSY && sys_clock_ms() < end &&
	    !s->quit) {
		struct sys_wait_item control = { .fd = s->account->control, .want_read = true };
		e = sys_wait_any(&control, s->account->control < 0 ? 0 : 1,
		    SVC_ACCOUNT_POP3_LOCK_STEP_MS);
		if (e == ERR_OK) {
			svc_account_pop3_control(s);
		}
	}
	return e;
}

static enum err
take_lock(struct svc_account_pop3 *s)
{
	int dir = -1, fd = -1;
	TRY(sys_dir_open(SYS_CWD, s->account->folder, &dir));
	enum err e = sys_file_open(dir, S("pop3.lock"), SYS_WRITE | SYS_CREATE, &fd);
	sys_close(&dir);
	TRY(e);
	e = wait_for_lock(s, fd);
	if (e != ERR_OK) {
		sys_close(&fd);
		return e;
	}
	s->drop.lock = fd;
	return ERR_OK;
}

/* ---- the list ----------------------------------------------------------------------------- */

static enum err
find_inbox(struct svc_account_pop3 *s)
{
	struct store_mailbox m;
	arena_reset(s->arena);
	TRY(store_mailbox_find(s->account->store, S("INBOX"), s->arena, &m));
	s->drop.mailbox = m.id;
	s->drop.uidvalidity = m.uidvalidity;
	return ERR_OK;
}

static enum err
make_room(struct svc_account_pop3_drop *d, size_t n)
{
	if (d->n + n <= d->cap) {
		return ERR_OK;
	}
	size_t cap = MAX(d->cap * 2, d->n + n);
	struct svc_account_pop3_msg *grown = mem_resize(d->msg, cap * sizeof *grown);
	if (grown == NULL) {
		return ERR_NOMEM;
	}
	d->msg = grown;
	d->cap = cap;
	return ERR_OK;
}

static void
add(struct svc_account_pop3_drop *d, const struct store_msg *m)
{
	d->msg[d->n++] = (struct svc_account_pop3_msg){
		.id = m->id, .uid = m->uid, .size = m->size
	};
	d->octets += m->size;
	d->left++;
}

static enum err
read_list(struct svc_account_pop3 *s)
{
	struct svc_account_pop3_drop *d = &s->drop;
	struct store_scan scan = { .mailbox = d->mailbox, .lo = 1, .hi = UINT32_MAX };
	struct store_msg *some = mem_zalloc(SVC_ACCOUNT_POP3_SCAN, sizeof *some);
	enum err e = some == NULL ? ERR_NOMEM : ERR_OK;
	while (e == ERR_OK && d->n < SVC_ACCOUNT_POP3_MESSAGES_MAX) {
		size_t n = 0;
		e = store_msgs(s->account->store, &scan, some, SVC_ACCOUNT_POP3_SCAN, &n);
		e = e == ERR_OK ? make_room(d, n) : e;
		for (size_t i = 0; e == ERR_OK && i < n; i++) {
			add(d, &some[i]);
		}
		if (n == 0 || some[n - 1].uid == UINT32_MAX) {
			break;
		}
		scan.lo = some[n - 1].uid + 1;
	}
	mem_drop(some);
	return e;
}

enum err
svc_account_pop3_drop_open(struct svc_account_pop3 *s)
{
	TRY(take_lock(s));
	TRY(find_inbox(s));
	return read_list(s);
}

void
svc_account_pop3_drop_done(struct svc_account_pop3_drop *d)
{
	sys_close(&d->lock);
	mem_drop(d->msg);
	*d = (struct svc_account_pop3_drop){ .lock = -1 };
}

/* ---- marks -------------------------------------------------------------------------------- */

struct svc_account_pop3_msg *
svc_account_pop3_drop_find(struct svc_account_pop3 *s, uint32_t msg)
{
	struct svc_account_pop3_msg *m = msg == 0 || msg > s->drop.n ? NULL : &s->drop.msg[msg - 1];
	if (m == NULL || m->marked) {
		svc_account_pop3_say(s, m == NULL ? POP3_RE_NO_MESSAGE : POP3_RE_IS_MARKED);
		return NULL;
	}
	return m;
}

void
svc_account_pop3_drop_mark(struct svc_account_pop3_drop *d, struct svc_account_pop3_msg *m)
{
	m->marked = true;
	d->left--;
	d->octets -= m->size;
}

void
svc_account_pop3_drop_unmark_all(struct svc_account_pop3_drop *d)
{
	for (size_t i = 0; i < d->n; i++) {
		d->octets += d->msg[i].marked ? d->msg[i].size : 0;
		d->msg[i].marked = false;
	}
	d->left = d->n;
}

/* ---- the UPDATE state --------------------------------------------------------------------- */

static enum err
remove_marked(struct svc_account_pop3 *s)
{
	const struct svc_account_pop3_drop *d = &s->drop;
	struct store_set uids;
	if (d->left == d->n) {
		return ERR_OK;
	}
	store_set_init(&uids);
	for (size_t i = 0; i < d->n; i++) {
		if (d->msg[i].marked) {
			store_set_add(&uids, d->msg[i].uid, d->msg[i].uid);
		}
	}
	enum err e = store_set_err(&uids);
	e = e == ERR_OK ? store_expunge(s->account->store, d->mailbox, &uids, false, NULL) : e;
	s->removed = e == ERR_OK ? store_set_count(&uids) : 0;
	store_set_done(&uids);
	return e;
}

/* Who was given a message has seen it, says the rest of the world; nothing is promised here. */
static bool
mark_seen(struct svc_account_pop3 *s)
{
	const struct svc_account_pop3_drop *d = &s->drop;
	struct store_set uids;
	struct store_changed what;
	enum err e = ERR_NOTFOUND;
	store_set_init(&uids);
	for (size_t i = 0; i < d->n; i++) {
		if (d->msg[i].fetched && !d->msg[i].marked) {
			store_set_add(&uids, d->msg[i].uid, d->msg[i].uid);
		}
	}
	if (uids.n > 0 && store_set_err(&uids) == ERR_OK) {
		struct store_change c = { .mailbox = d->mailbox,
			.uids = &uids,
			.op = STORE_FLAGS_ADD,
			.flags = STORE_SEEN };
		e = store_flags(s->account->store, &c, &what, NULL);
	}
	store_set_done(&uids);
	return e == ERR_OK;
}

enum err
svc_account_pop3_drop_update(struct svc_account_pop3 *s)
{
	enum err e = remove_marked(s);
	if (mark_seen(s) || s->removed > 0) {
		svc_account_pop3_changed(s);
	}
	return e;
}
