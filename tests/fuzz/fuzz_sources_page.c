/* A page as anybody may write it. The first line is what its headers say, in the order Content-Type,
 * Link, X-Robots-Tag, with tabs between; the rest is the page. What is read of it is bounded, valid
 * and absolute, and its JSON form is JSON. */

#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/url.h"
#include "sources/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max_bytes)
{
    must(!text || (*text != '\0' && strlen(text) <= max_bytes));
    must(!text || text_valid(text, strlen(text)));
}

static void check_address(const char *url)
{
    struct url_parts p;

    must(!url || (url_parse(&p, url) && !p.has_userinfo && strlen(url) <= ARTICLE_URL_BYTES));
}

static void check_words(const struct strings *words)
{
    must(words->count <= ARTICLE_LIST_MAX);
    for (size_t i = 0; i < words->count; i++) {
        must(words->v[i]);
        check_text(words->v[i], ARTICLE_WORD_BYTES);
    }
}

static void check_facts(const struct page_facts *f)
{
    check_address(f->url);
    check_address(f->canonical);
    check_address(f->og_url);
    check_address(f->amp_url);
    check_text(f->title, ARTICLE_TITLE_BYTES);
    check_text(f->summary, ARTICLE_SUMMARY_BYTES);
    check_text(f->language, 35);
    check_text(f->section, ARTICLE_WORD_BYTES);
    check_text(f->correction, ARTICLE_SUMMARY_BYTES);
    check_words(&f->authors);
    check_words(&f->tags);
    must(f->image_count <= PAGE_IMAGES_MAX && f->link_count <= PAGE_LINKS_MAX);
    must(page_address(f));
    for (size_t i = 0; i < f->image_count; i++) {
        must(f->images[i].url && f->images[i].width >= 0 && f->images[i].height >= 0);
        check_address(f->images[i].url);
        check_text(f->images[i].alt, ARTICLE_SUMMARY_BYTES);
    }
    for (size_t i = 0; i < f->link_count; i++) {
        must(f->links[i].rel && f->links[i].href);
        check_address(f->links[i].href);
    }
}

static void check_json(const struct page_facts *f)
{
    struct buf out;
    json_t *v = NULL;

    buf_init(&out, SIZE_MAX / 2);
    page_write(&out, f);
    must(json_read(&v, buf_str(&out), out.len, 4, NULL) == ERR_NONE);
    json_decref(v);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *all = (const char *)data, *line = size ? memchr(all, '\n', size) : NULL;
    char *head = mem_strndup(all, line ? (size_t)(line - all) : 0);
    char *link = head + strcspn(head, "\t"), *robots;
    struct page_facts facts;

    link += *link ? 1 : 0;
    robots = link + strcspn(link, "\t");
    robots += *robots ? 1 : 0;
    head[strcspn(head, "\t")] = '\0';
    link[strcspn(link, "\t")] = '\0';
    const struct strings links = {&link, 1}, tags = {&robots, 1};
    page_read(&facts,
              &(struct page_input){
                  .bytes = line ? line + 1 : all,
                  .len = line ? size - (size_t)(line + 1 - all) : size,
                  .url = "https://news.example/2026/a/1?x=1",
                  .content_type = head,
                  .link_headers = &links,
                  .robots_headers = &tags,
              });
    check_facts(&facts);
    check_json(&facts);
    page_facts_done(&facts);
    mem_free(head);
    must(mem_live_count() == 0);
    return 0;
}
