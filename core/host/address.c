#include "core/host/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"

#define HOST_SIZE 256

static int parse_port(const char *text, uint16_t *port)
{
    uint64_t value;
    if (text_to_u64(text, UINT16_MAX, &value) < 0 || value == 0)
        return ERR_FORMAT;
    *port = (uint16_t)value;
    return 0;
}

/* Cuts at the last colon; a host in brackets may have colons itself. */
static int split(const char *text, char host[HOST_SIZE], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return ERR_FORMAT;
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (bracketed) {
        text++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return ERR_FORMAT;
    }
    if (len == 0 || len >= HOST_SIZE)
        return ERR_FORMAT;
    memcpy(host, text, len);
    host[len] = 0;
    return parse_port(colon + 1, port);
}

/* A link-local address is one of a link: fe80::1%eth0. */
static int split_link(const char *host, char number[INET6_ADDRSTRLEN], uint32_t *link)
{
    const char *sign = strchr(host, '%');
    const size_t len = sign ? (size_t)(sign - host) : strlen(host);
    *link = sign ? if_nametoindex(sign + 1) : 0;
    if (len >= INET6_ADDRSTRLEN || (sign && *link == 0))
        return ERR_NOT_FOUND;
    memcpy(number, host, len);
    number[len] = '\0';
    return 0;
}

static int from_number(const char *host, uint16_t port, struct address *out)
{
    char number[INET6_ADDRSTRLEN];
    uint32_t link;
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out->len = sizeof *v4;
        return 0;
    }
    if (split_link(host, number, &link) == 0 &&
        inet_pton(AF_INET6, number, &v6->sin6_addr) == 1 &&
        (link == 0 || IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))) {
        v6->sin6_family = AF_INET6;
        v6->sin6_scope_id = link;
        v6->sin6_port = htons(port);
        out->len = sizeof *v6;
        return 0;
    }
    return ERR_NOT_FOUND;
}

static bool is_host_name(const char *host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._";
    return host[0] && host[strspn(host, allowed)] == 0;
}

int address_parse(const char *text, struct address *out)
{
    char host[HOST_SIZE];
    uint16_t port;
    int rc = split(text, host, &port);
    if (rc < 0)
        return rc;
    rc = from_number(host, port, out);
    return rc == ERR_NOT_FOUND && !is_host_name(host) ? ERR_FORMAT : rc;
}

static int ask_system(const char *host, uint16_t port, struct address *out, char message[512])
{
    struct addrinfo wish = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char digits[21];
    text_of_u64(port, digits);
    int rc = getaddrinfo(host, digits, &wish, &found);
    if (rc != 0 || !found || found->ai_addrlen > sizeof out->storage) {
        snprintf(message, 512, "cannot find the host %s: %s: try its number", host,
                 rc != 0 ? gai_strerror(rc) : "no address");
        if (found)
            freeaddrinfo(found);
        return ERR_NOT_FOUND;
    }
    memset(out, 0, sizeof *out);
    memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int address_of(const char *host, uint16_t port, struct address *out, char message[512])
{
    if (from_number(host, port, out) == 0)
        return 0;
    if (is_host_name(host))
        return ask_system(host, port, out, message);
    snprintf(message, 512, "not a host name or address: write it as 127.0.0.1, ::1 or a name");
    return ERR_FORMAT;
}

int address_resolve(const char *text, struct address *out, char message[512])
{
    char host[HOST_SIZE];
    uint16_t port;
    if (split(text, host, &port) < 0) {
        snprintf(message, 512, "not an address: write HOST:PORT, as in 127.0.0.1:8001");
        return ERR_FORMAT;
    }
    return address_of(host, port, out, message);
}

void address_text(const struct address *a, char to[ADDR_SIZE])
{
    char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE] = "?", name[IF_NAMESIZE];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
    bool is_v6 = a->storage.ss_family == AF_INET6;
    if (is_v6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, INET6_ADDRSTRLEN);
        if (v6->sin6_scope_id != 0 && if_indextoname(v6->sin6_scope_id, name)) {
            text_append(host, sizeof host, "%");
            text_append(host, sizeof host, name);
        }
    } else
        inet_ntop(AF_INET, &v4->sin_addr, host, INET6_ADDRSTRLEN);
    snprintf(to, ADDR_SIZE, is_v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)address_port(a));
}

uint16_t address_port(const struct address *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
    return ntohs(a->storage.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
}

bool address_is_loopback(const struct address *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
    if (a->storage.ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    if (a->storage.ss_family != AF_INET6)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool is_any(const struct address *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
    if (a->storage.ss_family == AF_INET)
        return v4->sin_addr.s_addr == htonl(INADDR_ANY);
    return a->storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

void address_reachable(const struct address *bound, struct address *out)
{
    struct ifaddrs *list = NULL;
    *out = *bound;
    if (!is_any(bound))
        return;
    from_number("127.0.0.1", address_port(bound), out);
    if (getifaddrs(&list) != 0)
        return;
    for (struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
            (i->ifa_flags & IFF_LOOPBACK))
            continue;
        struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
        v4->sin_addr = ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
        break;
    }
    freeifaddrs(list);
}
