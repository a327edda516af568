/* A ledger whose newest writes went missing is not opened; a whole one is, whatever moment its process
 * died at. And the log is taken into the file beside the writing, also after a crash. */

#include "tests/support/queue_kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <sqlite3.h>

#define MIB ((size_t)1024 * 1024)
#define ARTICLES 12

/* ---- files ---- */

static void name_of(char out[160], const struct kit *k, const char *end)
{
    (void)snprintf(out, 160, "%s%s", k->path, end);
}

static size_t size_of(const struct kit *k, const char *end)
{
    struct stat st;
    char name[160];

    name_of(name, k, end);
    return stat(name, &st) == 0 ? (size_t)st.st_size : 0;
}

static void cut(const struct kit *k, const char *end, size_t size)
{
    char name[160];

    name_of(name, k, end);
    assert_int_equal(truncate(name, (off_t)size), 0);
}

static void drop(const struct kit *k, const char *end)
{
    char name[160];

    name_of(name, k, end);
    assert_int_equal(unlink(name), 0);
}

static void flip(const struct kit *k, const char *end, size_t at)
{
    char name[160], byte;
    int fd;

    name_of(name, k, end);
    fd = open(name, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte = (char)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* ---- a process that died ---- */

/* The children below end with their threads running, on purpose. Asked by the thread sanitizer. */
// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizer's own name
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_thread_leaks=0";
}
// NOLINTEND(bugprone-reserved-identifier)

static void accept_some(struct kit *k, int from, int to)
{
    for (int i = from; i < to; i++) {
        struct kit_accept a;
        char name[16];

        (void)snprintf(name, sizeof name, "%d", i);
        kit_accept(k, &a, (struct kit_article){.id = name, .title = "A"});
        kit_accept_done(&a);
    }
}

/* Leaves a ledger with a file and a log, as a crash does, or dies of the fault. */
static void die_with(struct kit *k, const char *fault)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        kit_open(k);
        accept_some(k, 0, ARTICLES / 2);
        kit_reopen(k); /* now these are in the file */
        fault_set(fault);
        accept_some(k, ARTICLES / 2, ARTICLES);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    k->next_id += 10000; /* the child has used some */
}

static enum err_code try_open(struct kit *k, struct err *why)
{
    *why = (struct err){.code = ERR_NONE};
    return ledger_open(&k->l, k->location, NULL, NULL, k->now_ms, why);
}

static void cut_log_in_half(const struct kit *k)
{
    cut(k, "-wal", size_of(k, "-wal") / 2);
}
static void cut_last_byte_of_log(const struct kit *k)
{
    cut(k, "-wal", size_of(k, "-wal") - 1);
}
static void empty_log(const struct kit *k)
{
    cut(k, "-wal", 0);
}
static void remove_log(const struct kit *k)
{
    drop(k, "-wal");
}
static void flip_in_log(const struct kit *k)
{
    flip(k, "-wal", size_of(k, "-wal") / 2);
}
static void flip_head_of_log(const struct kit *k)
{
    flip(k, "-wal", 16);
}
static void empty_file(const struct kit *k)
{
    drop(k, "-wal");
    cut(k, "", 0);
}
static void flip_in_mark(const struct kit *k)
{
    flip(k, ".mark", 9);
}

static void a_ledger_that_lost_its_newest_writes_is_refused_and_left_as_it_is(void **state)
{
    static const struct {
        void (*hurt)(const struct kit *k);
        const char *says;
    } rows[] = {
        {cut_log_in_half, "its newest writes are missing"},
        {cut_last_byte_of_log, "its newest writes are missing"},
        {empty_log, "its newest writes are missing"},
        {remove_log, "its newest writes are missing"},
        {flip_in_log, "its newest writes are missing"},
        {flip_head_of_log, "its newest writes are missing"},
        {empty_file, "its newest writes are missing"},
        {flip_in_mark, "is damaged"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit k;
        struct err why;
        char mark[160];
        size_t file, log;

        kit_init(&k);
        die_with(&k, NULL);
        assert_true(size_of(&k, "-wal") > 0);
        rows[i].hurt(&k);
        file = size_of(&k, "");
        log = size_of(&k, "-wal");
        for (int again = 0; again < 2; again++) { /* asking twice does not make it right */
            assert_int_equal(try_open(&k, &why), ERR_IO);
            assert_non_null(strstr(why.text, rows[i].says));
            name_of(mark, &k, ".mark");
            assert_non_null(strstr(why.text, mark));
            assert_int_equal(size_of(&k, ""), file);
            assert_int_equal(size_of(&k, "-wal"), log);
        }
        drop(&k, ".mark"); /* as the message says */
        kit_open(&k);
        kit_done_all(&k);
    }
}

/* A commit that told no event: that the next step of an attempt is about to leave. */
static void a_log_that_lost_a_step_is_refused_as_well(void **state)
{
    struct kit k;
    struct err why;
    int status;
    pid_t child;

    (void)state;
    kit_init(&k);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct kit_accept a;
        struct ledger_begin next;

        kit_open(&k);
        kit_accept(&k, &a, (struct kit_article){.id = "1", .title = "A"});
        kit_begin(&k, a.a.deliveries[0].id);
        next = (struct ledger_begin){.req = {.kind = LEDGER_BEGIN},
                                     .id = a.a.deliveries[0].id,
                                     .course = "publish",
                                     .step = "post",
                                     .publishes = true,
                                     .attempt_id = k.next_id,
                                     .now_ms = k.now_ms};
        _exit(kit_run(&k, &next.req) == ERR_NONE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cut_last_byte_of_log(&k);
    assert_int_equal(try_open(&k, &why), ERR_IO);
    assert_non_null(strstr(why.text, "its log (-wal) ends at frame"));
    kit_done_all(&k);
}

static void an_older_copy_in_its_place_is_refused(void **state)
{
    struct kit k;
    struct err why;
    char copy[160];

    (void)state;
    kit_init(&k);
    kit_open(&k);
    accept_some(&k, 0, 3);
    kit_close(&k);
    name_of(copy, &k, ".copy");
    assert_int_not_equal(access(copy, F_OK), 0);
    kit_copy_file(k.path, copy);
    kit_open(&k);
    accept_some(&k, 3, 6);
    kit_close(&k);
    assert_int_equal(rename(copy, k.path), 0);
    assert_int_equal(try_open(&k, &why), ERR_IO);
    assert_non_null(strstr(why.text, "it ends at event"));
    kit_done_all(&k);
}

static void a_whole_one_opens_whatever_moment_its_process_died_at(void **state)
{
    static const char *const faults[] = {
        NULL,
        "ledger.commit:1:exit",
        "ledger.committed:1:exit", /* on disk, not marked yet */
        "ledger.committed:4:exit",
        "ledger.mark:1:exit",
        "ledger.mark:3:exit",
        "ledger.mark:2", /* it cannot be written */
        "ledger.tend:1:exit",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct kit k;

        kit_init(&k);
        die_with(&k, faults[i]);
        kit_open(&k);
        accept_some(&k, ARTICLES, ARTICLES + 2);
        kit_reopen(&k);
        kit_done_all(&k);
    }
}

/* sqlite3 at a shell, after a crash, takes the log into the file and removes it. */
static void one_that_somebody_looked_into_opens(void **state)
{
    struct kit k;
    sqlite3 *db = NULL;

    (void)state;
    kit_init(&k);
    die_with(&k, NULL);
    assert_int_equal(sqlite3_open(k.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM event", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(size_of(&k, "-wal"), 0);
    kit_open(&k);
    kit_done_all(&k);
}

/* ---- the log ---- */

static void write_much(struct kit *k, int from)
{
    char *document = mem_alloc(MIB);

    memset(document, 'x', MIB - 1);
    document[MIB - 1] = '\0';
    for (int i = 0; i < 18; i++) { /* more than 2000 pages of 8 KiB */
        struct kit_accept a;
        char id[16];

        (void)snprintf(id, sizeof id, "%d", from + i);
        kit_fill(k, &a, &(struct kit_article){.id = id, .title = id});
        a.a.document = document;
        if (kit_run(k, &a.a.req)) {
            fail_msg("%s", a.a.req.why.text);
        }
        kit_accept_done(&a);
    }
    mem_free(document);
}

static void await_file(struct kit *k, size_t bytes)
{
    for (int waited = 0; size_of(k, "") < bytes; waited++) {
        if (waited > 10000) {
            fail_msg("the log is not taken into the file: %zu bytes", size_of(k, ""));
        }
        usleep(1000);
    }
}

static void the_log_is_taken_into_the_file_while_writing_goes_on(void **state)
{
    struct kit *k = *state;

    write_much(k, 0);
    await_file(k, 15 * MIB);
}

static void so_is_one_that_a_crash_left(void **state)
{
    struct kit k;
    int status;
    pid_t child;

    (void)state;
    kit_init(&k);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        kit_open(&k);
        accept_some(&k, 0, 3);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    k.next_id += 10000;
    kit_open(&k);
    write_much(&k, 100);
    await_file(&k, 15 * MIB);
    kit_done_all(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ledger_that_lost_its_newest_writes_is_refused_and_left_as_it_is),
        cmocka_unit_test(a_log_that_lost_a_step_is_refused_as_well),
        cmocka_unit_test(an_older_copy_in_its_place_is_refused),
        cmocka_unit_test(a_whole_one_opens_whatever_moment_its_process_died_at),
        cmocka_unit_test(one_that_somebody_looked_into_opens),
        cmocka_unit_test_setup_teardown(
            the_log_is_taken_into_the_file_while_writing_goes_on, kit_setup, kit_teardown),
        cmocka_unit_test(so_is_one_that_a_crash_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
