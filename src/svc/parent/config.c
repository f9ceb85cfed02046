/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the configuration file. On reload some settings keep their old value, because the
 * sockets, processes and folders they name are there already; that is said in the log.
 */
#include "svc/parent/parent_priv.h"

enum { CONF_BUDGET = 8 << 20, FILE_CHUNK_MAX = CONF_FILE_MAX };

struct complaints {
	struct svc_parent *parent;
	struct buf *text;
};

static void
complain(void *ctx, unsigned line, str key, const char *what)
{
	struct complaints *c = ctx;
	struct svc_parent *p = c->parent;
	char cause[512];
	struct buf b;
	buf_init_fixed(&b, cause, sizeof cause);
	buf_printf(&b, "%.*s%s%s", STR_ARG(key), key.n > 0 ? ": " : "", what);
	LOG(PARENT_CONFIG, F_STR("file", p->config), F_U64("line", line),
	    F_STR("text", buf_view(&b)));
	if (c->text->n + p->config.n + b.n + 32 < c->text->max) {
		buf_printf(c->text, "%.*s:%u: %.*s\n", STR_ARG(p->config), line,
		    STR_ARG(buf_view(&b)));
	}
}

/* A setting that takes force at start only was to change. */
static void
say_kept(void *ctx, const struct conf_row *row)
{
	struct buf *text = ctx;
	char name[128];
	snprintf(name, sizeof name, "%s%s%s", row->section, row->section[0] != '\0' ? "." : "",
	    row->key);
	LOG(PARENT_RESTART_NEEDED, F_CSTR("setting", name));
	if (text->n + sizeof name + 64 < text->max) {
		buf_printf(text, "%s%s",
		    text->n == 0 ? "reloaded; only when the server is started anew: " : ", ", name);
	}
}

/* Encode, and decode again into an arena of its own: nothing of the old one is pointed to. */
static enum err
take(struct svc_parent *p, struct conf *parsed, struct buf *text)
{
	if (p->conf != NULL) {
		conf_keep(p->conf, parsed, say_kept, text);
	}
	struct buf encoded;
	buf_init(&encoded, SVC_PARENT_SETTINGS_MAX);
	conf_encode(parsed, &encoded);
	enum err e = buf_err(&encoded);
	struct arena *a = arena_new(p->arena, "conf", CONF_BUDGET, 0);
	struct conf *c = a == NULL ? NULL : ARENA_NEW(a, struct conf);
	if (e == ERR_OK) {
		e = c == NULL ? ERR_NOMEM : conf_decode(buf_view(&encoded), a, c);
	}
	if (e != ERR_OK) {
		arena_free(&a);
		buf_done(&encoded);
		return e;
	}
	arena_free(&p->conf_arena);
	buf_done(&p->encoded);
	p->conf_arena = a;
	p->conf = c;
	p->encoded = encoded;
	return ERR_OK;
}

enum err
svc_parent_config_load(struct svc_parent *p, struct buf *text)
{
	struct complaints c = { p, text };
	struct conf parsed;
	struct buf file;
	struct arena *a = arena_new(p->arena, "parse", CONF_BUDGET, 0);
	if (a == NULL) {
		return ERR_NOMEM;
	}
	buf_init(&file, FILE_CHUNK_MAX);
	enum err e = sys_file_load(SYS_CWD, p->config, &file);
	if (e != ERR_OK) {
		complain(&c, 0, S(""), err_text(e));
	} else {
		e = conf_parse(buf_view(&file), a, complain, &c, &parsed);
	}
	if (e == ERR_OK) {
		e = take(p, &parsed, text);
		if (e != ERR_OK) {
			complain(&c, 0, S(""),
			    e == ERR_TOOBIG ? "too many and too long values together"
					    : err_text(e));
		}
	}
	buf_done(&file);
	arena_free(&a);
	return e;
}
