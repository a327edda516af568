/* The texts and bytes of a batch of members: an allocation for each would cost more than reading their rows. Made
 * on the ledger's thread, freed by the request's owner. */

#include "queue/ledger_internal.h"

#include <string.h>

#include "base/mem.h"

/* Some hundred members of a browser's push: a batch takes few of them. */
#define PIECE_BYTES ((size_t)256 * 1024)

struct piece {
    struct piece *next;
    size_t len, cap;
    unsigned char bytes[];
};
struct ledger_texts {
    struct piece *newest;
};

struct ledger_texts *ledger__texts_new(void)
{
    return mem_zalloc(sizeof(struct ledger_texts));
}

void ledger__texts_free(struct ledger_texts *t)
{
    struct piece *next;

    if (!t) {
        return;
    }
    for (struct piece *p = t->newest; p; p = next) {
        next = p->next;
        mem_wipe(p->bytes, p->len); /* keys, and secrets made with them */
        mem_free(p);
    }
    mem_free(t);
}

static struct piece *with_room(struct ledger_texts *t, size_t len)
{
    size_t cap = len > PIECE_BYTES ? len : PIECE_BYTES;
    struct piece *p = t->newest;

    if (!p || p->cap - p->len < len) {
        p = mem_alloc(sizeof *p + cap);
        *p = (struct piece){.next = t->newest, .cap = cap};
        t->newest = p;
    }
    return p;
}

void *ledger__texts_add(struct ledger_texts *t, const void *bytes, size_t len)
{
    struct piece *p = with_room(t, len + 1);
    unsigned char *at = p->bytes + p->len;

    if (len > 0) {
        memcpy(at, bytes, len);
    }
    at[len] = '\0';
    p->len += len + 1;
    return at;
}
