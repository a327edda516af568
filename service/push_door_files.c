/* The scripts for readers' browsers, and a page to try them on: files in service/push/, built into the program.
 * Called by the door. What each answer says beside its bytes stands in push/WIRE.md. */

#include "service/push_door.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"

extern const unsigned char push_client_js[], push_sw_js[], push_page_html[], push_page_js[];
extern const size_t push_client_js_len, push_sw_js_len, push_page_html_len, push_page_js_len;

#define SCRIPT "text/javascript; charset=utf-8"
#define AN_HOUR "public, max-age=3600"
/* Each time: a browser that keeps a worker for long must not keep an old one longer. */
#define ASK_FIRST "no-cache"
#define PAGE_POLICY                                                                            \
    "default-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; "                  \
    "form-action 'none'; frame-ancestors 'none'"

struct file {
    const unsigned char *bytes;
    size_t len;
    const char *type, *cache;
};

#define ETAG_BYTES 36 /* two quotes, 32 hex digits */

static void make_etag(const struct file *f, char etag[ETAG_BYTES])
{
    char hex[SHA256_HEX_BYTES];
    uint8_t digest[SHA256_BYTES];

    crypto_sha256(f->bytes, f->len, digest);
    (void)crypto_hex(digest, sizeof digest, hex);
    (void)snprintf(etag, ETAG_BYTES, "\"%.32s\"", hex);
}

static void answer(struct door_request *r, const struct file *f)
{
    const char *has = door_header(r, "If-None-Match");
    char etag[ETAG_BYTES];
    struct buf body;

    make_etag(f, etag);
    door_reply_header(r, "ETag", etag);
    door_reply_header(r, "Cache-Control", f->cache);
    if (has && strstr(has, etag)) {
        door_reply_empty(r, 304);
        return;
    }
    buf_init(&body, f->len);
    buf_add(&body, f->bytes, f->len);
    door_reply_text(r, 200, f->type, &body);
    buf_done(&body);
}

static void for_all_sites(struct door_request *r)
{
    door_reply_header(r, "Access-Control-Allow-Origin", "*");
    door_reply_header(r, "Cross-Origin-Resource-Policy", "cross-origin");
}

void push_serve_client(struct crier *c, struct door_request *r)
{
    (void)c;
    for_all_sites(r);
    answer(r, &(struct file){push_client_js, push_client_js_len, SCRIPT, AN_HOUR});
}

void push_serve_worker(struct crier *c, struct door_request *r)
{
    (void)c;
    for_all_sites(r);
    door_reply_header(r, "Service-Worker-Allowed", "/");
    answer(r, &(struct file){push_sw_js, push_sw_js_len, SCRIPT, ASK_FIRST});
}

void push_serve_page(struct crier *c, struct door_request *r)
{
    (void)c;
    door_reply_header(r, "Content-Security-Policy", PAGE_POLICY);
    door_reply_header(r, "X-Robots-Tag", "noindex");
    answer(r,
           &(struct file){
               push_page_html, push_page_html_len, "text/html; charset=utf-8", ASK_FIRST});
}

void push_serve_page_js(struct crier *c, struct door_request *r)
{
    (void)c;
    answer(r, &(struct file){push_page_js, push_page_js_len, SCRIPT, ASK_FIRST});
}
