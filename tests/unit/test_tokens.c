/* Tokens in a home folder of their own below /tmp. */
#include "core/host/tokens.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/identity.h"
#include "core/host/memory.h"
#include "core/host/rotation.h"
#include "tests/lib/check.h"

#define NOW 1000000

static struct home home;
static char message[HOME_MESSAGE_SIZE];
static struct tokens all;

static void begin(void)
{
    snprintf(home.path, sizeof home.path, "/tmp/velum-tokens-XXXXXX");
    REQUIRE(mkdtemp(home.path));
}

static void end(void)
{
    char command[HOME_PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", home.path);
    CHECK_INT(system(command), 0);
}

static const char *file(void)
{
    static char path[HOME_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/tokens", home.path);
    return path;
}

static struct token token(uint8_t number, uint32_t uses)
{
    struct token t = {.roles = JOIN_NODE | JOIN_READ, .expires_s = NOW + 100, .uses = uses};
    t.id[0] = number;
    t.verifier.bytes[0] = (uint8_t)(number + 1);
    snprintf(t.name, sizeof t.name, "n%u", number);
    return t;
}

static int add(uint8_t number, uint32_t uses)
{
    struct token t = token(number, uses);
    return tokens_add(&home, &t, NOW, message);
}

static bool holds(void *ctx, const struct digest *verifier)
{
    return verifier->bytes[0] == *(const uint8_t *)ctx;
}

static void who(void *ctx, struct joined *to)
{
    (void)ctx;
    to->user.bytes[0] = 7;
}

static int redeem(uint8_t number, uint8_t proof, int64_t now_s)
{
    const struct redeeming by = {&proof, holds, NULL, who};
    struct token out;
    uint8_t id[JOIN_ID_SIZE] = {number};
    int rc = tokens_redeem(&home, id, now_s, &by, &out, message);
    if (rc == 0)
        CHECK_INT(out.id[0], number);
    return rc;
}

TEST(a_token_is_kept_as_it_was_made)
{
    begin();
    CHECK_INT(tokens_read(&home, &all, message), 0);
    CHECK_INT(all.count, 0);
    CHECK_INT(add(1, 3), 0);
    CHECK_INT(add(2, 1), 0);
    CHECK_INT(tokens_read(&home, &all, message), 0);
    CHECK_INT(all.count, 2);
    CHECK_INT(all.list[0].uses, 3);
    CHECK_INT(all.list[1].roles, JOIN_NODE | JOIN_READ);
    CHECK_INT(all.list[1].expires_s, NOW + 100);
    CHECK_STR(all.list[1].name, "n2");
    struct stat s;
    CHECK(stat(file(), &s) == 0 && (s.st_mode & 0777) == 0600);
    end();
}

/* By a clock that was ahead by a year. One that was set back a little since is as good. */
TEST(one_that_ends_later_than_any_may_lets_nobody_in)
{
    const int64_t most = TOKEN_TTL_MAX_S + TOKEN_CLOCK_S;
    struct token t = token(1, 2);
    begin();
    t.expires_s = NOW + 365 * (int64_t)24 * 3600;
    CHECK_INT(tokens_add(&home, &t, t.expires_s - 100, message), 0);
    CHECK_INT(redeem(1, 2, NOW), ERR_PERMISSION);
    CHECK_STR(message, "it was made by a clock that was ahead, or this machine's is behind");
    CHECK_INT(redeem(1, 2, t.expires_s - most - 1), ERR_PERMISSION);
    CHECK_INT(redeem(1, 2, t.expires_s - most), 0);
    end();
}

static bool may_not(void *ctx, const struct token *t, char why[HOME_MESSAGE_SIZE])
{
    (void)ctx;
    snprintf(why, HOME_MESSAGE_SIZE, "not with n%u", t->id[0]);
    return false;
}

/* His proof is right, and he is not let in for something else. */
TEST(who_may_not_come_takes_no_use_and_is_not_written_down)
{
    uint8_t proof = 2, id[JOIN_ID_SIZE] = {1};
    const struct redeeming by = {&proof, holds, may_not, who};
    struct joined_list came;
    struct token out;
    begin();
    CHECK_INT(add(1, 1), 0);
    CHECK_INT(tokens_redeem(&home, id, NOW, &by, &out, message), ERR_PERMISSION);
    CHECK_STR(message, "not with n1");
    CHECK_INT(joined_read(&home, &came, message), 0);
    CHECK_INT(came.count, 0);
    CHECK_INT(redeem(1, 2, NOW), 0);
    CHECK_INT(joined_read(&home, &came, message), 0);
    CHECK_INT(came.count, 1);
    end();
}

TEST(so_many_uses_and_no_more)
{
    begin();
    CHECK_INT(add(1, 2), 0);
    CHECK_INT(redeem(1, 2, NOW), 0);
    CHECK_INT(redeem(1, 2, NOW), 0);
    CHECK_INT(redeem(1, 2, NOW), ERR_PERMISSION);
    end();
}

TEST(refused_are_a_wrong_proof_another_token_and_one_that_ended)
{
    begin();
    CHECK_INT(add(1, 9), 0);
    CHECK_INT(redeem(1, 7, NOW), ERR_PERMISSION);
    CHECK_INT(redeem(2, 2, NOW), ERR_PERMISSION);
    CHECK_INT(redeem(3, 0, NOW), ERR_PERMISSION); /* the verifier of nobody */
    CHECK_INT(redeem(1, 2, NOW + 100), ERR_PERMISSION);
    CHECK_INT(redeem(1, 2, NOW + 99), 0);
    end();
}

TEST(five_wrong_guesses_end_it)
{
    begin();
    CHECK_INT(add(1, 9), 0);
    for (int i = 0; i < TOKEN_BAD_MAX; i++)
        CHECK_INT(redeem(1, 7, NOW), ERR_PERMISSION);
    CHECK_INT(redeem(1, 2, NOW), ERR_PERMISSION);
    end();
}

TEST(revoked_is_one_or_all)
{
    uint8_t id[JOIN_ID_SIZE] = {2};
    begin();
    CHECK_INT(add(1, 1), 0);
    CHECK_INT(add(2, 1), 0);
    CHECK_INT(add(3, 1), 0);
    CHECK_INT(tokens_revoke(&home, id, message), 1);
    CHECK_INT(tokens_revoke(&home, id, message), 0);
    CHECK_INT(redeem(2, 3, NOW), ERR_PERMISSION);
    CHECK_INT(redeem(1, 2, NOW), 0);
    CHECK_INT(tokens_revoke(&home, NULL, message), 1);
    CHECK_INT(redeem(3, 4, NOW), ERR_PERMISSION);
    end();
}

TEST(a_full_list_says_so_and_an_old_one_makes_room)
{
    struct token t = token(0, 1);
    begin();
    for (int i = 0; i < TOKENS_MAX; i++) {
        t.id[1] = (uint8_t)i;
        REQUIRE(tokens_add(&home, &t, NOW, message) == 0);
    }
    t.id[2] = 1;
    CHECK_INT(tokens_add(&home, &t, NOW, message), ERR_FULL);
    CHECK(strstr(message, "revoke"));
    /* One that is revoked gives way at once, and nothing else does. */
    CHECK_INT(redeem(0, 1, NOW), 0);
    CHECK_INT(tokens_add(&home, &t, NOW, message), 0);
    t.id[2] = 2;
    CHECK_INT(tokens_add(&home, &t, NOW, message), ERR_FULL);
    CHECK_INT(tokens_read(&home, &all, message), 0);
    CHECK_INT(all.count, TOKENS_MAX);
    CHECK_INT(all.list[0].id[1], 1);
    CHECK_INT(all.list[TOKENS_MAX - 1].id[2], 1);
    CHECK_INT(tokens_add(&home, &t, NOW + 100 + 24 * 3600, message), 0);
    CHECK_INT(tokens_read(&home, &all, message), 0);
    CHECK_INT(all.count, 1);
    end();
}

TEST(a_damaged_list_is_refused_and_left_as_it_is)
{
    static const char *const bad[] = {"x", "AAAAAAAA node 1 1 0 00 -\n", "\n"};
    begin();
    CHECK_INT(add(1, 1), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FILE *f = fopen(file(), "a");
        REQUIRE(f);
        fputs(bad[i], f);
        fclose(f);
        CHECK_INT(tokens_read(&home, &all, message), ERR_DAMAGED);
        CHECK(strstr(message, "remove it"));
        CHECK_INT(add(2, 1), ERR_DAMAGED);
        CHECK_INT(truncate(file(), 0), 0);
        CHECK_INT(add(1, 1), 0);
    }
    end();
}

TEST(a_list_that_is_taken_away_is_gone_whatever_is_in_it)
{
    const uint8_t first[JOIN_ID_SIZE] = {1}, third[JOIN_ID_SIZE] = {3};
    begin();
    CHECK_INT(tokens_forget(&home, message), 0);
    CHECK_INT(add(1, 1), 0);
    CHECK_INT(add(2, 3), 0);
    CHECK_INT(redeem(1, 2, NOW), 0);
    CHECK(tokens_know(&home, first) && !tokens_know(&home, third));
    CHECK_INT(tokens_forget(&home, message), 1);
    CHECK(!tokens_know(&home, first));
    CHECK_INT(redeem(2, 3, NOW), ERR_PERMISSION);
    REQUIRE(home_write_file(file(), (struct bytes){(const uint8_t *)"no list", 7}, message) == 0);
    CHECK_INT(tokens_forget(&home, message), 0);
    CHECK(access(file(), F_OK) != 0);
    end();
}

TEST(who_had_a_token_is_written_down_and_of_many_the_last)
{
    static struct joined_list list;
    const struct joined one = {.token = {9}, .at_s = 5, .node = {{3}}};
    char path[HOME_PATH_SIZE];
    begin();
    CHECK_INT(joined_read(&home, &list, message), 0);
    CHECK_INT(list.count, 0);
    CHECK_INT(add(1, JOINED_MAX), 0);
    CHECK_INT(redeem(1, 7, NOW), ERR_PERMISSION);
    CHECK_INT(redeem(2, 2, NOW), ERR_PERMISSION);
    for (int i = 0; i < JOINED_MAX; i++)
        REQUIRE(redeem(1, 2, NOW + i % 100) == 0);
    CHECK_INT(joined_read(&home, &list, message), 0);
    CHECK_INT(list.count, JOINED_MAX);
    CHECK_INT(list.list[0].at_s, NOW);
    CHECK_INT(list.list[0].token[0], 1);
    CHECK(list.list[0].user.bytes[0] == 7 && node_id_is_zero(list.list[0].node));
    CHECK_INT(joined_add(&home, &one, message), 0);
    CHECK_INT(joined_read(&home, &list, message), 0);
    CHECK_INT(list.count, JOINED_MAX);
    CHECK_INT(list.list[0].at_s, NOW + 1);
    CHECK_INT(list.list[JOINED_MAX - 1].token[0], 9);
    CHECK_INT(list.list[JOINED_MAX - 1].node.bytes[0], 3);
    /* One that is damaged is said, and is in nobody's way. */
    home_file(&home, "joined", path);
    REQUIRE(home_write_file(path, (struct bytes){(const uint8_t *)"no\n", 3}, message) == 0);
    CHECK_INT(joined_read(&home, &list, message), ERR_DAMAGED);
    CHECK(strstr(message, "joined is damaged") != NULL);
    CHECK_INT(joined_add(&home, &one, message), 0);
    CHECK_INT(joined_read(&home, &list, message), 0);
    CHECK_INT(list.count, 1);
    end();
}

/* Whoever has them proves by the home's files what he would by the string. */
TEST(an_emergency_leaves_no_token)
{
    begin();
    REQUIRE(identity_mesh_open(&home, message) == 0);
    CHECK_INT(add(1, 1), 0);
    CHECK_INT(add(2, 1), 0);
    CHECK_INT(redeem(2, 3, NOW), 0);
    CHECK_INT(rotation_emergency(&home, message), 1);
    CHECK_INT(redeem(1, 2, NOW), ERR_PERMISSION);
    CHECK_INT(rotation_emergency(&home, message), 0);
    end();
}

/* A hundred processes at one token for one use. */
TEST(of_those_that_race_one_wins)
{
    int won = 0, status;
    begin();
    CHECK_INT(add(1, 1), 0);
    for (int i = 0; i < 100; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid > 0)
            continue;
        int rc = ERR_BUSY;
        for (int k = 0; k < 10000 && rc == ERR_BUSY; k++) {
            rc = redeem(1, 2, NOW);
            usleep(rc == ERR_BUSY ? 500 : 0);
        }
        _exit(rc == 0 ? 1 : rc == ERR_PERMISSION ? 2 : 3);
    }
    for (int i = 0; i < 100; i++) {
        REQUIRE(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) < 3);
        won += WEXITSTATUS(status) == 1;
    }
    CHECK_INT(won, 1);
    end();
}

TEST_MAIN(a_token_is_kept_as_it_was_made, one_that_ends_later_than_any_may_lets_nobody_in,
          who_may_not_come_takes_no_use_and_is_not_written_down, so_many_uses_and_no_more,
          refused_are_a_wrong_proof_another_token_and_one_that_ended, five_wrong_guesses_end_it,
          revoked_is_one_or_all, a_full_list_says_so_and_an_old_one_makes_room,
          a_damaged_list_is_refused_and_left_as_it_is,
          a_list_that_is_taken_away_is_gone_whatever_is_in_it, an_emergency_leaves_no_token,
          who_had_a_token_is_written_down_and_of_many_the_last, of_those_that_race_one_wins)
