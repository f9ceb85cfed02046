/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's own structs, shared by the files of this folder. One struct svc_parent per process;
 * the table of processes is built at start and keeps its size.
 */
#ifndef SVC_PARENT_PARENT_PRIV_H
#define SVC_PARENT_PARENT_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "svc/common/admin.h"
#include "svc/common/log.h"
#include "svc/parent/limits.h"
#include "svc/parent/parent.h"
#include "svc/parent/table.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "sys/sys.h"

struct svc_parent;

/* The numbers are those of adm_parent.def. */
enum svc_parent_state {
	SVC_PARENT_STARTING = 1, /* runs, is not ready yet */
	SVC_PARENT_RUNNING = 2,
	SVC_PARENT_WAITING = 3,  /* ended, starts again when its timer is due */
	SVC_PARENT_STOPPING = 4, /* was told to quit, or has ended for good */
};

struct svc_parent_proc {
	struct svc_parent *parent;
	const struct svc_parent_row *row;
	uint32_t index; /* among the processes of its program */
	enum svc_parent_state state;
	struct sys_child child; /* pidfd -1: none */
	struct sys_watch watch; /* its pidfd */
	struct sys_chan *chan;  /* NULL: not to be talked to */
	struct sys_timer again;
	int64_t started_ms, started_s, backoff_ms;
	uint32_t restarts, rewires;
	uint32_t sandbox, landlock_abi; /* from ready */
	char version[33];
};

struct svc_parent_listener {
	struct sys_addr addr;
	enum sys_protocol protocol;
	int fd;
};

struct svc_parent_cert {
	struct sys_stat chain, key; /* as last read; size 0: not read yet */
	struct buf given;           /* the chain that gates have */
	struct buf next;            /* one whose key was given to keys, which has not answered */
};

/* One `postern status` that is being answered. */
struct svc_parent_job {
	struct sys_chan *to; /* NULL: free */
	uint64_t request;
	size_t waiting;
	bool asked[SVC_PARENT_PROCS_MAX];
	struct sys_timer timeout;
	struct svc_parent *parent;
};

struct svc_parent {
	struct sys_loop *loop;
	struct arena *arena, *conf_arena, *scratch;
	const struct conf *conf;
	struct buf encoded; /* conf, as the services get it */
	struct buf out;
	str config, programs, boot_id;
	uint8_t secret[32]; /* of accounts; it lives as long as we do */
	bool is_root;
	int lock_fd, log_fd;
	int64_t started_s;
	uint64_t fds_max;

	struct svc_parent_proc *procs;
	size_t procs_n;
	struct svc_parent_listener listeners[SVC_PARENT_LISTENERS_MAX];
	size_t listeners_n;
	struct svc_parent_cert certs[SVC_PARENT_CERTS_MAX];
	struct sys_timer certs_timer;

	struct svc_common_admins admins;
	struct svc_parent_job jobs[SVC_COMMON_ADMINS_MAX];

	bool stopping;
	int stop_rank;
	int64_t stop_by_ms;
	struct sys_timer stop_timer;
};

/* config.c: the configuration file. */
/*
 * Read and check it; complaints, and settings that need a new start, go to the log and, cut, to
 * `text`. ERR_CONFIG: the old one stays.
 */
enum err svc_parent_config_load(struct svc_parent *p, struct buf *text);

/* state.c: folders with their owners, and the lock that keeps a second server out. */
enum err svc_parent_state_make(struct svc_parent *p);
/* Into p->out: a path below the state folder. */
str svc_parent_state_path(struct svc_parent *p, str name);

/* listen.c */
enum err svc_parent_listen_all(struct svc_parent *p);
void svc_parent_listen_done(struct svc_parent *p);
/* Hand all listening sockets to one process. */
enum err svc_parent_listen_give(struct svc_parent_proc *c);
/* The administrators' socket of that program. */
enum err svc_parent_listen_admin(struct svc_parent *p, str program, int *ret_fd);

/* certs.c: keys of certificates go to keys, chains to the gates. */
void svc_parent_certs_init(struct svc_parent *p);
void svc_parent_certs_done(struct svc_parent *p);
/* All of them to a process that starts: one of these two programs. */
void svc_parent_certs_give(struct svc_parent_proc *c);
/* It says what it did with one. */
void svc_parent_certs_taken(struct svc_parent_proc *c, uint32_t slot, enum err result);
void svc_parent_certs_watch(struct svc_parent *p);
/* Read again what has changed, and give it to keys; the gates get it when keys has it. */
void svc_parent_certs_check(struct svc_parent *p);

/* proc.c: the life of one process. */
enum err svc_parent_proc_table(struct svc_parent *p);
/* Start it, hand over everything but `go`; a failure schedules another attempt. */
void svc_parent_proc_start(struct svc_parent_proc *c);
void svc_parent_proc_go(struct svc_parent_proc *c);
/* Send p->out to it; takes fd. */
void svc_parent_proc_tell(struct svc_parent_proc *c, int fd);
bool svc_parent_proc_lives(const struct svc_parent_proc *c);

/* wire.c: channels between processes. */
/* To all living peers of c. */
void svc_parent_wire_all(struct svc_parent_proc *c);
/* One anew, because c says so. */
void svc_parent_wire_again(struct svc_parent_proc *c, str edge, uint32_t peer);

/* status.c */
void svc_parent_status_start(struct svc_parent *p, struct sys_chan *to, uint64_t request);
void svc_parent_status_answer(struct svc_parent_proc *c, uint64_t job, uint64_t fds, str facts);
/* c will not answer any more. */
void svc_parent_status_drop(struct svc_parent_proc *c);
void svc_parent_status_forget(struct svc_parent *p, struct sys_chan *to);

/* admin.c */
enum err svc_parent_admin_start(struct svc_parent *p);

/* run.c, stop.c */
/* Read the configuration again and tell everybody; complaints into `text`. */
enum err svc_parent_reload(struct svc_parent *p, const char *why, struct buf *text);
void svc_parent_stop(struct svc_parent *p, const char *why, uint32_t grace_ms);
/* A process has ended while stopping. */
void svc_parent_stop_step(struct svc_parent *p);

#endif
