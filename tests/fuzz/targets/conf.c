/* The node's settings, and with them the reader of INI files. */
#include "core/host/conf.h"
#include "tests/fuzz/targets/in_file.h"

void target_one(struct bytes in)
{
    static struct conf c, again;
    char message[CONF_MESSAGE_SIZE];
    in_file("velum.conf", in);
    conf_default(&c);
    int rc = conf_read(&c, "velum.conf", message);
    CHECK((rc == 0) == (message[0] == '\0'));
    CHECK(strchr(message, '\n') == NULL && strlen(message) < sizeof message);
    CHECK(c.peers_count <= CONF_PEERS_MAX && c.plugin_allow_count <= CONF_ALLOW_MAX);
    if (rc < 0)
        return;
    CHECK(memchr(c.name, 0, sizeof c.name) && memchr(c.data, 0, sizeof c.data));
    conf_default(&again);
    CHECK_INT(conf_read(&again, "velum.conf", message), 0);
    CHECK(again.port == c.port && again.slots == c.slots && again.peers_count == c.peers_count);
    CHECK_STR(again.name, c.name);
}

bool target_seed(size_t i, struct buf *out)
{
    static const char *const texts[] = {
        "[node]\nport = 9000\nbind: ::1\nname = quiet-otter\nslots = 4\n",
        "# a\r\n\r\n[node]\r\n  ; b\r\npeer=a.example:8001\npeer = [2001:db8::1]:8002\n",
        "\xef\xbb\xbf[node]\nworker_mem = 512M\ncgroups = no\nworker_seconds = 60\n",
        "[node]\ndata=/tmp/a;b\nplugins = ./p  \nbuild = no\nobjects = 3G",
        "[node]\nlabel = gpu=1\nlabel = disk=ssd\nkeep_days = 3\nkeep_jobs = 10\n",
        "[node]\nport = 1 ; comment\n",
        "[other]\nport = 1\n",
        "[node]\n port = 1\nx\n",
    };
    if (i < sizeof texts / sizeof *texts)
        return in_texts(texts, sizeof texts / sizeof *texts, i, out);
    if (i > sizeof texts / sizeof *texts)
        return false;
    /* Every key, with its default. */
    const char *key, *value, *effect;
    put_raw(out, "[node]\n", 7);
    for (uint32_t k = 0; (key = conf_key(k, &value, &effect)); k++) {
        put_raw(out, key, strlen(key));
        put_raw(out, " = ", 3);
        put_raw(out, value, strlen(value));
        put_u8(out, '\n');
    }
    return true;
}
