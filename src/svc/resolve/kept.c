/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the last half a minute. libunbound has a cache as well, but behind a thread: asking
 * it costs two switches of threads and some forty system calls, and under load the same few names
 * are asked for with every letter. Kept is what may be believed: records, and names or records that
 * do not exist; never what is bogus or was not answered. Times to live count on.
 */
#include "svc/resolve/resolve.h"
#include "sys/random.h"

struct kept {
	int64_t since_ms;
	struct buf octets; /* an answer and its records, as they go over a channel */
	size_t records_n;
};

static void
drop(void *value)
{
	struct kept *k = value;
	buf_done(&k->octets);
}

enum err
svc_resolve_kept_init(struct svc_resolve *r)
{
	uint8_t key[16];
	sys_random(key, sizeof key);
	r->kept = lru_new(key, SVC_RESOLVE_KEPT_MAX, sizeof(struct kept), drop);
	return r->kept == NULL ? ERR_NOMEM : ERR_OK;
}

/* "type name"; case makes names different here, which costs a question and no more. */
static str
key_of(char room[DNS_NAME_MAX + 2], str name, uint16_t type)
{
	ASSERT(name.n <= DNS_NAME_MAX);
	room[0] = (char)(type >> 8);
	room[1] = (char)type;
	memcpy(room + 2, name.p, name.n);
	return str_make(room, name.n + 2);
}

void
svc_resolve_keep(struct svc_resolve *r, const struct svc_resolve_question *q,
    const struct svc_resolve_reply *reply, int64_t now_ms)
{
	char room[DNS_NAME_MAX + 2];
	const struct ipc_common_dns_answer *a = &reply->answer;
	bool sure = a->result == ERR_OK || a->result == ERR_NOTFOUND;
	if (!sure || a->ttl_s == 0 || q->path != &r->first) {
		return;
	}
	str key = key_of(room, str_make(q->name, q->name_n), q->type);
	struct kept *k = lru_put(r->kept, key);
	if (k == NULL) {
		return;
	}
	buf_done(&k->octets);
	buf_init(&k->octets, SVC_RESOLVE_KEPT_OCTETS);
	ipc_common_dns_answer_put(&k->octets, a);
	for (size_t i = 0; i < reply->records_n; i++) {
		ipc_common_dns_record_put(&k->octets, &reply->records[i]);
	}
	k->records_n = reply->records_n;
	k->since_ms = now_ms;
	if (buf_err(&k->octets) != ERR_OK) {
		lru_del(r->kept, key);
	}
}

static bool
read_kept(const struct kept *k, struct arena *a, struct svc_resolve_reply *ret)
{
	struct rd in = rd_make(buf_view(&k->octets));
	*ret = (struct svc_resolve_reply){ .records_n = k->records_n };
	ret->records = arena_array(a, k->records_n, sizeof *ret->records);
	if (ret->records == NULL) {
		return false;
	}
	ipc_common_dns_answer_get(&in, a, &ret->answer);
	for (size_t i = 0; i < k->records_n; i++) {
		ipc_common_dns_record_get(&in, a, &ret->records[i]);
	}
	return rd_end(&in) == ERR_OK;
}

bool
svc_resolve_kept(struct svc_resolve *r, str name, uint16_t type, int64_t now_ms,
    struct svc_resolve_reply *ret)
{
	char room[DNS_NAME_MAX + 2];
	struct kept *k = lru_get(r->kept, key_of(room, name, type));
	if (k == NULL) {
		return false;
	}
	int64_t age_ms = now_ms - k->since_ms;
	if (age_ms > SVC_RESOLVE_KEPT_MS || !read_kept(k, r->scratch, ret) ||
	    age_ms >= (int64_t)ret->answer.ttl_s * 1000) {
		lru_del(r->kept, key_of(room, name, type));
		return false;
	}
	ret->answer.ttl_s -= (uint32_t)(age_ms / 1000);
	return true;
}
