/* Tables of subscriptions: CSV (RFC 4180, leniently: commas, semicolons or tabs; any line ends), as OneSignal
 * exports it. Columns are known by their names, in which case, blanks and underscores do not matter; those that
 * are not known are passed over. Called by member_formats.c. */

#include "service/member_formats_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_put.h"
#include "base/mem.h"
#include "base/text.h"

#define NAME_BYTES 64

/* What a column is for, by the names it goes by. */
enum column { ADDRESS, P256DH, AUTH, LANGUAGE, AGREED, INVALID, SUBSCRIBED, COLUMNS };
static const char *const known[COLUMNS][8] = {
    [ADDRESS] =
        {"identifier", "token", "pushtoken", "fcmtoken", "registrationtoken", "endpoint"},
    [P256DH] = {"webp256", "webp256dh", "p256dh"},
    [AUTH] = {"webauth", "auth"},
    [LANGUAGE] = {"language", "lang"},
    [AGREED] = {"createdat", "firstsession", "subscribedat", "optedinat"},
    [INVALID] = {"invalididentifier"},
    [SUBSCRIBED] = {"subscribed"},
};

static char *folded_dup(const char *name)
{
    char out[NAME_BYTES];
    size_t len = 0;

    for (; *name && len + 1 < sizeof out; name++) {
        char c = *name;

        if (c >= 'A' && c <= 'Z') {
            out[len++] = (char)(c + 32);
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            out[len++] = c;
        }
    }
    out[len] = '\0';
    return mem_strdup(out);
}

static bool is_called(const char *name, enum column what)
{
    for (size_t i = 0; known[what][i]; i++) {
        if (strcmp(known[what][i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* "": there is no such column, or nothing in it. */
static const char *cell(const struct member_reading *m, enum column what)
{
    for (size_t i = 0; i < m->names.count && i < m->row.count; i++) {
        if (is_called(m->names.v[i], what) && m->row.v[i][0] != '\0') {
            return m->row.v[i];
        }
    }
    return "";
}

static bool has_address_column(const struct strings *folded)
{
    for (size_t i = 0; i < folded->count; i++) {
        if (is_called(folded->v[i], ADDRESS)) {
            return true;
        }
    }
    return false;
}

static bool is_yes(const char *text)
{
    return text[0] != '\0' && strchr("tTyY1", text[0]) != NULL;
}

/* "2026-11-01 10:00:00 UTC", "2026-11-01T10:00:00Z", "2026-11-01 10:00:00"; "": none of them. */
static void read_time(const char *text, char out[TIME_TEXT_BYTES])
{
    char form[40];
    int64_t at_ms;
    size_t len = strcspn(text, "U"); /* of "UTC" */

    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    out[0] = '\0';
    if (len == 0 || len + 2 > sizeof form) {
        return;
    }
    (void)snprintf(form, sizeof form, "%.*s", (int)len, text);
    if (!time_parse_rfc3339(form, len, &at_ms)) {
        (void)snprintf(form, sizeof form, "%.*sZ", (int)len, text);
        if (!time_parse_rfc3339(form, len + 1, &at_ms)) {
            return;
        }
    }
    (void)time_rfc3339_seconds(at_ms, out);
}

static void put_subscription(struct buf *out, const struct member_reading *m)
{
    const char *p256dh = cell(m, P256DH);

    json_put_open(out, "subscription", '{');
    if (p256dh[0] != '\0') {
        json_put_text(out, "endpoint", cell(m, ADDRESS));
        json_put_open(out, "keys", '{');
        json_put_text(out, "p256dh", p256dh);
        json_put_text(out, "auth", cell(m, AUTH));
        json_put_close(out, '}');
    } else {
        json_put_text(out, "token", cell(m, ADDRESS));
    }
    json_put_close(out, '}');
}

static void emit_row(struct member_reading *m)
{
    char at[TIME_TEXT_BYTES];
    struct buf out;

    buf_init(&out, 2 * MEMBER_ITEM_BYTES);
    read_time(cell(m, AGREED), at);
    json_put_open(&out, NULL, '{');
    put_subscription(&out, m);
    if (cell(m, LANGUAGE)[0] != '\0') {
        json_put_text(&out, "language", cell(m, LANGUAGE));
    }
    if (at[0] != '\0') {
        json_put_text(&out, "opted_in_at", at);
    }
    json_put_close(&out, '}');
    if (buf_ok(&out)) {
        member__emit(m, buf_str(&out), out.len);
    } else {
        member__fault(m, "the row is too long");
    }
    buf_done(&out);
}

static bool row_is_text(const struct member_reading *m)
{
    for (size_t i = 0; i < m->row.count; i++) {
        if (!text_valid(m->row.v[i], strlen(m->row.v[i]))) {
            return false;
        }
    }
    return true;
}

static void take_row(struct member_reading *m)
{
    if (!row_is_text(m)) {
        member__fault(m, "the row is not UTF-8");
    } else if (cell(m, ADDRESS)[0] == '\0') {
        member__fault(m, "the row has neither an identifier nor a token");
    } else if (is_yes(cell(m, INVALID))) {
        member__fault(m, "the identifier is marked as invalid: it reaches nobody any more");
    } else if (cell(m, SUBSCRIBED)[0] != '\0' && !is_yes(cell(m, SUBSCRIBED))) {
        member__fault(m, "not subscribed");
    } else {
        emit_row(m);
    }
}

static void take_names(struct member_reading *m)
{
    for (size_t i = 0; i < m->row.count; i++) {
        char *folded = folded_dup(m->row.v[i]);

        mem_free(m->row.v[i]);
        m->row.v[i] = folded;
    }
    m->names = m->row;
    m->row = (struct strings){.v = NULL};
    if (!has_address_column(&m->names)) {
        member__fault(m, "no column is called identifier, token or endpoint");
        m->stopped = true;
    }
}

static void end_field(struct member_reading *m)
{
    if (m->row.count < MEMBER_COLUMNS_MAX) {
        m->row.v = mem_realloc(m->row.v, m->row.count + 1, sizeof *m->row.v);
        m->row.v[m->row.count++] =
            mem_strdup(buf_ok(&m->text) ? buf_str(&m->text) : ""); /* none has such a field */
    }
    buf_clear(&m->text);
    m->quoted = m->was_quote = false;
}

static void end_row(struct member_reading *m)
{
    end_field(m);
    if (m->row.count == 1 && m->row.v[0][0] == '\0') {
        /* an empty line */
    } else if (m->names.count == 0) {
        take_names(m);
    } else {
        take_row(m);
    }
    strings_done(&m->row);
}

/* By what there is most of in the first line. */
static char delimiter_of(const char *line, size_t len)
{
    static const char all[] = ",;\t";
    size_t best = 0;
    char found = ',';

    for (const char *d = all; *d; d++) {
        size_t n = 0;

        for (size_t i = 0; i < len; i++) {
            n += line[i] == *d;
        }
        if (n > best) {
            best = n;
            found = *d;
        }
    }
    return found;
}

static void push_field(struct member_reading *m, char c)
{
    if (m->quoted) {
        if (m->was_quote && c == '"') {
            buf_addc(&m->text, c); /* twice: one */
            m->was_quote = false;
            return;
        }
        if (!m->was_quote) {
            m->was_quote = c == '"';
            if (c != '"') {
                buf_addc(&m->text, c);
            }
            return;
        }
    }
    if (c == '"' && m->text.len == 0) {
        m->quoted = true;
    } else if (c == m->delimiter) {
        end_field(m);
    } else if (c == '\n') {
        end_row(m);
    } else if (c != '\r') {
        buf_addc(&m->text, c);
    }
}

static void push_all(struct member_reading *m, const char *text)
{
    for (; *text && !m->stopped; text++) {
        push_field(m, *text);
    }
}

bool member__csv_header(struct member_reading *m, const char *line)
{
    char *copy = mem_strdup(line);
    bool is_header = false;

    m->delimiter = delimiter_of(copy, strlen(copy));
    buf_clear(&m->text);
    push_all(m, copy);
    end_field(m);
    for (size_t i = 0; i < m->row.count && !is_header; i++) {
        char *folded = folded_dup(m->row.v[i]);

        is_header = is_called(folded, ADDRESS);
        mem_free(folded);
    }
    if (is_header) {
        take_names(m);
    } else {
        buf_adds(&m->text, copy);
    }
    strings_done(&m->row);
    mem_free(copy);
    return is_header;
}

/* The first line is kept until it is whole: then it is known what stands between its fields. */
void member__csv_push(struct member_reading *m, char c)
{
    char *first;

    if (m->delimiter == '\0') {
        if (c != '\n') {
            buf_addc(&m->text, c);
            return;
        }
        m->delimiter = delimiter_of(buf_str(&m->text), m->text.len);
        first = buf_detach(&m->text, NULL);
        push_all(m, first ? first : "");
        mem_free(first);
        push_field(m, '\n');
        return;
    }
    if (m->row.count == 0 && m->text.len == 0 && !m->quoted) {
        m->item_line = m->line;
    }
    push_field(m, c);
}

void member__csv_end(struct member_reading *m)
{
    if (m->quoted && !m->was_quote) {
        member__fault(m, "the file ends within this row");
    } else if (m->text.len > 0 || m->row.count > 0) {
        member__csv_push(m, '\n');
    }
}
