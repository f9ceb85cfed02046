/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iprev: the address has names, and one of them has that address (RFC 8601 3). No name at all, or
 * none that leads back, is told; it is the letter's rules that give it points.
 */
#include "svc/policy/session.h"

#include "reach/operator.h"
#include "sys/sock.h"

static void
end(struct svc_policy_session *s, enum mail_authres result)
{
	s->iprev = (uint8_t)result;
	svc_policy_iprev_stop(s);
	svc_policy_session_advance(s);
}

static bool
has_address(const struct svc_policy_session *s, const struct svc_policy_said *said)
{
	uint8_t ip[16];
	bool v4 = sys_addr_is_v4(s->ip);

	for (size_t i = 0; i < MIN(said->n, (size_t)SVC_POLICY_ADDRESSES_MAX); i++) {
		enum err e = v4 ? dns_a(said->rdata[i], ip) : dns_aaaa(said->rdata[i], ip);
		if (e == ERR_OK && sys_addr_ip_eq(ip, s->ip)) {
			return true;
		}
	}
	return false;
}

static void
on_forward(struct svc_policy_ask *ask, const struct svc_policy_said *said)
{
	struct svc_policy_forward *f = CONTAINER_OF(ask, struct svc_policy_forward, ask);
	struct svc_policy_session *s = f->s;
	bool answered = said->result == ERR_OK || said->result == ERR_NOTFOUND;

	s->iprev_open--;
	s->iprev_failed |= !answered;
	if (said->result == ERR_OK && has_address(s, said)) {
		s->name = dns_name_str(&f->name);
		s->pool = reach_operator(NULL, s->name);
		end(s, MAIL_AUTHRES_PASS);
	} else if (s->iprev_open == 0) {
		end(s, s->iprev_failed ? MAIL_AUTHRES_TEMPERROR : MAIL_AUTHRES_FAIL);
	}
}

static void
on_names(struct svc_policy_ask *ask, const struct svc_policy_said *said)
{
	struct svc_policy_session *s = CONTAINER_OF(ask, struct svc_policy_session, ptr);
	uint16_t type = sys_addr_is_v4(s->ip) ? DNS_A : DNS_AAAA;
	size_t n = MIN(said->n, (size_t)SVC_POLICY_NAMES_MAX);
	bool none = said->result == ERR_NOTFOUND || (said->result == ERR_OK && n == 0);

	s->forward = n == 0 || said->result != ERR_OK
	    ? NULL
	    : arena_array(s->arena, SVC_POLICY_NAMES_MAX, sizeof *s->forward);
	for (size_t i = 0; s->forward != NULL && i < n; i++) {
		struct svc_policy_forward *f = &s->forward[s->iprev_open];
		f->s = s;
		f->ask.fn = on_forward;
		if (dns_ptr(said->rdata[i], &f->name) == ERR_OK &&
		    svc_policy_dns(s->p, &f->ask, dns_name_str(&f->name), type) == ERR_OK) {
			s->iprev_open++;
		}
	}
	if (s->iprev_open == 0) {
		/* RFC 8601 2.7.3: an error that trying again does not mend */
		end(s, none ? MAIL_AUTHRES_PERMERROR : MAIL_AUTHRES_TEMPERROR);
	}
}

void
svc_policy_iprev_begin(struct svc_policy_session *s)
{
	char text[DNS_NAME_MAX + 1];
	struct buf name;

	buf_init_fixed(&name, text, sizeof text);
	dns_reverse_put(&name, s->ip);
	s->ptr.fn = on_names;
	if (svc_policy_dns(s->p, &s->ptr, buf_view(&name), DNS_PTR) != ERR_OK) {
		s->iprev = MAIL_AUTHRES_TEMPERROR;
	}
}

void
svc_policy_iprev_stop(struct svc_policy_session *s)
{
	svc_policy_dns_cancel(&s->ptr);
	for (size_t i = 0; s->forward != NULL && i < SVC_POLICY_NAMES_MAX && s->iprev_open > 0;
	     i++) {
		if (s->forward[i].ask.request != 0) {
			svc_policy_dns_cancel(&s->forward[i].ask);
			s->iprev_open--;
		}
	}
	if (s->iprev == MAIL_AUTHRES_NONE) {
		s->iprev = MAIL_AUTHRES_TEMPERROR;
	}
}
