/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan process: smtp gives it a whole letter and what is known of the peer; stages look at it
 * side by side until the letter's deadline; verdict.c adds up and answers. A stage sees a letter
 * only through this header. Read: service.c, letter.c, stage.c, verdict.c.
 */
#ifndef SVC_SCAN_SCAN_H
#define SVC_SCAN_SCAN_H

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "filter/filter.h"
#include "ipc/smtp_scan.h"
#include "mail/mime.h"
#include "svc/common/service.h"
#include "svc/scan/facts.h"
#include "svc/scan/limits.h"

struct conf;
struct svc_scan;
struct svc_scan_letter;

/* --- what a stage says about a letter -------------------------------------------------------- */

/* What a stage wants done, the strongest wins: REFUSE > LATER > JUNK > GO. */
enum svc_scan_wish { SVC_SCAN_GO, SVC_SCAN_JUNK, SVC_SCAN_LATER, SVC_SCAN_REFUSE };

/* How a stage ended. */
enum svc_scan_end {
	SVC_SCAN_OPEN,   /* not begun or under way */
	SVC_SCAN_DONE,   /* it has looked */
	SVC_SCAN_SKIP,   /* not wanted for this letter, or not configured */
	SVC_SCAN_ABSENT, /* what it needs is not there: its own rule says what then */
	SVC_SCAN_LATE,   /* the letter's deadline came first */
};

/* --- stages ---------------------------------------------------------------------------------- */

enum svc_scan_stage_id {
	SVC_SCAN_AUTH,   /* auth.c: DKIM, ARC, DMARC */
	SVC_SCAN_VIRUS,  /* virus.c: clamd */
	SVC_SCAN_MILTER, /* milter.c */
	SVC_SCAN_JUDGE,  /* judge.c: words and fame, by policy; begins when auth has ended */
	SVC_SCAN_STAGES,
};

/*
 * A stage. `begin` may end at once by svc_scan_stage_done, or later from its own events; it must
 * not keep anything of the letter beyond `cancel`, which comes when the deadline is over or
 * l->gone, and only between begin and done; after the deadline it may still say what the stage's
 * own rule wants (svc_scan_refuse). The letter outlives the callback that called
 * svc_scan_stage_done. The functions of the process may be NULL.
 */
struct svc_scan_stage {
	const char *name; /* in logs, status and header: "virus" */
	/* False: it has nothing to do with this letter. NULL: with each. */
	bool (*wanted)(const struct svc_scan_letter *l);
	void (*begin)(struct svc_scan_letter *l);
	void (*cancel)(struct svc_scan_letter *l);

	/* Outside the sandbox; keep what it needs in s->stage[id]. */
	enum err (*init)(struct svc_scan *s);
	/* Paths and sets it needs. */
	enum err (*profile)(struct svc_common *sc, struct sys_sandbox_profile *p);
	/* Inside the sandbox. */
	enum err (*start)(struct svc_scan *s);
	void (*reload)(struct svc_scan *s); /* s->sc->conf is new */
	/* Lines "key=value\n"; keys begin with the stage's name. */
	void (*status)(struct svc_scan *s, struct buf *facts);
	void (*done)(struct svc_scan *s); /* free what init and start took */
};

extern const struct svc_scan_stage svc_scan_auth_stage, svc_scan_virus_stage, svc_scan_milter_stage,
    svc_scan_judge_stage;

/* --- a letter -------------------------------------------------------------------------------- */

enum { SVC_SCAN_MAGIC = 0x4c455453 };
/* `verdict` of record reply. */
enum { SVC_SCAN_REPLY_GO = 1, SVC_SCAN_REPLY_LATER = 2, SVC_SCAN_REPLY_REFUSE = 3 };

/* A field that somebody wants in the letter: name without colon, value folded as it is to be. */
struct svc_scan_added {
	str name, value;
};

struct svc_scan_letter {
	uint32_t magic;
	struct svc_scan *scan;
	struct list node;    /* of scan->letters */
	struct arena *arena; /* SVC_SCAN_LETTER_BUDGET; the letter itself lies in it */
	struct sys_timer deadline;
	int64_t began_ms;
	uint64_t id; /* our number; never used again */

	/* Octets: borrowed by everybody, constant, CRLF line ends as smtp took them. */
	str octets;            /* all of it */
	size_t held;           /* octets of memory counted for it */
	str header;            /* with the empty line */
	struct mail_mime mime; /* parts[0] is the letter */
	int fd;                /* the file that holds octets; -1: it came in the message */

	/* From smtp; texts live in the arena. */
	const struct svc_common_link *smtp; /* who asked */
	struct ipc_smtp_scan_letter m;      /* `body` is empty here: octets */

	/* What the stages say. */
	enum svc_scan_end ended[SVC_SCAN_STAGES];
	void *stage[SVC_SCAN_STAGES]; /* each stage's own state, in the arena */
	struct svc_scan_auth_facts auth;
	struct filter_part parts[SVC_SCAN_PARTS_MAX]; /* kind OTHER, by svc_scan_say */
	size_t parts_n;
	enum svc_scan_wish wish;
	struct ipc_common_reply reply; /* of the strongest wish when LATER or REFUSE */
	struct svc_scan_added added[SVC_SCAN_ADDED_MAX];
	size_t added_n;
	size_t cut_at[SVC_SCAN_CUTS_MAX], cut_at_n; /* offsets of fields to be left out */
	bool *junk_one; /* of each target: its copy is junk; NULL: nobody said so */
	bool virus;     /* an ending of its own in statistics; nothing is learned from it */
	bool gone;      /* nobody waits for the verdict any more: `cancel` is only to let go */

	struct filter_seen seen;       /* by stage judge */
	struct svc_scan_judged judged; /* what policy said */

	bool began[SVC_SCAN_STAGES];
	struct sys_task step;
	struct list questions; /* to DNS, open ones */
	unsigned questions_n;  /* so far */
	struct sys_timer dns_deadline;
	bool dns_half; /* half of its time is over */
	bool dns_over; /* there will be no more answers */
};

/* The stage has ended; nothing of it may come later. Asserts that it was open. */
void svc_scan_stage_done(struct svc_scan_letter *l, enum svc_scan_stage_id id,
    enum svc_scan_end how);

/*
 * Say something about the letter that goes into its explanation: points in thousandths (0: only
 * said), and why. When there is no room left the points are added to the last part.
 *
 * In      word: static; letters, digits, "-"; detail: static or in the letter's arena; never
 *         contents of the letter or local parts, empty: none
 */
void svc_scan_say(struct svc_scan_letter *l, str word, str detail, int64_t points);

/* Junk for all recipients, whatever the points are; the reason is said with svc_scan_say. */
void svc_scan_junk(struct svc_scan_letter *l);

/*
 * Refuse (5yz) or put off (4yz) for all recipients.
 *
 * In      enhanced "5.7.1", text: static or in the letter's arena, ASCII, one line
 */
void svc_scan_refuse(struct svc_scan_letter *l, uint16_t code, str enhanced, str text);

/* A field to be put above the letter. Texts in the letter's arena. False: too many. */
bool svc_scan_add_field(struct svc_scan_letter *l, str name, str value);
/* Leave out the field at this octet of the letter; Junk for one target alone. False: no room. */
bool svc_scan_cut_field(struct svc_scan_letter *l, size_t at);
bool svc_scan_junk_one(struct svc_scan_letter *l, size_t target);

/* --- questions to DNS ------------------------------------------------------------------------ */

struct svc_scan_dns_answer {
	/* OK (n == 0: no such type); NOTFOUND: no such name; AGAIN: no answer; CORRUPT: bogus. */
	enum err result;
	uint8_t trust;    /* enum dns_trust */
	const str *rdata; /* proto/dns decodes; valid during the call */
	size_t n;
};

/*
 * Ask; `fn` is called once, never from inside this call, and not at all when the letter ends first.
 * Without resolve, and when scan.dns-deadline is over, the answer is AGAIN.
 *
 * In      name: A-labels, no dot at the end, copied; type: enum dns_type
 * Out     false: not asked, and `fn` will not be called: no memory, or SVC_SCAN_QUESTIONS_MAX
 */
bool svc_scan_dns(struct svc_scan_letter *l, str name, uint16_t type,
    void (*fn)(void *ctx, const struct svc_scan_dns_answer *a), void *ctx) NODISCARD;

/*
 * The same for what must be known before more can be asked: it has half of the time, so that a name
 * which never answers takes none from the questions behind it.
 */
bool svc_scan_dns_early(struct svc_scan_letter *l, str name, uint16_t type,
    void (*fn)(void *ctx, const struct svc_scan_dns_answer *a), void *ctx) NODISCARD;

/* --- the process ----------------------------------------------------------------------------- */

struct svc_scan_counters {
	uint64_t letters, submissions, octets, passed, junk, refused, later, viruses, failed;
	uint64_t late, lost, untold, waited, questions, unanswered, cuts;
	uint64_t absent[SVC_SCAN_STAGES];
};

struct svc_scan {
	struct svc_common *sc;
	struct svc_common_link smtps[SVC_SCAN_SMTPS_MAX];
	struct svc_common_link policy, resolve, watch;
	const struct svc_scan_stage *const *stages; /* SVC_SCAN_STAGES; NULL: not there */
	void *stage[SVC_SCAN_STAGES];
	struct list letters;
	size_t letters_n, octets; /* in memory now, with what is noted of them */
	struct arena *spare[SVC_SCAN_SPARE_MAX];
	size_t spare_n;
	bool paused, quitting;
	struct map *open, *questions; /* letters and questions to DNS by their numbers */
	uint64_t next_id;
	struct arena *scratch; /* one message */
	struct buf out;
	struct svc_scan_counters count;
};

/* The process that a link belongs to. */
static inline struct svc_scan *
svc_scan_of(const struct svc_common_link *l)
{
	return l->sc->ctx;
}

extern const struct svc_common_service svc_scan_service;

#endif
