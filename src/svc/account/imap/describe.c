/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at the header for identifiers; the shape is made by shape.h.
 */
#include "svc/account/imap/describe.h"

#include "mail/header.h"
#include "mail/msgid.h"
#include "store/limits.h"
#include "svc/account/imap/shape.h"

/* The unfolded value of the first field of that name, in `a`; empty when absent. */
static str
value_of(struct arena *a, str header, str name)
{
	struct mail_field field;
	if (!mail_header_find(header, name, &field)) {
		return STR_NONE;
	}
	struct buf b;
	buf_init(&b, field.value.n + 1);
	mail_header_unfold(&b, field.value);
	str value = arena_dup(a, buf_view(&b));
	buf_done(&b);
	return value;
}

/* Keep the last STORE_REFS_MAX of all identifiers: the oldest go. */
static size_t
add_refs(str *refs, size_t n, str value)
{
	str id;
	while (mail_msgid_next(&value, &id)) {
		if (n == STORE_REFS_MAX) {
			memmove(refs, refs + 1, (n - 1) * sizeof *refs);
			n--;
		}
		refs[n++] = id;
	}
	return n;
}

enum err
svc_account_imap_describe(struct arena *a, str message, struct store_new *msg)
{
	size_t header_n = mail_header_length(message);
	str header = str_sub(message, 0, header_n);
	str *refs = arena_array(a, STORE_REFS_MAX, sizeof *refs);
	if (refs == NULL) {
		return ERR_BUDGET;
	}
	str own = value_of(a, header, S("Message-ID")), id;
	msg->body = message;
	msg->header_octets = (uint32_t)MIN(header_n, (size_t)UINT32_MAX);
	msg->message_id = mail_msgid_next(&own, &id) ? id : STR_NONE;
	size_t n = add_refs(refs, 0, value_of(a, header, S("References")));
	msg->refs = refs;
	msg->refs_n = add_refs(refs, n, value_of(a, header, S("In-Reply-To")));
	struct svc_account_imap_shape shape = { 0 };
	if (svc_account_imap_shape_make(a, message, header_n, &shape) == ERR_OK) {
		return svc_account_imap_shape_pack(a, &shape, &msg->envelope, &msg->structure);
	}
	return ERR_OK;
}
