/* Secrets are overwritten where their memory is given back: read from a settings file, from the
 * environment and from files, put into requests of every adapter, compared with signatures. The linker
 * puts a heap in place here that gives out zeros and looks into each block that comes back. What libraries
 * keep in memory of their own (libyaml, Jansson, libcurl) is theirs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/problem.h"
#include "service/crier.h"
#include "service/preview.h"
#include "sources/sign.h"
#include "tests/support/call_kit.h"

/* ---- what is given back, looked into ---- */

/* All of them begin so; none of it is in any other text here. */
#define MARK "plantedQ7x"

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
void __real_free(void *ptr);
void *__real_malloc(size_t len);
void __wrap_free(void *ptr);
void *__wrap_malloc(size_t len);
void *__wrap_realloc(void *ptr, size_t len);

static bool looking;
static int leaks;
static char first_leak[200];

static void look_into(const char *block)
{
    size_t len = block == NULL || !looking ? 0 : malloc_usable_size((void *)(uintptr_t)block);
    const char *at = len == 0 ? NULL : memmem(block, len, MARK, strlen(MARK));

    if (at == NULL) {
        return;
    }
    if (leaks++ == 0) {
        size_t before = (size_t)(at - block) < 60 ? (size_t)(at - block) : 60;
        size_t after = (size_t)(block + len - at);

        (void)snprintf(first_leak,
                       sizeof first_leak,
                       "%.*s",
                       (int)(before + (after < 60 ? after : 60)),
                       at - before);
    }
}

void __wrap_free(void *ptr)
{
    look_into(ptr);
    __real_free(ptr);
}

/* What somebody else left in a block is not ours to answer for. */
void *__wrap_malloc(size_t len)
{
    void *block = __real_malloc(len);

    if (block != NULL) {
        memset(block, 0, malloc_usable_size(block));
    }
    return block;
}

/* It may move, and leave what was there where it was. */
void *__wrap_realloc(void *ptr, size_t len)
{
    size_t had = ptr == NULL ? 0 : malloc_usable_size(ptr);
    char *moved = __wrap_malloc(len);

    if (moved != NULL && had > 0) {
        memcpy(moved, ptr, had < len ? had : len);
        __wrap_free(ptr);
    }
    return moved;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void look(void)
{
    leaks = 0;
    first_leak[0] = '\0';
    looking = true;
}

static void insist_on_none(void)
{
    looking = false;
    if (leaks > 0) {
        fail_msg("%d blocks were given back with a secret in them, the first: %s",
                 leaks,
                 first_leak);
    }
}

/* ---- settings with a secret wherever one can stand ---- */

static const char settings[] =
    "site: {name: Example News, url: https://news.example}\n"
    "server: {token: " MARK "-of-the-api-0123456789}\n"
    "sources:\n"
    "  cms: {type: json, secret: " MARK "-of-the-cms, old_secret: '" MARK "-of-before'}\n"
    "channels:\n"
    "  telegram: {type: telegram, token: '12:" MARK "-telegram', chat: '@example'}\n"
    "  mastodon: {type: mastodon, instance: https://mastodon.example, token: ${PLANTED}}\n"
    "  bluesky: {type: bluesky, identifier: news.example, password: \"${file:planted}\"}\n"
    "  partner:\n"
    "    type: webhook\n"
    "    url: https://partner.example/hook\n"
    "    secret: " MARK "-of-the-partner\n"
    "    old_secret: " MARK "-of-the-partner-before\n"
    "    headers: {X-Api-Key: " MARK "-in-a-header, Authorization: Bearer " MARK "}\n";

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static char folder[] = "/tmp/crier-wiped-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    write_file("crier.yaml", settings);
    write_file("planted", MARK "-from-a-file\n");
    return setenv("PLANTED", MARK "-from-the-environment", 1);
}

static int leave_folder(void **state)
{
    (void)state;
    (void)unlink("crier.yaml");
    (void)unlink("planted");
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static struct config *load(const char *path)
{
    struct config_types types = crier_config_types();
    struct problems problems;
    struct config *config = NULL;

    problems_init(&problems);
    if (config_load(&config, path, &types, &problems, NULL) != ERR_NONE) {
        config = NULL;
    }
    problems_done(&problems);
    return config;
}

static void a_settings_file_leaves_none_behind(void **state)
{
    struct config *config;

    (void)state;
    look();
    config = load("crier.yaml");
    assert_non_null(config);
    assert_non_null(strstr(config->server.token.text, MARK));
    config_unref(config);
    insist_on_none();
}

static void nor_does_one_with_mistakes(void **state)
{
    static const char *const more[] = {
        "server: {token: [" MARK "]}\n",
        "server: {tokn: " MARK "-of-the-api-0123456789}\nchannels: {}\n",
        "server:\n  token: " MARK "\n :\n",
        "server: {token: \"" MARK "-of\\nthe-api-0123456789\"}\nchannels: {}\n",
        "channels: {a: {type: telegram, token: {deep: " MARK "}}}\n",
        "channels: {a: {type: webhook, headers: [" MARK "]}}\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        write_file("wrong.yaml", more[i]);
        look();
        assert_null(load("wrong.yaml"));
        insist_on_none();
    }
    assert_int_equal(unlink("wrong.yaml"), 0);
}

static void requests_of_every_adapter_leave_none_behind(void **state)
{
    struct config *config = load("crier.yaml");
    json_t *article = json_pack(
        "{s:s, s:s}", "url", "https://news.example/a", "title", "Harbour bridge closed");
    struct article_faults faults = {0};
    json_t *shown = NULL;
    struct err why = {0};
    char *text;

    (void)state;
    assert_non_null(config);
    look();
    assert_int_equal(
        preview_article(
            &shown, config, article, "api", NULL, INT64_C(1790000000000), &faults, &why),
        0);
    insist_on_none();
    text = json_dumps(shown, 0);
    assert_null(strstr(text, MARK));
    assert_non_null(strstr(text, "***")); /* they were in use */
    free(text);                           /* Jansson's */
    json_decref(shown);
    json_decref(article);
    config_unref(config);
}

static void a_signature_that_is_checked_leaves_none_behind(void **state)
{
    static const struct sign_scheme *const schemes[] = {&sign_hub, &sign_standard, &sign_token};
    /* base64 of user:plantedQ7x */
    struct call_kit kit = {.headers = "X-Hub-Signature-256: sha256=00\nwebhook-id: m\n"
                                      "webhook-timestamp: 1\nwebhook-signature: v1,AAAA\n"
                                      "Authorization: Basic dXNlcjpwbGFudGVkUTd4"};
    struct source_call call = call_kit_call(&kit, "body", 4, 0);

    (void)state;
    look();
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct secret secret = {0}, old_secret = {0};
        const struct sign_keys keys = {
            .secret = &secret, .old_secret = &old_secret, .window_ms = MS_MINUTE};

        secret_take(&secret, mem_strdup(MARK "-of-the-source"));
        /* base64 of plantedQ7x-and-more-than-24-bytes */
        secret_take(&old_secret,
                    mem_strdup("whsec_cGxhbnRlZFE3eC1hbmQtbW9yZS10aGFuLTI0LWJ5dGVz"));
        assert_int_equal(sign_check(schemes[i], &keys, &call), SIGN_WRONG);
        secret_done(&secret);
        secret_done(&old_secret);
    }
    insist_on_none();
    call_kit_done(&kit);
}

/* The ear works: what is not a secret's memory is heard. */
static void what_is_merely_freed_would_be_heard(void **state)
{
    (void)state;
    look();
    mem_free(mem_strdup("a " MARK " in plain memory"));
    looking = false;
    assert_int_equal(leaks, 1);
    assert_string_equal(first_leak, "a " MARK " in plain memory");
}

static void a_secret_buffer_grows_without_leaving_any(void **state)
{
    struct buf b;

    (void)state;
    look();
    buf_init_secret(&b, 100000);
    for (int i = 0; i < 1000; i++) {
        buf_adds(&b, MARK "-again-and-again ");
    }
    buf_done(&b);
    insist_on_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_merely_freed_would_be_heard),
        cmocka_unit_test(a_secret_buffer_grows_without_leaving_any),
        cmocka_unit_test(a_settings_file_leaves_none_behind),
        cmocka_unit_test(nor_does_one_with_mistakes),
        cmocka_unit_test(requests_of_every_adapter_leave_none_behind),
        cmocka_unit_test(a_signature_that_is_checked_leaves_none_behind),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
