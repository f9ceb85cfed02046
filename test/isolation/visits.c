/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an account process that was taken over may do with the channels it has: ask for guest
 * processes in other accounts' folders, and send them whatever it likes. "visit NUMBER" is done
 * when a guest came; "guest NUMBER COMMAND" writes all that the guest answers to the client.
 */
#include "intruder.h"

#include "base/arena.h"
#include "ipc/account_guest.h"
#include "ipc/accounts_account.h"
#include "svc/account/account.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>

enum { WAIT_MS = 5000 };

struct svc_account *intruder_account;

static struct visit {
	uint64_t owner, got, owed;
	int chan, stream;
	bool answered, done;
	enum err result;
} guest = { .chan = -1, .stream = -1 };

static enum err
on_visiting(void *ctx, const struct ipc_accounts_account_visiting *m, int *fd)
{
	int *slot = m->stream ? &guest.stream : &guest.chan;
	sys_close(slot);
	*slot = *fd;
	*fd = -1;
	guest.result = m->result;
	guest.answered = !m->stream;
	return ERR_OK;
}

static enum err
ignore_notice(void *ctx, const struct ipc_accounts_account_notice *m, int *fd)
{
	return ERR_OK;
}

static enum err
on_done(void *ctx, const struct ipc_account_guest_done *m, int *fd)
{
	guest.owed = m->octets;
	guest.done = true;
	return ERR_OK;
}

static enum err
on_kept(void *ctx, const struct ipc_account_guest_kept *m, int *fd)
{
	return sys_file_append(intruder_account->stream, S("kept\r\n"));
}

/* A letter is what COPY gives: as good as reading. */
static enum err
on_letter(void *ctx, const struct ipc_account_guest_letter *m, int *fd)
{
	return ERR_OK;
}

static enum err
on_piece(void *ctx, const struct ipc_account_guest_piece *m, int *fd)
{
	return sys_file_append(intruder_account->stream, m->octets);
}

static struct arena *
scratch(void)
{
	static struct arena *a;
	a = a == NULL ? arena_new(NULL, "intruder", 2 << 20, 0) : a;
	arena_reset(a);
	return a;
}

static bool
fail(int errnum)
{
	errno = errnum;
	return false;
}

bool
intruder_visit(const char *argument)
{
	static const struct ipc_accounts_account_at_account handlers = { .visiting = on_visiting,
		.notice = ignore_notice };
	struct ipc_accounts_account_visit m = { .request = 1 };
	struct buf out, in;
	(void)str_u64(str_from(argument), &m.account);
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	ipc_accounts_account_visit_put(&out, &m);
	guest.answered = false;
	enum err e = sys_chan_send_wait(intruder_account->control, &out, -1, WAIT_MS);
	while (e == ERR_OK && !guest.answered) {
		int fd = -1;
		e = sys_chan_recv_wait(intruder_account->control, &in, &fd, WAIT_MS);
		if (e == ERR_OK) {
			e = ipc_accounts_account_account_dispatch(&handlers, NULL, buf_view(&in),
			    &fd, scratch());
		}
		sys_close(&fd);
	}
	buf_done(&out);
	buf_done(&in);
	guest.owner = m.account;
	guest.got = 0;
	return e == ERR_OK && guest.result == ERR_OK && guest.chan >= 0 ? true : fail(EACCES);
}

static enum err
pass_on(void)
{
	char room[4096];
	size_t n = 0;
	enum err e = sys_sock_read(guest.stream, room, sizeof room, &n);
	if (e != ERR_OK) {
		return e == ERR_AGAIN ? ERR_OK : e;
	}
	guest.got += n;
	return sys_file_append(intruder_account->stream, str_make(room, n));
}

static enum err
take(struct buf *in)
{
	static const struct ipc_account_guest_at_account handlers = {
		.done = on_done, .letter = on_letter, .piece = on_piece, .kept = on_kept
	};
	int fd = -1;
	enum err e = sys_chan_recv(guest.chan, in, &fd);
	if (e == ERR_OK) {
		e = ipc_account_guest_account_dispatch(&handlers, NULL, buf_view(in), &fd,
		    scratch());
	}
	sys_close(&fd);
	return e == ERR_AGAIN ? ERR_OK : e;
}

static enum err
listen_to(void)
{
	struct buf in;
	enum err e = ERR_OK;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	while (e == ERR_OK && (!guest.done || guest.got < guest.owed)) {
		struct sys_wait_item items[] = { { .fd = guest.stream, .want_read = true },
			{ .fd = guest.chan, .want_read = true } };
		e = sys_wait_any(items, LEN(items), WAIT_MS);
		e = e == ERR_OK && items[0].ready_read ? pass_on() : e;
		e = e == ERR_OK && items[1].ready_read && !guest.done ? take(&in) : e;
	}
	buf_done(&in);
	return e;
}

static void
send(struct buf *out)
{
	/* A guest that has ended is what listening shows. */
	(void)(sys_chan_send_wait(guest.chan, out, -1, WAIT_MS) == ERR_OK);
	buf_reset(out);
}

/* A letter for a mailbox, whatever the guest says to that. */
static void
put_letter(struct buf *out, str mailbox)
{
	struct ipc_account_guest_insert insert = { .mailbox = mailbox };
	struct ipc_account_guest_own_letter letter = { { .uid = 1, .size = 1 } };
	struct ipc_account_guest_own_piece piece = { S("x") };
	guest.done = false;
	ipc_account_guest_insert_put(out, &insert);
	send(out);
	(void)(listen_to() == ERR_OK);
	ipc_account_guest_own_letter_put(out, &letter);
	send(out);
	ipc_account_guest_own_piece_put(out, &piece);
	send(out);
	ipc_account_guest_keep_put(out, &(struct ipc_account_guest_keep){ .all = true });
}

/* "append" goes as octets of that command, with its line's end behind. */
static void
put_append(struct buf *out, str text)
{
	struct ipc_account_guest_append m = { .begin = true, .asks = true };
	char room[4096];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	buf_str(&b, text);
	buf_cstr(&b, "\r\n");
	m.octets = buf_view(&b);
	ipc_account_guest_append_put(out, &m);
}

/* "copy SET" and so on are the messages of that name; anything else goes as a command. */
static void
put(struct buf *out, str text)
{
	str word, rest;
	(void)str_cut(text, ' ', &word, &rest);
	if (str_eq(word, S("copy")) || str_eq(word, S("move"))) {
		struct ipc_account_guest_copy m = {
			.uid = true, .move = str_eq(word, S("move")), .set = rest
		};
		ipc_account_guest_copy_put(out, &m);
	} else if (str_eq(word, S("remove"))) {
		ipc_account_guest_remove_put(out,
		    &(struct ipc_account_guest_remove){ .all = true });
	} else if (str_eq(word, S("insert"))) {
		put_letter(out, rest);
	} else if (str_eq(word, S("append"))) {
		put_append(out, rest);
	} else {
		struct ipc_account_guest_command m = { .last = true, .octets = text };
		ipc_account_guest_command_put(out, &m);
	}
}

bool
intruder_guest(const char *argument)
{
	struct buf out;
	str number, text;
	if (!str_cut(str_from(argument), ' ', &number, &text)) {
		return fail(EINVAL);
	}
	if (guest.chan < 0 && !intruder_visit(argument)) {
		return false;
	}
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	put(&out, text);
	guest.done = false;
	enum err e = sys_chan_send_wait(guest.chan, &out, -1, WAIT_MS);
	buf_done(&out);
	e = e == ERR_OK ? listen_to() : e;
	return e == ERR_OK ? true : fail(EPIPE);
}
