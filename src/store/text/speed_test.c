/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast it is: taking the text of 4,000 messages of 3 KB (STORE_TEXT_SPEED: another number),
 * and looking for words in them. Prints times; checks only that the answers are right, since
 * machines differ.
 */
#include "base/mem.h"
#include "base/test.h"
#include "store/text/text_priv.h"
#include "store/trial.h"
#include "sys/clock.h"

#include <stdlib.h>
#include <sys/resource.h>

enum { MESSAGES = 4000, BATCH = 500, BODY = 3000, WORDS = 20000 };

static struct store_conf conf;
static struct store *s;
static size_t messages = MESSAGES;
static uint64_t *ids, *hits, state = 5;
static uint8_t *scores;
static char vocabulary[WORDS][12];

static double
cpu_ms(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* Words of two to five syllables; the n-th is used about 1/n as often as the first. */
static void
make_vocabulary(void)
{
	static const char *const syllables[] = { "ba", "con", "de", "er", "for", "gen", "hi", "in",
		"ka", "lo", "men", "no", "pro", "re", "si", "ta", "un", "ver", "wi", "zu" };
	for (size_t i = 0; i < WORDS; i++) {
		struct buf b;
		buf_init_fixed(&b, vocabulary[i], sizeof vocabulary[i] - 1);
		for (uint64_t k = 1 + store_trial_random(&state, 3); k > 0; k--) {
			buf_cstr(&b, syllables[store_trial_random(&state, LEN(syllables))]);
		}
	}
}

static const char *
any_word(void)
{
	uint64_t below = 1 + store_trial_random(&state, WORDS);
	return vocabulary[store_trial_random(&state, below)];
}

static void
make_message(struct buf *out, size_t number)
{
	buf_printf(out,
	    "From: %s <%s@example.org>\r\nTo: me@example.org\r\nSubject: %s %s\r\n"
	    "Message-ID: <%zu.%llx@example.org>\r\n\r\n",
	    any_word(), any_word(), any_word(), any_word(), number,
	    (unsigned long long)store_trial_random(&state, UINT64_MAX));
	size_t end = out->n + BODY;
	while (out->n < end) {
		buf_printf(out, "%s%s", any_word(),
		    store_trial_random(&state, 11) == 0 ? "\r\n" : " ");
	}
	buf_cstr(out, number % 1000 == 7 ? "a needle in haystacks\r\n" : "\r\n");
}

static void
fill(void)
{
	static struct store_new msgs[BATCH];
	static struct store_added added[BATCH];
	struct buf out;
	buf_init(&out, BATCH * 8192);
	for (size_t i = 0; i < messages; i += BATCH) {
		size_t at[BATCH + 1];
		buf_reset(&out);
		for (size_t k = 0; k < BATCH; k++) {
			at[k] = out.n;
			make_message(&out, i + k);
		}
		at[BATCH] = out.n;
		for (size_t k = 0; k < BATCH; k++) {
			msgs[k] = (struct store_new){ .internal_s = 1,
				.body = str_sub(buf_view(&out), at[k], at[k + 1] - at[k]) };
		}
		CHECK_ERR(store_append(s, 1, msgs, BATCH, added), ERR_OK);
		for (size_t k = 0; k < BATCH; k++) {
			ids[i + k] = added[k].id;
		}
	}
	buf_done(&out);
}

static void
look(struct store_text_key *key, size_t want)
{
	struct store_text_ask ask = {
		.keys = key, .keys_n = 1, .ids = ids, .n = messages, .hits = hits
	};
	if (key->fuzzy != NULL) {
		memset(scores, 0, messages);
		ask.scores = scores;
		ask.slots = 1;
	}
	size_t found = 0;
	int64_t wall = sys_clock_us();
	double cpu = cpu_ms();
	CHECK_ERR(store_text_find(s, &ask), ERR_OK);
	wall = sys_clock_us() - wall;
	cpu = cpu_ms() - cpu;
	for (size_t i = 0; i < messages; i++) {
		found += hits[i] != 0;
	}
	printf("%-5s %-5s %-24.*s %8zu found %9.3f ms, %9.3f ms of CPU\n",
	    key->fuzzy != NULL ? "FUZZY" : "", key->where == STORE_TEXT_ANY ? "TEXT" : "BODY",
	    STR_ARG(key->needle), found, (double)wall / 1000, cpu);
	CHECK(want == SIZE_MAX ? found > 0 : found == want);
}

static void
look_for(enum store_text_where where, const char *needle, size_t want)
{
	struct store_text_key key = {
		.where = where, .name = S("x-none"), .needle = str_from(needle)
	};
	look(&key, want);
}

static void
look_fuzzily(const char *needle, size_t want)
{
	struct mail_fuzzy fuzzy;
	struct store_text_key key = {
		.where = STORE_TEXT_ANY, .needle = str_from(needle), .fuzzy = &fuzzy
	};
	mail_fuzzy_init(&fuzzy, key.needle);
	look(&key, want);
}

static void
look_for_all(void)
{
	look_for(STORE_TEXT_BODY, "needle in", messages / 1000);
	look_for(STORE_TEXT_BODY, "needle in", messages / 1000);
	look_for(STORE_TEXT_ANY, "needle in", messages / 1000);
	look_for(STORE_TEXT_BODY, "not there at all", 0);
	look_for(STORE_TEXT_ANY, "example.org", messages);
	look_for(STORE_TEXT_BODY, "con", SIZE_MAX);
	look_for(STORE_TEXT_BODY, "e", SIZE_MAX);
	look_fuzzily("needle", messages / 1000);
	look_fuzzily("nedele", messages / 1000);
	look_fuzzily("hyastakcs", messages / 1000);
	look_fuzzily("example con", SIZE_MAX);
	look_fuzzily("in nedele hyastakcs", messages / 1000);
	look_fuzzily("nedele 0815x", 0);
}

static void
index_trigrams(void)
{
	bool more = true;
	double cpu = cpu_ms();
	while (more) {
		CHECK_ERR(store_text_keep_up(s, &more), ERR_OK);
	}
	cpu = cpu_ms() - cpu;
	printf("trigram index, then words: %.1f us of CPU each, %llu octets\n",
	    cpu * 1000 / (double)messages,
	    (unsigned long long)store_trial_size(&conf, "text/trigram.db"));
}

static void
speed(void)
{
	struct store_text_state st;
	const char *n = getenv("STORE_TEXT_SPEED");
	if (n != NULL && str_u64(str_from(n), &(uint64_t){ 0 })) {
		uint64_t v = 0;
		(void)str_u64(str_from(n), &v);
		messages = (size_t)(v / 1000 * 1000);
	}
	ids = mem_zalloc(messages, sizeof *ids);
	hits = mem_zalloc(messages, sizeof *hits);
	scores = mem_zalloc(messages, 1);
	conf = store_trial_conf("speed");
	conf.trigram_from = 1;
	s = store_trial_open(&conf);
	make_vocabulary();
	fill();
	int64_t us = sys_clock_us();
	double cpu = cpu_ms();
	CHECK_ERR(store_text_catch_up(s), ERR_OK);
	us = sys_clock_us() - us;
	cpu = cpu_ms() - cpu;
	CHECK_ERR(store_text_state(s, &st), ERR_OK);
	CHECK_U64(st.messages, messages);
	printf("taking the text of %zu messages: %.0f ms, %.1f us of CPU each, %llu octets\n",
	    messages, (double)us / 1000, cpu * 1000 / (double)messages,
	    (unsigned long long)st.octets);
	look_for_all();
	index_trigrams();
	look_for_all();
	index_trigrams(); /* and words, which have been missed */
	look_for_all();
	store_close(&s);
	store_trial_remove(&conf);
	mem_drop(ids);
	mem_drop(hits);
	mem_drop(scores);
}

TEST_MAIN(speed)
