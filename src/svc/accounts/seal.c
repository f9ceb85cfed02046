/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing what gate keeps for us.
 */
#include "svc/accounts/seal.h"

#include "base/codec.h"
#include "base/wire.h"

enum { NAME_MAX_OCTETS = 320 };

static void
seal_of(const uint8_t key[SVC_ACCOUNTS_SEAL_KEY], str octets, uint8_t ret[SVC_ACCOUNTS_SEAL_OCTETS])
{
	uint64_t halves[2] = { siphash(key, octets), siphash(key + 16, octets) };
	for (size_t i = 0; i < SVC_ACCOUNTS_SEAL_OCTETS; i++) {
		ret[i] = (uint8_t)(halves[i / 8] >> (i % 8 * 8));
	}
}

/* In constant time, so that a guess cannot be improved octet by octet. */
static bool
same(const uint8_t a[SVC_ACCOUNTS_SEAL_OCTETS], str b)
{
	unsigned odd = 0;
	for (size_t i = 0; i < SVC_ACCOUNTS_SEAL_OCTETS; i++) {
		odd |= a[i] ^ (uint8_t)b.p[i];
	}
	return odd == 0;
}

static void
put_origin(struct buf *out, const struct svc_accounts_origin *o)
{
	wr_i64(out, o->since_s);
	buf_add(out, o->prefix.ip, sizeof o->prefix.ip);
	wr_u8(out, o->prefix.bits);
	wr_str(out, str_make(o->tls, o->tls_n));
	wr_str(out, str_make(o->client, o->client_n));
}

static uint8_t
get_text(struct rd *r, char *room, size_t n)
{
	str s = rd_str(r, n);
	memcpy(room, s.n > 0 ? s.p : "", s.n);
	return (uint8_t)s.n;
}

static void
get_origin(struct rd *r, struct svc_accounts_origin *ret)
{
	ret->since_s = rd_i64(r);
	str ip = rd_bytes(r, sizeof ret->prefix.ip);
	if (!r->bad) {
		memcpy(ret->prefix.ip, ip.p, ip.n);
	}
	uint8_t bits = rd_u8(r);
	ret->prefix.bits = MIN(bits, 128);
	ret->tls_n = get_text(r, ret->tls, sizeof ret->tls);
	ret->client_n = get_text(r, ret->client, sizeof ret->client);
}

void
svc_accounts_seal(struct buf *out, const uint8_t key[SVC_ACCOUNTS_SEAL_KEY],
    const struct svc_accounts_sealed *what)
{
	uint8_t seal[SVC_ACCOUNTS_SEAL_OCTETS] = { 0 };
	size_t at = out->n;
	buf_add(out, seal, sizeof seal);
	wr_u8(out, SVC_ACCOUNTS_SEAL_VERSION);
	wr_u64(out, what->session);
	wr_u64(out, what->account);
	wr_u64(out, what->rest);
	wr_i64(out, what->granted_ms);
	wr_u8(out, what->protocol);
	wr_u64(out, what->quota_octets);
	wr_u64(out, what->quota_messages);
	wr_u8(out, what->watch);
	wr_u64(out, what->mailbox);
	wr_str(out, what->name);
	wr_str(out, what->state);
	put_origin(out, &what->origin);
	if (buf_err(out) == ERR_OK) {
		seal_of(key, str_from_off(buf_view(out), at + sizeof seal), seal);
		memcpy(out->p + at, seal, sizeof seal);
	}
}

enum err
svc_accounts_unseal(str sealed, const uint8_t key[SVC_ACCOUNTS_SEAL_KEY],
    struct svc_accounts_sealed *ret)
{
	uint8_t want[SVC_ACCOUNTS_SEAL_OCTETS];
	struct rd r = rd_make(sealed);
	str seal = rd_bytes(&r, sizeof want);
	if (r.bad) {
		return ERR_SYNTAX;
	}
	seal_of(key, str_from_off(sealed, sizeof want), want);
	if (!same(want, seal)) {
		return ERR_DENIED;
	}
	uint8_t version = rd_u8(&r);
	if (version == 0 || version > SVC_ACCOUNTS_SEAL_VERSION) {
		return ERR_UNSUPPORTED;
	}
	struct svc_accounts_sealed s = { .session = rd_u64(&r) };
	s.account = rd_u64(&r);
	s.rest = rd_u64(&r);
	s.granted_ms = rd_i64(&r);
	s.protocol = rd_u8(&r);
	s.quota_octets = rd_u64(&r);
	s.quota_messages = rd_u64(&r);
	s.watch = rd_u8(&r);
	s.mailbox = rd_u64(&r);
	s.name = rd_str(&r, NAME_MAX_OCTETS);
	s.state = rd_str(&r, SVC_ACCOUNTS_STATE_MAX);
	if (version >= 2) {
		get_origin(&r, &s.origin);
	}
	TRY(rd_end(&r));
	*ret = s;
	return ERR_OK;
}
