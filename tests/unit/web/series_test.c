/* SPDX-License-Identifier: MIT */
#include "web/series.h"

#include "base/meter.h"
#include "bytes.h"

Test(web_series, number)
{
    static const struct {
        double value;
        const char *want;
    } rows[] = {
        {0, "0"},
        {1, "1"},
        {-1, "-1"},
        {9007199254740991.0, "9007199254740991"},
        {1e6, "1000000"},
        {0.25, "0.250000"},
        {1795286359.223992, "1795286359.223992"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got = {0};
        series_number(&got, rows[i].value);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "want %s, got %s", rows[i].want,
                         buf_cstr(&got));
        buf_free(&got);
    }
}

Test(web_series, labels)
{
    struct buf got = {0};
    struct series s;
    static const char want[] = "# TYPE m gauge\n"
                               "# HELP m Help.\n"
                               "m{a=\"x\\\"\\\\\\n\",b=\"\xef\xbf\xbd\"} 2\n"
                               "# TYPE one gauge\n"
                               "# HELP one Of one.\n"
                               "one 0.500000\n";
    series_begin(&s, &got, "m", SERIES_SUM, "Help.", "a", "b");
    series_put(&s, 2, "x\"\\\n", "\xff");
    series_end(&s);
    series_one(&got, "one", "Of one.", 0.5);
    cr_expect_str_eq(buf_cstr(&got), want, "want\n%s\ngot\n%s", want, buf_cstr(&got));
    buf_free(&got);
}

/* Beyond METER_SERIES there is one line more, of the rule's making. */
Test(web_series, other)
{
    static const struct {
        enum series_rule rule;
        size_t extra;
        const char *want; /* at the end; NULL: no such line */
    } rows[] = {
        {SERIES_SUM, 0, NULL},
        {SERIES_SUM, 3, "m{a=\"other\"} -6\n"},
        {SERIES_MOST, 3, "m{a=\"other\"} -1\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got = {0};
        struct series s;
        char name[32];
        series_begin(&s, &got, "m", rows[i].rule, "Help.", "a", NULL);
        for (size_t n = 0; n < METER_SERIES + rows[i].extra; n++) {
            (void)snprintf(name, sizeof name, "g%zu", n);
            series_put(&s, n < METER_SERIES ? 7 : (double)METER_SERIES - (double)n - 1, name, NULL);
        }
        series_end(&s);
        const char *at = strstr(buf_cstr(&got), "m{a=\"other\"}");
        cr_expect_str_eq(at ? at : "", rows[i].want ? rows[i].want : "", "row %zu: got %s", i,
                         at ? at : "nothing");
        buf_free(&got);
    }
}

/* One that is called so is part of that line. */
Test(web_series, called_other)
{
    static const char *const places[] = {"first", "last"};
    for (size_t place = 0; place < COUNT(places); place++) {
        struct buf got = {0};
        struct series s;
        char name[32];
        series_begin(&s, &got, "m", SERIES_SUM, "Help.", "a", NULL);
        if (place == 0)
            series_put(&s, 1, "other", NULL);
        for (size_t n = 0; n < METER_SERIES + 1; n++) {
            (void)snprintf(name, sizeof name, "g%zu", n);
            series_put(&s, 2, name, NULL);
        }
        if (place == 1)
            series_put(&s, 1, "other", NULL);
        series_end(&s);
        const char *at = strstr(buf_cstr(&got), "m{a=\"other\"}");
        cr_expect_str_eq(at ? at : "", "m{a=\"other\"} 3\n", "%s: got %s", places[place],
                         at ? at : "nothing");
        buf_free(&got);
    }
}
