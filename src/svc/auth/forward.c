/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewriting with proto/srs, and the keys for it.
 */
#include "svc/auth/forward.h"

#include "base/mem.h"
#include "directory/domain.h"
#include "mail/address.h"
#include "proto/srs/srs.h"
#include "svc/common/log.h"

/* A day of margin: an address is judged by its day, a key by the second. */
enum { KEEP_S = (SRS_DAYS_MAX + SRS_FUTURE_DAYS + 1) * 86400 };

static_assert(sizeof(((struct svc_auth *)0)->srs.keys[0]) == SRS_KEY, "a key");
static_assert((int)DIRECTORY_RING_MAX <= (int)SRS_KEYS_MAX, "all that may be believed");

/* ---- keys ---------------------------------------------------------------------------------- */

/* The older a key, the earlier it is not believed any more. */
static struct srs
keys_of(const struct svc_auth *a)
{
	struct srs s = { .keys = a->srs.keys, .keys_n = 1 };

	while (s.keys_n < a->srs.n && a->srs.until_s[s.keys_n] > a->now_s) {
		s.keys_n++;
	}
	return s;
}

enum err
svc_auth_forward_load(struct svc_auth *a)
{
	struct directory_ring ring;

	TRY(directory_ring_load(a->directory, S("srs"), a->now_s, &ring));
	a->srs.n = ring.n;
	for (size_t i = 0; i < ring.n; i++) {
		memcpy(a->srs.keys[i], ring.keys[i].value, SRS_KEY);
		a->srs.made_s[i] = ring.keys[i].made_s;
		a->srs.until_s[i] = ring.keys[i].until_s;
	}
	mem_wipe(&ring, sizeof(ring));
	return ERR_OK;
}

enum err
svc_auth_forward_turn(struct svc_auth *a, bool forget)
{
	TRY(directory_ring_turn(a->directory, S("srs"), a->now_s, forget ? 0 : KEEP_S));
	return svc_auth_forward_load(a);
}

void
svc_auth_forward_age(struct svc_auth *a)
{
	int64_t most = a->settings.srs_s;
	enum err e;

	if (most == 0 || a->now_s - a->srs.made_s[0] < most) {
		return;
	}
	e = svc_auth_forward_turn(a, false);
	if (e != ERR_OK && e != ERR_BUSY) { /* too many are believed: some other day */
		LOG(FAILED, F_CSTR("what", "replace the key of reverse-paths"), F_ERR(e));
	}
}

/* ---- addresses ----------------------------------------------------------------------------- */

/* local@domain, the local part quoted if need be, the domain canonical. */
static enum err
write_address(struct arena *arena, str local, str domain, str *ret)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf b;

	buf_init_fixed(&b, room, sizeof(room));
	mail_local_put(&b, local);
	buf_ch(&b, '@');
	TRY(mail_domain_put(&b, domain));
	TRY(buf_err(&b));
	*ret = arena_dup(arena, buf_view(&b));
	return ret->p == NULL ? ERR_BUDGET : ERR_OK;
}

/* A mailbox with a domain that has a name; ret_domain: canonical, in `room`. */
static enum err
read_address(struct arena *arena, str text, struct mail_path *ret, struct buf *ret_domain)
{
	TRY(mail_mailbox_parse(arena, text, MAIL_PATH_UTF8, ret));
	if (ret->literal || ret->local.n == 0 || ret->domain.n == 0) {
		return ERR_SYNTAX;
	}
	return mail_domain_put(ret_domain, ret->domain);
}

enum err
svc_auth_forward_sender(const struct svc_auth *a, struct arena *arena, str reverse_path, str via,
    str *ret)
{
	char room[MAIL_DOMAIN_MAX + 1], text[SRS_LOCAL_MAX + 8];
	const struct srs srs = keys_of(a);
	struct buf domain, made;
	struct mail_path path;
	str local, here;

	if (reverse_path.n == 0) {
		*ret = S("");
		return ERR_OK;
	}
	buf_init_fixed(&domain, room, sizeof(room));
	TRY(read_address(arena, reverse_path, &path, &domain));
	enum err e = directory_domain_find(a->directory, buf_view(&domain));
	if (e != ERR_NOTFOUND) {
		*ret = reverse_path;
		return e;
	}
	buf_init_fixed(&made, text, sizeof(text));
	TRY(srs_forward(&srs, path.local, buf_view(&domain), a->now_s, &made));
	mail_address_split(via, &local, &here);
	return write_address(arena, buf_view(&made), here, ret);
}

uint64_t
svc_auth_forward_reader(const struct svc_auth *a, struct arena *arena, str reverse_path)
{
	char room[MAIL_DOMAIN_MAX + 1];
	const struct directory_answer *answer;
	struct mail_path path;
	struct buf domain;
	str address;

	buf_init_fixed(&domain, room, sizeof(room));
	if (reverse_path.n == 0 || read_address(arena, reverse_path, &path, &domain) != ERR_OK ||
	    directory_domain_find(a->directory, buf_view(&domain)) != ERR_OK ||
	    write_address(arena, path.local, buf_view(&domain), &address) != ERR_OK) {
		return 0;
	}
	answer = directory_resolve(a->directory, address);
	return answer->targets_n > 0 ? answer->targets[0].account : 0;
}

/* Only what may be one is parsed. */
static bool
may_be_rewritten(str address)
{
	return address.n > 0 && (address.p[0] == '"' || srs_is(address));
}

static enum err
is_local(const struct svc_auth *a, str domain, bool *ret)
{
	enum err e = directory_domain_find(a->directory, domain);

	*ret = e == ERR_OK;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err
svc_auth_forward_back(const struct svc_auth *a, struct arena *arena, str address,
    struct svc_auth_bounce *ret)
{
	char room[MAIL_DOMAIN_MAX + 1], text[MAIL_CANONICAL_MAX];
	const struct srs srs = keys_of(a);
	struct srs_sender sender;
	struct mail_path path;
	struct buf b;
	str local, domain;
	bool ours;

	buf_init_fixed(&b, room, sizeof(room));
	if (!may_be_rewritten(address) || read_address(arena, address, &path, &b) != ERR_OK ||
	    !srs_is(path.local)) {
		return ERR_NOTFOUND;
	}
	TRY(is_local(a, buf_view(&b), &ours));
	if (!ours) {
		return ERR_NOTFOUND;
	}
	if (srs_reverse(&srs, path.local, a->now_s, &sender) != ERR_OK) {
		return ERR_DENIED;
	}
	enum err e = write_address(arena, sender.local, sender.domain, &ret->to);
	if (e != ERR_OK) {
		return e == ERR_BUDGET ? e : ERR_DENIED;
	}
	buf_init_fixed(&b, text, sizeof(text));
	TRY(mail_address_canonical(&b, address));
	ret->via = arena_dup(arena, buf_view(&b));
	mail_address_split(ret->to, &local, &domain);
	TRY(is_local(a, domain, &ret->local));
	return ret->via.p == NULL ? ERR_BUDGET : buf_err(&b);
}

enum err
svc_auth_forward_target(struct arena *arena, str given, str *ret)
{
	char room[MAIL_DOMAIN_MAX + 1];
	struct mail_path path;
	struct buf domain;

	buf_init_fixed(&domain, room, sizeof(room));
	TRY(read_address(arena, given, &path, &domain));
	if (!str_is_ascii(path.local)) {
		return ERR_CHARSET;
	}
	TRY(write_address(arena, path.local, buf_view(&domain), ret));
	return ret->n > DIRECTORY_ADDRESS_MAX ? ERR_TOOBIG : ERR_OK;
}
