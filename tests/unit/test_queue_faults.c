/* One course through a real ledger, and everything beneath it failing in turn: each fault point, each
 * piece of memory SQLite asks for, each write and sync of the disk, once or from then on; the process
 * ending at each point; the power going out at each write. What failed once and was tried again leaves
 * the ledger as if nothing had been; what stops half-way leaves it as after the last thing that was
 * acknowledged, or after the one that was on its way. CRIER_SWEEP=all tries every single one. */

#include "tests/support/queue_dump.h"
#include "tests/support/queue_kit.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "base/fault.h"

#define OPS 19
#define TRIES 3

/* ---- what can break ---- */

enum breaker { NOTHING, POINT, MEMORY, DISK, DISK_FOR_EVER, POWER, POWER_TORN };

static atomic_int passes;   /* of the breaker's kind, since it was armed */
static atomic_int break_at; /* 0: never */
static atomic_bool broken;  /* it has fired */
static enum breaker breaker;

static bool breaks(enum breaker from, enum breaker to)
{
    if (breaker < from || breaker > to || atomic_load(&break_at) == 0) {
        return false;
    }
    if (breaker >= DISK_FOR_EVER && atomic_load(&broken)) {
        return true;
    }
    if (atomic_fetch_add(&passes, 1) + 1 != atomic_load(&break_at)) {
        return false;
    }
    atomic_store(&broken, true);
    return true;
}

static void arm(enum breaker which, int at)
{
    char spec[32];

    breaker = which;
    atomic_store(&passes, 0);
    atomic_store(&broken, false);
    atomic_store(&break_at, at);
    (void)snprintf(spec, sizeof spec, "*:%d", at);
    (void)fault_set(which == POINT ? spec : NULL);
}

/* Whether it has fired. */
static bool disarm(void)
{
    bool fired = fault_set(NULL) > 0 || atomic_load(&broken);

    atomic_store(&break_at, 0);
    return fired;
}

/* ---- memory ---- */

static sqlite3_mem_methods heap;

static void *failing_malloc(int n)
{
    return breaks(MEMORY, MEMORY) ? NULL : heap.xMalloc(n);
}

static void *failing_realloc(void *p, int n)
{
    return breaks(MEMORY, MEMORY) ? NULL : heap.xRealloc(p, n);
}

static void make_heap(void)
{
    sqlite3_mem_methods own;

    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &heap), SQLITE_OK);
    own = heap;
    own.xMalloc = failing_malloc;
    own.xRealloc = failing_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &own), SQLITE_OK);
}

/* ---- disk ---- */

enum which {
    FILE_MAIN,
    FILE_LOG,
    FILE_COUNT,
    FILE_OTHER = FILE_COUNT, /* of which only the waiting is spared */
};

/* What of a file would be there after the power went: its content at the last sync. */
struct image {
    char *bytes;
    size_t len;
};

static struct disk {
    sqlite3_vfs vfs;
    sqlite3_io_methods methods[FILE_COUNT + 1];
    const sqlite3_io_methods *real[FILE_COUNT];
    struct image synced[FILE_COUNT];
    char path[128];
} disk;

static enum which which_of(const sqlite3_file *f)
{
    return f->pMethods == &disk.methods[FILE_LOG] ? FILE_LOG : FILE_MAIN;
}

static void name_of(enum which w, char out[160])
{
    (void)snprintf(out, 160, "%s%s", disk.path, w == FILE_LOG ? "-wal" : "");
}

static struct image read_image(enum which w)
{
    struct image i = {.bytes = NULL};
    char name[160];
    FILE *f;

    name_of(w, name);
    f = fopen(name, "rb");
    if (f) {
        i.bytes = mem_alloc((size_t)1 << 22);
        i.len = fread(i.bytes, 1, (size_t)1 << 22, f);
        (void)fclose(f);
    }
    return i;
}

static void keep_synced(enum which w)
{
    mem_free(disk.synced[w].bytes);
    disk.synced[w] = read_image(w);
}

static int disk_write(sqlite3_file *f, const void *from, int len, sqlite3_int64 at)
{
    if (breaks(DISK, POWER_TORN)) {
        return breaker == DISK ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    return disk.real[which_of(f)]->xWrite(f, from, len, at);
}

static int disk_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return breaks(DISK, POWER_TORN) ? SQLITE_IOERR_TRUNCATE
                                    : disk.real[which_of(f)]->xTruncate(f, size);
}

/* The real one is not waited for: who cuts the power here knows what is on the disk. */
static int disk_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    if (breaks(DISK, POWER_TORN)) {
        return SQLITE_IOERR_FSYNC;
    }
    if (breaker >= POWER) {
        keep_synced(which_of(f));
    }
    return SQLITE_OK;
}

static int spared_sync(sqlite3_file *f, int flags)
{
    (void)f;
    (void)flags;
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *v, const char *name, int sync)
{
    sqlite3_vfs *unix_vfs = v->pAppData;

    (void)sync;
    return unix_vfs->xDelete(unix_vfs, name, 0);
}

static int disk_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    sqlite3_vfs *unix_vfs = v->pAppData;
    int rc = unix_vfs->xOpen(unix_vfs, name, f, flags, out);
    enum which w = flags & SQLITE_OPEN_WAL ? FILE_LOG : FILE_MAIN;

    if (rc == SQLITE_OK && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) {
        disk.real[w] = f->pMethods;
        disk.methods[w] = *f->pMethods;
        disk.methods[w].xWrite = disk_write;
        disk.methods[w].xTruncate = disk_truncate;
        disk.methods[w].xSync = disk_sync;
        f->pMethods = &disk.methods[w];
    } else if (rc == SQLITE_OK) {
        disk.methods[FILE_OTHER] = *f->pMethods;
        disk.methods[FILE_OTHER].xSync = spared_sync;
        f->pMethods = &disk.methods[FILE_OTHER];
    }
    return rc;
}

static void make_disk(void)
{
    sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");

    disk.vfs = *unix_vfs;
    disk.vfs.zName = "failing";
    disk.vfs.pNext = NULL;
    disk.vfs.pAppData = unix_vfs;
    disk.vfs.xOpen = disk_open;
    disk.vfs.xDelete = disk_delete;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

/* Of what was written and not synced, nothing has arrived, or every other sector. */
static void write_image(enum which w, bool torn)
{
    struct image now = read_image(w), *was = &disk.synced[w];
    size_t len = torn && now.len > was->len ? now.len : was->len;
    char name[160];
    FILE *f;

    name_of(w, name);
    f = fopen(name, "wb");
    assert_non_null(f);
    for (size_t at = 0; at < len; at += 512) {
        bool fresh = at >= was->len || (torn && at / 512 % 2 == 0 && at < now.len);
        size_t n = len - at < 512 ? len - at : 512;
        const char *from = fresh ? now.bytes : was->bytes;

        assert_int_equal(fwrite(from + at, 1, n, f), n);
    }
    assert_int_equal(fclose(f), 0);
    mem_free(now.bytes);
}

static void lose_power(bool torn)
{
    char name[160];

    write_image(FILE_MAIN, torn);
    write_image(FILE_LOG, torn);
    (void)snprintf(name, sizeof name, "%s-shm", disk.path);
    (void)unlink(name);
}

/* ---- the course ---- */

struct course {
    struct kit kit;
    struct kit_accept accepts[8];
    struct ledger_begin begins[3];
    struct ledger_end ends[4];
    struct ledger_move move;
    struct ledger_channel channel;
    struct ledger_channel_save save;
    struct ledger_expire expire;
    struct ledger_prune prune;
    struct ledger_gate gates[2];
    struct accept_alias found; /* by the gate */
    struct ledger_inbox_put put;
    struct ledger_source_save source;
    struct ledger_drop drop;
    struct ledger_fallback fallback;
    struct ledger_release_channel release;
    struct ledger_topics topics;
    struct ledger_members_put members;
    struct ledger_prepared_put prepared;
    struct ledger_wave_open wave;
    struct ledger_wave_next next[2];
    struct ledger_wave_end wave_end;
    struct ledger_members_back back;
    struct ledger_member_set erase;
    struct ledger_wave_say stop;
    struct ledger_request *ops[OPS];
    size_t count;
};

static void add(struct course *c, struct ledger_request *r)
{
    assert_in_range(c->count, 0, OPS - 1);
    c->ops[c->count++] = r;
}

static void add_article(struct course *c, size_t at, struct kit_article in)
{
    kit_fill(&c->kit, &c->accepts[at], &in);
    add(c, &c->accepts[at].a.req);
}

static void
add_accept(struct course *c, size_t at, const char *id, const char *title, const char *channels)
{
    add_article(c, at, (struct kit_article){.id = id, .title = title, .channels = channels});
}

static void add_begin(struct course *c, size_t at, uint64_t id)
{
    c->begins[at] = (struct ledger_begin){.req = {.kind = LEDGER_BEGIN},
                                          .id = {id},
                                          .course = "publish",
                                          .step = "post",
                                          .publishes = true,
                                          .record = "{\"n\":1}",
                                          .account = "{\"token\":\"t\"}",
                                          .channel = "a",
                                          .bucket = {.tokens = 7, .at_ms = c->kit.now_ms},
                                          .counts = true,
                                          .attempt_id = c->kit.next_id++,
                                          .now_ms = c->kit.now_ms};
    add(c, &c->begins[at].req);
}

static void add_end(struct course *c, size_t at, uint64_t id, enum delivery_state to)
{
    c->ends[at] = kit_end_request(&c->kit, (struct delivery_id){id}, to);
    add(c, &c->ends[at].req);
}

/* Published on two channels, one of them in doubt and settled by a person, corrected, taken back. */
static void a_story_by_hand(struct course *c)
{
    struct kit *k = &c->kit;

    add_accept(c, 0, "1", "A", "a b");
    add_begin(c, 0, c->accepts[0].ids[0]);
    add_end(c, 0, c->accepts[0].ids[0], DELIVERY_DONE);
    add_begin(c, 1, c->accepts[0].ids[1]);
    add_end(c, 1, c->accepts[0].ids[1], DELIVERY_UNKNOWN);
    add_accept(c, 1, "1", "B", "a b");
    c->move = (struct ledger_move){.req = {.kind = LEDGER_MOVE},
                                   .move = MOVE_POSTED,
                                   .id = {c->accepts[0].ids[1]},
                                   .by = "test",
                                   .remote_id = "7",
                                   .now_ms = k->now_ms};
    add(c, &c->move.req);
    add_begin(c, 2, c->accepts[1].ids[0]);
    add_end(c, 2, c->accepts[1].ids[0], DELIVERY_AGAIN);
    (void)snprintf(c->channel.name, sizeof c->channel.name, "a");
    c->channel.paused = true;
    c->save = (struct ledger_channel_save){.req = {.kind = LEDGER_CHANNEL_SAVE},
                                           .channel = &c->channel,
                                           .event = "channel_paused",
                                           .now_ms = k->now_ms};
    add(c, &c->save.req);
    add_accept(c, 2, "2", "X", "a b c");
    add_accept(c, 3, "1", NULL, "a b");
    c->expire = (struct ledger_expire){.req = {.kind = LEDGER_EXPIRE}, .now_ms = k->now_ms + 1};
    add(c, &c->expire.req);
    c->prune = (struct ledger_prune){
        .req = {.kind = LEDGER_PRUNE}, .before_ms = 1, .keep_events = 100};
    add(c, &c->prune.req);
}

#define WITHDRAWN_UNTIL (KIT_NOW + 120000)

static void add_gate(struct course *c, size_t at, uint64_t article)
{
    c->gates[at] = (struct ledger_gate){.req = {.kind = LEDGER_GATE},
                                        .article = {article},
                                        .page = "{\"title\":\"P\"}",
                                        .delivery_id = c->kit.next_id,
                                        .delivery_ids = 20,
                                        .now_ms = c->kit.now_ms};
    c->kit.next_id += 20;
    add(c, &c->gates[at].req);
}

static void add_what_waits(struct course *c)
{
    c->put = (struct ledger_inbox_put){.req = {.kind = LEDGER_INBOX_PUT},
                                       .id = 5,
                                       .source = "cms",
                                       .body = "{}",
                                       .due_at_ms = c->kit.now_ms,
                                       .now_ms = c->kit.now_ms};
    c->source = (struct ledger_source_save){.req = {.kind = LEDGER_SOURCE_SAVE},
                                            .name = "feed",
                                            .state = "{}",
                                            .now_ms = c->kit.now_ms};
    add(c, &c->put.req);
    add(c, &c->source.req);
}

/* What waits on a channel that is blocked goes to another, and then that one is mended. */
static void add_blocked(struct course *c)
{
    static const struct ledger_fallback_to e = {
        .channel = "e", .adapter = "webhook", .own_ms = 3600000};

    add_accept(c, 7, "3", "D", "d");
    c->fallback = (struct ledger_fallback){.req = {.kind = LEDGER_FALLBACK},
                                           .channel = "d",
                                           .why = "the token was revoked",
                                           .to = &e,
                                           .to_count = 1,
                                           .delivery_id = c->kit.next_id,
                                           .now_ms = c->kit.now_ms};
    c->kit.next_id += FALLBACK_BATCH + 1;
    add(c, &c->fallback.req);
    c->release = (struct ledger_release_channel){
        .req = {.kind = LEDGER_RELEASE_CHANNEL}, .channel = "d", .now_ms = c->kit.now_ms};
    add(c, &c->release.req);
}

/* Recorded by a feed and dropped; completed from the inbox; found to be an agency's as well; published,
 * withdrawn, back, and withdrawn for good. */
static void a_story_of_sources(struct course *c)
{
    struct kit_article away = {.id = "1", .withdraw_at_ms = WITHDRAWN_UNTIL};

    add_what_waits(c);
    add_article(
        c,
        0,
        (struct kit_article){.source = "feed", .guid = "g", .title = "F", .quiet = "old"});
    c->drop = (struct ledger_drop){.req = {.kind = LEDGER_DROP},
                                   .article = {c->accepts[0].a.new_article},
                                   .now_ms = c->kit.now_ms};
    add(c, &c->drop.req);
    add_article(c,
                1,
                (struct kit_article){.id = "1",
                                     .url = KIT_URL,
                                     .title = "A",
                                     .channels = "a b",
                                     .inbox = 5,
                                     .gate_until_ms = KIT_NOW + 45000});
    add_article(c,
                2,
                (struct kit_article){.source = "agency",
                                     .id = "9",
                                     .wanted_id = "9",
                                     .title = "B",
                                     .channels = "a c",
                                     .breaking = true,
                                     .gate_until_ms = KIT_NOW + 45000});
    c->found = (struct accept_alias){.kind = "url", .value = KIT_URL};
    add_gate(c, 0, c->accepts[2].a.new_article);
    c->gates[0].names = &c->found;
    c->gates[0].name_count = 1;
    add_gate(c, 1, c->accepts[1].a.new_article);
    add_begin(c, 0, c->accepts[1].ids[0]);
    add_end(c, 0, c->accepts[1].ids[0], DELIVERY_DONE);
    add_article(c, 3, away);
    add_article(c, 4, (struct kit_article){.id = "1", .title = "A", .channels = "a b"});
    add_article(c, 5, away);
    add_article(c, 6, (struct kit_article){.channels = "a b"}); /* the retraction that is due */
    c->accepts[6].a.known.v = c->accepts[1].a.new_article;
    c->accepts[6].a.retract_at_ms = WITHDRAWN_UNTIL;
    add_blocked(c);
}

/* ---- an audience ---- */

#define AUDIENCE_MEMBERS 5

static const uint8_t member_keys[81] = {4, 1};
static const struct ledger_new_member new_members[AUDIENCE_MEMBERS] = {
    {.address = "1", .opted_in_by = "page", .keys = member_keys, .keys_len = 81},
    {.address = "2", .opted_in_by = "page", .keys = member_keys, .keys_len = 81},
    {.address = "3", .opted_in_by = "page", .traits = {.topics = 1}},
    {.address = "4", .opted_in_by = "page", .keys = member_keys, .keys_len = 81},
    {.address = "5", .opted_in_by = "page"},
};

static void add_members(struct course *c)
{
    static const char *const names[] = {"politics", "sport"};
    static const uint8_t bytes[3][8] = {"first", "second", "third"};
    static struct ledger_unprepared_member to[3] = {{.id = 1}, {.id = 2}, {.id = 4}};

    for (size_t i = 0; i < ARRAY_LEN(to); i++) {
        memcpy(to[i].keys, member_keys, sizeof member_keys);
        to[i].keys_len = sizeof member_keys;
    }
    c->topics = (struct ledger_topics){
        .req = {.kind = LEDGER_TOPICS}, .channel = "a", .names = names, .count = 2};
    c->members = (struct ledger_members_put){.req = {.kind = LEDGER_MEMBERS_PUT},
                                             .channel = "a",
                                             .v = new_members,
                                             .count = AUDIENCE_MEMBERS,
                                             .first_id = 1,
                                             .now_ms = c->kit.now_ms};
    c->prepared = (struct ledger_prepared_put){.req = {.kind = LEDGER_PREPARED_PUT},
                                               .channel = "a",
                                               .members = to,
                                               .bytes = bytes[0],
                                               .count = ARRAY_LEN(to),
                                               .each_bytes = sizeof bytes[0],
                                               .now_ms = c->kit.now_ms};
    add(c, &c->topics.req);
    add(c, &c->members.req);
    add(c, &c->prepared.req);
}

static void add_next(struct course *c, size_t at, struct delivery_id id)
{
    c->next[at] = (struct ledger_wave_next){.req = {.kind = LEDGER_WAVE_NEXT},
                                            .id = id,
                                            .limit = 2,
                                            .recent_since_ms = 1,
                                            .now_ms = c->kit.now_ms};
    add(c, &c->next[at].req);
}

static void add_wave_end(struct course *c, struct delivery_id id)
{
    static const struct ledger_wave_result lost = {
        .member = 1, .outcome = MEMBER_LOST, .detail = "410"};
    static const struct ledger_wave_service service = {
        .name = "fcm", .accepted = 1, .gone = 1, .times = {2}};

    c->wave_end = (struct ledger_wave_end){.req = {.kind = LEDGER_WAVE_END},
                                           .id = id,
                                           .number = 1,
                                           .v = &lost,
                                           .count = 1,
                                           .accepted = 1,
                                           .services = &service,
                                           .service_count = 1,
                                           .now_ms = c->kit.now_ms};
    add(c, &c->wave_end.req);
}

static void add_words(struct course *c, struct delivery_id id)
{
    c->back = (struct ledger_members_back){
        .req = {.kind = LEDGER_MEMBERS_BACK}, .channel = "a", .state = -1, .now_ms = KIT_NOW};
    c->erase = (struct ledger_member_set){.req = {.kind = LEDGER_MEMBER_SET},
                                          .channel = "a",
                                          .address = "4",
                                          .change = MEMBER_ERASE,
                                          .now_ms = c->kit.now_ms};
    c->stop = (struct ledger_wave_say){.req = {.kind = LEDGER_WAVE_SAY},
                                       .id = id,
                                       .word = WAVE_STOP,
                                       .by = "cli",
                                       .now_ms = c->kit.now_ms};
    add(c, &c->back.req);
    add(c, &c->erase.req);
    add(c, &c->stop.req);
}

/* Members with something prepared for some; a wave that loses one and passes one over; the loss undone, one erased,
 * the wave stopped. */
static void a_story_of_an_audience(struct course *c)
{
    struct delivery_id id;

    add_members(c);
    add_accept(c, 0, "1", "A", "a");
    id.v = c->accepts[0].ids[0];
    add_begin(c, 0, id.v);
    c->wave = (struct ledger_wave_open){.req = {.kind = LEDGER_WAVE_OPEN},
                                        .id = id,
                                        .channel = "a",
                                        .topics = 2,
                                        .now_ms = c->kit.now_ms};
    add(c, &c->wave.req);
    add_next(c, 0, id);
    add_wave_end(c, id);
    add_next(c, 1, id);
    add_words(c, id);
}

static void (*story)(struct course *c);

static struct course *course_new(void)
{
    struct course *c = mem_zalloc(sizeof *c);

    kit_init(&c->kit);
    kit_open(&c->kit);
    (void)snprintf(disk.path, sizeof disk.path, "%s", c->kit.path);
    keep_synced(FILE_MAIN);
    keep_synced(FILE_LOG);
    story(c);
    return c;
}

static void course_free(struct course *c)
{
    for (size_t i = 0; i < c->count; i++) {
        ledger_request_done(c->ops[i]);
    }
    kit_done_all(&c->kit);
    mem_free(c);
    for (int w = 0; w < FILE_COUNT; w++) {
        mem_free(disk.synced[w].bytes);
        disk.synced[w] = (struct image){.bytes = NULL};
    }
}

/* Up to `most`; each is tried again some times, as by those who ask in earnest. Returns how many were
 * acknowledged. */
static size_t course_run(struct course *c, size_t most, _Atomic size_t *told)
{
    size_t done = 0;

    for (; done < most && done < c->count; done++) {
        enum err_code rc = ERR_IO;

        for (int tries = 0; rc && tries < TRIES; tries++) {
            rc = kit_run(&c->kit, c->ops[done]);
            if (rc && rc != ERR_IO) {
                fail_msg("op %zu: %s", done, c->ops[done]->why.text);
            }
        }
        if (rc) {
            break;
        }
        if (told) {
            atomic_store(told, done + 1);
        }
    }
    return done;
}

/* Opened once more, so that what was in flight is recovered. */
static char *dump_after_open(struct course *c)
{
    if (c->kit.l) {
        kit_close(&c->kit);
    }
    kit_open(&c->kit);
    kit_close(&c->kit);
    return dump(c->kit.path);
}

/* What it looks like after so many, when nothing fails. */
static char *expected[OPS + 1];
static size_t op_count;

static void make_expected(void)
{
    for (size_t n = 0; n == 0 || n <= op_count; n++) {
        struct course *c = course_new();

        op_count = c->count;
        assert_int_equal(course_run(c, n, NULL), n);
        expected[n] = dump_after_open(c);
        course_free(c);
    }
}

static void free_expected(void)
{
    for (size_t n = 0; n <= op_count; n++) {
        mem_free(expected[n]);
    }
}

/* The first line in which they differ. */
static void tell_apart(const char *found, const char *wanted)
{
    while (*found && *wanted && strcspn(found, "\n") == strcspn(wanted, "\n") &&
           strncmp(found, wanted, strcspn(found, "\n")) == 0) {
        found += strcspn(found, "\n") + 1;
        wanted += strcspn(wanted, "\n") + 1;
    }
    print_error("found:  %.*s\n", (int)strcspn(found, "\n"), found);
    print_error("wanted: %.*s\n", (int)strcspn(wanted, "\n"), wanted);
}

static void insist(const char *found, size_t acknowledged, bool may_be_one_more, int at)
{
    if (strcmp(found, expected[acknowledged]) == 0) {
        return;
    }
    if (may_be_one_more && acknowledged < op_count &&
        strcmp(found, expected[acknowledged + 1]) == 0) {
        return;
    }
    tell_apart(found, expected[acknowledged]);
    fail_msg("breaker %d at %d, %zu acknowledged", breaker, at, acknowledged);
}

/* ---- sweeps ---- */

/* One that fires once is got over; one that stays ends the course where it fires. */
static bool round_of(enum breaker which, int at)
{
    bool stays = which >= DISK_FOR_EVER, fired;
    struct course *c = course_new();
    size_t done;
    char *found;

    arm(which, at);
    done = course_run(c, OPS, NULL);
    if (stays) {
        kit_close(&c->kit); /* as a process that ends while it is still so */
        c->kit.l = NULL;
    }
    fired = disarm();
    if (which >= POWER && fired) {
        lose_power(which == POWER_TORN);
    }
    assert_true(stays || done == op_count);
    found = dump_after_open(c);
    insist(found, done, stays, at);
    mem_free(found);
    course_free(c);
    return fired;
}

/* The next one to try: all of the first, then some; of the second story fewer, since it goes the same ways
 * beneath. All there are with CRIER_SWEEP=all. */
static int next_after(int at, int step)
{
    const char *every = getenv("CRIER_SWEEP");
    bool first = story == a_story_by_hand;

    return at + (every && strcmp(every, "all") == 0 ? 1
                 : at < (first ? 30 : 8)            ? 1
                                                    : step * (first ? 1 : 2));
}

static void sweep(enum breaker which, int step)
{
    int at = 1, rounds = 0;

    while (round_of(which, at)) {
        at = next_after(at, step);
        rounds++;
    }
    print_message("%d rounds, %d passes\n", rounds, at - 1);
    assert_in_range(rounds, 20, 100000);
}

static void any_point_that_fails_once_leaves_no_trace(void **state)
{
    (void)state;
    sweep(POINT, 5);
}

static void any_memory_that_is_not_there_once_leaves_no_trace(void **state)
{
    (void)state;
    sweep(MEMORY, 41);
}

static void any_write_that_fails_once_leaves_no_trace(void **state)
{
    (void)state;
    sweep(DISK, 4);
}

static void a_disk_that_fails_for_ever_keeps_what_was_acknowledged(void **state)
{
    (void)state;
    sweep(DISK_FOR_EVER, 4);
}

static void power_that_goes_takes_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    sweep(POWER, 4);
}

static void power_that_goes_in_the_midst_of_writes_takes_nothing_acknowledged(void **state)
{
    (void)state;
    sweep(POWER_TORN, 4);
}

/* The process ends at the point, as by _exit: nothing is closed. */
static bool exit_round(int at, _Atomic size_t *told)
{
    struct course *c = course_new();
    char spec[32], *found;
    int status = 0;
    pid_t child;

    kit_close(&c->kit); /* its threads would not be there in the child */
    c->kit.l = NULL;
    atomic_store(told, 0);
    (void)snprintf(spec, sizeof spec, "*:%d:exit", at);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        kit_open(&c->kit);
        (void)fault_set(spec);
        (void)course_run(c, OPS, told);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 99 || WEXITSTATUS(status) == 0));
    found = dump_after_open(c);
    insist(found, atomic_load(told), true, at);
    mem_free(found);
    course_free(c);
    return WEXITSTATUS(status) == 99;
}

static void a_process_that_ends_at_any_point_keeps_what_was_acknowledged(void **state)
{
    _Atomic size_t *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int at = 1;

    (void)state;
    assert_true(told != MAP_FAILED);
    while (exit_round(at, told)) {
        at = next_after(at, 5);
    }
    assert_in_range(at, 60, 100000);
    (void)munmap(told, sizeof *told);
}

static int run_all(void (*of)(struct course *c))
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_point_that_fails_once_leaves_no_trace),
        cmocka_unit_test(any_memory_that_is_not_there_once_leaves_no_trace),
        cmocka_unit_test(any_write_that_fails_once_leaves_no_trace),
        cmocka_unit_test(a_disk_that_fails_for_ever_keeps_what_was_acknowledged),
        cmocka_unit_test(power_that_goes_takes_nothing_that_was_acknowledged),
        cmocka_unit_test(power_that_goes_in_the_midst_of_writes_takes_nothing_acknowledged),
        cmocka_unit_test(a_process_that_ends_at_any_point_keeps_what_was_acknowledged),
    };
    int failed;

    story = of;
    make_expected();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free_expected();
    return failed;
}

int main(void)
{
    make_heap();
    make_disk();
    return run_all(a_story_by_hand) + run_all(a_story_of_sources) +
           run_all(a_story_of_an_audience);
}
