/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy means: patterns (RFC 8461 4.1), verdicts (4), actions (5), and when it is fetched
 * (3.3, 5.1).
 */
#include "proto/mtasts/mtasts.h"

enum { DAY_S = 86400, AGAIN_S = 300 };

bool
mtasts_fits(str pattern, str host)
{
	host = str_ends(host, S(".")) ? str_sub(host, 0, host.n - 1) : host;
	if (!str_starts(pattern, S("*."))) {
		return pattern.n > 0 && str_ieq(pattern, host);
	}
	ptrdiff_t dot = str_chr(host, '.');
	return dot > 0 && str_ieq(str_from_off(host, (size_t)dot), str_from_off(pattern, 1));
}

bool
mtasts_allows(const str *patterns, size_t n, str host)
{
	for (size_t i = 0; i < n; i++) {
		if (mtasts_fits(patterns[i], host)) {
			return true;
		}
	}
	return false;
}

enum mtasts_verdict
mtasts_judge(enum mtasts_mode mode, const struct mtasts_seen *seen)
{
	if (mode == MTASTS_NONE) {
		return MTASTS_VERDICT_NONE;
	}
	if (!seen->listed) {
		return MTASTS_VERDICT_UNLISTED;
	}
	if (!seen->starttls) {
		return MTASTS_VERDICT_NO_TLS;
	}
	if (!seen->trusted) {
		return MTASTS_VERDICT_UNTRUSTED;
	}
	return seen->named ? MTASTS_VERDICT_PASSED : MTASTS_VERDICT_NAME;
}

static const struct {
	str word, failure;
	bool fails;
} verdicts[MTASTS_VERDICTS] = {
	[MTASTS_VERDICT_NONE] = { S_INIT("none"), S_INIT(""), false },
	[MTASTS_VERDICT_PASSED] = { S_INIT("passed"), S_INIT(""), false },
	[MTASTS_VERDICT_UNLISTED] = { S_INIT("unlisted"), S_INIT("validation-failure"), true },
	[MTASTS_VERDICT_NO_TLS] = { S_INIT("no-tls"), S_INIT("starttls-not-supported"), true },
	[MTASTS_VERDICT_UNTRUSTED] = { S_INIT("untrusted"), S_INIT("certificate-not-trusted"),
	    true },
	[MTASTS_VERDICT_NAME] = { S_INIT("name"), S_INIT("certificate-host-mismatch"), true },
	[MTASTS_VERDICT_FETCH] = { S_INIT("fetch"), S_INIT("sts-policy-fetch-error"), false },
	[MTASTS_VERDICT_DANE] = { S_INIT("dane"), S_INIT(""), false },
};

enum mtasts_action
mtasts_action(enum mtasts_mode mode, enum mtasts_verdict v)
{
	static const enum mtasts_action failed[] = {
		[MTASTS_NONE] = MTASTS_DELIVER,
		[MTASTS_TESTING] = MTASTS_REPORT,
		[MTASTS_ENFORCE] = MTASTS_SKIP,
	};
	ASSERT(v < MTASTS_VERDICTS && (size_t)mode < LEN(failed));
	return verdicts[v].fails ? failed[mode] : MTASTS_DELIVER;
}

str
mtasts_failure(enum mtasts_verdict v)
{
	ASSERT(v < MTASTS_VERDICTS);
	return verdicts[v].failure;
}

str
mtasts_word(enum mtasts_verdict v)
{
	ASSERT(v < MTASTS_VERDICTS);
	return verdicts[v].word;
}

enum mtasts_plan
mtasts_plan(const struct mtasts_kept *kept, str id, int64_t now_s)
{
	bool valid = kept->have && now_s < kept->until_s;
	bool tried = now_s - kept->tried_s < AGAIN_S && now_s >= kept->tried_s &&
	    str_eq(kept->tried_id, id);
	bool changed = id.n > 0 && !str_eq(kept->id, id);
	bool old = now_s - kept->fetched_s >= DAY_S;
	if (!valid) {
		return id.n == 0 || tried ? MTASTS_PLAN_NO_POLICY : MTASTS_PLAN_FETCH;
	}
	if (changed) {
		return tried ? MTASTS_PLAN_USE : MTASTS_PLAN_FETCH;
	}
	return old && !tried ? MTASTS_PLAN_REFRESH : MTASTS_PLAN_USE;
}
