/* Answers that are a file, or a part of one, read piece by piece while they are sent. Called by handlers.
 *
 * By a reader of ours, and not by libmicrohttpd's own for files: that reads 4 KiB at a time, and the door
 * would not know that anything came of such a turn, and wait (door.c). A piece is read on the loop, from
 * memory as a rule: what is served was written a moment ago, and the kernel is told beforehand what comes
 * next, which it then reads from the disk by itself. */

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "service/door_internal.h"

#define PIECE_BYTES ((size_t)128 * 1024)
#define AHEAD_BYTES ((uint64_t)2 * 1024 * 1024)

struct file_answer {
    struct door *door; /* outlives what it sends */
    int fd;
    uint64_t from, len;
};

static void read_ahead(const struct file_answer *f, uint64_t at)
{
    if (at % AHEAD_BYTES < PIECE_BYTES) {
        (void)posix_fadvise(
            f->fd, (off_t)(f->from + at), (off_t)(2 * AHEAD_BYTES), POSIX_FADV_WILLNEED);
    }
}

static ssize_t read_piece(void *context, uint64_t at, char *to, size_t max)
{
    struct file_answer *f = context;
    size_t n = max < f->len - at ? max : (size_t)(f->len - at);
    ssize_t got;

    read_ahead(f, at);
    got = pread(f->fd, to, n, (off_t)(f->from + at));
    f->door->progress = true;
    /* Less than was promised in Content-Length: the connection ends, and the reader knows. */
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void file_done(void *context)
{
    struct file_answer *f = context;

    (void)close(f->fd);
    mem_free(f);
}

void door_reply_file(
    struct door_request *r, int status, const char *type, int fd, uint64_t from, uint64_t len)
{
    struct file_answer *f = mem_zalloc(sizeof *f);
    struct MHD_Response *response;

    f->door = r->door;
    f->fd = fd;
    f->from = from;
    f->len = len;
    response = MHD_create_response_from_callback(len, PIECE_BYTES, read_piece, f, file_done);
    must(response != NULL);
    door_reply_header(r, "Content-Type", type);
    r->file_bytes = len;
    door__request_answer(r, status, response);
}
