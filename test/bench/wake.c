/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending keeps to its timetable: a slow answer does not hold back the next DONE, which would hide
 * what a queue costs.
 */
#include "wake.h"
#include "base/mem.h"
#include "sample.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SECOND_US = 1000000, PATIENCE_US = 60 * SECOND_US, EVENTS = 64 };

struct wake {
	struct bench_conn *all;
	uint32_t n, sent, answered;
	int epoll;
	uint64_t start_us;
	uint64_t *sent_us, *took_us;
};

static enum err
send_one(struct wake *w)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = w->sent };
	struct bench_conn *c = &w->all[w->sent];
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
		return ERR_IO;
	}
	w->sent_us[w->sent] = bench_now_us();
	w->sent++;
	return bench_conn_send(c, S("DONE\r\n"));
}

/* Untagged lines may come first. */
static enum err
take_answer(struct wake *w, uint32_t i)
{
	str line = STR_NONE;
	while (!str_starts(line, S("b "))) {
		enum err e = bench_conn_line(&w->all[i], &line);
		if (e != ERR_OK) {
			return e;
		}
	}
	w->took_us[i] = bench_now_us() - w->sent_us[i];
	w->answered++;
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->all[i].fd, NULL);
	return str_starts(line, S("b OK")) ? ERR_OK : ERR_PROTOCOL;
}

static uint64_t
due_us(const struct wake *w)
{
	return w->start_us + (uint64_t)w->sent * SECOND_US / w->n;
}

static enum err
turn(struct wake *w)
{
	struct epoll_event events[EVENTS];
	uint64_t now_us = bench_now_us();
	if (w->sent < w->n && due_us(w) <= now_us) {
		enum err e = send_one(w);
		if (e != ERR_OK) {
			return e;
		}
	}
	bool all_sent = w->sent == w->n;
	int got = epoll_wait(w->epoll, events, EVENTS, all_sent ? 1000 : due_us(w) > now_us + 1500);
	for (int i = 0; i < got; i++) {
		enum err e = take_answer(w, events[i].data.u32);
		if (e != ERR_OK) {
			return e;
		}
	}
	return now_us - w->start_us > PATIENCE_US ? ERR_TIMEOUT : ERR_OK;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void
report(struct wake *w, struct buf *out)
{
	double seconds = (double)(bench_now_us() - w->start_us) / SECOND_US;
	qsort(w->took_us, w->n, sizeof w->took_us[0], ascending);
	buf_printf(out,
	    "{\"woken\": %u, \"seconds\": %.3f, \"wake_p50_ms\": %.3f, \"wake_p99_ms\": %.3f, "
	    "\"wake_max_ms\": %.3f}\n",
	    w->n, seconds, (double)w->took_us[w->n / 2] / 1000,
	    (double)w->took_us[w->n - 1 - w->n / 100] / 1000, (double)w->took_us[w->n - 1] / 1000);
}

enum err
bench_wake(struct bench_conn *all, uint32_t n, struct buf *out)
{
	struct wake w = { .all = all, .n = n, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	w.sent_us = mem_zalloc(n, sizeof *w.sent_us);
	w.took_us = mem_zalloc(n, sizeof *w.took_us);
	enum err e = w.sent_us == NULL || w.took_us == NULL ? ERR_NOMEM : ERR_OK;
	e = w.epoll < 0 || n == 0 ? ERR_NOFD : e;
	w.start_us = bench_now_us();
	while (e == ERR_OK && w.answered < n) {
		e = turn(&w);
	}
	if (e == ERR_OK) {
		report(&w, out);
	}
	MEM_FREE(w.sent_us);
	MEM_FREE(w.took_us);
	if (w.epoll >= 0) {
		close(w.epoll);
	}
	return e;
}
