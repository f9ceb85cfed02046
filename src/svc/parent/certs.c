/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and keys: read here, because services can open no such files, and read again when
 * the files change. The process keys gets both halves and says whether they fit; the gates get the
 * chain, a changed one only after that, so that none shows a certificate nobody can sign for.
 */
#include "svc/parent/parent_priv.h"

#include "ipc/parent_child.h"

struct pem {
	struct buf chain, key;
};

static void
pem_done(struct pem *pem)
{
	buf_wipe(&pem->key);
	buf_done(&pem->chain);
	buf_done(&pem->key);
}

static enum err
load(str path, struct buf *out, struct sys_stat *ret)
{
	int fd SYS_FD_AUTO = -1;
	TRY(sys_file_open(SYS_CWD, path, SYS_READ | SYS_FOLLOW, &fd));
	TRY(sys_file_stat_fd(fd, ret));
	return sys_file_load_fd(fd, out);
}

/* Read one pair; what cannot be read is logged. The caller calls pem_done. */
static enum err
load_pair(struct svc_parent *p, size_t slot, struct pem *pem)
{
	struct svc_parent_cert *cert = &p->certs[slot];
	buf_init(&pem->chain, SVC_PARENT_CHAIN_MAX);
	buf_init(&pem->key, SVC_PARENT_KEY_MAX);
	str path = p->conf->tls_certificate.v[slot];
	enum err e = load(path, &pem->chain, &cert->chain);
	if (e == ERR_OK) {
		path = p->conf->tls_key.v[slot];
		e = load(path, &pem->key, &cert->key);
	}
	if (e != ERR_OK) {
		LOG(PARENT_CERTIFICATE_BAD, F_U64("slot", slot), F_STR("file", path), F_ERR(e));
	}
	return e;
}

static size_t
pairs(const struct svc_parent *p)
{
	size_t n = MIN(p->conf->tls_certificate.n, p->conf->tls_key.n);
	return MIN(n, (size_t)SVC_PARENT_CERTS_MAX);
}

static bool
is(const struct svc_parent_proc *c, const char *program)
{
	return str_eq(c->row->program, str_from(program));
}

static void
give(struct svc_parent_proc *c, size_t slot, str chain, str key)
{
	struct svc_parent *p = c->parent;
	struct ipc_parent_child_certificate m = {
		.slot = (uint32_t)slot, .chain = chain, .key = key
	};
	buf_reset(&p->out);
	ipc_parent_child_certificate_put(&p->out, &m);
	svc_parent_proc_tell(c, -1);
	buf_wipe(&p->out);
}

static void
give_all(struct svc_parent *p, const char *program, size_t slot, const struct pem *pem)
{
	for (size_t i = 0; i < p->procs_n; i++) {
		if (is(&p->procs[i], program) && svc_parent_proc_lives(&p->procs[i])) {
			give(&p->procs[i], slot, buf_view(&pem->chain), buf_view(&pem->key));
		}
	}
}

void
svc_parent_certs_init(struct svc_parent *p)
{
	for (size_t slot = 0; slot < LEN(p->certs); slot++) {
		buf_init(&p->certs[slot].given, SVC_PARENT_CHAIN_MAX);
		buf_init(&p->certs[slot].next, SVC_PARENT_CHAIN_MAX);
	}
}

void
svc_parent_certs_done(struct svc_parent *p)
{
	for (size_t slot = 0; slot < LEN(p->certs); slot++) {
		buf_done(&p->certs[slot].given);
		buf_done(&p->certs[slot].next);
	}
}

static void
copy(struct buf *to, const struct buf *from)
{
	buf_reset(to);
	buf_str(to, buf_view(from));
}

void
svc_parent_certs_give(struct svc_parent_proc *c)
{
	for (size_t slot = 0; slot < pairs(c->parent); slot++) {
		struct svc_parent_cert *cert = &c->parent->certs[slot];
		struct pem pem;
		if (is(c, "gate") && cert->given.n > 0) {
			give(c, slot, buf_view(&cert->given), STR_NONE);
			continue;
		}
		if (load_pair(c->parent, slot, &pem) == ERR_OK) {
			bool gate = is(c, "gate"); /* the first of all: keys will say if it fits */
			copy(gate ? &cert->given : &cert->next, &pem.chain);
			give(c, slot, buf_view(&pem.chain), gate ? STR_NONE : buf_view(&pem.key));
		}
		pem_done(&pem);
	}
}

void
svc_parent_certs_taken(struct svc_parent_proc *c, uint32_t slot, enum err result)
{
	struct svc_parent *p = c->parent;
	if (!is(c, "keys") || slot >= LEN(p->certs) || p->certs[slot].next.n == 0) {
		return;
	}
	struct svc_parent_cert *cert = &p->certs[slot];
	if (result == ERR_OK && !str_eq(buf_view(&cert->given), buf_view(&cert->next))) {
		struct pem pem = { .chain = cert->next };
		copy(&cert->given, &cert->next);
		give_all(p, "gate", slot, &pem);
	}
	buf_reset(&cert->next);
}

/* The file behind the path is another one, or was written to. */
static bool
changed(str path, const struct sys_stat *seen)
{
	int fd SYS_FD_AUTO = -1;
	struct sys_stat now;
	if (sys_file_open(SYS_CWD, path, SYS_READ | SYS_FOLLOW, &fd) != ERR_OK ||
	    sys_file_stat_fd(fd, &now) != ERR_OK) {
		return false; /* being replaced just now: look again next time */
	}
	return now.mtime_ms != seen->mtime_ms || now.size != seen->size ||
	    now.inode != seen->inode || now.device != seen->device;
}

static void
renew(struct svc_parent *p, size_t slot)
{
	struct pem pem;
	if (load_pair(p, slot, &pem) == ERR_OK) {
		LOG(PARENT_CERTIFICATE, F_U64("slot", slot),
		    F_STR("file", p->conf->tls_certificate.v[slot]));
		copy(&p->certs[slot].next, &pem.chain);
		give_all(p, "keys", slot, &pem);
	}
	pem_done(&pem);
}

void
svc_parent_certs_check(struct svc_parent *p)
{
	for (size_t slot = 0; slot < pairs(p); slot++) {
		if (changed(p->conf->tls_certificate.v[slot], &p->certs[slot].chain) ||
		    changed(p->conf->tls_key.v[slot], &p->certs[slot].key)) {
			renew(p, slot);
		}
	}
}

static void
on_timer(void *ctx)
{
	struct svc_parent *p = ctx;
	svc_parent_certs_check(p);
	sys_timer_set(p->loop, &p->certs_timer, SVC_PARENT_CERTS_MS);
}

void
svc_parent_certs_watch(struct svc_parent *p)
{
	sys_timer_init(&p->certs_timer, on_timer, p);
	sys_timer_set(p->loop, &p->certs_timer, SVC_PARENT_CERTS_MS);
}
