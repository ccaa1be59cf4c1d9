/* The feature level of this generation, one number for all that nodes write and say: a HELLO has
 * it (core/mesh/mesh_wire.h), and so does each segment of a journal (core/journal/record.h), where
 * a greater one is refused untouched. What it takes to read a thing stands here, and a thing that
 * some node near could not read is not made.
 *
 *   1  what there was when levels were first told
 *   2  appended stages with names of their own, that collect, that are rolled, or that ask of nodes
 *      what no stage of the specification asks for; the cancel of a single stage; specifications
 *      that ask for a tier (tier.h). Whoever says its tier has this level at least
 *   3  stages whose kernel is a snippet (spec.h)
 *   4  specifications with a limit on processor time; snippets that say which compiler their code
 *      is to come from, and those whose source is the file of a plugin
 *   5  jobs of which is known that two compilers make two kernels of a snippet; specifications that
 *      ask for checks, and how many there were in an outcome
 *   6  objects of which is known which user put them; acts (act.h), and records of them; notes of
 *      events in a journal
 *   7  certificates of those that a node tells of (introduce.h); who holds a job says whether it
 *      has ended; objects of which is known that several users put them (object_peer.h), and what a
 *      user signed who took one back (removal.h); chunks that are computed, and told when their
 *      outputs are safe (node/peer.h). Whoever has it tells each of its links at once when anything
 *      changes that it says of itself
 *   8  whether there is a job, and who signed it (node/evidence_peer.h) */
#ifndef VELUM_WIRE_FEATURE_H
#define VELUM_WIRE_FEATURE_H

#define FEATURE_LEVEL 8u
#define FEATURE_FIRST 1u
#define FEATURE_APPEND_MORE 2u
#define FEATURE_STAGE_CANCEL 2u
#define FEATURE_TIER 2u
#define FEATURE_SNIPPETS 3u
#define FEATURE_CPU_TIME 4u
#define FEATURE_COMPILER 4u
#define FEATURE_SHIPPED 4u
#define FEATURE_UNLIKE 5u
#define FEATURE_CHECK 5u
#define FEATURE_OWNED 6u
#define FEATURE_ACTS 6u
#define FEATURE_INTRODUCE 7u
#define FEATURE_OWNER_ENDED 7u
#define FEATURE_SEVERAL 7u
#define FEATURE_COMPUTED 7u
#define FEATURE_REMOVAL 7u
#define FEATURE_OWN_WORD 7u
#define FEATURE_EVIDENCE 8u

#endif
