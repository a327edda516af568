/* Signatures of hook calls against published vectors: GitHub's documented example, that of the Standard
 * Webhooks reference libraries, Sanity's own, and for each vendor one that his documented algorithm gives;
 * and everything that must not pass. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sources/sign.h"
#include "tests/support/call_kit.h"

#define WINDOW_MS (5 * MS_MINUTE)
#define OTHER_SECRET "another-secret"
#define HIS "(the vendor's)"
#define INCOMPLETE "(the vendor's, not all)"

/* ---- the vectors ---- */

#define BODY                                                                                   \
    "{\"event\":\"article.published\",\"id\":\"a1\",\"title\":\"Caf\xc3\xa9 \xe2\x80\x93 "     \
    "test\"}"
#define SECRET "s3cr3t-key"
#define T "1790000000000"
#define T_MS INT64_C(1790000000000)
#define A16 "aaaaaaaaaaaaaaaa"
#define PLAIN_HEX "6fe2a287563907032baa644d2d64633264f1fa3ba33cc33a597c0f44c3451e92"
#define SHA1_HEX "75722bf8fbafc7fbc2c3ddf538fb3ad5c36bb71c"
#define GHOST_HEX "6d8611fcee2ed33b14347c37ad7bae8d4c3ae3c1e425d437c741d79d17a4dc26"
#define WEBFLOW_HEX "5c33bb90c2f1abb4b88ed310f72cc76d838412713f1b4cd7c5d5284733a34b87"
#define SANITY_64 "DohtOnYD08Mrm-5NsBn1TkmXw2H9tzOIcjaDvkanXo4"
#define HYGRAPH_64 "cje5fFmMxT0uSGPTDEciyWr5VhD1E/LZtccevK+gKtU="
#define CONTENTFUL_HEX "d09f56e5e5d1ceee7a465c9f857b6c69d27884d8e216113f40b2359b7cb1a736"
#define CONTENTFUL_HEADERS                                                                     \
    "content-type: application/vnd.contentful.management.v1+json\n"                            \
    "X-Contentful-Topic: ContentManagement.Entry.publish\n"                                    \
    "x-contentful-timestamp: " T "\n"
#define CONTENTFUL_NAMES                                                                       \
    "content-type,x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic"
#define CONTENTFUL                                                                             \
    CONTENTFUL_HEADERS "x-contentful-signed-headers: " CONTENTFUL_NAMES                        \
                       "\nx-contentful-signature: " CONTENTFUL_HEX

#define HUB_SECRET "It's a Secret to Everybody"
#define HUB_BODY "Hello, World!"
#define HUB "X-Hub-Signature-256: sha256="
#define HUB_HEX "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

#define STD_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define STD_OTHER_SECRET "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define STD_ID "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\n"
#define STD_TIME "webhook-timestamp: 1614265330\n"
#define STD_BODY "{\"test\": 2432232314}"
#define STD_GOOD "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define STD_OTHER "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define STD STD_ID STD_TIME "webhook-signature: "
#define STD_MS (INT64_C(1614265330) * 1000)

struct row {
    const char *sentence;
    const struct sign_scheme *scheme;
    const char *secret, *old_secret, *headers, *body;
    int64_t now_ms;
    enum sign_verdict want;
};

static char x_sig[] = "X-Sig", x_time[] = "X-Time",
            v0[] = "v0=", v0_content[] = "v0:{timestamp}:{body}";
static const struct sign_profile profile = {.header = x_sig,
                                            .prefix = v0,
                                            .content = v0_content,
                                            .time_header = x_time,
                                            .hash = CRYPTO_SHA512,
                                            .coding = SIGN_BASE64URL};

static void check_row(const struct row *row)
{
    struct call_kit kit = {.headers = row->headers};
    struct source_call call = call_kit_call(&kit, row->body, strlen(row->body), row->now_ms);
    struct secret secret = {0}, old_secret = {0};
    const struct sign_keys keys = {.secret = &secret,
                                   .old_secret = &old_secret,
                                   .window_ms = WINDOW_MS,
                                   .token_header = "X-Token",
                                   .profile = &profile};
    char text[SIGN_TEXT_BYTES];
    enum sign_verdict got;

    secret_take(&secret, mem_strdup(row->secret));
    secret_take(&old_secret, mem_strdup(row->old_secret));
    got = sign_check(row->scheme, &keys, &call);
    if (got != row->want) {
        fail_msg("%s, %s: %s",
                 row->scheme->name,
                 row->sentence,
                 sign_explain(row->scheme, &keys, got, text));
    }
    secret_done(&secret);
    secret_done(&old_secret);
    call_kit_done(&kit);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(&rows[i]);
    }
}

/* clang-format off */
/* What every vendor's sender sends: scheme, secret, headers as sent, and what must be taken away to make it
 * incomplete. */
static const struct vendor {
    const struct sign_scheme *scheme;
    const char *secret, *body, *headers, *incomplete;
    int64_t now_ms;
    bool timed;
} vendors[] = {
    {&sign_hub, SECRET, BODY, HUB PLAIN_HEX, "X-Other: 1", T_MS, false},
    {&sign_standard, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", BODY,
     "webhook-id: msg_1\nwebhook-timestamp: 1790000000\n"
     "webhook-signature: v1,pbnavcEuL1kbGPgHx68hOna/M3XjinDt7vKiFNIyJaU=", "webhook-id: msg_1", T_MS, true},
    {&sign_ghost, SECRET, BODY, "X-Ghost-Signature: sha256=" GHOST_HEX ", t=" T, "X-Ghost-Signature: sha256=" GHOST_HEX, T_MS, true},
    {&sign_ghost_old, SECRET, BODY, "X-Ghost-Signature: sha256=" PLAIN_HEX ", t=" T, "X-Ghost-Signature: t=" T, T_MS, false},
    {&sign_wp_webhooks, SECRET, BODY, "X-WP-Webhook-Signature: b+Kih1Y5BwMrqmRNLWRjMmTx+jujPMM6WXwPRMNFHpI=", "", T_MS, false},
    {&sign_sanity, SECRET, BODY, "sanity-webhook-signature: t=" T ",v1=" SANITY_64, "sanity-webhook-signature: v1=" SANITY_64, T_MS, true},
    {&sign_sanity, "test", "{\"_id\":\"resume\"}",
     "sanity-webhook-signature: t=1633519811129,v1=tLa470fx7qkLLEcMOcEUFuBbRSkGujyskxrNXcoh0N0", "", INT64_C(1633519811129), true},
    {&sign_webflow, SECRET, BODY, "x-webflow-timestamp: " T "\nx-webflow-signature: " WEBFLOW_HEX, "x-webflow-signature: " WEBFLOW_HEX, T_MS, true},
    {&sign_storyblok, SECRET, BODY, "webhook-signature: " SHA1_HEX, "", T_MS, false},
    {&sign_superdesk, SECRET, BODY, "x-superdesk-signature: sha1=" SHA1_HEX, "", T_MS, false},
    {&sign_hygraph, SECRET, BODY, "gcms-signature: sign=" HYGRAPH_64 ", env=master, t=" T,
     "gcms-signature: sign=" HYGRAPH_64 ", env=master", T_MS, true},
    {&sign_contentful, A16 A16 A16 A16, BODY, CONTENTFUL, CONTENTFUL_HEADERS, T_MS, true},
    {&sign_token, SECRET, BODY, "Authorization: Bearer " SECRET, "X-Other: 1", T_MS, false},
    /* python3: hmac.new(secret, b"v0:1790000000:" + body, "sha512"), base64url */
    {&sign_hmac, SECRET, BODY, "X-Time: 1790000000\nX-Sig: v0=9nfnFuyEmMoe1jfkS2RFBnETQIwqUnmEd52C27w-oTmdgKltxHrgCAygWJG5_S1uTWibr7IHEEOccyr4_o0KOg", "X-Time: 1790000000", T_MS, true},
};
/* clang-format on */

/* One thing changed of what the vendor sends; NULL: as he does it. */
static const struct variation {
    const char *sentence, *secret, *old_secret, *headers, *body;
    int64_t late_ms;
    enum sign_verdict want, want_untimed;
} variations[] = {
    /* clang-format off */
    {"as he signs", HIS, NULL, HIS, HIS, 0, SIGN_GOOD, SIGN_GOOD},
    {"the secret before the last change", OTHER_SECRET, HIS, HIS, HIS, 0, SIGN_GOOD, SIGN_GOOD},
    {"the secret that comes next", HIS, OTHER_SECRET, HIS, HIS, 0, SIGN_GOOD, SIGN_GOOD},
    {"at the edge of the window", HIS, NULL, HIS, HIS, WINDOW_MS, SIGN_GOOD, SIGN_GOOD},
    {"late", HIS, NULL, HIS, HIS, WINDOW_MS + 1, SIGN_STALE, SIGN_GOOD},
    {"early", HIS, NULL, HIS, HIS, -WINDOW_MS - 1, SIGN_STALE, SIGN_GOOD},
    {"another secret", OTHER_SECRET, NULL, HIS, HIS, 0, SIGN_WRONG, SIGN_WRONG},
    {"no secret", NULL, NULL, HIS, HIS, 0, SIGN_WRONG, SIGN_WRONG},
    {"an empty secret", "", "", HIS, HIS, 0, SIGN_WRONG, SIGN_WRONG},
    {"late and forged: nobody is told that it is late", OTHER_SECRET, NULL, HIS, HIS, MS_DAY, SIGN_WRONG, SIGN_WRONG},
    {"no headers", HIS, NULL, NULL, HIS, 0, SIGN_MISSING, SIGN_MISSING},
    {"not all headers", HIS, NULL, INCOMPLETE, HIS, 0, SIGN_MISSING, SIGN_MISSING},
    {"another body", HIS, NULL, HIS, "{}", 0, SIGN_WRONG, SIGN_WRONG},
    /* clang-format on */
};

static const char *his(const char *text, const char *what_is_his)
{
    return text != NULL && strcmp(text, HIS) == 0 ? what_is_his : text;
}

static void vary(const struct vendor *v, const struct variation *how)
{
    const char *headers = his(how->headers, v->headers);
    const struct row row = {
        .sentence = how->sentence,
        .scheme = v->scheme,
        .secret = his(how->secret, v->secret),
        .old_secret = his(how->old_secret, v->secret),
        .headers =
            headers != NULL && strcmp(headers, INCOMPLETE) == 0 ? v->incomplete : headers,
        .body = his(how->body, v->body),
        .now_ms = v->now_ms + how->late_ms,
        .want = v->timed ? how->want : how->want_untimed,
    };

    if (v->scheme != &sign_token || strcmp(how->body, HIS) == 0) { /* a token signs no body */
        check_row(&row);
    }
}

static void every_vendor_is_taken_as_he_signs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
        for (size_t k = 0; k < ARRAY_LEN(variations); k++) {
            vary(&vendors[i], &variations[k]);
        }
    }
}

/* clang-format off */
static const struct row hub_rows[] = {
    {"GitHub's own example", &sign_hub, HUB_SECRET, NULL, HUB HUB_HEX, HUB_BODY, 0, SIGN_GOOD},
    {"upper-case digits are the same number", &sign_hub, HUB_SECRET, NULL,
     HUB "757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17", HUB_BODY, 0, SIGN_GOOD},
    {"a byte more in the body", &sign_hub, HUB_SECRET, NULL, HUB HUB_HEX, HUB_BODY " ", 0, SIGN_WRONG},
    {"another case of the secret", &sign_hub, "It's a secret to everybody", NULL, HUB HUB_HEX, HUB_BODY, 0, SIGN_WRONG},
    {"an empty header", &sign_hub, HUB_SECRET, NULL, "X-Hub-Signature-256: ", HUB_BODY, 0, SIGN_WRONG},
    {"the wrong algorithm's name", &sign_hub, HUB_SECRET, NULL, "X-Hub-Signature-256: sha1=" HUB_HEX, HUB_BODY, 0, SIGN_WRONG},
    {"no name of an algorithm", &sign_hub, HUB_SECRET, NULL, "X-Hub-Signature-256: " HUB_HEX, HUB_BODY, 0, SIGN_WRONG},
    {"half a digest", &sign_hub, HUB_SECRET, NULL, HUB "757107ea0eb2509f", HUB_BODY, 0, SIGN_WRONG},
    {"an odd number of digits", &sign_hub, HUB_SECRET, NULL, HUB "757", HUB_BODY, 0, SIGN_WRONG},
    {"a digest and more", &sign_hub, HUB_SECRET, NULL, HUB HUB_HEX "00", HUB_BODY, 0, SIGN_WRONG},
    {"a very long one", &sign_hub, HUB_SECRET, NULL, HUB HUB_HEX HUB_HEX HUB_HEX HUB_HEX, HUB_BODY, 0, SIGN_WRONG},
    {"no hex at all", &sign_hub, HUB_SECRET, NULL,
     HUB "zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", HUB_BODY, 0, SIGN_WRONG},
    /* HMAC-SHA256 with the empty key over the empty body: right by the arithmetic. */
    {"an empty key never opens", &sign_hub, "", NULL,
     HUB "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "", 0, SIGN_WRONG},
};

static const struct row standard_rows[] = {
    {"the reference vector", &sign_standard, STD_SECRET, NULL, STD STD_GOOD, STD_BODY, STD_MS, SIGN_GOOD},
    {"by its older names", &sign_standard, STD_SECRET, NULL,
     "svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nsvix-timestamp: 1614265330\nsvix-signature: " STD_GOOD, STD_BODY, STD_MS, SIGN_GOOD},
    {"a secret written without its prefix", &sign_standard, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL, STD STD_GOOD, STD_BODY, STD_MS, SIGN_GOOD},
    {"the right one among several", &sign_standard, STD_SECRET, NULL, STD STD_OTHER " v1a,xxxx " STD_GOOD, STD_BODY, STD_MS, SIGN_GOOD},
    {"the right one first", &sign_standard, STD_SECRET, NULL, STD STD_GOOD " " STD_OTHER, STD_BODY, STD_MS, SIGN_GOOD},
    {"the seventeenth is not looked at", &sign_standard, STD_SECRET, NULL,
     STD "a a a a a a a a a a a a a a a a " STD_GOOD, STD_BODY, STD_MS, SIGN_WRONG},
    {"another id", &sign_standard, STD_SECRET, NULL, "webhook-id: msg_other\n" STD_TIME "webhook-signature: " STD_GOOD, STD_BODY, STD_MS, SIGN_WRONG},
    {"another time", &sign_standard, STD_SECRET, NULL, STD_ID "webhook-timestamp: 1614265331\nwebhook-signature: " STD_GOOD, STD_BODY, STD_MS, SIGN_WRONG},
    {"another secret", &sign_standard, STD_OTHER_SECRET, NULL, STD STD_GOOD, STD_BODY, STD_MS, SIGN_WRONG},
    {"a secret that is no base64", &sign_standard, "whsec_!!", NULL, STD STD_GOOD, STD_BODY, STD_MS, SIGN_WRONG},
    /* The right HMAC under the empty key. */
    {"a mark with no key behind it is none", &sign_standard, "whsec_", "whsec_", STD "v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g=", STD_BODY, STD_MS, SIGN_WRONG},
    {"the digest without its version", &sign_standard, STD_SECRET, NULL, STD "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", STD_BODY, STD_MS, SIGN_WRONG},
    {"no time", &sign_standard, STD_SECRET, NULL, STD_ID "webhook-signature: " STD_GOOD, STD_BODY, STD_MS, SIGN_MISSING},
    {"no signature", &sign_standard, STD_SECRET, NULL, STD_ID STD_TIME, STD_BODY, STD_MS, SIGN_MISSING},
    {"an empty signature", &sign_standard, STD_SECRET, NULL, STD, STD_BODY, STD_MS, SIGN_WRONG},
};

static const struct row other_rows[] = {
    {"Ghost's members in another order", &sign_ghost, SECRET, NULL, "X-Ghost-Signature: t=" T ",sha256=" GHOST_HEX, BODY, T_MS, SIGN_GOOD},
    {"Ghost as it was before July 2024, which is another scheme", &sign_ghost, SECRET, NULL,
     "X-Ghost-Signature: sha256=" PLAIN_HEX ", t=" T, BODY, T_MS, SIGN_WRONG},
    {"Ghost of today by the old scheme", &sign_ghost_old, SECRET, NULL, "X-Ghost-Signature: sha256=" GHOST_HEX ", t=" T, BODY, T_MS, SIGN_WRONG},
    {"Ghost with another time", &sign_ghost, SECRET, NULL, "X-Ghost-Signature: sha256=" GHOST_HEX ", t=1790000000001", BODY, T_MS, SIGN_WRONG},
    {"a member whose name only begins so", &sign_ghost, SECRET, NULL, "X-Ghost-Signature: sha2567=" GHOST_HEX ", t=" T, BODY, T_MS, SIGN_MISSING},
    {"nothing but commas", &sign_ghost, SECRET, NULL, "X-Ghost-Signature: ,, , ,", BODY, T_MS, SIGN_MISSING},
    {"Sanity's, padded and in the other alphabet", &sign_sanity, SECRET, NULL,
     "sanity-webhook-signature: t=" T ",v1=DohtOnYD08Mrm+5NsBn1TkmXw2H9tzOIcjaDvkanXo4=", BODY, T_MS, SIGN_GOOD},
    {"Hygraph from another environment than it says", &sign_hygraph, SECRET, NULL,
     "gcms-signature: sign=" HYGRAPH_64 ", env=staging, t=" T, BODY, T_MS, SIGN_WRONG},
    {"Hygraph without its environment", &sign_hygraph, SECRET, NULL, "gcms-signature: sign=" HYGRAPH_64 ", t=" T, BODY, T_MS, SIGN_WRONG},
    {"Contentful's names in any case and order", &sign_contentful, A16 A16 A16 A16, NULL,
     CONTENTFUL_HEADERS "x-contentful-signed-headers: X-Contentful-Topic, x-contentful-timestamp,X-CONTENTFUL-SIGNED-HEADERS,content-type\nx-contentful-signature: 363f478aec06dc8dab1586ebb3a55288804267084de68c09b3f40935ee6d3e8e", BODY, T_MS, SIGN_GOOD},
    {"Contentful, a header that is signed and not there", &sign_contentful, A16 A16 A16 A16, NULL,
     CONTENTFUL_HEADERS "x-contentful-signed-headers: " CONTENTFUL_NAMES ",x-gone\nx-contentful-signature: " CONTENTFUL_HEX, BODY, T_MS, SIGN_WRONG},
    {"Contentful, signed without its time: could be of any day", &sign_contentful, A16 A16 A16 A16, NULL,
     "x-contentful-timestamp: " T "\nx-contentful-signed-headers: x-contentful-signed-headers\nx-contentful-signature: 5e5d379253bc95a08a9ac17d19ea2ba4e79b2fa6a0a10dc267d5d339894428e0", BODY, T_MS, SIGN_WRONG},
    {"Contentful without the list", &sign_contentful, A16 A16 A16 A16, NULL,
     CONTENTFUL_HEADERS "x-contentful-signature: " CONTENTFUL_HEX, BODY, T_MS, SIGN_WRONG},
    {"Superdesk's prefix is needed", &sign_superdesk, SECRET, NULL, "x-superdesk-signature: " SHA1_HEX, BODY, T_MS, SIGN_WRONG},
    {"a source without a scheme takes everybody", &sign_none, NULL, NULL, NULL, "x", 0, SIGN_GOOD},
};

static const struct row token_rows[] = {
    {"a bearer token in lower case", &sign_token, SECRET, NULL, "authorization: bearer " SECRET, "", 0, SIGN_GOOD},
    {"user name and password", &sign_token, SECRET, NULL, "Authorization: Basic Y3JpZXI6czNjcjN0LWtleQ==", "", 0, SIGN_GOOD},
    {"the user name is no password", &sign_token, SECRET, NULL, "Authorization: Basic czNjcjN0LWtleTp4", "", 0, SIGN_WRONG},
    {"no colon", &sign_token, SECRET, NULL, "Authorization: Basic czNjcjN0LWtleQ==", "", 0, SIGN_WRONG},
    {"in the newsroom's own header", &sign_token, SECRET, NULL, "X-Token: " SECRET, "", 0, SIGN_GOOD},
    {"the old one too", &sign_token, "another-secret", SECRET, "X-Token: " SECRET, "", 0, SIGN_GOOD},
    {"a byte less", &sign_token, SECRET, NULL, "X-Token: s3cr3t-ke", "", 0, SIGN_WRONG},
    {"a byte more", &sign_token, SECRET, NULL, "X-Token: " SECRET "y", "", 0, SIGN_WRONG},
    {"an empty one against none", &sign_token, NULL, NULL, "Authorization: Bearer ", "", 0, SIGN_WRONG},
    {"another way of logging in", &sign_token, SECRET, NULL, "Authorization: Digest " SECRET, "", 0, SIGN_WRONG},
    {"wrong here, right there", &sign_token, SECRET, NULL, "Authorization: Bearer x\nX-Token: " SECRET, "", 0, SIGN_GOOD},
};
/* clang-format on */

static void github_signatures_are_checked_over_the_raw_body(void **state)
{
    (void)state;
    check_rows(hub_rows, ARRAY_LEN(hub_rows));
}

static void standard_webhooks_are_checked_with_id_and_time(void **state)
{
    (void)state;
    check_rows(standard_rows, ARRAY_LEN(standard_rows));
}

static void what_differs_from_vendor_to_vendor_is_checked(void **state)
{
    (void)state;
    check_rows(other_rows, ARRAY_LEN(other_rows));
}

static void tokens_are_found_where_senders_can_put_them(void **state)
{
    struct secret secret = {0}, none = {0};
    const struct sign_keys keys = {.secret = &secret, .old_secret = &none};
    struct call_kit kit = {.query = "token=" SECRET};
    struct source_call call = call_kit_call(&kit, "", 0, 0);

    (void)state;
    check_rows(token_rows, ARRAY_LEN(token_rows));
    secret_take(&secret, mem_strdup(SECRET));
    assert_int_equal(sign_check(&sign_token, &keys, &call), SIGN_GOOD); /* ?token= */
    kit.query = "token=other";
    assert_int_equal(sign_check(&sign_token, &keys, &call), SIGN_WRONG);
    kit.query = NULL;
    assert_int_equal(sign_check(&sign_token, &keys, &call), SIGN_MISSING);
    call.rest = SECRET;
    assert_int_equal(sign_check(&sign_token, &keys, &call), SIGN_GOOD); /* /hooks/NAME/TOKEN */
    call_kit_done(&kit);
    secret_done(&secret);
}

static void contentful_signs_path_and_query_as_javascript_escapes_them(void **state)
{
    /* node: crypto.createHmac("sha256", secret).update(["POST", encodeURI("/hook?" +
     * querystring.escape("a=b%20c&d=ä")), "x-contentful-signed-headers:…;x-contentful-timestamp:…",
     * "{}"].join("\n")) */
    static const char headers[] =
        "x-contentful-timestamp: " T "\n"
        "x-contentful-signed-headers:  X-Contentful-Timestamp, x-contentful-signed-headers \n"
        "x-contentful-signature: "
        "97c6f422559370c482ef38b169c9a62d782ff0a1d37e9b9bd6950a91ddfcdb43";
    struct call_kit kit = {.headers = headers};
    struct source_call call = call_kit_call(&kit, "{}", 2, T_MS);
    struct secret secret = {0}, none = {0};
    const struct sign_keys keys = {
        .secret = &secret, .old_secret = &none, .window_ms = WINDOW_MS};

    (void)state;
    secret_take(&secret, mem_strdup(A16 A16 A16 A16));
    call.target = "/hook?a=b%20c&d=\xc3\xa4";
    assert_int_equal(sign_check(&sign_contentful, &keys, &call), SIGN_GOOD);
    call.target = "/hook?a=b%20c";
    assert_int_equal(sign_check(&sign_contentful, &keys, &call), SIGN_WRONG);
    call_kit_done(&kit);
    secret_done(&secret);
}

static void a_profile_that_contradicts_itself_is_refused(void **state)
{
    static char x[] = "X", body[] = "{body}", id[] = "{id}", time_body[] = "{body}{timestamp}",
                id_body[] = "{id}.{body}";
    static const struct {
        struct sign_profile p;
        const char *why;
    } rows[] = {
        {{.content = body}, "hmac.header: is needed with signature: hmac"},
        {{.header = x, .content = id},
         "hmac.content: lacks {body}, so that any body would be taken as genuine"},
        {{.header = x, .content = time_body},
         "hmac.content: has {timestamp}, so hmac.timestamp_header is needed"},
        {{.header = x, .content = id_body},
         "hmac.content: has {id}, so hmac.id_header is needed"},
    };
    struct err why;

    (void)state;
    assert_int_equal(sign_profile_check(&profile, &why), ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(sign_profile_check(&rows[i].p, &why), ERR_INVALID);
        assert_string_equal(why.text, rows[i].why);
    }
}

static int nothing_is_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vendor_is_taken_as_he_signs),
        cmocka_unit_test(github_signatures_are_checked_over_the_raw_body),
        cmocka_unit_test(standard_webhooks_are_checked_with_id_and_time),
        cmocka_unit_test(what_differs_from_vendor_to_vendor_is_checked),
        cmocka_unit_test(tokens_are_found_where_senders_can_put_them),
        cmocka_unit_test(contentful_signs_path_and_query_as_javascript_escapes_them),
        cmocka_unit_test(a_profile_that_contradicts_itself_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, nothing_is_left);
}
