/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: the load generator's command line. Four modes. smtp, imap and idle print one JSON
 * object each and speak to 127.0.0.1; sink serves until it is ended. See README.md for the options.
 */
#include "conn.h"
#include "fetch.h"
#include "load.h"
#include "sink.h"

#include <getopt.h>
#include <signal.h>

enum { OPT_FIRST = 256 };

/* Numbers: name, index, default, most. */
enum {
	PORT,
	CONNECTIONS,
	MESSAGES,
	PER_CONNECTION,
	SIZE,
	MAILBOXES,
	FIRST,
	RCPTS,
	LOCKSTEP,
	REPEAT,
	SESSIONS,
	WAKE,
	DOMAINS,
	ADDRESSES,
	DEAD,
	CLIENTS,
	WORKERS,
	NUMBERS
};
enum { DOMAIN, USER, PASSWORD, MAILBOX, SENDER, SENDER_PASSWORD, FOLDER, COUNTER, CORPUS, TEXTS };

struct options {
	uint32_t number[NUMBERS];
	const char *text[TEXTS];
};

static const struct {
	const char *name;
	uint32_t def, min, max;
} numbers[NUMBERS] = {
	[PORT] = { "port", 0, 1, 65535 },
	[CONNECTIONS] = { "connections", 10, 1, BENCH_CONNECTIONS_MAX },
	[MESSAGES] = { "messages", 1000, 1, BENCH_SAMPLE_MAX },
	[PER_CONNECTION] = { "per-connection", 0, 0, UINT32_MAX },
	[SIZE] = { "size", 4096, BENCH_LETTER_MIN, BENCH_LETTER_MAX },
	[MAILBOXES] = { "mailboxes", 1, 1, 1000000 },
	[FIRST] = { "first", 0, 0, 1000000 },
	[RCPTS] = { "rcpts", 1, 1, BENCH_RCPT_MAX },
	[LOCKSTEP] = { "lockstep", 0, 0, 1 },
	[REPEAT] = { "repeat", 1, 1, BENCH_REPEAT_MAX },
	[SESSIONS] = { "sessions", 1, 1, BENCH_IDLE_MAX },
	[WAKE] = { "wake", 0, 0, BENCH_IDLE_MAX },
	[DOMAINS] = { "domains", 0, 0, BENCH_SINK_ADDRESSES_MAX },
	[ADDRESSES] = { "addresses", 1, 1, BENCH_SINK_ADDRESSES_MAX },
	[DEAD] = { "dead", 0, 0, BENCH_SINK_ADDRESSES_MAX },
	[CLIENTS] = { "clients", 0, 0, 65000 },
	[WORKERS] = { "workers", 2, 1, BENCH_SINK_WORKERS_MAX },
};

static const struct {
	const char *name, *def;
} texts[TEXTS] = {
	[DOMAIN] = { "domain", "bench.test" },
	[USER] = { "user", "user%u@bench.test" },
	[PASSWORD] = { "password", "a-bench-secret" },
	[MAILBOX] = { "mailbox", "INBOX" },
	[SENDER] = { "sender", "load@sender.test" },
	[SENDER_PASSWORD] = { "sender-password", "" },
	[FOLDER] = { "certificate", "." },
	[COUNTER] = { "counter", "sink.count" },
	[CORPUS] = { "corpus", "" },
};

static int
usage(void)
{
	fprintf(stderr, "usage: load smtp|imap|idle|sink --port N [options]\n");
	for (size_t i = 0; i < NUMBERS; i++) {
		fprintf(stderr, "  --%s %u ... %u (%u)\n", numbers[i].name, numbers[i].min,
		    numbers[i].max, numbers[i].def);
	}
	for (size_t i = 0; i < TEXTS; i++) {
		fprintf(stderr, "  --%s TEXT (%s)\n", texts[i].name, texts[i].def);
	}
	return 2;
}

static bool
set_option(struct options *o, int opt, const char *value)
{
	size_t i = (size_t)opt - OPT_FIRST;
	if (i >= NUMBERS) {
		o->text[i - NUMBERS] = value;
		return true;
	}
	uint32_t v;
	if (!str_u32(str_from(value), &v) || v < numbers[i].min || v > numbers[i].max) {
		return false;
	}
	o->number[i] = v;
	return true;
}

static bool
parse(int argc, char **argv, struct options *o)
{
	struct option long_options[NUMBERS + TEXTS + 1] = { { 0 } };
	for (int i = 0; i < NUMBERS; i++) {
		long_options[i] = (struct option){ numbers[i].name, required_argument, NULL,
			OPT_FIRST + i };
		o->number[i] = numbers[i].def;
	}
	for (int i = 0; i < TEXTS; i++) {
		int at = NUMBERS + i;
		long_options[at] = (struct option){ texts[i].name, required_argument, NULL,
			OPT_FIRST + at };
		o->text[i] = texts[i].def;
	}
	int opt;
	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (opt == '?' || !set_option(o, opt, optarg)) {
			return false;
		}
	}
	return optind == argc && o->number[PORT] != 0;
}

static enum err
run_smtp(const struct options *o, SSL_CTX *ctx, struct buf *out)
{
	struct bench_load l = {
		.port = (uint16_t)o->number[PORT],
		.connections = o->number[CONNECTIONS],
		.messages = o->number[MESSAGES],
		.per_connection = o->number[PER_CONNECTION],
		.octets = o->number[SIZE],
		.mailboxes = o->number[MAILBOXES],
		.first = o->number[FIRST],
		.rcpts = o->number[RCPTS],
		.lockstep = o->number[LOCKSTEP] != 0,
		.domain = o->text[DOMAIN],
		.domains = o->number[DOMAINS],
		.sender = o->text[SENDER],
		.password = o->text[SENDER_PASSWORD],
		.clients = o->number[CLIENTS],
	};
	struct bench_corpus corpus = { 0 };
	enum err e = ERR_OK;
	if (o->text[CORPUS][0] != 0) {
		e = bench_corpus_load(&corpus, o->text[CORPUS]);
		l.corpus = &corpus;
	}
	e = e == ERR_OK ? bench_load_run(&l, ctx, out) : e;
	bench_corpus_done(&corpus);
	return e;
}

/* cert.pem and key.pem of a folder. */
static enum err
run_sink(const struct options *o)
{
	const struct bench_sink s = {
		.port = (uint16_t)o->number[PORT],
		.addresses = o->number[ADDRESSES],
		.dead = o->number[DEAD],
		.workers = o->number[WORKERS],
		.counter = o->text[COUNTER],
	};
	char chain[1024], key[1024];
	snprintf(chain, sizeof chain, "%s/cert.pem", o->text[FOLDER]);
	snprintf(key, sizeof key, "%s/key.pem", o->text[FOLDER]);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		return ERR_TLS;
	}
	return bench_sink_run(&s, ctx);
}

static enum err
run_mode(str mode, const struct options *o, SSL_CTX *ctx, struct buf *out)
{
	struct bench_fetch f = {
		.port = (uint16_t)o->number[PORT],
		.user = o->text[USER],
		.password = o->text[PASSWORD],
		.mailbox = o->text[MAILBOX],
		.repeat = o->number[REPEAT],
		.sessions = o->number[SESSIONS],
		.first = o->number[FIRST],
		.wake = o->number[WAKE],
	};
	if (str_eq(mode, S("smtp"))) {
		return run_smtp(o, ctx, out);
	}
	if (str_eq(mode, S("sink"))) {
		return run_sink(o);
	}
	if (str_eq(mode, S("imap"))) {
		return bench_fetch_run(&f, ctx, out);
	}
	return str_eq(mode, S("idle")) ? bench_fetch_idle(&f, ctx) : ERR_UNSUPPORTED;
}

int
main(int argc, char **argv)
{
	struct options o;
	if (argc < 2 || !parse(argc - 1, argv + 1, &o)) {
		return usage();
	}
	signal(SIGPIPE, SIG_IGN);
	SSL_CTX *ctx = bench_conn_context();
	struct buf out;
	buf_init(&out, 1u << 20);
	enum err e = ctx == NULL ? ERR_TLS : run_mode(str_from(argv[1]), &o, ctx, &out);
	if (e != ERR_OK) {
		fprintf(stderr, "load: %s\n", err_text(e));
	} else {
		fwrite(out.p, 1, out.n, stdout);
	}
	buf_done(&out);
	SSL_CTX_free(ctx);
	return e == ERR_OK ? 0 : 1;
}
