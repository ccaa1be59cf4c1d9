/* The walls around a worker. Whatever runs behind them is taken to be hostile from its first
 * instruction on: it computes, reads and writes its three pipes, and can do nothing else.
 *
 * Who does which step, in this order:
 *
 *   spawner's child    is in a group of its own for what it uses, where its node has one (stem.h)
 *   spawner's child    sandbox_confine: hard limits, no new rights. SIGKILL when the spawner dies,
 *   (before exec)      a group of its own, no environment, three descriptors (spawner.c)
 *   worker, at start   sandbox_apart, where its node says so: namespaces (sandbox_apart.h).
 *                      Nobody may look into it or trace it; the signal once more, which an exec of
 *                      a file with capabilities takes away (spawner_settle_worker)
 *   worker, at LOAD    opens what it will ever open: inputs are mapped, a plugin's file is read
 *   sandbox_enter      finds every step above done, closes all other descriptors; empties its root
 *                      where it is apart; leaves root's id
 *                      for one of its own, where it had that; gives up every capability, for good;
 *                      Landlock: no file, TCP port, abstract socket or process outside; system
 *                      calls: those of sandbox_calls.h, and memory may become code
 *   (load)             the plugin's bytes are looked at for the first time, and become memory
 *   sandbox_close      no memory becomes code any more
 *   (run)              the first instruction of the kernel
 *
 * Every step is checked. One that fails is a refusal with its name ("Landlock: ..."), and the
 * worker loads nothing: it is never let off with weaker walls than this system has. What a system
 * does not have at all makes its tier (core/wire/tier.h).
 *
 * A forbidden system call is not made, and ends the worker by SIGSYS. Its last words on standard
 * error are "killed: forbidden system call NAME (NUMBER)"; a kernel that has spoilt its own memory
 * may die without them, but dies.
 *
 * A build with a sanitizer has no walls (sanitizer.h). Called by worker.c, spawner.c and
 * build_cage.c. */
#ifndef VELUM_HOST_SANDBOX_H
#define VELUM_HOST_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "core/wire/order.h"
#include "core/wire/tier.h"

/* What this system lacks for the best cage: bits of enum tier_lack, of which tier_of makes the
 * tier. `together`: its workers are not to go apart, whether they can or not. Changes nothing of
 * the process. */
uint8_t sandbox_lacks(bool together);

/* Limits and no new rights, for a process that is about to become a worker with so many bytes of
 * addresses. Good between vfork and exec: changes nothing but the kernel's view of the process. 0,
 * or the number of the step that failed, with errno set. */
int sandbox_confine(uint64_t memory_bytes);
/* One of the limits, hard and soft: this value, or what may be had below it. 0 or -1 with errno. */
int sandbox_limit(__rlimit_resource_t resource, rlim_t value);
/* The step before those of sandbox_confine: into its group. */
#define SANDBOX_STEP_GROUP 64
/* "the limit on processes", for such a number; "" for any other. */
const char *sandbox_step(int number);

/* In a worker, first of all: goes apart from its machine. What fails sandbox_enter says. */
void sandbox_apart(void);

/* Once; in a process that has no thread of its own that must go on opening files. `foreign`: what
 * is to be loaded is no part of this executable. 0, or ERR_UNSUPPORTED (foreign on a system of tier
 * S0) or ERR_SYSTEM with a sentence that names the step: the process must run no kernel then. */
int sandbox_enter(bool foreign, char reason[REASON_SIZE]);
/* After sandbox_enter, before the first instruction of a kernel. The same. */
int sandbox_close(char reason[REASON_SIZE]);

#endif
