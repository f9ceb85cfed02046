/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the scan process that are not settings.
 */
#ifndef SVC_SCAN_LIMITS_H
#define SVC_SCAN_LIMITS_H

enum {
	SVC_SCAN_SMTPS_MAX = 256, /* smtp processes; two sets of at most 64 */
	SVC_SCAN_OCTETS_MAX =
	    64 << 20, /* of letters and notes in memory; more wait in the channels */
	SVC_SCAN_LETTER_MAX = 256 << 20,  /* of one: what smtp.max-size may be */
	SVC_SCAN_LETTERS_MAX = 1000,      /* at a time */
	SVC_SCAN_KEPT = 4 << 20,          /* of free memory stays with the process */
	SVC_SCAN_SPARE_MAX = 16,          /* arenas kept, at most 64 KB each */
	SVC_SCAN_LETTER_BUDGET = 8 << 20, /* what is noted about one, its octets apart */
	SVC_SCAN_FROM_MAX = 64 << 10,     /* octets of the From field that are read */
	SVC_SCAN_QUESTIONS_MAX = 200,     /* to DNS for one letter, all stages together */
	SVC_SCAN_PARTS_MAX = 32,          /* reasons that stages give for a letter's score */
	SVC_SCAN_METHODS_MAX = 40,        /* results in Authentication-Results */
	SVC_SCAN_ADDED_MAX = 40,          /* fields that milters add */
	SVC_SCAN_CUTS_MAX = 64,           /* list `cuts` of smtp_scan */
	SVC_SCAN_FIELDS_MAX = 5000,       /* of the header that milters are told */
	SVC_SCAN_LINKS_MAX = 50,      /* hosts of links in a letter that lists are asked about */
	SVC_SCAN_ACCOUNTS_MAX = 1000, /* list `targets` of smtp_scan */
	SVC_SCAN_TEXT_MAX = 400,      /* `text` and `enhanced` of record reply */
	SVC_SCAN_ENHANCED_MAX = 12,
	SVC_SCAN_HEADER_MAX = 16384, /* `header` of verdict */
	SVC_SCAN_WHY_MAX = 2000,     /* `why` of verdict */
};

#endif
