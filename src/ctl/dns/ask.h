/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to DNS for the administrator's command: by the paths of the server's resolve process,
 * or straight to one DNS server.
 */
#ifndef CTL_DNS_ASK_H
#define CTL_DNS_ASK_H

#include "ctl/ctl.h"
#include "proto/dns/dns.h"

enum {
	CTL_DNS_QUESTIONS_MAX = 100, /* at a time; resolve allows an administrator 200 */
	CTL_DNS_SERVERS_MAX = 1,     /* --server is given once */
};

/* Who is asked. */
enum ctl_dns_path { CTL_DNS_FIRST, CTL_DNS_SECOND, CTL_DNS_SERVER, CTL_DNS_PATHS };

/* As in record dns_answer of the IPC; everything lives in c->arena. */
struct ctl_dns_answer {
	enum err result;
	uint8_t trust; /* enum dns_trust */
	uint16_t rcode;
	uint32_t ttl_s, took_ms;
	str canonical, why;
	const str *rdata;
	size_t n;
};

struct ctl_dns_question {
	str name;
	uint16_t type;
	struct ctl_dns_answer answer; /* out */
};

/*
 * Ask all questions, and wait for all answers. Needs the channel to resolve, except for
 * CTL_DNS_SERVER, which asks the server of option --server, without cache and without validation.
 *
 * In      n: up to CTL_DNS_QUESTIONS_MAX
 * Out     CTL_OK: each question has its answer, which may be an error; else it was said why not
 */
enum ctl_exit ctl_dns_ask(struct ctl *c, enum ctl_dns_path path, struct ctl_dns_question *q,
    size_t n);

/* "secure", "insecure", "bogus", "unknown". */
const char *ctl_dns_trust_text(uint8_t trust);
/* "found", "no such record", "no such name", "bogus", "no answer", ... */
const char *ctl_dns_result_text(const struct ctl_dns_answer *a);

#endif
