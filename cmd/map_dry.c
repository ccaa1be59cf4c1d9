#include "cmd/map_dry.h"

#include <stdio.h>
#include <string.h>

#include "cmd/map_item.h"
#include "cmd/map_show.h"
#include "cmd/talk.h"
#include "core/host/shell_word.h"

/* Here they are words of the kernel in any case; `run` would look among them for its options. */
static bool look_like_options(const struct map_words *words)
{
    for (int i = 0; i < words->count; i++)
        if (words->list[i][0] == '-' && words->list[i][1])
            return true;
    return false;
}

static void print_command(const char *kernel, const struct map_words *words)
{
    static char word[SHELL_WORD_SIZE(ARG_SIZE_MAX)];
    printf("velum run %s%s", kernel, look_like_options(words) ? " --" : "");
    for (int i = 0; i < words->count; i++) {
        word[0] = '\0';
        shell_word(word, sizeof word, words->list[i]);
        printf(" %s", word);
    }
    putchar('\n');
}

/* 0, or the exit code to stop with. */
static int show_one(const struct map_log *log, const struct map_task *task,
                    const struct map_input *in)
{
    static struct map_words words;
    const char *command;
    int rc = map_words_make(&words, task->argc, task->argv, in);
    if (rc < 0) {
        map_show_large(in->seq, rc);
        return CODE_MISUSE;
    }
    switch (map_item_past(log, task->resume_failed, task->kernel, &words, in, &command)) {
    case MAP_PAST_NONE:
        print_command(task->kernel, &words);
        return 0;
    case MAP_PAST_OTHER:
        map_show_other(in->seq, command);
        return CODE_MISUSE;
    default:
        return 0;
    }
}

int map_dry_run(struct map_inputs *inputs, const struct map_log *log, const struct map_task *task)
{
    char message[MAP_MESSAGE_SIZE];
    struct map_input in;
    int rc, code = 0;
    while (code == 0 && (rc = map_inputs_next(inputs, &in, message)) != 0) {
        if (rc == MAP_LATER) {
            map_inputs_wait(inputs);
        } else if (rc > 0) {
            code = show_one(log, task, &in);
        } else {
            talk_error("%s", message);
            talk_try("velum help map");
            code = CODE_MISUSE;
        }
    }
    return code;
}
