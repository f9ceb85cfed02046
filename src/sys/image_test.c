/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A settled process has all its variables, may write to them, and shares no change with the
 * processes it forks; and what nobody has written to since is no private memory any more.
 */
#include "base/test.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#include <stdio.h>
#include <string.h>

enum { PAGES = 16, PAGE = 4096 };

static char untouched[PAGES * PAGE] = "filled by the linker";
static int counter = 41;
static const char *const words[] = { "tables", "of", "addresses" }; /* written by the loader */

static uint64_t
number(const char **at, unsigned base)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t n = 0;
	const char *digit;
	while (**at != '\0' && (digit = strchr(digits, **at)) != NULL) {
		n = n * base + (uint64_t)(digit - digits);
		(*at)++;
	}
	return n;
}

/* Octets of private pages in the area of an address. */
static uint64_t
private_octets(const void *address)
{
	char line[512];
	uint64_t kb = UINT64_MAX, here = (uintptr_t)address;
	bool inside = false;
	FILE *f = fopen("/proc/self/smaps", "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		const char *at = line;
		uint64_t from = number(&at, 16);
		if (at > line && *at++ == '-') {
			inside = from <= here && here < number(&at, 16);
		} else if (inside && strncmp(line, "Anonymous:", 10) == 0) {
			at = line + strcspn(line, "0123456789");
			kb = number(&at, 10);
		}
	}
	if (f != NULL) {
		fclose(f);
	}
	CHECK(kb != UINT64_MAX);
	return kb * 1024;
}

static void
nothing_is_lost(void)
{
	counter = 42;
	CHECK_ERR(sys_image_settle(), ERR_OK);
	CHECK(counter == 42 && strcmp(words[2], "addresses") == 0);
	CHECK(strcmp(untouched, "filled by the linker") == 0);
	counter++;
	CHECK(counter == 43);
}

static void
pages_are_shared_until_written(void)
{
	memset(untouched + PAGE, 1, (PAGES - 1) * (size_t)PAGE);
	uint64_t before = private_octets(untouched + PAGE);
	CHECK(before >= (PAGES - 1) * PAGE);
	CHECK(private_octets(words) > 0);
	CHECK_ERR(sys_image_settle(), ERR_OK);
	uint64_t after = private_octets(untouched + PAGE);
	CHECK(after + (PAGES - 3) * PAGE <= before);
	CHECK(private_octets(words) == 0);
	CHECK(untouched[PAGE] == 1 && untouched[PAGES * PAGE - 1] == 1);
}

static void
a_child_keeps_its_changes(void)
{
	bool in_child = false;
	struct sys_child c;
	struct sys_child_end end;
	counter = 7;
	CHECK_ERR(sys_image_settle(), ERR_OK);
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		bool same = counter == 7 && strcmp(words[0], "tables") == 0;
		counter = 8;
		memset(untouched, 3, sizeof untouched);
		sys_exit(same && counter == 8 ? 0 : 1);
	}
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	CHECK(counter == 7 && untouched[0] != 3);
}

TEST_MAIN(pages_are_shared_until_written, nothing_is_lost, a_child_keeps_its_changes)
