/* From libyaml's events to a tree with positions. config.c calls it once for a file; it owns
 * the tree's memory until node_free(). Everything a file could do to memory is bounded here:
 * its size, its depth, and what aliases multiply (each repeat is a copy and counts). What keys
 * and values mean is left to value.c.
 *
 * The course: refuse what is no text; hide the braces of ${…} from libyaml behind two code
 * points that no text may hold, one for one, so that columns stay true; build; bring the braces
 * back in every text. */

#include "config/yaml_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_one_of(text[i], " \t\r\n")) {
            return false;
        }
    }
    return true;
}

/* Where the first line stands that is not UTF-8. */
static void stop_on_bytes(struct builder *b)
{
    int number = 1;
    const char *at = b->text;
    const char *end = b->text + b->len;

    if (memchr(b->text, '\0', b->len) != NULL) {
        yaml__stop_at(b, 0, 0, "YAML, a text file in UTF-8", "not a text file");
        return;
    }
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop == NULL ? end : stop) - at);

        if (!text_valid(at, len)) {
            yaml__stop_at(b, number, 1, "text in UTF-8", "a line that is not UTF-8");
            return;
        }
        at += len + 1;
        number++;
    }
}

static bool file_usable(struct builder *b)
{
    if (b->len > YAML_FILE_BYTES) {
        yaml__stop_at(b, 0, 0, "a settings file of at most 1 MiB", "too large");
    } else if (is_blank(b->text, b->len)) {
        yaml__stop_at(b, 0, 0, "at least `channels:`", "the file is empty");
    } else if (!text_valid(b->text, b->len)) {
        stop_on_bytes(b);
    } else if (yaml__has(b->text, b->len, HIDDEN_OPEN) ||
               yaml__has(b->text, b->len, HIDDEN_CLOSE)) {
        yaml__stop_at(b, 0, 0, "text", "holds U+FDD0 or U+FDD1, which are no characters");
    }
    return !b->stopped;
}

/* Length of "${…}" at `at`, one line, no brace or quote inside; 0 when it is none. */
static size_t reference_length(const char *at, const char *end)
{
    const char *c = at + 2;

    if (end - at < 3 || at[0] != '$' || at[1] != '{') {
        return 0;
    }
    while (c < end && !is_one_of(*c, "{}\"'\r\n")) {
        c++;
    }
    return c < end && *c == '}' ? (size_t)(c - at) + 1 : 0;
}

static void hide(struct buf *out, const char *text, size_t len)
{
    const char *end = text + len;

    for (const char *at = text; at < end;) {
        size_t reference = reference_length(at, end);

        if (reference > 0) {
            buf_adds(out, "$" HIDDEN_OPEN);
            buf_add(out, at + 2, reference - 3);
            buf_adds(out, HIDDEN_CLOSE);
            at += reference;
        } else {
            buf_addc(out, *at++);
        }
    }
}

static bool skip_event(struct builder *b, yaml_event_type_t *out_type, yaml_mark_t *out_mark)
{
    yaml_event_t event;

    if (!yaml__next_event(b, &event)) {
        return false;
    }
    *out_type = event.type;
    *out_mark = event.start_mark;
    yaml_event_delete(&event);
    return true;
}

static struct node *build_document(struct builder *b)
{
    struct node *root;
    yaml_event_type_t type;
    yaml_mark_t mark;

    if (!skip_event(b, &type, &mark)) { /* stream */
        return NULL;
    }
    if (!skip_event(b, &type, &mark)) { /* document */
        return NULL;
    }
    root = type == YAML_STREAM_END_EVENT ? NULL : yaml__build(b, 0);
    if (!b->stopped && (root == NULL || node_is_null(root))) { /* comments only */
        yaml__stop_at(b, 0, 0, "at least `channels:`", "the file is empty");
    }
    if (b->stopped || !skip_event(b, &type, &mark)) { /* document end */
        return root;
    }
    if (skip_event(b, &type, &mark) && type != YAML_STREAM_END_EVENT) {
        yaml__stop_at_mark(
            b, &mark, "one document, without a second `---`", "a second document");
    }
    return root;
}

static void builder_done(struct builder *b)
{
    for (size_t i = 0; i < b->anchor_count; i++) {
        mem_free(b->anchors[i].name);
    }
    mem_free(b->anchors);
    node_free(b->dropped);
    yaml_parser_delete(&b->parser);
    buf_done(&b->hidden);
}

bool yaml_read(struct node **out,
               const char *text,
               size_t len,
               const char *name,
               struct problems *problems)
{
    struct builder b = {.text = text, .len = len, .name = name, .problems = problems};
    struct node *root = NULL;

    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark is no text */
        b.text += 3;
        b.len -= 3;
    }
    if (!file_usable(&b)) {
        return false;
    }
    buf_init_secret(&b.hidden,
                    3 * YAML_FILE_BYTES); /* "${}" grows from 3 bytes to 7: never reached */
    hide(&b.hidden, b.text, b.len);
    must(buf_ok(&b.hidden));
    must(yaml_parser_initialize(&b.parser) == 1);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &b.parser, (const unsigned char *)buf_str(&b.hidden), b.hidden.len);
    root = build_document(&b);
    builder_done(&b);
    if (b.stopped) {
        node_free(root);
        return false;
    }
    *out = root;
    return true;
}
