/* The screen of `crier status --watch`. Called by cli_watch.c once a second.
 *
 *   crier  127.0.0.1:8480  ready                                        21:45:07
 *   3 channels ok, mastodon blocked
 *   webpush  1,204,300 members, 3,201 gone, 980,000 prepared, dry run ok
 *
 *   Harbour fire: three injured                                webpush  breaking
 *   ███████████████████████████████████████████▌                            78 %
 *   running, 99,120/s, 3 s left          780,120 accepted of 1,000,000, 812 again
 *     service      accepted retried   gone refused unknown    50%    90% …
 *
 * Waves that are not through come first, and what does not fit is left out from below: events first, then what has
 * ended. */

#include "service/cli_watch_draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "service/cli_print.h"
#include "service/cli_wave_view.h"

#define LINE_BYTES ((size_t)8192)
#define PERCENT_COLUMNS 6 /* " 100 %" */
#define NARROWEST 40
#define SHORT_BYTES 64
/* What has ended stays in sight for so long. */
#define ENDED_SHOWN_MS (10 * MS_MINUTE)

struct frame {
    struct buf *out;
    const struct watch_view *v;
    size_t lines, width;
};

/* ---- lines ---- */

/* A line is made of pieces; it ends where the terminal does. */
struct line {
    struct frame *f;
    size_t used;
};

static bool has_room(const struct frame *f, size_t lines)
{
    return f->lines + lines <= f->v->height;
}

static void put(struct line *l, enum tint tint, const char *text)
{
    size_t left = l->f->width - l->used, columns;
    struct buf clean; /* measured as it is shown */

    buf_init(&clean, LINE_BYTES);
    terminal_text(&clean, text, TINT_NONE, false);
    columns = text_columns(buf_str(&clean), clean.len);
    if (left > 0 && columns > 0) {
        terminal_cell(l->f->out, buf_str(&clean), left, true, tint, l->f->v->colours);
        l->used += columns < left ? columns : left;
    }
    buf_done(&clean);
}

static void putf(struct line *l, enum tint tint, const char *format, ...) PRINTF_LIKE(3, 4);
static void putf(struct line *l, enum tint tint, const char *format, ...)
{
    char text[1024];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    put(l, tint, text);
}

/* Blanks, so that what comes, so many columns wide, ends at the right. */
static void push_right(struct line *l, size_t columns)
{
    while (l->used + columns < l->f->width) {
        buf_addc(l->f->out, ' ');
        l->used++;
    }
}

static void end_line(struct line *l)
{
    buf_adds(l->f->out, l->f->v->screen ? "\x1b[K\r\n" : "\n");
    l->f->lines++;
    l->used = 0;
}

static void blank(struct frame *f)
{
    struct line l = {.f = f};

    if (has_room(f, 1)) {
        end_line(&l);
    }
}

/* ---- the head ---- */

static void draw_head(struct frame *f)
{
    const struct watch_view *v = f->v;
    struct line l = {.f = f};
    char at[CLI_TIME_BYTES];

    put(&l, TINT_BOLD, "crier");
    putf(&l, TINT_DIM, "  %s  ", v->where);
    if (v->trouble != NULL) {
        put(&l, TINT_BAD, "no answer");
    } else {
        put(&l, v->ready ? TINT_GOOD : TINT_WARN, v->ready ? "ready" : "not ready");
    }
    if (l.used + 10 <= f->width) {
        push_right(&l, 8);
        put(&l, TINT_DIM, cli_time_ms(v->now_ms, at));
    }
    end_line(&l);
    if (v->trouble != NULL) {
        put(&l, TINT_BAD, v->trouble);
        end_line(&l);
    }
}

static void draw_channels(struct frame *f)
{
    struct line l = {.f = f};
    size_t good = 0, i;
    const json_t *ch;

    json_array_foreach(f->v->channels, i, ch)
    {
        good += strcmp(cli_member(ch, "health", 0), "ok") == 0;
    }
    putf(&l, TINT_NONE, "%zu of %zu channels ok", good, json_array_size(f->v->channels));
    json_array_foreach(f->v->channels, i, ch)
    {
        const char *health = cli_member(ch, "health", 0);

        if (strcmp(health, "ok") != 0) {
            putf(&l, terminal_tint(health), ", %s %s", cli_member(ch, "name", 1), health);
        }
    }
    end_line(&l);
}

static void put_count(struct line *l, const json_t *a, const char *name, const char *shown)
{
    int64_t n = wave_number(a, name);
    char text[CLI_COUNT_BYTES];

    if (n > 0) {
        putf(l, TINT_NONE, ", %s %s", cli_count(n, text), shown);
    }
}

static void draw_audience(struct frame *f, const char *name, const json_t *a)
{
    const json_t *canary = json_object_get(a, "canary");
    struct line l = {.f = f};
    char text[CLI_COUNT_BYTES];

    putf(&l, TINT_BOLD, "%s", name);
    putf(&l, TINT_NONE, "  %s members", cli_count(wave_number(a, "active"), text));
    put_count(&l, a, "prepared", "prepared");
    put_count(&l, a, "gone", "gone");
    if (wave_number(a, "quarantined") > 0) {
        putf(&l, TINT_WARN, ", %s put aside", cli_count(wave_number(a, "quarantined"), text));
    }
    if (strcmp(cli_member(a, "mode", 0), "test") == 0) {
        put(&l, TINT_WARN, ", test members only");
    }
    if (json_is_true(json_object_get(canary, "ok")) &&
        !json_is_true(json_object_get(canary, "late"))) {
        put(&l, TINT_DIM, ", dry run ok");
    }
    end_line(&l);
    if (json_is_false(json_object_get(canary, "ok"))) {
        putf(&l,
             TINT_BAD,
             "  dry run failed at %s: %s",
             cli_member(canary, "stage", 0),
             cli_member(canary, "detail", 1));
        end_line(&l);
    } else if (json_is_true(json_object_get(canary, "late"))) {
        put(&l,
            TINT_BAD,
            "  dry run is late: none has come through for more than two intervals");
        end_line(&l);
    }
}

static void draw_audiences(struct frame *f)
{
    const json_t *ch, *a;
    size_t i;

    json_array_foreach(f->v->channels, i, ch)
    {
        a = json_object_get(ch, "audience");
        if (json_is_object(a) && has_room(f, 6)) {
            draw_audience(f, cli_member(ch, "name", 0), a);
        }
    }
}

/* ---- a wave ---- */

static void draw_title(struct frame *f, const json_t *w)
{
    struct line l = {.f = f};
    char right[160];
    size_t columns;

    (void)snprintf(right,
                   sizeof right,
                   "  %.80s%s%s",
                   cli_member(w, "channel", 0),
                   json_is_true(json_object_get(w, "breaking")) ? "  breaking" : "",
                   json_is_true(json_object_get(w, "test")) ? "  test" : "");
    columns = text_columns(right, strlen(right));
    if (columns + 20 < f->width) {
        f->width -= columns;
        put(&l, TINT_BOLD, wave_title(w));
        f->width += columns;
        push_right(&l, columns);
    }
    put(&l, TINT_NONE, right);
    end_line(&l);
}

/* Eighths of a column, where the terminal can show them. */
static void put_bar(struct line *l, size_t columns, int64_t part, int64_t whole, enum tint tint)
{
    static const char *const eighths[] = {
        "",
        "\xe2\x96\x8f",
        "\xe2\x96\x8e",
        "\xe2\x96\x8d",
        "\xe2\x96\x8c",
        "\xe2\x96\x8b",
        "\xe2\x96\x8a",
        "\xe2\x96\x89",
    };
    size_t filled =
        whole > 0 ? (size_t)((double)part / (double)whole * (double)columns * 8) : 0;
    struct buf bar, rest;

    filled = filled < columns * 8 ? filled : columns * 8;
    buf_init(&bar, LINE_BYTES);
    buf_init(&rest, LINE_BYTES);
    for (size_t i = 0; i < filled / 8; i++) {
        buf_adds(&bar, l->f->v->utf8 ? "\xe2\x96\x88" : "#");
    }
    if (l->f->v->utf8) {
        buf_adds(&bar, eighths[filled % 8]);
    }
    for (size_t i = text_columns(buf_str(&bar), bar.len); i < columns; i++) {
        buf_adds(&rest, l->f->v->utf8 ? "\xc2\xb7" : ".");
    }
    put(l, tint, buf_str(&bar));
    put(l, TINT_DIM, buf_str(&rest));
    buf_done(&bar);
    buf_done(&rest);
}

static void draw_bar(struct frame *f, const json_t *w, enum tint tint)
{
    struct line l = {.f = f};

    put_bar(&l,
            f->width - PERCENT_COLUMNS,
            wave_settled_count(w),
            wave_number(w, "members"),
            tint == TINT_NONE ? TINT_DIM : tint);
    push_right(&l, PERCENT_COLUMNS);
    putf(&l, TINT_BOLD, "%4d %%", wave_percent(w));
    end_line(&l);
}

/* What is left, at this rate; below 0: nobody knows. */
static int64_t left_ms(const json_t *w, int64_t per_s)
{
    int64_t left = wave_number(w, "members") - wave_settled_count(w);

    return per_s > 0 && left > 0 ? left * MS_SECOND / per_s : -1;
}

static void add_progress(struct buf *out, const json_t *w, int64_t per_s, int64_t now_ms)
{
    char text[CLI_COUNT_BYTES], span[CLI_SPAN_BYTES];
    int64_t ms = left_ms(w, per_s);

    wave_words(out, w, now_ms);
    if (wave_phase(w, now_ms) != WAVE_PHASE_RUNNING) {
        return;
    }
    if (per_s > 0) {
        buf_addf(out, ", %s/s", cli_count(per_s, text));
    }
    if (ms >= 0) {
        buf_addf(out, ", %s left", cli_span(ms < MS_SECOND ? MS_SECOND : ms, span));
    }
}

static void add_numbers(struct buf *out, const json_t *w)
{
    static const struct {
        const char *name, *shown;
    } rows[] = {
        {"undeliverable", "gone"},
        {"refused", "refused"},
        {"again", "again"},
        {"unknown", "unknown"},
    };
    char text[CLI_COUNT_BYTES], of[CLI_COUNT_BYTES];

    buf_addf(out,
             "%s accepted of %s",
             cli_count(wave_number(w, "accepted"), text),
             cli_count(wave_number(w, "members"), of));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (wave_number(w, rows[i].name) > 0) {
            buf_addf(
                out, ", %s %s", cli_count(wave_number(w, rows[i].name), text), rows[i].shown);
        }
    }
}

static int64_t rate_of(const struct watch_view *v, const json_t *w)
{
    return json_integer_value(json_object_get(v->rates, cli_member(w, "delivery", 3)));
}

/* On one line where both fit. */
static void draw_words(struct frame *f, const json_t *w, enum tint tint)
{
    struct line l = {.f = f};
    struct buf words, numbers;
    size_t columns;

    buf_init(&words, LINE_BYTES);
    buf_init(&numbers, LINE_BYTES);
    add_progress(&words, w, rate_of(f->v, w), f->v->now_ms);
    add_numbers(&numbers, w);
    put(&l, tint, buf_str(&words));
    columns = text_columns(buf_str(&numbers), numbers.len);
    if (l.used + 2 + columns > f->width && has_room(f, 2)) {
        end_line(&l);
    } else {
        push_right(&l, columns);
    }
    put(&l, TINT_NONE, buf_str(&numbers));
    end_line(&l);
    buf_done(&words);
    buf_done(&numbers);
}

static void draw_hint(struct frame *f, const json_t *w, enum wave_phase phase)
{
    struct line l = {.f = f};
    const char *id = cli_member(w, "delivery", 0);

    if (phase == WAVE_PHASE_WORD && has_room(f, 1)) {
        putf(&l, TINT_WARN, "  let it go: crier wave confirm %s", id);
        end_line(&l);
    }
    if ((phase == WAVE_PHASE_WORD || phase == WAVE_PHASE_UNDO) && has_room(f, 1)) {
        putf(&l, TINT_WARN, "  take it back: crier wave stop %s", id);
        end_line(&l);
    }
}

/* ---- by push service ---- */

/* "850ms" "2.1s" "41s" "3m20s": six columns at most. */
static const char *short_span(int64_t ms, char out[SHORT_BYTES])
{
    int64_t s = ms / MS_SECOND;

    if (ms < MS_SECOND) {
        (void)snprintf(out, SHORT_BYTES, "%" PRId64 "ms", ms);
    } else if (s < 10) {
        (void)snprintf(out, SHORT_BYTES, "%" PRId64 ".%" PRId64 "s", s, ms % MS_SECOND / 100);
    } else if (s < 100) {
        (void)snprintf(out, SHORT_BYTES, "%" PRId64 "s", s);
    } else if (s < 6000) {
        (void)snprintf(out, SHORT_BYTES, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    } else {
        (void)snprintf(out, SHORT_BYTES, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    }
    return out;
}

static const struct {
    const char *name, *title;
    int columns;
} service_counts[] = {
    {"accepted", "accepted", 10},
    {"retried", "retried", 8},
    {"gone", "gone", 7},
    {"refused", "refused", 8},
    {"unknown", "unknown", 8},
};
static const char *const service_parts[] = {"50", "90", "99", "100"};

static void draw_service_titles(struct frame *f)
{
    struct line l = {.f = f};

    putf(&l, TINT_DIM, "  %-9s", "service");
    for (size_t i = 0; i < ARRAY_LEN(service_counts); i++) {
        putf(&l, TINT_DIM, "%*s", service_counts[i].columns, service_counts[i].title);
    }
    for (size_t i = 0; i < ARRAY_LEN(service_parts); i++) {
        putf(&l, TINT_DIM, "%6s%%", service_parts[i]);
    }
    end_line(&l);
}

static void draw_service(struct frame *f, const json_t *s)
{
    const json_t *ms = json_object_get(s, "ms");
    struct line l = {.f = f};
    char text[CLI_COUNT_BYTES], span[SHORT_BYTES];

    putf(&l, TINT_NONE, "  %-9.9s", cli_member(s, "name", 0));
    for (size_t i = 0; i < ARRAY_LEN(service_counts); i++) {
        int64_t n = wave_number(s, service_counts[i].name);

        putf(&l,
             n == 0   ? TINT_DIM
             : i == 0 ? TINT_GOOD
             : i > 1  ? TINT_WARN
                      : TINT_NONE,
             "%*s",
             service_counts[i].columns,
             cli_count(n, text));
    }
    for (size_t i = 0; i < ARRAY_LEN(service_parts); i++) {
        const json_t *v = json_object_get(ms, service_parts[i]);

        putf(&l,
             TINT_NONE,
             "%7s",
             json_is_integer(v) ? short_span(json_integer_value(v), span) : "");
    }
    end_line(&l);
}

static void draw_services(struct frame *f, const json_t *w)
{
    const json_t *services = json_object_get(w, "services"), *s;
    size_t i;

    if (json_array_size(services) == 0 || !has_room(f, 2)) {
        return;
    }
    draw_service_titles(f);
    json_array_foreach(services, i, s)
    {
        if (has_room(f, 1)) {
            draw_service(f, s);
        }
    }
}

static void draw_wave(struct frame *f, const json_t *w)
{
    enum wave_phase phase = wave_phase(w, f->v->now_ms);
    enum tint tint = wave_tint(phase);

    if (!has_room(f, 4)) {
        return;
    }
    blank(f);
    draw_title(f, w);
    draw_bar(f, w, tint);
    draw_words(f, w, tint);
    draw_hint(f, w, phase);
    draw_services(f, w);
}

static bool is_open(const json_t *w, int64_t now_ms)
{
    enum wave_phase phase = wave_phase(w, now_ms);

    return phase != WAVE_PHASE_ENDED && phase != WAVE_PHASE_STOPPED;
}

static bool is_recent(const json_t *w, int64_t now_ms)
{
    const char *text = json_path_str(w, "started_at");
    int64_t at_ms;

    return text != NULL && time_parse_rfc3339(text, strlen(text), &at_ms) &&
           now_ms - at_ms < ENDED_SHOWN_MS;
}

static void draw_waves(struct frame *f)
{
    size_t shown = 0, i;
    const json_t *w;

    for (int open = 1; open >= 0; open--) {
        json_array_foreach(f->v->waves, i, w)
        {
            if (is_open(w, f->v->now_ms) == open && (open || is_recent(w, f->v->now_ms))) {
                draw_wave(f, w);
                shown++;
            }
        }
    }
    if (shown == 0 && has_room(f, 2)) {
        struct line l = {.f = f};

        blank(f);
        put(&l, TINT_DIM, "nothing is on its way to an audience");
        end_line(&l);
    }
}

/* ---- events ---- */

static void draw_events(struct frame *f)
{
    size_t count = json_array_size(f->v->events);
    size_t room = f->v->height > f->lines + 2 ? f->v->height - f->lines - 2 : 0;
    size_t from = count > room ? count - room : 0;

    if (count == 0 || room == 0) {
        return;
    }
    blank(f);
    for (size_t i = from; i < count; i++) {
        struct line l = {.f = f};

        put(&l, TINT_DIM, json_string_value(json_array_get(f->v->events, i)));
        end_line(&l);
    }
}

static void draw_foot(struct frame *f)
{
    struct line l = {.f = f};

    while (f->v->screen && f->lines + 1 < f->v->height) {
        blank(f);
    }
    if (has_room(f, 1)) {
        put(&l, TINT_DIM, "q ends; stop all of it: crier wave stop --all");
        if (f->v->screen) {
            buf_adds(f->out, "\x1b[K"); /* no line end: the screen would move */
            f->lines++;
        } else {
            end_line(&l);
        }
    }
}

void watch_draw(struct buf *out, const struct watch_view *v)
{
    struct frame f = {.out = out, .v = v, .width = v->width < NARROWEST ? NARROWEST : v->width};

    draw_head(&f);
    if (v->channels != NULL) {
        draw_channels(&f);
        draw_audiences(&f);
        draw_waves(&f);
    }
    draw_events(&f);
    draw_foot(&f);
}

void watch_line(struct buf *out, const json_t *w, int64_t per_s, int64_t now_ms)
{
    buf_addf(out, "%-14s %3d %% ", cli_member(w, "channel", 0), wave_percent(w));
    add_progress(out, w, per_s, now_ms);
    buf_adds(out, ": ");
    add_numbers(out, w);
}
