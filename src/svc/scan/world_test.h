/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole scan process inside a test: its loop and handlers, with a played smtp, policy and resolve
 * at the other ends of real channels. Each says what the test wants and notes what it hears, a line
 * per message. Nothing waits for the clock but deadlines that are asked for.
 */
#ifndef SVC_SCAN_WORLD_TEST_H
#define SVC_SCAN_WORLD_TEST_H

#include "base/test.h"
#include "conf/conf.h"
#include "svc/scan/letter.h"

/* One name DNS knows, type TXT; text NULL: it never answers. Others do not exist. */
struct scan_world_name {
	const char *name, *text;
};

struct scan_world {
	struct svc_common sc;
	struct conf conf;
	struct svc_scan *scan;
	struct arena *scratch;
	int smtp, policy, resolve; /* our ends; -1: not there */

	/* What the peers do. */
	bool policy_silent, resolve_silent;
	struct ipc_scan_policy_judged judged; /* the answer; `request` is filled in */
	const struct scan_world_name *names;  /* ends with a name of NULL */

	/* What they heard. */
	struct buf
	    verdicts; /* "request result verdict/code/enhanced junk=0,2 score=1234 cuts=..." */
	struct buf headers; /* of all verdicts, each ended by an empty line */
	struct buf whys;    /* a line each */
	struct buf judges;  /* "ip domain sender accounts=.. looked=.. features=n" */
	struct buf ends;    /* "end score features=n" */
	unsigned verdicts_n, judges_n, ends_n, questions_n;
	struct buf in, out;
};

extern unsigned svc_scan_world_exits, svc_scan_world_rewires;

/* stages: SVC_SCAN_STAGES of them. All peers are wired. */
void svc_scan_world_open(struct scan_world *w, const struct svc_scan_stage *const *stages);
void svc_scan_world_close(struct scan_world *w);
/* The same in two steps: buffers and settings, which may be changed, then the rest. */
void svc_scan_world_outside(struct scan_world *w);
void svc_scan_world_start(struct scan_world *w, const struct svc_scan_stage *const *stages);
/* A new channel for an edge; *end is our side. */
void svc_scan_world_wire(struct scan_world *w, const char *edge, int *end);

/* A message for one recipient, account 7; texts are static. */
struct ipc_smtp_scan_letter svc_scan_world_letter(uint64_t request, str octets);
/* As part of the message, or as a file. */
void svc_scan_world_send(struct scan_world *w, const struct ipc_smtp_scan_letter *m);
void svc_scan_world_send_file(struct scan_world *w, const struct ipc_smtp_scan_letter *m,
    str octets);

/* Until nobody has anything to do. */
void svc_scan_world_settle(struct scan_world *w);
/* The same, and wait for the clock until there are so many verdicts. */
void svc_scan_world_wait(struct scan_world *w, unsigned verdicts);

#endif
