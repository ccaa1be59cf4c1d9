/* The parts of a story that its files share. Private to tests/lib/story*.c. */
#ifndef VELUM_TESTS_STORY_INSIDE_H
#define VELUM_TESTS_STORY_INSIDE_H

#include "tests/lib/story.h"

#define CERTIFICATE_SIZE (ID_SIZE + 1)

/* Side s of connection c has the link number 2c + s + 1. A user is side 0 of its own. */
struct story_conn {
    uint32_t node[2];
    bool open[2];
    bool bulk; /* for objects */
    uint32_t requests;
};

struct story_spec {
    struct story_spec *next;
    uint32_t number;
    struct job_id id;
    uint8_t *data;
    size_t len;
};

enum story_kind {
    STORY_DIAL,
    STORY_UP,
    STORY_DOWN,
    STORY_FRAME,
    STORY_FAILED,
    STORY_STORED,
    STORY_EXITED,
    STORY_MOVED,
    STORY_WORKER
};

struct story_event {
    struct instant at;
    uint64_t order;
    enum story_kind kind;
    uint32_t node, generation;
    uint32_t target;
    uint64_t link, ticket;
    uint32_t dial;
    bool refused, bulk;
    size_t order_bytes; /* of the order that it answers, and one more; 0: others follow */
    uint8_t type;
    uint32_t request;
    uint8_t *data;
    size_t len;
};

/* story_event.c: what is to come, earliest first; of two at one time the one that was pushed first.
 */
void story_push(struct story *s, struct story_event ev, int64_t in_us);
struct story_event story_pop(struct story *s);
/* Room for one more in a list. */
void *story_more(void *list, uint32_t count, uint32_t *cap, size_t size);

/* Told to a worker of this node's present process so much later, if both are there then. */
void story_worker_later(struct story *s, uint32_t node, uint32_t number, uint8_t type,
                        struct bytes payload, int64_t us);

/* story_disk.c */
void story_disk_store(struct story_node *n, uint16_t type, struct bytes payload);
/* A slice of a snapshot, and the last one, with which it takes the place of what was stored. */
void story_disk_slice(struct story_node *n, bool first, struct bytes records);
void story_disk_compact(struct story_node *n, bool first, struct bytes records);
void story_disk_replay(struct story_node *n);
void story_disk_free(struct story_node *n);

struct story_conn *story_conn_of(const struct story *s, uint64_t link);
uint64_t story_other_end(uint64_t link);
uint32_t story_conn_make(struct story *s, uint32_t a, uint32_t b);
void story_step(struct story *s, struct story_node *n, struct event *ev);
void story_link_up(struct story *s, uint64_t link, uint32_t dial);
uint8_t *story_copy(struct bytes b);

/* story_seal.c */
void story_certificate(struct node_id id, enum party party, uint8_t to[CERTIFICATE_SIZE]);
struct seal story_seal(struct story_node *n);

#endif
