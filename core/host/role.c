#include "core/host/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/host/builder.h"
#include "core/host/crew.h"
#include "core/host/mover_process.h"
#include "core/host/sandbox.h"
#include "core/host/spawner.h"
#include "core/host/worker.h"

#define VARIABLE "VELUM_PROCESS"
#define ROLES 7
#define ROLES_NAMED 6
#define APART "apart"

static const char *const names[ROLES_NAMED] = {"",      "spawner", "worker",
                                               "mover", "scratch", "builder"};

/* Filled before anything is forked, so that no allocation and no formatting is needed there. */
static char variables[ROLES][sizeof VARIABLE + 16 + ID_HEX_SIZE];
static char *environments[ROLES][2];

enum role role_of_arguments(int argc, char *const *argv)
{
    if (argc < 2 || argc > 3 || strncmp(argv[1], "__", 2) != 0)
        return ROLE_NONE;
    if (argc == 3)
        return strcmp(argv[1] + 2, names[ROLE_WORKER]) == 0 && strcmp(argv[2], APART) == 0
                   ? ROLE_APART
                   : ROLE_NONE;
    for (int i = ROLE_SPAWNER; i < ROLES_NAMED; i++)
        if (strcmp(argv[1] + 2, names[i]) == 0)
            return (enum role)i;
    return ROLE_NONE;
}

enum role role_of_environment(struct digest *program)
{
    const char *text = getenv(VARIABLE);
    for (int i = ROLE_SPAWNER; text && i < ROLES_NAMED; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(text, names[i], len) != 0 || text[len] != ' ' ||
            strlen(text + len + 1) != 2 * ID_SIZE ||
            id_parse_prefix(text + len + 1, program->bytes) != 2 * ID_SIZE)
            continue;
        role_set_program(*program);
        return (enum role)i;
    }
    return ROLE_NONE;
}

int role_serve(enum role role)
{
    switch (role) {
    case ROLE_SPAWNER:
        spawner_main();
    case ROLE_APART:
        sandbox_apart();
        /* Fall through. */
    case ROLE_WORKER:
        spawner_settle_worker();
        return worker_main();
    case ROLE_MOVER:
        spawner_settle_worker();
        return mover_main(true);
    case ROLE_SCRATCH:
        spawner_settle_worker();
        return mover_main(false);
    case ROLE_BUILDER:
        spawner_settle_worker();
        return builder_main();
    case ROLE_NONE:
        break;
    }
    ensure(!"a role");
    return 1;
}

void role_set_program(struct digest program)
{
    char hex[ID_HEX_SIZE];
    id_hex(program.bytes, 2 * ID_SIZE, hex);
    for (int i = ROLE_SPAWNER; i < ROLES_NAMED; i++) {
        snprintf(variables[i], sizeof variables[i], VARIABLE "=%s %s", names[i], hex);
        environments[i][0] = variables[i];
    }
}

bool role_is_program(void)
{
    return environments[ROLE_SPAWNER][0] != NULL;
}

char *const *role_arguments(enum role role)
{
    static char name[] = "velum", spawner[] = "__spawner", worker[] = "__worker",
                mover[] = "__mover", scratch[] = "__scratch", builder[] = "__builder",
                apart[] = APART;
    static char *const arguments[ROLES][4] = {{name, NULL},
                                              {name, spawner, NULL},
                                              {name, worker, NULL},
                                              {name, mover, NULL},
                                              {name, scratch, NULL},
                                              {name, builder, NULL},
                                              {name, worker, apart, NULL}};
    return arguments[role];
}

char *const *role_environment(enum role role)
{
    return environments[role];
}
