/* What is remembered of a source, as one JSON text in the ledger. Called by the other files of the watcher
 * whenever something changed that a restart must know; owns the text while it is being written. At
 * most one write of a source is on its way: what changes meanwhile goes with the next.
 *
 * A text that cannot be read is not an error that stops anything: the source begins with first sight
 * again, which sends nothing. */

#include "service/watch_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/websub.h"

#define STATE_BYTES ((size_t)4 * 1024 * 1024)
#define STATE_DEPTH 8
#define STATE_VERSION 1

/* ---- pages ---- */

static void page_done(struct watch_page *p)
{
    mem_free(p->url);
    watch_validators_done(&p->validators);
    *p = (struct watch_page){.url = NULL};
}

struct watch_page *watch__page(struct watch_kept *k, const char *url)
{
    for (size_t i = 0; i < k->page_count; i++) {
        if (strcmp(k->pages[i].url, url) == 0) {
            return &k->pages[i];
        }
    }
    return NULL;
}

void watch__kept_done(struct watch_kept *k)
{
    for (size_t i = 0; i < k->page_count; i++) {
        page_done(&k->pages[i]);
    }
    watch_move_done(&k->move);
    watch_known_free(k->known);
    mem_free(k->url);
    mem_free(k->moved_to);
    mem_free(k->format);
    mem_free(k->title);
    mem_free(k->damage);
    mem_free(k->hub);
    mem_free(k->topic);
    mem_free(k->error);
    mem_free(k->stopped);
    *k = (struct watch_kept){.url = NULL};
}

void watch__kept_reset(struct watch_kept *k, const char *url)
{
    watch__kept_done(k);
    k->url = mem_strdup(url);
    k->known = watch_known_new();
    k->pages[0].url = mem_strdup(url);
    k->page_count = 1;
}

/* ---- as JSON ---- */

static void set_number(json_t *o, const char *key, int64_t value)
{
    if (value != 0) {
        (void)json_object_set_new(o, key, json_integer(value));
    }
}

static json_t *page_json(const struct watch_page *p)
{
    json_t *o = json_object();
    char hex[SHA256_HEX_BYTES];

    json_set_str(o, "url", p->url);
    json_set_str(o, "etag", p->validators.etag);
    json_set_str(o, "last_modified", p->validators.last_modified);
    json_set_str(o, "hash", p->has_hash ? crypto_hex(p->hash, sizeof p->hash, hex) : NULL);
    set_number(o, "updated_at", p->updated_at_ms);
    return o;
}

static void set_course(json_t *o, const struct watch_kept *k)
{
    set_number(o, "first_seen_at", k->first_seen_at_ms);
    set_number(o, "asked_at", k->asked_at_ms);
    set_number(o, "good_at", k->good_at_ms);
    set_number(o, "new_at", k->new_at_ms);
    set_number(o, "failures", k->failures);
    set_number(o, "wait_until", k->wait_until_ms);
    set_number(o, "status", k->status);
    set_number(o, "error_at", k->error_at_ms);
    set_number(o, "held", k->held);
    set_number(o, "moved_times", k->move.times);
    json_set_str(o, "moved_perhaps_to", k->move.to);
    json_set_str(o, "moved_to", k->moved_to);
    json_set_str(o, "format", k->format);
    json_set_str(o, "title", k->title);
    json_set_str(o, "damage", k->damage);
    json_set_str(o, "hub", k->hub);
    json_set_str(o, "topic", k->topic);
    json_set_str(o, "error", k->error);
    json_set_str(o, "stopped", k->stopped);
}

static json_t *state_json(const struct watched *s)
{
    const struct watch_kept *k = &s->kept;
    json_t *o = json_object(), *pages = json_array();
    struct buf known;

    buf_init(&known, STATE_BYTES);
    watch_known_write(k->known, clock_wall_ms(), &known);
    (void)json_object_set_new(o, "version", json_integer(STATE_VERSION));
    json_set_str(o, "url", k->url);
    set_course(o, k);
    (void)json_object_set_new(o, "is_index", json_boolean(k->is_index));
    for (size_t i = 0; i < k->page_count; i++) {
        (void)json_array_append_new(pages, page_json(&k->pages[i]));
    }
    (void)json_object_set_new(o, "pages", pages);
    json_set_str(o, "known", buf_str(&known));
    if (s->websub) {
        (void)json_object_set_new(o, "websub", websub_state_json(s->websub));
    }
    buf_done(&known);
    return o;
}

/* ---- into the ledger ---- */

static void save_now(struct watched *s, bool forget);

static void on_saved(struct ledger_request *r)
{
    struct watched *s = container_of(r, struct watched, save.req);
    enum err_code rc = r->rc;

    s->saving = false;
    mem_free(s->saved_text);
    s->saved_text = NULL;
    if (rc && rc != ERR_STOPPED) {
        log_error(EV_LEDGER_FAILED, LOG_STR("error", r->why.text));
        /* What was to be kept is kept with the next change; until then a crash repeats a reading. */
    }
    ledger_request_done(r);
    if (s->dirty && !s->replaced && rc != ERR_STOPPED) {
        save_now(s, !s->source);
    } else {
        watch__end_if_idle(s);
    }
}

static void save_now(struct watched *s, bool forget)
{
    s->dirty = false;
    s->saving = true;
    if (!forget) {
        json_t *state = state_json(s);
        struct buf text;

        buf_init(&text, STATE_BYTES);
        json_write(&text, state);
        json_decref(state);
        s->saved_text = buf_detach(&text, NULL);
        buf_done(&text);
    }
    memset(&s->save, 0, sizeof s->save);
    s->save.req.kind = LEDGER_SOURCE_SAVE;
    s->save.req.done = on_saved;
    s->save.name = s->name;
    s->save.state = s->saved_text;
    s->save.now_ms = clock_wall_ms();
    ledger_submit(s->watch->crier->ledger, &s->save.req);
    /* Continues in on_saved(). */
}

void watch__save(struct watched *s)
{
    s->dirty = !s->replaced;
    if (s->dirty && !s->saving && s->watch->crier->ledger) {
        save_now(s, !s->source);
    }
}

/* ---- back ---- */

static int64_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static char *text_of(const json_t *o, const char *key)
{
    return mem_strdup(json_path_str(o, key));
}

static void read_page(struct watch_page *p, const json_t *o)
{
    const char *hash = json_path_str(o, "hash");

    p->url = text_of(o, "url");
    p->validators.etag = text_of(o, "etag");
    p->validators.last_modified = text_of(o, "last_modified");
    p->has_hash = hash && crypto_unhex(hash, strlen(hash), p->hash, sizeof p->hash);
    p->updated_at_ms = number(o, "updated_at");
}

/* The first is there already, and is replaced. */
static void read_pages(struct watch_kept *k, const json_t *pages)
{
    json_t *o;
    size_t i;

    if (json_array_size(pages) == 0) {
        return;
    }
    page_done(&k->pages[0]);
    k->page_count = 0;
    json_array_foreach(pages, i, o)
    {
        if (i < WATCH_PAGES_MAX && json_path_str(o, "url")) {
            read_page(&k->pages[k->page_count++], o);
        }
    }
}

static void read_course(struct watch_kept *k, const json_t *o)
{
    k->first_seen_at_ms = number(o, "first_seen_at");
    k->asked_at_ms = number(o, "asked_at");
    k->good_at_ms = number(o, "good_at");
    k->new_at_ms = number(o, "new_at");
    k->failures = number(o, "failures");
    k->wait_until_ms = number(o, "wait_until");
    k->status = (int)number(o, "status");
    k->error_at_ms = number(o, "error_at");
    k->held = number(o, "held");
    k->move.times = number(o, "moved_times");
    k->move.to = text_of(o, "moved_perhaps_to");
    k->moved_to = text_of(o, "moved_to");
    k->format = text_of(o, "format");
    k->title = text_of(o, "title");
    k->damage = text_of(o, "damage");
    k->hub = text_of(o, "hub");
    k->topic = k->hub ? text_of(o, "topic") : NULL;
    k->error = text_of(o, "error");
    k->stopped = text_of(o, "stopped");
    k->is_index = json_is_true(json_object_get(o, "is_index"));
}

static bool read_state(struct watched *s, const json_t *o)
{
    struct watch_kept *k = &s->kept;
    const char *url = json_path_str(o, "url"), *known = json_path_str(o, "known");

    if (!url || !known || number(o, "version") != STATE_VERSION) {
        return false;
    }
    watch__kept_reset(k, url);
    if (!watch_known_read(k->known, known, strlen(known))) {
        return false;
    }
    read_course(k, o);
    read_pages(k, json_object_get(o, "pages"));
    if (k->page_count == 0) {
        return false;
    }
    s->websub = websub_restore(s, json_object_get(o, "websub"));
    return true;
}

bool watch__restore(struct watched *s, const char *text)
{
    json_t *o = NULL;
    struct err why;
    bool good =
        json_read(&o, text, strlen(text), STATE_DEPTH, &why) == ERR_NONE && read_state(s, o);

    json_decref(o);
    if (!good) {
        watch__kept_reset(&s->kept, s->settings ? s->settings->url : "");
    }
    return good;
}
