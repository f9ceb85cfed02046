/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on descriptor 2:
 *	2026-11-21T19:00:00.123Z gate[1] info connect session=00ab... peer=192.0.2.1:55 port=mx
 * Which events exist is said in src/svc/log.def; services use LOG() of svc/common/log.h. Values are
 * quoted and escaped when they hold anything but plain characters, and cut at 256 octets, so no
 * peer can forge a line. Contents, passwords, names and subjects are never passed in.
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include "base/err.h"
#include "base/str.h"

enum { SYS_LOG_LINE_MAX = 4096, SYS_LOG_VALUE_MAX = 256 };

enum sys_log_level { SYS_LOG_DEBUG, SYS_LOG_INFO, SYS_LOG_WARN, SYS_LOG_ERROR };

enum sys_log_kind {
	SYS_LOG_END,
	SYS_LOG_STR,
	SYS_LOG_U64,
	SYS_LOG_I64,
	SYS_LOG_HEX,
	SYS_LOG_ERR,
	SYS_LOG_IP,
	SYS_LOG_ADDR,
};

struct sys_log_field {
	const char *key;
	enum sys_log_kind kind;
	union {
		str s;
		uint64_t u;
		int64_t i;
		enum err e;
		const void *p; /* uint8_t[16], or struct sys_addr */
	} v;
};

/* Field makers for LOG(). A key is a static word. */
#define F_STR(key, value)            \
	{                            \
		key, SYS_LOG_STR,    \
		{                    \
			.s = (value) \
		}                    \
	}
#define F_CSTR(key, value)                   \
	{                                    \
		key, SYS_LOG_STR,            \
		{                            \
			.s = str_from(value) \
		}                            \
	}
#define F_U64(key, value)                      \
	{                                      \
		key, SYS_LOG_U64,              \
		{                              \
			.u = (uint64_t)(value) \
		}                              \
	}
#define F_I64(key, value)            \
	{                            \
		key, SYS_LOG_I64,    \
		{                    \
			.i = (value) \
		}                    \
	}
#define F_ID(key, value)             \
	{                            \
		key, SYS_LOG_HEX,    \
		{                    \
			.u = (value) \
		}                    \
	} /* 16 hex digits: session ids */
#define F_ERR(value)                  \
	{                             \
		"error", SYS_LOG_ERR, \
		{                     \
			.e = (value)  \
		}                     \
	} /* error=NOSPACE */
#define F_IP(key, ip16)             \
	{                           \
		key, SYS_LOG_IP,    \
		{                   \
			.p = (ip16) \
		}                   \
	}
#define F_ADDR(key, addr)           \
	{                           \
		key, SYS_LOG_ADDR,  \
		{                   \
			.p = (addr) \
		}                   \
	} /* const struct sys_addr * */

/* Who writes: "gate[1]" (up to 32 octets, copied), and the least level that is written. */
void sys_log_init(str who, enum sys_log_level least);
/* Debug, info, warn, error. ERR_NOTFOUND. */
enum err sys_log_level_find(str name, enum sys_log_level *ret);

/*
 * Write one line; fields end with kind SYS_LOG_END. Never fails visibly: a full disk loses lines.
 */
void sys_log_write(enum sys_log_level level, const char *event, const struct sys_log_field *fields);

#endif
