/* One datagram to the service manager. Called by manager.c and watchdog.c; owns the socket. libsystemd
 * does the same and much more; the protocol is public and stable (sd_notify(3), "Standalone
 * Implementations"), and is all that is needed of it.
 *
 * The address: a path begins with "/", an abstract name with "@" in the variable and with a NUL on
 * the wire. An abstract name is as long as it is, a path has its NUL counted in. The socket is not
 * connected, so that a manager that restarts finds us again. */

#include "service/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

#define PATIENCE_S 1

struct notify {
    int fd;
    struct sockaddr_un to;
    socklen_t to_len;
    bool failed; /* as last logged */
};

static enum err_code read_address(struct notify *n, const char *name, struct err *why)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2) {
        return err_set(
            why,
            ERR_INVALID,
            "NOTIFY_SOCKET is \"%.80s\": expected the absolute path of a socket, or @ "
            "and the name of an abstract one",
            name);
    }
    if (len >= sizeof n->to.sun_path) {
        return err_set(why,
                       ERR_INVALID,
                       "NOTIFY_SOCKET has %zu bytes: expected at most %zu",
                       len,
                       sizeof n->to.sun_path - 1);
    }
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, name, len + 1);
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (name[0] == '@') {
        n->to.sun_path[0] = '\0';
    } else {
        n->to_len++;
    }
    return ERR_NONE;
}

static enum err_code make_socket(struct notify *n, struct err *why)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};

    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0) {
        return err_errno(why, "socket for NOTIFY_SOCKET");
    }
    (void)setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return ERR_NONE;
}

enum err_code notify_new(struct notify **out, struct err *why)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct notify *n;
    enum err_code rc;

    *out = NULL;
    if (name == NULL || name[0] == '\0') {
        return ERR_NONE;
    }
    n = mem_zalloc(sizeof *n);
    n->fd = -1;
    rc = read_address(n, name, why);
    if (!rc) {
        rc = make_socket(n, why);
    }
    (void)unsetenv("NOTIFY_SOCKET");
    if (rc) {
        notify_free(n);
        return rc;
    }
    *out = n;
    return ERR_NONE;
}

void notify_free(struct notify *n)
{
    if (n == NULL) {
        return;
    }
    if (n->fd >= 0) {
        (void)close(n->fd);
    }
    mem_free(n);
}

static void note_failure(struct notify *n, const char *lines)
{
    char first[64];
    size_t len = strcspn(lines, "\n");

    if (n->failed) {
        return;
    }
    n->failed = true;
    len = len < sizeof first ? len : sizeof first - 1;
    memcpy(first, lines, len);
    first[len] = '\0';
    log_warn(EV_NOTIFY_FAILED, LOG_STR("told", first), LOG_STR("error", strerror(errno)));
}

static void send_lines(struct notify *n, const char *lines, int flags)
{
    ssize_t sent;

    if (n == NULL) {
        return;
    }
    do {
        sent = FAULT("notify.send") ? (errno = ECONNREFUSED, -1)
                                    : sendto(n->fd,
                                             lines,
                                             strlen(lines),
                                             flags | MSG_NOSIGNAL,
                                             (const struct sockaddr *)&n->to,
                                             n->to_len);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        note_failure(n, lines);
    } else {
        n->failed = false;
    }
}

void notify_tell(struct notify *n, const char *lines)
{
    send_lines(n, lines, 0);
}

void notify_tell_now(struct notify *n, const char *lines)
{
    send_lines(n, lines, MSG_DONTWAIT);
}
