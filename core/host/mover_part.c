#include "core/host/mover_part.h"

#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/map.h"
#include "core/host/memory.h"
#include "core/object/name.h"

static struct map parts = {
    .alloc = &host_memory, .key_size = sizeof(struct digest), .count_max = PARTS_MAX};

struct part *part_find(struct digest name)
{
    return map_get(&parts, &name);
}

int part_add(struct digest name, uint64_t size, struct part **out)
{
    const uint64_t pieces = object_pieces(size);
    if (pieces > PART_PIECES_MAX)
        return ERR_TOO_LARGE;
    struct part *p = calloc(1, sizeof *p);
    uint8_t *bits = calloc(1, (size_t)(pieces / 8 + 1));
    int rc = p && bits ? map_put(&parts, &name, p) : ERR_NO_MEMORY;
    if (rc < 0) {
        free(bits);
        free(p);
        return rc;
    }
    *p = (struct part){.name = name, .size = size, .pieces = pieces, .bits = bits};
    *out = p;
    return 0;
}

void part_forget(struct part *p)
{
    if (!p)
        return;
    map_remove(&parts, &p->name);
    free(p->bits);
    free(p);
}

bool part_has(const struct part *p, uint64_t piece)
{
    return p->bits[piece / 8] >> piece % 8 & 1;
}

void part_got(struct part *p, uint64_t piece)
{
    if (part_has(p, piece))
        return;
    p->bits[piece / 8] = (uint8_t)(p->bits[piece / 8] | 1u << piece % 8);
    p->have++;
}

void part_lost(struct part *p, uint64_t piece)
{
    if (!part_has(p, piece))
        return;
    p->bits[piece / 8] = (uint8_t)(p->bits[piece / 8] & ~(1u << piece % 8));
    p->have--;
}
