/* The asking side of PUT and GET (core/wire/object_request.h): references, what may be sent when,
 * and whether what comes fits what was asked. Sends nothing and reads nothing itself: the callers,
 * cmd/put.c, cmd/get.c and core/api, have the line and the bytes. */
#ifndef VELUM_HOST_OBJECT_FLOW_H
#define VELUM_HOST_OBJECT_FLOW_H

#include "core/wire/object_request.h"

/* 64 hex digits, or the first 8 and more. */
bool object_is_ref(const char *text);
/* Whether an object may be what that ref means. */
bool object_is_meant(struct digest name, const char *ref);

struct put_flow {
    uint64_t size;  /* as announced, or UINT64_MAX */
    uint64_t sent;  /* with what was there */
    uint64_t there; /* of a PUT with a key: known with the first CREDIT */
    uint32_t credit;
    bool may_be_there; /* the first CREDIT has not come */
    bool ended;        /* the node has been told that this was all */
};

/* Begins, also once more from the first byte; the payload of PUT, as there. */
void put_flow_begin(struct put_flow *p, const struct request_put *ask, struct buf *to);
/* How many bytes the next DATA may have; 0: wait for CREDIT. */
size_t put_flow_room(const struct put_flow *p);
/* Whether so many bytes (0: the end) come next in an object of the announced size. */
bool put_flow_fits(const struct put_flow *p, size_t bytes);
/* That many were sent in one DATA; 0: the end was told. */
void put_flow_sent(struct put_flow *p, size_t bytes);
/* Takes a CREDIT: 0 or ERR_FORMAT. */
int put_flow_credit(struct put_flow *p, struct bytes payload);

struct get_flow {
    char ref[OBJECT_REF_SIZE]; /* as given, the whole name once it is known */
    struct object_view view;
    bool as_is;      /* the next request is for bytes that the node has not compared */
    bool known;      /* view has come */
    uint64_t asked;  /* the offset of the request that is open */
    uint32_t credit; /* the node may send so many bytes more */
};

/* Asks for the bytes from `offset` on; the payload of GET. */
void get_flow_begin(struct get_flow *g, uint64_t offset, struct buf *to);
/* Whether the node should be allowed to send on, now that a quarter of what it may has come; then
 * the payload of MORE. */
bool get_flow_more(struct get_flow *g, struct buf *to);
/* An OBJECT: 0 with what it says, or ERR_FORMAT when it is not what was asked for; the offset that
 * was asked for may lie behind its end. Nothing is changed before get_flow_take. */
int get_flow_view(const struct get_flow *g, struct bytes payload, struct object_view *out);
void get_flow_take(struct get_flow *g, const struct object_view *v);
/* A PIECE that follows on the first `at` bytes: 0 or ERR_FORMAT. */
int get_flow_piece(struct get_flow *g, struct bytes bytes, uint64_t at);

#endif
