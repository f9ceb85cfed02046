/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OpenSSL provider whose private keys are elsewhere: RSA and EC keys that know their public half
 * and ask svc_gate_signer for every signature. OpenSSL takes them for ordinary keys.
 */
#ifndef SVC_GATE_PROVIDER_H
#define SVC_GATE_PROVIDER_H

#include "base/err.h"

struct evp_pkey_st;
struct x509_st;
struct svc_gate_signer;

/*
 * Load it into the process, once; all its keys sign with `signer` from now on, which replaces the
 * one before.
 *
 * Errors  ERR_NOMEM: OpenSSL could not
 */
enum err svc_gate_provider_load(struct svc_gate_signer *signer);

/*
 * The private key of a certificate, as far as this process may have it.
 *
 * Out     ret: free with EVP_PKEY_free
 * Errors  ERR_UNSUPPORTED: neither RSA nor EC; ERR_NOMEM
 */
enum err svc_gate_provider_key(struct x509_st *certificate, struct evp_pkey_st **ret);

#endif
