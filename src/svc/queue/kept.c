/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large message comes in a sealed memory file. It is kept open for a while, so that delivery can
 * hand the same file on and need not read the journal. Nothing depends on it: what is not kept, or
 * is tried again, is read back.
 */
#include "base/mem.h"
#include "svc/queue/queue.h"
#include "sys/file.h"
#include "sys/sys.h"

struct svc_queue_kept {
	struct list node; /* in svc_queue.kept, by age */
	struct svc_queue_parcel *parcel;
	int fd;
	str prefix; /* behind the struct */
};

void
svc_queue_kept_drop(struct svc_queue_parcel *p)
{
	struct svc_queue_kept *k = p->kept;
	if (k != NULL) {
		p->kept = NULL;
		p->q->kept_octets -= p->size;
		list_remove(&k->node);
		sys_close(&k->fd);
		mem_drop(k);
	}
}

static bool
is_whole(const struct svc_queue_parcel *p, str prefix, int fd)
{
	struct sys_stat st;
	return fd >= 0 && sys_file_is_sealed(fd) && prefix.n <= p->size &&
	    sys_file_stat_fd(fd, &st) == ERR_OK && st.size == p->size - prefix.n;
}

void
svc_queue_keep(struct svc_queue_parcel *p, str prefix, int *fd)
{
	struct svc_queue *q = p->q;
	struct svc_queue_kept *k = NULL;
	if (p->size > SVC_QUEUE_KEPT_OCTETS || !is_whole(p, prefix, *fd) ||
	    (k = mem_zalloc(1, sizeof *k + prefix.n)) == NULL) {
		return;
	}
	while (q->kept_octets > SVC_QUEUE_KEPT_OCTETS - p->size) {
		svc_queue_kept_drop(LIST_ENTRY(q->kept.next, struct svc_queue_kept, node)->parcel);
	}
	*k = (struct svc_queue_kept){ .parcel = p, .fd = *fd };
	k->prefix = (str){ (char *)(k + 1), prefix.n };
	if (prefix.n > 0) {
		memcpy(k + 1, prefix.p, prefix.n);
	}
	*fd = -1;
	p->kept = k;
	q->kept_octets += p->size;
	list_push(&q->kept, &k->node);
}

bool
svc_queue_kept_body(const struct svc_queue_parcel *p, str *ret_prefix, int *ret_fd)
{
	if (p->kept == NULL || sys_dup(p->kept->fd, ret_fd) != ERR_OK) {
		return false;
	}
	*ret_prefix = p->kept->prefix;
	return true;
}
