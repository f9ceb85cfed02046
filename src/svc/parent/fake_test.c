/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service for tests: it stands for every program by its name, says hello on each channel, counts
 * what it is given and tells the counts as status facts. A domain "crash.<program>" makes it fail.
 */
#include "conf/conf.h"
#include "svc/common/service.h"
#include "sys/sys.h"

#include <unistd.h>

enum { WIRES_MAX = 512, LISTENERS_MAX = 16 };

struct wire {
	char key[64]; /* "gate_smtp 3" */
	struct sys_chan *chan;
};

struct fake {
	struct svc_common *sc;
	struct wire wires[WIRES_MAX];
	size_t wires_n, wired, hellos, closed, certificates, reloads, listeners_n;
	struct sys_watch listeners[LISTENERS_MAX];
	int reserve;
};

static struct fake fake;

static enum err
profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	return ERR_OK;
}

static enum err
init(struct svc_common *sc)
{
	char crash[64];
	int n = snprintf(crash, sizeof crash, "crash.%s", sc->service->name);
	fake.sc = sc;
	fake.reserve = -1;
	sc->ctx = &fake;
	for (size_t i = 0; i < sc->conf->domain.n; i++) {
		if (str_eq(sc->conf->domain.v[i], str_make(crash, (size_t)n))) {
			return ERR_CONFIG;
		}
	}
	return ERR_OK;
}

static enum err
on_hello(void *ctx, str datagram, int *fd)
{
	fake.hellos++;
	return str_eq(datagram, S("bad")) ? ERR_PROTOCOL : ERR_OK;
}

static void
on_gone(void *ctx, enum err why)
{
	struct wire *w = ctx;
	fake.closed++;
	sys_chan_free(&w->chan);
}

static struct wire *
find_wire(const char *key)
{
	for (size_t i = 0; i < fake.wires_n; i++) {
		if (strcmp(fake.wires[i].key, key) == 0) {
			return &fake.wires[i];
		}
	}
	ASSERT(fake.wires_n < WIRES_MAX);
	snprintf(fake.wires[fake.wires_n].key, sizeof fake.wires[0].key, "%s", key);
	return &fake.wires[fake.wires_n++];
}

static void
say(struct sys_chan *ch, const char *what)
{
	char room[16];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_cstr(&b, what);
	enum err ignored = sys_chan_send(ch, &b, -1);
	(void)ignored;
}

static enum err
on_wire(struct svc_common *sc, str edge, uint32_t peer, str set, int fd)
{
	char key[64];
	snprintf(key, sizeof key, "%.*s %.*s %u", STR_ARG(edge), STR_ARG(set), peer);
	struct wire *w = find_wire(key);
	struct sys_chan_handler h = { .on_message = on_hello, .on_closed = on_gone, .ctx = w };
	sys_chan_free(&w->chan);
	fake.wired++;
	TRY(sys_chan_new(sc->loop, fd, &h, &w->chan));
	say(w->chan, "hello");
	return ERR_OK;
}

static void
on_knock(void *ctx, unsigned events)
{
	struct sys_watch *w = ctx;
	int fd;
	size_t n;
	if (sys_sock_accept(w->fd, &fake.reserve, &fd, NULL) == ERR_OK) {
		enum err ignored = sys_sock_write(fd, S("hello\n"), &n);
		(void)ignored;
		sys_close(&fd);
	}
}

static enum err
on_listen(struct svc_common *sc, enum sys_protocol protocol, int fd)
{
	ASSERT(fake.listeners_n < LISTENERS_MAX);
	struct sys_watch *w = &fake.listeners[fake.listeners_n++];
	*w = (struct sys_watch){ .fn = on_knock, .ctx = w, .fd = fd };
	return ERR_OK;
}

static enum err
on_certificate(struct svc_common *sc, uint32_t slot, str chain, str key)
{
	fake.certificates++;
	ASSERT(str_eq(sc->set, S("keys")) ? key.n > 0 : str_eq(sc->set, S("gate")) && key.n == 0);
	return key.n == 0 || str_eq(key, S("good key\n")) ? ERR_OK : ERR_TLS;
}

static enum err
start(struct svc_common *sc)
{
	for (size_t i = 0; i < fake.listeners_n; i++) {
		TRY(sys_watch_start(sc->loop, &fake.listeners[i], SYS_IN | SYS_EXCLUSIVE));
	}
	bool right = sc->secret.n == (str_eq(sc->set, S("accounts")) ? 32u : 0u);
	return sc->boot_id.n > 0 && right ? ERR_OK : ERR_BUG;
}

static void
on_reload(struct svc_common *sc)
{
	fake.reloads++;
}

static void
on_status(struct svc_common *sc, struct buf *facts)
{
	buf_printf(facts, "wires=%zu\nwired=%zu\nhellos=%zu\nclosed=%zu\n", fake.wires_n,
	    fake.wired, fake.hellos, fake.closed);
	buf_printf(facts, "certificates=%zu\nreloads=%zu\nlisteners=%zu\nset=%.*s\nuid=%u\n",
	    fake.certificates, fake.reloads, fake.listeners_n, STR_ARG(sc->set), geteuid());
}

static void
on_quit(struct svc_common *sc, uint32_t grace_ms)
{
	svc_common_exit(sc);
}

/* "break": say something bad on every channel and ask for new ones; anything else is sent back. */
static enum err
on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	struct buf b;
	buf_init(&b, 1000);
	buf_str(&b, datagram);
	if (str_eq(datagram, S("break"))) {
		say(find_wire("smtp_queue smtp-mx 0")->chan, "bad");
	}
	if (str_eq(datagram, S("rewire"))) {
		svc_common_rewire(sc, S("smtp_queue"), 0);
	}
	enum err e = sys_chan_send(from, &b, -1);
	buf_done(&b);
	return e;
}

int
main(int argc, char **argv)
{
	static struct svc_common_service service = {
		.profile = profile,
		.init = init,
		.start = start,
		.on_wire = on_wire,
		.on_listen = on_listen,
		.on_certificate = on_certificate,
		.on_reload = on_reload,
		.on_status = on_status,
		.on_quit = on_quit,
		.on_admin = on_admin,
	};
	const char *dash = strchr(argv[0], '-');
	service.name = dash == NULL ? argv[0] : dash + 1;
	return svc_common_main(argc, argv, &service);
}
