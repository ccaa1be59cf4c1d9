/* Whether a node finds others on the local network, and on which, in the words of the system
 * (/proc): its sockets, and the groups that are joined. Called by doctor_nodes.c. */
#ifndef VELUM_CMD_DOCTOR_DISCOVERY_H
#define VELUM_CMD_DOCTOR_DISCOVERY_H

#include "cmd/findings.h"

/* Of a node that listens off loopback, by its process. */
void doctor_discovery(struct findings *f, const char *what, unsigned long pid);
/* The number of the socket in a line of /proc/net/udp or udp6; 0: it is not for beacons. */
unsigned long discovery_socket(const char *line);

#endif
