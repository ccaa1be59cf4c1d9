#include "cmd/view_json.h"

#include <math.h>
#include <stdlib.h>

#include "tests/lib/check.h"

struct page {
    char *text;
    size_t len;
    FILE *to;
    struct json j;
};

static void begin(struct page *p)
{
    p->to = open_memstream(&p->text, &p->len);
    REQUIRE(p->to);
    json_begin(&p->j, p->to);
}

static const char *text_of(struct page *p)
{
    fflush(p->to);
    return p->text;
}

static void end(struct page *p)
{
    fclose(p->to);
    free(p->text);
}

#define CHECK_TEXT(in, out)                                                                        \
    do {                                                                                           \
        struct page page;                                                                          \
        begin(&page);                                                                              \
        json_text(&page.j, NULL, (in));                                                            \
        CHECK_STR(text_of(&page), (out));                                                          \
        end(&page);                                                                                \
    } while (0)

TEST(test_text_is_escaped)
{
    CHECK_TEXT("plain", "\"plain\"");
    CHECK_TEXT("a\"b\\c", "\"a\\\"b\\\\c\"");
    CHECK_TEXT("line\nand\ttab\r", "\"line\\nand\\ttab\\u000d\"");
    CHECK_TEXT("\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"");
    CHECK_TEXT("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
    CHECK_TEXT("\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"");
    CHECK_TEXT(NULL, "null");
}

TEST(test_bytes_that_are_no_utf8_are_replaced)
{
    CHECK_TEXT("a\xff", "\"a\\ufffd\"");
    CHECK_TEXT("\xc3", "\"\\ufffd\"");                       /* cut short */
    CHECK_TEXT("\xc0\x80", "\"\\ufffd\\ufffd\"");            /* overlong */
    CHECK_TEXT("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
    CHECK_TEXT("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

TEST(test_numbers)
{
    struct page p;
    begin(&p);
    json_open(&p.j, NULL, '{');
    json_number(&p.j, "a", UINT64_MAX);
    json_seconds(&p.j, "b", 1250000);
    json_seconds(&p.j, "c", 1);
    json_real(&p.j, "d", 0.1);
    json_real(&p.j, "e", NAN);
    json_real(&p.j, "f", -INFINITY);
    json_close(&p.j, '}');
    CHECK_STR(text_of(&p), "{\"a\":18446744073709551615,\"b\":1.250000,\"c\":0.000001,"
                           "\"d\":0.10000000000000001,\"e\":\"nan\",\"f\":\"-inf\"}");
    end(&p);
}

TEST(test_commas_stand_between_values_only)
{
    struct page p;
    begin(&p);
    json_document_open(&p.j, p.to, "jobs");
    json_open(&p.j, NULL, '{');
    json_close(&p.j, '}');
    json_open(&p.j, NULL, '{');
    json_null(&p.j, "x");
    json_truth(&p.j, "y", true);
    json_close(&p.j, '}');
    json_document_close(&p.j);
    CHECK_STR(text_of(&p), "{\"v\":1,\"jobs\":[{},{\"x\":null,\"y\":true}]}\n");
    end(&p);
}

TEST(test_an_empty_list_is_a_document)
{
    struct page p;
    begin(&p);
    json_document_open(&p.j, p.to, "nodes");
    json_document_close(&p.j);
    CHECK_STR(text_of(&p), "{\"v\":1,\"nodes\":[]}\n");
    end(&p);
}

static const char *const job_fields[] = {
    "id",         "name",       "kernel",       "args",        "state",   "by",
    "units",      "leaf_units", "leaves_total", "leaves_done", "nodes",   "retries",
    "duplicates", "redone",     "durable",      "machines",    "seconds", "cpu_seconds",
    "checked",    "result",     "digest",       "error"};

TEST(test_a_job_has_every_agreed_field_in_order)
{
    struct page p;
    struct job_view v = {.state = JOB_DONE, .units = 10, .leaf_units = 3, .elapsed_us = 1500000};
    snprintf(v.kernel, sizeof v.kernel, "pi");
    begin(&p);
    json_job(&p.j, NULL, &v, "3.14");
    const char *at = text_of(&p);
    for (size_t i = 0; i < sizeof job_fields / sizeof *job_fields; i++) {
        char key[32];
        snprintf(key, sizeof key, "\"%s\":", job_fields[i]);
        at = strstr(at, key);
        REQUIRE(at);
    }
    CHECK(strstr(p.text, "\"state\":\"done\"") != NULL);
    CHECK(strstr(p.text, "\"name\":null") != NULL);
    CHECK(strstr(p.text, "\"seconds\":1.500000") != NULL);
    CHECK(strstr(p.text, "\"result\":\"3.14\"") != NULL);
    CHECK(strstr(p.text, "\"error\":null") != NULL);
    end(&p);
}

TEST(test_a_job_without_a_result_has_no_digest)
{
    struct page p;
    struct job_view v = {.state = JOB_RUNNING};
    begin(&p);
    json_job(&p.j, NULL, &v, NULL);
    CHECK(strstr(text_of(&p), "\"result\":null,\"digest\":null") != NULL);
    end(&p);
}

TEST(test_a_node_has_every_agreed_field)
{
    static const char *const fields[] = {"id",    "name",    "addr",         "state",      "arch",
                                         "slots", "busy",    "load",         "mem",        "speed",
                                         "tier",  "version", "seen_seconds", "lag_seconds"};
    struct page p;
    struct node_view v = {.state = NODE_AWAY, .slots = 4, .seen_us = 41000000};
    begin(&p);
    json_node(&p.j, &v);
    text_of(&p);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char key[32];
        snprintf(key, sizeof key, "\"%s\":", fields[i]);
        CHECK(strstr(p.text, key) != NULL);
    }
    CHECK(strstr(p.text, "\"state\":\"away\"") != NULL);
    CHECK(strstr(p.text, "\"seen_seconds\":41.000000") != NULL);
    CHECK(strstr(p.text, "\"lag_seconds\":null") != NULL);
    CHECK(strstr(p.text, "\"tier\":null,\"tier_lacks\":[]") != NULL);
    end(&p);
    v.self = true;
    v.lag_us = 1500;
    v.tier = TIER_S1;
    v.tier_lacks = LACKS_LANDLOCK | LACKS_CGROUP;
    begin(&p);
    json_node(&p.j, &v);
    text_of(&p);
    CHECK(strstr(p.text, "\"lag_seconds\":0.001500") != NULL);
    CHECK(strstr(p.text, "\"tier\":\"S1\",\"tier_lacks\":[\"Landlock\",\"cgroup\"]") != NULL);
    end(&p);
}

TEST_MAIN(test_text_is_escaped, test_bytes_that_are_no_utf8_are_replaced, test_numbers,
          test_commas_stand_between_values_only, test_an_empty_list_is_a_document,
          test_a_job_has_every_agreed_field_in_order, test_a_job_without_a_result_has_no_digest,
          test_a_node_has_every_agreed_field)
