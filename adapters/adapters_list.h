#ifndef CRIER_ADAPTERS_ADAPTERS_LIST_H
#define CRIER_ADAPTERS_ADAPTERS_LIST_H

/* The adapters by symbol, for registry.c and for each adapter's own file. Everybody else finds
 * them through registry.h. */

struct adapter;

extern const struct adapter adapter_facebook;
extern const struct adapter adapter_instagram;
extern const struct adapter adapter_youtube;
extern const struct adapter adapter_tiktok;
extern const struct adapter adapter_x;
extern const struct adapter adapter_threads;
extern const struct adapter adapter_bluesky;
extern const struct adapter adapter_mastodon;
extern const struct adapter adapter_linkedin;
extern const struct adapter adapter_reddit;
extern const struct adapter adapter_pinterest;
extern const struct adapter adapter_tumblr;
extern const struct adapter adapter_vk;
extern const struct adapter adapter_lemmy;
extern const struct adapter adapter_misskey;
extern const struct adapter adapter_wordpress;
extern const struct adapter adapter_devto;
extern const struct adapter adapter_webpush;
extern const struct adapter adapter_whatsapp;
extern const struct adapter adapter_fcm;
extern const struct adapter adapter_fcm_topic;
extern const struct adapter adapter_apns;
extern const struct adapter adapter_huawei;
extern const struct adapter adapter_telegram;
extern const struct adapter adapter_discord;
extern const struct adapter adapter_slack;
extern const struct adapter adapter_email;
extern const struct adapter adapter_google_news;
extern const struct adapter adapter_indexnow;
extern const struct adapter adapter_websub;
extern const struct adapter adapter_webhook;

#endif
