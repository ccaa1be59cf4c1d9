#include "core/host/finding.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/host/beacon.h"
#include "core/host/peers_file.h"

#define RESCAN_US (5 * S_US)

struct finding {
    struct finding_parts parts;
    const char *addr;
    struct beacon *beacon; /* NULL while it listens on loopback, and where it must not */
    struct alarm *rescan;
    bool rescan_is_set;
};

static void hint(struct finding *f, const char *addr)
{
    struct event ev = {.kind = EVENT_HINT, .hint = {.addr = addr}};
    if (strcmp(addr, f->addr) != 0)
        driver_event(f->parts.driver, &ev);
}

static void hint_heard(void *ctx, const char *addr)
{
    hint(ctx, addr);
}

static void hint_announced(void *ctx, uint16_t port, const char *addr)
{
    (void)port;
    hint(ctx, addr);
}

/* A name of the file may have another address by now. */
static void hint_joined(void *ctx, const char *addr)
{
    struct address to;
    char text[ADDR_SIZE], message[512] = "";
    if (address_resolve(addr, &to, message) < 0)
        return;
    address_text(&to, text);
    hint(ctx, text);
}

void finding_begin(struct finding *f)
{
    const struct conf *c = f->parts.conf;
    home_peers(f->parts.home, hint_announced, f);
    peers_file_read(f->parts.home, hint_joined, f);
    for (uint32_t i = 0; i < c->peers_count; i++) {
        struct address to;
        char text[ADDR_SIZE], message[512] = "";
        if (address_resolve(c->peers[i], &to, message) < 0) {
            log_line(f->parts.log, LOG_WARNING, "peer %s is left out: %s", c->peers[i], message);
            continue;
        }
        address_text(&to, text);
        hint(f, text);
    }
}

static bool knows(void *ctx, const uint8_t node[BEACON_NODE_SIZE])
{
    const struct finding *f = ctx;
    return node_knows(f->parts.node, node, BEACON_NODE_SIZE);
}

void finding_listens(struct finding *f, const struct address *bound, const char *addr)
{
    const struct beacon_parts parts = {.loop = f->parts.loop,
                                       .mesh = f->parts.mesh,
                                       .self = f->parts.self,
                                       .bound = *bound,
                                       .ctx = f,
                                       .knows = knows,
                                       .hint = hint_heard};
    f->addr = addr;
    beacon_free(f->beacon);
    f->beacon = NULL;
    if (f->parts.conf->discovery && !address_is_loopback(bound) &&
        beacon_new(&f->beacon, &parts) < 0)
        log_line(f->parts.log, LOG_WARNING,
                 "nodes on the local network are not found: this machine has no multicast");
}

static void rescan(void *ctx)
{
    struct finding *f = ctx;
    f->rescan_is_set = false;
    home_peers(f->parts.home, hint_announced, f);
}

void finding_settle(struct finding *f)
{
    bool alone = driver_peers(f->parts.driver) == 0;
    if (alone == f->rescan_is_set)
        return;
    f->rescan_is_set = alone;
    alarm_set(f->rescan, alone ? instant_plus_us(loop_clock(), RESCAN_US) : INSTANT_NEVER);
}

int finding_new(struct finding **out, const struct finding_parts *parts)
{
    struct finding *f = calloc(1, sizeof *f);
    if (!f)
        return ERR_NO_MEMORY;
    f->parts = *parts;
    f->addr = "";
    f->rescan = alarm_new(parts->loop, rescan, f);
    if (!f->rescan) {
        finding_free(f);
        return ERR_NO_MEMORY;
    }
    *out = f;
    return 0;
}

void finding_free(struct finding *f)
{
    if (!f)
        return;
    beacon_free(f->beacon);
    alarm_free(f->rescan);
    free(f);
}
