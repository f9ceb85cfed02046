/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and keys: read here, because the gates can open no files, and read again when their
 * files change. Whether chain and key fit together is for the gate to say; it keeps the old pair if
 * not.
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

static void
give(struct svc_parent_proc *c, size_t slot, const struct pem *pem)
{
	struct svc_parent *p = c->parent;
	struct ipc_parent_child_certificate m = {
		.slot = (uint32_t)slot, .chain = buf_view(&pem->chain), .key = buf_view(&pem->key)
	};
	buf_reset(&p->out);
	ipc_parent_child_certificate_put(&p->out, &m);
	svc_parent_proc_tell(c, -1);
	buf_wipe(&p->out);
}

void
svc_parent_certs_give(struct svc_parent_proc *c)
{
	for (size_t slot = 0; slot < pairs(c->parent); slot++) {
		struct pem pem;
		if (load_pair(c->parent, slot, &pem) == ERR_OK) {
			give(c, slot, &pem);
		}
		pem_done(&pem);
	}
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
		for (size_t i = 0; i < p->procs_n; i++) {
			if (str_eq(p->procs[i].row->program, S("gate")) &&
			    svc_parent_proc_lives(&p->procs[i])) {
				give(&p->procs[i], slot, &pem);
			}
		}
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
