/* Any bytes as a settings file: never a crash, a leak or a loop; a config or at least one
 * problem, every problem in one line of valid text; what was read can be asked and told. Seeds
 * are the files of tests/fixtures/config. */

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/config.h"
#include "tests/support/config_types.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)setenv("SECRET", "s3cr3t-value-of-a-reference", 1);
    return 0;
}

/* The secret may stand in a message only when it stood in the file itself. */
static void look_at_problems(const struct problems *problems, bool secret_in_file)
{
    struct buf out;

    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < problems->count; i++) {
        buf_clear(&out);
        problem_print(&problems->v[i], &out);
        must(buf_ok(&out) && out.len > 1);
        must(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
        must(text_valid(out.data, out.len));
        must(secret_in_file || strstr(out.data, "s3cr3t") == NULL);
    }
    buf_done(&out);
}

static void use_rule(const struct rule *rule, const struct rule_facts *facts)
{
    struct buf out;

    buf_init(&out, 1 << 22);
    rule_print(rule, &out);
    if (rule_matches(rule, facts)) {
        rule_explain(rule, facts, &out);
    }
    buf_done(&out);
}

static void use_config(struct config *c)
{
    static char title[] = "BREAKING: a title", url[] = "https://news.example/1",
                language[] = "de";
    struct article article = {
        .title = title, .url = url, .language = language, .urgency = 2, .breaking = -1};
    const struct rule_facts facts = {.article = &article, .source = "cms"};
    struct buf out;

    buf_init(&out, 1 << 22);
    (void)config_is_breaking(c, &facts, &out);
    must(!config_needs_restart(c, c, &out));
    for (size_t i = 0; i < c->channel_count; i++) {
        must(config_channel(c, c->channels[i].name) != NULL);
        if (c->channels[i].when != NULL) {
            use_rule(c->channels[i].when, &facts);
        }
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct config *c = NULL;
    struct err why = {0};
    enum err_code rc;

    problems_init(&problems);
    rc = config_read(&c, (const char *)data, size, "f", &test_types, &problems, &why);
    must((rc == ERR_NONE) == (problems.count == 0));
    must((rc == ERR_NONE) == (c != NULL));
    look_at_problems(&problems, memmem(data, size, "s3cr3t", 6) != NULL);
    if (c != NULL) {
        use_config(c);
    }
    config_unref(c);
    problems_done(&problems);
    must(mem_live_count() == 0);
    return 0;
}
