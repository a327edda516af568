/* Which size and quality to try for a picture that does not fit, and which part of it. Called by the store of pictures, which
 * decides whether one fits, and by the child that resizes; pure.
 *
 * A try is a longer side and a quality. Of a photograph a JPEG of quality 85 has about 0.3 bytes per
 * pixel, so the first try is the largest size that should fit; when it does not, quality falls once,
 * which nobody sees, then the size by a fifth and quality stands at 85 again: each try has fewer bytes
 * than the one before. */

#include "service/resize.h"

#include "base/attr.h"
#include "service/media.h"

#define QUALITY_GOOD 85
#define QUALITY_FAIR 75
#define BYTES_OF_PIXELS(pixels) ((pixels)*3 / 10)

/* Nothing that shows a post shows more than the first; below the last a picture is no picture. */
static const int64_t edges[] = {4096, 3200, 2560, 2048, 1600, 1280, 1024, 800, 640, 480, 320};

bool resize_type_fits(const struct media *m, const struct media_bounds *b)
{
    return b->types == 0 || !m->type || (b->types & media_type_bit(m->type)) != 0;
}

/* Divided rather than multiplied where a product might not fit: a picture may claim any size. With a
 * bound, one whose size is not known does not fit. */
bool resize_ratio_fits(int64_t width, int64_t height, const struct media_bounds *b)
{
    if (b->min_ratio_milli == 0 && b->max_ratio_milli == 0) {
        return true;
    }
    if (width <= 0 || height <= 0 || width > INT32_MAX || height > INT32_MAX) {
        return false;
    }
    return (b->min_ratio_milli == 0 || width * 1000 >= height * b->min_ratio_milli) &&
           (b->max_ratio_milli == 0 || width * 1000 <= height * b->max_ratio_milli);
}

struct resize_size resize_cut(int64_t width, int64_t height, const struct media_bounds *b)
{
    struct resize_size part = {width, height};

    if (b->max_ratio_milli > 0 && width * 1000 > height * b->max_ratio_milli) {
        part.width = height * b->max_ratio_milli / 1000;
    } else if (b->min_ratio_milli > 0 && width * 1000 < height * b->min_ratio_milli) {
        part.height = width * 1000 / b->min_ratio_milli;
    }
    part.width = part.width > 0 ? part.width : 1;
    part.height = part.height > 0 ? part.height : 1;
    return part;
}

/* Widths and heights are what a picture claims: their product need not fit anywhere. */
bool resize_fits(const struct media *m, const struct media_bounds *b)
{
    int64_t edge = m->width > m->height ? m->width : m->height;

    return resize_type_fits(m, b) && resize_ratio_fits(m->width, m->height, b) &&
           (b->max_bytes == 0 || m->len <= b->max_bytes) &&
           (b->max_pixels == 0 || m->height <= 0 || m->width <= b->max_pixels / m->height) &&
           (b->max_edge == 0 || edge <= b->max_edge);
}

const char *resize_refusal(int64_t width, int64_t height)
{
    if (width <= 0 || height <= 0) {
        return "its width and height cannot be read";
    }
    if (width > RESIZE_PIXELS_MAX / height) {
        return "it has more than 100 million pixels";
    }
    return NULL;
}

struct shape {
    int64_t longer, shorter;
};

static int64_t pixels_at(const struct shape *s, int64_t edge)
{
    int64_t other = (edge * s->shorter + s->longer - 1) / s->longer;

    return edge * (other > 0 ? other : 1);
}

static bool is_allowed(const struct shape *s, const struct media_bounds *b, int64_t edge)
{
    return (b->max_pixels == 0 || pixels_at(s, edge) <= b->max_pixels) &&
           (b->max_edge == 0 || edge <= b->max_edge);
}

static bool should_fit(const struct shape *s, const struct media_bounds *b, int64_t edge)
{
    return b->max_bytes == 0 || BYTES_OF_PIXELS(pixels_at(s, edge)) <= (int64_t)b->max_bytes;
}

static int64_t smaller_edge(int64_t edge)
{
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        if (edges[i] < edge) {
            return edges[i];
        }
    }
    return 0;
}

struct resize_try resize_first(int64_t width, int64_t height, const struct media_bounds *b)
{
    struct shape s = {width > height ? width : height, width > height ? height : width};
    int64_t edge = s.longer < edges[0] ? s.longer : edges[0];

    while (edge > 1 && !is_allowed(&s, b, edge)) {
        edge--;
    }
    while (!should_fit(&s, b, edge) && smaller_edge(edge) > 0) {
        edge = smaller_edge(edge);
    }
    return (struct resize_try){.edge = edge, .quality = QUALITY_GOOD};
}

bool resize_next(struct resize_try *t)
{
    if (t->quality > QUALITY_FAIR) {
        t->quality = QUALITY_FAIR;
        return true;
    }
    if (smaller_edge(t->edge) == 0) {
        return false;
    }
    *t = (struct resize_try){.edge = smaller_edge(t->edge), .quality = QUALITY_GOOD};
    return true;
}
