/* `crier status --watch` on a terminal: what the API says, drawn anew each second. Called by cli_status.c; owns the
 * terminal while it runs and leaves it as it was, whatever ends it: q, an interrupt, or an error. What a frame looks
 * like is cli_watch_draw.c's. A service that goes away is said on the screen, and looked for again. */

#include "service/cli_watch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "service/cli.h"
#include "service/cli_print.h"
#include "service/cli_watch_draw.h"
#include "service/cli_wave_view.h"
#include "service/client.h"

#define FRAME_MS MS_SECOND
/* A key is heard so soon. */
#define TURN_MS 100
#define FRAME_BYTES ((size_t)4 * 1024 * 1024)
#define EVENTS_KEPT 40
#define SCREEN_ON "\x1b[?1049h\x1b[?25l\x1b[2J"
#define SCREEN_OFF "\x1b[?25h\x1b[?1049l"
#define HOME "\x1b[H"

struct screen {
    struct client *client;
    struct client_events *events; /* NULL: none is open */
    struct termios before;
    bool keys;                /* standard input is a terminal, and was changed */
    json_t *channels, *waves; /* NULL: not known yet */
    json_t *counts;           /* {delivery: members whose turn was over} a frame ago */
    json_t *rates, *lines;
    int64_t counted_mono_ms;
    bool ready;
    struct err trouble;
};

/* ---- the terminal ---- */

static void open_screen(struct screen *s)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &s->before) == 0) {
        raw = s->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        s->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    (void)fputs(SCREEN_ON, stdout);
    (void)fflush(stdout);
}

static void close_screen(const struct screen *s)
{
    (void)fputs(SCREEN_OFF, stdout);
    (void)fflush(stdout);
    if (s->keys) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
    }
}

static bool wants_end(const struct screen *s)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char keys[16];
    ssize_t n;

    if (cli_stopped()) {
        return true;
    }
    if (!s->keys || poll(&in, 1, 0) <= 0) {
        return false;
    }
    n = read(STDIN_FILENO, keys, sizeof keys);
    for (ssize_t i = 0; i < n; i++) {
        if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == '\x03') {
            return true;
        }
    }
    return n == 0 || (in.revents & POLLHUP) != 0; /* the terminal is gone */
}

static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *v = getenv(names[i]);

        if (v != NULL && v[0] != '\0') {
            return strstr(v, "UTF-8") != NULL || strstr(v, "utf8") != NULL;
        }
    }
    return false;
}

/* ---- asking ---- */

static enum err_code get(struct screen *s, const char *path, json_t **items)
{
    json_t *answer = NULL;
    enum err_code rc = client_call(s->client, HTTP_GET, path, NULL, &answer, &s->trouble);

    if (rc == ERR_NONE) {
        json_decref(*items);
        *items = json_incref(json_object_get(answer, "items"));
    }
    json_decref(answer);
    return rc;
}

/* How many had their turn since the last frame, in a second; half of it is what was said before, so that it can
 * be read. */
static void take_rates(struct screen *s)
{
    int64_t mono_ms = clock_mono_ms(), passed_ms = mono_ms - s->counted_mono_ms;
    json_t *counts = json_object();
    const json_t *w;
    size_t i;

    json_array_foreach(s->waves, i, w)
    {
        const char *id = cli_member(w, "delivery", 0);
        const json_t *before = json_object_get(s->counts, id);
        int64_t now = wave_settled_count(w), rate = 0;
        int64_t said = json_integer_value(json_object_get(s->rates, id));

        if (before != NULL && passed_ms > 0) {
            rate = (now - json_integer_value(before)) * MS_SECOND / passed_ms;
            rate = said > 0 && rate > 0 ? (rate + said) / 2 : rate;
        }
        (void)json_object_set_new(s->rates, id, json_integer(rate > 0 ? rate : 0));
        (void)json_object_set_new(counts, id, json_integer(now));
    }
    json_decref(s->counts);
    s->counts = counts;
    s->counted_mono_ms = mono_ms;
}

static void ask(struct screen *s)
{
    json_t *ready = NULL;
    long status = 0;
    enum err_code rc;

    memset(&s->trouble, 0, sizeof s->trouble);
    rc = client_ask(s->client, HTTP_GET, "/readyz", NULL, &status, &ready, &s->trouble);
    json_decref(ready);
    s->ready = status == 200;
    if (rc == ERR_NONE) {
        rc = get(s, "/v1/channels", &s->channels);
    }
    if (rc == ERR_NONE) {
        rc = get(s, "/v1/waves", &s->waves);
    }
    if (rc == ERR_NONE) {
        take_rates(s);
    }
    if (rc == ERR_NONE && s->events == NULL &&
        client_events_open(&s->events, s->client, &s->trouble)) {
        s->events = NULL;
    }
}

/* ---- events ---- */

static void keep_event(struct screen *s, const struct client_event *e)
{
    struct buf line;

    buf_init(&line, FRAME_BYTES);
    cli_add_event(&line, e->kind, e->data, false);
    (void)json_array_append_new(s->lines, json_string(buf_str(&line)));
    if (json_array_size(s->lines) > EVENTS_KEPT) {
        (void)json_array_remove(s->lines, 0);
    }
    buf_done(&line);
}

/* Until it is time for the next frame, or somebody wants to end. False: the latter. */
static bool wait_for_frame(struct screen *s, int64_t until_mono_ms)
{
    struct client_event event;
    struct err why = {0};

    do {
        enum err_code rc = ERR_BUSY;

        if (s->events != NULL) {
            rc = client_events_next(s->events, TURN_MS, &event, &why);
        } else {
            (void)poll(NULL, 0, TURN_MS);
        }
        if (rc == ERR_NONE) {
            keep_event(s, &event);
        } else if (rc != ERR_BUSY) {
            client_events_close(s->events);
            s->events = NULL;
        }
        if (wants_end(s)) {
            return false;
        }
    } while (clock_mono_ms() < until_mono_ms);
    return true;
}

static void draw(const struct screen *s)
{
    size_t width = terminal_width(STDOUT_FILENO), height = terminal_height(STDOUT_FILENO);
    struct watch_view v = {
        .where = client_url(s->client),
        .trouble = s->trouble.code ? s->trouble.text : NULL,
        .ready = s->ready,
        .channels = s->channels,
        .waves = s->waves,
        .rates = s->rates,
        .events = s->lines,
        .width = width > 0 ? width : 80,
        .height = height > 0 ? height : 24,
        .colours = terminal_colours(STDOUT_FILENO),
        .utf8 = is_utf8(),
        .screen = true,
        .now_ms = clock_wall_ms(),
    };
    struct buf frame;

    buf_init(&frame, FRAME_BYTES);
    buf_adds(&frame, HOME);
    watch_draw(&frame, &v);
    (void)fputs(buf_str(&frame), stdout);
    (void)fflush(stdout);
    buf_done(&frame);
}

int cli_watch_screen(const struct cli_args *args, struct client *client)
{
    struct screen s = {.client = client};
    int rc = CLI_OK;

    s.rates = json_object();
    s.lines = json_array();
    cli_stop_on_signals();
    ask(&s);
    if (s.trouble
            .code) { /* a service that was never there is a mistake, and no screen is needed to say so */
        rc = client_fail(args, s.trouble.code, &s.trouble);
    } else {
        int64_t next_mono_ms = clock_mono_ms();

        open_screen(&s);
        do {
            draw(&s);
            next_mono_ms += FRAME_MS;
            if (!wait_for_frame(&s, next_mono_ms)) {
                break;
            }
            ask(&s);
            next_mono_ms =
                next_mono_ms < clock_mono_ms() - FRAME_MS ? clock_mono_ms() : next_mono_ms;
        } while (true);
        close_screen(&s);
    }
    client_events_close(s.events);
    json_decref(s.channels);
    json_decref(s.waves);
    json_decref(s.counts);
    json_decref(s.rates);
    json_decref(s.lines);
    return rc;
}
