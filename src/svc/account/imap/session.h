/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IMAP session, shared by the files of this folder. It is synchronous: a command runs from its
 * first to its last response before the next is read. Start at run.c.
 *
 * A handler writes untagged responses and returns an error or ERR_OK; the dispatcher then reports
 * what changed in the mailbox and writes the tagged response. `code` is its response code.
 */
#ifndef SVC_ACCOUNT_IMAP_SESSION_H
#define SVC_ACCOUNT_IMAP_SESSION_H

#include "proto/imap/caps.h"
#include "proto/imap/reader.h"
#include "store/store.h"
#include "svc/account/account.h"
#include "svc/account/imap/limits.h"
#include "svc/account/imap/metadata.h"
#include "svc/account/imap/shared/shared.h"

/* The selected mailbox. One reset: svc_account_imap_deselect(). */
struct svc_account_imap_box {
	uint64_t id;
	bool read_only;
	struct store_view view;
	struct store_keywords keywords; /* names live in the session's box arena */
	struct store_set saved;         /* uids of the last SEARCH RETURN (SAVE) */
	bool held;             /* after the last refresh: expunges that may not be told yet */
	bool expunged;         /* EXPUNGE or VANISHED was written since the last tagged response */
	uint64_t quiet_modseq; /* not 0: flag changes above were not told; NOTIFY wants it so */
};

/* What parking needs to know (parking.c). */
struct svc_account_imap_parking {
	uint32_t delay_ms;  /* of silence; 0: never park */
	int64_t since_ms;   /* when it was parked last */
	int64_t next_ms;    /* the next try */
	uint64_t stream_in; /* octets read from the stream by us and, before us, by login */
	uint32_t notices;   /* taken from accounts */
	bool answered;      /* accounts has answered, with: */
	enum err answer;
	bool parked;
	str box; /* while the store is closed: the selected mailbox, as it was parked */
};

struct svc_account_imap {
	struct svc_account *account;
	struct store *store; /* NULL: it rested and nothing has changed since; parking.c */
	struct imap_reader reader;
	enum imap_state state;
	unsigned enabled; /* IMAP_ENABLED_* */
	struct imap_caps caps;
	char client[64]; /* name the program gave with ID, cut */
	size_t client_n;
	struct svc_account_imap_box box;
	struct svc_account_imap_metadata metadata;
	struct svc_account_imap_shared shared;

	struct arena *arena;         /* root of the session */
	struct arena *command_arena; /* one parsed command: reset by the reader */
	struct arena *work;          /* what a handler needs while it runs */
	struct arena *box_arena;     /* one selection */
	struct arena *scratch;       /* one message or refresh */

	struct buf out;                   /* responses not written yet */
	struct svc_account_imap_zip *zip; /* COMPRESS; NULL: not asked for; out.c */
	struct buf code;    /* response code of the tagged response, without brackets */
	const char *text;   /* its text when the handler wants another than "done" */
	struct buf message; /* APPEND, REPLACE: the octets so far */
	struct svc_account_imap_append *append; /* the command under way, or NULL; cmd_append.c */

	struct svc_account_imap_notify *notify; /* NULL: no NOTIFY yet; notify.h */

	str tag;               /* of the command that runs */
	int64_t tell_ms;       /* when to say how far it is */
	int64_t search_end_ms; /* when a search has taken too long */
	str idle_tag;          /* in IDLE when p != NULL */
	char idle_room[IMAP_TAG_MAX];
	bool dirty;                     /* a notice came for the selected mailbox */
	bool quit;                      /* LOGOUT, or the accounts process wants us to end */
	bool leaving;                   /* quit, and the stream goes back to login: leave.c */
	struct buf behind;              /* octets behind UNAUTHENTICATE */
	bool broken;                    /* nothing more can be written to the client */
	enum err end;                   /* why the session ends; valid with quit or broken */
	uint32_t limited;               /* lowest uid processed, of more; 0: limit/ */
	const char *bye;                /* text of BYE; NULL: LOGOUT has said it */
	unsigned errors;                /* wrong commands in a row */
	bool texts_due;                 /* a quiet moment is there to be used (store/text) */
	bool texts_more;                /* and there is more to do at once */
	int64_t deadline_ms;            /* autologout */
	uint64_t octets_in, octets_out; /* as the client means them, not compressed */
	uint64_t octets_body;           /* of those in: in messages of APPEND */
	struct svc_account_imap_parking park;
	uint32_t taught; /* letters: teach/teach.h */
};

/* ---- run.c: the session as a whole ---------------------------------------------------------- */

/* Errors: ERR_NOMEM. A failed one needs no done. */
enum err svc_account_imap_init(struct svc_account_imap *s, struct svc_account *a);
void svc_account_imap_done(struct svc_account_imap *s);
/* Octets from the client: every command that is complete runs. Flush afterwards. */
void svc_account_imap_feed(struct svc_account_imap *s, str in);
/* After a notice: in IDLE or after NOTIFY it is told at once, otherwise with the next command. */
void svc_account_imap_take_news(struct svc_account_imap *s);
/* The program's name (empty: not told): deny what imap.deny keeps from it and from the account. */
void svc_account_imap_know_client(struct svc_account_imap *s, str name);
/* Stop after this command: BYE with this text. The first reason counts. */
void svc_account_imap_end(struct svc_account_imap *s, enum err e, const char *bye);

/* ---- out.c: octets to the client ------------------------------------------------------------ */

/* Write everything that waits; blocks. On failure `broken` is set and nothing is written again. */
void svc_account_imap_flush(struct svc_account_imap *s);
/* Flush when enough waits. To be called between responses. */
void svc_account_imap_breathe(struct svc_account_imap *s);
/* Append octets; large ones are written at once from where they lie. */
void svc_account_imap_put(struct svc_account_imap *s, str octets);
/* A literal: "{n}" CRLF octets. */
void svc_account_imap_put_literal(struct svc_account_imap *s, str octets);
/* "* OK " and so on: an untagged line, CRLF added. */
void svc_account_imap_line(struct svc_account_imap *s, const char *fmt, ...) PRINTF(2, 3);

/* COMPRESS was asked for; it holds from svc_account_imap_zip_begin on. NOMEM, BUDGET. */
enum err svc_account_imap_zip_new(struct svc_account_imap *s);
/* Behind the tagged response to COMPRESS, when e is ERR_OK, everything is compressed. */
void svc_account_imap_zip_begin(struct svc_account_imap *s, enum err e);
void svc_account_imap_zip_done(struct svc_account_imap *s);
/* The client's compressed stream has ended, or there is none. */
bool svc_account_imap_zip_over(const struct svc_account_imap *s);
/* Octets as they come from the stream; svc_account_imap_feed gets them as the client meant them. */
void svc_account_imap_take(struct svc_account_imap *s, str octets);

/* ---- control.c: the channel to accounts ----------------------------------------------------- */

/* Take every message that waits there; sets dirty and quit. */
void svc_account_imap_control(struct svc_account_imap *s);
/* Tell auth, by way of accounts, how the program calls itself (RFC 2971 3.3, name). */
void svc_account_imap_tell_client(struct svc_account_imap *s, str name);
/* Tell the others that this session changed a mailbox (0: the list of mailboxes). */
void svc_account_imap_changed(struct svc_account_imap *s, uint64_t mailbox);
/*
 * Wait until the stream can be read (or written), taking control messages meanwhile.
 *
 * Errors  ERR_TIMEOUT; ERR_AGAIN: a control message set dirty or quit
 */
enum err svc_account_imap_wait(struct svc_account_imap *s, bool for_read, int64_t timeout_ms);

/* ---- reply.c: tagged responses -------------------------------------------------------------- */

/* Write the tagged response of a command that ended with `e`, with s->code and s->text. */
void svc_account_imap_reply(struct svc_account_imap *s, str tag, str verb, enum err e);
/* A long command did `done` of `goal` messages (0: not known): tell it now and then (RFC 9585). */
void svc_account_imap_progress(struct svc_account_imap *s, uint32_t done, uint32_t goal);
/* The response of a command that could not be parsed; empty tag: untagged. */
void svc_account_imap_bad(struct svc_account_imap *s, str tag, enum err e, bool search);
/* Set the response code of a failure and return that failure. */
enum err svc_account_imap_fail(struct svc_account_imap *s, enum err e, const char *code,
    const char *text);

/* ---- view.c: the selected mailbox ----------------------------------------------------------- */

/*
 * How a refresh reports flag changes that the running command made itself. With one, even a client
 * whose NOTIFY wants no events hears of everything.
 */
struct svc_account_imap_own {
	const struct store_set *uids; /* NULL: none */
	uint64_t modseq;              /* of that change */
	bool silent;                  /* 0: leave them out; 1: MODSEQ alone, when CONDSTORE is on */
};

/*
 * Report what changed: EXPUNGE (when allowed), EXISTS, FETCH of flags.
 *
 * In      own: may be NULL
 * Errors  what the store gives; a mailbox that is gone ends the session with BYE
 */
enum err svc_account_imap_refresh(struct svc_account_imap *s, bool expunges,
    const struct svc_account_imap_own *own);
/* Leave the selected mailbox. */
void svc_account_imap_deselect(struct svc_account_imap *s);
/* Read the keywords again; FLAGS and PERMANENTFLAGS are written when `tell`. */
enum err svc_account_imap_keywords(struct svc_account_imap *s, bool tell);
void svc_account_imap_put_flags(struct svc_account_imap *s, uint32_t flags);
/* Bits of a parsed flag list in a mailbox; new keywords are made. */
enum err svc_account_imap_flag_bits(struct svc_account_imap *s, uint64_t mailbox,
    const struct imap_flags *flags, uint32_t *ret);
/* "* 12 FETCH ", with UIDONLY "* 345 UIDFETCH "; the parenthesis follows. */
void svc_account_imap_put_fetch(struct svc_account_imap *s, uint32_t seq, uint32_t uid);
/* MODSEQ and friends are wanted from now on; the first time tells HIGHESTMODSEQ (RFC 7162 3.1). */
void svc_account_imap_condstore(struct svc_account_imap *s);
static inline bool
svc_account_imap_has_condstore(const struct svc_account_imap *s)
{
	return (s->enabled & IMAP_ENABLED_CONDSTORE) != 0;
}
static inline bool
svc_account_imap_has_uidonly(const struct svc_account_imap *s)
{
	return (s->enabled & IMAP_ENABLED_UIDONLY) != 0;
}
static inline bool
svc_account_imap_utf8(const struct svc_account_imap *s)
{
	return imap_enabled_utf8(s->enabled);
}

/*
 * The uids a sequence set of a command means.
 *
 * Out     uids: initialised here; release with store_set_done()
 * Errors  ERR_BADSTATE: a message number that does not exist (RFC 9051 9, seq-number); ERR_NOMEM
 */
enum err svc_account_imap_uids(struct svc_account_imap *s, struct imap_seqset *set, bool uid,
    struct store_set *uids);

/* scan.h: message states in bulk */
#include "svc/account/imap/scan.h"

/* ---- one handler per verb (commands.def) ---------------------------------------------------- */

typedef enum err svc_account_imap_cmd(struct svc_account_imap *s, struct imap_command *cmd);
#define CMD(verb, states, flags, handler, args, grammar, rfc) \
	svc_account_imap_cmd svc_account_imap_cmd_##handler;
#include "proto/imap/commands.def"
#undef CMD

/* "* STATUS name (...)" */
void svc_account_imap_put_status(struct svc_account_imap *s, const struct store_mailbox *m,
    unsigned items);
/* STORE_DRAFTS and so on as IMAP_USE_* bits, and back. */
unsigned svc_account_imap_uses(unsigned special);
unsigned svc_account_imap_special(unsigned uses);

/* ---- fetch_*.c: parts of FETCH --------------------------------------- */

/* The sections of one message, SP between them, and before the first when `sp`. */
enum err svc_account_imap_sections(struct svc_account_imap *s, uint64_t id,
    const struct imap_fetch_args *fetch, bool sp);

/*
 * Add the octets of one section of a message to `out`; the scratch arena is used.
 *
 * Errors  NOTFOUND: no such part; what `out` and the store give
 */
enum err svc_account_imap_section_octets(struct svc_account_imap *s, uint64_t id,
    const struct imap_section *section, struct buf *out);

#endif
