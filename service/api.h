#ifndef CRIER_SERVICE_API_H
#define CRIER_SERVICE_API_H

/* The HTTP API: the table of routes and the handlers, in api_*.c by theme. The contract for
 * clients is openapi.json, embedded, served at /v1/openapi.json, and held to by a test. */

#include "service/door.h"

extern const struct door_route api_routes[]; /* ends with a row without pattern */

/* api_articles.c */
door_handler_fn api_post_article, api_list_articles, api_get_article, api_delete_article,
    api_send_article, api_drop_article;
/* api_deliveries.c */
door_handler_fn api_list_deliveries, api_replay, api_cancel, api_resolve;
/* api_channels.c */
door_handler_fn api_list_channels, api_pause, api_resume, api_test, api_run_canary;
/* api_waves.c, api_waves_halt.c */
door_handler_fn api_list_waves, api_get_wave, api_stop_wave, api_confirm_wave, api_halt_waves;
/* api_members.c */
door_handler_fn api_put_members, api_list_members, api_export_members, api_erase_member,
    api_change_member;
door_handler_fn api_put_credentials, api_delete_credentials;
/* api_members_gone.c */
door_handler_fn api_gone_members, api_back_members, api_gone_indeed;
/* api_sources.c */
door_handler_fn api_list_sources, api_get_source, api_poll_source, api_release_source,
    api_drop_source;
/* api_hooks.c */
door_handler_fn api_hook;
/* api_inbox.c */
door_handler_fn api_list_inbox;
/* api_share.c */
door_handler_fn api_share_links, api_share_redirect;
/* api_news.c */
door_handler_fn api_news_sitemap, api_news_rss, api_news_json, api_news_key;
/* api_service.c */
door_handler_fn api_reload, api_openapi, api_metrics, api_healthz, api_readyz, api_events;
#if WITH_FAULTS
door_handler_fn
    api_test_clock; /* POST /test/clock {"advance": "1h"}, {"step_forward"…} or {"step_back"…}: tests only */
#endif

#endif
