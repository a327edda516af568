#ifndef CRIER_SERVICE_CLIENT_INTERNAL_H
#define CRIER_SERVICE_CLIENT_INTERNAL_H

/* Shared by client.c (calls) and client_events.c (streams) only. */

#include <curl/curl.h>

#include "base/buf.h"
#include "service/client.h"

struct client {
    char *base;          /* "http://127.0.0.1:8480", no slash at the end */
    char *socket;        /* path of a unix socket; NULL: TCP */
    char *authorization; /* the whole header; NULL: no token */
    CURL *curl;
};

/* Sets address, path and what every request of ours has in common. Returns the headers so far,
 * to be extended and given to curl; url must live as long as the request. */
struct curl_slist *
client__prepare(struct client *c, CURL *curl, const char *path, struct buf *url);

#endif
