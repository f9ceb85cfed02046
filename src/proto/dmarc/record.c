/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy records.
 *
 *	record = "v" "=" "DMARC1" *( ";" [ tag "=" value ] )     ; the version first and exactly so
 */
#include "proto/dmarc/dmarc.h"

static const str policies[] = {
	[DMARC_POLICY_NONE] = S_INIT("none"),
	[DMARC_POLICY_QUARANTINE] = S_INIT("quarantine"),
	[DMARC_POLICY_REJECT] = S_INIT("reject"),
};

str
dmarc_policy_word(enum dmarc_policy p)
{
	return (unsigned)p < LEN(policies) ? policies[p] : S("");
}

/* What is read besides the record itself. */
struct reading {
	struct dmarc_record *r;
	bool bad_policy; /* one of them cannot be read */
};

static void
set_policy(struct reading *in, enum dmarc_policy *ret, str value)
{
	for (unsigned i = 0; i < LEN(policies); i++) {
		if (str_ieq(value, policies[i])) {
			*ret = (enum dmarc_policy)i;
			return;
		}
	}
	in->bad_policy = true;
}

static void
set_p(struct reading *in, str v)
{
	set_policy(in, &in->r->p, v);
}

static void
set_sp(struct reading *in, str v)
{
	in->r->has_sp = true;
	set_policy(in, &in->r->sp, v);
}

static void
set_np(struct reading *in, str v)
{
	in->r->has_np = true;
	set_policy(in, &in->r->np, v);
}

static void
set_adkim(struct reading *in, str v)
{
	in->r->strict_dkim = str_ieq(v, S("s"));
}

static void
set_aspf(struct reading *in, str v)
{
	in->r->strict_spf = str_ieq(v, S("s"));
}

static void
set_t(struct reading *in, str v)
{
	in->r->testing = in->r->testing || str_ieq(v, S("y"));
}

static void
set_pct(struct reading *in, str v)
{
	uint32_t percent;
	in->r->testing = in->r->testing || (str_u32(v, &percent) && percent == 0);
}

static void
set_psd(struct reading *in, str v)
{
	bool known = str_ieq(v, S("y")) || str_ieq(v, S("n"));
	in->r->psd = known ? ascii_lower(v.p[0]) : 'u';
}

static void
set_rua(struct reading *in, str v)
{
	in->r->rua = v;
}

static void
set_ruf(struct reading *in, str v)
{
	in->r->ruf = v;
}

static void
set_fo(struct reading *in, str v)
{
	in->r->fo = v;
}

static const struct tag {
	str name;
	void (*set)(struct reading *in, str value);
} tags[] = {
	{ S_INIT("p"), set_p },
	{ S_INIT("sp"), set_sp },
	{ S_INIT("np"), set_np },
	{ S_INIT("adkim"), set_adkim },
	{ S_INIT("aspf"), set_aspf },
	{ S_INIT("t"), set_t },
	{ S_INIT("pct"), set_pct },
	{ S_INIT("psd"), set_psd },
	{ S_INIT("rua"), set_rua },
	{ S_INIT("ruf"), set_ruf },
	{ S_INIT("fo"), set_fo },
};

/* A tag that is known may stand once (RFC 6376 3.2, to which 7489 6.4 points). */
static enum err
read_tag(struct reading *in, str text, unsigned *seen)
{
	str name, value;
	if (!str_cut(text, '=', &name, &value)) {
		return ERR_OK; /* unknown, and so passed over */
	}
	name = str_trim(name);
	for (unsigned i = 0; i < LEN(tags); i++) {
		if (!str_ieq(name, tags[i].name)) {
			continue;
		}
		if (*seen & 1U << i) {
			return ERR_SYNTAX;
		}
		*seen |= 1U << i;
		tags[i].set(in, str_trim(value));
	}
	return ERR_OK;
}

static bool
is_version(str text)
{
	str name, value;
	return str_cut(text, '=', &name, &value) && str_eq(str_trim(name), S("v")) &&
	    str_eq(str_trim(value), S("DMARC1"));
}

/* Is there something like a URI in the list? RFC 9989 4.10.1 */
static bool
has_uri(str list)
{
	str uri, scheme, rest;
	while (str_next(&list, ',', &uri)) {
		if (str_cut(str_trim(uri), ':', &scheme, &rest) && scheme.n > 0 && rest.n > 0) {
			return true;
		}
	}
	return false;
}

enum err
dmarc_record_read(str text, struct dmarc_record *ret)
{
	struct reading in = { .r = ret };
	unsigned seen = 0;
	str tag;
	*ret = (struct dmarc_record){ .psd = 'u' };
	if (!str_next(&text, ';', &tag) || !is_version(tag)) {
		return ERR_NOTFOUND;
	}
	if (text.n > DMARC_RECORD_MAX) {
		return ERR_TOOBIG;
	}
	for (size_t n = 0; str_next(&text, ';', &tag); n++) {
		if (n == DMARC_TAGS_MAX) {
			return ERR_TOOBIG;
		}
		TRY(read_tag(&in, tag, &seen));
	}
	if (in.bad_policy) {
		ret->p = ret->sp = ret->np = DMARC_POLICY_NONE;
		return has_uri(ret->rua) ? ERR_OK : ERR_SYNTAX;
	}
	ret->sp = ret->has_sp ? ret->sp : ret->p;
	ret->np = ret->has_np ? ret->np : ret->sp;
	return ERR_OK;
}
