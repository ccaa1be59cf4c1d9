/* An act: what somebody who may (core/node/permit.h) wants done to a node, a user or the mesh, as
 * the bytes he signed. It goes from node to node as it is, each of which judges it by the
 * signature and never by who passed it on, and it lies in journals as it is.
 *
 *   act    signed bytes (signed.h) under SIGNED_ACT, without a path; the body is
 *
 *   body   u8 kind, id subject, i64 at (Unix time of its author's clock, not
 *          negative), 16 nonce, text reason
 *
 * Its name is the SHA-256 of the body: sent twice it is one act. Kinds:
 *
 *   REVOKE  the subject's key, a node's or a user's, is trusted no longer; for ever
 *   DRAIN   the subject, a node, takes no new work and gives away what it has
 *   RESUME  it takes work again
 *   LEAVE   as DRAIN, and it stops once it has nothing left
 *
 * Of several DRAIN, RESUME and LEAVE of one subject the latest `at` counts, of equal ones the
 * greater name. A node that meets a kind it does not know refuses the act. */
#ifndef VELUM_WIRE_ACT_H
#define VELUM_WIRE_ACT_H

#include "core/wire/signed.h"

#define SIGNED_ACT "velum act 1"
#define ACT_REASON_SIZE 128
#define ACT_NONCE_SIZE 16
#define ACT_SIZE_MAX 4096 /* of a whole one, encoded */

enum act_kind { ACT_REVOKE = 1, ACT_DRAIN = 2, ACT_RESUME = 3, ACT_LEAVE = 4 };

struct act {
    enum act_kind kind;
    struct node_id subject;
    int64_t at_s;
    uint8_t nonce[ACT_NONCE_SIZE];
    char reason[ACT_REASON_SIZE]; /* sanitised to one line; "" for none */
};

/* "revoke", "drain", "resume", "leave"; "unknown" for anything else. */
const char *act_kind_name(unsigned kind);
void put_act_body(struct buf *b, const struct act *a);
/* 0, ERR_FORMAT, or ERR_VERSION for a kind that is not known. */
int read_act_body(struct bytes body, struct act *a);
struct digest act_name(struct bytes body);
/* Reads a whole act; the signature is not checked. Borrows. As read_act_body, and ERR_FORMAT for
 * one that is too large or has a path. */
int read_act(struct bytes act, struct signed_bytes *s, struct act *a);
/* Whether `a`, whose name is `a_name`, counts in place of `b`: of acts with one subject that undo
 * each other. */
bool act_is_later(const struct act *a, struct digest a_name, const struct act *b,
                  struct digest b_name);

#endif
