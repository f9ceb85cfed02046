/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of key files, and their durable writing.
 */
#include "svc/keys/file.h"

#include "mail/address.h"
#include "sys/file.h"

enum { DIGITS = 10 };

static const char *const states[SVC_KEYS_STATES] = { NULL, "next", "active", "retiring",
	"revoked" };
static const char *const algorithms[] = { "rsa-sha256", "ed25519-sha256" };

str
svc_keys_file_name(uint64_t serial, char room[SVC_KEYS_FILE_NAME_MAX])
{
	int n = snprintf(room, SVC_KEYS_FILE_NAME_MAX, "%0*llu.key", DIGITS,
	    (unsigned long long)serial);
	return str_make(room, (size_t)n);
}

bool
svc_keys_file_serial(str name, uint64_t *ret)
{
	str digits, end;
	return str_cut(name, '.', &digits, &end) && str_eq(end, S("key")) && digits.n >= DIGITS &&
	    str_u64(digits, ret) && *ret != 0;
}

enum err
svc_keys_file_put(const struct svc_keys_key *key, struct buf *out)
{
	buf_printf(out,
	    "Postern DKIM key 1\ndomain %s\nselector %s\nalgorithm %s\nstate %s\n"
	    "created %lld\nchanged %lld\nseen %lld\nready %lld\n",
	    key->domain, key->selector, algorithms[key->algorithm], states[key->state],
	    (long long)key->created_s, (long long)key->changed_s, (long long)key->seen_s,
	    (long long)key->ready_s);
	TRY(buf_err(out));
	return key->pkey == NULL ? ERR_OK : svc_keys_crypto_write(key->pkey, out);
}

/* The value of the next line, which must have this key. */
static enum err
take(str *rest, const char *name, str *ret)
{
	str line, key;
	if (!str_next(rest, '\n', &line) || !str_cut(line, ' ', &key, ret) ||
	    !str_eq(key, str_from(name)) || ret->n == 0) {
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

static enum err
take_time(str *rest, const char *name, int64_t *ret)
{
	uint64_t v;
	str value;
	TRY(take(rest, name, &value));
	if (!str_u64(value, &v) || v > INT64_MAX) {
		return ERR_SYNTAX;
	}
	*ret = (int64_t)v;
	return ERR_OK;
}

/* Its place among the words; those that are NULL are not there. */
static enum err
take_word(str *rest, const char *name, const char *const *words, size_t n, size_t *ret)
{
	str value;
	TRY(take(rest, name, &value));
	for (size_t i = 0; i < n; i++) {
		if (words[i] != NULL && str_eq(value, str_from(words[i]))) {
			*ret = i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

static enum err
take_name(str *rest, const char *name, char *to, size_t room)
{
	str value;
	char canonical[MAIL_DOMAIN_MAX + 1];
	struct buf b;
	TRY(take(rest, name, &value));
	buf_init_fixed(&b, canonical, sizeof canonical);
	TRY(mail_domain_put(&b, value));
	if (!str_eq(buf_view(&b), value) || value.n >= room) {
		return ERR_SYNTAX;
	}
	memcpy(to, value.p, value.n);
	to[value.n] = '\0';
	return ERR_OK;
}

static enum err
take_lines(str *rest, struct svc_keys_key *key)
{
	size_t algorithm, state;
	TRY(take_name(rest, "domain", key->domain, sizeof key->domain));
	TRY(take_name(rest, "selector", key->selector, sizeof key->selector));
	TRY(take_word(rest, "algorithm", algorithms, LEN(algorithms), &algorithm));
	TRY(take_word(rest, "state", states, LEN(states), &state));
	TRY(take_time(rest, "created", &key->created_s));
	TRY(take_time(rest, "changed", &key->changed_s));
	TRY(take_time(rest, "seen", &key->seen_s));
	TRY(take_time(rest, "ready", &key->ready_s));
	key->algorithm = (enum dkim_algorithm)algorithm;
	key->state = (enum svc_keys_state)state;
	return ERR_OK;
}

enum err
svc_keys_file_get(str text, struct svc_keys_key *ret)
{
	struct svc_keys_key key = { 0 };
	str first;
	if (!str_next(&text, '\n', &first) || !str_starts(first, S("Postern DKIM key "))) {
		return ERR_SYNTAX;
	}
	if (!str_eq(first, S("Postern DKIM key 1"))) {
		return ERR_VERSION;
	}
	TRY(take_lines(&text, &key));
	if (key.state == SVC_KEYS_REVOKED) {
		*ret = key;
		return text.n == 0 ? ERR_OK : ERR_SYNTAX;
	}
	TRY(svc_keys_crypto_read(text, &key.pkey));
	if (!svc_keys_crypto_fits(key.pkey, key.algorithm)) {
		svc_keys_crypto_free(&key.pkey);
		return ERR_SYNTAX;
	}
	*ret = key;
	return ERR_OK;
}

enum err
svc_keys_file_write(int folder, const struct svc_keys_key *key)
{
	char name[SVC_KEYS_FILE_NAME_MAX];
	char room[SVC_KEYS_FILE_MAX]; /* a buffer that grows would leave copies behind */
	struct buf text;
	buf_init_fixed(&text, room, sizeof room);
	enum err e = svc_keys_file_put(key, &text);
	if (e == ERR_OK) {
		e = sys_file_replace(folder, svc_keys_file_name(key->serial, name),
		    buf_view(&text));
	}
	buf_wipe(&text);
	return e;
}
