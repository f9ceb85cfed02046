/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base subject: what remains of a subject without "Re:", "Fwd:", "[list]" and "(fwd)", by the
 * one algorithm that all servers and clients share. It decides which messages belong together.
 */
#ifndef MAIL_SUBJECT_H
#define MAIL_SUBJECT_H

#include "base/buf.h"

/*
 * Append the base subject, letters as they are; compare it by mail_charset_casemap.
 *
 * In      subject: unfolded, encoded words decoded; valid UTF-8
 * Out     ret_reply: it is a reply or forward: a "re", "fw" or "fwd" with its colon, a "(fwd)" at
 *         the end, or a "[fwd: ...]" was removed
 * Limits  time linear in the subject
 * RFC     5256 2.1, 5
 */
void mail_subject_base(struct buf *out, str subject, bool *ret_reply);

#endif
