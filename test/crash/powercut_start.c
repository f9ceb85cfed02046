/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in the place of a service program and becomes it, with powercut.c loaded: the parent
 * starts services with an empty environment. The file "real/environment" beside the stand-in's
 * folder holds the variables, a line each; the programs themselves lie beside that file.
 */
#include <stdio.h>
#include <unistd.h>

enum { PATH_OCTETS = 4096, VARIABLES = 8, FAILED = 126 };

/* Fill `env` with the lines of the file; the text stays in `room`. */
static bool
read_environment(const char *path, char room[PATH_OCTETS], const char *env[VARIABLES + 1])
{
	FILE *f = fopen(path, "re");
	size_t n = f == NULL ? 0 : fread(room, 1, PATH_OCTETS - 1, f), used = 0;
	if (f != NULL) {
		fclose(f);
	}
	room[n] = '\0';
	for (char *at = room, *end; used < VARIABLES && (end = strchr(at, '\n')) != NULL;
	     at = end + 1) {
		*end = '\0';
		env[used++] = at;
	}
	env[used] = NULL;
	return used > 0;
}

int
main(int argc, char **argv)
{
	char own[PATH_OCTETS], path[PATH_OCTETS + 64], room[PATH_OCTETS];
	const char *env[VARIABLES + 1];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
	if (n <= 0) {
		return FAILED;
	}
	own[n] = '\0';
	char *name = strrchr(own, '/');
	*name++ = '\0';
	snprintf(path, sizeof path, "%s/real/environment", own);
	if (!read_environment(path, room, env)) {
		return FAILED;
	}
	snprintf(path, sizeof path, "%s/real/%s", own, name);
	execve(path, argv, (char **)(uintptr_t)env);
	return FAILED;
}
