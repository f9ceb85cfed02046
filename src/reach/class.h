/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classes of delivery outcomes, one row each in class.def, and the words for people in
 * texts.def. Everyone who decides by a class (when to try again, whom to tell) reads the row and
 * never the code.
 */
#ifndef REACH_CLASS_H
#define REACH_CLASS_H

#include "base/str.h"

enum reach_scope {
	REACH_SCOPE_RCPT,
	REACH_SCOPE_MESSAGE,
	REACH_SCOPE_FROM_DOMAIN,
	REACH_SCOPE_OUR_IP,
	REACH_SCOPE_OUR_RANGE,
	REACH_SCOPE_OUR_IDENTITY,
	REACH_SCOPE_DESTINATION,
	REACH_SCOPE_PATH,
	REACH_SCOPE_OURSELVES,
	REACH_SCOPE_COUNT
};

enum reach_agent {
	REACH_AGENT_RECEIVER,
	REACH_AGENT_FIREWALL,
	REACH_AGENT_PATH,
	REACH_AGENT_LIST,
	REACH_AGENT_US,
	REACH_AGENT_COUNT
};

enum reach_permanence {
	REACH_RETRY,
	REACH_WAIT,
	REACH_FIX,
	REACH_HOPELESS,
	REACH_PERMANENCE_COUNT
};

enum reach_class {
	REACH_NONE, /* nothing went wrong */
#define CLASS(code, scope, agent, permanence, block, notify, status, what) REACH_##code,
#include "reach/class.def"
#undef CLASS
	REACH_CLASS_COUNT
};

struct reach_class_row {
	str code;    /* "S1"; empty for REACH_NONE */
	char family; /* 'S' */
	enum reach_scope scope;
	enum reach_agent agent;
	enum reach_permanence permanence;
	bool block;  /* evidence that a destination blocks us */
	bool notify; /* the sender should hear of it at once */
	str status;  /* "7.1": follows "4." or "5." in our own DSN */
	str what;    /* a short English line, for logs and tables */
};

/* The row; REACH_NONE has one with an empty code. Never NULL; a number out of range is a bug. */
const struct reach_class_row *reach_class_row(enum reach_class c);

/* The class with that code ("S1", case as written); false when there is none. */
bool reach_class_find(str code, enum reach_class *ret);

/* "rcpt", "from-domain", "our-ip"; "retry", "hopeless"; for rules, tables and JSON. */
str reach_scope_name(enum reach_scope s);
bool reach_scope_find(str name, enum reach_scope *ret);
str reach_permanence_name(enum reach_permanence p);
str reach_agent_name(enum reach_agent a);

struct reach_text {
	str means; /* one or two sentences: what happened */
	str help;  /* what the sender can do */
};

/* language: "de", "fr", else English, also with a region behind it ("de-CH"). UTF-8. */
struct reach_text reach_class_text(enum reach_class c, str language);

#endif
