/* Signatures of hook calls against published vectors: GitHub's documented example and the one
 * in the Standard Webhooks reference libraries; and everything that must not pass. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/signature.h"

#define HUB_SECRET "It's a Secret to Everybody"
#define HUB_BODY "Hello, World!"
#define HUB_GOOD "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

#define STD_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define STD_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define STD_TIME "1614265330"
#define STD_BODY "{\"test\": 2432232314}"
#define STD_GOOD "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define STD_OTHER "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define STD_NOW_MS (INT64_C(1614265330) * 1000)
#define WINDOW_MS (5 * MS_MINUTE)

static struct source_settings
source_of(int signature, const char *secret, const char *old_secret)
{
    struct source_settings s = {.signature = signature, .replay_window_ms = WINDOW_MS};

    secret_take(&s.secret, mem_strdup(secret));
    secret_take(&s.old_secret, mem_strdup(old_secret));
    return s;
}

static void source_done(struct source_settings *s)
{
    secret_done(&s->secret);
    secret_done(&s->old_secret);
}

static void hub_signatures_are_checked_over_the_raw_body(void **state)
{
    static const struct {
        const char *sentence, *secret, *old_secret, *body, *header;
        enum signature_verdict want;
    } rows[] = {
        {"GitHub's own example", HUB_SECRET, NULL, HUB_BODY, HUB_GOOD, SIGNATURE_GOOD},
        {"upper-case digits are the same number",
         HUB_SECRET,
         NULL,
         HUB_BODY,
         "sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17",
         SIGNATURE_GOOD},
        {"the secret before the last change still opens",
         "new",
         HUB_SECRET,
         HUB_BODY,
         HUB_GOOD,
         SIGNATURE_GOOD},
        {"a byte more in the body", HUB_SECRET, NULL, HUB_BODY " ", HUB_GOOD, SIGNATURE_WRONG},
        {"another secret",
         "It's a secret to everybody",
         NULL,
         HUB_BODY,
         HUB_GOOD,
         SIGNATURE_WRONG},
        {"no header", HUB_SECRET, NULL, HUB_BODY, NULL, SIGNATURE_MISSING},
        {"an empty header", HUB_SECRET, NULL, HUB_BODY, "", SIGNATURE_WRONG},
        {"the wrong algorithm's name",
         HUB_SECRET,
         NULL,
         HUB_BODY,
         "sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
         SIGNATURE_WRONG},
        {"half a digest",
         HUB_SECRET,
         NULL,
         HUB_BODY,
         "sha256=757107ea0eb2509f",
         SIGNATURE_WRONG},
        {"a digest and more", HUB_SECRET, NULL, HUB_BODY, HUB_GOOD "00", SIGNATURE_WRONG},
        {"no hex at all",
         HUB_SECRET,
         NULL,
         HUB_BODY,
         "sha256=zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
         SIGNATURE_WRONG},
        {"an empty secret signs nothing",
         "",
         NULL,
         HUB_BODY,
         "sha256=b1a4e3ee1bcd6d5ff0bb1c9e0e8d4d3f20a1f7a2c8d3b2f4f5e6d7c8b9a0f1e2",
         SIGNATURE_WRONG},
        {"no secret signs nothing", NULL, NULL, HUB_BODY, HUB_GOOD, SIGNATURE_WRONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct source_settings s = source_of(SIGN_HUB, rows[i].secret, rows[i].old_secret);
        const struct signature_call call = {
            .body = rows[i].body, .body_len = strlen(rows[i].body), .hub = rows[i].header};
        enum signature_verdict got = signature_check(&s, &call);

        if (got != rows[i].want) {
            fail_msg("%s: %s", rows[i].sentence, signature_explain(got));
        }
        source_done(&s);
    }
}

static void an_empty_key_never_opens(void **state)
{
    /* HMAC-SHA256 with the empty key over the empty body: right by the arithmetic. */
    const struct signature_call call = {
        .body = "",
        .hub = "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"};
    struct source_settings s = source_of(SIGN_HUB, "", NULL);

    (void)state;
    assert_int_equal(signature_check(&s, &call), SIGNATURE_WRONG);
    source_done(&s);
}

static const struct {
    const char *sentence, *secret, *old_secret, *id, *time, *header;
    int64_t late_ms;
    enum signature_verdict want;
} standard_rows[] = {
    {"the reference vector", STD_SECRET, NULL, STD_ID, STD_TIME, STD_GOOD, 0, SIGNATURE_GOOD},
    {"a secret written without its prefix",
     "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     NULL,
     STD_ID,
     STD_TIME,
     STD_GOOD,
     0,
     SIGNATURE_GOOD},
    {"the right one among several",
     STD_SECRET,
     NULL,
     STD_ID,
     STD_TIME,
     STD_OTHER " v1a,xxxx " STD_GOOD,
     0,
     SIGNATURE_GOOD},
    {"the right one first",
     STD_SECRET,
     NULL,
     STD_ID,
     STD_TIME,
     STD_GOOD " " STD_OTHER,
     0,
     SIGNATURE_GOOD},
    {"the secret before the last change",
     "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
     STD_SECRET,
     STD_ID,
     STD_TIME,
     STD_GOOD,
     0,
     SIGNATURE_GOOD},
    {"five minutes late is in time",
     STD_SECRET,
     NULL,
     STD_ID,
     STD_TIME,
     STD_GOOD,
     WINDOW_MS,
     SIGNATURE_GOOD},
    {"a moment later is not",
     STD_SECRET,
     NULL,
     STD_ID,
     STD_TIME,
     STD_GOOD,
     WINDOW_MS + 1,
     SIGNATURE_STALE},
    {"nor is a clock far ahead",
     STD_SECRET,
     NULL,
     STD_ID,
     STD_TIME,
     STD_GOOD,
     -WINDOW_MS - 1,
     SIGNATURE_STALE},
    {"another id", STD_SECRET, NULL, "msg_other", STD_TIME, STD_GOOD, 0, SIGNATURE_WRONG},
    {"another time", STD_SECRET, NULL, STD_ID, "1614265331", STD_GOOD, 0, SIGNATURE_WRONG},
    {"old and forged: nobody is told that it is old",
     STD_SECRET,
     NULL,
     STD_ID,
     STD_TIME,
     STD_OTHER,
     MS_DAY,
     SIGNATURE_WRONG},
    {"another secret",
     "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
     NULL,
     STD_ID,
     STD_TIME,
     STD_GOOD,
     0,
     SIGNATURE_WRONG},
    {"a secret that is no base64",
     "whsec_!!",
     NULL,
     STD_ID,
     STD_TIME,
     STD_GOOD,
     0,
     SIGNATURE_WRONG},
    {"the digest without its version",
     STD_SECRET,
     NULL,
     STD_ID,
     STD_TIME,
     "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
     0,
     SIGNATURE_WRONG},
    {"no id", STD_SECRET, NULL, NULL, STD_TIME, STD_GOOD, 0, SIGNATURE_MISSING},
    {"no time", STD_SECRET, NULL, STD_ID, NULL, STD_GOOD, 0, SIGNATURE_MISSING},
    {"no signature", STD_SECRET, NULL, STD_ID, STD_TIME, NULL, 0, SIGNATURE_MISSING},
    {"an empty signature", STD_SECRET, NULL, STD_ID, STD_TIME, "", 0, SIGNATURE_WRONG},
    {"no secret", NULL, NULL, STD_ID, STD_TIME, STD_GOOD, 0, SIGNATURE_WRONG},
};

static void standard_webhooks_are_checked_with_id_and_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof standard_rows / sizeof standard_rows[0]; i++) {
        struct source_settings s =
            source_of(SIGN_STANDARD, standard_rows[i].secret, standard_rows[i].old_secret);
        const struct signature_call call = {.body = STD_BODY,
                                            .body_len = strlen(STD_BODY),
                                            .id = standard_rows[i].id,
                                            .timestamp = standard_rows[i].time,
                                            .signature = standard_rows[i].header,
                                            .now_ms = STD_NOW_MS + standard_rows[i].late_ms};
        enum signature_verdict got = signature_check(&s, &call);

        if (got != standard_rows[i].want) {
            fail_msg("%s: %s", standard_rows[i].sentence, signature_explain(got));
        }
        source_done(&s);
    }
}

static void a_source_without_a_scheme_takes_everybody(void **state)
{
    struct source_settings s = source_of(SIGN_NONE, NULL, NULL);
    const struct signature_call call = {.body = "x", .body_len = 1};

    (void)state;
    assert_int_equal(signature_check(&s, &call), SIGNATURE_GOOD);
    source_done(&s);
}

static int nothing_is_left(void **state)
{
    (void)state;
    return mem_live_count() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hub_signatures_are_checked_over_the_raw_body),
        cmocka_unit_test(an_empty_key_never_opens),
        cmocka_unit_test(standard_webhooks_are_checked_with_id_and_time),
        cmocka_unit_test(a_source_without_a_scheme_takes_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, nothing_is_left);
}
