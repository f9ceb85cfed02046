/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message between its first octet and COMMIT. Most stay in memory; larger ones go to a file
 * without a name in spool/tmp, written in blocks, never synced: the queue copies it into its
 * journal. What is in memory and too large for a message to scan or queue is handed over in a
 * file in memory: a file on disk costs three times as much, even one that never reaches it. It is
 * written once, sealed, and goes to scan, queue and the mailbox as it is.
 */
#include "base/mem.h"
#include "conf/conf.h"
#include "svc/smtp/server.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { FIRST_ROOM = 4096 };

void
svc_smtp_body_init(struct svc_smtp_body *b, struct svc_smtp *sv)
{
	*b = (struct svc_smtp_body){ .server = sv, .fd = -1 };
	buf_init(&b->memory, SVC_SMTP_MEMORY_MAX);
	buf_init(&b->prefix, SVC_SMTP_INLINE_MAX);
}

void
svc_smtp_body_reset(struct svc_smtp_body *b)
{
	b->server->bodies -= b->charged;
	sys_close(&b->fd);
	buf_done(&b->memory);
	buf_done(&b->prefix);
	b->sealed = false;
	b->charged = 0;
	b->in_file = b->size = 0;
}

/* What the buffer holds now counts for the whole process. */
static void
charge(struct svc_smtp_body *b)
{
	b->server->bodies += b->memory.cap - b->charged;
	b->charged = b->memory.cap;
}

/* What strangers send must not take the room that mailboxes and journal need. */
static enum err
check_space(const struct svc_smtp *sv)
{
	uint64_t octets;
	TRY(sys_file_free_space(sv->tmp, &octets));
	return octets < sv->sc->conf->queue_reserve ? ERR_NOSPACE : ERR_OK;
}

static enum err
write_out(struct svc_smtp_body *b)
{
	TRY(check_space(b->server));
	if (b->fd < 0) {
		TRY(sys_file_temp(b->server->tmp, &b->fd));
	}
	TRY(sys_file_write(b->fd, b->in_file, buf_view(&b->memory)));
	b->in_file += b->memory.n;
	if (b->memory.cap > SVC_SMTP_INLINE_MAX) {
		buf_done(&b->memory); /* from now on it holds a block at a time */
		charge(b);
	}
	buf_reset(&b->memory);
	return ERR_OK;
}

/* Room at once for what is expected, so that a usual message needs one allocation. */
static enum err
make_room(struct svc_smtp_body *b, size_t n, uint64_t expected)
{
	uint64_t most = b->fd < 0 ? SVC_SMTP_MEMORY_MAX : SVC_SMTP_INLINE_MAX;
	size_t room = (size_t)MIN(expected + 1024, most);
	room = MAX(room, (size_t)FIRST_ROOM);
	bool first = b->memory.cap == 0 && n <= room;
	if (buf_room(&b->memory, first ? room : n) == NULL) {
		return buf_err(&b->memory);
	}
	charge(b);
	return ERR_OK;
}

enum err
svc_smtp_body_add(struct svc_smtp_body *b, str octets, uint64_t expected)
{
	bool crowded = b->server->bodies >= SVC_SMTP_BODIES_MAX && b->memory.n > 0;
	size_t most = b->fd < 0 ? SVC_SMTP_MEMORY_MAX : SVC_SMTP_INLINE_MAX;
	if (octets.n > most - b->memory.n || crowded) {
		TRY(write_out(b));
	}
	b->size += octets.n;
	if (b->fd >= 0 && octets.n > SVC_SMTP_INLINE_MAX) {
		TRY(sys_file_write(b->fd, b->in_file, octets));
		b->in_file += octets.n;
		return ERR_OK;
	}
	if (b->memory.n <= SVC_SMTP_INLINE_MAX && octets.n > SVC_SMTP_INLINE_MAX - b->memory.n) {
		TRY(check_space(b->server)); /* a large one, even in memory: queue will write it */
	}
	TRY(make_room(b, octets.n, expected));
	buf_str(&b->memory, octets);
	return buf_err(&b->memory);
}

enum err
svc_smtp_body_to_file(struct svc_smtp_body *b)
{
	return b->fd < 0 || b->memory.n > 0 ? write_out(b) : ERR_OK;
}

enum err
svc_smtp_body_read(const struct svc_smtp_body *b, uint64_t at, char *to, size_t n)
{
	ASSERT(at + n <= b->size && b->prefix.n == 0);
	size_t file = at < b->in_file ? (size_t)MIN(b->in_file - at, (uint64_t)n) : 0;
	if (file > 0) {
		TRY(sys_file_read_exact(b->fd, at, to, file));
	}
	if (n > file) {
		memcpy(to + file, b->memory.p + (at + file - b->in_file), n - file);
	}
	return ERR_OK;
}

/* The octets leave our own memory; they count for the process as long as we hold the file. */
static enum err
seal(struct svc_smtp_body *b)
{
	int fd = -1;
	TRY(sys_file_memory("letter", &fd));
	enum err e = sys_file_write(fd, 0, buf_view(&b->memory));
	e = e != ERR_OK ? e : sys_file_seal(fd);
	if (e != ERR_OK) {
		sys_close(&fd);
		return e;
	}
	b->fd = fd;
	b->sealed = true;
	b->in_file = b->memory.n;
	buf_done(&b->memory);
	return ERR_OK;
}

enum err
svc_smtp_body_give(struct svc_smtp_body *b, str *ret_octets, int *ret_fd)
{
	if (b->fd < 0 && b->memory.n <= SVC_SMTP_INLINE_MAX) {
		*ret_octets = buf_view(&b->memory);
		*ret_fd = -1;
		return ERR_OK;
	}
	TRY(b->fd < 0 ? seal(b) : b->memory.n > 0 ? write_out(b) : ERR_OK);
	*ret_octets = buf_view(&b->prefix);
	return sys_dup(b->fd, ret_fd);
}

bool
svc_smtp_body_crown(struct svc_smtp_body *b, str first, str second)
{
	if (!b->sealed || b->prefix.n > 0) {
		return false;
	}
	buf_str(&b->prefix, first);
	buf_str(&b->prefix, second);
	if (buf_err(&b->prefix) != ERR_OK) {
		buf_done(&b->prefix);
		return false;
	}
	b->size += b->prefix.n;
	return true;
}
