/* The address of an article whose CMS does not know it: a template over the CMS's own fields. Called by
 * cms.c. A template is small and calls are few, so it is parsed for each one. */

#include <string.h>

#include "base/article.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/mustache.h"
#include "base/url.h"
#include "sources/hook.h"

#define URL_BYTES ARTICLE_URL_BYTES

/* A slug may be a path of several parts; what could end the path is escaped. {{{slug}}} is as it is. */
static void escape_path(struct buf *out, const char *text, size_t len)
{
    while (len > 0) {
        const char *slash = memchr(text, '/', len);
        size_t part = slash != NULL ? (size_t)(slash - text) : len;

        url_encode_n(out, text, part);
        if (slash != NULL) {
            buf_addc(out, '/');
            part++;
        }
        text += part;
        len -= part;
    }
}

struct need {
    const char *template;
    const json_t *view;
    bool met;
};

/* "a.0.b" */
static const json_t *lookup(const json_t *v, const char *name)
{
    char *pointer = mem_printf("/%s", name);
    const json_t *found;

    for (char *c = pointer; *c != '\0'; c++) {
        *c = *c == '.' ? '/' : *c;
    }
    found = json_pointer(v, pointer);
    mem_free(pointer);
    return found;
}

/* A name that a section asks for may be missing. */
static bool is_asked_for(const char *template, const char *name)
{
    char *section = mem_printf("{{#%s}}", name), *inverted = mem_printf("{{^%s}}", name);
    bool asked = strstr(template, section) != NULL || strstr(template, inverted) != NULL;

    mem_free(section);
    mem_free(inverted);
    return asked;
}

static void look_for(void *context, const char *name)
{
    struct need *need = context;
    const json_t *v = lookup(need->view, name);
    bool told = json_is_string(v) ? json_string_length(v) > 0 : json_is_number(v);

    need->met = need->met && (told || is_asked_for(need->template, name));
}

char *hook_url_dup(const struct hook_settings *s, const json_t *view)
{
    struct need need = {.template = s->url, .view = view, .met = true};
    struct mustache *m = NULL;
    struct buf text, url;
    char *found = NULL;

    buf_init(&text, URL_BYTES);
    buf_init(&url, URL_BYTES);
    if (mustache_parse(&m, s->url, NULL) == ERR_NONE) {
        mustache_names(m, look_for, &need);
    }
    if (m != NULL && need.met &&
        mustache_render(m, view, escape_path, NULL, NULL, &text, NULL) == ERR_NONE &&
        url_resolve(&url, "", buf_str(&text)) && buf_ok(&url)) {
        found = buf_detach(&url, NULL);
    }
    mustache_free(m);
    buf_done(&text);
    buf_done(&url);
    return found;
}

enum err_code hook_url_check(const char *template, struct err *why)
{
    struct mustache *m = NULL;
    enum err_code rc = mustache_parse(&m, template, why);

    mustache_free(m);
    if (rc != ERR_NONE) {
        return err_wrap(why, "url");
    }
    if (strncmp(template, "https://", 8) != 0 && strncmp(template, "http://", 7) != 0) {
        return err_set(why,
                       ERR_INVALID,
                       "url: must begin with https://, such as https://news.example/{{slug}}");
    }
    return ERR_NONE;
}
