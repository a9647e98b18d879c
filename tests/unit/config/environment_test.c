/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "bytes.h"
#include "config/config.h"

/* DATABASE_URL is honoured, SPOOLGATE_* comes after it, empty ones don't count. */
Test(config_environment, variables)
{
    static const struct {
        const char *url, *database, *format;
        const char *want_database, *want_error;
        uint64_t want_format;
    } cases[] = {
        {NULL, NULL, NULL, "", "", LOG_FORMAT_LOGFMT},
        {"postgres://a", NULL, NULL, "postgres://a", "", LOG_FORMAT_LOGFMT},
        {"postgres://a", "dbname=b", NULL, "dbname=b", "", LOG_FORMAT_LOGFMT},
        {"postgres://a", "", NULL, "postgres://a", "", LOG_FORMAT_LOGFMT},
        {"", NULL, "json", "", "", LOG_FORMAT_JSON},
        {NULL, NULL, "xml", "",
         "environment SPOOLGATE_LOG_FORMAT: `log.format` can't be `xml`; it is one of logfmt, json",
         LOG_FORMAT_LOGFMT},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config c;
        cr_assert_eq(clearenv(), 0);
        if (cases[i].url)
            (void)setenv("DATABASE_URL", cases[i].url, 1);
        if (cases[i].database)
            (void)setenv("SPOOLGATE_DATABASE", cases[i].database, 1);
        if (cases[i].format)
            (void)setenv("SPOOLGATE_LOG_FORMAT", cases[i].format, 1);
        config_init(&c);
        struct err e = config_load_environment(&c);
        cr_expect_str_eq(e.text, cases[i].want_error, "row %zu\nwant: %s\n got: %s", i,
                         cases[i].want_error, e.text);
        cr_expect_str_eq(c.database, cases[i].want_database, "row %zu: want %s, got %s", i,
                         cases[i].want_database, c.database);
        cr_expect_eq(c.log_format, cases[i].want_format, "row %zu: format %zu", i,
                     (size_t)c.log_format);
        config_free(&c);
    }
}

/* The variables have the names that every flag's help promises. */
Test(config_environment, names)
{
    for (const struct config_key *k = config_keys; k->path; k++)
        if (k->environment)
            cr_expect_eq(strncmp(k->environment, "SPOOLGATE_", 10), 0, "%s is set by %s", k->path,
                         k->environment);
}

Test(config_environment, loaders)
{
    static const struct {
        const char *value;
        unsigned least, most;
    } cases[] = {
        {"auto", 1, CONFIG_LOADERS_MAX}, {"0", 1, CONFIG_LOADERS_MAX}, {"1", 1, 1}, {"8", 8, 8}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config c;
        config_init(&c);
        struct err e = config_set(&c, "loaders", cases[i].value);
        cr_assert(!err_is(&e), "%s", e.text);
        unsigned got = config_loaders(&c);
        cr_expect(got >= cases[i].least && got <= cases[i].most, "loaders: %s gives %u",
                  cases[i].value, got);
        config_free(&c);
    }
}
