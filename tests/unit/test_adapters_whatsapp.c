/* WhatsApp: numbers as people write them, and what Meta's webhooks say. Its messages and answers are in the
 * dialogues. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/whatsapp_internal.h"
#include "base/crypto.h"
#include "base/mem.h"

/* ---- numbers ---- */

static void numbers_are_taken_as_people_write_them(void **state)
{
    static const struct {
        const char *text, *address;
    } rows[] = {
        {"+4915112345678", "+4915112345678"},
        {"4915112345678", "+4915112345678"},
        {"0049 (151) 123-45.678", "+4915112345678"},
        {"+1 555/000 1111", "+15550001111"},
        {"+123456789012345", "+123456789012345"},
        {"+1234567890123456", NULL}, /* 16 digits */
        {"+123456", NULL},
        {"015112345678", NULL}, /* without its country */
        {"", NULL},
        {"+", NULL},
        {"+49 151 x", NULL},
        {"+49+151123456", NULL},
        {"reader@news.example", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[MEMBER_ADDRESS_BYTES] = "";
        bool good = whatsapp__address(rows[i].text, out);

        if (good != (rows[i].address != NULL)) {
            fail_msg("%s", rows[i].text);
        }
        if (good) {
            assert_string_equal(out, rows[i].address);
        }
    }
}

static void three_countries_have_two_forms_of_a_number(void **state)
{
    static const char *const pairs[][2] = {
        {"+5215512345678", "+525512345678"}, /* Mexico */
        {"+5491123456789", "+541123456789"}, /* Argentina */
        {"+5511987654321", "+551187654321"}, /* Brazil */
    };
    char out[MEMBER_ADDRESS_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        assert_true(whatsapp__other_address(pairs[i][0], out));
        assert_string_equal(out, pairs[i][1]);
        assert_true(whatsapp__other_address(pairs[i][1], out));
        assert_string_equal(out, pairs[i][0]);
    }
    assert_false(whatsapp__other_address("+4915112345678", out));
    assert_false(whatsapp__other_address("+52551234567", out));
}

static void a_mask_shows_neither_who_nor_enough_to_guess(void **state)
{
    char out[MEMBER_ADDRESS_BYTES];

    (void)state;
    member_mask(out, "+4915112345678");
    assert_string_equal(out, "+49…78");
    member_mask(out, "+1234");
    assert_string_equal(out, "…");
}

static void a_message_has_a_name_that_leads_back(void **state)
{
    char name[64], delivery[32];
    uint64_t member = 0;

    (void)state;
    member_name(name, "dlv_0000000000001", UINT64_C(9223372036854775807));
    assert_true(member_name_read(name, delivery, &member));
    assert_string_equal(delivery, "dlv_0000000000001");
    assert_true(member == UINT64_C(9223372036854775807));
    assert_false(member_name_read("story:", delivery, &member));
    assert_false(member_name_read(":7", delivery, &member));
    assert_false(member_name_read("dlv_1:0", delivery, &member));
    assert_false(
        member_name_read("dlv_00000000000000000000000000000000001:7", delivery, &member));
}

/* ---- webhooks ---- */

static char number[] = "106540352242922", secret[] = "app-secret", verify[] = "verify-me";
static char own_word[] = "basta", *own_words[] = {own_word};
static const struct whatsapp_settings settings = {
    .phone_number_id = number,
    .app_secret = {secret, sizeof secret - 1},
    .verify_token = {verify, sizeof verify - 1},
    .stop_words = {own_words, 1},
};

#define VALUE(rest)                                                                            \
    "{\"entry\":[{\"changes\":[{\"field\":\"messages\",\"value\":{\"metadata\":{\"phone_"      \
    "number_id\":\"106540352242922\"}," rest "}}]}]}"

static struct member_news_list read_hook(const char *body)
{
    const struct audience_call call = {.body = body, .body_len = strlen(body)};
    struct member_news_list list;

    assert_true(whatsapp__read_hook(&settings, &call, &list));
    return list;
}

static void statuses_are_told_of_messages_of_ours(void **state)
{
    struct member_news_list list = read_hook(VALUE(
        "\"statuses\":["
        "{\"id\":\"w1\",\"status\":\"sent\",\"biz_opaque_callback_data\":\"dlv_1:7\"},"
        "{\"id\":\"w2\",\"status\":\"read\",\"biz_opaque_callback_data\":\"dlv_1:8\"},"
        "{\"id\":\"w3\",\"status\":\"failed\",\"biz_opaque_callback_data\":\"dlv_1:9\","
        "\"errors\":[{\"code\":131026,\"title\":\"Undeliverable\"}]},"
        "{\"id\":\"w4\",\"status\":\"failed\",\"biz_opaque_callback_data\":\"dlv_1:10\","
        "\"errors\":[{\"code\":131048,\"title\":\"Spam\"}]},"
        "{\"id\":\"w5\",\"status\":\"failed\",\"biz_opaque_callback_data\":\"dlv_1:11\"},"
        "{\"id\":\"w6\",\"status\":\"sent\"},"
        "{\"id\":\"w7\",\"status\":\"warning\",\"biz_opaque_callback_data\":\"dlv_1:12\"}]"));

    (void)state;
    assert_int_equal(list.count, 5);
    assert_int_equal(list.v[0].status, MEMBER_WAS_SENT);
    assert_string_equal(list.v[0].name, "dlv_1:7");
    assert_int_equal(list.v[1].status, MEMBER_WAS_READ);
    assert_int_equal(list.v[2].outcome, MEMBER_UNDELIVERABLE);
    assert_false(list.v[2].stops_channel);
    assert_int_equal(list.v[3].outcome, MEMBER_REFUSED);
    assert_true(list.v[3].stops_channel);
    assert_int_equal(list.v[4].outcome, MEMBER_REFUSED);
    mem_free(list.v);
}

static void words_that_end_and_renew_are_known_in_many_languages(void **state)
{
    static const struct {
        const char *text;
        int kind; /* -1: no command */
    } rows[] = {
        {"STOP", NEWS_STOP},
        {" stop. ", NEWS_STOP},
        {"*Stop*!", NEWS_STOP},
        {"arr\\u00EAt", NEWS_STOP},
        {"ARR\\u00CAT", NEWS_STOP},
        {"\\u505c\\u6b62", NEWS_STOP},
        {"Basta", NEWS_STOP},
        {"START", NEWS_START},
        {"Abonnieren", NEWS_START},
        {"stop the war", -1},
        {"don't stop", -1},
        {"", -1},
        {"...", -1},
        {"restart", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *body = mem_printf(VALUE("\"messages\":[{\"from\":\"5215512345678\",\"type\":"
                                      "\"text\",\"text\":{\"body\":\"%s\"}}]"),
                                rows[i].text);
        struct member_news_list list = read_hook(body);

        if (list.count != (rows[i].kind < 0 ? 0 : 1) ||
            (list.count == 1 && (int)list.v[0].kind != rows[i].kind)) {
            fail_msg("%s", rows[i].text);
        }
        if (list.count == 1) {
            assert_string_equal(list.v[0].address, "+5215512345678");
            assert_string_equal(list.v[0].other, "+525512345678");
        }
        mem_free(list.v);
        mem_free(body);
    }
}

static void a_button_and_a_preference_are_words_too(void **state)
{
    struct member_news_list list = read_hook(
        VALUE("\"messages\":[{\"from\":\"4915112345678\",\"type\":\"button\",\"button\":"
              "{\"text\":\"Unsubscribe\"}},{\"from\":\"4915112345678\",\"type\":"
              "\"image\"}],\"user_preferences\":[{\"wa_id\":\"4915112345678\","
              "\"category\":\"marketing_messages\",\"value\":\"stop\"},{\"wa_id\":"
              "\"4915112345678\",\"category\":\"marketing_messages\",\"value\":"
              "\"resume\"},{\"wa_id\":\"4915112345678\",\"category\":\"other\","
              "\"value\":\"stop\"}]"));

    (void)state;
    assert_int_equal(list.count, 3);
    assert_int_equal(list.v[0].kind, NEWS_STOP);
    assert_int_equal(list.v[1].kind, NEWS_STOP);
    assert_int_equal(list.v[2].kind, NEWS_START);
    mem_free(list.v);
}

static void what_is_of_another_number_or_makes_no_sense_is_left(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"entry\":1}",
        "{\"entry\":[{\"changes\":[{\"value\":{\"statuses\":[{\"status\":\"sent\"}]}}]}]}",
        "{\"entry\":[{\"changes\":[{\"value\":{\"metadata\":{\"phone_number_id\":\"1\"},"
        "\"statuses\":[{\"status\":\"sent\",\"biz_opaque_callback_data\":\"dlv_1:7\"}]}}]}]}",
        VALUE("\"statuses\":{},\"messages\":[1,null,{\"text\":{\"body\":\"STOP\"}}]"),
    };
    static const struct audience_call no_json = {.body = "[]", .body_len = 2};
    struct member_news_list list;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        list = read_hook(bodies[i]);
        assert_int_equal(list.count, 0);
        mem_free(list.v);
    }
    assert_false(whatsapp__read_hook(&settings, &no_json, &list));
}

static void a_call_is_believed_by_its_signature_only(void **state)
{
    static const char body[] = "{\"entry\":[]}";
    const struct whatsapp_settings unsigned_settings = {.phone_number_id = number};
    char header[8 + SHA256_HEX_BYTES] = "sha256=";
    uint8_t mac[SHA256_BYTES];
    struct audience_call call = {.body = body, .body_len = sizeof body - 1};

    (void)state;
    assert_int_equal(whatsapp__check(&settings, &call), AUDIENCE_UNSIGNED);
    crypto_hmac_sha256(secret, sizeof secret - 1, body, sizeof body - 1, mac);
    (void)crypto_hex(mac, sizeof mac, header + 7);
    call.signature = header;
    assert_int_equal(whatsapp__check(&settings, &call), AUDIENCE_GOOD);
    assert_int_equal(whatsapp__check(&unsigned_settings, &call), AUDIENCE_NO_SECRET);
    call.body_len--;
    assert_int_equal(whatsapp__check(&settings, &call), AUDIENCE_WRONG);
    call.signature = "sha256=";
    assert_int_equal(whatsapp__check(&settings, &call), AUDIENCE_WRONG);
}

static void the_question_is_answered_to_who_knows_the_word(void **state)
{
    const struct whatsapp_settings none = {.phone_number_id = number};

    (void)state;
    assert_string_equal(whatsapp__challenge(&settings, "subscribe", "verify-me", "42"), "42");
    assert_null(whatsapp__challenge(&settings, "subscribe", "verify", "42"));
    assert_null(whatsapp__challenge(&settings, "unsubscribe", "verify-me", "42"));
    assert_null(whatsapp__challenge(&settings, "subscribe", "verify-me", NULL));
    assert_null(whatsapp__challenge(&settings, NULL, NULL, NULL));
    assert_null(whatsapp__challenge(&none, "subscribe", "", "42"));
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_taken_as_people_write_them),
        cmocka_unit_test(three_countries_have_two_forms_of_a_number),
        cmocka_unit_test(a_mask_shows_neither_who_nor_enough_to_guess),
        cmocka_unit_test(a_message_has_a_name_that_leads_back),
        cmocka_unit_test(statuses_are_told_of_messages_of_ours),
        cmocka_unit_test(words_that_end_and_renew_are_known_in_many_languages),
        cmocka_unit_test(a_button_and_a_preference_are_words_too),
        cmocka_unit_test(what_is_of_another_number_or_makes_no_sense_is_left),
        cmocka_unit_test(a_call_is_believed_by_its_signature_only),
        cmocka_unit_test(the_question_is_answered_to_who_knows_the_word),
        cmocka_unit_test(nothing_stays_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
