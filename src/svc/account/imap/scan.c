/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a set of uids by taking states from the store in large pieces: ranges that lie close
 * together are read as one.
 */
#include "svc/account/imap/qresync.h"

enum { NEAR = SVC_ACCOUNT_IMAP_SCAN }; /* a gap up to here is read over */

struct svc_account_imap_scan *
svc_account_imap_scan_box(struct svc_account_imap *s, const struct svc_account_imap_box *box,
    const struct store_set *uids, uint64_t since)
{
	struct svc_account_imap_scan *scan = ARENA_NEW(s->work, struct svc_account_imap_scan);
	if (scan != NULL) {
		scan->s = s;
		scan->box = box;
		scan->uids = uids;
		scan->since = since;
		scan->next_uid = 1;
		scan->end = uids->n == 0;
	}
	return scan;
}

struct svc_account_imap_scan *
svc_account_imap_scan_new(struct svc_account_imap *s, const struct store_set *uids, uint64_t since)
{
	return svc_account_imap_scan_box(s, &s->box, uids, since);
}

/* The ranges from `first` on that are read in one go: where the last of them ends. */
static uint32_t
reach(const struct store_set *uids, size_t first)
{
	uint32_t hi = uids->v[first].hi;
	while (++first < uids->n && uids->v[first].lo - hi < NEAR) {
		hi = uids->v[first].hi;
	}
	return hi;
}

/* Skip ranges that end before `uid`; false when none is left. */
static bool
advance(struct svc_account_imap_scan *scan, uint32_t uid)
{
	while (scan->range < scan->uids->n && scan->uids->v[scan->range].hi < uid) {
		scan->range++;
	}
	return scan->range < scan->uids->n;
}

static enum err
fill(struct svc_account_imap_scan *scan)
{
	scan->at = scan->n = 0;
	while (scan->n == 0 && !scan->end) {
		uint32_t uidnext = scan->box->view.uidnext;
		if (scan->next_uid == 0 || !advance(scan, scan->next_uid)) {
			scan->end = true;
			break;
		}
		uint32_t lo = MAX(scan->next_uid, scan->uids->v[scan->range].lo);
		uint32_t hi = MIN(reach(scan->uids, scan->range), uidnext - 1);
		if (lo > hi) {
			scan->end = true;
			break;
		}
		struct store_scan want = { scan->box->id, lo, hi, scan->since };
		TRY(store_msgs(scan->s->store, &want, scan->msgs, LEN(scan->msgs), &scan->n));
		if (scan->box == &scan->s->box) {
			TRY(svc_account_imap_learn_keywords(scan->s, scan->msgs, scan->n));
		}
		scan->next_uid = scan->n == 0 ? hi + 1 : scan->msgs[scan->n - 1].uid + 1;
	}
	return ERR_OK;
}

enum err
svc_account_imap_scan_next(struct svc_account_imap_scan *scan, const struct store_msg **ret)
{
	*ret = NULL;
	while (true) {
		if (scan->at == scan->n) {
			TRY(fill(scan));
			if (scan->n == 0) {
				return ERR_OK;
			}
		}
		const struct store_msg *m = &scan->msgs[scan->at++];
		if (!advance(scan, m->uid)) {
			scan->end = true;
			scan->at = scan->n = 0;
			return ERR_OK;
		}
		if (scan->uids->v[scan->range].lo > m->uid) {
			continue;
		}
		scan->seq = store_view_seq(&scan->box->view, m->uid);
		if (scan->seq != 0) {
			*ret = m;
			return ERR_OK;
		}
	}
}
