/* SPDX-License-Identifier: MIT */
#include "web/receipts.h"

#include "bytes.h"

#define ID "01936b2f-1c6e-7000-8000-00000000000a"

Test(web_receipts, set)
{
    static const struct {
        const char *key, *value;
        const char *want; /* "limit gate before", or the problem */
    } rows[] = {
        {"limit", "1", "1  "},
        {"limit", "500", "500  "},
        {"limit", "007", "7  "},
        {"gate", "fast-1", "50 fast-1 "},
        {"before", ID, "50  " ID},
        {"before", "01936B2F-1C6E-7000-8000-00000000000A", "50  " ID},
        {"limit", "0", "limit has to be a number from 1 to 500"},
        {"limit", "501", "limit has to be a number from 1 to 500"},
        {"limit", "-1", "limit has to be a number from 1 to 500"},
        {"limit", "1 ", "limit has to be a number from 1 to 500"},
        {"limit", "1e2", "limit has to be a number from 1 to 500"},
        {"limit", "", "limit has to be a number from 1 to 500"},
        {"limit", "99999999999999999999", "limit has to be a number from 1 to 500"},
        {"limit", NULL, "limit has to be a number from 1 to 500"},
        {"gate", "", "gate has to be the name of a gate"},
        {"gate", "../x", "gate has to be the name of a gate"},
        {"gate", "a'; --", "gate has to be the name of a gate"},
        {"gate", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "gate has to be the name of a gate"},
        {"before", "x", "before has to be the batch_id of a receipt"},
        {"before", ID "0", "before has to be the batch_id of a receipt"},
        {"limt", "5", "the parameters are limit, gate and before"},
        {"", NULL, "the parameters are limit, gate and before"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct receipts_query q = RECEIPTS_QUERY;
        char got[BYTES_TEXT];
        char problem[RECEIPTS_PROBLEM];
        if (receipts_set(&q, rows[i].key, rows[i].value, problem))
            (void)snprintf(got, sizeof got, "%u %s %s", q.limit, q.gate, q.before);
        else
            (void)snprintf(got, sizeof got, "%s", problem);
        cr_expect_str_eq(got, rows[i].want, "%s=%s: want %s, got %s", rows[i].key,
                         rows[i].value ? rows[i].value : "(none)", rows[i].want, got);
    }
}
