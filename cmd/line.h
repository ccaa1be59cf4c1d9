/* A command's line to a node: opens it as the user asked for (address, nearest node, or inside this
 * process), asks, and says what went wrong in the command's own words.
 *
 * Owns the connection and, for an embedded run, the spawner. Blocking, one question at a time.
 * Called by every command that talks to a node. */
#ifndef VELUM_CMD_LINE_H
#define VELUM_CMD_LINE_H

#include "cmd/cmd.h"
#include "core/host/ask.h"
#include "core/wire/request.h"

/* The node answered with a REPLY_ERROR, which line_report knows how to say. */
#define LINE_REFUSED (-1000)
#define LINE_ANSWER_MAX_US (30 * S_US)
/* Of a node that does not answer no other command would hear anything either. */
#define LINE_SILENT_HINT "another node: --addr HOST:PORT, or VELUM_ADDR"

struct line;

struct line_options {
    bool embedded_ok;   /* no node: run one inside */
    bool embedded_only; /* --local */
    bool objects;       /* one inside keeps objects: the job has inputs */
    bool foreign;       /* and runs C source */
    bool quiet;         /* say nothing when there is no node; the caller does */
    const char *addr;   /* NULL: by --addr, VELUM_ADDR or the nearest */
};

/* The address that was given by --addr or VELUM_ADDR, or NULL. */
const char *line_addr(const struct call *c);
/* Opens by --addr, VELUM_ADDR or the nearest node. 0, or an exit code after saying what is wrong.
 * Ignores SIGPIPE from here on: a node that dies must not end the command that waits for it. */
int line_open(struct line **out, const struct call *c, const struct line_options *o);
void line_close(struct line *l);
/* Does it with each argument of the call from `from` on, over one line. All of them are tried; the
 * first code that is not 0 is the command's. */
typedef int line_act(struct line *l, const void *ctx, const char *which);
int line_each(const struct call *c, int from, line_act *act, const void *ctx);
bool line_is_embedded(const struct line *l);
/* What signs; NULL after saying why there is none. */
struct identity *line_identity(struct line *l);
/* Appends the payload of KILL, which the user signs. 0 or < 0. */
int line_put_kill(struct line *l, const struct request_kill *m, struct buf *to);
/* Asks for the end of this job, as line_send does. KILLED answers it. */
int line_send_kill(struct line *l, struct job_id id);

/* As ask_control. */
const char *line_control(const struct line *l);

/* Sends a request; every later line_next belongs to it. 0 or < 0. */
int line_send(struct line *l, uint8_t type, struct bytes payload);
/* Sends what belongs to the request that was sent last. 0 or < 0. */
int line_send_on(struct line *l, uint8_t type, struct bytes payload);
/* The next answer: 1 with a frame (borrowed until the next call); 0 when `until` was reached;
 * LINE_REFUSED; ERR_CLOSED; ERR_CANCELLED after ask_wake. */
int line_next(struct line *l, struct instant until, struct frame *out);
/* Sends and takes the first answer, which must be of type `answer`. 0, or < 0 with ERR_TIMEOUT when
 * nothing came for LINE_ANSWER_MAX_US. */
int line_exchange(struct line *l, uint8_t type, struct bytes payload, uint8_t answer,
                  struct frame *out);
/* Takes one answer of the open request: 1 with a frame of type `item`, 0 at END, or < 0. */
int line_item(struct line *l, uint8_t item, struct frame *out);

/* Says what a negative result was and what to try; returns the exit code. */
int line_report(const struct line *l, int rc);
/* The same with what it was about before the node's own sentence: "a.iso: the disk is full". */
int line_report_about(const struct line *l, const char *about, int rc);
/* The last REPLY_ERROR said that the node does not have the kernel. */
bool line_lacks_kernel(const struct line *l);
/* Whether the last REPLY_ERROR said what to try. */
bool line_has_hint(const struct line *l);
/* And what it was, or "". */
void line_hint(const struct line *l, char text[VIEW_ERROR_SIZE]);
/* The exit code inside the last REPLY_ERROR. */
int line_refusal(const struct line *l);
/* All of it, and as if it were the last: to be said after something else was asked. */
struct reply_error line_refused(const struct line *l);
void line_refused_again(struct line *l, const struct reply_error *e);
/* The last REPLY_ERROR was of the user and not of what he asked: his key is revoked. */
bool line_is_shut_out(const struct line *l);
/* Unix time of the act that is later than the one it refused (act_talk.h); 0: that is not why. */
int64_t line_later_s(const struct line *l);
/* The node has gone: one try to reach it again, or another node of this machine.
 * 0 or < 0; says nothing. */
int line_reopen(struct line *l);

#endif
