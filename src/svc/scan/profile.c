/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scan process may do: look at the one descriptor that came with a letter, and what its
 * stages ask for: the socket of clamd and those of the milters; TCP to the ports of milters that
 * are configured so, and to no others. It opens no file.
 */
#include "svc/scan/letter.h"

enum err
svc_scan_profile(struct svc_common *sc, struct sys_sandbox_profile *p)
{
	const struct svc_scan *s = sc->ctx;
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (s->stages[i] != NULL && s->stages[i]->profile != NULL) {
			TRY(s->stages[i]->profile(sc, p));
		}
	}
	return ERR_OK;
}
