/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PROXY headers, good and bad, each cut at every octet: a prefix of a good one is "not yet", never
 * an answer, and nothing behind the header is touched.
 */
#include "base/codec.h"
#include "base/test.h"
#include "proto/proxy/proxy.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
/* 192.0.2.1:12345 to 198.51.100.2:25, and 2001:db8::7 port 1 to 2001:db8::8 port 993. */
#define V4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x00\x19"
#define NET6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
#define V6 NET6 "\x07" NET6 "\x08\x00\x01\x03\xe1"

struct vector {
	const char *name;
	str in;
	enum err want;
	bool known;
	str source; /* 16 octets */
	uint16_t source_port, target_port;
};

static const struct vector vectors[] = {
	{ "IPv4", S_INIT(SIG "\x21\x11\0\x0c" V4), ERR_OK, true,
	    S_INIT("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"), 12345, 25 },
	{ "IPv6", S_INIT(SIG "\x21\x21\0\x24" V6), ERR_OK, true,
	    S_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"), 1, 993 },
	{ "IPv4 with TLVs", S_INIT(SIG "\x21\x11\0\x14" V4 "\x04\0\0\x01\0\x02hi"), ERR_OK, true,
	    S_INIT("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"), 12345, 25 },
	{ "LOCAL", S_INIT(SIG "\x20\x00\0\0"), ERR_OK, false, S_INIT(""), 0, 0 },
	{ "LOCAL with leavings", S_INIT(SIG "\x20\xff\0\x02xy"), ERR_OK, false, S_INIT(""), 0, 0 },
	{ "unspecified", S_INIT(SIG "\x21\x00\0\x03xyz"), ERR_OK, false, S_INIT(""), 0, 0 },
	{ "version 1", S_INIT("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), ERR_SYNTAX, false, S_INIT(""),
	    0, 0 },
	{ "no header at all", S_INIT("EHLO a\r\nEHLO b\r\nEHLO c"), ERR_SYNTAX, false, S_INIT(""),
	    0, 0 },
	{ "version 3", S_INIT(SIG "\x31\x11\0\x0c" V4), ERR_UNSUPPORTED, false, S_INIT(""), 0, 0 },
	{ "command 2", S_INIT(SIG "\x22\x11\0\x0c" V4), ERR_UNSUPPORTED, false, S_INIT(""), 0, 0 },
	{ "datagram", S_INIT(SIG "\x21\x12\0\x0c" V4), ERR_UNSUPPORTED, false, S_INIT(""), 0, 0 },
	{ "family 4", S_INIT(SIG "\x21\x41\0\x0c" V4), ERR_UNSUPPORTED, false, S_INIT(""), 0, 0 },
	{ "IPv4 too short", S_INIT(SIG "\x21\x11\0\x0b" V4), ERR_SYNTAX, false, S_INIT(""), 0, 0 },
	{ "IPv6 too short", S_INIT(SIG "\x21\x21\0\x0c" V4), ERR_SYNTAX, false, S_INIT(""), 0, 0 },
	{ "UNIX too short", S_INIT(SIG "\x21\x31\0\x0c" V4), ERR_SYNTAX, false, S_INIT(""), 0, 0 },
	{ "TLV beyond the end", S_INIT(SIG "\x21\x11\0\x10" V4 "\x04\0\x02x"), ERR_SYNTAX, false,
	    S_INIT(""), 0, 0 },
	{ "half a TLV", S_INIT(SIG "\x21\x11\0\x0e" V4 "\x04\0"), ERR_SYNTAX, false, S_INIT(""), 0,
	    0 },
	{ "wrong checksum", S_INIT(SIG "\x21\x11\0\x13" V4 "\x03\0\x04\0\0\0\0"), ERR_SYNTAX, false,
	    S_INIT(""), 0, 0 },
	{ "checksum of three octets", S_INIT(SIG "\x21\x11\0\x12" V4 "\x03\0\x03\0\0\0"),
	    ERR_SYNTAX, false, S_INIT(""), 0, 0 },
	{ "too long", S_INIT(SIG "\x21\x11\xff\xff" V4), ERR_TOOBIG, false, S_INIT(""), 0, 0 },
};

static void
check_good(const struct vector *v, const struct proxy_header *h, size_t used)
{
	CHECK_U64(used, v->in.n);
	CHECK(h->known == v->known);
	CHECK_U64(h->source_port, v->source_port);
	CHECK_U64(h->target_port, v->target_port);
	if (v->known) {
		CHECK_STR(str_make(h->source_ip, 16), v->source);
	}
}

static void
headers(void)
{
	for (size_t i = 0; i < LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct proxy_header h = { 0 };
		size_t used = 0;
		test_case = v->name;
		CHECK_ERR(proxy_decode(v->in, &h, &used), v->want);
		if (v->want == ERR_OK) {
			check_good(v, &h, used);
			CHECK_U64(proxy_need(v->in), v->in.n);
		}
	}
}

static void
every_prefix_waits(void)
{
	for (size_t i = 0; i < LEN(vectors); i++) {
		for (size_t n = 0; n < vectors[i].in.n && vectors[i].want == ERR_OK; n++) {
			struct proxy_header h = { .source_port = 7 };
			size_t used = 99;
			test_case = vectors[i].name;
			CHECK_ERR(proxy_decode(str_sub(vectors[i].in, 0, n), &h, &used), ERR_AGAIN);
			CHECK(used == 99 && h.source_port == 7);
			CHECK(proxy_need(str_sub(vectors[i].in, 0, n)) > n);
		}
	}
}

static void
octets_behind_are_not_touched(void)
{
	struct proxy_header h;
	size_t used;
	str in = S(SIG "\x21\x11\0\x0c" V4 "EHLO a\r\n");
	CHECK_ERR(proxy_decode(in, &h, &used), ERR_OK);
	CHECK_STR(str_from_off(in, used), S("EHLO a\r\n"));
}

static void
a_right_checksum_passes(void)
{
	char text[] = SIG "\x21\x11\0\x13" V4 "\x03\0\x04\0\0\0\0";
	size_t n = sizeof text - 1, used;
	uint32_t crc = crc32c(0, text, n);
	struct proxy_header h;
	for (unsigned i = 0; i < 4; i++) {
		text[n - 1 - i] = (char)(crc >> 8 * i);
	}
	CHECK_ERR(proxy_decode(str_make(text, n), &h, &used), ERR_OK);
	text[17] ^= 1;
	CHECK_ERR(proxy_decode(str_make(text, n), &h, &used), ERR_SYNTAX);
}

static void
many_tlvs_are_refused(void)
{
	char text[16 + 12 + 3 * (PROXY_TLVS_MAX + 1)] = SIG "\x21\x11";
	size_t used, body = sizeof text - 16;
	struct proxy_header h;
	memcpy(text + 16, V4, 12);
	memset(text + 28, 0, sizeof text - 28);
	text[14] = (char)(body >> 8);
	text[15] = (char)body;
	CHECK_ERR(proxy_decode(str_make(text, sizeof text), &h, &used), ERR_TOOBIG);
	text[14] = (char)((body - 3) >> 8);
	text[15] = (char)(body - 3);
	CHECK_ERR(proxy_decode(str_make(text, sizeof text), &h, &used), ERR_OK);
}

TEST_MAIN(headers, every_prefix_waits, octets_behind_are_not_touched, a_right_checksum_passes,
    many_tlvs_are_refused)
