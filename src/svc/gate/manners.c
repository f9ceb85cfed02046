/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First contact with a mail server: one whose address behaved lately, or that is near, is greeted
 * at once; a stranger waits a moment, and who speaks meanwhile is no mail server (RFC 5321 3.1: the
 * server opens the dialogue). Nobody is turned away here: policy is told. Only port mx.
 */
#include "svc/gate/manners.h"

#include "conf/conf.h"
#include "svc/gate/gate.h"
#include "sys/random.h"
#include "sys/sys.h"

/* RFC 1918, 6598, 3927, 4193, 4291 2.5.6. */
static const char *const near[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	"100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10" };

enum err
svc_gate_manners_init(struct svc_gate *g)
{
	uint8_t key[16];
	sys_random(key, sizeof key);
	g->behaved = lru_new(key, SVC_GATE_BEHAVED_MAX, 1, NULL);
	return g->behaved == NULL ? ERR_NOMEM : ERR_OK;
}

void
svc_gate_manners_done(struct svc_gate *g)
{
	lru_free(&g->behaved);
}

/* An IPv4 address, or the /64 that one host may choose from. */
static str
whom(const struct svc_gate_conn *c, uint8_t room[16])
{
	struct sys_prefix p = sys_prefix_of(c->peer.ip, 32, 64);
	memcpy(room, p.ip, 16);
	return str_make(room, 16);
}

static bool
is_within(const uint8_t ip[16], str text)
{
	struct sys_prefix p;
	return sys_prefix_parse(text, &p) == ERR_OK && sys_prefix_contains(&p, ip);
}

static bool
is_near(const struct svc_gate_conn *c)
{
	const struct conf_list *trusted = &c->g->sc->conf->auth_trusted;
	bool yes = sys_addr_is_loopback(c->peer.ip);
	for (size_t i = 0; !yes && i < LEN(near); i++) {
		yes = is_within(c->peer.ip, str_from(near[i]));
	}
	for (size_t i = 0; !yes && i < trusted->n; i++) {
		yes = is_within(c->peer.ip, trusted->v[i]);
	}
	return yes;
}

bool
svc_gate_manners_unknown(const struct svc_gate_conn *c)
{
	uint8_t room[16];
	return c->protocol == SYS_MX && c->g->sc->conf->gate_first_wait > 0 &&
	    lru_get(c->g->behaved, whom(c, room)) == NULL && !is_near(c);
}

void
svc_gate_manners_good(struct svc_gate_conn *c)
{
	uint8_t room[16];
	if (c->protocol == SYS_MX && c->manners == 0 && c->g->sc->conf->gate_first_wait > 0) {
		/* without memory it waits again */
		(void)(lru_put(c->g->behaved, whom(c, room)) != NULL);
	}
}

void
svc_gate_manners_wait(struct svc_gate_conn *c)
{
	svc_gate_conn_go(c, SVC_GATE_WAIT);
	c->g->facts.waited++;
	sys_timer_set(c->g->sc->loop, &c->timer, (int64_t)c->g->sc->conf->gate_first_wait);
}

/* Octets, or its end, while it has to wait. What it said is read when it was greeted. */
void
svc_gate_manners_event(struct svc_gate_conn *c, unsigned events)
{
	if ((events & SYS_HUP) != 0) {
		svc_gate_conn_close(c, "client");
		return;
	}
	c->manners |= SVC_GATE_EARLY;
	c->g->facts.early++;
	sys_watch_set(c->g->sc->loop, &c->net, 0);
}

/* Before TLS nothing may be sent in one go (RFC 3207 4): each command waits for its answer. */
void
svc_gate_manners_octets(struct svc_gate_conn *c, str octets)
{
	ptrdiff_t lf = str_chr(octets, '\n');
	if (c->protocol == SYS_MX && lf >= 0 && (size_t)lf + 1 < octets.n) {
		c->g->facts.hasty += (c->manners & SVC_GATE_HASTY) == 0;
		c->manners |= SVC_GATE_HASTY;
	}
}
