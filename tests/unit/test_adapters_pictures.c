/* What each channel takes of a picture: the adapter's own bound, what its settings make of it, what its
 * server told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/bluesky_internal.h"
#include "adapters/mastodon_internal.h"
#include "adapters/registry.h"
#include "base/mem.h"

static void a_card_takes_less_than_a_picture_on_bluesky(void **state)
{
    struct bluesky_settings settings = {.card = BLUESKY_CARD_AUTO};
    const struct step_ctx ctx = {.settings = &settings};
    const struct adapter *a = adapter_find("bluesky");

    (void)state;
    assert_int_equal(adapter_media_bounds(a, &ctx).max_bytes, 1000000);
    settings.card = BLUESKY_CARD_NEVER;
    assert_int_equal(adapter_media_bounds(a, &ctx).max_bytes, 2000000);
    assert_int_equal(adapter_media_bounds(a, &ctx).max_pixels, 0);
}

static void a_mastodon_server_may_take_less_than_most(void **state)
{
    static const struct {
        const char *learned;
        size_t max_bytes;
        int64_t max_pixels;
    } rows[] = {
        {NULL, 16777216, 33177600},
        {"{}", 16777216, 33177600},
        {"{\"image_bytes\": 4000000, \"image_pixels\": 8294400}", 4000000, 8294400},
        {"{\"image_bytes\": 99000000}", 16777216, 33177600},
        {"{\"image_bytes\": -1, \"image_pixels\": -1}", 16777216, 33177600},
    };
    char instance[] = "https://social.example";
    struct mastodon_settings settings = {.instance = instance};
    struct step_ctx ctx = {.settings = &settings};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct media_bounds b;

        ctx.account = json_object();
        if (rows[i].learned) {
            json_t *limits = json_loads(rows[i].learned, 0, NULL);

            (void)json_object_set_new(limits, "instance", json_string(instance));
            (void)json_object_set_new(ctx.account, "limits", limits);
        }
        b = adapter_media_bounds(adapter_find("mastodon"), &ctx);
        assert_int_equal(b.max_bytes, rows[i].max_bytes);
        assert_int_equal(b.max_pixels, rows[i].max_pixels);
        json_decref(ctx.account);
    }
}

static void the_others_have_what_their_row_says(void **state)
{
    const struct step_ctx ctx = {.settings = NULL};
    size_t count;
    const struct adapter *const *all = adapters_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->media_bounds) {
            assert_int_equal(adapter_media_bounds(all[i], &ctx).max_bytes,
                             all[i]->media_max_bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_takes_less_than_a_picture_on_bluesky),
        cmocka_unit_test(a_mastodon_server_may_take_less_than_most),
        cmocka_unit_test(the_others_have_what_their_row_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
