/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three-line file, every kind of complaint with its line, and the round trip through encode.
 */
#include "base/test.h"
#include "conf/conf.h"

#define SMALL "hostname mail.example.org\ndomain example.org\nstate /var/lib/postern\n"

struct told {
	unsigned n, line;
	char text[2048];
};

static void
tell(void *ctx, unsigned line, str key, const char *what)
{
	struct told *t = ctx;
	if (t->n++ == 0) {
		t->line = line;
		snprintf(t->text, sizeof t->text, "%.*s: %s", STR_ARG(key), what);
	}
}

static void
smallest_file(void)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct conf c;
	struct told t = { 0 };
	CHECK_ERR(conf_parse(S(SMALL), a, tell, &t, &c), ERR_OK);
	CHECK_U64(t.n, 0);
	CHECK_STR(c.hostname, S("mail.example.org"));
	CHECK_U64(c.domain.n, 1);
	CHECK_U64(c.smtp_max_size, 50 << 20);
	CHECK_U64(c.auth_ban_time, 600000);
	CHECK_U64(c.listen_mx.n, 2);
	CHECK_STR(c.listen_mx.v[1], S("[::]:25"));
	CHECK_STR(c.tls_minimum, S("1.2"));
	arena_free(&a);
}

/* Parsed, then encoded and decoded, as the other processes get it. */
static void
parse_and_carry(str text, struct arena *a, struct conf ret[2])
{
	struct told t = { 0 };
	struct buf lines;
	CHECK_ERR(conf_parse(text, a, tell, &t, &ret[0]), ERR_OK);
	buf_init(&lines, 1 << 20);
	conf_encode(&ret[0], &lines);
	CHECK_ERR(conf_decode(buf_view(&lines), a, &ret[1]), ERR_OK);
	buf_done(&lines);
}

static void
reads_points(void)
{
	static const struct {
		str text;
		uint64_t want;
	} rows[] = { { S_INIT("5"), 5000 }, { S_INIT("4.5"), 4500 }, { S_INIT("0.001"), 1 },
		{ S_INIT("7.250"), 7250 }, { S_INIT("10.05"), 10050 } };
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct conf c[2];
		str text = arena_printf(a, SMALL "filter {\njunk-at %.*s\n}\n",
		    STR_ARG(rows[i].text));
		parse_and_carry(text, a, c);
		CHECK_U64(c[0].filter_junk_at, rows[i].want);
		CHECK_U64(c[1].filter_junk_at, rows[i].want);
	}
	arena_free(&a);
}

static void
reads_networks(void)
{
	static const str rows[] = { S_INIT("192.0.2.0/24"), S_INIT("192.0.2.1"),
		S_INIT("192.0.2.1/32"), S_INIT("0.0.0.0/0"), S_INIT("2001:db8::/48"),
		S_INIT("2001:db8::1"), S_INIT("::ffff:192.0.2.0/120"), S_INIT("::/0"),
		S_INIT("fe80::/10") };
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct conf c;
		struct told t = { 0 };
		str text = arena_printf(a, SMALL "auth {\ntrusted-networks %.*s\n}\n",
		    STR_ARG(rows[i]));
		test_case = rows[i].p;
		CHECK_ERR(conf_parse(text, a, tell, &t, &c), ERR_OK);
		CHECK(c.auth_trusted.n == 1 && str_eq(c.auth_trusted.v[0], rows[i]));
	}
	test_case = "";
	arena_free(&a);
}

/* RFC 9738 3: SHOULD NOT be lower than 1000. */
static void
reads_limits(void)
{
	static const struct {
		str text;
		uint64_t want;
	} rows[] = { { S_INIT("0"), 0 }, { S_INIT("1000"), 1000 },
		{ S_INIT("4294967295"), 4294967295 } };
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	for (size_t i = 0; i < LEN(rows); i++) {
		struct conf c[2];
		str text = arena_printf(a, SMALL "imap {\nmessage-limit %.*s\n}\n",
		    STR_ARG(rows[i].text));
		parse_and_carry(text, a, c);
		CHECK_U64(c[0].imap_message_limit, rows[i].want);
		CHECK_U64(c[1].imap_message_limit, rows[i].want);
		CHECK_U64(c[0].imap_save_limit, 0);
	}
	arena_free(&a);
}

static void
complaints(void)
{
	static const struct {
		const char *name;
		str text;
		unsigned line;
		const char *says;
	} rows[] = {
		{ "no state", S_INIT("hostname a.b\ndomain a.b\n"), 0, "state: is missing" },
		{ "unknown key", S_INIT(SMALL "colour red\n"), 4, "colour: is not a setting" },
		{ "unknown section", S_INIT(SMALL "paint {\n}\n"), 4, "paint: is not a section" },
		{ "unclosed section", S_INIT(SMALL "smtp {\n max-size 1M\n"), 4,
		    "smtp: the section is never closed" },
		{ "nested section", S_INIT(SMALL "smtp {\nimap {\n}\n"), 5,
		    "imap: a section cannot be inside" },
		{ "rule without names", S_INIT(SMALL "imap {\n deny \"x:\"\n}\n"), 5,
		    "deny: 'x:' is not allowed: give \"WHO: NAME ...\" in quotes" },
		{ "stray close", S_INIT(SMALL "}\n"), 4, "}: closes nothing" },
		{ "twice", S_INIT(SMALL "state /x\n"), 4, "state: was set on line 3 already" },
		{ "too many values", S_INIT(SMALL "log a b\n"), 4, "log: takes one value, not 2" },
		{ "bad number", S_INIT(SMALL "smtp {\nmax-recipients 12\n}\n"), 5,
		    "max-recipients: '12' is not allowed: give a number from 100 to 1000" },
		{ "a limit too low", S_INIT(SMALL "imap {\nmessage-limit 999\n}\n"), 5,
		    "message-limit: '999' is not allowed: give 0 for none, or a number from 1000" },
		{ "a limit with a unit", S_INIT(SMALL "imap {\nsave-limit 1K\n}\n"), 5,
		    "save-limit: '1K' is not allowed" },
		{ "more than a mailbox stores", S_INIT(SMALL "smtp {\nmax-size 256M\n}\n"), 5,
		    "max-size: '256M' is not allowed: give a size (K M G T) from 64K to 255M" },
		{ "time without unit", S_INIT(SMALL "smtp {\ndata-timeout 30\n}\n"), 5,
		    "data-timeout: '30' is not allowed: give a time with unit (ms s m h d)" },
		{ "points with four digits", S_INIT(SMALL "filter {\njunk-at 4.5555\n}\n"), 5,
		    "junk-at: '4.5555' is not allowed: give a number from 0.001 to 100.000" },
		{ "points without digits", S_INIT(SMALL "filter {\njunk-at 4.\n}\n"), 5,
		    "junk-at: '4.' is not allowed: give a number" },
		{ "too many points", S_INIT(SMALL "filter {\njunk-at 100.001\n}\n"), 5,
		    "junk-at: '100.001' is not allowed: give a number" },
		{ "bad address", S_INIT(SMALL "listen {\nmx localhost:25\n}\n"), 5,
		    "mx: 'localhost:25' is not allowed" },
		{ "bad v6", S_INIT(SMALL "listen {\nmx [fe80:::g]:25\n}\n"), 5,
		    "mx: '[fe80:::g]:25' is not allowed" },
		{ "bad network", S_INIT(SMALL "auth {\ntrusted-networks 10.0.0.0/33\n}\n"), 5,
		    "trusted-networks: '10.0.0.0/33'" },
		{ "a network with an address's bits",
		    S_INIT(SMALL "auth {\ntrusted-networks 192.168.1.1/24\n}\n"), 5,
		    "trusted-networks: '192.168.1.1/24' is not allowed" },
		{ "the same for v6", S_INIT(SMALL "auth {\ntrusted-networks 2001:db8::1/64\n}\n"),
		    5, "trusted-networks: '2001:db8::1/64' is not allowed" },
		{ "a network with two gaps", S_INIT(SMALL "auth {\ntrusted-networks 1::2::3\n}\n"),
		    5, "trusted-networks: '1::2::3' is not allowed" },
		{ "an octal address", S_INIT(SMALL "auth {\ntrusted-networks 010.0.0.1\n}\n"), 5,
		    "trusted-networks: '010.0.0.1' is not allowed" },
		{ "an address with two gaps", S_INIT(SMALL "listen {\nmx [1::2::3]:25\n}\n"), 5,
		    "mx: '[1::2::3]:25' is not allowed" },
		{ "relative path", S_INIT("hostname a\ndomain b\nstate lib\n"), 3,
		    "state: 'lib' is not allowed: give an absolute" },
		{ "a filter's name, not its address",
		    S_INIT(SMALL "milter {\nsockets unix:/f inet:8891@localhost\n}\n"), 5,
		    "sockets: 'inet:8891@localhost' is not allowed: give unix:PATH (abs" },
		{ "a filter far away", S_INIT(SMALL "milter {\nsockets inet:8891@192.0.2.1\n}\n"),
		    5, "sockets: 'inet:8891@192.0.2.1' is not allowed" },
		{ "bad word", S_INIT(SMALL "tls {\nminimum 1.1\n}\n"), 5,
		    "minimum: '1.1' is not allowed: give one of 1.2|1.3" },
		{ "bad bool", S_INIT(SMALL "auth {\ncram-md5 on\n}\n"), 5,
		    "cram-md5: 'on' is not allowed: give yes or no" },
		{ "open quote", S_INIT(SMALL "log \"x\n"), 4, ": the quoted value is not closed" },
		{ "key missing", S_INIT(SMALL "tls {\ncertificate /c\n}\n"), 5,
		    "key: there are 1 certificates and 0 keys" },
		{ "bans", S_INIT(SMALL "auth {\nban-max 1s\n}\n"), 5,
		    "ban-max: is shorter than ban-time" },
		{ "environment is not expanded", S_INIT(SMALL "log ${HOME}\n"), 4,
		    "log: must be stderr or an absolute path" },
		{ "top key in section", S_INIT(SMALL "smtp {\nlog stderr\n}\n"), 5,
		    "log: belongs outside of section 'smtp'" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
		struct conf c;
		struct told t = { 0 };
		test_case = rows[i].name;
		CHECK_ERR(conf_parse(rows[i].text, a, tell, &t, &c), ERR_CONFIG);
		CHECK_U64(t.line, rows[i].line);
		if (!CHECK(str_starts(str_from(t.text), str_from(rows[i].says)))) {
			printf("said: %s\n", t.text);
		}
		arena_free(&a);
	}
}

static void
sockets(void)
{
	static const struct {
		str text;
		const char *want; /* path, or port@ip; NULL: not one */
	} rows[] = {
		{ S_INIT("/run/f"), "/run/f 0@" },
		{ S_INIT("unix:/run/f"), "/run/f 0@" },
		{ S_INIT("inet:8891@127.0.0.1"), " 8891@127.0.0.1" },
		{ S_INIT("inet:1@10.255.0.1"), " 1@10.255.0.1" },
		{ S_INIT("inet:65535@172.31.0.1"), " 65535@172.31.0.1" },
		{ S_INIT("inet:2@192.168.7.7"), " 2@192.168.7.7" },
		{ S_INIT("inet:2@::1"), " 2@::1" },
		{ S_INIT("inet:2@fd12:3::4"), " 2@fd12:3::4" },
		{ S_INIT("inet:2@FC00::4"), " 2@FC00::4" },
		{ S_INIT("inet:2@172.32.0.1"), NULL },
		{ S_INIT("inet:2@192.169.0.1"), NULL },
		{ S_INIT("inet:2@11.0.0.1"), NULL },
		{ S_INIT("inet:2@0.0.0.0"), NULL },
		{ S_INIT("inet:2@2001:db8::1"), NULL },
		{ S_INIT("inet:2@fd::1"), NULL },
		{ S_INIT("inet:2@::"), NULL },
		{ S_INIT("inet:0@127.0.0.1"), NULL },
		{ S_INIT("inet:65536@127.0.0.1"), NULL },
		{ S_INIT("inet:@127.0.0.1"), NULL },
		{ S_INIT("inet:2@"), NULL },
		{ S_INIT("inet:2@fd00::1@"), NULL },
		{ S_INIT("inet:127.0.0.1:2"), NULL },
		{ S_INIT("unix:run/f"), NULL },
		{ S_INIT("unix:"), NULL },
		{ S_INIT(""), NULL },
		{ S_INIT("unix:/a\0b"), NULL },
	};
	char longest[CONF_SOCKET_PATH_MAX + 2];
	struct conf_socket s;
	for (size_t i = 0; i < LEN(rows); i++) {
		char said[300];
		enum err e = conf_socket_parse(rows[i].text, &s);
		test_case = rows[i].text.p;
		CHECK_ERR(e, rows[i].want != NULL ? ERR_OK : ERR_SYNTAX);
		snprintf(said, sizeof said, "%.*s %u@%.*s", STR_ARG(s.path), s.port, STR_ARG(s.ip));
		CHECK(rows[i].want == NULL || strcmp(said, rows[i].want) == 0);
	}
	memset(longest, '/', sizeof longest);
	CHECK_ERR(conf_socket_parse(str_make(longest, CONF_SOCKET_PATH_MAX), &s), ERR_OK);
	CHECK_ERR(conf_socket_parse(str_make(longest, sizeof longest - 1), &s), ERR_SYNTAX);
	test_case = "";
}

static void
tells_all_at_once(void)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct conf c;
	struct told t = { 0 };
	CHECK_ERR(conf_parse(S("hostname -x\nfoo 1\nsmtp {\nmax-size 1\n"), a, tell, &t, &c),
	    ERR_CONFIG);
	CHECK_U64(t.n, 6); /* hostname, foo, max-size, unclosed, and two missing */
	arena_free(&a);
}

static void
encode_decode(void)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct conf c, d;
	struct told t = { 0 };
	str text =
	    S("# a comment\n" SMALL "log \"/var/log/a \\\"b\\\\\"  # why\n"
	      "listen {\n  mx 127.0.0.1:2525 [::1]:2525\n  pop3\n}\r\nauth {\n\tban-time 90s\n}\n");
	CHECK_ERR(conf_parse(text, a, tell, &t, &c), ERR_OK);
	CHECK_STR(c.log, S("/var/log/a \"b\\"));
	CHECK_U64(c.listen_pop3.n, 0);
	struct buf one, two;
	buf_init(&one, 1 << 16);
	buf_init(&two, 1 << 16);
	conf_encode(&c, &one);
	CHECK_ERR(conf_decode(buf_view(&one), a, &d), ERR_OK);
	conf_encode(&d, &two);
	CHECK_STR(buf_view(&two), buf_view(&one));
	CHECK_U64(d.auth_ban_time, 90000);
	buf_done(&one);
	buf_done(&two);
	arena_free(&a);
}

static void
small_budgets(void)
{
	for (size_t budget = 0; budget < 60000; budget += 997) {
		struct arena *a = arena_new(NULL, "test", budget, 0);
		struct conf c;
		struct told t = { 0 };
		enum err e = conf_parse(S(SMALL), a, tell, &t, &c);
		CHECK(e == ERR_OK || e == ERR_BUDGET);
		arena_free(&a);
	}
}

static void
count(void *ctx, const struct conf_row *row)
{
	unsigned *n = ctx;
	CHECK(row->at_start);
	(*n)++;
}

static const str other[] = { S_INIT("other"), S_INIT("others") };

#define OTHER_TEXT(v) v = other[0]
#define OTHER_LIST(v)                     \
	v = (struct conf_list)            \
	{                                 \
		other, (v).n == 2 ? 1 : 2 \
	}
#define OTHER_STR OTHER_TEXT
#define OTHER_PATH OTHER_TEXT
#define OTHER_HOST OTHER_TEXT
#define OTHER_WORD OTHER_TEXT
#define OTHER_NUM(v) (v)++
#define OTHER_LIMIT OTHER_NUM
#define OTHER_SIZE OTHER_NUM
#define OTHER_TIME OTHER_NUM
#define OTHER_POINTS OTHER_NUM
#define OTHER_BOOL(v) v = !(v)
#define OTHER_ADDRS OTHER_LIST
#define OTHER_NETS OTHER_LIST
#define OTHER_HOSTS OTHER_LIST
#define OTHER_PATHS OTHER_LIST
#define OTHER_SOCKETS OTHER_LIST
#define OTHER_RULES OTHER_LIST

/* Each setting alone is changed: only those marked keep their value, and only they are told. */
static void
keeps_what_needs_a_start(void)
{
	struct arena *a = arena_new(NULL, "test", 1 << 20, 0);
	struct conf old, now;
	struct told t = { 0 };
	unsigned n = 0;
	CHECK_ERR(conf_parse(S(SMALL), a, tell, &t, &old), ERR_OK);
	now = old;
	conf_keep(&old, &now, count, &n);
	CHECK_U64(n, 0);
#define EACH(field, key, type, kept)      \
	test_case = #field;               \
	now = old;                        \
	OTHER_##type(now.field);          \
	n = 0;                            \
	conf_keep(&old, &now, count, &n); \
	CHECK_U64(n, kept);               \
	CHECK(kept == (memcmp(&now.field, &old.field, sizeof old.field) == 0));
#define SETTING(field, section, key, type, def, min, max, text) EACH(field, key, type, 0)
#define AT_START(field, section, key, type, def, min, max, text) EACH(field, key, type, 1)
#include "conf/settings.def"
#undef SETTING
	test_case = NULL;
	arena_free(&a);
}

TEST_MAIN(smallest_file, reads_points, reads_limits, reads_networks, complaints, sockets,
    tells_all_at_once, encode_decode, small_budgets, keeps_what_needs_a_start)
