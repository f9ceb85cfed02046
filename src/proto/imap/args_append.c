/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of APPEND and REPLACE, line by line: the literals that are messages, or octets of one,
 * stand between the lines and never come here.
 *
 *	append  = "APPEND" SP mailbox 1*append-message
 *	replace = "REPLACE" SP seq-number SP mailbox append-message
 *	append-message = SP [flag-list SP] [date-time SP] append-data
 *	append-data = literal / literal8 / "UTF8" SP "(" literal8 ")"
 *	              / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
 *	cat-part = "TEXT" SP literal / "URL" SP astring
 */
#include "mail/date.h"
#include "proto/imap/args.h"

struct line {
	struct imap_cur *c;
	struct imap_append *append;
	struct imap_vec steps;
	bool literal; /* the line ends in a literal of message octets */
};

static struct imap_append_step *
add_step(struct line *l, enum imap_append_step_kind kind)
{
	static struct imap_append_step lost; /* written after a failure, never read */
	struct imap_append_step *step = imap_cur_ok(l->c) ? imap_vec_add(l->c, &l->steps) : NULL;
	step = step == NULL ? &lost : step;
	*step = (struct imap_append_step){ .kind = kind };
	return step;
}

static void
parse_date(struct imap_cur *c, struct imap_append_step *step)
{
	str text = imap_cur_string(c);
	struct mail_date date;
	if (!imap_cur_ok(c)) {
		return;
	}
	if (mail_imap_datetime_parse(text, &date) != ERR_OK) {
		imap_cur_fail(c, ERR_SYNTAX);
		return;
	}
	step->has_date = true;
	step->date_s = date.unix_s;
	step->zone_min = date.zone_min;
	imap_cur_sp(c);
}

/* Here a literal of message octets must follow, and the line ends. */
static void
await_literal(struct line *l, enum imap_append_where where)
{
	if (!l->literal || l->c->p != l->c->end) {
		imap_cur_fail(l->c, ERR_SYNTAX);
	}
	l->append->where = where;
}

/* cat-part *(SP cat-part) ")"; true when the message is complete. */
static bool
parse_parts(struct line *l)
{
	struct imap_cur *c = l->c;
	do {
		if (imap_cur_word(c, S("TEXT"))) {
			imap_cur_sp(c);
			await_literal(l, IMAP_APPEND_CATENATE);
			return false;
		}
		if (!imap_cur_word(c, S("URL"))) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		imap_cur_sp(c);
		str url = imap_cur_astring(c);
		add_step(l, IMAP_STEP_URL)->url = url;
	} while (imap_cur_try(c, ' '));
	imap_cur_ch(c, ')');
	return imap_cur_ok(c);
}

/* One append-message from its SP; true when it is complete without further octets. */
static bool
parse_message(struct line *l)
{
	struct imap_cur *c = l->c;
	struct imap_append *a = l->append;
	if ((a->replace && a->messages > 0) || ++a->messages > IMAP_APPEND_MESSAGES_MAX) {
		imap_cur_fail(c, a->replace ? ERR_SYNTAX : ERR_TOOMANY);
	}
	struct imap_append_step *step = add_step(l, IMAP_STEP_MESSAGE);
	imap_cur_sp(c);
	if (imap_cur_is(c, '(')) {
		step->flags = imap_parse_flags(c);
		imap_cur_sp(c);
	}
	if (imap_cur_is(c, '"')) {
		parse_date(c, step);
	}
	if (imap_cur_word(c, S("UTF8"))) {
		imap_cur_sp(c);
		imap_cur_ch(c, '(');
		await_literal(l, IMAP_APPEND_UTF8);
		if (!a->literal8) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		return false;
	}
	step->catenate = imap_cur_word(c, S("CATENATE"));
	if (step->catenate) {
		imap_cur_sp(c);
		imap_cur_ch(c, '(');
		return parse_parts(l);
	}
	await_literal(l, IMAP_APPEND_LITERAL);
	return false;
}

static void
parse_head(struct line *l)
{
	struct imap_cur *c = l->c;
	imap_cur_sp(c);
	if (l->append->replace) {
		l->append->number = imap_cur_number(c);
		if (l->append->number == 0) {
			imap_cur_fail(c, ERR_SYNTAX);
		}
		imap_cur_sp(c);
	}
	if (imap_cur_ok(c) && l->literal && c->p == c->end) {
		imap_cur_fail(c, ERR_AGAIN); /* the literal is the mailbox name */
		return;
	}
	l->append->mailbox = imap_cur_mailbox(c);
}

/* Finish what the literal before this line left open; true when its message is complete. */
static bool
parse_rest(struct line *l)
{
	switch (l->append->where) {
	case IMAP_APPEND_HEAD: parse_head(l); return true;
	case IMAP_APPEND_LITERAL: return true;
	case IMAP_APPEND_UTF8: imap_cur_ch(l->c, ')'); return true;
	case IMAP_APPEND_CATENATE: break;
	}
	if (imap_cur_try(l->c, ')')) {
		return true;
	}
	imap_cur_sp(l->c);
	return parse_parts(l);
}

void
imap_append_line(struct imap_cur *c, struct imap_append *append, bool literal)
{
	struct line l = { .c = c,
		.append = append,
		.literal = literal,
		.steps = {
		    .max = IMAP_APPEND_STEPS_MAX, .size = sizeof(struct imap_append_step) } };
	bool complete = parse_rest(&l);
	while (complete && imap_cur_ok(c) && (literal || c->p < c->end)) {
		complete = parse_message(&l);
	}
	if (complete && append->messages == 0) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	append->steps = l.steps.p;
	append->n = l.steps.n;
}

/* A command without literals of message octets: everything is CATENATE (URL ...). */
void
imap_args_append(struct imap_cur *c, struct imap_command *cmd)
{
	cmd->u.append = (struct imap_append){ .replace = cmd->verb == IMAP_REPLACE,
		.uid = cmd->uid };
	imap_append_line(c, &cmd->u.append, false);
}
