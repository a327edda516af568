/* service/gate_judge: what a page means for the posts that wait for it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"
#include "service/gate_judge.h"

#define URL "https://news.example/a/1"
#define CARD "<meta property='og:title' content='A'><meta property='og:image' content='/i.jpg'>"

struct row {
    const char *html;     /* NULL: there is none */
    const char *redirect; /* NULL: none */
    bool is_public;
    const char *lacks, *names;
};

static void names_text(struct buf *out, const struct gate_view *v)
{
    for (size_t i = 0; i < v->name_count; i++) {
        buf_addf(out, "%s%s (%s)", i ? ", " : "", v->names[i].value, v->names[i].why);
    }
}

static void check(const struct row *row)
{
    static char *hops[2];
    struct page_answer answer = {.error = "status 404"};
    struct gate_view v;
    struct buf names;

    if (row->html) {
        const char *url = row->redirect ? row->redirect : URL;

        page_read(
            &answer.facts,
            &(struct page_input){.bytes = row->html, .len = strlen(row->html), .url = url});
        answer.has_facts = true;
        answer.error[0] = '\0';
        if (row->redirect) {
            hops[0] = mem_strdup(row->redirect);
            answer.redirects = (struct strings){hops, 1};
        }
    }
    buf_init(&names, 4096);
    gate_judge(&v, URL, &answer);
    names_text(&names, &v);
    if (v.is_public != row->is_public || strcmp(v.lacks, row->lacks) != 0 ||
        strcmp(buf_str(&names), row->names) != 0) {
        fail_msg("%s: %d, \"%s\", \"%s\"",
                 row->html ? row->html : "nothing",
                 v.is_public,
                 v.lacks,
                 buf_str(&names));
    }
    gate_view_done(&v);
    buf_done(&names);
    page_facts_done(&answer.facts);
    mem_free(row->redirect ? hops[0] : NULL);
}

static void judges_pages(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {NULL, NULL, false, "status 404", ""},
        {CARD, NULL, true, "", ""},
        {CARD "<link rel=canonical href='" URL "/?utm_source=x'>", NULL, true, "", ""},
        {"<meta property='og:image' content='/i.jpg'>", NULL, true, "it has no og:title", ""},
        {"<title>A</title><meta property='og:title' content='A'>", NULL, true, "it has no og:image", ""},
        {CARD "<meta name=robots content=noindex>", NULL, false, "it says noindex", ""},
        {"<title>Sign in</title><input type=password>", NULL, false, "it asks for a password", ""},
        {CARD "<link rel=canonical href=/>", NULL, true, "its canonical URL is the front page", ""},
        {CARD "<link rel=canonical href=/2026/a/><link rel=amphtml href='https://amp.news.example/a/1'>", NULL, true, "",
         "https://news.example/2026/a (canonical URL of the page), https://amp.news.example/a/1 (AMP form of the page)"},
        {CARD "<meta property=og:url content='https://www.news.example/b'>", NULL, true, "",
         "https://www.news.example/b (og:url of the page)"},
        {CARD "<link rel=canonical href='https://agency.example/a'>", NULL, true, "", ""},
        {CARD, "https://news.example/2026/a", true, "",
         "https://news.example/2026/a (where the address redirects to)"},
        {CARD, "https://other.example/a", true, "",
         "https://other.example/a (where the address redirects to)"},
        {CARD, "https://news.example/", false, "it redirects to the front page", ""},
        {CARD, "https://consent.example/Consent/?back=x", false, "it redirects to a page for signing in or consent", ""},
        {CARD, "https://news.example/wp-login.php", false, "it redirects to a page for signing in or consent", ""},
        {CARD, "https://news.example/loginsider", true, "", "https://news.example/loginsider (where the address redirects to)"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check(&rows[i]);
    }
}

/* Stays the last one. */
static void leaves_no_memory_alive(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_pages),
        cmocka_unit_test(leaves_no_memory_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
