/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list of errors for the whole tree, generated from err.def. Anything that can fail returns
 * enum err; results come last as `ret_x` and are written only on ERR_OK.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum NODISCARD_TYPE err {
#define ERR(name, class, text) ERR_##name,
#include "base/err.def"
#undef ERR
	ERR_COUNT
};

enum err_class {
	ERR_CLASS_NONE,
	ERR_CLASS_AGAIN,
	ERR_CLASS_PEER,
	ERR_CLASS_TEMP,
	ERR_CLASS_PERM,
	ERR_CLASS_LOCAL,
	ERR_CLASS_BUG
};

/* Short upper-case name ("TOOBIG"), fit for a log field. */
const char *err_name(enum err e);

/* One sentence for the operator; never sent to a peer. */
const char *err_text(enum err e);

/* Whose fault it is, and so what to do next. */
enum err_class err_class(enum err e);

/* Return from the calling function when `expr` is not ERR_OK. The only macro that returns. */
#define TRY(expr)                           \
	do {                                \
		enum err try_err_ = (expr); \
		if (try_err_ != ERR_OK) {   \
			return try_err_;    \
		}                           \
	} while (0)

#endif
