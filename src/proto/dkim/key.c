/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key records. A record that says it is for something else is as good as none.
 */
#include "proto/dkim/key.h"

#include "base/codec.h"
#include "proto/dkim/tags.h"

enum { ED25519_OCTETS = 32 };

/* Is one of the words in the list? */
static bool
lists(str list, str one, str other)
{
	str word;
	while (dkim_tag_next(&list, &word)) {
		if (str_ieq(word, one) || str_eq(word, other)) {
			return true;
		}
	}
	return false;
}

static enum err
read_purpose(const struct dkim_tags *t, struct dkim_key *k)
{
	str v;
	if (dkim_tags_find(t, S("v"), &v) && !(str_eq(v, S("DKIM1")) && t->tag[0].value.p == v.p)) {
		return ERR_UNSUPPORTED; /* when it is there, it comes first */
	}
	if (dkim_tags_find(t, S("h"), &v) && !lists(v, S("sha256"), S("sha256"))) {
		return ERR_UNSUPPORTED;
	}
	if (dkim_tags_find(t, S("s"), &v) && !lists(v, S("email"), S("*"))) {
		return ERR_UNSUPPORTED;
	}
	if (dkim_tags_find(t, S("t"), &v)) {
		k->testing = lists(v, S("y"), S("y"));
		k->strict = lists(v, S("s"), S("s"));
	}
	return ERR_OK;
}

static enum err
read_type(const struct dkim_tags *t, struct dkim_key *k)
{
	str v;
	if (!dkim_tags_find(t, S("k"), &v) || str_ieq(v, S("rsa"))) {
		k->type = DKIM_KEY_RSA;
	} else if (str_ieq(v, S("ed25519"))) {
		k->type = DKIM_KEY_ED25519;
	} else {
		return ERR_UNSUPPORTED;
	}
	return ERR_OK;
}

static enum err
read_octets(const struct dkim_tags *t, struct dkim_key *k)
{
	char text[DKIM_RECORD_MAX];
	struct buf bare, out;
	str v;
	if (!dkim_tags_find(t, S("p"), &v)) {
		return ERR_SYNTAX;
	}
	if (v.n == 0) {
		return ERR_NOTFOUND;
	}
	buf_init_fixed(&bare, text, sizeof text);
	buf_init_fixed(&out, k->octets, sizeof k->octets);
	dkim_tag_bare(&bare, v);
	TRY(buf_err(&bare));
	TRY(base64_decode(&out, buf_view(&bare)));
	k->octets_n = out.n;
	return k->type == DKIM_KEY_ED25519 && out.n != ED25519_OCTETS ? ERR_SYNTAX : ERR_OK;
}

enum err
dkim_key_read(str record, struct dkim_key *ret)
{
	struct dkim_tags t;
	ret->octets_n = 0;
	ret->testing = ret->strict = false;
	if (record.n > DKIM_RECORD_MAX) {
		return ERR_TOOBIG;
	}
	if (dkim_tags_parse(record, &t) != ERR_OK) {
		return ERR_SYNTAX;
	}
	TRY(read_purpose(&t, ret));
	TRY(read_type(&t, ret));
	return read_octets(&t, ret);
}

bool
dkim_key_fits(const struct dkim_key *k, const struct dkim_signature *s)
{
	bool rsa = s->algorithm == DKIM_RSA_SHA256;
	if (rsa != (k->type == DKIM_KEY_RSA)) {
		return false;
	}
	if (!k->strict || s->identity.p == NULL) {
		return true;
	}
	return str_ieq(str_from_off(s->identity, (size_t)str_rchr(s->identity, '@') + 1),
	    s->domain);
}

void
dkim_key_write(struct buf *out, enum dkim_key_type type, str octets)
{
	buf_str(out, type == DKIM_KEY_RSA ? S("v=DKIM1; k=rsa; p=") : S("v=DKIM1; k=ed25519; p="));
	base64_encode(out, octets);
}
