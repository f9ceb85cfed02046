/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verify files as the scanner of incoming mail does, with proto/dkim, proto/arc and its crypto.c.
 *
 *	verify_mail [--arc] [--now SECONDS] RECORDS FILE...
 *
 * RECORDS has "NAME TAB RECORD" lines. For each signature of each file a line "FILE RESULT WHY"
 * comes out: pass, fail (hash or signature), invalid (the field or the key). With --arc one line
 * for each file: none, pass, fail.
 */
#include "base/arena.h"
#include "mail/header.h"
#include "proto/arc/arc.h"
#include "svc/scan/crypto.h"
#include "sys/clock.h"
#include "sys/file.h"

enum { FILE_MAX = 32 << 20, RECORDS_MAX = 4 };

static struct buf records, message, input;
static struct arena *arena, *scratch;
static int64_t now_s;

/* All records of a name; NOTFOUND: none. */
static enum err
find_records(str want, str *ret, size_t *ret_n)
{
	str rest = buf_view(&records), line, name, data;
	*ret_n = 0;
	while (rest.n > 0 && str_next(&rest, '\n', &line) && *ret_n < RECORDS_MAX) {
		if (str_cut(line, '\t', &name, &data) && str_ieq(name, want)) {
			ret[(*ret_n)++] = data;
		}
	}
	return *ret_n > 0 ? ERR_OK : ERR_NOTFOUND;
}

static bool
find_key(struct dkim_check *c, struct dkim_key *ret)
{
	str found[RECORDS_MAX];
	size_t n;
	enum err e = find_records(c->name, found, &n);
	return dkim_check_key(c, e, found, n, ret);
}

static void
prove(struct dkim_check *c, const struct dkim_key *key, enum err e)
{
	struct dkim_proof proof;
	if (e == ERR_OK) {
		svc_scan_prove(key, &c->s, buf_view(&input), &proof);
		dkim_check_proof(c, &proof);
	}
	buf_reset(&input);
	arena_reset(scratch);
}

static enum err
hash_body(unsigned bits, struct svc_scan_bodies *ret)
{
	str all = buf_view(&message);
	return svc_scan_hash_bodies(str_from_off(all, mail_header_length(all)), bits, ret);
}

static const char *
word(enum dkim_result r)
{
	return r == DKIM_PASS ? "pass" : r == DKIM_FAIL || r == DKIM_NEUTRAL ? "fail" : "invalid";
}

static enum err
verify_dkim(const char *path)
{
	static struct dkim_key key;
	struct svc_scan_bodies bodies;
	struct dkim_verify v;
	TRY(dkim_verify_begin(&v, buf_view(&message), now_s, arena));
	unsigned bits = dkim_verify_bodies(&v);
	TRY(hash_body(bits, &bodies));
	for (unsigned canon = 0; canon < 2; canon++) {
		if (bits & (1U << canon)) {
			dkim_verify_body(&v, (enum dkim_canon)canon, bodies.hash[canon]);
		}
	}
	for (size_t i = 0; i < v.n; i++) {
		struct dkim_check *c = &v.check[i];
		if (c->result == DKIM_OPEN && find_key(c, &key)) {
			prove(c, &key, dkim_verify_input(&v, c, &input, scratch));
		}
		printf("%s\t%s\t%s\n", path, word(c->result), c->why);
	}
	if (v.n == 0) {
		printf("%s\tnone\tno signature\n", path);
	}
	return ERR_OK;
}

static enum err
verify_arc(const char *path)
{
	static struct dkim_key key;
	static struct arc_verify v;
	struct svc_scan_bodies bodies;
	const char *why;
	TRY(arc_verify_begin(&v, buf_view(&message), now_s, arena));
	unsigned bits = arc_verify_bodies(&v);
	TRY(hash_body(bits, &bodies));
	if (bits != 0) {
		enum dkim_canon canon = v.check[0].s.body;
		arc_verify_body(&v, canon, bodies.hash[canon]);
	}
	for (size_t i = 0; i < v.checks_n && arc_verify_result(&v, NULL) == ARC_OPEN; i++) {
		struct dkim_check *c = &v.check[i];
		if (find_key(c, &key)) {
			prove(c, &key, arc_verify_input(&v, c, &input, scratch));
		}
	}
	enum arc_status status = arc_verify_result(&v, &why);
	printf("%s\t%s\t%s\n", path, arc_status_text(status), why);
	return ERR_OK;
}

static enum err
verify_file(const char *path, bool arc)
{
	buf_reset(&message);
	arena_reset(arena);
	TRY(sys_file_load(SYS_CWD, str_from(path), &message));
	return arc ? verify_arc(path) : verify_dkim(path);
}

static int
run(int argc, char **argv)
{
	bool arc = false;
	int i = 1;
	uint64_t seconds;
	now_s = sys_clock_wall_s();
	for (; i < argc && str_starts(str_from(argv[i]), S("--")); i++) {
		if (str_eq(str_from(argv[i]), S("--arc"))) {
			arc = true;
		} else if (++i < argc && str_u64(str_from(argv[i]), &seconds)) {
			now_s = (int64_t)seconds;
		}
	}
	if (i >= argc || sys_file_load(SYS_CWD, str_from(argv[i]), &records) != ERR_OK) {
		fprintf(stderr, "usage: verify_mail [--arc] [--now SECONDS] RECORDS FILE...\n");
		return 2;
	}
	while (++i < argc) {
		if (verify_file(argv[i], arc) != ERR_OK) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 1;
		}
	}
	return 0;
}

int
main(int argc, char **argv)
{
	arena = arena_new(NULL, "message", 16 << 20, 0);
	scratch = arena_new(NULL, "scratch", 16 << 20, 0);
	buf_init(&records, FILE_MAX);
	buf_init(&message, FILE_MAX);
	buf_init(&input, FILE_MAX);
	int status = run(argc, argv);
	buf_done(&input);
	buf_done(&records);
	buf_done(&message);
	arena_free(&scratch);
	arena_free(&arena);
	return status;
}
