/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many letters to many destinations, a tenth of them dead.
 */
#include <malloc.h>

#include "ipc/adm_queue.h"
#include "svc/queue/remote/world_test.h"

__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static size_t
allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes != NULL) {
		return __sanitizer_get_current_allocated_bytes();
	}
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static void
commit_many(size_t letters, size_t dests)
{
	char name[64];
	for (size_t i = 0; i < letters; i++) {
		size_t k = i % dests;
		snprintf(name, sizeof name, "somebody.or.other@destination%05zu.%s", k,
		    k % 10 == 0 ? "dead" : "test");
		struct spool_rcpt r = { .address = str_from(name) };
		const struct spool_envelope e = world_envelope(&r, 1);
		CHECK_ERR(svc_queue_commit_own(w->q, &e, BODY, NULL), ERR_OK);
		if (i % 1000 == 999) {
			world_turn(0);
		}
	}
	world_turn(0);
}

struct listing {
	struct ipc_adm_queue_list ask;
	size_t items, pages;
	uint64_t last;
	bool more, in_order;
};

static enum err
got_page(void *ctx, const struct ipc_adm_queue_page *m, int *fd)
{
	struct listing *l = ctx;
	for (size_t i = 0; i < m->items_n; i++) {
		l->in_order &= m->items[i].entry > l->last;
		l->last = m->items[i].entry;
	}
	l->items += m->items_n;
	l->pages++;
	l->more = m->more;
	l->ask.entry = m->entry;
	l->ask.rcpt = m->rcpt;
	return ERR_OK;
}

static enum err
hear_nothing(void *ctx, str datagram, int *fd)
{
	return ERR_PROTOCOL;
}

static void
closed(void *ctx, enum err why)
{
}

/* Every letter once, in pages; each costs the same, wherever it begins. */
static size_t
list_all(str to)
{
	static const struct ipc_adm_queue_at_admin handlers = { .page = got_page };
	struct listing l = { .ask = { .which = { .to = to } }, .more = true, .in_order = true };
	struct sys_chan *chan = NULL;
	const struct sys_chan_handler none = { .on_message = hear_nothing, .on_closed = closed };
	int fds[2], fd = -1;
	CHECK_ERR(sys_chan_pair(fds), ERR_OK);
	CHECK_ERR(sys_chan_new(w->sc.loop, fds[0], &none, &chan), ERR_OK);
	int64_t began = sys_clock_us();
	while (l.more && l.pages < 10000) {
		buf_reset(&w->out);
		ipc_adm_queue_list_put(&w->out, &l.ask);
		CHECK_ERR(svc_queue_on_admin(&w->sc, chan, buf_view(&w->out), &fd), ERR_OK);
		CHECK_ERR(sys_chan_recv(fds[1], &w->in, &fd), ERR_OK);
		arena_reset(w->arena);
		CHECK_ERR(ipc_adm_queue_admin_dispatch(&handlers, &l, buf_view(&w->in), &fd,
			      w->arena),
		    ERR_OK);
	}
	CHECK(l.in_order && !l.more);
	printf("%zu letters in %zu pages, %lld us each\n", l.items, l.pages,
	    (long long)((sys_clock_us() - began) / (int64_t)l.pages));
	sys_chan_free(&chan);
	sys_close(&fds[1]);
	return l.items;
}

/*
 * Many letters, a tenth of the destinations dead: the living get theirs, the dead cost a try each,
 * and a letter costs no more memory than limits.h says.
 */
static void
mass(size_t letters, size_t dests)
{
	world_open();
	w->conf.queue_retry_first = w->conf.queue_retry_max = 3600000;
	sys_close(&w->send);
	world_turn(0);
	size_t before = allocated();
	commit_many(letters, dests);
	CHECK_U64(w->q->remote->letters, letters);
	size_t each = (allocated() - before) / letters;
	CHECK(each <= SVC_QUEUE_REMOTE_LETTER_OCTETS);
	CHECK_U64(list_all(S("")), letters);
	CHECK_U64(list_all(S("destination00010.dead")), letters / dests);
	w->robot = true;
	world_wire_send();
	int64_t began = sys_clock_us();
	size_t living = letters - letters / 10;
	for (size_t i = 0; i < letters && w->taken < living; i++) {
		world_turn(0);
		world_read_send();
	}
	int64_t took = sys_clock_us() - began;
	for (size_t i = 0; i < letters && w->q->remote->sent_n > 0; i++) {
		world_turn(0);
		world_read_send();
	}
	CHECK_U64(w->taken, living);
	CHECK(w->dead_tries <= 3 * dests / 10);
	CHECK_U64(w->q->remote->letters, letters / 10);
	printf("%zu letters, %zu destinations: %zu octets each, %lld us each for the living\n",
	    letters, dests, each, (long long)(took / (int64_t)living));
	world_close();
}

static void
many(void)
{
	mass(5000, 100);
}

/* The whole of it, for who asks for it by name (POSTERN_TEST_MASS): 100,000 to 1,000. */
static void
very_many(void)
{
	if (getenv("POSTERN_TEST_MASS") != NULL) {
		mass(100000, 1000);
	}
}

TEST_MAIN(many, very_many)
