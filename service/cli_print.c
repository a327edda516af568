/* Printing that several verbs share. Leaves tables to table.c; knows the members that the API's
 * deliveries have. */

#include "service/cli_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adapters/adapter.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/cli.h"

#define TEXT_MAX ((size_t)256 * 1024 * 1024)
#define SLOTS 4
#define LINE_BYTES ((size_t)16 * 1024)

void cli_print_json(const json_t *v)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    json_write_pretty(&text, v);
    if (text.len > 0 && text.data[text.len - 1] != '\n') {
        buf_addc(&text, '\n');
    }
    (void)fputs(buf_str(&text), stdout);
    buf_done(&text);
}

void cli_add_ledger_size(json_t *object, const struct ledger_size *size, int64_t took_ms)
{
    (void)json_object_set_new(object, "articles", json_integer(size->articles));
    (void)json_object_set_new(object, "deliveries", json_integer(size->deliveries));
    (void)json_object_set_new(object, "bytes", json_integer(size->bytes));
    (void)json_object_set_new(object, "schema", json_integer(size->version));
    (void)json_object_set_new(object, "seconds", json_real((double)took_ms / MS_SECOND));
}

void cli_print_table(const struct table *t)
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    table_print(t, terminal_colours(STDOUT_FILENO), terminal_width(STDOUT_FILENO), &text);
    (void)fputs(buf_str(&text), stdout);
    buf_done(&text);
}

const char *cli_age(const char *rfc3339, int64_t now_ms, char out[CLI_AGE_BYTES])
{
    static const struct {
        int64_t under_ms, unit_ms;
        const char *suffix;
    } rows[] = {
        {MS_MINUTE, MS_SECOND, "s"},
        {MS_HOUR, MS_MINUTE, "m"},
        {2 * MS_DAY, MS_HOUR, "h"},
        {INT64_MAX, MS_DAY, "d"},
    };
    int64_t at_ms;

    out[0] = '\0';
    if (rfc3339 == NULL || !time_parse_rfc3339(rfc3339, strlen(rfc3339), &at_ms)) {
        return out;
    }
    int64_t age_ms = now_ms > at_ms ? now_ms - at_ms : 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (age_ms < rows[i].under_ms) {
            (void)snprintf(
                out, CLI_AGE_BYTES, "%" PRId64 "%s", age_ms / rows[i].unit_ms, rows[i].suffix);
            break;
        }
    }
    return out;
}

const char *cli_time_ms(int64_t at_ms, char out[CLI_TIME_BYTES])
{
    time_t at = (time_t)(at_ms / MS_SECOND);
    struct tm local;

    out[0] = '\0';
    if (localtime_r(&at, &local) != NULL) {
        (void)strftime(out, CLI_TIME_BYTES, "%H:%M:%S", &local);
    }
    return out;
}

const char *cli_time(const char *rfc3339, char out[CLI_TIME_BYTES])
{
    int64_t at_ms;

    out[0] = '\0';
    if (rfc3339 != NULL && time_parse_rfc3339(rfc3339, strlen(rfc3339), &at_ms)) {
        (void)cli_time_ms(at_ms, out);
    }
    return out;
}

const char *cli_member(const json_t *object, const char *name, unsigned slot)
{
    static char numbers[SLOTS][32];
    json_t *v = json_object_get(object, name);

    must(slot < SLOTS);
    if (json_is_string(v)) {
        return json_string_value(v);
    }
    if (json_is_boolean(v)) {
        return json_is_true(v) ? "true" : "false";
    }
    if (json_is_integer(v)) {
        (void)snprintf(numbers[slot],
                       sizeof numbers[slot],
                       "%" JSON_INTEGER_FORMAT,
                       json_integer_value(v));
        return numbers[slot];
    }
    return "";
}

const char *cli_delivery_note(const json_t *delivery)
{
    const char *link = json_path_str(delivery, "link");
    const char *detail = json_path_str(delivery, "detail");
    const char *state = json_path_str(delivery, "state");

    if (state != NULL && strcmp(state, "done") == 0) {
        const char *remote = json_path_str(delivery, "remote_id");
        const char *text = json_path_str(delivery, "text");
        return link != NULL                                                           ? link
               : remote != NULL                                                       ? remote
               : json_is_true(json_object_get(delivery, "announced")) && text != NULL ? text
                                                                                      : "";
    }
    return detail != NULL ? detail : "";
}

/* The state, as people are told of it. What only told others where to look is not published. */
static const char *state_word(const char *state, const char *detail)
{
    bool announced =
        detail != NULL && strncmp(detail, ADAPTER_ANNOUNCED, strlen(ADAPTER_ANNOUNCED)) == 0;

    return announced && strcmp(state, "done") == 0 ? ADAPTER_ANNOUNCED : state;
}

void cli_print_deliveries(const json_t *deliveries)
{
    static const char *const titles[] = {
        "channel", "rev", "course", "state", "attempts", "time", "link or detail"};
    struct table *t = table_new(titles, ARRAY_LEN(titles));
    char at[CLI_TIME_BYTES];
    json_t *d;
    size_t i;

    json_array_foreach(deliveries, i, d)
    {
        const char *state = cli_member(d, "state", 0);
        table_row(t);
        table_cell(t, cli_member(d, "channel", 1), TINT_BOLD);
        table_cell(t, cli_member(d, "revision", 2), TINT_DIM);
        table_cell(t, json_path_str(d, "course"), TINT_DIM);
        table_cell(t, state_word(state, json_path_str(d, "detail")), terminal_tint(state));
        table_cell(t, cli_member(d, "attempts", 3), TINT_NONE);
        table_cell(t, cli_time(json_path_str(d, "updated_at"), at), TINT_DIM);
        table_cell(t, cli_delivery_note(d), TINT_NONE);
    }
    if (table_rows(t) > 0) {
        cli_print_table(t);
    }
    table_free(t);
}

static void add_fallback_event(struct buf *line, const json_t *data, bool colours)
{
    char *channel = mem_printf("%-14s", cli_member(data, "channel", 0));
    char *note = mem_printf(
        "fallback for %s: %s", cli_member(data, "for", 1), cli_member(data, "detail", 2));

    terminal_text(line, channel, TINT_BOLD, colours);
    buf_addc(line, ' ');
    terminal_text(line, note, TINT_WARN, colours);
    mem_free(channel);
    mem_free(note);
}

static void add_delivery_event(struct buf *line, const json_t *data, bool colours)
{
    const char *to = cli_member(data, "to", 0);
    const char *link = json_path_str(data, "link");
    const char *detail = json_path_str(data, "detail");
    char *channel = mem_printf("%-14s", cli_member(data, "channel", 1));
    char *state = mem_printf("%-10s", state_word(to, detail));

    terminal_text(line, channel, TINT_BOLD, colours);
    buf_addc(line, ' ');
    terminal_text(line, state, terminal_tint(to), colours);
    if (link != NULL || detail != NULL) {
        buf_addc(line, ' ');
        terminal_text(line, link != NULL ? link : detail, TINT_NONE, colours);
    }
    mem_free(channel);
    mem_free(state);
}

static void
add_other_event(struct buf *line, const char *kind, const json_t *data, bool colours)
{
    static const char *const names[] = {"channel",
                                        "event",
                                        "article",
                                        "merged",
                                        "outcome",
                                        "title",
                                        "detail",
                                        "quiet",
                                        "note",
                                        "why"};

    terminal_text(line, kind, TINT_BOLD, colours);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = json_path_str(data, names[i]);
        if (value != NULL) {
            buf_addc(line, ' ');
            terminal_text(line, value, TINT_NONE, colours);
        }
    }
}

void cli_add_event(struct buf *line, const char *kind, const json_t *data, bool colours)
{
    char at[CLI_TIME_BYTES];

    terminal_text(line, cli_time_ms(clock_wall_ms(), at), TINT_DIM, colours);
    buf_addc(line, ' ');
    if (strcmp(kind, "delivery.state") == 0) {
        add_delivery_event(line, data, colours);
    } else if (strcmp(kind, "delivery.fallback") == 0) {
        add_fallback_event(line, data, colours);
    } else {
        add_other_event(line, kind, data, colours);
    }
}

void cli_print_event(const char *kind, const json_t *data)
{
    bool colours = terminal_colours(STDOUT_FILENO);
    struct buf line;

    buf_init(&line, LINE_BYTES);
    cli_add_event(&line, kind, data, colours);
    buf_addc(&line, '\n');
    (void)fputs(buf_str(&line), stdout);
    (void)fflush(stdout);
    buf_done(&line);
}
