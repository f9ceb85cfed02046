/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tag, verb, state, arguments: the one dispatcher of the parser. All knowledge of verbs is in
 * commands.def.
 */
#include "proto/imap/command.h"

#include "proto/imap/args.h"

#define NOTAUTH IMAP_NOTAUTH
#define AUTH IMAP_AUTH
#define SELECTED IMAP_SELECTED
#define IN (AUTH | SELECTED)
#define ANY (NOTAUTH | IN)
#define UID IMAP_VERB_UID
#define NOEXPUNGE IMAP_VERB_NOEXPUNGE
const struct imap_verb_row imap_verbs[IMAP_VERB_COUNT] = {
#define CMD(verb, states, flags, handler, args, grammar, rfc) \
	[IMAP_##verb] = { S_INIT(#verb), states, flags, grammar, rfc },
#include "proto/imap/commands.def"
#undef CMD
};
#undef UID

static imap_args_fn *const parsers[IMAP_VERB_COUNT] = {
#define CMD(verb, states, flags, handler, args, grammar, rfc) [IMAP_##verb] = imap_args_##args,
#include "proto/imap/commands.def"
#undef CMD
};

/* tag = 1*<any ASTRING-CHAR except "+"> */
str
imap_tag_of(str raw)
{
	size_t n = 0;
	while (n < raw.n && imap_is_astring_char(raw.p[n]) && raw.p[n] != '+') {
		n++;
	}
	bool whole = n > 0 && n <= IMAP_TAG_MAX && (n == raw.n || raw.p[n] == ' ');
	return whole ? str_sub(raw, 0, n) : STR_NONE;
}

/* The octets behind the verb of a command whose messages are streamed; p NULL: another command. */
static str
behind_append(str raw, struct imap_append *a)
{
	static const struct {
		str verb;
		bool replace, uid;
	} verbs[] = {
		{ S_INIT(" APPEND "), false, false },
		{ S_INIT(" REPLACE "), true, false },
		{ S_INIT(" UID REPLACE "), true, true },
	};
	str rest = str_from_off(raw, imap_tag_of(raw).n);
	for (size_t i = 0; rest.n != raw.n && i < LEN(verbs); i++) {
		if (str_istarts(rest, verbs[i].verb)) {
			a->replace = verbs[i].replace;
			a->uid = verbs[i].uid;
			return str_from_off(rest, verbs[i].verb.n - 1);
		}
	}
	return STR_NONE;
}

bool
imap_is_append(str raw)
{
	struct imap_append a;
	return behind_append(raw, &a).p != NULL;
}

bool
imap_append_wants_url(str line)
{
	str tail = str_from_off(line, line.n - MIN(line.n, (size_t)5));
	return str_ieq(tail, S(" URL ")) || str_ieq(tail, S("(URL "));
}

static bool
find_verb(str word, enum imap_verb *ret)
{
	for (size_t i = 0; i < IMAP_VERB_COUNT; i++) {
		if (str_ieq(word, imap_verbs[i].name)) {
			*ret = (enum imap_verb)i;
			return true;
		}
	}
	return false;
}

/* [ "UID" SP ] verb, and may it stand here? */
static enum err
parse_verb(struct imap_cur *c, enum imap_state state, struct imap_command *cmd)
{
	str word = imap_cur_atom(c);
	if (c->err != ERR_OK) {
		return c->err;
	}
	cmd->uid = str_ieq(word, S("UID"));
	if (cmd->uid) {
		imap_cur_sp(c);
		word = imap_cur_atom(c);
	}
	if (c->err != ERR_OK) {
		return c->err;
	}
	if (!find_verb(word, &cmd->verb)) {
		return ERR_UNSUPPORTED;
	}
	const struct imap_verb_row *row = &imap_verbs[cmd->verb];
	if (cmd->uid && (row->flags & IMAP_VERB_UID) == 0) {
		return ERR_UNSUPPORTED;
	}
	return (row->states & state) != 0 ? ERR_OK : ERR_BADSTATE;
}

enum err
imap_command_parse(struct arena *a, str raw, enum imap_state state, unsigned enabled,
    struct imap_command *ret)
{
	*ret = (struct imap_command){ .tag = imap_tag_of(raw) };
	if (ret->tag.n == 0) {
		return ERR_SYNTAX;
	}
	struct imap_cur c = imap_cur_make(a, str_from_off(raw, ret->tag.n),
	    imap_enabled_utf8(enabled));
	imap_cur_sp(&c);
	TRY(parse_verb(&c, state, ret));
	parsers[ret->verb](&c, ret);
	return imap_cur_end(&c);
}

enum err
imap_append_parse(struct arena *arena, str line, unsigned enabled, bool literal,
    struct imap_append *a)
{
	struct imap_append next = *a;
	str rest = next.where == IMAP_APPEND_HEAD ? behind_append(line, &next) : line;
	struct imap_cur c = imap_cur_make(arena, rest, imap_enabled_utf8(enabled));
	imap_append_line(&c, &next, literal);
	TRY(imap_cur_end(&c));
	*a = next;
	return ERR_OK;
}

void *
imap_vec_add(struct imap_cur *c, struct imap_vec *v)
{
	if (v->n == v->max) {
		imap_cur_fail(c, ERR_TOOMANY);
		return NULL;
	}
	void *p = arena_grow(c->arena, v->p, v->n, &v->cap, v->size);
	if (p == NULL) {
		imap_cur_fail(c, ERR_BUDGET);
		return NULL;
	}
	v->p = p;
	return (char *)v->p + v->n++ * v->size;
}
