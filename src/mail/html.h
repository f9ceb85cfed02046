/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of an HTML document, for search: what a reader sees, and the texts that stand for
 * images. No layout, no links. One pass without a tree, linear in time, whatever the document is.
 */
#ifndef MAIL_HTML_H
#define MAIL_HTML_H

#include "base/buf.h"

/*
 * Append the text of a document or a piece of one. Tags of blocks become a space, those inside of
 * words nothing; comments, scripts and styles go; character references are resolved; the values
 * of alt, title, placeholder and label are kept. What never ends (a tag, a comment) goes up to the
 * end, as browsers show it.
 *
 * In      html: UTF-8; what is not is copied
 * Out     at most as many octets as `html` has
 */
void mail_html_text(struct buf *out, str html);

#endif
