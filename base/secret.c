/* Secrets: taking and wiping. Called by config/ (fills them) and field_done (ends them). */

#include "base/secret.h"

#include <string.h>

#include "base/mem.h"

void secret_take(struct secret *s, char *text)
{
    secret_done(s);
    s->text = text;
    s->len = text == NULL ? 0 : strlen(text);
}

void secret_done(struct secret *s)
{
    mem_free_secret(s->text, s->len);
    *s = (struct secret){0};
}
