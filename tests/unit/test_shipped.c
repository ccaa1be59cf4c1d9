/* Workers that load a plugin by what its file is, and not by what it says of itself. */
#include "core/object/name.h"
#include "tests/unit/worker_child.h"

static uint8_t file[1 << 16];
static struct order_load load;

static void read_plugin(void)
{
    int fd = open(plugin_path("pi.so"), O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, file, sizeof file);
    REQUIRE(n > 0);
    close(fd);
    load = (struct order_load){.kernel = "pi", .origin = ORIGIN_SHIPPED};
    load.source = object_name_of((struct bytes){file, (size_t)n});
    text_copy(load.path, sizeof load.path, plugin_path("pi.so"));
}

static struct worker_loaded loaded(void)
{
    struct worker_loaded l = {0};
    start_worker();
    expect(MESSAGE_WORKER_READY);
    struct buf b = *payload();
    put_order_load(&b, &load);
    send_order(MESSAGE_ORDER_LOAD, 7, &b);
    REQUIRE(read_worker_loaded(expect(MESSAGE_WORKER_LOADED).payload, &l) == 0);
    CHECK_INT(end_worker(), 0);
    return l;
}

TEST(test_a_plugin_is_known_by_its_file)
{
    struct worker_loaded l;
    read_plugin();
    l = loaded();
    CHECK_STR(l.reason, "");
    CHECK(l.ok);
    CHECK_INT(l.accumulator_size, 16);
    load.origin = ORIGIN_CARRIED;
    CHECK(loaded().ok);
}

/* Another node's copy may be good. */
TEST(test_a_damaged_plugin_is_the_machines_doing)
{
    struct worker_loaded l;
    read_plugin();
    load.source.bytes[5] ^= 1;
    l = loaded();
    CHECK(!l.ok && l.by_node);
    CHECK_STR(l.reason, "this node's copy of the plugin is damaged");
}

TEST(test_a_plugin_of_another_name_is_its_authors_doing)
{
    struct worker_loaded l;
    read_plugin();
    text_copy(load.kernel, sizeof load.kernel, "sum");
    l = loaded();
    CHECK(!l.ok && !l.by_node);
    CHECK_STR(l.reason, "its source defines a kernel of another name, pi");
}

/* A job that says so is never loaded as C, and C never as a plugin. */
TEST(test_a_plugin_is_no_c_source)
{
    read_plugin();
    load.origin = ORIGIN_SNIPPET;
    CHECK(!loaded().ok);
}

TEST_MAIN(test_a_plugin_is_known_by_its_file, test_a_damaged_plugin_is_the_machines_doing,
          test_a_plugin_of_another_name_is_its_authors_doing, test_a_plugin_is_no_c_source)
