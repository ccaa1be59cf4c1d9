/* The one list of message types. Numbers are never reused. Payload layouts are drawn in the header
 * named here.
 *
 * 1 to 31     membership, between nodes        core/mesh/mesh_wire.h, and joining, core/wire/join.h
 * 14, 15      who is who                       core/wire/introduce.h
 * 32 to 59    jobs, between nodes; and 70      core/node/peer.h; and 72  core/wire/roots.h
 * 71, 118, 119  acts                           core/wire/act_talk.h
 * 60 to 79    objects, between nodes           core/node/object_peer.h; and 73
 *                                              core/node/evidence_peer.h
 * 80 to 127   a command and a node             core/wire/request.h, core/wire/object_request.h,
 *                                              core/wire/asides.h, core/wire/snippet.h,
 *                                              core/wire/event_note.h, core/wire/roots.h
 * 128 to 159  a node and its workers           core/wire/order.h
 * 160 to 191  a node and its mover             core/wire/move.h */
#ifndef VELUM_WIRE_MESSAGE_H
#define VELUM_WIRE_MESSAGE_H

#define MESSAGE_LIST(X)                                                                            \
    X(HELLO, 1)                                                                                    \
    X(GOODBYE, 2)                                                                                  \
    X(PING, 3)                                                                                     \
    X(PONG, 4)                                                                                     \
    X(PROBE, 5)  /* please ping somebody for me */                                                 \
    X(PROBED, 6) /* whether it answered */                                                         \
    X(RUMORS, 7)                                                                                   \
    X(JOIN, 8) /* by who has no certificate yet */                                                 \
    X(JOINED, 9)                                                                                   \
    X(JOIN_REFUSED, 10)                                                                            \
    X(RENEW, 11) /* by who has one, and no issuer beside it */                                     \
    X(RENEWED, 12)                                                                                 \
    X(INTRODUCE, 14) /* who are these, of whom you told? */                                        \
    X(INTRODUCED, 15)                                                                              \
    X(DIRECTORY, 32)                                                                               \
    X(FORWARD, 33) /* a submission on its way to the first holder */                               \
    X(FORWARDED, 34)                                                                               \
    X(FACTS, 35) /* holder to holder: keep these, tell me when synced */                           \
    X(FACTS_KEPT, 36)                                                                              \
    X(GRANT, 37)                                                                                   \
    X(REPORT, 38)                                                                                  \
    X(KEPT, 39) /* reported leaves are synced by enough holders */                                 \
    X(TRIM, 40)                                                                                    \
    X(CLAIM, 41)  /* a coordinator shows its title */                                              \
    X(OPEN, 42)   /* a worker's node lists its open chunks to a new coordinator */                 \
    X(RETURN, 43) /* a node gives granted chunks back */                                           \
    X(STOP, 44)   /* this job has an outcome: stop its leaves */                                   \
    X(LOG, 45)    /* what a worker wrote, on its way to the coordinator */                         \
    X(CANCEL, 46)                                                                                  \
    X(CANCELLED, 47)                                                                               \
    X(WATCH, 48)                                                                                   \
    X(STATE, 49)                                                                                   \
    X(LOGS, 50) /* please send the log tail of this job */                                         \
    X(LOG_TAIL, 51)                                                                                \
    X(SYNC, 52)  /* digest of a ledger, to find what is missing */                                 \
    X(COUNT, 53) /* so many bytes were sent so far; please say it back */                          \
    X(COUNTED, 54)                                                                                 \
    X(INPUT_WANT, 55)   /* what did this stage yield? */                                           \
    X(INPUT_VALUES, 56) /* the answer */                                                           \
    X(STAGES, 57)       /* how far are the stages of this job? */                                  \
    X(STAGES_TOLD, 58)                                                                             \
    X(SESSION, 59)     /* the author of an open job appends, closes, or asks */                    \
    X(OBJECT_KEEP, 60) /* these are kept, or are not any more; say what you have of them */        \
    X(OBJECT_HAVE, 61)                                                                             \
    X(OBJECT_SEEK, 62)  /* who has this one? */                                                    \
    X(OBJECT_OWNER, 63) /* is this job, which objects are kept for, still known? and the answer */ \
    X(BULK_WANT, 64)    /* over bulk links: a part of a list or of a piece */                      \
    X(BULK_BYTES, 65)                                                                              \
    X(BULK_REFUSE, 66)                                                                             \
    X(SESSION_TOLD, 67)                                                                            \
    X(SESSION_REFUSED, 68) /* the coordinator of an open job: this will never be taken */          \
    X(OBJECT_FULL, 69)     /* an object of this size does not fit here */                          \
    X(UNLIKE, 70)          /* of jobs: two compilers make two kernels of a snippet */              \
    X(ACT, 71)             /* what somebody wants done to a node, a user or the mesh */            \
    X(ROOTS, 72)           /* the mesh's next root */                                              \
    X(EVIDENCE, 73)        /* is there such a job? and who signed it */                            \
    X(REQUEST_SUBMIT, 80)                                                                          \
    X(REQUEST_WATCH, 81)                                                                           \
    X(REQUEST_JOBS, 82)                                                                            \
    X(REQUEST_KILL, 83)                                                                            \
    X(REQUEST_NODES, 84)                                                                           \
    X(REQUEST_LOGS, 85)                                                                            \
    X(REQUEST_KERNELS, 86)                                                                         \
    X(REQUEST_PLAN, 87)                                                                            \
    X(REQUEST_SHOW, 88)                                                                            \
    X(REQUEST_STALE, 89) /* old jobs that were set aside */                                        \
    X(REQUEST_PUT, 90)                                                                             \
    X(REQUEST_DATA, 91)                                                                            \
    X(REQUEST_GET, 92)                                                                             \
    X(REQUEST_MORE, 93)                                                                            \
    X(REQUEST_OBJECTS, 94)                                                                         \
    X(REQUEST_RM, 95)                                                                              \
    X(REQUEST_STAGES, 96)                                                                          \
    X(REQUEST_SESSION, 97)                                                                         \
    X(REQUEST_AHEAD, 98)  /* of a session: a task ahead of the list that will have it */           \
    X(REQUEST_ASIDES, 99) /* many PLANs, or SHOWs, of one kernel */                                \
    X(REPLY_ERROR, 100)                                                                            \
    X(REPLY_SUBMITTED, 101)                                                                        \
    X(REPLY_JOB, 102)                                                                              \
    X(REPLY_NODE, 103)                                                                             \
    X(REPLY_KERNEL, 104)                                                                           \
    X(REPLY_LOG, 105)                                                                              \
    X(REPLY_PLAN, 106)                                                                             \
    X(REPLY_TEXT, 107)                                                                             \
    X(REPLY_KILLED, 108)                                                                           \
    X(REPLY_END, 109)                                                                              \
    X(REPLY_OBJECT, 110)                                                                           \
    X(REPLY_PIECE, 111)                                                                            \
    X(REPLY_CREDIT, 112)                                                                           \
    X(REPLY_STAGES, 113)                                                                           \
    X(REPLY_SESSION, 114)                                                                          \
    X(REPLY_AHEAD, 115)                                                                            \
    X(REPLY_ASIDES, 116)                                                                           \
    X(REQUEST_SNIPPET, 117) /* what is in this C source; plan or show by it */                     \
    X(REQUEST_ACT, 118)                                                                            \
    X(REPLY_ACT, 119)                                                                              \
    X(REQUEST_EVENTS, 120)                                                                         \
    X(REPLY_EVENT, 121)                                                                            \
    X(REQUEST_RECEIPT, 122)                                                                        \
    X(REPLY_RECEIPT, 123)                                                                          \
    X(REQUEST_ROOTS, 124)                                                                          \
    X(REPLY_ROOTS, 125)                                                                            \
    X(ORDER_LOAD, 128)                                                                             \
    X(ORDER_RUN, 129)                                                                              \
    X(ORDER_TRIM, 130)                                                                             \
    X(ORDER_MERGE, 131)                                                                            \
    X(ORDER_PLAN, 132)                                                                             \
    X(ORDER_SHOW, 133)                                                                             \
    X(ORDER_DESCRIBE, 134)                                                                         \
    X(ORDER_TAKEN, 135)                                                                            \
    X(ORDER_MORE, 136)                                                                             \
    X(ORDER_INPUTS, 137) /* inputs that are no objects */                                          \
    X(ORDER_TASKS, 138)                                                                            \
    X(ORDER_ASIDES, 139)                                                                           \
    X(ORDER_BUILD, 140)                                                                            \
    X(WORKER_READY, 144)                                                                           \
    X(WORKER_LOADED, 145)                                                                          \
    X(WORKER_PROGRESS, 146)                                                                        \
    X(WORKER_TRIMMED, 147)                                                                         \
    X(WORKER_MERGED, 148)                                                                          \
    X(WORKER_PLANNED, 149)                                                                         \
    X(WORKER_SHOWN, 150)                                                                           \
    X(WORKER_FAILED, 151)                                                                          \
    X(WORKER_DESCRIBED, 152)                                                                       \
    X(WORKER_OUTPUT, 153)                                                                          \
    X(WORKER_OUTPUT_END, 154)                                                                      \
    X(WORKER_ASIDES, 155)                                                                          \
    X(WORKER_BUILT, 156)                                                                           \
    X(MOVE_SCAN, 160)                                                                              \
    X(MOVE_APPEND, 161)                                                                            \
    X(MOVE_FINISH, 162)                                                                            \
    X(MOVE_ABORT, 163)                                                                             \
    X(MOVE_READ, 164)                                                                              \
    X(MOVE_LIST, 165)                                                                              \
    X(MOVE_LEARN, 166)                                                                             \
    X(MOVE_WRITE, 167)                                                                             \
    X(MOVE_SEAL, 168)                                                                              \
    X(MOVE_CHECK, 169)                                                                             \
    X(MOVE_DROP, 170)                                                                              \
    X(MOVE_AT, 171)                                                                                \
    X(MOVE_KEYED, 172)                                                                             \
    X(MOVED_FOUND, 176)                                                                            \
    X(MOVED_MADE, 177)                                                                             \
    X(MOVED_BYTES, 178)                                                                            \
    X(MOVED_CHECKED, 179)                                                                          \
    X(MOVED_DONE, 180)                                                                             \
    X(MOVED_AT, 181)                                                                               \
    X(MOVED_LEFT, 182)                                                                             \
    X(MOVED_KEYED, 183)

enum message {
#define MESSAGE_ENUM(name, number) MESSAGE_##name = (number),
    MESSAGE_LIST(MESSAGE_ENUM)
#undef MESSAGE_ENUM
};

/* The name as the list has it, or "unknown". */
const char *message_name(unsigned type);

#endif
