#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

/* The scripts in completions/ are the source; the assembler takes their bytes in, so that there is
 * no second copy to keep equal. The compiler runs in the root of the tree. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden " #symbol "\n"                                                                \
            ".globl " #symbol "\n" #symbol ":\n"                                                   \
            ".incbin \"" file "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char symbol[]

EMBED(completion_bash, "completions/velum.bash");
EMBED(completion_zsh, "completions/_velum");
EMBED(completion_fish, "completions/velum.fish");

static int run(const struct call *c)
{
    const char *shell = c->argv[0];
    if (strcmp(shell, "bash") == 0)
        fputs(completion_bash, stdout);
    else if (strcmp(shell, "zsh") == 0)
        fputs(completion_zsh, stdout);
    else if (strcmp(shell, "fish") == 0)
        fputs(completion_fish, stdout);
    else {
        talk_error("there are scripts for bash, zsh and fish, not for \"%.64s\"", shell);
        talk_try("velum completion bash");
        return CODE_MISUSE;
    }
    return CODE_DONE;
}

const struct cmd cmd_completion = {
    .name = "completion",
    .args = "SHELL",
    .summary = "print the completion script of bash, zsh or fish",
    .more = "bash: source <(velum completion bash)\n"
            "zsh:  source <(velum completion zsh)\n"
            "fish: velum completion fish | source",
    .group = GROUP_TOOLS,
    .takes = TAKES_SHELL,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
