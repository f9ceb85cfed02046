/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of MX suffixes first, the public suffix list behind it. The list is the one libpsl was
 * built with: no file is read, so it works in a sandbox.
 */
#include "reach/operator.h"

#include <libpsl.h>

#include "reach/rules_priv.h"

enum { NAME_MAX_OCTETS = 255 };

/* Whether `host` is `suffix` or below it; suffix in lower case, without a leading dot. */
static bool
is_below(str host, str suffix)
{
	if (host.n < suffix.n || !str_ieq(str_from_off(host, host.n - suffix.n), suffix)) {
		return false;
	}
	return host.n == suffix.n || host.p[host.n - suffix.n - 1] == '.';
}

static str
by_table(const struct reach_rules *rules, str host)
{
	const struct reach_suffix *best = NULL;

	for (size_t i = 0; rules != NULL && i < rules->suffixes_n; i++) {
		const struct reach_suffix *s = &rules->suffixes[i];
		if (is_below(host, s->suffix) && (best == NULL || s->suffix.n > best->suffix.n)) {
			best = s;
		}
	}
	return best == NULL ? STR_NONE : best->operator;
}

static str
registrable(str host)
{
	char name[NAME_MAX_OCTETS + 1];
	const psl_ctx_t *list = psl_builtin();
	const char *found;

	if (host.n == 0 || host.n > NAME_MAX_OCTETS || list == NULL) {
		return host;
	}
	for (size_t i = 0; i < host.n; i++) {
		name[i] = ascii_lower(host.p[i]);
	}
	name[host.n] = '\0';
	found = psl_registrable_domain(list, name);
	return found == NULL ? host : str_from_off(host, (size_t)(found - name));
}

str
reach_operator(const struct reach_rules *rules, str mx)
{
	if (mx.n > 0 && mx.p[mx.n - 1] == '.') {
		mx.n--;
	}
	if (mx.n == 0 || mx.p[0] == '[') {
		return mx;
	}
	str known = by_table(rules, mx);
	return known.n > 0 ? known : registrable(mx);
}
