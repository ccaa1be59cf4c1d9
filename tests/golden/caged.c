/* What nodes and workers say of their cage. */
#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/mesh/mesh_wire.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

/* `flagged`: as the first nodes with a tier have said it. */
static void put_member(struct buf *b, bool flagged)
{
    struct rumor r = {.state = NODE_ALIVE,
                      .info = {.id = golden_node(2),
                               .boot = 0x2222,
                               .incarnation = 2,
                               .slots = 4,
                               .tier = TIER_S1,
                               .tier_lacks = LACKS_LANDLOCK | LACKS_NAMESPACES | LACKS_CGROUP}};
    text_copy(r.info.name, sizeof r.info.name, "calm-otter");
    text_copy(r.info.labels, sizeof r.info.labels, flagged ? "" : "gpu=1");
    if (!flagged)
        text_copy(r.info.version, sizeof r.info.version, "0.1.0");
    const uint8_t tier = r.info.tier;
    if (flagged)
        r.info.tier = TIER_UNKNOWN;
    size_t start = rumor_list_begin(b);
    put_rumor(b, &r);
    if (flagged && !b->failed) {
        /* In place of its flags, which are none, and of the count of accusers. */
        b->len -= 2;
        put_u8(b, 2 | 4);
        put_text(b, "gpu=1");
        put_u8(b, tier);
        put_u8(b, r.info.tier_lacks);
        put_u8(b, 0);
    }
    rumor_list_end(b, start, 1);
}

bool golden_put_caged(size_t i, struct buf *frame)
{
    static const uint8_t types[] = {MESSAGE_RUMORS, MESSAGE_REPLY_NODE, MESSAGE_WORKER_LOADED,
                                    MESSAGE_RUMORS};
    const struct node_view view = {
        .id = golden_node(1), .state = NODE_ALIVE, .tier = TIER_S2, .tier_lacks = LACKS_CGROUP};
    const struct worker_loaded loaded = {.by_node = true, .reason = "Landlock: not permitted"};
    if (i >= sizeof types)
        return golden_put_snippets(i - sizeof types, frame);
    size_t start = frame_begin(frame, types[i], types[i] >= MESSAGE_REQUEST_SUBMIT ? 7 : 0);
    if (types[i] == MESSAGE_RUMORS)
        put_member(frame, i == 0);
    else if (types[i] == MESSAGE_REPLY_NODE)
        put_node_view(frame, &view);
    else
        put_worker_loaded(frame, &loaded);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}

const char *golden_tier(uint8_t tier, uint8_t lacks)
{
    static char text[32];
    text[0] = '\0';
    if (tier != TIER_UNKNOWN)
        snprintf(text, sizeof text, " tier=%s lacks=%02x", tier_name(tier), lacks);
    return text;
}
