/* `velum result` of a job whose outputs its node has to fetch first: by the time that it says that
 * an output is whole, the output lies among its files, where the command could read it. */
#include "tests/unit/node_rig.h"

#include "core/object/name.h"
#include "core/wire/object_request.h"
#include "core/wire/request.h"

#define SIZE 5000u
#define LEAVES 3u

extern const struct cmd cmd_result;

static uint8_t object[SIZE];

static void keep_file(struct digest name, const char *ending, const void *bytes, size_t len)
{
    char hex[ID_HEX_SIZE], file[256];
    id_hex(name.bytes, 2 * ID_SIZE, hex);
    snprintf(file, sizeof file, "%s/nodes/8001/objects/%s%s", root, hex, ending);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        _exit(7);
    close(fd);
}

static void keep_object(struct digest name)
{
    struct digest list = sha256_of(object, SIZE);
    (void)mkdir(below("nodes/8001/objects"), 0700);
    keep_file(name, "", object, SIZE);
    keep_file(name, ".list", &list, sizeof list);
}

static struct digest fill(uint8_t leaf)
{
    memset(object, leaf, SIZE);
    return object_name_of((struct bytes){object, SIZE});
}

static void serve_watch(struct node *n, const struct frame *f)
{
    struct request_watch ask;
    struct buf value, list;
    if (read_request_watch(f->payload, &ask) < 0)
        _exit(5);
    buf_init(&list, &host_memory, 4096);
    for (uint8_t i = 0; i < LEAVES; i++) {
        const struct output o = {.kind = OUTPUT_OBJECT, .size = SIZE, .name = fill(i)};
        buf_init(&value, &host_memory, 4096);
        put_output(&value, &o);
        put_block(&list, buf_bytes(&value));
    }
    const struct collected c = {.size = LEAVES * SIZE,
                                .leaves = LEAVES,
                                .list = object_name_of(buf_bytes(&list)),
                                .inline_list = buf_bytes(&list)};
    say_collected(n, f->request, ask.job, &c);
}

/* A get stays, and what it is of, until all of it was sent or the connection ends. */
static void serve_get(struct node *n, const struct frame *first, uint8_t leaf)
{
    struct object_view v = {.flags = OBJECT_WHOLE, .copies = 1, .machines = 1};
    uint8_t room[128];
    uint32_t credit;
    struct frame f;
    struct buf b;
    v.name = fill(leaf);
    v.size = v.here = SIZE;
    keep_object(v.name);
    buf_init_fixed(&b, room, sizeof room);
    put_object_view(&b, &v);
    say(n, MESSAGE_REPLY_OBJECT, first->request, buf_bytes(&b));
    const uint32_t request = first->request;
    hear(n, &f);
    if (f.type == MESSAGE_REQUEST_GET)
        _exit(9);
    if (f.type != MESSAGE_REQUEST_MORE || read_object_credit(f.payload, &credit) < 0)
        _exit(6);
    say(n, MESSAGE_REPLY_PIECE, request, (struct bytes){object, SIZE});
    say(n, MESSAGE_REPLY_END, request, (struct bytes){0});
}

static _Noreturn void serve(int listening)
{
    static struct node n;
    uint8_t gets = 0;
    n.fd = accept(listening, NULL, NULL);
    for (;;) {
        struct frame f;
        hear(&n, &f);
        if (f.type == MESSAGE_REQUEST_WATCH)
            serve_watch(&n, &f);
        else if (f.type == MESSAGE_REQUEST_GET)
            serve_get(&n, &f, gets++);
        else if (f.type != MESSAGE_REQUEST_MORE)
            _exit(8);
    }
}

/* A node serves 64 gets at a time, and a job has up to 65,536 outputs. */
TEST(each_output_that_was_asked_for_is_got_before_the_next)
{
    static uint8_t all[LEAVES * SIZE + 1];
    char job[ID_HEX_SIZE];
    int status;
    begin_folder();
    int listening = listener();
    fflush(NULL);
    pid_t node = fork();
    if (node == 0)
        serve(listening);
    memset(job, '7', 2 * ID_SIZE);
    job[2 * ID_SIZE] = 0;
    char *argv[] = {job, NULL};
    CHECK_INT(end_of(start(&cmd_result, 1, argv)), CODE_DONE);
    close(listening);
    CHECK(waitpid(node, &status, 0) == node);
    CHECK_INT(WEXITSTATUS(status), 4); /* the command has gone */
    CHECK(read_file("out", all, sizeof all) == LEAVES * SIZE);
    for (uint32_t i = 0; i < LEAVES * SIZE; i++)
        REQUIRE(all[i] == i / SIZE);
    end();
}

TEST_MAIN(each_output_that_was_asked_for_is_got_before_the_next)
