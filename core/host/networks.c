#include "core/host/networks.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "core/base/text.h"

static const struct in6_addr *v6_of(const struct address *a)
{
    return &((const struct sockaddr_in6 *)(const void *)&a->storage)->sin6_addr;
}

static uint32_t v4_of(const struct address *a)
{
    return ((const struct sockaddr_in *)(const void *)&a->storage)->sin_addr.s_addr;
}

static void note_v4(struct network *n, const struct address *own, const struct address *bound)
{
    const bool is_v4 = bound->storage.ss_family == AF_INET;
    const bool any = is_v4 ? v4_of(bound) == htonl(INADDR_ANY)
                           : IN6_IS_ADDR_UNSPECIFIED(v6_of(bound));
    n->has_v4 = true;
    if (n->v4.len == 0 && (any || (is_v4 && v4_of(bound) == v4_of(own))))
        n->v4 = *own;
}

static void note_v6(struct network *n, const struct address *own, const struct address *bound)
{
    n->has_v6 = true;
    if (n->v6.len != 0 || bound->storage.ss_family != AF_INET6)
        return;
    if (IN6_ARE_ADDR_EQUAL(v6_of(bound), v6_of(own)) ||
        (IN6_IS_ADDR_UNSPECIFIED(v6_of(bound)) && IN6_IS_ADDR_LINKLOCAL(v6_of(own))))
        n->v6 = *own;
}

static struct network *find(struct network *list, uint32_t *count, const char *name)
{
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    const unsigned index = if_nametoindex(name);
    if (*count == NETWORKS_MAX || index == 0)
        return NULL;
    struct network *n = &list[(*count)++];
    *n = (struct network){.index = index};
    text_copy(n->name, sizeof n->name, name);
    return n;
}

uint32_t networks_list(const struct address *bound, struct network list[NETWORKS_MAX])
{
    uint32_t count = 0;
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return 0;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct address own = {0};
        const unsigned flags = i->ifa_flags;
        const int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        if ((family != AF_INET && family != AF_INET6) || !(flags & IFF_UP) ||
            !(flags & IFF_MULTICAST) || flags & IFF_LOOPBACK)
            continue;
        struct network *n = find(list, &count, i->ifa_name);
        if (!n)
            continue;
        own.len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        memcpy(&own.storage, i->ifa_addr, own.len);
        if (family == AF_INET)
            note_v4(n, &own, bound);
        else
            note_v6(n, &own, bound);
    }
    freeifaddrs(all);
    return count;
}
