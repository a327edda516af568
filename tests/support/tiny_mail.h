#ifndef CRIER_TESTS_SUPPORT_TINY_MAIL_H
#define CRIER_TESTS_SUPPORT_TINY_MAIL_H

/* A scripted mail server on loopback: a thread that takes one connection after the other and plays a
 * list of moves to each, as politely or badly as the test wants. It counts the messages that came
 * whole, which is what "delivered" means. Everything it owns is gone after tiny_mail_stop(). */

#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/tiny_server.h"

#define TINY_MAIL_BYTES ((size_t)256 * 1024)

/* One move: hear a line that begins so (NULL: nothing is awaited; ".": a message up to its final dot),
 * then say this and a line end (NULL: cut the connection; "": say nothing and wait for the client to
 * go). A line that begins otherwise ends the script with a cut; the list ends with the first move that
 * has neither. */
struct tiny_move {
    const char *hear, *say;
};

struct tiny_mail {
    int listen_fd, port;
    const struct tiny_move *moves;
    atomic_int connections, messages; /* messages: whole ones */
    atomic_int fd;                    /* of the connection at hand; -1: none */
    atomic_bool stopping, stalled;    /* stalled: it says nothing now and waits */
    pthread_t thread;
    char *heard; /* everything of the last connection; see tiny_mail_heard() */
    size_t heard_len;
};

/* Reads up to the end of a line (or of a message); false: the client has gone. */
static inline bool tiny_mail_hear(struct tiny_mail *s, int fd, const char *end, size_t from)
{
    while (s->heard_len < TINY_MAIL_BYTES - 1) {
        ssize_t n;

        if (s->heard_len >= from + strlen(end) &&
            memcmp(s->heard + s->heard_len - strlen(end), end, strlen(end)) == 0) {
            return true;
        }
        n = recv(
            fd, s->heard + s->heard_len, 1, 0); /* byte by byte: what is behind it is its own */
        if (n <= 0) {
            return false;
        }
        s->heard_len += (size_t)n;
        s->heard[s->heard_len] = '\0';
    }
    return false;
}

static inline bool tiny_mail_move(struct tiny_mail *s, int fd, const struct tiny_move *m)
{
    size_t from = s->heard_len;
    bool whole = m->hear && strcmp(m->hear, ".") == 0;

    if (m->hear &&
        !tiny_mail_hear(s, fd, whole ? "\r\n.\r\n" : "\r\n", whole ? from - 2 : from)) {
        return false;
    }
    if (whole) {
        atomic_fetch_add(&s->messages, 1);
    } else if (m->hear && strncmp(s->heard + from, m->hear, strlen(m->hear)) != 0) {
        return false;
    }
    if (!m->say) {
        return false;
    }
    if (!*m->say) {
        char c;

        atomic_store(&s->stalled, true);
        while (recv(fd, &c, 1, 0) > 0) {
        }
        return false;
    }
    char *text = mem_printf("%s\r\n", m->say);
    tiny_say(fd,
             text); /* at once: of two pieces the second waits for the first one's receipt */
    mem_free(text);
    return true;
}

static inline void *tiny_mail_run(void *arg)
{
    struct tiny_mail *s = arg;
    int fd;

    while ((fd = accept(s->listen_fd, NULL, NULL)) >= 0) {
        if (s->stopping) {
            close(fd);
            break;
        }
        atomic_store(&s->fd, fd);
        atomic_fetch_add(&s->connections, 1);
        s->heard_len = 0;
        for (const struct tiny_move *m = s->moves; m->hear || m->say; m++) {
            if (!tiny_mail_move(s, fd, m)) {
                break;
            }
        }
        atomic_store(&s->fd, -1);
        close(fd);
    }
    return NULL;
}

static inline void tiny_mail_start(struct tiny_mail *s, const struct tiny_move *moves)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;

    memset(s, 0, sizeof *s);
    s->moves = moves;
    s->fd = -1;
    s->heard = mem_zalloc(TINY_MAIL_BYTES);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(s->listen_fd, (const struct sockaddr *)(const void *)&a, sizeof a) == 0);
    must(listen(s->listen_fd, 64) == 0);
    must(getsockname(s->listen_fd, (struct sockaddr *)(void *)&a, &len) == 0);
    s->port = ntohs(a.sin_port);
    must(pthread_create(&s->thread, NULL, tiny_mail_run, s) == 0);
}

/* What was heard, when the connection at hand is over. */
static inline const char *tiny_mail_heard(struct tiny_mail *s)
{
    while (atomic_load(&s->fd) >= 0) {
        usleep(1000);
    }
    return s->heard;
}

static inline void tiny_mail_stop(struct tiny_mail *s)
{
    int fd = atomic_load(&s->fd);

    s->stopping = true;
    if (fd >= 0) {
        (void)shutdown(fd, SHUT_RDWR);
    }
    (void)shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listen_fd);
    mem_free(s->heard);
}

#endif
