/* A receipt: who computed which leaves of a job that has ended, in the words of one node that holds
 * the job, which signs it. A text of lines, each a word and what belongs to it, that people can
 * read and a machine checks. There is one way to write a receipt: whoever reads it writes it again
 * and compares, so a byte that is not as it was written shows, also where it changes no meaning.
 *
 *   velum-receipt 1
 *   mesh DIGEST             of the root's public key
 *   job DIGEST              the job's id, which is the digest of its specification
 *   author KEY              whose job it is
 *   kernel DIGEST NAME      of the stage whose output is the job's; and its source
 *   stages N
 *   units N
 *   leaf-units N            0 where not all leaves have as many
 *   leaves N                that the result is made of, in the row of all stages
 *   state WORD              as `velum show` has it: done, failed, ...
 *   result DIGEST           only of a job that is done
 *   checked N M             only where checks were asked for: leaves that another node computed
 *                           again and found equal, and that could not be
 *   copies N M              of its outcome: on so many nodes, of so many machines
 *   submitted N             Unix time
 *   written N               Unix time of the node that signs
 *   node I KEY N NAME       node number I from 1 counted N leaves, ascending; by the report that
 *                           came first, whoever computed a leaf again is not counted
 *   nobody N                N leaves were counted by it is not known whom, or which of several
 *   run I FIRST LAST        leaves that node I counted, ascending; 0: nobody is named
 *   hole FIRST LAST         leaves of which nothing is known: nobody computed them, or, of a job
 *                           that is done, it is not known who did
 *   counts N                in place of runs and holes: so many leaves are in holes. Of old jobs,
 *                           and of very large ones, it is not told which leaves are whose
 *   by KEY NAME             who signs
 *   certificate HEX         and with what, in DER
 *   signature HEX           64 bytes over all lines above, under SIGNED_RECEIPT (signed.h)
 *   issuer HEX              the certificate that signed the one above,
 *   root HEX                and the root's: whoever keeps the receipt adds these two,
 *   digest DIGEST           and the SHA-256 of all lines above
 *
 * It is the word of the node that signs. Reports of other nodes carry no signatures that would be
 * kept, so no other node's own word is in it. */
#ifndef VELUM_WIRE_RECEIPT_H
#define VELUM_WIRE_RECEIPT_H

#include "core/wire/signed.h"
#include "core/wire/view.h"

#define SIGNED_RECEIPT "velum receipt 1"
#define RECEIPT_ELSEWHERE "elsewhere "
#define RECEIPT_NODES_MAX 1024u
#define RECEIPT_RUNS_MAX 4096u
#define RECEIPT_SIZE_MAX ((size_t)512 << 10)

struct receipt_node {
    struct node_id id;
    uint64_t leaves;
    char name[NODE_NAME_SIZE];
};
struct receipt_run {
    uint64_t first, end;
    uint32_t node; /* from 1; 0: nobody is named */
};
struct receipt_der {
    uint16_t len;
    uint8_t data[CERTIFICATE_SIZE_MAX];
};

struct receipt {
    struct digest mesh;
    struct job_id job;
    struct node_id author;
    struct digest source;
    char kernel[KERNEL_NAME_SIZE];
    uint32_t stages;
    uint64_t units, leaf_units, leaves;
    uint8_t state; /* enum job_state, a final one */
    struct digest result;
    bool checks;
    uint64_t checked, unchecked;
    uint32_t copies, machines;
    int64_t submitted_s, written_s; /* not below 0 */
    bool counts;                    /* there are no runs */
    uint32_t nodes_count, runs_count;
    uint64_t nobody;  /* leaves */
    uint64_t missing; /* in holes */
    struct receipt_node nodes[RECEIPT_NODES_MAX];
    struct receipt_run runs[RECEIPT_RUNS_MAX];
    struct node_id by;
    char by_name[NODE_NAME_SIZE];
    struct receipt_der certificate;
    uint8_t signature[SIGNATURE_SIZE];
    struct receipt_der issuer, root; /* empty: nobody has added them yet */
};

/* Of a receipt with runs: counts anew what its nodes, nobody and no report have counted. */
void receipt_add_up(struct receipt *r);
/* The lines up to the certificate: what is signed. */
void put_receipt_body(struct buf *b, const struct receipt *r);
/* The line behind them. */
void put_receipt_signature(struct buf *b, const struct receipt *r);
/* All of it, from the first line; without issuer and root it ends with the signature. */
void put_receipt(struct buf *b, const struct receipt *r);
struct receipt_fault {
    uint32_t line; /* the first that is not as it has to be, from 1 */
    const char *what;
};
/* A receipt that does not add up is none. The signature is not checked: *body is what it is over,
 * borrowed from the text. `room` takes what is written again. 0; ERR_FORMAT with the fault; or
 * what became of `room`. */
int read_receipt(struct bytes text, struct buf *room, struct receipt *r, struct bytes *body,
                 struct receipt_fault *fault);
/* The first leaves without a name at or after `at`. False: there are none. */
bool receipt_hole(const struct receipt *r, uint64_t at, struct receipt_run *hole);

#endif
