/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern serve, check-config: what needs no running server and no good configuration.
 */
#include "ctl/ctl.h"
#include "ctl/help.h"
#include "svc/parent/parent.h"
#include "sys/file.h"
#include "sys/sys.h"

static const struct ctl_column columns[] = {
	{ "line", "LINE", 4, true },
	{ "key", "KEY", 0, false },
	{ "text", "TEXT", 0, false },
};

enum ctl_exit
ctl_cmd_serve(struct ctl *c)
{
	return svc_parent_run(c->conf_path, S("")) == 0 ? CTL_OK : CTL_FAILED;
}

static void
tell(struct ctl *c, unsigned line, str key, str text)
{
	if (!c->out.json) {
		ctl_out_line(&c->out, "%.*s:%u: %.*s%s%.*s", STR_ARG(c->conf_path), line,
		    STR_ARG(key), key.n > 0 ? ": " : "", STR_ARG(text));
		return;
	}
	ctl_out_item(&c->out);
	ctl_out_u64(&c->out, "line", line);
	ctl_out_str(&c->out, "key", key);
	ctl_out_str(&c->out, "text", text);
	ctl_out_item_end(&c->out);
}

/* Not wrong, but nobody can use a server that cannot do TLS. */
static void
warn_of_files(struct ctl *c, const char *key, const struct conf_list *paths)
{
	for (size_t i = 0; i < paths->n; i++) {
		int fd SYS_FD_AUTO = -1;
		enum err e = sys_file_open(SYS_CWD, paths->v[i], SYS_READ | SYS_FOLLOW, &fd);
		if (e != ERR_OK) {
			ctl_warn(c, "warning: tls %s %.*s: %s", key, STR_ARG(paths->v[i]),
			    err_text(e));
		}
	}
}

/* A private key that everybody on this machine may read is none. */
static void
warn_of_keys(struct ctl *c)
{
	enum { OTHERS_MAY_READ = 0004 };
	for (size_t i = 0; i < c->conf.tls_key.n; i++) {
		str path = c->conf.tls_key.v[i];
		int fd SYS_FD_AUTO = -1;
		struct sys_stat s;
		if (sys_file_open(SYS_CWD, path, SYS_READ | SYS_FOLLOW, &fd) == ERR_OK &&
		    sys_file_stat_fd(fd, &s) == ERR_OK && (s.mode & OTHERS_MAY_READ) != 0) {
			ctl_warn(c, "warning: tls key %.*s: everybody may read it; chmod 600",
			    STR_ARG(path));
		}
	}
}

enum ctl_exit
ctl_cmd_check_config(struct ctl *c)
{
	if (ctl_given(&c->args, CTL_OPT_LIST)) {
		return ctl_help_settings(c);
	}
	ctl_out_list(&c->out, "problems", columns, LEN(columns));
	enum err e = ctl_conf_check(c, tell, &c->conf);
	ctl_out_list_end(&c->out);
	if (e == ERR_OK) {
		warn_of_files(c, "certificate", &c->conf.tls_certificate);
		warn_of_files(c, "key", &c->conf.tls_key);
		warn_of_keys(c);
		if (c->conf.tls_certificate.n == 0) {
			ctl_warn(c,
			    "warning: without tls certificate and key nobody can use the server");
		}
		ctl_out_line(&c->out, "%.*s is good", STR_ARG(c->conf_path));
		return CTL_OK;
	}
	if (e == ERR_CONFIG) {
		return ctl_fail(c, CTL_CONFIG, e, "%.*s has problems", STR_ARG(c->conf_path));
	}
	return ctl_conf_load(c);
}
