/* The file of tokens: what is read is within its bounds. */
#include "core/host/tokens.h"
#include "core/base/text.h"
#include "tests/fuzz/targets/in_file.h"

void target_one(struct bytes in)
{
    static const struct home here = {"."};
    static struct tokens all;
    static char message[HOME_MESSAGE_SIZE];
    in_file("tokens", in);
    if (tokens_read(&here, &all, message) < 0) {
        CHECK(message[0] != '\0');
        return;
    }
    CHECK(all.count <= TOKENS_MAX);
    for (uint32_t i = 0; i < all.count; i++) {
        const struct token *t = &all.list[i];
        CHECK(t->roles > 0 && t->roles <= JOIN_ROLES_ALL);
        CHECK(t->uses <= TOKEN_USES_MAX && t->bad <= TOKEN_BAD_MAX && t->expires_s >= 0);
        CHECK(t->name[0] == '\0' || text_is_name(t->name));
    }
}

#define VERIFIER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

bool target_seed(size_t i, struct buf *out)
{
    static const char *const texts[] = {
        "ABCDEFGH node 1800000000 1 0 " VERIFIER " -\n",
        "ABCDEFGH node,read 1800000000 0 5 " VERIFIER " rack-7\n"
        "HGFEDCBA submit,native 1 10000 4 " VERIFIER " -\n",
        "ABCDEFGH node 1800000000 1 0 " VERIFIER " -",
        "",
    };
    return in_texts(texts, sizeof texts / sizeof *texts, i, out);
}
