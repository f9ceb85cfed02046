/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs about the session itself: CAPABILITY NOOP LOGOUT ID ENABLE NAMESPACE IDLE CHECK, and the
 * verbs that only exist before authentication.
 */
#include "svc/account/imap/session.h"

#include "conf/conf.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/imap/park.h"

void
svc_account_imap_know_client(struct svc_account_imap *s, str name)
{
	const struct conf_list *rules = &s->account->conf->imap_deny;
	s->client_n = MIN(name.n, sizeof s->client);
	memcpy(s->client, s->client_n > 0 ? name.p : "", s->client_n);
	for (size_t i = 0; i < rules->n; i++) {
		imap_caps_deny_rule(&s->caps, rules->v[i], s->account->name,
		    str_make(s->client, s->client_n));
	}
	s->reader.minus = !imap_caps_has(&s->caps, S("LITERAL+"));
}

enum err
svc_account_imap_cmd_capability(struct svc_account_imap *s, struct imap_command *cmd)
{
	buf_cstr(&s->out, "* CAPABILITY ");
	imap_capabilities_put(&s->out, &s->caps);
	buf_cstr(&s->out, "\r\n");
	return ERR_OK;
}

/* The answer is the last that is not compressed. */
enum err
svc_account_imap_cmd_compress(struct svc_account_imap *s, struct imap_command *cmd)
{
	if (s->zip != NULL) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "COMPRESSIONACTIVE",
		    "compression is on already");
	}
	return svc_account_imap_zip_new(s);
}

enum err
svc_account_imap_cmd_noop(struct svc_account_imap *s, struct imap_command *cmd)
{
	return ERR_OK; /* the dispatcher reports what changed */
}

enum err
svc_account_imap_cmd_check(struct svc_account_imap *s, struct imap_command *cmd)
{
	return ERR_OK;
}

enum err
svc_account_imap_cmd_refuse(struct svc_account_imap *s, struct imap_command *cmd)
{
	return ERR_BADSTATE;
}

enum err
svc_account_imap_cmd_logout(struct svc_account_imap *s, struct imap_command *cmd)
{
	svc_account_imap_line(s, "* BYE logging out");
	svc_account_imap_deselect(s);
	svc_account_imap_end(s, ERR_OK, NULL);
	return ERR_OK;
}

enum err
svc_account_imap_cmd_id(struct svc_account_imap *s, struct imap_command *cmd)
{
	struct imap_caps before = s->caps;
	if (s->client_n == 0 && cmd->u.client.n > 0) { /* once: a name does not change */
		svc_account_imap_tell_client(s, cmd->u.client);
	}
	svc_account_imap_line(s, "* ID (\"name\" \"Postern\")");
	svc_account_imap_know_client(s, cmd->u.client);
	if (memcmp(before.denied, s->caps.denied, sizeof before.denied) != 0) {
		return svc_account_imap_cmd_capability(s, cmd);
	}
	return ERR_OK;
}

enum err
svc_account_imap_cmd_namespace(struct svc_account_imap *s, struct imap_command *cmd)
{
	svc_account_imap_line(s, "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL");
	return ERR_OK;
}

enum err
svc_account_imap_cmd_enable(struct svc_account_imap *s, struct imap_command *cmd)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
		{ IMAP_ENABLED_REV2, " IMAP4rev2" },
		{ IMAP_ENABLED_UTF8, " UTF8=ACCEPT" },
		{ IMAP_ENABLED_CONDSTORE, " CONDSTORE" },
		{ IMAP_ENABLED_QRESYNC, " QRESYNC" },
		{ IMAP_ENABLED_UIDONLY, " UIDONLY" },
		{ IMAP_ENABLED_METADATA, " METADATA" },
	};
	unsigned fresh = cmd->u.enable & ~s->enabled & imap_caps_enable(&s->caps);
	buf_cstr(&s->out, "* ENABLED");
	for (size_t i = 0; i < LEN(names); i++) {
		buf_cstr(&s->out, (fresh & names[i].bit) != 0 ? names[i].name : "");
	}
	buf_cstr(&s->out, "\r\n");
	if ((fresh & (IMAP_ENABLED_CONDSTORE | IMAP_ENABLED_QRESYNC)) != 0) {
		svc_account_imap_condstore(s); /* RFC 7162 3.2.3: QRESYNC brings it along */
	}
	s->enabled |= fresh;
	s->reader.enabled = s->enabled;
	if ((fresh & IMAP_ENABLED_METADATA) != 0) {
		TRY(svc_account_imap_metadata_enable(s));
	}
	return ERR_OK;
}

enum err
svc_account_imap_cmd_idle(struct svc_account_imap *s, struct imap_command *cmd)
{
	memcpy(s->idle_room, cmd->tag.p, cmd->tag.n);
	enum err e = svc_account_imap_refresh(s, true, NULL);
	if (e == ERR_OK) {
		s->idle_tag = (str){ s->idle_room, cmd->tag.n };
		svc_account_imap_line(s, "+ idling");
		svc_account_imap_shared_visit_idle(s, true);
	}
	return e;
}

enum err
svc_account_imap_cmd_notify(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_notify_command(s, &cmd->u.notify);
}

enum err
svc_account_imap_park_put_notify(const struct svc_account_imap *s, struct buf *b)
{
	return svc_account_imap_notify_park_put(s, b);
}

enum err
svc_account_imap_park_get_notify(struct svc_account_imap *s, struct rd *r)
{
	return svc_account_imap_notify_park_get(s, r);
}
