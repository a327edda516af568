#ifndef CRIER_SERVICE_CLI_WATCH_H
#define CRIER_SERVICE_CLI_WATCH_H

/* `crier status --watch`. */

struct cli_args;
struct client;
struct client_event;

/* A line for every state change and, once a second, for every wave that got on: until the service ends the stream or
 * a signal ends us. article: only what concerns it; NULL: all. */
int cli_watch_lines(const struct cli_args *args, struct client *client, const char *article);
/* On a terminal: a screen that is drawn anew each second, until q or a signal (cli_watch_screen.c). */
int cli_watch_screen(const struct cli_args *args, struct client *client);

#endif
