/* What `velum doctor` says of a machine, of whichever is described to it. */
#include "cmd/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/doctor_discovery.h"
#include "cmd/doctor_peers.h"
#include "config.h"
#include "core/base/text.h"
#include "core/wire/tier.h"
#include "tests/lib/check.h"

#define DAY_S ((int64_t)86400)
#define BEGIN_S ((int64_t)1800000000) /* 2027-01-15 */

static struct findings found;
static char *text;
static size_t text_len;

static void begin(bool as_json)
{
    findings_open(&found, open_memstream(&text, &text_len), as_json);
}

/* Ends what begin began, and looks for one line in it. */
static void check_said(const char *line)
{
    fclose(found.to);
    if (!CHECK(text != NULL && strstr(text, line) != NULL))
        printf("    %s    has no\n    %s\n", text, line);
    free(text);
}

TEST(test_what_is_not_ok_says_what_to_do_and_the_end_counts)
{
    begin(false);
    findings_add(&found, FINDING_OK, "this", NULL, "is %s", "well");
    CHECK_INT(findings_close(&found), 0);
    check_said("ok    this          is well\nall is well: 1 checks\n");
    begin(false);
    findings_add(&found, FINDING_NOTE, "this", "that", "is %s", "so-so");
    CHECK_INT(findings_close(&found), 0);
    check_said("note  this          is so-so\n      try: that\nnothing is bad: 1 checks, 1 note\n");
    begin(false);
    findings_add(&found, FINDING_BAD, "this", "that", "ends\nthe line");
    findings_add(&found, FINDING_BAD, "more", "that", "of it");
    CHECK_INT(findings_close(&found), 1);
    check_said("bad   this          ends\\u{a}the line\n      try: that\n");
    begin(true);
    findings_add(&found, FINDING_BAD, "this", "that", "is bad");
    findings_add(&found, FINDING_OK, "it", NULL, "is well");
    CHECK_INT(findings_close(&found), 1);
    check_said("{\"v\":1,\"findings\":[{\"level\":\"bad\",\"what\":\"this\",\"value\":\"is bad\","
               "\"try\":\"that\"},{\"level\":\"ok\",\"what\":\"it\",\"value\":\"is well\",\"try\":"
               "null}],\"checks\":2,\"notes\":0,\"bad\":1}\n");
}

static void check_cage(uint8_t lacks, int landlock, unsigned notes, const char *line)
{
    begin(false);
    doctor_cage(&found, lacks, landlock);
    CHECK_INT(found.counts[FINDING_NOTE], notes);
    CHECK_INT(found.counts[FINDING_BAD], 0);
    check_said(line);
}

TEST(test_a_tier_is_told_with_what_it_lacks)
{
    check_cage(0, 4, 0, "ok    tier          S3 for a node started here\n");
    check_cage(LACKS_CGROUP, 4, 0,
               "ok    tier          S2 for a node started here; for S3 it lacks cgroup\n");
    check_cage(LACKS_LANDLOCK, 0, 1, "note  Landlock      this system has none\n      try: ");
    check_cage(LACKS_NAMESPACES, 4, 1, "note  namespaces    this system refuses them");
    check_cage(LACKS_LANDLOCK | LACKS_NAMESPACES, 0, 3,
               "note  tier          S1, it lacks Landlock and namespaces: ");
    check_cage(LACKS_FILTER, 4, 2, "note  tier          S0, it lacks seccomp: ");
    check_cage(LACKS_FILTER, 4, 2, "note  seccomp       this system filters no system calls\n");
    check_cage(LACKS_WALLS, 0, 1, "note  tier          S0: a build with a sanitizer");
    begin(false);
    doctor_group(&found, "no cgroup is mounted here");
    CHECK_INT(found.counts[FINDING_NOTE], 0);
    check_said("ok    cgroup        workers have none: no cgroup is mounted here\n");
}

TEST(test_compilers)
{
    begin(false);
    doctor_compilers(&found, true, "/usr/bin/cc", 0);
    CHECK_INT(found.counts[FINDING_OK], 2);
    check_said("ok    compiler      /usr/bin/cc\n");
    begin(false);
    doctor_compilers(&found, false, NULL, 0);
    CHECK_INT(found.counts[FINDING_NOTE], 2);
    check_said("note  compiler      this machine has none");
    begin(false);
    doctor_compilers(&found, true, "/usr/bin/cc", LACKS_FILTER);
    check_said("note  compiler      /usr/bin/cc is not used");
}

TEST(test_limits_memory_and_room)
{
    begin(false);
    doctor_limits(&found, 8192, 0);
    doctor_memory(&found, (uint64_t)4 << 30, (uint64_t)1 << 30);
    doctor_memory(&found, (uint64_t)4 << 30, UINT64_MAX);
    doctor_disk(&found, "/d", (uint64_t)4 << 30, (uint64_t)2 << 30);
    CHECK_INT(found.counts[FINDING_OK], 5);
    check_said("ok    memory        4.0G, of which 1.0G are left\n");
    begin(false);
    doctor_limits(&found, 8191, 1);
    CHECK_INT(found.counts[FINDING_NOTE], 2);
    check_said("note  descriptors   8191 at most");
    begin(false);
    doctor_memory(&found, (uint64_t)4 << 30, (uint64_t)255 << 20);
    check_said("note  memory        4.0G, of which only 255.0M are left\n");
    begin(false);
    doctor_disk(&found, "/d", (uint64_t)1 << 30, (uint64_t)1 << 29);
    check_said("note  disk          1.0G are left at /d: a node keeps objects of 512.0M at most\n");
    begin(false);
    doctor_disk(&found, "/d", ((uint64_t)12 << 20) - 1, 0);
    CHECK_INT(found.counts[FINDING_BAD], 1);
    check_said("are left at /d: too few for a journal and its reserve\n      try: ");
}

/* One of 10 days, at this time of its life. */
static void check_certificate(bool renewable, bool in_use, bool fits, int64_t after_s,
                              const char *line)
{
    const struct doctor_certificate c = {
        .what = "user",
        .path = "/h/user.pem",
        .card = {BEGIN_S, BEGIN_S + 10 * DAY_S, BEGIN_S + 5 * DAY_S, true, fits},
        .renewable = renewable,
        .in_use = in_use};
    begin(false);
    doctor_certificate(&found, &c, BEGIN_S + after_s);
    check_said(line);
}

TEST(test_a_certificate_through_its_life)
{
    check_certificate(true, true, true, 0,
                      "ok    certificate   of user: ends on 2027-01-25T08:00:00Z, renewed from "
                      "2027-01-20T08:00:00Z on\n");
    check_certificate(true, true, true, -1, "bad   certificate   of user: good from 2027-01-15T");
    check_certificate(true, false, false, 1,
                      "bad   certificate   of user: it does not belong to this mesh and key\n"
                      "      try: rm /h/user.pem, and the next start makes another\n");
    check_certificate(false, false, false, 1,
                      "bad   certificate   of user: it does not belong to this mesh and key\n"
                      "      try: velum join --renew; ");
    check_certificate(true, false, true, 6 * DAY_S,
                      "ok    certificate   of user: ends on 2027-01-25T08:00:00Z; the next start");
    check_certificate(true, true, true, 5 * DAY_S + 3600, "ok    certificate   of user: ends on ");
    check_certificate(true, true, true, 5 * DAY_S + 3601, "note  certificate   of user: ends on ");
    check_certificate(false, true, true, 5 * DAY_S,
                      "note  certificate   of user: ends on 2027-01-25T08:00:00Z, and no issuer "
                      "has renewed it\n      try: velum join --renew");
    check_certificate(true, false, false, 10 * DAY_S, "note  certificate   of user: ended on ");
    check_certificate(true, true, false, 10 * DAY_S, "bad   certificate   of user: ended on ");
    check_certificate(false, false, false, 10 * DAY_S,
                      "bad   certificate   of user: ended on 2027-01-25T08:00:00Z, and no issuer "
                      "has renewed it\n      try: set the clock: timedatectl set-ntp true; or, if "
                      "it is right, velum join --renew");
}

static void check_revoked(bool made_here, const char *reason, const char *line)
{
    struct doctor_certificate c = {
        .what = "user",
        .path = "/h/user.pem",
        .card = {BEGIN_S, BEGIN_S + 10 * DAY_S, BEGIN_S + 5 * DAY_S, true, true},
        .renewable = made_here,
        .revocation = {.is = true}};
    text_copy(c.revocation.reason, sizeof c.revocation.reason, reason);
    begin(false);
    doctor_certificate(&found, &c, BEGIN_S);
    check_said(line);
}

TEST(test_a_key_that_was_revoked_is_good_for_nothing)
{
    check_revoked(
        true, "lost",
        "bad   certificate   of user: its key was revoked: lost: no node of its mesh lets "
        "it in\n      try: rm /h/user.pem /h/user.key, and the next start makes another\n");
    check_revoked(
        false, "",
        "bad   certificate   of user: its key was revoked: no node of its mesh lets it in\n"
        "      try: velum leave --force, and velum join STRING with another key\n");
}

/* Keys of the mesh are asked for on the machine only that has had them. */
TEST(test_a_certificate_whose_issuer_is_lost)
{
    const struct doctor_certificate c = {
        .what = "user", .card = {0, BEGIN_S, 0, true, true}, .lost_issuer = true};
    begin(false);
    doctor_certificate(&found, &c, BEGIN_S);
    check_said("and nothing here can renew it\n      try: set the clock: timedatectl set-ntp true; "
               "or, if it is right, issuer.key, from a copy of this folder\n");
}

/* One of a year, at this time before its end. */
static void check_issuer(bool has_root_key, bool has_key, int64_t before_s, const char *line)
{
    const struct doctor_certificate c = {
        .what = "issuer",
        .path = "/h/issuer.pem",
        .card = {BEGIN_S, BEGIN_S + 365 * DAY_S, BEGIN_S + 182 * DAY_S, has_key, true},
        .renewable = has_root_key};
    begin(false);
    doctor_issuer(&found, &c, has_key, BEGIN_S + 365 * DAY_S - before_s);
    check_said(line);
}

TEST(test_the_end_of_an_issuer_without_the_root_key_is_told_in_time)
{
    check_issuer(true, true, 300 * DAY_S, "ok    certificate   of issuer: ends on 2028-01-15T");
    check_issuer(true, true, DAY_S, "; the next start renews it\n");
    check_issuer(false, true, 60 * DAY_S + 1,
                 "ok    certificate   of issuer: ends on 2028-01-15T08:00:00Z, and the root's key, "
                 "which renews it, is not on this machine: from then on nobody can join, and no "
                 "certificate of the mesh is good\n");
    check_issuer(false, true, 60 * DAY_S, "note  certificate   of issuer: ends on 2028-01-15T");
    check_issuer(false, true, 1, "      try: velum ca import-root FILE, with the file that velum");
    check_issuer(false, true, 0, "bad   certificate   of issuer: ended on 2028-01-15T08:00:00Z");
    check_issuer(false, false, DAY_S,
                 "ok    certificate   of issuer: ends on 2028-01-15T08:00:00Z, "
                 "and is renewed where the mesh was made\n");
    check_issuer(false, false, 0, "bad   certificate   of issuer: ended on ");
}

static void check_peer(const struct node_view *v, const char *line)
{
    struct doctor_peers p = {.f = &found, .tier_lacks = LACKS_CGROUP};
    begin(false);
    doctor_peer(&p, v);
    fprintf(found.to, "%u well\n", p.well);
    check_said(line);
}

TEST(test_what_a_node_says_of_others_and_itself)
{
    struct node_view v = {.name = "b", .addr = "h:1", .version = VELUM_VERSION};
    v.state = NODE_ALIVE;
    check_peer(&v, "1 well\n");
    v.state = NODE_LEFT;
    check_peer(&v, "0 well\n");
    v.state = NODE_DEAD;
    check_peer(&v, "note  peer          b (h:1) is dead\n      try: start it again");
    v.state = NODE_ALIVE;
    memcpy(v.version, "0.0.1", 6);
    check_peer(&v, "note  peer          b is of version 0.0.1, and this velum of " VELUM_VERSION);
    v = (struct node_view){.name = "a", .version = VELUM_VERSION, .self = true, .lag_us = 300000};
    v.state = NODE_ALIVE;
    check_peer(&v, "note  lag           node a was late by 0.3 s lately\n");
    v.tier_lacks = LACKS_LANDLOCK | LACKS_NAMESPACES;
    v.tier = TIER_S1;
    check_peer(&v, "note  tier          node a is of S1, it lacked Landlock and namespaces");
    v.tier_lacks = 0;
    v.tier = TIER_S3;
    check_peer(&v, "ok    tier          node a, which runs, is of S3\n");
}

#define UDP_REST                                                                                   \
    " 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000097a72f0b 0"

TEST(test_a_socket_for_beacons_is_known_in_the_tables_of_the_system)
{
    CHECK_INT(discovery_socket("  9: 4C56FFEF:1F41 00000000:0000" UDP_REST), 12345);
    CHECK_INT(discovery_socket("  9: 00000000000000000000000000000000:1F41 "
                               "00000000000000000000000000000000:0000" UDP_REST),
              12345);
    CHECK_INT(discovery_socket("  9: 4C56FFEF:1F42 00000000:0000" UDP_REST), 0);
    CHECK_INT(discovery_socket("  9: 0100007F:1F41 00000000:0000" UDP_REST), 0);
    CHECK_INT(discovery_socket("  sl  local_address rem_address   st tx_queue"), 0);
}

TEST_MAIN(test_what_is_not_ok_says_what_to_do_and_the_end_counts,
          test_a_tier_is_told_with_what_it_lacks, test_compilers, test_limits_memory_and_room,
          test_a_certificate_through_its_life, test_a_key_that_was_revoked_is_good_for_nothing,
          test_a_certificate_whose_issuer_is_lost,
          test_the_end_of_an_issuer_without_the_root_key_is_told_in_time,
          test_what_a_node_says_of_others_and_itself,
          test_a_socket_for_beacons_is_known_in_the_tables_of_the_system)
