/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links: their hosts for the lists, their pieces as features, their oddities as signs. Read as
 * browsers read them: white space and controls inside go, "\" is "/", the host may be coded.
 * Start at filter_link_take.
 */
#include "filter/filter_priv.h"

#include "base/find.h"

enum {
	URL_MAX = 1000,
	HOST_MAX = 255, /* RFC 1035 2.3.4 */
	PATH_WORDS_MAX = 12,
};

struct link {
	str scheme, user, host, port, path;
};

/* ---- taking apart ------------------------------------------------------------------------- */

static void
clean(struct buf *out, str url)
{
	for (size_t i = 0; i < url.n; i++) {
		char c = url.p[i];
		if ((uint8_t)c > ' ') {
			buf_ch(out, c == '\\' ? '/' : c);
		}
	}
}

static bool
is_host_end(char c)
{
	return c == '/' || c == '?' || c == '#';
}

/* RFC 3986 3.2, leniently: "scheme://user@host:port/path"; "//host" has no scheme of its own. */
static bool
split(str url, struct link *ret)
{
	*ret = (struct link){ .scheme = STR_NONE };
	ptrdiff_t at = str_find(url, S("//"));
	if (at < 0 || at > 8) {
		return false;
	}
	ret->scheme = str_sub(url, 0, (size_t)at);
	str rest = str_from_off(url, (size_t)at + 2);
	size_t n = 0;
	while (n < rest.n && !is_host_end(rest.p[n])) {
		n++;
	}
	ret->host = str_sub(rest, 0, n);
	ret->path = str_from_off(rest, n);
	ptrdiff_t user = str_rchr(ret->host, '@');
	if (user >= 0) {
		ret->user = str_sub(ret->host, 0, (size_t)user);
		ret->host = str_from_off(ret->host, (size_t)user + 1);
	}
	ptrdiff_t port = str_rchr(ret->host, ':');
	if (port >= 0 && !str_ends(ret->host, S("]"))) {
		ret->port = str_from_off(ret->host, (size_t)port + 1);
		ret->host = str_sub(ret->host, 0, (size_t)port);
	}
	return ret->host.n > 0 && ret->host.n <= HOST_MAX;
}

static int
hex_value(char c)
{
	char low = ascii_lower(c);
	return ascii_is_digit(c) ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Lower case, "%2e" decoded, without brackets and the dot at the end. */
static bool
host_put(struct buf *out, str host)
{
	bool coded = false;
	if (str_starts(host, S("[")) && str_ends(host, S("]"))) {
		host = str_sub(host, 1, host.n - 2);
	}
	for (size_t i = 0; i < host.n; i++) {
		bool code = host.p[i] == '%' && i + 2 < host.n && hex_value(host.p[i + 1]) >= 0 &&
		    hex_value(host.p[i + 2]) >= 0;
		char c = code ? (char)(hex_value(host.p[i + 1]) * 16 + hex_value(host.p[i + 2]))
			      : host.p[i];
		i += code ? 2 : 0;
		coded |= code;
		buf_ch(out, ascii_lower(c));
	}
	while (out->n > 0 && out->p[out->n - 1] == '.') {
		buf_truncate(out, out->n - 1);
	}
	return coded;
}

static bool
is_numeric(str host)
{
	bool colon = str_chr(host, ':') >= 0, letter = false;
	for (size_t i = 0; i < host.n; i++) {
		letter |= !ascii_is_digit(host.p[i]) && host.p[i] != '.';
	}
	return colon || !letter;
}

/* ---- use ---------------------------------------------------------------------------------- */

/* What a list can be asked about: letters, digits, "-", "_" and dots, or an address. */
static bool
is_askable(str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		if (!ascii_is_alnum(c) && c != '-' && c != '.' && c != '_' && c != ':' &&
		    (uint8_t)c < 0x80) {
			return false;
		}
	}
	return host.n > 0 && (str_chr(host, '.') > 0 || str_chr(host, ':') >= 0);
}

static void
keep_host(struct filter_look *l, str host)
{
	struct filter_seen *seen = l->seen;
	for (uint32_t i = 0; i < seen->hosts_n; i++) {
		if (str_eq(seen->hosts[i], host)) {
			return;
		}
	}
	if (seen->hosts_n < FILTER_HOSTS_MAX && is_askable(host)) {
		str copy = arena_dup(l->arena, host);
		l->nomem |= copy.p == NULL;
		if (copy.p != NULL) {
			seen->hosts[seen->hosts_n++] = copy;
		}
	}
}

static void
take_path(struct filter_look *l, str path)
{
	struct filter_words w = { .in = path };
	str word;
	for (int i = 0; i < PATH_WORDS_MAX && filter_word_next(&w, &word); i++) {
		filter_add(l, FILTER_AT_PATH, str_sub(word, 0, FILTER_WORD_MAX));
	}
}

static void
take_mail_link(struct filter_look *l, str url)
{
	ptrdiff_t at = str_chr(url, '@');
	str domain = at < 0 ? STR_NONE : str_from_off(url, (size_t)at + 1);
	ptrdiff_t end = str_chr(domain, '?');
	filter_add(l, FILTER_AT_LINK, S("mailto:"));
	filter_domain_take(l, FILTER_AT_LINK, end < 0 ? domain : str_sub(domain, 0, (size_t)end));
}

static void
count_signs(struct filter_look *l, const struct link *link, str host, bool coded)
{
	struct filter_signs *s = &l->signs;
	bool odd_port = link->port.n > 0 && !str_eq(link->port, S("80")) &&
	    !str_eq(link->port, S("443"));
	s->numeric_links += is_numeric(host);
	s->user_links += link->user.n > 0;
	s->coded_hosts += coded;
	s->odd_ports += odd_port;
	if (is_numeric(host)) {
		filter_add(l, FILTER_AT_LINK, S("numeric"));
	}
	if (link->user.n > 0) {
		filter_add(l, FILTER_AT_LINK, S("user@"));
	}
	if (odd_port) {
		filter_add(l, FILTER_AT_LINK, S("port"));
	}
}

void
filter_link_take(struct filter_look *l, str url)
{
	char room[URL_MAX], host_room[HOST_MAX];
	struct buf cleaned, host;
	struct link link;
	buf_init_fixed(&cleaned, room, sizeof(room));
	buf_init_fixed(&host, host_room, sizeof(host_room));
	clean(&cleaned, str_sub(url, 0, URL_MAX));
	if (l->signs.links >= FILTER_LINKS_MAX) {
		return;
	}
	if (str_istarts(buf_view(&cleaned), S("mailto:"))) {
		take_mail_link(l, buf_view(&cleaned));
		return;
	}
	if (!split(buf_view(&cleaned), &link)) {
		return;
	}
	bool coded = host_put(&host, link.host);
	l->signs.links++;
	filter_add(l, FILTER_AT_LINK, link.scheme);
	filter_domain_take(l, FILTER_AT_LINK, buf_view(&host));
	count_signs(l, &link, buf_view(&host), coded);
	take_path(l, link.path);
	keep_host(l, buf_view(&host));
}

static size_t
url_length(str s)
{
	size_t n = 0;
	while (n < s.n && (uint8_t)s.p[n] > ' ' && str_chr(S("<>\"'()[]"), s.p[n]) < 0) {
		n++;
	}
	while (n > 0 && str_chr(S(".,;:!?"), s.p[n - 1]) >= 0) {
		n--;
	}
	return n;
}

/* Where the scheme before "://" at `at` begins. */
static size_t
scheme_begin(str s, size_t at)
{
	size_t begin = at;
	while (begin > 0 && at - begin < 6 && ascii_is_alpha(s.p[begin - 1])) {
		begin--;
	}
	return begin;
}

void
filter_links_in_text(struct filter_look *l, str utf8)
{
	const struct find mark = find_make(S("://"));
	ptrdiff_t at;
	while (l->signs.links < FILTER_LINKS_MAX && (at = find_in(&mark, utf8)) >= 0) {
		str url = str_from_off(utf8, scheme_begin(utf8, (size_t)at));
		url = str_sub(url, 0, url_length(url));
		filter_link_take(l, url);
		utf8 = str_from_off(utf8, (size_t)at + 3);
	}
}
