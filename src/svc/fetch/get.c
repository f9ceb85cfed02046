/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl on our loop. Its callbacks only start and stop watches; results are taken when it is
 * done. Start with svc_fetch_get.
 */
#include "svc/fetch/get.h"
#include "base/mem.h"
#include "sys/sock.h"

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { URL_MAX = 400, RESOLVE_MAX = 1200 };

struct get {
	struct svc_fetch_client *client;
	CURL *easy; /* NULL: a free place */
	struct curl_slist *resolve;
	svc_fetch_done *done;
	void *ctx;
	struct buf body;
	bool too_big;
	char host[270];
	char error[CURL_ERROR_SIZE];
};

struct socket {
	struct sys_watch watch;
	struct svc_fetch_client *client;
	bool used;
};

struct svc_fetch_client {
	struct sys_loop *loop;
	CURLM *multi;
	X509_STORE *store;
	struct sys_timer timer;
	uint16_t port;
	uint32_t timeout_ms;
	size_t under_way, authorities;
	struct get pool[SVC_FETCH_GETS_MAX];
	struct socket sockets[SVC_FETCH_SOCKETS_MAX];
};

bool
svc_fetch_host_valid(str domain)
{
	for (size_t i = 0; i < domain.n; i++) {
		char c = domain.p[i];
		if (!ascii_is_alnum(c) && c != '-' && c != '_' && c != '.') {
			return false;
		}
	}
	return domain.n > 0 && domain.n <= 245;
}

/* --- the ends -------------------------------------------------------------------------------- */

static void
release(struct get *g)
{
	curl_multi_remove_handle(g->client->multi, g->easy);
	curl_easy_cleanup(g->easy);
	curl_slist_free_all(g->resolve);
	buf_done(&g->body);
	g->easy = NULL;
	g->resolve = NULL;
	g->client->under_way--;
}

/* RFC 8461 3.2: anything but text/plain is somebody else's page. */
static bool
is_text(CURL *easy)
{
	char *type = NULL;
	if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK || type == NULL) {
		return false;
	}
	str kind, parameters;
	str_cut(str_from(type), ';', &kind, &parameters);
	return str_ieq(str_trim(kind), S("text/plain"));
}

static struct svc_fetch_got
judge(struct get *g, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &status);
	struct svc_fetch_got got = { .result = ERR_UNAVAILABLE,
		.body = S(""),
		.failure = S("sts-policy-fetch-error"),
		.detail = g->error[0] != '\0' ? str_from(g->error)
					      : str_from(curl_easy_strerror(code)) };
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		got.failure = S("sts-webpki-invalid");
	} else if (g->too_big || code == CURLE_FILESIZE_EXCEEDED) {
		got.failure = S("sts-policy-invalid");
		got.detail = S("larger than 64 KB");
	} else if (code == CURLE_OK && status != 200) {
		got.detail = S("the status is not 200");
	} else if (code == CURLE_OK && !is_text(g->easy)) {
		got.failure = S("sts-policy-invalid");
		got.detail = S("the type is not text/plain");
	} else if (code == CURLE_OK) {
		got = (struct svc_fetch_got){ .result = ERR_OK,
			.body = g->body.n == 0 ? S("") : buf_view(&g->body),
			.failure = S(""),
			.detail = S("") };
	}
	return got;
}

static void
take_results(struct svc_fetch_client *c)
{
	int left;
	for (CURLMsg *m = curl_multi_info_read(c->multi, &left); m != NULL;
	     m = curl_multi_info_read(c->multi, &left)) {
		char *private = NULL;
		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK) {
			continue;
		}
		struct get *g = (struct get *)(void *)private;
		struct svc_fetch_got got = judge(g, m->data.result);
		g->done(g->ctx, &got);
		release(g);
	}
}

/* --- libcurl on the loop --------------------------------------------------------------------- */

static void
on_ready(void *ctx, unsigned events)
{
	struct socket *s = ctx;
	struct svc_fetch_client *c = s->client;
	int running, what = 0;
	what |= (events & SYS_IN) != 0 ? CURL_CSELECT_IN : 0;
	what |= (events & SYS_OUT) != 0 ? CURL_CSELECT_OUT : 0;
	what |= (events & SYS_HUP) != 0 ? CURL_CSELECT_ERR : 0;
	curl_multi_socket_action(c->multi, s->watch.fd, what, &running);
	take_results(c);
}

static void
on_timer(void *ctx)
{
	struct svc_fetch_client *c = ctx;
	int running;
	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_results(c);
}

static int
want_timer(CURLM *multi, long ms, void *ctx)
{
	struct svc_fetch_client *c = ctx;
	if (ms < 0) {
		sys_timer_stop(&c->timer);
	} else {
		sys_timer_set(c->loop, &c->timer, ms);
	}
	return 0;
}

static struct socket *
new_socket(struct svc_fetch_client *c, int fd)
{
	for (size_t i = 0; i < LEN(c->sockets); i++) {
		if (!c->sockets[i].used) {
			c->sockets[i] = (struct socket){ .client = c, .used = true };
			c->sockets[i].watch = (struct sys_watch){
				.fn = on_ready, .ctx = &c->sockets[i], .fd = fd
			};
			return &c->sockets[i];
		}
	}
	return NULL;
}

/* libcurl asks for a socket to be watched, differently or no more. */
static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *ours)
{
	struct svc_fetch_client *c = ctx;
	struct socket *s = ours;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL) {
			sys_watch_stop(c->loop, &s->watch);
			s->used = false;
		}
		return 0;
	}
	unsigned events = (what & CURL_POLL_IN) != 0 ? SYS_IN : 0;
	events |= (what & CURL_POLL_OUT) != 0 ? SYS_OUT : 0;
	if (s != NULL) {
		sys_watch_set(c->loop, &s->watch, events);
		return 0;
	}
	s = new_socket(c, fd);
	if (s == NULL || sys_watch_start(c->loop, &s->watch, events) != ERR_OK) {
		if (s != NULL) {
			s->used = false;
		}
		return -1;
	}
	curl_multi_assign(c->multi, fd, s);
	return 0;
}

/* --- one request ----------------------------------------------------------------------------- */

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct get *g = ctx;
	buf_add(&g->body, p, n);
	g->too_big |= buf_err(&g->body) != ERR_OK;
	return g->too_big ? 0 : n;
}

/*
 * Our store of authorities, and the name: DNS-IDs alone count, wildcards are whole labels (RFC 8461
 * 3.3); libcurl by itself would fall back to the subject.
 */
static CURLcode
on_tls(CURL *easy, void *ssl_ctx, void *ctx)
{
	const struct get *g = ctx;
	SSL_CTX *tls = ssl_ctx;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls);
	SSL_CTX_set1_cert_store(tls, g->client->store);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, g->host, 0) == 1 ? CURLE_OK
								   : CURLE_SSL_CERTPROBLEM;
}

/* "+host:port:a,b": for this request alone, not for ever. */
static enum err
set_addresses(struct get *g, const struct svc_fetch_want *w)
{
	char text[RESOLVE_MAX];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text - 1);
	buf_printf(&b, "+%s:%u:", g->host, g->client->port);
	for (size_t i = 0; i < MIN(w->ips_n, (size_t)SVC_FETCH_ADDRESSES_MAX); i++) {
		bool v4 = sys_addr_is_v4((const uint8_t *)w->ips[i].p);
		buf_cstr(&b, i > 0 ? "," : "");
		buf_cstr(&b, v4 ? "" : "[");
		sys_addr_ip_text(&b, (const uint8_t *)w->ips[i].p);
		buf_cstr(&b, v4 ? "" : "]");
	}
	text[b.n] = '\0';
	g->resolve = curl_slist_append(NULL, text);
	return buf_err(&b) == ERR_OK && g->resolve != NULL ? ERR_OK : ERR_NOMEM;
}

static bool
set_transport(struct get *g, const char *url)
{
	CURL *e = g->easy;
	CURLcode bad = CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_URL, url);
	bad |= curl_easy_setopt(e, CURLOPT_RESOLVE, g->resolve);
	bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "postern");
	bad |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)g->client->timeout_ms);
	bad |= curl_easy_setopt(e, CURLOPT_MAXFILESIZE, (long)MTASTS_FILE_MAX);
	return bad == CURLE_OK;
}

static bool
set_trust_and_results(struct get *g)
{
	CURL *e = g->easy;
	CURLcode bad = CURLE_OK;
	bad |= curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	bad |= curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
	bad |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	bad |= curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, g);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, g);
	bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, g->error);
	bad |= curl_easy_setopt(e, CURLOPT_PRIVATE, g);
	return bad == CURLE_OK;
}

static struct get *
free_place(struct svc_fetch_client *c)
{
	for (size_t i = 0; i < LEN(c->pool); i++) {
		if (c->pool[i].easy == NULL) {
			return &c->pool[i];
		}
	}
	return NULL;
}

enum err
svc_fetch_get(struct svc_fetch_client *c, const struct svc_fetch_want *w)
{
	struct get *g = free_place(c);
	char url[URL_MAX];
	if (!svc_fetch_host_valid(w->domain)) {
		return ERR_SYNTAX;
	}
	if (g == NULL) {
		return ERR_BUSY;
	}
	*g = (struct get){ .client = c, .done = w->done, .ctx = w->ctx };
	snprintf(g->host, sizeof g->host, "mta-sts.%.*s", STR_ARG(w->domain));
	snprintf(url, sizeof url, "https://%s:%u/.well-known/mta-sts.txt", g->host, c->port);
	buf_init(&g->body, MTASTS_FILE_MAX);
	g->easy = curl_easy_init();
	if (g->easy == NULL) {
		return ERR_NOMEM;
	}
	c->under_way++;
	bool ok = set_addresses(g, w) == ERR_OK && set_transport(g, url) &&
	    set_trust_and_results(g) && curl_multi_add_handle(c->multi, g->easy) == CURLM_OK;
	if (!ok) {
		release(g);
		return ERR_NOMEM;
	}
	return ERR_OK;
}

/* --- the client ------------------------------------------------------------------------------ */

/* Without authorities every policy is refused as sts-webpki-invalid. */
static enum err
load_store(struct svc_fetch_client *c, str ca, size_t *ret_n)
{
	BIO *bio = BIO_new_mem_buf(ca.p, (int)MIN(ca.n, (size_t)INT_MAX));
	size_t n = 0;
	c->store = X509_STORE_new();
	if (bio == NULL || c->store == NULL) {
		BIO_free(bio);
		return ERR_NOMEM;
	}
	for (X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL); x != NULL;
	     x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) {
		n += X509_STORE_add_cert(c->store, x) == 1;
		X509_free(x);
	}
	BIO_free(bio);
	*ret_n = n;
	return ERR_OK;
}

enum err
svc_fetch_client_new(const struct svc_fetch_get_conf *conf, struct sys_loop *loop,
    struct svc_fetch_client **ret)
{
	struct svc_fetch_client *c = mem_zalloc(1, sizeof *c);
	if (c == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		MEM_FREE(c);
		return ERR_NOMEM;
	}
	c->loop = loop;
	c->port = conf->port;
	c->timeout_ms = conf->timeout_ms;
	sys_timer_init(&c->timer, on_timer, c);
	enum err e = load_store(c, conf->ca, &c->authorities);
	c->multi = curl_multi_init();
	if (e != ERR_OK || c->multi == NULL) {
		svc_fetch_client_free(&c);
		return e == ERR_OK ? ERR_NOMEM : e;
	}
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	*ret = c;
	return ERR_OK;
}

void
svc_fetch_client_free(struct svc_fetch_client **cp)
{
	struct svc_fetch_client *c = *cp;
	if (c == NULL) {
		return;
	}
	for (size_t i = 0; i < LEN(c->pool); i++) {
		if (c->pool[i].easy != NULL) {
			release(&c->pool[i]);
		}
	}
	if (c->multi != NULL) {
		curl_multi_cleanup(c->multi);
	}
	sys_timer_stop(&c->timer);
	X509_STORE_free(c->store);
	MEM_FREE(*cp);
}

size_t
svc_fetch_client_authorities(const struct svc_fetch_client *c)
{
	return c->authorities;
}

bool
svc_fetch_client_full(const struct svc_fetch_client *c)
{
	return c->under_way >= LEN(c->pool);
}

void
svc_fetch_client_limits(struct svc_fetch_client *c, uint32_t timeout_ms)
{
	c->timeout_ms = timeout_ms;
}
