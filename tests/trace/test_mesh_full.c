/* A table of links that is full: the least used makes room, with a GOODBYE, and where all are busy
 * the new one is turned away. */
#include "core/base/err.h"
#include "core/mesh/links.h"
#include "core/mesh/mesh.h"
#include "core/mesh/mesh_wire.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define BOOT 7
#define MORE 20

static struct heap heap;
static struct mesh *mesh;
static struct log_sink quiet;
static uint32_t open_links, goodbyes;
static uint64_t closed_last;

static struct node_id id_of(uint32_t n)
{
    struct node_id id = {{0}};
    store_u32(id.bytes, n + 1);
    return id;
}

static void on_send(void *ctx, uint64_t link, uint8_t type, struct bytes payload)
{
    (void)ctx, (void)link, (void)payload;
    goodbyes += type == MESSAGE_GOODBYE;
}

static void on_dial(void *ctx, uint32_t dial, const char *addr, struct node_id expected)
{
    (void)ctx, (void)dial, (void)addr, (void)expected;
}

static void on_close(void *ctx, uint64_t link)
{
    (void)ctx;
    closed_last = link;
    open_links--;
}

static void on_changed(void *ctx, const struct member *m, enum node_state before, uint64_t link)
{
    (void)ctx, (void)m, (void)before, (void)link;
}

static void on_load(void *ctx, const struct member *m)
{
    (void)ctx, (void)m;
}

static struct member_info info_of(uint32_t n)
{
    struct member_info i = {.id = id_of(n), .boot = BOOT, .incarnation = 1, .slots = 1};
    memcpy(i.name, "n", 2);
    memcpy(i.addr, "127.0.0.1:9", 12);
    return i;
}

static struct instant at(uint32_t n)
{
    return (struct instant){S_US + (int64_t)n};
}

static void hello_over(uint64_t link, uint32_t n)
{
    struct hello h = {.version_min = 1, .version_max = 1, .greeting = 1, .self = info_of(n)};
    uint8_t room[2048];
    struct buf b;
    size_t start;
    buf_init_fixed(&b, room, sizeof room);
    put_hello(&b, &h);
    start = rumor_list_begin(&b);
    rumor_list_end(&b, start, 0);
    CHECK_INT(mesh_frame(mesh, link,
                         &(struct frame){.type = MESSAGE_HELLO, .payload = buf_bytes(&b)}, at(n)),
              0);
}

static void hello(uint32_t n)
{
    hello_over(n, n);
}

static void connect(uint32_t n)
{
    open_links++;
    mesh_link_up(mesh, n, 0, id_of(n), at(n));
}

static void begin(void)
{
    struct mesh_ports ports = {.send = on_send,
                               .dial = on_dial,
                               .close = on_close,
                               .changed = on_changed,
                               .load = on_load};
    struct member_info self = info_of(UINT32_MAX - 1);
    open_links = goodbyes = 0;
    closed_last = 0;
    heap_init(&heap);
    REQUIRE(mesh_new(&mesh, &heap.alloc, &self, 1, NULL, &ports, &quiet, at(0)) == 0);
}

static void end(void)
{
    mesh_free(mesh);
    CHECK(heap_is_empty(&heap));
}

TEST(the_least_used_link_makes_room)
{
    begin();
    for (uint32_t n = 1; n <= LINKS_MAX + MORE; n++) {
        connect(n);
        hello(n);
        CHECK(open_links <= LINKS_MAX);
    }
    CHECK_INT(open_links, LINKS_MAX);
    CHECK(goodbyes >= MORE);
    CHECK(mesh_link_peer(mesh, LINKS_MAX + MORE) != NULL);
    end();
}

TEST(where_none_can_go_the_new_one_is_turned_away)
{
    begin();
    for (uint32_t n = 1; n <= LINKS_MAX + MORE; n++) {
        connect(n);
        CHECK(open_links <= LINKS_MAX);
        if (n > LINKS_MAX)
            CHECK_INT(closed_last, n);
    }
    CHECK_INT(open_links, LINKS_MAX);
    end();
}

/* The other end speaks on, but never closes it. */
TEST(a_link_that_drains_is_closed_once)
{
    struct instant now = at(2);
    begin();
    connect(1);
    hello(1);
    open_links++;
    mesh_link_up(mesh, 2, 0, id_of(1), at(2));
    hello_over(2, 1);
    CHECK_INT(goodbyes, 1);
    for (int i = 0; i < 200 && instant_before(now, at(4000 * 1000)); i++) {
        struct instant due = mesh_due(mesh);
        now = instant_before(now, due) ? due : instant_plus_us(now, MS_US);
        mesh_tick(mesh, now);
        mesh_heard(mesh, 1, now);
        mesh_heard(mesh, 2, now);
    }
    CHECK_INT(open_links, 1);
    end();
}

TEST_MAIN(a_link_that_drains_is_closed_once, the_least_used_link_makes_room,
          where_none_can_go_the_new_one_is_turned_away)
