/* Every adapter as a channel type, so that config/ need know none. Called by the service and by
 * the verbs that read settings; the array lives as long as the program. */

#include "service/crier.h"

#include "adapters/registry.h"
#include "base/attr.h"

#define TYPES_MAX 64

struct channel_types crier_channel_types(void)
{
    static struct channel_type types[TYPES_MAX];
    size_t count;
    const struct adapter *const *adapters = adapters_all(&count);

    must(count <= ARRAY_LEN(types));
    for (size_t i = 0; i < count; i++) {
        types[i] = (struct channel_type){
            .name = adapters[i]->name,
            .title = adapters[i]->title,
            .settings = adapters[i]->settings,
            .settings_size = adapters[i]->settings_size,
            .check = adapters[i]->check,
        };
    }
    return (struct channel_types){.v = types, .count = count};
}
