/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer (RFC 8259): what is written goes out through a function whenever enough has come
 * together, so a list of any length takes the same memory. It cannot write anything malformed:
 * commas, escapes and closing brackets are its own business.
 */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include "base/buf.h"

enum {
	CTL_JSON_DEPTH_MAX = 8,
	CTL_JSON_FLUSH = 32768, /* octets kept before they go out */
};

typedef void ctl_json_sink(void *ctx, str octets);

struct ctl_json {
	struct buf b;
	ctl_json_sink *sink;
	void *ctx;
	unsigned depth;
	struct {
		char close; /* '}' or ']' */
		bool any;   /* something was written: the next thing needs a comma */
	} level[CTL_JSON_DEPTH_MAX];
};

/* Begin; nothing is open. */
void ctl_json_init(struct ctl_json *j, ctl_json_sink *sink, void *ctx);
/* Close what is open, send the rest, free. ERR_NOMEM, ERR_TOOBIG: something was lost. */
enum err ctl_json_end(struct ctl_json *j);

/* Open an object or an array. key: NULL at the top and inside an array, and only there. */
void ctl_json_object(struct ctl_json *j, const char *key);
void ctl_json_array(struct ctl_json *j, const char *key);
/* Close the innermost one. */
void ctl_json_close(struct ctl_json *j);

/* A value. Octets that are not UTF-8 become U+FFFD. Numbers beyond 2^53 are written all the same.
 */
void ctl_json_str(struct ctl_json *j, const char *key, str v);
void ctl_json_u64(struct ctl_json *j, const char *key, uint64_t v);
void ctl_json_bool(struct ctl_json *j, const char *key, bool v);
void ctl_json_null(struct ctl_json *j, const char *key);

#endif
