/* One more than there may be, of what somebody can send or open. For each row of the table of
 * limits (DESIGN.md, section 11) the test that goes past it; those without a file are here:
 *
 *   half-open connections: 64, 48 from here   those_who_never_speak_are_so_many_and_the_oldest_go
 *   strangers who were answered count too     who_was_answered_counts_until_he_is_gone
 *   a tenth of a processor for strangers      strangers_wait_for_their_share_and_nobody_else_does
 *   a handshake takes 3 s                     unit/test_tls_link: test_half_handshake_times_out
 *   one join request, of 8 KiB                a_join_request_is_one_frame_of_8_KiB_and_nothing_more
 *   within 2 s                                who_says_nothing_at_the_desk_or_too_slowly...
 *   64 KiB of memory for a stranger           a_stranger_costs_little_memory
 *   1,024 connections that are up             trace/test_crowd; of a host that lets none go:
 *   and 64 that are going                     one_connection_too_many_is_closed
 *   8 of one node, 256 of one user            one_certificate_has_so_many_links_and_leaves_room...
 *   50,000 frames a second over one link      unit/test_frame_rate
 *   frame header and payload                  unit/test_frame, unit/test_tls_link
 *   nothing is allocated for a length         a_length_costs_nothing_before_its_bytes_come
 *   half a frame: 10 s, and 1 KiB/s           half_a_frame_waits_ten_seconds_whatever_trickles
 *   4 MiB queued for a node                   unit/test_tls_link: test_queue_overflow_closes...
 *   16 KiB of certificates                    unit/test_wrong_certificates
 *   256 certificates are remembered           unit/test_identity
 *   wrong guesses: of a network, of a token   unit/test_join_desk, unit/test_tokens
 *   20 lines of the log a second              a_kind_of_line_is_written_twenty_times_a_second
 *   names, paths, reasons                     unit/test_text, unit/test_view, unit/test_conf
 *   16,384 members; 64 of one list            unit/test_members, unit/test_mesh_wire
 *   4,096 who were told of and not proven     trace/test_toolbox
 *   28 certificates at a time, 64 times a s   fuzz/test_introduce, trace/test_toolbox
 *   job spec, stages, inputs                  unit/test_spec, unit/test_input
 *   source of 256 KiB                         unit/test_spec, unit/test_snippet
 *   10,000 live jobs; a job's last date       trace/test_submit
 *   256 join strings                          unit/test_tokens
 *   leaves, and uncovered values              unit/test_cover, unit/test_pool
 *   objects: size, pieces, how many           unit/test_name, unit/test_shelf
 *   output that is kept of a task             trace/test_coordinator, cli/hostile
 *   configuration: 64 KiB, lines of 1 KiB     unit/test_conf
 *   record and segment of the journal         unit/test_journal
 *   addresses that are tried                  unit/test_hints, unit/test_conf */
#include "core/host/linkset.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/err.h"
#include "core/host/connection.h"
#include "core/host/log_flow.h"
#include "core/host/memory.h"
#include "core/wire/join.h"
#include "tests/lib/free_port.h"
#include "tests/unit/wrong_peer.h"

#define CROWD 70
#define UP_MAX (LINKSET_MAX + LINKSET_GOING_MAX)

static struct identity *node, *user;
static struct loop *loop;
static struct linkset *links;
static int ups, downs, asked, end_of_last;
static int64_t answer_us; /* that the desk takes */
static uint64_t last;

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    (void)ctx, (void)dial, (void)peer;
    ups++;
    last = link;
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx, (void)link, (void)frame;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    (void)ctx, (void)link, (void)party, (void)fault, (void)version;
    downs++;
    end_of_last = how;
}

static int on_join(void *ctx, const struct join_caller *from, struct bytes payload, uint8_t *type,
                   struct buf *answer)
{
    (void)ctx, (void)from, (void)payload, (void)answer;
    asked++;
    usleep((useconds_t)answer_us);
    *type = MESSAGE_JOIN_REFUSED;
    return 0;
}

static void begin(void)
{
    const struct linkset_events events = {
        .up = on_up, .frame = on_frame, .down = on_down, .join = on_join};
    const struct rlimit files = {4096, 4096};
    signal(SIGPIPE, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &files) == 0);
    REQUIRE(identity_fleeting(&node) == 0 && identity_fleeting_user(&user, node) == 0);
    REQUIRE(loop_new(&loop) == 0 && linkset_new(&links, loop, node, user, &events) == 0);
    linkset_welcome(links, node);
    ups = downs = asked = 0;
}

static void end(void)
{
    linkset_free(links);
    loop_free(loop);
    identity_free(user);
    identity_free(node);
}

static void one_round(void)
{
    linkset_flush(links);
    loop_once(loop, instant_plus_us(loop_clock(), MS_US));
    linkset_flush(links);
}

static void rounds(int ms)
{
    const struct instant until = instant_plus_us(loop_clock(), ms * MS_US);
    while (!instant_reached(loop_clock(), until))
        one_round();
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        struct instant run_end = instant_plus_us(loop_clock(), 20 * S_US);                         \
        while (!(condition) && !instant_reached(loop_clock(), run_end))                            \
            one_round();                                                                           \
        REQUIRE(condition);                                                                        \
    } while (0)

/* Both ends do not wait. */
static int pair(int *theirs)
{
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    *theirs = fds[1];
    return fds[0];
}

static int comes(bool loopback)
{
    int theirs, ours = pair(&theirs);
    REQUIRE(linkset_accept(links, ours, loopback) == 0);
    return theirs;
}

static bool was_closed(int fd)
{
    struct pollfd p = {fd, POLLRDHUP, 0};
    return poll(&p, 1, 0) == 1;
}

static void crowd(bool loopback, uint32_t max)
{
    int fds[CROWD];
    begin();
    for (int i = 0; i < CROWD; i++) {
        fds[i] = comes(loopback);
        one_round();
        CHECK(linkset_half_open(links) <= max);
    }
    CHECK_INT(linkset_half_open(links), max);
    for (uint32_t i = 0; i < CROWD; i++)
        CHECK_INT(was_closed(fds[i]), i < CROWD - max); /* the oldest went */
    for (int i = 0; i < CROWD; i++)
        close(fds[i]);
    end();
}

TEST(those_who_never_speak_are_so_many_and_the_oldest_go)
{
    crowd(false, LINKSET_HALF_OPEN_MAX);
    crowd(true, LINKSET_HALF_OPEN_LOOPBACK_MAX);
}

/* Here nobody lets others go, as a node does. */
TEST(one_connection_too_many_is_closed)
{
    static int fds[UP_MAX + 1];
    begin();
    for (int i = 0; i <= UP_MAX; i++) {
        int ours = pair(&fds[i]);
        REQUIRE(linkset_accept_control(links, ours) == 0);
        linkset_flush(links);
    }
    CHECK_INT(ups, UP_MAX);
    CHECK_INT(linkset_count(links), UP_MAX);
    for (int i = 0; i <= UP_MAX; i++)
        CHECK_INT(was_closed(fds[i]), i == UP_MAX);
    for (int i = 0; i <= UP_MAX; i++)
        close(fds[i]);
    UNTIL(linkset_count(links) == 0);
    end();
}

/* Links by TLS to `links` from a linkset of its own, each accepted at once. */
static void dial_many(struct linkset *from, int count)
{
    char addr[ADDR_SIZE];
    int fd = listen_on_loopback(addr, sizeof addr);
    const uint32_t had = linkset_half_open(links);
    for (int i = 0; i < count; i++) {
        REQUIRE(linkset_dial(from, 1, addr, NULL, false) == 0);
        int ours = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        REQUIRE(linkset_accept(links, ours, false) == 0);
        UNTIL((linkset_flush(from), linkset_half_open(links) <= had));
    }
    close(fd);
}

static void ignore_fail(void *ctx, uint32_t dial, enum dial_end end, int fault)
{
    (void)ctx, (void)dial, (void)end, (void)fault;
}

static void check_share_of(struct identity *who, int max)
{
    const struct linkset_events events = {
        .up = on_up, .frame = on_frame, .down = on_down, .dial_failed = ignore_fail};
    struct linkset *greedy, *other;
    int theirs, ours;
    REQUIRE(linkset_new(&greedy, loop, who, who, &events) == 0);
    REQUIRE(linkset_new(&other, loop, who == node ? user : node, user, &events) == 0);
    dial_many(greedy, max + 3);
    CHECK_INT(linkset_count(links), max);
    dial_many(other, 1);
    CHECK_INT(linkset_count(links), max + 1);
    ours = pair(&theirs); /* who is at the machine itself is not counted */
    REQUIRE(linkset_accept_control(links, ours) == 0);
    one_round();
    CHECK_INT(linkset_count(links), max + 2);
    close(theirs);
    linkset_free(greedy);
    linkset_free(other);
    UNTIL(linkset_count(links) == 0);
}

TEST(one_certificate_has_so_many_links_and_leaves_room_for_others)
{
    begin();
    check_share_of(node, LINKSET_OF_NODE_MAX);
    check_share_of(user, LINKSET_OF_USER_MAX);
    end();
}

/* --- at the desk --- */

static const struct recipe stranger = {.nothing = true};

static void peer_comes(struct peer *p, enum side side)
{
    peer_open(p, &stranger, side, comes(false));
    p->says = 0;
}

static void shakes(struct peer *p)
{
    UNTIL((peer_step(p, &stranger), p->shaken));
}

static void put(struct peer *p, const uint8_t *from, size_t len)
{
    ERR_clear_error();
    REQUIRE(SSL_write(p->ssl, from, (int)len) == (int)len);
}

static bool is_out(struct peer *p)
{
    peer_step(p, &stranger);
    return p->over;
}

TEST(a_join_request_is_one_frame_of_8_KiB_and_nothing_more)
{
    static uint8_t load[FRAME_PAYLOAD_MAX], room[2 * FRAME_SIZE_MAX];
    static const struct {
        uint8_t type;
        size_t size, sent;
        bool twice;
        int asked;
    } rows[] = {
        {MESSAGE_JOIN, JOIN_REQUEST_MAX, JOIN_REQUEST_MAX + FRAME_HEADER_SIZE, false, 1},
        {MESSAGE_RENEW, 0, FRAME_HEADER_SIZE, false, 1},
        /* What announces more is not waited for. */
        {MESSAGE_JOIN, JOIN_REQUEST_MAX + 1, FRAME_HEADER_SIZE, false, 0},
        {MESSAGE_JOIN, FRAME_PAYLOAD_MAX, FRAME_HEADER_SIZE, false, 0},
        {MESSAGE_PING, 0, FRAME_HEADER_SIZE, false, 0},
        {MESSAGE_REQUEST_NODES, 0, FRAME_HEADER_SIZE, false, 0},
        {MESSAGE_JOIN, 10, 2 * (FRAME_HEADER_SIZE + 10), true, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer p;
        struct buf b;
        begin();
        peer_comes(&p, RENEW);
        shakes(&p);
        const struct instant began = loop_clock();
        buf_init_fixed(&b, room, sizeof room);
        for (int n = 0; n <= rows[i].twice; n++)
            frame_put(&b, rows[i].type, 0, (struct bytes){load, rows[i].size});
        put(&p, b.data, rows[i].sent);
        UNTIL(asked > 0 || is_out(&p));
        CHECK(instant_since_us(loop_clock(), began) < LINK_JOIN_US / 2);
        CHECK_INT(asked, rows[i].asked);
        rounds(20); /* what came behind it is dropped */
        CHECK_INT(asked, rows[i].asked);
        peer_close(&p);
        UNTIL(linkset_count(links) == 0);
        end();
    }
}

/* Another program, another generation, or a length beyond all frames. */
TEST(what_is_no_frame_ends_it_at_the_desk_at_once)
{
    static const size_t places[] = {0, 1, 2, 6, 7}; /* of the header */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        uint8_t room[FRAME_HEADER_SIZE];
        struct peer p;
        struct buf b;
        begin();
        peer_comes(&p, RENEW);
        shakes(&p);
        buf_init_fixed(&b, room, sizeof room);
        frame_put(&b, MESSAGE_JOIN, 0, (struct bytes){NULL, 0});
        room[places[i]] ^= 0xff;
        const struct instant began = loop_clock();
        put(&p, room, sizeof room);
        UNTIL(is_out(&p));
        CHECK(instant_since_us(loop_clock(), began) < LINK_JOIN_US / 2);
        CHECK_INT(asked, 0);
        peer_close(&p);
        UNTIL(linkset_count(links) == 0);
        end();
    }
}

#define REQUEST_SIZE (FRAME_HEADER_SIZE + 40)

/* He is about to send this. */
static void comes_to_join(struct peer *p, uint8_t request[REQUEST_SIZE])
{
    uint8_t load[REQUEST_SIZE - FRAME_HEADER_SIZE] = {1};
    struct buf b;
    begin();
    peer_comes(p, RENEW);
    shakes(p);
    buf_init_fixed(&b, request, REQUEST_SIZE);
    frame_put(&b, MESSAGE_JOIN, 0, (struct bytes){load, sizeof load});
}

TEST(who_goes_in_the_middle_of_a_join_request_is_forgotten)
{
    uint8_t request[REQUEST_SIZE];
    struct peer p;
    comes_to_join(&p, request);
    put(&p, request, sizeof request - 1);
    rounds(5);
    const struct instant began = loop_clock();
    peer_close(&p);
    UNTIL(linkset_count(links) == 0);
    CHECK(instant_since_us(loop_clock(), began) < LINK_JOIN_US / 2);
    CHECK_INT(asked, 0);
    end();
}

TEST(a_join_request_may_come_byte_by_byte)
{
    uint8_t request[REQUEST_SIZE];
    struct peer p;
    comes_to_join(&p, request);
    for (size_t i = 0; i < sizeof request; i++) {
        CHECK_INT(asked, 0);
        put(&p, request + i, 1);
        one_round();
    }
    UNTIL(asked == 1);
    peer_close(&p);
    end();
}

TEST(who_says_nothing_at_the_desk_or_too_slowly_is_closed_after_two_seconds)
{
    uint8_t room[FRAME_HEADER_SIZE + 1000], load[1000] = {1};
    struct peer silent, slow;
    struct buf b;
    begin();
    peer_comes(&silent, RENEW);
    peer_comes(&slow, RENEW);
    shakes(&silent);
    shakes(&slow);
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_JOIN, 0, (struct bytes){load, sizeof load});
    const struct instant began = loop_clock();
    for (size_t i = 0; !is_out(&slow) && i < 60; i++) {
        put(&slow, room + i, 1);
        rounds(50);
    }
    const int64_t took_us = instant_since_us(loop_clock(), began);
    CHECK(is_out(&silent) && is_out(&slow));
    CHECK(took_us > LINK_JOIN_US - 200 * MS_US && took_us < LINK_JOIN_US + S_US);
    CHECK_INT(asked, 0);
    peer_close(&silent);
    peer_close(&slow);
    end();
}

TEST(who_was_answered_counts_until_he_is_gone)
{
    enum { ANSWERED = 5 };
    uint8_t room[FRAME_HEADER_SIZE];
    struct peer p[ANSWERED];
    struct buf b;
    begin();
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_RENEW, 0, (struct bytes){NULL, 0});
    for (int i = 0; i < ANSWERED; i++) {
        peer_comes(&p[i], RENEW);
        shakes(&p[i]);
        put(&p[i], room, sizeof room);
    }
    UNTIL(asked == ANSWERED);
    one_round();
    CHECK_INT(linkset_half_open(links), ANSWERED); /* none of them has closed */
    const struct instant began = loop_clock();
    UNTIL(linkset_count(links) == 0);
    CHECK(instant_since_us(loop_clock(), began) < LINK_CLOSE_US + S_US);
    CHECK_INT(linkset_half_open(links), 0);
    for (int i = 0; i < ANSWERED; i++)
        peer_close(&p[i]);
    end();
}

/* --- what it costs --- */

static size_t heap_used(void)
{
    return mallinfo2().uordblks;
}

/* Half a handshake, and a request but for its last byte. */
TEST(a_stranger_costs_little_memory)
{
    enum { FEW = 16 };
    static const uint8_t half[] = {22, 3, 1, 64, 0, 1, 0}; /* a record of 16 KiB begins */
    static uint8_t load[JOIN_REQUEST_MAX], room[JOIN_REQUEST_MAX + FRAME_HEADER_SIZE];
    struct peer p[FEW];
    struct buf b;
    int fds[FEW];
    begin();
    for (int i = 0; i < FEW; i++)
        peer_comes(&p[i], RENEW);
    size_t before = heap_used();
    for (int i = 0; i < FEW; i++) {
        fds[i] = comes(false);
        REQUIRE(write(fds[i], half, sizeof half) == sizeof half);
        rounds(5);
    }
    const size_t silent = (heap_used() - before) / FEW;
    before = heap_used();
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_JOIN, 0, (struct bytes){load, sizeof load});
    for (int i = 0; i < FEW; i++) {
        shakes(&p[i]);
        put(&p[i], room, sizeof room - 1);
        rounds(5);
    }
    /* The other ends are in this process too. */
    const size_t asking = (heap_used() - before) / FEW;
    printf("half a handshake %zu bytes, a request but for its end and both ends of it %zu\n",
           silent, asking);
    CHECK(silent < 65536);
    CHECK(asking < 2 * 65536);
    for (int i = 0; i < FEW; i++) {
        peer_close(&p[i]);
        close(fds[i]);
    }
    end();
}

static int user_comes(void)
{
    int theirs, ours = pair(&theirs), had = ups;
    REQUIRE(linkset_accept_control(links, ours) == 0);
    UNTIL(ups == had + 1);
    return theirs;
}

TEST(a_length_costs_nothing_before_its_bytes_come)
{
    enum { FEW = 32 };
    static uint8_t load[FRAME_PAYLOAD_MAX], room[FRAME_SIZE_MAX];
    struct buf b;
    int fds[FEW];
    begin();
    for (int i = 0; i < FEW; i++)
        fds[i] = user_comes();
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_REQUEST_NODES, 0, (struct bytes){load, sizeof load});
    const size_t before = heap_used();
    for (int i = 0; i < FEW; i++)
        REQUIRE(write(fds[i], room, FRAME_HEADER_SIZE + 1) == FRAME_HEADER_SIZE + 1);
    rounds(20);
    CHECK(heap_used() - before < FEW * 1024);
    CHECK_INT(downs, 0);
    for (int i = 0; i < FEW; i++)
        close(fds[i]);
    UNTIL(downs == FEW);
    end();
}

/* One is silent in the middle of a frame, one sends a byte now and then, and one is slow: the last
 * is let be. */
TEST(half_a_frame_waits_ten_seconds_whatever_trickles)
{
    static uint8_t load[FRAME_PAYLOAD_MAX], room[FRAME_SIZE_MAX];
    struct buf b;
    size_t at = FRAME_HEADER_SIZE, slow_at = FRAME_HEADER_SIZE;
    begin();
    int silent = user_comes(), trickles = user_comes(), slow = user_comes();
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_REQUEST_NODES, 0, (struct bytes){load, sizeof load});
    const int all[] = {silent, trickles, slow};
    for (int i = 0; i < 3; i++)
        REQUIRE(write(all[i], room, FRAME_HEADER_SIZE) == FRAME_HEADER_SIZE);
    const struct instant began = loop_clock();
    while (downs < 2 && instant_since_us(loop_clock(), began) < 12 * S_US) {
        (void)!write(trickles, room + at++, 1);
        REQUIRE(write(slow, room + slow_at, 400) == 400); /* 4 KiB a second, on a busy machine 1 */
        slow_at += 400;
        rounds(100);
    }
    CHECK_INT(downs, 2);
    CHECK_INT(end_of_last, LINK_GARBAGE);
    CHECK(instant_since_us(loop_clock(), began) > LINK_HALF_FRAME_US - S_US);
    rounds(500);
    CHECK_INT(downs, 2);
    CHECK(was_closed(silent) && was_closed(trickles) && !was_closed(slow));
    for (int i = 0; i < 3; i++)
        close(all[i]);
    end();
}

/* --- how much of the processor --- */

/* A share that lasts for the whole test, however slow the machine is. */
static void plenty(void)
{
    links->share_us = -S_US;
    links->share_end = instant_plus_us(loop_clock(), 60 * S_US);
}

/* A share that is used up. */
static void use_up(int64_t for_us)
{
    links->share_us = S_US;
    links->share_end = instant_plus_us(loop_clock(), for_us);
}

TEST(strangers_wait_for_their_share_and_nobody_else_does)
{
    struct peer p;
    int theirs, ours = pair(&theirs);
    begin();
    peer_comes(&p, RENEW);
    use_up(300 * MS_US);
    const struct instant began = loop_clock();
    shakes(&p);
    CHECK(instant_since_us(loop_clock(), began) >= 299 * MS_US);
    CHECK(links->share_us > 0);
    peer_close(&p);
    close(ours);
    close(theirs);
    end();
}

TEST(what_the_desk_takes_is_the_strangers_share_too)
{
    uint8_t room[FRAME_HEADER_SIZE];
    struct peer p;
    struct buf b;
    begin();
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_RENEW, 0, (struct bytes){NULL, 0});
    plenty();
    peer_comes(&p, RENEW);
    shakes(&p);
    const int64_t before_us = links->share_us;
    answer_us = 20 * MS_US;
    put(&p, room, sizeof room);
    UNTIL(asked == 1);
    answer_us = 0;
    CHECK(links->share_us >= before_us + 20 * MS_US);
    peer_close(&p);
    end();
}

static bool one_is_parked(void)
{
    bool parked = false;
    for (uint32_t i = 0; i < SLOTS; i++)
        parked |= links->slots[i] && links->slots[i]->parked;
    return parked;
}

TEST(the_time_of_those_who_are_known_is_given_back)
{
    struct peer p;
    struct linkset *others;
    const struct linkset_events events = {.up = on_up, .frame = on_frame, .down = on_down};
    begin();
    REQUIRE(linkset_new(&others, loop, user, user, &events) == 0);
    plenty();
    dial_many(others, 1);
    CHECK_INT(ups, 2);
    CHECK_INT(links->share_us, 0);
    /* Who waited meanwhile goes on at once. */
    peer_comes(&p, RENEW);
    links->share_us = S_US;
    UNTIL((peer_step(&p, &stranger), one_is_parked()));
    plenty();
    dial_many(others, 1);
    shakes(&p);
    peer_close(&p);
    linkset_free(others);
    end();
}

/* --- the log --- */

TEST(a_kind_of_line_is_written_twenty_times_a_second)
{
    static struct log_flow f;
    char text[64];
    uint32_t left_out;
    int written = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "somebody could not join with token %d", i);
        written += log_flow_takes(&f, text, (struct instant){S_US + i}, &left_out);
        CHECK_INT(left_out, 0);
    }
    CHECK_INT(written, LOG_FLOW_LINES_MAX);
    CHECK(log_flow_takes(&f, "another line", (struct instant){S_US + 999}, &left_out));
    CHECK(log_flow_takes(&f, text, (struct instant){2 * S_US}, &left_out));
    CHECK_INT(left_out, 1000 - LOG_FLOW_LINES_MAX);
    CHECK(log_flow_takes(&f, text, (struct instant){2 * S_US}, &left_out));
    CHECK_INT(left_out, 0);
}

TEST(so_many_kinds_of_line_are_told_apart)
{
    static struct log_flow f;
    char text[64];
    uint32_t left_out;
    int written = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d is a kind of its own", i);
        written += log_flow_takes(&f, text, (struct instant){S_US}, &left_out);
    }
    CHECK_INT(written, LOG_FLOW_KINDS_MAX + LOG_FLOW_LINES_MAX);
}

TEST_MAIN(those_who_never_speak_are_so_many_and_the_oldest_go, one_connection_too_many_is_closed,
          one_certificate_has_so_many_links_and_leaves_room_for_others,
          a_join_request_is_one_frame_of_8_KiB_and_nothing_more,
          what_is_no_frame_ends_it_at_the_desk_at_once,
          who_goes_in_the_middle_of_a_join_request_is_forgotten,
          a_join_request_may_come_byte_by_byte,
          who_says_nothing_at_the_desk_or_too_slowly_is_closed_after_two_seconds,
          who_was_answered_counts_until_he_is_gone, a_stranger_costs_little_memory,
          a_length_costs_nothing_before_its_bytes_come,
          half_a_frame_waits_ten_seconds_whatever_trickles,
          strangers_wait_for_their_share_and_nobody_else_does,
          what_the_desk_takes_is_the_strangers_share_too,
          the_time_of_those_who_are_known_is_given_back,
          a_kind_of_line_is_written_twenty_times_a_second, so_many_kinds_of_line_are_told_apart)
