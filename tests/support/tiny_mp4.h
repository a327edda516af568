#ifndef CRIER_TESTS_SUPPORT_TINY_MP4_H
#define CRIER_TESTS_SUPPORT_TINY_MP4_H

/* The smallest video that is one: ftyp, moov (mvhd, trak with tkhd) and mdat, for tests of what reads and
 * sends videos. */

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

struct tiny_mp4 {
    const char *brand; /* NULL: "isom" */
    uint32_t width, height, timescale, duration;
    uint32_t mdat_bytes;  /* of content */
    bool moov_last, lies; /* on its side */
    uint8_t fill;
};

static inline void tiny_mp4_u32(struct buf *b, uint32_t v)
{
    uint8_t p[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

    buf_add(b, p, sizeof p);
}

static inline void tiny_mp4_zeros(struct buf *b, size_t n)
{
    while (n-- > 0) {
        buf_addc(b, '\0');
    }
}

/* The box that content is in. */
static inline void tiny_mp4_box(struct buf *out, const char *name, const struct buf *content)
{
    tiny_mp4_u32(out, (uint32_t)content->len + 8);
    buf_add(out, name, 4);
    buf_add(out, buf_str(content), content->len);
}

static inline void tiny_mp4_moov(struct buf *out, const struct tiny_mp4 *m)
{
    struct buf tkhd, trak, mvhd, moov;

    buf_init(&tkhd, 1024);
    buf_init(&trak, 1024);
    buf_init(&mvhd, 1024);
    buf_init(&moov, 4096);
    tiny_mp4_zeros(&tkhd, 40);
    for (uint32_t i = 0; i < 9; i++) {
        bool one = m->lies ? i == 1 || i == 3 : i == 0 || i == 4;

        tiny_mp4_u32(&tkhd, i == 8 ? 0x40000000 : one ? 0x10000 : 0);
    }
    tiny_mp4_u32(&tkhd, m->width << 16);
    tiny_mp4_u32(&tkhd, m->height << 16);
    tiny_mp4_box(&trak, "tkhd", &tkhd);
    tiny_mp4_zeros(&mvhd, 12);
    tiny_mp4_u32(&mvhd, m->timescale);
    tiny_mp4_u32(&mvhd, m->duration);
    tiny_mp4_zeros(&mvhd, 80);
    tiny_mp4_box(&moov, "mvhd", &mvhd);
    tiny_mp4_box(&moov, "trak", &trak);
    tiny_mp4_box(out, "moov", &moov);
    buf_done(&tkhd);
    buf_done(&trak);
    buf_done(&mvhd);
    buf_done(&moov);
}

static inline void tiny_mp4_write(struct buf *out, const struct tiny_mp4 *m)
{
    tiny_mp4_u32(out, 16);
    buf_adds(out, "ftyp");
    buf_add(out, m->brand ? m->brand : "isom", 4);
    tiny_mp4_u32(out, 0);
    if (!m->moov_last) {
        tiny_mp4_moov(out, m);
    }
    tiny_mp4_u32(out, m->mdat_bytes + 8);
    buf_adds(out, "mdat");
    for (uint32_t i = 0; i < m->mdat_bytes; i++) {
        buf_addc(out, (char)(m->fill + i % 251));
    }
    if (m->moov_last) {
        tiny_mp4_moov(out, m);
    }
}

#endif
