/* A wave in words and numbers for people. Called by cli_wave.c and cli_watch_draw.c; pure. */

#include "service/cli_wave_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "queue/state.h"
#include "service/cli_print.h"

const char *cli_count(int64_t n, char out[CLI_COUNT_BYTES])
{
    char digits[24];
    size_t len, to = 0;

    (void)snprintf(digits, sizeof digits, "%" PRId64, n < 0 ? 0 : n);
    len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[to++] = ',';
        }
        out[to++] = digits[i];
    }
    out[to] = '\0';
    return out;
}

const char *cli_span(int64_t ms, char out[CLI_SPAN_BYTES])
{
    int64_t s = ms / MS_SECOND;

    if (ms < MS_SECOND) {
        (void)snprintf(out, CLI_SPAN_BYTES, "%" PRId64 " ms", ms < 0 ? 0 : ms);
    } else if (s < 10) {
        (void)snprintf(
            out, CLI_SPAN_BYTES, "%" PRId64 ".%" PRId64 " s", s, ms % MS_SECOND / 100);
    } else if (s < 120) {
        (void)snprintf(out, CLI_SPAN_BYTES, "%" PRId64 " s", s);
    } else if (s < 7200) {
        (void)snprintf(out, CLI_SPAN_BYTES, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    } else {
        (void)snprintf(
            out, CLI_SPAN_BYTES, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    }
    return out;
}

int64_t wave_number(const json_t *wave, const char *name)
{
    return json_integer_value(json_object_get(wave, name));
}

static bool is_true(const json_t *wave, const char *name)
{
    return json_is_true(json_object_get(wave, name));
}

/* 0: there is none. */
static int64_t time_of(const json_t *wave, const char *name)
{
    const char *text = json_path_str(wave, name);
    int64_t at_ms = 0;

    return text != NULL && time_parse_rfc3339(text, strlen(text), &at_ms) ? at_ms : 0;
}

enum wave_phase wave_phase(const json_t *wave, int64_t now_ms)
{
    enum delivery_state state = DELIVERY_READY;

    (void)delivery_state_parse(cli_member(wave, "state", 3), &state);
    if (is_true(wave, "halted")) {
        return WAVE_PHASE_STOPPED;
    }
    if (delivery_state_ended(state)) {
        return WAVE_PHASE_ENDED;
    }
    if (is_true(wave, "waits_for_word")) {
        return WAVE_PHASE_WORD;
    }
    if (time_of(wave, "go_at") > now_ms) {
        return WAVE_PHASE_UNDO;
    }
    return state == DELIVERY_IN_FLIGHT ? WAVE_PHASE_RUNNING : WAVE_PHASE_LATER;
}

void wave_words(struct buf *out, const json_t *wave, int64_t now_ms)
{
    const char *by = json_path_str(wave, "by");
    char span[CLI_SPAN_BYTES];

    switch (wave_phase(wave, now_ms)) {
    case WAVE_PHASE_WORD:
        buf_adds(out, "waits for a word");
        break;
    case WAVE_PHASE_UNDO:
        buf_addf(
            out,
            "leaves in %s",
            cli_span((time_of(wave, "go_at") - now_ms + MS_SECOND - 1) / MS_SECOND * MS_SECOND,
                     span));
        break;
    case WAVE_PHASE_RUNNING:
        buf_adds(out, "running");
        break;
    case WAVE_PHASE_LATER:
        buf_adds(out, wave_number(wave, "again") > 0 ? "goes on later" : "waits");
        break;
    case WAVE_PHASE_STOPPED:
        buf_addf(out, "stopped%s%s", by != NULL ? " by " : "", by != NULL ? by : "");
        break;
    case WAVE_PHASE_ENDED:
        buf_adds(out, cli_member(wave, "state", 3));
        break;
    }
}

enum tint wave_tint(enum wave_phase phase)
{
    static const enum tint tints[] = {
        [WAVE_PHASE_WORD] = TINT_WARN,
        [WAVE_PHASE_UNDO] = TINT_WARN,
        [WAVE_PHASE_RUNNING] = TINT_GOOD,
        [WAVE_PHASE_LATER] = TINT_WARN,
        [WAVE_PHASE_STOPPED] = TINT_BAD,
        [WAVE_PHASE_ENDED] = TINT_NONE,
    };

    return tints[phase];
}

int64_t wave_settled_count(const json_t *wave)
{
    static const char *const names[] = {
        "accepted", "refused", "undeliverable", "stopped", "missing", "unknown", "skipped"};
    /* Of one that was stopped those who are skipped are the ones that it did not come to. */
    size_t count = is_true(wave, "halted") ? ARRAY_LEN(names) - 1 : ARRAY_LEN(names);
    int64_t sum = 0, members = wave_number(wave, "members");

    for (size_t i = 0; i < count; i++) {
        sum += wave_number(wave, names[i]);
    }
    return sum < members ? sum : members;
}

int wave_percent(const json_t *wave)
{
    int64_t members = wave_number(wave, "members"), done = wave_settled_count(wave);

    return members > 0 ? (int)(done * 100 / members) : 100;
}

const char *wave_title(const json_t *wave)
{
    const char *title = json_path_str(wave, "title");
    const char *article = json_path_str(wave, "article");

    return title != NULL && title[0] != '\0' ? title : article != NULL ? article : "";
}

/* ---- by service ---- */

static void add_count(struct table *t, const json_t *s, const char *name, enum tint tint)
{
    int64_t n = wave_number(s, name);
    char text[CLI_COUNT_BYTES];

    table_cell(t, cli_count(n, text), n > 0 ? tint : TINT_DIM);
}

static void add_times(struct table *t, const json_t *ms)
{
    static const char *const parts[] = {"50", "90", "99", "100"};
    char span[CLI_SPAN_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const json_t *v = json_object_get(ms, parts[i]);

        table_cell(
            t, json_is_integer(v) ? cli_span(json_integer_value(v), span) : "", TINT_NONE);
    }
}

struct table *wave_services_table(const json_t *wave)
{
    static const char *const titles[] = {"service",
                                         "accepted",
                                         "retried",
                                         "gone",
                                         "refused",
                                         "unknown",
                                         "50 %",
                                         "90 %",
                                         "99 %",
                                         "100 %"};
    const json_t *services = json_object_get(wave, "services"), *s;
    struct table *t;
    size_t i;

    if (json_array_size(services) == 0) {
        return NULL;
    }
    t = table_new(titles, ARRAY_LEN(titles));
    json_array_foreach(services, i, s)
    {
        table_row(t);
        table_cell(t, cli_member(s, "name", 0), TINT_BOLD);
        add_count(t, s, "accepted", TINT_GOOD);
        add_count(t, s, "retried", TINT_NONE);
        add_count(t, s, "gone", TINT_WARN);
        add_count(t, s, "refused", TINT_BAD);
        add_count(t, s, "unknown", TINT_WARN);
        add_times(t, json_object_get(s, "ms"));
    }
    return t;
}
