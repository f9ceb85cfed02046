/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TXT record that says a domain has a policy, and which.
 *
 *	record = "v=STSv1" 1*( *WSP ";" *WSP field ) [ *WSP ";" *WSP ]
 *	field  = "id=" 1*32(ALPHA / DIGIT) / name "=" value
 */
#include "proto/mtasts/mtasts.h"

static bool
all(str s, const char *extra)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(extra, s.p[i]) == NULL)) {
			return false;
		}
	}
	return s.n > 0;
}

static bool
extension_valid(str name, str value)
{
	bool ok = name.n <= 32 && all(name, "_-.") && ascii_is_alnum(name.p[0]) && value.n > 0;
	for (size_t i = 0; i < value.n && ok; i++) {
		uint8_t c = (uint8_t)value.p[i];
		ok = c > 0x20 && c < 0x7f && c != '=';
	}
	return ok;
}

/* The fields behind the version. */
static enum err
take_fields(str rest, str *ret_id)
{
	str field, name, value, id = STR_NONE;
	while (str_next(&rest, ';', &field)) {
		field = str_trim(field);
		if (field.n == 0 && rest.p == NULL) {
			break; /* the delimiter at the end */
		}
		if (!str_cut(field, '=', &name, &value)) {
			return ERR_SYNTAX;
		}
		bool is_id = str_eq(name, S("id"));
		bool ok = is_id ? value.n <= MTASTS_ID_MAX && all(value, "")
				: extension_valid(name, value);
		if (!ok) {
			return ERR_SYNTAX;
		}
		id = is_id && id.p == NULL ? value : id;
	}
	if (id.p == NULL) {
		return ERR_SYNTAX;
	}
	*ret_id = id;
	return ERR_OK;
}

/* RFC 8461 3.1: what does not begin like this is discarded before records are counted. */
static bool
is_sts(str record, str *ret_rest)
{
	str version;
	return str_cut(record, ';', &version, ret_rest) && str_starts(version, S("v=STSv1")) &&
	    str_trim(str_from_off(version, 7)).n == 0;
}

enum err
mtasts_txt(const str *records, size_t n, str *ret_id)
{
	str rest, found = STR_NONE;
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_sts(records[i], &rest)) {
			found = rest;
			count++;
		}
	}
	return count == 1 ? take_fields(found, ret_id) : ERR_NOTFOUND;
}
