/* `velum ca status`: what this home has of its mesh's keys and certificates, and what of them comes
 * to an end. Looks at files only; asks no node. Called by ca.c. */
#ifndef VELUM_CMD_CA_STATUS_H
#define VELUM_CMD_CA_STATUS_H

#include <stdbool.h>

#include "core/host/home.h"

/* The exit code; has said what went wrong. */
int ca_status(const struct home *h, bool as_json);

#endif
