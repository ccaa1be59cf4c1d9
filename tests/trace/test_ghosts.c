/* Members that somebody makes up who has the key of a stolen node, and certificates that he
 * shows. */
#include "core/mesh/mesh_wire.h"
#include "core/node/introduce.h"
#include "core/node/offence.h"
#include "core/node/proven.h"
#include "core/wire/introduce.h"
#include "tests/lib/toolbox.h"

#define GHOSTS 5000u
#define A_PAGE 50u

/* Somebody who is not there. */
static struct node_id ghost(uint32_t number)
{
    struct node_id id = {{0xaa}};

    store_u32(id.bytes + 4, number);
    return id;
}

static void tell_of(uint32_t teller, const struct node_id *ids, uint32_t count,
                    enum node_state state)
{
    static uint8_t room[FRAME_PAYLOAD_MAX];
    struct rumor rumor = {.state = state,
                          .info = {.boot = 5, .incarnation = 1, .name = "somebody", .slots = 1}};
    struct buf b;

    snprintf(rumor.info.addr, sizeof rumor.info.addr, "10.0.0.1:8001");
    buf_init_fixed(&b, room, sizeof room);
    put_u16(&b, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        rumor.info.id = ids[i];
        put_rumor(&b, &rumor);
    }
    rig_frame(&rig, teller, MESSAGE_RUMORS, &b);
}

static void tell_of_ghosts(uint32_t count, enum node_state state)
{
    struct node_id ids[A_PAGE];

    for (uint32_t i = 0; i < count; i += A_PAGE) {
        for (uint32_t k = 0; k < A_PAGE; k++)
            ids[k] = ghost(i + k);
        tell_of(thief, ids, A_PAGE, state);
        rig_run(&rig, MS_US);
    }
}

static uint32_t strangers_dialled(void)
{
    uint32_t count = 0;

    while (rig_take_dial(&rig, RIG_NOBODY) != NULL)
        count++;
    return count;
}

/* Nobody is asked to hold anything, nor dialled, and what waits for a proof has a bound. */
TEST(whom_he_makes_up_is_no_member)
{
    static const enum node_state states[] = {NODE_ALIVE, NODE_SUSPECT, NODE_DEAD, NODE_LEFT};
    size_t before;

    begin();
    before = rig.heap.live_bytes;
    for (uint32_t i = 0; i < 4; i++)
        tell_of_ghosts(GHOSTS, states[i]);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK(rig.heap.live_bytes < before + HEARD_MAX * 1024);
    rig_run(&rig, 10 * S_US);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK_INT(strangers_dialled(), 0);
    CHECK(is_in());
    /* The empty table of them stays. */
    CHECK(rig.heap.live_bytes <= before + 2 * HEARD_MAX * (ID_SIZE + sizeof(void *)));
    work(3 * S_US);
    CHECK_INT(rig_view(&rig, &job).leaves_done, LEAVES);
    end();
}

/* Whoever says that he is too old to introduce anybody is not believed for that: it is seen who
 * answers where they should be, a few at a time. */
TEST(whom_he_makes_up_as_an_old_node_is_looked_for_slowly)
{
    begin();
    rig_peer_cut(&rig, thief);
    rig.peers[thief].level = FEATURE_INTRODUCE - 1;
    rig_peer_up(&rig, thief, 1);
    (void)strangers_dialled();
    tell_of_ghosts(GHOSTS, NODE_ALIVE);
    rig_run(&rig, 10 * S_US);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK(strangers_dialled() <= 10 * S_US / SEEK_US + 2);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_INTRODUCE), 0);
    end();
}

/* Also by him: it is the certificate that counts. And nobody is kept from it by ghosts. */
TEST(who_is_there_is_a_member_whoever_tells_of_it)
{
    begin();
    tell_of(thief, &rig.peers[PEERS].id, 1, NODE_ALIVE);
    rig_run(&rig, MS_US);
    CHECK(mesh_find(rig.node->mesh, rig.peers[PEERS].id) != NULL);
    rig.peers[thief].withholds = true;
    tell_of_ghosts(GHOSTS, NODE_ALIVE);
    tell_of(HONEST, &rig.peers[PEERS + 1].id, 1, NODE_ALIVE);
    rig_run(&rig, 10 * MS_US);
    CHECK(mesh_find(rig.node->mesh, rig.peers[PEERS + 1].id) != NULL);
    /* It is introduced to others as it was to this node. */
    CHECK_INT(proven_certificate(rig.node, rig.peers[PEERS + 1].id).len, RIG_CERTIFICATE_SIZE);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS + 2);
    end();
}

/* Nobody waits until he has said nothing about each of his ghosts, also whom he named among them,
 * and first. */
TEST(whom_he_names_among_ghosts_is_proven_by_the_next)
{
    const struct member *m;

    begin();
    rig.peers[thief].withholds = true;
    tell_of_ghosts(200, NODE_ALIVE);
    tell_of(thief, &rig.peers[PEERS].id, 1, NODE_ALIVE);
    rig_run(&rig, MS_US);
    CHECK(mesh_find(rig.node->mesh, rig.peers[PEERS].id) == NULL);
    rig_peers_told(&rig, HONEST, PEERS, PEERS + 1, 1);
    rig_run(&rig, MS_US);
    m = mesh_find(rig.node->mesh, rig.peers[PEERS].id);
    REQUIRE(m != NULL);
    CHECK_STR(m->info->addr, "peer5:1");
    end();
}

/* He tells of so many, and shows for each this certificate; no id: its own. */
static void introduce(uint32_t first, uint32_t count, struct node_id id, enum party party,
                      enum rig_chain chain)
{
    static uint8_t room[FRAME_PAYLOAD_MAX];
    static uint8_t certificates[INTRODUCE_MAX][RIG_CERTIFICATE_SIZE];
    struct node_id ids[INTRODUCE_MAX];
    struct introduced m = {.count = count};
    struct buf b;

    for (uint32_t i = 0; i < count; i++) {
        m.list[i].id = ids[i] = ghost(first + i);
        rig_certificate(node_id_is_zero(id) ? ids[i] : id, party, certificates[i]);
        certificates[i][RIG_CHAIN_AT] = (uint8_t)chain;
        m.list[i].certificate = (struct bytes){certificates[i], RIG_CERTIFICATE_SIZE};
    }
    tell_of(thief, ids, count, NODE_ALIVE);
    CHECK(rig_take(&rig, thief, MESSAGE_INTRODUCE) != NULL);
    buf_init_fixed(&b, room, sizeof room);
    put_introduced(&b, &m);
    say(MESSAGE_INTRODUCED, &b);
    rig_run(&rig, 2 * S_US);
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
}

TEST(no_certificate_but_its_own_makes_a_member)
{
    const struct node_id own = {{0}};

    begin();
    rig.peers[thief].withholds = true;
    introduce(0, 1, rig.peers[HONEST].id, PARTY_NODE, RIG_GOOD);
    introduce(1, 1, own, PARTY_USER, RIG_GOOD);
    introduce(2, 1, own, PARTY_NODE, RIG_FORGED);
    CHECK(is_in());
    end();
}

/* Each costs a point: so many at once are no mistake. */
TEST(who_shows_false_certificates_is_shut_out)
{
    static const enum party parties[] = {PARTY_NODE, PARTY_USER, PARTY_NODE};
    static const enum rig_chain chains[] = {RIG_GOOD, RIG_GOOD, RIG_FORGED};
    struct node_id id = {{0}};

    for (uint32_t i = 0; i < 3; i++) {
        begin();
        rig.peers[thief].withholds = true;
        if (i == 0)
            id = rig.peers[HONEST].id;
        introduce(0, OFFENCE_MAX, id, parties[i], chains[i]);
        CHECK(is_in());
        rig_run(&rig, OFFENCE_MAX * OFFENCE_FADE_US);
        introduce(100, OFFENCE_MAX + 1, id, parties[i], chains[i]);
        CHECK(!is_in());
        CHECK(offence_bars(rig.node, rig.peers[thief].id));
        id = (struct node_id){{0}};
        end();
    }
}

/* An honest node may know of a root earlier than this one. */
TEST(a_certificate_by_a_root_that_is_not_known_here_is_no_offence)
{
    begin();
    rig.peers[thief].withholds = true;
    for (uint32_t i = 0; i < 3; i++) {
        introduce(i * INTRODUCE_MAX, INTRODUCE_MAX, (struct node_id){{0}}, PARTY_NODE,
                  RIG_OF_A_NEWER_ROOT);
        rig_run(&rig, 2 * S_US);
        CHECK_INT(strangers_dialled(), INTRODUCE_MAX);
    }
    CHECK(is_in());
    end();
}

TEST(certificates_that_nobody_asked_for_cost_nothing)
{
    static uint8_t room[2 * RIG_CERTIFICATE_SIZE];
    uint8_t certificate[RIG_CERTIFICATE_SIZE];
    struct introduced m = {.count = 1};
    size_t before;
    struct buf b;

    begin();
    before = rig.heap.live_bytes;
    for (uint32_t i = 0; i < GHOSTS; i++) {
        m.list[0].id = ghost(i);
        rig_certificate(ghost(i), PARTY_NODE, certificate);
        m.list[0].certificate = (struct bytes){certificate, sizeof certificate};
        buf_init_fixed(&b, room, sizeof room);
        put_introduced(&b, &m);
        say(MESSAGE_INTRODUCED, &b);
    }
    CHECK_INT(mesh_count(rig.node->mesh), PEERS);
    CHECK(rig.heap.live_bytes < before + 4096);
    end();
}

/* Of an answer so many a second are worth it. */
TEST(who_asks_and_asks_is_not_answered_each_time)
{
    uint8_t room[64];
    struct buf b;

    begin();
    buf_init_fixed(&b, room, sizeof room);
    put_introduce(&b, &(struct introduce){.count = 1, .ids = {rig.peers[HONEST].id}});
    for (uint32_t i = 0; i < 10 * INTRODUCE_ANSWERS; i++)
        say(MESSAGE_INTRODUCE, &b);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_INTRODUCED), INTRODUCE_ANSWERS);
    rig_run(&rig, 2 * S_US);
    say(MESSAGE_INTRODUCE, &b);
    CHECK_INT(rig_count(&rig, thief, MESSAGE_INTRODUCED), 1);
    end();
}

TEST_MAIN(whom_he_makes_up_is_no_member, whom_he_makes_up_as_an_old_node_is_looked_for_slowly,
          who_is_there_is_a_member_whoever_tells_of_it,
          whom_he_names_among_ghosts_is_proven_by_the_next,
          no_certificate_but_its_own_makes_a_member, who_shows_false_certificates_is_shut_out,
          a_certificate_by_a_root_that_is_not_known_here_is_no_offence,
          certificates_that_nobody_asked_for_cost_nothing,
          who_asks_and_asks_is_not_answered_each_time)
