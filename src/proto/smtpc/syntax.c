/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last look at what goes into a command.
 */
#include "proto/smtpc/syntax.h"
#include "base/codec.h"
#include "proto/smtpc/limits.h"

static bool
path_valid(str path)
{
	bool quoted = false;
	for (size_t i = 0; i < path.n; i++) {
		uint8_t c = (uint8_t)path.p[i];
		bool bad = !quoted && (c == ' ' || c == '<' || c == '>');
		if (c < 0x20 || c == 0x7f || bad) {
			return false;
		}
		if (quoted && c == '\\') {
			if (++i == path.n || (uint8_t)path.p[i] < 0x20 || path.p[i] == 0x7f) {
				return false;
			}
		} else if (c == '"') {
			quoted = !quoted;
		}
	}
	return !quoted && path.n <= SMTPC_ADDRESS_MAX && utf8_valid(path);
}

static bool
parameter_valid(str p, bool utf8)
{
	for (size_t i = 0; i < p.n; i++) {
		uint8_t c = (uint8_t)p.p[i];
		if (c <= 0x20 || c == 0x7f || c == '=' || (c >= 0x80 && !utf8)) {
			return false;
		}
	}
	return p.n <= SMTPC_ADDRESS_MAX && utf8_valid(p);
}

bool
smtpc_letter_valid(const struct smtpc_letter *l)
{
	bool ok = path_valid(l->reverse_path) && parameter_valid(l->envid, false);
	for (size_t i = 0; i < l->rcpts_n && ok; i++) {
		ok = l->rcpts[i].address.n > 0 && path_valid(l->rcpts[i].address) &&
		    parameter_valid(l->rcpts[i].orcpt, true);
	}
	return ok;
}
