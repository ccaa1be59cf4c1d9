/* A command line, its words ended by zero bytes, against the options of a command: the first byte
 * chooses which, the second how many words stand before what is the kernel's own. */
#include "cmd/cmd.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"

#define WORDS_MAX 64

static struct opts opts;
static char message[OPT_MESSAGE_SIZE], hint[OPT_MESSAGE_SIZE];

static size_t commands(void)
{
    size_t count = 0;
    while (cmd_at(count))
        count++;
    return count;
}

/* What is kept points into the words, and what the parser says is one line. */
static void check_kept(const char *text, size_t len)
{
    CHECK(opts.count <= OPT_VALUES_MAX);
    for (size_t i = 0; i < opts.count; i++) {
        const struct opt_value *v = &opts.values[i];
        REQUIRE(v->opt != NULL);
        CHECK(!v->text || (v->text >= text && v->text <= text + len));
        if (v->opt->kind == OPT_NUMBER)
            CHECK(v->number >= v->opt->min && v->number <= v->opt->max);
    }
}

void target_one(struct bytes in)
{
    static char text[TARGET_INPUT_MAX + 1];
    char *words[WORDS_MAX];
    int count = 0;
    if (in.len < 2)
        return;
    size_t len = in.len - 2;
    memcpy(text, in.data + 2, len);
    text[len] = '\0';
    for (size_t at = 0; at < len && count < WORDS_MAX; at += strlen(text + at) + 1)
        words[count++] = text + at;
    memset(&opts, 0xa5, sizeof opts);
    int rc = opt_parse(&opts, cmd_at(in.data[0] % commands())->opts, in.data[1] % 3, count, words,
                       message, hint);
    CHECK(rc <= count);
    if (rc >= 0)
        check_kept(text, len);
    else
        CHECK(message[0] != '\0' && strlen(message) < OPT_MESSAGE_SIZE);
}

bool target_seed(size_t i, struct buf *out)
{
    static const char *const lines[] = {
        "--json -v pi 400 --leaf 7", "-d --name=n --timeout 5m -- -x", "--ttl 1h --uses 1",
        "--port 8001 --slots 4 -q",  "hash --cost 4 --salt=x file",    "--every=3 --all -5 -.5",
        "--memory 1G --cpu 10s",     "--peer 1.2.3.4:8001 --peer x:1", "--tier S2 --label a=b",
    };
    if (i >= commands())
        return false;
    put_u8(out, (uint8_t)i);
    put_u8(out, (uint8_t)(i % 3));
    for (const char *at = lines[i % (sizeof lines / sizeof *lines)]; *at; at++)
        put_u8(out, *at == ' ' ? 0 : (uint8_t)*at);
    return true;
}
