/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in blocks. A block is read as far as it is needed: its directory tells whether it holds a
 * message that is asked for, and a column is decompressed only while a message and a key that looks
 * at it have not met. Within a message a key ends with its first hit; a fuzzy one, whose words may
 * be in several columns, when no column can make it better.
 */
#include "store/text/text_priv.h"

#include "base/mem.h"
#include "mail/fuzzy.h"
#include "sys/file.h"

enum { ALL_COLUMNS = (1 << MAIL_TEXT_COLUMNS) - 1 };

/* What a word counts in a column, when all of them are looked at. */
static const unsigned weights[MAIL_TEXT_COLUMNS] = {
	[MAIL_TEXT_MAIN] = MAIL_FUZZY_BEST, [MAIL_TEXT_BODY] = 70, [MAIL_TEXT_FIELDS] = 50
};

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
		bool by_name = field && (key->needle.n == 0 || key->fuzzy != NULL);
		l->finds[k] = find_make(by_name ? key->name : key->needle);
		l->fuzzy[k] = l->fuzzy_n;
		l->fuzzy_n += key->fuzzy != NULL;
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
	MEM_FREE(l->found);
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

/* ---- fuzzy keys --------------------------------------------------------------------------- */

static struct mail_fuzzy_found *
found_of(const struct store_text_look *l, size_t entry, size_t k)
{
	return &l->found[entry * l->fuzzy_n + l->fuzzy[k]];
}

/* In all fields of the key's name. */
static void
look_into_fields(const struct store_text_look *l, size_t k, str column,
    struct mail_fuzzy_found *found)
{
	const struct store_text_key *key = &l->ask->keys[k];
	size_t at = 0;
	while (at < column.n) {
		ptrdiff_t hit = find_in(&l->finds[k], str_from_off(column, at));
		if (hit < 0) {
			return;
		}
		size_t name = at + (size_t)hit, colon = name + key->name.n;
		at = line_end(column, name);
		bool ours = line_begin(column, name) == name && colon < at &&
		    column.p[colon] == ':';
		if (ours) {
			mail_fuzzy_look(key->fuzzy, str_sub(column, colon + 1, at - colon - 1),
			    MAIL_FUZZY_BEST, found);
		}
	}
}

/* The key's score so far. Out: can nothing change it that matters to who asks? */
static bool
take_score(struct store_text_look *l, size_t entry, size_t at, size_t k)
{
	const struct store_text_key *key = &l->ask->keys[k];
	unsigned score = mail_fuzzy_score(key->fuzzy, found_of(l, entry, k));
	if (score > 0 && l->ask->scores != NULL) {
		l->ask->scores[at * l->ask->slots + key->slot] = (uint8_t)score;
	}
	return score == MAIL_FUZZY_BEST || (score > 0 && l->ask->scores == NULL);
}

/* True: the key has been found, and as well as it can be. */
static bool
look_fuzzily(struct store_text_look *l, const struct store_text_spot *spot, size_t k, str text)
{
	const struct store_text_key *key = &l->ask->keys[k];
	struct mail_fuzzy_found *found = found_of(l, spot->entry, k);
	if (key->where == STORE_TEXT_FIELD) {
		look_into_fields(l, k, text, found);
	} else {
		bool any = key->where == STORE_TEXT_ANY;
		mail_fuzzy_look(key->fuzzy, text, any ? weights[spot->column] : MAIL_FUZZY_BEST,
		    found);
	}
	return take_score(l, spot->entry, spot->at, k);
}

/* All columns of a message have been looked at. */
static void
finish(struct store_text_look *l, size_t entry, size_t at)
{
	for (size_t k = 0; k < l->ask->keys_n; k++) {
		if (l->ask->keys[k].fuzzy != NULL &&
		    mail_fuzzy_score(l->ask->keys[k].fuzzy, found_of(l, entry, k)) > 0) {
			l->ask->hits[at] |= UINT64_C(1) << k;
		}
	}
}

/* ---- a column of a message ---------------------------------------------------------------- */

/* Does key k still look for the message at `at` in this column? */
static bool
is_open(const struct store_text_look *l, size_t at, size_t k, int column)
{
	return (l->columns[k] & 1u << column) != 0 && (l->ask->hits[at] >> k & 1) == 0;
}

static void
look_at_column(struct store_text_look *l, const struct store_text_spot *spot, str text)
{
	for (size_t k = 0; k < l->ask->keys_n; k++) {
		if (!is_open(l, spot->at, k, spot->column)) {
			continue;
		}
		bool fuzzy = l->ask->keys[k].fuzzy != NULL;
		if (fuzzy ? look_fuzzily(l, spot, k, text) : is_in(l, k, text)) {
			l->ask->hits[spot->at] |= UINT64_C(1) << k;
		}
	}
}

/* Room for a block of n messages, or for one that is in none. */
static enum err
make_room(struct store_text_look *l, size_t n)
{
	size_t cap = MAX(n, (size_t)1);
	if (l->wanted_cap < cap) {
		MEM_FREE(l->wanted);
		MEM_FREE(l->found);
		l->wanted_cap = 0;
		l->wanted = mem_zalloc(cap, sizeof *l->wanted);
		l->found = mem_zalloc(cap * MAX(l->fuzzy_n, (size_t)1), sizeof *l->found);
		if (l->wanted == NULL || l->found == NULL) {
			return ERR_NOMEM;
		}
		l->wanted_cap = cap;
	}
	memset(l->found, 0, cap * l->fuzzy_n * sizeof *l->found);
	return ERR_OK;
}

enum err
store_text_look_at(struct store_text_look *l, size_t at, const struct mail_text *text)
{
	TRY(make_room(l, 1));
	for (int i = 0; i < MAIL_TEXT_COLUMNS; i++) {
		struct store_text_spot spot = { 0, at, i };
		look_at_column(l, &spot, buf_view(&text->column[i]));
	}
	finish(l, 0, at);
	return ERR_OK;
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
			struct store_text_spot spot = { i, l->wanted[i], column };
			look_at_column(l, &spot, text);
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
	for (uint32_t i = 0; l->fuzzy_n > 0 && i < h->n; i++) {
		if (l->wanted[i] != SIZE_MAX) {
			finish(l, i, l->wanted[i]);
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
