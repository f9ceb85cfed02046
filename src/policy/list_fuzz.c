/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of DNS lists, then names and answers with whatever rule came out.
 */
#include "policy/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_list l;
	struct policy_list_said said = { 0 };
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	char text[POLICY_LIST_NAME + 1];
	struct buf out;
	str in = str_make(data, size);

	if (size < 4 || policy_list_parse(str_from_off(in, 4), (data[0] & 1) != 0, &l) != ERR_OK) {
		return 0;
	}
	memcpy(ip + 13, data + 1, 3);
	policy_list_hear(&l, ip, &said);
	ASSERT(said.listed || said.points == 0);
	buf_init_fixed(&out, text, sizeof text);
	if (policy_list_ip_put(&out, &l, ip) == ERR_OK) {
		ASSERT(str_ends(buf_view(&out), l.zone));
	}
	buf_reset(&out);
	(void)(policy_list_test_put(&out, &l, true) == ERR_OK);
	buf_reset(&out);
	(void)(policy_list_name_put(&out, &l, str_sub(in, 0, 300)) == ERR_OK);
	return 0;
}
