/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern verify, repair, rebuild, compact: looking after the mail of an account, with or without a
 * running server.
 */
#include "ctl/mailbox.h"

#include "ctl/ctl.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { BOOT_ID_MAX = 64 };

enum ctl_exit
ctl_mailbox_conf(struct ctl *c, const struct ctl_found *found, struct store_conf *ret)
{
	char room[BOOT_ID_MAX + 1];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	*ret = (struct store_conf){ .path = found->folder,
		.boot_id = c->conf.test_boot_id,
		.quota_octets = found->quota_octets,
		.quota_messages = found->quota_messages };
	if (ret->boot_id.n == 0) {
		enum err e = sys_file_load(SYS_CWD, S("/proc/sys/kernel/random/boot_id"), &b);
		ret->boot_id = arena_dup(c->arena, str_trim(buf_view(&b)));
		if (e != ERR_OK || ret->boot_id.p == NULL) {
			return ctl_fail(c, CTL_FAILED, e, "the kernel's boot id cannot be read");
		}
	}
	return CTL_OK;
}

enum ctl_exit
ctl_mailbox_find(struct ctl *c, struct ctl_found *ret_found, struct store_conf *ret)
{
	enum ctl_exit x = ctl_find(c, ctl_arg(c, 0), ret_found);
	return x == CTL_OK ? ctl_mailbox_conf(c, ret_found, ret) : x;
}

enum ctl_exit
ctl_mailbox_failed(struct ctl *c, const struct ctl_found *found, enum err e)
{
	unsigned long long id = found->account;
	switch (e) {
	case ERR_NOTFOUND:
		return ctl_fail(c, CTL_FAILED, e,
		    "account %llu has no mail: there is no folder %.*s", id,
		    STR_ARG(found->folder));
	case ERR_CORRUPT:
		return ctl_fail(c, CTL_FAILED, e,
		    "the index of account %llu cannot be used; `postern rebuild %llu` makes a new "
		    "one from the messages",
		    id, id);
	case ERR_VERSION:
		return ctl_fail(c, CTL_FAILED, e,
		    "the mail of account %llu was written by a newer version than %s", id,
		    POSTERN_VERSION);
	case ERR_DENIED:
		return ctl_fail(c, CTL_FAILED, e,
		    "this user may not read the mail of account %llu; be root, or the user that "
		    "runs the server",
		    id);
	case ERR_BUG:
		return ctl_fail(c, CTL_FAILED, e,
		    "the work on account %llu crashed: a fault of Postern, please report it", id);
	default: return ctl_fail(c, CTL_FAILED, e, "account %llu: %s", id, err_text(e));
	}
}

void
ctl_mailbox_line(struct ctl_worker *w, str text)
{
	if (w->c->out.json) {
		ctl_json_str(&w->c->out.j, NULL, text);
	} else {
		ctl_warn(w->c, "%.*s", STR_ARG(text));
	}
}

/* --- the four kinds of work ---------------------------------------------------------------- */

static enum err
verify(struct store *s, struct ctl_worker_shared *sh)
{
	return store_verify(s, &sh->report);
}

static enum err
repair(struct store *s, struct ctl_worker_shared *sh)
{
	return store_repair(s, &sh->report);
}

static enum err
compact(struct store *s, struct ctl_worker_shared *sh)
{
	return store_compact(s, &sh->octets);
}

/* What a command does to an account. */
struct care {
	const char *doing;
	enum err (*on_store)(struct store *s, struct ctl_worker_shared *sh); /* NULL: rebuild */
	const struct store_conf *conf;
};

static enum err
work(struct ctl_worker *w, struct ctl_worker_shared *sh)
{
	const struct care *care = w->ctx;
	struct store *s = NULL;
	sh->report.line = ctl_worker_line;
	sh->report.ctx = w;
	if (care->on_store == NULL) {
		return store_rebuild(care->conf, &sh->report);
	}
	TRY(store_open(care->conf, &s));
	enum err e = care->on_store(s, sh);
	store_close(&s);
	return e;
}

static void
progress(struct ctl_worker *w, const struct ctl_worker_shared *sh)
{
	const struct care *care = w->ctx;
	fprintf(stderr, "\r%s: %llu messages, %llu records ", care->doing,
	    (unsigned long long)sh->report.messages, (unsigned long long)sh->report.records);
}

/* A record that is bad and that nothing needs any more does no harm: compact takes it out. */
static bool
is_bad(const struct store_report *r)
{
	return r->bad_counts + r->lost + r->found > 0;
}

static const char *
result_text(const struct store_report *r, enum err e)
{
	if (e != ERR_OK) {
		return e == ERR_NOTFOUND ? "no mail" : err_name(e);
	}
	return is_bad(r) ? "damaged" : r->bad_records > 0 ? "scars" : "good";
}

static void
put_report(struct ctl *c, const struct ctl_found *found, const struct store_report *r, enum err e)
{
	struct ctl_out *o = &c->out;
	ctl_out_u64(o, "account", found->account);
	ctl_out_u64(o, "messages", r->messages);
	ctl_out_u64(o, "records", r->records);
	ctl_out_size(o, "octets", r->octets);
	ctl_out_u64(o, "bad_records", r->bad_records);
	ctl_out_u64(o, "bad_counts", r->bad_counts);
	ctl_out_u64(o, "lost", r->lost);
	ctl_out_u64(o, "found", r->found);
	ctl_out_u64(o, "mended", r->mended);
	ctl_out_str(o, "result", str_from(result_text(r, e)));
}

/* One account into the open list. A failure is this account's alone. */
static enum err
care_for(struct ctl *c, struct care *care, const struct ctl_found *found, struct store_report *ret)
{
	struct store_conf conf;
	if (ctl_mailbox_conf(c, found, &conf) != CTL_OK) {
		return ERR_IO;
	}
	care->conf = &conf;
	struct ctl_worker w = { .c = c,
		.owner_of = found->owner_of,
		.paths = { { .path = found->owner_of, .rights = SYS_MAY_ALL } },
		.paths_n = 1,
		.work = work,
		.line = ctl_mailbox_line,
		.progress = progress,
		.ctx = care };
	ctl_out_item(&c->out);
	if (c->out.json) {
		ctl_json_array(&c->out.j, "findings");
	}
	enum err e = ctl_worker_run(&w);
	if (c->out.json) {
		ctl_json_close(&c->out.j);
	}
	*ret = w.sh != NULL ? w.sh->report : (struct store_report){ 0 };
	put_report(c, found, ret, e);
	ctl_out_item_end(&c->out);
	ctl_worker_done(&w);
	return e;
}

static const struct ctl_column columns[] = {
	{ "account", "ACCOUNT", 7, true },
	{ "messages", "MESSAGES", 9, true },
	{ "records", "RECORDS", 9, true },
	{ "octets", "SIZE", 6, true },
	{ "bad_records", "BAD", 5, true },
	{ "bad_counts", "COUNTS", 6, true },
	{ "lost", "LOST", 5, true },
	{ "found", "FOUND", 5, true },
	{ "mended", "MENDED", 6, true },
	{ "result", "RESULT", 0, false },
};

static enum ctl_exit
care_for_one(struct ctl *c, struct care *care, str name)
{
	struct ctl_found found;
	struct store_report report;
	enum ctl_exit x = ctl_find(c, name, &found);
	if (x != CTL_OK) {
		return x;
	}
	ctl_out_list(&c->out, "accounts", columns, LEN(columns));
	enum err e = care_for(c, care, &found, &report);
	ctl_out_list_end(&c->out);
	if (e == ERR_NOTFOUND && found.known) {
		ctl_warn(c, "account %llu has no mail yet", (unsigned long long)found.account);
		return CTL_OK;
	}
	if (e != ERR_OK) {
		return ctl_mailbox_failed(c, &found, e);
	}
	return is_bad(&report) ? CTL_FINDINGS : CTL_OK;
}

static enum ctl_exit
verify_all(struct ctl *c, struct care *care)
{
	uint64_t *ids, failed = 0, damaged = 0;
	size_t n;
	enum ctl_exit x = ctl_find_all(c, &ids, &n);
	if (x != CTL_OK) {
		return x;
	}
	ctl_out_list(&c->out, "accounts", columns, LEN(columns));
	for (size_t i = 0; i < n && x == CTL_OK; i++) {
		struct ctl_found found = { 0 };
		struct store_report report = { 0 };
		x = ctl_find_number(c, ids[i], &found);
		if (x == CTL_OK) {
			failed += care_for(c, care, &found, &report) != ERR_OK;
			damaged += is_bad(&report);
		}
	}
	if (x != CTL_OK) {
		return x;
	}
	ctl_out_list_end(&c->out);
	ctl_out_u64(&c->out, "damaged", damaged);
	ctl_out_u64(&c->out, "unusable", failed);
	if (failed > 0) {
		ctl_warn(c, "`postern rebuild NUMBER` makes an unusable index anew");
	}
	if (damaged > 0) {
		ctl_warn(c, "`postern repair NUMBER` mends a damaged account");
	}
	return failed + damaged > 0 ? CTL_FINDINGS : CTL_OK;
}

enum ctl_exit
ctl_cmd_verify(struct ctl *c)
{
	struct care care = { .doing = "verify", .on_store = verify };
	return c->args.pos_n == 0 ? verify_all(c, &care) : care_for_one(c, &care, ctl_arg(c, 0));
}

enum ctl_exit
ctl_cmd_repair(struct ctl *c)
{
	struct care care = { .doing = "repair", .on_store = repair };
	enum ctl_exit x = care_for_one(c, &care, ctl_arg(c, 0));
	return x == CTL_FINDINGS ? CTL_OK : x; /* they are mended */
}

enum ctl_exit
ctl_cmd_rebuild(struct ctl *c)
{
	struct care care = { .doing = "rebuild" };
	return care_for_one(c, &care, ctl_arg(c, 0));
}

enum ctl_exit
ctl_cmd_compact(struct ctl *c)
{
	struct care care = { .doing = "compact", .on_store = compact };
	struct store_conf conf;
	struct ctl_found found;
	enum ctl_exit x = ctl_mailbox_find(c, &found, &conf);
	if (x != CTL_OK) {
		return x;
	}
	care.conf = &conf;
	struct ctl_worker w = { .c = c,
		.owner_of = found.owner_of,
		.paths = { { .path = found.owner_of, .rights = SYS_MAY_ALL } },
		.paths_n = 1,
		.work = work,
		.ctx = &care };
	enum err e = ctl_worker_run(&w);
	if (e == ERR_OK) {
		ctl_out_size(&c->out, "given_back", w.sh->octets);
	}
	ctl_worker_done(&w);
	return e == ERR_OK ? CTL_OK : ctl_mailbox_failed(c, &found, e);
}
