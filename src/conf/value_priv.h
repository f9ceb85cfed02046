/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking one value against its type. Shared by the parser and its tests only.
 */
#ifndef CONF_VALUE_PRIV_H
#define CONF_VALUE_PRIV_H

#include "conf/conf.h"

enum conf_type {
	CONF_STR,
	CONF_PATH,
	CONF_HOST,
	CONF_NUM,
	CONF_LIMIT,
	CONF_SIZE,
	CONF_TIME,
	CONF_POINTS,
	CONF_BOOL,
	CONF_ADDRS,
	CONF_NETS,
	CONF_HOSTS,
	CONF_PATHS,
	CONF_SOCKETS,
	CONF_RULES,
	CONF_WORD
};

/*
 * A decimal number with an optional unit (SIZE: K M G T; TIME: ms s m h d); POINTS: with up to
 * three digits behind a dot. False: not one, or too large.
 */
bool conf_value_number(enum conf_type type, str v, uint64_t *ret_v);

/* Does the text fit the type? On false *ret_why says what is allowed. Numbers are not for this. */
bool conf_value_fits(enum conf_type type, str v, const char **ret_why);

#endif
