#include "core/sim/sim_seal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"

void sim_certificate(struct node_id id, enum party party, uint8_t to[SIM_CERTIFICATE_SIZE])
{
    struct digest tag;

    memcpy(to, id.bytes, ID_SIZE);
    to[ID_SIZE] = (uint8_t)party;
    tag = sha256_of(to, ID_SIZE + 1);
    memcpy(to + ID_SIZE + 1, tag.bytes, ID_SIZE);
}

void sim_sign(struct node_id id, struct bytes text, uint8_t sig[64])
{
    struct sha256 s;
    struct digest d;

    sha256_init(&s);
    sha256_add(&s, id.bytes, ID_SIZE);
    sha256_add(&s, text.data, text.len);
    d = sha256_end(&s);
    memcpy(sig, d.bytes, ID_SIZE);
    memset(sig + ID_SIZE, 0x5a, 64 - ID_SIZE);
}

bool sim_is_by(struct node_id node, const struct signed_bytes *s)
{
    uint8_t certificate[SIM_CERTIFICATE_SIZE];

    sim_certificate(node, PARTY_NODE, certificate);
    return bytes_equal(s->certificate, (struct bytes){certificate, sizeof certificate});
}

static int on_sign(void *ctx, struct bytes text, uint8_t sig[64])
{
    sim_sign(*(struct node_id *)ctx, text, sig);
    return 0;
}

static int on_introduce(void *ctx, struct bytes certificate, struct signer *signer)
{
    uint8_t should[SIM_CERTIFICATE_SIZE];

    (void)ctx;
    if (certificate.len != SIM_CERTIFICATE_SIZE)
        return ERR_SIGNATURE;
    memcpy(signer->id.bytes, certificate.data, ID_SIZE);
    signer->party = certificate.data[ID_SIZE];
    signer->not_after_s = INT64_MAX;
    sim_certificate(signer->id, (enum party)signer->party, should);
    return memcmp(should, certificate.data, sizeof should) == 0 ? 0 : ERR_SIGNATURE;
}

static int on_verify(void *ctx, struct bytes certificate, struct bytes text, const uint8_t sig[64],
                     struct signer *signer)
{
    uint8_t signature[64];

    if (on_introduce(ctx, certificate, signer) < 0)
        return ERR_IDENTITY;
    sim_sign(signer->id, text, signature);
    return memcmp(signature, sig, sizeof signature) == 0 ? 0 : ERR_SIGNATURE;
}

struct seal sim_seal(struct node_id *id)
{
    return (struct seal){
        .ctx = id, .sign = on_sign, .verify = on_verify, .introduce = on_introduce};
}
