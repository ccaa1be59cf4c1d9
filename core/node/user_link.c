#include "core/node/user_link.h"

#include "core/node/act_ask.h"
#include "core/node/aside.h"
#include "core/node/kill.h"
#include "core/node/listing.h"
#include "core/node/objects.h"
#include "core/node/session.h"
#include "core/node/watch.h"

void user_link_down(struct node *n, uint64_t link)
{
    watch_link_down(n, link);
    listings_link_down(n, link);
    kill_link_down(n, link);
    act_asks_link_down(n, link);
    aside_link_down(n, link);
    objects_link_down(n, link);
    session_link_down(n, link);
}
