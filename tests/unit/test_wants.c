/* What a user asks of nodes, in words. */
#include "core/host/wants.h"
#include "tests/lib/check.h"

static struct bytes t(const char *text)
{
    return bytes_of_text(text);
}

TEST(test_words_of_a_user_become_a_demand)
{
    struct wants w = {0};
    struct demand d;

    CHECK(wants_cpus(&w, 1) && w.cpus == 0 && wants_cpus(&w, 2) && !wants_cpus(&w, 0));
    CHECK(wants_mem(&w, "2G") && !wants_mem(&w, "2X") && !wants_mem(&w, "2000T"));
    CHECK(wants_labels(w.on, "gpu=1, disk") && wants_labels(w.on, "gpu=2"));
    CHECK(!wants_labels(w.on, "a b=") && !wants_labels(w.prefer, "ä"));
    d = wants_demand(&w);
    CHECK(d.cpus == 2 && d.mem_bytes == (uint64_t)2 << 30);
    CHECK(bytes_equal(d.on, t("gpu=2 disk")) && d.prefer.len == 0);
}

TEST_MAIN(test_words_of_a_user_become_a_demand)
