/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared mailboxes in a session. An owner's session keeps access control lists (acl.c). A visitor's
 * session asks accounts (ask.c) for a guest process in the owner's folder and hands it every
 * command that is about a shared mailbox (visit.c, pass.c, carry.c). The guest (guest.c) is an
 * ordinary session on the owner's store, restricted to what the lists give the visitor: it decides,
 * the visitor's process only passes octets on. Included by session.h. doc/why/ has the reasons.
 */
#ifndef SVC_ACCOUNT_IMAP_SHARED_SHARED_H
#define SVC_ACCOUNT_IMAP_SHARED_SHARED_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/limits.h"

struct svc_account_imap;
struct store_mailbox;
struct imap_command;
struct imap_list_args;

enum {
	SVC_ACCOUNT_IMAP_VISITS_MAX = 4, /* guest processes one session keeps */
	SVC_ACCOUNT_IMAP_ASK_MS = 5000,  /* wait for an answer of accounts */
	SVC_ACCOUNT_IMAP_SHARED_BUDGET = 1 << 20,
	/* One COPY or MOVE between accounts: messages, their octets (they lie in a file of the
	 * target's folder until all are there, and its mailboxes are locked while they are stored),
	 * and memory for the list. */
	SVC_ACCOUNT_IMAP_SPOOL_LETTERS = STORE_APPEND_MAX,
	SVC_ACCOUNT_IMAP_SPOOL_MAX = 1 << 30,
	SVC_ACCOUNT_IMAP_SPOOL_BUDGET = 96 << 20,
};

struct svc_account_imap_sharer {
	uint64_t account;
	str name;
};

struct svc_account_imap_visit {
	uint64_t owner;
	char name[320];
	size_t name_n;
	int chan, stream;
	uint64_t got;  /* octets that came out of the stream */
	uint64_t owed; /* and that the guest says it wrote */
	bool open, done, selected, ended;
	enum err result;
};

struct svc_account_imap_carry;

struct svc_account_imap_shared {
	/* the question to accounts under way */
	uint64_t request;
	bool answered;
	enum err result;
	struct svc_account_imap_sharer who; /* answer of `share` */
	struct svc_account_imap_sharer *list;
	size_t list_n;
	int stream, chan;
	struct arena *arena; /* of the last answer */

	/* a visitor */
	str raw; /* the command being run */
	struct svc_account_imap_visit visits[SVC_ACCOUNT_IMAP_VISITS_MAX];
	struct svc_account_imap_visit *talking; /* with whom a message is exchanged */
	struct svc_account_imap_visit *at;      /* whose mailbox is selected, or NULL */
	struct svc_account_imap_carry *carry;   /* COPY or MOVE between accounts under way */
	struct svc_account_imap_visit *passing; /* who gets the octets of the APPEND under way */
	bool passing_lost;                      /* but does not take them any more */

	/* a guest */
	str prefix;             /* of all names, with its "/"; empty: not a guest */
	uint64_t open;          /* the selected mailbox, */
	unsigned rights;        /* and the rights in it */
	uint64_t target;        /* the mailbox that messages may be added to; 0: none */
	unsigned target_rights; /* the rights in that */
};

/* ---- acl.c ---- */

/* The commands of RFC 4314; called by the handlers of commands.def. */
enum err svc_account_imap_shared_setacl(struct svc_account_imap *s, struct imap_command *cmd);
/* RFC 4314 3.2 */
enum err svc_account_imap_shared_deleteacl(struct svc_account_imap *s, struct imap_command *cmd);
/* RFC 4314 3.3 */
enum err svc_account_imap_shared_getacl(struct svc_account_imap *s, struct imap_command *cmd);
/* RFC 4314 3.4 */
enum err svc_account_imap_shared_listrights(struct svc_account_imap *s, struct imap_command *cmd);
/* RFC 4314 3.5 */
enum err svc_account_imap_shared_myrights(struct svc_account_imap *s, struct imap_command *cmd);
/* IMAP_RIGHT_* of whoever this session serves; the owner has all. */
enum err svc_account_imap_shared_rights(struct svc_account_imap *s, uint64_t mailbox,
    unsigned *ret);
/* "* MYRIGHTS name rights" for LIST (RFC 8440). */
enum err svc_account_imap_shared_put_myrights(struct svc_account_imap *s,
    const struct store_mailbox *m);

/* ---- ask.c ---- */

struct ipc_accounts_account_shared;
struct ipc_accounts_account_sharers;
struct ipc_accounts_account_visiting;
/* Handler of the control channel: the answer to ask_share. */
enum err svc_account_imap_shared_on_shared(void *s, const struct ipc_accounts_account_shared *m,
    int *fd);
/* The answer to ask_sharers. */
enum err svc_account_imap_shared_on_sharers(void *s, const struct ipc_accounts_account_sharers *m,
    int *fd);
/* The answers to ask_visit: two descriptors, kept in `stream` and `chan`. */
enum err svc_account_imap_shared_on_visiting(void *s, const struct ipc_accounts_account_visiting *m,
    int *fd);
/* Who is `name`? With `on` it is a guest from now on. NOTFOUND, DENIED, TOOMANY, UNAVAILABLE. */
enum err svc_account_imap_shared_ask_share(struct svc_account_imap *s, str name, bool on);
/* Who shares with us? Into `list`, until the next question. UNAVAILABLE. */
enum err svc_account_imap_shared_ask_sharers(struct svc_account_imap *s);
/* Start a guest process there. NOTFOUND, DISABLED, BUSY, UNAVAILABLE. */
enum err svc_account_imap_shared_ask_visit(struct svc_account_imap *s, uint64_t owner);

/* ---- visit.c ---- */

/* "Other Users" or below. */
bool svc_account_imap_shared_is_name(str name);
/* True when the command is about a shared mailbox and was dealt with, answer and all. */
bool svc_account_imap_shared_visit_run(struct svc_account_imap *s, struct imap_command *cmd,
    str raw);
/* The rows of others for LIST. */
enum err svc_account_imap_shared_visit_list(struct svc_account_imap *s,
    const struct imap_list_args *l);
/* The guest has said something while we wait. */
void svc_account_imap_shared_visit_news(struct svc_account_imap *s);
/* IDLE begins or ends. */
void svc_account_imap_shared_visit_idle(struct svc_account_imap *s, bool on);
/* Leave the shared mailbox that is selected. */
void svc_account_imap_shared_visit_leave(struct svc_account_imap *s);
/* End all visits. */
void svc_account_imap_shared_visit_done(struct svc_account_imap *s);
/* Read and pass on until the guest has answered. Private to this folder, as are the next two. */
enum err svc_account_imap_shared_visit_pump(struct svc_account_imap *s,
    struct svc_account_imap_visit *v);
/* The guest of the owner that a name belongs to. NOTFOUND, and what ask_visit gives. */
enum err svc_account_imap_shared_visit_of(struct svc_account_imap *s, str name,
    struct svc_account_imap_visit **ret);
/* The guest is gone or broken. When its mailbox is selected, the session ends. Always BUSY. */
enum err svc_account_imap_shared_visit_lost(struct svc_account_imap *s,
    struct svc_account_imap_visit *v);
/* After `done`: what the guest says of itself. */
void svc_account_imap_shared_visit_settle(struct svc_account_imap *s,
    struct svc_account_imap_visit *v);

/* ---- carry.c: COPY and MOVE between accounts ---- */

struct ipc_account_guest_letter;
struct ipc_account_guest_piece;
struct ipc_account_guest_kept;
/*
 * COPY or MOVE out of a shared mailbox, into one, or both: all of the messages or none (RFC 9051
 * 6.4.7). None is removed before its copy is durable.
 *
 * In      to: the guest that has the target, or NULL for one of our own; the selected mailbox is
 *         the source
 */
enum err svc_account_imap_shared_visit_copy(struct svc_account_imap *s, struct imap_command *cmd,
    struct svc_account_imap_visit *to);
/* Handler: a message begins. */
enum err svc_account_imap_shared_on_letter(void *s, const struct ipc_account_guest_letter *m,
    int *fd);
/* Handler: some of its octets. */
enum err svc_account_imap_shared_on_piece(void *s, const struct ipc_account_guest_piece *m,
    int *fd);
/* Handler: the guest has stored all that it got. */
enum err svc_account_imap_shared_on_kept(void *s, const struct ipc_account_guest_kept *m, int *fd);

/* ---- pass.c: APPEND and REPLACE in a shared mailbox ---- */

struct imap_append;
struct imap_action;
/* As the functions of append.h; false: the command is not about a shared mailbox. */
bool svc_account_imap_shared_pass_begin(struct svc_account_imap *s,
    const struct imap_append *append);
bool svc_account_imap_shared_pass_body(struct svc_account_imap *s, str octets);
bool svc_account_imap_shared_pass_end(struct svc_account_imap *s, const struct imap_action *act);

/* ---- guest.c ---- */

/* Of a guest's list of mailboxes: those it may see, with their full names. */
enum err svc_account_imap_shared_guest_filter(struct svc_account_imap *s,
    struct store_mailbox **all, size_t *n);
/* A mailbox name as this session's client knows it; lives in the work arena. */
str svc_account_imap_shared_full_name(struct svc_account_imap *s, str name);

/* ---- may.c: mailboxes that APPEND, COPY and URLs name ---- */

/*
 * The mailbox that messages are to be added to. A guest must have "i" there; from then on the store
 * lets it add to that mailbox alone.
 *
 * Errors  NOTFOUND with TRYCREATE, the same whether it does not exist or may not be seen; DENIED
 *         with NOPERM; DB, BUDGET
 * RFC     9051 6.3.12, 6.4.7; 4314 4
 */
enum err svc_account_imap_shared_target(struct svc_account_imap *s, str name,
    struct store_mailbox *ret);
/* Flags the client may change in the selected mailbox. */
uint32_t svc_account_imap_shared_flags_may(const struct svc_account_imap *s);
/* Flags that what is added to the target may bear. */
uint32_t svc_account_imap_shared_target_flags(const struct svc_account_imap *s);
/* A mailbox that octets are taken from: a guest must have "r". NOTFOUND, DENIED, DB, BUDGET */
enum err svc_account_imap_shared_source(struct svc_account_imap *s, str name,
    struct store_mailbox *ret);
/* May messages be removed from the selected mailbox? A guest must have "t" and "e". DENIED. */
enum err svc_account_imap_shared_may_remove(struct svc_account_imap *s);

#endif
