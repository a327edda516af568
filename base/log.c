/* Log lines: built in one bounded buffer on the stack, every byte of a value escaped, and given
 * to the kernel in one write(2), so that lines of several threads do not mix. Called by
 * service/ only. Borrows the descriptor. A line that would not fit loses whole fields at its
 * end and says so. */

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"

#define LINE_BYTES 4096
#define VALUE_BYTES 1024 /* of one value, as given */
#define TAIL_BYTES 16    /* kept free for: ,"cut":true}\n */

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool full;
    enum log_form form;
};

static struct {
    int fd;
    enum log_form form;
    enum log_level least;
} settings = {.fd = STDERR_FILENO, .form = LOG_TEXT, .least = LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static const struct {
    const char *name, *help;
} events[] = {
#define EV(id, name, help) {name, help},
#include "base/log_events.def"
#undef EV
};

void log_setup(int fd, enum log_form form, enum log_level least)
{
    settings.fd = fd;
    settings.form = form;
    settings.least = least;
}

const char *log_event_name(enum log_event event)
{
    return (size_t)event < ARRAY_LEN(events) ? events[event].name : "?";
}

const char *log_event_help(enum log_event event)
{
    return (size_t)event < ARRAY_LEN(events) ? events[event].help : "";
}

bool log_level_parse(const char *name, enum log_level *out_level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void add(struct line *l, const char *text, size_t len)
{
    if (l->full || len > LINE_BYTES - TAIL_BYTES - l->len) {
        l->full = true;
        return;
    }
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void adds(struct line *l, const char *text)
{
    add(l, text, strlen(text));
}

PRINTF_LIKE(2, 3) static void addf(struct line *l, const char *format, ...)
{
    char text[64];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add(l, text, len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static void add_control(struct line *l, unsigned char c)
{
    switch (c) {
    case '\n':
        adds(l, "\\n");
        break;
    case '\t':
        adds(l, "\\t");
        break;
    case '\r':
        adds(l, "\\r");
        break;
    default:
        addf(l, l->form == LOG_JSON ? "\\u%04x" : "\\x%02x", (unsigned)c);
    }
}

/* C1 controls (U+0080 to U+009F) move the cursor of some terminals. */
static bool is_c1(const char *s)
{
    return (unsigned char)s[0] == 0xC2 && (unsigned char)s[1] < 0xA0;
}

static size_t add_character(struct line *l, const char *s)
{
    unsigned char c = (unsigned char)*s;
    size_t bytes = text_character(s, strnlen(s, 4));

    if (bytes == 0) {
        if (l->form == LOG_JSON) {
            adds(l, "\\ufffd");
        } else {
            addf(l, "\\x%02x", (unsigned)c);
        }
        return 1;
    }
    if (c == '"' || c == '\\') {
        addf(l, "\\%c", c);
    } else if (c < 0x20 || c == 0x7F) {
        add_control(l, c);
    } else if (is_c1(s)) {
        add_control(l, (unsigned char)s[1]);
    } else {
        add(l, s, bytes);
    }
    return bytes;
}

static void add_quoted(struct line *l, const char *text)
{
    size_t at = 0;

    add(l, "\"", 1);
    while (text[at] != '\0' && at < VALUE_BYTES) {
        at += add_character(l, text + at);
    }
    adds(l, text[at] == '\0' ? "\"" : "…\"");
}

/* Text form: quotes only where a reader or a logfmt parser would stumble. */
static bool is_plain(const char *text)
{
    size_t len = 0;

    for (; text[len] != '\0'; len++) {
        unsigned char c = (unsigned char)text[len];

        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\' || len >= VALUE_BYTES) {
            return false;
        }
    }
    return len > 0;
}

static void add_string(struct line *l, const char *text)
{
    if (l->form == LOG_TEXT && is_plain(text)) {
        adds(l, text);
    } else {
        add_quoted(l, text);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void add_key(struct line *l, const struct log_field *f)
{
    const char *unit = f->kind == LOG_K_MS && !ends_with(f->key, "_ms") ? "_ms" : "";

    if (l->form == LOG_JSON) {
        adds(l, ",\"");
        adds(l, f->key);
        adds(l, unit);
        adds(l, "\":");
    } else {
        adds(l, " ");
        adds(l, f->key);
        adds(l, unit);
        adds(l, "=");
    }
}

static void add_value(struct line *l, const struct log_field *f)
{
    char id[ID_TEXT_BYTES];

    switch (f->kind) {
    case LOG_K_STR:
        add_string(l, f->str == NULL ? "" : f->str);
        break;
    case LOG_K_U64:
        addf(l, "%" PRIu64, f->u64);
        break;
    case LOG_K_I64:
    case LOG_K_MS:
        addf(l, "%" PRId64, f->i64);
        break;
    case LOG_K_BOOL:
        adds(l, f->u64 ? "true" : "false");
        break;
    case LOG_K_DELIVERY:
        add_string(l, id_delivery_text((struct delivery_id){f->u64}, id));
        break;
    case LOG_K_ARTICLE:
        add_string(l, id_article_text((struct article_id){f->u64}, id));
        break;
    case LOG_K_END:
        break;
    }
}

static void add_fields(struct line *l, const struct log_field *fields)
{
    for (const struct log_field *f = fields; f->kind != LOG_K_END; f++) {
        size_t before = l->len;

        add_key(l, f);
        add_value(l, f);
        if (l->full) {
            l->len = before; /* a whole field or none */
            break;
        }
    }
}

static void begin(struct line *l, enum log_level level, enum log_event event)
{
    char time[TIME_TEXT_BYTES];

    time_rfc3339(clock_wall_ms(), time);
    if (l->form == LOG_JSON) {
        adds(l, "{\"time\":\"");
        adds(l, time);
        adds(l, "\",\"level\":\"");
        adds(l, level_names[level]);
        adds(l, "\",\"event\":\"");
        adds(l, log_event_name(event));
        adds(l, "\"");
    } else {
        adds(l, time);
        adds(l, " ");
        adds(l, level_names[level]);
        adds(l, " ");
        adds(l, log_event_name(event));
    }
}

static void end(struct line *l)
{
    const char *tail = l->form == LOG_JSON ? (l->full ? ",\"cut\":true}\n" : "}\n")
                                           : (l->full ? " cut=true\n" : "\n");
    size_t len = strlen(tail);

    memcpy(l->text + l->len, tail, len); /* TAIL_BYTES are free */
    l->len += len;
}

void log_write(enum log_level level, enum log_event event, const struct log_field *fields)
{
    int saved = errno;
    struct line l;

    if (level < settings.least) {
        return;
    }
    l.len = 0;
    l.full = false;
    l.form = settings.form;
    begin(&l, level, event);
    add_fields(&l, fields);
    end(&l);
    while (write(settings.fd, l.text, l.len) < 0 && errno == EINTR) {
    }
    errno = saved; /* a caller may log before it looks at errno */
}
