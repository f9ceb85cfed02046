/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A date that was read is read the same after it was written.
 */
#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size);
	char room[100];
	struct buf b;
	struct mail_date d, again;
	int32_t day, day_again;
	buf_init_fixed(&b, room, sizeof room);
	if (mail_date_parse(in, &d) == ERR_OK) {
		mail_date_put(&b, d.unix_s, d.zone_min);
		ASSERT(buf_err(&b) == ERR_OK);
		int64_t local_s = d.unix_s + d.zone_min * 60;
		ASSERT(mail_date_parse(buf_view(&b), &again) == ERR_OK || local_s < -2208988800);
	}
	buf_reset(&b);
	if (mail_imap_datetime_parse(in, &d) == ERR_OK) {
		mail_imap_datetime_put(&b, d.unix_s, d.zone_min);
		ASSERT(mail_imap_datetime_parse(buf_view(&b), &again) == ERR_OK);
		ASSERT(again.unix_s == d.unix_s && again.zone_min == d.zone_min);
	}
	buf_reset(&b);
	if (mail_imap_date_parse(in, &day) == ERR_OK) {
		mail_imap_date_put(&b, day);
		ASSERT(mail_imap_date_parse(buf_view(&b), &day_again) == ERR_OK &&
		    day == day_again);
	}
	return 0;
}
