/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in blocks. A block is read as far as it is needed: its directory tells whether it holds a
 * message that is asked for, and a column is decompressed only while a message and a key that looks
 * at it have not met. Within a message a key ends with its first hit.
 */
#include "store/text/text_priv.h"

#include "base/mem.h"
#include "sys/file.h"

enum { ALL_COLUMNS = (1 << MAIL_TEXT_COLUMNS) - 1 };

/* The order in which columns are worth looking at: small and likely first. */
static const int column_order[MAIL_TEXT_COLUMNS] = { MAIL_TEXT_MAIN, MAIL_TEXT_BODY,
	MAIL_TEXT_FIELDS };

void
store_text_look_init(struct store_text_look *l, struct store_text_ask *ask)
{
	ASSERT(ask->keys_n <= STORE_TEXT_KEYS_MAX);
	*l = (struct store_text_look){ .ask = ask };
	buf_init(&l->in, (size_t)STORE_TEXT_BLOCK_MESSAGES * STORE_TEXT_ENTRY);
	buf_init(&l->stored, STORE_TEXT_COLUMN_MAX);
	buf_init(&l->column, STORE_TEXT_COLUMN_MAX);
	for (size_t k = 0; k < ask->keys_n; k++) {
		const struct store_text_key *key = &ask->keys[k];
		bool field = key->where == STORE_TEXT_FIELD;
		l->finds[k] = find_make(field && key->needle.n == 0 ? key->name : key->needle);
		l->columns[k] = key->where == STORE_TEXT_ANY ? (unsigned)ALL_COLUMNS
		    : field                                  ? 1u << mail_text_column_of(key->name)
							     : 1u << MAIL_TEXT_BODY;
	}
}

void
store_text_look_done(struct store_text_look *l)
{
	buf_done(&l->in);
	buf_done(&l->stored);
	buf_done(&l->column);
	MEM_FREE(l->wanted);
}

/* Where the line begins that holds the octet at `at`. */
static size_t
line_begin(str column, size_t at)
{
	const char *lf = at == 0 ? NULL : memrchr(column.p, '\n', at);
	return lf == NULL ? 0 : (size_t)(lf - column.p) + 1;
}

static size_t
line_end(str column, size_t at)
{
	const char *lf = memchr(column.p + at, '\n', column.n - at);
	return lf == NULL ? column.n : (size_t)(lf - column.p) + 1;
}

/* Is there a line "name:" with the needle behind the colon? */
static bool
in_field(const struct find *f, const struct store_text_key *key, str column)
{
	size_t at = 0;
	while (at < column.n) {
		ptrdiff_t hit = find_in(f, str_from_off(column, at));
		if (hit < 0) {
			return false;
		}
		size_t place = at + (size_t)hit, begin = line_begin(column, place);
		str line = str_sub(column, begin, line_end(column, place) - begin);
		size_t colon = begin + key->name.n;
		bool ours = line.n > key->name.n && str_starts(line, key->name) &&
		    column.p[colon] == ':';
		if (ours && (key->needle.n == 0 || place > colon)) {
			return true;
		}
		at = ours ? colon + 1 : begin + line.n;
	}
	return false;
}

static bool
is_in(const struct store_text_look *l, size_t k, str column)
{
	const struct store_text_key *key = &l->ask->keys[k];
	return key->where == STORE_TEXT_FIELD ? in_field(&l->finds[k], key, column)
					      : find_in(&l->finds[k], column) >= 0;
}

/* Does key k still look for the message at `at` in this column? */
static bool
is_open(const struct store_text_look *l, size_t at, size_t k, int column)
{
	return (l->columns[k] & 1u << column) != 0 && (l->ask->hits[at] >> k & 1) == 0;
}

static void
look_at_column(struct store_text_look *l, size_t at, int column, str text)
{
	for (size_t k = 0; k < l->ask->keys_n; k++) {
		if (is_open(l, at, k, column) && is_in(l, k, text)) {
			l->ask->hits[at] |= UINT64_C(1) << k;
		}
	}
}

void
store_text_look_at(struct store_text_look *l, size_t at, const struct mail_text *text)
{
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		look_at_column(l, at, i, buf_view(&text->column[i]));
	}
}

/* ---- blocks ------------------------------------------------------------------------------- */

size_t
store_text_place_of(const struct store_text_ask *ask, uint64_t id)
{
	size_t lo = 0, hi = ask->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (ask->ids[mid] < id) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

static enum err
read_exactly(int fd, uint64_t off, size_t n, struct buf *out)
{
	buf_reset(out);
	char *to = buf_room(out, n);
	if (n > 0 && to == NULL) {
		return buf_err(out);
	}
	enum err e = n > 0 ? sys_file_read_exact(fd, off, to, n) : ERR_OK;
	buf_grow(out, e == ERR_OK ? n : 0);
	return e == ERR_EOF ? ERR_CORRUPT : e;
}

static enum err
make_room(struct store_text_look *l, size_t n)
{
	if (l->wanted_cap >= n) {
		return ERR_OK;
	}
	MEM_FREE(l->wanted);
	l->wanted = mem_zalloc(n, sizeof *l->wanted);
	l->wanted_cap = l->wanted != NULL ? n : 0;
	return l->wanted != NULL ? ERR_OK : ERR_NOMEM;
}

/* Fill l->wanted by walking directory and ids side by side. Out: is anything asked for? */
static enum err
find_wanted(struct store_text_look *l, const struct store_text_head *h, size_t from, bool *ret)
{
	const struct store_text_ask *ask = l->ask;
	str directory = buf_view(&l->in);
	*ret = false;
	TRY(make_room(l, h->n));
	for (uint32_t i = 0; i < h->n; i++) {
		uint64_t id = store_text_entry_get(directory, i).id;
		while (from < ask->n && ask->ids[from] < id) {
			from++;
		}
		bool is = from < ask->n && ask->ids[from] == id;
		l->wanted[i] = is ? from : SIZE_MAX;
		*ret |= is;
	}
	return ERR_OK;
}

/* Does any key still look for any wanted message in this column? */
static bool
is_needed(const struct store_text_look *l, const struct store_text_head *h, int column)
{
	for (size_t k = 0; k < l->ask->keys_n; k++) {
		if ((l->columns[k] & 1u << column) == 0) {
			continue;
		}
		for (uint32_t i = 0; i < h->n; i++) {
			if (l->wanted[i] != SIZE_MAX && is_open(l, l->wanted[i], k, column)) {
				return true;
			}
		}
	}
	return false;
}

static enum err
look_at_block_column(struct store_text_look *l, const struct store_text_head *h, int column)
{
	str directory = buf_view(&l->in);
	size_t last = h->n;
	while (last > 0 && l->wanted[last - 1] == SIZE_MAX) {
		last--;
	}
	size_t want = last == 0 ? 0
				: store_text_entry_get(directory, (uint32_t)last - 1).end[column];
	TRY(store_text_column_get(h, column, buf_view(&l->stored), want, &l->column));
	for (uint32_t i = 0; i < h->n; i++) {
		if (l->wanted[i] != SIZE_MAX) {
			struct store_text_entry e = store_text_entry_get(directory, i);
			str text = str_sub(buf_view(&l->column), e.begin[column],
			    e.end[column] - e.begin[column]);
			look_at_column(l, l->wanted[i], column, text);
		}
	}
	return ERR_OK;
}

static enum err
look_at_block(struct store_text_look *l, int fd, uint64_t off, const struct store_text_head *h)
{
	uint64_t at[MAIL_TEXT_COLUMNS], next = off + STORE_TEXT_HEAD + h->directory_n;
	bool any = false;
	size_t from = store_text_place_of(l->ask, h->first);
	if (from == l->ask->n || l->ask->ids[from] > h->last) {
		return ERR_OK;
	}
	TRY(read_exactly(fd, off + STORE_TEXT_HEAD, h->directory_n, &l->in));
	TRY(store_text_directory_check(h, buf_view(&l->in)));
	TRY(find_wanted(l, h, from, &any));
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		at[i] = next;
		next += h->column[i].stored_n;
	}
	for (int i = 0; any && i < MAIL_TEXT_COLUMNS; i++) {
		int column = column_order[i];
		if (is_needed(l, h, column)) {
			TRY(read_exactly(fd, at[column], h->column[column].stored_n, &l->stored));
			TRY(look_at_block_column(l, h, column));
		}
	}
	return ERR_OK;
}

enum err
store_text_look_file(struct store_text_look *l, int fd, uint64_t end)
{
	uint64_t off = 0;
	while (off < end) {
		char room[STORE_TEXT_HEAD];
		struct store_text_head h;
		enum err e = sys_file_read_exact(fd, off, room, sizeof room);
		TRY(e == ERR_EOF ? ERR_CORRUPT : e);
		TRY(store_text_head_get(str_make(room, sizeof room), &h));
		if (h.octets > end - off) {
			return ERR_CORRUPT;
		}
		TRY(look_at_block(l, fd, off, &h));
		off += h.octets;
		if (l->ask->breathe != NULL) {
			TRY(l->ask->breathe(l->ask->ctx));
		}
	}
	return ERR_OK;
}
