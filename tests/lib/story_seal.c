/* Signatures in a story: whoever the certificate names is believed, but for STORY_FORGED,
 * and those that the node does not know. */
#include <string.h>

#include "core/base/err.h"
#include "tests/lib/story_inside.h"

void story_certificate(struct node_id id, enum party party, uint8_t to[CERTIFICATE_SIZE])
{
    memcpy(to, id.bytes, ID_SIZE);
    to[ID_SIZE] = (uint8_t)party;
}

static int on_sign(void *ctx, struct bytes text, uint8_t sig[64])
{
    (void)ctx;
    (void)text;
    memset(sig, 0x5a, 64);
    return 0;
}

static int on_introduce(void *ctx, struct bytes certificate, struct signer *signer)
{
    const struct story_node *n = ctx;

    if (certificate.len != CERTIFICATE_SIZE)
        return ERR_SIGNATURE;
    memcpy(signer->id.bytes, certificate.data, ID_SIZE);
    signer->party = certificate.data[ID_SIZE];
    signer->begins_s =
        signer->party == PARTY_NODE ? n->story->nodes_begin_s : n->story->users_begin_s;
    return 0;
}

static int on_verify(void *ctx, struct bytes certificate, struct bytes text, const uint8_t sig[64],
                     struct signer *signer)
{
    const struct story_node *n = ctx;

    (void)text;
    if (on_introduce(ctx, certificate, signer) < 0 || node_id_equal(signer->id, n->stranger))
        return ERR_IDENTITY;
    if (sig[0] == STORY_FORGED)
        return ERR_SIGNATURE;
    signer->not_after_s =
        n->story->certificates_end_s != 0 ? n->story->certificates_end_s : INT64_MAX;
    if (node_id_equal(signer->id, n->ended))
        signer->not_after_s = n->ended_s;
    return 0;
}

struct seal story_seal(struct story_node *n)
{
    return (struct seal){n, on_sign, on_verify, on_introduce};
}
