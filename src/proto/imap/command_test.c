/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every verb's grammar: lines of the RFC and of real clients with what they parse to, lines that
 * must not parse, and the state x verb matrix drawn from commands.def.
 */
#include "proto/imap/command.h"

#include "base/test.h"

static void
dump_set(struct buf *b, const struct imap_seqset *set)
{
	buf_cstr(b, set->saved ? "$" : "");
	for (size_t i = 0; i < set->n; i++) {
		buf_printf(b, "%s%u:%u", i == 0 ? "" : ",", set->r[i].lo, set->r[i].hi);
	}
}

static void
dump_flags(struct buf *b, const struct imap_flags *flags)
{
	buf_printf(b, "flags=%u", flags->bits);
	for (size_t i = 0; i < flags->n; i++) {
		buf_printf(b, ",%.*s", STR_ARG(flags->keywords[i]));
	}
}

static void
dump_list(struct buf *b, const struct imap_list_args *list)
{
	buf_printf(b, "%u %u %u '%.*s'", list->select, list->ret, list->status,
	    STR_ARG(list->reference));
	for (size_t i = 0; i < list->n; i++) {
		buf_printf(b, " '%.*s'", STR_ARG(list->patterns[i]));
	}
}

static void
dump_fetch(struct buf *b, const struct imap_fetch_args *fetch)
{
	dump_set(b, &fetch->set);
	buf_printf(b, " %u", fetch->items);
	for (size_t i = 0; i < fetch->n; i++) {
		buf_ch(b, ' ');
		imap_section_name_put(b, &fetch->sections[i]);
		if (fetch->sections[i].partial) {
			buf_printf(b, "+%u", (unsigned)fetch->sections[i].length);
		}
	}
	buf_cstr(b, fetch->sets_seen ? " seen" : "");
	if (fetch->has_changedsince) {
		buf_printf(b, " since=%u", (unsigned)fetch->changedsince);
	}
	buf_cstr(b, fetch->vanished ? " vanished" : "");
}

static void
dump_sort(struct buf *b, const struct imap_sort_args *sort)
{
	for (size_t i = 0; i < sort->n; i++) {
		buf_printf(b, "%s%u ", sort->keys[i].reverse ? "-" : "",
		    (unsigned)sort->keys[i].by);
	}
}

static void
dump_looks(struct buf *b, const struct imap_esearch_args *esearch)
{
	for (size_t i = 0; i < esearch->n; i++) {
		buf_printf(b, "%u<%.*s> ", (unsigned)esearch->looks[i].kind,
		    STR_ARG(esearch->looks[i].name));
	}
}

static void
dump_search(struct buf *b, const struct imap_search_args *search)
{
	static const char *const ops[] = { "and", "or", "not", "all", "flag", "keyword", "seq",
		"uid", "before", "on", "since", "savedbefore", "savedon", "savedsince", "older",
		"younger", "larger", "smaller", "modseq", "emailid", "threadid", "sentbefore",
		"senton", "sentsince", "header", "body", "text" };
	buf_printf(b, "%d %u", search->extended, search->ret);
	if (search->partial.first != 0) {
		const char *end = search->partial.from_end ? "-" : "";
		buf_printf(b, " partial=%s%u:%s%u", end, search->partial.first, end,
		    search->partial.second);
	}
	for (size_t i = 0; i < search->program.n; i++) {
		const struct imap_search_node *node = &search->program.nodes[i];
		buf_printf(b, " %s%s/%u", node->fuzzy ? "~" : "", ops[node->op], node->end);
		if (node->number != 0) {
			buf_printf(b, "=%u", (unsigned)node->number);
		}
		if (node->name.n > 0 || node->text.n > 0) {
			buf_printf(b, "<%.*s:%.*s>", STR_ARG(node->name), STR_ARG(node->text));
		}
		if (node->set.n > 0 || node->set.saved) {
			buf_ch(b, '=');
			dump_set(b, &node->set);
		}
	}
}

static void
dump_store(struct buf *b, const struct imap_store_args *store)
{
	dump_set(b, &store->set);
	buf_printf(b, " %c%d ", "=+-"[store->mode], store -> silent);
	dump_flags(b, &store->flags);
	if (store->has_unchangedsince) {
		buf_printf(b, " unchanged=%u", (unsigned)store->unchangedsince);
	}
}

static void
dump_select(struct buf *b, const struct imap_select_args *select)
{
	const struct imap_qresync *q = &select->qresync;
	buf_printf(b, "'%.*s' %d", STR_ARG(select->mailbox), select->condstore);
	if (q->given) {
		buf_printf(b, " %u %llu ", q->uidvalidity, (unsigned long long)q->modseq);
		dump_set(b, &q->known);
		buf_cstr(b, q->has_known ? " " : "- ");
		dump_set(b, &q->match_seqs);
		buf_ch(b, ' ');
		dump_set(b, &q->match_uids);
	}
}

static void
dump_args(struct buf *b, const struct imap_command *cmd)
{
	switch (cmd->verb) {
	case IMAP_SELECT: dump_select(b, &cmd->u.select); break;
	case IMAP_CREATE:
		buf_printf(b, "'%.*s' %u", STR_ARG(cmd->u.create.mailbox), cmd->u.create.use);
		break;
	case IMAP_DELETE: buf_printf(b, "'%.*s'", STR_ARG(cmd->u.mailbox)); break;
	case IMAP_RENAME:
		buf_printf(b, "'%.*s' '%.*s'", STR_ARG(cmd->u.rename.from),
		    STR_ARG(cmd->u.rename.to));
		break;
	case IMAP_STATUS:
		buf_printf(b, "'%.*s' %u", STR_ARG(cmd->u.status.mailbox), cmd->u.status.items);
		break;
	case IMAP_COPY:
		dump_set(b, &cmd->u.copy.set);
		buf_printf(b, " '%.*s'", STR_ARG(cmd->u.copy.mailbox));
		break;
	case IMAP_ENABLE: buf_printf(b, "%u", cmd->u.enable); break;
	case IMAP_EXPUNGE: dump_set(b, &cmd->u.expunge); break;
	case IMAP_UIDBATCHES:
		buf_printf(b, "%u %u:%u", cmd->u.batches.size, cmd->u.batches.first,
		    cmd->u.batches.last);
		break;
	default: break;
	}
}

static void
dump(struct buf *b, const struct imap_command *cmd)
{
	buf_printf(b, "%.*s%s%.*s ", STR_ARG(cmd->tag), cmd->uid ? " UID " : " ",
	    STR_ARG(imap_verbs[cmd->verb].name));
	if (cmd->verb == IMAP_LIST || cmd->verb == IMAP_LSUB) {
		dump_list(b, &cmd->u.list);
	} else if (cmd->verb == IMAP_FETCH) {
		dump_fetch(b, &cmd->u.fetch);
	} else if (cmd->verb == IMAP_SORT) {
		dump_sort(b, &cmd->u.sort);
		dump_search(b, &cmd->u.sort.search);
	} else if (cmd->verb == IMAP_THREAD) {
		buf_printf(b, "%u ", (unsigned)cmd->u.thread.by);
		dump_search(b, &cmd->u.thread.search);
	} else if (cmd->verb == IMAP_ESEARCH) {
		dump_looks(b, &cmd->u.esearch);
		dump_search(b, &cmd->u.esearch.search);
	} else if (cmd->verb == IMAP_SEARCH) {
		dump_search(b, &cmd->u.search);
	} else if (cmd->verb == IMAP_STORE) {
		dump_store(b, &cmd->u.store);
	} else {
		dump_args(b, cmd);
	}
}

struct good {
	const char *in, *want;
	unsigned enabled;
};

static void
run_good(const struct good *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		test_case = cases[i].in;
		struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
		struct imap_command cmd;
		enum err e = imap_command_parse(a, str_from(cases[i].in), IMAP_SELECTED,
		    cases[i].enabled, &cmd);
		CHECK_ERR(e, ERR_OK);
		struct buf b;
		buf_init(&b, 65536);
		dump(&b, &cmd);
		CHECK_STR(buf_view(&b), str_from(cases[i].want));
		buf_done(&b);
		arena_free(&a);
	}
}

static void
mailboxes(void)
{
	static const struct good cases[] = {
		{ "a NOOP", "a NOOP " },
		{ "A142.x noop", "A142.x NOOP " },
		{ "a ENABLE CONDSTORE X-GOOD-IDEA imap4REV2", "a ENABLE 5" },
		{ "a ENABLE UTF8=ACCEPT", "a ENABLE 2" },
		{ "A142 SELECT INBOX", "A142 SELECT 'INBOX' 0" },
		{ "a SELECT inBox", "a SELECT 'INBOX' 0" },
		{ "a SELECT inbox/Lists", "a SELECT 'INBOX/Lists' 0" },
		{ "a SELECT inboxes", "a SELECT 'inboxes' 0" },
		{ "a SELECT \"a \\\"b\\\\c\"", "a SELECT 'a \"b\\c' 0" },
		{ "a SELECT \"\"", "a SELECT '' 0" },
		{ "a SELECT {5}\r\na\r\n b", "a SELECT 'a\r\n b' 0", IMAP_ENABLED_REV2 },
		{ "a SELECT {5+}\r\ninbox (CONDSTORE)", "a SELECT 'INBOX' 1" },
		{ "a SELECT inbox (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
		    "a SELECT 'INBOX' 0 67890007 20050715194045000 41:41,43:211,214:541  " },
		{ "a SELECT x (CONDSTORE QRESYNC (1 2))", "a SELECT 'x' 1 1 2 -  " },
		{ "a SELECT x (QRESYNC (1 2 (3:4,6 7,9,11)) CONDSTORE)",
		    "a SELECT 'x' 1 1 2 - 3:4,6:6 7:7,9:9,11:11" },
		{ "a SELECT x (QRESYNC (1 2 1:9 (1 1)))", "a SELECT 'x' 0 1 2 1:9 1:1 1:1" },
		{ "a SELECT a]b (condstore)", "a SELECT 'a]b' 1" },
		{ "a SELECT Entw&APw-rfe", "a SELECT 'Entw\xc3\xbcrfe' 0" },
		{ "a SELECT \"Entw\xc3\xbcrfe & mehr\"", "a SELECT 'Entw\xc3\xbcrfe & mehr' 0",
		    IMAP_ENABLED_UTF8 },
		{ "a CREATE x", "a CREATE 'x' 0" },
		{ "t1 CREATE MySpecial (USE (\\Drafts \\Sent))", "t1 CREATE 'MySpecial' 18" },
		{ "t1 CREATE x (USE ())", "t1 CREATE 'x' 0" },
		{ "a RENAME blurdybloop \"sara jane\"", "a RENAME 'blurdybloop' 'sara jane'" },
		{ "A042 STATUS blurdybloop (UIDNEXT MESSAGES)", "A042 STATUS 'blurdybloop' 3" },
		{ "a STATUS x (SIZE DELETED HIGHESTMODSEQ MAILBOXID RECENT)", "a STATUS 'x' 496" },
		{ "a STATUS x (APPENDLIMIT DELETED-STORAGE)", "a STATUS 'x' 1536" },
		{ "G0001 GETQUOTA \"!partition/sda4\"", "G0001 GETQUOTA " },
		{ "a GETQUOTA \"\"", "a GETQUOTA " },
		{ "a GETQUOTAROOT INBOX", "a GETQUOTAROOT " },
		{ "A143 UIDBATCHES 2000", "A143 UIDBATCHES 2000 1:4294967295" },
		{ "a uidbatches 4294967295 10:20", "a UIDBATCHES 4294967295 10:20" },
		{ "a UIDBATCHES 1 4:1", "a UIDBATCHES 1 4:1" },
		{ "S0001 SETQUOTA \"#user/alice\" (STORAGE 510)", "S0001 SETQUOTA " },
		{ "a SETQUOTA \"\" (STORAGE 510 MESSAGE 9223372036854775807)", "a SETQUOTA " },
		{ "a SETQUOTA \"\" ()", "a SETQUOTA " },
		{ "c compress deflate", "c COMPRESS " },
		{ "a ID NIL", "a ID " },
		{ "a ID ()", "a ID " },
		{ "a ID (\"name\" \"sodr\" \"version\" NIL)", "a ID " },
		{ "a APPEND x CATENATE (URL /y)", "a APPEND " },
	};
	run_good(cases, LEN(cases));
}

static void
lists(void)
{
	static const struct good cases[] = {
		{ "A101 LIST \"\" \"\"", "A101 LIST 0 0 0 '' ''" },
		{ "a LIST /usr/staff/jones \"\"", "a LIST 0 0 0 '/usr/staff/jones' ''" },
		{ "A202 LIST ~/Mail/ %", "A202 LIST 0 0 0 '~/Mail/' '%'" },
		{ "a LIST \"\" *", "a LIST 0 0 0 '' '*'" },
		{ "a LIST \"\" inbox%", "a LIST 0 0 0 '' 'inbox%'" },
		{ "A02 LIST (SUBSCRIBED) \"\" \"*\"", "A02 LIST 1 0 0 '' '*'" },
		{ "a LIST () \"\" \"%\" RETURN (CHILDREN)", "a LIST 0 16 0 '' '%'" },
		{ "a LIST (REMOTE SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN ()",
		    "a LIST 7 0 0 '' '%'" },
		{ "BBB LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")",
		    "BBB LIST 0 0 0 '' 'INBOX' 'Drafts' 'Sent/%'" },
		{ "A01 LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))", "A01 LIST 0 32 9 '' '%'" },
		{ "a LIST (SPECIAL-USE) \"\" * RETURN (SPECIAL-USE SUBSCRIBED)",
		    "a LIST 8 9 0 '' '*'" },
		{ "a LSUB \"#news.\" \"comp.mail.*\"", "a LSUB 1 0 0 '#news.' 'comp.mail.*'" },
	};
	run_good(cases, LEN(cases));
}

static void
fetches(void)
{
	static const struct good cases[] = {
		{ "a FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
		    "a FETCH 2:4 2 BODY[HEADER.FIELDS (DATE FROM)] seen" },
		{ "a FETCH 1 ALL", "a FETCH 1:1 142" },
		{ "a FETCH 1 FAST", "a FETCH 1:1 14" },
		{ "A2 FETCH 1 (RFC822.SIZE PREVIEW)", "A2 FETCH 1:1 2056" },
		{ "B1 FETCH 1:4 (ENVELOPE PREVIEW (LAZY))", "B1 FETCH 1:4 6272" },
		{ "a FETCH 1 preview (lazy)", "a FETCH 1:1 6144" },
		{ "a FETCH 1 full", "a FETCH 1:1 398" },
		{ "a FETCH 1:* BODY", "a FETCH 1:0 256" },
		{ "a FETCH 1 BODY[]", "a FETCH 1:1 0 BODY[] seen" },
		{ "a FETCH 1 body.peek[]<0.2048>", "a FETCH 1:1 0 BODY[]<0>+2048" },
		{ "a FETCH 1 (BODY.PEEK[1.2.MIME] BODY.PEEK[4.2.2.HEADER] BODY[3.TEXT])",
		    "a FETCH 1:1 0 BODY[1.2.MIME] BODY[4.2.2.HEADER] BODY[3.TEXT] seen" },
		{ "a FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (\"a b\" {2+}\r\nxy)]",
		    "a FETCH 1:1 0 BODY[HEADER.FIELDS.NOT (\"a b\" xy)]" },
		{ "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)",
		    "a FETCH 1:1 8 RFC822 RFC822.HEADER RFC822.TEXT seen" },
		{ "a FETCH 1 (BINARY[1.2] BINARY.PEEK[]<5.6> BINARY.SIZE[3])",
		    "a FETCH 1:1 0 BINARY[1.2] BINARY[]<5>+6 BINARY.SIZE[3] seen" },
		{ "a UID FETCH 5 FLAGS", "a UID FETCH 5:5 3" },
		{ "a UID FETCH $ (FLAGS) (CHANGEDSINCE 12345)", "a UID FETCH $ 19 since=12345" },
		{ "a UID FETCH 1 FLAGS (VANISHED CHANGEDSINCE 5)",
		    "a UID FETCH 1:1 19 since=5 vanished" },
		{ "a FETCH 1 (MODSEQ EMAILID THREADID INTERNALDATE)", "a FETCH 1:1 116" },
	};
	run_good(cases, LEN(cases));
}

static void
stores_and_copies(void)
{
	static const struct good cases[] = {
		{ "A003 STORE 2:4 +FLAGS (\\Deleted)", "A003 STORE 2:4 +0 flags=4" },
		{ "a STORE 1 FLAGS.SILENT \\Seen $Junk", "a STORE 1:1 =1 flags=8,$Junk" },
		{ "a STORE 1 -FLAGS.SILENT ()", "a STORE 1:1 -1 flags=0" },
		{ "a STORE 1 FLAGS (a A b \\Recent)", "a STORE 1:1 =0 flags=0,a,b" },
		{ "d105 STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
		    "d105 STORE 7:7,5:5,9:9 +1 flags=4 unchanged=320162338" },
		{ "a UID STORE * FLAGS ()", "a UID STORE 0:0 =0 flags=0" },
		{ "A003 COPY 2:4 MEETING", "A003 COPY 2:4 'MEETING'" },
		{ "A003 UID COPY 2:4 \"a b\"", "A003 UID COPY 2:4 'a b'" },
		{ "a UID EXPUNGE 3000:3002", "a UID EXPUNGE 3000:3002" },
		{ "a EXPUNGE", "a EXPUNGE " },
	};
	run_good(cases, LEN(cases));
}

static void
searches(void)
{
	static const struct good cases[] = {
		{ "a SEARCH ALL", "a SEARCH 0 0 and/2 all/2" },
		{ "A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
		    "A282 SEARCH 1 9 and/5 flag/2=2 since/3=8797 not/5 header/5<From:Smith>" },
		{ "A283 SEARCH RETURN () FLAGGED", "A283 SEARCH 1 4 and/2 flag/2=2" },
		{ "a SEARCH UNSEEN 1:3", "a SEARCH 0 0 and/4 not/3 flag/3=8 seq/4=1:3" },
		{ "a SEARCH OR (ANSWERED 1) (NOT DRAFT DELETED) LARGER 7",
		    "a SEARCH 0 0 and/10 or/9 and/5 flag/4=1 seq/5=1:1 and/9 not/8 "
		    "flag/8=16 flag/9=4 larger/10=7" },
		{ "a SEARCH NOT NOT OR SEEN NOT SEEN",
		    "a SEARCH 0 0 and/7 not/7 not/7 or/7 flag/5=8 not/7 flag/7=8" },
		{ "a SEARCH CHARSET UTF-8 TEXT {2+}\r\n\xc3\xbc",
		    "a SEARCH 0 0 and/2 text/2<:\xc3\xbc>" },
		{ "a SEARCH CHARSET \"us-ascii\" BODY x", "a SEARCH 0 0 and/2 body/2<:x>" },
		{ "a SEARCH HEADER Message-ID <a@b> HEADER X \"\"",
		    "a SEARCH 0 0 and/3 header/2<Message-ID:<a@b>> header/3<X:>" },
		{ "a SEARCH KEYWORD $x UNKEYWORD y",
		    "a SEARCH 0 0 and/4 keyword/2<:$x> not/4 keyword/4<:y>" },
		{ "a SEARCH NEW OLD RECENT", "a SEARCH 0 0 and/6 not/3 all/3 all/4 not/6 all/6" },
		{ "a SEARCH SENTON \"2-Jan-1970\" ON 2-Jan-1970",
		    "a SEARCH 0 0 and/3 senton/2=1 on/3=1" },
		{ "a SEARCH MODSEQ 620162338", "a SEARCH 0 0 and/2 modseq/2=620162338" },
		{ "t SEARCH OR NOT MODSEQ 7 LARGER 5",
		    "t SEARCH 0 0 and/5 or/5 not/4 modseq/4=7 larger/5=5" },
		{ "a SEARCH MODSEQ \"/flags/\\\\draft\" all 6", "a SEARCH 0 0 and/2 modseq/2=6" },
		{ "a1 SEARCH UNSEEN YOUNGER 259200",
		    "a1 SEARCH 0 0 and/4 not/3 flag/3=8 younger/4=259200" },
		{ "a SEARCH older 1", "a SEARCH 0 0 and/2 older/2=1" },
		{ "A1 SEARCH FUZZY (SUBJECT \"IMAP break\")",
		    "A1 SEARCH 0 0 and/3 ~and/3 ~header/3<Subject:IMAP break>" },
		{ "A2 SEARCH FUZZY SUBJECT work FROM user@example.com",
		    "A2 SEARCH 0 0 and/3 ~header/2<Subject:work> header/3<From:user@example.com>" },
		{ "B1 SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT \"Helo\"",
		    "B1 SEARCH 1 68 and/2 ~text/2<:Helo>" },
		{ "a SEARCH fuzzy fuzzy NOT FUZZY OR SEEN FUZZY BODY x 1",
		    "a SEARCH 0 0 and/6 ~not/5 ~or/5 ~flag/4=8 ~body/5<:x> seq/6=1:1" },
		{ "a SEARCH NOT FUZZY UNSEEN", "a SEARCH 0 0 and/4 not/4 ~not/4 ~flag/4=8" },
		{ "a SEARCH RETURN (relevancy) (FUZZY 1) ALL",
		    "a SEARCH 1 64 and/4 and/3 ~seq/3=1:1 all/4" },
		{ "C2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT {4+}\r\nHelo",
		    "C2 SORT 9 1 68 and/2 ~text/2<:Helo>" },
		{ "a THREAD REFERENCES UTF-8 FUZZY BODY x", "a THREAD 1 0 0 and/2 ~body/2<:x>" },
		{ "a SEARCH FUZZY (BODY 1 BODY 2 BODY 3 BODY 4) FUZZY (TEXT 5 TEXT 6 TO 7 CC 8)",
		    "a SEARCH 0 0 and/11 ~and/6 ~body/3<:1> ~body/4<:2> ~body/5<:3> ~body/6<:4> "
		    "~and/11 ~text/8<:5> ~text/9<:6> ~header/10<To:7> ~header/11<Cc:8>" },
		{ "A01 UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED",
		    "A01 UID SEARCH 1 32 partial=-1:-100 and/3 not/3 flag/3=4" },
		{ "A02 UID SEARCH RETURN (COUNT PARTIAL 24000:23500 SAVE) ALL",
		    "A02 UID SEARCH 1 56 partial=24000:23500 and/2 all/2" },
		{ "A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994",
		    "A282 SORT 5 0 0 and/2 since/2=8797" },
		{ "A283 SORT (SUBJECT REVERSE DATE) \"us-ascii\" ALL",
		    "A283 SORT 5 -2 0 0 and/2 all/2" },
		{ "a UID SORT (arrival cc from size to displayfrom reverse displayto) UTF-8 1 2",
		    "a UID SORT 0 1 3 4 6 7 -8 0 0 and/3 seq/2=1:1 seq/3=2:2" },
		{ "E01 UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk",
		    "E01 UID SORT -2 1 4 and/5 not/3 flag/3=4 not/5 keyword/5<:$Junk>" },
		{ "A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000",
		    "A283 THREAD 0 0 0 and/2 since/2=11021" },
		{ "A285 UID THREAD references utf-8 ALL", "A285 UID THREAD 1 0 0 and/2 all/2" },
		{ "tag1 ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen",
		    "tag1 ESEARCH 6<folder1> 4<folder2> 0 4 and/3 not/3 flag/3=8" },
		{ "tag2 ESEARCH IN (mailboxes (a inbox) subtree-one \"b c\" personal inboxes "
		  "subscribed selected) RETURN (COUNT) CHARSET UTF-8 subject \"chad\"",
		    "tag2 ESEARCH 6<a> 6<INBOX> 5<b c> 2<> 1<> 3<> 0<> 1 8 and/2 "
		    "header/2<Subject:chad>" },
		{ "tag1 UID ESEARCH FROM \"frobozz\" 1:100",
		    "tag1 UID ESEARCH 0 4 and/3 header/2<From:frobozz> seq/3=1:100" },
		{ "a ESEARCH RETURN () ALL", "a ESEARCH 1 4 and/2 all/2" },
		{ "a SEARCH UID $ $", "a SEARCH 0 0 and/3 uid/2=$ seq/3=$" },
		{ "a SEARCH EMAILID M1 THREADID T1",
		    "a SEARCH 0 0 and/3 emailid/2<:M1> threadid/3<:T1>" },
		{ "a UID SEARCH RETURN (SAVE ALL MAX) ((1))",
		    "a UID SEARCH 1 22 and/4 and/4 and/4 seq/4=1:1" },
	};
	run_good(cases, LEN(cases));
}

static void
refuses(void)
{
	static const struct {
		const char *in;
		enum err want;
	} cases[] = {
		{ "", ERR_SYNTAX },
		{ "a", ERR_SYNTAX },
		{ "a ", ERR_SYNTAX },
		{ " NOOP", ERR_SYNTAX },
		{ "+ NOOP", ERR_SYNTAX },
		{ "a+b NOOP", ERR_SYNTAX },
		{ "a NOOP ", ERR_SYNTAX },
		{ "a  NOOP", ERR_SYNTAX },
		{ "a NOOP x", ERR_SYNTAX },
		{ "a\tNOOP", ERR_SYNTAX },
		{ "a FROBNICATE", ERR_UNSUPPORTED },
		{ "a UID NOOP", ERR_UNSUPPORTED },
		{ "a UID", ERR_SYNTAX },
		{ "a UID FROB 1", ERR_UNSUPPORTED },
		{ "a LOGIN x y", ERR_BADSTATE },
		{ "a STARTTLS", ERR_BADSTATE },
		{ "a AUTHENTICATE PLAIN AAAA", ERR_BADSTATE },
		{ "a SELECT", ERR_SYNTAX },
		{ "a SELECT ", ERR_SYNTAX },
		{ "a SELECT \"x", ERR_SYNTAX },
		{ "a SELECT \"x\\y\"", ERR_SYNTAX },
		{ "a SELECT \"x\\", ERR_SYNTAX },
		{ "a SELECT \"x\"y", ERR_SYNTAX },
		{ "a SELECT a b", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC)", ERR_SYNTAX },
		{ "a SELECT x ()", ERR_SYNTAX },
		{ "a SELECT {3}\r\nab", ERR_SYNTAX },
		{ "a SELECT {3}ab", ERR_SYNTAX },
		{ "a SELECT {-1}\r\n", ERR_SYNTAX },
		{ "a SELECT {99999999999999999999}\r\n", ERR_SYNTAX },
		{ "a SELECT \"\xff\"", ERR_SYNTAX },
		{ "a SELECT \"\xc3\xbc\"", ERR_CHARSET },
		{ "a SELECT a&b", ERR_CHARSET },
		{ "a SELECT b\xc3\xbc", ERR_SYNTAX },
		{ "a CREATE x (USE (\\Frob))", ERR_NOTFOUND },
		{ "a CREATE x (USE \\Sent)", ERR_SYNTAX },
		{ "a STATUS x ()", ERR_SYNTAX },
		{ "a STATUS x (FROB)", ERR_SYNTAX },
		{ "a STATUS x MESSAGES", ERR_SYNTAX },
		{ "a ENABLE", ERR_SYNTAX },
		{ "a LIST \"\"", ERR_SYNTAX },
		{ "a LIST (RECURSIVEMATCH) \"\" *", ERR_SYNTAX },
		{ "a LIST (FROB) \"\" *", ERR_SYNTAX },
		{ "a LIST \"\" () ", ERR_SYNTAX },
		{ "a LIST \"\" * RETURN", ERR_SYNTAX },
		{ "a LIST \"\" * RETURN (CHILDREN", ERR_SYNTAX },
		{ "a LIST \"\" * RETURN (RECURSIVEMATCH)", ERR_SYNTAX },
		{ "a FETCH 1 ()", ERR_SYNTAX },
		{ "a FETCH 1 (ALL)", ERR_SYNTAX },
		{ "a FETCH 1 (FLAGS FLAGS", ERR_SYNTAX },
		{ "a FETCH 1 FLAGS)", ERR_SYNTAX },
		{ "a FETCH 1 BODY[", ERR_SYNTAX },
		{ "a FETCH 1 BODY[1.]", ERR_SYNTAX },
		{ "a FETCH 1 BODY[0]", ERR_SYNTAX },
		{ "a FETCH 1 BODY[MIME]", ERR_SYNTAX },
		{ "a FETCH 1 BODY[1.FROB]", ERR_SYNTAX },
		{ "a FETCH 1 BODY[]<0>", ERR_SYNTAX },
		{ "a FETCH 1 BODY[]<0.0>", ERR_SYNTAX },
		{ "a FETCH 1 BODY[HEADER.FIELDS]", ERR_SYNTAX },
		{ "a FETCH 1 BODY[HEADER.FIELDS ()]", ERR_SYNTAX },
		{ "a FETCH 1 BINARY[TEXT]", ERR_SYNTAX },
		{ "a FETCH 1 BINARY", ERR_SYNTAX },
		{ "a FETCH 1 RFC822[1]", ERR_SYNTAX },
		{ "a FETCH 1 BINARY.SIZE[1]<0.1>", ERR_SYNTAX },
		{ "a FETCH 1,,2 FLAGS", ERR_SYNTAX },
		{ "a FETCH 1 FLAGS (VANISHED)", ERR_SYNTAX },
		{ "a FETCH x FLAGS", ERR_SYNTAX },
		{ "a STORE 1 FLAGS", ERR_SYNTAX },
		{ "a STORE 1 FLAG (\\Seen)", ERR_SYNTAX },
		{ "a STORE 1 FLAGS (\\Frob)", ERR_SYNTAX },
		{ "a STORE 1 +-FLAGS ()", ERR_SYNTAX },
		{ "a STORE 1 FLAGS (a b", ERR_SYNTAX },
		{ "a STORE 1 FLAGS (\"a\")", ERR_SYNTAX },
		{ "a COPY 1", ERR_SYNTAX },
		{ "a EXPUNGE 1", ERR_SYNTAX },
		{ "a UID EXPUNGE", ERR_SYNTAX },
		{ "a SEARCH", ERR_SYNTAX },
		{ "a SEARCH ()", ERR_SYNTAX },
		{ "a SEARCH FROB", ERR_SYNTAX },
		{ "a SEARCH (ALL", ERR_SYNTAX },
		{ "a SEARCH ALL)", ERR_SYNTAX },
		{ "a SEARCH NOT", ERR_SYNTAX },
		{ "a SEARCH OR ALL", ERR_SYNTAX },
		{ "a SEARCH ALL ", ERR_SYNTAX },
		{ "a SEARCH ON 31-Foo-1999", ERR_SYNTAX },
		{ "a SEARCH RETURN (FROB) ALL", ERR_SYNTAX },
		{ "a SEARCH OLDER 0", ERR_SYNTAX },
		{ "a SEARCH YOUNGER x", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL) ALL", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL 1) ALL", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL 1:*) ALL", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL 0:1) ALL", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL -1:5) ALL", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL 1:-5) ALL", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL 1:5 ALL) ALL", ERR_SYNTAX },
		{ "a SEARCH RETURN (PARTIAL 1:5 PARTIAL 1:5) ALL", ERR_SYNTAX },
		{ "a SEARCH FUZZY", ERR_SYNTAX },
		{ "a SEARCH FUZZY ", ERR_SYNTAX },
		{ "a SEARCH FUZZY)", ERR_SYNTAX },
		{ "a SEARCH (FUZZY) ALL", ERR_SYNTAX },
		{ "a SEARCH FUZZY FROB", ERR_SYNTAX },
		{ "a SEARCH FUZZY  SEEN", ERR_SYNTAX },
		{ "a SEARCH RETURN (RELEVANCY ALL) TEXT x", ERR_SYNTAX }, /* RFC 6203 4 */
		{ "a SEARCH RETURN (RELEVANCY 1) FUZZY TEXT x", ERR_SYNTAX },
		{ "a SORT (RELEVANCY) UTF-8 TEXT x", ERR_SYNTAX }, /* RFC 6203 6 */
		{ "a SORT RETURN (RELEVANCY) (DATE) UTF-8 TEXT x", ERR_SYNTAX },
		{ "a ESEARCH IN (personal) RETURN (RELEVANCY) TEXT x", ERR_SYNTAX },
		{ "a SEARCH FUZZY (TO 1 TO 2 TO 3 TO 4 TO 5 TO 6 TO 7 TO 8 TO 9)", ERR_TOOMANY },
		{ "a SEARCH FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY "
		  "FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY FUZZY SEEN",
		    ERR_TOOMANY },
		{ "a SORT () UTF-8 ALL", ERR_SYNTAX },
		{ "a SORT (FROB) UTF-8 ALL", ERR_SYNTAX },
		{ "a SORT (REVERSE) UTF-8 ALL", ERR_SYNTAX },
		{ "a SORT (REVERSE REVERSE DATE) UTF-8 ALL", ERR_SYNTAX },
		{ "a SORT (DATE) ALL", ERR_SYNTAX },
		{ "a SORT DATE UTF-8 ALL", ERR_SYNTAX },
		{ "a SORT (DATE) UTF-8", ERR_SYNTAX },
		{ "a SORT (DATE) KOI8-R ALL", ERR_CHARSET },
		{ "a THREAD FROB UTF-8 ALL", ERR_SYNTAX },
		{ "a THREAD REFERENCES ALL", ERR_SYNTAX },
		{ "a THREAD REFERENCES UTF-8", ERR_SYNTAX },
		{ "a THREAD REFERENCES x ALL", ERR_CHARSET },
		{ "a ESEARCH IN () ALL", ERR_SYNTAX },
		{ "a ESEARCH IN (selected-delayed) ALL", ERR_SYNTAX },
		{ "a ESEARCH IN (mailboxes) ALL", ERR_SYNTAX },
		{ "a ESEARCH IN (mailboxes ()) ALL", ERR_SYNTAX },
		{ "a ESEARCH IN (personal (x)) ALL", ERR_SYNTAX },
		{ "a ESEARCH", ERR_SYNTAX },
		{ "a SEARCH CHARSET KOI8-R ALL", ERR_CHARSET },
		{ "a SEARCH TEXT {1+}\r\n\xff", ERR_CHARSET },
		{ "a SEARCH MODSEQ x", ERR_SYNTAX },
		{ "a SELECT x ()", ERR_SYNTAX },
		{ "a SELECT x (CONDSTORE CONDSTORE)", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2) QRESYNC (1 2))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (0 2))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 3:*))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 $))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 3 4))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 (1:3 5:8)))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 (4,2 5,6)))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 (2:4 6:4)))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 (1 *)))", ERR_SYNTAX },
		{ "a SELECT x (QRESYNC (1 2 (1:2 1:2) 3))", ERR_SYNTAX },
		{ "a FETCH 1 UID (CHANGEDSINCE 1 VANISHED)", ERR_SYNTAX },
		{ "a UID FETCH 1 UID (VANISHED)", ERR_SYNTAX },
		{ "a UID FETCH 1 UID (CHANGEDSINCE 1 CHANGEDSINCE 2)", ERR_SYNTAX },
		{ "a SEARCH LARGER -1", ERR_SYNTAX },
		{ "a SEARCH UID x", ERR_SYNTAX },
		{ "a SEARCH KEYWORD (", ERR_SYNTAX },
		{ "a APPEND x", ERR_SYNTAX },
		{ "a FETCH 1 PREVIEW ()", ERR_SYNTAX },
		{ "a FETCH 1 PREVIEW (LAZY", ERR_SYNTAX },
		{ "a FETCH 1 (PREVIEW(LAZY))", ERR_SYNTAX },
		{ "a FETCH 1 PREVIEW LAZY", ERR_SYNTAX },
		{ "a COMPRESS", ERR_SYNTAX },
		{ "a COMPRESS LZ4", ERR_SYNTAX },
		{ "a COMPRESS DEFLATE x", ERR_SYNTAX },
		{ "a GETQUOTA", ERR_SYNTAX },
		{ "a GETQUOTA x y", ERR_SYNTAX },
		{ "a UIDBATCHES", ERR_SYNTAX },
		{ "a UIDBATCHES 0", ERR_SYNTAX },
		{ "a UIDBATCHES x", ERR_SYNTAX },
		{ "a UIDBATCHES 500 ", ERR_SYNTAX },
		{ "a UIDBATCHES 500 3", ERR_SYNTAX },
		{ "a UIDBATCHES 500 0:3", ERR_SYNTAX },
		{ "a UIDBATCHES 500 1:0", ERR_SYNTAX },
		{ "a UIDBATCHES 500 1:*", ERR_SYNTAX },
		{ "a UIDBATCHES 500 1:3 4", ERR_SYNTAX },
		{ "a UIDBATCHES 4294967296", ERR_SYNTAX },
		{ "a UID UIDBATCHES 500", ERR_UNSUPPORTED },
		{ "a SETQUOTA x", ERR_SYNTAX },
		{ "a SETQUOTA x (STORAGE)", ERR_SYNTAX },
		{ "a SETQUOTA x (STORAGE -1)", ERR_SYNTAX },
		{ "a SETQUOTA x (STORAGE 1", ERR_SYNTAX },
		{ "a APPEND x ", ERR_SYNTAX },
		{ "a APPEND x ()", ERR_SYNTAX },
		{ "a APPEND x CATENATE ()", ERR_SYNTAX },
		{ "a APPEND x CATENATE (TEXT {1}\r\ny)", ERR_SYNTAX },
		{ "a APPEND x CATENATE (URL)", ERR_SYNTAX },
		{ "a APPEND x CATENATE (URL /y) ", ERR_SYNTAX },
		{ "a REPLACE x CATENATE (URL /y)", ERR_SYNTAX },
		{ "a REPLACE 1:2 x CATENATE (URL /y)", ERR_SYNTAX },
		{ "a REPLACE 1 x CATENATE (URL /y) CATENATE (URL /y)", ERR_SYNTAX },
		{ "a ID (\"x\")", ERR_SYNTAX },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		test_case = cases[i].in;
		struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
		struct imap_command cmd;
		CHECK_ERR(imap_command_parse(a, str_from(cases[i].in), IMAP_SELECTED, 0, &cmd),
		    cases[i].want);
		arena_free(&a);
	}
}

static void
state_matrix(void)
{
	static const enum imap_state states[] = { IMAP_NOTAUTH, IMAP_AUTH, IMAP_SELECTED };
	for (size_t v = 0; v < IMAP_VERB_COUNT; v++) {
		for (size_t s = 0; s < LEN(states); s++) {
			struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
			char line[64];
			int n = snprintf(line, sizeof line, "a %.*s", STR_ARG(imap_verbs[v].name));
			struct imap_command cmd;
			test_case = line;
			enum err e = imap_command_parse(a, (str){ line, (size_t)n }, states[s], 0,
			    &cmd);
			bool allowed = (imap_verbs[v].states & states[s]) != 0;
			CHECK((e == ERR_BADSTATE) == !allowed);
			CHECK(cmd.verb == (enum imap_verb)v);
			arena_free(&a);
		}
	}
}

/* "a SEARCH " and n times `open` and so on. */
static enum err
parse_repeated(const char *head, const char *piece, size_t n, const char *tail)
{
	struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
	struct buf b;
	buf_init(&b, 1u << 20);
	buf_cstr(&b, head);
	for (size_t i = 0; i < n; i++) {
		buf_cstr(&b, piece);
	}
	buf_cstr(&b, tail);
	struct imap_command cmd;
	enum err e = imap_command_parse(a, buf_view(&b), IMAP_SELECTED, 0, &cmd);
	buf_done(&b);
	arena_free(&a);
	return e;
}

static void
limits(void)
{
	CHECK_ERR(parse_repeated("a SEARCH ", "NOT ", IMAP_NEST_MAX, "ALL"), ERR_OK);
	CHECK_ERR(parse_repeated("a SEARCH ", "NOT ", IMAP_NEST_MAX + 1, "ALL"), ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a SEARCH ", "(", 60000, "ALL"), ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a SEARCH ", "ALL ", IMAP_SEARCH_NODES_MAX - 2, "ALL"), ERR_OK);
	CHECK_ERR(parse_repeated("a SEARCH ", "ALL ", IMAP_SEARCH_NODES_MAX - 1, "ALL"),
	    ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a SEARCH TEXT ", "x", IMAP_SEARCH_TEXT_MAX, ""), ERR_OK);
	CHECK_ERR(parse_repeated("a SEARCH TEXT ", "x", IMAP_SEARCH_TEXT_MAX + 1, ""), ERR_TOOBIG);
	CHECK_ERR(parse_repeated("a FETCH 1 (", "BODY[1] ", IMAP_FETCH_ITEMS_MAX - 1, "BODY[2])"),
	    ERR_OK);
	CHECK_ERR(parse_repeated("a FETCH 1 (", "BODY[1] ", IMAP_FETCH_ITEMS_MAX, "BODY[2])"),
	    ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a FETCH 1 BODY[", "1.", IMAP_SECTION_DEPTH_MAX - 1, "1]"),
	    ERR_OK);
	CHECK_ERR(parse_repeated("a FETCH 1 BODY[", "1.", IMAP_SECTION_DEPTH_MAX, "1]"),
	    ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a FETCH 1 BODY[HEADER.FIELDS (", "x ", IMAP_SECTION_HEADERS_MAX,
		      "x)]"),
	    ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a LIST \"\" (", "x ", IMAP_PATTERNS_MAX, "x)"), ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a SELECT ", "x", IMAP_MAILBOX_NAME_MAX, ""), ERR_OK);
	CHECK_ERR(parse_repeated("a SELECT ", "x", IMAP_MAILBOX_NAME_MAX + 1, ""), ERR_TOOBIG);
	CHECK_ERR(parse_repeated("a STORE 1 FLAGS ", "x", IMAP_FLAG_MAX + 1, ""), ERR_TOOBIG);
	CHECK_ERR(parse_repeated("a FETCH 1", ",1", IMAP_SET_RANGES_MAX, " FLAGS"), ERR_TOOMANY);
	CHECK_ERR(parse_repeated("a ENABLE", " x", IMAP_ENABLE_MAX + 1, ""), ERR_TOOMANY);
	CHECK_ERR(parse_repeated("", "a", IMAP_TAG_MAX + 1, " NOOP"), ERR_SYNTAX);
	CHECK_ERR(parse_repeated("a ID (\"x\" NIL", " \"x\" NIL", IMAP_ID_PAIRS_MAX, ")"),
	    ERR_TOOMANY);
}

/* Whatever is cut off the end of a command, parsing it stays inside (sanitizers watch). */
static void
every_prefix(void)
{
	static const char *const lines[] = {
		"a UID FETCH 1:*,$ (UID "
		"BODY.PEEK[1.HEADER.FIELDS.NOT (\"x\" {1}\r\ny)]<1.2>) (CHANGEDSINCE 1)",
		"a SEARCH RETURN (MIN) CHARSET UTF-8 "
		"OR (1 NOT SUBJECT \"\\\\x\") MODSEQ \"a\" all 5",
		"a LIST (SUBSCRIBED) \"\" (a \"b\" {1}\r\nc) RETURN (STATUS (MESSAGES) CHILDREN)",
		"a STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen $x)",
		"a APPEND {1}\r\nx (\\Seen) \" 1-Jan-1970 00:00:00 +0000\" CATENATE (URL "
		"{2}\r\n/y URL \"x\")",
	};
	for (size_t i = 0; i < LEN(lines); i++) {
		for (size_t n = 0; n < strlen(lines[i]); n++) {
			struct arena *a = arena_new(NULL, "test", IMAP_COMMAND_BUDGET, 0);
			char *copy = arena_alloc(a, n + 1);
			memcpy(copy, lines[i], n);
			struct imap_command cmd;
			enum err e = imap_command_parse(a, (str){ copy, n }, IMAP_SELECTED, 0,
			    &cmd);
			CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_UNSUPPORTED);
			arena_free(&a);
		}
	}
}

/* Whatever little memory there is, running out is told and nothing else happens. */
static void
small_budgets(void)
{
	static const char *const lines[] = {
		"a FETCH 1,2,3 (BODY[1.2.3] BODY[HEADER.FIELDS (a b c)])",
		"a SEARCH OR (SUBJECT \"\\\"x\" 1,2) (NOT UID 3)",
		"a LIST \"\" (a&APw-b c d) RETURN (CHILDREN)",
		"a STORE 1,2 FLAGS (a b c d e f g h i j)",
	};
	for (size_t i = 0; i < LEN(lines); i++) {
		unsigned ok = 0, budget = 0;
		for (size_t size = 64; size < 16384; size += 64) {
			struct arena *a = arena_new(NULL, "test", size, 0);
			struct imap_command cmd;
			enum err e = a == NULL
			    ? ERR_BUDGET
			    : imap_command_parse(a, str_from(lines[i]), IMAP_SELECTED, 0, &cmd);
			ok += e == ERR_OK;
			budget += e == ERR_BUDGET;
			arena_free(&a);
		}
		CHECK(ok > 0 && budget > 0);
		CHECK_U64(ok + budget, 255);
	}
}

TEST_MAIN(mailboxes, lists, fetches, stores_and_copies, searches, refuses, state_matrix, limits,
    every_prefix, small_budgets)
