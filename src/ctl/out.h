/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command prints, once for people and once for programs. A handler says values with their
 * keys; with --json they become members of one object, otherwise lines of text. Values that came
 * from outside can do no harm to a terminal: control octets are shown as \xNN.
 */
#ifndef CTL_OUT_H
#define CTL_OUT_H

#include "ctl/json.h"

/* One column of a list in text; JSON has every value an item says. */
struct ctl_column {
	const char *key, *title;
	unsigned width; /* at least; 0 for the last column */
	bool right;     /* numbers stand at the right */
};

struct ctl_out {
	bool json;
	struct ctl_json j;
	struct buf b; /* text that waits to be written */
	ctl_json_sink *sink;
	void *ctx;
	const struct ctl_column *columns;
	size_t columns_n, at;
	bool in_item, titled;
};

/* Begin; with json the one object is opened. Everything goes to sink. */
void ctl_out_init(struct ctl_out *o, bool json, ctl_json_sink *sink, void *ctx);
/* Write what waits. Before something else writes, and before a fork. */
void ctl_out_flush(struct ctl_out *o);
/* Close everything and write the rest. ERR_NOMEM, ERR_TOOBIG: something was lost. */
enum err ctl_out_end(struct ctl_out *o);

/*
 * A list: ctl_out_list, then for each row ctl_out_item, the values in the order of the columns,
 * ctl_out_item_end; then ctl_out_list_end. The titles are written with the first row.
 */
void ctl_out_list(struct ctl_out *o, const char *key, const struct ctl_column *columns, size_t n);
void ctl_out_item(struct ctl_out *o);
void ctl_out_item_end(struct ctl_out *o);
void ctl_out_list_end(struct ctl_out *o);

/* A value of the item, or of the whole answer: then text has a line "key: value". */
void ctl_out_str(struct ctl_out *o, const char *key, str v);
void ctl_out_u64(struct ctl_out *o, const char *key, uint64_t v);
void ctl_out_bool(struct ctl_out *o, const char *key, bool v);
/* Octets; text has "1.5M". */
void ctl_out_size(struct ctl_out *o, const char *key, uint64_t v);
/* The same where 0 means that there is no limit: null, "none". */
void ctl_out_limit(struct ctl_out *o, const char *key, uint64_t v, bool octets);
/* Seconds since 1970; "2026-11-21T19:00:00Z". 0: null, "-". */
void ctl_out_time(struct ctl_out *o, const char *key, int64_t wall_s);

/* A value that is not known, or does not apply: null, "-". */
void ctl_out_none(struct ctl_out *o, const char *key);

/* What was done, in a sentence: member "done". */
void ctl_out_done(struct ctl_out *o, str text);

/* A line for people only. What came from outside can end no line: it has no \n of its own. */
void ctl_out_line(struct ctl_out *o, const char *fmt, ...) PRINTF(2, 3);

/* Append text that is safe on a terminal. */
void ctl_out_safe(struct buf *b, str v);

#endif
