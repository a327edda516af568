/* `crier resize`: one picture from standard input to standard output, made to fit. A verb that `crier
 * --help` does not list, since people have better tools: service/resize.c starts it for each picture
 * that is too large, and ends it. Nothing is shared with who started it but three pipes. */

#include "service/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/parse.h"
#include "service/resize.h"

#define PICTURE_BYTES ((size_t)32 * 1024 * 1024)
#define FIRST_OTHER_FD 3

/* clang-format off */
const struct cli_option cli_resize_options[] = {
    {.name = "max-bytes", .value = "N", .help = "bytes, at most; 0: any number"},
    {.name = "max-pixels", .value = "N", .help = "width times height, at most; 0: any number"},
    {.name = "max-edge", .value = "N", .help = "the longer side, at most; 0: any"},
    {.name = "types", .value = "N", .help = "kinds of files that are taken (enum media_type); 0: any"},
    {.name = "min-ratio", .value = "N", .help = "a thousand times width by height, at least; 0: any"},
    {.name = "max-ratio", .value = "N", .help = "a thousand times width by height, at most; 0: any"},
    {.name = NULL},
};
/* clang-format on */

static bool read_number(const struct cli_args *args, const char *name, int64_t *out)
{
    const char *text = cli_option(args, name);

    *out = 0;
    if (!text || (parse_i64(text, out) && *out >= 0)) {
        return true;
    }
    (void)cli_fail(args, CLI_USAGE, "--%s: \"%s\" is no number from 0 on", name, text);
    return false;
}

static bool read_bounds(const struct cli_args *args, struct media_bounds *b)
{
    int64_t bytes, types;

    if (!read_number(args, "max-bytes", &bytes) ||
        !read_number(args, "max-pixels", &b->max_pixels) ||
        !read_number(args, "max-edge", &b->max_edge) || !read_number(args, "types", &types) ||
        !read_number(args, "min-ratio", &b->min_ratio_milli) ||
        !read_number(args, "max-ratio", &b->max_ratio_milli)) {
        return false;
    }
    b->max_bytes = (size_t)bytes;
    b->types = (unsigned)types;
    return true;
}

static bool write_all(const struct buf *b)
{
    size_t at = 0;

    while (at < b->len) {
        ssize_t n = write(STDOUT_FILENO, b->data + at, b->len - at);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static enum err_code
resize(const struct media_bounds *bounds, struct buf *in, struct buf *out, struct err *why)
{
    enum err_code rc = resize_limit_process(why);

    if (!rc && !cli_read_file("-", in)) {
        rc = err_set(why, ERR_IO, "the picture cannot be read");
    }
    if (!rc) {
        rc = resize_load(why);
    }
    if (!rc) {
        rc = resize_lock_process(why);
    }
    if (!rc && FAULT("resize.child")) {
        rc = err_set(why, ERR_INVALID, "fault point");
    }
    return rc ? rc : resize_picture(in->data, in->len, bounds, out, why);
}

int cli_resize(const struct cli_args *args)
{
    struct media_bounds bounds;
    struct err why = {0};
    struct buf in, out;
    int code = CLI_OK;

    if (!read_bounds(args, &bounds)) {
        return CLI_USAGE;
    }
    (void)close_range(FIRST_OTHER_FD, ~0U, 0);
    buf_init(&in, PICTURE_BYTES);
    buf_init(&out, PICTURE_BYTES);
    if (resize(&bounds, &in, &out, &why) != ERR_NONE) {
        code = cli_fail(args, CLI_FAILED, "%s", why.text);
    } else if (!write_all(&out)) {
        code = CLI_FAILED;
    }
    (void)fflush(stderr);
    /* Not by exit(): what libraries do there is of no use, and with nothing to open may fail. */
    _exit(code);
}
