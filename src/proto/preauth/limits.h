/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a stranger can make grow before a session has an owner, with its reason.
 */
#ifndef PROTO_PREAUTH_LIMITS_H
#define PROTO_PREAUTH_LIMITS_H

/* One line without its literals, CR LF included. */
#define PREAUTH_SMTP_LINE_MAX 1024u  /* RFC 5321 4.5.3.1.4: 512; MAIL may be longer */
#define PREAUTH_IMAP_LINE_MAX 8192u  /* RFC 7162 4: at least 8192 */
#define PREAUTH_POP3_LINE_MAX 512u   /* RFC 2449 4: 255 */
#define PREAUTH_SIEVE_LINE_MAX 4096u /* RFC 5804 4: quoted: 1024 */
#define PREAUTH_SASL_LINE_MAX 12288u /* RFC 4954 4: a base64 response line */

#define PREAUTH_LITERAL_MAX 4096u        /* no name or password is longer */
#define PREAUTH_SIEVE_LITERAL_MAX 12288u /* a SASL response */
#define PREAUTH_LITERALS_MAX 8u          /* literals in one command */
#define PREAUTH_COMMAND_MAX 20480u       /* a whole command with its literals */
#define PREAUTH_QUOTED_MAX 1024u         /* RFC 5804 4, quoted */
#define PREAUTH_TAG_MAX 100u             /* as `attach` carries */
#define PREAUTH_USER_MAX 1000u           /* POP3 USER */
#define PREAUTH_ID_FIELDS_MAX 60u        /* RFC 2971 3.3: 30 pairs */

#define PREAUTH_ERRORS_MAX 10u   /* refused commands until the end */
#define PREAUTH_COMMANDS_MAX 50u /* of any kind, until the end */
#define PREAUTH_FAILURES_MAX 3u  /* failed log-ins, then the connection ends */
#define PREAUTH_STEPS_MAX 8u     /* client responses in one SASL exchange */

#define PREAUTH_OUT_MAX 65536u    /* 50 replies of about 1 KB */
#define PREAUTH_MECHANISM_MAX 32u /* longest mechanism name (RFC 4422 3.1: 20) */

#endif
