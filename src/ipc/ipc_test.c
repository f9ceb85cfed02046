/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message of every edge: there and back at its limits, cut at every octet, with something
 * behind it, with the wrong descriptor, in the wrong direction, with a text over its limit.
 * `ipc_test --seeds FOLDER` writes the seed corpus of the fuzz target instead.
 */
#include "base/codec.h"
#include "base/test.h"
#include "ipc/cases.h"
#include "ipc/common.h"

enum { CUTS_MAX = 400, ROOM = 8 * 1024 * 1024 };

static struct arena *scratch;
static struct buf sent, got;

str
ipc_filler(size_t n)
{
	static char octets[IPC_MESSAGE_MAX + 2];
	ASSERT(n < sizeof octets);
	memset(octets, 'x', sizeof octets);
	return str_make(octets, n);
}

static enum err
deliver(const struct ipc_case *c, str datagram)
{
	int fd = c->fd == IPC_FD_NEEDED ? 0 : -1;
	buf_reset(&got);
	return c->dispatch(datagram, &fd, scratch);
}

static void
there_and_back(const struct ipc_case *c, enum ipc_fill how)
{
	buf_reset(&sent);
	c->build(&sent, how);
	CHECK_ERR(buf_err(&sent), ERR_OK);
	CHECK(sent.n >= c->least && sent.n <= IPC_MESSAGE_MAX && sent.n <= c->most);
	CHECK_ERR(deliver(c, buf_view(&sent)), ERR_OK);
	CHECK(str_eq(buf_view(&got), buf_view(&sent)));
}

static void
limits(void)
{
	for (size_t i = 0; i < ipc_cases_n; i++) {
		test_case = ipc_cases[i].message;
		for (int how = 0; how < IPC_FILL_COUNT; how++) {
			there_and_back(&ipc_cases[i], (enum ipc_fill)how);
		}
		buf_reset(&sent);
		ipc_cases[i].build(&sent, IPC_FILL_EMPTY);
		CHECK_U64(sent.n, ipc_cases[i].least);
		if (ipc_cases[i].most <= IPC_MESSAGE_MAX) {
			buf_reset(&sent);
			ipc_cases[i].build(&sent, IPC_FILL_LARGE);
			CHECK_U64(sent.n, ipc_cases[i].most);
		}
	}
}

/* Small messages at every octet, large ones at some 400 places. */
static void
cuts(void)
{
	for (size_t i = 0; i < ipc_cases_n; i++) {
		const struct ipc_case *c = &ipc_cases[i];
		test_case = c->message;
		for (int how = 0; how < IPC_FILL_COUNT; how++) {
			buf_reset(&sent);
			c->build(&sent, (enum ipc_fill)how);
			size_t step = MAX(sent.n / CUTS_MAX, (size_t)1);
			for (size_t n = 0; n < sent.n; n += step) {
				CHECK_ERR(deliver(c, str_sub(buf_view(&sent), 0, n)), ERR_PROTOCOL);
			}
			buf_ch(&sent, 'x');
			CHECK_ERR(deliver(c, buf_view(&sent)), ERR_PROTOCOL);
			CHECK_U64(got.n, 0);
		}
	}
}

static void
direction_and_descriptor(void)
{
	for (size_t i = 0; i < ipc_cases_n; i++) {
		const struct ipc_case *c = &ipc_cases[i];
		int with = 0, without = -1;
		test_case = c->message;
		buf_reset(&sent);
		c->build(&sent, IPC_FILL_SMALL);
		enum err back = c->dispatch_back(buf_view(&sent),
		    c->fd == IPC_FD_NONE ? &without : &with, scratch);
		CHECK_ERR(back, ERR_PROTOCOL);
		CHECK_ERR(c->dispatch(buf_view(&sent), &with, scratch),
		    c->fd == IPC_FD_NONE ? ERR_PROTOCOL : ERR_OK);
		CHECK_ERR(c->dispatch(buf_view(&sent), &without, scratch),
		    c->fd == IPC_FD_NEEDED ? ERR_PROTOCOL : ERR_OK);
		CHECK(with == 0 && without == -1);
		char wrong[2] = { (char)0xff, (char)0xff };
		CHECK_ERR(c->dispatch(str_make(wrong, 2), &without, scratch), ERR_PROTOCOL);
	}
}

static void
text_over_its_limit(void)
{
	for (size_t i = 0; i < ipc_cases_n; i++) {
		const struct ipc_case *c = &ipc_cases[i];
		test_case = c->message;
		if (c->build_str == NULL) {
			continue;
		}
		buf_reset(&sent);
		c->build_str(&sent, c->first_str);
		CHECK_ERR(buf_err(&sent), ERR_OK);
		CHECK_ERR(deliver(c, buf_view(&sent)), ERR_OK);
		buf_reset(&sent);
		c->build_str(&sent, c->first_str + 1);
		CHECK_ERR(buf_err(&sent), ERR_TOOBIG);
		CHECK_ERR(deliver(c, buf_view(&sent)), ERR_PROTOCOL);
	}
}

static void
odd_values(void)
{
	static const struct {
		const char *name;
		uint8_t octets[2];
		bool is_err, ok;
	} cases[] = {
		{ "false", { 0 }, false, true },
		{ "true", { 1 }, false, true },
		{ "neither", { 2 }, false, false },
		{ "last error", { ERR_COUNT - 1 }, true, true },
		{ "no error", { ERR_COUNT }, true, false },
		{ "far", { 255 }, true, false },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct rd in = rd_make(str_make(cases[i].octets, 1));
		test_case = cases[i].name;
		if (cases[i].is_err) {
			CHECK_U64(ipc_get_err(&in), cases[i].ok ? cases[i].octets[0] : 0);
		} else {
			CHECK(ipc_get_bool(&in) == (cases[i].ok && cases[i].octets[0] == 1));
		}
		CHECK_ERR(rd_end(&in), cases[i].ok ? ERR_OK : ERR_SYNTAX);
	}
}

/* A count that the rest of the message cannot hold takes no memory. */
static void
lying_count(void)
{
	static const uint8_t octets[] = { 0xe8, 3, 0, 0, 1, 2, 3 };
	struct rd in = rd_make(str_make(octets, sizeof octets));
	size_t n = 7, before = arena_used(scratch);
	const size_t sizes[3] = { 1000, 8, 4096 };
	CHECK(ipc_get_list(&in, scratch, sizes, &n) == NULL);
	CHECK_U64(n, 0);
	CHECK(rd_end(&in) == ERR_SYNTAX);
	CHECK_U64(arena_used(scratch), before);
}

/* Lists are given back after each message: a peer cannot fill the scratch arena. */
static void
lists_do_not_pile_up(void)
{
	for (size_t i = 0; i < ipc_cases_n; i++) {
		buf_reset(&sent);
		ipc_cases[i].build(&sent, IPC_FILL_ITEMS);
		size_t before = arena_used(scratch);
		test_case = ipc_cases[i].message;
		CHECK_ERR(deliver(&ipc_cases[i], buf_view(&sent)), ERR_OK);
		CHECK_U64(arena_used(scratch), before);
	}
}

static int
write_seeds(const char *folder)
{
	for (size_t i = 0; i < ipc_cases_n; i++) {
		const struct ipc_case *c = &ipc_cases[i];
		char path[4096];
		snprintf(path, sizeof path, "%s/%s-%s", folder, c->edge, c->message);
		FILE *f = fopen(path, "wb");
		if (f == NULL) {
			return 1;
		}
		uint32_t key = crc32c(crc32c(0, c->edge, strlen(c->edge)), c->message,
		    strlen(c->message));
		buf_reset(&sent);
		wr_u32(&sent, key);
		wr_u8(&sent, c->fd == IPC_FD_NONE ? 0 : 1);
		c->build(&sent, IPC_FILL_SMALL);
		size_t n = fwrite(sent.p, 1, sent.n, f);
		if (fclose(f) != 0 || n != sent.n) {
			return 1;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static test_fn *const tests[] = { limits, cuts, direction_and_descriptor,
		text_over_its_limit, odd_values, lying_count, lists_do_not_pile_up };
	scratch = arena_new(NULL, "test", ROOM, 0);
	buf_init(&sent, IPC_MESSAGE_MAX + 64);
	buf_init(&got, IPC_MESSAGE_MAX);
	ipc_echo = &got;
	int failed = argc == 3 ? write_seeds(argv[2]) : test_run(tests, LEN(tests));
	buf_done(&sent);
	buf_done(&got);
	arena_free(&scratch);
	return failed;
}
