/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as RDATA of any type (the first two say which): decoders read nothing beyond the end,
 * and a name that was read can be written and read again.
 */
#include "base/wire.h"
#include "proto/dns/dns.h"

enum { TEXT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(str rdata)
{
	struct dns_name name, again;
	if (dns_cname(rdata, &name) != ERR_OK) {
		return;
	}
	struct buf wire;
	buf_init(&wire, DNS_WIRE_MAX);
	ASSERT(dns_name_put(&wire, dns_name_str(&name)) == ERR_OK);
	ASSERT(wire.n == rdata.n);
	ASSERT(dns_cname(buf_view(&wire), &again) == ERR_OK);
	ASSERT(str_eq(dns_name_str(&name), dns_name_str(&again)));
	buf_done(&wire);
}

/* Text of any kind as a name: what is taken can be read. */
static void
read_text(str text)
{
	struct buf wire;
	struct dns_name name;
	buf_init(&wire, DNS_WIRE_MAX);
	if (dns_name_put(&wire, text) == ERR_OK) {
		enum err e = dns_cname(buf_view(&wire), &name);
		ASSERT(e == ERR_OK || e == ERR_TOOBIG);
	}
	buf_done(&wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(str_make(data, size));
	uint16_t type = rd_be16(&r);
	str rdata = rd_bytes(&r, r.n);
	struct buf text;
	uint8_t ip[16];
	struct dns_mx mx;
	struct dns_srv srv;
	struct dns_tlsa tlsa;
	struct dns_caa caa;
	buf_init(&text, TEXT_MAX);
	enum err e = dns_text_put(&text, type, rdata);
	ASSERT(e == ERR_OK || text.n == 0);
	buf_reset(&text);
	e = dns_txt(rdata, &text);
	ASSERT(e != ERR_OK || text.n < rdata.n);
	ASSERT((dns_a(rdata, ip) == ERR_OK) == (rdata.n == 4));
	ASSERT((dns_aaaa(rdata, ip) == ERR_OK) == (rdata.n == 16));
	ASSERT(dns_mx(rdata, &mx) != ERR_OK || rdata.n >= 3);
	ASSERT(dns_srv(rdata, &srv) != ERR_OK || rdata.n >= 7);
	ASSERT(dns_tlsa(rdata, &tlsa) != ERR_OK || tlsa.data.n == rdata.n - 3);
	ASSERT(dns_caa(rdata, &caa) != ERR_OK || caa.tag.n + caa.value.n == rdata.n - 2);
	round_trip(rdata);
	read_text(rdata);
	buf_done(&text);
	return 0;
}
