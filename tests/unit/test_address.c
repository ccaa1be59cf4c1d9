#include "core/host/address.h"

#include "core/base/err.h"
#include "tests/lib/check.h"

static void check_same(const char *text, const char *shown, bool loopback)
{
    struct address a;
    char again[ADDR_SIZE];
    REQUIRE(address_parse(text, &a) == 0);
    address_text(&a, again);
    CHECK_STR(again, shown);
    CHECK_INT(address_is_loopback(&a), loopback);
}

TEST(test_numbers)
{
    check_same("127.0.0.1:8001", "127.0.0.1:8001", true);
    check_same("127.255.0.9:1", "127.255.0.9:1", true);
    check_same("192.0.2.10:65535", "192.0.2.10:65535", false);
    check_same("[::1]:8001", "[::1]:8001", true);
    check_same("[2001:db8::7]:80", "[2001:db8::7]:80", false);
    check_same("[fe80::7%lo]:80", "[fe80::7%lo]:80", false);
    check_same("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true);
    check_same("[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80", false);
}

TEST(test_localhost_is_built_in)
{
    check_same("localhost:8004", "127.0.0.1:8004", true);
}

TEST(test_names_are_not_resolved)
{
    struct address a;
    CHECK_INT(address_parse("node-1.example:8001", &a), ERR_NOT_FOUND);
    CHECK_INT(address_parse("1.2.3:8001", &a), ERR_NOT_FOUND);
}

TEST(test_what_is_no_address)
{
    static const char *const wrong[] = {"",
                                        ":",
                                        ":8001",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "a:b:c",
                                        "127.0.0.1:0",
                                        "::1:8001",
                                        "[2001:db8::7%lo]:80",
                                        "[fe80::7%nowhere]:80",
                                        "127.0.0.1:65536",
                                        "127.0.0.1:-1",
                                        "[::1]",
                                        "[]:80",
                                        "127.0.0.1:8x",
                                        "na me:80",
                                        "127.0.0.1: 80",
                                        "a/b:80",
                                        "[::1:80",
                                        "127.0.0.1:99999999999999999999"};
    struct address a;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_INT(address_parse(wrong[i], &a), ERR_FORMAT);
}

TEST(test_a_host_of_any_length)
{
    struct address a;
    char text[600];
    for (size_t n = 250; n < 500; n++) {
        memset(text, 'a', n);
        memcpy(text + n, ":80", 4);
        CHECK_INT(address_parse(text, &a), n < 256 ? ERR_NOT_FOUND : ERR_FORMAT);
    }
}

TEST(test_resolve_says_what_is_wrong)
{
    struct address a;
    char message[512] = "";
    CHECK_INT(address_resolve("nothing", &a, message), ERR_FORMAT);
    CHECK(strstr(message, "HOST:PORT") != NULL);
    CHECK_INT(address_resolve("localhost:7", &a, message), 0);
    CHECK_INT(address_port(&a), 7);
}

TEST(test_any_is_reachable_somewhere)
{
    struct address any, to;
    char text[ADDR_SIZE];
    REQUIRE(address_parse("0.0.0.0:8001", &any) == 0);
    address_reachable(&any, &to);
    address_text(&to, text);
    CHECK(strcmp(text, "0.0.0.0:8001") != 0);
    CHECK_INT(address_port(&to), 8001);
    REQUIRE(address_parse("127.0.0.1:8001", &any) == 0);
    address_reachable(&any, &to);
    address_text(&to, text);
    CHECK_STR(text, "127.0.0.1:8001");
}

TEST_MAIN(test_numbers, test_localhost_is_built_in, test_names_are_not_resolved,
          test_what_is_no_address, test_a_host_of_any_length, test_resolve_says_what_is_wrong,
          test_any_is_reachable_somewhere)
