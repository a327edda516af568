/* Names of elements, and the namespaces they come in. Called by feed_xml.c for each element. The URIs
 * are those of the specifications and those that feeds were seen with instead: compared without the
 * scheme, without a slash or # at the end, in any case. */

#include "sources/feed_name.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"

struct named {
    enum feed_module module;
    const char *text;
};

/* clang-format off */
static const struct named uris[] = {
    {MOD_RSS, "purl.org/rss/1.0"}, {MOD_RSS, "my.netscape.com/rdf/simple/0.9"}, {MOD_RSS, "channel.netscape.com/rdf/simple/0.9"},
    {MOD_RSS, "backend.userland.com/rss2"}, {MOD_RSS, "backend.userland.com/rss"}, {MOD_RSS, "blogs.law.harvard.edu/tech/rss"},
    {MOD_RSS, "cyber.law.harvard.edu/rss/rss.html"}, {MOD_RSS, "my.netscape.com/publish/formats/rss-0.91.dtd"},
    {MOD_ATOM, "www.w3.org/2005/atom"}, {MOD_ATOM, "purl.org/atom/ns"},
    {MOD_SITEMAP, "www.sitemaps.org/schemas/sitemap/0.9"}, {MOD_SITEMAP, "www.google.com/schemas/sitemap/0.9"},
    {MOD_SITEMAP, "www.google.com/schemas/sitemap/0.84"},
    {MOD_DC, "purl.org/dc/elements/1.1"}, {MOD_DC, "purl.org/dc/elements/1.0"}, {MOD_DC, "purl.org/dc/elements/2.0"},
    {MOD_DCTERMS, "purl.org/dc/terms"},
    {MOD_CONTENT, "purl.org/rss/1.0/modules/content"},
    {MOD_MEDIA, "search.yahoo.com/mrss"}, {MOD_MEDIA, "www.rssboard.org/media-rss"}, {MOD_MEDIA, "video.search.yahoo.com/mrss"},
    {MOD_MEDIA, "tools.search.yahoo.com/mrss"}, {MOD_MEDIA, "search.yahoo.com/searchmonkey/media"},
    {MOD_ITUNES, "www.itunes.com/dtds/podcast-1.0.dtd"}, {MOD_ITUNES, "example.com/dtds/podcast-1.0.dtd"},
    {MOD_SY, "purl.org/rss/1.0/modules/syndication"}, {MOD_SLASH, "purl.org/rss/1.0/modules/slash"},
    {MOD_FEEDBURNER, "rssnamespace.org/feedburner/ext/1.0"},
    {MOD_RDF, "www.w3.org/1999/02/22-rdf-syntax-ns"},
    {MOD_NEWS, "www.google.com/schemas/sitemap-news/0.9"}, {MOD_NEWS, "www.sitemaps.org/schemas/sitemap-news/0.9"},
    {MOD_IMAGE, "www.google.com/schemas/sitemap-image/1.1"}, {MOD_IMAGE, "www.sitemaps.org/schemas/sitemap-image/1.1"},
    {MOD_VIDEO, "www.google.com/schemas/sitemap-video/1.1"}, {MOD_VIDEO, "www.sitemaps.org/schemas/sitemap-video/1.1"},
    {MOD_TOMBSTONE, "purl.org/atompub/tombstones/1.0"},
    {MOD_XML, "www.w3.org/xml/1998/namespace"},
};
static const struct named prefixes[] = {
    {MOD_ATOM, "atom"}, {MOD_ATOM, "atom10"}, {MOD_ATOM, "a10"}, {MOD_ATOM, "atom03"}, {MOD_DC, "dc"}, {MOD_DCTERMS, "dcterms"},
    {MOD_DCTERMS, "dct"}, {MOD_CONTENT, "content"}, {MOD_MEDIA, "media"}, {MOD_ITUNES, "itunes"}, {MOD_SY, "sy"},
    {MOD_SLASH, "slash"}, {MOD_FEEDBURNER, "feedburner"}, {MOD_RDF, "rdf"}, {MOD_RSS, "rss"}, {MOD_NEWS, "news"},
    {MOD_IMAGE, "image"}, {MOD_VIDEO, "video"}, {MOD_TOMBSTONE, "at"}, {MOD_XML, "xml"},
};
static const struct { const char *local; enum feed_module module; enum feed_use use; } names[] = {
    [N_UNKNOWN] = {"", MOD_NONE, USE_BOX},
#define X(name, module, local, use) [name] = {local, module, USE_##use},
    FEED_NAMES(X)
#undef X
};
/* clang-format on */

static size_t core_of(const char **uri)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (strncasecmp(*uri, schemes[i], strlen(schemes[i])) == 0) {
            *uri += strlen(schemes[i]);
            break;
        }
    }
    size_t len = strlen(*uri);
    while (len > 0 && ((*uri)[len - 1] == '/' || (*uri)[len - 1] == '#')) {
        len--;
    }
    return len;
}

static enum feed_module
find(const struct named *table, size_t count, const char *text, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strncasecmp(table[i].text, text, len) == 0 && table[i].text[len] == '\0') {
            return table[i].module;
        }
    }
    return MOD_NONE;
}

enum feed_module feed_module(const char *uri, const char *prefix, enum feed_module root)
{
    enum feed_module found = MOD_NONE;

    if (uri) {
        size_t len = core_of(&uri);

        found = find(uris, ARRAY_LEN(uris), uri, len);
        /* A page inside a text is markup; its names mean nothing here. */
        if (len > 0 && strncasecmp(uri, "www.w3.org/1999/xhtml", len) == 0) {
            return MOD_NONE;
        }
    }
    if (found == MOD_NONE && prefix) {
        return find(prefixes, ARRAY_LEN(prefixes), prefix, strlen(prefix));
    }
    return found == MOD_NONE ? root : found;
}

enum feed_name feed_name(enum feed_module module, const char *local)
{
    for (size_t i = 1; module != MOD_NONE && i < ARRAY_LEN(names); i++) {
        if (names[i].module == module && strcasecmp(names[i].local, local) == 0) {
            return (enum feed_name)i;
        }
    }
    return N_UNKNOWN;
}

enum feed_use feed_name_use(enum feed_name name)
{
    return names[name].use;
}
