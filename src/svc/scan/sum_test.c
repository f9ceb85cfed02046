/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.unauthentic-is-junk: which letters it makes junk, whatever their points are. What nobody
 * could look at speaks neither for a letter nor against it.
 */
#include "svc/scan/sum.h"

#include "base/test.h"
#include "conf/conf.h"

enum {
	UNSEEN = MAIL_AUTHRES_NONE, /* loopback, a trusted peer, policy is away */
	NONE = MAIL_AUTHRES_NONE_PUBLISHED,
	PASS = MAIL_AUTHRES_PASS,
	FAIL = MAIL_AUTHRES_FAIL,
	SOFT = MAIL_AUTHRES_SOFTFAIL,
	TEMP = MAIL_AUTHRES_TEMPERROR,
	PERM = MAIL_AUTHRES_PERMERROR,
};

static const struct row {
	const char *name;
	uint8_t spf, dkim, dmarc;
	enum { ALIGNED = 1, TRUSTED = 2, UNREAD = 4, KEY = 8 } more;
	bool junk;
} rows[] = {
	{ "SPF says no, unsigned", FAIL, NONE, NONE, 0, true },
	{ "SPF says no, and so does the signature", FAIL, FAIL, NONE, 0, true },
	{ "SPF says no, a stranger's signature is right", FAIL, PASS, NONE, 0, true },
	{ "a broken signature, and no SPF record", NONE, FAIL, NONE, 0, true },
	{ "a broken signature, SPF half says no", SOFT, FAIL, NONE, 0, true },
	{ "a broken signature, SPF record is wrong", PERM, FAIL, NONE, 0, true },
	{ "a list: broken signature, its own SPF", PASS, FAIL, NONE, 0, false },
	{ "a forwarder: SPF no, signature right", FAIL, PASS, PASS, ALIGNED, false },
	{ "a forwarder we trust", FAIL, FAIL, NONE, TRUSTED, false },
	{ "nothing at all", NONE, NONE, NONE, 0, false },
	/* nobody could look */
	{ "SPF not seen, unsigned", UNSEEN, NONE, NONE, 0, false },
	{ "SPF not seen, a broken signature", UNSEEN, FAIL, NONE, 0, false },
	{ "SPF without DNS, a broken signature", TEMP, FAIL, TEMP, 0, false },
	{ "SPF without DNS, no DMARC", TEMP, FAIL, NONE, 0, false },
	{ "SPF not seen, keys neither", UNSEEN, TEMP, NONE, 0, false },
	{ "SPF says no, the author's key is not to be had", FAIL, TEMP, NONE, KEY, false },
	{ "SPF says no, a stranger's key is not to be had", FAIL, TEMP, NONE, 0, true },
	{ "SPF says no, an aligned key is not to be had", FAIL, PASS, TEMP, 0, false },
	{ "SPF says no, the chain's keys are not to be had", FAIL, FAIL, NONE, UNREAD, false },
	{ "no DNS at all", TEMP, TEMP, TEMP, UNREAD, false },
};

static bool
is_forced(const struct row *row, bool on)
{
	struct svc_scan_sum sum;
	struct conf conf = {
		.filter_unauthentic = on, .filter_junk_at = 5000, .filter_reject_at = 15000
	};
	struct svc_common sc = { .conf = &conf };
	struct svc_scan scan = { .sc = &sc };
	struct ipc_smtp_scan_target to = { .account = 7 };
	struct svc_scan_letter l = { .scan = &scan };
	l.arena = arena_new(NULL, "test", 1 << 20, 0);
	l.m.targets = &to;
	l.m.targets_n = 1;
	l.m.trust.spf = row->spf;
	l.auth = (struct svc_scan_auth_facts){ .from_fields = 1,
		.from_n = 1,
		.dkim = row->dkim,
		.dmarc = row->dmarc,
		.arc = NONE,
		.aligned = (row->more & ALIGNED) != 0,
		.arc_trusted = (row->more & TRUSTED) != 0,
		.key_unread = (row->more & KEY) != 0,
		.arc_unread = (row->more & UNREAD) != 0 };
	CHECK_ERR(svc_scan_sum(&l, &sum), ERR_OK);
	bool forced = sum.forced;
	CHECK_U64(sum.places_n, forced);
	buf_done(&sum.why);
	arena_free(&l.arena);
	return forced;
}

static void
unauthentic(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		CHECK(is_forced(&rows[i], true) == rows[i].junk);
		CHECK(!is_forced(&rows[i], false));
	}
}

TEST_MAIN(unauthentic)
