/* `velum map` at a node that has little room for open jobs: what found none has failed, the user is
 * told how to go on, and what comes behind it has the room. */
#define node_limits_usual limits_elsewhere
#include "core/node/limits.c"
#undef node_limits_usual

struct node_limits node_limits_usual;

#include "cmd/map_input.h"
#include "cmd/map_log.h"
#include "cmd/map_run.h"
#include "tests/unit/api_program.h"

#define INPUTS 4000

/* This program is linked with limits of its own: the usual ones, and little room. */
static void __attribute__((constructor)) make_limits(void)
{
    node_limits_usual = limits_elsewhere;
    node_limits_usual.open_bytes = 100u << 10;
    node_limits_usual.no_room_us = 2 * S_US;
}

static char said[1 << 20];

/* Standard output and error of what is run go to files; what the latter says is in `said`. */
static int mapped(struct velum *v, struct map_log *log)
{
    static char source[] = "all-inputs", joined[] = "::::";
    char *argv[] = {joined, source};
    char message[MAP_MESSAGE_SIZE];
    struct map_inputs *inputs;
    const struct map_task task = {.kernel = "sum",
                                  .parallel = MAP_PARALLEL_SHORT,
                                  .parallel_max = MAP_PARALLEL_SHORT,
                                  .jobs_max = 8};
    FILE *f = fopen(source, "w");
    REQUIRE(f != NULL);
    for (int i = 0; i < INPUTS; i++)
        fprintf(f, "%d\n", i + 1);
    fclose(f);
    REQUIRE(map_inputs_open(&inputs, 2, argv, false, message) == 0);
    fflush(stdout);
    fflush(stderr);
    int out = dup(1), err = dup(2);
    REQUIRE(freopen("out", "w", stdout) && freopen("err", "w", stderr));
    int code = map_run(v, inputs, log, &task);
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    map_inputs_close(inputs);
    f = fopen("err", "r");
    REQUIRE(f != NULL);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    fclose(f);
    return code;
}

static int lines_of(const char *name)
{
    FILE *f = fopen(name, "r");
    int count = 0;
    REQUIRE(f != NULL);
    for (int c; (c = getc(f)) != EOF;)
        count += c == '\n';
    fclose(f);
    return count;
}

/* The first job takes some, waits for room, and is refused; so does what remains, but never again
 * with less room than the first had. */
TEST(inputs_that_find_no_room_fail_and_leave_it_to_others)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    CHECK_INT(mapped(v, NULL), 1);
    CHECK(strstr(said, "all open jobs of the node that coordinates this one") != NULL);
    CHECK(strstr(said, "--joblog FILE: with it --resume-failed does again only what failed"));
    const int first = lines_of("out");
    CHECK(first > 0 && first < INPUTS);
    /* Nothing is left of it at the node. */
    CHECK_INT(mapped(v, NULL), 1);
    CHECK(lines_of("out") >= first / 2);
    velum_shutdown(v);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {inputs_that_find_no_room_fail_and_leave_it_to_others};
    return api_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
