/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the client engine share. Callers use smtpc.h alone.
 */
#ifndef PROTO_SMTPC_SMTPC_PRIV_H
#define PROTO_SMTPC_SMTPC_PRIV_H

#include "proto/smtpc/smtpc.h"

#define SMTPC_MAGIC 0x534d5443u

enum { C2 = 1 << 2, C3 = 1 << 3, C45 = 1 << 4 | 1 << 5, C245 = C2 | C45, C345 = C3 | C45 };

enum smtpc_command {
#define CMD(name, text, phase, seconds, classes, handler, rfc) SMTPC_CMD_##name,
#include "proto/smtpc/commands.def"
#undef CMD
	SMTPC_COMMANDS
};

struct smtpc_command_row {
	str name, text;
	enum smtpc_phase phase;
	uint32_t seconds;
	unsigned classes;
	void (*on)(struct smtpc *s);
	const char *rfc;
};

#define CMD(name, text, phase, seconds, classes, handler, rfc) \
	void smtpc_on_##handler(struct smtpc *s);
#include "proto/smtpc/commands.def"
#undef CMD

/* smtpc.c: the row, what is waited for now, actions, states, lines to say, the end. */
const struct smtpc_command_row *smtpc_command_row(enum smtpc_command c);
enum smtpc_command smtpc_awaits(const struct smtpc *s);
void smtpc_act(struct smtpc *s, enum smtpc_action_kind kind);
void smtpc_enter(struct smtpc *s, enum smtpc_state to);
void smtpc_say(struct smtpc *s, enum smtpc_command c, str arg);
/* END_REFUSED by a reply other than 421 says QUIT; all others close. */
void smtpc_finish(struct smtpc *s, enum smtpc_end end);

/* caps.c: one line of an EHLO reply behind its first, without code. */
void smtpc_caps_line(struct smtpc_caps *caps, str text, bool tls);

/* txn.c: the command whose answer comes next; settle all recipients that are not yet; forget. */
enum smtpc_command smtpc_txn_awaits(const struct smtpc *s);
void smtpc_txn_settle_end(struct smtpc *s, enum smtpc_end end);
void smtpc_txn_settle_reply(struct smtpc *s);
void smtpc_txn_reset(struct smtpc *s);
/* Local parts that replies may name: SMTPC_RCPTS_MAX + 1 of them at most. */
size_t smtpc_txn_names(const struct smtpc *s, str *names);

#endif
