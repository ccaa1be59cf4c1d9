/* Plans and shows that `velum map` asks of a node in lists: this program once more is the node, and
 * has a kernel whose plans are of every kind. */
#include "cmd/map_far.h"

#include "core/base/err.h"
#include "core/base/text.h"
#include "tests/unit/api_program.h"

static int odd_plan(const struct velum_host *host, int argc, const char *const *argv,
                    struct velum_plan *out)
{
    uint64_t n = 0;
    if (argc == 1 && strcmp(argv[0], "die") == 0)
        abort();
    if (argc == 1 && strcmp(argv[0], "large") == 0)
        out->params_size = 4096;
    else if (argc < 1 || host->parse_u64(argv[0], 1000000, &n) < 0)
        return velum_refuse(out, "N must be a number");
    else
        velum_put_u64(out, n);
    out->units = n + 1;
    out->leaf_units = 7;
    return 0;
}

/* What it was planned with, and what it came to. */
static int odd_show(const struct velum_host *host, const struct velum_call *call,
                    const void *accumulator, char *text, size_t cap)
{
    uint64_t n = 0;
    memcpy(&n, call->params, call->params_size < sizeof n ? call->params_size : sizeof n);
    return host->put_u64(text, cap, 1000 * n + ((const struct total *)accumulator)->sum);
}

static const struct velum_kernel odd = {VELUM_KERNEL_HEAD,
                                        .name = "odd",
                                        .usage = "N",
                                        .summary = "of this test",
                                        .limits = "N to 1000000",
                                        .accumulator_size = sizeof(struct total),
                                        .fields_count = 1,
                                        .fields = fields,
                                        .plan = odd_plan,
                                        .leaf = squares_leaf,
                                        .merge = squares_merge,
                                        .show = odd_show};

static struct velum *v;
static struct map_items items;
static struct map_far *far;
static pid_t node;

static void begin(uint32_t cap, const char *kernel)
{
    const int port = a_port();
    new_home();
    node = start_child("__serve", port);
    v = open_at(VELUM_AT_NODE, addr_of(port));
    REQUIRE(map_items_open(&items, cap, true) == 0);
    REQUIRE(map_far_new(&far, v, kernel, &items) == 0);
}

static void end(void)
{
    map_far_free(far);
    map_items_close(&items);
    velum_shutdown(v);
    end_node(node, SIGTERM);
    CHECK(!has_children());
    end_home();
}

static uint32_t item_of(int count, const char *const *words)
{
    static uint64_t seq;
    static struct map_words made;
    const struct map_input in = {.seq = ++seq, .count = 1, .values = {words[0]}};
    struct map_item *it = map_items_take(&items, in.seq);
    made.count = 0;
    for (int i = 0; i < count; i++) {
        made.list[i] = made.text[i];
        (void)text_copy(made.text[made.count++], sizeof made.text[0], words[i]);
    }
    REQUIRE(map_item_words(it, &made, &in) == 0);
    it->state = ITEM_RUNNING;
    return map_items_number(&items, it);
}

/* The next that becomes known, within a while. */
static struct map_far_end next(void)
{
    struct map_far_end out = {.code = 1};
    for (long long until = now_ms() + 20000; !map_far_next(far, &out);) {
        int op;
        REQUIRE(now_ms() < until);
        map_far_send(far);
        (void)velum_process(v);
        while ((op = velum_next(v)) > 0)
            CHECK(map_far_took(far, op));
        nap_ms(1);
    }
    return out;
}

static void want(const char *word)
{
    map_far_want(far, ASIDES_PLAN, item_of(1, &word));
}

static void planned(uint64_t units)
{
    struct map_far_end e = next();
    if (!CHECK_INT(e.code, VELUM_DONE))
        return;
    CHECK(e.what == ASIDES_PLAN && e.plan && e.plan->units == units && e.plan->leaf_units == 7);
    CHECK_STR(e.plan->kernel, "odd");
    CHECK_INT(e.plan->accumulator_size, 8);
}

TEST(what_is_wrong_with_one_input_is_said_of_that_one)
{
    struct map_far_end e;
    begin(16, "odd");
    want("1");
    want("x");
    want("die");
    want("4");
    want("large");
    planned(2);
    e = next();
    CHECK_INT(e.code, VELUM_MISUSE);
    CHECK_STR(e.error, "N must be a number");
    e = next();
    CHECK_INT(e.code, VELUM_FAILED);
    CHECK(strstr(e.error, "SIGABRT") || strstr(e.error, "signal"));
    planned(5);
    planned(1);
    CHECK(!map_far_next(far, &e));
    end();
}

/* More than a list may have, and more than fit an answer. */
TEST(all_of_many_are_planned_in_their_order)
{
    char word[16];
    begin(6000, "odd");
    for (uint64_t i = 0; i < 5000; i++) {
        snprintf(word, sizeof word, "%llu", (unsigned long long)i);
        want(i % 10 == 7 ? "large" : word);
    }
    for (uint64_t i = 0; i < 5000; i++)
        planned(i % 10 == 7 ? 1 : i + 1);
    end();
}

TEST(values_are_shown_with_the_params_of_each)
{
    static struct plan plan = {.params_len = 8};
    const char *word = "1";
    struct map_far_end e;
    uint8_t value[8];
    begin(512, "odd");
    want(word);
    e = next();
    REQUIRE(e.code == VELUM_DONE);
    plan.source = e.plan->source;
    for (uint32_t i = 1; i <= 200; i++) {
        struct map_item *it = &items.list[item_of(1, &word)];
        store_u64(plan.params, i);
        store_u64(value, 7 * i);
        REQUIRE(map_item_plan(it, &plan) == 0);
        REQUIRE(map_item_value(it, (struct bytes){value, i == 50 ? 3 : 8}) == 0);
        map_far_want(far, ASIDES_SHOW, map_items_number(&items, it));
    }
    for (uint32_t i = 1; i <= 200; i++) {
        e = next();
        CHECK_INT(e.what, ASIDES_SHOW);
        CHECK_INT(e.code, i == 50 ? VELUM_FAILED : VELUM_DONE);
        if (i == 50)
            CHECK_STR(e.error, "the kernel cannot show this result");
        else
            CHECK_INT(strtoull(e.text, NULL, 10), 1007 * i);
    }
    end();
}

TEST(one_that_fits_no_list_is_asked_in_another_way)
{
    static char large[ARG_SIZE_MAX];
    const char *words[ARGS_COUNT_MAX];
    struct map_far_end e;
    memset(large, '1', sizeof large - 1);
    for (int i = 0; i < ARGS_COUNT_MAX; i++)
        words[i] = large;
    begin(16, "odd");
    want("1");
    map_far_want(far, ASIDES_PLAN, item_of(ARGS_COUNT_MAX, words));
    want("2");
    planned(2);
    e = next();
    CHECK(e.too_large);
    planned(3);
    end();
}

TEST(a_kernel_that_is_not_there_is_said_to_be_missing)
{
    struct map_far_end e;
    uint32_t item;
    begin(16, "nosuch");
    want("1");
    want("2");
    e = next();
    CHECK(e.code == VELUM_MISUSE && e.no_kernel);
    CHECK(map_far_give_up(far, &item));
    CHECK(!map_far_give_up(far, &item));
    CHECK(!map_far_next(far, &e));
    end();
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        what_is_wrong_with_one_input_is_said_of_that_one,
        all_of_many_are_planned_in_their_order,
        values_are_shown_with_the_params_of_each,
        one_that_fits_no_list_is_asked_in_another_way,
        a_kernel_that_is_not_there_is_said_to_be_missing,
    };
    if (velum_register(&odd) < 0)
        return 1;
    return api_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
