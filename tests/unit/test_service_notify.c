/* The datagrams to the service manager: to both kinds of sockets, to one that does not read, to one that
 * is gone and comes back; and which sockets are refused. */

#include "service/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static char folder[] = "/tmp/crier-test-notify-XXXXXX";
static FILE *log_file;

/* The manager's end; name as in NOTIFY_SOCKET. */
static int manager_socket(const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(addr.sun_path, name, strlen(name) + 1);
    if (name[0] == '@') {
        addr.sun_path[0] = '\0';
    } else {
        (void)unlink(name);
        len++;
    }
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, len), 0);
    return fd;
}

static void expect(int fd, const char *lines)
{
    char got[512];
    ssize_t len = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);

    assert_true(len >= 0);
    got[len] = '\0';
    assert_string_equal(got, lines);
}

static struct notify *open_notify(const char *name)
{
    struct notify *n = NULL;
    struct err why = {0};

    (void)setenv("NOTIFY_SOCKET", name, 1);
    if (notify_new(&n, &why)) {
        fail_msg("%s", why.text);
    }
    assert_null(getenv("NOTIFY_SOCKET"));
    return n;
}

static size_t count_in_log(const char *word)
{
    char line[1024];
    size_t count = 0;

    rewind(log_file);
    while (fgets(line, sizeof line, log_file) != NULL) {
        count += strstr(line, word) != NULL;
    }
    return count;
}

static void lines_arrive_as_one_datagram_at_either_kind_of_socket(void **state)
{
    char path[64], name[64];
    const char *const names[] = {path, name};

    (void)state;
    (void)snprintf(path, sizeof path, "%s/s", folder);
    (void)snprintf(name, sizeof name, "@crier-test-notify-%ld", (long)getpid());
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int fd = manager_socket(names[i]);
        struct notify *n = open_notify(names[i]);

        notify_tell(n, "READY=1\nSTATUS=a");
        notify_tell_now(n, "WATCHDOG=1");
        expect(fd, "READY=1\nSTATUS=a");
        expect(fd, "WATCHDOG=1");
        notify_free(n);
        close(fd);
    }
}

static void without_a_manager_nothing_happens(void **state)
{
    static const char *const rows[] = {NULL, ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct notify *n = NULL;
        struct err why = {0};

        (void)unsetenv("NOTIFY_SOCKET");
        if (rows[i] != NULL) {
            (void)setenv("NOTIFY_SOCKET", rows[i], 1);
        }
        assert_int_equal(notify_new(&n, &why), ERR_NONE);
        assert_null(n);
        notify_tell(n, "READY=1");
        notify_tell_now(n, "WATCHDOG=1");
        notify_free(n);
    }
}

static void a_name_that_is_no_socket_is_refused(void **state)
{
    char longest[200];
    const struct {
        const char *name, *why;
    } rows[] = {
        {"run/notify", "\"run/notify\": expected the absolute path"},
        {"/", "\"/\": expected the absolute path"},
        {"@", "\"@\": expected the absolute path"},
        {"vsock:2:1", "\"vsock:2:1\": expected the absolute path"},
        {longest, "NOTIFY_SOCKET has 199 bytes: expected at most 107"},
    };

    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct notify *n = NULL;
        struct err why = {0};

        (void)setenv("NOTIFY_SOCKET", rows[i].name, 1);
        assert_int_equal(notify_new(&n, &why), ERR_INVALID);
        assert_null(n);
        assert_null(getenv("NOTIFY_SOCKET"));
        if (strstr(why.text, rows[i].why) == NULL) {
            fail_msg("no \"%s\" in \"%s\"", rows[i].why, why.text);
        }
    }
}

static void a_manager_that_does_not_read_holds_up_no_ping(void **state)
{
    char path[64], last[64] = "";
    int64_t start_ms, took_ms;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/s", folder);
    int fd = manager_socket(path);
    struct notify *n = open_notify(path);

    for (int i = 0; i < 100000; i++) { /* more than any queue of the kernel holds */
        notify_tell_now(n, "WATCHDOG=1");
    }
    assert_int_equal(count_in_log("notify_failed"), 1);
    assert_int_equal(count_in_log("WATCHDOG=1"), 1);
    start_ms = clock_mono_ms();
    notify_tell(n, "READY=1"); /* and a state no longer than a second */
    took_ms = clock_mono_ms() - start_ms;
    assert_true(took_ms >= 900 && took_ms < 30000);
    expect(fd, "WATCHDOG=1");
    notify_tell(n, "STOPPING=1"); /* there is room again */
    while (recv(fd, last, sizeof last - 1, MSG_DONTWAIT) > 0) {
    }
    assert_string_equal(last, "STOPPING=1");
    notify_free(n);
    close(fd);
}

static void a_manager_that_comes_back_is_told_again(void **state)
{
    char path[64];
    size_t before = count_in_log("notify_failed");

    (void)state;
    (void)snprintf(path, sizeof path, "%s/s", folder);
    int fd = manager_socket(path);
    struct notify *n = open_notify(path);

    close(fd);
    notify_tell(n, "STATUS=a");
    notify_tell(n, "STATUS=b");
    assert_int_equal(count_in_log("notify_failed"), before + 1);
    fd = manager_socket(path);
    notify_tell(n, "STATUS=c");
    expect(fd, "STATUS=c");
    notify_free(n);
    close(fd);
}

static void nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(mem_live_count(), 0);
}

static int prepare(void **state)
{
    (void)state;
    log_file = tmpfile();
    if (log_file == NULL || mkdtemp(folder) == NULL) {
        return -1;
    }
    log_setup(fileno(log_file), LOG_TEXT, LOG_INFO);
    return 0;
}

static int tidy(void **state)
{
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/s", folder);
    (void)unlink(path);
    (void)fclose(log_file);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_arrive_as_one_datagram_at_either_kind_of_socket),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(a_name_that_is_no_socket_is_refused),
        cmocka_unit_test(a_manager_that_does_not_read_holds_up_no_ping),
        cmocka_unit_test(a_manager_that_comes_back_is_told_again),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, prepare, tidy);
}
