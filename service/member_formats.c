/* Files of subscriptions, one format beside the other. Called by `crier members`. It owns one item at a time. Here
 * are objects in lines and in lists, and the way back; tables are in member_formats_csv.c, tokens in
 * member_formats_tokens.c. */

#include "service/member_formats_internal.h"

#include <string.h>

#include "base/json.h"
#include "base/json_put.h"
#include "base/mem.h"

static const char *const names[] = {[MEMBERS_NDJSON] = "ndjson",
                                    [MEMBERS_WEB_PUSH] = "web-push",
                                    [MEMBERS_ONESIGNAL] = "onesignal",
                                    [MEMBERS_FIREBASE] = "firebase"};

bool member_format_parse(const char *name, enum member_format *out)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum member_format)i;
            return true;
        }
    }
    return false;
}

struct member_reading *
member_reading_new(enum member_format format, member_item_fn *item, void *context)
{
    struct member_reading *m = mem_zalloc(sizeof *m);

    m->format = format;
    m->item = item;
    m->context = context;
    m->line = m->item_line = 1;
    buf_init(&m->text, MEMBER_ITEM_BYTES);
    buf_init(&m->key, MEMBER_ITEM_BYTES);
    buf_init(&m->value, MEMBER_ITEM_BYTES);
    return m;
}

void member_reading_free(struct member_reading *m)
{
    if (!m) {
        return;
    }
    buf_done(&m->text);
    buf_done(&m->key);
    buf_done(&m->value);
    strings_done(&m->names);
    strings_done(&m->row);
    mem_free(m);
}

void member__emit(struct member_reading *m, const char *json, size_t len)
{
    m->stopped = m->stopped || !m->item(m->context, m->item_line, json, len, NULL);
}

void member__fault(struct member_reading *m, const char *why)
{
    m->stopped = m->stopped || !m->item(m->context, m->item_line, NULL, 0, why);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- lines ---- */

static void end_line(struct member_reading *m)
{
    struct buf *t = &m->text;

    while (t->len > 0 && is_blank(t->data[t->len - 1])) {
        buf_truncate(t, t->len - 1);
    }
    if (!buf_ok(t)) {
        member__fault(m, "the line is too long");
    } else if (t->len == 0) {
        /* nothing there */
    } else if (m->format != MEMBERS_FIREBASE) {
        member__emit(m, buf_str(t), t->len);
    } else if (m->names.count == 0 && m->item_line == 1 && member__csv_header(m, buf_str(t))) {
        m->shape = SHAPE_CSV;
    } else {
        member__emit_token(m, buf_str(t));
    }
    buf_clear(t);
}

static void push_line(struct member_reading *m, char c)
{
    if (c == '\n') {
        end_line(m);
    } else if (m->text.len > 0 || !is_blank(c)) {
        m->item_line = m->text.len == 0 ? m->line : m->item_line;
        buf_addc(&m->text, c);
    }
}

/* ---- a list ---- */

static void end_object(struct member_reading *m)
{
    if (buf_ok(&m->text)) {
        member__emit(m, buf_str(&m->text), m->text.len);
    } else {
        member__fault(m, "the object is too long");
    }
    buf_clear(&m->text);
}

static void push_inside(struct member_reading *m, char c)
{
    buf_addc(&m->text, is_blank(c) ? ' ' : c);
    if (m->escaped) {
        m->escaped = false;
    } else if (m->in_string) {
        m->escaped = c == '\\';
        m->in_string = c != '"';
    } else if (c == '"') {
        m->in_string = true;
    } else if (c == '{' || c == '[') {
        m->depth++;
    } else if ((c == '}' || c == ']') && --m->depth == 0) {
        end_object(m);
    }
}

/* Between objects there are commas and blanks; whatever else there is costs its line. */
static void push_between(struct member_reading *m, char c)
{
    if (m->skipping) {
        m->skipping = c != '\n';
    } else if (c == '{') {
        m->item_line = m->line;
        m->depth = 1;
        buf_addc(&m->text, c);
    } else if (!is_blank(c) && c != ',' && c != ']' && c != '[') {
        m->item_line = m->line;
        m->skipping = true;
        member__fault(m, "no JSON object");
    }
}

/* ---- all of them ---- */

/* A byte order mark comes before anything. */
static bool is_mark(const struct member_reading *m, char c)
{
    return m->line == 1 && strchr("\xEF\xBB\xBF", c) && c != '\0';
}

static void find_shape(struct member_reading *m, char c)
{
    if (is_blank(c) || is_mark(m, c)) {
        return;
    }
    m->item_line = m->line;
    if (m->format == MEMBERS_ONESIGNAL) {
        m->shape = SHAPE_CSV;
    } else if (m->format == MEMBERS_FIREBASE) {
        m->shape = c == '{' || c == '[' ? SHAPE_TOKENS : SHAPE_LINES;
    } else {
        m->shape = c == '[' ? SHAPE_LIST : SHAPE_LINES;
    }
}

static void push_one(struct member_reading *m, char c)
{
    if (m->shape == SHAPE_UNKNOWN) {
        find_shape(m, c);
    }
    switch (m->shape) {
    case SHAPE_UNKNOWN:
        break;
    case SHAPE_LINES:
        push_line(m, c);
        break;
    case SHAPE_LIST:
        if (m->depth > 0) {
            push_inside(m, c);
        } else {
            push_between(m, c);
        }
        break;
    case SHAPE_CSV:
        member__csv_push(m, c);
        break;
    case SHAPE_TOKENS:
        member__tokens_push(m, c);
        break;
    }
    m->line += c == '\n';
}

bool member_reading_push(struct member_reading *m, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len && !m->stopped; i++) {
        push_one(m, bytes[i]);
    }
    return !m->stopped;
}

bool member_reading_end(struct member_reading *m)
{
    if (m->stopped) {
        return false;
    }
    if (m->shape == SHAPE_LINES) {
        end_line(m);
    } else if (m->shape == SHAPE_LIST && m->depth > 0) {
        member__fault(m, "the file ends within this object");
    } else if (m->shape == SHAPE_CSV) {
        member__csv_end(m);
    } else if (m->shape == SHAPE_TOKENS) {
        member__tokens_end(m);
    }
    return !m->stopped;
}

/* ---- the way back ---- */

static void put_web_push(struct buf *out, const json_t *member, bool first)
{
    const json_t *keys = json_object_get(member, "keys");
    struct buf one;

    if (!json_is_object(keys)) {
        return;
    }
    buf_init(&one, MEMBER_ITEM_BYTES);
    json_put_open(&one, NULL, '{');
    json_put_text(&one, "endpoint", json_path_str(member, "address"));
    json_put_raw(&one, "expirationTime", "null", 4);
    json_put_open(&one, "keys", '{');
    json_put_text(&one, "p256dh", json_path_str(keys, "p256dh"));
    json_put_text(&one, "auth", json_path_str(keys, "auth"));
    json_put_close(&one, '}');
    json_put_close(&one, '}');
    buf_addf(out, "%s%s", first ? "[\n" : ",\n", buf_str(&one));
    buf_done(&one);
}

/* Nothing that could be a formula, a quote or a border is in an endpoint or a key; a language has none either. */
static void put_onesignal(struct buf *out, const json_t *member, bool first)
{
    const json_t *keys = json_object_get(member, "keys");
    const char *p256dh = json_path_str(keys, "p256dh"), *auth = json_path_str(keys, "auth");
    const char *language = json_path_str(member, "language");

    if (first) {
        buf_adds(out, "identifier,language,created_at,web_p256,web_auth\n");
    }
    buf_addf(out,
             "\"%s\",%s,%s,%s,%s\n",
             json_path_str(member, "address"),
             language ? language : "",
             json_path_str(member, "opted_in_at"),
             p256dh ? p256dh : "",
             auth ? auth : "");
}

static bool is_wanted(const json_t *member)
{
    const char *state = json_path_str(member, "state");

    return json_path_str(member, "address") && json_path_str(member, "opted_in_at") &&
           (!state || strcmp(state, "active") == 0);
}

void member_format_put(
    struct buf *out, enum member_format format, const char *json, size_t len, bool first)
{
    json_t *member = NULL;

    if (format == MEMBERS_NDJSON) { /* all of them, whatever their state */
        buf_add(out, json, len);
        buf_addc(out, '\n');
        return;
    }
    if (!json_read(&member, json, len, 8, NULL) && is_wanted(member)) {
        if (format == MEMBERS_WEB_PUSH) {
            put_web_push(out, member, first);
        } else if (format == MEMBERS_ONESIGNAL) {
            put_onesignal(out, member, first);
        } else if (!json_object_get(member, "keys")) {
            buf_addf(out, "%s\n", json_path_str(member, "address"));
        }
    }
    json_decref(member);
}

void member_format_end(struct buf *out, enum member_format format, bool first)
{
    if (format == MEMBERS_WEB_PUSH) {
        buf_adds(out, first ? "[]\n" : "\n]\n");
    } else if (format == MEMBERS_ONESIGNAL && first) {
        buf_adds(out, "identifier,language,created_at,web_p256,web_auth\n");
    }
}
