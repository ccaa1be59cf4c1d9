#include "core/host/nickname.h"

#include "core/base/text.h"

/* 64 each, so that six bits choose evenly. */
static const char *const adjectives[64] = {
    "able",   "amber",  "ample",  "bold",  "brave",  "brief",  "bright", "brisk",
    "calm",   "candid", "chief",  "clear", "clever", "cosy",   "crisp",  "dapper",
    "deft",   "eager",  "early",  "even",  "fair",   "fancy",  "fleet",  "fond",
    "frank",  "fresh",  "gentle", "glad",  "golden", "grand",  "happy",  "hardy",
    "honest", "humble", "jolly",  "keen",  "kind",   "light",  "lively", "loyal",
    "lucky",  "mellow", "merry",  "mild",  "neat",   "nimble", "noble",  "patient",
    "plain",  "proud",  "quick",  "quiet", "rapid",  "ready",  "silver", "smart",
    "snug",   "steady", "sunny",  "swift", "tidy",   "vivid",  "warm",   "witty",
};

static const char *const animals[64] = {
    "adder",  "badger",  "beaver",  "bison",  "boar",   "buzzard", "camel",   "carp",
    "cat",    "cheetah", "cobra",   "cod",    "condor", "crane",   "cricket", "crow",
    "deer",   "dingo",   "dolphin", "dove",   "eagle",  "eel",     "elk",     "falcon",
    "ferret", "finch",   "fox",     "gecko",  "gibbon", "goose",   "hare",    "heron",
    "hornet", "horse",   "ibex",    "jackal", "jay",    "koala",   "lark",    "lemur",
    "lion",   "lizard",  "lynx",    "marten", "mole",   "moose",   "newt",    "ocelot",
    "orca",   "otter",   "owl",     "panda",  "puffin", "rabbit",  "raven",   "robin",
    "salmon", "seal",    "stork",   "swan",   "tapir",  "toad",    "viper",   "walrus",
};

void name_of_node(struct node_id id, char name[NICKNAME_SIZE])
{
    text_copy(name, NICKNAME_SIZE, adjectives[id.bytes[0] & 63]);
    text_append(name, NICKNAME_SIZE, "-");
    text_append(name, NICKNAME_SIZE, animals[id.bytes[1] & 63]);
}
