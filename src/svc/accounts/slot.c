/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When nobody has an account open and its quota is not nearly used up, its letters need no delivery
 * process: the queue is handed the one file they may be left in. Why: doc/why/021-arrivals.md.
 */
#include "ipc/queue_accounts.h"
#include "store/arrivals/arrivals.h"
#include "svc/accounts/accounts.h"
#include "sys/sys.h"

static void
answer(struct svc_accounts *s, const struct ipc_queue_accounts_slotted *m, int fd)
{
	buf_reset(&s->out);
	ipc_queue_accounts_slotted_put(&s->out, m);
	(void)(svc_common_link_send(&s->queue, &s->out, fd) == ERR_OK);
}

void
svc_accounts_slot_refuse(struct svc_accounts *s, uint64_t account, uint64_t job)
{
	struct ipc_queue_accounts_slotted m = {
		.job = job, .account = account, .result = ERR_UNAVAILABLE
	};
	answer(s, &m, -1);
}

/* ---- quotas ---- */

static str
key_of(const uint64_t *account)
{
	return str_make(account, sizeof *account);
}

/* Of an account at rest: nothing but letters that are left can be added until it is forgotten. */
void
svc_accounts_slot_usage(struct svc_accounts *s, uint64_t account, struct svc_accounts_usage u)
{
	struct svc_accounts_usage *kept = lru_put(s->usages, key_of(&account));
	if (kept != NULL) {
		*kept = u;
	}
}

void
svc_accounts_slot_forget(struct svc_accounts *s, uint64_t account)
{
	lru_del(s->usages, key_of(&account));
}

/* Even a full file of arrivals would not exceed the quota. */
static bool
has_room(struct svc_accounts *s, const struct svc_accounts_facts *f)
{
	if (f->quota_octets == 0 && f->quota_messages == 0) {
		return true;
	}
	const struct svc_accounts_usage *u = lru_get(s->usages, key_of(&f->account));
	return u != NULL &&
	    (f->quota_octets == 0 ||
		(u->octets <= f->quota_octets &&
		    f->quota_octets - u->octets >= STORE_ARRIVALS_OCTETS_MAX)) &&
	    (f->quota_messages == 0 ||
		(u->messages <= f->quota_messages &&
		    f->quota_messages - u->messages >= STORE_ARRIVALS_LETTERS_MAX));
}

/* ---- who gets one ---- */

/*
 * Who is there hears of a letter sooner from a delivery process, which need not make it durable
 * first.
 */
static bool
needs_process(struct svc_accounts *s, const struct svc_accounts_facts *f)
{
	bool active = f->state == ERR_OK || f->state == ERR_DISABLED;
	return !active || s->quitting || !has_room(s, f) ||
	    map_get(s->families, f->account) != NULL;
}

void
svc_accounts_slot_give(struct svc_accounts *s, const struct svc_accounts_facts *f, uint64_t job)
{
	struct svc_accounts_path room;
	struct ipc_queue_accounts_slotted m = { .job = job, .account = f->account };
	int fd SYS_FD_AUTO = -1;
	if (needs_process(s, f) ||
	    store_arrivals_open(svc_accounts_folder(s, f->account, &room), &fd) != ERR_OK) {
		svc_accounts_slot_refuse(s, f->account, job);
		return;
	}
	/* sys_chan_send takes what it is given; ours goes with it */
	int given = fd;
	fd = -1;
	answer(s, &m, given);
}

/* Whoever came to look between our answer and the letter has not seen it. */
void
svc_accounts_slot_used(struct svc_accounts *s, uint64_t account)
{
	struct svc_accounts_family *f = map_get(s->families, account);
	if (f != NULL) {
		svc_accounts_changed(s, f, NULL, STORE_ARRIVALS_MAILBOX);
	}
}
