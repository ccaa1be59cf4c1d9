/* Folders and locks on this machine: $VELUM_HOME (the mesh folder) and a node's state folder inside
 * or beside it.
 *
 *   $VELUM_HOME/              0700    default $XDG_STATE_HOME/velum, else ~/.local/state/velum
 *     lock                    0600    held while keys and certificates are made
 *     root.key root.pem       0600    the mesh (identity.h)
 *     issuer.key issuer.pem   0600
 *     user.key user.pem       0600
 *     leaving                 0600    what is to be removed of all this (leaving.h)
 *     nodes/PORT/             0700    a node's state, unless --data DIR says otherwise
 *       lock                  0600    held for the node's life; its process id is inside
 *       node.key node.pem     0600
 *       control               0600    a socket
 *       built/                0700    what the machine's compiler made of snippets (builder.h)
 *       *.seg reserve next    0600    the journal, with what recovery cut off in *.torn
 *                                     (core/journal/journal.h)
 *     nodes/PORT.addr         0600    "host:port", one line: where the node listens; written after
 *                                     it listens, removed at its end
 *     nodes/PORT.shut         0600    why it still listens on loopback only, one line; written
 *                                     when it was asked to open (opening.h) and could not
 *
 * Loose permissions (group or world may write, or read for files; another owner; a symbolic link)
 * are refused with the path and what to do. Embedded mode needs none of these folders. */
#ifndef VELUM_HOST_HOME_H
#define VELUM_HOST_HOME_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/id.h"
#include "core/wire/order.h"

#define HOME_PATH_SIZE 1024
#define HOME_PORT_DEFAULT 8001 /* a node's, where none is said */
#define HOME_MESSAGE_SIZE 1280
#define HOME_FILE_MAX 65536 /* of a whole small file */
#define HOME_LEAVING "leaving"

struct home {
    char path[HOME_PATH_SIZE];
};

/* Every function that can fail writes a whole sentence for the user into message:
 * what, where, what to try. */

/* Only computes the path: VELUM_HOME, XDG_STATE_HOME, HOME. ERR_NOT_FOUND when none is set. */
int home_locate(struct home *h, char message[HOME_MESSAGE_SIZE]);
/* The path of a file right in it, of a short name. The home's was bounded by home_locate. */
void home_file(const struct home *h, const char *name, char to[HOME_PATH_SIZE]);
/* Makes it (and parents) when missing, checks owner and modes. ERR_BUSY for one that is half left
 * (leaving.h). */
int home_open(struct home *h, char message[HOME_MESSAGE_SIZE]);
/* Takes $VELUM_HOME/lock, waiting up to 10 s; returns a descriptor to close. */
int home_lock(const struct home *h, char message[HOME_MESSAGE_SIZE]);
/* The same without waiting: ERR_BUSY when somebody else has it. */
int home_try_lock(const struct home *h, char message[HOME_MESSAGE_SIZE]);

/* The state folder of the node on `port`, or `data` when not NULL: made, checked, locked without
 * waiting (ERR_BUSY: the message names the other node's process id). Returns the lock's descriptor
 * and the path, which begins with a slash. */
int home_state_open(const struct home *h, uint16_t port, const char *data,
                    char path[HOME_PATH_SIZE], char message[HOME_MESSAGE_SIZE]);
/* Only computes that path: nothing is made, checked or locked. `h` may be NULL with `data`. */
int home_state_path(const struct home *h, uint16_t port, const char *data,
                    char path[HOME_PATH_SIZE], char message[HOME_MESSAGE_SIZE]);
/* Whether somebody has the lock of a state folder: 1 with the process id (0 when it does not say),
 * or 0. Changes nothing. */
int home_state_holder(const char *path, unsigned long *pid);
/* Where the node on `port` is reached, for other nodes of this user. */
int home_announce(const struct home *h, uint16_t port, const char *addr,
                  char message[HOME_MESSAGE_SIZE]);
void home_withdraw(const struct home *h, uint16_t port);
/* Why that node could not open; "" takes it back. What cannot be written is not said. */
void home_shut(const struct home *h, uint16_t port, const char *why);
/* False when there is none, or it cannot be read. */
bool home_shut_why(const struct home *h, uint16_t port, char why[HOME_MESSAGE_SIZE]);
/* Calls for every announced address, ascending ports; at most 1,024. */
void home_peers(const struct home *h, void (*found)(void *ctx, uint16_t port, const char *addr),
                void *ctx);
/* Calls for every nodes/PORT/control that exists, ascending ports,
 * until the callback returns true. */
void home_controls(const struct home *h, bool (*found)(void *ctx, uint16_t port, const char *path),
                   void *ctx);
/* The same for every state folder nodes/PORT, whether a node runs there or not. */
void home_states(const struct home *h, bool (*found)(void *ctx, uint16_t port, const char *path),
                 void *ctx);
/* SHA-256 of /etc/machine-id and the boot id, under a domain;
 * of the host name when neither is there. */
struct digest home_machine(void);

/* Whole small files (<= 64 KiB): read refuses loose modes, links and what is another's, of
 * certificates too, since they say whom to believe; write is one of staged.h. Two writers at a time
 * are kept apart by the locks above, or by the port that only one can have. */
int home_read_file(const char *path, struct buf *to, char message[HOME_MESSAGE_SIZE]);
/* Refuses loose modes of a file that is not read now; one that is not there is good. */
int home_check_secret(const char *path, char message[HOME_MESSAGE_SIZE]);
int home_write_file(const char *path, struct bytes text, char message[HOME_MESSAGE_SIZE]);
/* "WHAT PATH: why" by errno, and what to try. The code of it. */
int home_say_errno(char message[HOME_MESSAGE_SIZE], const char *what, const char *path);

#endif
