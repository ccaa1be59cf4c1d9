/* What libvelum makes of a job that collects when its node lies: the node is a few lines of this
 * file, in a process of its own. */
#include "tests/unit/node_rig.h"

#include <signal.h>

#include "core/api/velum.h"
#include "core/host/home.h"
#include "core/host/identity.h"
#include "core/object/name.h"
#include "core/wire/message.h"
#include "core/wire/object_request.h"
#include "core/wire/output.h"
#include "core/wire/request.h"
#include "core/wire/spec.h"

#define GETS_MAX 4 /* more than any result of this file needs */

static void serve_submit(struct node *n, uint32_t request)
{
    struct reply_submitted m = {.durable = 1, .machines = 1};
    uint8_t room[128];
    struct buf b;
    memset(m.job.bytes, 7, ID_SIZE);
    buf_init_fixed(&b, room, sizeof room);
    put_reply_submitted(&b, &m);
    say(n, MESSAGE_REPLY_SUBMITTED, request, buf_bytes(&b));
}

/* Its list is an object, and that object is empty. */
static void serve_watch(struct node *n, const struct frame *f, uint32_t leaves)
{
    const struct collected c = {
        .size = leaves, .leaves = leaves, .list = object_name_of((struct bytes){0})};
    struct request_watch ask;
    if (read_request_watch(f->payload, &ask) < 0)
        _exit(5);
    say_collected(n, f->request, ask.job, &c);
}

static void serve_get(struct node *n, const struct frame *f)
{
    struct object_view v = {.flags = OBJECT_WHOLE, .copies = 1, .machines = 1};
    uint8_t room[128];
    struct buf b;
    v.name = object_name_of((struct bytes){0});
    buf_init_fixed(&b, room, sizeof room);
    put_object_view(&b, &v);
    say(n, MESSAGE_REPLY_OBJECT, f->request, buf_bytes(&b));
    say(n, MESSAGE_REPLY_END, f->request, (struct bytes){0});
}

/* It ends with the connection, or with 9 when it is asked for an object again and again. */
static pid_t start_node(int listening, uint32_t leaves)
{
    static struct node n;
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    n.fd = accept(listening, NULL, NULL);
    for (int gets = 0;;) {
        struct frame f;
        hear(&n, &f);
        if (f.type == MESSAGE_REQUEST_GET && ++gets > GETS_MAX)
            _exit(9);
        if (f.type == MESSAGE_REQUEST_SUBMIT)
            serve_submit(&n, f.request);
        else if (f.type == MESSAGE_REQUEST_WATCH)
            serve_watch(&n, &f, leaves);
        else if (f.type == MESSAGE_REQUEST_GET)
            serve_get(&n, &f);
    }
}

/* The folder has a root and a key, as a node's first start makes them. */
static void begin_mesh(void)
{
    char message[HOME_MESSAGE_SIZE];
    struct home h;
    begin_folder();
    REQUIRE(home_locate(&h, message) == 0 && home_open(&h, message) == 0);
    REQUIRE(identity_mesh_open(&h, message) >= 0);
}

/* What the result of that job comes to. */
static int result_of(uint32_t leaves)
{
    const struct velum_options at = {.where = VELUM_AT_NODE};
    static const char *const argv[] = {"1000"};
    const struct velum_task task = {.kernel = "pi", .argc = 1, .argv = argv};
    struct velum *v = NULL;
    begin_mesh();
    int listening = listener(), status;
    pid_t node = start_node(listening, leaves);
    REQUIRE(velum_init(&v, &at) == VELUM_DONE);
    int job = velum_wait(v, velum_submit(v, &task), 10000);
    int code = job > 0 ? velum_wait(v, velum_result(v, job), 10000) : job;
    velum_shutdown(v);
    close(listening);
    CHECK(job > 0);
    CHECK_INT(waitpid(node, &status, 0), node);
    CHECK_INT(WEXITSTATUS(status), 4);
    end();
    return code;
}

TEST(a_list_without_the_leaves_it_should_have_is_refused)
{
    CHECK_INT(result_of(3), VELUM_FAILED);
}

/* Nothing is what there is to get. */
TEST(an_empty_list_of_no_leaves_is_a_result)
{
    CHECK(result_of(0) > 0);
}

TEST_MAIN(a_list_without_the_leaves_it_should_have_is_refused,
          an_empty_list_of_no_leaves_is_a_result)
