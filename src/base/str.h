/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: a borrowed run of octets, never NUL-terminated, passed by copy. It owns nothing and may hold
 * any octet. Case folding here is ASCII only, as mail protocols want it. What parsers call for each
 * octet is inline: a call across files costs more than the work.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

typedef struct str {
	const char *p;
	size_t n;
} str;

#define S(lit) ((str){ "" lit, sizeof(lit) - 1 })
#define S_INIT(lit)                     \
	{                               \
		"" lit, sizeof(lit) - 1 \
	} /* for static tables */
#define STR_NONE ((str){ NULL, 0 })

/* For printf: printf("%.*s", STR_ARG(s)). Cuts at INT_MAX. */
#define STR_ARG(s) (int)MIN((s).n, (size_t)INT_MAX), (s).p == NULL ? "" : (s).p

/* A C string seen as str, NULL giving the empty one; borrowed. */
static inline str
str_from(const char *cstr)
{
	return cstr == NULL ? STR_NONE : (str){ cstr, strlen(cstr) };
}

/* n octets at p, borrowed. */
static inline str
str_make(const void *p, size_t n)
{
	return (str){ p, n };
}

/* Octets [off, off+n), clipped to s. */
static inline str
str_sub(str s, size_t off, size_t n)
{
	if (off >= s.n) {
		return (str){ s.p == NULL ? NULL : s.p + s.n, 0 };
	}
	return (str){ s.p + off, MIN(n, s.n - off) };
}

/* Everything from off on. */
static inline str
str_from_off(str s, size_t off)
{
	return str_sub(s, off, s.n);
}

/* Compare octets. */
static inline bool
str_eq(str a, str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The i forms fold ASCII case. cmp: octet order, a prefix comes first. */
bool str_ieq(str a, str b);
int str_cmp(str a, str b);
int str_icmp(str a, str b);
/* Begins with; everything begins and ends with the empty str. */
static inline bool
str_starts(str s, str prefix)
{
	return s.n >= prefix.n && str_eq(str_sub(s, 0, prefix.n), prefix);
}

/* The same folded; ends with. */
bool str_istarts(str s, str prefix);
bool str_ends(str s, str suffix);

/* Index of the first / last `c`, or -1. */
ptrdiff_t str_chr(str s, char c);
ptrdiff_t str_rchr(str s, char c);
/* Index of the first `needle`, or -1; the empty needle is found at 0. */
ptrdiff_t str_find(str s, str needle);
ptrdiff_t str_ifind(str s, str needle);

/* Without leading and trailing SP, HTAB, CR, LF. */
str str_trim(str s);

/* No octet above 127; the empty str is ASCII. */
static inline bool
str_is_ascii(str s)
{
	unsigned char all = 0;
	for (size_t i = 0; i < s.n; i++) {
		all |= (unsigned char)s.p[i];
	}
	return all < 0x80;
}

/*
 * Split at the first `c`: true and both parts when found; else false, *ret_head = s, *ret_tail
 * empty with p == NULL.
 */
bool str_cut(str s, char c, str *ret_head, str *ret_tail);

/*
 * Take the next piece of *s up to `c` or the end; false when *s was used up (p == NULL). So the
 * empty str with a pointer holds one empty piece, and a `c` at the end is followed by one.
 */
bool str_next(str *s, char c, str *ret_piece);

/* True and the value: decimal digits only, at least one, no sign, no overflow. */
bool str_u64(str s, uint64_t *ret_v);
bool str_u32(str s, uint32_t *ret_v);

/* All of these are about ASCII only, whatever the locale. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* The other way. */
static inline char
ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* 0 to 9. */
static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A letter of either case. */
static inline bool
ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter or a digit. */
static inline bool
ascii_is_alnum(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c);
}

/* Equal in time that depends on the lengths alone. */
bool str_eq_secret(str a, str b);

#endif
