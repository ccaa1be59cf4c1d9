/* The parts of `velum doctor`: each looks at one side of this machine and says what it finds. They
 * change nothing, and most of them judge what they are given, so that a test can give them
 * anything. Called by cmd/doctor.c. */
#ifndef VELUM_CMD_DOCTOR_H
#define VELUM_CMD_DOCTOR_H

#include <stdint.h>

#include "cmd/findings.h"
#include "cmd/revocation.h"
#include "cmd/talk.h"
#include "core/host/home.h"
#include "core/host/identity.h"

/* The cage that workers would have here: bits of enum tier_lack, and Landlock's version. */
void doctor_cage(struct findings *f, uint8_t lacks, int landlock);
/* `why` workers have no cgroup of their own here, or NULL. */
void doctor_group(struct findings *f, const char *why);
/* What makes kernels of C source here: libtcc inside, and the compiler of this machine or NULL. */
void doctor_compilers(struct findings *f, bool inside, const char *compiler, uint8_t lacks);

/* Of descriptors the hard limit, of core files the soft one. */
void doctor_limits(struct findings *f, uint64_t descriptors, uint64_t core_bytes);
/* UINT64_MAX available: unknown. */
void doctor_memory(struct findings *f, uint64_t bytes, uint64_t available);
/* What is free on the disk of the mesh's folder, and what a node would keep objects in. */
void doctor_disk(struct findings *f, const char *path, uint64_t free_bytes, uint64_t objects);
/* Measures all three. */
void doctor_machine(struct findings *f, const struct home *h);

/* Owner and mode of everything below the mesh's folder. */
void doctor_modes(struct findings *f, const struct home *h);

#define DOCTOR_SET_CLOCK "set the clock: " TALK_SET_CLOCK
/* What to do about a file that is refused because others may read it, or whose it is. */
#define DOCTOR_ONLY_YOURS "let it be a file of yours that only you can read: chmod 600, chown"

/* One certificate, "user" or "node 8001", as it is at now_s. */
struct doctor_certificate {
    const char *what, *path;
    struct identity_card card;
    bool renewable;               /* what signs it is on this machine */
    bool lost_issuer;             /* it is not, though the mesh was made here */
    bool in_use;                  /* a node runs with it */
    struct revocation revocation; /* of its key */
};
/* Fills in who renews what a user or node of this home has. */
void doctor_renewal(struct doctor_certificate *c, const struct home *h);
/* Fills in whether the key was revoked, by the journal in `state`; NULL: by all of this home. */
void doctor_revoked(struct doctor_certificate *c, const struct home *h, const char *state);
void doctor_certificate(struct findings *f, const struct doctor_certificate *c, int64_t now_s);
/* The issuer's, which only the root's key renews (`renewable`), where this machine has its key. */
void doctor_issuer(struct findings *f, const struct doctor_certificate *c, bool has_key,
                   int64_t now_s);
/* The mesh's own keys and the user's; and the clock of this machine against what they say. */
void doctor_keys(struct findings *f, const struct home *h, int64_t now_s);

/* Every node of this user on this machine, running or not, with its certificate and journal; where
 * they listen; and what they know of the others. */
void doctor_nodes(struct findings *f, const struct home *h, int64_t now_s);

#endif
