/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an account lives: state/accounts/<id>. An id is a number, so no name from outside is ever
 * part of a path.
 */
#include "svc/accounts/accounts.h"
#include "sys/file.h"
#include "sys/sys.h"

str
svc_accounts_folder(const struct svc_accounts *s, uint64_t account, struct svc_accounts_path *room)
{
	int n = snprintf(room->text, sizeof room->text, "%.*s/%llu", STR_ARG(s->folder),
	    (unsigned long long)account);
	ASSERT(n > 0 && (size_t)n < sizeof room->text);
	return (str){ room->text, (size_t)n };
}

enum err
svc_accounts_folder_make(struct svc_accounts *s, str folder)
{
	enum err e = sys_dir_make(SYS_CWD, folder, 0700);
	s->folder_young |= e == ERR_OK;
	return e == ERR_EXISTS ? ERR_OK : e;
}

/* Before anything in a new folder is said to be on disk: its own name is. */
enum err
svc_accounts_folder_sync(struct svc_accounts *s)
{
	int fd SYS_FD_AUTO = -1;
	if (!s->folder_young) {
		return ERR_OK;
	}
	TRY(sys_dir_open(SYS_CWD, s->folder, &fd));
	TRY(sys_file_sync(fd));
	s->folder_young = false;
	return ERR_OK;
}
