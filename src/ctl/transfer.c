/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern export, import. Run by root, the process that opens the mail is its owner's, with root's
 * reach to files elsewhere; what it exported is then given to root.
 */
#include "ctl/ctl.h"
#include "ctl/mailbox.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

enum { PATHS_BUDGET = 32 << 20 };

enum format { FORMAT_ANY, FORMAT_MBOX, FORMAT_MAILDIR };

struct transfer {
	struct store_conf conf;
	str path, into; /* files; mailbox */
	enum format format;
	const char *doing;
	unsigned rights; /* in `path` */
	enum err (*move)(struct store *s, const struct transfer *t, struct store_transfer *st);
};

static bool
is_there(str path)
{
	struct sys_stat s;
	return sys_file_stat(SYS_CWD, path, &s) == ERR_OK;
}

static enum ctl_exit
read_format(struct ctl *c, enum format *ret)
{
	bool mbox = ctl_given(&c->args, CTL_OPT_MBOX);
	bool maildir = ctl_given(&c->args, CTL_OPT_MAILDIR);
	if (mbox && maildir) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX, "either --mbox or --maildir, not both");
	}
	*ret = mbox ? FORMAT_MBOX : maildir ? FORMAT_MAILDIR : FORMAT_ANY;
	return CTL_OK;
}

static void
progress(struct ctl_worker *w, const struct ctl_worker_shared *sh)
{
	const struct transfer *t = w->ctx;
	fprintf(stderr, "\r%s: %llu messages, %llu MB ", t->doing,
	    (unsigned long long)sh->transfer.messages,
	    (unsigned long long)(sh->transfer.octets >> 20));
}

static enum err
work(struct ctl_worker *w, struct ctl_worker_shared *sh)
{
	struct transfer *t = w->ctx;
	struct store *s = NULL;
	sh->transfer.line = ctl_worker_line;
	sh->transfer.ctx = w;
	TRY(store_open(&t->conf, &s));
	enum err e = t->move(s, t, &sh->transfer);
	store_close(&s);
	return e;
}

/* Run it and tell the numbers. */
static enum err
run(struct ctl *c, struct transfer *t, str owner_of, struct store_transfer *ret)
{
	static const struct ctl_column columns[] = { { "line", "LINE", 0, false } };
	struct ctl_worker w = { .c = c,
		.owner_of = owner_of,
		.reach_all = true,
		.paths = { { .path = owner_of, .rights = SYS_MAY_ALL },
		    { .path = t->path, .rights = t->rights } },
		.paths_n = 2,
		.work = work,
		.line = ctl_mailbox_line,
		.progress = progress,
		.ctx = t };
	ctl_out_list(&c->out, "left_out", columns, LEN(columns));
	enum err e = ctl_worker_run(&w);
	ctl_out_list_end(&c->out);
	*ret = w.sh != NULL ? w.sh->transfer : (struct store_transfer){ 0 };
	ctl_worker_done(&w);
	ctl_out_u64(&c->out, "mailboxes", ret->mailboxes);
	ctl_out_u64(&c->out, "messages", ret->messages);
	ctl_out_size(&c->out, "octets", ret->octets);
	ctl_out_u64(&c->out, "skipped", ret->skipped);
	return e;
}

/* --- export -------------------------------------------------------------------------------- */

static enum err
move_out(struct store *s, const struct transfer *t, struct store_transfer *st)
{
	return t->format == FORMAT_MAILDIR ? store_export_maildir(s, t->path, st)
					   : store_export_mbox(s, t->path, st);
}

/* Folders still to be walked. */
struct path {
	struct path *next;
	str name;
};

struct walk {
	struct arena *a;
	struct path *todo;
	str folder;
};

static enum err
give(void *ctx, str name)
{
	struct walk *w = ctx;
	struct sys_stat s;
	str path = arena_printf(w->a, "%.*s/%.*s", STR_ARG(w->folder), STR_ARG(name));
	if (path.p == NULL) {
		return ERR_NOMEM;
	}
	TRY(sys_file_stat(SYS_CWD, path, &s));
	TRY(sys_file_chown(SYS_CWD, path, geteuid(), getegid()));
	if (!s.is_folder) {
		return ERR_OK;
	}
	struct path *p = ARENA_NEW(w->a, struct path);
	if (p == NULL) {
		return ERR_NOMEM;
	}
	*p = (struct path){ w->todo, path };
	w->todo = p;
	return ERR_OK;
}

/* What was exported belongs to the one who asked for it. */
static enum err
give_all(struct ctl *c, str dest)
{
	struct arena *a = arena_new(c->arena, "paths", PATHS_BUDGET, 0);
	struct path first = { NULL, dest };
	struct walk w = { a, &first, dest };
	enum err e = a == NULL ? ERR_NOMEM : sys_file_chown(SYS_CWD, dest, geteuid(), getegid());
	while (e == ERR_OK && w.todo != NULL) {
		int dir SYS_FD_AUTO = -1;
		w.folder = w.todo->name;
		w.todo = w.todo->next;
		e = sys_dir_open(SYS_CWD, w.folder, &dir);
		if (e == ERR_OK) {
			e = sys_dir_list(dir, give, &w);
		}
	}
	arena_free(&a);
	return e;
}

static enum err
is_in_the_way(void *ctx, str name)
{
	return ERR_EXISTS;
}

/* A new folder, or an empty one: all that is in it afterwards is ours. */
static enum err
make_dest(str dest)
{
	int dir SYS_FD_AUTO = -1;
	enum err e = sys_dir_make(SYS_CWD, dest, 0700);
	if (e != ERR_EXISTS) {
		return e;
	}
	TRY(sys_dir_open(SYS_CWD, dest, &dir));
	return sys_dir_list(dir, is_in_the_way, NULL);
}

static enum ctl_exit
export_failed(struct ctl *c, const struct ctl_found *found, str dest, enum err e)
{
	if (e == ERR_EXISTS) {
		return ctl_fail(c, CTL_FAILED, e,
		    "%.*s is there already and is not empty; name a new folder", STR_ARG(dest));
	}
	if (e == ERR_NOTFOUND && !is_there(dest)) {
		return ctl_fail(c, CTL_FAILED, e,
		    "%.*s cannot be made: the folder above does not exist", STR_ARG(dest));
	}
	if (e == ERR_NOSPACE) {
		return ctl_fail(c, CTL_FAILED, e, "no space is left for %.*s", STR_ARG(dest));
	}
	return ctl_mailbox_failed(c, found, e);
}

enum ctl_exit
ctl_cmd_export(struct ctl *c)
{
	struct transfer t = {
		.path = ctl_arg(c, 1), .doing = "export", .rights = SYS_MAY_ALL, .move = move_out
	};
	struct store_transfer done;
	struct ctl_found found;
	enum ctl_exit x = read_format(c, &t.format);
	if (x == CTL_OK && t.format == FORMAT_ANY) {
		x = ctl_fail(c, CTL_USAGE, ERR_SYNTAX, "say --mbox or --maildir");
	}
	if (x == CTL_OK) {
		x = ctl_mailbox_find(c, &found, &t.conf);
	}
	if (x != CTL_OK) {
		return x;
	}
	enum err e = make_dest(t.path);
	if (e == ERR_OK) {
		e = run(c, &t, found.owner_of, &done);
	}
	if (e != ERR_OK) {
		return export_failed(c, &found, t.path, e);
	}
	if (geteuid() == 0 && give_all(c, t.path) != ERR_OK) {
		ctl_warn(c, "some files in %.*s belong to the server's user", STR_ARG(t.path));
	}
	return done.skipped > 0 ? CTL_FINDINGS : CTL_OK;
}

/* --- import -------------------------------------------------------------------------------- */

static enum err
move_in(struct store *s, const struct transfer *t, struct store_transfer *st)
{
	return store_import(s, t->path, t->into, st);
}

/* A folder with cur/ is a Maildir, a file or another folder is mbox. */
static enum ctl_exit
check_source(struct ctl *c, const struct transfer *t)
{
	struct sys_stat s;
	str cur = arena_printf(c->arena, "%.*s/cur", STR_ARG(t->path));
	if (t->format == FORMAT_ANY || cur.p == NULL) {
		return CTL_OK;
	}
	bool is_maildir = sys_file_stat(SYS_CWD, cur, &s) == ERR_OK && s.is_folder;
	if (is_maildir == (t->format == FORMAT_MAILDIR)) {
		return CTL_OK;
	}
	return ctl_fail(c, CTL_USAGE, ERR_SYNTAX, "%.*s is %s Maildir: it has %s folder cur",
	    STR_ARG(t->path), is_maildir ? "a" : "no", is_maildir ? "a" : "no");
}

static enum ctl_exit
import_failed(struct ctl *c, const struct ctl_found *found, str source, enum err e)
{
	if (e == ERR_QUOTA) {
		return ctl_fail(c, CTL_FAILED, e,
		    "the account is full; `postern account quota` gives it more. What was imported "
		    "before stays");
	}
	if (e == ERR_NOTFOUND && !is_there(source)) {
		return ctl_fail(c, CTL_FAILED, e, "there is no %.*s", STR_ARG(source));
	}
	return ctl_mailbox_failed(c, found, e);
}

enum ctl_exit
ctl_cmd_import(struct ctl *c)
{
	struct transfer t = {
		.path = ctl_arg(c, 1), .doing = "import", .rights = SYS_MAY_READ, .move = move_in
	};
	struct store_transfer done;
	struct ctl_found found;
	enum ctl_exit x = read_format(c, &t.format);
	if (ctl_given(&c->args, CTL_OPT_INTO)) {
		t.into = c->args.value[CTL_OPT_INTO];
	}
	if (x == CTL_OK) {
		x = check_source(c, &t);
	}
	if (x == CTL_OK) {
		x = ctl_mailbox_find(c, &found, &t.conf);
	}
	if (x != CTL_OK) {
		return x;
	}
	t.conf.create = true;
	enum err e = run(c, &t, found.owner_of, &done);
	if (e != ERR_OK) {
		return import_failed(c, &found, t.path, e);
	}
	return done.skipped > 0 ? CTL_FINDINGS : CTL_OK;
}
