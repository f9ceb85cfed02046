/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of NOTIFY (RFC 5465 8). Events may stand without their parentheses, as in the examples
 * of 3.1.
 *
 *	notify       = "NOTIFY" SP ("NONE" / "SET" [SP "STATUS"] 1*(SP event-group))
 *	event-group  = "(" filter SP ("(" event *(SP event) ")" / event *(SP event) / "NONE") ")"
 *	filter       = "selected" / "selected-delayed" / "inboxes" / "personal" / "subscribed" /
 *	               ("subtree" / "mailboxes") SP (mailbox / "(" mailbox *(SP mailbox) ")")
 *	event        = "MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"] / atom
 */
#include "proto/imap/args.h"

static const struct {
	str name;
	unsigned bit;
} events[] = {
	{ S_INIT("MessageNew"), IMAP_NOTIFY_NEW },
	{ S_INIT("MessageExpunge"), IMAP_NOTIFY_EXPUNGE },
	{ S_INIT("FlagChange"), IMAP_NOTIFY_FLAGS },
	{ S_INIT("MailboxName"), IMAP_NOTIFY_NAME },
	{ S_INIT("SubscriptionChange"), IMAP_NOTIFY_SUBSCRIPTION },
	{ S_INIT("MailboxMetadataChange"), IMAP_NOTIFY_METADATA },
	{ S_INIT("ServerMetadataChange"), IMAP_NOTIFY_SERVER },
};

void
imap_notify_events_put(struct buf *out)
{
	for (size_t i = 0; i < LEN(events); i++) {
		buf_cstr(out, i > 0 ? " " : "");
		buf_str(out, events[i].name);
	}
}

static unsigned
event_bit(str name)
{
	for (size_t i = 0; i < LEN(events); i++) {
		if (str_ieq(name, events[i].name)) {
			return events[i].bit;
		}
	}
	return 0;
}

static void
parse_names(struct imap_cur *c, struct imap_notify_group *g)
{
	struct imap_vec v = { .max = IMAP_NOTIFY_NAMES_MAX, .size = sizeof(str) };
	imap_cur_sp(c);
	bool list = imap_cur_try(c, '(');
	do {
		str name = imap_cur_mailbox(c);
		str *slot = imap_cur_ok(c) ? imap_vec_add(c, &v) : NULL;
		if (slot != NULL) {
			*slot = name;
		}
	} while (list && imap_cur_try(c, ' '));
	if (list) {
		imap_cur_ch(c, ')');
	}
	g->names = v.p;
	g->n = v.n;
}

static void
parse_filter(struct imap_cur *c, struct imap_notify_group *g)
{
	static const str names[] = {
		[IMAP_NOTIFY_SELECTED] = S_INIT("selected"),
		[IMAP_NOTIFY_DELAYED] = S_INIT("selected-delayed"),
		[IMAP_NOTIFY_INBOXES] = S_INIT("inboxes"),
		[IMAP_NOTIFY_PERSONAL] = S_INIT("personal"),
		[IMAP_NOTIFY_SUBSCRIBED] = S_INIT("subscribed"),
		[IMAP_NOTIFY_SUBTREE] = S_INIT("subtree"),
		[IMAP_NOTIFY_MAILBOXES] = S_INIT("mailboxes"),
	};
	str word = imap_cur_atom(c);
	size_t i = 0;
	while (i < LEN(names) && !str_ieq(word, names[i])) {
		i++;
	}
	if (i == LEN(names)) {
		imap_cur_fail(c, ERR_SYNTAX);
		return;
	}
	g->filter = (enum imap_notify_filter)i;
	if (g->filter >= IMAP_NOTIFY_SUBTREE) {
		parse_names(c, g);
	}
}

static bool
is_selected(const struct imap_notify_group *g)
{
	return g->filter == IMAP_NOTIFY_SELECTED || g->filter == IMAP_NOTIFY_DELAYED;
}

/* After MessageNew: attributes of the new message, for the selected mailbox alone. */
static void
parse_attributes(struct imap_cur *c, struct imap_notify_group *g)
{
	if (c->end - c->p < 2 || c->p[0] != ' ' || c->p[1] != '(') {
		return;
	}
	imap_cur_sp(c);
	imap_parse_fetch_items(c, &g->fetch);
	g->has_fetch = true;
	g->fetch.sets_seen = false; /* nobody has read what comes by itself */
	if (!is_selected(g)) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

static void
parse_events(struct imap_cur *c, struct imap_notify_args *notify, struct imap_notify_group *g)
{
	imap_cur_sp(c);
	if (imap_cur_word(c, S("NONE"))) {
		return;
	}
	bool list = imap_cur_try(c, '(');
	do {
		unsigned bit = event_bit(imap_cur_atom(c));
		notify->unknown = notify->unknown || (imap_cur_ok(c) && bit == 0);
		g->events |= bit;
		if (bit == IMAP_NOTIFY_NEW) {
			parse_attributes(c, g);
		}
	} while (imap_cur_try(c, ' '));
	if (list) {
		imap_cur_ch(c, ')');
	}
}

/* What goes together (RFC 5465 5, 6.1). */
static void
check_group(struct imap_cur *c, const struct imap_notify_group *g)
{
	unsigned both = g->events & (IMAP_NOTIFY_NEW | IMAP_NOTIFY_EXPUNGE);
	bool half = both == IMAP_NOTIFY_NEW || both == IMAP_NOTIFY_EXPUNGE;
	bool bare = (g->events & IMAP_NOTIFY_FLAGS) != 0 && both == 0;
	bool foreign = is_selected(g) && (g->events & IMAP_NOTIFY_OTHERS) != 0;
	if (half || bare || foreign) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
}

static void
parse_groups(struct imap_cur *c, struct imap_notify_args *notify)
{
	struct imap_vec v = { .max = IMAP_NOTIFY_GROUPS_MAX,
		.size = sizeof(struct imap_notify_group) };
	bool selected = false;
	do {
		struct imap_notify_group g = { 0 };
		imap_cur_ch(c, '(');
		parse_filter(c, &g);
		parse_events(c, notify, &g);
		imap_cur_ch(c, ')');
		check_group(c, &g);
		if (is_selected(&g) && selected) {
			imap_cur_fail(c, ERR_SYNTAX); /* RFC 5465 6.1: only one of them */
		}
		selected = selected || is_selected(&g);
		notify->expunges = notify->expunges || g.filter == IMAP_NOTIFY_SELECTED;
		struct imap_notify_group *slot = imap_cur_ok(c) ? imap_vec_add(c, &v) : NULL;
		if (slot != NULL) {
			*slot = g;
		}
	} while (imap_cur_try(c, ' '));
	notify->groups = v.p;
	notify->n = v.n;
}

static void
parse(struct imap_cur *c, struct imap_notify_args *notify)
{
	notify->text = (str){ c->p, (size_t)(c->end - c->p) };
	if (notify->text.n > IMAP_NOTIFY_TEXT_MAX) {
		imap_cur_fail(c, ERR_TOOMANY);
		return;
	}
	imap_cur_sp(c);
	if (imap_cur_word(c, S("NONE"))) {
		return;
	}
	if (!imap_cur_word(c, S("SET"))) {
		imap_cur_fail(c, ERR_SYNTAX);
	}
	notify->set = true;
	imap_cur_sp(c);
	notify->status = imap_cur_word(c, S("STATUS"));
	if (notify->status) {
		imap_cur_sp(c);
	}
	parse_groups(c, notify);
}

void
imap_args_notify(struct imap_cur *c, struct imap_command *cmd)
{
	parse(c, &cmd->u.notify);
}

enum err
imap_notify_parse(struct arena *a, str text, bool utf8, struct imap_notify_args *ret)
{
	struct imap_notify_args args = { 0 };
	struct imap_cur c = imap_cur_make(a, text, utf8);
	parse(&c, &args);
	TRY(imap_cur_end(&c));
	*ret = args;
	return ERR_OK;
}
