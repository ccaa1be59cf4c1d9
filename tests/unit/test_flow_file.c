/* Files that describe a job of several stages: what they say, and what is wrong with them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/flow_file.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "tests/lib/check.h"

static char message[INI_MESSAGE_SIZE];
static struct flow flow;

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    REQUIRE(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static int read_text_of(const char *text)
{
    write_text("t.flow", text);
    return flow_read(&flow, "t.flow", message);
}

static void refused(const char *text, const char *why)
{
    CHECK(read_text_of(text) < 0);
    CHECK_STR(message, why);
    flow_clear(&flow);
}

TEST(a_flow_says_what_each_stage_is)
{
    CHECK_INT(read_text_of("[job]\nname = nightly\nkeep-going = yes\ntimeout = 1h\nslots-max = 3\n"
                           "priority = -4\nwait-for-capacity = yes\ncpu-time = 2h\ncheck = 5\n"
                           "\n# a comment\n[first]\nkernel = sum\nargs = 1 2 30\n"
                           "[second]\nkernel = pi\ninputs = first  first\nafter = first\n"
                           "units = 7\nleaf = 2\nretries = 4\ntimeout = 1.5s\nreduce = collect\n"
                           "cpus = 2\nmem = 1G\non = gpu=1, arch=x86_64\nprefer = disk\n"),
              0);
    CHECK_STR(flow.name, "nightly");
    CHECK(flow.keep_going && flow.timeout_us == 3600000000 && flow.slots_max == 3);
    REQUIRE(flow.count == 2);
    CHECK_STR(flow.stages[0].name, "first");
    CHECK_STR(flow.stages[0].kernel, "sum");
    CHECK_INT(flow.stages[0].args_count, 3);
    CHECK_STR(flow.stages[0].args[2], "30");
    CHECK(flow.priority == -4 && flow.waits && flow.cpu_us == 7200000000);
    CHECK_INT(flow.check, 5);
    CHECK_INT(flow.stages[0].line, 12);
    const struct flow_stage *s = &flow.stages[1];
    CHECK(s->inputs_count == 2 && s->after_count == 1 && s->inputs[1].stage == 0);
    CHECK(flow.stages[0].reduction < 0 && s->reduction == REDUCE_COLLECT);
    CHECK(s->units == 7 && s->leaf_units == 2 && s->retries == 4 && s->leaf_us == 1500000);
    CHECK(s->wants->cpus == 2 && s->wants->mem_bytes == 1 << 30);
    CHECK_STR(s->wants->on, "gpu=1 arch=x86_64");
    CHECK_STR(s->wants->prefer, "disk");
    flow_clear(&flow);
}

/* What is to come from a machine's compiler goes where there is one. */
TEST(a_stage_of_source_says_whose_code_it_wants)
{
    write_text("x.c", "");
    CHECK_INT(read_text_of("[a]\nkernel = x.c\ntier = cc\non = disk\n[b]\nkernel = x.c\n"
                           "tier = tcc\n[c]\nkernel = x.c\n[d]\nkernel = x.c\ntier = auto\n"),
              0);
    REQUIRE(flow.count == 4);
    CHECK_INT(flow.stages[0].compiler, COMPILER_CC);
    CHECK_STR(flow.stages[0].wants->on, "disk compiles=c builds=c");
    CHECK_INT(flow.stages[1].compiler, COMPILER_TCC);
    CHECK_STR(flow.stages[1].wants->on, "compiles=c");
    CHECK_INT(flow.stages[2].compiler, COMPILER_AUTO);
    CHECK_INT(flow.stages[3].compiler, COMPILER_AUTO);
    flow_clear(&flow);
}

TEST(stages_come_behind_what_they_need_and_the_result_last)
{
    CHECK_INT(read_text_of("[a]\nkernel = x\nafter = b d\n[b]\nkernel = x\n[c]\nkernel = x\n"
                           "inputs = a\n[d]\nkernel = x\n[e]\nkernel = x\n"),
              0);
    /* Nobody needs c and e: the last in the file, e, is the result. */
    CHECK_STR(flow.stages[flow.order[4]].name, "e");
    flow_clear(&flow);
    CHECK_INT(read_text_of("[a]\nkernel = x\nafter = b d\n[b]\nkernel = x\n[e]\nkernel = x\n"
                           "[d]\nkernel = x\n[c]\nkernel = x\ninputs = a\nafter = e\n"),
              0);
    REQUIRE(flow.count == 5);
    CHECK_STR(flow.stages[flow.order[4]].name, "c");
    for (uint32_t i = 0; i < 5; i++) {
        const struct flow_stage *s = &flow.stages[flow.order[i]];
        CHECK_INT(s->number, i);
        for (uint32_t k = 0; k < s->after_count; k++)
            CHECK(flow.stages[s->after[k]].number < i);
    }
    flow_clear(&flow);
}

TEST(what_is_wrong_is_said_with_its_line)
{
    refused("", "t.flow has no stage; begin one with its name, as in [sums]");
    refused("kernel = x\n",
            "t.flow line 1: kernel stands before any stage; put its name above it, as [sums]");
    refused("[a]\nargs = 5\n", "t.flow line 1: [a] has no kernel; add kernel = NAME");
    refused("[a]\nkernel = x\ninput = b\n",
            "t.flow line 3: there is no key input in a stage; allowed are kernel, args, inputs, "
            "after, foreach, reduce, units, leaf, retries, timeout, cpus, mem, on, prefer, "
            "min-tier and tier");
    refused("[job]\nkernel = x\n",
            "t.flow line 2: there is no key kernel in [job]; allowed are name, keep-going, "
            "timeout, cpu-time, check, slots-max, priority and wait-for-capacity");
    refused("[a]\nkernel = gone.c\n",
            "t.flow line 2: kernel cannot be \"gone.c\"; allowed is a kernel "
            "(velum kernels lists them), or a FILE.c that is there");
    refused("[a]\nkernel = x.c\ntier = gcc\n",
            "t.flow line 3: tier cannot be \"gcc\"; allowed is auto, tcc or cc");
    refused("[a]\nkernel = x\ntier = tcc\n",
            "t.flow line 1: [a] has a tier, and its kernel is no file of C source; leave it out");
    refused("[a]\nkernel = x\n\nkernel = y\n",
            "t.flow line 4: kernel is set a second time; keep one of the two");
    refused("[a]\nkernel = x\n[a]\nkernel = y\n",
            "t.flow line 3: [a] is there a second time; give one of the two another name");
    refused("[a]\nkernel = x\nafter = b\n", "t.flow line 3: there is no stage [b] in this file");
    refused("[a]\nkernel = x\nretries = 18\n",
            "t.flow line 3: retries cannot be \"18\"; allowed is a number from 1 to 17");
    refused("[a]\nk\33[31m = x\n",
            "t.flow line 2: there is no key k\\u{1b}[31m in a stage; allowed are kernel, args, "
            "inputs, after, foreach, reduce, units, leaf, retries, timeout, cpus, mem, on, prefer, "
            "min-tier and tier");
    refused("[a]\nkernel = x\nafter = \33[31m\n",
            "t.flow line 3: there is no stage [\\u{1b}[31m] in this file");
    refused("[a]\nkernel = x\nunits = 0\n",
            "t.flow line 3: units cannot be \"0\"; allowed is a number from 1 on");
    refused("[a]\nkernel = x\ncpus = 0\n",
            "t.flow line 3: cpus cannot be \"0\"; allowed is a number from 1 to 1024");
    refused("[a]\nkernel = x\non = a=\n",
            "t.flow line 3: on cannot be \"a=\"; allowed is labels, KEY or KEY=VALUE, of letters, "
            "digits and . _ -");
    refused("[a]\nkernel = x\nreduce = search\n",
            "t.flow line 3: reduce cannot be \"search\"; allowed is fold or collect, as the kernel "
            "does");
    refused("[a]\nkernel = x\nargs = 'one two\n",
            "t.flow line 3: a quote is not closed; put another at the end of the word");
    refused("[a]\nkernel = x\n[b]\nkernel = x\ninputs = a none.txt\n",
            "t.flow line 5: none.txt is no stage of this file, no file that is there, and no "
            "reference of an object");
    refused("[a]\nkernel = x\n[b]\nkernel = x\ninputs = none*.txt\n",
            "t.flow line 5: no file is like none*.txt");
    REQUIRE(mkdir("shelf", 0700) == 0 && mkfifo("pipe", 0600) == 0);
    refused("[a]\nkernel = x\ninputs = shelf\n",
            "t.flow line 3: shelf is a folder; name the files in it, as in shelf/*");
    refused("[a]\nkernel = x\nforeach = she*\ninputs = {}\n",
            "t.flow line 4: shelf is a folder; name the files in it, as in shelf/*");
    refused("[a]\nkernel = x\ninputs = pip?\n",
            "t.flow line 3: pipe is no ordinary file; put it first (velum put), and name its "
            "reference");
    CHECK(rmdir("shelf") == 0 && unlink("pipe") == 0);
    refused("[A]\nkernel = x\n",
            "t.flow line 1: the name of a stage takes a-z, 0-9 and -, at most 63, not \"A\"");
    refused("[]\nkernel = x\n",
            "t.flow line 1: a stage begins with its name alone on a line, as in [sums]");
    refused("[job]\n[a]\nkernel = x\n[job]\n",
            "t.flow line 4: [job] is there a second time; put all of it into one");
    CHECK(flow_read(&flow, "none.flow", message) < 0);
    CHECK_STR(message, "cannot read the flow none.flow: No such file or directory; check the path");
    flow_clear(&flow);
}

TEST(no_word_of_the_arguments_is_lost)
{
    char text[400] = "[a]\nkernel = x\nargs =";
    size_t len = strlen(text);
    for (int i = 0; i < 64; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " %d", i % 10);
    CHECK_INT(read_text_of(text), 0);
    flow_clear(&flow);
    snprintf(text + len, sizeof text - len, " 4");
    CHECK(read_text_of(text) < 0);
    CHECK_STR(message, "t.flow line 3: args has 65 words; a kernel takes 64");
    flow_clear(&flow);
}

TEST(circles_are_found)
{
    refused("[a]\nkernel = x\ninputs = a\n", "t.flow line 3: [a] waits for itself");
    refused("[a]\nkernel = x\nafter = b\n[b]\nkernel = x\ninputs = a\n",
            "t.flow line 3: [a] waits for [b], which in the end waits for [a]");
    refused("[z]\nkernel = x\nafter = a\n[a]\nkernel = x\nafter = c\n[b]\nkernel = x\ninputs = a\n"
            "[c]\nkernel = x\nafter = b\n",
            "t.flow line 6: [a] waits for [c], which in the end waits for [a]");
    /* The first in the file waits for nothing, and is the result. */
    refused("[r]\nkernel = x\n[a]\nkernel = x\ninputs = b\n[b]\nkernel = x\ninputs = a\n",
            "t.flow line 8: [b] waits for [a], which in the end waits for [b]");
}

#define SOME 7u

/* Whether stages can be numbered: takes away whoever waits for nobody that is left. */
static bool has_order(bool waits[SOME][SOME], uint32_t count)
{
    bool gone[SOME] = {false};
    for (uint32_t round = 0, left = count; round < count && left > 0; round++)
        for (uint32_t i = 0; i < count; i++) {
            bool free_to_go = !gone[i];
            for (uint32_t k = 0; k < count; k++)
                free_to_go = free_to_go && (!waits[i][k] || gone[k]);
            gone[i] = gone[i] || free_to_go;
            left -= free_to_go;
        }
    for (uint32_t i = 0; i < count; i++)
        if (!gone[i])
            return false;
    return true;
}

static void check_order(void)
{
    for (uint32_t i = 0; i < flow.count; i++) {
        const struct flow_stage *s = &flow.stages[flow.order[i]];
        CHECK_INT(s->number, i);
        for (uint32_t k = 0; k < s->inputs_count; k++)
            CHECK(flow.stages[s->inputs[k].stage].number < i);
        for (uint32_t k = 0; k < s->after_count; k++)
            CHECK(flow.stages[s->after[k]].number < i);
    }
}

TEST(any_stages_are_put_in_order_or_refused_for_their_circle)
{
    struct prng p;
    prng_init(&p, 7);
    for (int round = 0; round < 600; round++) {
        bool waits[SOME][SOME] = {{false}};
        char text[1000];
        size_t len = 0;
        const uint32_t count = 1 + (uint32_t)prng_below(&p, SOME);
        for (uint32_t i = 0; i < count; i++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "[s%u]\nkernel = x\n%s =", i,
                                    prng_below(&p, 2) ? "after" : "inputs");
            for (uint64_t k = prng_below(&p, 3); k > 0; k--) {
                const uint32_t of = (uint32_t)prng_below(&p, count);
                waits[i][of] = true;
                len += (size_t)snprintf(text + len, sizeof text - len, " s%u", of);
            }
            len += (size_t)snprintf(text + len, sizeof text - len, "\n");
        }
        const int rc = read_text_of(text);
        CHECK((rc == 0) == has_order(waits, count));
        if (rc == 0)
            check_order();
        else
            CHECK(strstr(message, "waits for") != NULL);
        flow_clear(&flow);
    }
}

TEST(many_stages_are_read)
{
    static char text[60000];
    size_t len = 0;
    for (int i = 0; i < 800; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "[s%d]\nkernel = x\nafter = s%d\n",
                                i, i == 0 ? 799 : i - 1);
    CHECK(read_text_of(text) < 0); /* one large circle */
    flow_clear(&flow);
    len = 0;
    for (int i = 0; i < 800; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "[s%d]\nkernel = x\n%s", i,
                                i == 0 ? "" : "after = s0\n");
    CHECK_INT(read_text_of(text), 0);
    CHECK_INT(flow.count, 800);
    flow_clear(&flow);
}

/* Each waits for the one behind it in the file, so that a pass over them finds one only. */
TEST(a_hundred_thousand_stages_are_read_in_a_moment)
{
    static char text[6 << 20];
    const int count = 100000;
    size_t len = 0;
    for (int i = 0; i + 1 < count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "[s%d]\nkernel = x\nafter = s%d\n",
                                i, i + 1);
    snprintf(text + len, sizeof text - len, "[s%d]\nkernel = x\n", count - 1);
    CHECK_INT(read_text_of(text), 0);
    REQUIRE(flow.count == (uint32_t)count);
    for (int i = 0; i < count; i += 7)
        CHECK_INT(flow.stages[i].number, count - 1 - i);
    flow_clear(&flow);
}

/* What one stage may say of others is bounded, and others may say the rest. */
TEST(a_stage_waits_for_as_many_as_there_are)
{
    uint32_t joined = 0;
    CHECK_INT(read_text_of("[end]\nkernel = x\nafter = b a\n[a]\nkernel = x\nforeach = 1..9000\n"
                           "args = {}\n[b]\nkernel = x\n"),
              0);
    const struct flow_stage *end = &flow.stages[0];
    CHECK_INT(flow.count, 9002 + 3);
    REQUIRE(end->after_count == 3 && end->number == flow.count - 1);
    for (uint32_t i = 0; i < end->after_count; i++) {
        const struct flow_stage *s = &flow.stages[end->after[i]];
        REQUIRE(s->after_count <= FLOW_AFTER_MAX && s->number < end->number);
        CHECK(strcmp(s->kernel, "noop") == 0 && s->args_count == 1 && s->after_line == 3);
        for (uint32_t k = 0; k < s->after_count; k++) {
            CHECK(flow.stages[s->after[k]].number < s->number);
            joined += s->after[k] == (joined == 0 ? 9001 : joined);
        }
    }
    CHECK_INT(joined, 9001);
    CHECK_STR(flow.stages[end->after[2]].name, "end-after-3");
    flow_clear(&flow);
    refused("[end]\nkernel = x\nafter = a\n[a]\nkernel = x\nforeach = 1..5000\nargs = {}\n"
            "[end-after-2]\nkernel = x\n",
            "t.flow line 3: [end-after-2] is what joins some that [end] waits for; give it another "
            "name");
}

TEST(a_byte_order_mark_is_passed_over)
{
    CHECK_INT(read_text_of("\xef\xbb\xbf[a]\nkernel = x\n"), 0);
    CHECK_INT(flow.count, 1);
    CHECK_INT(flow.stages[0].line, 1);
    flow_clear(&flow);
}

static void write_file(const char *name)
{
    FILE *f = fopen(name, "wb");
    REQUIRE(f && fclose(f) == 0);
}

static const char *input_of(const struct flow_stage *s, uint32_t i)
{
    return s->inputs[i].stage == FLOW_NONE ? flow.files[s->inputs[i].file].word
                                           : flow.stages[s->inputs[i].stage].name;
}

TEST(words_are_as_a_shell_has_them)
{
    CHECK_INT(read_text_of("[a]\nkernel = x\nargs = -i 'two words' \"it's\" a\"b c\"d ''\n"), 0);
    const struct flow_stage *s = &flow.stages[0];
    REQUIRE(s->args_count == 5);
    CHECK_STR(s->args[1], "two words");
    CHECK_STR(s->args[2], "it's");
    CHECK_STR(s->args[3], "ab cd");
    CHECK_STR(s->args[4], "");
    flow_clear(&flow);
}

TEST(inputs_are_stages_files_and_references)
{
    static const char ref[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char text[300];
    write_file("b.txt"), write_file("a.txt"), write_file("first");
    snprintf(text, sizeof text,
             "[first]\nkernel = x\n[all]\nkernel = x\ninputs = *.txt first %s ./first b.txt\n",
             ref);
    CHECK_INT(read_text_of(text), 0);
    const struct flow_stage *s = &flow.stages[1];
    REQUIRE(s->inputs_count == 6);
    CHECK_STR(input_of(s, 0), "a.txt");
    CHECK_STR(input_of(s, 1), "b.txt");
    CHECK(s->inputs[2].stage == 0);
    CHECK_STR(input_of(s, 3), ref);
    CHECK_STR(input_of(s, 4), "./first");
    CHECK(s->inputs[5].file == s->inputs[1].file && flow.files_count == 4);
    flow_clear(&flow);
}

/* A word that looks like a reference needs no file. */
TEST(a_flow_names_many_files_and_no_more_than_a_bound)
{
    CHECK_INT(read_text_of("[a]\nkernel = x\ninputs = abcdef00{}\nforeach = 1..5000\n"
                           "[b]\nkernel = x\ninputs = abcdef00{}\nforeach = 4001..6000\n"),
              0);
    CHECK_INT(flow.files_count, 6000);
    CHECK_STR(input_of(&flow.stages[4999], 0), "abcdef005000");
    CHECK_INT(flow.stages[5000].inputs[0].file, 4000);
    flow_clear(&flow);
    refused("[a]\nkernel = x\ninputs = abcdef00{}\nforeach = 1..100001\n",
            "t.flow line 3: with abcdef00100001 there are more than 100000 files; make two flows");
}

TEST(foreach_makes_a_stage_of_each_word)
{
    write_file("a.txt"), write_file("b.txt");
    CHECK_INT(read_text_of("[end]\nkernel = x\ninputs = part pair-2\nafter = part\n"
                           "[part]\nkernel = x\nforeach = 8..10 '?.txt' 'x y' ?.txt\n"
                           "args = -n{#} {} {.}\n"
                           "[pair]\nkernel = x\nforeach = 1..6\ninputs = part-{}\n"),
              0);
    REQUIRE(flow.count == 1 + 8 + 6);
    const struct flow_stage *part = &flow.stages[1];
    CHECK_STR(part[0].name, "part-1");
    CHECK_STR(part[0].args[0], "-n1");
    CHECK_STR(part[2].args[1], "10");
    CHECK_STR(part[3].args[1], "a.txt");
    CHECK_STR(part[4].args[2], "b");
    CHECK_STR(part[5].args[1], "x y");
    const struct flow_stage *end = &flow.stages[0], *pair = &flow.stages[9];
    CHECK(end->inputs_count == 9 && end->after_count == 8 && pair[5].number == 14);
    CHECK_STR(input_of(end, 7), "part-8");
    CHECK_STR(input_of(end, 8), "pair-2");
    CHECK_STR(input_of(&pair[5], 0), "part-6");
    flow_clear(&flow);
}

TEST(what_foreach_cannot_make_is_refused)
{
    refused("[a]\nkernel = x\nforeach = 1 2 3\n",
            "t.flow line 3: foreach makes the same stage 3 times; put {} into args, inputs or "
            "after");
    refused("[a]\nkernel = x\nforeach = 3..1\nargs = {}\n",
            "t.flow line 3: the range 3..1 is empty; the smaller number comes first");
    refused("[b]\nkernel = x\n[a]\nkernel = x\nforeach = 1..1000000\nargs = {}\n",
            "t.flow line 5: with [a] there are more than 1000000 stages; make two flows");
    refused("[a]\nkernel = x\nforeach = none*.txt\nargs = {}\n",
            "t.flow line 3: no file is like none*.txt");
    refused("[a]\nkernel = x\nforeach = 1 2\nargs = {2}\n",
            "t.flow line 4: {2} would be of another list, and foreach has one; {} is its word");
    refused("[a]\nkernel = x\nforeach = 1 2\nargs = {}\n[a-2]\nkernel = x\n",
            "t.flow line 5: [a-2] is what foreach makes of [a]; give it another name");
    refused("[a]\nkernel = x\nforeach = 1 2\ninputs = a-{}\n", "t.flow line 4: [a-1] waits for "
                                                               "itself");
}

TEST(a_stage_has_so_many_inputs_and_no_more)
{
    refused("[a]\nkernel = x\nforeach = 1..257\nargs = {}\n[b]\nkernel = x\ninputs = a\n",
            "t.flow line 7: [b] has more than 256 inputs; put a stage between that joins some");
    CHECK_INT(read_text_of("[a]\nkernel = x\nforeach = 1..256\nargs = {}\n[b]\nkernel = x\n"
                           "inputs = a\n"),
              0);
    CHECK_INT(flow.stages[256].inputs_count, 256);
    flow_clear(&flow);
}

TEST_MAIN(a_flow_says_what_each_stage_is, a_stage_of_source_says_whose_code_it_wants,
          stages_come_behind_what_they_need_and_the_result_last,
          what_is_wrong_is_said_with_its_line, no_word_of_the_arguments_is_lost, circles_are_found,
          any_stages_are_put_in_order_or_refused_for_their_circle, many_stages_are_read,
          a_hundred_thousand_stages_are_read_in_a_moment, a_stage_waits_for_as_many_as_there_are,
          a_byte_order_mark_is_passed_over, words_are_as_a_shell_has_them,
          inputs_are_stages_files_and_references, a_flow_names_many_files_and_no_more_than_a_bound,
          foreach_makes_a_stage_of_each_word, what_foreach_cannot_make_is_refused,
          a_stage_has_so_many_inputs_and_no_more)
