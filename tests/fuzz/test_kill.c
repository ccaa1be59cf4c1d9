/* What a user asks to end: damaged, and whole. */
#include "core/wire/request.h"
#include "core/wire/append.h"
#include "tests/fuzz/fuzz.h"

FUZZ_AGAIN(kill, request_kill, read_request_kill, put_request_kill)

static void make_kill(struct buf *out)
{
    struct request_kill m = {.job = any_job(), .alone = any_bool()};
    m.stage = m.alone ? (uint32_t)any_below(JOB_STAGES_MAX) : 0;
    if (any_bool())
        m.fact = any_bytes(2048);
    put_request_kill(out, &m);
}

TEST(damaged_kills_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {{"KILL", kill_again, make_kill, true, 20000}};
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_kills_are_refused_or_mean_one_thing)
