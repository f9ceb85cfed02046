/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of this folder: the state of one look at a letter. features.c drives it;
 * header.c, words.c, html.c, link.c and parts.c add features and count signs; rules.c makes hits
 * of the signs.
 */
#ifndef FILTER_FILTER_PRIV_H
#define FILTER_FILTER_PRIV_H

#include "filter/filter.h"
#include "mail/header.h"

enum {
	FILTER_SLOTS = 8192,       /* of the table that finds duplicates; above FEATURES_MAX */
	FILTER_HEADER_SHARE = 900, /* features that the header may take */
	FILTER_SHAPE_SHARE = 1700, /* that header, structure and links may take together */
	FILTER_HTML_SHARE = 2900,  /* and the words of HTML, when there is plain text, too */
	FILTER_TAGS_MAX = 4000,    /* tags of HTML that are looked at */
	FILTER_LINKS_MAX = 1000,   /* links that are looked at */
};

/* What a feature speaks of: the same word means something else in another place. */
enum filter_place {
	FILTER_AT_FIELD = 1, /* a field is there */
	FILTER_AT_ORDER,     /* a field follows another */
	FILTER_AT_VALUE,     /* a word in a field; with the field's name */
	FILTER_AT_SUBJECT,
	FILTER_AT_NAME,  /* of a person */
	FILTER_AT_LOCAL, /* part of an address */
	FILTER_AT_DOMAIN,
	FILTER_AT_RECEIVED,
	FILTER_AT_SHAPE, /* of a header: counts, odd things */
	FILTER_AT_MIME,
	FILTER_AT_FILE,
	FILTER_AT_LINK,
	FILTER_AT_PATH, /* of a link */
	FILTER_AT_TAG,
	FILTER_AT_BODY,
	FILTER_AT_LOUD, /* in capitals */
	FILTER_AT_PAIR,
};

/* What rules.c decides by. */
struct filter_signs {
	uint32_t words, loud_words; /* of the text; in capitals and four letters or longer */
	uint32_t plain_words, html_words;
	uint32_t plain_parts, html_parts, leaves;
	uint32_t tags, images, forms, scripts, comments_in_words, hidden;
	uint32_t links, numeric_links, user_links, odd_ports, coded_hosts;
	uint32_t programs, macros, disguised, pages; /* attachments */
	uint32_t coded_ascii;                        /* text parts in base64 that need none */
	uint32_t fields, received, from, subjects, dates, ids, to, lists;
	bool subject_loud, subject_gappy, subject_raw, id_broken, date_broken;
	bool name_is_address, bulk, answer, has_test_line;
	int64_t date_s; /* 0: none that can be read */
};

struct filter_look {
	const struct mail_mime *mime;
	str hostname;
	int64_t received_s;
	struct arena *arena;
	struct filter_seen *seen;
	uint32_t *slots;             /* FILTER_SLOTS; 0: free */
	uint32_t limit;              /* no feature is taken when there are so many */
	size_t text_left;            /* of FILTER_TEXT_MAX */
	struct buf raw, utf8, plain; /* scratch */
	bool nomem;                  /* something was left out for want of memory */
	struct filter_signs signs;
};

/*
 * A hash of octets, going on from `h`; start with filter_hash_begin. It need not withstand anybody:
 * the tables that are kept hash again with a secret (model.c).
 */
#define FILTER_HASH_PRIME 0x100000001b3ull

static inline uint64_t
filter_hash_number(uint64_t h, uint64_t n)
{
	return (h ^ n) * FILTER_HASH_PRIME;
}

static inline uint64_t
filter_hash_begin(enum filter_place place)
{
	return filter_hash_number(0xcbf29ce484222325ull, place);
}

static inline uint64_t
filter_hash(uint64_t h, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		h = filter_hash_number(h, (uint8_t)s.p[i]);
	}
	return h;
}

/* The same, ASCII letters in lower case. */
static inline uint64_t
filter_hash_lower(uint64_t h, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		h = filter_hash_number(h, (uint8_t)ascii_lower(s.p[i]));
	}
	return h;
}

/* All bits of the sum stir all bits of the feature. 0 means a free slot, so it becomes 1. */
static inline uint32_t
filter_hash_end(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	h ^= h >> 32;
	return (uint32_t)h == 0 ? 1 : (uint32_t)h;
}

/* set.c */
void filter_set_add(struct filter_look *l, uint32_t feature);
bool filter_set_has(const struct filter_look *l, uint32_t feature);
void filter_set_sort(struct filter_look *l);
/* filter_set_add of place and text in lower case. */
void filter_add(struct filter_look *l, enum filter_place place, str s);
void filter_add_number(struct filter_look *l, enum filter_place place, const char *what,
    uint64_t n);
/* floor(log2(n)), 0 for 0: sizes and counts as features. */
uint32_t filter_log2(uint64_t n);

/* words.c */
/* Where words are taken from, and what pairs go on from. */
struct filter_words {
	str in;
	uint64_t before; /* hash of the word before; 0: none */
	bool loud;       /* the word just given is in capitals only */
	bool ascii;      /* and this one has no octet beyond ASCII */
};
/* The next word as it stands, without what is around it; false at the end. */
bool filter_word_next(struct filter_words *w, str *ret);
/* All words and pairs of words of a text in UTF-8; how many. */
uint32_t filter_words_take(struct filter_look *l, str utf8);
/* The feature of one word, or of two (b.n > 0), as filter_words_take makes it. */
uint32_t filter_words_feature(str a, str b);
/* Every word of a short text as features of that place. */
void filter_words_at(struct filter_look *l, enum filter_place place, str utf8);

/* header.c */
void filter_header_take(struct filter_look *l);
/* The features of a domain: itself and what it is below. */
void filter_domain_take(struct filter_look *l, enum filter_place place, str domain);

/* link.c */
/* A link as it stands in an attribute; links in plain text. */
void filter_link_take(struct filter_look *l, str url);
void filter_links_in_text(struct filter_look *l, str utf8);

/* html.c */
void filter_html_take(struct filter_look *l, str utf8);

/* parts.c */
void filter_parts_take(struct filter_look *l);
void filter_text_take(struct filter_look *l);
/* Keep in mind that a scratch buffer had no memory, before it is emptied. */
void filter_note(struct filter_look *l);

/* rules.c */
void filter_rules_take(struct filter_look *l);

#endif
