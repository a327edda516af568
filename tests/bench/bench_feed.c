/* Reading feeds: how fast, and in how much memory. A feed of 50 MB is made piece by piece (65,536 bytes
 * at a time, as they come from the network) and read twice: by feed_reader, and by libxml2's push parser
 * with handlers that do nothing, which is what cannot be saved. Then a feed of 20 items (about 40 kB)
 * again and again. Method: each is run three times and the best is printed; memory is the peak of a
 * process of its own (VmHWM) without that of one that made the bytes only. Linux only. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libxml/parser.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sources/feed.h"

#define LARGE_BYTES ((size_t)50 * 1000 * 1000)
#define PIECE_BYTES ((size_t)64 * 1024)
#define SMALL_ITEMS 20
#define NOW_MS INT64_C(1790056800000)

typedef void piece_fn(void *reader, const char *bytes, size_t len, bool last);

/* ---- the feed ---- */

static void add_item(struct buf *b, size_t n)
{
    static const char words[] =
        "The council met on Tuesday &amp; said that the bridge stays closed &#8211; for now. ";
    char date[TIME_TEXT_BYTES];

    buf_addf(
        b,
        "<item><title>Story %zu: Tom &amp;amp; Ana</title>"
        "<link>https://news.example/%zu?utm_source=rss</link>"
        "<guid isPermaLink=\"false\">https://news.example/?p=%zu</guid>"
        "<pubDate>%s</pubDate><dc:creator><![CDATA[Ana Writer]]></dc:creator>"
        "<category><![CDATA[World]]></category><category>Traffic</category>"
        "<media:content url=\"https://news.example/%zu.jpg\" medium=\"image\" width=\"1200\"/>"
        "<description><![CDATA[<p>",
        n,
        n,
        n,
        time_http(NOW_MS - (int64_t)n * MS_MINUTE, date),
        n);
    for (int i = 0; i < 3; i++) {
        buf_adds(b, words);
    }
    buf_adds(b, "</p>]]></description><content:encoded>&lt;p&gt;");
    for (int i = 0; i < 12; i++) {
        buf_adds(b, words);
    }
    buf_adds(b, "&lt;/p&gt;</content:encoded></item>\n");
}

static void make_feed(size_t bytes, size_t items, piece_fn *take, void *reader)
{
    struct buf b;
    size_t made = 0;

    buf_init(&b, SIZE_MAX / 2);
    buf_adds(&b,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" "
             "xmlns:media=\"http://search.yahoo.com/mrss/\" "
             "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "
             "xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel>"
             "<title>Harbour News</title><link>https://news.example/</link>\n");
    for (size_t n = 1; made < bytes && n <= items; n++) {
        add_item(&b, n);
        while (b.len >= PIECE_BYTES) {
            take(reader, b.data, PIECE_BYTES, false);
            made += PIECE_BYTES;
            memmove(b.data, b.data + PIECE_BYTES, b.len - PIECE_BYTES);
            buf_truncate(&b, b.len - PIECE_BYTES);
        }
    }
    buf_adds(&b, "</channel></rss>\n");
    take(reader, b.data, b.len, true);
    buf_done(&b);
}

/* ---- who reads it ---- */

static void take_nothing(void *reader, const char *bytes, size_t len, bool last)
{
    (void)reader, (void)bytes, (void)len, (void)last;
}

static void take_ours(void *reader, const char *bytes, size_t len, bool last)
{
    (void)last;
    must(feed_reader_push(reader, bytes, len, NULL) == ERR_NONE);
}

static void take_theirs(void *reader, const char *bytes, size_t len, bool last)
{
    must(xmlParseChunk(reader, bytes, (int)len, last) == 0);
}

static void read_nothing(size_t bytes, size_t items)
{
    make_feed(bytes, items, take_nothing, NULL);
}

static void read_ours(size_t bytes, size_t items)
{
    struct feed_call call = {.url = "https://news.example/feed", .now_ms = NOW_MS};
    struct feed_reader *r = feed_reader_new(&call);
    struct feed feed;

    make_feed(bytes, items, take_ours, r);
    must(feed_reader_finish(r, &feed, NULL) == ERR_NONE && feed.complete && !feed.damage);
    must(feed.count == (items < 1000 ? items : 1000));
    feed_done(&feed);
    feed_reader_free(r);
}

static void read_theirs(size_t bytes, size_t items)
{
    xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC};
    xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&handler, NULL, NULL, 0, NULL);

    make_feed(bytes, items, take_theirs, parser);
    xmlFreeParserCtxt(parser);
}

/* ---- measuring ---- */

typedef void read_fn(size_t bytes, size_t items);

static double best_us(read_fn *reading, size_t bytes, size_t items, int times)
{
    double best = 1e18;

    for (int i = 0; i < 3; i++) {
        int64_t start_us = clock_mono_us();

        for (int n = 0; n < times; n++) {
            reading(bytes, items);
        }
        double us = (double)(clock_mono_us() - start_us) / times;
        best = us < best ? us : best;
    }
    return best;
}

static long peak_kib(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;

    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            (void)sscanf(line + 6, "%ld", &kib);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return kib;
}

static bool read_all(int fd, void *out, size_t len)
{
    return read(fd, out, len) == (ssize_t)len;
}

static long peak_of(read_fn *reading)
{
    int fds[2];
    long kib = 0;

    must(pipe(fds) == 0);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        reading(LARGE_BYTES, SIZE_MAX);
        kib = peak_kib();
        must(write(fds[1], &kib, sizeof kib) == (ssize_t)sizeof kib);
        _exit(0);
    }
    must(waitpid(child, NULL, 0) == child);
    must(read_all(fds[0], &kib, sizeof kib));
    (void)close(fds[0]);
    (void)close(fds[1]);
    return kib;
}

int main(void)
{
    long none_kib = peak_of(read_nothing), ours_kib = peak_of(read_ours),
         theirs_kib = peak_of(read_theirs);
    double none = best_us(read_nothing, LARGE_BYTES, SIZE_MAX, 1);
    double ours = best_us(read_ours, LARGE_BYTES, SIZE_MAX, 1) - none;
    double theirs = best_us(read_theirs, LARGE_BYTES, SIZE_MAX, 1) - none;
    double small_none = best_us(read_nothing, SIZE_MAX, SMALL_ITEMS, 200);
    double small = best_us(read_ours, SIZE_MAX, SMALL_ITEMS, 200) - small_none;
    double small_theirs = best_us(read_theirs, SIZE_MAX, SMALL_ITEMS, 200) - small_none;

    printf("50 MB: feed_reader %.0f MB/s, libxml2 alone %.0f MB/s, ratio of times %.2f\n",
           (double)LARGE_BYTES / ours,
           (double)LARGE_BYTES / theirs,
           ours / theirs);
    printf("50 MB: peak memory above making it: feed_reader %ld KiB, libxml2 alone %ld KiB\n",
           ours_kib - none_kib,
           theirs_kib - none_kib);
    printf("%d items: feed_reader %.0f us, libxml2 alone %.0f us, ratio %.2f\n",
           SMALL_ITEMS,
           small,
           small_theirs,
           small / small_theirs);
    return 0;
}
