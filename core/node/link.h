/* Who is on which link, and sending: to peers, to users, to this node itself. Small questions about
 * members. Private to core/node. */
#ifndef VELUM_NODE_LINK_H
#define VELUM_NODE_LINK_H

#include "core/node/state.h"

/* NULL: it has gone. */
struct link_entry *link_find(const struct node *n, uint64_t link);
int link_add(struct node *n, uint64_t link, enum party party, struct node_id id);
void link_remove(struct node *n, uint64_t link);
void node_links_free(struct node *n);
/* One frame; nothing when the link has gone. */
void send_link(struct node *n, uint64_t link, uint8_t type, uint32_t request, struct bytes payload);
/* The same to a user's command, of bytes of the event that is being stepped, which are not copied.
 * They fit a frame. */
void send_user_lent(struct node *n, uint64_t link, uint8_t type, uint32_t request,
                    struct bytes payload);
/* To a node: itself by way of the inbox, a member by its link. false when there is no link now (one
 * is then being made). */
bool send_node(struct node *n, struct node_id to, uint8_t type, uint32_t request,
               struct bytes payload);
bool node_is_self(const struct node *n, struct node_id id);
/* Ends a request with an error: what went wrong, and what to do next or "". */
void reply_error(struct node *n, uint64_t link, uint32_t request, uint8_t exit_code,
                 const char *what, const char *hint);
/* The same for a request that does not read. */
void reply_malformed(struct node *n, uint64_t link, uint32_t request);
/* Ends a request that was answered in several frames. */
void reply_end(struct node *n, uint64_t link, uint32_t request);
struct bytes bytes_copy(struct node *n, struct bytes b); /* owned; data NULL when memory is out */
void bytes_free(struct node *n, struct bytes b);
void *node_alloc(struct node *n, size_t size); /* zeroed; NULL sets memory_out */

/* Whether more may be sent there that can wait: not when much of what was sent has not arrived yet.
 * The other side says back how much has, so that a slow one is never flooded. False without a link.
 */
bool link_has_room(const struct node *n, struct node_id to);
/* That much has room, at least, where nothing is on its way. */
uint64_t link_room(const struct node *n);
/* COUNT: says it back. COUNTED: so much has arrived. */
int link_count(struct node *n, struct link_entry *l, struct bytes payload);
int link_counted(struct link_entry *l, struct bytes payload);

/* Alive and linked: it gets chunks. */
bool member_is_there(const struct member *m);
/* The same by id; or this node. */
bool member_works(const struct node *n, struct node_id id);
/* Not known to be gone: its copy is waited for. */
bool member_counts(const struct node *n, struct node_id id);
/* Dead, left, or still unknown so long after the own start: that comes about without any news. */
#define MEMBER_UNKNOWN_US (5 * S_US)
bool member_is_gone(const struct node *n, struct node_id id);
/* Or it is suspect and nothing leads to it any more, as after a kill: what is told of it must not
 * rest on its coming back, though nothing is done about it yet. */
bool member_seems_gone(const struct node *n, struct node_id id);
/* Not gone, and its disk takes what it is given: it can be a holder. */
bool member_keeps(const struct node *n, struct node_id id);
/* The start of its process it is known by; 0 when it is not known. */
uint64_t member_boot(const struct node *n, struct node_id id);
struct digest member_machine(const struct node *n, struct node_id id);
void member_name(const struct node *n, struct node_id id, char to[NODE_NAME_SIZE]);

#endif
