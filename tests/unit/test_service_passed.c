/* Sockets handed over by a service manager: which are taken, which are refused and how that is said, and
 * whose they are. Descriptor 3 is this program's own to fill. */

#include "service/passed.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mem.h"

static const char *const variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

/* NULL: not set; "own": our number. */
static void set_variables(const char *pid, const char *count, const char *names)
{
    const char *const values[] = {pid, count, names};
    char own[32];

    (void)snprintf(own, sizeof own, "%ld", (long)getpid());
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        (void)unsetenv(variables[i]);
        if (values[i] != NULL) {
            (void)setenv(variables[i], strcmp(values[i], "own") == 0 ? own : values[i], 1);
        }
    }
}

static void expect_clean_environment(void)
{
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        assert_null(getenv(variables[i]));
    }
}

enum what {
    CLOSED,
    FILE_OF_DISK,
    TCP,
    TCP6,
    UNIX,
    DATAGRAM,
    UNIX_DATAGRAM,
    NOT_LISTENING,
    PAIR
};

/* bind() to port 0 of loopback, or to a name of the kernel's choice. */
static void bind_anywhere(int fd, int domain)
{
    struct sockaddr_storage addr = {.ss_family = (sa_family_t)domain};
    socklen_t len = sizeof(sa_family_t);

    if (domain == AF_INET) {
        ((struct sockaddr_in *)(void *)&addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        len = sizeof(struct sockaddr_in);
    } else if (domain == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)&addr)->sin6_addr = in6addr_loopback;
        len = sizeof(struct sockaddr_in6);
    }
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, len), 0);
}

static int make(enum what what)
{
    static const int domains[] = {[TCP] = AF_INET,
                                  [TCP6] = AF_INET6,
                                  [UNIX] = AF_UNIX,
                                  [DATAGRAM] = AF_INET,
                                  [UNIX_DATAGRAM] = AF_UNIX,
                                  [NOT_LISTENING] = AF_INET};
    bool datagram = what == DATAGRAM || what == UNIX_DATAGRAM;
    int fd, pair[2];

    if (what == CLOSED) {
        return -1;
    }
    if (what == FILE_OF_DISK) {
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    }
    if (what == PAIR) { /* as with Accept=yes */
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        close(pair[1]);
        return pair[0];
    }
    fd = socket(domains[what], datagram ? SOCK_DGRAM : SOCK_STREAM, 0);
    bind_anywhere(fd, domains[what]);
    if (!datagram && what != NOT_LISTENING) {
        assert_int_equal(listen(fd, 5), 0);
    }
    return fd;
}

/* Puts it at descriptor 3, as a manager does: open across exec, blocking. */
static void hand_over(enum what what)
{
    int fd = make(what);

    if (fd < 0) {
        close(3);
    } else if (fd != 3) {
        assert_int_equal(dup2(fd, 3), 3);
        close(fd);
    }
}

static void a_listening_stream_socket_is_taken(void **state)
{
    static const enum what rows[] = {TCP, TCP6, UNIX};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct passed p;
        struct err why = {0};

        hand_over(rows[i]);
        set_variables("own", "1", "crier.socket");
        if (passed_read(&p, &why)) {
            fail_msg("row %zu: %s", i, why.text);
        }
        assert_int_equal(p.fd, 3);
        assert_string_equal(p.name, "crier.socket");
        assert_int_equal(fcntl(3, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fcntl(3, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        expect_clean_environment();
    }
}

static void what_is_not_for_us_is_left_alone(void **state)
{
    static const struct {
        const char *pid, *count, *names;
    } rows[] = {
        {NULL, NULL, NULL},
        {NULL, "1", "a"},
        {"own", NULL, "a"},
        {"1", "1", "a"},
        {"1", "nonsense", "a"},
        {"own", "0", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct passed p;
        struct err why = {0};

        hand_over(TCP);
        set_variables(rows[i].pid, rows[i].count, rows[i].names);
        assert_int_equal(passed_read(&p, &why), ERR_NONE);
        assert_int_equal(p.fd, -1);
        assert_int_equal(fcntl(3, F_GETFD), 0); /* as it was */
        expect_clean_environment();
    }
}

static void what_cannot_be_listened_on_is_refused_with_its_name(void **state)
{
    static const struct {
        enum what what;
        const char *pid, *count, *names, *why;
    } rows[] = {
        {CLOSED, "own", "1", "a", "descriptor 3 (a) from the service manager is not open: "},
        {FILE_OF_DISK,
         "own",
         "1",
         "a",
         "descriptor 3 (a) from the service manager is no socket"},
        {DATAGRAM, "own", "1", "a", "(a) from the service manager is no stream socket"},
        {UNIX_DATAGRAM, "own", "1", NULL, "(unnamed) from the service manager is no stream"},
        {NOT_LISTENING, "own", "1", "a", "is a socket that does not listen: expected one"},
        {PAIR, "own", "1", "a", "ListenStream= with Accept=no"},
        {TCP, "own", "2", "http:admin", "passed 2 sockets (http:admin): expected one Listen"},
        {TCP, "own", "99999999999", NULL, "passed 99999999999 sockets (unnamed): expected"},
        {TCP, "own", "-1", "a", "LISTEN_FDS is \"-1\": expected a number"},
        {TCP, "own", "one", "a", "LISTEN_FDS is \"one\": expected a number"},
        {TCP, "me", "1", "a", "LISTEN_PID is \"me\": expected the number of a process"},
        {TCP, "own", "1", "a:b", "LISTEN_FDNAMES is \"a:b\": expected one name"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct passed p;
        struct err why = {0};

        hand_over(rows[i].what);
        set_variables(rows[i].pid, rows[i].count, rows[i].names);
        assert_int_equal(passed_read(&p, &why), ERR_INVALID);
        if (strstr(why.text, rows[i].why) == NULL) {
            fail_msg("no \"%s\" in \"%s\"", rows[i].why, why.text);
        }
        expect_clean_environment();
    }
}

static void nothing_is_left(void **state)
{
    (void)state;
    close(3);
    assert_int_equal(mem_live_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listening_stream_socket_is_taken),
        cmocka_unit_test(what_is_not_for_us_is_left_alone),
        cmocka_unit_test(what_cannot_be_listened_on_is_refused_with_its_name),
        cmocka_unit_test(nothing_is_left), /* last */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
