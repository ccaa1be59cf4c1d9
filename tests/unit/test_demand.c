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

TEST_MAIN(test_labels_are_keys_or_keys_with_a_value, test_a_key_alone_stands_for_any_value,
          test_labels_are_added_once_for_each_key_and_have_a_bound,
          test_what_a_node_lacks_is_counted, test_the_nearest_lacks_least_and_has_most_of_that,
          test_a_miss_is_said_in_one_sentence, test_a_node_of_a_lower_tier_is_a_miss_that_says_why,
          test_demands_have_bounds)
