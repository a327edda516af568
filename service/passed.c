/* Takes over what the service manager passed. Called by serve.c, once, before anything else opens a
 * descriptor; the door (door_listen.c) takes the socket from here. The rules are those of
 * sd_listen_fds(3): descriptors begin at 3, LISTEN_PID says whose they are, names are separated by
 * colons, and the variables are taken out of the environment in any case. */

#include "service/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"

#define FIRST_FD 3
#define EXPECTED "expected one ListenStream= with Accept=no"

struct told { /* by the variables */
    uint64_t count;
    char *names; /* "a:b"; NULL */
};

static enum err_code read_variables(struct told *t, struct err *why)
{
    const char *pid_text = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    uint64_t pid, count;

    if (pid_text == NULL || count_text == NULL) {
        return ERR_NONE;
    }
    if (!parse_u64(pid_text, &pid)) {
        return err_set(why,
                       ERR_INVALID,
                       "LISTEN_PID is \"%.40s\": expected the number of a process",
                       pid_text);
    }
    if (pid != (uint64_t)getpid()) {
        return ERR_NONE;
    }
    if (!parse_u64(count_text, &count)) {
        return err_set(why,
                       ERR_INVALID,
                       "LISTEN_FDS is \"%.40s\": expected a number of sockets",
                       count_text);
    }
    t->count = count;
    t->names = mem_strdup(getenv("LISTEN_FDNAMES"));
    return ERR_NONE;
}

static enum err_code refuse(const struct passed *p, const char *what, struct err *why)
{
    return err_set(why,
                   ERR_INVALID,
                   "descriptor %d (%s) from the service manager is %s: " EXPECTED,
                   p->fd,
                   p->name,
                   what);
}

static bool get(int fd, int option, int *out)
{
    socklen_t len = sizeof *out;

    return getsockopt(fd, SOL_SOCKET, option, out, &len) == 0;
}

static enum err_code check_socket(const struct passed *p, struct err *why)
{
    int domain, type, listens;

    if (FAULT("passed.socket") || fcntl(p->fd, F_GETFD) < 0) {
        return refuse(p, "not open", why);
    }
    if (!get(p->fd, SO_DOMAIN, &domain) || !get(p->fd, SO_TYPE, &type)) {
        return refuse(p, "no socket", why);
    }
    if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) {
        return refuse(p, "neither a TCP nor a unix socket", why);
    }
    if (type != SOCK_STREAM) {
        return refuse(p, "no stream socket", why);
    }
    if (!get(p->fd, SO_ACCEPTCONN, &listens) || !listens) {
        return refuse(p, "a socket that does not listen", why);
    }
    return ERR_NONE;
}

/* Not blocking: a connection may be gone again before it is accepted. */
static enum err_code make_ours(int fd, struct err *why)
{
    int flags = fcntl(fd, F_GETFL);

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || flags < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return err_errno(why, "descriptor %d from the service manager", fd);
    }
    return ERR_NONE;
}

static enum err_code take(struct passed *p, const struct told *t, struct err *why)
{
    const char *names = t->names != NULL ? t->names : "unnamed";
    size_t len = strlen(names);
    enum err_code rc;

    if (t->count > 1) {
        return err_set(why,
                       ERR_INVALID,
                       "the service manager passed %llu sockets (%.200s): " EXPECTED,
                       (unsigned long long)t->count,
                       names);
    }
    if (strchr(names, ':') != NULL) {
        return err_set(why,
                       ERR_INVALID,
                       "LISTEN_FDNAMES is \"%.200s\": expected one name, as LISTEN_FDS says",
                       names);
    }
    p->fd = FIRST_FD;
    len = len < sizeof p->name ? len : sizeof p->name - 1;
    memcpy(p->name, names, len);
    p->name[len] = '\0';
    rc = check_socket(p, why);
    return rc ? rc : make_ours(p->fd, why);
}

enum err_code passed_read(struct passed *out, struct err *why)
{
    struct passed p = {.fd = -1};
    struct told told = {0};
    enum err_code rc = read_variables(&told, why);

    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    if (!rc && told.count > 0) {
        rc = take(&p, &told, why);
    }
    mem_free(told.names);
    if (!rc) {
        *out = p;
    }
    return rc;
}
