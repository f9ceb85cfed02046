/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one readable file, every setting a row of settings.def. Parsing is pure: text
 * in, struct conf and a list of complaints out. A struct conf lives in the arena it was parsed
 * into.
 *
 *	file    = *( line LF )
 *	line    = [ key 1*value / section "{" / "}" ] [ "#" comment ]
 *	value   = word / DQUOTE *( any but DQUOTE; \" and \\ escape ) DQUOTE
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/arena.h"
#include "base/buf.h"

struct conf_list {
	const str *v;
	size_t n;
};

#define CONF_T_STR str
#define CONF_T_PATH str
#define CONF_T_HOST str
#define CONF_T_WORD str
#define CONF_T_NUM uint64_t
#define CONF_T_LIMIT uint64_t
#define CONF_T_SIZE uint64_t
#define CONF_T_TIME uint64_t
#define CONF_T_POINTS uint64_t
#define CONF_T_BOOL bool
#define CONF_T_ADDRS struct conf_list
#define CONF_T_NETS struct conf_list
#define CONF_T_HOSTS struct conf_list
#define CONF_T_PATHS struct conf_list
#define CONF_T_SOCKETS struct conf_list
#define CONF_T_RULES struct conf_list

struct conf {
#define SETTING(field, section, key, type, def, min, max, text) CONF_T_##type field;
#include "conf/settings.def"
#undef SETTING
};

/* Where complaints go: one call per problem; line 0 means the whole file. */
typedef void conf_complain(void *ctx, unsigned line, str key, const char *what);

/*
 * Parse a whole file, and check every value and the rules between settings.
 *
 * In      text: the file's octets; complain: called for each problem, in file order
 * Out     ret: set only on ERR_OK; its strings live in `a`
 * Limits  CONF_FILE_MAX octets, CONF_VALUES_MAX values on a line, two levels
 * Errors  ERR_CONFIG after at least one complaint; ERR_BUDGET
 */
enum err conf_parse(str text, struct arena *a, conf_complain *complain, void *ctx,
    struct conf *ret);

struct conf_row;
/* Give `now` the old value of every setting at_start, and tell of each one that was to change. */
void conf_keep(const struct conf *old, struct conf *now,
    void (*tell)(void *ctx, const struct conf_row *row), void *ctx);

/* All settings as key value lines that conf_decode reads; for handing to the services. */
void conf_encode(const struct conf *c, struct buf *out);

/*
 * Read what conf_encode wrote.
 *
 * Out     ret: set only on ERR_OK; strings live in `a`
 * Errors  ERR_CONFIG (damaged or of another version), ERR_BUDGET
 */
enum err conf_decode(str text, struct arena *a, struct conf *ret);

/* Where another program listens: a value of type SOCKETS. */
struct conf_socket {
	str path; /* empty: TCP */
	str ip;   /* an address without brackets */
	uint16_t port;
};

/*
 * Take "unix:PATH", "PATH" or "inet:PORT@ADDRESS" apart (as filters themselves write it). Nothing
 * is encrypted or authenticated there, so only addresses of this machine (127.0.0.0/8, ::1) and of
 * private networks (RFC 1918 3, RFC 4193 3.1) are such.
 *
 * Out     ret: borrowed from v
 * Limits  a path of CONF_SOCKET_PATH_MAX octets
 * Errors  ERR_SYNTAX
 */
enum err conf_socket_parse(str v, struct conf_socket *ret);

/* One row of the table, for help texts, man pages and tests. */
struct conf_row {
	const char *section, *key, *type, *def, *text;
	uint64_t min, max;
	bool at_start; /* takes force when the server is started anew only */
};
size_t conf_rows(const struct conf_row **ret_rows);

enum {
	CONF_FILE_MAX = 1 << 20,
	CONF_LINE_MAX = 8192,
	CONF_VALUES_MAX = 1000,
	CONF_SOCKET_PATH_MAX = 107, /* what the kernel takes */
};

#endif
