/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of the engine that is first a few pages in memory and later, after a fork, a real
 * database: so that a handle can read its schema and prepare its statements before anybody knows
 * which database it will be. sqlite.c makes and takes the handle; this is only the engine's door to
 * files.
 */
#ifndef DB_WARM_H
#define DB_WARM_H

#include "base/err.h"
#include "base/str.h"

/* What sqlite.c opens it as. */
#define DB_WARM_NAME "warm"
#define DB_WARM_DOOR "postern-warm"

/*
 * Be ready to open DB_WARM_NAME. Once in a process.
 *
 * In      image: a whole database that the engine has written; taken over, from mem_zalloc
 * Errors  NOMEM, DB
 */
enum err db_warm_file(char *image, size_t n);

/*
 * From now on the file is the one at `path`, and what the engine opens beside it lies beside that.
 * The engine must hold no page and no lock of it.
 *
 * Errors  NOTFOUND and whatever else: the handle is of no use then
 */
enum err db_warm_attach(str path);

#endif
