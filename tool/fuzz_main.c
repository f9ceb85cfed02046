/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files or folders named on the command line, so that every seed and every
 * past finding is replayed by the ordinary test run, with any compiler. Not used with libFuzzer,
 * which brings its own main.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ran;

static int
run_file(const char *path)
{
	static uint8_t data[1u << 20];
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		fprintf(stderr, "%s: cannot open\n", path);
		return 1;
	}
	size_t n = fread(data, 1, sizeof data, f);
	fclose(f);
	/* At the end of the array, so that a read past the input is a read past the array. */
	uint8_t *end = memmove(data + sizeof data - n, data, n);
	LLVMFuzzerTestOneInput(end, n);
	ran++;
	return 0;
}

static int
run_folder(const char *path)
{
	DIR *d = opendir(path);
	if (d == NULL) {
		return run_file(path);
	}
	int failed = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char full[4096];
		if (e->d_name[0] != '.') {
			snprintf(full, sizeof full, "%s/%s", path, e->d_name);
			failed += run_file(full);
		}
	}
	closedir(d);
	return failed;
}

int
main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		failed += run_folder(argv[i]);
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("%u passed, %d failed\n", ran + 1, failed);
	return failed != 0;
}
