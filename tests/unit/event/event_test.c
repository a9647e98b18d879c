/* SPDX-License-Identifier: MIT */
#include "event/event.h"

#include "bytes.h"

Test(event_event, names)
{
    static const struct {
        const char *name;
        int want; /* EVENT_COUNT: there is none */
    } rows[] = {
        {"gate.open", EVENT_GATE_OPEN},
        {"gate.done", EVENT_GATE_DONE},
        {"embed.start", EVENT_EMBED_START},
        {"kb.ingest.asset.created.v1", EVENT_KB_INGEST_ASSET_CREATED},
        {"kb.index.completed.v1", EVENT_KB_INDEX_COMPLETED},
        {"", EVENT_COUNT},
        {"gate", EVENT_COUNT},
        {"gate.open ", EVENT_COUNT},
        {"GATE.OPEN", EVENT_COUNT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum event_type got;
        bool found = event_find(rows[i].name, &got);
        cr_expect_eq(found, rows[i].want != EVENT_COUNT, "%s: found %d", rows[i].name, found);
        cr_expect_eq((int)got, rows[i].want, "%s: want %d, got %d", rows[i].name, rows[i].want,
                     (int)got);
    }
    for (enum event_type type = 0; type < EVENT_COUNT; type++)
        cr_expect_not_null(event_names[type]);
    cr_expect_null(event_names[EVENT_COUNT]);
}
