/* Signing facts, and checking who signed one. Private to core/node. */
#ifndef VELUM_NODE_SEAL_H
#define VELUM_NODE_SEAL_H

#include "core/node/state.h"

/* Signs a body and makes the fact around it. */
int seal_fact(struct node *n, enum fact_kind kind, struct bytes body, struct buf *fact);
/* The same, but blank while this node is alone; job_seal signs it before it leaves the node. */
int seal_later(struct job *j, enum fact_kind kind, struct bytes body, struct buf *fact);
/* Signs the facts that are still blank. */
void job_seal(struct job *j);
/* As struct seal.verify, remembering what verified. */
int seal_verify(struct node *n, const struct signed_bytes *s, struct bytes text,
                struct signer *signer);
/* What it remembers may be wrong now: there are new roots. */
void seal_forget(struct node *n);
/* Who signed it: of the kinds that are signed. */
int fact_signer(struct node *n, const struct fact *f, struct signer *by);
/* Signature and authority, as far as the fact itself shows it; see also kill_right.h. */
int fact_verify(struct node *n, const struct fact *f);
/* This node's certificate was renewed. */
void seal_renewed(struct node *n, struct bytes der);

#endif
