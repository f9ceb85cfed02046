/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a letter says about itself when it leaves us: our fields above it, and none below that
 * somebody else wrote in our name.
 */
#include "conf/conf.h"
#include "mail/address.h"
#include "svc/scan/sum.h"
#include "sys/sock.h"

enum { LINE_MAX_OCTETS = 78, IP_TEXT_MAX = 48 }; /* RFC 5322 2.1.1 */

/* --- Authentication-Results ---------------------------------------------------------------- */

static void
add_property(struct mail_authres_result *r, str type, str name, str value)
{
	if (value.n > 0 && r->n < MAIL_AUTHRES_PROPERTIES_MAX) {
		r->property[r->n++] = (struct mail_authres_property){ type, name, value };
	}
}

/* RFC 8601 2.7.2: of the domain of MAIL FROM, or of HELO when there was none. */
static size_t
put_spf(const struct svc_scan_letter *l, struct mail_authres_result *to)
{
	const struct ipc_common_trust *t = &l->m.trust;
	size_t n = 0;
	if (t->spf != MAIL_AUTHRES_NONE) {
		bool null = l->m.reverse_path.n == 0;
		to[n] = (struct mail_authres_result){ .method = S("spf"), .result = t->spf };
		add_property(&to[n++], S("smtp"), null ? S("helo") : S("mailfrom"), t->spf_domain);
	}
	if (t->spf_helo != MAIL_AUTHRES_NONE && l->m.reverse_path.n > 0) {
		to[n] = (struct mail_authres_result){ .method = S("spf"), .result = t->spf_helo };
		add_property(&to[n++], S("smtp"), S("helo"), l->m.helo);
	}
	return n;
}

static size_t
put_iprev(const struct svc_scan_letter *l, char room[IP_TEXT_MAX], struct mail_authres_result *to)
{
	struct buf ip;
	if (l->m.trust.iprev == MAIL_AUTHRES_NONE || l->m.ip.n != 16) {
		return 0;
	}
	buf_init_fixed(&ip, room, IP_TEXT_MAX);
	sys_addr_ip_text(&ip, (const uint8_t *)l->m.ip.p);
	*to = (struct mail_authres_result){ .method = S("iprev"), .result = l->m.trust.iprev };
	add_property(to, S("policy"), S("iprev"), buf_view(&ip));
	return 1;
}

static void
put_authres(struct buf *out, const struct svc_scan_letter *l)
{
	struct mail_authres_result all[SVC_SCAN_METHODS_MAX + 3];
	char room[IP_TEXT_MAX];
	size_t n = put_iprev(l, room, all);
	n += put_spf(l, all + n);
	for (size_t i = 0; i < MIN(l->auth.results_n, (size_t)SVC_SCAN_METHODS_MAX); i++) {
		all[n++] = l->auth.results[i];
	}
	mail_authres_put(out, l->scan->sc->conf->hostname, all, n);
}

/* --- marks --------------------------------------------------------------------------------- */

/* "1.250"; also below zero. */
static void
put_points(struct buf *out, int64_t points)
{
	uint64_t n = points < 0 ? 0 - (uint64_t)points : (uint64_t)points;
	buf_printf(out, "%s%llu.%03u", points < 0 ? "-" : "", (unsigned long long)(n / 1000),
	    (unsigned)(n % 1000));
}

/* Words, each on the line of the one before it as long as there is room. */
static void
put_folded(struct buf *out, str words)
{
	str word;
	size_t column = LINE_MAX_OCTETS;
	while (words.n > 0 && str_next(&words, ' ', &word)) {
		bool fits = column + 1 + word.n <= LINE_MAX_OCTETS;
		buf_cstr(out, fits ? " " : "\r\n\t");
		buf_str(out, word);
		column = (fits ? column : 8) + 1 + word.n;
	}
}

static void
put_status(struct buf *out, const struct svc_scan_sum *sum)
{
	if (sum->junk) {
		buf_cstr(out, "X-Spam-Flag: YES\r\n");
	}
	buf_printf(out, "X-Spam-Status: %s, score=", sum->junk ? "Yes" : "No");
	put_points(out, sum->score);
	buf_cstr(out, " required=");
	put_points(out, sum->required);
	put_folded(out, buf_view(&sum->why));
	buf_cstr(out, "\r\n");
}

/* Nothing may end a field but what goes on with white space; a milter is no exception. */
static bool
is_folded(str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\0' || (c == '\n' && (i == 0 || value.p[i - 1] != '\r'))) {
			return false;
		}
		if (c == '\r' &&
		    (i + 2 >= value.n || value.p[i + 1] != '\n' ||
			(value.p[i + 2] != ' ' && value.p[i + 2] != '\t'))) {
			return false;
		}
	}
	return true;
}

static void
put_added(struct buf *out, const struct svc_scan_added *f)
{
	if (mail_field_name_valid(f->name) && is_folded(f->value)) {
		buf_str(out, f->name);
		buf_cstr(out, ": ");
		buf_str(out, f->value);
		buf_cstr(out, "\r\n");
	}
}

/* Append what `part` holds when it is whole and fits. */
static void
take(struct buf *out, struct buf *part)
{
	if (buf_err(part) == ERR_OK && part->n <= out->max - out->n) {
		buf_str(out, buf_view(part));
	}
	buf_reset(part);
}

void
svc_scan_mark(const struct svc_scan_letter *l, const struct svc_scan_sum *sum, struct buf *out)
{
	struct buf part;
	buf_init(&part, SVC_SCAN_HEADER_MAX);
	if (!l->m.submission) {
		put_authres(&part, l);
		take(out, &part);
		put_status(&part, sum);
		take(out, &part);
	}
	for (size_t i = 0; i < l->added_n; i++) {
		put_added(&part, &l->added[i]);
		take(out, &part);
	}
	buf_done(&part);
}

/* --- cuts ---------------------------------------------------------------------------------- */

bool
svc_scan_looks_like_ours(const struct mail_field *f, str hostname)
{
	return str_istarts(f->name, S("X-Spam-")) ||
	    (str_ieq(f->name, S("Authentication-Results")) &&
		mail_authres_claims(f->value, hostname));
}

/* A stage wants the field that begins here left out. */
static bool
is_unwanted(const struct svc_scan_letter *l, size_t at)
{
	for (size_t i = 0; i < l->cut_at_n; i++) {
		if (l->cut_at[i] == at) {
			return true;
		}
	}
	return false;
}

enum err
svc_scan_cuts(const struct svc_scan_letter *l, struct ipc_smtp_scan_cut *ret, size_t *ret_n)
{
	struct mail_header h = mail_header_make(l->header);
	struct mail_field f;
	uint64_t end = UINT64_MAX;
	size_t n = 0;
	while (mail_header_next(&h, &f)) {
		if (!svc_scan_looks_like_ours(&f, l->scan->sc->conf->hostname) &&
		    !is_unwanted(l, f.offset)) {
			continue;
		}
		bool next = f.offset == end;
		end = f.offset + f.raw.n;
		if (next) {
			ret[n - 1].length += (uint32_t)f.raw.n;
			continue;
		}
		if (n == SVC_SCAN_CUTS_MAX) {
			return ERR_TOOMANY;
		}
		ret[n++] = (struct ipc_smtp_scan_cut){ .at = f.offset,
			.length = (uint32_t)f.raw.n };
	}
	*ret_n = n;
	return ERR_OK;
}
