/* For how long a peer is shut out that was shut out before. */
#include "core/node/offence.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;

static bool is_in(void)
{
    return mesh_find(rig.node->mesh, rig.peers[0].id)->link != 0;
}

static void offend(void)
{
    static const uint8_t junk[33] = {0xff};
    struct buf b;

    rig_peer_up(&rig, 0, 1);
    REQUIRE(is_in());
    for (uint32_t i = 0; i <= OFFENCE_MAX; i++) {
        buf_init(&b, &rig.heap.alloc, sizeof junk);
        put_raw(&b, junk, sizeof junk);
        rig_frame(&rig, 0, MESSAGE_REPORT, &b);
        buf_clear(&b);
    }
    CHECK(!is_in());
}

static void check_barred(int64_t us)
{
    offend();
    rig_run(&rig, us - S_US);
    CHECK(offence_bars(rig.node, rig.peers[0].id));
    rig_run(&rig, 2 * S_US);
    CHECK(!offence_bars(rig.node, rig.peers[0].id));
}

/* Once a week is as if it had never been before; a few days take back a part. */
TEST(each_day_without_another_takes_half_of_it_back)
{
    rig_start(&rig, 1, false);
    for (uint32_t week = 0; week < 3; week++) {
        check_barred(OFFENCE_BARRED_US);
        rig_run(&rig, 7 * OFFENCE_FORGIVEN_US);
    }
    for (int64_t us = OFFENCE_BARRED_US; us < OFFENCE_BARRED_MAX; us *= 2)
        check_barred(us);
    check_barred(OFFENCE_BARRED_MAX);
    rig_run(&rig, 2 * OFFENCE_FORGIVEN_US);
    check_barred(OFFENCE_BARRED_MAX / 2);
    check_barred(OFFENCE_BARRED_MAX);
    rig_stop(&rig);
}

TEST_MAIN(each_day_without_another_takes_half_of_it_back)
