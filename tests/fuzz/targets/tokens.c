/* The file of tokens, and that of who came by them: what is read is within its bounds. */
#include "core/host/tokens.h"
#include "core/base/text.h"
#include "core/host/joined.h"
#include "tests/fuzz/targets/in_file.h"

static const struct home here = {"."};
static char message[HOME_MESSAGE_SIZE];

static void take_joined(void)
{
    static struct joined_list all;
    if (joined_read(&here, &all, message) < 0) {
        CHECK(message[0] != '\0');
        return;
    }
    CHECK(all.count <= JOINED_MAX);
    for (uint32_t i = 0; i < all.count; i++)
        CHECK(all.list[i].at_s >= 0);
}

static void take_tokens(void)
{
    static struct tokens all;
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

void target_one(struct bytes in)
{
    in_file("tokens", in);
    take_tokens();
    in_file("joined", in);
    take_joined();
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
        "ABCDEFGH 1800000000 " VERIFIER " -\nHGFEDCBA 1 - " VERIFIER "\n",
    };
    return in_texts(texts, sizeof texts / sizeof *texts, i, out);
}
