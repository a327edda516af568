/* Opens the socket the door listens on: a TCP address with a port ("127.0.0.1:8480", "[::1]:0",
 * "localhost:8480") or a unix socket ("unix:/run/crier.sock"); or takes the one that the service
 * manager made. Called once, by door_new(). It owns nothing afterwards; the descriptor and the name
 * of the socket are the door's. */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "service/door_internal.h"

#define BACKLOG 1024

/* A socket file left behind by a process that died is removed; one that answers is somebody's.
 */
static enum err_code clear_stale(const struct sockaddr_un *addr, struct err *why)
{
    struct stat st;
    int fd, answer;

    if (lstat(addr->sun_path, &st) != 0) {
        return ERR_NONE;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return err_set(why, ERR_CONFLICT, "%s is there and is no socket", addr->sun_path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(why, "socket");
    }
    answer = connect(fd, (const struct sockaddr *)addr, sizeof *addr);
    close(fd);
    if (answer == 0) {
        return err_set(why, ERR_BUSY, "somebody listens on %s already", addr->sun_path);
    }
    (void)unlink(addr->sun_path);
    return ERR_NONE;
}

static enum err_code listen_unix(struct door *d, const char *path, struct err *why)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    enum err_code rc;
    int fd;

    if (strlen(path) == 0 || strlen(path) >= sizeof addr.sun_path) {
        return err_set(why,
                       ERR_INVALID,
                       "the path of a unix socket has 1 to %zu bytes",
                       sizeof addr.sun_path - 1);
    }
    memcpy(addr.sun_path, path, strlen(path) + 1);
    rc = clear_stale(&addr, why);
    if (rc) {
        return rc;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(why, "socket");
    }
    /* The group may connect, the rest of the machine may not: who reaches the socket is
     * trusted. */
    if (bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0 || chmod(path, 0660) != 0 ||
        listen(fd, BACKLOG) != 0) {
        rc = err_errno(why, "listen on %s", path);
        close(fd);
        return rc;
    }
    d->listen_fd = fd;
    d->socket_path = mem_strdup(path);
    (void)snprintf(d->url, sizeof d->url, "unix:%s", path);
    return ERR_NONE;
}

/* As "server.listen" would name it; an abstract name begins with @. */
static void write_unix_url(struct door *d, const struct sockaddr_un *addr, socklen_t len)
{
    size_t name_len = len - offsetof(struct sockaddr_un, sun_path);
    bool abstract = addr->sun_path[0] == '\0';
    const char *name = addr->sun_path + (abstract ? 1 : 0);

    name_len = abstract ? name_len - 1 : strnlen(name, name_len);
    (void)snprintf(
        d->url, sizeof d->url, "unix:%s%.*s", abstract ? "@" : "", (int)name_len, name);
}

/* The URL with the port the kernel gave, and whom it lets in. */
static void write_url(struct door *d, int fd)
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof addr;
    char host[128] = "", port[16] = "";

    must(getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
    if (addr.ss_family == AF_UNIX) {
        write_unix_url(d, (const struct sockaddr_un *)(const void *)&addr, len);
        return;
    }
    d->open = !net_address_is_loopback((const struct sockaddr *)&addr);
    (void)getnameinfo((const struct sockaddr *)&addr,
                      len,
                      host,
                      sizeof host,
                      port,
                      sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    (void)snprintf(d->url,
                   sizeof d->url,
                   addr.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s",
                   host,
                   port);
}

/* Whatever a name stands for today: without a token only this machine may reach the door. */
static bool may_listen(const struct door *d, const struct sockaddr *addr)
{
    const struct secret *token = &d->crier->config->server.token;

    return (token->text != NULL && token->len > 0) || net_address_is_loopback(addr);
}

static int bind_one(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    /* A restart must not wait for connections of the last run to leave TIME_WAIT. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static enum err_code listen_tcp(
    struct door *d, const char *host, const char *port, const char *text, struct err *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int fd = -1, rc = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    bool may = false;

    if (rc != 0) {
        return err_set(why, ERR_INVALID, "listen on %s: %s", text, gai_strerror(rc));
    }
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        may = may_listen(d, at->ai_addr);
        fd = may ? bind_one(at) : -1;
    }
    freeaddrinfo(found);
    if (fd < 0) {
        return may ? err_errno(why, "listen on %s", text)
                   : err_set(
                         why,
                         ERR_DENIED,
                         "listen on %s: other machines reach that, and server.token is not set",
                         text);
    }
    write_url(d, fd);
    d->listen_fd = fd;
    return ERR_NONE;
}

enum err_code door__listen(struct door *d, const char *listen, struct err *why)
{
    const char *colon = strrchr(listen, ':');
    const char *start = listen, *end = colon;
    char host[256];

    if (strncmp(listen, "unix:", 5) == 0) {
        return listen_unix(d, listen + 5, why);
    }
    if (colon != NULL && *listen == '[' && colon > listen + 1 && colon[-1] == ']') {
        start = listen + 1;
        end = colon - 1;
    }
    if (colon == NULL || colon[1] == '\0' || (size_t)(end - start) >= sizeof host) {
        return err_set(why,
                       ERR_INVALID,
                       "listen on %s: expected host:port, [::1]:port or unix:PATH",
                       listen);
    }
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    return listen_tcp(d, host, colon + 1, listen, why);
}

/* The command line looks for us where "server.listen" says. */
static bool is_named(const struct door *d, const char *listen)
{
    const char *is = strncmp(d->url, "http://", 7) == 0 ? d->url + 7 : d->url;

    return listen != NULL && strcmp(is, listen) == 0;
}

void door__adopt(struct door *d, struct passed *passed, const char *listen)
{
    bool named;

    d->listen_fd = passed->fd;
    passed->fd = -1;
    write_url(d, d->listen_fd);
    named = is_named(d, listen);
    log_write(named ? LOG_INFO : LOG_WARN,
              EV_SOCKET_PASSED,
              LOG_FIELDS(LOG_STR("listen", d->url),
                         LOG_STR("kind", strncmp(d->url, "unix:", 5) == 0 ? "unix" : "tcp"),
                         LOG_STR("name", passed->name),
                         LOG_STR("server_listen", listen)));
}
