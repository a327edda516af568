/* The settings under `hmac:`: how a sender signs that none of our schemes knows. */

#include <string.h>

#include "base/attr.h"
#include "sources/sign.h"

/* clang-format off */
static const char *const codings[] = {
    [SIGN_HEX] = "hex", [SIGN_BASE64] = "base64", [SIGN_BASE64URL] = "base64url", NULL};
static const char *const hashes[] = {
    [CRYPTO_SHA1] = "sha1", [CRYPTO_SHA256] = "sha256",
    [CRYPTO_SHA384] = "sha384", [CRYPTO_SHA512] = "sha512", NULL};
static const char *const units[] = {"s", "ms", NULL};

#define AT(member) .offset = offsetof(struct sign_profile, member)
const struct field sign_profile_fields[] = {
    {.key = "header", .kind = FIELD_STRING, AT(header), .max = "100", .example = "X-Signature",
     .help = "the header that carries the signature; needed with signature: hmac"},
    {.key = "prefix", .kind = FIELD_STRING, AT(prefix), .max = "40", .example = "\"sha256=\"",
     .help = "what stands before the signature in it"},
    {.key = "encoding", .kind = FIELD_ENUM, AT(coding), .choices = codings, .def = "hex",
     .help = "how the signature is written"},
    {.key = "hash", .kind = FIELD_ENUM, AT(hash), .choices = hashes, .def = "sha256",
     .help = "the hash of the HMAC"},
    {.key = "content", .kind = FIELD_STRING, AT(content), .def = "{body}", .min = "1", .max = "200",
     .example = "\"{timestamp}.{body}\"",
     .help = "what is signed: a text with {body}, {timestamp} and {id}"},
    {.key = "timestamp_header", .kind = FIELD_STRING, AT(time_header), .max = "100",
     .example = "X-Timestamp", .help = "the header with {timestamp}"},
    {.key = "timestamp_unit", .kind = FIELD_ENUM, AT(unit), .choices = units, .def = "s",
     .help = "it counts seconds or milliseconds since 1970"},
    {.key = "id_header", .kind = FIELD_STRING, AT(id_header), .max = "100", .example = "X-Delivery",
     .help = "the header with {id}; the same id again is the same call again"},
    FIELD_END,
};
/* clang-format on */

/* A word of the content and the header it comes from go together. */
static enum err_code check_word(const struct sign_profile *p,
                                const char *word,
                                const char *header,
                                const char *key,
                                struct err *why)
{
    if (strstr(p->content, word) != NULL && header == NULL) {
        return err_set(
            why, ERR_INVALID, "hmac.content: has %s, so hmac.%s is needed", word, key);
    }
    return ERR_NONE;
}

enum err_code sign_profile_check(const struct sign_profile *p, struct err *why)
{
    enum err_code rc;

    if (p->header == NULL) {
        return err_set(why, ERR_INVALID, "hmac.header: is needed with signature: hmac");
    }
    if (strstr(p->content, "{body}") == NULL) {
        return err_set(
            why,
            ERR_INVALID,
            "hmac.content: lacks {body}, so that any body would be taken as genuine");
    }
    rc = check_word(p, "{timestamp}", p->time_header, "timestamp_header", why);
    return rc != ERR_NONE ? rc : check_word(p, "{id}", p->id_header, "id_header", why);
}
