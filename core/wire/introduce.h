/* Who the nodes are that a node tells of: it is asked for their certificates, which nobody makes
 * but the mesh's issuers.
 *
 *   INTRODUCE   u8 count, id each
 *   INTRODUCED  u8 count, and each: id, u16 length and the certificate (DER), which is not empty
 *               of those asked for, such as the author has
 *
 * So few at a time that all that was asked for fits one frame. Only nodes whose feature level
 * (feature.h) is FEATURE_INTRODUCE read these. */
#ifndef VELUM_WIRE_INTRODUCE_H
#define VELUM_WIRE_INTRODUCE_H

#include "core/base/bytes.h"
#include "core/base/id.h"

#define INTRODUCE_MAX 28u

struct introduce {
    uint32_t count;
    struct node_id ids[INTRODUCE_MAX];
};

struct introduced {
    uint32_t count;
    struct {
        struct node_id id;
        struct bytes certificate; /* borrowed */
    } list[INTRODUCE_MAX];
};

void put_introduce(struct buf *b, const struct introduce *m);
void put_introduced(struct buf *b, const struct introduced *m);
/* 0 or ERR_FORMAT. */
int read_introduce(struct bytes payload, struct introduce *m);
int read_introduced(struct bytes payload, struct introduced *m);

#endif
