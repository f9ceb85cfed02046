/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From libunbound's result to an answer: which of secure, insecure and bogus it is, and whether
 * there is no such name, no such record, or no answer. Bogus data never leaves this process.
 */
#include "svc/resolve/resolve.h"

#include <unbound.h>

enum { WHY_MAX = 255 };

/* Where the aliases ended; the name asked for when there were none. */
static str
canonical(struct arena *a, const struct svc_resolve_question *q, const struct ub_result *res)
{
	str name = res->canonname == NULL ? str_make(q->name, q->name_n) : str_from(res->canonname);
	if (name.n > 0 && name.p[name.n - 1] == '.') {
		name.n--;
	}
	if (name.n > DNS_NAME_MAX) {
		return STR_NONE;
	}
	char *lower = arena_alloc(a, name.n + 1);
	for (size_t i = 0; i < name.n && lower != NULL; i++) {
		lower[i] = ascii_lower(name.p[i]);
	}
	return lower == NULL ? STR_NONE : str_make(lower, name.n);
}

/* All records that fit a message, in the order in which they came. */
static void
add_records(struct arena *a, const struct ub_result *res, struct svc_resolve_reply *ret)
{
	size_t octets = 0;
	ret->records = arena_array(a, SVC_RESOLVE_RECORDS_MAX, sizeof *ret->records);
	for (size_t i = 0; ret->records != NULL && res->data[i] != NULL; i++) {
		size_t n = (size_t)res->len[i];
		if (ret->records_n == SVC_RESOLVE_RECORDS_MAX) {
			break;
		}
		if (n <= SVC_RESOLVE_RECORD_MAX && octets + n <= SVC_RESOLVE_OCTETS_MAX) {
			ret->records[ret->records_n++].rdata = str_make(res->data[i], n);
			octets += n;
		}
	}
	if (ret->records_n == 0) { /* not the same as no records */
		ret->answer.result = ERR_AGAIN;
		ret->answer.why = S("the records are too large");
	}
}

static void
judge_failure(const struct ub_result *res, struct svc_resolve_reply *ret)
{
	ret->answer.result = ERR_AGAIN;
	ret->answer.why = res->rcode == DNS_SERVFAIL ? S("no server gave a usable answer")
						     : S("the servers refuse to answer");
}

void
svc_resolve_judge(struct arena *a, const struct svc_resolve_question *q, int err,
    const struct ub_result *res, struct svc_resolve_reply *ret)
{
	struct ipc_common_dns_answer *answer = &ret->answer;
	*ret = (struct svc_resolve_reply){
		.answer = { .result = ERR_AGAIN, .trust = DNS_TRUST_UNKNOWN, .rcode = DNS_SERVFAIL }
	};
	if (err != 0 || res == NULL) {
		answer->why = str_from(ub_strerror(err));
		return;
	}
	answer->rcode = (uint16_t)res->rcode;
	answer->ttl_s = res->ttl > 0 ? (uint32_t)res->ttl : 0;
	answer->canonical = canonical(a, q, res);
	if (res->bogus) {
		answer->result = ERR_CORRUPT;
		answer->trust = DNS_BOGUS;
		answer->rcode = DNS_SERVFAIL; /* RFC 4035 5.5 */
		answer->why = str_sub(str_from(res->why_bogus), 0, WHY_MAX);
		return;
	}
	if (res->rcode != DNS_NOERROR && res->rcode != DNS_NXDOMAIN) {
		judge_failure(res, ret);
		return;
	}
	answer->trust = res->secure ? DNS_SECURE : DNS_INSECURE;
	answer->result = res->nxdomain ? ERR_NOTFOUND : ERR_OK;
	if (res->havedata) {
		add_records(a, res, ret);
	}
}
