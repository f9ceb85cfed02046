/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a letter: features rise and are bounded, hits are rules, hosts can be asked about,
 * and the list is one that the statistics take.
 */
#include "filter/filter.h"
#include "filter/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct filter_seen *seen)
{
	ASSERT(seen->n <= FILTER_FEATURES_MAX && seen->octets.n == 4 * (size_t)seen->n);
	for (uint32_t i = 1; i < seen->n; i++) {
		ASSERT(seen->features[i - 1] < seen->features[i]);
	}
	ASSERT(seen->hits_n <= FILTER_RULES);
	for (uint32_t i = 0; i < seen->hits_n; i++) {
		ASSERT(seen->hits[i] < FILTER_RULES);
	}
	ASSERT(seen->hosts_n <= FILTER_HOSTS_MAX);
	for (uint32_t i = 0; i < seen->hosts_n; i++) {
		ASSERT(seen->hosts[i].n > 0 && seen->hosts[i].n <= 255);
		for (size_t k = 0; k < seen->hosts[i].n; k++) {
			ASSERT((uint8_t)seen->hosts[i].p[k] > ' ');
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[FILTER_MODEL_KEY];
	static struct filter_model *model;
	struct arena *a = arena_new(NULL, "fuzz", 32 << 20, 0);
	struct mail_mime m;
	struct filter_seen seen;
	if (model == NULL) {
		ASSERT(filter_model_new(FILTER_MODEL_OWN, key, &model) == ERR_OK);
	}
	if (mail_mime_parse(str_make(data, size), a, &m) == ERR_OK &&
	    filter_features(&m, S("mx.example.net"), 1788249600, a, &seen) == ERR_OK) {
		check(&seen);
		ASSERT(filter_model_learn(model, seen.octets, size % 2 == 0, false) == ERR_OK);
		(void)filter_model_words(model, seen.octets);
	}
	arena_free(&a);
	return 0;
}
