/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links of a small service whose peers come, talk, break the protocol, go and are wired anew.
 */
#include "base/test.h"
#include "svc/common/service.h"
#include "sys/sys.h"

#include <unistd.h>

struct state {
	struct svc_common_link one;
	struct {
		struct svc_common_link link;
		int more;
	} many[3];
	char seen[200];
	size_t seen_n;
};

static struct state state;
static struct svc_common sc;

static void
note(const struct svc_common_link *l, const char *what)
{
	bool first = state.seen_n == 0;
	state.seen_n += (size_t)snprintf(&state.seen[state.seen_n],
	    sizeof state.seen - state.seen_n, "%s%s %c%u", first ? "" : ", ", what,
	    l->edge->name.p[0], l->peer);
	ASSERT(state.seen_n < sizeof state.seen);
}

static enum err
on_message(struct svc_common_link *from, str datagram, int *fd)
{
	note(from, "message");
	return str_eq(datagram, S("bad")) ? ERR_PROTOCOL : ERR_OK;
}

static void
on_up(struct svc_common_link *l)
{
	note(l, "up");
}

static void
on_down(struct svc_common_link *l)
{
	CHECK(l->chan == NULL);
	note(l, "down");
}

static const struct svc_common_edge edges[] = {
	{ S_INIT("many"), SVC_COMMON_LINKS_IN(struct state, many), .on_message = on_message,
	    .on_up = on_up, .on_down = on_down },
	{ S_INIT("one"), SVC_COMMON_LINKS(struct state, one), .on_message = on_message },
	{ .n = 0 },
};

static const struct svc_common_service service = { .name = "test", .edges = edges };

static int
wire(const char *edge, uint32_t peer)
{
	int pair[2];
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_common_wire(&sc, str_from(edge), peer, pair[0]), ERR_OK);
	return pair[1];
}

static void
say(int fd, const char *what)
{
	CHECK(write(fd, what, strlen(what)) == (ssize_t)strlen(what));
}

/* What the service has noticed after this turn. */
static str
seen(void)
{
	CHECK_ERR(sys_loop_turn(sc.loop, 0), ERR_OK);
	str s = str_make(state.seen, state.seen_n);
	state.seen_n = 0;
	return s;
}

static void
begin(bool starting)
{
	state = (struct state){ 0 };
	sc = (struct svc_common){ .service = &service, .ctx = &state, .starting = starting };
	CHECK_ERR(sys_loop_new(&sc.loop), ERR_OK);
}

static void
end(void)
{
	svc_common_links_close(&sc);
	CHECK(state.one.chan == NULL && state.many[2].link.chan == NULL);
	CHECK_U64(state.seen_n, 0);
	sys_loop_free(&sc.loop);
}

static void
life(void)
{
	begin(false);
	int a = wire("many", 0), b = wire("many", 2), c = wire("one", 0);
	CHECK_STR(seen(), S("up m0, up m2"));
	say(b, "x");
	CHECK_STR(seen(), S("message m2"));
	say(c, "x");
	CHECK_STR(seen(), S("message o0"));
	sys_close(&a);
	CHECK_STR(seen(), S("down m0"));
	say(b, "bad");
	CHECK_STR(seen(), S("message m2, down m2"));
	sys_close(&b);
	b = wire("many", 2);
	a = wire("many", 2); /* in its place */
	CHECK_STR(seen(), S("up m2, down m2, up m2"));
	sys_close(&a);
	sys_close(&b);
	sys_close(&c);
	CHECK_STR(seen(), S("down m2"));
	end();
}

static void
before_the_start(void)
{
	begin(true);
	int a = wire("many", 1), b = wire("one", 0);
	say(a, "x");
	say(b, "x");
	CHECK_STR(seen(), S(""));
	svc_common_links_start(&sc);
	CHECK_STR(str_make(state.seen, state.seen_n), S("up m1"));
	state.seen_n = 0;
	CHECK(seen().n == strlen("message m1, message o0"));
	end();
	sys_close(&a);
	sys_close(&b);
	begin(true);
	a = wire("many", 1);
	b = wire("many", 1); /* nobody knew of the first */
	CHECK_STR(seen(), S(""));
	end();
	sys_close(&a);
	sys_close(&b);
}

static void
sends(void)
{
	struct buf out;
	char got[4];
	int pair[2];
	begin(false);
	buf_init(&out, 100);
	buf_cstr(&out, "hey");
	CHECK_ERR(svc_common_link_send(&state.one, &out, dup(0)), ERR_UNAVAILABLE);
	int a = wire("one", 0);
	CHECK_ERR(svc_common_link_send(&state.one, &out, -1), ERR_OK);
	CHECK(read(a, got, sizeof got) == 3);
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_common_wire(&sc, S("many"), 3, pair[0]), ERR_TOOMANY);
	CHECK_ERR(svc_common_wire(&sc, S("none"), 0, pair[1]), ERR_UNSUPPORTED);
	buf_done(&out);
	end();
	sys_close(&a);
}

/* A service that could not say what it must: its next channel begins anew. */
static void
fails(void)
{
	struct buf out;
	begin(false);
	buf_init(&out, 100);
	buf_cstr(&out, "hey");
	svc_common_link_fail(&state.many[1].link, ERR_BUSY); /* nobody is there */
	int a = wire("many", 1);
	CHECK_STR(seen(), S("up m1"));
	svc_common_link_fail(&state.many[1].link, ERR_BUSY);
	svc_common_link_fail(&state.many[1].link, ERR_BUSY);
	CHECK_U64(state.seen_n, 0);
	CHECK_ERR(svc_common_link_send(&state.many[1].link, &out, -1), ERR_UNAVAILABLE);
	CHECK_STR(seen(), S("down m1"));
	int b = wire("many", 1);
	CHECK_STR(seen(), S("up m1"));
	buf_done(&out);
	end();
	sys_close(&a);
	sys_close(&b);
}

TEST_MAIN(life, before_the_start, sends, fails)
