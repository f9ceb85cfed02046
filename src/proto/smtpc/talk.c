/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What replies outside transactions mean, and what is said there: greeting, EHLO and HELO,
 * STARTTLS, QUIT.
 *
 *	ehlo = "EHLO" SP ( Domain / address-literal ) CRLF
 */
#include "proto/smtpc/smtpc_priv.h"

static bool
good(const struct smtpc *s)
{
	return s->last.code / 100 == 2;
}

static void
say_ehlo(struct smtpc *s)
{
	bool mangled = s->caps.mangled;
	s->caps = (struct smtpc_caps){ .mangled = mangled };
	s->ehlo_lines = 0;
	smtpc_say(s, SMTPC_CMD_EHLO, s->conf->helo);
	smtpc_enter(s, SMTPC_ST_EHLO);
}

/* Only 421 comes unasked, and smtpc.c sees to it. */
void
smtpc_on_nothing(struct smtpc *s)
{
	smtpc_finish(s, SMTPC_END_PROTOCOL);
}

void
smtpc_on_banner(struct smtpc *s)
{
	s->caps.mangled = str_find(s->last.lines, S("****")) >= 0;
	if (good(s)) {
		say_ehlo(s);
	} else {
		smtpc_finish(s, SMTPC_END_REFUSED);
	}
}

static void
ready(struct smtpc *s)
{
	smtpc_enter(s, SMTPC_ST_READY);
	smtpc_act(s, SMTPC_READY);
}

/* RFC 5321 3.2: "command not recognized" means HELO; a refusal is one. */
void
smtpc_on_ehlo(struct smtpc *s)
{
	if (good(s)) {
		s->caps.esmtp = true;
		ready(s);
	} else if (s->last.code >= 500 && s->last.code <= 504) {
		bool mangled = s->caps.mangled;
		s->caps = (struct smtpc_caps){ .mangled = mangled };
		smtpc_say(s, SMTPC_CMD_HELO, s->conf->helo);
		smtpc_enter(s, SMTPC_ST_HELO);
	} else {
		smtpc_finish(s, SMTPC_END_REFUSED);
	}
}

void
smtpc_on_helo(struct smtpc *s)
{
	if (good(s)) {
		ready(s);
	} else {
		smtpc_finish(s, SMTPC_END_REFUSED);
	}
}

void
smtpc_starttls(struct smtpc *s)
{
	ASSERT(s->magic == SMTPC_MAGIC && s->state == SMTPC_ST_READY && !s->tls);
	smtpc_say(s, SMTPC_CMD_STARTTLS, S(""));
	smtpc_enter(s, SMTPC_ST_STARTTLS);
}

void
smtpc_on_starttls(struct smtpc *s)
{
	if (!good(s)) {
		smtpc_finish(s, SMTPC_END_REFUSED);
		return;
	}
	smtpc_enter(s, SMTPC_ST_TLS);
	smtpc_act(s, SMTPC_STARTTLS);
}

/* RFC 3207 4.2: what was heard before counts no more. */
void
smtpc_tls_up(struct smtpc *s)
{
	ASSERT(s->magic == SMTPC_MAGIC);
	if (s->state != SMTPC_ST_TLS) {
		return;
	}
	s->tls = true;
	smtpc_reader_init(&s->reader);
	say_ehlo(s);
}

void
smtpc_quit(struct smtpc *s)
{
	ASSERT(s->magic == SMTPC_MAGIC);
	if (s->state == SMTPC_ST_READY) {
		smtpc_say(s, SMTPC_CMD_QUIT, S(""));
		smtpc_enter(s, SMTPC_ST_QUIT);
	} else if (s->state != SMTPC_ST_QUIT) {
		smtpc_finish(s, SMTPC_END_LOCAL);
	}
}

void
smtpc_on_quit(struct smtpc *s)
{
	smtpc_finish(s, SMTPC_END_NONE);
}
