/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error table and the end of the process for our own bugs. Start reading at err.def.
 */
#include "base/err.h"

static const struct {
	const char *name;
	const char *text;
	enum err_class class;
} rows[ERR_COUNT] = {
#define ERR(n, c, t) [ERR_##n] = { #n, t, ERR_CLASS_##c },
#include "base/err.def"
#undef ERR
};

const char *
err_name(enum err e)
{
	return (unsigned)e < ERR_COUNT ? rows[e].name : "UNKNOWN";
}

const char *
err_text(enum err e)
{
	return (unsigned)e < ERR_COUNT ? rows[e].text : "unknown error";
}

enum err_class
err_class(enum err e)
{
	return (unsigned)e < ERR_COUNT ? rows[e].class : ERR_CLASS_BUG;
}

void
base_panic(const char *file, int line, const char *cond)
{
	fprintf(stderr, "postern: bug at %s:%d: assertion failed: %s\n", file, line, cond);
	abort();
}
