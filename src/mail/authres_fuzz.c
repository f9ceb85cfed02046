/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of strangers: reading ends and stays within the field, a field that reads as ours is found
 * to claim it, and what we write of the same octets is ours and is read back whole.
 */
#include "mail/authres.h"
#include "mail/results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "mx.example.net"

static void
within(str part, str whole)
{
	ASSERT(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void
read_it(str in)
{
	struct mail_authres_reader r;
	struct mail_authres_read one;
	struct buf id, value;
	size_t n = 0;
	buf_init(&id, 1 << 16);
	buf_init(&value, 1 << 16);
	bool read = mail_authres_begin(in, &id, &r) == ERR_OK;
	if (read && str_ieq(buf_view(&id), S(ID))) {
		ASSERT(mail_authres_claims(in, S(ID)));
	}
	while (read && mail_authres_next(&r, &one)) {
		within(one.method, in);
		within(one.properties, in);
		ASSERT(one.method.n > 0 && one.result.n > 0 && ++n <= MAIL_AUTHRES_READ_MAX);
		buf_reset(&value);
		(void)mail_authres_property(&one, S("smtp"), S("mailfrom"), &value);
	}
	buf_done(&id);
	buf_done(&value);
}

/* The octets as comment, reason and value of a result of ours. */
static void
write_it(str in)
{
	struct mail_authres_reader r;
	struct mail_authres_read one;
	struct mail_authres_result result = { .method = S("spf"), .result = MAIL_AUTHRES_PASS };
	struct buf out, value;
	result.comment = str_sub(in, 0, in.n / 3);
	result.reason = str_sub(in, in.n / 3, in.n / 3);
	result.n = 1;
	result.property[0] = (struct mail_authres_property){ S("smtp"), S("mailfrom"),
		str_from_off(in, in.n / 2) };
	buf_init(&out, 1 << 20);
	buf_init(&value, 1 << 16);
	mail_authres_payload_put(&out, S(ID), &result, 1);
	ASSERT(buf_err(&out) == ERR_OK && mail_authres_claims(buf_view(&out), S(ID)));
	ASSERT(mail_authres_begin(buf_view(&out), &value, &r) == ERR_OK);
	ASSERT(mail_authres_next(&r, &one) && str_eq(one.result, S("pass")));
	buf_reset(&value);
	ASSERT(mail_authres_property(&one, S("smtp"), S("mailfrom"), &value));
	ASSERT(value.n == result.property[0].value.n);
	ASSERT(!mail_authres_next(&r, &one) && r.rest.n == 0);
	buf_done(&out);
	buf_done(&value);
}

/* As the header of a stored letter: what is kept of it fits, and comes back. */
static void
keep_it(str in)
{
	char room[MAIL_RESULTS_PUT_MAX];
	struct mail_results r, back;
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	if (mail_results_read(in, &r)) {
		within(r.reason, in);
		mail_results_put(&b, &r);
		ASSERT(buf_err(&b) == ERR_OK && mail_results_get(buf_view(&b), &back) == ERR_OK);
		ASSERT(str_eq(back.reason, r.reason) && back.score == r.score);
	}
	(void)mail_results_get(in, &back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size);
	struct mail_field f;
	if (size > (16 << 10)) {
		return 0;
	}
	struct mail_header h = mail_header_make(in);
	while (mail_authres_forged_next(&h, S(ID), &f)) {
		within(f.raw, in);
		ASSERT(str_eq(str_sub(in, f.offset, f.raw.n), f.raw));
	}
	read_it(in);
	write_it(in);
	keep_it(in);
	return 0;
}
