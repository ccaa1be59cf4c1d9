/* Tokens to join this mesh by, as they lie in the home folder of the machine that made them.
 *
 * Owns $VELUM_HOME/tokens (0600), one line a token:
 *
 *   ID ROLES EXPIRES USES BAD VERIFIER NAME
 *
 *   EXPIRES   Unix time; USES  how many more may join with it; BAD  how many proofs were wrong, at
 *             the fifth it is void; NAME  "-" for none
 *   VERIFIER  hex of SHA-256("velum join secret 1" || 0 || id || secret): enough to check a proof
 *             (core/wire/join.h), not enough to print the string again
 *
 * Every change is made under the home lock and synced before the function returns, so that a token
 * for one use is used once, whatever crashes: who dies between the two has used it up. A token that
 * ended is shown for a day more, unless one that is good needs its room. At most TOKENS_MAX at a
 * time. Errors leave a sentence.
 *
 * One whose end is further off than any may be was made by a clock that was ahead: once it is right
 * nobody comes with it, or a string for seven days would be good for years. */
#ifndef VELUM_HOST_TOKENS_H
#define VELUM_HOST_TOKENS_H

#include "core/host/joined.h"

#define TOKENS_MAX 256
#define TOKEN_NAME_SIZE 64
#define TOKEN_USES_MAX 10000
#define TOKEN_BAD_MAX 5
#define TOKEN_TTL_MAX_S ((int64_t)7 * 24 * 3600)
#define TOKEN_CLOCK_S ((int64_t)3600) /* a clock may be set back by so much */

struct token {
    uint8_t id[JOIN_ID_SIZE];
    uint8_t roles; /* enum join_role */
    int64_t expires_s;
    uint32_t uses; /* left; 0: used up, or revoked */
    uint32_t bad;
    struct digest verifier;
    char name[TOKEN_NAME_SIZE]; /* a name (text_is_name), or "" */
};

struct tokens {
    uint32_t count;
    struct token list[TOKENS_MAX];
};

struct digest token_verifier(const uint8_t id[JOIN_ID_SIZE],
                             const uint8_t secret[JOIN_SECRET_SIZE]);

/* Its end is further off than that of any made by this clock. */
bool token_is_ahead(const struct token *t, int64_t now_s);

/* None when there is no file. */
int tokens_read(const struct home *h, struct tokens *out, char message[HOME_MESSAGE_SIZE]);
/* ERR_FULL with a sentence when there are too many. */
int tokens_add(const struct home *h, const struct token *t, int64_t now_s,
               char message[HOME_MESSAGE_SIZE]);
/* Those with this id (NULL: all) cannot be used any more. Returns how many could be before. */
int tokens_revoke(const struct home *h, const uint8_t *id, char message[HOME_MESSAGE_SIZE]);
/* Takes the list away, also one that cannot be read, under the home lock, which the caller has.
 * Returns how many could be used. */
int tokens_forget(const struct home *h, char message[HOME_MESSAGE_SIZE]);
/* Whether it is listed, good or not. */
bool tokens_know(const struct home *h, const uint8_t id[JOIN_ID_SIZE]);

/* Who comes with a token. */
struct redeeming {
    void *ctx;
    /* Whether the proof is right by this verifier. Asked once whatever is wrong, with one that
     * belongs to nobody where there is no such token. A wrong one for a token that is good is
     * counted and synced, and so takes longer than for one that is not there: who tries learns that
     * an id is of some token. He cannot look for one: it has forty bits, and he has JOIN_TRIES_MAX
     * tries a minute (join_desk.h). */
    bool (*holds)(void *ctx, const struct digest *verifier);
    /* Whether he may come with this one, asked when the proof was right: else no use is taken, and
     * nobody has come. Leaves a sentence where it is false. NULL: he may. */
    bool (*may)(void *ctx, const struct token *t, char message[HOME_MESSAGE_SIZE]);
    /* Fills in who it is, once that is so. */
    void (*who)(void *ctx, struct joined *to);
};
/* Finds the token, takes one use of it when the proof is right, and writes down who had it
 * (joined.h). 0 with the token; ERR_PERMISSION; ERR_BUSY when somebody has the home lock at the
 * moment; or another error, with a sentence. Waits for no lock. */
int tokens_redeem(const struct home *h, const uint8_t id[JOIN_ID_SIZE], int64_t now_s,
                  const struct redeeming *by, struct token *out, char message[HOME_MESSAGE_SIZE]);

#endif
