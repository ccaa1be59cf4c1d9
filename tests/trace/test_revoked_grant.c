/* A worker's node that is granted leaves by a coordinator who has not heard, or does not care, that
 * their author was revoked. */
#include "core/node/acts.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"

static struct rig rig;
static struct rig_job job;

/* A peer brings the act of an admin. */
static void revoke(struct node_id id)
{
    const struct act a = {.kind = ACT_REVOKE, .subject = id, .at_s = RIG_WALL_S};
    uint8_t certificate[RIG_CERTIFICATE_SIZE], body[256], whole[2560], payload[2600];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}};
    struct buf b, act, frame;

    rig_certificate(rig_id(0xad), PARTY_USER, certificate);
    buf_init_fixed(&b, body, sizeof body);
    put_act_body(&b, &a);
    s.body = buf_bytes(&b);
    buf_init_fixed(&act, whole, sizeof whole);
    put_signed(&act, &s);
    buf_init_fixed(&frame, payload, sizeof payload);
    put_acts_begin(&frame, 1);
    put_block(&frame, buf_bytes(&act));
    rig_frame(&rig, 0, MESSAGE_ACT, &frame);
    REQUIRE(acts_revoked(rig.node, id));
}

static void begin(uint8_t author)
{
    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(
        &rig, &job,
        (struct rig_spec){
            .nonce = 1, .accumulator_size = 16, .slots_max = 1, .leaves = 64, .author = author});
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

TEST(nothing_of_a_revoked_users_job_is_run)
{
    begin(9);
    revoke(rig_id(9));
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){1, 0, 64});
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 1);
    rig_run(&rig, S_US);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) == NULL);
    end();
}

/* It has the job already, and is given more of it. */
TEST(no_more_of_it_is_run_either)
{
    begin(9);
    rig_hold(&rig, 0, &job);
    revoke(rig_id(9));
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){1, 0, 64});
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 1);
    rig_run(&rig, S_US);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) == NULL);
    end();
}

TEST(others_jobs_are_run)
{
    begin(8);
    revoke(rig_id(9));
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){1, 0, 64});
    CHECK_INT(rig_count(&rig, 0, MESSAGE_RETURN), 0);
    rig_run(&rig, S_US);
    CHECK(rig_take_order(&rig, MESSAGE_ORDER_LOAD) != NULL);
    end();
}

TEST_MAIN(nothing_of_a_revoked_users_job_is_run, no_more_of_it_is_run_either, others_jobs_are_run)
