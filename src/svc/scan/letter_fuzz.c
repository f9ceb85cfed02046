/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a letter, through the whole process with its real stages; the first octets say what
 * smtp knows of the peer. Each letter gets exactly one verdict, and nothing of it is left behind.
 */
#include "svc/scan/world_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FACTS = 4, LETTER_MAX = 60000 };

static struct scan_world *
world(void)
{
	static const struct scan_world_name names[] = { { "_dmarc.b.test", "v=DMARC1; p=reject" },
		{ "s._domainkey.b.test",
		    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" },
		{ NULL, NULL } };
	static struct scan_world w;
	if (w.scan == NULL) {
		svc_scan_world_open(&w, svc_scan_stages);
		w.names = names;
	}
	return &w;
}

static void
forget(struct scan_world *w)
{
	struct buf *heard[] = { &w->verdicts, &w->headers, &w->whys, &w->judges, &w->ends };
	for (size_t i = 0; i < LEN(heard); i++) {
		buf_reset(heard[i]);
	}
	w->verdicts_n = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan_world *w = world();
	if (size < FACTS || size > LETTER_MAX) {
		return 0;
	}
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1,
	    str_make(data + FACTS, size - FACTS));
	m.submission = (data[0] & 1) != 0;
	m.trust.manners = data[0] >> 1;
	m.trust.spf = data[1] % MAIL_AUTHRES_RESULTS;
	m.trust.spf_helo = data[1] / 16 % MAIL_AUTHRES_RESULTS;
	m.trust.iprev = data[2] % MAIL_AUTHRES_RESULTS;
	w->judged = (struct ipc_scan_policy_judged){ .words = (int64_t)data[3] * 50 };
	svc_scan_world_send(w, &m);
	svc_scan_world_settle(w);
	ASSERT(w->verdicts_n == 1 && w->scan->letters_n == 0 && w->scan->octets == 0);
	ASSERT(map_count(w->scan->questions) == 0 &&
	    str_starts(buf_view(&w->verdicts), S("1 OK ")));
	forget(w);
	return 0;
}
