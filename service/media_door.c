/* GET /media/{name}: files for platforms that fetch pictures and videos by themselves. Called by the door;
 * what there is to give is the cache's. A name is a keyed hash, given to a platform by a delivery of the last
 * day; there is no list, and nothing else in the directory has a name here.
 *
 * A part can be asked for (RFC 9110 section 14), as platforms do of videos: one range; of several, or what
 * is no range, the whole is the answer, as the RFC allows. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "service/crier.h"
#include "service/door.h"
#include "service/media_internal.h"

#define CACHE_CONTROL "public, max-age=3600" /* a name says what is behind it */

enum asked { WHOLE, PART, OUTSIDE };

static bool read_number(const char *text, size_t len, uint64_t *out)
{
    char digits[24];

    if (len == 0 || len >= sizeof digits || strspn(text, "0123456789") < len) {
        return false;
    }
    (void)snprintf(digits, sizeof digits, "%.*s", (int)len, text);
    return parse_u64(digits, out);
}

/* "bytes=100-199", "bytes=100-", "bytes=-100"; out: from, and how many. */
static enum asked read_range(const char *text, uint64_t len, uint64_t *from, uint64_t *count)
{
    const char *dash = text ? strchr(text, '-') : NULL;
    uint64_t first = 0, last = len - 1;
    bool has_first, has_last;

    if (!dash || strncmp(text, "bytes=", 6) != 0) {
        return WHOLE;
    }
    text += 6;
    has_first = read_number(text, (size_t)(dash - text), &first);
    has_last = read_number(dash + 1, strlen(dash + 1), &last);
    if ((!has_first && dash != text) || (!has_last && dash[1] != '\0') ||
        (!has_first && !has_last)) {
        return WHOLE;
    }
    if (!has_first) { /* so many from the end */
        if (last == 0) {
            return OUTSIDE;
        }
        first = last < len ? len - last : 0;
        last = len - 1;
    }
    if (has_first && has_last && last < first) {
        return WHOLE;
    }
    if (first >= len) {
        return OUTSIDE;
    }
    *from = first;
    *count = (last < len ? last + 1 : len) - first;
    return PART;
}

static void answer(struct door_request *r, const struct media_file *f)
{
    const char *if_range = door_header(r, "If-Range");
    uint64_t from = 0, count = f->out.len;
    enum asked asked = WHOLE;
    char text[80], etag[MEDIA_ID_BYTES + 16];
    int fd;

    (void)snprintf(etag, sizeof etag, "\"%s\"", f->served);
    if (!if_range || strcmp(if_range, etag) == 0) {
        asked = read_range(door_header(r, "Range"), f->out.len, &from, &count);
    }
    door_reply_header(r, "ETag", etag);
    door_reply_header(r, "Accept-Ranges", "bytes");
    door_reply_header(r, "Cache-Control", CACHE_CONTROL);
    if (asked == OUTSIDE) {
        (void)snprintf(text, sizeof text, "bytes */%" PRIu64, f->out.len);
        door_reply_header(r, "Content-Range", text);
        door_problem(r, 416, NULL, "the file has %" PRIu64 " bytes", f->out.len);
        return;
    }
    if (asked == PART) {
        (void)snprintf(text,
                       sizeof text,
                       "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                       from,
                       from + count - 1,
                       f->out.len);
        door_reply_header(r, "Content-Range", text);
    }
    fd = fcntl(f->out.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        door_problem(r, 503, NULL, "too many files are open");
        return;
    }
    door_reply_file(r, asked == PART ? 206 : 200, f->type, fd, from, count);
}

void media_serve(struct crier *c, struct door_request *r)
{
    struct media_file *f = media_cache_served(c->media->cache, door_param(r, 0));
    struct err why;

    if (!f || media_file_use(f, &why) != ERR_NONE) {
        door_problem(r, 404, NULL, "there is nothing at %s", door_path(r));
        return;
    }
    answer(r, f);
    media_file_unuse(f); /* the answer has a descriptor of its own */
}
