/* How a node finds the others of its mesh: those of this machine, as they are announced; those that
 * it joined through (peers_file.h); those it was told of; and those that it hears on the local
 * network, while it listens off loopback (beacon.h).
 *
 * All are hints for the core. Called by host.c. */
#ifndef VELUM_HOST_FINDING_H
#define VELUM_HOST_FINDING_H

#include "core/host/address.h"
#include "core/host/conf.h"
#include "core/host/driver.h"
#include "core/host/home.h"

struct finding;

struct finding_parts { /* all borrowed */
    struct loop *loop;
    struct driver *driver;
    const struct node *node;
    const struct home *home;
    const struct conf *conf;
    const struct log_sink *log;
    struct digest mesh;
    struct node_id self;
};

int finding_new(struct finding **out, const struct finding_parts *parts);
void finding_free(struct finding *f);
/* It listens on `bound`, and others are told `addr`, which stays the caller's. First of all, and
 * whenever that changes. */
void finding_listens(struct finding *f, const struct address *bound, const char *addr);
/* Whom it knows of at the start. Resolves names. */
void finding_begin(struct finding *f);
/* Before each round of the driver: a node that is alone looks now and then whether another has
 * started here. */
void finding_settle(struct finding *f);

#endif
