/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `postern status` is told: one key=value line per counter.
 */
#include "svc/gate/gate.h"

static void
fact(struct buf *out, const char *key, uint64_t v)
{
	buf_cstr(out, key);
	buf_ch(out, '=');
	buf_u64(out, v);
	buf_ch(out, '\n');
}

/* Earliest end of a certificate, 0 when there is none. */
static uint64_t
first_expiry(const struct svc_gate_certs *c, unsigned *ret_n)
{
	int64_t first = 0;
	for (size_t i = 0; i < LEN(c->slots); i++) {
		if (c->slots[i] != NULL) {
			first = first == 0 ? c->until_s[i] : MIN(first, c->until_s[i]);
			(*ret_n)++;
		}
	}
	return first < 0 ? 0 : (uint64_t)first;
}

void
svc_gate_status(struct svc_gate *g, struct buf *facts)
{
	const struct svc_gate_facts *f = &g->facts;
	unsigned certificates = 0;
	uint64_t expiry = first_expiry(&g->certs, &certificates);
	const struct {
		const char *key;
		uint64_t v;
	} rows[] = {
		{ "connections", g->conns_n },
		{ "accepted", f->accepted },
		{ "handshakes", f->handshakes },
		{ "handshakes_failed", f->handshakes_failed },
		{ "tls12", f->tls12 },
		{ "tls13", f->tls13 },
		{ "signatures", g->signer.signatures },
		{ "signatures_failed", g->signer.failed },
		{ "signatures_us", (uint64_t)g->signer.waited_us },
		{ "signature_longest_us", (uint64_t)g->signer.longest_us },
		{ "sessions", f->sessions },
		{ "resting", g->parked_n },
		{ "parked", f->parked },
		{ "park_refused", f->park_refused },
		{ "woken", f->woken },
		{ "bans", svc_gate_bans_count(&g->bans) },
		{ "nobody", f->nobody },
		{ "injections", f->injections },
		{ "timeouts", f->timeouts },
		{ "strangers", f->waited },
		{ "early_talkers", f->early },
		{ "hasty_talkers", f->hasty },
		{ "behaved", lru_count(g->behaved) },
		{ "octets_in", f->octets_in },
		{ "octets_out", f->octets_out },
		{ "log_suppressed", f->log_suppressed },
		{ "certificates", certificates },
		{ "certificates_until_s", expiry },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		fact(facts, rows[i].key, rows[i].v);
	}
	for (enum svc_gate_refusal i = SVC_GATE_BANNED; i < SVC_GATE_REFUSALS; i++) {
		buf_cstr(facts, "refused_");
		fact(facts, svc_gate_refusal_name(i), f->refused[i]);
	}
}
