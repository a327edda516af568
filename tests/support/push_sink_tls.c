/* The certificate of the fake push service: its own authority, for localhost, made anew at each start. */

#include "tests/support/push_sink_internal.h"

#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void extend(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *e;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (e) {
        (void)X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
}

static X509 *certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    char who[64]; /* of its own: who trusts several finds an authority by its name */

    (void)X509_set_version(x, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), -86400);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), (long)30 * 86400);
    (void)snprintf(who, sizeof who, "fake push service %d", (int)getpid());
    (void)X509_NAME_add_entry_by_txt(
        name, "CN", MBSTRING_ASC, (const unsigned char *)who, -1, -1, 0);
    (void)X509_set_issuer_name(x, name);
    (void)X509_set_pubkey(x, key);
    extend(x, NID_basic_constraints, "critical,CA:TRUE");
    extend(x, NID_subject_alt_name, "DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1");
    (void)X509_sign(x, key, EVP_sha256());
    return x;
}

static bool offers(const unsigned char *in, unsigned int in_len, const char *name)
{
    size_t len = strlen(name);

    for (unsigned int at = 0; at < in_len && at + in[at] < in_len; at += 1U + in[at]) {
        if (in[at] == len && memcmp(in + at + 1, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static int choose(SSL *ssl,
                  const unsigned char **out,
                  unsigned char *out_len,
                  const unsigned char *in,
                  unsigned int in_len,
                  void *context)
{
    static const unsigned char h2[] = "h2", one[] = "http/1.1";
    struct push_sink *s = context;
    int http1 = atomic_load(&s->http1);
    bool two = http1 == SINK_BOTH && offers(in, in_len, "h2");

    (void)ssl;
    if (!two && !offers(in, in_len, "http/1.1")) {
        return http1 == SINK_ONLY_ONE ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = two ? h2 : one;
    *out_len = two ? 2 : 8;
    return SSL_TLSEXT_ERR_OK;
}

static bool write_out(const char *file, X509 *x)
{
    FILE *f = fopen(file, "w");
    bool good = f && PEM_write_X509(f, x) == 1;

    return (f ? fclose(f) == 0 : false) && good;
}

SSL_CTX *sink_tls_new(struct push_sink *s, const char *ca_file)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = certificate(key);

    if (SSL_CTX_use_certificate(tls, x) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1 ||
        (ca_file && !write_out(ca_file, x))) {
        ERR_print_errors_fp(stderr);
        SSL_CTX_free(tls);
        tls = NULL;
    } else {
        (void)SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
        (void)SSL_CTX_set_mode(
            tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_read_ahead(tls, 1);
        SSL_CTX_set_default_read_buffer_len(tls, (size_t)64 * 1024);
        SSL_CTX_set_alpn_select_cb(tls, choose, s);
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return tls;
}
