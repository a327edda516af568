/* What the head of a request may hold. libmicrohttpd reads lines; which of them contradict each
 * other it leaves to us: lengths told twice are the raw material of request smuggling, and so is
 * whatever a proxy before us may read otherwise than we do. Called by door_route.c before anything
 * else looks at a request. Owns nothing. */

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "service/door_internal.h"

/* Headers that say one thing: a second one of them is somebody's trick or somebody's mistake. */
static const char *const single[] = {
    "Host", "Content-Length", "Transfer-Encoding", "Authorization", "Content-Type"};

struct head_scan {
    const char *fault; /* NULL: none so far */
    int seen[ARRAY_LEN(single)];
};

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *text, size_t len)
{
    static const char punctuation[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';

        if (!letter && !digit && memchr(punctuation, c, sizeof punctuation - 1) == NULL) {
            return false;
        }
    }
    return len > 0;
}

/* A tab and everything from the blank on, DEL aside. */
static bool is_field_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static void count_single(struct head_scan *scan, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(single); i++) {
        if (text_same_fold(name, single[i]) && ++scan->seen[i] > 1) {
            scan->fault = "Host, Content-Length, Transfer-Encoding, Authorization and "
                          "Content-Type may each come once";
        }
    }
}

static enum MHD_Result scan_header(void *context,
                                   enum MHD_ValueKind kind,
                                   const char *name,
                                   size_t name_len,
                                   const char *value,
                                   size_t value_len)
{
    struct head_scan *scan = context;

    (void)kind;
    if (!is_token(name, name_len)) {
        scan->fault = "the name of a header holds a character that none may hold";
    } else if (value != NULL && !is_field_value(value, value_len)) {
        scan->fault = "the value of a header holds a control character";
    } else {
        count_single(scan, name);
    }
    return scan->fault == NULL ? MHD_YES : MHD_NO;
}

static bool check_headers(struct door_request *r)
{
    struct head_scan scan = {0};

    (void)MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, scan_header, &scan);
    if (scan.fault != NULL) {
        door_problem(r, 400, NULL, "%s", scan.fault);
    }
    return scan.fault == NULL;
}

static bool check_framing(struct door_request *r, bool is_http_1_0)
{
    const char *coding = door_header(r, "Transfer-Encoding");
    const char *length = door_header(r, "Content-Length");
    uint64_t bytes = 0;

    if (coding != NULL && (length != NULL || is_http_1_0)) {
        door_problem(r,
                     400,
                     NULL,
                     "%s",
                     length != NULL ? "Transfer-Encoding and Content-Length exclude each other"
                                    : "HTTP/1.0 knows no Transfer-Encoding");
        return false;
    }
    if (coding != NULL && !text_same_fold(coding, "chunked")) {
        door_problem(r, 501, NULL, "of transfer codings only chunked is known");
        return false;
    }
    if (length != NULL && (!parse_u64(length, &bytes) || bytes > r->body.max)) {
        door_problem(
            r, 413, NULL, "the body is larger than server.max_body (%zu)", r->body.max);
        return false;
    }
    return true;
}

static bool check_target(struct door_request *r)
{
    size_t len = strlen(r->target);

    if (len > DOOR_TARGET_BYTES) {
        door_problem(
            r, 414, NULL, "the request target is longer than %d bytes", DOOR_TARGET_BYTES);
        return false;
    }
    if (r->target[0] != '/') {
        door_problem(r, 400, NULL, "the request target must be a path, beginning with /");
        return false;
    }
    if (strpbrk(r->target, " \t") != NULL || !is_field_value(r->target, len)) {
        door_problem(
            r, 400, NULL, "the request target holds a blank or a control character, unescaped");
        return false;
    }
    return true;
}

bool door__check_head(struct door_request *r, const char *version)
{
    bool is_http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    const char *length = door_header(r, "Content-Length");

    r->has_body = door_header(r, "Transfer-Encoding") != NULL ||
                  (length != NULL && strcmp(length, "0") != 0);
    if (!check_headers(r) || !check_framing(r, is_http_1_0) || !check_target(r)) {
        return false;
    }
    if (!is_http_1_0 && door_header(r, "Host") == NULL) {
        door_problem(r, 400, NULL, "the header Host is missing");
        return false;
    }
    return true;
}
