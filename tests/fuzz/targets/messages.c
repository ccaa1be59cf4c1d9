/* What a compiler says of a snippet: two bytes say how long the source is, the rest is what it
 * said, a zero byte between messages. Both are a stranger's. */
#include "core/host/snippet_messages.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"

void target_one(struct bytes in)
{
    static struct snippet_messages m;
    static char said[TARGET_INPUT_MAX + 1];
    if (in.len < 2)
        return;
    size_t len = load_u16(in.data), count = 0;
    len = len < in.len - 2 ? len : in.len - 2;
    memset(&m, 0, sizeof m);
    m.name = "task.c";
    m.source = (struct bytes){in.data + 2, len};
    size_t rest = in.len - 2 - len;
    memcpy(said, in.data + 2 + len, rest);
    said[rest] = '\0';
    for (size_t at = 0; at < rest && count < 32; at += strlen(said + at) + 1, count++)
        snippet_messages_add(&m, said + at);
    snippet_messages_error(&m, said);
    snippet_messages_note(&m, said);
    CHECK(m.len < sizeof m.text && strlen(m.text) == m.len);
    CHECK(memchr(m.first, 0, sizeof m.first) != NULL);
    for (size_t i = 0; i < m.len; i++)
        REQUIRE((uint8_t)m.text[i] >= 0x20 || m.text[i] == '\n' || m.text[i] == '\t');
}

static void put_case(struct buf *out, const char *source, const char *said)
{
    put_u16(out, (uint16_t)strlen(source));
    put_raw(out, source, strlen(source));
    put_raw(out, said, strlen(said));
}

bool target_seed(size_t i, struct buf *out)
{
    static const char *const sources[] = {
        "int a;\nint f(void) { return b; }\n",
        "/* b */ // b\nchar *s = \"b\\\"b\"; int c = b;\n",
        "#include <x.h>\nlong x = 'b';\n",
    };
    static const char *const said[] = {
        "task.c:2: error: 'b' undeclared",
        "task.c:1: warning: implicit declaration of function 'b'",
        "In file included from task.c:1:\nx.h:3: error: ';' expected (got \"b\")",
        "tcc: error: undefined symbol 'b'",
        "task.c:99999999999: error: x",
        "task.c:0: error:",
    };
    const size_t count = sizeof said / sizeof *said;
    if (i >= count * 3)
        return false;
    put_case(out, sources[i / count], said[i % count]);
    return true;
}
