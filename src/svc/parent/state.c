/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder: made and owned as processes.def says, before any service looks at it. Started
 * by root each folder belongs to its service's own user; otherwise all to ours. New ones last
 * before anything is stored in them.
 */
#include "svc/parent/parent_priv.h"

#include <unistd.h>

enum {
	STATE_MODE = 0711, /* each passes through to its own folder */
	OTHERS_MAY_PASS = 0001,
};

str
svc_parent_state_path(struct svc_parent *p, str name)
{
	buf_reset(&p->out);
	buf_str(&p->out, p->conf->state);
	if (name.n > 0) {
		buf_ch(&p->out, '/');
		buf_str(&p->out, name);
	}
	return buf_view(&p->out);
}

static enum err
make(str path, uint32_t uid, uint32_t gid, unsigned mode)
{
	enum err e = sys_dir_make(SYS_CWD, path, mode & 0777u);
	if (e != ERR_OK && e != ERR_EXISTS) {
		return e;
	}
	struct sys_stat s;
	TRY(sys_file_stat(SYS_CWD, path, &s));
	if (!s.is_folder) {
		return ERR_DENIED; /* a link in its place would lead root somewhere else */
	}
	if (s.uid != uid || s.gid != gid) {
		TRY(sys_file_chown(SYS_CWD, path, uid, gid));
	}
	TRY(sys_file_chmod(SYS_CWD, path, mode));
	return e == ERR_OK ? sys_file_sync_name(SYS_CWD, path) : ERR_OK;
}

/* Services of their own users must be able to get there. */
static enum err
check_reachable(struct svc_parent *p)
{
	str path = p->conf->state;
	for (size_t i = 1; i < path.n; i++) {
		struct sys_stat s;
		if (path.p[i] != '/') {
			continue;
		}
		str above = str_sub(path, 0, i);
		TRY(sys_file_stat(SYS_CWD, above, &s));
		if (s.is_folder && !(s.mode & OTHERS_MAY_PASS)) {
			LOG(FAILED, F_CSTR("what", "state"), F_ERR(ERR_DENIED),
			    F_STR("detail", above));
			return ERR_DENIED;
		}
	}
	return ERR_OK;
}

static enum err
make_folders(struct svc_parent *p)
{
	const struct svc_parent_folder *folders;
	size_t n = svc_parent_table_folders(&folders);
	uint32_t base = (uint32_t)p->conf->service_user_base;
	TRY(make(svc_parent_state_path(p, S("")), geteuid(), getegid(), STATE_MODE));
	for (size_t i = 0; i < n; i++) {
		bool own = folders[i].user == 0 || !p->is_root;
		uint32_t uid = own ? geteuid() : base + folders[i].user;
		uint32_t gid = own ? getegid() : base + folders[i].user;
		TRY(make(svc_parent_state_path(p, folders[i].path), uid, gid, folders[i].mode));
	}
	return ERR_OK;
}

enum err
svc_parent_state_make(struct svc_parent *p)
{
	if (p->is_root) {
		TRY(check_reachable(p));
	}
	enum err e = make_folders(p);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "state"), F_ERR(e), F_STR("detail", buf_view(&p->out)));
		return e;
	}
	TRY(sys_file_open(SYS_CWD, svc_parent_state_path(p, S("run/lock")),
	    SYS_READ | SYS_WRITE | SYS_CREATE, &p->lock_fd));
	e = sys_file_lock(p->lock_fd, true, false);
	if (e != ERR_OK) { /* its sockets are not ours to remove */
		sys_close(&p->lock_fd);
		LOG(FAILED, F_CSTR("what", "state"), F_ERR(e),
		    F_CSTR("detail", "another server runs on this folder"));
	}
	return e;
}
