/* What is said of whether there is a job, damaged. */
#include "core/node/evidence_peer.h"
#include "core/wire/view.h"
#include "tests/fuzz/fuzz.h"

static void make_evidence(struct buf *out)
{
    struct evidence m = {.job = any_job(), .word = (enum evidence_word)any_below(4)};
    m.state = any_bool() ? 0 : JOB_DONE;
    m.sealed.certificate = any_bytes(CERTIFICATE_SIZE_MAX);
    for (size_t i = 0; i < SIGNATURE_SIZE; i++)
        m.sealed.signature[i] = (uint8_t)any_u32();
    m.sealed.path_count = (uint8_t)any_below(SIGNED_PATH_MAX + 1);
    m.sealed.path_index = m.sealed.path_count > 0 ? (uint16_t)any_below(2) : 0;
    put_evidence(out, &m);
}

FUZZ_AGAIN(evidence, evidence, read_evidence, put_evidence)

TEST(damaged_words_about_whether_there_is_a_job_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"EVIDENCE", evidence_again, make_evidence, true, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_words_about_whether_there_is_a_job_are_refused_or_mean_one_thing)
