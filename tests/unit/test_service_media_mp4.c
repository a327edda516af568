/* service/media_mp4.c: what videos say of themselves, and files that say nonsense. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "service/media_mp4.h"
#include "tests/support/tiny_mp4.h"

struct file {
    struct buf bytes;
    int reads;
};

static bool read_at(void *context, uint64_t at, void *to, size_t len)
{
    struct file *f = context;

    f->reads++;
    /* Whoever asks beyond the end has not looked. */
    assert_true(at <= f->bytes.len && len <= f->bytes.len - at);
    memcpy(to, f->bytes.data + at, len);
    return true;
}

static enum err_code look(struct file *f, struct media_mp4 *out, struct err *why)
{
    f->reads = 0;
    return media_mp4_read(out, read_at, f, f->bytes.len, why);
}

static void what_a_video_is_is_read_from_its_boxes(void **state)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct tiny_mp4 m;
        const char *type;
        int64_t width, height, duration_ms;
    } rows[] = {
        {"moov first", {.width = 1920, .height = 1080, .timescale = 1000, .duration = 61500, .mdat_bytes = 100},
         "video/mp4", 1920, 1080, 61500},
        {"moov last", {.width = 1920, .height = 1080, .timescale = 600, .duration = 900, .mdat_bytes = 100, .moov_last = true},
         "video/mp4", 1920, 1080, 1500},
        {"on its side", {.width = 1920, .height = 1080, .timescale = 1, .duration = 7, .lies = true},
         "video/mp4", 1080, 1920, 7000},
        {"QuickTime", {.brand = "qt  ", .width = 640, .height = 360, .timescale = 1, .duration = 1},
         "video/quicktime", 640, 360, 1000},
        {"no length", {.width = 640, .height = 360}, "video/mp4", 640, 360, 0},
        {"length not known", {.width = 640, .height = 360, .timescale = 1, .duration = UINT32_MAX},
         "video/mp4", 640, 360, 0},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct media_mp4 m = {0};
        struct err why = {0};
        struct file f;

        buf_init(&f.bytes, 100000);
        tiny_mp4_write(&f.bytes, &rows[i].m);
        if (look(&f, &m, &why) != ERR_NONE) {
            fail_msg("%s: %s", rows[i].name, why.text);
        }
        assert_string_equal(m.type, rows[i].type);
        assert_int_equal(m.width, rows[i].width);
        assert_int_equal(m.height, rows[i].height);
        assert_int_equal(m.duration_ms, rows[i].duration_ms);
        assert_true(f.reads < 12); /* and not one for each byte of it */
        buf_done(&f.bytes);
    }
}

static void what_is_no_video_is_told_apart(void **state)
{
    /* clang-format off */
    static const struct {
        const char *bytes;
        size_t len;
        const char *error;
    } rows[] = {
        {"", 0, "no MP4"},
        {"<!doctype html><html>", 21, "no MP4"},
        {"\0\0\0\x10" "ftypheic\0\0\0\0", 16, "file of type heic"},
        {"\0\0\0\x10" "ftypM4A \0\0\0\0", 16, "file of type M4A"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0", 16, "cut short"}, /* no moov */
        {"\0\0\0\x0b" "ftypiso", 11, "cut short"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x08moov", 24, "no picture"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x09moov", 24, "cut short"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x07moov", 24, "cut short"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff", 32, "cut short"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x01mdat\0\0\0\0\0\0\0\x0f", 32, "cut short"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x01mdat\0\0", 26, "cut short"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x10moov\0\0\0\x08trak", 32, "no picture"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x18moov\0\0\0\x10trak\0\0\0\x08tkhd", 40, "cut short"},
        {"\0\0\0\x10" "ftypisom\0\0\0\0\0\0\0\x10moov\0\0\0\x08mvhd", 32, "cut short"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct media_mp4 m = {0};
        struct err why = {0};
        struct file f;

        buf_init(&f.bytes, 100000);
        buf_add(&f.bytes, rows[i].bytes, rows[i].len);
        assert_int_not_equal(look(&f, &m, &why), ERR_NONE);
        if (!strstr(why.text, rows[i].error)) {
            fail_msg("row %zu: %s", i, why.text);
        }
        buf_done(&f.bytes);
    }
}

/* At every length: never a read beyond the end, and never taken for whole. */
static void one_that_is_cut_is_never_taken_for_whole(void **state)
{
    struct media_mp4 m;
    struct err why;
    struct file f;
    size_t whole;

    (void)state;
    for (int last = 0; last <= 1; last++) {
        buf_init(&f.bytes, 100000);
        tiny_mp4_write(&f.bytes,
                       &(struct tiny_mp4){.width = 640,
                                          .height = 360,
                                          .timescale = 1,
                                          .duration = 1,
                                          .mdat_bytes = 50,
                                          .moov_last = last == 1});
        whole = f.bytes.len;
        while (f.bytes.len > 0) {
            f.bytes.len--;
            /* Less than a box's head may follow; nothing has been cut off then but a box. */
            if (last == 0 && f.bytes.len < whole - 58 + 8 && f.bytes.len >= whole - 58) {
                continue;
            }
            assert_int_not_equal(look(&f, &m, &why), ERR_NONE);
        }
        buf_done(&f.bytes);
    }
}

static void a_file_of_nothing_but_boxes_ends(void **state)
{
    struct media_mp4 m;
    struct err why;
    struct file f;

    (void)state;
    buf_init(&f.bytes, 4000000);
    buf_add(&f.bytes,
            "\0\0\0\x10"
            "ftypisom\0\0\0\0",
            16);
    while (f.bytes.len < 1000000) {
        buf_add(&f.bytes,
                "\0\0\0\x08"
                "free",
                8);
    }
    assert_int_not_equal(look(&f, &m, &why), ERR_NONE);
    assert_non_null(strstr(why.text, "too many parts"));
    buf_done(&f.bytes);
    assert_int_equal(mem_live_count(), 0);
}

static void lengths_of_64_bits_and_fragments_are_understood(void **state)
{
    /* mvhd of version 1, mehd of version 1: 90000 units a second, 2 hours. */
    static const char mvhd[] =
        "\0\0\0\x78mvhd\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x5f\x90";
    struct media_mp4 m = {0};
    struct err why = {0};
    struct buf moov, trak;
    struct file f;

    (void)state;
    buf_init(&f.bytes, 10000);
    buf_init(&moov, 10000);
    buf_init(&trak, 10000);
    buf_add(&moov, mvhd, sizeof mvhd - 1);
    tiny_mp4_u32(&moov, 0);
    tiny_mp4_u32(&moov, 0);
    tiny_mp4_zeros(&moov, 120 - moov.len);
    buf_add(&moov, "\0\0\0\x1cmvex\0\0\0\x14mehd\1\0\0\0\0\0\0\0\x26\x9f\xb2\0", 28);
    tiny_mp4_moov(&trak, &(struct tiny_mp4){.width = 320, .height = 240, .timescale = 90000});
    buf_add(&moov, trak.data + 8 + 8 + 100, trak.len - 8 - 8 - 100);
    buf_add(&f.bytes,
            "\0\0\0\x10"
            "ftypisom\0\0\0\0",
            16);
    tiny_mp4_box(&f.bytes, "moov", &moov);
    if (look(&f, &m, &why) != ERR_NONE) {
        fail_msg("%s", why.text);
    }
    assert_int_equal(m.width, 320);
    assert_int_equal(m.duration_ms, 0x269fb200LL * 1000 / 90000);
    buf_done(&f.bytes);
    buf_done(&moov);
    buf_done(&trak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_video_is_is_read_from_its_boxes),
        cmocka_unit_test(what_is_no_video_is_told_apart),
        cmocka_unit_test(one_that_is_cut_is_never_taken_for_whole),
        cmocka_unit_test(a_file_of_nothing_but_boxes_ends),
        cmocka_unit_test(lengths_of_64_bits_and_fragments_are_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
