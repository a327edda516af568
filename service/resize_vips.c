/* A picture made to fit, by libvips. Called in the child only; owns libvips there.
 *
 * libvips is the library for this: it reads while it shrinks (24 million pixels in 50 MB), turns the
 * picture as its EXIF says, brings its colours to sRGB, and is kept up and fuzzed. But it comes with
 * some eighty other libraries, which is more than all of crier: so it is loaded here when it is needed,
 * and neither the daemon nor the build has to have it. What is declared below is its public interface
 * as of 8.13, which its soname (libvips.so.42) promises to keep; that its functions take options as
 * pairs of a name and a value, ended by NULL, is how it is used from C.
 * https://www.libvips.org/API/8.14/ */

#include "service/resize.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/parse.h"
#include "service/media.h"

#define LIBRARY "libvips.so.42"
#define PACKAGE "libvips42"
#define ERROR_CHARS 100

#define SIZE_DOWN 2         /* enum VipsSize */
#define ACCESS_SEQUENTIAL 1 /* enum VipsAccess */
#define FAIL_ON_ERROR 2     /* enum VipsFailOn: half a picture is none; a warning is no error */
#define YES 1
#define WHITE 255.0

struct image; /* VipsImage */
struct array; /* VipsArrayDouble, which is a VipsArea */

static struct {
    int (*init)(const char *program);
    void (*block)(const char *operation, int state);
    void (*block_untrusted)(int state);
    void (*set_threads)(int count);
    void (*set_cached_operations)(int count);
    void (*set_vectors)(int enabled);
    const char *(*error)(void);
    struct image *(*load)(const void *bytes, size_t len, const char *options, ...);
    int (*thumbnail)(struct image *in, struct image **out, int width, ...);
    struct image *(*in_memory)(struct image *in);
    int (*has_alpha)(struct image *in);
    int (*flatten)(struct image *in, struct image **out, ...);
    int (*extract)(
        struct image *in, struct image **out, int left, int top, int width, int height, ...);
    int (*save)(struct image *in, void **out, size_t *out_len, ...);
    int (*width)(const struct image *in);
    int (*height)(const struct image *in);
    struct array *(*doubles)(int count, ...);
    void (*doubles_unref)(struct array *a);
    void (*unref)(void *object);
    void (*free)(void *bytes);
} vips;

/* clang-format off */
static const struct {
    const char *name;
    void *function;
} functions[] = {
    {"vips_init", &vips.init},
    {"vips_operation_block_set", &vips.block},
    {"vips_block_untrusted_set", &vips.block_untrusted},
    {"vips_concurrency_set", &vips.set_threads},
    {"vips_cache_set_max", &vips.set_cached_operations},
    {"vips_vector_set_enabled", &vips.set_vectors},
    {"vips_error_buffer", &vips.error},
    {"vips_image_new_from_buffer", &vips.load},
    {"vips_thumbnail_image", &vips.thumbnail},
    {"vips_image_copy_memory", &vips.in_memory},
    {"vips_image_hasalpha", &vips.has_alpha},
    {"vips_flatten", &vips.flatten},
    {"vips_extract_area", &vips.extract},
    {"vips_jpegsave_buffer", &vips.save},
    {"vips_image_get_width", &vips.width},
    {"vips_image_get_height", &vips.height},
    {"vips_array_double_newv", &vips.doubles},
    {"vips_area_unref", &vips.doubles_unref},
    {"g_object_unref", &vips.unref},
    {"g_free", &vips.free},
};
/* clang-format on */

/* C has no cast between the two kinds of pointers, POSIX says that their bytes are the same. */
static enum err_code find_functions(void *library, struct err *why)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        void *found = dlsym(library, functions[i].name);

        if (!found) {
            return err_set(
                why, ERR_UNSUPPORTED, LIBRARY " is too old: it has no %s", functions[i].name);
        }
        memcpy(functions[i].function, &found, sizeof found);
    }
    return ERR_NONE;
}

static enum err_code vips_failed(struct err *why, const char *what)
{
    const char *said = vips.error();

    return err_set(
        why,
        ERR_INVALID,
        "%s: %.*s",
        what,
        (int)strnlen(said,
                     strcspn(said, "\n") < ERROR_CHARS ? strcspn(said, "\n") : ERROR_CHARS),
        said);
}

/* Only the decoders of what is let in at all (service/media_sniff.c), and no machine code made at run
 * time, which a hardened service may not have. */
static void narrow(void)
{
    static const char *const let_in[] = {"VipsForeignLoadJpeg",
                                         "VipsForeignLoadPng",
                                         "VipsForeignLoadNsgif",
                                         "VipsForeignLoadWebp"};

    vips.block_untrusted(YES);
    vips.block("VipsForeignLoad", YES);
    for (size_t i = 0; i < ARRAY_LEN(let_in); i++) {
        vips.block(let_in[i], !YES);
    }
    vips.set_threads(1);
    vips.set_cached_operations(0);
    vips.set_vectors(!YES);
}

enum err_code resize_load(struct err *why)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    enum err_code rc;

    if (!library) {
        return err_set(why,
                       ERR_NOT_FOUND,
                       LIBRARY " cannot be loaded (Debian's package " PACKAGE "): %.100s",
                       dlerror());
    }
    rc = find_functions(library, why);
    if (rc) {
        return rc;
    }
    /* Its warnings about each line of a broken picture are nobody's: this is how they are turned off. */
    (void)setenv("VIPS_WARNING", "0", 1);
    if (vips.init("crier") != 0) {
        return vips_failed(why, "libvips does not start");
    }
    narrow();
    return ERR_NONE;
}

static void let_go(struct image **i)
{
    if (*i) {
        vips.unref(*i);
        *i = NULL;
    }
}

/* Moves *i on to what was made of it. */
static void replace(struct image **i, struct image *by)
{
    let_go(i);
    *i = by;
}

/* Transparent parts of a JPEG are black unless somebody paints what is behind them. */
static enum err_code onto_white(struct image **i, struct err *why)
{
    struct image *flat = NULL;
    struct array *white;
    int failed;

    if (!vips.has_alpha(*i)) {
        return ERR_NONE;
    }
    white = vips.doubles(1, WHITE);
    failed = vips.flatten(*i, &flat, "background", white, NULL);
    vips.doubles_unref(white);
    if (failed) {
        return vips_failed(why, "transparency");
    }
    replace(i, flat);
    return ERR_NONE;
}

/* A JPEG is decoded at a half, a quarter or an eighth for less work; what is left is done well. */
static const char *shrink_on_load(const char *type, int64_t longer, int64_t edge)
{
    if (strcmp(type, "image/jpeg") != 0 || longer < 2 * edge) {
        return "";
    }
    return longer >= 8 * edge ? "shrink=8" : longer >= 4 * edge ? "shrink=4" : "shrink=2";
}

/* Decoded here, once, however often it is then tried. */
static enum err_code in_memory(struct image **i, struct err *why)
{
    struct image *whole = vips.in_memory(*i);

    if (!whole) {
        return vips_failed(why, "it cannot be read");
    }
    replace(i, whole);
    return ERR_NONE;
}

/* Upright, in sRGB, at most edge. */
static enum err_code fit(struct image **i, int64_t edge, struct err *why)
{
    struct image *small = NULL;

    if (vips.thumbnail(*i,
                       &small,
                       (int)edge,
                       "height",
                       (int)edge,
                       "size",
                       SIZE_DOWN,
                       "export_profile",
                       "srgb",
                       NULL) != 0) {
        return vips_failed(why, "it cannot be made smaller");
    }
    replace(i, small);
    return ERR_NONE;
}

static enum err_code decode(struct image **out,
                            const void *bytes,
                            size_t len,
                            const char *options,
                            int64_t edge,
                            struct err *why)
{
    struct image *i = vips.load(
        bytes, len, options, "access", ACCESS_SEQUENTIAL, "fail_on", FAIL_ON_ERROR, NULL);
    enum err_code rc;

    if (!i) {
        return vips_failed(why, "it cannot be read");
    }
    rc = fit(&i, edge, why);
    if (!rc) {
        rc = onto_white(&i, why);
    }
    if (!rc) {
        rc = in_memory(&i, why);
    }
    if (rc) {
        let_go(&i);
        return rc;
    }
    *out = i;
    return ERR_NONE;
}

/* No EXIF, no place where it was taken, no profile: what a JPEG without one has is sRGB. */
static enum err_code encode(struct buf *out, struct image *i, int quality, struct err *why)
{
    void *bytes = NULL;
    size_t len = 0;

    if (vips.save(i, &bytes, &len, "Q", quality, "strip", YES, "optimize_coding", YES, NULL) !=
        0) {
        return vips_failed(why, "it cannot be written");
    }
    buf_clear(out);
    buf_add(out, bytes, len);
    vips.free(bytes);
    return buf_check(out, "the picture", why);
}

/* What is beyond the ratio goes, as much on the one side as on the other. */
static enum err_code cut(struct image **i, const struct media_bounds *b, struct err *why)
{
    int width = vips.width(*i), height = vips.height(*i);
    struct resize_size part = resize_cut(width, height, b);
    struct image *middle = NULL;

    if (part.width == width && part.height == height) {
        return ERR_NONE;
    }
    if (vips.extract(*i,
                     &middle,
                     (width - (int)part.width) / 2,
                     (height - (int)part.height) / 2,
                     (int)part.width,
                     (int)part.height,
                     NULL) != 0) {
        return vips_failed(why, "it cannot be cut");
    }
    replace(i, middle);
    return ERR_NONE;
}

/* Rounding may take a picture a pixel beyond its ratio again. */
static enum err_code
fit_and_cut(struct image **i, int64_t edge, const struct media_bounds *b, struct err *why)
{
    enum err_code rc = fit(i, edge, why);

    return rc ? rc : cut(i, b, why);
}

static enum err_code try_all(struct buf *out,
                             struct image **i,
                             struct resize_try t,
                             const struct media_bounds *b,
                             struct err *why)
{
    char size[PARSE_TEXT_BYTES];
    enum err_code rc;

    do {
        rc = vips.width(*i) > t.edge || vips.height(*i) > t.edge
                 ? fit_and_cut(i, t.edge, b, why)
                 : ERR_NONE;
        if (!rc) {
            rc = encode(out, *i, t.quality, why);
        }
        if (rc || b->max_bytes == 0 || out->len <= b->max_bytes) {
            return rc;
        }
    } while (resize_next(&t));
    return err_set(why,
                   ERR_TOO_BIG,
                   "at %lld pixels it still has %s",
                   (long long)t.edge,
                   format_size((int64_t)out->len, size));
}

enum err_code resize_picture(const void *bytes,
                             size_t len,
                             const struct media_bounds *bounds,
                             struct buf *out,
                             struct err *why)
{
    int64_t width = 0, height = 0;
    const char *type = media_sniff(bytes, len, &width, &height);
    const char *refusal = type ? resize_refusal(width, height) : "no JPEG, PNG, GIF or WebP";
    struct image *i = NULL;
    struct resize_size part;
    struct resize_try t;
    int64_t longer, edge;
    enum err_code rc;

    if (refusal) {
        return err_set(why, ERR_INVALID, "%s", refusal);
    }
    part = resize_cut(width, height, bounds);
    t = resize_first(part.width, part.height, bounds);
    /* So large that the part which is kept has the edge that is tried. */
    longer = width > height ? width : height;
    edge = longer * t.edge / (part.width > part.height ? part.width : part.height);
    rc = decode(&i, bytes, len, shrink_on_load(type, longer, edge), edge, why);
    if (!rc) {
        rc = cut(&i, bounds, why);
    }
    if (!rc) {
        rc = try_all(out, &i, t, bounds, why);
    }
    let_go(&i);
    return rc;
}
