/* `velum doctor`: what a node has here, or would have, and what to do where that is not well. It
 * changes nothing: no key is made or renewed, no lock kept, and nodes are asked by their control
 * sockets only. */
#include "cmd/doctor.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "config.h"
#include "core/base/text.h"
#include "core/host/cgroup.h"
#include "core/host/compiler.h"
#include "core/host/conf.h"
#include "core/host/machine.h"
#include "core/host/sandbox_landlock.h"
#include "core/host/snippet.h"
#include "core/wire/feature.h"

static const struct opt opts[] = {
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

static void look_at_velum(struct findings *f)
{
    char arch[32];
    machine_arch(arch);
    findings_add(f, FINDING_OK, "velum", NULL, "%s, commit %s, feature level %u, %s", VELUM_VERSION,
                 VELUM_COMMIT, FEATURE_LEVEL, arch);
    if (geteuid() == 0)
        findings_add(f, FINDING_NOTE, "user", "an ordinary user of its own for velum",
                     "root: a node needs no more than an ordinary user has");
    else
        findings_add(f, FINDING_OK, "user", NULL, "%u, an ordinary one", (unsigned)geteuid());
}

static void look_at_workers(struct findings *f, const struct conf *conf)
{
    char compiler[PATH_SIZE_MAX];
    const bool grouped = cgroup_look(&(struct cgroup_options){.mode = conf->cgroups}) == 0;
    const uint8_t lacks = machine_tier_lacks() & (uint8_t) ~(grouped ? LACKS_CGROUP : 0);
    doctor_cage(f, lacks, sandbox_landlock_version());
    if (!(lacks & LACKS_WALLS))
        doctor_group(f, grouped ? NULL : cgroup_reason());
    doctor_compilers(f, snippet_works(), compiler_find(compiler) ? compiler : NULL, lacks);
}

/* What `velum node` would read, if anything. */
static void look_at_settings(struct findings *f, struct conf *conf)
{
    char message[CONF_MESSAGE_SIZE] = "";
    const char *path = getenv("VELUM_CONFIG");
    conf_default(conf);
    if (!path || !path[0])
        return;
    if (conf_read(conf, path, message) < 0)
        findings_add(f, FINDING_BAD, "settings", "mend that line: velum node would not start", "%s",
                     message);
    else
        findings_add(f, FINDING_OK, "settings", NULL, "%s", path);
}

static void look_at_mesh(struct findings *f)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct home home;
    const int64_t now_s = (int64_t)time(NULL);
    if (home_locate(&home, message) < 0) {
        findings_add(f, FINDING_BAD, "folder", "VELUM_HOME=DIR, a folder of yours", "%s", message);
        return;
    }
    doctor_machine(f, &home);
    doctor_modes(f, &home);
    doctor_keys(f, &home, now_s);
    doctor_nodes(f, &home, now_s);
}

static int run(const struct call *c)
{
    static struct conf conf;
    struct findings f;
    if (opt_given(c->opts, "addr")) {
        talk_error("--addr is for commands that talk to a node; this one looks at this machine");
        talk_try("velum doctor");
        return CODE_MISUSE;
    }
    findings_open(&f, stdout, opt_given(c->opts, "json"));
    look_at_velum(&f);
    look_at_settings(&f, &conf);
    look_at_workers(&f, &conf);
    look_at_mesh(&f);
    return findings_close(&f);
}

const struct cmd cmd_doctor = {
    .name = "doctor",
    .args = "",
    .summary = "look at this machine and its nodes, and say what to mend",
    .more = "Works with a node and without. Changes nothing. Exits 1 when something is bad.",
    .group = GROUP_MESH,
    .opts = opts,
    .run = run,
};
