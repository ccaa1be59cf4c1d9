/* Every type of message, said by every party: what the table answers against a second list, written
 * by who reads the reference and not by who wrote the table. */
#include "core/node/permit.h"

#include <string.h>

#include "core/base/text.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

struct expected {
    uint8_t type;
    const char *submit, *native, *read; /* "-": no, "y": yes, "o": own, "w": by the whole name */
};

static const struct expected users[] = {
    {MESSAGE_REQUEST_SUBMIT, "y", "y", "-"},  {MESSAGE_REQUEST_WATCH, "o", "o", "y"},
    {MESSAGE_REQUEST_JOBS, "y", "y", "y"},    {MESSAGE_REQUEST_KILL, "o", "o", "-"},
    {MESSAGE_REQUEST_NODES, "y", "y", "y"},   {MESSAGE_REQUEST_LOGS, "o", "o", "-"},
    {MESSAGE_REQUEST_KERNELS, "y", "y", "y"}, {MESSAGE_REQUEST_PLAN, "y", "y", "-"},
    {MESSAGE_REQUEST_SHOW, "y", "y", "-"},    {MESSAGE_REQUEST_STALE, "-", "-", "-"},
    {MESSAGE_REQUEST_PUT, "y", "y", "-"},     {MESSAGE_REQUEST_DATA, "y", "y", "-"},
    {MESSAGE_REQUEST_GET, "w", "w", "-"},     {MESSAGE_REQUEST_MORE, "y", "y", "-"},
    {MESSAGE_REQUEST_OBJECTS, "-", "-", "-"}, {MESSAGE_REQUEST_RM, "w", "w", "-"},
    {MESSAGE_REQUEST_STAGES, "o", "o", "y"},  {MESSAGE_REQUEST_SESSION, "o", "o", "-"},
    {MESSAGE_REQUEST_AHEAD, "y", "y", "-"},   {MESSAGE_REQUEST_ASIDES, "y", "y", "-"},
    {MESSAGE_REQUEST_SNIPPET, "-", "y", "-"}, {MESSAGE_REQUEST_ACT, "y", "y", "y"},
    {MESSAGE_REQUEST_EVENTS, "y", "y", "y"},
    {MESSAGE_REQUEST_RECEIPT, "o", "o", "y"},
};

static const struct expected *find(uint8_t type)
{
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        if (users[i].type == type)
            return &users[i];
    return NULL;
}

static enum permit meant(const char *letter)
{
    return *letter == 'y'   ? PERMIT_YES
           : *letter == 'o' ? PERMIT_OWN
           : *letter == 'w' ? PERMIT_WHOLE
                            : PERMIT_NO;
}

static bool is_message(int type)
{
    static const uint8_t all[] = {
#define NUMBER(name, number) (number),
        MESSAGE_LIST(NUMBER)
#undef NUMBER
    };
    return memchr(all, type, sizeof all) != NULL;
}

TEST(users_may_what_their_role_says_and_nothing_else)
{
    for (int type = 0; type < 256; type++) {
        const struct expected *e = find((uint8_t)type);
        const struct expected none = {0, "-", "-", "-"};
        const enum permit admin = e ? PERMIT_YES : PERMIT_NO;
        e = e ? e : &none;
        CHECK_INT(permit_of(PARTY_USER, (uint8_t)type), admin);
        CHECK_INT(permit_of(PARTY_SUBMIT, (uint8_t)type), meant(e->submit));
        CHECK_INT(permit_of(PARTY_NATIVE, (uint8_t)type), meant(e->native));
        CHECK_INT(permit_of(PARTY_READ, (uint8_t)type), meant(e->read));
    }
}

TEST(nodes_say_what_nodes_say_and_ask_nothing_that_users_ask)
{
    for (int type = 0; type < 256; type++) {
        bool may = is_message(type) && type < 80 && type != MESSAGE_JOIN &&
                   type != MESSAGE_JOINED && type != MESSAGE_JOIN_REFUSED &&
                   type != MESSAGE_RENEW && type != MESSAGE_RENEWED;
        CHECK_INT(permit_of(PARTY_NODE, (uint8_t)type), may ? PERMIT_YES : PERMIT_NO);
    }
}

TEST(an_issuer_and_parties_that_are_none_say_nothing)
{
    static const int parties[] = {-1, 0, PARTY_ISSUER, PARTY_ISSUER + 1, 255};
    for (int type = 0; type < 256; type++)
        for (size_t i = 0; i < sizeof parties / sizeof *parties; i++)
            CHECK_INT(permit_of((enum party)parties[i], (uint8_t)type), PERMIT_NO);
}

static struct stage_spec stage(bool foreign)
{
    return (struct stage_spec){.snippet = foreign};
}

TEST(c_source_takes_a_role_of_its_own)
{
    static const int all[] = {PARTY_NODE,   PARTY_USER, PARTY_SUBMIT,
                              PARTY_NATIVE, PARTY_READ, PARTY_ISSUER};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct job_spec plain = {.stage = stage(false)}, foreign = {.stage = stage(true)};
        bool submits = all[i] == PARTY_USER || all[i] == PARTY_SUBMIT || all[i] == PARTY_NATIVE;
        CHECK_INT(permit_spec(all[i], &plain), submits);
        CHECK_INT(permit_spec(all[i], &foreign), submits && all[i] != PARTY_SUBMIT);
    }
}

TEST_MAIN(users_may_what_their_role_says_and_nothing_else,
          nodes_say_what_nodes_say_and_ask_nothing_that_users_ask,
          an_issuer_and_parties_that_are_none_say_nothing, c_source_takes_a_role_of_its_own)
