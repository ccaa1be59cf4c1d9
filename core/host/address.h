/* "host:port" as people write it: 127.0.0.1:8001, [::1]:8001, [fe80::1%eth0]:8001, localhost:8001,
 * name:8001. Numbers and localhost are understood without asking anybody; other names ask the
 * system, which blocks, so that is done before a loop runs and never inside one. */
#ifndef VELUM_HOST_ADDRESS_H
#define VELUM_HOST_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "core/node/action.h"

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* 0; ERR_FORMAT when it is not host:port; ERR_NOT_FOUND when the host is a name to be resolved. */
int address_parse(const char *text, struct address *out);
/* The same, resolving names. The message is a sentence. Blocks. */
int address_resolve(const char *text, struct address *out, char message[512]);
/* From a host without a port, as in `bind`. */
int address_of(const char *host, uint16_t port, struct address *out, char message[512]);
void address_text(const struct address *a, char to[ADDR_SIZE]);
bool address_is_loopback(const struct address *a);
uint16_t address_port(const struct address *a);
/* What others should be told: the address itself, or for "any" the machine's first other one. */
void address_reachable(const struct address *bound, struct address *out);

#endif
