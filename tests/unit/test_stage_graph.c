/* The graph of a job's stages as lines of text. */
#include "cmd/stage_graph.h"

#include <stdio.h>
#include <string.h>

#include "core/host/memory.h"
#include "tests/lib/check.h"

#define STAGES 40

static struct stage_view views[STAGES];
static struct buf needs[STAGES];
static struct stage_list list = {.list = views};
static char lines[STAGES][STAGE_GRAPH_SIZE];

/* "01": the next stage needs stages 0 and 1. */
static void add(const char *digits)
{
    struct buf *b = &needs[list.count];
    struct stage_view *v = &views[list.count];
    buf_init(b, &host_memory, 4096);
    *v = (struct stage_view){.number = (uint32_t)list.count};
    for (; *digits; digits++, v->needs_count++)
        put_stage_need(b, &(struct stage_need){(uint32_t)(*digits - '0'), v->needs_count});
    v->needs = buf_bytes(b);
    list.count++;
}

static void begin(void)
{
    for (size_t i = 0; i < list.count; i++)
        buf_clear(&needs[i]);
    list.count = 0;
}

static void drawn(const char *want)
{
    char all[4096] = "";
    REQUIRE(stage_graph_draw(&list, lines));
    for (size_t i = 0; i < list.count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s\n", lines[i]);
    CHECK_STR(all, want);
    begin();
}

TEST(chains_are_straight_and_what_joins_is_one_line_across)
{
    add("");
    add("0");
    add("1");
    drawn("*\n*\n*\n");
    add("");
    add("");
    add("0");
    add("21");
    drawn("*\n| *\n* |\n*-'\n");
}

TEST(an_output_that_several_need_goes_on_to_the_last_of_them)
{
    add("");
    add("0");
    add("0");
    add("0");
    add("12");
    drawn("*\n+-*\n+-|-*\n* | |\n  *-'\n");
    /* The same stage as an input and to wait for. */
    add("");
    add("00");
    drawn("*\n*\n");
}

TEST(a_line_across_passes_those_that_it_has_nothing_to_do_with)
{
    add("");
    add("");
    add("");
    add("02");
    add("13");
    drawn("*\n| *\n| | *\n*-|-'\n*-'\n");
}

TEST(what_is_too_wide_is_not_drawn)
{
    for (int i = 0; i < STAGE_GRAPH_LANES; i++)
        add("");
    for (int i = 0; i < 10; i++)
        add((char[]){(char)('0' + i), '\0'});
    CHECK(stage_graph_draw(&list, lines));
    begin();
    for (int i = 0; i <= STAGE_GRAPH_LANES; i++)
        add("");
    add("0123456789:;<=>?@");
    CHECK(!stage_graph_draw(&list, lines));
    begin();
}

TEST_MAIN(chains_are_straight_and_what_joins_is_one_line_across,
          an_output_that_several_need_goes_on_to_the_last_of_them,
          a_line_across_passes_those_that_it_has_nothing_to_do_with, what_is_too_wide_is_not_drawn)
