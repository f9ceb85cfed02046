/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the command line to the exit code: ctl_main() is the table of contents. What a handler may
 * use of the run's state is here; the channel is in client.c.
 */
#include "ctl/ctl.h"

#include "ctl/client.h"
#include "ctl/help.h"
#include "ctl/units.h"
#include "ipc/ipc.h"
#include "sys/file.h"
#include "sys/sys.h"

static const str default_path = S_INIT("/etc/postern/postern.conf");

enum { SCRATCH_BUDGET = 8 << 20, SECRETS_BUDGET = 1 << 20, TEXT_MAX = 4096 };

/* --- what handlers use --------------------------------------------------------------------- */

str
ctl_arg(const struct ctl *c, size_t i)
{
	ASSERT(i < c->args.pos_n);
	return c->args.pos[i];
}

str
ctl_arg_or_empty(const struct ctl *c, size_t i)
{
	return i < c->args.pos_n ? c->args.pos[i] : S("");
}

static void
say(const char *text)
{
	struct buf b;
	buf_init(&b, 4 * TEXT_MAX);
	ctl_out_safe(&b, str_from(text));
	fprintf(stderr, "postern: %.*s\n", STR_ARG(buf_view(&b)));
	buf_done(&b);
}

enum ctl_exit
ctl_fail(struct ctl *c, enum ctl_exit x, enum err e, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	if (c->failed) {
		return x;
	}
	c->failed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	ctl_out_flush(&c->out);
	say(text);
	if (c->out.json) {
		while (c->out.j.depth > 1) { /* out of the list it happened in */
			ctl_json_close(&c->out.j);
		}
		ctl_json_str(&c->out.j, "error", str_from(err_name(e)));
		ctl_json_str(&c->out.j, "text", str_from(text));
	}
	return x;
}

void
ctl_warn(struct ctl *c, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	ctl_out_flush(&c->out);
	say(text);
}

str
ctl_state_path(struct ctl *c, str name)
{
	return arena_printf(c->arena, "%.*s/%.*s", STR_ARG(c->conf.state), STR_ARG(name));
}

enum ctl_exit
ctl_limit_option(struct ctl *c, enum ctl_option o, bool octets, uint64_t *ret)
{
	str v = c->args.value[o];
	if (str_eq(v, S("none"))) {
		*ret = 0;
		return CTL_OK;
	}
	if ((octets ? ctl_size_parse(v, ret) : str_u64(v, ret)) && *ret > 0) {
		return CTL_OK;
	}
	return ctl_fail(c, CTL_USAGE, ERR_SYNTAX, "%.*s is %s, or none; not '%.*s'",
	    STR_ARG(ctl_option_row(o)->spelling), octets ? "a size like 500M or 10G" : "a number",
	    STR_ARG(v));
}

enum ctl_exit
ctl_time_option(struct ctl *c, enum ctl_option o, uint64_t *ret_s)
{
	str v = c->args.value[o];
	if (ctl_time_parse(v, ret_s) && *ret_s > 0) {
		return CTL_OK;
	}
	return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
	    "%.*s is a time like 90s, 10m, 12h or 7d; not '%.*s'",
	    STR_ARG(ctl_option_row(o)->spelling), STR_ARG(v));
}

/* --- configuration ------------------------------------------------------------------------- */

struct complaining {
	struct ctl *c;
	void (*say)(struct ctl *c, unsigned line, str key, str text);
};

static void
complain(void *ctx, unsigned line, str key, const char *what)
{
	struct complaining *k = ctx;
	k->say(k->c, line, key, str_from(what));
}

enum err
ctl_conf_check(struct ctl *c, void (*say_one)(struct ctl *c, unsigned line, str key, str text),
    struct conf *ret)
{
	struct complaining k = { c, say_one };
	struct buf text;
	int fd SYS_FD_AUTO = -1;
	buf_init(&text, CONF_FILE_MAX);
	enum err e = sys_file_open(SYS_CWD, c->conf_path, SYS_READ | SYS_FOLLOW, &fd);
	if (e == ERR_OK) {
		e = sys_file_load_fd(fd, &text);
	}
	if (e == ERR_OK) {
		e = conf_parse(buf_view(&text), c->arena, complain, &k, ret);
	}
	buf_done(&text);
	return e;
}

static void
count_only(struct ctl *c, unsigned line, str key, str text)
{
}

enum ctl_exit
ctl_conf_load(struct ctl *c)
{
	enum err e = ctl_conf_check(c, count_only, &c->conf);
	if (e == ERR_OK) {
		return CTL_OK;
	}
	if (e == ERR_CONFIG) {
		return ctl_fail(c, CTL_CONFIG, e,
		    "%.*s is not usable; `postern -c %.*s check-config` names every problem",
		    STR_ARG(c->conf_path), STR_ARG(c->conf_path));
	}
	return ctl_fail(c, CTL_CONFIG, e, "cannot read the configuration %.*s: it %s%s",
	    STR_ARG(c->conf_path), e == ERR_DENIED ? "may not be read by this user" : err_text(e),
	    e == ERR_NOTFOUND ? "; write it, or name another one with -c FILE" : "");
}

/* --- one run ------------------------------------------------------------------------------- */

static void
to_stdout(void *ctx, str octets)
{
	if (octets.n > 0) {
		fwrite(octets.p, 1, octets.n, stdout);
	}
	fflush(stdout);
}

static bool
set_up(struct ctl *c)
{
	c->fd = -1;
	buf_init(&c->msg, IPC_MESSAGE_MAX);
	buf_init(&c->in, IPC_MESSAGE_MAX);
	c->arena = arena_new(NULL, "ctl", CTL_BUDGET, 0);
	if (c->arena == NULL) {
		return false;
	}
	c->scratch = arena_new(c->arena, "scratch", SCRATCH_BUDGET, 0);
	c->secrets = arena_new(c->arena, "secrets", SECRETS_BUDGET, ARENA_WIPE);
	return c->scratch != NULL && c->secrets != NULL;
}

static enum ctl_exit
prepare(struct ctl *c)
{
	static const char *const services[] = {
		[CTL_NEEDS_PARENT] = "parent",
		[CTL_NEEDS_AUTH] = "auth",
		[CTL_NEEDS_QUEUE] = "queue",
		[CTL_NEEDS_KEYS] = "keys",
		[CTL_NEEDS_RESOLVE] = "resolve",
		[CTL_NEEDS_WATCH] = "watch",
		[CTL_NEEDS_POLICY] = "policy",
		[CTL_NEEDS_ACCOUNTS] = "accounts",
	};
	enum ctl_needs needs = c->args.command->needs;
	if (needs == CTL_NEEDS_NOTHING) {
		return CTL_OK;
	}
	enum ctl_exit x = ctl_conf_load(c);
	if (x != CTL_OK || needs == CTL_NEEDS_CONF) {
		return x;
	}
	return ctl_client_open(c, services[needs]);
}

static enum ctl_exit
run(struct ctl *c)
{
	if (c->args.command == NULL || ctl_given(&c->args, CTL_OPT_VERSION)) {
		return ctl_given(&c->args, CTL_OPT_VERSION) ? ctl_help_version(c) : ctl_help_all(c);
	}
	if (ctl_given(&c->args, CTL_OPT_HELP)) {
		return ctl_help_one(c, c->args.command);
	}
	enum ctl_exit x = prepare(c);
	return x == CTL_OK ? c->args.command->run(c) : x;
}

static enum ctl_exit
tear_down(struct ctl *c, enum ctl_exit x)
{
	sys_close(&c->fd);
	enum err e = ctl_out_end(&c->out);
	c->out.json = false; /* the object is closed */
	if (x == CTL_OK && (e != ERR_OK || ferror(stdout) != 0)) {
		x = ctl_fail(c, CTL_FAILED, ERR_IO, "not everything could be printed");
	}
	buf_wipe(&c->msg);
	buf_done(&c->msg);
	buf_done(&c->in);
	arena_free(&c->arena);
	return x;
}

int
ctl_main(int argc, char *const *argv)
{
	static struct ctl c;
	char room[TEXT_MAX];
	struct buf why;
	buf_init_fixed(&why, room, sizeof room - 1);
	if (!set_up(&c)) {
		say(err_text(ERR_NOMEM));
		return CTL_FAILED;
	}
	enum err e = ctl_args_parse(argc, argv, &c.args, &why);
	c.conf_path = ctl_given(&c.args, CTL_OPT_CONFIG) ? c.args.value[CTL_OPT_CONFIG]
							 : default_path;
	ctl_out_init(&c.out, ctl_given(&c.args, CTL_OPT_JSON), to_stdout, NULL);
	enum ctl_exit x = e == ERR_OK ? run(&c)
				      : ctl_fail(&c, CTL_USAGE, e, "%.*s", STR_ARG(buf_view(&why)));
	return tear_down(&c, x);
}
