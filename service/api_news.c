/* The newsroom's own feeds and news sitemap over HTTP. Called by the door; what is served is
 * outlet.c's. */

#include "service/api_internal.h"
#include "service/outlet.h"

void api_news_sitemap(struct crier *c, struct door_request *r)
{
    outlet_serve(c, r, OUTLET_SITEMAP);
}

void api_news_rss(struct crier *c, struct door_request *r)
{
    outlet_serve(c, r, OUTLET_RSS);
}

void api_news_json(struct crier *c, struct door_request *r)
{
    outlet_serve(c, r, OUTLET_JSON);
}

void api_news_key(struct crier *c, struct door_request *r)
{
    outlet_serve_key(c, r, door_param(r, 0));
}
