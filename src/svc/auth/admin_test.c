/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's requests through the edge's own encoders: what they change, what they refuse
 * and with which words, what becomes of requests whose administrator leaves, and import.
 */
#include "svc/auth/admin.h"

#include "base/test.h"
#include "directory/account.h"
#include "directory/credential.h"
#include "directory/domain.h"
#include "ipc/adm_auth.h"
#include "svc/auth/bans.h"
#include "svc/auth/world_test.h"

static struct svc_auth_admin *admin;
static struct arena *arena, *lists; /* of the last reply */
static unsigned replies;
static struct ipc_adm_auth_done done;
static struct ipc_adm_auth_domains domains;
static struct ipc_adm_auth_accounts accounts;
static struct ipc_adm_auth_account account;
static struct ipc_adm_auth_imported imported;
static struct ipc_adm_auth_app_secret secret;
static struct ipc_adm_auth_apps apps;
static struct ipc_adm_auth_aliases aliases;
static struct ipc_adm_auth_bans bans;
static struct ipc_adm_auth_srs_keys srs_keys;

static void *
copy_of(const void *rows, size_t octets)
{
	return octets == 0 ? NULL : (void *)(uintptr_t)arena_dup(arena, str_make(rows, octets)).p;
}

/* Lists live until the handler returns: copy them. */
#define TAKE(name, where)                                                                  \
	static enum err on_##name(void *ctx, const struct ipc_adm_auth_##name *m, int *fd) \
	{                                                                                  \
		where = *m;                                                                \
		return ERR_OK;                                                             \
	}
#define TAKE_LIST(name, where, list)                                                       \
	static enum err on_##name(void *ctx, const struct ipc_adm_auth_##name *m, int *fd) \
	{                                                                                  \
		where = *m;                                                                \
		where.list = copy_of(m->list, m->list##_n * sizeof(m->list[0]));           \
		return ERR_OK;                                                             \
	}
TAKE(done, done)
TAKE(app_secret, secret)
TAKE_LIST(domains, domains, rows)
TAKE_LIST(accounts, accounts, rows)
TAKE_LIST(account, account, addresses)
TAKE_LIST(imported, imported, errors)
TAKE_LIST(apps, apps, rows)
TAKE_LIST(aliases, aliases, rows)
TAKE_LIST(bans, bans, rows)
TAKE_LIST(srs_keys, srs_keys, rows)

static enum err
take(void *from, const struct buf *message)
{
	static const struct ipc_adm_auth_at_admin handlers = { on_done, on_domains, on_accounts,
		on_account, on_imported, on_app_secret, on_apps, on_aliases, on_bans,
		.srs_keys = on_srs_keys };
	str copy;
	int fd = -1;

	replies++;
	CHECK_ERR(buf_err(message), ERR_OK);
	arena_reset(arena);
	copy = arena_dup(arena, buf_view(message));
	done = (struct ipc_adm_auth_done){ .result = ERR_BUG };
	CHECK_ERR(ipc_adm_auth_admin_dispatch(&handlers, NULL, copy, &fd, lists), ERR_OK);
	return ERR_OK;
}

static void
set_up(void)
{
	world_open();
	arena = arena_new(NULL, "reply", 16 << 20, 0);
	lists = arena_new(NULL, "lists", 16 << 20, 0);
	admin = svc_auth_admin_new(&world.auth, take);
	CHECK(admin != NULL);
	replies = 0;
}

static void
tear_down(void)
{
	svc_auth_admin_free(&admin);
	arena_free(&arena);
	arena_free(&lists);
	world_close();
}

/* Send one encoded request; its reply, if it comes at once or after the worker, is in the globals.
 */
static void
send_request(struct buf *b)
{
	int fd = -1;

	CHECK_ERR(buf_err(b), ERR_OK);
	CHECK_ERR(svc_auth_admin_message(admin, &world, buf_view(b), &fd), ERR_OK);
	world_pump();
	buf_done(b);
}

#define ASK(name, ...)                                                         \
	do {                                                                   \
		struct ipc_adm_auth_##name m_ = { .request = 7, __VA_ARGS__ }; \
		struct buf b_;                                                 \
		unsigned before_ = replies;                                    \
		buf_init(&b_, IPC_MESSAGE_MAX);                                \
		ipc_adm_auth_##name##_put(&b_, &m_);                           \
		send_request(&b_);                                             \
		CHECK_U64(replies - before_, 1);                               \
	} while (0)

static void
check_done(enum err want, const char *words)
{
	CHECK_ERR(done.result, want);
	CHECK_U64(done.request, 7);
	if (!CHECK(str_find(done.text, str_from(words)) >= 0)) {
		printf("said: %.*s\n", STR_ARG(done.text));
	}
}

static enum directory_verdict
verdict(const char *address)
{
	return directory_resolve(world.directory, str_from(address))->verdict;
}

/* Does this password let in? */
static enum err
log_in(const char *user, const char *password)
{
	str initial = arena_printf(world.arena, "%c%s%c%s", 0, user, 0, password);

	world_start(&(struct svc_auth_request){ .mechanism = S("PLAIN"),
	    .has_initial = true,
	    .initial = initial,
	    .session = { .protocol = SYS_IMAPS, .tls = true } });
	CHECK(world.over);
	return world.last.result;
}

static void
keeps_domains(void)
{
	set_up();
	ASK(domain_add, .domain = S("M\xc3\xbcller.example"));
	check_done(ERR_OK, "xn--mller-kva.example");
	ASK(domain_add, .domain = S("xn--mller-kva.EXAMPLE"));
	check_done(ERR_EXISTS, "already");
	ASK(domain_add, .domain = S("no domain"));
	check_done(ERR_SYNTAX, "no domain is no domain name");
	ASK(domain_add, .domain = S("[192.0.2.1]"));
	check_done(ERR_SYNTAX, "write it like example.org");
	ASK(domain_list, .after = S(""));
	CHECK_U64(domains.rows_n, 2);
	CHECK_STR(domains.rows[0].name, S("example.org"));
	CHECK_U64(domains.rows[0].accounts, 5);
	CHECK_STR(domains.next, S(""));
	ASK(domain_remove, .domain = S("example.org"));
	check_done(ERR_DENIED, "5 accounts and 1 aliases");
	ASK(domain_remove, .domain = S("example.net"));
	check_done(ERR_NOTFOUND, "postern domain list");
	ASK(domain_remove, .domain = S("xn--mller-kva.example"));
	check_done(ERR_OK, "refused from now on");
	ASK(catchall_set, .domain = S("example.org"), .address = S("bert@example.org"));
	check_done(ERR_OK, "bert@example.org gets");
	CHECK_U64(verdict("any@example.org"), DIRECTORY_KNOWN);
	ASK(catchall_set, .domain = S("example.org"), .address = S(""));
	CHECK_U64(verdict("any@example.org"), DIRECTORY_UNKNOWN);
	ASK(catchall_set, .domain = S("example.net"), .address = S("bert@example.org"));
	check_done(ERR_NOTFOUND, "no domain of this server");
	tear_down();
}

static void
makes_accounts(void)
{
	set_up();
	ASK(account_add, .address = S("New@Example.org"), .password = S("a good password"),
	    .quota_octets = 5000);
	check_done(ERR_OK, "new@example.org is account 6");
	CHECK_ERR(log_in("new@example.org", "a good password"), ERR_OK);
	ASK(account_show, .address = S("new@example.org"));
	CHECK_U64(account.account.id, 6);
	CHECK_U64(account.account.quota_octets, 5000);
	CHECK_U64(account.iterations, 4096);
	CHECK(account.addresses_n == 1 && account.apps == 0);
	ASK(account_add, .address = S("new@example.org"), .password = S("a good password"));
	check_done(ERR_EXISTS, "new@example.org is taken");
	ASK(account_add, .address = S("x@example.net"), .password = S("a good password"));
	check_done(ERR_NOTFOUND, "postern domain add example.net");
	ASK(account_add, .address = S("nobody"), .password = S("a good password"));
	check_done(ERR_SYNTAX, "nobody is no mail address");
	ASK(account_add, .address = S("x@example.org"), .password = S("short"));
	check_done(ERR_TOOMANY, "at least 10 characters");
	ASK(account_add, .address = S("longenough@example.org"), .password = S("longenough"));
	check_done(ERR_DENIED, "the address itself");
	ASK(account_add, .address = S("x@example.org"), .password = S("bell\x07 in a password"));
	check_done(ERR_CHARSET, "control characters");
	ASK(account_add, .address = S("x@example.org"), .password = S("a good password"),
	    .quota_octets = UINT64_MAX);
	check_done(ERR_TOOBIG, "at most");
	CHECK_U64(verdict("x@example.org"), DIRECTORY_UNKNOWN);
	tear_down();
}

static void
thresholds(void)
{
	static const struct {
		const char *value;
		int64_t want; /* -1: refused */
	} points[] = { { "4.5", 4500 }, { "12", 12000 }, { "0.001", 1 }, { "", 0 }, { "x", -1 },
		{ "4.5.1", -1 }, { "4.1234", -1 }, { "0", -1 }, { "-1", -1 }, { "1001", -1 },
		{ "4.", 4000 }, { ".5", -1 } };
	set_up();
	for (size_t i = 0; i < LEN(points); i++) {
		test_case = points[i].value;
		ASK(account_set, .address = S("bert@example.org"), .name = S("junk-at"),
		    .value = str_from(points[i].value));
		check_done(points[i].want < 0 ? ERR_SYNTAX : ERR_OK,
		    points[i].want < 0 ? "a threshold is" : "are junk from");
		if (points[i].want >= 0) {
			ASK(account_show, .address = S("bert@example.org"));
			CHECK(account.account.junk_at == points[i].want &&
			    account.account.reject_at == 0);
		}
	}
	test_case = NULL;
	ASK(domain_set, .domain = S("example.org"), .name = S("dmarc"), .value = S("reject"));
	check_done(ERR_OK, "reject");
	ASK(domain_set, .domain = S("example.org"), .name = S("dmarc"), .value = S("maybe"));
	check_done(ERR_SYNTAX, "mark, reject or default");
	ASK(domain_set, .domain = S("other.example"), .name = S("dmarc"), .value = S("mark"));
	check_done(ERR_NOTFOUND, "no domain");
	tear_down();
}

static void
changes_accounts(void)
{
	set_up();
	ASK(account_password, .address = S("bert@example.org"), .password = S("another password"));
	check_done(ERR_OK, "is changed");
	CHECK_U64(world.revokes, 1);
	CHECK_ERR(log_in("bert@example.org", "bert's password"), ERR_AUTH);
	CHECK_ERR(log_in("bert@example.org", "another password"), ERR_OK);
	CHECK_ERR(log_in("bert@example.org", "phone's password"), ERR_OK);
	ASK(account_state, .address = S("bert@example.org"), .state = DIRECTORY_STATE_LOCKED);
	check_done(ERR_OK, "may not log in");
	CHECK_U64(world.revokes, 2);
	CHECK_ERR(log_in("bert@example.org", "another password"), ERR_DISABLED);
	ASK(account_state, .address = S("bert@example.org"), .state = DIRECTORY_STATE_ACTIVE);
	CHECK_ERR(log_in("bert@example.org", "another password"), ERR_OK);
	ASK(account_state, .address = S("gone@example.org"), .state = DIRECTORY_STATE_ACTIVE);
	check_done(ERR_DENIED, "for good");
	ASK(account_state, .address = S("bert@example.org"), .state = 9);
	check_done(ERR_SYNTAX, "no account state 9");
	ASK(account_quota, .address = S("bert@example.org"), .octets = 1, .messages = 2);
	check_done(ERR_OK, "1 octets and 2 messages");
	ASK(account_set, .address = S("bert@example.org"), .name = S("language"), .value = S("fr"));
	check_done(ERR_OK, "bert@example.org is told things in: fr");
	ASK(account_show, .address = S("bert@example.org"));
	CHECK_STR(account.account.language, S("fr"));
	ASK(account_set, .address = S("bert@example.org"), .name = S("language"),
	    .value = S("f r"));
	check_done(ERR_SYNTAX, "a language is a tag");
	ASK(account_set, .address = S("bert@example.org"), .name = S("colour"));
	check_done(ERR_SYNTAX, "no setting of that name");
	ASK(account_delete, .address = S("bert@example.org"));
	check_done(ERR_OK, "accounts/2");
	CHECK_U64(world.revokes, 3);
	CHECK_U64(world.deleted, 1);
	CHECK_ERR(log_in("bert@example.org", "another password"), ERR_AUTH);
	ASK(account_add, .address = S("bert@example.org"), .password = S("a good password"),
	    .force = true);
	check_done(ERR_DENIED, "--force from 2027-02-14 on");
	world_pass_time(DIRECTORY_TOMBSTONE_S);
	ASK(account_add, .address = S("bert@example.org"), .password = S("a good password"));
	check_done(ERR_DENIED, "give it to another one with --force");
	ASK(account_add, .address = S("bert@example.org"), .password = S("a good password"),
	    .force = true);
	check_done(ERR_OK, "account 6");
	ASK(account_delete, .address = S("alias@example.org"));
	check_done(ERR_NOTFOUND, "postern alias list");
	ASK(account_delete, .address = S("nobody@example.org"));
	check_done(ERR_NOTFOUND, "postern account list");
	tear_down();
}

/* Who is half-way in when the account is closed, with what was read of it before, stays out. */
static void
closes_the_door_at_once(void)
{
	struct svc_auth_request r = { .mechanism = S("PLAIN"),
		.has_initial = true,
		.initial = S("\0bert@example.org\0bert's password"),
		.session = { .protocol = SYS_SUBMISSION, .tls = true } };

	set_up();
	world.worker_asleep = true;
	world_start(&r);
	CHECK(!world.over);
	ASK(account_state, .address = S("anna@example.org"), .state = DIRECTORY_STATE_LOCKED);
	CHECK(!world.over); /* somebody else */
	ASK(account_state, .address = S("bert@example.org"), .state = DIRECTORY_STATE_LOCKED);
	CHECK(world.over);
	CHECK_ERR(world.last.result, ERR_UNAVAILABLE);
	world.over = false;
	world.worker_asleep = false;
	world_pump();
	CHECK(!world.over);
	CHECK_U64(world.grants, 0);
	tear_down();
}

static void
lists_accounts_in_pages(void)
{
	char address[40];

	set_up();
	for (unsigned i = 0; i < DIRECTORY_PAGE_MAX; i++) {
		struct directory_account want = { .id = 0 };
		uint64_t id;

		snprintf(address, sizeof(address), "u%03u@example.org", i);
		want.address = str_from(address);
		CHECK_ERR(directory_account_add(world.directory, &want, false, WORLD_T0, &id),
		    ERR_OK);
	}
	ASK(account_list, .domain = S("example.org"), .after = S(""));
	CHECK_U64(accounts.rows_n, DIRECTORY_PAGE_MAX);
	CHECK_STR(accounts.rows[0].address, S("anna@example.org"));
	CHECK_STR(accounts.next, S("u194@example.org"));
	ASK(account_list, .after = S("u194@example.org"));
	CHECK_U64(accounts.rows_n, 5);
	CHECK_STR(accounts.next, S(""));
	ASK(account_list, .domain = S("example.net"));
	CHECK_U64(accounts.rows_n, 0);
	tear_down();
}

static void
keeps_aliases(void)
{
	struct ipc_adm_auth_name targets[] = { { S("anna@example.org") }, { S("bert@example.org") },
		{ S("nobody@example.org") } };

	set_up();
	ASK(alias_add, .alias = S("Sales@example.org"), .targets = targets, .targets_n = 2);
	check_done(ERR_OK, "sales@example.org leads to 2 more accounts");
	ASK(alias_add, .alias = S("sales@example.org"), .targets = targets, .targets_n = 1);
	check_done(ERR_EXISTS, "leads to anna@example.org already");
	ASK(alias_add, .alias = S("other@example.org"), .targets = targets, .targets_n = 3);
	check_done(ERR_NOTFOUND, "no account nobody@example.org");
	CHECK_U64(verdict("other@example.org"), DIRECTORY_UNKNOWN); /* all or nothing */
	ASK(alias_add, .alias = S("bert@example.org"), .targets = targets, .targets_n = 1);
	check_done(ERR_EXISTS, "bert@example.org is taken");
	ASK(alias_add, .alias = S("x@example.net"), .targets = targets, .targets_n = 1);
	check_done(ERR_NOTFOUND, "postern domain add example.net");
	ASK(alias_add, .alias = S("x@example.org"));
	check_done(ERR_SYNTAX, "to whom");
	ASK(alias_list, .domain = S("example.org"));
	CHECK_U64(aliases.rows_n, 3);
	CHECK_STR(aliases.rows[1].alias, S("sales@example.org"));
	CHECK_STR(aliases.next, S(""));
	ASK(alias_list, .after = S("sales@example.org\tanna@example.org"));
	CHECK_U64(aliases.rows_n, 1);
	ASK(alias_remove, .alias = S("sales@example.org"), .target = S("anna@example.org"));
	check_done(ERR_OK, "removed");
	ASK(alias_remove, .alias = S("sales@example.org"), .target = S(""));
	check_done(ERR_OK, "removed");
	ASK(alias_remove, .alias = S("sales@example.org"), .target = S(""));
	check_done(ERR_NOTFOUND, "no such alias");
	tear_down();
}

static void
keeps_aliases_to_elsewhere(void)
{
	struct ipc_adm_auth_name targets[] = { { S("anna@example.org") }, { S("Ed.X@Far.example") },
		{ S("nobody@example.org") },
		{ S("b\xc3\xb6"
		    "b@far.example") } };

	set_up();
	ASK(alias_add, .alias = S("t@example.org"), .targets = targets, .targets_n = 2);
	check_done(ERR_OK, "t@example.org leads to 2 more addresses");
	ASK(alias_add, .alias = S("t@example.org"), .targets = targets + 1, .targets_n = 1);
	check_done(ERR_EXISTS, "leads to Ed.X@far.example already");
	ASK(alias_add, .alias = S("u@example.org"), .targets = targets + 1, .targets_n = 2);
	check_done(ERR_NOTFOUND, "no account nobody@example.org");
	CHECK_U64(verdict("u@example.org"), DIRECTORY_UNKNOWN); /* all or nothing */
	ASK(alias_add, .alias = S("u@example.org"), .targets = targets + 3, .targets_n = 1);
	check_done(ERR_SYNTAX, "must be ASCII");
	ASK(alias_list, .domain = S("example.org"), .after = S("t@example.org\t"));
	CHECK_U64(aliases.rows_n, 2);
	CHECK_STR(aliases.rows[0].target, S("Ed.X@far.example"));
	ASK(alias_remove, .alias = S("t@example.org"), .target = S("ed@far.example"));
	check_done(ERR_NOTFOUND, "no such alias");
	ASK(alias_remove, .alias = S("t@example.org"), .target = S("Ed.X@FAR.example"));
	check_done(ERR_OK, "removed");
	ASK(alias_remove, .alias = S("t@example.org"), .target = S("anna@example.org"));
	check_done(ERR_OK, "removed");
	CHECK_U64(verdict("t@example.org"), DIRECTORY_UNKNOWN);
	tear_down();
}

static void
keeps_app_passwords(void)
{
	char word[100];

	set_up();
	ASK(app_add, .address = S("anna@example.org"), .name = S("Thunderbird"),
	    .scope = DIRECTORY_SCOPE_IMAP, .expires_s = WORLD_T0 + 100);
	CHECK_U64(secret.password.n, 29);
	snprintf(word, sizeof(word), "%.*s", STR_ARG(secret.password));
	CHECK_ERR(log_in("anna@example.org", word), ERR_OK);
	ASK(app_add, .address = S("anna@example.org"), .name = S("Thunderbird"));
	check_done(ERR_EXISTS, "named \"Thunderbird\" already");
	ASK(app_add, .address = S("anna@example.org"), .name = S(""));
	check_done(ERR_SYNTAX, "give the app password a name");
	ASK(app_add, .address = S("anna@example.org"), .name = S("x"), .scope = 16);
	check_done(ERR_SYNTAX, "unknown bits");
	ASK(app_add, .address = S("anna@example.org"), .name = S("x"), .expires_s = WORLD_T0);
	check_done(ERR_SYNTAX, "expired already");
	svc_auth_tick(&world.auth); /* writes the day of use */
	ASK(app_list, .address = S("anna@example.org"));
	CHECK_U64(apps.rows_n, 1);
	CHECK_STR(apps.rows[0].name, S("Thunderbird"));
	CHECK(apps.rows[0].scope == DIRECTORY_SCOPE_IMAP &&
	    apps.rows[0].expires_s == WORLD_T0 + 100);
	CHECK_U64(apps.rows[0].used_day, WORLD_T0 / 86400);
	world_pass_time(100);
	CHECK_ERR(log_in("anna@example.org", word), ERR_AUTH);
	ASK(app_remove, .address = S("anna@example.org"), .name = S("Thunderbird"));
	check_done(ERR_OK, "removed");
	ASK(app_remove, .address = S("anna@example.org"), .name = S("Thunderbird"));
	check_done(ERR_NOTFOUND, "no app password named");
	tear_down();
}

static bool
has_cram_md5(uint64_t id)
{
	struct directory_credential all[DIRECTORY_CREDENTIALS_MAX];
	size_t n = 0;

	CHECK_ERR(directory_credentials(world.directory, id, world.arena, all, &n), ERR_OK);
	return n > 0 && all[0].has_cram_md5;
}

static void
opts_in_to_cram_md5(void)
{
	set_up();
	CHECK(!has_cram_md5(world.bert));
	ASK(account_cram_md5, .address = S("bert@example.org"), .on = true,
	    .password = S("wrong one"));
	check_done(ERR_AUTH, "not the main password");
	CHECK(!has_cram_md5(world.bert));
	ASK(account_cram_md5, .address = S("bert@example.org"), .on = true);
	check_done(ERR_SYNTAX, "needs the account's password");
	ASK(account_cram_md5, .address = S("bert@example.org"), .on = true,
	    .password = S("bert's password"));
	check_done(ERR_OK, "may use CRAM-MD5");
	CHECK(has_cram_md5(world.bert));
	ASK(account_password, .address = S("bert@example.org"), .password = S("another password"));
	CHECK(has_cram_md5(world.bert)); /* goes with the account */
	ASK(account_cram_md5, .address = S("bert@example.org"), .on = false);
	check_done(ERR_OK, "erased");
	CHECK(!has_cram_md5(world.bert));
	tear_down();
}

static void
bans_by_hand(void)
{
	set_up();
	ASK(ban_add, .prefix = S("192.0.2.0/24"), .seconds = 60);
	check_done(ERR_OK, "for 60 seconds");
	ASK(ban_add, .prefix = S("2001:db8::/48"), .seconds = 0);
	check_done(ERR_OK, "until you remove it");
	CHECK_U64(world.bans, 2);
	CHECK(world.last_ban.until_s == SVC_AUTH_FOREVER_S && world.last_ban.prefix.bits == 48);
	ASK(ban_add, .prefix = S("0.0.0.0/0"), .seconds = 60);
	check_done(ERR_DENIED, "too wide");
	ASK(ban_add, .prefix = S("::/16"), .seconds = 60); /* IPv4 and ::1 lie in it */
	check_done(ERR_DENIED, "too wide");
	ASK(ban_add, .prefix = S("127.0.0.1"), .seconds = 60);
	check_done(ERR_DENIED, "never banned");
	ASK(ban_add, .prefix = S("192.0.2.1/24"), .seconds = 60);
	check_done(ERR_SYNTAX, "no address or network");
	ASK(ban_list, .after = S(""));
	CHECK_U64(bans.rows_n, 2);
	CHECK_STR(bans.rows[0].prefix, S("192.0.2.0/24"));
	CHECK_STR(bans.rows[0].reason, S("administrator"));
	CHECK_STR(bans.next, S(""));
	ASK(ban_remove, .prefix = S("2001:db8::/48"));
	check_done(ERR_OK, "not banned any more");
	CHECK(world.bans == 3 && world.last_ban.until_s == 0);
	ASK(ban_remove, .prefix = S("2001:db8::/48"));
	check_done(ERR_NOTFOUND, "postern ban list");
	world_pass_time(60);
	ASK(ban_list, .after = S(""));
	CHECK_U64(bans.rows_n, 0);
	tear_down();
}

static void
imports_what_is_good(void)
{
	struct ipc_adm_auth_import_row rows[] = {
		{ S("i1@example.org"), S("password one") },
		{ S("no address"), S("password two") },
		{ S("I2@Example.org"), S("password three") },
		{ S("i2@example.org"), S("password four") },
		{ S("anna@example.org"), S("password five") },
		{ S("i3@example.org"), S("short") },
		{ S("i4@example.net"), S("password six") },
	};
	static const struct {
		uint32_t row;
		enum err result;
		const char *words;
	} want[] = {
		{ 1, ERR_SYNTAX, "no mail address" },
		{ 3, ERR_EXISTS, "i2@example.org is taken" },
		{ 4, ERR_EXISTS, "anna@example.org is taken" },
		{ 5, ERR_TOOMANY, "at least 10 characters" },
		{ 6, ERR_NOTFOUND, "postern domain add example.net" },
	};

	set_up();
	ASK(account_import, .rows = rows, .rows_n = LEN(rows));
	CHECK_U64(imported.created, 2);
	CHECK_U64(imported.errors_n, LEN(want));
	for (size_t i = 0; i < MIN(imported.errors_n, LEN(want)); i++) {
		CHECK_U64(imported.errors[i].row, want[i].row);
		CHECK_ERR(imported.errors[i].result, want[i].result);
		CHECK(str_find(imported.errors[i].text, str_from(want[i].words)) >= 0);
	}
	CHECK_ERR(log_in("i1@example.org", "password one"), ERR_OK);
	CHECK_ERR(log_in("i2@example.org", "password three"), ERR_OK);
	ASK(account_import, .rows = NULL);
	check_done(ERR_SYNTAX, "nothing to import");
	tear_down();
}

/* He leaves, the work goes on; the process ends, the work is dropped without harm. */
static void
outlives_its_administrator(void)
{
	struct ipc_adm_auth_account_add add = {
		.request = 1, .address = S("new@example.org"), .password = S("a good password")
	};
	struct ipc_adm_auth_import_row row = { S("i1@example.org"), S("password one") };
	struct ipc_adm_auth_account_import import = { .request = 2, .rows = &row, .rows_n = 1 };
	struct buf b;

	set_up();
	world.worker_asleep = true;
	buf_init(&b, IPC_MESSAGE_MAX);
	ipc_adm_auth_account_add_put(&b, &add);
	send_request(&b);
	svc_auth_admin_closed(admin, &world);
	world.worker_asleep = false;
	world_pump();
	CHECK_U64(replies, 0);
	CHECK_U64(verdict("new@example.org"), DIRECTORY_KNOWN);
	world.worker_asleep = true;
	buf_init(&b, IPC_MESSAGE_MAX);
	ipc_adm_auth_account_import_put(&b, &import);
	send_request(&b);
	tear_down();
	CHECK_U64(replies, 0);
}

static void
bounds_what_waits(void)
{
	struct ipc_adm_auth_account_password m = {
		.request = 7, .address = S("anna@example.org"), .password = S("another password")
	};

	set_up();
	world.worker_asleep = true;
	for (unsigned i = 0; i <= SVC_AUTH_OPS_MAX; i++) {
		struct buf b;

		CHECK_U64(replies, 0);
		buf_init(&b, IPC_MESSAGE_MAX);
		ipc_adm_auth_account_password_put(&b, &m);
		send_request(&b);
	}
	CHECK_U64(replies, 1);
	check_done(ERR_BUSY, "try again");
	world.worker_asleep = false;
	world_pump();
	CHECK_U64(replies, 1 + SVC_AUTH_OPS_MAX);
	check_done(ERR_OK, "is changed");
	tear_down();
}

static void
replaces_keys_of_reverse_paths(void)
{
	set_up();
	ASK(srs_list);
	CHECK_U64(srs_keys.rows_n, 1);
	CHECK(srs_keys.rows[0].until_s == 0);
	for (int i = 1; i < DIRECTORY_RING_MAX; i++) {
		ASK(srs_rotate, .forget = false);
		check_done(ERR_OK, "the one before is believed until");
	}
	ASK(srs_rotate, .forget = false);
	check_done(ERR_BUSY, "4 keys are still believed, the oldest until");
	ASK(srs_list);
	CHECK_U64(srs_keys.rows_n, DIRECTORY_RING_MAX);
	CHECK(srs_keys.rows[0].until_s == 0);
	CHECK(srs_keys.rows[1].until_s == world.auth.now_s + 32 * 86400);
	ASK(srs_rotate, .forget = true);
	check_done(ERR_OK, "bounces to what was forwarded before are refused");
	ASK(srs_list);
	CHECK_U64(srs_keys.rows_n, 1);
	tear_down();
}

static void
refuses_broken_messages(void)
{
	int fd = -1;

	set_up();
	CHECK_ERR(svc_auth_admin_message(admin, &world, S(""), &fd), ERR_PROTOCOL);
	CHECK_ERR(svc_auth_admin_message(admin, &world, S("\xff\xff"), &fd), ERR_PROTOCOL);
	CHECK_U64(replies, 0);
	tear_down();
}

TEST_MAIN(keeps_domains, makes_accounts, thresholds, changes_accounts, closes_the_door_at_once,
    lists_accounts_in_pages, keeps_aliases, keeps_aliases_to_elsewhere, keeps_app_passwords,
    opts_in_to_cram_md5, bans_by_hand, imports_what_is_good, outlives_its_administrator,
    bounds_what_waits, replaces_keys_of_reverse_paths, refuses_broken_messages)
