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

static bool
list_eq(const struct conf_list *a, const struct conf_list *b)
{
	if (a->n != b->n) {
		return false;
	}
	for (size_t i = 0; i < a->n; i++) {
		if (!str_eq(a->v[i], b->v[i])) {
			return false;
		}
	}
	return true;
}

static void
say_pinned(const char *key)
{
	LOG(PARENT_RESTART_NEEDED, F_CSTR("setting", key));
}

/* Give `now` the old value of every setting that takes effect at start only. */
static void
pin(const struct conf *old, struct conf *now)
{
#define PIN(equal, field, key)           \
	if (!(equal)) {                  \
		say_pinned(key);         \
		now->field = old->field; \
	}
#define PIN_STR(field, key) PIN(str_eq(old->field, now->field), field, key)
#define PIN_NUM(field, key) PIN(old->field == now->field, field, key)
#define PIN_LIST(field, key) PIN(list_eq(&old->field, &now->field), field, key)
	PIN_STR(hostname, "hostname")
	PIN_STR(state, "state")
	PIN_STR(log, "log")
	PIN_STR(test_boot_id, "test.boot-id")
	PIN_NUM(service_user_base, "service-user-base")
	PIN_NUM(gate_processes, "gate.processes")
	PIN_NUM(gate_connections, "gate.connections")
	PIN_NUM(smtp_processes, "smtp.processes")
	PIN_NUM(auth_hash_workers, "auth.hash-workers")
	PIN_NUM(send_processes, "send.processes")
	PIN_NUM(send_port, "send.port")
	PIN_STR(send_ca_file, "send.ca-file")
	PIN_LIST(send_rules, "send.rules")
	PIN_LIST(virus_clamd, "virus.clamd")
	PIN_LIST(milter_sockets, "milter.sockets")
	PIN_NUM(watch_report_day, "watch.report-day")
	PIN_LIST(listen_mx, "listen.mx")
	PIN_LIST(listen_submission, "listen.submission")
	PIN_LIST(listen_submissions, "listen.submissions")
	PIN_LIST(listen_imap, "listen.imap")
	PIN_LIST(listen_imaps, "listen.imaps")
	PIN_LIST(listen_pop3, "listen.pop3")
	PIN_LIST(listen_pop3s, "listen.pop3s")
	PIN_LIST(listen_managesieve, "listen.managesieve")
#undef PIN
#undef PIN_STR
#undef PIN_NUM
#undef PIN_LIST
}

/* Encode, and decode again into an arena of its own: nothing of the old one is pointed to. */
static enum err
take(struct svc_parent *p, struct conf *parsed)
{
	if (p->conf != NULL) {
		pin(p->conf, parsed);
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
		e = take(p, &parsed);
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
