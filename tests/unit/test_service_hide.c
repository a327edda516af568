/* Secrets out of texts: in every form they may stand there, and nothing else. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/secret.h"
#include "service/hide.h"

#define TOKEN "12345:a \"b\"/c-token"
#define HEADER "key-of-the-partner"

struct own {
    struct secret token, empty;
    struct pairs headers;
    char *url, *login, *user, *other;
};

static const struct field fields[] = {
    {.key = "token", .kind = FIELD_SECRET, .offset = offsetof(struct own, token)},
    {.key = "empty", .kind = FIELD_SECRET, .offset = offsetof(struct own, empty)},
    {.key = "headers", .kind = FIELD_MAP, .offset = offsetof(struct own, headers)},
    {.key = "url", .kind = FIELD_URL, .offset = offsetof(struct own, url)},
    {.key = "login", .kind = FIELD_URL, .offset = offsetof(struct own, login)},
    {.key = "user", .kind = FIELD_STRING, .offset = offsetof(struct own, user)},
    {.key = "chat", .kind = FIELD_STRING, .offset = offsetof(struct own, other)},
    FIELD_END,
};

struct channel {
    struct pair pairs[2];
    struct own own;
    struct config_type type;
    struct channel_settings settings;
};

static void channel_init(struct channel *c)
{
    static char token[] = TOKEN, key[] = "X-Api-Key", value[] = HEADER, kind[] = "X-Kind",
                public[] = "nothing-secret", url[] = "https://partner.example/hook",
                user[] = "desk", other[] = "room",
                login[] = "https://ada:p%40ss-w0rd@in.example/x?lang=de&api_key=k3y%2Fof-mine";

    memset(c, 0, sizeof *c);
    c->pairs[0] = (struct pair){.key = key, .value = value};
    c->pairs[1] = (struct pair){.key = kind, .value = public};
    c->own = (struct own){.token = {.text = token, .len = sizeof token - 1},
                          .headers = {.v = c->pairs, .count = 2},
                          .url = url,
                          .login = login,
                          .user = user,
                          .other = other};
    c->type = (struct config_type){.name = "test", .settings = fields};
    c->settings = (struct channel_settings){.type = &c->type, .own = &c->own};
}

static void every_form_of_a_secret_is_found(void **state)
{
    static const struct {
        const char *sentence, *text, *want;
    } rows[] = {
        {"as it is", "you sent " TOKEN "!", "you sent ***!"},
        {"twice, side by side", TOKEN TOKEN, "******"},
        {"in an address", "/bot12345%3Aa%20%22b%22%2Fc-token/x", "/bot***/x"},
        {"inside a JSON string", "{\"a\":\"12345:a \\\"b\\\"/c-token\"}", "{\"a\":\"***\"}"},
        {"in a header whose name says so", "[" HEADER "]", "[***]"},
        {"a header that is no credential stays", "nothing-secret", "nothing-secret"},
        {"the password of an address",
         "https://ada:p%40ss-w0rd@in.example",
         "https://ada:***@in.example"},
        {"as it is meant", "wrong password p@ss-w0rd", "wrong password ***"},
        {"with the name, as HTTP sends it", "Basic YWRhOnBAc3MtdzByZA==", "Basic ***"},
        {"with the name of the same settings, as Basic has them",
         "you sent Basic ZGVzazoxMjM0NTphICJiIi9jLXRva2Vu",
         "you sent Basic ***"},
        {"with what is no name of an account",
         "cm9vbToxMjM0NTphICJiIi9jLXRva2Vu",
         "cm9vbToxMjM0NTphICJiIi9jLXRva2Vu"},
        {"a key in an address", "/x?lang=de&api_key=k3y%2Fof-mine", "/x?lang=de&api_key=***"},
        {"as that is meant", "no k3y/of-mine known", "no *** known"},
        {"another parameter stays", "lang=de", "lang=de"},
        {"an address stays", "https://partner.example/hook", "https://partner.example/hook"},
        {"half a secret is another text", "12345:a \"b\"/c-tok", "12345:a \"b\"/c-tok"},
        {"nothing", "", ""},
    };
    struct channel c;

    (void)state;
    channel_init(&c);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text;

        buf_init(&text, 4096);
        buf_adds(&text, rows[i].text);
        hide_settings(&text, &c.settings, 1);
        if (strcmp(buf_str(&text), rows[i].want) != 0) {
            fail_msg("%s: %s, expected %s", rows[i].sentence, buf_str(&text), rows[i].want);
        }
        buf_done(&text);
    }
}

static void of_an_address_what_opens_it_is_found_alone(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"to "
         "https://chat.example/api/webhooks/12345678901234567890/"
         "abc%2Dhook-token-0001?sig=query-value-000001",
         "to ***"},
        {"to "
         "https://chat.example/api/v10/webhooks/12345678901234567890/abc%2Dhook-token-0001/"
         "messages/7",
         "to https://chat.example/api/v10/webhooks/12345678901234567890/***/messages/7"},
        {"{\"token\":\"abc-hook-token-0001\"}", "{\"token\":\"***\"}"},
        {"sig=query-value-000001", "sig=***"},
        {"webhooks, and chat.example", "webhooks, and chat.example"},
    };
    static char address[] = "https://chat.example/api/webhooks/12345678901234567890/"
                            "abc%2Dhook-token-0001?sig=query-value-000001";
    struct channel c;

    (void)state;
    channel_init(&c);
    c.own.token = (struct secret){.text = address, .len = sizeof address - 1};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text;

        buf_init(&text, 4096);
        buf_adds(&text, rows[i].text);
        hide_settings(&text, &c.settings, 1);
        assert_string_equal(buf_str(&text), rows[i].want);
        buf_done(&text);
    }
}

static void a_short_secret_stays_where_it_may_be_a_word(void **state)
{
    static char word[] = "news";
    struct channel c;
    struct buf text;

    (void)state;
    channel_init(&c);
    c.own.token = (struct secret){.text = word, .len = 4};
    buf_init(&text, 4096);
    buf_adds(&text, "no news today");
    hide_settings(&text, &c.settings, 8);
    assert_string_equal(buf_str(&text), "no news today");
    hide_settings(&text, &c.settings, 1);
    assert_string_equal(buf_str(&text), "no *** today");
    buf_done(&text);
}

/* An answer with that body, cleaned; compares all of its bytes. */
static void
answered(int status, const char *body, size_t len, const char *want, size_t want_len)
{
    struct out_exchange x = {.response.status = status};
    json_t *account =
        json_pack("{s:s, s:s}", "access", "session-token-0001", "did", "did:plc:abcdefgh");
    struct channel c;

    channel_init(&c);
    buf_init(&x.body, 4096);
    buf_add(&x.body, body, len);
    http_headers_add(
        &x.response.headers, "Location", 8, "/bot" TOKEN "/x", strlen("/bot" TOKEN "/x"));
    hide_in_answer(&x, &c.settings, account, NULL);
    assert_int_equal(x.response.body_len, want_len);
    assert_memory_equal(x.response.body, want, want_len);
    assert_string_equal(http_header(&x.response.headers, "location"),
                        status >= 300 ? "/bot***/x" : "/bot" TOKEN "/x");
    http_headers_done(&x.response.headers);
    buf_done(&x.body);
    json_decref(account);
}

static void answers_are_cleaned_before_they_are_read(void **state)
{
    static const char refusal[] =
        "\0bad session-token-0001 of did:plc:abcdefgh: " TOKEN "\0\xff";
    static const char cleaned[] = "\0bad *** of did:plc:abcdefgh: ***\0\xff";
    static const char renewed[] = "{\"refreshJwt\":\"session-token-0001\"}";

    (void)state;
    answered(401, refusal, sizeof refusal, cleaned, sizeof cleaned);
    answered(
        200, renewed, sizeof renewed, renewed, sizeof renewed); /* kept: it is the answer */
}

static void what_is_said_of_an_answer_is_cleaned(void **state)
{
    struct verdict v = verdict_make(VERDICT_AGAIN, SCOPE_POST, 0, "to /bot%s", TOKEN);
    json_t *account = json_object();
    struct channel c;

    (void)state;
    channel_init(&c);
    hide_in_detail(v.detail, sizeof v.detail, &c.settings, account, NULL);
    assert_string_equal(v.detail, "to /bot***");
    json_decref(account);
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_secret_is_found),
        cmocka_unit_test(of_an_address_what_opens_it_is_found_alone),
        cmocka_unit_test(a_short_secret_stays_where_it_may_be_a_word),
        cmocka_unit_test(answers_are_cleaned_before_they_are_read),
        cmocka_unit_test(what_is_said_of_an_answer_is_cleaned),
        cmocka_unit_test(nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
