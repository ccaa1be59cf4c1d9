/* No node is believed in because somebody tells of it: rumors are not signed, and one stolen node
 * could tell of thousands that are not there. Whoever is told of one asks the teller for its
 * certificate (core/wire/introduce.h), which nobody makes but the issuers of the mesh, and takes
 * the node in, as it was told of, when that holds.
 *
 *   heard -> asked -> proven: a member
 *                  -> another who told of it is asked: this one had nothing, or said nothing for
 *                     INTRODUCE_WAIT_US, or it has gone
 *                  -> dropped: nobody is left; the next table that has it begins anew
 *   heard -> sought: an older teller has no certificates, and one by a root that is not known here
 *            proves nothing: its address is dialled, and whoever answers there proves itself
 *
 * At most HEARD_MAX are waited for (heard.h); beyond that whoever has told of the most gives way,
 * so that nobody fills the table for all. A teller is asked for INTRODUCE_MAX at a time,
 * INTRODUCE_EASY times as fast as it answers and then every INTRODUCE_PAUSE_US; INTRODUCE_CHECKS
 * certificates are looked at in one step, at some 350 us each; SEEK_US lie between two dials, whose
 * turns go round the tellers; and a node is answered INTRODUCE_ANSWERS times a second. A
 * certificate that is another's, no node's or forged is an offence (offence.h). Private to
 * core/node. */
#ifndef VELUM_NODE_INTRODUCE_H
#define VELUM_NODE_INTRODUCE_H

#include "core/node/heard.h"

#define INTRODUCE_EASY 8
#define INTRODUCE_PAUSE_US (20 * MS_US)
#define INTRODUCE_REST_US S_US /* after what proved nothing */
#define INTRODUCE_WAIT_US (2 * S_US)
#define INTRODUCE_CHECKS 2u
#define INTRODUCE_ANSWERS 64u
#define SEEK_US (125 * MS_US)

/* 0 or ERR_NO_MEMORY. */
int introduce_new(struct node *n);
/* NULL n->introductions is accepted. */
void introduce_free(struct node *n);
/* Whether a node that is no member may become one on this word of a peer's; if not, it is noted.
 * Mesh must not be changed from here. */
bool introduce_believes(struct node *n, struct node_id teller, const struct hearsay *h);
/* INTRODUCE and INTRODUCED. */
int introduce_frame(struct node *n, struct node_id from, uint8_t type, struct bytes payload);
/* Looks at what came, and asks. */
void introduce_run(struct node *n);
struct instant introduce_due(const struct node *n);

#endif
