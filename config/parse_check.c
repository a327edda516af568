/* What no row and no section can say alone: a door open to other machines needs a token, its
 * sources need secrets. parse.c calls it when all is read, so that the order of sections does
 * not matter. It looks at the config and, for positions and for what was left out, at the
 * tree. */

#include "config/parse_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/seal.h"
#include "base/clock.h"
#include "base/url.h"

enum reach { REACH_UNKNOWN, REACH_HERE, REACH_OTHERS };

static bool split_port(const char *listen, char *host, size_t host_size)
{
    const char *colon = strrchr(listen, ':');
    size_t len;
    int64_t port;

    if (colon == NULL || !parse_i64(colon + 1, &port) || port < 0 || port > 65535) {
        return false;
    }
    len = (size_t)(colon - listen);
    if (len > 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    } else if (memchr(listen, ':', len) != NULL) {
        return false; /* IPv6 without brackets: which colon is the port's cannot be told */
    }
    if (len >= host_size) {
        return false;
    }
    memcpy(host, listen, len);
    host[len] = '\0';
    return true;
}

/* Who can reach an address; REACH_UNKNOWN: it is none. */
static enum reach reach_of(const char *listen)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char host[INET6_ADDRSTRLEN];

    if (strncmp(listen, "unix:", 5) == 0) {
        /* sun_path holds 108 bytes with its NUL. */
        return listen[5] != '\0' && strlen(listen + 5) < 108 ? REACH_HERE : REACH_UNKNOWN;
    }
    if (!split_port(listen, host, sizeof(host))) {
        return REACH_UNKNOWN;
    }
    if (strcmp(host, "localhost") == 0) {
        return REACH_HERE;
    }
    if (listen[0] != '[' && inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        return net_address_is_loopback((const struct sockaddr *)(const void *)&v4)
                   ? REACH_HERE
                   : REACH_OTHERS;
    }
    if (listen[0] == '[' && inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        return net_address_is_loopback((const struct sockaddr *)(const void *)&v6)
                   ? REACH_HERE
                   : REACH_OTHERS;
    }
    return REACH_UNKNOWN;
}

static const struct node *nearest(const struct node *wanted, const struct node *else_this)
{
    return wanted != NULL ? wanted : else_this;
}

static enum reach check_listen(struct parser *p)
{
    const struct node *server = node_get(p->root, "server");
    const struct node *node = node_get(server, "listen");
    const char *listen = p->config->server.listen;
    enum reach reach = listen != NULL ? reach_of(listen) : REACH_UNKNOWN;
    char shown[PROBLEM_SHOWN_BYTES];

    if (listen != NULL && reach == REACH_UNKNOWN) {
        value_problem(
            &p->reader,
            nearest(node, p->root),
            "an IP address and a port such as 127.0.0.1:8480, 0.0.0.0:8480 or [::1]:8480, "
            "or unix:/run/crier.sock",
            "server.listen: \"%s\" is no address to listen at",
            node != NULL && node->kind == NODE_TEXT ? problem_shown(node->text, shown) : "");
    }
    if (reach == REACH_OTHERS && node_get(server, "token") == NULL) {
        value_problem(
            &p->reader,
            nearest(node, p->root),
            "server.token: a secret such as ${CRIER_TOKEN}, or a loopback address, or "
            "unix:/run/crier.sock",
            "server.listen is open to other machines, and `token` is missing");
    }
    return reach;
}

static void check_source(struct parser *p,
                         const struct source_settings *source,
                         const struct node *node,
                         enum reach reach)
{
    if (!source->type->called) {
        return;
    }
    if (!config_source_is_open(source) && node_get(node, "secret") == NULL) {
        value_problem(
            &p->reader,
            node,
            "a secret, best as ${NAME} or ${file:/run/secrets/name}; signature: none does "
            "without, on a loopback listen only",
            "sources.%s: `secret` is missing",
            source->name);
    }
    if (config_source_is_open(source) && reach == REACH_OTHERS) {
        value_problem(
            &p->reader,
            nearest(node_get(node, "signature"), node),
            "another signature and a secret, or a loopback server.listen",
            "sources.%s.signature: none, while server.listen is open to other machines",
            source->name);
    }
}

static void check_sources(struct parser *p, enum reach reach)
{
    const struct node *section = node_get(p->root, "sources");

    for (size_t i = 0; i < p->config->source_count; i++) {
        const struct source_settings *source = &p->config->sources[i];
        const struct node *node = node_get(section, source->name);

        if (node != NULL && node->kind == NODE_MAP && source->type != NULL) {
            check_source(p, source, node, reach);
        }
    }
}

static void check_backoff(struct parser *p)
{
    const struct node *queue = node_get(p->root, "queue");
    const struct node *least = node_get(queue, "backoff_min");
    const struct node *most = node_get(queue, "backoff_max");

    if (p->config->queue.backoff_min_ms > p->config->queue.backoff_max_ms) {
        value_problem(&p->reader,
                      nearest(nearest(least, most), p->root),
                      "a backoff_max of at least backoff_min",
                      "queue: backoff_min is longer than backoff_max");
    }
}

/* What `outlets` needs from elsewhere in the file; NULL: it is there. */
static const char *outlets_lack(const struct config *c)
{
    if (c->server.public_url == NULL) {
        return "server.public_url: where readers find what is served";
    }
    if (c->site.url == NULL) {
        return "site.url: the front page, which feeds link to";
    }
    if (c->outlets.name == NULL && c->site.name == NULL) {
        return "outlets.name, or site.name";
    }
    return c->outlets.language == NULL && c->site.language == NULL
               ? "outlets.language, or site.language"
               : NULL;
}

static void check_outlets(struct parser *p)
{
    const struct node *outlets = node_get(p->root, "outlets");
    const char *lack = outlets_lack(p->config);

    if (p->config->outlets.enabled && lack != NULL) {
        value_problem(&p->reader,
                      nearest(node_get(outlets, "enabled"), p->root),
                      lack,
                      "outlets: something is missing");
    }
}

/* A channel that tells of feeds which nobody serves. */
static void check_needs_outlets(struct parser *p)
{
    const struct node *section = node_get(p->root, "channels");

    for (size_t i = 0; !p->config->outlets.enabled && i < p->config->channel_count; i++) {
        const struct channel_settings *ch = &p->config->channels[i];

        if (ch->type != NULL && ch->type->needs_outlets != NULL && ch->enabled &&
            ch->type->needs_outlets(ch->type, ch->own)) {
            value_problem(&p->reader,
                          nearest(node_get(section, ch->name), p->root),
                          "outlets: {enabled: true}, or `topics`: the feeds it shall tell of",
                          "channels.%s: crier serves no feeds of its own",
                          ch->name);
        }
    }
}

static void check_key(struct parser *p,
                      const struct node *vault,
                      const char *name,
                      const struct secret *key)
{
    struct seal_key parsed;

    if (key->text && !seal_key_parse(&parsed, key->text, key->len)) {
        value_problem(&p->reader,
                      nearest(node_get(vault, name), p->root),
                      "32 bytes as 64 hex digits or as base64; `crier keys vault` makes one",
                      "vault.%s is no key",
                      name);
    }
    seal_key_wipe(&parsed);
}

static void check_vault(struct parser *p)
{
    const struct node *vault = node_get(p->root, "vault");
    const struct vault_settings *v = &p->config->vault;

    check_key(p, vault, "key", &v->key);
    check_key(p, vault, "old_key", &v->old_key);
    if (v->old_key.text && !v->key.text) {
        value_problem(&p->reader,
                      nearest(node_get(vault, "old_key"), p->root),
                      "vault.key, the new one",
                      "vault.old_key without a key");
    }
}

/* A ledger keeps what was used for so long (queue/sqlite_quota.c). */
#define QUOTA_WINDOW_MAX_MS (31 * MS_DAY)

static void
check_quota(struct parser *p, const struct channel_settings *ch, const struct node *entry)
{
    struct quota q = config_quota(ch, 0);
    /* A `quota` that cannot be read is one mistake, not two. */
    bool unread = ch->quota.count == 0 && node_get(entry, "quota") != NULL;
    const struct node *reserve = nearest(node_get(entry, "reserve"), entry);

    if (ch->quota.count > 0 && ch->quota.per_ms > QUOTA_WINDOW_MAX_MS) {
        value_problem(&p->reader,
                      nearest(node_get(entry, "quota"), entry),
                      "posts in at most 31 days, such as 25/day",
                      "channels.%s.quota: too long a time",
                      ch->name);
    }
    if (ch->reserve > 0 && q.count > 0 && ch->reserve >= q.count) {
        value_problem(&p->reader,
                      reserve,
                      "fewer than the quota has",
                      "channels.%s.reserve: all of the quota, so that only breaking articles "
                      "would ever go out",
                      ch->name);
    }
    if (ch->reserve > 0 && q.count == 0 && !unread &&
        !(ch->type->quota_told && ch->quota.count == 0)) {
        value_problem(&p->reader,
                      reserve,
                      "a `quota` beside it, such as 25/day",
                      "channels.%s.reserve: there is no quota to keep it from",
                      ch->name);
    }
}

static void check_quotas(struct parser *p)
{
    const struct node *section = node_get(p->root, "channels");

    for (size_t i = 0; i < p->config->channel_count; i++) {
        const struct channel_settings *ch = &p->config->channels[i];

        if (ch->type != NULL) {
            check_quota(p, ch, nearest(node_get(section, ch->name), p->root));
        }
    }
}

void parse__check(struct parser *p)
{
    enum reach reach = check_listen(p);

    check_sources(p, reach);
    check_outlets(p);
    check_needs_outlets(p);
    check_backoff(p);
    check_vault(p);
    check_quotas(p);
    parse__check_audiences(p);
}
