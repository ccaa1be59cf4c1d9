/* What a specification says of checks. */
#include "core/base/err.h"
#include "core/wire/feature.h"
#include "core/wire/spec.h"
#include "tests/lib/check.h"

static uint8_t raw[1024];

static struct job_spec sample(void)
{
    return (struct job_spec){.name = "n",
                             .timeout_us = 5,
                             .stage = {.kernel = "pi",
                                       .args = "400",
                                       .units = 400,
                                       .leaf_units = 256,
                                       .accumulator_size = 16}};
}

static struct bytes encode(const struct job_spec *s)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, s), 0);
    return buf_bytes(&b);
}

/* It stands where nodes of before do not look for it, and these know by a flag that they do not. */
TEST(test_spec_says_how_many_leaves_are_checked_where_any_are)
{
    struct job_spec s = sample(), got;
    struct bytes body = encode(&s);
    const size_t without = body.len;
    CHECK(read_spec(body, &got) == 0 && got.check == 0);
    CHECK_INT(spec_level(&got), FEATURE_FIRST);
    s.check = 1;
    body = encode(&s);
    CHECK_INT(body.len, without + 2);
    CHECK_INT(read_spec(body, &got), 0);
    CHECK(got.check == 1 && got.timeout_us == 5 && got.cpu_us == 0);
    CHECK_INT(spec_level(&got), FEATURE_CHECK);
    for (size_t n = 0; n < body.len; n++)
        CHECK_INT(read_spec((struct bytes){body.data, n}, &got), ERR_FORMAT);
}

/* No more than all of them, and not none of them in another way. */
TEST(test_spec_asks_for_no_more_checks_than_there_are_leaves)
{
    struct job_spec s = sample(), got;
    struct buf b;
    const size_t at = 1 + ID_SIZE + 16 + 8 + 2 + 1 + 4 + 4 + 8;
    struct bytes body;
    s.check = JOB_CHECK_MAX;
    body = encode(&s);
    CHECK_INT(read_spec(body, &got), 0);
    raw[at] = raw[at + 1] = 0;
    CHECK_INT(read_spec(body, &got), ERR_FORMAT);
    raw[at] = raw[at + 1] = 0xff;
    CHECK_INT(read_spec(body, &got), ERR_TOO_LARGE);
    s.check = JOB_CHECK_MAX + 1;
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

TEST_MAIN(test_spec_says_how_many_leaves_are_checked_where_any_are,
          test_spec_asks_for_no_more_checks_than_there_are_leaves)
