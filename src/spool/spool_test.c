/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal against everything that may happen to a file: reopening, torn ends at every octet,
 * flipped bits, records hidden in messages, full disks, rotation.
 */
#include <signal.h>
#include <sys/resource.h>

#include "spool/folder_test.h"
#include "spool/spool_priv.h"

struct seen {
	size_t n;
	uint64_t ids[128];
	char what[128][32]; /* reverse-path */
	unsigned left[128];
};

static enum err
see(void *ctx, const struct spool_found *f)
{
	struct seen *s = ctx;
	ASSERT(s->n < 128);
	s->ids[s->n] = f->entry;
	snprintf(s->what[s->n], 32, "%.*s", STR_ARG(f->envelope->reverse_path));
	for (size_t i = 0; i < f->envelope->rcpts_n; i++) {
		s->left[s->n] += !f->done[i];
	}
	s->n++;
	return ERR_OK;
}

static struct spool *
open_spool(struct seen *seen)
{
	struct spool *s = NULL;
	static struct seen ignored;
	*(seen == NULL ? &ignored : seen) = (struct seen){ 0 };
	CHECK_ERR(spool_open(dir, 1000, see, seen == NULL ? &ignored : seen, &s), ERR_OK);
	return s;
}

static uint64_t
put(struct spool *s, const char *from, str body)
{
	struct spool_rcpt rcpts[2] = { { .account = 1,
					   .address = S("a@example.org"),
					   .original = S("A@example.org"),
					   .notify = 4 },
		{ .account = 2,
		    .address = S("b@example.org"),
		    .detail = S("x"),
		    .orcpt = S("rfc822;b") } };
	struct spool_envelope e = { .session = 7,
		.received_s = 99,
		.reverse_path = str_from(from),
		.peer_ip = S("0123456789abcdef"),
		.rcpts = rcpts,
		.rcpts_n = 2 };
	struct spool_body b = { .octets = body, .fd = -1, .size = body.n };
	uint64_t id = 0;
	CHECK_ERR(spool_stage(s, &e, &b, &id), ERR_OK);
	return id;
}

static void
survives_reopening(void)
{
	fresh_folder();
	struct seen seen;
	struct spool *s = open_spool(NULL), *second = NULL;
	int other = -1;
	uint64_t one = put(s, "one", S("body one")), two = put(s, "two", S(""));
	CHECK(two > one);
	char room[8];
	CHECK_ERR(spool_read(s, one, 0, room, 8), ERR_NOTFOUND); /* not durable yet */
	CHECK_ERR(spool_flush(s), ERR_OK);
	CHECK_ERR(spool_read(s, one, 0, room, 8), ERR_OK);
	CHECK_STR(str_make(room, 8), S("body one"));
	CHECK_ERR(spool_read(s, one, 1, room, 8), ERR_EOF);
	(void)put(s, "never flushed", S("x"));
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(folder), &other), ERR_OK);
	CHECK_ERR(spool_open(other, 1000, see, &seen, &second), ERR_BUSY);
	sys_close(&other);
	spool_close(&s);

	s = open_spool(&seen);
	CHECK_U64(seen.n, 2);
	CHECK_U64(seen.ids[0], one);
	CHECK(strcmp(seen.what[1], "two") == 0);
	CHECK_U64(spool_oldest(s), one);
	spool_done(s, one, 0);
	spool_done(s, one, 0);
	spool_done(s, two, 0);
	spool_done(s, two, 1);
	CHECK_U64(spool_live(s), 1);
	CHECK_ERR(spool_flush(s), ERR_OK);
	uint64_t three = put(s, "three", S("y"));
	CHECK(three > two);
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);

	s = open_spool(&seen);
	CHECK_U64(seen.n, 2);
	CHECK_U64(seen.ids[0], one);
	CHECK_U64(seen.left[0], 1);
	CHECK_U64(seen.ids[1], three);
	CHECK_U64(seen.left[1], 2);
	spool_close(&s);
	remove_folder();
}

/* Three messages; the file then loses its tail from `keep` on, or has the bit at that octet turned.
 */
static size_t
after_damage(bool cut, uint64_t at, uint64_t ids[3], struct seen *seen)
{
	fresh_folder();
	struct spool *s = open_spool(NULL);
	ids[0] = put(s, "one", S("1"));
	CHECK_ERR(spool_flush(s), ERR_OK);
	ids[1] = put(s, "two", S("22"));
	CHECK_ERR(spool_flush(s), ERR_OK);
	ids[2] = put(s, "three", S("333"));
	CHECK_ERR(spool_flush(s), ERR_OK);
	size_t end = (size_t)s->active->end;
	char name[32];
	snprintf(name, sizeof name, "%010u.log", s->active->number);
	spool_close(&s);
	int fd = -1;
	char octet = 0;
	CHECK_ERR(sys_file_open(dir, str_from(name), SYS_READ | SYS_WRITE, &fd), ERR_OK);
	if (cut) {
		CHECK_ERR(sys_file_truncate(fd, at), ERR_OK);
		CHECK_ERR(sys_file_truncate(fd, SPOOL_SEGMENT_OCTETS), ERR_OK);
	} else {
		CHECK_ERR(sys_file_read_exact(fd, at, &octet, 1), ERR_OK);
		octet ^= 0x10;
		CHECK_ERR(sys_file_write(fd, at, str_make(&octet, 1)), ERR_OK);
	}
	sys_close(&fd);
	s = open_spool(seen);
	spool_close(&s);
	remove_folder();
	return end;
}

static bool
has(const struct seen *s, uint64_t id)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->ids[i] == id) {
			return true;
		}
	}
	return false;
}

static void
torn_at_every_octet(void)
{
	uint64_t ids[3];
	struct seen seen;
	size_t end = after_damage(true, SPOOL_SEGMENT_OCTETS, ids, &seen);
	CHECK_U64(seen.n, 3);
	uint64_t third = ids[2] & UINT32_MAX;
	for (uint64_t at = third; at < end; at += 5) {
		(void)after_damage(true, at, ids, &seen);
		CHECK(seen.n == 2 && has(&seen, ids[0]) && has(&seen, ids[1]));
	}
}

static void
one_bad_octet_costs_one_message(void)
{
	uint64_t ids[3];
	struct seen seen;
	(void)after_damage(true, SPOOL_SEGMENT_OCTETS, ids, &seen);
	uint64_t second = ids[1] & UINT32_MAX, third = ids[2] & UINT32_MAX;
	for (uint64_t at = second; at < third; at += 5) {
		(void)after_damage(false, at, ids, &seen);
		CHECK(has(&seen, ids[0]) && has(&seen, ids[2]));
		CHECK(at >= second + 28 && at < second + 32 ? true : !has(&seen, ids[1]));
	}
}

/* A message that contains octets of a real journal must not become mail when its own header is
 * damaged. */
static void
hidden_records_stay_hidden(void)
{
	fresh_folder();
	struct spool *s = open_spool(NULL);
	struct buf evil;
	uint8_t key[SPOOL_KEY] = { 0 };
	buf_init(&evil, 4096);
	struct spool_record rec = { .type = SPOOL_RECORD_DONE, .version = 1, .length = 10 };
	spool_record_put(&evil, key, &rec);
	uint64_t one = put(s, "evil", buf_view(&evil)), two = put(s, "two", S("x"));
	CHECK_ERR(spool_flush(s), ERR_OK);
	int fd = -1;
	char name[32];
	snprintf(name, sizeof name, "%010u.log", s->active->number);
	spool_close(&s);
	CHECK_ERR(sys_file_open(dir, str_from(name), SYS_READ | SYS_WRITE, &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, one & UINT32_MAX, S("XXXX")), ERR_OK);
	sys_close(&fd);
	struct seen seen;
	struct spool_report report;
	s = open_spool(&seen);
	spool_report(s, &report);
	CHECK(seen.n == 1 && seen.ids[0] == two && seen.left[0] == 2);
	CHECK_U64(report.bad_records, 1);
	spool_close(&s);
	buf_done(&evil);
	remove_folder();
}

static void
full_disk_takes_nothing_back_but_the_new(void)
{
	fresh_folder();
	struct seen seen;
	struct spool *s = open_spool(NULL);
	uint64_t one = put(s, "one", S("1"));
	CHECK_ERR(spool_flush(s), ERR_OK);
	struct rlimit old, small;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ s->active->end + 50, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	(void)put(s, "two", S("a message that does not fit any more"));
	CHECK(spool_flush(s) != ERR_OK);
	CHECK_U64(spool_live(s), 1);
	CHECK_ERR(spool_read(s, one, 0, (char[1]){ 0 }, 1), ERR_OK);
	setrlimit(RLIMIT_FSIZE, &old);
	uint64_t three = put(s, "three", S("3"));
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	s = open_spool(&seen);
	CHECK(seen.n == 2 && has(&seen, one) && has(&seen, three));
	spool_close(&s);
	remove_folder();
}

static void
large_bodies_come_from_files(void)
{
	fresh_folder();
	struct spool *s = open_spool(NULL);
	int fd = -1;
	static char big[700000], back[700000];
	for (size_t i = 0; i < sizeof big; i++) {
		big[i] = (char)(i * 7 + i / 251);
	}
	CHECK_ERR(sys_file_temp(dir, &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, str_make(big, sizeof big)), ERR_OK);
	struct spool_rcpt rcpt = { .account = 3, .address = S("c@example.org") };
	struct spool_envelope e = { .reverse_path = S("big"), .rcpts = &rcpt, .rcpts_n = 1 };
	struct spool_body body = { .fd = fd, .size = sizeof big },
			  wrong = { .fd = fd, .size = sizeof big + 1 },
			  above = { .fd = fd, .octets = S("above: "), .size = sizeof big + 7 },
			  less = { .fd = fd, .octets = S("above: "), .size = 6 };
	uint64_t id = 0, small = put(s, "before", S("b")), crowned = 0;
	CHECK_ERR(spool_stage(s, &e, &wrong, &id), ERR_EOF); /* the file is shorter than told */
	CHECK_ERR(spool_stage(s, &e, &less, &id), ERR_TOOBIG);
	CHECK_ERR(spool_stage(s, &e, &body, &id), ERR_OK);
	CHECK_ERR(spool_stage(s, &e, &above, &crowned), ERR_OK);
	uint64_t after = put(s, "after", S("a"));
	CHECK_ERR(spool_flush(s), ERR_OK);
	spool_close(&s);
	sys_close(&fd);
	struct seen seen;
	s = open_spool(&seen);
	CHECK(seen.n == 4 && has(&seen, small) && has(&seen, id) && has(&seen, after));
	CHECK_ERR(spool_read(s, id, 0, back, sizeof back), ERR_OK);
	CHECK(memcmp(big, back, sizeof big) == 0);
	CHECK_ERR(spool_read(s, crowned, 0, back, 7), ERR_OK);
	CHECK(memcmp(back, "above: ", 7) == 0);
	CHECK_ERR(spool_read(s, crowned, 7, back, sizeof back), ERR_OK);
	CHECK(memcmp(big, back, sizeof big) == 0);
	spool_close(&s);
	remove_folder();
}

static void
segments_go_when_done(void)
{
	fresh_folder();
	struct spool *s = open_spool(NULL);
	static char mega[1 << 20];
	uint64_t first = put(s, "first", S("1")), ids[70];
	for (size_t i = 0; i < LEN(ids); i++) {
		ids[i] = put(s, "mega", str_make(mega, sizeof mega));
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	struct spool_report report;
	spool_report(s, &report);
	CHECK_U64(report.segments, 2);
	for (size_t i = 0; i < LEN(ids); i++) {
		spool_done(s, ids[i], 0);
		spool_done(s, ids[i], 1);
	}
	CHECK_ERR(spool_flush(s), ERR_OK);
	CHECK_U64(spool_oldest(s), first);
	spool_done(s, first, SPOOL_DONE_ALL);
	CHECK_ERR(spool_flush(s), ERR_OK);
	CHECK(spool_oldest(s) > first);
	CHECK(list_empty(&s->segments) || s->segments.next->next == &s->segments);
	spool_close(&s);
	remove_folder();
}

static void
ids_are_text(void)
{
	static const uint64_t values[] = { 0, 1, 31, 32, 0x123456789abcdef0, UINT64_MAX };
	char text[SPOOL_ID_TEXT];
	uint64_t back;
	for (size_t i = 0; i < LEN(values); i++) {
		spool_id_text(values[i], text);
		CHECK(spool_id_parse(str_from(text), &back) && back == values[i]);
	}
	CHECK(!spool_id_parse(S(""), &back) && !spool_id_parse(S("zzzzzzzzzzzzz"), &back));
	CHECK(!spool_id_parse(S("000000000000u"), &back));
}

TEST_MAIN(survives_reopening, torn_at_every_octet, one_bad_octet_costs_one_message,
    hidden_records_stay_hidden, full_disk_takes_nothing_back_but_the_new,
    large_bodies_come_from_files, segments_go_when_done, ids_are_text)
