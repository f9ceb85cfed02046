/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Force-included into every file: the few system headers everyone may use, our attributes, and the
 * poisoned names. Read this first. Nothing here does anything; read str.h, buf.h, arena.h and err.h
 * next.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NODISCARD __attribute__((warn_unused_result))
/* On an enum: a function that returns it must not be ignored. */
#if defined(__clang__)
#define NODISCARD_TYPE __attribute__((warn_unused_result))
#else
#define NODISCARD_TYPE [[nodiscard]]
#endif
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define NONNULL __attribute__((nonnull))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* The struct that holds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)&((char *)(ptr))[-(ptrdiff_t)offsetof(type, member)])

/*
 * Our own bug, never a peer's octets: prints file, line and condition, and aborts. Stays in release
 * builds.
 */
#define ASSERT(cond)                                           \
	do {                                                   \
		if (__builtin_expect(!(cond), 0)) {            \
			base_panic(__FILE__, __LINE__, #cond); \
		}                                              \
	} while (0)
NORETURN void base_panic(const char *file, int line, const char *cond);

/*
 * Unbounded, locale-bound, or too easy to misuse: not in this house. With _FORTIFY_SOURCE some of
 * them are macros, which clang does not like to poison.
 */
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r gets
#pragma GCC poison atoi atol atoll atof strtol strtoul strtoll strtoull strtod sscanf
#pragma GCC poison setlocale system popen tmpnam mktemp

#endif
