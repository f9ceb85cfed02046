/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base subject extraction; the steps are numbered as in RFC 5256 2.1.
 *
 *	subj-refwd   = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
 *	subj-blob    = "[" *BLOBCHAR "]" *WSP           ; BLOBCHAR: anything but "[" and "]"
 *	subj-leader  = (*subj-blob subj-refwd) / WSP
 *	subj-trailer = "(fwd)" / WSP
 *	subj-fwd     = "[fwd:" subject "]"
 */
#include "mail/subject.h"

/* Step 1: tabs and line ends become spaces, and of several spaces one stays. */
static void
put_plain(struct buf *out, str in)
{
	bool space = false;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
		if (!blank) {
			buf_ch(out, c);
		} else if (!space) {
			buf_ch(out, ' ');
		}
		space = blank;
	}
}

static size_t
spaces_at(str s, size_t at)
{
	size_t n = 0;
	while (at + n < s.n && s.p[at + n] == ' ') {
		n++;
	}
	return n;
}

/* Octets of a subj-blob at `at`; 0: there is none. */
static size_t
blob_at(str s, size_t at)
{
	size_t i = at;
	if (i >= s.n || s.p[i] != '[') {
		return 0;
	}
	do {
		i++;
	} while (i < s.n && s.p[i] != '[' && s.p[i] != ']');
	if (i >= s.n || s.p[i] != ']') {
		return 0;
	}
	return i + 1 + spaces_at(s, i + 1) - at;
}

/* Octets of a subj-refwd at `at`; 0: there is none. */
static size_t
refwd_at(str s, size_t at)
{
	str rest = str_from_off(s, at);
	size_t i = str_istarts(rest, S("fwd")) ? 3
	    : str_istarts(rest, S("fw"))       ? 2
	    : str_istarts(rest, S("re"))       ? 2
					       : 0;
	if (i == 0) {
		return 0;
	}
	i += at;
	i += spaces_at(s, i);
	i += blob_at(s, i);
	return i < s.n && s.p[i] == ':' ? i + 1 - at : 0;
}

/* Step 2. */
static str
without_trailers(str s, bool *reply)
{
	for (;;) {
		str tail = str_from_off(s, s.n < 5 ? s.n : s.n - 5);
		if (s.n > 0 && s.p[s.n - 1] == ' ') {
			s.n--;
		} else if (str_ieq(tail, S("(fwd)"))) {
			s.n -= 5;
			*reply = true;
		} else {
			return s;
		}
	}
}

/*
 * Steps 3 to 5. Blobs before something that is no subj-refwd go one by one while something remains;
 * looking for a subj-refwd behind them again each time would not find another answer.
 */
static str
without_leaders(str s, bool *reply)
{
	for (;;) {
		s = str_from_off(s, spaces_at(s, 0));
		size_t at = 0, last = 0, n;
		while ((n = blob_at(s, at)) > 0) {
			last = at;
			at += n;
		}
		n = refwd_at(s, at);
		if (n > 0) {
			s = str_from_off(s, at + n);
			*reply = true;
		} else {
			return str_from_off(s, at < s.n ? at : last);
		}
	}
}

void
mail_subject_base(struct buf *out, str subject, bool *ret_reply)
{
	size_t start = out->n;
	bool more = true;
	*ret_reply = false;
	put_plain(out, subject);
	if (buf_err(out) != ERR_OK) {
		return;
	}
	str s = str_from_off(buf_view(out), start);
	while (more) {
		s = without_leaders(without_trailers(s, ret_reply), ret_reply);
		more = str_istarts(s, S("[fwd:")) && s.p[s.n - 1] == ']'; /* step 6 */
		if (more) {
			s = str_sub(s, 5, s.n - 6);
			*ret_reply = true;
		}
	}
	if (s.n > 0) {
		memmove(out->p + start, s.p, s.n);
	}
	buf_truncate(out, start + s.n);
}
