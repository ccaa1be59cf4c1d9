/* A port of the loopback that nobody has at the moment, and a listener on one. Header only. */
#ifndef VELUM_TESTS_FREE_PORT_H
#define VELUM_TESTS_FREE_PORT_H

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/check.h"

/* Gives a socket that is bound to one. */
static inline int bound_to_loopback(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static inline uint16_t free_port(void)
{
    uint16_t port;
    close(bound_to_loopback(&port));
    return port;
}

/* Gives a socket that listens for one at a time. */
static inline int listen_on_loopback(char *addr, size_t size)
{
    uint16_t port;
    int fd = bound_to_loopback(&port);
    REQUIRE(listen(fd, 1) == 0);
    snprintf(addr, size, "127.0.0.1:%u", port);
    return fd;
}

#endif
