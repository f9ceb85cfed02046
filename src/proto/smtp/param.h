/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function for each row of params.def; in mail.c and rcpt.c. False: the value is not valid.
 */
#ifndef PROTO_SMTP_PARAM_H
#define PROTO_SMTP_PARAM_H

#include "base/str.h"

struct smtp;

#define PARAM(verb, keyword, id, value, where, rfc) bool smtp_param_##id(struct smtp *s, str value);
#include "proto/smtp/params.def"
#undef PARAM

#endif
