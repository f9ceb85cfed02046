/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a search program over one mailbox, for SEARCH, SORT, THREAD and ESEARCH. Flags and sizes
 * come from the packed pages, header fields and dates from facts, other texts from texts.h.
 */
#ifndef SVC_ACCOUNT_IMAP_SEARCH_SEARCH_H
#define SVC_ACCOUNT_IMAP_SEARCH_SEARCH_H

#include "svc/account/imap/search/facts.h"
#include "svc/account/imap/search/texts.h"

struct svc_account_imap_search;

/* What is done with a message that matches: x->msg, x->seq, x->score. An error ends the search. */
typedef enum err svc_account_imap_search_found(void *ctx, const struct svc_account_imap_search *x);

struct svc_account_imap_search {
	struct svc_account_imap *s;
	const struct svc_account_imap_box
	    *box;                            /* the selected mailbox, or another one looked into */
	struct imap_search_program *program; /* as parsed; the same one may be run several times */
	svc_account_imap_search_found *found;
	void *ctx;
	bool limited;    /* by RFC 9738, as SEARCH is and SORT is not */
	bool asks_facts; /* found(), or the caller afterwards, will ask facts about what is found */
	bool scored;     /* found() asks for the score, of a program with FUZZY */
	struct svc_account_imap_facts facts; /* good until done */
	struct svc_account_imap_texts texts;

	uint32_t seq; /* of the message at hand */
	const struct store_msg *msg;
	unsigned score; /* of it: 1 to 100 */
	int64_t now_s;
	uint8_t *scores; /* when scored: of each node */
};

/*
 * Make ready what does not depend on the mailbox: fold texts, enable CONDSTORE for MODSEQ. The time
 * that imap.search-time gives to the command, in however many mailboxes, begins.
 *
 * Errors  BUDGET, NOMEM
 */
enum err svc_account_imap_search_begin(struct svc_account_imap *s,
    struct imap_search_program *program);

/*
 * Ask about every message of the mailbox that can match, in mailbox order. Message numbers and uids
 * that do not exist match nothing (RFC 7377 2).
 *
 * In      x: s, box, program, found, ctx; done in any case afterwards
 * Errors  what the store and found() give; BUDGET
 * RFC     9051 6.4.4, 5032
 */
enum err svc_account_imap_search_run(struct svc_account_imap_search *x);
void svc_account_imap_search_done(struct svc_account_imap_search *x);

/* What was found, as it is told by SEARCH, ESEARCH and SORT RETURN. */
struct svc_account_imap_result {
	struct svc_account_imap *s;
	const struct imap_search_args *args;
	const struct svc_account_imap_box *box;
	bool uid;
	struct store_set found; /* uids */
	uint32_t min, max;      /* uids, by the order of the answer; 0: none */
	uint64_t min_modseq, max_modseq, highest;
	uint64_t partial_modseq; /* highest among those of PARTIAL */
	const uint32_t *sorted;  /* uids in the order asked for, or NULL: ascending */
	uint8_t *scores;         /* when RELEVANCY is asked for: in the order of the answer */
	size_t noted;            /* of them */
	str tag, mailbox;        /* mailbox: named in the response unless empty */
};

/*
 * Room for the scores of everything in the mailbox, if they are asked for.
 *
 * Errors  BUDGET
 */
enum err svc_account_imap_search_result_init(struct svc_account_imap_result *r);

/*
 * Run a program for the result, as SEARCH and ESEARCH do: limited, by rising uids.
 *
 * In      r: its first members; r->found is released by the caller in any case
 * Errors  as svc_account_imap_search_run
 */
enum err svc_account_imap_search_result_run(struct svc_account_imap_result *r,
    struct imap_search_program *program);

/*
 * Write what was asked for, and keep it for "$" when that was asked for, too.
 *
 * In      r: everything found, in order; ret: IMAP_RETURN_*
 * Errors  DB, NOMEM, BUDGET
 * RFC     9051 7.3.4; 4731 3.1; 5182 2.4; 9394 3; 7377 2.1
 */
enum err svc_account_imap_search_result_answer(struct svc_account_imap_result *r, unsigned ret);
/* The number of a uid in the answer. */
uint32_t svc_account_imap_search_result_number(const struct svc_account_imap_result *r,
    uint32_t uid);
/* A command with SAVE has failed: NO empties the result, BAD does not (RFC 5182 2.1). */
void svc_account_imap_search_result_failed(struct svc_account_imap *s, unsigned ret, enum err e);

/* The other commands (cmd_search.c), each with its refresh and answers. */
enum err svc_account_imap_search_sort(struct svc_account_imap *s, struct imap_command *cmd);
enum err svc_account_imap_search_thread(struct svc_account_imap *s, struct imap_command *cmd);
enum err svc_account_imap_search_mailboxes(struct svc_account_imap *s, struct imap_command *cmd);

#endif
