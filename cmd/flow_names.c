#include "cmd/flow_names.h"

#include <string.h>

#include "core/base/sha256.h"
#include "core/host/memory.h"

void flow_names_init(struct flow_names *n)
{
    map_init(&n->by_digest, &host_memory, ID_SIZE, UINT32_MAX);
}

void flow_names_clear(struct flow_names *n)
{
    map_clear(&n->by_digest);
}

int flow_names_put(struct flow_names *n, const char *name, uint32_t number)
{
    const struct digest key = sha256_of(name, strlen(name));
    return map_put(&n->by_digest, &key, (void *)((uintptr_t)number + 1));
}

bool flow_names_find(const struct flow_names *n, const char *name, uint32_t *number)
{
    const struct digest key = sha256_of(name, strlen(name));
    const uintptr_t found = (uintptr_t)map_get(&n->by_digest, &key);
    if (found > 0)
        *number = (uint32_t)(found - 1);
    return found > 0;
}
