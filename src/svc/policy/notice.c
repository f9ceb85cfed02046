/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters about an account that is held: one to its owner, one to the operator, in German, French
 * and English, as the language of either is not known here. The operator is whoever reads the mail
 * of postmaster of the account's domain, which auth knows. queue puts them into mailboxes, nothing
 * of this leaves the machine; what it does not take is tried again.
 */
#include "base/mem.h"
#include "conf/conf.h"
#include "ipc/policy_auth.h"
#include "ipc/policy_queue.h"
#include "mail/date.h"
#include "svc/policy/policy.h"
#include "sys/clock.h"
#include "sys/random.h"

enum { BODY_MAX = 16384, TRIES_MAX = 60, READERS_MAX = 100 };

struct notice {
	struct list node;
	struct svc_policy *p;
	struct sys_timer again;
	uint64_t txn, account; /* account 0: the operator's */
	struct ipc_common_id readers[READERS_MAX];
	size_t readers_n; /* 0: auth was not asked yet */
	unsigned tries;
	struct buf to, id, body;
};

static const char to_owner[] =
    "Von Ihrem Konto %.*s gehen ungew\xc3\xb6hnlich viele Nachrichten aus. Darum werden\r\n"
    "sie vorerst angehalten; verloren geht keine. Waren Sie es selbst, dann melden Sie\r\n"
    "sich beim Betreiber dieses Servers, er gibt sie frei. Waren Sie es nicht, dann\r\n"
    "kennt jemand Ihr Passwort: \xc3\xa4ndern Sie es gleich.\r\n"
    "\r\n"
    "Votre compte %.*s envoie un nombre inhabituel de messages. Ils sont donc retenus\r\n"
    "pour l'instant ; aucun n'est perdu. Si c'est bien vous, prenez contact avec\r\n"
    "l'exploitant de ce serveur, qui les fera partir. Sinon, quelqu'un sait votre mot\r\n"
    "de passe : changez-le tout de suite.\r\n"
    "\r\n"
    "Your account %.*s sends an unusual number of messages, so they are being held for\r\n"
    "now; none is lost. If it was you, write to the operator of this server, who lets\r\n"
    "them go. If it was not, somebody knows your password: change it at once.\r\n";

static const char to_operator[] = "Das Konto %.*s wird angehalten: seine Nachrichten warten.\r\n"
				  "Freigeben: postern senders release ADRESSE\r\n"
				  "\r\n"
				  "Le compte %.*s est retenu : ses messages attendent.\r\n"
				  "Les lib\xc3\xa9rer : postern senders release ADRESSE\r\n"
				  "\r\n"
				  "The account %.*s is held: its messages wait.\r\n"
				  "To let them go: postern senders release ADDRESS\r\n";

static void
write_letter(struct notice *n, str about, str why)
{
	str host = n->p->sc->conf->hostname;

	buf_cstr(&n->body, "Date: ");
	mail_date_put(&n->body, sys_clock_wall_s(), 0);
	buf_printf(&n->body,
	    "\r\nFrom: postmaster@%.*s\r\nTo: <%.*s>\r\nMessage-ID: %.*s\r\n"
	    "Subject: Nachrichten angehalten / Messages retenus / Messages held\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
	    STR_ARG(host), STR_ARG(buf_view(&n->to)), STR_ARG(buf_view(&n->id)));
	buf_printf(&n->body, n->account != 0 ? to_owner : to_operator, STR_ARG(about),
	    STR_ARG(about), STR_ARG(about));
	buf_printf(&n->body, "\r\nReason: %.*s\r\n", STR_ARG(why));
}

static void
notice_free(struct notice *n)
{
	sys_timer_stop(&n->again);
	list_remove(&n->node);
	n->p->notices_n--;
	buf_done(&n->to);
	buf_done(&n->id);
	buf_done(&n->body);
	mem_drop(n);
}

static void
ask_auth(struct notice *n)
{
	struct svc_policy *p = n->p;
	const struct ipc_policy_auth_find m = { .request = n->txn, .address = buf_view(&n->to) };

	buf_reset(&p->out);
	ipc_policy_auth_find_put(&p->out, &m);
	(void)(svc_common_link_send(&p->auth, &p->out, -1) == ERR_OK);
}

static void
tell_queue(struct notice *n)
{
	struct svc_policy *p = n->p;
	const struct ipc_policy_queue_notice m = { .txn = n->txn,
		.accounts = n->readers,
		.accounts_n = n->readers_n,
		.recipient = buf_view(&n->to),
		.message_id = buf_view(&n->id),
		.body = buf_view(&n->body) };

	buf_reset(&p->out);
	ipc_policy_queue_notice_put(&p->out, &m);
	(void)(svc_common_link_send(&p->queue, &p->out, -1) == ERR_OK);
}

static void
send_one(void *ctx)
{
	struct notice *n = ctx;
	struct svc_policy *p = n->p;

	if (n->tries++ >= TRIES_MAX) {
		LOG(POLICY_NOTICE, F_U64("account", n->account), F_STR("to", buf_view(&n->to)),
		    F_ERR(ERR_TIMEOUT));
		notice_free(n);
		return;
	}
	if (n->readers_n == 0) {
		ask_auth(n);
	} else {
		tell_queue(n);
	}
	sys_timer_set(p->sc->loop, &n->again, SVC_POLICY_NOTICE_MS);
}

void
svc_policy_notice(struct svc_policy *p, uint64_t account, str address, str why)
{
	ptrdiff_t at = str_rchr(address, '@');
	struct notice *n = p->notices_n == SVC_POLICY_NOTICES_MAX || at < 0
	    ? NULL
	    : mem_zalloc(1, sizeof *n);

	if (n == NULL) {
		LOG(POLICY_NOTICE, F_U64("account", account), F_ERR(ERR_BUSY));
		return;
	}
	n->p = p;
	n->txn = p->next_txn++;
	n->account = account;
	buf_init(&n->to, 1024);
	buf_init(&n->id, 512);
	buf_init(&n->body, BODY_MAX);
	sys_timer_init(&n->again, send_one, n);
	list_init(&n->node);
	list_push(&p->notices, &n->node);
	p->notices_n++;
	if (account != 0) {
		buf_str(&n->to, address);
		n->readers[n->readers_n++].id = account;
	} else {
		buf_printf(&n->to, "postmaster%.*s", STR_ARG(str_from_off(address, (size_t)at)));
	}
	buf_printf(&n->id, "<%016llx.%llu@%.*s>", (unsigned long long)sys_random_u64(),
	    (unsigned long long)n->txn, STR_ARG(p->sc->conf->hostname));
	write_letter(n, address, why);
	send_one(n);
}

static struct notice *
find(struct svc_policy *p, uint64_t txn)
{
	LIST_EACH(it, &p->notices) {
		struct notice *n = LIST_ENTRY(it, struct notice, node);
		if (n->txn == txn) {
			return n;
		}
	}
	return NULL;
}

void
svc_policy_notice_ended(struct svc_policy *p, uint64_t txn, enum err result)
{
	struct notice *n = find(p, txn);

	if (n == NULL) {
		return;
	}
	LOG(POLICY_NOTICE, F_U64("account", n->account), F_STR("to", buf_view(&n->to)),
	    F_ERR(result));
	if (result == ERR_OK || err_class(result) == ERR_CLASS_PEER) {
		notice_free(n);
	}
}

static enum err
on_found(void *ctx, const struct ipc_policy_auth_found *m, int *fd)
{
	struct svc_policy *p = ctx;
	struct notice *n = find(p, m->request);

	if (n == NULL || n->readers_n > 0 || m->result == ERR_UNAVAILABLE) {
		return ERR_OK; /* it was answered before; or asked again later */
	}
	if (m->result != ERR_OK || m->accounts_n == 0) {
		LOG(POLICY_NOTICE, F_U64("account", 0), F_STR("to", buf_view(&n->to)),
		    F_ERR(ERR_NOTFOUND));
		notice_free(n);
		return ERR_OK;
	}
	n->readers_n = MIN(m->accounts_n, LEN(n->readers));
	memcpy(n->readers, m->accounts, n->readers_n * sizeof n->readers[0]);
	send_one(n);
	return ERR_OK;
}

enum err
svc_policy_from_auth(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_policy_auth_at_policy handlers = { .found = on_found };
	struct svc_policy *p = svc_policy_of(from);

	arena_reset(p->scratch);
	return ipc_policy_auth_policy_dispatch(&handlers, p, datagram, fd, p->scratch);
}

void
svc_policy_notice_stop(struct svc_policy *p)
{
	LIST_EACH(it, &p->notices) {
		notice_free(LIST_ENTRY(it, struct notice, node));
	}
}
