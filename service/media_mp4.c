/* The boxes of ISO/IEC 14496-12 (MP4) and of Apple's QuickTime format, from which it comes, as far as they
 * tell what a platform's limits are about. Called by media_video.c on a worker thread, and fuzzed; pure
 * but for the reading it is handed.
 *
 * A file is a row of boxes: size, four letters, content; some hold boxes in turn. Looked at are
 *
 *   ftyp                     which of the two kinds it is; comes first
 *   moov mvhd                unit of time and duration
 *        trak tkhd           size and turn of a track's picture; 0 of sound
 *        mvex mehd           duration, where the film comes in fragments
 *
 * The moov may stand behind all the film, so all boxes at the top are walked over: one read each. That
 * also shows whether the last one is whole. Everything in it is an outsider's: a box must lie within the
 * one around it, and there are only so many. */

#include "service/media_mp4.h"

#include <string.h>

/* A film in fragments has two for each: of four seconds, for a day, that is 43,200. */
#define BOXES_MAX 100000
#define HEAD_BYTES 8
#define LARGE_HEAD_BYTES 16
#define UNKNOWN_32 UINT32_MAX /* a duration that is not known */

struct box {
    char name[5];
    uint64_t at, end; /* of its content */
};

struct film {
    media_read_fn *read;
    void *context;
    struct err *why;
    size_t boxes;
    bool has_moov;
    uint32_t timescale;
    uint64_t duration, fragments_duration;
    struct media_mp4 is;
};

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t big64(const uint8_t *p)
{
    return (uint64_t)big32(p) << 32 | big32(p + 4);
}

static enum err_code take(struct film *f, uint64_t at, void *to, size_t len)
{
    return f->read(f->context, at, to, len) ? ERR_NONE
                                            : err_set(f->why, ERR_IO, "it cannot be read");
}

static enum err_code cut_short(struct film *f)
{
    return err_set(f->why, ERR_INVALID, "the video is cut short or broken");
}

/* The box that begins at `at`; end: of what it stands in. Size 0 means up to there. */
static enum err_code read_head(struct film *f, uint64_t at, uint64_t end, struct box *out)
{
    uint8_t head[LARGE_HEAD_BYTES] = {0};
    uint64_t size, head_len = HEAD_BYTES;
    enum err_code rc;

    if (++f->boxes > BOXES_MAX) {
        return err_set(f->why, ERR_INVALID, "the video has too many parts");
    }
    if (end - at < HEAD_BYTES) {
        return cut_short(f);
    }
    rc = take(f, at, head, HEAD_BYTES);
    if (rc) {
        return rc;
    }
    size = big32(head);
    if (size == 1) {
        head_len = LARGE_HEAD_BYTES;
        rc = end - at < LARGE_HEAD_BYTES ? cut_short(f) : take(f, at, head, LARGE_HEAD_BYTES);
        if (rc) {
            return rc;
        }
        size = big64(head + HEAD_BYTES);
    } else if (size == 0) {
        size = end - at;
    }
    if (size < head_len || size > end - at) {
        return cut_short(f);
    }
    memcpy(out->name, head + 4, 4);
    out->name[4] = '\0';
    out->at = at + head_len;
    out->end = at + size;
    return ERR_NONE;
}

static bool is(const struct box *b, const char *name)
{
    return strcmp(b->name, name) == 0;
}

/* ---- single boxes ---- */

static enum err_code read_brand(struct film *f, const struct box *b)
{
    /* Pictures, and sound alone, in the same kind of file. */
    static const char *const others[] = {
        "heic", "heix", "hevc", "heim", "mif1", "msf1", "avif", "avis", "M4A ", "M4B "};
    char brand[5] = "";
    enum err_code rc = b->end - b->at < 4 ? cut_short(f) : take(f, b->at, brand, 4);

    if (rc) {
        return rc;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(brand, others[i]) == 0) {
            return err_set(f->why, ERR_INVALID, "no video, but a file of type %s", brand);
        }
    }
    f->is.type = strcmp(brand, "qt  ") == 0 ? "video/quicktime" : "video/mp4";
    return ERR_NONE;
}

/* Version 1 has 64 bits for times where version 0 has 32. */
static enum err_code read_mvhd(struct film *f, const struct box *b)
{
    uint8_t p[32] = {0};
    uint64_t have = b->end - b->at;
    enum err_code rc = have < 20 ? cut_short(f) : take(f, b->at, p, have < 32 ? 20 : 32);

    if (rc) {
        return rc;
    }
    if (p[0] == 0) {
        f->timescale = big32(p + 12);
        f->duration = big32(p + 16) == UNKNOWN_32 ? 0 : big32(p + 16);
    } else if (have >= 32) {
        f->timescale = big32(p + 20);
        f->duration = big64(p + 24) == UINT64_MAX ? 0 : big64(p + 24);
    }
    return ERR_NONE;
}

static enum err_code read_mehd(struct film *f, const struct box *b)
{
    uint8_t p[12] = {0};
    uint64_t have = b->end - b->at;
    enum err_code rc = have < 8 ? cut_short(f) : take(f, b->at, p, have < 12 ? 8 : 12);

    if (rc) {
        return rc;
    }
    if (p[0] == 0) {
        f->fragments_duration = big32(p + 4);
    } else if (have >= 12) {
        f->fragments_duration = big64(p + 4);
    }
    return ERR_NONE;
}

/* Of several pictures the largest is the film. Behind the times there are 16 bytes of other things, then a
 * matrix (a b u c d v x y w) and width and height as 16.16 fixed point numbers. */
static enum err_code read_tkhd(struct film *f, const struct box *b)
{
    uint8_t p[96] = {0};
    uint64_t have = b->end - b->at;
    uint8_t version = 0;
    size_t matrix, need;
    int64_t width, height;
    enum err_code rc = have < 1 ? cut_short(f) : take(f, b->at, &version, 1);

    if (rc) {
        return rc;
    }
    matrix = version == 0 ? 40 : 52;
    need = matrix + 36 + 8;
    rc = have < need ? cut_short(f) : take(f, b->at, p, need);
    if (rc) {
        return rc;
    }
    width = big32(p + matrix + 36) >> 16;
    height = big32(p + matrix + 40) >> 16;
    if (width * height <= f->is.width * f->is.height) {
        return ERR_NONE;
    }
    /* a and d are zero: turned by a quarter, as telephones film. */
    bool lies = big32(p + matrix) == 0 && big32(p + matrix + 16) == 0;

    f->is.width = lies ? height : width;
    f->is.height = lies ? width : height;
    return ERR_NONE;
}

/* ---- boxes of boxes ---- */

typedef enum err_code box_fn(struct film *f, const struct box *b);

static enum err_code each_box(struct film *f, uint64_t at, uint64_t end, box_fn *fn)
{
    struct box b = {.at = 0};
    enum err_code rc = ERR_NONE;

    /* QuickTime ends some lists with four zero bytes: what is shorter than a head is no box. */
    while (!rc && end - at >= HEAD_BYTES) {
        rc = read_head(f, at, end, &b);
        if (!rc) {
            rc = fn(f, &b);
            at = b.end;
        }
    }
    return rc;
}

static enum err_code in_trak(struct film *f, const struct box *b)
{
    return is(b, "tkhd") ? read_tkhd(f, b) : ERR_NONE;
}

static enum err_code in_mvex(struct film *f, const struct box *b)
{
    return is(b, "mehd") ? read_mehd(f, b) : ERR_NONE;
}

static enum err_code in_moov(struct film *f, const struct box *b)
{
    if (is(b, "mvhd")) {
        return read_mvhd(f, b);
    }
    if (is(b, "trak") || is(b, "mvex")) {
        return each_box(f, b->at, b->end, is(b, "trak") ? in_trak : in_mvex);
    }
    return ERR_NONE;
}

static enum err_code at_top(struct film *f, const struct box *b)
{
    if (!f->is.type) {
        return is(b, "ftyp") ? read_brand(f, b)
                             : err_set(f->why, ERR_INVALID, "no MP4 or MOV video");
    }
    if (!is(b, "moov")) {
        return ERR_NONE;
    }
    f->has_moov = true;
    return each_box(f, b->at, b->end, in_moov);
}

static int64_t to_ms(uint64_t duration, uint32_t timescale)
{
    uint64_t ms;

    if (timescale == 0) {
        return 0;
    }
    ms = duration <= UINT64_MAX / 1000 ? duration * 1000 / timescale : duration / timescale;
    return ms > INT64_MAX / 1000 ? INT64_MAX / 1000 : (int64_t)ms;
}

enum err_code media_mp4_read(
    struct media_mp4 *out, media_read_fn *read, void *context, uint64_t len, struct err *why)
{
    struct film f = {.read = read, .context = context, .why = why};
    uint8_t name[HEAD_BYTES] = {0};
    enum err_code rc;

    /* Said before the sizes are looked at: a web page is no broken video. */
    if (len < HEAD_BYTES || !read(context, 0, name, sizeof name) ||
        memcmp(name + 4, "ftyp", 4) != 0) {
        return err_set(why, ERR_INVALID, "no MP4 or MOV video");
    }
    rc = each_box(&f, 0, len, at_top);
    if (rc) {
        return rc;
    }
    if (!f.has_moov || f.is.width == 0 || f.is.height == 0) {
        return err_set(why,
                       ERR_INVALID,
                       f.has_moov ? "the video has no picture"
                                  : "the video is cut short or broken");
    }
    f.is.duration_ms =
        to_ms(f.fragments_duration > 0 ? f.fragments_duration : f.duration, f.timescale);
    *out = f.is;
    return ERR_NONE;
}
