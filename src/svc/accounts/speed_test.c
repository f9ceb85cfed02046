/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an account process costs from fork to exit, in processor time: so many accounts get a letter
 * each, or a log-in each, one after the other, inside the zygote's own sandbox. Not a test: it
 * prints, and a machine with other work changes it less than a clock would be.
 *
 *	svc_accounts_speed_test [letters|logins] [accounts] [rounds]
 */
#include "svc/accounts/nursery.h"
#include "svc/accounts/world_test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "sys/file.h"
#include "sys/spawn.h"
#include "sys/sys.h"

enum { LETTER_OCTETS = 4096, ACCOUNTS = 300, ROUNDS = 3, ACCOUNTS_MAX = 100000 };

struct cost {
	double user_us, system_us;
};

static char letter[LETTER_OCTETS + 1];
static uint64_t entry;

static double
us_of(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static struct cost
cost_now(int who)
{
	struct rusage r;
	CHECK(getrusage(who, &r) == 0);
	return (struct cost){ us_of(r.ru_utime), us_of(r.ru_stime) };
}

static void
fill_letter(uint64_t number)
{
	int n = snprintf(letter, sizeof letter,
	    "From: a@example.net\r\nTo: b@example.org\r\nSubject: letter %llu\r\n"
	    "Message-ID: <%llu@example.net>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\n",
	    (unsigned long long)number, (unsigned long long)number);
	uint64_t x = number * 0x9e3779b97f4a7c15u + 1;
	for (size_t i = (size_t)n; i < LETTER_OCTETS; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		letter[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' : "abcdefgh ijklmno"[x >> 60];
	}
	letter[LETTER_OCTETS] = '\0';
}

static bool
is_idle(const void *ctx)
{
	return list_empty(&w.s->children);
}

static void
one_letter(uint64_t account)
{
	w.questions_n = w.ended_n = 0;
	int process = world_open(account, account);
	CHECK_ERR(sys_loop_turn(w.sc.loop, 1000), ERR_OK);
	world_turn();
	if (w.questions_n > 0) {
		world_tell_account(ERR_OK, true);
	}
	fill_letter(++entry);
	CHECK_ERR(world_deliver(process, entry, letter), ERR_OK);
	sys_close(&process);
	CHECK(world_until(is_idle, NULL));
}

static void
one_login(uint64_t account)
{
	struct world_client c;
	w.attached_n = 0;
	world_log_in(account, &c);
	world_say(&c, "a2 LOGOUT\r\n");
	CHECK(world_hears(&c, "a2 OK") && world_over(&c));
	world_client_done(&c);
	CHECK(world_until(is_idle, NULL));
}

static void
measure(const char *what, uint64_t accounts, void (*one)(uint64_t account))
{
	struct cost child = cost_now(RUSAGE_CHILDREN), self = cost_now(RUSAGE_SELF);
	for (uint64_t id = 1; id <= accounts; id++) {
		one(id);
	}
	struct cost c = cost_now(RUSAGE_CHILDREN), s = cost_now(RUSAGE_SELF);
	double n = (double)accounts;
	printf("%-8s child %6.0f us (user %5.0f system %5.0f)  zygote and bench %5.0f us\n", what,
	    (c.user_us + c.system_us - child.user_us - child.system_us) / n,
	    (c.user_us - child.user_us) / n, (c.system_us - child.system_us) / n,
	    (s.user_us + s.system_us - self.user_us - self.system_us) / n);
	fflush(stdout);
}

/* As parent starts it: in the sandbox before the first account. */
static void
lock_in(void)
{
	struct sys_sandbox_profile p = { .name = "accounts" };
	struct sys_sandbox *sandbox = NULL;
	struct sys_sandbox_state state;
	CHECK_ERR(svc_accounts_profile(&w.sc, &p), ERR_OK);
	CHECK_ERR(sys_sandbox_prepare(&p, &sandbox), ERR_OK);
	CHECK_ERR(sys_sandbox_enter(sandbox, NULL, 0, &state), ERR_OK);
	sys_sandbox_free(&sandbox);
	CHECK_ERR(svc_accounts_nursery_new(w.s), ERR_OK);
}

static void
run(bool logins, uint64_t accounts, uint64_t rounds)
{
	lock_in();
	measure("new", accounts, one_letter);
	measure("second", accounts, one_letter);
	for (uint64_t i = 0; i < rounds; i++) {
		measure(logins ? "login" : "letter", accounts, logins ? one_login : one_letter);
	}
}

static uint64_t
number_of(int argc, char **argv, int at, uint64_t otherwise)
{
	uint64_t n = otherwise;
	if (argc > at && (!str_u64(str_from(argv[at]), &n) || n == 0 || n > ACCOUNTS_MAX)) {
		n = otherwise;
	}
	return n;
}

int
main(int argc, char **argv)
{
	bool logins = argc > 1 && str_eq(str_from(argv[1]), S("logins"));
	struct sys_child c;
	struct sys_child_end end;
	bool in_child = false;
	world_new();
	fflush(stdout);
	CHECK_ERR(sys_fork(&in_child, &c), ERR_OK);
	if (in_child) {
		run(logins, number_of(argc, argv, 2, ACCOUNTS), number_of(argc, argv, 3, ROUNDS));
		fflush(stdout);
		sys_exit(test_failed > 0);
	}
	CHECK_ERR(sys_child_wait(&c, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	world_free();
	return test_failed > 0;
}
