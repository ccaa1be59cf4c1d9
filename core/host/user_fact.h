/* What a user says of a job, as facts that he signs (core/job/fact.h). Called by cmd/kill.c and
 * core/api. */
#ifndef VELUM_HOST_USER_FACT_H
#define VELUM_HOST_USER_FACT_H

#include "core/host/identity.h"
#include "core/job/fact.h"
#include "core/wire/request.h"

#define USER_KILL_SIZE 4096 /* bytes of a KILL; a certificate is at most 2 KiB */

/* Appends the fact around this body. 0 or < 0. */
int user_fact_sign(struct identity *identity, enum fact_kind kind, struct bytes body,
                   struct buf *to);
/* Appends the payload of KILL, with the fact that the user signs. 0 or < 0. */
int user_fact_kill(struct identity *identity, struct request_kill m, struct buf *to);

#endif
