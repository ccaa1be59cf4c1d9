/* Files that describe a flow, made of pieces in any order and damaged: whatever they say, they are
 * read or refused in one sentence, and what is read is a graph whose stages can be numbered. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/flow_file.h"
#include "core/base/prng.h"
#include "tests/lib/check.h"

#define STAGES_MAX 1024
#define ROUNDS 6000
#define TEXT_MAX 70000

static struct prng prng;
static char text[TEXT_MAX], message[INI_MESSAGE_SIZE];
static struct flow flow;

static uint64_t below(uint64_t n)
{
    return prng_below(&prng, n);
}

static size_t add(size_t len, const char *piece)
{
    const size_t size = strlen(piece);
    if (len + size >= TEXT_MAX)
        return len;
    memcpy(text + len, piece, size);
    return len + size;
}

static const char *any(const char *const *list, size_t count)
{
    return list[below(count)];
}
#define ANY(list) any((list), sizeof(list) / sizeof *(list))

static size_t add_value(size_t len)
{
    static const char *const words[] = {"a",
                                        "b",
                                        "c",
                                        "a-1",
                                        "b-2",
                                        "c-3",
                                        "1..4",
                                        "9..3",
                                        "1..",
                                        "x.txt",
                                        "?.txt",
                                        "*",
                                        "{}",
                                        "{#}",
                                        "{.}",
                                        "{//}",
                                        "{2}",
                                        "'",
                                        "\"",
                                        "'a b'",
                                        ",",
                                        " ",
                                        "[",
                                        "]",
                                        "0",
                                        "17",
                                        "1s",
                                        "yes",
                                        "no",
                                        "collect",
                                        "fold",
                                        "abcdef0123456789",
                                        "../",
                                        "=",
                                        ":",
                                        "..",
                                        "18446744073709551615"};
    for (uint64_t n = below(6); n > 0; n--) {
        len = add(len, ANY(words));
        len = add(len, below(3) == 0 ? "" : " ");
    }
    return len;
}

static size_t make(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "a-1", "c-3"};
    static const char *const keys[] = {"args",   "inputs", "after",   "foreach", "units",
                                       "leaf",   "reduce", "retries", "timeout", "kernel",
                                       "nosuch", "name",   "inputs",  "after",   "foreach"};
    size_t len = 0;
    if (below(4) == 0)
        len = add(len, "[job]\nname = n\nkeep-going = yes\n");
    for (uint64_t n = 1 + below(5); n > 0; n--) {
        len = add(len, "[");
        len = add(len, ANY(names));
        len = add(len, "]\nkernel = x\n");
        for (uint64_t k = below(4); k > 0; k--) {
            len = add(len, ANY(keys));
            len = add(len, " = ");
            len = add_value(len);
            len = add(len, "\n");
        }
    }
    return len;
}

static size_t damage(size_t len)
{
    for (uint64_t n = below(4); n > 0 && len > 1; n--) {
        const size_t at = (size_t)below(len), size = (size_t)below(len - at) / 4;
        if (below(2) == 0) {
            text[at] = (char)below(256);
        } else if (len + size < TEXT_MAX) {
            memmove(text + at + size, text + at, len - at);
            len += size;
        }
    }
    return len;
}

/* Every stage has a number of its own behind all that it needs, and names what is there. */
static void check_graph(void)
{
    CHECK(flow.count > 0 && flow.count <= STAGES_MAX && flow.files_count <= FLOW_FILES_MAX);
    for (uint32_t i = 0; i < flow.count; i++) {
        const struct flow_stage *s = &flow.stages[i];
        REQUIRE(s->number < flow.count && flow.order[s->number] == i);
        CHECK(s->inputs_count <= STAGE_INPUTS_MAX && s->kernel[0] && s->line > 0);
        for (uint32_t k = 0; k < s->inputs_count; k++) {
            const struct flow_input *in = &s->inputs[k];
            REQUIRE((in->stage == FLOW_NONE) != (in->file == FLOW_NONE));
            if (in->stage != FLOW_NONE)
                REQUIRE(in->stage < flow.count && flow.stages[in->stage].number < s->number);
            else
                REQUIRE(in->file < flow.files_count && flow.files[in->file].word[0]);
        }
        for (uint32_t k = 0; k < s->after_count; k++)
            REQUIRE(s->after[k] < flow.count && flow.stages[s->after[k]].number < s->number);
        for (uint32_t k = 0; k < i; k++)
            CHECK(strcmp(flow.stages[k].name, s->name) != 0);
    }
}

static void write_text(const char *name, size_t len)
{
    FILE *f = fopen(name, "wb");
    REQUIRE(f && fwrite(text, 1, len, f) == len && fclose(f) == 0);
}

TEST(any_text_is_read_or_refused)
{
    uint32_t taken = 0, refused = 0;
    prng_init(&prng, 530);
    write_text("x.txt", 0), write_text("y.txt", 0);
    for (int i = 0; i < ROUNDS; i++) {
        size_t len = make();
        if (below(2) == 0)
            len = damage(len);
        write_text("f.flow", len);
        message[0] = '\0';
        if (flow_read_most(&flow, "f.flow", STAGES_MAX, message) == 0) {
            check_graph();
            taken++;
        } else {
            CHECK(strstr(message, "f.flow") != NULL && strlen(message) < sizeof message);
            refused++;
        }
        flow_clear(&flow);
    }
    CHECK(taken > ROUNDS / 50 && refused > ROUNDS / 50);
}

TEST_MAIN(any_text_is_read_or_refused)
