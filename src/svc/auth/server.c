/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the process: the database is opened and the core started outside of the sandbox,
 * channels come and go, settings change, the heartbeat ticks, and at the end all is written.
 */
#include "svc/auth/server.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "directory/domain.h"
#include "mail/address.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"

enum { SCRATCH_OCTETS = 8 << 20, TRUSTED_MAX = 256 };

static struct svc_auth_server server;

void
svc_auth_now(struct svc_auth_server *s)
{
	s->auth.now_ms = sys_loop_now_ms(s->sc->loop);
	s->auth.now_s = sys_clock_wall_s();
}

/* ---- settings ------------------------------------------------------------------------------ */

static str
first_domain(const struct conf *c)
{
	return c->domain.n > 0 ? c->domain.v[0] : c->hostname;
}

static struct svc_auth_settings
settings_of(struct svc_auth_server *s, const struct conf *c)
{
	snprintf(s->hostname, sizeof(s->hostname), "%.*s", STR_ARG(c->hostname));
	return (struct svc_auth_settings){
		.hostname = str_from(s->hostname),
		.iterations = (uint32_t)c->auth_hash_iterations,
		.password_min = (uint32_t)c->auth_password_min,
		.cram_md5 = c->auth_cram_md5,
		.quota_octets = c->quota_octets,
		.quota_messages = c->quota_messages,
		.census_s = (int64_t)(c->auth_census / 1000),
		.srs_s = (int64_t)(c->auth_srs_key / 1000),
	};
}

static enum err
configure_guard(struct svc_auth_server *s, const struct conf *c)
{
	struct sys_prefix trusted[TRUSTED_MAX];
	struct svc_auth_guard_conf conf = {
		.ban_after = (uint32_t)c->auth_ban_after,
		.ban_after_prefix = (uint32_t)c->auth_ban_after_prefix,
		.ban_s = (int64_t)(c->auth_ban_time / 1000),
		.ban_max_s = (int64_t)(c->auth_ban_max / 1000),
		.trusted = trusted,
	};

	for (size_t i = 0; i < c->auth_trusted.n && i < TRUSTED_MAX; i++) {
		TRY(sys_prefix_parse(c->auth_trusted.v[i], &trusted[conf.trusted_n]));
		conf.trusted_n++;
	}
	return svc_auth_guard_configure(s->auth.guard, &conf);
}

/* The domains of the configuration are local, whatever else is. */
static enum err
add_domains(struct svc_auth_server *s, const struct conf *c)
{
	for (size_t i = 0; i < c->domain.n; i++) {
		char text[MAIL_CANONICAL_MAX];
		struct buf name;
		enum err e;

		buf_init_fixed(&name, text, sizeof(text));
		TRY(mail_domain_put(&name, c->domain.v[i]));
		e = directory_domain_find(s->directory, buf_view(&name));
		if (e == ERR_NOTFOUND) {
			e = directory_domain_add(s->directory, buf_view(&name), s->auth.now_s);
		}
		TRY(e);
	}
	return ERR_OK;
}

/* ---- beginning ----------------------------------------------------------------------------- */

static enum err
open_directory(struct svc_auth_server *s)
{
	const struct conf *c = s->sc->conf;
	struct directory_conf conf = {
		.path = svc_common_state_path(s->sc, S("directory/directory.db")),
		.delimiter = c->recipient_delimiter,
		.default_domain = first_domain(c),
	};
	enum err e = sys_dir_make(SYS_CWD, svc_common_state_path(s->sc, S("directory")), 0700);

	if (e != ERR_OK && e != ERR_EXISTS) {
		LOG(FAILED, F_CSTR("what", "make state/directory"), F_ERR(e));
		return e;
	}
	sys_random(conf.key, sizeof(conf.key));
	e = directory_open(&conf, &s->directory);
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "open state/directory/directory.db"), F_ERR(e));
	}
	return e;
}

static void
on_tick(void *ctx)
{
	struct svc_auth_server *s = ctx;

	svc_auth_now(s);
	svc_auth_tick(&s->auth);
	sys_timer_set(s->sc->loop, &s->tick, SVC_AUTH_TICK_MS);
}

static enum err
admin_send(void *from, const struct buf *message)
{
	return sys_chan_send(from, message, -1);
}

enum err
svc_auth_init(struct svc_common *sc)
{
	struct svc_auth_server *s = &server;
	struct svc_auth_init init = { .arena = sc->arena, .now_s = sys_clock_wall_s() };

	s->sc = sc;
	sc->ctx = s;
	for (size_t i = 0; i < LEN(s->gates); i++) {
		buf_init(&s->gates[i].bans, SVC_AUTH_BANS_OCTETS);
	}
	buf_init(&s->out, SYS_CHAN_MESSAGE_MAX);
	sys_timer_init(&s->tick, on_tick, s);
	s->scratch = arena_new(sc->arena, "message", SCRATCH_OCTETS, ARENA_WIPE);
	if (s->scratch == NULL) {
		return ERR_NOMEM;
	}
	TRY(open_directory(s));
	init.directory = s->directory;
	init.settings = settings_of(s, sc->conf);
	init.hooks = svc_auth_peer_hooks(s);
	s->revoked.floor_ms = sys_clock_ms();
	TRY(svc_auth_start(&s->auth, &init));
	svc_auth_now(s);
	TRY(configure_guard(s, sc->conf));
	TRY(add_domains(s, sc->conf));
	s->admin = svc_auth_admin_new(&s->auth, admin_send);
	return s->admin == NULL ? ERR_NOMEM : ERR_OK;
}

enum err
svc_auth_serve(struct svc_common *sc)
{
	struct svc_auth_server *s = sc->ctx;

	sys_timer_set(sc->loop, &s->tick, SVC_AUTH_TICK_MS);
	return ERR_OK;
}

/* ---- while it runs ------------------------------------------------------------------------- */

void
svc_auth_on_reload(struct svc_common *sc)
{
	struct svc_auth_server *s = sc->ctx;
	enum err e;

	svc_auth_now(s);
	s->auth.settings = settings_of(s, sc->conf);
	e = directory_configure(s->directory, sc->conf->recipient_delimiter,
	    first_domain(sc->conf));
	if (e == ERR_OK) {
		e = configure_guard(s, sc->conf);
	}
	if (e == ERR_OK) {
		e = add_domains(s, sc->conf);
	}
	if (e != ERR_OK) {
		LOG(FAILED, F_CSTR("what", "reload"), F_ERR(e));
	}
}

void
svc_auth_on_status(struct svc_common *sc, struct buf *facts)
{
	struct svc_auth_server *s = sc->ctx;
	struct svc_auth_hasher_counts hashes;
	struct svc_auth_guard_counts guard;
	const struct svc_auth_counts *c = &s->auth.counts;

	svc_auth_hasher_count(s->auth.hasher, &hashes);
	svc_auth_guard_count(s->auth.guard, &guard);
	const struct svc_common_fact rows[] = {
		{ "started", c->started },
		{ "passed", c->passed },
		{ "failed", c->failed },
		{ "disabled", c->disabled },
		{ "refused", c->refused },
		{ "bans", c->bans },
		{ "rcpts", c->rcpts },
		{ "senders", c->senders },
		{ "hash_workers", hashes.workers },
		{ "hash_waiting", hashes.waiting },
		{ "hash_bulk", hashes.bulk },
		{ "hash_working", hashes.working },
		{ "hash_finished", hashes.finished },
		{ "watched_prefixes", guard.prefixes },
		{ "watched_names", guard.names },
		{ "known_addresses", guard.known },
	};

	svc_common_facts(facts, rows, LEN(rows));
}

void
svc_auth_on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	struct svc_auth_server *s = sc->ctx;

	sys_timer_stop(&s->tick);
	svc_auth_now(s);
	svc_auth_admin_free(&s->admin);
	svc_common_links_close(sc);
	svc_auth_stop(&s->auth);
	directory_close(&s->directory);
	svc_common_exit(sc);
}

enum err
svc_auth_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	struct svc_auth_server *s = sc->ctx;
	enum err e;

	if (s->admin == NULL) {
		return ERR_UNAVAILABLE; /* on the way out */
	}
	svc_auth_now(s);
	e = svc_auth_admin_message(s->admin, from, datagram, fd);
	mem_wipe((void *)(uintptr_t)datagram.p, datagram.n);
	return e;
}

void
svc_auth_on_admin_closed(struct svc_common *sc, struct sys_chan *from)
{
	struct svc_auth_server *s = sc->ctx;

	if (s->admin != NULL) {
		svc_auth_admin_closed(s->admin, from);
	}
}
