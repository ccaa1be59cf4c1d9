/* The node's settings: every refusal names file, line and key, and the file that is shipped says
 * what the program says. Runs in any folder; finds conf/velum.conf from VELUM_ROOT or from here. */
#include "core/host/cgroup.h"
#include "core/host/conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "tests/lib/check.h"

static struct conf conf;
static char message[CONF_MESSAGE_SIZE];
static char path[64];

static int read_bytes(const char *text, size_t len)
{
    snprintf(path, sizeof path, "/tmp/velum-conf-XXXXXX");
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    CHECK_INT(write(fd, text, len), (long long)len);
    close(fd);
    conf_default(&conf);
    memset(message, 'x', sizeof message);
    int rc = conf_read(&conf, path, message);
    unlink(path);
    return rc;
}

static int read_text_conf(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void check_refused(const char *text, const char *line, const char *key)
{
    CHECK(read_text_conf(text) < 0);
    bool named = strstr(message, path) && strstr(message, line) && strstr(message, key);
    if (!CHECK(named))
        printf("# %s\n", message);
}

TEST(defaults_and_every_key)
{
    conf_default(&conf);
    CHECK_INT(conf.port, 8001);
    CHECK_STR(conf.bind, "");
    CHECK(conf.build);
    CHECK_INT(conf_read(&conf, NULL, message), 0);
    CHECK_INT(read_text_conf("# hello\r\n\r\n[node]\r\nport = 9000\n  ; indented comment\n"
                             "bind: ::1\npeer=a.example:8001\npeer = [2001:db8::1]:8002\n"
                             "name = quiet-otter\nslots = 4\nworker_mem = 512M\n"
                             "cgroups = no\nworker_seconds = 60\ndata=/tmp/a;b\nplugins = ./p  "
                             "\nbuild = no\nobjects = 3G"),
              0);
    CHECK_STR(message, "");
    CHECK_INT(conf.port, 9000);
    CHECK_STR(conf.bind, "::1");
    CHECK_INT(conf.peers_count, 2);
    CHECK_STR(conf.peers[1], "[2001:db8::1]:8002");
    CHECK_STR(conf.name, "quiet-otter");
    CHECK_INT(conf.slots, 4);
    CHECK_INT(conf.worker_memory, 512 << 20);
    CHECK_INT(conf.worker_seconds, 60);
    CHECK_INT(conf.cgroups, CGROUP_NO);
    CHECK_STR(conf.data, "/tmp/a;b");
    CHECK_STR(conf.plugins, "./p");
    CHECK(!conf.build);
    CHECK(conf.objects == (uint64_t)3 << 30);
}

TEST(an_empty_file_changes_nothing)
{
    CHECK_INT(read_text_conf(""), 0);
    CHECK_INT(read_text_conf("\n\n[node]\n"), 0);
    CHECK_INT(conf.port, 8001);
}

TEST(bad_values)
{
    static const char *const bad[] = {"worker_mem = 63M",
                                      "worker_mem = much",
                                      "cgroups = maybe",
                                      "worker_seconds = 0",
                                      "worker_seconds = 1h",
                                      "port = 0",
                                      "port = 65536",
                                      "port = -1",
                                      "port = 8001x",
                                      "port =",
                                      "port = 1 2",
                                      "bind = example",
                                      "bind = 256.1.1.1",
                                      "bind =",
                                      "peer = host",
                                      "peer = host:0",
                                      "peer = :8001",
                                      "peer = host:99999",
                                      "peer = a b:1",
                                      "peer = [zz]:1",
                                      "peer = [1.2.3.4]:1",
                                      "peer = ::1:8001",
                                      "name = Upper",
                                      "name = -a",
                                      "name =",
                                      "name = a_b",
                                      "slots = 0",
                                      "slots = 1025",
                                      "slots = many",
                                      "data =",
                                      "plugins =",
                                      "build = yes",
                                      "build =",
                                      "objects = much",
                                      "objects = 1048577T",
                                      "mem = 0",
                                      "mem = lots",
                                      "discovery = maybe",
                                      "label = a=b=c",
                                      "plugin_tier = S4",
                                      "plugin_jobs = some",
                                      "plugin_allow = 00112233",
                                      "keep_days = 0",
                                      "keep_memory = 1K",
                                      "keep_memory = all",
                                      "peer = .host:1",
                                      "peer = -host:1",
                                      "peer = [::1:1",
                                      "peer = [::1]x:1",
                                      "data = a\x7f",
                                      "port = 8001 # web"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128], key[16] = "";
        snprintf(text, sizeof text, "[node]\n\n%s\n", bad[i]);
        memcpy(key, bad[i], strcspn(bad[i], " "));
        check_refused(text, "line 3", key);
        CHECK(strstr(message, "allowed is"));
    }
}

TEST(bad_lines)
{
    check_refused("[node]\nport = 1\nport = 2\n", "line 3", "port");
    check_refused("[node]\nprot = 1\n", "line 2", "did you mean port");
    check_refused("[node]\nfrobnicate = 1\n", "line 2", "frobnicate");
    check_refused("port = 1\n", "line 1", "port");
    check_refused("[mesh]\nport = 1\n", "line 1", "[node]");
    check_refused("[node] junk\nport = 1\n", "line 1", "[node]");
    check_refused("[node\nport = 1\n", "line 1", "[node]");
    check_refused("[node]\nport = 1\n  slots = 4\n", "line 3", "slots");
    check_refused("[node]\ndata = /a ;comment\n", "line 2", "data");
    check_refused("[node]\nport\n", "line 2", "port");
    check_refused("[node]\n\n\n= 5\n", "line 4", "key = value");
    check_refused("[node]\nport = 1\nname = B\nslots = x", "line 3", "name");
    CHECK(read_bytes("[node]\nport = 1\0\n", 17) < 0);
    CHECK(strstr(message, "line 2"));
    CHECK(read_text_conf("[node]\n\033[31m = 5\n") < 0);
    CHECK(!strchr(message, '\033'));
}

TEST(long_lines_and_files)
{
    static char text[70000];
    char want[1100];
    for (size_t n = 100; n <= 1000; n += 50) { /* more than the library carries itself */
        memset(want, 'd', n);
        want[0] = '/';
        want[n] = '\0';
        snprintf(text, sizeof text, "[node]\ndata = %s\nport = 7\n", want);
        CHECK_INT(read_text_conf(text), 0);
        CHECK_STR(conf.data, want);
        CHECK_INT(conf.port, 7);
    }
    memset(want, 'n', 300);
    want[300] = '\0';
    snprintf(text, sizeof text, "[node]\nname = %s\n", want);
    check_refused(text, "line 2", "name");
    snprintf(text, sizeof text, "[node]\n%s = 1\n", want);
    check_refused(text, "line 2", "key");
    memset(text, 'a', 1100);
    memcpy(text, "[node]\nplugins = ", 17);
    text[1100] = '\0';
    check_refused(text, "line 2", "plugins");
    memset(text, '\n', sizeof text);
    CHECK(read_bytes(text, sizeof text) < 0);
    CHECK(strstr(message, path));
    CHECK_INT(read_bytes(text, 65536), 0);
}

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

TEST(words_that_are_allowed_say_what_they_say)
{
    CHECK_INT(read_text_conf("[node]\nbind = localhost\ndiscovery = no\nplugin_jobs = listed\n"
                             "plugin_tier = S1\nmem = 1G\nkeep_memory = 64M\n"),
              0);
    CHECK_STR(conf.bind, "localhost");
    CHECK(!conf.discovery);
    CHECK_INT(conf.memory, 1 << 30);
    CHECK_INT(conf.keep_memory, 64 << 20);
    CHECK_INT(read_text_conf("[node]\ndiscovery = yes\nplugin_jobs = none\n"), 0);
    CHECK(conf.discovery);
}

TEST(plugins_that_are_allowed_are_bounded)
{
    conf_default(&conf);
    for (int i = 0; i < CONF_ALLOW_MAX; i++)
        CHECK_INT(conf_set(&conf, "plugin_allow", DIGEST, message), 0);
    CHECK_INT(conf_set(&conf, "plugin_allow", DIGEST, message), ERR_ARGUMENT);
    CHECK_INT(conf.plugin_allow_count, CONF_ALLOW_MAX);
    CHECK_INT(conf.plugin_allow[0].bytes[1], 0x11);
}

TEST(each_key_has_a_default_and_an_effect)
{
    const char *text = NULL, *effect = NULL;
    uint32_t count = 0;
    for (; conf_key(count, NULL, NULL); count++) {
        CHECK(conf_key(count, &text, &effect) != NULL);
        CHECK(text[0] != 0 && effect[0] != 0);
    }
    CHECK(count > 10);
}

TEST(peers_are_bounded)
{
    char peer[32];
    conf_default(&conf);
    for (int i = 1; i <= CONF_PEERS_MAX; i++) {
        snprintf(peer, sizeof peer, "h:%d", i);
        CHECK_INT(conf_set(&conf, "peer", peer, message), 0);
    }
    CHECK_INT(conf_set(&conf, "peer", "h:1", message), 0); /* once more is no second */
    CHECK_INT(conf.peers_count, CONF_PEERS_MAX);
    CHECK_INT(conf_set(&conf, "peer", "h:99", message), ERR_ARGUMENT);
    CHECK(strstr(message, "64"));
}

TEST(flags_have_the_same_checks)
{
    conf_default(&conf);
    CHECK_INT(conf_set(&conf, "port", "70000", message), ERR_ARGUMENT);
    CHECK(strstr(message, "port") && strstr(message, "70000") && strstr(message, "65535"));
    CHECK_INT(conf_set(&conf, "colour", "red", message), ERR_NOT_FOUND);
    CHECK_INT(conf.port, 8001);
}

TEST(what_is_no_file)
{
    CHECK(conf_read(&conf, "/nowhere/velum.conf", message) < 0);
    CHECK(strstr(message, "/nowhere/velum.conf"));
    CHECK(conf_read(&conf, "/tmp", message) < 0);
    CHECK(strstr(message, "/tmp"));
}

TEST(the_shipped_file_says_what_the_program_says)
{
    static char text[65536], bare[65536];
    const char *root = getenv("VELUM_ROOT");
    char file[1024];
    snprintf(file, sizeof file, "%s/conf/velum.conf", root ? root : ".");
    FILE *in = fopen(file, "re");
    if (!in)
        SKIP("conf/velum.conf is not below this folder; set VELUM_ROOT");
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    fclose(in);
    const char *key, *default_text, *effect;
    uint32_t count = 0;
    for (; (key = conf_key(count, &default_text, &effect)); count++) {
        char want[512];
        snprintf(want, sizeof want, "# %s: %s\n", key, effect);
        CHECK(strstr(text, want));
        const char *block = strstr(text, want);
        snprintf(want, sizeof want, "# Default: %s\n#%s = ", default_text, key);
        CHECK(block && strstr(block, want));
    }
    CHECK_INT(count, 22);
    CHECK_INT(read_text_conf(text), 0);
    /* Every example is allowed: taking the '#' off makes a valid file with as many keys. */
    size_t n = 0;
    uint32_t keys = 0;
    for (const char *at = text; *at; at++) {
        bool begins = at == text || at[-1] == '\n';
        if (begins && *at == '#' && at[1] >= 'a' && at[1] <= 'z')
            keys++;
        else
            bare[n++] = *at;
    }
    bare[n] = '\0';
    CHECK_INT(keys, count);
    CHECK_INT(read_text_conf(bare), 0);
    CHECK_STR(conf.name, "quiet-otter");
    CHECK_STR(conf.plugins, "/usr/local/lib/velum");
}

TEST_MAIN(words_that_are_allowed_say_what_they_say, plugins_that_are_allowed_are_bounded,
          each_key_has_a_default_and_an_effect, defaults_and_every_key,
          an_empty_file_changes_nothing, bad_values, bad_lines, long_lines_and_files,
          peers_are_bounded, flags_have_the_same_checks, what_is_no_file,
          the_shipped_file_says_what_the_program_says)
