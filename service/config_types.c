/* Every adapter and every kind of source as a type of the settings, so that config/ need know none.
 * Called by the service and by the verbs that read settings; the arrays live as long as the program. */

#include "service/crier.h"

#include "adapters/audience.h"
#include "adapters/registry.h"
#include "base/attr.h"
#include "sources/hook.h"
#include "sources/registry.h"

#define TYPES_MAX 64

static bool needs_outlets(const struct config_type *type, const void *settings)
{
    const struct adapter *adapter = type->of;

    return adapter->own_feeds_hub(settings, 0) != NULL;
}

static struct config_type_list channel_types(void)
{
    static struct config_type types[TYPES_MAX];
    size_t count;
    const struct adapter *const *adapters = adapters_all(&count);

    must(count <= ARRAY_LEN(types));
    for (size_t i = 0; i < count; i++) {
        types[i] = (struct config_type){
            .name = adapters[i]->name,
            .title = adapters[i]->title,
            .settings = adapters[i]->settings,
            .settings_size = adapters[i]->settings_size,
            .check = adapters[i]->check,
            .needs_outlets = adapters[i]->own_feeds_hub != NULL ? needs_outlets : NULL,
            .quota = adapters[i]->quota,
            .quota_told = adapters[i]->quota_told != NULL,
            .audience = adapters[i]->audience != NULL,
            .subscribed = adapters[i]->audience != NULL && adapters[i]->audience->push != NULL,
            .of = adapters[i],
        };
    }
    return (struct config_type_list){.v = types, .count = count};
}

static bool is_open(const struct config_type *type, const void *settings)
{
    return hook_is_open(type->of, settings);
}

static struct config_type_list source_types(void)
{
    static struct config_type types[TYPES_MAX];
    size_t count;
    const struct source *const *sources = sources_all(&count);

    must(count <= ARRAY_LEN(types));
    for (size_t i = 0; i < count; i++) {
        types[i] = (struct config_type){
            .name = sources[i]->name,
            .title = sources[i]->title,
            .settings = sources[i]->settings,
            .settings_size = sources[i]->settings_size,
            .check = sources[i]->check,
            .help = sources[i]->about,
            .called = sources[i]->called,
            .is_open = sources[i]->called ? is_open : NULL,
            .of = sources[i],
            .max_age_ms = sources[i]->max_age_ms,
        };
    }
    return (struct config_type_list){.v = types, .count = count};
}

struct config_types crier_config_types(void)
{
    return (struct config_types){.channels = channel_types(), .sources = source_types()};
}
