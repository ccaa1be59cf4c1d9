/* Labels, what a stage asks of nodes, and which node is nearest to it. */
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/demand.h"
#include "tests/lib/check.h"

static struct bytes t(const char *text)
{
    return bytes_of_text(text);
}

TEST(test_labels_are_keys_or_keys_with_a_value)
{
    static const char *const right[] = {"",           "gpu",     "gpu=1", "gpu=1 disk=ssd a.b_c-d",
                                        "os=a/b:c+d", "UP=Case0"};
    static const char *const wrong[] = {" ",    " gpu",    "gpu ", "gpu  disk", "=1",
                                        "gpu=", "gpu=1=2", "g,u",  "g\n",       "gp\x80"};
    char long_key[33], long_value[80] = "k=";

    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        CHECK(labels_are_sound(t(right[i])));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!labels_are_sound(t(wrong[i])));
    memset(long_key, 'k', 32);
    long_key[32] = 0;
    CHECK(!label_is_sound(t(long_key)) && label_is_sound(t(long_key + 1)));
    memset(long_value + 2, 'v', 64);
    long_value[66] = 0;
    CHECK(!label_is_sound(t(long_value)));
    long_value[65] = 0;
    CHECK(label_is_sound(t(long_value)));
}

TEST(test_a_key_alone_stands_for_any_value)
{
    CHECK(labels_have(t("disk=ssd gpu=1"), t("gpu")));
    CHECK(labels_have(t("disk=ssd gpu=1"), t("gpu=1")));
    CHECK(labels_have(t("gpu"), t("gpu")));
    CHECK(!labels_have(t("gpu"), t("gpu=1")));
    CHECK(!labels_have(t("gpu=2"), t("gpu=1")));
    CHECK(!labels_have(t("gpus=1 gp"), t("gpu")));
    CHECK(!labels_have(t(""), t("gpu")));
}

TEST(test_labels_are_added_once_for_each_key_and_have_a_bound)
{
    char labels[LABELS_SIZE] = "", value[64];
    uint32_t count = 0;

    CHECK(labels_add(labels, "gpu=1") && labels_add(labels, "disk=ssd"));
    CHECK(labels_add(labels, "gpu=2"));
    CHECK_STR(labels, "gpu=2 disk=ssd");
    CHECK(!labels_add(labels, "two words") && !labels_add(labels, ""));
    CHECK_STR(labels, "gpu=2 disk=ssd");
    memset(value, 'v', 50);
    value[1] = '=';
    value[50] = 0;
    for (value[0] = 'a'; labels_add(labels, value); value[0]++)
        count++;
    CHECK_INT(count, 4);
    CHECK(strlen(labels) < LABELS_SIZE && labels_are_sound(t(labels)));
}

static const struct offer small = {2,       (uint64_t)16 << 30, "disk=ssd", "x86_64", "n3",
                                   TIER_S2, LACKS_CGROUP};
static const struct offer large = {
    8, (uint64_t)64 << 30, "", "aarch64", "n4", TIER_S1, LACKS_LANDLOCK | LACKS_NAMESPACES};

TEST(test_what_a_node_lacks_is_counted)
{
    struct demand d = {0};

    CHECK(demand_is_empty(&d) && demand_misses(&d, &small) == 0);
    d.mem_bytes = (uint64_t)16 << 30;
    CHECK_INT(demand_misses(&d, &small), 0);
    d.mem_bytes++;
    CHECK_INT(demand_misses(&d, &small), 1);
    d.cpus = 3;
    CHECK_INT(demand_misses(&d, &small), 2);
    d.on = t("disk gpu arch=x86_64 node=n3 arch node=n4");
    CHECK_INT(demand_misses(&d, &small), 4);
    CHECK_INT(demand_misses(&d, &large), 4);
    d.prefer = t("disk=ssd");
    CHECK(demand_prefers(&d, &small) && !demand_prefers(&d, &large));
}

TEST(test_the_nearest_lacks_least_and_has_most_of_that)
{
    struct demand d = {.mem_bytes = (uint64_t)64 << 30, .on = t("disk")};
    struct offer more = small;

    CHECK(demand_is_nearer(&d, &small, NULL));
    CHECK(demand_is_nearer(&d, &large, &small) && !demand_is_nearer(&d, &small, &large));
    more.memory_bytes *= 2;
    CHECK(demand_is_nearer(&d, &more, &small) && !demand_is_nearer(&d, &small, &more));
    d.on = (struct bytes){NULL, 0};
    CHECK(demand_is_nearer(&d, &large, &more));
    d = (struct demand){.cpus = 16};
    CHECK(demand_is_nearer(&d, &large, &small));
}

TEST(test_a_miss_is_said_in_one_sentence)
{
    struct demand d = {.mem_bytes = (uint64_t)64 << 30};
    char text[200] = "no node has ";

    demand_say(&d, text, sizeof text);
    text_append(text, sizeof text, ": the nearest is ");
    demand_say_miss(&d, &small, text, sizeof text);
    CHECK_STR(text, "no node has 64 GiB of memory: the nearest is n3 with 16 GiB");
    d = (struct demand){.cpus = 4, .mem_bytes = 1536 << 20, .on = t("gpu=1 disk=ssd")};
    text[0] = 0;
    demand_say(&d, text, sizeof text);
    CHECK_STR(text, "1.5 GiB of memory, 4 slots, gpu=1 and disk=ssd");
    text[0] = 0;
    demand_say_miss(&d, &small, text, sizeof text);
    CHECK_STR(text, "n3 with 2 slots without gpu=1");
}

TEST(test_a_node_of_a_lower_tier_is_a_miss_that_says_why)
{
    struct demand d = {.tier = TIER_S2, .mem_bytes = 1};
    struct offer silent = large;
    char text[200] = "";

    CHECK(!demand_is_empty(&(struct demand){.tier = TIER_S1}));
    CHECK(!demand_equal(&d, &(struct demand){.mem_bytes = 1}));
    CHECK_INT(demand_misses(&d, &small), 0);
    CHECK_INT(demand_misses(&d, &large), 1);
    silent.tier = TIER_UNKNOWN;
    CHECK_INT(demand_misses(&(struct demand){.tier = TIER_S1}, &silent), 1);
    d.tier = TIER_S3;
    CHECK(demand_is_nearer(&d, &small, &large) && !demand_is_nearer(&d, &large, &small));
    d = (struct demand){.tier = TIER_S2, .mem_bytes = (uint64_t)128 << 30};
    demand_say(&d, text, sizeof text);
    CHECK_STR(text, "128 GiB of memory and tier S2 or better");
    text[0] = 0;
    demand_say_miss(&d, &large, text, sizeof text);
    CHECK_STR(text, "n4 of tier S1 (no Landlock and namespaces) with 64 GiB");
    text[0] = 0;
    demand_say_miss(&d, &silent, text, sizeof text);
    CHECK_STR(text, "n4 of no known tier with 64 GiB");
}

TEST(test_demands_have_bounds)
{
    struct demand d = {.cpus = DEMAND_CPUS_MAX, .mem_bytes = DEMAND_MEM_MAX, .on = t("a")};

    CHECK_INT(demand_check(&d), 0);
    d.cpus++;
    CHECK_INT(demand_check(&d), ERR_TOO_LARGE);
    d = (struct demand){.mem_bytes = DEMAND_MEM_MAX + 1};
    CHECK_INT(demand_check(&d), ERR_TOO_LARGE);
    d = (struct demand){.prefer = t("a  b")};
    CHECK_INT(demand_check(&d), ERR_FORMAT);
    d = (struct demand){.tier = TIER_S3};
    CHECK_INT(demand_check(&d), 0);
    d.tier++;
    CHECK_INT(demand_check(&d), ERR_VERSION);
}

/* A text may come from a newer node, or be written by hand. */
TEST(test_a_key_that_stands_twice_is_one_after_it_was_added)
{
    char labels[LABELS_SIZE] = "a=1 b a=2", long_value[66] = "b=";

    CHECK(labels_add(labels, "a=3"));
    CHECK_STR(labels, "a=3 b");
    memset(labels, 'k', sizeof labels);
    for (size_t at = 31; at < sizeof labels; at += 32)
        labels[at] = ' ';
    memcpy(labels, "b ", 2);
    labels[sizeof labels - 1] = 0;
    CHECK(labels_are_sound(t(labels)));
    memset(long_value + 2, 'v', 63);
    const size_t len = strlen(labels);
    CHECK(!labels_add(labels, long_value));
    CHECK_INT(strlen(labels), len);
}

TEST(test_a_label_is_taken_off_whole)
{
    char labels[LABELS_SIZE] = "gpu=1 disk=ssd gpu-b";

    labels_remove(labels, "gpu");
    CHECK_STR(labels, "gpu=1 disk=ssd gpu-b");
    labels_remove(labels, "gpu=1");
    CHECK_STR(labels, "disk=ssd gpu-b");
    labels_remove(labels, "gpu-b");
    labels_remove(labels, "disk=ssd");
    labels_remove(labels, "disk=ssd");
    CHECK_STR(labels, "");
}

TEST(test_demands_that_differ_in_anything_are_not_the_same)
{
    const struct demand d = {4, 1000, t("gpu"), t("disk"), TIER_S1};
    struct demand other[] = {d, d, d, d, d};

    CHECK(demand_equal(&d, &other[0]));
    other[0].cpus++;
    other[1].mem_bytes++;
    other[2].on = t("gpv");
    other[3].prefer = t("");
    other[4].tier = TIER_S2;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        CHECK(!demand_equal(&d, &other[i]));
}

/* Of two that lack as much. */
TEST(test_more_of_what_is_missing_is_nearer)
{
    struct offer more = small;
    struct demand d = {.cpus = 4};

    CHECK(!demand_is_nearer(&d, &more, &small));
    more.slots = 3;
    CHECK(demand_is_nearer(&d, &more, &small) && !demand_is_nearer(&d, &small, &more));
    more.tier = TIER_S1;
    d.tier = TIER_S3;
    CHECK(demand_is_nearer(&d, &small, &more) && !demand_is_nearer(&d, &more, &small));
    /* What is not missing makes no difference. */
    d = (struct demand){.on = t("gpu")};
    more.memory_bytes++;
    CHECK(!demand_is_nearer(&d, &more, &small) && !demand_is_nearer(&d, &small, &more));
}

static const char *said(const struct demand *d, const struct offer *o)
{
    static char text[200];

    text[0] = 0;
    if (o != NULL)
        demand_say_miss(d, o, text, sizeof text);
    else
        demand_say(d, text, sizeof text);
    return text;
}

TEST(test_what_is_asked_for_is_said_as_people_say_it)
{
    struct offer one = small;

    one.slots = 1;
    one.labels = "";
    CHECK_STR(said(&(struct demand){.mem_bytes = 1023}, NULL), "1023 B of memory");
    CHECK_STR(said(&(struct demand){.mem_bytes = 1024}, NULL), "1 KiB of memory");
    CHECK_STR(said(&(struct demand){.mem_bytes = (uint64_t)2 << 50}, NULL), "2048 TiB of memory");
    CHECK_STR(said(&(struct demand){.cpus = 2, .on = t("gpu")}, NULL), "2 slots and gpu");
    CHECK_STR(said(&(struct demand){.tier = TIER_S3}, NULL), "tier S3");
    CHECK_STR(said(&(struct demand){.on = t(LABEL_COMPILES)}, NULL), "a C compiler");
    CHECK_STR(said(&(struct demand){.cpus = 2, .mem_bytes = (uint64_t)17 << 30}, &one),
              "n3 with 16 GiB and 1 slot");
    CHECK_STR(said(&(struct demand){.on = t("a arch=arm b=1")}, &small),
              "n3 without a, arch=arm, b=1");
}

TEST(test_the_nearest_node_is_named_where_there_is_one)
{
    const struct demand d = {.on = t("gpu")};
    char text[200];

    demand_say_unmet(&d, NULL, text, sizeof text);
    CHECK_STR(text, "no node has gpu");
    demand_say_unmet(&d, &small, text, sizeof text);
    CHECK_STR(text, "no node has gpu: the nearest is n3 without gpu");
}

TEST_MAIN(test_a_key_that_stands_twice_is_one_after_it_was_added, test_a_label_is_taken_off_whole,
          test_demands_that_differ_in_anything_are_not_the_same,
          test_more_of_what_is_missing_is_nearer, test_what_is_asked_for_is_said_as_people_say_it,
          test_the_nearest_node_is_named_where_there_is_one,
          test_labels_are_keys_or_keys_with_a_value, test_a_key_alone_stands_for_any_value,
          test_labels_are_added_once_for_each_key_and_have_a_bound,
          test_what_a_node_lacks_is_counted, test_the_nearest_lacks_least_and_has_most_of_that,
          test_a_miss_is_said_in_one_sentence, test_a_node_of_a_lower_tier_is_a_miss_that_says_why,
          test_demands_have_bounds)
