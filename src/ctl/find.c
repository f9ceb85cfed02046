/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exporting and mending must work when nothing else does, so the server is asked first and the
 * directory's file is read, by its owner and without changing it, when nobody answers.
 */
#include "ctl/find.h"

#include "ctl/auth.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/worker.h"
#include "directory/account.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { LOOK_UP_BUDGET = 1 << 20, ACCOUNTS_MAX = 4000000 };

static enum ctl_exit
cannot_look(struct ctl *c, str path, enum err e)
{
	const char *what_to_do = e == ERR_DENIED ? "; be root, or the user that runs the server"
	    : e == ERR_NOTFOUND                  ? "; has the server been started once?"
						 : "";
	return ctl_fail(c, CTL_FAILED, e, "%.*s: %s%s", STR_ARG(path), err_text(e), what_to_do);
}

enum ctl_exit
ctl_find_number(struct ctl *c, uint64_t account, struct ctl_found *ret)
{
	struct sys_stat s;
	str above = ctl_state_path(c, S("accounts"));
	ret->account = account;
	ret->folder = arena_printf(c->arena, "%.*s/%llu", STR_ARG(above),
	    (unsigned long long)account);
	if (above.p == NULL || ret->folder.p == NULL) {
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	enum err e = sys_file_stat(SYS_CWD, ret->folder, &s);
	ret->owner_of = e == ERR_OK ? ret->folder : above;
	if (e == ERR_NOTFOUND) {
		e = sys_file_stat(SYS_CWD, above, &s);
	}
	return e == ERR_OK ? CTL_OK : cannot_look(c, above, e);
}

/* --- by the server ------------------------------------------------------------------------- */

static enum err
on_account(void *ctx, const struct ipc_adm_auth_account *m, int *fd)
{
	struct ctl_auth *a = ctx;
	struct ctl_found *found = a->ctx;
	found->account = m->account.id;
	found->quota_octets = m->account.quota_octets;
	found->quota_messages = m->account.quota_messages;
	return ctl_auth_answered(a, S(""));
}

static enum ctl_exit
ask_server(struct ctl *c, str name, struct ctl_found *ret)
{
	static const struct ipc_adm_auth_at_admin handlers = { .done = ctl_auth_done,
		.account = on_account };
	struct ctl_auth a = { .c = c, .ctx = ret };
	struct ipc_adm_auth_account_show m = { .request = 1, .address = name };
	ipc_adm_auth_account_show_put(&c->msg, &m);
	enum ctl_exit x = ctl_auth_ask(&a, &handlers, CTL_WAIT_MS);
	sys_close(&c->fd);
	return x;
}

/* --- by the file --------------------------------------------------------------------------- */

struct look_up {
	str path, name, domain;
};

static enum err
look_up(struct ctl_worker *w, struct ctl_worker_shared *sh)
{
	struct look_up *l = w->ctx;
	struct directory_conf conf = {
		.path = l->path, .default_domain = l->domain, .readonly = true
	};
	struct directory_account account;
	struct directory *d;
	struct arena *a = arena_new(NULL, "look-up", LOOK_UP_BUDGET, 0);
	if (a == NULL) {
		return ERR_NOMEM;
	}
	sys_random(conf.key, sizeof conf.key);
	enum err e = directory_open(&conf, &d);
	if (e == ERR_OK) {
		e = directory_account_find(d, l->name, a, &account);
		directory_close(&d);
	} else if (e == ERR_NOTFOUND) {
		e = ERR_UNAVAILABLE; /* the file, not the account */
	}
	if (e == ERR_OK) {
		sh->account = account.id;
		sh->quota_octets = account.quota_octets;
		sh->quota_messages = account.quota_messages;
	}
	arena_free(&a);
	return e;
}

static enum ctl_exit
read_file(struct ctl *c, str name, struct ctl_found *ret)
{
	struct look_up l = { ctl_state_path(c, S("directory/directory.db")), name, STR_NONE };
	if (c->conf.domain.n > 0) {
		l.domain = c->conf.domain.v[0];
	}
	struct ctl_worker w = { .c = c,
		.owner_of = l.path,
		.paths = { { .path = ctl_state_path(c, S("directory")), .rights = SYS_MAY_ALL } },
		.paths_n = 1,
		.work = look_up,
		.ctx = &l };
	enum err e = ctl_worker_run(&w);
	if (e == ERR_OK) {
		ret->account = w.sh->account;
		ret->quota_octets = w.sh->quota_octets;
		ret->quota_messages = w.sh->quota_messages;
	}
	bool opened = w.sh != NULL && w.sh->ended;
	ctl_worker_done(&w);
	if (e == ERR_OK) {
		return CTL_OK;
	}
	if (e == ERR_NOTFOUND && opened) {
		return ctl_fail(c, CTL_FAILED, e,
		    "there is no account %.*s; the mail of a deleted one is reached by its number",
		    STR_ARG(name));
	}
	return ctl_fail(c, CTL_FAILED, e,
	    "no server runs, and %.*s cannot be read: %s; give the account's number instead of its "
	    "address",
	    STR_ARG(l.path), err_text(e));
}

enum ctl_exit
ctl_find(struct ctl *c, str name, struct ctl_found *ret)
{
	enum ctl_exit x;
	*ret = (struct ctl_found){ 0 };
	if (str_u64(name, &ret->account)) {
		return ctl_find_number(c, ret->account, ret);
	}
	enum err e = ctl_client_try(c, "auth");
	if (e == ERR_OK) {
		x = ask_server(c, name, ret);
	} else if (e == ERR_DENIED) {
		x = ctl_client_open(c, "auth"); /* says what is wrong */
	} else {
		x = read_file(c, name, ret);
	}
	ret->known = true;
	return x == CTL_OK ? ctl_find_number(c, ret->account, ret) : x;
}

/* --- all of them --------------------------------------------------------------------------- */

struct listing {
	uint64_t *ids;
	size_t n, cap;
};

static enum err
count_one(void *ctx, str name)
{
	struct listing *l = ctx;
	uint64_t id;
	l->cap += str_u64(name, &id) ? 1 : 0;
	return l->cap > ACCOUNTS_MAX ? ERR_TOOMANY : ERR_OK;
}

static enum err
keep_one(void *ctx, str name)
{
	struct listing *l = ctx;
	uint64_t id;
	if (str_u64(name, &id) && l->n < l->cap) {
		l->ids[l->n++] = id;
	}
	return ERR_OK;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static enum err
list_folder(struct ctl *c, str path, struct listing *l)
{
	int dir SYS_FD_AUTO = -1;
	TRY(sys_dir_open(SYS_CWD, path, &dir));
	TRY(sys_dir_list(dir, count_one, l));
	l->ids = arena_array(c->arena, MAX(l->cap, 1), sizeof l->ids[0]);
	if (l->ids == NULL) {
		return ERR_NOMEM;
	}
	TRY(sys_dir_list(dir, keep_one, l));
	qsort(l->ids, l->n, sizeof l->ids[0], by_number);
	return ERR_OK;
}

enum ctl_exit
ctl_find_all(struct ctl *c, uint64_t **ret, size_t *ret_n)
{
	struct listing l = { 0 };
	str path = ctl_state_path(c, S("accounts"));
	enum err e = path.p == NULL ? ERR_NOMEM : list_folder(c, path, &l);
	if (e != ERR_OK) {
		return cannot_look(c, path, e);
	}
	*ret = l.ids;
	*ret_n = l.n;
	return CTL_OK;
}
