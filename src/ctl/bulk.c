/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern account import: a file of any length in small pieces. Lines are read a block at a time
 * and sent to auth in batches; auth's hash workers share a batch, so its size follows the cost of a
 * password.
 */
#include "ctl/auth.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

enum {
	ROWS_MAX = 200, /* as adm_auth.def */
	ROWS_MIN = 8,
	BATCH_OCTETS = 100000, /* of one message's 131072 */
	FIELD_MAX = 1000,      /* as adm_auth.def */
	LINE_MAX_OCTETS = 4096,
	BLOCK = 65536,
	ROUNDS_PER_BATCH = 20000000, /* PBKDF2: some seconds of work */
	PROGRESS_MS = 500,
};

struct bulk {
	struct ctl *c;
	int fd;
	bool at_end, progress;
	char block[BLOCK];
	size_t block_n, block_at;

	struct arena *batch; /* wiped after each */
	struct ipc_adm_auth_import_row rows[ROWS_MAX];
	uint64_t lines[ROWS_MAX]; /* where each row stood */
	size_t rows_n, rows_max, octets;

	uint64_t line, created, refused;
	int64_t told_ms;
};

static void
refuse(struct bulk *b, uint64_t line, str address, str text)
{
	struct ctl_out *o = &b->c->out;
	b->refused++;
	if (o->json) {
		ctl_out_item(o);
		ctl_out_u64(o, "line", line);
		ctl_out_str(o, "address", address);
		ctl_out_str(o, "text", text);
		ctl_out_item_end(o);
	} else {
		ctl_warn(b->c, "line %llu: %.*s: %.*s", (unsigned long long)line, STR_ARG(address),
		    STR_ARG(text));
	}
}

static void
show_progress(struct bulk *b, bool last)
{
	int64_t now_ms = sys_clock_ms();
	if (b->progress && (last || now_ms - b->told_ms >= PROGRESS_MS)) {
		b->told_ms = now_ms;
		fprintf(stderr, "\r%llu lines, %llu accounts made%s", (unsigned long long)b->line,
		    (unsigned long long)b->created, last ? "\n" : "");
	}
}

/* --- a batch ------------------------------------------------------------------------------- */

static enum err
on_imported(void *ctx, const struct ipc_adm_auth_imported *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct bulk *b = a->ctx;
	b->created += m->created;
	for (size_t i = 0; i < m->errors_n; i++) {
		const struct ipc_adm_auth_import_error *x = &m->errors[i];
		if (x->row >= b->rows_n) {
			return ERR_PROTOCOL;
		}
		refuse(b, b->lines[x->row], b->rows[x->row].address,
		    x->text.n > 0 ? x->text : str_from(err_text(x->result)));
	}
	return ctl_auth_answered(a, S(""));
}

static enum ctl_exit
send_batch(struct bulk *b)
{
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.imported = on_imported };
	struct ctl_auth a = { .c = b->c, .ctx = b };
	if (b->rows_n == 0) {
		return CTL_OK;
	}
	struct ipc_adm_auth_account_import m = {
		.request = b->line, .rows = b->rows, .rows_n = b->rows_n
	};
	ipc_adm_auth_account_import_put(&b->c->msg, &m);
	enum ctl_exit x = ctl_auth_ask(&a, &handlers, CTL_WAIT_LONG_MS);
	arena_reset(b->batch);
	b->rows_n = b->octets = 0;
	show_progress(b, false);
	return x;
}

static bool
is_over(const struct bulk *b)
{
	return b->refused > 0 && ctl_given(&b->c->args, CTL_OPT_STOP_ON_ERROR);
}

/* --- lines --------------------------------------------------------------------------------- */

static enum ctl_exit
take_line(struct bulk *b, str line)
{
	str address, password;
	b->line++;
	if (line.n > 0 && line.p[line.n - 1] == '\r') {
		line.n--;
	}
	if (line.n == 0 || line.p[0] == '#') {
		return CTL_OK;
	}
	if (!str_cut(line, '\t', &address, &password) || address.n == 0 || password.n == 0) {
		refuse(b, b->line, str_cut(line, ' ', &address, &password) ? address : S("?"),
		    S("not of the form ADDRESS TAB PASSWORD"));
		return CTL_OK;
	}
	if (address.n > FIELD_MAX || password.n > FIELD_MAX) {
		refuse(b, b->line, str_sub(address, 0, FIELD_MAX), S("too long"));
		return CTL_OK;
	}
	struct ipc_adm_auth_import_row *row = &b->rows[b->rows_n];
	b->lines[b->rows_n] = b->line;
	row->address = arena_dup(b->batch, address);
	row->password = arena_dup(b->batch, password);
	if (row->address.p == NULL || row->password.p == NULL) {
		return ctl_fail(b->c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	b->rows_n++;
	b->octets += line.n;
	return b->rows_n == b->rows_max || b->octets > BATCH_OCTETS - LINE_MAX_OCTETS
	    ? send_batch(b)
	    : CTL_OK;
}

static enum ctl_exit
fill(struct bulk *b)
{
	memmove(b->block, b->block + b->block_at, b->block_n - b->block_at);
	b->block_n -= b->block_at;
	b->block_at = 0;
	ssize_t got = read(b->fd, b->block + b->block_n, sizeof b->block - b->block_n);
	if (got < 0) {
		return ctl_fail(b->c, CTL_FAILED, ERR_IO, "cannot read on behind line %llu",
		    (unsigned long long)b->line);
	}
	b->at_end = got == 0;
	b->block_n += (size_t)got;
	return CTL_OK;
}

/* All whole lines of the block; at the end of the file the rest counts as one. */
static enum ctl_exit
take_block(struct bulk *b)
{
	enum ctl_exit x = CTL_OK;
	while (x == CTL_OK && !is_over(b)) {
		str rest = str_make(b->block + b->block_at, b->block_n - b->block_at);
		ptrdiff_t end = str_chr(rest, '\n');
		size_t n = end >= 0 ? (size_t)end : rest.n;
		if (end < 0 && (!b->at_end || rest.n == 0) && rest.n < LINE_MAX_OCTETS) {
			return CTL_OK;
		}
		if (n >= LINE_MAX_OCTETS) {
			return ctl_fail(b->c, CTL_FAILED, ERR_TOOBIG,
			    "line %llu is longer than %d octets: is this a list of accounts?",
			    (unsigned long long)b->line + 1, LINE_MAX_OCTETS);
		}
		x = take_line(b, str_sub(rest, 0, n));
		b->block_at += end >= 0 ? n + 1 : n;
	}
	return x;
}

static enum ctl_exit
take_all(struct bulk *b)
{
	enum ctl_exit x = CTL_OK;
	while (x == CTL_OK && !b->at_end && !is_over(b)) {
		x = fill(b);
		if (x == CTL_OK) {
			x = take_block(b);
		}
	}
	return x == CTL_OK && !is_over(b) ? send_batch(b) : x;
}

/* --- the command --------------------------------------------------------------------------- */

static enum ctl_exit
open_source(struct bulk *b, str path)
{
	enum err e = str_eq(path, S("-"))
	    ? sys_dup(0, &b->fd)
	    : sys_file_open(SYS_CWD, path, SYS_READ | SYS_FOLLOW, &b->fd);
	if (e != ERR_OK) {
		return ctl_fail(b->c, CTL_FAILED, e, "%.*s: %s", STR_ARG(path), err_text(e));
	}
	return CTL_OK;
}

static enum ctl_exit
summary(struct bulk *b, enum ctl_exit x)
{
	struct ctl_out *o = &b->c->out;
	show_progress(b, true);
	if (x != CTL_OK) {
		ctl_warn(b->c, "%llu accounts were made up to there",
		    (unsigned long long)b->created);
		return x;
	}
	ctl_out_list_end(o);
	ctl_out_u64(o, "lines", b->line);
	ctl_out_u64(o, "created", b->created);
	ctl_out_u64(o, "refused", b->refused);
	return b->refused > 0 ? CTL_FINDINGS : CTL_OK;
}

enum ctl_exit
ctl_cmd_account_import(struct ctl *c)
{
	static const struct ctl_column none[] = { { "line", "LINE", 0, true } };
	struct bulk *b = arena_alloc(c->secrets, sizeof *b);
	if (b == NULL) {
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	b->c = c;
	b->fd = -1;
	b->batch = arena_new(c->secrets, "batch", 4 * BATCH_OCTETS, ARENA_WIPE);
	b->progress = isatty(2) != 0;
	b->rows_max = (size_t)MIN(MAX(ROUNDS_PER_BATCH / MAX(c->conf.auth_hash_iterations, 1),
				      (uint64_t)ROWS_MIN),
	    (uint64_t)ROWS_MAX);
	enum ctl_exit x = b->batch == NULL
	    ? ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM))
	    : open_source(b, ctl_arg(c, 0));
	if (x == CTL_OK) {
		ctl_out_list(&c->out, "refused_lines", none, LEN(none));
		x = take_all(b);
		x = summary(b, x);
	}
	sys_close(&b->fd);
	return x;
}
