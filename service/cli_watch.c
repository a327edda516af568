/* `crier status --watch` in lines: for pipes, logs and one article. Called by cli_status.c; the screen is
 * cli_watch_screen.c's. */

#include "service/cli_watch.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/cli.h"
#include "service/cli_print.h"
#include "service/cli_watch_draw.h"
#include "service/cli_wave_view.h"
#include "service/client.h"

#define TURN_MS MS_SECOND
#define LINE_BYTES ((size_t)1024 * 1024)

struct lines {
    const struct cli_args *args;
    struct client *client;
    const char *article;
    json_t *seen; /* {delivery: [members whose turn was over, state]}, as last printed */
    bool began;   /* what was there before is no news */
};

static void print_as_json(const char *id, const char *kind, const json_t *data)
{
    json_t *v = json_object();
    struct buf line;

    json_set_str(v, "id", id);
    json_set_str(v, "event", kind);
    (void)json_object_set(v, "data", json_unconst(data));
    buf_init(&line, LINE_BYTES);
    json_write(&line, v);
    (void)printf("%s\n", buf_str(&line));
    (void)fflush(stdout);
    buf_done(&line);
    json_decref(v);
}

static bool concerns(const json_t *data, const char *article)
{
    const char *own = json_path_str(data, "article");

    return article == NULL || (own != NULL && strcmp(own, article) == 0);
}

/* ---- waves ---- */

static void print_wave(const struct lines *w, const json_t *wave, int64_t per_s)
{
    char at[CLI_TIME_BYTES];
    struct buf text, line;

    if (w->args->json) {
        print_as_json(NULL, "wave", wave);
        return;
    }
    buf_init(&text, LINE_BYTES);
    buf_init(&line, LINE_BYTES);
    watch_line(&text, wave, per_s, clock_wall_ms());
    terminal_text(&line, buf_str(&text), TINT_NONE, false);
    (void)printf("%s %s\n", cli_time_ms(clock_wall_ms(), at), buf_str(&line));
    (void)fflush(stdout);
    buf_done(&text);
    buf_done(&line);
}

/* Printed when something has happened to it since. */
static void look_at(struct lines *w, const json_t *wave)
{
    const char *id = cli_member(wave, "delivery", 0);
    int64_t settled = wave_settled_count(wave);
    json_t *now = json_pack("[I, s]", (json_int_t)settled, cli_member(wave, "state", 1));
    json_t *before = json_object_get(w->seen, id);
    int64_t settled_before = json_integer_value(json_array_get(before, 0));

    if (w->began && concerns(wave, w->article) && !json_equal(before, now)) {
        print_wave(w, wave, settled > settled_before ? settled - settled_before : 0);
    }
    (void)json_object_set_new(w->seen, id, now);
}

static void look_at_waves(struct lines *w)
{
    json_t *answer = NULL, *wave;
    struct err why = {0};
    size_t i;

    if (client_call(w->client, HTTP_GET, "/v1/waves", NULL, &answer, &why)) {
        return; /* the stream of events says when it is over */
    }
    json_array_foreach(json_object_get(answer, "items"), i, wave)
    {
        look_at(w, wave);
    }
    w->began = true;
    json_decref(answer);
}

/* ---- events ---- */

int cli_watch_lines(const struct cli_args *args, struct client *client, const char *article)
{
    struct lines w = {.args = args, .client = client, .article = article};
    struct client_events *events = NULL;
    struct client_event event;
    struct err why = {0};
    enum err_code rc = client_events_open(&events, client, &why);
    int64_t look_mono_ms = 0;

    w.seen = json_object();
    while (rc == ERR_NONE || rc == ERR_BUSY) {
        if (clock_mono_ms() - look_mono_ms >= TURN_MS) {
            look_at_waves(&w);
            look_mono_ms = clock_mono_ms();
        }
        rc = client_events_next(events, TURN_MS, &event, &why);
        if (rc == ERR_NONE && concerns(event.data, article)) {
            if (args->json) {
                print_as_json(event.id, event.kind, event.data);
            } else {
                cli_print_event(event.kind, event.data);
            }
        }
    }
    json_decref(w.seen);
    client_events_close(events);
    return rc == ERR_STOPPED ? CLI_OK : client_fail(args, rc, &why);
}
