/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of SEARCH, read with a stack of open groups instead of recursion.
 *
 *	search = "SEARCH" [SP "RETURN" SP "(" [opt *(SP opt)] ")"] SP
 *	         ["CHARSET" SP charset SP] search-key *(SP search-key)
 *	search-key = name [arguments] / "NOT" SP search-key / "OR" SP search-key SP search-key
 *	             / "FUZZY" SP search-key
 *	             / sequence-set / "(" search-key *(SP search-key) ")"
 */
#include "base/codec.h"
#include "mail/date.h"
#include "proto/imap/args.h"

enum arg {
	ARG_NONE,
	ARG_TEXT,
	ARG_HEADER,
	ARG_KEYWORD,
	ARG_DATE,
	ARG_NUMBER,
	ARG_INTERVAL,
	ARG_UID,
	ARG_UIDAFTER,
	ARG_UIDBEFORE,
	ARG_MODSEQ,
	ARG_OBJECT
};

static const struct key {
	str name;
	enum imap_search_op op;
	enum arg arg;
	bool negate;
	uint8_t cost;
	unsigned number; /* flag bits */
	str field;       /* header name */
} keys[] = {
	{ S_INIT("ALL"), IMAP_SEARCH_ALL, ARG_NONE, false, 0, 0, { 0 } },
	{ S_INIT("ANSWERED"), IMAP_SEARCH_FLAG, ARG_NONE, false, 0, IMAP_FLAG_ANSWERED, { 0 } },
	{ S_INIT("BCC"), IMAP_SEARCH_HEADER, ARG_TEXT, false, 1, 0, S_INIT("Bcc") },
	{ S_INIT("BEFORE"), IMAP_SEARCH_BEFORE, ARG_DATE, false, 0, 0, { 0 } },
	{ S_INIT("BODY"), IMAP_SEARCH_BODY, ARG_TEXT, false, 3, 0, { 0 } },
	{ S_INIT("CC"), IMAP_SEARCH_HEADER, ARG_TEXT, false, 1, 0, S_INIT("Cc") },
	{ S_INIT("DELETED"), IMAP_SEARCH_FLAG, ARG_NONE, false, 0, IMAP_FLAG_DELETED, { 0 } },
	{ S_INIT("DRAFT"), IMAP_SEARCH_FLAG, ARG_NONE, false, 0, IMAP_FLAG_DRAFT, { 0 } },
	{ S_INIT("EMAILID"), IMAP_SEARCH_EMAILID, ARG_OBJECT, false, 1, 0, { 0 } },
	{ S_INIT("FLAGGED"), IMAP_SEARCH_FLAG, ARG_NONE, false, 0, IMAP_FLAG_FLAGGED, { 0 } },
	{ S_INIT("FROM"), IMAP_SEARCH_HEADER, ARG_TEXT, false, 1, 0, S_INIT("From") },
	{ S_INIT("HEADER"), IMAP_SEARCH_HEADER, ARG_HEADER, false, 2, 0, { 0 } },
	{ S_INIT("KEYWORD"), IMAP_SEARCH_KEYWORD, ARG_KEYWORD, false, 0, 0, { 0 } },
	{ S_INIT("LARGER"), IMAP_SEARCH_LARGER, ARG_NUMBER, false, 0, 0, { 0 } },
	{ S_INIT("MODSEQ"), IMAP_SEARCH_MODSEQ, ARG_MODSEQ, false, 0, 0, { 0 } },
	/* No message is \Recent here (README), so NEW and RECENT find nothing and OLD everything.
	 */
	{ S_INIT("NEW"), IMAP_SEARCH_ALL, ARG_NONE, true, 0, 0, { 0 } },
	{ S_INIT("OLD"), IMAP_SEARCH_ALL, ARG_NONE, false, 0, 0, { 0 } },
	{ S_INIT("OLDER"), IMAP_SEARCH_OLDER, ARG_INTERVAL, false, 0, 0, { 0 } },
	{ S_INIT("ON"), IMAP_SEARCH_ON, ARG_DATE, false, 0, 0, { 0 } },
	{ S_INIT("RECENT"), IMAP_SEARCH_ALL, ARG_NONE, true, 0, 0, { 0 } },
	{ S_INIT("SAVEDATESUPPORTED"), IMAP_SEARCH_ALL, ARG_NONE, false, 0, 0, { 0 } },
	{ S_INIT("SAVEDBEFORE"), IMAP_SEARCH_SAVEDBEFORE, ARG_DATE, false, 0, 0, { 0 } },
	{ S_INIT("SAVEDON"), IMAP_SEARCH_SAVEDON, ARG_DATE, false, 0, 0, { 0 } },
	{ S_INIT("SAVEDSINCE"), IMAP_SEARCH_SAVEDSINCE, ARG_DATE, false, 0, 0, { 0 } },
	{ S_INIT("SEEN"), IMAP_SEARCH_FLAG, ARG_NONE, false, 0, IMAP_FLAG_SEEN, { 0 } },
	{ S_INIT("SENTBEFORE"), IMAP_SEARCH_SENTBEFORE, ARG_DATE, false, 1, 0, { 0 } },
	{ S_INIT("SENTON"), IMAP_SEARCH_SENTON, ARG_DATE, false, 1, 0, { 0 } },
	{ S_INIT("SENTSINCE"), IMAP_SEARCH_SENTSINCE, ARG_DATE, false, 1, 0, { 0 } },
	{ S_INIT("SINCE"), IMAP_SEARCH_SINCE, ARG_DATE, false, 0, 0, { 0 } },
	{ S_INIT("SMALLER"), IMAP_SEARCH_SMALLER, ARG_NUMBER, false, 0, 0, { 0 } },
	{ S_INIT("SUBJECT"), IMAP_SEARCH_HEADER, ARG_TEXT, false, 1, 0, S_INIT("Subject") },
	{ S_INIT("TEXT"), IMAP_SEARCH_TEXT, ARG_TEXT, false, 3, 0, { 0 } },
	{ S_INIT("THREADID"), IMAP_SEARCH_THREADID, ARG_OBJECT, false, 1, 0, { 0 } },
	{ S_INIT("TO"), IMAP_SEARCH_HEADER, ARG_TEXT, false, 1, 0, S_INIT("To") },
	{ S_INIT("UID"), IMAP_SEARCH_UID, ARG_UID, false, 0, 0, { 0 } },
	{ S_INIT("UIDAFTER"), IMAP_SEARCH_UID, ARG_UIDAFTER, false, 0, 0, { 0 } },
	{ S_INIT("UIDBEFORE"), IMAP_SEARCH_UID, ARG_UIDBEFORE, false, 0, 0, { 0 } },
	{ S_INIT("UNANSWERED"), IMAP_SEARCH_FLAG, ARG_NONE, true, 0, IMAP_FLAG_ANSWERED, { 0 } },
	{ S_INIT("UNDELETED"), IMAP_SEARCH_FLAG, ARG_NONE, true, 0, IMAP_FLAG_DELETED, { 0 } },
	{ S_INIT("UNDRAFT"), IMAP_SEARCH_FLAG, ARG_NONE, true, 0, IMAP_FLAG_DRAFT, { 0 } },
	{ S_INIT("UNFLAGGED"), IMAP_SEARCH_FLAG, ARG_NONE, true, 0, IMAP_FLAG_FLAGGED, { 0 } },
	{ S_INIT("UNKEYWORD"), IMAP_SEARCH_KEYWORD, ARG_KEYWORD, true, 0, 0, { 0 } },
	{ S_INIT("UNSEEN"), IMAP_SEARCH_FLAG, ARG_NONE, true, 0, IMAP_FLAG_SEEN, { 0 } },
	{ S_INIT("YOUNGER"), IMAP_SEARCH_YOUNGER, ARG_INTERVAL, false, 0, 0, { 0 } },
};

/*
 * An open group: kids still to come, or 0 for a parenthesis (closed by ")") and the root. FUZZY has
 * no node of its own: it marks the nodes of its key, the first of which is `node`.
 */
struct group {
	uint16_t node;
	uint8_t kids;
	bool fuzzy;
};

struct parse {
	struct imap_cur *c;
	struct imap_vec nodes;
	struct group stack[IMAP_NEST_MAX + 1];
	size_t depth;
	struct imap_search_program *program;
};

static struct imap_search_node *
add_node(struct parse *p, enum imap_search_op op)
{
	static struct imap_search_node lost; /* written after a failure, never read */
	struct imap_search_node *node = imap_vec_add(p->c, &p->nodes);
	if (node == NULL) {
		return &lost;
	}
	*node = (struct imap_search_node){ .op = op, .end = (uint16_t)p->nodes.n };
	return node;
}

static void
push_group(struct parse *p, uint8_t kids, bool fuzzy)
{
	if (p->depth == LEN(p->stack)) {
		imap_cur_fail(p->c, ERR_TOOMANY);
		return;
	}
	p->stack[p->depth++] = (struct group){ (uint16_t)p->nodes.n, kids, fuzzy };
}

static void
open_group(struct parse *p, enum imap_search_op op, uint8_t kids)
{
	push_group(p, kids, false);
	if (imap_cur_ok(p->c)) {
		(void)add_node(p, op);
	}
}

static void
close_group(struct parse *p)
{
	struct imap_search_node *nodes = p->nodes.p;
	const struct group *group = &p->stack[--p->depth];
	if (!group->fuzzy) {
		nodes[group->node].end = (uint16_t)p->nodes.n;
		return;
	}
	for (size_t i = group->node; i < p->nodes.n; i++) { /* IMAP_NEST_MAX times at most */
		nodes[i].fuzzy = true;
	}
}

/* A search string: valid UTF-8 of bounded length. */
static str
parse_text(struct imap_cur *c)
{
	str text = imap_cur_astring(c);
	if (text.n > IMAP_SEARCH_TEXT_MAX) {
		imap_cur_fail(c, ERR_TOOBIG);
	} else if (imap_cur_ok(c) && !utf8_valid(text)) {
		imap_cur_fail(c, ERR_CHARSET);
	}
	return text;
}

static uint64_t
parse_day(struct imap_cur *c)
{
	int32_t day = 0;
	str text = imap_cur_is(c, '"') ? imap_cur_string(c) : imap_cur_run(c);
	if (imap_cur_ok(c) && mail_imap_date_parse(text, &day) != ERR_OK) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	return (uint64_t)(int64_t)day;
}

/* "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-value (RFC 7162 3.1.5) */
static uint64_t
parse_modseq(struct imap_cur *c)
{
	if (imap_cur_is(c, '"')) {
		(void)imap_cur_string(c); /* per-flag mod-sequences are not kept: the message's
					     counts */
		imap_cur_sp(c);
		if (!imap_cur_word(c, S("all")) && !imap_cur_word(c, S("priv")) &&
		    !imap_cur_word(c, S("shared"))) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		imap_cur_sp(c);
	}
	return imap_cur_number64(c);
}

/* nz-number (RFC 5032 3) */
static uint64_t
parse_interval(struct imap_cur *c)
{
	return imap_cur_nz_number(c);
}

/* "UIDAFTER" SP uniqueid, "UIDBEFORE" SP uniqueid (RFC 9738 3.2); nothing may be beyond. */
static struct imap_seqset
parse_beyond(struct imap_cur *c, bool after)
{
	uint32_t uid = imap_cur_number(c);
	struct imap_seqset set = { .n = uid != (after ? UINT32_MAX : 1) };
	if (uid == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	set.r = arena_alloc(c->arena, sizeof *set.r);
	if (set.r == NULL) {
		imap_cur_fail(c, ERR_BUDGET);
		return (struct imap_seqset){ 0 };
	}
	*set.r = after ? (struct imap_range){ uid + 1, UINT32_MAX }
		       : (struct imap_range){ 1, uid - 1 };
	return set;
}

static void
parse_arg(struct parse *p, const struct key *key, struct imap_search_node *node)
{
	struct imap_cur *c = p->c;
	if (key->arg != ARG_NONE) {
		imap_cur_sp(c);
	}
	switch (key->arg) {
	case ARG_NONE: break;
	case ARG_HEADER:
		node->name = imap_cur_astring(c);
		imap_cur_sp(c);
		node->text = parse_text(c);
		break;
	case ARG_TEXT: node->text = parse_text(c); break;
	case ARG_KEYWORD: node->text = imap_cur_flag(c); break;
	case ARG_OBJECT: node->text = imap_cur_atom(c); break;
	case ARG_DATE: node->number = parse_day(c); break;
	case ARG_NUMBER: node->number = imap_cur_number64(c); break;
	case ARG_INTERVAL: node->number = parse_interval(c); break;
	case ARG_UID: node->set = imap_parse_set(c); break;
	case ARG_UIDAFTER: node->set = parse_beyond(c, true); break;
	case ARG_UIDBEFORE: node->set = parse_beyond(c, false); break;
	case ARG_MODSEQ:
		node->number = parse_modseq(c);
		p->program->has_modseq = true;
		break;
	}
}

static void
parse_leaf(struct parse *p, str name)
{
	const struct key *key = NULL;
	for (size_t i = 0; key == NULL && i < LEN(keys); i++) {
		key = str_ieq(name, keys[i].name) ? &keys[i] : NULL;
	}
	if (key == NULL) {
		imap_cur_fail(p->c, ERR_SYNTAX);
		return;
	}
	struct imap_search_node *negation = key->negate ? add_node(p, IMAP_SEARCH_NOT) : NULL;
	size_t negation_at = p->nodes.n - 1;
	struct imap_search_node *node = add_node(p, key->op);
	node->cost = key->cost;
	node->number = key->number;
	node->name = key->field;
	parse_arg(p, key, node);
	if (negation != NULL && imap_cur_ok(p->c)) {
		((struct imap_search_node *)p->nodes.p)[negation_at].end = (uint16_t)p->nodes.n;
	}
}

/* One key, or the opening of a group; true when a key was completed. */
static bool
parse_key(struct parse *p)
{
	struct imap_cur *c = p->c;
	if (imap_cur_try(c, '(')) {
		open_group(p, IMAP_SEARCH_AND, 0);
		return false;
	}
	if (c->p < c->end && (ascii_is_digit(*c->p) || *c->p == '*' || *c->p == '$')) {
		struct imap_seqset set = imap_parse_set(c);
		add_node(p, IMAP_SEARCH_SEQ)->set = set;
		p->program->has_seq = p->program->has_seq || !set.saved;
		return true;
	}
	str name = imap_cur_atom(c);
	if (str_ieq(name, S("NOT"))) {
		open_group(p, IMAP_SEARCH_NOT, 1);
		imap_cur_sp(c);
		return false;
	}
	if (str_ieq(name, S("OR"))) {
		open_group(p, IMAP_SEARCH_OR, 2);
		imap_cur_sp(c);
		return false;
	}
	if (str_ieq(name, S("FUZZY"))) {
		push_group(p, 1, true);
		p->program->has_fuzzy = true;
		imap_cur_sp(c);
		return false;
	}
	parse_leaf(p, name);
	return true;
}

/* After a key: close every group it completes, and take the SP before the next key; false at the
 * end. */
static bool
after_key(struct parse *p)
{
	while (imap_cur_ok(p->c)) {
		struct group *top = &p->stack[p->depth - 1];
		if (top->kids == 1) {
			close_group(p);
		} else if (top->kids > 1) {
			top->kids--;
			imap_cur_sp(p->c);
			return imap_cur_ok(p->c);
		} else if (p->depth > 1 && imap_cur_try(p->c, ')')) {
			close_group(p);
		} else {
			if (p->depth == 1 && p->c->p == p->c->end) {
				return false;
			}
			imap_cur_sp(p->c);
			return imap_cur_ok(p->c);
		}
	}
	return false;
}

/* nz-number ":" nz-number, or both with "-" (RFC 9394 4) */
struct imap_partial
imap_parse_partial(struct imap_cur *c)
{
	struct imap_partial p = { .from_end = imap_cur_is(c, '-') };
	(void)imap_cur_try(c, '-');
	p.first = imap_cur_number(c);
	imap_cur_ch(c, ':');
	if (p.from_end) {
		imap_cur_ch(c, '-');
	}
	p.second = imap_cur_number(c);
	if (p.first == 0 || p.second == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	return p;
}

static void
parse_option(struct imap_cur *c, struct imap_search_args *search)
{
	static const struct {
		str name;
		unsigned bit;
	} options[] = {
		{ S_INIT("MIN"), IMAP_RETURN_MIN },
		{ S_INIT("MAX"), IMAP_RETURN_MAX },
		{ S_INIT("ALL"), IMAP_RETURN_ALL },
		{ S_INIT("COUNT"), IMAP_RETURN_COUNT },
		{ S_INIT("SAVE"), IMAP_RETURN_SAVE },
		{ S_INIT("PARTIAL"), IMAP_RETURN_PARTIAL },
		{ S_INIT("RELEVANCY"), IMAP_RETURN_RELEVANCY },
	};
	str name = imap_cur_atom(c);
	unsigned bit = 0;
	for (size_t i = 0; i < LEN(options); i++) {
		bit |= str_ieq(name, options[i].name) ? options[i].bit : 0;
	}
	if (bit == IMAP_RETURN_PARTIAL) {
		imap_cur_sp(c);
		search->partial = imap_parse_partial(c);
		bit = (search->ret & IMAP_RETURN_PARTIAL) != 0 ? 0 : bit; /* once only: 9394 3.1 */
	}
	if (bit == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	search->ret |= bit;
}

void
imap_parse_return(struct imap_cur *c, struct imap_search_args *search)
{
	search->extended = imap_cur_word(c, S("RETURN"));
	if (!search->extended) {
		return;
	}
	imap_cur_sp(c);
	imap_cur_ch(c, '(');
	for (bool first = true; imap_cur_ok(c) && !imap_cur_is(c, ')'); first = false) {
		if (!first) {
			imap_cur_sp(c);
		}
		parse_option(c, search);
	}
	imap_cur_ch(c, ')');
	imap_cur_sp(c);
	unsigned both = IMAP_RETURN_PARTIAL | IMAP_RETURN_ALL;
	if ((search->ret & both) == both) {
		imap_cur_fail(c, ERR_SYNTAX); /* RFC 9394 3.1 */
	}
	search->ret = search->ret == 0 ? (unsigned)IMAP_RETURN_ALL : search->ret;
}

void
imap_parse_charset(struct imap_cur *c)
{
	str charset = imap_cur_astring(c);
	imap_cur_sp(c);
	if (imap_cur_ok(c) && !str_ieq(charset, S("UTF-8")) && !str_ieq(charset, S("US-ASCII"))) {
		imap_cur_fail(c, ERR_CHARSET);
	}
}

/* Each fuzzy string costs more of every letter than another one. */
static void
check_fuzzy(struct imap_cur *c, const struct imap_search_node *nodes, size_t n)
{
	size_t strings = 0;
	for (size_t i = 0; i < n; i++) {
		strings += nodes[i].fuzzy && imap_search_is_string(&nodes[i]);
	}
	if (strings > IMAP_SEARCH_FUZZY_MAX) {
		imap_cur_fail(c, ERR_TOOMANY);
	}
}

static void
parse_program(struct imap_cur *c, struct imap_search_program *program)
{
	struct parse p = {
		.c = c,
		.nodes = { .max = IMAP_SEARCH_NODES_MAX, .size = sizeof(struct imap_search_node) },
		.program = program,
	};
	open_group(&p, IMAP_SEARCH_AND, 0);
	bool more = imap_cur_ok(c);
	while (more) {
		more = !parse_key(&p) ? imap_cur_ok(c) : after_key(&p);
	}
	if (!imap_cur_ok(c)) {
		return;
	}
	close_group(&p);
	check_fuzzy(c, p.nodes.p, p.nodes.n);
	program->nodes = p.nodes.p;
	program->n = p.nodes.n;
	imap_search_compile(program);
}

void
imap_parse_program(struct imap_cur *c, struct imap_search_args *search)
{
	parse_program(c, &search->program);
	if ((search->ret & IMAP_RETURN_RELEVANCY) != 0 && !search->program.has_fuzzy) {
		imap_cur_fail(c, ERR_SYNTAX); /* RFC 6203 4 */
	}
}

void
imap_args_search(struct imap_cur *c, struct imap_command *cmd)
{
	struct imap_search_args *search = &cmd->u.search;
	imap_cur_sp(c);
	imap_parse_return(c, search);
	search->charset = imap_cur_word(c, S("CHARSET"));
	if (search->charset) {
		imap_cur_sp(c);
		imap_parse_charset(c);
	}
	imap_parse_program(c, search);
}
