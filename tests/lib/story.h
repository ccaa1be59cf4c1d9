/* A few whole nodes in virtual time, for stories about what they tell each other and their users:
 * everything arrives after 100 us, a write is synced after 50 us, workers never start unless the
 * test makes them. The test decides who is linked with whom, looks at every frame, may drop it, and
 * may say anything in a node's name.
 *
 * Owns the nodes and all they asked for. Used by tests/trace. */
#ifndef VELUM_TESTS_STORY_H
#define VELUM_TESTS_STORY_H

#include "core/node/node.h"
#include "core/sim/sim_mover.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "core/wire/spec.h"
#include "tests/lib/heap.h"

#define STORY_NODES_MAX 64
#define STORY_USER STORY_NODES_MAX /* the other side of a user's link */
#define STORY_UNANSWERED_MAX 256u
#define STORY_WALL_S ((int64_t)1760000000)

struct story;

struct story_node {
    struct story *story;
    uint32_t index;
    struct node *core; /* NULL while it does not run */
    struct node_id id;
    uint32_t generation;
    bool stuck;                  /* its disk syncs nothing */
    bool fails;                  /* its disk refuses every record */
    bool paused;                 /* nothing happens in it, and what comes waits */
    bool keeps_disk;             /* the next process reads what this one stored */
    uint32_t woken;              /* so often its own timer came */
    struct story_record *stored; /* oldest first */
    struct story_record *slices; /* of a snapshot that is not whole */
    int64_t wall_off_s;          /* how wrong its wall clock is */
    struct node_id stranger;     /* it does not know who certified this one */
    struct node_id ended;        /* and that the root of this one has ended, */
    int64_t ended_s;             /* at that time */
    uint32_t level;              /* the feature level that it says it has; 0: its own */
    uint8_t tier;                /* of its cage; 0: none is known */
    const char *arch;            /* NULL: none is known */
    bool miscounts;              /* its workers come to another value of a leaf of a fold */
    bool compiles;               /* its workers have a C compiler */
    bool builds;                 /* and its machine another, */
    bool refuses_build;          /* which refuses all sources, */
    bool broken_build;           /* or does not work at all, */
    uint32_t builds_lost;        /* of which so many end with their process, */
    bool differs;                /* or of whose work the first leaf is another than libtcc's, */
    uint64_t differs_from;       /* from this one of the stage's leaves on; sampled each time */
    bool lies;                   /* its workers say that of whatever they have */
    uint32_t builders;           /* that were told to build something */
    uint32_t built, plain;       /* workers that loaded what they had built, and that did not */
    uint8_t shipped;             /* which plugins of jobs it loads, */
    struct digest allowed;       /* and which one is listed */
    bool exited;                 /* the process ended by itself, */
    int exit_code;               /* with this */
    struct sim_mover mover;      /* its objects outlive it */
    bool mover_silent;           /* it takes orders and answers none */
    uint32_t unanswered[STORY_UNANSWERED_MAX]; /* the orders that it took since */
    uint32_t unanswered_count;
    int64_t mover_us;                      /* it obeys at once, and says so this much later */
    int64_t sync_us;                       /* what it syncs of streams takes so long */
    uint32_t syncs;                        /* of streams, so often */
    struct instant sync_begins, sync_ends; /* the last of them */
    uint32_t moves_open;                   /* orders that were not answered yet, and their bytes */
    size_t moves_open_bytes;
};

/* What a user was told. */
struct story_answer {
    uint64_t link;
    uint32_t request;
    uint8_t type;
    struct instant at;
    uint8_t *data;
    size_t len;
};

struct story {
    struct heap heap;
    struct instant now;
    struct story_node nodes[STORY_NODES_MAX];
    uint32_t count;
    bool cut[STORY_NODES_MAX][STORY_NODES_MAX]; /* dials hang, nothing gets through */
    struct story_event *events;                 /* a heap by (time, order) */
    uint32_t events_count, events_cap;
    struct story_event *held; /* for those that are paused, in order */
    uint32_t held_count, held_cap;
    uint64_t order;
    struct story_conn *conns;
    uint32_t conns_count, conns_cap;
    struct story_answer *answers;
    uint32_t answers_count, answers_cap;
    struct story_spec *specs; /* signed, by number */
    uint32_t sent[256];       /* frames by type, between nodes */
    uint32_t given_back;      /* of RETURN those that give something back */
    struct node_options ages; /* how long things are kept, room, limits (borrowed) */
    uint32_t worker;          /* the last one that a node asked to start, 0: none */
    /* story_worker.h: what a leaf of a collect yields, in bytes; NULL: nobody computes */
    uint32_t (*output)(uint64_t leaf);
    /* How long a leaf takes, by the first parameter of its stage; NULL: STORY_LEAF_US. */
    int64_t (*leaf_us)(uint8_t param);
    bool graphs; /* what a leaf yields also depends on parameters and inputs; see story_graph.h */
    struct story_worker *workers;
    uint64_t leaves_computed;
    /* Of tasks that workers were given, by their first parameter. */
    uint64_t task_units[256], task_leaf_units[256];
    uint32_t loads;                     /* of workers that turned to another stage */
    uint32_t unlike;                    /* of these, to one with another limit of memory */
    uint32_t maps[STORY_NODES_MAX];     /* objects that workers mapped */
    uint32_t wrong_maps;                /* of these, such as were not what their names say */
    uint32_t compiled[STORY_NODES_MAX]; /* snippets that workers loaded */
    uint32_t shipped[STORY_NODES_MAX];  /* of these, such as were plugins */
    const char *no_kernel; /* what the compiler says against all of them; NULL: nothing */
    /* What a job of this number is, beyond the usual; NULL: nothing. Before it is first named. */
    void (*adjust)(struct job_spec *spec, uint32_t number);
    enum party as; /* users that come from now on, and authors of jobs; 0: PARTY_USER */
    uint8_t who;   /* and which: 0 is story_user_id */
    int64_t users_begin_s, nodes_begin_s; /* their certificates */
    int64_t certificates_end_s;           /* 0: never */
    /* Frames of these types between these nodes are lost, and counted by whom they were for. */
    struct {
        uint8_t type, type_too; /* 0: none */
        uint32_t from, to;      /* STORY_USER: any */
        uint32_t count[STORY_NODES_MAX];
        uint32_t last_to;
    } drop;
};

void story_init(struct story *s, uint32_t count);
/* Frees all; false when a node did not give its memory back. */
bool story_end(struct story *s);
void story_start(struct story *s, uint32_t i);
#define STORY_FORGED 0xbd /* how a signature begins that does not hold */
/* A fact that this user says of a job: signed around the body. */
void story_user_fact(enum fact_kind kind, struct bytes body, struct node_id user, struct buf *to);
struct node_id story_user_id(void);
struct node_id story_who(const struct story *s);
/* Everybody starts and hears of node 0; their disks outlive their processes, or not. */
void story_start_all(struct story *s, bool keep_disks);
/* The same without disks, and everybody has met everybody. */
void story_begin(struct story *s, uint32_t count);
/* Node i hears of another. */
void story_hint(struct story *s, uint32_t i, uint32_t target);
/* It starts, and hears of all that are up. */
void story_start_among(struct story *s, uint32_t i);
/* Its links end, and dials to it are refused. */
void story_kill(struct story *s, uint32_t i);
/* It stops as it is, and goes on; dials to it hang meanwhile. */
void story_pause(struct story *s, uint32_t i);
void story_resume(struct story *s, uint32_t i);
/* No link between the two from now on, or again one when it is wanted. */
void story_cut(struct story *s, uint32_t a, uint32_t b);
void story_mend(struct story *s, uint32_t a, uint32_t b);
bool story_linked(const struct story *s, uint32_t a, uint32_t b);
void story_run(struct story *s, int64_t us);
/* Its journal is written anew; where that takes more than a slice, the others come with its steps.
 */
void story_compact(struct story *s, uint32_t i);
/* Its disk as it is now, and back to that; the node must be down for the latter. */
struct story_record *story_image(const struct story *s, uint32_t i);
void story_image_free(struct story_record *image);
void story_restore(struct story *s, uint32_t i, struct story_record *image); /* takes the image */
/* One more record in its journal, behind its back. */
void story_store(struct story *s, uint32_t i, uint16_t type, struct bytes payload);
/* Loses all frames of that type from now on; 0: none. STORY_USER: from, or to, anybody. */
void story_drop(struct story *s, uint8_t type, uint32_t from, uint32_t to);

/* Job `number`: the same number is the same job. */
struct job_id story_job(struct story *s, uint32_t number);
struct bytes story_spec(struct story *s, uint32_t number);

/* A user of node i connects, asks and leaves; ask gives the request's number. */
uint64_t story_user(struct story *s, uint32_t i);
uint32_t story_ask(struct story *s, uint64_t user, uint8_t type, struct bytes payload);
/* More about a request that was made. */
void story_tell(struct story *s, uint64_t user, uint8_t type, uint32_t request,
                struct bytes payload);
uint32_t story_submit(struct story *s, uint64_t user, uint32_t number);
uint32_t story_watch(struct story *s, uint64_t user, struct job_id id);
uint32_t story_ask_id(struct story *s, uint64_t user, uint8_t type, struct job_id id);
/* Somebody else at node i submits it, and it is acknowledged. */
struct job_id story_submitted(struct story *s, uint32_t i, uint32_t number);
void story_leave(struct story *s, uint64_t user);
/* The latest answer to a request, or NULL. */
const struct story_answer *story_answer(const struct story *s, uint64_t user, uint32_t request);
/* Its exit code when that is an ERROR; 0 for any other answer; -1 for none. */
int story_code(const struct story *s, uint64_t user, uint32_t request);
/* The same, after waiting for an answer for so long. */
int story_code_within(struct story *s, uint64_t user, uint32_t request, int64_t us);
/* The job as node i tells of it, when it has ended; its result is borrowed from the story. */
struct job_view story_result(struct story *s, uint32_t i, struct job_id id, int64_t within_us);
/* KILL of one stage alone. */
uint32_t story_ask_kill(struct story *s, uint64_t user, struct job_id id, uint32_t stage);
/* What node i tells a user of the job's stages within 4 ms: so many, of which there is room for
 * `cap`. */
uint32_t story_stages(struct story *s, uint32_t i, struct job_id id, struct stage_view *to,
                      uint32_t cap);
/* Of its KILLED; -1 for anything else. */
int story_killed(const struct story *s, uint64_t user, uint32_t request);

bool story_holds(const struct story *s, uint32_t i, struct job_id id);
bool story_leads(const struct story *s, uint32_t i, struct job_id id);
/* It has ended there, or nothing of it is there. */
bool story_is_over(const struct story *s, uint32_t i, struct job_id id);
/* Who coordinates it, and the first node that does not hold it. There must be one. */
uint32_t story_leader(const struct story *s, struct job_id id);
uint32_t story_stranger(const struct story *s, struct job_id id);

/* Its mover ends, and what was asked of it comes to nothing; another serves. */
void story_mover_dies(struct story *s, uint32_t i);
/* Node `to` hears this from `from`, over their link. */
void story_say(struct story *s, uint32_t from, uint32_t to, uint8_t type, uint32_t request,
               struct bytes payload);
void story_worker_says(struct story *s, uint32_t i, uint32_t worker, uint8_t type,
                       struct bytes payload);

#endif
