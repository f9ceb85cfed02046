/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service as main.c runs it: which stages there are. Tests have stages of their own and leave
 * this file out.
 */
#include "svc/scan/letter.h"

const struct svc_scan_stage *const svc_scan_stages[] = {
	[SVC_SCAN_AUTH] = &svc_scan_auth_stage,
	[SVC_SCAN_VIRUS] = &svc_scan_virus_stage,
	[SVC_SCAN_MILTER] = &svc_scan_milter_stage,
	[SVC_SCAN_JUDGE] = &svc_scan_judge_stage,
};

static enum err
init(struct svc_common *sc)
{
	return svc_scan_init(sc, svc_scan_stages);
}

const struct svc_common_service svc_scan_service = {
	.name = "scan",
	.profile = svc_scan_profile,
	.init = init,
	.start = svc_scan_start,
	.edges = svc_scan_edges,
	.on_reload = svc_scan_on_reload,
	.on_status = svc_scan_on_status,
	.on_quit = svc_scan_on_quit,
};
