#include "core/host/beacon.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/heard.h"
#include "core/host/networks.h"

#define WAIT_FIRST_US (1 * S_US)
#define WAIT_MAX_US (30 * S_US)
#define SOON_US (100 * MS_US)
#define SCAN_US (60 * S_US)
#define QUEUE_BYTES 16384
#define READS_A_ROUND 16

/* By one of the two protocols. */
struct line {
    struct beacon *of;
    int fd; /* -1: this machine does not have it */
    struct watch *watch;
};

struct beacon {
    struct beacon_parts parts;
    struct digest key;
    struct line v4, v6;
    struct network networks[NETWORKS_MAX];
    uint32_t networks_count;
    struct instant scanned;
    struct alarm *say, *rest;
    struct instant due;
    int64_t wait_us;
    struct heard heard;
};

static const struct in6_addr group_v6 = {
    {{0xff, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x56, 0x45, 0x4c, 0x55, 0x4d}}};

/* --- sockets --- */

static bool set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Bound to the group, so that nothing comes that was sent to this machine alone. */
static bool open_v4(int fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(BEACON_PORT),
                             .sin_addr = {htonl(BEACON_GROUP_V4)}};
    return set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) && set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1) &&
           bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

/* A group of one link cannot be bound to without naming the link; see is_to_group. */
static bool open_v6(int fd)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(BEACON_PORT)};
    return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1) &&
           set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
           bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

static void line_close(struct line *l)
{
    watch_free(l->watch);
    if (l->fd >= 0)
        close(l->fd);
    *l = (struct line){.of = l->of, .fd = -1};
}

static void line_open(struct line *l, int family, bool (*open)(int fd))
{
    l->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Every node of this machine has such a socket, and each gets what comes. */
    if (l->fd >= 0 && (!set(l->fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
                       !set(l->fd, SOL_SOCKET, SO_RCVBUF, QUEUE_BYTES) || !open(l->fd)))
        line_close(l);
}

/* --- networks --- */

static void join(const struct beacon *b, const struct network *n, bool leave)
{
    const struct ip_mreqn v4 = {.imr_multiaddr = {htonl(BEACON_GROUP_V4)},
                                .imr_ifindex = (int)n->index};
    const struct ipv6_mreq v6 = {.ipv6mr_multiaddr = group_v6, .ipv6mr_interface = n->index};
    if (b->v4.fd >= 0 && n->has_v4)
        (void)setsockopt(b->v4.fd, IPPROTO_IP, leave ? IP_DROP_MEMBERSHIP : IP_ADD_MEMBERSHIP, &v4,
                         sizeof v4);
    if (b->v6.fd >= 0 && n->has_v6)
        (void)setsockopt(b->v6.fd, IPPROTO_IPV6, leave ? IPV6_LEAVE_GROUP : IPV6_JOIN_GROUP, &v6,
                         sizeof v6);
}

/* Leaving what has gone makes room for others; joining once more changes nothing. */
static void scan(struct beacon *b, struct instant now)
{
    struct network fresh[NETWORKS_MAX];
    const uint32_t count = networks_list(&b->parts.bound, fresh);
    for (uint32_t i = 0; i < b->networks_count; i++) {
        bool stays = false;
        for (uint32_t k = 0; k < count; k++)
            stays = stays || fresh[k].index == b->networks[i].index;
        if (!stays)
            join(b, &b->networks[i], true);
    }
    memcpy(b->networks, fresh, count * sizeof *fresh);
    b->networks_count = count;
    b->scanned = now;
    for (uint32_t i = 0; i < count; i++)
        join(b, &b->networks[i], false);
}

/* --- saying --- */

/* As a beacon's tag has it. */
static void plain_address(const struct address *a, uint8_t to[BEACON_ADDRESS_SIZE])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&a->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&a->storage;
    memset(to, 0, BEACON_ADDRESS_SIZE);
    if (a->storage.ss_family == AF_INET) {
        to[10] = to[11] = 0xff;
        memcpy(to + 12, &v4->sin_addr, 4);
    } else {
        memcpy(to, &v6->sin6_addr, BEACON_ADDRESS_SIZE);
    }
}

struct letter {
    uint8_t packet[BEACON_SIZE];
    struct iovec part;
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } about;
    struct msghdr message;
};

static void about(struct letter *l, int level, int type, const void *info, size_t len)
{
    l->message.msg_control = l->about.room;
    l->message.msg_controllen = CMSG_SPACE(len);
    struct cmsghdr *c = CMSG_FIRSTHDR(&l->message);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), info, len);
}

/* From this address, over this network. */
static bool post(const struct beacon *b, int fd, const struct network *n,
                 const struct address *from)
{
    struct letter l = {0};
    struct beacon_text text = {.port = address_port(&b->parts.bound)};
    struct sockaddr_in to4 = {.sin_family = AF_INET,
                              .sin_port = htons(BEACON_PORT),
                              .sin_addr = {htonl(BEACON_GROUP_V4)}};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons(BEACON_PORT),
                               .sin6_addr = group_v6,
                               .sin6_scope_id = n->index};
    uint8_t salt[BEACON_SALT_SIZE], address[BEACON_ADDRESS_SIZE];
    if (getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        return true;
    memcpy(text.node, b->parts.self.bytes, sizeof text.node);
    plain_address(from, address);
    beacon_make(&b->key, salt, address, &text, l.packet);
    l.part = (struct iovec){l.packet, sizeof l.packet};
    l.message = (struct msghdr){.msg_iov = &l.part, .msg_iovlen = 1};
    if (from->storage.ss_family == AF_INET) {
        struct in_pktinfo info = {.ipi_ifindex = (int)n->index};
        memcpy(&info.ipi_spec_dst, address + 12, sizeof info.ipi_spec_dst);
        about(&l, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
        l.message.msg_name = &to4;
        l.message.msg_namelen = sizeof to4;
    } else {
        struct in6_pktinfo info = {.ipi6_ifindex = n->index};
        memcpy(&info.ipi6_addr, address, sizeof info.ipi6_addr);
        about(&l, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
        l.message.msg_name = &to6;
        l.message.msg_namelen = sizeof to6;
    }
    return sendmsg(fd, &l.message, MSG_NOSIGNAL) >= 0 || errno == EAGAIN || errno == ENOBUFS;
}

static bool post_all(const struct beacon *b)
{
    bool posted = true;
    for (uint32_t i = 0; i < b->networks_count; i++) {
        const struct network *n = &b->networks[i];
        if (b->v4.fd >= 0 && n->v4.len > 0)
            posted = post(b, b->v4.fd, n, &n->v4) && posted;
        if (b->v6.fd >= 0 && n->v6.len > 0)
            posted = post(b, b->v6.fd, n, &n->v6) && posted;
    }
    return posted;
}

/* Between three quarters and five quarters of it. */
static int64_t about_us(int64_t us)
{
    uint32_t drawn;
    if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != (ssize_t)sizeof drawn)
        return us;
    return us * 3 / 4 + (int64_t)(drawn % (uint32_t)(us / 2));
}

static void arm(struct beacon *b, struct instant due)
{
    b->due = due;
    alarm_set(b->say, due);
}

static void say(void *ctx)
{
    struct beacon *b = ctx;
    const struct instant now = loop_clock();
    if (instant_since_us(now, b->scanned) >= SCAN_US)
        scan(b, now);
    if (!post_all(b))
        scan(b, now);
    arm(b, instant_plus_us(now, about_us(b->wait_us)));
    b->wait_us = b->wait_us * 2 < WAIT_MAX_US ? b->wait_us * 2 : WAIT_MAX_US;
}

/* --- hearing --- */

/* Of a datagram by IPv6 the system says where it was sent to. */
static bool is_to_group(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct in6_pktinfo info;
        if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        return IN6_ARE_ADDR_EQUAL(&info.ipi6_addr, &group_v6);
    }
    return false;
}

static void set_port(struct address *a, uint16_t port)
{
    if (a->storage.ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)&a->storage)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)&a->storage)->sin6_port = htons(port);
}

static void look(struct beacon *b, struct bytes packet, struct address *from,
                 const uint8_t address[BEACON_ADDRESS_SIZE], struct instant now)
{
    char text[ADDR_SIZE];
    struct beacon_text said;
    if (beacon_read(&b->key, packet, address, &said) < 0 ||
        memcmp(said.node, b->parts.self.bytes, sizeof said.node) == 0 ||
        b->parts.knows(b->parts.ctx, said.node) ||
        !heard_hints(&b->heard, said.node, address, now))
        return;
    set_port(from, said.port);
    address_text(from, text);
    const struct instant soon = instant_plus_us(now, about_us(SOON_US));
    if (instant_before(soon, b->due))
        arm(b, soon);
    b->parts.hint(b->parts.ctx, text);
}

/* False when there was nothing more. */
static bool read_one(struct line *l, struct instant now)
{
    struct letter in = {0};
    struct address from = {0};
    uint8_t packet[BEACON_SIZE + 1]; /* what is longer is none */
    uint8_t address[BEACON_ADDRESS_SIZE];
    in.part = (struct iovec){packet, sizeof packet};
    in.message = (struct msghdr){.msg_name = &from.storage,
                                 .msg_namelen = sizeof from.storage,
                                 .msg_iov = &in.part,
                                 .msg_iovlen = 1,
                                 .msg_control = in.about.room,
                                 .msg_controllen = sizeof in.about.room};
    const ssize_t len = recvmsg(l->fd, &in.message, 0);
    if (len < 0)
        return false;
    from.len = in.message.msg_namelen;
    plain_address(&from, address);
    if (heard_looks(&l->of->heard, address, now) &&
        (from.storage.ss_family == AF_INET || is_to_group(&in.message)))
        look(l->of, (struct bytes){packet, (size_t)len}, &from, address, now);
    return true;
}

static void listen_again(struct beacon *b, bool on)
{
    if (b->v4.watch)
        watch_set(b->v4.watch, on, false);
    if (b->v6.watch)
        watch_set(b->v6.watch, on, false);
}

/* Beyond the bound the system's own queue fills, and drops what comes. */
static void heard_something(void *ctx, bool readable, bool writable)
{
    struct line *l = ctx;
    struct beacon *b = l->of;
    const struct instant now = loop_clock();
    struct instant until;
    (void)readable;
    (void)writable;
    for (int i = 0; i < READS_A_ROUND; i++) {
        if (!heard_may_read(&b->heard, now, &until)) {
            listen_again(b, false);
            alarm_set(b->rest, until);
            return;
        }
        if (!read_one(l, now))
            return;
    }
}

static void rested(void *ctx)
{
    listen_again(ctx, true);
}

/* --- its life --- */

static int line_watch(struct beacon *b, struct line *l)
{
    if (l->fd < 0)
        return 0;
    l->watch = watch_new(b->parts.loop, l->fd, heard_something, l);
    return l->watch ? 0 : ERR_NO_MEMORY;
}

static int begin(struct beacon *b)
{
    line_open(&b->v4, AF_INET, open_v4);
    line_open(&b->v6, AF_INET6, open_v6);
    if (b->v4.fd < 0 && b->v6.fd < 0)
        return ERR_SYSTEM;
    b->say = alarm_new(b->parts.loop, say, b);
    b->rest = alarm_new(b->parts.loop, rested, b);
    if (!b->say || !b->rest || line_watch(b, &b->v4) < 0 || line_watch(b, &b->v6) < 0)
        return ERR_NO_MEMORY;
    const struct instant now = loop_clock();
    listen_again(b, true);
    scan(b, now);
    arm(b, now);
    return 0;
}

int beacon_new(struct beacon **out, const struct beacon_parts *parts)
{
    struct beacon *b = calloc(1, sizeof *b);
    if (!b)
        return ERR_NO_MEMORY;
    b->parts = *parts;
    b->key = beacon_key(&parts->mesh);
    b->v4 = b->v6 = (struct line){.of = b, .fd = -1};
    b->wait_us = WAIT_FIRST_US;
    const int rc = begin(b);
    if (rc < 0)
        beacon_free(b);
    else
        *out = b;
    return rc;
}

void beacon_free(struct beacon *b)
{
    if (!b)
        return;
    line_close(&b->v4);
    line_close(&b->v6);
    alarm_free(b->say);
    alarm_free(b->rest);
    free(b);
}
