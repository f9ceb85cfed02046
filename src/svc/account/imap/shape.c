/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts are built on the heap and then copied once into the caller's arena.
 */
#include "svc/account/imap/shape.h"

#include "base/wire.h"
#include "mail/mime.h"
#include "mail/preview.h"
#include "proto/imap/body.h"
#include "proto/imap/envelope.h"

enum { VERSION = 1, STRUCTURE_VERSION = 2, SCRATCH = 33554432 };

static enum err
keep(struct arena *a, struct buf *b, enum err e, str *ret)
{
	if (e == ERR_OK) {
		str copy = arena_dup(a, buf_view(b));
		e = copy.p == NULL ? ERR_BUDGET : ERR_OK;
		*ret = e == ERR_OK ? copy : *ret;
	}
	buf_done(b);
	return e;
}

static enum err
make_envelope(struct arena *a, struct arena *scratch, str header, str *ret)
{
	struct buf b;
	buf_init(&b, SVC_ACCOUNT_IMAP_SHAPE_MAX);
	return keep(a, &b, imap_envelope_put(&b, header, scratch), ret);
}

static enum err
make_body(struct arena *a, struct arena *scratch, const struct mail_mime *m, bool extended,
    str *ret)
{
	struct buf b;
	buf_init(&b, SVC_ACCOUNT_IMAP_SHAPE_MAX);
	return keep(a, &b, imap_body_put(&b, m, extended, scratch), ret);
}

static enum err
make_preview(struct arena *a, const struct mail_mime *m, str *ret)
{
	struct buf b;
	buf_init(&b, MAIL_PREVIEW_OCTETS);
	enum err e = mail_preview(m, &b);
	if (b.n == 0) {
		buf_done(&b);
		*ret = S("");
		return e;
	}
	return keep(a, &b, e, ret);
}

enum err
svc_account_imap_shape_envelope(struct arena *a, str header, str *ret)
{
	struct arena *scratch = arena_new(a, "envelope", SCRATCH, 0);
	if (scratch == NULL) {
		return ERR_BUDGET;
	}
	enum err e = make_envelope(a, scratch, header, ret);
	arena_free(&scratch);
	return e;
}

enum err
svc_account_imap_shape_make(struct arena *a, str message, size_t header_n,
    struct svc_account_imap_shape *ret)
{
	struct svc_account_imap_shape shape = { 0 };
	struct mail_mime m;
	struct arena *tree = arena_new(a, "mime", SCRATCH, 0),
		     *scratch = arena_new(a, "shape", SCRATCH, 0);
	enum err e = tree == NULL || scratch == NULL ? ERR_BUDGET
						     : mail_mime_parse(message, tree, &m);
	if (e == ERR_OK) {
		e = make_envelope(a, scratch, str_sub(message, 0, header_n), &shape.envelope);
	}
	if (e == ERR_OK) {
		e = make_body(a, scratch, &m, false, &shape.body);
	}
	if (e == ERR_OK) {
		e = make_body(a, scratch, &m, true, &shape.structure);
	}
	if (e == ERR_OK) {
		e = make_preview(a, &m, &shape.preview);
	}
	if (e == ERR_OK) {
		*ret = shape;
	}
	arena_free(&scratch);
	arena_free(&tree);
	return e;
}

enum err
svc_account_imap_shape_pack(struct arena *a, const struct svc_account_imap_shape *shape,
    str *ret_envelope, str *ret_structure)
{
	str envelope = STR_NONE, structure = STR_NONE;
	struct buf b;
	buf_init(&b, 2 * SVC_ACCOUNT_IMAP_SHAPE_MAX + 16);
	if (shape->envelope.n > 0) {
		wr_u8(&b, VERSION);
		buf_str(&b, shape->envelope);
		TRY(keep(a, &b, buf_err(&b), &envelope));
	}
	if (shape->structure.n > 0) {
		wr_u8(&b, STRUCTURE_VERSION);
		wr_str(&b, shape->body);
		wr_str(&b, shape->preview);
		buf_str(&b, shape->structure);
		TRY(keep(a, &b, buf_err(&b), &structure));
	}
	*ret_envelope = envelope;
	*ret_structure = structure;
	return ERR_OK;
}

void
svc_account_imap_shape_unpack(str envelope, str structure, struct svc_account_imap_shape *ret)
{
	*ret = (struct svc_account_imap_shape){ 0 };
	struct rd r = rd_make(envelope);
	if (rd_u8(&r) == VERSION) {
		ret->envelope = rd_bytes(&r, r.n);
	}
	r = rd_make(structure);
	uint8_t version = rd_u8(&r);
	if (version == VERSION || version == STRUCTURE_VERSION) {
		str body = rd_str(&r, SVC_ACCOUNT_IMAP_SHAPE_MAX);
		str preview = version == VERSION ? STR_NONE : rd_str(&r, MAIL_PREVIEW_OCTETS);
		str rest = rd_bytes(&r, r.n);
		if (!r.bad) {
			ret->body = body;
			ret->preview = preview;
			ret->structure = rest;
		}
	}
}
