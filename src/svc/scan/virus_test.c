/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage virus with a played clamd: what it is given, what its answers make of a letter, and that
 * nothing it has not looked at is taken where the rule is to hold.
 */
#include "svc/scan/helper_test.h"

#include "sys/file.h"
#include "sys/sys.h"

#define MAIL "From: ann@example.com\r\nSubject: x\r\n\r\nharmless\r\n"
#define BAD "From: ann@example.com\r\nSubject: x\r\n\r\nPOISON\r\n"

enum mode { LOOK, SAY, SILENT, DIE, TWICE };

static struct {
	enum mode mode;
	const char *say; /* behind "id: fd[9]" */
	unsigned asked;
} play;
static struct helper clamd;
static struct scan_world w;
static const struct svc_scan_stage *const stages[SVC_SCAN_STAGES] = {
	[SVC_SCAN_VIRUS] = &svc_scan_virus_stage
};

/* What clamd would say of the file: it must be a letter nobody can change. */
static str
look(int fd)
{
	static char room[4096];
	struct buf file;
	buf_init_fixed(&file, room, sizeof room);
	CHECK(sys_file_is_sealed(fd));
	CHECK_ERR(sys_file_load_fd(fd, &file), ERR_OK);
	CHECK(str_starts(buf_view(&file), S("Received: by localhost\r\nFrom: ann@")));
	return str_find(buf_view(&file), S("POISON")) >= 0 ? S(": Test.Poison FOUND") : S(": OK");
}

static void
answer(struct helper_conn *c, unsigned id)
{
	char room[256];
	struct buf b;
	str what = play.mode == SAY ? str_from(play.say) : look(c->passed);
	buf_init_fixed(&b, room, sizeof room);
	for (unsigned i = 0; i < (play.mode == TWICE ? 2U : 1U); i++) {
		buf_printf(&b, "%u: fd[9]%.*s", id, STR_ARG(what));
		buf_ch(&b, '\0');
	}
	helper_say(c, buf_view(&b));
}

/* One letter at a time: the whole question is there at once. */
static bool
on_data(struct helper_conn *c)
{
	static unsigned ids[HELPER_CONNS];
	unsigned *id = &ids[c - c->all->conns];
	str in = buf_view(&c->in);
	bool begin = str_starts(in, S("zIDSESSION\0"));
	*id = begin ? 1 : *id + 1;
	in = str_from_off(in, begin ? 11 : 0);
	CHECK_STR(in, S("zFILDES\0\0"));
	CHECK(c->passed >= 0);
	buf_reset(&c->in);
	play.asked++;
	if (play.mode != SILENT && play.mode != DIE) {
		answer(c, *id);
	}
	sys_close(&c->passed);
	return play.mode != DIE;
}

static void
begin(enum mode mode, const char *rule)
{
	static str path;
	memset(&play, 0, sizeof play);
	play.mode = mode;
	helper_init(&clamd, on_data);
	path = str_from(clamd.path);
	svc_scan_world_outside(&w);
	w.conf.virus_clamd = (struct conf_list){ &path, 1 };
	w.conf.virus_absent = str_from(rule);
	w.conf.virus_deadline = 60000;
	svc_scan_world_start(&w, stages);
	helper_listen(&clamd, w.sc.loop);
}

static void
end(void)
{
	helper_done(&clamd); /* while its loop is there */
	svc_scan_world_close(&w);
}

static void
send(uint64_t request, const char *octets)
{
	const struct ipc_smtp_scan_letter m = svc_scan_world_letter(request, str_from(octets));
	svc_scan_world_send(&w, &m);
}

static bool
heard(const char *verdict)
{
	bool found = str_find(buf_view(&w.verdicts), str_from(verdict)) >= 0;
	if (!found) {
		CHECK_STR(buf_view(&w.verdicts), str_from(verdict));
	}
	return found;
}

static void
clean_and_found(void)
{
	begin(LOOK, "hold");
	send(1, MAIL);
	svc_scan_world_wait(&w, 1);
	send(2, BAD);
	svc_scan_world_wait(&w, 2);
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(3, S(BAD));
	m.submission = true;
	m.account = 5;
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 3);
	CHECK(heard("1 OK 1/0/"));
	CHECK(heard("2 OK 3/554/5.7.1"));
	CHECK(heard("3 OK 3/554/5.7.1"));
	CHECK(str_find(buf_view(&w.whys), S("virus=found")) >= 0);
	CHECK_U64(w.scan->count.viruses, 2);
	CHECK_U64(clamd.accepted, 1); /* one session for all */
	CHECK_U64(play.asked, 3);
	end();
}

/* What is no answer, or says that it did not look. */
static void
not_looked_at(void)
{
	static const struct {
		const char *name;
		enum mode mode;
		const char *say;
	} cases[] = {
		{ "an error", SAY, ": Can't allocate memory ERROR" },
		{ "nonsense", SAY, ": fine" },
		{ "no target", SAY, "OK" },
		{ "killed in mid-scan", DIE, NULL },
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		for (unsigned pass = 0; pass < 2; pass++) {
			test_case = cases[i].name;
			begin(cases[i].mode, pass ? "pass" : "hold");
			play.say = cases[i].say;
			send(1, BAD);
			svc_scan_world_wait(&w, 1);
			CHECK(heard(pass ? "1 OK 1/0/" : "1 OK 2/451/4.7.1"));
			CHECK_U64(w.scan->count.absent[SVC_SCAN_VIRUS], 1);
			CHECK((str_find(buf_view(&w.headers), S("X-Spam-Virus: not looked for")) >=
				  0) == pass);
			CHECK(str_find(buf_view(&w.whys), S("virus=absent")) >= 0);
			end();
		}
	}
	test_case = "";
}

/* A second answer must not become that of the next letter. */
static void
answers_too_much(void)
{
	begin(TWICE, "hold");
	send(1, MAIL);
	svc_scan_world_wait(&w, 1);
	CHECK(heard("1 OK 1/0/"));
	play.mode = LOOK;
	send(2, BAD);
	svc_scan_world_wait(&w, 2);
	CHECK(heard("2 OK 3/554/5.7.1"));
	CHECK_U64(clamd.accepted, 2);
	end();
}

static void
too_slow(void)
{
	begin(SILENT, "hold");
	w.conf.virus_deadline = 20;
	send(1, MAIL);
	svc_scan_world_wait(&w, 1);
	CHECK(heard("1 OK 2/451/4.7.1"));
	w.conf.virus_deadline = 60000;
	w.conf.scan_deadline = 20; /* the letter's own comes first */
	send(2, MAIL);
	svc_scan_world_wait(&w, 2);
	CHECK(heard("2 OK 2/451/4.7.1"));
	w.conf.virus_absent = S("pass");
	send(3, MAIL);
	svc_scan_world_wait(&w, 3);
	CHECK(heard("3 OK 1/0/"));
	CHECK_U64(clamd.open, 0);
	play.mode = LOOK;
	w.conf.scan_deadline = 60000;
	send(4, BAD);
	svc_scan_world_wait(&w, 4);
	CHECK(heard("4 OK 3/554/5.7.1"));
	end();
}

/* Killed while idle: the next letter goes over a new connection and nobody notices. */
static void
comes_back(void)
{
	begin(LOOK, "hold");
	send(1, MAIL);
	svc_scan_world_wait(&w, 1);
	helper_kill(&clamd);
	helper_listen(&clamd, w.sc.loop);
	send(2, BAD);
	svc_scan_world_wait(&w, 2);
	CHECK(heard("2 OK 3/554/5.7.1"));
	helper_kill(&clamd);
	send(3, BAD);
	svc_scan_world_wait(&w, 3);
	CHECK(heard("3 OK 2/451/4.7.1"));
	send(4, BAD); /* nobody knocks again so soon */
	svc_scan_world_wait(&w, 4);
	CHECK(heard("4 OK 2/451/4.7.1"));
	helper_listen(&clamd, w.sc.loop);
	for (uint64_t i = 5; i < 10000; i++) { /* until it does: a tenth of a second */
		send(i, BAD);
		svc_scan_world_wait(&w, (unsigned)i);
		if (w.scan->count.viruses == 2) {
			break;
		}
	}
	CHECK_U64(w.scan->count.viruses, 2);
	CHECK_U64(w.scan->count.passed, 1);
	end();
}

/* More letters than connections; killed in the middle, none is taken unseen. */
static void
many(void)
{
	enum { LETTERS = 200 };
	struct buf facts;
	begin(LOOK, "hold");
	for (uint64_t i = 0; i < LETTERS; i++) {
		send(i, i % 2 ? BAD : MAIL);
	}
	svc_scan_world_wait(&w, LETTERS);
	CHECK_U64(w.scan->count.viruses, LETTERS / 2);
	CHECK_U64(w.scan->count.passed, LETTERS / 2);
	CHECK(clamd.accepted <= 8);
	play.mode = SILENT;
	for (uint64_t i = 0; i < LETTERS; i++) {
		send(i, MAIL);
	}
	svc_scan_world_settle(&w);
	CHECK_U64(w.verdicts_n, LETTERS);
	helper_kill(&clamd);
	svc_scan_world_wait(&w, 2 * LETTERS);
	CHECK_U64(w.scan->count.later, LETTERS);
	CHECK_U64(w.scan->count.passed, LETTERS / 2);
	buf_init(&facts, 1 << 16);
	svc_scan_on_status(&w.sc, &facts);
	CHECK(str_find(buf_view(&facts), S("virus_scanner=absent\n")) >= 0);
	CHECK(str_find(buf_view(&facts), S("virus_scanned=200\n")) >= 0);
	CHECK(str_find(buf_view(&facts), S("virus_found=100\n")) >= 0);
	CHECK(str_find(buf_view(&facts), S("virus_connections=0\n")) >= 0);
	CHECK(str_find(buf_view(&facts), S("virus_absent=200\n")) >= 0);
	buf_done(&facts);
	end();
}

static void
not_configured(void)
{
	begin(LOOK, "hold");
	helper_kill(&clamd);
	svc_scan_world_close(&w);
	svc_scan_world_open(&w, stages);
	send(1, BAD);
	svc_scan_world_wait(&w, 1);
	CHECK(heard("1 OK 1/0/"));
	CHECK_U64(play.asked, 0);
	end();
}

/* smtp goes while clamd looks: nothing is left over. */
static void
nobody_waits(void)
{
	begin(SILENT, "hold");
	send(1, MAIL);
	svc_scan_world_settle(&w);
	CHECK_U64(clamd.open, 1);
	sys_close(&w.smtp);
	svc_scan_world_settle(&w);
	CHECK_U64(w.scan->letters_n, 0);
	CHECK_U64(clamd.open, 0);
	end();
}

TEST_MAIN(clean_and_found, not_looked_at, answers_too_much, too_slow, comes_back, many,
    not_configured, nobody_waits)
