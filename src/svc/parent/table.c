/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processes.def, expanded once per kind of row.
 */
#include "svc/parent/table.h"

#include "conf/conf.h"

#define NO_ROWS(...)

static const struct svc_parent_row rows[] = {
#define PROCESS(set, program, folder, count, user, stop) \
	{ S_INIT(set), S_INIT(program), S_INIT(folder), user, stop },
#define EDGE NO_ROWS
#define ADMIN NO_ROWS
#define FOLDER NO_ROWS
#include "svc/parent/processes.def"
#undef PROCESS
#undef EDGE
#undef ADMIN
#undef FOLDER
};

static const struct svc_parent_edge edges[] = {
#define PROCESS NO_ROWS
#define EDGE(name, a, b) { S_INIT(name), S_INIT(a), S_INIT(b) },
#define ADMIN NO_ROWS
#define FOLDER NO_ROWS
#include "svc/parent/processes.def"
#undef PROCESS
#undef EDGE
#undef ADMIN
#undef FOLDER
};

static const str admins[] = {
#define PROCESS NO_ROWS
#define EDGE NO_ROWS
#define ADMIN(program) S_INIT(program),
#define FOLDER NO_ROWS
#include "svc/parent/processes.def"
#undef PROCESS
#undef EDGE
#undef ADMIN
#undef FOLDER
};

static const struct svc_parent_folder folders[] = {
#define PROCESS NO_ROWS
#define EDGE NO_ROWS
#define ADMIN NO_ROWS
#define FOLDER(path, user, mode) { S_INIT(path), user, mode },
#include "svc/parent/processes.def"
#undef PROCESS
#undef EDGE
#undef ADMIN
#undef FOLDER
};

size_t
svc_parent_table_rows(const struct svc_parent_row **ret)
{
	*ret = rows;
	return LEN(rows);
}

size_t
svc_parent_table_edges(const struct svc_parent_edge **ret)
{
	*ret = edges;
	return LEN(edges);
}

size_t
svc_parent_table_admins(const str **ret)
{
	*ret = admins;
	return LEN(admins);
}

size_t
svc_parent_table_folders(const struct svc_parent_folder **ret)
{
	*ret = folders;
	return LEN(folders);
}

uint32_t
svc_parent_table_count(size_t i, const struct conf *c, unsigned cores)
{
	const uint64_t counts[] = {
#define COUNT_ONE 1
#define COUNT_OF(setting) c->setting
#define PROCESS(set, program, folder, count, user, stop) count,
#define EDGE NO_ROWS
#define ADMIN NO_ROWS
#define FOLDER NO_ROWS
#include "svc/parent/processes.def"
#undef PROCESS
#undef EDGE
#undef ADMIN
#undef FOLDER
	};
	ASSERT(i < LEN(counts));
	return (uint32_t)(counts[i] == 0 ? MIN(cores, 64u) : counts[i]);
}
