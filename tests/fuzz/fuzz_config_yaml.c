/* Any bytes as YAML: a tree within its bounds, every place of it inside the file, every text valid, and
 * every key there once or a problem noted; or no tree and at least one problem. */

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t nodes, bytes;
    int lines;
    bool unique; /* the keys of each mapping */
};

static void check_text(const struct node *n)
{
    must(n->text != NULL && n->count == 0);
    must(text_valid(n->text, strlen(n->text)));
}

static void check_keys(const struct node *n, struct seen *seen)
{
    must(n->keys != NULL || n->count == 0);
    for (size_t i = 0; i < n->count; i++) {
        must(n->keys[i]->kind == NODE_TEXT);
        check_text(n->keys[i]);
        seen->unique = seen->unique && node_get(n, n->keys[i]->text) == n->items[i];
    }
}

static void check_node(const struct node *n, struct seen *seen, int depth)
{
    must(depth <= YAML_DEPTH && ++seen->nodes <= YAML_NODES);
    must(n->line >= 1 && n->line <= seen->lines && n->column >= 1);
    must(node_kind_name(n)[0] != '\0');
    if (n->kind == NODE_TEXT) {
        check_text(n);
        seen->bytes += strlen(n->text);
        must(seen->bytes <= YAML_TEXT_BYTES);
        return;
    }
    must(!node_is_null(n) && n->text == NULL && (n->keys != NULL) <= (n->kind == NODE_MAP));
    if (n->kind == NODE_MAP) {
        check_keys(n, seen);
    }
    for (size_t i = 0; i < n->count; i++) {
        check_node(n->items[i], seen, depth + 1);
    }
}

/* As libyaml counts them: CR, LF, CRLF, NEL, LS and PS end a line. One more for what comes behind the
 * last. */
static int count_lines(const uint8_t *data, size_t size)
{
    int lines = 2;

    for (size_t i = 0; i < size; i++) {
        bool separator = data[i] == 0x85 || data[i] == 0xa8 || data[i] == 0xa9;

        lines += data[i] == '\n' || data[i] == '\r' || separator;
    }
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {.lines = count_lines(data, size), .unique = true};
    struct problems problems;
    struct node *tree = NULL;
    struct buf out;

    problems_init(&problems);
    buf_init(&out, 1 << 16);
    if (yaml_read(&tree, (const char *)data, size, "f", &problems)) {
        must(tree != NULL);
        check_node(tree, &seen, 0);
        must(seen.unique || problems.count > 0);
    } else {
        must(tree == NULL && problems.count > 0);
    }
    for (size_t i = 0; i < problems.count; i++) {
        buf_clear(&out);
        problem_print(&problems.v[i], &out);
        must(buf_ok(&out) && text_valid(out.data, out.len));
        must(problems.v[i].line >= 0 && problems.v[i].line <= seen.lines);
    }
    buf_done(&out);
    node_free(tree);
    problems_done(&problems);
    must(mem_live_count() == 0);
    return 0;
}
