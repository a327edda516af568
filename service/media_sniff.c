/* Which kind of picture bytes are, and how large: from the bytes alone, since names and headers
 * lie. Called by media.c; pure, safe on any bytes. */

#include "service/media.h"

#include <string.h>

#include "base/attr.h"

static uint32_t big16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t big32(const uint8_t *p)
{
    return big16(p) << 16 | big16(p + 2);
}

static uint32_t little16(const uint8_t *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static uint32_t little24(const uint8_t *p)
{
    return (uint32_t)p[2] << 16 | little16(p);
}

struct picture {
    const uint8_t *p;
    size_t len;
    int64_t width, height;
};

static bool starts(const struct picture *i, size_t at, const char *bytes, size_t len)
{
    return i->len >= at + len && memcmp(i->p + at, bytes, len) == 0;
}

/* W3C PNG, section 11.2.2: IHDR comes first. */
static bool is_png(struct picture *i)
{
    if (!starts(i, 0, "\x89PNG\r\n\x1a\n", 8) || i->len < 24) {
        return false;
    }
    i->width = big32(i->p + 16);
    i->height = big32(i->p + 20);
    return true;
}

static bool is_gif(struct picture *i)
{
    if ((!starts(i, 0, "GIF87a", 6) && !starts(i, 0, "GIF89a", 6)) || i->len < 10) {
        return false;
    }
    i->width = little16(i->p + 6);
    i->height = little16(i->p + 8);
    return true;
}

/* ---- JPEG ---- */

static uint32_t exif16(const uint8_t *p, bool little)
{
    return little ? little16(p) : big16(p);
}

static uint32_t exif32(const uint8_t *p, bool little)
{
    return little ? little16(p + 2) << 16 | little16(p) : big32(p);
}

/* Exif 2.32, section 4.6.4: tag 0112 of the first directory. 1: upright, also when it does not say. */
static uint32_t orientation(const uint8_t *tiff, size_t len)
{
    bool little = len >= 8 && tiff[0] == 'I';
    uint32_t at, count;

    if (len < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0)) {
        return 1;
    }
    at = exif32(tiff + 4, little);
    if (at > len - 2) {
        return 1;
    }
    count = exif16(tiff + at, little);
    at += 2;
    for (uint32_t i = 0; i < count && len - at >= 12; i++, at += 12) {
        if (exif16(tiff + at, little) == 0x0112) {
            return exif16(tiff + at + 8, little);
        }
    }
    return 1;
}

/* Whether a segment says that the picture lies on its side. */
static bool lies(const uint8_t *segment, size_t len)
{
    static const char exif[] = "Exif\0";

    return len >= 4 + sizeof exif && segment[1] == 0xe1 &&
           memcmp(segment + 4, exif, sizeof exif) == 0 &&
           orientation(segment + 4 + sizeof exif, len - 4 - sizeof exif) >= 5;
}

/* A start of frame tells the size: C0 to CF but for tables and the reserved one (ITU T.81,
 * B.1). */
static bool is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
           marker != 0xcc;
}

static bool is_jpeg(struct picture *i)
{
    size_t at = 2, len;
    bool on_its_side = false;

    if (!starts(i, 0, "\xff\xd8\xff", 3)) {
        return false;
    }
    while (at + 9 <= i->len && i->p[at] == 0xff) {
        if (i->p[at + 1] == 0xff) { /* fill byte */
            at++;
            continue;
        }
        if (is_frame(i->p[at + 1])) {
            i->height = big16(i->p + at + (on_its_side ? 7 : 5));
            i->width = big16(i->p + at + (on_its_side ? 5 : 7));
            break;
        }
        len = 2 + big16(i->p + at + 2);
        on_its_side |= lies(i->p + at, len < i->len - at ? len : i->len - at);
        at += len;
    }
    return true;
}

/* RFC 9649, sections 2.5 to 2.7. */
static bool is_webp(struct picture *i)
{
    if (!starts(i, 0, "RIFF", 4) || !starts(i, 8, "WEBP", 4)) {
        return false;
    }
    if (starts(i, 12, "VP8 ", 4) && i->len >= 30) {
        i->width = little16(i->p + 26) & 0x3fff;
        i->height = little16(i->p + 28) & 0x3fff;
    } else if (starts(i, 12, "VP8L", 4) && i->len >= 25) {
        uint32_t bits = little24(i->p + 21) | (uint32_t)i->p[24] << 24;

        i->width = (bits & 0x3fff) + 1;
        i->height = (bits >> 14 & 0x3fff) + 1;
    } else if (starts(i, 12, "VP8X", 4) && i->len >= 30) {
        i->width = little24(i->p + 24) + 1;
        i->height = little24(i->p + 27) + 1;
    }
    return true;
}

const char *media_sniff(const void *bytes, size_t len, int64_t *out_width, int64_t *out_height)
{
    struct picture i = {.p = bytes, .len = len};
    const char *type = is_jpeg(&i)   ? "image/jpeg"
                       : is_png(&i)  ? "image/png"
                       : is_gif(&i)  ? "image/gif"
                       : is_webp(&i) ? "image/webp"
                                     : NULL;

    if (type) {
        *out_width = i.width;
        *out_height = i.height;
    }
    return type;
}

static const struct {
    const char *type, *title;
    unsigned bit;
} types[] = {
    {"image/jpeg", "JPEG", MEDIA_JPEG},
    {"image/png", "PNG", MEDIA_PNG},
    {"image/gif", "GIF", MEDIA_GIF},
    {"image/webp", "WebP", MEDIA_WEBP},
    {"video/mp4", "MP4", MEDIA_MP4},
    {"video/quicktime", "MOV", MEDIA_MOV},
};

unsigned media_type_bit(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i].type, type) == 0) {
            return types[i].bit;
        }
    }
    return 0;
}

const char *media_type_title(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i].type, type) == 0) {
            return types[i].title;
        }
    }
    return type;
}
