/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request numbers: never reused, so a late answer finds nobody.
 */
#include "svc/login/login.h"

enum err
svc_login_request_new(struct svc_login_session *s)
{
	svc_login_request_end(s);
	uint64_t request = ++s->login->last_request;
	TRY(map_set(s->login->requests, request, s));
	s->request = request;
	return ERR_OK;
}

void
svc_login_request_end(struct svc_login_session *s)
{
	if (s->request != 0) {
		map_del(s->login->requests, s->request);
		s->request = 0;
	}
}

struct svc_login_session *
svc_login_request_find(struct svc_login *l, uint64_t request)
{
	return map_get(l->requests, request);
}
